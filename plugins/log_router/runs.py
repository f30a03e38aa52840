"""What the tasks of a run know of each other, by way of Airflow's XCom and task states."""

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context

    from log_router.core.batches import Batch
    from log_router.site import Site

PLANNED = "planned"
# Of a dry run: core.estimates.Estimate.to_dict.
ESTIMATE = "estimate"
NOTHING: dict[str, Any] = {}
# Without its default, a name that was not given would fail the task after its work.
INSTANCE_NAME = "{{ instance | default(ti.map_index) }}"


def planned(context: "Context", plan_task_id: str) -> "tuple[Site, dict[str, Any]]":
    """Return the site with the settings that this run's batch was planned with, and what else plan has noted.

    That are the keys of the `batches`, none where there is nothing to load, when they were planned, `planned_at`, and
    the commands that run the same `again` and load the same `anew`. A stream run also has the key of its `deliveries`,
    and when its messages were held: `held_at`.
    """
    from log_router.core.settings import Settings  # noqa: PLC0415 - only tasks need it, and pay for it
    from log_router.site import Site  # noqa: PLC0415

    found = context["ti"].xcom_pull(task_ids=plan_task_id, key=PLANNED)
    return Site(Settings.model_validate(found.pop("settings"))), found


def states_of(context: "Context", *task_ids: str) -> dict[str, str]:
    """Return the state of each instance of some tasks of this run, by name.

    An instance that is not mapped, or not yet, has the task's own name; mapped ones have their index behind it.
    """
    run_id = context["run_id"]
    states = context["ti"].get_task_states(
        dag_id=context["dag"].dag_id, task_ids=list(task_ids), run_ids=[run_id]
    )
    found: dict[str, str] = states.get(run_id, {})
    return found


def instances_of(context: "Context", *task_ids: str) -> list[tuple[str, int]]:
    """Return the instances of some tasks of this run, each with its index: -1 where it is not mapped, or not yet."""
    names = states_of(context, *task_ids)
    matches = [
        (each, re.fullmatch(rf"{re.escape(each)}(?:_(\d+))?", name)) for each in task_ids for name in names
    ]
    return [(task_id, int(match[1] or -1)) for task_id, match in matches if match]


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


def name_instance(context: "Context", name: str) -> None:
    """Name this mapped instance in the UI; `INSTANCE_NAME` is the template that shows it."""
    context["instance"] = name  # type: ignore[typeddict-unknown-key]


def results(context: "Context", task_id: str, batch: "Batch") -> list[dict[str, Any]]:
    """Return what the successful instances of a mapped task returned for a batch, in no order to rely on.

    A run that is cleared plans a new batch, and may map fewer instances than before: what the others had
    returned then is still there, and belongs to the batch of before.
    """
    returned = context["ti"].xcom_pull(task_ids=[task_id])
    return [result for result in returned if result and result["batch"] == batch.batch_id]
