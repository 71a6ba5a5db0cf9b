"""What an assignment gives: `minigen.json` in a student's folder, which `minigen assignment build` writes.

It names the exercises, and what their answers are judged by: the modules that they may import, the files beside them,
the memory that they have, the seed of practice. It also holds how many hints of an exercise may be shown, and the
exercises that are changed, without their answers.

The file is the student's own and can be removed: it keeps an answer from being shown by accident, and not from who
looks for it, because the package that students install holds the answers of all exercises. Those of changed ones are
not in it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minigen.course.console import UsageError
from minigen.course.exercise import catalog
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.grading.submission import Unreadable, read_bytes
from minigen.course.index.lessons import lessons_roots

__all__ = ["FILE_NAME", "Rules", "allowed_hints", "as_given", "assigned", "handed_out", "rules", "text"]

FILE_NAME = "minigen.json"
LARGEST = 64 * 2**20  # bytes of the file
LARGEST_FILE = 16 * 2**20  # bytes of a file beside the answers


@dataclass(frozen=True)
class Rules:
    """What answers are judged by. modules: those that they may import, none of them if all may.

    files: the names of what is beside the answers when they are graded. seed: of the inputs of practice.
    """

    modules: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    seed: int = 0
    memory_mb: int | None = None
    folder: Path = field(default=Path(), compare=False)

    @property
    def imports(self) -> tuple[str, ...]:
        """The modules that may be imported, with those among the files; none of them if all may."""
        own = [Path(name).stem for name in self.files if name.endswith(".py")]
        return (*self.modules, *own) if self.modules else ()

    @property
    def contents(self) -> dict[str, bytes]:
        """What is in the files, by their names; those that are not in the folder are left out."""
        found = {}
        for name in self.files:
            with contextlib.suppress(Unreadable):
                found[name] = read_bytes(self.folder / Path(name).name, LARGEST_FILE)
        return found


def text(
    exercises: Sequence[str],
    hints: int,
    private: Mapping[str, Mapping[str, Any]] | None = None,
    given: Rules = Rules(),
) -> str:
    """Return the file for exercises, by their ids, of which `hints` hints may be shown; private: as `given_of` reads
    them.
    """
    data = {
        "exercises": list(exercises),
        "allowed_modules": list(given.modules),
        "files": list(given.files),
        "practice_seed": given.seed,
        "memory_mb": given.memory_mb,
        "hints": dict.fromkeys(exercises, hints),
        **({"private": dict(private)} if private else {}),
    }
    return json.dumps({key: value for key, value in data.items() if value is not None}, indent=1) + "\n"


def assigned(folder: Path) -> tuple[str, ...]:
    """Return the ids of the exercises of the assignment whose file is in the folder, here or above it; none without."""
    for _, data in _files(folder):
        ids = data.get("exercises")
        if isinstance(ids, list) and ids:
            return tuple(map(str, ids))
    return ()


def rules(exercise: Exercise, folder: Path) -> Rules:
    """Return what the answers to an exercise are judged by, as the first file that names it says; a damaged file is
    passed over.
    """
    for place, data in _files(folder):
        with contextlib.suppress(TypeError, ValueError):
            if exercise.id in data.get("exercises", []):
                return Rules(
                    modules=tuple(map(str, data.get("allowed_modules", []))),
                    files=tuple(map(str, data.get("files", []))),
                    seed=int(data.get("practice_seed", 0)),
                    memory_mb=int(data["memory_mb"]) if "memory_mb" in data else None,
                    folder=place,
                )
    return Rules()


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
    for _, data in _files(folder):
        with contextlib.suppress(TypeError, KeyError):
            yield data[table][id]


def _files(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """(folder, content) of the files in the folder, here and above it; one that is damaged is passed over."""
    for place in dict.fromkeys([folder, Path(), folder / ".."]):
        with contextlib.suppress(Unreadable, ValueError):
            data = json.loads(read_bytes(place / FILE_NAME, LARGEST))
            if isinstance(data, dict):
                yield place, data
