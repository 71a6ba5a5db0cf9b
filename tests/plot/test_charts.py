"""Charts draw the numbers they are given, and averages are the ones they claim to be."""

import numpy as np
import pytest

from minigen import plot
from minigen.train import fit


def test_moving_average_is_the_mean_of_the_last_values():
    values = np.random.default_rng(0).standard_normal(50)
    for window in (1, 2, 7, 80):
        expected = [values[max(0, k + 1 - window) : k + 1].mean() for k in range(50)]
        np.testing.assert_allclose(plot.moving_average(values, window), expected, atol=1e-12)


def test_moving_average_skips_missing_values():
    np.testing.assert_array_equal(plot.moving_average([1.0, np.nan, 3.0, np.nan, np.nan], 2), [1, 1, 3, 3, np.nan])
    with pytest.raises(ValueError, match="window must be"):
        plot.moving_average([1.0], 0)
    with pytest.raises(ValueError, match=r"shape \(N,\), got \(1, 1\)"):
        plot.moving_average([[1.0]], 1)


@pytest.mark.slow
def test_curves_draw_the_average_over_the_values():
    values = np.random.default_rng(0).random(30)
    ax = plot.curves({"loss": values}, smooth=5)
    faint, bold = ax.lines
    np.testing.assert_array_equal(faint.get_ydata(), values)
    np.testing.assert_allclose(bold.get_ydata(), plot.moving_average(values, 5))
    assert faint.get_alpha() < 0.5 and ax.get_ylabel() == "loss" and ax.get_xlabel() == "step"


def test_curves_of_a_history_know_the_steps():
    history = fit(lambda i: {"loss": i / 2} | ({"distance": 1.0} if i % 3 == 2 else {}), 9)
    ax = plot.curves(history)
    drawn = {line.get_label(): line.get_xydata() for line in ax.lines}
    np.testing.assert_array_equal(drawn["loss"], np.stack([np.arange(9), np.arange(9) / 2], axis=1))
    np.testing.assert_array_equal(drawn["distance"], [[2, 1], [5, 1], [8, 1]])
    only = plot.curves(history, "distance", labels={"distance": "W"}, reference={"floor": 0.1}, log=True)
    assert [t.get_text() for t in only.get_legend().get_texts()] == ["W", "floor"]
    assert only.get_yscale() == "log"


def test_curves_are_checked():
    with pytest.raises(ValueError, match="names must be among loss, got 'kl'"):
        plot.curves({"loss": [1.0]}, ["kl"])
    with pytest.raises(ValueError, match="not empty"):
        plot.curves({})
    with pytest.raises(ValueError, match=r"history\['loss'\] must have shape \(N,\)"):
        plot.curves({"loss": np.zeros((2, 2))})
    with pytest.raises(ValueError, match="at steps"):
        plot.curves({"loss": ([1, 2], [1.0, 2.0, 3.0])})


def test_the_name_of_a_single_curve_is_at_the_y_axis():
    x = np.linspace(0, 1, 5)
    assert plot.line(x, {"distance": x}).get_ylabel() == "distance"
    assert plot.line(x, {"distance": x}, ylabel="metres").get_ylabel() == "metres"
    assert plot.line(x, x).get_ylabel() == plot.line(x, {"p": x, "q": x}).get_ylabel() == ""
    assert plot.line(x, {"p": x}, reference={"floor": 0.1}).get_ylabel() == ""  # these have a legend


def test_line_draws_functions_with_gaps():
    x = np.linspace(0, 1, 5)
    ax = plot.line(
        x, {"p": x, "q": np.array([0, 1, np.inf, 3, 4])}, styles={"q": "--"}, fill=["p"], spans={"early": (0, 0.5)}
    )
    p, q = ax.lines
    np.testing.assert_array_equal(p.get_ydata(), x)
    assert np.isnan(q.get_ydata()[2]) and q.get_linestyle() == "--"
    assert len(ax.collections) == 1  # only p is filled
    assert (p.get_color(), q.get_color()) == plot.CYCLE[:2]
    named = plot.line(x, {"p": x, "q": x, "r": x}, colors={"q": "red"}).lines
    assert [each.get_color() for each in named] == [plot.CYCLE[0], "red", plot.CYCLE[2]]
    with pytest.raises(ValueError, match=r"ys\['p'\] must have the shape of x, \(5,\), got \(4,\)"):
        plot.line(x, {"p": x[:4]})


