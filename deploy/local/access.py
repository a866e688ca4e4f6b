"""Which user Elasticsearch runs as, and folders that this user can reach.

Elasticsearch refuses to run as root. Under root it runs as `nobody`, who may not enter folders such as /root.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
from pathlib import Path

from deploy.local.errors import MissingToolError

_ELSEWHERE = Path("/var/tmp")


def other_user() -> tuple[int, int] | None:
    """(uid, gid) to run as instead of root, or None when we are not root."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def command_prefix() -> list[str]:
    """What to put before a command so that it does not run as root."""
    user = other_user()
    if user is None:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise MissingToolError(
            "setpriv is missing (Elasticsearch refuses to run as root): apt-get install util-linux, or run as a user"
        )
    uid, gid = user
    return [setpriv, f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--"]


def is_reachable(path: Path) -> bool:
    """Whether the user of `command_prefix` may enter every folder down to `path`."""
    if other_user() is None:
        return True
    folders = [part for part in (path, *path.parents) if part.is_dir()]
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)


def reachable_folder(path: Path) -> Path:
    """`path` made, or where its parents shut the other user out, a folder under /var/tmp that stands for it."""
    path = path.resolve()
    path.mkdir(parents=True, exist_ok=True)
    if is_reachable(path):
        return path
    name = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    elsewhere = _ELSEWHERE / f"groundswell-{name}"
    elsewhere.mkdir(exist_ok=True)
    elsewhere.chmod(0o755)
    if elsewhere.stat().st_uid != os.geteuid():
        raise MissingToolError(f"{elsewhere} belongs to another user; remove it, or use a folder outside {path}")
    return elsewhere


def give_to_other_user(folder: Path) -> None:
    """Make the folder and all in it the property of the user that Elasticsearch runs as."""
    user = other_user()
    if user is None:
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, *user)
