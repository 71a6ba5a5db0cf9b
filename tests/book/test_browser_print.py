"""A post of the book on paper and as an EPUB: all results, pages in order, links that lead somewhere."""

import subprocess
import sys
import xml.etree.ElementTree as xml
import zipfile

import pytest

pytestmark = pytest.mark.book
XHTML, OPF = "{http://www.w3.org/1999/xhtml}", "{http://www.idpf.org/2007/opf}"


@pytest.fixture(scope="module")
def printed(root, book, tmp_path_factory):
    for module in ("playwright", "pypdf", "ebooklib"):
        pytest.importorskip(module, reason=".ci/book.txt lists it")
    out = tmp_path_factory.mktemp("print")
    command = [sys.executable, root / ".ci" / "print_book", book, out, "gan"]
    subprocess.run(command, check=True, timeout=600)
    return out


def test_a_pdf_has_every_lesson_and_every_answer(printed, root):
    from pypdf import PdfReader

    paper = PdfReader(printed / "minigen-gan.pdf")
    titles = [entry.title for entry in paper.outline if not isinstance(entry, list)]
    assert titles[0] == "From GAN to WGAN" and len(titles) == 3
    text = "\n".join(page.extract_text() for page in paper.pages)
    lessons = [root / "lessons" / "gan" / name / "lesson.py" for name in ("02_gan", "11_why_wasserstein")]
    questions = sum(path.read_text(encoding="utf-8").count("lesson.predict(") for path in lessons)
    assert text.count("Answer:") == questions and "choose before you open it" not in text and len(paper.pages) > 20
    links = [link.get_object().get("/A", {}) for page in paper.pages for link in page.get("/Annots", [])]
    targets = [str(link["/URI"]) for link in links if "/URI" in link]
    assert any("arxiv.org" in target for target in targets)
    assert not [target for target in targets if target.startswith("file:")]


def test_an_epub_is_well_formed_and_complete(printed, root):
    with zipfile.ZipFile(printed / "minigen-gan.epub") as packed:
        names = set(packed.namelist())
        pages = {name: xml.fromstring(packed.read(name)) for name in names if name.endswith(".xhtml")}
        package = xml.fromstring(packed.read("EPUB/content.opf"))
    manifest = {item.get("href"): item for item in package.iter(f"{OPF}item")}
    assert {f"EPUB/{name}" for name in manifest} == {name for name in names if name.startswith("EPUB/")} - {
        "EPUB/content.opf"
    }
    lesson = pages["EPUB/lessons-gan-02_gan.xhtml"]
    assert manifest["lessons-gan-02_gan.xhtml"].get("properties") == "mathml"
    assert len(list(lesson.iter("{http://www.w3.org/1998/Math/MathML}math"))) > 100
    text = "".join(lesson.itertext())
    questions = (root / "lessons" / "gan" / "02_gan" / "lesson.py").read_text(encoding="utf-8").count("lesson.predict(")
    assert text.count("Answer:") == questions and "Play" not in text
    assert "choose before you open it" not in text and "press Edit" not in text
    lines = {"".join(each.itertext()).strip() for each in lesson.iter(f"{XHTML}p")}
    assert not lines & {"Run", "Edit", "Stop", "Reset", "Check", "Start again"}, "buttons do nothing here"
    assert all(f"def {name}(" in text for name in ("discriminator_loss", "generator_step")), "a box, a cell"
    for name, page in pages.items():
        places = {each.get("id") for each in page.iter()}
        for image in page.iter(f"{XHTML}img"):
            assert f"EPUB/{image.get('src')}" in names, name
        for link in page.iter(f"{XHTML}a"):
            target, _, place = (link.get("href") or "").partition("#")
            assert target.startswith("http") or not target or f"EPUB/{target}" in names, (name, target)
            assert target or not place or place in places, (name, place)
