"""How fast a model judges: texts a second on this machine, with the spread over rounds."""

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from classifier.errors import ClassifierError
from classifier.inference import Classifier, load

ROUNDS = 5
BATCH = 256


def run(
    texts: list[str],
    languages: Sequence[str] | None = None,
    classifier: Classifier | None = None,
    clock_s: Callable[[], float] = time.perf_counter,
) -> dict[str, Any]:
    """Judge `texts` in batches, ROUNDS times over, and return texts a second: median, lowest, highest.

    `languages` are BCP 47 tags, by default all English. The first, uncounted round warms the tables.
    Raises ClassifierError where there is nothing to judge.
    """
    if not texts:
        raise ClassifierError("nothing to judge: give at least one text")
    model = classifier or load()
    tags = list(languages) if languages is not None else ["en"] * len(texts)
    rates = []
    for _ in range(ROUNDS + 1):
        started_s = clock_s()
        for start in range(0, len(texts), BATCH):
            part = texts[start : start + BATCH]
            model.classify(part, tags[start : start + BATCH], [()] * len(part))
        rates.append(len(texts) / max(clock_s() - started_s, 1e-9))
    rates = rates[1:]
    return {
        "target": "classify",
        "model": model.info.id,
        "digest": model.info.digest,
        "texts": len(texts),
        "batch": BATCH,
        "rounds": ROUNDS,
        "texts_per_s": round(median(rates)),
        "texts_per_s_low": round(min(rates)),
        "texts_per_s_high": round(max(rates)),
    }
