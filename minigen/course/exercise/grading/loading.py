"""Running the text of an answer, in a worker or in this process; needs NumPy and the standard library only."""

from __future__ import annotations

import linecache
import types

from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.observe import Outcome, failure_of, says

__all__ = ["answer_module", "missing", "run"]


def answer_module(file: str) -> types.ModuleType:
    """The empty module that an answer is run in; `file` is what tracebacks and reports call its source."""
    module = types.ModuleType("student")
    module.__file__ = file
    return module


def run(source: str, file: str, module: types.ModuleType) -> Outcome:
    """Run an answer's text in its module: PASS, or what its failure means for every case."""
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    try:
        exec(compile(source, file, "exec", dont_inherit=True), module.__dict__)
    except BaseException as error:
        failure = failure_of(error, [file])
        if failure.state == status.STUB:  # raised while the file is read: not by the function
            failure.state, failure.message = status.RAISED, says(error)
        failure.message += " (while your answer was being read)"
        return Outcome(failure.state, failure.message, failure.line, failure.text)
    return Outcome(status.PASS)


def missing(name: str) -> Outcome:
    """The outcome of an answer that does not define the function of the exercise."""
    return Outcome(status.MISSING_FUNCTION, f"your answer defines no function {name}")
