"""A small book for the tests of its pages, a browser to open it in, and a check of its links."""

import os
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
).split()
LESSONS = (
    "gan/02",
    "gan/11",
    "vae/07",
    "flow/12",
    "diffusion/01",
    "diffusion/04",
    "diffusion/10",
)  # of all posts
NOT_RECORDED = "diffusion/10_ddim"  # its record is taken away


@pytest.fixture(scope="session")
def book(root, tmp_path_factory):
    """The folder of a book of a few lessons from their records, one of them without, built as a reader calls it."""
    pytest.importorskip("sphinx", reason="needs the extra 'book'")
    pytest.importorskip("furo", reason="needs the extra 'book'")
    folder = tmp_path_factory.mktemp("book")
    shutil.copy(root / "pyproject.toml", folder)  # which makes the copy a checkout
    for name in ("minigen", "lessons"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.rmtree(folder / "lessons" / NOT_RECORDED / "recorded")
    for git in (["init", "-q"], ["remote", "add", "origin", "https://github.com/Ada/book.git"]):  # the checkout's name
        subprocess.run(["git", *git], cwd=folder, check=True)
    command = [sys.executable, "-m", "minigen", "book", *LESSONS, "--out", "site"]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, env=environment)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stdout, done.stdout
    return folder / "site"


@pytest.fixture(scope="module")
def browser():
    """Chromium without a window; one for each file, since a process can drive only one at a time."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if not Path(CHROMIUM).exists():
        pytest.skip(f"needs {CHROMIUM}")
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    """The script of axe-core, which looks for what keeps readers out, as npm has it."""
    if shutil.which("npm") is None:
        pytest.skip("needs npm, which has axe-core")
    folder = tmp_path_factory.mktemp("axe")
    got = subprocess.run(["npm", "pack", "axe-core@4"], cwd=folder, capture_output=True, text=True, timeout=600)
    if got.returncode:
        pytest.skip(f"npm could not get axe-core: {got.stderr[-200:]}")
    shutil.unpack_archive(next(folder.glob("*.tgz")), folder)
    return (folder / "package" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def broken_links():
    """broken_links(folder): see `_broken_links`."""
    return _broken_links


class Page(HTMLParser):
    """The links of a page, the files that it loads, and the names of its places."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loads, self.places = [], [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if "id" in given:
            self.places.add(given["id"])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in ("img", "script") and "src" in given:
            self.loads.append(given["src"])
        if tag == "link" and given.get("rel") in ("stylesheet", "icon"):
            self.loads.append(given["href"])
        if "data-src" in given:
            self.loads.append(given["data-src"])


def _broken_links(folder: Path) -> list[str]:
    """Every link and file of the pages below a folder that leads nowhere, or to another host's file."""
    pages = {path: Page(path) for path in folder.rglob("*.html") if ".build" not in path.parts}
    assert len(pages) > 10
    wrong = []
    for path, page in pages.items():
        for address in page.links + page.loads:
            parts = urlsplit(address)
            if parts.scheme:
                if address in page.loads and parts.scheme != "data":
                    wrong.append(f"{path.name}: loads {address}")
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                wrong.append(f"{path.name}: {address}")
            elif target.suffix == ".html" and parts.fragment and unquote(parts.fragment) not in pages[target].places:
                wrong.append(f"{path.name}: {address} (no such place)")
    return wrong
