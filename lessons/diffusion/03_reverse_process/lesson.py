# %% [markdown]
# # The reverse process: what a step back is made of
#
# The section *Reverse diffusion process* (diffusion.s04) of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/), run, without a network:
# on densities of which everything is known exactly. To take away:
#
# 1. What shape has a step back? If it is simple, a model needs only its mean and its variance.
# 2. If the data $x_0$ is known, both follow from Bayes' rule. If it is not, its mean is what
#    counts, or, which is the same, the mean of the noise.
# 3. A chain of such steps is a model of the data, and its likelihood has a bound: one KL divergence
#    for each step.
#
# Needed: the forward process (`diffusion/01`).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/03_reverse_process",
    title="The reverse process: what a step back is made of",
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
    minutes=0.5,
    sources=["weng2021diffusion", "sohldickstein2015thermo", "ho2020ddpm"],
)

# %%
import autograd.numpy as np
from scipy.stats import norm

from minigen import plot
from minigen.data.mixture import GaussianMixture
from minigen.diffusion.ddpm import mean_from_eps, posterior_mean, q_posterior, q_sample
from minigen.diffusion.ddpm import q_step
from minigen.diffusion.exact import exact_eps_model
from minigen.diffusion.likelihood import prior_term, vlb_terms
from minigen.diffusion.samplers import Trajectory, ancestral
from minigen.diffusion.schedule import Schedule, posterior_variances
from minigen.metrics import sampling_floor, sliced_wasserstein

# %% [markdown]
# ## 1. What does a step back look like?
#
# Data: two narrow bells, at $-1$ and $1$. After some noise, at $t - 1$, they are wider. Then one
# more forward step is taken, with noise of variance $\beta$, and we see where it ended: $x_t = 0$,
# in the middle. Where may $x_{t-1}$ have been? By Bayes' rule its density is proportional to that
# of $x_{t-1}$, times that of a step from there to $x_t$.

# %%
lesson.predict(
    "What is the shape of the density of x_(t-1), if β = 0.9, and if β = 0.01?",
    ["two bells, two bells", "one bell, two bells", "two bells, one bell", "one bell, one bell"],
)

# %%
mixture = GaussianMixture([[-1.0], [1.0]], std=0.15)
before = mixture.noised(np.sqrt(0.9), np.sqrt(0.1))  # the density of x_(t-1)
line = np.linspace(-3, 3, 6001)
dx = line[1] - line[0]


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
lesson.table(zip(betas, far), ["β", "KL from a Gaussian, nats"], "the density of a step back")


# %%
def peaks(p):
    return np.sum((p[1:-1] > p[:-2]) & (p[1:-1] > p[2:]))


names = {1: "one bell", 2: "two bells"}
shapes = [names[int(peaks(backs[f"β = {beta}"]))] for beta in (0.9, 0.01)]
lesson.outcome(
    "A long step may have come from either side. A short one tells by itself where it came from, up"
    " to a little Gaussian noise; what the data looks like only shifts it.",
    answer=", ".join(shapes),
)

# %%
shown = np.abs(line) < 1.8
curves = {name: p[shown] / p.max() for name, p in backs.items()}
ax = plot.line(line[shown], curves, xlabel="x_(t-1), if x_t = 0", ylabel="density / its top")
lesson.figure(ax, "step_back", "From two bells to one. Only for short steps is a Gaussian enough.")
lesson.check("β = 0.9: far from a Gaussian", far[0], at_least=0.3)
lesson.check("β = 0.01: a Gaussian, nearly", far[-1], at_most=0.01)

# %% [markdown]
# So a diffusion model takes many short steps back, each a Gaussian whose mean and variance depend
# on where one is (Eq. diffusion.04):
#
# $$p_\theta(\mathbf x_{0:T}) = p(\mathbf x_T) \prod_{t=1}^T p_\theta(\mathbf x_{t-1} | \mathbf
# x_t), \qquad p_\theta(\mathbf x_{t-1} | \mathbf x_t) = \mathcal N(\mathbf x_{t-1};
# \mu_\theta(\mathbf x_t, t), \Sigma_\theta(\mathbf x_t, t)) .$$
#
# ## 2. If somebody told us x₀
#
# Take the schedule of two steps of `diffusion/01`, $\beta = (0.19, 0.36)$. We are told $x_0 = 1$
# and $x_2 = 1.5$. Two things speak about $x_1$: it came from $x_0$, so it is near $0.9$, give or
# take $\sqrt{0.19}$; and it led to $x_2$ by a step of variance 0.36.

