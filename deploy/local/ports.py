"""Which ports the servers listen on, and how two stacks that start at once never choose the same one.

Free ports are taken below the kernel's ephemeral range, so that an outgoing connection cannot grab one between
the choice and the server's bind; a lock file per port keeps other stacks away for that time.
"""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.local.errors import PortInUseError

HOST = "127.0.0.1"
_FREE_RANGE = range(20_000, 24_000)


@dataclass(frozen=True)
class Ports:
    """TCP ports on 127.0.0.1; `kafka_controller` is only spoken to by the broker itself."""

    kafka: int = 9092
    kafka_controller: int = 9093
    redis: int = 6379
    elasticsearch: int = 9200


@contextmanager
def held(ports: Ports | None) -> Iterator[Ports]:
    """Yield ports that no other stack takes while the block runs: the given ones, or free ones for None.

    Raises `PortInUseError` when a given port is taken; the message names it.
    """
    with ExitStack() as locks:
        if ports is None:
            kafka, controller, redis, elasticsearch = (_reserve_free(locks) for _ in range(4))
            yield Ports(kafka, controller, redis, elasticsearch)
            return
        for name, port in asdict(ports).items():
            if not _reserve(locks, port):
                raise PortInUseError(f"port {port} ({name}) is being taken by another stack; wait, or use free ports")
        yield ports


def require_free(name: str, port: int) -> None:
    """Raise `PortInUseError` if something listens on `port` already."""
    if not _is_free(port):
        raise PortInUseError(
            f"port {port} for {name} is in use by another process; stop it, or start with --free-ports"
        )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a connection in TIME_WAIT is no reason to refuse the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            probe.bind((HOST, port))
            return True
    return False


def _reserve_free(locks: ExitStack) -> int:
    for port in random.sample(_FREE_RANGE, 200):
        if _reserve(locks, port) and _is_free(port):
            return port
    raise PortInUseError(f"no free port found between {_FREE_RANGE.start} and {_FREE_RANGE.stop}")


def _reserve(locks: ExitStack, port: int) -> bool:
    folder = Path(tempfile.gettempdir()) / f"groundswell-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    handle = locks.enter_context((folder / str(port)).open("w"))
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
