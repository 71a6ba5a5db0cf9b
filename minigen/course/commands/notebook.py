"""`minigen notebook`: a lesson as a Jupyter notebook."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from minigen.course.console import UsageError
from minigen.course.index.names import find_lesson
from minigen.course.lesson.options import Parser, add_lesson
from minigen.course.reading.composition import recorded_reading
from minigen.course.repository import notebook_name

__all__ = ["main", "parser"]

FOLDER = Path("notebooks")


def parser() -> Parser:
    """Return the arguments of `minigen notebook`."""
    result = Parser(
        prog="minigen notebook",
        description="Write a lesson as a Jupyter notebook.",
        example="minigen notebook gan/02 -o gan.ipynb\n  minigen notebook gan/02 --executed --colab",
    )
    add_lesson(result)
    result.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="the notebook (default: notebooks/gan-02-gan.ipynb)"
    )
    result.add_argument(
        "--executed", action="store_true", help="with the outputs of the recorded full run, without running it"
    )
    result.add_argument(
        "--colab", action="store_true", help="with a cell that installs the package, and a button for Colab"
    )
    result.add_argument("--force", action="store_true", help="replace a notebook that is there already")
    return result


def main(argv: Sequence[str]) -> int:
    """`minigen notebook ...`; returns 0. Raises UsageError if the notebook cannot be written."""
    args = parser().parse_args(argv)
    lesson = find_lesson(args.id)
    path = args.output or FOLDER / notebook_name(lesson.id)
    try:
        import nbformat
    except ImportError:
        missing = "minigen notebook needs nbformat, of the extra 'notebook'; python -m pip install nbformat brings it"
        raise UsageError(missing) from None
    if path.exists() and not args.force:
        raise UsageError(f"{path} already exists: choose another name with -o, or replace it with --force")
    from minigen.course.reading.ipynb import notebook_of

    otherwise = "  or run the notebook without --executed"
    reading = recorded_reading(lesson, otherwise) if args.executed else None
    notebook = notebook_of(lesson, reading, args.colab)
    try:
        if args.output is None:
            FOLDER.mkdir(exist_ok=True)
        path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None
    print(f"{path}: open it with  jupyter lab {path}")
    return 0
