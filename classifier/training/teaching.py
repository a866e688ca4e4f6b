"""What teachers say of rows: the mean of their P(sentiment), for distillation (Hinton et al. 2015, §2)."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier.data import tables
from classifier.errors import DataError
from classifier.judgements import Classifier
from classifier.training.mixture import Row

_BATCH = 512


def taught(rows: Sequence[Row], language: str, teachers: Sequence[Classifier]) -> npt.NDArray[np.float32]:
    """Return P(sentiment) [n, 3], the mean over teachers; rows about a name in a text are not judged (NaN)."""
    found = np.full((len(rows), 3), np.nan, dtype=np.float32)
    own = [place for place, row in enumerate(rows) if row.span is None]
    for start in range(0, len(own) if teachers else 0, _BATCH):
        part = own[start : start + _BATCH]
        texts = [rows[place].text for place in part]
        said = [teacher.classify(texts, [language] * len(part), [()] * len(part)) for teacher in teachers]
        found[part] = np.mean(
            [[(one.negative, one.neutral, one.positive) for one in judged] for judged in said], axis=0
        )
    return found


def unlabelled(files: Sequence[Path], language: str, language_of: Callable[[str], str]) -> list[Row]:
    """Return texts of files in one language, each once, as rows that only teachers can label."""
    texts: dict[str, None] = {}
    for path in files:
        texts.update((text, None) for text in _texts(path) if language_of(text) == language)
    return [Row(text, "unlabelled") for text in texts]


def _texts(path: Path) -> Iterator[str]:
    for _number, row in tables.rows(path):
        text: Any = row.get("text")
        if not isinstance(text, str):
            raise DataError(f"{path} has a row without a text; give files with a column 'text'")
        if text.strip():
            yield text
