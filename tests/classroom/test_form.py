"""What form costs where the values are right: an axis of length 1, a letter in a name; the same on every platform."""

import contextlib
import json
import sys
import types
from dataclasses import replace

import autograd.numpy as anp
import numpy as np
import pytest

from minigen.classroom.assignment import AssignedExercise
from minigen.classroom.grade.grader import Grader, row_of
from minigen.classroom.near import nearest, renamed
from minigen.classroom.platforms import nbgrader, remote
from minigen.classroom.platforms.otter import tests_of as cases_of
from minigen.classroom.platforms.score import score
from minigen.course.exercise import catalog, stubs
from minigen.course.exercise.grading import status as S
from minigen.course.exercise.grading.compare import earned
from minigen.course.exercise.grading.grade import grade_file
from minigen.course.exercise.grading.in_process import grade_function
from minigen.course.exercise.grading.submission import Submission

from .conftest import CRITIC, HEAD, MINIMAX, TOML

KEPT = CRITIC.replace("scores)", "scores, keepdims=True)").replace(
    "def critic_loss(real_scores, fake_scores, keepdims=True)", "def critic_loss(real_scores, fake_scores)"
)
KL = """
def kl_standard_normal(mu, logvar):
    return 0.5 * np.sum(mu**2 + np.exp(logvar) - 1 - logvar, axis=1{})
"""


def one(id: str):
    (exercise,) = catalog.find(id)
    return exercise


def submission(text: str) -> Submission:
    return Submission("x.py", HEAD + text)


# ------------------------------------------------------------------------------------------- an axis of length 1


def test_which_cases_earn_their_points():
    """(passes, right values in a wrong form, kind): lost are those for shapes, or else the first."""
    shapes, equation = "shapes", "equation"
    assert earned([(True, False, equation), (False, False, shapes)]) == [True, False]
    assert earned([(False, True, equation), (False, True, shapes), (False, True, shapes)]) == [True, False, False]
    assert earned([(True, False, shapes), (False, True, equation), (False, True, equation)]) == [True, False, True]
    assert earned([(False, False, equation), (False, True, equation)]) == [False, False]


@pytest.mark.parametrize("id", ["gan/12/critic_loss", "vae/08/kl_standard_normal", "gan/01/kl_divergence"])
def test_an_axis_too_many_costs_the_points_for_shapes_only(id):
    """Of the right answer with one axis more, for each exercise; the gradient is taken through it, too."""
    exercise, names = one(id), {}
    exec(stubs.completed(stubs.stub_file([exercise]), {exercise.name: exercise.hints[2]}), names)

    def more(*args, **kwargs):
        return anp.expand_dims(names[exercise.name](*args, **kwargs), -1)

    report = grade_function(exercise, more)
    lost = [verdict.case for verdict in report.verdicts if not verdict.points]
    wanted = [case.name for case in exercise.cases if case.kind == "shapes"] or [exercise.cases[0].name]
    assert report.status == S.WRONG_SHAPE and lost == wanted
    assert all(verdict.form for verdict in report.verdicts)
    assert 0 < report.points < exercise.points


def test_a_wrong_value_in_a_wrong_shape_earns_nothing():
    report = grade_file(one("gan/12/critic_loss"), submission(KEPT.replace("-", "+")))
    assert report.status == S.WRONG_SHAPE
    points = {verdict.case: (verdict.points, verdict.form) for verdict in report.verdicts}
    assert points["by_hand"] == (0, False) and sum(value for value, _ in points.values()) < 4


def test_a_sum_over_the_wrong_axes_is_no_matter_of_form():
    """One number for all examples, or one for each dimension: right where there is one example, and nowhere else."""
    exercise = one("vae/08/kl_standard_normal")
    for axis in ("", ", axis=0"):
        report = grade_function_of(exercise, KL.format("").replace(", axis=1", axis))
        assert report.status == S.WRONG_SHAPE and report.points <= 2 < exercise.points - 6


def grade_function_of(exercise, text: str):
    names: dict = {}
    exec(HEAD + text, names)
    return grade_function(exercise, names[exercise.name])


