"""Pictures of the plane show the right value at the right place."""

import numpy as np
import pytest

from minigen import plot
from minigen.data import toy


def slope(x):
    """A function that differs in x and in y, linear in both."""
    return 3 * x[:, 0] - 7 * x[:, 1]


def shown(ax, k=0):
    """The values of an image by the place (x, y) where matplotlib shows them: a function of x and y."""
    image = ax.images[k]
    values = np.asarray(image.get_array())
    left, right, bottom, top = image.get_extent()
    assert image.origin == "lower"

    def at(x, y):
        column = int((x - left) / (right - left) * values.shape[1])
        row = int((y - bottom) / (top - bottom) * values.shape[0])
        return values[row, column]

    return at


def test_heatmap_shows_each_value_where_it_belongs():
    ax = plot.heatmap(slope, (-1, 3, 10, 12), n=50)
    at = shown(ax)
    for x, y in [(-0.98, 10.02), (2.98, 10.02), (-0.98, 11.98), (1.3, 11.1)]:
        assert at(x, y) == pytest.approx(slope(np.array([[x, y]]))[0], abs=3 * 0.08 + 7 * 0.04)
    assert ax.get_xlim() == (-1, 3) and ax.get_ylim() == (10, 12) and ax.get_aspect() == 1


def test_heatmap_evaluates_float32_cell_centers_in_pieces():
    seen = []

    def fn(x):
        seen.append(x)
        return x[:, 0]

    plot.heatmap(fn, 2, n=100)
    points = np.concatenate(seen)
    assert len(seen) > 1 and points.dtype == np.float32
    centers = (np.arange(100) + 0.5) / 100 * 4 - 2
    expected = {(np.float32(x), np.float32(y)) for x in centers for y in centers}
    assert set(map(tuple, points)) == expected and len(points) == 100 * 100


def test_heatmap_centers_its_colors():
    ax = plot.heatmap(lambda x: x[:, 0], (-1, 3, 0, 1), center=0.5)
    low, high = ax.images[0].get_clim()
    assert (low + high) / 2 == pytest.approx(0.5) and high == pytest.approx(3, abs=0.02)
    rgb = np.array(ax.images[0].cmap(0.5))[:3]
    assert (rgb > 0.94).all()  # white in the middle


def test_heatmap_leaves_cells_without_a_value_blank():
    with np.errstate(invalid="ignore"):
        ax = plot.heatmap(lambda x: np.where(x[:, 0] < 0, -np.inf, x[:, 1]), 1, n=10)
    mask = np.ma.getmaskarray(ax.images[0].get_array())
    assert mask[:, :5].all() and not mask[:, 5:].any()


@pytest.mark.parametrize(
    "fn, message",
    [
        (lambda x: x[:, :1], r"fn must map points \(N, 2\) to values of shape \(N,\), got \(8192, 1\) for N = 8192"),
        (lambda x: 0.0, r"got \(\)"),
        (lambda x: x[:, 0] * np.nan, "finite values somewhere"),
        (3, "must be a function"),
    ],
)
def test_heatmap_refuses_wrong_functions(fn, message):
    with pytest.raises(ValueError, match=message):
        plot.heatmap(fn, 1)


@pytest.mark.parametrize("bounds", [(1, 0, 0, 1), (0, 1, 2), "wide", (0, np.nan, 0, 1), -1])
def test_bounds_are_checked(bounds):
    with pytest.raises(ValueError, match="bounds must be"):
        plot.heatmap(slope, bounds)


def test_density_integrates_to_one_and_stands_upright():
    p = toy.get("two_moons")
    ax = plot.density(p)
    image = ax.images[0]
    left, right, bottom, top = image.get_extent()
    assert (left, right, bottom, top) == tuple(p.bounds)
    values = np.asarray(image.get_array())
    assert values.sum() * (right - left) * (top - bottom) / values.size == pytest.approx(1, abs=0.01)
    at = shown(ax)
    x = p.sample(np.random.default_rng(0), 50)
    cell = 0.5 * max(right - left, top - bottom) / len(values)
    near = [at(*each) for each in x]
    exact = np.exp(p.log_prob(x))
    slack = np.exp(p.log_prob(x + np.float32(cell)))  # how much p changes within a cell
    assert np.corrcoef(near, exact)[0, 1] > 0.97 * np.corrcoef(slack, exact)[0, 1]


