"""Which cases an answer passes that only repeats what `check` showed for the practice seed.

On secret seeds such a table of arguments and results passes the cases whose inputs no seed changes, and those whose
results hardly change. Where a driver draws nothing its arguments can be shifted (see `grading.shift`), where the case
stays a fair one: the reference and the other right answers agree on the shifted arguments, and each listed mistake that
fails the case still fails it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import numpy as np

from minigen.course.exercise.format import Exercise
from minigen.course.exercise.grading.compare import compare_all
from minigen.course.exercise.grading.forms import is_array, is_number, unbox
from minigen.course.exercise.grading.observe import Impl, observe, start_of
from minigen.course.exercise.grading.reference import (
    Reference,
    drawing_nothing,
    judged_cases,
    observe_case,
    quiet,
    reference_of,
    references,
)
from minigen.course.exercise.grading.shift import key_of

__all__ = ["looked_up", "table_of"]

PRACTICE, SECRETS = 0, (987654321, 11, 12)
OTHERWISE = ("nearest", "first", "raise")  # what a table may do for arguments that it does not have
STRUCTURES = (list, tuple, dict, str, int, float)


def looked_up(exercise: Exercise, right: Sequence[Callable], wrong: Sequence[Callable]) -> frozenset[int]:
    """Return the numbers of the cases that a table of the practice seed passes on some secret seed, or that cannot be
    shifted.

    right, wrong: other right answers and the listed mistakes, by which a shift is judged.
    """
    unchanging = drawing_nothing(exercise)
    shiftable = frozenset() if exercise.mutates else _shiftable(exercise, unchanging, right, wrong)
    found = set(unchanging - shiftable)
    with quiet():
        tables = [table_of(exercise, PRACTICE, otherwise) for otherwise in OTHERWISE]
        for seed in SECRETS:
            rows = _references(exercise, seed, shiftable)
            for table in tables:
                found |= _passed(exercise, table, seed, rows)
    return frozenset(found)


def _references(exercise: Exercise, seed: int, shifted: Collection[int]) -> list[Reference]:
    return [
        reference_of(exercise, seed, number, key_of(seed) if number in shifted else None)
        for number in range(len(exercise.cases))
    ]


# ------------------------------------------------------------------------------------------- shifted inputs


def _shiftable(
    exercise: Exercise, unchanging: frozenset[int], right: Sequence[Callable], wrong: Sequence[Callable]
) -> frozenset[int]:
    """Those of the cases that draw nothing which are fair on shifted arguments, with each of the secret seeds."""
    found = set(unchanging)
    if not found:
        return frozenset()
    with quiet():
        plain = references(exercise, PRACTICE)
        caught = [unchanging - _passed(exercise, function, PRACTICE, plain) for function in wrong]
        for seed in SECRETS:
            rows = _references(exercise, seed, unchanging)
            found -= {number for number in unchanging if not _is_other(rows[number], plain[number])}
            for function in [exercise.reference, *right]:
                found &= _passed(exercise, function, seed, rows)
            for number in _properties(exercise) & found:  # the identity must hold of the shifted arguments, too
                if not _holds(exercise, number, rows[number]):
                    found.discard(number)
            for function, cases in zip(wrong, caught, strict=True):
                found -= cases & _passed(exercise, function, seed, rows)
    return frozenset(found)


def _properties(exercise: Exercise) -> set[int]:
    """Return the numbers of the cases that are identities."""
    return {number for number, case in enumerate(exercise.cases) if case.is_property}


def _holds(exercise: Exercise, number: int, row: Reference) -> bool:
    """Whether what the reference gave is what the case expects."""
    return compare_all([exercise.cases[number]], [row.outcome], [row.outcome])[0].passed


def _is_other(row: Reference, plain: Reference) -> bool:
    """Whether a shift changed some argument, and the reference answers as finite as before."""
    if not row.outcome.answered or _same(row.calls, plain.calls):
        return False
    return all(
        np.array_equal(np.isfinite(value), np.isfinite(plain.outcome.values[key]))
        for key, value in row.outcome.values.items()
        if key in plain.outcome.values and value.shape == plain.outcome.values[key].shape
    )


def _same(a: Any, b: Any) -> bool:
    """Whether two structures hold the same numbers; objects other than numbers are taken for the same."""
    if type(a) in (list, tuple) and type(a) is type(b):
        return len(a) == len(b) and all(map(_same, a, b))
    if type(a) is dict and type(b) is dict:
        return a.keys() == b.keys() and all(_same(value, b[key]) for key, value in a.items())
    if (is_array(a) or is_number(a)) and (is_array(b) or is_number(b)):
        return np.shape(a) == np.shape(b) and np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind in "fc")
    return type(a) is type(b)


def _passed(exercise: Exercise, function: Callable, seed: int, rows: Sequence[Reference]) -> frozenset[int]:
    """Return the numbers of the cases that a function passes."""
    outcomes = [observe_case(exercise, function, seed, number, row) for number, row in enumerate(rows)]
    verdicts = compare_all(judged_cases(exercise, rows), outcomes, [row.outcome for row in rows])
    return frozenset(number for number, verdict in enumerate(verdicts) if verdict.passed)


# ------------------------------------------------------------------------------------------- the table


def table_of(exercise: Exercise, seed: int, otherwise: str = "nearest") -> Callable:
    """Return an answer that returns what the reference returned for the same arguments in the cases of a seed, or
    raised.

    otherwise: what it does for other arguments. "nearest": it returns what belongs to the nearest ones of the same
    shapes, and raises where there are none; "first": what the reference returned first; "raise": it raises.
    """
    rows: list[tuple[Any, Any]] = []

    def recorded(*args: Any, **kwargs: Any) -> Any:
        try:
            value = exercise.reference(*args, **kwargs)
        except ValueError as error:  # where the prompt asks for it
            rows.append((_unboxed((args, kwargs)), error))
            raise
        rows.append((_unboxed((args, kwargs)), _unboxed(value)))
        return value

    with quiet():
        for number, case in enumerate(exercise.cases):
            observe(
                case.driver, Impl(recorded, mutates=exercise.mutates, renamed=exercise.renamed), start_of(seed, number)
            )

    def table(*args: Any, **kwargs: Any) -> Any:
        asked = _unboxed((args, kwargs))
        distances = [_distance(asked, given) for given, _ in rows]
        best = int(np.argmin(distances)) if rows else 0
        known = bool(rows) and distances[best] == 0
        if not known and otherwise == "first" and rows:
            best = 0
        elif not known and not (otherwise == "nearest" and rows and np.isfinite(distances[best])):
            raise LookupError("no such arguments were shown")
        found = rows[best][1]
        if isinstance(found, ValueError):
            raise found
        return copy.deepcopy(found)

    return table


def _unboxed(value: Any) -> Any:
    """Return a copy of a structure without autograd's boxes."""
    value = unbox(value)
    if type(value) in (list, tuple):
        return type(value)(map(_unboxed, value))
    if type(value) is dict:
        return {key: _unboxed(item) for key, item in value.items()}
    return value.copy() if is_array(value) else value


