"""What students get, and a folder for each platform."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from minigen.classroom import notebooks
from minigen.classroom.assignment import HINTS, Assignment, given, graded_seeds, with_private
from minigen.classroom.platforms import export, gaps, gradescope, nbgrader, otter
from minigen.course.console import UsageError, plural
from minigen.course.exercise import limits, stubs
from minigen.course.index.names import find_lesson, has_lesson

__all__ = ["build", "student_files"]

Platform = Callable[[Assignment, Path, Sequence[int]], str]
PLATFORMS: dict[str, Platform] = {
    "nbgrader": nbgrader.build,
    "otter": otter.build,
    "gradescope": gradescope.build,
}
WITH_README = ("otter", "gradescope")  # their students work with the files of students/; nbgrader releases its own
STUDENTS_README = "README-students.md"
MARK = ".minigen-assignment"  # marks a folder that was made here, and may be made again

README = """\
# {title}

{due}{count}, {points:g} points, about {minutes:g} minutes.

{lessons}| exercise | points | file |
| --- | --- | --- |
{rows}

1. Install minigen (Python 3.11 or newer) from the file beside this one: `python -m pip install ./{wheel}`.
   It takes the place of the minigen of an earlier assignment. To repair it, add `--force-reinstall --no-deps`.
{steps}
Your answers are graded on other random inputs than those that you see.
{more}"""


FILES = """\
2. Put the other files of this folder into a folder `exercises/`. Open a file, and replace each
   `raise NotImplementedError` with your answer.
3. Try it: `minigen exercise check {lesson}`. {stuck}
4. Hand in {hand_in}.
"""
NOTEBOOK = """\
2. Open `{notebook}` in Jupyter (`python -m pip install jupyterlab`), and replace each `raise NotImplementedError` with
   your answer. Or work in the Python files: put {files} into a folder `exercises/`.
3. Try it: run the cell with `check` below your answer; for a file, `minigen exercise check {lesson}`.
   {stuck}
4. Hand in {hand_in}.
"""
TAKEN_OUT = """
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


def readme(assignment: Assignment, wheel: str, notebook: str = "", platform: str = "") -> str:
    """Return the README of the students, which says what is true where they hand in: with `minigen grade` for "".

    wheel, notebook: the names of these files, "" if there is no notebook.
    """
    rows = [f"| {assigned.id} | {assigned.points:g} | {assigned.file} |" for assigned in assignment.exercises]
    titles = _titles(assignment)
    return README.format(
        title=assignment.title,
        due="".join(f"{rule[0].upper()}{rule[1:]}. " for rule in _rules(assignment, platform)),
        count=plural(len(assignment.exercises), "exercise"),
        points=sum(assigned.points for assigned in assignment.exercises) if platform else assignment.possible,
        minutes=sum(assigned.exercise.minutes for assigned in assignment.exercises),
        rows="\n".join(rows),
        lessons=f"Read before: {', '.join(titles)}.\n\n" if titles else "",
        wheel=wheel,
        steps=_steps(assignment, notebook, platform),
        more="".join(f"\n{sentence}\n" for sentence in _remarks(assignment, platform)),
    )


def _titles(assignment: Assignment) -> list[str]:
    """Return the lessons of the exercises with their titles, "gan/12 Wasserstein GAN"; one may have none."""
    lessons = dict.fromkeys(assigned.exercise.lesson for assigned in assignment.exercises)
    found = {lesson: find_lesson(lesson) for lesson in lessons if has_lesson(lesson)}
    return [f"{short} {lesson.title}" for short, lesson in found.items()]


def _rules(assignment: Assignment, platform: str) -> Iterator[str]:
    """Yield the due date, and what `minigen grade` alone makes of being late and of the lowest exercises."""
    if assignment.due is not None:
        yield f"due {assignment.due:%A}, {assignment.due.day} {assignment.due:%B %Y, %H:%M %Z}"
    if not platform:
        yield from filter(None, [str(assignment.late) if assignment.due is not None else "", str(assignment.counting)])


def _steps(assignment: Assignment, notebook: str, platform: str) -> str:
    """Return what to do after minigen is installed."""
    names = [f"`{name}`" for name in assignment.answer_files]
    files = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    these = "these names" if len(names) > 1 else "this name"
    hand_in = f"`{notebook}`, or the Python files under their names" if notebook else f"{files}, under {these}"
    if platform == "otter" and (notebook or len(names) > 1):  # it takes one file
        hand_in = (
            f"`{notebook}`" if notebook else f"one file, `{assignment.slug}.py`, into which you copy your functions"
        )
    text = (NOTEBOOK if notebook else FILES).format(
        notebook=notebook,
        lesson=assignment.exercises[0].exercise.lesson,
        stuck=_stuck(assignment),
        files=files,
        hand_in=hand_in,
    )
    return text + (TAKEN_OUT if notebook and platform != "otter" else "")


def _remarks(assignment: Assignment, platform: str) -> Iterator[str]:
    """Yield what else students should know."""
    if assignment.allowed_modules and platform != "otter":
        modules = ", ".join(assignment.allowed_modules)
        yield f"Modules that an answer may use: {modules}. An import that no answer uses costs nothing."
    if assignment.files:
        yield f"Files that are beside your answers when they are graded: {', '.join(assignment.files)}."
    if assignment.hints and not platform:
        yield "Hand in `.progress.json` too, if you have it: it records the hints that you asked for."
    if assignment.numbers:
        changed = ", ".join(f"`{id}`" for id in assignment.numbers)
        yield f"Changed for this assignment, as the text of the function states at its end: {changed}."
    judges = "`minigen exercise check` reads from it what this assignment asks and allows"
    yield f"Keep `{limits.FILE_NAME}` beside your answers: {judges}."


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
    yield from gaps.summary(assignment, [name for name in PLATFORMS if (out / name).is_dir()])
    if secret is None:
        yield "the platforms grade on the seed that students practise with; to change that: --seed SECRET"


def _build(
    assignment: Assignment, out: Path, with_notebook: bool, seeds: Mapping[str, Sequence[int]]
) -> Iterator[tuple[str, str]]:
    """(name below `out`, what it is) of each part. seeds: of the graded inputs, by platform."""
    students = out / "students"
    students.mkdir()
    notebook_name = f"{assignment.slug}.ipynb" if with_notebook else ""
    wheel = export.write_wheel(students, assignment)
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
            what = make(assignment, out / name, seeds[name])
            if name in WITH_README:
                text = readme(assignment, wheel, notebook_name, name)
                (out / name / STUDENTS_README).write_text(text, encoding="utf-8")
                what += f"; its {STUDENTS_README} replaces the README.md in students"
            yield name, what
        except UsageError as error:  # a platform that this assignment does not fit, or a package that is missing
            shutil.rmtree(out / name, ignore_errors=True)
            yield name, f"left out: {error}"
