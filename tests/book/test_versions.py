"""Several versions of the book on one site."""

import json
import shutil

import pytest

from minigen.course.book.conf import WEB
from minigen.course.book.versions import main, write_versions
from tests.book import small_page


def make_book(folder, switch=True):
    (folder / "_static").mkdir(parents=True)
    (folder / "index.html").write_text("a book")
    if switch:
        (folder / "_static" / "versions.js").write_text("window.minigenVersions = [];\n")
    return folder


def listed(folder):
    text = (folder / "_static" / "versions.js").read_text()
    return json.loads(text.removeprefix("window.minigenVersions = ").removesuffix(";\n"))


def test_a_book_alone_has_no_choice():
    assert "window.minigenVersions = [];" in (WEB / "versions.js").read_text("utf-8")


def test_each_book_names_all_by_the_way_from_itself(tmp_path):
    site = make_book(tmp_path / "site")
    for name in ("v1.2.0", "v1.10.0"):
        make_book(site / name)
    (site / "v9.0.0").mkdir()  # no book
    assert write_versions(site) == ["development", "1.10.0", "1.2.0"]
    assert [entry["root"] for entry in listed(site)] == ["./", "v1.10.0/", "v1.2.0/"]
    below = listed(site / "v1.2.0")
    assert [entry["root"] for entry in below] == ["../", "../v1.10.0/", "../v1.2.0/"]
    assert [entry["name"] for entry in below if entry["here"]] == ["1.2.0"]
    for entry in below:
        assert (site / "v1.2.0" / entry["root"] / "index.html").is_file()


def test_a_book_from_before_the_choice_is_named_and_left_as_it_is(tmp_path):
    site = make_book(tmp_path / "site")
    old = make_book(site / "v0.9.0", switch=False)
    assert write_versions(site) == ["development", "0.9.0"]
    assert not (old / "_static" / "versions.js").exists()


def test_what_is_not_a_book(tmp_path, capsys):
    with pytest.raises(ValueError, match="site must be the folder of a book"):
        write_versions(tmp_path)
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.book
def test_the_choice_leads_to_the_same_page_of_another_version(book, browser, tmp_path):
    """From files to its first page, since a page cannot look there whether the other has the same."""
    site = tmp_path / "site"
    shutil.copytree(book, site, ignore=shutil.ignore_patterns(".build"))
    shutil.copytree(book, site / "v1.0.0", ignore=shutil.ignore_patterns(".build"))
    (site / "v1.0.0" / "sources.html").unlink()  # a page that came later
    write_versions(site)
    server = small_page.serve(site)
    http = f"http://127.0.0.1:{server.server_address[1]}"
    lesson = "lessons/gan/02_gan.html"
    cases = [
        (http, lesson, "1.0.0", f"{http}/v1.0.0/{lesson}"),
        (f"{http}/v1.0.0", lesson, "development", f"{http}/{lesson}"),
        (http, "sources.html", "1.0.0", f"{http}/v1.0.0/index.html"),
        (site.as_uri(), lesson, "1.0.0", f"{site.as_uri()}/v1.0.0/index.html"),
    ]
    page = browser.new_page()
    page.set_default_timeout(600_000)  # ms: on a machine that may have much else to do
    for start, name, version, end in cases:
        page.goto(f"{start}/{name}")
        choice = page.get_by_label("Version")
        assert choice.input_value() != version
        choice.select_option(version)
        page.wait_for_url(end)
        assert page.get_by_label("Version").input_value() == version
    page.close()
    server.shutdown()
    server.server_close()