# %%
lesson.predict(
    "The variance of x_1, given both: how does it compare with 0.19, that given x_0 alone?",
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
lesson.outcome(
    f"Of {tries:,} walks from x_0 = 1, {len(kept):,} came to x_2 = 1.5 ± 0.02. Their x_1 has the"
    f" mean {kept.mean():.3f} and the variance {kept.var():.3f}. Who knows more is less uncertain.",
    answer="smaller" if kept.var() < 0.18 else "equal",
)

# %% [markdown]
# Exactly: the logarithms of the two Gaussians are added, and both are quadratic in $x_{t-1}$ (Eq.
# diffusion.06):
#
# $$-\tfrac12\Big(\big(\tfrac{\alpha_t}{\beta_t} + \tfrac{1}{1 - \bar\alpha_{t-1}}\big)\,
# x_{t-1}^2 - \big(\tfrac{2\sqrt{\alpha_t}}{\beta_t} x_t +
# \tfrac{2\sqrt{\bar\alpha_{t-1}}}{1 - \bar\alpha_{t-1}} x_0\big)\, x_{t-1} + C\Big) .$$
#
# So the result is a Gaussian again (Eq. diffusion.05). What stands before $x_{t-1}^2$ is one over
# its variance, the *precision*; the precisions of the two are added. By hand: $0.64/0.36 + 1/0.19 =
# 7.041$, so the variance is 0.142. And the mean, $\frac{0.8}{0.36} \cdot 1.5 + \frac{0.9}{0.19}
# \cdot 1 = 8.070$ over 7.041, is 1.146. Now for any schedule and any $t$: what is the variance,
# $\tilde\beta_t$, and what is the mean, $\tilde\mu_t(\mathbf x_t, \mathbf x_0)$?

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
# The sum of the two precisions has the numerator $\alpha_t (1 - \bar\alpha_{t-1}) + \beta_t = 1 -
# \bar\alpha_t$, so it is $\frac{1 - \bar\alpha_t}{\beta_t (1 - \bar\alpha_{t-1})}$. One over it is
# the variance, and what stands before $x_{t-1}$ in Eq. diffusion.06, divided by twice the sum, is
# the mean (Eq. diffusion.07):
#
# $$\tilde\beta_t = \frac{1 - \bar\alpha_{t-1}}{1 - \bar\alpha_t}\,\beta_t, \qquad
# \tilde\mu_t(\mathbf x_t, \mathbf x_0) = \frac{\sqrt{\alpha_t}\,(1 - \bar\alpha_{t-1})}{1 -
# \bar\alpha_t}\,\mathbf x_t + \frac{\sqrt{\bar\alpha_{t-1}}\,\beta_t}{1 - \bar\alpha_t}\,\mathbf
# x_0 .$$

# %%
errors = [
    abs(kept.mean() - mean[0, 0]) / np.sqrt(variance / len(kept)),
    abs(kept.var() - variance) / (variance * np.sqrt(2 / len(kept))),
]
lesson.claim("counted mean and variance of x_1: off by, in standard errors", errors, at_most=5)

# %% [markdown]
# And Bayes' rule itself, $q(x_{t-1}|x_t, x_0) = q(x_t|x_{t-1})\, q(x_{t-1}|x_0) / q(x_t|x_0)$, in
# logarithms, along a line of $x_{t-1}$, at a few places of a longer schedule:

# %%
schedule = Schedule.linear(1000)
x = np.linspace(-4, 4, 9)
gaps = []
for t, x0, x_t in [(2, 0.3, 0.31), (100, -1.0, 0.5), (500, 2.0, -1.0), (1000, 0.7, 0.1)]:
    root, alpha_bar = np.sqrt(schedule.alpha[t]), schedule.alpha_bar
    x = np.sqrt(alpha_bar[t - 1]) * x0 + np.linspace(-3, 3, 9) * np.sqrt(1 - alpha_bar[t - 1])
    right = norm.logpdf(x_t, root * x, np.sqrt(schedule.beta[t]))
    right = right + norm.logpdf(x, np.sqrt(alpha_bar[t - 1]) * x0, np.sqrt(1 - alpha_bar[t - 1]))
    right = right - norm.logpdf(x_t, np.sqrt(alpha_bar[t]) * x0, np.sqrt(1 - alpha_bar[t]))
    mean, variance = q_posterior(x0 * one, x_t * one, t, schedule)
    gaps.append(np.max(np.abs(norm.logpdf(x, mean[0, 0], np.sqrt(variance)) - right)))
lesson.check("both sides of Bayes' rule, largest difference", gaps, at_most=1e-6)

# %%
boxes = {
    "x0": plot.node("$x_0$", "data", (0, 0)),
    "before": plot.node("$x_{t-1}$", "plain", (1, 0)),
    "xt": plot.node("$x_t$", "plain", (2, 0)),
    "xT": plot.node("$x_T$", "noise", (3, 0)),
}
# %%
arrows = [
    "x0 -> before: $q(x_{t-1}|x_0)$",
    "before -> xt: $q(x_t|x_{t-1})$",
    "xt -> xT",
    "xT --> xt",
    "xt --> before: $p_\\theta(x_{t-1}|x_t)$",
    plot.edge("xt", "before", "$q(x_{t-1}|x_t, x_0)$", route="over", color=plot.color.accent),
]
lesson.figure(
    plot.schematic(boxes, arrows),
    "f02_step_back",
    "Orange: the step back of one who knows x_0. Dashed: the model's, who does not. Training makes"
    " the second as like the first as it can.",
)

# %% [markdown]
# ## 3. In terms of the noise
#
# $x_t = \sqrt{\bar\alpha_t}\,x_0 + \sqrt{1 - \bar\alpha_t}\,\epsilon$. So to know $x_0$ is to know
# $\epsilon$, and $x_0$ can be put out of the formula (Eq. diffusion.08):
#
# $$\tilde\mu_t = \frac{1}{\sqrt{\alpha_t}} \Big( \mathbf x_t - \frac{1 - \alpha_t}{\sqrt{1 -
# \bar\alpha_t}}\,\epsilon_t \Big) .$$
#
# $\epsilon_t$ is the noise of *all* steps up to $t$, which leads from $x_0$ to $x_t$.

# %%
rng = lesson.rng("noise")
x0, eps = rng.standard_normal((2, 1000, 2))
t = rng.integers(1, 1001, 1000)
x_t = q_sample(x0, t, eps, schedule)
gap = mean_from_eps(x_t, t, eps, schedule) - posterior_mean(x0, x_t, t, schedule)
lesson.check("both formulas of the mean, largest difference", np.abs(gap).max(), at_most=1e-9)

# %% [markdown]
# ## 4. If nobody tells us
#
# A model sees $x_t$ alone. Many $x_0$, each with its own noise, may have led there. The best single
# answer is the *mean* of the noise over all of them, $\mathbb E[\epsilon | x_t]$. For the two bells
# it is known exactly: the density $q(x_t)$ is a mixture of two Gaussians, and
#
# $$\mathbb E[\epsilon\,|\,x_t] = -\sqrt{1 - \bar\alpha_t}\;\nabla \log q(x_t) .$$
#
# (`diffusion/05` derives this; here we check it.) Later lessons import the function below as
# `exact_eps_model`, of `minigen.diffusion.exact`.


# %%
def exact_eps(density, schedule):
    """The eps model that answers E[noise | x_t], for data from a mixture of Gaussians."""
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
model = exact_eps(mixture, schedule)
gap = model(x_t[:1000], half) - exact_eps_model(mixture, schedule)(x_t[:1000], half)
lesson.check("by hand and by exact_eps_model: difference", np.abs(gap).max(), at_most=1e-12)
edges = np.linspace(-2, 2, 21)
place = np.digitize(x_t[:, 0], edges)

# %%
middles, means, errors, off = [], [], [], []
for k in range(1, 21):
    here = place == k
    mine = eps[here, 0]
    middles.append(x_t[here].mean())
    means.append(mine.mean())
    errors.append(mine.std() / np.sqrt(len(mine)))
    off.append(abs(means[-1] - model(x_t[here], half).mean()) / errors[-1])
lesson.claim("mean noise in 20 bins less the exact one, in standard errors", off, at_most=5)

# %%
grid = np.linspace(-2, 2, 201)
straight = np.sqrt(1 - schedule.alpha_bar[half]) * grid
exact = model(grid[:, None], half)[:, 0]
curves = {"exact, two bells": exact, "if the data were one Gaussian": straight}
ax = plot.line(grid, curves, xlabel="x_t", ylabel="mean noise")
ax.plot(middles, means, ".", color=plot.color.ink, label="counted")
ax.legend()
lesson.figure(
    ax,
    "mean_noise",
    f"t = {half}. Left of the middle the model thinks of the left bell. In the flat part it is"
    " undecided between the two, and errs whatever it says.",
)

# %% [markdown]
# With this exact model the whole way back can be walked before any network is trained. The data: a
# swiss roll, made of 160 small bells along a spiral. Above, the forward process; in the middle, the
# samples, from pure noise at $t = T$ to $t = 0$ by $\mu_\theta$ and noise of variance $\beta_t$;
# below, the *drift* $\mu_\theta(x_t, t) - x_t$, which the step adds on average.

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
    """How far the mean of the step from t is from x."""
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
    "Blue: data, noised. Orange: samples on their way from the left, where t = T, to the right."
    " Arrows: early ones only scale, for there is nothing else to be known; the last ones pull onto"
    " the roll.",
)


