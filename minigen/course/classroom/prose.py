"""Questions in prose: the file that students write their answers in, and the answers in what they hand in."""

from __future__ import annotations

import re

from minigen.course.classroom.assignment import Assignment, Question

__all__ = ["answers_in", "prompt", "template"]

PLACEHOLDER = "*Write your answer here.*"
HEADING = re.compile(r"(?i)^#{2,6}\s+(?:question\s+)?([\w/-]+)")
LONGEST = 20_000  # characters of an answer that are shown


def template(assignment: Assignment) -> str:
    """The Markdown file that students get: each question with its points, and where the answer goes."""
    parts = [f"# {assignment.title}"]
    for question in assignment.questions:
        parts += [prompt(question), PLACEHOLDER]
    return "\n\n".join(parts) + "\n"


def prompt(question: Question) -> str:
    """The heading of a question and its text, as Markdown; not its criteria, which may contain the answer."""
    quoted = "\n".join(f"> {line}".rstrip() for line in question.text.split("\n"))
    return f"## Question {question.id} ({question.points:g} points)\n\n{quoted}"


def answers_in(text: str, assignment: Assignment) -> dict[str, str]:
    """What follows the heading of each question in a Markdown text, by the question's id.

    An answer ends at the heading of another question or of an exercise; other headings belong to it. The question's
    own text is left out. A question whose heading does not occur is not in the result.
    """
    questions = {question.id.lower(): question for question in assignment.questions}
    others = {assigned.id for assigned in assignment.exercises}
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in text.splitlines():
        heading = HEADING.match(line)
        name = heading[1].lower() if heading else ""
        if name in questions:
            current = found.setdefault(questions[name].id, [])
        elif name in others:
            current = None
        elif current is not None:
            current.append(line)
    given = {question.id: {*prompt(question).split("\n"), PLACEHOLDER} - {""} for question in assignment.questions}
    return {
        id: "\n".join(line for line in lines if line.rstrip() not in given[id]).strip()[:LONGEST]
        for id, lines in found.items()
    }
