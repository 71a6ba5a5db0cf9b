"""The assignment: its file, its errors, points, lateness, seeds."""

import dataclasses
import datetime
import itertools
import json
import os
import sys

import jsonschema
import pytest

from minigen.classroom import assignment as assignments
from minigen.classroom import build
from minigen.classroom.assignment import AssignedExercise, Late, graded_seeds, load
from minigen.classroom.schemas import schema
from minigen.cli import main
from minigen.course.console import UsageError
from minigen.course.exercise import catalog
from minigen.course.exercise.grading.secret import MOST, hundredths, weights

from .conftest import TOML, in_this_process

UTC = datetime.UTC
KINDS = {"number": "a number", "integer": "a whole number"}


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
    assert len(assignment.exercises) == 4 and assignment.exercises[-1].id == "gan/12/critic_loss"
    assert assignment.due.replace(tzinfo=None) == datetime.datetime(2027, 2, 1, 23, 59)
    assert all(assigned.points == assigned.exercise.points for assigned in assignment.exercises)
    assert "# " in assignment.text and assignment.answer_files == ["gan_02.py", "gan_12.py"]
    before = (tmp_path / "hw1.toml").read_bytes()
    assert main(words) == 2 and "already exists" in capsys.readouterr().err
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


TITLE, DUE, ID = 'title = "Homework 1"', "due = 2027-02-01T23:59:00+00:00", '"gan/12/critic_loss"'
KNOWN = (
    "allowed_modules, counting, data, due, exercise, form, helpers, hints, late, limits, private, question, seeds, "
    "title, visibility"
)
A_TIME = "due must be a date and time such as 2027-02-01T23:59:00, without quotes, got "
A_SHARE, A_COUNT = "a number of at least 0 and at most 1", "a whole number of at least 1"
A_TABLE = 'at least one table [[exercise]], with id = "gan/02/discriminator_loss"'
MODULES = 'allowed_modules must be a list of texts such as ["numpy"], got '
VISIBILITY = "visibility must be one of visible, hidden, after_due_date, after_published, got "
AN_ID = 'an exercise such as "gan/02/discriminator_loss"'


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (TITLE, "title = 3", "title must be a line of text, got 3"),
        (TITLE, 'title = " "', "title must be a line of text, got ' '"),
        (TITLE, 'title = ""', "title must be a line of text, got ''"),
        (TITLE, 'title = "a\\nb"', "title must be a line of text, got 'a\\nb'"),
        (
            TITLE,
            "title = 2027-02-01T23:59:00",
            "title must be a line of text, got datetime.datetime(2027, 2, 1, 23, 59)",
        ),
        (DUE, 'due = "2027-02-01T23:59:00"', f"{A_TIME}'2027-02-01T23:59:00'"),
        (DUE, "due = 2027-02-01", f"{A_TIME}datetime.date(2027, 2, 1)"),
        (DUE, "dew = 1", f"it has an unknown key 'dew'; known are {KNOWN}"),
        (TITLE, "late.hour = 1", "[late] has an unknown key 'hour'; known are days, grace_minutes, per_day, per_hour"),
        ("points = 8", "weight = 8", "[[exercise]] 1 has an unknown key 'weight'; known are id, points"),
        ("points = 8", "points = 0", "[[exercise]] 1: points must be a number of more than 0, got 0"),
        ("points = 5", 'points = "5"', "[[exercise]] 2: points must be a number of more than 0, got '5'"),
        ("points = 5", "points = true", "[[exercise]] 2: points must be a number of more than 0, got True"),
        ("points = 8", "points = nan", "[[exercise]] 1: points must be a number of more than 0, got nan"),
        ("points = 8", "points = inf", "[[exercise]] 1: points must be a number of more than 0, got inf"),
        ("points = 8", f"points = {10**400}", f"[[exercise]] 1: points must be a number of more than 0, got {10**400}"),
        (ID, '"gan/12/critics_loss"', "there is no exercise 'gan/12/critics_loss'; did you mean gan/12/critic_loss, "),
        (ID, '"gan/02"', "'gan/02' has several exercises; write an [[exercise]] for each: gan/02/"),
        (ID, "12", f"[[exercise]] 1: id must be {AN_ID}, got 12"),
        (f"id = {ID}\n", "", f"[[exercise]] 1: id is missing; it must be {AN_ID}"),
        (ID, '"gan/02/generator_loss_minimax"', "gan/02/generator_loss_minimax is listed twice"),
        ("[[exercise]]", "exercise", "is not TOML: "),
        (
            TITLE,
            'helpers = ["../x.py"]',
            "a declared file is beside the assignment, named without a folder; got '../",
        ),
        (TITLE, 'helpers = ["x.txt"]', "helpers must be a list of Python files such as [\"tools.py\"], got ['x.txt']"),
        (TITLE, 'data = "x.csv"', "data must be a list of files such as [\"points.csv\"], got 'x.csv'"),
        (TITLE, 'data = ["no.csv"]', "the declared file no.csv cannot be read beside it: "),
        (
            TITLE,
            'helpers = ["gan_12.py"]',
            "gan_12.py is declared twice, or is the name of a file that",
        ),
        (
            TITLE,
            'allowed_modules = "numpy"',
            f"{MODULES}'numpy'",
        ),
        (TITLE, 'allowed_modules = [""]', f"{MODULES}['']"),
        (
            TITLE,
            'visibility = "none"',
            f"{VISIBILITY}'none'",
        ),
        (TITLE, "late = 1", "late must be a table, [late], got 1"),
        (TITLE, "late.per_day = 2", f"late.per_day must be {A_SHARE}, got 2"),
        (TITLE, "late.per_day = -0.1", f"late.per_day must be {A_SHARE}, got -0.1"),
        (TITLE, "late.days = 1.0", "late.days must be a whole number of at least 0, got 1.0"),
        (TITLE, "late.grace_minutes = -1", "late.grace_minutes must be a number of at least 0, got -1"),
        (TITLE, "seeds.practice = -1", "seeds.practice must be a whole number of at least 0, got -1"),
        (TITLE, "seeds.graded = 0", f"seeds.graded must be {A_COUNT}, got 0"),
        (TITLE, "seeds.graded = true", f"seeds.graded must be {A_COUNT}, got True"),
        (TITLE, "hints.up_to = 4", "hints.up_to must be a whole number of at least 0 and at most 3, got 4"),
        (TITLE, "limits.seconds = 0.5", "limits.seconds must be a number of at least 1, got 0.5"),
        (TITLE, "limits.memory_mb = 1", "limits.memory_mb must be a whole number of at least 256, got 1"),
        (TITLE, "form.name = 2", f"form.name must be {A_SHARE}, got 2"),
        (TITLE, "form.shape = 1", "[form] has an unknown key 'shape'; known are name"),
    ],
)
def test_each_mistake_is_named(tmp_path, old, new, expected):
    path = tmp_path / "hw1.toml"
    assert TOML.count(old) >= 1
    path.write_text(TOML.replace(old, new, 1))
    with pytest.raises(UsageError) as caught:
        load(path)
    assert str(caught.value).startswith((f"{path}: {expected}", f"{path} {expected}"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('title = "x"', f"exercise is missing; it must be {A_TABLE}"),
        ("exercise = []", f"exercise must be {A_TABLE}, got []"),
        ("exercise = [1]", f"exercise must be {A_TABLE}, got [1]"),
        (f"exercise.id = {ID}", f"exercise must be {A_TABLE}, got {{'id': 'gan/12/critic_loss'}}"),
    ],
)
def test_a_file_without_exercises(tmp_path, text, expected):
    path = tmp_path / "hw1.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: {expected}"


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(UsageError, match="cannot read"):
        load(tmp_path / "no.toml")
    (tmp_path / "hw1.toml").write_bytes(b"\xff")
    with pytest.raises(UsageError, match="UTF-8"):
        load(tmp_path / "hw1.toml")


