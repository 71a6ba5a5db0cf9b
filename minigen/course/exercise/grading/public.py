"""What a student reads of a message where the graded inputs are secret: the grader's own words, and no text of hers.

An answer sees the graded inputs and chooses the text of its exceptions, so that text could carry them to the student.
A message is shown as it is if the grader wrote it. Which those are is decided by its words, because whatever comes from
a worker may be forged: all of them must occur in the sentences of the grader. Else the status speaks, with the type of
the exception if it is one of Python's.
"""

from __future__ import annotations

import ast
import builtins
import re
import signal
from functools import cache
from pathlib import Path

from minigen.course.exercise.grading import status

__all__ = ["public_message"]

SOURCES = ("audit", "compare", "forms", "grade", "in_process", "observe", "runner", "sandbox", "worker")
INSTEAD = {
    status.PACKAGE_ANSWER: "your code reaches for the function that you are asked to write",
    status.WRONG_ARITY: "your function cannot be called with the arguments of this case",
    status.MISSING_FUNCTION: "your file defines no function of this name",
    status.STUB: "your function is still the stub",
    status.OUTSIDE: "your code reads or writes outside of its own folder, or calls into native code",
}
RAISED = {status.RAISED, status.NO_GRADIENT, status.MEMORY}
NUMPY = ("AxisError", "LinAlgError")
LONGEST_NUMBER = 7  # digits
PLAIN = re.compile(r"[\w\s.,:;()\[\]'`?=*/+-]*")


def public_message(state: str, message: str) -> str:
    """Return the message of a case, or of a file, as its feedback shows it; "" where the status says all there is to
    say.
    """
    if state in status.OF_THE_FILE or _is_ours(message):
        return message
    if state not in RAISED:
        return INSTEAD.get(state, "")
    name = _exception_in(message)
    advice, found, _ = message.partition(f" ({name}")
    before = f"{advice}; " if found and _is_ours(advice) else ""
    return f"{before}{name}, whose text is not shown, because it could hold the graded inputs"


def _is_ours(message: str) -> bool:
    words = re.findall(r"[^\W\d_]+", message)
    numbers = re.findall(r"\d+", message)
    short = all(len(number) <= LONGEST_NUMBER for number in numbers) and sum(map(len, numbers)) <= 8 * LONGEST_NUMBER
    return PLAIN.fullmatch(message) is not None and short and _vocabulary().issuperset(words)


@cache
def _vocabulary() -> frozenset[str]:
    """Return the words of the strings in the grader's source."""
    found: set[str] = set()
    for name in SOURCES:
        tree = ast.parse(Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8"))
        texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
        found.update(word for text in texts if isinstance(text, str) for word in re.findall(r"[^\W\d_]+", text))
    return frozenset([*found, *(each.name for each in signal.Signals)])


def _exception_in(message: str) -> str:
    """Return the first exception of Python's or NumPy's that a message names."""
    for word in re.findall(r"[A-Za-z]+", message):
        kind = getattr(builtins, word, None)
        if word in NUMPY or isinstance(kind, type) and issubclass(kind, BaseException):
            return word
    return "an exception"
