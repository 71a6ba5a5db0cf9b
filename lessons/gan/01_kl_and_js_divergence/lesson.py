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
# 3. Once two distributions are far apart, JS hardly changes any more. That will come back to haunt
#    us.

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
)

import numpy as np

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
# truth (Eq. gan.01):
#
# $$D_{\mathrm{KL}}(p \| q) = \sum_x p(x) \log \frac{p(x)}{q(x)}
# = \tfrac12 \log 2 + \tfrac12 \log \tfrac23 = \log 2 - \tfrac12 \log 3 .$$
#
# **Before you run the cell:** now the other way round, the coin is biased and she believes it fair.
# The same number?

# %%
p = np.array([1 / 2, 1 / 2])
q = np.array([1 / 4, 3 / 4])
by_hand = 0.5 * np.log(0.5 / 0.25) + 0.5 * np.log(0.5 / 0.75)
back_by_hand = 0.25 * np.log(0.25 / 0.5) + 0.75 * np.log(0.75 / 0.5)
lesson.show_source(kl_divergence)
lesson.check("KL(p || q), nats", kl_divergence(p, q), equals=np.log(2) - np.log(3) / 2)
lesson.check("the same, spelled out", by_hand, equals=0.143841)
lesson.check("KL(q || p), nats", kl_divergence(q, p), equals=back_by_hand)

# %% [markdown]
# 0.1438 and 0.1308: close, but not the same. The weights changed from $p$ to $q$, and so did the
# sign of each logarithm. We use natural logarithms throughout, so the unit is the *nat*; one bit is
# $\log 2 = 0.693$ nats.
#
# ## 2. Zeros
#
# **Your prediction for each row, before you look:** which of the two columns is infinite?

# %%
pairs = {
    "both possible, but q is nearly sure": ([0.5, 0.5], [0.999, 0.001]),
    "q knows an outcome that never happens": ([1.0, 0.0], [0.5, 0.5]),
    "nothing in common": ([1.0, 0.0], [0.0, 1.0]),
}
pairs = {name: (np.array(a), np.array(b)) for name, (a, b) in pairs.items()}
rows = [
    [name, str(a), str(b), kl_divergence(a, b), kl_divergence(b, a)]
    for name, (a, b) in pairs.items()
]
lesson.table(rows, ["", "p", "q", "KL(p||q)", "KL(q||p)"])

# %% [markdown]
# An outcome that never happens costs nothing, whatever $q$ said about it: $0 \log 0$ counts as 0.
# An outcome that does happen although $q$ called it *impossible* costs infinitely much. One single
# zero in $q$ is enough.
#
# ## 3. A fairer comparison
#
# Let both be compared to the same third distribution, the mixture $m = (p + q)/2$, and average (Eq.
# gan.02):
#
# $$D_{\mathrm{JS}}(p \| q) = \tfrac12 D_{\mathrm{KL}}(p \| m) + \tfrac12 D_{\mathrm{KL}}(q \| m) .$$
#
# Where $p$ is positive $m$ is at least $p/2$, so no ratio exceeds 2, and no logarithm exceeds $\log
# 2$. By hand, for $p = (1, 0)$ and $q = (0, 1)$: $m = (\frac12, \frac12)$, both KLs are $\log 2$,
# and so is their average.

# %%
lesson.show_source(js_divergence)
nothing_in_common = js_divergence(*pairs["nothing in common"])
lesson.check("JS of (1, 0) and (0, 1), nats", nothing_in_common, equals=np.log(2))
lesson.check("the same in bits", nothing_in_common / np.log(2), equals=1.0)
lesson.check(
    "JS of the coins less JS the other way", js_divergence(p, q) - js_divergence(q, p), equals=0.0
)
rows = [[name, js_divergence(a, b)] for name, (a, b) in pairs.items()]
lesson.table([*rows, ["the two coins", js_divergence(p, q)]], ["", "JS, nats"])

