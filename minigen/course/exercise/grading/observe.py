"""Run a driver on a function and record what comes out. Nothing is judged here but the form of each returned value.

Used on both sides: in the worker on the student's function, in the parent on the reference, on mistakes, variants and
mutants. It needs NumPy and the standard library only.
"""

from __future__ import annotations

import ast
import errno
import inspect
import linecache
import re
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigen.course.exercise.grading import status

__all__ = [
    "Failure",
    "Impl",
    "Outcome",
    "PackageAnswer",
    "Stopped",
    "describe",
    "failure_of",
    "magnitude",
    "observe",
    "says",
]

NUMBERS = (bool, int, float, complex)
KINDS = {"b": "booleans", "i": "integers", "u": "integers", "f": "floats", "c": "complex numbers"}


class PackageAnswer(Exception):
    """Raised by the stand-in for the function that the student is asked to write."""


class Stopped(Exception):
    """Raised by the sandbox inside the student's code; carries the status to report."""

    def __init__(self, state: str, message: str):
        super().__init__(message)
        self.state = state


class Failure(BaseException):
    """A call of the student's function did not give an answer. Not an Exception, so that a driver cannot swallow it.

    values: the numbers that came back in the wrong form, to recognise a slip by.
    """

    def __init__(self, state: str, message: str, line: int | None = None, text: str = ""):
        super().__init__(message)
        self.state, self.message, self.line, self.text = state, message, line, text
        self.values: dict[str, np.ndarray] = {}


@dataclass
class Outcome:
    """What one case gave: named plain arrays, or a status with a message and the student's line.

    values: what the driver returned, or without an answer the numbers in what the function returned.
    precision, scale: of the numbers that the function returned, the spacing of its coarsest floats at 1, and the
        largest magnitude.
    draws: whether the function drew from NumPy's own random numbers, which no driver gives it.
    given: the largest magnitude among the arguments. returned: the names of those values that came back from the
        function as they are, so that their rounding has nothing to do with that of its other results.
    """

    status: str
    message: str = ""
    line: int | None = None
    text: str = ""
    values: dict[str, np.ndarray] = field(default_factory=dict)
    precision: float = 0.0
    scale: float = 0.0
    draws: bool = False
    given: float = 0.0
    returned: tuple[str, ...] = ()

    @property
    def answered(self) -> bool:
        return self.status == status.PASS


# ------------------------------------------------------------------------------------------- returned values


def is_box(value: Any) -> bool:
    """Whether autograd is tracing this value. Looked up by type: `isinstance` can be deceived."""
    return any(base.__module__ == "autograd.tracer" and base.__name__ == "Box" for base in type(value).__mro__)


def unbox(value: Any) -> Any:
    """The array inside autograd's boxes, however many derivatives are being taken."""
    while is_box(value):
        value = value._value
    return value


def is_array(value: Any) -> bool:
    """Whether this is an ndarray or of a subclass, by its type and not by its `__class__`."""
    return issubclass(type(value), np.ndarray)


def arrays_in(value: Any) -> list[np.ndarray]:
    """The arrays of an argument: itself, or those in its lists and tuples."""
    if is_array(value):
        return [value]
    return [array for item in value for array in arrays_in(item)] if type(value) in (list, tuple) else []


def with_copies(value: Any, copies: dict[int, np.ndarray]) -> Any:
    """An argument in which each array that has a copy (by its id) is replaced by that, in lists too."""
    if type(value) in (list, tuple) and arrays_in(value):
        return type(value)([with_copies(item, copies) for item in value])
    return copies.get(id(value), value)


def is_number(value: Any) -> bool:
    """Whether this is a Python number or a NumPy scalar."""
    return type(value) in NUMBERS or issubclass(type(value), (np.number, np.bool_))


def plain(value: Any) -> Any:
    """The value with every array replaced by a plain copy of its buffer, without the methods of a subclass."""
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
    """The form of a returned value: structure, shapes, kinds of numbers, and whether all are finite."""
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


def _a(name: str) -> str:
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _wanted(spec: Mapping[str, Any]) -> str:
    """The expected return value, in words."""
    if spec["form"] == "array":
        kind = KINDS.get(spec["kind"], spec["kind"])
        return f"an array of {kind}, shape {tuple(spec['shape'])}" if spec["shape"] else f"one number ({kind})"
    if spec["form"] in ("tuple", "list"):
        return f"a {spec['form']} of {len(spec['items'])}"
    if spec["form"] == "namedtuple":
        return spec["fields"]
    if spec["form"] == "dict":
        return "a dict with keys " + ", ".join(spec["items"])
    return _a(spec.get("type", "None"))


