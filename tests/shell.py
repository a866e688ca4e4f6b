"""`groundswell` as a user of the shell meets it, in an empty environment: within this process, which is quick, or as a
process of its own where that is what is claimed, or where it is left with open connections.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from io import BytesIO, TextIOWrapper
from pathlib import Path

from stream.cli import main

REPOSITORY = Path(__file__).resolve().parents[1]
Shell = Callable[..., subprocess.CompletedProcess[str]]
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPOSITORY)}


def groundswell(*arguments: str, cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Runs the command in `cwd`, within this process, and returns what it printed, and its exit code."""
    with chdir(cwd), _shell(arguments, stdin) as (out, err):
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        for stream in (out, err):
            stream.flush()
        told = [stream.buffer.getvalue().decode() for stream in (out, err)]  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(arguments, code, *told)


def process(*arguments: str, cwd: Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """The same as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "stream.cli", *arguments],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=ENVIRONMENT,
    )


@contextmanager
def _shell(arguments: tuple[str, ...], stdin: str) -> Iterator[tuple[TextIOWrapper, TextIOWrapper]]:
    """The command's words, streams and environment in the place of ours."""
    before = sys.argv, sys.stdin, sys.stdout, sys.stderr, dict(os.environ)
    out, err = (TextIOWrapper(BytesIO(), "utf-8", write_through=True) for _ in range(2))
    sys.argv, sys.stdin = ["groundswell", *arguments], TextIOWrapper(BytesIO(stdin.encode()), "utf-8")
    sys.stdout, sys.stderr = out, err
    os.environ.clear()
    os.environ.update(ENVIRONMENT)
    try:
        yield out, err
    finally:
        sys.argv, sys.stdin, sys.stdout, sys.stderr = before[:4]
        os.environ.clear()
        os.environ.update(before[4])
