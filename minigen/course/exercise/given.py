"""An exercise as an assignment changes it, read from what was handed out: its text, and what its cases give.

Its answer stays with the teacher (`minigen.classroom.private`). `minigen.json` in a student's folder has of each
exercise that is changed what is needed to write and check it on the inputs of practice; a platform's grader has the
same for the graded seeds.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigen.course.console import UsageError
from minigen.course.exercise.format import Exercise

__all__ = ["MARK", "ChangedExercise", "GivenExercise", "given_of", "unpacked"]

MARK = "@"  # between the id of an exercise and the number of a variant


@dataclass(kw_only=True, eq=False)
class ChangedExercise(Exercise):
    """A variant of an `ordinary` exercise, with one thing changed; `number` is that of the change."""

    ordinary: Exercise
    number: int

    @property
    def address(self) -> str:
        return f"{self.id}{MARK}{self.number}"


@dataclass(kw_only=True, eq=False)
class GivenExercise(ChangedExercise):
    """A variant without its answer.

    rows: what the reference gives in each case, by seed, as `unpacked` reads it. weights: the points of the cases on
    graded seeds; empty for those of the exercise.
    """

    says: str
    arguments: str
    renames: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    weights: Sequence[float] = ()

    @property
    def changed(self) -> str:
        return self.says

    @property
    def renamed(self) -> Mapping[str, str]:
        return self.renames

    @property
    def reference(self) -> Callable:
        """A function with the arguments of the variant, which computes nothing."""
        names: dict[str, Any] = dict(self.ordinary.reference.__globals__)
        exec(f"def {self.name}({self.arguments}):\n    raise NotImplementedError\n", names)
        return names[self.name]

    def rows_of(self, seed: int) -> Sequence[Any]:
        """Return what the reference gives on a seed, packed. Raises UsageError if that was not handed out."""
        if str(seed) not in self.rows:
            known = ", ".join(self.rows)
            raise UsageError(f"{self.id} is changed for an assignment, and checked on seed {known} only, got {seed}")
        return self.rows[str(seed)]


def given_of(exercise: Exercise, data: Mapping[str, Any]) -> GivenExercise:
    """Return the variant of an exercise from the data of a file.

    Raises KeyError or TypeError for data of another form.
    """
    made = GivenExercise(
        **{each.name: getattr(exercise, each.name) for each in dataclasses.fields(Exercise) if each.init},
        ordinary=exercise,
        number=int(data["number"]),
        says=str(data["says"]),
        arguments=str(data["arguments"]),
        renames=dict(data["renames"]),
        rows=dict(data["rows"]),
        weights=tuple(data.get("weights", ())),
    )
    made.path, made.mutates = exercise.path, list(data["mutates"])
    made.prompt, made.hints = str(data["prompt"]), list(data["hints"])
    made.cases = [
        case if kept else dataclasses.replace(case, expect={}, is_property=False, silent=True)
        for case, kept in zip(exercise.cases, data["kept"], strict=True)
    ]
    return made


def unpacked(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a `Reference`, and under "outcome" those of its `CaseOutcome`, from a packed row."""
    outcome = {name: row[name] for name in ("precision", "scale", "draws", "given")}
    outcome |= {"untouched": tuple(row["untouched"]), "returned": dict(row["returned"])}
    return {
        "outcome": {"values": _from_json(row["values"]), **outcome},
        "forms": row["forms"],
        "sizes": frozenset(row["sizes"]),
        "calls": _from_json(row["calls"]),
        "shift": row["shift"],
    }


def _from_json(value: Any) -> Any:
    """Return a value from JSON; arrays, tuples, dictionaries and the like are written as {kind: content}."""
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind in ("array", "number"):
        dtype, shape, data = content
        array = np.frombuffer(base64.b64decode(data), dtype=np.dtype(dtype)).reshape(shape).copy()
        return array if kind == "array" else array[()]
    if kind == "dict":
        return {key: _from_json(item) for key, item in content}
    if kind == "complex":
        return complex(*content)
    items = [_from_json(item) for item in content]
    return tuple(items) if kind == "tuple" else items
