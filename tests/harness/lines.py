"""Lines as producers write them, good and bad, and objects that hold them."""

import bz2
import gzip
import json
import random
import sys
from collections.abc import Callable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BOM = b"\xef\xbb\xbf"


def _dumped(document: object, rng: random.Random) -> bytes:
    return json.dumps(document, ensure_ascii=rng.random() < 0.5).encode()


def _order(rng: random.Random, **properties: object) -> bytes:
    given: dict[str, object] = {
        "id": rng.choice([rng.randrange(1000), rng.randrange(2**53, 2**63), str(rng.randrange(10**6))]),
        "total": rng.choice([9.99, 0, "12.345", None, -3]),
        "note": rng.choice(["", "n", "ünï", "a|b\\c'\n", None, 7, True]),
        "paid": rng.choice([True, False, None]),
        "items": rng.choice([[], [{"sku": "a.1", "price": 1.50}], {"ä": [None, True]}, "text", None]),
    }
    at = rng.choice(["2026-01-31T13:00:00Z", "2026-01-31T13:00:00.123456+02:00", "2026-01-31T13:59:59"])
    return _dumped({"event": "order_placed", "at": at, "properties": {**given, **properties}}, rng)


def _view(rng: random.Random, **fields: object) -> bytes:
    given: dict[str, object] = {"url": "/" + "p" * rng.randrange(20), "ms": rng.choice([5, "17", None, 2.0])}
    return _dumped({"event": "page_viewed", **given, **fields}, rng)


def _cart(rng: random.Random, **fields: object) -> bytes:
    given = {"sku": f"s{rng.randrange(60)}", "quantity": rng.randrange(9), "at": "2026-01-31T13:00:00Z"}
    return _dumped({"event": "cart_item_added", **given, **fields}, rng)


_GOOD: tuple[Callable[[random.Random], bytes], ...] = (_order, _order, _view, _view, _cart)
_ODD: tuple[Callable[[random.Random], bytes], ...] = (
    lambda _: b"",
    lambda _: b" \t",
    lambda _: b'{"event":"order_placed","properties":',
    lambda rng: _view(rng) + b" " + _view(rng),
    lambda _: b'{"event":"page_viewed","ms":NaN}',
    lambda _: b'{"event":"page_viewed","url":"\xff"}',
    lambda _: b"[1]",
    lambda _: b'"text"',
    lambda _: b'{"properties":{}}',
    lambda _: b'{"event":""}',
    lambda _: b'{"event":{}}',
    lambda _: b'{"event":404}',
    lambda _: b'{"event":"Page_Viewed"}',
    lambda rng: _order(rng, id=None),
    lambda rng: _order(rng, id=2**63),
    lambda rng: _order(rng, id="one"),
    lambda rng: _order(rng, id=1.5),
    lambda rng: _order(rng, total=10**10),
    lambda rng: _order(rng, total="much"),
    lambda rng: _order(rng, note="é" * 9),
    lambda rng: _order(rng, note="a\0b"),
    lambda rng: _order(rng, note=[]),
    lambda rng: _order(rng, paid="perhaps"),
    lambda rng: _order(rng, items=["\0"]),
    lambda rng: _view(rng, url="/" * 25),
    lambda rng: _view(rng, ms=2**31),
    lambda rng: _cart(rng, quantity=None),
    lambda _: b'{"event":"order_placed","at":"yesterday","properties":{"id":1}}',
)


def content(rng: random.Random) -> bytes:
    """Return some tens of lines, a few of them odd; sometimes none."""
    count = rng.choice([0, 1, 3, 8, 8, 20, 40])
    only = rng.choice([None, None, None, *_GOOD])
    made = [
        rng.choice(_ODD)(rng) if rng.random() < 0.15 else (only or rng.choice(_GOOD))(rng)
        for _ in range(count)
    ]
    end = rng.choice([b"\n", b"\n", b"\r\n"])
    body = end.join(made) + (end if rng.random() < 0.8 else b"")
    return BOM + body if rng.random() < 0.1 else body


def stored(body: bytes, rng: random.Random) -> bytes:
    """Return a content as its producer stores it: plain or compressed, now and then in two pieces."""
    cut = rng.randrange(len(body) + 1) if rng.random() < 0.2 else 0
    pieces = [piece for piece in (body[:cut], body[cut:]) if piece] or [body]
    packs: tuple[Callable[[bytes], bytes], ...] = (
        bytes, gzip.compress, gzip.compress, zstd.compress, bz2.compress
    )  # fmt: skip
    pack = rng.choice(packs)
    return b"".join(pack(piece) for piece in pieces)


def broken(body: bytes, rng: random.Random) -> bytes:
    """Return a content as gzip or zstd that ends too early or is corrupt."""
    packs: tuple[Callable[[bytes], bytes], ...] = (gzip.compress, zstd.compress)
    whole = bytearray(rng.choice(packs)(body + b'{"event":"page_viewed"}\n'))
    if rng.random() < 0.7:
        return bytes(whole[: rng.randrange(8, len(whole) - 1)])
    whole[:] = gzip.compress(body + b"x")
    whole[-8] ^= 0xFF  # in the checksum: everything before it can be read
    return bytes(whole)
