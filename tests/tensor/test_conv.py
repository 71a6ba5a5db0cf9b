"""Convolution against loops, finite differences, and the identities that define them."""

import threading
from functools import partial

import autograd.numpy as anp
import numpy as np
import pytest
import scipy.signal
from autograd import grad, jacobian
from hypothesis import given, settings
from hypothesis import strategies as st

from minigen.tensor import conv, parallel, value_and_grad
from minigen.tensor import grad as tensor_grad
from minigen.tensor.conv import conv1d, conv2d, conv_transpose2d, correlate1d

# (H, W), (kh, kw), c_in, c_out, stride, padding. "A rest": (H + 2*padding - kh) % stride != 0. "Wide padding": more
# than kernel - 1. Channel counts lie on both sides of the switch to transposed columns.
CASES = {
    "3x3": ((5, 5), (3, 3), 4, 3, 1, 1),
    "valid, not square": ((6, 5), (3, 2), 5, 2, 1, 0),
    "stride 2, a rest": ((6, 8), (3, 3), 4, 2, 2, 1),
    "pairs": ((7, 6), (3, 4), 2, 3, (2, 1), (1, 2)),
    "stride 3, 2x2": ((8, 9), (2, 2), 6, 3, 3, 0),
    "wide padding": ((4, 3), (2, 2), 5, 3, 1, 2),
    "one channel": ((6, 7), (4, 4), 1, 3, 2, 1),
    "one channel out": ((5, 4), (4, 4), 3, 1, 2, 1),
    "1x1": ((3, 4), (1, 1), 3, 2, 1, 0),
    "1x1 stride 2": ((5, 4), (1, 1), 3, 2, 2, 0),
    "whole image": ((4, 4), (4, 4), 3, 5, 1, 0),
    "2x2 blocks": ((7, 6), (4, 4), 3, 4, 2, (1, 2)),
    "2x2 blocks of three": ((9, 8), (6, 6), 3, 2, 2, (3, 0)),
    "3x3 blocks": ((8, 10), (6, 6), 2, 3, 3, 2),
    "stride across": ((5, 8), (3, 3), 4, 2, (1, 2), 1),
}
cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def alone(f, args, i):
    """f as a function of its argument i, with the others as in args."""
    return lambda v: f(*args[:i], v, *args[i + 1 :])


def pair(v):
    return v if isinstance(v, tuple) else (v, v)


def conv2d_loops(x, w, b, stride, padding):
    """The definition, one output at a time."""
    (sh, sw), (ph, pw) = pair(stride), pair(padding)
    kh, kw, _, c_out = w.shape
    x = np.pad(x, ((0, 0), (ph, ph), (pw, pw), (0, 0)))
    oh, ow = (x.shape[1] - kh) // sh + 1, (x.shape[2] - kw) // sw + 1
    y = np.zeros((len(x), oh, ow, c_out))
    for n in range(len(x)):
        for i in range(oh):
            for j in range(ow):
                for o in range(c_out):
                    y[n, i, j, o] = b[o] + np.sum(x[n, sh * i : sh * i + kh, sw * j : sw * j + kw] * w[..., o])
    return y


def conv_transpose2d_loops(x, w, b, stride, padding, output_padding=0):
    """Each pixel paints the kernel; then the padding is cut off."""
    (sh, sw), (ph, pw), (eh, ew) = pair(stride), pair(padding), pair(output_padding)
    (N, H, W, _), (kh, kw, _, c_out) = x.shape, w.shape
    y = np.zeros((N, (H - 1) * sh + kh + eh, (W - 1) * sw + kw + ew, c_out))
    for n in range(N):
        for i in range(H):
            for j in range(W):
                for c in range(x.shape[3]):
                    y[n, sh * i : sh * i + kh, sw * j : sw * j + kw] += x[n, i, j, c] * w[:, :, c]
    return y[:, ph : y.shape[1] - ph, pw : y.shape[2] - pw] + b


def numerical_gradient(f, x, eps=1e-6):
    """Central differences of a scalar function, entry by entry."""
    g = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += eps
        down[i] -= eps
        g[i] = (f(up) - f(down)) / (2 * eps)
    return g


def inputs(case, seed=0, n=2, dtype=np.float64):
    size, kernel, c_in, c_out, _, _ = case
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, *size, c_in)).astype(dtype)
    w = rng.standard_normal((*kernel, c_in, c_out)).astype(dtype)
    b = rng.standard_normal(c_out).astype(dtype)
    return x, w, b


