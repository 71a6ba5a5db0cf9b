"""Hostile and odd submissions that no process is needed for: how they are listed, read and matched, and how fast."""

import datetime
import io
import json
import struct
import warnings
import zipfile

import pytest

from minigen.classroom import collect
from minigen.course.console import UsageError
from minigen.course.exercise.grading import status as S
from minigen.course.exercise.grading.grade import did_you_mean
from minigen.course.exercise.grading.submission import parse_submission
from tests.costs import units_of

from .conftest import CRITIC, HEAD, MINIMAX, TOML

RIGHT = (HEAD + CRITIC).encode()


def empty_entries(count: int) -> bytes:
    """A zip of so many empty files: one file in the zip and a list that names it again and again."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("s001/gan_12.py", "")
    whole = data.getvalue()
    start = whole.index(b"PK\x01\x02")
    end = whole.index(b"PK\x05\x06")
    listed = whole[start:end] * count
    number = min(count, 0xFFFF)
    return whole[:start] + listed + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, number, number, len(listed), start, 0)


def submitted(a_class, student="s001"):
    found = collect.find(a_class.submissions, a_class.students, a_class.assignment)
    one = next(one for one in a_class.students if one.student_id == student)
    return collect.answers_of(one, found.entries[student], a_class.assignment)


def test_a_zip_of_very_many_entries(a_class):
    """Of the class it is refused, of a student it is a zip that is not opened; both before the list is read."""
    data = empty_entries(250_000)
    path = a_class.write("class.zip", data)

    def refused():
        with pytest.raises(UsageError, match=r"class.zip has a list of files of more than 8 MB; unpack it into a fold"):
            collect.find(path, a_class.students, a_class.assignment)

    assert units_of(refused) < 2
    a_class.write("submissions/s001/hw1.zip", data)
    assert units_of(lambda: submitted(a_class)) < 2
    message = submitted(a_class).answers[0].submission.message
    assert message.endswith("handed in: s001/hw1.zip; s001/hw1.zip lists too many files and was not opened")
    a_class.write("submissions/s001/gan_12.py", RIGHT)
    assert submitted(a_class).answers[0].submission.status == S.PASS, "what stands beside it counts"


def test_a_large_class_in_one_zip(a_class):
    """Thirty thousand files are less than the limit."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("s001/gan_12.py", RIGHT)
    path = a_class.write("class.zip", data.getvalue())
    assert len(collect.find(path, a_class.students, a_class.assignment).entries["s001"]) == 1
    path.write_bytes(empty_entries(30_000))
    entries = list(collect.entries_of(path))
    assert len(entries) == collect.MOST_FILES, "of one student"


def test_very_many_zips(a_class):
    one = empty_entries(100)
    for number in range(20):
        a_class.write(f"submissions/s001/hw{number:02}.zip", one)
    assert "; only 10 zip files were opened" in submitted(a_class).answers[1].submission.message


def test_a_file_of_very_many_functions(a_class, monkeypatch):
    """With near names: only the first are compared with the name that is asked for."""
    compared = []

    def close(word, names, **options):
        compared.append(len(names))
        return names[:1]

    monkeypatch.setattr("minigen.course.exercise.grading.grade.difflib.get_close_matches", close)
    near = "".join(f"def critic_los{number}(a): pass\n" for number in range(2000))
    assert did_you_mean(a_class.assignment.exercises[0].exercise, near).endswith(": rename it") and compared == [500]


def test_very_many_large_files(a_class, monkeypatch):
    """Each is read once, whatever it may answer, and no more than a limit of bytes; the best names first."""
    read = []

    def parsed(shown, data):
        read.append(shown)
        return parse_submission(shown, data)

    monkeypatch.setattr(collect, "parse_submission", parsed)
    monkeypatch.setattr(collect, "MOST_CODE", 3000)
    for number in range(40):
        a_class.write(f"submissions/s001/f{number:02}.py", HEAD + CRITIC + MINIMAX + "#" * 1000)
    a_class.write("submissions/s001/gan_12.py", RIGHT)
    answers = submitted(a_class).answers
    assert [answer.submission.status for answer in answers] == [S.PASS, S.PASS]
    assert read == ["s001/gan_12.py", "s001/f00.py", "s001/f01.py", "s001/f02.py"]


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("s001/gan_12.py", "s001"),
        ("hw1_s001_s002/gan_12.py", None),
        ("s001_s002_gan_12.py", "s001"),  # the first one, as in the names of Canvas, whose students name files too
        ("noetheremmy_1_2_gauss_gan_12.py", "s001"),
        ("gan_12.py", None),
        ("Noether Emmy and Gauss Carl/gan_12.py", "s001"),
        ("group 7/s002/gan_12.py", "s002"),
        ("emmy@example.org/gan_12.py", "s001"),
    ],
)
def test_no_name_and_two_names(a_class, name, owner):
    a_class.write(f"submissions/{name}", RIGHT)
    found = collect.find(a_class.submissions, a_class.students, a_class.assignment)
    assert [id for id, entries in found.entries.items() if entries] == ([owner] if owner else [])
    assert [file for file, _ in found.unmatched] == ([] if owner else [name])


