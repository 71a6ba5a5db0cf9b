"""The teacher's decisions in adjust.csv, lateness by the hour, and exercises that do not count."""

import csv
import dataclasses
import datetime

import pytest

from minigen.classroom import decisions
from minigen.classroom.assignment import Counting, Late
from minigen.cli import main
from minigen.course.console import UsageError

from .conftest import CRITIC, HEAD, MINIMAX, SECRET, TOML

HEADER = "student_id,exercise,due,points,excuse,reason\n"
WRONG = CRITIC.replace("-", "+")
LATE = "\n[late]\nper_day = 0.25\n"
TIMES = {id: "2027-02-03T12:00:00+00:00" for id in ("s001", "s002", "s003")}  # 36 h late, two days begun


def none_is_run(jobs, setup):
    assert not list(jobs)
    return iter(())


def test_decisions_are_arithmetic_after_every_run(a_class, quickly):
    """By hand: 8 and 5 points, of which two days late cost half."""
    a_class.write("hw1.toml", TOML + LATE)
    for student in ("s001", "s002", "s003"):
        a_class.hand_in(student)
    a_class.grade(times=TIMES)
    assert [a_class.document(id)["total"] for id in TIMES] == [6.5, 6.5, 6.5]
    text = HEADER
    text += "s001,all,2027-02-04T00:00:00+00:00,,,ill for a week\n"
    text += "s001,gan/02/generator_loss_minimax,,2,,talked through\n"
    text += 's002,gan/12/critic_loss,,,yes,"transferred, from the other group"\n'
    text += "s003,gan/12/critic_loss,2027-02-03T00:00:00+00:00,,,the file was damaged\n"
    text += "s003,all,2027-02-04T00:00:00+00:00,,,ill\n"
    path = a_class.write("adjust.csv", text)
    before = path.read_bytes(), path.stat().st_mtime_ns
    for _ in range(2):
        summary = a_class.grade(run=none_is_run, times=TIMES)
        assert (summary.graded, summary.kept) == (0, 3)
        assert (path.read_bytes(), path.stat().st_mtime_ns) == before
        first, second, third = (a_class.document(id) for id in TIMES)
        assert (first["points"], first["late"], first["total"], first["possible"]) == (10, 0, 10, 13)
        assert (second["points"], second["late"], second["total"], second["possible"]) == (5, 2.5, 2.5, 5)
        assert (third["points"], third["late"], third["total"]) == (13, 2, 11), "a quarter of 8, nothing of 5"
        assert (first["minutes_after_due"], first["days_late"], second["minutes_after_due"]) == (
            -720,
            0,
            36 * 60 - 1 + 2,
        )
    rows = a_class.rows()
    assert rows["s001", "generator_loss_minimax"]["points"] == "5", "what the answer earned stays"
    assert rows["s001", "generator_loss_minimax"]["total"] == "2"
    assert "talked through" in rows["s001", "generator_loss_minimax"]["decision"]
    assert (rows["s002", "critic_loss"]["total"], rows["s002", "critic_loss"]["points"]) == ("", "8")
    wide = list(csv.DictReader((a_class.out / "gradebook-wide.csv").open(encoding="utf-8", newline="")))
    assert wide[0]["gan/02/generator_loss_minimax"] == "2" and wide[1]["gan/12/critic_loss"] == "excused"
    assert "ill for a week" in wide[0]["decisions"] and "transferred" in wide[1]["decisions"]
    report = (a_class.out / "report.html").read_text()
    for student, reason in (("s001", "ill for a week"), ("s001", "talked through"), ("s002", "transferred, from the")):
        shown = (a_class.out / "feedback" / f"{student}.md").read_text()
        assert "Decided by your teacher: " in shown and reason in shown and reason in report
    assert "critic\\_loss: excused" in (a_class.out / "feedback" / "s002.md").read_text()
    path.unlink()
    a_class.grade(run=none_is_run, times=TIMES)
    assert [a_class.document(id)["total"] for id in TIMES] == [6.5, 6.5, 6.5], "and without it nothing remains"


