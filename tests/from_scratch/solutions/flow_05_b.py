"""Another flow, in plain autograd: p(x1) p(x2 | x1), each a mixture of logistics whose CDF is the map to noise."""

import autograd.numpy as np
from autograd import value_and_grad
from autograd.scipy.special import expit, logsumexp

STEPS, BATCH, K, WIDTH = 2500, 256, 8, 64


def cdf_and_log_density(raw, x):  # raw (N, 3K), x (N,)
    weight, mean, log_scale = raw[:, :K], raw[:, K : 2 * K], raw[:, 2 * K :]
    weight = weight - logsumexp(weight, axis=1, keepdims=True)
    u = (x[:, None] - mean) * np.exp(-log_scale)
    density = -np.abs(u) - 2 * np.log1p(np.exp(-np.abs(u))) - log_scale
    return np.sum(np.exp(weight) * expit(u), axis=1), logsumexp(weight + density, axis=1)


def conditional(p, x1):
    h = np.tanh(np.tanh(x1[:, None] @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"])
    return h @ p["w3"] + p["b3"]


def log_prob(p, x):
    first = cdf_and_log_density(p["first"] + np.zeros((len(x), 1)), x[:, 0])[1]
    return first + cdf_and_log_density(conditional(p, x[:, 0]), x[:, 1])[1]


def loss(p, x):
    return -np.mean(log_prob(p, x))


def train(x, rng):
    start = np.concatenate([np.zeros(K), np.linspace(-1.5, 2.5, K), np.full(K, -1.5)])
    p = {"first": start[None], "b1": rng.normal(0, 1, WIDTH), "b2": np.zeros(WIDTH), "b3": start.copy()}
    p |= {
        "w1": rng.normal(0, 2, (1, WIDTH)),
        "w2": rng.normal(0, WIDTH**-0.5, (WIDTH, WIDTH)),
        "w3": np.zeros((WIDTH, 3 * K)),
    }
    m, s = {k: 0 * v for k, v in p.items()}, {k: 0 * v for k, v in p.items()}
    for i in range(STEPS):
        grads = value_and_grad(loss)(p, x[rng.integers(len(x), size=BATCH)].astype(float))[1]
        for k, g in grads.items():
            m[k], s[k] = 0.9 * m[k] + 0.1 * g, 0.99 * s[k] + 0.01 * g**2
            p[k] = p[k] - 0.01 * (1 - i / STEPS) * m[k] / (np.sqrt(s[k]) + 1e-8)
    return p


def invert(raw, u):  # by bisection
    low, high = np.full(len(u), -6.0), np.full(len(u), 6.0)
    for _ in range(40):
        middle = (low + high) / 2
        below = cdf_and_log_density(raw, middle)[0] < u
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2


def sample(p, n, rng):
    x1 = invert(np.repeat(p["first"], n, axis=0), rng.random(n))
    return np.stack([x1, invert(conditional(p, x1), rng.random(n))], axis=1)