# %% [markdown]
# Every row is finite. And here the post is loose: it says that JS lies between 0 and 1. That is so
# in bits. In nats, as in its own later example of two parallel lines, the top is $\log 2$.
#
# ## 4. Curves instead of coins
#
# For densities the sum becomes an integral. Two normals have a closed form,
#
# $$D_{\mathrm{KL}} = \log\frac{\sigma_q}{\sigma_p} + \frac{\sigma_p^2 + (\mu_p - \mu_q)^2}{2\sigma_q^2} - \frac12 .$$
#
# For $p = \mathcal{N}(0, 1)$ and $q = \mathcal{N}(1, 2^2)$ it gives $\log 2 + \frac28 - \frac12 =
# 0.4431$. **Which direction will be the larger?** Think of where the *wide* one puts mass that the
# narrow one calls next to impossible. We ask three witnesses: the formula, the area under the curve
# (a sum over a grid), and an average over draws.


# %%
def log_normal(x, mu, sigma):
    return -0.5 * ((x - mu) / sigma) ** 2 - np.log(sigma * np.sqrt(2 * np.pi))


x = np.linspace(-15, 17, 6401)
dx = x[1] - x[0]
normals = {"p": (0.0, 1.0), "q": (1.0, 2.0)}
n = lesson.size(100_000)
witnesses = {}
for a, b in ("pq", "qp"):
    mu_a, s_a = normals[a]
    mu_b, s_b = normals[b]
    draws = mu_a + s_a * lesson.rng(a).standard_normal(n)
    witnesses[f"KL({a} || {b})"] = [
        kl_normal(mu_a, s_a, mu_b, s_b),
        kl_on_grid(log_normal(x, mu_a, s_a), log_normal(x, mu_b, s_b), dx),
        (log_normal(draws, mu_a, s_a) - log_normal(draws, mu_b, s_b)).mean(),
    ]
lesson.show_source(kl_normal, kl_integrand, kl_on_grid)
lesson.table(
    [[name, *values] for name, values in witnesses.items()],
    ["nats", "formula", "grid", f"{n:,} draws"],
)
there, back = (values[1] for values in witnesses.values())
lesson.claim("KL(N(0,1) || N(1,4)) by quadrature", there, equals=0.4431, atol=1e-3, unit="nats")
lesson.claim("KL(N(1,4) || N(0,1)) by quadrature", back, equals=1.3069, atol=1e-3, unit="nats")

# %% [markdown]
# Three times as dear the other way: draws of the wide $q$ fall at 4 or 5, where the narrow $p$
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
# shows what each place contributes. **Predict:** can it be negative somewhere? Are the two KLs
# still different?

# %%
log_q = log_normal(x, 1, 1)
curves = {
    "p log(p/q)": kl_integrand(log_p, log_q),
    "q log(q/p)": kl_integrand(log_q, log_p),
    "JS": js_integrand(log_p, log_q),
}
view = (x >= -5) & (x <= 6)
fig, axes = plot.figure(1, 3, size=(3.7, 3.1))
plot.line(
    x[view],
    {"p": np.exp(log_p[view]), "q": np.exp(log_q[view])},
    axes[0],
    fill=True,
    title="two densities",
)
colors = {"p log(p/q)": plot.color.real, "q log(q/p)": plot.color.fake, "JS": plot.color.model}
for ax, names in [(axes[1], ["p log(p/q)", "q log(q/p)"]), (axes[2], ["JS"])]:
    plot.line(x[view], {name: curves[name][view] for name in names}, ax, fill=True, colors=colors)
    ax.set_title(f"{'KL' if ax is axes[1] else 'JS'}, place by place")
lesson.figure(
    fig,
    "f01_integrands",
    "Middle: each curve dips below zero where the other density is larger, yet its area is"
    " positive, and both areas are 0.5. Right: one curve, symmetric about x = 0.5, never below"
    " zero.",
)

# %%
areas = {name: curve.sum() * dx for name, curve in curves.items()}
apart = np.abs(curves["p log(p/q)"] - curves["q log(q/p)"]).max()
lesson.check(
    "the two areas under the KL curves",
    [areas["p log(p/q)"], areas["q log(q/p)"]],
    equals=[0.5, 0.5],
)
difference = areas["p log(p/q)"] - areas["q log(q/p)"]
lesson.claim(
    "equal variances: difference of the two KLs", difference, equals=0.0, atol=1e-9, unit="nats"
)
lesson.claim("equal variances: largest gap of the integrands", apart, at_least=0.1)
lesson.claim("JS(N(0,1), N(1,1))", areas["JS"], equals=0.1114, atol=1e-4, unit="nats")

