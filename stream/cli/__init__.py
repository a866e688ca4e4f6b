"""The command line: `groundswell`. Parsing, progress and the clock live here; the work is done in the rooms."""

from stream.cli.main import main

__all__ = ["main"]
