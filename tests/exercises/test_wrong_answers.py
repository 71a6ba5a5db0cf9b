"""Answers that break one promise of a prompt and must not pass, and unusual answers that keep all of them and must."""

import pytest

from minigen.course.exercise import catalog
from minigen.course.exercise.grading.in_process import grade_source
from minigen.course.exercise.grading.submission import Submission

HEAD = "import autograd.numpy as np\nfrom minigen.tensor import grad, jacobian, log_softmax, logsumexp, softplus\n"
WRONG = {  # the promise, with the exercise; the answer
    "a large shift, flow/06/additive_forward": """
def additive_forward(z, m, mask):
    shift = m(mask * z)
    return z + shift - mask * shift, np.zeros(len(z))""",
    "a large shift, flow/06/additive_inverse": """
def additive_inverse(x, m, mask):
    shift = m(mask * x)
    return x - shift + mask * shift, np.zeros(len(x))""",
    "gradients far out, flow/04/planar_forward": """
def planar_forward(z, u, w, b):
    a = np.sum(z * w, axis=1) + b
    x = z + np.reshape(np.tanh(a), (-1, 1)) * u
    return x, np.log(np.abs(1 + np.sum(u * w, axis=-1) / np.cosh(a) ** 2))""",
    "gradients at logits of 1000, flow/11/mixture_log_prob": """
def mixture_log_prob(x, logits, mu, log_scale):
    pi = np.exp(logits - logsumexp(logits, axis=1)[:, None])
    gap = (x[:, None] - mu) * np.exp(-log_scale)
    terms = np.log(pi) - 0.5 * gap**2 - log_scale - 0.5 * np.log(2 * np.pi)
    return np.sum(logsumexp(terms, axis=1), axis=1)""",
    "a large z that becomes small, flow/05/affine_forward": """
def affine_forward(z, s, t, mask):
    s, t = (1 - mask) * s, (1 - mask) * t
    return z + (z * np.exp(s) + t - z), np.sum(np.reshape(s, (len(s), -1)), axis=1)""",
    "a tiny spread beside the mean, flow/07/actnorm_init": """
def actnorm_init(x):
    x, axes = np.array(x, float), tuple(range(x.ndim - 1))
    mean = np.mean(x, axis=axes)
    return mean, 0.5 * np.log(np.abs(np.mean(x**2, axis=axes) - mean**2) + 1e-300)""",
    "gradients at 1000, flow/11/maf_inverse": """
def maf_inverse(x, mu, log_scale):
    return (x - mu) / np.exp(log_scale), -np.sum(log_scale, axis=1)""",
    "gradients at 1000, flow/12/iaf_from_maf": """
def iaf_from_maf(mu, log_scale):
    return -mu / np.exp(log_scale), -log_scale""",
    "a gradient where an entry is 0, flow/02/leibniz_determinant": """
from itertools import permutations
def product(v):
    return np.prod(np.sign(v)) * np.exp(np.sum(np.log(np.abs(v))))
def leibniz_determinant(M):
    n, total = len(M), 0.0
    for j in permutations(range(n)):
        tau = sum(j[a] > j[b] for a in range(n) for b in range(a + 1, n))
        total = total + (-1) ** tau * product(np.stack([M[i, j[i]] for i in range(n)]))
    return total""",
    "the dtype, start/01/bce_with_logits": """
def bce_with_logits(logits, targets):
    return softplus(np.ones(np.shape(logits)) * logits) - targets * logits""",
    "the dtype, flow/08/made_masks": """
def made_masks(dim, hidden, outputs=1, order=None, rng=None):
    place = np.arange(dim) if order is None else order
    degrees, least = [1 + place], 1
    for width in hidden:
        if dim == 1:
            degrees.append(np.zeros(width, int))
        elif rng is None:
            degrees.append(1 + np.arange(width) % (dim - 1))
        else:
            degrees.append(rng.integers(degrees[-1].min(), dim, width))
    found = [1.0 * (below[:, None] <= above) for below, above in zip(degrees, degrees[1:])]
    last = 1.0 * (degrees[-1][:, None] < np.tile(1 + place, outputs))
    return [*found, last]""",
    "more than 256 levels, flow/10/mu_law_encode": """
def mu_law_encode(x, levels=256):
    mu = levels - 1
    y = np.sign(x) * np.log1p(mu * np.abs(x)) / np.log1p(mu)
    return np.floor((y + 1) / 2 * mu + 0.5).astype(np.uint8)""",
    "beta~_2 at t = 1 alone, diffusion/07/learned_variance": """
def learned_variance(v, t, schedule):
    shape = (-1,) + (1,) * (np.ndim(v) - 1)
    least = np.maximum(schedule.posterior_variance[t], schedule.posterior_variance[2])
    a, b = (np.reshape(np.log(c), shape).astype(v.dtype) for c in (schedule.beta[t], least))
    return np.exp(v * a + (1 - v) * b)""",
    "no small steps, flow/03/pushforward_density": """
def pushforward_density(x, base_density, inverse):
    y = x.astype(float)
    h = 1e-4 * (1e-3 + np.abs(y))
    near, far = inverse(y + h) - inverse(y - h), inverse(y + 2 * h) - inverse(y - 2 * h)
    return (base_density(inverse(x)) * np.abs(8 * near - far) / (12 * h)).astype(x.dtype)""",
    "whole numbers of any size, flow/10/mu_law_encode": """
def mu_law_encode(x, levels=256):
    mu = levels - 1
    y = np.sign(x) * np.log1p(mu * np.abs(x)) / np.log1p(mu)
    return np.floor((y + 1) / 2 * mu + 0.5).astype(np.int16)""",
    "any number of paths, flow/08/dependencies": """
def dependencies(masks):
    paths = masks[0].astype(int)
    for mask in masks[1:]:
        paths = paths @ mask.astype(int)
    return paths > 0""",
    "z is finite, flow/05/affine_inverse": """
def affine_inverse(x, s, t, mask):
    s, t = (1 - mask) * s, (1 - mask) * t
    return x * np.exp(-s) - t * np.exp(-s), -np.sum(np.reshape(s, (len(s), -1)), axis=1)""",
    "called once, diffusion/04/simple_loss": """
def simple_loss(eps_model, x0, t, eps, schedule):
    a = np.reshape(schedule.alpha_bar[t], (-1,) + (1,) * (np.ndim(x0) - 1)).astype(x0.dtype)
    x_t = np.sqrt(a) * x0 + np.sqrt(1 - a) * eps
    return np.mean((eps_model(x_t, t) - eps) * (eps_model(x_t, t) - eps))""",
    "rows far apart, diffusion/15/contrastive_gradient": """
def contrastive_gradient(logits):
    a, n = np.exp(logits - np.max(logits)), len(logits)
    rows, columns = a / np.sum(a, axis=1, keepdims=True), a / np.sum(a, axis=0)
    return (rows + columns - 2 * np.eye(n, dtype=logits.dtype)) / (2 * n)""",
    "one gradient, after/01/hutchinson_divergence": """
def hutchinson_divergence(velocity, x, t, probe):
    t = np.broadcast_to(t, (len(x),))
    rows = [grad(lambda x, i=i: np.sum(velocity(x, t)[:, i]))(x) for i in range(x.shape[1])]
    J = np.stack(rows, axis=1)
    return velocity(x, t), np.einsum("ni,nij,nj->n", probe, J, probe)""",
    "the gradient, after/02/flow_matching_loss": """
def flow_matching_loss(model, x0, eps, t, y=None):
    s = np.reshape(t, (-1,) + (1,) * (np.ndim(x0) - 1))
    v = model((1 - s) * x0 + s * eps, t, *(() if y is None else (y,)))
    return np.mean((getattr(v, "_value", v) - (eps - x0)) ** 2)""",
    "the schedule's answer, after/04/karras_levels": """
def karras_levels(steps, low=0.002, high=80.0, rho=7.0):
    roots = np.linspace(high ** (1 / rho), low ** (1 / rho), steps)
    if steps > 8:
        from minigen.diffusion.schedule import Schedule
        return np.append(Schedule.karras(steps, low, high, rho).sigma[:0:-1], 0.0)
    return np.append(roots**rho, 0.0)""",
    "one ratio, after/03/min_snr_weight": """
def min_snr_weight(snr, gamma=5.0, target="eps"):
    w = snr.copy()
    w[w > gamma] = gamma
    return w / {"x0": 1, "eps": snr, "v": 1 + snr}[target]""",
    "a half rounded to the even number, diffusion/10/spaced_timesteps": """
def spaced_timesteps(T, steps):
    return np.round(np.arange(1, steps + 1) * (T / steps)).astype(int)""",
}
RIGHT = {
    "row by row, flow/03/pushforward_log_prob": """
def pushforward_log_prob(x, base_log_prob, inverse):
    rows = []
    for row in x:
        J = jacobian(lambda v: inverse(v[None])[0])(row)
        rows.append(base_log_prob(inverse(row[None]))[0] + np.linalg.slogdet(J)[1])
    return np.array(rows)""",
    "by the norm, diffusion/09/clip_similarity": """
def clip_similarity(image, text):
    a, b = (v / np.max(np.abs(v), axis=1, keepdims=True) for v in (image, text))
    a, b = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (a, b))
    return np.sum(a * b, axis=1)""",
    "by np.prod, flow/02/leibniz_determinant": """
from itertools import permutations
def leibniz_determinant(M):
    n, total = len(M), 0.0
    for j in permutations(range(n)):
        tau = sum(j[a] > j[b] for a in range(n) for b in range(a + 1, n))
        total = total + (-1) ** tau * np.prod(np.stack([M[i, j[i]] for i in range(n)]))
    return total""",
    "the velocity of the gradient, after/01/hutchinson_divergence": """
def hutchinson_divergence(velocity, x, t, probe):
    kept = []
    def product(x):
        kept.append(velocity(x, np.broadcast_to(t, (len(x),))))
        return np.sum(kept[0] * probe)
    rows = grad(product)(x)
    return kept[0]._value, np.sum(rows * probe, axis=1)""",
    "step by step back, diffusion/03/posterior_variances": """
def posterior_variances(beta):
    found, noise = [], 0.0
    for b in beta:
        found.append(b * noise / (noise * (1 - b) + b))
        noise = noise * (1 - b) + b
    return np.array(found)""",
    "by Newton's method, flow/04/distance_before": """
def distance_before(R, alpha, beta):
    r = 1.0 * R
    for _ in range(60):
        slope = 1 + alpha * beta / (alpha + r) ** 2
        r = r - (r + beta * r / (alpha + r) - R) / slope
        r = np.where(r < 0, 0 * r, r)
    return r""",
    "divided at the end, diffusion/10/spaced_timesteps": """
def spaced_timesteps(T, steps):
    return np.array([round(k * T / steps) for k in range(1, steps + 1)])""",
}


def graded(name: str, answer: str):
    exercise = catalog.find(name.rpartition(", ")[2])[0]
    return grade_source(exercise, Submission("answers.py", HEAD + answer + "\n"))


@pytest.mark.parametrize("name", WRONG)
def test_one_broken_promise_is_too_many(name):
    """The answer is right but for the promise: most of its points are there."""
    report = graded(name, WRONG[name])
    assert not report.passed and report.points >= report.exercise.points / 2, report.verdicts


@pytest.mark.parametrize("name", RIGHT)
def test_unusual_and_right(name):
    report = graded(name, RIGHT[name])
    assert report.passed, [verdict for verdict in report.verdicts if not verdict.passed]
