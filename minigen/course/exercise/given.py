"""A private variant as it is handed out: its text, and what its cases give on some seeds; not its answer.

The declarations of `private.py` stay with the teacher. `minigen.json` in a student's folder has of each variant what is
needed to write and check it on the inputs of practice; a platform's grader has the same for the graded seeds.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from minigen.course.console import UsageError
from minigen.course.exercise.format import Exercise

if TYPE_CHECKING:
    from minigen.course.exercise.private import PrivateExercise

__all__ = ["GivenExercise", "given_of", "packed", "unpacked"]


@dataclass(kw_only=True, eq=False)
class GivenExercise(Exercise):
    """A private variant without its answer; `number` is that of the value of k.

    rows: what the reference gives in each case, by seed, in the form of `packed`. weights: the points of the cases on
    graded seeds; empty for those of the exercise.
    """

    ordinary: Exercise
    number: int
    says: str
    arguments: str
    renames: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    weights: Sequence[float] = ()

    @property
    def address(self) -> str:
        from minigen.course.exercise.private import MARK

        return f"{self.id}{MARK}{self.number}"

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
        """What the reference gives on a seed, packed. Raises UsageError if that was not handed out."""
        if str(seed) not in self.rows:
            known = ", ".join(self.rows)
            raise UsageError(f"{self.id} is changed for an assignment, and checked on seed {known} only, got {seed}")
        return self.rows[str(seed)]


def packed(exercise: PrivateExercise, signature: str, rows: Mapping[int, Sequence[Any]]) -> dict[str, Any]:
    """A private variant in JSON, as `given_of` reads it. signature: `name(arguments)`."""
    kept = [case is ordinary for case, ordinary in zip(exercise.cases, exercise.ordinary.cases, strict=True)]
    return {
        "number": exercise.number,
        "says": exercise.changed,
        "prompt": exercise.prompt,
        "hints": list(exercise.hints[:2]),
        "arguments": signature.partition("(")[2].removesuffix(")"),
        "renames": dict(exercise.renamed),
        "mutates": list(exercise.mutates),
        "kept": kept,
        "rows": {str(seed): [_packed_row(row) for row in each] for seed, each in rows.items()},
    }


def given_of(exercise: Exercise, data: Mapping[str, Any]) -> GivenExercise:
    """The private variant of an exercise from what `packed` gave. Raises KeyError or TypeError for anything else."""
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


def _packed_row(row: Any) -> dict[str, Any]:
    """A `Reference` in JSON; the calls are left out if they hold anything but arrays, numbers and texts."""
    outcome = row.outcome
    try:
        calls = _to_json(row.calls)
    except TypeError:
        calls = _to_json([])
    return {
        "values": _to_json(outcome.values),
        "precision": outcome.precision,
        "scale": outcome.scale,
        "draws": outcome.draws,
        "untouched": list(outcome.untouched),
        "given": outcome.given,
        "returned": dict(outcome.returned),
        "forms": row.forms,
        "sizes": sorted(map(int, row.sizes)),
        "calls": calls,
        "shift": row.shift,
    }


def unpacked(row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a `Reference`, and under "outcome" those of its `CaseOutcome`, from a packed row."""
    outcome = {name: row[name] for name in ("precision", "scale", "draws", "given")}
    outcome |= {"untouched": tuple(row["untouched"]), "returned": dict(row["returned"])}
    return {
        "outcome": {"values": _from_json(row["values"]), **outcome},
        "forms": row["forms"],
        "sizes": frozenset(row["sizes"]),
        "calls": _from_json(row["calls"]),
        "shift": row["shift"],
    }


def _to_json(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        if value.dtype.kind not in "biufc":
            raise TypeError(f"an array of type {value.dtype} cannot be handed out")
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        kind = "array" if isinstance(value, np.ndarray) else "number"
        return {kind: [value.dtype.str, list(value.shape), data]}
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return {type(value).__name__: [_to_json(item) for item in value]}
    if type(value) is dict:
        return {"dict": [[key, _to_json(item)] for key, item in value.items()]}
    if type(value) is complex:
        return {"complex": [value.real, value.imag]}
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise TypeError(f"{type(value).__name__} cannot be handed out")


def _from_json(value: Any) -> Any:
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
