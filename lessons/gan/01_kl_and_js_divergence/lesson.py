# %% [markdown]
# # Kullback–Leibler and Jensen–Shannon divergence
#
# A generative model is good if its distribution is close to that of the data. But what does "close"
# mean? The obvious answer is to subtract the probabilities. Then a model that calls an event
# impossible is hardly worse than one that gives it a chance of one percent. When the event happens,
# however, the second model is surprised, and the first is refuted. What is a better measure, and
# does it matter which one we choose?
#
# We measure surprise with two coins (sections 1 and 2), make the measure symmetric (3), draw it for
# two Gaussians (4), and pull them apart (5). In the end we fit one Gaussian to the same data by
# each of three measures (6). This lesson follows the section *Kullback–Leibler and Jensen–Shannon
# Divergence* of [From GAN to WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/).
#
# Before this lesson: no other lesson is needed.

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
    picture="f01_integrands",
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
# ## 1. The Kullback–Leibler divergence of two coins
#
# Let's begin with the smallest distributions there are. A coin is fair, so heads and tails are
# distributed as $p = (\frac12, \frac12)$. A model expects $q = (\frac14, \frac34)$. Heads is then
# twice as probable as the model thinks, and tails $\frac23$ times as probable. The idea of the
# *Kullback–Leibler divergence*, or KL divergence, is to take the logarithm of each ratio and to
# average with the weights $p$, because $p$ is what really happens (Eq. gan.01):
#
# $$
# D_{\mathrm{KL}}(p \| q) = \int_x p(x) \log \frac{p(x)}{q(x)} \, dx .
# $$
#
# The post says that it measures how $p$ diverges from a second, expected distribution $q$. For
# outcomes that can be counted the integral is a sum:
#
# $$
# \sum_x p(x) \log \frac{p(x)}{q(x)}
#   = \tfrac12 \log 2 + \tfrac12 \log \tfrac23 = \log 2 - \tfrac12 \log 3 = 0.1438 .
# $$
#
# Now exchange the roles. The coin is distributed as $q$, and the model expects $p$.

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
lesson.outcome(
    f"KL(q || p) is {back_by_hand:.4f}, because the exchange changes the sign of each logarithm "
    "and replaces the weights p with q.",
    answer="less",
)

# %% [markdown]
# The KL divergence is *asymmetric*. Who is right and who is the model makes a difference. (All our
# logarithms are natural, so the unit is the *nat*. One bit is $\log 2 = 0.693$ nats.)

# %%
lesson.change(
    "a rare head",
    "Change `q` to `np.array([1 / 1000, 999 / 1000])` and run again. Which of the two directions "
    "is larger now?",
    answer="KL(p || q), by far: 2.761 nats against 0.6852. Half of the draws of $p$ are heads, to "
    "which $q$ assigns probability 1/1000, and they add $\\frac12 \\log 500 = 3.107$ nats. Nearly "
    "all draws of $q$ are tails, to which $p$ assigns 1/2, and they add about $\\log 2$.",
)

# %% [markdown]
# A single logarithm can be negative, but their mean never is. For all $p$ and $q$,
# $D_{\mathrm{KL}}(p \| q) \ge 0$, and it is zero only if $p(x) = q(x)$ everywhere.

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
# The logarithm is *strictly* concave, so the first $\le$ is an equality only if $q(x)/p(x)$ is the
# same number $c$ wherever $p(x) > 0$, and the second only if $q$ has no mass elsewhere. Then $c$ is
# 1, because $p$ and $q$ both sum to 1.
#
# </details>

# %%
weights = lesson.rng("random coins").gamma(0.5, size=(2, 2000, 5)) + 1e-6
first, second = weights / weights.sum(axis=-1, keepdims=True)
lesson.check("lowest KL of 2,000 random pairs", kl_divergence(first, second).min(), at_least=0)
lesson.check("KL of p from itself, all 2,000", kl_divergence(first, first), equals=0.0)

# %% [markdown]
# So KL behaves like a distance in one respect, and does not in another. It is zero for equal
# distributions only, but it has a direction.
#
# ## 2. Zero probabilities
#
# What does KL do with the model that calls an event impossible? We compare three pairs of coins, in
# which more and more probabilities are zero.

