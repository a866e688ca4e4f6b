"""Benchmarks: what `groundswell bench TARGET` measures. Each returns one JSON-able object with the machine it ran on
and a ratio against a named baseline of the same run. Figures, never verdicts.
"""

import os
import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from deploy.local import Stack
from stream.settings import LOCAL_ROOT


def machine() -> dict[str, object]:
    """What the figures were taken on."""
    return {
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "groundswell": version("groundswell"),
        "load_before": round(os.getloadavg()[0], 2),
    }


@contextmanager
def redis_server() -> Iterator[str]:
    """Run a Redis in a folder of its own; gives its URL."""
    folder = Path(tempfile.mkdtemp(prefix="groundswell-bench-"))
    stack = Stack(folder / "stack", cache=LOCAL_ROOT / "cache")
    info = stack.up(free_ports=True, only=["redis"])
    try:
        yield info.redis_url
    finally:
        stack.down()
