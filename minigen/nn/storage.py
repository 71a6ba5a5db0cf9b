"""Whole models in files: beside a model's arrays are its class and the arguments of its constructor, as JSON.

    flow.save("flow.npz")
    flow = RealNVP.from_file("flow.npz")

Storable arguments are None, bool, int, float, str, tuples, lists and dicts of these, arrays of up to `MOST_NUMBERS`
numbers, modules (by their own arguments), built-in activation functions, and objects of the package that hold only
numbers, texts and such arrays (a noise schedule, a base density). A generator is not stored, because what it drew is in
the arrays. Of anything else only the kind is noted, and `from_file` says which argument is missing.

A file is data. It names classes, which must belong to this package or be imported already, and no code is in it.
"""

import importlib
import inspect
import json
import os
import sys
from pathlib import Path
from typing import Any, Self

import numpy

from minigen.tensor import load_arrays, named_leaves, save_arrays
from minigen.tensor.activations import FUNCTION_NAMES

META = "meta"
FORMAT = 1
MOST_NUMBERS = 10_000
NUMBERS_AND_TEXTS = "biufU"  # kinds of dtype
PLAIN = {int, str, float, bool, type(None)}
FUNCTIONS = {name: function for function, name in FUNCTION_NAMES.items()}


class Arguments:
    """What the constructor of a module was called with: never changed, so that copies of the module can share it."""

    __slots__ = ("module", "name", "named", "positional")

    def __init__(self, cls: type, args: tuple, kwargs: dict[str, Any]):
        self.module, self.name = cls.__module__, cls.__qualname__
        self.positional = [value if type(value) in PLAIN else _stored(value) for value in args]
        self.named = {name: value if type(value) in PLAIN else _stored(value) for name, value in kwargs.items()}

    def __deepcopy__(self, memo: dict) -> "Arguments":
        return self


class Storable:
    """What has arrays and keeps the arguments of its constructor, so that a file can hold it."""

    _arguments: Arguments

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if (args or kwargs) and cls.__init__ is object.__init__:
            raise TypeError(f"{cls.__name__}() takes no arguments")
        made = object.__new__(cls)
        vars(made)["_arguments"] = Arguments(cls, args, kwargs)
        return made

    def state(self) -> dict[str, numpy.ndarray]:
        raise NotImplementedError

    def load_state(self, state: dict[str, numpy.ndarray]) -> Self:
        raise NotImplementedError

    def save(self, path: str | os.PathLike) -> Path:
        """Write all arrays, the class and the arguments of its constructor to an `.npz` file, all or nothing.

        `from_file` makes the model again from the file, `load` reads the arrays alone. Nothing else is stored: neither
        which parts are frozen, nor the mode (`train` or `eval`), nor a setting that was changed after construction.
        """
        state = self.state()
        if META in state:
            raise ValueError(f"the array {META!r} of {type(self).__name__} must have another name in order to be saved")
        content = {"format": FORMAT, **_encoded(self._arguments), "tied": _tied(self)}
        return save_arrays(path, {**state, META: numpy.array(json.dumps(content, default=_encoded))})

    @classmethod
    def from_file(cls, path: str | os.PathLike) -> Self:
        """Return a new model, of this class or of a subclass, from a file that `save` wrote.

        It is constructed with the stored arguments, then its arrays are set to those of the file, in the dtypes that
        they have after construction. It is in training mode, and nothing is frozen. Raises ValueError if the file is
        damaged, holds another model, or lacks an argument that cannot be stored (such as a function): then
        `Class(...).load(path)` reads the arrays. A file of an older version has no arguments.
        """
        arrays = load_arrays(path)
        try:
            return _rebuilt(cls, arrays)
        except ValueError as error:
            raise ValueError(f"cannot make a {cls.__name__} from {path}: {error}") from error.__cause__

    def load(self, path: str | os.PathLike) -> Self:
        """Read the arrays that `save` wrote into this model, in place; names and shapes must agree (ValueError)."""
        arrays = load_arrays(path)
        try:
            return self.load_state({name: a for name, a in arrays.items() if name != META})
        except ValueError as error:
            raise ValueError(f"cannot load {path}: {error}") from None


