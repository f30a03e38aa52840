"""The plan tasks: which raw objects a run takes; they differ by trigger, what follows does not."""

import json
import shlex
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk.exceptions import DownstreamTasksSkipped

from log_router.core.errors import WindowError
from log_router.core.windows import HOUR, Hour, hour_of_run, hours_of_run, label_of
from log_router.lanes import is_backlog
from log_router.operators import LogRouterOperator
from log_router.runs import ESTIMATE, PLANNED, as_many_as_before, instances_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from log_router.core.batches import Batch, LaneName, RawObject
    from log_router.planning import Planner
    from log_router.site import Site

# A mode: all raw objects anew.
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
        datetime.now(UTC),
    )


def hours_of(context: "Context") -> tuple[Hour, ...]:
    """Return the hours a task's bulk run is for; none where its interval lies outside of the range that was asked for.

    Raises:
        WindowError: the run does not say.
    """
    interval = (context.get("data_interval_start"), context.get("data_interval_end"))
    asked = (context["params"].get("from"), context["params"].get("to"))
    ours = interval if _has_interval(context) else None
    return hours_of_run(asked, context.get("logical_date"), ours, datetime.now(UTC))


def _has_interval(context: "Context") -> bool:
    """Tell whether the data interval of a run is what it is for: any other run's is only what its time gave it."""
    return context["dag_run"].run_type in ("scheduled", "backfill")


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
    """Plans a batch; returns one entry a chunk.

    With the parameter `dry_run` it writes nothing anywhere but to Airflow, and returns no entry.
    """

    def __init__(self, *, split_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.split_task_id = split_task_id

    def planner(self, context: "Context") -> "tuple[Site, Planner]":
        """Return the site and what plans its batches; bad config fails here, before anything is read."""
        # Imported here: every task process parses the DAG file and would pay for it before its own work.
        from log_router.planning import Planner  # noqa: PLC0415
        from log_router.site import Site  # noqa: PLC0415

        site = Site()
        dry = bool(context["params"].get("dry_run"))
        of = (site.store, site.warehouse, site.statements, site.settings, site.catalog)
        return site, Planner(*of, read_only=dry)

    def wait_for(self, hours: "Sequence[Hour]", planner: "Planner") -> None:
        """Return when the hours and the grace for late uploads are past; until then wait in the triggerer.

        A dry run is asked for what is there now.
        """
        if planner.read_only or not hours:
            return
        complete = hours[-1].end + timedelta(seconds=planner.settings.grace_seconds)
        if complete > datetime.now(UTC):
            # Most runs are of hours that are past.
            from airflow.providers.standard.triggers.temporal import DateTimeTrigger  # noqa: PLC0415

            self.log.info("%s is complete at %s: waiting in the triggerer", hours[-1], complete.isoformat())
            self.defer(trigger=DateTimeTrigger(moment=complete), method_name="resume")

    def skip_the_rest(self, context: "Context") -> NoReturn:
        """End this task well and skip all behind it, instances that an earlier try of the run had mapped included.

        Raises:
            DownstreamTasksSkipped: always: so Airflow is told.
        """
        behind = [task.task_id for task in self.get_flat_relatives(upstream=False)]
        raise DownstreamTasksSkipped(tasks=instances_of(context, *behind))  # type: ignore[no-untyped-call]

    def chunks_of(
        self,
        context: "Context",
        planner: "Planner",
        found: "Sequence[RawObject]",
        batch: "Batch",
        notes: dict[str, str],
    ) -> list[dict[str, Any]]:
        """Write the batch of what was found, or several if it is large, and return their chunks.

        What the tasks behind need of them is noted. A dry run tells what that would be, and has no batches. Where there
        are none, all tasks behind are skipped. Messages keep them: settle acknowledges those that are loaded already.
        """
        batches = planner.cut(batch)
        if planner.read_only:
            self._estimate(context, planner, found, batches)
        if planner.read_only or not (batch.objects or "deliveries" in notes):
            batches = ()
        keys = [planner.store.put_batch(each, planner.catalog) for each in batches]
        noted = {
            "batches": keys,
            # They go with the batch: what changes in them meanwhile is for later runs.
            "settings": planner.settings.model_dump(mode="json", by_alias=True),
            "planned_at": datetime.now(UTC).isoformat(),
            "found": len(found),
            "pending": len(batch.objects),
            **notes,
        }
        context["ti"].xcom_push(key=PLANNED, value=noted)
        if not batches:
            self.skip_the_rest(context)
        chunks = [
            {"batch": number, "chunk": chunk}
            for number, each in enumerate(batches)
            for chunk in range(len(each.chunks))
        ]
        return as_many_as_before(context, self.split_task_id, chunks)

    def _estimate(
        self, context: "Context", planner: "Planner", found: "Sequence[RawObject]", batches: "Sequence[Batch]"
    ) -> None:
        from log_router.estimating import Estimator  # noqa: PLC0415 - see planner

        estimate = Estimator(planner).of(found, batches)
        context["ti"].xcom_push(key=ESTIMATE, value=estimate.to_dict())
        for line in ("a dry run, which changes nothing", *estimate.lines()):
            self.log.info("%s", line)


class PlanHourOperator(PlanOperator):
    """Waits until the hour is complete, lists its raw objects and plans those not settled, in a reload all of them.

    A run of the schedule looks back: it plans what is not settled of the hours before as well.
    """

    def work(self, context: "Context") -> list[dict[str, Any]]:
        """Plan the hour."""
        site, planner = self.planner(context)
        hour = hour_of(context)
        reload, events = _asked(context, planner)
        self.wait_for([hour], planner)
        lane = lane_of(context, hour)
        earlier = before(context, hour, site.settings.lookback_hours)
        found = planner.listed((*earlier, hour))
        batch = planner.plan(
            run_of(context), hour.label, list(found), reload=reload, events=events, lane=lane
        )
        planned = Counter(found[raw] for raw in batch.objects)
        if earlier:
            late = {str(each): planned[each] for each in earlier if each in planned}
            self.log.info(
                "%s: looked back over %d hours: %d raw objects came late, or were left by their own run: %s",
                *(hour, len(earlier), sum(late.values()), late),
            )
        # Each hour by a run of its own: one by hand does not look back.
        some = {"events": events} if events else {}
        confs = [{"hour": each.start.isoformat(), **some} for each in planned]
        anew = "; ".join(trigger_of(context, {**conf, "mode": RELOAD}) for conf in confs)
        again = anew if reload else "; ".join(trigger_of(context, conf) for conf in confs)
        return self.chunks_of(context, planner, list(found), batch, {"again": again, "anew": anew})


class PlanHoursOperator(PlanOperator):
    """Waits until a range of hours is complete, and plans their raw objects that are not settled, in a reload all."""

    def work(self, context: "Context") -> list[dict[str, Any]]:
        """Plan the range.

        Raises:
            WindowError: the parameters are no range or name no events; or a range typed by hand holds no raw objects.
        """
        site, planner = self.planner(context)
        hours = hours_of(context)
        reload, events = _asked(context, planner)
        self.wait_for(hours, planner)
        label = label_of(hours) if hours else "nothing"
        found = planner.listed(hours)
        if not found and not _has_interval(context):
            bucket, template = site.settings.raw_bucket, site.settings.raw_prefix
            raise WindowError(
                f"{label}: there is no raw object from s3://{bucket}/{hours[0].prefix(template)} to "
                f"{hours[-1].prefix(template)}; correct `from` and `to`, or raw_bucket and raw_prefix in the settings"
            )
        batch = planner.plan(
            run_of(context), label, list(found), reload=reload, events=events, lane="backfill"
        )
        conf: dict[str, Any] = {"events": events} if events else {}
        if hours:
            conf |= {"from": hours[0].start.isoformat(), "to": hours[-1].end.isoformat()}
        else:
            self.log.info("the run's interval lies outside of the range asked for: nothing to plan")
        anew = trigger_of(context, {**conf, "mode": RELOAD})
        again = anew if reload else trigger_of(context, conf)
        return self.chunks_of(context, planner, list(found), batch, {"again": again, "anew": anew})


def _asked(context: "Context", planner: "Planner") -> tuple[bool, list[str]]:
    """Return whether a run is to load anew, and of which events only; all, where there are none.

    Raises:
        WindowError: an event that has no file.
    """
    events = sorted(set(context["params"].get("events") or ()))
    planner.catalog.check_events("events", events)
    return context["params"].get("mode") == RELOAD, events


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

        site, planner = self.planner(context)
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
        return self.chunks_of(context, planner, looked.raws, batch, notes)


class PlanReloadOperator(PlanOperator):
    """Finds the raw objects that the run's parameters select, and plans to load them anew."""

    def work(self, context: "Context") -> list[dict[str, Any]]:
        """Plan a reload of the selected raw objects."""
        from log_router.core.selections import selection_of  # noqa: PLC0415 - see planner

        _, planner = self.planner(context)
        params = {name: value for name, value in context["params"].items() if value and name != "dry_run"}
        selection = selection_of(params, planner.catalog, datetime.now(UTC))
        found = planner.select(selection)
        if not found:
            self.log.info("%s: nothing to load anew: no raw object is selected", params)
        batch = planner.plan(run_of(context), RELOAD, found, reload=True, events=selection.events)
        again = trigger_of(context, params)
        return self.chunks_of(context, planner, found, batch, {"again": again, "anew": again})
