"""The generator's promises: the same bytes again, a believable marketplace, and a truth to compare with."""

import gzip
import itertools
import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from backports import zstd

from local import generate
from local.generate import Expectation, spoil
from log_router.core import paths
from log_router.core.catalog import Catalog, load_catalog
from log_router.core.lines import line_blocks
from log_router.core.reports import ObjectReport, QuarantinedLine, UnroutedLine
from log_router.core.settings import Settings
from log_router.core.split import Splitter

ROOT = Path(__file__).parents[2]
HOUR = datetime(2026, 3, 1, 18, tzinfo=UTC)
MAX_LINE_BYTES = 1 << 20
FUNNEL = ("listing_viewed", "cart_item_added", "checkout_started", "order_placed")

REASONS = {
    "malformed_json": "malformed_json",
    "truncated": "malformed_json",
    "invalid_utf8": "invalid_utf8",
    "nul_escape": "nul_character",
    "lone_surrogate": "malformed_json",
    "two_documents": "malformed_json",
    "array": "not_an_object",
    "scalar": "not_an_object",
    "missing_event": "no_event_type",
    "too_long": "too_long",
    "wrong_type": "wrong_type",
    "missing_required": "missing_required",
    "out_of_range": "out_of_range",
    "bad_timestamp": "bad_time",
}


class Kept:
    """A sink that remembers what it took."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes]] = []
        self.bad: list[QuarantinedLine] = []

    def rows(self, event: str, rows: bytes, count: int) -> None:
        """Keep the rows."""
        self.taken += [(event, row) for row in rows.splitlines()]
        assert rows.count(b"\n") == count

    def quarantined(self, line: QuarantinedLine) -> None:
        """Keep the line."""
        self.bad.append(line)

    def unrouted(self, line: UnroutedLine) -> None:
        """The report counts them."""


def generated(**arguments: Any) -> tuple[bytes, Expectation]:
    """Return one uncompressed object of the hour, whole, and its expectation."""
    defaults: dict[str, Any] = {"objects_per_hour": 1, "lines_per_object": 4_000, "compression": "none"}
    (one,) = generate.hours(HOUR, **(defaults | arguments))
    return b"".join(one.blocks), one.expectation


def documents(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.decode().split("\n")[:-1]]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    settings = Settings(
        raw_bucket="marketplace-events",
        raw_prefix="raw/%Y/%m/%d/%H/",
        event_key="event",
        staging_bucket="log-router-staging",
        schema="marketplace",
    )
    return load_catalog(ROOT / "include", settings)


@pytest.fixture(scope="module")
def good() -> list[dict[str, Any]]:
    """Some hours' worth of good lines, decoded."""
    content, _ = generated(lines_per_object=20_000, rates={})
    return documents(content)


def split(catalog: Catalog, blocks: Iterable[bytes]) -> tuple[ObjectReport, Kept]:
    kept = Kept()
    report = Splitter(catalog, "batch").split("object", line_blocks(blocks, MAX_LINE_BYTES), kept)
    return report, kept


def test_equal_arguments_give_equal_bytes_and_another_seed_gives_others() -> None:
    """A run can be repeated anywhere, and varied."""
    assert generated() == generated()
    assert generated() != generated(seed=8)


def test_an_object_does_not_depend_on_how_many_are_asked_for() -> None:
    """More hours or more objects an hour add to what was there, and change none of it."""
    few = {one.key: b"".join(one.blocks) for one in generate.hours(HOUR, 1, lines_per_object=300)}
    more = {
        one.key: b"".join(one.blocks)
        for one in generate.hours(HOUR - timedelta(hours=1), 3, lines_per_object=300, objects_per_hour=5)
    }
    assert few.items() <= more.items()
    assert len(set(more.values())) == len(more) == 15


def test_bad_lines_change_no_other_line() -> None:
    """The same traffic with and without bad lines differs in just those lines."""
    clean, _ = generated(rates={})
    spoiled, expectation = generated(rates=generate.rates(bad=0.02, unrouted=0, blank=0, odd=0))
    differing = [
        number
        for number, (one, other) in enumerate(
            zip(clean.split(b"\n"), spoiled.split(b"\n"), strict=True), start=1
        )
        if one != other
    ]
    assert differing == sorted(number for numbers in expectation.bad.values() for number in numbers)
    assert len(differing) > 50


def test_keys_follow_the_template_and_hours_are_utc() -> None:
    """Objects lie where a partition's prefix looks for them, whatever zone the start was given in."""
    start = datetime(2025, 12, 31, 22, 30, tzinfo=timezone(timedelta(hours=-1)))
    keys = [
        one.key
        for one in generate.hours(
            start, 2, objects_per_hour=2, prefix="logs/%Y-%m-%d-%-H/", compression="zstd"
        )
    ]
    assert keys == [
        "logs/2025-12-31-23/events-0000.jsonl.zst",
        "logs/2025-12-31-23/events-0001.jsonl.zst",
        "logs/2026-01-01-0/events-0000.jsonl.zst",
        "logs/2026-01-01-0/events-0001.jsonl.zst",
    ]


