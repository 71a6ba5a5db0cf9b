# %% [markdown]
# # Kullback–Leibler and Jensen–Shannon divergence
#
# This lesson runs the section *Kullback–Leibler and Jensen–Shannon Divergence* (gan.s01) of
# [From GAN to WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/). No lesson has to be read
# before it. In this lesson:
#
# 1. The KL divergence is the mean log-ratio of two densities. Minimizing it is maximum likelihood.
# 2. The JS divergence compares two densities with their mixture. It is symmetric and bounded.
# 3. The choice of the divergence decides which model is the best fit to the data.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/01_kl_and_js_divergence",
    title="Kullback–Leibler and Jensen–Shannon divergence",
    post="gan",
    sections=["gan.s01"],
    figures=["gan.f01"],
    equations=["gan.01", "gan.02"],
    minutes=0.1,
    picture="two_gaussians",
    sources=[
        "weng2017gan",
        "kullback1951information",
        "lin1991divergence",
        "endres2003metric",
        "huszar2015how",
    ],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.metrics.divergence import (
    js_divergence,
    js_integrand,
    js_on_grid,
    kl_divergence,
    kl_integrand,
    kl_normal,
    kl_on_grid,
)

# %% [markdown]
# Here are two Gaussians, $p$ with mean 0 and $q$ with mean 1, and their average $m = (p + q)/2$.
# How different are $p$ and $q$? This lesson computes two answers.


# %%
def log_normal(x, mu, sigma):
    return -0.5 * ((x - mu) / sigma) ** 2 - np.log(sigma * np.sqrt(2 * np.pi))


x = np.linspace(-15, 17, 6401)
dx = x[1] - x[0]
view = (x >= -5) & (x <= 6)

# %%
p_curve = np.exp(log_normal(x, 0, 1))[view]
q_curve = np.exp(log_normal(x, 1, 1))[view]
curves = {"p": p_curve, "q": q_curve, "m = (p + q)/2": (p_curve + q_curve) / 2}
ax = plot.line(x[view], curves, fill=["p", "q"], styles={"m = (p + q)/2": "--"})
ax.set(xlabel="x", ylabel="density", title="two densities and their mixture")
lesson.figure(
    ax,
    "two_gaussians",
    "The densities of N(0, 1) and N(1, 1), and their mixture, dashed. The mixture is at least half "
    "of each of the two everywhere.",
)

# %% [markdown]
# ## 1. The Kullback–Leibler divergence of two coins
#
# A coin is fair: heads and tails have the probabilities $p = (\frac12, \frac12)$. A model expects
# $q = (\frac14, \frac34)$. Heads is then twice as probable under $p$ as under $q$, and tails
# $\frac23$ times as probable. The *Kullback–Leibler divergence*, or KL divergence, is the mean of
# the logarithms of these ratios, weighted by $p$. The post introduces it as a measure of how $p$
# diverges from a second, expected distribution $q$ (Eq. gan.01):
#
# $$
# D_{\mathrm{KL}}(p \| q) = \int_x p(x) \log \frac{p(x)}{q(x)} \, dx .
# $$
#
# For outcomes that can be counted the integral is a sum:
#
# $$
# \sum_x p(x) \log \frac{p(x)}{q(x)}
#   = \tfrac12 \log 2 + \tfrac12 \log \tfrac23 = \log 2 - \tfrac12 \log 3 = 0.1438 .
# $$
#
# Now exchange the roles: the coin has the probabilities $q$, and the model expects $p$.

# %%
lesson.predict(
    "What is KL(q || p)?",
    ["the same, 0.1438", "less", "more", "the same with a minus, -0.1438"],
)

# %%
lesson.exercise("gan/01/kl_divergence")

