"""The pictures with sliders in a browser, from files: on a small page as the book makes them."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from minigen.course import Lesson
from minigen.course.lesson.options import RunOptions

WEB = Path(__file__).resolve().parents[2] / "minigen" / "course" / "book" / "web"
FILMS = ("reverse", "digits", "colors", "corner", "pixels")
TIMES = np.linspace(100, 0, 11)

pytestmark = pytest.mark.book

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sliders</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="../../_static/play.css">
<style>
body {{ margin: 1rem; color: var(--color-foreground-primary); background: var(--color-background-primary);
  --color-foreground-primary: #111; --color-background-primary: #fff; --color-background-secondary: #f8f9fb;
  --color-background-border: #ccc; --color-brand-primary: #0a4bff; font: 16px sans-serif }}
body[data-theme="dark"] {{ --color-foreground-primary: #ccc; --color-background-primary: #131416;
  --color-background-secondary: #1a1c1e; --color-background-border: #444; --color-brand-primary: #3d94ff }}
</style></head>
<body data-theme="light">{figures}<script src="../../_static/play.js"></script></body></html>
"""
FIGURE = """<p>Before {name}.</p>
<figure class="mg-play" data-name="{name}" data-src="../../_play/{lesson}/{name}.js">
<img class="mg-still" src="../../_images/{lesson}/{name}.png" alt="Points that move">
<figcaption>Move the sliders of {name}.</figcaption></figure>
"""


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """A page in a folder of its own, with a film of points, one of images, one of choices, and one without data."""
    folder = tmp_path_factory.mktemp("book")
    lesson = Lesson("gan/02_gan", title="GANs", post="gan", options=RunOptions(out=folder / "out"))
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((400, 2))
    angle = 2 * np.pi * rng.integers(0, 8, 400) / 8
    ring = 1.4 * np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.1 * rng.standard_normal((400, 2))
    share = (TIMES / 100)[:, None, None]
    ways = np.stack([share**power * noise + (1 - share**power) * ring for power in (1, 3)])
    axes = {"sampler": ["DDPM (fresh noise)", "DDIM, η = 0"], "t": TIMES}
    lesson.play("reverse", axes, points=ways, truth=ring, time="t", bounds=2.5, caption="Move t.")
    gray = np.linspace(0, 1, 7 * 3)[:, None, None, None].reshape(7, 3, 1, 1, 1)
    images = np.broadcast_to(gray, (7, 3, 10, 28, 28))
    lesson.play("digits", {"w": np.arange(7), "digit": [3, 5, 8]}, images=images, start={"w": 3}, time="w")
    lesson.play("colors", {"kind": ["red", "blue"]}, images=np.eye(3)[[0, 2]].reshape(2, 1, 1, 3))
    lesson.play("corner", {"t": [0, 1]}, points=[[[-2.0, 2.0]], [[2.0, 1.0]]], bounds=2.5, time="t")
    pixels = np.arange(2 * 3 * 2 * 4, dtype=np.uint8).reshape(2, 3, 2, 4)  # each its own value, 0 to 47
    lesson.play("pixels", {"k": [0, 1]}, images=5 * pixels, cols=2)
    for name in ("_play", "_images"):
        shutil.copytree(lesson.out, folder / name / "gan-02-gan")
    shutil.copytree(WEB, folder / "_static")
    html = folder / "lessons" / "gan" / "02.html"
    html.parent.mkdir(parents=True)
    names = [*FILMS, "lost"]
    shutil.copy(folder / "_images" / "gan-02-gan" / "colors.png", folder / "_images" / "gan-02-gan" / "lost.png")
    (folder / "_play" / "gan-02-gan" / "lost.js").write_text("// no call in here\n", encoding="utf-8")
    figures = "".join(FIGURE.format(name=name, lesson="gan-02-gan") for name in names)
    html.write_text(PAGE.format(figures=figures), encoding="utf-8")
    return html


