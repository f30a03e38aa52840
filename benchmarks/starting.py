"""What of ours a task and a parsing of the DAGs cost before they begin: `.venv/bin/python -m benchmarks.starting`.

Each in fresh processes, in seconds of CPU beyond those that Airflow's own imports take; the median of five.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.machine import processor
from local.environment import CONFIG_VARIABLE, ROOT

_ROUNDS = 5
_TIMED = """
import runpy, sys, time
import airflow.sdk
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
began = time.process_time()
{what}
print(time.process_time() - began)
"""
_PARSING = "for file in sys.argv[1:]: runpy.run_path(file)"
# What the tasks import once they are at work.
_TASKS = {
    "plan": "import log_router.planning, log_router.site",
    "split": "import log_router.splitting, log_router.site",
    "load": "import log_router.loading, log_router.isolating, log_router.site",
    "settle": "import log_router.settling, log_router.site",
}


def main() -> None:
    """Measure and print."""
    print(processor())
    dags = sorted(str(file) for file in (ROOT / "dags").glob("*.py"))
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder)
        (config / "settings.yaml").write_bytes((ROOT / "include" / "settings.yaml").read_bytes())
        (config / "events").mkdir()
        for number in range(500):
            text = "columns:\n  - {name: at, type: timestamp}\n  - {name: n, type: bigint}\n"
            (config / "events" / f"event_{number}.yaml").write_text(text)
        print(f"parsing {len(dags)} DAG files, 500 events: {_seconds(_PARSING, config, *dags):.3f} s")
        for task, imports in _TASKS.items():
            print(f"imports of a task `{task}`: {_seconds(imports, config):.3f} s")


def _seconds(what: str, config: Path, *arguments: str) -> float:
    env = {**os.environ, CONFIG_VARIABLE: str(config), "PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}"}
    command = [sys.executable, "-c", _TIMED.format(what=what), *arguments]
    found = []
    for _ in range(_ROUNDS):
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        found.append(float(done.stdout.splitlines()[-1]))
    return statistics.median(found)


if __name__ == "__main__":
    main()
