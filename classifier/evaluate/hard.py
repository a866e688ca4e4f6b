"""The hard cases: sentences of our own that finance models get wrong, a test set by phenomenon.

Nothing may be trained, tuned or calibrated on them; `digest` says which list a figure was measured on.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from classifier import data
from classifier.evaluate.answers import Answers, Bools, part, sentiment_answers
from classifier.evaluate.resampling import intervals
from classifier.evaluate.scores import rounded, scores
from classifier.judgements import Judgement
from classifier.labels import LANGUAGES

_FILE = Path(__file__).with_name("hard_cases.jsonl")


class HardCase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One sentence, the phenomenon that makes it hard, and its sentiment."""

    id: str
    language: str
    phenomenon: str
    sentiment: str
    text: str


@lru_cache(maxsize=1)
def cases() -> tuple[HardCase, ...]:
    """Return all hard cases in the order of their file."""
    return tuple(msgspec.json.decode(line, type=HardCase) for line in _FILE.read_bytes().splitlines())


def digest() -> str:
    """Return the SHA-256 of the list."""
    return hashlib.sha256(_FILE.read_bytes()).hexdigest()


def rows(asked: Sequence[HardCase]) -> list[data.Example]:
    """Return hard cases in the shape of a labelled set that must not train."""
    sets = {name: data.DataSet("hard_cases", "", name, "no training", "hard cases", data.THREE) for name in LANGUAGES}
    return [
        data.Example(
            case.text, data.text_key(case.text), sets[case.language], "test", data.SENTIMENT_BITS[case.sentiment], ()
        )
        for case in asked
    ]


def hard_scores(asked: Sequence[HardCase], judged: Sequence[Judgement]) -> dict[str, Any]:
    """Score answers to hard cases, in all, by language, by phenomenon; and list the errors with their texts."""
    found = sentiment_answers(rows(asked), judged)
    languages = np.array([case.language for case in asked])
    phenomena = np.array([case.phenomenon for case in asked])
    return {
        "digest": digest(),
        **scores(found, "sentiment"),
        "intervals": intervals(found),
        "languages": {
            name: {**scores(own, "sentiment"), "intervals": intervals(own)}
            for name in LANGUAGES
            if len((own := part(found, languages == name)).correct)
        },
        "phenomena": {
            str(name): {
                **_tally(found, phenomena == name),
                "languages": {
                    language: _tally(found, (phenomena == name) & (languages == language)) for language in LANGUAGES
                },
            }
            for name in sorted(set(phenomena.tolist()))
        },
        "errors": _errors(asked, found),
    }


def _tally(found: Answers, chosen: Bools) -> dict[str, int]:
    return {"n": int(chosen.sum()), "right": int(found.correct[chosen].sum())}


def _errors(asked: Sequence[HardCase], found: Answers) -> list[dict[str, Any]]:
    """List the wrong answers in the order of the file, with the probability that the model gave its answer."""
    return [
        {
            "id": case.id,
            "language": case.language,
            "phenomenon": case.phenomenon,
            "gold": case.sentiment,
            "said": found.labels[said],
            "probability": rounded(confidence),
            "text": case.text,
        }
        for case, said, correct, confidence in zip(
            asked, found.said.argmax(axis=1).tolist(), found.correct, found.confidence, strict=True
        )
        if not correct
    ]
