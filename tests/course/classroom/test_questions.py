"""Questions in prose: handed out, collected from Markdown and notebooks, shown, marked in a CSV file, counted."""

import csv
import html

import pytest

from minigen.course.classroom import build, collect, notebook, prose
from minigen.course.classroom.results import marks, questions
from minigen.course.console import UsageError

from .conftest import CRITIC, HEAD, MINIMAX, TOML, in_this_process
from .test_decisions import none_is_run

QUESTIONS = """
[[question]]
id = "q1"
text = '''
Why are the critic's weights clipped?
Name the constraint.'''
criteria = [
    {text = "names the Lipschitz constraint", points = 2},
    {text = "says what happens without it", points = 1},
]

[[question]]
id = "q2"
text = "What does it cost?"
points = 4
"""
FILE = "hw1-questions.csv"


@pytest.fixture
def asked(a_class):
    a_class.write("hw1.toml", TOML + QUESTIONS)
    return a_class


def answer(first: str, second: str, assignment) -> str:
    """The file of the students, filled in."""
    head, one, two = prose.template(assignment).split(prose.PLACEHOLDER)
    return f"{head}{first}{one}{second}{two}"


def written(asked, files: dict[str, str | bytes]) -> dict[str, collect.ProseAnswer]:
    for name, text in files.items():
        asked.write(f"submissions/s001/{name}", text)
    found = collect.find(asked.submissions, asked.students, asked.assignment)
    return collect.answers_of(asked.students[0], found.entries["s001"], asked.assignment).prose


def test_what_students_get(asked):
    assignment = asked.assignment
    assert assignment.possible == 20 and [question.points for question in assignment.questions] == [3, 4]
    files = build.student_files(assignment, "minigen.whl")
    text = files["hw1.md"].decode()
    assert "## Question q1 (3 points)\n\n> Why are the critic's weights clipped?\n> Name the constraint.\n\n*W" in text
    handed_out = [*files.values(), *(cell.source.encode() for cell in notebook.student_notebook(assignment).cells)]
    assert not any(b"Lipschitz" in data for data in handed_out), "the rubric may contain the answer"
    readme = files["README.md"].decode()
    assert "2 exercises, 2 questions, 20 points" in readme and "| q2 | 4 | hw1.md |" in readme
    assert "Hand in `gan_12.py`, `gan_02.py` and `hw1.md`, under these names." in readme
    cells = notebook.student_notebook(assignment).cells
    assert [cell.source for cell in cells[-3:-1]] == [prose.PLACEHOLDER, prose.prompt(assignment.questions[1])]
    assert prose.answers_in(text, assignment) == {"q1": "", "q2": ""}, "nothing is answered yet"


def test_answers_from_markdown(asked):
    """Latin-1, headings and code within an answer, and what a student changed of the file."""
    text = answer("Über 1-Lipschitz.\n\n### Why\n\n> quoted\n\n    x = 1\n", "Little.", asked.assignment)
    found = written(asked, {"hw1.md": text.encode("latin-1")})
    assert found["q1"].text == "Über 1-Lipschitz.\n\n### Why\n\n> quoted\n\n    x = 1"
    assert (found["q2"].text, found["q2"].file, found["q2"].missing) == ("Little.", "s001/hw1.md", False)
    bare = "### QUESTION Q2\nsecond\n## q1\nfirst\n## gan/12/critic_loss\nmy code\n"
    assert prose.answers_in(bare, asked.assignment) == {"q1": "first", "q2": "second"}


def test_answers_from_a_notebook(asked):
    nbformat = pytest.importorskip("nbformat", reason="notebooks need the extra classroom")
    book = notebook.student_notebook(asked.assignment)
    for cell in book.cells:
        if cell.source == prose.PLACEHOLDER:
            cell.source = f"the answer of {cell.id}"
    book.cells.append(nbformat.v4.new_code_cell("print('## q1')"))
    found = written(asked, {"hw1.ipynb": nbformat.writes(book)})
    assert [found[id].text for id in ("q1", "q2")] == [f"the answer of question-{id}-answer" for id in ("q1", "q2")]


def test_which_text_is_an_answer(asked):
    """The latest version; a file without the headings is not an answer, but its student is not given 0 for it."""
    assert all(one.missing and not one.text for one in written(asked, {}).values())
    template = prose.template(asked.assignment)
    assert all(one.missing for one in written(asked, {"hw1.md": template, "README.md": "x"}).values())
    found = written(asked, {"essay.pdf": b"%PDF"})
    assert not found["q1"].missing and "handed in: s001/essay.pdf" in found["q1"].notes[0]
    found = written(asked, {"hw1.md": "## q1\nold", "hw1 (2).md": "## q1\nnew"})
    assert found["q1"].text == "new" and "s001/hw1 (2).md is shown, not s001/hw1.md" in found["q1"].notes[0]


