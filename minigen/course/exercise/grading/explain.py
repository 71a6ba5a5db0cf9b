"""What may help with a wrong answer: how its values are related to the expected ones, the inputs, a listed mistake.

A listed mistake is recognised on the simplest case that fails, from what came back, and confirmed by the other cases
that fail: it must give the same values as the answer in at least half of those whose values tell mistakes apart,
because in a case worked by hand two mistakes may coincide. If no other case can confirm it, it is named only if the
values are such that equality is no coincidence: not 0, 1 or 1/2. A mistake that fails two or more cases which the
answer passes is not named: what they share in one case is chance. Of two mistakes in two results, such as x and its
log-determinant, that of the first wrong result is named: it must be a mistake that leaves the others right.

A mistake that is not listed may still be the equation with one thing changed, a mean for a sum or a term left out. The
same holds of such a change.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from minigen.course.exercise.answers import ListedAnswer, answers_of
from minigen.course.exercise.clauses import first_clause
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
from minigen.course.exercise.grading.outcome import CaseOutcome
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


def explain(report: Report, outcomes: Sequence[CaseOutcome], wanted: Sequence[Reference], seed: int) -> None:
    """Add to the report of an answer that fails what may help: a relation, the inputs and a hint.

    seed: of the inputs, which a line of Python that repeats the call looks up.
    """
    _relate(report, outcomes, wanted)
    _show_inputs(report, outcomes, wanted, seed)
    _hint(report, outcomes, wanted, seed)


def _relate(report: Report, outcomes: Sequence[CaseOutcome], wanted: Sequence[Reference]) -> None:
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


def _show_inputs(report: Report, outcomes: Sequence[CaseOutcome], wanted: Sequence[Reference], seed: int) -> None:
    """Note what the function is called on in the simplest case that fails, in the call that fails.

    That is the call whose result has the wrong value; the first one if the driver computes with its results.
    """
    exercise = report.exercise
    number = next(n for n, verdict in enumerate(report.verdicts) if not verdict.passed)
    verdict, calls = report.verdicts[number], wanted[number].calls
    if not calls or verdict.status not in CALLED:
        return
    failed = outcomes[number].call
    call = wanted[number].outcome.returned.get(verdict.key, 0) if failed is None else min(failed, len(calls) - 1)
    given = arguments(exercise.reference, calls[call])
    verdict.inputs = described(given, verdict.index)
    verdict.repeat = repeat_line(exercise.name, exercise.address, verdict.case, given, seed, call)
    if len(calls) > 1:
        verdict.inputs.append(f"(call {call + 1} of {len(calls)})")


def _hint(report: Report, outcomes: Sequence[CaseOutcome], wanted: Sequence[Reference], seed: int) -> None:
    """Name the listed mistake that an answer makes, if it is one; else say what one change of the equation it is."""
    exercise, verdicts = report.exercise, report.verdicts
    cases = judged_cases(exercise, wanted)
    mistakes = answers_of(exercise).mistakes
    stop = _computing_time() + LONGEST_SEARCH

    @functools.cache
    def theirs(mistake: int, case: int) -> CaseOutcome:
        return observe_case(exercise, mistakes[mistake].function, seed, case, wanted[case])

    with quiet():
        right = [row.outcome for row in wanted]
        found = recognised(cases, outcomes, verdicts, mistakes, theirs, right)
        if len({answer.note for answer in found}) == 1:
            mistake = found[0]
            report.hint, report.listed = mistake.clause, True
            report.cure = mistake.note if mistake.note != mistake.clause else ""
            return
        failing = [number for number, verdict in enumerate(verdicts) if not verdict.passed]
        first = failing[0]
        if outcomes[first].draws:
            report.hint = OWN_NOISE
            return
        general = _left_alone(exercise, outcomes, right, failing)
        general = general or _not_squared(exercise, verdicts[first], wanted[first])
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
    outcomes: Sequence[CaseOutcome],
    verdicts: Sequence[Verdict],
    mistakes: Sequence[ListedAnswer],
    theirs: Callable[[int, int], CaseOutcome],
    wanted: Sequence[CaseOutcome],
) -> list[ListedAnswer]:
    """Return the listed mistakes that explain an answer: none, one, or several that cannot be told apart.

    theirs: the outcome of a mistake in a case, both by number; computed only where needed. wanted: the reference's.
    """
    failing = next((number for number, verdict in enumerate(verdicts) if not verdict.passed), None)
    if failing is None or not _tells(outcomes[failing]):
        return []
    key, passed = verdicts[failing].key, [n for n, verdict in enumerate(verdicts) if verdict.passed]

    def agrees(mistake: int, n: int) -> bool:
        return _same(outcomes[n], theirs(mistake, n), wanted[n], cases[n])

    def contradicted(mistake: int) -> bool:
        """Whether the answer passes several cases that this mistake fails: then it is another mistake."""
        return sum(not compare(cases[n], theirs(mistake, n), wanted[n]).passed for n in passed) >= 2

    others = _other_failures(outcomes, verdicts, failing)
    found = [m for m in range(len(mistakes)) if agrees(m, failing)]
    if not found:
        single = {n: _with_one_wrong_result(outcomes[n], wanted[n], key) for n in (failing, *others)}

        def agrees_in_one_result(mistake: int, n: int) -> bool:
            mine = single[n]
            return mine is not None and _same(mine, theirs(mistake, n), wanted[n], cases[n])

        others = [n for n in others if single[n] is not None]
        alone = [m for m in range(len(mistakes)) if agrees_in_one_result(m, failing)]
        alone = [m for m in alone if _confirmed(agrees_in_one_result(m, n) for n in others) and not contradicted(m)]
        return [mistakes[m] for m in alone] if len(alone) == 1 else []
    found = [m for m in found if _confirmed(agrees(m, n) for n in others) and not contradicted(m)]
    if not found:
        return []
    agreeing = {m: {n for n in range(len(cases)) if agrees(m, n)} for m in found}
    best = [m for m in found if len(agreeing[m]) == max(map(len, agreeing.values()))]
    if len(agreeing[best[0]]) < len(cases):  # there is a second mistake, or it is another one altogether
        again = [n for n in agreeing[best[0]] if not verdicts[n].passed and _telling(outcomes[n].values)]
        if not (len(best) == 1 and len(again) > 1 or len(found) == 1 and _generic(outcomes[failing].values)):
            return []
    return [mistakes[m] for m in best]


def _other_failures(outcomes: Sequence[CaseOutcome], verdicts: Sequence[Verdict], failing: int) -> list[int]:
    """Return the failing cases besides the first one whose values tell mistakes apart."""
    others = (n for n, verdict in enumerate(verdicts) if n != failing and not verdict.passed)
    return [n for n in others if _telling(outcomes[n].values)]


def _confirmed(agreements: Iterable[bool]) -> bool:
    """Whether a mistake that agrees with the answer in one case does so in half of the others at least, if any."""
    found = list(agreements)
    return 2 * sum(found) >= len(found)


def _with_one_wrong_result(mine: CaseOutcome, right: CaseOutcome, key: str) -> CaseOutcome | None:
    """Return an outcome with the first wrong one of several results, `key`, the others right; None if that proves
    little.
    """
    if len(mine.values) < 2 or key not in mine.values or not _generic({key: mine.values[key]}):
        return None
    values = {**right.values, key: mine.values[key]}
    return CaseOutcome(right.status, values=values)


# ------------------------------------------------------------------------------------------- mistakes of every exercise


def _left_alone(
    exercise: Exercise, outcomes: Sequence[CaseOutcome], right: Sequence[CaseOutcome], failing: list[int]
) -> str:
    """Return an argument that the reference changes in place, or draws from, and the answer in no failing case.

    failing: the numbers of the cases that fail, the simplest first.
    """
    for name in outcomes[failing[0]].untouched:
        telling = [n for n in failing if outcomes[n].values and name not in right[n].untouched]
        if failing[0] in telling and all(name in outcomes[n].untouched for n in telling):
            return (NOT_IN_PLACE if name in exercise.mutates else NOT_DRAWN).format(name=name)
    return ""


def _not_squared(exercise: Exercise, verdict: Verdict, reference: Reference) -> str:
    """Return a float32 argument whose squares are 0 or infinite, where the answer is 0, infinite or not a number."""
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
    outcomes: Sequence[CaseOutcome],
    verdicts: Sequence[Verdict],
    changed: Iterable[Mutant],
    theirs: Callable[[Mutant, int], CaseOutcome],
    wanted: Sequence[CaseOutcome],
) -> str:
    """Return the one change of a right answer that gives a student's values, in words; "" if none does, or more than
    one kind.

    theirs: the outcome of a changed answer in a case, by its number. wanted: the reference's.
    """
    failing = next((number for number, verdict in enumerate(verdicts) if not verdict.passed), None)
    if failing is None or not outcomes[failing].values or _is_form(verdicts[failing], outcomes[failing]):
        return ""
    others = _other_failures(outcomes, verdicts, failing)
    if not others and verdicts[failing].status in (status.NAN, status.INF):  # many different changes give NaN
        return ""
    # in words: what explains the failing case and another one, and what explains all cases
    confirmed, in_all_cases = set(), set()
    for mutant in changed:
        if not mutant.words or not _same(outcomes[failing], theirs(mutant, failing), wanted[failing], cases[failing]):
            continue
        agreeing = [_same(outcomes[n], theirs(mutant, n), wanted[n], case) for n, case in enumerate(cases)]
        if _confirmed(agreeing[n] for n in others):
            confirmed.add(mutant.words)
        if all(agreeing):
            in_all_cases.add(mutant.words)
    if not in_all_cases and not _generic(outcomes[failing].values):
        return ""
    found = in_all_cases or confirmed
    return found.pop() if len(found) == 1 else ""


# ------------------------------------------------------------------------------------------- the same answer?


def _tells(outcome: CaseOutcome) -> bool:
    return bool(outcome.values) or outcome.status in BY_MESSAGE


def _same(mine: CaseOutcome, other: CaseOutcome, right: CaseOutcome, case: Case) -> bool:
    """Whether two outcomes are the same answer: equal values in the same form, or the same error.

    right: the reference's outcome. An answer in float32 may be off by rounding; that `other` computes in float32 gives
    no tolerance, which would hide what the answer is.
    """
    if mine.status != other.status:
        return False
    if mine.values or other.values:
        shared = mine.values.keys() & other.values.keys()
        scale = np.concatenate([np.ravel(value) for value in other.values.values()] or [np.zeros(0)])
        atol = case.atol + rounding(precision_of(mine, right), other, scale)
        if case.exact_dtype and any(mine.values[key].dtype != other.values[key].dtype for key in shared):
            return False
        return same_values(mine.values, other.values, case.rtol, atol)
    return mine.status not in BY_MESSAGE or mine.message == other.message


def _is_form(verdict: Verdict, outcome: CaseOutcome) -> bool:
    """Whether what is wrong is a type or dtype, whatever the values are, or yes for no, which many formulas share."""
    value = outcome.values.get(verdict.key)
    of_type = verdict.status in (status.WRONG_DTYPE, status.WRONG_TYPE)
    return of_type or (value is not None and value.dtype.kind == "b")


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
