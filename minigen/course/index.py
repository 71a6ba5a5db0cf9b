"""What there is: lessons and exercises on the disk, the posts' sections, figures and equations, and what computes them.

This is the one catalogue of lessons and exercises, and the one place that resolves their names. Nothing here runs a
lesson or imports a model: files are read as text or with `ast`, so `minigen list` is quick.
"""

from __future__ import annotations

import ast
import csv
import difflib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from minigen.course.cells import cells_of
from minigen.course.console import UsageError
from minigen.zoo import check_pretrained

__all__ = [
    "Address",
    "EquationUse",
    "LessonInfo",
    "POSTS",
    "START",
    "WISHES",
    "equation_index",
    "equations",
    "exercise_names",
    "figures",
    "find",
    "folders",
    "glossary",
    "lessons",
    "lessons_root",
    "outline",
    "preparation",
    "problems",
    "readme_table",
    "resolve",
    "scan",
    "sections",
    "symbols",
]

PACKAGE = Path(__file__).resolve().parent.parent
POSTS = {
    "gan": "From GAN to WGAN",
    "vae": "From Autoencoder to Beta-VAE",
    "flow": "Flow-based Deep Generative Models",
    "diffusion": "What are Diffusion Models?",
}
START = {"start": "Before the posts"}  # the family of lessons that belong to no post
FIELDS: dict[str, Any] = {
    "title": str,
    "post": str,
    "sections": list,
    "figures": list,
    "equations": list,
    "pretrained": list,
    "minutes": (int, float),
}
WISHES = ("label", "caption", "w", "steps")  # what `minigen sample` can pass to a sampler
EQUATION = re.compile(r"\bEq\. ((?:gan|vae|flow|diffusion)\.\d\d)\b")
EXERCISE = re.compile(r"""\bExercise\(\s*["']\w+/\w+/(\w+)["']""")


@dataclass(frozen=True)
class LessonInfo:
    """A lesson as its first cell describes it. `id` is family and folder, "gan/02_gan"; `minutes` those of a run."""

    id: str
    path: Path
    title: str
    post: str
    minutes: float = 1.0
    sections: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    equations: tuple[str, ...] = ()
    pretrained: tuple[str, ...] = ()

    @property
    def number(self) -> str:
        return self.id.split("/")[1][:2]

    @property
    def name(self) -> str:
        return self.id.split("/")[1][3:]

    @property
    def exercises(self) -> tuple[str, ...]:
        """The names of the exercises that stand beside the lesson, in their order."""
        return exercise_names(self.path.parent)

    @property
    def samplers(self) -> tuple[str, ...]:
        """The names of the models that the lesson offers to `minigen sample`: the default one, the others in order."""
        calls = sorted(_calls(_parse(self.path), "sampler"), key=lambda call: (not _is_default(call), call.lineno))
        return tuple(str(call.args[0].value) for call in calls if call.args and isinstance(call.args[0], ast.Constant))

    def wishes(self, sampler: str) -> tuple[str, ...]:
        """Which of `label`, `caption`, `w` and `steps` the function of a sampler takes, besides rng and n.

        The function must be defined in the lesson's file; of several definitions, the last one above the call counts.
        """
        tree = _parse(self.path)
        for call in _calls(tree, "sampler"):
            if len(call.args) > 1 and isinstance(call.args[0], ast.Constant) and call.args[0].value == sampler:
                drawing = call.args[1]
                named = [
                    node
                    for node in ast.walk(tree)
                    if isinstance(node, ast.FunctionDef) and isinstance(drawing, ast.Name) and node.name == drawing.id
                ]
                above = [node for node in named if node.lineno < call.lineno]
                arguments = above[-1].args.args[2:] if above else []
                return tuple(argument.arg for argument in arguments if argument.arg in WISHES)
        return ()


class Address(NamedTuple):
    """What a name stands for: the folder of a lesson and, if the name is that of an exercise, its function's name."""

    folder: Path
    exercise: str | None = None

    @property
    def lesson(self) -> str:
        """The lesson as exercises name it: "gan/02"."""
        return short_id(self.folder)


@dataclass
class EquationUse:
    """An equation with the functions that compute it, the tests that name it and the lessons that treat it."""

    id: str
    states: str
    functions: list[str] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)
    lessons: list[str] = field(default_factory=list)


# -- the posts ---------------------------------------------------------------------------------------------------------


