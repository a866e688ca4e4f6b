"""Benchmarks: what `groundswell bench TARGET` measures. Each returns one JSON-able object with the machine it ran on
and a ratio against a named baseline of the same run. Figures, never verdicts.
"""

import os
import platform
from importlib.metadata import version


def machine() -> dict[str, object]:
    """What the figures were taken on."""
    return {
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "groundswell": version("groundswell"),
        "load_before": round(os.getloadavg()[0], 2),
    }
