"""What it costs to judge companies each for itself: the model over posts, with the names that the pipeline asks for."""

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from classifier.inference import load
from classifier.judgements import Classifier
from stream.bench.models import posts_of
from stream.cleaning import clean, detect_language, received_ms_of
from stream.companies import Companies
from stream.entities import asked_of, links_of
from stream.records import Post

POSTS, ROUNDS, BATCH = 1000, 5, 256


def run(path: Path | None, model: Path | None, own: Path | None) -> dict[str, object]:
    """Processor seconds a text, plain and with names, in turns; nothing is kept from one round for the next."""
    posts = [clean(one, received_ms_of(one, {}), {}) for one in posts_of(path, POSTS)]
    classifier, linker = load(model), Companies(own)
    languages = [detect_language(post.text, post.lang) for post in posts]
    names = [tuple(asked_of(post, links_of(post, linker)).values()) for post in posts]
    none: list[tuple[str, ...]] = [()] * len(posts)
    _seconds(classifier, posts[:BATCH], languages, none)
    rounds = [
        (_seconds(classifier, posts, languages, none), _seconds(classifier, posts, languages, names))
        for _ in range(ROUNDS)
    ]
    ratios = [named / plain for plain, named in rounds]
    return {
        "target": "names",
        "texts": len(posts),
        "texts_of_several": sum(map(bool, names)),
        "names": sum(map(len, names)),
        "ms_per_text": round(median(named for _, named in rounds) / len(posts) * 1000, 3),
        "baseline": "the same texts, the text's sentiment for all its names",
        "baseline_ms_per_text": round(median(plain for plain, _ in rounds) / len(posts) * 1000, 3),
        "ratio": round(median(ratios), 3),
        "ratio_spread": [round(min(ratios), 3), round(max(ratios), 3)],
    }


def _seconds(
    classifier: Classifier, posts: Sequence[Post], languages: Sequence[str], names: Sequence[Sequence[str]]
) -> float:
    started = time.process_time()
    for start in range(0, len(posts), BATCH):
        part = slice(start, start + BATCH)
        texts, kinds = zip(*((post.text, post.kind) for post in posts[part]), strict=True)
        classifier.classify(texts, languages[part], names[part], kinds)
    return time.process_time() - started
