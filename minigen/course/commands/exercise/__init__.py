"""`minigen exercise list | start | check | hint | diff | reset | prove`, one file each, imported when it is called.

Such a file has `arguments(parser)`, which adds the command's own to a parser, and `run(args)`, which returns the exit
code: 0 all pass, 1 some fail, 2 wrong usage, 3 the grader itself failed.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

from minigen.course.console import UsageError, cleaning_up, color, print_json, safe_streams
from minigen.course.exercise.format import AuthorError
from minigen.course.lesson.options import Parser, parsed

__all__ = ["COMMANDS", "main"]

COMMANDS = {  # what each does, and examples
    "list": ("show the exercises, and how far you are", "minigen exercise list gan/02"),
    "start": ("write the file that you fill in; never overwrites", "minigen exercise start gan/02"),
    "check": (
        "check your answers",
        "minigen exercise check gan/02 --watch\n  minigen exercise check exercises/gan_02.py --json",
    ),
    "hint": ("show the next of three hints", "minigen exercise hint gan/02/discriminator_loss"),
    "diff": ("show what differs between yours and the package's, once yours passes", "minigen exercise diff gan/02"),
    "reset": ("start again; your file is kept as a backup", "minigen exercise reset gan/02"),
    "prove": ("for authors: prove that the exercises are sound", "minigen exercise prove gan/02"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """`minigen exercise ...`; returns the exit code."""
    safe_streams()
    argv = sys.argv[1:] if argv is None else [*argv]  # `list` is a command here, once it has been called
    as_json = "--json" in argv
    try:
        args = parsed(_parser(argv), argv)
        with cleaning_up():
            return args.run(args)
    except UsageError as error:
        return _failed(2, "usage", str(error), as_json)
    except BrokenPipeError:  # `minigen exercise check | head`: the command line handles it
        raise
    except (AuthorError, ImportError) as error:
        return _failed(3, "exercises_broken", f"the exercises themselves are broken: {error}", as_json)
    except Exception as error:
        traceback.print_exc()
        return _failed(3, "grader_error", f"the grader failed: {type(error).__name__}: {error}", as_json)


def _parser(argv: Sequence[str]) -> Parser:
    """Return the parser of all commands, with the arguments of the one that is called."""
    parser = Parser(
        prog="minigen exercise",
        description="Write one equation yourself, have it checked, then train the lesson with it.",
        example="minigen exercise start gan/02",
    )
    parser.set_defaults(run=lambda args: _help(parser))
    commands = parser.add_subparsers(dest="exercise_command", metavar="COMMAND", title="commands", parser_class=Parser)
    for name, (help, example) in COMMANDS.items():
        command = commands.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.", example=example)
        if argv and argv[0] == name:
            module = import_module(f"{__name__}.{name}")
            module.arguments(command)
            command.set_defaults(run=module.run)
    return parser


def _help(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return 2


def _failed(code: int, kind: str, message: str, as_json: bool) -> int:
    """Print what was not possible, with `as_json` as JSON too; the exit code."""
    if as_json:
        from minigen.course.exercise.grading.report import json_head

        print_json({**json_head("error"), "error": message, "code": kind, "exit_code": code}, indent=None)
    print(color(f"minigen: {message}", "red", sys.stderr), file=sys.stderr)
    return code
