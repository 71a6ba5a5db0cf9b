"""Run an answer's text, then drivers on its function, and record what comes out.

Nothing is judged here but the form of each returned value. Used on both sides: in the worker on the student's function,
in the parent on the reference, on mistakes, variants and mutants. It needs NumPy and the standard library only.
"""

from __future__ import annotations

import ast
import contextlib
import errno
import functools
import inspect
import linecache
import re
import sys
import threading
import traceback
import types
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.forms import (
    KINDS,
    check_plain,
    check_returned,
    describe,
    is_array,
    is_box,
    is_number,
    magnitude,
    numbers_in,
    plain,
    unbox,
    with_article,
    with_axes,
)
from minigen.course.exercise.grading.outcome import CaseOutcome, Failure, PackageAnswer, Stopped
from minigen.course.exercise.grading.shift import shifted

__all__ = [
    "Impl",
    "Start",
    "answer_module",
    "failure_of",
    "generator_restored",
    "load",
    "observe",
    "run_text",
    "start_of",
]


# ------------------------------------------------------------------------------------------- running the text


def answer_module(file: str) -> types.ModuleType:
    """Return the empty module that an answer is run in; `file` is what tracebacks and reports call its source."""
    module = types.ModuleType("student")
    module.__file__ = file
    return module


def load(source: str, file: str, name: str, module: types.ModuleType) -> tuple[Callable | None, CaseOutcome]:
    """Run an answer's text in its module: its function `name` and PASS, or None and the outcome of every case."""
    outcome = run_text(source, file, module)
    function = module.__dict__.get(name) if outcome.answered else None
    if outcome.answered and not callable(function):
        return None, CaseOutcome(status.MISSING_FUNCTION, f"your answer defines no function {name}")
    return function, outcome


def run_text(source: str, file: str, module: types.ModuleType) -> CaseOutcome:
    """Run a text in a module: PASS, or what its failure means for every case."""
    linecache.cache[file] = (len(source), None, [f"{line}\n" for line in source.split("\n")], file)
    try:
        exec(compile(source, file, "exec", dont_inherit=True), module.__dict__)
    except BaseException as error:
        failure = failure_of(error, [file])
        if failure.state == status.STUB:  # raised while the file is read: not by the function
            failure.state, failure.message = status.RAISED, _says(error)
        failure.message += " (while your answer was being read)"
        return CaseOutcome(failure.state, failure.message, failure.line, failure.text)
    return CaseOutcome(status.PASS)


# ------------------------------------------------------------------------------------------- calling the function


def _frames(error: BaseException) -> list[tuple[str, int, str, str]]:
    """(file, line, function, module) of each frame, outermost first."""
    rows, step = [], error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        module = step.tb_frame.f_globals.get("__name__")
        rows.append((code.co_filename, step.tb_lineno, code.co_name, module if type(module) is str else ""))
        step = step.tb_next
    return rows


def _says(error: BaseException) -> str:
    """`Type: message`, at most 300 characters, without addresses; the message may itself be the student's code."""
    try:
        words = re.sub(r" at 0x[0-9a-fA-F]+", "", " ".join(str(error).split()))
        words = words.encode("utf-8", "backslashreplace").decode()  # lone surrogates cannot be written to a file
    except BaseException:
        words = "(its message cannot be printed)"
    return f"{type(error).__name__}: {words}"[:300].removesuffix(": ")


def failure_of(error: BaseException, files: Iterable[str]) -> Failure:
    """Return what an exception from the student's code means, with the last line of her code that it passed."""
    if isinstance(error, Failure):
        return error
    try:
        return _described(error, set(files))
    except BaseException:  # its type, its message and what is around it may all be the student's code
        return Failure(status.RAISED, "your code raised an exception that cannot be described")


