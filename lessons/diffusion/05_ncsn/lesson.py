# %% [markdown]
# # Noise-conditioned score networks (NCSN)
#
# Langevin dynamics needs only the *score* of a density, the gradient of its logarithm, and returns
# samples (`diffusion/02`). To generate images it would therefore be enough to know the score of
# images. But we have no formula for that density, only examples, and nobody can label an image with
# its score. A network has nothing to imitate. How can it learn the score all the same?
#
# Two losses need only examples (sections 1 and 2), and in the plane we can compare both with the
# true score (3). Then we ask why score networks for images failed at first (4 and 5), and follow
# the remedy, many levels of noise, down to samples (6). At the end we compare such a network with
# DDPM (7). This lesson follows the section *Connection with noise-conditioned score networks
# (NCSN)* of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/).
#
# Before this lesson: Langevin dynamics (`diffusion/02`), $\bar\alpha_t$ (`diffusion/01`), and the
# mean of the noise given $x_t$ (`diffusion/03`).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/05_ncsn",
    title="Noise-conditioned score networks (NCSN)",
    post="diffusion",
    sections=["diffusion.s07"],
    figures=[],
    equations=["diffusion.17"],
    minutes=0.2,
    picture="fields",
    sources=[
        "weng2021diffusion",
        "hyvarinen2005score",
        "vincent2011connection",
        "song2019ncsn",
        "song2019sliced",
        "song2020improved",
        "song2021sde",
    ],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import toy
from minigen.data.mixture import GaussianMixture
from minigen.diffusion.ddpm import score_from_eps, simple_loss
from minigen.diffusion.langevin import langevin_step
from minigen.diffusion.samplers import ddim
from minigen.diffusion.schedule import Schedule
from minigen.diffusion.score import denoising_score_matching_loss, ncsn_sample, noise_scales
from minigen.diffusion.score import sliced_score_matching_loss
from minigen.nn import MLP, Module
from minigen.optim import cosine
from minigen.train import descend

# %% [markdown]
# ## 1. A score from points alone
#
# A *score network* $s(x)$ should match the score, so we would like to minimize
#
# $$J = \tfrac12\, \mathbb E_{x \sim p} \big\Vert s(x) - \nabla_x \log p(x) \big\Vert^2 .$$
#
# This is half of the mean squared error over the data. Unfortunately, its target is unknown.
# Hyvärinen (2005) found a loss that differs from $J$ only by a constant, and the target does not
# appear in it. In one dimension it is
#
# $$J = \mathbb E_{x \sim p} \big[ \tfrac12 s(x)^2 + s'(x) \big] + \text{a constant} .$$
#
# In words, $s$ should be small at the examples and decrease there. This is *score matching*.
#
# <details><summary>Derivation: the unknown score drops out of the loss</summary>
#
# Expand the square: $\frac12 s^2 - s\,(\log p)' + \frac12 ((\log p)')^2$. The last term does not
# depend on $s$; its mean is the constant. For the middle one, $p\,(\log p)' = p'$, so its mean is
#
# $$\int p\,s\,(\log p)'\,dx = \int s\,p'\,dx = \big[s\,p\big]_{-\infty}^{\infty} - \int s'\,p\,dx
# = -\,\mathbb E_{x \sim p}[s'(x)] ,$$
#
# by integration by parts, if $s\,p$ vanishes far out. In $D$ dimensions the same holds for each
# coordinate.
#
# </details>
#
# For example, take three examples $-3$, $1$, $2$, and the family $s(x) = -a x$. The mean of $x^2$
# is $14/3$, and $s' = -a$, so the loss is $\frac73 a^2 - a$. It is smallest at $a = 3/14$. Is that
# a score? It is, because $\mathcal N(0, v)$ has the score $-x/v$, and $v = 14/3$ is the mean square
# of the examples.

# %%
examples = np.array([-3.0, 1.0, 2.0])
slopes = np.linspace(0.0, 0.45, 10)
losses = [np.mean((a * examples) ** 2 / 2 - a) for a in slopes]
squared, linear, _ = np.polyfit(slopes, losses, 2)  # the parabola through the losses
lesson.check("where the loss is smallest", -linear / (2 * squared), equals=3 / 14)

# %% [markdown]
# Three points were enough to fit the score of a Gaussian, and no density was ever evaluated. But in
# $D$ dimensions $s'$ becomes the sum $\sum_d \partial s_d / \partial x_d$, which takes $D$
# derivatives, and for a photograph $D$ is a million. The trick of *sliced* score matching (Song,
# Garg, Shi and Ermon 2019) is to use random projections. We draw one random direction $v$ for each
# point, with $\mathbb E\, v v^\top = I$, and take a single derivative along it:
#
# $$J = \mathbb E \Big[ v^\top \nabla_x \big(v^\top s(x)\big) + \tfrac12 \Vert s(x) \Vert^2
# \Big] + \text{a constant} .$$
#
# In words, $s$ should be small at the examples and decrease along a random direction. For example,
# take the score $s(x) = -x$ at $(2, 1)$, and $v = (1, -1)$. The derivative of $v^\top s$ along $v$
# is $-\Vert v\Vert^2 = -2$, and half the square of $s$ is $\frac52$, so the loss is $0.5$. (This
# form is called *variance-reduced*. The paper's first form has $\frac12 (v^\top s)^2$ instead, with
# the same mean over $v$.)

# %%
lesson.exercise("diffusion/05/sliced_score_matching_loss")

# %%
lesson.show_source(sliced_score_matching_loss)


def shrink(x):
    """Return the score of the standard normal distribution."""
    return -x


at, along = np.array([[2.0, 1.0]]), np.array([[1.0, -1.0]])
loss = sliced_score_matching_loss(shrink, at, along)
lesson.check("at (2, 1) along (1, −1): −2 + 5/2", loss, equals=0.5)

