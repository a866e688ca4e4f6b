"""The top of the command line: global options, all sub-commands, and what happens to errors."""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from stream.cli import alerts, audit, companies, cost, data, health, models, servers, trends, warm_up
from stream.cli.shell import KNOWN_ERRORS, Options, fail

app = typer.Typer(
    name="groundswell",
    help="Streaming sentiment and opinion monitor for financial analysts, in Chinese and English.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(asked: bool) -> None:
    if asked:
        print(version("groundswell"))
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    config: Annotated[Path | None, typer.Option(help="Settings file [default: groundswell.toml].")] = None,
    _show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    Options.debug, Options.config = debug, config


for room in (data, models, servers, warm_up, audit, health):
    for name, command in room.COMMANDS.items():
        app.command(name)(command)
app.add_typer(alerts.app, name="alerts")
app.add_typer(companies.app, name="companies")
app.add_typer(cost.app, name="cost")
app.add_typer(trends.app, name="trends")
app.add_typer(servers.topics, name="topics")
app.add_typer(audit.dead_letters, name="dead-letters")


def main() -> None:
    """The entry point of the script `groundswell`."""
    try:
        app()
    except KNOWN_ERRORS as error:
        fail(error)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        raise SystemExit(0) from None
    except Exception as error:  # a bug of ours: one line for the user, the traceback on demand
        if Options.debug:
            raise
        fail(RuntimeError(f"unexpected {type(error).__name__}: {error}; run again with --debug and report it"))
