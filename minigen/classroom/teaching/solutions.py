"""The solutions of an assignment: idea, equation and code of each exercise; for the teacher points and mistakes too.

The derivations that a lesson folds are after its exercises. None of this is in what students get with the assignment.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from minigen.classroom.assignment import AssignedExercise, Assignment
from minigen.course.exercise import functions, prompts, stubs
from minigen.course.exercise.answers import answers_of
from minigen.course.exercise.format import Exercise
from minigen.course.index.names import find_lesson, has_lesson

__all__ = ["derivations_of", "solutions"]

FOLD = re.compile(r"<details><summary>(.+?)</summary>\s*(.*?)\s*</details>", re.S)


def solutions(assignment: Assignment, for_students: bool = False) -> str:
    """Return the solutions as Markdown, in the order of the assignment; mathematics is in dollars, as in lessons.

    for_students: without points, mistakes, and other right answers, for when the assignment is over.
    """
    total = sum(assigned.points for assigned in assignment.exercises)
    parts = [f"# {assignment.title}: solutions", *([] if for_students else [f"For teachers. {total:g} points."])]
    lessons = list(dict.fromkeys(assigned.exercise.lesson for assigned in assignment.exercises))
    for lesson in lessons:
        for assigned in assignment.exercises:
            if assigned.exercise.lesson == lesson:
                parts += _exercise(assigned, for_students)
        derivations = derivations_of(lesson)
        if derivations:
            parts.append(f"## Derivations in {lesson}")
        for summary, text in derivations:
            parts += [f"### {summary}", text]
    return "\n\n".join(parts) + "\n"


def derivations_of(lesson: str) -> list[tuple[str, str]]:
    """(summary, text) of each folded derivation of a lesson, in order."""
    cells = find_lesson(lesson).source.cells if has_lesson(lesson) else []
    folds = [found for cell in cells if cell.is_text for found in FOLD.findall(cell.text)]
    return [(_joined(summary), derivation) for summary, derivation in folds]


def _exercise(assigned: AssignedExercise, for_students: bool) -> Iterator[str]:
    exercise = assigned.exercise
    yield f"## {exercise.id}"
    if not for_students:
        yield f"{assigned.points:g} points, about {exercise.minutes:g} minutes. Students write it in `{assigned.file}`."
    yield from prompts.paragraphs(exercise)
    idea, equation = exercise.hints[0], exercise.hints[1]
    yield f"**Idea.** {_joined(idea)}"
    yield f"**Equation.** {_joined(equation)}"
    yield f"**Code**, `{exercise.target}`{' with the change' if exercise.changed else ''}:"
    yield _code(functions.bare(stubs.solution(exercise)))
    if for_students:
        return
    yield _points(exercise)
    answers = answers_of(exercise)
    if answers.mistakes:
        yield "**Known mistakes**, which the feedback names:"
        yield "\n".join(f"- {_joined(mistake.note)} {_inline(mistake.name)}" for mistake in answers.mistakes)
    for variant in answers.variants:
        yield f"**Also right**: {_joined(variant.note)}"
        yield _code(variant.code)


def _points(exercise: Exercise) -> str:
    """Return the cases with their points, as they are before the assignment scales them."""
    about = [_joined(case.about).replace("|", r"\|") for case in exercise.cases]
    rows = [f"| `{case.name}` | {what} | {case.kind} | {case.points} |" for case, what in zip(exercise.cases, about)]
    return "\n".join(["| case | what is tried | kind | points |", "| --- | --- | --- | ---: |", *rows])


def _joined(text: str) -> str:
    return " ".join(text.split())


def _inline(code: str) -> str:
    return f"`` {code} ``"


def _code(code: str) -> str:
    return f"```python\n{textwrap.dedent(code).strip()}\n```"
