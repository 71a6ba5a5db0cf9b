# %% [markdown]
# # Generative adversarial networks
#
# This lesson runs the section *Generative Adversarial Network (GAN)* (gan.s02) of
# [From GAN to WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/). It uses `start/01` (a
# training loop, logits, Adam). In this lesson:
#
# 1. A generator and a discriminator are trained against each other. Together they fit a density
#    that neither of them computes.
# 2. The generator has two losses with the same fixed point and different gradients.
# 3. Samples are compared with the data by the modes that they cover, by the share of high-quality
#    samples, and by a distance.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/02_gan",
    title="Generative adversarial networks",
    post="gan",
    sections=["gan.s02"],
    figures=["gan.f02"],
    equations=["gan.03"],
    minutes=0.8,
    picture="chase_film",
    sources=["weng2017gan", "goodfellow2014gan", "salimans2016improved"],
)

# %%
from types import SimpleNamespace

import autograd.numpy as np
import numpy

from minigen import plot
from minigen.data import toy
from minigen.metrics import mode_coverage, sampling_floor, sliced_wasserstein
from minigen.optim import EMA, SGD, Adam, cosine
from minigen.tensor import grad, leaves, sigmoid

# %%
from minigen.gan.losses import (
    discriminator_loss,
    generator_loss_minimax,
    generator_loss_nonsaturating,
)
from minigen.gan.networks import Discriminator, Generator
from minigen.gan.train import goodfellow_step

# %% [markdown]
# ## 1. The game of two models
#
# We have real examples and no formula for their density $p_r$. A likelihood cannot be computed. A
# GAN replaces it by a game between two models:
#
# - The *discriminator* $D$ receives an example $x$ and outputs $D(x)$, its probability that $x$ is
#   real. The post also calls it a critic. It is trained to separate fake examples from real ones.
# - The *generator* $G$ receives a noise vector $z$ and outputs a fake example $G(z)$. Different $z$
#   can give different examples, so the noise is the source of diversity. $G$ is trained to make
#   $D(G(z))$ high.
#
# | symbol | meaning |
# |---|---|
# | $p_z$ | the distribution of the noise $z$ |
# | $p_g$ | the distribution of the generator's examples $G(z)$ |
# | $p_r$ | the distribution of the real examples |
#
# The post notes on $p_z$: "Usually, just uniform." All lessons here use $\mathcal{N}(0, I)$
# instead. Either works, because $G$ can map one to the other.

# %%
cfg = lesson.configure(batch=256, width=128, lr=1e-3, betas=(0.0, 0.99))
shown_G = Generator(lesson.rng("shown"), width=cfg.width)
shown_D = Discriminator(lesson.rng("shown"), width=cfg.width)
parts = {
    "z": plot.node("noise\n$z \\sim N(0, I)$", "noise", (0, 0)),
    "G": plot.node(shown_G, at=(1, 0), name="generator G"),
    "fake": plot.node("fake $G(z)$", "fake", (2, 0)),
    "x": plot.node("real $x \\sim p_r$", "data", (2, 1)),
    "D": plot.node(shown_D, at=(3, 0.5), name="discriminator D"),
    "p": plot.node("$D$: real?", "loss", (4, 0.5)),
}

# %%
arrows = [
    "z -> G -> fake -> D -> p",
    "x -> D",
    "p --> D: classify correctly",
    plot.edge("p", "G", "raise D(G(z))", dashed=True, route="over"),
]
lesson.figure(
    plot.schematic(parts, arrows),
    "f02_data_flow",
    "Solid arrows: data. Dashed arrows: gradients. The output of D trains both networks, with "
    "opposite aims. No real example enters the generator.",
)

# %% [markdown]
# On real examples $D$ maximizes the mean of $\log D(x)$, and on fake examples the mean of $\log(1 -
# D(G(z)))$. The generator minimizes the second term. Together this is the *minimax game* (Eq.
# gan.03):
#
# $$
# \begin{aligned}
# \min_G \max_D L(D, G)
#   &= \mathbb{E}_{x \sim p_r(x)}[\log D(x)] + \mathbb{E}_{z \sim p_z(z)}[\log(1 - D(G(z)))] \\
#   &= \mathbb{E}_{x \sim p_r(x)}[\log D(x)] + \mathbb{E}_{x \sim p_g(x)}[\log(1 - D(x))] .
# \end{aligned}
# $$
#
# The second line only renames $G(z)$. Drawing $z$ from $p_z$ and computing $x = G(z)$ *is* drawing
# $x$ from $p_g$, by the definition of $p_g$.

