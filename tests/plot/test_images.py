"""Images stand in their cells, in their colors."""

import numpy as np
import pytest
from scipy.stats import norm

from minigen import plot


def canvas(ax):
    return np.asarray(ax.images[0].get_array())


@pytest.mark.parametrize(
    "count, rows, cols", [(1, 1, 1), (2, 1, 2), (3, 1, 3), (5, 2, 3), (7, 2, 4), (10, 2, 5), (36, 6, 6), (100, 10, 10)]
)
def test_a_grid_has_few_empty_places(count, rows, cols):
    pixels = canvas(plot.image_grid(np.zeros((count, 2, 2)), gap=0))
    assert pixels.shape[:2] == (2 * rows, 2 * cols)


def test_image_k_stands_in_row_k_over_cols_column_k_mod_cols():
    images = np.stack([np.full((4, 6), k / 10) for k in range(8)])
    pixels = canvas(plot.image_grid(images, cols=3, gap=2))
    assert pixels.shape == (3 * 6 - 2, 3 * 8 - 2, 3)
    for k in range(8):
        top, left = (k // 3) * 6, (k % 3) * 8
        np.testing.assert_allclose(pixels[top : top + 4, left : left + 6], k / 10, atol=1 / 255)
    assert (pixels[4:6] == 1).all() and (pixels[:, 6:8] == 1).all()  # the gaps
    assert (pixels[12:16, 16:] == 1).all()  # the ninth cell is empty


def test_images_are_neither_flipped_nor_transposed():
    image = np.array([[0.0, 1.0, 0.5], [0.25, 0.75, 0.1]])
    ax = plot.image_grid(image[None])
    np.testing.assert_allclose(canvas(ax)[..., 0], image, atol=1 / 255)
    assert ax.images[0].origin == "upper" and ax.get_ylim()[0] > ax.get_ylim()[1]


@pytest.mark.parametrize(
    "values, expected",
    [
        (np.array([0, 51, 255], np.uint8), [0, 0.2, 1]),
        (np.array([0.0, 0.2, 1.0], np.float32), [0, 0.2, 1]),
        (np.array([-1.0, -0.6, 1.0], np.float32), [0, 0.2, 1]),
        (np.array([-1.3, -0.6, 1.2], np.float32), [0, 0.2, 1]),  # samples overshoot: clipped
        (np.array([-0.03, 0.2, 1.05], np.float32), [0, 0.2, 1]),
        (np.array([False, False, True]), [0, 0, 1]),
    ],
)
def test_value_ranges(values, expected):
    gray = canvas(plot.image_grid(values.reshape(1, 1, 3)))
    np.testing.assert_allclose(gray[0, :, 0], expected, atol=1 / 255)
    color = canvas(plot.image_grid(np.repeat(values.reshape(1, 1, 3, 1), 3, axis=3)))
    np.testing.assert_allclose(color[0], np.repeat(np.array(expected)[:, None], 3, axis=1), atol=1e-6)


def test_given_limits_and_limits_of_each():
    images = np.array([[[0.0, 10.0]], [[2.0, 4.0]]])
    given = canvas(plot.image_grid(images, cols=1, gap=0, limits=(0, 20)))
    np.testing.assert_allclose(given[..., 0], [[0, 0.5], [0.1, 0.2]], atol=1 / 255)
    each = canvas(plot.image_grid(images, cols=1, gap=0, limits="each"))
    np.testing.assert_allclose(each[..., 0], [[0, 1], [0, 1]], atol=1 / 255)
    with pytest.raises(ValueError, match=r"values from 0 to 10: give limits"):
        plot.image_grid(images)
    with pytest.raises(ValueError, match="low < high"):
        plot.image_grid(images, limits=(1, 1))


def test_signed_images_have_a_white_zero_and_opposite_ends():
    pixels = canvas(
        plot.image_grid(np.array([[[-2.0, 0.0, 1.0, 2.0]], [[-9.0, 0.0, 4.5, 0.1]]]), cols=1, gap=0, limits="signed")
    )
    assert (pixels[:, 1] > 0.94).all()
    np.testing.assert_allclose(pixels[0, 0], pixels[1, 0])  # each on its own scale
    np.testing.assert_allclose(pixels[0, 2], pixels[1, 2], atol=0.02)
    assert pixels[0, 0, 0] > pixels[0, 0, 2] and pixels[0, 3, 2] > pixels[0, 3, 0]  # orange below, blue above


def test_color_and_flat_images():
    rgb = np.random.default_rng(0).random((2, 3, 3, 3))
    np.testing.assert_allclose(
        canvas(plot.image_grid(rgb, cols=2, gap=0)), np.concatenate(list(rgb), axis=1), atol=1e-6
    )
    flat = np.random.default_rng(0).random((1, 6))
    pixels = canvas(plot.image_grid(flat, shape=(2, 3)))
    np.testing.assert_allclose(pixels[..., 0], flat.reshape(2, 3), atol=1 / 255)


def test_labels_stand_above_their_images():
    ax = plot.image_grid(np.zeros((5, 28, 28)), cols=2, labels="abcde")
    middles = {}
    for k in range(5):
        rows = np.flatnonzero((canvas(ax)[:, (k % 2) * 30 + 14] == 0).all(axis=1))  # black rows of this column
        starts = rows[np.insert(np.diff(rows) > 1, 0, True)]
        middles["abcde"[k]] = ((k % 2) * 30 + 13.5, starts[k // 2])
    for text in ax.texts:
        x, y = text.get_position()
        assert x == pytest.approx(middles[text.get_text()][0])
        assert 0 <= middles[text.get_text()][1] - y < 6
    rows = plot.image_grid(np.zeros((6, 28, 28)), rows=2, row_labels=["in", "out"], col_labels="abc")
    assert [t.get_text() for t in rows.get_yticklabels()] == ["in", "out"]
    assert list(rows.get_yticks()) == [13.5, 43.5] and list(rows.get_xticks()) == [13.5, 43.5, 73.5]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"images": np.zeros((3, 16))}, r"\(N, H, W\).*got \(3, 16\); give shape"),
        ({"images": np.zeros((3, 4, 4, 2))}, "C = 1 or 3"),
        ({"images": np.zeros((3, 16)), "shape": (5, 5)}, "do not have 25 numbers"),
        ({"images": np.zeros((5, 4, 4)), "rows": 2, "cols": 2}, "cannot hold 5 images"),
        ({"images": np.zeros((5, 4, 4)), "cols": 0}, "cols must be"),
        ({"images": np.zeros((5, 4, 4)), "labels": "abc"}, "labels must have 5 entries, got 3"),
        ({"images": np.full((5, 4, 4), np.nan)}, "must be finite"),
        ({"images": np.zeros((5, 4, 4)), "limits": "wide"}, "limits must be one of"),
    ],
)
def test_image_grid_is_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        plot.image_grid(**arguments)


