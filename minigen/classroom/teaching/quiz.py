"""The predictions of lessons as a bank of questions: choices, the answer that was measured, and its reason.

Two formats: GIFT, which Moodle imports, and a package of QTI 2.1, which Canvas and other platforms import.
"""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from xml.etree import ElementTree as ET

from minigen.course.lesson import blocks
from minigen.course.lesson.predict import LETTERS
from minigen.course.reading.composition import Reading

__all__ = ["QuizQuestion", "as_gift", "as_qti", "questions_of"]

QTI = "http://www.imsglobal.org/xsd/imsqti_v2p1"
CONTENT = "http://www.imsglobal.org/xsd/imscp_v1p1"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
SCHEMAS = {
    QTI: "http://www.imsglobal.org/xsd/qti/qtiv2p1/imsqti_v2p1.xsd",
    CONTENT: "http://www.imsglobal.org/xsd/qti/qtiv2p1/qtiv2p1_imscpv1p2_v1p0.xsd",
}
CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class QuizQuestion:
    """A question with its choices. answer: the place of the right one; reason: what the run showed."""

    lesson: str
    number: int
    text: str
    choices: tuple[str, ...]
    answer: int
    reason: str

    @property
    def name(self) -> str:
        return f"{self.lesson} {self.number}"

    @property
    def identifier(self) -> str:
        return f"{self.lesson.replace('/', '-')}-{self.number}"


def questions_of(reading: Reading) -> list[QuizQuestion]:
    """Return the predictions of a lesson that have one right choice, in their order."""
    found = []
    short = f"{reading.lesson.id.split('/')[0]}/{reading.lesson.number}"
    for block in reading.blocks:
        outcome = block.outcome if isinstance(block, blocks.Question) else None
        if isinstance(block, blocks.Question) and outcome is not None and outcome.answer in block.choices:
            answer = block.choices.index(str(outcome.answer))
            texts = (block.question, tuple(block.choices), answer, outcome.text)
            found.append(QuizQuestion(short, block.number + 1, *texts))
    return found


# -- GIFT --------------------------------------------------------------------------------------------------------------


def as_gift(questions: Iterable[QuizQuestion]) -> str:
    """Return the questions in GIFT, a category for each lesson; the reason is the feedback of all answers."""
    lines = []
    for lesson, group in groupby(questions, key=lambda question: question.lesson):
        lines.append(f"$CATEGORY: minigen/{lesson.replace('/', '-')}\n")
        for question in group:
            choices = [
                f"\t{'=' if place == question.answer else '~'}{_gift(choice)}"
                for place, choice in enumerate(question.choices)
            ]
            head = f"::{_gift_plain(question.name)}::[html]{_gift(question.text)} {{"
            lines.append("\n".join([head, *choices, f"\t####{_gift(question.reason)}", "}\n"]))
    return "\n".join(lines)


def _gift(text: str) -> str:
    """Return a text as HTML in GIFT, whose own signs have a backslash."""
    marked = CODE.sub(lambda found: f"<code>{found[1]}</code>", html.escape(" ".join(text.split()), quote=False))
    return _gift_plain(marked)


def _gift_plain(text: str) -> str:
    return re.sub(r"([\\~=#{}:])", r"\\\1", text)


# -- QTI 2.1 -----------------------------------------------------------------------------------------------------------


def as_qti(questions: Sequence[QuizQuestion], title: str) -> bytes:
    """Return a package of QTI 2.1: an item for each question, a test with a section for each lesson, a manifest."""
    files = {f"items/{each.identifier}.xml": _xml(_item(each)) for each in questions}
    files["test.xml"] = _xml(_test(questions, title))
    files["imsmanifest.xml"] = _xml(_manifest(questions))
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as package:
        for name in sorted(files):
            package.writestr(zipfile.ZipInfo(name), files[name], zipfile.ZIP_DEFLATED)  # the same bytes at any time
    return data.getvalue()


def _xml(root: ET.Element) -> bytes:
    return ET.tostring(root, encoding="utf-8", xml_declaration=True)