def rows_of(asked) -> list[dict[str, str]]:
    with (asked.folder / FILE).open(encoding="utf-8-sig", newline="") as file:
        delimiter = ";" if ";" in file.readline() else ","
        file.seek(0)
        return list(csv.DictReader(file, delimiter=delimiter))


def fill(asked, points: dict[tuple[str, str, str], str]) -> None:
    """Write points into the file as a teacher does: by (question, student, beginning of the criterion)."""
    rows = rows_of(asked)
    for row in rows:
        for (question, student, criterion), value in points.items():
            if (row["question"], row["student_id"]) == (question, student) and row["criterion"].startswith(criterion):
                row["points"], row["comment"] = value, "well said" if value == "2" else ""
    with (asked.folder / FILE).open("w", encoding="utf-8", newline="") as file:
        columns = dict.fromkeys([*rows[0], "mine"])
        writer = csv.DictWriter(file, columns, delimiter=";", restval="kept", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def test_marks_from_the_first_run_to_the_gradebook(asked, quickly):
    assignment = asked.assignment
    for student, text in (("s001", answer("Lipschitz.", "Nothing.", assignment)), ("s002", "## q1\nBecause.")):
        asked.hand_in(student)
        asked.write(f"submissions/{student}/hw1.md", text)
    summary = asked.grade()
    assert summary.ungraded == 3 and asked.document("s001")["total"] is None, "until all is marked"
    assert asked.document("s003")["total"] == 0, "nothing was handed in"
    rows = rows_of(asked)
    assert [(row["question"], row["student_id"]) for row in rows] == [
        *(("q1", id) for id in ("s001", "s001", "s002", "s002", "s003", "s003")),
        *(("q2", id) for id in ("s001", "s002", "s003")),
    ]
    assert rows[0]["criterion"] == "names the Lipschitz constraint" and rows[0]["possible"] == "2"
    assert "Your answers to the questions are not graded yet." in (asked.out / "feedback" / "s001.md").read_text()
    page = html.unescape((asked.out / "questions.html").read_text())
    assert page.index("Lipschitz.</p>") < page.index("Because.</p>") and "No answer: s002, s003." in page
    fill(
        asked,
        {("q1", "s001", ""): "1", ("q1", "s001", "names"): "2", ("q2", "s001", ""): "3,5", ("q1", "s002", ""): "0"},
    )
    fill(asked, {("q2", "s003", ""): "1"})
    kept = (asked.folder / FILE).read_bytes()
    summary = asked.grade(run=none_is_run)
    assert (asked.folder / FILE).read_bytes() == kept, "what the teacher wrote stays as it is"
    document = asked.document("s001")
    assert (document["total"], document["possible"], summary.ungraded) == (13 + 3 + 3.5, 20, 0)
    assert asked.document("s002")["total"] == 13
    assert asked.document("s003")["total"] == 1, "the teacher's points count where no answer was found"
    shown = (asked.out / "feedback" / "s001.md").read_text()
    assert "## q1: 3 of 3" in shown and "- names the Lipschitz constraint: 2 of 2" in shown and "well said" in shown
    gradebook = asked.rows()
    assert (gradebook["s001", "q2"]["points"], gradebook["s002", "q2"]["status"]) == ("3.5", "missing")
    assert (asked.out / "gradebook-wide.csv").read_text().splitlines()[1].endswith(",8,5,3,3.5,19.5,0,19.5,20,0,")
    asked.write("roster.csv", (asked.folder / "roster.csv").read_text() + "s004,Nash,John,\n")
    asked.write("submissions/s001/hw1.md", answer("Something else.", "Nothing.", assignment))
    asked.grade()
    assert (asked.folder / FILE).read_text(encoding="utf-8-sig").startswith(kept.decode()), "lines are added"
    assert len(rows_of(asked)) == 12 and rows_of(asked)[-1]["student_id"] == "s004"
    assert "the answer is another one than that which was graded" in (asked.out / "report.html").read_text()
    assert asked.document("s001")["total"] == 19.5


def test_decisions_and_lateness_hold_for_questions(asked, quickly):
    asked.write("hw1.toml", TOML + "\n[late]\nper_day = 0.5\n" + QUESTIONS)
    asked.hand_in("s001")
    asked.write("submissions/s001/hw1.md", answer("a", "b", asked.assignment))
    asked.grade()
    fill(asked, {("q1", "s001", ""): "1", ("q2", "s001", ""): "4"})
    asked.write("adjust.csv", "student_id,exercise,due,points,excuse,reason\ns001,q2,,,yes,was not taught\n")
    asked.grade(run=none_is_run, times={"s001": "2027-02-02T12:00:00+00:00"})
    document = asked.document("s001")
    assert (document["points"], document["late"], document["possible"]) == (15, 7.5, 16)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "q1,s001,names the Lipschitz constraint,2,3,,",
            "line 2: points must be a number of at least 0 and at most 2",
        ),
        ("q1,s001,names the Lipschitz constraint,2,-1,,", "line 2: points must be a number"),
        ("q1,s001,names the Lipschitz constraint,2,good,,", "line 2: points must be a number"),
        ("q9,s001,,2,1,,", "line 2: the assignment has no question 'q9' with criterion ''"),
        ("q1,s001,other,2,1,,", "line 2: the assignment has no question 'q1' with criterion 'other'"),
        ("q2,s001,,4,1,,\nq2,s001,,4,1,,", "line 3: the student 's001' has this criterion of q2 twice"),
    ],
)
def test_a_wrong_mark_is_named(asked, line, expected):
    path = asked.write(FILE, f"{','.join(marks.COLUMNS)}\n{line}\n")
    with pytest.raises(UsageError) as caught:
        marks.read(path, asked.assignment, asked.students)
    assert str(caught.value).startswith(f"{path}, {expected}")


