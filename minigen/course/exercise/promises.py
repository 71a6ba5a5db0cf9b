"""What the prompts of exercises promise, beside the cases that try it: `minigen exercise prove --promises`.

A promise is a sentence of a prompt: results in the dtype of the input, values as large as 1000, one time step for each
example. A small table of regular expressions finds it, and what the reference was called on in a case, or the driver's
code, answers it. Both are guesses: the list is for an author to read, and proves nothing. That arguments stay as they
are is looked at in each case, and not listed.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from minigen.course.console import color
from minigen.course.exercise.format import Case, Exercise
from minigen.course.exercise.grading.inputs import arguments
from minigen.course.exercise.grading.reference import Reference, references
from minigen.types import Array

__all__ = ["Kept", "promises_of", "run"]

SENTENCE = re.compile(r"(?<!\.\.)(?<=[.;])\s+")
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e-?\d+)?(?![\w.]*\d)")
NO_GRADIENT = re.compile(r"[Nn]o gradient (is|needs|may)")
DIFFERENTIATES = re.compile(r"\b(grad|jacobian|value_and_grad|elementwise_grad|slopes?|gradients?|derivatives?)\(")
WHERE = re.compile(r"\b0\b|sure|zero|where|agree|mean|nothing|float32|coincide|same|far|kept")
LARGE, SMALL = 100.0, 1e-3


@dataclass(frozen=True)
class Trial:
    """A case as a promise looks at it: the driver's code and words, and the arguments of the reference's calls."""

    exercise: Exercise
    case: Case
    reference: Reference

    @cached_property
    def calls(self) -> list[dict[str, Any]]:
        return [arguments(self.exercise.reference, call) for call in self.reference.calls]

    @cached_property
    def code(self) -> str:
        """The driver's source without its decorator."""
        source = inspect.getsource(self.case.driver)
        return source[source.index("def ") :]

    @property
    def words(self) -> str:
        return f"{self.case.name.replace('_', ' ')} {self.case.about}"

    @cached_property
    def arrays(self) -> list[Array]:
        """The arguments that are arrays, in lists too."""
        return [array for call in self.calls for value in call.values() for array in _arrays(value)]

    @cached_property
    def magnitudes(self) -> Array:
        """The absolute values of all numbers among the arguments."""
        values = [value for call in self.calls for value in call.values()]
        numbers = [np.ravel(array) for value in values for array in _arrays(value) if array.dtype.kind in "iuf"]
        numbers += [np.asarray([value]) for value in values if isinstance(value, (int, float, np.number))]
        return np.abs(np.concatenate([number.astype(float) for number in numbers] or [np.zeros(0)]))

    @property
    def differentiates(self) -> bool:
        return self.case.kind == "gradient" or bool(DIFFERENTIATES.search(self.code))


@dataclass(frozen=True)
class Promise:
    """A kind of promise: how a sentence of a prompt gives it, and which trials answer it.

    answers: the trials that do, of all trials of the exercise, for the sentence.
    """

    name: str
    given: re.Pattern
    answers: Callable[[Sequence[Trial], str], list[Trial]]


@dataclass(frozen=True)
class Kept:
    """One promise of one exercise: its sentence, and the names of the cases that answer it."""

    exercise: str
    promise: str
    sentence: str
    cases: tuple[str, ...]


def _arrays(value: Any) -> Iterator[Array]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _arrays(item)


# ------------------------------------------------------------------------------------------- what answers a promise


def _where(test: Callable[[Trial], bool]) -> Callable[[Sequence[Trial], str], list[Trial]]:
    return lambda trials, sentence: [trial for trial in trials if test(trial)]


