"""How far a model's answers are from a reference's on the same texts, and from its own in other company.

The reference of an 8-bit folder is the same run exported in float32 (`groundswell export --precision float32`): the
8-bit weights themselves are already rounded. What is right is `evaluate`'s; here one model is held against another.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from classifier.errors import ClassifierError
from classifier.judgements import Classifier, Judgement
from classifier.labels import LANGUAGES, SENTIMENTS, language_index

F64 = npt.NDArray[np.float64]
_ALONE = 200  # texts that are also judged each alone; it costs as much as thousands in company
_LISTED = 20  # places of texts whose label differs
_DIGITS = 6


def run(
    candidate: Classifier,
    reference: Classifier,
    texts: Sequence[str],
    languages: Sequence[str],
    kinds: Sequence[str | None] | None = None,
    labels: Sequence[str | None] | None = None,
) -> dict[str, Any]:
    """Return how near `candidate` is to `reference`, in all and by language, and what batch-mates change.

    `labels` are right sentiments where they are known (else None). Raises ClassifierError where there is no text, the
    sequences differ in length, or a label is no sentiment.
    """
    _check(texts, labels)
    nothing: list[tuple[str, ...]] = [()] * len(texts)
    ours = candidate.classify(texts, languages, nothing, kinds)
    theirs = reference.classify(texts, languages, nothing, kinds)
    spoken = np.array([language_index(language) for language in languages])
    right = list(labels) if labels is not None else [None] * len(texts)
    places = {name: np.flatnonzero(spoken == place).tolist() for place, name in enumerate(LANGUAGES)}
    return {
        "candidate": msgspec.to_builtins(candidate.info),
        "reference": msgspec.to_builtins(reference.info),
        **compare(ours, theirs, right),
        "languages": {
            name: compare([ours[row] for row in own], [theirs[row] for row in own], [right[row] for row in own])
            for name, own in places.items()
            if own
        },
        "batch": company(candidate, texts, languages, kinds, ours),
    }


def compare(ours: Sequence[Judgement], theirs: Sequence[Judgement], labels: Sequence[str | None]) -> dict[str, Any]:
    """Return the figures of two models' judgements of the same texts, at least one.

    `probability` is over the three sentiments of every text; `topic_agreement` asks for the first topic, and
    `topics_agreement` for all that are named; `topic_probability` is over the topics that both name.
    """
    same = np.array([one.label == other.label for one, other in zip(ours, theirs, strict=True)])
    pairs = list(zip(ours, theirs, strict=True))
    first = [one.topics[0][0] == other.topics[0][0] for one, other in pairs]
    all_topics = [dict(one.topics).keys() == dict(other.topics).keys() for one, other in pairs]
    shared = [
        abs(probability - dict(other.topics)[name])
        for one, other in pairs
        for name, probability in one.topics
        if name in dict(other.topics)
    ]
    return {
        "texts": len(pairs),
        "label_agreement": _share(same),
        "disagreements": int((~same).sum()),
        "disagreements_at": np.flatnonzero(~same)[:_LISTED].tolist(),
        "probability": _difference(np.abs(_sentiments(ours) - _sentiments(theirs))),
        "topic_agreement": _share(first),
        "topics_agreement": _share(all_topics),
        "topic_probability": _difference(np.array(shared)),
        **_accuracy(ours, theirs, labels),
    }


def company(
    classifier: Classifier,
    texts: Sequence[str],
    languages: Sequence[str],
    kinds: Sequence[str | None] | None = None,
    together: Sequence[Judgement] | None = None,
) -> dict[str, Any]:
    """Return the largest difference between a text alone, among all others, and among some in the other direction.

    `together`: the judgements of all texts in one call, where they are at hand. Texts spread over all are asked.
    """
    asked = np.unique(np.linspace(0, len(texts) - 1, min(_ALONE, len(texts))).astype(int)).tolist()

    def judged(rows: Sequence[int]) -> list[Judgement]:
        given = None if kinds is None else [kinds[row] for row in rows]
        return classifier.classify(
            [texts[row] for row in rows], [languages[row] for row in rows], [()] * len(rows), given
        )

    whole = together if together is not None else judged(range(len(texts)))
    alone = [one for row in asked for one in judged([row])]
    some = judged(asked[::-1])[::-1]
    among = [whole[row] for row in asked]
    against = [np.abs(_sentiments(alone) - _sentiments(other)).max() for other in (among, some)]
    return {
        "texts": len(asked),
        "largest_difference": round(float(max(against)), _DIGITS),
        "labels_changed": sum(len({one.label for one in trio}) > 1 for trio in zip(alone, among, some, strict=True)),
        "topics_changed": sum(
            len({one.topics[0][0] for one in trio}) > 1 for trio in zip(alone, among, some, strict=True)
        ),
    }


def _check(texts: Sequence[str], labels: Sequence[str | None] | None) -> None:
    if not texts:
        raise ClassifierError("nothing to compare: give at least one text")
    if labels is None:
        return
    if len(labels) != len(texts):
        raise ClassifierError(f"give one label a text, or None: {len(labels)} labels for {len(texts)} texts")
    unknown = set(labels) - {*SENTIMENTS, None}
    if unknown:
        raise ClassifierError(f"unknown label {min(map(str, unknown))!r}; choose {', '.join(SENTIMENTS)}, or None")


def _sentiments(judged: Sequence[Judgement]) -> F64:
    return np.array([[one.negative, one.neutral, one.positive] for one in judged])


def _difference(values: F64) -> dict[str, float]:
    if not values.size:
        return {"mean": 0.0, "max": 0.0}
    return {"mean": round(float(values.mean()), _DIGITS), "max": round(float(values.max()), _DIGITS)}


def _share(flags: Sequence[bool] | npt.NDArray[np.bool_]) -> float:
    return round(float(np.mean(flags)), _DIGITS)


def _accuracy(
    ours: Sequence[Judgement], theirs: Sequence[Judgement], labels: Sequence[str | None]
) -> dict[str, dict[str, Any]]:
    """Return both models' shares of right labels, where any is known."""
    known = [place for place, label in enumerate(labels) if label is not None]
    if not known:
        return {}
    found = [_share([judged[place].label == labels[place] for place in known]) for judged in (ours, theirs)]
    return {
        "accuracy": {
            "texts": len(known),
            "candidate": found[0],
            "reference": found[1],
            "difference": round(found[0] - found[1], _DIGITS),
        }
    }
