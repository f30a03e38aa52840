"""Seeds of runs and faults: python -m tests.harness --seeds 1000 --isolation both --jobs 2."""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from local.environment import ROOT, base_environment
from local.twin.isolation import LEVELS


def main() -> int:
    """Play seeds in processes of their own, each with its own servers; return 1 where one of them failed."""
    given = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    levels = LEVELS if given.isolation == "both" else (given.isolation,)
    seeds = range(given.first, given.first + given.seeds) if given.seed is None else [given.seed]
    jobs = min(given.jobs, len(seeds))
    failed = False
    for level in levels:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="harness-") as folder:
            started = [_started(Path(folder), level, seeds[job::jobs], given) for job in range(jobs)]
            try:
                codes = [job.wait() for job in started]
            finally:
                for job in started:
                    job.terminate()
                    job.wait()
        failed = failed or any(codes)
        print(
            f"{level}: {len(seeds)} seeds, {'red' if any(codes) else 'green'}, {time.monotonic() - began:.0f} s"
        )
    return int(failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.harness", description=__doc__)
    parser.add_argument("--seed", type=int, help="play this one, and tell what happens in it")
    parser.add_argument("--seeds", type=int, default=30, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--isolation", choices=(*LEVELS, "both"), default="both")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes play them")
    parser.add_argument(
        "--stack", type=Path, help="the state folder of a running stack, in place of one's own"
    )
    parser.add_argument("--stop", action="store_true", help="stop at the first seed that fails")
    return parser.parse_args()


def _started(
    folder: Path, level: str, seeds: "range | list[int]", given: argparse.Namespace
) -> subprocess.Popen[bytes]:
    folder.chmod(0o711)  # PostgreSQL runs as an unprivileged user below it
    state = folder / f"job-{seeds[0]}"
    environment = base_environment(state) | {
        # The code that is tested is the one beside this file, wherever that is.
        "PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}",
        "AIRFLOW_HOME": str(state / "airflow"),
    }
    command = [sys.executable, "-m", "tests.harness.job", str(state / "stack"), level]
    options = [*(["--stop"] if given.stop else []), *(["--tell"] if given.seed is not None else [])]
    return subprocess.Popen([*command, *options, *map(str, seeds)], env=environment, cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main())