def test_who_is_excused_from_all_has_no_points(a_class, quickly):
    a_class.hand_in("s001")
    a_class.write("adjust.csv", HEADER + "s002,all,,,x,on leave\n")
    summary = a_class.grade()
    document = a_class.document("s002")
    assert document["excused"] and document["total"] is None and document["possible"] == 0
    assert "You are excused from this assignment." in (a_class.out / "feedback" / "s002.md").read_text()
    assert summary.mean == 6.5 and not summary.retries, "of two: 13 and 0"
    assert (
        "<td>s002</td>" not in (a_class.out / "report.html").read_text().partition("Slowest")[0].partition("Points")[2]
    )


def test_an_answer_that_the_grader_could_not_run_can_be_decided(a_class, quickly, monkeypatch):
    monkeypatch.setattr("minigen.classroom.grade.grader.grade_file", lambda *args, **kwargs: 1 / 0)
    a_class.hand_in("s001", minimax=None)
    a_class.write("adjust.csv", HEADER + "s001,gan/12/critic_loss,,7.5,,graded by hand\n")
    a_class.write(
        "adjust.csv", (a_class.folder / "adjust.csv").read_text() + "s001,gan/02/generator_loss_minimax,,0,,-\n"
    )
    a_class.grade()
    assert a_class.document("s001")["total"] == 7.5


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("s009,all,,,yes,x", "line 2: the roster has no student_id 's009'"),
        (
            "s001,gan/99/x,,1,,x",
            "line 2: exercise must be one of all, gan/12/critic_loss, ",
        ),
        ("s001,,,,yes,x", "line 2: exercise must be one of all, "),
        ("s001,all,tomorrow,,,x", "line 2: due must be a date and time such as 2027-02-01T23:59, got 'tomorrow'"),
        ("s001,all,01.02.2027,,,x", "line 2: due must be a date and time"),
        ("s001,all,,3,,x", "line 2: points are given for one exercise; name it in place of all"),
        (
            "s001,gan/12/critic_loss,,+1,,x",
            "line 2: points must be the number that counts, at least 0",
        ),
        ("s001,gan/12/critic_loss,,-1,,x", "line 2: points must be the number"),
        ("s001,gan/12/critic_loss,,nan,,x", "line 2: points must be the number"),
        ("s001,gan/12/critic_loss,,inf,,x", "line 2: points must be the number"),
        ("s001,gan/12/critic_loss,,1_0,,x", "line 2: points must be the number"),
        ("s001,gan/12/critic_loss,,3,yes,x", "line 2: a student who is excused gets no points"),
        ("s001,all,,,maybe,x", "line 2: excuse must be yes or empty, got 'maybe'"),
        ("s001,all,,,,x", "line 2: a decision needs due, points, excuse, file or minus"),
        ("s001,all,,,no,x", "line 2: a decision needs due, points, excuse, file or minus"),
        ("s001,all,,,yes,", "line 2: a decision needs a reason"),
        (
            "s001,all,,,yes,x\n\ns001,all,,,yes,y",
            "line 4: points or excuse of this student is decided in",
        ),
        ("s001,all,2027-02-02,,,x\ns001,all,2027-02-03,,,x", "line 3: due of this student is decided in line 2"),
    ],
)
def test_a_bad_line_is_named_before_work_starts(a_class, monkeypatch, capsys, line, expected):
    monkeypatch.chdir(a_class.folder)
    a_class.write("adjust.csv", f"{HEADER}{line}\n")
    words = ["grade", "submissions", "--assignment", "hw1.toml", "--roster", "roster.csv", "--seed", SECRET]
    assert main([*words, "--out", "grades"]) == 2
    assert f"adjust.csv, {expected}" in capsys.readouterr().err and not a_class.out.exists()


