"""A report has one JSON form, to which a gradebook and a page add what they need; one function decides incidents."""

import json
from types import SimpleNamespace

import pytest

from minigen.classroom.grade import grader
from minigen.classroom.schemas import schema
from minigen.course.book.browser import page_worker
from minigen.course.commands.exercise.check import _document
from minigen.course.exercise import catalog
from minigen.course.exercise.grading import status as S
from minigen.course.exercise.grading.grade import grade_file
from minigen.course.exercise.grading.in_process import grade_function, grade_source
from minigen.course.exercise.grading.outcome import CaseOutcome, with_incident
from minigen.course.exercise.grading.report import render
from minigen.course.exercise.grading.submission import Submission

jsonschema = pytest.importorskip("jsonschema", reason="the documents are checked by jsonschema")
HEAD = "import autograd.numpy as np\n\n\ndef critic_loss(real_scores, fake_scores):\n"
ANSWERS = {
    "right": f"{HEAD}    return np.mean(fake_scores) - np.mean(real_scores)\n",
    "wrong": f"{HEAD}    return np.mean(real_scores) - np.mean(fake_scores)\n",
    "infinite": f"{HEAD}    return np.inf * np.mean(real_scores)\n",
    "complex": f"{HEAD}    return 1j * np.mean(real_scores)\n",
    "no Python": "def critic_loss(:\n",
}


@pytest.fixture
def critic():
    return catalog.find("gan/12/critic_loss")[0]


@pytest.fixture(params=ANSWERS)
def report(request, critic):
    report = grade_source(critic, Submission("gan_12.py", ANSWERS[request.param]))
    if request.param == "no Python":
        report = grade_source(critic, ANSWERS[request.param])
    assert report.passed == (request.param == "right")
    return report


def test_the_points_of_each_kind(report):
    document = report.to_json()
    assert document["points"] == sum(of["points"] for of in document["kinds"].values())
    assert [of["possible"] for of in document["kinds"].values()] == [5, 0, 1, 2]
    for case, row in zip(report.exercise.cases, document["cases"], strict=True):
        assert row["kind"] == case.kind


def test_a_report_shows_a_bar_for_each_kind(critic):
    right = grade_source(critic, Submission("gan_12.py", ANSWERS["right"]))
    assert "  equation  #####  5/5\n  extremes  #      1/1\n  gradient  ##     2/2" in render(right)
    source = ANSWERS["right"].replace("np.mean(fake_scores)", "getval(np.mean(fake_scores))")
    constant = grade_source(critic, Submission("gan_12.py", f"from autograd.tracer import getval\n{source}"))
    assert "  equation  #####  5/5\n  extremes  #      1/1\n  gradient  --     0/2" in render(constant)
    assert "equation" not in render(grade_source(critic, ANSWERS["no Python"])), "one reason for all is said once"


def test_the_check_command_prints_it(report):
    document = json.loads(json.dumps(_document([report], seed=0)))
    jsonschema.validate(document, schema("check"))
    assert document["exercises"] == [{**report.to_json(), "sha256": ""}]


def half_of(cases, renamed=False):
    return sum(case["points"] for case in cases) / 2


def test_a_gradebook_adds_to_it(report):
    asked = SimpleNamespace(id="mine", points=4.0, exercise=report.exercise, scaled=half_of)
    row = grader.row_of(asked, Submission(report.file), "", ["late"], [report], [11])
    document = report.to_json()
    assert row.keys() - document.keys() == {"seed", "sha256", "public", "reaches", "raw", "renamed"}
    assert not document.keys() - row.keys()
    assert [{**case, "public": shown["public"]} for case, shown in zip(document["cases"], row["cases"])] == row["cases"]
    changed = {key for key in document if key != "cases" and row[key] != document[key]}
    assert {"id", "possible", "notes"} <= changed <= {"id", "possible", "notes", "points", "message"}
    assert row["points"] == report.points / 2 and row["notes"] == ["late"]


def test_a_page_adds_to_it(report):
    shown, document = page_worker.described(report), report.to_json()
    assert shown.keys() - document.keys() == {"words", "about", "printed"} and not document.keys() - shown.keys()
    assert all(shown[key] == document[key] for key in document if key != "cases")
    for case, row in zip(shown["cases"], document["cases"], strict=bool(shown["cases"])):
        assert case == {**row, **{key: case[key] for key in ("name", "words", "about", "lines")}}
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown


# ------------------------------------------------------------------------------------------- incidents

FIRST, SECOND = (S.PACKAGE_ANSWER, "calls the reference"), (S.INPUT, "asks for input")


def test_the_first_incident_decides_and_is_used_up():
    incidents = [FIRST, SECOND]
    outcome = with_incident(CaseOutcome(S.PASS, line=7, text="x = 1", values={"a": 1}), incidents)
    assert outcome == CaseOutcome(*FIRST, 7, "x = 1") and incidents == []
    right = CaseOutcome(S.PASS)
    assert with_incident(right, incidents) is right


def test_an_exception_that_was_not_swallowed_keeps_its_own_words():
    raised = CaseOutcome(S.PACKAGE_ANSWER, "its own words", 3, "critic_loss(a, b)")
    assert with_incident(raised, [FIRST]) is raised
    assert with_incident(CaseOutcome(S.RAISED, "later", 4, "1 / 0"), [FIRST]) == CaseOutcome(*FIRST, 4, "1 / 0")


SWALLOWED = """\
from minigen.gan import wgan


def critic_loss(real_scores, fake_scores):
    if np.ndim(real_scores) == 1 and len(real_scores) == 2:
        try:
            wgan.critic_loss(real_scores, fake_scores)
        except BaseException:
            pass
    return np.mean(fake_scores) - np.mean(real_scores)
"""


def test_the_three_graders_decide_alike(critic):
    """A call of the reference whose exception is swallowed decides the cases that make it, and no other."""
    source = f"import autograd.numpy as np\n{SWALLOWED}"
    names: dict = {}
    exec(compile(source, "<notebook>", "exec"), names)
    reports = [
        grade_file(critic, Submission("gan_12.py", source)),
        grade_source(critic, Submission("gan_12.py", source)),
        grade_function(critic, names["critic_loss"]),
    ]
    states = [[verdict.status for verdict in report.verdicts] for report in reports]
    assert states[0] == states[1] == states[2]
    assert set(states[0]) == {S.PACKAGE_ANSWER, S.PASS}
