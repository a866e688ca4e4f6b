"""Claims about sending that need no Kafka: keys, partitions, pace, topics and dead letters."""

import hashlib

from stream.agents.sending import dead_letter
from stream.ingest import Prepared
from stream.produce import key_of, partition_of
from stream.records import DeadLetter, Message
from stream.topics import topics


def test_a_posts_key_is_its_id_and_a_bad_rows_key_the_digest_of_its_bytes() -> None:
    assert key_of(Prepared(0, "post-1", b"{}", 1)) == b"post-1"
    assert key_of(Prepared(0, None, b"\xff", 1)) == hashlib.sha256(b"\xff").hexdigest().encode()


def test_an_id_always_meets_the_same_partition_and_all_partitions_are_used() -> None:
    keys = [f"post-{number}".encode() for number in range(600)]
    found = [partition_of(key, 6) for key in keys]
    assert found == [partition_of(key, 6) for key in keys]
    assert {found.count(partition) > 50 for partition in range(6)} == {True}


def test_the_prefix_divides_a_history_from_the_live_topics() -> None:
    assert topics("").dead_letters == "groundswell.dead-letters"
    assert topics("history.").posts == "history.groundswell.posts"
    assert not set(topics("")) & set(topics("history."))


def test_a_dead_letter_keeps_bytes_key_and_headers_and_says_why() -> None:
    message = Message(b"\xff\x00", "groundswell.posts", 2, 41, 1_767_605_400_123, b"key", (("trace", b"abc"),))
    refused = DeadLetter(message, "decode", "RecordRefused", "undecodable: no\nUTF-8 " + "x" * 2000)
    out = dead_letter(refused, "groundswell.dead-letters", "groundswell.classify", 1_767_605_401_000, "0.1.0")
    headers = dict(out.headers)
    assert (out.topic, out.key, out.value) == ("groundswell.dead-letters", b"key", b"\xff\x00")
    assert out.headers[0] == ("trace", b"abc")
    assert {name.removeprefix("groundswell-"): value for name, value in headers.items() if "message" not in name} == {
        "trace": b"abc",
        "topic": b"groundswell.posts",
        "partition": b"2",
        "offset": b"41",
        "timestamp": b"1767605400123",
        "group": b"groundswell.classify",
        "stage": b"decode",
        "error-class": b"RecordRefused",
        "attempt": b"1",
        "first-failure": b"2026-01-05T09:30:01.000Z",
        "version": b"0.1.0",
    }
    assert len(headers["groundswell-message"]) == 1000
