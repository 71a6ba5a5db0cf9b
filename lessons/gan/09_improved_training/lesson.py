# %% [markdown]
# # Seven remedies on one patient
#
# The section *Improved GAN Training* (gan.s12) of [From GAN to
# WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/), run. It lists seven remedies: five of
# Salimans et al. (2016), two that follow from Arjovsky and Bottou (2017). To take away:
#
# 1. A remedy helps against *its* illness. Against collapse, what helps is to let $D$ see more than
#    one example at a time.
# 2. Some remedies do nothing here, and one of them stops the symptom and leaves the illness.
# 3. So test them one by one, over several seeds, with a measure of quality *and* one of variety.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/09_improved_training",
    title="Seven remedies on one patient",
    post="gan",
    sections=["gan.s12"],
    minutes=1.2,
)

import numpy as np

from minigen import plot
from minigen.data import toy
from minigen.gan.losses import (
    discriminator_loss,
    generator_loss_nonsaturating,
    optimal_discriminator,
    smoothed_optimum,
)
from minigen.gan.networks import Discriminator
from minigen.gan.improved_training import (
    HistoricalAverage,
    MinibatchDiscrimination,
    VirtualBatchNorm,
    feature_matching_loss,
    historical_penalty,
    instance_noise,
    minibatch_closeness,
    running_mean,
    virtual_moments,
)
from minigen.gan.wgan import generator_loss, penalized_critic_loss
from minigen.metrics import mode_coverage, sampling_floor, sliced_wasserstein
from minigen.nn import MLP, Linear, Module
from minigen.optim import Adam
from minigen.tensor import relu, value_and_grad

# %% [markdown]
# The patient is the weak game of `gan/07`: fakes that start in one spot, and a generator that takes
# five steps for each one of $D$. On the ring of eight bells it covered about one at a time, and
# wandered. Here are the remedies, each by hand on two or three numbers. Then all of them take the
# same test. **Keep a list: for each, will it help? How?**
#
# ## 1. Feature matching
# The generator gets another goal. It need not please $D$; it shall match the *mean* of $D$'s hidden
# features $f$ on real examples:
#
# $$\| \mathbb{E}_{x \sim p_r} f(x) - \mathbb{E}_{z} f(G(z)) \|^2 .$$
#
# A single point can please $D$. Can a single point have the mean features of the whole ring? $D$
# keeps its own loss. By hand: real features $(1, 0)$ and $(3, 2)$ have the mean $(2, 1)$; one fake
# with $(1, 4)$ is $1^2 + 3^2 = 10$ away.
#
# ## 2. Minibatch discrimination
#
# $D$ sees one example at a time, so a thousand equal fakes look as good as one. Let it see how
# *close* each example is to the others of its batch: $o_i = \sum_j e^{-\|M_i - M_j\|_1}$, with $M$
# made from the features. Three examples; the first two are $\log 2$ apart, the third far away. Each
# of the two counts itself, 1, and its neighbor, $e^{-\log 2} = \frac12$. **What is $o$ for the
# third? And for three equal ones?**

# %%
lesson.show_source(feature_matching_loss, minibatch_closeness)
lesson.check(
    "feature matching by hand",
    feature_matching_loss(np.array([[1.0, 0], [3, 2]]), np.array([[1.0, 4]])),
    equals=10.0,
)
three = np.array([0.0, np.log(2), 50.0]).reshape(3, 1, 1)
lesson.check(
    "closeness of two near, one far", minibatch_closeness(three)[:, 0], equals=[1.5, 1.5, 1.0]
)
lesson.check(
    "closeness of three equal ones", minibatch_closeness(0 * three)[:, 0], equals=[3.0, 3.0, 3.0]
)

# %% [markdown]
# ## 3. Historical averaging
# Each player pays for being far from her own past, $\|\theta - \bar\theta\|^2$. It is meant for
# games that go in circles. The circle of `gan/04` is $x \cdot y$, where both step at the same time
# and spiral outward. With the penalty:

