"""The scheduler's side: worker processes, tasks handed to them, tries counted."""

import ctypes
import os
import random
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any

from tests.harness.run import DEFERRED, FAILED, Run, Task
from tests.harness.servers import Address
from tests.harness.work import RETRY, Ended, serve

# Seconds. No task of the harness takes one by itself; so many only pass when something hangs.
PATIENCE = 120.0
_PR_SET_PDEATHSIG = 1  # of prctl(2)
KILLED, LOST = "killed", "given up for lost"


class HarnessError(Exception):
    """The harness itself can't go on."""


class HungError(Exception):
    """A task does not end."""


@dataclass
class Worker:
    """A worker process and the pipe to it."""

    pid: int
    pipe: Connection

    @classmethod
    def started(cls, serve: Callable[[Connection], None], others: Iterable["Worker"] = ()) -> "Worker":
        """Start one: a fork, so that all modules are there. It ends when this process does."""
        ours, theirs = Pipe()
        pid = os.fork()
        if pid:
            theirs.close()
            return cls(pid, ours)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        status = 1
        try:
            for pipe in (ours, *(other.pipe for other in others)):
                pipe.close()
            serve(theirs)
            status = 0
        except (EOFError, ConnectionError):
            status = 0
        except BaseException:  # noqa: BLE001 - whatever it is, the parent must not go on in this process
            traceback.print_exc()
        # Nothing of the parent's is to be undone here.
        os._exit(status)

    def end(self) -> None:
        """End it, and wait until it is gone."""
        self.pipe.close()
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


@dataclass
class _Going:
    """A run that is under way: its stages to come, and how many tasks of this one have not ended."""

    run: Run
    stages: Iterator[list[Task]]
    left: int = 0


@dataclass
class Executor:
    """Does the tasks of runs, several at a time; killed workers are replaced, and their tasks tried again."""

    address: Address
    slots: int
    story: Callable[[str], None] = print
    went_wrong: Callable[[str], None] = print
    idle: list[Worker] = field(default_factory=list)
    zombies: list[Worker] = field(default_factory=list)

    def do(self, runs: list[Run], rng: random.Random, at: dict[int, Callable[[], None]]) -> None:
        """Do these runs to their ends, at the same time; `at` says what to call after how many ended tasks.

        Raises:
            HungError: a task does not end.
        """
        ready: deque[tuple[_Going, Task]] = deque()
        busy: dict[Connection, tuple[Worker, _Going, Task]] = {}
        for run in runs:
            self._follow(_Going(run, run.stages()), ready)
        ended = 0
        while ready or busy:
            while ready and len(busy) < self.slots:
                ready.rotate(rng.randrange(len(ready)))
                going, task = ready.popleft()
                worker = self._worker(worker for worker, _, _ in busy.values())
                worker.pipe.send(task)
                busy[worker.pipe] = (worker, going, task)
            heard: list[Any] = wait(list(busy), PATIENCE)
            if not heard:
                self._refuse_to_wait(busy)
            for pipe in heard:
                worker, going, task = busy.pop(pipe)
                again = self._hear(worker, going.run, task)
                if again is not None:
                    ready.append((going, again))
                    continue
                ended += 1
                if ended in at:
                    at[ended]()
                going.left -= 1
                self._follow(going, ready)

    def wait_for_zombies(self) -> None:
        """Return when all workers that were given up for lost have ended."""
        for zombie in self.zombies:
            zombie.pipe.close()
            os.waitpid(zombie.pid, 0)
        self.zombies.clear()

    def close(self) -> None:
        """End all workers."""
        self.wait_for_zombies()
        for worker in self.idle:
            worker.end()
        self.idle.clear()

    def _follow(self, going: _Going, ready: deque[tuple[_Going, Task]]) -> None:
        while not going.left:
            tasks = next(going.stages, None)
            if tasks is None:
                return
            going.left = len(tasks)
            ready.extend((going, task) for task in tasks)

    def _worker(self, busy: Iterable[Worker]) -> Worker:
        if self.idle:
            return self.idle.pop()
        return Worker.started(partial(serve, address=self.address), (*busy, *self.zombies))

    def _hear(self, worker: Worker, run: Run, task: Task) -> Task | None:
        """Take in how a try ended; return the next try if there is to be one."""
        try:
            said: Ended | None = worker.pipe.recv()
        except (EOFError, ConnectionError):
            worker.pipe.close()
            _, status = os.waitpid(worker.pid, 0)
            if not os.WIFSIGNALED(status):
                raise HarnessError(f"{task.name}: the worker failed: see above") from None
            said = Ended(RETRY, {}, KILLED, 0)
        else:
            (self.zombies if said is None else self.idle).append(worker)
            said = said or Ended(RETRY, {}, LOST, 0)
        wrong = {key: value for key, value in vars(task.deeds).items() if value}
        if said.state == RETRY:
            self.went_wrong(
                f"{task.task_id} {said.failure if said.failure in (KILLED, LOST) else 'tried again'}"
            )
        self.story(
            f"{run.asked.run_id} {task.name} try {task.attempt}: {said.state} {said.failure} {wrong or ''}"
        )
        if said.state == DEFERRED and (woken := run.woken(task)):
            return woken
        if said.state == RETRY and task.attempt < run.asked.tries:
            return run.again(task)
        state = FAILED if said.state == RETRY else said.state
        run.ended(task, state, said.pushed, said.failure)
        return None

    def _refuse_to_wait(self, busy: dict[Connection, tuple[Worker, _Going, Task]]) -> None:
        names = [f"{going.run.asked.run_id} {task.name}" for _, going, task in busy.values()]
        for worker, _, _ in busy.values():
            worker.end()
        raise HungError(f"{', '.join(names)}: not ended after {PATIENCE:.0f} s")