def _read(name: str) -> tuple[dict[str, str], ...]:
    with (PACKAGE / "course" / "data" / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@lru_cache
def sections() -> tuple[dict[str, str], ...]:
    """The sections of the four posts in order: id, post, title, anchor."""
    return _read("sections")


@lru_cache
def figures() -> tuple[dict[str, str], ...]:
    """The figures of the four posts: id, post, section (path of titles), shows, kind."""
    return _read("figures")


@lru_cache
def equations() -> tuple[dict[str, str], ...]:
    """The numbered equations of the four posts: id, post, section (path of titles), states, latex, note."""
    return _read("equations")


@lru_cache
def glossary() -> tuple[dict[str, str], ...]:
    """The terms of the lessons in alphabetical order: term, meaning, lesson that explains it, see (terms and ids)."""
    return _read("glossary")


@lru_cache
def symbols() -> tuple[dict[str, str], ...]:
    """The posts' symbols: posts ("all", or those where it means this), latex, code (its name there), meaning."""
    return _read("symbols")


@lru_cache
def _parts() -> dict[str, list[str]]:
    """Section id -> ids of its subsections, as far as the paths of figures and equations show them."""
    by_title = {(row["post"], row["title"]): row["id"] for row in sections()}
    parts: dict[str, list[str]] = {}
    for row in (*equations(), *figures()):
        path = [by_title.get((row["post"], title)) for title in row["section"].split(" › ")]
        for above, below in zip(path, path[1:]):
            if above and below and below not in parts.setdefault(above, []):
                parts[above].append(below)
    return {above: sorted(below) for above, below in parts.items()}


# -- folders of lessons ------------------------------------------------------------------------------------------------


def lessons_root() -> Path:
    """The folder of the lessons: MINIGEN_LESSONS, `lessons/` of a checkout, or the copy inside an installed package."""
    if os.environ.get("MINIGEN_LESSONS"):
        return Path(os.environ["MINIGEN_LESSONS"])
    checkout = PACKAGE.parent
    if (checkout / "pyproject.toml").exists() and (checkout / "lessons").is_dir():
        return checkout / "lessons"
    return PACKAGE / "_lessons"


def folders(file: str, root: Path | None = None) -> list[Path]:
    """The folders `<family>/<NN_name>` that hold `file` ("lesson.py" or "exercise.py"), by family and number."""
    families = [*START, *POSTS]
    found = [path.parent for path in (root or lessons_root()).glob(f"*/[0-9][0-9]_*/{file}")]

    def order(folder: Path) -> tuple[int, str]:
        family = folder.parent.name
        return families.index(family) if family in families else len(families), full_id(folder)

    return sorted(found, key=order)


def full_id(folder: Path) -> str:
    """ "gan/02_gan" of the folder .../gan/02_gan."""
    return f"{folder.parent.name}/{folder.name}"


def short_id(folder: Path) -> str:
    """ "gan/02" of the folder .../gan/02_gan."""
    return f"{folder.parent.name}/{folder.name[:2]}"


def exercise_names(folder: Path) -> tuple[str, ...]:
    """The functions of the exercises of a lesson's folder, in the order of its file."""
    try:
        text = (folder / "exercise.py").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ()
    return tuple(EXERCISE.findall(text))


# -- lessons -----------------------------------------------------------------------------------------------------------


def lessons() -> list[LessonInfo]:
    """All lessons, by post and number."""
    return scan(lessons_root())[0]


def problems() -> list[str]:
    """Lesson files that cannot be listed, and why."""
    return scan(lessons_root())[1]


def scan(root: Path) -> tuple[list[LessonInfo], list[str]]:
    """The lessons below a folder, and why others of its lesson files cannot be listed."""
    found, broken = [], []
    for folder in folders("lesson.py", root):
        try:
            found.append(_metadata(folder / "lesson.py"))
        except ValueError as error:
            broken.append(str(error))
    return found, broken


def _metadata(path: Path) -> LessonInfo:
    """A lesson from the literals of its `Lesson(...)` call; ValueError if there is no such call or it is wrong."""
    id = full_id(path.parent)
    call = _lesson_call(path)
    given: dict[str, Any] = {}
    try:
        given["id"] = ast.literal_eval(call.args[0])
        for keyword in call.keywords:
            if keyword.arg in FIELDS:
                given[keyword.arg] = ast.literal_eval(keyword.value)
    except (ValueError, IndexError):
        raise ValueError(f"{path}: the arguments of Lesson(...) must be literals, its id first") from None
    if given["id"] != id:
        raise ValueError(f"{path}: Lesson({given['id']!r}) should be Lesson({id!r}), as its folder is called")
    for name, kind in FIELDS.items():
        if name in given and not isinstance(given[name], kind):
            raise ValueError(f"{path}: {name} of Lesson(...) has the wrong type: {given[name]!r}")
    try:
        check_pretrained(given.get("pretrained", ()))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    lists = {name: tuple(given.get(name, ())) for name in ("sections", "figures", "equations", "pretrained")}
    post = given.get("post", id.split("/")[0])
    return LessonInfo(id, path, given.get("title", id), post, float(given.get("minutes", 1.0)), **lists)


def _lesson_call(path: Path) -> ast.Call:
    """The call `Lesson(...)`. Only its cell is parsed, since the whole file would take ten times as long."""
    try:
        for cell in cells_of(path.read_text(encoding="utf-8")):
            if not cell.is_text and "Lesson(" in cell.text:
                for call in _calls(ast.parse(cell.text), "Lesson"):
                    return call
    except (SyntaxError, UnicodeDecodeError, OSError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    raise ValueError(f"{path} has no Lesson(...)")


# -- names -------------------------------------------------------------------------------------------------------------


def find(text: str) -> LessonInfo:
    """The lesson meant by "gan/02", "gan/gan", "gan/02_gan", "02_gan", "wgan", "gan-02-gan" or the path of its file.

    Raises UsageError with the nearest names if there is none, or with the candidates if there are several.
    """
    known = folders("lesson.py")
    inside = [full_id(folder) for folder in known if folder.parent.name == text.strip().lower()]
    if inside:  # "gan" is also the name of one lesson, but means all thirteen of the family
        raise UsageError(f"{text!r} is a family of lessons: say which ({', '.join(inside)})")
    folder = _folder_of(text, known)
    if folder is None:
        raise UsageError(f"there is no lesson {text!r}; {_near_lessons(text)}")
    try:
        return _metadata(folder / "lesson.py")
    except ValueError as error:
        raise UsageError(str(error)) from None


def resolve(text: str) -> Address:
    """The lesson or exercise meant by "gan/02", "gan/02_gan", "gan/02/discriminator_loss" or "discriminator_loss".

    Only lessons with exercises count, by every name that `find` accepts. Raises UsageError with the nearest names if
    there is none, or with the candidates if there are several.
    """
    known = folders("exercise.py")
    wanted = text.strip().lower().strip("/")
    folder = _folder_of(wanted, known)
    if folder is not None:
        return Address(folder)
    above, _, name = wanted.rpartition("/")
    inside = _folder_of(above, known) if above else None
    found = [
        Address(folder, exercise)
        for folder in (known if inside is None else [inside])
        for exercise in exercise_names(folder)
        if exercise.lower() == name
    ]
    if len(found) == 1 and (inside is not None or not above):
        return found[0]
    if len(found) > 1:
        raise UsageError(f"{text!r} may be {' or '.join(f'{at.lesson}/{at.exercise}' for at in found)}: say which")
    raise UsageError(f"there is no exercise {text!r}; {_near_exercises(wanted, name, known)}")


def _folder_of(text: str, known: list[Path]) -> Path | None:
    """The folder of a lesson's name; None if there is none, UsageError if there are several."""
    wanted = text.strip().lower().replace("\\", "/").removesuffix("/lesson.py").rstrip("/")
    wanted = "/".join(wanted.split("/")[-2:])
    matches = [folder for folder in known if wanted in aliases(full_id(folder))]
    if len(matches) > 1:
        raise UsageError(f"{text!r} may be {' or '.join(map(full_id, matches))}: say which")
    return matches[0] if matches else None


def aliases(id: str) -> set[str]:
    """The ways in which a lesson can be named: "gan/02", "gan/2", "gan/gan", "02_gan", "gan-02-gan", ..."""
    family, folder = id.split("/")
    number, name = folder[:2], folder[3:]
    ends = {folder, number, str(int(number)), name, folder.replace("_", "-"), name.replace("_", "-")}
    whole = {f"{family}/{end}" for end in ends} | ends
    return whole | {f"{family}-{number}", id.replace("/", "-").replace("_", "-")}


def _near_lessons(text: str) -> str:
    """What to try instead of an unknown name of a lesson."""
    known, wanted = lessons(), text.strip().lower()
    by_name: dict[str, str] = {}
    for lesson in known:
        for name in (*sorted(aliases(lesson.id)), lesson.title.lower()):
            by_name.setdefault(name, lesson.id)
    near = [by_name[name] for name in difflib.get_close_matches(wanted, by_name, n=6, cutoff=0.5)]
    near += [lesson.id for lesson in known if wanted and wanted in lesson.id]
    return _hint(near, "minigen list")


def _near_exercises(wanted: str, name: str, known: list[Path]) -> str:
    """What to try instead of an unknown name of an exercise."""
    by_name: dict[str, str] = {}
    for folder in known:
        by_name[short_id(folder)] = short_id(folder)
        for exercise in exercise_names(folder):
            by_name[f"{short_id(folder)}/{exercise}".lower()] = f"{short_id(folder)}/{exercise}"
            by_name.setdefault(exercise.lower(), f"{short_id(folder)}/{exercise}")
    near = difflib.get_close_matches(wanted, by_name, n=4, cutoff=0.5) + difflib.get_close_matches(name, by_name, n=2)
    return _hint([by_name[name] for name in near], "minigen exercise list")


def _hint(near: list[str], otherwise: str) -> str:
    near = list(dict.fromkeys(near))[:3]
    return f"did you mean {', '.join(near)}?" if near else f"see {otherwise}"


# -- who computes what -------------------------------------------------------------------------------------------------


def equation_index() -> list[EquationUse]:
    """Equation -> functions whose docstring names it -> tests that name it -> lessons."""
    uses = {row["id"]: EquationUse(row["id"], row["states"]) for row in equations()}
    for path in sorted(PACKAGE.rglob("*.py")):
        if "_lessons" in path.parts:
            continue
        module = ".".join(["minigen", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")
        for name, node in _definitions(_parse(path)):
            for id in EQUATION.findall(ast.get_docstring(node) or ""):
                if id in uses:
                    uses[id].functions.append(f"{module}:{name}")
    tests = PACKAGE.parent / "tests"
    for path in sorted(tests.rglob("test_*.py")) if (PACKAGE.parent / "pyproject.toml").exists() else ():
        for name, text in _tests_with_equations(path):
            where = path.relative_to(PACKAGE.parent).as_posix()
            for id in set(EQUATION.findall(text)):
                if id in uses:
                    uses[id].tests.append(f"{where}::{name.replace('.', '::')}")
    for lesson in lessons():
        for id in lesson.equations:
            if id in uses:
                uses[id].lessons.append(lesson.id)
    return list(uses.values())


def _tests_with_equations(path: Path) -> Iterator[tuple[str, str]]:
    """(qualified name, source) of every test of a file that names equations."""
    text = path.read_text(encoding="utf-8")
    if "Eq. " not in text:
        return
    lines = text.splitlines()
    for name, node in _definitions(_parse(path)):
        if name.split(".")[-1].startswith("test"):
            yield name, "\n".join(lines[node.lineno - 1 : node.end_lineno])


def _parse(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def _calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    """Every call of a function or method of this name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == name:
            yield node


def _is_default(call: ast.Call) -> bool:
    """Whether `default=True` is among the arguments."""
    values = [keyword.value for keyword in call.keywords if keyword.arg == "default"]
    return any(isinstance(value, ast.Constant) and value.value is True for value in values)


def _definitions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(qualified name, node) of every function, class and method."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from _definitions(node, f"{prefix}{node.name}.")


Row = tuple[dict[str, str], list[LessonInfo], bool]


def outline() -> list[tuple[str, list[Row]]]:
    """Post -> its sections, each with its lessons, and whether these are the lessons of its subsections only."""
    by_section: dict[str, list[LessonInfo]] = {}
    for lesson in lessons():
        for id in lesson.sections:
            by_section.setdefault(id, []).append(lesson)
    rows: dict[str, list[Row]] = {post: [] for post in POSTS}
    for section in sections():
        own = by_section.get(section["id"], [])
        below = [lesson for part in _parts().get(section["id"], ()) for lesson in by_section.get(part, ())]
        rows[section["post"]].append((section, own or list(dict.fromkeys(below)), not own and bool(below)))
    return list(rows.items())


def preparation() -> list[tuple[str, list[LessonInfo]]]:
    """(heading, lessons) of the families that belong to no post."""
    known = lessons()
    groups = [(heading, [lesson for lesson in known if lesson.post == family]) for family, heading in START.items()]
    return [group for group in groups if group[1]]


def readme_table() -> str:
    """The README's table of sections and lessons, in Markdown (`minigen list --markdown`)."""
    lines = []
    for heading, group in preparation():
        lines += [f"### {heading}", "", "| subject | lesson | minutes |", "| --- | --- | --- |"]
        for lesson in group:
            lines.append(f"| {lesson.title} | [{lesson.id}](lessons/{lesson.id}/lesson.py) | {lesson.minutes:g} |")
        lines.append("")
    for post, rows in outline():
        lines += [f"### {POSTS[post]}", "", "| section | lesson | minutes |", "| --- | --- | --- |"]
        for section, found, parts in rows:
            where = "in its parts: " if parts else ""
            links = ", ".join(f"[{lesson.id}](lessons/{lesson.id}/lesson.py)" for lesson in found)
            minutes = ", ".join(f"{lesson.minutes:g}" for lesson in found)
            lines.append(f"| {section['title']} | {where}{links or 'planned'} | {minutes} |")
        lines.append("")
    return "\n".join(lines)
