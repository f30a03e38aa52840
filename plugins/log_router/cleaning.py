"""Housekeeping in the staging bucket: what no run needs any more is deleted, as the record proves."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from log_router.core.batches import Batch
from log_router.core.catalog import Catalog
from log_router.core.settings import Settings
from log_router.core.sql import Statements
from log_router.lineage import Lineage
from log_router.staging import Staging, StagingFile, Upload
from log_router.store import Store
from log_router.warehouse import Warehouse

# What a batch's tasks hand to each other. Quarantined and unrouted lines are a record, and stay.
_KINDS = ("parts", "manifests", "loads", "reports")
# What a stream run's tasks tell each other of its messages. The queue keeps those that are not done.
_MESSAGES = ("notices", "deliveries")
_UPLOAD_AGE = timedelta(days=1)


@dataclass
class Cleaning:
    """What can go: files, then the batches they belong to, then configs that no batch names any more.

    `kept` are batches old enough that hold raw objects which are not settled, with their number.
    """

    files: list[StagingFile] = field(default_factory=list)
    batches: list[StagingFile] = field(default_factory=list)
    configs: list[StagingFile] = field(default_factory=list)
    uploads: list[Upload] = field(default_factory=list)
    kept: dict[str, int] = field(default_factory=dict)

    @property
    def all_files(self) -> list[StagingFile]:
        """All that is deleted."""
        return [*self.files, *self.batches, *self.configs]


@dataclass(frozen=True)
class Cleaner:
    """Finds and deletes the staging files of settled batches."""

    store: Store
    warehouse: Warehouse
    statements: Statements
    settings: Settings
    catalog: Catalog

    @property
    def _staging(self) -> Staging:
        return Staging(self.store)

    def find(self, now: datetime, older_than: timedelta) -> Cleaning:
        """Return what can be deleted: of batches of which every raw object is settled, planned that long ago.

        Raises:
            Refused, WillPass: see Store and Warehouse.
        """
        # Configs are listed before batches: a batch that is planned meanwhile writes its config anew.
        configs = [file for file in self._files("configs") if now - file.modified > older_than]
        found = Cleaning(
            uploads=[one for one in self._staging.uploads() if now - one.initiated > _UPLOAD_AGE]
        )
        found.files += (
            file for kind in _MESSAGES for file in self._files(kind) if now - file.modified > older_than
        )
        named: set[str] = set()
        with self.warehouse.session() as session:
            lineage = Lineage(session, self.statements, self.settings, self.catalog)
            for file in self._files("batches"):
                batch = Batch.from_json(self.store.get(file.key))
                young = now - file.modified <= older_than
                pending = 0 if young else _pending(lineage, batch)
                if young or pending:
                    named.add(batch.config_hash)
                else:
                    found.batches.append(file)
                    found.files += (each for kind in _KINDS for each in self._files(kind, batch.batch_id))
                if pending:
                    found.kept[batch.batch_id] = pending
        found.configs = [file for file in configs if file.name.removesuffix(".json") not in named]
        return found

    def clean(self, found: Cleaning) -> None:
        """Delete the files and abort the uploads.

        Raises:
            Refused, WillPass: see Store; run again, it goes on where it broke off.
        """
        self._staging.delete(found.files)
        # After their files: what was broken off is found again by its batch.
        self._staging.delete(found.batches)
        # One that was written anew since belongs to a batch that is being planned.
        untouched = set(self._files("configs"))
        self._staging.delete([file for file in found.configs if file in untouched])
        for upload in found.uploads:
            self._staging.abort(upload)

    def _files(self, *parts: str) -> Sequence[StagingFile]:
        return self._staging.files(self.store.staging_key(*parts, ""))


def _pending(lineage: Lineage, batch: Batch) -> int:
    """Return how many raw objects of a batch are not settled."""
    ids = [raw.object_id for raw in batch.objects]
    return len(set(ids) - {settled.object_id for settled in lineage.objects("object_id", ids)})