def test_compressions_hold_the_same_lines() -> None:
    """Objects in gzip and zstd decompress to the plain one."""
    plain, _ = generated()
    assert gzip.decompress(generated(compression="gzip")[0]) == plain
    assert zstd.decompress(generated(compression="zstd")[0]) == plain


def test_lines_come_in_the_order_of_their_seconds_and_inside_the_hour(good: list[dict[str, Any]]) -> None:
    """Visits run side by side, as in a real log."""
    seconds = [line["occurred_at"][:19] for line in good]
    assert seconds == sorted(seconds)
    assert seconds[0].startswith("2026-03-01T18:00")
    assert seconds[-1].startswith("2026-03-01T18:59")
    sessions = [line.get("session_id") for line in good]
    assert sum(one != other for one, other in itertools.pairwise(sessions)) > len(good) / 2


def test_evenings_are_busier_than_nights_and_a_day_has_the_mean() -> None:
    """The rate follows the time of day; a day has 24 times the lines asked for."""
    lines = {}
    for one in generate.hours(HOUR, 24, objects_per_hour=1, lines_per_object=100, rates={}):
        for _ in one.blocks:
            pass
        lines[one.key] = one.expectation.lines
    assert lines["raw/2026/03/01/19/events-0000.jsonl.gz"] == max(lines.values())
    assert max(lines.values()) > 3 * min(lines.values())
    assert sum(lines.values()) == pytest.approx(2_400, abs=12)


def test_the_funnel_narrows_by_session(good: list[dict[str, Any]]) -> None:
    """At each step some leave, and nobody orders who has not come through the steps before."""
    reached: dict[str, set[str]] = defaultdict(set)
    for line in good:
        reached[line["event"]].add(line.get("session_id", ""))
    sessions = [reached[step] for step in FUNNEL]
    assert all(later < earlier for earlier, later in itertools.pairwise(sessions))
    assert len(sessions[-1]) > 100
    assert len(sessions[0]) > 10 * len(sessions[-1])


def test_amounts_of_an_order_add_up(good: list[dict[str, Any]]) -> None:
    """Item prices, quantities, shipping and total agree to the cent."""
    orders = [line["properties"] for line in good if line["event"] == "order_placed"]
    for order in orders:
        goods = sum(round(item["unit_price"] * 100) * item["quantity"] for item in order["items"])
        assert goods + round(order["shipping"] * 100) == round(order["total"] * 100)
        assert order["item_count"] == len(order["items"])
    assert orders


def test_searches_have_clear_favourites_and_a_long_tail(good: list[dict[str, Any]]) -> None:
    """A list of top searches means something, in more scripts than one."""
    queries = [line["properties"]["query"] for line in good if line["event"] == "search_performed"]
    counts = Counter(query.strip().casefold() for query in queries)
    top = counts.most_common(10)
    assert top[0][1] > 1.2 * top[9][1]
    assert sum(count for _, count in top) > len(queries) / 8
    assert len(counts) > 200
    assert any(not query.isascii() for query, _ in top)


def test_event_types_are_skewed_and_all_occur(good: list[dict[str, Any]], catalog: Catalog) -> None:
    """A few event types make most of the lines, and each of the catalog's occurs."""
    counts = Counter(line["event"] for line in good)
    assert set(counts) == {event.name for event in catalog.events}
    assert len(counts) == 20
    assert sum(count for _, count in counts.most_common(3)) > 0.7 * len(good)
    assert counts.most_common()[-1][1] < len(good) / 200


def test_every_column_of_the_catalog_is_filled_by_some_line(
    good: list[dict[str, Any]], catalog: Catalog
) -> None:
    """No column of the example catalog points at nothing, and no required one is ever empty."""
    filled: Counter[tuple[str, str]] = Counter()
    for line in good:
        for column in catalog.event(line["event"]).columns:
            filled[line["event"], column.name] += paths.find(line, column.path) is not None
    assert [column for column, lines in filled.items() if not lines] == []
    lines_of = Counter(line["event"] for line in good)
    optional = [column for column, lines in filled.items() if lines < lines_of[column[0]]]
    assert len(optional) > 20


def test_the_catalog_uses_every_column_type(catalog: Catalog) -> None:
    """The example shows each type that an event may use."""
    used = {column.type.name for event in catalog.events for column in event.columns}
    assert used == {
        *("smallint", "integer", "bigint", "real", "double precision", "numeric", "boolean"),
        *("date", "timestamp", "timestamptz", "varchar", "char", "super"),
    }


@pytest.mark.parametrize("kind", spoil.SPOILERS)
def test_each_kind_occurs_at_its_rate_and_is_counted(kind: str) -> None:
    """A rate is per line; the expectation says how many there were."""
    _, expectation = generated(rates={kind: 0.05})
    counted = (
        len(expectation.bad.get(kind, []))
        + expectation.unrouted[kind]
        + expectation.odd[kind]
        + (expectation.blank if kind == "blank" else 0)
    )
    expected = 0.05 * expectation.lines
    # four standard deviations of a binomial count
    assert counted == pytest.approx(expected, abs=4 * expected**0.5)


