# %% [markdown]
# # Generative adversarial networks
#
# Suppose you have thousands of photographs and would like more of the same kind. The usual recipe
# is to write down a density with parameters and to maximize the likelihood of the photographs. But
# a network that turns noise into pictures does not give us a density. It can draw all day, and in
# general nobody can compute how probable one of its pictures is. How do we train a network that can
# only draw?
#
# A GAN trains a second network as the judge. We set up their game (section 1), choose a loss for
# the generator (2), and play first with two numbers (3), then with two networks (4 and 5). At the
# end we break the game on purpose (7). This lesson follows the section *Generative Adversarial
# Network (GAN)* of [From GAN to WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/).
#
# Before this lesson: `start/01` (a training loop, logits, Adam).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/02_gan",
    title="Generative adversarial networks",
    post="gan",
    sections=["gan.s02"],
    figures=["gan.f02"],
    equations=["gan.03"],
    minutes=2.5,
    picture="chase_film",
    sources=["weng2017gan", "goodfellow2014gan", "salimans2016improved"],
)

# %%
from functools import partial
from types import SimpleNamespace

import autograd.numpy as np
import numpy

from minigen import plot
from minigen.data import toy
from minigen.metrics import mode_coverage, sampling_floor, sliced_wasserstein
from minigen.optim import EMA, SGD, Adam, cosine
from minigen.tensor import grad, leaves, sigmoid, value_and_grad

# %%
from minigen.gan.losses import (
    discriminator_loss,
    generator_loss_minimax,
    generator_loss_nonsaturating,
)
from minigen.gan.networks import Discriminator, Generator

# %% [markdown]
# ## 1. A game instead of a likelihood
#
# Without a likelihood we need another score for the samples. The idea is to train that score as
# well, which gives a GAN two players:
#
# - The **discriminator** $D$ receives an example $x$ and outputs $D(x)$, the probability that $x$
#   is real. It is an ordinary classifier, trained on real examples and on fakes.
# - The **generator** $G$ receives noise $z$ and outputs a fake, $G(z)$. It is trained to raise
#   $D(G(z))$.

# %%
parts = {
    "z": plot.node("noise\n$z$", "noise", (0, 0)),
    "G": plot.node("generator\n$G$", "model", (1, 0)),
    "fake": plot.node("fake\n$G(z)$", "fake", (2, 0)),
    "x": plot.node("real\n$x$", "data", (2, 1)),
    "D": plot.node("discriminator\n$D$", "model", (3, 0.5)),
    "p": plot.node("real?", "loss", (4, 0.5)),
}

# %%
lesson.figure(
    plot.schematic(
        parts,
        [
            "z -> G -> fake -> D -> p",
            "x -> D",
            "p --> D",
            plot.edge("p", "G", "raise D(G(z))", dashed=True, route="over"),
        ],
    ),
    "f02_data_flow",
    "Solid arrows carry data, dashed arrows gradients. Look for an arrow from the real examples to "
    "the generator.",
)

# %% [markdown]
# There is none. All that the generator learns about the data comes through the judge.
#
# To train the two, we need the game as a formula. Let $p_z$ be the distribution of the noise, $p_g$
# of the fakes and $p_r$ of the real examples. On a real example $D$ should make $\log D(x)$ large,
# and on a fake $\log(1 - D(G(z)))$. The generator works against the second aim. Together this is
# the *minimax game* (Eq. gan.03):
#
# $$
# \begin{aligned}
# \min_G \max_D L(D, G)
#   &= \mathbb{E}_{x \sim p_r(x)}[\log D(x)] + \mathbb{E}_{z \sim p_z(z)}[\log(1 - D(G(z)))] \\
#   &= \mathbb{E}_{x \sim p_r(x)}[\log D(x)] + \mathbb{E}_{x \sim p_g(x)}[\log(1 - D(x))] .
# \end{aligned}
# $$
#
# In words, $D$ climbs on a number, and $G$ descends on the same number. The first term does not
# contain $G$, so only the second can move it. The second line renames the fakes: to draw $z$ and
# compute $x = G(z)$ *is* to draw $x$ from $p_g$.
#
# For example, let $D$ output 0.8 for one real example and 0.4 for one fake. The discriminator
# minimizes minus the value of the game, $-\log 0.8 - \log 0.6 = 0.223 + 0.511 = 0.734$. The
# generator's part is $\log 0.6 = -0.511$. What $G$ gains, $D$ loses, and such a game is called
# *zero-sum*. A discriminator that cannot separate the two kinds outputs 1/2 everywhere, and its
# loss is $2 \log 2 = 1.386$. We will meet this number again in section 5.

# %%
loss_of_d = discriminator_loss(np.log([0.8 / 0.2]), np.log([0.4 / 0.6]))
part_of_g = generator_loss_minimax(np.log([0.4 / 0.6]))
lesson.check("D's loss at 0.8 on real, 0.4 on fake", loss_of_d, equals=0.7340, atol=5e-5)
lesson.check("G's part of it", part_of_g, equals=np.log(0.6))
undecided = discriminator_loss(np.zeros(1), np.zeros(1))
lesson.check("D's loss when D is 1/2 everywhere", undecided, equals=2 * np.log(2))

