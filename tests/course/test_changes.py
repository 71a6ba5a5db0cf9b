"""Changes of a lesson: how an edit is made, what its run is compared with, and what an edited lesson says of itself."""

import json
import re
import shutil
import subprocess
import sys

import pytest

from minigen.cli import main
from minigen.course.index.lesson_source import LessonSource
from minigen.course.index.names import find_lesson
from minigen.course.lesson import recorded, shipped
from minigen.course.lesson.changes import Change, changes_of, edited, invitations, try_change
from minigen.course.lesson.options import RunOptions
from minigen.course.lesson.run import run_file

BODY = """\
import numpy
x = numpy.array([1.0, 2.0])

# %%
lesson.predict("How much?", ["3", "more"])

# %%
lesson.check("sum", float(x.sum()), equals=3.0)
lesson.check("both", x, equals=[1, 2])
lesson.table([["first", float(x[0]), 1], ["last", float(x[1]), 2]], ["which", "value", "place"], title="Entries")
print("the largest is", x.max())
lesson.outcome(f"{x.sum():g}.", answer="3")

# %%
lesson.change("a third", "Change x[1] to 4: `2.0` becomes `4.0`.", answer="The sum is 5, the last value 4.0.")

# %%
lesson.claim("largest", float(x.max()), at_most=2)
if x.max() > 100:
    raise ValueError("too large")
lesson.check("later", True)"""

OLD, NEW = "numpy.array([1.0, 2.0])", "numpy.array([1.0, 4.0])"
ANSWER = "The sum is 5, the last value 4.0."


@pytest.fixture
def lesson(write_lesson):
    write_lesson("gan/01_tiny", BODY)
    return find_lesson("gan/01")


def tried(lesson, answer=ANSWER, **change):
    return try_change(lesson, Change(**{"old": OLD, "new": NEW, **change}), answer)


# -- the edit ----------------------------------------------------------------------------------------------------------


def test_an_edit_is_made_in_the_code_and_not_in_texts_or_invitations(lesson):
    source = LessonSource.read(lesson.path)
    assert edited(source, Change("2.0", "4.0", shows={"sum": 5})) == source.text.replace(OLD, NEW)
    assert edited(source, Change("x.max()", "x.min()", shows={"sum": 5}, count=3)).count("x.min()") == 3
    for old, found in [("x.max()", 3), ("A lesson", 1), ("becomes", 0), ("A small lesson", 0), ("nothing", 0)]:
        if found != 1:
            with pytest.raises(ValueError, match=f"is {found} times in the code of the lesson, not 1"):
                edited(source, Change(old, "", shows={"sum": 5}))


def test_a_change_says_what_it_shows():
    with pytest.raises(ValueError, match="must say what it shows"):
        Change("a", "b")
    with pytest.raises(ValueError, match="fails must be a list"):
        Change("a", "b", fails="sum")


def test_invitations_are_read_from_the_file(lesson):
    (change,) = invitations(LessonSource.read(lesson.path))
    assert (change.name, change.answer) == ("a third", ANSWER)
    for call in ['lesson.change("a", name, answer="b")', 'lesson.change("a", answer="b")', 'lesson.change("a", "b")']:
        with pytest.raises(ValueError, match="line 2: a name, a sentence and an answer must be"):
            invitations(LessonSource(f"x = 1\n{call}"))


