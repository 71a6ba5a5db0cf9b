"""The same game in plain autograd: lists of arrays, Adam by hand, a larger code, instance noise that fades."""

import autograd.numpy as np
from autograd import value_and_grad

STEPS, BATCH, Z, WIDTH = 5000, 256, 8, 64


def layers(rng, sizes):
    return [
        (rng.normal(0, a**-0.5, (a, b)).astype("f"), np.zeros(b, "f")) for a, b in zip(sizes, sizes[1:], strict=False)
    ]


def net(params, x):
    for w, b in params[:-1]:
        x = x @ w + b
        x = np.where(x > 0, x, 0.2 * x)
    return x @ params[-1][0] + params[-1][1]


def adam(params, grads, memory, i, lr):
    for k, (pair, pair_grads) in enumerate(zip(params, grads, strict=True)):
        for j, (p, g) in enumerate(zip(pair, pair_grads, strict=True)):
            m, s = memory.setdefault((k, j), [np.zeros_like(p), np.zeros_like(p)])
            m += 0.5 * (g - m)
            s += 0.01 * (g * g - s)
            p -= lr * (m / (1 - 0.5 ** (i + 1))) / (np.sqrt(s / (1 - 0.99 ** (i + 1))) + 1e-8)


def d_loss(disc, real, fake):
    return np.mean(np.logaddexp(0, -net(disc, real))) + np.mean(np.logaddexp(0, net(disc, fake)))


def g_loss(gen, disc, z, noise):
    return np.mean(np.logaddexp(0, -net(disc, net(gen, z) + noise)))


def train(x, rng):
    gen, disc = layers(rng, [Z, WIDTH, WIDTH, 2]), layers(rng, [2, WIDTH, WIDTH, 1])
    memory_g, memory_d = {}, {}
    for i in range(STEPS):
        lr, width = 1e-3 * (1 - i / STEPS), 0.3 * max(0, 1 - 2 * i / STEPS)
        z, noise = rng.standard_normal((BATCH, Z), "f"), width * rng.standard_normal((2, BATCH, 2), "f")
        real = x[rng.integers(len(x), size=BATCH)] + noise[0]
        adam(disc, value_and_grad(d_loss)(disc, real, net(gen, z) + noise[1])[1], memory_d, i, lr)
        adam(gen, value_and_grad(g_loss)(gen, disc, z, noise[1])[1], memory_g, i, lr)
    return gen


def sample(gen, n, rng):
    return net(gen, rng.standard_normal((n, Z)))
