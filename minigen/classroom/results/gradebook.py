"""The gradebook as CSV: long, a line for each student and exercise; wide, a line for each student."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

__all__ = ["LONG", "guarded", "long_rows", "printable", "table", "wide_header", "wide_rows"]

PERSON = ("student_id", "last_name", "first_name", "email")
LONG = (*PERSON, "exercise", "status", "points", "possible", "late", "total", "decision", "seed", "sha256")
FORMULAS = tuple("=+-@＝＋－＠")  # the last four are the full-width forms, which some spreadsheets compute too


def printable(text: str) -> str:
    """Return the text with a space for each character that cannot be printed, line breaks among them."""
    return "".join(character if character.isprintable() else " " for character in text)


def guarded(value: Any) -> str:
    """Return the text of a cell, which no spreadsheet evaluates as a formula: a number as it is,
    None as an empty cell.
    """
    if value is None:
        return ""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:.10g}"
    text = printable(str(value))
    return f"'{text}" if text.lstrip().startswith(FORMULAS) else text


def long_rows(documents: Iterable[Mapping[str, Any]]) -> Iterator[list[Any]]:
    """points: what the answer earned; late: what of it is lost by being late; total: what counts.

    They are empty until it is graded. An exercise that does not count has no total.
    """
    for document in documents:
        person = [document["student"][name] for name in PERSON]
        for row in document["exercises"]:
            names = ("id", "status", "points", "possible", "late")
            total = None if row["excused"] or row["dropped"] else row["total"]
            more = [total, decision(document, row), row["seed"], row["sha256"]]
            yield [*person, *(row[name] for name in names), *more]


def decision(document: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """Return what the teacher decided about an exercise, or why it does not count."""
    dropped = [document["counting"]] if row["dropped"] else []
    return "; ".join([*document["decisions"], *row["decisions"], *dropped])


def wide_header(parts: Sequence[str]) -> list[str]:
    """Return the columns of the wide gradebook: the person, the points of each exercise, the sums."""
    return [*PERSON, *parts, "points", "late", "total", "possible", "days_late", "decisions"]


def wide_rows(documents: Iterable[Mapping[str, Any]]) -> Iterator[list[Any]]:
    """Yield a row for each student, in the columns of `wide_header`; points as they are before being late costs any."""
    for document in documents:
        person = [document["student"][name] for name in PERSON]
        parts = document["exercises"]
        points = [_earned(row) for row in parts]
        points = ["excused" if row["excused"] else value for row, value in zip(parts, points, strict=True)]
        names = ("points", "late", "total", "possible", "days_late")
        own = [f"{row['id']}: {text}" for row in parts for text in row["decisions"]]
        yield [*person, *points, *(document[name] for name in names), "; ".join([*document["decisions"], *own])]


def _earned(row: Mapping[str, Any]) -> float | None:
    """Return the points of an exercise before lateness, as the teacher decided; None until they are known."""
    if row["given"] is not None or row["points"] is None or row["open"]:
        return row["given"]
    return round(max(0.0, row["points"] - row["minus"]), 2)


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a CSV text whose cells are guarded."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([guarded(cell) for cell in row] for row in rows)
    return text.getvalue()
