# %% [markdown]
# # The variance of the reverse step
#
# A reverse step of DDPM is a Gaussian. A network learns its mean, but its variance is set by hand,
# to one of two values. With a thousand steps it hardly matters which one (Ho et al. 2020). But
# nobody wants to wait for a thousand steps, and the longer a step is, the further apart the two
# values are. The likelihood suffers as well: DDPM's samples were among the best of their time, yet
# its bits per dimension were worse than those of older models. Why not let the network output the
# variance, too? Ho et al. tried, and the training became unstable. What is the right variance, and
# how can a network learn it?
#
# We measure what a wrong variance costs (section 1), derive the right one (2 and 3), and let a
# network choose it, in the plane and for digits (4 to 7). Then we ask when a network should be
# trained on the bound (9 and 10), and whether samples gain (11). This lesson follows the section
# *Parameterization of reverse process variance* $\boldsymbol\Sigma_\theta$ of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/).
#
# Before this lesson: `diffusion/03` (the posterior and the bound), `diffusion/04` (DDPM),
# `diffusion/06` (the cosine schedule).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/07_reverse_variance",
    title="The variance of the reverse step",
    post="diffusion",
    sections=["diffusion.s09"],
    figures=["diffusion.f06"],
    equations=["diffusion.19"],
    minutes=2.2,
    picture="pictures_of_v",
    sources=[
        "weng2021diffusion",
        "vandenoord2016pixelrnn",
        "vandenoord2016pixelcnn",
        "kingma2018glow",
        "child2019sparse",
        "ho2019flowpp",
        "ho2020ddpm",
        "child2021verydeep",
        "nichol2021improved",
        "bao2022analytic",
    ],
)

# %%
from functools import partial

import autograd.numpy as np
import numpy

from minigen import plot
from minigen.data import toy
from minigen.diffusion.schedule import Schedule, spaced_timesteps

# %% [markdown]
# ## 1. What a wrong variance costs
#
# We want to see the effect of the variance alone, so we need a model whose mean is exact. For a
# ring of eight Gaussians there is one. Given $x_t$, each of the eight has a known probability, and
# so the noise in $x_t$ has a known mean and variance:

# %%
T = lesson.size(200, quick=20)
schedule = Schedule.cosine(T)
ring = toy.ring().standardized()


def posterior_of_noise(x, t):
    """Mean and variance (N, 2) of the noise, given x_t, in each coordinate."""
    left = schedule.alpha_bar[t][:, None]  # (N, 1)
    total = left * ring.std**2 + 1 - left
    off = x[:, None] - np.sqrt(left)[:, :, None] * ring.modes  # (N, 8, 2)
    logits = -np.sum(off**2, axis=2) / (2 * total)
    chance = np.exp(logits - logits.max(axis=1, keepdims=True))
    chance = (chance / chance.sum(axis=1, keepdims=True))[:, :, None]
    means = (np.sqrt(1 - left) / total)[:, :, None] * off  # of the noise, for each of the eight
    mean = np.sum(chance * means, axis=1)
    between = np.sum(chance * (means - mean[:, None]) ** 2, axis=1)
    return mean.astype(x.dtype), between + left * ring.std**2 / total


# %%
from minigen.diffusion.exact import exact_eps_model

two, ends = np.array([[0.5, -1.0], [1.0, 1.5]]), np.array([1, T])
gap = posterior_of_noise(two, ends)[0] - exact_eps_model(ring, schedule)(two, ends)
lesson.check("the exact noise, in two ways", np.abs(gap).max(), at_most=1e-6)

# %% [markdown]
# From the noise follows the mean of the reverse step (`diffusion/04`). Around it we try three
# variances: $\beta_t$, which the forward step has; $\tilde\beta_t$, which $x_{t-1}$ has given $x_t$
# *and* $x_0$; and the variance that $x_{t-1}$ really has given $x_t$ alone, which section 2
# derives. (The package's functions receive a variance as a number $v$, which is 1 for $\beta_t$ and
# 0 for $\tilde\beta_t$. Section 4 explains it.)


# %%
def step_variance(unknown, i, process):
    """The variance of step i, if the noise in x_i has variance `unknown`, given x_i."""
    weight = process.beta[i] ** 2 / (process.alpha[i] * (1 - process.alpha_bar[i]))
    return np.transpose(process.posterior_variance[i] + weight * np.transpose(unknown))


def as_v(variance, i, process):
    """The v that stands for a variance at step i."""
    low, high = process.posterior_variance_clipped[i], process.beta[i]
    return np.transpose(np.log(np.transpose(variance) / low) / np.log(high / low))


def exact_for(process):
    """A model of the exact noise and variance; the schedule may stop at some times only."""

    def model(x, t):
        noise, unknown = posterior_of_noise(x, t)
        i = np.searchsorted(process.times, t)
        return noise, as_v(step_variance(unknown, i, process), i, process).astype(x.dtype)

    return model


# %% [markdown]
# The measure is the bound of `diffusion/03` minus the true $-\log p$, the nats that the model loses
# at most. The mean is exact, so it loses them to the variance, and to the shape, because a true
# reverse step is not exactly Gaussian. (Where the loss is almost 0, sampling error may make it
# negative.) A sampler with 25 steps takes every eighth time, and each of its longer steps has a
# $\beta$ and a $\tilde\beta$ of its own.

# %%
lesson.predict(
    "A model with an exact mean takes 25 steps. What fraction of the nats that it loses with the"
    " better of beta and beta~ does the right variance save?",
    ["less than a third", "between a third and two thirds", "more than two thirds"],
)

# %%
from minigen.diffusion.likelihood import vlb_terms

points = ring.sample(lesson.rng("points"), lesson.size(3000, quick=50))
entropy = -ring.log_prob(points)


def lost(model, process, variance="learned"):
    """Mean nats of the bound above -log p."""
    terms = vlb_terms(model, points, process, lesson.rng("bound"), variance)
    return np.mean(terms.total - entropy)


processes, plane = {}, {}
for S in [S for S in (200, 50, 25, 10) if S <= T]:
    process = schedule if S == T else schedule.subset(spaced_timesteps(T, S))
    exact = exact_for(process)
    processes[S] = process
    plane[S] = [lost(exact, process, kind) for kind in ("beta", "posterior", "learned")]

# %%
lesson.table(
    [[S, *row] for S, row in plane.items()],
    ["steps", "beta", "beta~", "exact variance"],
    "nats lost, exact mean",
)
# %%
some = 25 if 25 in plane else list(plane)[-1]
usual, right = min(plane[some][:2]), plane[some][2]
saved = 1 - right / usual
lesson.outcome(
    f"The exact variance saves {saved:.0%}, because in {some} steps the model loses {usual:.2f}"
    f" nats with the better of the two and {right:.2f} with the exact variance, and nothing else"
    " differs between them.",
    answer="more than two thirds"
    if saved > 2 / 3
    else "between a third and two thirds"
    if saved > 1 / 3
    else "less than a third",
)

# %%
results = {S: plane.get(S, plane[some]) for S in (200, 50, 25)}  # not all are there with --quick
lesson.claim(
    "plane, 25 steps: nats lost, exact variance / better of beta and beta~",
    results[25][2] / min(results[25][:2]),
    at_most=0.5,
    source="nothing is trained; seeds 0, 1 and 7307: 0.13 to 0.23, doubled; no effect: 1",
)
# %%
lesson.claim(
    "plane, beta: nats lost in 200 steps / in 25",
    results[200][0] / results[25][0],
    at_most=0.3,
    source="nothing is trained; seeds 0, 1 and 7307: 0.12 to 0.14, doubled",
)
lesson.claim(
    "plane, beta~: nats lost in 200 steps / in 50",
    results[200][1] / results[50][1],
    at_least=1.2,
    source="nothing is trained; seeds 0, 1 and 7307: 1.5 to 1.7; margin: a fifth",
)