def _described(error: BaseException, files: set[str]) -> Failure:
    frames = _frames(error)
    mine = [(file, line) for file, line, *_ in frames if file in files]
    file, line = mine[-1] if mine else ("", None)
    if isinstance(error, RecursionError) and mine:
        file, line = Counter(mine).most_common(1)[0][0]  # the line that calls itself
    text = linecache.getline(file, line).strip() if line else ""
    inside = bool(frames) and frames[-1][0] in files
    state, message = status.RAISED, _says(error)
    if isinstance(error, NotImplementedError) and inside:
        state, message = (
            status.STUB,
            f"{frames[-1][2]} is still the stub: replace `raise NotImplementedError` with your answer",
        )
    elif isinstance(error, PackageAnswer):
        state, message = status.PACKAGE_ANSWER, str(error)
    elif isinstance(error, Stopped):
        state, message = error.state, str(error)
    elif isinstance(error, (SystemExit, GeneratorExit)):
        state, message = status.EXITED, "your code ended the program (sys.exit)"
    elif isinstance(error, MemoryError):
        state, message = status.MEMORY, f"your code requested more memory than a check may use ({_says(error)})"
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
    elif state == status.RAISED and (advice := _traced_advice(error, files, text) or _shapes_advice(message)):
        message = f"{advice} ({message})"
    return Failure(state, message, line, text)


def _raised_in(error: BaseException, file: str) -> bool:
    """Whether an error passed through this file."""
    return any(frame.f_code.co_filename == file for frame, _ in traceback.walk_tb(error.__traceback__))


