"""Which exercises there are: every `exercise.py` beside a lesson, found by its folder."""

from __future__ import annotations

import importlib.util
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from minigen.course.console import UsageError
from minigen.course.exercise.format import AuthorError, Exercise
from minigen.course.index.lessons import lesson_folders, short_id
from minigen.course.index.names import resolve

__all__ = ["all_exercises", "exercises_of", "find", "lesson_ids", "load", "namespace", "stamp"]


def lesson_ids() -> list[str]:
    """Return the lessons that have exercises: `gan/02`, ..."""
    return [short_id(folder) for folder in lesson_folders("exercise.py")]


def stamp(path: Path) -> tuple[int, int]:
    """Return what changes when a file does."""
    info = path.stat()
    return info.st_mtime_ns, info.st_size


def namespace(path: Path) -> dict[str, Any]:
    """Return what a file of exercises or answers defines. Raises AuthorError if it cannot be loaded."""
    return _namespace(path.resolve(), stamp(path))


@lru_cache(maxsize=256)
def _namespace(path: Path, stamp: tuple[int, int]) -> dict[str, Any]:
    name = f"minigen_{path.stem}_{path.parent.parent.name}_{path.parent.name}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None, "a .py file has a loader"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise AuthorError(f"{path} cannot be loaded: {type(error).__name__}: {error}") from error
    return vars(module)


def load(path: Path) -> list[Exercise]:
    """Return the exercises that a file defines, in its order. Raises AuthorError if they cannot be used."""
    return list(_load(path.resolve(), stamp(path)))


@lru_cache(maxsize=256)
def _load(path: Path, stamp: tuple[int, int]) -> tuple[Exercise, ...]:
    family, folder = path.parent.parent.name, path.parent.name
    found = [value for value in _namespace(path, stamp).values() if isinstance(value, Exercise)]
    if not found:
        raise AuthorError(f"{path} defines no Exercise at its top level")
    for exercise in found:
        exercise.path = path
        post, lesson, function = exercise.id.split("/")
        if post != family or lesson not in (folder, folder[:2], folder[3:]):
            raise AuthorError(f"{path}: the exercise {exercise.id!r} belongs to another folder")
        exercise.id = f"{family}/{folder[:2]}/{function}"
    names = [exercise.name for exercise in found]
    if len(set(names)) != len(names):
        raise AuthorError(f"{path}: two exercises have the same name: {', '.join(sorted(names))}")
    return tuple(found)


def all_exercises() -> list[Exercise]:
    """Every exercise, lesson by lesson."""
    return [exercise for folder in lesson_folders("exercise.py") for exercise in load(folder / "exercise.py")]


def exercises_of(lesson_id: str) -> list[Exercise]:
    """Return the exercises of a lesson (`gan/02`, `gan/02_gan`, `gan/gan`); none if it has none or does not exist."""
    try:
        address = resolve(lesson_id)
    except UsageError:
        return []
    return [] if address.exercise else load(address.folder / "exercise.py")


def find(text: str) -> list[Exercise]:
    """Return the exercises meant by a lesson ("gan/02"), an exercise ("vae/08/elbo") or the name of its function.

    Raises UsageError with the nearest names when there are none.
    """
    address = resolve(text)
    exercises = load(address.folder / "exercise.py")
    return [exercise for exercise in exercises if address.exercise in (None, exercise.name)]