# -- what the run is compared with -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shows",
    [
        {"sum": 5},
        {"sum": 5.0, ("last", "value"): 4.0},
        {("Entries", "last", "value"): 4},
        {(("last", 4.0), "place"): None},
        {"sum": {"at_least": 4.9}},
        {"both": {"equals": [1, 4]}},
        {"largest": None},
    ],
    ids=str,
)
def test_a_change_that_shows_what_is_said(lesson, shows):
    assert tried(lesson, shows=shows).problems == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"shows": {"sum": 4.9}, "answer": "4.9"}, "sum: got 5, not 4.9"),
        ({"shows": {"sum": 5.04}, "answer": "5.04"}, "sum: got 5, not 5.04"),
        ({"shows": {"sum": 5}, "answer": "It is 5.5, or 50."}, "the answer does not state 5, which sum shows"),
        ({"shows": {"both": [1, 4]}, "answer": "It is 4."}, "the answer does not state [1, 4], which both shows"),
        ({"shows": {"both": [1, 5]}, "answer": "1, 5"}, "both: got 1, 4, not [1, 5]"),
        ({"shows": {"both": 4}, "answer": "4"}, "both: got 1, 4, not 4 (shape (2,), not ())"),
        ({"shows": {"sum": [5]}, "answer": "5"}, "sum: got 5, not [5] (shape (), not (1,))"),
        ({"shows": {"sum": {"equals": [5]}}}, "sum: got 5, not {'equals': [5]} (shape (), not (1,))"),
        ({"shows": {"both": {"equals": 4}}}, "both: got 1, 4, not {'equals': 4} (largest difference 3, at (0,))"),
        ({"shows": {("last", "which"): 4}, "answer": "4"}, "last, which: got last, not 4 (a text, not a number)"),
        ({"shows": {("last", "place"): "2.0"}, "answer": "2.0"}, "last, place: got 2, not 2.0 (a number, not a text)"),
        ({"shows": {"sum": {"at_most": 4}}}, "sum: got 5, not {'at_most': 4}"),
        ({"shows": {"product": None}}, "product was not shown"),
        ({"shows": {("middle", "value"): None}}, "middle, value was not shown"),
        ({"shows": {("Other", "last", "value"): None}}, "Other, last, value was not shown"),
        ({"prints": ["the smallest is"]}, "a text like 'the smallest is' was not shown"),
        ({"figures": ["plot"]}, "the figure 'plot' was not shown"),
        ({"fails": ["both"]}, "the checks that fail are ['sum'], not ['both']"),
        ({"fails": ["sum", "both", "later"]}, "later was not shown"),
        ({"raises": "too large"}, "no error stopped the edited lesson, which must say 'too large'"),
        ({"new": "numpy.array([1.0, 400.0])", "shows": {"later": None}}, "the edited lesson stopped: "),
        ({"new": "numpy.array([1.0, 400.0])", "raises": "too small"}, "the edited lesson stopped: "),
        ({"old": "nothing", "shows": {"sum": 5}}, "'nothing' is 0 times in the code of the lesson, not 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_change_that_does_not(lesson, change, says):
    assert any(problem.startswith(says) for problem in tried(lesson, **change).problems), tried(lesson, **change)


def test_a_change_whose_error_is_the_answer(lesson):
    assert tried(lesson, new="numpy.array([1.0, 400.0])", raises="ValueError: too large").problems == []


def test_the_run_ends_when_all_has_been_shown(lesson, tmp_path):
    """What comes after the cell asked about does not run; the lesson's folder and its own output stay as they were."""
    body = BODY.replace('lesson.check("later", True)', f"open({str(tmp_path / 'reached')!r}, 'w').close()")
    lesson.path.write_text(lesson.path.read_text(encoding="utf-8").replace(BODY, body), encoding="utf-8")
    assert tried(lesson, shows={"sum": 5}).problems == []
    assert not (tmp_path / "reached").exists() and not (tmp_path / "out").exists()
    assert tried(lesson, shows={"never": None}).problems and (tmp_path / "reached").exists()


def test_the_command_tries_the_changes_of_a_lesson(lesson, capsys):
    beside = lesson.path.with_name("changes.py")
    text = "from minigen.course.lesson.changes import Change\nCHANGES = {'a third': Change('%s', '%s', {'sum': %s})}"
    beside.write_text(text % (OLD, NEW, 5), encoding="utf-8")
    assert list(changes_of(lesson)) == ["a third"]
    assert main(["change", "gan/01"]) == 0
    printed = capsys.readouterr().out
    assert f"    - {OLD}\n    + {NEW}\n    sum: 5\n" in printed and "1 of 1 change as said" in printed
    beside.write_text(text % (OLD, NEW, 6), encoding="utf-8")
    assert main(["change", "gan/01"]) == 1
    assert "sum: got 5, not 6" in capsys.readouterr().out
    assert main(["change", "gan/01", "--only", "another"]) == 2
    assert "no invitation 'another' in gan/01" in capsys.readouterr().err


def test_invitations_that_say_nothing_or_share_a_name(write_lesson, tmp_path, capsys):
    twice = "lesson.change('a', 'Do.', answer='Done.')\n" * 2
    for body, says in [("lesson.change('a', ' ', answer='Done.')", "needs a name"), (twice, "are called 'a'")]:
        path = write_lesson("gan/01_tiny", body)
        assert run_file(path, RunOptions(out=tmp_path / "out")) == 1
        assert says in capsys.readouterr().err


def test_invitations_count_as_text_in_the_record(lesson, capsys):
    """One that is added, and one that is gone, change neither the recipe nor the outputs of other statements."""
    assert main(["run", "gan/01"]) == main(["record", "gan/01"]) == 0
    before = recorded.read(lesson).result.entries
    added = 'lesson.change("new", "Do.", answer="Done.")\n\n# %%\nlesson.check("sum"'
    source = lesson.path.read_text(encoding="utf-8")
    lesson.path.write_text(source.replace('lesson.check("sum"', added), encoding="utf-8")
    assert recorded.read(lesson).status == recorded.TEXT_CHANGED and recorded.read(lesson).misfits
    assert main(["record", "gan/01", "--text"]) == 0
    record = recorded.read(lesson)
    assert record.status == recorded.FRESH and record.misfits == []
    kinds = [entry["kind"] for entry in record.result.entries]
    assert kinds == ["predict", "change", "check", "check", "table", "text", "outcome", "change", "check", "claims"]
    assert record.result.entries[1]["payload"] == {"name": "new", "sentence": "Do.", "answer": "Done."}
    assert [entry["cell"] for entry in record.result.entries][:4] == [3, 4, 5, 5]
    lesson.path.write_text(source, encoding="utf-8")
    assert main(["record", "gan/01", "--text"]) == 0
    assert recorded.read(lesson).result.entries == before
    lesson.path.write_text(source.replace('lesson.check("both"', 'lesson.check("each"'), encoding="utf-8")
    capsys.readouterr()
    assert main(["record", "gan/01", "--text"]) == 1
    assert "not only the text of gan/01_tiny has changed" in capsys.readouterr().out
    assert recorded.read(lesson).result.entries == before


# -- an edited lesson --------------------------------------------------------------------------------------------------


def copy_with(lesson, tmp_path, old=OLD, new=NEW):
    copy = tmp_path / "mine.py"
    copy.write_text(lesson.path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return copy


def run(path, tmp_path, **options):
    code = run_file(path, RunOptions(**{"out": tmp_path / "out", "strict": False, **options}))
    return code, json.loads((tmp_path / "out" / "gan-01-tiny" / "metrics.json").read_text(encoding="utf-8"))


def test_an_edited_copy_reports_a_check_that_fails_and_goes_on(lesson, tmp_path, capsys):
    code, metrics = run(copy_with(lesson, tmp_path), tmp_path)
    printed = capsys.readouterr().out
    assert code == 0 and metrics["status"] == "not judged"
    assert metrics["changed"] == [f"- x = {OLD}", f"+ x = {NEW}"]
    assert "changed    1 line differs from the shipped lesson" in printed and f"+ x = {NEW}" in printed
    assert "  changed  sum: 5, before = 3 ± 1e-06\n" in printed and "  check   later: True (= True) ok" in printed
    assert "answer  Not judged: the lesson is changed. It gave: 5." in printed
    assert "1 claim not judged: changed, 1 of 3 checks passed" in printed
    assert [claim["status"] for claim in metrics["claims"]] == ["not judged"]
    assert "\n  What happens when you try it\n" in printed and f"→ {ANSWER}" in printed


def test_what_was_recorded_is_the_value_before(lesson, tmp_path, capsys):
    assert main(["run", "gan/01"]) == main(["record", "gan/01"]) == 0
    copy = copy_with(lesson, tmp_path)
    capsys.readouterr()
    run(copy, tmp_path)
    printed = capsys.readouterr().out
    assert "  changed  sum: 5, before 3\n" in printed and "  changed  both: 1, 4, before 1, 2\n" in printed
    copy_with(lesson, tmp_path, old='lesson.check("later"', new='lesson.check("much later"')
    run(copy, tmp_path)
    assert "  answer  a) 3. 3." in capsys.readouterr().out, "what the edit does not touch keeps its answer"


def test_with_strict_an_edited_copy_stops(lesson, tmp_path, capsys, monkeypatch):
    copy = copy_with(lesson, tmp_path)
    code, metrics = run(copy, tmp_path, strict=True)
    assert (code, metrics["status"], metrics["changed"]) == (1, "failed", [])
    assert "check failed: sum: got 5, must be = 3" in capsys.readouterr().err
    command = [sys.executable, str(copy), "--out", str(tmp_path / "o")]
    monkeypatch.delenv("MINIGEN_STRICT")
    assert subprocess.run(command, capture_output=True).returncode == 0
    assert subprocess.run([*command, "--strict"], capture_output=True).returncode == 1


def test_a_lesson_of_which_nothing_is_known_goes_on_and_fails(lesson, tmp_path, capsys):
    """Neither another copy, nor a commit, nor a recorded run: it may be as shipped, so that its claims are judged."""
    copy_with(lesson, tmp_path).replace(lesson.path)
    code, metrics = run(lesson.path, tmp_path)
    assert (code, metrics["status"], metrics["changed"]) == (1, "failed", [])
    assert "  changed  sum: 5, before = 3 ± 1e-06\n" in capsys.readouterr().out
    assert [check["name"] for check in metrics["checks"]] == ["sum", "both", "later"]
    assert [claim["status"] for claim in metrics["claims"]] == ["failed"]


def test_a_recorded_text_is_the_shipped_one(lesson, tmp_path, capsys):
    assert main(["run", "gan/01"]) == main(["record", "gan/01"]) == 0
    assert shipped.origin_of(lesson.path, lesson.id) == shipped.SHIPPED
    lesson.path.write_text(lesson.path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert shipped.origin_of(lesson.path, lesson.id) == shipped.UNKNOWN


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_in_a_checkout_the_last_commit_is_the_shipped_lesson(lesson, tmp_path, monkeypatch):
    def git(*words):
        who = ["-c", "user.name=n", "-c", "user.email=e@x", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    assert shipped.origin_of(lesson.path, lesson.id) == shipped.UNKNOWN
    git("init")
    git("add", "lessons")
    git("commit", "-m", "lessons")
    assert shipped.origin_of(lesson.path, lesson.id) == shipped.SHIPPED
    text = lesson.path.read_text(encoding="utf-8")
    lesson.path.write_text(text.replace(OLD, NEW), encoding="utf-8")
    origin = shipped.origin_of(lesson.path, lesson.id)
    assert origin.edit == (f"- x = {OLD}", f"+ x = {NEW}")
    lesson.path.write_text(text.replace("# A small lesson", "# A little lesson\n#\n# "), encoding="utf-8")
    assert shipped.origin_of(lesson.path, lesson.id) == shipped.SHIPPED, "only text has changed"
    lesson.path.write_bytes(text.replace("\n", "\r\n").encode())  # as git checks out on Windows
    assert shipped.origin_of(lesson.path, lesson.id) == shipped.SHIPPED


def test_the_note_of_many_lines_is_short():
    lines = tuple(f"+ {i}" for i in range(9))
    note = shipped.Origin(True, lines).note
    assert "9 lines differ" in note and note.endswith("+ 5\n             ...")
    assert re.search(r"1 line differs", shipped.Origin(True, ("- a",)).note)
