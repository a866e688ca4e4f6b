"""The local stack as a whole: up, down and status, and the file stack.json in which other commands find the servers.

`root` is the folder that holds everything of one stack (`.groundswell`): data, logs, stack.json, and the cache of
binaries unless the caller names another.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.local import ports as ports_of
from deploy.local.errors import LocalStackError, StartError
from deploy.local.fetch import Progress
from deploy.local.ports import Ports
from deploy.local.processes import ProcessId, await_end, is_alive, locked, resident_mib, terminate
from deploy.local.services import Service, log_tail, services

SERVER_NAMES = ("elasticsearch", "kafka", "redis")
START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 30.0
_POLL_S = 0.1


def _quiet(_: str) -> None:
    return None


@dataclass(frozen=True)
class StackInfo:
    """Where a running stack is found. `kafka` is host:port; `processes` is by server name."""

    root: Path
    ports: Ports
    kafka: str
    redis_url: str
    elasticsearch_url: str
    processes: dict[str, ProcessId]


@dataclass(frozen=True)
class ServiceStatus:
    """One server: `state` is `running`, `unhealthy` (alive, does not answer) or `stopped`."""

    name: str
    state: str
    url: str
    pid: int | None
    resident_mib: int | None
    log: Path


class Stack:
    """The servers under one root folder.

    `cache` is where binaries are kept (default `root/cache`, may be shared by many stacks at once); `java_home` is
    tried before the usual JVM folders; `progress` is told in a few words what is being done.
    """

    def __init__(
        self, root: Path, cache: Path | None = None, java_home: Path | None = None, progress: Progress = _quiet
    ) -> None:
        self.root = root.resolve()
        self.cache = (cache or self.root / "cache").resolve()
        self.java_home = java_home
        self.progress = progress
        self._writing = threading.Lock()

    def up(
        self, ports: Ports | None = None, free_ports: bool = False, only: Collection[str] = SERVER_NAMES
    ) -> StackInfo:
        """Start what does not run yet (of the servers named in `only`), wait until all answer, say where they are.

        Ports: those of the running servers, else `ports`, else free ones, else the usual ones. If one server cannot
        be started, those that this call started are ended again. Raises a `LocalStackError`.
        """
        with locked(self.root / "up.lock"):
            running = self._running()
            known = self.load()
            if running and known is not None:
                ports, free_ports = known.ports, False
            with ports_of.held(None if free_ports and ports is None else ports or Ports()) as chosen:
                return self._start_missing(chosen, running, only)

    def down(self) -> list[str]:
        """End the servers that `up` started here, and no other process; returns the names of those that ran.

        Data and logs stay. A server that does not end in 30 s is killed.
        """
        with locked(self.root / "up.lock"):
            running = self._running()
            self._end(running)
            self._state.unlink(missing_ok=True)
        return sorted(running)

    def status(self) -> list[ServiceStatus]:
        """Each server as it is now; nothing is started or changed."""
        known = self.load()
        ports = known.ports if known else Ports()
        running = self._running()
        found = []
        for service in services(self.root, ports, self.java_home):
            process = running.get(service.name)
            state = "stopped" if process is None else "running" if service.is_healthy() else "unhealthy"
            memory = resident_mib(process) if process else None
            pid = process.pid if process else None
            found.append(ServiceStatus(service.name, state, service.url, pid, memory, service.log))
        return found

    def load(self) -> StackInfo | None:
        """What `up` wrote to stack.json, or None when the stack is down."""
        try:
            state = json.loads(self._state.read_text(encoding="utf-8"))
            processes = {name: ProcessId(**entry) for name, entry in state["processes"].items()}
            return self._info(Ports(**state["ports"]), processes)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise LocalStackError(f"{self._state} cannot be read ({error}); remove it and start again") from error

    @property
    def _state(self) -> Path:
        return self.root / "stack.json"

    def _info(self, ports: Ports, processes: dict[str, ProcessId]) -> StackInfo:
        urls = {service.name: service.url for service in services(self.root, ports, self.java_home)}
        return StackInfo(self.root, ports, urls["kafka"], urls["redis"], urls["elasticsearch"], processes)

    def _running(self) -> dict[str, ProcessId]:
        known = self.load()
        return {name: process for name, process in known.processes.items() if is_alive(process)} if known else {}

    def _start_missing(self, ports: Ports, running: dict[str, ProcessId], only: Collection[str]) -> StackInfo:
        processes = dict(running)
        wanted = set(only) - set(running)
        missing = [service for service in services(self.root, ports, self.java_home) if service.name in wanted]
        stop = threading.Event()

        def record(service: Service, process: ProcessId) -> None:
            with self._writing:
                processes[service.name] = process
                self._save(ports, processes)

        try:
            # Every server is looked for before the first is started: what is missing is said at once, and all of it.
            self._each(missing, lambda service: service.prepare(self.cache, self.progress), stop)
            for service in missing:
                ports_of.require_free(service.name, service.port)
            self._each(missing, lambda service: self._start(service, record, stop), stop)
        except BaseException:
            self._end({name: process for name, process in processes.items() if name not in running})
            self._save(ports, running)
            raise
        return self._info(ports, processes)

    def _each(self, todo: list[Service], work: Callable[[Service], None], stop: threading.Event) -> None:
        """Do `work` for all at once; `stop` is set by the first failure or Ctrl-C. Every failure is told.

        Returns or raises only when no work goes on any more.
        """

        def one(service: Service) -> None:
            try:
                work(service)
            except BaseException:
                stop.set()
                raise

        with ThreadPoolExecutor(max_workers=max(1, len(todo))) as pool:
            futures = [pool.submit(one, service) for service in todo]
            try:
                wait(futures)
            except BaseException:
                stop.set()
                raise
        failures = [failure for future in futures if (failure := future.exception()) is not None]
        if len(failures) > 1 and all(isinstance(failure, LocalStackError) for failure in failures):
            raise LocalStackError("\n".join(str(failure) for failure in failures))
        if failures:
            raise failures[0]

    def _start(self, service: Service, record: Callable[[Service, ProcessId], None], stop: threading.Event) -> None:
        self.progress(f"starting {service.name} on {service.url}")
        begun = time.monotonic()
        started = process = service.start()
        record(service, started)
        while not stop.is_set():
            if (main := service.main_process(started)) != process:
                process = main
                record(service, process)
            if not is_alive(process):
                raise StartError(f"{service.name} ended while starting; the end of {service.log}:\n{log_tail(service)}")
            if service.is_healthy():
                self.progress(f"{service.name} is up after {time.monotonic() - begun:.1f} s")
                return
            if time.monotonic() - begun > START_TIMEOUT_S:
                raise StartError(
                    f"{service.name} did not answer within {START_TIMEOUT_S:.0f} s; the end of {service.log}:\n"
                    f"{log_tail(service)}"
                )
            stop.wait(_POLL_S)

    def _end(self, processes: dict[str, ProcessId]) -> None:
        for process in processes.values():
            terminate(process)
        for name, process in processes.items():
            if await_end(process, STOP_TIMEOUT_S):
                self.progress(f"{name} did not end in {STOP_TIMEOUT_S:.0f} s and was killed")

    def _save(self, ports: Ports, processes: dict[str, ProcessId]) -> None:
        info = self._info(ports, processes)
        state = {
            "ports": asdict(ports),
            "kafka": info.kafka,
            "redis_url": info.redis_url,
            "elasticsearch_url": info.elasticsearch_url,
            "processes": {name: asdict(process) for name, process in processes.items()},
        }
        fresh = self._state.with_suffix(".json.new")
        fresh.write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
        os.replace(fresh, self._state)


def up(
    root: Path,
    ports: Ports | None = None,
    free_ports: bool = False,
    progress: Progress = _quiet,
    *,
    cache: Path | None = None,
    java_home: Path | None = None,
) -> StackInfo:
    """`Stack.up` in one call."""
    return Stack(root, cache, java_home, progress).up(ports, free_ports)


def down(root: Path) -> list[str]:
    """`Stack.down` in one call."""
    return Stack(root).down()


def status(root: Path) -> list[ServiceStatus]:
    """`Stack.status` in one call."""
    return Stack(root).status()


def load(root: Path) -> StackInfo | None:
    """`Stack.load` in one call."""
    return Stack(root).load()
