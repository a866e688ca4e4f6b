"""Benchmark without servers: the replay of the bundled sample."""

import time
from collections.abc import Callable
from statistics import median

import msgspec

from alerts.rules import load_rules
from classifier.inference import LINEAR, load
from stream.embedded import Spine
from stream.records import Message
from stream.sample import generate
from stream.settings import DEPLOYED_RULES


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
