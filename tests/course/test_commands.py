"""The commands of `minigen` stand beside one another: what two of them need is in a module below."""

import ast
from pathlib import Path

import pytest

from minigen.course import commands

FOLDER = Path(commands.__file__).parent
COMMANDS = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")


def commands_in(source: str) -> set[str]:
    """The commands that a file in the folder of commands imports, by a statement anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            base = {0: base, 1: f"{commands.__name__}.{base}", 2: f"minigen.course.{base}"}[node.level].rstrip(".")
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        found |= {name.split(".")[3] for name in names if name.startswith(f"{commands.__name__}.")}
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_imports_another(name):
    assert commands_in((FOLDER / f"{name}.py").read_text(encoding="utf-8")) == set()


@pytest.mark.parametrize(
    "source",
    [
        "from minigen.course.commands.exercise import main",
        "from minigen.course.commands import exercise",
        "def f():\n    import minigen.course.commands.exercise as exercise",
        "from . import exercise",
        "from .exercise import main",
        "from ..commands import exercise",
    ],
)
def test_the_rule_sees_a_breach(source):
    assert commands_in(source) == {"exercise"}
    assert commands_in("from minigen.course import index, sweep\nfrom minigen.course.exercise import catalog") == set()
