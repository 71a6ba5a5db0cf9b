# %% [markdown]
# # The reverse process: the Gaussian steps back
#
# The section *Reverse diffusion process* (diffusion.s04) of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/), without a network: on
# densities of which everything is known exactly. In this lesson:
#
# 1. The shape of a reverse step depends on the size of the forward step. A model needs only its
#    mean and its variance if the shape is simple.
# 2. Given the data $x_0$, mean and variance of a reverse step follow from Bayes' rule. Without
#    $x_0$, the best prediction is the mean of $x_0$ given $x_t$, or, equivalently, of the noise.
# 3. A chain of such steps is a model of the data, and its negative log-likelihood has an upper
#    bound: a sum of KL divergences, one for each step.
#
# Needed: the forward process (`diffusion/01`).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/03_reverse_process",
    title="The reverse process: the Gaussian steps back",
    post="diffusion",
    sections=["diffusion.s04"],
    figures=["diffusion.f02", "diffusion.f03"],
    equations=[
        "diffusion.04",
        "diffusion.05",
        "diffusion.06",
        "diffusion.07",
        "diffusion.08",
        "diffusion.09",
        "diffusion.10",
        "diffusion.11",
        "diffusion.12",
    ],
    minutes=0.1,
    picture="f03_swiss_roll",
    sources=["weng2021diffusion", "sohldickstein2015thermo", "ho2020ddpm"],
)

# %%
import autograd.numpy as np
from scipy.stats import norm

from minigen import plot
from minigen.data.mixture import GaussianMixture
from minigen.diffusion.ddpm import mean_from_eps, posterior_mean, q_posterior, q_sample, q_step
from minigen.diffusion.exact import exact_eps_model
from minigen.diffusion.likelihood import prior_term, vlb_terms
from minigen.diffusion.samplers import Trajectory, ancestral
from minigen.diffusion.schedule import Schedule, posterior_variances
from minigen.metrics import sampling_floor, sliced_wasserstein

# %% [markdown]
# ## 1. The shape of a reverse step
#
# The data: two narrow Gaussians, at $-1$ and $1$. With some noise, at time $t - 1$, they are wider.
# Then comes one more forward step, with noise of variance $\beta$:

# %%
mixture = GaussianMixture([[-1.0], [1.0]], std=0.15)
before = mixture.noised(np.sqrt(0.9), np.sqrt(0.1))  # the density of x_(t-1)
line = np.linspace(-3, 3, 6001)
dx = line[1] - line[0]
curves = {"data": mixture.prob(line[:, None]), "x_(t-1)": before.prob(line[:, None])}
ax = plot.line(line, curves, xlabel="x", ylabel="density")
lesson.figure(ax, "densities", "The data, and the density of x_(t-1), one step before x_t.")

# %% [markdown]
# The step ended at $x_t = 0$, in the middle. Where was $x_{t-1}$? By Bayes' rule its density is
# proportional to the density of $x_{t-1}$ times that of a step from there to $x_t$.

# %%
lesson.predict(
    "How many peaks has the density of x_(t-1) given x_t = 0, for β = 0.9, and for β = 0.01?",
    ["two, two", "one, two", "two, one", "one, one"],
)


# %%
def step_back(beta, x_t=0.0):
    """The density of x_(t-1) on the line, given x_t after one more step."""
    p = before.prob(line[:, None]) * norm.pdf(x_t, np.sqrt(1 - beta) * line, np.sqrt(beta))
    return p / (p.sum() * dx)


def from_gaussian(p):
    """KL(p || the Gaussian of the same mean and variance), nats."""
    mean = (p @ line) * dx
    std = np.sqrt(p @ (line - mean) ** 2 * dx)
    seen = p > 1e-12
    return np.sum(p[seen] * (np.log(p[seen]) - norm.logpdf(line[seen], mean, std))) * dx


# %%
betas = [0.9, 0.3, 0.1, 0.01]
backs = {f"β = {beta}": step_back(beta) for beta in betas}
far = [from_gaussian(p) for p in backs.values()]
lesson.table(zip(betas, far), ["β", "KL from a Gaussian, nats"], "the density of a reverse step")


# %%
def peaks(p):
    return np.sum((p[1:-1] > p[:-2]) & (p[1:-1] > p[2:]))


names = {1: "one", 2: "two"}
shapes = [names[int(peaks(backs[f"β = {beta}"]))] for beta in (0.9, 0.01)]
lesson.outcome(
    "A long step may have come from either side. A short step came from nearby: its Gaussian is"
    " much narrower than the density of x_(t-1), which changes the product only a little.",
    answer=", ".join(shapes),
)

# %%
shown = np.abs(line) < 1.8
curves = {name: p[shown] / p.max() for name, p in backs.items()}
ax = plot.line(line[shown], curves, xlabel="x_(t-1), given x_t = 0", ylabel="density / maximum")
lesson.figure(ax, "step_back", "The shorter the step, the closer its reverse is to a Gaussian.")
lesson.check("β = 0.9: far from a Gaussian", far[0], at_least=0.3)
lesson.check("β = 0.01: nearly a Gaussian", far[-1], at_most=0.01)

