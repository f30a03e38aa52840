"""New objects by their notices, through a real queue and a real Airflow."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from local.stack import RAW_BUCKET, STAGING_BUCKET, Stack
from tests.e2e.airflow import catalog, log_of, log_router, until, warehouse

DAG = "log_router_stream"
SETTINGS = f"""
raw_bucket: {RAW_BUCKET}
raw_prefix: raw/%Y/%m/%d/%H/
event_key: event
staging_bucket: {STAGING_BUCKET}
schema: events
ledger_schema: log_router_of_two
# So soon a message that is left comes again.
stream_hold_seconds: 10
"""
EVENT = "columns:\n  - name: number\n    type: bigint\n"
FOREIGN = '{"detail": "of something else"}'

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module", autouse=True)
def earlier(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[set[str]]:
    """Have Airflow load two events; its queue gives a message up after two tries. Give the runs of before."""
    known = {run["dag_run_id"] for run in runs(stack)}
    config = tmp_path_factory.mktemp("config")
    (config / "settings.yaml").write_text(SETTINGS)
    (config / "events").mkdir()
    for event in ("order", "view"):
        (config / "events" / f"{event}.yaml").write_text(f"event_type: {event}\n{EVENT}")
    policy = attributes(stack, stack.queue_url)["RedrivePolicy"]
    with catalog(stack, config):
        give_up_after(stack, json.dumps(json.loads(policy) | {"maxReceiveCount": 2}))
        # S3 tells the queue of its set-up, whenever that is written.
        found = stack.s3().get_bucket_notification_configuration(Bucket=RAW_BUCKET)
        stack.s3().put_bucket_notification_configuration(
            Bucket=RAW_BUCKET,
            NotificationConfiguration={"QueueConfigurations": found["QueueConfigurations"]},
        )
        yield known
        give_up_after(stack, policy)


def give_up_after(stack: Stack, policy: str) -> None:
    """Have the queue give messages up as a redrive policy says."""
    stack.sqs().set_queue_attributes(QueueUrl=stack.queue_url, Attributes={"RedrivePolicy": policy})


def attributes(stack: Stack, url: str) -> dict[Any, str]:
    """Return what the server knows of a queue."""
    return stack.sqs().get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]


def messages(stack: Stack, url: str) -> int:
    """Return how many messages a queue has, received or not."""
    # Asked for once: between two answers a hold may end.
    found = attributes(stack, url)
    counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    return sum(int(found[count]) for count in counts)


def dead(stack: Stack) -> list[str]:
    """Return the bodies in the dead-letter queue, and leave them there."""
    answer = stack.sqs().receive_message(
        QueueUrl=f"{stack.queue_url}-dead", MaxNumberOfMessages=10, VisibilityTimeout=0
    )
    return [message["Body"] for message in answer.get("Messages", [])]


def put(stack: Stack, name: str, *lines: tuple[str, int]) -> None:
    """Put a raw object into the bucket, as a producer does: S3 sends the notice."""
    body = "".join(json.dumps({"event": event, "number": number}) + "\n" for event, number in lines)
    stack.s3().put_object(Bucket=RAW_BUCKET, Key=f"raw/2026/01/31/13/{name}", Body=body.encode())


def loaded(stack: Stack) -> Counter[tuple[str, int]]:
    """Return how often each line is in its table."""
    found: Counter[tuple[str, int]] = Counter()
    with warehouse(stack) as cursor:
        for event in ("order", "view"):
            try:
                cursor.execute(f'SELECT "number" FROM events."{event}"')
            except psycopg.errors.UndefinedTable:
                continue
            found.update((event, number) for (number,) in cursor.fetchall())
    return found


def runs(stack: Stack) -> list[dict[str, Any]]:
    """Return the runs of the stream, oldest first."""
    return sorted(stack.api.pages(f"/dags/{DAG}/dagRuns", "dag_runs"), key=lambda run: run["queued_at"])


def test_every_notice_ends_in_rows_or_in_the_dead_letter_queue(stack: Stack) -> None:
    """What waits when the stream begins, and what comes while it is idle, is loaded once; only bad messages are left.

    A backlog holds S3's test event, notices of three objects, one of them twice, of an object that is gone, and a
    message of somebody else. The last object comes when the run that follows waits in the triggerer.
    """
    put(stack, "a b+c.json", ("order", 1), ("view", 2))
    put(stack, "d.json", ("order", 3))
    put(stack, "d.json", ("order", 3))
    put(stack, "é%.json", ("view", 4))
    put(stack, "gone.json", ("view", 5))
    stack.s3().delete_object(Bucket=RAW_BUCKET, Key="raw/2026/01/31/13/gone.json")
    stack.sqs().send_message(QueueUrl=stack.queue_url, MessageBody=FOREIGN)
    assert messages(stack, stack.queue_url) == 7
    stack.api.patch(f"/dags/{DAG}", {"is_paused": False})
    until(lambda: messages(stack, stack.queue_url) == 0, 240)
    until(lambda: len(dead(stack)) == 2, 30)
    assert FOREIGN in dead(stack)
    assert any("gone.json" in body for body in dead(stack))
    assert loaded(stack) == Counter({("order", 1): 1, ("view", 2): 1, ("order", 3): 1, ("view", 4): 1})

    until(lambda: deferred(stack), 120)
    put(stack, "late.json", ("order", 6))
    until(lambda: loaded(stack)["order", 6] and messages(stack, stack.queue_url) == 0, 120)
    assert set(loaded(stack).values()) == {1}


def deferred(stack: Stack) -> bool:
    """Tell whether the last run waits in the triggerer."""
    run = runs(stack)[-1]["dag_run_id"]
    return bool(stack.api.get(f"/dags/{DAG}/dagRuns/{run}/taskInstances/wait")["state"] == "deferred")


def test_a_red_run_names_what_is_left(stack: Stack, earlier: set[str]) -> None:
    """The first run has loaded all that could be, and says in one line each which object and which message are left."""
    first = next(run for run in runs(stack) if run["dag_run_id"] not in earlier)
    assert first["state"] == "failed"
    said = log_of(stack, first["dag_run_id"], "settle", DAG)
    assert "5 of 7 messages are done and acknowledged" in said
    assert "gone.json: S3 answered 404" in said
    assert "of something else" in said


def test_a_run_that_loaded_all_is_green(stack: Stack) -> None:
    """A run without bad messages succeeds."""
    # It ends some seconds after it has acknowledged.
    until(lambda: [run["state"] for run in runs(stack) if run["end_date"]][-1] == "success", 60)


def test_a_doctor_sees_a_site_at_work(stack: Stack) -> None:
    """Airflow's processes, the stream and its queue are well; dead letters are shown by what they are."""
    done = log_router(stack, "doctor", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    checks = json.loads(done.stdout)["checks"]
    well = {check["subject"] for check in checks if check["state"] == "ok"}
    assert {"Airflow's scheduler", "Airflow's triggerer", "lanes", f"DAG {DAG}"} <= well
    said = " ".join(check["said"] for check in checks if check["state"] == "warning")
    assert "is no notice of S3" in said
    assert "gone.json: S3 answered 404" in said
