"""One process that plays seeds on one stack of servers; started by `python -m tests.harness`."""

import argparse
import collections
import gc
import signal
import sys
import time
from pathlib import Path

from local.ports import Ports
from local.stack import Stack
from tests.harness.executor import Executor, HungError
from tests.harness.seed import Seed
from tests.harness.work import Address, session, statements

# As many tasks at once as a small Airflow does.
SLOTS = 3


def main() -> int:
    """Play the seeds; print those that fail, and what was done in all; return 1 where one has failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness.job")
    parser.add_argument("state", type=Path)
    parser.add_argument("isolation")
    parser.add_argument("seeds", type=int, nargs="+")
    parser.add_argument("--stop", action="store_true")
    parser.add_argument("--tell", action="store_true")
    given = parser.parse_args()
    # Stopped from outside, it still takes its servers down.
    signal.signal(signal.SIGTERM, _stop)
    with Stack(given.state, Ports.free(), airflow=False, faults=True, isolation=given.isolation) as stack:
        return _play(stack, given)


def _stop(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one would cut the stop short
    sys.exit(1)


def _play(stack: Stack, given: argparse.Namespace) -> int:
    session()
    statements()
    # What is here stays shared with the workers: the collector would write to it.
    gc.freeze()
    executor = Executor(Address(stack.s3_endpoint, stack.warehouse, stack.ports.faults), SLOTS)
    began, failed = time.monotonic(), 0
    wrong: collections.Counter[str] = collections.Counter()
    for played, number in enumerate(given.seeds, start=1):
        seed = Seed(number, executor, given.isolation)
        try:
            seed.play()
        except HungError as error:
            seed.problems.append(f"HUNG: {error}")
        wrong.update(seed.wrong)
        failed += bool(seed.problems)
        if seed.problems or given.tell:
            print("\n".join([*seed.told, *seed.problems]))
        if seed.problems:
            print(
                f"FAILED: python -m tests.harness --seed {number} --isolation {given.isolation}", flush=True
            )
            if given.stop:
                print(f"stopped after {played} seeds")
                break
    executor.close()
    counted = ", ".join(f"{count} {name}" for name, count in sorted(wrong.items()))
    print(f"{given.isolation}: {played} seeds, {failed} failed, {time.monotonic() - began:.0f} s; {counted}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