@pytest.fixture
def open_page(browser, page_file):
    """Opens the page; at the end there must have been no error, and no request but for files of its folder."""
    contexts, errors, foreign = [], [], []

    def open(width=1280, ratio=1, **options):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, device_scale_factor=ratio, reduced_motion="reduce", **options
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: foreign.append(request.url) if "file://" not in request.url else None)
        page.goto(page_file.as_uri())
        for name in FILMS:
            figure = page.locator(f"figure[data-name={name}]")
            figure.scroll_into_view_if_needed()
            figure.locator("canvas").wait_for()
        return page

    yield open
    for context in contexts:
        context.close()
    assert errors == [] and foreign == []


def parts(page, name="reverse"):
    figure = page.locator(f"figure[data-name={name}]")
    return figure, figure.locator("canvas"), figure.locator("input[type=range]").first


def picture(canvas):
    """All that the canvas shows, as text."""
    return canvas.evaluate("canvas => canvas.toDataURL()")


def colors(canvas):
    """The most frequent opaque colors of a canvas, as (red, green, blue), frequent ones first."""
    return canvas.evaluate(
        """canvas => {
            const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            const counts = {};
            for (let i = 0; i < pixels.length; i += 4)
                if (pixels[i + 3] === 255) {
                    const color = [...pixels.slice(i, i + 3)].join(",");
                    counts[color] = (counts[color] || 0) + 1;
                }
            return Object.keys(counts).sort((a, b) => counts[b] - counts[a]).map(c => c.split(",").map(Number));
        }"""
    )


def test_a_slider_moves_the_points(open_page):
    page = open_page()
    figure, canvas, slider = parts(page)
    assert not figure.locator(".mg-still").is_visible()
    assert slider.get_attribute("aria-valuetext") == "t = 100" and slider.get_attribute("aria-label") == "t"
    noise = picture(canvas)
    slider.fill("10")
    ring = picture(canvas)
    assert ring != noise
    assert slider.get_attribute("aria-valuetext") == "t = 0" == figure.locator("output").inner_text()
    assert canvas.get_attribute("aria-label") == "Points that move, DDPM (fresh noise), t = 0"
    slider.fill("0")
    assert picture(canvas) == noise, "there and back"


def middle(canvas):
    """Where the mean of all pixels in the color of points is, as shares of the frame's width and height."""
    return canvas.evaluate(
        """canvas => {
            const [left, right, top, bottom] = [32, 8, 8, 34]; // around the frame, on a screen of ratio 1
            const [width, height] = [canvas.width - left - right, canvas.height - top - bottom];
            const pixels = canvas.getContext("2d").getImageData(left, top, width, height).data;
            let [count, x, y] = [0, 0, 0];
            for (let i = 0; i < width * height; i++)
                if (pixels[4 * i] > 180 && pixels[4 * i + 2] < 40 && pixels[4 * i + 3] > 100) {
                    count += 1; x += (i % width + 0.5) / width; y += (Math.floor(i / width) + 0.5) / height;
                }
            return [x / count, y / count];
        }"""
    )


def test_points_stand_where_the_data_say(open_page):
    """One point, at the upper left first, then further down at the right; half-way while it plays."""
    page = open_page()
    page.clock.install(time=0)
    page.clock.pause_at(3_600_000)
    figure, canvas, slider = parts(page, "corner")
    assert middle(canvas) == pytest.approx([0.1, 0.1], abs=0.003)
    figure.get_by_role("button").click()
    page.clock.run_for(2500)
    assert middle(canvas) == pytest.approx([0.5, 0.2], abs=0.01)
    slider.fill("1")
    assert middle(canvas) == pytest.approx([0.9, 0.3], abs=0.003)


