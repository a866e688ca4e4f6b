"""Accuracy against price on labelled texts: what is gained, and paid, if the least sure share of them is sent.

Nothing is asked here (`surveying.py`); figures depend on the sheets alone.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from classifier import data
from classifier.cost import Price, llm_per_million
from classifier.evaluate.answers import Answers, Bools, Floats, sentiment_answers
from classifier.evaluate.scores import rounded, summary
from classifier.judgements import Judgement

_STEPS = 20


class Sheet(NamedTuple):
    """Labelled rows of one set: the model's judgements, the large model's, and the tokens that these took [n]."""

    rows: Sequence[data.Example]
    own: Sequence[Judgement]
    other: Sequence[Judgement]
    tokens_in: Sequence[int]
    tokens_out: Sequence[int]


class _Set(NamedTuple):
    own: Answers
    other: Answers
    place: slice  # of its rows among those of all sets


class _Point(NamedTuple):
    sent: Bools
    below: float
    figures: dict[str, Any]


def curve(sheets: Sequence[Sheet], prices: Sequence[Price], worth: float) -> dict[str, Any]:
    """Return the curve over the shares 0, 0.05, … 1, and the best share at each price.

    `worth` is the money that one more right label is worth. Accuracy is over all rows, macro-F1 the mean of the sets'.
    """
    sets, at = [], 0
    for sheet in sheets:
        place = slice(at, at := at + len(sheet.rows))
        sets.append(_Set(sentiment_answers(sheet.rows, sheet.own), sentiment_answers(sheet.rows, sheet.other), place))
    confidence = np.array([max(one[:3]) for sheet in sheets for one in sheet.own])
    tokens = np.array(
        [pair for one in sheets for pair in zip(one.tokens_in, one.tokens_out, strict=True)], dtype=np.float64
    )
    points = [_point(sets, tokens, sent, below) for sent, below in _cuts(confidence)]
    return {
        "n": len(confidence),
        "sets": {sheet.rows[0].data_set.name: len(sheet.rows) for sheet in sheets},
        "tokens": {"in": rounded(tokens[:, 0].mean()), "out": rounded(tokens[:, 1].mean())},
        "worth": worth,
        "curve": [{**one.figures, "prices": [_paid(one.figures, price) for price in prices]} for one in points],
        "best": [_best(points, price, worth) for price in prices],
    }


def _cuts(confidence: Floats) -> list[tuple[Bools, float]]:
    """Return which rows are sent at each share, and under which confidence; equal ones go or stay together."""
    ranked, n = np.sort(confidence), len(confidence)
    counts = [-(-n * step // _STEPS) for step in range(_STEPS + 1)]
    thresholds = sorted({float(ranked[count]) if count < n else 2.0 for count in counts})
    return [(confidence < one, min(one, 1.0)) for one in thresholds]


def _point(sets: Sequence[_Set], tokens: Floats, sent: Bools, below: float) -> _Point:
    mixed = [_mixed(one.own, one.other, sent[one.place]) for one in sets]
    correct = np.concatenate([one.correct for one in mixed])
    before = np.concatenate([one.own.correct for one in sets])
    share = tokens[sent].sum(axis=0) / len(sent) if sent.any() else np.zeros(2)
    figures = {
        "share": rounded(sent.mean()),
        "confidence_below": rounded(below),
        "accuracy": rounded(correct.mean()),
        "macro_f1": rounded(np.mean([summary(one)["macro_f1"] for one in mixed])),
        "put_right": int((correct & ~before).sum()),
        "put_wrong": int((before & ~correct).sum()),
        "tokens_in": rounded(share[0]),
        "tokens_out": rounded(share[1]),
    }
    return _Point(sent, below, figures)


def _mixed(own: Answers, other: Answers, sent: npt.NDArray[np.bool_]) -> Answers:
    """Put the other's answers in the place of those that were sent."""
    return own._replace(
        said=np.where(sent[:, None], other.said, own.said),
        correct=np.where(sent, other.correct, own.correct),
        confidence=np.where(sent, other.confidence, own.confidence),
    )


def _paid(figures: dict[str, Any], price: Price) -> dict[str, float]:
    """Return what a thousand and a million texts cost of which this share is sent."""
    million = llm_per_million(figures["tokens_in"], figures["tokens_out"], price)
    return {**_named(price), "per_1000": round(million / 1000, 6), "per_million": round(million, 2)}


def _best(points: Sequence[_Point], price: Price, worth: float) -> dict[str, Any]:
    """Return the point where worth less price is highest; of equal ones the smallest share."""
    gains = []
    for one in points:
        more = one.figures["put_right"] - one.figures["put_wrong"]
        million = llm_per_million(one.figures["tokens_in"], one.figures["tokens_out"], price)
        gains.append(worth * more / len(one.sent) * 1e6 - million)
    place = int(np.argmax(gains))
    names = ("share", "confidence_below", "accuracy", "macro_f1")
    best = points[place].figures
    return {
        **_paid(best, price),
        **{name: best[name] for name in names},
        "gain_per_million": round(float(gains[place]), 2),
    }


def _named(price: Price) -> dict[str, float]:
    return {"price_in": price.per_million_in, "price_out": price.per_million_out}