def test_what_the_split_finds_is_what_the_generator_expects(catalog: Catalog) -> None:
    """Rows by event, each bad line's number and reason, unrouted and blank lines are all as foretold."""
    rates = generate.rates(bad=0.07, unrouted=0.01, blank=0.01, odd=0.02)
    content, expectation = generated(lines_per_object=12_000, rates=rates)
    report, kept = split(catalog, [content])
    assert report.lines == expectation.lines == content.count(b"\n")
    assert report.rows == expectation.rows
    assert report.unrouted == expectation.unrouted
    assert report.blank == expectation.blank
    found = {(line.line_number, line.reason) for line in kept.bad}
    foretold = {(number, REASONS[kind]) for kind, numbers in expectation.bad.items() for number in numbers}
    assert found == foretold
    assert set(expectation.bad) == set(spoil.BAD)
    assert set(expectation.odd) == set(spoil.ODD)


def test_no_good_line_is_quarantined_or_changed(catalog: Catalog, good: list[dict[str, Any]]) -> None:
    """Every good line is a row of its event, in order, with its own id."""
    content, _ = generated(lines_per_object=20_000, rates={})
    report, kept = split(catalog, [content])
    assert kept.bad == []
    assert report.rows.total() == report.lines == len(good)
    rows = defaultdict(list)
    for event, row in kept.taken:
        rows[event].append(json.loads(row)["event_id"])
    expected = defaultdict(list)
    for line in good:
        expected[line["event"]].append(line["id"])
    assert rows == expected


def test_a_duplicate_key_gives_the_last_value(catalog: Catalog) -> None:
    """Odd lines are rows like any other: the event id is the line's own, not the first of two."""
    content, expectation = generated(rates={"duplicate_key": 0.05, "crlf": 0.05})
    report, kept = split(catalog, [content])
    assert report.rows.total() == expectation.lines
    assert not any(b"first of two" in row for _, row in kept.taken)
    assert content.count(b"first of two") == expectation.odd["duplicate_key"] > 100
    assert content.count(b"\r\n") == expectation.odd["crlf"] > 100


def test_a_large_object_is_streamed() -> None:
    """The first block of an object of millions of lines is there before the rest is made."""
    (one,) = generate.hours(HOUR, objects_per_hour=1, lines_per_object=2_000_000, compression="none")
    assert next(one.blocks)
    assert one.expectation.lines < 5_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rates": {"nul": 0.1}}, r"unknown kinds \['nul'\].*nul_escape"),
        ({"rates": {"nul_escape": 0.6, "array": 0.5}}, "sum 1.1.*is < 1"),
        ({"compression": "rar"}, "`rar` is not one of gzip, zstd, none"),
    ],
)
def test_wrong_arguments_are_refused_with_the_choices(arguments: dict[str, Any], message: str) -> None:
    """An error names what is wrong and what would be right."""
    with pytest.raises(ValueError, match=message):
        generated(**arguments)


def test_a_start_without_a_zone_is_refused() -> None:
    """Nobody's local hour becomes UTC unseen."""
    with pytest.raises(ValueError, match="has no time zone"):
        list(generate.hours(HOUR.replace(tzinfo=None)))


def command(*arguments: str, hash_seed: str = "0") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "local.generate", "--start", "2026-03-01T18", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        check=False,
    )


def test_the_command_writes_objects_and_the_truth_about_them(tmp_path: Path) -> None:
    """Files lie at their keys and hold what the Python interface gives; the truth is JSON beside them."""
    truth = tmp_path / "truth.json"
    done = command(
        *("--hours", "2", "--objects-per-hour", "1", "--lines-per-object", "500"),
        *("--out", str(tmp_path), "--expect", str(truth), "--rate", "array=0.01"),
    )
    assert done.returncode == 0, done.stderr.decode()
    rates = generate.rates() | {"array": 0.01}
    wanted = list(generate.hours(HOUR, 2, objects_per_hour=1, lines_per_object=500, rates=rates))
    assert {one.key: (tmp_path / one.key).read_bytes() for one in wanted} == {
        one.key: b"".join(one.blocks) for one in wanted
    }
    assert json.loads(truth.read_bytes()) == {one.key: one.expectation.to_dict() for one in wanted}
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "events-0000.jsonl.gz",
        "events-0000.jsonl.gz",
        "truth.json",
    ]


def test_the_command_gives_equal_bytes_in_every_process() -> None:
    """Nothing hangs on Python's hash seed."""
    arguments = ("--stdout", "--lines-per-object", "300", "--compression", "none")
    first, second = command(*arguments, hash_seed="1"), command(*arguments, hash_seed="2")
    assert first.stdout == second.stdout
    assert first.stdout.count(b"\n") > 1_000


def test_the_command_refuses_an_unknown_kind_in_one_line() -> None:
    """A mistake on the command line gives no traceback."""
    done = command("--stdout", "--rate", "bogus=0.1")
    assert done.returncode == 2
    assert b"unknown kinds ['bogus']" in done.stderr
    assert b"Traceback" not in done.stderr