# %% [markdown]
# In code there is one difficulty. The networks output *logits*, numbers of any size, with $D =
# \sigma(\text{logit})$. A logit of 1000 makes $D$ round to 1, and $\log(1 - D)$ becomes minus
# infinity. The trick is to compute both logarithms from the logits themselves, with the *softplus*
# function $\log(1 + e^l)$. (It overflows as well if it is typed like this. `np.logaddexp(0, l)`
# does not.)

# %%
lesson.exercise("gan/02/discriminator_loss")

# %%
lesson.show_source(discriminator_loss)

# %% [markdown]
# Now we have a judge who can be trained. But what should the generator do with the judge's score?
#
# ## 2. Which loss for the generator?
#
# Early in training, fakes are easy to detect, and $D$ outputs 0.001 for them, say. By Eq. gan.03
# the generator should lower $\log(1 - D)$. But $-\log D$ also falls whenever $D$ rises, so $G$
# could lower that instead. The aim is the same. Is the gradient?

# %%
lesson.predict(
    "A fake has D = 0.001. How large is the gradient of -log D with respect to the logit, compared "
    "with the gradient of log(1 - D)?",
    ["equally large", "about 10 times", "about 1,000 times", "about a thousandth"],
)

# %%
losses = {
    "minimax, log(1 - D)": generator_loss_minimax,
    "non-saturating, -log D": generator_loss_nonsaturating,
}
logit = np.log([0.001 / 0.999])  # of a fake with D = 0.001
gradients = [grad(loss)(logit)[0] for loss in losses.values()]
logits = np.linspace(-8, 8, 161)  # of the figure

# %%
fig, (upper, lower) = plot.figure(2, 1, size=(5.0, 2.3), share="x")
plot.line(
    logits,
    {name: [loss(l[None]) for l in logits] for name, loss in losses.items()},
    upper,
    title="loss of G, nats",
)
plot.line(
    logits,
    {name: [-grad(loss)(l[None])[0] for l in logits] for name, loss in losses.items()},
    lower,
    title="minus its gradient",
    xlabel="logit of a fake",
)

# %%
lesson.figure(
    fig,
    "saturation",
    "At the left end of both panels D is close to 0. The minimax loss (blue) is flat there, and "
    "its gradient vanishes. At the right end the roles are exchanged.",
)
lesson.check("the gradients at D = 0.001", gradients, equals=[-0.001, -0.999])
lesson.outcome(
    f"The gradients have size {-gradients[1]:.3f} and {-gradients[0]:.3f}, because one is 1 - D "
    "and the other is D.",
    answer="about 1,000 times",
)

# %% [markdown]
# With $D = \sigma(l)$, each derivative with respect to the logit $l$ is one line:
#
# $$
# \frac{d}{dl} \log(1 - D) = \frac{d}{dl} \big({-\log(1 + e^l)}\big) = -D, \qquad
# \frac{d}{dl} (-\log D) = \frac{d}{dl} \log(1 + e^{-l}) = -(1 - D) .
# $$
#
# The first one is the problem. A fake that $D$ rejects gets hardly any gradient, although it needs
# to move most. We say that the *minimax* loss $\log(1 - D)$ *saturates*. The *non-saturating* loss
# $-\log D$ does the opposite: it pulls hardest on the worst fakes, and rests once $D$ is fooled.
# [Goodfellow et al. (2014)](https://arxiv.org/abs/1406.2661) trained with it.

# %%
lesson.exercise("gan/02/generator_loss_minimax")
lesson.exercise("gan/02/generator_loss_nonsaturating")

# %%
lesson.show_source(generator_loss_minimax, generator_loss_nonsaturating)

# %% [markdown]
# In other words, two losses with the same goal can train very differently. What counts is the
# gradient, above all where training starts.
#
# ## 3. A game of two numbers
#
# A game is not a minimization. Therefore let's play once on paper. There is one real example, at 1.
# The generator is one number $y$, its only fake, and starts at 0. The discriminator is one number
# $a$, with $D(x) = \sigma(a x)$, and starts at $a = 0$, where $D = \frac12$ everywhere. Both take
# gradient steps of size 1.
#
# - $D$ moves first. The gradient of its loss with respect to $a$ is $-(1 - D(1)) + D(y)\,y =
#   -\frac12$, so $a$ becomes $\frac12$. Now $D$ increases to the right.
# - Then $G$ moves. The gradient of $-\log D(y)$ with respect to $y$ is $-(1 - D(y))\,a = -\frac12
#   \cdot \frac12$, so $y$ becomes $\frac14$.
#
# The fake has moved towards the real example, although $G$ never received it.

# %%
a = y = 0.0
rounds = [(a, y)]
for _ in range(40):
    a += (1 - sigmoid(a)) - sigmoid(a * y) * y  # D climbs
    y += (1 - sigmoid(a * y)) * a  # G follows
    rounds.append((float(a), float(y)))

# %%
lesson.predict(
    "Where does y go in 40 rounds?",
    [
        "it rises to 1 without passing it",
        "it passes 1 and oscillates with decreasing amplitude",
        "it passes 1 and oscillates with increasing amplitude",
        "it passes 1 and does not return",
    ],
)

