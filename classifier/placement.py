"""Where and how a model computes. Numbers alone: nothing is loaded here."""

from typing import NamedTuple

BATCH_TOKENS = 2048  # padded tokens at once: enough to fill the processor, few enough to stay in its cache


class Placement(NamedTuple):
    """Where and how an encoder computes: ONNX Runtime on the CPU, or torch on its `device` (`cuda`, `cpu`).

    `threads` 0: as many as there are cores; `pinned`: each of them keeps to a core of its own.
    """

    threads: int = 0
    batch_tokens: int = BATCH_TOKENS
    pinned: bool = False
    device: str | None = None


USUAL = Placement()
