"""Whose a file is, which file is graded, and what is read of it."""

import datetime
import io
import os
import stat
import zipfile

import pytest

from minigen.classroom import collect, roster
from minigen.classroom.grade.grader import Grader
from minigen.classroom.roster import Matcher, Student
from minigen.course.console import UsageError
from minigen.course.exercise.grading import status as S

from .conftest import CRITIC, HEAD, MINIMAX

posix = pytest.mark.skipif(os.name != "posix", reason="there are no such files elsewhere")
STUDENTS = [
    Student("s001", "Noether", "Emmy", "emmy@example.org"),
    Student("s002", "Gauß", "Carl Friedrich", "cfg@example.org"),
    Student("s0021", "Lovelace", "Ada", "ada@example.org"),
    Student("2", "Nash", "John", ""),
    Student("u5", "Nash", "John", "jn@example.org"),
]


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("s001", ["s001"]),
        ("S001", ["s001"]),
        ("s002", ["s002"]),
        ("s0021", ["s0021"]),
        ("Noether_Emmy_12345_assignsubmission_file", ["s001"]),
        ("Emmy Noether_12345_assignsubmission_file_", ["s001"]),
        ("noetheremmy_LATE_123_456", ["s001"]),
        ("gaußcarlfriedrich_1", ["s002"]),
        ("hw1_ada_attempt_2027-02-01-12-30-00", ["s0021"]),
        ("ada@example.org", ["s0021"]),
        ("hw1_2_x", []),  # a short id counts at the beginning only
        ("2_hw1", ["2"]),
        ("John Nash", ["2", "u5"]),
        ("u5 John Nash", ["u5"]),
        ("nobody", []),
        ("", []),
    ],
)
def test_whose_a_name_is(name, ids):
    assert [student.student_id for student in Matcher(STUDENTS).of(name)] == ids


