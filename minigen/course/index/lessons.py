"""The lessons on the disk: where they are, and what the first cell of each declares."""

from __future__ import annotations

import ast
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigen.course.index import posts
from minigen.course.index.lesson_source import Call, LessonSource
from minigen.course.index.package import PACKAGE
from minigen.zoo import check_pretrained

__all__ = [
    "LessonInfo",
    "SAMPLER_OPTIONS",
    "all_lessons",
    "exercise_names",
    "full_id",
    "lesson_file",
    "lesson_folders",
    "lessons_root",
    "lessons_roots",
    "own_modules",
    "package_lessons",
    "read_lesson",
    "scan_lessons",
    "short_id",
    "unreadable_lessons",
]

FIELDS: dict[str, Any] = {
    "title": str,
    "post": str,
    "sections": list,
    "figures": list,
    "equations": list,
    "pretrained": list,
    "sources": list,
    "minutes": (int, float),
    "picture": str,
}
LISTS = tuple(name for name, kind in FIELDS.items() if kind is list)
ONLY = "-"  # an entry of MINIGEN_LESSONS: without the lessons of the package
SAMPLER_OPTIONS = ("label", "caption", "w", "steps")  # what `minigen sample` can pass to a sampler
EXERCISE = re.compile(r"""\bExercise\(\s*["']\w+/\w+/(\w+)["']""")


@dataclass(frozen=True)
class LessonInfo:
    """A lesson as its first cell describes it. `id` is family and folder, "gan/02_gan"; `minutes` those of a run.

    sources: keys of the bibliography (`minigen.course.index.sources`). picture: the name of its best figure, which
    is at the top of its page and in lists; "" if it names none.
    """

    id: str
    path: Path
    title: str
    post: str
    minutes: float = 1.0
    sections: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    equations: tuple[str, ...] = ()
    pretrained: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    picture: str = ""

    @property
    def number(self) -> str:
        return self.id.split("/")[1][:2]

    @property
    def name(self) -> str:
        return self.id.split("/")[1][3:]

    @property
    def exercises(self) -> tuple[str, ...]:
        """The names of the exercises that are beside the lesson, in their order."""
        return exercise_names(self.path.parent)

    @property
    def samplers(self) -> tuple[str, ...]:
        """The names of the models that the lesson offers to `minigen sample`: the default one, the others in order."""
        calls = sorted(self._sampler_calls, key=lambda call: call.literal("default") is not True)
        return tuple(call.literal("name", 0) for call in calls)

    def sampler_options(self, sampler: str) -> tuple[str, ...]:
        """Which of `label`, `caption`, `w` and `steps` the function of a sampler takes, besides rng and n.

        The function must be defined in the lesson's file; of several definitions, the last one above the call counts.
        """
        for call in self._sampler_calls:
            if call.literal("name", 0) == sampler:
                drawing = call.argument("draw", 1)
                named = [
                    node
                    for node in ast.walk(self.source.tree)
                    if isinstance(node, ast.FunctionDef) and isinstance(drawing, ast.Name) and node.name == drawing.id
                ]
                above = [node for node in named if node.lineno < call.node.lineno]
                arguments = above[-1].args.args[2:] if above else []
                return tuple(argument.arg for argument in arguments if argument.arg in SAMPLER_OPTIONS)
        return ()

    @property
    def source(self) -> LessonSource:
        """The lesson's file as it is now."""
        return LessonSource.read(self.path)

    @property
    def _sampler_calls(self) -> list[Call]:
        """The calls that offer a model by a name that is written out; none if the file is not valid Python."""
        try:
            return [call for call in self.source.calls_of("sampler") if isinstance(call.literal("name", 0), str)]
        except SyntaxError:
            return []


