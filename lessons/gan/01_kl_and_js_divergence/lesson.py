# %% [markdown]
# # How far apart are two distributions? KL and JS
#
# This lesson runs the section *Kullback–Leibler and Jensen–Shannon Divergence* (gan.s01) of
# [From GAN to WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/). Three things to take away:
#
# 1. KL is the price of believing $q$ when $p$ is true. It depends on the direction, and it can be
#    infinite.
# 2. JS compares both to their mixture. It is the same in both directions and never exceeds $\log
#    2$.
# 3. What JS still says once two distributions are far apart. That will come back to haunt us.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/01_kl_and_js_divergence",
    title="How far apart are two distributions? KL and JS",
    post="gan",
    sections=["gan.s01"],
    figures=["gan.f01"],
    equations=["gan.01", "gan.02"],
    minutes=0.1,
    sources=["weng2017gan", "kullback1951information", "lin1991divergence", "huszar2015how"],
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
# ## 1. The price of a wrong belief
#
# A coin is fair: heads and tails have $p = (\frac12, \frac12)$. A friend believes $q = (\frac14,
# \frac34)$. When heads comes up, it is twice as probable as she thought; when tails comes up, only
# $\frac23$ times. Average the *logarithm* of these ratios, each weighted by how often it happens in
# truth. This is the *Kullback-Leibler divergence*, KL divergence for short (Eq. gan.01):
#
# $$D_{\mathrm{KL}}(p \| q) = \sum_x p(x) \log \frac{p(x)}{q(x)}
# = \tfrac12 \log 2 + \tfrac12 \log \tfrac23 = \log 2 - \tfrac12 \log 3 = 0.1438 .$$
#
# Now the other way round: the coin is biased, and she believes it fair.

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
lesson.check("the same, spelled out", by_hand, equals=0.143841)
lesson.check("KL(q || p), nats", kl_divergence(q, p), equals=back_by_hand)
lesson.outcome(f"{back_by_hand:.4f}: close, but not the same.", answer="less")

# %% [markdown]
# The weights changed from $p$ to $q$, and so did the
# sign of each logarithm. We use natural logarithms throughout, so the unit is the *nat*; one bit is
# $\log 2 = 0.693$ nats.

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
# ## 2. Zeros
#
# Three pairs, from mild to hopeless.

# %%
lesson.predict(
    "p = (1, 0) and q = (½, ½): q knows an outcome that never happens. What is infinite?",
    ["neither", "KL(p || q) only", "KL(q || p) only", "both"],
)

