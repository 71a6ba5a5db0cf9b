"""Charts of lines in the book: as SVG where a record has it, light and dark with the page."""

import io
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from minigen import plot
from minigen.course.book import build

WEB = build.HERE / "web"
PAGE = """<!DOCTYPE html><html><head><link rel="stylesheet" href="book.css"><link rel="stylesheet" href="exercise.css">
<style>body {{ margin: 0; background: #131416; }}</style></head><body data-theme="{theme}">
<figure class="mg-figure" style="margin: 0">
<div class="mg-frame"><a href="chart.{kind}"><img src="chart.{kind}"></a></div>
</figure>
</body></html>"""


def chart():
    return plot.line(np.linspace(0, 1, 20), {"a": np.linspace(0, 1, 20)}, title="a chart")


def test_the_svg_of_a_record_takes_the_place_of_its_picture(tmp_path):
    pytest.importorskip("PIL", reason="needs Pillow")
    from minigen.course.book.files import Files

    run = tmp_path / "recorded"
    run.mkdir()
    for name in ("with", "without"):
        plot.save(chart(), run / f"{name}.png")
    (run / "with.svg").write_text(plot.as_svg(chart()), encoding="utf-8")
    files, chapter = Files(tmp_path / "book"), SimpleNamespace(folder=run, slug="gan-01-x")
    as_svg, as_webp = (files.picture(chapter, f"{name}.png") for name in ("with", "without"))
    assert as_svg[0] == "_figures/gan-01-x/with.svg" and as_webp[0] == "_figures/gan-01-x/without.webp"
    assert as_svg[1] == as_webp[1], "the size is that of the picture"
    files.make()
    made = tmp_path / "book" / "_figures" / "gan-01-x"
    assert {path.name for path in made.iterdir()} == {"with.svg", "without.webp"}
    assert (made / "with.svg").read_bytes() == (run / "with.svg").read_bytes()


@pytest.mark.book
@pytest.mark.parametrize("system", ["light", "dark"])
@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
def test_a_chart_is_dark_on_a_dark_page_and_a_picture_keeps_its_paper(browser, tmp_path, system, theme):
    from PIL import Image

    for name in ("book.css", "exercise.css"):
        shutil.copy(WEB / name, tmp_path)
    (tmp_path / "chart.svg").write_text(plot.as_svg(chart()), encoding="utf-8")
    plot.save(chart(), tmp_path / "chart.png")
    page = browser.new_page(color_scheme=system, viewport={"width": 500, "height": 400})
    is_dark = theme == "dark" or (theme == "auto" and system == "dark")
    for kind in ("svg", "png"):
        (tmp_path / "page.html").write_text(PAGE.format(theme=theme, kind=kind), encoding="utf-8")
        page.goto((tmp_path / "page.html").as_uri())
        pixels = np.asarray(Image.open(io.BytesIO(page.locator("img").screenshot())).convert("L"), dtype=float)
        paper, ink = np.median(pixels), pixels.max() if is_dark and kind == "svg" else pixels.min()
        assert (paper < 40 and ink > 180) if is_dark and kind == "svg" else (paper > 200 and ink < 120), kind
    page.close()
