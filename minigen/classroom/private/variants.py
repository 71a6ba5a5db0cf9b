"""The private variants of exercises, made from what `private.py` beside them declares; see `declaration`."""

from __future__ import annotations

import ast
import base64
import dataclasses
import hashlib
import linecache
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import CodeType
from typing import Any

import numpy as np

from minigen.classroom.private.declaration import Private, addresses, declared
from minigen.course.console import UsageError
from minigen.course.exercise import catalog, functions, prompts
from minigen.course.exercise.answers import Answers, ListedAnswer, answers_of, entries, unchanged
from minigen.course.exercise.format import AuthorError, Case, Exercise
from minigen.course.exercise.given import MARK, ChangedExercise
from minigen.course.exercise.grading.changes import changes
from minigen.course.exercise.grading.compare import compare
from minigen.course.exercise.grading.reference import Reference, reference_of
from minigen.course.exercise.limits import handed_out
from minigen.course.exercise.mutants import Mutant, mutants

__all__ = ["PrivateExercise", "choice", "find", "found", "numbered", "packed"]

SAID = "Changed for this assignment:"


@dataclass(kw_only=True, eq=False)
class PrivateExercise(ChangedExercise):
    """An exercise as a private variant changes it; `number` is that of the value of k."""

    private: Private

    @property
    def changed(self) -> str:
        return prompts.plain(self.says)

    @property
    def says(self) -> str:
        """The change in Markdown."""
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
        """Return the variant of a function that is in the place of the package's own."""
        linecache.cache[self._file] = (len(self._definition), None, self._definition.splitlines(True), self._file)
        import autograd.numpy as anp  # here, since the command line reads stubs without it

        names = {**functions.formula(self.ordinary.reference).__globals__, "np": anp, "ordinary": function}
        exec(self._code, names)
        return names[self.name]

    def reworded(self, text: str) -> str:
        """Return a text on the exercise with the edits and the names of the variant."""
        for old, new in self.private.text.items():
            pattern = r"\s+".join(map(re.escape, old.split()))
            text = re.sub(pattern, self._filled(new).replace("\\", r"\\"), text)
        for old, new in self.renamed.items():
            text = re.sub(rf"(?<!\\)\b{re.escape(old)}\b", new, text)  # not a command of LaTeX
        return text

    def typed(self, code: str) -> str:
        """Code of the declaration, as a student would type it."""
        return self._filled(textwrap.dedent(code).strip("\n"))

    def _filled(self, text: str) -> str:
        """Return a text of the declaration with the value of k."""
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


# ------------------------------------------------------------------------------------------- made


def numbered(exercise: Exercise, number: int) -> PrivateExercise:
    """One private variant of an exercise. Raises UsageError if there is none of that number."""
    private = declared(exercise)
    if private is None or not 0 <= number < len(addresses(exercise)):
        raise UsageError(f"{exercise.id} has no private variant{f' {number}' if private is not None else ''}")
    made = PrivateExercise(
        **{each.name: getattr(exercise, each.name) for each in dataclasses.fields(Exercise) if each.init},
        ordinary=exercise,
        private=private,
        number=number,
    )
    made.path = exercise.path
    made.mutates = [made.renamed.get(name, name) for name in exercise.mutates]
    made.prompt = f"{textwrap.dedent(made.reworded(exercise.prompt)).strip()}\n\n{SAID} {made.says}"
    idea, equation, _ = map(made.reworded, exercise.hints)
    made.hints = [idea, f"{equation} {SAID} {made.changed}", made.typed(private.answer)]
    made.cases = [_case(made, place, case) for place, case in enumerate(exercise.cases)]
    return made


def _case(made: PrivateExercise, place: int, case: Case) -> Case:
    """Return a case of the exercise as it is for the variant."""
    made.cases = [*made.cases[:place], case]
    if case.name in made.private.expect:
        expect = made.private.expect[case.name] if made.number == 0 else {}
        return dataclasses.replace(case, expect=dict(expect), is_property=False, silent=True)
    outcome = reference_of(made, 0, place).outcome
    if compare(case, outcome, outcome).passed:
        return case
    return dataclasses.replace(case, expect={}, is_property=False, silent=True)


