"""Commands over money: what the cascade spent, what it would buy, and what a million documents cost."""

import json
import random
import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from stream.cli.shell import Json, Prefix, pairs, prices_of, say, settings, two_numbers

app = typer.Typer(help="What the cascade spent and changed.", invoke_without_command=True)

_PRICES = ("0.05:0.2", "0.15:0.6", "0.5:2", "1:4", "2.5:10", "10:40")


@app.callback()
def spend(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=400, help="How many days, today included.")] = 7,
    prefix: Prefix = None,
    as_json: Json = False,
) -> None:
    """What the cascade spent and changed, today and on past days (UTC), from Redis.

    Example: groundswell cost --days 30
    """
    if context.invoked_subcommand is not None:
        return
    from classifier.cascade.budget import days_until
    from classifier.cascade.money import shown
    from classifier.cascade.terminal import spend_shown
    from stream.stores.connect import cascade_budget

    config = settings(prefix=prefix)
    found = cascade_budget(config).days(days_until(int(time.time() * 1000), days))
    result: dict[str, Any] = {
        "currency": config.cascade.currency,
        "daily_budget": config.cascade.daily_budget if config.cascade.endpoint else None,
        "today": shown(found[0].spent_micro),
        "days": [
            {
                "day": one.day,
                "spent": shown(one.spent_micro),
                "set_aside": shown(one.open_micro),
                "counts": dict(one.counts),
            }
            for one in found
        ],
    }
    _print(result, spend_shown(result), as_json)