# ------------------------------------------------------------------------------------------------------------- values


@cases
def test_conv2d_equals_the_definition(case):
    x, w, b = inputs(case)
    np.testing.assert_allclose(conv2d(x, w, b, *case[4:]), conv2d_loops(x, w, b, *case[4:]), rtol=1e-12, atol=1e-12)


@cases
def test_conv_transpose2d_equals_painting(case):
    x, w, b = inputs(case)
    if case is CASES["wide padding"]:
        x = np.concatenate([x, x], axis=2)  # a padding of 2 cuts four columns off the painted image
    expected = conv_transpose2d_loops(x, w, b, *case[4:])
    np.testing.assert_allclose(conv_transpose2d(x, w, b, *case[4:]), expected, rtol=1e-12, atol=1e-12)


def test_conv2d_by_hand():
    x = np.arange(9.0).reshape(1, 3, 3, 1)
    w = np.array([[1.0, 0.0], [0.0, -1.0]]).reshape(2, 2, 1, 1)  # pixel minus its neighbor below right: always -4
    np.testing.assert_array_equal(conv2d(x, w)[0, :, :, 0], [[-4, -4], [-4, -4]])
    np.testing.assert_array_equal(conv2d(x, w, np.array([10.0]), stride=2, padding=1)[0, :, :, 0], [[10, 8], [4, 6]])


def test_conv_transpose2d_by_hand():
    x = np.array([[1.0, 2.0]]).reshape(1, 1, 2, 1)
    w = np.array([[1.0, 10.0, 100.0]]).reshape(1, 3, 1, 1)
    np.testing.assert_array_equal(conv_transpose2d(x, w, stride=(1, 2))[0, 0, :, 0], [1, 10, 102, 20, 200])
    np.testing.assert_array_equal(conv_transpose2d(x, w)[0, 0, :, 0], [1, 12, 120, 200])


def test_output_padding_adds_rows_and_columns_at_the_end():
    x, w, b = inputs(((3, 4), (3, 3), 4, 5, 2, 1))
    y = conv_transpose2d(x, w, b, stride=2, padding=1, output_padding=1)
    assert y.shape == (2, 6, 8, 5)
    np.testing.assert_allclose(y, conv_transpose2d_loops(x, w, b, 2, 0, 0)[:, 1:, 1:], atol=1e-12)
    assert conv_transpose2d(x, w, b, stride=2, padding=1, output_padding=(0, 1)).shape == (2, 5, 8, 5)


def test_padding_same_keeps_the_size():
    x, w, b = inputs(((5, 6), (3, 5), 2, 4, 1, 0))
    np.testing.assert_array_equal(conv2d(x, w, b, padding="same"), conv2d(x, w, b, padding=(1, 2)))


