"""Benchmarks without servers: the classifier, the detector, the replay of the bundled sample."""

import time
from collections.abc import Callable
from functools import partial
from statistics import median

import msgspec
import numpy as np

from alerts.detector import SurgeBank
from alerts.rules import load_rules
from classifier import bench
from classifier.inference import LINEAR, Classifier, load
from stream.embedded import Spine
from stream.records import Message
from stream.sample import generate
from stream.settings import DEPLOYED_RULES

SERIES, BUCKETS, ROUNDS = 500, 96, 5


def classify() -> dict[str, object]:
    """Texts a second in batches; the baseline judges the same texts one by one."""
    posts = generate(days=4, surge_at_h=84).posts[:1000]
    texts, languages = [post.text for post in posts], [post.lang or "en" for post in posts]
    result = bench.run(texts, languages)
    model = load()

    alone_ms = {}
    for language in ("en", "zh"):
        own = [text for text, tag in zip(texts, languages, strict=True) if tag == language][:100]
        alone_ms[language] = [_seconds(partial(_singly, model, own, language)) / len(own) * 1000 for _ in range(ROUNDS)]
    one_ms = [median(rounds) for rounds in alone_ms.values()]
    return {
        **result,
        "one_text_ms": {language: round(median(rounds), 2) for language, rounds in alone_ms.items()},
        "one_text_ms_spread": {
            language: [round(min(rounds), 2), round(max(rounds), 2)] for language, rounds in alone_ms.items()
        },
        "baseline": "one text a call",
        "ratio": round(result["texts_per_s"] * sum(one_ms) / len(one_ms) / 1000, 2),
    }


def _singly(model: Classifier, texts: list[str], language: str) -> None:
    for text in texts:
        model.classify([text], [language], [()])


def detect() -> dict[str, object]:
    """Microseconds a row with all series in one call; the baseline closes the same buckets series by series."""
    rng = np.random.default_rng(1)
    totals = rng.poisson(3.0, (BUCKETS, SERIES)).astype(float)
    negatives = rng.binomial(totals.astype(int), 0.2).astype(float)

    def closed(together: bool) -> float:
        bank, slots = SurgeBank(), np.arange(SERIES)
        bank.add(SERIES)

        def run() -> None:
            for bucket in range(BUCKETS if together else 2):
                groups = [slots] if together else [slots[n : n + 1] for n in range(SERIES)]
                for group in groups:
                    starts_s = np.full(len(group), bucket * 900.0)
                    bank.close(group, starts_s, negatives[bucket, group], totals[bucket, group])

        return _seconds(run) / (BUCKETS if together else 2) / SERIES * 1e6

    vectorised, alone = [closed(True) for _ in range(ROUNDS)], [closed(False) for _ in range(ROUNDS)]
    return {
        "target": "detect",
        "series": SERIES,
        "microseconds_per_row": round(median(vectorised), 2),
        "microseconds_per_row_spread": [round(min(vectorised), 2), round(max(vectorised), 2)],
        "baseline": "series by series",
        "baseline_microseconds_per_row": round(median(alone), 1),
        "ratio": round(median(alone) / median(vectorised), 1),
    }


def replay() -> dict[str, object]:
    """Posts a second through all stages in one process; the baseline is the classifier alone on the same posts."""
    posts = generate().posts
    messages = [
        Message(msgspec.json.encode({k: v for k, v in msgspec.structs.asdict(post).items() if v is not None}))
        for post in posts
    ]
    # The stages are measured, not the model: `bench classify` does that.
    rules, model = load_rules(DEPLOYED_RULES), load(LINEAR)

    def whole() -> None:
        spine = Spine(model, rules, {}, None)
        for start in range(0, len(messages), 1000):
            spine.feed(messages[start : start + 1000])
        spine.finish()

    def judged() -> None:
        for start in range(0, len(posts), 1000):
            part = posts[start : start + 1000]
            model.classify([post.text for post in part], ["en"] * len(part), [()] * len(part))

    rates = [len(posts) / _seconds(whole) for _ in range(3)]
    alone = [len(posts) / _seconds(judged) for _ in range(3)]
    return {
        "target": "replay",
        "posts": len(posts),
        "posts_per_s": round(median(rates)),
        "posts_per_s_spread": [round(min(rates)), round(max(rates))],
        "baseline": "the classifier alone",
        "ratio": round(median(rates) / median(alone), 3),
    }


def _seconds(function: Callable[[], None]) -> float:
    started_s = time.perf_counter()
    function()
    return time.perf_counter() - started_s
