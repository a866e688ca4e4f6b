"""Claims about the cascade in the stream: posts are asked through the stage, and the stream never stops for it."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from alerts.incidents import Incident, IncidentState
from classifier.cascade.fake import FakeEndpoint, Mode
from classifier.cascade.gold import GoldModel, gold_of
from stream.asking import Asking, SurgesInProgress, watched
from stream.errors import ServerUnavailable, SettingsError
from stream.pipeline import Judge, to_opinions
from stream.records import DeadLetter, Message, Opinion
from stream.settings import load_settings
from stream.stores.memory_incidents import MemoryIncidents
from stream.stores.memory_stories import MemoryStories
from stream.stores.redis_cascade import RedisAnswers, RedisBudget
from stream.stores.redis_common import connect
from tests.alerts.examples import alert, episode
from tests.classifier.cascade_parts import DAY, Parts, parts, settings
from tests.shell import groundswell
from tests.stream.word_classifier import WordClassifier

AT_MS = 1_767_605_400_000
GOLD = GoldModel({"Numbers\nbad $ORBQ": gold_of("positive"), "bad day": gold_of("positive")})


def message(text: str, **fields: object) -> Message:
    post = {"source": "wire", "published_at": "2026-01-05T09:30:00Z", "text": text, **fields}
    return Message(json.dumps(post).encode(), "groundswell.posts", 1, 7, AT_MS, b"key")


def judge(one: Parts, *surging: str) -> Judge:
    second = Asking(one.cascade, lambda: frozenset(surging))
    return Judge(WordClassifier(), MemoryStories(), {}, "broker", lambda received_ms: received_ms, second)


@pytest.fixture
def fake() -> Iterator[FakeEndpoint]:
    """An endpoint that thinks otherwise of some texts."""
    with FakeEndpoint(model=GOLD) as up:
        yield up


def config(url: str, **over: Any) -> Any:
    return settings(url, confidence_below=0.9, **over)


def test_a_post_that_matters_has_its_sentiment_from_the_large_model_and_the_rest_from_ours(fake: FakeEndpoint) -> None:
    batch = [message("bad $ORBQ", title="Numbers", id="a", targets=["Orbqua"]), message("bad day", id="b")]
    with parts(config(fake.url)) as one:
        asked, plain = to_opinions(batch, judge(one))
        (alone, _) = to_opinions(batch, judge(one)._replace(second=None, stories=MemoryStories()))
    assert isinstance(asked, Opinion)
    assert isinstance(alone, Opinion)
    assert isinstance(plain, Opinion)
    assert asked.sentiment.probabilities == {"negative": 0.05, "neutral": 0.05, "positive": 0.9}
    assert (asked.sentiment.label, asked.sentiment.score) == ("positive", 0.85)
    assert (asked.topics, asked.model, asked.story) == (alone.topics, alone.model, alone.story)
    assert [entity.sentiment.label for entity in asked.entities] == ["positive", "neutral"]
    assert plain.sentiment.label == "negative"
    assert len(fake.requests) == 1


def test_a_company_in_a_surge_makes_its_posts_matter(fake: FakeEndpoint) -> None:
    with parts(config(fake.url)) as one:
        to_opinions([message("bad $ZVLX")], judge(one))
        assert fake.requests == []
        to_opinions([message("bad $ABCD")], judge(one, "ABCD"))
        assert len(fake.requests) == 1


@pytest.mark.parametrize("mode", ["dead", "429", "500", "wrong-schema", "injected", "slow"])
def test_whatever_the_endpoint_does_each_message_has_its_outcome(mode: Mode) -> None:
    batch = [
        message("poison $ORBQ" if row == 3 else f"bad $ORBQ {row}" if row % 2 else f"good {row}", id=str(row))
        for row in range(12)
    ]
    with FakeEndpoint(mode, delay_s=0.3 if mode == "slow" else 0.0) as fake:
        with parts(config(fake.url, batch_s=0.1, timeout_s=0.2)) as one:
            outcomes = to_opinions(batch, judge(one))
        assert fake.requests
    expected = to_opinions(batch, judge(one)._replace(second=None, stories=MemoryStories()))
    assert outcomes == expected
    assert sum(isinstance(outcome, DeadLetter) for outcome in outcomes) == 1


def test_with_nobody_at_the_address_the_stream_goes_on_and_soon_does_not_even_try() -> None:
    with parts(config("http://127.0.0.1:1/v1", failures_to_rest=2, workers=1)) as one:
        for number in range(5):
            (outcome,) = to_opinions([message(f"bad $ORBQ {number}", id=str(number))], judge(one))
            assert isinstance(outcome, Opinion)
            assert outcome.sentiment.label == "negative"
        assert (one.counts["failed"], one.counts["resting"]) == (2, 3)
        assert one.budget.days([DAY])[0].spent_micro == 0


def test_workers_that_share_redis_keep_one_budget_and_one_set_of_answers(redis_url: str, prefix: str) -> None:
    batches = [[message(f"bad $ORBQ {worker} {row}", id=f"{worker}.{row}") for row in range(30)] for worker in range(2)]
    with FakeEndpoint(delay_s=0.002) as fake, connect(redis_url) as client:
        budget, answers = RedisBudget(client, prefix, "USD"), RedisAnswers(client, prefix, 1)
        shared = config(fake.url, daily_budget=0.01, workers=8, batch_s=20)
        with parts(shared, budget, answers=answers) as one, parts(shared, budget, answers=answers) as two:
            judges, before = [judge(one), judge(two)], -1
            with ThreadPoolExecutor(2) as both:
                while one.spent_micro > before:
                    before = one.spent_micro
                    list(both.map(to_opinions, batches, judges))
            answered = one.counts["answered"]
            list(map(to_opinions, batches[::-1], judges))  # each gets what the other asked
        assert (one.spent_micro, one.open_micro) == (fake.tokens_in + 4 * fake.tokens_out, 0)
        assert 8_000 < one.spent_micro <= 10_000
        assert len(fake.requests) == one.counts["answered"] == answered < 60
        assert one.counts["cached"] >= answered


class _Book(MemoryIncidents):
    reads = 0
    away = False

    def list(self, limit: int, state: IncidentState | None = None) -> list[Incident]:
        self.reads += 1
        if self.away:
            raise ServerUnavailable("Redis is away")
        return super().list(limit, state)


def test_surges_are_read_every_few_seconds_and_only_of_incidents_in_progress() -> None:
    book, now = _Book(), [0.0]
    book.apply([*episode("done"), alert(incident="live")])
    surges = SurgesInProgress(book, lambda: now[0])
    (live,) = book.list(9, "open")
    book.reads = 0
    assert surges() == {live.series.key.partition("|")[0]}
    now[0] = 4.9
    assert surges()
    assert book.reads == 2  # the open, and the acknowledged
    now[0], book.away = 5.0, True
    assert surges()  # those last known
    assert book.reads == 3


def test_a_watchlist_is_read_as_people_write_it() -> None:
    assert watched(["$aapl", "700.hk", " "]) == {"AAPL", "0700.HK"}


def test_the_settings_are_a_table_and_say_in_one_line_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "groundswell.toml"
    assert not load_settings(environment={}).cascade.endpoint
    path.write_text('[cascade]\nendpoint = "https://llm.example/v1"\nmodel = "m"\ndaily_budget = 1\nprice_in = 0.1\n')
    with pytest.raises(SettingsError, match=r"cascade\.price_out \(money per million tokens written\); set it"):
        load_settings(path, {})
    there = {"GROUNDSWELL_CASCADE__PRICE_OUT": "0.4", "GROUNDSWELL_CASCADE__WATCHLIST": '["AAPL"]'}
    found = load_settings(path, there).cascade
    assert (found.price_out, found.watchlist, found.host) == (0.4, ("AAPL",), "llm.example")
    path.write_text("[cascade]\nprice_inn = 1\n")
    with pytest.raises(SettingsError, match=r"did you mean 'cascade\.price_in'"):
        load_settings(path, {})


def test_a_missing_price_is_one_line_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "groundswell.toml").write_text('[cascade]\nendpoint = "https://llm.example/v1"\nmodel = "m"\n')
    done = groundswell("cost", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "cascade.price_in" in done.stderr
    assert "cascade.daily_budget" in done.stderr
