"""PixelCNN (of bits, of codes) and PixelRNN: exact receptive fields through Jacobians, probabilities summed up, samples
and completions."""

import itertools

import numpy as np
import pytest

from minigen.flow import pixel
from minigen.flow.pixel import CodePixelCNN, PixelCNN, PixelRNN, pixel_mask, skew, unskew
from minigen.flow.wavenet import draw_codes, gated_unit
from minigen.optim import Adam
from minigen.tensor import grad, jacobian, value_and_grad

MODELS = [
    lambda rng: PixelCNN(rng, 6, 2),
    lambda rng: PixelCNN(rng, 6, 2, window=(2, 5)),
    lambda rng: PixelCNN(rng, 6, 2, gated=False),
    lambda rng: PixelRNN(rng, "diagonal", 5),
    lambda rng: PixelRNN(rng, "row", 5),
    lambda rng: PixelRNN(rng, "diagonal", 5, layers=2),
]
each_model = pytest.mark.parametrize("make", MODELS)

# ------------------------------------------------------------------------------------------- masks and skewing


def test_masks_by_hand():
    np.testing.assert_array_equal(pixel_mask(3, "A"), [[1, 1, 1], [1, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(pixel_mask(3, "B"), [[1, 1, 1], [1, 1, 0], [0, 0, 0]])
    np.testing.assert_array_equal(pixel_mask(1, "A"), [[0]])
    np.testing.assert_array_equal(pixel_mask(5, "B")[2], [1, 1, 1, 0, 0])
    assert pixel_mask(5, "B")[:2].all() and not pixel_mask(5, "B")[3:].any() and pixel_mask(7, "A").dtype == np.float32


def test_skew_by_hand():
    x = np.arange(1.0, 7).reshape(1, 3, 2, 1)
    np.testing.assert_array_equal(skew(x)[0, :, :, 0], [[1, 2, 0, 0], [0, 3, 4, 0], [0, 0, 5, 6]])


@pytest.mark.parametrize("shape", [(2, 3, 4, 2), (1, 5, 1, 3), (2, 1, 4, 1), (1, 4, 4, 1)])
def test_unskew_undoes_skew(shape):
    x = np.random.default_rng(0).standard_normal(shape)
    y = skew(x)
    assert y.shape == (shape[0], shape[1], shape[2] + shape[1] - 1, shape[3])
    np.testing.assert_array_equal(unskew(y), x)
    for i in range(shape[1]):
        np.testing.assert_array_equal(y[:, i, i : i + shape[2]], x[:, i])
        assert not y[:, i, :i].any() and not y[:, i, i + shape[2] :].any()
    weights = np.random.default_rng(1).standard_normal(y.shape)
    np.testing.assert_allclose(grad(lambda x: np.sum(skew(x) * weights))(x), unskew(weights))


# ------------------------------------------------------------------------------------------- receptive fields


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


def test_defaults_leave_nothing_out_that_is_near():
    """Seven gated layers see ten rows above and ten pixels to the left: all earlier pixels of a 9 × 9 image."""
    model = PixelCNN(np.random.default_rng(0), width=8).map(lambda a: a.astype(float))
    np.testing.assert_array_equal(influence(model, 9, 9), earlier(9, 9))


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


@each_model
def test_examples_do_not_see_each_other(rng, shaken, make):
    model, x = shaken(make(rng)), rng.standard_normal((3, 4, 5, 1))
    np.testing.assert_allclose(model(x)[1], model(x[1:2])[0], atol=1e-12)


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


AT_PLACES = [
    lambda rng: PixelCNN(rng, 4, 2, places=(4, 5)),
    lambda rng: PixelCNN(rng, 4, 2, gated=False, places=(4, 5)),
    lambda rng: PixelRNN(rng, "diagonal", 4, places=(4, 5)),
    lambda rng: PixelRNN(rng, "row", 4, kernel=3, places=(4, 5)),
]


@pytest.mark.parametrize("make", AT_PLACES)
def test_each_place_has_a_bias(rng, shaken, make):
    """It changes its own logit, and none of the rows above; sampling knows it; the order of the pixels holds."""
    model = make(rng)
    assert model.place_bias.shape[:2] == (4, 5) and not model.place_bias.any()
    plain = model(np.zeros((1, 4, 5, 1)))
    model.place_bias[2, 3] = 1
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


def test_a_bias_takes_both_walks_of_a_diagonal_pixelrnn(rng, shaken):
    """From its place to the right and down, and, from the row below on, to the left and down."""
    model, x = shaken(PixelRNN(rng, "diagonal", 16, places=(4, 5))), rng.standard_normal((3, 4, 5, 1))
    plain = model(x)
    model.place_bias[1, 3] += 1
    row, column = np.indices((4, 5))
    by_left, by_right = (row >= 1) & (column >= 3), (row >= 2) & (column <= 3)
    np.testing.assert_array_equal(np.any(model(x) != plain, axis=(0, 3)), by_left | by_right)


def test_a_larger_kernel_reaches_further(rng, shaken):
    model = shaken(PixelRNN(rng, "row", 4, kernel=3))
    seen = influence(model, 2, 9)
    np.testing.assert_array_equal(seen[1, 5], offsets(of_mask(3, "A") | {(-1, -2), (-1, 0)}, 2, 9)[1, 5])


# ------------------------------------------------------------------------------------------- layers


def test_diagonal_lstm_starts_with_its_forget_gates_open(rng):
    """Of the biases of input, forget and output gate and of the content. Then a state lasts: σ(1) of it a step."""
    lstm = pixel.DiagonalLSTM(rng, 2)
    np.testing.assert_array_equal(lstm.input_to_state.b, [0, 0, 1, 1, 0, 0, 0, 0])
    lstm.state_to_state[...], lstm.input_to_state.w[...] = 0, 0
    lstm.input_to_state.w[0, 6] = 1  # the first input is the first unit's content
    x = np.zeros((1, 1, 4, 2))
    x[0, 0, 0, 0] = 3.0
    open_gate = 1 / (1 + np.exp(-1))
    states = 0.5 * np.tanh(0.5 * np.tanh(3.0) * open_gate ** np.arange(4))
    np.testing.assert_allclose(lstm(x)[0, 0, :, 0], states, rtol=1e-6)


@pytest.mark.parametrize("width", [1, 4])
def test_gated_halves_are_the_gated_unit(rng, width):
    """In one pass, with its first derivative in one array, and its second."""
    a, weights = rng.standard_normal((2, 3, 2 * width)), rng.standard_normal((2, 3, width))

    def plainly(a):
        return np.sum(gated_unit(a[..., :width], a[..., width:]) * weights)

    def fused(a):
        return np.sum(pixel._gated(a) * weights)

    assert fused(a) == pytest.approx(plainly(a))
    np.testing.assert_allclose(grad(fused)(a), grad(plainly)(a), atol=1e-12)
    second = [grad(lambda a: np.sum(grad(f)(a) ** 2))(a) for f in (fused, plainly)]
    np.testing.assert_allclose(*second, atol=1e-12)


def test_gated_layer_against_plain_numpy(rng, shaken):
    """One position of both stacks, added up by hand. Van den Oord et al. 2016b, Fig. 2"""
    layer = shaken(pixel.GatedLayer(rng, 3, 3, 2, 3))
    v, h = rng.standard_normal((2, 1, 4, 5, 3))
    new, message = layer.vertical(v)
    a = sum(v[0, 2 + k, 3 + m] @ layer.down.w[1 + k, 1 + m] for k in (-1, 0) for m in (-1, 0, 1)) + layer.down.b
    np.testing.assert_allclose(new[0, 2, 3], np.tanh(a[:3]) / (1 + np.exp(-a[3:])))
    np.testing.assert_allclose(message[0, 2, 3], a @ layer.message.w + layer.message.b)
    b = h[0, 2, 2] @ layer.across.w[0, 0] + h[0, 2, 3] @ layer.across.w[0, 1] + layer.across.b + message[0, 2, 3]
    want = h[0, 2, 3] + (np.tanh(b[:3]) / (1 + np.exp(-b[3:]))) @ layer.residual.w + layer.residual.b
    np.testing.assert_allclose(layer.horizontal(h, message)[0, 2, 3], want)


def test_diagonal_states_follow_from_left_and_above(rng, shaken):
    """Pixel by pixel: the gates get the pixel and both states, the cell state comes from the left. Eq. flow.19"""
    lstm = shaken(pixel.DiagonalLSTM(rng, 3))
    x = rng.standard_normal((2, 4, 5, 3))
    h, c = np.zeros((2, 5, 6, 3)), np.zeros((2, 5, 6, 3))  # a border of zeros above and to the left
    for i, j in np.ndindex(4, 5):
        before = np.concatenate([h[:, i + 1, j], h[:, i, j + 1]], axis=1)  # left, above
        gates = x[:, i, j] @ lstm.input_to_state.w + lstm.input_to_state.b + before @ lstm.state_to_state
        s = 1 / (1 + np.exp(-gates[:, :9]))
        c[:, i + 1, j + 1] = s[:, 3:6] * c[:, i + 1, j] + s[:, :3] * np.tanh(gates[:, 9:])
        h[:, i + 1, j + 1] = s[:, 6:] * np.tanh(c[:, i + 1, j + 1])
    np.testing.assert_allclose(lstm(x), h[:, 1:, 1:], atol=1e-12)


@pytest.mark.parametrize("height, width", [(4, 5), (5, 2), (1, 3), (3, 1)])
def test_diagonal_scan_backpropagates_through_time(rng, shaken, height, width):
    """Its gradient by finite differences, in the pixels and in all parameters."""
    lstm, x = shaken(pixel.DiagonalLSTM(rng, 3)), rng.standard_normal((2, height, width, 3))
    weights = rng.standard_normal(x.shape)
    arrays = [x, *lstm.parameters().values()]

    _, (of_lstm, of_x) = value_and_grad(lambda both: np.sum(both[0](both[1]) * weights))([lstm, x])
    for a, gradient in zip(arrays, [of_x, *of_lstm.parameters().values()], strict=True):
        d, step, kept = rng.standard_normal(a.shape), 1e-5, a.copy()
        a += step * d
        up = np.sum(lstm(x) * weights)
        a -= 2 * step * d
        down = np.sum(lstm(x) * weights)
        a[...] = kept
        assert np.vdot(gradient, d) == pytest.approx((up - down) / (2 * step), rel=1e-6, abs=1e-8)


def test_later_diagonal_layers_get_the_features_of_the_one_before(rng, monkeypatch):
    model, given, call = PixelRNN(rng, "diagonal", 4, 3), [], pixel.DiagonalBiLSTM.__call__
    monkeypatch.setattr(
        pixel.DiagonalBiLSTM,
        "__call__",
        lambda self, left, right: given.append((left, right)) or call(self, left, right),
    )
    model(np.ones((1, 3, 4, 1)))
    assert given[0][0] is not given[0][1] and given[1][0] is given[1][1] and given[2][0] is given[2][1]


# ------------------------------------------------------------------------------------------- probabilities


def all_images(height, width):
    return np.array(list(itertools.product([0.0, 1.0], repeat=height * width))).reshape(-1, height, width, 1)


@each_model
def test_probabilities_sum_to_one(rng, shaken, make):
    model, x = shaken(make(rng), 0.7), all_images(2, 3)
    p = np.exp(model.log_prob(x))
    assert abs(p.sum() - 1) < 1e-10 and p.max() > 2 / 64
    chance = 1 / (1 + np.exp(-model(x[[37]])))
    np.testing.assert_allclose(p[37], np.prod(np.where(x[37] == 1, chance, 1 - chance)))


@each_model
def test_samples_follow_their_probabilities(rng, shaken, make):
    """The 64 frequencies of 6,000 images, at 5 standard errors."""
    model, x, n = shaken(make(rng), 0.7), all_images(2, 3), 6000
    p = np.exp(model.log_prob(x))
    drawn = model.sample(np.random.default_rng(0), n, (2, 3))
    assert drawn.shape == (n, 2, 3, 1) and drawn.dtype == np.float32 and set(np.unique(drawn)) == {0, 1}
    counts = np.bincount((drawn.reshape(n, 6) @ 2.0 ** np.arange(5, -1, -1)).astype(int), minlength=64)
    np.testing.assert_array_less(np.abs(counts / n - p), 5 * np.sqrt(p * (1 - p) / n) + 1e-3)


@each_model
def test_completions_follow_the_conditional(rng, shaken, make):
    """Known pixels stay; the others follow p(x) among the images with these, if known ones come before unknown ones."""
    model, x, n = shaken(make(rng), 0.7), all_images(2, 3), 4000
    known = np.array([[True, True, True], [True, False, False]])[:, :, None]
    given = np.tile(x[0b101100], (n, 1, 1, 1)).astype(np.float32)
    given[:, ~known] = 0.3  # what is not known does not count,
    before = given.copy()
    drawn = model.sample(np.random.default_rng(0), n, (2, 3), given, known)
    np.testing.assert_array_equal(given, before)  # and is not overwritten
    np.testing.assert_array_equal(drawn[:, known], given[:, known])
    fits = np.all(x[:, known] == x[0b101100][known], axis=1)
    p = np.exp(model.log_prob(x[fits]))
    p = p / p.sum()
    counts = np.array([np.all(drawn == image, axis=(1, 2, 3)).sum() for image in x[fits]])
    assert counts.sum() == n
    np.testing.assert_array_less(np.abs(counts / n - p), 5 * np.sqrt(p * (1 - p) / n) + 1e-3)


def test_known_may_differ_from_image_to_image(rng):
    model = PixelCNN(rng, 4, 2)
    given, known = (rng.random((5, 6, 4, 1)) < 0.5), rng.random((5, 6, 4, 1)) < 0.5
    drawn = model.sample(rng, 5, (6, 4), given.astype(np.float32), known)
    np.testing.assert_array_equal(drawn[known], given[known])
    everything = model.sample(rng, 5, (6, 4), given.astype(np.float32), np.array(True))
    np.testing.assert_array_equal(everything, given)


@each_model
def test_sampling_row_by_row_uses_the_logits_of_the_whole(rng, shaken, make):
    """The logit of each pixel, from the rows that it depends on, in an image taller than those."""
    model = shaken(make(rng))
    x = (rng.random((2, 12, 4, 1)) < 0.5).astype(float)
    whole = model(x)
    for i, logits_of in enumerate(model._rows(x)):
        for j in range(4):
            np.testing.assert_allclose(logits_of(j), whole[:, i, j], atol=1e-10)


@pytest.mark.parametrize(
    "options, log_prob, drawn",
    [
        ({}, [-8.3199291, -8.3248949], [3193, 3906, 2846]),
        ({"places": (3, 4)}, [-8.3199291, -8.3248949], [3193, 3906, 2846]),
        ({"gated": False}, [-8.3382797, -8.3545504], [3193, 3906, 2846]),
    ],
)
def test_the_numbers_of_a_seed_stay(options, log_prob, drawn):
    """A seed gives these parameters, probabilities and samples of bits (written as binary numbers) from now on."""
    x = (np.arange(24).reshape(2, 3, 4, 1) * 7 % 5 < 2).astype(np.float32)
    model = PixelCNN(np.random.default_rng(0), 5, 3, **options)
    np.testing.assert_allclose(model.log_prob(x), log_prob, rtol=2e-6)
    samples = model.sample(np.random.default_rng(1), 3, (3, 4))
    np.testing.assert_array_equal(samples.reshape(3, 12) @ 2 ** np.arange(12), drawn)


# ------------------------------------------------------------------------------------------- codes

CODE_MODELS = [
    lambda rng: CodePixelCNN(rng, 3, 5, 2),
    lambda rng: CodePixelCNN(rng, 3, 3, 2, window=(1, 3)),  # as wide as it has levels: a residual in the first layer
    lambda rng: CodePixelCNN(rng, 3, 5, 3, window=(2, 5), places=(2, 2)),
]
each_code_model = pytest.mark.parametrize("make", CODE_MODELS)


def assert_drawn_from(p, counts):
    """Chi-square, at most five standard deviations above its mean; outcomes expected fewer than 5 times are one."""
    expected, rare = p * counts.sum(), p * counts.sum() < 5
    expected, counts = (np.append(a[~rare], a[rare].sum()) for a in (expected, counts))
    freedom = len(counts) - 1
    assert np.sum((counts - expected) ** 2 / np.maximum(expected, 1)) < freedom + 5 * (2 * freedom) ** 0.5
    assert freedom > 4


def all_codes(levels, height, width):
    return np.array(list(itertools.product(range(levels), repeat=height * width))).reshape(-1, height, width)


@each_code_model
def test_probabilities_of_all_codes_sum_to_one(rng, shaken, make):
    """All 81 images of 2 × 2 codes; each probability is the product of those of its places, one at a time."""
    model, codes = shaken(make(rng), 0.7), all_codes(3, 2, 2)
    p = np.exp(model.log_prob(codes))
    assert p.shape == (81,) and p.sum() == pytest.approx(1) and p.std() > 0.1 * p.mean()
    e = np.exp(model(codes))
    share = np.take_along_axis(e / e.sum(axis=3, keepdims=True), codes[..., None], axis=3)
    np.testing.assert_allclose(p, share.prod(axis=(1, 2, 3)))


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


def test_the_first_layer_has_a_vector_for_each_code_and_place(rng, shaken):
    """A convolution of one-hot codes is a sum of embeddings, a table for each place of the window."""
    model = shaken(CodePixelCNN(rng, 5, 4, 1, window=(1, 3)))
    codes, layer = rng.integers(0, 5, (1, 3, 4)), model.layers[0]
    a = layer.down.b + sum(layer.down.w[0, 1 + m, codes[0, 1, 2 + m]] for m in (-1, 0, 1))  # the row above
    b = layer.across.b + layer.across.w[0, 0, codes[0, 2, 0]] + layer.across.w[0, 1, codes[0, 2, 1]]
    b = b + a @ layer.message.w + layer.message.b
    h = (np.tanh(b[:4]) / (1 + np.exp(-b[4:]))) @ layer.residual.w + layer.residual.b
    want = model.out(model.hidden(np.maximum(h, 0)))
    np.testing.assert_allclose(model(codes)[0, 2, 2], want)


@each_code_model
def test_cached_codes_are_those_of_the_whole_network(rng, shaken, make):
    """The same random numbers, and each code from a pass over the whole image; known ones are kept either way."""
    model, n, size = shaken(make(rng), 0.7), 40, make(rng).places or (7, 4)
    given, known = rng.integers(0, 3, (n, *size)), rng.random((n, *size)) < 0.3
    for options in ({}, {"given": given, "known": known}):
        same, codes = np.random.default_rng(5), np.zeros((n, *size), int)
        for i, j in np.ndindex(size):
            drawn = draw_codes(same, model(codes)[:, i, j])
            codes[:, i, j] = np.where(known[:, i, j], given[:, i, j], drawn) if options else drawn
        np.testing.assert_array_equal(model.sample(np.random.default_rng(5), n, size, **options), codes)
    assert codes.std() > 0.5


@each_code_model
def test_frequencies_of_codes_are_their_probabilities(rng, shaken, make):
    """Over all 81 images."""
    model, n = shaken(make(rng), 0.5), 20_000
    drawn = model.sample(np.random.default_rng(0), n, (2, 2))
    assert drawn.shape == (n, 2, 2) and drawn.dtype == np.int64
    counts = np.bincount(drawn.reshape(n, 4) @ [27, 9, 3, 1], minlength=81)
    assert_drawn_from(np.exp(model.log_prob(all_codes(3, 2, 2))), counts)


@each_code_model
def test_completed_codes_follow_the_conditional(rng, shaken, make):
    """Where a code is not known, any integer may be given; nothing given is overwritten."""
    model, n = shaken(make(rng), 0.5), 20_000
    known, given = np.array([[True, True], [False, False]]), np.tile([[2, 1], [-1, 99]], (n, 1, 1))
    before = given.copy()
    drawn = model.sample(np.random.default_rng(0), n, (2, 2), given, known)
    np.testing.assert_array_equal(given, before)
    np.testing.assert_array_equal(drawn[:, 0], given[:, 0])
    fits = np.concatenate([np.broadcast_to([[[2, 1]]], (9, 1, 2)), all_codes(3, 1, 2)], axis=1)
    p = np.exp(model.log_prob(fits))
    assert_drawn_from(p / p.sum(), np.bincount(drawn[:, 1] @ [3, 1], minlength=9))


def test_two_levels_are_bits(rng, shaken):
    """The softmax of two logits is the sigmoid of their difference: a PixelCNN of bits with the weights taken over.

    A one-hot bit x is (1 − x, x), but (0, 0) outside of the image; so the weight of a 0 must be 0.
    """
    bits, codes = shaken(PixelCNN(rng, 5, 2)), shaken(CodePixelCNN(rng, 2, 5, 2))
    for name, a in codes.parameters().items():
        b = bits.parameters()[name]
        if name in ("out.w", "out.b", "layers.0.down.w", "layers.0.across.w"):
            a[...] = 0
            a[(..., slice(1, 2)) if name.startswith("out") else (..., slice(1, 2), slice(None))] = b
        else:
            a[...] = b
    x = rng.integers(0, 2, (6, 4, 5))
    np.testing.assert_allclose(codes.log_prob(x), bits.log_prob(x[..., None].astype(float)))


def test_gradient_of_codes_by_finite_differences(rng, shaken):
    model, codes = shaken(CodePixelCNN(rng, 3, 4, 2, places=(4, 5))), rng.integers(0, 3, (3, 4, 5))
    _, grads = value_and_grad(lambda f: -f.log_prob(codes).mean())(model)
    gradients = grads.parameters()
    for name, a in model.parameters().items():
        d, h, kept = rng.standard_normal(a.shape), 1e-5, a.copy()
        a += h * d
        up = -model.log_prob(codes).mean()
        a -= 2 * h * d
        down = -model.log_prob(codes).mean()
        a[...] = kept
        assert np.vdot(gradients[name], d) == pytest.approx((up - down) / (2 * h), rel=1e-4, abs=1e-7), name


def test_learns_codes_that_follow_from_the_one_above(rng):
    """The first row at random, then each code one more than that above it: log 3 nats for each column, in float32."""
    codes = (rng.integers(0, 3, (64, 1, 4)) + np.arange(5)[:, None]) % 3  # (64, 5, 4)
    model = CodePixelCNN(rng, 3, 8, 2)
    optimizer = Adam(model, 1e-2)
    for _ in range(100):
        value, grads = value_and_grad(lambda f: -f.log_prob(codes).mean())(model)
        assert value.dtype == np.float32 and all(g.dtype == np.float32 for g in grads.parameters().values())
        optimizer.step(grads)
    assert 4 * np.log(3) - 0.8 < value < 4 * np.log(3) + 1.5
    drawn = model.sample(rng, 200, (5, 4))
    assert np.mean((drawn[:, 1:] - drawn[:, :-1]) % 3 == 1) > 0.95


# ------------------------------------------------------------------------------------------- training, types, errors


@each_model
def test_gradient_by_finite_differences(rng, shaken, make):
    model, x = shaken(make(rng)), (rng.random((3, 4, 5, 1)) < 0.5).astype(float)
    _, grads = value_and_grad(lambda f: -f.log_prob(x).mean())(model)
    gradients = grads.parameters()
    for name, a in model.parameters().items():
        d, h, kept = rng.standard_normal(a.shape), 1e-5, a.copy()
        a += h * d
        up = -model.log_prob(x).mean()
        a -= 2 * h * d
        down = -model.log_prob(x).mean()
        a[...] = kept
        assert np.vdot(gradients[name], d) == pytest.approx((up - down) / (2 * h), rel=1e-4, abs=1e-7), name


@each_model
def test_learns_stripes_in_float32(rng, make):
    """Each row is 0101... or 1010...: one bit a row, where independent pixels would cost one bit each."""
    x = (np.arange(6) + (rng.random((64, 4, 1)) < 0.5)) % 2
    x = x[..., None].astype(np.float32)  # (64, 4, 6, 1)
    model = make(rng)
    optimizer = Adam(model, 1e-2)
    for _ in range(80):
        value, grads = value_and_grad(lambda f: -f.log_prob(x).mean())(model)
        assert value.dtype == np.float32 and all(g.dtype == np.float32 for g in grads.parameters().values())
        optimizer.step(grads)
    assert 4 * np.log(2) - 0.8 < value < 4 * np.log(2) + 2


@each_model
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("parameters", [np.float32, np.float64])
def test_the_dtype_of_the_input_is_that_of_the_output(rng, make, dtype, parameters):
    model, x = make(rng).map(lambda a: a.astype(parameters)), np.ones((2, 3, 4, 1), dtype)
    assert model(x).dtype == model.log_prob(x).dtype == dtype
    assert skew(x).dtype == unskew(skew(x)).dtype == dtype


@each_model
@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1), (9, 2)])
def test_any_size(rng, make, size):
    assert make(rng)(np.ones((2, *size, 1), np.float32)).shape == (2, *size, 1)


