"""The figures of an evaluation as tables for a terminal. What is measured stands elsewhere; nothing is printed here."""

from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from classifier.evaluate.report import comparison_rows, model_name, name_rows, percent, percents, points, score, table


def shown(result: dict[str, Any]) -> RenderableType:
    """Return the models by set, names within texts, and each paired comparison."""
    names = [_names(result["names"])] if result["names"] else []
    return Group(_models(result), *names, *(_comparison(one) for one in result["comparisons"]))


def _models(result: dict[str, Any]) -> Table:
    rows = _table(f"{model_name(result)} on the {result['split']} parts", "set", "n", "accuracy", "macro-F1", "ECE")
    for line in table(result):
        style = "" if line.own else "dim"
        name = line.name if line.own else f"  {line.model}"
        if line.figures:
            figures = line.figures
            rows.add_row(
                Text(name),
                str(figures["n"]) if line.own else "",
                f"{percent(figures['accuracy'])} ({percents(figures['intervals']['accuracy'])})",
                score(figures["macro_f1"]),
                score(figures["ece"]),
                style=style,
            )
        else:
            rows.add_row(Text(name), "", Text(line.note), "", "", style=style)
    return rows


def _names(by_set: dict[str, Any]) -> Table:
    rows = _table("Names within texts: macro-F1", "set", "n", "name", "the text's label", "points")
    for title, row in name_rows(by_set):
        low, high = row["difference"]["intervals"]["macro_f1"]
        difference = f"{points(row['difference']['macro_f1'])} ({points(low)} to {points(high)})"
        figures = (score(row[of]["macro_f1"]) for of in ("name", "text"))
        rows.add_row(Text(title), str(row["name"]["n"]), *figures, difference)
    return rows


def _comparison(one: dict[str, Any]) -> Table:
    rows = _table(f"Less {one['against']}, on the same rows", "set", "accuracy, points", "p", "same labels", "")
    for name, row, verdict in comparison_rows(one):
        low, high = row["intervals"]["accuracy"]
        difference = f"{points(row['accuracy'])} ({points(low)} to {points(high)})"
        rows.add_row(Text(name), difference, str(row["mcnemar_p"]), percent(row["agreement"]), verdict)
    return rows


def _table(title: str, first: str, *others: str) -> Table:
    made = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title=Text(title), title_justify="left")
    made.add_column(first, overflow="fold")
    for name in others:
        made.add_column(name, justify="right", no_wrap=name == "n")
    return made