# %%
lesson.predict(
    "p = (1, 0) and q = (½, ½): the second outcome never happens under p. What is infinite?",
    ["neither", "KL(p || q) only", "KL(q || p) only", "both"],
)

# %%
pairs = {
    "p is nearly certain": (np.array([0.99, 0.01]), np.array([0.5, 0.5])),
    "p has a zero": (np.array([1.0, 0.0]), np.array([0.5, 0.5])),
    "nothing in common": (np.array([1.0, 0.0]), np.array([0.0, 1.0])),
}
rows = []
for name, (a, b) in pairs.items():
    rows.append([name, str(a), str(b), kl_divergence(a, b), kl_divergence(b, a)])
lesson.table(rows, ["", "p", "q", "KL(p || q)", "KL(q || p)"])
lesson.outcome(
    "The divergence of q from p is infinite, because half of the draws of q are an outcome that p "
    f"calls impossible. In the other direction it is {rows[1][3]:.3f}.",
    answer="KL(q || p) only" if np.isinf(rows[1][4]) and np.isfinite(rows[1][3]) else None,
)

# %% [markdown]
# In the other direction an outcome that never happens contributes nothing, whatever $q$ expects
# there, because $0 \log 0$ counts as 0. The post warns of it: "In cases where $p(x)$ is close to
# zero, but $q(x)$ is significantly non-zero, the $q$'s effect is disregarded." This holds at such
# an $x$. The divergence as a whole still notices, because the mass that $q$ has there is missing
# elsewhere. If a third of the mass of $q$ lies where $p$ is zero, KL(p‖q) is at least
# $\log\frac32$.

# %%
lesson.check(
    "KL, a third of q's mass where p is zero",
    kl_divergence(np.array([1.0, 0.0]), np.array([2 / 3, 1 / 3])),
    equals=np.log(3 / 2),
)

# %% [markdown]
# Infinity is an honest answer for a model that has been refuted. But a single outcome suffices for
# it, and then KL says nothing else about the two distributions.
#
# ## 3. The Jensen–Shannon divergence
#
# Can we have a measure that treats both alike and is never infinite? The trick is to compare
# neither with the other, but both with their mixture $m = (p + q)/2$, and to average. This is the
# *Jensen–Shannon divergence*, or JS divergence (Eq. gan.02):
#
# $$
# D_{\mathrm{JS}}(p \| q) = \tfrac12 D_{\mathrm{KL}}\Big(p \,\Big\|\, \frac{p + q}{2}\Big)
#   + \tfrac12 D_{\mathrm{KL}}\Big(q \,\Big\|\, \frac{p + q}{2}\Big) .
# $$
#
# Exchanging $p$ and $q$ exchanges the two terms, so JS is symmetric. It is a mean of two KL
# divergences, so it is zero only if $p = m = q$. And it is bounded, because the mixture is at least
# $p/2$ everywhere, so no ratio $p/m$ exceeds 2, and no logarithm exceeds $\log 2$. For example, let
# $p = (1, 0)$ and $q = (0, 1)$. Then $m = (\frac12, \frac12)$, both KL divergences are $\log 2$,
# and so is their average. Two distributions cannot be further apart than these.

# %%
lesson.exercise("gan/01/js_divergence")

# %%
lesson.show_source(js_divergence)
apart = pairs["nothing in common"]
lesson.check("JS of (1, 0) and (0, 1), nats", js_divergence(*apart), equals=np.log(2))
lesson.check("the same in bits", js_divergence(*apart) / np.log(2), equals=1.0)
lesson.check(
    "lowest and highest JS of 2,000 random pairs",
    [js_divergence(first, second).min(), js_divergence(first, second).max()],
    between=(0, np.log(2)),
)

# %%
asymmetry = js_divergence(p, q) - js_divergence(q, p)
lesson.check("JS of the coins minus JS with exchanged roles", asymmetry, equals=0.0)

# %% [markdown]
# The post also calls JS "more smooth". We can see what this means at a coin that is almost certain,
# $p = (1 - \epsilon, \epsilon)$ with $q = (1, 0)$.

