"""Exercise of TD-VAE: the bound over a jump in time, with its two samples in the right order and
its five terms."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

loss = Exercise(
    "vae/11/td_vae_loss",
    target="minigen.vae.td_vae:td_vae_loss",
    minutes=20,
    prompt=r"""
    Return the loss of TD-VAE: the mean over the batch of $-J$, in nats, a scalar. $J$ is the bound
    on $\log p(x_{t2} \mid x_1 \dots x_{t1})$ over the jump from `t1` to `t2`. The result must be
    differentiable, through both samples.

    You need five methods of the model: `at(x, t1, t2)` returns a pair, the triple `(x2, b1, b2)` of
    the observation at `t2` and the beliefs at both times, and the gap `t2 - t1`. All have $N$ rows.
    The others return distributions, one for each row: `p_B(b)`, `p_S(z2, b1, b2, gap)`,
    `p_T(z1, gap)` and `p_D(z2)`. A distribution has `log_prob(value)`, which returns $(N,)$. The
    first three also have `sample(eps)`, which maps standard normal noise $(N, D_z)$ to samples
    $(N, D_z)$. `eps2` is the noise of the state at `t2`, `eps1` that of the state at `t1`.
    """,
    hints="""
    First sample the two states from q: the later one given the belief at t2, then the earlier one
    given the later. Then add the log-densities of the model at these states, and subtract those of
    q.

    z2 ~ p_B(b2), z1 ~ p_S(z2, b1, b2). J = log p_D(x2|z2) + log p_B(z1|b1) + log p_T(z2|z1) - log
    p_B(z2|b2) - log p_S(z1|z2, b1, b2).

        (x2, b1, b2), gap = model.at(x, t1, t2)
        belief2 = model.p_B(b2)
        z2 = belief2.sample(eps2)
        smoothing = model.p_S(z2, b1, b2, gap)
        z1 = smoothing.sample(eps1)
        log_p = (
            model.p_D(z2).log_prob(x2)
            + model.p_B(b1).log_prob(z1)
            + model.p_T(z1, gap).log_prob(z2)
        )
        return -np.mean(log_p - belief2.log_prob(z2) - smoothing.log_prob(z1))
    """,
)


class Normal:
    """N(mu, exp(logvar)) for each row and column."""

    def __init__(self, mu, logvar):
        self.mu, self.logvar = mu, logvar

    def sample(self, eps):
        return self.mu + np.exp(0.5 * self.logvar) * eps

    def log_prob(self, z):
        squares = (z - self.mu) ** 2 * np.exp(-self.logvar)
        return -0.5 * np.sum(np.log(2 * np.pi) + self.logvar + squares, axis=1)


class Counting:
    """A model for a calculation by hand: every variance is 1, the belief is the observation, and a
    step of time adds 1."""

    def at(self, x, t1, t2):
        return (x[:, t2 - 1], x[:, t1 - 1], x[:, t2 - 1]), np.full(len(x), t2 - t1)

    def p_B(self, b):
        return Normal(b, 0.0 * b)

    def p_S(self, z2, b1, b2, gap):
        return Normal(z2 - 2.0 * gap[:, None], 0.0 * z2)

    def p_T(self, z1, gap):
        return Normal(z1 + gap[:, None], 0.0 * z1)

    def p_D(self, z2):
        return Normal(z2, 0.0 * z2)


class Drift:
    """z_1 ~ N(0, 1), z_2 = z_1 + N(0, 1), x_t = z_t + N(0, 1), with the exact belief and the
    exact smoothing."""

    def at(self, x, t1, t2):
        b1 = np.concatenate([x[:, 0] / 2, 0 * x[:, 0] + 0.5], axis=1)  # mean and variance of z_1
        b2 = np.concatenate([b1[:, :1] + 0.6 * (x[:, 1] - b1[:, :1]), 0 * x[:, 0] + 0.6], axis=1)
        return (x[:, 1], b1, b2), np.full(len(x), 1)

    def p_B(self, b):
        return Normal(b[:, :1], np.log(b[:, 1:]))

    def p_S(self, z2, b1, b2, gap):
        return Normal(b1[:, :1] + (z2 - b1[:, :1]) / 3, np.log(1 / 3) + 0 * z2)

    def p_T(self, z1, gap):
        return Normal(z1, 0 * z1)

    def p_D(self, z2):
        return Normal(z2, 0 * z2)


class Linear:
    """Random linear maps for means and log variances. A state has three dimensions, an observation
    two, a belief four."""

    SHAPES = (("B", 4, 3), ("S", 12, 3), ("T", 4, 3), ("D", 3, 2), ("belief", 2, 4))

    def __init__(self, weights):
        self.w = weights

    @classmethod
    def weights(cls, rng):
        return {name: rng.standard_normal((2, a, b)) / a**0.5 for name, a, b in cls.SHAPES}

    def part(self, name, *inputs):
        u = np.concatenate(inputs, axis=1)
        return Normal(u @ self.w[name][0], 0.5 * np.tanh(u @ self.w[name][1]))

    def at(self, x, t1, t2):
        beliefs = [np.sum(x[:, :t], axis=1) @ self.w["belief"][0] for t in (t1, t2)]
        return (x[:, t2 - 1], *beliefs), np.full(len(x), t2 - t1)

    def p_B(self, b):
        return self.part("B", b)

    def p_S(self, z2, b1, b2, gap):
        return self.part("S", z2, b1, b2, gap[:, None])

    def p_T(self, z1, gap):
        return self.part("T", z1, gap[:, None])

    def p_D(self, z2):
        return self.part("D", z2)


def world(rng, n=4):
    """A random model, x (n, 6, 2), noise for both times (n, 3)."""
    eps1, eps2 = rng.standard_normal((2, n, 3))
    return Linear.weights(rng), rng.standard_normal((n, 6, 2)), eps1, eps2


@loss.case(points=2, kind="equation", expect={"loss": 1.125 + 0.5 * np.log(2 * np.pi)})
def by_hand(impl, rng):
    """x_1 = 1, x_2 = 3: z_2 = 3 + 1 = 4, z_1 = 4 - 2 + 0.5 = 2.5. Half of 1 + 2.25 + 0.25 - 1 -
    0.25 is 1.125."""
    return {
        "loss": impl(
            Counting(), np.array([[[1.0], [3.0]]]), 1, 2, np.array([[0.5]]), np.array([[1.0]])
        )
    }


@loss.case(points=2, kind="equation", property=True, expect={"gap": 0.0})
def exact_inference(impl, rng):
    """With the exact belief and smoothing J is log p(x_2 | x_1) for any noise. x_2 given x_1 is
    N(x_1 / 2, 2.5)."""
    x, (eps1, eps2) = rng.standard_normal((5, 2, 1)), rng.standard_normal((2, 5, 1))
    log_p = -0.5 * np.log(2 * np.pi * 2.5) - (x[:, 1] - x[:, 0] / 2) ** 2 / 5
    return {"gap": impl(Drift(), x, 1, 2, eps1, eps2) + np.mean(log_p)}


@loss.case(points=2, kind="equation")
def random_model(impl, rng):
    weights, x, eps1, eps2 = world(rng)
    return {
        "near": impl(Linear(weights), x, 2, 3, eps1, eps2),
        "far": impl(Linear(weights), x, 2, 6, eps1, eps2),
        "large x": impl(Linear(weights), 20 * x, 1, 4, eps1, eps2),
    }


@loss.case(points=1, kind="shapes", fixed=True, property=True, expect={"gap": 0.0})
def copies(impl, rng):
    """A batch of copies of one sequence has the loss of that sequence."""
    weights, x, eps1, eps2 = world(rng, 1)

    def tile(a):
        return np.concatenate([a] * 3)

    one = impl(Linear(weights), x, 1, 4, eps1, eps2)
    return {"gap": impl(Linear(weights), tile(x), 1, 4, tile(eps1), tile(eps2)) - one}


@loss.case(points=2, kind="gradient")
def gradients(impl, rng):
    """With respect to all weights, through both samples."""
    weights, x, eps1, eps2 = world(rng)
    return grad(lambda w: impl(Linear(w), x, 1, 3, eps1, eps2))(weights)
