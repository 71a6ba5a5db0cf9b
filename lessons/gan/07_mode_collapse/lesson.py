# %% [markdown]
# # Mode collapse
#
# Imagine a GAN for digits whose discriminator can hardly tell fakes from real images. All seems
# well, until you draw twenty samples and get the same digit twenty times. How can that happen? The
# discriminator judges each fake alone, and each one may fool it for a while. No term of the loss
# asks whether the fakes differ from one another. This failure is called *mode collapse*. When does
# a generator give up variety, and how do we notice?
#
# Two points show the mechanism (section 1). To see it at scale we need two numbers, for quality and
# for variety (2). With them we watch a game that collapses (3) and take its weaknesses away one at
# a time (4). At the end the same game draws digits (6). This lesson follows the section *Mode
# collapse* of [From GAN to WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/).
#
# Before this lesson: `gan/02` (the game), `gan/03` (the best discriminator).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/07_mode_collapse",
    title="Mode collapse",
    post="gan",
    sections=["gan.s10"],
    figures=["gan.f06"],
    pretrained=["digit_classifier"],
    minutes=0.5,
    picture="f06_collapsed_digits",
    sources=["weng2017gan", "goodfellow2014gan", "salimans2016improved", "arjovsky2017wgan"],
)

# %%
from types import SimpleNamespace

import autograd.numpy as np
import numpy

from minigen import plot
from minigen.data import mnist, toy
from minigen.metrics import mode_coverage, sliced_wasserstein
from minigen.metrics.digits import class_histogram, judge_digits
from minigen.nn import MLP
from minigen.optim import Adam
from minigen.tensor import sigmoid, value_and_grad

# %%
from minigen.gan.losses import (
    discriminator_loss,
    generator_loss_nonsaturating,
    optimal_discriminator,
)
from minigen.gan.networks import Discriminator, Generator

# %% [markdown]
# ## 1. Two points
#
# The smallest data that a generator can miss are two points, $A$ and $B$, with half of the data at
# each, $p_r = (\frac12, \frac12)$. The generator starts with all of its samples at $A$, so $p_g =
# (1, 0)$. Then the two players alternate:
#
# - $D$ becomes the best discriminator, $D^* = p_r/(p_r + p_g)$ (`gan/03`). In the first round it is
#   $\frac{0.5}{0.5 + 1} = \frac13$ at $A$ and $\frac{0.5}{0.5 + 0} = 1$ at $B$.
# - $G$ moves samples to the point with the larger $D$.

# %%
lesson.predict(
    "If all samples move at once, what fraction of them is at A in the next four rounds?",
    ["1/2, and it stays there", "0, 1, 0, 1", "0, 1/2, 1/2, 1/2", "1, 1, 1, 1"],
)


# %%
p_r = np.array([0.5, 0.5])


def best_replies(part, rounds=40):
    """The fraction of samples at A. In each round this part of them moves to the larger D."""
    at_a = [1.0]
    for _ in range(rounds):
        p_g = np.array([at_a[-1], 1 - at_a[-1]])
        d = optimal_discriminator(p_r, p_g)
        at_a.append(at_a[-1] + part * (float(d[0] > d[1]) - at_a[-1]))
    return at_a


all_at_a = optimal_discriminator(p_r, np.array([1.0, 0.0]))
lesson.check("D at A and at B", all_at_a, equals=[p_r[0] / (p_r[0] + 1), 1.0])

# %%
parts = {"all move": 1.0, "a fifth moves": 0.2, "one in 50 moves": 0.02}
games = {name: best_replies(part) for name, part in parts.items()}
gaps = [np.abs(np.array(game[-4:]) - p_r[0]).max() for game in games.values()]
title = "fraction of the samples at A"
at = {"fraction of the data": p_r[0]}
ax = plot.line(np.arange(41), games, markers=True, reference=at, title=title)
ax.set(xlabel="round", ylim=(-0.05, 1.6), yticks=[0, 0.25, 0.5, 0.75, 1])
lesson.figure(
    ax,
    "two_modes",
    "In each round all samples move (blue), a fifth of them (orange), or one in 50 (green). "
    "Compare how close the three games come to the fraction of the data (dashed).",
)

# %%
lesson.outcome(
    "The samples move to B, to A, to B, and so on without end, because the point that they have "
    "left always has the larger D.",
    answer="0, 1, 0, 1",
)
lesson.check("all samples move at once", best_replies(1.0)[:5], equals=[1.0, 0.0, 1.0, 0.0, 1.0])
allowed = np.array(list(parts.values())) * p_r.max()
lesson.check("last distances from the data, minus what a move allows", gaps - allowed, at_most=1e-9)

