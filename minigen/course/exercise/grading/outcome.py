"""What a case can give: an outcome, or an exception that becomes one.

It needs NumPy and the standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from minigen.course.exercise.grading import status

__all__ = ["Failure", "Incident", "CaseOutcome", "PackageAnswer", "Stopped", "with_incident"]

Incident = tuple[str, str]  # a status and a message: what an answer did that it must not do


class PackageAnswer(Exception):
    """Raised by the stand-in for the function that the student is asked to write."""


class Stopped(Exception):
    """Raised by the sandbox inside the student's code; carries the status to report."""

    def __init__(self, state: str, message: str):
        super().__init__(message)
        self.state = state


class Failure(BaseException):
    """A call of the student's function did not give an answer. Not an Exception, so that a driver cannot swallow it.

    values: the numbers that came back in the wrong form, to recognise a mistake by.
    """

    def __init__(self, state: str, message: str, line: int | None = None, text: str = ""):
        super().__init__(message)
        self.state, self.message, self.line, self.text = state, message, line, text
        self.values: dict[str, np.ndarray] = {}


@dataclass
class CaseOutcome:
    """What one case gave: named plain arrays, or a status with a message and the student's line.

    values: what the driver returned, or without an answer the numbers in what the function returned.
    draws: whether the function drew from NumPy's own random numbers, which no driver gives it.
    untouched: the arguments that it may change, arrays and generators, and left as they were in every call.
    call: without an answer, the number of the call of the function that failed, from 0.
    reshaped: what the driver returned when the results of a wrong shape were given the right one, where only axes of
        length 1 are too many or missing.

    Noted of functions that run in this process, and never taken from a worker, since tolerances follow from them:
    precision, scale: of the numbers that the function returned, the spacing of its coarsest floats at 1, and the
        largest magnitude.
    given: the largest magnitude among the arguments. returned: those values that came back from the function as they
        are, so that their rounding has nothing to do with that of its other results, with the number of the call.
    """

    status: str
    message: str = ""
    line: int | None = None
    text: str = ""
    values: dict[str, np.ndarray] = field(default_factory=dict)
    precision: float = 0.0
    scale: float = 0.0
    draws: bool = False
    untouched: tuple[str, ...] = ()
    call: int | None = None
    reshaped: dict[str, np.ndarray] = field(default_factory=dict)
    given: float = 0.0
    returned: Mapping[str, int] = field(default_factory=dict)

    @property
    def answered(self) -> bool:
        return self.status == status.PASS


def with_incident(outcome: CaseOutcome, incidents: list[Incident]) -> CaseOutcome:
    """Return the outcome of a student's case, or the first incident that was noted while it ran; the list is then
    empty.

    An answer may swallow the exception that comes with an incident, so the incident decides. Where the exception was
    not swallowed, the outcome has the same status, and the line as well. A driver that fails here does its work on the
    reference: what it fails on is what the student's function gave.
    """
    noted = incidents[:1]
    incidents.clear()
    if noted and outcome.status != noted[0][0]:
        return CaseOutcome(*noted[0], outcome.line, outcome.text)
    if outcome.status == status.GRADER_ERROR:
        return CaseOutcome(status.RAISED, f"on what your function gives, {outcome.message}")
    return outcome
