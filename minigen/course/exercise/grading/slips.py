"""Which of the author's mistakes a student made: recognised on the case that fails, from what came back.

Two slips at once still get the first one's hint: what counts is the simplest case that fails. A mistake that explains
only that case is named if it is the only one, and if the values are such that equality is no coincidence: not 0, 1 or
1/2, or wrong in the same way in two cases. Of two slips in two results, such as x and its log-determinant, that of the
first wrong result is named: it must be a mistake that leaves the others right.

A slip that is not listed may still be the equation with one thing changed, a mean for a sum or a term left out:
`one_change` looks among the mechanical changes of the right answers, those that proofs use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

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
    wanted: Sequence[Outcome],
) -> list[Answer]:
    """The listed mistakes that explain an answer: none, one, or several that cannot be told apart.

    theirs: the outcome of a mistake in a case, both by number; computed only where needed. wanted: the reference's.
    """
    failing = next((number for number, verdict in enumerate(verdicts) if not verdict.passed), None)
    if failing is None or not _tells(outcomes[failing]):
        return []
    found = [m for m in range(len(mistakes)) if _same(outcomes[failing], theirs(m, failing), cases[failing])]
    if not found:
        slip = _slip_of_one_result(outcomes[failing], wanted[failing], verdicts[failing].key)
        alone = [m for m in range(len(mistakes)) if slip and _same(slip, theirs(m, failing), cases[failing])]
        return [mistakes[m] for m in alone] if len(alone) == 1 else []
    agreeing = {
        m: {n for n, (mine, case) in enumerate(zip(outcomes, cases)) if _same(mine, theirs(m, n), case)} for m in found
    }
    best = [m for m in found if len(agreeing[m]) == max(map(len, agreeing.values()))]
    if len(agreeing[best[0]]) < len(cases):  # there is a second slip, or it is another mistake altogether
        again = [n for n in agreeing[best[0]] if not verdicts[n].passed and _telling(outcomes[n].values)]
        if not (len(best) == 1 and len(again) > 1 or len(found) == 1 and _generic(outcomes[failing].values)):
            return []
    return [mistakes[m] for m in best]


def _slip_of_one_result(mine: Outcome, right: Outcome, key: str) -> Outcome | None:
    """An outcome with the first wrong one of several results, `key`, and the others right; None if that proves
    little."""
    if len(mine.values) < 2 or key not in mine.values or not _generic({key: mine.values[key]}):
        return None
    values = {**right.values, key: mine.values[key]}
    return Outcome(right.status, values=values, precision=mine.precision, scale=mine.scale)


def one_change(
    cases: Sequence[Case],
    outcomes: Sequence[Outcome],
    verdicts: Sequence[Verdict],
    changed: Iterable[Mutant],
    theirs: Callable[[Mutant, int], Outcome],
    wanted: Sequence[Outcome],
) -> str:
    """The one change of a right answer that gives a student's values, in words; "" if none does, or more than one kind.

    theirs: the outcome of a changed answer in a case, by its number. wanted: the reference's.
    """
    failing = next((number for number, verdict in enumerate(verdicts) if not verdict.passed), None)
    if failing is None or not outcomes[failing].values:
        return ""
    slip = _slip_of_one_result(outcomes[failing], wanted[failing], verdicts[failing].key)
    # in words: what explains one result of the failing case, what explains all of that case, and of all cases
    one, alone, everywhere = set(), set(), set()
    for mutant in changed:
        if not mutant.words:
            continue
        changed_values = theirs(mutant, failing)
        if slip and _same(slip, changed_values, cases[failing]):
            one.add(mutant.words)
        if _same(outcomes[failing], changed_values, cases[failing]):
            alone.add(mutant.words)
            others = (n for n in range(len(cases)) if n != failing)
            if all(_same(outcomes[n], theirs(mutant, n), cases[n]) for n in others):
                everywhere.add(mutant.words)
    if not everywhere and not _generic(outcomes[failing].values):
        return ""
    found = everywhere or alone or {f"{words}, as far as {verdicts[failing].key!r} goes" for words in one}
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


def _generic(values: Mapping[str, np.ndarray]) -> bool:
    """Whether some value is one that different formulas do not share, as they do 0, 1, 1/2 or infinity."""
    for value in values.values():
        halves = 2 * np.abs(value[np.isfinite(value)]).astype(float)
        if np.any(np.abs(halves - np.round(halves)) > 1e-6):
            return True
    return False


def _telling(values: Mapping[str, np.ndarray]) -> bool:
    """Whether some value is one that different mistakes seldom share: finite, and none of 0, 1/2 and 1."""
    return any(np.any(~np.isin(np.abs(value[np.isfinite(value)]), (0, 0.5, 1))) for value in values.values())
