"""Wrappers of a model of the noise, one around another in any order, against their formulas in plain NumPy."""

import itertools

import autograd.numpy as anp
import numpy as np
import pytest

from minigen.diffusion.ddpm import join_output, split_output
from minigen.diffusion.guidance import classifier_free, classifier_guided, clip_guided, conditional
from minigen.diffusion.imagen import thresholded
from minigen.diffusion.samplers import clipped, ddim
from minigen.diffusion.schedule import Schedule

S = Schedule.linear(20, 0.02, 0.4)
X = 2 * np.random.default_rng(0).standard_normal((5, 3))
T = np.array([1, 4, 9, 14, 20])
OF_CONDITIONAL, OF_FREE, OF_CALL = (np.array(y) for y in ([0, 1, 2, 0, 1], [2, 2, 1, 0, 0], [1, 0, 0, 2, 2]))
SHIFT = np.array([0.5, -1.0, 2.0])  # of the prediction, by label
TEXT = np.array([[0.6, 0.0, -0.8]])
W = 1.5  # of all guidance


def model(x, t, y=None):
    """eps and v, which both depend on x, t and y."""
    label = 0.0 if y is None else SHIFT[y][:, None]
    return np.sin(x) + 0.1 * t[:, None] + label, np.cos(x) - label


def log_prob(x, t):
    """Of a standard normal around 1, whose gradient is 1 − x."""
    return -0.5 * anp.sum((x - 1) ** 2, axis=1)


def rates(t):
    alpha_bar = S.alpha_bar[t][:, None]
    return np.sqrt(alpha_bar), np.sqrt(1 - alpha_bar)


# ------------------------------------------------------------------------------------------- the formulas


def with_x0(correct):
    def formula(model, x, t, y):
        (eps, v), (signal, noise) = model(x, t, y), rates(t)
        x0 = correct((x - noise * eps) / signal)
        return (x - signal * x0) / noise, v

    return formula


def dynamic(x0):
    s = np.maximum(np.quantile(np.abs(x0), 0.7, axis=1, keepdims=True), 1)
    return np.clip(x0, -s, s) / s


def free(model, x, t, y):
    (given, v), (without, _) = model(x, t, OF_FREE), model(x, t, None)
    return (1 + W) * given - W * without, v


def guided(model, x, t, y):
    eps, v = model(x, t, y)
    return eps - rates(t)[1] * W * (1 - x), v


def guided_by_text(model, x, t, y):
    """The gradient of the cosine of x and a unit vector u: (u − cos x/‖x‖)/‖x‖."""
    eps, v = model(x, t, y)
    length = np.linalg.norm(x, axis=1)[:, None]
    cosine = x @ TEXT.T / length
    return eps - rates(t)[1] * W * (TEXT - cosine * x / length) / length, v


WRAPPERS = {
    "clipped": (lambda m: clipped(m, S), with_x0(lambda x0: np.clip(x0, -1, 1))),
    "static": (lambda m: thresholded(m, S, None), with_x0(lambda x0: np.clip(x0, -1, 1))),
    "dynamic": (lambda m: thresholded(m, S, 0.7), with_x0(dynamic)),
    "conditional": (lambda m: conditional(m, OF_CONDITIONAL), lambda m, x, t, y: m(x, t, OF_CONDITIONAL)),
    "classifier_free": (lambda m: classifier_free(m, OF_FREE, W), free),
    "classifier_guided": (lambda m: classifier_guided(m, log_prob, S, W), guided),
    "clip_guided": (lambda m: clip_guided(m, lambda x, t: x, TEXT, S, W), guided_by_text),
}


def ddim_by_hand(model, x, steps):
    """Steps of DDIM between evenly spaced times, the last one to 0."""
    times = [0, *np.round(np.arange(1, steps + 1) * S.T / steps).astype(int)]
    for t, s in zip(times[:0:-1], times[-2::-1]):
        eps, _ = model(x, np.full(len(x), t), None)
        x0 = (x - np.sqrt(1 - S.alpha_bar[t]) * eps) / np.sqrt(S.alpha_bar[t])
        x = np.sqrt(S.alpha_bar[s]) * x0 + np.sqrt(1 - S.alpha_bar[s]) * eps
    return x


@pytest.mark.parametrize("outer, inner", list(itertools.product(WRAPPERS, repeat=2)))
def test_each_wrapper_around_each(outer, inner):
    """With and without a condition, and in a sampler, which passes none."""
    (wrap_outer, formula_outer), (wrap_inner, formula_inner) = WRAPPERS[outer], WRAPPERS[inner]
    wrapped = wrap_outer(wrap_inner(model))

    def by_hand(x, t, y):
        return formula_outer(lambda x, t, y: formula_inner(model, x, t, y), x, t, y)

    for y in (OF_CALL, None):
        for got, want in zip(wrapped(X, T, y), by_hand(X, T, y), strict=True):
            np.testing.assert_allclose(got, want, atol=1e-9)
    np.testing.assert_array_equal(wrapped(X, T), wrapped(X, T, None))
    np.testing.assert_allclose(ddim(wrapped, X, S, 5), ddim_by_hand(by_hand, X, 5), atol=1e-9)


@pytest.mark.parametrize("bound", ["conditional", "classifier_free"])
def test_a_condition_of_its_own_is_not_replaced(bound):
    """The y of a call is ignored, whatever it is."""
    wrapped = WRAPPERS[bound][0](model)
    for y in (OF_CALL, "not a label"):
        np.testing.assert_array_equal(wrapped(X, T, y), wrapped(X, T))


@pytest.mark.parametrize("name", ["clipped", "static", "dynamic", "classifier_guided", "clip_guided"])
def test_a_model_without_a_condition_need_not_take_one(name):
    """It is called with two arguments, and may return eps alone."""
    eps = WRAPPERS[name][0](lambda x, t: model(x, t)[0])(X, T)
    np.testing.assert_array_equal(eps, WRAPPERS[name][0](model)(X, T)[0])


def test_a_model_in_float64_leaves_float32_as_it_is():
    x = X.astype(np.float32)
    for name in ("clipped", "static", "dynamic", "clip_guided"):
        wide = WRAPPERS[name][0](lambda x, t, y=None: model(x.astype(float), t, y)[0])
        assert ddim(wide, x, S, 3).dtype == np.float32, name
    assert clipped(lambda x, t: 0.5 * x.astype(float), S)(x, T).dtype == np.float32
    assert thresholded(lambda x, t: 0.5 * x.astype(float), S)(x, T).dtype == np.float32


def test_outputs_are_split_and_joined():
    eps, v = X, 2 * X
    assert split_output(eps) == (eps, None) and split_output((eps, v)) == (eps, v)
    assert join_output(eps, None) is eps and join_output(*split_output((eps, v))) == (eps, v)
