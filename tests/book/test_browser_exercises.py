"""Boxes of exercises in Chromium: written, checked, ended, trained with; nothing is asked of another host."""

import importlib.util
import os
import re

import pytest

from minigen.course.book.browser.pyodide import python_source, write_python

pytestmark = pytest.mark.book
LONG = 600_000  # ms: Python is loaded, on a machine that may have much else to do

CRITIC = "gan/12/critic_loss"
KL = "def kl_standard_normal(mu, logvar):\n    return {} * np.sum(mu**2 + np.exp(logvar) - 1 - logvar, axis=1)\n"
ANSWERS = {  # exercise -> right, wrong, what the hint says
    "gan/12/critic_loss": (
        "def critic_loss(real_scores, fake_scores):\n    return np.mean(fake_scores) - np.mean(real_scores)\n",
        "def critic_loss(real_scores, fake_scores):\n    return np.mean(real_scores) - np.mean(fake_scores)\n",
        "minus the gap",
    ),
    "vae/08/kl_standard_normal": (KL.format("0.5"), KL.format("1"), "1/2"),
    "flow/06/additive_forward": (
        "def additive_forward(z, m, mask):\n    return z + (1 - mask) * m(mask * z), np.zeros(len(z))\n",
        "def additive_forward(z, m, mask):\n    return z + mask * m(mask * z), np.zeros(len(z))\n",
        "",
    ),
    "diffusion/02/langevin_step": (
        "def langevin_step(x, score, step, z):\n    step = np.reshape(step, np.shape(step) + (1,) * (np.ndim(x) - 1) "
        "* (np.ndim(step) > 0)).astype(x.dtype)\n    return x + step / 2 * score + np.sqrt(step) * z\n",
        "def langevin_step(x, score, step, z):\n    return x + step * score + np.sqrt(step) * z\n",
        "",
    ),
    "gan/01/kl_normal": (  # SciPy is loaded for it
        "def kl_normal(mu_p, sigma_p, mu_q, sigma_q):\n    ratio, gap = sigma_p / sigma_q, (mu_p - mu_q) / sigma_q\n"
        "    return (ratio**2 + gap**2 - 1) / 2 - np.log(ratio)\n",
        "def kl_normal(*args):\n    return 0.0\n",
        "",
    ),
}


