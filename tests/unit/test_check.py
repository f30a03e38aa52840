"""`log-router check` and what editors are told: every mistake with its line, and samples that are tried."""

import json
from pathlib import Path

import orjson
import pytest
import yaml

from local import schemas
from log_router.cli.main import main
from log_router.core.catalog import load_catalog, load_settings
from log_router.core.samples import check

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = """raw_bucket: raw-bucket
raw_prefix: raw/%Y/%m/%d/%H/
event_key: e
staging_bucket: staging-bucket
schema: events
"""
EVENT = "columns:\n  - {name: at, type: timestamp}\n  - {name: total, type: 'numeric(12,2)', path: p.total}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a site's folder with one event."""
    (tmp_path / "events" / "tests").mkdir(parents=True)
    (tmp_path / "settings.yaml").write_text(SETTINGS)
    (tmp_path / "events" / "buy.yaml").write_text(EVENT)
    return tmp_path


def said(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Run the command; return its exit status and the problems without the folder."""
    status = main(["check", str(folder), "--json"])
    problems = orjson.loads(capsys.readouterr().out)["problems"]
    return status, [problem.replace(f"{folder}/", "") for problem in problems]


def test_all_is_well(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It counts what it has read."""
    assert main(["check", str(folder)]) == 0
    assert "1 event with 2 columns and 0 samples: all is well" in capsys.readouterr().out


def test_each_mistake_has_its_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of settings and event files at once."""
    (folder / "settings.yaml").write_text(SETTINGS + "\nevnt_key: x\n")
    (folder / "events" / "bad.yaml").write_text(
        "# one\ncolumns:\n  - name: a\n    type: bigit\n  - {name: b, type: real,\n     requird: true}\n"
    )
    (folder / "events" / "worse.yaml").write_text("columns: [\n")
    status, problems = said(folder, capsys)
    assert status == 1
    assert problems[0] == "settings.yaml: line 7: evnt_key: is not a known key; did you mean `event_key`?"
    assert problems[1].startswith("events/bad.yaml: line 4: columns.0.type: `bigit` is not")
    assert problems[2] == (
        "events/bad.yaml: line 6: columns.1.requird: is not a known key; did you mean `required`?"
    )
    assert problems[3].startswith("events/worse.yaml: line 2, column 1: ")


SAMPLES = """samples:
  - line: {e: buy, at: "2026-01-31T13:00:00+01:00", p: {total: 12.5}}
    row: {at: "2026-01-31 12:00:00", total: 12.5}
  - line: '{"e": "buy", "at": "now"}'
    quarantined: bad_time
  - line: {e: sell}
    unrouted: true
"""


def test_samples_are_tried(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Right ones are counted."""
    (folder / "events" / "tests" / "buy.yaml").write_text(SAMPLES)
    assert said(folder, capsys) == (0, [])
    assert check(folder, load_catalog(folder, load_settings(folder, {}))) == (3, [])


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("total: 12.5}\n", "total: 12.51}\n", "line 2: row.total: `12.51` is wanted; found `12.50`"),
        (", total: 12.5}\n", "}\n", "line 2: row.total: `None` is wanted; found `12.50`"),
        ("bad_time", "too_long", "line 4: quarantined: `too_long` is wanted; found bad_time: at: 'now'"),
        ("e: sell", "e: buy", "line 6: unrouted is wanted; it became row of event buy: {}"),
        ("unrouted: true", "row: {}", "line 6: row is wanted; it became unrouted: sell"),
        ("unrouted: true", "rwo: {}", "each sample has a `line` and one of quarantined, row, unrouted"),
        ('"2026-01-31T13:00:00+01:00"', "2026-01-31T13:00:00Z", "line 2: line: YAML makes a date of a text"),
        ("samples:", "sample:", "it must hold one key, `samples`"),
    ],
)
def test_a_sample_that_differs_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], right: str, wrong: str, told: str
) -> None:
    """With its line, what was wanted and what was found."""
    assert right in SAMPLES
    (folder / "events" / "tests" / "buy.yaml").write_text(SAMPLES.replace(right, wrong, 1))
    status, problems = said(folder, capsys)
    assert (status, len(problems)) == (1, 1)
    assert told in problems[0]


def test_samples_of_no_event_are_a_mistake(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that was renamed without them is not tried in silence."""
    (folder / "events" / "tests" / "by.yaml").write_text(SAMPLES)
    assert said(folder, capsys) == (
        1,
        ["events/tests/by.yaml: there is no event `by`; rename the file after its event"],
    )


@pytest.mark.parametrize("file", schemas.FILES, ids=lambda file: file.name)
def test_the_schemas_are_those_of_the_code(file: Path) -> None:
    """`make schemas` writes them; every key is explained."""
    text = schemas.text_of(schemas.FILES[file])
    assert file.read_text() == text
    made = json.loads(text)
    for part in (made, *made.get("$defs", {}).values()):
        assert all("description" in key for key in part["properties"].values())
        assert part["additionalProperties"] is False


@pytest.mark.parametrize("place", ["include", "examples/github"])
def test_every_file_names_its_schema(place: str) -> None:
    """By a path that is there."""
    for file in [ROOT / place / "settings.yaml", *(ROOT / place / "events").glob("*.yaml")]:
        first = file.read_text().splitlines()[0]
        assert first.startswith("# yaml-language-server: $schema=")
        assert (file.parent / first.partition("=")[2]).resolve() in schemas.FILES
        yaml.safe_load(file.read_text())
