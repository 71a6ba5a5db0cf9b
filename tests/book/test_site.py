"""What search engines, previews of links and feed readers get of the book."""

import xml.etree.ElementTree as xml

import pytest

from minigen.course.book import site

ADDRESS = "https://ada.github.io/book/"
ATOM, MAP = "{http://www.w3.org/2005/Atom}", "{http://www.sitemaps.org/schemas/sitemap/0.9}"
CHANGES = """# Changelog

## 1.1.0 (unreleased)

- Not yet.

## 1.0.0 (2027-01-31)

- A <b> & `c`.

## 0.9.0 (2026-12-24)

- Before.
"""
PAGE = """# The title of $x$

````{raw} html
```
<p>No text.</p>
````

(eq-gan-01)=

First, a [link](/a.md) and $y$. Second. %s Last.

Another paragraph.
"""


def front(text):
    """The lines of the front matter."""
    assert text.startswith("---\n")
    return text.split("\n---\n")[0].splitlines()


def test_a_page_is_described_by_its_first_sentences():
    lines = front(site.described("lessons/gan/02_gan", PAGE % "Third.", ADDRESS, "_figures/a.webp"))
    assert '    "description": "First, a link and y. Second. Third. Last."' in lines
    assert '    "property=og:title": "The title of x"' in lines
    assert f'    "property=og:url": "{ADDRESS}lessons/gan/02_gan.html"' in lines
    assert f'    "property=og:image": "{ADDRESS}_figures/a.webp"' in lines
    long = front(site.described("a", PAGE % ("long " * 50 + "."), "", "_figures/a.webp"))
    assert '    "description": "First, a link and y. Second."' in long
    assert not any("og:url" in line or "og:image" in line for line in long), "what needs an address"


def test_the_first_page_has_a_title_in_words_and_a_page_without_text_its_title():
    assert f'    "property=og:title": "{site.TITLE}"' in front(site.described("index", "# minigen\n\nText.", "", ""))
    assert f'    "description": "gan/wgan, of {site.TITLE}"' in front(site.described("s", "# gan/wgan\n", "", ""))
    assert "nosearch: true" in front(site.described("404", site.NOT_FOUND, ADDRESS, ""))


def test_pages_know_the_file_that_they_are_made_from(root):
    pages = ["lessons/gan/02_gan", "source/gan/wgan", *site.DATA]
    assert all((root / site.file_of(page)).is_file() for page in pages)
    assert [site.file_of(page) for page in ("index", "posts/gan", "source/index", "names", "404")] == [""] * 5


def test_the_sitemap_has_every_page_and_the_feed_every_release_with_a_date(tmp_path):
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(CHANGES, encoding="utf-8")
    site.write_site(tmp_path, ["index", "lessons/gan/02_gan"], ADDRESS, changelog)
    places = [each.text for each in xml.parse(tmp_path / "sitemap.xml").iter(f"{MAP}loc")]
    assert places == [ADDRESS, f"{ADDRESS}lessons/gan/02_gan.html"]
    assert f"Sitemap: {ADDRESS}sitemap.xml" in (tmp_path / "robots.txt").read_text()
    feed = xml.parse(tmp_path / "feed.xml").getroot()
    assert [each.text for each in feed.iter(f"{ATOM}title")] == [site.TITLE, "minigen 1.0.0", "minigen 0.9.0"]
    assert feed.find(f"{ATOM}updated").text == "2027-01-31T00:00:00Z"
    assert feed.find(f"{ATOM}entry/{ATOM}content").text == "- A <b> & `c`."
    site.write_site(tmp_path, ["index"], "", changelog)
    assert [path.name for path in tmp_path.iterdir()] == ["CHANGELOG.md"], "without an address there are none"


@pytest.mark.parametrize("changelog", ["", "# Changelog\n\n## 0.1.0 (unreleased)\n\n- One.\n"])
def test_a_feed_without_releases_is_a_feed(tmp_path, changelog):
    (tmp_path / "CHANGELOG.md").write_text(changelog, encoding="utf-8")
    site.write_site(tmp_path, ["index"], ADDRESS, tmp_path / "CHANGELOG.md")
    feed = xml.parse(tmp_path / "feed.xml").getroot()
    assert feed.find(f"{ATOM}updated") is not None and not list(feed.iter(f"{ATOM}entry"))