def test_a_roster_and_its_errors(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_bytes("\ufeffStudent_ID;email;last_name;group\n a1 ;a@b.c;Müller;x\n;;;\nb2;;;\n".encode())
    first, second = roster.read_roster(path)
    assert first == Student("a1", "Müller", "", "a@b.c") and second.student_id == "b2"
    for text, expected in [
        ("name,email\nx,y\n", "first line must name the columns student_id"),
        ("student_id\n", "lists no student"),
        ("", "is empty; the first line must name the columns"),
        ("student_id\na\na\n", "line 3: the student_id 'a' occurs twice"),
        ("student_id,email\n,x@y.z\n", "line 2: a student without a student_id"),
    ]:
        path.write_text(text)
        with pytest.raises(UsageError, match="roster.csv") as caught:
            roster.read_roster(path)
        assert expected in str(caught.value)
    path.write_bytes(b"student_id\n\0\n")
    with pytest.raises(UsageError, match="not a CSV file"):
        roster.read_roster(path)


def answers(a_class, student="s001"):
    """The answers of a student, found and read: by the name of the function."""
    found = collect.find(a_class.submissions, a_class.students, a_class.assignment)
    submitted = collect.answers_of(a_class.students[0], found.entries[student], a_class.assignment)
    names = [assigned.exercise.name for assigned in a_class.assignment.exercises]
    return dict(zip(names, submitted.answers, strict=True)), found


def test_a_folder_for_each_student(a_class):
    a_class.hand_in("s001")
    found, where = answers(a_class)
    assert found["critic_loss"].submission.source == HEAD + CRITIC and not where.unmatched
    assert found["critic_loss"].submission.file == "s001/gan_12.py" and not found["critic_loss"].notes
    assert len(found["critic_loss"].sha256) == 64


@pytest.mark.parametrize(
    ("files", "graded", "noted"),
    [
        ({"gan_12.py": "right"}, "gan_12.py", ""),
        ({"deep/er/gan_12.py": "right"}, "deep/er/gan_12.py", ""),
        ({"answers.py": "right"}, "answers.py", "asks for gan_12.py"),
        ({"gan_12 (1).py": "right"}, "gan_12 (1).py", ""),
        ({"gan_12-1.py": "wrong", "gan_12-2.py": "right"}, "gan_12-2.py", "more than one file could be meant"),
        ({"gan_12-2.py": "wrong", "gan_12-10.py": "right"}, "gan_12-10.py", "more than one file could be meant"),
        ({"gan_12.py": "right", "gan_12 (2).py": "stub"}, "gan_12.py", "more than one file could be meant"),
        ({"gan_12.py": "stub", "mine.py": "right"}, "mine.py", "asks for gan_12.py"),
        ({"gan_12.py": "other", "mine.py": "right"}, "mine.py", "asks for gan_12.py"),
        ({"gan_12.py": "right", "mine.py": "wrong"}, "gan_12.py", ""),
        ({"gan_12.py": "other"}, "gan_12.py", ""),
        ({"x/gan_12.py": "old", "y/gan_12.py": "right"}, "y/gan_12.py", "more than one file could be meant"),
        ({"x/gan_12.py": "right", "y/gan_12.py": "right"}, None, ""),
    ],
)
def test_which_file_is_graded(a_class, files, graded, noted):
    texts = {
        "right": HEAD + CRITIC,
        "wrong": HEAD + CRITIC.replace("mean", "sum"),
        "old": HEAD + CRITIC.replace("mean", "median"),
        "stub": "def critic_loss(real_scores, fake_scores):\n    raise NotImplementedError\n",
        "other": "x = 1\n",
    }
    for number, (name, kind) in enumerate(files.items()):
        path = a_class.write(f"submissions/s001/{name}", texts[kind])
        os.utime(path, (10**9 + number, 10**9 + number))  # later ones are newer
    answer = answers(a_class)[0]["critic_loss"]
    if graded is not None:
        assert answer.submission.file == f"s001/{graded}"
    assert (noted in " ".join(answer.notes)) and bool(answer.notes) == bool(noted)


def test_what_is_missing_says_what_was_there(a_class):
    a_class.write("submissions/s001/essay.pdf", b"%PDF")
    answer = answers(a_class)[0]["critic_loss"]
    assert answer.submission.status == S.MISSING_FILE and "handed in: s001/essay.pdf" in answer.submission.message
    assert answer.submission.message.startswith("gan_12.py was not handed in, and no other file defines critic_loss;")
    assert answer.sha256 == "" and answer.modified is None
    assert answers(a_class, "s002")[0]["critic_loss"].submission.message == "nothing was handed in"


@posix
def test_links_pipes_and_folders_are_not_followed(a_class):
    outside = a_class.write("outside/gan_12.py", HEAD + CRITIC)
    folder = a_class.submissions / "s001"
    folder.mkdir()
    (folder / "gan_12.py").symlink_to(outside)
    os.mkfifo(folder / "gan_02.py")
    found = answers(a_class)[0]
    assert found["critic_loss"].submission.status == S.SYMLINK
    assert found["generator_loss_minimax"].submission.status == S.NOT_A_FILE
    assert "s001/gan_12.py is a symbolic link" in found["critic_loss"].submission.message
    (a_class.submissions / "s002").symlink_to(outside.parent)  # a folder that is a link is not entered
    (a_class.submissions / "s003" / "gan_12.py").mkdir(parents=True)
    assert answers(a_class, "s002")[0]["critic_loss"].submission.status == S.MISSING_FILE
    assert answers(a_class, "s003")[0]["critic_loss"].submission.status == S.NOT_A_FILE


def zipped(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def test_the_flat_zip_of_a_platform(a_class):
    path = zipped(
        a_class.folder / "hw1.zip",
        {
            "noetheremmy_LATE_11_22_gan_12-1.py": HEAD + CRITIC,
            "noetheremmy_LATE_11_23_gan_02.py": HEAD + MINIMAX,
            "gausscarl_12_24_gan_12.py": HEAD + CRITIC,
            "gan_12_s002.py": HEAD + CRITIC,
            "gan_12-2.py": HEAD + CRITIC,
            "somebody_12_24_gan_12.py": "x",
            "../../lovelaceada_1_2_gan_12.py": HEAD + CRITIC,
            "__MACOSX/._gausscarl_12_24_gan_12.py": "x",
        },
    )
    found = collect.find(path, a_class.students, a_class.assignment)
    assert {id: len(entries) for id, entries in found.entries.items()} == {"s001": 2, "s002": 2, "s003": 1}
    assert [name for name, _ in found.unmatched] == ["gan_12-2.py", "somebody_12_24_gan_12.py"]
    submitted = collect.answers_of(a_class.students[0], found.entries["s001"], a_class.assignment)
    assert [answer.submission.status for answer in submitted.answers] == [S.PASS] * 2
    assert submitted.handed_in is not None


@pytest.mark.parametrize("newer", ["gan_12.py", "gan_12 (2).py"])
def test_two_versions_by_one_rule(a_class, newer):
    """From a folder, from its zip and from a flat zip the same file is graded, and a note says which."""
    texts = {"gan_12.py": HEAD + CRITIC, "gan_12 (2).py": HEAD + CRITIC.replace("mean", "sum")}
    for name, text in texts.items():
        path = a_class.write(f"submissions/s001/{name}", text)
        os.utime(path, (10**9 + 100 * (name == newer),) * 2)
    moodle = zipped(a_class.folder / "moodle.zip", {f"s001/{name}": text for name, text in texts.items()})
    canvas = zipped(a_class.folder / "canvas.zip", {f"noetheremmy_5_9_{name}": text for name, text in texts.items()})
    for submissions in (a_class.submissions, moodle, canvas):
        found = collect.find(submissions, a_class.students, a_class.assignment)
        answer = collect.answers_of(a_class.students[0], found.entries["s001"], a_class.assignment).answers[0]
        assert answer.submission.source == texts["gan_12 (2).py"], submissions
        assert len(answer.notes) == 1 and answer.notes[0].startswith("more than one file could be meant: ")
    os.utime(a_class.submissions / "s001" / newer, (2 * 10**9,) * 2)
    (a_class.submissions / "s001" / "gan_12 (2).py").rename(a_class.submissions / "s001" / "mine_gan_12.py")
    chosen = answers(a_class)[0]["critic_loss"]
    expected = texts[newer]
    assert chosen.submission.source == expected and chosen.notes, "without a mark the later one counts"


def test_a_file_of_a_platform_needs_no_note(a_class):
    names = ["noetheremmy_50000_900000_gan_12.py", "noetheremmy_LATE_50000_900001_gan_02-1.py"]
    path = zipped(a_class.folder / "hw1.zip", dict(zip(names, (HEAD + CRITIC, HEAD + MINIMAX))))
    found = collect.find(path, a_class.students, a_class.assignment)
    submitted = collect.answers_of(a_class.students[0], found.entries["s001"], a_class.assignment)
    assert [answer.submission.status for answer in submitted.answers] == [S.PASS] * 2
    assert [answer.notes for answer in submitted.answers] == [(), ()]


def test_the_notebook_of_the_assignment_needs_no_note(a_class):
    """Students get it beside the stubs, and many hand in both."""
    nbformat = pytest.importorskip("nbformat", reason="notebooks need the extra classroom")
    cells = [nbformat.v4.new_code_cell(text) for text in (HEAD, CRITIC, MINIMAX)]
    text = nbformat.writes(nbformat.v4.new_notebook(cells=cells))
    stub = "def critic_loss(real_scores, fake_scores):\n    raise NotImplementedError\n"
    for student, name in (("s001", "hw1.ipynb"), ("s002", "gauss_7_8_hw1-1.ipynb"), ("s003", "work.ipynb")):
        a_class.write(f"submissions/{student}/{name}", text)
        a_class.write(f"submissions/{student}/gan_12.py", stub)
        answer = answers(a_class, student)[0]["critic_loss"]
        assert answer.submission.status == S.PASS and answer.submission.file == f"{student}/{name}"
        assert bool(answer.notes) == (student == "s003")


@pytest.mark.parametrize("letter", ["x", "é", "語", "\U0001d54f"])
def test_a_name_longer_than_a_disk_allows(a_class, letter):
    """A zip may hold a file of any name; a worker gets the answer under a name that its disk allows."""
    path = zipped(a_class.folder / "hw1.zip", {f"s001/{letter * 300}_gan_12.py": HEAD + CRITIC})
    found = collect.find(path, a_class.students, a_class.assignment)
    submission = (
        collect.answers_of(a_class.students[0], found.entries["s001"], a_class.assignment).answers[0].submission
    )
    assert submission.status == S.PASS and submission.file.endswith("_gan_12.py")
    assert all(len(part.encode()) <= 255 for part in submission.file.split("/"))
    if letter == "é":
        assignment = a_class.assignment
        row = Grader(assignment, [1]).grade([(submission, "", ())] * 2)[0]
        assert row["status"] == S.PASS and row["points"] == 8


def test_a_zip_within_a_students_folder(a_class):
    data = io.BytesIO()
    zipped(data, {"hw1/gan_12.py": HEAD + CRITIC})
    a_class.write("submissions/s001/hw1.zip", data.getvalue())
    a_class.write("submissions/s002/hw1.zip", b"PK\x03\x04 damaged")
    assert answers(a_class)[0]["critic_loss"].submission.file == "s001/hw1.zip/hw1/gan_12.py"
    assert answers(a_class, "s002")[0]["critic_loss"].submission.status == S.MISSING_FILE


def test_zips_that_lie_or_are_hostile(a_class):
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("s001/gan_12.py", b"#" * (30 * 2**20))
        link = zipfile.ZipInfo("s001/gan_02.py")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    data = bytearray(bomb.getvalue())
    path = a_class.write("x.zip", bytes(data))
    found = collect.find(path, a_class.students, a_class.assignment)
    submitted = collect.answers_of(a_class.students[0], found.entries["s001"], a_class.assignment)
    assert [answer.submission.status for answer in submitted.answers] == [S.TOO_LARGE, S.SYMLINK]
    damaged = io.BytesIO()
    zipped(damaged, {"s001/gan_12.py": os.urandom(5000)})
    data = bytearray(damaged.getvalue())
    data[100:400] = bytes(300)
    path = a_class.write("y.zip", bytes(data))
    found = collect.find(path, a_class.students, a_class.assignment)
    submitted = collect.answers_of(a_class.students[0], found.entries["s001"], a_class.assignment)
    assert submitted.answers[0].submission.status == S.NOT_A_FILE
    with pytest.raises(UsageError, match="neither"):
        collect.find(a_class.write("z.zip", b"no zip"), a_class.students, a_class.assignment)
    with pytest.raises(UsageError, match="cannot read the submissions"):
        collect.find(a_class.folder / "nothing", a_class.students, a_class.assignment)


@posix
def test_names_that_cannot_be_written(a_class):
    folder = os.path.join(os.fsencode(a_class.submissions), b"s001")
    os.mkdir(folder)
    with open(os.path.join(folder, b"gan_12\xff\x1b[31m.py"), "wb") as file:
        file.write((HEAD + CRITIC).encode())
    answer = answers(a_class)[0]["critic_loss"]
    assert answer.submission.status == S.PASS
    assert answer.submission.file.isprintable() and answer.submission.file.encode()


def test_deep_and_many(a_class, monkeypatch):
    monkeypatch.setattr(collect, "MOST_FILES", 60)
    deep = a_class.submissions / "s001" / "/".join(["d"] * 40)
    deep.mkdir(parents=True)
    (deep / "gan_12.py").write_text(HEAD + CRITIC)
    for number in range(100):
        a_class.write(f"submissions/s002/f{number:05}.txt", "")
    assert answers(a_class)[0]["critic_loss"].submission.status == S.MISSING_FILE
    found = collect.find(a_class.submissions, a_class.students, a_class.assignment)
    assert [entry.name for entry in found.entries["s002"]] == [f"f{number:05}.txt" for number in range(59)]


def test_nobody_is_told_why(a_class):
    a_class.write("roster.csv", "student_id,last_name,first_name\na,Nash,John\nb,Nash,John\n")
    a_class.write("submissions/John Nash/gan_12.py", CRITIC)
    a_class.write("submissions/readme.txt", "x")
    unmatched = dict(collect.find(a_class.submissions, a_class.students, a_class.assignment).unmatched)
    assert unmatched["John Nash/gan_12.py"] == "John Nash may be of a, b"
    assert "no student" in unmatched["readme.txt"]


def test_when_it_was_handed_in(a_class):
    a_class.hand_in("s001")
    early, late = 1_800_000_000, 1_800_000_100
    os.utime(a_class.submissions / "s001" / "gan_12.py", (late, late))
    os.utime(a_class.submissions / "s001" / "gan_02.py", (early, early))
    found = collect.find(a_class.submissions, a_class.students, a_class.assignment)
    submitted = collect.answers_of(a_class.students[0], found.entries["s001"], a_class.assignment)
    assert submitted.handed_in == datetime.datetime.fromtimestamp(late, datetime.UTC)
