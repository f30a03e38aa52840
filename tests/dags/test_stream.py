"""What the stream's sensor and trigger answer Airflow, in an interpreter of their own, against real servers."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local import notices
from local.airflow_services import _aws_connection, _redshift_connection
from local.stack import Stack
from log_router.queue import Queue
from tests.adapters.place import EVENTS, Place, place_at

ROOT = Path(__file__).resolve().parents[2]
# Asked for each site, a name and its variables: what the sensor answers when it begins, and when nothing came.
ASK = """
import asyncio, json, os, sys
from airflow.sdk.exceptions import TaskDeferred
from log_router.sensors import NoticesSensor
from log_router.triggers import NoticesTrigger

def answer(event):
    try:
        return {"key": NoticesSensor(task_id="wait").resume({}, event)}
    except TaskDeferred as deferred:
        name, kwargs = deferred.trigger.serialize()
        return {"waits": name, "resumes": deferred.method_name, **kwargs}
    except Exception as error:
        return {"error": type(error).__name__, "text": str(error)}

async def fired(url):
    _, kwargs = NoticesTrigger(url, idle_seconds=1, aws_conn_id="aws_default").serialize()
    async for event in NoticesTrigger(**kwargs).run():
        return event.payload

bare, answers = dict(os.environ), {}
for name, environment in json.load(sys.stdin).items():
    os.environ.clear()
    os.environ.update(bare | environment)
    if name.startswith("fire"):
        event = asyncio.run(fired(environment["LOG_ROUTER_QUEUE_URL"]))
        answers[name] = [event, answer(event)]
    else:
        answers[name] = answer({"status": "idle"} if name.endswith("idle") else None)
print(json.dumps(answers))
"""
NOBODY = "127.0.0.1:1"


def queue_of(storage: Stack, place: Place, name: str, *bodies: str) -> Queue:
    """Return a new queue that has these messages."""
    url = storage.sqs().create_queue(QueueName=f"{name}-{place.settings.raw_bucket}")["QueueUrl"]
    queue = Queue(storage.sqs(), url)
    for body in bodies:
        queue.send(body)
    return queue


@pytest.fixture(scope="module")
def place(storage: Stack) -> Place:
    """Give a site."""
    return place_at(storage, EVENTS)


@pytest.fixture(scope="module")
def queues(storage: Stack, place: Place) -> dict[str, Queue]:
    """Give queues: without a message, and with one for each use."""
    with_one = {name: queue_of(storage, place, name, "a message") for name in ("begins", "down", "fires")}
    return {"empty": queue_of(storage, place, "empty"), **with_one}


@pytest.fixture(scope="module")
def answers(
    storage: Stack, place: Place, queues: dict[str, Queue], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Give all answers, of one process."""
    config = tmp_path_factory.mktemp("config")
    (config / "events").mkdir()
    (config / "events" / "page_viewed.yaml").write_text(
        "event_type: page_viewed\ncolumns: [{name: url, type: varchar(64)}]\n"
    )
    (config / "settings.yaml").write_text(place.settings.model_dump_json(by_alias=True))
    nowhere = {"AIRFLOW_CONN_REDSHIFT_DEFAULT": f"redshift://u:p@{NOBODY}/x"}
    missing = {"LOG_ROUTER_QUEUE_URL": notices.url_of(storage.ports.s3_front, "missing")}

    def at(name: str) -> dict[str, str]:
        return {"LOG_ROUTER_QUEUE_URL": queues[name].url}

    asked = {
        "begins": at("begins"),
        "empty": at("empty"),
        "warehouse down": {**at("down"), **nowhere},
        "no staging": {**at("down"), "LOG_ROUTER_STAGING_BUCKET": "not-there"},
        "warehouse down, idle": {**at("empty"), **nowhere},
        "no queue": {},
        "missing": missing,
        "fires": at("fires"),
        "fires nothing": at("empty"),
        "fires an error": missing,
    }
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        input=json.dumps(asked),
        env={
            "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
            "AIRFLOW_VAR_LOG_ROUTER_SETTINGS": "{}",
            "AIRFLOW_CONN_AWS_DEFAULT": _aws_connection(storage.ports),
            "AIRFLOW_CONN_REDSHIFT_DEFAULT": _redshift_connection(storage.ports, storage.credentials),
            "LOG_ROUTER_CONFIG": str(config),
            "PYTHONPATH": str(ROOT / "plugins"),
            "PATH": "",
        },
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    # Airflow speaks before.
    given: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return given


