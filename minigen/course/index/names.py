"""The names of lessons and exercises, and what they stand for. All names are resolved here."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from minigen.course.console import UsageError
from minigen.course.index.lessons import (
    LessonInfo,
    all_lessons,
    exercise_names,
    full_id,
    lesson_folders,
    read_lesson,
    short_id,
)

FROM_SCRATCH = "/from_scratch"  # how the id of a whole model, written from an empty file, ends

__all__ = ["FROM_SCRATCH", "Address", "find_lesson", "find_lessons", "has_lesson", "resolve"]


class Address(NamedTuple):
    """What a name stands for: the folder of a lesson and, if the name is that of an exercise, its function's name."""

    folder: Path
    exercise: str | None = None

    @property
    def lesson(self) -> str:
        """The lesson as exercises name it: "gan/02"."""
        return short_id(self.folder)


def find_lesson(text: str) -> LessonInfo:
    """Return the lesson meant by "gan/02", "gan/gan", "gan/02_gan", "02_gan", "wgan", "gan-02-gan" or the path of its
    file.

    Raises UsageError with the nearest names if there is none, or with the candidates if there are several.
    """
    known = lesson_folders("lesson.py")
    inside = [full_id(folder) for folder in known if folder.parent.name == text.strip().lower()]
    if inside:  # "gan" is also the name of one lesson, but means all thirteen of the family
        raise UsageError(f"{text!r} is a family of lessons: say which ({', '.join(inside)})")
    folder = _folder_of(text, known)
    if folder is None:
        raise UsageError(f"there is no lesson {text!r}; {_near_lessons(text)}")
    return _read(folder)


def has_lesson(exercise_lesson: str) -> bool:
    """Whether there is a lesson where exercises have this id, "own/01": an exercise of one's own may have none."""
    return any(short_id(folder) == exercise_lesson for folder in lesson_folders("lesson.py"))


def find_lessons(names: Sequence[str]) -> list[LessonInfo]:
    """Return the lessons of these names, or of families ("gan"), each once and in order; all lessons if there are no
    names.

    Raises UsageError as `find_lesson` does, also for one of the lessons that cannot be listed.
    """
    folders = lesson_folders("lesson.py")
    families = {folder.parent.name for folder in folders}
    wanted = set() if names else {full_id(folder) for folder in folders}
    for name in names:
        if name.strip().lower() in families:
            wanted |= {full_id(folder) for folder in folders if folder.parent.name == name.strip().lower()}
        else:
            wanted.add(find_lesson(name).id)
    return [_read(folder) for folder in folders if full_id(folder) in wanted]


def _read(folder: Path) -> LessonInfo:
    """Return the lesson in a folder; UsageError if it cannot be listed."""
    try:
        return read_lesson(folder / "lesson.py")
    except ValueError as error:
        raise UsageError(str(error)) from None


def resolve(text: str) -> Address:
    """Return the lesson or exercise meant by "gan/02", "gan/02_gan", "gan/02/discriminator_loss" or
    "discriminator_loss".

    Only lessons with exercises count, by every name that `find_lesson` accepts. Raises UsageError with the nearest
    names if there is none, or with the candidates if there are several.
    """
    known = lesson_folders("exercise.py")
    wanted = text.strip().lower().strip("/")
    folder = _folder_of(wanted, known)
    if folder is not None:
        return Address(folder)
    above, _, name = wanted.rpartition("/")
    inside = _folder_of(above, known) if above else None
    found = [
        Address(folder, exercise)
        for folder in (known if inside is None else [inside])
        for exercise in exercise_names(folder)
        if exercise.lower() == name
    ]
    if len(found) == 1 and (inside is not None or not above):
        return found[0]
    if len(found) > 1:
        raise UsageError(f"{text!r} may be {' or '.join(f'{at.lesson}/{at.exercise}' for at in found)}: say which")
    if f"/{wanted}".endswith(FROM_SCRATCH):
        raise UsageError(f"{text} is a whole model: it has start, check and reset, but neither hints nor a diff")
    raise UsageError(f"there is no exercise {text!r}; {_near_exercises(wanted, name, known)}")


def _folder_of(text: str, known: list[Path]) -> Path | None:
    """Return the folder of a lesson's name; None if there is none, UsageError if there are several."""
    wanted = text.strip().lower().replace("\\", "/").removesuffix("/lesson.py").rstrip("/")
    wanted = "/".join(wanted.split("/")[-2:])
    matches = [folder for folder in known if wanted in aliases(full_id(folder))]
    if len(matches) > 1:
        raise UsageError(f"{text!r} may be {' or '.join(map(full_id, matches))}: say which")
    return matches[0] if matches else None


def aliases(id: str) -> set[str]:
    """Return the ways in which a lesson can be named: "gan/02", "gan/2", "gan/gan", "02_gan", "gan-02-gan", ..."""
    family, folder = id.split("/")
    number, name = folder[:2], folder[3:]
    ends = {folder, number, str(int(number)), name, folder.replace("_", "-"), name.replace("_", "-")}
    whole = {f"{family}/{end}" for end in ends} | ends
    return whole | {f"{family}-{number}", id.replace("/", "-").replace("_", "-")}


def _near_lessons(text: str) -> str:
    """Return what to try instead of an unknown name of a lesson."""
    known, wanted = all_lessons(), text.strip().lower()
    by_name: dict[str, str] = {}
    for lesson in known:
        for name in (*sorted(aliases(lesson.id)), lesson.title.lower()):
            by_name.setdefault(name, lesson.id)
    near = [by_name[name] for name in difflib.get_close_matches(wanted, by_name, n=6, cutoff=0.5)]
    near += [lesson.id for lesson in known if wanted and wanted in lesson.id]
    return _hint(near, "minigen list")


def _near_exercises(wanted: str, name: str, known: list[Path]) -> str:
    """Return what to try instead of an unknown name of an exercise."""
    by_name: dict[str, str] = {}
    for folder in known:
        by_name[short_id(folder)] = short_id(folder)
        for exercise in exercise_names(folder):
            by_name[f"{short_id(folder)}/{exercise}".lower()] = f"{short_id(folder)}/{exercise}"
            by_name.setdefault(exercise.lower(), f"{short_id(folder)}/{exercise}")
    near = difflib.get_close_matches(wanted, by_name, n=4, cutoff=0.5) + difflib.get_close_matches(name, by_name, n=2)
    return _hint([by_name[name] for name in near], "minigen exercise list")


def _hint(near: list[str], otherwise: str) -> str:
    near = list(dict.fromkeys(near))[:3]
    return f"did you mean {', '.join(near)}?" if near else f"see {otherwise}"
