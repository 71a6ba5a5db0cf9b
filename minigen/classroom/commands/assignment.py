"""`minigen assignment new | build | solutions`: an assignment's file, what its students get, and its solutions."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from minigen.classroom import assignment as assignments
from minigen.course.console import UsageError, create, plural
from minigen.course.exercise import catalog
from minigen.course.exercise.format import Exercise
from minigen.course.lesson.options import Parser

__all__ = ["main", "parser"]


def parser() -> Parser:
    """Return the arguments of `minigen assignment`."""
    result = Parser(
        prog="minigen assignment",
        description="Make an assignment of exercises for a class.",
        example="minigen assignment new hw1.toml --exercises gan/02 gan/12/critic_loss --due 2027-02-01T23:59\n"
        "  minigen assignment build hw1.toml --out dist/",
    )
    result.set_defaults(run=None)
    commands = result.add_subparsers(metavar="COMMAND", title="commands", parser_class=Parser)
    new = commands.add_parser("new", help="write a commented TOML file; never overwrites")
    new.set_defaults(run=_new)
    new.add_argument("file", type=Path, metavar="FILE", help="the file to write, such as hw1.toml")
    new.add_argument("--exercises", nargs="+", required=True, metavar="ID", help="lessons or exercises")
    new.add_argument("--due", metavar="TIME", help="when it is due: 2027-02-01T23:59")
    new.add_argument("--title", default="", metavar="TEXT", help="its title (default: from the file's name)")
    build = commands.add_parser("build", help="make what students get, and a folder for each platform")
    build.set_defaults(run=_build)
    build.add_argument("file", type=Path, metavar="FILE", help="the assignment")
    build.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder to write")
    build.add_argument(
        "--notebook", action="store_true", help="students also get a notebook (needs the extra classroom)"
    )
    assignments.add_secret(build, "what the platforms' graders draw their seeds from")
    answers = commands.add_parser("solutions", help="write the solutions with derivations")
    answers.set_defaults(run=_solutions)
    answers.add_argument("file", type=Path, metavar="FILE", help="the assignment")
    assignments.add_secret(answers, "what private variants are chosen by, if there are any")
    answers.add_argument("--students", action="store_true", help="to hand out afterwards: no points, no mistakes")
    answers.add_argument("--out", type=Path, metavar="FILE", help="the file to write (default: hw1-solutions.md)")
    return result


def main(argv: Sequence[str]) -> int:
    """`minigen assignment ...`; the exit code: 0, or 2 for wrong usage."""
    args = parser().parse_args(argv)
    if args.run is None:
        parser().print_help()
        return 2
    return args.run(args)


def _new(args: argparse.Namespace) -> int:
    exercises: list[Exercise] = []
    for id in args.exercises:
        exercises += [exercise for exercise in catalog.find(id) if exercise not in exercises]
    due = assignments.moment(args.due, "--due") if args.due else None
    if args.file.suffix != ".toml":
        raise UsageError(f"an assignment is a .toml file, such as hw1.toml; got {args.file}")
    text = assignments.template(args.file.name, exercises, due, args.title)
    create(args.file, text)
    points = sum(exercise.points for exercise in exercises)
    minutes = sum(exercise.minutes for exercise in exercises)
    print(f"{args.file}: {plural(len(exercises), 'exercise')}, {points} points, about {minutes:g} minutes of work")
    print(f"edit it, then: minigen assignment build {args.file} --out dist/")
    return 0


def _build(args: argparse.Namespace) -> int:
    from minigen.classroom import build

    assignment = assignments.load(args.file)
    secret = assignments.secret_of(args.seed, args.seed_file)
    for line in build.build(assignment, args.out, notebook=args.notebook, secret=secret):
        print(line)
    return 0


def _solutions(args: argparse.Namespace) -> int:
    from minigen.classroom.teaching.solutions import solutions

    secret = assignments.secret_of(args.seed, args.seed_file)
    assignment = assignments.with_private(assignments.load(args.file), secret)
    ending = "-solutions-students.md" if args.students else "-solutions.md"
    out = args.out or args.file.with_name(f"{assignment.slug}{ending}")
    create(out, solutions(assignment, args.students))
    whose = "for students, after the assignment" if args.students else "keep them to yourself"
    print(f"{out}: solutions of {plural(len(assignment.exercises), 'exercise')}; {whose}")
    return 0