@cases
def test_the_transposed_convolution_is_the_adjoint(case):
    x, w, _ = inputs(case)
    size, (kh, kw), _, _, stride, padding = case
    (sh, sw), (ph, pw) = pair(stride), pair(padding)
    rest = ((size[0] + 2 * ph - kh) % sh, (size[1] + 2 * pw - kw) % sw)
    y = np.random.default_rng(1).standard_normal(conv2d(x, w, None, stride, padding).shape)
    back = conv_transpose2d(y, w.swapaxes(2, 3), None, stride, padding, output_padding=rest)
    assert back.shape == x.shape
    np.testing.assert_allclose(np.sum(conv2d(x, w, None, stride, padding) * y), np.sum(x * back), rtol=1e-11)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_shape_equals_the_definition(data):
    kernel = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    stride = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    padding = data.draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    size = tuple(data.draw(st.integers(max(1, k - 2 * p), 6)) for k, p in zip(kernel, padding))
    channels = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    x, w, b = inputs((size, kernel, *channels, stride, padding))
    y = conv2d(x, w, b, stride, padding)
    np.testing.assert_allclose(y, conv2d_loops(x, w, b, stride, padding), rtol=1e-11, atol=1e-11)
    # The gradient in x of <y, u> is the transposed convolution of u, which has its own definition.
    u = np.random.default_rng(3).standard_normal(y.shape)

    def loss(x, w):
        return anp.sum(conv2d(x, w, b, stride, padding) * u)

    rest = tuple((n + 2 * p - k) % s for n, p, k, s in zip(size, padding, kernel, stride))
    painted = conv_transpose2d_loops(u, w.swapaxes(2, 3), 0, stride, padding, rest)
    np.testing.assert_allclose(grad(loss, 0)(x, w), painted, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(np.sum(grad(loss, 1)(x, w) * w), np.sum(u * (y - b)), rtol=1e-9, atol=1e-9)


# ---------------------------------------------------------------------------------------------------------- gradients


@pytest.mark.parametrize("layer", [conv2d, conv_transpose2d])
@cases
def test_gradients_against_finite_differences(layer, case):
    x, w, b = inputs(case, n=1)
    if layer is conv_transpose2d and case is CASES["wide padding"]:
        case = (*case[:5], 1)  # a padding of 2 would leave nothing
    u = np.random.default_rng(2).standard_normal(layer(x, w, b, *case[4:]).shape)

    def loss(x, w, b):
        return anp.sum(u * anp.sin(layer(x, w, b, *case[4:])))

    for i, name in enumerate("xwb"):
        args = [x, w, b]
        numerical = numerical_gradient(alone(loss, args, i), args[i])
        np.testing.assert_allclose(grad(loss, i)(*args), numerical, rtol=1e-6, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("shared", [1 << 24, 0], ids=["one thread", "two threads"])
@pytest.mark.parametrize("layer", [conv2d, conv_transpose2d])
@cases
def test_gradients_asked_for_together_equal_those_asked_for_one_by_one(monkeypatch, layer, case, shared):
    """Together, image and kernel share columns; one by one, each is an operation of its own (tested above)."""
    if layer is conv_transpose2d and case is CASES["wide padding"]:
        case = (*case[:5], 1)
    args = inputs(case, n=3)

    def loss(x, w, b):
        return anp.sum(anp.sin(layer(x, w, b, *case[4:])))

    expected = [grad(loss, i)(*args) for i in range(3)]
    monkeypatch.setattr(conv, "SHARED", shared)
    for got, one in zip(value_and_grad(lambda together: loss(*together))(list(args))[1], expected, strict=True):
        np.testing.assert_allclose(got, one, rtol=1e-10, atol=1e-11)
    got = value_and_grad(lambda together: loss(*together, args[2]))(list(args[:2]))[1]  # a bias that is not trained
    np.testing.assert_allclose(got[1], expected[1], rtol=1e-10, atol=1e-11)


# ------------------------------------------------------------------------------------ one row of the kernel at a time


@pytest.fixture(params=["all lines", "one line"])
def by_kernel_rows(request, monkeypatch):
    """Products row by row of the kernel, of a whole image or of one line of the output."""
    monkeypatch.setattr(conv, "ROWS", 1)
    monkeypatch.setattr(conv, "small", lambda: 10**6)
    if request.param == "one line":
        lines = conv._lines_in_a_product
        monkeypatch.setattr(conv, "_lines_in_a_product", lambda *args: min(lines(*args), 1))
    seen, columns = [], conv._columns

    def watched(x, kernel, *args):
        seen.append(kernel)
        return columns(x, kernel, *args)

    monkeypatch.setattr(conv, "_columns", watched)
    return seen


BY_ROWS = ["3x3", "valid, not square", "wide padding", "whole image", "stride across"]


@pytest.mark.parametrize("name", BY_ROWS)
def test_kernel_rows_give_the_definition_and_its_gradients(by_kernel_rows, name):
    case = CASES[name]
    x, w, b = inputs(case, n=3)
    y = conv2d(x, w, b, *case[4:])
    np.testing.assert_allclose(y, conv2d_loops(x, w, b, *case[4:]), rtol=1e-12, atol=1e-12)
    assert by_kernel_rows == [(1, case[1][1])]
    u = np.random.default_rng(1).standard_normal(y.shape)
    gradients = value_and_grad(lambda args: anp.sum(u * conv2d(*args, *case[4:])))([x, w, b])[1]
    # <conv(x, w) + b, u> is linear in each argument: in a direction, its derivative is its value there
    for i, (a, gradient) in enumerate(zip((x, w, b), gradients)):
        direction = np.random.default_rng(2).standard_normal(a.shape)
        args = [np.zeros_like(b) if j == 2 else v for j, v in enumerate((x, w, b))]
        if i == 2:
            expected = np.sum(u * direction)
        else:
            args[i] = direction
            expected = np.sum(u * conv2d_loops(*args, *case[4:]))
        np.testing.assert_allclose(np.sum(gradient * direction), expected, rtol=1e-10)
    assert (1, case[1][1]) in by_kernel_rows[1:]


def test_rows_of_a_dilated_kernel_lie_apart(by_kernel_rows):
    """As an image of every second row, twice, with a kernel that is not dilated."""
    x, w, b = inputs(CASES["3x3"], n=2)
    y = conv._conv(x, w, b, conv.Geometry(dilation=(2, 1)))  # rows 0, 2, 4: one row of output
    np.testing.assert_allclose(y, conv2d_loops(x[:, ::2], w, b, 1, 0), rtol=1e-12)
    assert by_kernel_rows == [(1, 3)]


@pytest.mark.parametrize(
    "size, kernel, channels, stride, small, lines",
    [
        ((14, 14), (3, 3), (32, 32), 1, 10**6, 14),  # 14·14·96·32 = 602,112 multiplications
        ((28, 28), (3, 3), (32, 32), 1, 10**6, 7),  # 28·28·96·32 are 2.4 million, 14 lines 1.2
        ((7, 7), (3, 3), (128, 128), 1, 10**6, 0),  # one line is a product of seven rows
        ((14, 14), (3, 3), (32, 32), 1, 0, 0),  # other kernels of BLAS
        ((14, 14), (3, 3), (32, 32), 2, 10**6, 0),
        ((1, 400), (1, 3), (32, 32), 1, 10**6, 0),  # one row has nothing to share
        ((28, 28), (3, 3), (3, 32), 1, 10**6, 0),  # transposed columns
    ],
)
def test_lines_in_a_product(monkeypatch, size, kernel, channels, stride, small, lines):
    monkeypatch.setattr(conv, "small", lambda: small)
    assert conv._lines_in_a_product(kernel, conv.Geometry((stride, stride)), size, *channels) == lines


SECOND = ["3x3", "stride 2, a rest", "pairs", "wide padding", "one channel", "1x1"]


@pytest.mark.parametrize("layer", [conv2d, conv_transpose2d])
@pytest.mark.parametrize("name", SECOND)
def test_second_derivatives_through_a_gradient_penalty(layer, name):
    case = CASES[name]
    stride, padding = case[4:] if not (layer is conv_transpose2d and name == "wide padding") else (1, 1)
    x, w, b = inputs(case, n=2)

    def critic(x, w, b):
        return anp.sum(anp.tanh(layer(x, w, b, stride, padding)) ** 2)

    def penalty(x, w, b):  # depends on all three through the gradient in x, and through the gradient in w
        gx, gw, gb = grad(critic, 0)(x, w, b), grad(critic, 1)(x, w, b), grad(critic, 2)(x, w, b)
        return anp.sum(gx**2) + anp.sum(anp.sin(gw)) + anp.sum(gb**2)

    rng, eps = np.random.default_rng(5), 1e-5
    for i, v in enumerate([x, w, b]):
        direction = rng.standard_normal(v.shape)  # one directional derivative tests every entry at once
        f = alone(penalty, [x, w, b], i)
        expected = (f(v + eps * direction) - f(v - eps * direction)) / (2 * eps)
        np.testing.assert_allclose(np.sum(grad(penalty, i)(x, w, b) * direction), expected, rtol=1e-6, err_msg="xwb"[i])


@pytest.mark.parametrize("layer", [conv2d, conv_transpose2d])
@pytest.mark.parametrize("name", ["3x3", "stride 2, a rest", "1x1"])
def test_second_derivatives_of_gradients_asked_for_together(layer, name):
    """Image and kernel share columns on plain arrays only; while a derivative is taken they must not."""
    args = inputs(CASES[name], n=2)

    def critic(args):
        return anp.sum(anp.tanh(layer(*args, *CASES[name][4:])) ** 2)

    def penalty(args, first=tensor_grad(critic)):
        gx, gw, gb = first(list(args))
        return anp.sum(gx**2) + anp.sum(anp.sin(gw)) + anp.sum(gb**2)

    rng, eps = np.random.default_rng(5), 1e-5
    directions = [rng.standard_normal(a.shape) for a in args]
    up, down = (penalty([a + s * eps * d for a, d in zip(args, directions)]) for s in (1, -1))
    found = sum(np.sum(g * d) for g, d in zip(tensor_grad(penalty)(list(args)), directions))
    np.testing.assert_allclose(found, (up - down) / (2 * eps), rtol=1e-6)


def test_third_derivative():
    x, w, _ = inputs(CASES["stride 2, a rest"], n=1)
    v = np.random.default_rng(1).standard_normal(x.shape)
    second = grad(grad(lambda t: anp.sum(conv2d(x + t * v, w, None, 2, 1) ** 4)))
    expected = (second(0.301) - second(0.299)) / 0.002  # a fourth power: exact, since the fifth derivative is zero
    np.testing.assert_allclose(grad(second)(0.3), expected, rtol=1e-9)


def test_only_the_gradients_asked_for_are_computed(monkeypatch):
    x, w, b = inputs(CASES["3x3"])

    def never(*args):
        raise AssertionError("not asked for")

    monkeypatch.setattr(conv, "_conv_input", never)  # images of the training set are not differentiated
    assert grad(lambda w: anp.sum(conv2d(x, w, b, 1, 1)))(w).shape == w.shape
    monkeypatch.undo()
    monkeypatch.setattr(conv, "_conv_weight", never)
    assert grad(lambda x: anp.sum(conv2d(x, w, b, 1, 1)))(x).shape == x.shape


# -------------------------------------------------------------------------------------------------------------- conv1d


@pytest.mark.parametrize("k, dilation", [(1, 1), (2, 1), (3, 1), (2, 4), (3, 2), (2, 9)])
def test_conv1d_equals_the_definition(k, dilation):
    rng = np.random.default_rng(0)
    x, w, b = rng.standard_normal((2, 7, 3)), rng.standard_normal((k, 3, 4)), rng.standard_normal(4)
    y = np.zeros((2, 7, 4))
    for t in range(7):
        y[:, t] = b
        for a in range(k):
            past = t - (k - 1 - a) * dilation
            if past >= 0:
                y[:, t] += x[:, past] @ w[a]
    np.testing.assert_allclose(conv1d(x, w, b, dilation), y, atol=1e-12)

    def loss(x, w, b):
        return anp.sum(anp.sin(conv1d(x, w, b, dilation)))

    for i, v in enumerate([x, w, b]):
        f = alone(loss, [x, w, b], i)
        np.testing.assert_allclose(grad(f)(v), numerical_gradient(f, v), rtol=1e-6, atol=1e-8)


def test_conv1d_sees_exactly_the_dilated_past():
    k, d, T = 3, 2, 9
    w = np.random.default_rng(0).standard_normal((k, 2, 2))
    J = jacobian(lambda x: conv1d(x, w, None, d)[0])(np.ones((1, T, 2)))[:, :, 0]  # (t, c_out, t', c_in)
    sees = np.abs(J).sum(axis=(1, 3)) > 0
    expected = [[t - s in (0, d, 2 * d) for s in range(T)] for t in range(T)]
    np.testing.assert_array_equal(sees, expected)
    np.testing.assert_array_equal(J[4, :, 4], w[2].T)  # the last tap multiplies the present
    np.testing.assert_array_equal(J[4, :, 0], w[0].T)


def test_conv1d_second_derivative():
    rng = np.random.default_rng(0)
    x, w, v = rng.standard_normal((2, 6, 3)), rng.standard_normal((2, 3, 4)), rng.standard_normal((2, 3, 4))

    def penalty(w):
        return anp.sum(grad(lambda x: anp.sum(anp.tanh(conv1d(x, w, None, 2))))(x) ** 2)

    expected = (penalty(w + 1e-5 * v) - penalty(w - 1e-5 * v)) / 2e-5
    np.testing.assert_allclose(np.sum(grad(penalty)(w) * v), expected, rtol=1e-7)


# ---------------------------------------------------------------------------------------------------------- correlate1d

# k, stride, padding, dilation, and the zeros at each end that the padding stands for; sequences have 7 steps
CASES1D = {
    "valid": (3, 1, 0, 1, (0, 0)),
    "one tap": (1, 1, 0, 1, (0, 0)),
    "same": (3, 1, "same", 1, (1, 1)),
    "same, dilated": (3, 1, "same", 2, (2, 2)),
    "same, even kernel": (2, 1, "same", 2, (1, 1)),
    "causal": (3, 1, "causal", 1, (2, 0)),
    "causal, dilated": (2, 1, "causal", 4, (4, 0)),
    "causal, stride": (3, 2, "causal", 1, (2, 0)),
    "a number": (4, 1, 2, 1, (2, 2)),
    "wide padding": (2, 1, 5, 1, (5, 5)),
    "wide padding, dilated": (2, 1, 5, 3, (5, 5)),
    "stride": (3, 2, 1, 1, (1, 1)),
    "stride, dilated, a rest": (2, 3, 1, 2, (1, 1)),
    "whole sequence": (7, 1, 0, 1, (0, 0)),
}
cases1d = pytest.mark.parametrize("case", CASES1D.values(), ids=CASES1D.keys())


@cases1d
def test_correlate1d_equals_direct_sums_and_scipy(case):
    k, stride, padding, dilation, (left, right) = case
    rng = np.random.default_rng(0)
    x, w, b = rng.standard_normal((2, 7, 3)), rng.standard_normal((k, 3, 4)), rng.standard_normal(4)
    length = (7 + left + right - (k - 1) * dilation - 1) // stride + 1
    y = np.zeros((2, length, 4))
    for t in range(length):
        y[:, t] = b
        for a in range(k):
            place = t * stride - left + a * dilation
            if 0 <= place < 7:
                y[:, t] += x[:, place] @ w[a]
    got = correlate1d(x, w, b, stride, padding, dilation)
    np.testing.assert_allclose(got, y, atol=1e-12)

    spread = np.zeros(((k - 1) * dilation + 1, 3, 4))
    spread[::dilation] = w  # the kernel with its gaps
    padded = np.pad(x, ((0, 0), (left, right), (0, 0)))
    for n in range(2):
        for o in range(4):
            of_channels = [scipy.signal.correlate(padded[n, :, c], spread[:, c, o], "valid") for c in range(3)]
            np.testing.assert_allclose(got[n, :, o], sum(of_channels)[::stride] + b[o], atol=1e-12)


@cases1d
def test_correlate1d_gradients_and_second_derivatives(case):
    k, *settings, _ = case
    rng = np.random.default_rng(0)
    x, w, b = rng.standard_normal((2, 7, 3)), rng.standard_normal((k, 3, 2)), rng.standard_normal(2)

    def loss(x, w, b):
        return anp.sum(anp.sin(correlate1d(x, w, b, *settings)))

    for i, v in enumerate([x, w, b]):
        f = alone(loss, [x, w, b], i)
        np.testing.assert_allclose(grad(f)(v), numerical_gradient(f, v), rtol=1e-6, atol=1e-8)

    def penalty(w):
        return anp.sum(grad(lambda x: loss(x, w, b))(x) ** 2)

    v = rng.standard_normal(w.shape)
    expected = (penalty(w + 1e-5 * v) - penalty(w - 1e-5 * v)) / 2e-5
    np.testing.assert_allclose(np.sum(grad(penalty)(w) * v), expected, rtol=1e-6)


@pytest.mark.parametrize("k, dilation", [(1, 1), (3, 1), (2, 4)])
def test_causal_correlation_is_conv1d(k, dilation):
    rng = np.random.default_rng(0)
    x, w, b = (rng.standard_normal(shape).astype(np.float32) for shape in [(2, 7, 3), (k, 3, 4), (4,)])
    got = correlate1d(x, w, b, padding="causal", dilation=dilation)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, conv1d(x, w, b, dilation))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda x, w: correlate1d(x[0], w), r"x must have shape \(N, T, C\), got \(7, 3\)"),
        (lambda x, w: correlate1d(x, w[:, :2]), "w must have c_in = 3"),
        (lambda x, w: correlate1d(x, w, np.ones(3)), r"b must have shape \(4,\)"),
        (lambda x, w: correlate1d(x, w, stride=0), "stride must be a whole number of at least 1, got 0"),
        (lambda x, w: correlate1d(x, w, dilation=0), "dilation must be a whole number of at least 1, got 0"),
        (lambda x, w: correlate1d(x, w, padding=-1), "padding must be a whole number of at least 0, got -1"),
        (
            lambda x, w: correlate1d(x, w, padding="full"),
            "padding must be a whole number, 'same' or 'causal', got 'full'",
        ),
        (lambda x, w: correlate1d(x, w, stride=2, padding="same"), "'same' needs stride 1 .* got stride 2, kernel 3"),
        (lambda x, w: correlate1d(x, w[:2], padding="same"), "an even .* got stride 1, kernel 2, dilation 1"),
        (lambda x, w: correlate1d(x, w, dilation=4), "must fit into the padded sequence of 7, got 9 steps"),
    ],
)
def test_correlate1d_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.ones((2, 7, 3)), np.ones((3, 3, 4)))


