"""The page on which a teacher reads the answers to each question, one below the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from minigen.course.classroom.assignment import Assignment
from minigen.course.classroom.results.feedback import TEMPLATES
from minigen.course.templates import render

__all__ = ["as_html"]


def as_html(assignment: Assignment, documents: Iterable[Mapping[str, Any]]) -> str:
    """One page: for each question its rubric, then the answers of the class; equal ones stand together."""
    by_question: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for document in documents:
        for row in document["questions"]:
            by_question.setdefault(row["id"], []).append((document["student"]["student_id"], row))
    sections = []
    for question in assignment.questions:
        rows = by_question.get(question.id, [])
        groups: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
        for id, row in rows:
            if row["status"] != "missing":
                groups.setdefault(row["answer_id"] or id, []).append((id, row))
        missing = [id for id, row in rows if row["status"] == "missing"]
        sections.append({"question": question, "groups": list(groups.values()), "missing": missing})
    return render(TEMPLATES, "questions.html", title=f"{assignment.title}: questions", sections=sections)
