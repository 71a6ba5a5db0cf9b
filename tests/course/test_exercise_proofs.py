"""The author's proofs catch an author's slips; mutants are what they say."""

import inspect
import sys
import time
from pathlib import Path

import autograd.numpy as np
import pytest

from minigen.course.exercise import catalog
from minigen.course.exercise.mutate import mutants
from minigen.course.exercise.prove import prove, run

DATA = Path(__file__).with_name("exercise_data")
SOURCE = (DATA / "lessons/gan/90_fake/exercise.py").read_text()


@pytest.fixture(autouse=True)
def fake_package(monkeypatch):
    monkeypatch.syspath_prepend(str(DATA))


@pytest.fixture
def prove_changed(tmp_path, monkeypatch):
    """Prove the first exercise of the fake file after a change of its text."""

    def change(*pairs, seeds=3):
        text = SOURCE
        for old, new in pairs:
            assert old in text
            text = text.replace(old, new, 1)
        path = tmp_path / "gan" / "90_fake" / "exercise.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return prove(catalog.load(path)[0], seeds)

    return change


def test_the_sound_exercise_stands(prove_changed):
    proof = prove_changed(seeds=20)
    assert proof.stands, proof.problems
    assert proof.score >= 0.95 and proof.total > 30
    swap = "(x, mu, logvar) → (mu, x, logvar)"
    assert proof.survivors == [swap, f"through_sigma: {swap}"]


MISTAKE = '@nll.mistake(hint="The constant log 2 pi belongs to it.")'
BATCH = "@nll.case(points=2)\ndef random_batch"
SLIPS = {
    "no literal": (
        [('@nll.case(points=1, expect={"nll": [0.9189385332046727]})', "@nll.case(points=1)")],
        "no case has a literal",
    ),
    "no property": (
        [('property="moving x and mu together changes nothing", expect={"difference": 0.0}', "")],
        "no case has a property",
    ),
    "wrong literal": ([("[0.9189385332046727]", "[0.919]")], "the reference fails at_the_mean"),
    "loose literal": ([("[0.9189385332046727]", "[0.9189382]")], "misses what at_the_mean expects"),
    "wrong variant": ([("sigma = np.exp(0.5 * logvar)", "sigma = np.exp(logvar)")], "the variant through_sigma fails"),
    "rough variant": (
        [("sigma = np.exp(0.5 * logvar)", "sigma = np.exp(0.5000005 * logvar)")],
        "the variant through_sigma",
    ),
    "mistake that is right": (
        [("0.5 * np.sum(logvar + (x - mu) ** 2 / np.exp(logvar), axis=1)", "through_sigma(x, mu, logvar)")],
        "the mistake constant_missing (seed 0) passes",
    ),
    "mistake too near": (
        [
            (
                "0.5 * np.sum(logvar + (x - mu) ** 2 / np.exp(logvar), axis=1)",
                "through_sigma(x, mu, logvar) * (1 + 2e-5)",
            )
        ],
        "misses by",
    ),
    "two mistakes alike": (
        [
            (
                MISTAKE,
                '@nll.mistake(hint="Again.")\ndef again(x, mu, logvar):\n    return constant_missing(x, mu,'
                " logvar)\n\n\n" + MISTAKE,
            )
        ],
        "is taken for",
    ),
    "a case that nothing fails": (
        [(BATCH, '@nll.case()\ndef idle(impl, rng):\n    return {"one": 1.0}\n\n\n' + BATCH)],
        "no mistake fails the case idle",
    ),
    "the answer in the prompt": (
        [
            (
                'minutes=5,\n    prompt=(\n        "Return',
                'minutes=5,\n    prompt=(\n        "Take gap = (x - mu) ** 2 / np.exp(logvar). Return',
            )
        ],
        "the stub shows a line of the answer",
    ),
    "stale equivalent": (
        [("flow = Exercise(", 'nll.equivalent("a → b", reason="none")\nflow = Exercise(')],
        "does not exist",
    ),
    "equivalent that is not": (
        [("flow = Exercise(", 'nll.equivalent("x - mu → x + mu", reason="none")\nflow = Exercise(')],
        "is caught",
    ),
    "weak cases": (
        [
            ('return {"nll": impl(*inputs(rng))}', 'return {"nll": impl(*inputs(rng))[:1] * 0 + 1.0}'),
            ('return {"grad_logvar": grad(lambda v: np.sum(impl(x, mu, v)) + 0.0)(logvar)}', 'return {"one": 1.0}'),
        ],
        "of the mutants are caught",
    ),
    "a driver that needs the literals": (
        [("zero = np.zeros((1, 1))", "zero = np.zeros((1, len(nll.hints) - 2))")],
        "the drivers need something that a worker is not given",
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
    line = f'nll.equivalent("(x, mu, logvar) → (mu, x, logvar)", reason="{reason}")\n'
    proof = prove_changed(("flow = Exercise(", line + "flow = Exercise("))
    assert proof.stands and proof.score == 1.0 and not proof.survivors
    assert run([proof.exercise], 1) == 0
    printed = capsys.readouterr().out
    assert reason in printed and "(100%)" in printed and "1 of 1 exercises stand" in printed


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
                      hints=["a", "b", "c"], seconds=0.2)

        @EX.case(expect={"y": 8.0})
        def cube(impl, rng):
            return {"y": impl(2.0, 3)}
        @EX.case(property="x to the 0 is 1", expect={"y": 1.0})
        def zero(impl, rng):
            return {"y": impl(5.0, 0)}
        @EX.mistake(hint="Begin with 1.")
        def one_more(x, n):
            return x ** (n + 1)
        @EX.variant
        def built_in(x, n):
            return x**n
        """)
    )
    started = time.monotonic()
    proof = prove(catalog.load(path)[0], 2)
    assert time.monotonic() - started < 20
    assert "n - 1 → n + 1" not in proof.survivors
    assert proof.score >= 0.95, proof.survivors
    sys.modules.pop("loopgen", None)
