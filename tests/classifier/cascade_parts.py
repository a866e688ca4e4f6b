"""A cascade of small parts for tests: settings of an endpoint, cases, and a clock that does not sleep."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from classifier.cascade.asker import Clock
from classifier.cascade.budget import AnswerCache, BudgetStore
from classifier.cascade.cascade import Cascade, Case
from classifier.cascade.endpoint import HttpEndpoint
from classifier.cascade.memory import MemoryAnswers, MemoryBudget
from classifier.cascade.settings import CascadeSettings
from classifier.judgements import Judgement

NOW_MS = 1_767_605_400_000
DAY = "2026-01-05"
UNSURE = Judgement(0.3, 0.4, 0.3, (("earnings", 0.7),), (("neutral", 0.0),))


def settings(url: str = "http://127.0.0.1:1/v1", **over: Any) -> CascadeSettings:
    """At these prices a token costs whole micro-units, so that sums can be told exactly."""
    given = {
        "model": "large",
        "price_in": 1.0,
        "price_out": 4.0,
        "daily_budget": 100.0,
        "followers_from": 1000,
        "timeout_s": 5.0,
        "retries": 0,
    }
    return CascadeSettings(**{"endpoint": url, **given, **over})


def case(text: str = "figures are out", judgement: Judgement = UNSURE, **over: Any) -> Case:
    return Case(
        **{"text": text, "language": "en", "judgement": judgement, "followers": 5000, "symbols": frozenset(), **over}
    )


class Parts:
    """A cascade over real HTTP, its stores, and the pauses that it wished to make."""

    def __init__(
        self,
        config: CascadeSettings,
        budget: BudgetStore | None = None,
        key: str | None = None,
        answers: AnswerCache | None = None,
    ) -> None:
        self.budget, self.answers = budget or MemoryBudget(), answers or MemoryAnswers()
        self.pauses_s: list[float] = []
        self.passed_s = 0.0  # added to the clock by hand
        self.endpoint = HttpEndpoint(config.endpoint, key, config.timeout_s, config.workers, time.monotonic)
        clock = Clock(lambda: time.monotonic() + self.passed_s, self.pauses_s.append, lambda: 0.5)
        self.cascade = Cascade(config, frozenset({"ORBQ"}), self.endpoint, self.budget, self.answers, clock)

    def ask(self, *cases: Case) -> list[Judgement]:
        """Reconsider, with one company surging."""
        return self.cascade.reconsider(cases, frozenset({"ZVLX"}), NOW_MS)

    @property
    def counts(self) -> dict[str, int]:
        """The day's counters."""
        return dict(self.budget.days([DAY])[0].counts)

    @property
    def spent_micro(self) -> int:
        """The day's money."""
        return self.budget.days([DAY])[0].spent_micro

    @property
    def open_micro(self) -> int:
        """What is set aside and not settled."""
        return self.budget.days([DAY])[0].open_micro


@contextmanager
def parts(
    config: CascadeSettings,
    budget: BudgetStore | None = None,
    key: str | None = None,
    answers: AnswerCache | None = None,
) -> Iterator[Parts]:
    """A cascade that is closed at the end."""
    made = Parts(config, budget, key, answers)
    try:
        yield made
    finally:
        made.cascade.close()
        made.endpoint.close()
