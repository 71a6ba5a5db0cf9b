"""What a result depends on besides its options: a hash of the code that made it.

A checkpoint or a cached model of other code is never taken for one of this code without a message. Code is hashed
without comments, docstrings, a lesson's sources, minutes and picture, and the thresholds of its claims: a better
sentence does not make a result another one.
"""

from __future__ import annotations

import ast
import hashlib
import linecache
import re
import types
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import minigen
from minigen import lazy
from minigen.course.index.lesson_source import COMPUTED, Call, LessonSource, is_declaration, literal, method_of
from minigen.course.index.lessons import own_modules
from minigen.course.index.names import find_lesson
from minigen.course.index.package import dumped
from minigen.zoo import weights_file

__all__ = ["code_without_text", "is_threshold", "recipe_of", "recipe_of_functions", "recipe_of_pretrained", "text_hash"]

PACKAGE = Path(minigen.__file__).parent
ALWAYS_USED = (  # also by a lesson that does not import them
    "minigen.tensor",
    "minigen.train.fit",
    "minigen.course.lesson.streams",  # the random numbers and the sizes of quick runs
)
IMPORT = re.compile(r"^\s*(?:from (minigen[\w.]*) import (\([^)]*\)|[^\n]*)|import (minigen[\w.]*))", re.M)
ATTRIBUTE = re.compile(r"\.[\s\\]*(\w+)")  # a name after a dot
OWN_IMPORT = re.compile(r"^\s*(?:from|import) (\w+)", re.M)
NAME = re.compile(r"\w+")
UNHASHED = ("sources", "minutes", "picture")  # arguments of `Lesson` that change no number
THRESHOLDS = ("at_least", "at_most", "between", "source", "unit")  # arguments of `lesson.claim` that change no number
NOT_HASHED = {"course", "plot", "cli", "lazy"}  # they run, draw and find names, and change no number


def recipe_of(lesson_file: str | Path | None) -> str | None:
    """What a lesson's trainings depend on besides its options, as 16 hexadecimal digits; None if it cannot be read.

    A hash of the lesson's code, of the version, and of the code of the modules that the lesson imports, directly or by
    others, of those behind the pretrained models that it declares, and of those that every training uses; of these
    models' weights that come with the package; and the same of the lessons whose models it loads, `lesson.trained(id)`.
    """
    if lesson_file is None:
        return None
    try:
        source = LessonSource(Path(lesson_file).read_text(encoding="utf-8-sig", errors="replace"))
        calls = source.calls_of("trained")
    except (OSError, SyntaxError, ValueError):
        return None
    loaded = [recipe_of(path) or "" for path in _loaded(calls) if path != lesson_file]
    models = sorted(set(_declared(source)))
    code = _code_of(_imported(source.text) | set(map(_module, models)))
    weights = [_hash_of_weights(weights_file(name)) for name in models]
    return _digest(code_without_text(source.text), code, *weights, *loaded, *_own(source.text))


def text_hash(source: str) -> str:
    """A hash of a lesson's whole file, text included."""
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def recipe_of_pretrained(name: str) -> str:
    """The same for a pretrained model: of the code of its file in `minigen.zoo`, settings included, and its imports."""
    return _digest(_code_of({_module(name)}))


def recipe_of_functions(*functions: Callable) -> str:
    """The same for functions: of all code in the files that define them, and of what is imported there.

    A notebook has no file: there, all cells count that define a function or a class, and all that has been imported.
    """
    sources: set[str] = set()
    modules: set[str] = set()
    for function in functions:
        text, imported = _surroundings(function)
        sources |= text
        modules |= imported
    return _digest(*sorted(map(code_without_text, sources)), _code_of(modules))


def _surroundings(function: Callable) -> tuple[set[str], set[str]]:
    """The text of the file that defines a function, or of a notebook's cells; and what is imported there."""
    function = getattr(function, "formula", function)  # without the checks of `minigen.checks.checked`
    code = getattr(function, "__code__", None)
    if code is None:  # an object that can be called
        return {f"{type(function).__module__}.{type(function).__qualname__}"}, {type(function).__module__}
    if Path(code.co_filename).is_file():
        text = Path(code.co_filename).read_text(encoding="utf-8-sig", errors="replace")
        return {text}, _imported(text)
    beside = list(getattr(function, "__globals__", {}).values())
    own = [value for value in beside if getattr(value, "__module__", "") == function.__module__]
    own += [method for value in own if isinstance(value, type) for method in vars(value).values()]
    cells = {each.__code__.co_filename for each in [function, *own] if isinstance(each, types.FunctionType)}
    modules = {getattr(value, "__module__", None) or "" for value in beside}
    texts = {"".join(linecache.getlines(cell)) for cell in cells}
    attributes = set(ATTRIBUTE.findall("\n".join(texts)))
    for value in beside:
        if isinstance(value, types.ModuleType):
            modules |= _reached(value.__name__, attributes)
    return texts, modules


