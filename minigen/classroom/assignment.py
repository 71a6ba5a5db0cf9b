"""An assignment: a TOML file with the exercises, their points and the due date.

`minigen assignment new` writes it with comments; `load` reads it and names the first mistake in it.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import hashlib
import json
import math
import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import minigen
from minigen.classroom import schemas
from minigen.classroom.private import variants
from minigen.classroom.private.declaration import FILE_NAME, declared
from minigen.course.console import UsageError, plural
from minigen.course.exercise import catalog
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.given import ChangedExercise, given_of
from minigen.course.exercise.grading.runner import Limits
from minigen.course.exercise.grading.secret import hundredths
from minigen.course.exercise.limits import Rules

__all__ = [
    "AssignedExercise",
    "Assignment",
    "Counting",
    "Late",
    "Question",
    "add_secret",
    "given",
    "graded_seeds",
    "load",
    "moment",
    "rebuilt",
    "replaced",
    "secret_of",
    "template",
    "with_given",
    "with_private",
    "zoned",
]

SEED_VARIABLE = "MINIGEN_SEED"
MODULES = ("autograd", "collections", "functools", "itertools", "math", "minigen", "numpy", "scipy", "typing")
HINTS = 3  # of an exercise; the last one is the answer
NAME_COSTS = 0.2
LARGEST_FILE = 16 * 2**20  # bytes of a helper or data file


@dataclass(frozen=True)
class AssignedExercise:
    """An exercise of an assignment and its points. name_costs: the fraction of them that a misspelled name loses."""

    exercise: Exercise
    points: float
    name_costs: float = NAME_COSTS

    @property
    def id(self) -> str:
        return self.exercise.id

    @property
    def file(self) -> str:
        """The file that students write its function in: `gan_02.py`."""
        return f"{self.exercise.lesson.replace('/', '_')}.py"

    def scaled(self, cases: Sequence[Mapping[str, Any]], renamed: bool = False) -> float:
        """Return the points of an answer, from the cases of its row, which have `points` and `possible`. renamed: the
        function has a misspelled name.
        """
        parts = self.parts([case["possible"] for case in cases], renamed)
        return round(sum(part for part, case in zip(parts, cases, strict=True) if case["points"]), 6)

    def parts(self, values: Sequence[float], renamed: bool = False) -> list[float]:
        """Return the points of each case, from what the cases are worth."""
        return hundredths((1 - self.name_costs if renamed else 1) * self.points, values)


@dataclass(frozen=True)
class Question:
    """A question that is answered in prose and graded by the teacher in nbgrader; `minigen grade` leaves it out."""

    id: str
    text: str
    points: float


@dataclass(frozen=True)
class Counting:
    """Which exercises count: all, the best `best_of`, or all but the `drop_lowest` lowest."""

    best_of: int | None = None
    drop_lowest: int = 0

    def dropped(self, totals: Sequence[float]) -> list[int]:
        """Return the places of the totals that do not count; of equal ones the last."""
        count = self.drop_lowest if self.best_of is None else max(0, len(totals) - self.best_of)
        lowest = sorted(range(len(totals)), key=lambda place: (totals[place], -place))
        return lowest[: min(count, len(totals) - 1)] if totals else []

    def __str__(self) -> str:
        if self.best_of is not None:
            return f"the best {self.best_of} of the exercises count"
        return f"the {self.drop_lowest} lowest of the exercises do not count" if self.drop_lowest else ""


@dataclass(frozen=True)
class Late:
    """What a late submission loses: `per_day` of its points for each day begun, or `per_hour` for each hour.

    After `days` of them it loses everything.
    """

    per_day: float = 0.0
    per_hour: float = 0.0
    days: int = 365
    grace_minutes: float = 0.0

    def share(self, due: datetime.datetime | None, handed_in: datetime.datetime | None) -> float:
        """Return the fraction of its points that a submission loses, between 0 and 1."""
        days = self.days_late(due, handed_in)
        hours = self._begun(due, handed_in, datetime.timedelta(hours=1))
        return 1.0 if days > self.days else min(1.0, days * self.per_day + hours * self.per_hour)

    def days_late(self, due: datetime.datetime | None, handed_in: datetime.datetime | None) -> int:
        """Days begun since the due date; 0 within the grace, and where either is not known."""
        return self._begun(due, handed_in, datetime.timedelta(days=1))

    def _begun(
        self, due: datetime.datetime | None, handed_in: datetime.datetime | None, unit: datetime.timedelta
    ) -> int:
        if due is None or handed_in is None:
            return 0
        late = handed_in - due
        return 0 if late <= datetime.timedelta(minutes=self.grace_minutes) else math.ceil(late / unit)

    def __str__(self) -> str:
        unit, share = ("hour", self.per_hour) if self.per_hour else ("day", self.per_day)
        if not share:
            return ""
        after = f"after {plural(self.days, 'day')} nothing counts"
        return f"each {unit} late costs {100 * share:g} % of the points; {after}"


@dataclass(frozen=True)
class Assignment:
    """The exercises for a class and the rules by which answers are graded.

    private: the ids of the exercises that are to be private variants, see `with_private`; with
    any of them, at most two hints are shown.
    visibility: of the single cases on Gradescope. hints: how many of an exercise students are shown. files: helpers and
    data by name, read once.
    """

    slug: str
    title: str
    exercises: tuple[AssignedExercise, ...]
    questions: tuple[Question, ...]
    private: tuple[str, ...]
    counting: Counting
    due: datetime.datetime | None
    late: Late
    allowed_modules: tuple[str, ...]
    helpers: tuple[str, ...]
    data: tuple[str, ...]
    practice_seed: int
    seed_count: int
    seconds: float
    memory_mb: int
    visibility: str
    hints: int
    files: Mapping[str, bytes] = field(repr=False)
    text: str = field(repr=False)

    @property
    def possible(self) -> float:
        """The points of all exercises that count."""
        points = [assigned.points for assigned in self.exercises]
        dropped = self.counting.dropped(points)
        counted = [value for place, value in enumerate(points) if place not in dropped]
        return sum(counted)

    @property
    def parts(self) -> list[str]:
        """The ids of the exercises."""
        return [assigned.id for assigned in self.exercises]

    @property
    def answer_files(self) -> list[str]:
        """The Python files that students hand in."""
        return list(dict.fromkeys(assigned.file for assigned in self.exercises))

    @property
    def numbers(self) -> dict[str, int]:
        """The numbers of the private variants that were chosen, by the ids of the exercises."""
        exercises = [assigned.exercise for assigned in self.exercises]
        return {each.id: each.number for each in exercises if isinstance(each, ChangedExercise)}

    @cached_property
    def sha256(self) -> str:
        """Changes when the text of the assignment does, or what its answers are graded by."""
        return hashlib.sha256(f"{self.graded_by}\0{self.text}".encode()).hexdigest()

    @cached_property
    def graded_by(self) -> str:
        """A hash of what the points of an answer depend on, besides the answer and the seeds.

        The title, comments, points, the due date, what a late submission or a misspelled name loses, which exercises
        count and questions are not.
        """
        settings = {
            "minigen": minigen.__version__,
            "exercises": self.parts,
            "allowed_modules": self.allowed_modules,
            "helpers": self.helpers,
            "files": {name: hashlib.sha256(self.files[name]).hexdigest() for name in sorted(self.files)},
            "limits": [self.seconds, self.memory_mb],
            **({"private": self.numbers} if self.numbers else {}),
        }
        digest = hashlib.sha256(json.dumps(settings).encode())
        paths = {assigned.exercise.path for assigned in self.exercises}
        for path in sorted(path for path in paths if path is not None):
            names = [path.name, "answers.py"]  # by the second it is known what a case may be changed to
            for name in [*names, FILE_NAME] if self.numbers else names:
                file = path.with_name(name)
                digest.update(file.read_text(encoding="utf-8-sig").encode() if file.exists() else b"")
        return digest.hexdigest()

    @property
    def rules(self) -> Rules:
        """What its answers are judged by, as `minigen.json` says it to students."""
        return Rules(self.allowed_modules, (*self.helpers, *self.data), self.practice_seed, self.memory_mb)

    def limits(self, exercise: Exercise, seconds: float, sandbox: str = "") -> Limits:
        """Return the limits of one exercise when a submission has so many seconds left."""
        return Limits(case=exercise.seconds, total=seconds, memory=self.memory_mb * 2**20, sandbox=sandbox)


def graded_seeds(assignment: Assignment, secret: str, platform: str = "") -> list[int]:
    """Return the seeds of the inputs that answers are graded on: the same for all students, and unknown without the
    secret.

    platform: where they are graded, "" for `minigen grade`. Who sees the seeds of one platform does not know those of
    another. Raises UsageError for a secret without a character.
    """
    if not secret.strip():
        raise UsageError("the secret of --seed is empty; if it comes from a variable, the variable is not set")
    texts = (secret, assignment.slug, *([platform] if platform else []))
    digests = (hashlib.sha256("\0".join([*texts, str(number)]).encode()) for number in range(assignment.seed_count))
    return [int.from_bytes(digest.digest()[:4], "big") for digest in digests]


def add_secret(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the options --seed and --seed-file, which `secret_of` reads; what: the secret is."""
    parser.add_argument("--seed", metavar="SECRET", help=what)
    in_a_file = "a file with that text, which no list of processes then shows"
    parser.add_argument("--seed-file", type=Path, metavar="FILE", help=in_a_file)