def _distance(a: Any, b: Any) -> float:
    """Return the sum of squares between the numbers of two structures; infinite where they differ in form."""
    pairs = list(_leaves(a, b))
    if None in pairs:
        return np.inf
    total = 0.0
    with np.errstate(all="ignore"):
        for pair in pairs:
            assert pair is not None, "None was looked for above"
            x, y = (np.asarray(part, complex) for part in pair)
            total += float(np.sum(np.where(x == y, 0.0, np.minimum(np.nan_to_num(np.abs(x - y), nan=1e6), 1e100) ** 2)))
    return total


def _leaves(a: Any, b: Any) -> Iterator[tuple[Any, Any] | None]:
    """Yield the pairs of numbers and arrays in two structures; None where the structures differ."""
    if type(a) in (list, tuple) and type(a) is type(b) and len(a) == len(b):
        for x, y in zip(a, b, strict=True):
            yield from _leaves(x, y)
    elif type(a) is dict and type(b) is dict and a.keys() == b.keys():
        for key in a:
            yield from _leaves(a[key], b[key])
    elif (is_array(a) or is_number(a)) and (is_array(b) or is_number(b)):
        yield (a, b) if np.shape(a) == np.shape(b) and np.asarray(a).dtype.kind in "biufc" else None
    elif isinstance(a, STRUCTURES) or isinstance(b, STRUCTURES) or is_array(a) or is_array(b):
        yield (
            None if not isinstance(a, str) or a != b else (0.0, 0.0)
        )  # functions, generators and models are not compared
