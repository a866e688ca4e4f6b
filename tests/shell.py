"""`groundswell` as a process of its own, in an empty environment: what a user of the shell sees."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def groundswell(*arguments: str, cwd: Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Runs the command in `cwd` and returns what it printed, and its exit code."""
    return subprocess.run(
        [sys.executable, "-m", "stream.cli", *arguments],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPOSITORY)},
    )
