"""What a result depends on besides its options: a hash of the code that made it.

A checkpoint or a cached model of other code is never taken for one of this code without a word.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import re
import types
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import minigen

__all__ = ["recipe_of", "recipe_of_functions"]

PACKAGE = Path(minigen.__file__).parent
ALWAYS_USED = {"tensor", "nn", "optim", "data", "train"}  # the parts of the package that every training rests on
NOT_HASHED = {"course", "plot", "cli"}  # they run and draw, and change no number
PART = re.compile(r"\bminigen\.(\w+)")


def recipe_of(lesson_file: str | Path | None) -> str | None:
    """What a lesson's trainings depend on besides its options, as 16 hexadecimal digits; None if it cannot be read.

    A hash of the lesson's code (not of its text, which is comments), of the version, and of the source of the package's
    parts (`minigen.gan`, ...) that the lesson names or that every training uses.
    """
    if lesson_file is None:
        return None
    try:
        code = ast.dump(ast.parse(Path(lesson_file).read_bytes()))
    except (OSError, SyntaxError, ValueError):
        return None
    source = Path(lesson_file).read_text(encoding="utf-8", errors="replace")
    return _digest(code, _code_of_parts(frozenset(PART.findall(source))))


def recipe_of_functions(*functions: Callable) -> str:
    """The same for functions: of their source, of the functions beside them that they call, of the parts they use."""
    sources: list[str] = []
    parts: set[str] = set()
    for function in functions:
        for text, named in _described(function, set()):
            sources.append(text)
            parts |= named
    return _digest(*sources, _code_of_parts(frozenset(parts)))


def _digest(*texts: str) -> str:
    hashed = hashlib.sha256(minigen.__version__.encode())
    for text in texts:
        hashed.update(text.encode() + b"\0")
    return hashed.hexdigest()[:16]


@lru_cache
def _code_of_parts(named: frozenset[str]) -> str:
    """A hash of the source of these parts of the package and of those that every training uses."""
    hashed = hashlib.sha256()
    for part in sorted((named | ALWAYS_USED) - NOT_HASHED):
        for path in sorted((PACKAGE / part).rglob("*.py")):
            hashed.update(path.relative_to(PACKAGE).as_posix().encode() + path.read_bytes())
    return hashed.hexdigest()


def _described(function: Callable, seen: set[Any]) -> Iterator[tuple[str, set[str]]]:
    """(source, parts of the package that it uses) of a function and of those that it calls in its own module."""
    code = getattr(function, "__code__", None)
    if code is None or code in seen:
        yield getattr(function, "__qualname__", repr(type(function))), set()
        return
    seen.add(code)
    names = set(_names(code))
    used = {name: value for name, value in inspect.getclosurevars(function).nonlocals.items()}
    used |= {name: function.__globals__[name] for name in names if name in function.__globals__}
    parts = set(PART.findall(" ".join(sorted(names))))  # imported inside the function
    inner = []
    for _, value in sorted(used.items()):
        module = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", None) or ""
        if isinstance(value, types.FunctionType) and module == function.__module__:
            inner.append(value)
        parts |= set(PART.findall(f"{module}."))
    yield _source(function), parts
    for value in inner:
        yield from _described(value, seen)


def _names(code: types.CodeType) -> Iterator[str]:
    """The global names, attributes and imported modules in a function's code and in that of functions inside it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _source(function: Callable) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return getattr(function, "__qualname__", repr(type(function)))