@pytest.fixture(scope="module")
def small_page(root):
    spec = importlib.util.spec_from_file_location("small_page", root / "tests" / "book" / "small_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def address(small_page, tmp_path_factory):
    """The address of a page with a box for each exercise and Python beside it."""
    if not os.environ.get("MINIGEN_PYODIDE"):
        pytest.skip("MINIGEN_PYODIDE does not name the folder of a Pyodide distribution")
    out = tmp_path_factory.mktemp("book")
    small_page.write_page(out, list(ANSWERS), 'data-longest="4"')
    write_python(python_source(os.environ["MINIGEN_PYODIDE"]), out)
    server = small_page.serve(out)
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()


@pytest.fixture(scope="module")
def page(browser, address):
    """One page for all tests of this file; whatever it said or asked for is on its lists."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.said, page.asked = [], []
    page.on("console", lambda message: page.said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    context.on("request", lambda request: page.asked.append(request.url))
    page.goto(f"{address}index.html")
    yield page
    context.close()


class Box:
    def __init__(self, page, identity):
        self.page, self.element = page, page.locator(f'[data-id="{identity}"]')
        self.area, self.report = self.element.get_by_role("textbox"), self.element.locator(".mg-report")
        self.status = self.element.locator(".mg-status")

    def press(self, name):
        self.element.get_by_role("button", name=name).click()

    @property
    def text(self):
        """What stands in the editor: CodeMirror's lines, or the text area before it is there."""
        lines = "all => all.map(e => e.textContent).join('\\n')"
        found = self.element.locator(".cm-line")
        return found.evaluate_all(lines) if found.count() else self.element.locator("textarea").input_value()

    def write(self, text):
        """Write a text in the place of what stands in the editor."""
        self.area.focus()
        self.element.locator(".cm-content").fill(text)

    def check(self, text):
        """The report of a text, in words."""
        self.write(text)
        return self.wait_after("Check")

    def wait_after(self, name):
        """Press a button that asks Python, and wait for the report, which is returned in words."""
        self.press(name)
        self.element.get_by_role("button", name="Stop").and_(self.page.locator(":disabled")).wait_for(timeout=LONG)
        return self.report.inner_text()


def test_right_and_wrong_answers(page):
    page.evaluate("window.heard = []; document.addEventListener('minigen:passed', e => heard.push(e.detail.id))")
    for identity, (right, wrong, hint) in ANSWERS.items():
        box = Box(page, identity)
        report = box.check(wrong)
        assert "Not yet" in report and "✗" not in report.splitlines()[0], report
        if hint:
            assert "Known mistake: " in report and hint in box.report.text_content()  # the cure is closed
        assert page.evaluate(f"localStorage['minigen:passed:{identity}']") is None
        assert box.status.inner_text() == ""
        assert box.check(right).startswith("Passed"), box.report.inner_text()
        assert page.evaluate(f"localStorage['minigen:passed:{identity}']") == "1"
        assert page.evaluate(f"localStorage['minigen:answer:{identity}']") == right
    assert list(ANSWERS) == page.evaluate("heard")
    assert any("scipy-" in url for url in page.asked)  # for the last one only
    assert len([url for url in page.asked if "numpy-" in url]) == 1


def test_errors_are_told(page):
    box = Box(page, "gan/12/critic_loss")
    assert "syntax error" in (report := box.check("def critic_loss(:\n    pass\n")) and "line 1" in report
    assert "ended the program" in box.check("import sys\nsys.exit()\n")
    assert "function missing" in box.check("x = 1\n")
    assert "hello" in box.check("def critic_loss(a, b):\n    print('hello')\n    return 0.0\n")
    assert "No module named 'nowhere'" in box.check("import nowhere\n")


@pytest.mark.parametrize(
    ("identity", "text"),
    [
        ("vae/08/kl_standard_normal", "def kl_standard_normal(mu, logvar):\n    while True:\n        pass\n"),
        ("gan/12/critic_loss", "while True: pass\n"),
        ("gan/01/kl_normal", "def kl_normal(*args):\n    return sum(1 for _ in iter(int, 1))\n"),
        (
            "flow/06/additive_forward",
            "def additive_forward(z, m, mask):\n    while True:\n        z = z + m(mask * z)\n",
        ),
        (
            "diffusion/02/langevin_step",
            "def langevin_step(*args):\n    while True:\n        try:\n            while True:\n                pass\n"
            "        except BaseException:\n            continue\n",
        ),
    ],
)
def test_an_endless_loop_is_ended_and_the_next_check_works(page, identity, text):
    box = Box(page, identity)
    report = box.check(text)
    assert "had not come back after 4 s: an endless loop?" in report
    assert box.check(ANSWERS[identity][0]).startswith("Passed")


def test_stop(page):
    box, other = Box(page, "gan/12/critic_loss"), Box(page, "vae/08/kl_standard_normal")
    box.write("while True: pass\n")
    box.press("Check")
    page.get_by_text("Checking …").wait_for(timeout=LONG)
    other.press("Check")  # waits for its turn
    box.press("Stop")
    for each in (box, other):
        assert each.report.inner_text() == "Stopped. Python starts again with the next check."
        assert each.element.get_by_role("button", name="Check").is_enabled()


def test_a_live_training(page):
    box = Box(page, "diffusion/02/langevin_step")
    box.write(ANSWERS["diffusion/02/langevin_step"][0])
    box.press("Train with it")
    figure = box.element.locator(".mg-training")
    box.element.get_by_role("button", name="Stop").and_(page.locator(":disabled")).wait_for(timeout=LONG)
    assert box.element.locator(".mg-resume").is_hidden()
    assert "step 500 of 500" in figure.inner_text() and "Stopped" not in box.report.inner_text()
    assert figure.locator(".mg-legend").inner_text().split() == ["data", "model"]
    words = box.report.inner_text()
    calls, first, last = map(float, re.search(r"called (\d+) times .* from ([\d.]+) to ([\d.]+\d)", words).groups())
    assert calls == 704 and last < 0.3 * first
    drawn = "c => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size"
    assert figure.locator(".mg-plane").evaluate(drawn) > 10 and figure.locator(".mg-curve").evaluate(drawn) > 3
    lowest = float(re.search(r"[\d.]+", box.element.locator(".mg-curve").get_attribute("data-lowest").split()[1])[0])
    assert lowest > 0.6 * figure.locator(".mg-curve").bounding_box()["height"], (
        "the lowest value stands below the others"
    )
    box.write("def langevin_step(x, score, step, z):\n    return 1 / 0\n")
    box.press("Train with it")
    box.report.get_by_text("The training stopped: ZeroDivisionError").wait_for(timeout=LONG)
    assert "(line 2 of your answer)" in box.report.inner_text()


def test_a_training_is_paused_resumed_and_kept(page):
    box = Box(page, "flow/06/additive_forward")
    box.write(ANSWERS["flow/06/additive_forward"][0])
    box.press("Train with it")
    box.press("Pause")  # waits until a frame is shown
    box.element.locator(".mg-resume").wait_for(timeout=LONG)
    words = box.report.inner_text()
    step, steps = map(int, re.match(r"Paused at step (\d+) of (\d+)\. Your ", words).groups())
    assert 0 <= step < steps / 2 and f"step {step} of {steps}" in box.element.locator(".mg-training").inner_text()
    assert box.element.get_by_role("button", name="Pause").is_hidden()
    box.press("Resume the training")
    box.press("Pause")
    box.element.locator(".mg-resume").wait_for(timeout=LONG)
    later = int(re.match(r"Paused at step (\d+)", box.report.inner_text())[1])
    assert step < later < steps
    figure, drawn = box.element.locator(".mg-training"), "c => c.toDataURL()"
    pictures = [figure.locator(part).evaluate(drawn) for part in (".mg-plane", ".mg-curve")]
    page.reload()  # Python is gone, the picture is not
    assert box.report.inner_text().startswith(f"Paused at step {later} of {steps}.")
    assert "A page that was loaded again cannot resume it." in box.report.inner_text()
    assert box.element.locator(".mg-resume").is_hidden()
    assert figure.locator("figcaption").inner_text().startswith("From before. ") and "data" in figure.inner_text()
    assert [figure.locator(part).evaluate(drawn) for part in (".mg-plane", ".mg-curve")] == pictures
    box.write("# something else\n")
    page.reload()
    caption = figure.locator("figcaption").inner_text()
    assert caption.startswith("From before, with another version of your answer. ")
    page.evaluate("localStorage.removeItem('minigen:training:flow/06/additive_forward')")
    page.reload()
    assert figure.count() == 0 and box.report.inner_text() == ""


def test_the_settings_of_a_training(page):
    box = Box(page, "diffusion/02/langevin_step")
    box.write(ANSWERS["diffusion/02/langevin_step"][0])
    knobs = box.element.locator(".mg-knobs")
    knobs.locator("summary").click()
    usual = [knobs.get_by_label(name).input_value() for name in ("data", "learning rate", "steps")]
    assert usual == ["two moons", "0.005", "500"]
    knobs.get_by_label("data").select_option("two spirals")
    knobs.get_by_label("learning rate").select_option("0.00015")
    knobs.get_by_label("steps").select_option("125")
    words = box.wait_after("Train with it")
    figure = box.element.locator(".mg-training")
    assert "on two spirals: step 125 of 125." in figure.inner_text() and "was called" in words
    first, last = map(float, re.search(r"from ([\d.]+) to ([\d.]+\d)", words).groups())
    assert last > 0.5 * first, "hardly anything is learned at a small learning rate"


def test_only_the_marks_of_checks_are_bold(page):
    box = Box(page, "gan/12/critic_loss")
    assert box.check(ANSWERS["gan/12/critic_loss"][0]).startswith("Passed")
    weights = box.element.locator(".cm-line, .cm-line span").evaluate_all(
        "all => all.map(e => getComputedStyle(e).fontWeight)"
    )
    assert set(weights) == {"400"}


def test_python_is_loaded_when_an_answer_is_begun(browser, address):
    context = browser.new_context()
    page, asked = context.new_page(), []
    context.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}index.html")
    page.wait_for_timeout(300)
    assert not any("python.json" in url for url in asked)
    Box(page, "gan/12/critic_loss").area.focus()
    page.wait_for_event("worker")
    with context.expect_event("request", lambda request: "numpy-" in request.url, timeout=LONG):
        pass
    context.close()