@pytest.mark.parametrize(
    ("text", "late"),
    [
        ("2027-02-01T23:59:00+00:00", "0"),
        ("2027-02-02T00:59:00+01:00", "0"),
        ("2027-02-01T23:59:00-01:00", "2"),
        ("2027-02-02T12:59:00+13:00", "0"),
        ("2027-02-01T23:59:59Z", "2"),
        ("2027-02-01 15:59:00-08:00", "0"),
    ],
)
def test_late_by_time_zones(a_class, quickly, text, late):
    a_class.write("hw1.toml", TOML + "\n[late]\nper_day = 0.25\n")
    a_class.hand_in("s001")
    a_class.grade(times={"s001": text})
    assert a_class.rows()["s001", "critic_loss"]["late"] == late
    minutes = (datetime.datetime.fromisoformat(text) - a_class.assignment.due) / datetime.timedelta(minutes=1)
    assert a_class.document("s001")["minutes_after_due"] == -(-minutes // 1)


# ------------------------------------------------------------------------------------------- notebooks


def _cell(source, **more) -> dict:
    return {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": source, **more}


def _book(*cells, **more) -> dict:
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **more}


CODE = [HEAD, CRITIC, MINIMAX]
PLAIN = [_cell(text, id=f"c{number}") for number, text in enumerate(CODE)]
OUTPUT = {"output_type": "display_data", "data": {"image/png": "A" * 10**6}, "metadata": {}}
OLD = [{"cell_type": "code", "language": "python", "input": text, "outputs": [], "collapsed": False} for text in CODE]
SHAPES = {
    "as Jupyter writes it": _book(*PLAIN),
    "lists of lines": _book(*({**cell, "source": cell["source"].splitlines(keepends=True)} for cell in PLAIN)),
    "without ids": _book(*map(_cell, CODE), nbformat_minor=2),
    "ids twice": _book(*({**cell, "id": "same"} for cell in PLAIN)),
    "of Colab": _book(
        *({**cell, "metadata": {"id": "x", "colab": {"base_uri": "y"}}} for cell in PLAIN),
        metadata={"colab": {"provenance": []}, "kernelspec": {"name": "python3"}},
    ),
    "large outputs": _book(*({**cell, "outputs": [OUTPUT]} for cell in PLAIN)),
    "widgets": _book(*PLAIN, metadata={"widgets": {"application/vnd.jupyter.widget-state+json": {"state": {}}}}),
    "version 3": {"worksheets": [{"cells": OLD, "metadata": {}}], "metadata": {}, "nbformat": 3, "nbformat_minor": 0},
    "magics": _book(_cell("%matplotlib inline\n!ls"), _cell("%%time\n" + CRITIC), *PLAIN),
    "top-level await": _book(_cell("await something()\nx = [await y async for y in z]"), *PLAIN),
    "cells of other kinds": _book(*PLAIN, {"cell_type": "raw", "metadata": {}, "source": "def critic_loss(): pass"}),
    "not a number": _book(*PLAIN, metadata={"x": float("nan")}),
}
BROKEN = {
    "a list": [],
    "a text": "def critic_loss",
    "no cells": {"nbformat": 4, "nbformat_minor": 5, "metadata": {}},
    "cells that are none": _book(None, 3),
    "a later version": _book(*PLAIN, nbformat=9),
}


@pytest.mark.parametrize("name", ["hw1.ipynb", "hw1 (3).ipynb"])
@pytest.mark.parametrize("shape", SHAPES)
def test_notebooks_in_many_shapes(a_class, shape, name):
    pytest.importorskip("nbformat", reason="notebooks need the extra classroom")
    for encoding in ("utf-8", "utf-8-sig"):
        a_class.write(f"submissions/s001/{name}", json.dumps(SHAPES[shape]).encode(encoding))
        with warnings.catch_warnings():  # none of nbformat's reaches the teacher's terminal
            warnings.simplefilter("error")
            answers = submitted(a_class).answers
        for answer, text in zip(answers, (CRITIC, MINIMAX), strict=True):
            assert answer.submission.status == S.PASS and text.strip() in answer.submission.source, answer.submission


@pytest.mark.parametrize("shape", BROKEN)
def test_what_is_no_notebook(a_class, shape):
    pytest.importorskip("nbformat", reason="notebooks need the extra classroom")
    a_class.write("submissions/s001/hw1.ipynb", json.dumps(BROKEN[shape]))
    answer = submitted(a_class).answers[0].submission
    assert answer.status in (S.SYNTAX_ERROR, S.MISSING_FUNCTION, S.EMPTY) and "s001/hw1.ipynb" in answer.file
    a_class.write("submissions/s001/gan_12.py", RIGHT)
    assert submitted(a_class).answers[0].submission.status == S.PASS


# ------------------------------------------------------------------------------------------- hints


@pytest.mark.parametrize(
    ("record", "hints"),
    [
        ({"version": 1, "exercises": {"gan/12/critic_loss": {"hints": 2}, "gan/99/x": {"hints": 1}}}, 2),
        ({"exercises": {"gan/12/critic_loss": {"hints": 99}}}, 3),
        ({"exercises": {"gan/12/critic_loss": {"hints": -5}}}, 0),
        ({"exercises": {"gan/12/critic_loss": {"hints": True}}}, None),
        ({"exercises": {"gan/12/critic_loss": 3}}, None),
        ({"exercises": []}, None),
        ([], None),
        (None, None),
    ],
)
def test_hints_by_the_students_own_record(a_class, quickly, record, hints):
    a_class.hand_in("s001")
    a_class.write("submissions/s001/.progress.json", json.dumps(record))
    a_class.write("submissions/noetheremmy_50001_2_.progress.json", "[" * 100_000)
    a_class.grade()
    assert a_class.document("s001")["exercises"][0]["hints_used"] == hints
    shown = "" if hints is None else hints
    cells = (
        f'<td class="number">13</td><td class="number">13</td><td class="number"></td><td class="number">{shown}</td>'
    )
    assert cells in (a_class.out / "report.html").read_text()
    assert all("progress" not in file for file in (a_class.out / "unmatched.csv").read_text().splitlines())