def test_worker_and_process_agree_on_form():
    exercise = one("vae/08/kl_standard_normal")
    here = grade_function_of(exercise, KL.format(", keepdims=True"))
    there = grade_file(exercise, submission(KL.format(", keepdims=True")))
    rows = [
        [(each.case, each.status, each.points, each.form, each.message) for each in report.verdicts]
        for report in (here, there)
    ]
    assert rows[0] == rows[1] and there.points == exercise.points - exercise.cases[0].points


def points_of_otter(assigned: AssignedExercise, seeds: list[int], names: dict, monkeypatch) -> float:
    """The points of the cases that raise nothing; otter-grader's decorator is replaced by one that keeps them."""
    cases = []
    double = types.ModuleType("otter.test_files")
    double.test_case = lambda **options: lambda function: cases.append((options["points"], function))
    monkeypatch.setitem(sys.modules, "otter", types.ModuleType("otter"))
    monkeypatch.setitem(sys.modules, "otter.test_files", double)
    exec(cases_of(assigned, seeds), {})
    assert sum(points for points, _ in cases) == pytest.approx(assigned.points, abs=1e-9)
    earned = 0.0
    for points, case in cases:
        with contextlib.suppress(AssertionError):
            case(names)
            earned += points
    return earned


@pytest.mark.parametrize("cost", [0.2, 0.15, 0, 1])
@pytest.mark.parametrize("possible", [8, 7, 3.1])
@pytest.mark.parametrize("name", ["critic_loss", "critc_loss"])
def test_all_graders_give_the_same_points_for_form(a_class, quickly, capsys, monkeypatch, possible, cost, name):
    """`minigen grade`, nbgrader's `score`, otter's cases, and Gradescope's document, on the same seeds."""
    form = f"[form]\nname = {cost}\n"
    a_class.write("hw1.toml", TOML.replace("points = 8", f"points = {possible}") + form)
    assigned, seeds = a_class.assignment.exercises[0], [11, 12]
    assert (assigned.points, assigned.name_costs) == (possible, cost)
    kept = KEPT.replace("critic_loss", name)
    row, other = Grader(a_class.assignment, seeds).grade([(submission(kept), "", ()), (submission(MINIMAX), "", ())])
    assert row["status"] == S.WRONG_SHAPE and other["status"] == S.PASS
    names: dict = {"__name__": "__main__"}
    exec(HEAD + kept, names)
    points = score(assigned.id, names, points=assigned.points, seeds=seeds, name_costs=cost)
    otter = points_of_otter(assigned, seeds, names, monkeypatch)
    document = remote.gradescope_results([row, other], "visible", 1.0)
    tests = [test for test in document["tests"] if test["name"].startswith(assigned.id)]
    assert row["points"] == points == pytest.approx(otter, abs=1e-9)
    assert sum(test["score"] for test in tests) == pytest.approx(row["points"], abs=1e-3)
    assert "right values" in capsys.readouterr().out
    assert (points == 0) == (name != "critic_loss" and cost == 1)


