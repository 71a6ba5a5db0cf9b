# %% [markdown]
# # Denoising diffusion probabilistic models (DDPM)
#
# It is easy to ruin an image. Add a little noise, then a little more, until only noise is left
# (`diffusion/01`). The way back would be a generative model, because noise is something that we can
# draw. `diffusion/03` showed that each step back is nearly a Gaussian, and that its mean has a
# formula if we know the clean image. But the clean image is what we want to make. What can a
# network learn to predict, so that noise becomes data?
#
# There are several candidates, and we compare them on paper (section 1). Then we train a network
# (2), sample with it (3), and break the sampler (4). We ask what has become of the likelihood (5),
# and draw digits (6). This lesson follows the section *Parameterization of $L_t$ for Training
# Loss*, with *Simplification*, of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/).
#
# Before this lesson: `diffusion/01`, `diffusion/03`.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/04_ddpm",
    title="Denoising diffusion probabilistic models (DDPM)",
    post="diffusion",
    sections=["diffusion.s05", "diffusion.s06"],
    figures=["diffusion.f04"],
    equations=[
        "diffusion.02",
        "diffusion.08",
        "diffusion.13",
        "diffusion.14",
        "diffusion.15",
        "diffusion.16",
    ],
    pretrained=["digit_classifier"],
    minutes=12,
    picture="digits",
    sources=["weng2021diffusion", "ho2020ddpm", "salimans2022distillation"],
)

# %%
import functools

import autograd.numpy as np
import numpy

from minigen import plot
from minigen.data import mnist, toy
from minigen.metrics import mode_coverage, sampling_floor, sliced_wasserstein
from minigen.metrics.digits import class_gaussian_digits, judge_digits
from minigen.nn import sinusoidal
from minigen.optim import EMA, Adam, cosine
from minigen.tensor import batched, parallel_call, value_and_grad
from minigen.train import descend

# %%
from minigen.diffusion.ddpm import (
    eps_from_score,
    eps_from_v,
    eps_from_x0,
    mean_from_eps,
    predict_x0_from_eps,
    q_sample,
    score_from_eps,
    simple_loss,
    v_from_x0_eps,
)

# %%
from minigen.diffusion.exact import exact_eps_model
from minigen.diffusion.likelihood import bound_weight, vlb_term
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.diffusion.networks.unet import UNet
from minigen.diffusion.samplers import Trajectory, ancestral, ancestral_step, clipped, strided
from minigen.diffusion.schedule import Schedule, spaced_timesteps

# %% [markdown]
# ## 1. What should the network predict?
#
# To go back from $x_t$ to $x_{t-1}$ we need the mean of that step. `diffusion/03` computes it from
# $x_t$ and the clean data $x_0$, but a network only has $x_t$. The first idea, with which the post
# begins, is to “train $\boldsymbol{\mu}_\theta$ to predict $\tilde{\boldsymbol{\mu}}_t$”. It could
# also predict the data, or the noise. Which of the three? Recall where $x_t$ comes from (Eq.
# diffusion.02):
#
# $$x_t = \sqrt{\bar\alpha_t}\; x_0 + \sqrt{1 - \bar\alpha_t}\;\epsilon , \qquad \epsilon \sim
# \mathcal{N}(0, \mathbf{I}) .$$
#
# In words, $t$ steps shrink the data and add noise. If we know $x_t$ and the noise, we can subtract
# the noise, undo the shrinking, and have the data.
#
# Let's do it with two numbers. Take a process of two steps with $\beta = (0.1, 0.6)$, so that
# $\alpha = (0.9, 0.4)$ and $\bar\alpha_2 = 0.36$. From the data $x_0 = (1, -1)$ and the noise
# $\epsilon = (0.5, 0)$ it makes $x_2 = 0.6\, x_0 + 0.8\, \epsilon = (1, -0.6)$. Suppose a network
# receives $x_2$ and $t = 2$, and predicts the noise $\hat\epsilon = (0.25, 0.5)$. Then the data
# that it implies are $\hat x_0 = (x_2 - 0.8\, \hat\epsilon)/0.6 = (1.33, -1.67)$. In other words, a
# prediction of the noise is a prediction of the data.
#
# The mean follows as well. Inserted into the mean of `diffusion/03`, this $x_0$ gives the formula
# that ended section 3 there (Eq. diffusion.08):
#
# $$\tilde\mu_t = \frac{1}{\sqrt{\alpha_t}} \Big( x_t - \frac{1 - \alpha_t}{\sqrt{1 -
# \bar\alpha_t}}\, \epsilon_t \Big) .$$
#
# In words, subtract a part of the noise, then undo the shrinking of one step. The noise is the only
# unknown in it. As the post puts it, “Because $x_t$ is available as input at training time, we can
# reparameterize the Gaussian noise term instead”, that is, write the mean as a function of the
# noise. The network's prediction takes the place of the noise (Eq. diffusion.13):
#
# $$\mu_\theta(x_t, t) = \frac{1}{\sqrt{\alpha_t}} \Big( x_t - \frac{1 - \alpha_t}{\sqrt{1 -
# \bar\alpha_t}}\, \epsilon_\theta(x_t, t) \Big) , \qquad x_{t-1} \sim \mathcal{N}(x_{t-1};\,
# \mu_\theta(x_t, t),\, \Sigma_\theta(x_t, t)) .$$
#
# Here $\Sigma_\theta$ is the covariance of the step, which we choose in section 3. In our example
# the mean is $(x_2 - (0.6/0.8)\, \hat\epsilon) / \sqrt{0.4} = (1.28, -1.54)$. The step back is a
# draw around this mean.

# %% [markdown]
# <details><summary>Derivation: the mean of the reverse step from the noise</summary>
#
# Eq. diffusion.07 is $\tilde\mu_t = \frac{\sqrt{\alpha_t}\,(1 - \bar\alpha_{t-1})}{1 -
# \bar\alpha_t}\, x_t + \frac{\sqrt{\bar\alpha_{t-1}}\,\beta_t}{1 - \bar\alpha_t}\, x_0$. Insert
# $x_0 = (x_t - \sqrt{1 - \bar\alpha_t}\;\epsilon_t) / \sqrt{\bar\alpha_t}$, with
# $\sqrt{\bar\alpha_{t-1} / \bar\alpha_t} = 1/\sqrt{\alpha_t}$. The factor of $x_t$ is
#
# $$\frac{\alpha_t (1 - \bar\alpha_{t-1}) + \beta_t}{(1 - \bar\alpha_t)\sqrt{\alpha_t}} =
# \frac{\alpha_t - \bar\alpha_t + 1 - \alpha_t}{(1 - \bar\alpha_t)\sqrt{\alpha_t}} =
# \frac{1}{\sqrt{\alpha_t}} ,$$
#
# and the factor of $\epsilon_t$ is $-\frac{1}{\sqrt{\alpha_t}} \frac{\beta_t}{1 - \bar\alpha_t}
# \sqrt{1 - \bar\alpha_t} = -\frac{1}{\sqrt{\alpha_t}} \frac{1 - \alpha_t}{\sqrt{1 -
# \bar\alpha_t}}$.
#
# </details>

# %%
lesson.exercise("diffusion/04/mean_from_eps")

# %%
tiny = Schedule([0.1, 0.6])
x0 = np.array([[1.0, -1.0]])
eps = np.array([[0.5, 0.0]])
x2 = q_sample(x0, 2, eps, tiny)
guess = np.array([[0.25, 0.5]])
implied = predict_x0_from_eps(x2, 2, guess, tiny)
mean = mean_from_eps(x2, 2, guess, tiny)