def test_what_is_not_given_has_a_default(a_class):
    """Whole numbers are taken where numbers are, and the least values that the schema allows."""
    plain = a_class.assignment
    assert plain.late == Late(per_day=0.0, days=365, grace_minutes=0.0) and plain.visibility == "visible"
    assert (plain.practice_seed, plain.seed_count, plain.seconds, plain.memory_mb) == (0, 1, 300.0, 768)
    assert plain.hints == 3
    assert "numpy" in plain.allowed_modules and plain.helpers == plain.data == () and plain.files == {}
    text = (
        TOML.replace(DUE, "allowed_modules = []").replace(TITLE, 'title = " A "').replace("points = 8", "points = 0.5")
    )
    text += "[late]\nper_day = 1\ndays = 0\n[seeds]\npractice = 3\ngraded = 2\n"
    text += "[limits]\nseconds = 1\nmemory_mb = 256\n"
    a_class.write("hw1.toml", text)
    given = a_class.assignment
    assert (given.title, given.due, given.allowed_modules, given.possible) == ("A", None, (), 5.5)
    assert given.late == Late(per_day=1.0, days=0, grace_minutes=0.0)
    assert (given.practice_seed, given.seed_count, given.seconds, given.memory_mb) == (3, 2, 1.0, 256)


def test_hints_are_limited_in_what_students_get(a_class):
    """The file that `minigen exercise hint` looks for, and the README; how an answer is graded does not change."""
    before = a_class.assignment
    for hints, words in ((2, "(2 hints an exercise)"), (0, "There are no hints in this assignment.")):
        a_class.write("hw1.toml", f"{TOML}[hints]\nup_to = {hints}\n")
        given = a_class.assignment
        assert given.graded_by == before.graded_by
        for notebook in ("", "hw1.ipynb"):
            files = build.student_files(given, "minigen.whl", notebook)
            listed = json.loads(files["minigen.json"])["hints"]
            assert listed == dict.fromkeys(["gan/12/critic_loss", "gan/02/generator_loss_minimax"], hints)
            readme = files["README.md"].decode()
            assert words in readme and "Keep `minigen.json`" in readme
            assert ("exercise hint" in readme) == (".progress.json" in readme) == (hints > 0)