# %% [markdown]
# Neither fixed value is the better one. With $\beta$ the loss falls as the number of steps rises.
# With $\tilde\beta$ it is smaller in 50 steps than in 200. The exact variance loses least in every
# row, and with ten steps the difference is more than a nat. One nat means that the density which
# the bound guarantees is smaller by a factor of $e$, in the geometric mean over points. So there is
# something to gain. But what is this variance?
#
# ## 2. The right variance
#
# Take two steps of the forward process, $\beta_1 = 0.19$ and $\beta_2 = 0.36$, on numbers instead
# of images. Each step shrinks the number and adds noise. Given $x_2$, where was $x_1$?


# %%
def two_noisy_steps(rng, std, n):
    """x_1 and x_2 (n,) of n examples of N(0, std²)."""
    x0, first, second = rng.standard_normal((3, n))
    x1 = np.sqrt(0.81) * std * x0 + np.sqrt(0.19) * first
    return x1, np.sqrt(0.64) * x1 + np.sqrt(0.36) * second


# %%
fig, axes = plot.figure(1, 2, size=(3.2, 3.0))
for ax, std, name in zip(axes, (0.0, 1.0), ("one point, x_0 = 0", "data of variance 1")):
    x1, x2 = two_noisy_steps(lesson.rng("first look"), std, 1500)
    plot.samples(np.stack([x2, x1], axis=1), ax=ax, bounds=3.5, title=name)
    ax.set_xlabel("x_2")
    ax.set_ylabel("x_1")
lesson.figure(
    fig,
    "two_steps",
    "1,500 pairs of x_2 (horizontal) and x_1 (vertical), for two kinds of data. For a given x_2,"
    " the reverse step must draw x_1 from a vertical line through the cloud. Compare the height of"
    " the cloud along such a line.",
)

# %% [markdown]
# Two cases can be done by hand. If all data are one point, $x_0 = 0$, then $x_1$ is the noise of
# the first step, and its variance given $x_2$ is $\tilde\beta_2 = 0.19 \cdot 0.36 / 0.4816 = 0.142$
# (Eq. diffusion.07). If the data are Gaussian with variance 1, every $x_t$ has that distribution.
# The joint distribution of $x_1$ and $x_2$ is then symmetric, so the reverse step has the variance
# of the forward step, $\beta_2 = 0.36$. This is where the two values come from: each is exact for
# one kind of data.

# %%
lesson.predict(
    "The data are Gaussian with variance 1/4. What is the variance of x_1, given x_2?",
    ["0.36, as for data of variance 1", "0.142, as for the point", "in between"],
)

# %%
lesson.exercise("diffusion/07/gaussian_reverse_variance")

# %%
from minigen.diffusion.ddpm import gaussian_reverse_variance

lesson.show_source(gaussian_reverse_variance)
two_steps = Schedule([0.19, 0.36])
wide, narrow, quarter = (gaussian_reverse_variance(s2, 2, two_steps) for s2 in (1, 0, 0.25))
lesson.check("data of variance 1", wide, equals=0.36)
lesson.check("a single point", narrow, equals=0.19 * 0.36 / 0.4816)
lesson.check("data of variance 1/4", quarter, equals=0.36 * 0.3925 / 0.6112)

# %%
n = lesson.size(200_000, quick=20_000)
x1, x2 = two_noisy_steps(lesson.rng("two steps"), 0.5, n)
left_over = np.var(x1 - np.mean(x1 * x2) / np.mean(x2**2) * x2)
five_errors = 5 * quarter * np.sqrt(2 / n)
lesson.check("measured on draws", left_over, equals=quarter, atol=five_errors)
lesson.outcome(
    f"The variance is {quarter:.3f}, because the precisions add up: 1/0.3925 of x_1 before x_2 is"
    " known, and 0.64/0.36 of the step from x_1 to x_2.",
    answer="in between",
)

# %%
lesson.change(
    "wide data",
    "Take data of variance 4: change `(1, 0, 0.25)` to `(1, 0, 4)` and run again. What is the "
    "variance of $x_1$ now, given $x_2$?",
    answer="0.4832, more than $\\beta_2 = 0.36$. The variance of such data shrinks with every "
    "step forward, so $x_1$ has a larger one than $x_2$, by $V_1/V_2 = 3.43/2.5552$, and "
    "$\\beta_2$ is multiplied by that.",
)

# %% [markdown]
# Images are not Gaussian. What holds for all data? In a reverse step only the noise $\epsilon$ is
# unknown. If it were known, $x_{t-1}$ would have variance $\tilde\beta_t$ around the mean
# $\big(x_t - \beta_t \epsilon / \sqrt{1 - \bar\alpha_t}\big)/\sqrt{\alpha_t}$ of `diffusion/04`.
# Not knowing it moves this mean, and by the law of total variance the two variances add:
#
# $$\mathrm{Var}(x_{t-1} | x_t) = \tilde\beta_t + \frac{\beta_t^2}{\alpha_t (1 - \bar\alpha_t)}\,
# \mathrm{Var}(\epsilon | x_t).$$
#
# This is the function `step_variance` of section 1. Bao et al. (2022) noticed what it means for a
# trained network. Suppose each step may have just one number $\sigma_t^2$ as its variance. Then the
# best one has the mean of $\mathrm{Var}(\epsilon | x_t)$ on the right, and that is the mean square
# error of the noise that an exact network predicts. The best variance needs no training. It can be
# computed from the errors of a network that we already have.
#
# <details><summary>Derivation: the best single number, for any network</summary>
#
# Let $e^2$ be the mean square error of a network's noise, per dimension. Given $x_0$ and $x_t$, the
# posterior has variance $\tilde\beta_t$, and the network's mean is off by the error of the noise
# times $\beta_t/\sqrt{\alpha_t (1 - \bar\alpha_t)}$. The KL divergence of the posterior from the
# network's Gaussian is therefore on average, per dimension and up to a constant,
#
# $$\tfrac12 \Big(\log \sigma_t^2 + \frac{\tilde\beta_t + c\, e^2}{\sigma_t^2}\Big), \qquad c =
# \frac{\beta_t^2}{\alpha_t (1 - \bar\alpha_t)} .$$
#
# Its derivative with respect to $\sigma_t^2$ is 0 at $\sigma_t^2 = \tilde\beta_t + c\, e^2$. For an
# exact network $e^2 = \mathbb E[\mathrm{Var}(\epsilon | x_t)] = 1 - \mathbb E[\hat\epsilon^2]$,
# because $\epsilon$ has variance 1. This is the form of Bao et al. Ours also holds for a network
# with errors of its own.
#
# </details>
#
# For Gaussian data of variance 1/4, with 200 steps of the cosine schedule, the general formula must
# agree with that of the exercise. And at which steps do the data matter?

# %%
steps = numpy.arange(2, T + 1)
bar = schedule.alpha_bar[steps]
unknown = 0.25 * bar / (0.25 * bar + 1 - bar)  # the variance of the noise, given x_t
by_precisions = gaussian_reverse_variance(0.25, steps, schedule)
by_noise = step_variance(unknown, steps, schedule)
lesson.check("both formulas", by_noise, equals=by_precisions, atol=1e-9)

# %%
names = {1.0: "1: beta", 0.1: "0.1", 0.01: "0.01", 0.001: "0.001", 0.0: "0: beta~"}
curves = {}
for s2, name in names.items():
    ratio = gaussian_reverse_variance(s2, steps, schedule) / schedule.beta[steps]
    curves[f"data of variance {name}"] = ratio
ax = plot.line(steps, curves, xlabel="t", title="variance of the reverse step, over beta", log="x")
lesson.figure(
    ax,
    "widths",
    "The exact variance of a reverse step, divided by beta, for Gaussian data of five variances."
    " Look at the left end, where the curves part.",
)

