"""`minigen new`: a lesson of your own that runs and is checked as the others are, or a script for data of your own."""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
from collections.abc import Sequence
from pathlib import Path

from minigen.course.console import UsageError, create
from minigen.course.index import posts
from minigen.course.index.lessons import full_id, package_lessons
from minigen.course.index.package import PACKAGE
from minigen.course.lesson.options import Parser
from minigen.course.scripts import script_for, script_name
from minigen.files import write_new

__all__ = ["free_number", "main", "new_lesson", "next_number", "parser"]

TEMPLATES = PACKAGE / "course" / "data" / "new_lesson"
BESIDE = ("lesson.py", "exercise.py", "answers.py", "changes.py")  # in the lesson's folder
OF_AN_EXERCISE = ("exercise.py", "answers.py")
FUNCTION = "mean_squared_error"  # of the templates
FAMILY = "own"

DESCRIPTION = """\
Make a lesson of your own: a small one that is complete, for you to change piece by piece. FOLDER/own/01_NAME/ receives
lesson.py, exercise.py, answers.py (mistakes in the exercise, and other right answers) and changes.py (the edits that
the lesson invites to), and FOLDER/NAME.py the functions of the lesson, one of which the exercise asks for. Nothing that
is there already is overwritten.

With --data TABLE.csv, or a folder of images, it writes a script instead, NAME.py in the current folder: a model that is
trained on these data, an outlier score for each row or image, and new ones. It says what the script does with each
column: a column of text or of dates is left out.

With --exercise it makes an exercise without a lesson: exercise.py and answers.py, and FOLDER/NAME.py with its function,
which is called NAME.

With --as the lesson has the id of a lesson that is to come with minigen, a family and a free number, in all of its
files.

The environment variable MINIGEN_LESSONS names the folder (or several, separated as in PATH). Every command then works
with what is in it, besides the lessons of minigen; an entry - leaves those out."""


def parser() -> Parser:
    """Return the arguments of `minigen new`."""
    result = Parser(
        prog="minigen new",
        description=DESCRIPTION,
        example="minigen new spirals --folder mylessons\n  minigen new --exercise huber_loss\n"
        "  minigen new --data table.csv",
    )
    what = "the name of the lesson, or of the script: lower-case letters, digits and _"
    result.add_argument("name", nargs="?", metavar="NAME", help=what)
    result.add_argument(
        "--data", type=Path, metavar="PATH", help="a table, or a folder of images: write a script for it"
    )
    result.add_argument("--columns", metavar="A,B,...", help="with --data: the columns of the table, unless all")
    result.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        help="with --data: whether the first line of the table holds names (default: if none of its cells is a number)",
    )
    result.add_argument(
        "--folder", type=Path, metavar="DIR", help="folder of your lessons (default: mylessons, or MINIGEN_LESSONS)"
    )
    result.add_argument("--exercise", metavar="NAME", help="an exercise without a lesson, on a function of this name")
    which = result.add_mutually_exclusive_group()
    which.add_argument("--family", default=FAMILY, metavar="FAMILY", help=f"a group of lessons (default {FAMILY})")
    which.add_argument("--as", dest="number", metavar="ID", help="an id that is free: a family and two digits")
    return result


def main(argv: Sequence[str]) -> int:
    """`minigen new ...`; returns 0. Raises UsageError for a name that cannot be used, and for files that are there."""
    args = parser().parse_args(argv)
    if args.data is not None:
        if args.folder is not None or args.number is not None or args.family != FAMILY or args.exercise:
            raise UsageError("--folder, --family, --exercise and --as are for lessons, and --data writes a script")
        return _write_script(args.data, args.name or script_name(args.data), args.columns, args.header)
    if args.columns is not None or args.header is not None:
        raise UsageError("--columns and --header are for a table: they need --data PATH")
    if args.name is not None and args.exercise is not None:
        raise UsageError(f"give a lesson, {args.name}, or --exercise {args.exercise}, not both")
    name = args.name or args.exercise
    if name is None:
        raise UsageError("minigen new needs the NAME of a lesson, --exercise NAME, or --data PATH")
    folder = args.folder or _default_folder()
    number = next_number(args.family, folder) if args.number is None else free_number(args.number, folder)
    files = new_lesson(name, number, folder, with_lesson=args.exercise is None)
    print("\n".join(str(path) for path in files))
    print(f"\nexport MINIGEN_LESSONS={folder}     # in PowerShell: $env:MINIGEN_LESSONS = '{folder}'")
    if args.exercise is not None:
        print(f"minigen exercise prove {number}     # is it sound?")
        print(f"minigen assignment new hw1.toml --exercises {number}")
        return 0
    print(f"minigen run {number}")
    print(f"minigen exercise prove {number}     # is the exercise sound?")
    print(f"minigen change {number}             # do the invitations show what they say?")
    print(f"minigen record {number}             # keeps the results, for minigen book and minigen notebook")
    return 0


