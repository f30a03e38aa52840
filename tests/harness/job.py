"""One process that plays seeds on one stack of servers; started by `python -m tests.harness`."""

import argparse
import ctypes
import gc
import json
import signal
import sys
from pathlib import Path

from local.ports import Ports
from local.stack import Stack
from tests.harness.executor import Executor, HungError
from tests.harness.seed import Seed
from tests.harness.servers import Address, compile_statements, session

# As many tasks at once as a small Airflow does.
SLOTS = 3
_PR_SET_PDEATHSIG = 1  # of prctl(2)


def main() -> int:
    """Play the seeds; print those that fail, and a line in JSON for each."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness.job")
    parser.add_argument("state", type=Path)
    parser.add_argument("isolation")
    parser.add_argument("seeds", type=int, nargs="+")
    parser.add_argument("--tell", action="store_true")
    given = parser.parse_args()
    # Stopped from outside, it still takes its servers down.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    with Stack(given.state, Ports.free(), airflow=False, faults=True, isolation=given.isolation) as stack:
        _play(stack, given)
    return 0


def _stop(*_: object) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # a second one would cut the stop short
    sys.exit(1)


def _play(stack: Stack, given: argparse.Namespace) -> None:
    session()
    compile_statements()
    # What is here stays shared with the workers: the collector would write to it.
    gc.freeze()
    executor = Executor(Address(stack.s3_endpoint, stack.warehouse, stack.ports.faults), SLOTS)
    for number in given.seeds:
        seed = Seed(number, executor, given.isolation, given.state)
        try:
            seed.play()
        except HungError as error:
            seed.problems.append(f"HUNG: {error}")
        if seed.problems or given.tell:
            print("\n".join([*seed.told, *seed.problems]))
        verdict = {"failed": bool(seed.problems), "wrong": seed.wrong}
        print(f"PLAYED {json.dumps(verdict)}", flush=True)
    executor.close()


if __name__ == "__main__":
    sys.exit(main())
