"""The thresholds of claims in a lesson's file, and the verdicts on what a run measured by them.

A threshold, its source and a unit change no number. Where they are literals in the call of `lesson.claim`, they are not
hashed with the code (`recipe`); the values of a run are judged by those of the file when it is recorded, and again when
the record gets the file's text. The record says which call made each claim.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minigen.course.console import UsageError
from minigen.course.index.lesson_source import COMPUTED, Call, LessonSource, literal
from minigen.course.lesson.claims import Bar, Claim
from minigen.course.lesson.recipe import is_threshold

__all__ = ["judged"]

BARS = ("at_least", "at_most", "between")


def judged(source: LessonSource, claims: Sequence[Mapping[str, Any]], calls: Sequence[int | None]) -> list[Claim]:
    """A run's claims (of its metrics.json), judged by the literal thresholds in the lesson's file.

    calls: which call of `lesson.claim` made each claim, counted from the top of the file, from 0; None for one that the
    file does not make itself. Any other threshold is code, and stays as it was in the run. Raises UsageError where the
    file no longer makes these claims.
    """
    made = source.calls_of("claim")
    for number, call in enumerate(made):
        if call.alone and number not in calls:
            raise UsageError(f"line {call.node.lineno}: no value is recorded of this claim")
    return [
        _judged(claim, None if number is None else _call(made, number, claim)) for claim, number in zip(claims, calls)
    ]


def _call(made: Sequence[Call], number: int, claim: Mapping[str, Any]) -> Call:
    """The call that made a claim. Raises UsageError if it is not there any more, or names another claim."""
    name = made[number].literal("name", 0) if number < len(made) else None
    if name not in (COMPUTED, claim["name"]):
        raise UsageError(f"the lesson no longer makes the claim {claim['name']!r} where it was made")
    return made[number]


def _judged(claim: Mapping[str, Any], call: Call | None) -> Claim:
    """A recorded claim, judged by the literal thresholds of a call."""
    keywords = [] if call is None else call.node.keywords
    literals = {str(keyword.arg): literal(keyword.value) for keyword in keywords if is_threshold(keyword)}
    kept = {name: claim[name] for name in (*BARS, "equals", "atol") if name in claim}
    given = {name: value for name, value in literals.items() if name in BARS}
    texts = {name: literals.get(name, claim[name]) for name in ("source", "unit")}
    bar = Bar.of(claim["name"], **(given or kept))
    result = Claim(claim["name"], claim["value"], bar, judged=claim["status"] != "not judged", **texts)
    if not given:
        result.status = claim["status"]
    return result
