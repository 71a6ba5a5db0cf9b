"""A class graded: a row for every student, points and verdicts that agree, feedback without secrets, reports."""

import html
import json
import re
import shutil
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from minigen.classroom import collect
from minigen.classroom.assignment import graded_seeds
from minigen.classroom.grade import batch
from minigen.classroom.grade.grader import Grader, row_of
from minigen.classroom.grade.pool import Failed, Graded
from minigen.classroom.results import documents, feedback, gradebook, similarity
from minigen.classroom.schemas import schema
from minigen.course.console import UsageError
from minigen.course.exercise.grading import status as S
from minigen.course.exercise.grading.grade import grade_file
from minigen.course.exercise.grading.reference import references
from minigen.course.exercise.grading.secret import grading_of
from minigen.course.exercise.grading.submission import Submission
from minigen.files import locked

from .conftest import CRITIC, HEAD, MINIMAX, SECRET, TOML
from .test_decisions import none_is_run

SWAPPED = CRITIC.replace("np.mean(fake_scores) - np.mean(real_scores)", "np.mean(real_scores) - np.mean(fake_scores)")


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.slow
def test_a_class(a_class):
    """s001 is right; s002 has swapped the groups, which one case cannot tell, and raises HTML; s003 is missing."""
    a_class.hand_in("s001")
    a_class.hand_in("s002", SWAPPED, "def generator_loss_minimax(fake_logits):\n    raise ValueError('<b>&`*')\n")
    before = tree(a_class.submissions)
    summary = a_class.grade()
    assert tree(a_class.submissions) == before, "nothing is written beside the submissions"
    assert (summary.students, summary.graded, summary.kept, summary.retries) == (3, 3, 0, [])
    rows = a_class.rows()
    assert [row["status"] for row in rows.values()] == [S.PASS] * 2 + [S.WRONG_VALUE, S.RAISED] + [S.MISSING_FILE] * 2
    assert [row["points"] for row in rows.values()] == ["8", "5", "0.8", "0", "0", "0"]
    assert {row["seed"] for row in rows.values()} == {str(graded_seeds(a_class.assignment, SECRET)[0])}
    assert rows["s001", "critic_loss"]["last_name"] == "Noether" and rows["s003", "critic_loss"]["sha256"] == ""
    assert summary.mean == 4.6
    wide = (a_class.out / "gradebook-wide.csv").read_text().splitlines()
    header = "student_id,last_name,first_name,email,gan/12/critic_loss,gan/02/generator_loss_minimax"
    assert wide[0] == header + ",points,late,total,possible,days_late,decisions"
    assert wide[1] == "s001,Noether,Emmy,emmy@example.org,8,5,13,0,13,13,0,"
    page = (a_class.out / "feedback" / "s002.html").read_text()
    assert "&lt;b&gt;&amp;`*" in page and "<b>" not in page and "<script" not in page
    note = (a_class.out / "feedback" / "s002.md").read_text()
    assert "ValueError, whose text is not shown" in note and "    line 6: raise ValueError('<b>&`*')\n" in note
    assert "Known mistake: " in note
    report = html.unescape((a_class.out / "report.html").read_text())
    assert (
        "3 students, 3 graded in full" in report and "mean 4.60, median 0.80, quartiles 0.40 and 6.90 of 13" in report
    )
    hint = catalog_hint(a_class, "s002")
    assert re.search(rf"<td>gan/12/critic_loss</td><td>{re.escape(hint)}</td><td class=\"number\">1</td>", report)


def catalog_hint(a_class, student):
    exercise = json.loads((a_class.out / "results" / f"{student}.json").read_text())["exercises"][0]
    return exercise["cure"] or exercise["hint"]


def test_exercises_come_from_the_assignment(a_class, quickly):
    """Neither a first line nor a file's name can choose an easier exercise."""
    a_class.hand_in("s001", b"# minigen exercise gan/01: an easier one\n" + (HEAD + CRITIC).encode(), None)
    a_class.grade()
    rows = a_class.rows()
    assert len(rows) == 6 and rows["s001", "critic_loss"]["points"] == "8"