# %%
pairs = {
    "both possible, but q is nearly sure": (np.array([0.5, 0.5]), np.array([0.999, 0.001])),
    "q knows an outcome that never happens": (np.array([1.0, 0.0]), np.array([0.5, 0.5])),
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
# An outcome that never happens costs nothing, whatever $q$ said about it: $0 \log 0$ counts as 0.
# An outcome that does happen although $q$ called it *impossible* costs infinitely much. One single
# zero in $q$ is enough.
#
# ## 3. A fairer comparison
#
# Let both be compared to the same third distribution, the mixture $m = (p + q)/2$, and average:
# that is the *Jensen-Shannon* or JS divergence (Eq. gan.02):
#
# $$
# D_{\mathrm{JS}}(p \| q) = \tfrac12 D_{\mathrm{KL}}(p \| m) + \tfrac12 D_{\mathrm{KL}}(q \| m) .
# $$
#
# Where $p$ is positive $m$ is at least $p/2$, so no ratio exceeds 2, and no logarithm exceeds $\log
# 2$. By hand, for $p = (1, 0)$ and $q = (0, 1)$: $m = (\frac12, \frac12)$, both KLs are $\log 2$,
# and so is their average.

# %%
lesson.exercise("gan/01/js_divergence")

# %%
lesson.show_source(js_divergence)
nothing_in_common = js_divergence(*pairs["nothing in common"])
lesson.check("JS of (1, 0) and (0, 1), nats", nothing_in_common, equals=np.log(2))
lesson.check("the same in bits", nothing_in_common / np.log(2), equals=1.0)

# %%
turned = js_divergence(p, q) - js_divergence(q, p)
lesson.check("JS of the coins less JS the other way", turned, equals=0.0)
rows = [[name, js_divergence(a, b)] for name, (a, b) in pairs.items()]
rows.append(["the two coins", js_divergence(p, q)])
lesson.table(rows, ["", "JS, nats"])

# %% [markdown]
# Every row is finite. And here the post is loose: it says that JS lies between 0 and 1. That is so
# in bits. In nats, as in its own later example of two parallel lines, the top is $\log 2$.
#
# ## 4. Curves instead of coins
#
# For densities the sum becomes an integral. For two normals, $p = \mathcal{N}(\mu_p, \sigma_p^2)$
# and $q = \mathcal{N}(\mu_q, \sigma_q^2)$, you can work it out on paper: $\log p(x) - \log q(x)$ is
# a polynomial in $x$, and KL is its mean under $p$. For $p = \mathcal{N}(0, 1)$ and $q =
# \mathcal{N}(1, 2^2)$ your formula must give 0.4431. We ask three witnesses: the formula, the area
# under the curve (a sum over a grid), and an average over draws. And the other way round? Think of
# where the *wide* one puts mass.

# %%
lesson.predict(
    "What is KL(q || p), the wide one's from the narrow one?",
    ["about a third of 0.44", "about 0.44", "about three times 0.44", "infinite"],
)


# %%
def log_normal(x, mu, sigma):
    return -0.5 * ((x - mu) / sigma) ** 2 - np.log(sigma * np.sqrt(2 * np.pi))


# %% [markdown]
# The grid is wide enough for both, and each witness is asked for the divergence of a normal `a`
# from a normal `b`, each given by its mean and its standard deviation.

# %%
x = np.linspace(-15, 17, 6401)
dx = x[1] - x[0]
n = lesson.size(100_000)


def witnesses(a, b, rng):
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
lesson.exercise("gan/01/kl_normal")

# %% [markdown]
# The difference of the logarithms is
#
# $$
# \log\frac{p(x)}{q(x)} = \log\frac{\sigma_q}{\sigma_p}
#   - \frac{(x - \mu_p)^2}{2\sigma_p^2} + \frac{(x - \mu_q)^2}{2\sigma_q^2} .
# $$
#
# Under $p$ the mean of $(x - \mu_p)^2$ is $\sigma_p^2$, and that of $(x - \mu_q)^2$ is
# $\sigma_p^2 + (\mu_p - \mu_q)^2$. So
#
# $$
# D_{\mathrm{KL}} = \log\frac{\sigma_q}{\sigma_p}
#   + \frac{\sigma_p^2 + (\mu_p - \mu_q)^2}{2\sigma_q^2} - \frac12 ,
# $$
#
# and for the example it gives $\log 2 + \frac28 - \frac12 = 0.4431$.

# %%
lesson.show_source(kl_normal, kl_integrand, kl_on_grid)
narrow = (0.0, 1.0)
wide = (1.0, 2.0)
p_to_q = witnesses(narrow, wide, lesson.rng("p"))
q_to_p = witnesses(wide, narrow, lesson.rng("q"))
rows = [["KL(p || q)", *p_to_q], ["KL(q || p)", *q_to_p]]
lesson.table(rows, ["nats", "formula", "grid", f"{n:,} draws"])

# %%
there = p_to_q[1]
back = q_to_p[1]
lesson.claim("KL(N(0,1) || N(1,4)) by quadrature", there, equals=0.4431, atol=1e-3, unit="nats")
lesson.claim("KL(N(1,4) || N(0,1)) by quadrature", back, equals=1.3069, atol=1e-3, unit="nats")
lesson.outcome(f"{back:.4f}, {back / there:.2f} times as much.", answer="about three times 0.44")

# %% [markdown]
# Dearer the other way: draws of the wide $q$ fall at 4 or 5, where the narrow $p$
# expects nothing.
#
# **Two wrong turns.** The grid must hold the mass: cut it at $\pm 3$ and the far draws, which cost
# most, are missing. And $\sigma$ is not $\sigma^2$: with variances put where standard deviations
# belong, nothing complains.

# %%
near = np.abs(x) <= 3
log_p = log_normal(x, 0, 1)
log_q = log_normal(x, 1, 2)
cut = kl_integrand(log_q, log_p)[near].sum() * dx
rows = [
    ["as it should be", back],
    ["grid from -3 to 3", cut],
    ["variance 4 taken for sigma", kl_normal(1.0, 4.0, 0.0, 1.0)],
]
lesson.table(rows, ["KL(q || p)", "nats"])
lesson.check("what the short grid finds, as a share", cut / back, at_most=0.5)

# %% [markdown]
# ## 5. Where the divergence comes from
#
# Now equal widths: $p = \mathcal{N}(0, 1)$, $q = \mathcal{N}(1, 1)$. The curve under the integral
# shows what each place contributes.

# %%
lesson.predict(
    "Is what a place contributes to KL ever negative? And are the two KLs still different?",
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
view = (x >= -5) & (x <= 6)


# %% [markdown]
# One panel of the figure: some curves over the same stretch of the line, with the area under each
# shaded.


# %%
def panel(ax, curves, title, colors=None):
    seen = {name: curve[view] for name, curve in curves.items()}
    plot.line(x[view], seen, ax, fill=True, colors=colors, title=title)


# %%
fig, (left, middle, right) = plot.figure(1, 3, size=(3.7, 3.1))
panel(left, {"p": np.exp(log_p), "q": np.exp(log_q)}, "two densities")
panel(
    middle,
    {"p log(p/q)": p_integrand, "q log(q/p)": q_integrand},
    "KL, place by place",
    {"p log(p/q)": plot.color.real, "q log(q/p)": plot.color.fake},
)
panel(right, {"JS": mixed}, "JS, place by place", {"JS": plot.color.model})
lesson.figure(
    fig,
    "f01_integrands",
    "Middle: each curve dips below zero where the other density is larger, yet its area is"
    " positive, and both areas are 0.5. Right: one curve, symmetric about x = 0.5, never below"
    " zero.",
)

# %%
areas = [p_integrand.sum() * dx, q_integrand.sum() * dx]
lesson.check("the two areas under the KL curves", areas, equals=[0.5, 0.5])
difference = areas[0] - areas[1]
lesson.claim(
    "equal variances: difference of the two KLs", difference, equals=0.0, atol=1e-9, unit="nats"
)
apart = np.abs(p_integrand - q_integrand).max()
lesson.claim("equal variances: largest gap of the integrands", apart, at_least=0.1)
lesson.claim("JS(N(0,1), N(1,1))", mixed.sum() * dx, equals=0.1114, atol=1e-4, unit="nats")

# %%
lesson.outcome(
    f"The lowest contributions are {p_integrand.min():.3f} and {q_integrand.min():.3f}; the areas "
    f"are {areas[0]:.4f} and {areas[1]:.4f}.",
    answer="negative in places; equal",
)

# %% [markdown]
# The two KL curves are mirror images, so their areas agree: with *equal variances* the direction
# does not matter. That is a fact about these two normals, not about KL.
#
# ## 6. Moving apart
#
# Pull $q = \mathcal{N}(d, 1)$ away. KL is $d^2/2$. Sketch JS as a function of $d$.

# %%
lesson.predict(
    "Where is JS steepest?",
    ["at d = 0, where it starts", "between 1 and 3", "between 3 and 6", "at 8: it steepens"],
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
ceiling = {"log 2": np.log(2)}
plot.line(distance, {"KL": kl, "JS": js}, left, reference=ceiling, title="divergence")
left.set(xlabel=apart_label, ylabel="nats", ylim=(0, 3))
slopes = {"KL": kl_slope[1:], "JS": js_slope[1:]}
plot.line(distance[1:], slopes, right, log=True, title="its slope", xlabel=apart_label)
lesson.figure(
    fig,
    "moving_apart",
    "Left: KL leaves the picture, JS bends under its ceiling. Right, on a log scale: "
    "the slope of JS falls by factors of ten, so nothing says any more which way to go.",
)

# %%
lesson.check("KL at distance 8", kl[-1], equals=32.0)
lesson.check("JS grows all the way", np.diff(js).min(), at_least=0.0)
short = np.log(2) - js[-1]
lesson.claim("JS at distance 8, short of log 2 by", short, between=(0, 1e-3), unit="nats")
left_over = js_slope[-1] / js_slope.max()
lesson.claim("slope of JS, at distance 8 / at its steepest", left_over, at_most=2e-3)

# %%
lesson.outcome(
    f"At d = {distance[js_slope.argmax()]:.1f}, where it grows by {js_slope.max():.3f} nats for a "
    f"unit of d. At 8 it is {js_slope[-1]:.5f}.",
    answer="between 1 and 3",
)

# %% [markdown]
# ## 7. Does the direction matter in practice?
#
# Suppose $p$ has two bumps, of mass 0.6 and 0.4, and $q$ may only be *one* normal. The best $q$
# depends on what "best" means. We search a grid of means and widths, with the bumps at $\pm 2$, and
# again at $\pm 3$.

# %%
lesson.predict(
    "With the bumps at ±2, which best bells will sit on one bump rather than cover both?",
    ["none", "that of KL(p || q)", "that of KL(q || p)", "those of KL(q || p) and JS"],
)

# %%
u = x[::10]
du = 10 * dx  # a coarser grid will do


def forward_kl(log_p, log_q):
    return kl_on_grid(log_p, log_q, du)


def js_of(log_p, log_q):
    return js_on_grid(log_p, log_q, du)


def reverse_kl(log_p, log_q):
    return kl_on_grid(log_q, log_p, du)


measures = {"KL(p || q)": forward_kl, "JS": js_of, "KL(q || p)": reverse_kl}

# %% [markdown]
# The target, and the best single normal for it among all candidates:

# %%
means = np.linspace(-4, 4, lesson.size(81, quick=17))
widths = np.arange(0.4, 3.61, 0.1)
candidates = [(mu, sigma) for mu in means for sigma in widths]


def two_bumps(reach):
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
        best[name, reach], smallest = best_normal(measure, two_bumps(reach))
        rows.append([name, f"±{reach}", *best[name, reach], smallest])
lesson.table(rows, ["smallest", "bumps", "mu", "sigma", "nats"])

# %%
view = np.abs(u) <= 6
fig, axes = plot.figure(1, 2, size=(4.6, 3.2))
for reach, ax in zip((2, 3), axes):
    shown = {"p": np.exp(two_bumps(reach))[view]}
    for name in measures:
        shown[name] = np.exp(log_normal(u, *best[name, reach]))[view]
    dotted = {"KL(q || p)": ":"}
    plot.line(u[view], shown, ax, fill=["p"], styles=dotted, title=f"bumps at ±{reach}")
lesson.figure(
    fig,
    "one_bell",
    "KL(p || q) spreads over both bumps and puts its peak between them, where p has next to "
    "nothing; KL(q || p), dotted, sits on the larger bump. JS sides with the first, "
    "then, when the bumps are further apart, with the second.",
)

# %%
for reach in (2, 3):
    mean = 0.6 * -reach + 0.4 * reach
    sigma = (0.36 + (2 * reach) ** 2 * 0.6 * 0.4) ** 0.5  # of p as a whole
    covers = best["KL(p || q)", reach]
    chooses = best["KL(q || p)", reach]
    lesson.claim(
        f"±{reach}: KL(p || q) gives p's mean and sigma", covers, equals=[mean, sigma], atol=0.1
    )
    lesson.claim(f"±{reach}: KL(q || p) gives one bump's", chooses, equals=[-reach, 0.6], atol=0.1)
lesson.claim("sigma of JS's bell, bumps at ±2", best["JS", 2][1], at_least=1.5)
lesson.claim("sigma of JS's bell, bumps at ±3", best["JS", 3][1], at_most=0.9)

# %%
narrow_ones = {reach: [name for name in measures if best[name, reach][1] < 1] for reach in (2, 3)}
lesson.outcome(
    f"At ±2: {', '.join(narrow_ones[2])}. At ±3: {', '.join(narrow_ones[3])}.",
    answer="that of KL(q || p)" if narrow_ones[2] == ["KL(q || p)"] else None,
)

# %% [markdown]
# Maximum likelihood minimizes KL(p‖q), and that covers: not one example may be called impossible.
# KL(q‖p) chooses: it never puts mass where $p$ has none. JS lies between the two; once the bumps
# are far apart, it chooses too. The post passes on a belief that GANs owe part of their success to
# the step from KL to JS. Keep its price in mind when one of them forgets a mode.
#
# ## 8. Where the post is loose
#
# - The bound of JS is 1 in bits and $\log 2$ in nats (section 3).
# - It says that where $p$ is near zero the effect of $q$ is disregarded. At that place, yes. But
#   mass that $q$ wastes there is missing elsewhere, and that is paid for: with a third of the mass
#   wasted, $\log\frac32$.

# %%
wasted = kl_divergence(np.array([1.0, 0.0]), np.array([2 / 3, 1 / 3]))
lesson.check("KL, a third of q's mass where p is zero", wasted, equals=np.log(3 / 2))

# %% [markdown]
# **Left out:** other divergences of this kind (total variation, $\chi^2$, the whole family of
# f-divergences), and how to estimate any of them when there are only samples and no densities.
# **Next:** that last point is what a GAN repairs. In `gan/02` and `gan/03` a discriminator that
# sees only samples turns out to measure JS.
#
# **Your turn:** `minigen exercise start gan/01`, then `minigen run gan/01 --with
# exercises/gan_01.py`.

# %%
lesson.finish()
