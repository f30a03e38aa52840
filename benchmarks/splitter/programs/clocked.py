"""Run a command on one core and write down what it cost: clocked.py CORE REPORT COMMAND...

It is a process of its own because a child begins with the peak memory of the one that starts it: this one is small.
The cost is that of the command and of all processes that it has waited for; the peak that of the largest of these.
"""

import json
import os
import sys
import time


def main(core: str, report: str, *command: str) -> int:
    """Return the command's exit status."""
    os.sched_setaffinity(0, {int(core)})
    began = time.monotonic()
    child = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(child, 0)
    cost = {
        "cpu": usage.ru_utime + usage.ru_stime,
        "seconds": time.monotonic() - began,
        "peak_mb": usage.ru_maxrss / 1024,
    }
    with open(report, "w", encoding="utf-8") as file:  # noqa: PTH123 - pathlib would double this process
        json.dump(cost, file)
    return os.waitstatus_to_exitcode(status)


sys.exit(main(*sys.argv[1:]))
