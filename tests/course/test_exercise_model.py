"""The data model, finding exercises, stubs, and what a worker is given."""

import os
import textwrap
from pathlib import Path

import numpy as np
import pytest

from minigen.course.console import UsageError
from minigen.course.exercise import catalog, stubs
from minigen.course.exercise.format import KINDS, AuthorError, Exercise, resolve_target
from minigen.course.exercise.grading.drivers import drivers_of, load_drivers

DATA = Path(__file__).with_name("exercise_data")
GOOD = {"id": "gan/90/f", "target": "math:sqrt", "minutes": 1, "prompt": "Do.", "hints": ["a", "b", "c"]}


@pytest.fixture(autouse=True)
def fake_lessons(monkeypatch):
    monkeypatch.setenv("MINIGEN_LESSONS", f"{DATA / 'lessons'}{os.pathsep}-")
    monkeypatch.syspath_prepend(str(DATA))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "f"}, "family/NN/function"),
        ({"id": "gan/90/f g"}, "family/NN/function"),
        ({"target": "math.sqrt"}, "package.module:function"),
        ({"hints": ["a", "b"]}, "hints must be three"),
        ({"prompt": " "}, "prompt is empty"),
        ({"minutes": 0}, "minutes"),
        ({"rtol": -1.0}, "tolerances"),
    ],
)
def test_an_exercise_says_what_is_wrong_with_it(change, message):
    with pytest.raises(ValueError, match=message):
        Exercise(**{**GOOD, **change})


def test_cases_are_registered():
    exercise = Exercise(**GOOD)
    with pytest.raises(ValueError, match="points must be at least 1"):
        exercise.case(points=0, kind="equation")

    @exercise.case(points=2, kind="equation", expect={"y": 1.0}, rtol=1e-3)
    def one(impl, rng):
        """The root of one,
        which is one."""
        return {"y": impl(1.0)}

    assert one.__name__ == "one"  # decorated functions stay what they are
    case = exercise.cases[0]
    assert (case.name, case.points, case.rtol, case.atol) == ("one", 2, 1e-3, 1e-9)
    assert exercise.points == 2 and case.about == "The root of one, which is one."
    with pytest.raises(ValueError, match="two cases named 'one'"):
        exercise.case(kind="shapes")(one)
    with pytest.raises(ValueError, match="must name its property"):
        exercise.case(kind="equation", property=True)(lambda impl, rng: {})


def test_a_case_has_one_of_four_kinds():
    exercise = Exercise(**GOOD)
    for kind, wanted in [
        ({}, "got ''"),
        ({"kind": "dtype"}, "one of equation, shapes, extremes, gradient, got 'dtype'"),
    ]:
        with pytest.raises(AuthorError, match=wanted):
            exercise.case(points=1, **kind)
    exercise.case(points=3, kind="equation")(lambda impl, rng: {})
    exercise.case(points=2, kind="gradient")(test_a_case_has_one_of_four_kinds)
    assert [exercise.points_of(kind) for kind in KINDS] == [3, 0, 0, 2]


def test_hints_are_three_paragraphs():
    text = """
    The idea
    in two lines.

    The equation.

        y = x

        return y
    """
    hints = Exercise(**{**GOOD, "hints": text}).hints
    assert hints == ["The idea in two lines.", "The equation.", "y = x\n\nreturn y"]


def test_targets_are_functions_and_methods():
    owner, name, function = resolve_target("fakegen.densities:Doubler.forward")
    assert (owner.__name__, name) == ("Doubler", "forward") and callable(function)
    assert resolve_target("math:sqrt")[2](4.0) == 2.0
    with pytest.raises(ValueError, match="a target is written"):
        resolve_target("math")


@pytest.mark.parametrize("text", ["gan/90", "gan/fake", "gan/90_fake", "gan-90-fake", "GAN/90"])
def test_a_lesson_has_many_names(text):
    assert [exercise.id for exercise in catalog.find(text)] == ["gan/90/gaussian_nll", "gan/90/scale_and_shift"]


@pytest.mark.parametrize("text", ["gan/90/scale_and_shift", "gan/fake/scale_and_shift", "scale_and_shift"])
def test_an_exercise_has_three_names(text):
    assert [exercise.id for exercise in catalog.find(text)] == ["gan/90/scale_and_shift"]


