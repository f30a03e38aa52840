"""The loopback ports of the embedded stack."""

import dataclasses
import os
import socket
from collections.abc import Mapping
from typing import Self

from local.environment import LOOPBACK, PORT_PREFIX, StackError

_HIGHEST = 65535


@dataclasses.dataclass(frozen=True)
class Ports:
    """One port for each server of the stack, all on 127.0.0.1."""

    airflow: int = 8080
    warehouse: int = 5439
    postgres: int = 5433
    s3: int = 4566
    logs: int = 8793
    faults: int = 5440
    s3_front: int = 4567
    s3_faults: int = 4568

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Return the default ports, each replaced by its `LOG_ROUTER_PORT_...` variable where set."""
        chosen = {}
        for field in dataclasses.fields(cls):
            variable = PORT_PREFIX + field.name.upper()
            if variable in environment:
                chosen[field.name] = _port_number(variable, environment[variable])
        ports = cls(**chosen)
        ports.refuse_doubles()
        return ports

    @classmethod
    def free(cls) -> Self:
        """Return ports that nobody listens on at this moment."""
        probes = {field.name: socket.socket() for field in dataclasses.fields(cls)}
        try:
            for probe in probes.values():
                probe.bind((LOOPBACK, 0))
            return cls(**{name: probe.getsockname()[1] for name, probe in probes.items()})
        finally:
            for probe in probes.values():
                probe.close()

    def refuse_doubles(self) -> None:
        """Raise StackError when two servers were given the same port."""
        named = dataclasses.asdict(self)
        doubles = sorted(name for name, port in named.items() if list(named.values()).count(port) > 1)
        if doubles:
            variables = ", ".join(PORT_PREFIX + name.upper() for name in doubles)
            raise StackError(
                f"the ports of {', '.join(doubles)} are the same: give each its own in {variables}"
            )

    def refuse_taken(self, *names: str) -> None:
        """Raise StackError naming every port of `names` that something else listens on."""
        taken = [(name, port) for name, port in self._named(names) if not _is_free(port)]
        if not taken:
            return
        listed = ", ".join(f"{port} ({name})" for name, port in taken)
        example = " ".join(f"{PORT_PREFIX}{name.upper()}={_next_free(port)}" for name, port in taken)
        raise StackError(
            f"port in use on {LOOPBACK}: {listed}: stop what listens there, or choose others, "
            f"for example `{example} make demo`",
        )

    def _named(self, names: tuple[str, ...]) -> list[tuple[str, int]]:
        return [(name, getattr(self, name)) for name in names]


def _port_number(variable: str, text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= _HIGHEST:
        raise StackError(f"{variable}={text!r} is not a port: give a number from 1 to {_HIGHEST}")
    return int(text)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # connections that are only timing out don't keep a server from listening
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _next_free(port: int) -> int:
    return next((candidate for candidate in range(port + 1, _HIGHEST) if _is_free(candidate)), port)