# %% [markdown]
# At most steps all curves lie close together, because a single step adds little to the noise that
# is already there, and then even $\tilde\beta_t$ is nearly $\beta_t$. They part at the first steps,
# where each step adds a large part of the noise. There the right variance depends on the data, and
# no formula in $t$ can be right for all of them.
#
# ## 3. Too small costs more than too large
#
# Does it matter by how much a variance is wrong, and in which direction? The bound is made of KL
# divergences, and that of two Gaussians with the same mean depends only on the ratio $r$ of the
# true variance to that of the model:
#
# $$\mathrm{KL} = \tfrac12 (r - 1 - \log r) \quad \text{nats for each component}.$$
#
# For example, a model with four times the true variance, $r = 1/4$, pays 0.318 nats. A model with a
# quarter of it, $r = 4$, pays 0.807, because its density is low at values that often occur.
#
# We add this up over the steps, for Gaussian data and a model whose mean is exact, so that only its
# variance can be wrong:


# %%
def cost(r):
    """Nats of a component whose variance is r times that of the model."""
    return 0.5 * (r - 1 - np.log(r))


def total_cost(s2, process, variance):
    """Bits of each component, over all steps but the one to the data, t = 1."""
    t = numpy.arange(2, process.T + 1)
    return np.sum(cost(gaussian_reverse_variance(s2, t, process) / variance[t])) / np.log(2)