# %% [markdown]
# This loss needs only points, directions, and one derivative inside the loss. Can we avoid that
# derivative as well?
#
# ## 2. A score from noise
#
# The other loss (Vincent 2011) avoids it. The idea is to add a small noise to each example, $\tilde
# x = x + \sigma \epsilon$. *Given* $x$, the noisy $\tilde x$ is normal with mean $x$, and its score
# is $-(\tilde x - x)/\sigma^2 = -\epsilon/\sigma$. This is a known vector, because we drew
# $\epsilon$ ourselves. A network receives $\tilde x$ and is trained to predict this vector.
#
# But this is the score of the noise *around one example*, and we want the score of the whole
# density. Let's look at a case. The data are $-1$ and $+1$, equally often, $\sigma = 1$, and the
# network receives $\tilde x = 0.5$. If $x = 1$, then $\epsilon = -0.5$ and the target is $+0.5$. If
# $x = -1$, then $\epsilon = 1.5$ and the target is $-1.5$. Both occur in training.

# %%
lesson.predict(
    "Which prediction at 0.5 has the smallest mean squared error?",
    [
        "0.5: the target of the nearer example",
        "−0.5: midway between the two targets",
        "about −0.04: in between, but not midway",
    ],
)

# %%
chance = np.exp(-0.5 * np.array([-0.5, 1.5]) ** 2)
chance = chance / chance.sum()  # of x = 1 and of x = −1, given the noisy x
guess = chance @ np.array([0.5, -1.5])
both = GaussianMixture([[-1.0], [1.0]], std=1.0)  # the density of the noisy data
exact_score = both.score(np.array([[0.5]]))[0, 0]

# %%
lesson.outcome(
    f"The best prediction is {guess:.4f}, because x = 1 is more probable given 0.5 "
    f"({chance[0]:.2f} to {chance[1]:.2f}), and a squared error is smallest at the mean of the "
    "targets with these weights.",
    answer="about −0.04: in between, but not midway",
)
lesson.check("the score of the noisy data", exact_score, equals=guess)

# %% [markdown]
# What is $-0.0379$? It is exactly the score of the *noisy* data at 0.5. The same holds for any data
# and any level of noise.
#
# <details><summary>Derivation: denoising and explicit score matching differ by a constant</summary>
#
# Let $q(\tilde x)$ be the density of the noisy data and $q(\tilde x|x)$ the noise. Expand the
# squared errors of $s$ from both targets, $\nabla \log q(\tilde x|x)$ and $\nabla \log q(\tilde
# x)$. The terms with $\Vert s \Vert^2$ are equal, and those without $s$ are constants. The mixed
# term with the first target is
#
# $$\int\!\!\int p(x)\,q(\tilde x|x)\; s(\tilde x)^\top \nabla \log q(\tilde x|x)\,dx\,d\tilde x =
# \int s(\tilde x)^\top \nabla \int p(x)\,q(\tilde x|x)\,dx\,d\tilde x ,$$
#
# because $q(\tilde x|x)\,\nabla \log q(\tilde x|x) = \nabla q(\tilde x|x)$. The inner integral is
# $q(\tilde x)$, and $\nabla q = q\,\nabla \log q$, so this is the mixed term with the second
# target. The losses differ by a constant, and the minimum is $s = \nabla \log q(\tilde x)$.
#
# </details>
#
# This is *denoising score matching*. The targets grow as $1/\sigma$, so small levels of noise would
# dominate the loss. With the weight $\sigma^2$ a score of 0 has the same loss at each level:
#
# $$J_\sigma = \tfrac12\, \mathbb E \big\Vert \sigma\, s(x + \sigma\epsilon) + \epsilon
# \big\Vert^2 .$$
#
# In words, $-\sigma s$ should predict the noise.

# %%
lesson.exercise("diffusion/05/denoising_score_matching_loss")

# %%
lesson.show_source(denoising_score_matching_loss)
x, eps = np.array([[1.0], [-1.0]]), np.array([[-0.5], [1.5]])  # both give 0.5


def constant(x, sigma):
    return guess + 0 * x


loss = denoising_score_matching_loss(constant, x, 1.0, eps)
by_hand = ((guess - 0.5) ** 2 + (guess + 1.5) ** 2) / 4
lesson.check("denoising loss of the constant", loss, equals=by_hand)

# %% [markdown]
# The price is that we learn the score of the noisy data, not of the data. The two hardly differ if
# $\sigma$ is small compared with the finest detail of the density.
#
# ## 3. Both losses, compared with the true score
#
# In theory both losses lead to the same score. Do they in practice? Our data are two moons with
# noise $\sigma = 0.3$, whose score is known. We train two networks that start with the same
# weights. The sliced loss receives the noisy points and a direction for each, the denoising loss
# the clean points and the noise. (We multiply the sliced loss by $\sigma^2$ as well.)

# %%
SIGMA = 0.3
clean = toy.two_moons(0.2)
noisy = toy.two_moons(np.sqrt(0.2**2 + SIGMA**2))


class PlaneScore(MLP):
    """(N, 2) -> (N, 2), for points of scale 1 and scores of scale 1/unit."""

    def __init__(self, rng, unit):
        super().__init__(rng, [2, 64, 64, 2], "silu", last_scale=0.0)
        self.unit = unit

    def __call__(self, x):
        return super().__call__(x) / np.float32(self.unit)


# %%
def denoising_loss(net, x, eps, sigma=SIGMA):
    """The loss of a network that does not receive the level."""
    return denoising_score_matching_loss(lambda x, sigma: net(x), x, sigma, eps)


def sliced_loss(net, x, v):
    return SIGMA**2 * sliced_score_matching_loss(net, x, v)


# %%
def train(label, loss, density, unit, steps):
    """Train on points of a density, each with a row of N(0, 1): noise to add, or a direction."""

    def draw(rng):
        return density.sample(rng, 256), rng.standard_normal((256, 2), dtype=np.float32)

    rng, net = lesson.rng(label), PlaneScore(lesson.rng("net"), unit)
    step = descend(loss, net, draw, lr=cosine(1e-2, steps), rng=rng)
    lesson.fit(step, steps, state=step.state, label=label)
    return net


