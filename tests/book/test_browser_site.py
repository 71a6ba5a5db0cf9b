"""A book whose repository is known: addresses, previews, links to the source, and the page for a lost link."""

import functools
import http.server
import threading
import xml.etree.ElementTree as xml
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.book

GAN = "lessons/gan/02_gan.html"
ADDRESS = "https://ada.github.io/book/"
HEAD = """() => Object.fromEntries([...document.querySelectorAll("meta[name], meta[property]")].map(
    (meta) => [meta.getAttribute("property") ?? meta.name, meta.content]))"""


class Pages(http.server.SimpleHTTPRequestHandler):
    """Answers as GitHub Pages does: the site is below /book/, and its 404.html comes for what is not there."""

    def translate_path(self, path):
        return super().translate_path(urlsplit(path).path.removeprefix("/book"))

    def send_error(self, code, *args):
        data = open(super().translate_path("/404.html"), "rb").read()
        self.send_response(404)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


@pytest.fixture
def page(browser, book):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Pages, directory=str(book)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = browser.new_page(base_url=f"http://127.0.0.1:{server.server_address[1]}/book/")
    page.set_default_timeout(600_000)  # ms: on a machine that may have much else to do
    yield page
    page.close()
    server.shutdown()
    server.server_close()


def test_a_lesson_can_be_found_shared_and_corrected(page, book):
    page.goto(GAN)
    head = page.evaluate(HEAD)
    assert head["description"] == head["og:description"] and 60 < len(head["description"]) <= 200
    assert head["description"].startswith("Suppose you have thousands of photographs")
    assert head["og:title"] in page.title() and head["og:url"] == ADDRESS + GAN
    assert (book / head["og:image"].removeprefix(ADDRESS)).is_file()
    assert page.locator("link[rel=canonical]").get_attribute("href") == ADDRESS + GAN
    links = page.locator("a").evaluate_all("all => all.map((a) => a.href)")
    assert "https://github.com/Ada/book/edit/main/lessons/gan/02_gan/lesson.py" in links
    assert "https://colab.research.google.com/github/Ada/book/blob/notebooks/gan-02-gan.ipynb" in links
    foot = page.locator(".mg-foot")
    for words, end in (("MIT license", "sources.html#license"), ("How to cite", "sources.html#how-to-cite")):
        foot.get_by_role("link", name=words).click()
        assert page.url.endswith(end) and page.locator(f"#{end.partition('#')[2]}").count() == 1
        page.go_back()


def test_the_first_page_has_a_title_in_words(page):
    page.goto("index.html")
    assert page.title() == "minigen: generative models from scratch in NumPy"
    assert page.locator(".sidebar-brand-text").inner_text() == "minigen"
    page.goto("lessons/gan/11_why_wasserstein.html")
    assert page.title().endswith(" - minigen")


def test_the_sitemap_and_the_feed_name_pages_that_exist(book):
    places = [each.text for each in xml.parse(book / "sitemap.xml").iter() if each.tag.endswith("loc")]
    assert len(places) == len(set(places)) > 40 and ADDRESS in places
    assert all((book / (place.removeprefix(ADDRESS) or "index.html")).is_file() for place in places)
    assert not any("404" in place for place in places)
    assert xml.parse(book / "feed.xml").getroot().tag.endswith("feed")


def test_a_lost_link_finds_the_newest_version_of_its_page(page, axe):
    page.goto(f"v0.0.9/{GAN}")
    assert page.locator("h1").inner_text().startswith("This page is not here")
    style = "getComputedStyle(document.querySelector('.mg-foot')).fontSize"
    assert page.evaluate(style) == "13.6px", "its own styles come from the book's first folder"
    page.get_by_role("link", name="The same page of the newest version").click()
    page.wait_for_url(f"**/book/{GAN}")
    assert page.locator("h1").inner_text().startswith("Generative adversarial networks")
    page.goto("nowhere/at/all.html")
    page.evaluate(axe)
    assert page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"] == []
    page.get_by_role("link", name="first page").click()
    page.wait_for_url("**/book/index.html")
