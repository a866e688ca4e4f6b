"""What the cascade did, and the curve, as tables for a terminal. Nothing is measured or printed here."""

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from classifier.cascade.cascade import COUNTS


def spend_shown(spend: dict[str, Any]) -> RenderableType:
    """Return the days with their money and counts."""
    currency = spend["currency"]
    rows = _table("What the cascade did", "day (UTC)", currency, f"set aside, {currency}", *COUNTS)
    for day in spend["days"]:
        counts = [str(day["counts"].get(name, 0)) for name in COUNTS]
        rows.add_row(day["day"], f"{day['spent']:.6f}", f"{day['set_aside']:.6f}", *counts)
    if spend["daily_budget"] is None:
        return Group(Text("The cascade is off: no cascade.endpoint is set."), rows)
    told = f"Today {spend['today']:.6f} of {spend['daily_budget']:.2f} {currency} are spent."
    return Group(Text(told), rows)


def curve_shown(result: dict[str, Any]) -> RenderableType:
    """Return the curve, at the first price, and the best share at each price below it."""
    currency = result["currency"]
    first = result["curve"][0]["prices"][0]
    rows = _table(
        f"{result['n']} texts; prices {first['price_in']:g} in and {first['price_out']:g} out per million tokens",
        "share sent",
        "confidence below",
        "accuracy",
        "macro-F1",
        f"{currency} per 1,000",
        f"{currency} per million",
    )
    for point in result["curve"]:
        price = point["prices"][0]
        rows.add_row(*_figures(point), f"{price['per_1000']:.4f}", f"{price['per_million']:.2f}")
    best = _table(
        f"Best share where one more right label is worth {result['worth']:g} {currency}",
        "price in / out",
        "share sent",
        "confidence below",
        "accuracy",
        "macro-F1",
        f"{currency} per million",
        "gain per million",
    )
    for one in result["best"]:
        price = f"{one['price_in']:g} / {one['price_out']:g}"
        best.add_row(price, *_figures(one), f"{one['per_million']:.2f}", f"{one['gain_per_million']:.2f}")
    ended = ", ".join(f"{number} {name}" for name, number in result["endings"].items())
    return Group(Text(f"Large model: {result['by']}; questions: {ended}"), rows, best)


def estimate_shown(result: dict[str, Any]) -> RenderableType:
    """Return what a million documents cost by each machine and large model."""
    rows = _table("", "a million documents by", result["currency"])
    for one in (*result["machines"], *result["large_models"]):
        rows.add_row(one["name"], f"{one['per_million']:.2f}")
    return rows


def _figures(point: dict[str, Any]) -> Sequence[str]:
    return (
        f"{point['share']:.1%}",
        f"{point['confidence_below']:.4f}",
        f"{point['accuracy']:.1%}",
        f"{point['macro_f1']:.3f}",
    )


def _table(title: str, first: str, *others: str) -> Table:
    made = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title=Text(title), title_justify="left")
    made.add_column(first, overflow="fold")
    for name in others:
        made.add_column(name, justify="right")
    return made
