"""Where and how a model computes: numbers, and the cores that this process may use. Nothing is loaded here."""

import os
from typing import NamedTuple

BATCH_TOKENS = 256  # padded tokens at once on a thread: enough to fill it, few enough to stay in its core's cache


class Placement(NamedTuple):
    """Where and how an encoder computes: ONNX Runtime on the CPU, or torch on its `device` (`cuda`, `cpu`).

    `threads` 0: as many as there are cores, a batch on each; `pinned`: each of them keeps to a core of its own.
    """

    threads: int = 0
    batch_tokens: int = BATCH_TOKENS
    pinned: bool = False
    device: str | None = None


USUAL = Placement()


def cores() -> int:
    """Return how many processor cores this process may use."""
    return len(_allowed())


def pin(place: int) -> None:
    """Keep the calling thread to one of the cores that this process may use, counted round; elsewhere do nothing."""
    if hasattr(os, "sched_setaffinity"):
        allowed = _allowed()
        os.sched_setaffinity(0, {allowed[place % len(allowed)]})


def _allowed() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