# %% [markdown]
# The two KL curves are mirror images, so their areas agree: with *equal variances* the direction
# does not matter. That is a fact about these two normals, not about KL.
#
# ## 6. Moving apart
#
# Pull $q = \mathcal{N}(d, 1)$ away. KL is $d^2/2$. **Sketch JS as a function of $d$ before you
# look.** Where is it steep?

# %%
distance = np.linspace(0, 8, 81)
js = np.array([js_on_grid(log_p, log_normal(x, d, 1), dx) for d in distance])
kl = kl_normal(0.0, 1.0, distance, 1.0)
fig, axes = plot.figure(1, 2, size=(4.4, 3.2))
plot.line(
    distance,
    {"KL": kl, "JS": js},
    axes[0],
    title="divergence",
    xlabel="distance d of the means",
    ylabel="nats",
    reference={"log 2": np.log(2)},
)
axes[0].set_ylim(0, 3)
slopes = {
    "KL": np.gradient(kl, distance, edge_order=2),
    "JS": np.gradient(js, distance, edge_order=2),
}
plot.line(
    distance[1:],
    {k: s[1:] for k, s in slopes.items()},
    axes[1],
    title="its slope",
    log=True,
    xlabel="distance d of the means",
)
lesson.figure(
    fig,
    "moving_apart",
    "Left: KL leaves the picture, JS bends under its ceiling. Right, on a log scale: "
    "the slope of JS falls by factors of ten, so nothing says any more which way to go.",
)
lesson.check("KL at distance 8", kl[-1], equals=32.0)
lesson.check("JS grows all the way", np.diff(js).min(), at_least=0.0)
lesson.claim(
    "JS at distance 8, short of log 2 by", np.log(2) - js[-1], between=(0, 1e-3), unit="nats"
)
lesson.claim(
    "slope of JS, at distance 8 / at its steepest",
    slopes["JS"][-1] / slopes["JS"].max(),
    at_most=2e-3,
)

# %% [markdown]
# ## 7. Does the direction matter in practice?
#
# Suppose $p$ has two bumps, of mass 0.6 and 0.4, and $q$ may only be *one* normal. The best $q$
# depends on what "best" means. **Predict for each of KL(p‖q), KL(q‖p), JS:** will the bell cover
# both bumps, or sit on one? We search a grid of means and widths, with the bumps at $\pm 2$, and
# again at $\pm 3$.

# %%
u = x[::10]
du = 10 * dx  # a coarser grid will do
measures = {
    "KL(p || q)": lambda p, q: kl_on_grid(p, q, du),
    "JS": lambda p, q: js_on_grid(p, q, du),
    "KL(q || p)": lambda p, q: kl_on_grid(q, p, du),
}
means = np.linspace(-4, 4, lesson.size(81, quick=17))
widths = np.arange(0.4, 3.61, 0.1)
bells = [(mu, sigma) for mu in means for sigma in widths]

# %%
best = {}
rows = []
fig, axes = plot.figure(1, 2, size=(4.6, 3.2))
for reach, ax in zip((2, 3), axes):
    bumps = np.logaddexp(
        np.log(0.6) + log_normal(u, -reach, 0.6), np.log(0.4) + log_normal(u, reach, 0.6)
    )
    for name, measure in measures.items():
        scores = [measure(bumps, log_normal(u, *bell)) for bell in bells]
        best[name, reach] = bells[int(np.argmin(scores))]
        rows.append([name, f"±{reach}", *best[name, reach], min(scores)])
    shown = {
        "p": np.exp(bumps),
        **{name: np.exp(log_normal(u, *best[name, reach])) for name in measures},
    }
    view = np.abs(u) <= 6
    plot.line(
        u[view],
        {name: y[view] for name, y in shown.items()},
        ax,
        fill=["p"],
        title=f"bumps at ±{reach}",
        styles={"KL(q || p)": ":"},
    )
lesson.table(rows, ["smallest", "bumps", "mu", "sigma", "nats"])
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