def test_density_of_samples_is_their_histogram():
    rng = np.random.default_rng(0)
    x = rng.uniform([0, 0], [1, 2], (40_000, 2))
    x[: len(x) // 2] *= [1, 0.5]  # three quarters of them in the lower half
    ax = plot.density(x, bounds=(0, 1, 0, 2))
    at = shown(ax)
    values = np.asarray(ax.images[0].get_array())
    assert values.sum() * 2 / values.size == pytest.approx(1)
    lower = np.mean([at(a, b) for a in np.linspace(0.05, 0.95, 30) for b in np.linspace(0.05, 0.95, 30)])
    assert lower == pytest.approx(0.75, abs=0.06)
    with pytest.raises(ValueError, match="bounds must be given"):
        plot.density(lambda x: x[:, 0])


def test_samples_stand_where_they_are_and_strays_are_counted():
    x = np.array([[0.0, 1.0], [2.0, -1.0], [50.0, 0.0]])
    ax = plot.samples(x, bounds=3)
    np.testing.assert_array_equal(ax.collections[0].get_offsets(), x)
    assert [text.get_text() for text in ax.texts] == ["1 of 3 outside"]
    assert ax.get_xlim() == (-3, 3) and ax.get_aspect() == 1


def test_without_bounds_nearly_all_points_are_in_a_square():
    line = np.linspace(0, 1, 1001)
    ax = plot.samples(np.stack([line, 0 * line], axis=1))  # the middle 99.6 % and 8 % on each side
    half = 0.498 * 1.16
    assert (*ax.get_xlim(), *ax.get_ylim()) == pytest.approx((0.5 - half, 0.5 + half, -half, half))
    path = plot.trajectories(np.stack([line, 0 * line], axis=1))  # all of a path, and 5 %
    assert path.get_xlim() == pytest.approx((-0.05, 1.05))


def test_samples_take_the_bounds_of_the_density():
    p = toy.get("ring")
    ax = plot.samples(p.sample(np.random.default_rng(0), 100), p, title="ring")
    assert (*ax.get_xlim(), *ax.get_ylim()) == pytest.approx(tuple(p.bounds))
    assert ax.get_title() == "ring" and len(ax.images) == 1


def test_classes_are_named_at_their_medians():
    x = np.array([[0.0, 0.0], [1.0, 0.0], [0.2, 0.0], [5.0, 5.0]])
    ax = plot.samples(x, classes=[3, 3, 3, 7], bounds=9)
    assert {t.get_text(): tuple(t.get_position()) for t in ax.texts} == {"3": (0.2, 0.0), "7": (5.0, 5.0)}


@pytest.mark.parametrize(
    "x, message",
    [
        (np.zeros((5, 3)), r"x must have shape \(N, 2\), got \(5, 3\)"),
        (np.zeros(5), r"x must have shape \(N, 2\), got \(5,\)"),
        (np.zeros((0, 2)), r"none of them 0, got \(0, 2\)"),
        (np.array([[np.nan, 0.0]]), "x must be finite, got 1"),
        ("points", "array of real numbers"),
    ],
)
def test_samples_are_checked(x, message):
    with pytest.raises(ValueError, match=message):
        plot.samples(x)


def test_axes_in_the_wrong_place_are_refused():
    _, ax = plot.figure()
    with pytest.raises(ValueError, match="array of"):
        plot.samples(ax, np.zeros((3, 2)))
    with pytest.raises(ValueError, match="ax must be matplotlib axes"):
        plot.samples(np.zeros((3, 2)), ax="left")


@pytest.mark.parametrize("lengths, power", [("true", 1.0), ("sqrt", 0.5), ("unit", 0.0)])
def test_field_draws_the_vectors_of_their_places(lengths, power):
    def fn(x):
        return np.stack([2 * x[:, 1], -x[:, 0] * x[:, 1]], axis=1)

    ax = plot.field(fn, (-1, 2, 0, 3), n=6, lengths=lengths)
    (arrows,) = ax.collections
    at, drawn = np.stack([arrows.X, arrows.Y], axis=1), np.stack([arrows.U, arrows.V], axis=1)
    wanted = fn(at)
    norm = np.linalg.norm(wanted, axis=1, keepdims=True)
    wanted = wanted / norm * norm**power
    scale = drawn[0, 0] / wanted[0, 0]
    assert scale > 0
    np.testing.assert_allclose(drawn, wanted * scale, rtol=1e-5)
    assert np.linalg.norm(drawn, axis=1).max() == pytest.approx(0.95 * 0.5)  # the longest is one grid step
    assert arrows.scale == 1 and arrows.angles == "xy"


def test_stream_and_zero_fields_are_drawn():
    plot.field(lambda x: x * 0, 1)
    ax = plot.field(lambda x: np.stack([-x[:, 1], x[:, 0]], axis=1), 1, kind="stream")
    assert len(ax.collections) == 1
    with pytest.raises(ValueError, match=r"shape \(N, 2\), got \(400,\) for N = 400"):
        plot.field(slope, 1)


def test_trajectories_run_through_time_along_the_first_axis():
    paths = np.random.default_rng(0).standard_normal((5, 3, 2))  # (T, N, 2)
    ax = plot.trajectories(paths)
    lines = [line.get_xydata() for line in ax.lines if len(line.get_xdata()) == 5]
    np.testing.assert_array_equal(np.stack(lines, axis=1), paths)
    dots = [line.get_xydata()[0] for line in ax.lines if len(line.get_xdata()) == 1]
    np.testing.assert_array_equal(dots[0::2], paths[0])
    np.testing.assert_array_equal(dots[1::2], paths[-1])
    named = plot.trajectories({"a": paths[:, 0], "b": paths[:, 1]}, ends=False)
    assert [line.get_label() for line in named.lines] == ["a", "b"]
    with pytest.raises(ValueError, match=r"\(T, ..., 2\), got \(4, 3\)"):
        plot.trajectories(np.zeros((4, 3)))
    with pytest.raises(ValueError, match=r"\(T, N, 2\) or \(T, 2\), got \(5, 1, 3, 2\)"):
        plot.trajectories(paths[:, None])


def test_space_draws_points_lines_and_surfaces():
    u, v = np.meshgrid(np.linspace(-1, 1, 5), np.linspace(-1, 1, 4))
    ax = plot.space({"plane": np.stack([u, v, 0 * u], axis=-1), "line": np.zeros((3, 3))}, kind="line")
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["plane", "line"]
    with pytest.raises(ValueError, match=r"must have shape \(N, ..., 3\), got \(4, 2\)"):
        plot.space({"a": np.zeros((4, 2))})
    with pytest.raises(ValueError, match="axes in space"):
        plot.space({"a": np.zeros((4, 3))}, plot.figure()[1])


@pytest.mark.parametrize(("panels", "size"), [(1, (4.0, 4.0)), (3, (3.0, 3.0)), (4, (2.5, 2.5)), (4, (2.5, 2.8))])
def test_the_titles_of_square_panels_are_within_the_figure(panels, size):
    fig, axes = plot.figure(1, panels, size=size)
    for ax in np.atleast_1d(axes):
        plot.samples(np.zeros((1, 2)), None, ax, title="A title with a g", bounds=2.5)
    fig.canvas.draw()
    for ax in np.atleast_1d(axes):
        (left, low), (right, high) = ax.get_tightbbox(fig.canvas.get_renderer()).get_points()
        assert 0 <= left and 0 <= low and right <= fig.bbox.x1 and high <= fig.bbox.y1
