"""The report of an evaluation: report.json holds the figures, report.html the same ones for people.

One file each, without scripts and without network; nothing is measured here. Texts of data sets are in neither: their
licences differ. Same figures, same bytes.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import msgspec

from classifier.errors import ClassifierError
from classifier.evaluate import plots
from classifier.evaluate.slices import FEWEST

LANGUAGE_NAMES = {"en": "English", "zh": "Chinese", "all": "All"}
HARD_CASES = "hard cases"
_MINUS = "\N{MINUS SIGN}"


class Line(NamedTuple):
    """One model on one set, as tables show it; `figures` is empty where it could not answer, and `note` says why."""

    task: str
    name: str
    language: str
    model: str
    own: bool
    figures: dict[str, Any]
    note: str


def prepare(out: Path) -> None:
    """Make the folder of the report; raises ClassifierError where that cannot be, before anything is measured."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ClassifierError(f"no report can be written to {out}: {error.strerror or error}") from None


def write(result: dict[str, Any], out: Path) -> None:
    """Write both files into a folder that is there."""
    try:
        (out / "report.json").write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
        (out / "report.html").write_text(render(result), encoding="utf-8", newline="\n")
    except OSError as error:
        raise ClassifierError(f"the report cannot be written to {out}: {error.strerror or error}") from None


def table(result: dict[str, Any]) -> list[Line]:
    """Return every model on every set: the evaluated model first, then the others, set by set."""
    lines = []
    for name, ours in result["sets"].items():
        place = (ours["task"], name, ours["language"])
        lines += list(_lines(place, result, ours, "sets", name))
    for language, ours in result.get("hard_cases", {}).get("languages", {}).items():
        lines += list(_lines((HARD_CASES, f"{HARD_CASES}, {language}", language), result, ours, "hard_cases", language))
    return lines


def comparison_rows(one: dict[str, Any]) -> list[tuple[str, dict[str, Any], str]]:
    """Return the sets of a comparison with their figures and a word on what their intervals tell."""
    found = [*one["sets"].items(), *((f"{HARD_CASES}, {name}", row) for name, row in one["hard_cases"].items())]
    return [(name, row, _verdict(*row["intervals"]["accuracy"])) for name, row in found]


def name_rows(by_set: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the figures of names within texts, by set: of all names, and of those whose texts feel two ways."""
    parts = {"all": "", "differing": ", where labels differ"}
    return [(f"{name}{word}", row[kind]) for name, row in by_set.items() for kind, word in parts.items() if kind in row]


def model_name(result: dict[str, Any]) -> str:
    """Return what tables call the evaluated model."""
    return f"{result['model']['id']} {result['model']['version']}"


def render(result: dict[str, Any]) -> str:
    """Return the page."""
    return _PAGE.render(
        result=result,
        model=model_name(result),
        tables=_tables(result),
        names=[model_name(result), *(other["name"] for other in result["others"])],
        fewest=FEWEST,
        curves=[_curves(name, result) for name in result["sets"]],
        of_names=name_rows(result["names"]),
        comparisons=[_comparison(one) for one in result["comparisons"]],
        languages=LANGUAGE_NAMES,
        size=plots.SIZE,
        bar=plots.BAR,
    )


def percent(share: float) -> str:
    """Write a share as per cent: 0.8971 is 89.7 %."""
    return f"{share * 100:.1f}\N{NO-BREAK SPACE}%"


def percents(limits: Sequence[float]) -> str:
    """Write an interval of shares: 88.1–91.2."""
    return f"{limits[0] * 100:.1f}–{limits[1] * 100:.1f}"


def score(value: float | None) -> str:
    """Write a score between 0 and 1, or a dash where there is none."""
    return "–" if value is None else f"{value:.3f}"


def scores(limits: Sequence[float]) -> str:
    """Write an interval of scores."""
    return f"{limits[0]:.3f}–{limits[1]:.3f}"


def points(difference: float, places: int = 1) -> str:
    """Write a difference of shares in points, with its sign."""
    text = f"{difference * 100:+.{places}f}"
    return text.replace("-", _MINUS) if float(text) else f"{0:.{places}f}"


def _lines(
    place: tuple[str, str, str], result: dict[str, Any], ours: dict[str, Any], kind: str, key: str
) -> Iterator[Line]:
    yield Line(*place, model_name(result), True, ours, "")
    for other in result["others"]:
        theirs = other[kind][key]
        yield Line(*place, other["name"], False, theirs if "n" in theirs else {}, theirs.get("note", ""))


def _tables(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Group the lines by task and set, each set with an axis that holds all of its intervals."""
    grouped: dict[str, dict[str, list[Line]]] = {}
    for line in table(result):
        grouped.setdefault(line.task, {}).setdefault(line.name, []).append(line)
    return [
        {"task": task, "sets": [_with_axis(name, lines) for name, lines in by_set.items()]}
        for task, by_set in grouped.items()
    ]


def _with_axis(name: str, lines: Sequence[Line]) -> dict[str, Any]:
    low, high = plots.around([line.figures["intervals"]["accuracy"] for line in lines if line.figures])
    rows = []
    for line in lines:
        figures, mark = line.figures, None
        if figures:
            mark = plots.whisker(figures["intervals"]["accuracy"], figures["accuracy"], low, high)
        rows.append({"line": line, "mark": mark})
    return {
        "name": name,
        "language": lines[0].language,
        "low": low,
        "high": high,
        "n": lines[0].figures["n"],
        "rows": rows,
    }


def _curves(name: str, result: dict[str, Any]) -> dict[str, Any]:
    """Return one set's pictures: calibration of the evaluated model, abstention of every model that ranks its rows."""
    ours = result["sets"][name]
    candidates = [(model_name(result), ours["abstention"])]
    candidates += [(other["name"], other["sets"][name].get("abstention", ())) for other in result["others"]]
    drawn = [(model, curve) for model, curve in candidates if len(curve) > 1]
    lowest = plots.floor([curve for _, curve in drawn]) if drawn else 0.0
    return {
        "name": name,
        "ece": ours["ece"],
        "dots": plots.calibration(ours["reliability"]),
        "lowest": lowest,
        "lines": [
            {
                "model": model,
                "place": [one for one, _ in candidates].index(model),
                "points": plots.abstention(curve, lowest),
            }
            for model, curve in drawn
        ],
    }


def _comparison(one: dict[str, Any]) -> dict[str, Any]:
    """Place the differences of a comparison on one axis about zero."""
    rows = comparison_rows(one)
    end = plots.about_zero([figures["intervals"]["accuracy"] for _, figures, _ in rows])
    return {
        "against": one["against"],
        "end": end,
        "rows": [
            {
                "name": name,
                "figures": figures,
                "mark": plots.whisker(figures["intervals"]["accuracy"], figures["accuracy"], -end, end),
                "verdict": verdict,
            }
            for name, figures, verdict in rows
        ],
    }


def _verdict(low: float, high: float) -> str:
    return "better" if low > 0 else "worse" if high < 0 else "not told apart"


_ENVIRONMENT = jinja2.Environment(
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
    loader=jinja2.FileSystemLoader(Path(__file__).with_name("page")),
)
_ENVIRONMENT.filters |= {
    "percent": percent,
    "percents": percents,
    "score": score,
    "scores": scores,
    "points": points,
}
_PAGE = _ENVIRONMENT.get_template("report.html.j2")