WIDE = ((9, 12), (3, 3), 32, 40, 1, 1)


@pytest.mark.parametrize("masked", [True, False])
def test_zero_patterns_are_exact(masked):
    x, w, _ = inputs(WIDE, n=1, dtype=np.float32)
    if masked:
        w[1, 1:], w[2] = 0, 0  # sees what is above, and to the left
    changed = x.copy()
    changed[0, 4, 5] += 100
    difference = np.abs(conv2d(changed, w, None, 1, 1) - conv2d(x, w, None, 1, 1)).sum(axis=(0, 3)) > 0
    u = np.zeros((1, 9, 12, 40), np.float32)
    u[0, 4, 5] = 1
    sees = np.abs(grad(lambda x: anp.sum(u * conv2d(x, w, None, 1, 1)))(x)).sum(axis=(0, 3)) > 0
    reached, expected = np.zeros((9, 12), bool), np.zeros((9, 12), bool)
    reached[4, 6] = reached[5, 4:7] = expected[3, 4:7] = expected[4, 4] = True
    if not masked:
        reached[3:6, 4:7] = expected[3:6, 4:7] = True
    np.testing.assert_array_equal(difference, reached)
    np.testing.assert_array_equal(sees, expected)


# ------------------------------------------------------------------------------------------- types, chunks and threads


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept_in_values_gradients_and_second_gradients(dtype):
    def check(layer, *args):
        def loss(*args):
            return anp.sum(layer(*args) ** 2)

        assert layer(*args).dtype == dtype
        for i in range(len(args)):

            def penalty(*args, first=grad(loss, i)):
                return anp.sum(first(*args) ** 2)

            assert grad(loss, i)(*args).dtype == dtype
            assert grad(penalty, 0)(*args).dtype == dtype

    for name in ["3x3", "one channel", "1x1"]:
        check(partial(conv2d, stride=CASES[name][4], padding=CASES[name][5]), *inputs(CASES[name], dtype=dtype))
    check(partial(conv_transpose2d, stride=2, padding=1), *inputs(CASES["one channel out"], dtype=dtype))
    check(conv1d, np.ones((4, 4, 2), dtype), np.ones((2, 2, 2), dtype), np.ones(2, dtype))


