"""The form of a returned value: its structure, shapes and kinds of numbers, looked at without its own methods.

The reference's form is described, and a student's value is compared with that description where it is returned: what
autograd traces, or an array of objects, could not be sent to another process. NumPy and the standard library only.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.outcome import Failure

__all__ = [
    "KINDS",
    "check_plain",
    "check_returned",
    "describe",
    "is_array",
    "is_box",
    "is_number",
    "magnitude",
    "not_finite",
    "numbers_in",
    "plain",
    "shape_message",
    "unbox",
    "with_article",
    "with_axes",
]

NUMBERS = (bool, int, float, complex)
KINDS = {"b": "booleans", "i": "integers", "u": "integers", "f": "floats", "c": "complex numbers"}


def is_box(value: Any) -> bool:
    """Whether autograd is tracing this value. Looked up by type: `isinstance` can be deceived, and names too."""
    tracer = sys.modules.get("autograd.tracer")
    return tracer is not None and issubclass(type(value), tracer.Box)


def unbox(value: Any) -> Any:
    """Return the array inside autograd's boxes, however many derivatives are being taken."""
    while is_box(value):
        value = value._value
    return value


def is_array(value: Any) -> bool:
    """Whether this is an ndarray or of a subclass, by its type and not by its `__class__`."""
    return issubclass(type(value), np.ndarray)


def is_number(value: Any) -> bool:
    """Whether this is a Python number or a NumPy scalar."""
    return type(value) in NUMBERS or issubclass(type(value), (np.number, np.bool_))


def check_plain(value: Any) -> None:
    """Raise Failure if an array of a returned value is of a subclass: masked, a matrix, or with methods of its own.

    What the elements of such an array mean is up to its class, so its numbers cannot be compared with the reference's.
    """
    value = unbox(value)
    if is_array(value) and type(value) is not np.ndarray:
        known = {np.ma.MaskedArray: "a masked array", np.matrix: "a matrix"}
        kind = known.get(type(value), "an array of another class than np.ndarray")
        message = f"your function returned {kind}; a plain array is expected"
        raise Failure(status.WRONG_TYPE, message)
    if type(value) is dict:
        value = list(value.values())
    for item in value if issubclass(type(value), (list, tuple)) else ():
        check_plain(item)


def plain(value: Any) -> Any:
    """Return the value with every array replaced by a plain copy of its buffer, without the methods of a subclass."""
    if is_array(value):
        return np.array(value, copy=True, subok=False)
    if type(value) in (list, tuple):
        return type(value)(plain(item) for item in value)
    if type(value) is dict:
        return {key: plain(item) for key, item in value.items()}
    if issubclass(type(value), tuple) and hasattr(type(value), "_make"):
        return type(value)._make(plain(item) for item in value)
    if issubclass(type(value), np.generic) and type(value).__module__ != "numpy":
        return np.array(value)[()]
    return value


def describe(value: Any) -> dict[str, Any]:
    """Return the form of a returned value: structure, shapes, kinds of numbers, and whether all are finite."""
    value = unbox(value)
    if value is None:
        return {"form": "none"}
    if is_array(value) or is_number(value):
        array = np.asarray(value)
        kind = array.dtype.kind
        finite = bool(np.isfinite(array).all()) if kind in "fc" else True
        return {"form": "array", "shape": list(array.shape), "kind": kind, "finite": finite}
    if type(value) in (list, tuple):
        return {"form": type(value).__name__, "items": [describe(item) for item in value]}
    if issubclass(type(value), tuple) and hasattr(type(value), "_make"):
        fields = f"{type(value).__name__}({', '.join(type(value)._fields)})"
        return {"form": "namedtuple", "fields": fields, "items": [describe(item) for item in value]}
    if type(value) is dict:
        return {"form": "dict", "items": {str(key): describe(item) for key, item in value.items()}}
    return {"form": "other", "type": type(value).__name__}


def with_article(name: str) -> str:
    """Return "a float", "an array"."""
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _in_words(spec: Mapping[str, Any]) -> str:
    """Return the expected return value, in words."""
    if spec["form"] == "array":
        kind = KINDS.get(spec["kind"], spec["kind"])
        return f"an array of {kind}, shape {tuple(spec['shape'])}" if spec["shape"] else f"one number ({kind})"
    if spec["form"] in ("tuple", "list"):
        return f"a {spec['form']} of {len(spec['items'])}"
    if spec["form"] == "namedtuple":
        return spec["fields"]
    if spec["form"] == "dict":
        return "a dict with keys " + ", ".join(spec["items"])
    return with_article(spec.get("type", "None"))


def numbers_in(value: Any) -> dict[str, np.ndarray]:
    """Return the arrays of numbers in a returned value, by their place."""
    value = unbox(value)
    if is_array(value) or is_number(value):
        array = np.asarray(value)
        return {"": array} if array.dtype.kind in KINDS else {}
    items = value.items() if type(value) is dict else enumerate(value) if isinstance(value, (list, tuple)) else ()
    return {f"{key}/{inner}": array for key, item in items for inner, array in numbers_in(item).items()}


def check_returned(value: Any, spec: Mapping[str, Any]) -> None:
    """Raise Failure if a returned value has not the form of the reference's, as `describe` gave it."""
    if value is None and spec["form"] != "none":
        message = f"your function returned None, expected {_in_words(spec)}: is a `return` missing?"
        raise Failure(status.RETURNED_NONE, message)
    try:
        _check_form(value, spec, "your function returned")
    except Failure as failure:
        failure.values = numbers_in(value)
        raise


