"""How well a model judges names within texts: each in a reading of its own, beside the text's label for them all."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from classifier import data
from classifier.evaluate import resampling
from classifier.evaluate.answers import Answers, part, sentiment_answers
from classifier.evaluate.scores import per_label, summary
from classifier.judgements import Classifier, Judgement
from classifier.labels import SENTIMENTS


def name_scores(
    classifier: Classifier, folder: Path, split: str, limit: int | None, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Return figures of each set that labels every name of a text for itself; none where no set does.

    `all` are all names, `differing` those of texts whose names differ in their labels. Each holds the figures of the
    marked name, of the text's own label in its place, and their paired difference (names of one text are resampled
    as if they were independent).
    """
    found = {}
    for data_set in data.present(folder):
        names = data.at_most(limit, [one for one in data.read_marked(folder, data_set) if one.split == split])
        if any(one.nameable == data.ANY for one in names):
            tell(f"{data_set.name}: {len(names)} names")
            found[data_set.name] = _figures(classifier, names)
    return found


def _figures(classifier: Classifier, names: Sequence[data.Marked]) -> dict[str, Any]:
    by_text: dict[str, list[data.Marked]] = {}
    for name in names:
        by_text.setdefault(name.text, []).append(name)
    texts, own = list(by_text), names[0].data_set
    asked = [[text[slice(*name.span)] for name in named] for text, named in by_text.items()]
    judged = classifier.classify(texts, [own.language] * len(texts), asked, [own.kind] * len(texts))
    rows = [
        data.Example(name.text, name.key, own, name.split, name.allowed, ())
        for named in by_text.values()
        for name in named
    ]
    of_name = sentiment_answers(rows, [_sure(label) for one in judged for label, _ in one.targets])
    of_text = sentiment_answers(rows, [_sure(one.label) for one in judged for _ in one.targets])
    differing = np.array([len({name.allowed for name in by_text[row.text]}) > 1 for row in rows])
    return {
        "texts": len(texts),
        "texts_of_several": sum(len(named) > 1 for named in by_text.values()),
        "all": _beside(of_name, of_text),
        **({"differing": _beside(part(of_name, differing), part(of_text, differing))} if differing.any() else {}),
    }


def _beside(of_name: Answers, of_text: Answers) -> dict[str, Any]:
    return {
        "name": _summary(of_name),
        "text": _summary(of_text),
        "difference": resampling.compare(of_name, of_text),
    }


def _summary(found: Answers) -> dict[str, Any]:
    return {**summary(found), "f1": {label: figures["f1"] for label, figures in per_label(found).items()}}


def _sure(label: str) -> Judgement:
    """A judgement of a label alone: how sure it is is not asked here."""
    negative, neutral, positive = (float(label == name) for name in SENTIMENTS)
    return Judgement(negative, neutral, positive, (), ())
