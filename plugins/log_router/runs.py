"""What the tasks of a run know of each other, by way of Airflow's XCom and task states."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context

    from log_router.core.batches import Batch
    from log_router.site import Site

PLANNED = "planned"
NOTHING: dict[str, Any] = {}


def planned(context: "Context", plan_task_id: str) -> "tuple[Site, dict[str, str]]":
    """Return the site with the settings that this run's batch was planned with, and what else plan has noted.

    That is the key of the `batch`, and the commands that run the same `again` and load the same `anew`. A stream run
    also has the key of its `deliveries`, and when its messages were held: `held_at`.
    """
    from log_router.core.settings import Settings  # noqa: PLC0415 - only tasks need it, and pay for it
    from log_router.site import Site  # noqa: PLC0415

    found = context["ti"].xcom_pull(task_ids=plan_task_id, key=PLANNED)
    return Site(Settings.model_validate(found.pop("settings"))), found


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