# %% [markdown]
# A diffusion model therefore takes many short reverse steps, each a Gaussian whose mean and
# variance depend on $\mathbf x_t$ and $t$ (Eq. diffusion.04):
#
# $$p_\theta(\mathbf x_{0:T}) = p(\mathbf x_T) \prod_{t=1}^T p_\theta(\mathbf x_{t-1} | \mathbf
# x_t), \qquad p_\theta(\mathbf x_{t-1} | \mathbf x_t) = \mathcal N(\mathbf x_{t-1};
# \mu_\theta(\mathbf x_t, t), \Sigma_\theta(\mathbf x_t, t)) .$$
#
# Why learn it? Bayes' rule above needs the density of $x_{t-1}$, and that needs the density of the
# data. For a data set it is a sum over *all* examples: the posterior of which example $x_t$ came
# from. With three examples we can compute it:

# %%
schedule = Schedule.linear(1000)
examples, t, x_t = np.array([-1.0, 0.2, 1.0]), 400, 0.3
root, noise = np.sqrt(schedule.alpha_bar[t]), np.sqrt(1 - schedule.alpha_bar[t])
weights = norm.pdf(x_t, root * examples, noise)
weights = weights / weights.sum()  # P(example | x_t)
steps = [posterior_mean(np.full((1, 1), x), np.full((1, 1), x_t), t, schedule) for x in examples]
rows = list(zip(examples, weights, np.ravel(steps)))
lesson.table(rows, ["x_0", "P(x_0 | x_t = 0.3)", "mean of x_399 given both"])

# %% [markdown]
# Each example counts, and from each the mean of the step is another one. With 60,000 digits a step
# would need all 60,000. A network that has learned the mean needs none of them.
#
# ## 2. A reverse step, given x₀
#
# Take the schedule of two steps of `diffusion/01`, $\beta = (0.19, 0.36)$, and let $x_0 = 1$ and
# $x_2 = 1.5$ be given. Both tell us something about $x_1$: it came from $x_0$, so its mean is
# $0.9$ and its variance $0.19$; and it led to $x_2$ by a step of variance 0.36.

# %%
lesson.predict(
    "The variance of x_1 given both: how does it compare with 0.19, the variance given x_0 alone?",
    ["larger: two uncertainties add up", "equal", "smaller"],
)

# %%
tiny = Schedule([0.19, 0.36])
rng = lesson.rng("count")
tries = lesson.size(2_000_000, quick=100_000)
x0 = np.ones((tries, 1))
x1 = q_step(x0, 1, rng.standard_normal(x0.shape), tiny)
x2 = q_step(x1, 2, rng.standard_normal(x0.shape), tiny)
kept = x1[np.abs(x2 - 1.5) < 0.02]

# %%
sizes = {"larger: two uncertainties add up": 0.3, "equal": 0.19, "smaller": 0.14}
lesson.outcome(
    f"Of {tries:,} chains from x_0 = 1, {len(kept):,} reached x_2 = 1.5 ± 0.02. Their x_1 has the"
    f" mean {kept.mean():.3f} and the variance {kept.var():.3f}. More information, less variance.",
    answer=min(sizes, key=lambda name: abs(sizes[name] - kept.var())),
)

# %% [markdown]
# By Bayes' rule, the density is proportional to the product of two Gaussians, $q(\mathbf x_t |
# \mathbf x_{t-1})\,q(\mathbf x_{t-1} | \mathbf x_0)$. The exponents add up, and both are quadratic
# in $\mathbf x_{t-1}$ (Eq. diffusion.06):
#
# $$-\tfrac12\Big(\big(\tfrac{\alpha_t}{\beta_t} + \tfrac{1}{1 - \bar\alpha_{t-1}}\big)\,
# \mathbf x_{t-1}^2 - \big(\tfrac{2\sqrt{\alpha_t}}{\beta_t} \mathbf x_t +
# \tfrac{2\sqrt{\bar\alpha_{t-1}}}{1 - \bar\alpha_{t-1}} \mathbf x_0\big)\, \mathbf x_{t-1} +
# C(\mathbf x_t, \mathbf x_0)\Big) .$$
#
# A density with a quadratic exponent is a Gaussian (Eq. diffusion.05):
#
# $$q(\mathbf x_{t-1} | \mathbf x_t, \mathbf x_0) = \mathcal N(\mathbf x_{t-1};
# \tilde\mu_t(\mathbf x_t, \mathbf x_0), \tilde\beta_t \mathbf I) .$$
#
# The factor of $\mathbf x_{t-1}^2$ is the *precision*, one over the variance: precisions add up. By
# hand, $0.64/0.36 + 1/0.19 = 7.041$, so the variance is 0.142; and the mean, $\frac{0.8}{0.36}
# \cdot 1.5 + \frac{0.9}{0.19} \cdot 1 = 8.070$ over 7.041, is 1.146. For any schedule and any $t$:
# what is the variance $\tilde\beta_t$, and what is the mean $\tilde\mu_t(\mathbf x_t, \mathbf
# x_0)$?

# %%
lesson.exercise("diffusion/03/posterior_variances")
lesson.exercise("diffusion/03/posterior_mean")

# %%
lesson.show_source(posterior_variances, posterior_mean, q_posterior)
one = np.ones((1, 1))
mean, variance = q_posterior(one, 1.5 * one, 2, tiny)
precision = 0.64 / 0.36 + 1 / 0.19
lesson.check("variance, by precisions", variance, equals=1 / precision)
by_hand = (0.8 / 0.36 * 1.5 + 0.9 / 0.19) / precision
lesson.check("mean, by precisions", mean[0, 0], equals=by_hand)

