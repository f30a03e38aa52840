"""The plan tasks: which raw objects a run takes; they differ by trigger, what follows does not."""

import json
import shlex
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from log_router.core.windows import HOUR, Hour, hour_of_run
from log_router.lanes import is_backlog
from log_router.operators import LogRouterOperator
from log_router.runs import PLANNED, as_many_as_before

if TYPE_CHECKING:
    from airflow.sdk import Context

    from log_router.core.batches import Batch, LaneName
    from log_router.planning import Planner
    from log_router.site import Site

RELOAD = "reload"


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


def before(context: "Context", hour: Hour, count: int) -> list[Hour]:
    """Return the hours that a run looks back over, oldest first: none unless it is one of the schedule.

    An hour whose own run is still at work is left to it: else hours that take longer than an hour would be split again
    by each run that follows.
    """
    if context["dag_run"].run_type != "scheduled":
        return []
    hours = [Hour(hour.start - number * HOUR) for number in range(count, 0, -1)]
    dag_id, working = context["dag"].dag_id, ["queued", "running"]
    return [
        each
        for each in hours
        if not context["ti"].get_dr_count(dag_id, logical_dates=[each.start], states=working)
    ]


def run_of(context: "Context") -> str:
    """Return what tells a run from all others of all DAGs."""
    return f"{context['dag'].dag_id} {context['run_id']}"


def lane_of(context: "Context", hour: Hour) -> "LaneName":
    """Return `backfill` for a run that Airflow's backfill made, and for any of an hour that is a day past."""
    return "backfill" if is_backlog(context["dag_run"].run_type, hour.end) else "hourly"


def trigger_of(context: "Context", conf: dict[str, Any]) -> str:
    """Return the command that runs this task's DAG with these parameters."""
    return f"airflow dags trigger {context['dag'].dag_id} --conf {shlex.quote(json.dumps(conf))}"


class PlanOperator(LogRouterOperator):
    """Plans a batch; returns one entry a chunk."""

    def __init__(self, *, split_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.split_task_id = split_task_id

    def planner(self) -> "tuple[Site, Planner]":
        """Return the site and what plans its batches; bad config fails here, before anything is read."""
        # Imported here: every task process parses the DAG file and would pay for it before its own work.
        from log_router.planning import Planner  # noqa: PLC0415
        from log_router.site import Site  # noqa: PLC0415

        site = Site()
        return site, Planner(site.store, site.warehouse, site.statements, site.settings, site.catalog)

    def chunks_of(
        self, context: "Context", site: "Site", planner: "Planner", batch: "Batch", notes: dict[str, str]
    ) -> list[dict[str, Any]]:
        """Write a batch, note what the tasks behind need of it, and return its chunks."""
        # The settings go with the batch: what changes in them meanwhile is for later runs.
        settings = site.settings.model_dump(mode="json", by_alias=True)
        key = site.store.put_batch(batch, planner.catalog)
        context["ti"].xcom_push(key=PLANNED, value={"batch": key, "settings": settings, **notes})
        chunks = [{"chunk": chunk} for chunk in range(len(batch.chunks))]
        return as_many_as_before(context, self.split_task_id, chunks)


class PlanHourOperator(PlanOperator):
    """Lists the hour's raw objects and plans those that are not settled, in a reload all of them.

    A run of the schedule looks back: it plans what is not settled of the hours before as well.
    """

    def work(self, context: "Context") -> list[dict[str, Any]]:
        """Plan the hour."""
        site, planner = self.planner()
        hour = hour_of(context)
        reload = context["params"].get("mode") == RELOAD
        lane = lane_of(context, hour)
        earlier = before(context, hour, site.settings.lookback_hours)
        batch, planned = planner.plan_hours(run_of(context), (*earlier, hour), reload=reload, lane=lane)
        if earlier:
            late = {str(each): planned[each] for each in earlier if each in planned}
            self.log.info(
                "%s: looked back over %d hours: %d raw objects came late, or were left by their own run: %s",
                *(hour, len(earlier), sum(late.values()), late),
            )
        # Each hour by a run of its own: one by hand does not look back.
        confs = [{"hour": each.start.isoformat()} for each in planned]
        anew = "; ".join(trigger_of(context, {**conf, "mode": RELOAD}) for conf in confs)
        again = anew if reload else "; ".join(trigger_of(context, conf) for conf in confs)
        return self.chunks_of(context, site, planner, batch, {"again": again, "anew": anew})


class PlanNoticesOperator(PlanOperator):
    """Plans the raw objects that a run's messages tell of, as far as they are not settled."""

    def __init__(self, *, wait_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wait_task_id = wait_task_id

    def execute(self, context: "Context") -> Any:
        """Run the task; whatever fails is retried: the next run would begin at once, and take the next messages."""
        return self.work(context)

    def work(self, context: "Context") -> list[dict[str, Any]]:
        """Plan what the messages tell of."""
        from log_router.deliveries import look  # noqa: PLC0415 - see planner
        from log_router.receiving import Received  # noqa: PLC0415

        site, planner = self.planner()
        key = context["ti"].xcom_pull(task_ids=self.wait_task_id)
        received = Received.from_json(site.store.get(key))
        held_at = datetime.now(UTC)
        held = site.queue.hold(
            [message.receipt for message in received.messages], site.settings.stream_hold_seconds
        )
        self.log.info("messages held for %d s: %s", site.settings.stream_hold_seconds, held)
        looked = look(site.store, received.messages, held_at)
        batch = planner.plan(run_of(context), received.label, looked.raws, lane="stream")
        notes = {
            "deliveries": site.store.put_deliveries(key, looked.deliveries),
            "held_at": held_at.isoformat(),
            "again": "log-router redrive, if their messages are in the dead-letter queue by then; else they come again",
            "anew": "log-router reload --from HOUR --to HOUR, with the hours of these raw objects",
        }
        return self.chunks_of(context, site, planner, batch, notes)


class PlanReloadOperator(PlanOperator):
    """Finds the raw objects that the run's parameters select, and plans to load them anew."""

    def work(self, context: "Context") -> list[dict[str, Any]]:
        """Plan a reload of the selected raw objects."""
        from log_router.core.selections import selection_of  # noqa: PLC0415 - see planner

        site, planner = self.planner()
        params = {name: value for name, value in context["params"].items() if value}
        selection = selection_of(params, planner.catalog)
        found = planner.select(selection)
        if not found:
            self.log.info("%s: nothing to load anew: no raw object is selected", params)
        batch = planner.plan(run_of(context), RELOAD, found, reload=True, events=selection.events)
        again = trigger_of(context, params)
        return self.chunks_of(context, site, planner, batch, {"again": again, "anew": again})