# %% [markdown]
# <details><summary>Derivation: the second line of the game, for a noise with finitely many values
# </summary>
#
# The generator's distribution collects the probability of all $z$ that give the same $x$: $p_g(x) =
# \sum_{z:\, G(z) = x} p_z(z)$. For any function $h$, here $h(x) = \log(1 - D(x))$, sum over $z$ in
# groups of equal $G(z)$:
#
# $$
# \mathbb{E}_{z \sim p_z}[h(G(z))] = \sum_z p_z(z)\, h(G(z))
#   = \sum_x \Big(\sum_{z:\, G(z) = x} p_z(z)\Big) h(x)
#   = \sum_x p_g(x)\, h(x) = \mathbb{E}_{x \sim p_g}[h(x)] .
# $$
#
# Example: let $z$ be one of four values with probability $\frac14$ each, of which $G$ maps three to
# the example $a$ and one to $b$. Then $p_g = (\frac34, \frac14)$. With $D(a) = 0.4$ and $D(b) =
# 0.1$ both lines have the term $\frac34 \log 0.6 + \frac14 \log 0.9$.
#
# </details>

# %%
D_of_fakes = np.array([0.4, 0.4, 0.4, 0.1])  # D(G(z)) for the four values of z
over_z = np.mean(np.log(1 - D_of_fakes))
over_x = 0.75 * np.log(1 - 0.4) + 0.25 * np.log(1 - 0.1)
lesson.check("the mean over z minus the mean over x", over_z - over_x, equals=0.0)

# %% [markdown]
# Now by hand. Take one real example, to which $D$ assigns probability 0.8, and one fake example, to
# which it assigns 0.4. The loss of $D$ is minus its value of the game, $-\log 0.8 - \log 0.6 =
# 0.223 + 0.511 = 0.734$. Only the second term, $\log 0.6 = -0.511$, depends on $G$, which lowers
# it. The term of the real examples has no gradient in $G$. Whatever $G$ gains, $D$ loses: the game
# is *zero-sum*.

# %%
lesson.predict(
    "What is the discriminator's loss when D(x) = 1/2 everywhere?",
    ["0", "log 2 = 0.693", "2 log 2 = 1.386", "infinite"],
)

# %% [markdown]
# The networks output *logits*, numbers of any size, with $D = \sigma(\text{logit})$. The losses
# take logits. Each is a line or two of code:

# %%
lesson.exercise("gan/02/discriminator_loss")
lesson.exercise("gan/02/generator_loss_minimax")
lesson.exercise("gan/02/generator_loss_nonsaturating")

# %%
lesson.show_source(discriminator_loss)


# %%
def logit(d):
    return np.array([np.log(d / (1 - d))])


loss = discriminator_loss(logit(0.8), logit(0.4))
lesson.check("D's loss at 0.8 on real, 0.4 on fake", loss, equals=0.7340, atol=5e-5)
lesson.check("G's part of it", generator_loss_minimax(logit(0.4)), equals=np.log(0.6))
undecided = discriminator_loss(logit(0.5), logit(0.5))

# %%
lesson.check("D's loss when D is 1/2 everywhere", undecided, equals=2 * np.log(2))
lesson.outcome(
    f"{undecided:.3f}: log 2 from the mean over the real examples, and log 2 from the fakes.",
    answer="2 log 2 = 1.386",
)

# %%
lesson.change(
    "a real example, recognized",
    "Change the 0.8 in `logit(0.8)` to 0.999 and run again. How much does a real example still add "
    "to D's loss when D assigns 0.999 to it?",
    answer="Almost nothing: $-\\log 0.999 = 0.001$. The loss is 0.5118, and all but this "
    "thousandth is the term of the fake, $-\\log 0.6 = 0.5108$.",
)

# %% [markdown]
# ## 2. Two losses for the generator
#
# Early in training the fakes are far from the data, and $D$ assigns them 0.001, say. The generator
# can lower $\log(1 - D)$, as in the formula, or it can lower $-\log D$ instead. Both decrease when
# $D$ increases.

# %%
lesson.predict(
    "At D = 0.001, how large is the gradient of -log D in the logit, relative to log(1 - D)?",
    ["equally large", "about 10 times", "about 1,000 times", "about a thousandth"],
)