# %%
sure = np.array([1.0, 0.0])
rows = []
for eps in (0.1, 0.01, 0.001, 0.0):
    near = np.array([1 - eps, eps])
    both = kl_divergence(near, sure), kl_divergence(sure, near)
    rows.append([eps, *both, js_divergence(near, sure)])

# %%
lesson.table(rows, ["ε", "KL(p || q)", "KL(q || p)", "JS"])
lesson.check("JS at ε = 0.001, nats", rows[2][3], at_most=0.0005)

# %% [markdown]
# KL(p‖q) jumps from infinity to 0 at the very end, and KL(q‖p) falls to 0 gradually. JS is gradual,
# and it has no direction to choose.
#
# ## 4. Two Gaussians
#
# So far we could count the outcomes. For densities on a line the sum becomes an area, and we can
# look at it. Take $p = \mathcal{N}(0, 1)$ and $q = \mathcal{N}(1, 1)$, as the post does. The
# integrand $p(x) \log(p(x)/q(x))$ is what each $x$ contributes to the divergence.


# %%
def log_normal(x, mu, sigma):
    return -0.5 * ((x - mu) / sigma) ** 2 - np.log(sigma * np.sqrt(2 * np.pi))


x = np.linspace(-15, 17, 6401)
dx = x[1] - x[0]
log_p, log_q = log_normal(x, 0, 1), log_normal(x, 1, 1)
of_p = kl_integrand(log_p, log_q)  # (6401,)
of_q = kl_integrand(log_q, log_p)
of_js = js_integrand(log_p, log_q)


# %%
def draw_integrands(view):
    fig, axes = plot.figure(1, 3, size=(3.7, 3.1))
    of_kl = {"p log(p/q)": of_p[view], "q log(q/p)": of_q[view]}
    options = {"fill": True, "colors": [plot.color.real, plot.color.fake]}
    plot.line(x[view], {"p": np.exp(log_p[view]), "q": np.exp(log_q[view])}, axes[0], **options)
    plot.line(x[view], of_kl, axes[1], **options)
    plot.line(x[view], of_js[view], axes[2], fill=True, colors=[plot.color.model])
    axes[0].set_title("densities")
    axes[1].set_title("integrands of KL")
    axes[2].set_title("integrand of JS")
    return fig


# %%
lesson.figure(
    draw_integrands((x >= -5) & (x <= 6)),
    "f01_integrands",
    "The two densities, what each x contributes to KL(p || q) (blue) and to KL(q || p) (orange), "
    "and what it contributes to JS. Look for the x at which a contribution is negative.",
)

# %%
lesson.check(
    "the two areas under the KL curves, nats", [of_p.sum() * dx, of_q.sum() * dx], equals=0.5
)
lesson.check("largest difference of the two curves", np.abs(of_p - of_q).max(), at_least=0.1)
lesson.check("JS(N(0,1), N(1,1)), nats", of_js.sum() * dx, equals=0.1114, atol=1e-4)

# %% [markdown]
# A point at which the other density is larger contributes a negative amount to KL, and yet the area
# is positive. The two KL curves are mirror images, so their areas are equal, 0.5 each. This is a
# property of these two Gaussians, and not of KL. Let $q$ be wider, $\mathcal{N}(1, 2^2)$. Then
# KL(p‖q) is 0.443, but KL(q‖p) is 1.307, almost three times as much, because all but 0.17 of it
# comes from $|x| > 3$, where $p$ is close to zero.
#
# Two Gaussians need no grid, because $\log p(x) - \log q(x)$ is a polynomial of degree two, and its
# mean follows from means and variances:
#
# $$
# D_{\mathrm{KL}}(p \| q) = \log\frac{\sigma_q}{\sigma_p}
#   + \frac{\sigma_p^2 + (\mu_p - \mu_q)^2}{2\sigma_q^2} - \frac12 .
# $$
#
# In words, the first term grows with the width of $q$, and it is negative if $q$ is narrower than
# $p$. The second charges for squared distances in units of the variance of $q$.

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
# \mu_q)$, the mean of $(x - \mu_q)^2$ is $\sigma_p^2 + (\mu_p - \mu_q)^2$.
#
# </details>