def test_a_notebook_practises_on_the_inputs_of_the_assignment(a_class):
    seen: list[float] = []

    def critic_loss(real_scores, fake_scores):
        seen.append(float(np.sum(real_scores) - 2 * np.sum(fake_scores)))
        return np.mean(fake_scores) - np.mean(real_scores)

    inputs = []
    for arguments in ({"practice": 5}, {"seeds": [5], "practice": 5}, {}):
        seen.clear()
        assert score("gan/12/critic_loss", {"critic_loss": critic_loss}, **arguments) > 0
        inputs.append(list(seen))
    assert inputs[0] == inputs[1] != inputs[2]
    book = nbgrader.source_notebook(replace(a_class.assignment, practice_seed=5))
    tests = [cell.source for cell in book.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    assert tests and all(text.endswith(", seeds=graded_on, practice=5)") for text in tests)


def test_a_cell_of_nbgrader_grades_a_misspelled_name(a_class, capsys):
    """As `minigen grade` does, and says so at home; a name from elsewhere, or far off, is not taken."""
    names: dict = {"__name__": "__main__", "critic_losses": len}
    exec(HEAD + CRITIC.replace("critic_loss", "critic_los"), names)
    for arguments in ({}, {"seeds": [5]}):
        assert score("gan/12/critic_loss", names, **arguments) == 6.4
        assert "is called critic_los, not critic_loss" in capsys.readouterr().out.replace("\\_", "_")
    assert score("gan/12/critic_loss", names, name_costs=1.0, seeds=[5]) == 0
    assert score("gan/12/critic_loss", {**names, "critic_loss": None}, seeds=[5]) == 0
    del names["critic_los"]
    capsys.readouterr()
    assert score("gan/12/critic_loss", names) == 0
    assert capsys.readouterr().out == "there is no function critic_loss\n"
    a_class.write("hw1.toml", TOML + "[form]\nname = 0.5\n")
    book = nbgrader.source_notebook(a_class.assignment)
    assert any("points=8, seeds=graded_on, name_costs=0.5)" in cell.source for cell in book.cells)


# ------------------------------------------------------------------------------------------- a letter in a name


def test_which_names_are_near():
    name = "critic_loss"
    near = [
        "critc_loss",
        "critic_los",
        "criitic_loss",
        "critik_loss",
        "cirtic_loss",
        "criticLoss",
        "Critic_Loss",
        "critic_loss_",
    ]
    assert all(nearest(name, [other]) == other for other in near)
    assert not nearest(name, ["critic", "loss", "disc_loss", "critic_loss", "citric_lose", "critic_loss_2", "f", ""])
    assert not nearest("f", ["g"]) and nearest(name, ["loss", "critc_loss"]) == "critc_loss"


def test_a_name_that_the_file_has_is_not_replaced():
    exercise = one("gan/02/discriminator_loss")
    assert renamed(exercise, "def discriminator_los(a, b): pass\n") == "discriminator_los"
    for text in (
        "discriminator_loss = lambda a, b: 0\ndef discriminator_los(a, b): pass\n",
        "import discriminator_loss\n",
    ):
        assert renamed(exercise, text) == ""


def test_a_misspelled_name_is_graded_with_a_deduction(a_class, quickly):
    """A fifth, or what the assignment states: of a pass and of a part, and without running anything again."""
    a_class.hand_in("s001", CRITIC.replace("critic_loss", "criticloss"))
    a_class.hand_in("s002", KEPT.replace("critic_loss", "critic_los"))
    a_class.hand_in("s003", KEPT)
    a_class.grade()
    rows = {id: a_class.document(id)["exercises"][0] for id in ("s001", "s002", "s003")}
    assert (rows["s001"]["status"], rows["s001"]["passed"], rows["s001"]["points"]) == (S.WRONG_NAME, False, 6.4)
    assert rows["s002"]["status"] == S.WRONG_SHAPE and rows["s002"]["renamed"] == "critic_los"
    assert rows["s002"]["points"] == pytest.approx(0.8 * rows["s003"]["points"], abs=0.011)
    shown = (a_class.out / "feedback" / "s001.md").read_text()
    assert "critic\\_loss: 6.4 of 8" in shown and "is called criticloss, not critic\\_loss" in shown
    assert "All cases pass." in shown
    for cost, points in ((1, 0), (0, 8), (0.5, 4)):
        a_class.write("hw1.toml", TOML + f"[form]\nname = {cost}\n")
        assert a_class.grade().kept == 3 and a_class.document("s001")["exercises"][0]["points"] == points


def test_a_misspelled_name_in_a_notebook(a_class, quickly):
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [
        {**cell, "source": text}
        for text in ("import autograd.numpy as np", CRITIC.replace("critic_loss", "criticLoss"))
    ]
    book = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    a_class.write("submissions/s001/hw1.ipynb", json.dumps(book))
    a_class.write("submissions/s002/my notebook.ipynb", json.dumps(book))
    a_class.write("submissions/s003/answers.py", HEAD + CRITIC.replace("critic_loss", "critic_los"))
    a_class.grade()
    assert [a_class.document(id)["exercises"][0]["points"] for id in ("s001", "s002", "s003")] == [6.4, 6.4, 6.4]


def test_gradescope_shows_the_deduction_in_its_cases(a_class):
    assigned = AssignedExercise(one("gan/12/critic_loss"), 8.0)
    report = grade_function(
        assigned.exercise, lambda real_scores, fake_scores: anp.mean(fake_scores) - anp.mean(real_scores)
    )
    row = row_of(assigned, submission(""), "", (), [report], [0], renamed="critc_loss")
    document = remote.gradescope_results([row], "visible", 1.0)
    assert document["score"] == row["points"] == 6.4
    assert sum(test["score"] for test in document["tests"]) == pytest.approx(row["points"])
