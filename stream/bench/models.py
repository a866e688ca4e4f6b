"""Benchmarks of the model: how fast it judges, and whether it says what its float32 reference says."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from classifier import cost
from classifier.bench import Bench, measure
from classifier.engine import EngineSettings
from classifier.engine.tuning import placement_of
from classifier.errors import ClassifierError
from classifier.inference import SHIPPED, load
from stream.cleaning import detect_language
from stream.errors import RecordRefused
from stream.files import read_rows
from stream.records import RawPost, decode_raw_post
from stream.sample import generate

TEXTS = 1000
PROMPT_TOKENS, ANSWER_TOKENS = 180, 12  # of a large model: the instruction around a text, and a label with its shares


_LARGE = {"a small API model": cost.Price(0.15, 0.6), "a large API model": cost.Price(2.5, 10.0)}


class Asked(NamedTuple):
    """What to measure, and at which prices: of this machine by the hour, and of large models by the token."""

    texts: Path | None = None
    model: Path | None = None
    engine: EngineSettings = EngineSettings()
    hour_price: float = 0.1
    large: Mapping[str, cost.Price] = _LARGE


def classify(asked: Asked) -> dict[str, object]:
    """Texts a second through the engine, beside transformers on the same weights and texts; and what it costs."""
    folder = asked.model or SHIPPED
    texts, languages = texts_of(asked.texts)
    found = measure(Bench(folder, texts, languages, placement_of(asked.engine, folder)), time.perf_counter)
    tokens = float(found["tokens_mean"]) + PROMPT_TOKENS
    per_million = {"this machine": cost.per_million(float(found["texts_per_s"]), asked.hour_price)}
    for name, price in asked.large.items():
        per_million[name] = cost.llm_per_million(tokens, ANSWER_TOKENS, price)
    return {
        **found,
        "cost_per_million": {name: round(money, 2) for name, money in per_million.items()},
        "prices": {"hour": asked.hour_price, "per_million_tokens": dict(asked.large)},
    }


def texts_of(path: Path | None, most: int = TEXTS) -> tuple[list[str], list[str]]:
    """Return texts and languages of a file of posts, evenly taken, or of the bundled sample."""
    posts = posts_of(path, most)
    return [post.text for post in posts], [detect_language(post.text, post.lang) for post in posts]


def posts_of(path: Path | None, most: int) -> list[RawPost]:
    """Return posts of a file, evenly taken, or the first of the bundled sample; ClassifierError where there is none."""
    if path is None:
        return list(generate(days=4, surge_at_h=84).posts[:most])
    posts = []
    for row in read_rows(path):
        try:
            posts.append(decode_raw_post(row.value))
        except RecordRefused:
            continue
    if not posts:
        raise ClassifierError(f"{path} holds no post; give a file of posts with id, source, published_at and text")
    return posts[:: max(1, len(posts) // most)][:most]


def exactness(asked: Asked, against: Path | None, most: int = 10_000) -> dict[str, object]:
    """How far a model's answers are from those of its reference in float32, over up to `most` texts."""
    from classifier import exactness as room

    if against is None:
        raise ClassifierError("give --against, the same model in float32 ('groundswell export --precision float32')")
    folder = asked.model or SHIPPED
    texts, languages = texts_of(asked.texts, most)
    candidate, reference = load(folder, placement_of(asked.engine, folder)), load(against)
    return {"target": "exactness", **room.run(candidate, reference, texts, languages)}
