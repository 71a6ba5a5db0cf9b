"""The flow posterior against closed-form KL divergences, quadrature, and the density that a bijection implies."""

import math

import numpy as np
import pytest

from minigen.flow.autoregressive import IAF
from minigen.flow.bijection import Affine, Bijection, Chain, Flow, Inverse, Permute, StandardNormal
from minigen.flow.planar import Planar, planar_forward
from minigen.flow.vae_flow import AmortizedPlanar, flow_posterior, flow_prior, independent_gap
from minigen.tensor import value_and_grad

NOTHING = Chain([])


def test_by_hand():
    """mu = 1, σ = 2, eps = 0.5: z0 = 2; the flow z = 3 z0 + 1 = 7 has log-det log 3.
    kl = −½·0.25 − log 2 − log 3 + ½·49; the 2π cancel."""
    z, kl = flow_posterior(
        np.array([[1.0]]), np.array([[2 * math.log(2)]]), np.array([[0.5]]), Affine([1.0], [math.log(3)])
    )
    np.testing.assert_allclose(z, [[7]], rtol=1e-6)
    np.testing.assert_allclose(kl, [-0.125 - math.log(2) - math.log(3) + 24.5], rtol=1e-6)


def test_without_a_flow_its_mean_is_the_closed_form(rng):
    """KL(N(mu, σ²) ‖ N(0, 1)) = ½ Σ (mu² + σ² − 1 − log σ²), within 5 standard errors of 40,000 draws."""
    n = 40_000
    mu, logvar = np.tile([[0.7, -1.2]], (n, 1)), np.tile([[-1.0, 0.4]], (n, 1))
    _, kl = flow_posterior(mu, logvar, rng.standard_normal((n, 2)), NOTHING)
    want = 0.5 * np.sum(mu[0] ** 2 + np.exp(logvar[0]) - 1 - logvar[0])
    assert abs(kl.mean() - want) < 5 * kl.std() / math.sqrt(n)
    assert kl.min() < 0 < kl.std(), "one draw is not a divergence: it can be negative"


def test_affine_flow_is_another_gaussian(rng):
    """A scale and shift of N(mu, σ²) is a Gaussian again, with a closed form of its own."""
    n = 40_000
    mu, logvar = np.tile([[0.7, -1.2]], (n, 1)), np.tile([[-1.0, 0.4]], (n, 1))
    shift, log_scale = np.array([0.5, -0.3]), np.array([0.6, -0.8])
    flow = Chain([Affine(shift, log_scale).map(lambda a: a.astype(float)), Permute([1, 0])])
    _, kl = flow_posterior(mu, logvar, rng.standard_normal((n, 2)), flow)
    mean, log_variance = np.exp(log_scale) * mu[0] + shift, logvar[0] + 2 * log_scale
    want = 0.5 * np.sum(mean**2 + np.exp(log_variance) - 1 - log_variance)
    assert abs(kl.mean() - want) < 5 * kl.std() / math.sqrt(n)


def test_draws_follow_the_density_that_is_reported(rng, shaken):
    """kl + log N(z; 0, I) is the log-density of z under the flow with base N(0, I), when mu = 0 and σ = 1."""
    bijection = shaken(Chain([Planar(rng, 2), Planar(rng, 2)]))
    eps = rng.standard_normal((6, 2))
    z, kl = flow_posterior(np.zeros((6, 2)), np.zeros((6, 2)), eps, bijection)
    np.testing.assert_array_equal(z, bijection.forward(eps)[0])
    flow = Flow(StandardNormal(2), bijection)
    np.testing.assert_allclose(kl + StandardNormal(2).log_prob(z), flow.log_prob(z), atol=1e-6)


@pytest.mark.slow
def test_kl_by_quadrature(rng, shaken):
    """∫ q log(q/p) over a grid, with q the density of the flow, against the mean of the draws."""
    bijection = shaken(Chain([Planar(rng, 2), Planar(rng, 2)]), 0.5)
    flow = Flow(StandardNormal(2), bijection)
    side = np.linspace(-9, 9, 600)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    log_q = flow.log_prob(grid)
    exact = np.sum(np.exp(log_q) * (log_q - StandardNormal(2).log_prob(grid))) * (side[1] - side[0]) ** 2
    n = 20_000
    _, kl = flow_posterior(np.zeros((n, 2)), np.zeros((n, 2)), rng.standard_normal((n, 2)), bijection)
    assert exact > 0.02
    assert abs(kl.mean() - exact) < 5 * kl.std() / math.sqrt(n) + 1e-3