# ------------------------------------------------------------------------------------------- writing


def _stored(value: Any) -> Any:
    """A copy of an argument that JSON, with `_encoded`, can hold; but for plain values, a dict with its kind as key."""
    kind = type(value)
    if kind in PLAIN:
        return value
    if isinstance(value, numpy.random.Generator):
        return {"generator": None}
    arguments = getattr(value, "_arguments", None)
    if isinstance(arguments, Arguments):
        return arguments
    if kind is numpy.ndarray or isinstance(value, numpy.generic):
        fits = value.dtype.kind in NUMBERS_AND_TEXTS and value.size <= MOST_NUMBERS
        return numpy.array(value) if fits else {"missing": f"an array of {value.size:,} values of {value.dtype}"}
    if kind in (list, tuple, dict):
        if len(value) > MOST_NUMBERS:
            return {"missing": f"a {kind.__name__} of {len(value):,} items"}
        return {kind.__name__: [_stored(item) for item in (value.items() if kind is dict else value)]}
    for function, name in FUNCTION_NAMES.items():
        if value is function:
            return {"function": name}
    if kind.__module__.startswith("minigen.") and hasattr(value, "__dict__"):
        attributes = {name: _stored(a) for name, a in vars(value).items()}
        if all(map(_is_number_text_or_array, attributes.values())):
            return {"object": f"{kind.__module__}:{kind.__qualname__}", "attributes": attributes}
    return {"missing": f"{kind.__name__} {getattr(value, '__qualname__', '')}".strip()}


def _is_number_text_or_array(stored: Any) -> bool:
    """Whether `_stored` returned this for a number, a text, an array, or a tuple of these."""
    if isinstance(stored, dict):
        return "tuple" in stored and all(map(_is_number_text_or_array, stored["tuple"]))
    return type(stored) in PLAIN or isinstance(stored, numpy.ndarray)


def _encoded(value: Any) -> dict[str, Any]:
    """What JSON cannot hold as it is: the arguments of a module, or an array."""
    if isinstance(value, Arguments):
        return {"class": f"{value.module}:{value.name}", "positional": value.positional, "named": value.named}
    return {"array": value.ravel().tolist(), "shape": value.shape, "dtype": value.dtype.str}


def _tied(model: Any) -> list[list[str]]:
    """The names of parameters that are one array, group by group."""
    names: dict[int, list[str]] = {}
    for name, a in named_leaves(model):
        names.setdefault(id(a), []).append(name)
    return [group for group in names.values() if len(group) > 1]


# ------------------------------------------------------------------------------------------- reading


def _rebuilt(cls: type, arrays: dict[str, numpy.ndarray]) -> Any:
    """The model of class `cls`, or of a subclass, that a file with this content holds."""
    arrays = dict(arrays)
    content = _content(cls, arrays.pop(META, None))
    try:
        model = _made(cls, content["class"], content["positional"], content["named"], cls)
    except (TypeError, OverflowError, RecursionError) as error:  # those of constructors are ValueErrors by now
        raise ValueError(f"its description is damaged ({error})") from error
    try:
        model.load_state(arrays)
    except ValueError as error:
        raise ValueError(
            f"its arrays do not fit a new {type(model).__name__} with the same arguments: {error}. If the model was "
            "changed after it was made, change a new one in the same way and read the arrays with load(path)"
        ) from None
    parameters = dict(named_leaves(model))
    for group in content["tied"]:
        if len({id(parameters.get(name)) for name in group}) > 1:
            raise ValueError(
                f"the parameters {', '.join(group)} were one array and would be several: {_other_way(cls)}"
            )
    return model


