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
from log_router.core.errors import ConfigError
from log_router.site import Site
bare, answers = dict(os.environ), []
for environment in json.load(sys.stdin):
    os.environ.clear()
    os.environ.update(bare | environment)
    try:
        answers.append(Site().settings.model_dump(mode="json"))
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
    ('{"raw_bukket": "x"}', "raw_bukket: is not a known key; did you mean `raw_bucket`?"),
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """Give the answers for all environments, of one process; its Variables are environment variables."""
    environments = [environment for environment, _ in BUCKETS] + [{VARIABLE: text} for text, _ in REFUSALS]
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
