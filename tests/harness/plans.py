"""What runs plan to read: nothing twice, and in quiet exactly what is to be loaded, beside which nothing changes."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import redshift_connector

from tests.harness.events import CATALOGS
from tests.harness.judge import Found
from tests.harness.reference import identified
from tests.harness.run import Place, Run
from tests.harness.servers import Address

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Contents = Mapping[str, Counter[tuple[Any, ...]]]


def planned(client: "S3Client", place: Place, run: Run) -> list[str]:
    """Return the ids of the raw objects in all batches of a run's last plan."""
    documents = []
    for key in run.values.get(("plan", -1, "planned"), {"batches": []})["batches"]:
        # What S3 has only claimed to store is not there.
        with suppress(client.exceptions.NoSuchKey):
            answer = client.get_object(Bucket=place.settings["staging_bucket"], Key=key)
            documents.append(json.loads(answer["Body"].read()))
    return [
        identified(raw["bucket"], raw["key"], raw["etag"], raw["size"])
        for document in documents
        for chunk in document["chunks"]
        for raw in chunk
    ]


def twice(object_ids: Iterable[str]) -> list[str]:
    """Return those that stand in a plan more than once."""
    return sorted(object_id for object_id, count in Counter(object_ids).items() if count > 1)


@contextmanager
def recorded(address: Address, place: Place) -> Iterator["Record"]:
    """Give what is recorded at this moment."""
    connection = redshift_connector.connect(**address.warehouse)
    try:
        connection.autocommit = True
        found = Found(connection, place.settings["schema"], place.settings["ledger_schema"])
        yield Record(found, place.catalog)
    finally:
        connection.close()


@dataclass(frozen=True)
class Record:
    """What is recorded at one moment of a seed."""

    found: Found
    catalog: int

    def pending(self, object_ids: Iterable[str], names: tuple[str, ...]) -> set[str]:
        """Return those raw objects that are to be read for these events, for all where none is named.

        A raw object that has a record is read where it holds unrouted lines of an event that has a file by now; one
        without a record until the ledger of each event that is named has it.
        """
        events = [event for event in CATALOGS[self.catalog] if not names or event["name"] in names]
        types = {event["event_type"] for event in events}
        schema = self.found.ledger_schema
        recorded = {object_id for (object_id,) in self.found.rows(schema, "objects", '"object_id"')}
        fates = self.found.rows(schema, "object_events", '"object_id", "event_type", "unrouted"')
        unrouted = {object_id for object_id, event_type, lines in fates if lines and event_type in types}
        ledgers = [
            {object_id for (object_id,) in self.found.rows(schema, f"ledger_{event['table']}", '"object_id"')}
            for event in events
        ]
        everywhere = set.intersection(*ledgers) if names else set()
        return {
            object_id
            for object_id in object_ids
            if object_id in unrouted or (object_id not in recorded and object_id not in everywhere)
        }

    def contents(self, but: tuple[str, ...]) -> Contents:
        """Return all rows of the tables of all events but these, and of their ledgers."""
        return dict(self._contents(but))

    def _contents(self, but: tuple[str, ...]) -> Iterator[tuple[str, Counter[tuple[Any, ...]]]]:
        for event in CATALOGS[-1]:
            if event["name"] not in but:
                for schema, table in (
                    (self.found.schema, event["table"]),
                    (self.found.ledger_schema, f"ledger_{event['table']}"),
                ):
                    rows = self.found.rows(schema, table, "*")
                    yield table, Counter(tuple(map(repr, row)) for row in rows)
