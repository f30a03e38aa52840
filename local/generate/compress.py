"""A stream of byte blocks, compressed; equal blocks give equal bytes."""

from collections.abc import Iterator

from backports import zstd
from isal import isal_zlib

SUFFIXES = {"gzip": ".gz", "zstd": ".zst", "none": ""}
_GZIP_WINDOW = 31  # zlib's largest window, 15, in gzip's frame, 16


def compressed(blocks: Iterator[bytes], compression: str) -> Iterator[bytes]:
    """Yield the blocks as one gzip member or zstd frame, or as they are."""
    if compression == "none":
        yield from blocks
        return
    packer = (
        isal_zlib.compressobj(level=1, wbits=_GZIP_WINDOW)
        if compression == "gzip"
        else zstd.ZstdCompressor(level=1)
    )
    for block in blocks:
        packed = packer.compress(block)
        if packed:
            yield packed
    yield packer.flush()