def test_context_reaches_the_flow(rng, shaken):
    flow = shaken(IAF(rng, 2, 2, (8,), context=3)).bijection
    mu, logvar, eps, h = (
        rng.standard_normal((5, 2)),
        np.zeros((5, 2)),
        rng.standard_normal((5, 2)),
        rng.standard_normal((5, 3)),
    )
    z, kl = flow_posterior(mu, logvar, eps, flow, h)
    np.testing.assert_array_equal(z, flow.forward(mu + eps, h)[0])
    assert np.abs(flow_posterior(mu, logvar, eps, flow, h + 1)[1] - kl).min() > 1e-6


def test_float32_gradients_reach_mu_logvar_and_the_flow(rng):
    flow = Chain([Planar(rng, 2) for _ in range(4)])
    n = 256
    mu, logvar = np.tile(np.float32([[2, -1]]), (n, 1)), np.full((n, 2), 2 * math.log(0.3), np.float32)

    def loss(parts, eps):
        flow, mu, logvar = parts
        return flow_posterior(mu, logvar, eps, flow)[1].mean()

    value, grads = value_and_grad(loss)((flow, mu, logvar), rng.standard_normal((n, 2), dtype=np.float32))
    assert value.dtype == np.float32
    for g in (*grads[0].parameters().values(), *grads[1:]):
        assert g.dtype == np.float32 and np.abs(g).max() > 0


class Plain:
    """A bijection that knows no context argument, and one dtype."""

    def __init__(self, dtype=float):
        self.dtype = dtype

    def forward(self, z):
        return (2 * z).astype(self.dtype), np.full(len(z), z.shape[1] * math.log(2), self.dtype)