few = schedule.subset(spaced_timesteps(T, T // 8))
rows = []
for s2 in names:
    row = [s2]
    for process in (schedule, few):
        row.append(total_cost(s2, process, process.beta))
        row.append(total_cost(s2, process, process.posterior_variance))
    rows.append(row)

# %%
header = [f"{kind}, {process.T} steps" for process in (schedule, few) for kind in ("beta", "beta~")]
lesson.table(rows, ["data's variance", *header], "cost of the variance, bits a component")
lesson.check("four times too large", cost(1 / 4), equals=-3 / 8 + np.log(2))
lesson.check("four times too small", cost(4), equals=3 / 2 - np.log(2))
lesson.check("beta for data of variance 1", rows[0][1], equals=0, atol=1e-9)
lesson.check("beta~ for a point", rows[-1][2], equals=0, atol=1e-9)

# %% [markdown]
# A digit has both kinds of pixels. Its background is the same black everywhere, like a single
# point, and the gray values of its strokes vary. $\beta$ pays for the background, more so with few
# steps, and $\tilde\beta$ pays for the strokes. The variance should differ from pixel to pixel.
#
# ## 4. A mixing vector
#
# So let the network choose the variance of every component at every step. It could output $\log
# \sigma^2$ itself. But these logarithms cover a wide range, and the best value lies in a narrow
# interval of it. Nichol and Dhariwal (2021) let the model predict a *mixing vector* $\mathbf v$, of
# the size of $x_t$, and interpolate: $v = 1$ means $\beta_t$, $v = 0$ means $\tilde\beta_t$, and in
# between the logarithm of the variance is linear in $v$.
#
# For example, let $\beta_2 = 15/19$, and let $\tilde\beta_2$ be a sixteenth of it. Then $v = 1/4$
# is a quarter of the way up, counted in factors, and the variance is $16^{1/4} = 2$ times
# $\tilde\beta_2$. At $t = 1$ there is a problem. $\tilde\beta_1$ is 0, because the first step
# begins at $x_0$ itself, and $\log 0$ does not exist.

# %%
lesson.exercise("diffusion/07/learned_variance")

# %%
from minigen.diffusion.ddpm import learned_variance

lesson.show_source(learned_variance)
sixteenth = Schedule([1 / 20, 15 / 19])
found = learned_variance(np.array([[0.25, 0.75]]), 2, sixteenth)
lesson.check("v = 1/4 and 3/4", found[0], equals=[2 / 16 * 15 / 19, 8 / 16 * 15 / 19])
at_one = learned_variance(np.array([[0.0, 1.0]]), 1, sixteenth)
lesson.check("the two ends at t = 1", at_one[0], equals=[15 / 19 / 16, 1 / 20])

# %%
lesson.change(
    "beyond both ends",
    "Change `np.array([[0.25, 0.75]])` to `np.array([[2.0, -1.0]])` and run again. By "
    "what factor is the variance beyond the two ends?",
    answer="By 16 at either end: 12.63 is 16 times $\\beta_2 = 15/19$, and 0.003084 is a "
    "sixteenth of $\\tilde\\beta_2$. The line in the logarithm goes on, and $v$ rises by 1 for "
    "each factor of $\\beta_2/\\tilde\\beta_2 = 16$.",
)

# %% [markdown]
# As a formula (Eq. diffusion.19):
#
# $$\boldsymbol\Sigma_\theta(x_t, t) = \exp\big(\mathbf v \log \beta_t + (1 - \mathbf v) \log
# \tilde\beta_t\big).$$
#
# Now a network that outputs numbers near 0.5 already has a sensible variance at every step, before
# it has learned anything. (At $t = 1$ our implementation takes $\tilde\beta_2$ instead of
# $\tilde\beta_1$. That of Ho et al. takes $\tilde\beta_2$ there for either choice. For gray values
# many of the bits are spent at this step, so a table must say which.)
#
# ## 5. The hybrid objective
#
# What could train $\mathbf v$? $L_\text{simple}$ does not depend on the variance. The bound does,
# but does it train the mean as well as $L_\text{simple}$? Section 10 compares them. Nichol and
# Dhariwal do not have to choose, because they add the two, $L_\text{hybrid} = L_\text{simple} +
# \lambda L_\text{vlb}$ with $\lambda = 0.001$, and let the bound train $\mathbf v$ *only*: with a
# *stop gradient* on the mean $\boldsymbol\mu_\theta$ in $L_\text{vlb}$.

# %%
lesson.exercise("diffusion/07/hybrid_loss")

# %% [markdown]
# Let's follow the gradients on one number. The "network" has two weights: its noise is $w_1 x_t$,
# and $v = w_2$. Here $x_0 = 1$, the noise is 0.5, and $t = 2$ of the two steps of section 4.

# %%
from minigen.diffusion.ddpm import q_sample, simple_loss
from minigen.diffusion.likelihood import bound_weight, hybrid_loss, vlb_term
from minigen.tensor import grad

lesson.show_source(hybrid_loss)
one, noise, at_two = np.array([[1.0]]), np.array([[0.5]]), np.array([2])
weights = np.array([0.3, 0.4])


def two_weights(w):
    def model(x, t):
        return w[0] * x, w[1] + 0 * x

    return model


# %%
def hybrid(w):
    return hybrid_loss(two_weights(w), one, at_two, noise, sixteenth, weight=0.1)


def simple(w):
    return simple_loss(lambda x, t: w[0] * x, one, at_two, noise, sixteenth)


def whole_bound(w):
    return np.sum(vlb_term(two_weights(w), one, at_two, noise, sixteenth, "learned"))


# %%
of_hybrid = grad(hybrid)(weights)
of_simple = grad(simple)(weights)
of_bound = grad(whole_bound)(weights)
T_over_D = 2  # two steps, one dimension
lesson.table(
    [
        ["w1 (noise)", of_simple[0], of_bound[0], of_hybrid[0]],
        ["w2 (v)", of_simple[1], of_bound[1], of_hybrid[1]],
    ],
    ["derivative with respect to", "L_simple", "the bound's term", "L_hybrid, weight 0.1"],
)
lesson.check("the noise learns from L_simple", of_hybrid[0], equals=of_simple[0])
lesson.check("v learns from the bound", of_hybrid[1], equals=0.1 * T_over_D * of_bound[1])

# %%
lesson.change(
    "ten times the weight",
    "In `hybrid`, change `weight=0.1` to `weight=1.0` and run again. Which entries of the "
    "gradient of $L_\\text{hybrid}$ change, and by what factor?",
    answer="Only that of $v$: it is -1.824, ten times what it was. That of the noise stays at "
    "-0.4144, the gradient of $L_\\text{simple}$, because the gradient of the bound stops before "
    "it reaches the mean.",
)

# %% [markdown]
# The last column takes its first row from $L_\text{simple}$ and its second, scaled, from the bound.
# The mean is trained as in DDPM, whatever $\lambda$ is. This is why learning the variance cannot
# make the noise worse, if the two do not share weights.
#
# ## 6. The plane, with a learned variance
#
# We return to the ring and its exact mean, so that only $v$ is trained, on all 200 steps. The first
# half of the hybrid loss then has no weights to train, and the second gets the weight 1.

# %%
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.optim import cosine
from minigen.train import descend


def with_v(v_net):
    """The exact noise, and a learned v, which is 1/2 before training."""

    def model(x, t):
        return posterior_of_noise(x, t)[0], v_net(x, t) + np.float32(0.5)

    return model


def half(x, t):
    """The exact noise and v = 1/2."""
    return posterior_of_noise(x, t)[0], np.full_like(x, 0.5)


def plane_loss(v_net, x0, t, eps):
    return hybrid_loss(with_v(v_net), x0, t, eps, schedule, weight=1.0)


# %%
def noisy_points(rng, count=256):
    x0 = ring.sample(rng, count)
    return x0, rng.integers(1, T + 1, count), rng.standard_normal(x0.shape, dtype=np.float32)


rng = lesson.rng("v in the plane")
count = lesson.steps(2500, quick=5)
step = descend(
    plane_loss,
    EpsMLP(rng, width=64, layers=3),
    noisy_points,
    rng=rng,
    lr=cosine(2e-3, count),
    ema=0.995,
)
lesson.fit(step, count, state=step.state, label="v in the plane")
learned = with_v(step.averaged)

# %% [markdown]
# Two rivals need no training: $v = 1/2$ everywhere, and the best single number for each step, as in
# section 2. The last is computed from the noise of 1,000 points at each step.


# %%
rng, many = lesson.rng("one number"), lesson.size(1000, quick=20)
unknown = np.zeros(T + 1)
for t in range(1, T + 1):
    x0 = ring.sample(rng, many)
    x_t = q_sample(x0, t, rng.standard_normal(x0.shape, dtype=np.float32), schedule)
    unknown[t] = posterior_of_noise(x_t, np.full(many, t))[1].mean()


def number_for(process):
    """The exact noise and the best single number for each step of a schedule."""
    i = numpy.arange(1, process.T + 1)
    v = as_v(step_variance(unknown[process.times[i]], i, process), i, process)

    def model(x, t):
        of_each = v[np.searchsorted(process.times, t) - 1]
        return posterior_of_noise(x, t)[0], np.ones_like(x) * of_each[:, None].astype(x.dtype)

    return model


# %%
chosen = {
    S: [lost(half, p), lost(number_for(p), p), lost(learned, p)] for S, p in processes.items()
}
lesson.table(
    [[S, min(plane[S][:2]), *chosen[S], plane[S][2]] for S in plane],
    ["steps", "better of both", "v = 1/2", "one number a step", "learned v", "exact variance"],
    "nats lost, exact mean",
)

# %%
own_200 = chosen.get(200, chosen[some])[2]
lesson.claim(
    "plane, 200 steps: nats lost with the learned variance",
    own_200,
    at_most=0.1,
    source="seeds 0, 1 and 7307: -0.001 to 0.026; v = 1/2: 0.14 to 0.18",
)
lesson.claim(
    "plane, 200 steps: nats lost, learned / better of beta and beta~",
    own_200 / min(results[200][:2]),
    at_most=0.7,
    source="seeds 0, 1 and 7307: -0.01 to 0.20; v = 1/2: 1.3",
)

# %% [markdown]
# With all 200 steps the learned $v$ loses almost nothing, where $v = 1/2$ loses 0.2 nats. So a
# network can learn the variance from the bound alone. But one number a step does just as well, and
# with fewer steps it does better. The learned $v$ was trained on the short steps. It can be used
# with longer ones, because it is relative to their own $\beta$ and $\tilde\beta$, but with 25 or 10
# it hardly improves on $v = 1/2$. The single number is computed for the steps that are taken, which
# is what Bao et al. were after. Only the exact variance, which also depends on $x_t$, does better.
#
# *Is $v$ between 0 and 1?* The post calls it an interpolation. Here are the exact $v$ and the
# learned one:

# %%
times = np.unique(np.linspace(1, T, lesson.size(60, quick=8)).astype(int))
rng = lesson.rng("range of v")
exact_v, learned_v = [], []
for t in times:
    x0 = ring.sample(rng, lesson.size(1000, quick=20))
    x_t = q_sample(x0, t, rng.standard_normal(x0.shape, dtype=np.float32), schedule)
    each = np.full(len(x0), t)
    exact_v.append(exact_for(schedule)(x_t, each)[1])
    learned_v.append(learned(x_t, each)[1])
exact_v, learned_v = np.stack(exact_v), np.stack(learned_v)  # (K, N, 2)
means = {"exact, mean": exact_v.mean(axis=(1, 2)), "learned, mean": learned_v.mean(axis=(1, 2))}
low, high = np.quantile(exact_v, [0.05, 0.95], axis=(1, 2))
lines = {"v = 1: beta": 1.0, "v = 0: beta~": 0.0}

# %%
ax = plot.line(
    times,
    means,
    band={"exact, mean": (low, high)},
    reference=lines,
    xlabel="t",
    title="v from t = 1 to T",
)
lesson.figure(
    ax,
    "range_of_v",
    "The mean over points of the exact v (blue) and of the learned one (orange), at each t. The"
    " band holds nine tenths of the exact values. Look where it leaves the strip between the two"
    " lines.",
)

# %%
lesson.claim(
    "plane: largest exact v",
    exact_v.max(),
    at_least=1.5,
    source="nothing is trained; seeds 0, 1 and 7307: 5.0 to 6.1",
)

# %% [markdown]
# The exact $v$ exceeds 1 for points between two modes. Either may be the mode that the point came
# from, so the reverse step has a larger variance than $\beta_t$. Nothing in Eq. diffusion.19 keeps
# $v$ in $[0, 1]$, so a network may output such values. Whether ours does, its mean in the figure
# does not show. (At the last steps its mean stays below the exact one. There $\beta_t$ and
# $\tilde\beta_t$ almost agree, and $v$ hardly matters.)
#
# ## 7. Digits
#
# The ring has an exact mean. A digit has 784 pixels and a network that makes errors. Does a learned
# variance still help? The U-Net of `diffusion/04`, with width 16, now outputs the noise and
# $\mathbf v$, both in the shape of the image. Pixels are 256 gray values between $-1$ and 1.

# %%
from minigen.data import mnist
from minigen.diffusion.networks.unet import UNet

digits = mnist.splits()
rng = lesson.rng("digits")
net = UNet(rng, width=lesson.size(16, quick=8), learned_variance=True)
size = lesson.size(64, quick=4)
batches = mnist.batches(
    mnist.symmetric(digits.train.images), digits.train.labels, size=size, rng=rng
)


def noisy_digits(rng):
    x0, _ = next(batches)
    return x0, rng.integers(1, T + 1, len(x0)), rng.standard_normal(x0.shape, dtype=np.float32)


def digit_loss(net, x0, t, eps):
    return hybrid_loss(net, x0, t, eps, schedule, levels=256)


# %%
count = lesson.steps(2500, quick=2)
lr = cosine(2e-3, count, warmup=min(100, count // 4))
step = descend(digit_loss, net, noisy_digits, rng=rng, lr=lr, ema=0.998, parallel=True)
lesson.fit(step, count, state={**step.state, "batches": batches}, label="digits")
net = step.averaged

# %% [markdown]
# We compute the bound in bits per pixel (bits/dim) for test digits. Mean and noise are the same for
# every variance. Pixels are never outside $[-1, 1]$, so the $\hat x_0$ that the predicted noise
# implies is clipped there, as in the code of both papers. The single number for each step is
# computed from the errors of the noise on 100 *validation* digits. At $t = 1$, where gray values
# have probabilities instead of a density, the formula does not hold, and $\tilde\beta_2$ takes its
# place.

# %%
from minigen.diffusion.samplers import clipped

images = mnist.symmetric(digits.test.images[: lesson.size(400, quick=4)])
others = mnist.symmetric(digits.validation.images[: lesson.size(100, quick=4)])
BITS = images[0].size * np.log(2)  # nats of an image to bits of a pixel
KINDS = {"beta": "beta", "posterior": "beta~", "one": "one number a step", "learned": "learned"}
judged = clipped(net, schedule)


def known(noise, v):
    """A model whose output is known already."""
    return lambda x, t: (noise, v)


rng, error_at = lesson.rng("errors on validation digits"), np.zeros(T + 1)
for t in range(1, T + 1):
    eps = rng.standard_normal(others.shape, dtype=np.float32)
    x_t = q_sample(others, t, eps, schedule)
    error_at[t] = np.mean((judged(x_t, np.full(len(others), t))[0] - eps) ** 2)


# %%
def at_step(process, t, eps):
    """Bits a pixel of step t, by variance, (N,) each; and the squared error of the noise."""
    time, x_t = process.times[t], q_sample(images, t, eps, process)
    noise, v = judged(x_t, np.full(len(images), time))
    number = 0 if t == 1 else as_v(step_variance(error_at[time], t, process), t, process)
    bits = {}
    for kind in KINDS:
        model = known(noise, np.full_like(v, number) if kind == "one" else v)
        variance = "learned" if kind == "one" else kind
        bits[kind] = vlb_term(model, images, t, eps, process, variance, levels=256) / BITS
    return bits, (noise - eps) ** 2


# %%
lesson.predict(
    "A diffusion model of digits takes 25 steps. What variance gives the test digits the lowest"
    " bound?",
    ["beta", "beta~", "one number a step, computed from the errors", "the learned one"],
)

# %%
ground = images == -1  # the black background, where nothing is drawn


def bound(process):
    """By variance the bits of each step (S, N); and the noise's mean square error (S, 2), on the
    background and elsewhere."""
    rng = lesson.rng("bound on digits")
    bits, errors = {kind: [] for kind in KINDS}, []
    for t in range(1, process.T + 1):
        found, wrong = at_step(process, t, rng.standard_normal(images.shape, dtype=np.float32))
        errors.append([wrong[ground].mean(), wrong[~ground].mean()])
        for kind in KINDS:
            bits[kind].append(found[kind])
    return {kind: np.array(a) for kind, a in bits.items()}, np.array(errors)


bits, errors = {}, {}
for process in (schedule, few):
    bits[process.T], errors[process.T] = bound(process)

# %%
total = {(S, kind): bits[S][kind].sum(axis=0) for S in bits for kind in KINDS}  # (N,) each
rows = []
for kind, name in KINDS.items():
    row = [name]
    for S in bits:
        above = total[S, kind] - total[S, "learned"]  # image by image
        row += [total[S, kind].mean(), above.mean(), above.std() / np.sqrt(len(above))]
    rows.append(row)

# %%
parts = ("", ", above learned", ", its standard error")
header = [f"{S} steps{part}" for S in bits for part in parts]
last_step = "at t = 1: β₁ for beta, β̃₂ for beta~ and for one number"
lesson.table(rows, ["variance", *header], f"bits a pixel, test digits; {last_step}")
lowest = min(KINDS, key=lambda kind: total[few.T, kind].mean())
value = {kind: f"{total[few.T, kind].mean():.3f}" for kind in KINDS}
lesson.outcome(
    f"In {few.T} steps the bound is {value['learned']} bits a pixel with the learned variance and"
    f" {value['one']} with one number a step. With beta it is {value['beta']}, with beta~"
    f" {value['posterior']}. Only the learned variance differs from pixel to pixel.",
    answer={"learned": "the learned one", "one": "one number a step, computed from the errors"}.get(
        lowest, KINDS[lowest]
    ),
)

# %%
for S in bits:
    which = "all" if S == T else "few"
    own = total[S, "learned"].mean()
    lesson.claim(
        f"digits, {which} steps, learned variance: bits a pixel",
        own,
        at_most=3,
        source="seeds 0, 1 and 7307: 2.28 to 2.37, plus a quarter; untrained above 4",
    )
    better = min(total[S, "beta"].mean(), total[S, "posterior"].mean())
    lesson.claim(
        f"digits, {which} steps: bits saved, better of beta and beta~",
        better - own,
        at_least=0.04,
        source="seeds 0, 1 and 7307: 0.05 to 0.17; margin: a fifth; untrained below 0",
    )

# %% [markdown]
# The learned variance has the lowest bound, with many steps and with few. It saves 0.16 bits a
# pixel compared with $\tilde\beta$ in 200 steps, and 0.09 in 25, which for 784 pixels is 70 bits a
# digit. (In three runs with different seeds it was 0.15 to 0.17, and 0.05 to 0.09.) The single
# number comes second, without any training. Unlike in the plane it does not catch up. Why not? Two
# things differ. At $t = 1$, where more than half of the bits are spent (section 8), the single
# number is not fitted. A separate evaluation of the same network shows that this step accounts for
# 0.04 of the 0.10 bits between the two in 200 steps, and for 0.006 of the 0.046 in 25. The rest is
# lost at steps where the number is fitted. But there it is the same for all pixels, and so cannot
# suit both background and strokes. Has the network learned to tell them apart? $\mathbf v$ has the
# shape of an image, so we can look at it:

# %%
from minigen.diffusion.ddpm import predict_x0_from_eps

shown = images[:3]
rng = lesson.rng("pictures of v")
panels, labels = [], []
for t in (T // 20, T // 4, 3 * T // 5):
    x_t = q_sample(shown, t, rng.standard_normal(shown.shape, dtype=np.float32), schedule)
    eps, v = net(x_t, np.full(len(shown), t))
    x0 = np.clip(predict_x0_from_eps(x_t, t, eps, schedule), -1, 1)
    for k in range(len(shown)):
        panels += [x_t[k], x0[k], np.clip(2 * v[k] - 1, -1, 1)]
    labels.append(f"t = {t}")

# %%
ax = plot.image_grid(
    np.stack(panels),
    cols=3 * len(shown),
    row_labels=labels,
    col_labels=["x_t", "its x_0", "v"] * len(shown),
    limits=(-1, 1),
)
lesson.figure(
    ax,
    "pictures_of_v",
    "Three digits at three times, each with the x_0 that the network predicts and its v. Black is"
    " v = 0 (or less), the variance for a point, and white is v = 1, beta. Compare the background"
    " with the strokes in the first row, where there is little noise.",
)

# %% [markdown]
# At $t = 10$ the strokes are bright and the background is dark, as section 3 suggested. No label
# marks the pixels that vary. Training with the bound is enough. At $t = 50$ the strokes are only
# faintly brighter, and at $t = 120$ no digit can be recognized in $v$. So late in the process
# $\beta_t$ and $\tilde\beta_t$ almost agree, as the figure of section 2 shows, and $v$ matters
# little.
#
# ## 8. Why do more steps not cost fewer bits?
#
# *You may skip this section, because the lesson does not need it. It is for readers who noticed
# that the bound on digits is about the same in 200 steps and in 25.*
#
# In theory more steps do not hurt if each has the right mean and variance, because a shorter step
# is closer to a Gaussian. On the ring, with the exact variance, the loss fell. But the network is
# not exact, and each of its errors is paid once a step. By the derivation in section 2 a mean
# square error $e^2$ of the noise costs $c_t e^2 / 2\tilde\beta_t$ nats with the variance
# $\tilde\beta_t$. The factor is large in the first steps, where the signal is strong.
#
# Most of a digit is background, exactly $-1$. Once a pixel is known to be background, its noise is
# known exactly: it is $(x_t + \sqrt{\bar\alpha_t}) / \sqrt{1 - \bar\alpha_t}$. What does the
# network predict there?

# %%
factor = bound_weight(steps, schedule, schedule.posterior_variance[steps])  # c / 2 beta~
fraction = numpy.mean(ground)
lost_bits = factor * errors[T][1:, 0] * fraction / np.log(2)  # on the background
length = int(few.times[1])  # the first of the few steps is as long as so many

# %%
to_90 = int(0.9 * T)
ax = plot.line(
    numpy.arange(1, to_90 + 1),
    {"on the background": errors[T][:to_90, 0], "elsewhere": errors[T][:to_90, 1]},
    xlabel="t",
    log="xy",
    title="mean square error of the noise",
)
lesson.figure(
    ax,
    "errors",
    "The error of the predicted noise on the background (blue) and elsewhere (orange), up to 0.9 T."
    " The error of predicting 0 is 1, and that of recognizing the background exactly is 0."
    " Look at the first steps, where the noise is too small to be seen in the image.",
)

# %%
rows = []
for S, first in ((T, length), (few.T, 1)):
    each = bits[S]["learned"].mean(axis=1)
    on_ground = lost_bits[: first - 1].sum() if first > 1 else "–"
    rows.append([S, each[0], each[1:first].sum(), on_ground, each[first:].sum(), each.sum()])
lesson.table(
    rows,
    ["steps", "t = 1", f"others up to time {length}", "for the background", "later", "sum"],
    "learned variance, bits a pixel",
)

# %% [markdown]
# With 200 steps the first eight cost 1.88 bits together, and with 25 the single step that replaces
# them costs 1.76. Errors of the noise on the background cost about 0.16 bits in the steps 2 to 8,
# more than the 0.12 bits by which 1.88 exceeds 1.76. The later steps together cost less if they are
# short, as in theory. More steps lower the bound only as long as the network is exact enough for
# them.
#
# ## 9. Which steps to draw
#
# Why not train everything with $L_\text{vlb}$, if a low bound is the goal? Nichol and Dhariwal
# (2021) tried, and found the gradient noisy. The terms of the bound differ by orders of magnitude,
# and each example draws one of them. Two terms show the problem, 8 and 1. You draw one to estimate
# their mean, 4.5. With even draws the estimate is 8 or 1. But you may also draw the first with
# probability $p$ and weight what you get, as $8/(2p)$ or $1/(2(1-p))$. This is *importance
# sampling*, and the mean of the estimate is 4.5 for any $p$.

# %%
lesson.predict(
    "Two terms, 8 and 1: how often must you draw the 8, so that both weighted draws give the same?",
    ["p = 1/2", "p = 8/9", "p = 64/65"],
)

# %%
lesson.exercise("diffusion/07/loss_aware_probabilities")

# %%
from minigen.diffusion.importance import LossAwareTimes, loss_aware_probabilities

lesson.show_source(loss_aware_probabilities)
terms = np.array([8.0, 1.0])
p = loss_aware_probabilities(terms[:, None], uniform=0.0)
lesson.check("p of the two", p, equals=[8 / 9, 1 / 9])
lesson.check("the estimate, either way", terms / (2 * p), equals=[4.5, 4.5])
lesson.outcome(
    "Both draws then give 4.5, because 8/(2 · 8/9) = 1/(2 · 1/9). (With squares it would be"
    " 64/65.)",
    answer="p = 8/9",
)

# %%
lesson.change(
    "some draws for every step",
    "Change `uniform=0.0` to `uniform=0.5` and run again. How often are the two terms drawn now, "
    "and do both draws still give 4.5?",
    answer="With $p = 0.6944$ and 0.3056, and the draws no longer agree: one gives 5.76, the "
    "other 1.636. Their mean is still 4.5, but the estimate has a variance again. In return "
    "every step is drawn now and then, even one whose loss is 0 today and grows later.",
)

# %% [markdown]
# The terms of a real bound change with image and noise, and the best $p_t$ is proportional to
# $\sqrt{\mathbb E[L_t^2]}$. The mean is taken over the last ten losses of each step.
#
# <details><summary>Derivation: the probabilities of smallest variance</summary>
#
# The estimate $L_t/(T p_t)$ has the same mean for all $p$, so its mean square $\frac{1}{T^2} \sum_t
# a_t/p_t$ with $a_t = \mathbb E[L_t^2]$ must be smallest. By the Cauchy-Schwarz inequality and
# $\sum_t p_t = 1$
#
# $$\Big(\sum_t \sqrt{a_t}\Big)^2 = \Big(\sum_t \sqrt{a_t/p_t}\,\sqrt{p_t}\Big)^2 \le \sum_t
# \frac{a_t}{p_t} ,$$
#
# and both sides are equal if $a_t/p_t$ is proportional to $p_t$, which is $p_t \propto \sqrt{a_t}$.
#
# </details>
#
# For the network of section 7 the probabilities are far from even:

# %%
aware = LossAwareTimes(T, history=3 if lesson.quick else 10)
recent = bits[T]["learned"][:, : aware.history] * BITS  # (T, history), nats
for losses in recent.T:
    aware.update(np.arange(1, T + 1), losses)
often = aware.probabilities()[1:]

# %%
ax = plot.line(
    numpy.arange(1, T + 1),
    {"loss-aware": often, "evenly": np.full(T, 1 / T)},
    log="xy",
    xlabel="t",
    title="how often each step is drawn",
)
most = np.sort(often)[::-1][: T // 20].sum()
lesson.figure(
    ax,
    "how_often",
    "The probability of each step, loss-aware (blue) and even (orange). Look at the left end:"
    f" {most:.0%} of the draws go to a twentieth of the steps.",
)

# %% [markdown]
# Losses are not gradients. Is the variance of the *gradient* smaller, too? For each $t$ we take the
# squared norm of the gradient of one term with respect to all weights, averaged over a few images,
# and call it $G_t$. With $p_t$ the weighted gradient has the mean square $\sum_t G_t/(T^2 p_t)$.
# Its variance is this minus the square of the mean gradient.

# %%
from minigen.tensor import leaves, value_and_grad

each = lesson.size(3, quick=1)
rng = lesson.rng("gradients")


def term(net, x, t, eps):
    model = clipped(net, schedule)
    return np.mean(vlb_term(model, x, t, eps, schedule, "learned", levels=256)) / BITS


def gradient_of(t):
    """The gradient of one term for one image, as a vector."""
    x = images[rng.integers(len(images), size=1)]
    eps = rng.standard_normal(x.shape, dtype=np.float32)
    grads = value_and_grad(term)(net, x, t, eps)[1]
    return np.concatenate([np.ravel(a) for a in leaves(grads)])


even = np.full(T, 1 / T)

# %%
lengths, mean = np.zeros((T, each)), 0.0
for t in range(1, T + 1):
    gradients = np.stack([gradient_of(t) for _ in range(each)])
    lengths[t - 1] = np.sum(gradients.astype(float) ** 2, axis=1)
    mean = mean + gradients.mean(axis=0) / T
G = lengths.mean(axis=1)
own_noise = np.sum(G) / (each * T**2)  # of the mean gradient
of_mean = max(np.sum(mean.astype(float) ** 2) - own_noise, 0.0)


def variance(p):
    """Of the weighted gradient of one draw."""
    return np.sum(G / p) / T**2 - of_mean


best = np.sqrt(G) / np.sum(np.sqrt(G))
ways = {"evenly": even, "loss-aware": often, "by the gradients themselves": best}

# %%
lesson.table(
    [[name, variance(p), variance(even) / variance(p)] for name, p in ways.items()],
    ["drawn", "variance of the gradient", "evenly / this"],
)
second_best = min(variance(even), variance(often))
lesson.check("by the gradients / better of the others", variance(best) / second_best, at_most=1.0)

# %% [markdown]
# Loss-aware draws make the variance of the gradient about 60 times smaller, and the best possible
# probabilities would make it only a little smaller still. (The last row needs the gradients of all
# steps, which are not known in practice.) So losses are a good substitute for gradients, and the
# noise of $L_\text{vlb}$ can be reduced. Is noise all that speaks against training with the bound?
#
# ## 10. The free diagonal, or the bound?
#
# Ho et al. (2020) learned a *free diagonal*, $\log \sigma^2$ itself, with the bound. Training
# became unstable, and the samples worse. Nichol and Dhariwal changed two things, how the variance
# is output and what the networks are trained on. Which of the two matters? We train the noise, too,
# this time in the plane, with one network for the noise and a second one for the variance. The
# second outputs $v$ or a free diagonal. The objective is $L_\text{hybrid}$, or $L_\text{vlb}$ for
# both networks. Two controls change one thing more each: one draws loss-aware time steps, and one
# does not learn the variance at all but keeps it at $\beta_t$.


# %%
from minigen.nn import Module


class NoiseAndVariance(Module):
    """eps and v of points in the plane; with free=True the second network outputs log σ²."""

    def __init__(self, rng, free):
        self.noise = EpsMLP(rng, width=64, layers=3)
        self.second = EpsMLP(rng, width=64, layers=3)
        self.free = free

    def __call__(self, x, t):
        out = self.second(x, t)
        if not self.free:
            return self.noise(x, t), out + np.float32(0.5)
        return self.noise(x, t), v_of_logarithm(out, t)


# %%
def v_of_logarithm(log_variance, t):
    """The v that stands for log σ² (N, 2) at the times t (N,)."""
    ends = schedule.posterior_variance_clipped[t], schedule.beta[t]
    low, high = [np.log(end)[:, None].astype(np.float32) for end in ends]
    return (log_variance - low) / (high - low)


def hybrid_in_plane(model, x0, t, eps):
    return hybrid_loss(model, x0, t, eps, schedule)


def bound_in_plane(model, x0, t, eps, variance="learned"):
    return np.mean(vlb_term(model, x0, t, eps, schedule, variance))


# %%
def aware_bound(model, x0, t, eps, weight):
    terms = vlb_term(model, x0, t, eps, schedule, "learned")
    times_drawn.update(t, terms)
    return np.mean(weight * terms)


def aware_points(rng, count=256):
    t, weight = times_drawn.sample(rng, count)
    return ring.sample(rng, count), t, rng.standard_normal((count, 2), dtype=np.float32), weight


x0, t, eps = noisy_points(lesson.rng("watched points"), 2000)
x_watched, t_watched = q_sample(x0, t, eps, schedule), t
exact_watched = posterior_of_noise(x_watched, t_watched)[0]


def noise_error(model):
    """Mean square difference of the predicted and the exact noise."""
    return np.mean((model(x_watched, t_watched)[0] - exact_watched) ** 2)


# %%
every = max(1, lesson.steps(2000, quick=6) // 40)
times_drawn = LossAwareTimes(T)


def train_both(name, loss, free=False, draw=noisy_points, **more):
    """The trained networks (their average), and the error of the noise during training."""
    rng, count = lesson.rng("v, L_hybrid"), every * 40  # the same first weights and batches for all
    model, errors = NoiseAndVariance(rng, free), np.zeros(40)
    step = descend(loss, model, draw, rng=rng, lr=cosine(2e-3, count), ema=0.995)

    def watched(i):
        if i % every == 0:
            errors[i // every] = noise_error(model)
        return step(i)

    lesson.fit(watched, count, state={**step.state, "errors": errors, **more}, label=name)
    return step.averaged, errors


# %%
lesson.predict(
    "One training used a free diagonal and the bound, and went wrong. Which choice makes the"
    " predicted noise worse?",
    [
        "the free diagonal, with either objective",
        "the bound, with either output",
        "only both together",
    ],
)

# %%
trained = {
    "v, L_hybrid": train_both("v, L_hybrid", hybrid_in_plane),
    "v, L_vlb": train_both("v, L_vlb", bound_in_plane),
    "v, L_vlb, loss-aware": train_both(
        "v, L_vlb, loss-aware", aware_bound, draw=aware_points, times=times_drawn
    ),
    "beta, L_vlb": train_both("beta, L_vlb", partial(bound_in_plane, variance="beta")),
    "free diagonal, L_hybrid": train_both("free diagonal, L_hybrid", hybrid_in_plane, free=True),
    "free diagonal, L_vlb": train_both("free diagonal, L_vlb", bound_in_plane, free=True),
}

# %%
curves = {name: errors for name, (_, errors) in trained.items()}
ax = plot.line(
    every * numpy.arange(40),
    curves,
    log="y",
    xlabel="training step",
    title="mean square error of the noise",
)
lesson.figure(
    ax,
    "free_diagonal",
    "The difference of the predicted from the exact noise during the six trainings, a color for"
    " each. Look how smoothly each curve falls, and how far.",
)

# %%
at_end = {name: noise_error(model) for name, (model, _) in trained.items()}
by_hybrid = max(at_end["v, L_hybrid"], at_end["free diagonal, L_hybrid"])
by_bound = min(at_end["v, L_vlb"], at_end["free diagonal, L_vlb"])
by_free = min(at_end["free diagonal, L_hybrid"], at_end["free diagonal, L_vlb"])
by_v = max(at_end["v, L_hybrid"], at_end["v, L_vlb"])
either = "the free diagonal, with either objective" if by_free > by_v else "only both together"
lesson.outcome(
    f"The mean square error is at most {by_hybrid:.3f} with L_hybrid and at least {by_bound:.3f}"
    " with L_vlb. With L_hybrid it is the same for both outputs, because the bound's gradient stops"
    " before the noise.",
    answer="the bound, with either output" if by_bound > by_hybrid else either,
)

# %% [markdown]
# What do the errors of the noise mean for the bound and for samples? We compute the nats of the
# bound above those of the exact model, and the distance of samples in all 200 steps. It is the
# sliced Wasserstein distance over its *floor*, the distance of two sets of data. (As in section 7
# $\hat x_0$ is clipped, here to $[-3, 3]$, which no data leave, and variances are at most 1.)


# %%
from minigen.diffusion.samplers import strided
from minigen.metrics import sliced_wasserstein

sampled = points[: lesson.size(500, quick=20)]


def bounded(model):
    """The model with an implied x_0 in [-3, 3] and variances of at most 1."""

    def limited(x, t):
        eps, v = clipped(model, schedule, -3, 3)(x, t)
        return eps, np.minimum(v, v_of_logarithm(np.float32(0), t))

    return limited


def nats(model):
    """The mean bound of some points, with the same noise for every model."""
    rng = lesson.rng("bound of some points")
    return vlb_terms(bounded(model), sampled, schedule, rng, "learned").total.mean()


# %%
n = lesson.size(5000, quick=100)
data = [ring.sample(lesson.rng(f"data {k}"), n) for k in range(8)]


def distance(a, b):
    return sliced_wasserstein(a, b, 64, lesson.rng("directions"))


def over_floor(sampler):
    """Mean and standard error of the distance of four sets of samples, in floors."""
    floor = np.mean([distance(data[k], data[k + 4]) for k in range(4)])
    far = [distance(sampler(lesson.rng(f"samples {k}")), data[k]) / floor for k in range(4)]
    return np.mean(far), np.std(far, ddof=1) / 2


def all_steps(rng, model):
    """Samples (n, 2) of a model, in all steps."""
    x = rng.standard_normal((n, 2), dtype=np.float32)
    return strided(bounded(model), x, schedule, T, rng, "learned")


# %%
def one_gaussian(x, t):
    """The exact noise if the data were one Gaussian of variance 1, and v = 1, beta."""
    return (np.sqrt(1 - schedule.alpha_bar[t])[:, None] * x).astype(x.dtype), np.ones_like(x)


def with_beta(model):
    """The noise of a model, and v = 1."""
    return lambda x, t: (model(x, t)[0], np.ones_like(x))


# %%
models = {name: model for name, (model, _) in trained.items()} | {"one Gaussian": one_gaussian}
models["beta, L_vlb"] = with_beta(models["beta, L_vlb"])
with_exact, far, rows = nats(exact_for(schedule)), {}, []
for name, model in models.items():
    far[name], error = over_floor(partial(all_steps, model=model))
    rows.append([name, noise_error(model), nats(model) - with_exact, far[name], error])
lesson.table(
    rows,
    ["training", "error of the noise", "nats above exact", "samples over floor", "standard error"],
)

# %%
lesson.claim(
    "L_hybrid: mean square error of the noise",
    at_end["v, L_hybrid"],
    at_most=0.1,
    source="seeds 0, 1 and 7307: 0.024 to 0.026; other weights 0.046, doubled; one Gaussian > 0.16",
)
lesson.claim(
    "v, L_hybrid: distance of samples over the floor",
    far["v, L_hybrid"],
    at_most=5,
    source="seeds 0, 1 and 7307: 2.1 to 3.0; other weights 3.5, plus a third; one Gaussian > 11",
)

# %% [markdown]
# In the figure two pairs of curves coincide, those of $L_\text{hybrid}$, and those of $v$ and of
# $\beta_t$ with $L_\text{vlb}$. With the bound the noise is not better after 2,000 steps than that
# of a single Gaussian (0.189). Two of the four networks are worse, one is equal, and the free
# diagonal is better by only 0.005, so their order means little. What the table shows is the gap
# between all four and the 0.026 of $L_\text{hybrid}$.
#
# Where does the gap come from? The control that keeps the variance at $\beta_t$ has the same error,
# so the *learned* variance is not to blame. Loss-aware draws change little, too, although we have
# measured their effect on the gradient only for digits. The clearest evidence is again the control.
# With a fixed variance $L_\text{vlb}$ is $L_\text{simple}$ with the weights of Eq. diffusion.14
# (except at $t = 1$), which are largest at the first steps, and with equal weights the same network
# reaches 0.026 in as many steps. We have not measured at which steps the remaining error is. And
# all this holds for short trainings. (In a separate run of 10,000 steps with $L_\text{vlb}$ the
# error was still 0.11. After 25,000, in `diffusion/04`, the weights make hardly any difference.)
#
# None of the six trainings was unstable, so we have not reproduced what Ho et al. saw with larger
# networks on images. How the variance is written matters less here. With $L_\text{hybrid}$ the
# mixing vector loses about 0.1 nats fewer than the free diagonal, and with $L_\text{vlb}$ about
# 0.15 more.
#
# ## 11. Do samples gain?
#
# So far the bound decided. But we wanted few steps for the sake of samples. With the exact mean of
# the ring, only the variance differs. (The samples of this small network of digits are not shown;
# `diffusion/09` has a larger one.)


# %%
WAYS = {"beta": "beta", "posterior": "beta~", "learned": "learned", "exact": "exact variance"}


def draw(rng, n, jumps=T // 8, variance="learned"):
    """Points of the ring with the exact noise, in so many steps."""
    x = rng.standard_normal((n, 2), dtype=np.float32)
    if variance != "exact":
        return strided(learned, x, schedule, jumps, rng, variance)
    model = exact_for(schedule.subset(spaced_timesteps(T, jumps)))
    return strided(model, x, schedule, jumps, rng, "learned")


jumps_of = (T // 4, T // 8, max(2, T // 20))
rows = []
for jumps in jumps_of:
    ways = [over_floor(partial(draw, n=n, jumps=jumps, variance=way)) for way in WAYS]
    rows.append([jumps, *("{:.2f} ± {:.2f}".format(*way) for way in ways)])

# %%
lesson.sampler("ring", draw)
lesson.table(rows, ["steps", *WAYS.values()], "distance of samples over the floor, exact mean")

# %%
fig, axes = plot.figure(1, 4, size=(2.3, 2.4))
for ax, (way, name) in zip(axes, WAYS.items()):
    x = draw(lesson.rng("samples"), lesson.size(2000, quick=100), jumps_of[-1], way)
    plot.samples(x, ring, ax, bounds=2.2, title=f"{name}, {jumps_of[-1]} steps")
lesson.figure(
    fig,
    "samples",
    "Samples with the exact mean and four variances, over the density of the data. Compare the"
    " width of the modes, and the points between them.",
)

# %% [markdown]
# Not here. In 25 steps $\beta$ loses the most nats, and its samples are the nearest to the data.
# (In 50 steps all four are equal within their errors.) The exact variance loses the fewest, and its
# samples are farther away. In the picture the modes are widest with $\beta$, and all four leave
# points between the modes. The bound judges each step from an $x_t$ of the true process, but a
# sampler goes on from its own $x_t$. Which variance is right depends on what it is for.
#
# ## 12. The table of the paper (figure f06)
#
# How far did all this take the likelihood of diffusion models? The post shows a table of Nichol and
# Dhariwal (2021), the negative log-likelihood (NLL) in bits/dim of models that report one.

# %%
papers = [
    ["Glow (2018)", "3.81", "3.35"],
    ["Flow++ (2019)", "3.69", "3.08"],
    ["PixelCNN (2016)", "3.57", "3.14"],
    ["SPN (2018)", "3.52", "–"],
    ["NVAE (2020)", "–", "2.91"],
    ["Very Deep VAE (2020)", "3.52", "2.87"],
    ["PixelSNAIL (2018)", "3.52", "2.85"],
    ["Image Transformer (2018)", "3.48", "2.90"],
    ["Sparse Transformer (2019)", "3.44", "2.80"],
    ["Routing Transformer (2020)", "3.43", "–"],
    ["DDPM (2020)", "3.77", "3.70"],
    ["DDPM, continuous flow (2020)", "–", "2.99"],
    ["improved DDPM (2021)", "3.53", "2.94"],
]
lesson.table(papers, ["model", "ImageNet 64x64", "CIFAR-10"], "NLL, bits/dim, from the paper")

# %% [markdown]
# DDPM's 3.70 on CIFAR-10 is worse than every other number in its column. The improved DDPM, with a
# learned variance, the cosine schedule and the bound as its objective, has 2.94, between NVAE
# (2.91) and DDPM as a continuous flow (2.99). It did not become the best model of the likelihood,
# and the table does not tell how much each of the three changes brought. (Our bits are for other
# images. Compare each table only within itself.)
#
# ## What this lesson does differently
#
# - At $t = 1$ we take $\tilde\beta_2$ instead of $\tilde\beta_1$. In $L_\text{hybrid}$ we count
#   $L_\text{vlb}$ per dimension. In section 6 its weight is 1.
# - The best single number for each step is computed from the measured error of the network. Bao et
#   al. (2022) compute it from the mean square of the predicted noise, which assumes that the
#   network is exact.
# - We leave out digits trained with $L_\text{vlb}$ alone, which has the lowest bits and worse
#   samples in the paper.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - “$\sigma_t$ is not learned but set to $\beta_t$ or $\tilde{\beta}_t$”: both are variances, so it
#   is $\sigma_t^2$ that is set to them.
# - “as an interpolation between $\beta_t$ and $\tilde{\beta}_t$ by model predicting a mixing vector
#   $\mathbf{v}$”: nothing keeps $\mathbf v$ in $[0, 1]$, and the exact variance is not always in
#   that interval (section 6). At $t = 1$ there is nothing to interpolate, because $\log
#   \tilde\beta_1$ is $-\infty$ (section 4). And $\boldsymbol\Sigma_\theta$ is a diagonal matrix, of
#   which the formula gives the entries.
# - “use a time-averaging smoothed version of $L_\text{VLB}$ with importance sampling”: what is
#   averaged over time are the recent losses of each step, and they only set how often the step is
#   drawn. The estimate of $L_\text{vlb}$ is the same on average. In the paper this helps
#   $L_\text{vlb}$ and not $L_\text{hybrid}$.
#
# ## To remember
#
# - The variance of a reverse step is $\tilde\beta_t$ plus what not knowing the noise adds.
# - The best single number for a step follows from the error of the noise, without training.
# - A mixing vector between $\tilde\beta_t$ and $\beta_t$ is trained by the bound, behind a stop
#   gradient. It saves bits on digits. Samples of the ring did not gain, and we did not sample
#   digits.
#
# **Next:** `diffusion/08` samples a class.
#
# **Your turn:** `minigen exercise start diffusion/07`, then `minigen run diffusion/07 --with
# exercises/diffusion_07.py`.

# %%
lesson.finish()
