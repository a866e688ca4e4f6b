"""Many texts a second through one model: a thread makes tokens while others compute, as many as the model gains from.

    callers → [ waiting, bounded ] → tokens → [ ready ] → compute → answers in the order of asking

What a text is judged as does not depend on who else was asked at the same time; a text that fails costs itself only.
"""

import atexit
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from classifier.engine.cache import Cache, key_of
from classifier.engine.settings import USUAL, EngineSettings
from classifier.errors import ClassifierError
from classifier.judgements import Classifier, Judgement, ModelInfo, Staged, check_lengths

_PREPARED_AT_ONCE = 128  # texts whose tokens are made in one go: long enough to be cheap, short enough to overlap
_WARM_UP = (
    "up",
    "shares of the company fell after it cut its outlook for the year",
    "公司净利润同比下降",
    "word " * 120,
)


class Request(NamedTuple):
    """One text to judge."""

    text: str
    language: str
    targets: Sequence[str] = ()
    kind: str | None = None


class _Entry:
    """One distinct question on its way to an answer; several callers may wait for it."""

    __slots__ = ("answer", "arrived_s", "error", "key", "prepared", "request", "settled", "tokens")

    def __init__(self, key: bytes, request: Request, arrived_s: float) -> None:
        self.key, self.request, self.arrived_s = key, request, arrived_s
        self.prepared: Any = None
        self.tokens = 0
        self.answer: Judgement | None = None
        self.error: Exception | None = None
        self.settled = threading.Event()

    @property
    def done(self) -> bool:
        return self.answer is not None or self.error is not None