# %%
ax = plot.line(
    np.arange(41),
    {"fake y": np.array(rounds)[:, 1], "parameter a of D": np.array(rounds)[:, 0]},
    markers=True,
    colors=[plot.color.fake, plot.color.model],
    reference={"real": 1.0},
    xlabel="round",
)

# %%
lesson.figure(
    ax,
    "two_numbers",
    "The fake y (orange) and the parameter a of the discriminator (green) in 40 rounds. Compare "
    "the sign of a with the direction in which y moves.",
)
lesson.outcome(
    f"The fake gets as far as {max(rounds, key=lambda one: one[1])[1]:.2f}, because a is still "
    f"positive when y passes 1 and turns negative only afterwards. It ends at {y:.2f}.",
    answer="it passes 1 and oscillates with decreasing amplitude",
)

# %%
lesson.check("after one round: a, y", rounds[1], equals=(0.5, 0.25))
lesson.check(
    "D's step is minus the gradient of its loss",
    -grad(lambda a: discriminator_loss(a * np.ones(1), a * np.array([0.25])))(0.5),
    equals=(1 - sigmoid(0.5)) - sigmoid(0.5 * 0.25) * 0.25,
)

# %% [markdown]
# The players come to rest at $y = 1$, $a = 0$. What is special about this point is that neither
# player can gain by moving alone. However, such a calm end is not guaranteed. In the game of
# `gan/04` the oscillations grow. Is it guaranteed here?

# %%
lesson.change(
    "a step of size 8",
    "Give the generator a step of size 8: change its line to `y += 8 * (1 - sigmoid(a * y)) * a`, "
    "and run again. Do the oscillations still die out?",
    answer="No, they grow. After the first round the fake is at 2, as far from the real example as "
    "at the start, on the other side. The next rounds bring it to -1.57, 6.57 and -34.67. Each "
    "step follows the gradient, but at this size it leads past the real example and further away.",
)

# %% [markdown]
# A GAN looks for a balance, not for a minimum.
#
# ## 4. Two networks and one step
#
# The two numbers had one example to imitate. For a whole distribution, here of points in the plane,
# we replace them with two networks, each with three hidden layers of 128 units:

# %%
lesson.show_source(Generator, Discriminator)

# %% [markdown]
# (Leaky ReLU is $x$ for $x > 0$ and a small multiple of $x$ below.) Nothing in either network is
# adversarial. The game is in the training step, which is Algorithm 1 of Goodfellow et al. In its
# first half $D$ moves, and in its second half $G$:

# %%
cfg = lesson.configure(batch=256, width=128, lr=1e-3, betas=(0.0, 0.99))


def discriminator_step(game, real, fake):
    value, grads = value_and_grad(lambda D: discriminator_loss(D(real), D(fake)))(game.D)
    game.d_optimizer.step(grads)
    return value


def generator_step(game, z, loss):
    value, grads = value_and_grad(lambda G: loss(game.D(G(z))))(game.G)
    game.g_optimizer.step(grads)  # the gradient passes through D, but only G moves
    return value


# %%
def goodfellow_step(game, real, loss=generator_loss_nonsaturating):
    fake = game.G.sample(game.rng, cfg.batch)  # (N, 2), constants for D
    d_value = discriminator_step(game, real, fake)
    z = game.G.latent(game.rng, cfg.batch)  # (N, 2)
    g_value = generator_step(game, z, loss)
    return {"discriminator": d_value, "generator": g_value}


minimax_step = partial(goodfellow_step, loss=generator_loss_minimax)  # for comparison


# %% [markdown]
# **What must not receive a gradient?** In the first half $G$ must not, or it would be trained to be
# caught. In the second half $D$ must not, or it would be trained to be fooled. Here each half
# differentiates with respect to one network only. In PyTorch you write `G(z).detach()` in the first
# half, and clear the gradients of $D$ before its next step, because the second half has filled
# them, too. Section 6 measures what it costs if the other network moves as well.
#
# What remains is common to many trainings. Adam moves both networks. Its first beta is 0, so that
# the direction of a step comes from the current gradient, and not from those before the opponent
# moved. The learning rates fall to zero, and we judge an *exponential moving average* (EMA) of the
# generator's weights.


# %%
def new_game(label, g_lr=cfg.lr, d_lr=cfg.lr, betas=cfg.betas):
    """Two networks, their optimizers, the moving average of G, and one random stream."""
    rng = lesson.rng(label)
    G = Generator(rng, width=cfg.width)
    D = Discriminator(rng, width=cfg.width)
    return SimpleNamespace(
        G=G,
        D=D,
        g_optimizer=Adam(G, g_lr, betas=betas),
        d_optimizer=Adam(D, d_lr, betas=betas),
        average=EMA(G),
        rng=rng,
    )


# %%
def play(label, density, steps, move=goodfellow_step, film=None, watch=None, **rates):
    """A whole game: a copy of `move` for each step, with learning rates that fall."""
    game = new_game(label, **rates)
    fall = cosine(1.0, steps)
    starts = [(one, one.lr) for one in (game.g_optimizer, game.d_optimizer)]

    def step(i):
        for optimizer, lr in starts:
            optimizer.lr = lr * fall(i)
        values = move(game, density.sample(game.rng, cfg.batch))
        game.average.update(game.G)
        return values

    look = watch and (lambda i, _: watch(i, game))
    state = vars(game) | (film or {})
    game.history = lesson.fit(step, steps, state=state, on_step=look, label=label)
    return game