def test_hints_and_starting_again(page):
    box = Box(page, "gan/12/critic_loss")
    stub = page.evaluate("document.querySelector('.mg-stub').textContent")
    mine = ANSWERS["gan/12/critic_loss"][0]
    box.write(mine)
    for number in (1, 2, 3):
        box.press(f"Hint {number} of 3")
        assert box.element.locator(".mg-hints > li").count() == number
    assert box.element.get_by_role("button", name="No more hints").is_disabled()
    assert box.element.locator(".mg-hints pre").inner_text() == "return np.mean(fake_scores) - np.mean(real_scores)"
    box.press("Start again")
    assert box.text == stub and page.evaluate("localStorage['minigen:answer:gan/12/critic_loss']") is None
    box.press("Bring my answer back")
    assert box.text == mine
    box.press("Start again")
    box.area.press("End")
    box.area.press_sequentially("#")
    assert box.element.get_by_role("button", name="Start again").is_visible()


def test_keys(page):
    box = Box(page, "flow/06/additive_forward")
    box.write("")
    box.area.press_sequentially("def f(x):")  # the bracket that is closed by itself is typed over
    box.area.press("Enter")
    box.area.press_sequentially("if x:")
    box.area.press("Enter")
    box.area.press_sequentially("return 1")
    assert box.text == "def f(x):\n    if x:\n        return 1"
    box.area.press("Shift+Tab")
    assert box.text.endswith("\n    return 1")
    box.area.press("Control+a")
    box.area.press("Tab")
    assert box.text == "    def f(x):\n        if x:\n        return 1"
    box.area.press("Control+z")
    assert box.text.startswith("def f(x):")
    box.write("        ")
    box.area.press("End")
    box.area.press("Backspace")
    assert box.text == "    "
    assert box.element.get_by_text("To leave with the keyboard, press Escape, then Tab.").is_visible()
    box.area.press("Escape")
    box.area.press("Tab")  # leaves the editor
    assert page.evaluate("document.activeElement.textContent") == "Check" and box.text == "    "


