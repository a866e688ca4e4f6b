"""The cascade itself: which texts of a batch are asked, and what becomes of their judgements.

Whatever happens to the endpoint, the stores or the money: the model's own judgement stands where no answer came.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import NamedTuple

import msgspec

from classifier.cascade.asker import Asker, Clock, Outcome
from classifier.cascade.budget import AnswerCache, BudgetStore, day_of
from classifier.cascade.endpoint import Endpoint
from classifier.cascade.question import Answer, Question, decode, encode, question
from classifier.cascade.settings import CascadeSettings
from classifier.judgements import Judgement

# What is counted each day. Of texts: `chosen` and `changed` (the label is another). Of questions (equal texts of a
# batch are one): `cached` (the answer was known), `asked` and how that ended, or why not; `late`: nobody waited.
COUNTS = ("chosen", "cached", "asked", "answered", "ignored", "failed", "refused", "resting", "late", "changed")
_NOT_ASKED = ("refused", "resting", "late")


class Case(NamedTuple):
    """A text with the model's judgement, and what says whether its story matters."""

    text: str
    language: str
    judgement: Judgement
    followers: int | None
    symbols: frozenset[str]


class Cascade:
    """Asks about the texts that need it. `watched` are the symbols of the watchlist, in the form of `Case.symbols`."""

    def __init__(
        self,
        settings: CascadeSettings,
        watched: frozenset[str],
        endpoint: Endpoint,
        budget: BudgetStore,
        answers: AnswerCache,
        clock: Clock,
    ) -> None:
        self._settings, self._watched, self._clock = settings, watched, clock
        self._budget, self._answers = budget, answers
        self._asker = Asker(settings, endpoint, budget, clock)
        self._threads = ThreadPoolExecutor(settings.workers, thread_name_prefix="cascade")

    def reconsider(self, cases: Sequence[Case], surging: frozenset[str], now_ms: int) -> list[Judgement]:
        """Return the judgements of a batch, in order, with the answers of those that were asked put in their place.

        `surging` are the symbols with an incident in progress; `now_ms` says which day (UTC) pays. Waits `batch_s` at
        most; answers that come later are kept for the next time that the text is seen. Never raises for a fault of the
        endpoint or the stores.
        """
        judged = [case.judgement for case in cases]
        rows = [row for row, case in enumerate(cases) if self.chooses(case, surging)]
        if not rows:
            return judged
        day, until_s = day_of(now_ms), self._clock.now_s() + self._settings.batch_s
        rows.sort(key=lambda row: max(judged[row][:3]))  # the least sure first: time and money may not reach for all
        questions = {row: self._question(cases[row]) for row in rows}
        try:
            answers, counts = self._ask({one.key: one for one in questions.values()}, day, until_s)
        except Exception as error:  # a store that is away, or a bug
            self._asker.warn(day, "batch", f"not asked: {error}")
            return judged
        counts["chosen"] = len(rows)
        for row, one in questions.items():
            answer = answers.get(one.key)
            if answer is not None:
                better = judged[row]._replace(**answer._asdict())
                counts["changed"] += better.label != judged[row].label
                judged[row] = better
        self._count(day, counts)
        return judged

    def chooses(self, case: Case, surging: frozenset[str]) -> bool:
        """Say whether the model is unsure of a text, and its story matters."""
        if max(case.judgement[:3]) >= self._settings.confidence_below:
            return False
        known, from_many = case.followers, self._settings.followers_from
        if known is not None and from_many is not None and known >= from_many:
            return True
        return bool(case.symbols & self._watched or (self._settings.surges and case.symbols & surging))

    def close(self) -> None:
        """Let the calls under way end, and the threads."""
        self._threads.shutdown()

    def _question(self, case: Case) -> Question:
        settings = self._settings
        return question(case.text, case.language, settings.model, settings.max_characters, settings.max_tokens)

    def _ask(
        self, asked: dict[str, Question], day: str, until_s: float
    ) -> tuple[dict[str, Answer | None], Counter[str]]:
        """Return answers by key, each question put once, and what to count of that."""
        answers, counts = self._known(list(asked)), Counter[str]()
        counts["cached"] = len(answers)
        under_way = {
            key: self._threads.submit(self._one, one, day, until_s) for key, one in asked.items() if key not in answers
        }
        done, _ = wait(under_way.values(), max(until_s - self._clock.now_s(), 0.0))
        for key, future in under_way.items():
            outcome = future.result() if future in done else Outcome("late")
            future.cancel()
            counts["late"] += outcome.ending == "late"
            answers[key] = outcome.answer
        return answers, counts

    def _one(self, one: Question, day: str, until_s: float) -> Outcome:
        """Ask in a thread of the pool; the answer is kept and the ending counted even where nobody waits any more."""
        try:
            outcome = self._asker.ask(one, day, until_s)
        except Exception as error:  # a store that is away, or a bug: this text keeps its own judgement
            self._asker.warn(day, "one", f"not asked: {error}")
            return Outcome("failed")
        if outcome.ending != "late":
            self._count(day, {outcome.ending: 1, "asked": int(outcome.ending not in _NOT_ASKED)})
        if outcome.ending in ("answered", "ignored"):  # what it cannot answer it need not be asked again
            try:
                self._answers.put(one.key, encode(outcome.answer))
            except Exception as error:
                self._asker.warn(day, "keep", f"an answer is not kept: {error}")
        return outcome

    def _count(self, day: str, counts: Mapping[str, int]) -> None:
        try:
            self._budget.count(day, counts)
        except Exception as error:
            self._asker.warn(day, "count", f"not counted: {error}")

    def _known(self, keys: Sequence[str]) -> dict[str, Answer | None]:
        known: dict[str, Answer | None] = {}
        for key, kept in zip(keys, self._answers.get(keys), strict=True):
            if kept is not None:
                try:
                    known[key] = decode(kept)
                except msgspec.MsgspecError:  # written by another version: asked again
                    continue
        return known