# %% [markdown]
# The generator overdoes it, although each move lowers its loss. For a fixed $D$ the loss is
#
# $$\mathbb{E}_{x \sim p_g}[-\log D(x)] = \sum_x p_g(x) \, (-\log D(x)) ,$$
#
# a mean over single samples. It is linear in $p_g$, so the best reply is to put *all* samples on
# one point, where $D$ is largest. Even at the equilibrium, with $D = (\frac12, \frac12)$, the right
# split is not preferred. The loss of every split is then $\log 2$, and $(1, 0)$ is as good as
# $(\frac12, \frac12)$. In other words, the generator is paid for samples that convince, and never
# for samples that differ.

# %%
half = np.array([0.5, 0.5])
of_splits = [-np.sum(np.array([s, 1 - s]) * np.log(half)) for s in (0.0, 0.3, 0.5, 1.0)]
lesson.check("D = 1/2: loss of four different splits", of_splits, equals=np.log(2))

# %%
lesson.change(
    "nine tenths at A",
    "Change `p_r = np.array([0.5, 0.5])` to `p_r = np.array([0.9, 0.1])`: nine tenths of the data "
    "are at A. Run again. What fraction of the samples is at A in the next four rounds, if all "
    "move at once?",
    answer="0, 1, 0, 1, as before. With all samples at A, D is 0.9/1.9 = 0.4737 there and 1 at B, "
    "where there are no samples. With all at B, D is 1 at A. The point without samples always has "
    "the larger D, however few of the data it holds.",
)

# %% [markdown]
# In this game only small steps lead close to the equilibrium. If a part $e$ of the samples moves in
# each round, the fraction at $A$ ends within $e/2$ of $\frac12$, because each move overshoots by at
# most that much. This suggests how to break a GAN: let the generator move far before $D$ answers.
#
# ## 2. Two numbers, for quality and for variety
#
# How would we notice? The loss may tell us nothing, because even a collapsed generator can have a
# low one. On data with known *modes*, the peaks of the density, we can count. We use the ring of
# eight Gaussians of `gan/02`. A sample is *good* if it lies within three standard deviations of a
# mode. The fraction of good samples measures the quality. The number of modes that have at least 1
# % of the samples measures the variety.

# %%
lesson.exercise("gan/07/mode_coverage")

# %%
lesson.show_source(mode_coverage)

# %%
ring = toy.ring(8, 2.0, 0.1)
eight = np.array([[2.0, 0.0], [2.1, 0.1], [1.4142, 1.4142], [0.0, 0.0]] * 2)
lesson.check(
    "four samples at the first mode, two at the second, two at none",
    mode_coverage(eight, ring.modes, 0.1),
    equals=[2, 0.75],
)


def nearest_mode(x, density):
    """For each sample, the index of the nearest mode."""
    return np.linalg.norm(x[:, None] - density.modes, axis=2).argmin(axis=1)


