"""The students of a class, and whose submission a folder or file is, by its name.

The list of students is a CSV file: one of your own, or the export of Canvas or Moodle as it comes.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from minigen.classroom.assignment import moment
from minigen.course.console import UsageError

__all__ = [
    "Matcher",
    "Student",
    "CsvFile",
    "members",
    "number",
    "read_roster",
    "read_table",
    "read_times",
    "student_ids",
    "words",
]

SHORTEST = 3  # characters of a key that may be in the middle of a name
# The column that identifies a student: the first of these in which every student has an entry of her own.
IDS = ("student_id", "sis user id", "sis login id", "id number", "username", "email address", "id", "identifier")
LAST_NAMES = ("last_name", "last name", "lastname", "surname")
FIRST_NAMES = ("first_name", "first name", "firstname")
FULL_NAMES = ("student", "full name")  # "Noether, Emmy" in Canvas, "Emmy Noether" in Moodle
EMAILS = ("email", "email address")
TEST_STUDENTS = ("Student, Test", "Test Student")  # of Canvas, for the teacher's trials
POINTS_POSSIBLE = "Points Possible"  # the name in a row of Canvas's export, which is not a student


@dataclass(frozen=True)
class Student:
    """A line of the roster. other_ids: those that the platform has beside the student_id."""

    student_id: str
    last_name: str = ""
    first_name: str = ""
    email: str = ""
    other_ids: tuple[str, ...] = ()

    def to_json(self) -> dict[str, str]:
        names = ("student_id", "last_name", "first_name", "email")
        return {name: getattr(self, name) for name in names}


# ------------------------------------------------------------------------------------------- tables


@dataclass(frozen=True)
class CsvFile:
    """A CSV file: the names of its columns and its other rows with their lines, all cells as the file has them."""

    path: Path
    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    delimiter: str

    @property
    def names(self) -> tuple[str, ...]:
        """The columns in lower case, without spaces around them."""
        return tuple(" ".join(name.split()).lower() for name in self.header)

    def cell(self, row: Sequence[str], *columns: str) -> str:
        """The entry of a row in the first of these columns that the table has; "" without one."""
        place = next((self.names.index(column) for column in columns if column in self.names), None)
        return "" if place is None or place >= len(row) else " ".join(row[place].split())


def read_table(path: Path) -> CsvFile:
    """A CSV file with commas, semicolons or tabs, in UTF-8, UTF-16 or Latin-1, as platforms and Excel write it.

    Raises UsageError for a file that cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    text = decoded(data)
    if "\0" in text:
        raise UsageError(f"{path} is not a CSV file: it has null bytes")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = [(reader.line_num, tuple(row)) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num}: {error}") from None
    if not rows:
        raise UsageError(f"{path} is empty; the first line must name the columns")
    return CsvFile(path, rows[0][1], tuple(rows[1:]), delimiter)


def number(text: str) -> float | None:
    """The number of a cell, with a point or a comma and without a sign; None for anything else."""
    return float(text.replace(",", ".")) if re.fullmatch(r"[0-9]{1,9}(?:[.,][0-9]{1,9})?", text) else None


