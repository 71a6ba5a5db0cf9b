"""Checks of arguments, for the whole package: each error names the argument, what was expected and what was given.

    n = checks.whole("n", n)                                 # a whole number, at least 1
    x = checks.array("x", x, "N", 2)                         # finite floats of shape (N, 2), N at least 1
    checks.same_shape(mu=mu, logvar=logvar)

All raise ValueError, before any work is done. A check returns the value in the form in which it is used. Shapes are
always checked. Values are checked on plain arrays only: while a derivative is being taken they pass, so that a training
that diverges is stopped by `minigen.train.fit`, which can name the step.

A formula declares its arguments above its first line, and a loop that has checked them calls the formula itself:

    @checked(x="N, D", W="D, D", scale=checks.positive, rng=Rng)
    def noisy_product(x, W, scale, rng): ...

    step = unchecked(noisy_product)
"""

import functools
import inspect
import math
import re
from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any, NamedTuple, TypeVar

import numpy as np
from autograd.tracer import box_types, isbox

from minigen.types import Array

Size = int | str | None  # of one axis: a number, or a free size by its name
F = TypeVar("F", bound=Callable)

# ------------------------------------------------------------------------------------------------ declarations


def checked(**declared: Any) -> Callable[[F], F]:
    """Return a decorator that checks the arguments of each call, in this order, before the function runs.

    An argument is declared as

        "N, ..., 3"     an array of finite floats of this shape. A name, or "...", that is in several declarations
                        is the same size, or the same axes, in all of them; N' is another size, which errors call N
        Rng, Schedule   an instance of this class
        positive        one of the checks of this module with the arguments (name, value); for one with more of them,
                        partial(whole, least=2)
        Sized("N", low=0, high=1), ...    a check that knows the other arguments: a `Declared`

    None passes where it is the default. The function receives what the checks return. Its docstring ends in a sentence
    that says what is declared; an `__init__` without one has this sentence as its docstring.
    """

    def decorate(function: F) -> F:
        parameters = inspect.signature(function).parameters
        if not parameters.keys() >= declared.keys():
            raise TypeError(f"{function.__name__} must have the arguments {', '.join(declared)}")
        names = tuple([name for name, each in parameters.items() if each.kind is not each.KEYWORD_ONLY])
        required = {name for name, each in parameters.items() if each.default is each.empty}
        enough = sum(1 for name in names if name in required) if required <= set(names) else len(parameters) + 1
        optional = {name for name, each in parameters.items() if each.default is None}
        declarations = []  # (argument, check, whether the check knows the call, whether None passes)
        for name, each in declared.items():
            check = _declared(each)
            declarations.append((name, check, isinstance(check, Declared), name in optional))
        any_knows_call = any(knows_call for _, _, knows_call, _ in declarations)

        @functools.wraps(function)
        def with_checks(*args: Any, **kwargs: Any) -> Any:
            arguments = dict(zip(names, args), **kwargs)
            if kwargs or not enough <= len(args) <= len(names):  # else the usual call fits
                if len(arguments) < len(args) + len(kwargs) or not required <= arguments.keys() <= parameters.keys():
                    return function(*args, **kwargs)  # which raises a TypeError
            call = Call(arguments) if any_knows_call else None
            for name, check, knows_call, passes_none in declarations:
                value = arguments.get(name)
                if value is None and (passes_none or name not in arguments):
                    continue
                arguments[name] = check(name, value, call) if knows_call else check(name, value)
            return function(**arguments) if kwargs else function(*arguments.values())

        with_checks.formula, with_checks.declared = function, declared  # type: ignore[attr-defined]
        if function.__doc__ or function.__name__ == "__init__":
            with_checks.__doc__ = _with_sentence(function.__doc__ or "", _sentence(declared, optional))
        return with_checks  # type: ignore[return-value]

    return decorate


def unchecked(function: F) -> F:
    """Return the formula without the checks of `checked`, for arguments that have been checked; or any other function.

    It is called where the formula is used, so that a function that is put in the place of a formula is found there.
    """
    return getattr(function, "formula", function)


