"""Where a task's settings come from."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHOW = "from log_router.site import Site; print(Site().settings.model_dump_json())"


def settings(home: Path, code: str = SHOW, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code as a task process would, in an environment of its own; its Variables are environment variables."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={
            "AIRFLOW_HOME": str(home),
            "AIRFLOW_VAR_LOG_ROUTER_SETTINGS": "{}",
            "PYTHONPATH": str(ROOT / "plugins"),
            "PATH": "",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("environment", "bucket"),
    [
        ({}, "marketplace-events"),
        ({"AIRFLOW_VAR_LOG_ROUTER_SETTINGS": '{"raw_bucket": "from-variable"}'}, "from-variable"),
        (
            {
                "AIRFLOW_VAR_LOG_ROUTER_SETTINGS": '{"raw_bucket": "from-variable"}',
                "LOG_ROUTER_RAW_BUCKET": "from-environment",
            },
            "from-environment",
        ),
        ({"LOG_ROUTER_CONFIG": "examples/github"}, "github-events"),
    ],
)
def test_the_environment_is_above_the_variable_above_the_file(
    tmp_path: Path, environment: dict[str, str], bucket: str
) -> None:
    """Each source overrides the one below it, key by key."""
    assert f'"raw_bucket":"{bucket}"' in settings(tmp_path, **environment).stdout


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ('{"schema": "x",}', "log_router_settings: it is not JSON"),
        ("[1]", "log_router_settings: it must hold a JSON object of settings"),
        ('{"copy_pool": "x"}', "copy_pool: belongs to the DAG's shape"),
        ('{"raw_bukket": "x"}', "raw_bukket: is not a known key; did you mean `raw_bucket`?"),
    ],
)
def test_a_wrong_variable_says_what_to_mend(tmp_path: Path, variable: str, said: str) -> None:
    """A Variable that can't be taken is refused with its name and the remedy."""
    done = settings(tmp_path, AIRFLOW_VAR_LOG_ROUTER_SETTINGS=variable)
    assert done.returncode
    assert said in done.stderr