def numbers_in(value: Any) -> dict[str, np.ndarray]:
    """The arrays of numbers in a returned value, by their place."""
    value = unbox(value)
    if is_array(value) or is_number(value):
        array = np.asarray(value)
        return {"": array} if array.dtype.kind in KINDS else {}
    items = value.items() if type(value) is dict else enumerate(value) if isinstance(value, (list, tuple)) else ()
    return {f"{key}/{inner}": array for key, item in items for inner, array in numbers_in(item).items()}


def check_returned(value: Any, spec: Mapping[str, Any]) -> None:
    """Raise Failure if a returned value has not the form of the reference's, as `describe` gave it."""
    if value is None and spec["form"] != "none":
        message = f"your function returned None, expected {_wanted(spec)}: is a `return` missing?"
        raise Failure(status.RETURNED_NONE, message)
    try:
        check_form(value, spec, "your function returned")
    except Failure as failure:
        failure.values = numbers_in(value)
        raise


def check_form(value: Any, spec: Mapping[str, Any], what: str) -> None:
    """Raise Failure if a value, or one within it, has not the form of the reference's."""
    if spec["form"] == "none":
        return
    value = unbox(value)
    if value is None:
        raise Failure(status.RETURNED_NONE, f"{what} None, expected {_wanted(spec)}")
    got = describe(value)
    if got["form"] != spec["form"] or got.get("fields") != spec.get("fields"):
        raise Failure(status.WRONG_TYPE, f"{what} {_a(type(value).__name__)}, expected {_wanted(spec)}")
    if spec["form"] in ("tuple", "list", "namedtuple"):
        if len(got["items"]) != len(spec["items"]):
            raise Failure(status.WRONG_TYPE, f"{what} {len(got['items'])} values, expected {_wanted(spec)}")
        shapes, wanted = ([item.get("shape") for item in items] for items in (got["items"], spec["items"]))
        if shapes != wanted and shapes == wanted[::-1]:
            raise Failure(status.WRONG_SHAPE, f"{what} shapes {shapes}, expected {wanted}: in another order?")
        for i, (item, item_spec) in enumerate(zip(value, spec["items"], strict=True)):
            check_form(item, item_spec, f"value {i + 1} of {len(spec['items'])} that your function returned is")
    elif spec["form"] == "dict":
        missing = [key for key in spec["items"] if key not in got["items"]]
        if missing:
            raise Failure(status.WRONG_TYPE, f"{what} a dict without {', '.join(map(repr, missing))}")
        for key, item_spec in spec["items"].items():
            check_form(value[key], item_spec, f"{key!r} in the dict that your function returned is")
    elif spec["form"] == "array":
        _check_array(np.asarray(value), got, spec, what)
    elif got["type"] != spec["type"]:
        raise Failure(status.WRONG_TYPE, f"{what} {_a(got['type'])}, expected {_wanted(spec)}")


def _check_array(array: np.ndarray, got: Mapping, spec: Mapping, what: str) -> None:
    if got["kind"] not in KINDS:
        words = "an array of objects, not of numbers" if got["kind"] == "O" else f"an array of type {array.dtype}"
        raise Failure(status.WRONG_TYPE, f"{what} {words}, expected {_wanted(spec)}")
    if got["shape"] != spec["shape"]:
        raise Failure(status.WRONG_SHAPE, shape_message(got["shape"], spec["shape"], what))
    if KINDS[got["kind"]] != KINDS[spec["kind"]]:  # unsigned integers are integers too
        words = f"{KINDS[got['kind']]}, expected {KINDS[spec['kind']]}"
        raise Failure(status.WRONG_DTYPE, f"{what} {words} ({array.dtype})")
    if not got["finite"] and spec["finite"]:
        raise not_finite(array, what)


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
    if tuple(n for n in got if n != 1) == tuple(n for n in want if n != 1):
        reason = (
            "an axis of length 1 too many (keepdims?)" if len(got) > len(want) else "an axis of length 1 is missing"
        )
        return f"{message}: {reason}"
    if len(want) > 1 and got == want[::-1]:
        return message + ": transposed?"
    return message


def not_finite(array: np.ndarray, what: str) -> Failure:
    """The failure of an array that should be finite: where it is not, and how often."""
    bad = np.isnan(array)
    state, word = (status.NAN, "NaN (not a number)") if bad.any() else (status.INF, "an infinite number")
    bad = bad if bad.any() else np.isinf(array)
    if array.ndim == 0:
        return Failure(state, f"{what} {word}")
    index = ", ".join(str(i) for i in np.argwhere(bad)[0])
    return Failure(state, f"{what} {word} at [{index}] ({int(bad.sum())} of {array.size})")


