"""Nothing is lost and nothing counted twice over the real servers, though workers are killed at the worst moment."""

import json
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from deploy.local import StackInfo
from stream.dead_letters import ADDED
from stream.records import MARKER_HEADER
from stream.stores.connect import trend_store
from tests.end_to_end.driver import Sent, mixture, send
from tests.end_to_end.running import Place, Record, fallen

TOTAL = 20_000
PIECE, PIECE_S = 200, 0.2
SIGKILLED = -9
pytestmark = pytest.mark.timeout(300)


def test_a_kill_between_confirmation_and_acknowledgement_loses_nothing_and_counts_nothing_twice(
    stack: StackInfo, prefix: str, tmp_path: Path
) -> None:
    messages = mixture(TOTAL, int(time.time() * 1000), seed=3)
    ledger = tmp_path / "ledger.jsonl"
    with Place(stack, prefix, tmp_path) as place:
        place.create_topics()
        send(place, messages[: TOTAL // 4], ledger)

        faulty = place.start("classify", "classify-a", fault=f"classify.before_ack:3:{tmp_path / 'classify.json'}")
        place.start("classify", "classify-b")
        place.start("index", "index")
        place.start("notify", "notify")
        rest = _send_until_killed(place, faulty, messages[TOTAL // 4 :], ledger)
        assert faulty.returncode == SIGKILLED
        _claim_classify_fell_between_confirmation_and_acknowledgement(place, tmp_path / "classify.json")
        place.start("classify", "classify-c")

        faulty = place.start("trends", "trends-a", fault=f"trends.before_ack:2:{tmp_path / 'trends.json'}")
        place.start("trends", "trends-b")
        rest = _send_until_killed(place, faulty, rest, ledger)
        assert faulty.returncode == SIGKILLED
        _claim_trends_fell_between_confirmation_and_acknowledgement(place, tmp_path / "trends.json")
        place.start("trends", "trends-c")

        send(place, rest, ledger)
        place.wait_done("classify", place.topics.posts, 90)
        place.wait_done("trends", place.topics.opinions, 60)
        place.wait_done("index", place.topics.opinions, 60)

        audited = place.command("audit", str(ledger), "--json")
        assert audited.returncode == 0, audited.stdout + audited.stderr
        result = json.loads(audited.stdout)
        assert (result["lost"], result["extra"]) == (0, 0)
        posts = {message.post_id for message in messages if message.post_id is not None}
        assert result["redis"]["found"] == result["elasticsearch"]["found"] == len(posts)
        _claim_bad_rows_are_dead_letters_byte_for_byte(place, messages)
        told = Counter(record.key for record in place.read(place.topics.opinions) if not _is_marker(record))
        assert told.total() > TOTAL - len(_bad_rows(messages)), "the killed batch was not done again"


def _send_until_killed(place: Place, faulty: subprocess.Popen[bytes], messages: list[Sent], ledger: Path) -> list[Sent]:
    """Sends piece by piece, so that the faulty worker has posts in hand whatever its share of the partitions is.

    Returns what was not sent.
    """
    while messages and faulty.poll() is None:
        send(place, messages[:PIECE], ledger)
        messages = messages[PIECE:]
        time.sleep(PIECE_S)
    place.wait(lambda: faulty.poll() is not None, "a kill", 60, every_s=0.05)
    return messages


def _claim_classify_fell_between_confirmation_and_acknowledgement(place: Place, file: Path) -> None:
    """Its group had acknowledged nothing of the batch in hand, and the batch's opinions were confirmed."""
    batch = fallen(file)
    committed = place.committed("classify", place.topics.posts)
    assert batch.topic == place.topics.posts
    in_hand = batch.among(place.read(place.topics.posts))
    assert all(committed.get(record.partition, 0) <= record.offset for record in in_hand)
    answered = {record.key for record in place.read(place.topics.opinions)}
    answered |= {record.key for record in place.read(place.topics.dead_letters)}
    posts = [record for record in in_hand if not _is_marker(record)]
    assert posts
    assert {record.key for record in posts} <= answered


def _claim_trends_fell_between_confirmation_and_acknowledgement(place: Place, file: Path) -> None:
    """Its group had acknowledged nothing of the batch in hand, and the batch's posts were counted."""
    batch = fallen(file)
    committed = place.committed("trends", place.topics.opinions)
    assert batch.topic == place.topics.opinions
    in_hand = batch.among(place.read(place.topics.opinions))
    assert all(committed.get(record.partition, 0) <= record.offset for record in in_hand)
    opinions = [record for record in in_hand if not _is_marker(record)]
    assert opinions
    counted = set(trend_store(place.settings).seen_ids())
    assert {record.key.decode() for record in opinions if record.key is not None} <= counted


def _claim_bad_rows_are_dead_letters_byte_for_byte(place: Place, messages: list[Sent]) -> None:
    """Key, bytes and time as they were, under all headers, once for each message (repeats after a kill aside)."""
    letters = {}
    for letter in place.read(place.topics.dead_letters):
        headers = {name.removeprefix("groundswell-"): value.decode() for name, value in letter.headers}
        assert set(headers) == set(ADDED)
        assert headers["topic"] == place.topics.posts
        letters[int(headers["partition"]), int(headers["offset"])] = letter, headers
    posts = {(post.partition, post.offset): post for post in place.read(place.topics.posts)}
    for at, (letter, headers) in letters.items():
        assert (letter.key, letter.value) == (posts[at].key, posts[at].value)
        assert int(headers["timestamp"]) == posts[at].timestamp_ms
        assert headers["error-class"] == "RecordRefused"
        assert headers["message"]
    found = Counter(letter.value for letter, _ in letters.values())
    assert found == Counter(_bad_rows(messages))


def _bad_rows(messages: list[Sent]) -> list[bytes]:
    return [message.value for message in messages if message.post_id is None]


def _is_marker(record: Record) -> bool:
    return any(name == MARKER_HEADER for name, _ in record.headers)