def _check_form(value: Any, spec: Mapping[str, Any], what: str) -> None:
    """Raise Failure if a value, or one within it, has not the form of the reference's."""
    if spec["form"] == "none":
        return
    value = unbox(value)
    if value is None:
        raise Failure(status.RETURNED_NONE, f"{what} None, expected {_in_words(spec)}")
    got = describe(value)
    if got["form"] != spec["form"] or got.get("fields") != spec.get("fields"):
        raise Failure(status.WRONG_TYPE, f"{what} {with_article(type(value).__name__)}, expected {_in_words(spec)}")
    if spec["form"] in ("tuple", "list", "namedtuple"):
        if len(got["items"]) != len(spec["items"]):
            raise Failure(status.WRONG_TYPE, f"{what} {len(got['items'])} values, expected {_in_words(spec)}")
        shapes, wanted = ([item.get("shape") for item in items] for items in (got["items"], spec["items"]))
        if shapes != wanted and shapes == wanted[::-1]:
            raise Failure(status.WRONG_SHAPE, f"{what} shapes {shapes}, expected {wanted}: in another order?")
        for i, (item, item_spec) in enumerate(zip(value, spec["items"], strict=True)):
            _check_form(item, item_spec, f"value {i + 1} of {len(spec['items'])} that your function returned is")
    elif spec["form"] == "dict":
        missing = [key for key in spec["items"] if key not in got["items"]]
        if missing:
            raise Failure(status.WRONG_TYPE, f"{what} a dict without {', '.join(map(repr, missing))}")
        for key, item_spec in spec["items"].items():
            _check_form(value[key], item_spec, f"{key!r} in the dict that your function returned is")
    elif spec["form"] == "array":
        _check_array(np.asarray(value), got, spec, what)
    elif got["type"] != spec["type"]:
        raise Failure(status.WRONG_TYPE, f"{what} {with_article(got['type'])}, expected {_in_words(spec)}")


def _check_array(array: np.ndarray, got: Mapping, spec: Mapping, what: str) -> None:
    if got["kind"] not in KINDS:
        words = "an array of objects, not of numbers" if got["kind"] == "O" else f"an array of type {array.dtype}"
        raise Failure(status.WRONG_TYPE, f"{what} {words}, expected {_in_words(spec)}")
    if got["shape"] != spec["shape"]:
        raise Failure(status.WRONG_SHAPE, shape_message(got["shape"], spec["shape"], what))
    if KINDS[got["kind"]] != KINDS[spec["kind"]]:  # unsigned integers are integers too
        words = f"{KINDS[got['kind']]}, expected {KINDS[spec['kind']]}"
        raise Failure(status.WRONG_DTYPE, f"{what} {words} ({array.dtype})")
    if not got["finite"] and spec["finite"]:
        raise not_finite(array, what)


def with_axes(value: Any, spec: Mapping[str, Any]) -> Any:
    """Return a returned value in the shapes of the reference's, where only axes of length 1 are too many or missing."""
    items = spec.get("items")
    if spec["form"] == "array" and (is_array(unbox(value)) or is_number(unbox(value))):
        shape, wanted = np.shape(unbox(value)), tuple(spec["shape"])
        if shape == wanted or _without_ones(shape) != _without_ones(wanted):
            return value
        return value.reshape(wanted) if hasattr(value, "reshape") else np.reshape(value, wanted)
    if type(value) is dict and isinstance(items, dict):
        return {key: with_axes(item, items[key]) if key in items else item for key, item in value.items()}
    if isinstance(value, (list, tuple)) and isinstance(items, list) and len(items) == len(value):
        kind: Any = type(value)
        made = [with_axes(item, each) for item, each in zip(value, items)]
        return kind._make(made) if hasattr(kind, "_make") else kind(made)
    return value


def _without_ones(shape: Iterable[int]) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1)


def shape_message(got: Iterable[int], want: Iterable[int], what: str) -> str:
    """Two shapes that differ, in words, with a guess at the reason."""
    got, want = tuple(got), tuple(want)
    message = f"{what} shape {got}, expected shape {want}"
    if want == ():
        return message + " (one number)"
    if len(want) == 1 and got == ():
        return message + ": one number for each example, not one for all"
    if len(want) == 1 and len(got) > 1 and got[0] == want[0] and max(got[1:]) > 1:
        return message + ": one number for each example, whatever the number of its axes"
    if _without_ones(got) == _without_ones(want):
        reason = (
            "an axis of length 1 too many (keepdims?)" if len(got) > len(want) else "an axis of length 1 is missing"
        )
        return f"{message}: {reason}"
    if len(want) > 1 and got == want[::-1]:
        return message + ": transposed?"
    return message


def not_finite(array: np.ndarray, what: str) -> Failure:
    """Return the failure of an array that should be finite: where it is not, and how often."""
    bad = np.isnan(array)
    state, word = (status.NAN, "NaN (not a number)") if bad.any() else (status.INF, "an infinite number")
    bad = bad if bad.any() else np.isinf(array)
    if array.ndim == 0:
        return Failure(state, f"{what} {word}")
    index = ", ".join(str(i) for i in np.argwhere(bad)[0])
    return Failure(state, f"{what} {word} at [{index}] ({int(bad.sum())} of {array.size})")


def magnitude(array: np.ndarray) -> float:
    """Return the largest absolute value among the finite numbers of an array; 0 if there is none."""
    if array.dtype.kind not in KINDS:
        return 0.0
    if array.dtype.kind == "f":
        largest = float(np.abs(array).max(initial=0.0))
        if math.isfinite(largest):
            return largest
    numbers = np.abs(array[np.isfinite(array)].astype(complex if array.dtype.kind == "c" else float))
    return float(numbers.max(initial=0.0))