def secret_of(seed: str | None, file: Path | None) -> str | None:
    """Return the secret of `--seed`, of the file of `--seed-file`, or of the environment variable MINIGEN_SEED; None
    without.

    The variable is taken out of the environment, so that no process which is started afterwards has it. Raises
    UsageError if both options are given, or if the file cannot be read.
    """
    from_environment = os.environ.pop(SEED_VARIABLE, None)
    if seed is not None and file is not None:
        raise UsageError("give --seed or --seed-file, not both")
    if file is None:
        return seed if seed is not None else from_environment
    try:
        return file.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the secret of --seed-file {file}: {error}") from None


def with_private(assignment: Assignment, secret: str | None) -> Assignment:
    """Return the assignment with the private variants that a secret chooses: the same ones for all students.

    Every student then reads the same text, feedback and answers can be compared, and a platform has one file to hand
    out. Raises UsageError if there are any to choose and no secret is given.
    """
    if not assignment.private or assignment.numbers:
        return assignment
    if secret is None or not secret.strip():
        raise UsageError(
            "[private] needs --seed SECRET (or --seed-file), which chooses the variants, the same for each command"
        )
    return replaced(assignment, {id: variants.choice(id, secret, assignment.slug) for id in assignment.private})


def given(assignment: Assignment, seeds: Sequence[int]) -> dict[str, dict[str, Any]]:
    """Return the private variants of an assignment without their answers, in JSON: with their values on some seeds."""
    from minigen.course.exercise import stubs  # here, since the command line reads assignments without them
    from minigen.course.exercise.grading.secret import grading_of

    found = {}
    for each in (assigned.exercise for assigned in assignment.exercises):
        if isinstance(each, variants.PrivateExercise):
            grading = grading_of(each, seeds, assignment.practice_seed)
            found[each.id] = {
                **variants.packed(each, stubs.signature(each), grading.wanted),
                "weights": grading.weights,
            }
    return found


