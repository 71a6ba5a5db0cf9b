"""Couplings on random non-zero weights against autodiff Jacobians; masks by their exact patterns."""

import autograd.numpy as anp
import numpy as np
import pytest

from minigen.flow.bijection import jacobian_log_det
from minigen.flow.coupling import (
    AdditiveCoupling,
    AffineCoupling,
    BatchNorm,
    ContextNet,
    DiagonalScale,
    additive_forward,
    additive_inverse,
    additive_shift,
    affine_forward,
    affine_inverse,
    affine_log_det,
    channel_mask,
    checkerboard_mask,
    coupling_net,
    half_mask,
)
from minigen.tensor import jacobian, value_and_grad


def coupling(rng, shaken, kind, dim=4, first=True):
    outputs = 2 if kind is AffineCoupling else 1
    return shaken(kind(coupling_net(rng, dim, 8, outputs=outputs), half_mask(dim, first)))


# ------------------------------------------------------------------------------------------- masks


def test_masks_are_these_patterns():
    np.testing.assert_array_equal(half_mask(4), [1, 1, 0, 0])
    np.testing.assert_array_equal(half_mask(5), [1, 1, 0, 0, 0])
    np.testing.assert_array_equal(half_mask(5, first=False), [0, 0, 1, 1, 1])
    np.testing.assert_array_equal(channel_mask(4, first=False), [0, 0, 1, 1])
    board = checkerboard_mask(3, 4)
    assert board.shape == (3, 4, 1) and board.dtype == np.float32
    np.testing.assert_array_equal(board[..., 0], [[1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0]])
    np.testing.assert_array_equal(board + checkerboard_mask(3, 4, even=False), 1)


# ------------------------------------------------------------------------------------------- the equations by hand


def test_affine_coupling_by_hand():
    """Kept 2 chooses s = log 2, t = 1: 3 becomes 7, and the plane is stretched twofold. Eq. flow.10 to Eq. flow.13"""
    z, mask = np.array([[2.0, 3.0]]), np.array([1.0, 0.0])
    s, t = np.array([[50.0, np.log(2)]]), np.array([[-9.0, 1.0]])
    x, log_det = affine_forward(z, s, t, mask)
    np.testing.assert_allclose(x, [[2, 7]])
    np.testing.assert_allclose(log_det, [np.log(2)])
    back, minus = affine_inverse(x, s, t, mask)  # Eq. flow.11
    np.testing.assert_allclose(back, z)
    np.testing.assert_allclose(minus, [-np.log(2)])
    np.testing.assert_allclose(affine_log_det(s, mask), [np.log(2)])  # Eq. flow.13


def test_additive_coupling_by_hand():
    """m(kept half) = (u², u·w): kept 2 and 5 move −1 and 3 by 4 and 10, and log |det dx/dz| = 0. Eq. flow.14"""
    mask = np.array([1.0, 0.0, 1.0, 0.0])

    def m(kept):  # its own shifts of the kept half, 70 and 90, do not count
        u, w = kept[:, 0], kept[:, 2]
        return anp.stack([70 + 0 * u, u**2, 90 + 0 * u, u * w], axis=1)

    z = np.array([[2.0, -1.0, 5.0, 3.0], [0.0, 1.0, 4.0, 8.0]])
    np.testing.assert_array_equal(additive_shift(m, mask, z), [[0, 4, 0, 10], [0, 0, 0, 0]])
    assert additive_shift(m, mask, z.astype(np.float32)).dtype == np.float32
    x, log_det = additive_forward(z, m, mask)
    np.testing.assert_array_equal(x, [[2, 3, 5, 13], [0, 1, 4, 8]])
    np.testing.assert_array_equal(log_det, [0, 0])
    np.testing.assert_allclose(jacobian_log_det(lambda z: z + additive_shift(m, mask, z), z), 0, atol=1e-12)
    back, minus = additive_inverse(x, m, mask)
    np.testing.assert_array_equal(back, z)
    np.testing.assert_array_equal(minus, [0, 0])
    with pytest.raises(ValueError, match=r"m\(mask \* a\) must have the shape of mask \* a, \(2, 4\), got \(2, 2\)"):
        additive_shift(lambda kept: kept[:, :2], mask, z)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("kind", [AffineCoupling, AdditiveCoupling])
def test_coupling_on_random_weights(rng, shaken, check_bijection, kind, first):
    """Eq. flow.10, Eq. flow.11, Eq. flow.13 and Eq. flow.14 against automatic differentiation."""
    f, z = coupling(rng, shaken, kind, first=first), rng.standard_normal((5, 4))
    x, log_det = check_bijection(f, z)
    kept = f.mask == 1
    np.testing.assert_array_equal(x[:, kept], z[:, kept])
    assert (np.abs(x - z)[:, ~kept] > 1e-3).all(), "the other half is changed"
    if kind is AffineCoupling:
        assert (np.abs(log_det) > 1e-3).all()
    else:
        np.testing.assert_array_equal(log_det, 0)


