"""What doctor finds in buckets and warehouse."""

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
import redshift_connector

from local.stack import Stack
from log_router.checks import buckets, loader
from log_router.core.errors import BrokenObject
from log_router.core.health import Check, State
from log_router.site import Site
from log_router.warehouse import Warehouse
from tests.adapters.place import VIEW, Place


def site_of(place: Place) -> Site:
    """Return what the command line has of a place."""
    site = Site(place.settings)
    site.store, site.warehouse, site.catalog = place.store, place.warehouse, place.catalog
    return site


def lines(checks: Iterable[Check]) -> list[str]:
    """Return how it stands and what is said, with the remedy."""
    return [f"{check.state} {check.subject}: {check.said}; {check.remedy}" for check in checks]


def test_buckets_and_warehouse_that_are_as_they_should_be(place: Place) -> None:
    """Nothing but ok, and nothing of ours is left in staging or in the warehouse."""
    place.upload(datetime.now(UTC).strftime(place.settings.raw_prefix) + "a", VIEW)
    site = site_of(place)
    found = [
        check
        for examination in (buckets.raw, buckets.staging, loader.answers, loader.copies)
        for check in examination(site)
    ]
    assert {check.state for check in found} == {State.OK}
    said = "\n".join(lines(found))
    assert "/a); writing there is never tried" in said
    assert "user dev, database dev, Snapshot Isolation" in said
    assert said.count("is not there yet; the first run makes it") == 2
    assert "Contents" not in place.producer.list_objects_v2(Bucket=place.settings.staging_bucket)


def test_raw_objects_of_long_ago_are_read_with_a_warning(place: Place) -> None:
    """A wrong prefix looks like a producer that is still: only a person can tell."""
    (nothing, listed) = lines(buckets.raw(site_of(place)))
    assert nothing.startswith("warning")
    assert "may be listed; there is no object to read" in listed
    place.upload("raw/2026/01/31/13/a", VIEW)
    (nothing, read) = lines(buckets.raw(site_of(place)))
    assert "no object of the last 24 hours" in nothing
    assert "may be listed and read (s3://" in read


def test_a_raw_object_that_is_broken_is_no_problem_of_the_bucket(storage: Stack, place: Place) -> None:
    """Its own run turns red for it; a right that lacks is a problem all the same."""
    key = datetime.now(UTC).strftime(place.settings.raw_prefix) + "a.gz"
    place.producer.put_object(Bucket=place.settings.raw_bucket, Key=key, Body=b"\x1f\x8b\x08\x00cut")
    (found,) = lines(buckets.raw(site_of(place)))
    assert found.startswith("warning")
    assert f"{key}: its gzip data ends too early; have its producer write it again" in found
    bucket = place.settings.raw_bucket
    storage.s3_faults.arm(
        at="request", does="error", operation="GetObject", bucket=bucket, code="AccessDenied", times=0
    )
    with pytest.raises(BrokenObject, match="grant s3:GetObject"):
        lines(buckets.raw(site_of(place)))


def test_rights_that_lack_are_named_with_their_grant(storage: Stack, place: Place) -> None:
    """A user who may do nothing gets, for each thing, the statement that lets him."""
    user, password = f"u{secrets.token_hex(4)}", f"Aa1{secrets.token_hex(8)}"
    with place.warehouse.session() as session:
        session.run(f"CREATE USER {user} PASSWORD '{password}'")
        session.run(f"CREATE SCHEMA {place.settings.table_schema}")
        session.commit()
    site = site_of(place)
    connection = storage.warehouse | {"user": user, "password": password}
    site.warehouse = Warehouse(lambda: redshift_connector.connect(**connection), ())
    said = "\n".join(lines(loader.answers(site)))
    assert f'GRANT USAGE, CREATE ON SCHEMA "{place.settings.table_schema}" TO "{user}"' in said
    assert f'GRANT CREATE ON DATABASE "dev" TO "{user}"' in said


def test_a_role_that_may_not_read_staging_is_told_before_a_load_meets_it(
    storage: Stack, place: Place
) -> None:
    """COPY itself is tried: nothing else tells what the cluster's role may do."""
    denied = "S3ServiceException:Access Denied,Status 403,Error AccessDenied"
    storage.faults.arm(
        at="copy", does="error", matching=place.settings.staging_bucket, code="XX000", message=denied
    )
    (said,) = lines(loader.copies(site_of(place)))
    assert said.startswith("problem COPY: COPY")
    assert f"{denied}; attach the role of iam_role (`default`) to the cluster" in said


def test_what_may_not_be_deleted_from_staging_is_overwritten_the_next_time(
    storage: Stack, place: Place
) -> None:
    """Loads need no right to delete; what is left does not grow."""
    bucket = place.settings.staging_bucket
    for _ in range(2):
        storage.s3_faults.arm(
            at="request", does="error", operation="DeleteObjects", bucket=bucket, code="AccessDenied"
        )
        (written, left) = lines(buckets.staging(site_of(place)))
        assert written.startswith("ok")
        assert left.startswith("ok")
        assert "grant s3:DeleteObject" in left
    keys = [entry["Key"] for entry in place.producer.list_objects_v2(Bucket=bucket)["Contents"]]
    assert keys == ["log-router/doctor/manifest.json", "log-router/doctor/probe.json.gz"]
