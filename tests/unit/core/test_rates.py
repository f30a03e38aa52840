"""How fast batches were: measured by what was recorded, right within a factor of two for hours and for days."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from log_router.core.batches import effort
from log_router.core.rates import Rate, Rates, Took

MIB = 1024 * 1024
AT = datetime(2026, 1, 31, 14, tzinfo=UTC)
# Bytes and raw objects of one batch.
TINY, HOUR, DAY = (MIB, 10), (20 * MIB, 30), (7 * 1024 * MIB, 1400)
EVENTS = 20


class World:
    """A site whose tasks take so long as it says, but for noise and now and then a straggler."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - data, not a secret
        self.split = (self.rng.uniform(0.3, 1.5), 1 / self.rng.uniform(30, 120) / MIB)
        self.load = (self.rng.uniform(0.3, 3), 1 / self.rng.uniform(20, 200) / MIB)

    def batch(self, kind: tuple[int, int], noise: float = 0.3) -> Took:
        """Return what a batch of a kind took, twice as large or half as large."""
        size, objects = int(kind[0] * self.rng.uniform(0.5, 2)), kind[1]
        todo = effort(objects, size)
        chunks = -(-todo // (512 * MIB))

        def took(tasks: int, overhead: float, per_byte: float) -> float:
            plain = overhead + per_byte * todo / tasks
            return sum(
                plain * self.rng.lognormvariate(0, noise)
                + (self.rng.uniform(30, 300) if noise and self.rng.random() < 0.003 else 0)
                for _ in range(tasks)
            )

        split, load = took(chunks, *self.split), took(EVENTS, *self.load)
        return Took(objects, size, chunks, split, EVENTS, load, 20.0, AT)


@pytest.mark.parametrize(
    ("recorded", "asked"),
    [
        ([(TINY, 300), (DAY, 2)], [TINY, HOUR, DAY]),
        ([(HOUR, 100), (DAY, 3)], [TINY, HOUR, DAY]),
        ([(TINY, 50), (HOUR, 50), (DAY, 50)], [TINY, HOUR, DAY]),
        ([(HOUR, 200)], [TINY, HOUR]),
        ([(DAY, 30)], [DAY]),
    ],
)
def test_hours_and_days_are_told_within_a_factor_of_two(
    recorded: list[tuple[tuple[int, int], int]], asked: list[tuple[int, int]]
) -> None:
    """Overhead and throughput are told apart by what was recorded, whatever most of it was."""
    for seed in range(20):
        world = World(seed)
        rates = Rates.of([world.batch(kind) for kind, number in recorded for _ in range(number)])
        assert rates is not None
        for kind in asked:
            true = world.batch(kind, noise=0)
            for rate, seconds, tasks in (
                (rates.split, true.split_seconds, true.split_tasks),
                (rates.load, true.load_seconds, true.loads),
            ):
                told = tasks * rate.seconds(true.effort / tasks)
                assert seconds / 2 < told < seconds * 2, (seed, kind)
                assert rate.beyond(true.effort / tasks) < 100


def test_one_batch_gives_a_rate_without_overhead() -> None:
    """One size can't tell both: then seconds are in proportion, and what is far from it is said to be."""
    rate = Rate.of([(MIB, 2.0), (MIB, 2.0)])
    assert [rate.seconds(each * MIB) for each in (0.5, 1, 10)] == pytest.approx([1, 2, 20])
    assert [rate.beyond(each * MIB) for each in (0.5, 1, 10)] == [2, 1, 10]


@pytest.mark.parametrize(
    ("tasks", "overhead", "per_byte"),
    [
        ([(100, 3.0), (200, 5.0), (400, 9.0)], 1, 0.02),
        ([(100, 2.0), (400, 8.0), (800, 17.0)], 0, 0.02),
        ([(100, 5.0), (400, 4.0), (800, 3.0)], 4, 0),
        ([(100, 0.0)], 0, 0.00001),
    ],
)
def test_neither_part_is_below_nothing(
    tasks: list[tuple[float, float]], overhead: float, per_byte: float
) -> None:
    """Larger tasks that took less, or much more, give a rate of one part; no time at all gives the shortest."""
    rate = Rate.of(tasks)
    assert rate.overhead == pytest.approx(overhead, rel=0.1)
    assert rate.per_byte == pytest.approx(per_byte, rel=0.1)


def test_rates_say_what_they_are_of() -> None:
    """How many batches, when they were settled, the most loads, and the shortest run; nothing without batches."""
    assert Rates.of([]) is None
    later = AT + timedelta(days=2)
    rates = Rates.of([Took(1, MIB, 1, 1, 4, 1, 30, later), Took(1, MIB, 1, 1, 7, 1, -2, AT)])
    assert rates is not None
    assert (rates.batches, rates.since, rates.until, rates.loads, rates.run_seconds) == (2, AT, later, 7, 0)