# %%
p = np.array([1 / 2, 1 / 2])
q = np.array([1 / 4, 3 / 4])
by_hand = 0.5 * np.log(0.5 / 0.25) + 0.5 * np.log(0.5 / 0.75)
back_by_hand = 0.25 * np.log(0.25 / 0.5) + 0.75 * np.log(0.75 / 0.5)
lesson.show_source(kl_divergence)
lesson.check("KL(p || q), nats", kl_divergence(p, q), equals=np.log(2) - np.log(3) / 2)
lesson.check("the same, written out", by_hand, equals=0.143841)
lesson.check("KL(q || p), nats", kl_divergence(q, p), equals=back_by_hand)
lesson.outcome(f"{back_by_hand:.4f}: close, but not the same.", answer="less")

# %% [markdown]
# The exchange replaces the weights $p$ by $q$ and changes the sign of each logarithm. The KL
# divergence is therefore *asymmetric*. All logarithms here are natural, so the unit is the *nat*;
# one bit is $\log 2 = 0.693$ nats.

# %%
lesson.change(
    "a rare head",
    "Change `q` to `np.array([1 / 1000, 999 / 1000])` and run again. Which of the two directions "
    "is larger now?",
    answer="KL(p || q), by far: 2.761 nats against 0.6852. Half of the draws of $p$ are heads, to "
    "which $q$ assigns probability 1/1000; they add $\\frac12 \\log 500 = 3.107$ nats. Nearly all "
    "draws of $q$ are tails, to which $p$ assigns 1/2: about $\\log 2$.",
)

# %% [markdown]
# Both directions are positive. This is always so: $D_{\mathrm{KL}}(p \| q) \ge 0$, and it is zero
# only when $p(x) = q(x)$ everywhere.

# %% [markdown]
# <details><summary>Derivation: the KL divergence is never negative, and zero only for p = q
# </summary>
#
# The logarithm is concave, so by Jensen's inequality the mean of a logarithm is at most the
# logarithm of the mean. With the mean over the outcomes with $p(x) > 0$,
#
# $$
# -D_{\mathrm{KL}}(p \| q) = \mathbb{E}_{x \sim p}\Big[\log \frac{q(x)}{p(x)}\Big]
#   \le \log \mathbb{E}_{x \sim p}\Big[\frac{q(x)}{p(x)}\Big]
#   = \log \sum_{x:\, p(x) > 0} q(x) \le \log 1 = 0 .
# $$
#
# The logarithm is *strictly* concave, so the first $\le$ is an equality only when $q(x)/p(x)$ is
# the same number $c$ wherever $p(x) > 0$. The second is an equality only when $q$ has no mass
# elsewhere. Then $c$ is 1, because $p$ and $q$ both sum to 1, and $p = q$.
#
# </details>

# %%
weights = lesson.rng("random coins").gamma(0.5, size=(2, 2000, 5)) + 1e-6
first, second = weights / weights.sum(axis=-1, keepdims=True)
lesson.check("lowest KL of 2,000 random pairs", kl_divergence(first, second).min(), at_least=0)
lesson.check("KL of p from itself, all 2,000", kl_divergence(first, first), equals=0.0)

# %% [markdown]
# ## 2. Zero probabilities
#
# Three pairs of coins, in which more and more probabilities are zero.

# %%
lesson.predict(
    "p = (1, 0) and q = (½, ½): the second outcome never happens under p. What is infinite?",
    ["neither", "KL(p || q) only", "KL(q || p) only", "both"],
)

# %%
pairs = {
    "q is nearly certain": (np.array([0.5, 0.5]), np.array([0.999, 0.001])),
    "p has a zero": (np.array([1.0, 0.0]), np.array([0.5, 0.5])),
    "nothing in common": (np.array([1.0, 0.0]), np.array([0.0, 1.0])),
}
rows = []
for name, (a, b) in pairs.items():
    rows.append([name, str(a), str(b), kl_divergence(a, b), kl_divergence(b, a)])
lesson.table(rows, ["", "p", "q", "KL(p||q)", "KL(q||p)"])
lesson.outcome(
    f"KL(p || q) is {rows[1][3]:.3f}, KL(q || p) is {rows[1][4]}.", answer="KL(q || p) only"
)