# %%
logits = np.linspace(-8, 8, 161)


def value(loss):
    return np.array([loss(l[None]) for l in logits])


def minus_gradient(loss):
    return np.array([-grad(loss)(l[None])[0] for l in logits])


# %%
both = {
    "minimax, log(1 - D)": generator_loss_minimax,
    "non-saturating, -log D": generator_loss_nonsaturating,
}
values = {name: value(loss) for name, loss in both.items()}
gradients = {name: minus_gradient(loss) for name, loss in both.items()}

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.6, 3.4))
plot.line(logits, values, left, title="two losses for the generator, nats")
plot.line(logits, gradients, right, log=True, title="minus their gradient in the logit")
for ax in (left, right):
    ax.set_xlabel("logit of a fake")
lesson.figure(
    fig,
    "saturation",
    "At the left end D is close to 0. There the minimax loss is flat and its gradient vanishes, "
    "while the gradient of -log D is close to 1. At the right end the roles are exchanged.",
)

# %%
at_a_thousandth = [-grad(loss)(logit(0.001))[0] for loss in both.values()]
lesson.check("minus the gradients at D = 0.001", at_a_thousandth, equals=[0.001, 0.999])
lesson.outcome(
    f"{at_a_thousandth[1]:.3f} relative to {at_a_thousandth[0]:.3f}.",
    answer="about 1,000 times",
)

# %% [markdown]
# <details><summary>Derivation: the two gradients in the logit</summary>
#
# With $D = \sigma(l) = 1/(1 + e^{-l})$ we have $1 - D = 1/(1 + e^{l})$, so
#
# $$
# \log(1 - D) = -\log(1 + e^{l}), \qquad -\log D = \log(1 + e^{-l}) .
# $$
#
# The derivatives in $l$ are
#
# $$
# \frac{d}{dl} \log(1 - D) = -\frac{e^l}{1 + e^l} = -D, \qquad
# \frac{d}{dl} (-\log D) = -\frac{e^{-l}}{1 + e^{-l}} = -(1 - D) .
# $$
#
# At $D = 0.001$ they are $-0.001$ and $-0.999$.
#
# </details>

# %% [markdown]
# $\log(1 - D)$ is the *minimax* loss of the generator. It *saturates*: its gradient vanishes when
# $D$ rejects the fakes, and these are the fakes that have to change most. $-\log D$ is the
# *non-saturating* loss. [Goodfellow et al. (2014)](https://arxiv.org/abs/1406.2661) trained with
# it.

# %%
lesson.show_source(generator_loss_minimax, generator_loss_nonsaturating)

# %% [markdown]
# ## 3. A game of two numbers
#
# There is one real example, at 1, and one fake, at $y$. The generator is this number $y$, and
# starts at 0. The discriminator is also one number, $D(x) = \sigma(a x)$. It starts with $a = 0$,
# so $D = \frac12$ everywhere. Both take gradient steps of size 1:
#
# - $D$ moves first. The gradient of its loss in $a$ is $-(1 - D(1)) \cdot 1 + D(y) \cdot y =
#   -\frac12$, so $a$ becomes $\frac12$. Now $D$ increases to the right.
# - Then $G$ moves. The gradient of $-\log D(y)$ in $y$ is $-(1 - D(y))\,a = -\frac12 \cdot
#   \frac12$, so $y$ becomes $\frac14$.

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
a = 0.0
y = 0.0
rounds = [(a, y)]
for _ in range(40):
    a += (1 - sigmoid(a)) - sigmoid(a * y) * y
    y += (1 - sigmoid(a * y)) * a
    rounds.append((float(a), float(y)))
lesson.check("after one round: a, y", rounds[1], equals=(0.5, 0.25))

# %% [markdown]
# The step of $D$ was derived by hand. Does it agree with the derivative of its loss?

# %%
first_a, first_y = rounds[1]


def loss_of_d(a):
    return discriminator_loss(a * np.ones(1), a * np.array([first_y]))


by_hand = (1 - sigmoid(first_a)) - sigmoid(first_a * first_y) * first_y
slope = grad(loss_of_d)(first_a)
lesson.check("D's step is minus the gradient of its loss", -slope, equals=by_hand)

