"""The inputs of a case in words, and one line of Python that repeats the call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = ["arguments", "described", "repeat_line"]

SMALL = 12  # numbers that are shown whole
NEAR = 2  # elements on each side of the worst one
LONGEST = 100  # characters of a line that repeats a call with its numbers in it


def arguments(function: Callable, call: tuple[tuple, dict]) -> dict[str, Any]:
    """Return the arguments of a call by name, without defaults."""
    return dict(inspect.signature(function).bind(*call[0], **call[1]).arguments)


def described(arguments: dict[str, Any], worst: Sequence[int] | None = None) -> list[str]:
    """One line for each argument: small ones whole, large arrays by their shape and what is near the worst element."""
    return [f"{name} = {_text(value, worst)}" for name, value in arguments.items()]


def repeat_line(name: str, exercise_id: str, case: str, arguments: dict[str, Any], seed: int, call: int = 0) -> str:
    """Python that calls the student's function as the case did: with its numbers, or with the inputs looked up.

    call: the number of the call within the case, from 0; `inputs` counts from 1.
    """
    literals = [_literal(value) for value in arguments.values()]
    line = f"{name}({', '.join(str(literal) for literal in literals)})"
    if None not in literals and len(line) <= LONGEST:
        return line
    options = (f", seed={seed}" if seed else "") + (f", call={call + 1}" if call else "")
    return f'{name}(*inputs("{exercise_id}", "{case}"{options}))  # from minigen.course import inputs'


def _literal(value: Any) -> str | None:
    """Python for a value, in full precision; None if it is not a small array, number or text."""
    if isinstance(value, np.ndarray):
        return f"np.array({value.tolist()!r})" if value.size <= SMALL and value.dtype.kind in "fiub" else None
    if isinstance(value, np.generic):
        value = value.item()
    return repr(value) if isinstance(value, (bool, int, float, str, type(None))) else None


def _text(value: Any, worst: Sequence[int] | None) -> str:
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiubc":
        if value.size <= SMALL:
            return _numbers(value)
        shape = f"array of shape {value.shape}"
        if worst and len(worst) <= value.ndim and all(i < n for i, n in zip(worst, value.shape)):
            return f"{shape}; {_around(value, worst)}"
        return shape
    if isinstance(value, (list, tuple)):
        inner = ", ".join(_text(item, worst) for item in value[:3])
        return f"{type(value).__name__} of {len(value)}: {inner}{', ...' if len(value) > 3 else ''}"
    literal = _literal(value)
    if literal is not None:
        return literal
    return getattr(value, "__name__", None) or f"a {type(value).__name__}"


def _around(value: np.ndarray, worst: Sequence[int]) -> str:
    """Return the part of an array beside an element, along the last axis that its index names."""
    *before, last = worst
    low = max(0, last - NEAR)
    place: Any = (*before, slice(low, last + NEAR + 1))
    part = value[place]
    words = ", ".join([*map(str, before), f"{low}:{low + len(part)}"])
    return f"[{words}] = {_numbers(part)}" if part.size <= 4 * SMALL else f"[{words}] has shape {part.shape}"


def _numbers(value: np.ndarray) -> str:
    text = np.array2string(value, precision=6, separator=", ", threshold=1000, max_line_width=10**6)
    return " ".join(text.split())
