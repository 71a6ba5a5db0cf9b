# %% [markdown]
# # Mode collapse
#
# The section *Mode collapse* (gan.s10) of [From GAN to
# WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/), run. To take away:
#
# 1. Against a $D$ that stands still, the generator's best answer is a single point. Nothing in its
#    loss asks for variety.
# 2. Whether a collapsed generator rests where it is, once $D$ has learned the place.
# 3. Quality and variety are two numbers, and each alone can be fooled.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/07_mode_collapse",
    title="Mode collapse",
    post="gan",
    sections=["gan.s10"],
    figures=["gan.f06"],
    pretrained=["digit_classifier"],
    minutes=0.6,
    sources=["weng2017gan", "goodfellow2014gan", "salimans2016improved"],
)

# %%
from types import SimpleNamespace

import autograd.numpy as np
import numpy

from minigen import plot
from minigen.data import mnist, toy
from minigen.metrics import mode_coverage, sliced_wasserstein
from minigen.metrics.digits import class_histogram
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
# ## 1. Two stalls at a market
#
# Half of the real coins are found at stall A, half at stall B. A forger brings all of her coins to
# A. The best detective says $D = p_r/(p_r + p_g)$ (`gan/03`): at A $\frac{0.5}{0.5 + 1} = \frac13$,
# at B $\frac{0.5}{0.5 + 0} = 1$, for he has never met a forgery there. Where will the forger go, if
# she may choose freely?

# %%
lesson.predict(
    "If she moves all coins at once, which share of them is at A in the next four rounds?",
    ["1/2, and it stays there", "0, 1, 0, 1", "0, 1/2, 1/2, 1/2", "1, 1, 1, 1"],
)


# %%
p_r = np.array([0.5, 0.5])


def market(eagerness, rounds=40):
    """The share of forged coins at A. In each round this part of them moves to the stall that D
    believes more."""
    at_a = [1.0]
    for _ in range(rounds):
        p_g = np.array([at_a[-1], 1 - at_a[-1]])
        d = optimal_discriminator(p_r, p_g)
        at_a.append(at_a[-1] + eagerness * (float(d[0] > d[1]) - at_a[-1]))
    return at_a


all_at_a = optimal_discriminator(p_r, np.array([1.0, 0.0]))
lesson.check("D at A and at B", all_at_a, equals=[1 / 3, 1.0])

# %%
games = {"all move": market(1.0), "a fifth moves": market(0.2), "one in 50 moves": market(0.02)}
title = "share of the forged coins at A"
ax = plot.line(np.arange(41), games, markers=True, reference={"the truth": 0.5}, title=title)
ax.set_xlabel("round")
lesson.figure(
    ax,
    "market",
    "Blue: from wall to wall, for ever, and each answer is the best one possible. The smaller the "
    "moves, the closer to one half they end.",
)

# %%
lesson.check("all coins move at once", market(1.0)[:5], equals=[1.0, 0.0, 1.0, 0.0, 1.0])
lesson.outcome("All to B, all to A, all to B, and so on for ever.", answer="0, 1, 0, 1")

# %%
lesson.change(
    "nine of ten coins at A",
    "Change `p_r = np.array([0.5, 0.5])` to `p_r = np.array([0.9, 0.1])`: nine of ten real coins "
    "are found at A. Run again. Which share of the forged coins is at A in the next four rounds, "
    "if all move at once?",
    answer="0, 1, 0, 1, as before. With all forgeries at A the detective says 0.9/1.9 = 0.4737 "
    "there and 1 at B, where he has met none; with all at B he says 1 at A. The empty stall always "
    "wins, however few real coins it has.",
)

# %% [markdown]
# Against a *fixed* $D$ it is always best to put everything where $D$
# is highest, even if the second best place is nearly as good. Half and half is the solution of the
# game, and no player's best answer to anything. What holds a GAN near it is that both players take
# small steps, by turns. So here is how to break one: let the generator move further before $D$ may
# answer.
#
# ## 2. How to see it
#
# First a measure. The ring has eight bells. `mode_coverage` says how many of them have samples, and
# which share of the samples lies at a bell, within three standard deviations.

# %%
lesson.predict(
    "A cloud spread evenly all along the ring, from radius 1.6 to 2.4: what does it get?",
    ["8 bells, nearly all samples good", "8 bells, less than half of them good", "0 bells"],
)

# %%
lesson.exercise("gan/07/mode_coverage")