def _root(name: str, namespace: str, **attributes: str) -> ET.Element:
    """Return the root of a document, in whose namespace the elements below it are."""
    location = f"{namespace} {SCHEMAS[namespace]}"
    head = {"xmlns": namespace, "xmlns:xsi": XSI, "xsi:schemaLocation": location}
    return ET.Element(name, {**head, **attributes})


def _add(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
    child = ET.SubElement(parent, name, attributes)
    if text:
        child.text = text
    return child


def _add_text(parent: ET.Element, name: str, text: str, **attributes: str) -> None:
    """Add an element with a text in which code is marked."""
    child = _add(parent, name, **attributes)
    last: ET.Element | None = None
    for place, part in enumerate(CODE.split(" ".join(text.split()))):
        if place % 2:
            last = _add(child, "code", part)
        elif last is None:
            child.text = part
        else:
            last.tail = part


def _item(question: QuizQuestion) -> ET.Element:
    names = {"identifier": question.identifier, "title": question.name}
    item = _root("assessmentItem", QTI, adaptive="false", timeDependent="false", **names)
    response = _add(item, "responseDeclaration", identifier="RESPONSE", cardinality="single", baseType="identifier")
    _add(_add(response, "correctResponse"), "value", _letter(question.answer))
    for name, value in (("SCORE", "0"), ("MAXSCORE", "1")):
        score = _add(item, "outcomeDeclaration", identifier=name, cardinality="single", baseType="float")
        _add(_add(score, "defaultValue"), "value", value)
    _add(item, "outcomeDeclaration", identifier="FEEDBACK", cardinality="single", baseType="identifier")
    body = _add(item, "itemBody")
    choice = _add(body, "choiceInteraction", responseIdentifier="RESPONSE", shuffle="false", maxChoices="1")
    _add_text(choice, "prompt", question.text)
    for place, text in enumerate(question.choices):
        _add_text(choice, "simpleChoice", text, identifier=_letter(place))
    processing = _add(item, "responseProcessing")
    right = _add(_add(processing, "responseCondition"), "responseIf")
    match = _add(right, "match")
    _add(match, "variable", identifier="RESPONSE")
    _add(match, "correct", identifier="RESPONSE")
    _add(_add(right, "setOutcomeValue", identifier="SCORE"), "baseValue", "1", baseType="float")
    shown = _add(processing, "setOutcomeValue", identifier="FEEDBACK")
    _add(shown, "baseValue", "REASON", baseType="identifier")
    _add_text(
        item, "modalFeedback", question.reason, outcomeIdentifier="FEEDBACK", identifier="REASON", showHide="show"
    )
    return item


def _letter(place: int) -> str:
    return LETTERS[place].upper()


def _test(questions: Sequence[QuizQuestion], title: str) -> ET.Element:
    test = _root("assessmentTest", QTI, identifier="minigen", title=title)
    part = _add(test, "testPart", identifier="part", navigationMode="nonlinear", submissionMode="individual")
    for lesson, group in groupby(questions, key=lambda question: question.lesson):
        section = _add(part, "assessmentSection", identifier=lesson.replace("/", "-"), title=lesson, visible="true")
        for each in group:
            _add(section, "assessmentItemRef", identifier=each.identifier, href=f"items/{each.identifier}.xml")
    return test


def _manifest(questions: Sequence[QuizQuestion]) -> ET.Element:
    manifest = _root("manifest", CONTENT, identifier="minigen-questions")
    metadata = _add(manifest, "metadata")
    _add(metadata, "schema", "QTIv2.1 Package")
    _add(metadata, "schemaversion", "1.0.0")
    _add(manifest, "organizations")
    resources = _add(manifest, "resources")
    test = _add(resources, "resource", identifier="test", type="imsqti_test_xmlv2p1", href="test.xml")
    _add(test, "file", href="test.xml")
    for each in questions:
        _add(test, "dependency", identifierref=each.identifier)
    for each in questions:
        name = f"items/{each.identifier}.xml"
        item = _add(resources, "resource", identifier=each.identifier, type="imsqti_item_xmlv2p1", href=name)
        _add(item, "file", href=name)
    return manifest