def test_jacobian_is_block_triangular(rng, shaken):
    """Identity, zero, something, diag(exp s): the four blocks of Eq. flow.12."""
    f, z = coupling(rng, shaken, AffineCoupling, dim=5), rng.standard_normal((1, 5))
    J = jacobian(lambda v: f.forward(v)[0])(z)[0, :, 0]  # (5, 5)
    np.testing.assert_array_equal(J[:2, :2], np.eye(2))
    np.testing.assert_array_equal(J[:2, 2:], 0)
    assert np.abs(J[2:, :2]).min() > 1e-6
    s, _ = f.scale_and_shift(z)
    np.testing.assert_allclose(J[2:, 2:], np.diag(np.exp(s[0, 2:])))


def test_scale_is_limit_tanh_of_raw_over_limit(rng, shaken):
    """s = limit·tanh(raw/limit), and t as the network gives it: raw outputs from tiny to large, three limits."""
    net = shaken(coupling_net(rng, 4, 8), size=1.0)
    a = rng.standard_normal((50, 4))
    raw = net(half_mask(4) * a)
    for limit in (0.5, 2.0, 3.0):
        s, t = AffineCoupling(net, half_mask(4), limit).scale_and_shift(a)
        np.testing.assert_allclose(s, limit * np.tanh(raw[:, :4] / limit), rtol=1e-9)
        np.testing.assert_array_equal(t, raw[:, 4:])
    assert np.abs(raw[:, :4]).min() < 0.1 and np.abs(raw[:, :4]).max() > 3


def test_start_is_the_identity_with_units_that_bend_apart(rng):
    net = coupling_net(rng, 2, 64)
    z = rng.standard_normal((7, 2), dtype=np.float32)
    x, log_det = AffineCoupling(net, half_mask(2)).forward(z)
    np.testing.assert_array_equal(x, z)
    np.testing.assert_array_equal(log_det, 0)
    first = net.layers[0]
    bends = -first.b / first.w[0]  # where a unit's input crosses zero, the second coordinate being masked
    assert np.std(np.clip(bends, -3, 3)) > 0.5
    n = first.w.size
    assert abs(first.w.var() - 1 / 2) < 5 * (1 / 2) * np.sqrt(0.8 / n)  # kurtosis of a uniform: 1.8


def test_spread_is_that_of_the_biases():
    biases = [coupling_net(np.random.default_rng(0), 2, 500, spread=b).layers[1].b for b in (0.0, 2.0, 5.0)]
    assert not biases[0].any()
    assert 1.9 < np.abs(biases[1]).max() <= 2
    assert 4.75 < np.abs(biases[2]).max() <= 5


def test_sharpness_narrows_the_bends_and_keeps_their_places():
    plain, sharp = (coupling_net(np.random.default_rng(0), 2, 16, sharpness=k).layers for k in (1.0, 4.0))
    np.testing.assert_allclose(sharp[0].w, 4 * plain[0].w)
    np.testing.assert_allclose(sharp[0].b, 4 * plain[0].b)
    np.testing.assert_array_equal(sharp[1].w, plain[1].w)


# ------------------------------------------------------------------------------------------- other layers


def test_diagonal_scale(rng, shaken, check_bijection):
    for shape, z in [(3, rng.standard_normal((4, 3))), ((2, 2, 1), rng.standard_normal((3, 2, 2, 1)))]:
        f = shaken(DiagonalScale(shape))
        _, log_det = check_bijection(f, z)
        np.testing.assert_allclose(log_det, f.log_scale.sum())


@pytest.mark.parametrize("shape", [(6, 3), (4, 2, 2, 3)])
def test_batch_norm_in_evaluation(rng, check_bijection, shape):
    f = BatchNorm(3).eval()
    f.running_mean[...], f.running_var[...] = rng.standard_normal(3), rng.uniform(0.5, 2, 3)
    check_bijection(f, rng.standard_normal(shape), atol=1e-6)  # its statistics are float32


def test_batch_norm_in_training(rng):
    """Inferring, the batch itself comes out standardized; its statistics enter the running ones; generating uses
    those."""
    f, x = BatchNorm(2, momentum=0.25, eps=0.0), rng.standard_normal((40, 2)) * [2.0, 0.1] + [3.0, -1.0]
    z, log_det = f.inverse(x)
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(z.std(0), 1)
    np.testing.assert_allclose(log_det, -np.log(x.std(0)).sum())
    np.testing.assert_allclose(f.running_mean, 0.25 * x.mean(0), rtol=1e-5)
    np.testing.assert_allclose(f.running_var, 0.75 + 0.25 * x.var(0), rtol=1e-5)
    made, log_det = f.forward(np.ones((1, 2)))
    np.testing.assert_allclose(made[0], f.running_mean + np.sqrt(f.running_var), rtol=1e-6)
    np.testing.assert_allclose(log_det, 0.5 * np.log(f.running_var).sum(), rtol=1e-5)
    before = f.running_mean.copy()
    f.eval().inverse(x)
    np.testing.assert_array_equal(f.running_mean, before)


# ------------------------------------------------------------------------------------------- dtypes, gradients, errors