# %%
lesson.show_source(mode_coverage)
ring = toy.ring(8, 2.0, 0.1)


def nearest_mode(x, density):
    """For each sample, which of the modes (the centers of the bells) is nearest."""
    return np.linalg.norm(x[:, None] - density.modes, axis=2).argmin(axis=1)


def judge(x, density):
    """The bells with 1 % of the samples or more, and the share of the samples at a bell."""
    return mode_coverage(x, density.modes, density.std, min_count=max(1, len(x) // 100))


# %%
rng = lesson.rng("clouds")
truth = ring.sample(rng, 1000)
mode = nearest_mode(truth, ring)
angle = rng.uniform(0, 2 * np.pi, 1000)
radius = np.sqrt(rng.uniform(1.6**2, 2.4**2, 1000))
clouds = {
    "the truth": truth,
    "one bell, perfectly": truth[mode == 0],
    "seven bells": truth[mode > 0],
    "a cloud all along the ring": np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1),
}

# %%
rows = [[name, *judge(x, ring)] for name, x in clouds.items()]
lesson.table(rows, ["samples", "bells with 1 % of them", "share at a bell"])

# %%
_, found, share = rows[-1]
many = "8 bells, nearly all samples good" if share > 0.9 else None
few = "8 bells, less than half of them good" if share < 0.5 else many
lesson.outcome(
    f"{found} bells, and {100 * share:.0f} % of the samples at one.",
    answer="0 bells" if found == 0 else few,
)
eight = np.array([[2.0, 0.0], [2.1, 0.1], [1.4142, 1.4142], [0.0, 0.0]] * 2)
lesson.check(
    "by hand: two at the first bell, one at the second, one astray",
    mode_coverage(eight, ring.modes, 0.1),
    equals=[2, 0.75],
)

# %% [markdown]
# One bell, perfectly: the highest quality, with an eighth of the variety. A cloud all along the
# ring: full variety, a fifth of the quality. Each number alone can be fooled, so look at both.
#
# ## 3. A deliberately weak game
#
# Two changes to the game of `gan/02`. The generator starts with small weights and ReLUs, so that
# all fakes lie in one spot. And it takes **five** steps for each one of $D$. Everything else is as
# usual.

# %%
lesson.predict(
    "Which of the bells has most of the fakes near it? Over the game that will be",
    ["one bell, all the time", "two or three bells, by turns", "four bells or more, by turns"],
)

# %%
cfg = lesson.configure(width=64, batch=64, lr=1e-3, betas=(0.5, 0.999), eager=5)


def small_start(rng, dim_z):
    """A generator whose fakes start in one spot: small weights, ReLU."""
    return MLP(rng, [dim_z, cfg.width, cfg.width, 2], "relu")


def wide_start(rng, dim_z):
    """The generator of `gan/02`, smaller: its fakes start as wide as z."""
    return Generator(rng, dim_z, 2, cfg.width, depth=2)


# %% [markdown]
# A game is two networks, their optimizers and a random stream. In each round $D$ takes one step,
# and then $G$ takes `eager` steps.


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


def d_loss(D, real, fake):
    return discriminator_loss(D(real), D(fake))


# %%
def turns(game, draw_real, dim_z, eager):
    def g_loss(G, noise):
        return generator_loss_nonsaturating(game.D(G(noise)))

    def step(i):
        real = draw_real(game.rng, cfg.batch)
        fake = game.G(latent(game.rng, cfg.batch, dim_z))
        d_value, grads = value_and_grad(d_loss)(game.D, real, fake)
        game.d_optimizer.step(grads)
        for _ in range(eager):
            noise = latent(game.rng, cfg.batch, dim_z)
            g_value, grads = value_and_grad(g_loss)(game.G, noise)
            game.g_optimizer.step(grads)
        return {"discriminator": d_value, "generator": g_value}

    return step


# %% [markdown]
# And a game is filmed: what do the same latents become at some moments, evenly spread over it?


# %%
def moments_of(rounds, count):
    return np.linspace(0, rounds, count + 1).round().astype(int)[1:]


def play(label, game, draw_real, z, eager, rounds, count):
    """Plays a game; returns what z became at so many moments, (count, *shape of the fakes)."""
    film = np.zeros((count, *np.shape(game.G(z))), np.float32)
    moments = moments_of(rounds, count)

    def watch(i, _):
        film[moments == i + 1] = game.G(z)

    step = turns(game, draw_real, z.shape[1], eager)
    state = vars(game) | {"film": film}
    lesson.fit(step, rounds, state=state, on_step=watch, label=label)
    return film


# %%
rounds = lesson.steps(600, quick=6)
looks = 30


def play_on(density, label, start, eager, rounds=rounds, dim_z=2):
    """A game on a density in the plane, filmed at 30 moments."""
    rng = lesson.rng(label)
    G = start(rng, dim_z)
    D = Discriminator(rng, 2, cfg.width, depth=2)
    z = latent(lesson.rng("film"), lesson.size(1000, quick=100), dim_z)
    game = new_game(rng, G, D, cfg.lr)
    return play(label, game, density.sample, z, eager, rounds, looks)


# %%
film = play_on(ring, "ring, weak", small_start, cfg.eager)
moments = moments_of(rounds, looks)
fig, axes = plot.figure(1, 6, size=(2.2, 2.4))
for ax, k in zip(axes, range(4, looks, 5)):
    plot.samples(film[k], ring, ax, title=f"round {moments[k]}")
lesson.figure(
    fig,
    "collapse",
    "All 1,000 fakes of each moment. They move as one body: now here, now there, and never in more "
    "than a corner of the ring.",
)

# %% [markdown]
# ## 4. Where is it, and when?
#
# For every moment: which bell is nearest to each fake? A healthy generator gives each bell an
# eighth.


# %%
def shares_of(x, density):
    """For each bell, the share of the samples to which it is the nearest."""
    return np.bincount(nearest_mode(x, density), minlength=len(density.modes)) / len(x)


shares = np.array([shares_of(x, ring) for x in film])  # (30, 8)

# %%
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

# %%
favorite = shares.argmax(axis=1)
favorites = len(set(favorite))
changes = int(np.sum(favorite[1:] != favorite[:-1]))
of_favorite = shares.max(axis=1).mean()
header = ["bells that were the favorite", "changes of favorite, of 29"]
lesson.table([[favorites, changes, of_favorite]], [*header, "mean share of the favorite"])
lesson.claim("weak game: mean share of the favorite bell (fair: 0.125)", of_favorite, at_least=0.4)
lesson.claim(
    "weak game: number of bells that were the favorite at some time", favorites, at_least=4
)

# %%
two_or_three = "two or three bells, by turns" if favorites > 1 else "one bell, all the time"
lesson.outcome(
    f"In {looks} moments the favorite changed {changes} times, among {favorites} of the bells.",
    answer="four bells or more, by turns" if favorites >= 4 else two_or_three,
)

# %% [markdown]
# This is the market of section 1, with eight stalls. The fakes sit at one bell, $D$ learns that
# this bell is full of fakes, and all of them leave together. Over the whole game the generator has
# been nearly everywhere. At no moment is it in two places.
#
# ## 5. Which weakness is to blame?
#
# Each change alone, both, and neither. The game without either has three times the rounds, which is
# about the same work: 3,600 gradients. And both once more with a noise of more dimensions, a $z$ of
# 32 numbers instead of 2.

# %%
lesson.predict(
    "Which games will cover three bells or more, in the mean of their second half?",
    [
        "the one with neither weakness only",
        "those with at most one weakness",
        "those with at most one, and the one with z of 32 numbers",
        "all five",
    ],
)

# %%
long = 3 * rounds
wide_z = play_on(ring, "ring, weak, wide z", small_start, cfg.eager, dim_z=32)
films = {
    "small start and eager G": film,
    "small start only": play_on(ring, "ring, small start", small_start, 1, long),
    "eager G only": play_on(ring, "ring, eager", wide_start, cfg.eager),
    "neither": play_on(ring, "ring, fair", wide_start, 1, long),
    "both, z of 32 numbers": wide_z,
}

# %%
modes = {}
good = {}
for name, each in films.items():
    modes[name], good[name] = np.array([judge(x, ring) for x in each]).T  # (30,) each

time = np.linspace(0, 1, looks + 1)[1:]
fig, axes = plot.figure(1, 2, size=(4.7, 3.3))
plot.line(time, modes, axes[0], title="bells covered, of 8", xlabel="part of the game")
plot.line(time, good, axes[1], title="share of good samples", xlabel="part of the game")
lesson.figure(
    fig,
    "which_weakness",
    "Blue and yellow, with both weaknesses, stay on the ground. The others climb, in jumps.",
)


# %%
def far(x):
    """How far samples are from the truth: the sliced Wasserstein distance."""
    return sliced_wasserstein(x, truth, 100, numpy.random.default_rng(0))


half = looks // 2
late = {name: each[half:].mean() for name, each in modes.items()}
rows = [[name, late[name], good[name][half:].mean(), far(films[name][-1])] for name in films]
header = ["game", "bells, mean of the second half", "good samples", "distance at the end"]
lesson.table(rows, header)

# %%
others = [late[name] for name in ("small start only", "eager G only", "neither")]
lesson.claim("one weakness, or none: bells covered, mean of the second half", others, at_least=3)
for name in ("small start and eager G", "both, z of 32 numbers"):
    fewer = min(others) - late[name]
    lesson.claim(f"{name}: fewer than the least of these, by", fewer, at_least=1)

# %%
one_at_most = {"small start only", "eager G only", "neither"}
verdicts = {
    frozenset({"neither"}): "the one with neither weakness only",
    frozenset(one_at_most): "those with at most one weakness",
    frozenset(one_at_most | {"both, z of 32 numbers"}): (
        "those with at most one, and the one with z of 32 numbers"
    ),
    frozenset(late): "all five",
}
lesson.outcome(
    ", ".join(f"{name}: {count:.1f}" for name, count in late.items()),
    answer=verdicts.get(frozenset(name for name, count in late.items() if count >= 3)),
)

# %% [markdown]
# Together they are fatal, and neither is alone. Fakes that start in one spot are torn apart if $D$
# answers every move; an eager generator does less harm if it cannot carry all fakes at once. The
# noise is not to blame: a $z$ of 32 numbers has variety enough, and the generator throws it away.
#
# Does a larger number of bells change anything? The same two games on a grid of 25.

# %%
lesson.predict(
    "Around how many bells of 25 will there be fakes, in the weak game and in the fair one?",
    ["6 or fewer, and 15 or more", "more than 6, and 15 or more", "fewer than 15 in both"],
)

# %%
grid = toy.grid(5, 2.0, 0.1)
weak_grid = play_on(grid, "grid, weak", small_start, cfg.eager)
fair_grid = play_on(grid, "grid, fair", wide_start, 1, long)
weak_moments = moments_of(rounds, looks)
fair_moments = moments_of(long, looks)

# %%
fig, axes = plot.figure(1, 4, size=(2.9, 3.1))
for ax, k in zip(axes[:2], (half, -1)):
    plot.samples(weak_grid[k], grid, ax, title=f"weak, round {weak_moments[k]}")
for ax, k in zip(axes[2:], (half, -1)):
    plot.samples(fair_grid[k], grid, ax, title=f"fair, round {fair_moments[k]}")
lesson.figure(
    fig,
    "grid",
    "Left: the weak game at two moments. Right: the fair one; it has found the grid's outline, and"
    " is far from sharp.",
)

# %% [markdown]
# A milder count stands beside the usual one here: the bells to which at least 1 % of the fakes are
# nearer than to any other, however far.


# %%
def reached(x):
    return np.sum(shares_of(x, grid) >= 0.01)


around = {}
rows = []
for name, each in [("weak", weak_grid[half:]), ("fair", fair_grid[half:])]:
    around[name] = np.mean([reached(x) for x in each])
    rows.append([name, around[name], *np.mean([judge(x, grid) for x in each], axis=0)])
header = ["game on the grid", "bells of 25 with fakes around", "bells covered", "good samples"]
lesson.table(rows, header)

# %%
lesson.claim("fair game on the grid: bells with fakes around", around["fair"], at_least=15)
times = around["fair"] / around["weak"]
lesson.claim("times as many as in the weak game", times, at_least=2.5)

# %%
narrow = "6 or fewer, and 15 or more" if around["weak"] <= 6 else "more than 6, and 15 or more"
lesson.outcome(
    f"{around['weak']:.1f} and {around['fair']:.1f}, in the mean of the second half.",
    answer=narrow if around["fair"] >= 15 else "fewer than 15 in both",
)

# %% [markdown]
# ## 6. Digits
#
# The post shows rooms, nearly the same room again and again, from a generator made of plain layers.
# We do it with digits: plain layers, a small start, two steps of $G$ for each one of $D$. The fair
# game has the usual start, and one step each. A pretrained classifier (`gan/08`), which comes with
# the package, reads what comes out.

# %%
images = mnist.splits().train.images  # (50000, 28, 28), bytes
classifier = lesson.pretrained("digit_classifier")


class Painter(MLP):
    """z (N, 32) -> digits with values in [0, 1], (N, 784)."""

    def __init__(self, rng, gain):
        super().__init__(rng, [32, 128, 128, 784], "relu")
        for layer in self.layers:
            layer.w *= np.float32(gain)

    def __call__(self, z):
        return sigmoid(super().__call__(z))


# %%
def draw_digits(rng, n):
    return mnist.unit(images[rng.integers(0, len(images), n)], flat=True)


def paint(label, gain, eager, rounds):
    """A game on digits: its generator, and 500 fakes of it at four moments."""
    rng = lesson.rng(label)
    G = Painter(rng, gain)
    D = Discriminator(rng, 784, 128, depth=2)
    z = latent(lesson.rng("digits"), lesson.size(500), 32)
    game = new_game(rng, G, D, 6e-4)
    return G, play(label, game, draw_digits, z, eager, rounds, 4)


# %%
weak_rounds = lesson.steps(800, quick=8)
weak_G, weak_digits = paint("digits, weak", 1.0, 2, weak_rounds)
fair_G, fair_digits = paint("digits, fair", 6**0.5, 1, lesson.steps(3000, quick=8))


def draw_fair(rng, n):
    return fair_G(latent(rng, n, 32)).reshape(n, 28, 28, 1)


def draw_weak(rng, n):
    return weak_G(latent(rng, n, 32)).reshape(n, 28, 28, 1)


lesson.sampler("fair game", draw_fair)
lesson.sampler("weak game", draw_weak)

# %%
weak_at = moments_of(weak_rounds, 4)
shown = np.concatenate([x[:14] for x in weak_digits] + [fair_digits[-1][:14]])
names = [f"round {k}" for k in weak_at] + ["fair game"]
lesson.figure(
    plot.image_grid(shown, 5, 14, shape=(28, 28), row_labels=names),
    "f06_collapsed_digits",
    "Row by row, fourteen fakes from fourteen different z. Rows one to four are "
    "the weak game: one picture a row, and another in the next row. Below: the fair game.",
)


# %%
def read(x):
    """Which share of the pictures the classifier takes for each digit, (10,)."""
    return class_histogram(classifier, x.reshape(-1, 28, 28, 1))


histogram = {"weak game": read(weak_digits[-1]), "fair game": read(fair_digits[-1])}
tenth = {"a tenth": 0.1}
ax = plot.bars(histogram, range(10), title="what the classifier reads", reference=tenth)
ax.set_ylabel("share")
lesson.figure(
    ax,
    "class_histogram",
    "Blue, the weak game: one tall bar. Orange, the fair one: many digits, if not evenly.",
)


# %%
def variety(x):
    """The spread of each pixel, in the mean, over that of digits."""
    digits = mnist.unit(images[:1000], flat=True)
    return float(x.std(axis=0).mean() / digits.std(axis=0).mean())


tops = [read(x).max() for x in weak_digits]
rows = [[f"weak, round {k}", top, variety(x)] for k, top, x in zip(weak_at, tops, weak_digits)]
fair_variety = variety(fair_digits[-1])
rows.append(["fair, at the end", histogram["fair game"].max(), fair_variety])
header = ["game", "share of its commonest digit", "spread of the pixels, digits = 1"]
lesson.table(rows, header)

# %%
widest = max(variety(x) for x in weak_digits)
times = fair_variety / widest
lesson.claim("digits: spread of the pixels, fair game over weak", times, at_least=2.5)
less = np.mean(tops) - histogram["fair game"].max()
lesson.claim("share of the commonest digit, weak game less fair", less, at_least=0.2)
seen = int(np.sum(histogram["fair game"] >= 0.01))
lesson.claim(
    "fair game on digits: digits with 1 % of the samples or more",
    seen,
    at_least=4,
)
lesson.claim("fair game on digits: spread of the pixels", fair_variety, at_least=0.4)

# %% [markdown]
# Do not take the classifier's word for more than it is: it has to say *some* digit, even to a
# smudge. That is why the second column is there, the spread of each pixel. And look at the orange
# bars: the fair game has favorites, too. Collapse comes in degrees.
#
# ## 7. Where the post is loose
#
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