def with_given(assignment: Assignment, data: Mapping[str, Mapping[str, Any]]) -> Assignment:
    """Return the assignment with the private variants that `given` wrote, where their answers are not."""
    exercises = tuple(
        dataclasses.replace(assigned, exercise=given_of(assigned.exercise, data[assigned.id]))
        if assigned.id in data
        else assigned
        for assigned in assignment.exercises
    )
    return dataclasses.replace(assignment, exercises=exercises)


def replaced(assignment: Assignment, numbers: Mapping[str, int]) -> Assignment:
    """Return the assignment with private variants by their numbers."""
    exercises = tuple(
        dataclasses.replace(assigned, exercise=variants.numbered(assigned.exercise, numbers[assigned.id]))
        if assigned.id in numbers
        else assigned
        for assigned in assignment.exercises
    )
    return dataclasses.replace(assignment, exercises=exercises)


# ------------------------------------------------------------------------------------------- reading


def load(path: Path, declared: bool = True) -> Assignment:
    """Read an assignment. Raises UsageError that names what is wrong and what was expected.

    declared: whether the private variants are declared here, or only given, as on a platform; see `with_given`.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot read the assignment {path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text; an assignment is a TOML file") from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not TOML: {error}") from None
    mistake = schemas.mistake(data, "assignment")
    if mistake:
        raise UsageError(f"{path}: {mistake}")
    try:
        if not declared:
            data.pop("private", None)
        return _assignment(data, path.stem, text, lambda name: _beside(path, name))
    except InvalidAssignment as error:
        raise UsageError(f"{path}: {error}") from None


def rebuilt(
    slug: str, text: str, files: Mapping[str, bytes], numbers: Mapping[str, int] = MappingProxyType({})
) -> Assignment:
    """Return an assignment in another process, from what `load` read in the first and the numbers of private
    variants.
    """
    return replaced(_assignment(tomllib.loads(text), slug, text, lambda name: files[name]), numbers)


class InvalidAssignment(ValueError):
    """A mistake in the file that its schema cannot express."""


def _assignment(data: Mapping[str, Any], slug: str, text: str, read: Callable[[str], bytes]) -> Assignment:
    """Return the assignment of data that follow the schema; `read` gives the bytes of a declared file."""
    exercises = _exercises(data["exercise"], float(data.get("form", {}).get("name", NAME_COSTS)))
    helpers, names = tuple(data.get("helpers", ())), tuple(data.get("data", ()))
    questions = tuple(
        Question(table["id"], table["text"].strip(), float(table["points"])) for table in data.get("question", ())
    )
    ids = [question.id for question in questions]
    repeated = next((id for id in ids if ids.count(id) > 1), None)
    if repeated is not None:
        raise InvalidAssignment(f"the question {repeated} is listed twice")
    taken = {assigned.file for assigned in exercises}
    for name in (*helpers, *names):
        if name in taken:
            raise InvalidAssignment(f"{name} is declared twice, or is the name of a file that students hand in")
        taken.add(name)
    seeds, limits = data.get("seeds", {}), data.get("limits", {})
    private = _private(data.get("private", {}).get("exercises", []), exercises)
    return Assignment(
        slug=slug,
        title=data.get("title", slug).strip(),
        exercises=exercises,
        questions=questions,
        private=private,
        counting=_counting(data.get("counting", {}), exercises),
        due=zoned(data["due"]) if "due" in data else None,
        late=_late(data.get("late", {})),
        allowed_modules=tuple(data.get("allowed_modules", MODULES)),
        helpers=helpers,
        data=names,
        practice_seed=seeds.get("practice", 0),
        seed_count=seeds.get("graded", 1),
        seconds=float(limits.get("seconds", 300)),
        memory_mb=limits.get("memory_mb", 768),
        visibility=data.get("visibility", "visible"),
        hints=min(data.get("hints", {}).get("up_to", HINTS), 2 if private else HINTS),
        files={name: read(name) for name in (*helpers, *names)},
        text=text,
    )


def _exercises(tables: Sequence[Mapping[str, Any]], name_costs: float) -> tuple[AssignedExercise, ...]:
    found: dict[str, AssignedExercise] = {}
    for table in tables:
        try:
            exercises = catalog.find(table["id"])
        except UsageError as error:
            raise InvalidAssignment(str(error)) from None
        if len(exercises) != 1:
            names = ", ".join(exercise.id for exercise in exercises)
            raise InvalidAssignment(f"{table['id']!r} has several exercises; write an [[exercise]] for each: {names}")
        exercise = exercises[0]
        if exercise.id in found:
            raise InvalidAssignment(f"{exercise.id} is listed twice")
        found[exercise.id] = AssignedExercise(exercise, float(table.get("points", exercise.points)), name_costs)
    return tuple(found.values())


def _private(wanted: str | Sequence[str], exercises: Sequence[AssignedExercise]) -> tuple[str, ...]:
    """Return the ids of the exercises that are to be private variants; "all" means all that have one."""
    having = [assigned.id for assigned in exercises if declared(assigned.exercise) is not None]
    if wanted == "all":
        return tuple(having)
    found = []
    for name in wanted:
        id = next((assigned.id for assigned in exercises if name in (assigned.id, assigned.exercise.name)), name)
        if id not in having:
            which = f"of this assignment's {', '.join(having)} {'has' if len(having) == 1 else 'have'} one"
            raise InvalidAssignment(f"private: {name} has no private variant; {which if having else 'none here has'}")
        found.append(id)
    return tuple(dict.fromkeys(found))


def _counting(table: Mapping[str, Any], exercises: Sequence[AssignedExercise]) -> Counting:
    counting = Counting(**table)
    if counting.best_of is not None and counting.drop_lowest:
        raise InvalidAssignment("counting has best_of and drop_lowest; give one of them")
    if (counting.best_of or 1) > len(exercises) or counting.drop_lowest >= len(exercises):
        raise InvalidAssignment(f"with counting, {counting}, but there are {len(exercises)} in all")
    points = {assigned.points for assigned in exercises}
    if str(counting) and len(points) > 1:
        shown = ", ".join(f"{value:g}" for value in sorted(points))
        raise InvalidAssignment(f"counting compares exercises of the same points; these have {shown}: set points = ...")
    return counting


def _late(table: Mapping[str, Any]) -> Late:
    late = Late(**table)
    if late.per_day and late.per_hour:
        raise InvalidAssignment("late has per_day and per_hour; give one of them")
    return late


def _beside(path: Path, name: str) -> bytes:
    """Return a declared file, which is beside the assignment."""
    if Path(name).name != name or name in (".", ".."):
        raise InvalidAssignment(f"a declared file is beside the assignment, named without a folder; got {name!r}")
    try:
        data = (path.parent / name).read_bytes()
    except OSError as error:
        message = f"the declared file {name} cannot be read beside it: {error.strerror or error}"
        raise InvalidAssignment(message) from None
    if len(data) > LARGEST_FILE:
        message = f"{name} has {len(data):,} bytes; a declared file has at most {LARGEST_FILE:,}"
        raise InvalidAssignment(message)
    return data


def moment(text: str, what: str) -> datetime.datetime:
    """Return a date and time, "2027-02-01T23:59", local unless it has an offset. Raises UsageError."""
    try:
        time = datetime.datetime.fromisoformat(text.strip())
        time.astimezone()  # the first and the last days of the calendar do not exist in every zone
        return time
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"{what} must be a date and time such as 2027-02-01T23:59, got {text!r}") from None


def zoned(time: datetime.datetime) -> datetime.datetime:
    """Return a time with its own offset, by which students read it, or with that of this machine if it has none."""
    return time if time.tzinfo is not None else time.astimezone()


# ------------------------------------------------------------------------------------------- writing


TEMPLATE = """\
# An assignment of minigen. Edit it; then
#     minigen assignment build {name} --out dist/
# makes what your students get, and
#     minigen grade SUBMISSIONS --assignment {name} --roster roster.csv --seed SECRET --out grades/
# grades what they hand in.