def test_tab_goes_through_an_editor_in_which_nothing_was_typed(browser, address):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{address}index.html")
    boxes = [Box(page, identity) for identity in ANSWERS]
    stubs, passed = [box.text for box in boxes], 0
    boxes[0].area.focus()
    for _ in range(60):
        page.wait_for_timeout(50)  # CodeMirror takes the place of a text area that has the focus
        passed += page.evaluate("Boolean(document.activeElement.closest('.mg-editor'))")
        page.keyboard.press("Tab")
    assert passed >= len(boxes) and [box.text for box in boxes] == stubs
    assert page.evaluate("Object.keys(localStorage)") == []
    boxes[0].area.focus()
    boxes[0].area.press("Control+a")
    boxes[0].area.press("Tab")  # something is selected
    assert boxes[0].text.startswith("    def")
    boxes[1].area.focus()
    boxes[1].area.press_sequentially("#")  # on the last line
    boxes[1].area.press("Tab")
    assert boxes[1].text.endswith("\n    #")
    context.close()


def test_the_editor_is_loaded_with_the_first_focus_and_done_without(browser, small_page, tmp_path):
    small_page.write_page(tmp_path, ["gan/12/critic_loss"])
    page, asked = browser.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "index.html").as_uri())
    box = Box(page, "gan/12/critic_loss")
    assert not any("codemirror" in url for url in asked) and page.locator("textarea").count() == 1
    place = page.locator("textarea").bounding_box()
    box.write("def critic_loss(a, b):\n    return 'text'  # comment\n")
    assert sum("codemirror" in url for url in asked) == 1 and page.locator("textarea").count() == 0
    colors = "kind => getComputedStyle(document.querySelector(`.cm-line .mg-${kind}`)).color"
    assert len({page.evaluate(colors, kind) for kind in ("keyword", "string", "comment")}) == 3
    assert page.locator(".mg-editor").bounding_box()["y"] == pytest.approx(place["y"], abs=2)
    (tmp_path / "_static" / "bundles" / "codemirror.js").unlink()
    page.evaluate("localStorage.clear()")
    page.reload()
    box.area.fill("def critic_loss(a, b):\n    return 1\n")
    assert page.evaluate("localStorage['minigen:answer:gan/12/critic_loss']") == box.text
    box.area.press("Tab")  # a plain text area
    assert page.evaluate("document.activeElement.textContent") != box.text
    page.close()