# %% [markdown]
# An outcome with $p(x) = 0$ contributes nothing to KL(p‖q), whatever $q(x)$ is: $0 \log 0$ counts
# as 0. An outcome with $p(x) > 0$ and $q(x) = 0$ makes KL(p‖q) infinite. A single zero of $q$ is
# enough. The post warns that this asymmetry can give wrong results when we compare two
# distributions that are equally important to us.
#
# ## 3. The Jensen–Shannon divergence
#
# A fairer comparison takes the mixture $m = (p + q)/2$ as the second distribution for both, and
# averages. This is the *Jensen–Shannon divergence*, or JS divergence (Eq. gan.02):
#
# $$
# D_{\mathrm{JS}}(p \| q) = \tfrac12 D_{\mathrm{KL}}\Big(p \,\Big\|\, \frac{p + q}{2}\Big)
#   + \tfrac12 D_{\mathrm{KL}}\Big(q \,\Big\|\, \frac{p + q}{2}\Big) .
# $$
#
# It is symmetric, because exchanging $p$ and $q$ exchanges the two terms. It is a mean of two KL
# divergences, so it is never negative, and it is zero only when $p = m = q$. It is bounded: the
# mixture is at least $p/2$ everywhere, so no ratio $p/m$ exceeds 2, and no logarithm exceeds
# $\log 2$. By hand, for $p = (1, 0)$ and $q = (0, 1)$: $m = (\frac12, \frac12)$, both KL
# divergences are $\log 2$, and their average is $\log 2$.

# %%
lesson.exercise("gan/01/js_divergence")

# %%
lesson.show_source(js_divergence)
nothing_in_common = js_divergence(*pairs["nothing in common"])
lesson.check("JS of (1, 0) and (0, 1), nats", nothing_in_common, equals=np.log(2))
lesson.check("the same in bits", nothing_in_common / np.log(2), equals=1.0)
random_js = js_divergence(first, second)
lesson.check("lowest and highest JS of 2,000 random pairs", random_js, between=(0, np.log(2)))

# %%
asymmetry = js_divergence(p, q) - js_divergence(q, p)
lesson.check("JS of the coins minus JS with exchanged roles", asymmetry, equals=0.0)
rows = [[name, js_divergence(a, b)] for name, (a, b) in pairs.items()]
rows.append(["the two coins", js_divergence(p, q)])
lesson.table(rows, ["", "JS, nats"])

# %% [markdown]
# Every row is finite. The post also calls JS "more smooth". For example, let $p = (1 - \epsilon,
# \epsilon)$ and $q = (1, 0)$. KL(p‖q) is infinite for every $\epsilon > 0$ and 0 at $\epsilon =
# 0$. JS goes to 0 with $\epsilon$.

# %%
sure = np.array([1.0, 0.0])
rows = []
for eps in (0.1, 0.01, 0.001, 0.0):
    near = np.array([1 - eps, eps])
    rows.append([eps, kl_divergence(near, sure), js_divergence(near, sure)])
lesson.table(rows, ["ε", "KL(p || q)", "JS"])
lesson.check("JS at ε = 0.001, nats", rows[2][2], at_most=0.0005)

# %% [markdown]
# ## 4. The divergence of two Gaussians
#
# For densities on a line the sum becomes an integral. For two Gaussians $p = \mathcal{N}(\mu_p,
# \sigma_p^2)$ and $q = \mathcal{N}(\mu_q, \sigma_q^2)$ it can be solved on paper: $\log p(x) - \log
# q(x)$ is a polynomial in $x$, and KL(p‖q) is its mean under $p$. We compute it in three ways: by
# this formula, by a sum over a grid (*quadrature*), and by an average over draws (*Monte Carlo*).
#
# Take a narrow $p = \mathcal{N}(0, 1)$ and a wide $q = \mathcal{N}(1, 2^2)$. KL(p‖q) is 0.4431
# nats. The other direction weighs the log-ratio by the wide density.

