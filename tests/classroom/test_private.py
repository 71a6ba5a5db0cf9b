"""An assignment with private variants: what students get, how it is graded, and what says which variant it was."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from minigen.classroom import assignment as assignments
from minigen.classroom import build, notebooks
from minigen.classroom.platforms import export, nbgrader, otter, remote
from minigen.classroom.platforms.score import Checked, score
from minigen.classroom.private import variants
from minigen.classroom.private.declaration import addresses
from minigen.classroom.private.variants import packed
from minigen.classroom.teaching.solutions import solutions
from minigen.course.console import UsageError
from minigen.course.exercise import catalog, limits, stubs
from minigen.course.exercise.answers import with_names
from minigen.course.exercise.given import given_of
from minigen.course.exercise.grading.in_process import grade_function
from minigen.course.exercise.grading.reference import references

SLOPE, COVERAGE, CRITIC = "gan/12/penalized_slope", "gan/07/mode_coverage", "gan/12/critic_loss"
TOML = f"""\
title = "Homework 1"

[private]
exercises = "all"

[[exercise]]
id = "{SLOPE}"

[[exercise]]
id = "{COVERAGE}"

[[exercise]]
id = "{CRITIC}"
"""
SECRET = "a secret"  # that of the class


@pytest.fixture
def an_exam(a_class):
    a_class.write("hw1.toml", TOML)
    return a_class


def answered(files: dict[str, bytes], exercises) -> dict[str, str]:
    """The students' files with the third hint of each exercise typed in."""
    texts = {name: data.decode() for name, data in files.items() if name.endswith(".py")}
    for exercise in exercises:
        name = f"{exercise.lesson.replace('/', '_')}.py"
        texts[name] = stubs.completed(texts[name], {exercise.name: exercise.hints[2]})
    return texts


def test_from_the_stubs_to_the_report(an_exam, quickly):
    """The variant's answer passes; that of the lesson, found elsewhere, is told from it and fails."""
    plain = an_exam.assignment
    given = assignments.with_private(plain, SECRET)
    assert set(given.numbers) == {SLOPE, COVERAGE}, "critic_loss is called by another exercise and has no variant"
    assert given.possible == plain.possible and given.sha256 != plain.sha256
    files = build.student_files(given, "minigen.whl")
    variant = given.exercises[0].exercise
    assert f"Changed for this assignment: {variant.changed}" in " ".join(files["gan_12.py"].decode().split())
    assert "--with" not in files["gan_12.py"].decode(), "the lesson cannot train with another equation"
    handed_out = json.loads(files[limits.FILE_NAME])
    assert {id: data["number"] for id, data in handed_out["private"].items()} == given.numbers
    assert set(handed_out["hints"].values()) == {2}, "the third hint is the answer"
    assert {len(data["hints"]) for data in handed_out["private"].values()} == {2}
    assert f"`{SLOPE}`, `{COVERAGE}`" in files["README.md"].decode()
    for student, exercises in (("s001", given.exercises), ("s002", plain.exercises)):
        for name, text in answered(files, [each.exercise for each in exercises]).items():
            text = text.replace("min_count", "at_least")  # which the hint of the lesson calls otherwise
            an_exam.write(f"submissions/{student}/{name}", text)
    an_exam.grade()
    right, found = an_exam.document("s001"), an_exam.document("s002")
    assert [row["passed"] for row in right["exercises"]] == [True, True, True]
    assert [row["passed"] for row in found["exercises"]] == [False, False, True]
    assert [row.get("private", "") for row in found["exercises"]] == [each.exercise.changed for each in given.exercises]
    assert all(
        row["hint"] == "This is the equation of the lesson, and the assignment changes it." and row["listed"]
        for row in found["exercises"][:2]
    )
    assert found["total"] < 0.6 * found["possible"] and not any(row["notes"] for row in right["exercises"])
    feedback = (an_exam.out / "feedback" / "s001.md").read_text().replace("\\", "")
    assert f"Changed for this assignment: {variant.changed}" in feedback
    report = (an_exam.out / "report.html").read_text()
    assert "<h2>Private variants</h2>" in report and variant.changed in report