def test_other_files_of_decisions(a_class, monkeypatch, capsys):
    """A spreadsheet's decimal comma and semicolons, lines of another assignment, a guarded id; a file by name."""
    a_class.write("roster.csv", "student_id\n=1\n")
    text = "Assignment;student_id;exercise;due;points;excuse;reason\n"
    text += "hw1;'=1;gan/12/critic_loss;;1,5;;x\nhw2;s777;gan/99/y;;1;;x\n"
    path = a_class.write("adjust.csv", text)
    found = decisions.read(path, a_class.assignment, a_class.students)
    assert [decision.points for decision in found["=1"]] == [1.5] and list(found) == ["=1"]
    assert decisions.read(a_class.folder / "no.csv", a_class.assignment, a_class.students) == {}
    path.write_text("student_id,exercise\n")
    with pytest.raises(UsageError, match="must name the columns student_id, exercise, due, .*; missing: due"):
        decisions.read(path, a_class.assignment, a_class.students)
    monkeypatch.chdir(a_class.folder)
    words = ["grade", "submissions", "--assignment", "hw1.toml", "--roster", "roster.csv", "--seed", SECRET]
    assert main([*words, "--out", "grades", "--adjust", "no.csv"]) == 2
    assert "cannot read no.csv" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------- rules of the assignment


def test_lateness_by_the_hour():
    due = datetime.datetime(2027, 2, 1, 23, 59, tzinfo=datetime.UTC)
    late = Late(per_hour=0.02, days=1, grace_minutes=10)

    def after(**units):
        return round(late.share(due, due + datetime.timedelta(**units)), 6)

    assert after(minutes=10) == 0.0 and after(minutes=11) == 0.02 and after(minutes=61) == 0.04
    assert after(hours=24) == 0.48 and after(hours=24, seconds=1) == 1.0
    assert Late(per_hour=0.1).share(due, due + datetime.timedelta(hours=11)) == 1.0


@pytest.mark.parametrize(
    ("counting", "totals", "dropped"),
    [
        (Counting(), [1, 2, 3], []),
        (Counting(drop_lowest=1), [2, 1, 3], [1]),
        (Counting(drop_lowest=2), [2, 1, 3], [1, 0]),
        (Counting(drop_lowest=1), [2, 2, 3], [1]),
        (Counting(best_of=1), [2, 1, 3], [1, 0]),
        (Counting(best_of=2), [2, 1], []),
        (Counting(drop_lowest=1), [2], []),
        (Counting(drop_lowest=1), [], []),
    ],
)
def test_which_do_not_count(counting, totals, dropped):
    assert counting.dropped(totals) == dropped


def test_the_lowest_is_dropped_after_lateness_and_decisions(a_class, quickly):
    text = TOML.replace("points = 8", "points = 5")
    a_class.write("hw1.toml", text + "\n[counting]\ndrop_lowest = 1\n")
    assert a_class.assignment.possible == 5
    a_class.hand_in("s001", WRONG)
    a_class.hand_in("s002", WRONG)
    a_class.hand_in("s003", WRONG)
    text = "s002,gan/12/critic_loss,,5,,by hand\ns003,gan/02/generator_loss_minimax,,,yes,by hand\n"
    a_class.write("adjust.csv", HEADER + text + "s002,gan/02/generator_loss_minimax,,1,,by hand\n")
    summary = a_class.grade()
    first, second, third = (a_class.document(id) for id in TIMES)
    assert [(row["dropped"], row["total"]) for row in first["exercises"]] == [
        (True, first["exercises"][0]["points"]),
        (False, 5),
    ]
    assert (first["total"], first["possible"]) == (5, 5) and (second["total"], second["possible"]) == (5, 5)
    assert [row["dropped"] for row in second["exercises"]] == [False, True]
    assert third["possible"] == 5 and third["total"] == third["exercises"][0]["points"] < 5, "the only one that is left"
    rule = "the 1 lowest of the exercises do not count"
    assert f"This exercise does not count: {rule}." in (a_class.out / "feedback" / "s001.md").read_text()
    assert (
        rule in a_class.rows()["s001", "critic_loss"]["decision"]
        and a_class.rows()["s001", "critic_loss"]["total"] == ""
    )
    assert summary.mean is not None and "dropped" in (a_class.out / "report.html").read_text()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[counting]\nbest_of = 1\ndrop_lowest = 1\n", "counting has best_of and drop_lowest"),
        ("[counting]\nbest_of = 3\n", "with counting, the best 3 of the exercises count, but there are 2 in all"),
        ("[counting]\ndrop_lowest = 2\n", "the 2 lowest of the exercises do not count, but there are 2"),
        ("[counting]\nbest_of = 1\n", "counting compares exercises of the same points; these have 5, 8"),
        ("[late]\nper_day = 0.1\nper_hour = 0.1\n", "late has per_day and per_hour"),
        ("[counting]\nbest_of = 0\n", "counting.best_of must be a whole number of at least 1, got 0"),
    ],
)
def test_rules_that_contradict(a_class, text, expected):
    a_class.write("hw1.toml", f"{TOML}\n{text}")
    with pytest.raises(UsageError, match="hw1.toml") as caught:
        _ = a_class.assignment
    assert expected in str(caught.value)


