"""Guidance on mixtures of Gaussians, of which the classifier, the model of the noise and the tilted density are exact.

The components of a mixture have classes: p(y | k). Then q(y | x_t) = Σ_k p(k | x_t) p(y | k), and q(x_t | y) is the
mixture with the weights w_k p(y | k).
"""

import autograd.numpy as anp
import numpy as np
import pytest

from minigen.data.mixture import GaussianMixture
from minigen.diffusion import guidance as G
from minigen.diffusion.ddpm import ancestral, eps_from_score
from minigen.diffusion.exact import exact_eps_model
from minigen.diffusion.samplers import ddim, strided
from minigen.diffusion.schedule import Schedule
from minigen.metrics import sampling_floor, sliced_wasserstein
from minigen.tensor import grad, logsumexp

MEANS = np.array([[-1.0, 0.3], [0.2, 1.1], [0.9, -0.4]])
STD = np.array([0.35, 0.5, 0.4])
WEIGHTS = np.array([0.3, 0.45, 0.25])
CLASSES = np.array([[0.9, 0.1], [0.25, 0.75], [0.4, 0.6]])  # p(y | k)
MIXTURE = GaussianMixture(MEANS, std=STD, weights=WEIGHTS)


def tilted(y):
    """p(x | y), exactly."""
    return GaussianMixture(MEANS, std=STD, weights=WEIGHTS * CLASSES[:, y])


def classifier(schedule, y):
    """log q(y | x_t), exactly, in operations that autograd knows."""

    def log_prob(x, t):
        assert np.shape(t) == (len(x),)
        a = schedule.alpha_bar[t][:, None]  # (N, 1)
        variance = a * STD**2 + 1 - a  # (N, K)
        squares = anp.sum((x[:, None, :] - np.sqrt(a)[:, :, None] * MEANS) ** 2, axis=2)
        terms = np.log(WEIGHTS) - np.log(variance) - 0.5 * squares / variance
        return logsumexp(terms + np.log(CLASSES[:, y]), axis=1) - logsumexp(terms, axis=1)

    return log_prob


