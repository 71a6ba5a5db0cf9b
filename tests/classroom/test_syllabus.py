"""A plan of the weeks: everything once, in order, within the hours, evenly; and what does not fit is stated."""

import csv
from collections import namedtuple
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigen.classroom.teaching.syllabus import Unit, as_csv, as_markdown, places, plan, units_of
from minigen.cli import main
from minigen.course.index.lessons import all_lessons

Task = namedtuple("Task", "id minutes")


def unit(i, minutes, tasks=()):
    return Unit(f"x/{i:02}", f"Lesson {i}", minutes, tuple(Task(f"x/{i:02}/t{j}", m) for j, m in enumerate(tasks)))


@st.composite
def courses(draw):
    minutes = st.integers(1, 60)
    return [unit(i, draw(minutes), draw(st.lists(minutes, max_size=4))) for i in range(draw(st.integers(1, 9)))]


def items(units):
    return [(part.id, part.minutes) for unit in units for part in (unit, *unit.exercises)]


@settings(max_examples=100, deadline=None)
@given(courses(), st.integers(1, 6), st.integers(1, 4))
def test_everything_once_in_order_within_the_hours(units, weeks, hours):
    made = plan(units, weeks, hours)
    planned = [part.id for week in made.weeks for part in (*week.reading, *week.exercises)]
    ids = [id for id, _ in items(units)]
    assert sorted([*planned, *made.left_out]) == sorted(ids)
    assert list(made.left_out) == [id for id in ids if id in made.left_out]
    reading = [unit.id for week in made.weeks for unit in week.reading]
    assert reading == [unit.id for unit in units][: len(reading)], "lessons are left out from the end"
    writing = [exercise.id for week in made.weeks for exercise in week.exercises]
    assert writing == [id for id in ids if id in writing]
    at = {part.id: i for i, week in enumerate(made.weeks) for part in (*week.reading, *week.exercises)}
    assert all(at[id] >= at[id.rpartition("/")[0]] for id in writing), "an exercise before its lesson"
    assert len(made.weeks) <= weeks and all(0 < week.minutes <= 60 * hours for week in made.weeks)
    kept = {unit.id: [e.id for e in unit.exercises if e.id in writing] for unit in units if unit.id in reading}
    assert all(
        kept[unit.id] == [e.id for e in unit.exercises][: len(kept[unit.id])] for unit in units if unit.id in kept
    )


def least_by_search(minutes, weeks):
    """The smallest possible fullest week, by trying every way to cut the list."""
    if weeks == 1 or len(minutes) <= 1:
        return sum(minutes)
    cuts = range(1, len(minutes) + 1)
    return min(max(sum(minutes[:cut]), least_by_search(minutes[cut:], weeks - 1)) for cut in cuts)


@settings(max_examples=100, deadline=None)
@given(courses(), st.integers(1, 4))
def test_the_fullest_week_is_as_short_as_any_plan_allows(units, weeks):
    minutes = [m for _, m in items(units)][:7]
    units = [unit(i, m) for i, m in enumerate(minutes)]
    made = plan(units, weeks, 80)
    assert not made.left_out
    assert max(week.minutes for week in made.weeks) == least_by_search(minutes, weeks)


def test_exercises_go_before_lessons_and_the_longest_lists_first():
    units = [unit(0, 20, [10, 10, 10]), unit(1, 20, [10])]
    assert plan(units, 1, 1.25).left_out == ("x/00/t2",)
    assert plan(units, 1, 1.0).left_out == ("x/00/t1", "x/00/t2")
    assert plan(units, 1, 0.9).left_out == ("x/01", "x/01/t0"), "the others get their exercises back"
    assert plan(units, 2, 1.25).left_out == ()


def on_a_way(i, minutes, tasks, asides=0, part=None):
    """A lesson, of which an evening has a part of so many minutes with the first exercise."""
    whole = unit(i, minutes, tasks)
    short = None if part is None else replace(whole, minutes=part, exercises=whole.exercises[:1], part="section 1")
    return replace(whole, asides=asides, evening=short)


def read(made):
    return [(unit.id, unit.minutes, unit.part) for week in made.weeks for unit in week.reading]