def test_rules_run_no_answer_again(a_class):
    before = a_class.assignment
    a_class.write("hw1.toml", TOML.replace("= 8", "= 5") + "\n[counting]\ndrop_lowest = 1\n")
    with_rule = a_class.assignment
    a_class.write("hw1.toml", TOML.replace("= 8", "= 5") + '\n[[question]]\nid = "q"\ntext = "x"\npoints = 1\n')
    assert with_rule.graded_by == a_class.assignment.graded_by == before.graded_by
    assert dataclasses.replace(with_rule, counting=Counting()).possible == 10


def test_points_are_arithmetic(a_class, quickly):
    """Other points for an exercise run no answer again, and the run says who moved and by how much."""
    swapped = CRITIC.replace("fake_scores) - np.mean(real", "real_scores) - np.mean(fake")
    for student, critic in (("s001", CRITIC), ("s002", swapped)):
        a_class.hand_in(student, critic)
    first = a_class.grade()
    assert first.changed == [] and (first.complete, first.students) == (3, 3)
    earned = a_class.document("s002")["exercises"][0]
    a_class.write("hw1.toml", TOML.replace("= 8", "= 24"))
    summary = a_class.grade(run=none_is_run)
    assert summary.kept == 3 and a_class.document("s001")["total"] == 29
    now = a_class.document("s002")["exercises"][0]
    assert 0 < now["points"] == pytest.approx(3 * earned["points"], abs=0.03) and now["possible"] == 24
    moved = {(student, part): (before, after) for student, part, before, after in summary.changed}
    assert moved["s001", "all"] == (13, 29) and moved["s001", "gan/12/critic_loss"] == (8, 24)
    assert not [key for key in moved if key[0] == "s003" or "minimax" in key[1]]
    text = (a_class.out / "changed.csv").read_text()
    assert text.splitlines()[0] == "student_id,exercise,before,after" and "s001,all,13,29" in text
    assert a_class.grade(run=none_is_run).changed == []


# ------------------------------------------------------------------------------------------- repaired files

WITH_FILE = "student_id,exercise,due,points,excuse,reason,file,minus\n"
BROKEN = CRITIC.replace("np.mean(fake_scores)", "np.mean(fake_scores")


def test_a_repaired_file_is_graded_in_place(a_class, quickly):
    """Of both functions of a student, whose own file stays; the report and the student read of it."""
    a_class.hand_in("s001", BROKEN)
    a_class.hand_in("s002", BROKEN)
    a_class.grade()
    assert a_class.document("s001")["total"] == 5
    a_class.write("repaired/emmy.py", (HEAD + CRITIC).encode())
    a_class.write("adjust.csv", WITH_FILE + "s001,gan/12/critic_loss,,,,one parenthesis,repaired/emmy.py,2\n")
    summary = a_class.grade()
    assert (summary.graded, summary.kept) == (1, 2), "no one else is graded again"
    document = a_class.document("s001")
    row = document["exercises"][0]
    assert (row["points"], row["minus"], row["total"], document["total"]) == (8, 2, 6, 11)
    (note,) = row["notes"]
    assert note.startswith("your teacher's repaired copy emmy.py was graded in place of s001/gan_12.py (sha256 ")
    shown = (a_class.out / "feedback" / "s001.md").read_text()
    assert "graded from a repaired copy of your file, minus 2 points: one parenthesis" in shown
    assert "critic\\_loss: 6 of 8" in shown
    kept = a_class.out / "similarity" / "students" / "s001"
    assert not (kept / "gan_12.py").exists(), "it compares what was handed in"
    wide = list(csv.DictReader((a_class.out / "gradebook-wide.csv").open(encoding="utf-8", newline="")))
    assert (wide[0]["gan/12/critic_loss"], wide[0]["total"]) == ("6", "11")
    a_class.write("repaired/emmy.py", (HEAD + WRONG).encode())
    assert a_class.grade().graded == 1 and a_class.document("s001")["total"] < 11
    a_class.write("adjust.csv", WITH_FILE)
    a_class.grade()
    assert a_class.document("s001")["total"] == 5 and a_class.document("s002")["total"] == 5


