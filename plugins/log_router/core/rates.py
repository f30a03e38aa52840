"""How fast recorded batches were split and loaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Self

from log_router.core.batches import effort

# Seconds are measured in thousandths.
_SHORTEST = 0.001
_ROUNDING = 1e-9


class Took(NamedTuple):
    """What one recorded batch read, and how long its tasks took; `run_seconds` is from its plan to its record."""

    objects: int
    size_bytes: int
    split_tasks: int
    split_seconds: float
    loads: int
    load_seconds: float
    run_seconds: float
    settled_at: datetime

    @property
    def effort(self) -> int:
        """What it takes to read the raw objects."""
        return effort(self.objects, self.size_bytes)


@dataclass(frozen=True)
class Rate:
    """How long tasks take: so long each, and longer by effort, which was measured from the smallest to the largest."""

    overhead: float
    per_byte: float
    smallest: float
    largest: float

    @classmethod
    def of(cls, tasks: Sequence[tuple[float, float]]) -> Self:
        """Return the rate that comes nearest to tasks by effort and seconds, in proportion to what each of them took.

        So a small task counts as much as a large one, and a straggler hardly does. Neither part is below nothing;
        where all tasks are alike, which does not tell overhead from throughput, there is no overhead.
        """
        # Least squares of overhead * x + per_byte * y = 1, by the normal equations.
        taken = [(1 / max(seconds, _SHORTEST), effort / max(seconds, _SHORTEST)) for effort, seconds in tasks]
        x, y = sum(x for x, _ in taken), sum(y for _, y in taken)
        xx, xy, yy = sum(x * x for x, _ in taken), sum(x * y for x, y in taken), sum(y * y for _, y in taken)
        determinant = xx * yy - xy * xy
        overhead = per_byte = 0.0
        if determinant > _ROUNDING * xx * yy:
            overhead, per_byte = (x * yy - y * xy) / determinant, (y * xx - x * xy) / determinant
        if per_byte < 0:
            overhead, per_byte = x / xx, 0.0
        elif overhead <= 0:
            overhead, per_byte = 0.0, y / yy
        efforts = [effort for effort, _ in tasks]
        return cls(overhead, per_byte, min(efforts), max(efforts))

    def seconds(self, effort: float) -> float:
        """Return how long a task of that effort takes."""
        return self.overhead + self.per_byte * effort

    def beyond(self, effort: float) -> float:
        """Return how many times larger or smaller that is than all that was measured; 1 or less where it is not."""
        return max(effort / self.largest, self.smallest / effort)


@dataclass(frozen=True)
class Rates:
    """What batches took; `loads` is the most that one of them had, `run_seconds` how long the quickest one took."""

    batches: int
    since: datetime
    until: datetime
    split: Rate
    load: Rate
    loads: int
    run_seconds: float

    @classmethod
    def of(cls, recorded: Sequence[Took]) -> Self | None:
        """Return the rates of batches that have split and loaded something; None where there are none."""
        if not recorded:
            return None
        times = [one.settled_at for one in recorded]
        return cls(
            *(len(recorded), min(times), max(times)),
            split=Rate.of([_each(one.effort, one.split_seconds, one.split_tasks) for one in recorded]),
            load=Rate.of([_each(one.effort, one.load_seconds, one.loads) for one in recorded]),
            loads=max(one.loads for one in recorded),
            run_seconds=max(0.0, min(one.run_seconds for one in recorded)),
        )


def _each(effort: int, seconds: float, tasks: int) -> tuple[float, float]:
    return effort / tasks, seconds / tasks
