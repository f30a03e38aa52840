"""Event files: two keys are enough, and every mistake of every file is reported at once."""

from pathlib import Path

import pytest

from log_router.core.catalog import Catalog, load_catalog, load_settings
from log_router.core.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]
SETTINGS = """\
raw_bucket: events
raw_prefix: raw/%Y/%m/%d/%H/
event_key: event
staging_bucket: staging
schema: shop
"""
SMALLEST = "description: It was clicked.\ncolumns: [{name: id, type: bigint}]\n"
UNIQUE = """event_time: at
columns:
  - {name: id, type: bigint, required: true}
  - {name: at, type: timestamp, required: true}
  - {name: late, type: timestamp}
  - {name: note, type: varchar(9)}
  - {name: all, type: super}
"""
FULL = """\
description: A visitor clicked.
event_type: Клик
table: clicks
event_time: at
sort_key: [at, id]
dist_key: id
columns:
  - {name: at, type: timestamptz, required: true, time_format: epoch_milliseconds}
  - {name: id, path: 'user["the id"][0]', type: bigint, description: Who}
  - {name: rest, path: [payload, "a.b", 0], type: super}
"""


class Site:
    """A folder of settings and event files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events = folder / "events"
        self.events.mkdir()
        (folder / "settings.yaml").write_text(SETTINGS)

    def add(self, name: str, content: str | bytes) -> None:
        """Write one event file."""
        (self.events / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    def load(self) -> Catalog:
        """Return the catalog of the folder."""
        return load_catalog(self.folder, load_settings(self.folder, {}))

    def problems(self) -> list[str]:
        """Return what is wrong, without the folder's path."""
        with pytest.raises(ConfigError) as refusal:
            self.load()
        return [problem.replace(f"{self.events}/", "") for problem in refusal.value.problems]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site without events."""
    return Site(tmp_path)


def test_two_keys_are_enough(site: Site) -> None:
    """The file's name gives event type and table; the column's name gives its path."""
    site.add("Link_Clicked.yaml", SMALLEST)
    event = site.load().event("Link_Clicked")
    assert (event.event_type, event.table, event.description) == (
        "Link_Clicked",
        "link_clicked",
        "It was clicked.",
    )
    assert (event.event_time, event.sort_key, event.dist_key) == (None, (), None)
    (column,) = event.columns
    assert (column.path, column.type.ddl, column.required) == (("id",), "bigint", False)


def test_every_key_is_taken(site: Site) -> None:
    """The full event has what its file says."""
    site.add("click.yaml", FULL)
    event = site.load().event("click")
    assert (event.event_type, event.table, event.event_time) == ("Клик", "clicks", "at")
    assert (event.sort_key, event.dist_key) == (("at", "id"), "id")
    assert [column.path for column in event.columns] == [
        ("at",),
        ("user", "the id", 0),
        ("payload", "a.b", 0),
    ]
    assert event.columns[0].required
    assert event.columns[0].time_format == "epoch_milliseconds"
    with pytest.raises(KeyError):
        site.load().event("other")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (SMALLEST + "sortkey: [id]\n", "sortkey: is not a known key; did you mean `sort_key`?"),
        (SMALLEST + "xyzzy: 1\n", "xyzzy: is not a known key; known are event_type, when, table, columns"),
        (SMALLEST + "1: 1\n", "1: "),
        (
            "columns: [{name: id, type: strnig}]",
            "columns.0.type: `strnig` is not a Redshift column type here; did you",
        ),
        ("columns: [{name: id, type: 5}]", "columns.0.type: `5` is not a type; write one such as `bigint`"),
        (
            "columns: [{name: id, type: bigint, pth: x}]",
            "columns.0.pth: is not a known key; did you mean `path`?",
        ),
        (
            UNIQUE + "unique: {columns: [id], within_hour: 1}",
            "unique.within_hour: is not a known key; did you mean",
        ),
        (UNIQUE + "unique: {within_hours: 1}", "unique.columns: is missing; add it"),
        (UNIQUE + "unique: {columns: []}", "unique.columns: is empty; add at least one column"),
        (UNIQUE + "unique: {columns: [ident]}", "unique.columns: `ident` is not one of the columns; add it"),
        (UNIQUE + "unique: {columns: [id, id]}", "unique.columns: a column stands twice; remove one"),
        (
            UNIQUE + "unique: {columns: [all]}",
            "unique.columns: `all` is super, which Redshift takes for no key",
        ),
        (
            UNIQUE + "unique: {columns: [id], within_hours: 0}",
            "unique.within_hours: Input should be greater than or",
        ),
        (
            UNIQUE + "unique: {columns: [id, note]}",
            "unique: column `note` must be `required: true`: a row without",
        ),
        (
            UNIQUE.replace("event_time: at", "event_time: late") + "unique: {columns: [id]}",
            "unique: column `late` must be `required: true`",
        ),
        (
            UNIQUE.replace("event_time: at", "") + "unique: {columns: [id]}",
            "unique: it needs `event_time`, by which rows are near each other or not; add it",
        ),
        ("columns: [{name: id}]", "columns.0.type: is missing; add it"),
        ("columns: [{type: bigint}]", "columns.0.name: is missing; add it"),
        (
            "columns: [{name: Id, type: bigint}]",
            "columns.0.name: `Id` is not a name Redshift keeps as written; use",
        ),
        ("columns: [{name: 5, type: bigint}]", "columns.0.name: `5` is not text; quote it"),
        (f"columns: [{{name: {'x' * 128}, type: bigint}}]", "127 bytes at most"),
        (
            "columns: [{name: _lr_line, type: bigint}]",
            "columns.0: names starting with `_lr_` are Log Router's own",
        ),
        ("columns: [{name: ctid, type: bigint}]", "columns.0: `ctid` is a system column of every table"),
        (
            "columns: [{name: id, type: bigint, path: a..b}]",
            "columns.0.path: `a..b` can't be read at character 2",
        ),
        ("columns: [{name: id, type: bigint, path: }]", "columns.0.path: a path is text such as"),
        (
            "columns: [{name: id, type: bigint, time_format: iso8601}]",
            "columns.0.time_format: Input should be 'iso'",
        ),
        (
            "columns: [{name: id, type: bigint, time_format: epoch_seconds}]",
            "columns.0: `time_format` is for date, timestamp and timestamptz, not bigint; remove it",
        ),
        (
            "columns: [{name: id, type: bigint, required: perhaps}]",
            "columns.0.required: Input should be a valid bool",
        ),
        ("columns: [id]", "columns.0: Input should be"),
        ("columns: []", "columns: is empty; add at least one column"),
        ("columns: {id: bigint}", "columns: "),
        ("description: none", "columns: is missing; add it"),
        (
            "columns: [{name: id, type: bigint}, {name: id, type: real}]",
            "column `id` stands twice; rename one",
        ),
        (SMALLEST + "dist_key: uid", "dist_key: `uid` is not one of the columns; add it or correct the name"),
        (SMALLEST + "dist_key: ''", "dist_key: `` is not one of the columns"),
        (SMALLEST + "sort_key: [id, at]", "sort_key: `at` is not one of the columns"),
        (SMALLEST + "sort_key: [id, id]", "sort_key: a column stands twice; remove one"),
        (SMALLEST + "event_time: at", "event_time: `at` is not one of the columns"),
        (
            SMALLEST + "event_time: id",
            "event_time: `id` is bigint; it must be a date, timestamp or timestamptz",
        ),
        (
            "columns: [{name: x, type: super}]\ndist_key: x",
            "dist_key: `x` is super, which Redshift takes for no key",
        ),
        ("columns: [{name: x, type: super}]\nsort_key: [x]", "sort_key: `x` is super"),
        (SMALLEST + "table: Clicks", "table: `Clicks` is not a name Redshift keeps as written"),
        (SMALLEST + f"table: {'t' * 121}", "120 bytes at most"),
        (SMALLEST + 'event_type: "a\\0b"', "event_type: an event type has 1 to 1024 bytes and no U+0000"),
        (SMALLEST + 'event_type: ""', "event_type: an event type has 1 to 1024 bytes and no U+0000"),
        ('description: "a\\0b"\ncolumns: [{name: id, type: bigint}]', "description: it holds U+0000"),
        ("columns: [{name: id, type: bigint, required: 'yes'}]", "columns.0.required: "),
        (
            SMALLEST + "event_type: 5",
            "event_type: `5` is neither text nor a list of texts; quote the event type",
        ),
        (SMALLEST + "name: clicked", "name: an event is named by its file; remove the key"),
        ("a: 1\na: 2", "line 2, column 1: `a` stands twice, again on line 2; remove one"),
        ("", "the file must hold a mapping"),
        ("- columns", "the file must hold a mapping"),
        (b"description: caf\xe9", "can't be read: "),
    ],
)
def test_a_mistake_is_told_with_file_place_and_remedy(site: Site, content: str | bytes, problem: str) -> None:
    """One problem, starting with the file's name, then the key's place, then what is wrong and what helps."""
    site.add("click.yaml", content)
    (told,) = site.problems()
    assert told.startswith("click.yaml: ")
    assert problem in told


def test_all_mistakes_are_told_at_once(site: Site) -> None:
    """Mistakes in one file and in many are all in one error, which counts them."""
    site.add("a.yaml", "sortkey: [x]\ncolumns: [{name: x, type: bigit}, {name: Y, type: real, pth: z}]")
    site.add("b.yaml", "columns: []\nowner: me")
    site.add("c.yaml", "- nothing")
    site.add("d.yml", SMALLEST)
    with pytest.raises(ConfigError) as refusal:
        site.load()
    assert sorted(
        problem.replace(f"{site.events}/", "").replace(": line", " line").split(":")[:2]
        for problem in refusal.value.problems
    ) == [
        ["a.yaml line 1", " sortkey"],
        ["a.yaml line 2", " columns.0.type"],
        ["a.yaml line 2", " columns.1.name"],
        ["a.yaml line 2", " columns.1.pth"],
        ["b.yaml line 1", " columns"],
        ["b.yaml line 2", " owner"],
        ["c.yaml", " the file must hold a mapping of keys to values"],
        ["d.yml", " would not be read; rename it to d.yaml"],
    ]
    assert str(refusal.value).startswith("8 problems in the configuration:\n")


def test_two_files_never_share_a_table_or_an_event_type(site: Site) -> None:
    """The second file is told which one has the table or the event type; names that differ by case fold."""
    site.add("Security.yaml", SMALLEST)
    site.add("security.yaml", SMALLEST)
    site.add("x.yaml", SMALLEST + "event_type: y\n")
    site.add("y.yaml", SMALLEST)
    assert site.problems() == [
        "security.yaml: table: `security` is taken by Security.yaml; give one of them another `table`",
        (
            "y.yaml: event_type: `y` is taken by x.yaml; give one of them another `event_type`, or tell their lines "
            "apart by `when`: one path, different `equals`"
        ),
    ]


def test_event_types_that_differ_by_case_are_two_events(site: Site) -> None:
    """With a table of its own each, both are loaded."""
    site.add("Security.yaml", SMALLEST + "table: security_2\n")
    site.add("security.yaml", SMALLEST)
    assert [event.event_type for event in site.load().events] == ["Security", "security"]


@pytest.mark.parametrize("name", ["my event.yaml", "клик.yaml", "_x.yaml", ".#click.yaml", "a$.yaml"])
def test_a_file_name_that_is_no_event_name_is_refused(site: Site, name: str) -> None:
    """The remedy is a plain file name and `event_type`."""
    site.add(name, SMALLEST)
    assert "put any other spelling of the event type into `event_type`" in site.problems()[0]


def test_a_file_name_that_is_no_table_name_asks_for_a_table(site: Site) -> None:
    """`page-viewed` is a good event but no table; with `table` it loads."""
    site.add("page-viewed.yaml", SMALLEST)
    assert site.problems()[0].startswith("page-viewed.yaml: table: `page-viewed` is not a name")
    site.add("page-viewed.yaml", SMALLEST + "table: page_viewed")
    assert site.load().event("page-viewed").event_type == "page-viewed"


@pytest.mark.parametrize("name", ["click.yml", "click.YAML", "click.YML"])
def test_a_file_that_would_not_be_read_is_an_error(site: Site, name: str) -> None:
    """Another suffix of YAML is not left out without a word."""
    site.add("other.yaml", SMALLEST)
    site.add(name, SMALLEST)
    assert site.problems() == [f"{name}: would not be read; rename it to click.yaml"]


def test_a_site_without_events_is_an_error(site: Site) -> None:
    """No file, or no folder, is told as such."""
    assert "no event is configured; add one <event>.yaml" in site.problems()[0]
    site.events.rmdir()
    assert "no event is configured; add one <event>.yaml" in site.problems()[0]


def test_a_run_loads_at_most_1024_events(site: Site) -> None:
    """Airflow could not map one load over each of more: told before anything is read."""
    for number in range(1025):
        site.add(f"e{number}.yaml", SMALLEST)
    assert site.problems() == [f"{site.events}: 1025 events; Airflow loads 1024 in one run at most"]
    (site.events / "e0.yaml").unlink()
    assert len(site.load().events) == 1024


def test_a_table_takes_at_most_1600_columns(site: Site) -> None:
    """Our three columns count."""
    columns = [f"  - {{name: c{number}, type: bigint}}" for number in range(1598)]
    site.add("wide.yaml", "columns:\n" + "\n".join(columns))
    assert site.problems() == ["wide.yaml: 1598 columns; Redshift takes 1597"]
    site.add("wide.yaml", "columns:\n" + "\n".join(columns[1:]))
    assert len(site.load().event("wide").columns) == 1597


@pytest.mark.parametrize("folder", ["include", "examples/github"])
def test_our_own_catalogs_load_and_round_trip(folder: str) -> None:
    """What the package ships has no mistake, and JSON keeps all of it."""
    catalog = load_catalog(ROOT / folder, load_settings(ROOT / folder, {}))
    assert len(catalog.events) >= 14
    assert Catalog.from_json(catalog.to_json()) == catalog
    assert Catalog.from_json(catalog.to_json()).config_hash == catalog.config_hash
