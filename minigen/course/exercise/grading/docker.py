"""A worker in a container of its own: Docker, or a compatible program, with an image of `minigen assignment build`.

Each worker gets a new container: no network, another user, no capabilities, nothing of the disk but its own folder
and, read-only, the package of the image, which has neither the lessons' answers nor tests. What it computes is compared
here, outside, as always.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import lru_cache

__all__ = ["PATHS", "command", "end", "open_up", "why_not"]

PACKAGE, SITE = "/opt/minigen/package", "/opt/minigen/site"
PATHS = (PACKAGE, SITE)  # of the image, where a worker imports from
WORKER = f"{PACKAGE}/minigen/course/exercise/grading/worker.py"
NOBODY = "65534:65534"
THEIRS = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")  # of the environment: the image has its own


def program() -> str:
    """`docker`, or what MINIGEN_DOCKER names, such as podman."""
    return os.environ.get("MINIGEN_DOCKER", "docker")


def command(image: str, name: str, folder: str, work: str, environment: Mapping[str, str]) -> list[str]:
    """The command that runs a worker in a new container of this name, which sees `folder` at the same place."""
    variables = [f"--env={key}={value}" for key, value in environment.items() if key not in THEIRS]
    return [
        *(program(), "run", "--rm", "--interactive", "--name", name),
        *("--network", "none", "--user", NOBODY, "--read-only", "--tmpfs", "/tmp:exec"),
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--pids-limit", "64", "--memory", "2g"),
        *("--volume", f"{folder}:{folder}", "--workdir", work, *variables),
        *(image, "python", "-I", "-S", "-B", WORKER),
    ]


def open_up(folder: str) -> None:
    """Let the container's user read and write in a worker's folder."""
    for here, _, files in os.walk(folder):
        os.chmod(here, 0o777)
        for file in files:
            os.chmod(os.path.join(here, file), 0o644)


def end(name: str) -> None:
    """End a container, whose client may be gone already."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run([program(), "rm", "--force", name], capture_output=True, timeout=30)


@lru_cache
def why_not(image: str) -> str:
    """Why there is no such container here; "" if there is."""
    if shutil.which(program()) is None:
        return f"there is no program {program()}"
    try:
        done = subprocess.run(
            [program(), "image", "inspect", image], capture_output=True, encoding="utf-8", timeout=60, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{program()} does not run: {error}"
    return "" if done.returncode == 0 else f"there is no image {image}: {done.stderr.strip()[:300]}"