def test_asides_go_before_exercises_and_lessons_of_no_evening_before_the_last_ones():
    units = [on_a_way(0, 40, [10, 10], 10, 20), on_a_way(1, 30, [10], 10), on_a_way(2, 30, [10], 0, 20)]
    all_of_it = [("x/00", 40, ""), ("x/01", 30, ""), ("x/02", 30, "")]
    assert read(plan(units, 1, 140 / 60)) == all_of_it and not plan(units, 1, 140 / 60).left_out
    core = [("x/00", 30, "without asides"), ("x/01", 20, "without asides"), ("x/02", 30, "")]
    for minutes in (139, 120):
        assert read(plan(units, 1, minutes / 60)) == core and not plan(units, 1, minutes / 60).left_out
    assert read(plan(units, 1, 110 / 60)) == core and plan(units, 1, 110 / 60).left_out == ("x/00/t1",)
    without_the_second = plan(units, 1, 109 / 60)
    assert read(without_the_second) == [core[0], core[2]]
    assert without_the_second.left_out == ("x/01", "x/01/t0"), "the first one has its second exercise again"
    assert read(plan(units, 1, 79 / 60)) == [("x/00", 20, "section 1"), ("x/02", 20, "section 1")]
    assert read(plan(units, 1, 59 / 60)) == [("x/00", 20, "section 1")]


def test_a_lesson_that_one_of_an_evening_needs_goes_with_what_no_evening_has():
    needed = on_a_way(0, 20, [10])
    units = [needed, on_a_way(1, 30, [10]), replace(on_a_way(2, 30, [10], 0, 10), needs=("x/00",))]
    assert read(plan(units, 1, 1.5)) == [("x/00", 20, ""), ("x/02", 30, "")]
    assert read(plan(units, 1, 0.5)) == [("x/02", 10, "section 1")]
    other_post = replace(needed, id="y/00", exercises=())
    units[0], units[2] = other_post, replace(units[2], needs=("y/00",))
    assert read(plan(units, 1, 2 / 3)) == [("y/00", 20, ""), ("x/02", 10, "section 1")], "no evening is in its post"


def test_what_is_left_out_is_named_once():
    units = [unit(0, 20, [10, 10]), unit(1, 50, [10])]
    assert "The hours do not suffice for 1 lesson (x/01)." in as_markdown(plan(units, 1, 0.8))
    text = as_markdown(plan(units, 2, 1))
    assert "suffice" not in text
    text = as_markdown(plan([unit(0, 20, [10, 10, 10]), unit(1, 50, [10])], 1, 0.7))
    assert "for 1 lesson (x/01) and for 1 exercise of the lessons in the plan (x/00/t2)." in text


@pytest.mark.slow
def test_twelve_hours_go_through_all_posts():
    made = plan(units_of(all_lessons()), 6, 2)
    posts = {unit.id.split("/")[0] for week in made.weeks for unit in week.reading}
    assert {"gan", "vae", "flow", "diffusion"} <= posts


def test_the_first_lesson_must_fit():
    with pytest.raises(ValueError, match="x/00 alone takes 50 minutes to read, more than the hours of a week"):
        plan([unit(0, 50)], 3, 0.5)


@pytest.mark.slow
def test_the_course_in_twelve_weeks_of_six_hours():
    made = plan(units_of(all_lessons()), 12, 6)
    assert len(made.weeks) == 12 and not made.missing
    assert not [id for id in made.left_out if id.count("/") == 1], "every lesson is read"
    assert max(week.minutes for week in made.weeks) < 1.25 * sum(week.minutes for week in made.weeks) / 12


def test_tables_and_due_dates():
    made = plan([unit(0, 30, [30]), unit(1, 40, [20])], 2, 1)
    text = as_markdown(made, date(2027, 2, 1))
    assert "| 2: 2027-02-08 to 2027-02-14 | x/01 Lesson 1 | `x/01/t0` | 1.0 |" in text
    assert "minigen assignment new week01.toml --exercises x/00/t0 --due 2027-02-07T23:59" in text
    assert "| 1 | x/00 Lesson 0 | `x/00/t0` | 1.0 |" in as_markdown(made)
    assert as_csv(made, date(2027, 2, 1))[1:3] == [
        ["1", "2027-02-01", "2027-02-07", "read", "x/00", "Lesson 0", "30"],
        ["1", "2027-02-01", "2027-02-07", "write", "x/00/t0", "", "30"],
    ]


def test_weeks_off_and_the_exam():
    """Nothing is read in them, and what follows moves on: names, due dates and the columns of days."""
    made = plan([unit(0, 30, [30]), unit(1, 40, [20])], 2, 1)
    off = {0: "no class", 2: "exam"}
    text = as_markdown(made, date(2027, 2, 1), off)
    rows = [line.split(" | ")[:2] for line in text.splitlines() if line.startswith("| ")][2:]
    assert rows[0] == ["| 1: 2027-02-01 to 2027-02-07", "no class"] and rows[2][1] == "exam"
    assert rows[1] == ["| 2: 2027-02-08 to 2027-02-14", "x/00 Lesson 0"] and "x/01" in rows[3][1] and len(rows) == 4
    assert "new week04.toml --exercises x/01/t0 --due 2027-02-28T23:59" in text and "week01" not in text
    assert [row[:2] for row in as_csv(made, date(2027, 2, 1), off)[1:]][::2] == [
        ["2", "2027-02-08"],
        ["4", "2027-02-22"],
    ]
    assert places(2, off) == [1, 3] and places(2) == [0, 1]