# %%
lesson.show_source(running_mean, historical_penalty)


def radius(weight, steps=200):
    theta = np.array([1.0, 1.0])
    mean = np.zeros(2)
    for t in range(1, steps + 1):
        mean = running_mean(mean, theta, t)
        theta = theta - 0.1 * (
            np.array([theta[1], -theta[0]]) + weight * 2 * (theta - mean)
        )  # slopes of xy, -xy, the penalty
    return np.hypot(*theta)


lesson.check(
    "distance from the solution, at first 1.4, after 200 steps without",
    radius(0),
    equals=2**0.5 * 1.01**100,
)
lesson.check("with weight 1", radius(1), at_most=1.0)

# %% [markdown]
# ## 4. One-sided label smoothing
#
# $D$'s target for real examples becomes $1 - s = 0.9$, that for fakes stays 0. The best $D$ is then
# $(1 - s)\, p_r/(p_r + p_g)$: never quite sure. Were the fakes' target 0.1 as well, it would be
# $(0.9\, p_r + 0.1\, p_g)/(p_r + p_g)$. **Far out, where there are only fakes: what does $D$ say in
# either case? Which fakes does that help home?**

# %%
lesson.show_source(smoothed_optimum)
x = np.linspace(-3, 8, 1101)


def bell(center):
    return np.exp(-((x - center) ** 2) / 2) / np.sqrt(2 * np.pi)


p_r = bell(0.0)
p_g = bell(3.0)
best = {
    "no smoothing": optimal_discriminator(p_r, p_g),
    "one-sided, 0.9 and 0": smoothed_optimum(p_r, p_g, 0.1),
}
best["two-sided, 0.9 and 0.1"] = best["one-sided, 0.9 and 0"] + 0.1 * p_g / (p_r + p_g)
fig, (left, right) = plot.figure(1, 2, size=(4.6, 3.2))
plot.line(
    x,
    best,
    left,
    title="the best D: real at 0, fake at 3",
    xlabel="x",
    styles={"one-sided, 0.9 and 0": "--"},
)
slopes = {name: -np.gradient(np.log(d), x) for name, d in best.items()}
plot.line(
    x,
    slopes,
    right,
    title="its pull on a fake: slope of -log D",
    xlabel="x",
    styles={"one-sided, 0.9 and 0": "--"},
)
lesson.figure(
    fig,
    "smoothing",
    "Left: only the green curve does not go down to 0 on the right. Right: so only there do far"
    " fakes feel no pull. The one-sided curve pulls exactly as the plain one.",
)
at = np.searchsorted(x, 6.0)
lesson.check(
    "pull at x = 6: plain and one-sided",
    [slopes[name][at] for name in list(best)[:2]],
    equals=[3.0, 3.0],
    atol=1e-3,
)
lesson.check("pull at x = 6: two-sided", slopes["two-sided, 0.9 and 0.1"][at], at_most=0.01)

# %% [markdown]
# ## 5. Virtual batch normalization
# Batch norm ties the fakes of a batch together: each one's output depends on its neighbors. The
# *virtual* batch of an example is a reference batch, chosen once, **and the example itself**. By
# hand: the reference is 0 and 1, the example 5. The mean is $\frac{0 + 1 + 5}{3} = 2$, the variance
# $\frac{4 + 1 + 9}{3} = \frac{14}{3}$.

# %%
lesson.show_source(virtual_moments, instance_noise)
mean, var = virtual_moments(np.array([[5.0], [2.0]]), np.array([[0.0], [1.0]]))
lesson.check(
    "mean and variance for 5, and for 2 beside it",
    [mean[:, 0], var[:, 0]],
    equals=[[2.0, 1.0], [14 / 3, 2 / 3]],
)

