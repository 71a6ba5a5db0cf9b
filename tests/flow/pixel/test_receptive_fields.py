"""Which pixels a logit depends on, exactly, through Jacobians."""

import numpy as np
import pytest

from minigen.flow.pixel import CodePixelCNN, PixelCNN, PixelRNN, pixel_mask
from minigen.tensor import jacobian


def influence(model, height, width):
    """(H, W, H, W): whether the logit at (i, j) has a non-zero derivative by pixel (k, l), in any of three images."""
    seen = np.zeros((height, width, height, width), bool)
    for seed in range(3):
        x = np.random.default_rng(seed).standard_normal((1, height, width, 1))
        seen |= jacobian(model)(x)[0, :, :, 0, 0, :, :, 0] != 0
    return seen


def earlier(height, width):
    """(H, W, H, W): True where pixel (k, l) comes before pixel (i, j), row by row."""
    number = np.arange(height * width).reshape(height, width)
    return number < number[:, :, None, None]


def offsets(field, height, width):
    """(H, W, H, W) from a set of pairs (row, column) that pixel (i, j) sees, relative to itself."""
    want = np.zeros((height, width, height, width), bool)
    for i, j in np.ndindex(height, width):
        for di, dj in field:
            if 0 <= i + di < height and 0 <= j + dj < width:
                want[i, j, i + di, j + dj] = True
    return want


def sums(*fields):
    """All sums of one offset from each of the fields: what one layer on top of another sees."""
    found = {(0, 0)}
    for field in fields:
        found = {(a + c, b + d) for a, b in found for c, d in field}
    return found