# %% [markdown]
# Two networks and one step are a complete GAN. But does it work?
#
# ## 5. Eight Gaussians on a ring
#
# We want data on which failure is visible. Let's take eight narrow Gaussians on a ring of radius 2,
# each with standard deviation 0.1. They are the *modes* of the data, and if the generator leaves
# one out, we see it at a glance. The ring is also hard for a reason that no training removes. The
# noise is one connected cloud, $G$ is continuous, and a continuous map cannot tear. Some fakes must
# therefore lie between the modes.

# %%
ring = toy.ring(8, 2.0, 0.1)
steps = lesson.steps(2400)

# %%
times = np.unique(np.linspace(0, steps, lesson.size(31, quick=4)).round().astype(int)[1:])
film_z = lesson.rng("film").standard_normal((1000, 2), dtype=np.float32)  # the same in every frame
side = ((np.arange(80) + 0.5) / 80 * 6.4 - 3.2).astype(np.float32)
plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)  # (80·80, 2)
film = {
    "fakes": np.zeros((len(times), 1000, 2), np.float32),
    "map": np.zeros((len(times), 80**2), np.float32),
}


def watch(i, game):
    """Keep the fakes, and D on the plane, at about thirty steps."""
    for k in np.flatnonzero(times == i + 1):
        film["fakes"][k] = game.G(film_z)
        film["map"][k] = sigmoid(game.D(plane))


# %%
game = play("ring 1", ring, steps, film=film, watch=watch)
G = game.average.model
lesson.sampler("ring", G.sample)


# %%
def frames(ks, rows=1, cols=1, size=(4, 4)):
    fig, axes = plot.figure(rows, cols, size=size)
    for k, ax in zip(ks, np.ravel(axes)):
        plot.heatmap(
            lambda _: film["map"][k],
            (-3.2, 3.2, -3.2, 3.2),
            ax,
            n=80,
            limits=(0, 1),
            center=0.5,
            colorbar=False,
        )
        plot.samples(film["fakes"][k], ax=ax, bounds=3.2, color=plot.color.ink)
        ax.plot(*ring.modes.T, "o", ms=8, mfc="none", mec=plot.color.real)
        ax.set_title(f"step {times[k]}")
    return fig


# %%
lesson.figure(
    frames(np.linspace(0, len(times) - 1, 6).round().astype(int), 2, 3, size=(2.0, 2.1)),
    "chase",
    "Fakes (black), the modes of the data (circles), and D(x) (blue above 1/2, orange below) at "
    "six steps. Follow one mode. In the last panel the median of D(x) over real points is "
    f"{np.median(sigmoid(game.D(ring.sample(lesson.rng('on real'), 5000)))):.2f}.",
)

# %%
lesson.animation(
    (frames([k]) for k in range(len(times))),
    "chase_film",
    "The same game as a film.",
    fps=5,
)

# %%
lesson.play(
    "chase_steps",
    {"step": times},
    points=film["fakes"][:, :500],
    truth=ring.sample(lesson.rng("shown truth"), 500),
    bounds=3.2,
    time="step",
    caption="Fakes of the same 500 latents (orange) during training, over samples of the data"
    " (blue).",
)

# %% [markdown]
# Follow one mode through the panels. At first the fakes fill a disc. Then they gather in spikes,
# and the spikes run past the modes, as the number $y$ did in section 3. Later they draw back, and a
# few fakes remain on filaments between the modes. (Far outside, where $D$ was not trained, the
# colors mean nothing.)
#
# We also want a number. Let's call a sample *high-quality* if it lies within 0.3, three standard
# deviations, of a mode.