def lessons_roots() -> list[Path]:
    """Return the folders of the lessons: those that MINIGEN_LESSONS names, then that of the package.

    MINIGEN_LESSONS is one folder or several, separated as in PATH. An empty entry gives the package's lessons another
    place in this order, and an entry "-" leaves them out. Modules in a folder that it names, `mylessons/spirals.py`,
    can be imported from then on: lessons and exercises of one's own use them.
    """
    entries = os.environ.get("MINIGEN_LESSONS", "").split(os.pathsep)
    if not {"", ONLY} & set(entries):
        entries.append("")
    roots = [Path(entry) if entry else package_lessons() for entry in dict.fromkeys(entries) if entry != ONLY]
    for root in roots:
        if root != package_lessons() and root.is_dir() and str(root.resolve()) not in sys.path:
            sys.path.append(str(root.resolve()))
    return roots


def lessons_root() -> Path:
    """Return the first folder of the lessons."""
    return lessons_roots()[0]


def own_modules() -> list[Path]:
    """Return the modules in the folders of lessons, `mylessons/spirals.py`; the package's has none."""
    return [path for root in lessons_roots() for path in sorted(root.glob("*.py"))]


def lesson_file(id: str) -> Path:
    """Return the file of the lesson of this id, "gan/02_gan", in the first folder that has it; it may not exist."""
    files = [root / id / "lesson.py" for root in lessons_roots()]
    return next((file for file in files if file.exists()), files[0])


def package_lessons() -> Path:
    """Return the lessons that come with the package: `lessons/` of a checkout,
    or the copy inside an installed package.
    """
    checkout = PACKAGE.parent
    if (checkout / "pyproject.toml").exists() and (checkout / "lessons").is_dir():
        return checkout / "lessons"
    return PACKAGE / "_lessons"


def lesson_folders(file: str, root: Path | None = None) -> list[Path]:
    """Return the folders `<family>/<NN_name>` that hold `file` ("lesson.py" or "exercise.py"), by family and number.

    Of two folders with the same id, that in the first folder of lessons counts.
    """
    families = posts.FAMILIES
    found: dict[str, Path] = {}
    for one in [root] if root else lessons_roots():
        for path in one.glob(f"*/[0-9][0-9]_*/{file}"):
            found.setdefault(full_id(path.parent), path.parent)

    def order(folder: Path) -> tuple[int, str]:
        family = folder.parent.name
        return families.index(family) if family in families else len(families), full_id(folder)

    return sorted(found.values(), key=order)


def full_id(folder: Path) -> str:
    """ "gan/02_gan" of the folder .../gan/02_gan."""
    return f"{folder.parent.name}/{folder.name}"


def short_id(folder: Path) -> str:
    """ "gan/02" of the folder .../gan/02_gan."""
    return f"{folder.parent.name}/{folder.name[:2]}"


def exercise_names(folder: Path) -> tuple[str, ...]:
    """Return the functions of the exercises of a lesson's folder, in the order of its file."""
    try:
        text = (folder / "exercise.py").read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return ()
    return tuple(EXERCISE.findall(text))


def all_lessons() -> list[LessonInfo]:
    """All lessons, by post and number."""
    return scan_lessons()[0]


def unreadable_lessons() -> list[str]:
    """Lesson files that cannot be listed, and why."""
    return scan_lessons()[1]


def scan_lessons(root: Path | None = None) -> tuple[list[LessonInfo], list[str]]:
    """Return the lessons below a folder (or those of `lessons_roots`), and why other lesson files cannot be listed."""
    found, broken = [], []
    for folder in lesson_folders("lesson.py", root):
        try:
            found.append(read_lesson(folder / "lesson.py"))
        except ValueError as error:
            broken.append(str(error))
    return found, broken


def read_lesson(path: Path) -> LessonInfo:
    """Return a lesson from the literals of its `Lesson(...)` call;
    ValueError if there is no such call or it is wrong.
    """
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
    lists = {name: tuple(given.get(name, ())) for name in LISTS}
    post = given.get("post", id.split("/")[0])
    minutes, picture = float(given.get("minutes", 1.0)), given.get("picture", "")
    return LessonInfo(id, path, given.get("title", id), post, minutes, **lists, picture=picture)


def _lesson_call(path: Path) -> ast.Call:
    """Return the call `Lesson(...)` of a file."""
    try:
        call = LessonSource.read(path).declaration
    except (SyntaxError, UnicodeDecodeError, OSError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if call is None:
        raise ValueError(f"{path} has no Lesson(...)")
    return call
