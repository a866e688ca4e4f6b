"""What a foreign model's labels mean: by their names, or as the settings say. Knows no weights and no files."""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence

import numpy as np

from classifier.errors import ClassifierError
from classifier.judgements import F64
from classifier.labels import SENTIMENTS

_NAMES = {
    "negative": "negative neg bearish bear 负面 負面 消极 消極 负向 利空 看空 看跌 悲观",
    "neutral": "neutral neu 中性 中立",
    "positive": "positive pos bullish bull 正面 积极 積極 正向 利好 看多 看涨 乐观",
}
_BY_NAME = {name: sentiment for sentiment, names in _NAMES.items() for name in names.split()}
_STARS = {1: "negative", 2: "negative", 3: "neutral", 4: "positive", 5: "positive"}
_STAR = re.compile(r"([1-5]) ?(?:stars?|星)")
_DEGREE = re.compile(
    r"(?:(?:very|extremely|strong|strongly|highly|slightly|somewhat|mildly|moderately|weakly) |非常|很)"
)
_PLACEHOLDER = " | ".join(SENTIMENTS)


def meanings(names: Sequence[str], given: Mapping[str, str]) -> F64:
    """Return a matrix [labels, 3] that sums a model's P(label) to P(sentiment); what is `given` wins over names.

    Several labels may mean one sentiment ("very negative", stars). A model without a neutral label never says neutral.
    Raises ClassifierError, with the line to write, where a label's meaning is not known or one of the poles is absent.
    """
    said = _said(names, given)
    stars = {int(match[1]) for name in names if (match := _STAR.fullmatch(_plain(name)))}
    found = [said.get(_plain(name)) or _meaning(name, whole_scale=stars == set(_STARS)) for name in names]
    unclear = [name for name, meaning in zip(names, found, strict=True) if meaning is None]
    if unclear:
        raise ClassifierError(
            f"the model's {_listed(unclear)} {'names' if len(unclear) == 1 else 'name'} no sentiment; "
            f"{_to_write(names, given, unclear)}"
        )
    absent = [sentiment for sentiment in ("negative", "positive") if sentiment not in found]
    if absent:
        raise ClassifierError(
            f"no label of the model means {' or '.join(absent)} (its labels: {_listed(names)}); "
            f"{_to_write(names, given, names)}"
        )
    return np.array([[float(meaning == sentiment) for sentiment in SENTIMENTS] for meaning in found])


def _said(names: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """Check what the settings say; names are compared in plain form, since environment variables know no case."""
    known = {_plain(name) for name in names}
    for label, sentiment in given.items():
        if _plain(label) not in known:
            raise ClassifierError(f"foreign.labels names {label!r}, but the model's labels are {_listed(names)}")
        if sentiment not in SENTIMENTS:
            raise ClassifierError(
                f"foreign.labels says that {label!r} means {sentiment!r}; it can mean {', '.join(SENTIMENTS)}"
            )
    return {_plain(label): sentiment for label, sentiment in given.items()}


def _meaning(name: str, *, whole_scale: bool) -> str | None:
    """Return a label's sentiment by its name; stars only where all five stand: of three, the third would be best."""
    plain = _plain(name)
    if star := _STAR.fullmatch(plain):
        return _STARS[int(star[1])] if whole_scale else None
    return _BY_NAME.get(plain) or _BY_NAME.get(_DEGREE.sub("", plain, count=1))


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", unicodedata.normalize("NFKC", name)).strip().casefold()


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _to_write(names: Sequence[str], given: Mapping[str, str], open_ones: Sequence[str]) -> str:
    """Return the advice that holds the settings' line, with what was said already and places left to fill in."""
    lines = {name: _PLACEHOLDER for name in names if name in open_ones} | dict(given)
    pairs = ", ".join(f'{_key(name)} = "{meaning}"' for name, meaning in lines.items())
    return f"write under [foreign], with one word each: labels = {{{pairs}}}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)
