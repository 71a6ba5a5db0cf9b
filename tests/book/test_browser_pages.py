"""The book in a browser, read from files: on a phone, in the dark, on paper, with and without a mouse."""

import json
import re
import zipfile

import pytest

from minigen.course.exercise import catalog
from minigen.course.index import posts

pytestmark = pytest.mark.book

LESSONS = ("gan/02", "gan/11", "vae/07", "flow/12", "diffusion/01", "diffusion/04", "diffusion/10")
LESSON = "lessons/gan/11_why_wasserstein.html"
ELBO = "lessons/vae/07_elbo.html"
GAN = "lessons/gan/02_gan.html"
NOT_RECORDED = "lessons/diffusion/10_ddim.html"
TABLES = "lessons/flow/12_iaf.html"  # of the text's own, with a column without a name
LOOKED_AT = (  # each kind of page
    *(GAN, NOT_RECORDED, LESSON, ELBO, TABLES, "posts/gan.html", "source/gan/wgan.html", "source/index.html"),
    *("index.html", "equations.html", "figures.html", "symbols.html", "exercises.html", "glossary.html", "names.html"),
    *("open_questions.html", "sources.html", "search.html", "genindex.html"),
)

ONLINE = "404.html"  # it names its files from the root of the published site: see test_browser_site.py

STATE = """() => ({
    marks: [...document.querySelectorAll("article :is(p, li, td, th, h1, h2, h3, dd, dt, span, figcaption, summary)")]
        .filter((e) => !e.closest("code, pre, .katex"))
        .flatMap((e) => [...e.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data))
        .filter((text) => /\\$\\S[^$]*\\$|~~|\\*\\*\\S|\\\\[a-z([]/.test(text)),
    wide: document.documentElement.scrollWidth - innerWidth,
    formulas: document.querySelectorAll(".math").length,
    typeset: document.querySelectorAll(".math > :is(.katex, .katex-display)").length,
    wrong: [...document.querySelectorAll(".katex-error")].map((e) => e.textContent),
    pictures: [...document.images].filter((i) => i.complete && !i.naturalWidth).map((i) => i.src),
})"""


@pytest.fixture
def reader(browser, book):
    """reader(page, width=..., dark=...): an open page of the book, and what went wrong on it as `page.troubles`."""
    contexts = []

    def read(address, width=1280, dark=False, context=None):
        if context is None:
            scheme = "dark" if dark else "light"
            context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
            contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(600_000)  # ms: on a machine that may have much else to do
        page.troubles = []
        page.on("console", lambda told: told.type == "error" and page.troubles.append(told.text))
        page.on("pageerror", lambda error: page.troubles.append(str(error)))
        page.on("requestfailed", lambda request: _is_wrong(request) and page.troubles.append(f"failed: {request.url}"))
        page.on("request", lambda request: _is_foreign(request.url) and page.troubles.append(f"foreign: {request.url}"))
        page.goto(f"{book.as_uri()}/{address}")
        return page

    yield read
    for context in contexts:
        context.close()


def _is_wrong(request):
    """Whether a file could not be had; to leave a page while it still loads its fonts is no failure."""
    return request.failure != "net::ERR_ABORTED"


def _is_foreign(url):
    return not url.startswith(("file:", "data:", "blob:"))


def visible(page, words):
    """Whether the first element with these words is to be seen."""
    return page.get_by_text(words, exact=False).first.is_visible()


def test_every_page_fits_a_phone_asks_no_other_host_and_shows_its_mathematics(book, reader):
    pages = sorted(path for path in book.rglob("*.html") if ".build" not in path.parts and path.name != ONLINE)
    assert len(pages) > 60
    page = reader("index.html", width=390)
    formulas = 0
    for path in pages:
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        state = page.evaluate(STATE)
        formulas += state["formulas"]
        assert page.troubles == [], path
        assert state["wide"] == 0 and state["marks"] == [], path
        assert state["typeset"] == state["formulas"] and state["wrong"] == [] and state["pictures"] == [], path
    assert formulas > 400


