"""What an assignment gives: `minigen.json` in a student's folder, which `minigen assignment build` writes.

It holds how many hints of an exercise may be shown, and the exercises that are changed, without their answers.

The file is the student's own and can be removed: it keeps an answer from being shown by accident, and not from who
looks for it, because the package that students install holds the answers of all exercises. Those of changed ones are
not in it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from minigen.course.console import UsageError
from minigen.course.exercise import catalog
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.grading.submission import Unreadable, read_bytes
from minigen.course.index.lessons import lessons_roots

__all__ = ["FILE_NAME", "allowed_hints", "as_given", "handed_out", "text"]

FILE_NAME = "minigen.json"
LARGEST = 64 * 2**20  # bytes of the file


def text(exercises: Sequence[str], hints: int, private: Mapping[str, Mapping[str, Any]] | None = None) -> str:
    """Return the file for exercises, by their ids, of which `hints` hints may be shown; private: as `given_of` reads
    them.
    """
    more = {"private": dict(private)} if private else {}
    return json.dumps({"hints": dict.fromkeys(exercises, hints), **more}, indent=1) + "\n"


def allowed_hints(exercise: Exercise, folder: Path) -> int:
    """How many hints of an exercise may be shown: the fewest that a file in the folder, here or above it allows.

    A damaged file is passed over.
    """
    found = [max(0, hints) for hints in _recorded("hints", exercise.id, folder) if type(hints) is int]
    return min([len(exercise.hints), *found])


def as_given(exercise: Exercise, folder: Path) -> Exercise:
    """Return an exercise as a student with this folder has it: changed, if the file of an assignment says so."""
    for data in _recorded("private", exercise.id, folder):
        from minigen.course.exercise.given import given_of

        with contextlib.suppress(KeyError, TypeError, ValueError):  # of another version of minigen, or damaged
            return given_of(exercise, data)
    return exercise


def handed_out(address: str) -> Exercise:
    """Return the changed exercise of an address, "gan/12/critic_loss@1".

    The file of its assignment is in the student's folder, here, above it, or beside the lessons of a platform's
    package. Raises UsageError if there is none.
    """
    from minigen.course.exercise.given import MARK

    exercises = catalog.find(address.partition(MARK)[0])
    for folder in (Path("exercises"), *lessons_roots()):
        for exercise in exercises:
            changed = as_given(exercise, folder)
            if changed.address == address:
                return changed
    raise UsageError(f"{address} is an exercise that an assignment changes, and its {FILE_NAME} is not here")


def _recorded(table: str, id: str, folder: Path) -> Iterator[Any]:
    """Yield what the files in the folder, here and above it have for an exercise."""
    for place in dict.fromkeys([folder, Path(), folder / ".."]):
        with contextlib.suppress(Unreadable, ValueError, TypeError, KeyError):
            yield json.loads(read_bytes(place / FILE_NAME, LARGEST))[table][id]