def test_any_bijection_will_do():
    z, kl = flow_posterior(np.zeros((3, 2)), np.zeros((3, 2)), np.ones((3, 2)), Plain())
    np.testing.assert_array_equal(z, 2)
    np.testing.assert_allclose(kl, -1 - 2 * math.log(2) + 4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("parameters", [np.float32, np.float64])
def test_the_dtype_of_the_input_is_that_of_the_output(rng, dtype, parameters):
    flow = Chain([Planar(rng, 2), Affine([0.1, 0.2], [0.3, 0.4])]).map(lambda a: a.astype(parameters))
    a = rng.standard_normal((3, 2)).astype(dtype)
    assert {b.dtype for b in flow_posterior(a, a, a, flow)} == {np.dtype(dtype)}
    assert {b.dtype for b in flow_posterior(a, a, a, Plain(parameters))} == {np.dtype(dtype)}


class Halves(Bijection):
    def forward(self, z, context=None):
        return z[:, :1], np.zeros(len(z))


M = np.zeros((3, 2))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: flow_posterior(M, M[:1], M, NOTHING), r"logvar must have the shape of mu, \(3, 2\), got \(1, 2\)"),
        (lambda: flow_posterior(M, M, M[:, :1], NOTHING), r"eps must have the shape of mu, \(3, 2\), got \(3, 1\)"),
        (lambda: flow_posterior(M[0], M[0], M[0], NOTHING), r"mu must have shape \(N, D\), got \(2,\)"),
        (lambda: flow_posterior(M, M + np.inf, M, NOTHING), "logvar must be finite"),
        (lambda: flow_posterior(M, M, M, Halves()), r"bijection must keep the shape \(3, 2\), got \(3, 1\)"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ------------------------------------------------------------------------------------------- planar, by the context


def test_amortized_planar_is_one_chain_for_each_example(rng, shaken, check_bijection):
    flow, z, h = shaken(AmortizedPlanar(rng, 3, 4, 5), 0.3), rng.standard_normal((6, 3)), rng.standard_normal((6, 5))
    x, log_det = flow.forward(z, h)
    u, w, b = flow.parameters_of(h)
    assert (np.sum(u * w, axis=2) > -1).all()
    for n in range(6):
        point, total = z[n : n + 1], 0.0
        for layer in range(4):
            point, step = planar_forward(point, u[layer, n], w[layer, n], b[layer, n])
            total = total + step
        np.testing.assert_allclose(x[n : n + 1], point, atol=1e-12)
        np.testing.assert_allclose(log_det[n : n + 1], total, atol=1e-12)
    assert np.abs(flow.forward(z, h + 1)[0] - x).min() > 1e-6, "the context changes the flow"


def test_amortized_planar_reads_u_then_w_then_b_of_each_layer(rng):
    """Layers with w = (2, 0) and u = (3, 5) or (0, 5), whose û are those of test_planar.py, and b = 7 and 8."""
    flow = AmortizedPlanar(rng, 2, 2, 3)
    flow.net.w[...], flow.net.b[...] = 0, [3, 5, 2, 0, 7, 0, 5, 2, 0, 8]
    u, w, b = flow.parameters_of(np.ones((4, 3)))
    want = [[3 + (math.log1p(math.e**6) - 7) / 2, 5], [(math.log(2) - 1) / 2, 5]]
    np.testing.assert_allclose(u, np.repeat(np.array(want)[:, None], 4, axis=1), rtol=1e-6)
    np.testing.assert_array_equal(w, np.broadcast_to([2, 0], (2, 4, 2)))
    np.testing.assert_array_equal(b, [[7] * 4, [8] * 4])


def test_amortized_planar_undoes_itself(rng, shaken, check_bijection):
    flow, z, h = shaken(AmortizedPlanar(rng, 3, 4, 5), 0.3), rng.standard_normal((1, 3)), rng.standard_normal((1, 5))

    class OfOne(Bijection):
        """The flow of one context."""

        def forward(self, z, context=None):
            return flow.forward(z, h)

        def inverse(self, x, context=None):
            return flow.inverse(x, h)

    check_bijection(OfOne(), z, atol=1e-8)


def test_amortized_planar_starts_near_the_identity_for_every_context(rng):
    """Whose features have variance 1. The chain of the mean context, alone, would be the identity."""
    flow, z = AmortizedPlanar(rng, 4, 8, 64), rng.standard_normal((500, 4), dtype=np.float32)
    x, log_det = flow.forward(z, rng.standard_normal((500, 64), dtype=np.float32))
    assert 0.01 < np.sqrt(np.mean((x - z) ** 2)) < 0.4 and np.abs(log_det).max() < 1


def test_amortized_planar_starts_at_the_identity_and_trains_in_float32(rng):
    flow, z = AmortizedPlanar(rng, 2, 3, 4), rng.standard_normal((7, 2), dtype=np.float32)
    h = rng.standard_normal((7, 4), dtype=np.float32)
    x, log_det = flow.forward(z, 0 * h)
    np.testing.assert_allclose(x, z, atol=1e-5)
    np.testing.assert_allclose(log_det, 0, atol=1e-5)
    _, grads = value_and_grad(lambda f: flow_posterior(z, 0 * z, z, f, h)[1].mean())(flow)
    assert all(np.abs(g).max() > 0 and g.dtype == np.float32 for g in grads.parameters().values())
    assert flow.inverse(x, h)[0].dtype == np.float32


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda rng: AmortizedPlanar(rng, 2, 1, 3).forward(M), "context must be given"),
        (lambda rng: AmortizedPlanar(rng, 2, 1, 3).forward(M, M), r"context must have shape \(N, 3\), got \(3, 2\)"),
        (lambda rng: AmortizedPlanar(rng, 2, 1, 2).forward(M, M[:2]), r"context must have the shape of z"),
        (lambda rng: AmortizedPlanar(rng, 3, 1, 2).forward(M, M), r"z must have shape \(N, 3\), got \(3, 2\)"),
        (lambda rng: AmortizedPlanar(rng, 2, 1, 2).inverse(M + np.nan, M), "x must be finite"),
    ],
)
def test_errors_of_amortized_planar(rng, call, message):
    with pytest.raises(ValueError, match=message):
        call(rng)


# ------------------------------------------------------------------------------------------- a flow as the prior


