"""What proves an exercise: the mistakes that students make, other right answers, and mutants that compute the same.

`answers.py` beside `exercise.py` has up to three tables of texts, one text for each exercise, by the function's name:

    MISTAKES = {
        "critic_loss": '''
        # This is the gap that the critic maximizes; the loss that it minimizes is the negative of it.
        np.mean(fake_scores) - np.mean(real_scores) -> np.mean(real_scores) - np.mean(fake_scores)
        np.mean -> np.sum (everywhere)  # Take the mean over each group, not the sum.
        # This is the hinge loss; the Wasserstein loss has no margin.
        return np.mean(np.maximum(0, 1 - real_scores)) + np.mean(np.maximum(0, 1 + fake_scores))
        ''',
    }
    VARIANTS = {"critic_loss": "return np.mean(fake_scores[:, None] - real_scores)  # the mean over all pairs"}
    EQUIVALENT = {"clip_weights": "np.clip(w, -c, c) → np.clip(-c, w, c)  # the maximum commutes"}

A mistake is an *edit of the reference*, `old -> new`: a fragment of its source and what replaces it. Line breaks and
spaces do not matter, and a fragment begins and ends with whole words. It must occur exactly once, unless the edit ends
in `(everywhere)`. Several lines are several edits, all made at once; a line that ends in `->` goes on in the next. What
cannot be written so is a new body, without any `->`: the lines of the function below its docstring.

The comment above a mistake, or at the end of its only line, is the hint for a student who made it: first what is wrong,
then what to do about it. A report shows its first clause, which ends with the first colon or period outside of
brackets; `minigen exercise hint` shows all of it. So the first clause has a verb, no other mistake of the exercise has
the same one, and no formula or code that is the answer is in it. A variant is a
different right answer, which must get full points, with a comment on what is different. An equivalent mutant is written
as `minigen exercise prove` prints it, with the reason. All code may use the names of the reference's module, of
`answers.py` and of `exercise.py`. In a new body `np` is autograd's, as it is for a student; an edit keeps the `np` of
the reference's module.
"""

from __future__ import annotations

import ast
import io
import linecache
import textwrap
import tokenize
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, singledispatch
from pathlib import Path
from typing import Any

import autograd.numpy as anp

from minigen.course.exercise import catalog, functions
from minigen.course.exercise.clauses import first_clause
from minigen.course.exercise.format import AuthorError, Exercise
from minigen.course.exercise.given import ChangedExercise, GivenExercise

__all__ = ["Answers", "EditError", "ListedAnswer", "answers_of", "edited", "entries", "unchanged", "with_names"]

TABLES = ("MISTAKES", "VARIANTS", "EQUIVALENT")
ARROW, EVERYWHERE = " -> ", "(everywhere)"
UNCHANGED = "the exercise's own answer", "This is the equation of the lesson, and the assignment changes it."
LAYOUT = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT, tokenize.ENDMARKER}


class EditError(AuthorError):
    """An edit that does not apply to the reference, or that does not give a function."""


@dataclass(frozen=True)
class ListedAnswer:
    """A function in the place of the reference; `note` is a mistake's hint, or what is different in a variant."""

    code: str
    note: str
    tree: ast.FunctionDef
    function: Callable

    @property
    def clause(self) -> str:
        """The first clause of a mistake's hint: what is wrong, without what to do about it."""
        return first_clause(self.note)

    @property
    def name(self) -> str:
        """What proofs call it: its edits or its body, in one line."""
        text = "; ".join(line.strip() for line in self.code.splitlines())
        return text if len(text) <= 100 else f"{text[:97]}..."


@dataclass
class Answers:
    """The author's answers to one exercise. `problems`: entries that cannot be used, and why."""

    mistakes: list[ListedAnswer] = field(default_factory=list)
    variants: list[ListedAnswer] = field(default_factory=list)
    equivalents: dict[str, str] = field(default_factory=dict)  # mutant -> reason
    problems: list[str] = field(default_factory=list)


@singledispatch
def answers_of(exercise: Exercise) -> Answers:
    """The answers to an exercise, from the file beside its own. Raises AuthorError if that cannot be loaded.

    Another kind of exercise registers where its answers come from.
    """
    assert exercise.path is not None, "the catalog sets the path of every exercise"
    files = (exercise.path, exercise.path.with_name("answers.py"))
    present = tuple((file, catalog.stamp(file)) for file in files if file.exists())
    return _answers(present, exercise.name, exercise.reference)


@answers_of.register
def _(exercise: GivenExercise) -> Answers:
    return Answers(mistakes=[unchanged(exercise)])


@lru_cache(maxsize=256)
def _answers(files: tuple[tuple[Path, tuple[int, int]], ...], name: str, reference: Callable) -> Answers:
    names: dict[str, Any] = {}
    for file, _ in files:
        names |= catalog.namespace(file)
    mistakes, variants, equivalents = (names.get(table, {}).get(name, "") for table in TABLES)
    names |= functions.formula(reference).__globals__
    found = Answers(equivalents={" ".join(code.split()): note for code, note in entries(equivalents)})
    for text, answers in ((mistakes, found.mistakes), (variants, found.variants)):
        for code, note in entries(text):
            try:
                answers.append(_answer(reference, code, note, names))
            except EditError as error:
                found.problems.append(str(error))
    return found