# %%
steps = lesson.steps(2000)
nets = {
    "denoising": train("denoising", denoising_loss, clean, SIGMA, steps),
    "sliced": train("sliced", sliced_loss, noisy, SIGMA, steps),
}

# %% [markdown]
# Is this hard? For comparison we add two trivial models, the untrained network, which outputs 0,
# and the score of a single Gaussian with the mean and the covariance of the noisy data.


# %%
def error_of(score, density, n=10_000):
    """Return the mean squared error of a score, over the mean square of the true score."""
    x = density.sample(lesson.rng("judge"), lesson.size(n))
    truth = density.score(x)
    return np.mean((score(x) - truth) ** 2) / np.mean(truth**2)


some = noisy.sample(lesson.rng("one Gaussian"), 5000)
center, inverse = some.mean(axis=0), np.linalg.inv(np.cov(some.T))
errors = {name: error_of(net, noisy) for name, net in nets.items()}
errors["one Gaussian"] = error_of(lambda x: -(x - center) @ inverse, noisy)
errors["untrained: 0 everywhere"] = error_of(PlaneScore(lesson.rng("net"), SIGMA), noisy)

# %%
lesson.table(errors.items(), ["model", "squared error / mean square of the true score"])
lesson.claim(
    "denoising, sliced: error of the score, relative",
    [errors["denoising"], errors["sliced"]],
    at_most=0.05,
    source="one Gaussian: 0.28, untrained: 1; seeds 0, 1 and 8086: 0.016 to 0.025, doubled",
)

# %%
fig, axes = plot.figure(1, 3)
for ax, (name, field) in zip(axes, [("true score", noisy.score), *nets.items()]):
    plot.field(field, noisy.bounds, ax, n=17, lengths="sqrt", density=noisy, title=name)
lesson.figure(
    fig,
    "fields",
    "The score of the noisy moons and the predictions of both networks (black arrows, with the"
    " square root of their length), over the density (blue). Compare the arrows on the moons, and"
    " then those in the corners.",
)

# %% [markdown]
# On the moons the three fields agree, and both errors are about a tenth of the Gaussian's or less.
# The corners are another matter. There were hardly any examples there, so almost nothing in the
# loss constrains the predictions. If they look right, the loss is not the reason. Keep this in mind
# for section 5. From here on we use the denoising loss, which needs no derivative with respect to
# $x$.
#
# ## 4. Why noise: data on a manifold
#
# So far the score could be learned. For images it could not, at first, and Song and Ermon (2019)
# give two reasons. The first is the *manifold hypothesis*: most of the data concentrate on a
# low-dimensional manifold (`gan/05`) and do not cover the whole space. To see what goes wrong, take
# points exactly on the circle of radius 1, and the scores
#
# $$s_k(x) = -k\,(\Vert x \Vert - 1)\, x/\Vert x \Vert .$$
#
# They point toward the circle, with a strength that grows with $k$.

# %%
lesson.predict(
    "Which k has the smallest sliced loss on this circle?",
    ["k = 0", "k = 1", "k = 10", "none: the larger, the better"],
)


# %%
def toward_circle(k):
    def score(x):
        r = np.sqrt(np.sum(x**2, axis=1, keepdims=True))
        return -k * (r - 1) * x / r

    return score


def loss_of(k, x):
    """Return the sliced loss of s_k, averaged over two directions along the axes."""
    both_axes = [np.sqrt(2) * np.broadcast_to(e, x.shape) for e in np.eye(2)]
    return np.mean([sliced_score_matching_loss(toward_circle(k), x, v) for v in both_axes])


turns = np.linspace(0, 2 * np.pi, 12, endpoint=False)
circle = np.stack([np.cos(turns), np.sin(turns)], axis=1)
strengths = [0, 1, 10, 100, 1000]
on_circle = {k: loss_of(k, circle) for k in strengths}
best_k = min(strengths, key=on_circle.get)

# %%
lesson.outcome(
    "The loss is −k, which has no minimum, because on the circle s_k and its square are 0, while "
    "the derivative of s_k across the circle is −k.",
    answer="none: the larger, the better" if best_k == 1000 else f"k = {best_k}",
)
lesson.table(on_circle.items(), ["strength k", "sliced loss"], "points on the circle")
lesson.check("loss at k = 100", on_circle[100], equals=-100.0, atol=1e-6)

# %% [markdown]
# A network that can represent these fields has no best answer, because it can always lower its loss
# further. The reason is that the score it should learn does not exist: away from the circle $p$ is
# 0 and has no logarithm. (Digits have the same problem, because most of their pixels are exactly
# black.) Now we add a little noise to the same circle, $\sigma = 0.1$, and change nothing else:

# %%
rng = lesson.rng("thin")
turns = 2 * np.pi * rng.random(20_000)
points = np.stack([np.cos(turns), np.sin(turns)], axis=1) + 0.1 * rng.standard_normal((20_000, 2))
off_circle = {k: loss_of(k, points) for k in strengths}
lesson.table(off_circle.items(), ["strength k", "sliced loss"], "points near the circle, noise 0.1")
lesson.check("with noise: loss at k = 100", off_circle[100], equals=-50.0, atol=2.5)

# %% [markdown]
# Now there is a best $k$, near $1/\sigma^2 = 100$. The reason is that the square now costs $\frac12
# k^2 \sigma^2$, and $\frac12 k^2\sigma^2 - k$ is smallest at $1/\sigma^2$, where it is $-50$. With
# noise every point of the space has a positive density, so the score exists everywhere.
#
# ## 5. Why more noise: regions of low density
#
# A little noise is not enough, and this is the second reason. The post puts it in one sentence: “In
# regions where data density is low, the score estimation is less reliable.” To see how much less,
# we take the two Gaussians of `diffusion/02`, with standard deviation 0.25 and weights 0.2 and 0.8,
# twelve standard deviations apart, and train at one small level of noise.

# %%
mixture = GaussianMixture([[-1.5, 0.0], [1.5, 0.0]], std=0.25, weights=[0.2, 0.8])
SMALL, BOX = 0.05, (-2.6, 2.6, -2.0, 2.0)
at_small = mixture.noised(1.0, SMALL)