class Call:
    """The arguments of one call by name, those that have been checked as their checks return them, and the sizes."""

    __slots__ = ("arguments", "first", "sizes")

    def __init__(self, arguments: dict[str, Any]):
        self.arguments = arguments
        self.sizes: dict[str, Any] = {}  # of each name in a shape; of "...", several
        self.first: dict[tuple, str] = {}  # the argument that was the first with these axes


class Declared:
    """A check of one argument that knows those before it."""

    def words(self) -> "Words | None":
        """Return what a docstring writes of the argument; None if nothing is."""
        return None

    def __call__(self, name: str, value: Any, call: Call) -> Any:
        raise NotImplementedError


class Sized(Declared):
    """`array` of a shape such as "N, ..., C", with its options; `low`, `high`: bounds of its values."""

    def __init__(self, axes: str, low: float = -np.inf, high: float = np.inf, **options: Any):
        self.axes = tuple(... if a == "..." else int(a) if a.isdigit() else a for a in axes.split(", "))
        cut = self.axes.index(...) if ... in self.axes else len(self.axes)
        self.before, self.after = self.axes[:cut], self.axes[cut + 1 :]  # the axes before and after "..."
        self.low, self.high, self.options = low, high, options

    def words(self) -> "Words":
        kind = "finite " if self.high == np.inf and self.options.get("finite", True) else ""
        kind = "nonnegative, finite " if kind and self.low == 0 else kind
        within = "" if self.high == np.inf else f" with values in [{self.low:g}, {self.high:g}]"
        one, several = ("number or array", "numbers or arrays") if self.axes == (...,) else ("array", "arrays")
        return Words(_with_article(kind + one), kind + several, _pictured(self.axes, primes=True), within)

    def __call__(self, name: str, value: Any, call: Call) -> Array:
        first = call.first.get(self.axes)
        if first is not None and getattr(value, "shape", None) == call.arguments[first].shape:
            x = _real(name, value, self.options.get("dtype"))
            x = _all_finite(name, x) if self.options.get("finite", True) else x
        else:
            x = array(name, value, *self.wanted(call), **self.options)
            self.learn(name, x, call)
        return x if self.low == -np.inf else between(name, x, self.low, self.high)

    def wanted(self, call: Call) -> tuple:
        """Return the axes with the sizes that are known already; `learn` compares all axes with those of another
        argument.
        """
        if not call.sizes or self.axes in call.first:
            return self.axes
        known: list = []
        for axis in self.axes:
            if axis is ...:
                known += call.sizes.get("...", [...])
            else:
                known.append(call.sizes.get(str(axis), axis))
        return tuple(known)

    def learn(self, name: str, x: Array, call: Call) -> None:
        """Take the sizes of the argument x, which fits the wanted axes. ValueError: a name stands for two sizes."""
        first, shape, sizes = call.first.get(self.axes), x.shape, call.sizes
        if first is not None:
            same_shape(0, **{first: call.arguments[first], name: x})
            return
        if not sizes or any(isinstance(axis, int) or str(axis) not in sizes for axis in self.axes):
            call.first[self.axes] = name
        end = len(shape) - len(self.after)
        if len(self.before) < len(self.axes):
            sizes["..."] = shape[len(self.before) : end]
        for axes, found in ((self.before, shape), (self.after, shape[end:])):
            for axis, size in zip(axes, found):
                if isinstance(axis, str) and sizes.setdefault(axis, size) != size:
                    raise ValueError(f"{name} must have shape {_pictured(self.axes)}, got {shape}")


class Integers(Declared):
    """Whole numbers of a shape such as "N, T", as for `integers`."""

    def __init__(self, axes: str, **options: Any):
        self.sized, self.options = Sized(axes), options

    def words(self) -> "Words":
        kind, bounds = _wholes(**{"least": 0, **self.options})
        return Words(
            f"an array of {kind}s{bounds},", f"arrays of {kind}s{bounds},", _pictured(self.sized.axes, primes=True)
        )

    def __call__(self, name: str, value: Any, call: Call) -> np.ndarray:
        x = integers(name, value, *self.sized.wanted(call), **self.options)
        self.sized.learn(name, x, call)
        return x


def _declared(declaration: Any) -> Callable:
    """Return the check of a declaration."""
    if isinstance(declaration, str):
        return Sized(declaration)
    if declaration is np.random.Generator:
        return lambda name, value: rng(value, name)
    if isinstance(declaration, type):
        return functools.partial(instance, kind=declaration)
    return declaration


