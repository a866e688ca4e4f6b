"""A fault on order, for tests of what a crash leaves behind: the process kills itself at a named point. Shipped, so
that tests and drills need no patched code; does nothing unless `GROUNDSWELL_FAULT` asks for it.
"""

import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path

from stream.records import MARKER_HEADER, Message


class Fault:
    """`POINT:N:FILE`: at the N-th passing of POINT with records in hand, and not markers alone, writes what was in hand

    to FILE, then SIGKILL. Empty: never.
    """

    def __init__(self, order: str) -> None:
        self._point, _, rest = order.partition(":")
        number, _, file = rest.partition(":")
        self._left, self._file = int(number or 0), Path(file)

    def pass_point(self, point: str, batch: Sequence[Message]) -> None:
        """Called by the agents between their steps."""
        if point != self._point or all(message.header(MARKER_HEADER) is not None for message in batch):
            return
        self._left -= 1
        if self._left or self._file.exists():
            return
        offsets: dict[str, list[int]] = {}
        for message in batch:
            offsets.setdefault(str(message.partition), []).append(message.offset)
        with self._file.open("w") as file:
            json.dump({"point": point, "pid": os.getpid(), "topic": batch[0].topic, "offsets": offsets}, file)
            file.flush()
            os.fsync(file.fileno())
        os.kill(os.getpid(), signal.SIGKILL)
