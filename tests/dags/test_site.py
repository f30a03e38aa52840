"""Where a task's settings come from."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Each answer as a task process would give it that was started with those variables: settings, or what is wrong.
ASK = """
import json, os, sys
from log_router.core.catalog import Catalog
from log_router.core.errors import ConfigError
from log_router.site import Site
bare, answers = dict(os.environ), []
for environment in json.load(sys.stdin):
    asked = environment.pop("ask", "settings")
    os.environ.clear()
    os.environ.update(bare | environment)
    try:
        site = Site()
        if asked == "settings":
            answers.append(site.settings.model_dump(mode="json"))
        elif asked == "secret":
            columns = [{"name": "email", "type": "varchar(64)", "mask": "hash"}]
            event = {"name": "e", "event_type": "e", "table": "e", "columns": columns}
            answers.append(site.mask_secret(Catalog.model_validate({"event_key": "e", "events": [event]})).decode())
        else:
            meta = site.queue.client.meta
            answers.append([site.queue.url, meta.region_name, meta.endpoint_url])
    except ConfigError as error:
        answers.append(str(error))
print(json.dumps(answers))
"""
VARIABLE = "AIRFLOW_VAR_LOG_ROUTER_SETTINGS"
FROM_VARIABLE = {VARIABLE: '{"raw_bucket": "from-variable"}'}
BUCKETS: list[tuple[dict[str, str], str]] = [
    ({}, "marketplace-events"),
    (FROM_VARIABLE, "from-variable"),
    ({**FROM_VARIABLE, "LOG_ROUTER_RAW_BUCKET": "from-environment"}, "from-environment"),
    ({"LOG_ROUTER_CONFIG": "examples/github"}, "github-events"),
]
REFUSALS = [
    ('{"schema": "x",}', "log_router_settings: it is not JSON"),
    ("[1]", "log_router_settings: it must hold a JSON object of settings"),
    ('{"copy_pool": "x"}', "copy_pool: belongs to the DAG's shape"),
    ('{"stream_dags": 2}', "stream_dags: belongs to the DAG's shape"),
    ('{"raw_bukket": "x"}', "raw_bukket: is not a known key; did you mean `raw_bucket`?"),
]
AWS = {"AIRFLOW_CONN_AWS_DEFAULT": '{"conn_type": "aws", "extra": {"region_name": "us-east-1"}}'}
LOCAL = {
    "AIRFLOW_CONN_AWS_DEFAULT": '{"conn_type": "aws", "extra": {"endpoint_url": "http://127.0.0.1:4567"}}'
}
QUEUES: list[tuple[str, dict[str, str], list[str]]] = [
    (
        "https://sqs.eu-west-1.amazonaws.com/111122223333/q",
        AWS,
        ["eu-west-1", "https://sqs.eu-west-1.amazonaws.com"],
    ),
    (
        "http://127.0.0.1:4566/000000000000/q",
        LOCAL | {"LOG_ROUTER_REGION": "eu-central-1"},
        ["eu-central-1", "http://127.0.0.1:4567"],
    ),
]

SECRETS = [
    {"AIRFLOW_CONN_LOG_ROUTER_MASK": '{"conn_type": "generic", "password": "salt"}'},
    {
        "AIRFLOW_CONN_SALT": '{"conn_type": "generic", "password": "sea"}',
        "LOG_ROUTER_MASK_CONN_ID": "salt",
    },
    {"AIRFLOW_CONN_LOG_ROUTER_MASK": '{"conn_type": "generic"}'},
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """Give the answers for all environments, of one process; its Variables are environment variables."""
    environments = [environment for environment, _ in BUCKETS] + [{VARIABLE: text} for text, _ in REFUSALS]
    environments += [{"ask": "queue", "LOG_ROUTER_QUEUE_URL": url, **more} for url, more, _ in QUEUES]
    environments += [{"ask": "secret", **environment} for environment in SECRETS]
    environments += [{"ask": "queue"}]
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        input=json.dumps(environments),
        env={
            "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
            VARIABLE: "{}",
            "PYTHONPATH": str(ROOT / "plugins"),
            "PATH": "",
        },
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    # Airflow speaks before.
    found: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("number", range(len(BUCKETS)))
def test_the_environment_is_above_the_variable_above_the_file(answers: list[Any], number: int) -> None:
    """Each source overrides the one below it, key by key."""
    assert answers[number]["raw_bucket"] == BUCKETS[number][1]


@pytest.mark.parametrize("number", range(len(REFUSALS)))
def test_a_wrong_variable_says_what_to_mend(answers: list[Any], number: int) -> None:
    """A Variable that can't be taken is refused with its name and the remedy."""
    assert REFUSALS[number][1] in answers[len(BUCKETS) + number]


@pytest.mark.parametrize("number", range(len(QUEUES)))
def test_the_queue_is_asked_where_its_url_says(answers: list[Any], number: int) -> None:
    """In the region of a URL of AWS, whatever the connection's; otherwise where settings and connection say."""
    url, _, asked = QUEUES[number]
    assert answers[len(BUCKETS) + len(REFUSALS) + number] == [url, *asked]


def test_without_a_queue_the_setting_is_named(answers: list[Any]) -> None:
    """And what it should be."""
    assert "queue_url: there is none; the stream needs it; set it to the URL" in answers[-1]


def test_the_secret_of_hashes_is_a_connections_password(answers: list[Any]) -> None:
    """Of the connection that the settings name; without a password the remedy names it."""
    first = len(answers) - 1 - len(SECRETS)
    told = answers[first:-1]
    assert told[:2] == ["salt", "sea"]
    assert "Airflow Connection log_router_mask: `mask: hash` needs a password" in told[2]
