"""Commands over incidents, and over what the series have spent of their budgets, from Redis."""

import time
from typing import Annotated, Literal

import typer

from stream.cli.shell import Json, Prefix, report, settings

app = typer.Typer(help="Incidents from the shell.", no_args_is_help=True)
Language = Annotated[Literal["en", "zh"], typer.Option(help="Language of the text.")]


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20, language: Language = "en", prefix: Prefix = None
) -> None:
    """The newest incidents, a line each.

    Example: groundswell alerts list --limit 5
    """
    from alerts.describe import describe_line
    from classifier.labels import topics
    from stream.stores.connect import incident_book

    names = {topic.id: topic.zh if language == "zh" else topic.en for topic in topics()}
    for incident in incident_book(settings(prefix=prefix)).list(limit):
        print(describe_line(incident, language, names))


@app.command()
def show(incident: str, language: Language = "en", prefix: Prefix = None) -> None:
    """One incident, whole, with its evidence.

    Example: groundswell alerts show 3f9c0a…
    """
    from alerts.describe import describe
    from classifier.labels import topics
    from stream.errors import InputError
    from stream.stores.connect import incident_book

    names = {topic.id: topic.zh if language == "zh" else topic.en for topic in topics()}
    found = incident_book(settings(prefix=prefix)).get(incident)
    if found is None:
        raise InputError(f"no incident {incident}; 'groundswell alerts list' shows them")
    print(describe(found, language, None, names))


@app.command()
def budget(
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many series of each rule.")] = 10,
    prefix: Prefix = None,
    as_json: Json = False,
) -> None:
    """What the watched series have spent of their rules' budgets since they learnt: all together, then who spent most.

    Example: groundswell alerts budget --limit 5
    """
    import msgspec

    from alerts.accounts import ledger
    from alerts.rules import load_rules
    from stream.stores.connect import trend_store

    config = settings(prefix=prefix)
    store = trend_store(config)
    now_ms = store.watermark(1) if config.clock == "record" else None
    accounts, rules = store.accounts(), load_rules(config.rules)
    found = [ledger(rule, accounts, now_ms or int(time.time() * 1000), limit) for rule in rules if rule.has_budget]
    report({"rules": msgspec.to_builtins(found)}, "\n".join(one.text() for one in found), as_json)
