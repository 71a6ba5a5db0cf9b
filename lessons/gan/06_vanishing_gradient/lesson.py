# %% [markdown]
# # Vanishing gradient
#
# In a GAN the discriminator is the generator's only teacher. It seems wise to train this teacher as
# well as we can. But can a teacher be too good? If $D$ outputs 0 for a fake, and for every image
# near it, no small step looks better than another. Which way should the generator then move? How
# does its gradient change while the discriminator improves? And does the loss $-\log D$ of `gan/02`
# help?
#
# We compute the gradient of a generator with one parameter (section 1). Then we freeze three
# generators, train a new discriminator against each, and measure the gradients of both losses (2
# and 3). In the end a generator moves again, against a nearly perfect discriminator (4).
# This lesson follows the section *Vanishing gradient* of [From GAN to
# WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/).
#
# Before this lesson: `gan/02` (the game and its two losses).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/06_vanishing_gradient",
    title="Vanishing gradient",
    post="gan",
    sections=["gan.s09"],
    figures=["gan.f05"],
    minutes=0.5,
    picture="four_discriminators",
    sources=["weng2017gan", "goodfellow2014gan", "arjovsky2017principled"],
)

# %%
from functools import partial
from types import SimpleNamespace

import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.gan.networks import Discriminator, Generator
from minigen.gan.train import goodfellow_step
from minigen.metrics.divergence import js_on_grid
from minigen.optim import SGD, Adam
from minigen.tensor import grad, sigmoid
from minigen.train import descend

# %%
from minigen.gan.gradient_diagnostics import (
    generator_gradient,
    generator_gradient_norm,
    signal_and_noise,
)
from minigen.gan.losses import (
    discriminator_loss,
    generator_loss_minimax,
    generator_loss_nonsaturating,
    optimal_discriminator,
)

# %% [markdown]
# ## 1. A generator with one parameter
#
# Let's make the problem as small as it can be. All fakes have the same height $\theta = -0.15$, and
# all real points have the height 0.15. The generator can change only $\theta$. The discriminator is
# $D(x) = \sigma(k x)$, so its logit is $k$ times the height. Training makes $k$ grow, because a
# steeper $D$ is more certain about fakes and real points alike.

# %%
losses = {"log(1-D)": generator_loss_minimax, "-log D": generator_loss_nonsaturating}


def probability(logits):
    return np.exp(-np.logaddexp(0, -np.float64(logits)))  # in float32 it soon rounds to 0


# %%
theta = -0.15
heights = np.linspace(-0.4, 0.4, 401)
slopes = {f"k = {k}": probability(k * heights) for k in (1, 10, 100, 1000)}
ax = plot.line(heights, slopes, title="D of a point, by its height", xlabel="height", ylabel="D")
ax.axvline(theta, color=plot.color.fake, ls=":")
ax.axvline(0.15, color=plot.color.real, ls=":")
lesson.figure(
    ax,
    "four_discriminators",
    "Four discriminators. The dotted lines are the fakes (orange, left) and the real points (blue, "
    "right). At the left line, compare both the height and the slope of the curves.",
)

# %% [markdown]
# With growing $k$ the curves approach the perfect discriminator, with $D = 1$ on all real points
# and $D = 0$ on all fakes. What gradient does the generator receive? By the chain rule, with the
# logit $l = k \theta$,
#
# $$\frac{d}{d\theta} \log(1 - D) = -\sigma(l) \cdot k \cdot 1, \qquad
#   \frac{d}{d\theta} (-\log D) = -\sigma(-l) \cdot k \cdot 1.$$
#
# There are three factors: the derivative of the loss with respect to the logit, of the logit with
# respect to the point, and of the point with respect to the parameter. The last two are the same
# for both losses. The first has the size $D$ under $\log(1 - D)$, and $1 - D$ under $-\log D$.

# %%
lesson.predict(
    "From k = 1 to 1000, how do the sizes of the two products change, for log(1 - D) and -log D?",
    [
        "both grow with k",
        "the first rises a little and vanishes, the second grows with k",
        "the first vanishes at once, the second tends to a constant",
        "both rise a little and vanish",
    ],
)

# %%
rows = []
for k in (1, 10, 100, 1000):
    logit = np.array([k * theta])
    sizes = [abs(grad(loss)(logit)[0]) * k for loss in losses.values()]
    rows.append([k, probability(logit)[0], *sizes])
lesson.table(rows, ["k", "D(fake)", "gradient of log(1 - D)", "gradient of -log D"])

