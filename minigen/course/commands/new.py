"""`minigen new NAME`: a lesson of your own that runs, has an exercise, and is checked as the others are."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Sequence
from pathlib import Path

from minigen.course.console import UsageError
from minigen.course.index import posts
from minigen.course.index.package import PACKAGE
from minigen.course.lesson.options import Parser
from minigen.files import write_new

__all__ = ["main", "new_lesson", "parser"]

TEMPLATES = PACKAGE / "course" / "data" / "new_lesson"
BESIDE = ("lesson.py", "exercise.py", "answers.py", "changes.py")  # in the lesson's folder
FAMILY = "own"

DESCRIPTION = """\
Make a lesson of your own: a small one that is complete, to be replaced piece by piece. FOLDER/own/01_NAME/ receives
lesson.py, exercise.py, answers.py (mistakes in the exercise, and other right answers) and changes.py (the edits that
the lesson invites to), and FOLDER/NAME.py the functions of the lesson, one of which the exercise asks for. Nothing that
is there already is overwritten.

The environment variable MINIGEN_LESSONS names the folder (or several, separated as in PATH; an empty entry stands for
the lessons of minigen). Every command then works with what is in it."""


def parser() -> Parser:
    """The arguments of `minigen new`."""
    result = Parser(prog="minigen new", description=DESCRIPTION, example="minigen new spirals --folder mylessons")
    result.add_argument("name", metavar="NAME", help="the lesson's name: lower-case letters, digits and _")
    result.add_argument(
        "--folder", type=Path, metavar="DIR", help="folder of your lessons (default: mylessons, or MINIGEN_LESSONS)"
    )
    result.add_argument("--family", default=FAMILY, metavar="FAMILY", help=f"a group of lessons (default {FAMILY})")
    return result


def main(argv: Sequence[str]) -> int:
    """`minigen new ...`; returns 0. Raises UsageError for a name that cannot be used, and for files that are there."""
    args = parser().parse_args(argv)
    folder = args.folder or _default_folder()
    id, files = new_lesson(args.name, args.family, folder)
    number = id[: len(args.family) + 3]
    print("\n".join(str(path) for path in files))
    print(f"\nexport MINIGEN_LESSONS={folder}     # in PowerShell: $env:MINIGEN_LESSONS = '{folder}'")
    print(f"minigen run {number}")
    print(f"minigen exercise prove {number}     # is the exercise sound?")
    print(f"minigen change {number}             # do the invitations show what they say?")
    print(f"minigen record {number}             # keeps the results, for minigen book and minigen notebook")
    return 0


def new_lesson(name: str, family: str, folder: Path) -> tuple[str, list[Path]]:
    """Write the files of a new lesson below a folder of lessons; its id, "own/01_spirals", and its files.

    Raises UsageError, before anything is written, for a name that cannot be used or a file that is there already.
    """
    _check_names(name, family)
    numbers = [int(path.name[:2]) for path in (folder / family).glob("[0-9][0-9]_*")]
    number = max(numbers, default=0) + 1
    if number > 99:
        raise UsageError(f"{folder / family} has a lesson 99 already: choose another --family")
    id, module = f"{family}/{number:02d}_{name}", folder / f"{name}.py"
    files = {folder / id / file: _filled(f"{file}.txt", id) for file in BESIDE}
    files[module] = _filled("mylesson.py.txt", id)
    taken = [path for path in (*(folder / family).glob(f"[0-9][0-9]_{name}"), module) if os.path.lexists(path)]
    if taken:
        raise UsageError(f"{taken[0]} is there already and stays as it is: choose another name")
    try:
        (folder / id).mkdir(parents=True)
        for path, text in files.items():
            write_new(path, text.encode("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot write below {folder}: {error.strerror or error}") from None
    return id, list(files)


def _default_folder() -> Path:
    named = os.environ.get("MINIGEN_LESSONS", "").split(os.pathsep)[0]
    return Path(named or "mylessons")


def _check_names(name: str, family: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise UsageError(
            f"a lesson's name has lower-case letters, digits and _, and begins with a letter, got {name!r}"
        )
    if importlib.util.find_spec(name) is not None:
        raise UsageError(f"{name!r} is the name of a module that Python can import: choose another name")
    if not re.fullmatch(r"[a-z]+", family) or family in posts.FAMILIES:
        taken = ", ".join(posts.FAMILIES)
        raise UsageError(f"a family of your own has lower-case letters and is none of {taken}, got {family!r}")


def _filled(template: str, id: str) -> str:
    """The text of a template, for this lesson instead of own/01_mylesson."""
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    family, lesson = id.split("/")
    names = {
        "own/01_mylesson": id,
        "own/01": f"{family}/{lesson[:2]}",
        "own_01": f"{family}_{lesson[:2]}",
        '"own"': f'"{family}"',
        "mylesson": lesson[3:],
    }
    for old, new in names.items():
        text = text.replace(old, new)
    return text
