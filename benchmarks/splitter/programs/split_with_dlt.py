"""Make of lines what dlt would load into Redshift, and don't load it: split_with_dlt.py OUT KEY OBJECTS...

That is extract and normalize, into JSON lines: dlt infers types, flattens objects and makes lists tables of their own.
"""

import gzip
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_PAGE_LINES = 1000
_WAREHOUSE = {"HOST": "127.0.0.1", "PORT": "1", "DATABASE": "none", "USERNAME": "none", "PASSWORD": "none"}


def main(out: str, key: str, *objects: str) -> None:
    """Write a file or more an event below OUT/pipelines."""
    os.environ.update(
        {f"DESTINATION__REDSHIFT__CREDENTIALS__{name}": one for name, one in _WAREHOUSE.items()}
    )
    os.environ["DESTINATION__FILESYSTEM__BUCKET_URL"] = (Path(out) / "staging").absolute().as_uri()
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    import dlt  # noqa: PLC0415 - it reads the variables

    pipeline = dlt.pipeline(
        "splitter",
        pipelines_dir=str(Path(out) / "pipelines"),
        destination="redshift",
        staging="filesystem",
        dataset_name="splitter",
    )
    lines = dlt.resource(pages(objects), name="lines", table_name=lambda line: line[key])
    pipeline.extract(lines, loader_file_format="jsonl")
    pipeline.normalize()


def pages(objects: tuple[str, ...]) -> Iterator[list[dict[str, Any]]]:
    """Yield the lines as dlt advises to: decoded by orjson, many at a time."""
    import orjson  # noqa: PLC0415 - see main

    for path in objects:
        with gzip.open(path, "rb") as lines:
            page: list[dict[str, Any]] = []
            for line in lines:
                page.append(orjson.loads(line))
                if len(page) >= _PAGE_LINES:
                    yield page
                    page = []
            yield page


main(*sys.argv[1:])
