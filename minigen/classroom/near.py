"""Functions that are called almost as the assignment asks: one edit away, or in another style of writing."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from minigen.course.exercise import catalog
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.grading.submission import defined_names

__all__ = ["misspelled", "nearest", "note", "renamed"]


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the first of these names that is one edit away from a name, "" if there is none."""
    return next((other for other in names if other != name and _is_near(other, name)), "")


def renamed(exercise: Exercise, source: str) -> str:
    """Return the function of a file that must be meant by an exercise, whose own name the file does not have; or ""."""
    tree = ast.parse(source)
    stored = (node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    imports = (node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom)))
    imported = (alias.asname or alias.name for node in imports for alias in node.names)
    defined = defined_names(source)
    return "" if exercise.name in {*stored, *imported} else misspelled(exercise, defined)


def misspelled(exercise: Exercise, defined: Sequence[str]) -> str:
    """Return the function, of those that are defined, that an exercise must mean; "" if its own is among them."""
    if exercise.name in defined:
        return ""
    others = {other.name for other in catalog.exercises_of(exercise.lesson)}
    return nearest(exercise.name, [name for name in defined if name not in others])


def note(exercise: Exercise, name: str) -> str:
    """Return the remark that goes with a misspelled name."""
    return f"the function is called {name}, not {exercise.name}, which costs a part of its points"


def _is_near(a: str, b: str) -> bool:
    """Whether a letter more, less or another, two that changed places, or capitals and _ are the whole difference."""
    if a.replace("_", "").lower() == b.replace("_", "").lower():
        return True
    a, b = sorted((a, b), key=len)
    if len(b) - len(a) > 1 or len(a) < 3:
        return False
    start = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), len(a))
    rest, other = a[start:], b[start:]
    if len(a) < len(b):
        return rest == other[1:]
    return rest[1:] == other[1:] or rest[:2] == other[:2][::-1] and rest[2:] == other[2:]
