"""JSON Schemas of what a class and the course read and write, and what is wrong with a TOML file by one."""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from minigen.course.console import INSTALL_CLASSROOM, UsageError
from minigen.course.index.package import PACKAGE

__all__ = ["mistake", "schema"]

OF_THE_COURSE = PACKAGE / "course" / "data" / "schema"


@lru_cache
def schema(name: str) -> dict[str, Any]:
    """A JSON Schema that the package ships: "assignment", "submission", "grading", "check" or "sweep"."""
    folder = OF_THE_COURSE if name in ("check", "sweep") else Path(__file__).with_name("schema")
    return json.loads(folder.joinpath(f"{name}.json").read_text(encoding="utf-8"))


def mistake(data: Any, name: str) -> str:
    """The first mistake in the data of a TOML file by the schema `name`: the key, what it must be, what it is.

    "" if there is none. Each description of the schema completes the sentence "KEY must be ...". Raises UsageError
    without jsonschema.
    """
    error = next(_validator(name).iter_errors(data), None)
    if error is None:
        return ""
    path = list(error.absolute_path)
    if len(path) > 3:  # within the list of a key, whose description shows how it is written
        path = path[:3]
    elif error.validator == "additionalProperties":
        known = error.schema["properties"]
        unknown = next(key for key in error.instance if key not in known)
        return f"{_table(path)} has an unknown key {unknown!r}; known are {', '.join(sorted(known))}"
    elif error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        description = error.schema["properties"][missing]["description"]
        return f"{_key([*path, missing])} is missing; it must be {description}"
    sentence = ""
    part, value = schema(name), data
    for depth, step in enumerate(path, start=1):
        part = part["items"] if isinstance(step, int) else part["properties"][step]
        value = value[step]
        if "description" in part:  # an item of a list has none: the sentence is about the list
            sentence = f"{_key(path[:depth])} must be {part['description']}, got {value!r}"
    return sentence


def _validator(name: str) -> Any:
    """jsonschema's, with the types of TOML: a number is finite, a whole number has no point, a time is not text."""
    try:
        from jsonschema import Draft202012Validator, FormatChecker, validators
    except ImportError:
        message = f"checking an assignment needs jsonschema: {INSTALL_CLASSROOM}"
        raise UsageError(message) from None
    types = Draft202012Validator.TYPE_CHECKER.redefine_many({"number": _is_number, "integer": _is_integer})
    formats = FormatChecker(formats=())
    formats.checks("date-time")(lambda value: isinstance(value, datetime.datetime))
    formats.checks("line")(lambda value: isinstance(value, str) and value.isprintable() and value.strip() != "")
    return validators.extend(Draft202012Validator, type_checker=types)(schema(name), format_checker=formats)


def _is_integer(checker: Any, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(checker: Any, value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _key(path: Sequence[str | int]) -> str:
    """["late", "days"] is late.days, ["exercise", 0, "points"] is the key points of the first [[exercise]]."""
    match path:
        case [str(table), int(number), str(key)]:
            return f"[[{table}]] {number + 1}: {key}"
        case _:
            return ".".join(map(str, path))


def _table(path: Sequence[str | int]) -> str:
    """The table whose keys are at `path`, with its heading as in the file."""
    match path:
        case [str(name)]:
            return f"[{name}]"
        case [str(name), int(number)]:
            return f"[[{name}]] {number + 1}"
        case _:
            return "it"
