# %% [markdown]
# # Denoising diffusion probabilistic models (DDPM)
#
# The sections *Parameterization of $L_t$ for Training Loss* (diffusion.s05) and *Simplification*
# (diffusion.s06) of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/), with their two
# algorithms (figure f04): first in the plane, then on digits. In this lesson:
#
# 1. Training: add noise to an example, let a network predict that noise from the noisy example and
#    the time step, and minimize the squared error.
# 2. Sampling: each reverse step subtracts a part of the predicted noise and adds fresh noise.
# 3. The variational bound gives the squared errors of each step a weight of their own. The simple
#    loss drops these weights. Both losses have the same minimizer, the mean of the noise given
#    $x_t$.
#
# Needed: the forward process (`diffusion/01`) and the reverse process (`diffusion/03`).

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
    minutes=11,
    picture="digits",
    sources=["weng2021diffusion", "ho2020ddpm"],
)

# %%
import functools

import autograd.numpy as np

from minigen import plot
from minigen.data import mnist, toy
from minigen.diffusion.ddpm import mean_from_eps, predict_x0_from_eps, q_sample, simple_loss
from minigen.diffusion.exact import exact_eps_model
from minigen.diffusion.likelihood import bound_weight, vlb_term
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.diffusion.networks.unet import UNet
from minigen.diffusion.samplers import Trajectory, ancestral, ancestral_step, clipped, strided
from minigen.diffusion.schedule import Schedule, spaced_timesteps

# %% [markdown]
# The first data set is a ring of eight narrow Gaussians. The schedule is that of Ho et al. (2020),
# in which $\beta_t$ grows linearly from $10^{-4}$ to 0.02 in 1000 steps. We shorten it to 200
# steps: each $\beta_t$ is five times as large, so that their sum is the same.

# %%
T = 200
schedule = Schedule.linear(T, 0.1 / T, 20 / T)
densities = {name: toy.get(name).standardized() for name in ("ring", "two_moons")}
ring = densities["ring"]

# %%
rng = lesson.rng("first look")
fig, axes = plot.figure(1, 4, size=(2.2, 2.2))
for ax, t in zip(axes, (0, 20, 60, T)):
    x0 = ring.sample(rng, 2000)
    noisy = q_sample(x0, t, rng.standard_normal(x0.shape, dtype=np.float32), schedule)
    plot.samples(noisy, ax=ax, bounds=3, color=plot.color.real, title=f"t = {t}")
caption = "A network will receive such points and their t, and predict the noise in each point."
lesson.figure(fig, "noisy_ring", caption)

# %% [markdown]
# ## 1. By hand, in two dimensions
#
# Take a forward process of two steps with $\beta = (0.1, 0.6)$. Then $\alpha = (0.9, 0.4)$ and
# $\bar\alpha_2 = 0.9 \cdot 0.4 = 0.36$. After both steps a point is (Eq. diffusion.02)
#
# $$x_2 = \sqrt{0.36}\; x_0 + \sqrt{0.64}\; \epsilon = 0.6\, x_0 + 0.8\, \epsilon .$$
#
# The data point is $x_0 = (1, -1)$, the noise that we draw is $\epsilon = (0.5, 0)$, so $x_2 = (1,
# -0.6)$. A network receives $x_2$ and $t = 2$, and predicts the noise $\hat\epsilon = (0.25, 0.5)$.
# In this package the loss is the *mean* of the squared errors, over examples and over dimensions.

# %%
lesson.predict(
    "What is the loss of this prediction?",
    ["0.156", "0.313", "0.559"],
)

# %%
lesson.exercise("diffusion/04/simple_loss")

# %%
tiny = Schedule([0.1, 0.6])
x0 = np.array([[1.0, -1.0]])
eps = np.array([[0.5, 0.0]])
x2 = q_sample(x0, 2, eps, tiny)
lesson.check("x_2", x2[0], equals=[1, -0.6])

# %%
guess = np.array([[0.25, 0.5]])


def always_the_same(x, t):
    """A "network" with one prediction for every input."""
    return guess


loss = simple_loss(always_the_same, x0, np.array([2]), eps, tiny)

# %%
lesson.outcome(
    f"{loss:.3f}: the errors are 0.25 and 0.5, and the mean of their squares is (0.0625 + 0.25)/2."
    " Their sum, 0.313, is the squared length of the error, which the post prints as"
    " Eq. diffusion.15. The length itself is 0.559.",
    answer="0.156",
)
lesson.check("loss of the prediction", loss, equals=0.15625)

# %% [markdown]
# A prediction of the noise is also a prediction of the data, because only one $x_0$ leads to $x_2$
# with this noise: $(x_2 - 0.8\, \hat\epsilon)/0.6$.

# %%
implied = predict_x0_from_eps(x2, 2, guess, tiny)
lesson.check("the implied data", implied[0], equals=[(1 - 0.2) / 0.6, (-0.6 - 0.4) / 0.6])

# %% [markdown]
# The prediction also fixes the mean of the reverse step. `diffusion/03` derives the mean
# $\tilde\mu_t(x_t, x_0)$ for known data (Eq. diffusion.07). The network receives $x_t$, so the
# noise is the only unknown in that mean. Insert the implied $x_0$: which coefficients do $x_t$ and
# $\hat\epsilon$ have?

# %%
lesson.exercise("diffusion/04/mean_from_eps")

# %%
mean = mean_from_eps(x2, 2, guess, tiny)
lesson.check("the mean of x_1", mean, equals=(x2 - 0.6 / 0.8 * guess) / np.sqrt(0.4))