def test_a_repaired_file_keeps_the_time_of_the_student(a_class, quickly):
    """What is taken off comes before what being late costs: (8 - 2) * 1/2 and 5 * 1/2."""
    a_class.write("hw1.toml", TOML + LATE)
    a_class.hand_in("s001", BROKEN, None)
    text = HEAD + CRITIC + "\n\nfrom minigen.tensor import softplus\n" + MINIMAX
    a_class.write("both.py", text.encode())
    lines = "s001,all,,,,saved by halves,both.py,\ns001,gan/12/critic_loss,,,,a parenthesis,,2\n"
    a_class.write("adjust.csv", WITH_FILE + lines)
    a_class.grade(times=TIMES)
    assert [(row["late"], row["total"]) for row in a_class.document("s001")["exercises"]] == [(3, 3), (2.5, 2.5)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("s001,all,,,,x,no.py,", "line 2: there is no file no.py"),
        ("s001,all,,,,x,,2", "line 2: minus takes points off one exercise; name it in place of all"),
        ("s001,gan/12/critic_loss,,,,x,,-2", "line 2: minus must be the number of points to take off, at least 0"),
        ("s001,gan/12/critic_loss,,3,,x,,2", "line 2: file and minus are for points that the answer earns"),
        ("s001,all,,,yes,x,hw1.toml,", "line 2: file and minus are for points that the answer earns"),
        ("s001,all,,,,x,hw1.toml,\ns001,all,,,,x,hw1.toml,", "line 3: file of this student is decided in line 2"),
    ],
)
def test_a_bad_line_with_a_file(a_class, monkeypatch, capsys, line, expected):
    monkeypatch.chdir(a_class.folder)
    a_class.write("adjust.csv", f"{WITH_FILE}{line}\n")
    words = ["grade", "submissions", "--assignment", "hw1.toml", "--roster", "roster.csv", "--seed", SECRET]
    assert main([*words, "--out", "grades"]) == 2
    assert f"adjust.csv, {expected}" in capsys.readouterr().err and not a_class.out.exists()


# ------------------------------------------------------------------------------------------- not due yet


def test_who_may_still_hand_in_has_no_zero(a_class, quickly):
    """By the student's own due date; what is there already counts, and the day after it the rest is a zero."""
    a_class.hand_in("s001")
    a_class.hand_in("s002", None)
    lines = [f"{id},all,9999-12-30T00:00:00+00:00,,,ill" for id in ("s002", "s003")]
    a_class.write("adjust.csv", HEADER + "\n".join(lines) + "\n")
    summary = a_class.grade()
    assert (summary.mean, summary.complete, summary.students) == (13, 1, 3)
    second, third = a_class.document("s002"), a_class.document("s003")
    assert [row["open"] for row in second["exercises"]] == [True, False] and second["total"] is None
    assert [row["open"] for row in third["exercises"]] == [True, True] and third["total"] is None
    shown = (a_class.out / "feedback" / "s002.md").read_text()
    assert "5 of 5 points so far; gan/12/critic\\_loss is not due yet." in shown and "not your doing" not in shown
    wide = list(csv.DictReader((a_class.out / "gradebook-wide.csv").open(encoding="utf-8", newline="")))
    assert [row["total"] for row in wide] == ["13", "", ""] and wide[2]["gan/12/critic_loss"] == ""
    report = (a_class.out / "report.html").read_text()
    assert "not due yet" in report and "5.00 of 5" in report and "8.00 of 8" in report
    a_class.write("adjust.csv", HEADER + lines[0].replace("9999", "2020") + "\n")
    summary = a_class.grade(run=none_is_run)
    assert (summary.mean, summary.complete) == (6, 3), "13, 5 and 0"
    assert ("s002", "all", None, 5.0) in summary.changed
