"""One question to the end: money is set aside before each attempt and settled after it, attempts are repeated with
jittered pauses, and the breaker is asked first. Which texts are asked, and how long a batch waits, is `cascade.py`'s.
"""

import logging
import math
import secrets
from collections.abc import Callable
from threading import Lock
from typing import Literal, NamedTuple

from classifier.cascade.breaker import Breaker
from classifier.cascade.budget import BudgetStore, Reservation
from classifier.cascade.endpoint import Endpoint, Failed, Reply
from classifier.cascade.money import Prices, budget_micro, prices
from classifier.cascade.question import Answer, Question, answer_of
from classifier.cascade.settings import CascadeSettings

log = logging.getLogger("groundswell")

_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 8.0
Ending = Literal["answered", "ignored", "failed", "refused", "resting", "late"]


class Outcome(NamedTuple):
    """How a question ended: `answered`; `ignored`, for the answer was outside the schema; `failed` after all attempts;
    `refused` by the budget; not asked since the endpoint is `resting`, or since it is too `late`. Tokens were charged.
    """

    ending: Ending
    answer: Answer | None = None
    tokens_in: int = 0
    tokens_out: int = 0


class Clock(NamedTuple):
    """Time as the cascade uses it: `now_s` any rising clock, `sleep`, and `jitter` a number in [0, 1)."""

    now_s: Callable[[], float]
    sleep: Callable[[float], None]
    jitter: Callable[[], float]


class Asker:
    """Asks one endpoint within a daily budget. Any number of threads may use it at once."""

    def __init__(self, settings: CascadeSettings, endpoint: Endpoint, budget: BudgetStore, clock: Clock) -> None:
        self._settings, self._endpoint, self._budget, self._clock = settings, endpoint, budget, clock
        self._prices: Prices = prices(settings.price_in or 0.0, settings.price_out or 0.0)
        self._budget_micro = budget_micro(settings.daily_budget or 0.0)
        self._breaker = Breaker(settings.failures_to_rest, settings.rest_s)
        self._worse = 1  # times the worst case: an endpoint that charged more than that may do so again
        self._warned: dict[str, str] = {}
        self._lock = Lock()

    def ask(self, question: Question, day: str, until_s: float) -> Outcome:
        """Ask, at most until `until_s` of the clock (an attempt under way then is brought to its end).

        Raises what the budget store raises; nothing is sent in that case.
        """
        ending: Ending = "late"
        for attempt in range(self._settings.retries + 1):
            now_s = self._clock.now_s()
            if now_s >= until_s:
                return Outcome(ending)
            if not self._breaker.allows(now_s):
                return Outcome("failed" if attempt else "resting")
            aside = self._reserve(question, day)
            if aside is None:
                self.warn(day, "budget", "the day's budget is spent; judging goes on without the large model")
                return Outcome("failed" if attempt else "refused")
            try:
                reply = self._endpoint.ask(question.body)
            except Failed as failure:
                self._settle(aside, aside.micro if failure.charged else 0)
                self._note_failure(failure)
                ending = "failed"
                pause_s = self._pause_s(attempt, failure)
                if not failure.again or attempt == self._settings.retries:
                    break
                if self._clock.now_s() + pause_s >= until_s:
                    break
                self._clock.sleep(pause_s)
            else:
                return self._taken(reply, aside)
        return Outcome(ending)

    def _reserve(self, question: Question, day: str) -> Reservation | None:
        worst = self._prices.cost(question.most_tokens_in, self._settings.max_tokens) * self._worse
        aside = Reservation(secrets.token_hex(8), day, worst)
        return aside if self._budget.reserve(aside, self._budget_micro) else None

    def _taken(self, reply: Reply, aside: Reservation) -> Outcome:
        tokens_in, tokens_out = reply.tokens_in, reply.tokens_out
        if tokens_in is None or tokens_out is None:  # it does not say what it charges: the worst case stays spent
            self._settle(aside, aside.micro)
            tokens_in = tokens_out = 0
        else:
            self._settle(aside, self._prices.cost(tokens_in, tokens_out))
        answer = answer_of(reply.content)
        if answer is None:
            self._failed("answers outside the schema", None)
            return Outcome("ignored", None, tokens_in, tokens_out)
        if self._breaker.succeeded():
            log.warning("cascade: %s answers again", self._settings.host)
        return Outcome("answered", answer, tokens_in, tokens_out)

    def _settle(self, aside: Reservation, micro: int) -> None:
        """Settle; where the store is away the money set aside stays spent, which is never too little."""
        if micro > aside.micro:
            with self._lock:
                self._worse *= -(-micro // max(aside.micro, 1))
            self.warn(aside.day, "charge", "it charges more than any tokeniser could; more is set aside from now on")
        try:
            self._budget.settle(aside, micro)
        except Exception as error:
            self.warn(aside.day, "settle", f"a call cannot be settled and counts as the worst case: {error}")

    def _note_failure(self, failure: Failed) -> None:
        self._failed(str(failure), failure.after_s)

    def _failed(self, why: str, after_s: float | None) -> None:
        # a wish to wait that a retry can fulfil is no reason to leave the endpoint alone
        rest_s = after_s if after_s is not None and after_s > self._settings.batch_s else None
        if self._breaker.failed(self._clock.now_s(), rest_s):
            log.warning("cascade: %s rests (%s); judging goes on without it", self._settings.host, why)

    def _pause_s(self, attempt: int, failure: Failed) -> float:
        pause_s = min(math.ldexp(_FIRST_PAUSE_S, attempt), _LONGEST_PAUSE_S) * (0.5 + self._clock.jitter())
        return max(pause_s, failure.after_s or 0.0)

    def warn(self, day: str, kind: str, text: str) -> None:
        """Say something of a kind once a day."""
        with self._lock:
            if self._warned.get(kind) == day:
                return
            self._warned[kind] = day
        log.warning("cascade: %s: %s", self._settings.host, text)
