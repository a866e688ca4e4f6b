"""Finding a Java of at least a given version: JAVA_HOME as passed in, the usual JVM folders, then the PATH."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from deploy.local.access import is_reachable
from deploy.local.errors import MissingToolError

_JVM_FOLDERS = (Path("/usr/lib/jvm"), Path("/opt/java"), Path("/Library/Java/JavaVirtualMachines"))


def find_java(minimum: int, needed_for: str, java_home: Path | None = None) -> Path:
    """Home of the oldest Java that is new enough (the least surprise), `java_home` before all others.

    Raises `MissingToolError` that says what is there and what to install.
    """
    if java_home is not None and (_version(java_home) or 0) >= minimum:
        return java_home
    found = {home: version for home in _homes() if (version := _version(home)) is not None}
    suitable = [(version, home) for home, version in found.items() if version >= minimum and is_reachable(home)]
    if suitable:
        return min(suitable)[1]
    seen = ", ".join(str(version) for version in sorted(set(found.values()))) or "none"
    raise MissingToolError(
        f"Java {minimum} or newer is missing ({needed_for} needs it; found: {seen}): install a JDK or JRE under "
        f"/usr/lib/jvm (Debian: temurin-{minimum}-jre or openjdk-{minimum}-jre-headless), or set JAVA_HOME"
    )


def _homes() -> Iterator[Path]:
    for folder in _JVM_FOLDERS:
        if folder.is_dir():
            for entry in sorted(folder.iterdir()):
                home = entry / "Contents" / "Home" if (entry / "Contents").is_dir() else entry
                if (home / "bin" / "java").exists():
                    yield home.resolve()
    on_path = shutil.which("java")
    if on_path is not None:
        yield Path(on_path).resolve().parent.parent


def _version(home: Path) -> int | None:
    """Feature version from the `release` file that every JDK since 9 carries; starting a JVM to ask is slow."""
    try:
        text = (home / "release").read_text(encoding="utf-8")
    except OSError:
        return None
    match = re.search(r'^JAVA_VERSION="(\d+)', text, re.MULTILINE)
    return int(match[1]) if match else None
