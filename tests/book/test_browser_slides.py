"""Slides in Chromium: no error, arrows go on, formulas are set, nothing leaves its slide, one page a slide in print."""

import io
import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.book


@pytest.fixture(scope="module")
def deck(tmp_path_factory):
    pytest.importorskip("sphinx_revealjs", reason="needs the extra 'slides'")
    folder = tmp_path_factory.mktemp("slides")
    command = [sys.executable, "-m", "minigen", "slides", "gan/12", "--out", "deck"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert (folder / "deck" / ".build" / "sphinx.log").read_text() == ""
    again = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert again.stdout == done.stdout
    return folder / "deck" / "index.html", int(done.stdout.split()[0])


def test_slides(deck, browser):
    file, count = deck
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    errors = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("requestfailed", lambda request: errors.append(request.url))
    page.on("request", lambda request: errors.append(request.url) if request.url.startswith("http") else None)
    page.goto(file.as_uri())
    page.wait_for_function("window.Reveal && Reveal.isReady() && document.querySelector('.katex-display, .katex')")
    assert page.evaluate("Reveal.getTotalSlides()") == count
    assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    texts = []
    for _ in range(count):
        texts.append(page.evaluate("Reveal.getCurrentSlide().innerText"))
        over = page.evaluate("Reveal.getCurrentSlide().scrollHeight - 720")
        assert over <= 0, texts[-1]
        page.keyboard.press("ArrowRight")
    assert len(set(texts)) > 0.8 * count and page.evaluate("Reveal.isLastSlide()")
    questions = [i for i, text in enumerate(texts) if re.match(r"Prediction \d+\.", text)]
    assert questions and all(re.match(r"Prediction \d+: ", texts[i + 1]) for i in questions)
    assert not any("$" in text for text in texts), "a formula that is not set"
    assert errors == []
    page.close()


def test_printed(deck, browser):
    pypdf = pytest.importorskip("pypdf", reason="needs pypdf")
    file, count = deck
    page = browser.new_page()
    page.goto(f"{file.as_uri()}?print-pdf")
    page.wait_for_function("window.Reveal && Reveal.isReady() && document.querySelector('.pdf-page')")
    page.wait_for_timeout(500)
    printed = page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(pypdf.PdfReader(io.BytesIO(printed)).pages) == count
    page.close()