def small_loss(net, x, eps):
    return denoising_loss(net, x, eps, SMALL)


one_level = train("one level", small_loss, mixture, 0.25, lesson.steps(1500))

# %% [markdown]
# Suppose that the network is wrong somewhere. Then the cause may be that data are missing there,
# but also that the targets are noisy, or that the network is too small. To tell these apart we
# train two more networks with the same start and the same number of steps, now on the *exact*
# score. The first receives it at the noisy data, the second at points spread evenly over the plane.
# We compare the errors at each mode, and on a rectangle in the empty region between the modes.

# %%
lesson.predict(
    "Which of the two new networks is off by less than a fifth between the modes?",
    [
        "both: their targets have no noise",
        "only the one that was trained everywhere",
        "neither: the network is too small for a score that jumps",
    ],
)


# %%
def exact_loss(net, x, target):
    """The squared error of a score, with the weight of the denoising loss."""
    return SMALL**2 / 2 * np.mean(np.sum((net(x) - target) ** 2, axis=1))


def train_on_exact(label, draw_x):
    def draw(rng):
        x = draw_x(rng)
        return x, at_small.score(x).astype(np.float32)

    rng, net, steps = lesson.rng(label), PlaneScore(lesson.rng("net"), 0.25), lesson.steps(1500)
    step = descend(exact_loss, net, draw, lr=cosine(1e-2, steps), rng=rng)
    lesson.fit(step, steps, state=step.state, label=label)
    return net


# %%
def at_data(rng):
    return at_small.sample(rng, 256)


def everywhere(rng):
    return rng.uniform(BOX[::2], BOX[1::2], (256, 2)).astype(np.float32)


exact_at_data = train_on_exact("exact at data", at_data)
exact_everywhere = train_on_exact("exact everywhere", everywhere)


# %%
def gaussian_at(sigma):
    """Return the score of one Gaussian with the mean and the variances of the noisy data."""
    return lambda x: -(x - np.array([0.9, 0.0])) / (np.array([1.5025, 0.0625]) + sigma**2)


def relative_error(score, x):
    """Return the length of the error over the length of the true score, at each point."""
    truth = at_small.score(x)
    return np.linalg.norm(score(x) - truth, axis=1) / np.linalg.norm(truth, axis=1)


small_scores = {
    "denoising": one_level,
    "exact score, at the data": exact_at_data,
    "exact score, everywhere": exact_everywhere,
    "one Gaussian": gaussian_at(SMALL),
    "untrained: 0 everywhere": PlaneScore(lesson.rng("net"), 0.25),
}

# %%
x = at_small.sample(lesson.rng("at data"), lesson.size(5000))
between = lesson.rng("between").uniform([-0.5, -1], [0.5, 1], (5000, 2)).astype(np.float32)
regions = [x[x[:, 0] < 0], x[x[:, 0] > 0], between]
small_errors = {
    name: [np.median(relative_error(score, x)) for x in regions]
    for name, score in small_scores.items()
}

# %%
lesson.outcome(
    "The median relative error between the modes is "
    f"{small_errors['exact score, at the data'][2]:.2f} with the exact score at the data and "
    f"{small_errors['exact score, everywhere'][2]:.2f} with the exact score everywhere, because the"
    " two networks have equally exact targets and differ only in where they were trained.",
    answer={
        (True, True): "both: their targets have no noise",
        (False, True): "only the one that was trained everywhere",
        (False, False): "neither: the network is too small for a score that jumps",
    }.get(tuple(small_errors[f"exact score, {w}"][2] < 0.2 for w in ("at the data", "everywhere"))),
)

# %%
lesson.table(
    [[name, *values] for name, values in small_errors.items()],
    ["model", "left mode, 0.2 of the data", "right mode, 0.8", "between the modes"],
    "median relative error of the score",
)
lesson.check("largest density between the modes", at_small.prob(between).max(), at_most=1e-3)

# %% [markdown]
# The error follows the data. In the recorded run, the error of denoising is 0.04 at the right mode,
# 0.11 at the left one, which has a quarter as many examples, and 0.68 between the modes, where
# there are hardly any. Exact targets shrink the first two errors, but hardly the third. The network
# that was trained everywhere is off by about 0.05 or less in all three regions. It has the same
# size, the same start and the same number of steps, so the cause is neither the network nor the
# noise of its targets, but the missing data.

# %%
lesson.claim(
    "one level, each mode: median error",
    small_errors["denoising"][:2],
    at_most=0.2,
    source="one Gaussian: 0.65; untrained: 1; seeds 0, 1 and 8086: 0.040 to 0.107, nearly doubled",
)
lesson.claim(
    "denoising, exact at the data: error between the modes / at the worse mode",
    [small_errors[name][2] / max(small_errors[name][:2]) for name in list(small_errors)[:2]],
    at_least=3,
    source="untrained: 1; seeds 0, 1 and 8086: at least 6.4, halved",
)

# %%
lesson.claim(
    "exact score everywhere: median error in each region",
    small_errors["exact score, everywhere"],
    at_most=0.11,
    source="one Gaussian: 0.65 or more; untrained: 1; seeds 0, 1 and 8086: 0.017 to 0.055, doubled",
)

# %%
fig, axes = plot.figure(1, 3, size=(3.5, 2.8))
plot.samples(
    mixture.sample(lesson.rng("shown"), 500), mixture, axes[0], bounds=BOX, title="the data"
)
for ax, name, net in zip(axes[1:], ("denoising", "everywhere"), (one_level, exact_everywhere)):
    plot.heatmap(
        lambda x, net=net: relative_error(net, x), BOX, ax, limits=(0, 1), title=f"error, {name}"
    )

# %%
lesson.figure(
    fig,
    "empty",
    "The data (orange, left), and the relative error of the network trained by denoising (middle)"
    " and of the network trained everywhere (right), from 0 (purple) to 1 or more (yellow). Compare"
    " the gap between the modes. (Ignore the dots at the centers of the modes, because the score is"
    " 0 there.)",
)