# %%
slopes, fakes = np.array(rounds).T
ax = plot.line(
    np.arange(41),
    {"fake y": fakes, "parameter a of D": slopes},
    markers=True,
    colors=[plot.color.fake, plot.color.model],
    reference={"real": 1.0},
    xlabel="round",
    title="a game of two numbers",
)
lesson.figure(
    ax,
    "two_numbers",
    "The fake passes the real example, because a is still positive when y reaches 1. Then a "
    "becomes negative and y decreases. The oscillations die out at y = 1, a = 0, where D is 1/2.",
)

# %%
lesson.outcome(
    f"It went to {fakes.max():.2f} at the farthest, and ended at {fakes[-1]:.2f}.",
    answer="it passes 1 and oscillates with decreasing amplitude",
)

# %% [markdown]
# Neither loss was minimized. Both players came to rest at $y = 1$, $D = \frac12$, where neither can
# gain by moving alone. In this game the oscillations die out. In the game of `gan/04` they grow.

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
# ## 4. A game of two networks
#
# Now $D$ and $G$ are networks with three hidden layers of 128 units, for points in the plane. Both
# are trained with Adam. Its first beta is 0, so an update uses no earlier gradients: the opponent
# has moved since they were computed (`start/01`, section 4). One step of the game is this function:

# %%
lesson.show_source(goodfellow_step)

# %% [markdown]
# ## 5. Eight Gaussians on a ring
#
# The data are eight narrow Gaussians on a ring of radius 2, with standard deviation $\sigma = 0.1$.
# They are hard to fit. $G$ is continuous and its input is one connected cloud of $z$, so $G$ has
# to stretch the cloud over eight separate modes. A sample within $3\sigma$ of a center counts as
# *high-quality*. The learning rates fall to zero. Beside $G$ we keep an *exponential moving
# average* (EMA) of its weights over the last steps, which oscillates less than $G$ itself.

# %%
ring = toy.ring(8, 2.0, 0.1)
n = lesson.size(5000)