# %%
lesson.predict(
    "What is KL(q || p), with p = N(0, 1) and q = N(1, 2²)?",
    ["about a third of 0.44", "about 0.44", "about three times 0.44", "infinite"],
)

# %%
lesson.exercise("gan/01/kl_normal")


# %% [markdown]
# `three_ways` computes the divergence of a Gaussian `a` from a Gaussian `b`. Each is given by its
# mean and its standard deviation.


# %%
n = lesson.size(100_000)


def three_ways(a, b, rng):
    """KL(a || b) by the formula, by a sum over the grid, and by an average over draws of a."""
    mu, sigma = a
    draws = mu + sigma * rng.standard_normal(n)
    log_ratio = log_normal(draws, *a) - log_normal(draws, *b)
    return [
        kl_normal(*a, *b),
        kl_on_grid(log_normal(x, *a), log_normal(x, *b), dx),
        log_ratio.mean(),
    ]


# %%
lesson.show_source(kl_normal, kl_integrand, kl_on_grid)
narrow = (0.0, 1.0)
wide = (1.0, 2.0)
p_to_q = three_ways(narrow, wide, lesson.rng("p"))
q_to_p = three_ways(wide, narrow, lesson.rng("q"))
rows = [["KL(p || q)", *p_to_q], ["KL(q || p)", *q_to_p]]
lesson.table(rows, ["nats", "formula", "grid", f"{n:,} draws"])

# %%
there = p_to_q[1]
back = q_to_p[1]
lesson.check("KL(N(0,1) || N(1,4)) by quadrature, nats", there, equals=p_to_q[0])
lesson.check("KL(N(1,4) || N(0,1)) by quadrature, nats", back, equals=q_to_p[0])
lesson.outcome(f"{back:.4f}, {back / there:.2f} times as much.", answer="about three times 0.44")

# %% [markdown]
# The other direction is larger, because many draws of the wide $q$ fall at 4 or 5, where the
# narrow $p$ is close to zero.

# %% [markdown]
# <details><summary>Derivation: the KL divergence of two Gaussians</summary>
#
# The logarithm of a Gaussian density is $-\frac12 \log(2\pi) - \log \sigma - \frac{(x -
# \mu)^2}{2\sigma^2}$, so the difference of two of them is
#
# $$
# \log\frac{p(x)}{q(x)} = \log\frac{\sigma_q}{\sigma_p}
#   - \frac{(x - \mu_p)^2}{2\sigma_p^2} + \frac{(x - \mu_q)^2}{2\sigma_q^2} .
# $$
#
# Under $p$ the mean of $(x - \mu_p)^2$ is $\sigma_p^2$. With $x - \mu_q = (x - \mu_p) + (\mu_p -
# \mu_q)$, the mean of $(x - \mu_q)^2$ is $\sigma_p^2 + (\mu_p - \mu_q)^2$. Therefore
#
# $$
# D_{\mathrm{KL}}(p \| q) = \log\frac{\sigma_q}{\sigma_p}
#   + \frac{\sigma_p^2 + (\mu_p - \mu_q)^2}{2\sigma_q^2} - \frac12 .
# $$
#
# For $\mathcal{N}(0, 1)$ and $\mathcal{N}(1, 2^2)$ this is $\log 2 + \frac28 - \frac12 = 0.4431$,
# and with exchanged roles $-\log 2 + \frac52 - \frac12 = 1.3069$. For equal standard deviations of
# 1 only $\frac12 (\mu_p - \mu_q)^2$ remains.
#
# </details>

# %%
lesson.check("KL(N(0,1) || N(1,4)) by hand, nats", p_to_q[0], equals=np.log(2) + 2 / 8 - 1 / 2)
lesson.check("KL(N(1,4) || N(0,1)) by hand, nats", q_to_p[0], equals=-np.log(2) + 5 / 2 - 1 / 2)