# %%
def distance(a, b):
    return sliced_wasserstein(a, b, 100, rng)


floor = sampling_floor(distance, roll.sample, n, rng, repeats=lesson.size(10, quick=2)).mean
over = distance(samples, roll.sample(rng, n)) / floor
untrained = distance(noise, roll.sample(rng, n)) / floor
print(f"  distance over floor: {over:.2f}; of the noise itself: {untrained:.1f}")
lesson.claim("swiss roll, exact noise: distance over floor", over, at_most=2.2)

# %% [markdown]
# ## 5. A bound on the likelihood
#
# The chain $p_\theta$ is a model: it gives every $x_0$ a density. To compute it one would have to
# sum over all ways $x_1, \ldots, x_T$ that end in $x_0$. But, as for a VAE, there is a bound, with
# the forward process in the place of an encoder (Eq. diffusion.09; Eq. diffusion.10 is its mean
# over the data):
#
# $$-\log p_\theta(\mathbf x_0) \le L_\mathrm{VLB} = \mathbb E_q\Big[\log \frac{q(\mathbf x_{1:T} |
# \mathbf x_0)}{p_\theta(\mathbf x_{0:T})}\Big] .$$
#
# Both are products over the steps, so the logarithm is a sum. By Bayes' rule each forward step is
# turned round into $q(x_{t-1}|x_t, x_0)$, and what is left are comparisons of Gaussians (Eq.
# diffusion.11, Eq. diffusion.12):
#
# $$L_\mathrm{VLB} =
# \underbrace{D_\mathrm{KL}(q(\mathbf x_T|\mathbf x_0) \| p(\mathbf x_T))}_{L_T} +
# \sum_{t=2}^T \underbrace{\mathbb E_q D_\mathrm{KL}(q(\mathbf x_{t-1}|\mathbf x_t, \mathbf x_0)
# \| p_\theta(\mathbf x_{t-1}|\mathbf x_t))}_{L_{t-1}} \underbrace{- \mathbb E_q \log
# p_\theta(\mathbf x_0|\mathbf x_1)}_{L_0} .$$
#
# The post calls the sum $L_\mathrm{VLB}$, of *variational lower bound*: its negative bounds $\log
# p$ from below. How good is it? The two bells, $T = 1000$, $\sigma_t^2 = \beta_t$, and the exact
# mean of the noise, so that no network is to blame. The least possible value is the entropy of the
# data.

