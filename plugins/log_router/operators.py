"""The tasks behind the plan: each gets its clients from the site, calls one function, returns keys and counts."""

import time
from collections import Counter
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from log_router.core.errors import NeedsAction
from log_router.runs import NOTHING, as_many_as_before, name_instance, planned, results, succeeded

if TYPE_CHECKING:
    from airflow.sdk import Context

    from log_router.core.batches import Batch
    from log_router.core.catalog import Catalog
    from log_router.core.events import Event
    from log_router.core.manifests import Manifest
    from log_router.loading import Load
    from log_router.settling import Settlement
    from log_router.site import Site


class LogRouterOperator(BaseOperator):
    """A task whose errors are told apart: what a person must mend fails at once, the rest is retried."""

    def execute(self, context: "Context") -> Any:
        """Run the task; a NeedsAction becomes a failure without retry."""
        return self.resume(context)

    def resume(self, context: "Context", event: Any = None) -> Any:
        """Run the task as `execute` does, after it has waited in the triggerer."""
        try:
            return self.work(context)
        except NeedsAction as error:
            raise AirflowFailException(str(error)) from error

    def work(self, context: "Context") -> Any:
        """Do what the task is for."""
        raise NotImplementedError


def seconds_since(began: float) -> float:
    """Return how long ago that was, by the monotonic clock, to the millisecond."""
    return round(time.monotonic() - began, 3)


