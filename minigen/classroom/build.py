"""What students get, and a folder for each platform."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from minigen.classroom import notebooks
from minigen.classroom.assignment import HINTS, Assignment, given, graded_seeds, with_private
from minigen.classroom.platforms import export, gradescope, nbgrader, otter
from minigen.course.console import UsageError, plural
from minigen.course.exercise import limits, stubs

__all__ = ["build", "student_files"]

Platform = Callable[[Assignment, Path, Sequence[int]], str]
PLATFORMS: dict[str, Platform] = {
    "nbgrader": nbgrader.build,
    "otter": otter.build,
    "gradescope": gradescope.build,
}
MARK = ".minigen-assignment"  # marks a folder that was made here, and may be made again

README = """\
# {title}

{due}{count}, {points:g} points, about {minutes:g} minutes.

| exercise | points | file |
| --- | --- | --- |
{rows}

1. Install minigen (Python 3.11 or newer) from the file beside this one: `python -m pip install ./{wheel}`.
{steps}
Your answers are graded on other random inputs than those that you see.
{more}"""


FILES = """\
2. Put the other files of this folder into a folder `exercises/`. Open a file, and replace each
   `raise NotImplementedError` with your answer.
3. Try it: `minigen exercise check {lesson}`. {stuck}
4. Hand in {files}, under {these}.
"""
NOTEBOOK = """\
2. Open `{notebook}` in Jupyter, and replace each `raise NotImplementedError` with your answer. Or work in the Python
   files: put {files} into a folder `exercises/`.
3. Try it: run the cell with `check` below your answer; for a file, `minigen exercise check {lesson}`.
   {stuck}
4. Hand in `{notebook}`, or the Python files under their names.

Your functions are taken out of the notebook, with the imports, functions and simple values that they use; no other cell
is run. `check` warns of what cannot be taken.
"""


def student_files(assignment: Assignment, wheel: str, notebook: str = "") -> dict[str, bytes]:
    """Return what students get beside the wheel and the notebook, by name: stubs, the declared files, README.md."""
    files = {}
    for name in assignment.answer_files:
        exercises = [assigned.exercise for assigned in assignment.exercises if assigned.file == name]
        files[name] = stubs.stub_file(exercises).encode()
    variants = given(assignment, [assignment.practice_seed])
    files[limits.FILE_NAME] = limits.text(assignment.parts, assignment.hints, variants, assignment.rules).encode()
    files["README.md"] = readme(assignment, wheel, notebook).encode()
    return {**files, **assignment.files}


def readme(assignment: Assignment, wheel: str, notebook: str = "") -> str:
    """Return the README of the students. wheel, notebook: the names of these files, "" if there is no notebook."""
    rows = [f"| {assigned.id} | {assigned.points:g} | {assigned.file} |" for assigned in assignment.exercises]
    names = [f"`{name}`" for name in assignment.answer_files]
    more = ""
    if assignment.allowed_modules:
        modules = ", ".join(assignment.allowed_modules)
        more += f"\nModules that an answer may use: {modules}. An import that no answer uses costs nothing.\n"
    if assignment.files:
        more += f"\nFiles that are beside your answers when they are graded: {', '.join(assignment.files)}.\n"
    if assignment.hints:
        more += "\nHand in `.progress.json` too, if you have it: it records the hints that you asked for.\n"
    if assignment.numbers:
        changed = ", ".join(f"`{id}`" for id in assignment.numbers)
        more += f"\nChanged for this assignment, as the text of the function states at its end: {changed}.\n"
    more += f"\nKeep `{limits.FILE_NAME}` beside your answers: by it `minigen exercise check` judges them by the rules "
    more += "of this assignment.\n"
    first = assignment.exercises[0].exercise
    due = f"Due {assignment.due:%A, %d %B %Y, %H:%M %Z}. " if assignment.due is not None else ""
    for rule in filter(None, [str(assignment.late) if due else "", str(assignment.counting)]):
        due += f"{rule[0].upper()}{rule[1:]}. "
    steps = (NOTEBOOK if notebook else FILES).format(
        notebook=notebook,
        lesson=first.lesson,
        stuck=_stuck(assignment),
        files=" and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names),
        these="these names" if len(names) > 1 else "this name",
    )
    return README.format(
        title=assignment.title,
        due=due,
        count=plural(len(assignment.exercises), "exercise"),
        points=assignment.possible,
        minutes=sum(assigned.exercise.minutes for assigned in assignment.exercises),
        rows="\n".join(rows),
        wheel=wheel,
        steps=steps,
        more=more,
    )


def _stuck(assignment: Assignment) -> str:
    """Where a student finds hints, and how many there are."""
    if not assignment.hints:
        return "There are no hints in this assignment."
    few = "" if assignment.hints == HINTS else f" ({plural(assignment.hints, 'hint')} an exercise)"
    return f"Stuck? `minigen exercise hint {assignment.exercises[0].id}`{few}."


def build(assignment: Assignment, out: Path, notebook: bool = False, secret: str | None = None) -> Iterator[str]:
    """Make everything in the folder `out`, which is replaced as a whole; yields what was made, a line for each.

    Raises UsageError if there is something else in the folder.
    """
    if os.path.lexists(out) and not (out / MARK).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} already exists and was not made by minigen assignment build: choose another --out")
    assignment, practice = with_private(assignment, secret), [assignment.practice_seed]
    seeds = {name: practice if secret is None else graded_seeds(assignment, secret, name) for name in PLATFORMS}
    out.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".minigen-build-", dir=out.parent))
    try:
        lines = list(_build(assignment, work, notebook, seeds))
        (work / MARK).write_text(assignment.sha256 + "\n", encoding="utf-8")
        if out.exists():
            shutil.rmtree(out)
        work.chmod(0o755)
        work.rename(out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    yield from (f"{out / name}: {what}" for name, what in lines)
    if assignment.numbers:
        yield f"private variants of {', '.join(assignment.numbers)}: grade with the same --seed, which chooses them"
    if assignment.questions:
        asked = ", ".join(question.id for question in assignment.questions)
        yield f"only the notebook of nbgrader has the questions {asked}: on other platforms, ask them there"
    if secret is None:
        yield "the platforms grade on the seed that students practise with; to change that: --seed SECRET"


def _build(
    assignment: Assignment, out: Path, with_notebook: bool, seeds: Mapping[str, Sequence[int]]
) -> Iterator[tuple[str, str]]:
    """(name below `out`, what it is) of each part. seeds: of the graded inputs, by platform."""
    students = out / "students"
    students.mkdir()
    notebook_name = f"{assignment.slug}.ipynb" if with_notebook else ""
    wheel = export.write_wheel(students)
    for name, data in student_files(assignment, wheel, notebook_name).items():
        (students / name).write_bytes(data)
    if with_notebook:
        notebooks.check_names(assignment)
        notebooks.module().write(notebooks.student_notebook(assignment), students / notebook_name)
    shutil.make_archive(str(out / "students"), "zip", students)
    yield "students", "what students get"
    yield "students.zip", "the same, to upload"
    for name, make in PLATFORMS.items():
        try:
            yield name, make(assignment, out / name, seeds[name])
        except UsageError as error:  # a platform that this assignment does not fit, or a package that is missing
            shutil.rmtree(out / name, ignore_errors=True)
            yield name, f"left out: {error}"
