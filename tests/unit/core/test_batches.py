"""Batches: every raw object once, in order, in a bounded number of chunks."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log_router.core.batches import Batch, RawObject, cut, pack
from tests.unit.core.recording import modest

MIB = 1024 * 1024
WRITTEN = datetime(2026, 3, 1, 12, 0, 7, tzinfo=UTC)
objects = st.builds(
    RawObject,
    written_at=st.sampled_from([None, WRITTEN]),
    bucket=st.sampled_from(["a", "b"]),
    key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9),
    etag=st.sampled_from(['"x"', '"y-2"']),
    size=st.integers(0, 10 * 1024 * MIB),
)
RAW = RawObject("events", "raw/2026/03/01/12/0.json.gz", '"abc"', 5)


@modest
@given(st.lists(objects, max_size=40), st.integers(1, 1024 * MIB), st.integers(1, 20))
def test_packing_keeps_all_objects_in_order(raws: list[RawObject], chunk_bytes: int, max_chunks: int) -> None:
    """Nothing is lost, doubled or moved; there are never more chunks than allowed, and none is empty."""
    chunks = pack(raws, chunk_bytes, max_chunks)
    assert [raw for chunk in chunks for raw in chunk] == raws
    assert len(chunks) <= max_chunks
    assert all(chunks)


@modest
@given(st.lists(st.integers(0, 64 * MIB), min_size=1, max_size=60))
def test_chunks_have_about_the_size_asked_for(sizes: list[int]) -> None:
    """Where enough chunks are allowed, only a chunk's last object goes beyond the size."""
    raws = [replace(RAW, key=str(number), size=size) for number, size in enumerate(sizes)]
    for chunk in pack(raws, 128 * MIB, 1024):
        assert sum(raw.size for raw in chunk[:-1]) < 128 * MIB


def test_many_empty_objects_are_spread() -> None:
    """Opening an object costs time as well: a thousand empty ones are not one chunk."""
    assert len(pack([replace(RAW, size=0)] * 4096, 64 * MIB, 256)) == 16


@modest
@given(st.lists(objects, max_size=40), st.integers(1, 64 * 1024 * MIB), st.integers(1, 20))
def test_a_batch_is_cut_between_chunks(raws: list[RawObject], batch_bytes: int, most: int) -> None:
    """Each raw object is in one of the batches, in order; there are never more than allowed, each with its own id."""
    batch = Batch("run", "label", "c0ffee", pack(raws, 1024 * MIB, 8))
    batches = cut(batch, batch_bytes, most)
    assert [raw for each in batches for raw in each.objects] == raws
    assert tuple(chunk for each in batches for chunk in each.chunks) == batch.chunks
    assert len(batches) <= most
    assert {replace(each, label="label", chunks=batch.chunks) for each in batches} == {batch}
    if len(batches) > 1:
        assert [each.label for each in batches] == [f"label.{number + 1}" for number in range(len(batches))]


def test_a_large_batch_is_cut_by_its_bytes() -> None:
    """Only a batch's last chunk goes beyond the size; what fits into one is not cut."""
    raws = [replace(RAW, key=str(number), size=100 * MIB) for number in range(12)]
    batch = Batch("run", "label", "c0ffee", pack(raws, 100 * MIB, 256))
    assert [len(each.chunks) for each in cut(batch, 400 * MIB, 1024)] == [4, 4, 4]
    assert [len(each.chunks) for each in cut(batch, 400 * MIB, 2)] == [6, 6]
    assert cut(batch, 1300 * MIB, 1024) == (batch,)
    assert cut(Batch("run", "label", "c0ffee", ()), MIB, 8) == (Batch("run", "label", "c0ffee", ()),)


def test_no_objects_are_no_chunks() -> None:
    """An empty hour has an empty batch."""
    assert pack([], MIB, 8) == ()
    assert Batch("run", "2026-03-01T12:00Z", "c0ffee", ()).objects == ()


@modest
@given(
    st.lists(st.lists(objects, max_size=3).map(tuple), max_size=3).map(tuple), st.text("rü _:", max_size=5)
)
def test_json_keeps_a_batch(chunks: tuple[tuple[RawObject, ...], ...], run: str) -> None:
    """from_json(to_json()) is the same batch, under the same id."""
    batch = Batch(run, "2026-03-01T12:00Z", "c0ffee", chunks, events=(run,), lane="stream")
    again = Batch.from_json(batch.to_json())
    assert again == batch
    assert again.batch_id == batch.batch_id
    assert [raw.written_at for raw in again.objects] == [raw.written_at for raw in batch.objects]


def test_the_time_of_the_write_is_not_of_the_identity() -> None:
    """A record that does not know it, and a listing that does, name one raw object."""
    written = replace(RAW, written_at=WRITTEN)
    assert {written, RAW} == {RAW}
    assert written.object_id == RAW.object_id


@pytest.mark.parametrize(
    "change",
    [{"bucket": "other"}, {"key": "raw/2026/03/01/12/1.json.gz"}, {"etag": '"abd"'}, {"size": 6}],
)
def test_another_object_has_another_id(change: dict[str, str]) -> None:
    """Bucket, key, ETag and size are the identity; the id is 32 hex digits, as the table's column has room for."""
    assert replace(RAW, **change).object_id != RAW.object_id  # type: ignore[arg-type]
    assert replace(RAW).object_id == RAW.object_id
    assert len(bytes.fromhex(RAW.object_id)) == 16
    assert RAW.url == "s3://events/raw/2026/03/01/12/0.json.gz"


def test_parts_of_the_identity_do_not_run_together() -> None:
    """`a` + `bc` is not `ab` + `c`."""
    assert RawObject("a", "bc", "e", 1).object_id != RawObject("ab", "c", "e", 1).object_id
    assert RawObject("a", "b", "c1", 2).object_id != RawObject("a", "b", "c", 12).object_id


def test_another_batch_has_another_id() -> None:
    """Run, config, objects and events are in it; it sorts by its label and fits the table's column."""
    batch = Batch("run", "2026-03-01T12:00Z", "c0ffee", ((RAW,),))
    others = [
        replace(batch, run="run2"),
        replace(batch, config_hash="c0ffef"),
        replace(batch, chunks=((replace(RAW, size=6),),)),
        replace(batch, chunks=()),
        replace(batch, events=("clicked",)),
    ]
    assert len({batch.batch_id, *(other.batch_id for other in others)}) == 6
    assert batch.batch_id.startswith("2026-03-01T12:00Z-")
    assert len(batch.batch_id) <= 64