def test_points_and_verdict_agree(a_class, quickly):
    """Every row: a pass has all points, and nothing else has."""
    partly = CRITIC.replace("    return", "    if len(real_scores) > 3:\n        return 0.0\n    return")
    a_class.hand_in("s001", partly)
    a_class.hand_in("s002", CRITIC.replace("np.mean(fake", "np.sum(fake"))
    a_class.grade()
    documents_ = [json.loads(path.read_text()) for path in (a_class.out / "results").glob("*.json")]
    for row in (row for document in documents_ for row in document["exercises"]):
        assert row["passed"] == (row["status"] == S.PASS) == (row["points"] == row["possible"])
        raw = sum(case["points"] for case in row["cases"])
        assert 0 <= row["points"] <= row["possible"] and (row["points"] == 0 or raw > 0)
    assert 0 < float(a_class.rows()["s001", "critic_loss"]["points"]) < 8


def test_late_by_the_files_and_by_a_list(a_class, quickly):
    import datetime
    import os

    a_class.write("hw1.toml", TOML + "\n[late]\nper_day = 0.25\ndays = 3\n")
    a_class.hand_in("s001")
    a_class.hand_in("s002")
    due = a_class.assignment.due.timestamp()
    for name in ("gan_12.py", "gan_02.py"):
        os.utime(a_class.submissions / "s001" / name, (due - 9, due - 9))
        os.utime(a_class.submissions / "s002" / name, (due + 90000, due + 90000))  # 25 hours
    a_class.grade()
    assert {row["late"] for row in a_class.rows().values()} == {"0"}, "not asked for, not judged"
    a_class.grade(times="files")
    rows = a_class.rows()
    assert rows["s001", "critic_loss"]["late"] == "0" and rows["s002", "critic_loss"]["late"] == "4"
    assert rows["s002", "critic_loss"]["points"] == "8" and rows["s002", "critic_loss"]["status"] == S.PASS
    wide = (a_class.out / "gradebook-wide.csv").read_text().splitlines()
    assert wide[2].endswith(",8,5,13,6.5,6.5,13,2,")
    assert "2 days late: 6.5 of 13 points lost" in (a_class.out / "feedback" / "s002.md").read_text().replace("\\", "")
    when = datetime.datetime.fromtimestamp(due + 1, datetime.UTC).isoformat()
    a_class.grade(times={"s001": when})
    assert a_class.rows()["s001", "critic_loss"]["late"] == "2" and a_class.rows()["s002", "critic_loss"]["late"] == "0"
    with pytest.raises(UsageError, match="the time of s001 must be a date and time"):
        a_class.grade(times={"s001": "yesterday"})


def test_a_run_that_was_stopped_goes_on(a_class, quickly):
    """What is graded stays; a changed file or rule is graded again, as is the grader's error; points are computed."""
    for student in ("s001", "s002", "s003"):
        a_class.hand_in(student)

    def stops_after_one(jobs, setup):
        grader = setup.grader()
        job = next(iter(jobs))
        yield Graded(job.student_id, grader.grade(job.answers))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        a_class.grade(run=stops_after_one)
    assert [path.name for path in (a_class.out / "results").iterdir()] == ["s001.json"]
    assert not (a_class.out / "gradebook.csv").exists()
    (a_class.out / "results" / "s002.json").write_text('{"schema_version": 1, "key"')  # half of a document
    summary = a_class.grade()
    assert (summary.graded, summary.kept) == (2, 1)
    whole = (a_class.out / "gradebook.csv").read_bytes()
    assert a_class.grade().kept == 3 and (a_class.out / "gradebook.csv").read_bytes() == whole
    a_class.hand_in("s002", SWAPPED)
    assert (a_class.grade().graded, a_class.rows()["s002", "critic_loss"]["points"]) == (1, "0.8")
    a_class.write("hw1.toml", TOML.replace("points = 8", "points = 4"))
    assert a_class.grade().kept == 3 and a_class.rows()["s001", "critic_loss"]["points"] == "4"
    a_class.write("hw1.toml", 'allowed_modules = ["autograd"]\n' + TOML)
    assert a_class.grade().graded == 3


@pytest.mark.parametrize("message", ["\\ud800", "caf\\udce9.txt"])
def test_a_message_that_utf8_cannot_hold(a_class, quickly, message):
    """A lone surrogate, as os.fsdecode(b"caf\\xe9.txt") gives one: its escape is written, and the class goes on."""
    a_class.hand_in("s001", f"def critic_loss(real_scores, fake_scores):\n    raise ValueError('{message}')\n")
    a_class.hand_in("s002")
    assert a_class.grade().graded == 3
    rows = a_class.rows()
    assert rows["s001", "critic_loss"]["status"] == S.RAISED and rows["s002", "critic_loss"]["points"] == "8"
    assert message in json.loads((a_class.out / "results" / "s001.json").read_text())["exercises"][0]["message"]
    assert "ValueError, whose text is not shown" in (a_class.out / "feedback" / "s001.html").read_text()
    assert a_class.grade().kept == 3


