"""`--set name=value`: other values for what a lesson declares with `lesson.configure(...)`."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Mapping
from typing import Any

from minigen.course.console import UsageError
from minigen.course.index.lesson_source import COMPUTED, LessonSource, literal

__all__ = ["check_settings", "with_settings"]


def check_settings(source: LessonSource, settings: Mapping[str, str]) -> None:
    """Raise UsageError for a setting that a lesson's file does not declare, or whose value is of another type."""
    declared: dict[str, Any] = {}
    for call in source.calls_of("configure"):
        declared |= {keyword.arg: literal(keyword.value) for keyword in call.node.keywords if keyword.arg}
    for name, text in settings.items():
        if name not in declared:
            near = difflib.get_close_matches(name, declared, 1)
            meant = f" (did you mean {near[0]}?)" if near else ""
            known = f"it has {', '.join(declared)}" if declared else "it has none"
            raise UsageError(f"--set {name}={text}: the lesson has no setting {name!r}{meant}; {known}")
        if declared[name] is not COMPUTED:
            _value(name, text, declared[name])


def with_settings(values: Mapping[str, Any], settings: Mapping[str, str]) -> dict[str, Any]:
    """Return the values that a lesson declares, those that are set replaced.

    Raises UsageError for one of another type.
    """
    return {name: _value(name, settings[name], value) if name in settings else value for name, value in values.items()}


def _value(name: str, text: str, before: Any) -> Any:
    """Return the value that the text stands for, of the type of the value before."""
    if isinstance(before, str):
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = COMPUTED
    if isinstance(before, float) and type(value) is int:
        return float(value)
    if isinstance(before, tuple) and isinstance(value, list):
        value = tuple(value)
    if value is COMPUTED or (before is not None and type(value) is not type(before)):
        kind = {int: "a whole number", float: "a number", bool: "True or False"}.get(
            type(before), type(before).__name__
        )
        raise UsageError(f"--set {name}={text}: {name} must be {kind}, as {before!r} is")
    return value
