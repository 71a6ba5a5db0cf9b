"""Source that ruff would let pass: files laid out by hand, and named lambdas that it was told to overlook."""

import re

import pytest

FOLDERS = ("minigen", "lessons", "tests", ".ci", ".github")
EXCEPTIONS = re.compile(r"#\s*fmt:\s*(?:skip|off)\b|#\s*noqa:[\w\s,]*\bE731\b")


def exceptions(source: str) -> list[str]:
    """The lines that a comment takes out of the formatter's or the linter's hands."""
    return [line for line in source.splitlines() if EXCEPTIONS.search(line)]


def test_every_file_is_left_to_the_formatter(root):
    files = [path for folder in FOLDERS for path in (root / folder).rglob("*.py")]
    assert len(files) > 300
    own = root / "tests" / "test_style.py"  # has examples of them
    found = {str(path.relative_to(root)): exceptions(path.read_text(encoding="utf-8")) for path in files if path != own}
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("x = [1,  2]  # fmt: skip", 1),
        ("#fmt:off\nx = [1,  2]\n# fmt: on", 1),
        ("f = lambda x: x  # noqa: E731", 1),
        ("f = lambda x: x  # noqa: B023, E731", 1),
        ("import numpy  # noqa: E402", 0),
        ("# the format: off by one", 0),
    ],
)
def test_the_search_sees_an_exception(source, count):
    assert len(exceptions(source)) == count