def quality(x):
    """The modes covered (by at least 1 % of the samples), and the high-quality share."""
    return mode_coverage(x, ring.modes, ring.std, min_count=len(x) // 100)


# %% [markdown]
# A game has two networks, their optimizers, the moving average of $G$, and one random stream.


# %%
def new_game(label, d_lr=cfg.lr):
    rng = lesson.rng(label)
    G = Generator(rng, width=cfg.width)
    D = Discriminator(rng, width=cfg.width)
    return SimpleNamespace(
        G=G,
        D=D,
        g_optimizer=Adam(G, cfg.lr, betas=cfg.betas),
        d_optimizer=Adam(D, d_lr, betas=cfg.betas),
        average=EMA(G),
        rng=rng,
    )


# %% [markdown]
# `game_step` returns one step of a game: `goodfellow_step`, with learning rates that fall, and an
# update of the average.


# %%
def game_step(game, density, steps, move=goodfellow_step):
    fall = cosine(1.0, steps)
    g_lr = game.g_optimizer.lr
    d_lr = game.d_optimizer.lr

    def draw(n):
        return density.sample(game.rng, n)

    def step(i):
        game.g_optimizer.lr = g_lr * fall(i)
        game.d_optimizer.lr = d_lr * fall(i)
        players = game.G, game.D, game.g_optimizer, game.d_optimizer
        values = move(*players, draw, cfg.batch, game.rng)
        game.average.update(game.G)
        return values

    return step


# %% [markdown]
# During the first game we store, at about thirty steps, the examples that $G$ makes of the same
# 1,000 latents, and $D(x)$ on a grid of 80 × 80 points.

# %%
steps = lesson.steps(2400)
times = np.unique(np.linspace(0, steps, lesson.size(31, quick=4)).round().astype(int)[1:])
film_z = shown_G.latent(lesson.rng("film"), 1000)  # the same noise at every stored step
cells = 80
box = (-3.2, 3.2, -3.2, 3.2)
centers = ((np.arange(cells) + 0.5) / cells * 6.4 - 3.2).astype(np.float32)
plane = np.stack(np.meshgrid(centers, centers), axis=-1).reshape(-1, 2)  # (80·80, 2)
film = {
    "fakes": np.zeros((len(times), 1000, 2), np.float32),
    "map": np.zeros((len(times), cells**2), np.float32),
}

# %%
lesson.predict(
    "At the end of the game, what is the median of D(x) over real points?",
    ["above 0.9", "between 0.4 and 0.6", "below 0.1"],
)

# %%
game = new_game("ring 1")


def watch(i, _):
    for k in np.flatnonzero(times == i + 1):
        film["fakes"][k] = game.G(film_z)
        film["map"][k] = sigmoid(game.D(plane))


state = vars(game) | film
history = lesson.fit(
    game_step(game, ring, steps), steps, state=state, on_step=watch, label="ring 1"
)
G = game.average.model
lesson.sampler("ring", G.sample)


# %%
def frame(k, ax):
    def outputs(_):
        return film["map"][k]

    plot.heatmap(outputs, box, ax, n=cells, limits=(0, 1), center=0.5, colorbar=False)
    fakes = film["fakes"][k]
    plot.samples(fakes, ax=ax, bounds=box, color=plot.color.ink, title=f"step {times[k]}")
    ax.plot(*ring.modes.T, "o", ms=11, mfc="none", mec=plot.color.real)
    return ax


# %%
fig, axes = plot.figure(2, 3, size=(3.1, 3.2))
for k, ax in zip(np.linspace(0, len(times) - 1, 6).round().astype(int), axes.flat):
    frame(k, ax)
lesson.figure(
    fig,
    "chase",
    "Black: fakes. Circles: the modes of the data. Background: D(x), blue above 1/2, orange below, "
    "white at 1/2. Follow one mode: D is above 1/2 where fakes are missing and below 1/2 where "
    "there are too many. Far from the data D varies without any examples to fit.",
)

# %%
frames = (frame(k, plot.figure(1, 1, size=(4, 4))[1]) for k in range(len(times)))
lesson.animation(
    frames,
    "chase_film",
    "The same as a film. The cloud stretches over the modes, and some fakes remain on the "
    "filaments between them.",
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
    caption="The examples that the generator makes of the same 500 latents during training. "
    "Samples of the data are drawn underneath.",
)

# %%
on_real = sigmoid(game.D(ring.sample(lesson.rng("on the bells"), n)))
median = float(np.median(on_real))
ranges = {"above 0.9": (0.9, 1), "between 0.4 and 0.6": (0.4, 0.6), "below 0.1": (0, 0.1)}
found = [name for name, (low, high) in ranges.items() if low <= median <= high]
lesson.outcome(
    f"The median of D(x) over real points is {median:.2f}.",
    answer=found[0] if found else None,
)

# %% [markdown]
# Between the modes $D$ is low, because it was trained on fakes there. Far outside no example has
# trained it, so its values there have no meaning: $D$ is not a density.
#
# ## 6. The losses during training
#
# The figure below shows both losses and, underneath, the share of high-quality samples of $G$
# (of $G$ itself, not of its moving average).

# %%
lesson.predict(
    "While the share of high-quality samples rises from half of its best value to its best, how "
    "does D's loss change?",
    ["it falls by more than 0.2", "by less than 0.2", "it rises by more than 0.2"],
)

# %%
share = [quality(fakes).high_quality for fakes in film["fakes"]]
best_half = np.flatnonzero(np.array(share) >= max(share) / 2)
first, last = times[best_half[0]], times[int(np.argmax(share))]
losses_of_d = [history["discriminator"][max(0, i - 100) : i].mean() for i in (first, last)]
shades = {"discriminator": plot.color.model, "generator": plot.color.fake}
even = {"2 log 2": 2 * np.log(2)}

# %%
fig, (upper, lower) = plot.figure(2, 1, size=(7.5, 2.5), share="x")
plot.curves(history, ax=upper, smooth=100, colors=shades, reference=even, title="losses")
upper.set(xlabel="", ylabel="nats")
plot.line(times, share, lower, markers=True, title="samples of the generator")
lower.set(xlabel="step", ylabel="high-quality share")
lesson.figure(
    fig,
    "curves_and_quality",
    f"From step {first} to step {last} the share of high-quality samples at least doubles. D's "
    f"loss, averaged over 100 steps, is {losses_of_d[0]:.2f} at the first of these steps and "
    f"{losses_of_d[1]:.2f} at the last.",
)

# %%
change = losses_of_d[1] - losses_of_d[0]
direction = "it rises by more than 0.2" if change > 0 else "it falls by more than 0.2"
lesson.outcome(
    f"From step {first} to step {last} D's loss went from {losses_of_d[0]:.2f} to "
    f"{losses_of_d[1]:.2f}, and the share from {share[best_half[0]]:.2f} to {max(share):.2f}.",
    answer="by less than 0.2" if abs(change) <= 0.2 else direction,
)

# %%
rise = history["discriminator"][-100:].mean() - history["discriminator"].min()
lesson.claim(
    "D's loss over the last 100 steps, above its lowest value before, nats",
    rise,
    at_least=0.1,
    source="seed 0: 0.159",
)

# %% [markdown]
# Both players improve, and each raises the loss of the other. So the curves do not follow the
# quality of the samples. A loss near $2\log 2$ is not a proof of quality either: an untrained $D$
# has it as well. We therefore measure the samples.
#
# ## 7. The quality of the samples
#
# We train three games on the ring from three initializations, one on the ring with the minimax
# loss, and two on the two moons.
#
# To compare two sets of samples on a line, sort both and pair them in order; the mean distance of a
# pair is their Wasserstein distance. In the plane, project both sets onto many directions and
# average these distances: this is the *sliced Wasserstein distance* (`gan/10`). Its *sampling
# floor* is the distance between two independent sets of samples of the data.

# %%
lesson.predict(
    "On the ring, how far from the data is the game with the minimax loss, relative to the worst "
    "of the three others?",
    ["at most 1.1 times as far", "up to three times as far", "more than three times as far"],
)

# %%
moons = toy.two_moons(0.1)


def play(label, density, steps, move=goodfellow_step):
    """A whole game; returns the moving average of its generator."""
    game = new_game(label)
    lesson.fit(game_step(game, density, steps, move), steps, state=vars(game), label=label)
    return game.average.model


def minimax_step(*players):
    return goodfellow_step(*players, saturating=True)


# %%
moon_steps = lesson.steps(1500)
games = {
    "ring 1": (ring, G),
    "ring 2": (ring, play("ring 2", ring, steps)),
    "ring 3": (ring, play("ring 3", ring, steps)),
    "ring, minimax": (ring, play("ring, minimax", ring, steps, minimax_step)),
    "moons": (moons, play("moons", moons, moon_steps)),
    "moons, minimax": (moons, play("moons, minimax", moons, moon_steps, minimax_step)),
}


# %%
def distance(x, y):
    return sliced_wasserstein(x, y, 200, numpy.random.default_rng(0))  # the same directions for all


def floor(density):
    return sampling_floor(distance, density.sample, n, lesson.rng("floor")).mean


floors = {ring: floor(ring), moons: floor(moons)}

# %%
rows = {}
clouds = {}
for name, (density, model) in games.items():
    x = model.sample(lesson.rng(f"judge {name}"), n)
    clouds[name] = x
    found = quality(x) if density is ring else (None, None)
    away = distance(x, density.sample(lesson.rng("truth"), n))
    rows[name] = [*found, away, floors[density]]
table = [[name, *row] for name, row in rows.items()]
lesson.table(table, ["game", "modes of 8", "high-quality", "distance", "its floor"])

# %%
three = [rows[f"ring {k}"] for k in (1, 2, 3)]
times_as_far = rows["ring, minimax"][2] / max(row[2] for row in three)
further = "more than three times as far" if times_as_far > 3 else "up to three times as far"
lesson.outcome(
    f"{rows['ring, minimax'][2]:.3f}, {times_as_far:.2f} times the worst of the three.",
    answer="at most 1.1 times as far" if times_as_far <= 1.1 else further,
)

# %%
modes, _, away, _ = np.median(three, axis=0)
shares = [row[1] for row in three]
of_modes = "three initializations: 8, 8, 8"
of_shares = "three initializations: 0.976, 0.972, 0.977"
of_ring = "three initializations: 0.070, 0.064, 0.072"
of_moons = "seed 0: 0.034; its sampling floor: 0.015"
lesson.claim("modes covered of 8, median of three games", modes, at_least=8, source=of_modes)
lesson.claim("high-quality share, three games", shares, at_least=0.85, source=of_shares)
lesson.claim("distance, median of three games", away, at_most=0.12, source=of_ring)
lesson.claim("distance on the moons", rows["moons"][2], at_most=0.1, source=of_moons)

# %%
fig, axes = plot.figure(1, 4, size=(3.1, 3.2))
for ax, name in zip(axes, ["ring 1", "ring, minimax", "moons", "moons, minimax"]):
    plot.samples(clouds[name], games[name][0], ax, title=name)
lesson.figure(
    fig,
    "games",
    "Samples over the density of the data. On the ring, look for filaments between the modes, and "
    "compare the shape of the samples within one mode with the round mode. On the moons, look for "
    "outliers and at the ends.",
)

# %% [markdown]
# Why can the minimax loss work? First, $D$ and $G$ learn at the same rate here, so $D$ is seldom
# close to 0 or 1 on the fakes. Second, Adam divides each gradient by its own running size, so a
# gradient that is a thousand times smaller gives a step of the same size. Section 8 removes both.
#
# ## 8. Wrong turns
#
# **A discriminator that is far ahead.** $G$ starts far from the data, at (4, 4). $D$ trains alone
# for 300 steps. Then both train, $G$ by plain gradient descent.


# %%
def far_off():
    """The players of a game in which G starts far from the data and uses gradient descent."""
    rng = lesson.rng("behind")
    G = Generator(rng, width=cfg.width)
    D = Discriminator(rng, width=cfg.width)
    G.body.layers[-1].b += 4
    return SimpleNamespace(
        G=G, D=D, g_optimizer=SGD(G, 0.05), d_optimizer=Adam(D, cfg.lr, betas=cfg.betas), rng=rng
    )


def gradient_norm(game, loss):
    """The norm of the gradient that G receives through D."""
    grads = grad(lambda G: loss(game.D(G(film_z))))(game.G)
    return np.sqrt(sum(np.sum(part**2) for part in leaves(grads)))


# %%
alone = lesson.steps(300, quick=5)


def late_step(game, move):
    """A step in which only D is trained until step `alone`, and both from then on."""

    def draw(n):
        return ring.sample(game.rng, n)

    def step(i):
        game.g_optimizer.lr = 0.05 * (i >= alone)
        move(game.G, game.D, game.g_optimizer, game.d_optimizer, draw, cfg.batch, game.rng)
        return {}

    return step


# %%
def behind(label, move, loss):
    game = far_off()

    def look(i, _):
        fakes = game.G(film_z)
        return {
            "gradient norm": gradient_norm(game, loss),
            "D on fakes": sigmoid(game.D(fakes)).mean(),
            "distance": np.linalg.norm(fakes.mean(axis=0)),
        }

    count = alone + lesson.steps(60, quick=5)
    step = late_step(game, move)
    return lesson.fit(step, count, state=vars(game), on_step=look, label=label)


# %%
minimax = behind("behind, minimax", minimax_step, generator_loss_minimax)
nonsaturating = behind("behind, non-saturating", goodfellow_step, generator_loss_nonsaturating)
late = {"minimax": minimax, "non-saturating": nonsaturating}
norms = {name: run["gradient norm"] for name, run in late.items()}
distances = {name: run["distance"] for name, run in late.items()}

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.6, 3.2))
plot.curves(norms, ax=left, log=True, title="norm of G's gradient")
plot.curves(distances, ax=right, title="mean of the fakes to the ring's center")
lesson.figure(
    fig,
    "sure_discriminator",
    "G is trained from step 300 on. Left: while D trains alone, the minimax gradient becomes much "
    "smaller than the non-saturating one. Right: with the non-saturating loss the fakes reach the "
    "ring in a few steps; with the minimax loss they hardly move.",
)