def _traced_advice(error: BaseException, files: set[str], text: str) -> str:
    """Return what to do instead, if an operation that autograd cannot follow is in the student's line while it
    traces.
    """
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
                "while it is differentiated an array cannot be written into: build a new one, with np.where or a list"
            )
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in ("float", "int", "bool"):
            return (
                f"while it is differentiated {node.func.id}() cannot be used: it cuts the number off from its history"
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


def _shapes_advice(message: str) -> str:
    """Return what does not fit, and what would, if an error is about two shapes that do not broadcast."""
    found = re.search(r"could not be broadcast together with shapes \(([\d,]*)\) \(([\d,]*)\)", message)
    if found is None:
        return ""
    short, long = sorted((tuple(int(n) for n in text.split(",") if n) for text in found.groups()), key=len)
    a, b = next((a, b) for a, b in zip(short[::-1], long[::-1]) if a != b and 1 not in (a, b))
    words = f"shapes {short} and {long} do not broadcast: axes are compared from the last one on, and {a} is not {b}"
    if len(short) == len(long) or long[: len(short)] != short:
        return words
    return f"{words}; reshape {short} to {short + (1,) * (len(long) - len(short))} to keep its axes the first ones"


def arrays_in(value: Any) -> list[np.ndarray]:
    """Return the arrays of an argument: itself, or those in its lists and tuples."""
    if is_array(value):
        return [value]
    return [array for item in value for array in arrays_in(item)] if type(value) in (list, tuple) else []


def attributes_of(value: Any) -> list[tuple[str, np.ndarray]]:
    """Return the arrays that an argument holds as attributes, with their names, such as those of a schedule."""
    return [(name, array) for name, array in getattr(value, "__dict__", {}).items() if is_array(array)]


def with_copies(value: Any, copies: dict[int, np.ndarray]) -> Any:
    """Return an argument in which each array that has a copy (by its id) is replaced by that, in lists too."""
    if type(value) in (list, tuple) and arrays_in(value):
        return type(value)([with_copies(item, copies) for item in value])
    return copies.get(id(value), value)


def signature_of(function: Callable) -> inspect.Signature:
    """Return the signature of a function, even if its annotations name what is not there (3.14 evaluates them only
    now).
    """
    if sys.version_info >= (3, 14):
        from annotationlib import Format

        return inspect.signature(function, annotation_format=Format.STRING)
    return inspect.signature(function)


class Impl:
    """The function as a driver sees it: called on copies of its arguments, and each returned value looked at.

    forms: what `describe` said of the reference's returned values, call by call; None while the reference is observed.
    files: the names of the student's source, to find her line. after: called after each call of the function.
    mutates: the arguments that the function is meant to change; they are passed as they are.
    shift: of the arguments, see `shift`; None passes the driver's own. renamed: what the function calls the arguments
    that the driver passes by name, where it calls them otherwise. reshape: give a result the reference's shape, where
    only axes of length 1 are too many or missing.
    """

    def __init__(
        self,
        function: Callable,
        forms: list | None = None,
        files: Iterable[str] = (),
        after: Callable[[], None] | None = None,
        mutates: Iterable[str] = (),
        shift: int | None = None,
        renamed: Mapping[str, str] = types.MappingProxyType({}),
        reshape: bool = False,
    ):
        self.function, self.forms, self.files = function, forms, tuple(files)
        self.after, self.mutates, self.shift, self.renamed = after, tuple(mutates), shift, dict(renamed)
        self.reshape = reshape
        self.seen: list[dict] = []
        self.calls: list[tuple[tuple, dict]] = []  # the arguments of each call of the reference
        self.sizes: set[int] = set()  # lengths of their axes, for "n times" in a report
        self.precision = self.scale = self.given = 0.0  # see CaseOutcome
        self.draws = False
        self.changed: dict[str, bool] = {}  # arguments that may be changed, and whether a call did
        self.returned: list[tuple[int, np.ndarray]] = []  # with the number of the call
        self.begun = 0  # calls, the one that failed included
        self.signature: inspect.Signature | None = None
        with contextlib.suppress(Exception, SystemExit):  # it may have none, or one of its own making that raises
            self.signature = signature_of(function)
        self.__name__ = function.__name__ if isinstance(function, types.FunctionType) else "your function"

    def reshaping(self) -> Impl:
        """Return the same function, to be called again, whose results get the reference's shapes."""
        return Impl(
            self.function, self.forms, self.files, self.after, self.mutates, self.shift, self.renamed, reshape=True
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function. Whatever this runs of the student's, also methods of her values, is on her account."""
        try:
            return self._call(args, kwargs)
        except (Failure, KeyboardInterrupt):
            raise
        except MemoryError:
            raise Failure(status.MEMORY, "your function returned an array too large for a check") from None
        except BaseException as error:
            raise failure_of(error, self.files) from None

    def refuses(self, *args: Any, **kwargs: Any) -> bool:
        """Whether a call raises ValueError, where the prompt asks for that. It fails as any call does otherwise.

        What the function returns instead is not looked at: the reference returns nothing here.
        """
        forms, before = self.forms, len(self.seen)
        self.forms = None if forms is None else []
        try:
            self(*args, **kwargs)
        except Failure as failure:
            if failure.state == status.RAISED and isinstance(failure.__context__, ValueError):
                return True
            raise
        finally:
            self.forms = forms
            del self.seen[before:]
        return False

    def _call(self, args: tuple, kwargs: dict) -> Any:
        self.begun += 1
        kwargs = {self.renamed.get(name, name): value for name, value in kwargs.items()}
        if self.shift is not None:
            args, kwargs = shifted(args, kwargs, self.shift)
        names = self._names(args, kwargs)
        given = [(name, array) for name, value in names for array in arrays_in(value)]
        numbers = [np.asarray(unbox(value)) for _, value in names if is_number(unbox(value))]
        self.given = max([self.given, *(magnitude(array) for array in numbers + [array for _, array in given])])
        if self.forms is None:
            options = {key: plain(unbox(value)) for key, value in kwargs.items()}
            self.calls.append((plain(tuple(map(unbox, args))), options))
            self.sizes.update(size for _, array in given for size in (*array.shape, array.size))
        unchanged = [(name, array) for name, array in given if name not in self.mutates]
        copies = {id(array): array.copy() for _, array in unchanged}
        passed = [with_copies(value, copies) for value in args], {k: with_copies(v, copies) for k, v in kwargs.items()}
        before = [(name, value, _state(value)) for name, value in names if self._may_change(name, value)]
        lists = [(each, list(each)) for each in (*passed[0], *passed[1].values()) if type(each) is list]
        owned = [
            (name, value, part, array.copy())
            for name, value in names
            if name not in self.mutates
            for part, array in attributes_of(value)
        ]
        try:
            value = self.function(*passed[0], **passed[1])
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise failure_of(error, self.files) from None
        finally:
            if self.after is not None:
                self.after()
        for name, argument, state in before:
            self.changed[name] = self.changed.get(name, False) or _state(argument) != state
        for name, array in unchanged:
            if not _same(copies[id(array)], array):
                raise self._changed(name, args, kwargs)
        for name, owner, part, copy in owned:
            now = vars(owner).get(part)
            if not is_array(now) or not _same(copy, now):
                raise Failure(status.CHANGED_INPUTS, f"your function changes `{name}.{part}`; work on a copy")
        for each, items in lists:
            if len(each) != len(items) or any(now is not before for now, before in zip(each, items)):
                raise Failure(
                    status.CHANGED_INPUTS, "your function changes a list that it was given; work on a new one"
                )
        try:
            check_plain(value)
            value = plain(value)
            return self._examined(value)
        except RecursionError:
            raise Failure(status.WRONG_TYPE, "your function returned lists within lists without end") from None

    def _examined(self, value: Any) -> Any:
        """Return a returned value whose form has been compared with that of the reference's, and noted."""
        number = len(self.seen)
        if self.reshape and self.forms is not None and number < len(self.forms):
            value = with_axes(value, self.forms[number])
        self.seen.append(describe(value))
        if self.forms is not None and number < len(self.forms):
            check_returned(value, self.forms[number])
        for array in numbers_in(value).values():
            self._note_precision(array)
            self.returned.append((self.begun - 1, array))
        return value

    def _note_precision(self, array: np.ndarray) -> None:
        if array.dtype.kind in "fc":
            self.precision = max(self.precision, float(np.finfo(array.dtype).eps))
            self.scale = max(self.scale, magnitude(array))

    def _may_change(self, name: str, value: Any) -> bool:
        return type(value) is np.random.Generator or name in self.mutates and is_array(value)

    def _names(self, args: tuple, kwargs: dict) -> list[tuple[str, Any]]:
        """Return the arguments by name; raises Failure if the function cannot be called with them."""
        if self.signature is None:
            return [(f"argument {i + 1}", value) for i, value in enumerate(args)] + list(kwargs.items())
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            call = ", ".join(["..."] * len(args) + [f"{name}=..." for name in kwargs])
            own = f"{self.__name__}({', '.join(_parameters(self.signature))})"
            line = self.function.__code__.co_firstlineno if isinstance(self.function, types.FunctionType) else None
            message = f"{own} cannot be called as {self.__name__}({call}): {error}"
            raise Failure(status.WRONG_ARITY, message, line) from None
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

    def _changed(self, name: str, args: tuple, kwargs: dict) -> Failure:
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
        except Exception:  # of any kind, since this is the student's code: then the line remains unknown
            pass
        finally:
            if self.after is not None:
                self.after()
        return failure


def _parameters(signature: inspect.Signature) -> list[str]:
    """Return the parameters as they are written, `...` for a default, whose own words may be the student's code."""
    stars = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}
    return [
        f"{stars.get(parameter.kind.name, '')}{name}{'' if parameter.default is parameter.empty else '=...'}"
        for name, parameter in signature.parameters.items()
    ]


def _state(value: Any) -> Any:
    """Return what changes when an array is written to, or when numbers are drawn from a generator."""
    return value.tobytes() if is_array(value) else value.bit_generator.state


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and (a.tobytes() == b.tobytes())


# ------------------------------------------------------------------------------------------- NumPy's own generator


@contextlib.contextmanager
def generator_restored() -> Iterator[None]:
    """NumPy's own generator goes on afterwards as if nothing had been drawn from it."""
    state = np.random.get_state()
    try:
        yield
    finally:
        np.random.set_state(state)


@dataclass(frozen=True)
class Start:
    """Where the random numbers of a case begin: the state of the driver's generator, the seed of NumPy's own.

    A worker has this in the place of the seed, from which the inputs of every case follow.
    """

    state: Mapping[str, Any]
    own: tuple[int, ...]


def start_of(seed: int, number: int) -> Start:
    """Where the random numbers of case `number` begin with a seed."""
    own = np.random.SeedSequence([seed, number]).generate_state(4)
    return Start(np.random.default_rng([seed, number]).bit_generator.state, tuple(map(int, own)))


@functools.lru_cache(maxsize=1024)
def _first_bytes(own: tuple[int, ...]) -> bytes:
    """Return what NumPy's own generator gives first in a case, if nothing has been drawn from it."""
    return np.random.RandomState(np.array(own, dtype=np.uint32)).bytes(16)


# ------------------------------------------------------------------------------------------- running a driver


def observe(driver: Callable, impl: Impl, start: Start) -> CaseOutcome:
    """Run a case of an exercise; the same start gives both sides the same inputs.

    NumPy's own generator, too, begins in the same state, so that a mistake that draws from it is recognised. Where it
    must go on as before, the call is in `generator_restored`.
    """
    outcome = _observe(driver, impl, start)
    if outcome.status == status.WRONG_SHAPE:  # are its values right, at least?
        again = _observe(driver, impl.reshaping(), start)
        outcome.reshaped = again.values if again.answered else {}
    outcome.draws, outcome.given = impl.draws, impl.given
    outcome.untouched = tuple(name for name, changed in impl.changed.items() if not changed)
    if not outcome.answered and impl.begun:
        outcome.call = impl.begun - 1
    calls = {name: _call_of(value, impl.returned) for name, value in outcome.values.items()}
    outcome.returned = {name: call for name, call in calls.items() if call is not None}
    return outcome


def _call_of(value: np.ndarray, returned: Iterable[tuple[int, np.ndarray]]) -> int | None:
    """Return the number of the first call that returned a value as it is; None if no call did."""
    same = (n for n, a in returned if value.shape == a.shape and np.array_equal(value, a, equal_nan=True))
    return next(same, None)


def _observe(driver: Callable, impl: Impl, start: Start) -> CaseOutcome:
    np.random.seed(np.array(start.own, dtype=np.uint32))
    generator = np.random.PCG64(0)
    generator.state = cast(Any, start.state)
    try:
        result = driver(impl, np.random.Generator(generator))
    except KeyboardInterrupt:
        raise
    except Failure as failure:
        return CaseOutcome(failure.state, failure.message, failure.line, failure.text, failure.values)
    except BaseException as error:
        return _driver_failed(driver, error, impl)
    finally:
        impl.draws = np.random.bytes(16) != _first_bytes(start.own)  # a driver has a generator of its own
    if type(result) is not dict or not result:
        return CaseOutcome(status.GRADER_ERROR, f"case {driver.__name__}: a driver must return a dict of arrays")
    try:
        values = {str(name): _array(name, value) for name, value in result.items()}
        return CaseOutcome(status.PASS, values=values, precision=impl.precision, scale=impl.scale)
    except Failure as failure:
        return CaseOutcome(failure.state, failure.message)


def _array(name: str, value: Any) -> np.ndarray:
    value = plain(value)
    if type(value) in (list, tuple):
        value = np.array(value)
    if not (is_array(value) or is_number(value)):
        raise Failure(
            status.GRADER_ERROR,
            f"the driver's {name!r} is {with_article(type(value).__name__)}, not an array of numbers",
        )
    array = np.asarray(value)
    if array.dtype.kind not in KINDS:
        raise Failure(status.GRADER_ERROR, f"the driver's {name!r} is an array of type {array.dtype}, not of numbers")
    return array


def _driver_failed(driver: Callable, error: BaseException, impl: Impl) -> CaseOutcome:
    """Return an exception outside the student's function: of what that returned, of its gradient, or else of the
    driver.
    """
    frames = _frames(error)
    if any(file in impl.files for file, *_ in frames):  # a function or an object that hers returned was called
        failure = failure_of(error, impl.files)
        return CaseOutcome(failure.state, failure.message, failure.line, failure.text)
    last = frames[-1][3] if frames else ""
    differentiating = any(module in ("autograd.core", "minigen.tensor.core") for *_, module in frames)
    if differentiating or last.split(".")[0] == "autograd" or last.startswith("minigen.tensor"):
        return CaseOutcome(status.NO_GRADIENT, f"the gradient of your function cannot be taken ({_says(error)})")
    own = [line for file, line, *_ in frames if file == driver.__code__.co_filename]
    where = f"line {own[-1]} of the exercise's file" if own else "the driver"
    return CaseOutcome(status.GRADER_ERROR, f"case {driver.__name__} failed in {where}: {_says(error)}")
