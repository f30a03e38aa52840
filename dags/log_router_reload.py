"""Raw objects loaded anew: by range, by name, or all that hold quarantined lines of an event."""

from typing import Any

from airflow.sdk import DAG, Param

from log_router.graph import defaults, event_names, split_and_load
from log_router.lanes import RELOAD, RELOAD_DAG, SPLIT
from log_router.plans import PlanReloadOperator

HOUR: dict[str, Any] = {"type": ["null", "string"], "format": "date-time", "section": "Which raw objects"}
NAMES: dict[str, Any] = {"type": ["null", "array"], "items": {"type": "string"}}

with DAG(
    dag_id=RELOAD_DAG,
    description="Loads raw objects anew, as today's event files say, and replaces their rows",
    schedule=None,
    default_args=defaults(RELOAD),
    tags=["log-router"],
    doc_md=__doc__,
    params={
        "from": Param(None, "A whole hour, in UTC. All its raw objects are taken.", title="From", **HOUR),
        "to": Param(None, "A whole hour, in UTC. It is not included itself.", title="To", **HOUR),
        "quarantined": Param(
            None,
            "An event. Only raw objects that hold quarantined lines of it are taken: of the range, if one is given.",
            title="With quarantined lines of",
            type=["null", "string"],
            examples=event_names(),
            section="Which raw objects",
        ),
        "objects": Param(
            None,
            "Ids as in `_lr_object`, or s3:// URLs, one a line. They are taken beside those of the range.",
            title="Raw objects",
            section="Which raw objects",
            **NAMES,
        ),
        "events": Param(
            None,
            "Only rows of these events are replaced. None chosen: of all events.",
            title="Events",
            section="What to replace",
            examples=event_names(),
            **NAMES,
        ),
    },
):
    split_and_load(PlanReloadOperator(task_id="plan", split_task_id=SPLIT), lane=RELOAD)
