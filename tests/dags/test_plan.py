"""What a plan refuses before it waits or reads anything, in an interpreter of its own; no server is there."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOBODY = "127.0.0.1:1"
ASK = """
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from airflow.sdk.exceptions import TaskDeferred
from log_router.plans import PlanHourOperator, PlanHoursOperator

now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
hour, bulk = ({"task_id": "plan", "split_task_id": "split"} for _ in range(2))
asked = {
    "hour": (PlanHourOperator(**hour), {"hour": now.isoformat()}),
    "bulk": (PlanHoursOperator(**bulk), {"from": "2026-01-01T00:00:00Z", "to": now.isoformat()}),
}
answers = {}
for name, (plan, params) in asked.items():
    for events in (["order_placd"], []):
        context = {
            "params": {**params, "events": events},
            "dag_run": SimpleNamespace(run_type="manual"),
            "dag": SimpleNamespace(dag_id="harness"),
            "run_id": "one",
        }
        try:
            answer = plan.resume(context)
        except TaskDeferred as deferred:
            answer = "waits"
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"
        answers[f"{name} {' '.join(events)}"] = answer
print(json.dumps(answers))
"""


def test_unknown_events_are_refused_before_the_hours_are_waited_for(tmp_path: Path) -> None:
    """A slip of the pen is told at once, not when the last hour and the grace for late uploads are over."""
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        env={
            "AIRFLOW_HOME": str(tmp_path),
            "AIRFLOW_VAR_LOG_ROUTER_SETTINGS": json.dumps({"grace_seconds": 7 * 24 * 3600}),
            "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(
                {
                    "conn_type": "aws",
                    "login": "a",
                    "password": "b",
                    "extra": {"endpoint_url": f"http://{NOBODY}"},
                }
            ),
            "AIRFLOW_CONN_REDSHIFT_DEFAULT": f"redshift://u:p@{NOBODY}/x",
            "PYTHONPATH": str(ROOT / "plugins"),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    answers = json.loads(done.stdout.splitlines()[-1])
    assert {answers["hour "], answers["bulk "]} == {"waits"}
    for name in ("hour", "bulk"):
        refused = answers[f"{name} order_placd"]
        assert refused.startswith(
            "AirflowFailException: events: there is no event `order_placd`; did you mean"
        )