@pytest.mark.parametrize(
    ("text", "near"), [("gan/90/gausian_nll", "gan/90/gaussian_nll"), ("gan/91", "gan/90"), ("zzz", "list")]
)
def test_an_unknown_exercise_gets_near_names(text, near):
    with pytest.raises(UsageError, match=near):
        catalog.find(text)


def test_an_exercise_in_the_wrong_folder_is_the_authors_error(tmp_path, monkeypatch):
    path = tmp_path / "gan" / "91_other" / "exercise.py"
    path.parent.mkdir(parents=True)
    path.write_text((DATA / "lessons/gan/90_fake/exercise.py").read_text())
    with pytest.raises(catalog.AuthorError, match="belongs to another folder"):
        catalog.load(path)
    path.write_text("x = 1\n")
    with pytest.raises(catalog.AuthorError, match="defines no Exercise"):
        catalog.load(path)
    path.write_text("x = \n")
    with pytest.raises(catalog.AuthorError, match="SyntaxError"):
        catalog.load(path)


def test_a_stub_has_signature_and_prompt_and_raises():
    exercise = catalog.find("gaussian_nll")[0]
    text = stubs.stub_file([exercise])
    namespace = {}
    exec(text, namespace)
    with pytest.raises(NotImplementedError):
        namespace["gaussian_nll"](1, 2, 3)
    assert "def gaussian_nll(x, mu, logvar):" in text and "summed over its features" in text
    assert text.startswith("# minigen exercise gan/90")
    assert stubs.is_stub(text, "gaussian_nll") is True
    assert all(len(line) <= 100 for line in text.splitlines())


def test_stubs_are_told_from_answers():
    source = textwrap.dedent(
        """
        import math
        from math import sqrt as root
        def a(x):
            "Prompt."
            raise NotImplementedError
        def b(x):
            "Prompt."
            if x < 0:
                raise NotImplementedError
            return x
        def c(x): raise ValueError("no")
        d = lambda x: x
        """
    )
    assert [stubs.is_stub(source, name) for name in ("a", "b", "c", "d", "root", "e")] == [True, *[False] * 4, None]


def test_functions_are_found_and_replaced_in_a_file():
    source = "import math\n\n\n@staticmethod\ndef a(x):\n    return 1\n\n\ndef b(x):\n    return 2\n"
    assert stubs.function_source(source, "a") == "@staticmethod\ndef a(x):\n    return 1"
    replaced = stubs.replace_function(source, "a", "def a(x):\n    pass\n")
    assert replaced == "import math\n\n\ndef a(x):\n    pass\n\n\ndef b(x):\n    return 2\n"
    assert stubs.replace_function(source, "c", "def c(): pass\n").endswith("return 2\n\n\ndef c(): pass\n")


def test_drivers_run_without_the_rest_of_the_file():
    exercise = catalog.find("gaussian_nll")[0]
    names = [case.name for case in exercise.cases]
    drivers = load_drivers(drivers_of(exercise), str(exercise.path), names)
    result = drivers[1](lambda x, mu, logvar: (x + mu)[:, 0], np.random.default_rng(0))
    assert drivers[1].__name__ == "random_batch" and result["nll"].shape == (5,)
    space = drivers[1].__globals__
    assert {"np", "inputs", "grad", *names} <= set(space), "what they use"
    assert not {"nll", "flow", "Exercise", "by_hand", "batch"} & set(space), "no exercise, and no driver of another"


def test_code_is_typed_into_stubs():
    exercises = catalog.find("gan/90")
    text = stubs.completed(stubs.stub_file(exercises), {"gaussian_nll": exercises[0].hints[2]})
    assert stubs.is_stub(text, "gaussian_nll") is False and stubs.is_stub(text, "scale_and_shift") is True
    assert "    squares = (x - mu) ** 2 / np.exp(logvar)\n    return" in text
    with pytest.raises(ValueError, match="no function other"):
        stubs.completed(text, {"other": "return 1"})


def test_np_is_autograds_in_every_stub():
    """The imports come in one order, whatever an author lists: nothing stands over autograd's np."""
    exercise = Exercise(
        **{**GOOD, "target": "fakegen.densities:total", "imports": ["import numpy as np", "from math import pi"]}
    )
    text = stubs.stub_file([exercise])
    names: dict = {}
    exec(text[: text.index("def ")], names)
    assert names["np"].__name__ == "autograd.numpy" and names["pi"] > 3