def _reaches(trials: Sequence[Trial], sentence: str) -> list[Trial]:
    """The trials with numbers as large, or as small, as a sentence says; without any, those of the extremes.

    What is extreme may be made of ordinary numbers: a product, a logarithm.
    """
    numbers = [abs(float(number)) for number in NUMBER.findall(sentence)]
    large = max([number for number in numbers if number >= 10], default=np.inf)
    small = min([number for number in numbers if 0 < number <= SMALL], default=0.0)
    if not numbers:
        large = LARGE
    reached = [t for t in trials if np.any(t.magnitudes >= large) or np.any(_between(t.magnitudes, small))]
    return reached or [trial for trial in trials if trial.case.kind == "extremes"]


def _between(magnitudes: Array, small: float) -> Array:
    return (magnitudes > 0) & (magnitudes <= small)


def _extreme(trial: Trial) -> bool:
    return trial.case.kind in ("extremes", "gradient") or bool(np.any(trial.magnitudes >= LARGE))


def _other_axes(trials: Sequence[Trial], sentence: str) -> list[Trial]:
    """The trials in which some argument has a number of axes that it does not have in the first one."""
    first = {(name, np.ndim(array)) for call in trials[0].calls for name, array in _named_arrays(call)}
    names = {name for name, _ in first}
    return [
        trial
        for trial in trials[1:]
        if any(
            name in names and (name, array.ndim) not in first for c in trial.calls for name, array in _named_arrays(c)
        )
    ]


def _named_arrays(call: dict[str, Any]) -> list[tuple[str, Array]]:
    return [(name, value) for name, value in call.items() if isinstance(value, np.ndarray)]


def _one_and_each(trials: Sequence[Trial], sentence: str) -> list[Trial]:
    """The trials with an array of one number for each example, if a number for all is tried as well."""
    axes: dict[str, set[int]] = {}
    for trial in trials:
        for call in trial.calls:
            for name, value in call.items():
                if isinstance(value, (int, float, np.number, np.ndarray)) and not isinstance(value, bool):
                    axes.setdefault(name, set()).add(np.ndim(value))
    both = {name for name, found in axes.items() if {0, 1} <= found}
    return [t for t in trials if any(np.ndim(call.get(name, 0)) == 1 for call in t.calls for name in both)]


def _different_shapes(trial: Trial) -> bool:
    return any(
        len({np.shape(value) for value in call.values() if isinstance(value, (int, float, np.number, np.ndarray))}) > 1
        for call in trial.calls
    )


def _unequal_batches(trial: Trial) -> bool:
    return any(len({len(array) for _, array in _named_arrays(call) if array.ndim}) > 1 for call in trial.calls)


PROMISES = [
    Promise(
        "dtype",
        re.compile(r"\bdtypes?\b|, float32[.,;]|float32 arrays|keep float32"),
        _where(lambda t: t.case.exact_dtype or "dtype" in t.code or "float32" in t.words),
    ),
    Promise(
        "float32",
        re.compile(r"in float32|float32 (too|as well)|be float32"),
        _where(lambda t: "float32" in t.code or any(array.dtype == np.float32 for array in t.arrays)),
    ),
    Promise("in place", re.compile(r"(?<!not )(?<!argument )\bin place\b"), _where(lambda t: bool(t.exercise.mutates))),
    Promise(
        "gradient",
        re.compile(
            r"[Gg]radients?\b.*\b(is|are) taken|[Gg]radient.*\bgoes to\b|gradient passes|and so must its gradient"
        ),
        _where(lambda t: t.differentiates),
    ),
    Promise(
        "gradient at extremes",
        re.compile(
            r"(gradient|Both must be right).*(everywhere|as well|never NaN|finite|also|there too|any size|1000)"
        ),
        _where(lambda t: t.differentiates and bool(np.any(t.magnitudes >= LARGE) or WHERE.search(t.words))),
    ),
    Promise(
        "extremes",
        re.compile(
            r"as (large|low|small|far|high) as|may be -?(1000|1e-?\d+|4\.6)|any (logit|size)|no bounds|±1000|are met"
        ),
        _reaches,
    ),
    Promise("finite", re.compile(r"never NaN|[Ff]inite|overflow|never take"), _where(_extreme)),
    Promise(
        "zeros",
        re.compile(r"be (0|zero)\b(?! (in|for) )|have zeros|0 log 0|exactly 0|p = 0"),
        _where(lambda t: bool(np.any(t.magnitudes == 0))),
    ),
    Promise(
        "any axes",
        re.compile(
            r"\(N, D\) or \(N, H|any shape|\(N, \.\.\.\)|\(\.\.\., |any number of axes"
            r"|\bor (of )?(pictures|images|vectors)\b"
        ),
        _other_axes,
    ),
    Promise(
        "one for each example", re.compile(r"array \(N,\)|, or \(N,\)|\(\) or \(N,\)|or one for each"), _one_and_each
    ),
    Promise(
        "broadcasting", re.compile(r"broadcast|or one number for all|numbers or arrays"), _where(_different_shapes)
    ),
    Promise("unequal batches", re.compile(r"N and M may differ"), _where(_unequal_batches)),
    Promise(
        "ties",
        re.compile(r"\bties?\b|equally near|are equal as well|same row|same place|in the middle between"),
        _where(lambda t: bool(re.search(r"tie|equal|same|repeated|one place|middle|half", t.words))),
    ),
    Promise(
        "any order",
        re.compile(r"in any order"),
        _where(lambda t: bool(re.search(r"order|shuffl|permut|\[::-1\]", t.words + t.code))),
    ),
    Promise("called once", re.compile(r"called once|call\w* .* once"), _where(lambda t: "call" in t.words + t.code)),
]


