"""Rosters as Canvas and Moodle export them."""

import csv
import io

import pytest

from minigen.course.classroom import roster
from minigen.course.classroom.roster import Matcher, Student
from minigen.course.console import UsageError

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
