"""What a result depends on besides its options: a hash of the code that made it.

A checkpoint or a cached model of other code is never taken for one of this code without a message.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import re
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import minigen

__all__ = ["made_by_this_code", "recipe_of", "recipe_of_functions", "sources_of"]

PACKAGE = Path(minigen.__file__).parent
ALWAYS_USED = (  # also by a lesson that does not import them
    "minigen.tensor",
    "minigen.train.fit",
    "minigen.course.lesson.streams",  # the random numbers and the sizes of quick runs
)
IMPORT = re.compile(r"^\s*(?:from (minigen[\w.]*) import (\([^)]*\)|[^\n]*)|import (minigen[\w.]*))", re.M)
NAME = re.compile(r"\w+")
SHARED_MODELS = PACKAGE / "course" / "lesson" / "pretrained.py"
NOT_HASHED = {"course", "plot", "cli"}  # they run and draw, and change no number


def recipe_of(lesson_file: str | Path | None) -> str | None:
    """What a lesson's trainings depend on besides its options, as 16 hexadecimal digits; None if it cannot be read.

    A hash of the lesson's code (not of its text, which is comments), of the version, and of the code of the modules
    that the lesson imports, directly or by others, and of those that every training uses.
    """
    if lesson_file is None:
        return None
    try:
        source = Path(lesson_file).read_text(encoding="utf-8", errors="replace")
        tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError):
        return None
    modules = _imported(source)
    shared = _code_in(SHARED_MODELS) if "minigen.course.lesson.pretrained" in modules else ""
    return _digest(ast.dump(tree), _code_of(frozenset(modules)), shared)


def recipe_of_functions(*functions: Callable) -> str:
    """The same for functions: of their source, of the functions beside them that they call, of the modules they use."""
    sources, modules = _sources_and_modules(functions)
    return _digest(*sources, _code_of(frozenset(modules)))


def sources_of(*functions: Callable) -> dict[str, Any] | None:
    """What `recipe_of_functions` comes from, for JSON: hashes of files of the package; None for functions of others.

    Kept beside a result, it shows later whether that recipe is still the same, without loading what made the result:
    `made_by_this_code`.
    """
    modules_of_functions = {sys.modules.get(getattr(function, "__module__", "")) for function in functions}
    own = {Path(getattr(module, "__file__", None) or "") for module in modules_of_functions}
    if not all(path.is_relative_to(PACKAGE) for path in own):
        return None
    _, modules = _sources_and_modules(functions)
    files = {}
    for path in sorted({*own, *_with_imports(modules).values()}):
        code = None if path in own else _hash(_code_in(path).encode())
        files[path.relative_to(PACKAGE).as_posix()] = [_hash(path.read_bytes()), code]
    return {"version": minigen.__version__, "python": list(sys.version_info[:2]), "files": files}


def made_by_this_code(sources: Any) -> bool:
    """Whether what `sources_of` returned holds for the files as they are now; False for anything else.

    A file whose text has changed may still have the same code. Of the file of the functions themselves the text counts,
    as the recipe holds theirs: there a remark is taken for a change.
    """
    try:
        if sources["version"] != minigen.__version__:
            return False
        same_python = sources["python"] == list(sys.version_info[:2])  # another one may write out the code otherwise

        def holds(path: Path, text: str, code: str | None) -> bool:
            if _hash(path.read_bytes()) == text and (same_python or code is None):
                return True
            return code is not None and _hash(_code_in(path).encode()) == code

        return all(holds(PACKAGE / name, *hashes) for name, hashes in sources["files"].items())
    except (AttributeError, KeyError, OSError, SyntaxError, TypeError, ValueError):
        return False


def _sources_and_modules(functions: Iterable[Callable]) -> tuple[list[str], set[str]]:
    """The source of each function and of those that it calls beside itself, and the modules that all of them use."""
    sources: list[str] = []
    modules: set[str] = set()
    for function in functions:
        for text, named in _described(function, set()):
            sources.append(text)
            modules |= named
    return sources, modules


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _digest(*texts: str) -> str:
    hashed = hashlib.sha256(minigen.__version__.encode())
    for text in texts:
        hashed.update(text.encode() + b"\0")
    return hashed.hexdigest()[:16]


def _code_of(modules: frozenset[str]) -> str:
    """A hash of the code of these modules of the package, of what they import, and of what every training uses."""
    files = sorted(_with_imports(modules).items())
    return _digest(*(text for name, path in files for text in (name, _code_in(path))))


@lru_cache
def _code_in(path: Path) -> str:
    """The code of a module without comments and docstrings: a better sentence does not make a result another one."""
    tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                del node.body[0]
    return ast.unparse(tree)


def _with_imports(modules: Iterable[str]) -> dict[str, Path]:
    """Name and file of these modules of the package and of all that they import in turn."""
    found: dict[str, Path] = {}
    waiting = [*modules, *ALWAYS_USED]
    while waiting:
        name = waiting.pop()
        path = _file_of(name)
        if path is not None and name not in found:
            found[name] = path
            waiting += _imported(path.read_text(encoding="utf-8"))
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

    Of `from a import b` both a and a.b, b being either; a line in a text that looks like an import does no harm.
    """
    names: set[str] = set()
    for package, imported, module in IMPORT.findall(source):
        names |= {module} if module else {package, *(f"{package}.{name}" for name in NAME.findall(imported))}
    return names


def _described(function: Callable, seen: set[Any]) -> Iterator[tuple[str, set[str]]]:
    """(source, modules that it uses) of a function and of those that it calls in its own module."""
    code = getattr(function, "__code__", None)
    if code is None or code in seen:
        yield getattr(function, "__qualname__", repr(type(function))), set()
        return
    seen.add(code)
    source = _source(function)
    modules = _imported(source)
    names = set(_names(code))
    used = {name: value for name, value in inspect.getclosurevars(function).nonlocals.items()}
    used |= {name: function.__globals__[name] for name in names if name in function.__globals__}
    inner = []
    for _, value in sorted(used.items()):
        module = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", None) or ""
        if isinstance(value, types.FunctionType) and module == function.__module__:
            inner.append(value)
        modules.add(module)
    yield source, modules
    for value in inner:
        yield from _described(value, seen)


def _names(code: types.CodeType) -> Iterator[str]:
    """The global names, attributes and imported modules in a function's code and in that of functions inside it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _source(function: Callable) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return getattr(function, "__qualname__", repr(type(function)))