def test_a_failure_of_one_student_is_that_students_row(a_class, quickly, monkeypatch):
    """In reading what she handed in, and in writing her feedback."""
    for student in ("s001", "s002", "s003"):
        a_class.hand_in(student)
    read, page = collect.answers_of, feedback.as_html

    def answers_of(student, entries, assignment):
        if student.student_id == "s001":
            raise RuntimeError("unforeseen\nfirst")
        return read(student, entries, assignment)

    def as_html(document):
        if document["student"]["student_id"] == "s002" and document["total"] is not None:
            raise UnicodeError("unforeseen second")
        return page(document)

    with monkeypatch.context() as broken:
        broken.setattr(collect, "answers_of", answers_of)
        broken.setattr(feedback, "as_html", as_html)
        summary = a_class.grade()
    assert {row[0] for row in summary.retries} == {"s001", "s002"} and len(summary.retries) == 4
    assert "unforeseen first" in summary.retries[0][2] and "unforeseen second" in summary.retries[2][2]
    rows = a_class.rows()
    assert [rows[student, "critic_loss"]["points"] for student in ("s001", "s002", "s003")] == ["", "", "8"]
    summary = a_class.grade()
    assert (summary.graded, summary.kept, summary.retries) == (2, 1, [])


def test_what_is_arithmetic_runs_no_answer_again(a_class, quickly):
    """Another due date, a comment and a name in the roster change the gradebook; no answer is run for it."""
    a_class.write("hw1.toml", TOML + "\n[late]\nper_day = 0.25\n")
    for student in ("s001", "s002"):
        a_class.hand_in(student)
    times = {student: "2027-02-02T12:00:00+00:00" for student in ("s001", "s002", "s003")}
    assert a_class.grade(times=times).graded == 3
    assert a_class.rows()["s001", "critic_loss"]["late"] == "2"

    def none_is_run(jobs, setup):
        assert not list(jobs)
        return iter(())

    text = "# a comment\n" + TOML.replace("2027-02-01", "2027-02-03") + "\n[late]\nper_day = 0.25\n"
    a_class.write("hw1.toml", text)
    a_class.write("roster.csv", (a_class.folder / "roster.csv").read_text().replace("Noether", "Nöther"))
    summary = a_class.grade(run=none_is_run, times=times)
    assert (summary.graded, summary.kept) == (0, 3)
    row = a_class.rows()["s001", "critic_loss"]
    assert (row["late"], row["points"], row["last_name"]) == ("0", "8", "Nöther")
    shown = (a_class.out / "feedback" / "s001.md").read_text()
    assert "late" not in shown and "13 of 13 points" in shown and "Nöther" in shown
    document = json.loads((a_class.out / "results" / "s001.json").read_text())
    assert document["assignment"]["sha256"] == a_class.assignment.sha256 and document["total"] == 13
    before = tree(a_class.out / "results")
    stamp = (a_class.out / "results" / "s001.json").stat().st_mtime_ns
    a_class.grade(run=none_is_run, times=times)
    assert tree(a_class.out / "results") == before, "and where nothing has changed, nothing is written"
    assert (a_class.out / "results" / "s001.json").stat().st_mtime_ns == stamp
    a_class.grade(run=none_is_run, times={**times, "s002": "2027-02-05T12:00:00+00:00"})
    assert (a_class.rows()["s001", "critic_loss"]["late"], a_class.rows()["s002", "critic_loss"]["late"]) == ("0", "4")


def test_feedback_says_what_each_case_is_about(a_class, quickly):
    a_class.hand_in("s001", SWAPPED)
    a_class.grade()
    sentences = documents.sentences(a_class.assignment.exercises[0].exercise)
    assert len(sentences) > 2
    document = json.loads((a_class.out / "results" / "s001.json").read_text())
    jsonschema.validate(document, schema("submission"))
    assert document["exercises"][0]["about"] == sentences
    shown = html.unescape((a_class.out / "feedback" / "s001.html").read_text())
    assert all(f"). {sentence}</li>" in shown for sentence in sentences.values())


