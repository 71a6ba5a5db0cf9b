"""What an exercise is: one equation, the cases that try it, the mistakes that they must catch.

An author writes one file, `lessons/<family>/<NN_name>/exercise.py`, with one or several exercises:

    EX = Exercise("gan/02/discriminator_loss", target="minigen.gan.losses:discriminator_loss", minutes=10,
                  prompt="...", hints=["the idea", "the equation", "the line"])

    @EX.case(points=1, expect={"loss": 1.3863})        # a literal, checked by hand; the simplest case comes first
    def undecided(impl, rng):
        return {"loss": impl(np.zeros(4), np.zeros(4))}

    @EX.case(points=2, property="swapping the roles and the signs changes nothing", expect={"difference": 0.0})
    def symmetry(impl, rng): ...

    @EX.mistake(hint="Which logits belong to the target 1?")
    def swapped_labels(real_logits, fake_logits, smooth=0.0): ...

    @EX.variant                                        # a different correct answer
    def through_log_sigmoid(real_logits, fake_logits, smooth=0.0): ...

    EX.equivalent("a * b → b * a", reason="the product commutes")     # a mutant that is no mistake, see `mutate`

The *target* names the package's own function, which is the reference. A *driver* (the function under `@EX.case`) builds
inputs, calls `impl` on them and returns named arrays; it runs on the student's function in a worker process and on the
reference in the parent, which compares. A driver must therefore not judge anything itself.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Case", "Exercise", "Mistake", "check", "resolve"]


def resolve(target: str) -> tuple[Any, str, Callable]:
    """The object that holds a target, the attribute's name, and the function: `"package.module:Class.method"`.

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
    expect: Mapping[str, Any]
    property: str | None
    rtol: float
    atol: float

    @property
    def name(self) -> str:
        return self.driver.__name__

    @property
    def line(self) -> int:
        """Where the case starts in its file: the worker finds the driver by it."""
        return self.driver.__code__.co_firstlineno


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that students give, with the sentence that helps."""

    function: Callable
    hint: str

    @property
    def name(self) -> str:
        return self.function.__name__


@dataclass
class Exercise:
    """One equation to write. See the module's docstring for how a file of exercises is written.

    id: `family/NN/function`; the last part is the name of the function that the student writes.
    target: the package's function, `"minigen.gan.losses:discriminator_loss"`, or a method, `"...:Class.method"`.
    minutes: how long a student needs. prompt: what to return, in words, with shapes and units.
    hints: three, from the idea over the equation to the line.
    rtol, atol: two numbers agree if |yours - expected| <= atol + rtol * |expected|; a case may set its own.
    seconds: the time that one case may take. imports: lines at the top of the stub.
    blocked: other functions of the package, written like `target`, that would be the answer under another name.
    mutates: names of arguments that the function is meant to change in place.
    """

    id: str
    target: str
    minutes: float
    prompt: str
    hints: Sequence[str]
    rtol: float = 1e-6
    atol: float = 1e-9
    seconds: float = 3.0
    imports: Sequence[str] = ("import autograd.numpy as np",)
    blocked: Sequence[str] = ()
    mutates: Sequence[str] = ()
    cases: list[Case] = field(default_factory=list, init=False, repr=False)
    mistakes: list[Mistake] = field(default_factory=list, init=False, repr=False)
    variants: list[Callable] = field(default_factory=list, init=False, repr=False)
    equivalents: dict[str, str] = field(default_factory=dict, init=False, repr=False)
    path: Path | None = field(default=None, init=False, repr=False)  # its file, set by the catalog

    def __post_init__(self):
        if self.id.count("/") != 2 or not self.name.isidentifier():
            raise ValueError(f"an exercise's id is written 'family/NN/function', got {self.id!r}")
        if ":" not in self.target:
            raise ValueError(f"{self.id}: target must be written 'package.module:function', got {self.target!r}")
        if len(self.hints) != 3 or not all(self.hints):
            raise ValueError(f"{self.id}: hints must be three sentences (idea, equation, line), got {len(self.hints)}")
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
    def points(self) -> int:
        return sum(case.points for case in self.cases)

    @property
    def reference(self) -> Callable:
        """The package's own function."""
        return resolve(self.target)[2]

    def case(
        self,
        points: int = 1,
        expect: Mapping[str, Any] | None = None,
        property: str | None = None,
        rtol: float | None = None,
        atol: float | None = None,
    ) -> Callable[[Callable], Callable]:
        """Decorate a driver `(impl, rng) -> {name: array}`.

        expect: values known without the reference: worked by hand (a literal), or what an identity gives (a property).
        property: the identity in words, such as "inverse undoes forward"; its driver returns what it makes constant.
        """
        if points < 1:
            raise ValueError(f"{self.id}: points must be at least 1, got {points}")
        if property is not None and not expect:
            raise ValueError(f"{self.id}: the property {property!r} must say what to expect")

        def register(driver: Callable) -> Callable:
            self._fresh(driver.__name__, [case.name for case in self.cases], "case")
            self.cases.append(
                Case(
                    driver,
                    points,
                    dict(expect or {}),
                    property,
                    self.rtol if rtol is None else rtol,
                    self.atol if atol is None else atol,
                )
            )
            return driver

        return register

    def mistake(self, hint: str) -> Callable[[Callable], Callable]:
        """Decorate a wrong answer; `hint` is shown to a student whose answers equal it on every case."""

        def register(function: Callable) -> Callable:
            self._fresh(function.__name__, [mistake.name for mistake in self.mistakes], "mistake")
            self.mistakes.append(Mistake(function, hint))
            return function

        return register

    def variant(self, function: Callable) -> Callable:
        """Decorate a different correct answer, which must get full points."""
        self._fresh(function.__name__, [variant.__name__ for variant in self.variants], "variant")
        self.variants.append(function)
        return function

    def equivalent(self, mutant: str, reason: str) -> None:
        """Name a mechanical mutant (as `minigen exercise prove` prints it) that computes the same, and say why."""
        if not reason.strip():
            raise ValueError(f"{self.id}: say why the mutant {mutant!r} computes the same")
        self.equivalents[mutant] = reason

    def _fresh(self, name: str, taken: Sequence[str], kind: str) -> None:
        if name in taken:
            raise ValueError(f"{self.id}: there are two {kind}s named {name!r}")


def check(exercise_id: str, function: Callable | None = None) -> None:
    """Check an answer and print the report: `check("gan/02/discriminator_loss", my_function)`, in a notebook.

    Without a function, the student's file is checked, as `minigen exercise check ID` does.
    Raises UsageError for an unknown exercise.
    """
    from minigen.course.exercise.checking import check as run

    run(exercise_id, function)