def _write_script(path: Path, name: str, columns: str | None, header: bool | None) -> int:
    _check_form("a script", name)
    file = Path(f"{name}.py")
    script = script_for(path, name, None if columns is None else columns.split(","), header)
    create(file, script.text)
    print("\n".join(script.notes))
    print(f"{file}: run it with  python {file}")
    return 0


def next_number(family: str, folder: Path) -> str:
    """Return the id of the next lesson of a family of one's own, "own/02". Raises UsageError if there can be none."""
    if not re.fullmatch(r"[a-z]+", family) or family in posts.FAMILIES:
        taken = ", ".join(posts.FAMILIES)
        raise UsageError(f"a family of your own has lower-case letters and is none of {taken}, got {family!r}")
    numbers = [int(path.name[:2]) for path in (folder / family).glob("[0-9][0-9]_*")]
    number = max(numbers, default=0) + 1
    if number > 99:
        raise UsageError(f"{folder / family} has a lesson 99 already: choose another --family")
    return f"{family}/{number:02d}"


def free_number(number: str, folder: Path) -> str:
    """Return an id that no lesson of minigen or of the folder has. Raises UsageError if one has it."""
    if not re.fullmatch(r"[a-z]+/[0-9][0-9]", number):
        raise UsageError(f"--as takes a family and two digits, family/NN, got {number!r}")
    for root in (folder, package_lessons()):
        taken = next(root.glob(f"{number}_*"), None)
        if taken is not None:
            raise UsageError(f"{number} is the id of {full_id(taken)}: choose another number")
    return number


def new_lesson(name: str, number: str, folder: Path, with_lesson: bool = True) -> list[Path]:
    """Write the files of a new lesson below a folder of lessons and return them; number: its id, "own/01".

    with_lesson: or only an exercise, whose function is called as the lesson would be.

    Raises UsageError, before anything is written, for a name that cannot be used or a file that is there already.
    """
    _check_name(name)
    id, module = f"{number}_{name}", folder / f"{name}.py"
    beside = BESIDE if with_lesson else OF_AN_EXERCISE
    texts = {folder / id / file: _filled(f"{file}.txt", id) for file in beside}
    texts[module] = _filled("mylesson.py.txt", id)
    files = texts if with_lesson else {path: text.replace(FUNCTION, name) for path, text in texts.items()}
    others = (folder / id).parent.glob(f"[0-9][0-9]_{name}")
    taken = [path for path in (*others, module) if os.path.lexists(path)]
    if taken:
        raise UsageError(f"{taken[0]} already exists; I left it unchanged. Choose another name")
    try:
        (folder / id).mkdir(parents=True)
        for path, text in files.items():
            write_new(path, text.encode("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot write below {folder}: {error.strerror or error}") from None
    return list(files)


def _default_folder() -> Path:
    named = os.environ.get("MINIGEN_LESSONS", "").split(os.pathsep)[0]
    return Path(named or "mylessons")


def _check_form(what: str, name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise UsageError(f"{what}'s name has lower-case letters, digits and _, and begins with a letter, got {name!r}")


def _check_name(name: str) -> None:
    _check_form("a lesson", name)
    if importlib.util.find_spec(name) is not None:
        raise UsageError(f"{name!r} is the name of a module that Python can import: choose another name")


def _filled(template: str, id: str) -> str:
    """Return the text of a template, for this lesson instead of own/01_mylesson."""
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
