"""What `private.py` beside `exercise.py` declares: the private variants of the exercises, by the function's name:

    PRIVATE = {
        "critic_loss": Private(
            values=(0.3, 0.7, 1.6),
            says="the loss is multiplied by {k}, a weight that another term of the objective sets.",
            body="return {k} * ordinary(real_scores, fake_scores)",
            answer="return {k} * (np.mean(fake_scores) - np.mean(real_scores))",
            expect={"by_hand": {"loss": -1.2}},
        ),
    }

The variant's reference is `body`, which calls the package's own function, or whatever is in its place, by the name
`ordinary`. So all that is known of the exercise holds of its variant as well: the drivers, the listed mistakes and the
other right answers are those of the exercise, each within `body`. The exercise's own answer is one more mistake. A
literal or a property of a case is kept where it holds of the variant, else the case compares with the reference alone,
and its sentence is left out; `expect` gives new literals, worked by hand with the first of the `values`.

`{k}` stands for one of the `values`; an assignment's secret chooses which. `text` are edits, old to new, of the
sentences that the variant makes wrong, in the prompt, the hints and the words for mistakes. `arguments` renames the
arguments, in all of these as well. A prompt is Markdown, with LaTeX in dollars; hints and mistakes are plain text.
Python that other exercises of the lesson call has no private variant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from minigen.course.exercise import catalog
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.given import MARK

__all__ = ["FILE_NAME", "Private", "addresses", "declared"]

FILE_NAME = "private.py"


@dataclass(frozen=True)
class Private:
    """What a private variant changes. See the module's docstring.

    says: the change in Markdown, as a sentence that goes on after "Changed for this assignment:". body: the lines of
    the variant's reference. answer: hint three. equivalent: mutants of `answer` that compute the same, as in
    `answers.py`, where they are not listed there. without: how the words for those mistakes begin that are none here,
    or another's words.
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


def declared(exercise: Exercise) -> Private | None:
    """Return what is declared for an exercise in the file beside its own.

    Raises AuthorError if that cannot be loaded.
    """
    assert exercise.path is not None, "the catalog sets the path of every exercise"
    path = exercise.path.with_name(FILE_NAME)
    return catalog.namespace(path).get("PRIVATE", {}).get(exercise.name) if path.exists() else None


def addresses(exercise: Exercise) -> list[str]:
    """Return the addresses of the private variants of an exercise: "gan/12/penalized_slope@0", ..."""
    private = declared(exercise)
    count = 0 if private is None else max(1, len(private.values))
    return [f"{exercise.id}{MARK}{number}" for number in range(count)]
