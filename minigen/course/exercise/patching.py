"""One function in the place of another, wherever that can be reached by name.

A function is replaced in its own module, in every loaded module of minigen that imported it, and in lists and dicts of
such modules. Modules that are loaded later import it from its own module, so they get the new one as well. Methods
(`"minigen.flow.coupling:AffineCoupling.forward"`) are replaced in their class.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from minigen.course.exercise.format import resolve_target
from minigen.course.exercise.functions import formula

__all__ = ["put_back", "replace", "replaced"]


def _places(wanted: Callable, also: Iterable[dict] = (), package: str = "") -> Iterator[tuple[Any, Any]]:
    """(container, key) of every place where a function can be reached: namespaces, and dicts and lists in them.

    package: a package to look through besides minigen, the running program and that of the function.
    """
    packages = {"minigen", "__main__", (package or getattr(wanted, "__module__", None) or "").partition(".")[0]}
    spaces = [
        vars(module)
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in packages and isinstance(module, types.ModuleType)
    ]
    for space in {id(space): space for space in [*spaces, *also]}.values():
        for key, value in list(space.items()):
            if value is wanted:
                yield space, key
            elif type(value) in (dict, list):
                inner = value.items() if type(value) is dict else enumerate(value)
                yield from [(value, k) for k, v in inner if v is wanted]


def replace(target: str, function: Callable, also: Iterable[dict] = ()) -> list[Callable[[], None]]:
    """Put `function` in the place of a target everywhere; return what undoes it."""
    owner, name, original = resolve_target(target)
    undo: list[Callable[[], None]] = []
    if isinstance(owner, type):
        own = vars(owner).get(name)
        if own is None:  # inherited: put ours before it
            undo.append(functools.partial(delattr, owner, name))
            setattr(owner, name, function)
        for key in [key for key, value in vars(owner).items() if own is not None and value is own]:
            undo.append(functools.partial(setattr, owner, key, own))  # aliases such as `__call__ = forward` too
            setattr(owner, key, function)
        return undo
    before = {(id(container), key) for container, key in _places(function)}
    undo.append(functools.partial(_put_back_later, function, original, before))
    for each in dict.fromkeys([original, formula(original)]):
        for container, key in list(_places(each, also)):
            undo.append(functools.partial(put_back, container, key, function, each))
            container[key] = function
    return undo


def _put_back_later(function: Callable, original: Callable, before: set[tuple[int, Any]]) -> None:
    """The original in modules that were loaded meanwhile and took the new one; not where that was before."""
    for container, key in list(_places(function, package=original.__module__)):
        if (id(container), key) not in before:
            container[key] = original


def put_back(container: Any, key: Any, function: Callable, original: Any) -> None:
    """The original where `function` still is: what has been bound again since, as in a notebook, stays."""
    try:
        current = container[key]
    except (KeyError, IndexError):
        return
    if current is function:
        container[key] = original


@contextlib.contextmanager
def replaced(target: str, function: Callable, also: Iterable[dict] = ()) -> Iterator[None]:
    """`function` in the place of the package's `target` for a while; `also`: further namespaces to look through."""
    undo = replace(target, function, also)
    try:
        yield
    finally:
        for step in reversed(undo):
            step()