# %% [markdown]
# The result is (Eq. diffusion.07):
#
# $$\tilde\beta_t = \frac{1 - \bar\alpha_{t-1}}{1 - \bar\alpha_t}\,\beta_t, \qquad
# \tilde\mu_t(\mathbf x_t, \mathbf x_0) = \frac{\sqrt{\alpha_t}\,(1 - \bar\alpha_{t-1})}{1 -
# \bar\alpha_t}\,\mathbf x_t + \frac{\sqrt{\bar\alpha_{t-1}}\,\beta_t}{1 - \bar\alpha_t}\,\mathbf
# x_0 .$$

# %% [markdown]
# <details><summary>Derivation: mean and variance of a reverse step, from two Gaussians</summary>
#
# Expand the two squares of the exponents, $(\mathbf x_t - \sqrt{\alpha_t}\,\mathbf x_{t-1})^2 /
# \beta_t$ and $(\mathbf x_{t-1} - \sqrt{\bar\alpha_{t-1}}\,\mathbf x_0)^2 / (1 -
# \bar\alpha_{t-1})$, and collect the powers of $\mathbf x_{t-1}$: this is Eq. diffusion.06. A
# Gaussian with mean $m$ and variance $v$ has the exponent $-\frac12 (\mathbf x_{t-1}^2 / v - 2 m\,
# \mathbf x_{t-1} / v + \ldots)$. Compare the squares, with $\alpha_t \bar\alpha_{t-1} =
# \bar\alpha_t$ and $\alpha_t + \beta_t = 1$:
#
# $$\frac1v = \frac{\alpha_t}{\beta_t} + \frac{1}{1 - \bar\alpha_{t-1}}
# = \frac{\alpha_t - \bar\alpha_t + \beta_t}{\beta_t (1 - \bar\alpha_{t-1})}
# = \frac{1 - \bar\alpha_t}{\beta_t (1 - \bar\alpha_{t-1})} ,$$
#
# so $v = \tilde\beta_t$. Compare the factors of $\mathbf x_{t-1}$:
#
# $$m = v \Big(\frac{\sqrt{\alpha_t}}{\beta_t}\,\mathbf x_t + \frac{\sqrt{\bar\alpha_{t-1}}}{1 -
# \bar\alpha_{t-1}}\,\mathbf x_0\Big) = \tilde\mu_t(\mathbf x_t, \mathbf x_0) .$$
#
# </details>
#
# The chains that we counted agree:

# %%
errors = [
    abs(kept.mean() - mean[0, 0]) / np.sqrt(variance / len(kept)),
    abs(kept.var() - variance) / (variance * np.sqrt(2 / len(kept))),
]
lesson.check("counted mean and variance of x_1: off by, in standard errors", errors, at_most=5)

# %% [markdown]
# And Bayes' rule itself, $q(x_{t-1}|x_t, x_0) = q(x_t|x_{t-1})\, q(x_{t-1}|x_0) / q(x_t|x_0)$, in
# logarithms, at nine values of $x_{t-1}$ and four times of a longer schedule:


# %%
def bayes_gap(t, x0, x_t):
    """The largest difference of log-densities between q_posterior and Bayes' rule."""
    root, alpha_bar = np.sqrt(schedule.alpha[t]), schedule.alpha_bar
    middle, width = np.sqrt(alpha_bar[t - 1]) * x0, np.sqrt(1 - alpha_bar[t - 1])
    x = middle + np.linspace(-3, 3, 9) * width
    right = norm.logpdf(x_t, root * x, np.sqrt(schedule.beta[t])) + norm.logpdf(x, middle, width)
    right = right - norm.logpdf(x_t, np.sqrt(alpha_bar[t]) * x0, np.sqrt(1 - alpha_bar[t]))
    mean, variance = q_posterior(x0 * one, x_t * one, t, schedule)
    return np.max(np.abs(norm.logpdf(x, mean[0, 0], np.sqrt(variance)) - right))


cases = [(2, 0.3, 0.31), (100, -1.0, 0.5), (500, 2.0, -1.0), (1000, 0.7, 0.1)]
gaps = [bayes_gap(*case) for case in cases]
lesson.check("both sides of Bayes' rule, largest difference", gaps, at_most=1e-6)

# %%
boxes = {
    "x0": plot.node("$x_0$", "data", (0, 0)),
    "before": plot.node("$x_{t-1}$", "plain", (1, 0)),
    "xt": plot.node("$x_t$", "plain", (2, 0)),
    "xT": plot.node("$x_T$", "noise", (3, 0)),
}
arrows = [
    "x0 -> before: $q(x_{t-1}|x_0)$",
    "before -> xt: $q(x_t|x_{t-1})$",
    "xt -> xT",
    "xT --> xt",
    "xt --> before: $p_\\theta(x_{t-1}|x_t)$",
    plot.edge("xt", "before", "$q(x_{t-1}|x_t, x_0)$", route="over", color=plot.color.accent),
]

# %%
lesson.figure(
    plot.schematic(boxes, arrows),
    "f02_step_back",
    "Orange: the reverse step given x_0. Dashed: the step of the model, which does not receive x_0."
    " Training makes the second as close to the first as possible.",
)