# %% [markdown]
# **Two wrong turns.** First, the grid must cover the mass. A grid from $-3$ to 3 misses the draws
# of $q$ beyond 3, and these contribute most. Second, $\sigma$ is not $\sigma^2$. A formula that
# receives variances in place of standard deviations raises no error.

# %%
inside = np.abs(x) <= 3
log_p = log_normal(x, 0, 1)
log_q = log_normal(x, 1, 2)
cut = kl_integrand(log_q, log_p)[inside].sum() * dx
rows = [
    ["correct", back],
    ["grid from -3 to 3", cut],
    ["variance 4 passed as sigma", kl_normal(1.0, 4.0, 0.0, 1.0)],
]
lesson.table(rows, ["KL(q || p)", "nats"])
lesson.check("the short grid's result, as a share of KL", cut / back, at_most=0.5)

# %% [markdown]
# ## 5. The integrands
#
# Now take the two Gaussians of the first figure, with equal standard deviations: $p =
# \mathcal{N}(0, 1)$ and $q = \mathcal{N}(1, 1)$. The integrand $p(x) \log(p(x)/q(x))$ is what each
# $x$ contributes to the divergence.

# %%
lesson.predict(
    "Is the integrand of KL negative anywhere? And do KL(p || q) and KL(q || p) differ?",
    [
        "never negative; different",
        "never negative; equal",
        "negative in places; different",
        "negative in places; equal",
    ],
)

# %%
log_q = log_normal(x, 1, 1)
p_integrand = kl_integrand(log_p, log_q)
q_integrand = kl_integrand(log_q, log_p)
mixed = js_integrand(log_p, log_q)
kl_curves = {"p log(p/q)": p_integrand[view], "q log(q/p)": q_integrand[view]}
kl_colors = {"p log(p/q)": plot.color.real, "q log(q/p)": plot.color.fake}

# %%
fig, (left, middle, right) = plot.figure(1, 3, size=(3.7, 3.1))
densities = {"p": p_curve, "q": q_curve}
plot.line(x[view], densities, left, fill=True, title="densities")
plot.line(x[view], kl_curves, middle, fill=True, colors=kl_colors, title="integrands of KL")
js_curve = {"JS": mixed[view]}
plot.line(x[view], js_curve, right, fill=True, colors=[plot.color.model], title="integrand of JS")
lesson.figure(
    fig,
    "f01_integrands",
    "Middle: each curve is negative where the other density is larger, yet its area is positive, "
    "and both areas are 0.5. Right: one curve, symmetric about x = 0.5 and never below zero.",
)

# %%
areas = [p_integrand.sum() * dx, q_integrand.sum() * dx]
lesson.check("the two areas under the KL curves, nats", areas, equals=[0.5, 0.5])
apart = np.abs(p_integrand - q_integrand).max()
lesson.check("largest difference of the two curves", apart, at_least=0.1)
lesson.check("JS(N(0,1), N(1,1)), nats", mixed.sum() * dx, equals=0.1114, atol=1e-4)

# %%
lesson.outcome(
    f"The lowest values are {p_integrand.min():.3f} and {q_integrand.min():.3f}; the areas "
    f"are {areas[0]:.4f} and {areas[1]:.4f}.",
    answer="negative in places; equal",
)

# %% [markdown]
# The two KL curves are mirror images about $x = 0.5$, so their areas are equal. With *equal
# variances* the direction does not matter. This is a property of these two Gaussians, not of KL.
#
# ## 6. Two Gaussians that move apart
#
# Now $q = \mathcal{N}(d, 1)$, and the distance $d$ of the means grows from 0 to 8. KL is $d^2/2$.
# Sketch JS as a function of $d$.

# %%
lesson.predict(
    "Where is JS steepest?",
    ["at d = 0", "for d between 1 and 3", "for d between 3 and 6", "at d = 8"],
)

# %%
distance = np.linspace(0, 8, 81)
js = np.array([js_on_grid(log_p, log_normal(x, d, 1), dx) for d in distance])
kl = kl_normal(0.0, 1.0, distance, 1.0)
js_slope = np.gradient(js, distance, edge_order=2)
kl_slope = np.gradient(kl, distance, edge_order=2)

