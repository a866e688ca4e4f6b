"""Commands that look at what became of posts: audit, dead-letters."""

from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from stream.cli.shell import Json, Prefix, report, settings

dead_letters = typer.Typer(help="What was refused, and why.", no_args_is_help=True)


def audit(
    ledger: Annotated[Path, typer.Argument(help='JSON lines: {"id": …} of a good post, {"sha256": …} of a bad row.')],
    prefix: Prefix = None,
    as_json: Json = False,
) -> None:
    """Compare what was sent with Redis, Elasticsearch and the dead letters; exit code 1 unless all is there, once.

    Example: groundswell audit ledger.jsonl
    """
    from stream.audit import audit as compare
    from stream.audit import describe, read_ledger, to_json
    from stream.dead_letters import read_letters
    from stream.stores.connect import document_store, trend_store

    sent, config = read_ledger(ledger), settings(prefix=prefix)
    found = compare(sent, trend_store(config), document_store(config), read_letters(config))
    report(to_json(found), describe(found), as_json)
    if found.lost or found.extra:
        raise SystemExit(1)


@dead_letters.command("list")
def list_(limit: Annotated[int, typer.Option(min=1)] = 1000, prefix: Prefix = None) -> None:
    """A line each: offset, stage, class of error, reason, and topic/partition/offset of the message.

    Example: groundswell dead-letters list --limit 20
    """
    from stream.dead_letters import describe_line, read_letters

    for letter in islice(read_letters(settings(prefix=prefix)), limit):
        print(describe_line(letter))


@dead_letters.command()
def show(offset: Annotated[int, typer.Argument(min=0)], prefix: Prefix = None) -> None:
    """One dead letter whole: its headers, and its bytes, escaped.

    Example: groundswell dead-letters show 17
    """
    from stream.dead_letters import describe, read_letters
    from stream.errors import InputError

    found = next((letter for letter in read_letters(settings(prefix=prefix)) if letter.offset == offset), None)
    if found is None:
        raise InputError(f"no dead letter at offset {offset}; 'groundswell dead-letters list' shows them")
    print(describe(found))


COMMANDS = {"audit": audit}
