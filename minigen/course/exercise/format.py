"""What an exercise is: one equation to write, and the cases that try it.

An author writes two files beside a lesson. `exercise.py` holds what a check may see:

    critic_loss = Exercise(
        "gan/12/critic_loss",
        target="minigen.gan.wgan:critic_loss",            # the package's own function is the reference
        minutes=5,
        prompt="`real_scores` $(N,)$ are ...",            # what to return, in Markdown, with shapes
        hints='''
        The critic maximizes the gap, and an optimizer minimizes a loss.

        minus (E f(real) - E f(fake)).

            return np.mean(fake_scores) - np.mean(real_scores)
        ''',
    )


    @critic_loss.case(points=1, kind="equation", expect={"loss": -4.0})  # a literal, by hand; the simplest comes first
    def by_hand(impl, rng):
        '''Real scores 3 and 5, fake scores 1, 0 and -1: the gap is 4.'''
        return {"loss": impl(np.array([3.0, 5.0]), np.array([1.0, 0.0, -1.0]))}


    @critic_loss.case(points=2, kind="equation", property=True, expect={"change": 0.0})
    def shifted(impl, rng):
        '''A constant added to every score changes nothing.'''
        real, fake = rng.standard_normal(5), 1 + rng.standard_normal(7)
        return {"change": impl(real + 3.5, fake + 3.5) - impl(real, fake)}

The hints are three paragraphs: the idea, the equation, and the code that completes the given stub, typed in
place of its `raise` line. A *driver* (the function under `@EX.case`) builds inputs, calls `impl` on them and returns
named arrays; `impl.refuses(...)` is whether a call raises ValueError. It runs on the student's function in a worker
process and on the reference in the parent, which compares; a driver must therefore not judge anything itself, and not
use the `Exercise`. `np` is `autograd.numpy` here, in
`answers.py` and in the student's file.

The kind of a case says what its points are for, and a report counts the points of each kind apart:

    equation    the mathematics: a worked example, random values of ordinary size, an identity
    shapes      batches, images, broadcasting, a time step for each example, dtypes, arguments changed in place
    extremes    float32 at its limits, ±1000, infinities, zeros, ties, empty classes, singular matrices
    gradient    derivatives of what the function returns, taken by autograd

At least half of the points of an exercise are for the equation.

`answers.py` holds what proves it, mistakes and other right answers: see `minigen.course.exercise.answers`.
`minigen exercise prove gan/12` reports whether both files are sound.
"""

from __future__ import annotations

import importlib
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["KINDS", "AuthorError", "Case", "Exercise", "resolve_target"]

KINDS = ("equation", "shapes", "extremes", "gradient")  # of cases, in the order of reports


class AuthorError(ValueError):
    """A file of exercises or answers that cannot be used: the author's mistake, not the student's."""


def resolve_target(target: str) -> tuple[Any, str, Callable]:
    """Return the object that holds a target, the attribute's name, and the function: `"package.module:Class.method"`.

    Raises ValueError for a target that is not written so, ImportError or AttributeError if there is nothing there.
    """
    module_name, colon, path = target.partition(":")
    if not (colon and module_name and path):
        raise ValueError(f"a target is written 'package.module:function', got {target!r}")
    *outer, name = path.split(".")
    owner = importlib.import_module(module_name)
    for part in outer:
        owner = getattr(owner, part)
    return owner, name, getattr(owner, name)


@dataclass(frozen=True)
class Case:
    """One trial of an answer: what the driver returns must equal what it returns for the reference, and `expect`."""

    driver: Callable
    points: int
    kind: str
    expect: Mapping[str, Any]
    is_property: bool
    rtol: float
    atol: float
    exact_dtype: bool = False
    fixed: bool = False  # a table of what `check` shows passes it, whatever the seed
    silent: bool = False  # what the driver's docstring says does not hold here

    @property
    def name(self) -> str:
        return self.driver.__name__

    @property
    def about(self) -> str:
        """The driver's docstring in one line: what is tried, or the identity that must hold."""
        return "" if self.silent else " ".join((inspect.getdoc(self.driver) or "").split())


