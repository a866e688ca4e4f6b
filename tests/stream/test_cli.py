"""Claims about the command line: versions, wrong usage, one-line failures, and that every command shows an example."""

import json
from importlib.metadata import version
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from stream.cli.main import app
from tests.shell import groundswell, process

REPOSITORY = Path(__file__).resolve().parents[2]
POST = '{"source": "wire", "id": "a", "published_at": "2026-01-05T09:30:00Z", "text": "$ORBQ quiet"}\n'


def commands() -> list[tuple[str, ...]]:
    """All commands, sub-commands with their group."""
    click_app = typer.main.get_command(app)
    found: list[tuple[str, ...]] = []
    for name, command in click_app.commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        found += [(name, sub) for sub in inner] if inner else [(name,)]
    return found


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_says_what_it_does_and_shows_an_example_of_itself(command: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*command, "--help"])
    assert shown.exit_code == 0
    assert f"Example: groundswell {' '.join(command)}" in shown.output


def test_the_version_is_that_of_the_package(tmp_path: Path) -> None:
    assert process("--version", cwd=tmp_path).stdout == version("groundswell") + "\n"


def test_a_process_ends_with_the_code_and_the_lines_that_the_claims_below_make_of_it(tmp_path: Path) -> None:
    failing = ("replay", "--posts", "absent.jsonl", "--out", "o")
    for command in (failing, ("frobnicate",)):
        real, here = process(*command, cwd=tmp_path), groundswell(*command, cwd=tmp_path)
        assert (real.returncode, real.stdout) == (here.returncode, here.stdout)
        assert real.stderr.splitlines()[-1:] == here.stderr.splitlines()[-1:]


@pytest.mark.parametrize(
    "wrong",
    [
        ["frobnicate"],
        ["replay", "--out", "o"],
        ["replay", "--out", "o", "--posts", "a", "--opinions", "b"],
        ["worker", "juggle"],
        ["warm-up"],
        ["detect", "-i", "a.csv", "-o", "b.csv", "--measure", "joy"],
        ["detect", "-i", "a.csv", "-o", "b.csv", "--measure", "volume", "--calendar", "XNYS"],
        ["produce", "a.jsonl", "--rate", "1", "--speed", "2"],
        ["demo", "--speed", "0"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2_and_makes_nothing(wrong: list[str], tmp_path: Path) -> None:
    assert groundswell(*wrong, cwd=tmp_path).returncode == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("failing", "said"),
    [
        (["replay", "--posts", "absent.jsonl", "--out", "o"], "absent.jsonl"),
        (["replay", "--posts", "posts.jsonl", "--out", "o", "--from", "soon"], "--from soon"),
        (["replay", "--posts", "posts.jsonl", "--out", "o", "--rules", "absent.yml"], "absent.yml"),
        (["replay", "--opinions", "posts.jsonl", "--out", "o"], "nothing usable"),
        (["detect", "-i", "posts.jsonl", "-o", "s.csv"], "posts.jsonl"),
        (["detect", "-i", "posts.jsonl", "-o", "s.csv", "--calendar", "NYSE"], "unknown calendar 'NYSE'; known are"),
        (["--config", "absent.toml", "classify", "-i", "posts.jsonl", "-o", "o"], "absent.toml"),
        (["produce", "posts.jsonl", "--clock", "record"], "--prefix"),
        (["worker", "classify", "--clock", "record"], "--prefix"),
        (["warm-up", "--posts", "posts.jsonl", "--clock", "record"], "--prefix"),
        (["classify", "-i", "posts.jsonl", "-o", "no/such/folder/o.jsonl"], "cannot be written"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, list) else "",
)
def test_a_failure_is_exit_code_1_and_one_line_that_names_the_cause(
    failing: list[str], said: str, tmp_path: Path
) -> None:
    (tmp_path / "posts.jsonl").write_text(POST)
    done = groundswell(*failing, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("groundswell: ")
    assert said in done.stderr


def test_debug_shows_the_traceback_before_the_line(tmp_path: Path) -> None:
    done = groundswell("--debug", "replay", "--posts", "absent.jsonl", "--out", "o", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("groundswell: ")


def test_json_is_the_last_line_and_the_metrics_of_a_replay(tmp_path: Path) -> None:
    (tmp_path / "posts.jsonl").write_text(POST + "broken\n")
    done = groundswell("replay", "--posts", "posts.jsonl", "--out", "o", "--json", cwd=tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout.splitlines()[-1]) == json.loads((tmp_path / "o" / "metrics.json").read_text())
    (reject,) = (tmp_path / "o" / "posts.rejects.jsonl").read_text().splitlines()
    assert json.loads(reject) == {
        "file": "posts.jsonl",
        "line": 2,
        "reason": "undecodable: JSON is malformed: invalid character (byte 0)",
        "raw": "broken",
    }


def test_a_replay_learns_from_earlier_files_and_says_who_still_learns(tmp_path: Path) -> None:
    (tmp_path / "posts.jsonl").write_text(POST)
    (tmp_path / "earlier.jsonl").write_text(POST.replace("2026-01-05", "2026-01-02").replace('"a"', '"b"'))
    blind = groundswell("replay", "--posts", "posts.jsonl", "--out", "o", cwd=tmp_path)
    assert "still learn, the last until 2026-01-06T" in blind.stdout
    warm = groundswell("replay", "--posts", "posts.jsonl", "--warm-up", "earlier.jsonl", "--out", "o", cwd=tmp_path)
    assert (warm.returncode, warm.stderr) == (0, "")
    assert "learn" not in warm.stdout
    assert json.loads((tmp_path / "o" / "metrics.json").read_text())["warmed"] == 1


def test_an_option_of_pairs_without_an_equals_sign_is_wrong_usage(tmp_path: Path) -> None:
    done = groundswell("train", "--out", "model", "--column", "text", cwd=tmp_path)
    assert done.returncode == 2
    assert "--column takes name=value" in done.stderr


@pytest.mark.slow
def test_training_on_nothing_is_refused_in_one_line(tmp_path: Path) -> None:
    for recipe in ("linear", "encoder"):
        done = groundswell("train", "--recipe", recipe, "--out", "model", cwd=tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    absent = groundswell("train", "--recipe", "linear", "--own", "absent.csv", "--out", "model", cwd=tmp_path)
    assert "absent.csv does not exist" in absent.stderr
