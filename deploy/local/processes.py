"""Starting a server that outlives its starter, knowing it again later, and ending it and nothing else.

A process is known by its id and its start time together: ids are reused, the pair is not.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

POLL_S = 0.05


@dataclass(frozen=True)
class ProcessId:
    """A process for certain: its id, and when it started (clock ticks since boot on Linux)."""

    pid: int
    started: str


def spawn(command: Sequence[str | Path], log: Path, env: Mapping[str, str]) -> ProcessId:
    """Start `command` in a session of its own with stdout and stderr appended to `log`; do not wait for it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    argv = [str(part) for part in command]
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawn(
        argv[0],
        argv,
        dict(env),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    return identify(pid) or ProcessId(pid, "")


def identify(pid: int) -> ProcessId | None:
    """The running process with this id, or None when there is none (a zombie is none)."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # The command's name, in brackets, may hold spaces; the fields after it are 3 (state) to 22 (start).
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else ProcessId(pid, fields[19])
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split(maxsplit=1)
    return ProcessId(pid, shown[1].strip()) if len(shown) == 2 and not shown[0].startswith("Z") else None


def is_alive(process: ProcessId) -> bool:
    """Whether this very process still runs."""
    return identify(process.pid) == process


def terminate(process: ProcessId) -> None:
    """Ask this process to end; nothing happens when it is gone or its id belongs to another by now."""
    _signal(process, signal.SIGTERM)


def await_end(process: ProcessId, timeout_s: float) -> bool:
    """Wait for the process to end, by force after `timeout_s`; say whether force was needed."""
    deadline = time.monotonic() + timeout_s
    while is_alive(process):
        if time.monotonic() > deadline:
            _signal(process, signal.SIGKILL)
            while is_alive(process):
                time.sleep(POLL_S)
            return True
        time.sleep(POLL_S)
    return False


def resident_mib(process: ProcessId) -> int | None:
    """Resident memory in MiB, or None where the system does not tell."""
    try:
        pages = int(Path(f"/proc/{process.pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on the file at `path`, waiting for it; released even when the holder is killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="ascii") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, for an error message; empty when there is none."""
    try:
        return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def _signal(process: ProcessId, number: signal.Signals) -> None:
    if is_alive(process):
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)