def test_nothing_changes_without_the_table(a_class, quickly):
    a_class.hand_in("s001")
    a_class.grade()
    assert not any("private" in row for row in a_class.document("s001")["exercises"])
    assert "Private variants" not in (a_class.out / "report.html").read_text()
    plain = a_class.assignment
    assert assignments.with_private(plain, None) is plain and plain.private == () and plain.numbers == {}
    given = json.loads(build.student_files(plain, "minigen.whl")[limits.FILE_NAME])
    assert given.keys() == {"exercises", "allowed_modules", "files", "practice_seed", "memory_mb", "hints"}


def test_another_secret_is_noticed(an_exam, quickly):
    """What was built with another secret than that of the grading is noted at each answer."""
    other = next(
        given
        for given in (assignments.with_private(an_exam.assignment, f"another {n}") for n in range(20))
        if given.numbers[SLOPE] != assignments.with_private(an_exam.assignment, SECRET).numbers[SLOPE]
    )
    for name, data in build.student_files(other, "minigen.whl").items():
        an_exam.write(f"submissions/s001/{name}", data)
    an_exam.grade()
    row = an_exam.document("s001")["exercises"][0]
    assert row["notes"] == [
        f"the file is for {SLOPE}@{other.numbers[SLOPE]}: was the assignment built with another --seed?"
    ]


def test_a_secret_is_needed(an_exam, tmp_path):
    for secret in (None, " "):
        with pytest.raises(UsageError, match="--seed SECRET"):
            assignments.with_private(an_exam.assignment, secret)
    with pytest.raises(UsageError, match="--seed SECRET"):
        list(build.build(an_exam.assignment, tmp_path / "dist"))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('exercises = "some"', 'private.exercises must be "all", or a list'),
        ("exercises = 3", 'private.exercises must be "all", or a list'),
        (
            'exercises = ["critic_loss"]',
            "critic_loss has no private variant; of this assignment's gan/12/penalized_slope",
        ),
        ('exercises = ["gan/02/none"]', "gan/02/none has no private variant"),
        ('variants = "all"', "unknown key 'variants'"),
    ],
)
def test_what_the_table_may_hold(an_exam, table, words):
    an_exam.write("hw1.toml", TOML.replace('exercises = "all"', table))
    with pytest.raises(UsageError) as error:
        assert an_exam.assignment
    assert words in str(error.value)


def test_one_of_several(an_exam):
    an_exam.write("hw1.toml", TOML.replace('"all"', '["mode_coverage"]'))
    assert assignments.with_private(an_exam.assignment, SECRET).numbers == {COVERAGE: 0}


def test_platforms_grade_the_same_variant(an_exam, tmp_path, monkeypatch, capsys):
    """nbgrader and otter name it in their calls; Gradescope has it beside the seeds."""
    given = assignments.with_private(an_exam.assignment, SECRET)
    variant = given.exercises[0].exercise
    assert f'Checked("{variant.address}", seeds=[3])' in otter.tests_of(given.exercises[0], [3])
    cells = "\n".join(cell.source for cell in nbgrader.source_notebook(given).cells)
    assert f'score("{variant.address}", globals()' in cells and variant.hints[2] in cells
    cells = "\n".join(cell.source for cell in notebooks.student_notebook(given).cells)
    assert f'check("{variant.address}", penalized_slope' in cells
    right, ordinary = variant.reference, variants.find(SLOPE).reference
    assert (
        score(variant.address, {"penalized_slope": lambda distance, penalty=10.0: right(distance, penalty)}, seeds=[3])
        == variant.points
    )
    assert (
        score(
            variant.address, {"penalized_slope": lambda distance, penalty=10.0: ordinary(distance, penalty)}, seeds=[3]
        )
        == 0
    )
    assert "This is the equation of the lesson" in capsys.readouterr().out
    with pytest.raises(AssertionError, match="This is the equation of the lesson"):
        names = {"penalized_slope": lambda distance, penalty=10.0: ordinary(distance, penalty)}
        Checked(variant.address, [3]).require("a_table", names)
    monkeypatch.setattr(export, "copy_package", lambda folder: None)
    export.write_grader(tmp_path / "home", given, [3])
    assert set(json.loads((tmp_path / "home/seeds.json").read_text())["private"]) == set(given.numbers)
    (tmp_path / "checkout").mkdir()
    assignment, rows = remote.grade_folder(tmp_path / "checkout", tmp_path / "home")
    assert assignment.numbers == given.numbers and rows[0]["private"] == variant.changed