def test_points_have_axes_and_a_legend_and_images_have_neither(open_page):
    page = open_page()
    figure, canvas, _ = parts(page)
    assert figure.locator(".mg-play-legend").inner_text().split() == ["data", "samples"]
    marks = figure.locator(".mg-play-mark").evaluate_all("all => all.map(e => getComputedStyle(e).backgroundColor)")
    assert marks == ["rgb(0, 114, 178)", "rgb(213, 94, 0)"]
    inked = """(canvas, [x, y, w, h]) => canvas.getContext("2d").getImageData(x, y, w, h).data
        .filter((value, i) => i % 4 === 3 && value > 60).length"""
    width, height = canvas.evaluate("canvas => [canvas.width, canvas.height]")
    assert abs((width - 40) - (height - 42)) <= 1, "a square frame for a square box"
    assert canvas.evaluate(inked, [0, 40, 28, height - 80]) > 30, "the ticks of x2 have numbers"
    assert canvas.evaluate(inked, [40, height - 28, width - 80, 14]) > 30, "those of x1 too"
    for name in ("digits", "corner"):  # images, and points without data underneath
        assert parts(page, name)[0].locator(".mg-play-legend").count() == 0


def test_images_stand_row_by_row(open_page):
    page = open_page()
    _, canvas, slider = parts(page, "pixels")
    values = """canvas => {
        const scale = canvas.width / (2 * 4 + 2), pen = canvas.getContext("2d");
        const at = (row, column) => pen.getImageData((column + 0.5) * scale, (row + 0.5) * scale, 1, 1).data;
        return [0, 1, 2].map(k => [0, 1].map(row => [0, 1, 2, 3].map(column =>
            at(Math.floor(k / 2) * 4 + row, k % 2 * 6 + column)[0] / 5)));
    }"""
    pixels = np.arange(2 * 3 * 2 * 4).reshape(2, 3, 2, 4)
    assert canvas.evaluate(values) == pixels[0].tolist()
    assert sorted(colors(canvas)) == [[5 * value] * 3 for value in range(24)], "no other gray: no smoothing"
    slider.fill("1")
    assert canvas.evaluate(values) == pixels[1].tolist()
    fourth = canvas.evaluate(
        "canvas => canvas.getContext('2d').getImageData(0.8 * canvas.width, 0.8 * canvas.height, 1, 1).data[3]"
    )
    assert fourth == 0, "there are three images, not four"


def test_a_choice(open_page):
    page = open_page()
    figure, canvas, slider = parts(page)
    group = figure.get_by_role("radiogroup", name="sampler")
    assert group.get_by_role("radio").count() == 2 and group.get_by_label("DDPM (fresh noise)").is_checked()
    slider.fill("5")
    before = picture(canvas)
    group.get_by_label("DDIM, η = 0").check()
    assert picture(canvas) != before and slider.input_value() == "5"
    assert canvas.get_attribute("aria-label").endswith("DDIM, η = 0, t = 50")
    _, square, _ = parts(page, "colors")
    assert colors(square)[0] == [255, 0, 0]
    page.get_by_label("blue").check()
    assert colors(square)[0] == [0, 0, 255]


def test_the_keyboard(open_page):
    page = open_page()
    figure, canvas, slider = parts(page)
    slider.focus()
    noise = picture(canvas)
    page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "t = 90" and picture(canvas) != noise
    page.keyboard.press("End")
    assert slider.get_attribute("aria-valuetext") == "t = 0"
    page.keyboard.press("Home")
    assert picture(canvas) == noise
    figure.get_by_role("radio", name="DDPM (fresh noise)").focus()
    page.keyboard.press("ArrowDown")
    assert figure.get_by_role("radio", name="DDIM, η = 0").is_checked()
    figure.get_by_role("button", name="Play t").focus()
    page.keyboard.press("Enter")
    figure.get_by_role("button", name="Pause t").wait_for()
    page.keyboard.press("Space")
    figure.get_by_role("button", name="Play t").wait_for()