# %%
def quality(x):
    """The modes covered (by at least 1 % of the samples), and the high-quality fraction."""
    return mode_coverage(x, ring.modes, ring.std, min_count=len(x) // 100)


fractions = {
    "high-quality": np.array([quality(fakes)[1] for fakes in film["fakes"]]),
    "past the modes": np.mean(np.linalg.norm(film["fakes"], axis=-1) > 2.3, axis=1),
}
good, past = fractions.values()
dip = int(numpy.argmax(numpy.maximum.accumulate(good) - good))

# %%
ax = plot.line(
    times,
    fractions,
    markers=True,
    colors=[plot.color.fake, plot.color.ink],
    xlabel="step",
    ylabel="fraction of the fakes",
)

# %%
lesson.figure(
    ax,
    "quality",
    "The high-quality fraction of the fakes (orange), and the fraction farther than 2.3 from the "
    f"center (black). The orange curve reaches {good[:dip].max(initial=0):.0%}, falls to "
    f"{good[dip]:.0%} at step {times[dip]}, and ends at {good[-1]:.0%}. Compare the black one at "
    "the same steps.",
)

# %% [markdown]
# Surprisingly, the quality does not rise steadily. It dips while the spikes run past the modes, and
# recovers as they draw back.
#
# With real data you have no such curve, but you always have the losses. Can we read the progress
# from them?

# %%
lesson.predict(
    "Between the first step with half of the best quality and the step with the best, how does the "
    "discriminator's loss change?",
    ["it falls by more than 0.2", "it changes by less than 0.2", "it rises by more than 0.2"],
)

# %%
half, best = int(np.argmax(good >= good.max() / 2)), int(np.argmax(good))
loss_of_d = game.history["discriminator"]
before, after = (loss_of_d[max(0, i - 100) : i].mean() for i in (times[half], times[best]))

# %%
ax = plot.curves(
    game.history,
    smooth=100,
    colors={"discriminator": plot.color.model, "generator": plot.color.fake},
    reference={"2 log 2": 2 * np.log(2)},
    ylabel="loss, nats",
)
lesson.figure(
    ax,
    "losses",
    "The losses of the discriminator (green) and of the generator (orange), and their means over "
    "100 steps. Compare the steps at which they move with those at which the quality does.",
)

# %%
lesson.outcome(
    f"From step {times[half]} to step {times[best]} the loss, a mean over 100 steps, goes from "
    f"{before:.2f} to {after:.2f}, while the high-quality fraction goes from {good[half]:.2f} to "
    f"{good[best]:.2f}.",
    answer=(
        "it falls by more than 0.2"
        if after - before < -0.2
        else "it rises by more than 0.2"
        if after - before > 0.2
        else "it changes by less than 0.2"
    ),
)

# %% [markdown]
# Unfortunately, the losses of a GAN do not show whether it works. They swing once, early, while the
# quality is rising, and at the dip of the quality they do not move. The discriminator's loss ends
# near 1.386, but recall that any discriminator that outputs 1/2 everywhere has this loss, however
# bad the fakes are. The value says that $D$ cannot tell the two kinds apart. It does not say why.
#
# Therefore we judge the samples themselves. For comparison we add two trivial models, a single
# Gaussian with the mean and the covariance of the data, and a generator before its training.

# %%
n = lesson.size(5000, quick=200)
real = ring.sample(lesson.rng("real"), n)


def one_gaussian():
    """Samples of the Gaussian with the mean and the covariance of the real samples."""
    rng = lesson.rng("one Gaussian")
    x = rng.multivariate_normal(real.mean(axis=0), numpy.cov(real.T), n)
    return x.astype(np.float32)


clouds = {
    "real samples": real,
    "our generator": G.sample(lesson.rng("judge ring 1"), n),
    "one Gaussian": one_gaussian(),
    "untrained generator": new_game("untrained").G.sample(lesson.rng("judge untrained"), n),
}

# %%
lesson.table(
    [[name, *quality(x)] for name, x in clouds.items()],
    ["samples", "modes of 8", "high-quality"],
)
lesson.claim(
    "D's loss over the last 100 steps, above its lowest value before, nats",
    loss_of_d[-100:].mean() - loss_of_d.min(),
    at_least=0.1,
    source="seeds 0, 1 and 90210: 0.14 to 0.22",
)

# %% [markdown]
# In theory $1 - e^{-9/2}$ of the real samples, or 98.9 %, are high-quality. Our generator comes
# close to that and covers all modes. The single Gaussian has fewer than a tenth, although its mean
# and its covariance are right.
#
# ## 6. Was it luck, and what mattered?
#
# *You may skip this section, because nothing later depends on it. It is for readers who distrust a
# single run, or who write their own training step.*
#
# One run could be luck, so we play from three initializations. Then we change one thing at a time,
# the loss of $G$, Adam's first beta, and each of the two gradients that section 4 forbids.


# %%
def d_moves_twice(game, real):
    """A wrong step: D descends on the loss of G. Below, G descends on that of D."""
    discriminator_step(game, real, game.G.sample(game.rng, cfg.batch))
    z = game.G.latent(game.rng, cfg.batch)
    both = value_and_grad(lambda two: generator_loss_nonsaturating(two[1](two[0](z))))
    value, (g_grads, d_grads) = both((game.G, game.D))
    game.g_optimizer.step(g_grads)
    game.d_optimizer.step(d_grads)
    return value


def g_moves_twice(game, real):
    z = game.G.latent(game.rng, cfg.batch)
    both = value_and_grad(lambda two: discriminator_loss(two[1](real), two[1](two[0](z))))
    _, (g_grads, d_grads) = both((game.G, game.D))
    game.d_optimizer.step(d_grads)
    game.g_optimizer.step(g_grads)
    return generator_step(game, game.G.latent(game.rng, cfg.batch), generator_loss_nonsaturating)


# %%
games = {
    "game 1": game,
    "game 2": play("ring 2", ring, steps),
    "game 3": play("ring 3", ring, steps),
    "minimax loss": play("ring, minimax", ring, steps, minimax_step),
    "first beta 0.9": play("beta 0.9", ring, steps, betas=(0.9, 0.99)),
    "D moves in both halves": play("D twice", ring, steps, d_moves_twice),
    "G moves in both halves": play("G twice", ring, steps, g_moves_twice),
}

# %% [markdown]
# For a finer measure than a count of modes we take a distance. On a line, sort two sets of samples,
# pair them in order, and take the mean distance of a pair. In the plane, average this over many
# directions. The result is the *sliced Wasserstein distance* (`gan/10`). Two independent sets of
# real samples have a distance above 0 too, the *sampling floor*.


# %%
def distance(x, y):
    return sliced_wasserstein(x, y, 200, numpy.random.default_rng(0))  # the same directions for all


def away(x, density=ring):
    """The distance of samples to new samples of a density."""
    return distance(x, density.sample(lesson.rng("truth"), n))


floor = sampling_floor(distance, ring.sample, n, lesson.rng("floor")).mean
rows = {"real samples": [*quality(real), floor, None]}
for name, one in games.items():
    x = clouds[name] = one.average.model.sample(lesson.rng(f"judge {name}"), n)
    rows[name] = [*quality(x), away(x), sigmoid(one.D(x)).mean()]
for name in ("one Gaussian", "untrained generator"):
    rows[name] = [*quality(clouds[name]), away(clouds[name]), None]

# %%
three = ("game 1", "game 2", "game 3")
lesson.table(
    [[name, *row] for name, row in rows.items()],
    ["ring", "modes of 8", "high-quality", "distance", "D of a fake"],
)

# %%
lesson.claim(
    "modes covered of 8, median of three games",
    np.median([rows[name][0] for name in three]),
    at_least=8,
    source="three seeds with three initializations each: always 8",
)
lesson.claim(
    "high-quality fraction, three games",
    [rows[name][1] for name in three],
    at_least=0.85,
    source="three seeds with three initializations each: 0.949 to 0.978",
)

# %%
lesson.claim(
    "distance, median of three games",
    np.median([rows[name][2] for name in three]),
    at_most=0.12,
    source="seeds 0, 1 and 90210, seed 0 on two processors: 0.041 to 0.075",
)
lesson.claim(
    "D moves in both halves: D of a fake",
    rows["D moves in both halves"][3],
    between=(0.65, 0.68),
    source="theory: 2/3 where the fakes are distributed as the data",
)

# %% [markdown]
# It was not luck. The three games agree, and all end at about twice the floor. The minimax loss
# does as well here (section 8 asks why). With a first beta of 0.9, the default of most libraries,
# fewer fakes are high-quality.
#
# The two forbidden gradients are not equally bad. If $D$ moves in both halves, the fakes still find
# the ring, but $D$ outputs 2/3 for them instead of 1/2. It now minimizes $-2 \log D - \log(1 - D)$
# where fakes and data agree, and this is smallest at 2/3. If $G$ moves in both halves, its first
# step works against its second. In this run four of the eight modes are left, a failure called
# *mode collapse* (`gan/07`), and a single Gaussian has a smaller distance. On half of the modes the
# fakes are twice as dense as the data, and there the best $D$ outputs $1/(1 + 2)$, as the table
# shows. To let $G$ descend on the loss of $D$ is the worse mistake.
#
# Let's look at two of the games, and at data of another kind, two moons:

# %%
moons = toy.two_moons(0.1)
on_moons = play("moons", moons, lesson.steps(1500)).average.model
clouds["two moons"] = on_moons.sample(lesson.rng("judge moons"), n)

# %%
fig, axes = plot.figure(1, 3, size=(2.0, 2.1))
plot.samples(clouds["our generator"], ring, axes[0], title="game 1")
plot.samples(clouds["first beta 0.9"], ring, axes[1], title="first beta 0.9")
plot.samples(clouds["two moons"], moons, axes[2], title="two moons")
lesson.figure(
    fig,
    "games",
    "Fakes (orange) over the density of their data (blue). Compare what lies between the modes, "
    "and at the ends of a moon.",
)

# %%
lesson.claim(
    "distance on the moons",
    away(clouds["two moons"], moons),
    at_most=0.1,
    source="seeds 0, 1 and 90210, seed 0 on two processors: 0.024 to 0.049; floor: 0.015; one "
    "Gaussian: 0.109",
)

# %% [markdown]
# Even the good games are not perfect. Within a mode their fakes do not fill the whole disc, which
# no count of high-quality samples notices. With a first beta of 0.9 the filaments between the modes
# hold many more fakes. On the moons, fakes fill the gap, and a tip is missed. But only one change
# was clearly worse by all measures, the second move of $G$.
#
# ## 7. Three ways to break it
#
# You understand a method when you can predict how it fails. Let's make three mistakes that look
# harmless in code.
#
# **A discriminator that is far ahead.** A good judge needs experience, so it seems sensible to
# train $D$ well before $G$ starts. Watch what happens. We start $G$ far from the data, at (4, 4),
# train $D$ alone for 300 steps, and then let $G$ follow by plain gradient descent for 400.


# %%
def far_off(adam=False):
    """A game in which G starts far from the data."""
    game = new_game("far off")
    game.G.body.layers[-1].b += 4
    game.g_optimizer = Adam(game.G, cfg.lr, betas=cfg.betas) if adam else SGD(game.G, 0.05)
    return game


def late_step(game, move, alone):
    """A step in which G rests until D has been trained alone."""
    lr = game.g_optimizer.lr

    def step(i):
        game.g_optimizer.lr = lr * (i >= alone)
        move(game, ring.sample(game.rng, cfg.batch))
        return {}

    return step


# %%
head_start = lesson.steps(300, quick=5)


def follow(label, move, loss, alone=head_start, adam=False):
    """The history of a late G: its gradient, D of its fakes, and their distance to the ring."""
    game = far_off(adam)
    z = film_z[:250]

    def look(i, _):
        grads = grad(lambda G: loss(game.D(G(z))))(game.G)
        norm = np.sqrt(sum(np.sum(part**2) for part in leaves(grads)))
        fakes = game.G(z)
        distance = np.linalg.norm(fakes.mean(axis=0))
        return {"gradient": norm, "D": sigmoid(game.D(fakes)).mean(), "distance": distance}

    step = late_step(game, move, alone)
    steps = alone + lesson.steps(400, quick=5)
    return lesson.fit(step, steps, state=vars(game), on_step=look, label=label)


# %%
late = {
    "minimax": follow("late G, minimax", minimax_step, generator_loss_minimax),
    "non-saturating": follow("late G, -log D", goodfellow_step, generator_loss_nonsaturating),
}

# %%
fig, (upper, lower) = plot.figure(2, 1, size=(5.0, 2.2), share="x")
plot.curves(
    {name: run["gradient"] for name, run in late.items()},
    ax=upper,
    log=True,
    xlabel="",
    title="norm of the gradient of G",
)
plot.curves(
    {name: run["distance"] for name, run in late.items()},
    ax=lower,
    title="fakes to the center of the ring",
)

# %%
lesson.figure(
    fig,
    "sure_discriminator",
    "G is trained from step 300 on, with the minimax loss (blue) or the non-saturating one "
    "(orange). Above is the norm of its gradient, below the distance between the mean of its fakes "
    "and the center of the ring.",
)

# %% [markdown]
# With the non-saturating loss the mean of the fakes is near the center of the ring within about
# twenty steps. With the minimax loss it hardly moves. Here is the gap of section 2 in a real
# training: when $G$ starts, the two gradients differ by a factor of thousands. (Section 8 asks
# whether the loss alone is to blame.)
#
# **Exchanged labels.** Somebody writes `discriminator_step(game, fake, real)`. Nothing crashes, and
# the loss of the generator falls lower than ever. **A slow discriminator.** Somebody gives $D$ a
# tenth of the learning rate of $G$. Before you choose, think of the gradient that $G$ receives
# through $D$ in each case.

# %%
lesson.predict(
    "After 1,000 steps, in which game do the fakes have a standard deviation below 0.1?",
    [
        "in the correct game",
        "with exchanged labels",
        "with the slow discriminator",
        "in both wrong games",
    ],
)


# %%
def exchanged(game, real):
    fake = game.G.sample(game.rng, cfg.batch)
    d_value = discriminator_step(game, fake, real)  # the labels are exchanged
    z = game.G.latent(game.rng, cfg.batch)
    g_value = generator_step(game, z, generator_loss_nonsaturating)
    return {"discriminator": d_value, "generator": g_value}


# %%
few = lesson.steps(1000, quick=5)
tenth = cfg.lr / 10
wrong = {
    "correct": play("correct", ring, few),
    "exchanged labels": play("exchanged labels", ring, few, exchanged),
    "slow D": play("slow D", ring, few, d_lr=tenth),
    "both slow": play("both slow", ring, few, d_lr=tenth, g_lr=tenth),
}

for name, one in wrong.items():
    clouds[name] = one.average.model.sample(lesson.rng("shown"), n)
found = {name: [*quality(clouds[name]), clouds[name].std(axis=0).max()] for name in wrong}
small = [name for name, (*_, std) in found.items() if std < 0.1]

# %%
lesson.table(
    [[name, *found[name], wrong[name].history["generator"][-100:].mean()] for name in wrong],
    ["after 1,000 steps", "modes of 8", "high-quality", "standard deviation", "loss of G"],
)

# %%
lesson.outcome(
    f"The standard deviation is {found['exchanged labels'][2]:.3f} with exchanged labels and "
    f"{found['slow D'][2]:.2f} with the slow discriminator, because exchanged labels train D to "
    "output high values where the fakes are, and G gathers them where D is highest.",
    answer={
        "correct": "in the correct game",
        "exchanged labels": "with exchanged labels",
        "slow D": "with the slow discriminator",
        "exchanged labels, slow D": "in both wrong games",
    }.get(", ".join(small)),
)

# %%
fig, axes = plot.figure(1, 3, size=(2.0, 2.1))
plot.samples(clouds["correct"], ring, axes[0], title="correct", bounds=4)
plot.samples(clouds["exchanged labels"], ring, axes[1], title="exchanged labels", bounds=4)
plot.samples(clouds["slow D"], ring, axes[2], title="slow D", bounds=4)
lesson.figure(
    fig,
    "wrong_turns",
    "Fakes (orange) over the density of the data (blue) after 1,000 steps. Compare how large a "
    "region they cover. The number in a corner counts those outside.",
)

# %%
lesson.claim(
    "exchanged labels: standard deviation of the correct game over theirs",
    found["correct"][2] / found["exchanged labels"][2],
    at_least=10,
    source="seeds 0, 1 and 90210: 67, 47, 56",
)
lesson.claim(
    "high-quality fraction, correct game minus slow D",
    found["correct"][1] - found["slow D"][1],
    at_least=0.1,
    source="seeds 0, 1 and 90210, seed 0 on two processors: 0.22 to 0.41",
)

# %% [markdown]
# The slow discriminator fails in another way. The fakes do not gather at a point. They are drawn
# out along one or two directions, past the data, and miss half of the modes or more. If $G$ is as
# slow as $D$, in the recorded run six modes are covered instead of two, so it matters that $D$
# keeps up with $G$. But only a fifth of these fakes are high-quality, so a slow game costs quality
# as well.
#
# In all three failures the code ran without an error, and one of them had by far the lowest loss in
# the table. If a GAN of your own misbehaves, look at its samples first and at its losses last.
#
# ## 8. Which of three causes?
#
# *You may skip this section, because nothing later depends on it. It is for readers who want to
# know which of the choices in section 7 stopped the generator.*
#
# Three things came together when $D$ was far ahead: the loss, the head start, and plain gradient
# descent. Which of them is to blame? We take away one at a time.

# %%
late["no head start"] = follow("no head start", minimax_step, generator_loss_minimax, alone=0)
late["Adam"] = follow("late G, Adam", minimax_step, generator_loss_minimax, adam=True)
end = {name: [run["D"][-400:].min(), run["distance"][-1]] for name, run in late.items()}
lesson.table(
    [
        ["minimax", "300 steps", "gradient descent", *end["minimax"]],
        ["-log D", "300 steps", "gradient descent", *end["non-saturating"]],
        ["minimax", "none", "gradient descent", *end["no head start"]],
        ["minimax", "300 steps", "Adam", *end["Adam"]],
    ],
    ["loss of G", "head start of D", "optimizer of G", "lowest D of the fakes", "to the center"],
)

# %%
lesson.claim(
    "fakes to the center, with -log D, and without a head start",
    [end["non-saturating"][1], end["no head start"][1]],
    at_most=1,
    source="the start is at 5.7; seeds 0, 1 and 90210: worst 0.29",
)
lesson.claim(
    "the same distance with all three causes, over the larger of these",
    end["minimax"][1] / max(end[name][1] for name in ("non-saturating", "no head start")),
    at_least=4,
    source="seeds 0, 1 and 90210: at least 19",
)

# %% [markdown]
# The loss and the head start are both to blame, because either remedy alone brings the mean of the
# fakes to the center. The gradient of $-\log D$ is not small in the first place, and without the
# head start $D$ does not get as far ahead. Adam is the weakest remedy. It divides by the running
# size of the gradient, so that a small gradient still makes a full step. In the recorded run this
# was enough. (With `--seed 90210` it is not, and the fakes stay at a distance of 3.6.)
#
# ## 9. And images?
#
# *You may skip this section, because it only looks ahead. It is for readers who came for images.*
#
# For digits we replace the ring with MNIST and the two networks with convolutional ones (a
# *DCGAN*). The training step stays the same to the letter. In the figure *digits* of `gan/13`, two
# rows show the fakes of such a game after 8,000 steps. Their strokes are white on clean black. Many
# are digits that you can read, and others are not quite digits. New problems come with images, too:
# a discriminator can separate them from fakes almost without mistakes. `gan/06` shows what this
# does to the generator, and `gan/12` what to do about it.
#
# ## What this lesson does differently
#
# - The post notes on $p_z$: "Usually, just uniform." We use $\mathcal{N}(0, I)$. Either works,
#   because a network can map one to the other.
# - We train $G$ with $-\log D$, as the paper does. The post has only the minimax loss.
# - Our data are points in the plane.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - "Data distribution over noise input $z$": $p_z$ is the distribution of the noise, which we
#   choose. It is not a distribution of data.
# - "trained to increase the chances of $D$ producing a high probability for a fake example, thus to
#   minimize $\mathbb{E}_{z \sim p_{z}(z)} [\log (1 - D(G(z)))]$": "thus" does not follow. Lowering
#   $-\log D(G(z))$ increases the same chances, and the post does not mention it.
# - "$\mathbb{E}_{x \sim p_g(x)} [\log(1 - D(x)]$", in the second line of the game, lacks a closing
#   parenthesis. Later equations write $L(G, D)$ for the same $L(D, G)$.
# - "real class labels, $1, \dots, K-1$, as well as one fake class label $K$", in the box *Other
#   Variations of GAN*, describes *semi-supervised learning*. The paper ([Salimans et al.,
#   2016](https://arxiv.org/abs/1606.03498)) and `gan/09` have $K$ real classes and the fake class
#   $K + 1$. It is the same discriminator in another notation.
#
# ## To remember
#
# - A GAN replaces the likelihood with a trained judge. $G$ needs only the judge's gradient.
# - Train $G$ with $-\log D$. The gradient of $\log(1 - D)$ vanishes where the fakes are worst.
# - In each half of a step one player moves.
# - A loss of $D$ near 1.386 says only that $D$ cannot tell the two kinds apart.
#
# **Next:** against the best possible discriminator, what does $G$ minimize? (`gan/03`)

# %%
lesson.finish()
