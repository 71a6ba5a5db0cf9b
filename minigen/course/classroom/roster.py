"""The students of a class, and whose submission a folder or file is, by its name."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from minigen.course.console import UsageError

__all__ = ["Matcher", "Student", "read_roster", "read_times", "words"]

COLUMNS = ("student_id", "last_name", "first_name", "email")
SHORTEST = 3  # characters of a key that may stand in the middle of a name


@dataclass(frozen=True)
class Student:
    """A line of the roster."""

    student_id: str
    last_name: str = ""
    first_name: str = ""
    email: str = ""

    def to_json(self) -> dict[str, str]:
        return asdict(self)


def _table(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, its cells by column) of a CSV file whose first line names the columns; others are ignored."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text; save it as CSV in UTF-8") from None
    first = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=max(",;\t", key=first.count), restval="")
    names = [(name or "").strip().lower() for name in reader.fieldnames or []]
    if columns[0] not in names:
        raise UsageError(
            f"{path}: the first line must name the columns {', '.join(columns)} (the first is needed), got {first!r}"
        )
    reader.fieldnames = names
    for row in reader:
        cells = {column: " ".join((row.get(column) or "").split()) for column in columns}
        if any(cells.values()):
            yield reader.line_num, cells


def read_roster(path: Path) -> list[Student]:
    """The students of a CSV file with the columns student_id, last_name, first_name, email. Raises UsageError."""
    students: dict[str, Student] = {}
    for line, cells in _table(path, COLUMNS):
        student = Student(**cells)
        if not student.student_id:
            raise UsageError(f"{path}, line {line}: a student without a student_id")
        if student.student_id in students:
            raise UsageError(f"{path}, line {line}: the student_id {student.student_id!r} occurs twice")
        students[student.student_id] = student
    if not students:
        raise UsageError(f"{path} lists no student")
    return list(students.values())


def read_times(path: Path) -> dict[str, str]:
    """When each student handed in: a CSV file with the columns student_id, submitted. Raises UsageError."""
    return {cells["student_id"]: cells["submitted"] for _, cells in _table(path, ("student_id", "submitted"))}


# ------------------------------------------------------------------------------------------- names


def words(text: str) -> tuple[str, ...]:
    """The letters and digits of a name, in lower case and without accents: "Müller_02" is ("muller", "02")."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    return tuple(re.findall(r"[^\W_]+", plain))


def _find(key: tuple[str, ...], name: tuple[str, ...]) -> int:
    """Where one run of words stands in another, or -1."""
    starts = range(len(name) - len(key) + 1)
    return next((i for i in starts if name[i : i + len(key)] == key), -1)


class Matcher:
    """Finds the student of a folder's or file's name: by id, e-mail address, or name in either order."""

    def __init__(self, students: Sequence[Student]):
        self.keys: dict[str, dict[tuple[str, ...], set[Student]]] = defaultdict(dict)  # by their first word
        for student in students:
            for key in self._keys(student):
                self.keys[key[0]].setdefault(key, set()).add(student)

    @staticmethod
    def _keys(student: Student) -> set[tuple[str, ...]]:
        last, first = words(student.last_name), words(student.first_name)
        both = [last + first, first + last] if last and first else []
        keys = [words(student.student_id), words(student.email), words(student.email.partition("@")[0]), *both]
        return {key for key in keys if key} | {("".join(key),) for key in both}

    def of(self, name: str) -> list[Student]:
        """The students that a name may mean: one, none, or several that the name does not distinguish.

        The whole name counts before its beginning, that before its middle, and a long key before a short one.
        """
        given = words(name)
        best: tuple[int, int] = (0, 0)
        found: set[Student] = set()
        keys = [pair for word in set(given) for pair in self.keys.get(word, {}).items()]
        for key, students in keys:
            place, size = _find(key, given), sum(map(len, key))
            if place < 0 or (place > 0 and size < SHORTEST):
                continue
            rank = 3 if key == given else 2 if place == 0 else 1
            if (rank, size) > best:
                best, found = (rank, size), set(students)
            elif (rank, size) == best:
                found |= students
        return sorted(found, key=lambda student: student.student_id)
