"""The author's proofs catch an author's slips; mutants are what they say."""

import ast
import inspect
import sys
import time
from collections import Counter
from pathlib import Path

import autograd.numpy as np
import numpy
import pytest

from minigen.course.exercise import catalog
from minigen.course.exercise import prove as proofs
from minigen.course.exercise.answers import EditError, answers_of, edited, entries
from minigen.course.exercise.clauses import first_clause
from minigen.course.exercise.format import AuthorError
from minigen.course.exercise.grading.changes import wrapped
from minigen.course.exercise.grading.compare import compare_all
from minigen.course.exercise.grading.reference import references
from minigen.course.exercise.mutants import mutants
from minigen.course.exercise.prove import prove, run

DATA = Path(__file__).with_name("exercise_data")
LESSON = DATA / "lessons/gan/90_fake"


@pytest.fixture(autouse=True)
def fake_package(monkeypatch):
    monkeypatch.syspath_prepend(str(DATA))


@pytest.fixture
def prove_changed(tmp_path):
    """Prove the first exercise of the fake lesson after a change of the text of one of its files."""

    def change(*pairs, seeds=3):
        texts = {name: (LESSON / name).read_text() for name in ("exercise.py", "answers.py")}
        for old, new in pairs:
            name = next(name for name, text in texts.items() if old in text)
            texts[name] = texts[name].replace(old, new, 1)
        folder = tmp_path / "gan" / "90_fake"
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text)
        return prove(catalog.load(folder / "exercise.py")[0], seeds)

    return change


SWAP = "(x, mu, logvar) → (mu, x, logvar)"


def test_the_sound_exercise_stands(prove_changed):
    proof = prove_changed(seeds=20)
    assert proof.stands, proof.problems
    assert proof.score >= 0.95 and proof.total > 30 and (proof.mistakes, proof.variants) == (4, 2)
    assert proof.survivors == [SWAP, f"through sigma: {SWAP}", f"hint three: {SWAP}"]


@pytest.mark.parametrize(
    ("note", "clause"),
    [
        ("sigmoid of a large logit rounds to 1: write log(1 + exp(l)).", "sigmoid of a large logit rounds to 1."),
        ("The noise is added; here it replaces x.", "The noise is added; here it replaces x."),
        ("The noise is added; here it is not: x + z.", "The noise is added; here it is not."),
        ("The step is not exact. Differentiate instead.", "The step is not exact."),
        ("y runs from -1 ... 1 here", "y runs from -1 ... 1 here"),
        ("The slice a[1:, 2: ] is too short: begin at 0.", "The slice a[1:, 2: ] is too short."),
        ("Multiply by 0.5, e.g. at t = 1.5.", "Multiply by 0.5, e.g. at t = 1.5."),
        ("One clause.", "One clause."),
    ],
)
def test_a_report_shows_the_first_clause_of_a_hint(note, clause):
    assert first_clause(note) == clause


def test_only_a_case_that_draws_nothing_is_run_once(monkeypatch):
    exercise = catalog.load(LESSON / "exercise.py")[0]
    ran = Counter()
    observe_case = proofs.observe_case

    def counted(exercise, function, seed, number, row):
        ran[exercise.cases[number].name] += 1
        return observe_case(exercise, function, seed, number, row)

    monkeypatch.setattr(proofs, "observe_case", counted)
    wanted = [references(exercise, seed) for seed in range(5)]
    outcomes = list(proofs._on_seeds(exercise, exercise.reference, wanted, proofs.drawing_nothing(exercise)))
    assert ran == {"at_the_mean": 1, "random_batch": 5, "shift": 5, "gradient": 5}
    for got, rows in zip(outcomes, wanted, strict=True):
        assert all(verdict.passed for verdict in compare_all(exercise.cases, got, [row.outcome for row in rows]))


