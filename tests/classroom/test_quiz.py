"""Predictions as questions for other platforms: what is in the files, read by a reader of each format.

The files of all lessons were validated by the schemas of QTI 2.1 and of its packages, and imported by pyslet, citolab's
qti_convert and gift-pegjs, none of which is installed here.
"""

import html
import io
import re
import zipfile
from xml.etree import ElementTree as ET

import pytest

from minigen.classroom.teaching.quiz import QuizQuestion, as_gift, as_qti, questions_of
from minigen.cli import main
from minigen.course.index.names import find_lesson
from minigen.course.reading.composition import recorded_reading

Q = "{http://www.imsglobal.org/xsd/imsqti_v2p1}"
C = "{http://www.imsglobal.org/xsd/imscp_v1p1}"
SIGNS = QuizQuestion(
    "gan/02",
    30,  # no lesson has so many
    "Is {x ~ p} = `a<b & c`: #1?",
    ("a = b\\c", "no: 1 < 2 & ~x", "`D{x}`"),
    1,
    "It is 0.5 = 1/2: `x#y` > 0.",
)


@pytest.fixture(scope="module")
def questions():
    readings = [recorded_reading(find_lesson(id)) for id in ("gan/02", "diffusion/09")]
    return [question for reading in readings for question in questions_of(reading)]


def plain(text: str) -> str:
    return " ".join(text.replace("`", "").split())


def gift_questions(text: str) -> dict[str, tuple[str, list[tuple[bool, str]], str]]:
    """Name, text, choices and feedback of each question, without what GIFT and HTML add."""

    def shown(part: str) -> str:
        return html.unescape(re.sub(r"</?code>", "", re.sub(r"\\([\\~=#{}:])", r"\1", part)))

    found = {}
    pattern = r"(?m)^::(.+?)::\[html\](.*?) \{\n((?:\t[=~].*\n)+)\t####(.*)\n\}$"
    for name, stem, choices, feedback in re.findall(pattern, text):
        rows = [(line[1] == "=", shown(line[2:])) for line in choices.splitlines()]
        found[name] = shown(stem), rows, shown(feedback)
    return found


def test_the_questions_are_those_of_the_lessons(questions):
    reading = recorded_reading(find_lesson("gan/02"))
    mine = [question for question in questions if question.lesson == "gan/02"]
    assert [question.number for question in mine] == [1, 2, 3, 4]
    for question, asked in zip(mine, reading.questions, strict=True):
        assert (question.text, list(question.choices)) == (asked.question, list(asked.choices))
        assert question.choices[question.answer] == asked.outcome.answer and question.reason == asked.outcome.text
    assert len({question.answer for question in questions}) > 1


def test_gift(questions):
    text = as_gift([*questions, SIGNS])
    read = gift_questions(text)
    assert re.findall(r"(?m)^\$CATEGORY: (.*)$", text) == ["minigen/gan-02", "minigen/diffusion-09", "minigen/gan-02"]
    for question in [*questions, SIGNS]:
        stem, choices, feedback = read[question.name]
        assert (stem, feedback) == (plain(question.text), plain(question.reason))
        wanted = [(place == question.answer, plain(choice)) for place, choice in enumerate(question.choices)]
        assert choices == wanted
    bare = re.sub(r"\\.", "", text[text.index("::gan/02 30::[html]Is") :])
    assert "{" not in bare.partition("{\n")[2] and bare.count("=") == 1, "each sign of GIFT's own has a backslash"
    assert "<code>a&lt;b &amp; c</code>" in text


def test_qti(questions):
    """Each item has its choices, the right one, the points and the reason; test and manifest name every file."""
    with zipfile.ZipFile(io.BytesIO(as_qti([*questions, SIGNS], "Two lessons")), "r") as package:
        files = {name: ET.fromstring(package.read(name)) for name in package.namelist()}
    items = {f"items/{question.identifier}.xml" for question in [*questions, SIGNS]}
    assert files.keys() == items | {"test.xml", "imsmanifest.xml"}
    for question in [*questions, SIGNS]:
        item = files[f"items/{question.identifier}.xml"]
        assert item.tag == f"{Q}assessmentItem" and item.get("identifier") == question.identifier
        order = [child.tag.removeprefix(Q) for child in item]
        kinds = ["responseDeclaration", *["outcomeDeclaration"] * 3, "itemBody", "responseProcessing", "modalFeedback"]
        assert order == kinds, "the order of the schema"
        choices = {each.get("identifier"): "".join(each.itertext()) for each in item.iter(f"{Q}simpleChoice")}
        assert choices == dict(zip("ABCDEFG", map(plain, question.choices)))
        assert item.findtext(f"{Q}responseDeclaration/{Q}correctResponse/{Q}value") == "ABCDEFG"[question.answer]
        assert "".join(item.find(f".//{Q}prompt").itertext()) == plain(question.text)
        assert "".join(item.find(f"{Q}modalFeedback").itertext()) == plain(question.reason)
        assert [value.text for value in item.iter(f"{Q}defaultValue") for value in value] == ["0", "1"]
        assert item.find(f".//{Q}modalFeedback").get("identifier") in {
            value.text for value in item.iter(f"{Q}baseValue")
        }
    test, manifest = files["test.xml"], files["imsmanifest.xml"]
    sections = [section.get("identifier") for section in test.iter(f"{Q}assessmentSection")]
    assert sections[:2] == ["gan-02", "diffusion-09"] and test.get("title") == "Two lessons"
    assert {ref.get("href") for ref in test.iter(f"{Q}assessmentItemRef")} == items
    resources = {each.get("identifier"): each for each in manifest.iter(f"{C}resource")}
    assert {each.get("href") for each in resources.values()} == items | {"test.xml"}
    needed = {each.get("identifierref") for each in resources["test"].iter(f"{C}dependency")}
    assert needed == resources.keys() - {"test"}


def test_the_same_questions_give_the_same_bytes(questions):
    assert as_qti(questions, "T") == as_qti(questions, "T")


def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["quiz", "gan/02", "--out", "bank"]) == 0
    assert "4 questions" in capsys.readouterr().out
    assert len(gift_questions((tmp_path / "bank" / "quiz.gift").read_text(encoding="utf-8"))) == 4
    assert zipfile.is_zipfile(tmp_path / "bank" / "qti.zip")
    assert main(["quiz", "gan/99"]) == 2
    (tmp_path / "file").write_text("x")
    assert main(["quiz", "gan/02", "--out", "file"]) == 2 and "cannot write to file" in capsys.readouterr().err