# %% [markdown]
# The map on the right is dark but for a narrow strip, in which the score jumps from one mode to the
# other. But we cannot train everywhere, because away from the data nobody knows the score. And a
# chain does not start at the data, so it may start where the prediction is wrong. Even the exact
# score would not help with the weights, as `diffusion/02` showed, because near a mode it hardly
# depends on the weight of that mode.
#
# Large noise solves both problems. With $\sigma = 10$ the two Gaussians merge into one, and noisy
# data are everywhere. However, this is not the density that we want. The idea of Song and Ermon is
# to take *different levels* of noise, $\sigma_1 > \sigma_2 > \dots > \sigma_L$. The first is so
# large that the modes merge, and the last so small that the noise is not visible. Each level is the
# same fraction of the one before, because how much two Gaussians with the same mean overlap depends
# only on the ratio of their deviations.

# %%
lesson.exercise("diffusion/05/noise_scales")

# %%
lesson.show_source(noise_scales)
LARGE, LEVELS = 10.0, 14
sigmas = noise_scales(LARGE, SMALL, LEVELS)
print("  σ: " + "  ".join(f"{sigma:.3g}" for sigma in sigmas))
lesson.check("ratios of neighbors", sigmas[1:] / sigmas[:-1], equals=(SMALL / LARGE) ** (1 / 13))

# %% [markdown]
# A *noise-conditioned score network* $s_\theta(x, \sigma)$ receives the level as an input and
# estimates the scores of all levels *jointly*. Noisy data have the scale $\sqrt{1 + \sigma^2}$, and
# scores the scale $1/\sigma$. Our network therefore divides its input by the first and its output
# by $\sigma$, so that its body works at scale 1:


# %%
class NCSN(Module):
    """score_model(x (N, 2), sigma (N,)) -> (N, 2)."""

    def __init__(self, rng, width=96):
        self.body = MLP(rng, [3, width, width, width, 2], "silu", last_scale=0.0)

    def __call__(self, x, sigma):
        sigma = sigma[:, None]  # (N, 1)
        inputs = [x / np.sqrt(1 + sigma**2), np.log(sigma)]
        return self.body(np.concatenate(inputs, axis=1)) / sigma  # (N, 2)


# %%
def noisy_mixture(rng, n=256):
    level = rng.choice(sigmas, n).astype(np.float32)
    return mixture.sample(rng, n), level, rng.standard_normal((n, 2), dtype=np.float32)


rng, steps = lesson.rng("ncsn"), lesson.steps(2500)
loss, lr = denoising_score_matching_loss, cosine(5e-3, steps)
step = descend(loss, NCSN(rng), noisy_mixture, lr=lr, ema=0.995, rng=rng)
lesson.fit(step, steps, state=step.state, label="ncsn")
ncsn = step.averaged


# %%
def at_level(sigma):
    """Return the network at one level, as a function of x."""
    return lambda x: ncsn(x.astype(np.float32), np.full(len(x), sigma, np.float32))


def by_mode(score, density):
    """Return the errors over the points of the left and of the right Gaussian, as in `error_of`."""
    x, label = density.sample_with_labels(lesson.rng("judge"), lesson.size(10_000))
    truth = density.score(x)
    wrong, size = (np.mean(each**2, axis=1) for each in (score(x) - truth, truth))
    return [np.mean(wrong[label == k]) / np.mean(size[label == k]) for k in (0, 1)]


noised = [mixture.noised(1.0, sigma) for sigma in sigmas]
level_errors = [error_of(at_level(s), density) for s, density in zip(sigmas, noised)]
of_gaussian = [error_of(gaussian_at(s), density) for s, density in zip(sigmas, noised)]
of_modes = [by_mode(at_level(s), density) for s, density in zip(sigmas, noised)]

# %%
lesson.table(
    list(zip(sigmas, level_errors, *np.transpose(of_modes), of_gaussian))[::2],
    ["σ", "NCSN", "NCSN, left Gaussian", "NCSN, right Gaussian", "one Gaussian"],
    "squared error / mean square of the score, every second level",
)

# %%
lesson.claim(
    "NCSN: error of the score, relative, over each Gaussian and at each level",
    np.ravel(of_modes),
    at_most=0.05,
    source="one Gaussian: up to 0.48; seeds 0, 1 and 8086: at most 0.034, plus a half",
)

# %%
fig, axes = plot.figure(1, 3, size=(3.4, 2.9))
for sigma, ax in zip((LARGE, sigmas[6], SMALL), axes):
    box = np.array(BOX) * max(1.0, 2.5 * sigma)
    density = mixture.noised(1.0, sigma)
    plot.field(
        at_level(sigma), box, ax, n=15, lengths="sqrt", density=density, title=f"σ = {sigma:.2g}"
    )
lesson.figure(
    fig,
    "levels",
    "The score that the network predicts at three levels (black arrows, on axes of different"
    " scales), over the noisy density (blue). Look where the arrows lead, and to how many points.",
)

# %% [markdown]
# At the largest levels one Gaussian beats the network, because there the noisy data *are* nearly
# one Gaussian. At the small levels the Gaussian misses more than two fifths of the score's mean
# square, and the network less than 5 %, more of it over the left Gaussian than over the right one.
# (The untrained network outputs 0 and misses all.) The large levels lead a point to the data from
# everywhere, and the small ones resolve the modes. How do we combine them?
#
# ## 6. Annealed Langevin dynamics
#
# *Annealed Langevin dynamics* (Song and Ermon 2019) runs Langevin dynamics at the first level,
# continues from there at the second, and so on, so that each level starts where the one before has
# led. At level $\sigma$ the step size is $\delta = c\,\sigma^2$. The drift then has the scale
# $\frac c2 \sigma$ and the noise the scale $\sqrt c\, \sigma$, so the chains at all levels are
# alike up to their scale. For example, take two levels, 2 and 1, $c = 0.5$, one step each, without
# noise, and data at the single point 0, so $s = -x/\sigma^2$. From $x = 4$ the first step, with
# $\delta = 2$, leads to $4 - 1 \cdot 4/4 = 3$, and the second, with $\delta = 0.5$, to $3 - 0.25
# \cdot 3 = 2.25$.

