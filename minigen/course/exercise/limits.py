"""How many hints an assignment allows: `minigen.json` in a student's folder, which `minigen assignment build` writes.

The file is the student's own and can be removed: it keeps an answer from being shown by accident, and not from who
looks for it, because the package that students install holds all answers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from minigen.course.exercise.format import Exercise
from minigen.course.exercise.grading.submission import Unreadable, read_bytes

__all__ = ["FILE_NAME", "allowed_hints", "text"]

FILE_NAME = "minigen.json"


def text(exercises: Sequence[str], hints: int) -> str:
    """The file for exercises, by their ids, of which `hints` hints may be shown."""
    return json.dumps({"hints": dict.fromkeys(exercises, hints)}, indent=1) + "\n"


def allowed_hints(exercise: Exercise, folder: Path) -> int:
    """How many hints of an exercise may be shown: the fewest that a file in the folder, here or above it allows.

    A damaged file is passed over.
    """
    found = [len(exercise.hints)]
    for place in {folder, Path(), folder / ".."}:
        try:
            hints = json.loads(read_bytes(place / FILE_NAME))["hints"][exercise.id]
        except (Unreadable, ValueError, TypeError, KeyError):
            continue
        if type(hints) is int:
            found.append(max(0, hints))
    return min(found)