def test_play_ends_at_the_last_value_and_begins_anew(open_page):
    page = open_page()
    page.clock.install(time=0)
    page.clock.pause_at(3_600_000)
    figure, canvas, slider = parts(page)
    button = figure.get_by_role("button")
    slider.fill("10")
    ring = picture(canvas)
    slider.fill("8")
    button.click()
    assert button.inner_text() == "❚❚ Pause"
    page.clock.run_for(200)
    shown = picture(canvas)
    assert slider.input_value() == "8", "between two values"
    page.clock.run_for(200)
    assert picture(canvas) != shown, "the points move between two values as well"
    button.click()
    paused = picture(canvas)
    slider.fill(slider.input_value())
    assert picture(canvas) == paused, "a pause is at a value"
    button.click()
    page.clock.run_for(2000)
    assert button.inner_text() == "▶ Play" and slider.input_value() == "10" and picture(canvas) == ring
    button.click()
    page.clock.run_for(1000)
    assert 0 < int(slider.input_value()) < 5, "from the end it begins anew"
    slider.fill("7")
    assert button.inner_text() == "▶ Play", "to move the slider is to take over"
    at_7 = picture(canvas)
    page.clock.run_for(1000)
    assert picture(canvas) == at_7


def test_two_axes_of_images(open_page):
    page = open_page()
    figure, canvas, w = parts(page, "digits")
    digit = figure.locator("input[type=range]").nth(1)
    assert (w.input_value(), digit.input_value()) == ("3", "0")
    for row, column in [(3, 0), (6, 2), (0, 0), (2, 1)]:
        w.fill(str(row))
        digit.fill(str(column))
        gray = round(255 * (3 * row + column) / 20)
        assert colors(canvas) == [[gray] * 3], "one gray, and no blur at the edges"
    w.fill("0")
    page.clock.install(time=0)
    page.clock.pause_at(3_600_000)
    figure.get_by_role("button").click()
    for _ in range(4):  # images do not move: what is seen is what is said
        page.clock.run_for(300)
        assert colors(canvas) == [[round(255 * (3 * int(w.input_value()) + 1) / 20)] * 3]


@pytest.mark.parametrize(("width", "ratio"), [(1280, 1), (390, 1), (390, 3), (320, 2)])
def test_narrow_and_crisp(open_page, width, ratio):
    page = open_page(width, ratio)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    for name in ("reverse", "digits"):
        figure, canvas, slider = parts(page, name)
        box = canvas.bounding_box()
        pixels = canvas.evaluate("canvas => [canvas.width, canvas.height]")
        assert pixels == pytest.approx([box["width"] * ratio, box["height"] * ratio], abs=0.51)
        assert box["width"] <= 480 and slider.bounding_box()["width"] >= 100
    _, digits, _ = parts(page, "digits")
    side = digits.evaluate("canvas => canvas.width") / (5 * 28 + 4 * 2)
    assert side == round(side) >= 1, "a pixel of the digits is a whole number of the screen's"


def test_it_follows_the_width_and_the_colors(open_page):
    page = open_page(color_scheme="light")
    _, canvas, _ = parts(page)
    width = canvas.bounding_box()["width"]
    light = picture(canvas)
    page.evaluate("document.body.dataset.theme = 'dark'")
    page.wait_for_function("before => document.querySelector('canvas').toDataURL() !== before", arg=light)
    dark = picture(canvas)
    assert dark != light
    page.evaluate("document.body.dataset.theme = 'auto'")
    page.wait_for_function("light => document.querySelector('canvas').toDataURL() === light", arg=light)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("dark => document.querySelector('canvas').toDataURL() === dark", arg=dark)
    page.set_viewport_size({"width": 390, "height": 900})
    page.wait_for_function("width => document.querySelector('canvas').width < width", arg=width)
    page.wait_for_function("dark => document.querySelector('canvas').toDataURL() !== dark", arg=dark)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.evaluate("document.body.style.width = '200px'")  # as when a sidebar opens
    page.wait_for_function("document.querySelector('canvas').width <= 200")
    assert canvas.bounding_box()["width"] <= 200


def test_the_still_is_there_in_print_and_without_data(open_page):
    page = open_page()
    figure, canvas, _ = parts(page)
    page.emulate_media(media="print")
    assert figure.locator(".mg-still").is_visible() and not canvas.is_visible()
    page.emulate_media(media="screen")
    assert canvas.is_visible()
    lost = page.locator("figure[data-name=lost]")
    lost.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('script[src$=\"lost.js\"]')")
    assert lost.locator(".mg-still").is_visible() and lost.locator("canvas").count() == 0