# %%
four = np.array([[4.0]])
first = langevin_step(four, -four / 2**2, 0.5 * 2**2, 0 * four)
second = langevin_step(first, -first / 1**2, 0.5 * 1**2, 0 * four)
lesson.check("4 → 3 → 2.25", np.concatenate([first, second]).ravel(), equals=[3.0, 2.25])
lesson.show_source(ncsn_sample)

# %%
lesson.change(
    "a step that is too long",
    "Take $c = 4.5$ at the first level: in the line of `first`, change `0.5 * 2**2` to `4.5 * "
    "2**2`, and run again. Where do the two steps lead? (Remember $\\delta = 4$ in "
    "`diffusion/02`.)",
    answer="To $-5$, which is farther from 0 than 4 and on the other side, and then to $-3.75$. "
    "The first step multiplies $x$ by $1 - c/2 = -1.25$. It would do so at any level, so with $c$ "
    "above 4 the chain diverges.",
)

# %% [markdown]
# We now run 2,000 points, which start as noise of the first level, for 1,400 steps in three ways:
#
# - at the *last level* only,
# - at *two levels*, with 100 steps at the first and 1,300 at the last,
# - at *all levels*, with 100 steps at each and $c = 0.2$.
#
# At $\sigma = 0.05$ the step $c\,\sigma^2$ is tiny, and a point that starts far away would need
# most of the run to arrive. That is why the first two ways take longer steps there, $\delta =
# 0.01$. Each way runs once with the exact score and once with the network, which separates the
# error of the sampler from the error of the network. (One more run uses the network of section 5,
# which was trained by denoising at the last level only.)

# %%
lesson.predict(
    "The mode on the right has 0.8 of the data. What fraction of the points ends there with"
    " the last level, with two levels and with all levels?",
    [
        "0.5, 0.5, 0.8",
        "0.5, 0.8, 0.8",
        "0.8, 0.8, 0.8: the score contains the weights",
    ],
)


# %%
def exact(x, sigma):
    """Return the exact score at a level."""
    return mixture.noised(1.0, float(sigma[0])).score(x).astype(x.dtype)


def last_level(score_model, x, rng, steps):
    """Run Langevin dynamics at the last level only."""
    for _ in range(steps):
        score = score_model(x, np.full(len(x), SMALL, np.float32))
        x = langevin_step(x, score, 0.01, rng.standard_normal(x.shape, dtype=np.float32))
    return x


# %%
rng = lesson.rng("walks")
count = lesson.size(2000, quick=200)
start = np.float32(LARGE) * rng.standard_normal((count, 2), dtype=np.float32)
each = lesson.size(100, quick=4)
ends = {}
for which, model in {"exact": exact, "network": ncsn}.items():
    first = ncsn_sample(model, start, sigmas[:1], rng, each, step=0.2)
    ends[which, "last level"] = last_level(model, start, rng, LEVELS * each)
    ends[which, "two levels"] = last_level(model, first, rng, (LEVELS - 1) * each)
    ends[which, "all levels"] = ncsn_sample(model, start, sigmas, rng, each, step=0.2)


# %%
def near(x):
    """Return the fraction of points within four standard deviations of a mode."""
    return np.mean(np.linalg.norm(x[:, None] - mixture.means, axis=2).min(axis=1) < 4 * 0.25)


rng, single = lesson.rng("rivals"), lambda x, sigma: one_level(x)
gaussian = [0.9, 0.0] + np.sqrt([1.5025, 0.0625]) * rng.standard_normal((count, 2))
rivals = {
    ("network of section 5", "last level"): last_level(single, start, rng, LEVELS * each),
    ("one Gaussian", "no chain"): gaussian,
    ("the start", "no chain"): start,
    ("the data", "no chain"): mixture.sample(rng, count),
}
fraction = {key: np.mean(x[:, 0] > 0) for key, x in (ends | rivals).items()}
last, two, whole = (fraction["network", way] for way in ("last level", "two levels", "all levels"))
changed = np.mean((first[:, 0] > 0) != (ends["network", "two levels"][:, 0] > 0))

# %%
lesson.outcome(
    f"With the network, the last level leaves {last:.2f} of the points on the right, because half"
    f" of them start there and at σ = 0.05 only {100 * changed:.1f} % change sides. Two levels"
    f" leave {two:.2f}, because at σ = 10 the noisy data themselves have only 0.54 there. All"
    f" levels bring {whole:.2f}, because at the levels in between the points can still move to the"
    " heavier mode.",
    answer=(
        "0.8, 0.8, 0.8: the score contains the weights"
        if last > 0.65
        else f"0.5, {0.5 if two < 0.65 else 0.8}, 0.8"
    ),
)
lesson.table(
    [[*key, fraction[key], near(x)] for key, x in (ends | rivals).items()],
    ["score", "levels", "fraction on the right", "fraction at a mode"],
)


# %%
def off(x):
    """Return how far the fraction on the right is off 0.8; NaN if the points are not at modes."""
    return np.nan if near(x) < 0.9 else abs(np.mean(x[:, 0] > 0) - 0.8)


def widths(x):
    """Return the standard deviations at the left and the right mode, over the true one."""
    sides = [x[x[:, 0] < 0], x[x[:, 0] > 0]]
    return np.array([side.std(axis=0) for side in sides]).ravel() / 0.25


# %%
lesson.claim(
    "last level, exact score and network: fraction off 0.8",
    [off(ends["exact", "last level"]), off(ends["network", "last level"])],
    at_least=0.2,
    source="seeds 0, 1 and 8086: 0.275 to 0.314, minus a quarter",
)
lesson.claim(
    "two levels, exact score and network: fraction off 0.8",
    [off(ends["exact", "two levels"]), off(ends["network", "two levels"])],
    at_least=0.15,
    source="seeds 0, 1 and 8086: 0.22 to 0.28, minus a third",
)

