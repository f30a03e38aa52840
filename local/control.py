"""A control port: how a test tells a server of the stack what to do, one JSON request and answer a connection."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from typing import TYPE_CHECKING, Any

from local.environment import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class Control:
    """The server's side, on loopback: `commands` by the name that a request has under `do`."""

    def __init__(self, port: int, commands: Mapping[str, Callable[[dict[str, Any]], object]]) -> None:
        class Handler(socketserver.StreamRequestHandler):
            timeout = 10

            def handle(self) -> None:
                answer = json.dumps(_answer(commands, self.rfile.readline()))
                self.wfile.write(answer.encode() + b"\n")

        self._server = _Listener((LOOPBACK, port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def _answer(commands: Mapping[str, Callable[[dict[str, Any]], object]], line: bytes) -> dict[str, object]:
    try:
        request = json.loads(line)
        return {"answer": commands[request["do"]](request)}
    except (ValueError, KeyError, TypeError) as error:
        return {"error": f"{type(error).__name__}: {error}"}


def ask(port: int, do: str, **request: object) -> Any:
    """Return what the server answers to a command; raises ValueError where it refuses it."""
    with socket.create_connection((LOOPBACK, port), timeout=10) as connection:
        connection.sendall(json.dumps({"do": do, **request}).encode() + b"\n")
        with connection.makefile("rb") as stream:
            answer = json.loads(stream.readline())
    if "error" in answer:
        raise ValueError(answer["error"])
    return answer["answer"]