@each_model
def test_whole_numbers_are_images_too(rng, make):
    """0 and 1 as integers or truth values, in the place of floats; and under a derivative of x as in the plain."""
    model, x = make(rng), rng.random((2, 3, 4, 1)) < 0.5
    want = model.log_prob(x.astype(float))
    np.testing.assert_allclose(model.log_prob(x), want)
    np.testing.assert_allclose(model.log_prob(x.astype(int)), want)
    slope = grad(lambda x: model.log_prob(x).sum())(x.astype(float))
    assert slope.shape == x.shape and np.all(np.isfinite(slope))


ONE = np.ones((2, 3, 4, 1))
CODES = np.arange(24).reshape(2, 3, 4) % 3


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda rng: pixel_mask(4, "A"), "kernel must be odd, got 4"),
        (lambda rng: pixel_mask(0, "A"), "kernel must be a whole number"),
        (lambda rng: pixel_mask(3, "C"), "kind must be one of 'A', 'B', got 'C'"),
        (lambda rng: skew(ONE[0]), r"x must have shape \(N, H, W, C\), got \(3, 4, 1\)"),
        (lambda rng: unskew(ONE[:, :, :2]), "y must have at least as many columns as rows, got 3 rows and 2 columns"),
        (lambda rng: PixelCNN(0), "rng must be a numpy.random.Generator"),
        (lambda rng: PixelRNN(np.random.Generator), "rng must be a numpy.random.Generator"),
        (lambda rng: PixelCNN(rng, 0), "width must be a whole number"),
        (lambda rng: PixelCNN(rng, 4, 0), "layers must be a whole number"),
        (lambda rng: PixelCNN(rng, 4, 2, window=(3, 4)), r"window must have an odd number of columns, got \(3, 4\)"),
        (lambda rng: PixelCNN(rng, 4, 2, window=(0, 3)), "window must be a whole number"),
        (lambda rng: PixelCNN(rng, 4, 2, window=(3, 3, 3)), "window must be two numbers"),
        (lambda rng: PixelCNN(rng, 4, 2, window=7), "window must be a sequence of whole numbers"),
        (lambda rng: PixelCNN(rng, 4, 2, gated="no"), "gated must be one of False, True, got 'no'"),
        (lambda rng: PixelCNN(rng, 4, 2, gated=2), "gated must be one of False, True, got 2"),
        (lambda rng: PixelCNN(rng, 4, 2, gated=1), "gated must be one of False, True, got 1"),
        (lambda rng: PixelCNN(rng, 4, 2, gated=False, window=(3, 9)), "window belongs to a gated PixelCNN"),
        (lambda rng: PixelCNN(rng, 4, 2, places=(3, 0)), "places must be a whole number"),
        (lambda rng: PixelCNN(rng, 4, 2, places=(3, 5))(ONE), r"x must have shape \(N, 3, 5, 1\), got \(2, 3, 4, 1\)"),
        (lambda rng: PixelCNN(rng, 4, 2, places=(3, 5)).sample(rng, 1), r"size must be \(3, 5\), where each place"),
        (lambda rng: PixelRNN(rng, places=(3, 5))(ONE), r"x must have shape \(N, 3, 5, 1\)"),
        (lambda rng: PixelRNN(rng, kernel=4), "kernel must be odd, got 4"),
        (lambda rng: PixelCNN(rng, 4, 1).sample(rng, 1, 28), "size must be a sequence of whole numbers"),
        (lambda rng: PixelRNN(rng, "column"), "kind must be one of 'diagonal', 'row', got 'column'"),
        (lambda rng: PixelRNN(rng, layers=0), "layers must be a whole number"),
        (lambda rng: PixelCNN(rng, 4, 1)(np.ones((2, 3, 4))), r"x must have shape \(N, H, W, 1\), got \(2, 3, 4\)"),
        (lambda rng: PixelCNN(rng, 4, 1)(np.ones((2, 3, 4, 3))), r"x must have shape \(N, H, W, 1\)"),
        (lambda rng: PixelCNN(rng, 4, 1)(ONE * np.nan), "x must be finite"),
        (lambda rng: PixelCNN(rng, 4, 1).log_prob(ONE / 2), "x must hold zeros and ones, got 0.5"),
        (lambda rng: PixelCNN(rng, 4, 1).sample(rng, 0), "n must be a whole number"),
        (lambda rng: PixelCNN(rng, 4, 1).sample(0, 1), "rng must be a numpy.random.Generator"),
        (lambda rng: PixelCNN(rng, 4, 1).sample(rng, 1, (0, 3)), "size must be a whole number"),
        (lambda rng: PixelCNN(rng, 4, 1).sample(rng, 2, (3, 4), ONE), "given and known must be given together"),
        (lambda rng: PixelCNN(rng, 4, 1).sample(rng, 2, (3, 4), ONE, ONE), "known must be boolean"),
        (
            lambda rng: PixelCNN(rng, 4, 1).sample(rng, 2, (3, 4), ONE, np.ones((2, 3), bool)),
            r"known must broadcast to \(2, 3, 4, 1\), got \(2, 3\)",
        ),
        (
            lambda rng: PixelCNN(rng, 4, 1).sample(rng, 3, (3, 4), ONE, np.array(True)),
            r"given must have shape \(3, 3, 4, 1\), got \(2, 3, 4, 1\)",
        ),
        (
            lambda rng: PixelCNN(rng, 4, 1).sample(rng, 2, (3, 4), ONE / 2, np.array(True)),
            "given must hold zeros and ones",
        ),
        (lambda rng: CodePixelCNN(rng, 1), "levels must be a whole number of at least 2, got 1"),
        (lambda rng: CodePixelCNN(rng, 3.0), "levels must be a whole number of at least 2, got 3.0"),
        (lambda rng: CodePixelCNN(rng, 3, 4, 2, window=(3, 4)), "window must have an odd number of columns"),
        (lambda rng: CodePixelCNN(rng, 3, 4, 1)(CODES + 1), "codes must be in 0..2, got values from 1 to 3"),
        (lambda rng: CodePixelCNN(rng, 3, 4, 1)(CODES - 1), "codes must be in 0..2, got values from -1 to 1"),
        (lambda rng: CodePixelCNN(rng, 3, 4, 1).log_prob(CODES + 1), "codes must be in 0..2"),
        (lambda rng: CodePixelCNN(rng, 3, 4, 1)(CODES * 1.0), "codes must be whole numbers, got dtype float64"),
        (lambda rng: CodePixelCNN(rng, 3, 4, 1).log_prob(CODES == 1), "codes must be whole numbers, got dtype bool"),
        (
            lambda rng: CodePixelCNN(rng, 3, 4, 1)(CODES[..., None]),
            r"codes must have shape \(N, H, W\), got \(2, 3, 4, 1\)",
        ),
        (lambda rng: CodePixelCNN(rng, 3, 4, 1)(CODES[:0]), "codes must have at least one image and one place"),
        (
            lambda rng: CodePixelCNN(rng, 3, 4, 1, places=(3, 5))(CODES),
            r"codes must have shape \(N, 3, 5\), got \(2, 3, 4\)",
        ),
        (lambda rng: CodePixelCNN(rng, 3, 4, 1, places=(3, 5)).sample(rng, 1), r"size must be \(3, 5\), where each"),
        (lambda rng: CodePixelCNN(rng, 3, 4, 1).sample(0, 1), "rng must be a numpy.random.Generator"),
        (lambda rng: CodePixelCNN(rng, 3, 4, 1).sample(rng, 0), "n must be a whole number"),
        (
            lambda rng: CodePixelCNN(rng, 3, 4, 1).sample(rng, 2, (3, 4), CODES),
            "given and known must be given together",
        ),
        (
            lambda rng: CodePixelCNN(rng, 3, 4, 1).sample(rng, 2, (3, 4), CODES, np.ones((2, 3, 4, 1), bool)),
            r"known must broadcast to \(2, 3, 4\), got \(2, 3, 4, 1\)",
        ),
        (
            lambda rng: CodePixelCNN(rng, 3, 4, 1).sample(rng, 3, (3, 4), CODES, np.array(True)),
            r"given must have shape \(3, 3, 4\), got \(2, 3, 4\)",
        ),
        (
            lambda rng: CodePixelCNN(rng, 3, 4, 1).sample(rng, 2, (3, 4), CODES + 1, np.array(True)),
            "given must be in 0..2, got values from 1 to 3",
        ),
        (
            lambda rng: CodePixelCNN(rng, 3, 4, 1).sample(rng, 2, (3, 4), CODES * 1.0, np.array(True)),
            "given must be whole numbers, got dtype float64",
        ),
    ],
)
def test_errors(rng, call, message):
    with pytest.raises(ValueError, match=message):
        call(rng)
