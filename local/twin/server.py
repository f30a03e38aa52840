"""The twin's listener: one thread for each client, on loopback only."""

from __future__ import annotations

import contextlib
import dataclasses
import hmac
import socket
import threading
from typing import TYPE_CHECKING

from local.control import Control
from local.twin.catalog.install import install
from local.twin.faults import Armed, commands
from local.twin.isolation import Transactions
from local.twin.load.source import Source, client
from local.twin.protocol import tls
from local.twin.protocol.session import Session
from local.twin.recorder import Recorder

if TYPE_CHECKING:
    from pathlib import Path

LOOPBACK = "127.0.0.1"
_BACKLOG = 128


@dataclasses.dataclass(frozen=True)
class Config:
    """Where the twin listens, and what stands behind it."""

    port: int
    conninfo: str
    s3_endpoint: str
    region: str
    user: str
    password: str
    tls_dir: Path | None = None
    control_port: int | None = None
    isolation: str | None = None


class Twin:
    """A running twin."""

    def __init__(self, config: Config) -> None:
        self.conninfo = config.conninfo
        self.tls = tls.server_context(config.tls_dir) if config.tls_dir else None
        install(config.conninfo, config.user, config.password)
        self.recorder = Recorder(config.conninfo)
        self.transactions = Transactions(config.conninfo, config.isolation)
        self.source = Source(client(config.s3_endpoint, config.region), config.region)
        self._sessions: set[Session] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._listener = socket.create_server((LOOPBACK, config.port), backlog=_BACKLOG)
        self.port = int(self._listener.getsockname()[1])
        self.armed = None if config.control_port is None else Armed()
        self._control = Control(config.control_port or 0, commands(self.armed)) if self.armed else None

    def serve(self) -> None:
        """Take clients until `stop`."""
        while True:
            try:
                connection = self._listener.accept()[0]
            except ConnectionAbortedError:
                # its client was gone before it was taken
                continue
            except OSError:
                if self._stopped.is_set():
                    return
                raise
            threading.Thread(target=Session(self, connection).serve, daemon=True).start()

    def stop(self) -> None:
        """Stop taking clients and end the sessions; PostgreSQL rolls back what they left open."""
        self._stopped.set()
        with contextlib.suppress(OSError):
            # nobody may be waiting in accept
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if self._control is not None:
            self._control.close()
        for session in self._all():
            session.cancel()
        self.recorder.close()
        self.transactions.close()

    def remember(self, session: Session) -> None:
        """Note a session, so that it can be cancelled."""
        with self._lock:
            self._sessions.add(session)

    def forget(self, session: Session) -> None:
        """Forget a session that has ended."""
        with self._lock:
            self._sessions.discard(session)

    def cancel(self, pid: int, secret: bytes) -> None:
        """Cancel what the session of this number runs, if the secret is its own."""
        for session in self._all():
            if session.pid == pid and hmac.compare_digest(session.secret, secret):
                session.cancel()

    def _all(self) -> list[Session]:
        with self._lock:
            return list(self._sessions)