CONSTANT = "+ np.log(2 * np.pi) -> + 0  # The constant log 2 pi belongs to it."
SIGMA = "sigma = np.exp(0.5 * logvar)"
RIGHT = "return 0.5 * np.sum(logvar + (x - mu) ** 2 / np.exp(logvar) + np.log(2 * np.pi), axis=1)"
BATCH = '@nll.case(points=2, kind="equation")\ndef random_batch'
SLIPS = {
    "no literal": (
        [(', expect={"nll": [0.9189385332046727]}', "")],
        "no case has a literal",
    ),
    "no property": ([("property=True, ", "")], "no case has a property"),
    "wrong literal": ([("[0.9189385332046727]", "[0.919]")], "the reference fails at_the_mean"),
    "loose literal": ([("[0.9189385332046727]", "[0.9189382]")], "misses what at_the_mean expects"),
    "wrong variant": ([(SIGMA, "sigma = np.exp(logvar)")], "the variant sigma = np.exp(logvar)"),
    "rough variant": ([(SIGMA, "sigma = np.exp(0.5000005 * logvar)")], "fails random_batch (seed 0): pass, off by"),
    "wrong hint": ([("squares = (x - mu) ** 2", "squares = (x - mu) ** 3")], "the variant squares = (x - mu) ** 3"),
    "hint that is no code": ([("squares = (x - mu) ** 2", "the squares of x - mu")], "SyntaxError"),
    "mistake that is right": ([(CONSTANT, f"{RIGHT}  # Right.")], "(seed 0) passes"),
    "mistake too near": ([(CONSTANT, "np.pi -> np.pi * (1 + 4e-5)  # Near.")], "misses by"),
    "two mistakes alike": ([(CONSTANT, f"{CONSTANT}\n    log(2 * np.pi) -> exp(-np.inf)  # Again.")], "is taken for"),
    "a hint without a verb": (
        [(CONSTANT, CONSTANT.replace("The constant log 2 pi belongs to it", "Without log 2 pi"))],
        "without a verb",
    ),
    "two hints that begin alike": (
        [
            (
                CONSTANT,
                CONSTANT.replace("The constant log 2 pi belongs to it.", "Sum over the features: add log 2 pi."),
            ),
            ("Sum over the features, do not average.", "sum over the features: do not average."),
        ],
        "begin with the same clause",
    ),
    "an edit that is not there": ([(CONSTANT, "np.log(3) -> 0  # No.")], "'np.log(3)' occurs 0 times in the reference"),
    "an edit of two places": ([(CONSTANT, "np -> numpy  # No.")], "'np' occurs 4 times in the reference"),
    "an edit of nonsense": ([(CONSTANT, "np.log(2 -> np.log((2  # No.")], "this gives no function"),
    "a mistake without a hint": ([(CONSTANT, "# What?")], "an entry needs code and a comment"),
    "answers to nothing": ([('"scale_and_shift": "return', '"scale": "return')], "has an entry for scale"),
    "a case that nothing fails": (
        [(BATCH, '@nll.case(kind="shapes")\ndef idle(impl, rng):\n    return {"one": 1.0}\n\n\n' + BATCH)],
        "no mistake fails the case idle",
    ),
    "the answer in the prompt": (
        [(r"    Return $-\log N", r"    Take `gap = (x - mu) ** 2 / np.exp(logvar)`. Return $-\log N")],
        "the stub shows a line of the answer",
    ),
    "stale equivalent": (
        [("VARIANTS = {", 'EQUIVALENT = {"gaussian_nll": "a → b  # none"}\nVARIANTS = {')],
        "not exist",
    ),
    "equivalent that is not": (
        [("VARIANTS = {", 'EQUIVALENT = {"gaussian_nll": "x - mu → x + mu  # none"}\nVARIANTS = {')],
        "is caught",
    ),
    "weak cases": (
        [
            ('return {"nll": impl(*inputs(rng))}', 'return {"nll": impl(*inputs(rng))[:1] * 0 + 1.0}'),
            ('return {"grad_logvar": grad(lambda v: np.sum(impl(x, mu, v)) + 0.0)(logvar)}', 'return {"one": 1.0}'),
        ],
        "of the mutants are caught",
    ),
    "a driver that needs the exercise": (
        [("zero = np.zeros((1, 1))", "zero = np.zeros((1, len(nll.hints) - 2))")],
        "the drivers need something that a worker is not given",
    ),
    "a fixed case that does not say so": (
        [('kind="equation", fixed=True, expect', 'kind="equation", expect')],
        "a table of what `check` shows passes at_the_mean on a secret seed: it must be fixed=True",
    ),
    "a case that is not fixed": (
        [(BATCH, BATCH.replace('kind="equation"', 'kind="equation", fixed=True'))],
        "random_batch is fixed=True, and no table of what `check` shows passes it",
    ),
    "target that is not there": ([("fakegen.densities:gaussian_nll", "fakegen.densities:gaussian")], "AttributeError"),
}


