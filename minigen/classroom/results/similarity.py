"""The answers of a class as JPlag and compare50 read them, which look for code that is alike.

    similarity/students/s001/gan_12.py    what a student handed in, as plain Python; from a notebook, the functions
    similarity/stubs/gan_12.py            what every student was given, which is no sign of copying

It is made again by every run, from what is handed in then.
"""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from minigen.classroom.assignment import Assignment
from minigen.classroom.collect import Submitted
from minigen.course.exercise import stubs

__all__ = ["FOLDER", "begin", "commands", "write_answers"]

FOLDER = "similarity"


def begin(out: Path, assignment: Assignment) -> None:
    """Make the folder below `out` again, with what students were given and without any answer."""
    folder = out / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "students").mkdir(parents=True)
    (folder / "stubs").mkdir()
    for name in assignment.answer_files:
        exercises = [assigned.exercise for assigned in assignment.exercises if assigned.file == name]
        (folder / "stubs" / name).write_text(stubs.stub_file(exercises), encoding="utf-8")


def write_answers(out: Path, name: str, submitted: Submitted, assignment: Assignment) -> None:
    """Write the answers of one student into a folder of this name; no folder if nothing could be read.

    Where the exercises of a lesson were handed in within different files, one file has them all.
    """
    sources: dict[str, list[str]] = {}
    for assigned, answer in zip(assignment.exercises, submitted.answers, strict=True):
        found = sources.setdefault(assigned.file, [])
        if answer.submission.source and answer.submission.source not in found:
            found.append(answer.submission.source)
    for file, texts in sources.items():
        if texts:
            path = out / FOLDER / "students" / name / file
            path.parent.mkdir(exist_ok=True)
            path.write_text("\n\n".join(texts), encoding="utf-8", errors="backslashreplace")


def commands(out: Path) -> list[str]:
    """Return the commands that compare the answers, for a POSIX shell."""
    students, given = (shlex.quote((out / FOLDER / name).as_posix()) for name in ("students", "stubs"))
    return [f"compare50 {students}/* -d {given}/*", f"java -jar jplag.jar -l python3 -bc {given} {students}"]
