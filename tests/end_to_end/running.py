"""Roles as real processes over real servers, and the topics as a test sees them from outside. Only processes that were
started here are ended, by their id; their logs are shown where a wait fails.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import CoordinatorNotAvailableError

from classifier.inference import LINEAR
from deploy.local import StackInfo
from stream.app import group_of
from stream.settings import Settings, load_settings
from stream.stores.connect import trend_store
from stream.topics import create_topics, topics

PARTITIONS = 3
LOG_TAIL = 4000


class Record(NamedTuple):
    """One message of a topic."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class Place:
    """Servers, a prefix, a folder that the roles run in, and the processes started there."""

    def __init__(self, stack: StackInfo, prefix: str, folder: Path, clock: str = "broker", **environment: str) -> None:
        self.folder, self.prefix = folder, f"{prefix}."
        self.environment = {
            "GROUNDSWELL_PREFIX": self.prefix,
            "GROUNDSWELL_CLOCK": clock,
            "GROUNDSWELL_KAFKA__BOOTSTRAP": stack.kafka,
            "GROUNDSWELL_KAFKA__PARTITIONS": str(PARTITIONS),
            "GROUNDSWELL_REDIS__URL": stack.redis_url,
            "GROUNDSWELL_ELASTICSEARCH__URL": stack.elasticsearch_url,
            "GROUNDSWELL_AUTHOR_KEY_FILE": str(folder / "author.key"),
            "GROUNDSWELL_MODEL": str(LINEAR),  # what is claimed here is the streams' doing, at the quick model's pace
            **environment,
        }
        self.settings: Settings = load_settings(None, self.environment)
        self.topics = topics(self.prefix)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if kind is not None:
            print(self.logs())

    def create_topics(self) -> None:
        """Makes the topics, of three partitions."""
        create_topics(self.settings)

    def start(self, role: str, name: str, *, fault: str = "") -> subprocess.Popen[bytes]:
        """Starts a worker of a role; `name` is its own among the processes here, and of its log."""
        return self._spawn(name, ["worker", role], GROUNDSWELL_FAULT=fault)

    def command(self, *arguments: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """Runs a command of `groundswell` to its end."""
        return subprocess.run(
            [sys.executable, "-m", "stream.cli", *arguments],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def log(self, name: str) -> str:
        """What a process has written so far."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def logs(self) -> str:
        """The end of every log."""
        return "\n".join(f"--- {path.name}\n{self.log(path.stem)[-LOG_TAIL:]}" for path in self.folder.glob("*.log"))

    def read(self, topic: str) -> list[Record]:
        """All messages of a topic that are there now, in the order of partition and offset."""
        consumer = KafkaConsumer(
            bootstrap_servers=self.settings.kafka.bootstrap, enable_auto_commit=False, max_poll_records=5000
        )
        try:
            parts = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
            assert parts, f"{topic} has no partitions"
            consumer.assign(parts)
            consumer.seek_to_beginning(*parts)
            ends = consumer.end_offsets(parts)
            found: list[Record] = []
            while any(consumer.position(part) < end for part, end in ends.items()):
                for records in consumer.poll(timeout_ms=500).values():
                    found.extend(_record(record) for record in records)
        finally:
            consumer.close()
        return sorted(found, key=lambda record: (record.partition, record.offset))

    def ends(self, topic: str) -> dict[int, int]:
        """Partition -> the offset that comes next."""
        consumer = KafkaConsumer(bootstrap_servers=self.settings.kafka.bootstrap, enable_auto_commit=False)
        try:
            parts = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
            return {part.partition: end for part, end in consumer.end_offsets(parts).items()}
        finally:
            consumer.close()

    def committed(self, role: str, topic: str) -> dict[int, int]:
        """Partition -> the offset that the role's group goes on from; absent where it has acknowledged nothing."""
        group = group_of(role, self.prefix)
        admin = KafkaAdminClient(bootstrap_servers=self.settings.kafka.bootstrap)
        try:
            found = admin.list_group_offsets({group: None})[group]
        except CoordinatorNotAvailableError:  # a young broker has made no topic for the groups' offsets yet
            return {}
        finally:
            admin.close()
        return {part.partition: at.offset for part, at in found.items() if part.topic == topic and at.offset >= 0}

    def members(self, role: str) -> int:
        """How many workers the role's group has now."""
        group = group_of(role, self.prefix)
        admin = KafkaAdminClient(bootstrap_servers=self.settings.kafka.bootstrap)
        try:
            return len(admin.describe_groups([group])[group]["members"])
        except CoordinatorNotAvailableError:
            return 0
        finally:
            admin.close()

    def go_back(self, role: str, topic: str) -> None:
        """Has the role's group, which must have no worker now, begin the topic again at its start."""
        group = group_of(role, self.prefix)
        parts = {TopicPartition(topic, partition): OffsetSpec.EARLIEST for partition in self.ends(topic)}
        admin = KafkaAdminClient(bootstrap_servers=self.settings.kafka.bootstrap)
        try:
            admin.reset_group_offsets(group, parts)
        finally:
            admin.close()
        assert not any(self.committed(role, topic).values())

    def wait_done(self, role: str, topic: str, timeout_s: float) -> None:
        """Waits until the role has acknowledged all that lies in the topic at this moment."""
        due = {partition: end for partition, end in self.ends(topic).items() if end}

        def done() -> bool:
            at = self.committed(role, topic)
            return all(at.get(partition, 0) >= end for partition, end in due.items())

        self.wait(done, f"{role} to acknowledge {due} of {topic}", timeout_s)

    def wait_closed(self, timeout_s: float) -> None:
        """Waits until every minute that the watermark allows is closed and every alert of it has been sent."""
        store = trend_store(self.settings)

        def closed() -> bool:
            watermark_ms = store.watermark(PARTITIONS)
            if watermark_ms is None:
                return False
            bucket = watermark_ms // 900_000
            for shard in range(store.shards):
                until = store.load(shard).closed_until
                if until is None or until // 15 < bucket or store.outbox(shard):
                    return False
            return True

        self.wait(closed, "all minutes to be closed", timeout_s)

    def wait(self, condition: Callable[[], bool], what: str, timeout_s: float, every_s: float = 0.25) -> None:
        """Waits for a condition; no process may end meanwhile but by the fault ordered for it."""
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            for name, process in self._processes.items():
                assert process.poll() in (None, -signal.SIGKILL), f"{name} ended with code {process.returncode}"
            assert time.monotonic() < deadline_s, f"waited {timeout_s:.0f} s in vain for {what}"
            time.sleep(every_s)

    def stop(self, name: str) -> int:
        """Ends one process as an operator would, and returns its exit code."""
        process = self._processes.pop(name)
        process.terminate()
        return process.wait(30)

    def _spawn(self, name: str, arguments: list[str], **environment: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "stream.cli", *arguments],
                cwd=self.folder,
                env=self._environment() | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._processes[name] = process
        return process

    def _environment(self) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if not name.startswith("GROUNDSWELL_")}
        return ours | self.environment | {"PYTHONPATH": str(Path(__file__).parents[2])}


class Fallen(NamedTuple):
    """What the shipped fault wrote before it killed the process: the batch in hand."""

    topic: str
    offsets: dict[int, list[int]]

    def among(self, records: list[Record]) -> list[Record]:
        """The batch's messages, out of all of the topic."""
        return [record for record in records if record.offset in self.offsets.get(record.partition, ())]


def fallen(file: Path) -> Fallen:
    """Reads the fault's file."""
    raw = json.loads(file.read_text())
    return Fallen(raw["topic"], {int(partition): offsets for partition, offsets in raw["offsets"].items()})


def _record(record: Any) -> Record:
    headers = tuple((name, bytes(value)) for name, value in record.headers or ())
    return Record(record.partition, record.offset, record.timestamp, record.key, record.value, headers)