def test_every_hand_out_says_what_check_judges_by(a_class):
    """The exercises, modules, files, memory and seed of practice, as `minigen grade` has them."""
    a_class.write("tools.py", "")
    more = 'helpers = ["tools.py"]\nallowed_modules = ["numpy"]\n'
    a_class.write("hw1.toml", f"{more}{TOML}[seeds]\npractice = 7\n[limits]\nmemory_mb = 900\n")
    files = build.student_files(a_class.assignment, "minigen.whl")
    listed = json.loads(files["minigen.json"])
    assert listed["exercises"] == ["gan/12/critic_loss", "gan/02/generator_loss_minimax"]
    assert listed["hints"] == dict.fromkeys(listed["exercises"], 3)
    rules = {"allowed_modules": ["numpy"], "files": ["tools.py"], "practice_seed": 7, "memory_mb": 900}
    assert rules.items() <= listed.items()
    assert "An import that no answer uses costs nothing" in files["README.md"].decode()


def test_students_read_the_time_in_the_zone_of_the_teacher(a_class, monkeypatch):
    """Where the file gives an offset, whatever the zone of the machine that builds."""
    for given, shown in (("23:59:00+01:00", "23:59 UTC+01:00"), ("12:00:00Z", "12:00 UTC")):
        a_class.write("hw1.toml", TOML.replace("23:59:00+00:00", given))
        text = build.readme(a_class.assignment, "minigen.whl")
        assert f"Due Monday, 1 February 2027, {shown}. " in text
    a_class.write("hw1.toml", TOML.replace("23:59:00+00:00", "23:59:00"))
    assert a_class.assignment.due.tzinfo is not None


def test_descriptions_state_the_limits_of_the_schema():
    """A description is what a teacher reads in an error."""
    tables = [schema("assignment"), schema("assignment")["properties"]["exercise"]["items"]]
    tables += [part for part in tables[0]["properties"].values() if "properties" in part]
    limited = [part for table in tables for part in table["properties"].values() if part.get("type") in KINDS]
    assert len(limited) == 13
    for part in limited:
        words = [KINDS[part["type"]], f"at least {part['minimum']}" if "minimum" in part else "of more than 0"]
        words += [f"at most {part['maximum']}"] if "maximum" in part else []
        assert all(word in part["description"] for word in words)
    visibility = tables[0]["properties"]["visibility"]
    assert visibility["description"] == f"one of {', '.join(visibility['enum'])}"


def test_the_schema_itself_is_one():
    jsonschema.Draft202012Validator.check_schema(schema("assignment"))


def test_without_jsonschema_one_sentence_says_what_to_install(a_class, monkeypatch):
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    with pytest.raises(UsageError) as caught:
        load(a_class.folder / "hw1.toml")
    expected = "checking an assignment needs jsonschema: python -m pip install nbformat jinja2 jsonschema"
    assert str(caught.value) == expected
    assert assignments.rebuilt("hw1", TOML, {}).possible == 13, "a process that grades needs none"