# %% [markdown]
# ## 6. Noise
# Thin supports do not meet (`gan/05`). Blur what $D$ sees, real and fake alike (`instance_noise`),
# and they do. On two points one unit apart, blurred with $\sigma = 1$, the best $D$ is right with
# probability $\Phi(0.5) = 0.69$ only. In the trial $\sigma$ begins at 1 and falls to zero.
#
# ## 7. Another distance
# The last remedy replaces JS by the Wasserstein distance: `gan/10` to `gan/12` are about nothing
# else. Here it is a trial ahead of its lesson: $D$ becomes a critic with a gradient penalty.
# Nothing else changes, not even the eager generator.
#
# ## The trial
# Each remedy is a small change to one function, `play`. Read it: where does each of them enter?

# %%
cfg = lesson.configure(
    width=64,
    batch=64,
    lr=1e-3,
    betas=(0.5, 0.999),
    eager=5,
    smooth=0.1,
    history=1.0,
    noise=1.0,
    penalty=10.0,
)
rounds = lesson.steps(400, quick=4)
rows = 20
games = lesson.size(3, quick=1)
ring = toy.ring(8, 2.0, 0.1)
rng = lesson.rng("truth")
truth = ring.sample(rng, 1000)


def latent(rng, n):
    return rng.standard_normal((n, 2), dtype=np.float32)


class BatchWise(Discriminator):
    """D with minibatch discrimination between its last hidden layer and its output."""

    def __init__(self, rng, dim, width, depth):
        super().__init__(rng, dim, width, depth)
        self.near = MinibatchDiscrimination(rng, width, kernels=8, dim=3)
        self.out = Linear(rng, width + 8, 1)

    def __call__(self, x):
        return self.out(self.near(self.features(x)))[:, 0]


class Virtual(Module):
    """G with virtual batch norm before each ReLU; the reference batch of z goes through the layers
    beside z."""

    buffers = ("reference",)

    def __init__(self, rng):
        self.layers = [Linear(rng, n, cfg.width) for n in (2, cfg.width)]
        self.norms = [VirtualBatchNorm(cfg.width) for _ in "ab"]
        self.out = Linear(rng, cfg.width, 2)
        self.reference = latent(rng, 32)

    def __call__(self, z):
        reference = self.reference
        for layer, norm in zip(self.layers, self.norms):
            z = layer(z)
            reference = layer(reference)
            z = relu(norm(z, reference))
            reference = relu(norm(reference, reference))
        return self.out(z)


def play(label, remedy="", eager=cfg.eager, k=1, judge=BatchWise):
    """One game. Returns what 1,000 fixed z became at 20 moments: (20, 1000, 2)."""
    rng = lesson.rng(label)
    G = Virtual(rng) if remedy == "virtual" else MLP(rng, [2, cfg.width, cfg.width, 2], "relu")
    D = (judge if remedy == "minibatch" else Discriminator)(rng, 2, cfg.width, 2)
    g_optimizer, d_optimizer = (Adam(player, cfg.lr, betas=cfg.betas) for player in (G, D))
    g_past = HistoricalAverage(G)
    d_past = HistoricalAverage(D)
    z = latent(lesson.rng("film"), 1000)
    film = np.zeros((rows, 1000, 2), np.float32)
    moments = np.linspace(0, rounds, rows + 1).round().astype(int)[1:]

    def d_loss(d, real, fake, epsilon):
        if remedy == "critic":
            return penalized_critic_loss(d, real, fake, epsilon, cfg.penalty)[0]
        loss = discriminator_loss(d(real), d(fake), cfg.smooth if remedy == "smoothing" else 0.0)
        return loss + cfg.history * d_past.penalty(d) if remedy == "history" else loss

    def g_loss(g, z, real, see):
        if remedy == "features":
            return feature_matching_loss(D.features(real), D.features(g(z)))
        if remedy == "critic":
            return generator_loss(D(g(z)))
        loss = generator_loss_nonsaturating(D(see(g(z))))
        return loss + cfg.history * g_past.penalty(g) if remedy == "history" else loss

    def step(i):
        std = cfg.noise * (1 - i / rounds) if remedy == "noise" else 0.0

        def see(x):
            return instance_noise(x, std, rng) if std else x

        for _ in range(k):
            real = see(ring.sample(rng, cfg.batch))
            fake = see(G(latent(rng, cfg.batch)))
            d_value, grads = value_and_grad(d_loss)(D, real, fake, rng.random(cfg.batch))
            d_optimizer.step(grads)
        for _ in range(eager):
            g_value, grads = value_and_grad(g_loss)(G, latent(rng, cfg.batch), real, see)
            g_optimizer.step(grads)
        g_past.update(G)
        d_past.update(D)
        film[moments == i + 1] = G(z)
        return {"discriminator": d_value, "generator": g_value}

    state = {
        "G": G,
        "D": D,
        "g": g_optimizer,
        "d": d_optimizer,
        "rng": rng,
        "film": film,
        "g_past": g_past,
        "d_past": d_past,
    }
    lesson.fit(step, rounds, state=state, label=label)
    return film