def test_a_float64_gradient_is_narrowed_to_the_layer():
    x, w, b = inputs(CASES["3x3"], dtype=np.float32)
    u = np.ones((2, 5, 5, 3))  # float64: as a mean's gradient may be
    for i in range(3):
        assert grad(lambda *a: anp.sum(conv2d(*a, 1, 1) * u), i)(x, w, b).dtype == np.float32


@cases
def test_float32_is_close_to_float64(case):
    x, w, b = inputs(case, dtype=np.float32)
    exact = conv2d(*(v.astype(np.float64) for v in (x, w, b)), *case[4:])
    np.testing.assert_allclose(conv2d(x, w, b, *case[4:]), exact, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("buffer", [1, 3000, 1 << 20])
@pytest.mark.parametrize("n", [1, 2, 7])
@pytest.mark.parametrize("name", ["3x3", "stride 2, a rest", "one channel"])
def test_chunks_do_not_show(monkeypatch, buffer, n, name):
    case = CASES[name]
    x, w, b = inputs(case, n=n)
    monkeypatch.setattr(parallel, "BUFFER_BYTES", buffer)
    y = conv2d(x, w, b, *case[4:])
    np.testing.assert_allclose(y, conv2d_loops(x, w, b, *case[4:]), atol=1e-12)
    u = np.random.default_rng(1).standard_normal(y.shape)

    def loss(x, w):
        return anp.sum(u * conv2d(x, w, b, *case[4:]))

    # Expected: a sum over samples, each taken by itself.
    def one(x, w, u):
        return anp.sum(u * conv2d(x[None], w, b, *case[4:])[0])

    gw = sum(grad(one, 1)(x[i], w, u[i]) for i in range(n))
    gx = [grad(one, 0)(x[i], w, u[i]) for i in range(n)]
    np.testing.assert_allclose(grad(loss, 1)(x, w), gw, atol=1e-11)
    np.testing.assert_allclose(grad(loss, 0)(x, w), gx, atol=1e-11)


def test_an_empty_batch_gives_an_empty_output_and_zero_gradient():
    x, w, b = inputs(CASES["3x3"], n=0)
    assert conv2d(x, w, b, 1, 1).shape == (0, 5, 5, 3)
    assert conv_transpose2d(x, w, b, 2, 1).shape == (0, 9, 9, 3)
    assert not conv._conv_weight(x, np.zeros((0, 5, 5, 3)), (3, 3), conv.Geometry(padding=((1, 1), (1, 1)))).any()


def test_arrays_need_not_be_contiguous_and_are_left_alone():
    x, w, b = inputs(CASES["stride 2, a rest"])
    y = conv2d(x, w, b, 2, 1)
    x2, w2 = np.asfortranarray(x), np.ascontiguousarray(w[::-1, ::-1])[::-1, ::-1]
    np.testing.assert_array_equal(conv2d(x2, w2, b, 2, 1), y)
    np.testing.assert_array_equal(conv2d(x[:, :, ::-1], w, b, 2, 1), conv2d(x[:, :, ::-1].copy(), w, b, 2, 1))
    before = [v.copy() for v in (x, w, b)]
    grad(lambda x, w, b: anp.sum(conv2d(x, w, b, 2, 1) ** 2), 0)(x, w, b)
    for v, old in zip((x, w, b), before):
        np.testing.assert_array_equal(v, old)


def test_the_output_is_not_a_work_buffer():
    x, w, b = inputs(CASES["3x3"])
    y = conv2d(x, w, b, 1, 1)
    kept = y.copy()
    conv2d(-x, w, b, 1, 1)
    np.testing.assert_array_equal(y, kept)


def test_two_threads_give_what_one_gives():
    case = ((12, 12), (3, 3), 16, 16, 1, 1)
    w, b = inputs(case)[1:]
    wt = np.random.default_rng(9).standard_normal((4, 4, 16, 8))
    xs = [inputs(case, seed=s, n=16)[0] for s in range(2)]

    def run(x):
        y = conv2d(x, w, b, 1, 1)
        up = conv_transpose2d(y, wt, None, 2, 1)
        gw = conv._conv_weight(x, y, (3, 3), conv.Geometry(padding=((1, 1), (1, 1))))
        return y, up, gw

    serial, results, barrier = [run(x) for x in xs], [[], []], threading.Barrier(2)

    def work(i):
        barrier.wait()
        for _ in range(10):
            results[i].append(run(xs[i]))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for i in range(2):
        assert len(results[i]) == 10
        for result in results[i]:
            for got, expected in zip(result, serial[i]):
                np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-11)