def test_flow_prior_by_hand():
    """mu = 1, σ = 2, eps = 0.5: z = 2. The prior is 3 u + 1 with u from N(0, 1): u = 1/3, log |du/dz| = −log 3.
    kl = −½·0.25 − log 2 + ½·(1/9) + log 3; the 2π cancel."""
    one = np.array([[1.0]])
    z, kl = flow_prior(one, np.array([[2 * math.log(2)]]), 0.5 * one, Affine([1.0], [math.log(3)]))
    np.testing.assert_allclose(z, [[2]], rtol=1e-6)
    np.testing.assert_allclose(kl, [-0.125 - math.log(2) + 1 / 18 + math.log(3)], rtol=1e-6)


def test_flow_prior_is_the_density_of_the_flow(rng, shaken):
    """kl = log N(z; mu, σ²) − Flow.log_prob(z), for a flow whose two directions differ."""
    flow = shaken(IAF(rng, 3, 2, (8,)))
    mu, logvar, eps = rng.standard_normal((3, 5, 3))
    z, kl = flow_prior(mu, logvar, eps, flow.bijection)
    np.testing.assert_allclose(z, mu + np.exp(logvar / 2) * eps)
    log_q = -0.5 * np.sum((z - mu) ** 2 / np.exp(logvar) + logvar + math.log(2 * math.pi), axis=1)
    np.testing.assert_allclose(kl, log_q - flow.log_prob(z), atol=1e-6)


def test_a_flow_on_the_prior_is_a_shared_flow_in_the_posterior(rng, shaken):
    """Posterior z = F(z0) with a decoder that begins with F's inverse: the same bound as with the prior F⁻¹(u)."""
    flow = shaken(IAF(rng, 3, 2, (8,))).bijection
    mu, logvar, eps = rng.standard_normal((3, 5, 3))
    z, kl = flow_posterior(mu, logvar, eps, Inverse(flow))
    z0, same = flow_prior(mu, logvar, eps, flow)
    np.testing.assert_allclose(flow.forward(z)[0], z0, atol=1e-6)
    np.testing.assert_allclose(kl, same, atol=1e-6)


def test_errors_of_flow_prior():
    with pytest.raises(ValueError, match=r"logvar must have the shape of mu, \(3, 2\), got \(1, 2\)"):
        flow_prior(M, M[:1], M, NOTHING)
    with pytest.raises(ValueError, match=r"bijection must keep the shape \(3, 2\), got \(3, 1\)"):
        flow_prior(M, M, M, Inverse(Halves()))


# ------------------------------------------------------------------------------------------- the gap of a Gaussian


def kl_of_gaussians(variances, P):
    """KL(N(0, diag variances) ‖ N(0, P⁻¹)), the closed form."""
    trace = np.sum(variances * np.diag(P))
    return 0.5 * (trace - len(P) - np.sum(np.log(variances)) - np.linalg.slogdet(P)[1])


def test_independent_gap_is_the_least_kl_divergence(rng):
    """At the variances 1/P_jj the closed form is the function's value, and any other variances have a larger one."""
    A = rng.standard_normal((6, 4, 4))
    P = A @ np.swapaxes(A, 1, 2) + 0.1 * np.eye(4)
    gap = independent_gap(P)
    for n in range(6):
        best = 1 / np.diag(P[n])
        np.testing.assert_allclose(gap[n], kl_of_gaussians(best, P[n]), rtol=1e-9)
        for _ in range(20):
            assert kl_of_gaussians(best * np.exp(0.3 * rng.standard_normal(4)), P[n]) > gap[n]


def test_independent_gap_by_hand():
    """Half of log 4/3; none for a diagonal matrix, however large."""
    P = np.array([[[2.0, 1], [1, 2]], [[3.0, 0], [0, 0.5]]])
    np.testing.assert_allclose(independent_gap(P), [0.5 * math.log(4 / 3), 0], atol=1e-15)
    np.testing.assert_allclose(independent_gap(1e3 * np.eye(300)[None]), [0], atol=1e-9)
    assert independent_gap(P.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("P", [-np.eye(2)[None], np.ones((1, 2, 2)), np.ones((1, 2, 3)), np.diag([-1.0, -1, 1])[None]])
def test_errors_of_independent_gap(P):
    with pytest.raises(ValueError, match="precision must be positive definite matrices"):
        independent_gap(P)
