"""What a run would do, told before it does it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from log_router.core.batches import Batch, RawObject, cut, pack
from log_router.core.estimates import Estimate, estimate, total
from log_router.core.rates import Rates, Took

MIB = 1024 * 1024
AT = datetime(2026, 1, 31, 14, 30, tzinfo=UTC)
# Each of them as much to do as 64 MiB of one object.
RAWS = [RawObject("raw", f"raw/{number}", "etag", 64 * MIB - 256 * 1024) for number in range(40)]
EVENTS = 20


def batches(raws: list[RawObject], batch_bytes: int = 1 << 40) -> tuple[Batch, ...]:
    """Return batches of chunks of eight of these raw objects."""
    return cut(Batch("run", "20260131", "c" * 16, pack(raws, 512 * MIB, 256)), batch_bytes, 10)


def rates() -> Rates:
    """Return the rates of two batches: 2 s a split task and 10 s a GiB; 1 s a load and 20 s a GiB."""
    small = Took(0, 64 * MIB, 1, 2 + 10 / 16, 12, 12 + 20 / 16, 30.0, AT)
    large = Took(0, 1024 * MIB, 1, 12, 2, 22, 40.0, AT + timedelta(days=1))
    found = Rates.of([small, large])
    assert found is not None
    return found


def test_an_estimate_counts_what_a_run_would_do() -> None:
    """Raw objects found, left out and read; batches and chunks, and at most a COPY of each event of each batch."""
    found = estimate(RAWS, batches(RAWS[20:], 1024 * MIB), EVENTS, None)
    half = sum(raw.size for raw in RAWS) // 2
    assert found == Estimate(
        runs=1,
        objects=40,
        size_bytes=2 * half,
        left_out_objects=20,
        left_out_bytes=half,
        batches=2,
        chunks=3,
        loads=40,
        tasks=46,
        times=None,
    )
    assert (found.pending_objects, found.pending_bytes) == (20, half)


def test_an_estimate_takes_the_time_from_the_rates() -> None:
    """Of each chunk, and of as many loads as there have been in one batch: not each event is in each."""
    times = estimate(RAWS, batches(RAWS), EVENTS, rates()).times
    assert times is not None
    assert times.split_seconds == pytest.approx(5 * 2 + 2.5 * 10)
    assert times.load_seconds == pytest.approx(12 * 1 + 2.5 * 20)
    assert (times.run_seconds, times.batches) == (30, 2)
    few = estimate(RAWS, batches(RAWS), 2, rates()).times
    assert few is not None
    assert few.load_seconds == pytest.approx(2 * 1 + 2.5 * 20)


def test_time_by_the_clock_needs_the_slots() -> None:
    """Tasks share the slots, no more than there are tasks; and no run takes less than the shortest one took."""
    found = estimate(RAWS, batches(RAWS), 2, rates())
    assert found.wall_seconds(4, 1, 4) == pytest.approx(35 / 4 + 52)
    assert found.wall_seconds(100, 100, 4) == pytest.approx(35 / 5 + 52 / 2)
    assert total([found] * 9).wall_seconds(100, 100, 9) == pytest.approx(9 * 35 / 45 + 9 * 52 / 18)
    assert total([found] * 9).wall_seconds(100, 100, 2) == pytest.approx(5 * 30)
    assert replace(found, times=None).wall_seconds(4, 1, 4) is None


def test_a_run_that_finds_nothing_takes_a_fifth_of_the_time_of_one_that_does() -> None:
    """It has one task, and no other behind it: years that are empty but for a day do not take a day's time each."""
    nothing = estimate(RAWS, [], 2, rates())
    assert total([nothing] * 1000).wall_seconds(100, 100, 4) == pytest.approx(50 * 30)


def test_runs_add_up() -> None:
    """Windows of which nothing is to be read count as runs all the same."""
    some, nothing = estimate(RAWS, batches(RAWS), 2, rates()), estimate(RAWS, [], 2, rates())
    both = total([some, nothing, some])
    assert (both.runs, both.objects, both.left_out_objects, both.tasks) == (3, 120, 40, 2 * some.tasks + 1)
    assert some.times is not None
    assert both.times == replace(
        some.times, split_seconds=2 * some.times.split_seconds, load_seconds=2 * some.times.load_seconds
    )
    assert total([replace(some, times=None)] * 2).times is None


def test_an_estimate_goes_through_json() -> None:
    """What plan leaves for the page is the same there."""
    for found in (
        estimate(RAWS, batches(RAWS), 2, rates()),
        estimate(RAWS, batches(RAWS), 2, None),
    ):
        assert Estimate.from_dict(orjson.loads(orjson.dumps(found.to_dict()))) == found


def test_a_person_can_read_it() -> None:
    """Each line says one thing; what is not known is said, with what gives it."""
    found = estimate(RAWS, batches(RAWS[20:]), EVENTS, rates())
    *said, measured = found.lines()
    assert said == [
        "found: 40 raw objects, 2.5 GiB; nothing is missing of 20 of them, 1.2 GiB",
        "to be read: 20 raw objects, 1.2 GiB; 1 batch, in 1 run",
        "tasks at most: 26; 3 of them split, 20 load, by a COPY each",
        "time of tasks, to be divided by the slots of their pools: 18 s of split, 37 s of load",
    ]
    assert measured.startswith(
        "measured by 2 batches, settled from 2026-01-31 14:30 to 2026-02-01 14:30 UTC; right"
    )
    unknown = estimate(RAWS, batches(RAWS), EVENTS, None).lines()
    assert (
        unknown[-1] == "time: not known, as no batch is recorded yet; load an hour or a day, then ask again"
    )
    assert estimate(RAWS, [], EVENTS, rates()).lines() == [
        "found: 40 raw objects, 2.5 GiB; nothing is missing of 40 of them, 2.5 GiB",
        "to be read: nothing",
    ]
    assert estimate([], [], EVENTS, rates()).lines()[0] == "found: 0 raw objects, 0 B"


def test_a_guess_is_said_to_be_one() -> None:
    """Where tasks are far larger or smaller than all that were measured."""
    tiny = [RawObject("raw", "a", "etag", 0)]
    for raws, times in ((RAWS * 100, "42"), (tiny, "256")):
        said = estimate(raws, batches(raws), EVENTS, rates()).lines()[-1]
        assert said.startswith(
            f"rough: the tasks are {times} times larger or smaller than all that were measured"
        )