def test_manifold_passes_the_normal_quantiles_and_places_each_picture():
    seen = []

    def decoder(z):
        seen.append(z)
        return np.stack([norm.cdf(z[:, 0]), norm.cdf(z[:, 1])], axis=1).reshape(-1, 1, 2)  # pixels: both coordinates

    n = 4
    ax = plot.manifold(decoder, n)
    (z,) = seen
    quantiles = norm.ppf((np.arange(n) + 0.5) / n).astype(np.float32)
    assert z.dtype == np.float32 and z.shape == (n * n, 2)
    assert set(map(tuple, z)) == {(a, b) for a in quantiles for b in quantiles}
    pixels = canvas(ax)[..., 0].reshape(n, n, 2)  # (row, column, coordinate)
    shares = (np.arange(n) + 0.5) / n
    np.testing.assert_allclose(pixels[..., 0], np.tile(shares, (n, 1)), atol=0.01)  # z1 grows to the right
    np.testing.assert_allclose(pixels[..., 1], np.tile(shares[::-1, None], (1, n)), atol=0.01)  # z2 grows upwards
    assert [t.get_text() for t in ax.get_xticklabels()] == [
        f"{q:.1f}".replace("-", "\N{MINUS SIGN}") for q in quantiles
    ]
    assert list(ax.get_xticks()) == [0.5, 2.5, 4.5, 6.5] and list(ax.get_yticks()) == [3, 2, 1, 0]  # middles of 1 x 2
    with pytest.raises(ValueError, match="one image for each of the 16 codes, got 3"):
        plot.manifold(lambda z: np.zeros((3, 2, 2)), 4)
    assert canvas(plot.manifold(lambda z: np.zeros((len(z), 9)), 2)).shape == (6, 6, 3)  # square flat images


def test_matrix_shows_row_zero_on_top_and_its_numbers():
    values = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    ax = plot.matrix(values, numbers=".1f", row_labels=["a", "b"], xlabel="input")
    np.testing.assert_array_equal(canvas(ax), values)
    assert ax.images[0].origin == "upper"
    texts = {tuple(map(int, t.get_position())): t.get_text() for t in ax.texts}
    assert texts == {(c, r): f"{values[r, c]:.1f}" for r in range(2) for c in range(3)}
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b"]
    assert plot.matrix(-values, center=0).images[0].get_clim() == (-6, 6)
    with pytest.raises(ValueError, match="col_labels must have 3 entries, got 2"):
        plot.matrix(values, col_labels="ab")
