"""Hours that are planned together: what came late to one that had run already comes in with the next."""

from collections import Counter

from log_router.core.batches import Batch
from log_router.core.windows import DAY, Hour, hours_between
from tests.adapters.hours import HOURS, key
from tests.adapters.place import Place, order

ORDERS = 'SELECT "order" FROM order_placed ORDER BY 1'


def load(place: Place, name: str, *hours: Hour) -> dict[str, int]:
    """Plan hours together, load and settle them; return how many raw objects of each were planned."""
    batch, planned = plan(place, name, *hours)
    place.finish(batch)
    return {hour.label: count for hour, count in planned.items()}


def plan(place: Place, name: str, *hours: Hour) -> tuple[Batch, Counter[Hour]]:
    """Plan hours together; return the batch, and how many raw objects of each hour are in it."""
    found = place.planner.listed(hours)
    batch = place.planner.plan(name, hours[-1].label, list(found))
    return batch, Counter(found[raw] for raw in batch.objects)


def test_a_late_object_comes_in_with_the_next_hour(place: Place) -> None:
    """Only it is planned of the hour that was loaded before; the batch has the name of its own hour."""
    first, second, third = HOURS
    place.upload(key("a", first), order(1))
    assert load(place, "first", first) == {first.label: 1}
    place.upload(key("late", first), order(2))
    place.upload(key("b", second), order(3))
    assert load(place, "by hand", second) == {second.label: 1}
    assert place.rows(ORDERS) == [[1], [3]]
    assert load(place, "looking back", first, second, third) == {first.label: 1}
    assert place.rows(ORDERS) == [[1], [2], [3]]
    assert load(place, "nothing is late", first, second, third) == {}


def test_hours_of_runs_that_overlap_are_loaded_once(place: Place) -> None:
    """Two runs plan the same hour before either has loaded it: both succeed, and each row is there once."""
    first, second, third = HOURS
    for number, hour in enumerate(HOURS):
        place.upload(key("a", hour), order(number))
    batches = [
        plan(place, name, *hours)[0]
        for name, hours in (("one", (first, second)), ("two", (first, second, third)))
    ]
    assert [len(batch.objects) for batch in batches] == [2, 3]
    assert [place.finish(batch).settlement.incomplete_objects for batch in batches] == [0, 0]
    assert place.rows(ORDERS) == [[0], [1], [2]]


def test_an_hour_named_twice_is_planned_once(place: Place) -> None:
    """Its raw objects stand in the batch once."""
    place.upload(key("a"), order(1))
    batch, planned = plan(place, "run", HOURS[0], HOURS[0])
    assert (len(batch.objects), planned.total()) == (1, 1)


def test_a_day_is_listed_at_once(place: Place) -> None:
    """Its raw objects are those of its hours, in their order; what lies beside the hours is none of them."""
    midnight = Hour(HOURS[0].start.replace(hour=0))
    day = hours_between(midnight, Hour(midnight.start + DAY))
    for hour in (day[0], HOURS[0], day[23]):
        place.upload(key("a", hour), order(1))
    place.upload("raw/2026/01/31/manifest.json", b"{}")
    place.upload("raw/2026/01/31/24/a", order(1))
    found = place.planner.listed(day)
    assert [hour.label for hour in found.values()] == ["20260131T00", "20260131T13", "20260131T23"]
    assert list(found) == [raw for hour in day for raw in place.planner.listed([hour])]
