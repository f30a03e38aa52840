"""A catalog as JSON: nothing is lost, and the hash tells any difference."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log_router.core.catalog import Catalog, load_catalog, load_settings
from log_router.core.events import Event
from tests.unit.core.recording import catalog, event, modest

names = st.from_regex(r"[a-z][a-z0-9_$]{0,12}", fullmatch=True)
paths = st.lists(st.text(min_size=1, max_size=5) | st.integers(0, 99), min_size=1, max_size=3)
columns = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            ["bigint", "varchar(9)", "numeric(12,3)", "super", "double precision", "timestamptz"]
        )
    },
    optional={
        "path": paths,
        "required": st.booleans(),
        "description": st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9),
    },
)
events = st.dictionaries(names, st.dictionaries(names, columns, min_size=1, max_size=4), max_size=4)


@modest
@given(events, st.text(min_size=1, max_size=9))
def test_json_keeps_every_catalog(given_events: dict[str, dict[str, dict[str, Any]]], event_key: str) -> None:
    """from_json(to_json()) is the same catalog, with the same hash."""
    made = tuple(
        Event.model_validate(
            {
                "name": name,
                "event_type": name.upper(),
                "table": name,
                "columns": [{"name": column, **keys} for column, keys in given_columns.items()],
            }
        )
        for name, given_columns in given_events.items()
    )
    whole = Catalog(event_key=event_key, events=made)
    again = Catalog.from_json(whole.to_json())
    assert again == whole
    assert again.config_hash == whole.config_hash


BASE: dict[str, Any] = {
    "name": "click",
    "event_type": "click",
    "table": "click",
    "columns": [{"name": "id", "type": "bigint"}, {"name": "at", "type": "timestamp"}],
}
OTHER_COLUMN: dict[str, Any] = {"name": "at", "type": "timestamp"}


@pytest.mark.parametrize(
    "change",
    [
        {"name": "clack"},
        {"event_type": "Click"},
        {"table": "clicks"},
        {"description": "A click."},
        {"event_time": "at"},
        {"sort_key": ["at"]},
        {"dist_key": "id"},
        {"columns": BASE["columns"][::-1]},
        {"columns": [{"name": "id", "type": "integer"}, OTHER_COLUMN]},
        {"columns": [{"name": "id", "type": "bigint", "required": True}, OTHER_COLUMN]},
        {"columns": [{"name": "id", "type": "bigint", "path": "a.id"}, OTHER_COLUMN]},
        {"columns": [{"name": "id", "type": "bigint", "description": "x"}, OTHER_COLUMN]},
        {"columns": [BASE["columns"][0], {**OTHER_COLUMN, "time_format": "epoch_seconds"}]},
    ],
)
def test_any_change_changes_the_hash(change: dict[str, Any]) -> None:
    """No key of an event or a column is left out of the hash."""
    base = Catalog(event_key="event", events=(Event.model_validate(BASE),))
    changed = Catalog(event_key="event", events=(Event.model_validate({**BASE, **change}),))
    assert base.config_hash != changed.config_hash
    assert Catalog(event_key="type", events=base.events).config_hash != base.config_hash
    assert len(base.config_hash) == 16


def test_the_key_of_a_path_is_not_its_index() -> None:
    """The key "0" and the index 0 are two paths, also after a round trip."""
    by_key, by_index = (
        catalog(event({"name": "id", "type": "bigint", "path": ["a", part]})) for part in ("0", 0)
    )
    assert by_key.config_hash != by_index.config_hash
    assert Catalog.from_json(by_key.to_json()) == by_key
    assert Catalog.from_json(by_index.to_json()) == by_index


def test_the_order_in_which_files_were_made_does_not_matter(tmp_path: Path) -> None:
    """The same files give the same hash, and so does the same config with its keys in another order."""
    hashes = set()
    for number, order in enumerate((("a", "b", "c"), ("c", "a", "b"))):
        folder = tmp_path / str(number)
        (folder / "events").mkdir(parents=True)
        (folder / "settings.yaml").write_text(
            "raw_bucket: raw\nraw_prefix: '%Y%m%d%H'\nevent_key: e\nstaging_bucket: stage\nschema: s\n"
        )
        lines = ["description: x", "columns: [{name: id, type: bigint}]"]
        for name in order:
            (folder / "events" / f"{name}.yaml").write_text("\n".join(lines if number else lines[::-1]))
        hashes.add(load_catalog(folder, load_settings(folder, {})).config_hash)
    assert len(hashes) == 1