def test_the_graders_own_error_is_never_zero(a_class, quickly, monkeypatch):
    a_class.hand_in("s001")
    a_class.hand_in("s002")

    def breaks(jobs, setup):
        grader = setup.grader()
        for job in jobs:
            if job.student_id == "s001":
                yield Failed("s001", "the process that graded it ended")
            else:
                yield Graded(job.student_id, grader.grade(job.answers))

    summary = a_class.grade(run=breaks)
    assert [row[:2] for row in summary.retries] == [("s001", assigned.id) for assigned in a_class.assignment.exercises]
    assert summary.to_json()["exit_code"] == 3
    row = a_class.rows()["s001", "critic_loss"]
    assert row["status"] == S.GRADER_ERROR and row["points"] == "" and row["late"] == ""
    assert "the process that graded it ended" in (a_class.out / "retries.csv").read_text()
    note = (a_class.out / "feedback" / "s001.md").read_text()
    assert "not graded yet" in note and "0 of" not in note
    assert (a_class.out / "gradebook-wide.csv").read_text().splitlines()[
        1
    ] == "s001,Noether,Emmy,emmy@example.org,,,,,,13,0,"
    shutil.rmtree(a_class.out)
    with monkeypatch.context() as broken:  # within one submission
        broken.setattr("minigen.classroom.grade.grader.grade_file", lambda *args, **kwargs: 1 / 0)
        assert len(a_class.grade().retries) == 6
    summary = a_class.grade()
    assert summary.graded == 3 and not summary.retries and a_class.rows()["s001", "critic_loss"]["points"] == "8"


def test_references_are_computed_once(a_class, quickly, monkeypatch):
    calls = []

    def counted(exercise, seeds, practice):
        calls.append(exercise.id)
        return grading_of(exercise, seeds, practice)

    monkeypatch.setattr("minigen.classroom.grade.grader.grading_of", counted)
    a_class.write("hw1.toml", TOML + "\n[seeds]\ngraded = 2\n")
    for student in ("s001", "s002"):
        a_class.hand_in(student, minimax=None)
    a_class.grade()
    assert calls == ["gan/12/critic_loss", "gan/02/generator_loss_minimax"]
    a_class.hand_in("s003", None)
    a_class.grade()
    assert calls[2:] == calls[:2]  # once for each run


def test_several_seeds_must_all_pass(a_class, quickly, monkeypatch):
    """An answer that is right by the draw of one seed only."""
    a_class.write("hw1.toml", TOML + "\n[seeds]\ngraded = 3\n")
    assignment = a_class.assignment
    seeds = graded_seeds(assignment, SECRET)
    exercise = assignment.exercises[0].exercise
    inputs = [row.calls[0][0] for row in references(exercise, seeds[0])]
    lucky = {tuple(np.round(real, 6)) for real, _ in inputs if len(real)}
    text = f"LUCKY = {lucky!r}".replace("np.float64", "float").replace("np.float32", "float")
    source = f"{HEAD}{text}\n\n\n{CRITIC}"
    guard = "    value = getattr(real_scores, '_value', real_scores)\n"
    guard += "    if tuple(np.round(value, 6)) not in LUCKY and len(value) > 2:\n        return 0.0\n    return"
    source = source.replace("    return", guard)
    rows = Grader(assignment, seeds[:1]).grade([(Submission("x.py", source), "", ())] * 2)
    more = Grader(assignment, seeds).grade([(Submission("x.py", source), "", ())] * 2)
    assert more[0]["points"] <= rows[0]["points"] and not more[0]["passed"]
    right = Grader(assignment, seeds).grade([(Submission("x.py", HEAD + CRITIC), "", ())] * 2)
    assert right[0]["passed"] and right[0]["points"] == 8


