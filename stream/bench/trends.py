"""Opinions a second into the trends of a real Redis of its own, beside the plainest way to count the same: one pipeline
of increments an opinion; and what a series takes there. Invented opinions; the votes of watched series are kept as in
the deployed rules.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import accumulate
from statistics import median
from typing import Any

from alerts.rules import load_rules
from alerts.votes import Excerpt, encode_excerpt
from stream.bench import redis_server
from stream.settings import DEPLOYED_RULES
from stream.stores.protocols import RESOLUTION_MS, Counted, SeriesVote
from stream.stores.redis_common import connect
from stream.stores.redis_trends import RedisTrends
from stream.times import DAY_MS, HOUR_MS

OPINIONS, BATCH, ROUNDS = 60_000, 10_000, 5
BEFORE = 20_000  # opinions counted before the clock starts, so that series are there as they are in a running service
PLAIN = 4_000  # the plain way is slow: so many opinions are enough
ISSUERS, TOPICS, SOURCES = 300, 20, 40
START_MS = 20_000 * DAY_MS + 10 * HOUR_MS + 123_000
A_SECOND = 2_000  # opinions in a second of received time
SHARDS = 2
WRITERS = 2  # callers at a time: one worker waits for Redis while the other prepares its batch
BUSY_SERIES, BUSY_HOURS, BUSY_SOURCES = 50, 48, 12  # for memory: something in every five minutes of every series


def run(opinions: int = OPINIONS, batch: int = BATCH, rounds: int = ROUNDS) -> dict[str, object]:
    """Opinions a second from `Counted` to counted, median and range of some rounds, each into a store of its own."""
    docs = invented(BEFORE + opinions)
    rates: dict[int, list[float]] = {1: [], WRITERS: []}
    plain_rates, redis_us = [], []
    with redis_server() as url, connect(url) as client:
        for number in range(rounds):
            for writers, found in rates.items():
                store = RedisTrends(client, f"round{number}.{writers}", SHARDS)
                _count(store, docs[:BEFORE], batch, 1)
                busy_s = _busy_s(client)
                found.append(opinions / _seconds(partial(_count, store, docs[BEFORE:], batch, writers)))
            redis_us.append((_busy_s(client) - busy_s) / opinions * 1e6)
            plain = docs[BEFORE : BEFORE + PLAIN]
            plain_rates.append(len(plain) / _seconds(partial(_plainly, client, f"plain{number}", plain)))
            client.flushdb()
        bytes_kept = _bytes_kept(client)
    return {
        "target": "trends",
        "opinions": opinions,
        "batch": batch,
        "shards": SHARDS,
        "writers": WRITERS,
        "series_per_opinion": round(sum(len(doc.votes) for doc in docs) / len(docs), 2),
        "opinions_per_s": round(median(rates[WRITERS])),
        "opinions_per_s_spread": [round(min(rates[WRITERS])), round(max(rates[WRITERS]))],
        "opinions_per_s_one_writer": round(median(rates[1])),
        "redis_cpu_us_per_opinion": round(median(redis_us), 1),
        "bytes_per_series_and_hour": round(bytes_kept / (BUSY_SERIES * BUSY_HOURS)),
        "baseline": "one pipeline of HINCRBY an opinion, three resolutions, no test of the id, no votes",
        "baseline_opinions_per_s": round(median(plain_rates)),
        "ratio": round(median(rates[WRITERS]) / median(plain_rates), 1),
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
    source = f"source{rng.choices(range(SOURCES), [1 / (rank + 1) for rank in range(SOURCES)])[0]}"
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
        novelty_milli=rng.choice((0, 400, 1000)),
        source=source,
    )


def _count(store: RedisTrends, docs: Sequence[Counted], batch: int, writers: int) -> None:
    batches = [docs[start : start + batch] for start in range(0, len(docs), batch)]
    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(store.count, batches))


def busy_series(series: int, hours: int, sources: int) -> Iterator[list[Counted]]:
    """Batches of an hour: each series has a post in every five minutes, from so many sources in turn."""
    for hour in range(hours):
        yield [
            Counted(
                id=f"b{hour}.{number}.{part}",
                received_ms=START_MS + hour * HOUR_MS + part * 300_000,
                published_ms=START_MS + hour * HOUR_MS + part * 300_000,
                story=f"s{hour}.{number}.{part}",
                first=True,
                stale=False,
                votes=(SeriesVote(f"issuer:C{number}", part % 3, (part * 7919 + hour * 997) % 1000, False),),
                excerpt=b"",
                novelty_milli=1000,
                source=f"source{(part + number) % sources}",
            )
            for number in range(series)
            for part in range(12)
        ]


def _bytes_kept(client: Any) -> int:
    """Bytes of Redis for the charts of some busy series; ids and votes, kept for days and minutes, are no charts."""
    store = RedisTrends(client, "memory", SHARDS)
    for docs in busy_series(BUSY_SERIES, BUSY_HOURS, BUSY_SOURCES):
        store.count(docs)
    keys = [key for part in ("c", "u", "live") for key in client.scan_iter(match=f"memory:*:{part}:*", count=5000)]
    return sum(int(client.memory_usage(key, samples=0)) for key in keys)


def _busy_s(client: Any) -> float:
    """Seconds of processor time that the server has used."""
    used = client.info("cpu")
    return float(used["used_cpu_user"] + used["used_cpu_sys"])


def _plainly(client: Any, prefix: str, docs: Sequence[Counted]) -> None:
    for doc in docs:
        with client.pipeline(transaction=False) as pipeline:
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
