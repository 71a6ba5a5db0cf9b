"""Rosters as Canvas and Moodle export them, and the gradebooks that these import."""

import csv
import io
import re

import pytest

from minigen.classroom import collect, roster
from minigen.classroom.results import lms
from minigen.classroom.roster import Matcher, Student
from minigen.cli import main
from minigen.course.console import UsageError

from .conftest import CRITIC, HEAD, SECRET
from .platform_files import CANVAS, CANVAS_NEW, MOODLE, PARTICIPANTS, WORKSHEET

NAMES = [("Noether", "Emmy"), ("Gauss", "Carl"), ("Lovelace", "Ada")]
IDS, EMAILS = ["s001", "s002", "s003"], ["emmy@example.org", "carl@example.org", "ada@example.org"]


@pytest.mark.parametrize(
    ("text", "ids", "email", "others"),
    [
        (CANVAS, IDS, "", ("enoether", "50001")),
        (CANVAS_NEW, ["enoether@example.org", "cgauss@example.org", "alovelace@example.org"], None, ("50001",)),
        (MOODLE, IDS, EMAILS[0], ()),
        (PARTICIPANTS, EMAILS, EMAILS[0], ()),
        (WORKSHEET, EMAILS, EMAILS[0], ("70001",)),
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_an_export_as_it_comes(tmp_path, text, ids, email, others, delimiter, encoding):
    """The first column in which every student has an entry identifies; the test student and rows of points are none."""
    path = tmp_path / "export.csv"
    rows = list(csv.reader(io.StringIO(text)))
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    students = roster.read_roster(path)
    assert [(student.last_name, student.first_name) for student in students] == NAMES
    assert [student.student_id for student in students] == ids
    assert students[0].email == (ids[0] if email is None else email) and students[0].other_ids == others


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8"])
def test_umlauts_of_a_spreadsheet(tmp_path, encoding):
    path = tmp_path / "roster.csv"
    path.write_bytes("student_id;last_name;first_name\r\na1;Gödel;Émilie\r\n".encode(encoding))
    assert roster.read_roster(path) == [Student("a1", "Gödel", "Émilie")]


def test_rosters_that_are_refused(tmp_path):
    path = tmp_path / "roster.csv"
    for text, expected in [
        (CANVAS.replace("50002", "50001").replace("s001", "").replace("enoether", ""), "line 4: a student without a"),
        (CANVAS.partition('"Noether')[0], "lists no student"),
        ("Name,Age\nx,1\n", "or be that of an export of Canvas or Moodle; got 'Name, Age'"),
        ('student_id,last_name\n"s1,x\n', "line 2: unexpected end of data"),
        ("student_id\n" + "x" * 200_000 + "\n", "line 2: field larger than field limit"),
    ]:
        path.write_text(text)
        with pytest.raises(UsageError, match="roster.csv") as caught:
            roster.read_roster(path)
        assert expected in str(caught.value), text


def test_two_students_of_one_name_are_told_apart_by_the_ids_of_the_platform(tmp_path):
    path = tmp_path / "export.csv"
    path.write_text(CANVAS.replace("Gauss, Carl", "Noether, Emmy"))
    matcher = Matcher(roster.read_roster(path))
    for name, ids in [
        ("noetheremmy_50002_900000_gan_12.py", ["s002"]),
        ("noetheremmy_LATE_50001_900000_gan_12.py", ["s001"]),
        ("noetheremmy_1_2_gan_12.py", ["s001", "s002"]),
        ("lovelaceada_50003_900000_gan_12.py", ["s003"]),
        ("50002_gan_12.py", ["s002"]),
    ]:
        assert [student.student_id for student in matcher.of(name)] == ids
    short = Matcher([Student("1", "Nash", "John"), Student("2", "Nash", "John")])
    assert len(short.of("nashjohn_900_gan_12 (2).py")) == 2, "a version is not an id"


def test_times_are_checked_before_work_starts(tmp_path):
    path = tmp_path / "times.csv"
    path.write_text("student_id;submitted\ns001;2027-02-01T10:00\ns002;\n")
    assert roster.read_times(path) == {"s001": "2027-02-01T10:00", "s002": ""}
    for text in ("student_id,submitted\ns001,yesterday\n", "student_id,submitted\ns001,0001-01-01T00:00\n"):
        path.write_text(text)
        with pytest.raises(UsageError, match=r"times.csv, line 2: submitted must be a date and time such as"):
            roster.read_times(path)
    path.write_text("student_id\ns001\n")
    with pytest.raises(UsageError, match="must name the columns student_id, submitted"):
        roster.read_times(path)


# ------------------------------------------------------------------------------------------- gradebooks


def canvas_accepts(row: list[str]) -> bool:
    """Canvas's own rule for the first line, from its GradebookImporter: the last column of the person is Section."""
    names = 3 if "Student" in row[0] else 4
    if not (len(row) > names and "ID" in row[names - 2]):
        return False
    columns, rest = names, row[names - 1 :]
    if re.search(r"SIS\s+Login\s+ID", rest[0]):
        columns += 1
    elif re.search(r"SIS\s+User\s+ID", rest[0]) and re.search(r"SIS\s+Login\s+ID", rest[1]):
        columns += 2
        columns += bool(re.search(r"Integration\s+ID", row[columns - 1]))
        columns += bool(re.search(r"Root\s+Account", row[columns - 1]))
    return "Section" in row[columns - 1]


def documents(assignment, totals=(13.0, 6.5, None), **more):
    return [
        {"student": {"student_id": id}, "total": total, "possible": assignment.possible, "excused": False, **more}
        for id, total in zip(IDS, totals, strict=True)
    ]


def written(a_class, kind, text, column=None, **more) -> list[list[str]]:
    table = roster.read_table(a_class.write("export.csv", text))
    book = lms.plan(kind, table, a_class.assignment, column)
    return list(csv.reader(io.StringIO(book.text(documents(a_class.assignment, **more))), delimiter=table.delimiter))


def test_a_gradebook_for_canvas(a_class):
    """13 possible points are scaled to the 26 of Canvas; who is not graded yet keeps the cell."""
    rows = written(a_class, "canvas", CANVAS)
    assert canvas_accepts(rows[0]) and canvas_accepts(next(csv.reader(CANVAS_NEW.splitlines())))
    assert rows == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Homework 1 (1502)"],
        ["    Points Possible", "", "", "", "", "26"],
        ["Noether, Emmy", "50001", "s001", "enoether", "GEN 101-01", "26"],
        ["Gauss, Carl", "50002", "s002", "cgauss", "GEN 101-01 and GEN 101-02", "13"],
        ["Lovelace, Ada", "50003", "s003", "alovelace", "GEN 101-02", "11.00"],
    ]
    excused = written(a_class, "canvas", CANVAS, totals=(None, None, None), excused=True)
    assert [row[-1] for row in excused[2:]] == ["EX"] * 3
    semicolons = written(a_class, "canvas", CANVAS.replace(",", ";").replace("; ", ", "))
    assert semicolons == rows, "and the file has semicolons where the export has"
    assert [row[-1] for row in written(a_class, "canvas", CANVAS, "Homework 0 (1501)")] == [
        *("Homework 0 (1501)", "10", "10", "5", "10.00")
    ]
    new = written(a_class, "canvas", CANVAS.replace("Homework 1 (1502)", "Other (1502)"))
    assert [row[-1] for row in new] == ["Homework 1", "13", "13", "6.5", ""]


def test_a_gradebook_for_moodle(a_class):
    rows = written(a_class, "moodle", MOODLE)
    person = ["First name", "Surname", "ID number", "Institution", "Department", "Email address"]
    assert rows[0] == [*person, "Assignment: Homework 1 (Real)"]
    assert rows[1] == ["Emmy", "Noether", "s001", "Moodle HQ", "Rock on!", "emmy@example.org", "13"]
    assert [row[-1] for row in rows[2:]] == ["6.5", ""]
    table = roster.read_table(a_class.write("export.csv", MOODLE))
    assert lms.plan("moodle", table, a_class.assignment).notes == (
        "Moodle's maximum grade of 'Assignment: Homework 1 (Real)' has to be 13",
    )


@pytest.mark.parametrize("comma", [False, True])
def test_moodles_worksheet_comes_back_whole(a_class, comma):
    """With a decimal comma where Moodle writes one. A grade stays that is not replaced."""
    text = WORKSHEET.replace("26.00", '"26,00"') if comma else WORKSHEET
    table = roster.read_table(a_class.write("export.csv", text))
    book = lms.plan("moodle", table, a_class.assignment)
    given = [
        {**document, "student": {"student_id": email}}
        for document, email in zip(documents(a_class.assignment, (6.6, None, 1.0)), EMAILS, strict=True)
    ]
    before, rows = (list(csv.reader(io.StringIO(each))) for each in (text, book.text(given)))
    assert [row[4] for row in rows] == ["Grade", "13,2" if comma else "13.2", "3.00", "2"]
    assert [row[:4] + row[5:] for row in rows] == [row[:4] + row[5:] for row in before]
    assert book.notes == ("points are scaled from 13 to the 26 that 'Grade' has on the platform",)


@pytest.mark.parametrize(
    ("kind", "text", "column", "expected"),
    [
        ("canvas", MOODLE, None, "--lms canvas needs the gradebook that Canvas exports as --roster"),
        ("canvas", "student_id\ns001\n", None, "begins with student_id"),
        ("moodle", CANVAS, None, "--lms moodle needs an export of Moodle"),
        ("canvas", CANVAS, "Homework 1", "--lms-column: "),
        (
            "canvas",
            CANVAS.replace("Homework 0", "Homework 1"),
            None,
            "'Homework 1 (1501)', 'Homework 1 (1502)'; choose",
        ),
    ],
)
def test_a_roster_that_is_not_of_the_platform(a_class, kind, text, column, expected):
    table = roster.read_table(a_class.write("export.csv", text))
    with pytest.raises(UsageError) as caught:
        lms.plan(kind, table, a_class.assignment, column)
    assert expected in str(caught.value)


def test_from_canvas_and_back(a_class, quickly, monkeypatch, capsys):
    """Its export is the roster, its zip the submissions, and its gradebook comes out."""
    monkeypatch.chdir(a_class.folder)
    monkeypatch.setattr("minigen.classroom.grade.pool.run", _in_this_process)
    a_class.write("export.csv", CANVAS.encode("utf-8-sig"))
    a_class.write("submissions/noetheremmy_50001_1_gan_12.py", HEAD + CRITIC)
    words = ["grade", "submissions", "--assignment", "hw1.toml", "--roster", "export.csv", "--seed", SECRET]
    assert main([*words, "--out", "grades", "--lms", "canvas"]) == 0
    shown = capsys.readouterr().out
    assert "canvas.csv" in shown and "points are scaled from 13 to the 26" in shown
    rows = list(csv.reader((a_class.out / "canvas.csv").open(encoding="utf-8", newline="")))
    assert [row[-1] for row in rows] == ["Homework 1 (1502)", "26", "16", "0", "0"]
    assert main([*words, "--out", "grades", "--lms", "moodle"]) == 2
    assert "--lms moodle needs" in capsys.readouterr().err
    found = collect.find(a_class.submissions, roster.read_roster(a_class.folder / "export.csv"), a_class.assignment)
    assert not found.unmatched


def _in_this_process(jobs, setup, count):
    from .conftest import in_this_process

    return in_this_process(jobs, setup)