@pytest.mark.parametrize("kind", [AffineCoupling, AdditiveCoupling])
def test_float32_stays(rng, kind):
    f = kind(coupling_net(rng, 4, 8, outputs=2 if kind is AffineCoupling else 1), half_mask(4))
    z = rng.standard_normal((3, 4), dtype=np.float32)
    assert {a.dtype for a in (*f.forward(z), *f.inverse(z))} == {np.dtype(np.float32)}
    _, grads = value_and_grad(lambda f, x: sum(a.sum() for a in f.inverse(x)))(f, z)
    assert {a.dtype for a in grads.parameters().values()} == {np.dtype(np.float32)}
    assert "mask" not in f.parameters()


@pytest.mark.parametrize("others", [np.float32, np.float64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_of_the_input_is_that_of_the_output(rng, shaken, dtype, others):
    """Whatever the dtype of the parameters, of the mask and of what a network returns."""
    z, mask = rng.standard_normal((3, 4)).astype(dtype), half_mask(4).astype(others)
    s, t = rng.standard_normal((2, 3, 4)).astype(others)
    bijections = [coupling(rng, shaken, AffineCoupling), coupling(rng, shaken, AdditiveCoupling), DiagonalScale(4)]
    bijections += [BatchNorm(4), BatchNorm(4).eval()]
    results = {
        "affine_forward": affine_forward(z, s, t, mask),
        "affine_inverse": affine_inverse(z, s, t, mask),
        "additive_forward": additive_forward(z, lambda kept: kept + t, mask),
        "additive_inverse": additive_inverse(z, lambda kept: kept + t, mask),
        "affine_log_det": (affine_log_det(z, mask),),
    }
    for k, f in enumerate(bijections):
        f = f.map(lambda a: a.astype(others))
        for name in ("mask", "running_mean", "running_var"):
            if hasattr(f, name):
                setattr(f, name, getattr(f, name).astype(others))
        results |= {f"{k} {type(f).__name__}": f.forward(z), f"{k} {type(f).__name__}, inverse": f.inverse(z)}
    for name, arrays in results.items():
        assert [a.dtype for a in arrays] == [dtype] * len(arrays), name
    _, log_det = affine_forward(z, s, t, mask)
    np.testing.assert_allclose(log_det, s[:, 2:].sum(axis=1), rtol=1e-5)


def test_errors_name_the_argument(rng):
    z, mask = np.zeros((2, 3)), half_mask(3)
    for call, says in [
        (lambda: half_mask(1), "dim must be a whole number of at least 2, got 1"),
        (lambda: checkerboard_mask(0, 3), "height must be a whole number"),
        (lambda: affine_forward(z, z[:, :2], z, mask), r"s must have the shape of z, \(2, 3\), got \(2, 2\)"),
        (lambda: affine_inverse(z, z, z[:1], mask), r"t must have the shape of x, \(2, 3\), got \(1, 3\)"),
        (lambda: affine_log_det(z, np.ones(2)), r"mask must broadcast against one example of s, \(3,\), got \(2,\)"),
        (lambda: affine_log_det(np.zeros(3), mask), r"s must have shape \(N, D\), got \(3,\)"),
        (lambda: AffineCoupling(coupling_net(rng, 3, 4), np.ones(3)), "mask must hold zeros .* and ones"),
        (lambda: AffineCoupling(coupling_net(rng, 3, 4), mask, limit=0), "limit must be a positive number, got 0"),
        (lambda: AffineCoupling(coupling_net(rng, 3, 4), mask).inverse(np.zeros((2, 4))), "mask must broadcast"),
        (
            lambda: AdditiveCoupling(coupling_net(rng, 3, 4, outputs=1), mask).forward(np.zeros((2, 4))),
            "mask must broadcast",
        ),
    ]:
        with pytest.raises(ValueError, match=says):
            call()


def test_picture_coupling_counts_every_place(rng):
    """A channel mask acts at all places: log-dets sum over them."""
    z, s, t = rng.standard_normal((3, 2, 2, 2, 4))
    mask = channel_mask(4)

    def f(v):
        return affine_forward(v, np.broadcast_to(s[:1], v.shape), np.broadcast_to(t[:1], v.shape), mask)[0]

    np.testing.assert_allclose(jacobian_log_det(f, z[:1]), affine_log_det(s[:1], mask))
    np.testing.assert_allclose(affine_log_det(s, mask), s[..., 2:].sum(axis=(1, 2, 3)))


@pytest.mark.parametrize("kind, outputs", [(AffineCoupling, 2), (AdditiveCoupling, 1)])
def test_a_context_is_handed_to_a_network_that_takes_one_and_refused_for_another(rng, kind, outputs):
    x, c = rng.standard_normal((3, 4)), rng.standard_normal((3, 2))
    with pytest.raises(ValueError, match="context must be None, because MLP takes none"):
        kind(coupling_net(rng, 4, 8, outputs=outputs), half_mask(4)).inverse(x, c)
    net = ContextNet(coupling_net(rng, 4, 8, outputs=outputs, context=2), 4, 2)
    net.net.layers[-1].w[...] = 1
    given = kind(net, half_mask(4))
    assert np.all(np.any(given.forward(x, c)[0] != given.forward(x, c + 1)[0], axis=1))
