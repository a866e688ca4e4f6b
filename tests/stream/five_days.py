"""Five thin days of the sample with one surge, told in the words that the test's classifier reads."""

import msgspec

from alerts.rules import Rule
from stream.records import RawPost
from stream.sample import START, generate
from stream.times import datetime_ms

RULES = (Rule("negative-surge", ("issuer",), budget=0.25, learning_days=2.0),)
START_MS = datetime_ms(START)
SURGE_H = 90


def _posts() -> list[RawPost]:
    sample = generate(3, days=5, surge_at_h=SURGE_H, rate=0.1)
    posts = []
    for number, post in enumerate(sample.posts):
        within = sample.surge.start_ms <= datetime_ms(post.published_at) < sample.surge.end_ms
        bad = (post.symbols == [sample.surge.symbol] and within) or number % 9 == 0
        mood = "bad" if bad else "good" if number % 3 else "quiet"
        posts.append(msgspec.structs.replace(post, text=f"{mood} {number}", author=f"Author Nr {number % 50}"))
    return posts


POSTS = _posts()
