"""Scaffolded from real event logs, with no edit by hand: every line of them becomes a row."""

from pathlib import Path

import pytest

from log_router.core.catalog import Catalog, load_catalog
from log_router.core.event_files import event_file
from log_router.core.inferring import columns, left_out
from log_router.core.naming import event_names
from log_router.surveying import Survey, files, read_files
from tests.adapters.place import MakePlace, Place
from tests.unit.core.test_scaffold import SETTINGS

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
# Folder and event key; types and lines.
SETS = [
    (("gharchive", "type"), (18, 20_842)),
    (("elite_journal", "event"), (96, 30_117)),
    (("zeek", "_path"), (32, 158_439)),
]


def scaffolded(folder: Path, survey: Survey, event_key: str) -> Catalog:
    """Write and read back the event files of a survey."""
    (folder / "events").mkdir()
    for event_type, name in event_names(survey.profiles).items():
        profile = survey.profiles[event_type]
        inferred = columns(profile)
        left = left_out(profile, inferred)
        text = event_file(name, event_type, inferred, documents=profile.documents, left_out=left)
        (folder / "events" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return load_catalog(folder, SETTINGS.model_copy(update={"event_key": event_key}))


@pytest.mark.skipif(not DATA.exists(), reason="the real event logs are not on this machine: ../shared/data")
@pytest.mark.parametrize(("logs", "expected"), SETS)
def test_real_logs_are_loaded_whole(
    make_place: MakePlace, tmp_path: Path, logs: tuple[str, str], expected: tuple[int, int]
) -> None:
    """Scaffold, split, COPY: nothing is quarantined or unrouted, and each event's table has its lines."""
    (name, event_key), (types, lines) = logs, expected
    survey = Survey(event_key)
    found = files([DATA / name])
    read_files(survey, found, 10**7, lambda _: None)
    catalog = scaffolded(tmp_path, survey, event_key)
    assert (len(catalog.events), survey.lines) == (types, lines)
    place: Place = make_place(events=catalog.events, event_key=event_key)
    for file in found:
        place.upload(f"raw/{file.name}", file.read_bytes())
    ran = place.run("first")
    settled = ran.settlement
    assert (settled.rows, settled.quarantined, settled.unrouted) == (lines, 0, 0)
    for event in catalog.events:
        counted = place.rows(f'SELECT COUNT(*) FROM "{event.table}"')
        assert counted == [[survey.profiles[event.event_types[0]].documents]], event.name