# %%
lesson.exercise("gan/01/kl_normal")

# %%
lesson.show_source(kl_normal)
wide = log_normal(x, 1, 2)  # the log density of N(1, 2²)
there, back = kl_normal(0.0, 1.0, 1.0, 2.0), kl_normal(1.0, 2.0, 0.0, 1.0)
lesson.check("KL(N(0,1) || N(1,4)) by hand, nats", there, equals=np.log(2) + 2 / 8 - 1 / 2)
lesson.check("KL(N(1,4) || N(0,1)) by hand, nats", back, equals=-np.log(2) + 5 / 2 - 1 / 2)
lesson.check(
    "the same two by quadrature",
    [kl_on_grid(log_p, wide, dx), kl_on_grid(wide, log_p, dx)],
    equals=np.array([there, back]),
)

# %% [markdown]
# Formula and grid agree. With equal standard deviations of 1 only $\frac12 (\mu_p - \mu_q)^2$
# remains, which is the same in both directions.
#
# ## 5. Two Gaussians that move apart
#
# What happens when a model is far from the data? We move $q = \mathcal{N}(d, 1)$ away from $p =
# \mathcal{N}(0, 1)$. By the formula KL is $d^2/2$. JS has none, so we use the grid.

# %%
distance = np.linspace(0, 8, 81)
js = np.array([js_on_grid(log_p, log_normal(x, d, 1), dx) for d in distance])
kl = kl_normal(0.0, 1.0, distance, 1.0)
js_slope = np.gradient(js, distance, edge_order=2)

# %%
fig, axes = plot.figure(1, 2, size=(4.4, 3.2))
plot.line(
    distance, {"KL": kl, "JS": js}, axes[0], reference={"log 2": np.log(2)}, title="divergence"
)
axes[0].set(xlabel="distance d of the means", ylabel="nats", ylim=(0, 3))
plot.line(
    distance[1:],
    {"KL": distance[1:], "JS": js_slope[1:]},
    axes[1],
    log=True,
    title="its slope",
    xlabel="distance d of the means",
)

# %%
lesson.figure(
    fig,
    "moving_apart",
    "KL (blue) and JS (orange) against the distance of the means, and their slopes, these on a "
    "logarithmic scale. Compare the slopes at a distance of 8.",
)

# %%
lesson.check("KL at distance 8, nats", kl[-1], equals=32.0)
lesson.check("smallest increase of JS from one distance to the next", np.diff(js).min(), at_least=0)
lesson.check("log 2 minus JS at distance 8, nats", np.log(2) - js[-1], between=(0, 1e-3))
lesson.check(
    "slope of JS at distance 8, over its largest slope",
    js_slope[-1] / js_slope.max(),
    at_most=1e-3,
)

# %% [markdown]
# The bound has a price. JS increases with $d$ but cannot exceed $\log 2$, so little is left to
# climb. At $d = 8$ it is 0.0001 nats, and the slope is less than a thousandth of its largest value.
# A model that descends on JS from there receives almost no gradient. `gan/03`, `gan/06` and
# `gan/11` return to this.
#
# ## 6. Which Gaussian fits best?
#
# Does it matter which divergence we choose? If the model can be perfect, it does not, because all
# of them are zero only for equal distributions. But models are not perfect. Suppose that the data
# have two modes, Gaussians of mass 0.6 and 0.4 at $\pm 2$ with standard deviation 0.6, and the
# model $q$ may only be *one* Gaussian. For each divergence we try all means and standard deviations
# of a fine grid, and keep the best.

# %%
lesson.predict(
    "Which of the best Gaussians cover a single mode, not both?",
    ["none", "that of KL(p || q)", "that of KL(q || p)", "those of KL(q || p) and JS"],
)

# %%
u = x[::10]
du = 10 * dx  # a coarser grid is accurate enough here
means = np.linspace(-4, 4, lesson.size(81, quick=17))
candidates = [(mu, sigma) for mu in means for sigma in np.arange(0.4, 3.61, 0.1)]