# %%
lesson.change(
    "the true noise",
    "Change `guess` to the true noise, `np.array([[0.5, 0.0]])`, and run again. Which data does "
    "it imply, and where is the mean of $x_1$?",
    answer="It implies the true data, $(1, -1)$. The mean of $x_1$ is $(0.9882, -0.9487)$, as for "
    "the posterior $q(x_1 | x_2, x_0)$, because the true noise determines $x_0$.",
)

# %%
lesson.check("x_2", x2[0], equals=[1, -0.6])
lesson.check("the implied data", implied[0], equals=[(1 - 0.2) / 0.6, (-0.6 - 0.4) / 0.6])
lesson.check("the mean of x_1", mean, equals=(x2 - 0.6 / 0.8 * guess) / np.sqrt(0.4))
# %% [markdown]
# **Why the noise, if all three are one prediction?** One reason is that a loss counts their errors
# differently. An error of the noise becomes an error of the data multiplied by $\sqrt{1 -
# \bar\alpha_t} / \sqrt{\bar\alpha_t}$. In our example this factor is 4/3. In the chain of the next
# section it is 0.02 near the data and 182 near pure noise. For the same error of the noise, a
# squared error of the data would count $182^2$ at one end of the chain and $0.02^2$ at the other.
# Which way of counting is better? Section 5 compares both with the likelihood.
#
# We take the noise as our target. Next, we train a network on it.
#
# ## 2. Training is a regression
#
# What does it take to train such a network? We need noisy points for which the noise is known. We
# can make as many of them as we like, because we add the noise ourselves. This is Algorithm 1 of Ho
# et al. (2020), the left half of the figure in the post:
#
# ```text
# repeat:
#     x_0 from the data;  t uniformly from 1, ..., T;  ε from N(0, I)
#     take a gradient step on  ‖ε − ε_θ(√ᾱ_t x_0 + √(1 − ᾱ_t) ε, t)‖²
# until converged
# ```
#
# The loss that it minimizes is (Eq. diffusion.15)
#
# $$L_t^\mathrm{simple} = \mathbb{E}_{t \sim [1, T],\, x_0,\, \epsilon_t} \big[ \lVert \epsilon_t -
# \epsilon_\theta(x_t, t) \rVert^2 \big] = \mathbb{E}_{t \sim [1, T],\, x_0,\, \epsilon_t} \big[
# \lVert \epsilon_t - \epsilon_\theta(\sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\,
# \epsilon_t,\, t) \rVert^2 \big] .$$
#
# In words, take a random example, a random step and random noise, and compare the noise with its
# prediction. (Our code takes the mean over the coordinates, too.) In the example of section 1 the
# errors are 0.25 and 0.5, and the loss is $(0.0625 + 0.25)/2 = 0.156$. Nothing else is needed, no
# second network and no likelihood.

# %%
lesson.exercise("diffusion/04/simple_loss")

# %%
lesson.show_source(simple_loss)
lesson.check(
    "loss of the prediction of section 1",
    simple_loss(lambda x, t: guess, x0, np.array([2]), eps, tiny),
    equals=0.15625,
)

# %% [markdown]
# Our first data are a ring of eight narrow Gaussians (the *modes*), on which every failure is easy
# to see. The schedule is that of Ho et al., in which $\beta_t$ grows linearly from $10^{-4}$ to
# 0.02. Instead of 1000 steps we take 200, and every $\beta_t$ is five times as large.

# %%
ring = toy.get("ring").standardized()
T = 200
schedule = Schedule.linear(T, 0.1 / T, 20 / T)
lesson.check(
    "error of x_0 / error of the noise, t = 1 and T",
    np.sqrt(1 / schedule.alpha_bar[[1, T]] - 1),
    equals=[0.0224, 181.61],
    atol=5e-3,
)

# %% [markdown]
# **Which network is it, and how does it depend on $t$?** Ours is an MLP with four hidden layers of
# 128 units, and the same weights serve all steps. It needs the step as an input, because at $t =
# 200$ nearly all of $x_t$ is noise, and at $t = 1$ hardly any. It receives $t$ as 32 numbers, sines
# and cosines of $t$ at 16 frequencies. The fastest has a period of 6 steps and separates
# neighboring steps. The eighth, with 353 steps, is the first that is longer than the chain, and
# separates early steps from late ones. (The slower ones hardly change within 200 steps.)

# %%
lesson.show_source(sinusoidal, EpsMLP)

# %% [markdown]
# The training step is like any other. Adam's learning rate rises for 100 steps, then falls to zero
# along half a cosine. Like Ho et al., we sample with an exponential moving average (EMA) of the
# weights, which is `average.model` below. `lesson.fit` repeats `step`, with a progress bar.

# %%
cfg = lesson.configure(steps=25_000, batch=512, width=128, lr=5e-3, ema=0.999)


def noisy_batch(rng, n=cfg.batch):
    x0 = ring.sample(rng, n)  # (N, 2)
    t = rng.integers(1, T + 1, n)  # (N,), a time step for each example
    return x0, t, rng.standard_normal(x0.shape, dtype=np.float32)


def simple(model, x0, t, eps):
    return simple_loss(model, x0, t, eps, schedule)


# %%
def training_step(loss, model, optimizer, batch):
    value, grads = value_and_grad(loss)(model, *batch)
    optimizer.step(grads)
    return value


# %%
def train(label, loss, steps):
    rng = lesson.rng(label)
    model = EpsMLP(rng, width=cfg.width, layers=4)
    optimizer, average = Adam(model, cfg.lr), EMA(model, cfg.ema)
    rate = cosine(cfg.lr, steps, warmup=min(100, steps))

    def step(i):
        optimizer.lr = rate(i)
        value = training_step(loss, model, optimizer, noisy_batch(rng))
        average.update(model)
        return value

    state = {"model": model, "optimizer": optimizer, "ema": average, "rng": rng}
    return average.model, lesson.fit(step, steps, state=state, label=label)


# %% [markdown]
# At the start the network predicts 0, because its last layer starts at zero. Its loss is 1, the
# mean square of the noise. How far can it fall?

# %%
lesson.predict(
    "What loss does the best possible network have on the ring?",
    ["0", "more than 0, less than 1", "1"],
)

# %%
training_steps = lesson.steps(cfg.steps, quick=20)
model, history = train("ring", simple, training_steps)

# %%
exact_model = exact_eps_model(ring, schedule)  # the best prediction, by a formula


def probe(t, n, rng):
    """n points of the ring after t steps, the noise in them, and the best prediction of it."""
    x0 = ring.sample(rng, n)
    eps = rng.standard_normal(x0.shape, dtype=np.float32)
    x_t = q_sample(x0, t, eps, schedule)
    return x_t, eps, exact_model(x_t, t)


def errors(model):
    """The loss, and the squared error with respect to the best prediction, at each t probed."""
    both = []
    for t, (x, eps, exact) in probes.items():
        guess = model(x, np.full(len(x), t))
        both.append([np.mean((eps - guess) ** 2), np.mean((guess - exact) ** 2)])
    return np.array(both).T


