"""The classify role over the real Kafka for minutes on end with the default model, beside the bare engine on the same
posts: what the stream costs. Nothing is kept from one post for another (no cache), or the figure would flatter itself.
"""

import time
from itertools import pairwise
from statistics import median

from classifier.engine import Engine, EngineSettings, Request
from classifier.inference import load_configured
from stream.bench.roles import Offsets, now_ms, servers, silent, workers, write
from stream.errors import GroundswellError
from stream.produce import Pace, produce
from stream.sample import generate
from stream.settings import load_settings
from stream.topics import create_topics, topics

MINUTES = 10.0
BARE_S = 40.0  # of the bare engine, before and after
POLL_S = 2.0


def run(minutes: float = MINUTES) -> dict[str, object]:
    """Texts a second of the bare engine before and after, and of the role in between, minute by minute."""
    with servers() as (folder, addresses):
        environment = addresses | {"GROUNDSWELL_ENGINE__CACHE": "0", "GROUNDSWELL_PREFIX": "sustained."}
        settings = load_settings(None, environment)
        create_topics(settings)
        before = _bare()
        posts = folder / "posts.jsonl"
        write(posts, int(before * minutes * 60 * 1.3))  # more than can be done: the backlog never ends
        produce([posts], settings, b"bench", Pace(None, None, time.monotonic, time.sleep, now_ms), silent)
        names = topics(settings.prefix)
        with workers(folder, environment, ["classify"]), Offsets(settings) as offsets:
            seen: list[tuple[float, int]] = []
            deadline_s = time.monotonic() + minutes * 60 + 120
            while not seen or seen[-1][0] - seen[0][0] < minutes * 60:
                done = offsets.acknowledged("classify", names.posts)
                if done >= 1000:
                    seen.append((time.monotonic(), done))
                if time.monotonic() > deadline_s or done >= offsets.end(names.posts):
                    raise GroundswellError(f"the backlog ended, or none was worked off; see {folder / 'classify.log'}")
                time.sleep(POLL_S)
        after = _bare()
    rate = (seen[-1][1] - seen[0][1]) / (seen[-1][0] - seen[0][0])
    bare = (before + after) / 2
    by_minute = _by_minute(seen)
    return {
        "target": "sustained",
        "minutes": round((seen[-1][0] - seen[0][0]) / 60, 1),
        "posts": seen[-1][1] - seen[0][1],
        "posts_per_s": round(rate, 1),
        "posts_per_s_by_minute": [round(min(by_minute), 1), round(median(by_minute), 1), round(max(by_minute), 1)],
        "baseline": "the bare engine on the same texts, before and after",
        "baseline_texts_per_s": [round(before, 1), round(after, 1)],
        "ratio": round(rate / bare, 3),
    }


def _bare() -> float:
    """Texts a second of the engine alone, fed the batches that the role takes."""
    model = load_configured(None, None, EngineSettings(cache=0))
    assert isinstance(model, Engine)
    requests = [Request(post.text, post.lang or "en", (), post.kind) for post in generate().posts]
    batch, done, started_s = load_settings(None, {}).batch, 0, time.perf_counter()
    with model:
        while time.perf_counter() - started_s < BARE_S:
            part = [requests[(done + place) % len(requests)] for place in range(batch)]
            done += len(list(model.stream(part)))
    return done / (time.perf_counter() - started_s)


def _by_minute(seen: list[tuple[float, int]]) -> list[float]:
    marks = [seen[0]]
    for at_s, done in seen:
        if at_s - marks[-1][0] >= 60:
            marks.append((at_s, done))
    if len(marks) < 2:
        marks.append(seen[-1])
    return [(one[1] - was[1]) / max(one[0] - was[0], 1e-9) for was, one in pairwise(marks)]