# %% [markdown]
# ## 3. In terms of the noise
#
# Since $\mathbf x_t = \sqrt{\bar\alpha_t}\,\mathbf x_0 + \sqrt{1 - \bar\alpha_t}\,\epsilon_t$, we
# can replace $\mathbf x_0$ by the noise $\epsilon_t$ (Eq. diffusion.08):
#
# $$\tilde\mu_t = \frac{1}{\sqrt{\alpha_t}} \Big( \mathbf x_t - \frac{1 - \alpha_t}{\sqrt{1 -
# \bar\alpha_t}}\,\epsilon_t \Big) .$$
#
# $\epsilon_t$ is the noise of *all* steps up to $t$, which leads from $\mathbf x_0$ to $\mathbf
# x_t$.
#
# <details><summary>Derivation: the mean in terms of the noise</summary>
#
# Insert $\mathbf x_0 = (\mathbf x_t - \sqrt{1 - \bar\alpha_t}\,\epsilon_t) / \sqrt{\bar\alpha_t}$
# into $\tilde\mu_t$. With $\sqrt{\bar\alpha_{t-1} / \bar\alpha_t} = 1/\sqrt{\alpha_t}$, the factor
# of $\mathbf x_t$ becomes
#
# $$\frac{\sqrt{\alpha_t}\,(1 - \bar\alpha_{t-1})}{1 - \bar\alpha_t} + \frac{\beta_t}{(1 -
# \bar\alpha_t) \sqrt{\alpha_t}} = \frac{\alpha_t - \bar\alpha_t + \beta_t}{(1 - \bar\alpha_t)
# \sqrt{\alpha_t}} = \frac{1}{\sqrt{\alpha_t}} ,$$
#
# and the factor of $\epsilon_t$ is $-\frac{\beta_t}{(1 - \bar\alpha_t) \sqrt{\alpha_t}} \sqrt{1 -
# \bar\alpha_t} = -\frac{1}{\sqrt{\alpha_t}} \frac{1 - \alpha_t}{\sqrt{1 - \bar\alpha_t}}$.
#
# </details>

# %%
rng = lesson.rng("noise")
x0, eps = rng.standard_normal((2, 1000, 2))
t = rng.integers(1, 1001, 1000)
x_t = q_sample(x0, t, eps, schedule)
gap = mean_from_eps(x_t, t, eps, schedule) - posterior_mean(x0, x_t, t, schedule)
lesson.check("both formulas of the mean, largest difference", np.abs(gap).max(), at_most=1e-9)

# %% [markdown]
# ## 4. A reverse step without x₀
#
# A model receives $\mathbf x_t$ alone. Many $\mathbf x_0$, each with its own noise, may have led
# there. The prediction with the smallest squared error is the *mean* of the noise over all of them,
# $\mathbb E[\epsilon | \mathbf x_t]$, and it is known as soon as the density of $\mathbf x_t$ is
# known:
#
# $$\mathbb E[\epsilon\,|\,\mathbf x_t] = -\sqrt{1 - \bar\alpha_t}\;\nabla \log q(\mathbf x_t) .$$
#
# <details><summary>Derivation: the mean of the noise is a multiple of the score (Tweedie's formula)
# </summary>
#
# The density of $\mathbf x_t$ is $q(\mathbf x_t) = \int q(\mathbf x_0)\,q(\mathbf x_t | \mathbf
# x_0)\,d\mathbf x_0$ with a Gaussian $q(\mathbf x_t | \mathbf x_0)$, whose gradient is
#
# $$\nabla q(\mathbf x_t | \mathbf x_0) = -\frac{\mathbf x_t - \sqrt{\bar\alpha_t}\,\mathbf x_0}{1 -
# \bar\alpha_t}\, q(\mathbf x_t | \mathbf x_0) = -\frac{\epsilon}{\sqrt{1 - \bar\alpha_t}}\,
# q(\mathbf x_t | \mathbf x_0) .$$
#
# Integrate over $\mathbf x_0$ and divide by $q(\mathbf x_t)$. On the left stands $\nabla \log
# q(\mathbf x_t)$; on the right $q(\mathbf x_0)\,q(\mathbf x_t|\mathbf x_0) / q(\mathbf x_t) =
# q(\mathbf x_0 | \mathbf x_t)$, so it is $-\mathbb E[\epsilon | \mathbf x_t] / \sqrt{1 -
# \bar\alpha_t}$.
#
# </details>
#
# For the two Gaussians, $q(\mathbf x_t)$ is a mixture of two Gaussians again. Later lessons import
# the function below as `exact_eps_model`, from `minigen.diffusion.exact`.


# %%
def exact_eps(density, schedule):
    """The eps model that returns E[noise | x_t], for data from a mixture of Gaussians."""
    cache = {}

    def eps_model(x, t):
        t = int(np.ravel(t)[0])  # all examples have the same time here
        a = schedule.alpha_bar[t]
        if t not in cache:
            cache[t] = density.noised(np.sqrt(a), np.sqrt(1 - a))
        return (-np.sqrt(1 - a) * cache[t].score(x)).astype(x.dtype)

    return eps_model


# %%
mixture = mixture.standardized()
half = 260  # half of the variance is noise
rng = lesson.rng("bins")
x0 = mixture.sample(rng, lesson.size(500_000, quick=20_000)).astype(float)
eps = rng.standard_normal(x0.shape)
x_t = q_sample(x0, half, eps, schedule)

