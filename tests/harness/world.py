"""The raw bucket of a seed and what its producers do to it."""

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.harness import lines
from tests.harness.reference import object_id

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CHANGED_DIGITS = bytes.maketrans(b"57", b"75")


@dataclass(frozen=True)
class Version:
    """One raw object as it once was; `body` is its content in plain."""

    bucket: str
    key: str
    body: bytes
    stored: bytes
    readable: bool = True

    @property
    def object_id(self) -> str:
        """The id that its rows carry."""
        return object_id(self.bucket, self.key, self.stored)

    @property
    def etag(self) -> str:
        """The ETag that S3 gives it."""
        return hashlib.md5(self.stored).hexdigest()  # noqa: S324 - S3's own


@dataclass
class World:
    """The raw objects of a seed: `current` by key, and every version there ever was by its id.

    `about_to_put` is told of each version before it is there.
    """

    client: "S3Client"
    bucket: str
    hours: tuple[str, ...]
    rng: random.Random
    about_to_put: Callable[[Version], None]
    current: dict[str, Version] = field(default_factory=dict)
    everything: dict[str, Version] = field(default_factory=dict)

    def begin(self) -> None:
        """Make the bucket and its first objects; one of them is of a day, but of no hour: nobody may load it."""
        self.client.create_bucket(Bucket=self.bucket)
        stray = f"{prefix(self.hours[0]).rpartition('/')[0].rpartition('/')[0]}/summary.json"
        self.client.put_object(Bucket=self.bucket, Key=stray, Body=b'{"event":"page_viewed","url":"/"}\n')
        for hour in self.hours:
            for _ in range(self.rng.choice([1, 2, 3, 5])):
                self._appear(hour)

    def change(self) -> str:
        """Let a producer do something; return what."""
        keys = sorted(self.current)
        deed = self.rng.choice(["late", "overwrite", "edit", "edit", "again", "back", "mend", "gone"])
        if deed == "late" or not keys:
            return f"late {self._appear(self.rng.choice(self.hours))}"
        key = self.rng.choice(keys)
        if deed == "overwrite":
            self._write(key)
        elif deed == "edit":
            self._edit(self.current[key])
        elif deed == "again":
            self._put(self.current[key])
        elif deed == "back":
            former = [version for version in self.everything.values() if version.key == key]
            self._put(self.rng.choice(former))
        elif deed == "mend":
            self.mend()
        else:
            del self.current[key]
            self.client.delete_object(Bucket=self.bucket, Key=key)
        return f"{deed} {key}"

    def mend(self) -> None:
        """Write whole again whatever is broken now."""
        for version in list(self.current.values()):
            if not version.readable:
                self._put(Version(self.bucket, version.key, version.body, version.body))

    def _appear(self, hour: str) -> str:
        name = self.rng.choice(["a", "b+c", "d e", "é", "f.json.gz"])
        key = f"{prefix(hour)}{len(self.everything)}-{name}"
        self._write(key)
        return key

    def _write(self, key: str) -> None:
        body = lines.content(self.rng)
        if self.rng.random() < 0.1:
            self._put(Version(self.bucket, key, body, lines.broken(body, self.rng), readable=False))
        else:
            self._put(Version(self.bucket, key, body, lines.stored(body, self.rng)))

    def _edit(self, version: Version) -> None:
        """Write a content of the same size in plain, with some digits changed."""
        body = version.body.translate(_CHANGED_DIGITS)
        self._put(Version(self.bucket, version.key, body, body))

    def _put(self, version: Version) -> None:
        self.about_to_put(version)
        self.client.put_object(Bucket=version.bucket, Key=version.key, Body=version.stored)
        self.current[version.key] = version
        self.everything[version.object_id] = version


def prefix(hour: str) -> str:
    """Return the partition of an hour such as 2026-01-31T13:00:00Z, as the template of the harness says."""
    day, _, clock = hour.partition("T")
    return f"raw/{day.replace('-', '/')}/{clock[:2]}/"


RAW_PREFIX = "raw/%Y/%m/%d/%H/"
