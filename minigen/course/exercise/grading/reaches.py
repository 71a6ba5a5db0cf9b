"""What in an answer reaches for the interpreter or the system: for a teacher to look at, and no verdict.

A function that computes an equation needs none of it. Found in the text, whatever the answer did when it ran.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

__all__ = ["reaches"]

MODULES = frozenset(
    "_ctypes _io _posixsubprocess _signal _socket _thread asyncio builtins codecs concurrent ctypes dis fcntl "
    "faulthandler fileinput gc glob importlib inspect io linecache marshal mmap multiprocessing nt os pathlib pdb "
    "pickle pkgutil platform posix pty readline resource runpy shelve shutil signal site socket sqlite3 ssl subprocess "
    "sys sysconfig tempfile threading tokenize traceback tracemalloc urllib zipimport".split()
)
NAMES = frozenset(
    "__builtins__ __code__ __closure__ __defaults__ __dict__ __file__ __getattribute__ __globals__ __import__ "
    "__kwdefaults__ __loader__ __mro__ __path__ __spec__ __subclasses__ __traceback__ __wrapped__ _current_frames "
    "_getframe addaudithook ag_frame breakpoint cell_contents co_code co_consts compile cr_frame ctypeslib delattr "
    "dir_fd eval exec f_back f_builtins f_globals f_locals get_objects get_referents get_referrers gi_frame globals "
    "input locals meta_path modules open path_hooks path_importer_cache setattr setprofile settrace tb_frame tofile "
    "fromfile memmap vars".split()
)
TEXTS = ("/proc", "/dev/", "__builtins__", "__import__", "__closure__", "__globals__", "ctypes", "meta_path")


def reaches(source: str) -> list[str]:
    """Return what an answer's text reaches for, each with the first line: ["_getframe (line 4)", "import sys (line
    1)"].

    [] for a text that Python cannot read.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    first: dict[str, int] = {}
    for node in ast.walk(tree):
        for name in _names(node):
            line = getattr(node, "lineno", 0)
            first[name] = min(line, first.get(name, line))
    return [f"{name} (line {line})" for name, line in sorted(first.items(), key=lambda item: (item[1], item[0]))]


def _names(node: ast.AST) -> Iterator[str]:
    """Yield what one node of the tree reaches for."""
    if isinstance(node, ast.Import):
        yield from (f"import {alias.name}" for alias in node.names if not MODULES.isdisjoint(alias.name.split(".")))
    elif isinstance(node, ast.ImportFrom):
        steps = {*(node.module or "").split("."), *(alias.name for alias in node.names)}
        yield from (f"import {name}" for name in sorted(steps & (MODULES | NAMES)))
    elif isinstance(node, ast.Name):
        yield from [node.id] if node.id in NAMES else []
        yield from ["getattr"] if node.id == "getattr" else []
    elif isinstance(node, ast.Attribute):
        if node.attr in NAMES or node.attr in MODULES:
            yield f".{node.attr}"
    elif isinstance(node, ast.keyword):
        yield from [f"{node.arg}="] if node.arg == "dir_fd" else []
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield from (f"{text!r} in a string" for text in TEXTS if text in node.value)
        yield from [f"{node.value!r} in a string"] if node.value in NAMES | MODULES and "_" in node.value else []
