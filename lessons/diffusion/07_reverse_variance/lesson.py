# %% [markdown]
# # The variance of the reverse step
#
# The section *Parameterization of reverse process variance* $\boldsymbol\Sigma_\theta$
# (diffusion.s09) of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/), after Nichol and
# Dhariwal (2021). A network predicts the *mean* of each reverse step. What is the variance around
# it? In this lesson:
#
# 1. $\beta_t$ and $\tilde\beta_t$ are each exact for one kind of data. Images are of neither kind.
# 2. A network can learn the variance of every component from the variational bound alone, if its
#    output is a mixing vector $\mathbf v$ between the two.
# 3. The likelihood gains from it. Whether samples gain is another question.
#
# Needed: the posterior and the bound (`diffusion/03`), DDPM and $L_\text{simple}$ (`diffusion/04`),
# the cosine schedule (`diffusion/06`).

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
    picture="samples",
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
import autograd.numpy as np
import numpy

from minigen import plot
from minigen.diffusion.schedule import Schedule, spaced_timesteps

# %% [markdown]
# Two steps of the forward process, $\beta_1 = 0.19$ and $\beta_2 = 0.36$, on numbers in place of
# images: each step shrinks the number and adds noise. Given $x_2$, where was $x_1$?


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
    "For a given x_2, the reverse step must draw x_1 from a vertical line through the cloud. Its"
    " variance there depends on the data.",
)

# %% [markdown]
# ## 1. The exact variance for Gaussian data
#
# By hand. If all data are one point, $x_0 = 0$, then $x_1$ is the noise of the first step, and its
# variance given $x_2$ is $\tilde\beta_2 = 0.19 \cdot 0.36 / 0.4816 = 0.142$ (Eq. diffusion.07). If
# the data are Gaussian with variance 1, every $x_t$ has that distribution. The joint distribution
# of $x_1$ and $x_2$ is then symmetric, so the reverse step has the variance of the forward step,
# $\beta_2 = 0.36$.

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

# %% [markdown]
# <details><summary>Derivation: the variance from two precisions</summary>
#
# Without $x_t$, $x_{t-1}$ is Gaussian with variance $V_{t-1} = \bar\alpha_{t-1} s^2 + 1 -
# \bar\alpha_{t-1}$, where $s^2$ is the variance of the data. The step to $x_t = \sqrt{\alpha_t}\,
# x_{t-1} + \sqrt{\beta_t}\,\epsilon$ is a measurement of $x_{t-1}$ with precision
# $\alpha_t/\beta_t$. By Bayes' rule the precisions of two Gaussians add:
#
# $$\frac{1}{\mathrm{Var}(x_{t-1} | x_t)} = \frac{1}{V_{t-1}} + \frac{\alpha_t}{\beta_t} =
# \frac{\beta_t + \alpha_t V_{t-1}}{\beta_t V_{t-1}} = \frac{V_t}{\beta_t V_{t-1}} .$$
#
# </details>
#
# A small experiment with the same two steps: the mean of $x_1$ given $x_2$ is a multiple of $x_2$,
# and the variance around it can be measured.

# %%
n = lesson.size(200_000, quick=20_000)
x1, x2 = two_noisy_steps(lesson.rng("two steps"), 0.5, n)
left_over = np.var(x1 - np.mean(x1 * x2) / np.mean(x2**2) * x2)
five_errors = 5 * quarter * np.sqrt(2 / n)
lesson.check("measured on draws", left_over, equals=quarter, atol=five_errors)

