"""A role that finds no server says in one line which, where and what to run, waits, and goes on when it comes."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.local import Ports, Stack, StackInfo
from deploy.local.ports import held
from stream.stores.connect import trend_store
from tests.conftest import REPOSITORY
from tests.end_to_end.driver import mixture, send
from tests.end_to_end.running import Place

SOON_S = 8.0
pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def ports() -> Ports:
    """Ports on which nothing listens."""
    with held(None) as free:
        return free


@contextmanager
def coming(server: str, ports: Ports, folder: Path) -> Iterator[None]:
    """A server of the test's own that comes up now."""
    local = Stack(folder, cache=REPOSITORY / ".groundswell" / "cache")
    try:
        local.up(ports=ports, only=[server])
        yield
    finally:
        local.down()


def test_roles_without_kafka_say_so_in_one_line_and_go_on_when_it_comes(
    stack: StackInfo, prefix: str, tmp_path: Path, ports: Ports
) -> None:
    bootstrap = f"127.0.0.1:{ports.kafka}"
    with Place(stack, prefix, tmp_path, GROUNDSWELL_KAFKA__BOOTSTRAP=bootstrap) as place:
        for role in ("classify", "trends"):
            place.start(role, role)
        for role in ("classify", "trends"):
            place.wait(lambda role=role: "waits" in place.log(role), f"{role} to say that it waits", 30)  # type: ignore[misc]
            _claim_lines(place.log(role), rf"{role} waits: Kafka at {bootstrap} does not answer .*groundswell up.*")
        with coming("kafka", ports, tmp_path / "late"):
            place.create_topics()
            _claim_posts_are_counted(place, tmp_path)


def test_roles_without_redis_say_so_in_one_line_and_go_on_when_it_comes(
    stack: StackInfo, prefix: str, tmp_path: Path, ports: Ports
) -> None:
    url = f"redis://127.0.0.1:{ports.redis}/0"
    with Place(stack, prefix, tmp_path, GROUNDSWELL_REDIS__URL=url) as place:
        place.create_topics()
        send(place, mixture(50, int(time.time() * 1000), seed=8), tmp_path / "ledger.jsonl")
        for role in ("classify", "trends"):
            place.start(role, role)
        for role in ("classify", "trends"):
            place.wait(lambda role=role: "waits" in place.log(role), f"{role} to say that it waits", 30)  # type: ignore[misc]
            _claim_lines(place.log(role), rf"{role} waits: Redis at 127\.0\.0\.1:{ports.redis} .*groundswell up.*")
        with coming("redis", ports, tmp_path / "late"):
            _claim_posts_are_counted(place, tmp_path)


def test_without_elasticsearch_trends_go_on_and_index_says_in_one_line_that_it_waits(
    stack: StackInfo, prefix: str, tmp_path: Path, ports: Ports
) -> None:
    url = f"http://127.0.0.1:{ports.elasticsearch}"
    with Place(stack, prefix, tmp_path, GROUNDSWELL_ELASTICSEARCH__URL=url) as place:
        place.create_topics()
        for role in ("classify", "trends", "index"):
            place.start(role, role)
        _claim_posts_are_counted(place, tmp_path)
        place.wait(lambda: "waits" in place.log("index"), "index to say that it waits", 30)
        _claim_lines(
            place.log("index"), rf"index waits: Elasticsearch at 127\.0\.0\.1:{ports.elasticsearch} .*groundswell up.*"
        )
        began_s = time.monotonic()
        assert place.stop("index") == 0
        assert time.monotonic() - began_s < SOON_S, "a role that waits must not wait when told to stop"


def test_an_unknown_setting_is_named_with_the_nearest_known_one(tmp_path: Path) -> None:
    nowhere = StackInfo(tmp_path, Ports(), "127.0.0.1:1", "redis://127.0.0.1:1", "http://127.0.0.1:1", {})
    with Place(nowhere, "x", tmp_path) as place:
        place.environment["GROUNDSWELL_KAFKA__BOOTSTRAPS"] = "127.0.0.1:1"
        ended = place.command("worker", "classify", timeout_s=30)
    assert ended.returncode == 1
    assert ended.stderr == "groundswell: unknown setting 'kafka.bootstraps'; did you mean 'kafka.bootstrap'?\n"


def _claim_posts_are_counted(place: Place, folder: Path) -> None:
    messages = mixture(50, int(time.time() * 1000), seed=9)
    posts = {message.post_id for message in messages if message.post_id is not None}
    send(place, messages, folder / "ledger.jsonl")
    store = trend_store(place.settings)
    place.wait(lambda: posts <= set(store.seen_ids()), "the posts to be counted", 60)


def _claim_lines(log: str, line: str) -> None:
    """Such a line is in the log, and nothing else about it: no traceback, no other library's word."""
    said = [row for row in log.splitlines() if "oordinator" not in row]  # the group's, on a young broker
    assert said
    for row in said:
        assert re.fullmatch(rf"(\[.*\] )?{line} ?", row), row
