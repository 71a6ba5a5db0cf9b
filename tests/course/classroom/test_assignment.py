"""The assignment: its file, its errors, points, lateness, seeds."""

import datetime
import itertools

import pytest

from minigen.cli import main
from minigen.course.classroom import assignment as assignments
from minigen.course.classroom.assignment import Asked, Late, graded_seeds, load
from minigen.course.console import UsageError
from minigen.course.exercise import catalog

from .conftest import TOML

UTC = datetime.UTC


def test_new_writes_what_load_reads(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = [
        "assignment",
        "new",
        "hw1.toml",
        "--exercises",
        "gan/02",
        "gan/12/critic_loss",
        "--due",
        "2027-02-01T23:59",
    ]
    assert main(words) == 0
    assert "4 exercises" in capsys.readouterr().out
    assignment = load(tmp_path / "hw1.toml")
    assert [asked.id for asked in assignment.asked][-1] == "gan/12/critic_loss" and len(assignment.asked) == 4
    assert assignment.due.replace(tzinfo=None) == datetime.datetime(2027, 2, 1, 23, 59)
    assert all(asked.points == asked.exercise.points for asked in assignment.asked)
    assert "# " in assignment.text and assignment.answer_files == ["gan_02.py", "gan_12.py"]
    before = (tmp_path / "hw1.toml").read_bytes()
    assert main(words) == 2 and "is there already" in capsys.readouterr().err
    assert (tmp_path / "hw1.toml").read_bytes() == before


def test_what_new_refuses(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for words, expected in [
        (["hw1.toml", "--exercises", "gan/99"], "no exercise"),
        (["hw1.txt", "--exercises", "gan/02"], ".toml file"),
        (["hw1.toml", "--exercises", "gan/02", "--due", "tomorrow"], "such as 2027-02-01T23:59"),
        (["no/hw1.toml", "--exercises", "gan/02"], "cannot write"),
    ]:
        assert main(["assignment", "new", *words]) == 2
        assert expected in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert main(["assignment"]) == 2


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('title = "Homework 1"', "title = 3", "title must be a line of text"),
        ("due = 2027-02-01T23:59:00+00:00", 'due = "2027-02-01"', "without quotes"),
        ("due = 2027-02-01T23:59:00+00:00", "dew = 1", "unknown key 'dew'; known are"),
        ("points = 8", "points = 0", "points must be more than 0"),
        ("points = 8", 'points = "8"', "exercise.points must be a number"),
        ("points = 8", "points = nan", "exercise.points must be"),
        ("points = 8", "weight = 8", "unknown key 'weight'; known are id, points"),
        ('"gan/12/critic_loss"', '"gan/12/critics_loss"', "no exercise"),
        ('"gan/12/critic_loss"', '"gan/02"', "write an [[exercise]] for each"),
        ('"gan/12/critic_loss"', "12", "has an id such as"),
        ('"gan/12/critic_loss"', '"gan/02/generator_loss_minimax"', "is listed twice"),
        ("[[exercise]]", "exercise", "is not TOML"),
        ('title = "Homework 1"', 'helpers = ["../x.py"]', "stands beside the assignment"),
        ('title = "Homework 1"', 'helpers = ["x.txt"]', "helpers are Python files"),
        ('title = "Homework 1"', 'data = ["no.csv"]', "no.csv cannot be read"),
        ('title = "Homework 1"', 'helpers = ["gan_12.py"]', "a file that students hand in"),
        ('title = "Homework 1"', 'allowed_modules = "numpy"', "must be a list of texts"),
        ('title = "Homework 1"', 'visibility = "none"', "must be one of visible, hidden"),
        ('title = "Homework 1"', "late = 1", "late must be a table"),
        ('title = "Homework 1"', "late.per_day = 2", "late.per_day must be a number of at least 0 and at most 1"),
        ('title = "Homework 1"', "seeds.graded = 0", "seeds.graded must be a whole number of at least 1"),
        ('title = "Homework 1"', "limits.memory_mb = 1", "at least 256"),
    ],
)
def test_each_mistake_is_named(tmp_path, old, new, expected):
    path = tmp_path / "hw1.toml"
    assert TOML.count(old) >= 1
    path.write_text(TOML.replace(old, new, 1))
    with pytest.raises(UsageError) as caught:
        load(path)
    assert expected in str(caught.value) and str(path) in str(caught.value)


def test_a_file_without_exercises_or_at_all(tmp_path):
    with pytest.raises(UsageError, match="cannot read"):
        load(tmp_path / "no.toml")
    (tmp_path / "hw1.toml").write_text('title = "x"')
    with pytest.raises(UsageError, match=r"at least one \[\[exercise\]\]"):
        load(tmp_path / "hw1.toml")
    (tmp_path / "hw1.toml").write_bytes(b"\xff")
    with pytest.raises(UsageError, match="UTF-8"):
        load(tmp_path / "hw1.toml")


def test_points_are_all_of_them_only_for_a_pass():
    """By hand: critic_loss has 8 points of its own."""
    exercise = catalog.find("gan/12/critic_loss")[0]
    assert exercise.points == 8
    third = Asked(exercise, 1.0)
    assert [third.scaled(raw) for raw in (0, 1, 3, 7, 8)] == [0.0, 0.12, 0.37, 0.87, 1.0]
    tiny = Asked(exercise, 0.01)
    assert tiny.scaled(7) == 0.0 and tiny.scaled(8) == 0.01
    for points, raw in itertools.product((0.5, 3, 7.7, 10, 100), range(9)):
        scaled = Asked(exercise, points).scaled(raw)
        assert (scaled == points) == (raw == 8) and abs(scaled - points * raw / 8) < 0.01


def test_lateness_by_hand():
    due = datetime.datetime(2027, 2, 1, 23, 59, tzinfo=UTC)
    late = Late(per_day=0.1, days=5, grace_minutes=15)

    def after(**units):
        moment = due + datetime.timedelta(**units)
        return late.days_late(due, moment), late.share(due, moment)

    assert after(minutes=-1) == after(minutes=0) == after(minutes=15) == (0, 0.0)
    assert after(minutes=16) == (1, 0.1) and after(days=1) == (1, 0.1)
    assert after(days=1, seconds=1) == (2, 0.2)
    assert after(days=5) == (5, 0.5) and after(days=5, seconds=1) == (6, 1.0)
    assert Late(per_day=0.4, days=9).share(due, due + datetime.timedelta(days=8)) == 1.0
    other = datetime.datetime(2027, 2, 2, 0, 59, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))
    assert late.days_late(due, other) == 0, "the same moment in another zone"
    assert late.share(None, due) == late.share(due, None) == 0.0


def test_seeds_follow_from_the_secret(a_class):
    assignment = a_class.assignment
    three = assignments.rebuilt("hw1", TOML + "\n", {})
    object.__setattr__(three, "seed_count", 3)
    seeds = graded_seeds(three, "x")
    assert len(set(seeds)) == 3 and seeds[0] == graded_seeds(assignment, "x")[0]
    assert graded_seeds(assignment, "y") != graded_seeds(assignment, "x")
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_the_hash_changes_with_what_counts(a_class):
    before = a_class.assignment.sha256
    assert a_class.assignment.sha256 == before
    a_class.write("hw1.toml", TOML.replace("points = 8", "points = 9"))
    changed = a_class.assignment.sha256
    a_class.write("hw1.toml", 'data = ["x.csv"]\n' + TOML)
    a_class.write("x.csv", "1")
    one = a_class.assignment.sha256
    a_class.write("x.csv", "2")
    assert len({before, changed, one, a_class.assignment.sha256}) == 4