# %% [markdown]
# For the noise that was drawn, the mean is Eq. diffusion.08. The model has its prediction in place
# of that noise, $\hat\epsilon = \epsilon_\theta(x_t, t)$ (Eq. diffusion.13):
#
# $$\mu_\theta(x_t, t) = \frac{1}{\sqrt{\alpha_t}}
#   \Big( x_t - \frac{1 - \alpha_t}{\sqrt{1 - \bar\alpha_t}}\, \epsilon_\theta(x_t, t) \Big),
#   \qquad\text{here}\qquad \frac{x_2 - (0.6/0.8)\, \hat\epsilon}{\sqrt{0.4}} .$$
#
# <details><summary>Derivation: the mean of the reverse step from the predicted noise</summary>
#
# Eq. diffusion.07 is $\tilde\mu_t = \frac{\sqrt{\alpha_t}\,(1 - \bar\alpha_{t-1})}{1 -
# \bar\alpha_t}\, x_t + \frac{\sqrt{\bar\alpha_{t-1}}\,\beta_t}{1 - \bar\alpha_t}\, x_0$. Insert
# $x_0 = (x_t - \sqrt{1 - \bar\alpha_t}\;\hat\epsilon) / \sqrt{\bar\alpha_t}$, with
# $\sqrt{\bar\alpha_{t-1} / \bar\alpha_t} = 1/\sqrt{\alpha_t}$. The factor of $x_t$ is
#
# $$\frac{\alpha_t (1 - \bar\alpha_{t-1}) + \beta_t}{(1 - \bar\alpha_t)\sqrt{\alpha_t}}
# = \frac{\alpha_t - \bar\alpha_t + 1 - \alpha_t}{(1 - \bar\alpha_t)\sqrt{\alpha_t}}
# = \frac{1}{\sqrt{\alpha_t}} ,$$
#
# and the factor of $\hat\epsilon$ is $-\frac{1}{\sqrt{\alpha_t}} \frac{\beta_t}{1 - \bar\alpha_t}
# \sqrt{1 - \bar\alpha_t} = -\frac{1}{\sqrt{\alpha_t}} \frac{1 - \alpha_t}{\sqrt{1 -
# \bar\alpha_t}}$.
#
# </details>
#
# The reverse step adds fresh noise $\sigma_t z$ to this mean. So the covariance of the step is
# $\Sigma_\theta = \sigma_t^2 I$, and we take $\sigma_t^2 = \beta_t$. The last step, from $t = 1$,
# leads to the data and adds no noise.

# %%
lesson.exercise("diffusion/04/ancestral_step")

# %%
z = np.array([[1.0, -1.0]])
step_back = ancestral_step(x2, 2, guess, z, tiny)
lesson.check("the step from t = 2 back to t = 1", step_back, equals=mean + np.sqrt(0.6) * z)
last_step = ancestral_step(x2, 1, guess, z, tiny)
lesson.check("the step from t = 1", last_step, equals=mean_from_eps(x2, 1, guess, tiny))

# %%
lesson.change(
    "the true noise",
    "Change `guess` to the true noise, `np.array([[0.5, 0.0]])`, and run again. Which data does "
    "it imply, and where is the mean of $x_1$?",
    answer="The data point itself, $(1, -1)$, and the loss is 0. The mean of $x_1$ is $(0.9882, "
    "-0.9487)$, that of the posterior $q(x_1 | x_2, x_0)$: the true noise determines $x_0$.",
)

# %% [markdown]
# ## 2. The weights of the bound
#
# The bound of `diffusion/03` has a KL divergence for each reverse step except the last, whose term
# is a log-density. Each divergence compares a Gaussian of variance $\tilde\beta_t$ with the model's
# Gaussian of variance $\sigma_t^2$. It is the squared distance of the two means over $2\sigma_t^2$,
# plus a constant that does not depend on the network. The first mean is that for the noise
# $\epsilon$, the second that for the prediction $\hat\epsilon$. So the divergence is a multiple of
# $\lVert \epsilon - \hat\epsilon \rVert^2$ plus a constant. Which multiple?

# %%
lesson.exercise("diffusion/04/bound_weight")

# %% [markdown]
# An error $\epsilon - \hat\epsilon$ costs (Eq. diffusion.14)
#
# $$\frac{(1-\alpha_t)^2}{2 \sigma_t^2\, \alpha_t (1 - \bar\alpha_t)}\;
#   \lVert \epsilon - \hat\epsilon \rVert^2 .$$
#
# <details><summary>Derivation: the weight of an error in the bound</summary>
#
# Both means are Eq. diffusion.08 for the same $x_t$, which cancels in their difference:
#
# $$\tilde\mu_t - \mu_\theta = -\frac{1}{\sqrt{\alpha_t}} \frac{1 - \alpha_t}{\sqrt{1 -
# \bar\alpha_t}}\, (\epsilon - \hat\epsilon) .$$
#
# Square its length, and divide by $2\sigma_t^2$. (The means of two Gaussians enter $D_\mathrm{KL}$
# only as $\lVert m_1 - m_2 \rVert^2 / (2 v_2)$, with the second variance, here the model's.)
#
# </details>
#
# So each term of the bound is a squared error of the predicted noise, with a weight that depends on
# $t$.

# %%
lesson.show_source(bound_weight)

# %%
lesson.predict(
    "At which steps does an error of 1 cost the most?",
    ["near the data, t near 1", "in the middle", "near pure noise, t near T"],
)

# %% [markdown]
# We compute the cost from the bound itself. Take 200 examples, one for each $t$, all with $x_0 = 0$
# and the noise 0. The prediction 0 is exact, and the prediction 1 has an error of 1. We subtract
# their values of `vlb_term`, the term of the bound from `diffusion/03`:

# %%
steps = np.arange(1, T + 1)
weight = bound_weight(steps, schedule, schedule.beta[steps])  # Eq. diffusion.14 with σ² = β
zero = np.zeros((T, 1))


def right(x, t):
    return zero


def off_by_one(x, t):
    return zero + 1


extra = vlb_term(off_by_one, zero, steps, zero, schedule)
extra = extra - vlb_term(right, zero, steps, zero, schedule)
lesson.check("cost of an error of 1, at every t", extra, equals=weight, atol=1e-9)

# %%
ratio = weight[0] / np.median(weight)
lesson.outcome(
    f"At t = 1 an error of 1 costs {weight[0]:.2f} nats, {ratio:.0f} times the median over t. Near"
    " the data the step is short and has a small variance, so an error of its mean is large in"
    " units of its standard deviation.",
    answer="near the data, t near 1" if weight.argmax() < T // 10 else "near pure noise, t near T",
)

# %%
fig, ax = plot.figure(size=(5.4, 3.0))
lines = {"bound, divided by its mean": weight / weight.mean(), "simple loss": np.ones(T)}
title = "Weight of an error"
plot.line(steps, lines, ax, xlabel="t", ylabel="weight", title=title)
lesson.figure(fig, "weights", "The left end is the end of sampling, where little noise is left.")

# %% [markdown]
# Ho et al. (2020) found empirically that training works better without the weights: in
# $L_\mathrm{simple}$ every step counts the same (Eq. diffusion.15, Eq. diffusion.16). Compared with
# the bound, $L_\mathrm{simple}$ puts less weight on small $t$, where the noise is hardly visible.
# Ho et al. argue that the network can then focus on larger $t$, where denoising is harder. Section
# 6 trains with both losses.
#
# ## 3. Algorithm 1: training (figure f04)
#
# ```text
# repeat:
#     x_0 from the data;  t uniformly from 1, ..., T;  ε from N(0, I)
#     take a gradient step on  ‖ε − ε_θ(√ᾱ_t x_0 + √(1 − ᾱ_t) ε, t)‖²
# until converged
# ```

# %%
lesson.show_source(simple_loss)

# %% [markdown]
# We write the training loop out once. For sampling we use the exponential moving average (EMA) of
# the network's weights, which varies less from step to step than the weights themselves.

# %%
from minigen.optim import EMA, Adam, cosine
from minigen.tensor import value_and_grad


def noisy_batch(density, rng, n=512):
    """The data, a time step for each example, and the noise."""
    x0 = density.sample(rng, n)
    t = rng.integers(1, T + 1, n)
    return x0, t, rng.standard_normal(x0.shape, dtype=np.float32)


def simple(model, x0, t, eps):
    return simple_loss(model, x0, t, eps, schedule)


# %%
def train(label, loss, density, steps):
    """A trained model of the noise, and the history of its loss."""
    rng = lesson.rng(label)
    model = EpsMLP(rng, width=128, layers=4)
    optimizer = Adam(model, 5e-3)
    ema = EMA(model, 0.999)
    lr = cosine(5e-3, steps, warmup=min(100, steps))

    def step(i):
        value, grads = value_and_grad(loss)(model, *noisy_batch(density, rng))
        optimizer.lr = lr(i)
        optimizer.step(grads)
        ema.update(model)
        return value

    state = {"model": model, "optimizer": optimizer, "ema": ema, "rng": rng}
    return ema.model, lesson.fit(step, steps, state=state, label=label)


# %% [markdown]
# We train one network on the ring and one on two moons. At the start each network predicts 0, so
# its loss is 1, the mean square of the noise.

# %%
lesson.predict(
    "What loss does the best possible network have on the ring?",
    ["0", "more than 0, less than 1", "1"],
)

# %%
trained = {}
for name, density in densities.items():
    trained[name], history = train(name, simple, density, lesson.steps(25_000, quick=20))
    if name == "ring":
        ring_loss = history["loss"]

# %% [markdown]
# Many pairs of $x_0$ and $\epsilon$ lead to the same $x_t$. The best prediction is the mean of
# their noises, $E[\epsilon \mid x_t]$, and the variance around this mean remains as the loss. The
# mean is a multiple of the score, $-\sqrt{1-\bar\alpha_t}\; \nabla \log q(x_t)$ (`diffusion/03`).
# For the ring, with or without added noise, $q$ is a mixture of Gaussians, whose score has a
# formula. So we can measure how close the network comes to the exact mean.

# %%
exact_model = exact_eps_model(ring, schedule)  # E[noise | x_t]


def probe(t, n, rng):
    """n points of the ring after t steps, the noise in them, and its exact mean."""
    x0 = ring.sample(rng, n)
    eps = rng.standard_normal(x0.shape, dtype=np.float32)
    x_t = q_sample(x0, t, eps, schedule)
    return x_t, eps, exact_model(x_t, t)


# %%
rng = lesson.rng("probes")
probed = np.arange(1, T + 1, 20 if lesson.quick else 1)
probes = {t: probe(t, lesson.size(2000), rng) for t in probed}
best = np.mean([np.mean((eps - exact) ** 2) for _, eps, exact in probes.values()])


def excess(model):
    """The mean square of the learned minus the exact mean noise, at each t probed."""
    return np.array(
        [
            np.mean((model(x, np.full(len(x), t)) - exact) ** 2)
            for t, (x, _, exact) in probes.items()
        ]
    )