# %%
lesson.outcome(
    f"{quarter:.3f}. From x_2 some of x_0 is known, but not all of it.", answer="in between"
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
# At which steps does the data's variance matter? Here are 200 steps of the cosine schedule.

# %%
T = lesson.size(200, quick=20)
schedule = Schedule.cosine(T)
steps = numpy.arange(2, T + 1)
beta, posterior = schedule.beta[steps], schedule.posterior_variance[steps]
variances = {1.0: "1: beta", 0.1: "0.1", 0.01: "0.01", 0.001: "0.001", 0.0: "0: beta~"}
curves = {}
for s2, name in variances.items():
    curves[f"data of variance {name}"] = gaussian_reverse_variance(s2, steps, schedule) / beta

# %%
ax = plot.line(steps, curves, xlabel="t", title="variance of the reverse step, over beta", log="x")
lesson.figure(
    ax,
    "widths",
    "At most steps all curves lie together, because the noise is much larger than the data's own"
    " deviations. They part at the first steps, where noise and data are of the same size.",
)

# %% [markdown]
# In general, when the data are not Gaussian, the variance of the reverse step is $\tilde\beta_t$
# plus what not knowing $x_0$ adds:
#
# $$\mathrm{Var}(x_{t-1} | x_t) = \tilde\beta_t + \Big(\frac{\sqrt{\bar\alpha_{t-1}}\,\beta_t}{1 -
# \bar\alpha_t}\Big)^2\, \mathrm{Var}(x_0 | x_t).$$
#
# <details><summary>Derivation: the variance when the clean example is unknown</summary>
#
# Given $x_0$ and $x_t$, the variance of $x_{t-1}$ is $\tilde\beta_t$ and its mean is linear in
# $x_0$, with the factor $\sqrt{\bar\alpha_{t-1}}\,\beta_t / (1 - \bar\alpha_t)$ (Eq.
# diffusion.07). By the law of total variance, $\mathrm{Var}(x_{t-1} | x_t)$ is the mean of the
# variance given both, $\tilde\beta_t$, plus the variance of the mean given both, which is the
# square of that factor times $\mathrm{Var}(x_0 | x_t)$.
#
# </details>
#
# For the Gaussian data of variance 1/4 both formulas must agree at every step:

# %%
bar = schedule.alpha_bar[steps]
factor = np.sqrt(schedule.alpha_bar[steps - 1]) * beta / (1 - bar)
unknown = 0.25 * (1 - bar) / (0.25 * bar + 1 - bar)  # the variance of x_0 given x_t
by_precisions = gaussian_reverse_variance(0.25, steps, schedule)
lesson.check("both formulas", posterior + factor**2 * unknown, equals=by_precisions, atol=1e-9)

# %% [markdown]
# ## 2. The cost of a wrong variance
#
# Ho et al. (2020) fixed the variances of the forward process, $\beta_t$, and set
# $\boldsymbol\Sigma_\theta = \sigma_t^2 \mathbf I$, not learned, with $\sigma_t^2 = \beta_t$ or
# $\sigma_t^2 = \tilde\beta_t$. They found samples of similar quality. But the bound on $-\log p$ is
# made of KL divergences, and these depend on the variance. If the mean is right and the true
# variance is $r$ times that of the model, each component costs
#
# $$\mathrm{KL} = \tfrac12 (r - 1 - \log r) \quad \text{nats}.$$
#
# <details><summary>Derivation: the KL divergence of two Gaussians of one mean</summary>
#
# Let $s$ be the variance of the model, $rs$ the true one, and $x$ the distance from the mean. The
# logarithm of true density over model density is $-\frac12 \log r - \frac{x^2}{2rs} +
# \frac{x^2}{2s}$. Under the true density $x^2$ has the mean $rs$, and the mean of the three terms
# is $-\frac12 \log r - \frac12 + \frac r2$.
#
# </details>

# %%
lesson.predict(
    "Which mistake costs more?",
    [
        "a model with four times the true variance",
        "a model with a quarter of it",
        "they cost the same",
    ],
)


# %%
def cost(r):
    """Nats of a component whose variance is r times that of the model."""
    return 0.5 * (r - 1 - np.log(r))


too_wide, too_narrow = cost(1 / 4), cost(4)
lesson.check("four times too large", too_wide, equals=-3 / 8 + np.log(2))
lesson.check("four times too small", too_narrow, equals=3 / 2 - np.log(2))

# %%
grid, dx = np.linspace(-30, 30, 6001, retstep=True)
true_density = np.exp(-(grid**2) / 8) / np.sqrt(8 * np.pi)  # variance 4; that of the model is 1
log_model = -(grid**2) / 2 - 0.5 * np.log(2 * np.pi)
log_true = -(grid**2) / 8 - 0.5 * np.log(8 * np.pi)
integral = np.sum(true_density * (log_true - log_model)) * dx
lesson.check("the same by integration", integral, equals=too_narrow, atol=1e-6)

# %%
lesson.outcome(
    f"With a quarter of the true variance the model costs {too_narrow:.3f} nats, with four times"
    f" that variance {too_wide:.3f}. If the variance is too small, the density is low for values"
    " that often occur.",
    answer="a model with a quarter of it",
)

# %% [markdown]
# Summed over the steps, and divided by $\log 2$, this is the cost in bits of a wrong variance, for
# data of which everything else is known:


# %%
def total_cost(s2, process, variance):
    """Bits of each component, over all steps but the one to the data, t = 1."""
    t = numpy.arange(2, process.T + 1)
    return np.sum(cost(gaussian_reverse_variance(s2, t, process) / variance[t])) / np.log(2)


few = schedule.subset(spaced_timesteps(T, T // 8))
rows = []
for s2 in variances:
    row = [s2]
    for process in (schedule, few):
        row.append(total_cost(s2, process, process.beta))
        row.append(total_cost(s2, process, process.posterior_variance))
    rows.append(row)

# %%
header = [f"{kind}, {process.T} steps" for process in (schedule, few) for kind in ("beta", "beta~")]
lesson.table(rows, ["data's variance", *header], "cost of the variance, bits a component")
lesson.check("beta for data of variance 1", rows[0][1], equals=0, atol=1e-9)
lesson.check("beta~ for a point", rows[-1][2], equals=0, atol=1e-9)

# %% [markdown]
# A digit has both kinds of pixels: a background that is the same black everywhere, like the single
# point, and strokes whose gray values vary. With either variance a part of the image costs bits,
# and with few steps $\beta$ costs more on the background.
#
# ## 3. A learned variance between the two
#
# So let the network choose the variance of every component at every step. It could output $\log
# \sigma^2$ itself; but these logarithms cover a wide range, and the best value lies in a narrow
# interval of it. Nichol and Dhariwal (2021) let the model predict a *mixing vector* $\mathbf v$, of
# the size of $x_t$, and interpolate: $v = 1$ means $\beta_t$, $v = 0$ means $\tilde\beta_t$, and in
# between the logarithm of the variance is linear in $v$.
#
# By hand: $\beta_2 = 15/19$ and $\tilde\beta_2$ a sixteenth of it. With $v = 1/4$ the variance is
# a quarter of the way up, in factors: $16^{1/4} = 2$ times $\tilde\beta_2$. At $t = 1$ there is a
# problem: $\tilde\beta_1 = 0$, because $x_0$ itself comes before the first step, and $\log 0$ does
# not exist.

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
    "Change `np.array([[0.25, 0.75]])` to `np.array([[2.0, -1.0]])` and run again. By which "
    "factor is the variance beyond the two ends?",
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
# Implementations differ at $t = 1$. Ours takes $\tilde\beta_2$ in place of $\tilde\beta_1$, and
# $\beta_1$ as it is; that of Ho et al. takes $\tilde\beta_2$ there for either choice. For gray
# values most of the bits are spent at this step, so a table must say which.
#
# ## 4. The hybrid objective
#
# $L_\text{simple}$ does not depend on the variance, so it cannot train $\mathbf v$. The bound
# does, but it trains the mean less well. So Nichol and Dhariwal add the two, $L_\text{hybrid} =
# L_\text{simple} + \lambda L_\text{vlb}$ with $\lambda = 0.001$, and let the bound train $\mathbf
# v$ **only**: with a *stop gradient* on the mean $\boldsymbol\mu_\theta$ in $L_\text{vlb}$.

# %%
lesson.exercise("diffusion/07/hybrid_loss")

# %% [markdown]
# On one number, with a "network" of two weights: the noise is $w_1 x_t$ and $v = w_2$. Here $x_0 =
# 1$, $t = 2$ of the two steps of section 3, and the noise is 0.5.

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
    ["gradient in", "L_simple", "the bound's term", "L_hybrid, weight 0.1"],
)
lesson.check("the noise learns from L_simple", of_hybrid[0], equals=of_simple[0])
lesson.check("v learns from the bound", of_hybrid[1], equals=0.1 * T_over_D * of_bound[1])

# %%
lesson.change(
    "ten times the weight",
    "In `hybrid`, change `weight=0.1` to `weight=1.0` and run again. Which entries of the "
    "gradient of $L_\\text{hybrid}$ change, and by which factor?",
    answer="Only that of $v$: it is -1.824, ten times what it was. That of the noise stays at "
    "-0.4144, the gradient of $L_\\text{simple}$, because the gradient of the bound stops before "
    "it reaches the mean.",
)

# %% [markdown]
# ## 5. The plane: an exact mean and a learned variance
#
# To see the effect of the variance alone, let the predicted noise be exact. For the ring of eight
# Gaussians this is possible: given $x_t$, each of the eight has a known probability, and for each
# the mean and variance of $x_0$ are known.

# %%
from minigen.data import toy

ring = toy.ring().standardized()


def posterior_of_x0(x, t, process):
    """Mean and variance (N, 2) of x_0 given x_t, in each coordinate."""
    left = process.alpha_bar[t][:, None]  # (N, 1)
    total = left * ring.std**2 + 1 - left
    off = x[:, None] - np.sqrt(left)[:, :, None] * ring.modes  # (N, 8, 2)
    logits = -np.sum(off**2, axis=2) / (2 * total)
    chance = np.exp(logits - logits.max(axis=1, keepdims=True))
    chance = (chance / chance.sum(axis=1, keepdims=True))[:, :, None]
    means = ring.modes + (np.sqrt(left) * ring.std**2 / total)[:, :, None] * off
    mean = np.sum(chance * means, axis=1)
    between = np.sum(chance * (means - mean[:, None]) ** 2, axis=1)
    return mean, between + ring.std**2 * (1 - left) / total


# %%
from minigen.diffusion.ddpm import eps_from_x0
from minigen.diffusion.exact import exact_eps_model


def exact_noise(x, t):
    """E[eps | x_t] at the time t (N,) of the whole schedule."""
    return eps_from_x0(x, t, posterior_of_x0(x, t, schedule)[0].astype(x.dtype), schedule)


def best_v(x, i, process):
    """The v of the exact variance (section 1) for step i (N,) of a schedule."""
    beta = process.beta[i][:, None]  # (N, 1)
    low = process.posterior_variance_clipped[i][:, None]
    part = np.sqrt(process.alpha_bar[i - 1]) * process.beta[i] / (1 - process.alpha_bar[i])
    unknown = posterior_of_x0(x, i, process)[1]  # (N, 2)
    exact = process.posterior_variance[i][:, None] + part[:, None] ** 2 * unknown
    return np.log(exact / low) / np.log(beta / low)


# %%
two, ends = np.array([[0.5, -1.0], [1.0, 1.5]]), np.array([1, T])
gap = exact_noise(two, ends) - exact_eps_model(ring, schedule)(two, ends)
lesson.check("from the mean of x_0, and from the score", np.abs(gap).max(), at_most=1e-6)

# %% [markdown]
# Only $v$ is trained, by the hybrid loss, on all steps. The first half of that loss has no weights
# to train here, so the second has weight 1. The first output of the untrained network is $v = 1/2$.

# %%
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.optim import cosine
from minigen.train import descend


def with_v(v_net):
    """The exact noise, and a learned v."""

    def model(x, t):
        return exact_noise(x, t), v_net(x, t) + np.float32(0.5)

    return model


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

# %%
lesson.predict(
    "A sampler may take 25 steps instead of 200. Each of them has its own beta and beta~; v was"
    " trained on the 200 steps only. Is the bound still lower with v than with beta and beta~?",
    ["yes, lower than both", "lower than one of them", "no, higher than both"],
)

# %% [markdown]
# The measure is the bound, less the true $-\log p$: the nats that are lost. Since the mean is
# exact, they are lost to the variance, and to the shape, since a reverse step is not exactly
# Gaussian. (A loss near 0 may be below 0 by sampling error.) Two columns are there for comparison:
# $v = 1/2$ for all $x_t$ and $t$, and the exact variance.


# %%
from minigen.diffusion.likelihood import vlb_terms

points = ring.sample(lesson.rng("points"), lesson.size(3000, quick=50))
entropy = -ring.log_prob(points)


def lost(model, process, variance):
    """Mean nats of the bound above -log p."""
    terms = vlb_terms(model, points, process, lesson.rng("bound"), variance)
    return np.mean(terms.total - entropy)


# %%
def half(x, t):
    """The exact noise and v = 1/2."""
    return exact_noise(x, t), np.full_like(x, 0.5)


def best_for(process):
    """The exact noise and the exact variance, for a schedule that stops at some times only."""

    def model(x, t):
        i = np.searchsorted(process.times, t)
        return exact_noise(x, t), best_v(x, i, process).astype(x.dtype)

    return model


# %%
plane = {}
for S in [S for S in (200, 50, 25, 10) if S <= T]:
    process = schedule if S == T else schedule.subset(spaced_timesteps(T, S))
    fixed = [lost(half, process, kind) for kind in ("beta", "posterior", "learned")]
    plane[S] = [*fixed, lost(learned, process, "learned")]
    plane[S].append(lost(best_for(process), process, "learned"))

# %%
lesson.table(
    [[S, *row] for S, row in plane.items()],
    ["steps", "beta", "beta~", "v = 1/2", "learned", "exact variance"],
    "nats lost, exact noise",
)
some = 25 if 25 in plane else list(plane)[-1]
b, p, _, own, _ = plane[some]
choices = ["no, higher than both", "lower than one of them", "yes, lower than both"]
beaten = int(own < b) + int(own < p)
lesson.outcome(f"{some} steps: beta {b:.2f}, beta~ {p:.2f}, learned {own:.2f}.", choices[beaten])

# %%
results = {S: plane.get(S, plane[some]) for S in (200, 50, 25)}  # not all are there with --quick
own_200 = results[200][3]
lesson.claim(
    "plane, 200 steps: nats lost with the learned variance",
    own_200,
    at_most=0.1,
    source="seeds 0, 1: 0.026, -0.001; v = 1/2: 0.16 to 0.20",
)
lesson.claim(
    "plane, 200 steps: nats lost, learned / better of beta and beta~",
    own_200 / min(results[200][:2]),
    at_most=0.7,
    source="seeds 0, 1: 0.20, 0; v = 1/2: 1.3",
)

# %% [markdown]
# Because $v$ is relative to $\beta_t$ and $\tilde\beta_t$, it can be used with the steps of another
# schedule. But compare it with $v = 1/2$, too: with all 200 steps the learned $v$ loses far fewer
# nats, and with 50 or 25 only slightly fewer, because the exact variances of these longer steps are
# different. Now look at the first two columns. With $\beta$ the bound falls as the number of steps
# rises. With $\tilde\beta$ it is lower with 50 steps than with 200:

# %%
by_beta, by_narrow = results[200][0] / results[25][0], results[200][1] / results[50][1]
lesson.claim(
    "plane, beta: nats lost in 200 steps / in 25",
    by_beta,
    at_most=0.3,
    source="nothing is trained; seeds 0, 1: 0.14, 0.12",
)
lesson.claim(
    "plane, beta~: nats lost in 200 steps / in 50",
    by_narrow,
    at_least=1.2,
    source="nothing is trained; seeds 0, 1: 1.5, 1.6",
)

# %% [markdown]
# *Is v between 0 and 1?* The post calls it an interpolation. But the exact variance at a given
# $x_t$ may lie outside. Here it is, with the learned one:

# %%
times = np.unique(np.linspace(1, T, lesson.size(60, quick=8)).astype(int))
rng = lesson.rng("range of v")
exact_v, learned_v = [], []
for t in times:
    x0 = ring.sample(rng, lesson.size(1000, quick=20))
    x_t = q_sample(x0, t, rng.standard_normal(x0.shape, dtype=np.float32), schedule)
    each = np.full(len(x0), t)
    exact_v.append(best_v(x_t, each, schedule))
    learned_v.append(learned(x_t, each)[1])
exact_v, learned_v = np.stack(exact_v), np.stack(learned_v)  # (K, N, 2)

# %%
means = {"exact, mean": exact_v.mean(axis=(1, 2)), "learned, mean": learned_v.mean(axis=(1, 2))}
low, high = np.quantile(exact_v, [0.05, 0.95], axis=(1, 2))
ax = plot.line(
    times,
    means,
    band={"exact, mean": (low, high)},
    reference={"v = 1: beta": 1.0, "v = 0: beta~": 0.0},
    xlabel="t",
    title="v from t = 1 to T",
)
lesson.figure(
    ax,
    "range_of_v",
    "The band holds nine tenths of all points. For a point between two modes either may be the mode"
    " that it came from, so the variance of the reverse step is larger than beta, and v exceeds 1.",
)

# %%
lesson.claim(
    "plane: largest exact v",
    exact_v.max(),
    at_least=1.5,
    source="nothing is trained; seeds 0, 1: 5.1, 6.0",
)

# %% [markdown]
# ## 6. Digits
#
# Now a U-Net (of `diffusion/04`, with width 16) that outputs noise and $\mathbf v$, both in the
# shape of the image. Pixels are 256 gray values between $-1$ and 1.

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
# Before the network is judged, one correction. The predicted noise implies an $\hat x_0$, and
# pixels are never outside $[-1, 1]$; so $\hat x_0$ is clipped there, as in the code of both papers.
# This matters where sampling begins: there the error of $\hat x_0$ is that of the noise over
# $\sqrt{\bar\alpha_T}$, a tiny number. Here are the bits of one step, from $t = T$, without the
# clip and with it.

# %%
from minigen.diffusion.samplers import clipped

images = mnist.symmetric(digits.test.images[: lesson.size(400, quick=4)])
BITS = images[0].size * np.log(2)  # nats of an image to bits of a pixel
judged = clipped(net, schedule)
for name, model in {"without": net, "with": judged}.items():
    rng = lesson.rng("from T")
    eps = rng.standard_normal(images[:50].shape, dtype=np.float32)
    nats = vlb_term(model, images[:50], T, eps, schedule, "learned", levels=256)
    print(f"{name} the clip: {np.mean(nats) / BITS:.3f} bits a pixel")

# %% [markdown]
# The bound in bits per pixel (bits/dim), with all steps and with an eighth of them. Mean and noise
# are the same in every row; only the variance differs.

# %%
lesson.predict(
    "Which variance has the lowest bound with the few steps?",
    ["beta", "beta~", "the learned one"],
)

# %%
KINDS = {"beta": "beta", "posterior": "beta~", "learned": "learned"}


def at_step(process, t, eps):
    """Bits a pixel of step t, by variance, (N,) each; and the squared error of the noise."""
    x_t = q_sample(images, t, eps, process)
    output = judged(x_t, np.full(len(images), process.times[t]))

    def known(x, t):
        return output

    bits = {k: vlb_term(known, images, t, eps, process, k, levels=256) / BITS for k in KINDS}
    return bits, (output[0] - eps) ** 2


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


# %%
processes = {S: process for S, process in ((T, schedule), (few.T, few))}
bits, errors = {}, {}
for S, process in processes.items():
    bits[S], errors[S] = bound(process)
total = {(S, kind): bits[S][kind].sum(axis=0) for S in bits for kind in KINDS}  # (N,) each
rows = []
for kind, name in KINDS.items():
    row = [name]
    for S in bits:
        error = total[S, kind].std() / np.sqrt(len(images))
        row += [f"{total[S, kind].mean():.3f} ± {error:.3f}", bits[S][kind][0].mean()]
    rows.append(row)

# %%
header = [f"{S} steps{part}" for S in bits for part in ("", ", of it t = 1")]
last_step = "at t = 1: β₁ for beta, β̃₂ for beta~"
lesson.table(rows, ["variance", *header], f"bits a pixel, test digits; {last_step}")
lowest = min(KINDS, key=lambda kind: total[few.T, kind].mean())
values = ", ".join(f"{name} {total[few.T, kind].mean():.2f}" for kind, name in KINDS.items())
lesson.outcome(
    f"{few.T} steps: {values}.",
    answer="the learned one" if lowest == "learned" else KINDS[lowest],
)

# %%
for S in bits:
    lesson.claim(
        f"digits, {'all' if S == T else 'few'} steps, learned variance: bits a pixel",
        total[S, "learned"].mean(),
        at_most=3,
        source="seeds 0, 1: at most 2.37, plus a quarter; untrained above 4",
    )

# %% [markdown]
# The errors in the table are large because images differ from each other. Each image is judged with
# all three variances, so the *difference* of two rows, image by image, is known much better:

# %%
rows = []
for S in bits:
    for other in ("beta", "posterior"):
        gain = total[S, other] - total[S, "learned"]
        rows.append([S, KINDS[other], gain.mean(), gain.std() / np.sqrt(len(gain))])
lesson.table(rows, ["steps", "learned instead of", "bits saved", "standard error"])
for S in bits:
    better = min(total[S, "beta"].mean(), total[S, "posterior"].mean())
    lesson.claim(
        f"digits, {'all' if S == T else 'few'} steps: bits saved, better of beta and beta~",
        better - total[S, "learned"].mean(),
        at_least=0.04,
        source="seeds 0, 1: 0.16, 0.17; few steps 0.09, 0.08; below 0 untrained",
    )

# %% [markdown]
# ## 7. Images of v
#
# $\mathbf v$ has the shape of an image. At three times, with the noisy digit and the $\hat x_0$
# that the network's noise implies:

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
    "In the images of v black is 0 (or less), the variance for a point, and white 1, beta. Compare"
    " the background with the strokes in the first row, where there is little noise.",
)

# %% [markdown]
# ## 8. More steps, lower bound?
#
# In theory more steps do not hurt if each has the right variance: a shorter step is closer to a
# Gaussian. In the plane, where the noise is exact, the bound fell with more steps for $\beta$. For
# $\tilde\beta$, which is too small there, it rose again from 50 to 200 steps. Now compare the
# columns of the first table of section 6. Here the network is not exact. An error $e^2$ of the
# noise at step $t$ costs
#
# $$\tfrac12 \Big(\frac{\mathrm{SNR}_{t-1}}{\mathrm{SNR}_t} - 1\Big)\, e^2 \quad \text{nats}, \qquad
# \mathrm{SNR}_t = \frac{\bar\alpha_t}{1 - \bar\alpha_t},$$
#
# with the variance $\tilde\beta$. This factor is large in the first steps. (In the last ones before
# $T$ it is larger still, but there $x_t$ is nearly all noise, and $e^2$ is tiny.)
#
# <details><summary>Derivation: the cost of an error of the noise as a ratio of SNRs</summary>
#
# With $\sigma_t^2 = \tilde\beta_t = \beta_t (1 - \bar\alpha_{t-1})/(1 - \bar\alpha_t)$ the weight
# of Eq. diffusion.14 is
#
# $$\frac{\beta_t^2}{2 \sigma_t^2 \alpha_t (1 - \bar\alpha_t)} = \frac{\beta_t}{2 \alpha_t (1 -
# \bar\alpha_{t-1})} .$$
#
# With $\bar\alpha_t = \alpha_t \bar\alpha_{t-1}$ the ratio of the SNRs is $\frac{1 -
# \bar\alpha_t}{\alpha_t (1 - \bar\alpha_{t-1})}$, and less 1 it is $\frac{1 - \bar\alpha_t -
# \alpha_t + \bar\alpha_t}{\alpha_t (1 - \bar\alpha_{t-1})} = \frac{\beta_t}{\alpha_t (1 -
# \bar\alpha_{t-1})}$, twice the weight.
#
# </details>

# %%
ratio = schedule.snr[1:-1] / schedule.snr[2:] - 1  # of steps 2 ... T
of_bound_14 = bound_weight(steps, schedule, schedule.posterior_variance[steps])
lesson.check("half the ratio less 1, over the weight", ratio / 2 / of_bound_14, equals=1.0)

# %% [markdown]
# Most of a digit is background, exactly $-1$. Once a pixel is known to be background, the noise on
# it is known exactly: it is $(x_t + \sqrt{\bar\alpha_t}) / \sqrt{1 - \bar\alpha_t}$.

# %%
lesson.predict(
    "At t = 2, with noise of a few gray values: how large is the mean square error of the predicted"
    " noise on the background? (Predicting 0 has the error 1.)",
    ["less than 0.05", "0.05 to 0.25", "more than 0.25"],
)

# %%
share = numpy.mean(ground)
lost_bits = 0.5 * ratio * errors[T][1:, 0] * share / np.log(2)  # on the background
wrong = errors[T][1, 0]
size_of = "less than 0.05" if wrong < 0.05 else "0.05 to 0.25" if wrong < 0.25 else "more than 0.25"
length = int(few.times[1])  # the first of the few steps is as long as so many

# %%
ax = plot.line(
    numpy.arange(1, T + 1),
    {"on the background": errors[T][:, 0], "elsewhere": errors[T][:, 1]},
    xlabel="t",
    log="xy",
    title="mean square error of the noise",
)
lesson.figure(
    ax,
    "errors",
    "Predicting 0 has the error 1. A network that recognized the background exactly would have the"
    " error 0 there for small t. At these steps the noise is too small to be seen in the image.",
)


# %%
def parts(S):
    """Bits of t = 1 and of all other steps, with the learned variance."""
    each = bits[S]["learned"].mean(axis=1)
    return [each[0], each[1:].sum(), each.sum()]


lesson.table(
    [[S, *parts(S)] for S in bits],
    ["steps", "t = 1", "all others", "sum"],
    "learned variance, bits",
)

# %%
every = bits[T]["learned"].mean(axis=1)[1:length].sum()
lesson.outcome(
    f"{wrong:.2f}. Steps 2 to {length} cost {every:.2f} bits a pixel, about"
    f" {lost_bits[: length - 1].sum():.2f} of it for noise on the background. The first of the few"
    f" steps replaces steps 1 to {length}, and costs {parts(few.T)[0] - parts(T)[0]:.2f} bits more"
    " than step 1 alone.",
    answer=size_of,
)

# %% [markdown]
# And the last step itself, $t = 1$? Half of the mass of a Gaussian lies on either side of its mean,
# and the background is at the end of the scale. If the mean is right, the half beyond black counts
# as black, and much of the other half is lost to lighter grays: up to one bit for each pixel of the
# background, as long as the standard deviation is more than a few gray values. Is it?

# %%
from minigen.diffusion.likelihood import discretized_log_prob

black = np.array([-1.0])
for grays in (8.0, 2.0, 0.1):
    log_variance = np.full(1, 2 * np.log(grays / 127.5))
    spent = -discretized_log_prob(black, black, log_variance)[0] / np.log(2)
    print(f"standard deviation {grays:g} gray values: black costs {spent:.2f} bits")
for S, process in processes.items():
    pair = np.sqrt([process.posterior_variance_clipped[1], process.beta[1]]) * 127.5
    print(f"{S} steps, t = 1: {pair[0]:.1f} (beta~) or {pair[1]:.1f} gray values (beta)")

# %% [markdown]
# ## 9. A noisy bound, and which steps to draw
#
# Why not train everything with $L_\text{vlb}$? Nichol and Dhariwal (2021) tried, and found its
# gradient noisy: the terms differ by orders of magnitude, and each example draws one of them. Two
# terms show the problem, 8 and 1. You draw one to estimate their mean, 4.5. With even draws the
# estimate is 8 or 1. You may also draw the first with probability $p$ and weight what you get,
# $8/(2p)$ or $1/(2(1-p))$: *importance sampling*. The mean of that is 4.5 for any $p$.

# %%
lesson.predict(
    "With which p does the estimate have no variance?",
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
lesson.outcome("Then both draws give 4.5. (With squares it would be 64/65.)", answer="p = 8/9")

# %%
lesson.change(
    "a share for all",
    "Change `uniform=0.0` to `uniform=0.5` and run again. How often are the two terms drawn now, "
    "and do both draws still give 4.5?",
    answer="With $p = 0.6944$ and 0.3056, and the draws no longer agree: one gives 5.76, the "
    "other 1.636. Their mean is still 4.5, but the estimate has a variance again. In return "
    "every step is drawn now and then, also one whose loss is 0 today and grows later.",
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
# Here are the probabilities for the network of section 6.

# %%
aware = LossAwareTimes(T, history=3 if lesson.quick else 10)
recent = bits[T]["learned"][:, : aware.history] * BITS  # (T, history), nats
for losses in recent.T:
    aware.update(np.arange(1, T + 1), losses)
often = aware.probabilities()[1:]
ax = plot.line(
    numpy.arange(1, T + 1),
    {"loss-aware": often, "evenly": np.full(T, 1 / T)},
    log="xy",
    xlabel="t",
    title="how often each step is drawn",
)
most = np.sort(often)[::-1][: T // 20].sum()
lesson.figure(ax, "how_often", f"{most:.0%} of the draws go to a twentieth of the steps.")

# %% [markdown]
# Losses are not gradients. Is the variance of the gradient smaller, too? For each $t$ take the
# squared norm of the gradient of one term, in all weights of the network, mean of a few images:
# $G_t$. With $p_t$ the weighted gradient has the mean square $\sum_t G_t/(T^2 p_t)$, and its
# variance is that, less the square of the mean gradient.

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


# %%
even = np.full(T, 1 / T)
best = np.sqrt(G) / np.sum(np.sqrt(G))
ways = {"evenly": even, "loss-aware": often, "by the gradients themselves": best}
lesson.table(
    [[name, variance(p), variance(even) / variance(p)] for name, p in ways.items()],
    ["drawn", "variance of the gradient", "evenly / this"],
)
second_best = min(variance(even), variance(often))
lesson.check("by the gradients / better of the others", variance(best) / second_best, at_most=1.0)

# %% [markdown]
# The last row needs the gradients of all steps, which are not known in practice; by the derivation
# no other probabilities do better. The gain is not due to the training: the terms of an untrained
# network differ by orders of magnitude as well.
#
# ## 10. Training with the bound, and a free diagonal
#
# Ho et al. (2020) left the variance fixed because learning a diagonal $\boldsymbol\Sigma_\theta$
# made training unstable and the samples worse. How does that look in the plane? This time the noise
# is learned, too, by a second network. The variance is the output of the other network, as a mixing
# vector $v$ or as a *free diagonal*, $\log \sigma^2$ itself. The objective is $L_\text{hybrid}$, or
# $L_\text{vlb}$ for both networks, with $v$ also with loss-aware time steps.


# %%
from minigen.nn import Module


def log_ends(t):
    """log β̃_t and log β_t, each (N, 1)."""
    ends = schedule.posterior_variance_clipped[t], schedule.beta[t]
    return [np.log(variance)[:, None].astype(np.float32) for variance in ends]


# %%
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
        low, high = log_ends(t)
        return self.noise(x, t), (out - low) / (high - low)


# %%
times_drawn = LossAwareTimes(T)


def hybrid_in_plane(model, x0, t, eps):
    return hybrid_loss(model, x0, t, eps, schedule)


def bound_in_plane(model, x0, t, eps):
    return np.mean(vlb_term(model, x0, t, eps, schedule, "learned"))


def aware_bound(model, x0, t, eps, weight):
    terms = vlb_term(model, x0, t, eps, schedule, "learned")
    times_drawn.update(t, terms)
    return np.mean(weight * terms)


def aware_points(rng, count=256):
    t, weight = times_drawn.sample(rng, count)
    return ring.sample(rng, count), t, rng.standard_normal((count, 2), dtype=np.float32), weight


# %%
x0, t, eps = noisy_points(lesson.rng("watched points"), 2000)
x_watched, t_watched = q_sample(x0, t, eps, schedule), t
exact_watched = exact_noise(x_watched, t_watched)


def noise_error(model):
    """Mean square difference of the predicted and the exact noise."""
    return np.mean((model(x_watched, t_watched)[0] - exact_watched) ** 2)


# %%
every = max(1, lesson.steps(2000, quick=6) // 40)


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
    "Which choice makes the predicted noise worse?",
    ["the free diagonal, with either objective", "L_vlb, with either output", "only both together"],
)

# %%
trained = {
    "v, L_hybrid": train_both("v, L_hybrid", hybrid_in_plane),
    "v, L_vlb": train_both("v, L_vlb", bound_in_plane),
    "v, L_vlb, loss-aware": train_both(
        "v, L_vlb, loss-aware", aware_bound, draw=aware_points, times=times_drawn
    ),
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
lesson.figure(ax, "free_diagonal", "How smoothly do the five fall, and how far?")

# %% [markdown]
# Three measures at the end: the error of the noise; the largest factor by which it rose from one
# measurement to the next in the second half of training; and nats of the bound above those with
# exact noise and variance. (As in section 6 $\hat x_0$ is clipped, here to $[-3, 3]$, which no data
# leave; and variances are limited to 1.)


# %%
def bounded(model):
    """The model with an implied x_0 in [-3, 3] and variances of at most 1."""

    def limited(x, t):
        eps, v = clipped(model, schedule, -3, 3)(x, t)
        low, high = log_ends(t)
        return eps, np.minimum(v, -low / (high - low))

    return limited


# %%
sampled = points[: lesson.size(500, quick=20)]


def nats(model):
    """The mean bound of some points, with the same noise for every model."""
    rng = lesson.rng("bound of four")
    return vlb_terms(bounded(model), sampled, schedule, rng, "learned").total.mean()


with_exact = nats(best_for(schedule))
at_end, rose, above = {}, {}, {}
for name, (model, errors) in trained.items():
    late = errors[20:]
    at_end[name], rose[name] = noise_error(model), np.max(late[1:] / late[:-1])
    above[name] = nats(model) - with_exact

# %%
rows = [[name, at_end[name], rose[name], above[name]] for name in trained]
lesson.table(rows, ["training", "error of the noise", "largest rise, late", "nats above exact"])
by_hybrid = max(at_end["v, L_hybrid"], at_end["free diagonal, L_hybrid"])
by_bound = min(at_end["v, L_vlb"], at_end["free diagonal, L_vlb"])
by_free = min(at_end["free diagonal, L_hybrid"], at_end["free diagonal, L_vlb"])
by_v = max(at_end["v, L_hybrid"], at_end["v, L_vlb"])
either = "the free diagonal, with either objective" if by_free > by_v else "only both together"
lesson.outcome(
    f"With L_hybrid the mean square error is at most {by_hybrid:.3f}, and with L_vlb at least"
    f" {by_bound:.3f}. The largest late rise of a curve is a factor of {max(rose.values()):.2f}.",
    answer="L_vlb, with either output" if by_bound > by_hybrid else either,
)

# %%
lesson.claim(
    "L_hybrid: mean square error of the noise",
    at_end["v, L_hybrid"],
    at_most=0.1,
    source="seeds 0, 1: 0.026, 0.025; other first weights: 0.046, doubled",
)
smallest = min(value for name, value in at_end.items() if "vlb" in name)
lesson.claim(
    "error of the noise, smallest with L_vlb / L_hybrid",
    smallest / at_end["v, L_hybrid"],
    at_least=2,
    source="seeds 0, 1: 6.6, 6.5",
)

# %% [markdown]
# In the plane the objective matters most. $L_\text{vlb}$ gives most of its weight to the first
# steps (section 9), and the noise of the others is learned slowly. (With a fixed variance and
# 25,000 training steps, in `diffusion/04`, it is learned well with the bound, too.) In
# $L_\text{hybrid}$ the gradient of the bound stops before the noise, so the error of the noise does
# not depend on how the variance is written, and in the figure its two curves coincide. The last
# column shows whether the bound depends on it. Instability would show as rises of the curves.
#
# ## 11. Samples
#
# Do samples differ? Back to the plane, where the mean is exact, with few steps. Distances are
# sliced Wasserstein distances over their *floor*, that of two sets of data; means of four sets.
# (The samples of this small network of digits are not shown: `diffusion/09` has a larger one.)

# %%
from minigen.diffusion.samplers import strided
from minigen.metrics import sliced_wasserstein

n = lesson.size(5000, quick=100)


def distance(a, b):
    return sliced_wasserstein(a, b, 64, lesson.rng("directions"))


def draw(rng, n, jumps=T // 8, variance="learned"):
    """Points of the ring with the exact noise, in so many steps."""
    x = rng.standard_normal((n, 2), dtype=np.float32)
    return strided(learned, x, schedule, jumps, rng, variance)


lesson.sampler("ring", draw)

# %%
data = [ring.sample(lesson.rng(f"data {k}"), n) for k in range(8)]
floor = np.mean([distance(data[k], data[k + 4]) for k in range(4)])


def over_floor(sampler):
    """Mean and standard error of the distance of four sets of samples, in floors."""
    far = [distance(sampler(lesson.rng(f"samples {k}")), data[k]) / floor for k in range(4)]
    return np.mean(far), np.std(far, ddof=1) / 2


# %%
rows = []
for jumps in (T // 4, T // 8, max(2, T // 20)):
    row = [jumps]
    for kind in KINDS:

        def some_points(rng, jumps=jumps, kind=kind):
            return draw(rng, n, jumps, kind)

        row.append("{:.2f} ± {:.2f}".format(*over_floor(some_points)))
    rows.append(row)
lesson.table(rows, ["steps", *KINDS.values()], "distance of samples over the floor, exact noise")

# %%
fig, axes = plot.figure(1, 3, size=(2.6, 2.7))
for ax, (kind, name) in zip(axes, KINDS.items()):
    x = draw(lesson.rng("samples"), lesson.size(2000, quick=100), jumps, kind)
    plot.samples(x, ring, ax, bounds=2.2, title=f"{name}, {jumps} steps")
lesson.figure(fig, "samples", "Compare the width of the modes, and the points between them.")

# %% [markdown]
# And the networks of section 10, whose noise is learned, in all steps:

# %%
from_trained = {}
for name, (model, _) in trained.items():

    def all_steps(rng, model=model):
        x = rng.standard_normal((n, 2), dtype=np.float32)
        return strided(bounded(model), x, schedule, T, rng, "learned")

    from_trained[name] = over_floor(all_steps)
header = ["training", "distance of samples over the floor", "standard error"]
lesson.table([[name, *values] for name, values in from_trained.items()], header)

# %%
far = {name: ratio for name, (ratio, _) in from_trained.items()}
lesson.claim(
    "v, L_hybrid: distance of samples over the floor",
    far["v, L_hybrid"],
    at_most=5,
    source="seeds 0, 1: 2.3, 2.9; other first weights: 3.5, plus a third",
)
nearest = min(ratio for name, ratio in far.items() if "vlb" in name)
lesson.claim(
    "distance of samples, smallest with L_vlb / v, L_hybrid",
    nearest / far["v, L_hybrid"] if far["v, L_hybrid"] <= 5 else 0,
    at_least=2,
    source="Ho et al. 2020: worse samples; seeds 0, 1: 4.5, 4.7; 0 unless L_hybrid has at most 5",
)

# %% [markdown]
# The variance with the lowest bound need not have the nearest samples. The bound judges each
# reverse step from an $x_t$ of the true process; a sampler takes one step after the other, from its
# own $x_t$. (Ho et al. judged samples, and found both fixed variances equally good.)
#
# ## 12. The table of the paper (figure f06)
#
# The post shows a table of Nichol and Dhariwal (2021): the negative log-likelihood (NLL) in
# bits/dim, for models of the likelihood. The rows below them are ours. These are bits for other
# images, so compare each table within itself.

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

# %%
lesson.table(papers, ["model", "ImageNet 64x64", "CIFAR-10"], "NLL, bits/dim, from the paper")
ours = []
for kind, name in KINDS.items():
    ours.append([name, *(total[S, kind].mean() for S in bits)])
header = ["variance", *(f"MNIST, {S} steps" for S in bits)]
lesson.table(ours, header, f"bits a pixel, this run; {last_step}")

# %% [markdown]
# ## 13. Where the post is loose
#
# - “$\sigma_t$ is not learned but set to $\beta_t$ or $\tilde{\beta}_t$”: both are variances, so it
#   is $\sigma_t^2$ that is set to them.
# - “as an interpolation between $\beta_t$ and $\tilde{\beta}_t$ by model predicting a mixing vector
#   $\mathbf{v}$”: nothing keeps $\mathbf v$ in $[0, 1]$, and the exact variance is not always in
#   that interval (section 5). At $t = 1$ there is nothing to interpolate: $\log \tilde\beta_1$ is
#   $-\infty$ (section 3). And $\boldsymbol\Sigma_\theta$ is a diagonal matrix, of which the formula
#   gives the entries.
# - “use a time-averaging smoothed version of $L_\text{VLB}$ with importance sampling”: what is
#   averaged over time are the recent losses of each step, and they only set how often the step is
#   drawn. The estimate of $L_\text{vlb}$ is the same in the mean. In the paper this helps
#   $L_\text{vlb}$ and not $L_\text{hybrid}$.
#
# **Ours:** $\tilde\beta_2$ in place of $\tilde\beta_1$; $L_\text{vlb}$ per dimension in
# $L_\text{hybrid}$; the weight 1 in section 5.
#
# **Left out:** digits trained with $L_\text{vlb}$ alone, which has the lowest bits and worse
# samples in the paper; the best variance in closed form, for a given network (Bao et al. 2022).
# **Next:** `diffusion/08` samples a class.
#
# **Your turn:** `minigen exercise start diffusion/07`, then `minigen run diffusion/07 --with
# exercises/diffusion_07.py`.

# %%
lesson.finish()
