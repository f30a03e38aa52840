"""Decompress and compress, with the codec and level of our parts, and nothing else: limit.py OUT KEY OBJECTS..."""

import sys
from pathlib import Path

from isal import igzip

_BLOCK_BYTES = 128 * 1024


def main(out: str, _: str, *objects: str) -> None:
    """Write all lines of the objects into one file."""
    with igzip.open(Path(out) / "_all.json.gz", "wb", compresslevel=1) as packed:  # type: ignore[no-untyped-call]
        for path in objects:
            with igzip.open(path, "rb") as plain:  # type: ignore[no-untyped-call]
                while block := plain.read(_BLOCK_BYTES):
                    packed.write(block)


main(*sys.argv[1:])