def test_points_are_all_of_them_only_for_a_pass():
    """By hand: 7 points for cases of 1, 1, 3 and 1."""
    exercise = catalog.find("gan/12/critic_loss")[0]

    def scaled(points, *earned, renamed=False):
        values = (1, 1, 3, 1)
        cases = [{"points": value * has, "possible": value} for value, has in zip(values, earned, strict=True)]
        return AssignedExercise(exercise, points).scaled(cases, renamed)

    assert hundredths(7.0, (1, 1, 3, 1)) == [1.16, 1.16, 3.52, 1.16]
    assert (scaled(7.0, 1, 0, 0, 1), scaled(7.0, 1, 0, 1, 0), scaled(7.0, 0, 0, 0, 0)) == (2.32, 4.68, 0)
    assert scaled(7.0, 1, 1, 1, 1) == 7.0 and scaled(7.0, 1, 0, 0, 1, renamed=True) == 1.86
    assert scaled(0.01, 1, 1, 0, 1) == 0.0 and scaled(0.01, 1, 1, 1, 1) == 0.01
    for points, earned in itertools.product((0.5, 3, 7.7, 10, 100), itertools.product((0, 1), repeat=4)):
        share = sum(value for value, has in zip((1, 1, 3, 1), earned, strict=True) if has) / 6
        found = scaled(points, *earned)
        assert (found == points) == all(earned) and abs(found - points * share) < 0.03


def test_the_points_of_cases_are_hundredths_that_add_up():
    """So that the sum over an answer's cases is the same on every platform; no case gets more than its part, except the
    one that is worth most.
    """
    for exercise in catalog.all_exercises():
        for points, values in itertools.product((1.0, 7.0, 15.0, 33.33), (weights(exercise), [1.0] * 7)):
            parts = hundredths(points, values)
            assert sum(parts) == pytest.approx(points, abs=1e-9)
            assert all(abs(100 * part - round(100 * part)) < 1e-6 and part >= 0 for part in parts)
            extra = [part - points * value / sum(values) for part, value in zip(parts, values, strict=True)]
            assert sum(more > 1e-6 for more in extra) <= 1 and max(extra) < 0.01 * len(values)


def test_the_weights_of_cases_are_hundredths_and_the_fixed_ones_have_at_most_a_tenth():
    """So that rounding, on the way to an assignment's points, gives a table of the fixed cases no more."""
    for exercise in catalog.all_exercises():
        values = weights(exercise)
        assert all(abs(100 * value - round(100 * value)) < 1e-6 and value >= 0 for value in values), exercise.id
        assert sum(values) == pytest.approx(exercise.points, abs=1e-9), exercise.id
        fixed = [case.fixed for case in exercise.cases]
        if not all(fixed):
            of_fixed = sum(value for value, is_fixed in zip(values, fixed, strict=True) if is_fixed)
            assert of_fixed <= MOST * exercise.points + 1e-9, exercise.id


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
    other = dataclasses.replace(assignment, slug="hw2")
    places = [graded_seeds(*where) for where in ((assignment, "x"), (assignment, "x", "otter"), (other, "x", "otter"))]
    assert len({seed for (seed,) in places}) == 3, "who sees those of one platform does not know the others"


@pytest.mark.parametrize("secret", ["", " ", "\n"])
def test_an_empty_secret_is_refused(a_class, monkeypatch, capsys, secret):
    """As of a variable that is not set: --seed "$SECRET"."""
    monkeypatch.chdir(a_class.folder)
    grade = ["grade", "submissions", "--assignment", "hw1.toml", "--roster", "roster.csv", "--out", "grades"]
    for words in (grade, ["assignment", "build", "hw1.toml", "--out", "dist"]):
        assert main([*words, "--seed", secret]) == 2
        assert "the secret of --seed is empty" in capsys.readouterr().err
    assert not (a_class.folder / "dist").exists() and not (a_class.out / "results").exists()


GRADE = ["grade", "submissions", "--assignment", "hw1.toml", "--roster", "roster.csv"]


