"""The command line: `minigen list | run | tour | notebook | exercise | bench`, one function a command.

Each command imports what it needs when it runs, so that `minigen list` and `-h` answer at once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import minigen
from minigen.course.console import UsageError, color, safe_streams, text_table
from minigen.course.lesson.options import Parser, RunOptions, add_out, add_run_options, add_seed

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code: 0, 1 (something failed), 2 (usage), 130 (Ctrl-C)."""
    safe_streams()
    argv = list(sys.argv[1:] if argv is None else argv)
    try:
        if argv[:1] and argv[0] in PASSED_ON:
            return _pass_on(argv[0], argv[1:])
        args = _parser().parse_args(argv)
        if args.command is None:
            _parser().print_help()
            return 2
        code = args.run(args)
        sys.stdout.flush()
        return code
    except UsageError as error:
        print(color(f"minigen: {error}", "red", sys.stderr), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("minigen: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `minigen list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


# Commands whose arguments are parsed where they live: `main(argv) -> exit code` of a module of minigen.course. One
# whose module is not there yet is not shown.
PASSED_ON = {
    "exercise": ("minigen.course.commands.exercise", "write an equation yourself and have it checked"),
    "bench": ("minigen.course.commands.bench", "measure the speed of this machine on minigen's workloads"),
    "sample": ("minigen.course.commands.sample", "save samples of a lesson's trained model"),
}


def _pass_on(command: str, argv: Sequence[str]) -> int:
    module = _optional(PASSED_ON[command][0], f"minigen {command}")
    return int(module.main(list(argv)) or 0)


def _optional(module: str, what: str) -> Any:
    """A module that may not be part of this version; UsageError if it is not."""
    if find_spec(module) is None:
        raise UsageError(f"{what} is not part of version {minigen.__version__}")
    return import_module(module)


def _parser() -> Parser:
    parser = Parser(
        prog="minigen",
        description="Generative models from scratch, one lesson for each section of four blog posts.",
        example="minigen tour\n  minigen list\n  minigen run gan/02 --quick",
    )
    parser.add_argument("--version", action="version", version=f"minigen {minigen.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", parser_class=Parser)

    def command(name: str, run: Callable, help: str, example: str) -> Parser:
        added = commands.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.", example=example)
        added.set_defaults(run=run)
        return added

    add = command("list", _list, "show the lessons by post and section", "minigen list --equations")
    add.add_argument("--equations", action="store_true", help="equation → function → test → lesson")
    add.add_argument("--json", action="store_true", help="the same for a program")
    add.add_argument("--markdown", action="store_true", help="the table of the README")

    add = command(
        "run", _run, "run a lesson, or all of them", "minigen run gan/02 --seed 1\n  minigen run --all --quick"
    )
    add.add_argument("id", nargs="?", metavar="ID", help="a lesson: gan/02, gan/gan or gan/02_gan")
    add.add_argument("--all", action="store_true", help="every lesson, one after the other")
    add_run_options(add)
    add.add_argument(
        "--with", dest="with_file", type=Path, metavar="FILE", help="use the functions of your exercise file"
    )

    add = command("tour", _tour, "see four kinds of model learn the same density", "minigen tour --seed 1")
    add_seed(add)
    add_out(add, what="folder for the picture and the table")
    add.add_argument("--quick", action="store_true", help="a few seconds, to see that it runs")

    add = command("notebook", _notebook, "write a lesson as a Jupyter notebook", "minigen notebook gan/02 -o gan.ipynb")
    add.add_argument("id", metavar="ID", help="a lesson: gan/02, gan/gan or gan/02_gan")
    add.add_argument("-o", "--output", type=Path, metavar="FILE", help="the notebook (default: gan-02-gan.ipynb)")
    add.add_argument("--force", action="store_true", help="replace a notebook that is there already")

    for name, (module, help) in PASSED_ON.items():
        if find_spec(module) is not None:
            commands.add_parser(name, help=help, add_help=False)
    return parser


# -- list --------------------------------------------------------------------------------------------------------------


def _list(args: argparse.Namespace) -> int:
    from minigen.course import index

    for problem in index.problems():
        print(color(f"minigen: {problem}", "yellow", sys.stderr), file=sys.stderr)
    if args.equations:
        _list_equations(index.equation_index(), args.json)
    elif args.markdown:
        print(index.readme_table())
    elif args.json:
        rows = [{**vars(lesson), "path": str(lesson.path)} for lesson in index.lessons()]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        _list_lessons(index)
    return 0


def _list_lessons(index: Any) -> None:
    progress = _progress()
    total = covered = 0
    for post, rows in index.outline():
        print(color(index.POSTS[post], "bold"))
        table = []
        for section, lessons, parts in rows:
            total += 1
            covered += bool(lessons)
            label = f"{section['id']}  {section['title']}"
            if parts or not lessons:
                table.append([label, "(its parts)" if parts else "planned", "", ""])
            else:
                for lesson in lessons:
                    table.append([label, lesson.id, f"{lesson.minutes:g} min", progress(lesson)])
                    label = ""
        print(text_table(table, indent="  "))
        print()
    print(f"{covered} of {total} sections have a lesson. Run one: minigen run ID")


def _progress() -> Callable[[Any], str]:
    """Lesson -> its exercises in a few words, with the student's progress if she has begun any."""
    if Path("exercises").is_dir() and find_spec("minigen.course.commands.exercise") is not None:
        progress = import_module("minigen.course.commands.exercise").progress  # loads every exercise: about a second
        return lambda lesson: progress(lesson.id)
    return lambda lesson: f"{lesson.exercises} exercise{'s' * (lesson.exercises != 1)}" if lesson.exercises else ""


def _list_equations(uses: Sequence[Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps([vars(use) for use in uses], indent=2, ensure_ascii=False))
        return
    for use in uses:
        functions = ", ".join(name.removeprefix("minigen.") for name in use.functions)
        tests = use.tests[0] + f" (+{len(use.tests) - 1})" * (len(use.tests) > 1) if use.tests else ""
        print(f"{use.id}  {functions or '—'} → {tests or '—'} → {', '.join(use.lessons) or '—'}")
    done = [sum(bool(getattr(use, what)) for use in uses) for what in ("functions", "tests", "lessons")]
    print(
        f"\n{len(uses)} equations: {done[0]} computed by a function, {done[1]} named in a test, {done[2]} in a lesson"
    )


# -- run ---------------------------------------------------------------------------------------------------------------


def _run(args: argparse.Namespace) -> int:
    from minigen.course import index

    if args.all == (args.id is not None):
        raise UsageError("run one lesson by its ID, or all of them with --all (see minigen run -h)")
    names = ("quick", "scale", "seed", "out", "show", "resume", "with_file")
    options = RunOptions(**{name: getattr(args, name) for name in names})
    if args.all:
        return _run_all(index.lessons(), options)
    lesson = index.find(args.id)
    if options.with_file is None:
        from minigen.course.lesson.run import run_file

        return run_file(lesson.path, options)
    if not options.with_file.is_file():
        raise UsageError(f"there is no file {options.with_file}")
    exercises = _optional("minigen.course.commands.exercise", "--with")
    with exercises.substituted(options.with_file, lesson.id):
        from minigen.course.lesson.run import run_file

        return run_file(lesson.path, options)


def _run_all(lessons: Sequence[Any], options: RunOptions) -> int:
    """Every lesson in a process of its own; 1 if any failed. Ctrl-C stops the one that runs, and the rest."""
    if options.with_file is not None or options.show:
        raise UsageError("--with and --show go with one lesson, not with --all")
    rows, failed = [], 0
    for lesson in lessons:
        command = [
            sys.executable,
            "-m",
            "minigen",
            "run",
            lesson.id,
            "--seed",
            str(options.seed),
            "--scale",
            repr(options.scale),
            "--out",
            str(options.out),
        ]
        command += ["--quick"] * options.quick + ["--resume"] * options.resume
        code = subprocess.run(command).returncode
        if code == 130:
            return 130
        if code == 2:
            return 2
        failed += code != 0
        rows.append([lesson.id, "ok" if code == 0 else f"failed (exit {code})"])
        print(flush=True)
    print(text_table(rows, ["lesson", "result"]))
    return 1 if failed else 0


# -- tour, notebook ----------------------------------------------------------------------------------------------------


def _tour(args: argparse.Namespace) -> int:
    tour = _optional("minigen.course.commands.tour", "minigen tour")
    return int(tour.main(seed=args.seed, out=args.out, quick=args.quick) or 0)


def _notebook(args: argparse.Namespace) -> int:
    from minigen.course import index

    lesson = index.find(args.id)
    path = args.output or Path(lesson.id.replace("/", "-").replace("_", "-") + ".ipynb")
    try:
        import jupytext
    except ImportError:
        missing = "minigen notebook needs jupytext, of the extra 'notebook'; python -m pip install jupytext brings it"
        raise UsageError(missing) from None
    if path.exists() and not args.force:
        raise UsageError(f"{path} is there already: choose another name with -o, or replace it with --force")
    try:
        notebook = jupytext.reads(lesson.path.read_text(encoding="utf-8"), fmt="py:percent")
        path.write_text(jupytext.writes(notebook, fmt="ipynb"), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None
    print(f"{path}: open it with  jupyter lab {path}")
    return 0
