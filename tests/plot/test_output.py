"""Figures are saved whole, and animations have their frames in order."""

import os
import re
import shutil
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from minigen import plot


@pytest.mark.parametrize("name, start", [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.pdf", b"%PDF")])
def test_save_writes_the_same_bytes_again(tmp_path, name, start):
    content = [plot.save(plot.bars([1, 2, 3]), tmp_path / name).read_bytes() for _ in range(2)]
    assert content[0].startswith(start) and content[0] == content[1]
    assert os.listdir(tmp_path) == [name]


def test_save_is_all_or_nothing(tmp_path, monkeypatch):
    path = plot.save(plot.bars([1, 2, 3]), tmp_path / "a.png")
    content = path.read_bytes()

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        plot.save(plot.bars([9]), path)
    assert path.read_bytes() == content and os.listdir(tmp_path) == ["a.png"]


def test_save_is_checked(tmp_path):
    with pytest.raises(ValueError, match="must end in .png, .svg or .pdf, got 'a.bmp'"):
        plot.save(plot.bars([1]), tmp_path / "a.bmp")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        plot.save(plot.bars([1]), tmp_path / "no" / "a.png")
    with pytest.raises(ValueError, match="figure or axes, got int"):
        plot.save(3, tmp_path / "a.png")


def test_a_chart_of_lines_is_drawn_as_svg_for_light_and_dark_pages():
    x = np.linspace(0, 1, 50)
    text = plot.as_svg(plot.line(x, {"a": x**2, "b": x}, title="squares"))
    assert text == plot.as_svg(plot.line(x, {"a": x**2, "b": x}, title="squares"))
    root = ET.fromstring(text)
    assert root.get("viewBox") and "Matplotlib v" not in text, "another version gives the same bytes"
    css = next(
        one for one in root.iter() if one.tag.endswith("}style") and "prefers-color-scheme: dark" in one.text
    ).text
    drawn = set(re.findall(r"(?:fill|stroke): #\w{6}", text.replace(css, "")))
    told = set(re.findall(r'"((?:fill|stroke): #\w{6})"', css))
    assert {"fill: #ffffff", "fill: #262626"} <= drawn & told, "paper and ink change"
    assert {"stroke: #0072b2", "stroke: #d55e00"} <= drawn - told, "curves keep their colors"
    assert drawn - told <= {"stroke: #0072b2", "stroke: #d55e00"}, "every other color has one for the dark"


def test_images_large_scatters_and_axes_in_space_are_not_drawn_as_svg():
    rng = np.random.default_rng(0)
    mixed = plot.figure(1, 2)[1]
    plot.line([0, 1], [0, 1], mixed[0])
    plot.image_grid(rng.random((4, 8, 8)), ax=mixed[1])
    for drawing in (
        mixed[0],
        plot.samples(rng.standard_normal((4000, 2))),
        plot.space({"a": rng.standard_normal((9, 3))}),
    ):
        assert plot.as_svg(drawing) is None
    assert plot.as_svg(plot.samples(rng.standard_normal((60, 2))).figure)


def test_animation_has_its_frames_in_order(tmp_path):
    from PIL import Image

    def frames():
        for k in range(4):
            ax = plot.bars([k + 1], ax=plot.figure(size=(1.5, 1.5))[1], colors=[["red", "lime", "blue", "black"][k]])
            ax.set_ylim(0, 1)
            yield ax

    with Image.open(plot.animate(frames(), tmp_path / "a.gif", fps=5, hold=2)) as gif:
        assert gif.n_frames == 4 and gif.info["loop"] == 0
        middles, durations = [], []
        for k in range(4):
            gif.seek(k)
            durations.append(gif.info["duration"])
            middles.append(gif.convert("RGB").getpixel((gif.width * 0.6, gif.height // 2)))
    assert durations == [200, 200, 200, 2000]
    np.testing.assert_allclose(middles, [(255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)], atol=12)


def test_animation_of_arrays_and_its_checks(tmp_path):
    from PIL import Image

    frames = [np.full((8, 6), 80 * k, np.uint8) for k in range(3)]
    with Image.open(plot.animate(frames, tmp_path / "a.gif")) as gif:
        assert (gif.size, gif.n_frames) == ((6, 8), 3)
    for bad, message in [
        ([], "not be empty"),
        ([np.zeros((2, 2))], "must be uint8"),
        ([frames[0], frames[0][:4]], "frames must have one size"),
    ]:
        with pytest.raises(ValueError, match=message):
            plot.animate(bad, tmp_path / "b.gif")
    with pytest.raises(ValueError, match="must end in .gif or .mp4, got 'a.avi'"):
        plot.animate(frames, tmp_path / "a.avi")
    with pytest.raises(ValueError, match="fps must be a positive number, got 0"):
        plot.animate(frames, tmp_path / "b.gif", fps=0)
    assert os.listdir(tmp_path) == ["a.gif"]


def stand_in_for_ffmpeg(folder, monkeypatch, body):
    """A program called ffmpeg, alone on the path; `body` is its Python code."""
    program = folder / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nimport pathlib, sys\n{body}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script with a #! line")
def test_a_film_has_its_frames_in_order_and_holds_the_last(tmp_path, monkeypatch):
    body = "pathlib.Path(sys.argv[-1]).write_bytes(' '.join(sys.argv[1:-1]).encode() + b'|' + sys.stdin.buffer.read())"
    stand_in_for_ffmpeg(tmp_path, monkeypatch, body)
    frames = [np.full((4, 6, 3), [80 * k, 0, k], np.uint8) for k in range(3)]
    film = plot.animate(frames, tmp_path / "a.mp4", fps=5, hold=0.6).read_bytes()
    arguments, pixels = film.split(b"|", 1)
    assert b"-pixel_format rgb24 -video_size 6x4 -framerate 5" in arguments
    assert pixels == b"".join(frame.tobytes() for frame in (*frames, frames[2], frames[2]))


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script with a #! line")
def test_a_film_that_cannot_be_written_leaves_no_file(tmp_path, monkeypatch):
    stand_in_for_ffmpeg(tmp_path, monkeypatch, "sys.stdin.buffer.read(); sys.exit('Unknown encoder')")
    with pytest.raises(RuntimeError, match="could not write the film: Unknown encoder"):
        plot.animate([np.zeros((4, 4), np.uint8)], tmp_path / "a.mp4")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="needs the program ffmpeg, which is not found: install it, or save a"):
        plot.animate([np.zeros((4, 4), np.uint8)], tmp_path / "a.mp4")
    assert os.listdir(tmp_path) == ["bin"]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
def test_ffmpeg_writes_a_film(tmp_path):
    frames = [np.full((5, 7), 60 * k, np.uint8) for k in range(4)]
    assert b"ftyp" in plot.animate(frames, tmp_path / "a.mp4").read_bytes()[:16]
