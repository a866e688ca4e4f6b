"""What all commands share: settings from the options, one-line errors with exit code 1, progress on a terminal, and
`--json`.
"""

import json
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from alerts.errors import AlertsError
from classifier.errors import ClassifierError
from deploy.local.errors import LocalStackError
from stream.errors import GroundswellError
from stream.settings import Settings, load_settings

if TYPE_CHECKING:
    from classifier.cost import Price

KNOWN_ERRORS = (GroundswellError, ClassifierError, AlertsError, LocalStackError)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
RejectsFile = Annotated[
    Path | None, typer.Option(help="Where rows that cannot be used go [default: beside the output].")
]
Prefix = Annotated[str | None, typer.Option(help="Prefix of all topics, keys and indices, such as 'history.'.")]


class Options:
    """The options before the command."""

    debug = False
    config: Path | None = None


def settings(**over: str | None) -> Settings:
    """The settings in force for this call."""
    return load_settings(Options.config, None, **over)


def report(result: dict[str, object], text: str, as_json: bool) -> None:
    """Prints what a command found: for people, or as one JSON object."""
    print(json.dumps(result, ensure_ascii=False) if as_json else text)


def fail(error: BaseException) -> NoReturn:
    """One line on stderr (with `--debug` the traceback before it), exit code 1."""
    if Options.debug:
        traceback.print_exception(error)
    print(f"groundswell: {' '.join(str(error).split()) or type(error).__name__}", file=sys.stderr)
    raise SystemExit(1)


@contextmanager
def progress(task: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal, silence in a pipe: called with (done, of)."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        item = bar.add_task(task, total=None)
        yield lambda done, total: bar.update(item, completed=done, total=total or None)


def say(text: str) -> None:
    """A word on what is being done, on a terminal only."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr)


def pairs(given: list[str] | None, option: str) -> dict[str, str]:
    """`name=value` options as a mapping; wrong usage where one has no `=`."""
    split = [text.partition("=") for text in given or ()]
    for name, equals, value in split:
        if not (name and equals and value):
            raise typer.BadParameter(f"{option} takes name=value, not {name + equals + value!r}")
    return {name: value for name, _, value in split}


def two_numbers(text: str, option: str) -> tuple[float, float]:
    """Two numbers from 0 up, as 0.15:0.6; raises BadParameter in the name of the option."""
    first, _, second = text.partition(":")
    try:
        found = float(first), float(second)
    except ValueError:
        found = (-1.0, -1.0)
    if not all(0 <= one < float("inf") for one in found):
        raise typer.BadParameter(f"{option} takes two numbers as 0.15:0.6, not {text!r}")
    return found


def prices_of(given: list[str] | None, option: str) -> dict[str, "Price"]:
    """The prices of large models by name, from NAME=PRICE_IN:PRICE_OUT."""
    from classifier.cost import Price

    return {name: Price(*two_numbers(text, option)) for name, text in pairs(given, option).items()}