@lru_cache
def _hash_of_weights(path: Path) -> str:
    """A hash of a file of weights; "" where there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def _module(pretrained: str) -> str:
    return f"minigen.zoo.{pretrained}"


def _declared(source: LessonSource) -> list[str]:
    """The pretrained models that `Lesson(..., pretrained=[...])` names; none if they are not a literal."""
    given = (
        [word.value for word in source.declaration.keywords if word.arg == "pretrained"] if source.declaration else []
    )
    return [str(node.value) for value in given for node in ast.walk(value) if isinstance(node, ast.Constant)]


def _own(source: str) -> list[str]:
    """The code of the modules beside further lessons that this one imports, and of what they import of ours."""
    used = set(OWN_IMPORT.findall(source))
    texts = [path.read_text(encoding="utf-8-sig", errors="replace") for path in own_modules() if path.stem in used]
    return [part for text in texts for part in (code_without_text(text), _code_of(_imported(text)))]


def _loaded(calls: Sequence[Call]) -> list[Path]:
    """The files of the lessons whose models some calls load, `lesson.trained("flow/01")`."""
    ids = {call.literal("id", 0) for call in calls}
    return [find_lesson(id).path for id in sorted(ids - {COMPUTED})]


def _digest(*texts: str) -> str:
    hashed = hashlib.sha256(minigen.__version__.encode())
    for text in texts:
        hashed.update(text.encode() + b"\0")
    return hashed.hexdigest()[:16]


def _code_of(modules: Iterable[str]) -> str:
    """A hash of the code of these modules of the package, of what they import, and of what every training uses."""
    files = sorted(_with_imports(modules).items())
    return _digest(*(text for name, path in files for text in (name, _code_in(path))))


@lru_cache
def _code_in(path: Path) -> str:
    """The code of a file of the package."""
    return code_without_text(path.read_bytes())


def code_without_text(source: str | bytes) -> str:
    """Code without what changes no number: comments, docstrings, a lesson's sources, minutes, thresholds, invitations.

    A text that is no Python, such as a cell with a magic, is kept unchanged.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return str(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module):
            node.body = [statement for statement in node.body if not _is_change(statement)]
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                del node.body[0]
        if isinstance(node, ast.Call) and is_declaration(node):
            node.keywords = [keyword for keyword in node.keywords if keyword.arg not in UNHASHED]
        if isinstance(node, ast.Call) and method_of(node) == "claim":
            node.keywords = [keyword for keyword in node.keywords if not is_threshold(keyword)]
    return dumped(tree)


def _is_change(statement: ast.stmt) -> bool:
    """Whether a statement is an invitation to change the lesson."""
    return isinstance(statement, ast.Expr) and method_of(statement.value) == "change"


def is_threshold(keyword: ast.keyword) -> bool:
    """Whether an argument of `lesson.claim` is a literal threshold, its source or its unit."""
    return keyword.arg in THRESHOLDS and literal(keyword.value) not in (COMPUTED, None)


def _with_imports(modules: Iterable[str]) -> dict[str, Path]:
    """Name and file of these modules of the package and of all that they import in turn."""
    found: dict[str, Path] = {}
    waiting = [*modules, *ALWAYS_USED]
    while waiting:
        name = waiting.pop()
        path = _file_of(name)
        if path is not None and name not in found:
            found[name] = path
            waiting += _imported(path.read_text(encoding="utf-8-sig"))
    return found


def _file_of(name: str) -> Path | None:
    """The file of a module or package of ours that is hashed; None for another name, such as a function's."""
    first, *rest = name.split(".")
    if first != "minigen" or not rest or (rest[0] in NOT_HASHED and name not in ALWAYS_USED):
        return None
    path = PACKAGE.joinpath(*rest)
    files = (path / "__init__.py", path.with_suffix(".py"))
    return next((file for file in files if file.is_file()), None)


def _imported(source: str) -> set[str]:
    """What of the package is imported anywhere in this code, as dotted names.

    Of `from a import b` both a and a.b, b being either, or the module that defines b where the package a lists it; a
    line in a text that looks like an import does no harm.
    """
    names: set[str] = set()
    attributes = set(ATTRIBUTE.findall(source))
    for package, imported, module in IMPORT.findall(source):
        if module:
            names |= _reached(module, attributes)
            continue
        names.add(package)
        homes = _homes(package)
        for name in homes if imported.startswith("*") else NAME.findall(imported):
            names |= _reached(homes.get(name, f"{package}.{name}"), attributes)
    return names


def _reached(name: str, attributes: set[str]) -> set[str]:
    """A module, and of the names that it lists the modules of those that the code which has it mentions after a dot."""
    homes = _homes(name)
    return {name}.union(*(_reached(homes[each], attributes) for each in attributes & homes.keys()))


@lru_cache
def _homes(package: str) -> dict[str, str]:
    """The public names that a package lists, each with the module that defines it; {} if it lists none."""
    if package == "minigen":
        return {name: f"minigen.{name}" for name in minigen.__all__}
    stub = PACKAGE.joinpath(*package.split(".")[1:], "__init__.pyi")
    if not stub.is_file():
        return {}
    return {name: target.partition(":")[0] for name, target in lazy.targets(package, stub.read_bytes()).items()}
