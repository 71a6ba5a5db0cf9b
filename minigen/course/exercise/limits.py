"""What an assignment gives: `minigen.json` in a student's folder, which `minigen assignment build` writes.

It holds how many hints of an exercise may be shown, and which private variants the exercises are.

The file is the student's own and can be removed: it keeps an answer from being shown by accident, and not from who
looks for it, because the package that students install holds all answers.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from minigen.course.console import UsageError
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.grading.submission import Unreadable, read_bytes

__all__ = ["FILE_NAME", "allowed_hints", "as_given", "text"]

FILE_NAME = "minigen.json"


def text(exercises: Sequence[str], hints: int, private: Mapping[str, int] | None = None) -> str:
    """The file for exercises, by their ids, of which `hints` hints may be shown; private: the numbers of variants."""
    more = {"private": dict(private)} if private else {}
    return json.dumps({"hints": dict.fromkeys(exercises, hints), **more}, indent=1) + "\n"


def allowed_hints(exercise: Exercise, folder: Path) -> int:
    """How many hints of an exercise may be shown: the fewest that a file in the folder, here or above it allows.

    A damaged file is passed over.
    """
    found = [max(0, hints) for hints in _recorded("hints", exercise, folder)]
    return min([len(exercise.hints), *found])


def as_given(exercise: Exercise, folder: Path) -> Exercise:
    """An exercise as a student with this folder has it: its private variant, if the file of an assignment says so."""
    for number in _recorded("private", exercise, folder):
        from minigen.course.exercise.grading.variants import numbered

        with contextlib.suppress(UsageError):  # of another version of minigen
            return numbered(exercise, number)
    return exercise


def _recorded(table: str, exercise: Exercise, folder: Path) -> Iterator[int]:
    """The numbers that the files in the folder, here and above it have for an exercise."""
    for place in dict.fromkeys([folder, Path(), folder / ".."]):
        try:
            number = json.loads(read_bytes(place / FILE_NAME))[table][exercise.id]
        except (Unreadable, ValueError, TypeError, KeyError):
            continue
        if type(number) is int:
            yield number