@pytest.mark.slow
def test_helpers_data_and_allowed_modules(a_class):
    a_class.write("hw1.toml", 'helpers = ["tools.py"]\ndata = ["sign.txt"]\n' + TOML)
    a_class.write("tools.py", "def mean(np, x):\n    return np.sum(x) / len(x)\n")
    a_class.write("sign.txt", "-1")
    text = "import autograd.numpy as np\nfrom tools import mean\n\n\ndef critic_loss(real_scores, fake_scores):\n"
    text += "    sign = int(open('sign.txt').read())\n    return mean(np, fake_scores) + sign * mean(np, real_scores)\n"
    a_class.hand_in("s001", text.encode(), None)
    joined = CRITIC.replace("return ", "return 0 * len(os.path.sep) + ")
    a_class.hand_in("s002", b"import os.path\n" + (HEAD + joined).encode(), b"import os\n" + (HEAD + MINIMAX).encode())
    a_class.hand_in("s003", b"def critic_loss(a, b):\n    from subprocess import run\n    from . import x\n", None)
    a_class.grade()
    rows = a_class.rows()
    assert rows["s001", "critic_loss"]["status"] == S.PASS
    assert rows["s002", "critic_loss"]["status"] == rows["s003", "critic_loss"]["status"] == S.FORBIDDEN_MODULE
    document = json.loads((a_class.out / "results" / "s002.json").read_text())
    assert document["exercises"][0]["message"].startswith("critic_loss uses os.path; this assignment allows")
    assert rows["s002", "generator_loss_minimax"]["status"] == S.PASS, "an import that it does not use"
    a_class.write("hw1.toml", "allowed_modules = []\n" + TOML)
    a_class.grade()
    assert a_class.rows()["s002", "critic_loss"]["status"] == S.PASS
    assert a_class.rows()["s001", "critic_loss"]["status"] == S.RAISED, "the helper is not declared any more"


@pytest.mark.slow
@pytest.mark.parametrize(("starved", "second"), [(0.0, S.TIMEOUT), (1.0, S.PASS)])
def test_the_time_of_a_submission_has_a_limit(a_class, monkeypatch, starved, second):
    """What comes after it is not run; the time in which others kept a worker from running is left out."""
    a_class.write("hw1.toml", TOML + "\n[limits]\nseconds = 1\n")
    answers = [(Submission("x.py", HEAD + CRITIC), "", ()), (Submission("x.py", HEAD + MINIMAX), "", ())]
    now = iter([0.0, 0.5, 1.5])
    monkeypatch.setattr("minigen.classroom.grade.grader.running_time", lambda: next(now))

    def graded(*given):
        report = grade_file(*given)
        report.starved = starved
        return report

    monkeypatch.setattr("minigen.classroom.grade.grader.grade_file", graded)
    rows = Grader(a_class.assignment, [1]).grade(answers)
    assert [row["status"] for row in rows] == [S.PASS, second]
    assert starved or "1 s of a submission" in rows[1]["message"]


# ------------------------------------------------------------------------------------------- what comes out


def test_cells_are_no_formulas():
    cells = ["=1+1", "+1", "-1", "@SUM(A1)", "  =x", "\t=x", "a=b", 1.5, -2, None, "x\r\n=1", True]
    assert [gradebook.guarded(cell) for cell in cells] == [
        *("'=1+1", "'+1", "'-1", "'@SUM(A1)", "'  =x", "' =x", "a=b", "1.5", "-2", "", "x  =1", "True")
    ]
    wide = ["＝1+1", "＋1", "－1", "＠SUM(A1)", "\t＝1", "\r=1", "\u200b=1", "\u3000＝1", "a＝1"]
    assert [gradebook.guarded(cell)[:1] for cell in wide] == ["'"] * 8 + ["a"]
    assert gradebook.table(["a"], [['x,"y'], ["=z"]]) == 'a\n"x,""y"\n\'=z\n'


def test_ids_become_safe_file_names():
    from minigen.classroom.roster import Student

    ids = ["s001", "../../etc", "a/b", "A", "a", ".hidden", "x" * 300, "=1", "ü", "CON", "com1.txt", "console"]
    names = documents.file_names([Student(id) for id in ids])
    assert names["s001"] == "s001" and names["A"] == "A" and names["a"] != "a" and names["console"] == "console"
    assert names["CON"].startswith("student-CON-") and names["com1.txt"].startswith("student-com1.txt-")
    assert len({name.casefold() for name in names.values()}) == len(ids)
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,80}", name) for name in names.values())