def two_modes(reach):
    """The log density of 0.6 N(-reach, 0.6²) + 0.4 N(reach, 0.6²)."""
    first = np.log(0.6) + log_normal(u, -reach, 0.6)
    second = np.log(0.4) + log_normal(u, reach, 0.6)
    return np.logaddexp(first, second)


def forward_kl(log_p, log_q):
    return kl_on_grid(log_p, log_q, du)


def js_of(log_p, log_q):
    return js_on_grid(log_p, log_q, du)


def reverse_kl(log_p, log_q):
    return kl_on_grid(log_q, log_p, du)


# %%
measures = {"KL(p || q)": forward_kl, "JS": js_of, "KL(q || p)": reverse_kl}


def best_normal(measure, target):
    """The candidate with the smallest divergence, and that divergence."""
    scores = [measure(target, log_normal(u, *candidate)) for candidate in candidates]
    return candidates[int(np.argmin(scores))], min(scores)


found = {
    reach: {name: best_normal(measure, two_modes(reach)) for name, measure in measures.items()}
    for reach in (2, 3)
}


# %%
def draw_fits(shown):
    fig, axes = plot.figure(1, 2, size=(4.6, 3.2))
    for ax, (reach, fits) in zip(axes, found.items()):
        curves = {name: np.exp(log_normal(u, *fit))[shown] for name, (fit, _) in fits.items()}
        curves = {"p": np.exp(two_modes(reach))[shown], **curves}
        plot.line(
            u[shown],
            curves,
            ax,
            fill=["p"],
            styles={"KL(q || p)": ":"},
            title=f"modes at ±{reach}",
        )
    return fig


# %%
lesson.figure(
    draw_fits(np.abs(u) <= 6),
    "one_gaussian",
    "The data (shaded) and the best Gaussian by each of three divergences, with the modes at ±2, "
    "and further apart, at ±3. Compare where the curve of JS lies in the two panels.",
)

# %%
single = [name for name, (fit, _) in found[2].items() if fit[1] < 1]
wide_kl, wide_js, narrow = (fit[1] for fit, _ in found[2].values())
lesson.outcome(
    f"The best Gaussian by KL(q || p) has standard deviation {narrow:.1f}, that of one mode. Those "
    f"by KL(p || q) and JS have {wide_kl:.1f} and {wide_js:.1f}, close to the 2.05 of all the "
    "data.",
    answer={(): "none", ("KL(q || p)",): "that of KL(q || p)"}.get(tuple(single)),
)

# %%
lesson.table(
    [
        [name, f"±{reach}", *fit, smallest]
        for reach, fits in found.items()
        for name, (fit, smallest) in fits.items()
    ],
    ["divergence", "modes", "mu", "sigma", "its smallest value, nats"],
)

# %% [markdown]
# Why does JS choose one mode in one panel, and both in the other? We let two candidates compete,
# one on the larger mode, and one with the mean and the standard deviation of the data.


# %%
def moments(reach):
    """The mean and the standard deviation of the data, derived below."""
    return 0.6 * -reach + 0.4 * reach, (0.36 + (2 * reach) ** 2 * 0.24) ** 0.5


rows = []
for reach in found:
    for name, fit in (("one mode", (-reach, 0.6)), ("both modes", moments(reach))):
        log_fit = log_normal(u, *fit)
        costs = [measure(two_modes(reach), log_fit) for measure in measures.values()]
        rows.append([f"±{reach}", name, *costs])

# %%
lesson.table(rows, ["modes", "q covers", *measures])
lesson.check(
    "JS of one mode, far from the other, nats",
    rows[2][3],
    equals=0.3 * np.log(0.6 / 0.8) + 0.2 * np.log(0.4 / 0.2) + 0.5 * np.log(1 / 0.8),
    atol=1e-3,
)
lesson.check("modes at ±2: JS of one mode minus JS of both", rows[0][3] - rows[1][3], at_least=0)
lesson.check("modes at ±3: JS of both minus JS of one mode", rows[3][3] - rows[2][3], at_least=0)
lesson.check(
    "sigma of the best fits by JS",
    [fits["JS"][0][1] for fits in found.values()],
    equals=[2.0, 0.6],
    atol=0.1,
)