# %%
def judge(x, density):
    """The modes with at least 1 % of the samples, and the fraction of good samples."""
    return mode_coverage(x, density.modes, density.std, min_count=max(1, len(x) // 100))


def covered(x, density):
    """For each mode, whether it has at least 1 % of the samples."""
    alone = [SimpleNamespace(modes=mode[None], std=density.std) for mode in density.modes]
    return np.array([judge(x, mode).covered > 0 for mode in alone])


# %%
rng = lesson.rng("examples")
data = ring.sample(rng, 1000)
mode = nearest_mode(data, ring)
angle = rng.uniform(0, 2 * np.pi, 1000)
radius = np.sqrt(rng.uniform(1.6**2, 2.4**2, 1000))
one_gaussian = rng.multivariate_normal(data.mean(axis=0), numpy.cov(data.T), 1000)
examples = {
    "samples of the data": data,
    "one mode only": data[mode == 0],
    "seven modes": data[mode > 0],
    "uniform in the annulus": np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1),
    "one Gaussian": one_gaussian,
}

# %%
rows = [[name, *judge(x, ring)] for name, x in examples.items()]
lesson.table(rows, ["samples", "modes of 8", "good samples"])

# %% [markdown]
# One mode only has the quality of the data (0.99) and an eighth of the variety. The uniform samples
# of an annulus cover all modes, and three quarters of them lie between the modes. One Gaussian is
# spread over ring and center alike. About 1 % of its samples are good at each mode, so it is chance
# which modes pass our limit of 1 %. Each number alone can be fooled, so we always report both, and
# with them the numbers of one Gaussian, which has learned nothing but mean and covariance.
#
# ## 3. A game that collapses
#
# Now we break a game on purpose. We add two weaknesses to the game of `gan/02`. The generator
# starts *small*, with small weights and ReLUs, so that all fakes begin at nearly the same point.
# And it is *eager*: it takes five steps for each step of $D$.

# %%
cfg = lesson.configure(width=64, batch=64, lr=1e-3, betas=(0.5, 0.999), eager=5)


def small_start(rng, dim_z):
    """A generator whose fakes start at nearly the same point: small weights, ReLU."""
    return MLP(rng, [dim_z, cfg.width, cfg.width, 2], "relu")


def wide_start(rng, dim_z):
    """The generator of `gan/02`, smaller: larger weights and tanh, so its fakes start apart."""
    return Generator(rng, dim_z, 2, cfg.width, depth=2)


# %%
def new_game(rng, G, D, lr):
    return SimpleNamespace(
        G=G,
        D=D,
        g_optimizer=Adam(G, lr, betas=cfg.betas),
        d_optimizer=Adam(D, lr, betas=cfg.betas),
        rng=rng,
    )


def latent(rng, n, dim_z):
    return rng.standard_normal((n, dim_z), dtype=np.float32)


# %% [markdown]
# In each round $D$ takes one step, and then $G$ takes `eager` steps against the same $D$.


# %%
def d_step(game, real, fake):
    value, grads = value_and_grad(lambda D: discriminator_loss(D(real), D(fake)))(game.D)
    game.d_optimizer.step(grads)
    return value


def g_step(game, z):
    loss = value_and_grad(lambda G: generator_loss_nonsaturating(game.D(G(z))))
    value, grads = loss(game.G)
    game.g_optimizer.step(grads)
    return value


# %%
def one_round(game, real, dim_z, eager):
    fake = game.G(latent(game.rng, cfg.batch, dim_z))
    d_value = d_step(game, real, fake)
    for _ in range(eager):
        g_value = g_step(game, latent(game.rng, cfg.batch, dim_z))
    return {"discriminator": d_value, "generator": g_value}


# %% [markdown]
# During a game we keep the fakes of the same latents at a number of equally spaced moments.


# %%
def moments_of(rounds, count):
    return np.maximum(1, np.linspace(0, rounds, count + 1).round().astype(int)[1:])


def play(label, game, draw_real, z, eager, rounds, count):
    """Plays a game. Returns the fakes of z at so many moments, (count, *their shape)."""
    kept = np.zeros((count, *np.shape(game.G(z))), np.float32)
    moments = moments_of(rounds, count)

    def step(i):
        return one_round(game, draw_real(game.rng, cfg.batch), z.shape[1], eager)

    def watch(i, _):
        kept[moments == i + 1] = game.G(z)

    state = vars(game) | {"kept": kept}
    game.history = lesson.fit(step, rounds, state=state, on_step=watch, label=label)
    return kept


# %%
rounds, looks = lesson.steps(600, quick=6), 30


def fractions_of(x, density):
    """For each mode, the fraction of the samples to which it is the nearest."""
    return np.bincount(nearest_mode(x, density), minlength=len(density.modes)) / len(x)


def play_on(density, label, start, eager, rounds=rounds, dim_z=2, like=None):
    """A game on a density in the plane: the fakes at 30 moments, and the losses.

    It may share the random numbers of the game with the label `like`.
    """
    rng = lesson.rng(like or label)
    G = start(rng, dim_z)
    D = Discriminator(rng, 2, cfg.width, depth=2)
    z = latent(lesson.rng("z"), lesson.size(1000, quick=100), dim_z)
    game = new_game(rng, G, D, cfg.lr)
    fakes = play(label, game, density.sample, z, eager, rounds, looks)
    return SimpleNamespace(fakes=fakes, history=game.history)


# %%
lesson.predict(
    "The favorite is the mode to which most fakes are nearest. How many modes will be the favorite "
    "during the game?",
    ["one mode, all the time", "two or three modes, in turn", "four modes or more, in turn"],
)

# %%
weak = play_on(ring, "ring, weak", small_start, cfg.eager)
moments = moments_of(rounds, looks)
fractions = np.array([fractions_of(x, ring) for x in weak.fakes])  # (30, 8)

# %%
ax = plot.matrix(
    fractions.T,
    title="fraction of the fakes nearest to each mode",
    limits=(0, 1),
    colorbar=True,
    lines=False,
    xlabel=f"moment, one every {moments[0]} rounds",
    ylabel="mode",
)
lesson.figure(
    ax,
    "wandering",
    "Each column is a moment and sums to 1. One dark cell in a column means that nearly all fakes "
    "are nearest to one mode. Follow the dark cells from left to right.",
)

# %%
favorite = fractions.argmax(axis=1)
favorites = len(set(favorite))
changes = int(np.sum(favorite[1:] != favorite[:-1]))
reached = np.array([covered(x, ring) for x in weak.fakes])  # (30, 8)
every, at_once = int(reached.any(axis=0).sum()), reached.sum(axis=1).mean()
two_or_three = "two or three modes, in turn" if favorites > 1 else "one mode, all the time"
lesson.outcome(
    f"The favorite changes {changes} times in {looks} moments, and {favorites} of the modes have "
    "their turn.",
    answer="four modes or more, in turn" if favorites >= 4 else two_or_three,
)

# %%
fig, axes = plot.figure(1, 6, size=(2.2, 2.4))
for ax, k in zip(axes, range(4, looks, 5)):
    plot.samples(weak.fakes[k], ring, ax, title=f"round {moments[k]}")
lesson.figure(
    fig,
    "collapse",
    "The fakes (orange) of the same 1,000 latents at six moments, over the density of the data "
    "(blue). Look at how much of the ring they reach at each moment.",
)

# %%
low = np.mean(weak.history["generator"] < np.log(2))
lesson.table(
    [[favorites, changes, fractions.max(axis=1).mean(), every, at_once, low]],
    [
        "modes that were the favorite",
        f"changes, of {looks - 1}",
        "mean fraction of the favorite",
        "modes covered at some moment",
        "mean number covered at a moment",
        "rounds with a loss of G below log 2",
    ],
)

# %%
lesson.claim(
    "weak game: modes that are covered and hold half of the fakes, at some moment",
    np.sum(np.any(reached & (fractions >= 0.5), axis=0)),
    at_least=5,
    source="0 for one Gaussian, 1 for fakes that stay; seeds 0, 1 and 4711: at least 7",
)

# %% [markdown]
# This looks like section 1 with eight points. At most moments nearly all fakes lie on one ray from
# the center, so one mode is nearest to them, and soon they move on together. Over the whole game
# they reach many modes, but they do not cover the data at any moment. They have no quality either.
# Many overshoot the ring, and in the second half of the game only 7 % are good. One Gaussian has
# 8 %. This game has neither variety nor quality.
#
# Does the generator at least fool $D$? In 46 % of the rounds its loss ends below $\log 2$, the
# value at $D = \frac12$. But if $D$ knew nothing and its outputs were scattered about $\frac12$,
# the loss would be below $\log 2$ in about half of the rounds, so 46 % prove no victory. The post
# describes the failure in two parts: "Even though the generator might be able to trick the
# corresponding discriminator, it fails to learn to represent the complex real-world data
# distribution". The second part is certain here, and the first is not.
#
# ## 4. Which weakness is to blame?
#
# We added two weaknesses at once, so we do not know which of them breaks the game. Let's take away
# one at a time. The first four games and the one with a wide $z$ do the same work, 3,600 gradients.
# With an eager generator this makes 600 rounds of 1 + 5, and without 1,800 rounds of 1 + 1. We also
# ask whether the weak game needs only more time, with three times as many rounds, or more noise,
# with a $z$ of 32 components instead of 2.

# %%
long = 3 * rounds
outputs = {
    "both": weak,
    "small start only": play_on(ring, "ring, small start", small_start, 1, long),
    "eager G only": play_on(ring, "ring, eager", wide_start, cfg.eager),
    "neither": play_on(ring, "ring, fair", wide_start, 1, long),
    "both, 3 times as long": play_on(ring, "ring, weak, long", small_start, cfg.eager, long),
    "both, wide z": play_on(ring, "ring, weak, wide z", small_start, cfg.eager, dim_z=32),
}

# %%
lesson.predict(
    "With an eager generator only, how many of the 8 modes are covered on average?",
    [
        "fewer than 3 in both halves of the game",
        "fewer than 3 in the first half, and 3 or more in the second",
        "3 or more in both halves",
    ],
)

# %%
modes, good, top = {}, {}, {}
for name, each in outputs.items():
    modes[name], good[name] = np.array([judge(x, ring) for x in each.fakes]).T  # (30,) each
    top[name] = np.array([fractions_of(x, ring).max() for x in each.fakes])
middle = looks // 2
early = {name: each[:middle].mean() for name, each in modes.items()}
late = {name: each[middle:].mean() for name, each in modes.items()}

first, second = early["eager G only"], late["eager G only"]
verdicts = {
    (False, False): "fewer than 3 in both halves of the game",
    (False, True): "fewer than 3 in the first half, and 3 or more in the second",
    (True, True): "3 or more in both halves",
}

# %%
time = np.linspace(0, 1, looks + 1)[1:]
four = ("both", "small start only", "eager G only", "neither")
fig, axes = plot.figure(1, 2, size=(4.7, 3.3))
for ax, each in zip(axes, (modes, top)):
    plot.line(time, {name: each[name] for name in four}, ax, xlabel="part of the game")
axes[0].set_title("modes covered, of 8")
axes[1].set_title("fraction of the favorite")
axes[0].get_legend().remove()
lesson.figure(
    fig,
    "which_weakness",
    "Four games over time, with both weaknesses (blue), with a small start only (orange), with an "
    "eager generator only (green), and with neither (pink). Compare the halves of the green "
    "curves.",
)

# %%
lesson.outcome(
    f"The eager generator covers {first:.1f} modes on average in the first half and {second:.1f} "
    "in the second.",
    answer=verdicts.get((first >= 3, second >= 3)),
)


# %%
def far(x):
    """The sliced Wasserstein distance of samples from the data."""
    return sliced_wasserstein(x, data, 100, numpy.random.default_rng(0))


rows = []
for name, each in outputs.items():
    rest = good[name][middle:].mean(), top[name][middle:].mean(), far(each.fakes[-1])
    rows.append([name, early[name], late[name], *rest])
z = latent(lesson.rng("z"), 1000, 2)
trivial = {"small start, untrained": small_start(lesson.rng("untrained"), 2)(z)}
trivial["wide start, untrained"] = wide_start(lesson.rng("untrained"), 2)(z)
trivial["one Gaussian"] = one_gaussian
for name, x in trivial.items():
    rows.append([name, None, *judge(x, ring), fractions_of(x, ring).max(), far(x)])
header = ["weaknesses", "modes, first half", "second half", "good samples, second half"]
lesson.table(rows, [*header, "fraction of the favorite", "distance at the end"])

# %%
lesson.claim(
    "small start only: modes covered in the second half, minus those with both weaknesses",
    late["small start only"] - late["both"],
    at_least=4,
    source="seeds 0, 1 and 4711: at least 7",
)
lesson.claim(
    "small start only: good samples in the second half, minus those of one Gaussian",
    good["small start only"][middle:].mean() - judge(one_gaussian, ring)[1],
    at_least=0.2,
    source="seeds 0, 1 and 4711: at least 0.4",
)

# %%
lesson.claim(
    "eager G only: modes covered, second half minus first half",
    late["eager G only"] - early["eager G only"],
    at_least=1,
    source="seeds 0, 1 and 4711: at least 2",
)
lesson.claim(
    "small start only minus both weaknesses for three times as long: modes covered",
    late["small start only"] - late["both, 3 times as long"],
    at_least=4,
    source="seeds 0, 1 and 4711: at least 7.4",
)

# %% [markdown]
# The two weaknesses are not equal. The small start alone is not a weakness in this run. If $D$
# answers every step, that game covers all 8 modes in the second half, and the game with neither
# weakness covers 6.3. An eager generator does harm by itself. In the first half of its game it
# covers fewer modes than with neither weakness, and its favorite holds more of the fakes (right
# panel). (At equal work $D$ takes only a third as many steps here. Part of the harm may come from
# that.) But it recovers. Its 4.5 modes in the second half are barely more than the 4 of one
# Gaussian, but 35 % of its samples are good, against 8 % of the Gaussian's.
#
# Of these six games only the three with both weaknesses stay collapsed. More time does not help,
# although $D$ then takes 1,800 steps as well. More noise does not help either. With 32 components
# of $z$ the fakes still have one favorite.
#
# It is tempting to stop here and to blame the small start. But our two starts differ in two ways.
# One has smaller weights *and* ReLUs in place of tanh. Therefore let's exchange one at a time, with
# an eager generator in each game.

# %%
lesson.predict(
    "Which of the four games collapse for good, with fewer than 2 modes in their second half?",
    [
        "those with small weights, ReLU or tanh",
        "those with ReLU, small or large weights",
        "only that with small weights and ReLU",
    ],
)


# %%
def small_tanh(rng, dim_z):
    return MLP(rng, [dim_z, cfg.width, cfg.width, 2], "tanh")


def large_relu(rng, dim_z):
    return Generator(rng, dim_z, 2, cfg.width, depth=2, activation="relu")


like = "ring, eager"  # the same random numbers as in the game with large weights and tanh
with_relu = play_on(ring, "ring, eager, ReLU", large_relu, cfg.eager, like=like)
with_small = play_on(ring, "ring, eager, small weights", small_tanh, cfg.eager, like=like)
eager_games = {
    "small weights, ReLU": (small_start, weak),
    "large weights, ReLU": (large_relu, with_relu),
    "small weights, tanh": (small_tanh, with_small),
    "large weights, tanh": (wide_start, outputs["eager G only"]),
}

# %%
rows, late_modes, late_top = [], {}, {}
for name, (start, each) in eager_games.items():
    ends = each.fakes[middle:]
    late_modes[name], late_good = np.mean([judge(x, ring) for x in ends], axis=0)
    late_top[name] = np.mean([fractions_of(x, ring).max() for x in ends])
    spread = start(lesson.rng(like), 2)(z).std(axis=0).mean()
    rows.append([name, spread, late_modes[name], late_good, late_top[name]])
favorite_of_gaussian = fractions_of(one_gaussian, ring).max()
rows.append(["one Gaussian", None, *judge(one_gaussian, ring), favorite_of_gaussian])
header = ["eager generator", "std of the fakes at the start", "modes, second half"]
lesson.table(rows, [*header, "good samples, second half", "fraction of the favorite"])

# %%
stays = frozenset(name for name, count in late_modes.items() if count < 2)
relu, tanh, large = "small weights, ReLU", "small weights, tanh", "large weights, ReLU"
verdicts = {
    frozenset({relu, tanh}): "those with small weights, ReLU or tanh",
    frozenset({relu, large}): "those with ReLU, small or large weights",
    frozenset({relu}): "only that with small weights and ReLU",
}
lesson.outcome(
    "With ReLU and large weights the second half has "
    f"{late_modes[large]:.1f} modes on average, and with tanh and small weights "
    f"{late_modes[tanh]:.1f}.",
    answer=verdicts.get(stays),
)

# %%
lesson.claim(
    "eager G: modes in the second half, small weights and tanh minus large weights and ReLU",
    late_modes[tanh] - late_modes[large],
    at_least=0.6,
    source="seeds 0, 1 and 4711: at least 2.4",
)
lesson.claim(
    "eager G, large weights, ReLU: fraction of the favorite, minus that with one Gaussian",
    late_top[large] - favorite_of_gaussian,
    at_least=0.5,
    source="seeds 0, 1 and 4711: at least 0.6",
)

# %% [markdown]
# Blaming the small weights would have been a mistake. With large weights and ReLU the fakes are the
# widest of all at the start, and the game still collapses. With small weights and tanh they begin
# close together (0.13), and yet no mode holds most of them in the second half. That game is not a
# good one. It covers 3.2 modes, fewer than one Gaussian does. But it has not collapsed. Of these
# four games, the two with ReLU collapse and the two with tanh do not, whatever their weights. We
# have not tested why.
#
# Remember the eager generator when you balance the two players of a GAN of your own. A generator
# that trains more than its discriminator can outrun it, as in section 1.
#
# ## 5. Twenty-five modes
#
# *You may skip this section, because it repeats section 3 on other data. It is for readers who ask
# whether the ring is special.*
#
# The weak game and the game without weaknesses follow on a grid of 25 Gaussians. Few fakes of
# either game are good here, so we add a milder count: the modes to which at least 1 % of the fakes
# are nearest, at any distance.

# %%
grid = toy.grid(5, 2.0, 0.1)
weak_grid = play_on(grid, "grid, weak", small_start, cfg.eager).fakes
fair_grid = play_on(grid, "grid, fair", wide_start, 1, long).fakes

# %%
fig, axes = plot.figure(1, 4, size=(2.9, 3.1))
for ax, k in zip(axes[:2], (middle, -1)):
    plot.samples(weak_grid[k], grid, ax, title=f"weak, round {moments[k]}")
for ax, k in zip(axes[2:], (middle, -1)):
    plot.samples(fair_grid[k], grid, ax, title=f"fair, round {moments_of(long, looks)[k]}")
lesson.figure(
    fig,
    "grid",
    "The two panels on the left show the weak game in its middle and at its end, those on the "
    "right the game without weaknesses. Compare the variety, and then the quality.",
)


# %%
def on_grid(name, moments):
    """The mean of three measures over some moments."""
    near = np.mean([np.sum(fractions_of(x, grid) >= 0.01) for x in moments])
    return [name, near, *np.mean([judge(x, grid) for x in moments], axis=0)]


rng = lesson.rng("grid, one Gaussian")
of_grid = grid.sample(rng, 1000)
spread = rng.multivariate_normal(of_grid.mean(axis=0), numpy.cov(of_grid.T), 1000)
named = {"weak": weak_grid[middle:], "fair": fair_grid[middle:], "one Gaussian": spread[None]}
rows = [on_grid(name, x) for name, x in named.items()]
lesson.table(rows, ["game on the grid", "modes of 25 with fakes near", "covered", "good samples"])

# %%
reached = np.array([covered(x, grid) for x in weak_grid])  # (30, 25)
large_part = np.array([fractions_of(x, grid) for x in weak_grid]) >= 0.25
lesson.claim(
    "grid, weak game: modes that are covered and hold a quarter of the fakes, at some moment",
    np.sum(np.any(reached & large_part, axis=0)),
    at_least=8,
    source="0 for one Gaussian, 1 for fakes that stay; seeds 0, 1 and 4711: at least 12",
)

# %% [markdown]
# The weak game wanders on the grid as well, with fakes near a few modes at a time. The other game
# spreads over the grid, but it has hardly learned the modes. A single Gaussian has fakes near all
# 25 and almost as many good samples, so this game shows variety without quality.
#
# ## 6. Digits
#
# Does it happen with images? Fig. 6 of the post, from Arjovsky et al. (2017), shows sixteen
# bedrooms, and several of them are nearly the same. Their generator is an MLP, "configured to lack
# a strong inductive bias for image generation". In other words, unlike convolutions, its layers do
# not favor images over other arrays. We use an MLP too, and digits. The weak game again has a small
# start and five generator steps in a round, and the fair game has neither. Both take 6,000
# gradients.


# %%
class DigitGenerator(MLP):
    """z (N, 32) -> digits with values in [0, 1], (N, 784)."""

    def __init__(self, rng, gain):
        super().__init__(rng, [32, 128, 128, 784], "relu")
        for layer in self.layers:
            layer.w *= np.float32(gain)

    def __call__(self, z):
        return sigmoid(super().__call__(z))


# %%
images = mnist.splits().train.images  # (50000, 28, 28), bytes
classifier = lesson.pretrained("digit_classifier")
weak_rounds, fair_rounds = lesson.steps(1000, quick=4), lesson.steps(3000, quick=12)


def draw_digits(rng, n):
    return mnist.unit(images[rng.integers(0, len(images), n)], flat=True)


def play_digits(label, gain, eager, rounds):
    """A game on digits: its generator, and 500 fakes of it at four moments."""
    rng = lesson.rng(label)
    G = DigitGenerator(rng, gain)
    D = Discriminator(rng, 784, 128, depth=2)
    z = latent(lesson.rng("digits"), lesson.size(500), 32)
    game = new_game(rng, G, D, 6e-4)
    return G, play(label, game, draw_digits, z, eager, rounds, 4)


# %%
weak_G, weak_digits = play_digits("digits, weak", 1.0, cfg.eager, weak_rounds)
fair_G, fair_digits = play_digits("digits, fair", 6**0.5, 1, fair_rounds)


def draw_fair(rng, n):
    return fair_G(latent(rng, n, 32)).reshape(n, 28, 28, 1)


def draw_weak(rng, n):
    return weak_G(latent(rng, n, 32)).reshape(n, 28, 28, 1)


lesson.sampler("fair game", draw_fair)
lesson.sampler("weak game", draw_weak)

# %%
lesson.predict(
    "In the weak game, which images will differ more from one another?",
    [
        "those of different latents at one moment",
        "those of one latent at four different moments",
        "both about equally (by a factor of less than 1.5)",
    ],
)


# %%
def pixel_std(x):
    """The mean standard deviation of a pixel, over that of MNIST."""
    real = mnist.unit(images[:1000], flat=True)
    return float(x.std(axis=0).mean() / real.std(axis=0).mean())


def read(x):
    """The fraction of the images that the classifier assigns to each digit, (10,)."""
    return class_histogram(classifier, x.reshape(-1, 28, 28, 1))


weak_at = moments_of(weak_rounds, 4)
shown = np.concatenate([x[:14] for x in weak_digits] + [fair_digits[-1][:14]])
names = [f"round {k}" for k in weak_at] + ["fair game"]
means = weak_digits.mean(axis=1)  # (4, 784): the mean image of each moment
within = np.mean([pixel_std(x) for x in weak_digits])
between = pixel_std(means) / within

# %%
lesson.figure(
    plot.image_grid(shown, 5, 14, shape=(28, 28), row_labels=names),
    "f06_collapsed_digits",
    "Each row shows the fakes of the same fourteen latents. The first four rows are four moments "
    "of the weak game, and the last row is the end of the fair game.",
)

# %%
lesson.outcome(
    f"The standard deviation of a pixel between the moments is {between:.1f} times that between "
    "the latents.",
    answer=(
        "those of one latent at four different moments"
        if between > 1.5
        else "those of different latents at one moment"
        if between < 1 / 1.5
        else "both about equally (by a factor of less than 1.5)"
    ),
)

# %% [markdown]
# To count modes, we need to know which digit an image shows. A pretrained classifier reads the
# fakes (`gan/08`).

# %%
histogram = {"weak game": read(weak_digits[-1]), "fair game": read(fair_digits[-1])}
tenth = {"a tenth": 0.1}
ax = plot.bars(histogram, range(10), title="digits read by the classifier", reference=tenth)
ax.set_ylabel("fraction")
lesson.figure(
    ax,
    "class_histogram",
    "The fractions of ten digits at the last moment of the weak game (blue) and of the fair game "
    "(orange). A generator without collapse has every bar near one tenth (dashed).",
)

# %% [markdown]
# The *inception score* (`gan/08`) turns the classifier's probabilities into one number. It is 10 if
# every image is clearly one digit and all digits are equally frequent. It is 1 if all images have
# the same class probabilities. For comparison we add real digits, and one Gaussian with the mean
# and the covariance of the real pixels.


# %%
def inception(x):
    real = mnist.unit(images[:500], flat=True).reshape(-1, 28, 28, 1)
    return judge_digits(classifier, x.reshape(-1, 28, 28, 1), real).inception


real = mnist.unit(images[: lesson.size(5000)], flat=True)
rng = lesson.rng("digits, one Gaussian")
gaussian = rng.multivariate_normal(real.mean(axis=0), numpy.cov(real.T), lesson.size(500))
measured = {f"weak, round {k}": x for k, x in zip(weak_at, weak_digits)}
measured["fair, at the end"] = fair_digits[-1]
measured["one Gaussian"] = gaussian.clip(0, 1).astype(np.float32)
measured["real digits"] = real[-500:]
scores = {name: inception(x) for name, x in measured.items()}
rows = [[name, read(x).max(), pixel_std(x), scores[name]] for name, x in measured.items()]
header = ["images", "fraction of the commonest digit", "pixel std, MNIST = 1", "inception score"]
lesson.table(rows, header)

# %%
lesson.claim(
    "digits: inception score, fair game minus one Gaussian",
    scores["fair, at the end"] - scores["one Gaussian"],
    at_least=0.5,
    source="seeds 0, 1, 4711: 1.49, 1.06, 1.38",
)
lesson.claim(
    "digits: inception score at the end, fair game minus weak game",
    scores["fair, at the end"] - scores[f"weak, round {weak_at[-1]}"],
    at_least=2,
    source="one Gaussian minus one image: 1.8 or less; seeds 0, 1 and 4711: at least 2.6",
)

# %% [markdown]
# The weak game collapses on digits as well. The images of one moment are nearly equal, and they
# change from one moment to the next. None of them is a digit, but the classifier must choose a
# class, so a histogram alone proves little. In round 500 the images differ least of all (0.048),
# and yet the classifier assigns a fifth of them to other classes. The fair game has a higher
# inception score than one Gaussian (4.3 against 2.8), but its bars are far from one tenth. Collapse
# has degrees, and a GAN that draws several digits can still neglect the others.
#
# ## What this lesson does differently
#
# - The post's figure has bedrooms and a larger network. We have digits, and points in the plane,
#   whose modes we know.
# - We cause the collapse on purpose. An MLP as a generator does not suffice for it in our small
#   games, because the fair game has one as well.
# - The post's generator "gets stuck in a small space". Ours cover a small space at each moment, but
#   they do not stay there. Whether a collapsed generator stays or wanders may depend on the game.
#   Every game that we watched wander was built to collapse.
# - We leave out collapse within a class, where every digit is there but each in a single
#   handwriting. `gan/08` measures it by recall.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - "A DCGAN model is trained with an MLP network with 4 layers, 512 units and ReLU activation
#   function" (Fig. 6): a DCGAN is convolutional by definition. In Arjovsky et al. (2017) the
#   *generator* of this figure is the MLP, in a standard GAN.
#
# ## To remember
#
# - The generator's loss is a mean over single samples, and no term rewards variety.
# - Quality and variety are two numbers, and each alone can be fooled.
# - A generator that moves far before $D$ answers may collapse, and then wander from mode to mode.
# - One moment looks stuck. Samples pooled over the training would look varied.
# - Two changes at once hide a cause. Exchange them one at a time.
#
# **Next:** how do we measure a GAN when the modes are unknown? (`gan/08`) The remedies of `gan/09`
# are tried on the weak game of this lesson.
#
# **Your turn:** `minigen exercise start gan/07`, then `minigen run gan/07 --with
# exercises/gan_07.py`.

# %%
lesson.finish()