def promises_of(exercise: Exercise, seed: int = 0) -> list[Kept]:
    """The promises of an exercise's prompt and of its optional arguments, each with the cases that answer it."""
    rows = zip(exercise.cases, references(exercise, seed), strict=True)
    trials = [Trial(exercise, case, reference) for case, reference in rows]
    found = []
    for sentence in SENTENCE.split(" ".join(exercise.prompt.split())):
        for promise in PROMISES:
            if not promise.given.search(sentence):
                continue
            if promise.name.startswith("gradient") and NO_GRADIENT.search(sentence):
                continue
            found.append(_kept(exercise, promise.name, sentence, promise.answers(trials, sentence)))
    for name, parameter in inspect.signature(exercise.reference).parameters.items():
        if parameter.default is not inspect.Parameter.empty:
            sentence = f"{name}={getattr(parameter.default, '__name__', parameter.default)}"
            without = [trial for trial in trials if any(name not in call for call in trial.calls)]
            given = [trial for trial in trials if any(name in call for call in trial.calls)]
            found.append(_kept(exercise, "default left out", sentence, without))
            found.append(_kept(exercise, "option given", sentence, given))
    levels = [len(call["schedule"].beta) for trial in trials for call in trial.calls if "schedule" in call]
    if levels:
        other = [
            t for t in trials if any(len(call["schedule"].beta) != levels[0] for call in t.calls if "schedule" in call)
        ]
        found.append(_kept(exercise, "another schedule", "a schedule of any length", other))
    return found


def _kept(exercise: Exercise, promise: str, sentence: str, trials: Sequence[Trial]) -> Kept:
    return Kept(exercise.id, promise, sentence, tuple(trial.case.name for trial in trials))


# ------------------------------------------------------------------------------------------- the command


def run(exercises: Sequence[Exercise]) -> int:
    """Print each promise with its cases, and at the end those without one; returns 0, for it proves nothing."""
    open_promises = []
    total = 0
    for exercise in exercises:
        print(color(exercise.id, "bold", sys.stdout))
        for kept in promises_of(exercise):
            total += 1
            print(
                f"  {kept.promise}: {', '.join(kept.cases) or color('no case', 'red', sys.stdout)}   [{kept.sentence}]"
            )
            if not kept.cases:
                open_promises.append(kept)
    print(f"\n{total} promises, {len(open_promises)} without a case:")
    for kept in open_promises:
        print(f"  {kept.exercise}: {kept.promise}   [{kept.sentence}]")
    return 0