# %%
apart_label = "distance d of the means"
fig, (left, right) = plot.figure(1, 2, size=(4.4, 3.2))
bound = {"log 2": np.log(2)}
plot.line(distance, {"KL": kl, "JS": js}, left, reference=bound, title="divergence")
left.set(xlabel=apart_label, ylabel="nats", ylim=(0, 3))
slopes = {"KL": kl_slope[1:], "JS": js_slope[1:]}
plot.line(distance[1:], slopes, right, log=True, title="its slope", xlabel=apart_label)
lesson.figure(
    fig,
    "moving_apart",
    "Left: KL grows without a bound, and JS approaches log 2. Right, on a log scale: the slope of "
    "JS falls by several factors of ten, while the slope of KL is d.",
)

# %%
lesson.check("KL at distance 8, nats", kl[-1], equals=32.0)
lesson.check("smallest increase of JS from one distance to the next", np.diff(js), at_least=0)
lesson.check("log 2 minus JS at distance 8, nats", np.log(2) - js[-1], between=(0, 1e-3))
left_over = js_slope[-1] / js_slope.max()
lesson.check("slope of JS at distance 8, over its largest slope", left_over, at_most=2e-3)

# %%
lesson.outcome(
    f"At d = {distance[js_slope.argmax()]:.1f}, with a slope of {js_slope.max():.3f} nats per unit "
    f"of d. At d = 8 the slope is {js_slope[-1]:.5f}.",
    answer="for d between 1 and 3",
)

# %% [markdown]
# A model that is trained by gradient descent on JS receives almost no gradient when it is far from
# the data. `gan/03` and `gan/06` return to this.
#
# ## 7. Which Gaussian fits best?
#
# Suppose that $p$ has two modes, Gaussians of mass 0.6 and 0.4, and $q$ may only be *one* Gaussian.
# Which $q$ has the smallest divergence? It depends on the divergence. We search a grid of means and
# standard deviations, with the modes at $\pm 2$, and again at $\pm 3$.

# %%
lesson.predict(
    "With the modes at ±2, which of the best Gaussians cover a single mode, not both?",
    ["none", "that of KL(p || q)", "that of KL(q || p)", "those of KL(q || p) and JS"],
)

# %%
u = x[::10]
du = 10 * dx  # a coarser grid is accurate enough here


def forward_kl(log_p, log_q):
    return kl_on_grid(log_p, log_q, du)


def js_of(log_p, log_q):
    return js_on_grid(log_p, log_q, du)


def reverse_kl(log_p, log_q):
    return kl_on_grid(log_q, log_p, du)


measures = {"KL(p || q)": forward_kl, "JS": js_of, "KL(q || p)": reverse_kl}

# %% [markdown]
# `best_normal` returns the best of all candidates for one divergence.

# %%
means = np.linspace(-4, 4, lesson.size(81, quick=17))
sigmas = np.arange(0.4, 3.61, 0.1)
candidates = [(mu, sigma) for mu in means for sigma in sigmas]


def two_modes(reach):
    """The log density of 0.6 N(-reach, 0.6²) + 0.4 N(reach, 0.6²)."""
    first = np.log(0.6) + log_normal(u, -reach, 0.6)
    second = np.log(0.4) + log_normal(u, reach, 0.6)
    return np.logaddexp(first, second)


def best_normal(measure, target):
    """The candidate with the smallest divergence, and that divergence."""
    scores = [measure(target, log_normal(u, *candidate)) for candidate in candidates]
    return candidates[int(np.argmin(scores))], min(scores)


# %%
best = {}
rows = []
for reach in (2, 3):
    for name, measure in measures.items():
        best[name, reach], smallest = best_normal(measure, two_modes(reach))
        rows.append([name, f"±{reach}", *best[name, reach], smallest])
lesson.table(rows, ["divergence", "modes", "mu", "sigma", "its smallest value, nats"])

