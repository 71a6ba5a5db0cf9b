"""What students handed in: a folder of folders, a zip of a learning platform, notebooks; nothing is changed.

Files are found by the assignment, never by their first lines: for each exercise the file of its lesson's
name (`gan_02.py`) or the notebook of the assignment's, else a file that defines its function. Nothing is unpacked to
the disk, and links are not followed.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import io
import json
import os
import re
import stat
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import BinaryIO

from minigen.classroom import notebooks
from minigen.classroom.assignment import AssignedExercise, Assignment
from minigen.classroom.near import misspelled, nearest
from minigen.classroom.roster import SHORTEST, Matcher, Student, words
from minigen.course.console import UsageError
from minigen.course.exercise import stubs
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.submission import (
    MAX_SOURCE,
    Submission,
    Unreadable,
    defined_names,
    parse_submission,
    read_bytes,
)

__all__ = ["AnswerFile", "Entry", "Found", "Submitted", "answers_of", "find", "folder_entries", "repaired"]

JUNK = {"__MACOSX", "__pycache__", ".ipynb_checkpoints", ".git", ".DS_Store"}
DEEPEST = 12  # folders within folders
MOST_FILES = 2000  # of one folder or zip of a student
MOST_READ = 40  # files of one student that are read
MOST_CODE = 4 * 2**20  # bytes of one student's Python files that are read
MOST_NOTEBOOKS = 64 * 2**20  # and of notebooks
LARGEST_NOTEBOOK = 16 * 2**20
LARGEST_ZIP = 32 * 2**20  # of one student, within a folder or zip
LONGEST_NAME = 255  # bytes of a file's name
MOST_ZIPS = 10  # of one student that are opened
LARGEST_LIST = 8 * 2**20  # bytes of a zip's list of files; some 80,000 files
LARGEST_LIST_WITHIN = 2**20  # of a zip that a student handed in
PROGRESS = "progress.json"  # the end of the name of the record that `minigen exercise hint` keeps
MARKED_LATE = re.compile(r"^[^_]+_LATE_\d+_\d+_")  # "noetheremmy_LATE_50001_12345_gan_02.py", from Canvas
VERSION = re.compile(r"(?:[-_ ]|\()(\d+)\)?$")  # "gan_02-1.py", "gan_02 (2).py"


@dataclass(frozen=True)
class Entry:
    """A file that was handed in, not read yet: its path below the submissions, and a function that reads its bytes."""

    parts: tuple[str, ...]
    modified: datetime.datetime | None
    read: Callable[[int], bytes] = field(compare=False, repr=False)  # (limit) -> bytes; raises Unreadable

    @property
    def shown(self) -> str:
        return _shown(self.parts)

    @property
    def name(self) -> str:
        return self.parts[-1]

    @property
    def suffix(self) -> str:
        return Path(self.name).suffix.lower()

    @property
    def limit(self) -> int:
        return LARGEST_NOTEBOOK if self.suffix == ".ipynb" else MAX_SOURCE


@dataclass(frozen=True)
class AnswerFile:
    """What a student handed in for one exercise. sha256: of the file as it came; "" if there is none."""

    submission: Submission
    sha256: str = ""
    modified: datetime.datetime | None = None
    notes: tuple[str, ...] = ()


@dataclass
class Submitted:
    """What one student handed in: an answer to each exercise, in order, and when.

    hints: how many hints of an exercise the student's record says were shown.
    """

    student: Student
    answers: list[AnswerFile]
    handed_in: datetime.datetime | None
    hints: dict[str, int] = field(default_factory=dict)


@dataclass
class Found:
    """The entries of each student, by id, and those of no student, with the reason.

    marked_late: how many files have names that Canvas gives to late ones.
    """

    entries: dict[str, list[Entry]]
    unmatched: list[tuple[str, str]]
    marked_late: int = 0


def _shown(parts: Sequence[str]) -> str:
    """Return a path as text, in which every part can be the name of a file: a long one is shortened in its middle."""
    names = []
    for part in map(_printable, parts):
        long = len(part.encode()) > LONGEST_NAME
        names.append(f"{part[:30]}...{part[-30:]}" if long else part)  # at most 4 bytes for each character
    return "/".join(names)


def _printable(text: str) -> str:
    """Return a file's name as text that every terminal and file can hold."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(character if character.isprintable() else "?" for character in text)