# %%
model = exact_eps(mixture, schedule)
gap = model(x_t[:1000], half) - exact_eps_model(mixture, schedule)(x_t[:1000], half)
lesson.check("this and exact_eps_model: difference", np.abs(gap).max(), at_most=1e-12)

# %% [markdown]
# We count: 20 bins of $x_t$, and in each the mean of the noise that led there.

# %%
place = np.digitize(x_t[:, 0], np.linspace(-2, 2, 21))
middles, means, off = [], [], []
for k in range(1, 21):
    here = place == k
    mine = eps[here, 0]
    error = mine.std() / np.sqrt(len(mine))
    middles.append(x_t[here].mean())
    means.append(mine.mean())
    off.append(abs(means[-1] - model(x_t[here], half).mean()) / error)
lesson.check("mean noise in 20 bins less the exact one, in standard errors", off, at_most=5)

# %%
grid = np.linspace(-2, 2, 201)
straight = np.sqrt(1 - schedule.alpha_bar[half]) * grid
exact = model(grid[:, None], half)[:, 0]
curves = {"exact, two Gaussians": exact, "if the data were one Gaussian": straight}
ax = plot.line(grid, curves, xlabel="x_t", ylabel="mean noise")
ax.plot(middles, means, ".", color=plot.color.ink, label="counted")
ax.legend()
lesson.figure(
    ax,
    "mean_noise",
    f"t = {half}. Left of the middle x_0 was most likely near -1, right of it near 1. In the flat"
    " middle part both are likely, and no prediction is near both.",
)

# %% [markdown]
# With this exact model we can run the whole reverse process before any network is trained. The
# data: a swiss roll, made of 160 small Gaussians along a spiral. The figure has three rows: the
# forward process; the samples, from pure noise at $t = T$ to $t = 0$, with mean $\mu_\theta$ and
# variance $\beta_t$; and the *drift* $\mu_\theta(\mathbf x_t, t) - \mathbf x_t$, the mean change in
# a step.

# %%
angle = 1.5 * np.pi * (1 + 2 * (np.arange(160) + 0.5) / 160)
spiral = angle[:, None] / 5 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
roll = GaussianMixture(spiral, std=0.12, name="swiss roll").standardized()
T = lesson.size(200, quick=40)
short = Schedule.linear(T, 0.1 / T, 20 / T)
roll_model = exact_eps(roll, short)