# %%
lesson.outcome(
    f"The gradient of log(1 - D) is {rows[1][2]:.1f} at k = 10 and {rows[2][2]:.0e} at k = 100, "
    "because D at the fake falls exponentially in k, faster than the factor k grows. The gradient "
    f"of -log D is {rows[1][3]:.1f} and {rows[2][3]:.0f}, because 1 - D tends to 1 and leaves the "
    "factor k.",
    answer="the first rises a little and vanishes, the second grows with k",
)
lesson.check("k = 10, log(1 - D)", rows[1][2], equals=10 / (1 + np.exp(-10 * theta)))
lesson.check("k = 10, -log D", rows[1][3], equals=10 / (1 + np.exp(10 * theta)))
lesson.check("k = 100, log(1 - D)", rows[2][2], equals=100 / (1 + np.exp(-100 * theta)), atol=1e-9)

# %% [markdown]
# Is this special to one parameter? Arjovsky and Bottou (2017) prove that it is not (Theorem 2.4).
# Suppose that near the fakes $D$ and its gradient with respect to $x$ differ from a perfect
# discriminator by at most $\epsilon < 1$. With $J$, the Jacobian of $G_\theta(z)$ with respect to
# $\theta$,
#
# $$\big\| \nabla_\theta \, \mathbb{E}_z \log(1 - D(G_\theta(z))) \big\|
#   \le \frac{\epsilon}{1 - \epsilon} \; \mathbb{E}_z \|J\| .$$
#
# In words, if $D$ approaches, in value and in slope, a perfect discriminator that is flat around
# the fakes, then the gradient of any generator with finite $\mathbb{E}_z \|J\|$ vanishes.
#
# <details><summary>Derivation: the bound of Theorem 2.4</summary>
#
# Let $D = D^* + e$, where the error $e(x)$ and its gradient are at most $\epsilon$ in size. On the
# support of $p_g$ a perfect discriminator has $D^* = 0$. It is constant around the support, so
# $\nabla_x D^* = 0$. Then $D \le \epsilon$ and $\|\nabla_x D\| \le \epsilon$ there, and
#
# $$\big\| \nabla_\theta \, \mathbb{E}_z \log(1 - D(G_\theta(z))) \big\|
#   = \Big\| \mathbb{E}_z \frac{J^\top \nabla_x D}{1 - D} \Big\|
#   \le \mathbb{E}_z \frac{\|J\| \, \|\nabla_x D\|}{1 - D}
#   \le \frac{\mathbb{E}_z \|J\| \; \epsilon}{1 - \epsilon}.$$
#
# </details>
#
# In our example $\|J\| = 1$. For $k \ge 10$ the slope of $D$ at the fakes is larger than $D$, so
# $\epsilon$ is the slope. At $k = 10$ it is 1.49, and the theorem gives no bound. How close does
# the gradient come to the bound at $k = 1000$?

# %%
epsilon = 1000 * probability(1000 * theta) * (1 - probability(1000 * theta))  # slope, above D
bound = epsilon / (1 - epsilon)
ratio = rows[3][2] / bound
lesson.check("k = 1000: gradient over the bound", ratio, between=(0.99, 1 + 1e-9))

# %%
lesson.change(
    "closer fakes",
    "Change `theta = -0.15` to `theta = -0.015`: the fakes come ten times closer to the boundary. "
    "Run again. At which k has the gradient of log(1 - D) vanished now?",
    answer="At k = 1000, where it is 0.0003059. At k = 100 it is 18.24. The logit is k θ, so with "
    "a tenth of the height the discriminator needs ten times the slope for the same output.",
)

# %% [markdown]
# Neither loss is comfortable. One gradient vanishes, and the other grows without bound, so that no
# fixed learning rate suits it. But is a trained discriminator ever as steep as this?
#
# ## 2. Three frozen generators
#
# We can find out by experiment. Fig. 5 of the post, from Arjovsky and Bottou (2017), shows theirs.
# A DCGAN is trained for 1, 10 and 25 epochs. Each time, the generator is frozen and a new
# discriminator is trained against it from scratch. Our generators are small networks. They are
# trained on digits for 100, 400 and 1,200 steps only, so their images are still far from real
# digits.


# %%
class DigitGenerator(Generator):
    """z (N, 32) -> images with values in [0, 1], (N, 784)."""

    def __call__(self, z):
        return sigmoid(self.body(z))


cfg = lesson.configure(width=128, batch=64, lr=6e-4, betas=(0.5, 0.999), d_lr=2e-4)

# %% [markdown]
# We keep a copy of the generator at three moments of the game.

# %%
images = mnist.load().train_images  # (60000, 28, 28), bytes
digits, some_digits = images[:50_000], mnist.unit(images[: lesson.size(5000)], flat=True)
other_digits = mnist.unit(images[50_000:52_000], flat=True)  # (2000, 784)
moments = {
    "short": lesson.steps(100, quick=1),
    "medium": lesson.steps(400, quick=4),
    "long": lesson.steps(1200, quick=12),
}

