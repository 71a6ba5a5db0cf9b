"""A worker in a sandbox of its own: bubblewrap (`bwrap`), which needs no root and no daemon. Linux only.

Each worker gets new namespaces: no network, no other processes to see, another user (nobody), an empty /tmp, and of the
disk only the system's programs and the packages that it imports, read-only. The lessons with their answers and the
project's tests are not there, nor is anything of the user's, and the files of the package that hold the answer are
empty.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

__all__ = ["command", "why_not"]

PACKAGE = Path(__file__).resolve().parents[3]
SYSTEM = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/alternatives",
)
NOBODY = "65534"


def command(
    inner: Sequence[str], folder: str, work: str, readable: Iterable[str], hidden: Iterable[str] = (), empty: str = ""
) -> list[str]:
    """The command that runs `inner` in a sandbox in which it can write to `folder` only; `work` is its current folder.

    readable: what it may read besides the system's files. hidden: files that `empty` hides, which is a
    file without content: what imports look for must be a regular file.
    """
    readable = list(dict.fromkeys(readable))
    binds = [word for path in readable for word in ("--ro-bind", path, path)]
    masks = [str(path) for path in (PACKAGE / "_lessons",) if path.is_dir()]
    seen = [file for file in hidden if os.path.exists(file) and any(file.startswith(f"{path}/") for path in readable)]
    return [
        "bwrap",
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        *("--uid", NOBODY, "--gid", NOBODY, "--hostname", "check"),
        *_system(),
        *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),
        *binds,
        *(word for mask in masks for word in ("--tmpfs", mask)),
        *(word for file in seen if not file.startswith(tuple(masks)) for word in ("--ro-bind", empty, file)),
        *("--bind", folder, folder, "--chdir", work),
        "--",
        *inner,
    ]


def _system() -> Iterator[str]:
    """The system's programs and libraries: folders as they are, links as links."""
    for name in SYSTEM:
        if os.path.islink(name):
            yield from ("--symlink", os.readlink(name), name)
        elif os.path.exists(name):
            yield from ("--ro-bind", name, name)


@lru_cache
def why_not() -> str:
    """Why there is no sandbox on this system; "" if there is one."""
    if sys.platform != "linux":
        return "bubblewrap is for Linux only"
    if shutil.which("bwrap") is None:
        return "there is no program bwrap: install bubblewrap"
    try:
        trial = command(["true"], "/var/tmp", "/", [])
        done = subprocess.run(trial, capture_output=True, encoding="utf-8", timeout=60, errors="replace")
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bwrap does not run: {error}"
    return "" if done.returncode == 0 else f"bwrap does not run here: {done.stderr.strip()[:300]}"