# %%
rng = lesson.rng("roll")
n = lesson.size(2000, quick=50)
path = Trajectory(times=[T, T // 4, T // 8, T // 20, 0])
noise = rng.standard_normal((n, 2), dtype=np.float32)
samples = ancestral(roll_model, noise, short, rng, on_step=path, progress="swiss roll")


def drift(x, t):
    """The mean of the reverse step from t, less x."""
    return mean_from_eps(x, t, roll_model(x, t), short) - x


# %%
fig, axes = plot.figure(3, 5, size=(2.2, 2.2))
for (top, middle, bottom), t, state in zip(axes.T, path.times, path.states):
    x0 = roll.sample(rng, n)
    noised = q_sample(x0, t, rng.standard_normal(x0.shape, dtype=np.float32), short)
    plot.samples(noised, ax=top, bounds=3, color=plot.color.real, title=f"t = {t}")
    plot.samples(state, ax=middle, bounds=3)
    look = {"n": 15, "lengths": "sqrt", "title": f"from t = {max(t, 1)}"}
    plot.field(lambda x, t=max(t, 1): drift(x, t), 2.2, bottom, **look)
lesson.figure(
    fig,
    "f03_swiss_roll",
    "Blue: data with noise. Orange: samples, from t = T on the left to t = 0 on the right. Arrows:"
    " the drift; early it only rescales, late it points to the nearest turn of the roll.",
)


# %%
def distance(a, b):
    return sliced_wasserstein(a, b, 100, rng)


floor = sampling_floor(distance, roll.sample, n, rng, repeats=lesson.size(10, quick=2)).mean
over = distance(samples, roll.sample(rng, n)) / floor
untrained = distance(noise, roll.sample(rng, n)) / floor
print(f"  distance over floor: {over:.2f}; of the noise itself: {untrained:.1f}")
lesson.claim(
    "swiss roll, exact noise: distance over floor",
    over,
    at_most=1.9,
    source="seeds 0, 1, 2031: 0.66, 1.45, 0.90, plus a third",
)

# %% [markdown]
# ## 5. A bound on the likelihood
#
# The chain $p_\theta$ is a model: it assigns a density to every $\mathbf x_0$. To compute it, one
# would integrate over all $\mathbf x_1, \ldots, \mathbf x_T$. As the post notes, the setup is very
# similar to a VAE: $\mathbf x_{1:T}$ are the latent variables, and the forward process takes the
# place of the encoder. As there, a KL divergence, which is never negative, gives a bound (Eq.
# diffusion.09):
#
# $$-\log p_\theta(\mathbf x_0) \le -\log p_\theta(\mathbf x_0) + D_\mathrm{KL}\big(q(\mathbf
# x_{1:T}|\mathbf x_0) \,\|\, p_\theta(\mathbf x_{1:T}|\mathbf x_0)\big) = \mathbb E_q\Big[\log
# \frac{q(\mathbf x_{1:T} | \mathbf x_0)}{p_\theta(\mathbf x_{0:T})}\Big] .$$
#
# The mean of the right side over the data is $L_\mathrm{VLB}$, and it bounds the cross entropy
# $L_\mathrm{CE} = -\mathbb E_{q(\mathbf x_0)} \log p_\theta(\mathbf x_0)$. Jensen's inequality
# gives the same bound (Eq. diffusion.10).
#
# <details><summary>Derivation: the same bound by Jensen's inequality</summary>
#
# Write the density as an integral over the latent variables, and multiply and divide by $q$:
#
# $$L_\mathrm{CE} = -\mathbb E_{q(\mathbf x_0)} \log \int q(\mathbf x_{1:T}|\mathbf x_0)
# \frac{p_\theta(\mathbf x_{0:T})}{q(\mathbf x_{1:T}|\mathbf x_0)}\,d\mathbf x_{1:T}
# = -\mathbb E_{q(\mathbf x_0)} \log \mathbb E_{q(\mathbf x_{1:T}|\mathbf x_0)}
# \frac{p_\theta(\mathbf x_{0:T})}{q(\mathbf x_{1:T}|\mathbf x_0)} .$$
#
# The logarithm is concave, so the logarithm of a mean is at least the mean of the logarithm:
#
# $$L_\mathrm{CE} \le -\mathbb E_{q(\mathbf x_{0:T})} \log \frac{p_\theta(\mathbf
# x_{0:T})}{q(\mathbf x_{1:T}|\mathbf x_0)} = L_\mathrm{VLB} .$$
#
# </details>
#
# Both $q$ and $p_\theta$ are products over the steps. The bound is therefore a sum, and each of its
# terms compares a reverse step of the model with the reverse step given $\mathbf x_0$ (Eq.
# diffusion.11, Eq. diffusion.12):
#
# $$L_\mathrm{VLB} = \mathbb E_q\Big[
# \underbrace{D_\mathrm{KL}(q(\mathbf x_T|\mathbf x_0) \| p(\mathbf x_T))}_{L_T} +
# \sum_{t=2}^T \underbrace{D_\mathrm{KL}(q(\mathbf x_{t-1}|\mathbf x_t, \mathbf x_0)
# \| p_\theta(\mathbf x_{t-1}|\mathbf x_t))}_{L_{t-1}} \underbrace{- \log
# p_\theta(\mathbf x_0|\mathbf x_1)}_{L_0}\Big] .$$
#
# <details><summary>Derivation: the bound is a sum of KL divergences</summary>
#
# The logarithm of the products is a sum; the step $t = 1$ is written apart:
#
# $$\log \frac{q(\mathbf x_{1:T}|\mathbf x_0)}{p_\theta(\mathbf x_{0:T})} = -\log p(\mathbf x_T) +
# \sum_{t=2}^T \log \frac{q(\mathbf x_t|\mathbf x_{t-1})}{p_\theta(\mathbf x_{t-1}|\mathbf x_t)} +
# \log \frac{q(\mathbf x_1|\mathbf x_0)}{p_\theta(\mathbf x_0|\mathbf x_1)} .$$
#
# A forward step depends only on $\mathbf x_{t-1}$, so Bayes' rule gives $q(\mathbf x_t|\mathbf
# x_{t-1}) = q(\mathbf x_{t-1}|\mathbf x_t, \mathbf x_0)\, q(\mathbf x_t|\mathbf x_0) / q(\mathbf
# x_{t-1}|\mathbf x_0)$. The fractions $q(\mathbf x_t|\mathbf x_0) / q(\mathbf x_{t-1}|\mathbf x_0)$
# from $t = 2$ to $T$ multiply to $q(\mathbf x_T|\mathbf x_0) / q(\mathbf x_1|\mathbf x_0)$, and
# $q(\mathbf x_1|\mathbf x_0)$ cancels:
#
# $$\log \frac{q(\mathbf x_T|\mathbf x_0)}{p(\mathbf x_T)} + \sum_{t=2}^T \log \frac{q(\mathbf
# x_{t-1}|\mathbf x_t, \mathbf x_0)}{p_\theta(\mathbf x_{t-1}|\mathbf x_t)} - \log p_\theta(\mathbf
# x_0|\mathbf x_1) .$$
#
# The mean over $\mathbf x_{t-1}$, for given $\mathbf x_t$ and $\mathbf x_0$, turns each logarithm
# of a ratio into a KL divergence.
#
# </details>
#
# Every KL divergence compares two Gaussians and has a closed form. $L_T$ has no parameters: it is a
# constant in training. For images $L_0$ is the probability of the gray values, by a separate
# discrete decoder (Ho et al. 2020); here the data are real numbers, and it is a density.
#
# We can watch the telescoping with one chain of numbers: the logarithm of the two products, and the
# sum over the steps, for the schedule of two steps and a model with variance $\beta_t$ that always
# predicts the noise 0.

# %%
x = [1.0, 0.4, -0.9]  # x_0, x_1, x_2: any numbers


def log_forward(t):
    return norm.logpdf(x[t], np.sqrt(tiny.alpha[t]) * x[t - 1], np.sqrt(tiny.beta[t]))


def log_model(t):
    return norm.logpdf(x[t - 1], x[t] / np.sqrt(tiny.alpha[t]), np.sqrt(tiny.beta[t]))


products = log_forward(1) + log_forward(2) - norm.logpdf(x[2]) - log_model(1) - log_model(2)
mean, variance = q_posterior(x[0] * one, x[2] * one, 2, tiny)
given_both = norm.logpdf(x[1], mean[0, 0], np.sqrt(variance))
end = norm.logpdf(x[2], np.sqrt(tiny.alpha_bar[2]) * x[0], np.sqrt(1 - tiny.alpha_bar[2]))
sums = end - norm.logpdf(x[2]) + given_both - log_model(2) - log_model(1)
lesson.check("products and sum of three terms: difference", products - sums, equals=0.0, atol=1e-12)

# %% [markdown]
# How tight is the bound? We take the two Gaussians, $T = 1000$, $\sigma_t^2 = \beta_t$, and the
# exact mean of the noise, so that there is no error of a network. The smallest possible value is
# the entropy of the data.

# %%
lesson.predict(
    "How far is the bound above the entropy, on average?",
    ["less than 0.02 nats", "about 0.2 nats", "about 2 nats"],
)


# %%
def variance_of_noise(density, schedule):
    """For each t the variance of the noise given x_t, averaged over x_t: (T,)."""
    x, dx = np.linspace(-8, 8, 801, retstep=True)
    variances = []
    for a in schedule.alpha_bar[1:]:
        q = density.noised(np.sqrt(a), np.sqrt(1 - a))
        mean = -np.sqrt(1 - a) * q.score(x[:, None])[:, 0]
        variances.append(1 - np.sum(q.prob(x[:, None]) * mean**2) * dx)
    return np.array(variances)


# %% [markdown]
# With the exact model the expectation of each term can be computed without drawing samples. The
# means of the two Gaussians differ by a multiple of $\epsilon - \mathbb E[\epsilon|x_t]$, so their
# mean squared difference is a multiple of the variance of the noise given $x_t$. (`sigma2` is the
# variance of the model, `known` is $\tilde\beta_t$.)


# %%
def exact_terms(schedule, unknown, sigma2):
    """The expected L_0, L_1, ..., L_T in nats, (T + 1,), for data of variance 1."""
    t = np.arange(1, schedule.T + 1)
    alpha, alpha_bar, beta = schedule.alpha[t], schedule.alpha_bar[t], schedule.beta[t]
    distance = beta**2 / (alpha * (1 - alpha_bar)) * unknown  # mean square, of the two means
    sigma2, known = sigma2[t], schedule.posterior_variance_clipped[t]
    widths = np.log(sigma2 / known) + known / sigma2 - 1
    widths[0] = np.log(2 * np.pi * sigma2[0])  # the last step: a density, not a KL
    end = prior_term(np.ones((1, 1)), schedule)
    return np.concatenate([0.5 * (widths + distance / sigma2), end])


# %%
unknown = variance_of_noise(mixture, schedule)
terms = exact_terms(schedule, unknown, schedule.beta)
gap = terms.sum() - mixture.entropy()
answer = "about 0.2 nats" if gap < 0.7 else "about 2 nats"
lesson.outcome(
    f"The bound is {terms.sum():.4f} nats, the entropy {mixture.entropy():.4f}: {gap:.4f} above.",
    answer="less than 0.02 nats" if gap < 0.02 else answer,
)
lesson.check("exact noise, T = 1000: bound above the entropy", gap, between=(0.0, 0.02))

# %% [markdown]
# The package's `vlb_terms` draws $x_t$, and works for any model. Its mean must agree with the
# expectation; and a model that always predicts the noise 0 must have a larger bound.

# %%
rng = lesson.rng("bound")
x0 = mixture.sample(rng, lesson.size(4000, quick=50)).astype(float)
fewer = Schedule.linear(T, 0.1 / T, 20 / T)  # fewer steps, to be fast
drawn = vlb_terms(exact_eps(mixture, fewer), x0, fewer, rng)
nothing = vlb_terms(lambda x, t: 0 * x, x0, fewer, rng)
unknown_of_fewer = variance_of_noise(mixture, fewer)
expected = exact_terms(fewer, unknown_of_fewer, fewer.beta).sum()
error = drawn.total.std() / np.sqrt(len(x0))

# %%
rows = [
    ["exact noise, expected", expected],
    ["exact noise, drawn", drawn.total.mean()],
    ["noise 0, drawn", nothing.total.mean()],
    ["entropy", mixture.entropy()],
]
lesson.table(rows, [f"{T} steps", "nats"])
lesson.show_source(vlb_terms)

# %%
off = abs(drawn.total.mean() - expected) / error
lesson.check("drawn bound less the expected one, in standard errors", off, at_most=5)
worse = nothing.total.mean() - drawn.total.mean()
lesson.claim(
    "noise 0: bound worse by",
    worse,
    at_least=5,
    unit="nats",
    source="seeds 0, 1, 2031: 6.50 to 6.57",
)

# %%
lesson.change(
    "half of the noise",
    "Give the model half of the exact noise instead of 0: change `lambda x, t: 0 * x` to `lambda "
    "x, t: exact_eps(mixture, fewer)(x, t) / 2`, and run again. By how much is the bound worse "
    "than with the exact noise now?",
    answer="By about 1.6 nats, a quarter of the 6.5 nats of the model that predicts 0. A model "
    "that predicts $c$ times the mean of the noise has a squared error that is larger by $(1 - "
    "c)^2$ times the mean's own square, whatever the weights of the terms are. With $c = 1/2$ "
    "that is a quarter of what it is with $c = 0$.",
)

# %% [markdown]
# ## 6. Fewer steps, and another variance
#
# What if $T$ is smaller? And what if the variance of the model is $\tilde\beta_t$, that of a
# reverse step given $\mathbf x_0$, in place of $\beta_t$?

# %%
lesson.predict(
    "At T = 1000, the bound with variance β̃ in place of β is",
    ["the same to 0.02 nats", "better by 0.02 to 0.2 nats", "worse by about half a nat"],
)

# %%
lengths = [10, 30, 100, 300, 1000] if not lesson.quick else [10, 30]
gaps = {"σ² = β": [], "σ² = β̃": []}
for steps in lengths:
    s = Schedule.linear(steps, 0.1 / steps, min(20 / steps, 0.99))
    unknown_of_s = variance_of_noise(mixture, s)
    for name, variance in zip(gaps, [s.beta, s.posterior_variance_clipped]):
        gaps[name].append(exact_terms(s, unknown_of_s, variance).sum() - mixture.entropy())
rows = [[steps, *both] for steps, *both in zip(lengths, *gaps.values())]
lesson.table(rows, ["T", *gaps], "nats above the entropy")

# %%
difference = gaps["σ² = β̃"][-1] - gaps["σ² = β"][-1]
answer = "the same to 0.02 nats" if abs(difference) < 0.02 else "better by 0.02 to 0.2 nats"
lesson.outcome(
    f"It is {difference:+.2f} nats. A model that does not know x_0 should be less certain than β̃"
    " implies, and the bound penalizes overconfidence.",
    answer="worse by about half a nat" if difference > 0.2 else answer,
)

# %% [markdown]
# (Samples differ less than likelihoods, but they do differ: `diffusion/04` measures the width of
# their modes.) The table was computed from our own formula. The package's `vlb_terms` must give the
# same for both variances; we draw at $T = 30$.

# %%
s = Schedule.linear(30, 0.1 / 30, 20 / 30)
known, unknown_of_s = s.posterior_variance_clipped, variance_of_noise(mixture, s)
off = []
for name, variance in {"beta": s.beta, "posterior": known}.items():
    total = vlb_terms(exact_eps(mixture, s), x0, s, rng, name).total
    expected = exact_terms(s, unknown_of_s, variance).sum()
    off.append(abs(total.mean() - expected) / (total.std() / np.sqrt(len(x0))))
lesson.check("T = 30, β and β̃: drawn less expected, in standard errors", off, at_most=5)

# %%
theory = "theory: 1/T for short steps; computed without drawing"
ratio = gaps["σ² = β"][0] / gaps["σ² = β"][-1]
lesson.claim("σ² = β: gap at T = 10 over T = 1000", ratio, at_least=10, source=theory)
hundred = gaps["σ² = β"][lengths.index(100 if 100 in lengths else 10)]
tenfold = hundred / gaps["σ² = β"][-1]
lesson.claim("σ² = β: gap at T = 100 over T = 1000", tenfold, between=(7, 13), source=theory)
lesson.claim(
    "β̃ less β at T = 1000",
    difference,
    between=(0.3, 0.8),
    unit="nats",
    source="computed without drawing: 0.53 on every seed",
)

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.4, 3.3))
plot.line(lengths, gaps, left, log="xy", markers=True, xlabel="T", ylabel="nats above the entropy")
t = np.arange(1, 1000)
narrow = exact_terms(schedule, unknown, schedule.posterior_variance_clipped)
both = {"σ² = β": np.cumsum(terms[:1000])[1:], "σ² = β̃": np.cumsum(narrow[:1000])[1:]}
reference = {"entropy": mixture.entropy()}
plot.line(t, both, right, log="x", xlabel="t", ylabel="L_0 + ... + L_t", reference=reference)
right.set_ylim(bottom=-4)
lesson.figure(
    fig,
    "bound",
    "Left: with β the gap falls as 1/T from T = 100 on; with β̃ it approaches half a nat. Right: the"
    " partial sums of the bound from L_0 on. With β̃, nearly all of the half nat is lost in the ten"
    " terms nearest to the data.",
)

