"""The command line: `minigen COMMAND ...`.

Each command is a module with a `main(argv)` in `minigen.course.commands` or `minigen.classroom.commands`, which list
their commands. A command is imported only when it is called, so that `minigen list` and `-h` start at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

import minigen
from minigen.classroom import commands as classroom_commands
from minigen.course import commands as course_commands
from minigen.course.console import UsageError, color, safe_streams, silence_stdout
from minigen.course.lesson.options import Parser

__all__ = ["COMMANDS", "main"]

DESCRIPTION = "Generative models from scratch, one lesson for each section of four blog posts."
PACKAGES = (course_commands, classroom_commands)
COMMANDS = {name: help for package in PACKAGES for name, help in package.COMMANDS.items()}
GROUPS = {"learn": course_commands.LEARN, "teach": classroom_commands.COMMANDS, "write": course_commands.WRITE}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code: 0, 1 (something failed), 2 (usage), 130 (Ctrl-C)."""
    safe_streams()
    argv = list(sys.argv[1:] if argv is None else argv)
    try:
        if argv and argv[0] in COMMANDS:
            package = next(package for package in PACKAGES if argv[0] in package.COMMANDS)
            code = import_module(f"{package.__name__}.{argv[0]}").main(argv[1:])
            sys.stdout.flush()
            return code
        parser = _parser()
        if parser.parse_args(argv).version:
            from minigen.course.versions import versions

            print(versions() if "--verbose" in argv else f"minigen {minigen.__version__}")
            return 0
        parser.print_help()
        return 2
    except UsageError as error:
        print(color(f"minigen: {error}", "red", sys.stderr), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("minigen: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `minigen list | head`
        silence_stdout()
        return 0


def _parser() -> Parser:
    """Return the parser of `minigen -h` and of mistakes in the command's name."""
    parser = Parser(
        prog="minigen",
        usage="minigen [-h] [--version [--verbose]] COMMAND ...",
        description=f"{DESCRIPTION}\n\n{_groups()}",
        example="minigen tour\n  minigen list\n  minigen run gan/02 --quick",
    )
    parser.add_argument("--version", action="store_true", help="print the version and stop")
    parser.add_argument("--verbose", action="store_true", help="with --version: what a report of a bug needs")
    parser.add_argument("command", nargs="?", choices=COMMANDS, metavar="COMMAND", help=argparse.SUPPRESS)
    return parser


def _groups() -> str:
    """Return the commands with what they do, in groups."""
    width = max(map(len, COMMANDS))
    return "\n\n".join(
        "\n".join([f"{group}:", *(f"  {name.ljust(width)}  {help}" for name, help in commands.items())])
        for group, commands in GROUPS.items()
    )
