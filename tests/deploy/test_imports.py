"""Who may import whom, who may read the environment or the clock, and how long a file may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ROOMS = ("stream", "classifier", "alerts", "deploy")
MODULES = sorted(path.relative_to(REPOSITORY) for room in ROOMS for path in (REPOSITORY / room).rglob("*.py"))

# package -> where it may be imported (a file, or a folder and all below it)
ONLY_IN = {
    "faust": ("stream/agents", "stream/app.py"),
    "mode": ("stream/agents", "stream/app.py"),
    "redis": ("stream/stores",),
    "elasticsearch": ("stream/stores",),
    "torch": ("classifier",),
    "transformers": ("classifier",),
}
NEVER = {"alerts": ("stream", "classifier"), "classifier": ("stream", "alerts")}
READS_ENVIRONMENT = ("stream/settings.py",)
READS_CLOCK = (
    "stream/app.py",
    "stream/agents",
    "stream/cli.py",
    "stream/cli",
    "stream/bench.py",
    "stream/bench",
    "classifier/bench.py",
    "deploy/local",
)
CLOCKS = {
    ("time", "time"),
    ("time", "time_ns"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
}
LINES = 330  # "about 300"


def within(module: Path, places: tuple[str, ...]) -> bool:
    return any(module.as_posix() == place or module.as_posix().startswith(f"{place}/") for place in places)


@cache
def tree(module: Path) -> ast.Module:
    return ast.parse((REPOSITORY / module).read_text(encoding="utf-8"))


@cache
def imported_packages(module: Path) -> frozenset[str]:
    """Top-level packages, wherever in the file they are imported."""
    return frozenset(_imported(module))


def _imported(module: Path) -> Iterator[str]:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield module.parts[0]
            elif node.module:
                yield node.module.partition(".")[0]


def dotted(node: ast.expr) -> tuple[str, ...]:
    """`a.b.c` as its parts; empty for anything else."""
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return (*before, node.attr) if before else ()
    return (node.id,) if isinstance(node, ast.Name) else ()


def imported_names(module: Path) -> dict[str, tuple[str, ...]]:
    """Local name -> what it stands for, for names brought in from `os`, `time` and `datetime`."""
    names: dict[str, tuple[str, ...]] = {}
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.ImportFrom) and node.module in ("os", "time", "datetime"):
            names |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.asname: (alias.name,) for alias in node.names if alias.asname}
    return names


@cache
def used(module: Path) -> tuple[tuple[str, ...], ...]:
    """Every dotted name that the module uses, with imported names written out in full."""
    return tuple(_used(module))


def _used(module: Path) -> Iterator[tuple[str, ...]]:
    names = imported_names(module)
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Attribute | ast.Name):
            parts = dotted(node)
            if parts:
                yield (*names.get(parts[0], (parts[0],)), *parts[1:])


@pytest.mark.parametrize("package", ONLY_IN)
def test_a_package_is_imported_only_in_its_room(package: str) -> None:
    outside = [str(m) for m in MODULES if package in imported_packages(m) and not within(m, ONLY_IN[package])]
    assert outside == []


@pytest.mark.parametrize("room", NEVER)
def test_a_room_that_stands_alone_imports_no_other(room: str) -> None:
    wrong = {str(m): imported_packages(m) & set(NEVER[room]) for m in MODULES if m.parts[0] == room}
    assert {module: rooms for module, rooms in wrong.items() if rooms} == {}


def test_only_settings_reads_the_environment() -> None:
    readers = {str(m) for m in MODULES for name in used(m) if name[:2] in {("os", "environ"), ("os", "getenv")}}
    assert {reader for reader in readers if reader not in READS_ENVIRONMENT} == set()


def test_only_commands_and_agents_ask_the_clock() -> None:
    """The clock is asked by a call; passing `time.time` on as an injected callable is asking too."""
    askers = {str(m) for m in MODULES if not within(m, READS_CLOCK) for name in used(m) if name[-2:] in CLOCKS}
    assert askers == set()


def test_files_stay_short_enough_to_read() -> None:
    lengths = {str(m): len((REPOSITORY / m).read_text(encoding="utf-8").splitlines()) for m in MODULES}
    assert {module: lines for module, lines in lengths.items() if lines > LINES} == {}


def test_every_module_says_what_lives_in_it() -> None:
    silent = [str(m) for m in MODULES if (REPOSITORY / m).stat().st_size and ast.get_docstring(tree(m)) is None]
    assert silent == []


def test_the_rules_see_through_renamed_imports(tmp_path: Path) -> None:
    module = tmp_path / "sly.py"
    module.write_text(
        "import time as t\nfrom os import environ as e\nfrom datetime import datetime\n", encoding="utf-8"
    )
    module.write_text(module.read_text(encoding="utf-8") + "t.time()\ne['A']\ndatetime.now()\n", encoding="utf-8")
    found = set(used(module))
    assert {("time", "time"), ("os", "environ"), ("datetime", "datetime", "now")} <= found
