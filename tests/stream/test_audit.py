"""The audit over stores in memory, and the ledger's bad lines. Over real servers it runs in tests/end_to_end."""

import hashlib
from pathlib import Path

import pytest

from stream.agents.sending import dead_letter
from stream.audit import Ledger, audit, describe, read_ledger, to_json
from stream.dead_letters import ADDED, Letter, describe_line
from stream.dead_letters import describe as describe_letter
from stream.errors import InputError
from stream.records import DeadLetter, Message, ModelRef, Opinion, Sentiment, Story
from stream.stores.memory import MemoryDocuments, MemoryTrends
from stream.stores.protocols import Counted, SeriesVote
from tests.shell import groundswell

POSTS = ("a", "b", "c")


def letter(value: bytes, *, origin: int = 7, offset: int = 0, without: str = "", stage: str = "decode") -> Letter:
    refused = DeadLetter(
        Message(value, "groundswell.posts", 1, origin, 1_767_600_000_000, b"key"), stage, "Refused", "no"
    )
    out = dead_letter(refused, "groundswell.dead-letters", "group", 1_767_600_000_000, "1.0")
    kept = tuple(header for header in out.headers if header[0] != f"groundswell-{without}")
    return Letter(0, offset, 1_767_600_000_000, out.key, out.value, kept)


def opinion(post: str) -> Opinion:
    at = "2026-01-05T09:30:00.000Z"
    calm = Sentiment("neutral", 0.0, {"negative": 0.1, "neutral": 0.8, "positive": 0.1})
    model = ModelRef("linear", "1", "abc")
    return Opinion(
        id=post,
        source="wire",
        kind="news",
        published_at=at,
        received_at=at,
        text="Calm.",
        language="en",
        sentiment=calm,
        topics=(),
        entities=(),
        story=Story(post, 1.0, 1),
        model=model,
        classified_at=at,
    )


def counted(post: str) -> Counted:
    return Counted(post, 0, 0, post, True, False, (SeriesVote("market:all", 1, 0, True),), b"")


def digest(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()


@pytest.fixture
def trends() -> MemoryTrends:
    store = MemoryTrends()
    store.count([counted(post) for post in POSTS])
    return store


@pytest.fixture
def documents() -> MemoryDocuments:
    store = MemoryDocuments()
    store.index([opinion(post) for post in POSTS])
    return store


def test_what_arrived_once_everywhere_is_neither_lost_nor_extra(
    trends: MemoryTrends, documents: MemoryDocuments
) -> None:
    found = audit(Ledger(frozenset(POSTS), frozenset({digest(b"{")})), trends, documents, [letter(b"{")])
    assert (found.lost, found.extra) == (0, 0)
    assert to_json(found)["sent"] == {"posts": 3, "bad": 1}


def test_a_post_that_never_came_is_lost_in_each_store_and_named(
    trends: MemoryTrends, documents: MemoryDocuments
) -> None:
    found = audit(Ledger(frozenset({*POSTS, "d"}), frozenset({digest(b"{")})), trends, documents, [])
    assert (found.lost, found.extra) == (3, 0)
    assert found.redis.lost == found.elasticsearch.lost == ("d",)
    assert "lost d" in describe(found)


def test_a_post_that_nobody_sent_is_extra_in_each_store(trends: MemoryTrends, documents: MemoryDocuments) -> None:
    found = audit(Ledger(frozenset({"a", "b"}), frozenset()), trends, documents, [letter(b"{")])
    assert (found.lost, found.extra) == (0, 3)
    assert found.dead_letters.compared.extra == (digest(b"{"),)


def test_a_post_counted_twice_under_one_id_is_extra(documents: MemoryDocuments) -> None:
    class Forgetful(MemoryTrends):
        """Its counting goes through twice, its memory of ids does not."""

        def seen_ids(self):  # type: ignore[no-untyped-def]
            return iter(sorted({post.removesuffix(" again") for post in super().seen_ids()}))

    trends = Forgetful()
    trends.count([counted(post) for post in (*POSTS, "a again")])
    found = audit(Ledger(frozenset(POSTS), frozenset()), trends, documents, [])
    assert (found.lost, found.extra, found.redis.double) == (0, 1, 1)


def test_a_dead_letter_told_again_after_a_restart_is_one(trends: MemoryTrends, documents: MemoryDocuments) -> None:
    ledger = Ledger(frozenset(POSTS), frozenset({digest(b"{")}))
    found = audit(ledger, trends, documents, [letter(b"{", offset=0), letter(b"{", offset=1)])
    assert (found.lost, found.extra, found.dead_letters.repeats) == (0, 0, 1)


@pytest.mark.parametrize("name", ADDED)
def test_a_dead_letter_without_one_of_its_headers_is_lost(
    trends: MemoryTrends, documents: MemoryDocuments, name: str
) -> None:
    ledger = Ledger(frozenset(POSTS), frozenset({digest(b"{")}))
    found = audit(ledger, trends, documents, [letter(b"{", without=name)])
    assert found.lost == 1
    assert f"groundswell-{name}" in describe(found)


def test_an_alert_that_a_channel_refused_is_no_extra_post(trends: MemoryTrends, documents: MemoryDocuments) -> None:
    found = audit(Ledger(frozenset(POSTS), frozenset()), trends, documents, [letter(b"{}", stage="notify")])
    assert (found.lost, found.extra) == (0, 0)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2: Input data was truncated"),
        ('{"id": 7}', "line 2: Expected `str | null`, got `int` - at `$.id`"),
        ('{"id": ""}', "line 2"),
        ('{"sha256": "abc"}', "line 2"),
        ("{}", 'line 2: needs either "id" or "sha256"'),
        (f'{{"id": "a", "sha256": "{"0" * 64}"}}', 'line 2: needs either "id" or "sha256"'),
        ("[" * 100_000, "line 2"),
    ],
)
def test_a_bad_line_in_the_ledger_is_named(tmp_path: Path, line: str, said: str) -> None:
    ledger = tmp_path / "ledger.jsonl"
    ledger.write_text('{"id": "a"}\n' + line + "\n")
    with pytest.raises(InputError, match="line 2") as error:
        read_ledger(ledger)
    assert said in str(error.value)


def test_an_empty_or_absent_ledger_proves_nothing_and_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    for name in ("empty.jsonl", "absent.jsonl"):
        with pytest.raises(InputError, match=name):
            read_ledger(tmp_path / name)


def test_a_bad_ledger_ends_the_command_with_one_line_and_code_1(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    ledger.write_text("no ledger\n")
    ended = groundswell("audit", str(ledger), cwd=tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "line 1" in ended.stderr


def test_a_dead_letter_is_shown_without_its_control_characters() -> None:
    nasty = letter(b"\x1b[31mred\xff\r\n\xe2\x80\xae", offset=3)
    shown = describe_letter(nasty)
    assert r"\x1b[31mred\xff\r\n\u202e" in shown
    assert describe_line(nasty) == "3  decode  Refused  no  groundswell.posts/1/7"