# %%
lesson.claim(
    "all levels, exact score and network: fraction off 0.8",
    [off(ends["exact", "all levels"]), off(ends["network", "all levels"])],
    at_most=0.05,
    source="five standard errors; seeds 0, 1 and 8086: 0.003 to 0.026",
)

# %%
lesson.claim(
    "all levels, exact score and network: deviations at the modes / true",
    [*widths(ends["exact", "all levels"]), *widths(ends["network", "all levels"])],
    between=(0.85, 1.15),
    source="theory: 1; seeds 0, 1 and 8086: 0.98 to 1.09",
)

# %% [markdown]
# With the exact score and with the network nearly all points arrive at a mode, and only the
# fractions differ. (One Gaussian has nearly the right fraction, too, but more than a third of its
# points are at no mode. Neither column is enough alone.) The errors of the network are not the
# cause, because with the exact score the last level and the two levels fail in the same way. The
# network of section 5 cannot be relied on for either number, because nothing constrains its arrows
# where the points start. With seed 0 four points in ten miss the modes, and with seed 1 nearly all
# arrive.
#
# When do the points settle on a side? We run all levels once more and record the points at the end
# of each level, divided by their scale $\sqrt{1 + \sigma^2}$. *Move $\sigma$: at which level do the
# two modes separate, and from which level on does no point change sides?*

# %%
path = []  # the start, and the points at the end of each level
ncsn_sample(
    ncsn, start, sigmas, lesson.rng("look"), each, step=0.2, on_step=lambda left, x: path.append(x)
)
at_levels = [mixture.noised(1.0, s).sample(lesson.rng("truth"), 20_000) for s in sigmas]
sides = [x[:, 0] > 0 for x in path]
curves = {
    "chain": [np.mean(side) for side in sides[1:]],
    "noisy data": [np.mean(x[:, 0] > 0) for x in at_levels],
    "changed sides": [np.mean(old != new) for old, new in zip(sides, sides[1:])],
}


def draw_mixture(rng, n):
    x = np.float32(LARGE) * rng.standard_normal((n, 2), dtype=np.float32)
    return ncsn_sample(ncsn, x, sigmas, rng, each, step=0.2)


lesson.sampler("two Gaussians", draw_mixture)

# %%
lesson.play(
    "ladder_of_noise",
    {"σ": sigmas},
    points=[x[:600] / np.sqrt(1 + sigma**2) for x, sigma in zip(path[1:], sigmas)],
    truth=mixture.sample(lesson.rng("shown data"), 600),
    bounds=BOX,
    time="σ",
    caption="The points (orange) at the end of each level, divided by their scale, over the data "
    "(blue). Watch how many lie left of the middle.",
)

# %%
ax = plot.line(
    sigmas,
    curves,
    log="x",
    markers=True,
    colors=[plot.color.fake, plot.color.real, plot.color.model],
    xlabel="σ (the chain runs from right to left)",
    ylabel="fraction of the points",
)
lesson.figure(
    ax,
    "shares",
    "The fraction right of the middle, of the chain (orange) and of the noisy data (blue), and the "
    "fraction of the chain that changed sides during a level (green). Look for the levels at which "
    "blue rises, and for those at which green is 0.",
)

# %% [markdown]
# Between $\sigma = 4.4$ and $0.87$ the blue fraction rises from 0.58 to 0.77. At each of these
# levels about a third of the points or more still change sides, so the chain can follow. Below
# $\sigma = 0.2$ almost no point crosses the gap, and the fraction is final. The run with two levels
# skips the range in which the fraction is decided. Remember that each level prepares the start of
# the next one, so the levels must overlap. The post remarks that the increasing noise levels
# resemble the forward process. How close is the resemblance?
#
# ## 7. What does DDPM learn?
#
# In DDPM, $x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\,\epsilon$. Given $x_0$ this
# is normal, with a score as in section 2. The score of $x_t$ alone is the mean of these scores over
# the $x_0$ from which $x_t$ may have come. The network of DDPM predicts the mean of $\epsilon$ over
# the same $x_0$. Which score follows from its prediction?

# %%
lesson.exercise("diffusion/05/score_from_eps")

# %% [markdown]
# A Gaussian $\mathcal N(\mu, \sigma^2)$ has the score $-(x - \mu)/\sigma^2 = -\epsilon/\sigma$.
# Given $x_0$, the score of $x_t$ is therefore $-\epsilon/\sqrt{1 - \bar\alpha_t}$, and the mean of
# these scores is (Eq. diffusion.17)
#
# $$\mathbf s_\theta(x_t, t) \approx \nabla_{x_t} \log q(x_t) = \mathbb E_{q(x_0 | x_t)}
# \Big[-\frac{\epsilon}{\sqrt{1 - \bar\alpha_t}}\Big] \approx -\frac{\epsilon_\theta(x_t, t)}
# {\sqrt{1 - \bar\alpha_t}}.$$
#
# (`diffusion/03` derives the middle step.) The post writes the mean over $q(x_0)$, over all data.
# The same example shows the difference: $x_0 = \pm 1$, now with $\bar\alpha_t = 0.36$, at $x_t =
# 0.5$. If $x_0 = 1$, then $\epsilon = (0.5 - 0.6)/0.8 = -0.125$, and if $x_0 = -1$, then
# $\epsilon = 1.375$.

# %%
lesson.show_source(score_from_eps)
two_steps = Schedule([0.1, 0.6])  # ᾱ = 0.9, 0.36
x_t, x0 = 0.5, np.array([1.0, -1.0])
eps = (x_t - 0.6 * x0) / 0.8
posterior = np.exp(-0.5 * eps**2) / np.exp(-0.5 * eps**2).sum()  # of x_0, given x_t
rows = []
for name, weights in (
    ("all data, q(x_0)", np.array([0.5, 0.5])),
    ("given x_t, q(x_0|x_t)", posterior),
):
    mean_eps = np.array([[weights @ eps]])
    rows.append([name, mean_eps[0, 0], score_from_eps(mean_eps, 2, two_steps)[0, 0]])