@dataclass
class Exercise:
    """One equation to write. See the module's docstring for how a file of exercises is written.

    id: `family/NN/function`; the last part is the name of the function that the student writes.
    target: the package's function, `"minigen.gan.losses:discriminator_loss"`, or a method, `"...:Class.method"`.
    minutes: how long a student needs. prompt: what to return, in Markdown, with shapes and units: names of Python in
    backticks, mathematics and shapes in dollars, `$(N, D)$`, in the LaTeX that `prompts.plain` knows.
    hints: three paragraphs: the idea, the equation, the code.
    rtol, atol: two numbers agree if |yours - expected| <= atol + rtol * |expected|; a case may set its own.
    seconds: the time that one case may take.
    imports: lines at the top of the stub, besides `import autograd.numpy as np`, which comes last.
    blocked: other functions of the package, written like `target`, that would be the answer under another name.
    mutates: names of arguments that the function is meant to change in place.
    """

    id: str
    target: str
    minutes: float
    prompt: str
    hints: str | Sequence[str]
    rtol: float = 1e-6
    atol: float = 1e-9
    seconds: float = 3.0
    imports: Sequence[str] = ()
    blocked: Sequence[str] = ()
    mutates: Sequence[str] = ()
    cases: list[Case] = field(default_factory=list, init=False, repr=False)
    path: Path | None = field(default=None, init=False, repr=False)  # its file, set by the catalog

    def __post_init__(self) -> None:
        if self.id.count("/") != 2 or not self.name.isidentifier():
            raise ValueError(f"an exercise's id is written 'family/NN/function', got {self.id!r}")
        if ":" not in self.target:
            raise ValueError(f"{self.id}: target must be written 'package.module:function', got {self.target!r}")
        if isinstance(self.hints, str):
            self.hints = _paragraphs(self.hints)
        if len(self.hints) != 3 or not all(hint.strip() for hint in self.hints):
            raise ValueError(f"{self.id}: hints must be three paragraphs (idea, equation, code), got {len(self.hints)}")
        if not self.prompt.strip():
            raise ValueError(f"{self.id}: the prompt is empty")
        if not (self.minutes > 0 and self.seconds > 0 and self.rtol >= 0 and self.atol >= 0):
            raise ValueError(f"{self.id}: minutes and seconds must be positive, tolerances not negative")

    @property
    def name(self) -> str:
        """The name of the function that the student writes."""
        return self.id.rsplit("/", 1)[1]

    @property
    def lesson(self) -> str:
        """The lesson it belongs to: `gan/02`."""
        return self.id.rsplit("/", 1)[0]

    @property
    def address(self) -> str:
        """What it is found by: the id, followed by a number if an assignment changes it, "gan/12/critic_loss@1"."""
        return self.id

    @property
    def changed(self) -> str:
        """What an assignment changes, in words; "" for the exercise as the lesson has it."""
        return ""

    @property
    def renamed(self) -> Mapping[str, str]:
        """The arguments that a changed exercise calls otherwise than the drivers do: {"x": "points"}."""
        return {}

    @property
    def points(self) -> int:
        return sum(case.points for case in self.cases)

    def points_of(self, kind: str) -> int:
        """Return the points of the cases of one kind."""
        return sum(case.points for case in self.cases if case.kind == kind)

    @property
    def reference(self) -> Callable:
        """The package's own function."""
        return resolve_target(self.target)[2]

    def case(
        self,
        points: int = 1,
        kind: str = "",
        expect: Mapping[str, Any] | None = None,
        property: bool = False,
        rtol: float | None = None,
        atol: float | None = None,
        exact_dtype: bool = False,
        fixed: bool = False,
    ) -> Callable[[Callable], Callable]:
        """Decorate a driver `(impl, rng) -> {name: array}`.

        kind: what the points are for, one of KINDS; it must be given.
        expect: values known without the reference: worked by hand (a literal), or what an identity gives (a property).
        property: the driver's docstring is an identity, "Inverse undoes forward."; it returns what that makes constant.
        exact_dtype: numbers must have the dtype of the reference's, which the prompt promises; else any float will do
        for floats, and any integer for integers.
        fixed: an answer that repeats what `check` shows on one seed passes the case on another, because its inputs or
        results hardly change. `prove` says which cases are fixed; `grading.secret` says what they count.
        """
        if points < 1:
            raise ValueError(f"{self.id}: points must be at least 1, got {points}")
        if kind not in KINDS:
            raise AuthorError(f"{self.id}: kind must be one of {', '.join(KINDS)}, got {kind!r}")

        def register(driver: Callable) -> Callable:
            if driver.__name__ in [case.name for case in self.cases]:
                raise ValueError(f"{self.id}: there are two cases named {driver.__name__!r}")
            if property and not (expect and driver.__doc__):
                raise ValueError(
                    f"{self.id}: {driver.__name__} must name its property in a docstring, and its `expect`"
                )
            tolerances = self.rtol if rtol is None else rtol, self.atol if atol is None else atol
            self.cases.append(Case(driver, points, kind, dict(expect or {}), property, *tolerances, exact_dtype, fixed))
            return driver

        return register


def _paragraphs(text: str) -> list[str]:
    """Idea and equation in one line each, then the code with its line breaks."""
    *words, code = textwrap.dedent(text).strip("\n").split("\n\n", 2)
    return [*(" ".join(part.split()) for part in words), textwrap.dedent(code).rstrip()]
