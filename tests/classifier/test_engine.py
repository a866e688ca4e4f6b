"""The engine: the model's own answers, in order, each question asked once, under bounds that hold."""

import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.engine import Cache, Engine, EngineSettings, Request
from classifier.engine.cache import key_of
from classifier.errors import ClassifierError
from classifier.judgements import Judgement, ModelInfo, Staged

FOREVER_S = 20.0


class Letters:
    """A model of two stages that counts letters; `gate` holds its second stage up, `batches` are what it was given."""

    info = ModelInfo("letters", "1", "digest")

    def __init__(self, gate: threading.Event | None = None, at_once: int = 1) -> None:
        self.gate, self.at_once, self.batches = gate, at_once, list[list[str]]()
        self.busy = threading.Event()

    def classify(
        self,
        texts: Sequence[str],
        languages: Sequence[str],
        targets: Sequence[Sequence[str]],
        kinds: Sequence[str | None] | None = None,
    ) -> list[Judgement]:
        return [self._said(request) for request in self.prepare(texts, languages, targets, kinds)]

    def prepare(
        self,
        texts: Sequence[str],
        languages: Sequence[str],
        targets: Sequence[Sequence[str]],
        kinds: Sequence[str | None] | None = None,
    ) -> list["Asked"]:
        if "unreadable" in texts:
            raise ValueError("it cannot be read")
        return list(map(Asked, texts, languages, targets, kinds or [None] * len(texts)))

    def judge(self, prepared: Sequence["Asked"]) -> list[Judgement]:
        self.busy.set()
        if self.gate is not None:
            assert self.gate.wait(FOREVER_S)
        if any(one.text == "poison" for one in prepared):
            raise ValueError("it cannot be judged")
        self.batches.append([one.text for one in prepared])
        return [self._said(one) for one in prepared]

    def _said(self, one: "Asked") -> Judgement:
        share = len(one.text) % 7 / 10
        mark = {None: 0.0, "news": 0.1, "social": 0.2}[one.kind]
        return Judgement(
            share, mark, 1 - share - mark, ((one.language, 1.0),), tuple((name, 0.0) for name in one.targets)
        )


class Asked(Request):
    """A request that costs a token a word."""

    @property
    def tokens(self) -> int:
        return 1 + self.text.count(" ")


class Plain:
    """The same model in one stage."""

    info = ModelInfo("plain", "1", "digest")

    def __init__(self) -> None:
        self._letters = Letters()
        self.classify = self._letters.classify


QUESTIONS = st.lists(
    st.tuples(
        st.text("ab ", max_size=6),
        st.sampled_from(["en", "zh"]),
        st.sampled_from([(), ("a",), ("a", "b")]),
        st.sampled_from([None, "news", "social"]),
    ),
    max_size=60,
)


@given(QUESTIONS, st.integers(1, 9), st.integers(1, 40), st.integers(0, 20), st.integers(1, 3))
def test_the_engine_says_what_the_model_says_in_the_order_of_asking(
    asked: list[tuple[str, str, tuple[str, ...], str | None]], pending: int, tokens: int, cache: int, at_once: int
) -> None:
    settings = EngineSettings(pending=pending, batch_tokens=tokens, cache=cache, max_wait_ms=1)
    columns = [list(column) for column in zip(*asked, strict=True)] or [[], [], [], []]
    for model in (Letters(at_once=at_once), Plain()):
        with Engine(model, settings) as engine:
            assert engine.classify(*columns) == model.classify(*columns)
            assert engine.classify(*columns) == model.classify(*columns)


def test_a_question_in_flight_is_asked_once_and_one_that_was_answered_is_not_asked_again() -> None:
    gate = threading.Event()
    model = Letters(gate)
    with Engine(model) as engine, ThreadPoolExecutor(4) as callers:
        answers = [callers.submit(engine.classify, ["a", "b", "a"], ["en"] * 3, [()] * 3) for _ in range(4)]
        assert model.busy.wait(FOREVER_S)
        gate.set()
        assert len({tuple(answer.result(FOREVER_S)) for answer in answers}) == 1
        engine.classify(["b", "a"], ["en", "en"], [(), ()])
        counts = engine.counts
    assert sorted(text for batch in model.batches for text in batch) == ["a", "b"]
    assert counts["judged"] == 2
    assert counts["cached"] + counts["shared"] + counts["judged"] == counts["asked"] == 14


def test_another_language_kind_name_or_model_is_another_question() -> None:
    asked: list[tuple[str, str, str, tuple[str, ...], str | None]]
    asked = [("d", "a", "en", (), None), ("e", "a", "en", (), None), ("d", "a", "zh", (), None)]
    asked += [("d", "a", "en", ("a",), None), ("d", "a", "en", (), "news"), ("d", "a", "en", ("a", "b"), None)]
    asked += [("d", "a", "en", ("a:1b",), None), ("d", "1:a", "en", (), None), ("d", "\ud800", "en", (), None)]
    assert len({key_of(*one) for one in asked}) == len(asked)


def test_a_lone_text_waits_for_nobody() -> None:
    with Engine(Letters(), EngineSettings(max_wait_ms=3_600_000, batch_tokens=10**9)) as engine:
        assert len(engine.classify(["alone"], ["en"], [()])) == 1


