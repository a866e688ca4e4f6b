"""What the labels of a user's file mean: a sentiment, a topic, or that its row is to be left out.

Common names map by themselves, the user's own map goes over them. Which column holds labels is said in `own.py`.
"""

import math
import re
import shlex
import unicodedata
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from classifier.data.sets import SENTIMENT_BITS
from classifier.errors import DataError
from classifier.labels import topic_ids, topics

Task = Literal["sentiment", "topics"]
SKIP = "skip"  # what a label is mapped to whose rows are to be left out
_SENTIMENT_NAMES = {
    **SENTIMENT_BITS,
    **dict(zip(("负面", "中性", "正面"), SENTIMENT_BITS.values(), strict=True)),
    "消极": SENTIMENT_BITS["negative"],
    "积极": SENTIMENT_BITS["positive"],
}
_SEVERAL = re.compile("[;；]")  # between topics or names in one cell
_LISTED = 9


def word(cell: Any) -> str | None:
    """Return the form in which cells are compared, None for an empty one; 1.0 is 1, as tables with gaps hold it."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return None
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return unicodedata.normalize("NFKC", str(cell)).strip().casefold() or None


def several(cell: Any) -> list[Any]:
    """Return the entries of a cell: a list, a text with `;` between them, or one number."""
    parts = cell if isinstance(cell, list) else _SEVERAL.split(cell) if isinstance(cell, str) else [cell]
    return [part.strip() if isinstance(part, str) else part for part in parts if word(part) is not None]


def short(cell: Any) -> str:
    """Return a cell as it may stand in an error: on one line, and no longer than a label."""
    said = " ".join(str(cell).split())
    return said if len(said) <= 40 else said[:39] + "…"


def nearest(name: str, among: Sequence[str]) -> list[str]:
    """Return all names, those most like `name` first."""
    return sorted(among, key=lambda one: -SequenceMatcher(None, name.casefold(), one.casefold()).ratio())


class LabelMap:
    """Turns label cells into bits of sentiments and positions of topics; collects the labels that mean nothing."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        """Take the user's map; raises DataError where it leads to what is neither a sentiment nor a topic."""
        self._sentiments: dict[str, int | None] = dict(_SENTIMENT_NAMES)
        self._topics: dict[str, int | None] = dict(_topic_names())
        self._unknown: dict[tuple[Task, str], str] = {}  # with the place of the first row
        for label, name in labels.items():
            said, meant = word(label) or "", word(name) or ""
            if meant == SKIP:
                self._sentiments[said] = self._topics[said] = None
            elif meant in _SENTIMENT_NAMES:
                self._sentiments[said] = _SENTIMENT_NAMES[meant]
            elif meant in _topic_names():
                self._topics[said] = _topic_names()[meant]
            else:
                known = nearest(meant, [*SENTIMENT_BITS, *topic_ids(), SKIP])
                raise DataError(
                    f"label {short(label)!r} is mapped to {short(name)!r}, which is none of {', '.join(known)}"
                )

    def sentiment(self, cell: Any, at: str) -> int:
        """Return the sentiment of a cell, 0 where it has none; `at` is the place of its row."""
        label = word(cell)
        if label is not None and label not in self._sentiments:
            self._unknown.setdefault(("sentiment", short(cell)), at)
        return (label and self._sentiments.get(label)) or 0

    def topics(self, cell: Any, at: str) -> tuple[int, ...]:
        """Return the topics of a cell; `at` is the place of its row."""
        found = set()
        for name in several(cell):
            label = word(name) or ""
            if label not in self._topics:
                self._unknown.setdefault(("topics", short(name)), at)
            found.add(self._topics.get(label))
        return tuple(sorted(place for place in found if place is not None))

    def check(self, path: Path) -> None:
        """Refuse labels that mean nothing: the first with its place and the way out, others by name."""
        if not self._unknown:
            return
        (task, label), at = next(iter(self._unknown.items()))
        known = list(SENTIMENT_BITS) if task == "sentiment" else nearest(label, topic_ids())
        said = f"unknown {task.removesuffix('s')} {label!r}; known are {', '.join(known)}"
        meant = shlex.quote(f"{label}={known[0] if task == 'sentiment' else 'TOPIC'}")
        way_out = f"say what it means by --label {meant}, or leave it out by --label {shlex.quote(f'{label}={SKIP}')}"
        others = [repr(other) for _, other in list(self._unknown)[1:]]
        listed = ", ".join(others[:_LISTED]) + (" and more" if len(others) > _LISTED else "")
        raise DataError(f"{path} {at}: {said}: {way_out}{f'; unknown are also {listed}' if others else ''}")


@lru_cache(maxsize=1)
def _topic_names() -> dict[str, int]:
    names = ((name, place) for place, topic in enumerate(topics()) for name in (topic.id, topic.en, topic.zh))
    return {word(name) or "": place for name, place in names}
