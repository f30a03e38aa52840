"""The tasks of a run: each gets its clients from the site, calls one function, returns keys and counts."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from log_router.core.errors import NeedsAction
from log_router.core.windows import Hour, hour_of_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from log_router.core.batches import Batch, RawObject
    from log_router.core.catalog import Catalog
    from log_router.core.events import Event
    from log_router.core.manifests import Manifest
    from log_router.loading import Load
    from log_router.site import Site

PLANNED = "planned"
RELOAD = "reload"
NOTHING: dict[str, Any] = {}


class LogRouterOperator(BaseOperator):
    """A task whose errors are told apart: what a person must mend fails at once, the rest is retried."""

    def execute(self, context: "Context") -> Any:
        """Run the task; a NeedsAction becomes a failure without retry."""
        try:
            return self.work(context)
        except NeedsAction as error:
            raise AirflowFailException(str(error)) from error

    def work(self, context: "Context") -> Any:
        """Do what the task is for."""
        raise NotImplementedError


def hour_of(context: "Context") -> Hour:
    """Return the hour a task's run is for.

    Raises:
        WindowError: the run does not say.
    """
    return hour_of_run(
        context["params"].get("hour"),
        context.get("logical_date"),
        (context.get("data_interval_start"), context.get("data_interval_end")),
    )


class PlanHourOperator(LogRouterOperator):
    """Lists the hour's raw objects and plans those that are not settled; returns one entry a chunk."""

    def __init__(self, *, split_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.split_task_id = split_task_id

    def work(self, context: "Context") -> list[dict[str, Any]]:
        """Plan the hour; bad config fails here, before anything is read."""
        # Imported here: every task process parses the DAG file and would pay for it before its own work.
        from log_router.site import Site  # noqa: PLC0415

        site = Site()
        catalog = site.catalog
        hour = hour_of(context)
        prefix = hour.prefix(site.settings.raw_prefix)
        found = site.store.list_raw(prefix)
        self.log.info("%s: s3://%s/%s", hour, site.settings.raw_bucket, prefix)
        if not found:
            self.log.info("%s: the hour is empty: no raw object below the prefix", hour)
        return self._planned(context, site, catalog, hour.label, found)

    def _planned(
        self, context: "Context", site: "Site", catalog: "Catalog", label: str, found: "Sequence[RawObject]"
    ) -> list[dict[str, Any]]:
        from log_router.planning import Planner  # noqa: PLC0415 - see plan

        planner = Planner(site.store, site.warehouse, site.statements, site.settings, catalog)
        run = f"{context['dag'].dag_id} {context['run_id']}"
        batch = planner.plan(run, label, found, reload=context["params"].get("mode") == RELOAD)
        # The settings go with the batch: what changes in them meanwhile is for later runs.
        settings = site.settings.model_dump(mode="json", by_alias=True)
        planned = {"batch": site.store.put_batch(batch, catalog), "settings": settings}
        context["ti"].xcom_push(key=PLANNED, value=planned)
        chunks = [{"chunk": chunk} for chunk in range(len(batch.chunks))]
        return as_many_as_before(context, self.split_task_id, chunks)


class SplitOperator(LogRouterOperator):
    """Splits one chunk of a batch into parts by event; returns its counts."""

    def __init__(self, *, plan_task_id: str, chunk: dict[str, int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan_task_id = plan_task_id
        self.chunk = chunk

    def work(self, context: "Context") -> dict[str, str | int]:
        """Split the chunk with the catalog its batch was planned with."""
        from log_router.splitting import split_chunk  # noqa: PLC0415 - see plan

        if self.chunk == NOTHING:
            raise AirflowSkipException(
                "this run had more chunks before; this time there is nothing for this one"
            )
        number = self.chunk["chunk"]
        site, key = planned(context, self.plan_task_id)
        batch, catalog = site.store.get_batch(key)
        report = split_chunk(site.store, batch, catalog, number)
        site.store.put_report(batch, number, report)
        counts: dict[str, str | int] = {
            "batch": batch.batch_id,
            "chunk": number,
            "objects": len(report.objects),
            "broken": len(report.broken),
            "lines": sum(raw.lines for raw in report.objects),
            "rows": sum(raw.rows.total() for raw in report.objects),
            "quarantined": sum(raw.quarantined.total() for raw in report.objects),
            "unrouted": sum(raw.unrouted.total() for raw in report.objects),
            "parts": len(report.parts),
        }
        self.log.info("%s: %s", batch.batch_id, counts)
        return counts


class CollectOperator(LogRouterOperator):
    """Adds up the reports of a batch and writes one manifest an event; returns one entry an event."""

    def __init__(self, *, plan_task_id: str, split_task_id: str, load_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan_task_id = plan_task_id
        self.split_task_id = split_task_id
        self.load_task_id = load_task_id

    def work(self, context: "Context") -> list[dict[str, str]]:
        """Write the manifests of all chunks that were split; a chunk that failed keeps its objects pending."""
        from log_router.core.manifests import manifests  # noqa: PLC0415 - see plan

        if not succeeded(context, self.plan_task_id):
            raise AirflowSkipException(f"nothing was planned: see the log of task {self.plan_task_id}")
        site, key = planned(context, self.plan_task_id)
        batch, catalog = site.store.get_batch(key)
        chunks = [counts["chunk"] for counts in results(context, self.split_task_id, batch)]
        reports = [site.store.get_report(batch, chunk) for chunk in chunks]
        reloaded = [event.name for event in catalog.events] if batch.reload else []
        made = manifests(batch.batch_id, batch.config_hash, reports, reloaded)
        rows = sum(manifest.rows for manifest in made)
        self.log.info(
            "%s: %d of %d chunks, %d events, %d rows",
            *(batch.batch_id, len(chunks), len(batch.chunks), len(made), rows),
        )
        loads = [{"event": manifest.event, "load": site.store.put_manifest(manifest)} for manifest in made]
        return as_many_as_before(context, self.load_task_id, loads)


class LoadOperator(LogRouterOperator):
    """Loads one event of a batch into its table, in one transaction; returns its counts."""

    # In a mapped task group Airflow puts the mapped value in with the templates.
    template_fields = ("target",)

    def __init__(self, *, plan_task_id: str, target: dict[str, str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan_task_id = plan_task_id
        self.target = target

    def work(self, context: "Context") -> dict[str, Any]:
        """Load what the ledger lacks of the event."""
        from log_router.core.manifests import Manifest  # noqa: PLC0415 - see plan

        # The name of this mapped task in the UI.
        context["event"] = self.target.get("event", "nothing to load")  # type: ignore[typeddict-unknown-key]
        if self.target == NOTHING:
            raise AirflowSkipException(
                "this run had more events before; this time there is nothing for this one"
            )
        site, key = planned(context, self.plan_task_id)
        _, catalog = site.store.get_batch(key)
        manifest = Manifest.from_load(site.store.get(self.target["load"]))
        load = load_of(site, site.settings.table_schema, catalog.event(manifest.event), manifest)
        outcome = load.run()
        self.log.info(
            "%s: %d rows of %d raw objects loaded; %d raw objects were loaded before; %d rows were taken back",
            *(outcome.event, outcome.rows, outcome.objects, outcome.already_loaded, outcome.taken_back),
        )
        return {"batch": manifest.batch_id, **asdict(outcome)}


class SettleOperator(LogRouterOperator):
    """Records what the batch came to. Always the last task: it fails the run where anything is incomplete."""

    def __init__(self, *, plan_task_id: str, split_task_id: str, load_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan_task_id = plan_task_id
        self.split_task_id = split_task_id
        self.load_task_id = load_task_id

    def work(self, context: "Context") -> dict[str, int]:
        """Record the settled raw objects.

        Raises:
            NeedsAction: raw objects stay pending; says which and why.
        """
        from log_router.core import quarantine  # noqa: PLC0415 - see plan
        from log_router.settling import Settler, unfinished  # noqa: PLC0415

        if not succeeded(context, self.plan_task_id):
            raise NeedsAction(f"nothing was planned: see the log of task {self.plan_task_id}")
        site, key = planned(context, self.plan_task_id)
        batch, catalog = site.store.get_batch(key)
        chunks = [counts["chunk"] for counts in results(context, self.split_task_id, batch)]
        reports = {chunk: site.store.get_report(batch, chunk) for chunk in chunks}
        loaded = {outcome["event"] for outcome in results(context, self.load_task_id, batch)}
        kept = quarantine.manifest(batch.batch_id, batch.config_hash, reports.values())
        site.store.put_manifest(kept)
        load_of(site, site.settings.ledger_schema, quarantine.TABLE, kept).run()
        settler = Settler(site.warehouse, site.statements, site.settings.ledger_schema)
        settlement = settler.settle(batch, catalog, list(reports.values()), loaded)
        self.log.info("%s: %s", batch.batch_id, asdict(settlement))
        problems = unfinished(batch, catalog, reports, loaded)
        if problems:
            raise NeedsAction(
                f"{settlement.incomplete_objects} of {len(batch.objects)} raw objects stay pending; what could be "
                "loaded is. After the remedy, run this hour again:\n" + "\n".join(problems)
            )
        return asdict(settlement)


def load_of(site: "Site", schema: str, event: "Event", manifest: "Manifest") -> "Load":
    """Return the load of a manifest that is written into the table of an event."""
    from log_router.loading import Load  # noqa: PLC0415 - see plan

    return Load(
        warehouse=site.warehouse,
        statements=site.statements,
        settings=site.settings,
        schema=schema,
        event=event,
        manifest=manifest,
        manifest_url=site.store.manifest_url(manifest),
        parts_url=site.store.parts_url(manifest),
    )


def planned(context: "Context", plan_task_id: str) -> "tuple[Site, str]":
    """Return the site with the settings that this run's batch was planned with, and the batch's key."""
    from log_router.core.settings import Settings  # noqa: PLC0415 - see plan
    from log_router.site import Site  # noqa: PLC0415

    found = context["ti"].xcom_pull(task_ids=plan_task_id, key=PLANNED)
    return Site(Settings.model_validate(found["settings"])), found["batch"]


def states_of(context: "Context", task_id: str) -> dict[str, str]:
    """Return the state of each instance of a task of this run, by name.

    An instance that is not mapped, or not yet, has the task's own name; mapped ones have their index behind it.
    """
    run_id = context["run_id"]
    states = context["ti"].get_task_states(dag_id=context["dag"].dag_id, task_ids=[task_id], run_ids=[run_id])
    found: dict[str, str] = states.get(run_id, {})
    return found


def succeeded(context: "Context", plan_task_id: str) -> bool:
    """Tell whether this run's plan task has planned a batch.

    What an earlier try of a cleared run had written does not count: it is still there when plan was not reached.
    """
    return states_of(context, plan_task_id).get(plan_task_id) == "success"


def as_many_as_before(
    context: "Context", task_id: str, entries: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the entries, filled up with `NOTHING` to as many as the mapped task has instances in this run.

    When a run that is cleared maps fewer instances than before, Airflow marks the others removed, and does not
    bring them back in the try after that: their chunks or events would not run. So they are kept, with nothing to do.
    """
    instances = sum(name != task_id for name in states_of(context, task_id))
    return entries + [NOTHING] * (instances - len(entries))


def results(context: "Context", task_id: str, batch: "Batch") -> list[dict[str, Any]]:
    """Return what the successful instances of a mapped task returned for a batch, in no order to rely on.

    A run that is cleared plans a new batch, and may map fewer instances than before: what the others had
    returned then is still there, and belongs to the batch of before.
    """
    returned = context["ti"].xcom_pull(task_ids=[task_id])
    return [result for result in returned if result and result["batch"] == batch.batch_id]