# %%
lesson.predict(
    "How far is the bound above the entropy, on average?",
    ["less than 0.02 nats", "about 0.2 nats", "about 2 nats"],
)


# %%
def spread_of_noise(density, schedule):
    """For each t the variance of the noise given x_t, averaged: what no model can know, (T,)."""
    x, dx = np.linspace(-8, 8, 801, retstep=True)
    spread = []
    for a in schedule.alpha_bar[1:]:
        q = density.noised(np.sqrt(a), np.sqrt(1 - a))
        mean = -np.sqrt(1 - a) * q.score(x[:, None])[:, 0]
        spread.append(1 - np.sum(q.prob(x[:, None]) * mean**2) * dx)
    return np.array(spread)


# %% [markdown]
# With the exact model the expectation of each term needs no drawing. The two means differ by a
# multiple of $\epsilon - \mathbb E[\epsilon|x_t]$, so their mean squared distance is a multiple of
# the variance of the noise given $x_t$, a sum over a fine grid. (`sigma2` is the model's variance,
# `known` is $\tilde\beta_t$.)


# %%
def exact_terms(schedule, spread, sigma2):
    """The expected L_0, L_1, ..., L_T in nats, (T + 1,), for data of variance 1."""
    t = np.arange(1, schedule.T + 1)
    alpha, alpha_bar, beta = schedule.alpha[t], schedule.alpha_bar[t], schedule.beta[t]
    distance = beta**2 / (alpha * (1 - alpha_bar)) * spread  # mean square, of the two means
    sigma2, known = sigma2[t], schedule.posterior_variance_clipped[t]
    widths = np.log(sigma2 / known) + known / sigma2 - 1
    widths[0] = np.log(2 * np.pi * sigma2[0])  # the last step: a density, not a KL
    end = prior_term(np.ones((1, 1)), schedule)
    return np.concatenate([0.5 * (widths + distance / sigma2), end])