# ------------------------------------------------------------------------------------------- listing


def folder_entries(root: Path) -> Iterator[Entry]:
    """Yield the files below a folder, those of each folder in order of their names; links are files that cannot be
    read.
    """
    waiting: list[tuple[Path, tuple[str, ...]]] = [(root, ())]
    counts: dict[str, int] = {}
    while waiting:
        folder, parts = waiting.pop()
        try:
            rows = sorted(os.scandir(folder), key=lambda row: row.name)
        except OSError as error:
            yield Entry((*parts, "?"), None, partial(_refuse, status.MISSING_FILE, error.strerror or str(error)))
            continue
        inside = []
        for row in rows:
            if row.name in JUNK:
                continue
            inner = (*parts, row.name)
            top = inner[0]
            counts[top] = counts.get(top, 0) + 1
            if counts[top] > MOST_FILES:
                continue
            if row.is_dir(follow_symlinks=False):
                if len(inner) < DEEPEST:
                    inside.append((Path(row.path), inner))
                if not row.name.endswith((".py", ".ipynb")):
                    continue
            try:
                modified = datetime.datetime.fromtimestamp(row.stat(follow_symlinks=False).st_mtime).astimezone()
            except (OSError, OverflowError, ValueError):
                modified = None
            yield Entry(inner, modified, partial(_read_path, Path(row.path), inner))
        waiting += reversed(inside)


def _refuse(state: str, message: str, limit: int) -> bytes:
    raise Unreadable(Submission("", "", state, message))


def _read_path(path: Path, parts: tuple[str, ...], limit: int) -> bytes:
    try:
        return read_bytes(path, limit)
    except Unreadable as failure:
        shown = _shown(parts)
        message = failure.submission.message.replace(str(path), shown)
        raise Unreadable(Submission(shown, "", failure.submission.status, message)) from None


def zip_entries(archive: zipfile.ZipFile, above: tuple[str, ...] = ()) -> Iterator[Entry]:
    """Yield the files of a zip; they are read from it, never unpacked."""
    counts: dict[str, int] = {}
    for info in archive.infolist():
        parts = tuple(part for part in info.filename.replace("\\", "/").split("/") if part not in ("", ".", ".."))
        if info.is_dir() or not parts or JUNK & set(parts):
            continue
        counts[parts[0]] = counts.get(parts[0], 0) + 1
        if counts[parts[0]] > MOST_FILES:
            continue
        try:
            modified = datetime.datetime(*info.date_time).astimezone()
        except (ValueError, OverflowError, OSError):
            modified = None
        yield Entry((*above, *parts), modified, partial(_read_zipped, archive, info, (*above, *parts)))


class _TooMany(Exception):
    """A zip whose list of files is too long to be read."""


class _Limited(io.RawIOBase):
    """A file for `ZipFile`, which reads the list of files of a zip in one piece, whatever its size.

    A piece of more than `most` bytes raises _TooMany before it is read.
    """

    def __init__(self, file: BinaryIO, most: int):
        self.file, self.most = file, most

    def read(self, size: int = -1) -> bytes:
        if size > self.most:
            raise _TooMany
        return self.file.read(size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()


def _read_zipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo, parts: tuple[str, ...], limit: int) -> bytes:
    shown = _shown(parts)

    def bad(state: str, message: str) -> Unreadable:
        return Unreadable(Submission(shown, "", state, message))

    if stat.S_ISLNK(info.external_attr >> 16):
        raise bad(status.SYMLINK, f"{shown} is a symbolic link; hand in the file itself")
    if info.file_size > limit:
        raise bad(status.TOO_LARGE, f"{shown} has {info.file_size:,} bytes; an answer has at most {limit:,}")
    try:
        with archive.open(info) as file:
            data = file.read(limit + 1)
    except Exception as error:  # damaged, encrypted, an unknown method of compression: zipfile raises many kinds
        raise bad(status.NOT_A_FILE, f"{shown} cannot be unpacked: {error}") from None
    if len(data) > limit:
        raise bad(status.TOO_LARGE, f"{shown} is larger than its header states; an answer has at most {limit:,} bytes")
    return data


