"""What there is: lessons on the disk, the posts' sections, figures and equations, and the code that computes them.

Nothing here runs a lesson or imports a model: lessons, package and tests are read with `ast`, so `minigen list` is
quick.
"""

from __future__ import annotations

import ast
import csv
import difflib
import os
import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from minigen.course.console import UsageError

__all__ = [
    "EquationUse",
    "LessonInfo",
    "POSTS",
    "equation_index",
    "equations",
    "figures",
    "find",
    "lessons",
    "lessons_root",
    "outline",
    "problems",
    "readme_table",
    "sections",
]

PACKAGE = Path(__file__).resolve().parent.parent
POSTS = {
    "gan": "From GAN to WGAN",
    "vae": "From Autoencoder to Beta-VAE",
    "flow": "Flow-based Deep Generative Models",
    "diffusion": "What are Diffusion Models?",
}
FIELDS = {"title": str, "post": str, "sections": list, "figures": list, "equations": list, "minutes": (int, float)}
EQUATION = re.compile(r"\bEq\. ((?:gan|vae|flow|diffusion)\.\d\d)\b")


@dataclass(frozen=True)
class LessonInfo:
    """A lesson as its first cell describes it."""

    id: str
    path: Path
    title: str
    post: str
    minutes: float = 1.0
    sections: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    equations: tuple[str, ...] = ()

    @property
    def number(self) -> str:
        return self.id.split("/")[1][:2]

    @property
    def name(self) -> str:
        return self.id.split("/")[1][3:]

    @property
    def exercises(self) -> int:
        """How many exercises stand beside the lesson."""
        path = self.path.with_name("exercise.py")
        if not path.exists():
            return 0
        return sum(isinstance(node, ast.Call) and _called(node) == "Exercise" for node in ast.walk(_parse(path)))

    @property
    def samplers(self) -> tuple[str, ...]:
        """The names of the models that the lesson offers to `minigen sample`, in its order."""
        calls = [
            node for node in ast.walk(_parse(self.path)) if isinstance(node, ast.Call) and _called(node) == "sampler"
        ]
        calls.sort(key=lambda call: call.lineno)
        return tuple(str(call.args[0].value) for call in calls if call.args and isinstance(call.args[0], ast.Constant))


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


# -- lessons -----------------------------------------------------------------------------------------------------------


def lessons_root() -> Path:
    """The folder of the lessons: MINIGEN_LESSONS, `lessons/` of a checkout, or the copy inside an installed package."""
    if os.environ.get("MINIGEN_LESSONS"):
        return Path(os.environ["MINIGEN_LESSONS"])
    checkout = PACKAGE.parent
    if (checkout / "pyproject.toml").exists() and (checkout / "lessons").is_dir():
        return checkout / "lessons"
    return PACKAGE / "_lessons"


