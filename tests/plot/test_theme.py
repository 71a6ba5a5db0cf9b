"""The style touches nothing but its own figures, and its colors are told apart."""

import subprocess
import sys

import numpy as np
import pytest

from minigen import plot


def run(code):
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=600).stdout


def test_importing_plot_loads_no_matplotlib():
    heavy = ("matplotlib", "scipy", "PIL")
    loaded = run(f"import sys, minigen.plot; print(sorted(m for m in sys.modules if m.split('.')[0] in {heavy}))")
    assert loaded.strip() == "[]"


@pytest.mark.slow
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


def test_the_style_sheet_has_the_named_colors():
    import matplotlib
    from matplotlib.colors import same_color

    with plot.style():
        settings = dict(matplotlib.rcParams.copy())
    for name, shade in zip(plot.CYCLE, settings["axes.prop_cycle"].by_key()["color"], strict=True):
        assert same_color(name, shade)
    for key, shade in [("text.color", plot.color.ink), ("xtick.color", plot.color.muted)]:
        assert same_color(settings[key], shade)


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
    t = np.linspace(0, 1, 256)
    steps = np.diff(lightness(plot.colormap("density")(t)[:, :3]))
    assert (steps < 0).all() and np.abs(steps / steps.mean() - 1).max() < 0.15
    diverging = lightness(plot.colormap("diverging")(t)[:, :3])
    assert (
        diverging[127:129].min() > 95 and (np.diff(diverging[:127]) > 0).all() and (np.diff(diverging[129:]) < 0).all()
    )


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


def test_figures_show_themselves_in_notebooks():
    fig, _ = plot.figure()
    assert fig._repr_png_().startswith(b"\x89PNG")