def entries_of(submissions: Path) -> Iterator[Entry]:
    """Return the files of a folder or of a zip. Raises UsageError for anything else."""
    if submissions.is_dir():
        return folder_entries(submissions)
    try:
        return zip_entries(zipfile.ZipFile(_Limited(submissions.open("rb"), LARGEST_LIST)))
    except _TooMany:
        size = f"{LARGEST_LIST / 2**20:g} MB"
        raise UsageError(f"{submissions} has a list of files of more than {size}; unpack it into a folder") from None
    except OSError as error:
        raise UsageError(f"cannot read the submissions {submissions}: {error.strerror or error}") from None
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise UsageError(f"submissions are a folder or a zip file; {submissions} is neither ({error})") from None


def find(submissions: Path, students: Sequence[Student], assignment: Assignment) -> Found:
    """Return the student of each file: by the first folder of its path, or the file's own name, that names one."""
    matcher = Matcher(students)
    stems = [words(Path(file).stem) for file in assignment.answer_files]
    found = Found({student.student_id: [] for student in students}, [])
    whose: dict[tuple[str, ...], list[Student]] = {}  # of folders
    for entry in entries_of(submissions):
        several = ""
        found.marked_late += MARKED_LATE.search(entry.name) is not None
        for depth, part in enumerate(entry.parts, start=1):
            is_file = depth == len(entry.parts)
            key = entry.parts[:depth]
            if is_file or key not in whose:
                meant = matcher.of(_without(Path(part).stem, stems) if is_file else part)
                if not is_file:
                    whose[key] = meant
            else:
                meant = whose[key]
            if len(meant) == 1:
                found.entries[meant[0].student_id].append(entry)
                break
            if meant:
                several = f"{_printable(part)} may be of {', '.join(student.student_id for student in meant)}"
        else:
            found.unmatched.append((entry.shown, several or "no student of the roster is named in its path"))
    return found


def _without(name: str, stems: Sequence[tuple[str, ...]]) -> str:
    """Return a file's name without the part that is the name of an answer's file: what may name the student.

    The student's name comes before it; where nothing does, what follows may be it ("gan_12_s001"), but not a number
    that is a version.
    """
    given = words(name)
    for stem in stems:
        for i in range(len(given) - len(stem) + 1):
            if given[i : i + len(stem)] == stem:
                after = [word for word in given[i + len(stem) :] if len(word) >= SHORTEST]
                return " ".join(given[:i] or after)
    return name


# ------------------------------------------------------------------------------------------- choosing


@dataclass(frozen=True)
class _Content:
    """What a file holds, or of a notebook one function; sha256: of the file as it came."""

    submission: Submission
    sha256: str = ""
    notes: tuple[str, ...] = ()

    @cached_property
    def defined(self) -> frozenset[str]:
        """The functions and classes that it defines."""
        return frozenset(defined_names(self.submission.source))