# %%
arrived = distances["non-saturating"][-1]
near = {"at_most": 1.5, "source": "the ring's radius is 2, the start is at 5.7; seed 0: 0.29"}
apart = {"at_least": 4, "source": "seed 0: 19.8"}
lesson.claim("non-saturating: mean of the fakes from the ring's center", arrived, **near)
further = distances["minimax"][-1] / arrived
lesson.claim("the same distance, minimax over non-saturating", further, **apart)

# %% [markdown]
# **Exchanged labels** are a frequent error. **A slow discriminator** has a tenth of $G$'s learning
# rate. Consider which gradient $G$ receives through $D$ in each case.

# %%
lesson.predict(
    "After 1,000 steps, which game's fakes have a standard deviation below 0.1?",
    ["the correct game's", "with exchanged labels", "with the slow D", "in both wrong games"],
)


# %%
def exchanged(G, D, g_optimizer, d_optimizer, draw, batch, rng):
    real = draw(batch)
    fake = G.sample(rng, batch)
    z = G.latent(rng, batch)
    d_optimizer.step(grad(lambda d: discriminator_loss(d(fake), d(real)))(D))
    g_optimizer.step(grad(lambda g: generator_loss_nonsaturating(D(g(z))))(G))
    return generator_loss_nonsaturating(D(G(z)))