# %% [markdown]
# ## 7. Where the post is loose
#
# - “if $\beta_t$ is small enough, $q(\mathbf{x}_{t-1} \vert \mathbf{x}_t)$ will also be Gaussian”:
#   for data that are not Gaussian it is nearly so, and only in the limit exactly (section 1).
# - “we can use the variational lower bound to optimize the negative log-likelihood”:
#   $L_\mathrm{VLB}$ bounds $-\log p_\theta$ from *above*. Its negative is the lower bound, of $\log
#   p_\theta$.
# - $p_\theta(\mathbf x_T)$ in Eq. diffusion.11 and 12 has no parameters: it is the fixed
#   $p(\mathbf x_T)$ of Eq. diffusion.04.
# - In Eq. diffusion.12 the bound $L_\mathrm{VLB}$ is the sum of KL divergences for given $\mathbf
#   x_t$ and $\mathbf x_0$: the expectation $\mathbb E_q$ of Eq. diffusion.11 is missing.
#
# **Left out:** the discrete decoder of Ho et al. (`diffusion/07` uses it). **Next:** the KL
# divergence of two Gaussians of equal variance is a squared distance of their means, and thus of
# noises. `diffusion/04` starts there, and trains a network.
#
# **Your turn:** `minigen exercise start diffusion/03`, then `minigen run diffusion/03 --with
# exercises/diffusion_03.py`.

# %%
lesson.finish()
