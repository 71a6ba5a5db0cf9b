"""`check` and `use` in a notebook: what is noted, what comes next, whose function trains."""

import os
import sys
import types
from pathlib import Path

import autograd.numpy as np
import pytest

from minigen.course import check, use
from minigen.course.console import UsageError
from minigen.course.exercise import substitute
from minigen.course.exercise.progress import Progress, home, lesson_in_words

DATA = Path(__file__).with_name("exercise_data")
NLL = "gan/90/gaussian_nll"


@pytest.fixture(autouse=True)
def evening(monkeypatch, tmp_path):
    monkeypatch.setenv("MINIGEN_LESSONS", f"{DATA / 'lessons'}{os.pathsep}-")
    monkeypatch.syspath_prepend(str(DATA))
    monkeypatch.chdir(tmp_path)
    yield
    substitute.restore()


def gaussian_nll(x, mu, logvar):
    return 0.5 * np.sum(logvar + (x - mu) ** 2 / np.exp(logvar) + np.log(2 * np.pi), axis=1)


def shifted(x, mu, logvar):
    return gaussian_nll(x, mu, logvar) + 100.0


def test_a_pass_is_noted_and_the_next_named(capsys):
    check(NLL, shifted)
    printed = capsys.readouterr().out
    assert f"stuck? run  !minigen exercise hint {NLL}" in printed and "next exercise" not in printed
    record = Progress(Path("exercises")).entries[NLL]
    assert (record["passed"], record["tries"]) == (False, 1)
    check(gaussian_nll)  # known by its name
    printed = capsys.readouterr().out
    assert "pass, 6 of 6 points" in printed and "use(gaussian_nll)" in printed and "stuck" not in printed
    assert f"the package's version: run  !minigen exercise diff {NLL}  in a cell" in printed
    assert "next exercise: gan/90/scale_and_shift (minigen exercise start gan/90)" in printed
    record = Progress(Path("exercises")).entries[NLL]
    assert (record["passed"], record["tries"]) == (True, 2)
    assert lesson_in_words("gan/90") == "1/2 exercises passed"


def test_an_answer_that_calls_one_that_does_not_pass(capsys, monkeypatch):
    names = {"np": np, "gaussian_nll": shifted}
    exec("def scale_and_shift(x, s, t):\n    return x + t, gaussian_nll(x, s, t)", names)
    words = "this calls your gaussian_nll, which does not pass yet: mend gan/90/gaussian_nll first"
    check(names["scale_and_shift"])
    assert words in capsys.readouterr().out
    names["gaussian_nll"] = gaussian_nll
    check(names["scale_and_shift"])
    assert words not in capsys.readouterr().out


def test_a_notebook_among_notebooks_notes_beside_them(monkeypatch, tmp_path):
    Path("notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    check(NLL, gaussian_nll)
    assert Progress(tmp_path / "exercises").entries[NLL]["passed"] and not Path("exercises").exists()
    assert lesson_in_words("gan/90") == "1/2 exercises passed"
    Path("exercises").mkdir()
    assert home() == Path("exercises")


def test_a_folder_that_cannot_be_written_is_said(capsys):
    Path("exercises").write_text("in the way")
    check(NLL, gaussian_nll)
    printed = capsys.readouterr()
    assert "pass," in printed.out and "cannot be saved" in printed.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((3,), 'say what to check: check("gan/02/discriminator_loss", my_function), got int'),
        ((None,), "got NoneType"),
        ((np.zeros(3),), "got ndarray"),
        ((NLL + "x",), "there is no exercise"),
        ((lambda x: x,), "there is no exercise"),
        (("gan/90", shifted), "has several exercises"),
    ],
)
def test_check_says_what_it_wants(arguments, words):
    with pytest.raises(UsageError) as error:
        check(*arguments)
    assert words in str(error.value) and not Path("exercises").exists()


def test_a_result_in_place_of_a_function(capsys):
    check(NLL, gaussian_nll(np.zeros((1, 1)), 0.0, np.zeros((1, 1))))
    assert "given without calling it" in capsys.readouterr().out


def test_training_with_ones_own_function(capsys):
    import fakegen
    from fakegen import densities

    original = densities.gaussian_nll
    x = np.zeros((4, 2))
    use(shifted, exercise=NLL)
    assert f"it has not passed yet: check({NLL!r}, shifted)" in capsys.readouterr().out
    assert densities.total(x, x, x) == pytest.approx(np.log(2 * np.pi) + 100)
    assert fakegen.gaussian_nll(x, x, x)[0] > 100
    use(gaussian_nll)  # in the place of the first
    assert densities.total(x, x, x) == pytest.approx(np.log(2 * np.pi))
    gaussian_nll(x, x, x)  # a call from her own cells counts, too
    use()
    assert "your gaussian_nll was called 2 times" in capsys.readouterr().out
    assert fakegen.gaussian_nll is densities.gaussian_nll is densities.TABLE["nll"] is original
    assert not hasattr(gaussian_nll, "student")
    use()
    assert "no function of yours is in use" in capsys.readouterr().out


def test_a_function_in_use_is_checked_against_the_package(capsys):
    from fakegen import densities

    use(shifted, exercise=NLL)
    check(NLL, shifted)
    check(NLL, densities.gaussian_nll)  # hers, under the package's name
    printed = capsys.readouterr().out
    assert printed.count("wrong value") >= 2 and "pass, 6 of 6" not in printed
    x = np.zeros((1, 1))
    assert densities.gaussian_nll(x, x, x)[0] > 100  # still in use


def test_what_a_notebook_has_bound_anew_stays(monkeypatch):
    from fakegen import densities

    notebook = types.ModuleType("__main__")
    notebook.gaussian_nll = densities.gaussian_nll
    monkeypatch.setitem(sys.modules, "__main__", notebook)
    original = densities.gaussian_nll
    use(gaussian_nll)
    assert notebook.gaussian_nll is densities.gaussian_nll is not original
    notebook.gaussian_nll = shifted
    use()
    assert notebook.gaussian_nll is shifted and densities.gaussian_nll is original


@pytest.mark.parametrize(
    ("functions", "options", "words"),
    [
        ((3,), {}, "use takes functions, use(my_function), got int"),
        ((shifted,), {}, "there is no exercise 'shifted'"),
        ((shifted, gaussian_nll), {"exercise": NLL}, "goes with one function, got 2"),
        ((shifted,), {"exercise": "gan/90"}, "has several exercises"),
    ],
)
def test_use_says_what_it_wants(functions, options, words):
    with pytest.raises(UsageError) as error:
        use(*functions, **options)
    assert words in str(error.value) and not substitute.calls()


def test_the_packages_own_function_is_not_hers():
    from fakegen.densities import gaussian_nll as theirs

    with pytest.raises(UsageError, match="the package's own function"):
        use(theirs)


def test_what_is_trained_with_her_function_is_kept_apart():
    assert substitute.fingerprint() == ""
    use(gaussian_nll)
    one = substitute.fingerprint()
    use(shifted, exercise=NLL)
    assert len({"", one, substitute.fingerprint()}) == 3
    use()
    assert substitute.fingerprint() == ""