def of_mask(kernel, kind):
    return {(a - kernel // 2, b - kernel // 2) for a, b in np.argwhere(pixel_mask(kernel, kind)).tolist()}


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_gated_pixelcnn_has_no_blind_spot(rng, shaken, layers):
    """It sees a rectangle above and a stretch to the left, without a hole, and nothing later."""
    up, side, left = 3 + layers, 2 + layers, 3 + layers
    field = {(-a, b) for a in range(1, up + 1) for b in range(-side, side + 1)} | {(0, -b) for b in range(1, left + 1)}
    model = shaken(PixelCNN(rng, 6, layers))
    np.testing.assert_array_equal(influence(model, 8, 13), offsets(field, 8, 13))
    assert model.rows_above() == up


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_plain_pixelcnn_sees_what_its_masks_add_up_to(rng, shaken, layers):
    """That is less: its blind spot lies to the upper right. Van den Oord et al. 2016b, Fig. 1"""
    field = sums(of_mask(7, "A"), *[of_mask(3, "B")] * (layers - 1))
    model = shaken(PixelCNN(rng, 6, layers, gated=False))
    seen = influence(model, 8, 13)
    np.testing.assert_array_equal(seen, offsets(field, 8, 13))
    assert not np.any(seen & ~earlier(8, 13)) and model.rows_above() == 2 + layers
    if layers == 3:
        assert not seen[7, 6, 6, 12] and not seen[7, 6, 3, 12], "far to the right, one row and four rows above"


@pytest.mark.slow
@pytest.mark.parametrize("layers", [1, 2])
def test_diagonal_pixelrnn_sees_every_earlier_pixel(rng, shaken, layers):
    """With one layer, in an image that is much larger than the first kernel, the corners too."""
    model = shaken(PixelRNN(rng, "diagonal", 8, layers), 0.2)
    np.testing.assert_array_equal(influence(model, 6, 12), earlier(6, 12))
    np.testing.assert_array_equal(influence(model, 11, 3), earlier(11, 3))


def test_row_pixelrnn_sees_a_triangle(rng, shaken):
    """The masked kernel at the pixel, and at every position of the triangle above it, within the image."""
    height, width = 6, 12
    model = shaken(PixelRNN(rng, "row", 4), 0.5)
    kernel = offsets(of_mask(7, "A"), height, width)
    want = np.zeros_like(kernel)
    for i, j in np.ndindex(height, width):
        for k in range(i + 1):
            for side in range(-k, k + 1):
                if 0 <= j + side < width:
                    want[i, j] |= kernel[i - k, j + side]
    np.testing.assert_array_equal(influence(model, height, width), want)
    assert not np.any(want & ~earlier(height, width)) and not want[5, 0, 5 - 1, 11]


@pytest.mark.parametrize("window", [(1, 1), (2, 5), (5, 3)])
def test_a_window_says_what_the_first_layer_sees(rng, shaken, window):
    """Rows above, columns to both sides; the next layers add one row and one column each way, and no hole."""
    rows, columns = window
    up, side = rows + 1, columns // 2 + 1
    field = {(-a, b) for a in range(1, up + 1) for b in range(-side, side + 1)}
    field |= {(0, -b) for b in range(1, columns // 2 + 3)}
    model = shaken(PixelCNN(rng, 6, 2, window=window))
    np.testing.assert_array_equal(influence(model, 8, 9), offsets(field, 8, 9))
    assert model.rows_above() == up


WITH_POSITION_BIAS = [
    lambda rng: PixelCNN(rng, 4, 2, position_bias=(4, 5)),
    lambda rng: PixelCNN(rng, 4, 2, gated=False, position_bias=(4, 5)),
    lambda rng: PixelRNN(rng, "diagonal", 4, position_bias=(4, 5)),
    lambda rng: PixelRNN(rng, "row", 4, kernel=3, position_bias=(4, 5)),
]


@pytest.mark.parametrize("make", WITH_POSITION_BIAS)
def test_each_position_has_a_bias(rng, shaken, make):
    """It changes its own logit, and none of the rows above; sampling knows it; the order of the pixels holds."""
    model = make(rng)
    assert model.position_bias.shape[:2] == (4, 5) and not model.position_bias.any()
    plain = model(np.zeros((1, 4, 5, 1)))
    model.position_bias[2, 3] = 1
    changed = model(np.zeros((1, 4, 5, 1)))[0, :, :, 0] != plain[0, :, :, 0]
    assert changed[2, 3] and not changed[:2].any()
    model = shaken(model)
    assert not np.any(influence(model, 4, 5) & ~earlier(4, 5))
    x = (rng.random((3, 4, 5, 1)) < 0.5).astype(float)
    for i, logits_of in enumerate(model._rows(x)):
        for j in range(5):
            np.testing.assert_allclose(logits_of(j), model(x)[:, i, j], atol=1e-10)
    drawn = model.sample(rng, 2, (4, 5))
    assert drawn.shape == (2, 4, 5, 1)


def test_a_bias_takes_both_scans_of_a_diagonal_pixelrnn(rng, shaken):
    """From its place to the right and down, and, from the row below on, to the left and down."""
    model, x = shaken(PixelRNN(rng, "diagonal", 16, position_bias=(4, 5))), rng.standard_normal((3, 4, 5, 1))
    plain = model(x)
    model.position_bias[1, 3] += 1
    row, column = np.indices((4, 5))
    by_left, by_right = (row >= 1) & (column >= 3), (row >= 2) & (column <= 3)
    np.testing.assert_array_equal(np.any(model(x) != plain, axis=(0, 3)), by_left | by_right)


@pytest.mark.parametrize("width", [6, 4])
@pytest.mark.parametrize("layers", [1, 2])
def test_logits_depend_on_earlier_codes_only(rng, shaken, layers, width):
    """Change one code: the logits that change are those whose field, in rows and columns, it stands in, and no other.

    The derivative by the one-hot codes says the same of all three codes that might stand there.
    """
    up, side, left = 1 + layers, layers, 1 + layers
    field = {(-a, b) for a in range(1, up + 1) for b in range(-side, side + 1)} | {(0, -b) for b in range(1, left + 1)}
    want = offsets(field, 4, 5)
    model = shaken(CodePixelCNN(rng, 4, width, layers, window=(2, 3)))
    codes = rng.integers(0, 4, (1, 4, 5))
    before = model(codes)
    for k, m in np.ndindex(4, 5):
        others = np.repeat(codes, 3, axis=0)
        others[:, k, m] = (codes[0, k, m] + np.arange(1, 4)) % 4
        changed = np.any(model(others) != before, axis=3)  # (3, H, W)
        np.testing.assert_array_equal(changed, np.broadcast_to(want[:, :, k, m], changed.shape))
    one_hot = np.eye(4)[codes]
    slopes = jacobian(lambda x: model._logits(model._features(x)))(one_hot)[0, :, :, :, 0]  # (H, W, K, H, W, K)
    np.testing.assert_array_equal(np.all(slopes != 0, axis=(2, 5)), want)
    np.testing.assert_array_equal(np.any(slopes != 0, axis=(2, 5)), want)
    assert model.rows_above() == up