def test_feedback_has_no_expected_values(a_class, quickly):
    """No number of the graded inputs' expected values stands in what a student gets."""
    a_class.hand_in("s001", SWAPPED, MINIMAX.replace("-np", "2.5 * np"))
    a_class.grade()
    document = json.loads((a_class.out / "results" / "s001.json").read_text())
    secrets = []
    for row in document["exercises"]:
        for case in row["cases"]:
            secrets += [case["expected"], case["yours"]] if case["expected"] is not None else []
    shown = (a_class.out / "feedback" / "s001.md").read_text() + (a_class.out / "feedback" / "s001.html").read_text()
    assert len(secrets) > 8
    for secret in secrets:
        if len(f"{abs(secret):.4g}") > 4:
            assert f"{abs(secret):.4g}" not in shown
    assert "inputs" not in shown and "repeat" not in shown and str(document["seeds"][0]) not in shown


def test_markdown_shows_text_as_it_is():
    document = {
        "assignment": {"title": "A *b*"},
        "student": {"student_id": "x", "first_name": "<i>", "last_name": ""},
        "total": None,
        "days_late": 0,
        "excused": False,
        "counting": "",
        "decisions": [],
        "exercises": [],
    }
    assert feedback.as_markdown(document).splitlines()[0] == "# A \\*b\\*: \\<i\\>"
    assert "<h1>A *b*: &lt;i&gt;</h1>" in feedback.as_html(document)


def test_the_folder_that_compare50_and_jplag_read(a_class, quickly):
    """Plain Python for each student, a notebook's functions too; nothing of who handed in nothing, or no Python."""
    cells = [{"cell_type": "code", "source": HEAD + MINIMAX, "metadata": {}, "outputs": [], "execution_count": None}]
    a_class.hand_in("s001", CRITIC, MINIMAX)
    a_class.hand_in("s002", SWAPPED, None)
    book = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    a_class.write("submissions/s002/hw1.ipynb", json.dumps(book))
    a_class.hand_in("s003", b"\0\0", None)
    a_class.grade()
    folder = a_class.out / "similarity"
    assert [str(path.relative_to(folder).as_posix()) for path in sorted(folder.rglob("*.py"))] == [
        *("stubs/gan_02.py", "stubs/gan_12.py"),
        *("students/s001/gan_02.py", "students/s001/gan_12.py", "students/s002/gan_02.py", "students/s002/gan_12.py"),
    ]
    assert (folder / "students/s001/gan_12.py").read_text() == HEAD + CRITIC
    assert (folder / "students/s002/gan_12.py").read_text() == HEAD + SWAPPED
    assert "def generator_loss_minimax" in (folder / "students/s002/gan_02.py").read_text()
    assert "NotImplementedError" in (folder / "stubs/gan_12.py").read_text()
    shutil.rmtree(a_class.submissions / "s001")
    assert a_class.grade().kept == 2, "of the students who handed in the same, no answer is run again"
    assert sorted(path.name for path in (folder / "students").iterdir()) == ["s002"]


def test_exercises_of_one_lesson_are_one_file_to_compare(a_class, quickly):
    """Handed in together they stand there once; in two files, one after the other."""
    a_class.write("hw1.toml", TOML.replace("gan/12/critic_loss", "gan/02/generator_loss_nonsaturating"))
    saturating = "def generator_loss_nonsaturating(fake_logits):\n    return np.mean(softplus(-fake_logits))\n"
    a_class.hand_in("s001", None, MINIMAX + "\n\n" + saturating)
    a_class.write("submissions/s002/one.py", HEAD + MINIMAX)
    a_class.write("submissions/s002/two.py", HEAD + saturating)
    a_class.grade()
    one, two = ((a_class.out / "similarity/students" / id / "gan_02.py").read_text() for id in ("s001", "s002"))
    assert one == HEAD + MINIMAX + "\n\n" + saturating
    assert two.count(HEAD) == 2 and two.count(MINIMAX) == two.count(saturating) == 1


def test_the_commands_that_compare(tmp_path):
    assert similarity.commands(Path("my grades")) == [
        "compare50 'my grades/similarity/students'/* -d 'my grades/similarity/stubs'/*",
        "java -jar jplag.jar -l python3 -bc 'my grades/similarity/stubs' 'my grades/similarity/students'",
    ]


def test_the_grades_do_not_go_into_the_submissions(a_class):
    with pytest.raises(UsageError, match="cannot go into the submissions"):
        a_class.grade(out=a_class.submissions / "grades")
    a_class.write("file", "x")
    with pytest.raises(UsageError, match="cannot write into"):
        a_class.grade(out=a_class.folder / "file")


