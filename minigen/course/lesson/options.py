"""The options of a run, the same for `minigen run ID`, `python lesson.py` and a notebook (which takes the defaults).

Arguments that several commands have are added by a function, `add_seed(parser)`, so that they are called alike.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import math
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from minigen.course.console import UsageError

__all__ = [
    "Parser",
    "RunOptions",
    "add_json",
    "add_lesson",
    "add_lessons",
    "add_out",
    "add_run_options",
    "add_seed",
    "add_train_shared",
    "parsed",
    "script_options",
    "whole_number",
]


@dataclass(frozen=True)
class RunOptions:
    """How a lesson is run.

    out:       the folder that receives one folder for each lesson.
    resume:    go on from the checkpoints of an interrupted run with the same options; `even_if_changed`, even if the
               code that made them has changed; `retrain`, a checkpoint that is not usable is replaced, not an error.
    overwrite: remove a finished run of something else from its folder, instead of putting it aside.
    with_file: the student's functions that are in the place of the package's.
    even_if_wrong: a check of the lesson that fails is reported, and the run goes on: to see what a wrong function does.
    train_shared: train the pretrained models, or take them from the cache, instead of the package's weights.
    settings:  other values for what the lesson declares with `lesson.configure`, by name, as texts.
    ask:       at a terminal, ask each prediction and wait for the answer.
    strict:    take an edited lesson for the shipped one (`minigen.course.lesson.shipped`).
    """

    quick: bool = False
    scale: float = 1.0
    seed: int = 0
    out: Path = Path("out")
    show: bool = False
    resume: bool = False
    even_if_changed: bool = False
    retrain: bool = False
    overwrite: bool = False
    with_file: Path | None = None
    even_if_wrong: bool = False
    train_shared: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    ask: bool = False
    strict: bool = field(default_factory=lambda: bool(os.environ.get("MINIGEN_STRICT")))

    def command(self, start: str) -> str:
        """The command line that repeats this run; `start` is "minigen run gan/02_gan" or "python lesson.py"."""
        words = []
        if self.quick:
            words += ["--quick"]
        if self.scale != 1.0:
            words += ["--scale", repr(self.scale)]
        if self.seed != 0:
            words += ["--seed", str(self.seed)]
        if self.out != Path("out"):
            words += ["--out", str(self.out)]
        if self.with_file is not None:
            words += ["--with", str(self.with_file)]
        if self.even_if_wrong:
            words += ["--even-if-wrong"]
        if self.train_shared:
            words += ["--train-shared"]
        for name, text in self.settings.items():
            words += ["--set", f"{name}={text}"]
        if self.strict and not os.environ.get("MINIGEN_STRICT"):
            words += ["--strict"]
        return " ".join([start, *map(shlex.quote, words)])

    def with_hash(self) -> str | None:
        """A hash of the student's file, or None if there is none."""
        if self.with_file is None:
            return None
        return hashlib.sha256(Path(self.with_file).read_bytes()).hexdigest()[:16]


class Parser(argparse.ArgumentParser):
    """argparse, but a mistake is reported in one line (exit code 2) and help keeps its line breaks."""

    def __init__(self, *, example: str = "", **kwargs: Any):
        kwargs |= {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
        if example:
            kwargs["epilog"] = f"example:\n  {example}"
        super().__init__(**kwargs)

    def parse_known_args(self, args=None, namespace=None):
        """As argparse does, with `--resume anyway` read as two options.

        argparse would read the ID of a lesson as the value of an option whose value may be absent.
        """
        words = list(sys.argv[1:] if args is None else args)
        for i in range(len(words) - 1):
            if words[i : i + 2] == ["--resume", "anyway"]:
                words[i + 1] = "--even-if-changed"
        return super().parse_known_args(words, namespace)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} -h)\n")