@pytest.mark.parametrize("name", SLIPS)
def test_an_authors_slip_is_found(prove_changed, name):
    changes, expected = SLIPS[name]
    proof = prove_changed(*changes)
    assert not proof.stands
    assert any(expected in problem for problem in proof.problems), proof.problems


def test_an_equivalent_mutant_is_listed_with_its_reason(prove_changed, capsys):
    reason = "the density is symmetric in x and mu"
    table = f'EQUIVALENT = {{"gaussian_nll": "{SWAP}  # {reason}"}}\n'
    proof = prove_changed(("VARIANTS = {", table + "VARIANTS = {"))
    assert proof.stands and proof.score == 1.0 and not proof.survivors
    assert run([proof.exercise], 1) == 0
    printed = capsys.readouterr().out
    assert reason in printed and "(100%)" in printed and "1 of 1 exercise is sound" in printed


# ------------------------------------------------------------------------------------------- edits

SOURCE = """\
def f(x, mu, axis=1):
    \"\"\"x - mu\"\"\"
    gap = np.sum(
        x - mu,  # a comment
        axis=axis,
    )
    return gap ** 2, gap
"""


@pytest.mark.parametrize(
    ("code", "body"),
    [
        ("x - mu -> mu - x", "gap = np.sum(mu - x, axis=axis)"),
        ("x-mu, axis=axis -> x, axis=0", "gap = np.sum(x, axis=0)"),
        ("gap ** 2, gap -> gap, gap ** 2", "return (gap, gap ** 2)"),
        ("x -> mu\nmu -> x", "gap = np.sum(mu - x, axis=axis)"),
        ("gap ** 2 ->\n    gap ** 3", "return (gap ** 3, gap)"),
        ("gap -> g (everywhere)", "g = np.sum(x - mu, axis=axis)"),
        ("if axis:\n    x = 2 * x\nreturn x", "return x"),
    ],
)
def test_edits(code, body):
    tree = edited(SOURCE, code)
    assert body in ast.unparse(tree) and ast.get_docstring(tree) in ("x - mu", None)


@pytest.mark.parametrize("code", ["gap -> 1", "ga -> 1", "x - mu -> 1\nmu -> 2", "gap  -> "])
def test_edits_that_do_not_apply(code):
    with pytest.raises(EditError, match="occurs|overlap"):
        edited(SOURCE, code)


def test_a_new_body_has_the_np_of_a_student():
    """Whatever the reference's module calls `np`: here it is NumPy, which has no gradients."""
    (exercise,) = catalog.find("start/01/bce_with_logits")
    assert exercise.reference.__globals__["np"] is numpy
    answers = answers_of(exercise)
    bodies = [answer for answer in (*answers.mistakes, *answers.variants) if " -> " not in answer.code]
    assert len(bodies) > 20 and all(answer.function.__globals__["np"] is np for answer in bodies)


def test_entries_of_a_text():
    text = """
    # A hint in
    # two lines.
    a -> b
    c -> d
    e -> f  # Short.
    # Body.
    if x:
        return 1
    return 2
    """
    assert entries(text) == [
        ("a -> b\nc -> d", "A hint in two lines."),
        ("e -> f", "Short."),
        ("if x:\n    return 1\nreturn 2", "Body."),
    ]
    for bad in ("a -> b  # One.\nc -> d", "# Only words.", "a -> b"):
        with pytest.raises(AuthorError, match="code and a comment"):
            entries(bad)


# ------------------------------------------------------------------------------------------- mutants


def equation(x, mu, axis=0):
    """Docstring: 1 + 2."""
    if x.ndim != 2:
        raise ValueError(f"x must have {2} axes")
    assert axis >= 0
    print(1 + 2)
    y = np.sqrt(x - mu) * 2.0
    if y.shape[0] > 1:
        y = -y
    return np.mean(y, axis=1), y[:1] ** 2


