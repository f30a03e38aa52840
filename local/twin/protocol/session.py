"""One client's session: signs it in, then answers its messages in Redshift's manner."""

from __future__ import annotations

import contextlib
import secrets
import socket
import ssl
import struct
from typing import TYPE_CHECKING

from local.twin.backend import BackendGoneError
from local.twin.errors import INTERNAL, TwinError
from local.twin.faults import DroppedError
from local.twin.protocol import signin, wire
from local.twin.protocol.conversation import Conversation
from local.twin.protocol.extended import Extended
from local.twin.protocol.simple import Simple

if TYPE_CHECKING:
    from local.twin.backend import Backend
    from local.twin.server import Twin


# The last three belong to a COPY FROM STDIN, which has been refused: they are ignored.
_KNOWN = b"QFHPBDECdcf"


class Session:
    """Serves one client until it leaves."""

    def __init__(self, twin: Twin, connection: socket.socket) -> None:
        self._twin = twin
        self._connection = connection
        self._client: signin.Client | None = None
        self._backend: Backend | None = None
        self._talk: Conversation | None = None
        self.secret = secrets.token_bytes(4)

    @property
    def pid(self) -> int:
        """The number by which clients ask to cancel; 0 before the sign-in."""
        return self._backend.pid if self._backend is not None else 0

    def serve(self) -> None:
        """Answer until the client leaves, then roll back what it left open."""
        dropped = False
        try:
            talk = self._sign_in()
            if talk is not None:
                self._answer(talk)
        except (wire.ClosedError, BackendGoneError, OSError):
            # the client or PostgreSQL is gone: there is nobody left to tell
            return
        except DroppedError:
            dropped = True
        except TwinError as error:
            self._say_last(error)
        except Exception as bug:
            self._say_last(TwinError(f"the local Redshift twin failed: {bug!r}", code=INTERNAL))
            raise
        finally:
            self._twin.forget(self)
            if self._backend is not None:
                self._backend.close()
            if self._talk is not None:
                self._talk.isolation.forget()
            self._close(dropped=dropped)

    def _say_last(self, error: TwinError) -> None:
        """Send the error that ends the session, if the client still listens."""
        with contextlib.suppress(OSError):
            if self._talk is not None:
                self._talk.send()
            if self._client is not None:
                self._client.writer.write(wire.error(error, "FATAL"))
                self._client.writer.flush()

    def _close(self, *, dropped: bool) -> None:
        """Close the connection: what has not been sent yet is never sent."""
        client = self._client
        plain = client.socket if client else self._connection
        with contextlib.suppress(OSError):
            if isinstance(plain, ssl.SSLSocket) and not dropped:
                # says goodbye and does not wait for the other's, which is an error of its own
                plain.settimeout(0)
                plain.unwrap()
        with contextlib.suppress(OSError):
            plain.shutdown(socket.SHUT_RDWR)
        for part in (client.reader, client.writer) if client else ():
            with contextlib.suppress(OSError):
                part.close()
        plain.close()

    def cancel(self) -> None:
        """Stop the statement that runs for this client."""
        if self._backend is not None:
            self._backend.cancel()

    def _sign_in(self) -> Conversation | None:
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client, code, body = signin.first_packet(self._connection, self._twin.tls)
        if code == wire.CANCEL_REQUEST:
            if len(body) == 8:  # noqa: PLR2004 - a number and a secret
                self._twin.cancel(*struct.unpack("!I4s", body))
            return None
        self._backend = signin.sign_in(self._client, code, body, self._twin.conninfo, self.secret)
        self._talk = Conversation(self._twin, self._client, self._backend)
        self._twin.remember(self)
        return self._talk

    def _answer(self, talk: Conversation) -> None:
        extended = Extended(talk)
        simple = Simple(talk, extended)
        while self._client is not None:
            kind, body = wire.read_message(self._client.reader)
            talk.backend.cancelled.clear()
            if kind == b"X":
                return
            if kind == b"S":
                extended.sync()
            elif kind not in _KNOWN:
                raise wire.FramingError(f"invalid frontend message type {kind[0]}")
            elif kind == b"Q" and not extended.skipping:
                simple.answer(body)
            elif kind == b"F" and not extended.skipping:
                extended.refuse_call()
            elif kind in b"PBDEC" and not extended.skipping:
                extended.answer(kind, body)
            if kind in b"QSHF":
                talk.flush()