class _Reader:
    """Reads the files of one student: a Python file once, a notebook once for each function, and not without end."""

    def __init__(self) -> None:
        self.left = {".py": MOST_CODE, ".ipynb": MOST_NOTEBOOKS}  # bytes that may still be read
        self.sizes: dict[Entry, int] = {}
        self.contents: dict[tuple[Entry, str], _Content] = {}

    def read(self, entry: Entry, function: str) -> _Content:
        """Return a file's content; of a notebook the function of this name, with what it uses."""
        key = entry, function if entry.suffix == ".ipynb" else ""
        if key not in self.contents:
            self.contents[key] = self._read(entry, function)
        return self.contents[key]

    def _read(self, entry: Entry, function: str) -> _Content:
        notes: list[str] = []
        sha256 = ""
        try:
            data = self._bytes(entry)
            sha256 = hashlib.sha256(data).hexdigest()
            if entry.suffix == ".ipynb":
                source, notes = notebooks.functions_of(data, [function])
                if function not in defined_names(source):
                    near = nearest(function, notebooks.names_of(data))
                    source, notes = notebooks.functions_of(data, [near]) if near else (source, notes)
                data = source.encode()
            submission = parse_submission(entry.shown, data)
        except Unreadable as failure:
            submission = failure.submission
        except notebooks.NotebookError as error:
            submission = Submission(entry.shown, "", status.SYNTAX_ERROR, f"{entry.shown} is {error}")
        except RecursionError:
            message = f"{entry.shown} is nested too deeply to be read"
            submission = Submission(entry.shown, "", status.SYNTAX_ERROR, message)
        return _Content(submission, sha256, tuple(notes))

    def _bytes(self, entry: Entry) -> bytes:
        if entry not in self.sizes and self.left[entry.suffix] <= 0:
            message = f"{entry.shown} was not read: the files that were read before it are too large together"
            raise Unreadable(Submission(entry.shown, "", status.TOO_LARGE, message))
        data = entry.read(entry.limit)
        if entry not in self.sizes:
            self.sizes[entry] = len(data)
            self.left[entry.suffix] -= len(data)
        return data


@dataclass(frozen=True)
class _Read:
    """A file that was read. rank: 0 if it has the expected name, 1 if its name contains that, 2 otherwise."""

    entry: Entry
    rank: int
    version: int
    content: _Content

    def score(self, exercise: Exercise) -> tuple:
        """Return the order of choice for a function, by one rule wherever the files come from.

        Whether the file defines it, if only by a misspelled name, whether it has the expected name, then the latest
        version by the platform's mark or the time, and at last the rank, depth and path.
        """
        content = self.content
        name = exercise.name
        if name in content.defined:
            state = 1 if stubs.is_stub(content.submission.source, name) else 2
        else:
            state = int(bool(misspelled(exercise, sorted(content.defined))))
        when = self.entry.modified.timestamp() if self.entry.modified else 0.0
        return state, self.rank < 2, self.version, when, -self.rank, -len(self.entry.parts), self.entry.shown


def answers_of(student: Student, entries: Sequence[Entry], assignment: Assignment) -> Submitted:
    """Choose and read a student's file for each exercise. No content of a file raises an error."""
    entries, refused = _with_zips(entries)
    code = [entry for entry in entries if entry.suffix in (".py", ".ipynb")]
    reader = _Reader()
    answers = []
    for assigned in assignment.exercises:
        candidates = []
        names = (assigned.file, f"{assignment.slug}.ipynb")
        for entry in _likely(code, names):
            content = reader.read(entry, assigned.exercise.name)
            candidates.append(_Read(entry, *_rank(entry, names), content))
        answers.append(_choose(assigned, candidates, entries, refused))
    times = [answer.modified for answer in answers if answer.modified is not None]
    return Submitted(student, answers, max(times, default=None), _hints(entries))


def repaired(submitted: Submitted, files: Mapping[str, Path], assignment: Assignment) -> Submitted:
    """Return what a student handed in with the files that the teacher repaired, which a note on the answer names.

    files: by the id of the exercise, "" for all of them. The time of handing in stays that of the student's own files.
    """
    reader, answers = _Reader(), []
    for assigned, answer in zip(assignment.exercises, submitted.answers, strict=True):
        path = files.get(assigned.id, files.get(""))
        if path is None:
            answers.append(answer)
            continue
        entry = Entry((path.name,), None, partial(_read_path, path, (path.name,)))
        content = reader.read(entry, assigned.exercise.name)
        own = (
            f"{answer.submission.file} (sha256 {answer.sha256[:12]})" if answer.sha256 else "nothing that could be read"
        )
        note = f"your teacher's repaired copy {path.name} was graded in place of {own}"
        answers.append(AnswerFile(content.submission, content.sha256, answer.modified, (*content.notes, note)))
    return dataclasses.replace(submitted, answers=answers)


