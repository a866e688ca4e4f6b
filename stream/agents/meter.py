"""What a role did, as one JSON line in its log every few seconds: messages, batches, and latency since the broker took
the post.
"""

import json
import logging
from collections.abc import Callable, Sequence

log = logging.getLogger("groundswell.meter")
PERIOD_S = 5.0


class Meter:
    """Counts between two lines. `now_s` is a clock in seconds."""

    def __init__(self, role: str, now_s: Callable[[], float]) -> None:
        self._role, self._now_s = role, now_s
        self._clear()

    def _clear(self) -> None:
        self._since_s = self._now_s()
        self._messages = self._batches = 0
        self._busy_s = 0.0
        self._latencies_ms: list[int] = []

    def latencies(self, received_ms: Sequence[int]) -> None:
        """Notes that posts which the broker took at these times (milliseconds) are done now."""
        now_ms = int(self._now_s() * 1000)
        self._latencies_ms.extend(now_ms - at for at in received_ms)

    def add(self, messages: int, busy_s: float) -> None:
        """Counts one finished batch."""
        self._messages += messages
        self._batches += 1
        self._busy_s += busy_s
        if self._now_s() - self._since_s >= PERIOD_S:
            self.flush()

    def flush(self) -> None:
        """Writes the line, if there is anything to say."""
        if not self._batches:
            return
        ordered = sorted(self._latencies_ms)
        line: dict[str, object] = {
            "role": self._role,
            "seconds": round(self._now_s() - self._since_s, 3),
            "messages": self._messages,
            "batches": self._batches,
            "busy_s": round(self._busy_s, 3),
        }
        if ordered:
            line |= {f"p{q}_ms": ordered[min(len(ordered) - 1, len(ordered) * q // 100)] for q in (50, 99)}
        log.warning("%s", json.dumps(line))
        self._clear()
