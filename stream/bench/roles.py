"""Posts a second through each role and through all together, over the real Kafka, Redis and Elasticsearch, with the
latency from the broker's append to the count at half of that. Starts its own servers in a folder of its own.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import msgspec
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from classifier.inference import LINEAR
from deploy.local import Stack
from stream.app import group_of
from stream.errors import GroundswellError
from stream.produce import Pace, produce
from stream.sample import generate
from stream.settings import LOCAL_ROOT, Settings, child_environment, load_settings
from stream.topics import create_topics, topics

POSTS = 45_000
WAIT_S = 240
LATENCY_S = 30
POLL_S = 0.5
EVERY = ("classify", "trends", "index", "notify")
AHEAD = 3_000  # messages a role has taken before the clock starts: its start-up is not its speed


def run(posts: int = POSTS) -> dict[str, object]:
    """Each role alone over the same posts, then all together, then latency at half of that rate."""
    with servers() as (folder, addresses):
        environment = {
            **addresses,
            "GROUNDSWELL_CHANNELS__CONSOLE": "false",
            "GROUNDSWELL_MODEL": str(LINEAR),  # the roles are measured, not the model: `bench classify` does that
        }
        return _Bench(folder, environment).run(posts)


@contextmanager
def servers() -> Iterator[tuple[Path, dict[str, str]]]:
    """Run Kafka, Redis and Elasticsearch in a folder of their own; gives the folder, and settings that name them."""
    folder = Path(tempfile.mkdtemp(prefix="groundswell-bench-"))
    folder.chmod(0o755)
    stack = Stack(folder / "stack", cache=LOCAL_ROOT / "cache")
    info = stack.up(free_ports=True)
    try:
        yield (
            folder,
            {
                "GROUNDSWELL_KAFKA__BOOTSTRAP": info.kafka,
                "GROUNDSWELL_REDIS__URL": info.redis_url,
                "GROUNDSWELL_ELASTICSEARCH__URL": info.elasticsearch_url,
            },
        )
    finally:
        stack.down()


class _Bench:
    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder, self._environment = folder, environment
        self._file = folder / "posts.jsonl"

    def _settings(self, prefix: str) -> Settings:
        return load_settings(None, {**self._environment, "GROUNDSWELL_PREFIX": prefix})

    def run(self, posts: int) -> dict[str, object]:
        write(self._file, posts)
        alone = self._settings("alone.")
        create_topics(alone)
        produce([self._file], alone, b"bench", Pace(None, None, time.monotonic, time.sleep, now_ms), silent)
        rates = {}
        for role in ("classify", "trends", "index"):
            with workers(self._folder, self._environment | {"GROUNDSWELL_PREFIX": alone.prefix}, [role]):
                rates[role] = self._rate(alone, role)
        together = self._settings("together.")
        create_topics(together)
        with workers(self._folder, self._environment | {"GROUNDSWELL_PREFIX": together.prefix}, EVERY):
            produce([self._file], together, b"bench", Pace(None, None, time.monotonic, time.sleep, now_ms), silent)
            all_rate = self._rate(together, "trends", also="index")
            half = max(all_rate / 2, 1.0)
            few = self._folder / "few.jsonl"
            write(few, int(half * LATENCY_S), first=posts)
            mark = len(self._log("trends"))
            produce([few], together, b"bench", Pace(half, None, time.monotonic, time.sleep, now_ms), silent)
            time.sleep(8)
            latency = _latency(self._log("trends")[mark:])
        return {
            "target": "roles",
            "model": LINEAR.name,
            "posts": posts,
            "posts_per_s": {**{role: round(rate) for role, rate in rates.items()}, "all_together": round(all_rate)},
            "baseline": "classify alone",
            "ratio": round(all_rate / rates["classify"], 3),
            "latency_at_posts_per_s": round(half),
            "produce_to_trend_ms": latency,
        }

    def _rate(self, settings: Settings, role: str, also: str | None = None) -> float:
        """Messages a second from the moment `AHEAD` are acknowledged until all are (by `also` too)."""
        names = topics(settings.prefix)
        topic = names.posts if role == "classify" else names.opinions
        counted: list[tuple[float, int]] = []
        deadline_s = time.monotonic() + WAIT_S
        with Offsets(settings) as offsets:
            while time.monotonic() < deadline_s:
                end = offsets.end(topic)
                done = min(offsets.acknowledged(each, topic) for each in (role, also) if each)
                counted.append((time.monotonic(), done))
                through = role == "classify" or offsets.acknowledged("classify", names.posts) >= offsets.end(
                    names.posts
                )
                if through and done >= end and done > AHEAD:
                    start_s, first = next((at, n) for at, n in counted if n >= AHEAD)
                    last_s = next(at for at, n in counted if n == done)
                    return (done - first) / max(last_s - start_s, 0.1)
                time.sleep(POLL_S)
        raise GroundswellError(f"role {role} did not get through in {WAIT_S} s; see {self._folder / role}.log")

    def _log(self, role: str) -> str:
        return (self._folder / f"{role}.log").read_text(errors="replace")


@contextmanager
def workers(folder: Path, environment: Mapping[str, str], roles: Sequence[str]) -> Iterator[None]:
    """Run roles as processes with their logs in `folder`, and end them."""
    processes = []
    for role in roles:
        log = (folder / f"{role}.log").open("ab")
        command = [sys.executable, "-m", "stream.cli", "worker", role]
        processes.append(
            subprocess.Popen(command, cwd=folder, env=child_environment(environment), stdout=log, stderr=log)
        )
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


def write(path: Path, posts: int, first: int = 0) -> None:
    """Invented posts with ids of their own; live posts bear no time that is to come."""
    texts = generate().posts
    with path.open("wb") as file:
        for number in range(first, first + posts):
            post = texts[number % len(texts)]
            record = {k: v for k, v in msgspec.structs.asdict(post).items() if v is not None}
            file.write(msgspec.json.encode({**record, "id": f"bench-{number}"}) + b"\n")


def now_ms() -> int:
    """Return the time in ms since 1970."""
    return int(time.time() * 1000)


def silent(_done: int, _of: int) -> None:
    """Tell nobody of progress."""


class Offsets:
    """Where the topics end and how far the groups are, asked with two clients that stay: looking must cost little."""

    def __init__(self, settings: Settings) -> None:
        self._prefix = settings.prefix
        self._consumer = KafkaConsumer(bootstrap_servers=settings.kafka.bootstrap, enable_auto_commit=False)
        self._admin = KafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()
        self._admin.close()

    def end(self, topic: str) -> int:
        """Messages written to the topic."""
        parts = [TopicPartition(topic, part) for part in self._consumer.partitions_for_topic(topic) or ()]
        return sum(self._consumer.end_offsets(parts).values())

    def acknowledged(self, role: str, topic: str) -> int:
        """Messages of the topic that the role's group has acknowledged."""
        group = group_of(role, self._prefix)
        try:
            found: Any = self._admin.list_group_offsets(group)
        except KafkaError:  # the coordinator of a new group takes a moment
            return 0
        return sum(max(0, at.offset) for part, at in found[group].items() if part.topic == topic)


def _latency(log: str) -> dict[str, int] | None:
    """The worst of the meter's lines that speak of latency: p50 and p99 in ms."""
    lines = [json.loads(found) for found in re.findall(r"\{\"role\": \"trends\".*?\}", log)]
    told = [line for line in lines if "p99_ms" in line][1:]  # the first holds what waited before
    if not told:
        return None
    p50 = sorted(line["p50_ms"] for line in told)[len(told) // 2]
    return {"p50_ms": p50, "p99_ms": max(line["p99_ms"] for line in told)}