def unchanged(exercise: ChangedExercise) -> ListedAnswer:
    """The mistake to give the answer of the lesson where an assignment changes the exercise."""
    reference = exercise.ordinary.reference
    function = with_names(reference, exercise.renamed) if exercise.renamed else reference
    return ListedAnswer(*UNCHANGED, functions.definition(functions.source(reference)), function)


def with_names(function: Callable, renamed: Mapping[str, str]) -> Callable:
    """A function that takes its arguments under other names."""
    ordinary = {new: old for old, new in renamed.items()}

    def called(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **{ordinary.get(name, name): value for name, value in kwargs.items()})

    return called


def entries(text: str) -> list[tuple[str, str]]:
    """(code, comment) of each entry of a text. Raises AuthorError for code without a comment, or the reverse."""
    found: list[tuple[list[str], list[str]]] = []
    closed = True  # the last entry has its comment at the end of its line
    for line in textwrap.dedent(text).strip("\n").splitlines():
        code, mark, comment = f" {line}".partition(" # ")
        code = code[1:].rstrip()
        if closed or (mark and (code or found[-1][0])):
            found.append(([], []))
        closed = bool(mark and code)
        if code:
            found[-1][0].append(code)
        if mark:
            found[-1][1].append(comment.strip())
    for lines, comments in found:
        if not (lines and comments):
            raise AuthorError(f"an entry needs code and a comment, got only {' '.join(lines or comments)!r}")
    return [("\n".join(lines), " ".join(comments)) for lines, comments in found]


def _answer(reference: Callable, code: str, note: str, names: Mapping[str, Any]) -> ListedAnswer:
    try:
        tree, file = edited(functions.source(reference), code), f"<{reference.__name__}: {code}>"
        text = ast.unparse(tree)
        if ARROW not in _unbroken(code):
            names = {**names, "np": anp}
        linecache.cache[file] = (len(text), None, text.splitlines(True), file)  # its errors name its lines
        return ListedAnswer(code, note, tree, functions.compiled(functions.definition(text), names, file))
    except (SyntaxError, tokenize.TokenError) as error:
        raise EditError(f"{code}: this gives no function ({error})") from None


def edited(source: str, code: str) -> ast.FunctionDef:
    """The tree of a function after edits of its source (lines `old -> new`), or with another body.

    Raises EditError if an edit does not apply, SyntaxError if the result is not Python.
    """
    tree = functions.definition(source)
    if ARROW in _unbroken(code):
        first = functions.body(tree)[0]
        return functions.definition(_with_edits(source, (first.lineno, first.col_offset), code))
    tree.body = ast.parse(code).body
    return tree


def _with_edits(source: str, start: tuple[int, int], code: str) -> str:
    """The source with all edits made at once; nothing before `start` (line, column) is touched."""
    lines = source.splitlines(keepends=True)
    offsets = [sum(map(len, lines[:i])) for i in range(len(lines))]
    tokens = [token for token in _tokens(source) if token.start >= start]
    spans: list[tuple[int, int, str]] = []
    for edit in _unbroken(code).splitlines():
        old, arrow, new = (part.strip() for part in edit.partition(ARROW))
        places = _places(tokens, old) if arrow and old else []
        if not places or (len(places) > 1 and not new.endswith(EVERYWHERE)):
            raise EditError(f"{old!r} occurs {len(places)} times in the reference")
        new = new.removesuffix(EVERYWHERE).rstrip()
        spans += [(offsets[a.start[0] - 1] + a.start[1], offsets[b.end[0] - 1] + b.end[1], new) for a, b in places]
    spans.sort(reverse=True)
    if any(below[1] > above[0] for above, below in zip(spans, spans[1:])):
        raise EditError("edits overlap")
    for begin, end, new in spans:
        source = source[:begin] + new + source[end:]
    return source


def _unbroken(code: str) -> str:
    """The code with each edit in one line."""
    return code.replace(f"{ARROW.rstrip()}\n", ARROW)


def _places(tokens: list[tokenize.TokenInfo], fragment: str) -> list[tuple[tokenize.TokenInfo, tokenize.TokenInfo]]:
    """The first and last token of each place where a fragment is."""
    wanted = [token.string for token in _tokens(f"({fragment}\n)")][1:-1]
    starts = range(len(tokens) - len(wanted) + 1)
    return [
        (tokens[i], tokens[i + len(wanted) - 1])
        for i in starts
        if [token.string for token in tokens[i : i + len(wanted)]] == wanted
    ]


def _tokens(text: str) -> list[tokenize.TokenInfo]:
    return [token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type not in LAYOUT]
