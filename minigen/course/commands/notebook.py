"""`minigen notebook`: a lesson as a Jupyter notebook."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from minigen.course.console import UsageError
from minigen.course.index.names import find_lesson
from minigen.course.lesson.options import Parser

__all__ = ["main", "parser"]

FOLDER = Path("notebooks")
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}  # else Jupyter and VS Code ask for one


def parser() -> Parser:
    """The arguments of `minigen notebook`."""
    result = Parser(
        prog="minigen notebook",
        description="Write a lesson as a Jupyter notebook.",
        example="minigen notebook gan/02 -o gan.ipynb",
    )
    result.add_argument("id", metavar="ID", help="a lesson: gan/02, gan/gan or gan/02_gan")
    result.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="the notebook (default: notebooks/gan-02-gan.ipynb)"
    )
    result.add_argument("--force", action="store_true", help="replace a notebook that is there already")
    return result


def main(argv: Sequence[str]) -> int:
    """`minigen notebook ...`; returns 0. Raises UsageError if the notebook cannot be written."""
    args = parser().parse_args(argv)
    lesson = find_lesson(args.id)
    path = args.output or FOLDER / (lesson.id.replace("/", "-").replace("_", "-") + ".ipynb")
    try:
        import jupytext
    except ImportError:
        missing = "minigen notebook needs jupytext, of the extra 'notebook'; python -m pip install jupytext brings it"
        raise UsageError(missing) from None
    if path.exists() and not args.force:
        raise UsageError(f"{path} is there already: choose another name with -o, or replace it with --force")
    try:
        notebook = jupytext.reads(lesson.path.read_text(encoding="utf-8"), fmt="py:percent")
        notebook.metadata["kernelspec"] = KERNEL
        if args.output is None:
            FOLDER.mkdir(exist_ok=True)
        path.write_text(jupytext.writes(notebook, fmt="ipynb"), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None
    print(f"{path}: open it with  jupyter lab {path}")
    return 0