# %%
steps = "; steps of the search: 0.1"
for reach, fits in found.items():
    lesson.claim(
        f"modes at ±{reach}: mean and sigma of the best fit by KL(p || q)",
        fits["KL(p || q)"][0],
        equals=moments(reach),
        atol=0.1,
        source="theory: the moments of p, derived below" + steps,
    )
    lesson.claim(
        f"modes at ±{reach}: mean and sigma of the best fit by KL(q || p)",
        fits["KL(q || p)"][0],
        equals=[-reach, 0.6],
        atol=0.1,
        source="the larger mode, if the modes are far apart" + steps,
    )

# %% [markdown]
# The best Gaussian by KL(p‖q) has the mean and the standard deviation of the data (derived below).
# It covers both modes, and its peak is between them, where there are few data. The best one by
# KL(q‖p) lies on the larger mode. Leaving out the other mode costs it only $\log(1/0.6) = 0.51$
# nats, because points without mass of $q$ do not count.
#
# JS compares $q$ with the mixture, in which the larger mode has mass 0.8 and the smaller 0.2 if $q$
# lies on the larger. So a single mode costs $0.3 \log\frac{0.6}{0.8} + 0.2 \log\frac{0.4}{0.2} +
# 0.5 \log\frac{1}{0.8} = 0.164$ nats, however far away the other is. Covering both costs 0.155 at
# $\pm 2$ but 0.256 at $\pm 3$, so the choice flips.

# %% [markdown]
# <details><summary>Derivation: the best Gaussian by KL(p || q) has the mean and the standard
# deviation of p</summary>
#
# Let $p$ have mean $m$ and standard deviation $s$. For $q = \mathcal{N}(\mu, \sigma^2)$
#
# $$
# D_{\mathrm{KL}}(p \| q) = \mathbb{E}_{x \sim p}[\log p(x)] + \tfrac12 \log(2\pi) + \log \sigma
#   + \frac{s^2 + (m - \mu)^2}{2\sigma^2} .
# $$
#
# The last term is smallest at $\mu = m$. The derivative with respect to $\sigma$ is then
# $\frac{1}{\sigma} - \frac{s^2}{\sigma^3}$, negative for $\sigma < s$ and positive for $\sigma >
# s$. For the modes at $\pm 2$ the mean is $0.6 \cdot (-2) + 0.4 \cdot 2 = -0.4$, the variance is
# $0.6^2 + 0.6 \cdot 0.4 \cdot 4^2 = 4.2$, and so $\sigma = 2.049$.
#
# </details>

# %% [markdown]
# Which of the three do we usually minimize? Maximum likelihood maximizes the mean of $\log
# q_\theta(x_i)$ over the data $x_1, \dots, x_n$, and for many data this is
#
# $$
# \frac1n \sum_{i=1}^n \log q_\theta(x_i) \;\to\; \mathbb{E}_{x \sim p}[\log q_\theta(x)]
#   = \mathbb{E}_{x \sim p}[\log p(x)] - D_{\mathrm{KL}}(p \| q_\theta) .
# $$
#
# The first term on the right does not depend on $\theta$. So maximum likelihood minimizes KL(p‖q).
# For one Gaussian this means the mean and variance of the data, and here it spreads over both
# modes. The post reports a conjecture of [Huszár
# (2015)](https://arxiv.org/abs/1511.05101), that GANs owe part of their success to replacing the
# asymmetric KL divergence of maximum likelihood with the symmetric JS divergence. The figure shows
# what this may cost. The best fit by JS can miss a mode.

# %%
log_modes = two_modes(2)
log_fit = log_normal(u, 1, 2)
entropy = -np.sum(np.exp(log_modes) * log_modes) * du
mean_log_q = np.sum(np.exp(log_modes) * log_fit) * du
rest = -entropy - forward_kl(log_modes, log_fit)
lesson.check("mean of log q under p is -H(p) - KL(p || q), nats", mean_log_q, equals=rest)

