"""What a run would read, split and load, and how long that would take."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from log_router.core.amounts import counted, duration, size
from log_router.core.batches import Batch, RawObject, effort
from log_router.core.rates import Rates

# A run's plan, and where it has something to load, its collect and settle.
_TASKS_AROUND = 3
# Of a run: plan, split, collect, load, settle.
_STAGES = 5
# Of tasks that are so many times larger or smaller than all that were measured, the time is a guess.
_FAR = 4


@dataclass(frozen=True)
class Times:
    """Seconds of tasks, added up, by what recorded batches took: how many, and when they were settled.

    `run_seconds` is what each run takes by the clock, however little it does. `beyond` is how many times larger or
    smaller the tasks are than all that were measured.
    """

    split_seconds: float
    load_seconds: float
    run_seconds: float
    batches: int
    since: str
    until: str
    beyond: float


@dataclass(frozen=True)
class Estimate:
    """What runs would do; of `loads` (COPYs) and `tasks` these are the most. `times` is None where nothing tells them.

    `left_out` are raw objects, and bytes, of which nothing is missing.
    """

    runs: int
    objects: int
    size_bytes: int
    left_out_objects: int
    left_out_bytes: int
    batches: int
    chunks: int
    loads: int
    tasks: int
    times: Times | None

    @property
    def pending_objects(self) -> int:
        """How many raw objects would be read."""
        return self.objects - self.left_out_objects

    @property
    def pending_bytes(self) -> int:
        """How many bytes would be read."""
        return self.size_bytes - self.left_out_bytes

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Return the estimate that `to_dict` gave."""
        times = document["times"]
        return cls(**{**document, "times": times and Times(**times)})

    def wall_seconds(self, split_slots: int, load_slots: int, runs_at_once: int) -> float | None:
        """Return how long it takes by the clock, with so many slots in the pools; None where nothing tells that."""
        if self.times is None:
            return None
        split = self.times.split_seconds / max(1, min(split_slots, self.chunks))
        load = self.times.load_seconds / max(1, min(load_slots, self.loads))
        # A run takes its time also where its tasks take none: Airflow starts one after the other. Of one that finds
        # nothing there is only the first.
        busy = min(self.runs, self.batches)
        runs = busy + (self.runs - busy) / _STAGES
        return max(split + load, self.times.run_seconds * math.ceil(runs / runs_at_once))

    def lines(self) -> list[str]:
        """Return it in lines for a person."""
        found = f"found: {counted(self.objects, 'raw object')}, {size(self.size_bytes)}"
        if self.left_out_objects:
            found += f"; nothing is missing of {self.left_out_objects:,} of them, {size(self.left_out_bytes)}"
        if not self.pending_objects:
            return [found, "to be read: nothing"]
        pending = f"{counted(self.pending_objects, 'raw object')}, {size(self.pending_bytes)}"
        batches = f"{counted(self.batches, 'batch', 'batches')}, in {counted(self.runs, 'run')}"
        most = f"{self.tasks:,}; {self.chunks:,} of them split, {self.loads:,} load, by a COPY each"
        return [
            found,
            f"to be read: {pending}; {batches}",
            f"tasks at most: {most}",
            *_said(self.times),
        ]


def _said(times: Times | None) -> list[str]:
    if times is None:
        return ["time: not known, as no batch is recorded yet; load an hour or a day, then ask again"]
    tasks = f"{duration(times.split_seconds)} of split, {duration(times.load_seconds)} of load"
    measured = f"{counted(times.batches, 'batch', 'batches')}, settled from {times.since} to {times.until}"
    said = [
        f"time of tasks, to be divided by the slots of their pools: {tasks}",
        f"measured by {measured}; right within a factor of two where data and cluster are the same",
    ]
    if times.beyond > _FAR:
        said.append(
            f"rough: the tasks are {times.beyond:,.0f} times larger or smaller than all that were measured; load a "
            "window of that size, then ask again"
        )
    return said


def estimate(
    found: Sequence[RawObject], batches: Sequence[Batch], events: int, rates: Rates | None
) -> Estimate:
    """Return what a run would do that has found these raw objects and planned these batches, for so many events."""
    pending = [raw for batch in batches for raw in batch.objects]
    size_bytes = sum(raw.size for raw in found)
    chunks, loads = sum(len(batch.chunks) for batch in batches), events * len(batches)
    return Estimate(
        runs=1,
        objects=len(found),
        size_bytes=size_bytes,
        left_out_objects=len(found) - len(pending),
        left_out_bytes=size_bytes - sum(raw.size for raw in pending),
        batches=len(batches),
        chunks=chunks,
        loads=loads,
        tasks=_TASKS_AROUND + chunks + loads if pending else 1,
        times=None if rates is None else _times(batches, events, rates),
    )


def _times(batches: Sequence[Batch], events: int, rates: Rates) -> Times:
    # Not every event is in every batch: rather as many as there have been.
    loads = max(1, min(events, rates.loads))
    split = [_effort(chunk) for batch in batches for chunk in batch.chunks]
    load = [_effort(batch.objects) / loads for batch in batches]
    beyond = [rates.split.beyond(max(split)), rates.load.beyond(max(load))] if split else [0.0]
    return Times(
        split_seconds=sum(map(rates.split.seconds, split)),
        load_seconds=sum(loads * rates.load.seconds(one) for one in load),
        run_seconds=rates.run_seconds,
        batches=rates.batches,
        since=f"{rates.since:%Y-%m-%d %H:%M}",
        until=f"{rates.until:%Y-%m-%d %H:%M} UTC",
        beyond=max(beyond),
    )


def _effort(raws: Sequence[RawObject]) -> int:
    return effort(len(raws), sum(raw.size for raw in raws))


def total(estimates: Sequence[Estimate]) -> Estimate:
    """Return what several runs would do together: at least one, all by the same rates."""
    counts = {
        one.name: sum(getattr(each, one.name) for each in estimates)
        for one in fields(Estimate)
        if one.name != "times"
    }
    times = [each.times for each in estimates if each.times is not None]
    if not times:
        return Estimate(**counts, times=None)
    return Estimate(
        **counts,
        times=replace(
            times[0],
            split_seconds=sum(each.split_seconds for each in times),
            load_seconds=sum(each.load_seconds for each in times),
            beyond=max(each.beyond for each in times),
        ),
    )
