"""How an exercise is graded on secret seeds, so that an answer which only repeats what `check` shows earns little.

Such an answer passes the cases that no seed changes. Two things keep it from earning points by them:

- where a driver draws nothing, the seed shifts its arguments (see `shift`);
- a case that is `fixed` would be passed nevertheless, or would not be fair on shifted arguments: all of these together
  have a tenth of the points.

Right answers keep all points, because they pass all cases. `minigen exercise prove` finds which cases are fixed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from minigen.course.exercise.format import Exercise
from minigen.course.exercise.given import GivenExercise
from minigen.course.exercise.grading.reference import Reference, drawing_nothing, reference_of, references
from minigen.course.exercise.grading.shift import key_of

__all__ = ["MOST", "Grading", "grading_of", "hundredths", "shifted_cases"]

MOST = 0.1  # of an exercise's points, for the cases that are fixed


@dataclass(frozen=True)
class Grading:
    """The points of each case, whose sum is that of the exercise, and what the reference gives, by seed."""

    weights: tuple[float, ...]
    wanted: dict[int, list[Reference]]


def grading_of(exercise: Exercise, seeds: Sequence[int], practice: int = 0) -> Grading:
    """How an exercise is graded on these seeds; as in practice where that is one of them."""
    points = tuple(float(case.points) for case in exercise.cases)
    if isinstance(exercise, GivenExercise):  # found where its answer is
        return Grading(tuple(exercise.weights) or points, {seed: references(exercise, seed) for seed in seeds})
    if practice in seeds:
        return Grading(points, {seed: references(exercise, seed) for seed in seeds})
    shifted = shifted_cases(exercise)
    wanted = {
        seed: [
            reference_of(exercise, seed, number, key_of(seed) if number in shifted else None)
            for number in range(len(exercise.cases))
        ]
        for seed in seeds
    }
    return Grading(weights(exercise), wanted)


def shifted_cases(exercise: Exercise) -> frozenset[int]:
    """Return the numbers of the cases whose arguments a secret seed shifts:
    those that draw nothing and are not fixed.
    """
    if exercise.mutates:  # a shifted argument is another array than the driver's
        return frozenset()
    return frozenset(number for number in drawing_nothing(exercise) if not exercise.cases[number].fixed)


def weights(exercise: Exercise) -> tuple[float, ...]:
    """Return the points of each case, of which the fixed ones have at most a tenth; all as they are if no other is
    left.
    """
    total = exercise.points
    fixed = sum(case.points for case in exercise.cases if case.fixed)
    if fixed <= MOST * total or fixed == total:
        return tuple(float(case.points) for case in exercise.cases)
    less, more = MOST * total / fixed, (1 - MOST) * total / (total - fixed)
    exact = [case.points * (less if case.fixed else more) for case in exercise.cases]
    return tuple(hundredths(total, exact, [number for number, case in enumerate(exercise.cases) if not case.fixed]))


def hundredths(points: float, values: Sequence[float], among: Sequence[int] | None = None) -> list[float]:
    """Return the points of each case, from what the cases are worth: whole hundredths that add up to `points`.

    Every grader that adds those of an answer finds the same sum. Each is rounded down, and what this leaves goes to the
    case that is worth most (among: the numbers of the cases that may have it, by default all).
    """
    parts = [math.floor(100 * points * value / sum(values) + 1e-6) / 100 for value in values]
    largest = max(range(len(values)) if among is None else among, key=values.__getitem__)
    parts[largest] = round(parts[largest] + points - sum(parts), 6)
    return parts
