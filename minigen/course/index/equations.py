"""Which function computes an equation, which tests name it, and which lessons treat it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from minigen.course.index import posts
from minigen.course.index.lessons import all_lessons
from minigen.course.index.package import PACKAGE, definitions_of, parse

__all__ = ["EQUATION", "EquationUse", "equation_index"]

EQUATION = re.compile(rf"\bEq\. ({posts.EQUATION_ID})\b")


@dataclass
class EquationUse:
    """An equation with the functions that compute it, the tests that name it and the lessons that treat it."""

    id: str
    states: str
    functions: list[str] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)
    lessons: list[str] = field(default_factory=list)


def equation_index() -> list[EquationUse]:
    """Equation -> functions whose docstring names it -> tests that name it -> lessons."""
    rows = (*posts.equations(), *posts.further_equations())
    uses = {row["id"]: EquationUse(row["id"], row["states"]) for row in rows}
    for path in sorted(PACKAGE.rglob("*.py")):
        if "_lessons" in path.parts:
            continue
        module = ".".join(["minigen", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")
        for name, node in definitions_of(parse(path)):
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
    for lesson in all_lessons():
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
    for name, node in definitions_of(parse(path)):
        if name.split(".")[-1].startswith("test"):
            yield name, "\n".join(lines[node.lineno - 1 : node.end_lineno])
