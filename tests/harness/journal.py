"""What is written down while a seed is played, by whichever process, in the order in which it happened."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Journal:
    """A file to which several processes add lines."""

    path: Path

    def note(self, **what: Any) -> None:
        """Add an entry, whole or not at all: in one write."""
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, json.dumps(what).encode() + b"\n")
        finally:
            os.close(file)

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yield the entries so far."""
        if self.path.exists():
            yield from map(json.loads, self.path.read_text().splitlines())