def test_solutions_have_the_change(an_exam):
    given = assignments.with_private(an_exam.assignment, SECRET)
    variant = given.exercises[0].exercise
    text = solutions(given)
    assert variant.hints[2] in text and f"Changed for this assignment: {variant.changed}" in text
    assert "ordinary(" not in text


def test_a_students_folder_checks_what_was_given(an_exam, tmp_path, monkeypatch, capsys):
    """`check`, `hint` and `diff` read which variant it is from the file that comes with the stubs."""
    from minigen.course.commands.exercise import main

    given = assignments.with_private(an_exam.assignment, SECRET)
    variant = given.exercises[0].exercise
    folder = tmp_path / "work" / "exercises"
    folder.mkdir(parents=True)
    files = build.student_files(given, "minigen.whl")
    (folder / "gan_12.py").write_text(answered(files, [variant])["gan_12.py"])
    (folder / limits.FILE_NAME).write_bytes(files[limits.FILE_NAME])
    monkeypatch.chdir(folder.parent)
    assert main(["check", SLOPE, "--here"]) == 0
    assert main(["hint", SLOPE]) == 0 and main(["hint", SLOPE]) == 0
    assert variant.changed in " ".join(capsys.readouterr().out.split())
    assert main(["diff", SLOPE]) == 2
    assert "does not show the answers" in capsys.readouterr().err
    assert main(["reset", SLOPE]) == 0
    assert variant.changed in " ".join((folder / "gan_12.py").read_text().split())
    shutil.copy(folder / "gan_12.py", folder / "again.py")
    (folder / limits.FILE_NAME).unlink()  # then it is the exercise of the lesson
    (folder / "gan_12.py").write_text(answered(files, [variant])["gan_12.py"])
    assert main(["check", SLOPE, "--here"]) == 1


def test_a_notebook_checks_what_was_given(an_exam, tmp_path, monkeypatch, capsys):
    """By its address, as the cells have it: only the file beside the notebook says what is changed."""
    from minigen.course.exercise.in_notebook import check

    given = assignments.with_private(an_exam.assignment, SECRET)
    variant = given.exercises[0].exercise
    right, ordinary = variant.reference, variant.ordinary.reference
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    with pytest.raises(UsageError, match="minigen.json is not here"):
        check(variant.address, lambda distance, penalty=10.0: right(distance, penalty))
    Path(limits.FILE_NAME).write_bytes(build.student_files(given, "minigen.whl")[limits.FILE_NAME])
    check(variant.address, lambda distance, penalty=10.0: right(distance, penalty))
    assert f"{SLOPE}: pass, 7 of 7 points" in capsys.readouterr().out
    check(variant.address, lambda distance, penalty=10.0: ordinary(distance, penalty))
    assert "equation of the lesson" in capsys.readouterr().out
    with pytest.raises(UsageError, match="minigen.json is not here"):
        check(f"{SLOPE}@{variant.number + 1}", lambda distance, penalty=10.0: right(distance, penalty))


def test_a_platform_scores_what_was_given(an_exam, tmp_path, monkeypatch, capsys):
    """Its package has no declaration, and `score` reads the file that came with the notebook."""
    given = assignments.with_private(an_exam.assignment, SECRET)
    variant = given.exercises[0].exercise
    right, ordinary = variant.reference, variant.ordinary.reference
    monkeypatch.setattr(variants, "declared", lambda exercise: None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="minigen.json is not here"):
        score(variant.address, {"penalized_slope": ordinary})
    Path(limits.FILE_NAME).write_bytes(build.student_files(given, "minigen.whl")[limits.FILE_NAME])
    assert (
        score(variant.address, {"penalized_slope": lambda distance, penalty=10.0: right(distance, penalty)})
        == variant.points
    )
    assert score(variant.address, {"penalized_slope": lambda distance, penalty=10.0: ordinary(distance, penalty)}) == 0


def test_a_lesson_does_not_train_with_it(an_exam, tmp_path):
    from minigen.course.exercise.substitute import install

    given = assignments.with_private(an_exam.assignment, SECRET)
    files = build.student_files(given, "minigen.whl")
    path = tmp_path / "gan_12.py"
    path.write_text(answered(files, [given.exercises[0].exercise])["gan_12.py"])
    (tmp_path / limits.FILE_NAME).write_bytes(files[limits.FILE_NAME])
    with pytest.raises(UsageError, match="penalized_slope is changed for an assignment"):
        install(path, "gan/12")


