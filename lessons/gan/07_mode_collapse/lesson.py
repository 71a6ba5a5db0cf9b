# %% [markdown]
# # Mode collapse
#
# The section *Mode collapse* (gan.s10) of [From GAN to
# WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/), run. To take away:
#
# 1. Against a $D$ that stands still, the generator's best answer is a single point. Nothing in its
#    loss asks for variety.
# 2. A collapsed generator does not rest. $D$ learns the one place, the generator jumps to the next,
#    and so on.
# 3. Quality and variety are two numbers. A generator that makes one perfect example has the best
#    quality of all.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/07_mode_collapse",
    title="Mode collapse",
    post="gan",
    sections=["gan.s10"],
    figures=["gan.f06"],
    minutes=0.6,
)

import numpy as np

from minigen import plot
from minigen.course.lesson.pretrained import digit_classifier
from minigen.data import mnist, toy
from minigen.gan.losses import (
    discriminator_loss,
    generator_loss_nonsaturating,
    optimal_discriminator,
)
from minigen.gan.networks import Discriminator, Generator
from minigen.metrics import mode_coverage, sliced_wasserstein
from minigen.metrics.digits import class_histogram
from minigen.nn import MLP
from minigen.optim import Adam
from minigen.tensor import sigmoid, value_and_grad

# %% [markdown]
# ## 1. Two stalls at a market
# Half of the real coins are found at stall A, half at stall B. A forger brings all of her coins to
# A. The best detective says $D = p_r/(p_r + p_g)$ (`gan/03`): at A $\frac{0.5}{0.5 + 1} = \frac13$,
# at B $\frac{0.5}{0.5 + 0} = 1$, for he has never met a forgery there. Where will the forger go, if
# she may choose freely? **Say what the two do in the next four rounds.**


# %%
def market(eagerness, rounds=40):
    """The share of forged coins at A. In each round this part of them moves to the stall that D
    believes more."""
    at_a = [1.0]
    for _ in range(rounds):
        d = optimal_discriminator(np.array([0.5, 0.5]), np.array([at_a[-1], 1 - at_a[-1]]))
        at_a.append(at_a[-1] + eagerness * (float(d[0] > d[1]) - at_a[-1]))
    return at_a


lesson.check(
    "D at A and at B",
    optimal_discriminator(np.array([0.5, 0.5]), np.array([1.0, 0.0])),
    equals=[1 / 3, 1.0],
)
lesson.check("all coins move at once", market(1.0)[:5], equals=[1.0, 0.0, 1.0, 0.0, 1.0])
games = {"all move": market(1.0), "a fifth moves": market(0.2), "one in 50 moves": market(0.02)}
ax = plot.line(
    np.arange(41),
    games,
    markers=True,
    reference={"the truth": 0.5},
    xlabel="round",
    title="share of the forged coins at A",
)
lesson.figure(
    ax,
    "market",
    "Blue: from wall to wall, for ever, and each answer is the best one possible. The smaller the "
    "moves, the closer to one half they end.",
)

# %% [markdown]
# All to B, all to A, all to B. Against a *fixed* $D$ it is always best to put everything where $D$
# is highest, even if the second best place is nearly as good. Half and half is the solution of the
# game, and no player's best answer to anything. What holds a GAN near it is that both players take
# small steps, by turns. So here is how to break one: let the generator move further before $D$ may
# answer.
#
# ## 2. How to see it
# First a measure. The ring has eight bells. `mode_coverage` says how many of them have samples, and
# which share of the samples lies at a bell, within three standard deviations. **Before the table:
# give both numbers for each of the four clouds.**

