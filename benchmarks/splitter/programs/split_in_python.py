"""Split as one would in an afternoon: split_in_python.py DECODER CODEC OUT KEY OBJECTS...

A line is decoded by `json` or `orjson`, and written as it is into the file of its event, by `gzip` or `isal.igzip`.
"""

import importlib
import io
import sys
from pathlib import Path
from typing import Any


def main(decoder: str, codec: str, out: str, key: str, *objects: str) -> None:
    """Write each line into OUT/<event>.json.gz, and what is no event's into OUT/_bad.json.gz."""
    loads = importlib.import_module(decoder).loads
    gzip = importlib.import_module(codec)
    files: dict[str, io.BufferedWriter] = {}
    for path in objects:
        with gzip.open(path, "rb") as lines:
            for line in lines:
                if line.isspace():
                    continue
                event = event_of(loads, line, key)
                file = files.get(event)
                if file is None:
                    whole = gzip.open(Path(out) / f"{event}.json.gz", "wb", compresslevel=1)
                    file = files[event] = io.BufferedWriter(whole, 128 * 1024)
                file.write(line)
    for file in files.values():
        file.close()


def event_of(loads: Any, line: bytes, key: str) -> str:
    """Return the line's event."""
    try:
        event = loads(line)[key]
    except (ValueError, KeyError, TypeError):
        return "_bad"
    return event if isinstance(event, str) else "_bad"


main(*sys.argv[1:])
