"""The report is one calm, closed, repeatable page that holds figures and none of the data's texts."""

import json
import re
from copy import deepcopy
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from classifier import evaluate
from classifier.errors import ClassifierError
from classifier.evaluate import hard, plots, report
from classifier.evaluate.terminal import shown
from classifier.inference import LINEAR
from tests.classifier.test_data import write
from tests.classifier.test_evaluate import tiny_data
from tests.shell import groundswell

MARK = "zqxjkv"  # stands in every text of the data
HOSTILE = "<script>alert('a&b')</script>\"><img src=x onerror=y>"
EMPTY_TAGS = {"meta", "line", "circle", "rect", "polyline", "br"}


class Page(HTMLParser):
    """Collects tags and links, and checks that what opens closes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "srcset", "action")]
        self.links += [value for name, value in attrs if name == "style" and value and "url(" in value]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in EMPTY_TAGS:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in EMPTY_TAGS:
            assert self.open.pop() == tag


def marked_data(folder: Path) -> Path:
    tiny_data(folder)
    for name, key, labels in (
        ("zh_forum_posts", "sentiment", ("negative", "neutral", "positive")),
        ("zh_news_flashes", "topics", ("宏观", "债券")),
    ):
        rows = [
            {"text": f"{MARK} 第{n}条 {label}", key: [label] if key == "topics" else label, "split": "dev"}
            for n in range(12)
            for label in labels
        ]
        write(folder, name, rows)
    return folder


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = marked_data(tmp_path_factory.mktemp("data"))
    return evaluate.run(LINEAR, folder, "dev", against=LINEAR, baselines=True, hard_cases=True)


def test_the_page_is_whole_and_asks_for_nothing_outside(result: dict[str, Any]) -> None:
    text = report.render(result)
    page = Page(text)
    assert page.open == []
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(page.tags)
    assert page.links
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert "default-src 'none'" in text
    assert 'name="viewport"' in text
    assert "prefers-color-scheme: dark" in text


def test_every_set_has_its_pictures(result: dict[str, Any]) -> None:
    text = report.render(result)
    sets = len(result["sets"])
    assert text.count('aria-label="calibration on ') == sets
    assert text.count('aria-label="accuracy by share kept on ') == sets
    with_confusion = sum("confusion" in figures for figures in result["sets"].values())
    assert text.count('<table class="matrix">') == with_confusion + 1  # and the hard cases


def test_names_and_texts_are_shown_and_never_obeyed(result: dict[str, Any]) -> None:
    hostile = deepcopy(result)
    hostile["model"]["id"] = HOSTILE
    hostile["others"][0]["name"] = hostile["comparisons"][0]["against"] = HOSTILE
    hostile["hard_cases"]["errors"][0]["text"] = HOSTILE
    for part in (hostile["sets"], *(other["sets"] for other in hostile["others"]), hostile["comparisons"][0]["sets"]):
        part[HOSTILE] = part.pop("en_sentfin")
    hostile["sets"][HOSTILE]["labels"][0] = HOSTILE
    hostile["slices"]["sentiment"][HOSTILE] = hostile["slices"]["sentiment"].pop("en_sentfin")
    text = report.render(hostile)
    page = Page(text)
    assert page.open == []
    assert not {"script", "img"} & set(page.tags)
    assert text.count("&lt;script&gt;") > 10


def test_same_figures_make_same_bytes(result: dict[str, Any], tmp_path: Path) -> None:
    for name in ("one", "two"):
        report.prepare(tmp_path / name)
        report.write(deepcopy(result), tmp_path / name)
    for file in ("report.html", "report.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == ["report.html", "report.json"]


def test_the_json_holds_the_figures_that_the_page_shows(result: dict[str, Any], tmp_path: Path) -> None:
    report.write(result, tmp_path)
    assert json.loads((tmp_path / "report.json").read_text()) == result
    page = (tmp_path / "report.html").read_text()
    for figures in result["sets"].values():
        assert report.percent(figures["accuracy"]) in page
        assert report.percents(figures["intervals"]["accuracy"]) in page
    assert str(result["hard_cases"]["n"]) in page


def test_no_text_of_the_data_gets_into_the_report(result: dict[str, Any], tmp_path: Path) -> None:
    report.write(result, tmp_path)
    for file in ("report.html", "report.json"):
        text = (tmp_path / file).read_text()
        assert MARK not in text
        assert "meeting agenda" not in text


def test_the_errors_of_hard_cases_are_there_to_be_read(result: dict[str, Any]) -> None:
    texts = {case.id: case.text for case in hard.cases()}
    page = report.render(result)
    assert result["hard_cases"]["errors"]
    for error in result["hard_cases"]["errors"]:
        assert error["text"] == texts[error["id"]]
        assert f"<td>{error['id']}</td>" in page


def test_a_plain_evaluation_leaves_out_what_was_not_asked(tmp_path: Path) -> None:
    plain = evaluate.run(LINEAR, tiny_data(tmp_path / "data"), "dev", out=tmp_path / "deep" / "out")
    assert "hard_cases" not in plain
    assert (plain["others"], plain["comparisons"]) == ([], [])
    page = Page((tmp_path / "deep" / "out" / "report.html").read_text())
    assert page.open == []
    assert not {"hard", "paired"} & set(page.ids)


def test_a_report_that_cannot_be_written_is_told_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ClassifierError, match="no report can be written"):
        evaluate.run(LINEAR, tmp_path / "no data either", "dev", out=tmp_path / "file")


def test_the_terminal_shows_names_as_they_are(result: dict[str, Any]) -> None:
    odd = deepcopy(result)
    odd["others"][1]["name"] = "[red]odd[/] :tada:"
    out = StringIO()
    Console(file=out, width=200).print(shown(odd))
    assert "[red]odd[/] :tada:" in out.getvalue()
    assert all(name in out.getvalue() for name in (*result["sets"], "hard cases, zh", "reads English only"))


SHARES = st.integers(min_value=0, max_value=1000).map(lambda n: n / 1000)


@given(st.lists(st.tuples(SHARES, SHARES, SHARES).map(sorted), min_size=1))
def test_every_interval_lies_on_its_axis(triples: list[list[float]]) -> None:
    low, high = plots.around([(one[0], one[2]) for one in triples])
    for first, value, last in triples:
        mark = plots.whisker((first, last), value, low, high)
        assert -0.1 <= mark.low <= mark.at <= mark.high <= plots.BAR + 0.1


@given(st.lists(st.tuples(SHARES, SHARES), min_size=1))
def test_every_point_of_a_curve_lies_in_its_frame(points: list[tuple[float, float]]) -> None:
    curve = [{"share": share, "accuracy": accuracy} for share, accuracy in points]
    drawn = plots.abstention(curve, plots.floor([curve]))
    places = [float(number) for number in re.split("[ ,]", drawn)]
    assert len(places) == 2 * len(points)
    assert all(-0.1 <= place <= plots.SIZE + 0.1 for place in places)


def test_the_command_writes_the_report_and_shows_a_table(tmp_path: Path) -> None:
    folder, out = tiny_data(tmp_path / "data"), tmp_path / "out"
    asked = ["evaluate", "--data", str(folder), "--model", str(LINEAR)]
    done = groundswell(*asked, "--out", str(out), "--against", str(LINEAR), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "en_sentfin" in done.stdout
    assert str(out / "report.html") in done.stdout
    figures = json.loads(groundswell(*asked, "--json", cwd=tmp_path).stdout.splitlines()[-1])
    assert figures["sets"] == json.loads((out / "report.json").read_text())["sets"]


@pytest.mark.parametrize("option", ["--against", "--model", "--data"])
def test_the_command_fails_in_one_line(option: str, tmp_path: Path) -> None:
    options = {"--data": str(tiny_data(tmp_path / "data")), "--model": str(LINEAR), option: "absent"}
    done = groundswell("evaluate", *(word for pair in options.items() for word in pair), cwd=tmp_path)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "absent" in done.stderr
