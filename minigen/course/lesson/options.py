"""The options of a run, the same for `minigen run ID`, `python lesson.py` and a notebook (which takes the defaults)."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import math
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from minigen.course.console import UsageError

__all__ = [
    "Parser",
    "RunOptions",
    "add_out",
    "add_run_options",
    "add_seed",
    "add_train_shared",
    "parsed",
    "script_options",
]


@dataclass(frozen=True)
class RunOptions:
    """How a lesson is run.

    out:       the folder that receives one folder for each lesson.
    resume:    go on from the checkpoints of an interrupted run with the same options; `even_if_changed`, also if the
               code that made them has changed; `retrain`, a checkpoint that is not usable is replaced, not an error.
    overwrite: remove a finished run of something else from its folder, instead of putting it aside.
    with_file: the student's functions that stand in the place of the package's.
    even_if_wrong: a check of the lesson that fails is reported, and the run goes on: to see what a wrong function does.
    train_shared: train the pretrained models, or take them from the cache, instead of the package's weights.
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


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"a seed is a whole number, 0 or larger, got {text!r}")
    return int(text)


def _scale(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"a scale is a number larger than 0, got {text!r}")
    return value


def add_seed(parser: argparse.ArgumentParser) -> None:
    """The option --seed."""
    parser.add_argument("--seed", type=_seed, default=0, metavar="N", help="seed of every random number (default 0)")


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
    parser.add_argument("--scale", type=_scale, default=1.0, metavar="K", help="train K times the steps (default 1)")
    add_seed(parser)
    add_out(parser, what="folder that receives a folder for the lesson")
    parser.add_argument("--show", action="store_true", help="also open each figure in a window")
    resume = "continue an interrupted run where it stopped; --resume anyway: also if the code has changed since"
    parser.add_argument("--resume", action="store_true", help=resume)
    parser.add_argument("--even-if-changed", action="store_true", help=argparse.SUPPRESS)
    overwrite = "remove a finished run with other options from the folder, instead of keeping it beside"
    parser.add_argument("--overwrite", action="store_true", help=overwrite)
    add_train_shared(parser)


def script_options(argv: Sequence[str], prog: str) -> RunOptions:
    """The options of `python lesson.py ...`."""
    parser = Parser(prog=prog, example=f"python {prog} --quick --seed 1")
    add_run_options(parser)
    return RunOptions(**vars(parser.parse_args(argv)))
