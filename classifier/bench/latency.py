"""How long one text takes: alone, and among others that arrive at a share of what the machine can do."""

import threading
import time
from collections.abc import Sequence

import numpy as np

from classifier.engine import Engine, Request


def alone_ms(engine: Engine, requests: Sequence[Request]) -> list[float]:
    """Milliseconds from asking to answer, one text after the other, no backlog."""
    taken = []
    for request in requests:
        started_s = time.perf_counter()
        next(iter(engine.stream([request])))
        taken.append((time.perf_counter() - started_s) * 1000)
    return taken


def loaded_ms(engine: Engine, requests: Sequence[Request], per_s: float, seed: int) -> list[float]:
    """Milliseconds from a text's arrival to its answer, where texts arrive at random at `per_s` a second (Poisson)."""
    gaps_s = np.random.default_rng(seed).exponential(1 / per_s, len(requests))
    due_s = time.perf_counter() + np.cumsum(gaps_s)
    taken = [0.0] * len(requests)

    def ask(place: int) -> None:
        next(iter(engine.stream([requests[place]])))
        taken[place] = (time.perf_counter() - due_s[place]) * 1000

    threads = []
    for place, at_s in enumerate(due_s):
        time.sleep(max(0.0, at_s - time.perf_counter()))
        threads.append(threading.Thread(target=ask, args=(place,)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    return taken


def percentiles(taken_ms: Sequence[float]) -> dict[str, float]:
    """Return p50 and p99."""
    return {f"p{share}": round(float(np.percentile(taken_ms, share)), 2) for share in (50, 99)}
