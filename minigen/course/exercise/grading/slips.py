"""Which of the author's mistakes a student made: recognised on the case that fails, from what came back.

Two slips at once still get the first one's hint: what counts is the simplest case that fails. A mistake that explains
only that case is named if it is the only one, and if the values are such that equality is no coincidence.

What nobody listed may still be the equation with one thing changed, a mean for a sum or a term left out: `one_change`
looks among the mechanical changes of the right answers, those that proofs use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from minigen.course.exercise.answers import Answer
from minigen.course.exercise.format import Case
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.compare import Verdict, rounding, same_values
from minigen.course.exercise.grading.observe import Outcome
from minigen.course.exercise.mutate import Mutant

__all__ = ["one_change", "recognised"]

BY_MESSAGE = {status.RAISED, status.NO_GRADIENT, status.CHANGED_INPUTS}  # no values came back, but words did


def recognised(
    cases: Sequence[Case],
    outcomes: Sequence[Outcome],
    verdicts: Sequence[Verdict],
    mistakes: Sequence[Answer],
    theirs: Callable[[int, int], Outcome],
) -> list[Answer]:
    """The listed mistakes that explain an answer: none, one, or several that cannot be told apart.

    theirs: the outcome of a mistake in a case, both by number; asked only where it is needed.
    """
    failing = next((number for number, verdict in enumerate(verdicts) if not verdict.passed), None)
    if failing is None or not _tells(outcomes[failing]):
        return []
    found = [m for m in range(len(mistakes)) if _same(outcomes[failing], theirs(m, failing), cases[failing])]
    agreeing = {
        m: sum(_same(mine, theirs(m, number), case) for number, (mine, case) in enumerate(zip(outcomes, cases)))
        for m in found
    }
    best = [m for m in found if agreeing[m] == max(agreeing.values())]
    if best and agreeing[best[0]] < len(cases) and (len(found) > 1 or not _generic(outcomes[failing])):
        return []
    return [mistakes[m] for m in best]


def one_change(
    cases: Sequence[Case],
    outcomes: Sequence[Outcome],
    verdicts: Sequence[Verdict],
    changed: Iterable[Mutant],
    theirs: Callable[[Mutant, int], Outcome],
) -> str:
    """The one change of a right answer that gives a student's values, in words; "" if none does, or more than one kind.

    theirs: the outcome of a changed answer in a case, by its number.
    """
    failing = next((number for number, verdict in enumerate(verdicts) if not verdict.passed), None)
    if failing is None or not outcomes[failing].values:
        return ""
    alone, everywhere = set(), set()  # in words: what explains the failing case, and what explains all cases
    for mutant in changed:
        if mutant.words and _same(outcomes[failing], theirs(mutant, failing), cases[failing]):
            alone.add(mutant.words)
            others = (n for n in range(len(cases)) if n != failing)
            if all(_same(outcomes[n], theirs(mutant, n), cases[n]) for n in others):
                everywhere.add(mutant.words)
    if not everywhere and not _generic(outcomes[failing]):
        return ""
    found = everywhere or alone
    return found.pop() if len(found) == 1 else ""


def _tells(outcome: Outcome) -> bool:
    return bool(outcome.values) or outcome.status in BY_MESSAGE


def _same(mine: Outcome, other: Outcome, case: Case) -> bool:
    """Whether two outcomes are the same answer: equal values in the same form, or the same error."""
    if mine.status != other.status:
        return False
    if mine.values or other.values:
        scale = np.concatenate([np.ravel(value) for value in other.values.values()] or [np.zeros(0)])
        return same_values(mine.values, other.values, case.rtol, case.atol + rounding(mine, scale))
    return mine.status not in BY_MESSAGE or mine.message == other.message


def _generic(outcome: Outcome) -> bool:
    """Whether some value is one that different formulas do not share, as they do 0, 1, 1/2 or infinity."""
    for value in outcome.values.values():
        halves = 2 * np.abs(value[np.isfinite(value)]).astype(float)
        if np.any(np.abs(halves - np.round(halves)) > 1e-6):
            return True
    return False