# ------------------------------------------------------------------------------------------------ what a docstring says


class Words(NamedTuple):
    """What `checked` writes of an argument: "x is `one`" or "x and y are `several`", "of shape `shape`", and `more`."""

    one: str
    several: str = ""  # if empty: each `one`
    shape: str = ""
    more: str = ""


def worded(one: str | Callable[..., Words], several: str = "") -> Callable[[F], F]:
    """Return a decorator of a check (name, value, ...), for what docstrings write of its argument, or of several.

    Instead of the words, a function of the check's options that returns `Words`.
    """

    def decorate(check: F) -> F:
        check.words = one if callable(one) else lambda: Words(one, several)  # type: ignore[attr-defined]
        return check

    return decorate


def _sentence(declared: dict[str, Any], optional: set[str]) -> str:
    """Return "Raises ValueError unless x and y are finite arrays of shape (N, D), and c is a positive number."."""
    groups: dict[tuple, list[tuple[str, str]]] = {}  # the arguments of one kind, with their shapes
    for name, declaration in declared.items():
        words = _words(declaration)
        if words is not None:
            groups.setdefault((words._replace(shape=""), name in optional), []).append((name, words.shape))
    clauses = [_clause(words, named) + " if given" * is_optional for (words, is_optional), named in groups.items()]
    return f"Raises ValueError unless {_listed(clauses, ', and ')}." if clauses else ""


def _words(declaration: Any) -> Words | None:
    """Return what is written of a declaration; None if nothing is."""
    check = Sized(declaration) if isinstance(declaration, str) else declaration
    if isinstance(check, type):
        name = "numpy.random.Generator" if check is np.random.Generator else check.__name__
        return Words(_with_article(name), f"instances of {name}")
    check, options = (check.func, check.keywords) if isinstance(check, functools.partial) else (check, {})
    return check.words(**options) if hasattr(check, "words") else None


def _clause(words: Words, named: list[tuple[str, str]]) -> str:
    """ "x is a finite array of shape (N, D)", or "x (N, D) and w (N,) are finite arrays of these shapes"."""
    names, shapes = [name for name, _ in named], {shape for _, shape in named}
    if len(shapes) > 1:
        names, shape = [f"{name} {shape}" for name, shape in named], " of these shapes"
    elif shapes == {"(...)"}:
        shape = " of one shape" if len(named) > 1 else ""
    else:
        shape = "".join(f" of shape {shape}" for shape in shapes if shape)
    verb, kind = ("is", words.one) if len(named) == 1 else ("are", words.several or f"each {words.one}")
    return f"{_listed(names, ' and ')} {verb} {kind}{shape}{words.more}"


def _with_sentence(doc: str, sentence: str) -> str:
    """Return a docstring with a sentence as its last paragraph, indented as the others, in lines of 120 columns."""
    if not sentence:
        return doc
    indent = next((line[: -len(line.lstrip())] for line in doc.split("\n")[1:] if line.strip()), "")
    lines = [indent]
    for word in re.split(r" (?![^()\[\]]*[)\]])", sentence):  # a shape is one word
        if len(lines[-1]) + 1 + len(word) > 120:
            lines.append(indent)
        lines[-1] += word if lines[-1] == indent else f" {word}"
    last = [indent] if "\n" in doc else []  # the line of the closing quotes
    return "\n".join([doc.rstrip(), "", *lines, *last] if doc else lines)


def _listed(items: list[str], last: str) -> str:
    """Return the items as "a, b and c"."""
    return last.join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def _with_article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeioAEIO" else f"a {noun}"


def _wholes(least: int = 1, most: int | None = None) -> tuple[str, str]:
    """ "positive whole number" and what follows on it, such as " in 1..9"."""
    if most is not None:
        return "whole number", f" in {least}..{most}"
    kinds = {0: "nonnegative whole number", 1: "positive whole number"}
    return (kinds[least], "") if least in kinds else ("whole number", f" of at least {least}")


def _words_of_whole(least: int = 1, most: int | None = None) -> Words:
    kind, bounds = _wholes(least, most)
    return Words(f"a {kind}{bounds}", f"{kind}s{bounds}")