title = {title}

# Local time of the machine that grades; add an offset, as in 2027-02-01T23:59:00+01:00, to be exact.
{due}

# The modules that an answer may import. An empty list allows all that are installed.
allowed_modules = {modules}

# Files of yours, beside this one: Python modules that answers may import, and data that they may read.
helpers = []  # ["tools.py"]
data = []  # ["points.csv"]

# When students on Gradescope see how single cases went: visible, hidden, after_due_date or after_published.
visibility = "visible"

[late]  # what a submission loses that comes after the due date; how its time is known: see minigen grade --times
per_day = 0.1  # of its points, for each day begun; or per_hour, for each hour begun
days = 5  # after so many days it loses all of them
grace_minutes = 15

[form]  # what form costs where the values are right; a wrong axis of length 1 loses the points for shapes only
name = 0.2  # of an exercise's points, if the name of its function is misspelled by one letter; 1 for all of them

# [counting]  # which exercises count, where all have the same points: one of these
# best_of = 4
# drop_lowest = 1

[seeds]
practice = 0  # of the random inputs that students see when they check their answers
graded = 1  # how many sets of random inputs answers are graded on; they are drawn from --seed SECRET

[hints]
up_to = 3  # how many of an exercise students are shown; the third is the answer. With [private], at most 2