def test_mutants_change_one_thing_each():
    found = {mutant.name: mutant.kind for mutant in mutants(equation)}
    expected = {
        "x - mu → x + mu": "operator",
        "x - mu → x": "dropped",
        "x - mu → -mu": "dropped",
        "np.sqrt(x - mu) * 2.0 → np.sqrt(x - mu) / 2.0": "operator",
        "np.sqrt(x - mu) * 2.0 → np.sqrt(x - mu)": "dropped",
        "np.sqrt(x - mu) → x - mu": "function dropped",
        "np.sqrt(x - mu) * 2.0 → np.sqrt(x - mu) * 3.0": "constant",
        "np.sqrt(x - mu) * 2.0 → np.sqrt(x - mu) * 4.0": "constant",
        "-y → y": "sign",
        "np.mean(y, axis=1) → np.sum(y, axis=1)": "reduction",
        "np.mean(y, axis=1) → np.mean(y, axis=0)": "axis",
        "np.mean(y, axis=1) → np.mean(y, axis=None)": "axis",
        "y[:1] ** 2 → y[:1]": "dropped",
        "y[:1] → y[1:]": "slice",
        "(x, mu, axis=0) → (mu, x, axis=0)": "order of arguments",
        "y.shape[0] > 1 → y.shape[0] >= 1": "comparison",
    }
    for name, kind in expected.items():
        assert found.get(name) == kind, (name, sorted(found))
    assert any(kind == "order of results" for kind in found.values())
    text = " ".join(found)
    assert "ValueError" not in text and "print" not in text and "assert" not in text and "ndim" not in text


def test_mutants_are_functions_of_the_same_module():
    x = np.array([[5.0, 8.0]])
    by_name = {mutant.name: mutant.function for mutant in mutants(equation)}
    assert equation(x, 4.0)[0] == pytest.approx(3.0)
    assert by_name["x - mu → x + mu"](x, 4.0)[0] == pytest.approx(3.0 + np.sqrt(12.0))
    assert by_name["np.mean(y, axis=1) → np.sum(y, axis=1)"](x, 4.0)[0] == pytest.approx(6.0)


def test_methods_and_closures():
    from fakegen.densities import Doubler

    names = [mutant.name for mutant in mutants(Doubler.forward)]
    assert "self.factor * x → self.factor / x" in names
    outer = 3.0
    with pytest.raises(ValueError, match="without a closure"):
        mutants(lambda x: outer * x)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(__import__("signal"), "setitimer"), reason="there is no timer on this system")
def test_a_mutant_that_never_ends_is_caught(tmp_path, monkeypatch):
    """Counting down by 1 becomes counting up, for ever."""
    package = tmp_path / "loopgen.py"
    package.write_text(
        "def power(x, n):\n    y = 1.0\n    while n > 0:\n        y = y * x\n        n = n - 1\n    return y\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / "gan" / "91_loop" / "exercise.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        inspect.cleandoc("""
        from minigen.course.exercise.format import Exercise
        EX = Exercise("gan/91/power", target="loopgen:power", minutes=1, prompt="x to the n.",
                      hints=["a", "b", "return x**n"], seconds=0.2)

        @EX.case(kind="equation", expect={"y": 8.0})
        def cube(impl, rng):
            return {"y": impl(2.0, 3)}
        @EX.case(kind="equation", property=True, expect={"y": 1.0})
        def zero(impl, rng):
            "x to the 0 is 1."
            return {"y": impl(5.0, 0)}
        """)
    )
    answers = 'MISTAKES = {"power": "return x ** (n + 1)  # Begin with 1."}\n'
    path.with_name("answers.py").write_text(answers + 'VARIANTS = {"power": "return x**n  # built in"}\n')
    started = time.monotonic()
    proof = prove(catalog.load(path)[0], 2)
    assert time.monotonic() - started < 600, "a mutant that does not end is not waited for"
    assert "n - 1 → n + 1" not in proof.survivors
    assert proof.score >= 0.95, proof.survivors
    sys.modules.pop("loopgen", None)


def test_a_bound_below_leaves_whole_numbers_whole():
    """Else each answer that returns floats in the place of integers would be taken for a bounded one."""

    def steps(n):
        return np.arange(n) - 2

    bounded = next(mutant for mutant in wrapped(steps) if mutant.kind == "result")
    assert bounded.function(4).dtype.kind == "i" and bounded.function(4).tolist() == [0, 0, 0, 1]
