"""An event file compared with the table that is there."""

import pytest

from log_router.core.events import LINEAGE_COLUMNS, Event
from log_router.core.evolution import Change, FoundColumn, Kind, changes, floor_bytes, grown, parsed
from log_router.core.snapshots import Snapshot

LINEAGE = {name: FoundColumn(name, "bigint") for name in LINEAGE_COLUMNS}


def event(kind: str = "varchar(32)", **keys: object) -> Event:
    """Return an event of one column of that type."""
    columns = [{"name": "note", "type": kind}]
    return Event.model_validate({"name": "e", "event_type": "e", "table": "e", "columns": columns, **keys})


def compared(found: str, wanted: str, **more: object) -> list[tuple[Kind, bool]]:
    """Return what comes of a column that is there as one type and wanted as another."""
    there = {"note": FoundColumn("note", found, **more), **LINEAGE}  # type: ignore[arg-type]
    return [(one.kind, one.blocks) for one in changes(event(wanted), there)]


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ("character varying(32)", "varchar(32)"),
        ("character(2)", "char(2)"),
        ("timestamp without time zone", "timestamp"),
        ("timestamp with time zone", "timestamptz"),
        ("numeric(12,2)", "numeric(12,2)"),
        ("double precision", "double precision"),
        ("super", "super"),
    ],
)
def test_the_same_type_is_no_change(found: str, wanted: str) -> None:
    """The warehouse's names of types are known."""
    assert compared(found, wanted) == []


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ("character varying(32)", "bigint"),
        ("bigint", "varchar(32)"),
        ("integer", "bigint"),
        ("numeric(12,2)", "numeric(12,3)"),
        ("numeric(12,2)", "numeric(14,2)"),
        ("character(2)", "char(3)"),
        ("character(40)", "varchar(32)"),
        ("timestamp with time zone", "timestamp"),
        ("geometry", "super"),
    ],
)
def test_what_redshift_cannot_change_blocks_a_load(found: str, wanted: str) -> None:
    """Each type that does not hold what the split lets through is refused, with a remedy."""
    assert compared(found, wanted) == [(Kind.REFUSED, True)]


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ("character varying(64)", "varchar(32)"),
        ("bigint", "smallint"),
        ("numeric(14,2)", "numeric(12,2)"),
        ("double precision", "real"),
    ],
)
def test_a_table_that_is_wider_is_loaded_but_not_narrowed(found: str, wanted: str) -> None:
    """Nothing is lost in it: a plan says so, a load goes on."""
    assert compared(found, wanted) == [(Kind.REFUSED, False)]


@pytest.mark.parametrize("encoding", ["bytedict", "runlength", "text255", "text32k"])
def test_a_varchar_is_widened_where_its_encoding_allows(encoding: str) -> None:
    """Redshift refuses it for these encodings and for a column with a default; so do we, before."""
    assert compared("character varying(16)", "varchar(32)", encoding="zstd") == [(Kind.WIDENED, False)]
    assert compared("character varying(16)", "varchar(32)", encoding=encoding) == [(Kind.REFUSED, True)]
    assert compared("character varying(16)", "varchar(32)", has_default=True) == [(Kind.REFUSED, True)]


@pytest.mark.parametrize(("longest", "length"), [(0, 32), (32, 32), (33, 64), (200, 256), (65_535, 65_535)])
def test_a_column_grows_by_doubling(longest: int, length: int) -> None:
    """The declared length is doubled until the longest value fits."""
    assert grown(event().columns[0], longest).length == length


def test_a_column_that_is_gone_stays_and_one_that_is_new_is_added() -> None:
    """Both are additive."""
    found = {"old": FoundColumn("old", "character varying(7)"), **LINEAGE}
    assert changes(event(), found) == (
        Change(Kind.ADDED, "note", wanted="varchar(32)"),
        Change(Kind.LEFT, "old", "varchar(7)"),
    )


def test_a_changed_key_is_refused_but_blocks_nothing() -> None:
    """A key of the file that the table has not is refused; a sort key that the file does not name stays."""
    found = {"note": FoundColumn("note", "character varying(32)", sort_place=1, dist_key=True), **LINEAGE}
    assert [(one.kind, one.column, one.blocks) for one in changes(event(), found)] == [
        (Kind.LEFT, "sort_key", False),
        (Kind.REFUSED, "dist_key", False),
    ]
    bare = {"note": FoundColumn("note", "character varying(32)"), **LINEAGE}
    keyed = event(sort_key=["note"], dist_key="note")
    assert [one.column for one in changes(keyed, bare)] == ["sort_key", "dist_key"]


def test_the_storage_floor_is_a_block_a_column_and_slice() -> None:
    """Lineage and hidden columns count; a sorted table has a second region."""
    assert floor_bytes(event(), 2) == 14 * 1024 * 1024
    assert floor_bytes(event(sort_key=["note"]), 1) == 14 * 1024 * 1024


def test_a_type_that_no_file_can_name_is_none() -> None:
    """Types beyond ours are told apart from ours."""
    assert parsed("geometry") is None
    assert parsed("") is None


def test_a_saved_catalog_comes_back() -> None:
    """What was saved compares as the warehouse does."""
    saved = Snapshot({"e": {"note": FoundColumn("note", "bigint")}}, ("e",), {"e": [("raw/", 1, 2)]}, 2)
    assert Snapshot.from_json(saved.to_json(), "x") == saved