def test_objectives_and_what_to_read_before():
    told = replace(unit(0, 30, [30]), needs=("x/09",), objectives=("One learns.", "And sees."))
    text = as_markdown(plan([told], 1, 1))
    assert "**Week 1**\n\n- x/00 Lesson 0 (after x/09)\n  - One learns.\n  - And sees.\n" in text


@pytest.mark.slow
def test_the_objectives_of_the_lessons():
    """Most lessons state some, each a sentence; a lesson takes more than its reading."""
    units = units_of(all_lessons())
    assert sum(bool(unit.objectives) for unit in units) > 50
    assert all(len(objective) < 300 for unit in units for objective in unit.objectives)
    (gan,) = [unit for unit in units if unit.id == "gan/02"]
    assert gan.objectives[0] == "A GAN replaces the likelihood with a trained judge." and "start/01" in gan.needs


def test_the_hours_of_classes_and_days_of_the_command(capsys):
    words = ["syllabus", "start", "gan/01", "gan/02", "--weeks", "5", "--hours", "5", "--start", "2027-02-01"]
    assert main([*words, "--class", "2", "--off", "2027-02-10..2027-02-16", "--exam", "2027-03-02"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("Each week has 2 hours in class") and "| 2: 2027-02-08 to 2027-02-14 | no class |" in text
    assert "| 3: 2027-02-15 to 2027-02-21 | no class |" in text and "| 5: 2027-03-01 to 2027-03-07 | exam |" in text
    hours = [float(line.split("|")[4]) for line in text.splitlines() if line.startswith("| ") and "/0" in line]
    assert hours and max(hours) <= 3.0


def test_lessons_that_a_plan_builds_on_are_named():
    made = plan([Unit("x/03", "C", 30, (), ("x/01", "x/02")), Unit("x/02", "B", 30, (), ())], 1, 1)
    assert made.missing == ["x/01"]
    assert "build on lessons that are not in the plan: x/01." in as_markdown(made)


def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["syllabus", "gan/02", "start", "--weeks", "3", "--hours", "9", "--out", "plan.csv"]) == 0
    rows = list(csv.DictReader(open("plan.csv", encoding="utf-8")))
    read = [row["id"] for row in rows if row["kind"] == "read"]
    assert read == ["start/01", "start/02", "start/03", "gan/02"]
    assert main(["syllabus", "gan/02", "--weeks", "3", "--hours", "9", "--out", "plan.csv"]) == 2
    assert "plan.csv already exists" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--weeks", "0", "--hours", "6"], "--weeks: must be a whole number from 1 to 60, got '0'"),
        (["--weeks", "3", "--hours", "nan"], "a number of hours, above 0 and at most 80, got 'nan'"),
        (["--weeks", "3", "--hours", "6", "--start", "1.2.2027"], "a day such as 2027-02-01, got '1.2.2027'"),
        (["start/01", "--weeks", "3", "--hours", "0.1", "--class", "0"], "start/01 alone takes"),
        (["start/01", "--weeks", "3", "--hours", "2"], "--hours 2 leaves none to read and write beside --class 2"),
        (["start/01", "--weeks", "3", "--hours", "6", "--exam", "2027-03-01"], "--off and --exam need --start"),
        (
            ["start/01", "--weeks", "3", "--hours", "6", "--start", "2027-02-01", "--exam", "2027-03-01"],
            "2027-03-01 is in none of the 3 weeks from 2027-02-01",
        ),
        (
            ["start/01", "--weeks", "1", "--hours", "6", "--start", "2027-02-01", "--exam", "2027-02-03"],
            "--off and --exam leave no week of 1",
        ),
        (["--weeks", "3", "--hours", "6", "--off", "2027-02-09..2027-02-01"], "is before the first"),
        (["--weeks", "3", "--hours", "6", "--out", "plan.pdf"], "a plan is a .md or .csv file"),
        (["gan/99", "--weeks", "3", "--hours", "6"], "gan/99"),
    ],
)
def test_wrong_usage(arguments, message, capsys):
    try:
        code = main(["syllabus", *arguments])
    except SystemExit as end:
        code = end.code
    assert code == 2 and message in capsys.readouterr().err
