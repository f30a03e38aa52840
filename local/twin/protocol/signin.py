"""A client's first words: TLS, its name and password, and the PostgreSQL session made for it."""

from __future__ import annotations

import dataclasses
import hmac
import secrets
import struct
from typing import IO, TYPE_CHECKING, cast

from local.twin.backend import Backend
from local.twin.errors import TwinError
from local.twin.passwords import md5_answer
from local.twin.protocol import wire
from local.twin.sql.settings import startup_options
from local.twin.sql.tokens import literal, quoted

if TYPE_CHECKING:
    import socket
    import ssl

# A client that has not signed in after so long is let go.
SECONDS = 60.0
_STATUS = {
    "server_version": "8.0.2",
    "server_encoding": "UTF8",
    "client_encoding": "UTF8",
    "DateStyle": "ISO, MDY",
    "TimeZone": "UTC",
    "integer_datetimes": "on",
    "server_protocol_version": "0",
    # by this asyncpg, for one, tells a Redshift from a PostgreSQL
    "padb_revision": "99999",
}
_SEQUENCES = (
    "CREATE TEMP SEQUENCE twin_copy_id MINVALUE -1 START -1;"
    # a right of the user's own would keep the user from being dropped until the session has ended
    "GRANT ALL ON SEQUENCE pg_temp.twin_copy_id TO PUBLIC"
)
_USER = """
SELECT rolpassword, rolsuper FROM pg_authid
WHERE rolname = {} AND rolcanlogin AND coalesce(rolvaliduntil > now(), true)
"""
# PostgreSQL applies these to its own logins only; what the client asks for at its start comes before them.
_SETTINGS = """
SELECT set_config(known.name, substr(kept, length(known.name) + 2), false)
FROM pg_roles, unnest(rolconfig) kept, split_part(kept, '=', 1) known (name)
WHERE rolname = {} AND NOT EXISTS (SELECT FROM pg_settings s WHERE s.name = known.name AND s.source = 'client')
"""


@dataclasses.dataclass
class Client:
    """A connection's socket and its two streams, of TLS once that is agreed."""

    socket: socket.socket
    reader: IO[bytes]
    writer: IO[bytes]


def first_packet(connection: socket.socket, tls: ssl.SSLContext | None) -> tuple[Client, int, bytes]:
    """Return the client, and the code and body of its first packet that does not ask for encryption."""
    connection.settimeout(SECONDS)
    code, body = wire.read_startup(connection)
    while code in {wire.SSL_REQUEST, wire.GSS_REQUEST}:
        encrypts = code == wire.SSL_REQUEST and tls is not None
        connection.sendall(b"S" if encrypts else b"N")
        if encrypts and tls is not None:
            connection, tls = tls.wrap_socket(connection, server_side=True), None
        code, body = wire.read_startup(connection)
    writer = cast("IO[bytes]", connection.makefile("wb", buffering=1 << 16))
    return Client(connection, connection.makefile("rb"), writer), code, body


def sign_in(client: Client, code: int, body: bytes, conninfo: str, key: bytes) -> Backend:
    """Return the PostgreSQL session of a client whose password is right, having welcomed it.

    Raises `TwinError`, which is the client's end.
    """
    if code >> 16 != wire.PROTOCOL_3 >> 16:
        raise TwinError(f"unsupported frontend protocol {code >> 16}.{code & 0xFFFF}", code="0A000")
    parameters = wire.startup_parameters(body)
    user = parameters.get("user", "")
    salt = secrets.token_bytes(4)
    client.writer.write(wire.message(b"R", struct.pack("!I", 5) + salt))
    client.writer.flush()
    kind, answer = wire.read_message(client.reader)
    backend = Backend(conninfo, startup_options(parameters.get("options", "")))
    try:
        superuser = _check_password(backend, user, salt, wire.cut_text(answer)[0] if kind == b"p" else "")
        _check_database(backend, parameters.get("database", ""))
        _become(backend, user)
    except BaseException:
        backend.close()
        raise
    client.socket.settimeout(None)
    backend.client = client.socket
    client.writer.write(_welcome(backend, parameters, key, superuser=superuser))
    client.writer.flush()
    return backend


def _check_password(backend: Backend, user: str, salt: bytes, answer: str) -> bool:
    """Return whether the user, whose password it is, is a superuser."""
    found = backend.query(_USER.format(literal(user)))
    stored, superuser = found[0] if found else (None, None)
    # a password that PostgreSQL keeps in another form was not set through the twin
    known = stored is not None and stored.startswith("md5")
    expected = md5_answer(stored.removeprefix("md5"), salt) if stored is not None and known else ""
    if not known or not hmac.compare_digest(answer.encode(), expected.encode()):
        raise TwinError(f'password authentication failed for user "{user}"', code="28000")
    return superuser == "t"


def _check_database(backend: Backend, database: str) -> None:
    name, super_oid = backend.query("SELECT current_database(), 'pg_catalog.super'::regtype::oid")[0]
    backend.super_oid = int(super_oid or 0)
    if database and database != name:
        raise TwinError(f'database "{database}" does not exist', code="3D000")


def _become(backend: Backend, user: str) -> None:
    """Make the session the user's; what the twin counts in it stays the twin's own."""
    backend.query(
        f"{_SEQUENCES}; {_SETTINGS.format(literal(user))}; SET SESSION AUTHORIZATION {quoted([user])}"
    )
    backend.user = user


def _welcome(backend: Backend, parameters: dict[str, str], key: bytes, *, superuser: bool) -> bytes:
    status = {
        **_STATUS,
        "is_superuser": "on" if superuser else "off",
        "session_authorization": backend.user,
        "application_name": parameters.get("application_name", ""),
    }
    told = b"".join(wire.parameter_status(name, value) for name, value in status.items())
    signed_in = wire.message(b"R", struct.pack("!I", 0))
    return signed_in + told + wire.message(b"K", struct.pack("!I", backend.pid) + key) + wire.ready(b"I")
