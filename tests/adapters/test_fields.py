"""Routes, masks and growth through real S3 and the twin: what stands in staging, tables and the record."""

from dataclasses import replace

import orjson
import pytest

from log_router.core.catalog import Catalog
from log_router.core.events import Event
from tests.adapters.place import MakePlace, Place
from tests.adapters.test_isolating import Narrow, change
from tests.adapters.test_splitting import lines_of

PAYMENT = {
    "event_type": ["pay", "paid"],
    "columns": [
        {"name": "email", "path": "user.email", "type": "varchar(64)", "mask": "hash"},
        {"name": "phone", "type": "varchar(20)", "mask": "drop"},
        {"name": "who", "path": "user", "type": "super"},
        {"name": "n", "type": "smallint"},
        {"name": "source", "type": "varchar(4)", "constant": "web"},
        {"name": "note", "type": "varchar(8)", "on_error": "truncate"},
    ],
    "extra": "others",
}


def payment(name: str, equals: object) -> Event:
    """Return an event of payments by one method."""
    return Event.model_validate(
        {"name": name, "table": name, "when": {"path": "by", "equals": equals}, **PAYMENT}
    )


CARD, CASH = payment("card", "card"), payment("cash", 1)


def line(**fields: object) -> bytes:
    """Return a payment of a person."""
    person = {
        "event": "pay",
        "by": "card",
        "user": {"email": "ann@example.com", "age": 7},
        "phone": "555-0100",
        "n": 1,
    }
    return orjson.dumps({**person, **fields}) + b"\n"


def everything_staged(place: Place) -> bytes:
    """Return all that is written to staging, decompressed."""
    listed = place.store.client.list_objects_v2(Bucket=place.settings.staging_bucket).get("Contents", [])
    keys = [entry["Key"] for entry in listed]
    packed = [key for key in keys if key.endswith(".gz")]
    plain = b"\n".join(place.store.get(key) for key in keys if key not in packed)
    return plain + b"\n".join(orjson.dumps(lines_of(place, key)) for key in packed)


@pytest.fixture
def place(make_place: MakePlace) -> Place:
    """Return a site with payments by card and cash."""
    return make_place(events=(CARD, CASH))


def test_personal_data_is_in_no_file_and_no_table(place: Place) -> None:
    """Rows, other fields, quarantined lines (readable or not) and unrouted ones: the raw object alone holds it."""
    lines = [
        line(town="Ulm"),
        line(by=1, event="paid", note="much too long"),
        line(n="ann"),
        line(n=99_999),
        line(by="gift"),
        line(event="other"),
        line()[:-3] + b"\n",
    ]
    place.upload("raw/a", b"".join(lines))
    ran = place.run("first")
    assert (ran.settlement.rows, ran.settlement.quarantined, ran.settlement.unrouted) == (2, 3, 2)
    kept = everything_staged(place)
    assert b"Ulm" in kept
    for secret in (b"ann@example", b"555-0100"):
        assert secret not in kept
    ((email, who, others, source),) = place.rows("SELECT email, who, others, source FROM card")
    assert isinstance(email, str)
    assert orjson.loads(str(who)) == {"age": 7, "email": email}
    assert (orjson.loads(str(others)), source) == ({"town": "Ulm"}, "web")
    assert place.rows("SELECT note, email = '" + email + "' FROM cash") == [["much too", True]]
    heads = place.ledger_rows("SELECT detail, head FROM {}.quarantined_lines")
    assert len(heads) == 3
    assert "ann@" not in str(heads)
    assert "555-0100" not in str(heads)


def test_a_line_that_copy_refuses_is_kept_masked(place: Place) -> None:
    """The raw line is read again for it, and masked again."""
    place.upload("raw/a", line(note="a"))
    place.run("first")
    change(place, "note", "varchar(4)", table="card")
    place.upload("raw/b", line(note="abcdef") + line(note="b"))
    batch = place.plan("second")
    assert Narrow(**vars(place)).load_isolating(batch, place.split(batch)[0]).rows == 1
    kept = everything_staged(place)
    assert b"refused_by_copy" in kept
    assert b"ann@example" not in kept
    assert b"555-0100" not in kept


def test_lines_of_a_new_condition_are_found_by_the_record(place: Place) -> None:
    """A value that no event names is unrouted under a type of its own; its file makes just these objects pending."""
    place.upload("raw/a", line())
    place.upload("raw/b", line(by="gift"))
    place.run("first")
    types = place.ledger_rows("SELECT event_type FROM {}.object_events WHERE unrouted > 0")
    assert types == [["pay[by=gift]"]]
    assert not place.plan("second").objects
    more = replace(place, catalog=Catalog(event_key="event", events=(CARD, CASH, payment("gift", "gift"))))
    ran = more.run("third")
    assert [raw.key for raw in ran.batch.objects] == ["raw/b"]
    assert place.rows("SELECT n FROM gift") == [[1]]
    assert not more.plan("fourth").objects