# %%
few = lesson.steps(1000, quick=5)
slow = new_game("lazy D", d_lr=cfg.lr / 10)
lesson.fit(game_step(slow, ring, few), few, state=vars(slow), label="slow D")
generators = {
    "correct": play("as it should be", ring, few),
    "labels exchanged": play("labels swapped", ring, few, exchanged),
    "slow D": slow.average.model,
}

# %%
outcome = {}
fig, axes = plot.figure(1, 3, size=(3.1, 3.2))
for ax, (name, generator) in zip(axes, generators.items()):
    x = generator.sample(lesson.rng("shown"), n)
    plot.samples(x, ring, ax, title=name)
    outcome[name] = [*quality(x), x.std(axis=0).max()]
lesson.figure(
    fig,
    "wrong_turns",
    "Samples of the three games over the density of the data. Compare how large a region each of "
    "them covers, and how many modes.",
)

# %%
table = [[name, *row] for name, row in outcome.items()]
lesson.table(table, ["after 1,000 steps", "modes of 8", "high-quality", "standard deviation"])
lost = outcome["correct"][1] - outcome["slow D"][1]
small = {"at_most": 0.1, "source": "the standard deviation of one mode is 0.1; seed 0: 0.026"}
loss_of_share = {"at_least": 0.1, "source": "seed 0: 0.459"}
lesson.claim(
    "labels exchanged: standard deviation of the fakes", outcome["labels exchanged"][2], **small
)
lesson.claim("high-quality share, correct game minus slow D", lost, **loss_of_share)

