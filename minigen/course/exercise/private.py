"""Private variants: an exercise with one thing changed, so that an answer found elsewhere does not pass.

`private.py` beside `exercise.py` declares them, by the function's name:

    PRIVATE = {
        "critic_loss": Private(
            values=(0.3, 0.7, 1.6),
            says="the loss is multiplied by {k}, a weight that another term of the objective sets.",
            body="return {k} * ordinary(real_scores, fake_scores)",
            answer="return {k} * (np.mean(fake_scores) - np.mean(real_scores))",
            expect={"by_hand": {"loss": -1.2}},
        ),
    }

The variant's reference is `body`, which calls the package's own function, or whatever stands in its place, by the name
`ordinary`. So all that is known of the exercise holds of its variant as well: the drivers, the listed mistakes and the
other right answers are those of the exercise, each within `body`. The exercise's own answer is one more mistake. A
literal or a property of a case is kept where it holds of the variant, else the case compares with the reference alone,
and its sentence is left out; `expect` gives new literals, worked by hand with the first of the `values`.

`{k}` stands for one of the `values`; an assignment's secret chooses which. `text` are edits, old to new, of the
sentences that the variant makes wrong, in the prompt, the hints and the words for mistakes. `arguments` renames the
arguments, in all of these as well. Python that other exercises of the lesson call has no private variant.
"""

from __future__ import annotations

import ast
import linecache
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import CodeType
from typing import Any

from minigen.course.exercise import catalog, functions
from minigen.course.exercise.format import AuthorError, Exercise

__all__ = ["FILE_NAME", "MARK", "SAID", "Private", "PrivateExercise", "addresses", "declared"]

FILE_NAME = "private.py"
MARK = "@"  # between the id of an exercise and the number of a variant
SAID = "Changed for this assignment:"


@dataclass(frozen=True)
class Private:
    """What a private variant changes. See the module's docstring.

    says: the change, as a sentence that goes on after "Changed for this assignment:". body: the lines of the variant's
    reference. answer: hint three. equivalent: mutants of `answer` that compute the same, as in `answers.py`, where they
    are not listed there. without: how the words for those mistakes begin that are none here, or another's words.
    """

    says: str
    body: str
    answer: str
    values: Sequence[float | str] = ()
    arguments: str = ""
    text: Mapping[str, str] = field(default_factory=dict)
    expect: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    equivalent: str = ""
    without: Sequence[str] = ()


@dataclass(kw_only=True, eq=False)
class PrivateExercise(Exercise):
    """An exercise as a private variant changes it; `number` is that of the value of k."""

    ordinary: Exercise
    private: Private
    number: int

    @property
    def address(self) -> str:
        return f"{self.id}{MARK}{self.number}"

    @property
    def changed(self) -> str:
        return self._filled(self.private.says)

    @property
    def reference(self) -> Callable:
        return self.composed(self.ordinary.reference)

    @cached_property
    def renamed(self) -> Mapping[str, str]:
        theirs = _arguments(functions.definition(functions.source(self.ordinary.reference)).args)
        mine = _arguments(functions.definition(self._definition).args)
        if len(mine) != len(theirs):
            raise AuthorError(f"{self.id}: a private variant has as many arguments as the exercise: {theirs}")
        return {old: new for old, new in zip(theirs, mine) if old != new}

    def composed(self, function: Callable) -> Callable:
        """The variant of a function that stands in the place of the package's own."""
        linecache.cache[self._file] = (len(self._definition), None, self._definition.splitlines(True), self._file)
        import autograd.numpy as anp  # here, since the command line reads stubs without it

        names = {**functions.formula(self.ordinary.reference).__globals__, "np": anp, "ordinary": function}
        exec(self._code, names)
        return names[self.name]

    def reworded(self, text: str) -> str:
        """A text on the exercise with the edits and the names of the variant."""
        for old, new in self.private.text.items():
            pattern = r"\s+".join(map(re.escape, old.split()))
            text = re.sub(pattern, self._filled(new).replace("\\", r"\\"), text)
        for old, new in self.renamed.items():
            text = re.sub(rf"\b{re.escape(old)}\b", new, text)
        return text

    def typed(self, code: str) -> str:
        """Code of the declaration, as a student would type it."""
        return self._filled(textwrap.dedent(code).strip("\n"))

    def _filled(self, text: str) -> str:
        """A text of the declaration with the value of k."""
        values = self.private.values
        return text.replace("{k}", str(values[self.number])) if values else text

    @property
    def _file(self) -> str:
        return f"<{self.address}>"

    @cached_property
    def _definition(self) -> str:
        """The text of the variant's reference."""
        arguments = self.private.arguments
        if not arguments:
            arguments = ast.unparse(functions.definition(functions.source(self.ordinary.reference)).args)
        return f"def {self.name}({arguments}):\n{textwrap.indent(self.typed(self.private.body), '    ')}\n"

    @cached_property
    def _code(self) -> CodeType:
        return compile(self._definition, self._file, "exec", dont_inherit=True)


def _arguments(arguments: ast.arguments) -> list[str]:
    return [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


# ------------------------------------------------------------------------------------------- which there are


def declared(exercise: Exercise) -> Private | None:
    """What is declared for an exercise in the file beside its own. Raises AuthorError if that cannot be loaded."""
    assert exercise.path is not None, "the catalog sets the path of every exercise"
    path = exercise.path.with_name(FILE_NAME)
    return catalog.namespace(path).get("PRIVATE", {}).get(exercise.name) if path.exists() else None


def addresses(exercise: Exercise) -> list[str]:
    """The addresses of the private variants of an exercise: "gan/12/penalized_slope@0", ..."""
    private = declared(exercise)
    count = 0 if private is None else max(1, len(private.values))
    return [f"{exercise.id}{MARK}{number}" for number in range(count)]