def _words_of_wholes(least: int = 1) -> Words:
    kind, bounds = _wholes(least)
    return Words(f"a sequence of {kind}s{bounds}", f"sequences of {kind}s{bounds}")


def _words_of_number(low: float = -np.inf, high: float = np.inf, without: float | None = None) -> Words:
    if low == -np.inf and high == np.inf:
        return Words("a finite number", "finite numbers")
    interval = _interval(low, high, without)
    return Words(f"a number in {interval}", f"numbers in {interval}")


def _words_of_choice(options: tuple) -> Words:
    listed = _listed([repr(each) for each in options], " or ")
    return Words(listed)


def _interval(low: float, high: float, without: float | None) -> str:
    left, right = "(" if low in (without, -np.inf) else "[", ")" if high in (without, np.inf) else "]"
    return f"{left}{low:g}, {high:g}{right}"


# ------------------------------------------------------------------------------------------------ numbers and settings


@worded(_words_of_whole)
def whole(name: str, value: Any, least: int = 1, most: int | None = None) -> int:
    """`value` as an int in least..most; True and 2.0 are not whole numbers."""
    if (
        isinstance(value, (bool, np.bool_))
        or not isinstance(value, Integral)
        or value < least
        or (most is not None and int(value) > most)
    ):
        bounds = f"of at least {least}" if most is None else f"in {least}..{most}"
        raise ValueError(f"{name} must be a whole number {bounds}, got {_shown(value)}")
    return int(value)