# %% [markdown]
# Three games for each. All numbers are means over the second half of a game, for a game that
# wanders has no meaningful last moment. *Moves* is how far the center of the fakes travels from one
# moment to the next.

# %%
patients = {
    "no remedy": {},
    "1 feature matching": {"remedy": "features"},
    "2 minibatch discrimination": {"remedy": "minibatch"},
    "3 historical averaging": {"remedy": "history"},
    "4 one-sided smoothing": {"remedy": "smoothing"},
    "5 virtual batch norm": {"remedy": "virtual"},
    "6 noise": {"remedy": "noise"},
    "7 critic, eager G": {"remedy": "critic"},
    "7 critic, 5 of its steps for 1": {"remedy": "critic", "eager": 1, "k": 5},
    "no remedy, 5 of D for 1": {"eager": 1, "k": 5},
}


def distance(x):
    return sliced_wasserstein(x, truth, 50, np.random.default_rng(0))


def measure(film):
    late = film[rows // 2 :]
    bells, good = np.mean(
        [mode_coverage(x, ring.modes, ring.std, min_count=10) for x in late], axis=0
    )
    moves = np.linalg.norm(np.diff(late.mean(axis=1), axis=0), axis=1)
    return bells, good, np.mean([distance(x) for x in late]), moves.mean()


films = {
    name: [play(f"{name}, game {k + 1}", **change) for k in range(games)]
    for name, change in patients.items()
}
found = {
    name: np.array([measure(film) for film in three]) for name, three in films.items()
}  # (games, 4)
floor = sampling_floor(lambda a, b: sliced_wasserstein(a, b, 50, rng), ring.sample, 1000, rng).mean


def each(column, digits):
    return " ".join(f"{v:.{digits}f}" for v in column)


lesson.table(
    [
        [name, each(q[:, 0], 1), q[:, 1].mean(), each(q[:, 2], 2), q[:, 3].mean()]
        for name, q in found.items()
    ]
    + [["the truth", "8", 0.989, f"{floor:.2f}", 0.0]],
    ["remedy", "bells of 8, each game", "good samples", "distance, each game", "moves"],
)
fig, axes = plot.figure(2, 5, size=(2.4, 2.6))
for ax, (name, three) in zip(axes.flat, films.items()):
    plot.samples(three[0][-1], ring, ax, title=name, bounds=(-3, 3, -3, 3))
lesson.figure(
    fig,
    "remedies",
    "The last moment of each first game. Compare the third picture with the last, another pace.",
)
bells, far, moves = ({name: q[:, column] for name, q in found.items()} for column in (0, 2, 3))
lesson.claim("no remedy: bells covered, each game", bells["no remedy"], at_most=2)
lesson.claim(
    "minibatch discrimination: bells covered, each game",
    bells["2 minibatch discrimination"],
    at_least=6,
)
for name, value, factor in [
    ("2 minibatch discrimination", far, 4),
    ("1 feature matching", far, 2),
    ("3 historical averaging", moves, 5),
]:
    what = "moves" if value is moves else "distance"
    lesson.claim(
        f"{name[2:]}: {what}, times less than with no remedy",
        value["no remedy"].mean() / value[name],
        at_least=factor,
    )
lesson.claim(
    "historical averaging: bells covered all the same", bells["3 historical averaging"], at_most=2
)
lesson.claim(
    "cause removed, five steps of D for one: bells covered",
    bells["no remedy, 5 of D for 1"],
    at_least=3,
)

# %% [markdown]
# Compare with your list.
# - **Minibatch discrimination** cures this patient. One by one, equal fakes look good; to a $D$
#   that sees the batch they do not.
# - **Feature matching** spreads the fakes out, for a single point cannot have the ring's mean
#   features. But many clouds can: it asks for the right averages, and gets no sharp bells.
# - **Historical averaging** stops the wandering and leaves the collapse. With this weight it nearly
#   stops all learning, too. It was made for circling, and circling is only the symptom.
# - **Smoothing** and **noise** keep $D$ from being too sure. But this patient's $D$ was never sure;
#   it was late. Look at their
#   rows: they are in the range of no remedy at all. **Virtual batch norm** gives the generator a
#   wider start, and it keeps some of that width. For none of these three do we claim more than the
#   table says.
# - **The critic** at the generator's eager pace is no cure either: it is a better judge, and judges
#   too late. With five of its own steps for each one of $G$ the fakes leave the spot. The last row
#   is the honest comparison: that pace alone, without any remedy, does better. In `gan/12` the
#   critic has its pace, a falling learning rate, and time.
#
# That a remedy does nothing *here* does not make it useless: each was found on another patient.
# ## Wrong turns
# **Closeness at the input**, as the post has it: of the raw points. **And a weaker dose of
# history**, a hundredth. Guess both.


# %%
class AtTheInput(Discriminator):
    def __init__(self, rng, dim, width, depth):
        super().__init__(rng, dim + 8, width, depth)
        self.near = MinibatchDiscrimination(rng, dim, kernels=8, dim=3)

    def __call__(self, x):
        return super().__call__(self.near(x))


trials = {
    "closeness of the raw points": measure(
        play("closeness of the raw points", "minibatch", judge=AtTheInput)
    )
}
cfg.history /= 100
trials["history, a hundredth"] = measure(play("history, a hundredth", "history"))
lesson.table(
    [[name, *q] for name, q in trials.items()],
    ["wrong turn", "bells of 8", "good samples", "distance", "moves"],
)

# %% [markdown]
# In the plane even raw points help: they are what matters there. Between images of 784 pixels raw
# distances say little (shift a seven by two pixels), so the paper goes to the features. And a
# little history changes nothing.
#
# ## Where the post is loose
# - It calls the labels 0.9 *and 0.1* one-sided smoothing. One-sided keeps the fakes' label at 0;
#   the other moves the best $D$ by a multiple of $p_g$, and far fakes lose their pull (section 4).
# - It says that feature matching optimizes the *discriminator*. It is the generator's loss, on
#   $D$'s intermediate features.
# - It adds the closeness to the *input* of the model. In the paper it is joined to the features of
#   an intermediate layer.
# - It normalizes each example by the reference batch. By the reference batch **and the example
#   itself** (section 5).
#
# **Left out:** combinations; images, where smoothing and batch norm earned their names. **Next:**
# the seventh remedy, in `gan/10`.
#
# **Your turn:** `minigen exercise start gan/09`, then `minigen run gan/09 --with
# exercises/gan_09.py`.

# %%
lesson.finish()