def parsed(parser: Parser, argv: Sequence[str]) -> argparse.Namespace:
    """The arguments; what is wrong with them raises UsageError if they ask for JSON, and else ends the program."""
    if "--json" not in argv or {"-h", "--help"} & set(argv):
        return parser.parse_args(argv)
    words = io.StringIO()
    try:
        with contextlib.redirect_stderr(words):
            return parser.parse_args(argv)
    except SystemExit:
        raise UsageError(words.getvalue().strip()) from None


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return the `type` of an argument that is a whole number between two bounds, or of at least one."""

    def read(text: str) -> int:
        is_whole = text.isascii() and text.isdigit()
        if not is_whole or int(text) < least or (most is not None and int(text) > most):
            range = f"of at least {least}" if most is None else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"must be a whole number {range}, got {text!r}")
        return int(text)

    return read


def _scale(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"a scale is a number larger than 0, got {text!r}")
    return value


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name.isidentifier() and equals and value):
        raise argparse.ArgumentTypeError(f"a setting is NAME=VALUE, such as width=32, got {text!r}")
    return name, value


class _Settings(argparse.Action):
    """Collects settings by their names; the last value of a name counts."""

    def __call__(self, parser, namespace, values, option_string=None):
        setattr(namespace, self.dest, {**getattr(namespace, self.dest), values[0]: values[1]})


def add_lesson(parser: argparse.ArgumentParser, optional: bool = False) -> None:
    """The lesson that a command is about."""
    count = "?" if optional else None
    parser.add_argument("id", nargs=count, metavar="ID", help="a lesson: gan/02, gan/gan or gan/02_gan")


def add_lessons(parser: argparse.ArgumentParser) -> None:
    """The lessons that a command is about."""
    parser.add_argument("lessons", nargs="*", metavar="ID", help="a lesson (gan/02), or a family (gan); default all")


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option --json."""
    parser.add_argument("--json", action="store_true", help="the same for a program")


def add_seed(parser: argparse.ArgumentParser) -> None:
    """The option --seed."""
    parser.add_argument(
        "--seed", type=whole_number(0), default=0, metavar="N", help="seed of every random number (default 0)"
    )


def add_out(parser: argparse.ArgumentParser, what: str = "folder for the results") -> None:
    """The option --out."""
    parser.add_argument("--out", type=Path, default=Path("out"), metavar="DIR", help=f"{what} (default out)")


def add_train_shared(parser: argparse.ArgumentParser) -> None:
    """The option --train-shared."""
    trains = "train the pretrained models, once, instead of using the weights that come with minigen"
    parser.add_argument("--train-shared", action="store_true", help=trains)


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """The options of a lesson's run, by the names of `RunOptions`."""
    parser.add_argument("--quick", action="store_true", help="a few seconds, to see that it runs; claims not judged")
    parser.add_argument(
        "--scale", type=_scale, default=1.0, metavar="K", help="train K times the steps (default 1; 0.2: a fifth)"
    )
    add_seed(parser)
    add_out(parser, what="folder that receives a folder for the lesson")
    parser.add_argument("--show", action="store_true", help="also open each figure in a window")
    resume = "continue an interrupted run where it stopped; --resume anyway: even if the code has changed since"
    parser.add_argument("--resume", action="store_true", help=resume)
    parser.add_argument("--even-if-changed", action="store_true", help=argparse.SUPPRESS)
    overwrite = "remove a finished run with other options from the folder, instead of keeping it beside"
    parser.add_argument("--overwrite", action="store_true", help=overwrite)
    add_train_shared(parser)
    settings = "another value for a setting of the lesson (lesson.configure); claims are then not judged"
    parser.add_argument(
        "--set", dest="settings", type=_setting, action=_Settings, default={}, metavar="NAME=VALUE", help=settings
    )
    parser.add_argument("--no-ask", dest="ask", action="store_false", help="do not wait for answers to predictions")
    strict = "stop at a check that fails and judge claims even if you have edited the lesson (as its author)"
    by_default = bool(os.environ.get("MINIGEN_STRICT"))
    parser.add_argument("--strict", action="store_true", default=by_default, help=strict)


def script_options(argv: Sequence[str], prog: str) -> RunOptions:
    """The options of `python lesson.py ...`."""
    parser = Parser(prog=prog, example=f"python {prog} --quick --seed 1")
    add_run_options(parser)
    return RunOptions(**vars(parser.parse_args(argv)))
