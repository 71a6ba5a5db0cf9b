"""The author's proofs of a private variant: those of an exercise, and that its texts fit what it changes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from minigen.classroom.private.variants import PrivateExercise
from minigen.course.exercise import catalog
from minigen.course.exercise.answers import ListedAnswer, answers_of
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.mutants import Mutant, mutants_of
from minigen.course.exercise.prove import EquationProofs, Proof, has_literal, prove

__all__ = ["prove_variant"]


def prove_variant(variant: PrivateExercise, seeds: int = 20, mistake_seeds: int | None = None) -> Proof:
    """Return all proofs of a private variant; see `minigen.course.exercise.prove.prove`."""
    return prove(variant, seeds, mistake_seeds, VariantProofs(variant))


class VariantProofs(EquationProofs):
    """The reference of a variant only calls the exercise's: its hint three has the equation."""

    def __init__(self, variant: PrivateExercise):
        self.variant = variant

    def form(self, exercise: Exercise) -> list[str]:
        """Return what is wrong with the texts of a variant, and where other exercises call it.

        Only the first of its values has literals.
        """
        ordinary, private = self.variant.ordinary, self.variant.private
        problems = []
        if self.variant.number == 0 and not has_literal(exercise):
            problems.append("no case has a literal: give one `expect` worked by hand")
        notes = [mistake.note for mistake in answers_of(ordinary).mistakes]
        joined = "\n".join(" ".join(text.split()) for text in (ordinary.prompt, *ordinary.hints[:2], *notes))
        problems += [f"the texts have no {old!r}" for old in private.text if " ".join(old.split()) not in joined]
        names = {case.name for case in ordinary.cases}
        problems += [f"there is no case {name!r}" for name in private.expect if name not in names]
        unknown = [begin for begin in private.without if not any(note.startswith(begin) for note in notes)]
        problems += [f"the words for no mistake begin with {begin!r}" for begin in unknown]
        if private.values and "{k}" not in private.says:
            problems.append("the text of the variant does not state {k}")
        assert ordinary.path is not None, "the catalog sets the path of every exercise"
        others = [other for other in catalog.load(ordinary.path) if other.id != ordinary.id]
        callers = [other for other in others if re.search(rf"\b{ordinary.name}\(", other.hints[2])]
        return problems + [f"{other.id} calls it: it can have no private variant" for other in callers]

    def fixed(self, exercise: Exercise, right: Sequence[ListedAnswer], mistakes: Sequence[ListedAnswer]) -> list[str]:
        """Nothing: the cases of a variant are fixed where those of the exercise are."""
        return []

    def mutants(self, exercise: Exercise, right: Sequence[ListedAnswer]) -> tuple[list[Mutant], list[ListedAnswer]]:
        """Return the mutants of hint three, which is the last of the right answers."""
        return mutants_of(right[-1].tree, right[-1].function.__globals__), []

    def equivalents(self, exercise: Exercise, listed: Mapping[str, str]) -> Mapping[str, str]:
        """Those of the exercise as well, whose equation a variant may keep in part."""
        return {**answers_of(self.variant.ordinary).equivalents, **listed}