def test_a_secret_that_no_list_of_processes_shows(a_class, quickly, monkeypatch, capsys):
    """From a file or the environment it gives the same seeds; no process that is started later has the variable."""
    monkeypatch.chdir(a_class.folder)
    monkeypatch.setattr("minigen.classroom.grade.pool.run", lambda jobs, setup, count: in_this_process(jobs, setup))
    a_class.write("secret.txt", "a sentence\n")
    seeds = []
    for words, variable in ((["--seed", "a sentence"], ""), (["--seed-file", "secret.txt"], "x"), ([], "a sentence")):
        if variable:
            monkeypatch.setenv("MINIGEN_SEED", variable)
        assert main([*GRADE, "--out", f"grades{len(seeds)}", "--sandbox", "none", *words]) == 0
        assert "MINIGEN_SEED" not in os.environ
        seeds.append(json.loads((a_class.folder / f"grades{len(seeds)}/results/s001.json").read_text())["seeds"])
    assert seeds[0] == seeds[1] == seeds[2]
    capsys.readouterr()
    for words, expected in (
        ([], "grade needs a secret: --seed SECRET, --seed-file FILE or the variable MINIGEN_SEED"),
        (["--seed", "x", "--seed-file", "secret.txt"], "give --seed or --seed-file, not both"),
        (["--seed-file", "no.txt"], "cannot read the secret of --seed-file no.txt"),
    ):
        assert main([*GRADE, "--out", "grades", *words]) == 2
        assert expected in capsys.readouterr().err


@pytest.mark.parametrize("why_not", ["", "there is no program bwrap"])
def test_answers_run_in_bubblewrap_where_it_runs(a_class, quickly, monkeypatch, capsys, why_not):
    """Without it the class says what that means, in one line."""
    from minigen.course.exercise.grading import bubblewrap

    seen = []

    def run(jobs, setup, count):
        seen.append(setup.sandbox)
        return in_this_process(jobs, setup)

    monkeypatch.chdir(a_class.folder)
    monkeypatch.setattr("minigen.classroom.grade.pool.run", run)
    monkeypatch.setattr(bubblewrap, "why_not", lambda: why_not)
    assert main([*GRADE, "--out", "grades", "--seed", "x"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "without a sandbox" in line]
    assert seen == ["" if why_not else "bwrap"] and len(lines) == bool(why_not)
    assert not lines or why_not in lines[0] and "install bubblewrap" in lines[0]
    assert main([*GRADE, "--out", "grades", "--seed", "x", "--sandbox", "none"]) == 0
    assert seen[1] == "" and "without a sandbox" in capsys.readouterr().out


def test_what_answers_are_graded_by(a_class):
    """Lateness, the title, the visibility, points and a comment change the assignment, and not how an answer is
    graded: the points of its exercise are computed from those of its cases.
    """
    before = a_class.assignment
    late, form = "[late]\nper_day = 0.5\n", "[form]\nname = 0.5\n"
    points = TOML.replace("= 8", "= 9")
    dates = TOML.replace("02-01", "02-02")
    for text in (dates, "# x\n" + TOML, TOML + late, TOML + form, points, TOML.replace("Homework", "Work")):
        a_class.write("hw1.toml", text)
        now = a_class.assignment
        assert now.graded_by == before.graded_by and now.sha256 != before.sha256
    limits = "[limits]\nseconds = 9\n"
    for text in (TOML + limits, 'allowed_modules = ["numpy"]\n' + TOML):
        a_class.write("hw1.toml", text)
        assert a_class.assignment.graded_by != before.graded_by


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


QUESTION = '\n[[question]]\nid = "q1"\ntext = "Why?"\npoints = 3\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (QUESTION * 2, "the question q1 is listed twice"),
        (QUESTION.replace("points = 3", ""), "[[question]] 1: points is missing; it must be a number of more than 0"),
        (QUESTION.replace("= 3", "= 0"), "[[question]] 1: points must be a number of more than 0, got 0"),
        (QUESTION.replace("q1", "a b"), "[[question]] 1: id must be a name of letters, digits and - such as"),
        (QUESTION.replace('text = "Why?"', ""), "[[question]] 1: text is missing; it must be a text, the question"),
        (QUESTION + "criteria = []", "[[question]] 1 has an unknown key 'criteria'; known are id, points, text"),
    ],
)
def test_mistakes_in_questions(a_class, text, expected):
    path = a_class.write("hw1.toml", TOML + text)
    with pytest.raises(UsageError) as caught:
        _ = a_class.assignment
    assert str(caught.value).startswith(f"{path}: {expected}")
