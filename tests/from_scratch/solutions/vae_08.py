"""A VAE on small digits: sixteen codes, pixels that are black with a probability, one bound."""

import autograd.numpy as np

from minigen.nn import MLP, Module
from minigen.optim import Adam, cosine
from minigen.tensor import bce_with_logits, logsumexp, value_and_grad

STEPS, BATCH, Z, WIDTH, DRAWS = 6000, 200, 16, 200, 50


def log_normal(z, mean, log_std):
    return (-0.5 * ((z - mean) / np.exp(log_std)) ** 2 - log_std - 0.5 * np.log(2 * np.pi)).sum(axis=1)


class VAE(Module):
    def __init__(self, rng):
        self.encoder = MLP(rng, [100, WIDTH, WIDTH, 2 * Z], "silu", gain=2.0)
        self.decoder = MLP(rng, [Z, WIDTH, WIDTH, 100], "silu", gain=2.0)

    def terms(self, x, noise):  # log p(x|z), log p(z) - log q(z|x)
        code = self.encoder(x)
        mean, log_std = code[:, :Z], code[:, Z:]
        z = mean + np.exp(log_std) * noise
        prior = log_normal(z, 0.0, np.zeros(1, "f")) - log_normal(z, mean, log_std)
        return -bce_with_logits(self.decoder(z), x).sum(axis=1), prior


def loss(vae, x, noise):
    likelihood, prior = vae.terms(x, noise)
    return -(likelihood + prior).mean()


def train(x, rng):
    vae, lr = VAE(rng), cosine(2e-3, STEPS)
    opt = Adam(vae, 2e-3)
    for i in range(STEPS):
        opt.lr = lr(i)
        batch = x[rng.integers(len(x), size=BATCH)]
        opt.step(value_and_grad(loss)(vae, batch, rng.standard_normal((BATCH, Z)).astype("f"))[1])
    return vae


def sample(vae, n, rng):
    logits = vae.decoder(rng.standard_normal((n, Z)).astype("f"))
    return rng.random((n, 100)) < 1 / (1 + np.exp(-logits))


def log_prob(vae, x):
    rng = np.random.default_rng(0)
    draws = [sum(vae.terms(x, rng.standard_normal((len(x), Z)).astype("f"))) for _ in range(DRAWS)]
    return logsumexp(np.array(draws), axis=0) - np.log(DRAWS)
