"""Claims about the documents: what the README shows runs as shown, and what the pages name is there."""

import csv
import json
import re
import shlex
from pathlib import Path

import pytest

from alerts.rules import load_rules, parse_rules
from stream.settings import load_settings
from tests.shell import groundswell

REPOSITORY = Path(__file__).resolve().parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PAGES = sorted([REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILES = {name: body for _, name, body in BLOCK.findall(README) if name}
COMMANDS = [
    shlex.split(line, comments=True)
    for language, _, body in BLOCK.findall(README)
    if language == "sh"
    for line in body.splitlines()
]
NEEDS_SERVERS = {"up", "down", "run", "produce", "alerts", "topics", "doctor", "trends", "warm-up"}
NEEDS_DATA = {"train", "evaluate"}
CHEAP = [
    command for command in COMMANDS if command[0] == "groundswell" and command[1] not in NEEDS_SERVERS | NEEDS_DATA
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the README shows, its settings left out: they name servers that are not here."""
    path = tmp_path_factory.mktemp("readme")
    for name, body in FILES.items():
        if not name.endswith(".toml"):
            (path / name).write_text(body, encoding="utf-8")
    return path


def test_the_readme_shows_the_commands_that_the_claims_below_run() -> None:
    assert [command[1] for command in CHEAP] == ["--help", "classify", "replay", "detect", "detect", "replay"]
    assert set(FILES) == {"posts.jsonl", "counts.csv", "rules.yml", "groundswell.toml", "foreign.toml", "engine.toml"}


def test_its_cheap_commands_run_as_shown_and_bring_what_it_says(folder: Path) -> None:
    for command in CHEAP:
        done = groundswell(*command[1:], cwd=folder)
        assert done.returncode == 0, (command, done.stderr)
    opinions = [json.loads(line) for line in (folder / "opinions.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [opinion["sentiment"]["label"] for opinion in opinions] == ["positive", "negative", "neutral"]
    assert [opinion["entities"][0]["symbol"] for opinion in opinions] == ["ORBQ", "699101.SH", "ZVLX"]
    (reject,) = (folder / "opinions.rejects.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(reject)["line"] == 4
    assert {"alerts.jsonl", "opinions.jsonl.gz", "metrics.json"} <= {path.name for path in (folder / "out").iterdir()}
    assert json.loads((folder / "out-strict" / "metrics.json").read_text())["rules"][0]["id"] == "strict-on-topics"
    with (folder / "scores.csv").open(encoding="utf-8") as scores:
        assert len(list(csv.DictReader(scores))) == 3


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_and_option_it_shows_exists(command: list[str], folder: Path) -> None:
    if command[0] != "groundswell":
        assert command[0] in {"make", "docker"}
        return
    words = [word for word in command[1:] if re.fullmatch("[a-z][a-z-]*", word)]
    path = words[:2] if words and words[0] in {"alerts", "topics", "trends"} else words[:1]
    done = groundswell(*path, "--help", cwd=folder)
    assert done.returncode == 0, done.stderr
    for option in (word for word in command if re.fullmatch(r"--?[a-z][a-z-]*", word)):
        assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", done.stdout), option


def test_the_subcommands_named_in_its_prose_exist(folder: Path) -> None:
    shown = groundswell("--help", cwd=folder).stdout
    for name in re.findall(r"`groundswell ([a-z-]+)", README):
        assert re.search(rf"^  {name}\b", shown, re.MULTILINE), name


def test_its_settings_and_rules_are_valid(tmp_path: Path) -> None:
    for name in ("groundswell.toml", "foreign.toml", "engine.toml", "rules.yml"):
        (tmp_path / name).write_text(FILES[name], encoding="utf-8")
    settings = load_settings(tmp_path / "groundswell.toml", {})
    assert settings.sources["eastmoney"].time_zone == "Asia/Shanghai"
    own = load_settings(tmp_path / "foreign.toml", {}).foreign
    assert own is not None
    assert own.languages == ("en",)
    assert load_settings(tmp_path / "engine.toml", {}).engine.cache == 20_000
    assert len(load_rules(tmp_path / "rules.yml")) == 1


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(REPOSITORY)) for page in PAGES])
def test_rules_that_pages_show_are_valid(page: Path) -> None:
    for language, _, body in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "yaml" and body.startswith("rules:"):
            parse_rules(body)


def test_the_variables_it_names_are_settings() -> None:
    names = re.findall(r"`(GROUNDSWELL_[A-Z_]+)`", README)
    assert names
    load_settings(environment=dict.fromkeys(names, "x"))


def test_the_make_targets_it_names_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)[ `\n]", README.replace("makes a", ""))) <= targets


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(REPOSITORY)) for page in PAGES])
def test_links_lead_somewhere_and_files_named_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("https://") or (page.parent / target).exists(), target
    rooms = "stream|classifier|alerts|deploy|tests|docs"
    for name in re.findall(rf"`((?:{rooms})/[\w/.-]*)`", text):
        assert (REPOSITORY / name).exists(), name


def test_the_topics_in_the_architecture_are_those_that_are_made() -> None:
    from stream.topics import topics

    page = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page[page.index("## Topics") : page.index("## Where state lives")]
    for name in topics(""):
        assert f"`{name.removeprefix('groundswell.')}`" in table, name


def test_code_that_cites_a_decision_cites_one_that_is_there() -> None:
    cited = {
        number
        for room in ("stream", "classifier", "alerts", "deploy")
        for module in (REPOSITORY / room).rglob("*.py")
        for number in re.findall(r"docs/decisions/(\d{4})", module.read_text(encoding="utf-8"))
    }
    there = {page.name[:4] for page in (REPOSITORY / "docs" / "decisions").glob("*.md")}
    assert cited <= there
