"""Which exercises there are: every `exercise.py` beside a lesson, found by its folder."""

from __future__ import annotations

import difflib
import importlib.util
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from minigen.course.console import UsageError
from minigen.course.exercise.format import AuthorError, Exercise
from minigen.course.index import POSTS, lessons_root

__all__ = ["all_exercises", "exercises_of", "find", "lesson_ids", "load", "namespace", "stamp"]


def _folders() -> dict[str, Path]:
    """Lesson id (`gan/02`) -> its folder, for the lessons that have exercises, in the order of the posts."""
    posts, found = list(POSTS), {}
    for path in lessons_root().glob("*/[0-9][0-9]_*/exercise.py"):
        found[f"{path.parent.parent.name}/{path.parent.name[:2]}"] = path.parent

    def place(identity: str) -> tuple[int, str]:
        post = identity[:-3]
        return posts.index(post) if post in posts else len(posts), identity

    return {identity: found[identity] for identity in sorted(found, key=place)}


def lesson_ids() -> list[str]:
    """The lessons that have exercises: `gan/02`, ..."""
    return list(_folders())


def stamp(path: Path) -> tuple[int, int]:
    """What changes when a file does."""
    info = path.stat()
    return info.st_mtime_ns, info.st_size


def namespace(path: Path) -> dict[str, Any]:
    """What a file of exercises or answers defines. Raises AuthorError if it cannot be loaded."""
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
    """The exercises that a file defines, in its order. Raises AuthorError if they cannot be used."""
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
    return [exercise for folder in _folders().values() for exercise in load(folder / "exercise.py")]


def _lesson(text: str, folders: dict[str, Path]) -> str | None:
    """`gan/02` for "gan/02", "gan/2", "gan/gan", "gan/02_gan", "gan-02-gan"; None if there is no such lesson."""
    family, slash, name = (text if "/" in text else text.replace("-", "/", 1)).partition("/")
    name = name.replace("-", "_")
    for identity, folder in folders.items():
        number = folder.name[:2]
        names = (folder.name, number, str(int(number)), folder.name[3:])
        if slash and identity.startswith(f"{family}/") and name in names:
            return identity
    return None


def exercises_of(lesson_id: str) -> list[Exercise]:
    """The exercises of a lesson (`gan/02`, `gan/02_gan`, `gan/gan`); none if it has none or does not exist."""
    folders = _folders()
    lesson = _lesson(lesson_id.strip().lower(), folders)
    return load(folders[lesson] / "exercise.py") if lesson else []


def find(text: str) -> list[Exercise]:
    """The exercises meant by a lesson ("gan/02"), an exercise ("gan/02/elbo") or the name of its function.

    Raises UsageError with the nearest names when there are none.
    """
    wanted, folders = text.strip().lower().strip("/"), _folders()
    lesson = _lesson(wanted, folders)
    if lesson is not None:
        return load(folders[lesson] / "exercise.py")
    above, _, name = wanted.rpartition("/")
    lesson = _lesson(above, folders)
    known = load(folders[lesson] / "exercise.py") if lesson else all_exercises()
    if lesson or not above:
        found = [exercise for exercise in known if exercise.name.lower() == name]
        if found:
            return found
    aliases = {exercise.id.lower(): exercise.id for exercise in known}
    aliases |= {exercise.name.lower(): exercise.id for exercise in known}
    aliases |= {lesson_id: lesson_id for lesson_id in folders}
    near = difflib.get_close_matches(wanted, aliases, n=4, cutoff=0.5) + difflib.get_close_matches(name, aliases, n=2)
    near = list(dict.fromkeys(aliases[alias] for alias in near))[:3]
    hint = f"did you mean {', '.join(near)}?" if near else "see minigen exercise list"
    raise UsageError(f"there is no exercise {text!r}; {hint}")