# ------------------------------------------------------------------------------------------- calling the function


def _frames(error: BaseException) -> list[tuple[str, int, str, str]]:
    """(file, line, function, module) of each frame, outermost first."""
    rows, step = [], error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        rows.append((code.co_filename, step.tb_lineno, code.co_name, step.tb_frame.f_globals.get("__name__") or ""))
        step = step.tb_next
    return rows


def says(error: BaseException) -> str:
    """`Type: message`, at most 300 characters, without addresses; the message may itself be the student's code."""
    try:
        words = re.sub(r" at 0x[0-9a-fA-F]+", "", " ".join(str(error).split()))
    except BaseException:
        words = "(its message cannot be printed)"
    return f"{type(error).__name__}: {words}"[:300].removesuffix(": ")


def failure_of(error: BaseException, files: Iterable[str]) -> Failure:
    """What an exception from the student's code means, with the last line of her code that it passed."""
    if isinstance(error, Failure):
        return error
    files = set(files)
    frames = _frames(error)
    mine = [(file, line) for file, line, *_ in frames if file in files]
    file, line = mine[-1] if mine else ("", None)
    if isinstance(error, RecursionError) and mine:
        file, line = Counter(mine).most_common(1)[0][0]  # the line that calls itself
    text = linecache.getline(file, line).strip() if line else ""
    inside = bool(frames) and frames[-1][0] in files
    state, message = status.RAISED, says(error)
    if isinstance(error, NotImplementedError) and inside:
        state, message = (
            status.STUB,
            f"{frames[-1][2]} is still the stub: replace `raise NotImplementedError` by your answer",
        )
    elif isinstance(error, PackageAnswer):
        state, message = status.PACKAGE_ANSWER, str(error)
    elif isinstance(error, Stopped):
        state, message = error.state, str(error)
    elif isinstance(error, (SystemExit, GeneratorExit)):
        state, message = status.EXITED, "your code ended the program (sys.exit)"
    elif isinstance(error, MemoryError):
        state, message = status.MEMORY, f"your code requested more memory than a check may use ({says(error)})"
    elif isinstance(error, RecursionError):
        state, message = status.RECURSION, "your function calls itself without end"
    elif isinstance(error, EOFError):
        state, message = status.INPUT, "your code waits for input; there is no keyboard in a check"
    elif isinstance(error, (ModuleNotFoundError, FileNotFoundError)):
        message += " (a check runs your one file in an empty folder: put what it needs into the file itself)"
    elif isinstance(error, OSError) and error.errno == errno.EFBIG:  # the limit on the size of a file
        state, message = status.BIG_FILE, "your code wrote a file larger than a check may write"
    if type(error) is RuntimeError and _raised_in(error, threading.__file__):
        message = f"a check may forbid threads, as it forbids other processes: compute without them ({message})"
    elif state == status.RAISED and (advice := _traced_advice(error, files, text)):
        message = f"{advice} ({message})"
    return Failure(state, message, line, text)


def _raised_in(error: BaseException, file: str) -> bool:
    """Whether an error passed through this file."""
    return any(frame.f_code.co_filename == file for frame, _ in traceback.walk_tb(error.__traceback__))


def _traced_advice(error: BaseException, files: set[str], text: str) -> str:
    """What to do instead, if an operation that autograd cannot follow stands in the student's line while it traces."""
    steps = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename in files]
    if not steps or not isinstance(error, (TypeError, ValueError, AttributeError)):
        return ""
    names = {**steps[-1].f_globals, **steps[-1].f_locals}
    if not any(is_box(value) for value in steps[-1].f_locals.values()):
        return ""
    try:
        nodes = list(ast.walk(ast.parse(text.rstrip(":") if not text.endswith("):") else "0")))
    except SyntaxError:
        return ""
    for node in nodes:
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            return (
                "while its gradient is taken an array cannot be written into: build a new one, with np.where or a list"
            )
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in ("float", "int", "bool"):
            return (
                f"while the gradient is taken {node.func.id}() cannot be used: it cuts the number off from its history"
            )
        root = node.func
        while isinstance(root, ast.Attribute):
            root = root.value
        module = names.get(root.id) if isinstance(root, ast.Name) else None
        if getattr(module, "__name__", "").partition(".")[0] in ("numpy", "scipy", "math"):
            return (
                f"{ast.unparse(node.func)} cannot be differentiated: use autograd's np, `import autograd.numpy as np`"
            )
    return ""


