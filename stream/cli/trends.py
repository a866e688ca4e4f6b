"""Commands over trends: one series, the top movers, companies by topics, from Redis."""

import time
from datetime import datetime
from typing import Annotated, Literal

import typer

from stream.cli.shell import Json, Prefix, report, settings

app = typer.Typer(help="Counts and mood over time, from the shell.", no_args_is_help=True)

At = Annotated[str | None, typer.Option("--at", help="The end of the time looked at, such as 2026-01-05T09:30Z [now].")]
Hours = Annotated[int, typer.Option(min=1, max=24 * 800, help="How many hours up to then.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")]
Kind = Annotated[
    Literal["issuer", "topic", "issuer_topic", "sector", "source", "market"], typer.Option(help="Kind of series.")
]


@app.command()
def show(
    series: Annotated[str, typer.Argument(help="Such as issuer:AAPL, topic:earnings, issuer_topic:AAPL|earnings.")],
    resolution: Annotated[
        Literal["5m", "hour", "day"] | None, typer.Option(help="[default: the finest of at most 300 buckets]")
    ] = None,
    hours: Hours = 24,
    at: At = None,
    prefix: Prefix = None,
    as_json: Json = False,
) -> None:
    """One series over a time, a line each bucket of published time in which something was said.

    Example: groundswell trends show issuer:AAPL --hours 48 --resolution hour
    """
    from stream.errors import InputError
    from stream.stores.connect import trend_store
    from stream.times import HOUR_MS, format_ms

    if not series.partition(":")[2]:
        raise InputError(f"{series!r} is no series; give kind:key, such as issuer:AAPL or market:all")
    end_ms = _end_ms(at)
    chosen = resolution or ("5m" if hours <= 24 else "hour" if hours <= 300 else "day")
    points = trend_store(settings(prefix=prefix)).chart(series, chosen, end_ms - hours * HOUR_MS, end_ms)
    lines = [f"{'start':<24} {'posts':>6} {'voices':>6} {'neg':>5} {'neu':>5} {'pos':>5} {'score':>6} {'sources':>7}"]
    lines += [
        f"{format_ms(p.start_ms):<24} {p.posts:>6} {p.voices:>6} {p.negative:>5} {p.neutral:>5} {p.positive:>5}"
        f" {p.score_sum / p.posts:>+6.2f} {'-' if p.sources is None else p.sources:>7}"
        for p in points
    ]
    buckets = [point._asdict() for point in points]
    text = "\n".join(lines) if points else f"nothing was said in {series} in these {hours} h"
    report({"series": series, "resolution": chosen, "buckets": buckets}, text, as_json)


@app.command()
def movers(
    kind: Kind = "issuer",
    window: Annotated[
        Literal["hour", "day"], typer.Option(help="The last hour or 24, against 28 days before.")
    ] = "day",
    measure: Annotated[
        Literal["negative", "net"], typer.Option(help="Share of negatives, or mean score.")
    ] = "negative",
    limit: Limit = 10,
    at: At = None,
    prefix: Prefix = None,
    as_json: Json = False,
) -> None:
    """The series whose mood changed most against their usual, by what of the change is surely no chance.

    Example: groundswell trends movers --window hour --measure net
    """
    import msgspec

    from stream import movers as room
    from stream.stores.connect import trend_store

    store = trend_store(settings(prefix=prefix))
    found, folded = room.movers(store, kind, _end_ms(at), window, measure, limit), store.folded(kind)
    lines = [
        f"{'series':<32} {'now':>6} {'usual':>6} {'change':>7} {'sure':>6} {'posts':>6} {'voices':>6} {'usually':>8}"
    ]
    lines += [
        f"{m.series:<32} {m.value:>6.2f} {m.usual:>6.2f} {m.change:>+7.2f} {m.sure:>+6.2f} {m.posts:>6} {m.voices:>6}"
        f" {m.usual_posts:>8}"
        for m in found
    ]
    text = "\n".join(lines) if found else f"no {kind} has enough voices both now and in the 28 days before"
    result = {"window": window, "measure": measure, "movers": msgspec.to_builtins(found), "folded": folded}
    report(result, text + _left_out(kind, folded), as_json)


@app.command()
def heatmap(
    hours: Hours = 24,
    limit: Limit = 20,
    only: Annotated[list[str] | None, typer.Option(help="Only these companies, by symbol.")] = None,
    at: At = None,
    prefix: Prefix = None,
    as_json: Json = False,
) -> None:
    """Companies by topics: posts and share of negatives, most talked of first.

    Example: groundswell trends heatmap --hours 24 --limit 10 --json
    """
    import msgspec

    from stream.movers import heat_map
    from stream.stores.connect import trend_store
    from stream.stores.protocols import Span
    from stream.times import HOUR_MS

    end_ms = _end_ms(at)
    span = Span("hour" if hours <= 24 * 7 else "day", end_ms - hours * HOUR_MS, end_ms)
    store = trend_store(settings(prefix=prefix))
    found, folded = heat_map(store, span, limit, only or ()), store.folded("issuer_topic")
    lines = [f"{'':<12}" + "".join(f" {topic[:11]:>11}" for topic in found.topics)]
    for company, row in zip(found.companies, found.rows, strict=True):
        cells = (f"{cell.posts} ({cell.negative_share:.0%})" if cell else "" for cell in row)
        lines.append(f"{company:<12}" + "".join(f" {cell:>11}" for cell in cells))
    text = "\n".join(lines) if found.companies else f"no company was talked of in these {hours} h"
    text += _left_out("issuer_topic", folded)
    report({**msgspec.to_builtins(found), "folded": folded}, text, as_json)


def _left_out(kind: str, folded: int) -> str:
    """A last line where some series are told together only."""
    from stream.stores.protocols import OTHER

    return f"\nleft out: {kind}{OTHER}, into which the least active were folded {folded} times" if folded else ""


def _end_ms(at: str | None) -> int:
    from stream.errors import InputError
    from stream.times import datetime_ms

    if at is None:
        return int(time.time() * 1000)
    try:
        when = datetime.fromisoformat(at)
        if when.tzinfo is not None:
            return datetime_ms(when)
    except ValueError:
        pass
    raise InputError(f"--at {at!r} is no time with an offset; give one such as 2026-01-05T09:30:00Z")