# %%
rng = lesson.rng("probes")
probed = np.arange(1, T + 1, 20 if lesson.quick else 1)
probes = {t: probe(t, lesson.size(2000), rng) for t in probed}
best, _ = errors(exact_model).mean(axis=1)
_, ring_excess = errors(model)
reached = np.mean(history["loss"][-len(history["loss"]) // 10 :])

# %%
fig, ax = plot.figure(size=(5.4, 3.2))
plot.curves(
    {"loss on the ring": history["loss"]},
    ax=ax,
    smooth=100,
    reference={"best possible": float(best)},
)

# %%
lesson.figure(
    fig,
    "loss",
    "The loss in training (blue, with its mean over 100 steps) and the best loss (dashed). Look at "
    "where the curve becomes flat.",
)
lesson.outcome(
    f"The best loss is {best:.3f}, because many pairs of data and noise lead to the same x_t, and "
    "one prediction cannot be right for all of them. In the last tenth of training the loss is "
    f"{reached:.3f}.",
    answer="more than 0, less than 1" if 0 < best < 1 else "0",
)

# %% [markdown]
# The best prediction for a point is the mean of all noises that could be in it,
# $\mathbb{E}[\epsilon \mid x_t]$. The variance around this mean remains as the loss. For the ring
# we can compute this mean. Each mode is a Gaussian, so each has its own formula for the mean noise,
# and the eight are weighted by the probability that $x_t$ came from this mode. (Section 4 of
# `diffusion/03`, which you may have skipped, writes it with the score.) We can therefore measure
# what the loss hides, the squared error with respect to the best prediction. For comparison we also
# judge a prediction of no noise. The other rival is the best prediction for a single Gaussian with
# the ring's mean 0 and covariance $\mathbf{I}$.


# %%
def for_one_gaussian(x, t):  # whose x_t is N(0, I) at every t
    return np.sqrt(1 - schedule.alpha_bar[t]).reshape(-1, 1).astype(x.dtype) * x


models = {
    "no noise (untrained)": lambda x, t: 0 * x,
    "best for one Gaussian": for_one_gaussian,
    "network": model,
    "best possible": exact_model,
}

# %%
lesson.table(
    [[name, *errors(one).mean(axis=1)] for name, one in models.items()],
    ["prediction", "loss", "squared error"],
    "the ring, averages over all t",
)
lesson.claim(
    "ring: mean square of the learned minus the exact mean of the noise",
    np.mean(ring_excess),
    at_most=0.001,
    source="seeds 0, 1, 2031: worst 0.0004, by a factor of 2.5; best for one Gaussian: 0.09",
)

# %% [markdown]
# By its loss, the single Gaussian comes close. Its squared error, however, is hundreds of times as
# large as the network's. A loss of 0.19 may therefore be nearly perfect, and nothing in the number
# shows it.
#
# We now have a network that finds the noise in a point, as far as it can be found. How do we turn
# it into data?
#
# ## 3. From noise back to data
#
# Why not subtract all of the predicted noise at once? The trouble is that the prediction is a mean,
# which makes the data that it implies a mean, too. Pure noise could have come from any mode, so
# from every $x_T$ the implied data are the mean of the whole ring. That is its center, where there
# are no data at all.
#
# Therefore we go back in small steps. A short step back is nearly a Gaussian (`diffusion/03`), so a
# mean and a little noise are enough for it. Each step subtracts only a part of the predicted noise,
# as in Eq. diffusion.13, and the draw around the mean adds fresh noise. This is Algorithm 2, the
# right half of the figure in the post:
#
# ```text
# x_T from N(0, I)
# for t = T, ..., 1:
#     z from N(0, I) if t > 1, else z = 0
#     x_{t-1} = (x_t − (1 − α_t)/√(1 − ᾱ_t) ε_θ(x_t, t)) / √α_t + σ_t z
# return x_0
# ```
#
# In words, predict the noise, go to the mean, add noise again, and leave it out in the last step,
# because its result should be data. The covariance of a step is $\Sigma_\theta = \sigma_t^2\,
# \mathbf{I}$, and we take $\sigma_t^2 = \beta_t$. (The other usual choice is $\tilde\beta_t$ of
# `diffusion/03`. Section 7 compares them.)

# %%
lesson.exercise("diffusion/04/ancestral_step")

# %%
lesson.show_source(ancestral_step)

# %% [markdown]
# The whole sampler is a loop. Its step is an argument, so that we can replace it with a wrong one
# in section 4. (`schedule.times[i]` is the step number with which the network was trained. Here it
# is `i`, but a schedule of fewer, longer steps keeps the old numbers.)


# %%
def reverse_chain(step, model, schedule, x, rng):
    for i in range(schedule.T, 0, -1):
        guess = model(x, np.full(len(x), schedule.times[i]))
        x = step(x, i, guess, rng.standard_normal(x.shape, dtype=x.dtype), schedule)
    return x


start = lesson.rng("start").standard_normal((lesson.size(2000, quick=50), 2), dtype=np.float32)
drawn = reverse_chain(ancestral_step, model, schedule, start, lesson.rng(f"wrong {T}"))

# %% [markdown]
# Does the reverse process pass through the same distributions as the forward process? First we
# look. We noise data for $t$ steps, and draw them above the samples that have reached $t$. Then we
# measure four things. Two are the fraction of samples within three standard deviations of a mode,
# and the fraction at the most frequent mode (an eighth in the data). The third is the standard
# deviation of all coordinates, which is 1 in the data. The finest is the sliced Wasserstein
# distance from new data. It projects two sets of points onto many lines, sorts them along each, and
# takes the mean distance of the pairs (`gan/10`). Divided by its *floor*, the distance between two
# sets of data, it is near 1 for perfect samples.

# %%
path, rng = Trajectory(times=[200, 40, 20, 8, 0]), lesson.rng("forward")
ancestral(model, start, schedule, lesson.rng("path"), on_step=path)
fig, axes = plot.figure(2, len(path.times), size=(2.2, 2.2))
for k, (t, state) in enumerate(zip(path.times, path.states)):
    data = ring.sample(rng, len(start))
    noised = q_sample(data, t, rng.standard_normal(data.shape, dtype=np.float32), schedule)
    plot.samples(noised, ax=axes[0, k], bounds=3, color=plot.color.real, title=f"t = {t}")
    plot.samples(state, ax=axes[1, k], bounds=3)
stops = np.unique((T * np.linspace(0, 1, 33) ** 3).round())  # more of them near the data
trajectories = []
for variance in ("beta", "posterior"):
    film = Trajectory(times=stops)
    ancestral(model, start[:500], schedule, lesson.rng("path"), variance, on_step=film)
    trajectories.append(film.states)

# %%
axes[0, 0].set_ylabel("data with noise")
axes[1, 0].set_ylabel("samples")
lesson.figure(
    fig,
    "forward_and_back",
    "Above, data after t steps of noise (blue). Below, samples that have reached the same t on "
    "their way back (orange). Compare the two panels of each column.",
)

# %%
lesson.play(
    "reverse",
    {"variance": ["β, the larger", "posterior, the smaller"], "t": film.times},
    points=trajectories,
    truth=ring.sample(lesson.rng("shown truth"), 500),
    bounds=3,
    time="t",
    caption="500 samples (orange) between noise and the ring (blue). Look for the t at which the "
    "ring appears, and the t at which it splits into eight.",
)

# %%
repeats = lesson.size(40, quick=2)


def distance(a, b):
    """The sliced Wasserstein distance, in the same 100 directions for all sets."""
    return sliced_wasserstein(a, b, 100, lesson.rng("directions"))


@functools.cache
def floor(n):
    """The mean distance of two sets of n points of the data."""
    rng = lesson.rng("floor")
    return sampling_floor(distance, ring.sample, n, rng, repeats=repeats).mean


def over_floor(x, n, rng):
    """Mean distance of n of the samples x, chosen again each time, to new data, over its floor."""
    some = [rng.choice(x, n, replace=False) for _ in range(repeats)]
    return np.mean([distance(part, ring.sample(rng, n)) for part in some]) / floor(n)


# %%
header = ["near a mode", "most frequent mode", "std", "distance / floor"]


def measures(x):
    """Fractions near a mode and at the most frequent one, standard deviation, distance / floor."""
    squares = np.sum((x[:, None] - ring.modes) ** 2, axis=2)  # (N, 8)
    nearest = np.argmin(squares, axis=1)
    frequent = np.bincount(nearest).max() / len(x)
    near = mode_coverage(x, ring.modes, ring.std).high_quality
    far = over_floor(x, len(x), lesson.rng("far"))
    return near, frequent, float(x.std()), far


def as_row(near, frequent, std, far):
    """The measures as the tables show them."""
    fractions = [f"{near:.1%}", f"{frequent:.1%}"]
    return [*fractions, f"{std:.2f}", f"{far:.1f}"]


# %%
n = len(start)
real = ring.sample(lesson.rng("real"), n)
moments = real.mean(axis=0), numpy.cov(real.T)
gaussian = lesson.rng("one Gaussian").multivariate_normal(*moments, n)
untrained = EpsMLP(lesson.rng("ring"), width=cfg.width, layers=4)
of_untrained = ancestral(untrained, start, schedule, lesson.rng(f"wrong {T}"))
clouds = {
    "data": real,
    "DDPM": drawn,
    "one Gaussian": gaussian.astype(np.float32),
    "untrained network": of_untrained,
}
rows = [[name, *as_row(*measures(x))] for name, x in clouds.items()]
lesson.table(rows, ["samples", *header])

# %%
lesson.check(
    "one jump from pure noise, exact: largest coordinate",
    np.abs(predict_x0_from_eps(start, T, exact_model(start, T), schedule)).max(),
    at_most=0.05,
)
lesson.check(
    "our loop minus the package's sampler",
    np.abs(drawn - ancestral(model, start, schedule, lesson.rng(f"wrong {T}"))).max(),
    at_most=1e-5,
)

# %% [markdown]
# The two panels of each column agree. For most of the chain nothing seems to happen. Then the ring
# appears, and late in the chain its modes. Nearly all samples lie near a mode at the end, and no
# mode is much more frequent than the others. The single Gaussian has the right mean and covariance,
# and fewer than a tenth of its samples near a mode. The untrained network predicts no noise, so
# that each step magnifies the point and then adds fresh noise to it.
#
# To sample, we subtract noise and add noise, two hundred times. It is tempting to leave out the
# second half of that.
#
# ## 4. Two mistakes
#
# Does Algorithm 2 need all of its parts? Here are two mistakes that look harmless in code. In the
# first, the last step adds noise $\sigma_1 z$ like any other step. In the second, no step adds
# fresh noise, as if noise could only make samples noisy. We make both with all 200 steps, and with
# 20 steps that are ten times as long. (The network is the same, and is evaluated at every tenth
# $t$.)

# %%
lesson.predict(
    "With 20 long steps, which samples have the larger distance from the data?",
    ["with noise at the end", "with no noise at all", "neither differs from the right sampler"],
)


# %%
def noise_at_the_end(x, t, eps, z, schedule):
    """The first mistake: the last step is a step like any other."""
    mean = mean_from_eps(x, t, eps, schedule)
    return (mean + np.sqrt(schedule.beta[t]) * z).astype(np.float32)


def never_noise(x, t, eps, z, schedule):
    """The second mistake: each step leads to the mean."""
    return mean_from_eps(x, t, eps, schedule)


# %%
short = schedule.subset(spaced_timesteps(T, 20))  # 20 long steps instead of 200
variants = {
    "right": (ancestral_step, model),
    "with noise at the end": (noise_at_the_end, model),
    "with no noise at all": (never_noise, model),
    "with no noise, exact predictions": (never_noise, exact_model),
}

result = {}
for label, (step, eps_model) in variants.items():
    for process in (schedule, short):
        stream = "wrong, exact," if eps_model is exact_model else "wrong"
        rng = lesson.rng(f"{stream} {process.T}")
        result[label, process.T] = reverse_chain(step, eps_model, process, start, rng)

found = {key: measures(x) for key, x in result.items()}
right, end, never, _ = (found[label, 20] for label in variants)

# %%
lesson.table([[*key, *as_row(*row)] for key, row in found.items()], ["sampling", "steps", *header])

# %%
lesson.outcome(
    f"Without fresh noise the distance is {never[-1]:.1f} floors, with noise at the end "
    f"{end[-1]:.1f}, and with the right sampler {right[-1]:.1f}.",
    answer="neither differs from the right sampler"
    if max(end[-1], never[-1]) < 1.5
    else "with noise at the end"
    if end[-1] > never[-1]
    else "with no noise at all",
)

# %%
fig, axes = plot.figure(1, 3)
for ax, label in zip(axes, variants):
    plot.samples(result[label, 20], ring, ax, title=f"{label}, 20 steps", bounds=2.4)
lesson.figure(
    fig,
    "wrong_turns",
    "2,000 samples each (orange) over the density of the data (blue). Compare the width of the "
    "modes, and how many of them have samples.",
)

# %%
lesson.check(
    "σ₁ / width of a mode, 200 and 20 steps",
    np.sqrt([schedule.beta[1], short.beta[1]]) / ring.std,
    equals=[0.317, 2.337],
    atol=1e-3,
)

# %%
lesson.claim(
    "right sampler, 20 steps: distance / floor",
    right[-1],
    at_most=2.2,
    source="seeds 0, 1, 2031: 1.2 to 1.3, from one set of 2,000, plus two thirds",
)
lesson.claim(
    "20 steps: distance, no noise / right",
    never[-1] / right[-1],
    at_least=6,
    source="seeds 0, 1, 2031: 15 to 24, minus three fifths",
)

# %%
lesson.claim(
    "20 steps: fraction near a mode, right sampler minus noise at the end",
    right[0] - end[0],
    at_least=0.2,
    source="seeds 0, 1, 2031: 0.39 to 0.41, halved",
)
lesson.claim(
    "no noise, exact predictions: fraction at the most frequent mode",
    found["with no noise, exact predictions", 20][1],
    at_most=0.165,
    source="theory: an eighth; five standard errors",
)

# %% [markdown]
# Noise at the end is a common mistake, and hard to see. With all 200 steps $\sigma_1$ is a third of
# the width of a mode, and the table hardly shows it. With 20 steps it is more than twice the width,
# and the modes are blurred.
#
# The second mistake has two effects. The rows with exact predictions show the first one by itself.
# Each step leads to an average, an average is less spread out than what it averages, and the ring
# becomes too small. The second effect needs the errors of a network. Points that are less spread
# out may be rare in its training. Whatever the reason, with the network far too many samples end at
# one mode. With 200 steps nearly all of them lie near a mode, so that each one looks perfect. And
# yet, in the recorded run, their distance from the data is even larger than with 20 steps.

# %%
lesson.change(
    "half of the noise",
    "Add half of the fresh noise: change the line of `never_noise` to `return mean_from_eps(x, t, "
    "eps, schedule) + np.float32(schedule.beta[t] ** 0.5 / 2) * z`, and run again. What is the "
    "standard deviation with exact predictions now?",
    answer="It lies in between. With 20 steps it is about 0.98, compared with 0.85 without noise "
    "and 1 in the data. With 200 steps it is 0.99, compared with 0.97 without noise. Each step "
    "leads to a mean, which is less spread out than the points that it averages, and half of the "
    "noise restores a part of what is lost.",
)

# %% [markdown]
# Fresh noise is not a decoration. With these steps it restores the spread that the means lose.
# (`diffusion/10` has steps of another form, which need none.) That is all of the method. But what
# does our loss have to do with the density of the data?
#
# ## 5. What has become of the likelihood?
#
# We have minimized a plain squared error, but a model of data is usually judged by its likelihood.
# Are the two related? Section 5 of `diffusion/03`, which you may have skipped, derives a bound: the
# mean of $-\log p_\theta(x_0)$ is at most a sum with a term for each reverse step. Each term is a
# KL divergence, except that of the last step, which is a log-density. (A first term, $L_T$, has no
# parameters.) Each divergence compares two Gaussians, the step with known data and the model's step
# with variance $\sigma_t^2$. For two Gaussians with fixed variances, the KL divergence depends on
# the means only through their squared distance, divided by twice the variance of the second, here
# $2\sigma_t^2$. The rest is a constant. One mean is Eq. diffusion.08 with the noise, the other is
# Eq. diffusion.13 with the prediction, and $x_t$ cancels in their difference. What remains is a
# multiple of the squared error of the noise. Which multiple?

# %%
lesson.exercise("diffusion/04/bound_weight")

# %% [markdown]
# The difference of the two means is
#
# $$\tilde\mu_t - \mu_\theta = -\frac{1 - \alpha_t}{\sqrt{\alpha_t}\, \sqrt{1 - \bar\alpha_t}}\,
# (\epsilon_t - \epsilon_\theta) .$$
#
# We square its length and divide by $2\sigma_t^2$ (Eq. diffusion.14, for $\Sigma_\theta =
# \sigma_t^2\, \mathbf{I}$):
#
# $$L_t = \mathbb{E}_{x_0,\, \epsilon} \Big[ \frac{1}{2 \sigma_t^2}\, \lVert \tilde\mu_t(x_t, x_0) -
# \mu_\theta(x_t, t) \rVert^2 \Big] = \mathbb{E}_{x_0,\, \epsilon} \Big[ \frac{(1 - \alpha_t)^2}{2
# \sigma_t^2\, \alpha_t (1 - \bar\alpha_t)}\, \lVert \epsilon_t - \epsilon_\theta(x_t, t) \rVert^2
# \Big] .$$
#
# In words, a step's term of the bound is our loss times a weight. (The log-density of the last step
# is a squared distance over $2\sigma_1^2$ as well, and has the same weight.) Where is this weight
# large, if $\sigma_t^2 = \beta_t$?

# %%
lesson.predict(
    "Where in the chain does an error of 1 in the predicted noise cost the most?",
    ["near the data, t near 1", "in the middle", "near pure noise, t near T"],
)

# %%
steps = np.arange(1, T + 1)
weight = bound_weight(steps, schedule, schedule.beta[steps])  # Eq. diffusion.14 with σ² = β
lesson.outcome(
    f"At t = 1 an error of 1 costs {weight[0]:.2f} nats, {weight[0] / np.median(weight):.0f} times "
    "the median over t, because the weight is nearly half of β_t/(1 − ᾱ_t), the part of the noise "
    "in x_t that comes from this one step. At t = 1 this is all of it.",
    answer="near the data, t near 1" if weight.argmax() < T // 10 else "near pure noise, t near T",
)

# %% [markdown]
# The simple loss gives every step the weight 1. Ho et al. found that “training the diffusion model
# works better with a simplified objective that ignores the weighting term”, as the post reports.
# The post writes the result as $L_\mathrm{simple} = L_t^\mathrm{simple} + C$ (Eq. diffusion.16). In
# words, it is the simple loss, up to a constant that does not depend on $\theta$.
#
# Here the choice of section 1 pays off. By Eq. diffusion.02 an error of $x_0$ is an error of the
# noise times $\sqrt{1 - \bar\alpha_t} / \sqrt{\bar\alpha_t}$. The bound therefore gives a squared
# error of $x_0$ the weight of the noise times $\bar\alpha_t / (1 - \bar\alpha_t)$.

# %%
of_x0 = weight * schedule.alpha_bar[steps] / (1 - schedule.alpha_bar[steps])

# %%
fig, ax = plot.figure(size=(5.4, 3.0))
plot.line(
    steps,
    {"squared error of the noise": weight, "squared error of x_0": of_x0},
    ax,
    log="y",
    xlabel="t",
    ylabel="weight in the bound, nats",
)
lesson.figure(
    fig,
    "weights",
    "The weight that the bound gives to a squared error of the noise (blue) and of the data "
    "(orange), at each t. A plain squared error would be a horizontal line. Look for the line that "
    "comes closer to it.",
)


# %%
lesson.check(
    "cost of an error of 1 in `vlb_term`, at every t, for x_0 = 0 without noise",
    vlb_term(lambda x, t: 0 * x + 1, np.zeros((T, 1)), steps, np.zeros((T, 1)), schedule)
    - vlb_term(lambda x, t: 0 * x, np.zeros((T, 1)), steps, np.zeros((T, 1)), schedule),
    equals=weight,
    atol=1e-9,
)
lesson.check(
    "largest / smallest weight, log10: noise, x_0",
    [np.log10(one.max() / one.min()) for one in (weight, of_x0)],
    equals=[1.296, 8.774],
    atol=1e-3,
)

# %% [markdown]
# The weights of the noise differ by a factor of 20, those of the data by a factor of 600 million.
# Dropping the weights is therefore a moderate change for a network that predicts the noise. For a
# network that predicts the data it makes another loss altogether. (Ho et al. tried the latter, and
# “found this to lead to worse sample quality early in our experiments”.) A loss that is closer to
# the bound need not give better samples, though. Compared with the bound, the simple loss gives
# less weight to the smallest $t$, where the noise is hardly visible. Ho et al. argue that the
# network can then focus on larger $t$, where denoising is harder. Section 8 trains with both
# losses, and with other targets.
#
# So far we know that our loss is the bound on the likelihood with other weights. Now we have all
# that we need for images.
#
# ## 6. Digits
#
# Do the two algorithms work in 784 dimensions? They stay the same. We replace the ring with MNIST,
# and the MLP with a U-Net (`diffusion/17`). It is a convolutional network that also computes
# features at 14×14 and 7×7 pixels, and it receives $t$ through the same sines and cosines. It
# receives no labels. The noise follows the cosine schedule, which keeps the digits visible for
# longer than the linear one does (`diffusion/01`, section 3). Here the package's `descend` makes
# the training step, on two threads (`parallel`).

# %%
by_cosine = Schedule.cosine(200)
rng = lesson.rng("digits")
batch = lesson.size(64, quick=8)
drawings = mnist.splits().train.images[: lesson.size(50_000, quick=2000)]
batches = mnist.batches(drawings, size=batch, rng=rng)
unet = UNet(rng, width=lesson.size(32, quick=8), global_mlp=lesson.size(512, quick=32))


def noisy_digits(rng):
    x0 = mnist.symmetric(next(batches)[0])  # (N, 28, 28, 1) in [-1, 1]
    t = rng.integers(1, by_cosine.T + 1, batch)  # (N,)
    return x0, t, rng.standard_normal(x0.shape, dtype=np.float32)


# %%
def digit_loss(model, x0, t, eps):
    return simple_loss(model, x0, t, eps, by_cosine)


mnist_steps = lesson.steps(4000, quick=2)
lr = cosine(2e-3, mnist_steps, warmup=min(50, mnist_steps))
step = descend(digit_loss, unet, noisy_digits, lr=lr, ema=0.999, rng=rng, parallel=True)
lesson.fit(step, mnist_steps, label="digits", state={**step.state, "batches": batches})

# %% [markdown]
# Sampling has three details. Pixels lie between $-1$ and 1, and `clipped` corrects a prediction
# whose implied data lie outside this range. To save time we take 100 steps, each twice as long
# (`strided`). And the variance of a step is the other usual choice, $\tilde\beta_t$. For these
# digits we did not compare the two.

# %%
network = clipped(parallel_call(step.averaged), by_cosine)  # two threads share each call
jumps = lesson.size(100, quick=5)


def digits_of(eps_model, rng, n):
    """n digits (n, 28, 28, 1) in [0, 1]."""

    def some(noise):
        return strided(eps_model, noise, by_cosine, jumps, rng, "posterior")

    noise = rng.standard_normal((n, 28, 28, 1), dtype=np.float32)
    x = batched(some, noise, size=250, progress="digits")
    return (x.clip(-1, 1) + 1) / 2


# %%
def draw(rng, n):
    return digits_of(network, rng, n)


lesson.sampler("digits", draw)
digits = draw(lesson.rng("draw"), lesson.size(5000, quick=10))
lesson.figure(
    plot.image_grid(digits[:100], cols=10, limits=(0, 1)),
    "digits",
    "One hundred samples, not chosen. Count the digits that you can read.",
)

# %% [markdown]
# Most of them are digits, and some are only strokes. How does such a digit come about? We follow
# two samples from noise to digit, and compute at each stop the data that the predicted noise
# implies.

# %%
process = by_cosine.subset(spaced_timesteps(by_cosine.T, jumps))
path = Trajectory(times=[round(jumps * share) for share in (1, 0.8, 0.6, 0.4, 0.2, 0.1, 0)])
noise = lesson.rng("watched").standard_normal((2, 28, 28, 1), dtype=np.float32)
ancestral(network, noise, process, lesson.rng("watched"), "posterior", on_step=path)


def with_implied(i, x):
    """x_t, and below it the data that the predicted noise implies; at the end they are blank."""
    t = np.full(len(x), process.times[i])
    guess = network(x, t) if i > 0 else 0 * x
    implied = predict_x0_from_eps(x, i, guess, process)
    return np.stack([x, implied], axis=1)


pairs = [with_implied(i, x) for i, x in zip(path.times, path.states)]
stages = np.stack(pairs, axis=2).reshape(-1, 28, 28)
columns = [f"t = {process.times[i]}" for i in path.times]

# %%
lesson.figure(
    plot.image_grid(
        stages,
        cols=len(pairs),
        limits=(-1, 1),
        row_labels=["x_t", "implied x_0"] * 2,
        col_labels=columns,
    ),
    "path",
    "Two samples on their way, and below each x_t the data that its predicted noise implies. Look "
    "for the t at which the implied data become one digit.",
)

# %% [markdown]
# By section 3 the exact prediction would imply the mean of all digits in the first column. The
# network's small error hides it, because the error is multiplied by a large factor there. From then
# on the implied data are a soft mean of digits, which becomes sharper as $x_t$ leaves fewer digits
# possible.
#
# A few images prove little, and the eye is easily pleased. How good are all five thousand? A
# classifier that comes with the package (`gan/08`) computes 64 features of an image. We fit one
# Gaussian to the features of the samples and another to those of the test digits. The *Fréchet
# distance* between the two Gaussians is small if their means and covariances agree, and images that
# are not digits, or lack a class, usually change them. For scale we judge real digits of the
# training set and three trivial models. These are pixels drawn from a Gaussian for each class,
# uniform noise, and our sampler with the untrained U-Net.

# %%
classifier = lesson.pretrained("digit_classifier")
test = mnist.unit(mnist.splits().test.images[: lesson.size(10_000, quick=200)])
n, train_set = len(digits), mnist.splits().train
real = mnist.unit(train_set.images[: max(n, 200)])
rng = lesson.rng("judge")
gaussians, _ = class_gaussian_digits(real, train_set.labels[: len(real)], rng, n)
no_noise = clipped(lambda x, t: 0 * x, by_cosine)  # as a new U-Net predicts
sets = {
    "real digits": real[:n],
    "DDPM": digits,
    "a Gaussian for each class": gaussians,
    "noise": rng.random((n, 28, 28, 1), dtype=np.float32),
    "untrained U-Net": digits_of(no_noise, lesson.rng("untrained"), n),
}
reports = {label: judge_digits(classifier, x, test) for label, x in sets.items()}

# %%
lesson.table(
    [
        [
            label,
            report.frechet,
            f"{report.confidence:.0%}",
            " ".join(f"{100 * share:.0f}" for share in report.shares),
        ]
        for label, report in reports.items()
    ],
    ["images", "Fréchet distance", "confidence", "% of 0, 1, ... 9"],
)

# %%
lesson.claim(
    "Fréchet distance of 5,000 samples to the test digits",
    reports["DDPM"].frechet,
    at_most=40,
    source="seeds 0, 1, 2031: 27 to 30, plus a third",
)
lesson.claim(
    "fraction of the rarest digit",
    reports["DDPM"].shares.min(),
    at_least=0.06,
    source="MNIST: 0.09; seeds 0, 1, 2031: 0.09; minus a third",
)

# %% [markdown]
# The DDPM's digits are much closer to real ones than the Gaussians are, but the real digits of the
# first row show how much room is left. All ten classes occur about equally often. Do not trust the
# confidence, the mean probability that the classifier assigns to its answer. It is even higher for
# noise, nearly all of which is taken for an 8.
#
# Nothing about this model was adversarial, invertible or encoded. It is a regression, applied a
# hundred times. With labels its digits become better (`diffusion/09`).
#
# ## 7. How close, and how wide?
#
# *You may skip this section, because the method does not depend on it. It is for readers who want
# to know which errors are the sampler's, and which the network's.*
#
# Samples have two sources of error, the sampler and the network. For the ring we can tell them
# apart, because we can sample with the exact mean of the noise. Sets of 1,000 points reveal only
# coarse errors, and sets of 20,000 reveal finer ones.
#
# Where does the sampler err? The tables have two variances of a step, $\beta_t$ (`beta`) and the
# smaller $\tilde\beta_t$ (`posterior`), and we measure how wide the modes become with each. Then we
# replace only the last step, which adds no noise, with a draw from the exact distribution of $x_0$
# given $x_1$.


# %%
few, many = lesson.size(1000, quick=25), lesson.size(20_000, quick=50)
rounds = lesson.size(4, quick=1)
points, judged = {}, {}


def draw_points(model, n, rng, process, variance="beta"):
    """n points by Algorithm 2, some at a time. Two threads share each call of the network."""
    shared = parallel_call(model)

    def some(noise):
        return ancestral(shared, noise, process, rng, variance)

    return batched(some, rng.standard_normal((n, 2), dtype=np.float32), size=2500)


def judge(name, variance, x, rng):
    """Keep samples, and their distances over the floor in sets of two sizes."""
    points[name, variance] = x
    judged[name, variance] = [over_floor(x, size, rng) for size in (few, many)]


# %%
for process, variance in ((schedule, "beta"), (schedule, "posterior"), (short, "beta")):
    name = f"ring, exact, {process.T} steps"
    rng = lesson.rng(f"{name}, {variance}")
    x = draw_points(exact_model, rounds * many, rng, process, variance)
    judge(name, variance, x, rng)
for variance in ("beta", "posterior"):
    rng = lesson.rng(f"judge ring {variance}")
    n = rounds * many if variance == "beta" else many
    judge("ring", variance, draw_points(model, n, rng, schedule, variance), rng)
rng, data = lesson.rng("one Gaussian, ring"), ring.sample(lesson.rng("fit"), many)
x = rng.multivariate_normal(data.mean(axis=0), numpy.cov(data.T), many).astype(np.float32)
judge("one Gaussian", "", x, rng)

# %%
lesson.table(
    [[*key, *both] for key, both in judged.items()],
    ["samples", "σ²", f"sets of {few:,}", f"sets of {many:,}"],
    "distance / floor",
)

# %%
fig, axes = plot.figure(1, 2)
shown = {"the network, 200 steps": "ring", "exact, 20 steps": "ring, exact, 20 steps"}
for ax, (title, name) in zip(axes, shown.items()):
    plot.samples(points[name, "beta"][:2000], ring, ax, title=title)
lesson.figure(
    fig,
    "samples",
    "2,000 samples with the variance β_t (orange) over the density of the data (blue). Look for "
    "samples between the modes, and compare the width of the modes.",
)


# %%
def width(x):
    """Standard deviation around the nearest mode, from the median distance, over the true one."""
    squares = np.min(np.sum((x[:, None] - ring.modes) ** 2, axis=2), axis=1)
    return np.sqrt(np.median(squares) / (2 * np.log(2))) / ring.std


def drawn_from(x1, process, rng):
    """x_0 given x_1, drawn: first its mode, then a point around it."""
    signal = np.sqrt(process.alpha_bar[1])
    noisy = signal**2 * ring.std**2 + 1 - signal**2  # the variance of a mode after one step
    off = x1[:, None] - signal * ring.modes  # (N, 8, 2)
    log_odds = -np.sum(off**2, axis=2) / (2 * noisy) + rng.gumbel(size=off.shape[:2])
    k = np.argmax(log_odds, axis=1)  # drawn, because of the Gumbel noise
    mean = ring.modes[k] + signal * ring.std**2 / noisy * off[np.arange(len(x1)), k]
    return mean + ring.std * np.sqrt((1 - signal**2) / noisy) * rng.standard_normal(x1.shape)


# %%
rows = []
for (name, variance), x in points.items():
    if name.startswith("ring, exact"):
        process = short if "20 steps" in name else schedule
        rng = lesson.rng(f"last step, {name}, {variance}")
        path = Trajectory(times=[1])
        noise = rng.standard_normal((many, 2), dtype=np.float32)
        ancestral(exact_model, noise, process, rng, variance, on_step=path)
        (x1,) = path.states
        rows.append([name, variance, width(x[:many]), width(drawn_from(x1, process, rng))])
    elif name == "ring":
        rows.append([name, variance, width(x[:many]), None])
header = ["samples", "σ²", "width", "width, last step drawn"]
lesson.table(rows, header, "width of the modes / the true one")

# %%
lesson.claim(
    f"ring, sets of {few:,}: / floor",
    judged["ring", "beta"][0],
    at_most=1.2,
    source="theory: 1; seeds 0, 1, 2031: 0.92 to 1.08",
)
lesson.claim(
    f"ring, sets of {many:,}: / floor",
    judged["ring", "beta"][1],
    at_most=1.66,
    source="seeds 0, 1, 2031: 1.12 to 1.25, plus a third",
)

# %%
lesson.claim(
    "ring, exact, 200 steps, beta: width",
    rows[0][2],
    between=(1.01, 1.1),
    source="seeds 0, 1, 2031: 1.04 to 1.06; standard error 0.01",
)
lesson.claim(
    "ring, exact, 200 steps, posterior: width",
    rows[1][2],
    between=(0.78, 0.9),
    source="seeds 0, 1, 2031: 0.84 to 0.85; standard error 0.01",
)

# %%
lesson.claim(
    "ring, exact, 20 steps, beta: width",
    rows[2][2],
    between=(0.64, 0.78),
    source="seeds 0, 1, 2031: 0.70; standard error 0.01",
)

# %% [markdown]
# In sets of 1,000 our samples cannot be distinguished from data by this distance. In larger sets
# the sampler itself is close to the floor with $\beta_t$ and 200 steps, further away with
# $\tilde\beta_t$, and still further with 20 steps. The network adds little to this. In the recorded
# run its distance is 0.2 above that of the exact prediction with $\beta_t$, and 0.1 below it with
# $\tilde\beta_t$.
#
# With 20 long steps some samples are left between the modes. The modes are far too narrow, and the
# last step is the cause. It returns a mean, and a mean varies less than the points behind it. If we
# draw $x_0$ instead, the modes are a little too wide. With 200 steps and the smaller variance they
# are too narrow as well, and most of that remains if $x_0$ is drawn. There the variances of the
# other steps are to blame. ($\beta_t$ is exact for data as wide as the noise, and $\tilde\beta_t$
# for data at a single point.)
#
# ## 8. What if the network learned something else?
#
# *You may skip this section, because it changes nothing in the method. It is for readers who ask
# whether the noise is the best target.*
#
# Section 1 left two candidates behind, and there are more. A network can learn the data $x_0$. It
# can learn the score $-\epsilon / \sqrt{1 - \bar\alpha_t}$, which is the gradient of the
# log-density of $x_t$ (`diffusion/05`). And it can learn $v = \sqrt{\bar\alpha_t}\; \epsilon -
# \sqrt{1 - \bar\alpha_t}\; x_0$, which is nearly the noise at small $t$ and nearly $-x_0$ at large
# $t$ (Salimans and Ho, 2022). Each of them implies the noise, and each best prediction implies the
# same one, $\mathbb{E}[\epsilon \mid x_t]$. The weights of the bound do not change the best
# prediction either. The choice can matter only because a network of limited size and training
# reaches this best prediction at some $t$ and not at others.
#
# How much does a squared error of the noise count in the plain loss of each target? For the noise
# it counts 1, for $x_0$ it counts $(1 - \bar\alpha_t) / \bar\alpha_t$, for $v$ it counts $1 /
# \bar\alpha_t$, and for the score $1 / (1 - \bar\alpha_t)$. We train the same network for as many
# steps with each of them, and with the squared error of the noise weighted as in the bound.

# %%
implied_noise = {  # the target, and the noise that a prediction of it implies
    "the data x_0": (lambda x0, t, eps: x0, lambda x, t, f: eps_from_x0(x, t, f, schedule)),
    "v": (
        lambda x0, t, eps: v_from_x0_eps(x0, t, eps, schedule),
        lambda x, t, f: eps_from_v(x, t, f, schedule),
    ),
    "the score": (
        lambda x0, t, eps: score_from_eps(eps, t, schedule),
        lambda x, t, f: eps_from_score(f, t, schedule),
    ),
}


# %%
def bound(model, x0, t, eps):
    """Eq. diffusion.14, up to a constant factor."""
    squares = np.mean((eps - model(q_sample(x0, t, eps, schedule), t)) ** 2, axis=1)
    relative = (weight / weight.mean())[t - 1].astype(x0.dtype)
    return np.mean(relative * squares)


def plain(target):
    """The mean squared error of a prediction of this target."""

    def loss(model, x0, t, eps):
        return np.mean((target(x0, t, eps) - model(q_sample(x0, t, eps, schedule), t)) ** 2)

    return loss


# %%
lesson.predict(
    "Which of the other four networks is farthest from the exact mean of the noise, on average "
    "over all t?",
    ["the one with the weights of the bound", *(f"the one that learns {k}" for k in implied_noise)],
)

# %%
learners = {"the noise": model}
learners["the noise, bound"], _ = train("ring, bound", bound, training_steps)
for name, (target, noise_of) in implied_noise.items():
    net, _ = train(f"ring, {name}", plain(target), training_steps)
    learners[name] = lambda x, t, net=net, noise_of=noise_of: noise_of(x, t, net(x, t))

# %%
price = weight[probed - 1] * 2 * T / len(probed)  # nats, for the sum over steps and dimensions
early, late = probed <= T // 10, probed > T // 2
excess, learned = {"nothing (untrained)": errors(models["no noise (untrained)"])[1]}, {}
excess["one Gaussian, exactly"] = errors(for_one_gaussian)[1]
for name, net in learners.items():
    excess[name] = errors(net)[1]
    rng = lesson.rng("judge ring beta")  # the same noise for all
    try:
        learned[name] = over_floor(draw_points(net, many, rng, schedule), many, rng)
    except ValueError:  # a chain ran away from the data, to numbers that are not finite
        learned[name] = float("inf")

# %%
rows = []
for name, error in excess.items():
    parts = [np.mean(error), np.mean(error[early]), np.mean(error[late])]
    rows.append([name, *parts, np.sum(price * error), learned.get(name)])
header = ["learned", "squared error", "t up to 20", "t above 100", "nats added"]
lesson.table(rows, [*header, f"sets of {many:,}: / floor"])

# %%
others = [name for name in learners if name != "the noise"]
worst = max(range(len(others)), key=lambda k: np.mean(excess[others[k]]))
ratios = [np.mean(excess[name]) / np.mean(excess["the noise"]) for name in others]
lesson.outcome(
    "Compared with the network of section 2 the squared error is "
    + ", ".join(f"{ratio:.1f} times as large for {name}" for name, ratio in zip(others, ratios))
    + ".",
    answer=lesson.predictions[-1].choices[worst],
)

# %%
fig, ax = plot.figure(size=(5.4, 3.4))
plot.line(
    probed,
    {name: excess[name] for name in learners},
    ax,
    log="y",
    xlabel="t",
    ylabel="squared error of the implied noise",
)
lesson.figure(
    fig,
    "targets",
    "The squared error of the implied noise with respect to its exact mean, for each of the five "
    "networks. Look for the networks that are low at the left end, and for those that are low at "
    "the right end.",
)

# %%
for name in ("the noise", "the noise, bound"):
    lesson.claim(
        f"{name}: nats added to the bound",
        np.sum(price * excess[name]),
        at_most=0.036,
        source="seeds 0, 1, 2031: the noise up to 0.013, the bound up to 0.018; doubled",
    )
lesson.claim(
    "x_0: squared error of the implied noise",
    np.mean(excess["the data x_0"]),
    between=(0.003, 0.05),
    source="seeds 0, 1: 0.0075, 0.0116, by a factor of 2.5; one Gaussian: 0.088",
)

# %%
lesson.claim(
    "v: squared error of the implied noise",
    np.mean(excess["v"]),
    at_most=0.001,
    source="seeds 0, 1: 0.00028, 0.00027, by a factor of 3.5; one Gaussian: 0.088",
)
lesson.claim(
    f"v, sets of {many:,}: / floor",
    learned["v"],
    at_most=1.66,
    source="seeds 0, 1: 0.97, 1.31; the bar is that of the noise",
)

# %% [markdown]
# The errors follow the weights. In the loss for $x_0$ an error of the noise at $t = 1$ counts
# 0.0005, and nearly all of that network's error is at small $t$. It adds more than a nat to the
# bound, and its samples have the largest distance. The loss for the score counts an error at $t =
# 1$ two thousand times as much as one at $t = T$, and that network is the worst of the five at
# large $t$. In the recorded run its samples do not suffer. But with seed 1 one of its chains runs
# away from the data to infinity, which no other network's does.
#
# $v$ counts an error of the noise at least once at every $t$. It is as good as the noise near the
# data, and far better at large $t$. (That is less than it seems, because at large $t$ the ring is
# nearly a single Gaussian, and the row of the Gaussian is as good.) The noise is therefore not the
# best target here. It is good at every $t$, it is simple, and it came first. Many later models
# learn $v$, for instance in `diffusion/11`.
#
# The weights of the bound change little here. In the recorded run the network that was trained with
# them even has the worse bound, and it is ahead only at the smallest $t$, where its weight is
# largest. With images Ho et al. found a trade-off. Training with the bound gave them the better
# code length (3.70 against 3.75 bits per dimension on CIFAR-10), and the simple loss the better
# samples (FID 3.17 against 13.51). In the plane we see no such trade-off. (`diffusion/07` trains
# with the bound on digits, and draws the steps by their weight.)
#
# ## What this lesson does differently
#
# - The post's losses have the squared length of the error. Ours are means over the coordinates,
#   which changes the loss by the factor $1/D$ and Adam's steps not at all.
# - We sample from a moving average of the weights. Ho et al. do so, too, but their algorithm does
#   not show it.
# - Our ring has 200 steps instead of 1000. The digits have the cosine schedule, and their sampler
#   takes 100 of its 200 steps, with the implied data clipped and the variance $\tilde\beta_t$.
# - We leave out the likelihood of the digits (`diffusion/07`).
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - In Eq. diffusion.14 the post divides by $2 \lVert \Sigma_\theta \rVert_2^2$. For $\Sigma_\theta
#   = \sigma_t^2\, \mathbf{I}$ the spectral norm gives $2\sigma_t^4$, but the KL divergence has
#   $2\sigma_t^2$ (checked in section 5).
# - The $L_t$ of Eq. diffusion.14 is the KL divergence of the step from $x_t$. In Eq. diffusion.12
#   that term is called $L_{t-1}$.
# - “$\mathbf{x}_{t-1} = \mathcal{N}(\mathbf{x}_{t-1}; \ldots)$” in Eq. diffusion.13: $x_{t-1}$ is
#   *drawn from* that Gaussian.
# - “make it predict $\boldsymbol{\epsilon}_t$ from the input $\mathbf{x}_t$ at time step $t$”: the
#   index suggests the noise that step $t$ adds, which the post calls $\boldsymbol{\epsilon}_{t-1}$.
#   Here $\epsilon_t$ is all of the noise in $x_t$.
# - “The final simple objective is” $L_t^\text{simple} + C$: an average over $t$ has no index $t$,
#   and a constant does not change the minimum.
#
# ## To remember
#
# - Training is a regression. Add noise, and predict it from $x_t$ and $t$.
# - The best prediction is a mean. The loss does not reach 0, and one jump does not reach the data.
# - Each step back subtracts a part of the noise, and every step but the last adds fresh noise.
# - The loss is the bound without its weights.
#
# **Next:** the mean of the noise is a multiple of the score. Can we learn scores without a
# diffusion process? (`diffusion/05`)
#
# **Your turn:** `minigen exercise start diffusion/04`, then `minigen run diffusion/04 --with
# exercises/diffusion_04.py`.

# %%
lesson.finish()
