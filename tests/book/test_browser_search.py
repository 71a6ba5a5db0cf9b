"""The search of a book in Chromium, over http with pagefind and from files with Sphinx's."""

import importlib.util
import subprocess
import sys

import pytest

pytestmark = pytest.mark.book
LESSONS = ("gan/01", "gan/12", "gan/13")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A book of three lessons; gan/13 has the word WGAN-GP sixteen times, gan/12, which explains it, once."""
    pytest.importorskip("furo", reason="needs the extra 'book'")
    pytest.importorskip("pagefind_bin", reason="needs the extra 'book'")
    folder = tmp_path_factory.mktemp("search")
    command = [sys.executable, "-m", "minigen", "book", *LESSONS, "--out", "site", "--python", "none"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "site"


@pytest.fixture(scope="module")
def address(root, site):
    """The address of the book, in a folder of its server."""
    spec = importlib.util.spec_from_file_location("small_page", root / "tests" / "book" / "small_page.py")
    small_page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(small_page)
    server = small_page.serve(site.parent)
    yield f"http://127.0.0.1:{server.server_address[1]}/site"
    server.shutdown()


@pytest.fixture(scope="module")
def page(browser, address):
    page = browser.new_page()
    page.said, page.asked = [], []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("request", lambda request: page.asked.append(request.url))
    yield page
    assert page.said == [] and all(url.startswith((address, "blob:", "data:")) for url in page.asked)


def found(page, address, words):
    """What a search shows: {group: [(title, address in the book), ...]}."""
    page.goto(f"{address}/search.html?q={words}")
    page.locator(".mg-search [role=status]", has_text="found").wait_for(timeout=120_000)
    return groups(page, address)


def groups(page, address):
    links = "all => all.map(a => [a.innerText, a.href])"
    return {
        group.locator("h2").inner_text().split(" (")[0]: [
            (title, link.removeprefix(f"{address}/")) for title, link in group.locator("a").evaluate_all(links)
        ]
        for group in page.locator(".mg-found").all()
    }


def test_a_name_finds_the_lesson_that_explains_it_first(page, address):
    results = found(page, address, "WGAN-GP")
    assert next(iter(results)) == "Lessons", "before the glossary"
    (title, link), *others = results["Lessons"]
    assert title.startswith("gan/12 ") and link == "lessons/gan/12_wgan.html"
    assert any("gan/13" in title for title, _ in others)
    assert results["Glossary"][0] == ("WGAN-GP", "glossary.html#term-WGAN-GP")


@pytest.mark.parametrize(
    ("words", "group", "first"),
    [
        ("KL divergence", "Glossary", "glossary.html#term-KL-divergence"),
        ("weight clipping", "Glossary", "glossary.html#term-weight-clipping"),
        ("KL divergence", "Lessons", "lessons/gan/01_kl_and_js_divergence.html"),
        ("gradient penalty", "Lessons", "lessons/gan/12_wgan.html"),
        ("JS divergence averages", "Equations", "equations.html#eq-gan-02"),
        ("critic_loss", "Code", "source/gan/wgan.html#code-critic_loss"),
    ],
)
def test_sections_terms_equations_and_functions_are_found_at_their_places(page, address, words, group, first):
    links = [link for _, link in found(page, address, words)[group]]
    assert links[0].startswith(first), links
    page.goto(f"{address}/{links[0]}")
    if "#" in links[0]:
        assert page.evaluate("Boolean(document.querySelector(':target'))")


def test_results_follow_what_is_typed_and_more_are_shown_on_demand(page, address):
    assert "posterior" not in str(found(page, address, "critic"))
    page.get_by_role("searchbox", name="Words to look for").fill("divergence")
    page.locator(".mg-found h2", has_text="Lessons").wait_for()
    page.wait_for_function("document.querySelector('.mg-found mark')?.innerText.startsWith('divergence')")
    assert page.url.endswith("?q=divergence")
    more = page.locator(".mg-found button").first
    before = page.locator(".mg-found li").count()
    more.click()
    page.wait_for_function(f"document.querySelectorAll('.mg-found li').length > {before}")
    page.get_by_role("searchbox", name="Words to look for").fill("未知")
    page.get_by_text("Nothing found.").wait_for()
    assert page.locator(".mg-found").count() == 0


def test_no_excerpt_has_raw_formulas_or_results(page, address):
    found(page, address, "divergence")
    more = page.locator(".mg-found button:visible")
    while more.count():
        more.first.click()
        page.wait_for_function("!document.querySelector('.mg-found button:disabled')")
    excerpts = page.locator(".mg-excerpt").all_inner_texts()
    assert len(excerpts) > 20 and not [
        words for words in excerpts if "\\" in words or "$" in words or "Answer:" in words
    ]


def test_a_search_takes_little_of_the_network_and_the_page_is_sound(browser, address, axe):
    page, sizes = browser.new_page(), []
    page.on("response", lambda response: "pagefind" in response.url and sizes.append(len(response.body())))
    found(page, address, "critic")
    page.wait_for_load_state("networkidle")
    assert 0 < sum(sizes) < 400_000
    page.evaluate(axe)
    rules = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    assert [rule["id"] for rule in rules if rule["impact"] in ("serious", "critical")] == []
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()


def test_a_book_read_from_files_is_searched_by_sphinx(browser, site):
    page = browser.new_page()
    page.said = []
    page.on("console", lambda message: message.type == "error" and page.said.append(message.text))
    page.goto(f"{site.as_uri()}/search.html?q=Kantorovich")
    page.locator("ul.search li").first.wait_for(timeout=60_000)
    links = page.locator("ul.search li a").evaluate_all("all => all.map(a => a.href)")
    assert any("gan/12_wgan" in link for link in links)
    form = page.locator(".mg-search")
    assert form.locator("input").input_value() == "Kantorovich", "on a phone it is the only one in sight"
    form.locator("input").fill("nonsaturating")
    form.locator("input").press("Enter")
    page.wait_for_url("**/search.html?q=nonsaturating")
    assert page.said == []
    page.close()