class SplitOperator(LogRouterOperator):
    """Splits one chunk of a batch into parts by event; returns its counts."""

    def __init__(self, *, plan_task_id: str, chunk: dict[str, int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan_task_id = plan_task_id
        self.chunk = chunk

    def work(self, context: "Context") -> dict[str, str | float]:
        """Split the chunk with the catalog its batch was planned with."""
        began = time.monotonic()
        from log_router.keeping import kept  # noqa: PLC0415 - see planner
        from log_router.splitting import split_chunk  # noqa: PLC0415

        if self.chunk == NOTHING:
            raise AirflowSkipException(
                "this run had more chunks before; this time there is nothing for this one"
            )
        number = self.chunk["chunk"]
        site, plan = planned(context, self.plan_task_id)
        batch, catalog = site.store.get_batch(plan["batches"][self.chunk["batch"]])
        name_instance(context, f"chunk {number} {batch.label}")
        with kept(site, plan):
            report = split_chunk(site.store, batch, catalog, number, site.mask_secret(catalog))
        key = site.store.put_report(batch, number, report)
        counts: dict[str, str | float] = {
            "batch": batch.batch_id,
            "chunk": number,
            "report": key,
            "objects": len(report.objects),
            "bytes": sum(raw.size for raw in batch.chunks[number]),
            "broken": len(report.broken),
            "lines": sum(raw.lines for raw in report.objects),
            "rows": sum(raw.rows.total() for raw in report.objects),
            "quarantined": sum(raw.quarantined.total() for raw in report.objects),
            "unrouted": sum(raw.unrouted.total() for raw in report.objects),
            "parts": len(report.parts),
            "seconds": seconds_since(began),
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

    def work(self, context: "Context") -> list[dict[str, Any]]:
        """Write the manifests of all chunks that were split; a chunk that failed keeps its objects pending."""
        from log_router.core.manifests import manifests  # noqa: PLC0415 - see planner

        if not succeeded(context, self.plan_task_id):
            raise AirflowSkipException(f"nothing was planned: see the log of task {self.plan_task_id}")
        site, plan = planned(context, self.plan_task_id)
        loads: list[dict[str, Any]] = []
        for number, key in enumerate(plan["batches"]):
            batch, catalog = site.store.get_batch(key)
            split = results(context, self.split_task_id, batch)
            reports = site.store.get_reports(counts["report"] for counts in split)
            made = manifests(batch, catalog, reports)
            rows = sum(manifest.rows for manifest in made)
            self.log.info(
                "%s: %d of %d chunks, %d events, %d rows",
                *(batch.batch_id, len(split), len(batch.chunks), len(made), rows),
            )
            loads += [
                {"event": manifest.event, "batch": number, "load": site.store.put_manifest(manifest)}
                for manifest in made
            ]
        return as_many_as_before(context, self.load_task_id, loads)


class LoadOperator(LogRouterOperator):
    """Loads one event of a batch into its table, in one transaction; returns its counts."""

    # In a mapped task group Airflow puts the mapped value in with the templates.
    template_fields = ("target",)

    def __init__(self, *, plan_task_id: str, target: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan_task_id = plan_task_id
        self.target = target

    def work(self, context: "Context") -> dict[str, Any]:
        """Load what the ledger lacks of the event."""
        began = time.monotonic()
        from log_router.core.manifests import Manifest  # noqa: PLC0415 - see planner
        from log_router.core.masks import Masks  # noqa: PLC0415
        from log_router.isolating import load_isolating  # noqa: PLC0415
        from log_router.keeping import kept  # noqa: PLC0415

        if self.target == NOTHING:
            raise AirflowSkipException(
                "this run had more events before; this time there is nothing for this one"
            )
        site, plan = planned(context, self.plan_task_id)
        batch, catalog = site.store.get_batch(plan["batches"][self.target["batch"]])
        name_instance(context, f"{self.target['event']} {batch.label}")
        manifest = Manifest.from_load(site.store.get(self.target["load"]))
        load = load_of(site, site.settings.table_schema, catalog.event(manifest.event), manifest)
        with kept(site, plan):
            outcome = load_isolating(load, site.store, batch, Masks(catalog, site.mask_secret(catalog)))
        self.log.info("%s", outcome)
        return {"batch": manifest.batch_id, **asdict(outcome), "seconds": seconds_since(began)}


class SettleOperator(LogRouterOperator):
    """Records what the batch came to. Always the last task: it fails the run where anything is incomplete."""

    def __init__(self, *, plan_task_id: str, split_task_id: str, load_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan_task_id = plan_task_id
        self.split_task_id = split_task_id
        self.load_task_id = load_task_id

    def work(self, context: "Context") -> list[dict[str, Any]]:
        """Record the settled raw objects of each batch; return what each came to.

        Raises:
            NeedsAction: raw objects are not complete, or too many lines are quarantined; says which, why and what to
                do, after everything else is recorded.
        """
        if not succeeded(context, self.plan_task_id):
            raise NeedsAction(f"nothing was planned: see the log of task {self.plan_task_id}")
        site, plan = planned(context, self.plan_task_id)
        if not plan["batches"]:
            # Plan has skipped this task: somebody runs it again.
            return []
        settled, problems = [], []
        for key in plan["batches"]:
            batch, catalog = site.store.get_batch(key)
            try:
                counts, said = self._settle(context, site, plan, batch, catalog)
            except NeedsAction as error:
                # It holds up no other batch.
                problems.append(str(error))
            else:
                settled.append(counts)
                problems += said
        # After the record: a message that was deleted earlier would be lost with what failed.
        problems += _acknowledge(site, plan, catalog)
        if problems:
            # A task that fails returns nothing; the run's page tells of what is settled all the same.
            context["ti"].xcom_push(key="return_value", value=settled)
            raise NeedsAction("\n".join(problems))
        return settled

    def _settle(
        self, context: "Context", site: "Site", plan: dict[str, Any], batch: "Batch", catalog: "Catalog"
    ) -> tuple[dict[str, Any], list[str]]:
        """Record a batch; return what it came to, and what a person must know of it."""
        from log_router.core import quarantine  # noqa: PLC0415 - see planner
        from log_router.core.records import Work  # noqa: PLC0415
        from log_router.core.thresholds import exceeded  # noqa: PLC0415
        from log_router.isolating import Isolations  # noqa: PLC0415
        from log_router.settling import Settler, findings, unfinished  # noqa: PLC0415

        split = results(context, self.split_task_id, batch)
        chunks = [counts["chunk"] for counts in split]
        found = site.store.get_reports(counts["report"] for counts in split)
        reports = dict(zip(chunks, found, strict=True))
        outcomes = results(context, self.load_task_id, batch)
        loaded = {one["event"]: None if one["already_loaded"] else one["loaded_at"] for one in outcomes}
        isolations = Isolations(site.store, site.warehouse, site.statements, site.settings.ledger_schema)
        isolated = [outcome["event"] for outcome in outcomes if outcome["isolated_by"]]
        reports = isolations.corrected(batch, catalog, reports, isolated)
        settler = Settler(site.warehouse, site.statements, site.settings.ledger_schema)
        corrected = list(reports.values())
        left_alone = settler.left_alone(batch, catalog, corrected, loaded.keys())
        _load_quarantined(site, quarantine.manifest(batch, catalog, corrected, left_alone))
        work = Work.of(datetime.fromisoformat(plan["planned_at"]), split, outcomes)
        settlement = settler.settle(batch, catalog, corrected, loaded, work)
        self._tell(batch, outcomes, settlement)
        pending = unfinished(batch, catalog, reports, loaded.keys())
        counts = [raw for report in corrected for raw in report.objects]
        for (event, column), values in sorted(sum((raw.lenient for raw in counts), Counter()).items()):
            self.log.warning(
                "%s: %s.%s: %d values cut or left out: on_error", batch.batch_id, event, column, values
            )
        too_many = exceeded(batch.batch_id, catalog, site.settings, counts, plan["anew"])
        said = []
        if pending or too_many or settlement.reopened:
            said.append(findings(batch, settlement, pending, too_many, plan["again"]))
        return {"batch": batch.batch_id, **settlement.counts()}, said

    def _tell(self, batch: "Batch", outcomes: list[dict[str, Any]], settlement: "Settlement") -> None:
        """Log what was loaded and recorded, and tell Airflow's metrics how fresh it is."""
        from log_router.metrics import emit  # noqa: PLC0415 - see planner

        counted = ("rows", "objects", "already_loaded", "taken_back")
        self.log.info(
            "%s: %d events: %d rows of %d raw objects loaded, %d raw objects loaded before, %d rows taken back",
            *(batch.batch_id, len(outcomes), *(sum(one[key] for one in outcomes) for key in counted)),
        )
        self.log.info("%s: %s", batch.batch_id, settlement.counts())
        if settlement.fresh:
            took = ", ".join(map(str, settlement.fresh))
            self.log.info("%s: seconds from S3 write to load: %s", batch.batch_id, took)
        emit(batch.lane, settlement.fresh)


def _acknowledge(site: "Site", plan: dict[str, Any], catalog: "Catalog") -> list[str]:
    """Acknowledge the messages of a run that has some; return what a person must know of the others."""
    from log_router.core.deliveries import Deliveries  # noqa: PLC0415 - see planner
    from log_router.deliveries import acknowledge  # noqa: PLC0415
    from log_router.planning import Planner  # noqa: PLC0415

    if "deliveries" not in plan:
        return []
    deliveries = Deliveries.from_json(site.store.get(plan["deliveries"]))
    planner = Planner(site.store, site.warehouse, site.statements, site.settings, catalog)
    return acknowledge(site.queue, planner, deliveries)


def _load_quarantined(site: "Site", manifest: "Manifest") -> None:
    from log_router.core import quarantine  # noqa: PLC0415 - see planner

    if manifest.parts:
        site.store.put_manifest(manifest)
    load_of(site, site.settings.ledger_schema, quarantine.TABLE, manifest).run()


def load_of(site: "Site", schema: str, event: "Event", manifest: "Manifest") -> "Load":
    """Return the load of a manifest into the table of an event; the manifest is in staging if it has parts."""
    from log_router.loading import Load  # noqa: PLC0415 - see planner

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