def _with_zips(entries: Sequence[Entry]) -> tuple[list[Entry], list[str]]:
    """Return the files of a student with those of her zips; and what is said of a zip that is not opened."""
    found, refused = list(entries), []
    for number, entry in enumerate([entry for entry in entries if entry.suffix == ".zip"]):
        if number == MOST_ZIPS:
            refused.append(f"only {MOST_ZIPS} zip files were opened")
            break
        try:
            data = _Limited(io.BytesIO(entry.read(LARGEST_ZIP)), LARGEST_LIST_WITHIN)
            found += zip_entries(zipfile.ZipFile(data), entry.parts)
        except _TooMany:
            refused.append(f"{entry.shown} lists too many files and was not opened")
        except Exception:  # damaged: the zip remains as it is, a file that is no answer
            continue
    return found, refused


def _hints(entries: Sequence[Entry]) -> dict[str, int]:
    """How many hints of each exercise were shown, by the student's own record; of several records the most."""
    found: dict[str, int] = {}
    for entry in [entry for entry in entries if entry.name.endswith(PROGRESS)][:MOST_READ]:
        try:
            exercises = json.loads(entry.read(MAX_SOURCE))["exercises"]
            for id, row in exercises.items():
                if type(row.get("hints")) is int:
                    found[id] = min(3, max(0, row["hints"], found.get(id, 0)))
        except (Unreadable, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue
    return found


def _rank(entry: Entry, names: Sequence[str]) -> tuple[int, int]:
    """How well a file's name fits one of these, 0 the best, and its version: "gan_02-1.py" is (1, 1)."""
    return min(_fit(entry, name) for name in names if Path(name).suffix in (".py", entry.suffix))


def _fit(entry: Entry, file: str) -> tuple[int, int]:
    if entry.name == file:
        return 0, 0
    stem, wanted = Path(entry.name).stem, words(Path(file).stem)
    given = words(stem)
    if any(given[i : i + len(wanted)] == wanted for i in range(len(given))):
        version = VERSION.search(stem) if given[-len(wanted) :] != wanted else None
        return 1, int(version[1][:9]) if version else 0
    return 2, 0


def _likely(entries: Sequence[Entry], names: Sequence[str]) -> list[Entry]:
    """Return the files to read, best names first."""
    return sorted(entries, key=lambda entry: (_rank(entry, names), len(entry.parts), entry.shown))[:MOST_READ]


def _choose(
    assigned: AssignedExercise, read: Sequence[_Read], entries: Sequence[Entry], refused: Sequence[str]
) -> AnswerFile:
    name = assigned.exercise.name
    scored = sorted(((one.score(assigned.exercise), one) for one in read), key=lambda pair: pair[0], reverse=True)
    usable = [(score, one) for score, one in scored if score[0] > 0 or one.rank < 2]
    if not usable:
        message = "nothing was handed in"
        if entries:
            handed = ", ".join([entry.shown for entry in entries[:4]] + ["..."] * (len(entries) > 4))
            message = f"{assigned.file} was not handed in, and no other file defines {name}; handed in: {handed}"
        message += "".join(f"; {what}" for what in refused)
        return AnswerFile(Submission("", "", status.MISSING_FILE, message))
    score, best = usable[0]
    notes = list(best.content.notes)
    if best.rank == 2:  # a platform writes the student's name or a number around the expected name
        notes.append(f"taken from {best.entry.shown}; the assignment asks for {assigned.file}")
    rivals = [
        one
        for other, one in usable[1:]
        if one.content.sha256 != best.content.sha256 and other[1] == score[1]
        if other[0] == score[0] or (other[0] and one.version > best.version)  # a stub is one if it is a later version
    ]
    if rivals:
        names = ", ".join(dict.fromkeys(one.entry.shown for one in rivals))
        notes.append(f"more than one file could be meant: {best.entry.shown} was graded, not {names}")
    return AnswerFile(best.content.submission, best.content.sha256, best.entry.modified, tuple(notes))
