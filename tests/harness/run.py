"""A run as its DAG draws it: which task follows which, what each has returned, and how the run ended."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.harness.journal import Journal
from tests.harness.story import NONE, STREAM, Asked, Deeds, deeds

SUCCESS, FAILED, SKIPPED, DEFERRED = "success", "failed", "skipped", "deferred"
UPSTREAM_FAILED = "upstream_failed"
WAIT, SETTLE = "wait", "settle"
# What an event of the triggerer is made of.
Event = dict[str, Any]


class Wake(Protocol):
    """What the triggerer does for a task that is asleep, or has not been started at all."""

    def __call__(self, *, asleep: bool) -> Event | None:
        """Return the event that the task goes on with, if there is one."""


def no_event(*, asleep: bool) -> Event | None:
    """Leave the task asleep."""


@dataclass(frozen=True)
class Place:
    """What a seed's tasks are given in place of Airflow's connections and the files of a site."""

    settings: dict[str, Any]
    catalog: int
    part_bytes: int
    opening_bytes: int
    journal: Journal


@dataclass(frozen=True)
class Task:
    """One try of a task, with all that Airflow would tell it."""

    place: Place
    kind: str
    run_id: str
    task_id: str
    index: int
    attempt: int
    params: dict[str, Any]
    hour: str
    given: Any
    values: dict[tuple[str, int, str], Any]
    states: dict[str, str | None]
    deeds: Deeds

    @property
    def name(self) -> str:
        """The instance, as Airflow names it where states are asked for."""
        return self.task_id if self.index < 0 else f"{self.task_id}_{self.index}"


@dataclass
class Run:
    """One DAG run; `stages` gives the tasks that can be done next, and expects their ends in `ended`.

    A task that has deferred, or might have before, is given to `wake`.
    """

    asked: Asked
    seed: int
    place: Place
    wake: Wake = no_event
    values: dict[tuple[str, int, str], Any] = field(default_factory=dict)
    states: dict[str, str | None] = field(default_factory=dict)
    quiet: bool = False
    clears: int = 0
    wakes: int = 0
    failure: str = ""

    def clear(self, kept: str = "") -> None:
        """Begin again as a run that a person clears: what tasks returned stays until they begin.

        The task that is `kept` is left as it is, if it has succeeded.
        """
        self.states = {
            name: state if name == kept and state == SUCCESS else None for name, state in self.states.items()
        }
        self.clears += 1

    @property
    def succeeded(self) -> bool:
        """Whether it ended green: Airflow takes the state of a run from its last task."""
        return self.states.get(SETTLE) in (SUCCESS, SKIPPED)

    def stages(self) -> Iterator[list[Task]]:
        """Yield the tasks that follow next, until the run has ended, or waits."""
        if self.asked.kind == STREAM and self.states.get(WAIT) != SUCCESS:
            yield [self._task(WAIT, given=self.wake(asleep=False))]
            if self.states[WAIT] == DEFERRED:
                return
        if self.states.get(WAIT) == FAILED:
            self.states["plan"] = UPSTREAM_FAILED
        else:
            yield [self._task("plan")]
        planned = self.states["plan"] == SUCCESS
        if planned and self.values["plan", -1, "return_value"] is None:
            # It had nothing to plan, and has skipped all behind it.
            self.states |= dict.fromkeys([*self.states.keys() - {WAIT, "plan"}, SETTLE], SKIPPED)
            return
        chunks = self.values.get(("plan", -1, "return_value"), []) if planned else []
        yield [self._task("split", index, chunk) for index, chunk in enumerate(chunks)]
        yield [self._task("collect")]
        collected = self.states["collect"] == SUCCESS
        loads = self.values.get(("collect", -1, "return_value"), []) if collected else []
        yield [self._task("load.copy", index, target) for index, target in enumerate(loads)]
        yield [self._task(SETTLE)]

    def woken(self, task: Task) -> Task | None:
        """Return how a task that has deferred goes on, if it does."""
        event = self.wake(asleep=True)
        if event is None:
            return None
        self.wakes += 1
        return self._task(task.task_id, task.index, event, task.attempt)

    def again(self, task: Task) -> Task:
        """Return the next try of a task."""
        # What a waiting task went on with is not there any more.
        given = None if task.task_id == WAIT else task.given
        return self._task(task.task_id, task.index, given, task.attempt + 1)

    def _task(self, task_id: str, index: int = -1, given: Any = None, attempt: int = 1) -> Task:
        name = f"{task_id} {index} {self.clears}"
        made = Task(
            self.place, self.asked.kind, self.asked.run_id, task_id, index, attempt, self.asked.params,
            self.asked.hour, given, self.values, self.states,
            NONE if self.quiet else deeds(f"{self.seed} {self.wakes}", self.asked, name, task_id, attempt),
        )  # fmt: skip
        self.states[made.name] = None
        for key in [key for key in self.values if key[:2] == (task_id, index)]:
            del self.values[key]
        return made

    def ended(self, task: Task, state: str, pushed: dict[str, Any], failure: str) -> None:
        """Note how a task ended."""
        self.states[task.name] = state
        self.values.update({(task.task_id, task.index, key): value for key, value in pushed.items()})
        if task.task_id == SETTLE:
            self.failure = failure
