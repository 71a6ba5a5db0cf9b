"""The house style keeps to itself; figures are saved whole."""

import os
import subprocess
import sys

import numpy as np
import pytest

from minigen import plot


def run(code):
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120).stdout


def test_importing_plot_loads_no_matplotlib():
    heavy = ("matplotlib", "scipy", "PIL")
    loaded = run(f"import sys, minigen.plot; print(sorted(m for m in sys.modules if m.split('.')[0] in {heavy}))")
    assert loaded.strip() == "[]"


def test_drawing_touches_neither_settings_nor_backend_nor_pyplot(tmp_path):
    code = f"""
import sys, matplotlib
matplotlib.rcParams["font.size"] = 31
matplotlib.rcParams["axes.facecolor"] = "black"
before = dict(matplotlib.rcParams.copy())
from minigen import plot
ax = plot.curves({{"loss": [3.0, 2.0, 1.0]}}, title="a")
plot.save(ax, {str(tmp_path / "a.png")!r})
assert dict(matplotlib.rcParams.copy()) == before
assert "matplotlib.pyplot" not in sys.modules
print(ax.title.get_fontsize(), ax.get_facecolor())
"""
    assert run(code).split(maxsplit=1) == ["10.5", "(1.0, 1.0, 1.0, 1.0)\n"]


def test_the_users_settings_do_not_show(tmp_path):
    import matplotlib

    with matplotlib.rc_context():
        plain = plot.save(plot.bars([1, 2]), tmp_path / "a.png").read_bytes()
    with matplotlib.rc_context({"font.size": 40, "axes.facecolor": "black", "savefig.dpi": 10, "font.family": "serif"}):
        assert plot.save(plot.bars([1, 2]), tmp_path / "b.png").read_bytes() == plain


@pytest.mark.parametrize("rows, cols, shape", [(1, 1, ()), (1, 3, (3,)), (2, 1, (2,)), (2, 3, (2, 3))])
def test_figure_gives_its_panels(rows, cols, shape):
    fig, axes = plot.figure(rows, cols, size=(2, 3), title="all")
    assert np.shape(axes) == shape and len(fig.axes) == rows * cols
    np.testing.assert_allclose(fig.get_size_inches(), (2 * cols, 3 * rows))
    with pytest.raises(ValueError, match="rows must be"):
        plot.figure(0)
    with pytest.raises(ValueError, match="share must be"):
        plot.figure(share="z")


def lightness(rgb):
    """CIELAB L of sRGB colors (N, 3)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    y = linear @ [0.2126, 0.7152, 0.0722]
    return np.where(y > (6 / 29) ** 3, 116 * np.cbrt(y) - 16, y * (29 / 3) ** 3)


def test_maps_have_even_steps_in_lightness():
    t = np.linspace(0, 1, 128)
    steps = np.diff(lightness(plot.colormap("density")(t)[:, :3]))
    assert (steps < 0).all() and np.abs(steps / steps.mean() - 1).max() < 0.25
    diverging = lightness(plot.colormap("diverging")(t)[:, :3])
    assert diverging[63:65].min() > 95 and (np.diff(diverging[:63]) > 0).all() and (np.diff(diverging[65:]) < 0).all()


def seen_by_a_deuteranope(rgb):
    """Vienot, Brettel and Mollon (1999), on linear RGB."""
    matrix = [[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]]
    return np.asarray(matrix) @ (np.asarray(rgb) ** 2.2)


def test_the_main_colors_differ_for_common_color_vision():
    from matplotlib.colors import to_rgb

    names = ("real", "fake", "model", "latent", "accent")
    seen = {name: seen_by_a_deuteranope(to_rgb(getattr(plot.color, name))) for name in names}
    for a in names:
        for b in names:
            assert a == b or np.linalg.norm(seen[a] - seen[b]) > 0.12, (a, b)


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
    with pytest.raises(ValueError, match="must end in .gif"):
        plot.animate(frames, tmp_path / "a.mp4")
    with pytest.raises(ValueError, match="fps must be positive"):
        plot.animate(frames, tmp_path / "b.gif", fps=0)
    assert os.listdir(tmp_path) == ["a.gif"]


def test_figures_show_themselves_in_notebooks():
    fig, _ = plot.figure()
    assert fig._repr_png_().startswith(b"\x89PNG")