def test_what_is_in_the_queue_is_taken_at_once(
    answers: dict[str, Any], place: Place, queues: dict[str, Queue]
) -> None:
    """No triggerer in between; the messages are in staging, and stay in the queue, for nobody else."""
    (message,) = json.loads(place.store.get(answers["begins"]["key"]))["messages"]
    assert message["body"] == "a message"
    assert (queues["begins"].facts().depth, queues["begins"].facts().in_flight) == (0, 1)


def test_an_empty_queue_is_left_to_the_triggerer(answers: dict[str, Any], queues: dict[str, Queue]) -> None:
    """What waits there deletes nothing, waits as long as SQS can, and takes one message as a wake-up."""
    found = answers["empty"]
    assert (found["waits"], found["resumes"]) == ("log_router.triggers.NoticesTrigger", "resume")
    assert found["sqs_queue"] == queues["empty"].url
    assert found["delete_message_on_reception"] is False
    assert (found["max_messages"], found["wait_time_seconds"]) == (1, 20)
    # Till then the sensor has held it.
    assert found["visibility_timeout"] >= 60


def test_nothing_is_taken_that_could_not_be_loaded(answers: dict[str, Any], queues: dict[str, Queue]) -> None:
    """With the warehouse or staging down the task fails, and no message comes nearer to the dead-letter queue."""
    assert answers["warehouse down"]["error"] == "WillPass"
    assert answers["no staging"]["error"] == "Refused"
    assert "NoSuchBucket" in answers["no staging"]["text"]
    (message,) = queues["down"].receive(1, 1, 0)
    assert message.received == 1


def test_an_idle_stream_lets_the_warehouse_sleep(answers: dict[str, Any]) -> None:
    """When nothing came it waits on, without asking the warehouse."""
    assert answers["warehouse down, idle"]["resumes"] == "resume"


def test_a_queue_that_is_not_there_is_said_with_the_remedy(answers: dict[str, Any]) -> None:
    """One line, and no failure that can't be retried: the next run would begin at once."""
    assert answers["no queue"]["error"] == "ConfigError"
    assert "queue_url: there is none" in answers["no queue"]["text"]
    assert answers["missing"]["error"] == "Refused"
    assert "\n" not in answers["missing"]["text"]


def test_a_message_wakes_the_run_and_is_its_own(answers: dict[str, Any], place: Place) -> None:
    """The trigger hands it over whole, and the sensor writes down that very message: it is received once."""
    event, found = answers["fires"]
    assert event["status"] == "messages"
    assert [one["Body"] for one in event["messages"]] == ["a message"]
    (message,) = json.loads(place.store.get(found["key"]))["messages"]
    assert (message["receipt"], message["received"]) == (event["messages"][0]["ReceiptHandle"], 1)


def test_an_idle_trigger_says_so(answers: dict[str, Any]) -> None:
    """The sensor then looks at settings and queue anew, and waits on in the same run."""
    event, found = answers["fires nothing"]
    assert event == {"status": "idle"}
    assert found["resumes"] == "resume"


def test_an_error_of_the_trigger_reaches_the_log(answers: dict[str, Any]) -> None:
    """SQS's answer comes back as an event, and the sensor finds the cause again, with its remedy."""
    event, found = answers["fires an error"]
    assert event["status"] == "error"
    assert "missing" in found["text"]
    assert found["error"] == "Refused"
