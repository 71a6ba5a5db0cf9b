"""WGAN-GP with a one-sided penalty, residual generator and no moving average: the last generator is used."""

import autograd.numpy as np

from minigen.nn import MLP, Module
from minigen.optim import Adam, linear_decay
from minigen.tensor import grad, value_and_grad

STEPS, BATCH, Z, CRITIC, PENALTY = 1400, 192, 4, 4, 0.2


class Generator(Module):
    def __init__(self, rng):
        self.first, self.second = MLP(rng, [Z, 96, 96], "relu"), MLP(rng, [96, 96, 96], "relu")
        self.last = MLP(rng, [96, 2])

    def __call__(self, z):
        h = self.first(z)
        return self.last(h + self.second(h))


def critic_loss(critic, real, fake, u):
    between = real + u * (fake - real)
    slope = grad(lambda y: critic(y).sum())(between)
    steep = np.maximum(np.sqrt((slope**2).sum(axis=1) + 1e-12) - 1, 0)
    return np.mean(critic(fake)) - np.mean(critic(real)) + PENALTY * np.mean(steep**2)


def noise(rng):
    return rng.standard_normal((BATCH, Z)).astype("f")


def train(x, rng):
    gen, critic = Generator(rng), MLP(rng, [2, 128, 128, 1], "leaky_relu")
    rate = linear_decay(1e-3, STEPS)
    opt_g, opt_c = Adam(gen, 1e-3, betas=(0.0, 0.9)), Adam(critic, 1e-3, betas=(0.0, 0.9))
    for i in range(STEPS):
        opt_g.lr = opt_c.lr = rate(i)
        for _ in range(CRITIC):
            batch = x[rng.integers(len(x), size=BATCH)], gen(noise(rng)), rng.random((BATCH, 1), "f")
            opt_c.step(value_and_grad(critic_loss)(critic, *batch)[1])
        z = noise(rng)
        opt_g.step(value_and_grad(lambda g: -np.mean(critic(g(z))))(gen)[1])
    return gen


def sample(gen, n, rng):
    return gen(rng.standard_normal((n, Z)).astype("f"))