def test_two_runs_at_once(a_class, quickly):
    """The second run leaves the first one's results alone, also when it is to grade all of it again."""
    a_class.hand_in("s001")
    a_class.grade()
    before = tree(a_class.out)
    for again in (False, True):
        with locked(a_class.out / ".lock"), pytest.raises(UsageError, match="another run is grading into"):
            a_class.grade(again=again)
        assert tree(a_class.out) == before


def test_all_of_it_again(a_class, quickly):
    a_class.hand_in("s001")
    a_class.grade()
    a_class.write("grades/feedback/s009.md", "a student who has left")
    assert a_class.grade().kept == 3 and (a_class.out / "feedback" / "s009.md").exists()
    summary = a_class.grade(again=True)
    assert (summary.graded, summary.kept) == (3, 0) and not (a_class.out / "feedback" / "s009.md").exists()
    assert batch.Options().jobs == 1 and not batch.Options().again


def test_another_seed_is_noticed(a_class, quickly):
    """A sentence that was mistyped would change the graded inputs of the whole class, and nothing else shows it."""
    a_class.hand_in("s001")
    assert a_class.grade().remarks == a_class.grade().remarks == ()
    summary = a_class.grade(secret="another")
    assert (summary.graded, summary.kept) == (3, 0)
    assert summary.remarks == (f"{a_class.out} had grades of another seed: their answers were graded again",)


def test_a_case_counts_if_it_passes_with_every_seed(a_class):
    """critic_loss has cases of 1, 2, 1, 2 and 2 points; with one seed the second fails, with the other the last."""
    from minigen.course.exercise.grading.compare import Verdict
    from minigen.course.exercise.grading.report import Report

    assigned = a_class.assignment.exercises[0]
    assert [case.points for case in assigned.exercise.cases] == [1, 2, 1, 2, 2]

    def report(failing: int) -> Report:
        verdicts = [
            Verdict(
                case.name,
                S.WRONG_VALUE if n == failing else S.PASS,
                0 if n == failing else case.points,
                case.points,
                kind=case.kind,
            )
            for n, case in enumerate(assigned.exercise.cases)
        ]
        return Report(assigned.exercise, verdicts, status=S.WRONG_VALUE)

    row = row_of(assigned, Submission("x.py"), "", (), [report(1), report(4)], [11, 12])
    assert row["points"] == 4 and row["seed"] == 11 and not row["passed"]
    assert [case["passed"] for case in row["cases"]] == [True, False, True, True, False]
    kinds = {kind: (of["points"], of["possible"]) for kind, of in row["kinds"].items() if of["possible"]}
    assert kinds == {"equation": (3, 5), "extremes": (1, 1), "gradient": (0, 2)}


@pytest.mark.parametrize("name", ["gradebook.csv", "gradebook-wide.csv", "unmatched.csv"])
def test_a_gradebook_that_is_open_in_excel(a_class, quickly, open_in_excel, name):
    """The message says which, the one before stays as it was, and no answer is run twice."""
    a_class.hand_in("s001")
    a_class.grade()
    before = (a_class.out / name).read_bytes()
    a_class.hand_in("s002")
    open_in_excel.add(name)
    with pytest.raises(UsageError, match=f"{name} cannot be replaced: .* close it there; what is graded is kept"):
        a_class.grade()
    assert (a_class.out / name).read_bytes() == before
    open_in_excel.clear()
    assert a_class.grade(run=none_is_run).kept == 3 and a_class.rows()["s002", "critic_loss"]["points"] == "8"


def test_files_that_canvas_marks_as_late_are_remarked_on(a_class, quickly, tmp_path):
    """Where the assignment has a rule for lateness and nobody gave times; a name that only has the word is none."""
    for name in (
        "noetheremmy_LATE_101_5001_gan_12.py",
        "gausscarl_102_5002_gan_12.py",
        "gausscarl_102_5003_MY_LATE_1.py",
    ):
        a_class.write(f"submissions/{name}", HEAD + CRITIC)
    assert not [remark for remark in a_class.grade().remarks if "LATE" in remark]
    a_class.write("hw1.toml", TOML + "\n[late]\nper_day = 0.1\n")
    (remark,) = [remark for remark in a_class.grade().remarks if "LATE" in remark]
    assert remark == "1 file marked LATE by Canvas, and no --times: nobody loses points for being late"
    assert not [remark for remark in a_class.grade(times="files").remarks if "LATE" in remark]