def test_a_backlog_runs_at_full_batches() -> None:
    gate = threading.Event()
    model = Letters(gate)
    texts = [f"{'x' * n} word" for n in range(60)]
    with Engine(model, EngineSettings(batch_tokens=20)) as engine, ThreadPoolExecutor(1) as caller:
        answer = caller.submit(engine.classify, texts, ["en"] * 60, [()] * 60)
        assert model.busy.wait(FOREVER_S)
        while engine.counts["asked"] < 60:
            threading.Event().wait(0.01)
        gate.set()
        answer.result(FOREVER_S)
        counts = engine.counts
    sizes = [len(batch) for batch in model.batches]
    assert all(size <= 10 for size in sizes)
    assert sizes.count(10) >= 5
    assert counts["tokens"] == 120


def test_a_model_that_gains_from_it_judges_several_batches_side_by_side() -> None:
    gate, together = threading.Event(), threading.Barrier(3)

    class Meeting(Letters):
        def judge(self, prepared: Sequence["Asked"]) -> list[Judgement]:
            if not gate.is_set() and prepared[0].text in ("a", "b"):
                together.wait(FOREVER_S)
            return super().judge(prepared)

    with Engine(Meeting(at_once=2), EngineSettings(batch_tokens=1)) as engine, ThreadPoolExecutor(1) as caller:
        answer = caller.submit(engine.classify, ["a", "b"], ["en"] * 2, [()] * 2)
        together.wait(FOREVER_S)  # two threads of the engine are in the model
        gate.set()
        assert len(answer.result(FOREVER_S)) == 2


def test_no_more_than_the_bound_is_taken_in_while_the_model_is_busy() -> None:
    gate = threading.Event()
    model = Letters(gate)
    with Engine(model, EngineSettings(pending=8, batch_tokens=1)) as engine, ThreadPoolExecutor(30) as callers:
        answers = [callers.submit(engine.classify, ["x" * n], ["en"], [()]) for n in range(30)]
        assert model.busy.wait(FOREVER_S)
        threading.Event().wait(0.2)
        assert sum(map(len, model.batches)) == 0
        assert engine.under_way <= 9  # those that wait, and the one in the model
        gate.set()
        assert all(len(answer.result(FOREVER_S)) == 1 for answer in answers)


@pytest.mark.parametrize("bad", ["poison", "unreadable"])
def test_a_text_that_fails_costs_itself_only(bad: str) -> None:
    model = Letters()
    with Engine(model) as engine:
        with pytest.raises(ValueError, match="it cannot be"):
            engine.classify(["good", bad, "fine"], ["en"] * 3, [()] * 3)
        assert len(engine.classify(["good", "fine"], ["en"] * 2, [()] * 2)) == 2
        assert engine.counts["cached"] + engine.counts["shared"] == 2  # the others were judged, or still are
        assert engine.counts["failed"] == 1
        with pytest.raises(ValueError, match="it cannot be"):  # a failure is not kept as an answer
            engine.classify([bad], ["en"], [()])


def test_closing_answers_what_was_asked_and_takes_nothing_more() -> None:
    gate = threading.Event()
    engine = Engine(Letters(gate))
    with ThreadPoolExecutor(2) as callers:
        answer = callers.submit(engine.classify, ["a", "b"], ["en"] * 2, [()] * 2)
        while engine.counts["asked"] < 2:
            threading.Event().wait(0.01)
        gate.set()
        assert len(answer.result(FOREVER_S)) == 2
    engine.close()
    with pytest.raises(ClassifierError, match="closed"):
        engine.classify(["c"], ["en"], [()])


LEFT_OPEN = """
import time
from classifier.engine import Engine, EngineSettings, Request
from tests.classifier.test_engine import Letters

class Slow(Letters):
    def judge(self, prepared):
        time.sleep(0.3)
        print("judged", flush=True)
        return super().judge(prepared)

answers = Engine(Slow(), EngineSettings(pending=2, batch_tokens=1)).stream([Request("a", "en"), Request("b", "en")])
next(answers)
"""


def test_a_process_that_leaves_an_engine_open_ends_once_its_threads_are_out_of_the_model() -> None:
    done = subprocess.run([sys.executable, "-c", LEFT_OPEN], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "judged\njudged\n", "")


def test_a_stream_longer_than_the_bound_flows_through_in_order() -> None:
    model = Letters()
    with Engine(model, EngineSettings(pending=16, cache=4)) as engine:
        said = [one.negative for one in engine.stream(Request("x" * (n % 50), "en") for n in range(500))]
    assert said == [n % 50 % 7 / 10 for n in range(500)]


def test_sequences_of_different_lengths_are_refused() -> None:
    with Engine(Letters()) as engine, pytest.raises(ClassifierError, match="2 texts, 1 languages"):
        engine.classify(["a", "b"], ["en"], [()])


def test_models_of_two_stages_are_known_by_them() -> None:
    assert isinstance(Letters(), Staged)
    assert not isinstance(Plain(), Staged)


@given(st.lists(st.tuples(st.sampled_from("gp"), st.binary(min_size=1, max_size=1)), max_size=60), st.integers(0, 5))
def test_the_cache_keeps_what_was_used_last(steps: list[tuple[str, bytes]], size: int) -> None:
    cache, expected = Cache(size), OrderedDict[bytes, Judgement]()
    for step, key in steps:
        if step == "p":
            judged = Judgement(key[0] / 255, 0.0, 0.0, (), ())
            cache.put(key, judged)
            expected.pop(key, None)
            expected[key] = judged
            while len(expected) > size:
                expected.popitem(last=False)
        else:
            assert cache.get(key) == expected.get(key)
            if key in expected:
                expected.move_to_end(key)
        assert len(cache) == len(expected)