def _content(cls: type, meta: numpy.ndarray | None) -> dict[str, Any]:
    """The description of a model, with all that it must have."""
    if meta is None:
        raise ValueError(f"it holds arrays only, without the arguments of {cls.__name__}: {_other_way(cls)}")
    try:
        content = json.loads(str(meta))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its description is damaged ({error})") from None
    match content:
        case {"format": int(number)} if number > FORMAT:
            raise ValueError(f"its format is {number}, of a newer version of minigen; this one reads up to {FORMAT}")
        case {"format": 1, "class": str(), "positional": list(), "named": dict(), "tied": list(groups)}:
            if all(isinstance(group, list) and all(isinstance(name, str) for name in group) for group in groups):
                return content
    raise ValueError("its description is damaged (it must have a format, a class and arguments)")


def _other_way(cls: type) -> str:
    return f"make the model as it was made and read the arrays: {cls.__name__}(...).load(path)"


def _made(cls: type, name: str, positional: list, named: dict[str, Any], least: type) -> Any:
    """The module of the class of this name, made with these arguments; a subclass of `least`."""
    kind = _class(cls, name)
    if not issubclass(kind, least):
        raise ValueError(f"it holds a {kind.__name__}, not a {least.__name__}")
    names = _names(kind, len(positional))
    args = [_value(cls, f"{argument} of {kind.__name__}", value) for argument, value in zip(names, positional)]
    kwargs = {argument: _value(cls, f"{argument} of {kind.__name__}", value) for argument, value in named.items()}
    try:
        return kind(*args, **kwargs)
    except Exception as error:
        raise ValueError(f"{kind.__name__} cannot be made with the stored arguments: {error}") from error


def _names(kind: type, count: int) -> list[str]:
    """The names of the first `count` arguments of a constructor."""
    names: list[str] = []
    for parameter in list(inspect.signature(kind.__init__).parameters.values())[1:]:  # type: ignore[misc]
        if parameter.kind is parameter.VAR_POSITIONAL:
            names += [f"{parameter.name}[{i}]" for i in range(count - len(names))]
        names.append(parameter.name)
    return [*names, *["an argument"] * count][:count]


def _class(cls: type, name: str) -> type:
    """The class "module:name", which must be `cls`, of this package, or imported; it is looked for beside `cls`, too.

    A script is the module `__main__` when it is run and has its own name when it is imported: both mean one class.
    """
    module, _, path = name.partition(":")
    script = "__main__" in (module, cls.__module__)
    if path == cls.__qualname__ and (module == cls.__module__ or script):
        return cls
    if module.startswith("minigen."):
        try:
            importlib.import_module(module)
        except ImportError:
            pass
    for place in [module, cls.__module__] if script else [module]:
        found: Any = sys.modules.get(place)
        for part in path.split("."):
            found = getattr(found, part, None)
        if isinstance(found, type):
            return found
    raise ValueError(f"it holds a {path}, and no module {module} with this class is imported")


def _value(cls: type, argument: str, entry: Any) -> Any:
    """An argument from what `_stored` made of it."""
    match entry:
        case None | bool() | int() | float() | str():
            return entry
        case {"list": list(items)}:
            return [_value(cls, argument, item) for item in items]
        case {"tuple": list(items)}:
            return tuple(_value(cls, argument, item) for item in items)
        case {"dict": list(items)}:
            return dict(_value(cls, argument, item) for item in items)
        case {"array": list(numbers), "shape": list(shape), "dtype": str(dtype)}:
            return numpy.array(numbers, dtype).reshape(shape)[()]
        case {"function": str(name)} if name in FUNCTIONS:
            return FUNCTIONS[name]
        case {"generator": None}:
            return numpy.random.default_rng(0)
        case {"class": str(name), "positional": list(positional), "named": dict(named)}:
            return _made(cls, name, positional, named, Storable)
        case {"object": str(name), "attributes": dict(attributes)} if name.startswith("minigen."):
            value: Any = object.__new__(_class(cls, name))
            vars(value).update({key: _value(cls, argument, a) for key, a in attributes.items()})
            return value
        case {"missing": str(kind)}:
            raise ValueError(f"{argument} is missing, because a file cannot hold it ({kind}): {_other_way(cls)}")
    raise ValueError(f"its description is damaged (at {argument})")