# %%
ring_excess = excess(trained["ring"])
reached = np.mean(ring_loss[-len(ring_loss) // 10 :])
between = "more than 0, less than 1" if 0 < best < 1 else "0"
lesson.outcome(
    f"{best:.3f}, computed with the exact mean; in the last tenth of training the loss is"
    f" {reached:.3f}. The loss alone does not show how close a network is to the exact mean: nearly"
    " all of it is the variance of the noise around this mean, which no network can predict.",
    answer=between,
)
lesson.claim(
    "ring: mean square of the learned minus the exact mean of the noise",
    np.mean(ring_excess),
    at_most=0.001,
    source="seeds 0, 1, 2031: worst 0.0004, by a factor of 2.5; predicting 0: 0.8",
)

# %%
fig, ax = plot.figure(size=(5.4, 3.2))
plot.curves(
    {"loss on the ring": ring_loss},
    ax=ax,
    smooth=100,
    title="The smallest loss is not zero",
    reference={"best possible, exactly": float(best)},
)
lesson.figure(fig, "loss", "The curve becomes flat near the loss of the exact mean.")

# %% [markdown]
# ## 4. Algorithm 2: sampling (figure f04)
#
# ```text
# x_T from N(0, I)
# for t = T, ..., 1:
#     z from N(0, I) if t > 1, else z = 0
#     x_{t-1} = (x_t − (1 − α_t)/√(1 − ᾱ_t) ε_θ(x_t, t)) / √α_t + σ_t z
# return x_0
# ```
#
# We write the algorithm as a loop. `step` is an argument, so that section 7 can replace it by a
# wrong step.

# %%
lesson.show_source(mean_from_eps, ancestral_step, ancestral)


def reverse_chain(step, model, schedule, x, rng):
    for i in range(schedule.T, 0, -1):
        guess = model(x, np.full(len(x), schedule.times[i]))
        x = step(x, i, guess, rng.standard_normal(x.shape, dtype=x.dtype), schedule)
    return x


# %%
model = trained["ring"]
start = lesson.rng("start").standard_normal((lesson.size(2000, quick=50), 2), dtype=np.float32)
short = schedule.subset(spaced_timesteps(T, 20))  # 20 long steps instead of 200
mine = reverse_chain(ancestral_step, model, short, start, lesson.rng("walk"))
theirs = ancestral(model, start, short, lesson.rng("walk"))
lesson.check("the loop less the package's sampler", np.abs(mine - theirs).max(), at_most=1e-5)

# %%
path = Trajectory(times=[200, 120, 60, 20, 0])
ancestral(model, start, schedule, lesson.rng("path"), on_step=path)
rng = lesson.rng("forward")
fig, axes = plot.figure(2, len(path.times), size=(2.2, 2.2))
for k, (t, state) in enumerate(zip(path.times, path.states)):
    data = ring.sample(rng, len(start))
    noised = q_sample(data, t, rng.standard_normal(data.shape, dtype=np.float32), schedule)
    plot.samples(noised, ax=axes[0, k], bounds=3, color=plot.color.real, title=f"t = {t}")
    plot.samples(state, ax=axes[1, k], bounds=3)

# %%
axes[0, 0].set_ylabel("data with noise")
axes[1, 0].set_ylabel("samples")
lesson.figure(
    fig,
    "forward_and_back",
    "Above, data after t steps of noise; below, samples at the same t of the reverse process. The"
    " two panels of a column should show the same distribution.",
)

# %% [markdown]
# The same trajectories with more stops, and with two variances of the step: $\sigma_t^2 = \beta_t$,
# and the smaller $\tilde\beta_t$ of `diffusion/03`. *Move $t$ from 200 to 0: when does the ring
# appear, and when does it split into eight modes? Does that depend on the variance?*

# %%
stops = np.unique((T * np.linspace(0, 1, 33) ** 2).round())  # more of them near the data
trajectories = []
for variance in ("beta", "posterior"):
    path = Trajectory(times=stops)
    ancestral(model, start[:500], schedule, lesson.rng("path"), variance, on_step=path)
    trajectories.append(path.states)

# %%
lesson.play(
    "reverse",
    {"variance": ["β, the larger", "posterior, the smaller"], "t": path.times},
    points=trajectories,
    truth=ring.sample(lesson.rng("shown truth"), 500),
    bounds=3,
    time="t",
    caption="Samples between noise and the ring. The small dots are data.",
)

# %% [markdown]
# ## 5. How close are the samples?
#
# We measure sliced Wasserstein distances and divide them by their *floor*, the distance between two
# new sets of data. Samples that follow the data density have a ratio near 1. Sets of 1,000 points
# reveal only coarse errors; sets of 20,000 reveal finer ones. A single distance varies by chance,
# because the shares of the eight modes vary from set to set. So each number in the table is a mean
# of forty distances, each between a random subset of the samples and new data.

# %%
from minigen.metrics import sampling_floor, sliced_wasserstein
from minigen.tensor import batched, parallel_call

few, many = lesson.size(1000, quick=25), lesson.size(20_000, quick=50)
rounds = lesson.size(4, quick=1)
repeats = lesson.size(40, quick=2)


def distance(a, b):
    return sliced_wasserstein(a, b, 100, lesson.rng("directions"))


@functools.cache
def floor(density, n):
    rng = lesson.rng("floor")
    return sampling_floor(distance, density.sample, n, rng, repeats=repeats).mean


def over_floor(x, density, n, rng):
    """Mean distance of n of the samples x, chosen anew each time, to the data, over its floor."""
    some = [rng.choice(x, n, replace=False) for _ in range(repeats)]
    return np.mean([distance(part, density.sample(rng, n)) for part in some]) / floor(density, n)


# %%
def draw_points(model, n, rng, process, variance="beta"):
    """n points by Algorithm 2, some at a time. Two threads share each call of the network."""
    shared = parallel_call(model)

    def some(noise):
        return ancestral(shared, noise, process, rng, variance)

    return batched(some, rng.standard_normal((n, 2), dtype=np.float32), size=2500)


# %% [markdown]
# Samples have two sources of error, the sampler and the network. For the ring the exact mean of the
# noise is known, so we judge the sampler alone first: with all 200 steps, and with 20 steps that
# are ten times as long.

# %%
points, rows = {}, []
for process, variance in ((schedule, "beta"), (schedule, "posterior"), (short, "beta")):
    name = f"ring, exact, {process.T} steps"
    rng = lesson.rng(f"{name}, {variance}")
    x = draw_points(exact_model, rounds * many, rng, process, variance)
    far = [over_floor(x, ring, size, rng) for size in (few, many)]
    points[name, variance] = x
    rows.append([name, variance, *far])

# %% [markdown]
# Then we judge the samples of the trained networks, with all 200 steps.

# %%
for name, variance in (("ring", "beta"), ("two_moons", "beta"), ("ring", "posterior")):
    rng = lesson.rng(f"judge {name} {variance}")
    n = rounds * many if variance == "beta" else many
    x = draw_points(trained[name], n, rng, schedule, variance)
    far = [over_floor(x, densities[name], size, rng) for size in (few, many)]
    points[name, variance] = x
    rows.append([name, variance, *far])

# %%
lesson.table(rows, ["samples", "σ²", f"sets of {few:,}", f"sets of {many:,}"], "distance / floor")
judged = {(name, variance): far for name, variance, *far in rows}
at_once = {
    "ring": (1.66, "seeds 0, 1, 2031: 1.12 to 1.25, plus a third"),
    "two_moons": (1.7, "seeds 0, 1, 2031: 1.00 to 1.28, plus a third"),
}
for name, (threshold, source) in at_once.items():
    of_sets, of_all = judged[name, "beta"]
    theory = "theory: 1; seeds 0, 1, 2031: 0.92 to 1.08"
    lesson.claim(f"{name}, sets of {few:,}: / floor", of_sets, at_most=1.2, source=theory)
    lesson.claim(f"{name}, sets of {many:,}: / floor", of_all, at_most=threshold, source=source)

# %%
fig, axes = plot.figure(1, 2)
for ax, (name, density) in zip(axes, densities.items()):
    plot.samples(points[name, "beta"][:2000], density, ax, title=name)
lesson.figure(fig, "samples", "Look for samples between the modes and beside the moons.")

# %% [markdown]
# The table has two variances of the step. `beta` is $\sigma_t^2 = \beta_t$, which is exact for data
# as wide as the noise. `posterior` is $\sigma_t^2 = \tilde\beta_t$ (`diffusion/03`), which is exact
# for data at a single point. A mode of the ring is neither. How wide are the modes of the samples?


# %%
def width(x):
    """Standard deviation around the nearest mode, from the median distance, over the true one."""
    squares = np.min(np.sum((x[:, None] - ring.modes) ** 2, axis=2), axis=1)
    return np.sqrt(np.median(squares) / (2 * np.log(2))) / ring.std


widths = {key: width(x[:many]) for key, x in points.items() if key[0].startswith("ring")}
rows = [[*key, value] for key, value in widths.items()]
lesson.table(rows, ["samples", "σ²", "width of the modes / the true one"])

# %%
expected = {
    (T, "beta"): (1.01, 1.1, "seeds 0, 1, 2031: 1.04 to 1.06"),
    (T, "posterior"): (0.78, 0.9, "seeds 0, 1, 2031: 0.84 to 0.85"),
    (20, "beta"): (0.64, 0.78, "seeds 0, 1, 2031: 0.70"),
}
for (process_steps, variance), (low, high, source) in expected.items():
    name = f"ring, exact, {process_steps} steps"
    value = widths[name, variance]
    source += "; standard error 0.01"
    lesson.claim(f"{name}, {variance}: width", value, between=(low, high), source=source)

# %% [markdown]
# With exact predictions and all steps, the modes are a little too wide with the larger variance and
# too narrow with the smaller one. The last step adds no noise: its result is a mean, and a mean
# varies less than the values that it averages. With 20 long steps this effect is the largest.
#
# ## 6. Training with the weights of the bound
#
# We train the same network on the same data for as many steps, but with the loss of the bound: each
# squared error counts with its weight, divided by the mean weight. At each $t$ both losses are
# smallest for the same prediction, $E[\epsilon \mid x_t]$. A weight matters only because a network
# with limited size and training does not reach that mean at every $t$.


# %%
def bound(model, x0, t, eps):
    """Eq. diffusion.14, up to a constant factor."""
    errors = np.mean((eps - model(q_sample(x0, t, eps, schedule), t)) ** 2, axis=1)
    relative = (weight / weight.mean())[t - 1].astype(x0.dtype)
    return np.mean(relative * errors)


# %%
lesson.predict(
    "Which network is closer to the exact mean of the noise, on average over all t?",
    [
        "the one trained with the simple loss",
        "the one trained with the bound",
        "their squared errors differ by less than a tenth",
    ],
)

# %%
by_bound, _ = train("ring, bound", bound, ring, lesson.steps(25_000, quick=20))
bound_excess = excess(by_bound)

# %% [markdown]
# We compare three measures: the squared error, with all $t$ alike; the nats that the errors add to
# the bound, which is the sum of weight times squared error over steps and dimensions; and the
# distance of the samples from the data. Both networks start from the same noise and receive the
# same fresh noise.

# %%
rng = lesson.rng("judge ring beta")
x = draw_points(by_bound, rounds * many, rng, schedule)
judged["bound", "beta"] = [over_floor(x, ring, size, rng) for size in (few, many)]
price = weight[probed - 1] * 2 * T / len(probed)
compared = {"simple loss": (ring_excess, "ring"), "bound": (bound_excess, "bound")}
rows = []
for label, (error, key) in compared.items():
    nats = np.sum(price * error)
    rows.append([label, np.mean(error), np.mean(error[probed <= T // 10]), nats])
    rows[-1].extend(judged[key, "beta"])

# %%
header = ["trained with", "squared error", "the same, first 20 steps", "nats added to the bound"]
header.extend([f"sets of {few:,}: / floor", f"sets of {many:,}: / floor"])
lesson.table(rows, header)
relative, nats, samples = (rows[1][k] / rows[0][k] for k in (1, 3, 5))

# %%
if abs(np.log(relative)) < np.log(1.1):
    answer = "their squared errors differ by less than a tenth"
else:
    answer = f"the one trained with the {'simple loss' if relative > 1 else 'bound'}"
lesson.outcome(
    f"The network trained with the bound has {relative:.2f} times the squared error of the other"
    f" network. Its errors add {nats:.2f} times as many nats to the bound, and the distance of its"
    f" samples is {samples:.2f} times as large.",
    answer=answer,
)

# %%
for label, _, _, added, *_ in rows:
    source = "seeds 0, 1, 2031: simple loss up to 0.013, bound up to 0.018; doubled"
    lesson.claim(f"{label}: nats added to the bound", added, at_most=0.036, source=source)
source = "seeds 0, 1, 2031: 1.11 to 1.25, plus a third"
lesson.claim(f"bound, sets of {many:,}: / floor", rows[1][5], at_most=1.66, source=source)

# %%
fig, ax = plot.figure(size=(5.4, 3.0))
lines = {"simple loss": ring_excess, "bound": bound_excess}
title = "Squared error of the predicted noise, by time step"
plot.line(probed, lines, ax, log="y", xlabel="t", ylabel="squared error", title=title)
lesson.figure(fig, "two_losses", "At which t is each of the two networks closer to the exact mean?")

# %% [markdown]
# In the plane the errors of either network add less than 0.04 nats to the bound, and in sets of
# 20,000 its samples are at most 1.66 floors from the data. With images Ho et al. found a trade-off:
# training with the bound gave the better codelength (3.70 against 3.75 bits per dimension on
# CIFAR-10), and the simple loss gave the better samples (FID 3.17 against 13.51). In the plane,
# runs with three seeds did not show that trade-off: with the simple loss the errors also added
# fewer nats to the bound. In the figure the network trained with the bound is closer to the exact
# mean only at the smallest $t$, where the weight is largest. A possible reason is that the gradient
# of the bound is noisier: a few of the time steps in a batch have most of the weight
# (`diffusion/07`, section 9).
#
# ## 7. Two mistakes
#
# In the first mistake, the last step adds noise $\sigma_1 z$ like any other step. In the second, no
# step adds fresh noise.

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


variants = {
    "right": ancestral_step,
    "with noise at the end": noise_at_the_end,
    "with no noise at all": never_noise,
}

# %%
result = {}
for label, step in variants.items():
    for process in (schedule, short):
        rng = lesson.rng(f"wrong {process.T}")
        result[label, process.T] = reverse_chain(step, model, process, start, rng)
for process in (schedule, short):
    rng = lesson.rng(f"wrong, exact, {process.T}")
    x = reverse_chain(never_noise, exact_model, process, start, rng)
    result["with no noise, exact predictions", process.T] = x

# %% [markdown]
# We compute four numbers for each set of samples: the share of samples within 3 standard deviations
# of a mode; the share of the most frequent of the eight modes (in the data an eighth); the standard
# deviation of all coordinates (in the data 1); and the distance over its floor.

# %%
from minigen.metrics import mode_coverage


def most_frequent(x):
    """The share of the samples whose nearest mode is the most frequent one."""
    nearest = np.argmin(np.sum((x[:, None] - ring.modes) ** 2, axis=2), axis=1)
    return np.bincount(nearest).max() / len(x)


near = {key: mode_coverage(x, ring.modes, ring.std).high_quality for key, x in result.items()}
spread = {key: float(x.std()) for key, x in result.items()}
far = {key: over_floor(x, ring, len(x), lesson.rng("far")) for key, x in result.items()}

# %%
rows = []
for key, x in result.items():
    shares = [f"{near[key]:.1%}", f"{most_frequent(x):.1%}"]
    rows.append([*key, *shares, f"{spread[key]:.2f}", f"{far[key]:.1f}"])
header = ["sampling", "steps", "near a mode", "most frequent mode", "std", "distance / floor"]
lesson.table(rows, header)

# %%
end, never = far["with noise at the end", 20], far["with no noise at all", 20]
further = "with noise at the end" if end > never else "with no noise at all"
neither, last = "neither differs from the right sampler", ("with no noise at all", T)
lesson.outcome(
    f"{end:.1f} floors with noise at the end, {never:.1f} with none (the right sampler:"
    f" {far['right', 20]:.1f}). With all {T} steps and no noise, {near[last]:.0%} of the samples"
    f" lie near a mode, and the most frequent mode has {most_frequent(result[last]):.0%} of them.",
    answer=neither if max(end, never) < 1.5 else further,
)

# %%
fig, axes = plot.figure(1, 3)
for ax, label in zip(axes, variants):
    plot.samples(result[label, 20], ring, ax, title=f"{label}, 20 steps", bounds=2.4)
lesson.figure(fig, "wrong_turns", "Look at the width of the modes, and at how many there are.")

# %%
right = far["right", 20]
source = "seeds 0, 1, 2031: 1.2 to 1.3, from one set of 2,000, plus two thirds"
lesson.claim("right sampler, 20 steps: distance / floor", right, at_most=2.2, source=source)
source = "seeds 0, 1, 2031: 15 to 24, less three fifths"
lesson.claim("20 steps: distance, no noise / right", never / right, at_least=6, source=source)

# %%
fewer = near["right", 20] - near["with noise at the end", 20]
lesson.claim(
    "20 steps: share near a mode, right sampler less noise at the end",
    fewer,
    at_least=0.2,
    source="seeds 0, 1, 2031: 0.39 to 0.41, halved",
)
even = most_frequent(result["with no noise, exact predictions", 20])
lesson.claim(
    "no noise, exact predictions: share of the most frequent mode",
    even,
    at_most=0.165,
    source="theory: an eighth; five standard errors",
)
lesson.check("σ₁ / width of a mode", np.sqrt(schedule.beta[1]) / ring.std, between=(0.3, 0.34))

# %% [markdown]
# Noise at the end is a common mistake because it is hard to see: with all steps, $\sigma_1$ is only
# a third of the width of a mode. With few steps it blurs the modes.
#
# Without fresh noise each step leads to the *average* of the points that $x_t$ could have come
# from. Averages are less spread out than the points themselves, and only fresh noise restores the
# standard deviation. With exact predictions this is the only effect: the ring is too small, and its
# modes are equally frequent. A network, however, then receives points that hardly occurred in
# training at such $t$, and training did not make its predictions accurate there: compare the shares
# of the most frequent mode. Samples that look right one by one may still have the wrong
# distribution.

# %%
lesson.change(
    "half of the noise",
    "Add half of the fresh noise: change the line of `never_noise` to `return mean_from_eps(x, t, "
    "eps, schedule) + np.float32(schedule.beta[t] ** 0.5 / 2) * z`, and run again. What is the "
    "standard deviation with exact predictions now?",
    answer="In between: with 20 steps about 0.98, where it is 0.85 without noise and 1 with all "
    "of the noise; with 200 steps 0.99, where it is 0.97 without noise. Each step goes to a mean, "
    "which is less spread out than the points that it averages, and half of the noise restores a "
    "part of what is lost.",
)

# %% [markdown]
# ## 8. Digits
#
# We apply the same method to images, with two changes. The network is a U-Net, which also computes
# features at 14×14 and 7×7 pixels (`diffusion/17`), and the noise follows the cosine schedule
# (`diffusion/06`).
#
# The training loop is that of section 3, so the package's `descend` makes the `step` from a loss, a
# model and batches. `parallel` divides each batch between two threads. The model is unconditional:
# it receives no labels.

# %%
by_cosine = Schedule.cosine(200)
rng = lesson.rng("digits")
batch = lesson.size(64, quick=8)
drawings = mnist.splits().train.images[: lesson.size(50_000, quick=2000)]
batches = mnist.batches(drawings, size=batch, rng=rng)
unet = UNet(rng, width=lesson.size(32, quick=8), global_mlp=lesson.size(512, quick=32))


def noisy_digits(rng):
    """A batch: the digits, a time step for each, and the noise."""
    (gray,) = next(batches)
    x0 = mnist.symmetric(gray)  # (N, 28, 28, 1) in [-1, 1]
    t = rng.integers(1, by_cosine.T + 1, batch)
    return x0, t, rng.standard_normal(x0.shape, dtype=np.float32)


# %%
from minigen.train import descend


def digit_loss(model, x0, t, eps):
    return simple_loss(model, x0, t, eps, by_cosine)


mnist_steps = lesson.steps(4000, quick=2)
lr = cosine(2e-3, mnist_steps, warmup=min(50, mnist_steps))
step = descend(digit_loss, unet, noisy_digits, lr=lr, ema=0.999, rng=rng, parallel=True)
lesson.fit(step, mnist_steps, label="digits", state={**step.state, "batches": batches})

# %% [markdown]
# Pixels lie between $-1$ and 1. `clipped` corrects a prediction whose implied data lie outside. To
# save time we sample with 100 steps, each twice as long: `strided` shortens the schedule as `short`
# did above. The variance of a step is the smaller one, $\tilde\beta_t$. Two threads share the calls
# of the network, half of the digits each (`parallel_call`).

# %%
network = clipped(parallel_call(step.averaged), by_cosine)
jumps = lesson.size(100, quick=5)


def unit(x):
    """From [-1, 1] to [0, 1], clipped."""
    return (x.clip(-1, 1) + 1) / 2


def draw(rng, n):
    """n digits (n, 28, 28, 1) in [0, 1]."""

    def some(noise):
        return strided(network, noise, by_cosine, jumps, rng, "posterior")

    noise = rng.standard_normal((n, 28, 28, 1), dtype=np.float32)
    return unit(batched(some, noise, size=250, progress="digits"))


lesson.sampler("digits", draw)

# %%
digits = draw(lesson.rng("draw"), lesson.size(5000, quick=10))
grid = plot.image_grid(digits[:100], cols=10, limits=(0, 1))
lesson.figure(grid, "digits", "Samples, not chosen. Count the digits that you can read.")

# %% [markdown]
# We also follow two samples from noise to digit: the noisy $x_t$, and the data that the predicted
# noise implies.

# %%
process = by_cosine.subset(spaced_timesteps(by_cosine.T, jumps))
path = Trajectory(times=[round(jumps * share) for share in (1, 0.8, 0.6, 0.4, 0.2, 0.1, 0)])
noise = lesson.rng("watched").standard_normal((2, 28, 28, 1), dtype=np.float32)
ancestral(network, noise, process, lesson.rng("watched"), "posterior", on_step=path)

pairs = []
for i, x in zip(path.times, path.states):
    guess = network(x, np.full(2, process.times[i])) if i > 0 else 0 * x
    implied = predict_x0_from_eps(x, i, guess, process)
    pairs.append(np.stack([x, implied], axis=1))
pictures = np.stack(pairs, axis=2).reshape(-1, 28, 28)

# %%
grid = plot.image_grid(
    pictures,
    cols=len(pairs),
    limits=(-1, 1),
    row_labels=["x_t", "implied x_0"] * 2,
    col_labels=[f"t = {process.times[i]}" for i in path.times],
)
lesson.figure(
    grid,
    "path",
    "Below each row of x_t is the data that the predicted noise implies. At t = 200 hardly any"
    " signal is left, so every error of the predicted noise is amplified. At which t does the"
    " implied data become one digit?",
)

# %% [markdown]
# We judge the digits with a classifier that comes with the package and was trained separately
# (`gan/08`). It computes 64 features of an image. Fit a Gaussian to the features of the samples and
# another to those of the test digits: the *Fréchet distance* between the two is small only if the
# samples look like digits *and* all ten classes occur. Real digits of the training set are judged
# first, as a scale: the distance of as many of them is not 0 either.

# %%
from minigen.metrics.digits import class_gaussian_digits, judge_digits

classifier = lesson.pretrained("digit_classifier")
test = mnist.unit(mnist.splits().test.images[: lesson.size(10_000, quick=200)])
n = len(digits)
train_set = mnist.splits().train
real = mnist.unit(train_set.images[: max(n, 200)])
of_real = judge_digits(classifier, real[:n], test)

# %%
lesson.predict(
    f"The Fréchet distance of real digits of the training set is {of_real.frechet:.1f}. What is the"
    " Fréchet distance of the network's digits?",
    ["below 10", "between 10 and 100", "above 100"],
)

# %%
rng = lesson.rng("judge")
gaussians, _ = class_gaussian_digits(real, train_set.labels[: len(real)], rng, n)
sets = {
    "samples": digits,
    "a Gaussian for each class": gaussians,
    "noise": rng.random((n, 28, 28, 1), dtype=np.float32),
}
reports = {label: judge_digits(classifier, x, test) for label, x in sets.items()}
reports["real digits"] = of_real

# %%
rows = []
for label, report in reports.items():
    counts = " ".join(f"{100 * share:.0f}" for share in report.shares)
    rows.append([label, report.frechet, f"{report.confidence:.0%}", counts])
lesson.table(rows, ["images", "Fréchet distance", "confidence", "% of 0, 1, ... 9"])

# %%
frechet = reports["samples"].frechet
answer = "between 10 and 100" if frechet < 100 else "above 100"
lesson.outcome(
    f"It is {frechet:.1f}. Samples of Gaussians that are fitted to the pixels of each class have"
    f" {reports['a Gaussian for each class'].frechet:.0f}.",
    answer="below 10" if frechet < 10 else answer,
)

# %%
lesson.claim(
    "Fréchet distance of 5,000 samples to the test digits",
    frechet,
    at_most=40,
    source="seeds 0, 1, 2031: 27 to 30, plus a third",
)
lesson.claim(
    "share of the rarest digit",
    reports["samples"].shares.min(),
    at_least=0.06,
    source="MNIST: 0.09; seeds 0, 1, 2031: 0.09; less a third",
)

# %% [markdown]
# The confidence is the mean probability that the classifier assigns to its prediction. Alone it
# shows little: it is high for noise, too, nearly all of which the classifier assigns to a single
# class. In `diffusion/09` the network also receives the label, and the Fréchet distance of its
# digits is smaller.
#
# ## 9. Where the post is loose
#
# - In Eq. diffusion.14 the post divides by $2 \lVert \Sigma_\theta \rVert_2^2$. For $\Sigma_\theta
#   = \sigma_t^2 I$ the spectral norm gives $2\sigma_t^4$; the KL divergence has $2\sigma_t^2$
#   (checked in section 2).
# - The $L_t$ of Eq. diffusion.14 is the KL divergence of the step from $x_t$. In Eq. diffusion.12
#   that term is called $L_{t-1}$.
# - $\mathbf{x}_{t-1} = \mathcal{N}(\mathbf{x}_{t-1}; \ldots)$ in Eq. diffusion.13: $x_{t-1}$ is
#   *drawn from* that Gaussian.
# - “make it predict $\boldsymbol{\epsilon}_t$ from the input $\mathbf{x}_t$ at time step $t$”: the
#   index suggests the noise that step $t$ adds, which the post calls $\boldsymbol{\epsilon}_{t-1}$.
#   Here $\epsilon_t$ is all of the noise in $x_t$.
# - “The final simple objective is” $L_t^\text{simple} + C$: an average over $t$ has no index $t$,
#   and a constant does not change the minimum.
#
# Our deviations: losses are means over the dimensions, while Eq. diffusion.15 has the squared
# length. That divides the loss and its gradient by $D$, and leaves the steps of Adam as they are.
# We sample from the moving average of the weights, as Ho et al. do; their algorithm box does not
# show it. The digits have the cosine schedule, of whose 200 steps the sampler takes 100.
#
# **Left out:** the likelihood of the digits (`diffusion/07`). **Next:** the mean of the noise is a
# multiple of the score, and `diffusion/05` learns scores without a diffusion process.
#
# **Your turn:** `minigen exercise start diffusion/04`, then `minigen run diffusion/04 --with
# exercises/diffusion_04.py`.

# %%
lesson.finish()
