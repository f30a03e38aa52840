"""Decompression: exactly the plain bytes, or an error; never fewer bytes without a word."""

import bz2
import gzip
import io
import os
import struct
from collections.abc import Callable

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from log_router.core.decompress import BLOCK_BYTES, Readable, decompress
from log_router.core.errors import BrokenObject
from tests.unit.core.recording import modest

Compress = Callable[[bytes], bytes]
DATA = b"".join(b'{"event":"clicked","id":%d}\n' % number for number in range(120))


def checked_zstd(data: bytes) -> bytes:
    """Compress with a checksum at the end of the frame."""
    return zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1})


KINDS: dict[str, Compress] = {"gzip": gzip.compress, "zstd": checked_zstd, "bzip2": bz2.compress}
each_kind = pytest.mark.parametrize("compress", KINDS.values(), ids=KINDS)


def plain(data: bytes) -> bytes:
    """Return what comes out of those bytes."""
    return b"".join(decompress(io.BytesIO(data)))


def fate(data: bytes) -> bytes | str:
    """Return what comes out of those bytes, or the reason why nothing does."""
    try:
        return plain(data)
    except BrokenObject as error:
        return error.reason


class Dribble:
    """A stream that gives some bytes less than asked for each time, and at its end raises `failure` if any."""

    def __init__(self, data: bytes, steps: list[int], failure: Exception | None = None) -> None:
        self._stream = io.BytesIO(data)
        self._steps = steps
        self._count = 0
        self._failure = failure

    def read(self, size: int = -1, /) -> bytes:
        """Return at least one byte, until the end."""
        step = self._steps[self._count % len(self._steps)]
        self._count += 1
        data = self._stream.read(min(size, step) if size >= 0 else step)
        if not data and self._failure is not None:
            raise self._failure
        return data


@modest
@given(st.binary(max_size=300))
def test_plain_bytes_come_out_as_they_are(data: bytes) -> None:
    """What starts like no compression is not touched."""
    if not data.startswith((b"\x1f\x8b", b"BZh", b"\x28\xb5\x2f\xfd")) and data[1:4] != b"\x2a\x4d\x18":
        assert plain(data) == data


@pytest.mark.parametrize("data", [b"", b"{", b"{}", b"{}\n", b"\n\n\n", b"\x1f", b"BZ", b"\x28\xb5"])
def test_tiny_objects_come_out_as_they_are(data: bytes) -> None:
    """An empty object and one too short to be compressed are plain."""
    assert plain(data) == data


@each_kind
@modest
@given(
    parts=st.lists(st.binary(max_size=400), min_size=1, max_size=5),
    steps=st.lists(st.integers(1, 50), min_size=1),
)
def test_concatenated_streams_are_one(compress: Compress, parts: list[bytes], steps: list[int]) -> None:
    """Members, frames or streams put after each other give their contents after each other, however they arrive."""
    whole = b"".join(compress(part) for part in parts)
    assert plain(whole) == b"".join(parts)
    assert b"".join(decompress(Dribble(whole, steps))) == b"".join(parts)


@each_kind
@pytest.mark.parametrize("streams", [1, 2])
def test_a_truncated_object_is_broken_wherever_it_ends(compress: Compress, streams: int) -> None:
    """At every length: broken, or cut between two streams, or too short to be told from plain bytes."""
    one = compress(DATA)
    whole = one * streams
    for length in range(len(whole)):
        if length % len(one) == 0:
            expected: bytes | str = DATA * (length // len(one))
        elif length < 4 and isinstance(fate(whole[:length]), bytes):
            expected = whole[:length]
        else:
            expected = "truncated"
        assert fate(whole[:length]) == expected, length


@each_kind
@pytest.mark.parametrize("streams", [1, 2])
def test_no_flipped_byte_goes_unseen(compress: Compress, streams: int) -> None:
    """Corrupt data never gives other bytes, nor fewer; a header byte that means nothing may change."""
    one = compress(DATA)
    for position in range(4, len(one)):
        damaged = bytearray(one * streams)
        damaged[(streams - 1) * len(one) + position] ^= 0xFF
        assert fate(bytes(damaged)) in ("corrupt", "truncated", DATA * streams), position


@each_kind
@pytest.mark.parametrize(
    "tail",
    [b'{"id":1}\n', b"g", b"\x1f\x8b", b"\x00garbage", b'{"id":1}\n' * 9000],
    ids=["line", "g", "magic", "0", "long"],
)
def test_what_follows_the_compressed_data_is_not_dropped(compress: Compress, tail: bytes) -> None:
    """Bytes that are no further stream make the object broken: they could be somebody's lines."""
    assert fate(compress(DATA) + tail) in ("corrupt", "truncated")


def test_zeros_after_gzip_are_padding() -> None:
    """Tapes and block devices pad with zeros, as gzip itself allows."""
    assert plain(gzip.compress(DATA) + bytes(512)) == DATA


@pytest.mark.parametrize("number", range(16))
def test_a_skippable_zstd_frame_may_come_first(number: int) -> None:
    """Parallel writers put one in front; it holds no data."""
    skippable = struct.pack("<II", 0x184D2A50 + number, 7) + b"ignored"
    assert plain(skippable + zstd.compress(DATA) + skippable + zstd.compress(DATA)) == DATA * 2


@each_kind
def test_a_bomb_comes_in_bounded_blocks(compress: Compress) -> None:
    """However well the data is compressed, no block is larger than BLOCK_BYTES."""
    size = 24 * BLOCK_BYTES
    blocks = [len(block) for block in decompress(io.BytesIO(compress(bytes(size))))]
    assert sum(blocks) == size
    assert max(blocks) <= BLOCK_BYTES


@pytest.mark.parametrize("compress", [bytes, *KINDS.values()], ids=["plain", *KINDS])
@pytest.mark.parametrize("length", [0, 2, 40])
def test_a_lost_connection_stays_what_it_is(compress: Compress, length: int) -> None:
    """An error of the stream is not one of the data: it passes through, so that it can be retried."""
    stream: Readable = Dribble(compress(DATA)[:length], [7], ConnectionResetError("peer"))
    with pytest.raises(ConnectionResetError, match="peer"):
        b"".join(decompress(stream))


@pytest.mark.parametrize("compress", [bytes, *KINDS.values()], ids=["plain", *KINDS])
def test_a_connection_lost_far_into_an_object_is_no_end(compress: Compress) -> None:
    """Blocks that came out before are followed by the error, and never by a silent end."""
    whole = compress(os.urandom(3 * BLOCK_BYTES))
    blocks = decompress(Dribble(whole[: 2 * BLOCK_BYTES], [BLOCK_BYTES // 3], ConnectionResetError("peer")))
    assert len(next(blocks)) > 0
    with pytest.raises(ConnectionResetError, match="peer"):
        b"".join(blocks)


def test_an_error_of_the_data_says_what_and_the_remedy() -> None:
    """The message names the format and what a person can do."""
    with pytest.raises(BrokenObject, match=r"its gzip data ends too early; have its producer write it again"):
        plain(gzip.compress(DATA)[:-1])
    with pytest.raises(BrokenObject, match=r"its bzip2 data is corrupt \(.+\); have its producer"):
        plain(b"BZh9garbage garbage")
