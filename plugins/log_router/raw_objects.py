"""Raw objects by the names that people have for them: the rows' `_lr_object`, and s3:// URLs."""

from collections.abc import Iterator, Sequence

from log_router.core.batches import Batch, RawObject
from log_router.lineage import Lineage
from log_router.store import Store


def named(lineage: Lineage, store: Store, names: Sequence[str]) -> dict[str, list[RawObject]]:
    """Return the raw objects of ids and URLs: none of a name that is not known, of a URL each version, oldest first.

    They are known by the record, or by the batch that loaded them, or because they stand in the raw bucket now.

    Raises:
        Refused, WillPass: see Store and Warehouse.
    """
    found: dict[str, list[RawObject]] = {name: [] for name in names}
    keys = {name: name.removeprefix("s3://").partition("/")[2] for name in names if name.startswith("s3://")}
    recorded = [*lineage.objects("object_id", names), *lineage.objects("object_key", list(keys.values()))]
    known = [one.raw for one in sorted(recorded, key=lambda one: one.settled_at)]
    known += [raw for key in keys.values() for raw in store.list_raw(key) if raw.key == key]
    for raw in known:
        _note(found, raw)
    for raw in _loaded(lineage, store, [name for name in names if not found[name] and name not in keys]):
        _note(found, raw)
    return found


def _note(found: dict[str, list[RawObject]], raw: RawObject) -> None:
    for name in (raw.object_id, raw.url):
        if name in found:
            found[name] = [*(other for other in found[name] if other != raw), raw]


def _loaded(lineage: Lineage, store: Store, object_ids: Sequence[str]) -> Iterator[RawObject]:
    """Yield the raw objects of which only ledgers know, as the batches that loaded them name them."""
    batch_ids = {
        entry.batch_id
        for table in (lineage.tables() if object_ids else ())
        for entry in lineage.entries(table, "object_id", object_ids)
    }
    for batch_id in sorted(batch_ids):
        batch = Batch.from_json(store.get(store.staging_key("batches", f"{batch_id}.json")))
        yield from (raw for raw in batch.objects if raw.object_id in object_ids)