# ------------------------------------------------------------------------------------------- what leaves the machine


def texts_in(folder: Path) -> dict[str, str]:
    """Every file below a folder, and in the zips and wheels there, as text without spaces and line breaks."""
    found = {}
    for path in (path for path in folder.rglob("*") if path.is_file()):
        if path.suffix in (".whl", ".zip"):
            with zipfile.ZipFile(path) as archive:
                archive.extractall(path.with_suffix(".unpacked"))
            found |= texts_in(path.with_suffix(".unpacked"))
        elif path.suffix not in (".npz", ".png", ".svg", ".gif"):  # data and figures
            found[str(path)] = "".join(path.read_bytes().decode("utf-8", "replace").split())
    return found


def secrets_of(exercise, known: str) -> set[str]:
    """The answer and the body of a private variant, and their lines, but not what the package says anyway."""
    texts = [exercise.typed(text) for text in (exercise.private.body, exercise.private.answer)]
    bare = {"".join(part.split()) for text in texts for part in (text, *text.splitlines())}
    return {secret for secret in bare if len(secret) > 20 and secret not in known}


@pytest.mark.slow
def test_no_private_answer_leaves_the_machine(an_exam, tmp_path):
    """Of all variants there are, of those that were chosen in particular; in what students and platforms get."""
    out = tmp_path / "dist"
    list(build.build(an_exam.assignment, out, notebook=True, secret=SECRET))
    shutil.rmtree(out / "nbgrader" / "source")  # the teacher's own course, from which nbgrader takes the answers out
    texts = texts_in(out)
    assert texts and not [name for name in texts if name.endswith("private.py")]
    chosen = [each.exercise for each in assignments.with_private(an_exam.assignment, SECRET).exercises[:2]]
    others = [variants.find(address) for each in catalog.all_exercises() for address in addresses(each)]
    assert len(others) > 50
    root = Path(build.__file__).parents[2]
    sources = [path for folder in ("minigen", "lessons") for path in (root / folder).rglob("*.py")]
    read = {path: "".join(path.read_text(encoding="utf-8").split()) for path in sources}
    known = "\0".join(text for path, text in read.items() if path.name != "private.py")
    declared = "\0".join(text for path, text in read.items() if path.name == "private.py")
    secrets = {secret: exercise.address for exercise in [*chosen, *others] for secret in secrets_of(exercise, known)}
    assert len(secrets) > 50 and sum(secret in declared for secret in secrets) > 15, "it looks for what there is"
    together = "\0".join(texts.values())
    assert not {secret: address for secret, address in secrets.items() if secret in together}


@pytest.mark.slow
def test_each_variant_is_checked_from_what_is_handed_out():
    """The right answer passes, that of the lesson is told from it, and the stub and its text are the same."""
    for exercise in catalog.all_exercises():
        for address in addresses(exercise)[:1]:
            variant = variants.find(address)
            data = packed(variant, stubs.signature(variant), {0: references(variant, 0)})
            copy = given_of(exercise, json.loads(json.dumps(data)))
            assert stubs.stub(copy) == stubs.stub(variant) and copy.address == address and len(copy.hints) == 2
            names: dict = {}
            exec(stubs.completed(stubs.stub_file([variant]), {variant.name: variant.hints[2]}), names)
            assert grade_function(copy, names[variant.name]).passed, address
            found: dict = {}
            exec(stubs.completed(stubs.stub_file([exercise]), {exercise.name: exercise.hints[2]}), found)
            report = grade_function(copy, with_names(found[exercise.name], copy.renamed))
            assert not report.passed and "equation of the lesson" in report.hint, (address, report.hint)


def test_other_seeds_than_those_handed_out_are_told(an_exam):
    given = assignments.with_private(an_exam.assignment, SECRET)
    handed_out = assignments.with_given(an_exam.assignment, assignments.given(given, [0]))
    with pytest.raises(UsageError, match="checked on seed 0 only, got 5"):
        references(handed_out.exercises[0].exercise, 5)