@pytest.mark.parametrize("size", [(4.8, 3.7), (3.0, 2.2)])
@pytest.mark.parametrize("log", ["", "y"])
def test_a_legend_covers_no_curve(tmp_path, size, log):
    """Curves everywhere in the panel, so that no corner is free before the axis gets room."""
    fig, axes = plot.figure(1, 2, size=size)
    x, rng = np.linspace(0, 1, 40), np.random.default_rng(0)
    ys = {f"the curve {k}": rng.permutation(np.geomspace(0.01, 1, 40)) for k in range(3)}
    for ax, markers in zip(axes, (False, True)):
        plot.line(x, ys, ax, log=log, markers=markers, styles=dict.fromkeys(ys, "none") if markers else None)
    assert axes[0].get_ylim()[1] < 1.6, "nothing moves before the figure is drawn"
    for name in ("a.png", "b.png"):
        plot.save(fig, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    fig.draw_without_rendering()
    for ax in axes:
        box = ax.transData.inverted().transform_bbox(ax.get_legend().get_window_extent())
        for line in ax.lines:
            fine = np.interp(np.linspace(0, 1, 5000), x, line.get_ydata()) if line.get_linestyle() != "None" else None
            at_x, at_y = line.get_xydata().T if fine is None else (np.linspace(0, 1, 5000), fine)
            assert not np.any((box.x0 < at_x) & (at_x < box.x1) & (box.y0 < at_y) & (at_y < box.y1))
        assert ax.get_ylim()[1] < (2.6 if log == "" else 120), "no more room than is needed"


def test_a_legend_beside_the_curves_leaves_the_axes_alone():
    x = np.linspace(0, 1, 40)
    ax = plot.line(x, {"a": x, "b": x / 2}, reference={"a constant": 0.5}, spans={"late": (0.9, 1)})
    limits = ax.get_ylim()
    ax.figure.draw_without_rendering()
    assert ax.get_ylim() == limits
    ax.legend(loc="lower left")
    ax.plot(x, 0 * x)
    limits = ax.get_ylim()
    ax.figure.draw_without_rendering()
    assert ax.get_ylim() == limits, "a legend that stays on a curve anyway raises nothing"


def test_few_points_are_drawn_and_on_a_logarithmic_axis_named():
    few, many = np.array([1, 2, 4, 8, 16]), np.geomspace(1, 16, 40)
    ax = plot.line(few, {"a": few, "b": few / 2}, log="xy")
    assert [line.get_marker() for line in ax.lines] == ["o", "o"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["1", "2", "4", "8", "16"]
    assert len(ax.get_xticks(minor=True)) == 0
    assert plot.line(few, few, markers=False).lines[0].get_marker() == "None"
    assert plot.line(many, many).lines[0].get_marker() == "None"
    close = plot.line([1, 1.02, 2.5, 10], np.ones(4), log="x")
    assert [text.get_text() for text in close.get_xticklabels()] == ["1", "2.5", "10"]
    assert len(plot.line([1e3, 1e9], np.ones(2), log="x").get_xticks()) > 2, "large numbers have powers of ten"


def test_bars_stand_side_by_side_at_their_heights():
    ax = plot.bars({"P": [3, 2, 1], "Q": [1, 2, 4]}, ["a", "b", "c"], numbers=True)
    p, q = ax.containers
    assert [bar.get_height() for bar in p] == [3, 2, 1] and [bar.get_height() for bar in q] == [1, 2, 4]
    assert all(a.get_x() + a.get_width() <= b.get_x() for a, b in zip(p, q))
    assert [text.get_text() for text in ax.texts] == ["3", "2", "1", "1", "2", "4"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "b", "c"]
    one = plot.bars({"GAN": 0.5, "VAE": 0.25}, errors={"GAN": 0.1, "VAE": 0.2})
    assert [t.get_text() for t in one.get_xticklabels()] == ["GAN", "VAE"]
    with pytest.raises(ValueError, match="labels must have 2 entries, got 1"):
        plot.bars([1, 2], ["a"])
    with pytest.raises(ValueError, match="values must all have 2"):
        plot.bars({"a": [1, 2], "b": [1]})


def test_histogram_has_area_one_and_common_bins():
    rng = np.random.default_rng(0)
    ax = plot.histogram({"a": rng.random(1000), "b": rng.random((500, 1)) + 1}, bins=20, density=lambda x: x * 0 + 1)
    edges = []
    for patch in ax.patches:
        values, edge, _ = patch.get_data()
        assert np.sum(values * np.diff(edge)) == pytest.approx(1)
        edges.append(edge)
    assert all(np.array_equal(edge, edges[0]) for edge in edges)
    with pytest.raises(ValueError, match="use plot.density"):
        plot.histogram(np.zeros((5, 2)))


def test_histogram_of_a_share_outside_counts_all_samples():
    ax = plot.histogram(np.array([0.5] * 6 + [9.0] * 4), bounds=(0, 1), bins=1)
    assert ax.patches[0].get_data()[0] == pytest.approx([0.6])
