"""Similar answers: five disguises of a copy are found, and right answers that were written independently are not."""

import ast

import pytest

from minigen.course.classroom.results import originality
from minigen.course.exercise import catalog
from minigen.course.exercise.answers import answers_of

EXERCISE = "flow/08/made_masks"
ORIGINAL = '''\
def made_masks(order, hidden, rng=None):
    """Masks."""
    size = len(order)
    before = np.array(order) - 1
    masks = []
    offset = 0.5
    total = np.sum(before) / size
    for width in hidden:
        steps = np.arange(width) % max(1, size - 1)
        mask = np.where(steps[None, :] >= before[:, None] - offset * 0, 1, 0)
        masks.append(mask.astype(float))
        before = np.minimum(steps, total + size)
    last = np.array(order)[None, :] > before[:, None] + 1
    masks.append(last.astype(float))
    return masks
'''
RENAMED = {"size": "n", "before": "old", "masks": "out", "width": "h", "steps": "m", "mask": "w", "last": "final"}
DISGUISES = {
    "list() for []": [("masks = []", "masks = list()")],
    "renamed variables": [],
    "reordered lines": [("    masks = []\n    offset = 0.5\n", "    offset = 0.5\n    masks = []\n")],
    "other comments": [
        ('"""Masks."""', '"""My own."""\n    # begin'),
        ("    last =", "    # the last one\n\n    last ="),
    ],
    "constants in another form": [("0.5", "1 / 2"), (", 1, 0)", ", 1.0, 0e0)"), ("+ 1\n", "+ 2 / 2\n")],
}
INDEPENDENT = """\
def made_masks(order, hidden, rng=None):
    d = len(order)
    degrees = [np.asarray(order)]
    for h in hidden:
        degrees.append(1 + np.arange(h) % (d - 1) if d > 1 else np.ones(h))
    result = [(b[None] >= a[:, None]) * 1.0 for a, b in zip(degrees[:-1], degrees[1:])]
    return result + [(degrees[0][None] > degrees[-1][:, None]) * 1.0]
"""


def names_of(text, name="made_masks"):
    return originality.winnowed(text, name)


def disguised(kind):
    text = ORIGINAL
    for old, new in DISGUISES[kind]:
        assert old in text
        text = text.replace(old, new)
    if kind == "renamed variables":
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                node.id = RENAMED.get(node.id, node.id)
        text = ast.unparse(tree)
    assert text != ORIGINAL
    return text


@pytest.mark.parametrize("kind", DISGUISES)
def test_a_disguise_is_found(kind):
    exercise = catalog.find(EXERCISE)[0]
    answers = {"a": names_of(ORIGINAL), "b": names_of(disguised(kind)), "c": names_of(INDEPENDENT)}
    found = originality.pairs(exercise, answers)
    assert [(pair.first, pair.second) for pair in found] == [("a", "b")]
    assert found[0].score >= 0.9 and found[0].shared >= originality.FEWEST


def test_all_disguises_at_once():
    exercise = catalog.find(EXERCISE)[0]
    text = ORIGINAL
    for kind in DISGUISES:
        for old, new in DISGUISES[kind]:
            text = text.replace(old, new)
    answers = {"a": names_of(ORIGINAL), "b": names_of(text)}
    assert len(originality.pairs(exercise, answers)) == 1


def test_what_everyone_is_given_says_nothing():
    """The last hint typed in, the package's own function, and what much of the class writes."""
    exercise = catalog.find(EXERCISE)[0]
    hint = names_of(originality._last_hint(exercise))
    assert len(hint) > originality.FEWEST
    assert originality.pairs(exercise, {"a": hint, "b": hint}) == []
    crowd = {f"s{i}": names_of(ORIGINAL) for i in range(originality.COMMON_COUNT + 1)}
    assert originality.pairs(exercise, crowd) == []


def test_a_text_without_the_function():
    assert names_of("x = 1") == names_of("def made_masks(:") == []


@pytest.mark.slow
def test_right_answers_of_other_authors_are_not_alike():
    """The variants of each exercise, which were written to be different ways to the same result."""
    for exercise in catalog.all_exercises():
        variants = {str(n): answer for n, answer in enumerate(answers_of(exercise).variants)}
        answers = {n: originality.winnowed(ast.unparse(answer.tree), exercise.name) for n, answer in variants.items()}
        assert originality.pairs(exercise, answers) == [], exercise.id