# %%
shown = np.abs(u) <= 6
fig, axes = plot.figure(1, 2, size=(4.6, 3.2))
for reach, ax in zip((2, 3), axes):
    fits = {"p": np.exp(two_modes(reach))[shown]}
    for name in measures:
        fits[name] = np.exp(log_normal(u, *best[name, reach]))[shown]
    dotted = {"KL(q || p)": ":"}
    plot.line(u[shown], fits, ax, fill=["p"], styles=dotted, title=f"modes at ±{reach}")
lesson.figure(
    fig,
    "one_gaussian",
    "The best Gaussian by KL(p || q) covers both modes and has its peak between them, where p is "
    "small. The best by KL(q || p), dotted, covers the larger mode only. The best by JS is close "
    "to the first with the modes at ±2, and to the second with the modes at ±3.",
)

# %%
stationary = "the stationary point of KL(p || q), derived below; steps of the search: 0.1"
for reach in (2, 3):
    moments = [0.6 * -reach + 0.4 * reach, (0.36 + (2 * reach) ** 2 * 0.24) ** 0.5]
    covers = best["KL(p || q)", reach]
    name = f"modes at ±{reach}: mean and sigma of the best fit by KL(p || q)"
    lesson.claim(name, covers, equals=moments, atol=0.1, source=stationary)

# %%
separated = "the larger mode, when the modes are far apart; steps of the search: 0.1"
for reach in (2, 3):
    chooses = best["KL(q || p)", reach]
    name = f"modes at ±{reach}: mean and sigma of the best fit by KL(q || p)"
    lesson.claim(name, chooses, equals=[-reach, 0.6], atol=0.1, source=separated)
js_sigmas = [best["JS", reach][1] for reach in (2, 3)]
exact = "exact densities, no randomness: 2.0 and 0.6; steps of the search: 0.1"
lesson.claim("sigma of the best fits by JS", js_sigmas, equals=[2.0, 0.6], atol=0.1, source=exact)

# %%
single = {reach: [name for name in measures if best[name, reach][1] < 1] for reach in (2, 3)}
lesson.outcome(
    f"At ±2: {', '.join(single[2])}. At ±3: {', '.join(single[3])}.",
    answer="that of KL(q || p)" if single[2] == ["KL(q || p)"] else None,
)

# %% [markdown]
# KL(p‖q) covers every mode: it is infinite as soon as one outcome of $p$ has probability zero under
# $q$. Its best Gaussian has the mean and the standard deviation of $p$. KL(q‖p) selects a mode: it
# is large wherever $q$ has mass and $p$ has none. JS lies between the two. When the modes are far
# enough apart, it selects a mode as well.

# %% [markdown]
# <details><summary>Derivation: the best Gaussian by KL(p || q) has the mean and the standard
# deviation of p</summary>
#
# Let $p$ have the mean $m$ and the standard deviation $s$. For $q = \mathcal{N}(\mu, \sigma^2)$
#
# $$
# D_{\mathrm{KL}}(p \| q) = \mathbb{E}_{x \sim p}[\log p(x)] + \tfrac12 \log(2\pi) + \log \sigma
#   + \frac{s^2 + (m - \mu)^2}{2\sigma^2} .
# $$
#
# The last term is smallest at $\mu = m$. The derivative in $\sigma$ is then $\frac{1}{\sigma} -
# \frac{s^2}{\sigma^3}$. It is negative for $\sigma < s$ and positive for $\sigma > s$, so the
# minimum is at $\sigma = s$. For the modes at $\pm 2$ the mean is $0.6 \cdot (-2) + 0.4 \cdot 2 =
# -0.4$ and the variance $0.6^2 + 0.6 \cdot 0.4 \cdot 4^2 = 4.2$, so $\sigma = 2.049$.
#
# </details>

# %% [markdown]
# Which of these is maximum likelihood? It maximizes the mean of $\log q_\theta(x_i)$ over the data
# $x_1, \dots, x_n$, and that is the same as minimizing KL(p‖q).

