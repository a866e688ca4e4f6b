"""Labelled texts put to the model and to a large model, all of them: the sheets that a curve is drawn from."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import msgspec

from classifier import data
from classifier.cascade.asker import Asker, Clock, Outcome
from classifier.cascade.budget import BudgetStore
from classifier.cascade.curve import Sheet
from classifier.cascade.endpoint import Endpoint
from classifier.cascade.gold import Gold, GoldModel, tokens
from classifier.cascade.question import Question, bounded, question
from classifier.cascade.settings import CascadeSettings
from classifier.errors import ClassifierError, DataError
from classifier.evaluate.measure import ask, exams
from classifier.judgements import Classifier, Judgement
from classifier.labels import SENTIMENTS

_SURVEY = "survey"  # the day that pays for it, in a ledger of its own


class Survey(NamedTuple):
    """The sheets, and how the questions ended."""

    sheets: list[Sheet]
    endings: dict[str, int]


Answering = Callable[[Sequence[data.Example], Sequence[Question]], Sequence[Outcome]]


def survey(
    classifier: Classifier,
    folder: Path,
    settings: CascadeSettings,
    answering: Answering,
    limit: int | None,
    tell: Callable[[str], None],
) -> Survey:
    """Ask both about the dev part of each set of sentiments under `folder`, at most `limit` rows of each.

    Where no answer came the model's own judgement stays, and nothing is paid. Raises DataError where there is no set.
    """
    sheets, endings = [], Counter[str]()
    for exam in exams(folder, "dev", limit):
        own = exam.data_set
        if own.task == "sentiment":
            tell(f"{own.name}: {len(exam.rows)} rows")
            judged = ask(classifier, exam.rows)
            outcomes = answering(exam.rows, [_question(row, settings) for row in exam.rows])
            endings.update(one.ending for one in outcomes)
            other = [_answered(*pair) for pair in zip(judged, outcomes, strict=True)]
            paid = ([one.tokens_in for one in outcomes], [one.tokens_out for one in outcomes])
            sheets.append(Sheet(exam.rows, judged, other, *paid))
    if not sheets:
        raise DataError(f"no set under {folder} has a dev part with sentiments")
    return Survey(sheets, dict(endings))


def by_gold(settings: CascadeSettings, error_rate: float, seed: int) -> Answering:
    """Answer from the rows' own labels, wrong in `error_rate` of them; tokens are counted as the fake endpoint does."""

    def answering(rows: Sequence[data.Example], questions: Sequence[Question]) -> list[Outcome]:
        texts = [bounded(row.text, settings.max_characters) for row in rows]
        model = GoldModel({text: _gold(row) for text, row in zip(texts, rows, strict=True)}, error_rate, seed)
        outcomes = []
        for text, one in zip(texts, questions, strict=True):
            answer = model.answer(text)
            said = tokens(msgspec.json.encode(answer._asdict()))
            outcomes.append(Outcome("answered", answer, tokens(one.body), said))
        return outcomes

    return answering


def by_endpoint(settings: CascadeSettings, endpoint: Endpoint, budget: BudgetStore, clock: Clock) -> Answering:
    """Answer by a real endpoint, `settings.workers` at once; `settings.daily_budget` is for all of the survey.

    Raises ClassifierError where the first question already brings nothing.
    """
    asker = Asker(settings, endpoint, budget, clock)

    def answering(_rows: Sequence[data.Example], questions: Sequence[Question]) -> list[Outcome]:
        first = asker.ask(questions[0], _SURVEY, math.inf)
        if first.ending != "answered":
            raise ClassifierError(f"{settings.host} brings no answers: the first question was {first.ending}")
        with ThreadPoolExecutor(settings.workers) as threads:
            return [first, *threads.map(lambda one: asker.ask(one, _SURVEY, math.inf), questions[1:])]

    return answering


def spent_micro(budget: BudgetStore) -> int:
    """Return what a survey by an endpoint did cost, in micro-units."""
    return budget.days([_SURVEY])[0].spent_micro


def _question(row: data.Example, settings: CascadeSettings) -> Question:
    language = row.data_set.language
    return question(row.text, language, settings.model, settings.max_characters, settings.max_tokens)


def _answered(judged: Judgement, outcome: Outcome) -> Judgement:
    return judged if outcome.answer is None else judged._replace(**outcome.answer._asdict())


def _gold(row: data.Example) -> Gold:
    """Return the label of a row; of several that its set does not tell apart, neutral or the first."""
    right = [name for name in SENTIMENTS if data.SENTIMENT_BITS[name] & row.allowed]
    wrong = [name for name in SENTIMENTS if data.SENTIMENT_BITS[name] & row.data_set.nameable & ~row.allowed]
    return Gold("neutral" if "neutral" in right else right[0], tuple(wrong))