@app.command()
def curve(
    data: Annotated[Path, typer.Option(help="Folder with labelled sets of sentiments.")],
    model: Annotated[Path | None, typer.Option(help="Model folder [default: the one in force].")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many rows of a set.")] = None,
    error_rate: Annotated[
        float, typer.Option(min=0, max=1, help="Of a fake large model that answers from the labels.")
    ] = 0.1,
    seed: Annotated[int, typer.Option(help="Which answers of the fake are wrong.")] = 1,
    endpoint: Annotated[str | None, typer.Option(help="Ask this endpoint instead; it costs money.")] = None,
    large_model: Annotated[str | None, typer.Option(help="The endpoint's model.")] = None,
    key_file: Annotated[Path | None, typer.Option(help="File with the endpoint's key.")] = None,
    budget: Annotated[float | None, typer.Option(help="Money that asking the endpoint may cost.")] = None,
    price_in: Annotated[list[float] | None, typer.Option(min=0, help="Money per million tokens in.")] = None,
    price_out: Annotated[list[float] | None, typer.Option(min=0, help="Money per million tokens out.")] = None,
    worth: Annotated[float, typer.Option(min=0, help="Money that one more right label is worth.")] = 0.001,
    as_json: Json = False,
) -> None:
    """Accuracy against price on labelled texts (dev parts): what the least sure share of them would cost and bring.

    Example: groundswell cost curve --data ../shared/data --error-rate 0.1 --price-in 0.15 --price-out 0.6
    """
    from classifier.cascade import surveying
    from classifier.cascade.asker import Clock
    from classifier.cascade.curve import curve as draw
    from classifier.cascade.endpoint import HttpEndpoint, read_key
    from classifier.cascade.memory import MemoryBudget
    from classifier.cascade.money import shown
    from classifier.cascade.settings import CascadeSettings
    from classifier.cascade.terminal import curve_shown
    from classifier.inference import load_configured

    config = settings()
    prices = _prices(price_in, price_out, config.cascade)
    ledger, paid = MemoryBudget(), {}
    if endpoint is None:
        asked = CascadeSettings(model="fake")
        answering = surveying.by_gold(asked, error_rate, seed)
        by = f"a fake that answers from the labels, {error_rate:.1%} of them wrong (seed {seed})"
    else:
        known = config.cascade
        first = prices[0] if price_in or price_out or known.endpoint else (None, None)
        asked = _checked(
            endpoint=endpoint,
            model=large_model or known.model,
            key_file=key_file or known.key_file,
            price_in=first[0],
            price_out=first[1],
            daily_budget=budget if budget is not None else known.daily_budget,
            currency=known.currency,
            retries=5,
            failures_to_rest=1000,  # nobody waits here, and a gap would bend the curve
        )
        client = HttpEndpoint(endpoint, read_key(asked.key_file), asked.timeout_s, asked.workers, time.monotonic)
        clock = Clock(time.monotonic, time.sleep, random.random)
        answering = surveying.by_endpoint(asked, client, ledger, clock)
        by = f"{asked.model} at {asked.host}"
    found = surveying.survey(
        load_configured(model or config.model, config.foreign, config.engine), data, asked, answering, limit, say
    )
    if endpoint is not None:
        paid = {"spent": shown(surveying.spent_micro(ledger))}
    result: dict[str, Any] = {
        "by": by,
        "currency": config.cascade.currency,
        "endings": found.endings,
        **paid,
        **draw(found.sheets, prices, worth),
    }
    _print(result, curve_shown(result), as_json)


@app.command()
def estimate(
    machine: Annotated[
        list[str] | None, typer.Option(help="NAME=PRICE_PER_HOUR:TEXTS_PER_S, as cpu=0.08:300 (once per machine).")
    ] = None,
    llm: Annotated[list[str] | None, typer.Option(help="NAME=PRICE_IN:PRICE_OUT per million tokens.")] = None,
    tokens_in: Annotated[float, typer.Option(min=0, help="Tokens that a large model reads of a document.")] = 320,
    tokens_out: Annotated[float, typer.Option(min=0, help="Tokens that it writes of it.")] = 25,
    as_json: Json = False,
) -> None:
    """Cost of a million documents on machines at given prices, beside large models at given prices.

    Example: groundswell cost estimate --machine cpu=0.08:300 --llm small=0.15:0.6
    """
    from classifier.cascade.terminal import estimate_shown
    from classifier.cost import llm_per_million, per_million

    machines = [
        {"name": name, "price_per_hour": hour, "texts_per_s": speed, "per_million": round(per_million(speed, hour), 4)}
        for name, text in pairs(machine, "--machine").items()
        for hour, speed in [two_numbers(text, "--machine")]
    ]
    large = [
        {
            "name": name,
            "price_in": price.per_million_in,
            "price_out": price.per_million_out,
            "per_million": round(llm_per_million(tokens_in, tokens_out, price), 4),
        }
        for name, price in prices_of(llm, "--llm").items()
    ]
    if not machines and not large:
        raise typer.BadParameter("give at least one --machine or --llm")
    result: dict[str, Any] = {
        "currency": settings().cascade.currency,
        "tokens_in": tokens_in,
        "tokens_out": tokens_out,
        "machines": machines,
        "large_models": large,
    }
    _print(result, estimate_shown(result), as_json)


def _print(result: dict[str, Any], table: Any, as_json: bool) -> None:
    from rich.console import Console

    if as_json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        Console().print(table)


def _prices(price_in: list[float] | None, price_out: list[float] | None, config: Any) -> list[Any]:
    """The prices asked for, pair by pair; else those of the settings; else some of the market's."""
    from classifier.cost import Price

    if len(price_in or ()) != len(price_out or ()):
        raise typer.BadParameter("give --price-in and --price-out as often as each other")
    if price_in and price_out:
        return [Price(*pair) for pair in zip(price_in, price_out, strict=True)]
    own = [Price(config.price_in, config.price_out)] if config.endpoint else []
    return own + [Price(*two_numbers(text, "prices")) for text in _PRICES]


def _checked(**values: Any) -> Any:
    from classifier.cascade.settings import CascadeSettings
    from stream.errors import SettingsError

    try:
        return msgspec.convert(values, CascadeSettings)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{error}") from None
