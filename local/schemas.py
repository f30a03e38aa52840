"""JSON Schemas of the configuration's files, for editors that complete and explain keys: `make schemas`."""

import json
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from log_router.core.events import Event
from log_router.core.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "include" / "schemas"
# By the model's name, the heading of docs/events.md whose table explains its keys.
_HEADINGS = {
    "Event": "Keys of an event file",
    "Column": "Keys of a column",
    "Unique": "Keys of `unique`",
    "When": "Keys of `when`",
    "Settings": "Settings",
}
# An event file may leave out what follows from its name.
_FROM_THE_NAME = {"name", "event_type", "table"}


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of a file that holds such a model, each key with what the reference says of it."""
    made = model.model_json_schema(mode="validation")
    for name, part in [(model.__name__, made), *made.get("$defs", {}).items()]:
        for key, said in _explained(_HEADINGS[name]).items():
            part["properties"][key]["description"] = said
    if model is Event:
        del made["properties"]["name"]
        made["required"] = sorted(set(made["required"]) - _FROM_THE_NAME)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def _explained(heading: str) -> dict[str, str]:
    reference = (ROOT / "docs" / "events.md").read_text()
    text = reference.split(f"# {heading}\n", maxsplit=1)[1].split("\n##", maxsplit=1)[0]
    rows = re.findall(r"^\| `(\w+)` \|(?:[^|]*\|){2} (.*) \|$", text, re.MULTILINE)
    return {key: re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", said).replace("\\|", "|") for key, said in rows}


def text_of(model: type[BaseModel]) -> str:
    """Return the schema as it is written."""
    return json.dumps(schema(model), indent=2) + "\n"


FILES: dict[Path, type[BaseModel]] = {FOLDER / "event.json": Event, FOLDER / "settings.json": Settings}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, made_of in FILES.items():
        file.write_text(text_of(made_of))
