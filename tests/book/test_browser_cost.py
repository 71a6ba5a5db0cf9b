"""What a page costs its reader: bytes, jumps, lines too long to read, scripts that formulas would need."""

import functools
import gzip
import http.server
import json
import threading

import pytest

pytestmark = pytest.mark.book

GAN, LESSONS = "lessons/gan/02_gan.html", ("lessons/gan/02_gan.html", "lessons/vae/07_elbo.html")
PAGES = [
    "index.html",
    *LESSONS,
    "lessons/flow/12_iaf.html",
    "posts/gan.html",
    "source/gan/wgan.html",
    "source/index.html",
]
PAGES += [
    f"{name}.html" for name in "equations figures symbols exercises glossary names open_questions sources".split()
]
PACKED = (".html", ".js", ".mjs", ".css", ".svg", ".json")
SHIFTS = """window.shifted = 0;
new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });"""
# Letters a line of the paragraphs of pure text that have at least three lines; the last line counts as half of one.
LETTERS = """() => [...document.querySelectorAll("article section > p")].flatMap((p) => {
    if (!p.offsetHeight || p.querySelector("code, .math")) return [];
    const lines = Math.round(p.clientHeight / parseFloat(getComputedStyle(p).lineHeight));
    return lines < 3 ? [] : [p.textContent.trim().replace(/\\s+/g, " ").length / (lines - 0.5)];
}).sort((a, b) => a - b)"""


class Packed(http.server.SimpleHTTPRequestHandler):
    """Packs texts as a web server does, and counts what it sends."""

    sent = []

    def do_GET(self):
        path = self.translate_path(self.path)
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError:
            return self.send_error(404)
        is_text = path.endswith(PACKED)
        data = gzip.compress(data) if is_text else data
        self.sent.append(len(data))
        self.send_response(200)
        for name, value in {"Content-Type": self.guess_type(path), "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        if is_text:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def site(book):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Packed, directory=str(book)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def opened(browser, site):
    """opened(address, width, **options): a page at the end of its loading, in a context of its own."""
    contexts = []

    def open_page(address, width=1280, **options):
        context = browser.new_context(viewport={"width": width, "height": 844}, **options)
        context.set_default_timeout(600_000)  # ms: on a machine that may have much else to do
        context.add_init_script(SHIFTS)
        contexts.append(context)
        page = context.new_page()
        Packed.sent.clear()
        page.goto(f"{site}/{address}", wait_until="networkidle")
        page.wait_for_load_state()  # a slow machine may still be reading what it has received
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("address", "most"), [("index.html", 300_000), (GAN, 600_000)])
def test_a_page_is_light(opened, address, most):
    opened(address)
    assert 20_000 < sum(Packed.sent) <= most


@pytest.mark.parametrize("address", PAGES)
def test_nothing_jumps_while_a_page_loads(opened, address):
    for width in (390, 768, 1200, 1280, 1440):
        page = opened(address, width)
        assert page.evaluate("window.shifted") < 0.02, width


def test_the_fonts_of_formulas_are_asked_for_at_once_where_there_are_formulas(opened):
    asked = "[...document.querySelectorAll('link[rel=preload][as=font]')].map((each) => each.href.split('/').at(-1))"
    page = opened(GAN)
    names = page.evaluate("performance.getEntriesByType('resource').map((each) => each.name.split('/').at(-1))")
    fonts = [name for name in names if name.endswith(".woff2")]
    assert 2 <= len(page.evaluate(asked)) and {*page.evaluate(asked)} <= {*fonts}
    assert len(fonts) == len({*fonts}), "none is loaded twice"
    assert opened("index.html").evaluate(asked) == []


def longest_task(browser, address):
    """The longest task of a page's thread while it loads, in ms of processor time: other processes take none."""
    page = browser.new_page()
    page.set_default_timeout(600_000)
    browser.start_tracing(
        page=page, categories=["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]
    )
    page.goto(address, wait_until="networkidle")
    events = json.loads(browser.stop_tracing())["traceEvents"]
    page.close()
    threads = {  # Chromium has pages of its own, whose tasks are not counted
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "ParseHTML" and event["args"].get("beginData", {}).get("url", "").startswith(address[:30])
    }
    assert len(threads) == 1
    tasks = [
        event["tdur"] / 1000
        for event in events
        if "RunTask" in event["name"] and (event["pid"], event["tid"]) in threads and "tdur" in event
    ]
    assert len(tasks) > 50
    return max(tasks)


def test_the_first_page_has_no_long_task(browser, site):
    """None is longer than to write and lay out 2,000 short paragraphs, about 60 ms on a laptop."""
    write = "document.body.innerHTML = '<p>A line of <b>text</b> with <a href=x>links</a> in it.</p>'.repeat(2000)"
    yardstick = f"data:text/html,<body><script>{write}; document.body.offsetHeight</script>"
    assert longest_task(browser, f"{site}/index.html") <= longest_task(browser, yardstick)


def test_a_line_has_70_to_80_letters(opened):
    for width in (768, 1280, 1440):
        counts = opened(GAN, width).evaluate(LETTERS)
        assert len(counts) >= 5 and 70 <= counts[len(counts) // 2] <= 80, width


@pytest.mark.parametrize("address", ["index.html", *LESSONS, "equations.html"])
def test_a_page_without_scripts_shows_its_text_and_its_formulas(opened, address):
    page = opened(address, java_script_enabled=False)
    text = page.locator("article").inner_text()
    assert len(text) > 1000 and "\\(" not in text and "\\[" not in text
    formulas = page.locator("article .math > .katex, article .math > .katex-display")
    assert formulas.count() == page.locator("article .math").count()
    if address != "index.html":
        assert formulas.first.bounding_box()["width"] > 5
        assert "KaTeX_Math" in page.locator(".katex .mathnormal").first.evaluate("e => getComputedStyle(e).fontFamily")


def test_a_phone_has_no_numbers_of_lines_and_scrolls_code_instead_of_breaking_it(opened):
    page = opened(GAN, 390)
    code = page.locator("div.highlight pre:visible").first
    assert code.evaluate("e => getComputedStyle(e).whiteSpace") == "pre"
    wide = page.locator("div.highlight pre:visible").evaluate_all(
        "all => all.filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.tabIndex)"
    )
    assert wide and set(wide) == {0}, "with the keyboard, too"
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator("details.mg-aside").count() >= 2 and page.locator("details.mg-aside[open]").count() == 0
    assert opened(GAN, 1280).locator("details.mg-aside").count() == 0
