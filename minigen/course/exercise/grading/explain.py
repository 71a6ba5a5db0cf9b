"""What may help with a wrong answer: how its values are related to the expected ones, the inputs, a listed mistake.

A listed mistake is recognised on the case that fails, from what came back. Two slips at once still get the first one's
hint: what counts is the simplest case that fails. A mistake that explains only that case is named if it is the only
one, and if the values are such that equality is no coincidence: not 0, 1 or 1/2, or wrong in the same way in two cases.
A mistake that fails two or more cases which the answer passes is not named: what they share in one case is chance.
Of two slips in two results, such as x and its log-determinant, that of the first wrong result is named: it must be a
mistake that leaves the others right.

A slip that is not listed may still be the equation with one thing changed, a mean for a sum or a term left out.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from minigen.course.exercise.answers import ListedAnswer, answers_of, first_clause
from minigen.course.exercise.format import Case, Exercise
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.changes import changes, substituted
from minigen.course.exercise.grading.compare import (
    Pair,
    Verdict,
    compare,
    precision_of,
    relation,
    rounding,
    same_values,
)
from minigen.course.exercise.grading.inputs import arguments, described, repeat_line
from minigen.course.exercise.grading.outcome import Outcome
from minigen.course.exercise.grading.reference import Reference, judged_cases, observe_case, quiet
from minigen.course.exercise.grading.report import Report
from minigen.course.exercise.mutants import Mutant

__all__ = ["explain", "recognised"]

CALLED = {  # where the inputs may explain what went wrong
    *(status.WRONG_VALUE, status.NAN, status.INF, status.WRONG_SHAPE, status.WRONG_DTYPE, status.WRONG_TYPE),
    *(status.RETURNED_NONE, status.NO_GRADIENT, status.CHANGED_INPUTS, status.RAISED, status.RECURSION),
    *(status.TIMEOUT, status.MEMORY, status.CRASHED),
}
OWN_NOISE = (
    "your function draws random numbers of its own, by np.random: the same arguments have to give the same result, "
    "so use none but those that it is given."
)
NOT_IN_PLACE = (
    "`{name}` is not changed in place: `{name} -= ...` and `{name}[...] = ...` change the array that was given, "
    "`{name} = {name} - ...` makes another one."
)
NOT_DRAWN = (
    "nothing is drawn from `{name}`, the generator that is given: call its methods, {name}.standard_normal(...) or "
    "{name}.random(...), for every random number."
)
NOT_SQUARED = (
    "the squares of `{name}`, of numbers as {word} as {number:.1g}, do not fit into float32: take them in float64, or "
    "divide by the largest number first."
)
_computing_time = getattr(time, "thread_time", time.perf_counter)  # a browser's Python has no per-thread clock
# Seconds, as a last resort, for the change of the equation that an answer may be. All changes that an equation has take
# less than one second on a small cloud machine of 2026; a page must answer sooner.
LONGEST_SEARCH = 20.0 if hasattr(time, "thread_time") else 2.0
BY_MESSAGE = {status.RAISED, status.NO_GRADIENT, status.CHANGED_INPUTS}  # no values came back, but words did


def explain(report: Report, outcomes: Sequence[Outcome], wanted: Sequence[Reference], seed: int) -> None:
    """Add to the report of an answer that fails what may help: a relation, the inputs and a hint.

    seed: of the inputs, which a line of Python that repeats the call looks up.
    """
    _relate(report, outcomes, wanted)
    _show_inputs(report, wanted, seed)
    _hint(report, outcomes, wanted, seed)


def _relate(report: Report, outcomes: Sequence[Outcome], wanted: Sequence[Reference]) -> None:
    """Describe how each wrong value is related to the expected one."""
    cases, verdicts = report.exercise.cases, report.verdicts
    pairs = {
        number: Pair(
            outcomes[number].values[verdict.key],
            wanted[number].outcome.values[verdict.key],
            cases[number].rtol,
            cases[number].atol,
            wanted[number].sizes,
        )
        for number, verdict in enumerate(verdicts)
        if verdict.status == status.WRONG_VALUE
    }
    for number, pair in pairs.items():
        verdicts[number].relation = relation(pair, [other for other in pairs.values() if other is not pair])


def _show_inputs(report: Report, wanted: Sequence[Reference], seed: int) -> None:
    """Note what the function is called on in the simplest case that fails."""
    exercise = report.exercise
    number = next(n for n, verdict in enumerate(report.verdicts) if not verdict.passed)
    verdict, calls = report.verdicts[number], wanted[number].calls
    if not calls or verdict.status not in CALLED:
        return
    given = arguments(exercise.reference, calls[0])
    verdict.inputs = described(given, verdict.index)
    verdict.repeat = repeat_line(exercise.name, exercise.address, verdict.case, given, seed)
    if len(calls) > 1:
        verdict.inputs.append(f"(the first of {len(calls)} calls)")


def _hint(report: Report, outcomes: Sequence[Outcome], wanted: Sequence[Reference], seed: int) -> None:
    """Name the listed mistake that an answer makes, if it is one; else say what one change of the equation it is."""
    exercise, verdicts = report.exercise, report.verdicts
    cases = judged_cases(exercise, wanted)
    mistakes = answers_of(exercise).mistakes
    stop = _computing_time() + LONGEST_SEARCH

    @functools.cache
    def theirs(mistake: int, case: int) -> Outcome:
        return observe_case(exercise, mistakes[mistake].function, seed, case, wanted[case])

    with quiet():
        right = [row.outcome for row in wanted]
        found = recognised(cases, outcomes, verdicts, mistakes, theirs, right)
        slips, notes = {answer.slip for answer in found}, {answer.note for answer in found}
        if len(slips) == 1:
            report.hint, report.listed = slips.pop(), True
            report.cure = next(iter(notes - {report.hint}), "") if len(notes) == 1 else ""
            return
        failing = next(number for number, verdict in enumerate(verdicts) if not verdict.passed)
        if outcomes[failing].draws:
            report.hint = OWN_NOISE
            return
        general = _left_alone(exercise, outcomes[failing], right[failing])
        general = general or _not_squared(exercise, verdicts[failing], wanted[failing])
        if general:
            report.hint, report.cure = first_clause(general), general
            return
        for changed in (changes(exercise), substituted(exercise.reference)):
            words = _one_change(
                cases,
                outcomes,
                verdicts,
                (mutant for mutant in changed if _computing_time() < stop),
                lambda mutant, case: observe_case(exercise, mutant.function, seed, case, wanted[case]),
                right,
            )
            if words:
                break
    if words:
        report.hint = f"your values are those of the equation with {words}."


# ------------------------------------------------------------------------------------------- the listed mistakes


def recognised(
    cases: Sequence[Case],
    outcomes: Sequence[Outcome],
    verdicts: Sequence[Verdict],
    mistakes: Sequence[ListedAnswer],
    theirs: Callable[[int, int], Outcome],
    wanted: Sequence[Outcome],
) -> list[ListedAnswer]:
    """The listed mistakes that explain an answer: none, one, or several that cannot be told apart.

    theirs: the outcome of a mistake in a case, both by number; computed only where needed. wanted: the reference's.
    """
    failing = next((number for number, verdict in enumerate(verdicts) if not verdict.passed), None)
    if failing is None or not _tells(outcomes[failing]):
        return []

    def contradicted(mistake: int) -> bool:
        """Whether the answer passes several cases that this mistake fails: then it is another mistake."""
        passed = [n for n, verdict in enumerate(verdicts) if verdict.passed]
        return sum(not compare(cases[n], theirs(mistake, n), wanted[n]).passed for n in passed) >= 2

    found = [m for m in range(len(mistakes)) if _same(outcomes[failing], theirs(m, failing), cases[failing])]
    if not found:
        slip = _slip_of_one_result(outcomes[failing], wanted[failing], verdicts[failing].key)
        alone = [m for m in range(len(mistakes)) if slip and _same(slip, theirs(m, failing), cases[failing])]
        alone = [m for m in alone if not contradicted(m)]
        return [mistakes[m] for m in alone] if len(alone) == 1 else []
    found = [m for m in found if not contradicted(m)]
    if not found:
        return []
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
    """An outcome with the first wrong one of several results, `key`, the others right; None if that proves little."""
    if len(mine.values) < 2 or key not in mine.values or not _generic({key: mine.values[key]}):
        return None
    values = {**right.values, key: mine.values[key]}
    return Outcome(right.status, values=values)


# ------------------------------------------------------------------------------------------- slips of every exercise


def _left_alone(exercise: Exercise, mine: Outcome, right: Outcome) -> str:
    """An argument that the reference changes in place, or draws from, and the answer does not."""
    name = next((name for name in mine.untouched if mine.values and name not in right.untouched), None)
    if name is None:
        return ""
    return (NOT_IN_PLACE if name in exercise.mutates else NOT_DRAWN).format(name=name)


def _not_squared(exercise: Exercise, verdict: Verdict, reference: Reference) -> str:
    """A float32 argument whose squares are 0 or infinite, where the answer is 0, infinite or not a number."""
    if not (verdict.status in (status.NAN, status.INF) or verdict.status == status.WRONG_VALUE and verdict.yours == 0):
        return ""
    for call in reference.calls:
        for name, value in arguments(exercise.reference, call).items():
            if not isinstance(value, np.ndarray) or value.dtype != np.float32 or not value.any():
                continue
            largest = np.abs(value).max()
            if np.isfinite(largest) and (largest * largest == 0 or not np.isfinite(largest * largest)):
                return NOT_SQUARED.format(name=name, word="small" if largest < 1 else "large", number=largest)
    return ""


# ------------------------------------------------------------------------------------------- one change of the equation


def _one_change(
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
    if failing is None or not outcomes[failing].values or _is_flag(verdicts[failing], outcomes[failing]):
        return ""
    slip = _slip_of_one_result(outcomes[failing], wanted[failing], verdicts[failing].key)
    # in words: what explains one result of the failing case, what explains all of that case, and of all cases
    one, alone, in_all_cases = set(), set(), set()
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
                in_all_cases.add(mutant.words)
    if not in_all_cases and not _generic(outcomes[failing].values):
        return ""
    found = in_all_cases or alone or {f"{words}, as far as {verdicts[failing].key!r} goes" for words in one}
    return found.pop() if len(found) == 1 else ""


# ------------------------------------------------------------------------------------------- the same answer?


def _tells(outcome: Outcome) -> bool:
    return bool(outcome.values) or outcome.status in BY_MESSAGE


def _same(mine: Outcome, other: Outcome, case: Case) -> bool:
    """Whether two outcomes are the same answer: equal values in the same form, or the same error."""
    if mine.status != other.status:
        return False
    if mine.values or other.values:
        shared = mine.values.keys() & other.values.keys()
        scale = np.concatenate([np.ravel(value) for value in other.values.values()] or [np.zeros(0)])
        atol = case.atol + rounding(precision_of(mine, other), other, scale)
        if case.exact_dtype and any(mine.values[key].dtype != other.values[key].dtype for key in shared):
            return False
        return same_values(mine.values, other.values, case.rtol, atol)
    return mine.status not in BY_MESSAGE or mine.message == other.message


def _is_flag(verdict: Verdict, outcome: Outcome) -> bool:
    """Whether what is wrong is a dtype, or yes for no: values that many formulas share."""
    value = outcome.values.get(verdict.key)
    return verdict.status == status.WRONG_DTYPE or (value is not None and value.dtype.kind == "b")


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
