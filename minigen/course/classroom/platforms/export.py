"""The package as graders elsewhere need it: without data sets and tests, and of the lessons the exercises alone."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from minigen.course.classroom.assignment import Assignment
from minigen.course.console import UsageError
from minigen.course.index.lessons import lesson_folders, lessons_root
from minigen.course.index.package import PACKAGE

__all__ = ["copy_package", "requirements", "write_executable", "write_grader"]

NEEDED = ("numpy", "autograd", "scipy", "matplotlib", "tqdm", "threadpoolctl", "filelock")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "*.npz", "_lessons")


def copy_package(folder: Path, answers: bool) -> None:
    """Copy the package to `folder`/minigen, with the exercises of all lessons.

    answers: also the known mistakes, by which hints are found; without them no file has an answer in words.
    """
    shutil.copytree(PACKAGE, folder / "minigen", ignore=LEFT_OUT)
    root = lessons_root()
    for lesson in lesson_folders("exercise.py"):
        target = folder / "minigen" / "_lessons" / lesson.relative_to(root)
        target.mkdir(parents=True)
        for name in ("exercise.py", "answers.py") if answers else ("exercise.py",):
            if (lesson / name).exists():
                shutil.copyfile(lesson / name, target / name)


def requirements(extra: Iterable[str] = ()) -> str:
    """The packages that a grader needs, in the versions that are installed here, so that both give the same grades.

    Raises UsageError for a package that is not installed.
    """
    try:
        return "".join(f"{name}=={importlib.metadata.version(name)}\n" for name in (*NEEDED, *extra))
    except importlib.metadata.PackageNotFoundError as error:
        message = f'its grader needs {error.name}: python -m pip install "minigen[classroom]"'
        raise UsageError(message) from None


def write_grader(folder: Path, assignment: Assignment, seeds: Sequence[int]) -> None:
    """What `remote` reads: the assignment with its declared files, its seeds, the package and what that requires."""
    folder.mkdir(parents=True)
    (folder / "assignment.toml").write_text(assignment.text, encoding="utf-8")
    for name, data in assignment.files.items():
        (folder / name).write_bytes(data)
    settings = {"seeds": list(seeds), "visibility": assignment.visibility}
    (folder / "seeds.json").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "requirements.txt").write_text(requirements(["nbformat", "jsonschema"]), encoding="utf-8")
    copy_package(folder / "package", answers=True)


def write_executable(path: Path, text: str) -> None:
    """Write a text file, with line breaks of Unix, that its owner and others may run."""
    path.write_text(text, encoding="utf-8", newline="\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