def noise(seed, *shape, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


# ------------------------------------------------------------------------------------------- formulas


def test_classifier_guided_eps_by_hand():
    """alpha_bar_2 = 0.36, so the factor is 0.8: 0.5 - 0.8 · 3 · 2 = -4.3. Eq. diffusion.21, Eq. diffusion.22"""
    s = Schedule([0.1, 0.6])
    eps, slope = np.array([[0.5, -1.0]]), np.array([[2.0, 0.25]])
    np.testing.assert_allclose(G.classifier_guided_eps(eps, slope, 2, s, 3.0), [[-4.3, -1.6]])
    np.testing.assert_allclose(G.classifier_guided_eps(eps, slope, np.array([2]), s), [[-1.1, -1.2]])
    np.testing.assert_allclose(G.classifier_guided_eps(eps, slope, 1, s, 0.0), eps)


def test_the_gradient_of_a_gaussians_log_density_is_minus_x():
    """log f = −½ |x|² − t: a slope of −x for each example, whatever t; in pictures too, and in x's dtype.
    Eq. diffusion.20"""

    def log_prob(x, t):
        return -0.5 * anp.sum(x**2, axis=tuple(range(1, x.ndim))) - np.asarray(t)

    for x in (noise(0, 5, 2), noise(1, 3, 4, 4, 1, dtype=np.float32)):
        np.testing.assert_allclose(G.classifier_gradient(log_prob, x, np.arange(1, len(x) + 1)), -x)
        assert G.classifier_gradient(log_prob, x, 3).dtype == x.dtype
    wide = G.classifier_gradient(lambda x, t: log_prob(x.astype(np.float64), t), x, 3)  # a classifier in float64
    np.testing.assert_array_equal(wide, -x)
    assert wide.dtype == np.float32
    with pytest.raises(ValueError, match=r"log_prob must return shape \(3,\), one for each example, got \(\)"):
        G.classifier_gradient(lambda x, t: anp.sum(x), x, 3)


def test_classifier_free_eps_by_hand():
    """1.5 · 2 - 0.5 · (-4) = 5. Eq. diffusion.23"""
    c, u = np.array([[2.0, 3.0]]), np.array([[-4.0, 1.0]])
    np.testing.assert_allclose(G.classifier_free_eps(c, u, 0.5), [[5.0, 4.0]])
    np.testing.assert_array_equal(G.classifier_free_eps(c, u, 0), c)
    np.testing.assert_array_equal(G.classifier_free_eps(c, u, -1), u)


def test_cosines():
    image, text = np.array([[3.0, 4.0], [-2.0, 0.0], [1.0, 1.0]]), np.array([[10.0, 0.0]])
    np.testing.assert_allclose(G.clip_similarity(image, text), [0.6, -1.0, 0.5**0.5])
    np.testing.assert_allclose(G.clip_similarity(image, np.eye(3)[[0, 1, 1], :2]), [0.6, 0.0, 0.5**0.5])
    a, b = noise(0, 5, 7), noise(1, 5, 7)
    np.testing.assert_allclose(G.clip_similarity(1e-200 * a, 1e200 * b), G.clip_similarity(a, b))
    large = (1e30 * a).astype(np.float32)
    np.testing.assert_allclose(G.clip_similarity(large, b.astype(np.float32)), G.clip_similarity(a, b), atol=1e-6)


# ------------------------------------------------------------------------------------------- models


@pytest.mark.parametrize("y", [0, 1])
def test_with_the_exact_classifier_the_guided_model_is_that_of_the_tilted_mixture(y):
    """∇ log q(x_t, y) = ∇ log q(x_t) + ∇ log q(y | x_t), at every t. Eq. diffusion.20"""
    s = Schedule.linear(50, 1e-3, 0.3)
    guided = G.classifier_guided(exact_eps_model(MIXTURE, s), classifier(s, y), s, 1.0)
    for t in (1, 7, 25, 40):
        x = 2 * noise(t, 40, 2)
        want = exact_eps_model(tilted(y), s)(x, np.full(40, t))
        np.testing.assert_allclose(guided(x, t), want, atol=1e-9)
        assert np.abs(want - exact_eps_model(MIXTURE, s)(x, np.full(40, t))).max() > 0.01
        a = s.alpha_bar[t]
        score = tilted(y).noised(np.sqrt(a), np.sqrt(1 - a)).score(x)
        np.testing.assert_allclose(guided(x, t), eps_from_score(score, t, s), atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(
    "sampler",
    [
        lambda f, x, s, rng: ancestral(f, x, s, rng),
        lambda f, x, s, rng: strided(f, x, s, 75, rng),
        lambda f, x, s, rng: ddim(f, x, s, 75),
    ],
)
def test_samples_are_those_of_the_tilted_mixture(sampler):
    """Sliced W1 of 5,000 samples, over that of two sets of the truth; without guidance it is ten times as far."""
    s, rng, n = Schedule.linear(150, 6e-4, 0.12), np.random.default_rng(0), 5_000
    guided = G.classifier_guided(exact_eps_model(MIXTURE, s), classifier(s, 0), s, 1.0)
    x = sampler(guided, rng.standard_normal((n, 2)), s, rng)

    def distance(a, b):
        return sliced_wasserstein(a, b, 50, np.random.default_rng(1))

    floor = sampling_floor(distance, tilted(0).sample, n, rng, repeats=6).mean
    assert distance(x, tilted(0).sample(rng, n)) < 2.5 * floor
    assert distance(MIXTURE.sample(rng, n), tilted(0).sample(rng, n)) > 8 * floor


def test_classifier_free_is_classifier_guidance_with_the_implicit_classifier():
    """eps(x, y) - eps(x) is -sqrt(1 - alpha_bar) times the gradient of log q(y | x_t), so the free w is w + 1 times the
    gradient. Eq. diffusion.23"""
    s = Schedule.linear(50, 1e-3, 0.3)
    told = []

    def eps_model(x, t, y=None):
        told.append(None if y is None else np.array(y))
        assert np.shape(t) == (len(x),)
        return exact_eps_model(MIXTURE if y is None else tilted(int(y[0])), s)(x, t)

    x, y = noise(0, 30, 2), np.ones(30, int)
    for w in (0.0, 0.6, 3.0):
        want = G.classifier_guided(exact_eps_model(MIXTURE, s), classifier(s, 1), s, 1 + w)(x, 20)
        np.testing.assert_allclose(G.classifier_free(eps_model, y, w)(x, 20), want, atol=1e-9)
    assert [None if y is None else y.tolist() for y in told] == [[1] * 30, None] * 3
    np.testing.assert_array_equal(
        G.classifier_free(eps_model, 1, 0.6)(x, 20), G.classifier_free(eps_model, y, 0.6)(x, 20)
    )


def test_clip_guidance_follows_the_gradient_of_the_cosine():
    s = Schedule.linear(50, 1e-3, 0.3)
    W, text = noise(0, 2, 5), noise(1, 1, 5)
    times = []

    def encoder(x, t):
        times.append(np.array(t))
        return anp.tanh(x @ W)

    x = noise(2, 6, 2)
    slope = grad(lambda x: anp.sum(G.clip_similarity(anp.tanh(x @ W), text)))(x)
    want = G.classifier_guided_eps(exact_eps_model(MIXTURE, s)(x, np.full(6, 9)), slope, 9, s, 2.5)
    np.testing.assert_allclose(G.clip_guided(exact_eps_model(MIXTURE, s), encoder, text, s, 2.5)(x, 9), want)
    assert all(t.tolist() == [9] * 6 for t in times)


def test_clip_guidance_with_a_text_for_each_image():
    """N different texts: each image follows its own, as in a call of its own. Nichol et al. 2022."""
    s, W, texts, x = Schedule.linear(50, 1e-3, 0.3), noise(0, 2, 5), noise(1, 3, 5), noise(2, 3, 2)

    def model(x, t):
        return 0.5 * x

    def encoder(x, t):
        return anp.tanh(x @ W)

    got = G.clip_guided(model, encoder, texts, s, 2.5)(x, 9)
    one = [G.clip_guided(model, encoder, texts[i : i + 1], s, 2.5)(x[i : i + 1], 9)[0] for i in range(3)]
    np.testing.assert_allclose(got, one)


def test_dropped_labels_by_hand():
    """-1 where u is below p, not where it is p: with p = 0 no label is left out, with p = 1 all of them."""
    y, u = np.array([3, 0, 9, 4]), np.array([0.0, 0.25, 0.5, np.nextafter(1, 0)])
    np.testing.assert_array_equal(G.drop_labels(y, u, 0.5), [-1, -1, 9, 4])
    np.testing.assert_array_equal(G.drop_labels(y, u, 0), y)
    np.testing.assert_array_equal(G.drop_labels(y, u, 1), [-1] * 4)


def test_one_label_stands_for_all():
    """A whole number, of Python or NumPy, and an array without axes: the model is told (N,) of them."""
    x, told = noise(0, 3, 2), []

    def model(x, t, y=None):
        told.append(y)
        return x

    for y in (4, np.int64(4), np.array(4)):
        G.classifier_free(model, y, 1.0)(x, 5)
        label, nothing = told[-2:]
        assert nothing is None and label.dtype.kind == "i" and label.shape == (3,)
        np.testing.assert_array_equal(label, [4, 4, 4])


def test_float32_stays_float32():
    s, x = Schedule.linear(50, 1e-3, 0.3), noise(0, 5, 2, dtype=np.float32)
    guided = G.classifier_guided(exact_eps_model(MIXTURE, s), classifier(s, 0), s, 2.0)  # a classifier in float64
    assert guided(x, 7).dtype == np.float32
    assert ddim(guided, x, s, 5).dtype == np.float32
    assert G.classifier_free_eps(x, x, 0.3).dtype == np.float32
    assert G.classifier_guided_eps(x, x, 3, s, 0.3).dtype == np.float32
    assert G.clip_similarity(x, x).dtype == np.float32
    before = x.copy()
    guided(x, 7)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("dtype, other", [(np.float32, np.float64), (np.float64, np.float32)])
def test_the_first_argument_gives_the_dtype(dtype, other):
    """Whatever the second is; and each gradient has the dtype of its own argument."""
    s, a, b = Schedule.linear(50, 1e-3, 0.3), noise(0, 5, 2, dtype=dtype), noise(1, 5, 2, dtype=other)
    for formula in (
        lambda a, b: G.classifier_guided_eps(a, b, 3, s, 0.3),
        lambda a, b: G.classifier_guided_eps(a, b, np.array([1, 2, 3, 4, 50]), s),
        lambda a, b: G.classifier_free_eps(a, b, 0.3),
        G.clip_similarity,
    ):
        assert formula(a, b).dtype == dtype
        np.testing.assert_allclose(formula(a, b), formula(a.astype(float), b.astype(float)), atol=1e-5)
        slopes = grad(lambda ab: anp.sum(formula(*ab) ** 2))([a, b])
        assert [slope.dtype for slope in slopes] == [dtype, other]


def test_errors_name_the_argument():
    s, x = Schedule.linear(50, 1e-3, 0.3), noise(0, 3, 2)

    def model(x, t, y=None):
        return x

    def ones(x, t):
        return anp.sum(x, axis=1)

    for call, says in [
        (lambda: G.classifier_guided_eps(x, x[:2], 3, s), r"grad must have the shape of eps, \(3, 2\), got \(2, 2\)"),
        (lambda: G.classifier_guided_eps(x, x, 0, s), "t must be in 1..50, got values from 0 to 0"),
        (lambda: G.classifier_guided_eps(x, x, 51, s), "t must be in 1..50"),
        (lambda: G.classifier_guided_eps(x, x, np.array([1, 2]), s), "t must be one time step or have shape"),
        (lambda: G.classifier_guided_eps(x, x, 2.0, s), "t must be a whole number"),
        (lambda: G.classifier_guided_eps(x, np.full((3, 2), np.nan), 2, s), "grad must be finite"),
        (lambda: G.classifier_guided_eps(x, x, 3, s, np.nan), "w must be a number"),
        (lambda: G.classifier_guided_eps(x, x, 3, s, "1"), "w must be a number"),
        (lambda: G.classifier_free_eps(x, x[:, :1], 1.0), "eps_uncond must have the shape of eps_cond"),
        (lambda: G.classifier_free_eps(x, np.full((3, 2), np.inf), 1.0), "eps_uncond must be finite"),
        (lambda: G.classifier_free_eps(np.ones((3, 2), int), x, 1.0), "eps_cond must"),
        (lambda: G.classifier_free_eps(x, x, np.inf), "w must be a number"),
        (lambda: G.clip_similarity(x, x[:2]), "text must have 1 row or 3"),
        (lambda: G.clip_similarity(x, x[:, :1]), r"text must have shape \(N, 2\)"),
        (lambda: G.clip_similarity(0 * x, x), "image must have no row of zeros"),
        (lambda: G.clip_similarity(x[0], x), r"image must have shape \(N, E\)"),
        (lambda: G.classifier_guided(None, ones, s, 1.0), "eps_model must be a function"),
        (lambda: G.classifier_guided(model, 3, s, 1.0), "log_prob must be a function"),
        (lambda: G.classifier_guided(model, ones, None, 1.0), "schedule must be an instance of Schedule"),
        (lambda: G.classifier_guided(model, ones, s, "strong"), "w must be a number"),
        (lambda: G.classifier_guided(model, lambda x, t: x, s, 1.0)(x, 3), r"log_prob must return shape \(3,\)"),
        (lambda: G.classifier_guided(model, lambda x, t: anp.sum(x), s, 1.0)(x, 3), r"log_prob must return shape"),
        (lambda: G.classifier_guided(model, ones, s, 1.0)(x, 51), "t must be in 1..50"),
        (lambda: G.drop_labels([1, 2], [0.5, 1.0], 0.1), r"u must be in \[0, 1\), got values up to 1"),
        (lambda: G.drop_labels([1, 2], [0.5, -0.1], 0.1), "u must be nonnegative, got values from -0.1 to 0.5"),
        (lambda: G.drop_labels([1, 2], [0.5], 0.1), r"u must have the shape of y, \(2,\), got \(1,\)"),
        (lambda: G.classifier_free(model, None, 1.0), "y must be a condition, got None"),
        (lambda: G.classifier_free(Schedule, np.zeros(3, int), 1.0), "eps_model must be a function"),
        (lambda: G.clip_guided(model, 0, x, s, 1.0), "image_encoder must be a function"),
        (lambda: G.clip_guided(model, model, x[0], s, 1.0), r"text must have shape \(N, E\)"),
    ]:
        with pytest.raises(ValueError, match=says):
            call()


def test_a_model_that_has_been_told():
    """Every argument arrives, and what comes back is passed on, a pair too."""

    def model(x, t, y):
        return x + t + y, y

    x, t, y = np.ones(3), np.full(3, 10), np.array([1, 2, 3])
    np.testing.assert_array_equal(G.conditional(model, y)(x, t), (x + t + y, y))
    with pytest.raises(ValueError, match="model"):
        G.conditional(None, y)