# %%
spread = spread_of_noise(mixture, schedule)
terms = exact_terms(schedule, spread, schedule.beta)
gap = terms.sum() - mixture.entropy()
answer = "about 0.2 nats" if gap < 0.7 else "about 2 nats"
lesson.outcome(
    f"The bound is {terms.sum():.4f} nats, the entropy {mixture.entropy():.4f}: {gap:.4f} above.",
    answer="less than 0.02 nats" if gap < 0.02 else answer,
)
lesson.claim("exact noise, T = 1000: bound above the entropy", gap, at_most=0.02, unit="nats")
lesson.check("it is a bound", gap, at_least=0.0)

# %% [markdown]
# The package's `vlb_terms` draws $x_t$, and works for any model. It must agree; and a model that
# knows nothing, whose answer is always 0, must get a worse bound.

# %%
rng = lesson.rng("bound")
x0 = mixture.sample(rng, lesson.size(4000, quick=50)).astype(float)
fewer = Schedule.linear(T, 0.1 / T, 20 / T)  # fewer steps, to be fast
drawn = vlb_terms(exact_eps(mixture, fewer), x0, fewer, rng)
nothing = vlb_terms(lambda x, t: 0 * x, x0, fewer, rng)
spread_of_fewer = spread_of_noise(mixture, fewer)
expected = exact_terms(fewer, spread_of_fewer, fewer.beta).sum()
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
off = abs(drawn.total.mean() - expected) / error
lesson.claim("drawn bound less the expected one, in standard errors", off, at_most=5)
worse = nothing.total.mean() - drawn.total.mean()
lesson.claim("noise 0: bound worse by", worse, at_least=0.5, unit="nats")