# -------------------------------------------------------------------------------------------------------------- errors

X, W = np.zeros((2, 5, 5, 3)), np.zeros((3, 3, 3, 4))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: conv2d(X[0], W), r"x must have shape \(N, H, W, C\), got \(5, 5, 3\)"),
        (lambda: conv2d(X, W[0]), r"w must have shape \(kh, kw, c_in, c_out\), got \(3, 3, 4\)"),
        (lambda: conv2d(X, W.swapaxes(2, 3)), r"w must have c_in = 3 .* got .*\(3, 3, 4, 3\)"),
        (lambda: conv2d(X, W, np.zeros(3)), r"b must have shape \(4,\).* got \(3,\)"),
        (lambda: conv2d(X, np.zeros((6, 3, 3, 4))), r"must fit into the padded image \(5, 5\), got kernel \(6, 3\)"),
        (lambda: conv2d(X, W, stride=0), "stride must be a whole number of at least 1, got 0"),
        (lambda: conv2d(X, W, stride=1.5), "stride must be a whole number of at least 1, got 1.5"),
        (lambda: conv2d(X, W, stride=(1, 2, 3)), r"stride must be a whole number or a pair, got \(1, 2, 3\)"),
        (lambda: conv2d(X, W, padding=-1), "padding must be a whole number of at least 0, got -1"),
        (lambda: conv2d(X, W, stride=2, padding="same"), "padding must be .*'same' with stride 1"),
        (lambda: conv2d(X[:, :0], W, padding=2), "no empty axis"),
        (lambda: conv_transpose2d(X, W, padding=4), r"output size .* must be at least 1, got \(-1, -1\)"),
        (lambda: conv_transpose2d(X, W, stride=2, output_padding=2), "output_padding must be below the stride"),
        (lambda: conv_transpose2d(X, W, np.zeros(3)), r"b must have shape \(4,\)"),
        (lambda: conv1d(X, W[0]), r"x must have shape \(N, T, C\)"),
        (lambda: conv1d(X[0], W[0], dilation=0), "dilation must be a whole number of at least 1, got 0"),
    ],
)
def test_errors_name_the_argument_what_was_expected_and_what_came(call, message):
    with pytest.raises(ValueError, match=message):
        call()