def test_every_link_leads_somewhere(book, broken_links):
    assert broken_links(book) == []


def luminance(color):
    red, green, blue = (int(part) / 255 for part in re.findall(r"\d+", color)[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_dark_mode_follows_the_system_and_the_switch(reader):
    colors = "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    for dark in (False, True):
        page = reader(LESSON, dark=dark)
        background, ink = map(luminance, page.evaluate(colors))
        assert (background < 0.1 and ink > 0.6) if dark else (background > 0.9 and ink < 0.2)
        good = luminance(page.evaluate("getComputedStyle(document.querySelector('.mg-passed')).color"))
        assert abs(good - background) > 0.4
        background_of = "getComputedStyle(document.querySelector('.mg-figure img[src$=\"{}\"]')).backgroundColor"
        assert luminance(page.evaluate(background_of.format(".webp"))) == 1  # pictures are drawn for paper
        assert page.evaluate(background_of.format(".svg")) == "rgba(0, 0, 0, 0)"  # charts have a dark form of their own
    page.evaluate("document.body.dataset.theme = 'light'")
    assert luminance(page.evaluate(colors)[0]) > 0.9


def test_the_search_finds_a_term_in_its_lesson(reader):
    page = reader("search.html?q=posterior")
    page.wait_for_selector("ul.search li")
    found = page.eval_on_selector_all("ul.search li a", "links => links.map((link) => link.href)")
    assert any("vae/07_elbo" in link for link in found), found
    assert page.troubles == []


def test_a_prediction_opens_what_came_out_and_is_remembered(reader):
    page = reader(LESSON)
    boxes = page.locator(".mg-predict")
    assert boxes.count() >= 3
    keys = [boxes.nth(k).get_attribute("data-key") for k in range(boxes.count())]
    parts = {key: page.locator(f'details.mg-outcome[data-prediction="{key}"]') for key in keys}
    assert all(part.count() for part in parts.values())
    assert page.locator("details.mg-outcome[open]").count() == 0
    assert page.locator(".mg-came-out:visible").count() == 0 and page.locator(".mg-verdict:visible").count() == 0
    first = boxes.nth(0)
    first.locator(".mg-choice").nth(1).focus()
    page.keyboard.press("Enter")  # without a mouse

    def is_told(page):
        first = page.locator(".mg-predict").nth(0)
        assert first.locator(".mg-choice").nth(1).get_attribute("aria-pressed") == "true"
        assert first.locator(".mg-came-out").is_visible()
        answer = first.get_attribute("data-answer")
        assert first.locator(".mg-right").count() == (answer != "")
        opened = page.locator("details.mg-outcome[open]")
        assert opened.count() and {opened.nth(k).get_attribute("data-prediction") for k in range(opened.count())} == {
            keys[0]
        }
        assert page.evaluate(f"localStorage['minigen:prediction:{keys[0]}']") == "1"

    is_told(page)
    page.reload()
    is_told(page)


def test_a_pass_opens_the_source_ticks_the_lesson_and_survives_a_reload(reader):
    page = reader(ELBO)
    ids = [exercise.id for exercise in catalog.exercises_of("vae/07")]
    sources = page.locator("details.mg-source[data-exercise]")
    asked = [sources.nth(k).get_attribute("data-exercise").split() for k in range(sources.count())]
    assert len(asked) == 2 and set(sum(asked, [])) == set(ids)
    assert page.locator("details.mg-source[open]").count() == 0

    def tell(id):
        page.evaluate(
            """(id) => { localStorage[`minigen:passed:${id}`] = "1";
            document.dispatchEvent(new CustomEvent("minigen:passed", { detail: { id } })); }""",
            id,
        )

    tell(asked[0][0])
    assert [sources.nth(k).get_attribute("open") is not None for k in (0, 1)] == [True, False]
    tick = page.locator(".sidebar-tree a.current > .mg-tick")
    assert tick.last.text_content() == "•"
    tell(asked[1][0])
    assert tick.last.text_content() == "✓"
    page.reload()
    page.wait_for_selector(".sidebar-tree a.current > .mg-passed")
    assert page.locator("details.mg-source[open]").count() == sources.count()
    other = reader("exercises.html", context=page.context)
    total = len([id for lesson in LESSONS for id in catalog.exercises_of(lesson)])
    assert other.locator(".mg-total").text_content() == f"{len(ids)} of {total} exercises passed"
    assert other.locator("li[data-exercise] .mg-passed").count() == len(ids)


def test_reading_to_the_end_and_going_on_where_one_stopped(reader):
    page = reader(LESSON)
    assert page.locator(".sidebar-tree a.current > .mg-tick").count() == 0
    page.locator("article section section").nth(2).evaluate("(part) => part.scrollIntoView()")
    page.wait_for_timeout(900)
    place = page.evaluate("localStorage['minigen:last']")
    assert place.startswith(LESSON + "#")
    first = reader("index.html", context=page.context)
    link = first.locator(".mg-continue a")
    assert link.is_visible() and link.get_attribute("href").endswith(place) and "gan/11" in link.text_content()
    page.locator(".mg-run").scroll_into_view_if_needed()
    page.wait_for_selector(".sidebar-tree a.current > .mg-read", state="attached")
    assert not reader("index.html").locator(".mg-continue").is_visible()  # another reader


def test_cards_explain_equations_and_symbols(reader):
    page = reader("lessons/diffusion/04_ddpm.html")
    link = page.locator("article a[href*='#eq-']").locator("visible=true").first
    id = "diffusion." + re.search(r"#eq-diffusion-(\d\d)", link.get_attribute("href"))[1]
    card = page.locator(".mg-hover")
    assert not card.is_visible()
    link.focus()
    row = next(row for row in posts.equations() if row["id"] == id)
    assert card.is_visible() and row["states"] in card.text_content()
    page.wait_for_selector(".mg-hover .katex")
    page.keyboard.press("Escape")
    assert not card.is_visible()
    number = [row["latex"] for row in posts.symbols()].index(r"\bar\alpha_t")
    symbol = page.locator(f'article [data-symbol="{number}"]').locator("visible=true").first
    symbol.scroll_into_view_if_needed()
    symbol.hover()
    assert card.is_visible() and "alpha_bar" in card.text_content()
    page.locator("h1").hover()
    assert not card.is_visible()


def test_only_the_card_of_an_equation_loads_katex(reader):
    page = reader("glossary.html")
    assert not page.evaluate("Boolean(window.katex)")
    page.locator("article a[href*='#eq-']").first.hover()
    page.wait_for_selector(".mg-hover .katex")
    assert page.evaluate("Boolean(window.katex)") and page.troubles == []


def test_on_paper_derivations_are_open_and_code_and_answers_are_not(reader):
    page = reader(LESSON)
    page.locator(".mg-predict").nth(0).locator(".mg-choice").nth(1).click()  # its results are open now
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert (
        page.locator("article details:not([class])").count()
        == page.locator("article details:not([class])[open]").count()
    )
    assert page.locator("details.mg-code").count() and not page.locator("details.mg-code:visible").count()
    assert page.locator("details.mg-outcome[open]").count() and page.locator("details.mg-outcome:not([open])").count()
    assert page.locator("details.mg-outcome:not([open]):visible").count() == 0
    assert page.locator(".mg-came-out:visible, .mg-verdict:visible").count() == 0
    after = "all => all.map(e => getComputedStyle(e, '::after').content).join('')"
    assert "so it came out" not in page.locator(".mg-choice").evaluate_all(after)
    broken = "all => all.map(e => getComputedStyle(e).breakInside)"
    assert set(page.locator(".mg-exercise").evaluate_all(broken)) <= {"auto"}, "a box may go over two pages"
    assert page.locator(".mg-figure img").first.is_visible()
    for part in (".sidebar-drawer", ".theme-toggle-container", ".skip-to-content", ".copybtn", ".related-pages"):
        assert page.locator(f"{part}:visible").count() == 0, part
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("article details:not([class])[open]").count() == 0
    assert len(page.pdf(format="A4")) > 50_000


def test_the_edition_with_all_results_prints_every_answer(reader):
    page = reader(LESSON + "?results=all")
    page.emulate_media(media="print")
    results, boxes = page.locator("details.mg-outcome"), page.locator(".mg-predict")
    assert results.count() == page.locator("details.mg-outcome[open]:visible").count() > 0
    for k in range(boxes.count()):
        key = boxes.nth(k).get_attribute("data-key")
        verdict = page.locator(f'details.mg-outcome[data-prediction="{key}"] .mg-verdict:visible')
        assert verdict.count() + boxes.nth(k).locator(".mg-came-out:visible").count() >= 1, key
    assert reader(LESSON).locator('.mg-run a[href="?results=all"]').is_visible()


def test_answers_are_saved_as_files_that_the_command_line_reads(reader, tmp_path):
    page = reader("exercises.html")
    page.locator(".mg-save").click()
    assert "no answer" in page.locator(".mg-total").text_content()
    exercise = catalog.exercises_of("flow/12")[0]
    answer = f"def {exercise.name}(*arguments):\n    return 'µ – mine'\n"
    page.evaluate("([id, answer]) => { localStorage[`minigen:answer:${id}`] = answer; }", [exercise.id, answer])
    with page.expect_download() as waiting:
        page.locator(".mg-save").click()
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None and archive.namelist() == ["exercises/flow_12.py"]
        text = archive.read("exercises/flow_12.py").decode("utf-8")
    names = {}
    exec(compile(text, "flow_12.py", "exec"), names)
    assert names[exercise.name]() == "µ – mine" and text.startswith("# minigen exercise flow/12")
    for other in catalog.exercises_of("flow/12")[1:]:
        with pytest.raises(NotImplementedError):
            names[other.name](*[None] * names[other.name].__code__.co_argcount)


RESULTS = ".mg-figure, .mg-play, pre.mg-output, .mg-checks, .mg-table, .mg-verdict, .mg-came-out"


@pytest.mark.parametrize("width", [1280, 390])
def test_no_result_is_open_between_a_question_and_its_answer(reader, width):
    """In the order of the page: what a reader sees before a choice, and after it."""
    seen = f"""() => [...document.querySelectorAll(".mg-predict, .mg-outcome, article h2, {RESULTS}")]
        .filter((part) => part.matches(".mg-predict, h2") || part.checkVisibility())
        .filter((part) => !part.closest(".mg-exercise"))
        .map((part) => part.matches(".mg-predict") ? "?" : part.matches(".mg-outcome, h2") ? "#" : part.className)"""
    for address in (GAN, LESSON, ELBO, "lessons/diffusion/01_forward_process.html", NOT_RECORDED):
        page = reader(address, width)
        shown = page.evaluate(seen)
        parts = " ".join(shown).split("?")[1:]
        assert len(parts) >= 3
        for part in parts:
            assert part.split("#")[0].strip() == "", (address, part)
        page.locator(".mg-predict").evaluate_all(
            "all => all.forEach((box) => box.querySelector('.mg-choice')?.click())"
        )
        after = page.evaluate(seen)
        assert len(after) > len(shown) and page.locator("details.mg-outcome:not([open])").count() == 0
        assert page.troubles == []


def test_a_lesson_without_a_record_is_read_too(reader):
    page = reader(NOT_RECORDED)
    assert "Not recorded yet." in page.locator(".mg-status-line").inner_text()
    assert page.locator(".mg-predict").count() >= 4 and page.locator(".mg-exercise").count() == 3
    assert page.locator(".mg-figure, .mg-play").count() == 0
    box = page.locator(".mg-predict").nth(0)
    box.locator(".mg-choice").nth(0).click()
    assert "minigen run diffusion/10" in box.locator(".mg-came-out").inner_text()
    assert page.locator(".mg-status-line").count() == 1 and visible(page, "No run of this lesson is recorded yet")


def test_the_first_page_opens_with_a_figure_that_moves(reader):
    page = reader("index.html")
    figure = page.locator("figure.mg-play")
    slider = figure.get_by_role("slider", name="t")
    slider.wait_for()
    page.wait_for_function("document.querySelector('input[type=range]').value > 0")  # it plays by itself, once
    figure.get_by_role("button", name="Play t").wait_for(timeout=600_000)
    assert figure.locator("output").inner_text() == "t = 0"
    assert figure.bounding_box()["y"] < 400
    pictured = page.locator(".mg-card:has(img) strong").all_inner_texts()
    assert pictured == [
        "From GAN to WGAN",
        "From Autoencoder to Beta-VAE",
        "Flow-based Deep Generative Models",
        "What are Diffusion Models?",
    ]
    calm = reader("index.html", context=page.context)
    calm.emulate_media(reduced_motion="reduce")
    calm.reload()
    calm.get_by_role("slider", name="t").wait_for()
    calm.wait_for_timeout(400)
    assert calm.locator("figure.mg-play output").inner_text() == "t = 200"


def test_a_lesson_begins_with_a_figure_that_no_prediction_closes(reader):
    page = reader(GAN)
    lead = page.locator(".mg-lead img")
    assert lead.bounding_box()["y"] < 600
    target = page.locator(page.locator(".mg-lead a").get_attribute("href"))
    assert target.is_visible() and not target.evaluate("e => e.closest('details.mg-outcome')")


def test_a_wide_figure_is_scrolled_on_a_phone_and_not_shrunk(reader):
    page = reader(GAN, width=390)
    frame = page.locator(".mg-wide .mg-frame").locator("visible=true").first
    image = frame.locator("img")
    frame.scroll_into_view_if_needed()
    wide, shown = (part.bounding_box()["width"] for part in (image, frame))
    assert wide == float(image.get_attribute("width")) > 500 and shown <= 390
    assert frame.evaluate("e => e.scrollWidth > e.clientWidth && e.tabIndex === 0")
    assert page.locator(".mg-scroll-hint").locator("visible=true").count()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    desk = reader(GAN)
    assert desk.locator(".mg-scroll-hint").locator("visible=true").count() == 0
    frame = desk.locator(".mg-wide .mg-frame").locator("visible=true").first
    assert frame.evaluate("e => e.scrollWidth <= e.clientWidth")


def test_a_list_of_lessons_has_room_for_its_titles_on_a_phone(reader):
    for width in (390, 768):
        page = reader("posts/gan.html", width=width)
        titles = page.locator("ol.mg-lessons > li > a")
        for k in range(titles.count()):
            box, picture = titles.nth(k).bounding_box(), page.locator("ol.mg-lessons .mg-picture").nth(k).bounding_box()
            assert box["height"] <= 64, "at most two lines"
            assert 300 <= picture["width"] <= 390, "large enough to tell the figures apart"


def test_a_phone_folds_code_and_the_boxes_to_write_in(reader):
    page = reader(GAN, width=390)
    lines = "all => all.filter((e) => e.checkVisibility()).map((e) => e.textContent.trim().split('\\n').length)"
    assert max(page.locator(".mg-code-block pre").evaluate_all(lines)) <= 4
    assert page.locator(":is(.mg-log, .mg-checks):visible").count() == 0
    fold = page.locator("details.mg-phone.mg-code", has_text="✓ 3 checks").first
    assert fold.locator("details").count() == 0 and fold.locator(".mg-passed").count() == 3
    assert page.locator("details.mg-phone.mg-code summary").count() == page.locator("details.mg-phone.mg-code").count()
    fold.locator("summary").click()
    assert fold.get_by_role("button", name="Run").is_visible() and fold.locator(".mg-checks").is_visible()
    boxes = page.locator(".mg-exercise")
    assert boxes.count() == 3 == page.locator("details.mg-phone-exercise:not([open]) > .mg-exercise").count()
    first = page.locator("details.mg-phone-exercise > summary").first
    assert "discriminator_loss" in first.inner_text()
    first.click()
    assert boxes.nth(0).locator(".mg-prompt").is_visible() and not boxes.nth(1).is_visible()
    tries = page.locator(".mg-change")
    assert tries.count() == page.locator("details.mg-phone-exercise:not([open]) > .mg-change").count() > 0
    name = boxes.nth(1).get_attribute("id")
    other = reader(f"{GAN}#{name}", width=390)
    assert other.locator(f"#{name}").is_visible(), "a link to a box opens it"
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert boxes.nth(1).locator(".mg-prompt").is_visible()
    assert reader(GAN).locator("details.mg-phone").count() == 0


def test_a_phone_reads_a_lesson_of_half_an_hour_in_less_than_15_screens(reader):
    page = reader(GAN, width=390)
    assert page.evaluate("document.documentElement.scrollHeight") <= 12_000
    for id in ("now-from-an-empty-file", "sources", "what-this-lesson-does-differently"):
        fold = page.locator(f"#{id} > details.mg-aside")
        text = fold.locator("p, li").first
        assert not text.is_visible()
        fold.locator("summary").click()
        assert text.is_visible()
    hidden = "all => all.filter((e) => !e.closest('details, .mg-predict, .mg-cell') && !e.checkVisibility()).length"
    assert page.locator("article :is(p, figure, .mg-table)").evaluate_all(hidden) == 0, "what is told is not folded"
    page.locator(".mg-run").scroll_into_view_if_needed()
    page.wait_for_selector(".sidebar-tree a.current > .mg-read", state="attached")


def test_the_list_of_sections_stands_beside_the_text(reader):
    for width, is_there in ((1600, True), (1280, True), (1120, True), (900, False)):
        page = reader(GAN, width)
        box = page.locator("aside.toc-drawer").bounding_box()
        assert (box["x"] + box["width"] <= width) == is_there, width
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("aside.toc-drawer").get_attribute("aria-label") == "Sections of this page"


def test_figures_keep_their_colors_on_a_dark_page(reader):
    page = reader(GAN, dark=True)
    frame = page.locator(".mg-figure .mg-frame:has(img[src$='.webp'])").first  # a chart as SVG has a dark form
    style = frame.evaluate("e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).filter]")
    assert style == ["rgb(255, 255, 255)", "brightness(0.85)"], "a light frame, dimmed, not inverted"
    page.evaluate("document.body.dataset.theme = 'light'")
    assert frame.evaluate("e => getComputedStyle(e).filter") == "none"


def test_every_lesson_names_its_sources_and_a_page_has_them_all(reader):
    page = reader(GAN)
    links = page.locator(".mg-papers a").evaluate_all("all => all.map(a => a.href)")
    assert "https://arxiv.org/abs/1406.2661" in links
    page = reader("sources.html")
    item = page.locator("li", has_text="1406.2661").first
    assert item.locator("a[href*='gan/02']").count() == 1
    assert visible(page, "How to cite") and visible(page, "MIT license")


def test_every_kind_of_page_is_looked_at(book):
    kinds = {path.name for path in book.glob("*.html")} - {ONLINE}
    kinds |= {f"{path.parent.relative_to(book).as_posix()}/" for path in book.glob("*/**/*.html")}
    kinds -= {kind for kind in kinds if kind.startswith(("lessons/", "source/", "_", "."))}
    looked_at = {*LOOKED_AT, *(f"{address.rpartition('/')[0]}/" for address in LOOKED_AT)}
    assert kinds <= looked_at and {"lessons/gan/", "source/gan/", "source/"} <= looked_at


@pytest.mark.parametrize("address", LOOKED_AT)
def test_axe_finds_nothing(reader, axe, address):
    for width, dark in ((1280, False), (390, False), (1280, True), (390, True)):
        page = reader(address, width, dark=dark)
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        page.wait_for_timeout(100)  # ms, in which what has opened gets a place for the keyboard, where it is scrolled
        page.evaluate(axe)
        found = page.evaluate("axe.run({ resultTypes: ['violations'] })")
        wrong = {
            rule["id"]: [node["html"][:200] + " " + node["failureSummary"] for node in rule["nodes"][:3]]
            for rule in found["violations"]
        }
        assert not wrong, f"{width}, dark: {dark}: {json.dumps(wrong, indent=1)}"