# %%
lesson.change(
    "half of the noise",
    "Give the model half of the exact noise instead of 0: change `lambda x, t: 0 * x` to `lambda "
    "x, t: exact_eps(mixture, fewer)(x, t) / 2`, and run again. By how much is the bound worse "
    "than with the exact noise now?",
    answer="By about 1.6 nats, a quarter of the 6.5 nats of the model that answers 0. A model "
    "that answers $c$ times the mean of the noise has a squared error that is larger by $(1 - "
    "c)^2$ times the mean's own square, whatever the weights of the terms are. With $c = 1/2$ "
    "that is a quarter of what it is with $c = 0$.",
)

# %% [markdown]
# ## 6. Fewer steps, other widths
#
# What if $T$ is smaller? And what if the model's variance is $\tilde\beta_t$, that of one who knows
# $x_0$, in place of $\beta_t$?

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
    spread_of_s = spread_of_noise(mixture, s)
    for name, variance in zip(gaps, [s.beta, s.posterior_variance_clipped]):
        gaps[name].append(exact_terms(s, spread_of_s, variance).sum() - mixture.entropy())
rows = [[steps, *both] for steps, *both in zip(lengths, *gaps.values())]
lesson.table(rows, ["T", *gaps], "nats above the entropy")

# %%
difference = gaps["σ² = β̃"][-1] - gaps["σ² = β"][-1]
answer = "the same to 0.02 nats" if abs(difference) < 0.02 else "better by 0.02 to 0.2 nats"
lesson.outcome(
    f"It is {difference:+.2f} nats. Who does not know x_0 is less certain than β̃ says, and a bound"
    " punishes too much certainty. Samples hardly differ (`diffusion/04`), likelihoods do.",
    answer="worse by about half a nat" if difference > 0.2 else answer,
)
ratio = gaps["σ² = β"][0] / gaps["σ² = β"][-1]
lesson.claim("σ² = β: gap at T = 10 over that at T = 1000", ratio, at_least=10)
hundred = gaps["σ² = β"][lengths.index(100 if 100 in lengths else 10)]
tenfold = hundred / gaps["σ² = β"][-1]
lesson.claim("σ² = β: gap at T = 100 over that at T = 1000", tenfold, between=(7, 13))
lesson.claim("β̃ less β at T = 1000", difference, between=(0.3, 0.8), unit="nats")

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.4, 3.3))
plot.line(lengths, gaps, left, log="xy", markers=True, xlabel="T", ylabel="nats above the entropy")
t = np.arange(1, 1000)
narrow = exact_terms(schedule, spread, schedule.posterior_variance_clipped)
both = {"σ² = β": np.cumsum(terms[:1000])[1:], "σ² = β̃": np.cumsum(narrow[:1000])[1:]}
reference = {"entropy": mixture.entropy()}
plot.line(t, both, right, log="x", xlabel="t", ylabel="L_0 + ... + L_t", reference=reference)
right.set_ylim(bottom=-4)
lesson.figure(
    fig,
    "bound",
    "Left: with β the gap falls as 1/T from T = 100 on, with β̃ it levels off near half a nat."
    " Right: the bound, term by term, beginning with L_0: by t = 10 β̃ has lost nearly all of its"
    " half nat, in the finest steps.",
)

# %% [markdown]
# ## 7. Where the post is loose
#
# - $L_\mathrm{VLB}$ bounds $-\log p$ from *above*; the name says "lower", of $\log p$.
# - $p_\theta(\mathbf x_T)$ in Eq. diffusion.11 and 12 has no parameters: it is the fixed noise
#   $p(\mathbf x_T)$. And in Eq. diffusion.12 the expectation over $q$ has been lost.
# - The index of $L_t$ shifts: the term of the step $t \to t - 1$ is $L_{t-1}$ here, and $L_t$ in
#   the post's next section.
# - $\tilde\beta_t$ is offered as a choice for the model's variance as good as $\beta_t$. For
#   samples it is; for the bound see section 6.
#
# **Left out:** the KL of two Gaussians of one width is a squared distance of means, and thus of
# noises. That is where the next lesson begins, and trains a network: `diffusion/04`. **Your turn:**
# `minigen exercise start diffusion/03`, then `minigen run diffusion/03 --with
# exercises/diffusion_03.py`.

# %%
lesson.finish()