# %% [markdown]
# <details><summary>Derivation: maximum likelihood minimizes KL(p || q)</summary>
#
# The data are draws of $p$. By the law of large numbers, with $H(p) = -\mathbb{E}_{x \sim p}[\log
# p(x)]$ the entropy of $p$,
#
# $$
# \frac1n \sum_{i=1}^n \log q_\theta(x_i) \;\to\; \mathbb{E}_{x \sim p}[\log q_\theta(x)]
#   = \mathbb{E}_{x \sim p}[\log p(x)]
#     - \mathbb{E}_{x \sim p}\Big[\log \frac{p(x)}{q_\theta(x)}\Big]
#   = -H(p) - D_{\mathrm{KL}}(p \| q_\theta) .
# $$
#
# $H(p)$ does not depend on the parameters $\theta$, so the $\theta$ with the largest mean
# log-likelihood is the $\theta$ with the smallest divergence.
#
# </details>

# %%
log_p = two_modes(2)
entropy = -np.sum(np.exp(log_p) * log_p) * du
mean_log_q = np.sum(np.exp(log_p) * log_normal(u, 1, 2)) * du
rest = -entropy - forward_kl(log_p, log_normal(u, 1, 2))
lesson.check("mean of log q under p is -H(p) - KL(p || q), nats", mean_log_q, equals=rest)

# %% [markdown]
# Maximum likelihood is the traditional way to train a generative model. The post reports a
# conjecture of [Huszár (2015)](https://arxiv.org/abs/1511.05101): GANs owe part of their success to
# replacing the asymmetric KL divergence of maximum likelihood by the symmetric JS divergence. The
# figure shows what this may cost: the best fit by JS can miss a mode.
#
# ## 8. Where the post is loose
#
# - "two metrics for quantifying the similarity between two probability distributions": neither
#   divergence is a *metric*. KL is asymmetric, as the post states itself. JS is symmetric, but it
#   violates the triangle inequality (below). The square root of JS is a metric
#   ([Endres and Schindelin, 2003](https://doi.org/10.1109/TIT.2003.813506)). Both also measure
#   dissimilarity: they are zero for equal distributions.
# - "bounded by $[0, 1]$": this is the range of JS in bits. In nats the range is $[0, \log 2]$, and
#   the post's own example of two parallel lines has $\log 2$ (Eq. gan.15).
# - "In cases where $p(x)$ is close to zero, but $q(x)$ is significantly non-zero, the $q$'s effect
#   is disregarded": this holds at such an $x$, but not for the divergence. The mass that $q$ has
#   there is missing elsewhere. If a third of the mass of $q$ lies where $p$ is zero, KL(p‖q) is at
#   least $\log\frac32$.

# %%
corners = {"p": np.array([1.0, 0.0]), "m": np.array([0.5, 0.5]), "q": np.array([0.0, 1.0])}
direct = js_divergence(corners["p"], corners["q"])
detour = [js_divergence(corners["p"], corners["m"]), js_divergence(corners["m"], corners["q"])]
lesson.check("JS(p, q) minus JS(p, m) minus JS(m, q)", direct - sum(detour), at_least=0.2)
roots = np.sqrt(direct) - np.sum(np.sqrt(detour))
lesson.check("the same difference of the square roots", roots, at_most=0)

# %%
wasted = kl_divergence(np.array([1.0, 0.0]), np.array([2 / 3, 1 / 3]))
lesson.check("KL, a third of q's mass where p is zero", wasted, equals=np.log(3 / 2))

# %% [markdown]
# **Left out:** other f-divergences (total variation, $\chi^2$), and how to estimate a divergence
# from samples when neither density is known. **Next:** a GAN addresses this last problem. In
# `gan/02` and `gan/03` a discriminator that receives only samples estimates the JS divergence.
#
# **Your turn:** `minigen exercise start gan/01`, then `minigen run gan/01 --with
# exercises/gan_01.py`.

# %%
lesson.finish()
