"""Containers for hostile code: an image with the package read-only, without answers and tests, for `--sandbox docker:`.

Where there is no Docker, `minigen grade --sandbox bwrap` puts each answer into a sandbox of bubblewrap, which needs
neither an image nor root.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from minigen.course.classroom.assignment import Assignment
from minigen.course.classroom.platforms import export
from minigen.course.exercise.grading import docker

__all__ = ["build"]

DOCKERFILE = """\
# What answers are run in: minigen without answers and tests, read-only, as nobody.
FROM python:{version}-slim
COPY requirements.txt {site}/requirements.txt
RUN pip install --no-cache-dir --target {site} -r {site}/requirements.txt
COPY package {package}
RUN chmod -R a+rX,a-w {package} {site}
USER {user}
"""
README = """\
# Containers

    docker build --tag {image} .
    minigen grade SUBMISSIONS --assignment {slug}.toml --roster roster.csv --seed SECRET --out grades/ \\
        --sandbox docker:{image}

Each answer to each exercise runs in a new container: no network, another user, no capabilities, a read-only disk with
the package (without answers and tests), and a folder of its own. What it computes is compared outside. Where the
program is called otherwise: `export MINIGEN_DOCKER=podman`.

Without Docker, on Linux, `--sandbox bwrap` does the same with bubblewrap, without root and without an image.
"""


def build(assignment: Assignment, folder: Path, seeds: Sequence[int]) -> str:
    """Write a Dockerfile with what it copies."""
    export.copy_package(folder / "package", answers=False)
    (folder / "requirements.txt").write_text(export.requirements(), encoding="utf-8")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    text = DOCKERFILE.format(version=version, site=docker.SITE, package=docker.PACKAGE, user=docker.NOBODY)
    (folder / "Dockerfile").write_text(text, encoding="utf-8")
    image = "minigen-" + "".join(c if c.isalnum() else "-" for c in assignment.slug.lower()).strip("-")
    (folder / "README.md").write_text(README.format(image=image, slug=assignment.slug), encoding="utf-8")
    return "a Dockerfile for minigen grade --sandbox docker:IMAGE"