def test_two_tabs_with_the_same_answer(browser, address):
    """What is written in one is shown in the other, which says so, and nothing is lost by going on in either."""
    context = browser.new_context()
    one, two = context.new_page(), context.new_page()
    for page in (one, two):
        page.goto(f"{address}index.html")
    key, (first, second) = "localStorage['minigen:answer:gan/12/critic_loss']", (Box(one, CRITIC), Box(two, CRITIC))
    first.write("# one\n")
    second.element.get_by_text("as it was just changed in another tab").wait_for()
    assert second.text == "# one\n" and first.status.inner_text() == ""
    second.area.focus()
    second.element.locator(".cm-content").press("Control+Home")
    second.area.press_sequentially("# two ")
    first.element.get_by_text("as it was just changed in another tab").wait_for()
    assert first.text == second.text == "# two # one\n" == one.evaluate(key)
    first.press("Start again")
    two.wait_for_function(f"{key} === undefined")
    two.wait_for_timeout(100)
    assert second.text == first.text and "raise NotImplementedError" in second.text
    context.close()


def test_what_was_written_and_passed_survives_a_reload(page):
    box = Box(page, "vae/08/kl_standard_normal")
    box.write("# mine\n")
    page.reload()
    assert box.text == "# mine\n" and box.status.inner_text() == "You have passed this one."
    assert Box(page, "gan/01/kl_normal").status.inner_text() == "You have passed this one."


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_or_scrolls_sideways(page, width, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") == width
    box = Box(page, "diffusion/02/langevin_step")
    fits = "e => e.clientHeight >= e.scrollHeight && e.clientWidth >= e.scrollWidth"
    assert box.area.evaluate(fits), "the text area is as high as its text"
    box.area.focus()
    box.element.locator(".cm-content").wait_for()
    assert box.element.locator(".cm-scroller").evaluate(fits)
    assert box.element.locator(".cm-gutters").is_visible() == (width > 640)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.reload()


def test_a_book_without_python(browser, small_page, tmp_path, address):
    small_page.write_page(tmp_path, ["gan/12/critic_loss"], 'data-python="none"')
    page = browser.new_page()
    page.goto((tmp_path / "index.html").as_uri())
    buttons = page.get_by_role("button").all_inner_texts()
    assert buttons == ["Hint 1 of 3"] and page.locator(".mg-stub").is_visible()
    assert "This book was built without Python" in page.locator(".mg-status").inner_text()
    page.close()


def test_a_page_read_from_a_file_says_what_it_needs(browser, small_page, tmp_path, address):
    small_page.write_page(tmp_path, ["gan/12/critic_loss"])
    page = browser.new_page()
    page.goto((tmp_path / "index.html").as_uri())
    assert page.get_by_role("button", name="Check").is_disabled()
    assert "minigen book --serve" in page.locator(".mg-status").inner_text()
    page.close()


def test_python_that_is_not_what_it_should_be(browser, small_page, tmp_path, address):
    """A file with other bytes is refused, as is a folder that is not there; both in words."""
    small_page.write_page(tmp_path, ["gan/12/critic_loss"])
    server = small_page.serve(tmp_path)
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{server.server_address[1]}/index.html")
    box = Box(page, "gan/12/critic_loss")
    assert "Python could not be loaded: python.json: 404" in box.check("x = 1\n")
    write_python(python_source(os.environ["MINIGEN_PYODIDE"]), tmp_path)
    wheel = next((tmp_path / "_python").glob("autograd-*.whl"))
    wheel.write_bytes(wheel.read_bytes() + b" ")
    assert "Python could not be loaded" in box.check("x = 1\n")
    page.close()
    server.shutdown()


def test_nothing_went_wrong_and_nothing_was_asked_of_another_host(page, address):
    assert page.asked and all(url.startswith((address, "blob:", "data:")) for url in page.asked)
    assert page.said == []
