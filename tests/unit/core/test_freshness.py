"""How fresh rows are, by event."""

from datetime import UTC, datetime, timedelta

from log_router.core.batches import RawObject
from log_router.core.freshness import Freshness, freshness
from log_router.core.records import Fate

NOW = datetime(2026, 1, 31, 13, tzinfo=UTC)


def written(seconds: int | None) -> RawObject:
    """Return a raw object that was written so many seconds before now, or nobody knows when."""
    return RawObject("b", f"{seconds}", "e", 1, None if seconds is None else NOW - timedelta(seconds=seconds))


def test_each_event_has_its_shortest_and_longest_time() -> None:
    """Of what says both when it was written and when it was loaded; the newest write is told too."""
    later = NOW + timedelta(seconds=2)
    (first, second) = freshness(
        [
            (written(3), Fate("b", "b!", 5, 0, 0, later, "stream")),
            (written(1), Fate("a", "a!", 1, 0, 0, NOW, "stream")),
            (written(9), Fate("a", "a!", 2, 0, 0, later, "stream")),
            (written(None), Fate("a", "a!", 4, 0, 0, NOW, "stream")),
            (written(99), Fate("a", "a!", 0, 4, 0)),
            (written(99), Fate(None, "d!", 0, 0, 4)),
        ]
    )
    a, b = timedelta(seconds=1), timedelta(seconds=5)
    assert first == Freshness("a", 2, 3, a, timedelta(seconds=11), NOW - timedelta(seconds=1))
    assert second == Freshness("b", 1, 5, b, b, NOW - timedelta(seconds=3))
    assert [str(one) for one in (first, second)] == ["a 1 to 11", "b 5 to 5"]