def _metadata(path: Path, id: str) -> LessonInfo:
    """The literals of the `Lesson(...)` call in a lesson file; ValueError when there is none or it does not fit."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError, OSError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _called(node) == "Lesson"]
    if not calls:
        raise ValueError(f"{path} has no Lesson(...)")
    given: dict[str, Any] = {}
    try:
        given["id"] = ast.literal_eval(calls[0].args[0])
        for keyword in calls[0].keywords:
            if keyword.arg in FIELDS:
                given[keyword.arg] = ast.literal_eval(keyword.value)
    except (ValueError, IndexError):
        raise ValueError(f"{path}: the arguments of Lesson(...) must be literals, its id first") from None
    if given["id"] != id:
        raise ValueError(f"{path}: Lesson({given['id']!r}) should be Lesson({id!r}), as its folder is called")
    for name, kind in FIELDS.items():
        if name in given and not isinstance(given[name], kind):
            raise ValueError(f"{path}: {name} of Lesson(...) has the wrong type: {given[name]!r}")
    lists = {name: tuple(given.get(name, ())) for name in ("sections", "figures", "equations")}
    post = given.get("post", id.split("/")[0])
    return LessonInfo(id, path, given.get("title", id), post, float(given.get("minutes", 1.0)), **lists)


def _called(call: ast.Call) -> str:
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def _scan(root: Path) -> tuple[list[LessonInfo], list[str]]:
    found, broken = [], []
    for path in root.glob("*/[0-9][0-9]_*/lesson.py"):
        try:
            found.append(_metadata(path, f"{path.parent.parent.name}/{path.parent.name}"))
        except ValueError as error:
            broken.append(str(error))
    posts = list(POSTS)
    found.sort(key=lambda lesson: (posts.index(lesson.post) if lesson.post in POSTS else len(posts), lesson.id))
    return found, broken


def lessons() -> list[LessonInfo]:
    """All lessons, by post and number."""
    return _scan(lessons_root())[0]


def problems() -> list[str]:
    """Lesson files that cannot be listed, and why."""
    return _scan(lessons_root())[1]


def find(text: str) -> LessonInfo:
    """The lesson meant by "gan/02", "gan/gan", "gan/02_gan", "02_gan", "gan-02-gan" or the path of its file.

    Raises UsageError with the nearest names when there is none, or with the candidates when there are several.
    """
    known = lessons()
    wanted = text.strip().lower().replace("\\", "/").removesuffix("/lesson.py").rstrip("/")
    wanted = "/".join(wanted.split("/")[-2:])
    by_name: dict[str, list[LessonInfo]] = {}
    for lesson in known:
        for alias in _aliases(lesson):
            by_name.setdefault(alias, []).append(lesson)
    matches = by_name.get(wanted, [])
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UsageError(f"{text!r} may be {' or '.join(lesson.id for lesson in matches)}: say which")
    broken = [line for line in problems() if f"/{wanted}/" in line.replace("\\", "/")]
    if broken:
        raise UsageError(broken[0])
    names = [*by_name, *(lesson.title.lower() for lesson in known)]
    by_name.update({lesson.title.lower(): [lesson] for lesson in known if lesson.title.lower() not in by_name})
    near = [lesson.id for name in difflib.get_close_matches(wanted, names, n=6, cutoff=0.5) for lesson in by_name[name]]
    near += [lesson.id for lesson in known if wanted and wanted in lesson.id]
    near = list(dict.fromkeys(near))[:3]
    hint = f"did you mean {', '.join(near)}?" if near else "see minigen list"
    raise UsageError(f"there is no lesson {text!r}; {hint}")


def _aliases(lesson: LessonInfo) -> set[str]:
    family, folder = lesson.id.split("/")
    ends = {folder, lesson.number, str(int(lesson.number)), lesson.name, folder.replace("_", "-")}
    ends |= {lesson.name.replace("_", "-")}
    out = lesson.id.replace("/", "-").replace("_", "-")
    return {f"{family}/{end}" for end in ends} | ends | {out}


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
        text = path.read_text(encoding="utf-8")
        if "Eq. " not in text:
            continue
        lines = text.splitlines()
        for name, node in _definitions(_parse(path)):
            if name.split(".")[-1].startswith("test"):
                for id in set(EQUATION.findall("\n".join(lines[node.lineno - 1 : node.end_lineno]))):
                    if id in uses:
                        where = path.relative_to(PACKAGE.parent).as_posix()
                        uses[id].tests.append(f"{where}::{name.replace('.', '::')}")
    for lesson in lessons():
        for id in lesson.equations:
            if id in uses:
                uses[id].lessons.append(lesson.id)
    return list(uses.values())


def _parse(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def _definitions(tree: ast.AST, prefix: str = ""):
    """(qualified name, node) of every function, class and method."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from _definitions(node, f"{prefix}{node.name}.")


def outline() -> list[tuple[str, list[tuple[dict[str, str], list[LessonInfo], bool]]]]:
    """Post -> its sections, each with its lessons and whether they are those of its subsections only."""
    by_section: dict[str, list[LessonInfo]] = {}
    for lesson in lessons():
        for id in lesson.sections:
            by_section.setdefault(id, []).append(lesson)
    result = []
    for post in POSTS:
        rows = []
        for section in sections():
            if section["post"] == post:
                own = by_section.get(section["id"], [])
                below = [lesson for part in _parts().get(section["id"], ()) for lesson in by_section.get(part, ())]
                rows.append((section, own or list(dict.fromkeys(below)), not own and bool(below)))
        result.append((post, rows))
    return result


def readme_table() -> str:
    """The README's table of sections and lessons, in Markdown (`minigen list --markdown`)."""
    lines = []
    for post, rows in outline():
        lines += [f"### {POSTS[post]}", "", "| section | lesson | minutes |", "| --- | --- | --- |"]
        for section, found, parts in rows:
            links = ", ".join(f"[{lesson.id}](lessons/{lesson.id}/lesson.py)" for lesson in found)
            minutes = ", ".join(f"{lesson.minutes:g}" for lesson in found)
            lines.append(f"| {section['title']} | {'in its parts: ' * parts}{links or 'planned'} | {minutes} |")
        lines.append("")
    return "\n".join(lines)