class Impl:
    """The function as a driver sees it: called on copies of its arguments, and each returned value looked at.

    forms: what `describe` said of the reference's returned values, call by call; None while the reference is observed.
    files: the names of the student's source, to find her line. after: called after each call of the function.
    mutates: the arguments that the function is meant to change; they are passed as they are.
    """

    def __init__(
        self,
        function: Callable,
        forms: list | None = None,
        files: Iterable[str] = (),
        after: Callable[[], None] | None = None,
        mutates: Iterable[str] = (),
    ):
        self.function, self.forms, self.files = function, forms, tuple(files)
        self.after, self.mutates = after, tuple(mutates)
        self.seen: list[dict] = []
        self.calls: list[tuple[tuple, dict]] = []  # the arguments of each call
        self.sizes: set[int] = set()  # lengths of the arguments' axes, for "n times" in a report
        self.precision = self.scale = self.given = 0.0  # see Outcome
        self.draws = False
        self.returned: list[np.ndarray] = []
        self.signature: inspect.Signature | None
        try:
            self.signature = inspect.signature(function)
        except (TypeError, ValueError):
            self.signature = None

    @property
    def __name__(self) -> str:
        return getattr(self.function, "__name__", "impl")

    def __call__(self, *args, **kwargs):
        names = self._names(args, kwargs)
        self.calls.append((plain(tuple(map(unbox, args))), {key: plain(unbox(value)) for key, value in kwargs.items()}))
        given = [(name, array) for name, value in names for array in arrays_in(value)]
        numbers = [np.asarray(unbox(value)) for _, value in names if is_number(unbox(value))]
        self.given = max([self.given, *(magnitude(array) for array in numbers + [array for _, array in given])])
        self.sizes.update(size for _, array in given for size in (*array.shape, array.size))
        copies = {id(array): array.copy() for name, array in given if name not in self.mutates}
        kept = [(name, array) for name, array in given if name not in self.mutates]
        passed = [with_copies(value, copies) for value in args], {k: with_copies(v, copies) for k, v in kwargs.items()}
        lists = [(each, list(each)) for each in (*passed[0], *passed[1].values()) if type(each) is list]
        try:
            value = self.function(*passed[0], **passed[1])
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise failure_of(error, self.files) from None
        finally:
            if self.after is not None:
                self.after()
        for name, array in kept:
            if not _same(copies[id(array)], array):
                raise self._changed(name, args, kwargs)
        for each, items in lists:
            if len(each) != len(items) or any(now is not before for now, before in zip(each, items)):
                raise Failure(
                    status.CHANGED_INPUTS, "your function changes a list that it was given; work on a new one"
                )
        try:
            value = plain(value)
            return self._examined(value)
        except RecursionError:
            raise Failure(status.WRONG_TYPE, "your function returned lists within lists without end") from None
        except MemoryError:
            raise Failure(status.MEMORY, "your function returned an array too large for a check") from None

    def _examined(self, value: Any) -> Any:
        """A returned value whose form has been compared with that of the reference's, and noted."""
        number = len(self.seen)
        self.seen.append(describe(value))
        if self.forms is not None and number < len(self.forms):
            check_returned(value, self.forms[number])
        for array in numbers_in(value).values():
            self._note_precision(array)
            self.returned.append(array)
        return value

    def _note_precision(self, array: np.ndarray) -> None:
        if array.dtype.kind in "fc":
            self.precision = max(self.precision, float(np.finfo(array.dtype).eps))
            self.scale = max(self.scale, magnitude(array))

    def _names(self, args, kwargs) -> list[tuple[str, Any]]:
        """The arguments by name; raises Failure if the function cannot be called with them."""
        if self.signature is None:
            return [(f"argument {i + 1}", value) for i, value in enumerate(args)] + list(kwargs.items())
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            call = ", ".join(["..."] * len(args) + [f"{name}=..." for name in kwargs])
            raise Failure(
                status.WRONG_ARITY,
                f"{self.__name__}{self.signature} cannot be called as {self.__name__}({call}): {error}",
                getattr(getattr(self.function, "__code__", None), "co_firstlineno", None),
            ) from None
        flat = []
        for name, value in bound.arguments.items():
            kind = self.signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_POSITIONAL:
                flat += [(f"{name}[{i}]", item) for i, item in enumerate(value)]
            elif kind is inspect.Parameter.VAR_KEYWORD:
                flat += list(value.items())
            else:
                flat.append((name, value))
        return flat

    def _changed(self, name: str, args, kwargs) -> Failure:
        """Find the line: call once more with arguments that cannot be written to."""
        failure = Failure(
            status.CHANGED_INPUTS, f"your function changes its argument `{name}` in place; work on a copy"
        )

        arrays = [array for value in (*args, *kwargs.values()) for array in arrays_in(value)]
        locked = {id(array): array.copy() for array in arrays}
        for copy in locked.values():
            copy.flags.writeable = False
        try:
            self.function(
                *[with_copies(value, locked) for value in args],
                **{k: with_copies(v, locked) for k, v in kwargs.items()},
            )
        except ValueError as error:  # with arrays that could be written to, the same call raised nothing
            found = failure_of(error, self.files)
            failure.line, failure.text = found.line, found.text
        except Exception:
            pass  # the line remains unknown
        finally:
            if self.after is not None:
                self.after()
        return failure


