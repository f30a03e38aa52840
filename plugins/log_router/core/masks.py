"""Personal data made unreadable in a decoded line, before anything of it is written anywhere."""

import hashlib
import hmac
import ipaddress
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from log_router.core import paths
from log_router.core.errors import ConfigError

if TYPE_CHECKING:
    from log_router.core.catalog import Catalog
    from log_router.core.events import Column

HASH_BYTES = 64
# Of an address the network stays: that of a site, as providers hand them out.
_NETWORK_BITS = {4: 24, 6: 48}
_KEPT_CHARACTERS = 3

Document = dict[str, object]
Mask = Callable[[object], object]
_encode = msgspec.json.Encoder(decimal_format="number").encode
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


def needs_secret(catalog: "Catalog") -> bool:
    """Tell whether a column of the catalog is hashed."""
    return any(column.mask == "hash" for event in catalog.events for column in event.columns)


class Masks:
    """What is masked in the lines of each event; `secret` is the key of the hashes.

    Of a line whose event is not known, the values at the paths of all events are masked.

    Raises:
        ConfigError: a column is hashed and there is no secret.
    """

    def __init__(self, catalog: "Catalog", secret: bytes) -> None:
        if needs_secret(catalog) and not secret:
            raise ConfigError(
                [
                    "settings: mask_conn_id: a column has `mask: hash`, which needs the password of that Connection"
                ]
            )
        masked = {event.name: _rules(event.columns, secret) for event in catalog.events}
        self._by_event = {event: rules for event, rules in masked.items() if rules}
        # Where two events mask one path in two ways, it is dropped: nobody could say which is meant.
        self._all: dict[paths.Path, Mask | None] = {}
        seen: dict[paths.Path, str | None] = {}
        for event in catalog.events:
            for column in event.columns:
                if column.mask:
                    same = seen.setdefault(column.path, column.mask) == column.mask
                    self._all[column.path] = masked[event.name][column.path] if same else None

    def of(self, event: str | None) -> Mapping[paths.Path, Mask | None]:
        """Return what is masked in a line of an event, or in one whose event is not known."""
        return self._all if event is None else self._by_event.get(event, {})

    def line(self, event: str | None, line: bytes) -> bytes:
        """Return the bytes of a line as they may be kept: unchanged, masked, or none where it can't be read."""
        rules = self.of(event) if event is not None else self._all
        if not rules:
            return line
        try:
            document = _decode(line)
            if not isinstance(document, dict):
                return b""
            return _encode(document) if masked(document, rules) else line
        except (ValueError, RecursionError, ArithmeticError):
            return b""


def masked(document: Document, rules: Mapping[paths.Path, Mask | None]) -> bool:
    """Mask a document in place; tell whether anything was there to mask."""
    found = False
    for path, mask in rules.items():
        holder = paths.find(document, path[:-1]) if len(path) > 1 else document
        key = path[-1]
        value = paths.find(holder, (key,))
        if value is None:
            continue
        found = True
        # `find` has found a value by this key, so it is the right one for the holder.
        if mask is not None:
            holder[key] = mask(value)  # type: ignore[index]
        elif isinstance(holder, dict):
            del holder[key]
        else:
            holder[key] = None  # type: ignore[index]
    return found


def _rules(columns: Iterable["Column"], secret: bytes) -> dict[paths.Path, Mask | None]:
    makes: dict[str, Mask | None] = {
        "hash": lambda value: _hash(value, secret),
        "truncate": _truncate,
        "drop": None,
    }
    return {column.path: makes[column.mask] for column in columns if column.mask}


def _text(value: object) -> str:
    return value if isinstance(value, str) else _encode(value).decode()


def _hash(value: object, secret: bytes) -> str:
    return hmac.new(secret, _text(value).encode(errors="surrogatepass"), hashlib.sha256).hexdigest()


def _truncate(value: object) -> str:
    text = _text(value)
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text[:_KEPT_CHARACTERS]
    network = ipaddress.ip_network((int(address), _NETWORK_BITS[address.version]), strict=False)
    return str(network.network_address)
