"""The raw bucket can be read, the staging bucket written."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson

from log_router.core.errors import BrokenObject, LogRouterError
from log_router.core.health import Check, ok, warning
from log_router.core.windows import HOUR, Hour
from log_router.staging import Staging, StagingFile

if TYPE_CHECKING:
    from log_router.site import Site
    from log_router.store import Store

_HOURS = 24
_PROBE = b'{"probe":1}\n'


def raw(site: "Site") -> Iterator[Check]:
    """List the raw bucket and read the first bytes of an object, as a split does; nothing is ever written there.

    It can be of the last day, or else any: old ones may be archived.
    """
    subject, template = f"raw bucket {site.settings.raw_bucket}", site.settings.raw_prefix
    last = Hour(datetime.now(UTC).replace(minute=0, second=0, microsecond=0))
    recent = (Hour(last.start - hours * HOUR).prefix(template) for hours in range(_HOURS))
    found = next(filter(None, map(site.store.first_raw, recent)), None)
    if found is None:
        yield warning(
            subject,
            f"no object of the last {_HOURS} hours, such as below `{last.prefix(template)}`",
            "nothing to do if nothing was written; else correct raw_prefix, which is in UTC",
        )
        found = site.store.first_raw(template.partition("%")[0])
    if found is None:
        yield ok(subject, "may be listed; there is no object to read")
        return
    try:
        next(site.store.read_raw(found), b"")
    except BrokenObject as error:
        if error.reason == "access_denied":
            raise
        # One object tells nothing of the bucket, and its own run names it.
        yield warning(subject, f"may be listed; the object that was tried is broken: {error}")
        return
    yield ok(subject, f"may be listed and read ({found.url}); writing there is never tried")


def staging(site: "Site") -> Iterator[Check]:
    """Write and read a small object below the staging prefix."""
    subject = f"staging bucket {site.settings.staging_bucket}"
    with probe(site.store) as (_, left):
        site.store.get(_keys(site.store)[1])
        yield ok(subject, f"may be written and read below `{site.settings.staging_prefix}`")
    for why in left:
        yield ok(subject, f"may not be cleaned, which only `log-router clean` needs: {why}")


@contextmanager
def probe(store: "Store") -> Iterator[tuple[str, list[str]]]:
    """Give the URL of a manifest of one row in staging, and what says at the end why they could not be deleted.

    Their keys are always the same: where they may not be deleted, they are overwritten the next time.
    """
    manifest, part = _keys(store)
    body = gzip.compress(_PROBE, mtime=0)
    entry = {"url": store.staging_url(part), "mandatory": True, "meta": {"content_length": len(body)}}
    store.put(part, body)
    store.put(manifest, orjson.dumps({"entries": [entry]}))
    left: list[str] = []
    try:
        yield store.staging_url(manifest), left
    finally:
        try:
            Staging(store).delete([StagingFile(key, 0, datetime.now(UTC)) for key in (manifest, part)])
        except LogRouterError as error:
            left.append(str(error))


def _keys(store: "Store") -> tuple[str, str]:
    return store.staging_key("doctor", "manifest.json"), store.staging_key("doctor", "probe.json.gz")