# [private]  # exercises with one thing changed, which --seed SECRET chooses and their text states
# exercises = "all"  # all that have such a variant, or a list: ["gan/12/penalized_slope"]

[limits]
seconds = 300  # of the clock, for one student's answers together
memory_mb = 768

# The exercises, and what each counts. A student gets the same part of `points` as of the exercise's own.
{exercises}
# Questions that are answered in prose. They are cells of nbgrader's notebook, which you grade there; elsewhere ask them
# on your platform.
# [[question]]
# id = "q1"
# text = "Why are the critic's weights clipped?"
# points = 3
"""


def template(name: str, exercises: Sequence[Exercise], due: datetime.datetime | None, title: str = "") -> str:
    """Return the text of a new assignment, with comments."""
    shown = f"due = {due.isoformat(timespec='seconds')}" if due is not None else "# due = 2027-02-01T23:59:00"
    tables = [
        f'[[exercise]]\nid = "{exercise.id}"  # about {exercise.minutes:g} minutes'
        f"{'; has a private variant' if declared(exercise) is not None else ''}\npoints = {exercise.points}\n"
        for exercise in exercises
    ]
    title = title or Path(name).stem.replace("_", " ").replace("-", " ").capitalize()
    return TEMPLATE.format(
        name=name,
        title=json.dumps(title, ensure_ascii=False),
        due=shown,
        modules=json.dumps(list(MODULES)),
        exercises="\n".join(tables),
    )