def test_marks_of_a_student_who_left_stay(asked, quickly):
    path = asked.write(FILE, f"{','.join(marks.COLUMNS)}\nq2,s777,,4,1,,\n")
    asked.grade()
    assert "q2,s777,,4,1,,\n" in path.read_text(encoding="utf-8-sig")
    path.write_text("question,student_id\n")
    with pytest.raises(UsageError, match="lacks the columns criterion, possible"):
        asked.grade()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('id = "q2"', 'id = "q1"', "the question q1 is listed twice"),
        ("points = 4", "", "the question q2 needs either points or criteria"),
        ('id = "q1"', 'id = "q1"\npoints = 3', "the question q1 needs either points or criteria"),
        ("says what happens without it", "names the Lipschitz constraint", "the question q1 has a criterion twice"),
        (
            'id = "q2"',
            'id = "a b"',
            "[[question]] 2: id must be a name of letters, digits and - such as \"q1\", got 'a b'",
        ),
        ("points = 1}", "point = 1}", "[[question]] 1: criteria must be a list such as [{text = "),
        ('text = "What does it cost?"', "", "[[question]] 2: text is missing; it must be a text, the question"),
        ("points = 4", "points = 0", "[[question]] 2: points must be a number of more than 0, got 0"),
    ],
)
def test_mistakes_in_questions(asked, old, new, expected):
    path = asked.write("hw1.toml", TOML + QUESTIONS.replace(old, new, 1))
    with pytest.raises(UsageError) as caught:
        _ = asked.assignment
    assert str(caught.value).startswith(f"{path}: {expected}")


def test_prose_of_a_student_is_text_on_the_page(asked):
    attack = "</p><script>alert(1)</script>"
    row = {"id": "q1", "status": "not_graded", "points": None, "answer": attack, "answer_id": "a", "notes": [attack]}
    two = [{"student": {"student_id": id}, "questions": [row]} for id in (attack, "s002")]
    page = questions.as_html(asked.assignment, two)
    assert "<script" not in page and html.unescape(page).count(attack) == 3, "equal answers stand together"


def test_no_text_of_a_student_raises(asked):
    for text in (b"\xff\xfe## q1", b"## q1\n\0", "## q1\n\udce9".encode("utf-8", "surrogatepass"), b"## q1\n" * 10_000):
        found = written(asked, {"hw1.md": text})
        assert set(found) == {"q1", "q2"} and all(one.text.encode() is not None for one in found.values())
    assert HEAD + CRITIC + MINIMAX


def test_marks_that_are_filled_in_while_answers_are_graded(asked, quickly):
    """They were read at the beginning, and are not overwritten with what was read."""
    asked.hand_in("s001", CRITIC)
    asked.grade()
    path = asked.folder / FILE

    def run(jobs, setup):
        yield from in_this_process(jobs, setup)
        path.write_text(path.read_text("utf-8-sig").replace("2,,", "2,1.5,seen", 1), encoding="utf-8")

    asked.write("submissions/s001/hw1.md", answer("Lipschitz", "Little.", asked.assignment))
    assert f"{FILE} has changed since this run began: run this again" in asked.grade(run=run).remarks
    assert "1.5,seen" in path.read_text("utf-8-sig")
    assert not asked.grade(run=none_is_run).remarks and "1.5,seen" in path.read_text("utf-8-sig")


def test_marks_that_are_open_in_excel(asked, quickly, open_in_excel):
    asked.hand_in("s001", CRITIC)
    open_in_excel.add(FILE)
    with pytest.raises(UsageError, match=f"{FILE} cannot be replaced: if it is open in another program"):
        asked.grade()
    open_in_excel.clear()
    assert asked.grade(run=none_is_run).kept == 3 and (asked.folder / FILE).exists()
