"""Benchmarks: what `groundswell bench TARGET` measures. Each returns one JSON-able object with the machine it ran on
and a ratio against a named baseline of the same run. Figures, never verdicts.
"""

import os
import platform
from collections.abc import Callable
from importlib.metadata import version

from stream.bench import embedded, roles

TARGETS: dict[str, Callable[[], dict[str, object]]] = {
    "classify": embedded.classify,
    "detect": embedded.detect,
    "replay": embedded.replay,
    "roles": roles.run,
}


def machine() -> dict[str, object]:
    """What the figures were taken on."""
    return {
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "groundswell": version("groundswell"),
        "load_before": round(os.getloadavg()[0], 2),
    }
