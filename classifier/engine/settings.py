"""The settings of the engine."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

Positive = Annotated[int, msgspec.Meta(ge=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class EngineSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How texts are gathered and where they are judged.

    `max_wait_ms` is the latency target: the longest that a text waits for others to fill its batch (it waits for none
    where none are on their way). `batch_tokens` is the throughput target: how many tokens a full batch holds. At most
    `pending` texts wait; a caller with more waits itself. `cache` answers are kept (0: none). `threads` 0 and `device`
    `auto` take what `groundswell doctor --tune` found on this machine, else all cores and the CPU.
    """

    max_wait_ms: Annotated[float, msgspec.Meta(ge=0)] = 20.0
    batch_tokens: Positive = 16_384
    pending: Positive = 4096
    cache: Count = 20_000
    threads: Count = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    tuning: Path = Path(".groundswell/tuning.json")


USUAL = EngineSettings()
