"""The VAE in plain autograd: one hidden layer, the KL divergence by its formula, Adam by hand, log_prob the bound."""

import autograd.numpy as np
from autograd import value_and_grad

STEPS, BATCH, Z, WIDTH, DRAWS = 6000, 200, 12, 200, 20


def layers(rng, sizes):
    return [(rng.normal(0, a**-0.5, (a, b)).astype("f"), np.zeros(b, "f")) for a, b in zip(sizes, sizes[1:])]


def net(params, x):
    for w, b in params[:-1]:
        x = np.tanh(x @ w + b)
    return x @ params[-1][0] + params[-1][1]


def bound(params, x, noise):
    code = net(params[0], x - 0.5)
    mean, log_var = code[:, :Z], code[:, Z:]
    l = net(params[1], mean + np.exp(0.5 * log_var) * noise)
    kl = 0.5 * np.sum(mean**2 + np.exp(log_var) - 1 - log_var, axis=1)
    return np.sum(x * l - np.logaddexp(0, l), axis=1) - kl


def loss(params, x, noise):
    return -np.mean(bound(params, x, noise))


def train(x, rng):
    params = [layers(rng, [100, WIDTH, 2 * Z]), layers(rng, [Z, WIDTH, 100])]
    memory = [[[0 * a, 0 * a] for pair in part for a in pair] for part in params]
    for i in range(STEPS):
        batch, noise = x[rng.integers(len(x), size=BATCH)], rng.standard_normal((BATCH, Z)).astype("f")
        grads = value_and_grad(loss)(params, batch, noise)[1]
        rate = 3e-3 * min(1, 2 * (1 - i / STEPS))
        for part, part_grads, part_memory in zip(params, grads, memory):
            arrays = [a for pair in part for a in pair]
            for a, g, both in zip(arrays, [g for pair in part_grads for g in pair], part_memory):
                both[0], both[1] = 0.9 * both[0] + 0.1 * g, 0.999 * both[1] + 0.001 * g**2
                a -= rate * both[0] / (np.sqrt(both[1] / (1 - 0.999 ** (i + 1))) + 1e-8)
    return params


def sample(params, n, rng):
    l = net(params[1], rng.standard_normal((n, Z)))
    return rng.random(l.shape) < 1 / (1 + np.exp(-l))


def log_prob(params, x):
    rng = np.random.default_rng(1)
    draws = [bound(params, x, rng.standard_normal((len(x), Z))) for _ in range(DRAWS)]
    return np.mean(draws, axis=0)
