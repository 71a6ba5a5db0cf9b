"""The gradebook as CSV: long, a line for each student and exercise; wide, a line for each student."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from minigen.course.classroom.results.documents import printable

__all__ = ["LONG", "guarded", "long_rows", "table", "wide_header", "wide_rows"]

PERSON = ("student_id", "last_name", "first_name", "email")
LONG = (*PERSON, "exercise", "status", "points", "possible", "late", "seed", "sha256")
FORMULAS = ("=", "+", "-", "@")


def guarded(value: Any) -> str:
    """The text of a cell, which no spreadsheet evaluates as a formula: a number as it is, None as an empty cell."""
    if value is None:
        return ""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:.10g}"
    text = printable(str(value))
    return f"'{text}" if text.lstrip().startswith(FORMULAS) else text


def long_rows(documents: Iterable[Mapping[str, Any]]) -> Iterator[list[Any]]:
    """points: what the answer earned; late: what of it is lost by being late. Both are empty until it is graded."""
    for document in documents:
        person = [document["student"][name] for name in PERSON]
        for row in document["exercises"]:
            names = ("id", "status", "points", "possible", "late", "seed", "sha256")
            yield [*person, *(row[name] for name in names)]


def wide_header(exercises: Sequence[str]) -> list[str]:
    """The columns of the wide gradebook: the person, the points of each exercise, the sums."""
    return [*PERSON, *exercises, "points", "late", "total", "possible", "days_late"]


def wide_rows(documents: Iterable[Mapping[str, Any]]) -> Iterator[list[Any]]:
    """A row for each student, in the columns of `wide_header`."""
    for document in documents:
        person = [document["student"][name] for name in PERSON]
        points = [row["points"] for row in document["exercises"]]
        names = ("points", "late", "total", "possible", "days_late")
        yield [*person, *points, *(document[name] for name in names)]


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A CSV text whose cells are guarded."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([guarded(cell) for cell in row] for row in rows)
    return text.getvalue()