rng = lesson.rng("game")
G = DigitGenerator(rng, 32, 784, cfg.width, depth=2, activation="relu")
D = Discriminator(rng, 784, cfg.width, depth=2)
g_optimizer = Adam(G, cfg.lr, betas=cfg.betas)
d_optimizer = Adam(D, cfg.lr, betas=cfg.betas)
frozen = {name: G.copy() for name in moments}

# %% [markdown]
# The training step is that of `gan/02`, with the loss $-\log D$.


# %%
def draw(rng, n):
    return mnist.unit(digits[rng.integers(0, len(digits), n)], flat=True)


def turn(i):
    draw_real = partial(draw, rng)
    values = goodfellow_step(G, D, g_optimizer, d_optimizer, draw_real, cfg.batch, rng)
    for name, moment in moments.items():
        if moment == i + 1:
            frozen[name].load_state(G.state())
    return values


state = {"G": G, "D": D, "g": g_optimizer, "d": d_optimizer, "rng": rng, **frozen}
lesson.fit(turn, moments["long"], state=state, label="the game")

# %%
z = G.latent(lesson.rng("z"), 512)  # the same noise for every measurement
shown = np.concatenate([g(z[:12]) for g in frozen.values()])
names = [f"{name}: {n} steps" for name, n in moments.items()]
lesson.figure(
    plot.image_grid(shown, 3, 12, shape=(28, 28), row_labels=names),
    "three_generators",
    "Twelve fakes of each generator. Look for single white pixels around the figures of the last "
    "row, and for black ones within them.",
)

# %% [markdown]
# The last row begins to resemble nines, but with single pixels that no real digit has. That $D$
# never errs on these fakes is therefore not a surprise, and tells us little about thin supports
# (`gan/05`). But it tells us what a generator receives from such a $D$. From now on these
# generators never move. Against each of them we train a new discriminator for 4,000 iterations, as
# in Fig. 5. A hundred times on the way we measure the gradient that the generator *would* receive.
# It has one component for each of the generator's parameters, and we take the norm of them all.

# %%
lesson.exercise("gan/06/generator_gradient_norm")

# %%
lesson.show_source(generator_gradient_norm)

# %% [markdown]
# For the loss $-\log D$ we also want to know whether different minibatches agree on the gradient.
# Therefore the 512 latents are split into 8 minibatches with a gradient each. The *signal* is the
# norm of their mean, and the *noise* is the root of their total variance. We use both in section 3.

# %%
lesson.exercise("gan/06/signal_and_noise")

# %%
lesson.show_source(signal_and_noise)

