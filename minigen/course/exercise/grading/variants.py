"""The private variants of exercises, made from what `private.py` beside them declares; see `exercise.private`."""

from __future__ import annotations

import dataclasses
import hashlib
import textwrap

from minigen.course.console import UsageError
from minigen.course.exercise import catalog
from minigen.course.exercise.format import Case, Exercise
from minigen.course.exercise.grading.compare import compare
from minigen.course.exercise.grading.reference import reference_of
from minigen.course.exercise.private import MARK, SAID, PrivateExercise, addresses, declared

__all__ = ["choice", "find", "numbered"]


def numbered(exercise: Exercise, number: int) -> PrivateExercise:
    """One private variant of an exercise. Raises UsageError if there is none of that number."""
    private = declared(exercise)
    if private is None or not 0 <= number < len(addresses(exercise)):
        raise UsageError(f"{exercise.id} has no private variant{f' {number}' if private is not None else ''}")
    made = PrivateExercise(
        **{each.name: getattr(exercise, each.name) for each in dataclasses.fields(Exercise) if each.init},
        ordinary=exercise,
        private=private,
        number=number,
    )
    made.path = exercise.path
    made.mutates = [made.renamed.get(name, name) for name in exercise.mutates]
    said = f"{SAID} {made.changed}"
    made.prompt = f"{textwrap.dedent(made.reworded(exercise.prompt)).strip()}\n\n{said}"
    idea, equation, _ = map(made.reworded, exercise.hints)
    made.hints = [idea, f"{equation} {said}", made.typed(private.answer)]
    made.cases = [_case(made, place, case) for place, case in enumerate(exercise.cases)]
    return made


def _case(made: PrivateExercise, place: int, case: Case) -> Case:
    """A case of the exercise as it is for the variant."""
    made.cases = [*made.cases[:place], case]
    if case.name in made.private.expect:
        expect = made.private.expect[case.name] if made.number == 0 else {}
        return dataclasses.replace(case, expect=dict(expect), is_property=False, silent=True)
    outcome = reference_of(made, 0, place).outcome
    if compare(case, outcome, outcome).passed:
        return case
    return dataclasses.replace(case, expect={}, is_property=False, silent=True)


def find(address: str) -> Exercise:
    """The one exercise, or private variant of one, of an address: "gan/12/critic_loss", "gan/12/critic_loss@1".

    Raises UsageError if there is none, or more than one.
    """
    id, mark, number = address.partition(MARK)
    found = catalog.find(id)
    if len(found) != 1:
        raise UsageError(f"{address!r} has several exercises: say which ({', '.join(other.id for other in found)})")
    if not mark:
        return found[0]
    if not (number.isascii() and number.isdigit()):
        raise UsageError(f"a private variant is written {found[0].id}{MARK}1, got {address!r}")
    return numbered(found[0], int(number))


def choice(id: str, secret: str, assignment: str) -> int:
    """The number of the private variant of an exercise that an assignment's secret chooses."""
    digest = hashlib.sha256("\0".join([secret, assignment, "private", id]).encode()).digest()
    return int.from_bytes(digest[:8], "big") % len(addresses(find(id)))