class Engine:
    """A classifier around a classifier. Threads start with the first question and end with `close`, at the latest with
    the process: a thread still in the native code of a runtime when the interpreter ends would abort it."""

    def __init__(
        self, model: Classifier, settings: EngineSettings = USUAL, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._model, self._settings, self._clock_s = model, settings, clock_s
        self._stages: Staged = model if isinstance(model, Staged) else _Unstaged(model)
        self._lock = threading.Lock()
        self._changed = {name: threading.Condition(self._lock) for name in ("room", "waiting", "ready")}
        self._waiting: deque[_Entry] = deque()
        self._ready: deque[_Entry] = deque()
        self._ready_tokens = self._preparing = self._idle = 0
        self._in_flight: dict[bytes, _Entry] = {}
        self._cache = Cache(self._settings.cache)
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._counts = dict.fromkeys(("asked", "cached", "shared", "judged", "failed", "batches", "tokens"), 0)

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def under_way(self) -> int:
        """Return how many distinct texts are under way."""
        return len(self._in_flight)

    @property
    def info(self) -> ModelInfo:
        """Return which model answers."""
        return self._model.info

    @property
    def model(self) -> Classifier:
        """Return the model that answers."""
        return self._model

    @property
    def counts(self) -> dict[str, int]:
        """Return how many texts were asked, answered from the cache or with one in flight, judged, failed, …"""
        with self._lock:
            return dict(self._counts)

    def classify(
        self,
        texts: Sequence[str],
        languages: Sequence[str],
        targets: Sequence[Sequence[str]],
        kinds: Sequence[str | None] | None = None,
    ) -> list[Judgement]:
        """Judge each text; raises what the model raised of the first that failed, though all are judged."""
        check_lengths(texts, languages, targets, kinds)
        given = [None] * len(texts) if kinds is None else kinds
        return list(self.stream(map(Request, texts, languages, targets, given)))

    def stream(self, requests: Iterable[Request]) -> Iterator[Judgement]:
        """Judge texts as they come and yield the answers in their order; as many are under way as may be pending."""
        under_way: deque[_Entry | Judgement] = deque()
        for request in requests:
            under_way.append(self._ask(request))
            while under_way and (_is_done(under_way[0]) or len(under_way) >= self._settings.pending):
                yield _answer(under_way.popleft())
        while under_way:
            yield _answer(under_way.popleft())

    def warm_up(self) -> None:
        """Judge a few texts of several lengths, so that the first real one does not pay for the tables."""
        self._model.classify(_WARM_UP, ["en", "en", "zh", "en"], [()] * len(_WARM_UP))

    def close(self) -> None:
        """End the threads once all that was asked is answered."""
        with self._lock:
            self._closed = True
            for condition in self._changed.values():
                condition.notify_all()
        for thread in self._threads:
            thread.join()
        atexit.unregister(self.close)

    def _ask(self, request: Request) -> _Entry | Judgement:
        key = key_of(self.info.digest, *request)
        with self._lock:
            self._counts["asked"] += 1
            known = self._known(key)
            if known is not None:
                return known
            while len(self._waiting) + len(self._ready) + self._preparing >= self._settings.pending:
                self._changed["room"].wait()
                known = self._known(key)  # another caller may have asked the same meanwhile
                if known is not None:
                    return known
            if self._closed:
                raise ClassifierError("the engine is closed; make another one")
            entry = self._in_flight[key] = _Entry(key, request, self._clock_s())
            self._waiting.append(entry)
            self._start()
            self._changed["waiting"].notify()
            return entry

    def _known(self, key: bytes) -> _Entry | Judgement | None:
        flying = self._in_flight.get(key)
        if flying is not None:
            self._counts["shared"] += 1
            return flying
        kept = self._cache.get(key)
        self._counts["cached"] += kept is not None
        return kept

    def _start(self) -> None:
        if not self._threads:
            atexit.register(self.close)
            for work in (self._prepare_all, self._warm_and_judge, *[self._judge_all] * (self._stages.at_once - 1)):
                thread = threading.Thread(target=work, name=f"engine{work.__name__}", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _prepare_all(self) -> None:
        while True:
            with self._lock:
                while not self._waiting and not self._closed:
                    self._changed["waiting"].wait()
                if not self._waiting:
                    self._changed["ready"].notify_all()  # nothing more will come
                    return
                taken = [self._waiting.popleft() for _ in range(min(_PREPARED_AT_ONCE, len(self._waiting)))]
                self._preparing = len(taken)
            fine = _each(taken, self._prepare)
            with self._lock:
                self._preparing = 0
                self._ready.extend(fine)
                self._ready_tokens += sum(entry.tokens for entry in fine)
                self._settle(entry for entry in taken if entry.error is not None)
                self._changed["ready"].notify()

    def _warm_and_judge(self) -> None:
        with suppress(Exception):  # a model that fails will say so of each text
            self.warm_up()
        self._judge_all()

    def _judge_all(self) -> None:
        while True:
            with self._lock:
                batch = self._gather()
                if not batch:
                    return
            fine = _each(batch, self._judge)
            with self._lock:
                self._counts["batches"] += 1
                self._counts["judged"] += len(fine)
                self._counts["tokens"] += sum(entry.tokens for entry in fine)
                for entry in fine:
                    if entry.answer is not None:
                        self._cache.put(entry.key, entry.answer)
                self._settle(batch)

    def _gather(self) -> list[_Entry]:
        """Wait for a batch: full, or nothing more on its way, or its first text waited long enough. Empty: closed.

        Where others wait beside this thread, each takes its share of what is ready.
        """
        wanted, wait_s = self._settings.batch_tokens, self._settings.max_wait_ms / 1000
        while True:
            more = bool(self._waiting or self._preparing)
            if not self._ready:
                if self._closed and not more:
                    return []
                self._idle += 1
                self._changed["ready"].wait()
                self._idle -= 1
                continue
            left_s = self._ready[0].arrived_s + wait_s - self._clock_s()
            if self._ready_tokens >= wanted or not more or left_s <= 0:
                break
            self._changed["ready"].wait(left_s)
        most = min(wanted, -(-self._ready_tokens // (1 + self._idle)))
        batch = [self._ready.popleft()]
        tokens = batch[0].tokens
        while self._ready and tokens + self._ready[0].tokens <= most:
            batch.append(self._ready.popleft())
            tokens += batch[-1].tokens
        self._ready_tokens -= tokens
        if self._ready:
            self._changed["ready"].notify()
        self._changed["room"].notify_all()
        return batch

    def _settle(self, entries: Iterable[_Entry]) -> None:
        for entry in entries:
            self._in_flight.pop(entry.key, None)
            self._counts["failed"] += entry.error is not None
            entry.settled.set()
        self._changed["room"].notify_all()

    def _prepare(self, entries: Sequence[_Entry]) -> None:
        columns = list(zip(*(entry.request for entry in entries), strict=True))
        for entry, one in zip(entries, self._stages.prepare(*columns), strict=True):
            entry.prepared, entry.tokens = one, one.tokens

    def _judge(self, entries: Sequence[_Entry]) -> None:
        for entry, judged in zip(entries, self._stages.judge([entry.prepared for entry in entries]), strict=True):
            entry.answer = judged


def _is_done(asked: _Entry | Judgement) -> bool:
    return isinstance(asked, Judgement) or asked.done


def _answer(asked: _Entry | Judgement) -> Judgement:
    """Wait for an answer; raises what the model raised."""
    if isinstance(asked, Judgement):
        return asked
    if not asked.done:
        asked.settled.wait()
    if asked.answer is None:
        raise asked.error or ClassifierError("no answer")
    return asked.answer


def _each(entries: list[_Entry], work: Callable[[Sequence[_Entry]], None]) -> list[_Entry]:
    """Do the work for all at once, or where that fails one by one; returns those for which it was done."""
    try:
        work(entries)
        return entries
    except Exception as error:  # any fault of a model, ours or a user's, must cost one text at most
        if len(entries) == 1:
            entries[0].error = error
            return []
        return [fine for entry in entries for fine in _each([entry], work)]


class _Whole(NamedTuple):
    """A text for a model that makes no tokens of its own."""

    text: str
    language: str
    targets: Sequence[str]
    kind: str | None

    @property
    def tokens(self) -> int:
        return 1 + len(self.text) // 3


class _Unstaged:
    """A model of one stage, as one of two."""

    at_once = 1

    def __init__(self, model: Classifier) -> None:
        self._model = model

    def prepare(
        self,
        texts: Sequence[str],
        languages: Sequence[str],
        targets: Sequence[Sequence[str]],
        kinds: Sequence[str | None] | None = None,
    ) -> list[_Whole]:
        given = [None] * len(texts) if kinds is None else kinds
        return list(map(_Whole, texts, languages, targets, given))

    def judge(self, prepared: Sequence[_Whole]) -> list[Judgement]:
        texts, languages, targets, kinds = zip(*prepared, strict=True)
        return self._model.classify(texts, languages, targets, kinds)