# %%
minibatches = z.reshape(8, 64, -1)
steps = lesson.steps(4000, quick=20)
every = max(1, steps // lesson.size(100, quick=5))


def loss_of(D, real, fake):
    return discriminator_loss(D(real), D(fake))


def measure(G, D):
    """The gradients that a generator would receive from D, and the mean of D on its images."""
    gradients = [generator_gradient(G, D, part, losses["-log D"]) for part in minibatches]
    signal, noise = signal_and_noise(np.stack(gradients))
    minimax = generator_gradient_norm(G, D, z, generator_loss_minimax)
    logit = generator_gradient_norm(G, D, z, np.mean)
    norms = {"minimax": minimax, "signal": signal, "noise": noise, "logit": logit}
    return norms | {"D(fake)": probability(D(G(z))).mean()}


# %%
def train_against(name):
    """A discriminator trained against one frozen generator, and the measurements on the way."""
    G = frozen[name]
    D = Discriminator(lesson.rng("discriminator"), 784, cfg.width, depth=2)

    def batches(rng):
        return draw(rng, cfg.batch), G.sample(rng, cfg.batch)

    train = descend(loss_of, D, batches, lr=cfg.d_lr, rng=lesson.rng(f"study {name}"))

    def step(i):
        seen = measure(G, D) if i % every == 0 else {}
        return train(i) | seen

    return D, lesson.fit(step, steps, state=train.state, label=f"against {name}")


# %%
lesson.predict(
    "While D is trained, how does the gradient norm of log(1 - D) of the frozen generator change?",
    [
        "it falls from the first measurement on",
        "it rises at first, and then falls below a hundredth of its largest value",
        "it rises at first, and then stays above a hundredth of its largest value",
        "it only rises",
    ],
)

# %%
discriminators = {}
runs = {}
for name in frozen:
    discriminators[name], runs[name] = train_against(name)

# %%
at = runs["long"].at("minimax")
norms = {f"after {moments[n]:,} steps": run["minimax"] for n, run in runs.items()}
means = {f"after {moments[n]:,} steps": run["D(fake)"] for n, run in runs.items()}
fig, axes = plot.figure(1, 2, size=(4.7, 3.6))
plot.line(at, norms, axes[0], log=True, title="gradient norm of log(1 - D)")
plot.line(at, means, axes[1], log=True, title="mean of D on the fakes")
for ax in axes:
    ax.set_xlabel("iteration of the discriminator")
lesson.figure(
    fig,
    "f05_vanishing",
    "On the left is the norm of the gradient that the frozen generator would receive, and on the "
    "right the mean of D on the fakes, for generators of three ages. Compare the two panels.",
)


# %%
def late(values):
    """The geometric mean of the last ten measurements, a tenth of the training."""
    return float(np.exp(np.mean(np.log(np.maximum(values[-10:], 1e-30)))))


def on_fresh(name, D):
    """D on unseen digits and new fakes: the fraction that it classifies correctly, and its loss."""
    real = D(other_digits)
    fake = D(frozen[name].sample(lesson.rng("fresh"), 2000))
    return (np.mean(real > 0) + np.mean(fake < 0)) / 2, float(discriminator_loss(real, fake))


rows = []
for name, run in runs.items():
    norm, (correct, loss_of_fresh) = run["minimax"], on_fresh(name, discriminators[name])
    numbers = [norm[0], norm.max(), late(norm), norm.max() / late(norm)]
    rows.append([moments[name], *numbers, late(run["D(fake)"]), 100 * correct, loss_of_fresh])
falls = [row[4] for row in rows]
first_rise = min(row[2] / row[1] for row in rows)

# %%
lesson.outcome(
    f"The norm rises to {first_rise:.1f} times its start or more, and then falls by a factor of "
    f"{min(falls):,.0f} to {max(falls):,.0f}, because it contains the factor D of section 1, which "
    "falls faster than the logit grows steeper.",
    answer=(
        "it falls from the first measurement on"
        if first_rise < 1.2
        else "it rises at first, and then falls below a hundredth of its largest value"
        if min(falls) > 100
        else "it rises at first, and then stays above a hundredth of its largest value"
    ),
)

# %%
lesson.table(
    rows,
    [
        *("G after", "D untrained", "largest", "at the end", "largest over end"),
        *("D(fake) at the end", "correct on fresh, %", "loss of D on fresh"),
    ],
)

# %%
lesson.claim(
    "each G: gradient norm of log(1 - D), its largest value over that at the end",
    falls,
    at_least=300,
    source="worst of seeds 0, 1 and 4711: 1,751, here less than a fifth of it",
)
lesson.claim(
    "each new discriminator: loss on unseen digits and fakes",
    [row[-1] for row in rows],
    at_most=0.02,
    source="0 for a perfect D, 2 log 2 for an untrained one; worst of seeds 0, 1 and 4711: 1.6e-5",
    unit="nats",
)

# %% [markdown]
# The story of section 1 returns in a network. While $D$ grows steeper the norm rises, but then it
# falls as $D$ on the fakes does. Do the factors of section 1 account for the fall? Take the
# generator of 100 steps in this run. $D$ on its fakes falls from 1/2 to $10^{-6}$, by a factor of
# 500,000. Meanwhile the logit becomes 60 times steeper: its gradient is about 0.14 at the start
# (twice the norm 0.071, because $D = 1/2$) and 8.5 at the end (section 3). This leaves a factor of
# about 8,000, and the norm falls by 5,600. For the generator of 1,200 steps the same arithmetic
# gives about 900, but the norm falls by only 325. The factors account for the order of magnitude
# and no more, because the mean of a product is not the product of the means.
#
# Nor has $D$ only memorized its examples, because it classifies unseen digits and new fakes
# correctly, too. The post reports "in the best case 5 orders of magnitude after 4000 discriminator
# iterations". We get three to four, with other networks, so only the direction can be compared.
#
# The post calls the consequence a **dilemma**. "If the discriminator behaves badly, the generator
# does not have accurate feedback and the loss function cannot represent the reality." If it "does a
# great job, the gradient of the loss function drops down to close to zero and the learning becomes
# super slow or even jammed." So far we have seen the second half of this dilemma for one loss only.
# What about the other loss?
#
# ## 3. Does the other loss help?
#
# Goodfellow et al. (2014) saw the problem and trained with $-\log D$. Its first factor, $1 - D$,
# tends to 1, so this gradient cannot vanish in the same way. However, Arjovsky and Bottou report
# that its variance grows. Will the noise drown the signal? We have already measured both, in the
# same three trainings.

# %%
lesson.predict(
    "Under -log D, what will the ratio of noise to signal do in the course of the discriminator's "
    "training?",
    [
        "rise to more than twice its start",
        "change by a factor of less than two",
        "fall below half of its start",
    ],
)

# %%
curves = {"signal": "signal of -log D", "noise": "noise of -log D", "minimax": "norm, log(1 - D)"}
fig, axes = plot.figure(1, 3, size=(3.3, 3.3), share="y")
for ax, (name, run) in zip(axes, runs.items()):
    plot.line(at, {label: run[key] for key, label in curves.items()}, ax, log=True)
    ax.set(title=f"G after {moments[name]:,} steps", xlabel="iteration of the discriminator")
lesson.figure(
    fig,
    "two_losses",
    "The gradients of both losses in the same three trainings. Compare where each of the curves "
    "starts and where it ends.",
)

# %%
rows = []
for name, run in runs.items():
    signal, noise = run["signal"], run["noise"]
    variance = late(noise**2) / noise[0] ** 2
    ratios = noise[0] / signal[0], late(noise) / late(signal)
    rows.append([moments[name], signal[0], late(signal), late(run["logit"]), variance, *ratios])
signal_rise = np.array([row[2] / row[1] for row in rows])
noise_rise = np.array([row[4] ** 0.5 for row in rows])
ratio_rise = np.array([row[6] / row[5] for row in rows])

# %%
lesson.outcome(
    f"The ratio ends at {ratio_rise.min():.2f} to {ratio_rise.max():.2f} times its start. The "
    f"noise grows by factors of {noise_rise.min():.0f} to {noise_rise.max():.0f}, but the signal "
    f"grows by {signal_rise.min():.0f} to {signal_rise.max():.0f}. Both rise because the logit "
    "becomes steeper.",
    answer=(
        "rise to more than twice its start"
        if ratio_rise.max() > 2
        else "fall below half of its start"
        if ratio_rise.min() < 0.5
        else "change by a factor of less than two"
    ),
)

# %%
lesson.table(
    rows,
    [
        *("G after", "signal at start", "at the end", "gradient of the mean logit, at the end"),
        *("variance, end over start", "noise/signal at start", "at the end"),
    ],
)

# %%
lesson.claim(
    "each G: signal of -log D, end over start",
    signal_rise,
    at_least=20,
    source="worst of seeds 0, 1 and 4711: 80, here a quarter of it",
)
lesson.claim(
    "each G: variance of the gradient of -log D, end over start",
    noise_rise**2,
    at_least=1e3,
    source="that it grows: Arjovsky, Bottou 2017, Fig. 3; worst of seeds 0, 1 and 4711: 6,612",
)

# %% [markdown]
# Why do both grow? If $D$ is close to 0 on every fake, the first factor is close to 1 on every
# fake. Then the gradient of $-\log D$ is minus the gradient of the mean logit, and only the logit's
# steepness is left. The fourth column of the table has the norm of that gradient, measured at the
# end. It agrees with the third. That signal and noise rise by about the same factor is an
# observation, not a theorem.
#
# In these runs the noise is therefore no new problem. It keeps its proportion to the signal, and
# the minibatches still agree on the direction. What has changed is the scale. With the same
# learning rate, a step of plain gradient descent is about a hundred times as long at the end as at
# the start, or more. A small loss of $D$ does not prove that the gradient has vanished.
#
# ## 4. The generator moves again
#
# Does a small gradient mean that training fails? Let's run the test. We take the generator of 1,200
# steps and its new discriminator, which stays fixed. The generator trains for 60 steps, by plain
# gradient descent (SGD) and by Adam, with each loss.

# %%
fixed = discriminators["long"]


def nearest(x, digits):
    """The distance of each image to its nearest digit, by |x - y|^2 = |x|^2 - 2 x y + |y|^2."""
    squares = np.sum(x**2, axis=1)[:, None] - 2 * x @ digits.T + np.sum(digits**2, axis=1)
    return np.sqrt(np.maximum(squares.min(axis=1), 0))


# %%
def look(x):
    """D of images, their logit, the mean distance of 200 of them to their nearest digit, and the
    mean standard deviation of a pixel among the images, over that among digits."""
    distance = nearest(x[:200], some_digits).mean()
    spread = x.std(axis=0).mean() / some_digits.std(axis=0).mean()
    logit = fixed(x)
    values = probability(logit).mean(), logit.mean(), distance, spread
    return dict(zip(("D", "logit", "distance", "spread"), values))


def sgd(G):
    return SGD(G, 0.01)


def adam(G, eps=1e-8):
    return Adam(G, cfg.lr, betas=cfg.betas, eps=eps)


# %%
def go_on(label, loss, optimizer_of):
    """The images of z after 60 more steps against the fixed discriminator, and the way there."""
    G = frozen["long"].copy()

    def latents(rng):
        return G.latent(rng, cfg.batch)

    def loss_of_g(G, z):
        return loss(fixed(G(z)))

    rng = lesson.rng("go on")
    train = descend(loss_of_g, G, latents, optimizer=optimizer_of(G), rng=rng)

    def step(i):
        return (look(G(z)) if i % 2 == 0 else {}) | train(i)

    way = lesson.fit(step, lesson.steps(60, quick=5), state=train.state, label=label)
    return SimpleNamespace(images=G(z), way=way, last=look(G(z)))


# %%
lesson.predict(
    "Which of the four trainings will raise the mean of D on the fakes above one half?",
    ["all four", "both under -log D", "both with Adam", "all but SGD under log(1 - D)"],
)

# %%
ends = {}
for kind, optimizer_of in [("SGD", sgd), ("Adam", adam)]:
    for name, loss in losses.items():
        label = f"{kind}, {name}"
        ends[label] = go_on(label, loss, optimizer_of)
above = frozenset(name for name, end in ends.items() if end.last["D"] > 0.5)
verdicts = {
    frozenset(ends): "all four",
    frozenset({"SGD, -log D", "Adam, -log D"}): "both under -log D",
    frozenset({"Adam, log(1-D)", "Adam, -log D"}): "both with Adam",
    frozenset(ends) - {"SGD, log(1-D)"}: "all but SGD under log(1 - D)",
}
shown = np.concatenate([frozen["long"](z[:12]), *(end.images[:12] for end in ends.values())])
names = ["before", *(name.replace(", ", "\n") for name in ends)]

# %%
lesson.figure(
    plot.image_grid(shown, 5, 12, shape=(28, 28), row_labels=names),
    "going_on",
    "The same twelve latents before and after each of the four trainings. Compare each row with "
    "the first.",
)
lesson.outcome(
    "With SGD under log(1 - D) the mean of D ends at "
    f"{ends['SGD, log(1-D)'].last['D']:.0e}, because a step of SGD is the gradient times a rate, "
    "and the rate is the same for both losses. With Adam under log(1 - D) it "
    f"ends at {ends['Adam, log(1-D)'].last['D']:.2f}.",
    answer=verdicts.get(above),
)

# %% [markdown]
# At this learning rate SGD is "jammed", in the post's word. Only a rate near 800 would make its
# first step as long as under $-\log D$, because the two gradients differ by a factor of about
# 80,000. Adam is not jammed, because it divides a gradient by its own running size: each weight
# moves by about $\text{lr} \cdot g/(|g| + \epsilon)$ with $\epsilon = 10^{-8}$, and a component of
# $10^{-6}$ counts almost like one of 1. If this explanation is right, Adam must be jammed as well
# when $\epsilon$ is much larger than the gradient. We add that run.
#
# One row of the figure is still unexplained. In the row of Adam under $\log(1 - D)$, $D$ is
# certain that the images are real, and we see at a glance that they are not. Has Adam enlarged a
# direction that means nothing? Let's follow the images on their way. For comparison we add a loss
# with a *floor*: it equals $\log(1 - D)$ as long as $D \le 0.9$, and is constant beyond that.


# %%
def with_floor(logits):
    return generator_loss_minimax(np.minimum(logits, np.log(9)))  # D = 0.9


ends["Adam, eps 0.01"] = go_on("large eps", losses["log(1-D)"], lambda G: adam(G, eps=0.01))
ends["Adam, floor"] = go_on("with a floor", with_floor, adam)

# %%
three = ("Adam, log(1-D)", "Adam, -log D", "Adam, floor")
fig, axes = plot.figure(1, 2, size=(4.7, 3.4))
for ax, quantity in zip(axes, ("D", "distance")):
    ways = {name: ends[name].way[quantity] for name in three}
    at = ends["Adam, floor"].way.at("D")
    plot.line(at, ways, ax, xlabel="step", styles={"Adam, floor": "--"})
axes[0].set_title("mean of D on the fakes")
axes[1].set_title("distance to the nearest digit")
lesson.figure(
    fig,
    "the_way",
    "Three trainings of the generator with Adam, under log(1 - D) (blue), -log D (orange), and "
    "log(1 - D) with a floor (green, dashed). At the step where D passes one half (left panel), "
    "look at the distance (right panel).",
)

# %%
black, mean_image = np.zeros((1, 784)), some_digits.mean(axis=0)[None]
given = {"a black image": black, "the mean image": mean_image, "unseen digits": other_digits}
rows = [["before", *look(frozen["long"](z)).values()]]
rows += [[name, *end.last.values()] for name, end in ends.items()]
rows += [[name, *look(x).values()] for name, x in given.items()]
header = ["after 60 steps", "mean of D", "mean logit", "distance to the nearest digit"]
lesson.table(rows, [*header, "pixel std, digits = 1"])

# %%
last = {name: end.last for name, end in ends.items()}
before = look(frozen["long"](z))
fooling = [last[name] for name in ("SGD, -log D", "Adam, -log D", "Adam, floor")]
lesson.claim(
    "SGD: mean of D on the fakes, under -log D minus under log(1 - D)",
    last["SGD, -log D"]["D"] - last["SGD, log(1-D)"]["D"],
    at_least=0.8,
    source="worst of seeds 0, 1 and 4711: 0.996",
)
lesson.claim(
    "Adam under log(1 - D): mean of D on the fakes, minus that with eps 0.01",
    last["Adam, log(1-D)"]["D"] - last["Adam, eps 0.01"]["D"],
    at_least=0.8,
    source="worst of seeds 0, 1 and 4711: 1.000",
)

# %%
lesson.claim(
    "Adam under log(1 - D): distance to the nearest digit, over that with the floor",
    last["Adam, log(1-D)"]["distance"] / last["Adam, floor"]["distance"],
    at_least=1.5,
    source="worst of seeds 0, 1 and 4711: 2.5",
)
lesson.claim(
    "with the floor: mean of D on the fakes",
    last["Adam, floor"]["D"],
    at_least=0.9,
    source="worst of seeds 0, 1 and 4711: 1.00",
)

# %%
lesson.claim(
    "with the floor, and with -log D: distance to the nearest digit, minus that before",
    [end["distance"] - before["distance"] for end in fooling],
    at_most=-0.15,
    source="0 for a generator that stays; seeds 0, 1 and 4711: at most -0.37",
)
spreads = [end["spread"] / before["spread"] for end in fooling]
lesson.claim(
    "with the floor, and with -log D: pixel std of the fakes, over that before",
    spreads,
    at_least=1.02,
    source="1 for a generator that stays, 0 for a constant; worst of seeds 0, 1 and 4711: 1.066",
)

# %% [markdown]
# The explanation of Adam passes its test. With the large $\epsilon$ Adam does not move the images
# either. And has Adam enlarged a direction that means nothing? Until $D$ is fooled, all three
# losses bring the images equally close to digits, a little *closer* than before. The damage comes
# afterwards, and with a floor it does not come at all. The loss $\log(1 - D)$ has no floor, and its
# gradient with respect to the logit is largest at $D = 1$, when there is nothing left to win. But
# the smaller distance does not show better digits, because the images that fool $D$ hardly look
# different from those before. (In a real game $D$ moves after every step, so the images may not get
# this far.)
#
# Two of these numbers are easy to misread. A mean of $D$ near 1 says only that this one $D$ is
# fooled. And a small distance does not prove quality either, because a black image is nearer to the
# digits than unseen digits are. Only a large distance tells us something. The last column shows
# that the small ones were not bought with variety: the fakes differ from one another at least as
# much as before, except in the row of Adam under $\log(1 - D)$.
#
# ## 5. What theory adds about $-\log D$
#
# *You may skip this section, because nothing later depends on it. It is for readers who want the
# two theorems on $-\log D$ that Arjovsky and Bottou prove.*
#
# **Theorem 2.5** concerns densities that overlap, and the best discriminator $D^* = p_r/(p_r +
# p_g)$. Held fixed, it gives the generator the gradient
#
# $$\nabla_\theta \, \mathbb{E}_z[-\log D^*(G_\theta(z))]
#   = \nabla_\theta \big[ D_{KL}(p_g \parallel p_r) - 2 D_{JS}(p_g, p_r) \big] .$$
#
# We check it for $p_r = \mathcal N(0, 1)$ and $p_g = \mathcal N(\theta, 1)$ at $\theta = 1.5$,
# where $D_{KL} = \theta^2/2$ has the derivative 1.5.

# %%
x = np.linspace(-12, 14, 26_001)
dx = x[1] - x[0]


def log_normal(mean):
    return -0.5 * (x - mean) ** 2 - 0.5 * np.log(2 * np.pi)


def js(mean):
    return js_on_grid(log_normal(mean), log_normal(0.0), dx)


# %%
d_star = optimal_discriminator(np.exp(log_normal(0.0)), np.exp(log_normal(1.5)))
step = 1e-3
p_plus, p_minus = np.exp(log_normal(1.5 + step)), np.exp(log_normal(1.5 - step))
left = np.sum((p_plus - p_minus) * -np.log(d_star)) * dx / (2 * step)  # d/d theta E[-log D*]
slope_of_js = (js(1.5 + step) - js(1.5 - step)) / (2 * step)
rows = [["E[-log D*], D* fixed", left], ["KL(p_g || p_r)", 1.5], ["JS(p_g, p_r)", slope_of_js]]
lesson.table(rows, ["derivative with respect to theta, at 1.5, of", "value"])
lesson.check("E[-log D*] minus (KL - 2 JS)", left - (1.5 - 2 * slope_of_js), equals=0, atol=1e-5)

# %% [markdown]
# The Jensen-Shannon divergence has the *wrong* sign, and pushes the densities apart. Here the KL
# term wins, because 1.5 - 0.46 = 1.04 is positive. It has a high cost where fakes do not look real,
# and a low cost for missing modes. Arjovsky and Bottou see in this a reason why GANs drop modes
# (`gan/07`).
#
# <details><summary>Derivation: Theorem 2.5</summary>
#
# Let $p_\theta$ be the generator's density and $p_0$ the one at the current $\theta_0$, for which
# $D^* = p_r/(p_r + p_0)$. Since $p_0 / p_r = (1 - D^*)/D^*$,
#
# $$D_{KL}(p_\theta \parallel p_r) = \mathbb{E}_{p_\theta} \log \frac{p_\theta}{p_0}
#   + \mathbb{E}_{p_\theta} \log \frac{p_0}{p_r}
#   = D_{KL}(p_\theta \parallel p_0) + \mathbb{E}_{p_\theta}[-\log D^*]
#   + \mathbb{E}_{p_\theta}[\log(1 - D^*)].$$
#
# Differentiate at $\theta_0$. The first term has its minimum there, so its gradient is 0. The last
# term is the part of $L(G, D^*)$ that depends on $\theta$. With the best $D$ for each $\theta$, $L
# = 2 D_{JS} - 2 \log 2$ (`gan/03`, Eq. gan.09). Because $D^*$ maximizes $L$, its own dependence on
# $\theta$ adds nothing to the gradient, and that of the last term is $\nabla \, 2 D_{JS}$. Hence
# $\nabla \mathbb{E}[-\log D^*] = \nabla [D_{KL} - 2 D_{JS}]$.
#
# </details>
#
# **Theorem 2.6** concerns disjoint supports and a $D$ that is nearly perfect. On the fakes let $D =
# \varepsilon$, and let $r$ be a component of $\nabla_x D$. The component of $\nabla_x (-\log D)$ is
# then $-r/\varepsilon$. The paper models $r$ and $\varepsilon$ as independent centered normal
# variables. Their ratio has a *Cauchy distribution*, which has neither a mean nor a variance. A
# gradient of this kind takes arbitrarily large steps in arbitrary directions. The trained
# discriminators of section 3 do not behave like this model. Their gradients are large, but the
# minibatches agree.
#
# <details><summary>Derivation: the ratio of two centered normal variables has a Cauchy
# distribution</summary>
#
# At the fakes $D^* = 0$ and $\nabla_x D^* = 0$, so $D = \varepsilon$ and $\nabla_x D = r$ are pure
# errors, and $\nabla_x (-\log D) = -\nabla_x D / D = -r/\varepsilon$. Let $r = \sigma_r u$ and
# $\varepsilon = \sigma_\varepsilon v$ with independent standard normal $u, v$, and put $\gamma =
# \sigma_r/\sigma_\varepsilon$. The pair $(v, u)$ has a uniform angle $\varphi$, so
#
# $$-\frac{r}{\varepsilon} = -\gamma \tan \varphi, \qquad
#   P\Big( -\frac{r}{\varepsilon} \le t \Big) = \frac12 + \frac1\pi \arctan \frac{t}{\gamma},$$
#
# the Cauchy distribution with scale $\gamma$ and quartiles $\pm \gamma$. Its density decreases like
# $\gamma / (\pi t^2)$, so $\int |t| \, p(t) \, dt$ diverges, and there is no mean and no variance.
# (A probability $D = \varepsilon$ is positive. The model ignores that.)
#
# </details>
#
# ## What this lesson does differently
#
# - The post's figure is of a DCGAN, trained for epochs. We train small fully connected networks on
#   digits, for hundreds of steps.
# - The post's section has only the minimax loss. We also measure $-\log D$, with which most GANs
#   are trained.
# - We leave out a game in which such a strong $D$ and $G$ alternate. Two remedies for the gradient
#   follow in later lessons, noise on both sides (`gan/09`) and a critic with a bounded slope
#   (`gan/12`).
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - "Therefore the loss function $L$ falls to zero": $L$ is the value that $D$ *maximizes*. It is
#   $-2 \log 2$ for $D = 1/2$ and negative for every $D$ between 0 and 1, so it *rises* to zero. The
#   discriminator's loss, $-L$, falls.
# - "we end up with no gradient to update the loss": the gradient updates the *parameters* of the
#   generator.
# - "$D(x) = 1, \forall x \in p_r$": $p_r$ is a distribution. The $x$ are points of its support.
#
# ## To remember
#
# - The gradient of $\log(1 - D)$ contains the factor $D$, that of $-\log D$ the factor $1 - D$.
# - When $D$ becomes nearly perfect, the first gradient vanishes and the second grows.
# - Adam can follow a tiny gradient. SGD cannot at a learning rate that suits $-\log D$.
# - $\log(1 - D)$ has no floor: it pulls hardest after $D$ is fooled.
#
# **Next:** a generator that receives a gradient can still draw one kind of image only. (`gan/07`)
#
# **Your turn:** `minigen exercise start gan/06`, then `minigen run gan/06 --with
# exercises/gan_06.py`.

# %%
lesson.finish()
