"""How fast posts are linked to companies, and what the table takes of time and memory."""

import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from stream.bench.models import texts_of
from stream.companies import linker_with
from stream.companies.codes import codes_in
from stream.companies.table import shipped

TEXTS, ROUNDS = 5000, 5


def run(path: Path | None, own: Path | None) -> dict[str, object]:
    """Texts a second on one core; the baseline finds cashtags and exchange codes alone."""
    texts, _ = texts_of(path, TEXTS)
    before, started = _resident(), time.perf_counter()
    linker = linker_with(own)
    load_s, taken = time.perf_counter() - started, _resident() - before
    links = [linker.link(text) for text in texts]
    rounds = [_seconds(lambda text: linker.link(text), texts) for _ in range(ROUNDS)]
    bare = median(_seconds(lambda text: list(codes_in(text, lambda _digits: None)), texts) for _ in range(ROUNDS))
    best = median(rounds)
    return {
        "target": "link",
        "texts": len(texts),
        "characters_mean": round(sum(map(len, texts)) / len(texts), 1),
        "texts_per_s": round(len(texts) / best),
        "microseconds_per_text": round(best / len(texts) * 1e6, 1),
        "microseconds_per_text_spread": [round(one / len(texts) * 1e6, 1) for one in (min(rounds), max(rounds))],
        "links_per_text": round(sum(map(len, links)) / len(texts), 3),
        "companies": len(shipped().companies),
        "load_s": round(load_s, 3),
        "table_mib": round(taken, 1),
        "baseline": "cashtags and exchange codes alone",
        "baseline_microseconds_per_text": round(bare / len(texts) * 1e6, 1),
        "ratio": round(bare / best, 2),
    }


def _seconds(link: Callable[[str], object], texts: Sequence[str]) -> float:
    started = time.process_time()
    for text in texts:
        link(text)
    return time.process_time() - started


def _resident() -> float:
    """The most memory this process has held so far, MiB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)
