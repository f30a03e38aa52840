"""What a run did, from the states of its tasks and what they returned: keys and counts."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from log_router.core.estimates import Estimate
from log_router.lanes import LOAD, SPLIT
from log_router.runs import ESTIMATE, PLANNED

PLAN, COLLECT, SETTLE = "plan", "collect", "settle"
_ORDER = (PLAN, SPLIT, COLLECT, LOAD, SETTLE)
RETURNED = "return_value"
# What this module reads; of plan's and collect's lists only the latter's is needed.
KEYS = {
    (PLAN, PLANNED),
    (PLAN, ESTIMATE),
    *((task_id, RETURNED) for task_id in (SPLIT, COLLECT, LOAD, SETTLE)),
}
_FAILED = ("failed", "upstream_failed")

# By task, index of its instance (-1 where it is not mapped) and key.
Values = Mapping[tuple[str, int, str], Any]


@dataclass(frozen=True)
class Task:
    """One instance of a task of a run: its index, its name in the UI, its state, "" where it has none yet."""

    task_id: str
    index: int
    name: str
    state: str

    def __str__(self) -> str:
        """Return it as Airflow's UI names it."""
        return f"{self.task_id} [{self.name}]" if self.index >= 0 else self.task_id


@dataclass(frozen=True)
class Load:
    """The load of one event of one batch; `outcome` is what it returned, nothing until it has succeeded."""

    index: int
    event: str
    batch: int
    document: str
    state: str
    outcome: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class BatchWork:
    """One batch: what its splits counted, of how many tasks each; `settled` is what settle made of it, if it did."""

    number: int
    batch_id: str
    split: Counter[str]
    reports: Sequence[tuple[str, int]]
    loads: Sequence[Load]
    settled: Mapping[str, int]

    @property
    def rows(self) -> int:
        """Rows that were loaded by this run."""
        return sum(load.outcome.get("rows", 0) for load in self.loads)


@dataclass(frozen=True)
class Work:
    """A run: what was planned, and what came of it so far. Without a plan there are no batches."""

    planned: Mapping[str, Any] | None
    estimate: Estimate | None
    batches: Sequence[BatchWork]
    loads: Sequence[Load]
    tasks: Mapping[str, Counter[str]]
    failed: Sequence[Task]

    def by_event(self) -> list[tuple[str, Counter[str]]]:
        """Return counts of what was loaded, by event."""
        found: dict[str, Counter[str]] = {}
        for load in self.loads:
            counts = {key: value for key, value in load.outcome.items() if isinstance(value, int)}
            found.setdefault(load.event, Counter()).update(counts)
        return sorted(found.items())


def work_of(tasks: Sequence[Task], values: Values) -> Work:
    """Return what a run did.

    What a task returned counts only where it has succeeded, and belongs to a batch that is planned now: of a run that
    is cleared there is more, of the try before. Settle tells what it has settled before it fails.
    """
    states = {(task.task_id, task.index): task.state for task in tasks}
    told = {("success", task_id) for task_id in _ORDER} | {("failed", SETTLE)}
    found = {key: value for key, value in values.items() if (states.get(key[:2]), key[0]) in told}
    planned = found.get((PLAN, -1, PLANNED))
    estimate = found.get((PLAN, -1, ESTIMATE))
    batch_ids = [key.rpartition("/")[2].removesuffix(".json") for key in (planned or {}).get("batches", ())]
    returned = {
        task_id: {
            index: value for (name, index, key), value in found.items() if (name, key) == (task_id, RETURNED)
        }
        for task_id in (SPLIT, COLLECT, LOAD, SETTLE)
    }
    loads = list(_loads(returned[COLLECT].get(-1) or (), returned[LOAD], states, batch_ids))
    settled = {counts["batch"]: counts for counts in returned[SETTLE].get(-1) or ()}
    counted = Counter((task.task_id, task.state) for task in tasks)
    return Work(
        planned=planned,
        estimate=estimate and Estimate.from_dict(estimate),
        batches=[
            _batch(number, batch_id, returned[SPLIT].values(), loads, settled.get(batch_id, {}))
            for number, batch_id in enumerate(batch_ids)
        ],
        loads=loads,
        tasks={
            task_id: Counter({state: count for (name, state), count in counted.items() if name == task_id})
            for task_id in sorted({task.task_id for task in tasks}, key=_place)
        },
        failed=[task for task in tasks if task.state in _FAILED],
    )


def _place(task_id: str) -> int:
    """Return a task's place in a run; what waits comes before the plan."""
    return _ORDER.index(task_id) if task_id in _ORDER else -1


def _loads(
    entries: Sequence[Mapping[str, Any]],
    outcomes: Mapping[int, Mapping[str, Any]],
    states: Mapping[tuple[str, int], str],
    batch_ids: Sequence[str],
) -> Iterable[Load]:
    for index, entry in enumerate(entries):
        # A cleared run keeps instances that have nothing to do; what collect returned may be of the batches before.
        if not entry or entry["load"].split("/")[-2:-1] != batch_ids[entry["batch"] :][:1]:
            continue
        outcome = outcomes.get(index) or {}
        yield Load(
            index=index,
            event=entry["event"],
            batch=entry["batch"],
            document=entry["load"],
            state=states.get((LOAD, index), ""),
            outcome=outcome if outcome.get("batch") == batch_ids[entry["batch"]] else {},
        )


def _batch(
    number: int,
    batch_id: str,
    split: Iterable[Mapping[str, Any]],
    loads: Sequence[Load],
    settled: Mapping[str, int],
) -> BatchWork:
    mine = [counts for counts in split if counts and counts["batch"] == batch_id]
    counts: Counter[str] = Counter(chunks=len(mine))
    for chunk in mine:
        counts.update({key: value for key, value in chunk.items() if isinstance(value, int)})
    return BatchWork(
        number=number,
        batch_id=batch_id,
        split=counts,
        reports=[
            (chunk["report"], chunk["quarantined"]) for chunk in sorted(mine, key=lambda one: one["chunk"])
        ],
        loads=[load for load in loads if load.batch == number],
        settled=settled,
    )