# %%
noisy_pair = GaussianMixture([[-1.0], [1.0]], std=1e-9).noised(0.6, 0.8)
gradient = noisy_pair.score(np.array([[x_t]]))[0, 0]

# %%
lesson.table(
    [*rows, ["gradient of log q(x_t)", "", gradient]], ["mean of ε over", "mean of ε", "score"]
)
lesson.check("Eq. diffusion.17, mean over q(x_0|x_t)", rows[1][2], equals=gradient, atol=1e-6)
lesson.check("the mean over q(x_0) is off by", abs(rows[0][2] - gradient), at_least=0.4)

# %% [markdown]
# Only the mean over $q(x_0|x_t)$ gives the score. Our score network is therefore a model of DDPM in
# another notation. If we divide $x_t$ by $\sqrt{\bar\alpha_t}$, it becomes the data plus noise of
# $\sigma_t = \sqrt{(1 - \bar\alpha_t) / \bar\alpha_t}$, and the prediction of the noise is
# $-\sigma_t\, s$. The losses agree up to a factor, because DDPM takes a mean over $D$ dimensions,
# and we take half a sum.

# %%
schedule = Schedule.karras(200, SMALL, LARGE)  # σ_t from 0.05 to 10


def eps_model(x, t):
    """Return the noise that the score network predicts, as a model of DDPM."""
    a = schedule.alpha_bar[t][:, None].astype(x.dtype)
    sigma = np.sqrt((1 - a) / a)
    return -sigma * ncsn(x / np.sqrt(a), sigma[:, 0])


# %%
rng = lesson.rng("agree")
x0, t = mixture.sample(rng, 500), rng.integers(1, 201, 500)
eps = rng.standard_normal((500, 2), dtype=np.float32)
sigma = np.sqrt((1 - schedule.alpha_bar[t]) / schedule.alpha_bar[t])
ours = denoising_score_matching_loss(ncsn, x0, sigma, eps)
lesson.check(
    "D/2 L_simple − J", simple_loss(eps_model, x0, t, eps, schedule) - ours, equals=0.0, atol=1e-4
)

# %% [markdown]
# The network was trained without $\bar\alpha_t$, and yet any sampler of diffusion models can use
# it, if the schedule stays within the levels of the training. Let's take DDIM (`diffusion/10`) with
# 20 steps in place of 1,400.

# %%
x = rng.standard_normal((count, 2), dtype=np.float32)
runs = {steps: ddim(eps_model, x, schedule, steps=steps) for steps in (20, 200)}
samples = {f"DDIM, {steps} steps": x for steps, x in runs.items()}
samples["annealed Langevin, 1,400 steps"] = ends["network", "all levels"]
samples["one Gaussian"] = gaussian

# %%
lesson.table(
    [[name, np.mean(x[:, 0] > 0), *widths(x)] for name, x in samples.items()],
    ["samples", "on the right", "left, x", "left, y", "right, x", "right, y"],
    "fraction on the right, and standard deviations of the left and the right mode along x and y / "
    "true",
)

# %%
lesson.claim(
    "DDIM, 20 steps: fraction off 0.8",
    off(runs[20]),
    at_most=0.07,
    source="seeds 0, 1 and 8086: 0.010 to 0.025, plus five standard errors",
)
lesson.claim(
    "DDIM, 20 steps: deviations / true",
    widths(runs[20]),
    between=(0.75, 1.5),
    source="seeds 0, 1 and 8086: 0.84 to 1.29, with a margin of 0.09 and 0.21",
)

# %% [markdown]
# The fraction is close to 0.8, although DDIM mostly needs the network at levels between the 14 of
# its training. The widths are less exact, although along x far closer than those of one Gaussian.
# In the recorded run the left mode is too wide across the gap, by a quarter with 20 steps and by an
# eighth with 200, so a part of this error comes from the few steps (`diffusion/10`).
#
# What, then, distinguishes NCSN from DDPM? They train at different levels of noise, DDPM shrinks
# the data as it adds noise and NCSN does not, and they use different samplers. But both learn a
# score, which means that the digits of `diffusion/04` were drawn with a score, too. Song,
# Sohl-Dickstein et al. (2021) describe both by stochastic differential equations (`after/01`).
#
# ## What this lesson does differently
#
# - Our data are points in the plane, whose true score is known. Song and Ermon (2019) trained on
#   images, with 10 levels from 1 to 0.01. (Song and Ermon 2020 derive how to choose the levels.)
# - Our network divides by $\sigma$ itself, so that its body works at one scale.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - In Eq. diffusion.17 the mean is over $q(\mathbf x_0)$. It must be over
#   $q(\mathbf x_0 | \mathbf x_t)$ (section 7). Inside the mean the post writes $\epsilon_\theta$
#   where the true $\epsilon$ belongs. That $\epsilon_\theta$ equals the mean of $\epsilon$ is the
#   aim of the training, not an identity.
# - “The score of each sample $\mathbf{x}$'s density probability is defined as its gradient”: it is
#   the gradient of the *logarithm* of the density, as the formula next to it shows.
# - “After adding a small Gaussian noise to make the perturbed data distribution cover the full
#   space $\mathbb{R}^D$, the training of the score estimator network becomes more stable”: true,
#   but the gap between the modes stays nearly empty (section 5). The post does not say why one
#   level is not enough. Two levels, a large and a small one, are not enough either (section 6).
#
# ## To remember
#
# - A score can be learned from examples, by the sliced loss (one derivative) or by denoising
#   (none).
# - The best prediction of a denoiser is the score of the *noisy* data.
# - One small level fails where there are no data. Many levels lead from noise to the data.
# - $s = -\epsilon/\sqrt{1 - \bar\alpha_t}$: a network that predicts the noise predicts the score.
#
# **Next:** how fast the noise should grow (`diffusion/06`).
#
# **Your turn:** `minigen exercise start diffusion/05`, then `minigen run diffusion/05 --with
# exercises/diffusion_05.py`.

# %%
lesson.finish()