@worded(_words_of_wholes)
def wholes(name: str, values: Any, least: int = 1) -> list[int]:
    """Return a sequence of whole numbers, as a list of ints of at least `least`; it may be empty."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ValueError(f"{name} must be a sequence of whole numbers, got {_shown(values)}")
    return [whole(name, value, least) for value in values]


@worded(_words_of_number)
def number(name: str, value: Any, low: float = -np.inf, high: float = np.inf, *, without: float | None = None) -> float:
    """`value` as a finite float with low ≤ value ≤ high, but not `without` (an end of the interval)."""
    if not _is_number(value) or not low <= value <= high or value == without:
        raise ValueError(f"{name} must be a number in {_interval(low, high, without)}, got {_shown(value)}")
    return float(value)


@worded("a positive number", "positive numbers")
def positive(name: str, value: Any) -> float:
    """`value` as a positive, finite float."""
    if not _is_number(value) or value <= 0:
        raise ValueError(f"{name} must be a positive number, got {_shown(value)}")
    return float(value)


@worded("a nonnegative number", "nonnegative numbers")
def nonnegative(name: str, value: Any) -> float:
    """`value` as a finite float of at least 0."""
    return number(name, value, 0)


@worded("a number in [0, 1]", "numbers in [0, 1]")
def probability(name: str, value: Any) -> float:
    """`value` as a float in [0, 1]."""
    return number(name, value, 0, 1)


@worded(_words_of_choice)
def choice(name: str, value: Any, options: tuple) -> Any:
    """`value`, if it is one of the options; True is not 1."""
    simple = isinstance(value, (str, int, float, tuple, type(None)))
    if not simple or not any(value == each and isinstance(value, bool) == isinstance(each, bool) for each in options):
        raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}, got {_shown(value)}")
    return value


def rng(value: Any, name: str = "rng") -> np.random.Generator:
    """`value`, if it is a random generator of NumPy; a seed is not one."""
    if not isinstance(value, np.random.Generator):
        hint = ", such as numpy.random.default_rng(0)"
        raise ValueError(f"{name} must be a numpy.random.Generator{hint}, got {_shown(value)}")
    return value


def instance(name: str, value: Any, kind: type) -> Any:
    """`value`, if it is an instance of `kind`; the class itself is not."""
    if not isinstance(value, kind):
        hint = f": call it first, {value.__name__}(...)" if isinstance(value, type) else ""
        raise ValueError(f"{name} must be an instance of {kind.__name__}, got {_shown(value)}{hint}")
    return value


def instance_with(name: str, value: Any, *attributes: str) -> Any:
    """`value`, if it is not a class and has these attributes: an object that is used as a model is one."""
    missing = [attribute for attribute in attributes if not hasattr(value, attribute)]
    if isinstance(value, type) or missing:
        hint = f": call it first, {value.__name__}(...)" if isinstance(value, type) else ""
        raise ValueError(f"{name} must be an instance with {' and '.join(attributes)}, got {_shown(value)}{hint}")
    return value


@worded("a function or a model", "functions or models")
def function(name: str, value: Any) -> Any:
    """`value`, if it is a function, or a model, which is called as one; a class of models is not."""
    if isinstance(value, type) or not callable(value):
        hint = f": call it first, {value.__name__}(...)" if isinstance(value, type) else ""
        raise ValueError(f"{name} must be a function or a model, got {_shown(value)}{hint}")
    return value


# ------------------------------------------------------------------------------------------------ arrays


@worded("a finite number or array", "finite numbers or arrays")
def floats(name: str, x: Any, *, dtype: Any = None) -> Array:
    """`x` as an array of finite floats, of `dtype` if given; else floats keep theirs, and integers become float64."""
    return _all_finite(name, _real(name, x, dtype))


def array(name: str, x: Any, *shape: Any, empty: bool = False, finite: bool = True, dtype: Any = None) -> Array:
    """`floats` of a shape: `array("x", x, "N", 2)` is (N, 2), `array("x", x, "N", ..., "C")` has any axes between.

    A size is a number, or the name of a size that is free. No size may be 0, unless `empty` allows it. finite=False
    restricts neither values nor free sizes: for what passes through a network.
    """
    x = _real(name, x, dtype)
    return _sized(name, _all_finite(name, x), shape, empty) if finite else _sized(name, x, shape, empty=True)


def finite(name: str, x: Array) -> Array:
    """`x`, if it holds no NaN and no infinity."""
    if type(x) is not np.ndarray or x.dtype.kind != "f" or not np.isfinite(x).all():
        _all_finite(name, _real(name, x, None))
    return x


@worded("a nonnegative, finite number or array", "nonnegative, finite numbers or arrays")
def nonnegative_floats(name: str, x: Any) -> Array:
    """`floats` of at least 0."""
    return between(name, floats(name, x), 0)


def same_shape(least_axes: int = 1, **arrays: Any) -> tuple[int, ...]:
    """Return the common shape of arrays that have one, and at least so many axes."""
    first, shape = "", ()
    for name, a in arrays.items():
        got = a.shape if hasattr(a, "shape") else np.shape(a)
        if not first:
            first, shape = name, got
            if len(shape) < least_axes:
                wanted = {1: "shape (N, ...)", 2: "shape (N, D)"}.get(least_axes, f"at least {least_axes} axes")
                raise ValueError(f"{first} must have {wanted}, got {shape}")
        elif got != shape:
            raise ValueError(f"{name} must have the shape of {first}, {shape}, got {got}")
    return shape


def floats_of_one_shape(least_axes: int = 1, **arrays: Any) -> list[Array]:
    """Several arrays, each as `floats`, if they have one shape, at least so many axes, and no size of 0."""
    found = {name: floats(name, x) for name, x in arrays.items()}
    shape = same_shape(least_axes, **found)
    if 0 in shape:
        raise ValueError(f"{next(iter(found))} must not be empty, got shape {shape}")
    return list(found.values())


def between(name: str, x: Array, low: float, high: float = np.inf) -> Array:
    """`x`, if every value lies in [low, high]."""
    values = _real(name, x, None)
    if not isbox(x) and np.size(x) and not (np.min(values) >= low and np.max(values) <= high):
        wanted = f"in [{low:g}, {high:g}]" if high < np.inf else "nonnegative" if low == 0 else f"at least {low:g}"
        raise ValueError(f"{name} must be {wanted}, got values from {np.min(values):.6g} to {np.max(values):.6g}")
    return x


def probabilities(name: str, p: Any, *shape: Any, tolerance: float = 1e-5, dtype: Any = None) -> Array:
    """`array` of nonnegative numbers that sum to one over the last axis (up to rounding of a float32 softmax)."""
    p = between(name, array(name, p, *(shape or (..., "K")), dtype=dtype), 0)
    if not isbox(p):
        total = np.ravel(p.sum(axis=-1))
        worst = total[np.argmax(np.abs(total - 1))]
        if abs(worst - 1) > tolerance:
            raise ValueError(f"{name} must sum to one over its last axis, got a sum of {worst:.6g}")
    return p


def integers(name: str, x: Any, *shape: Any, least: int = 0, most: int | None = None) -> np.ndarray:
    """Return an array of whole numbers in least..most, of a shape written as for `array`: labels, codes, indices.

    A size may be 0. Arrays that autograd traces are refused: whole numbers have no derivative.
    """
    x = _whole_numbers(name, x, "whole numbers")
    if shape and not _fits(x.shape, shape):
        raise ValueError(f"{name} must have shape {_pictured(shape)}, got {x.shape}")
    return _within(name, x, least, most)


def times(t: Any, T: int, n: int, least: int = 1) -> np.ndarray:
    """Time steps of a diffusion, one () or one for each of n examples (n,), each in least..T."""
    t = _whole_numbers("t", t, "a whole number or an array of them")
    if t.shape not in ((), (n,)):
        raise ValueError(f"t must be one time step or have shape ({n},), one for each example, got {t.shape}")
    return _within("t", t, least, T)


# ------------------------------------------------------------------------------------------------ what they share


def _real(name: str, x: Any, dtype: Any) -> Array:
    """`x` as an array of floats: traced arrays and float arrays as they are, whole numbers as float64."""
    if type(x) in box_types:
        return x
    try:
        x = np.asarray(x)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} must be an array of real numbers, got {type(x).__name__} ({error})") from None
    if x.dtype.kind not in "fiub":
        raise ValueError(f"{name} must be an array of real numbers, got dtype {x.dtype}")
    return x.astype(dtype or (x.dtype if x.dtype.kind == "f" else np.float64), copy=False)


def _all_finite(name: str, x: Array) -> Array:
    if type(x) not in box_types and not np.isfinite(x).all():
        first = tuple(np.argwhere(~np.isfinite(x))[0].tolist())
        where = f", the first, {x[first]}, at {name}[{', '.join(map(str, first))}]" if first else f", {x}"
        raise ValueError(f"{name} must be finite, got {np.count_nonzero(~np.isfinite(x))} non-finite values{where}")
    return x


def _sized(name: str, x: Array, shape: tuple, empty: bool) -> Array:
    got = x.shape if hasattr(x, "shape") else np.shape(x)
    if not _fits(got, shape) or (0 in got and not empty):
        sized = "" if empty or 0 not in got else ", none of them 0"
        raise ValueError(f"{name} must have shape {_pictured(shape)}{sized}, got {got}")
    return x


def _within(name: str, x: np.ndarray, least: int, most: int | None) -> np.ndarray:
    if x.size and (x.min() < least or (most is not None and x.max() > most)):
        bounds = f"at least {least}" if most is None else f"in {least}..{most}"
        raise ValueError(f"{name} must be {bounds}, got values from {x.min()} to {x.max()}")
    return x


def _whole_numbers(name: str, x: Any, wanted: str) -> np.ndarray:
    if isbox(x):
        raise ValueError(f"{name} must be {wanted}, got an array that is being differentiated")
    try:
        x = np.asarray(x)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} must be {wanted}, got {type(x).__name__} ({error})") from None
    if x.dtype.kind not in "iu":
        raise ValueError(f"{name} must be {wanted}, got dtype {x.dtype}")
    return x


def _is_number(value) -> bool:
    return isinstance(value, Real) and not isinstance(value, (bool, np.bool_)) and math.isfinite(value)


def _fits(shape: tuple[int, ...], wanted: tuple) -> bool:
    if ... in wanted:
        cut, spare = wanted.index(...), len(shape) - len(wanted) + 1  # axes that "..." stands for
        if spare < 0:
            return False
        shape, wanted = shape[:cut] + shape[cut + spare :], wanted[:cut] + wanted[cut + 1 :]
    if len(shape) != len(wanted):
        return False
    for n, w in zip(shape, wanted):
        if isinstance(w, int) and n != w:
            return False
    return True


def _pictured(shape: tuple, primes: bool = False) -> str:
    sizes = ["..." if size is ... else str(size).rstrip("" if primes else "'") for size in shape]
    return f"({sizes[0]},)" if len(sizes) == 1 and sizes != ["..."] else f"({', '.join(sizes)})"


def _shown(value) -> str:
    text = repr(value)
    return text if len(text) <= 60 and "\n" not in text else type(value).__name__