# %%
one_point = [name for name, (*_, std) in outcome.items() if std < 0.1]
verdicts = {
    ("correct",): "the correct game's",
    ("labels exchanged",): "with exchanged labels",
    ("slow D",): "with the slow D",
    ("labels exchanged", "slow D"): "in both wrong games",
}
lesson.outcome(
    f"Standard deviation below 0.1: {', '.join(one_point) or 'none'}.",
    answer=verdicts.get(tuple(one_point)),
)

# %% [markdown]
# - *The labels exchanged:* $D$ is trained to output a high probability on fakes. $G$ is then
#   trained to stay where $D$ is high, which is where its fakes are. The cloud shrinks, and the loss
#   of $G$ is low.
# - *Slow:* $G$ is trained against an outdated $D$, and moves to where $D$ has not been updated yet.
#   This is one way to *mode collapse* (`gan/07`).
#
# ## 9. Other variations of GAN
#
# The post ends the theory with a box, *Other Variations of GAN*. GANs have many variations for
# other tasks. In *semi-supervised learning*, for example, a few examples have class labels. The
# discriminator then outputs a class: one of the real classes, or one more class for fakes. The
# generator is trained to make $D$ output any of the real classes, a class number smaller than that
# of the fakes. `gan/09` trains such a discriminator.
#
# ## 10. Where the post is loose
#
# - "$\mathbb{E}_{x \sim p_g(x)} [\log(1 - D(x)]$", in the second line of the game, lacks a closing
#   parenthesis. Later equations write $L(G, D)$ for the same $L(D, G)$.
# - "Data distribution over noise input $z$": $p_z$ is the distribution of the noise, which we
#   choose. It is not a distribution of data.
# - "thus to minimize $\mathbb{E}_{z \sim p_{z}(z)} [\log (1 - D(G(z)))]$": "thus" does not follow.
#   Raising $D(G(z))$ also lowers $-\log D(G(z))$, which the paper trained with and the post does
#   not mention.
# - "real class labels, $1, \dots, K-1$, as well as one fake class label $K$": the paper
#   ([Salimans et al., 2016](https://arxiv.org/abs/1606.03498)) and `gan/09` have $K$ real classes
#   and the fake class $K + 1$. The two notations describe the same discriminator.

# %% [markdown]
# **Left out:** images (`gan/13`), several steps of $D$ for one of $G$ (`k` of `goodfellow_step`),
# labels. **Next:** which $D$ is optimal, and what does $G$ minimize against it? `gan/03` derives
# both.
#
# **Your turn:** `minigen exercise start gan/02`, then `minigen run gan/02 --with
# exercises/gan_02.py`.

# %%
lesson.finish()
