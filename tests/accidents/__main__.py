"""Play every scenario through a real Airflow: python -m tests.accidents [--seed N] [SCENARIO ...]."""

import argparse
import sys
import tempfile
import time
import traceback
from pathlib import Path

from local.environment import forget_foreign_variables
from tests.accidents import hours
from tests.accidents.scenarios import SCENARIOS
from tests.accidents.stage import Stage

_SHOWN = 5


def main() -> int:
    """Print a line a scenario; return 1 where one has failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.accidents", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("scenario", nargs="*", metavar="SCENARIO", help=", ".join(SCENARIOS))
    given = parser.parse_args()
    if unknown := set(given.scenario) - set(SCENARIOS):
        parser.error(f"no scenario: {', '.join(sorted(unknown))}")
    forget_foreign_variables()
    failed = []
    with tempfile.TemporaryDirectory(prefix="accidents-") as folder:
        stage = Stage(Path(folder))
        with stage.stack:
            everything: dict[str, hours.Content] = {}
            for name in given.scenario or SCENARIOS:
                if not played(stage, name, given.seed):
                    failed.append(name)
                everything |= stage.written
            differences = hours.differences(stage.stack, everything, everything=True)
            differences += [f"forbidden: {one}" for one in stage.stack.s3_faults.violations()]
    tell(differences)
    print(f"{len(failed)} scenarios failed; at the end {len(differences)} differences in all tables")
    return 1 if failed or differences else 0


def played(stage: Stage, name: str, seed: int) -> bool:
    """Play one scenario; print what came of it and, where it failed, how to play it again."""
    began = time.monotonic()
    stage.set(list(SCENARIOS).index(name), seed)
    try:
        SCENARIOS[name](stage)
        differences = stage.end()
    except Exception:  # noqa: BLE001 - the scenarios that follow are played whatever became of this one
        traceback.print_exc()
        stage.calm()
        differences = ["it was not played to its end"]
    well = not differences and stage.notes[-1].endswith("success")
    said = ", ".join(stage.notes)
    print(f"{'ok  ' if well else 'FAIL'} {name:<34} {time.monotonic() - began:4.0f} s  {said}", flush=True)
    tell(differences)
    if not well:
        print(f"     again: make accidents SEED={seed} SCENARIO={name}", flush=True)
    return well


def tell(differences: list[str]) -> None:
    """Print the first of some differences and how many there are."""
    for one in differences[:_SHOWN]:
        print(f"     {one}")
    if len(differences) > _SHOWN:
        print(f"     and {len(differences) - _SHOWN} more", flush=True)


if __name__ == "__main__":
    sys.exit(main())