# %%
lesson.show_source(mode_coverage)
ring = toy.ring(8, 2.0, 0.1)
rng = lesson.rng("clouds")
truth = ring.sample(rng, 1000)
bell = np.linalg.norm(truth[:, None] - ring.modes, axis=2).argmin(axis=1)
angle = rng.uniform(0, 2 * np.pi, 1000)
radius = np.sqrt(rng.uniform(1.6**2, 2.4**2, 1000))
clouds = {
    "the truth": truth,
    "one bell, perfectly": truth[bell == 0],
    "seven bells": truth[bell > 0],
    "a cloud all along the ring": np.stack(
        [radius * np.cos(angle), radius * np.sin(angle)], axis=1
    ),
}


def judge(x, density=ring):
    return mode_coverage(x, density.modes, density.std, min_count=max(1, len(x) // 100))


lesson.table(
    [[name, *judge(x)] for name, x in clouds.items()],
    ["samples", "bells with 1 % of them", "share at a bell"],
)
lesson.check(
    "by hand: two at the first bell, one at the second, one astray",
    mode_coverage([[2.0, 0.0], [2.1, 0.1], [1.4142, 1.4142], [0.0, 0.0]] * 2, ring.modes, 0.1),
    equals=[2, 0.75],
)

# %% [markdown]
# One bell, perfectly: the highest quality, with an eighth of the variety. A cloud all along the
# ring: full variety, a fifth of the quality. Each number alone can be fooled, so look at both.
#
# ## 3. A deliberately weak game
# Two changes to the game of `gan/02`. The generator starts with small weights and ReLUs, so that
# all fakes lie in one spot. And it takes **five** steps for each one of $D$. Everything else is as
# usual. **Predict:** how many of the eight bells are covered at the end? And will it be the same
# ones all the time?

# %%
cfg = lesson.configure(width=64, batch=64, lr=1e-3, betas=(0.5, 0.999), eager=5)
rounds = lesson.steps(600, quick=6)
rows = 30
looks = lesson.size(1000, quick=100)


def spot(rng, dim_z=2):
    """A generator whose fakes start in one spot: small weights, ReLU."""
    return MLP(rng, [dim_z, cfg.width, cfg.width, 2], "relu")


def spread(rng, dim_z=2):
    """The generator of `gan/02`, smaller: its fakes start as wide as z."""
    return Generator(rng, dim_z, 2, cfg.width, depth=2)


def play(label, density, start, eager, rounds=rounds, dim_z=2):
    rng = lesson.rng(label)
    G = start(rng, dim_z)
    D = Discriminator(rng, 2, cfg.width, depth=2)
    g_optimizer = Adam(G, cfg.lr, betas=cfg.betas)
    d_optimizer = Adam(D, cfg.lr, betas=cfg.betas)

    def latent(rng, n):
        return rng.standard_normal((n, dim_z), dtype=np.float32)

    z = latent(lesson.rng("film"), looks)
    film = np.zeros((rows, looks, 2), np.float32)
    moments = np.linspace(0, rounds, rows + 1).round().astype(int)[1:]

    def step(i):
        real = density.sample(rng, cfg.batch)
        fake = G(latent(rng, cfg.batch))
        d_value, grads = value_and_grad(lambda d: discriminator_loss(d(real), d(fake)))(D)
        d_optimizer.step(grads)
        for _ in range(eager):
            noise = latent(rng, cfg.batch)
            g_value, grads = value_and_grad(lambda g: generator_loss_nonsaturating(D(g(noise))))(G)
            g_optimizer.step(grads)
        film[moments == i + 1] = G(z)
        return {"discriminator": d_value, "generator": g_value}

    state = {"G": G, "D": D, "g": g_optimizer, "d": d_optimizer, "rng": rng, "film": film}
    lesson.fit(step, rounds, state=state, label=label)
    return moments, film


def covered(film, density=ring):
    return np.array([judge(x, density) for x in film])  # (rows, 2): bells, quality


moments, film = play("ring, weak", ring, spot, cfg.eager)
fig, axes = plot.figure(1, 6, size=(2.2, 2.4))
for ax, k in zip(axes, range(4, rows, 5)):
    plot.samples(film[k], ring, ax, title=f"round {moments[k]}")
lesson.figure(
    fig,
    "collapse",
    "All 1,000 fakes of each moment. They move as one body: now here, now there, and never in more "
    "than a corner of the ring.",
)

# %% [markdown]
# ## 4. It does not rest
# For every moment: which bell is nearest to each fake? A healthy generator gives each bell an
# eighth.

# %%
nearest = np.array(
    [
        [np.linalg.norm(x[:, None] - ring.modes, axis=2).argmin(axis=1) == j for j in range(8)]
        for x in film
    ]
)
shares = nearest.mean(axis=2)  # (rows, 8)
ax = plot.matrix(
    shares.T,
    title="share of the fakes nearest to each bell",
    limits=(0, 1),
    colorbar=True,
    lines=False,
    xlabel=f"moment, one every {moments[0]} rounds",
    ylabel="bell",
)
lesson.figure(
    ax,
    "wandering",
    "One or two dark cells a column: at each moment nearly all fakes are at one side. Follow the"
    " dark cells to the right: the side keeps changing.",
)
favorite = shares.argmax(axis=1)
lesson.table(
    [[len(set(favorite)), int(np.sum(favorite[1:] != favorite[:-1])), shares.max(axis=1).mean()]],
    ["bells that were the favorite", "changes of favorite, of 29", "mean share of the favorite"],
)
lesson.claim(
    "weak game: mean share of the favorite bell (fair: 0.125)",
    shares.max(axis=1).mean(),
    at_least=0.4,
)
lesson.claim(
    "weak game: number of bells that were the favorite at some time", len(set(favorite)), at_least=4
)

# %% [markdown]
# This is the market of section 1, with eight stalls. The fakes sit at one bell, $D$ learns that
# this bell is full of fakes, and all of them leave together. Over the whole game the generator has
# been nearly everywhere. At no moment is it in two places.
#
# ## 5. Which weakness is to blame?
# Each change alone, both, and neither. The game without either has three times the rounds, which is
# about the same work: 3,600 gradients. **Your guess:** which of the two is the worse? And would
# noise of more dimensions help, a $z$ of 32 numbers instead of 2?

# %%
runs = {
    "small start and eager G": (moments, film),
    "small start only": play("ring, small start", ring, spot, 1, 3 * rounds),
    "eager G only": play("ring, eager", ring, spread, cfg.eager),
    "neither": play("ring, fair", ring, spread, 1, 3 * rounds),
    "both, z of 32 numbers": play("ring, weak, wide z", ring, spot, cfg.eager, dim_z=32),
}
quality = {name: covered(x) for name, (_, x) in runs.items()}
fig, (left, right) = plot.figure(1, 2, size=(4.7, 3.3))
time = np.linspace(0, 1, rows + 1)[1:]
plot.line(
    time,
    {name: q[:, 0] for name, q in quality.items()},
    left,
    title="bells covered, of 8",
    xlabel="part of the game",
)
plot.line(
    time,
    {name: q[:, 1] for name, q in quality.items()},
    right,
    title="share of good samples",
    xlabel="part of the game",
)
lesson.figure(
    fig,
    "which_weakness",
    "Blue and yellow, with both weaknesses, stay on the ground. The others climb, in jumps.",
)


def far(x):
    return sliced_wasserstein(x, truth, 100, np.random.default_rng(0))


late = {name: (q[rows // 2 :, 0].mean(), q[rows // 2 :, 1].mean()) for name, q in quality.items()}
lesson.table(
    [[name, *late[name], far(runs[name][1][-1])] for name in runs],
    ["game", "bells, mean of the second half", "good samples", "distance at the end"],
)
lesson.claim(
    "weak game on the ring: bells covered, mean of the second half",
    late["small start and eager G"][0],
    at_most=2,
)
lesson.claim("the same with z of 32 numbers", late["both, z of 32 numbers"][0], at_most=2)
lesson.claim(
    "only one weakness, or none: the same", [late[name][0] for name in list(runs)[1:4]], at_least=3
)

# %% [markdown]
# Together they are fatal, and neither is alone. Fakes that start in one spot are torn apart if $D$
# answers every move; an eager generator does less harm if it cannot carry all fakes at once. The
# noise is not to blame: a $z$ of 32 numbers has variety enough, and the generator throws it away.
#
# Does a larger number of bells change anything? The same two games on a grid of 25. **Guess the two
# coverages.**

# %%
grid = toy.grid(5, 2.0, 0.1)
weak = play("grid, weak", grid, spot, cfg.eager)
fair = play("grid, fair", grid, spread, 1, 3 * rounds)
fig, axes = plot.figure(1, 4, size=(2.9, 3.1))
for ax, (name, (when, x), k) in zip(
    axes,
    [("weak", weak, rows // 2), ("weak", weak, -1), ("fair", fair, rows // 2), ("fair", fair, -1)],
):
    plot.samples(x[k], grid, ax, title=f"{name}, round {when[k]}")
lesson.figure(
    fig,
    "grid",
    "Left: the weak game at two moments. Right: the fair one; it has found the grid's outline, and"
    " is far from sharp.",
)


def reached(
    x,
):  # bells to which at least 1 % of the fakes are nearer than to any other, however far
    near = np.linalg.norm(x[:, None] - grid.modes, axis=2).argmin(axis=1)
    return np.sum(np.bincount(near, minlength=25) >= len(x) / 100)


grids = {
    name: (
        np.mean([reached(x) for x in film[rows // 2 :]]),
        *covered(film[rows // 2 :], grid).mean(axis=0),
    )
    for name, (_, film) in [("weak", weak), ("fair", fair)]
}
lesson.table(
    [[name, *row] for name, row in grids.items()],
    ["game on the grid", "bells of 25 with fakes around", "bells covered", "good samples"],
)
lesson.claim(
    "weak game on the grid: bells of 25 with fakes around, mean of the second half",
    grids["weak"][0],
    at_most=6,
)
lesson.claim("fair game on the grid: the same", grids["fair"][0], at_least=15)

# %% [markdown]
# ## 6. Digits
# The post shows rooms, nearly the same room again and again, from a generator made of plain layers.
# We do it with digits: plain layers, a small start, two steps of $G$ for each one of $D$. The fair
# game has the usual start, and one step each. A classifier, which the next lesson introduces, reads
# what comes out.

# %%
images = mnist.unit(mnist.splits().train.images, flat=True)  # (50000, 784)
classifier = digit_classifier(lesson)


class Painter(MLP):
    """z (N, 32) -> digits with values in [0, 1], (N, 784)."""

    def __init__(self, rng, gain):
        super().__init__(rng, [32, 128, 128, 784], "relu")
        for layer in self.layers:
            layer.w *= np.float32(gain)

    def __call__(self, z):
        return sigmoid(super().__call__(z))


def paint(label, gain, eager, rounds):
    rng = lesson.rng(label)
    G = Painter(rng, gain)
    D = Discriminator(rng, 784, 128, depth=2)
    g_optimizer = Adam(G, 6e-4, betas=cfg.betas)
    d_optimizer = Adam(D, 6e-4, betas=cfg.betas)

    def latent(rng, n):
        return rng.standard_normal((n, 32), dtype=np.float32)

    z = latent(lesson.rng("digits"), lesson.size(500))
    gallery = np.zeros((4, len(z), 784), np.float32)
    moments = np.linspace(0, rounds, 5).round().astype(int)[1:]

    def step(i):
        real = images[rng.integers(0, len(images), 64)]
        fake = G(latent(rng, 64))
        d_value, grads = value_and_grad(lambda d: discriminator_loss(d(real), d(fake)))(D)
        d_optimizer.step(grads)
        for _ in range(eager):
            noise = latent(rng, 64)
            g_value, grads = value_and_grad(lambda g: generator_loss_nonsaturating(D(g(noise))))(G)
            g_optimizer.step(grads)
        gallery[moments == i + 1] = G(z)
        return {"discriminator": d_value, "generator": g_value}

    state = {"G": G, "D": D, "g": g_optimizer, "d": d_optimizer, "rng": rng, "gallery": gallery}
    lesson.fit(step, rounds, state=state, label=label)
    return moments, gallery, lambda rng, n: G(latent(rng, n)).reshape(n, 28, 28, 1)


weak_at, weak_digits, draw_weak = paint("digits, weak", 1.0, 2, lesson.steps(800, quick=8))
fair_at, fair_digits, draw_fair = paint("digits, fair", 6**0.5, 1, lesson.steps(3000, quick=8))
lesson.sampler("fair game", draw_fair)
lesson.sampler("weak game", draw_weak)
rows_shown = np.concatenate([x[:14] for x in weak_digits] + [fair_digits[-1][:14]])
ax = plot.image_grid(
    rows_shown, 5, 14, shape=(28, 28), row_labels=[f"round {k}" for k in weak_at] + ["fair game"]
)
lesson.figure(
    ax,
    "f06_collapsed_digits",
    "Row by row, fourteen fakes from fourteen different z. Rows one to four are "
    "the weak game: one picture a row, and another in the next row. Below: the fair game.",
)


# %%
def read(x):
    return class_histogram(classifier, x.reshape(-1, 28, 28, 1))


histogram = {"weak game": read(weak_digits[-1]), "fair game": read(fair_digits[-1])}
ax = plot.bars(
    histogram,
    range(10),
    title="what the classifier reads",
    ylabel="share",
    reference={"a tenth": 0.1},
)
lesson.figure(
    ax,
    "class_histogram",
    "Blue, the weak game: one tall bar. Orange, the fair one: many digits, if not evenly.",
)


def variety(x):
    return float(x.std(axis=0).mean() / images[:1000].std(axis=0).mean())


tops = [read(x).max() for x in weak_digits]
lesson.table(
    [[f"weak, round {k}", top, variety(x)] for k, top, x in zip(weak_at, tops, weak_digits)]
    + [["fair, at the end", histogram["fair game"].max(), variety(fair_digits[-1])]],
    ["game", "share of its commonest digit", "spread of the pixels, digits = 1"],
)
lesson.claim(
    "weak game on digits: share of the commonest digit, mean of four moments",
    np.mean(tops),
    at_least=0.6,
)
lesson.claim(
    "weak game on digits: spread of the pixels, digits = 1",
    max(map(variety, weak_digits)),
    at_most=0.25,
)
lesson.claim(
    "fair game on digits: digits with 1 % of the samples or more",
    int(np.sum(histogram["fair game"] >= 0.01)),
    at_least=4,
)
lesson.claim("fair game on digits: spread of the pixels", variety(fair_digits[-1]), at_least=0.5)

# %% [markdown]
# Do not take the classifier's word for more than it is: it has to say *some* digit, even to a
# smudge. That is why the second column is there, the spread of each pixel. And look at the orange
# bars: the fair game has favorites, too. Collapse comes in degrees.
#
# ## 7. Where the post is loose
# - It says that the generator gets *stuck* in a small space. It is not stuck. It wanders, and over
#   time it visits nearly everything (section 4). So a single picture of its samples may show
#   different things on different days, and an average over the game would look healthy.
# - It calls this failing a trick on the discriminator. The trick lasts for a few rounds only. $D$
#   does see the collapse, a moment later. What it cannot do is to say "more variety": it looks at
#   one example at a time.
#
# **Left out:** partial collapse, in which all classes are there, but each in one handwriting only:
# `gan/08` measures it by recall. **Next:** `gan/08` is about the measures, `gan/09` about remedies
# for just this weak game. One of them lets $D$ look at a whole batch. Can you guess its effect?
#
# **Your turn:** `minigen exercise start gan/07`, then `minigen run gan/07 --with
# exercises/gan_07.py`.

# %%
lesson.finish()
