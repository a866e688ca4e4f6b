"""Opinions a second into the trends of a real Redis of its own, beside the plainest way to count the same: one pipeline
of increments an opinion. Invented opinions; the votes of watched series are kept as in the deployed rules.
"""

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from statistics import median

from alerts.rules import load_rules
from alerts.votes import Excerpt, encode_excerpt
from deploy.local import Stack
from stream.settings import DEPLOYED_RULES, LOCAL_ROOT
from stream.stores.protocols import RESOLUTION_MS, Counted, SeriesVote
from stream.stores.redis_common import connect
from stream.stores.redis_trends import RedisTrends
from stream.times import DAY_MS

OPINIONS, BATCH, ROUNDS = 40_000, 1_000, 5
PLAIN = 4_000  # the plain way is slow: so many opinions are enough
ISSUERS, TOPICS, SOURCES = 300, 20, 40
START_MS = 20_000 * DAY_MS
A_SECOND = 200  # opinions in a second of received time
SHARDS = 2


def run(opinions: int = OPINIONS, batch: int = BATCH, rounds: int = ROUNDS) -> dict[str, object]:
    """Opinions a second from `Counted` to counted, median and range of some rounds, each into an empty store."""
    docs = invented(opinions)
    with _server() as url, connect(url) as client:

        def ours(number: int) -> Callable[[], None]:
            store = RedisTrends(client, f"ours{number}", SHARDS)
            return lambda: _count(store, docs, batch)

        def plain(number: int) -> Callable[[], None]:
            return lambda: _plainly(client, f"plain{number}", docs[:PLAIN])

        rates = []
        baseline = []
        for number in range(rounds):
            rates.append(opinions / _seconds(ours(number)))
            baseline.append(min(PLAIN, opinions) / _seconds(plain(number)))
            client.flushdb()
    return {
        "target": "trends",
        "opinions": opinions,
        "batch": batch,
        "shards": SHARDS,
        "series_per_opinion": round(sum(len(doc.votes) for doc in docs) / len(docs), 2),
        "opinions_per_s": round(median(rates)),
        "opinions_per_s_spread": [round(min(rates)), round(max(rates))],
        "baseline": "one pipeline of HINCRBY an opinion, three resolutions, no test of the id, no votes",
        "baseline_opinions_per_s": round(median(baseline)),
        "ratio": round(median(rates) / median(baseline), 1),
    }


def invented(opinions: int, seed: int = 1) -> list[Counted]:
    """Opinions about a few hundred companies, the first ones most talked of; each in one to three topics."""
    rng = random.Random(seed)
    watched = frozenset(kind for rule in load_rules(DEPLOYED_RULES) for kind in rule.series)
    weights = list(accumulate(1 / (rank + 3) for rank in range(ISSUERS)))
    return [_invent(number, rng, weights, watched) for number in range(opinions)]


def _invent(number: int, rng: random.Random, weights: Sequence[float], watched: frozenset[str]) -> Counted:
    issuers = set(rng.choices(range(ISSUERS), cum_weights=weights, k=1 + (rng.random() < 0.2)))
    topics = rng.sample(range(TOPICS), 1 + (rng.random() < 0.4) + (rng.random() < 0.1))
    label, milli = rng.choices((0, 1, 2), (2, 5, 3))[0], rng.randint(-1000, 1000)
    milli = -abs(milli) if label == 0 else milli
    source = f"source{rng.randrange(SOURCES)}"
    names = ["market:all", f"source:{source}", *(f"topic:t{topic}" for topic in topics)]
    for issuer in issuers:
        names += [f"issuer:C{issuer}", *(f"issuer_topic:C{issuer}|t{topic}" for topic in topics)]
    votes = tuple(SeriesVote(name, label, milli, name.partition(":")[0] in watched) for name in names)
    received_ms = START_MS + number * 1000 // A_SECOND
    shown = any(vote.watched and vote.negative for vote in votes)
    told = Excerpt(f"p{number}", f"s{number}", source, "", "", "An invented text. " * 10, milli, ("t1",))
    return Counted(
        id=f"p{number}",
        received_ms=received_ms,
        published_ms=received_ms - rng.randrange(120_000),
        story=f"s{number if rng.random() < 0.8 else rng.randrange(number + 1)}",
        first=rng.random() < 0.8,
        stale=False,
        votes=votes,
        excerpt=encode_excerpt(told) if shown else b"",
    )


@contextmanager
def _server() -> Iterator[str]:
    """Run a Redis in a folder of its own; gives its URL."""
    folder = Path(tempfile.mkdtemp(prefix="groundswell-bench-"))
    stack = Stack(folder / "stack", cache=LOCAL_ROOT / "cache")
    info = stack.up(free_ports=True, only=["redis"])
    try:
        yield info.redis_url
    finally:
        stack.down()


def _count(store: RedisTrends, docs: Sequence[Counted], batch: int) -> None:
    for start in range(0, len(docs), batch):
        store.count(docs[start : start + batch])


def _plainly(client: object, prefix: str, docs: Sequence[Counted]) -> None:
    for doc in docs:
        with client.pipeline(transaction=False) as pipeline:  # type: ignore[attr-defined]
            for vote in doc.votes:
                for resolution, width_ms in RESOLUTION_MS.items():
                    key = f"{prefix}:{resolution}:{vote.series}:{doc.published_ms // width_ms}"
                    pipeline.hincrby(key, "posts", 1)
                    pipeline.hincrby(key, str(vote.label), 1)
                    pipeline.hincrby(key, "score", vote.score_milli)
            pipeline.execute()


def _seconds(function: Callable[[], None]) -> float:
    started_s = time.perf_counter()
    function()
    return time.perf_counter() - started_s