def decoded(data: bytes) -> str:
    """The text of a file. What is not UTF-8 is Latin-1 as Excel on Windows writes it, which adds characters."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def members(table: CsvFile) -> list[tuple[tuple[str, ...], Student]]:
    """The rows of a roster that are students, each with the student. Raises UsageError."""
    if not set(table.names) & set(IDS):
        raise UsageError(
            f"{table.path}: the first line must name the columns student_id, last_name, first_name, email (the first "
            f"is needed), or be that of an export of Canvas or Moodle; got {', '.join(table.header)!r}"
        )
    canvas = "student" in table.names or "lastname" in table.names
    rows = [(line, row) for line, row in table.rows if not (canvas and _is_no_student(table, row))]
    if not rows:
        raise UsageError(f"{table.path} lists no student")
    column = _id_column(table, rows)
    found: dict[str, tuple[tuple[str, ...], Student]] = {}
    for line, row in rows:
        student = _student(table, row, column)
        if not student.student_id:
            raise UsageError(f"{table.path}, line {line}: a student without a {column}")
        if student.student_id in found:
            raise UsageError(f"{table.path}, line {line}: the {column} {student.student_id!r} occurs twice")
        found[student.student_id] = row, student
    return list(found.values())


def _is_no_student(table: CsvFile, row: Sequence[str]) -> bool:
    """Whether a row of Canvas's export has an assignment's possible points or posting, or is the test student."""
    name = table.cell(row, *FULL_NAMES) or table.cell(row, *LAST_NAMES)
    full = name or table.cell(row, *FIRST_NAMES)
    return not full or POINTS_POSSIBLE in (full, name) or name in TEST_STUDENTS


def _id_column(table: CsvFile, rows: Sequence[tuple[int, tuple[str, ...]]]) -> str:
    """The column that identifies students; the first that could, if none is complete."""
    columns = [name for name in IDS if name in table.names]
    if columns[0] == "student_id":  # a roster of the teacher's own: what is missing in it is a mistake
        return columns[0]
    for column in columns:
        entries = [table.cell(row, column) for _, row in rows]
        if all(entries) and len(set(entries)) == len(entries):
            return column
    return columns[0]


def _student(table: CsvFile, row: Sequence[str], column: str) -> Student:
    last, first = table.cell(row, *LAST_NAMES), table.cell(row, *FIRST_NAMES)
    full = table.cell(row, *FULL_NAMES)
    if full and not last:
        last, comma, first = (part.strip() for part in full.partition(","))
        if not comma:
            first, _, last = full.rpartition(" ")
    email = table.cell(row, *EMAILS)
    id = table.cell(row, column)
    others = [table.cell(row, name) for name in IDS if name != column]
    email = email or next((other for other in [id, *others] if re.fullmatch(r"[^@\s]+@[^@\s]+", other)), "")
    others = [other.removeprefix("Participant ") for other in others]
    return Student(id, last, first, email, tuple(dict.fromkeys(other for other in others if other not in ("", email))))


def read_roster(path: Path) -> list[Student]:
    """The students of a CSV file: your own with the columns student_id, last_name, first_name, email, or an export.

    Raises UsageError.
    """
    return [student for _, student in members(read_table(path))]


def read_times(path: Path) -> dict[str, str]:
    """When each student handed in: a CSV file with the columns student_id, submitted. Raises UsageError."""
    table = read_table(path)
    missing = [name for name in ("student_id", "submitted") if name not in table.names]
    if missing:
        raise UsageError(f"{path}: the first line must name the columns student_id, submitted; got {table.header!r}")
    times = {}
    for line, row in table.rows:
        id, text = table.cell(row, "student_id"), table.cell(row, "submitted")
        if text:
            moment(text, f"{path}, line {line}: submitted")
        times[id] = text
    return times


# ------------------------------------------------------------------------------------------- names


def words(text: str) -> tuple[str, ...]:
    """The letters and digits of a name, in lower case and without accents: "Müller_02" is ("muller", "02")."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    return tuple(re.findall(r"[^\W_]+", plain))


def _find(key: tuple[str, ...], name: tuple[str, ...]) -> int:
    """Where one run of words is in another, or -1."""
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
        ids = [words(id) for id in (student.student_id, *student.other_ids)]
        keys = [*ids, words(student.email), words(student.email.partition("@")[0]), *both]
        return {key for key in keys if key} | {("".join(key),) for key in both}

    def of(self, name: str) -> list[Student]:
        """The students that a name may mean: one, none, or several that the name does not distinguish.

        The whole name counts before its beginning, that before its middle, and a long key before a short one. Of
        several whom these leave, the one counts whose id the name has, as the names of Canvas's files do.
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
        if len(found) > 1:
            named = {student for student in found if self._has_id(student, given)}
            found = named if len(named) == 1 else found
        return sorted(found, key=lambda student: student.student_id)

    @staticmethod
    def _has_id(student: Student, given: tuple[str, ...]) -> bool:
        """Whether an id of the student, long enough not to be a version, is in a name."""
        ids = [words(id) for id in (student.student_id, *student.other_ids) if len(id) >= SHORTEST]
        return any(_find(id, given) >= 0 for id in ids if id)


def student_ids(students: Sequence[Student]) -> dict[str, str]:
    """The ids by what a teacher's table may have: the id itself, or with the ' that keeps a spreadsheet from it."""
    return {text: student.student_id for student in students for text in (f"'{student.student_id}", student.student_id)}