# %% [markdown]
# The choice of the divergence is a choice of mistakes. One direction of KL punishes what the model
# leaves out, and the other what it invents.
#
# ## 7. Two mistakes in computing it
#
# *You may skip this section, because nothing later depends on it. It is for readers who compute a
# divergence of their own.*
#
# Three ways lead to KL(q‖p) with $p = \mathcal{N}(0, 1)$ and $q = \mathcal{N}(1, 2^2)$: the
# formula, a sum over a grid (*quadrature*), and an average over draws of $q$ (*Monte Carlo*). Two
# mistakes raise no error. A grid may be too short to cover the mass, and a variance may be passed
# where a standard deviation is expected.

# %%
n = lesson.size(100_000)
draws = 1 + 2 * lesson.rng("q").standard_normal(n)
integrand = kl_integrand(wide, log_p)
cut, above = (integrand[part].sum() * dx for part in (np.abs(x) <= 3, x > 3))
rows = [
    ["formula", back],
    ["grid from -15 to 17", kl_on_grid(wide, log_p, dx)],
    [f"{n:,} draws", (log_normal(draws, 1, 2) - log_normal(draws, 0, 1)).mean()],
    ["wrong turn: grid from -3 to 3", cut],
    ["wrong turn: variance 4 as sigma", kl_normal(1.0, 4.0, 0.0, 1.0)],
]

# %%
lesson.table(rows, ["KL(q || p)", "nats"])
lesson.check("what the short grid finds, nats", cut, equals=0.17, atol=1e-3)
lesson.check("what lies above 3, nats", above, equals=1.053, atol=1e-3)

# %% [markdown]
# The short grid finds 0.17 of 1.307 nats. The rest lies beyond $\pm 3$, most of it above 3. A
# variance passed as a standard deviation gives five times the right value. A second way to the same
# number is the cheapest test there is.
#
# ## What this lesson does differently
#
# - We use natural logarithms, so that JS is at most $\log 2$.
# - The post has the two Gaussians of section 4. Coins, fits and mistakes are ours. We leave out
#   other divergences, such as total variation and $\chi^2$.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - "two metrics for quantifying the similarity between two probability distributions": neither is a
#   *metric*. KL is asymmetric, as the post states itself. JS is symmetric, but it violates the
#   triangle inequality (below). The square root of JS is a metric ([Endres and Schindelin,
#   2003](https://doi.org/10.1109/TIT.2003.813506)). Both measure dissimilarity: they are zero for
#   equal distributions.
# - "bounded by $[0, 1]$": in bits JS reaches 1. In nats it reaches only $\log 2$, as in the post's
#   own example of two parallel lines (Eq. gan.15), so the bound holds but is not tight.
# - "KL divergence $D_{KL}$ is asymmetric but JS divergence $D_{JS}$ is symmetric": this is the
#   caption of two Gaussians whose two KL divergences are equal (section 4).

# %%
corners = {"p": np.array([1.0, 0.0]), "m": np.array([0.5, 0.5]), "q": np.array([0.0, 1.0])}
direct = js_divergence(corners["p"], corners["q"])
detour = [js_divergence(corners["p"], corners["m"]), js_divergence(corners["m"], corners["q"])]
lesson.check("JS(p, q) minus JS(p, m) minus JS(m, q)", direct - sum(detour), at_least=0.2)
roots = np.sqrt(direct) - np.sum(np.sqrt(detour))
lesson.check("the same difference of the square roots", roots, at_most=0)

# %% [markdown]
# The detour over the mixture is shorter than the direct way, which no metric allows.
#
# ## To remember
#
# - KL(p‖q) is the mean log-ratio under $p$. It is infinite if $q$ calls an outcome of $p$
#   impossible.
# - JS compares both with their mixture. It is symmetric and bounded by $\log 2$. Two Gaussians far
#   apart have almost reached the bound, and the slope is nearly zero.
# - Maximum likelihood minimizes KL(p‖q). For one Gaussian, KL(p‖q) spread over both modes, and
#   KL(q‖p) picked one. JS did either, depending on how far apart they were.
#
# **Next:** all of this needs densities, and a GAN has none. How can a model be trained that can
# only draw? (`gan/02`)
#
# **Your turn:** `minigen exercise start gan/01`, then `minigen run gan/01 --with
# exercises/gan_01.py`.

# %%
lesson.finish()