def find(address: str) -> Exercise:
    """Return the one exercise, or private variant of one, of an address: "gan/12/critic_loss", "gan/12/critic_loss@1".

    Raises UsageError if there is none, or more than one.
    """
    id, mark, number = address.partition(MARK)
    found = catalog.find(id)
    if len(found) != 1:
        raise UsageError(f"{address!r} has several exercises: say which ({', '.join(other.id for other in found)})")
    if not mark:
        return found[0]
    if not (number.isascii() and number.isdigit()):
        raise UsageError(f"a private variant is written {found[0].id}{MARK}1, got {address!r}")
    return numbered(found[0], int(number))


def found(address: str) -> Exercise:
    """Return the exercise or private variant of an address, as it is declared here, else as it was handed out.

    Raises UsageError if there is none.
    """
    try:
        return find(address)
    except UsageError:
        if MARK not in address:
            raise
        return handed_out(address)


def choice(id: str, secret: str, assignment: str) -> int:
    """Return the number of the private variant of an exercise that an assignment's secret chooses."""
    digest = hashlib.sha256("\0".join([secret, assignment, "private", id]).encode()).digest()
    return int.from_bytes(digest[:8], "big") % len(addresses(find(id)))


# ------------------------------------------------------------------------------------------- answers to them


@answers_of.register
def _(exercise: PrivateExercise) -> Answers:
    """Return the answers to the exercise within its private variant; the exercise's own answer is one more mistake."""

    def within(answer: ListedAnswer) -> ListedAnswer:
        function = exercise.composed(answer.function)
        return dataclasses.replace(answer, note=exercise.reworded(answer.note), function=function)

    theirs, without = answers_of(exercise.ordinary), tuple(exercise.private.without)
    return Answers(
        mistakes=[
            unchanged(exercise),
            *(within(answer) for answer in theirs.mistakes if not answer.note.startswith(without)),
        ],
        variants=list(map(within, theirs.variants)),
        equivalents={
            " ".join(code.split()): note for code, note in entries(exercise.typed(exercise.private.equivalent))
        },
        problems=theirs.problems,
    )


@changes.register
def _(exercise: PrivateExercise) -> Iterator[Mutant]:
    """Those of the exercise, within its variant."""
    yield from mutants(exercise.reference)
    for change in changes(exercise.ordinary):
        yield dataclasses.replace(change, function=exercise.composed(change.function))


# ------------------------------------------------------------------------------------------- handed out


def packed(exercise: PrivateExercise, signature: str, rows: Mapping[int, Sequence[Reference]]) -> dict[str, Any]:
    """Return a private variant in JSON, as `minigen.course.exercise.given` reads it. signature: `name(arguments)`."""
    kept = [case is ordinary for case, ordinary in zip(exercise.cases, exercise.ordinary.cases, strict=True)]
    return {
        "number": exercise.number,
        "says": exercise.changed,
        "prompt": exercise.prompt,
        "hints": list(exercise.hints[:2]),
        "arguments": signature.partition("(")[2].removesuffix(")"),
        "renames": dict(exercise.renamed),
        "mutates": list(exercise.mutates),
        "kept": kept,
        "rows": {str(seed): [_packed_row(row) for row in each] for seed, each in rows.items()},
    }


def _packed_row(row: Reference) -> dict[str, Any]:
    """Return what the reference gave for a case, in JSON; no calls that hold anything but arrays, numbers and texts."""
    outcome = row.outcome
    try:
        calls = _to_json(row.calls)
    except TypeError:
        calls = _to_json([])
    return {
        "values": _to_json(outcome.values),
        "precision": outcome.precision,
        "scale": outcome.scale,
        "draws": outcome.draws,
        "untouched": list(outcome.untouched),
        "given": outcome.given,
        "returned": dict(outcome.returned),
        "forms": row.forms,
        "sizes": sorted(map(int, row.sizes)),
        "calls": calls,
        "shift": row.shift,
    }


def _to_json(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        if value.dtype.kind not in "biufc":
            raise TypeError(f"an array of type {value.dtype} cannot be handed out")
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        kind = "array" if isinstance(value, np.ndarray) else "number"
        return {kind: [value.dtype.str, list(value.shape), data]}
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return {type(value).__name__: [_to_json(item) for item in value]}
    if type(value) is dict:
        return {"dict": [[key, _to_json(item)] for key, item in value.items()]}
    if type(value) is complex:
        return {"complex": [value.real, value.imag]}
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise TypeError(f"{type(value).__name__} cannot be handed out")