def magnitude(array: np.ndarray) -> float:
    """The largest absolute value among the finite numbers of an array; 0 if there is none."""
    if array.dtype.kind not in KINDS:
        return 0.0
    numbers = np.abs(array[np.isfinite(array)].astype(complex if array.dtype.kind == "c" else float))
    return float(numbers.max(initial=0.0))


def _own_randomness() -> tuple:
    """The state of the generator behind np.random.randn and the like."""
    state = np.random.get_state(legacy=True)
    assert isinstance(state, tuple), "a dict comes without `legacy` only"
    return (state[0], np.asarray(state[1]).tobytes(), *state[2:])


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and (a.tobytes() == b.tobytes())


# ------------------------------------------------------------------------------------------- running a driver


def observe(driver: Callable, impl: Impl, seed: int, number: int) -> Outcome:
    """Run case `number` of an exercise; the same seed gives both sides the same inputs.

    NumPy's own generator, too, begins in the same state, so that a mistake that draws from it is recognised.
    """
    outcome = _observe(driver, impl, seed, number)
    outcome.draws, outcome.given = impl.draws, impl.given
    outcome.returned = tuple(name for name, value in outcome.values.items() if _came_back(value, impl.returned))
    return outcome


def _came_back(value: np.ndarray, returned: Iterable[np.ndarray]) -> bool:
    return any(value.shape == array.shape and np.array_equal(value, array, equal_nan=True) for array in returned)


def _observe(driver: Callable, impl: Impl, seed: int, number: int) -> Outcome:
    state = np.random.get_state()
    np.random.seed(np.random.SeedSequence([seed, number]).generate_state(4))
    begun = _own_randomness()
    try:
        result = driver(impl, np.random.default_rng([seed, number]))
    except KeyboardInterrupt:
        raise
    except Failure as failure:
        return Outcome(failure.state, failure.message, failure.line, failure.text, failure.values)
    except BaseException as error:
        return _driver_failed(driver, error)
    finally:
        impl.draws = _own_randomness() != begun  # once a case: a driver has a generator of its own
        np.random.set_state(state)
    if type(result) is not dict or not result:
        return Outcome(status.GRADER_ERROR, f"case {driver.__name__}: a driver must return a dict of arrays")
    try:
        values = {str(name): _array(name, value) for name, value in result.items()}
        return Outcome(status.PASS, values=values, precision=impl.precision, scale=impl.scale)
    except Failure as failure:
        return Outcome(failure.state, failure.message)


def _array(name: str, value: Any) -> np.ndarray:
    value = plain(value)
    if type(value) in (list, tuple):
        value = np.array(value)
    if not (is_array(value) or is_number(value)):
        raise Failure(
            status.GRADER_ERROR, f"the driver's {name!r} is {_a(type(value).__name__)}, not an array of numbers"
        )
    array = np.asarray(value)
    if array.dtype.kind not in KINDS:
        raise Failure(status.GRADER_ERROR, f"the driver's {name!r} is an array of type {array.dtype}, not of numbers")
    return array


def _driver_failed(driver: Callable, error: BaseException) -> Outcome:
    """An exception outside the student's function: her gradient, if it comes from autograd; else the driver's fault."""
    frames = _frames(error)
    last = frames[-1][3] if frames else ""
    differentiating = any(module in ("autograd.core", "minigen.tensor.core") for *_, module in frames)
    if differentiating or last.split(".")[0] == "autograd" or last.startswith("minigen.tensor"):
        return Outcome(status.NO_GRADIENT, f"the gradient of your function cannot be taken ({says(error)})")
    own = [line for file, line, *_ in frames if file == driver.__code__.co_filename]
    where = f"line {own[-1]} of the exercise's file" if own else "the driver"
    return Outcome(status.GRADER_ERROR, f"case {driver.__name__} failed in {where}: {says(error)}")
