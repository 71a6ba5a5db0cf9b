"""The English outside of the lessons' texts: the package, the exercises, the guides have none of `CONSTRUCTIONS`."""

from pathlib import Path

import pytest

from tests.prose import CONSTRUCTIONS, Passage, hits, passages_of_markdown, passages_of_python, written

ROOT = Path(__file__).resolve().parent.parent
# What lessons say is counted in `tests/lessons/prose_allowed.toml`; their `changes.py` repeats their words.
EXERCISES = [path for path in (ROOT / "lessons").glob("*/*/*.py") if path.name not in ("lesson.py", "changes.py")]
PACKAGES = sorted(
    path for path in (ROOT / "minigen").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
)
GUIDES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / ".github").glob("*.md")]
TEXTS = (".md", ".tsv", ".toml", ".html")


def found(files):
    """Where files have one of the constructions, by their names."""
    result = []
    for file in files:
        text = file.read_text(encoding="utf-8")
        if file.suffix == ".tsv":  # a line is an entry
            passages = [Passage(number, line) for number, line in enumerate(text.splitlines(), 1)]
        else:
            passages = passages_of_python(text) if file.suffix == ".py" else passages_of_markdown(text)
        result += [f"{file.relative_to(ROOT)} {hit}" for hit in hits(passages)]
    return "\n".join(result)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_the_package(package):
    """Docstrings, comments and messages, and the data files and templates beside them."""
    files = [package] if package.is_file() else [*package.rglob("*.py"), *package.rglob("*")]
    assert not found(file for file in files if file.suffix == ".py" or file.suffix in TEXTS)


@pytest.mark.parametrize("family", ["start", "gan", "vae", "flow", "diffusion", "after"])
def test_the_exercises(family):
    """Prompts, hints, what a case tries, and what a mistake is called."""
    files = [path for path in EXERCISES if path.parent.parent.name == family]
    assert files and not found(files)


def test_the_guides():
    assert len(GUIDES) > 6 and not found(GUIDES)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("It works also where x is 0.", "also if"),
        ("The gradient in x is 0.", "gradient in x"),
        ("the derivatives by mu", "gradient in x"),
        ("No gradient is taken here.", "gradient is taken"),
        ("Gradients of both are taken.", "gradient is taken"),
        ("A sample has the variance 3.", "has the variance 3"),
        ("The result has the mean $m$.", "has the variance 3"),
        ("Replace each pixel by its mean.", "replace by"),
        ("the mean less that of the rest", "less the"),
        ("alpha stands in front of it", "stands"),
        ("It is drawn anew.", "anew"),
        ("equal in the mean", "anew"),
        ("as well as possible", "anew"),
        ("Skip it, for it is slow.", "for it"),
        ("Which share of the points is right?", "which share"),
    ],
)
def test_a_construction_is_seen(text, rule):
    assert {hit.rule for hit in hits([Passage(1, text)])} == {rule}


@pytest.mark.parametrize(
    "text",
    [
        "The gradient in the plane, in one step, by hand, in Langevin dynamics.",
        "The slope by least squares.",
        "It has the variance of its parts.",
        "sigma stands for the noise level, and a stand-in for the function.",
        "It is less than the mean, and less the same.",
        "Replace each pixel with its mean, for each image, for all x.",
        "slopes = [slope for slope in slopes]",
    ],
)
def test_other_words_are_let_pass(text):
    assert not hits([Passage(1, text)])


def test_passages_of_a_program():
    source = '''"""A docstring.

Its second paragraph."""
x = f"a {len("inner text")} b" f" and {y} {z["key"]}"
z = 1  # a comment
# and more
w = 2

# another
'''
    assert [
        (passage.line, passage.text.strip())
        for passage in passages_of_python(source.replace('"inner text"', "'inner text'").replace('"key"', "'key'"))
    ] == [
        (1, "A docstring."),
        (3, "Its second paragraph."),
        (4, "a … b and … …"),
        (4, "inner text"),
        (5, "a comment\nand more"),
        (9, "another"),
    ]


def test_a_construction_is_seen_across_lines():
    assert [hit.line for hit in hits(passages_of_python("# all is well\n\n# replace it\n# by another\n"))] == [3]


def test_rules_say_what_to_write():
    assert all(each.instead and each.name for each in CONSTRUCTIONS)
    assert written(None) == "…"
