# %% [markdown]
# # What guidance samples
#
# Guidance pushes the samples of a diffusion model towards a label (`diffusion/09`). The usual
# explanation names a density. It raises the label's effect on the probability of a point to a
# power, and the guided score is the gradient of its logarithm. So is this the density of the
# samples? Images cannot tell, because no density of images is known. For a few Gaussians every
# density is known, and so we can ask which one it is, and whether the sampler matters.
#
# We begin with two Gaussians (section 1), and then take a mixture (2). We give each sample a weight
# (3), and ask what the weights cost (4). Two refinements of guidance follow, an interval of noise
# levels (5) and a worse model as the guide (6), each beside the control that it has to beat. This
# lesson comes after the post [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/). Before this lesson:
# `diffusion/09`, `after/01`, `after/03`.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "after/05_what_guidance_samples",
    title="What guidance samples",
    post="after",
    equations=["after.25", "after.26", "after.27", "after.28", "after.29", "after.40"],
    minutes=1,
    picture="weights",
    sources=[
        "weng2021diffusion",
        "bradley2024predictor",
        "chidambaram2024guidance",
        "karras2024bad",
        "kynkaanniemi2024interval",
        "skreta2025feynman",
    ],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import toy
from minigen.data.mixture import GaussianMixture
from minigen.diffusion.edm import EDM, edm_loss, edm_sample, karras_levels, lognormal_levels
from minigen.diffusion.edm import preconditioning
from minigen.diffusion.feynman_kac import log_weight_increment
from minigen.diffusion.guidance import gaussian_guided, guided_gaussian_variance
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.diffusion.schedule import per_example
from minigen.metrics import sliced_wasserstein
from minigen.metrics.comparison import effective_sample_size
from minigen.metrics.floor import OverFloor
from minigen.optim import cosine
from minigen.tensor import softmax
from minigen.train import descend

# %% [markdown]
# ## 1. Two Gaussians
#
# Which density does guidance sample? As in `after/03` a noisy point is $y = x_0 + \sigma z$, and
# a denoiser $D(y, \sigma)$ predicts $x_0$. Guidance with weight $w$ takes $D_1 + w\,(D_1 - D_0)$
# in place of the conditional denoiser $D_1$, where $D_0$ is the unconditional one. In scores it
# is $s = (1 + w)\,s_1 - w\,s_0$, which is the gradient of the logarithm of
#
# $$p_1^{1 + w}/p_0^{w} .$$
#
# We call this the *tilted density*. Take two Gaussians at 0, with variances $v_1 = 2$ and $v_0 =
# 4$. Multiplied and divided, Gaussians add and subtract their inverse variances. So at $w = 1$ the
# tilted density is the Gaussian of variance $1/(2/2 - 1/4) = 4/3$.

# %%
lesson.predict(
    "We follow the guided denoiser with w = 1 from noise to data, without fresh noise. What is the"
    " variance of the samples?",
    ["4/3, as that of the tilted density", "1", "2"],
)

# %%
lesson.exercise("after/05/guided_gaussian_variance")


# %%
def guided(first, second, w, low=0.0, high=np.inf):
    """D1 + w (D1 − D0) where low ≤ σ ≤ high, and D1 elsewhere."""

    def denoiser(y, sigma, condition=None):
        best = first(y, sigma)
        if w == 0 or not low <= sigma[0] <= high:
            return best
        return (1 + w) * best - w * second(y, sigma)

    return denoiser


def of_gaussian(v):
    return lambda y, sigma: y * (v / (v + sigma[0] ** 2))


# %%
v1, v0 = 2.0, 4.0
falling = np.append(np.geomspace(200, 0.001, 1500), 0)
rows, start_at = [], np.array([[1.0]])
for w in (0.0, 1.0, 2.0, 3.0):
    denoiser = guided(of_gaussian(v1), of_gaussian(v0), w)
    slope = edm_sample(denoiser, start_at, falling)[0, 0]  # the path is linear in its start
    formulas = [gaussian_guided(v1, v0, w, kind) for kind in ("ode", "sde", "tilt")]
    rows.append([w, slope**2 * 200**2, *formulas])
header = ["w", "variance of the samples", "formula", "with fresh noise", "tilted density"]
lesson.table(rows, header)
lesson.check("variance of the guided samples, w = 1", rows[1][1], equals=1.0, atol=0.01)

# %%
lesson.show_source(guided_gaussian_variance)
lesson.outcome(
    "The variance halves with each further 1 of w, because it is v₁ (v₁/v₀)^w, and that of"
    " the tilted density falls more slowly.",
    answer="1",
)

# %% [markdown]
# Without fresh noise the variance is (Eq. after.27)
#
# $$v_1\,(v_1/v_0)^w .$$
#
# So the samples do not have the tilted density, although both denoisers are exact and the steps are
# small. Would fresh noise repair it? The *reverse SDE* (`after/01`) moves a point twice as far
# along the score and adds noise. Written in $u = \sigma^2$, a step of length $h$ is
#
# $$x \leftarrow x + h\,s + \sqrt h\,z ,$$
#
# while the step of the deterministic path is $x \leftarrow x + \frac h2\,s$. Without guidance both
# have the same densities. With it, the samples of the SDE have variance (Eq. after.28)
#
# $$v_1\,\frac{(v_1/v_0)^{2w + 1} - 1}{(2w + 1)(v_1/v_0 - 1)},$$
#
# which is $7/6$ for $w = 1$, the fourth column of the table. The tilted density has (Eq. after.29)
# $1/((1 + w)/v_1 - w/v_0)$. No two of the three agree, so what guidance samples depends on the
# sampler, and no sampler here samples what the formula suggests.
#
# <details><summary>Derivation: the variance of a guided Gaussian, without and with fresh
# noise</summary>
#
# *Path.* For one Gaussian $dy/d\sigma = (y - D)/\sigma = \sigma y/(v + \sigma^2)$, and therefore $y
# \propto (v + \sigma^2)^{1/2}$. With $D_1 + w(D_1 - D_0)$ the slope of $\log y$ is $(1 + w)$ times
# that of $v_1$ minus $w$ times that of $v_0$: $y \propto (v_1 + \sigma^2)^{(1 + w)/2}(v_0 +
# \sigma^2)^{-w/2}$. At a large $\sigma$ this is $\sigma$, and $y$ has variance $\sigma^2$. At
# $\sigma = 0$ the square is $v_1^{1 + w} v_0^{-w}$.
#
# *SDE.* The score is $-a x$ with $a = (1 + w)/(v_1 + u) - w/(v_0 + u)$, so a step multiplies the
# variance $P$ by $(1 - ha)^2$ and adds $h$, which is $dP/du = 2aP - 1$. Noise that enters at $u$
# is multiplied by $A(0)/A(u)$ until the end, with $A = (v_1 + u)^{2(1 + w)}(v_0 + u)^{-2w}$. So
# $P(0) = \int_0^\infty A(0)/A(u)\,du$. Put $r = (v_0 + u)/(v_1 + u)$, whose derivative is $(v_1 -
# v_0)/(v_1 + u)^2$, and integrate $r^{2w}$ from $v_0/v_1$ to 1.
#
# </details>
#
# Bradley and Nakkiran (2024) found that the two samplers differ and that neither has the tilted
# density, by an example of this kind. Chidambaram et al. (2024) prove for mixtures that the path
# misses it. The reason of the former fits into one line. The step of the SDE is
#
# $$h\,s + \sqrt h\,z = \tfrac h2\,s_1 + \Bigl[\tfrac h2\bigl(s_1 + 2w\,(s_1 - s_0)\bigr) + \sqrt
# h\,z\Bigr],$$
#
# which is a step of the path *without* guidance, and then a Langevin step (`diffusion/02`) towards
# the tilted density of weight $2w$. So fresh noise repairs only a part of the difference. At $w =
# 1$ the variance becomes 1.167 instead of 1, and the tilted density has 1.333. The Langevin step
# belongs to another density, that of weight $2w$.

# %%
lesson.change(
    "a narrower guide",
    "Change `v1, v0 = 2.0, 4.0` to `v1, v0 = 4.0, 3.2`, so that the second model is narrower. What "
    "is the variance at $w = 1$?",
    answer="It is 5.0, more than that of either model: guidance away from a narrower model widens "
    "the density.",
)

# %% [markdown]
# ## 2. A mixture on a grid
#
# A single Gaussian cannot show what guidance does to modes. We take three, at $-2$, $0.5$ and
# $1.2$, of which the first two carry the label. The third overlaps the second, so guidance should
# take points away from the second. In one dimension the tilted density is a sum over a grid, and a
# histogram can judge samples. The *total variation* of two histograms is half the sum of their
# absolute differences, the fraction of the points that would have to move to another cell.

# %%
p1 = GaussianMixture(np.array([[-2.0], [0.5]]), std=0.35)
p0 = GaussianMixture(np.array([[-2.0], [0.5], [1.2]]), std=0.35)
grid, cells = np.linspace(-5, 5, 2001)[:, None], np.linspace(-5, 5, 51)
count = lesson.size(20_000, quick=200)


def tilted(w):
    """The probabilities of the points of the grid, by p1^(1 + w)/p0^w."""
    return softmax((1 + w) * p1.log_prob(grid) - w * p0.log_prob(grid))


def histogram(x, weights=None):
    """The fraction of points (n, 1) in each cell, with equal or other weights (n,)."""
    filled = np.histogram(x[:, 0], cells, weights=weights)[0]
    return filled / filled.sum()


# %% [markdown]
# Both samplers take the exact scores, in many steps.


# %%
def of_mixture(mixture):
    return lambda y, sigma: mixture.posterior(y, 1.0, float(sigma[0]))[0]


def scores(x, u):
    """The scores of the label's mixture and of all, at the level u = σ²."""
    return p1.noised(1.0, np.sqrt(u)).score(x), p0.noised(1.0, np.sqrt(u)).score(x)


def by_path(w, rng):
    """The guided path, without fresh noise."""
    steps = karras_levels(lesson.size(60, quick=10), 0.01, 80.0)
    begin = 80.0 * rng.standard_normal((count, 1))
    return edm_sample(guided(of_mixture(p1), of_mixture(p0), w), begin, steps)


# %%
levels = np.append(np.geomspace(80.0, 0.01, lesson.size(300, quick=20)), 0) ** 2


def by_sde(w, rng):
    """The guided reverse SDE."""
    x = np.sqrt(levels[0]) * rng.standard_normal((count, 1))
    for u, after in zip(levels[:-1], levels[1:]):
        (s1, s0), h = scores(x, u), u - after
        x = x + h * ((1 + w) * s1 - w * s0) + np.sqrt(h) * rng.standard_normal(x.shape)
    return x


# %%
lesson.predict(
    "With w = 1, whose samples are nearest to the tilted density?",
    ["those without guidance", "those of the guided path", "those of the guided SDE"],
)


# %%
def left(filled):
    """The fraction of a histogram's points in the left mode."""
    return filled[cells[1:] < -0.7].sum()


def judged(x, w, log_weights=None):
    """Total variation to the tilted density, and the fraction of points in the left mode."""
    found = histogram(x, None if log_weights is None else softmax(log_weights))
    return 0.5 * np.abs(found - histogram(grid, tilted(w))).sum(), left(found)


# %%
plain = p1.sample(lesson.rng("plain"), count).astype(float)
path, sde = (sampler(1.0, lesson.rng(sampler.__name__)) for sampler in (by_path, by_sde))
ideal = grid[lesson.rng("ideal").choice(len(grid), count, p=tilted(1.0))]
kinds = {"no guidance": plain, "path": path, "SDE": sde, "draws of the tilted density": ideal}
found = {name: judged(x, 1.0) for name, x in kinds.items()}

# %%
lesson.table(
    [[name, *row] for name, row in found.items()], ["w = 1", "total variation", "left mode"]
)
nearest = min(("no guidance", "path", "SDE"), key=lambda name: found[name][0])
lesson.outcome(
    f"Their total variations to the tilted density are {found['no guidance'][0]:.3f} without"
    f" guidance, {found['path'][0]:.3f} for the path, and {found['SDE'][0]:.3f} for the SDE. The"
    f" tilted density has {100 * left(histogram(grid, tilted(1.0))):.0f} % of its mass in the left"
    f" mode, and the path puts {100 * found['path'][1]:.0f} % of its points there.",
    answer="those without guidance"
    if nearest == "no guidance"
    else f"those of the guided {nearest}",
)

# %%
middle = (cells[1:] + cells[:-1]) / 2
lines = {"tilted density": histogram(grid, tilted(1.0)), "no guidance": histogram(plain)}
lines |= {"guided path": histogram(path), "guided SDE": histogram(sde)}
fig, ax = plot.figure(1, 1, size=(6.0, 3.4))
plot.line(middle, {name: row / 0.2 for name, row in lines.items()}, ax, xlabel="x")
ax.set_xlim(-3.5, 2.5)
lesson.figure(
    fig,
    "densities",
    "Histograms of the tilted density at w = 1 (blue), and of samples without guidance (orange), of"
    " the guided path (green) and of the guided SDE (pink). Compare the heights of the two modes.",
)

# %%
tv = {name: row[0] for name, row in found.items()}
lesson.claim(
    "w = 1: total variation of the path over that of no guidance",
    tv["path"] / tv["no guidance"],
    at_least=1.15,
    source="seeds 0, 1 and 7307: 1.34 to 1.49; no guidance: 1",
)

# %% [markdown]
# The samples without guidance are the nearest. Guidance shifts points to the left mode, which is
# the right direction, but at $w = 1$ both samplers shift more than twice as many as the tilted
# density asks for. In this mixture, as for two Gaussians with $v_1 < v_0$, guidance pushes more
# strongly than its formula says. So far this is only a difference. Could we have the tilted density
# if we wanted it?
#
# ## 3. Weights that reach it
#
# To correct the samples we need to know where there are too many of them. Let $q$ be the tilted
# density at the noise level $u$, made of the densities $p_1$ and $p_0$ of the *noisy* data. Added
# noise spreads each of these two by the heat equation, $\partial p/\partial u = \frac12\Delta p$.
# If $q$ obeyed it, too, the guided samplers would be right. But a product of powers does not, and
# the derivation below finds what is missing:
#
# $$\frac{\partial q}{\partial u} = \tfrac12\Delta q - g\,q, \qquad g = \tfrac12\bigl(\|s\|^2 -
# (1 + w)\,\|s_1\|^2 + w\,\|s_0\|^2\bigr).$$
#
# As noise is added, $q$ spreads and also *loses* mass at the rate $g$. A sampler goes backwards, so
# it has to put the mass back where it was lost. For this each point carries a weight $W$, and in a
# step of length $h$ the logarithm of $W$ gains $g\,h$.
#
# <details><summary>Derivation: the tilted density loses mass as noise is added</summary>
#
# Divide the heat equation by $p_k$: $\partial\log p_k/\partial u = \frac12(\Delta\log p_k +
# \|s_k\|^2)$. Add $(1 + w)$ times this for $p_1$ and $-w$ times this for $p_0$. With $\ell = \log
# q$ and $\nabla\ell = s$ the sum is $\partial\ell/\partial u = \frac12\bigl(\Delta\ell + (1 +
# w)\|s_1\|^2 - w\|s_0\|^2\bigr)$. Since $\Delta q = (\Delta\ell + \|s\|^2)\,q$, the equation above
# follows.
#
# Backwards, with $\tau = -u$, it reads $\partial q/\partial\tau = -\frac12\Delta q + g\,q$. And
# $\Delta q = \nabla\cdot(s\,q)$, so $-\frac12\Delta q = -\nabla\cdot(\frac12 s\,q)$, which is how
# the density of points changes that move by $\frac12 s$, or $-\nabla\cdot(s\,q) + \frac12\Delta q$,
# which is the reverse SDE. The term $g\,q$ multiplies the weight of each point by $e^{g\,d\tau}$.
# (That weighted points solve such an equation is the Feynman–Kac formula.)
#
# </details>

# %%
lesson.exercise("after/05/log_weight_increment")

# %% [markdown]
# Multiply out $\|s\|^2$, and three squares become one. In a step from $u$ to $u - h$ (Eq. after.40)
#
# $$\log W \leftarrow \log W + \tfrac h2\,w\,(1 + w)\,\|s_1 - s_0\|^2 .$$
#
# In words, a point gains weight where the two models disagree. For the two Gaussians of section 1
# this can be done by hand. At $w = 1$ the path that ends at $x$ is $x\,(2 + u)/\sqrt{4 + u}$, and
# the scores differ by $2/((2 + u)(4 + u))$ times this, so the gains add up to $x^2\int_0^\infty
# 4/(4 + u)^3\,du = x^2/8$. The samples of the path have density $e^{-x^2/2}$, and with the weight
# $e^{x^2/8}$ it becomes $e^{-3x^2/8}$. That is variance $4/3$, as the tilted density has.

# %%
lesson.show_source(log_weight_increment)
u = np.append(np.geomspace(1e5, 1e-4, 4000), 0.0)
at, h = (u[1:] + u[:-1]) / 2, u[:-1] - u[1:]
x = ((2 + at) / np.sqrt(4 + at))[:, None]  # the path that ends at 1
gains = log_weight_increment(-x / (2 + at)[:, None], -x / (4 + at)[:, None], 1.0, h)
lesson.check("log-weight of the path that ends at 1", gains.sum(), equals=1 / 8, atol=1e-4)

# %% [markdown]
# Now the mixture. We follow the same points of the SDE as above, and add up their gains on the way.
# Two rows are controls. *Without the factor 1 + w* is a slip that raises no error. *No guidance,
# weighted* takes samples of $p_1$ and gives them the weight $(p_1/p_0)^w$ at the end, which is
# right, too, for whoever knows both densities.


# %%
def weighted_sde(w, rng, resample=False):
    """The points of `by_sde`, and the logarithms of their weights."""
    x, log_weights = np.sqrt(levels[0]) * rng.standard_normal((count, 1)), np.zeros(count)
    for u, after in zip(levels[:-1], levels[1:]):
        (s1, s0), h = scores(x, u), u - after
        log_weights = log_weights + log_weight_increment(s1, s0, w, h)
        x = x + h * ((1 + w) * s1 - w * s0) + np.sqrt(h) * rng.standard_normal(x.shape)
        if resample and effective_sample_size(log_weights) < count / 2:
            x, log_weights = x[resampled(log_weights, rng)], np.zeros(count)
    return x, log_weights


def resampled(log_weights, rng):
    """Indices of points, each as often as its weight says, up to rounding."""
    ends = np.cumsum(softmax(log_weights)) * len(log_weights)
    return np.searchsorted(ends[:-1], np.arange(len(ends)) + rng.random())


# %%
same, log_weights = weighted_sde(1.0, lesson.rng("by_sde"))
by_density = p1.log_prob(plain) - p0.log_prob(plain)
rows = [
    ["SDE", *judged(sde, 1.0)],
    ["SDE, weighted", *judged(same, 1.0, log_weights)],
    ["SDE, weighted without the factor 1 + w", *judged(same, 1.0, log_weights / 2)],
    ["no guidance, weighted", *judged(plain, 1.0, by_density)],
    ["draws of the tilted density", *found["draws of the tilted density"]],
]
lesson.table(rows, ["w = 1", "total variation", "left mode"])
lesson.check("the same points", np.abs(same - sde).max(), at_most=1e-9)

# %%
lesson.claim(
    "w = 1: total variation of the weighted SDE",
    rows[1][1],
    at_most=0.035,
    source="seeds 0, 1 and 7307: 0.015 to 0.019; no guidance: 0.08; no weights: 0.10",
)

# %% [markdown]
# The weighted points are nearly as close to the tilted density as exact draws of equal number.
# Nothing about the sampler has changed, only the way its points are counted. The points of the
# right mode gained more weight, because the two models disagree on their way, and this makes up for
# the points that the SDE had left out. Without the factor $1 + w$ only a part of this is repaired.
# The second control needs no guidance at all, but it needs the densities of both models, and a
# diffusion model gives scores. The weights of the SDE need nothing but the scores that the sampler
# computes. Skreta et al. (2025) derive such weights, and call them Feynman–Kac correctors.
#
# ## 4. What the weights cost
#
# The scores are there anyway, so the weights cost no computation. What is the catch? A weighted
# sample is worth fewer points than it has. The *effective sample size* (`start/03`) counts how
# many. We raise $w$ to 3. One repair is *resampling*. Whenever the weights have become uneven, draw
# points by their weights, so that heavy points are copied, light ones are dropped, and all weights
# are equal again. The noise of the SDE then moves the copies apart.

# %%
heavy, its_weights = weighted_sde(3.0, lesson.rng("weighted 3"))
strong = {
    "no guidance": (plain, None),
    "path": (by_path(3.0, lesson.rng("path 3")), None),
    "SDE": (heavy, None),
    "SDE, weighted": (heavy, its_weights),
    "SDE, resampled": weighted_sde(3.0, lesson.rng("resampled 3"), resample=True),
    "no guidance, weighted": (plain, 3 * by_density),
}
rows = []
for name, (x, each) in strong.items():
    worth = 1.0 if each is None else effective_sample_size(each) / count
    rows.append([name, *judged(x, 3.0, each), worth])

# %%
lesson.table(rows, ["w = 3", "total variation", "left mode", "effective sample size / points"])
strong_tv = {row[0]: row[1] for row in rows}
lines = {"tilted density": histogram(grid, tilted(3.0)), "guided SDE": histogram(heavy)}
for name in ("SDE, weighted", "SDE, resampled"):
    x, each = strong[name]
    lines[name] = histogram(x, softmax(each))
fig, ax = plot.figure(1, 1, size=(6.0, 3.4))
plot.line(middle, {name: row / 0.2 for name, row in lines.items()}, ax, xlabel="x")
ax.set_xlim(-3.5, 2.5)
lesson.figure(
    fig,
    "weights",
    "The tilted density at w = 3 (blue), and histograms of the guided SDE (orange), of the same"
    " points with weights (green), and of points that were resampled on the way (pink). Compare the"
    " right mode.",
)

# %%
lesson.claim(
    "w = 3: total variation of the resampled SDE",
    strong_tv["SDE, resampled"],
    at_most=0.04,
    source="seeds 0, 1 and 7307: 0.018 to 0.022; no guidance: 0.16; no weights: 0.26",
)

# %% [markdown]
# At $w = 3$ the guided samplers put about nine tenths of their points into the left mode, where the
# tilted density has about six tenths. The weights repair most of this, but few points carry them.
# Points in the right mode are too rare and therefore heavy, so the effective sample size falls to
# about a seventh of the number of points. Even that was luck. With two other seeds it was a
# fifteenth and a three-hundredth, and in the last case the total variation of the weighted points
# was 0.13, hardly less than the 0.16 without guidance. Resampling on the way had about 0.02 in all
# three runs. It needs many points that are sampled side by side, though. Whoever wants a single
# image has nothing to weigh it against. (The last row is the best of all. For anyone who knows both
# densities, guidance is a detour.)
#
# So the tilted density is within reach. Whether it is what we want is another question. Guidance is
# used because its samples look better, and nobody promised that they follow a density. The next two
# sections ask what guidance is good for.
#
# ## 5. Where to guide
#
# Kynkäänniemi et al. (2024) guide only in an interval of noise levels (Eq. after.25), because they
# found guidance harmful at high levels and largely unnecessary at low ones. Can we confirm this
# where everything is exact? There is a trap. Guidance at fewer levels is also less guidance, and
# less of it changes less. So we choose the weights such that the *effect* is equal.
#
# Take five Gaussians in the plane, of which three carry the label. $D_1$ is the exact denoiser of
# these three, $D_0$ that of all five. The effect of guidance is that the samples leave no doubt
# about the label, so we measure the *doubt* of a sample, the probability that it came from one of
# the two other Gaussians. The mean over the samples counts the worst points most, and the median a
# typical point. The price of guidance is that the samples move away from the labelled density. We
# measure it by the sliced Wasserstein distance over its floor, the distance between two sets of
# draws, so that 1 is perfect.

# %%
LOW, HIGH = 0.01, 20.0  # the range of levels
set_size, repeats = lesson.size(1000, quick=50), lesson.size(20, quick=2)


def distance(a, b):
    return sliced_wasserstein(a, b, 100, lesson.rng("directions"))


def noise_of(k):
    """The start of three sets of samples: standard normal."""
    return lesson.rng(f"start {k}").standard_normal((3 * set_size, 2), dtype=np.float32)


# %%
centers = np.array([[-1.2, 0.9], [0.0, 1.2], [1.3, 0.6], [-0.7, -0.8], [0.9, -0.9]])
parts = np.array([0.25, 0.25, 0.15, 0.2, 0.15])
everything = GaussianMixture(centers, std=0.35, weights=parts)
labelled = GaussianMixture(centers[:3], std=0.35, weights=parts[:3])
of_label = OverFloor(distance, labelled.sample, set_size, lesson.rng("label floor"), repeats)
begin = HIGH * noise_of("guided")[: 2 * set_size].astype(float)


def sampled(w, low, high):
    """Samples that are guided with w between two levels."""
    both = guided(of_mixture(labelled), of_mixture(everything), w, low, high)
    return edm_sample(both, begin, karras_levels(24, LOW, HIGH))


def doubt(x):
    """The probability of the Gaussians without the label, at each point."""
    return everything.responsibilities(x)[:, 3:].sum(axis=1)


# %% [markdown]
# We guide at all levels with $w = 2$. In an interval we look for the weight with the same mean
# doubt, or with the same median.


# %%
def equal(effect, target, most, halvings=14):
    """The weight w at which effect(w), which falls, reaches a target."""
    least = 0.0
    for _ in range(halvings):
        w = (least + most) / 2
        least, most = (w, most) if effect(w) > target else (least, w)
    return (least + most) / 2


goal = doubt(sampled(2.0, 0, 99))
ways = {
    "none": (0.0, 0, 99),
    "all levels": (2.0, 0, 99),
    "above 1.5, equal mean": (np.mean, 1.5, 99),
    "0.3 to 1.5, equal mean": (np.mean, 0.3, 1.5),
    "0.3 to 1.5, equal median": (np.median, 0.3, 1.5),
    "above 1.5, equal median": (np.median, 1.5, 99),
}

# %%
lesson.predict(
    "With equal mean doubt, whose samples stay nearest to the labelled density: those guided at all"
    " levels from 20 down to 0, only above 1.5, or only from 1.5 to 0.3?",
    ["all levels", "only above 1.5", "only from 1.5 to 0.3"],
)

# %%
rows, pictures = [], {}
for name, (w, low, high) in ways.items():
    if callable(w):
        measure = w
        w = equal(lambda w: measure(doubt(sampled(w, low, high))), measure(goal), 20.0)
    x = pictures[name] = sampled(w, low, high)
    rows.append([name, w, np.mean(doubt(x)), np.median(doubt(x)), of_label(x, lesson.rng("judge"))])

# %%
header = ["guided at", "w", "mean doubt", "median doubt", "distance / floor"]
lesson.table(rows, header)
far = [row[4] for row in rows[1:4]]
lesson.outcome(
    f"The distance is {far[2]:.2f} floors with guidance from 1.5 to 0.3, {far[0]:.2f} with guidance"
    f" at all levels, and {far[1]:.2f} with guidance above 1.5.",
    answer=("all levels", "only above 1.5", "only from 1.5 to 0.3")[int(np.argmin(far))],
)

# %%
part = rows[3][4] / rows[1][4]
lesson.check("equal mean doubt: interval over all levels", part, at_most=2 if lesson.quick else 0.9)
fig, axes = plot.figure(1, 3, size=(3.0, 3.0))
for ax, k in zip(axes, (0, 1, 3)):
    title = f"{rows[k][0].removesuffix(', equal mean')}, w = {rows[k][1]:.1f}"
    plot.samples(pictures[rows[k][0]], labelled, ax, title=title, bounds=2.5)
    ax.scatter(*centers[3:].T, marker="x", color="black", s=40)
lesson.figure(
    fig,
    "guidance",
    "The labelled density (blue), the centers of the two Gaussians without the label (black"
    " crosses), and samples (orange) without guidance, with guidance at all levels, and with"
    " guidance in an interval. Compare how far the samples move away from the crosses.",
)

# %% [markdown]
# Both denoisers are exact, so every distance far above 1 comes from guidance. At equal mean doubt
# the samples of the interval are nearer to the labelled density than those of all levels, and
# guidance at the high levels only is the worst. At equal median doubt, however, all three ways have
# nearly the same distance, 4.9 to 5.1 floors. So guidance in the interval moves the few doubtful
# points at a smaller price, and a typical point at the same price. That the interval is nearer
# holds here at equal mean doubt only.
#
# ## 6. A worse model as the guide
#
# Section 1 contains a case in which guidance is exactly right. Suppose that the data has variance
# 1, and that a model of it is too wide, with $v_1 = 2$. A worse model of the same kind is wider
# still, with $v_0 = 4$. Then the guided path with $w = 1$ has variance $2 \cdot 2/4 = 1$, that of
# the data. *Autoguidance* (Eq. after.26, Karras et al. 2024) is this idea. The guide is a worse
# version of the model itself, with the same data, a smaller network and a shorter training. If both
# err in the same direction, and the guide errs more, the difference $D_1 - D_0$ points away from
# the errors.
#
# Does it work, and for this reason? The errors of real networks need not be alike. As a control we
# guide by the start of the training, where the network $F$ of EDM (`after/03`) is 0. This is the
# best linear denoiser, which has learned nothing. It gets the weight with which the modes become as
# narrow as with the worse version.
#
# The data is the ring, and $D$ is design D of `after/03`, trained three times. Is the worse version
# a worse version? Its *excess* is the squared distance to the exact denoiser, in units of
# $\sigma^2$ and averaged over ten levels. It should lie between that of $D$ and that of $F = 0$.
# For the samples we measure the distance to the ring over its floor, the fraction of *outliers*,
# whose density is lower than at 99 % of the data, and the width of the modes, which is 1 for the
# data.

# %%
lesson.predict(
    "A worse version of D as guide removes outliers of D. How much of this does the guide F = 0"
    " reach, with the weight that makes the modes equally narrow?",
    ["less than a quarter", "about half", "more than three quarters"],
)

# %%
ring = toy.get("ring").standardized()
SEEDS, sigmas = (0, 1, 2), karras_levels(18, LOW, HIGH)


# %%
def loss(model, x0, z, sigma):
    return edm_loss(model, x0, z, sigma, sigma_data=1.0)


def train(name, width, steps):
    """A denoiser of the ring by EDM, trained with batches of 256."""
    model = EDM(EpsMLP(lesson.rng(f"weights {name}"), width=width, layers=3), 1.0)

    def batch(rng):
        x0 = ring.sample(rng, 256)
        sigma = np.clip(lognormal_levels(rng, 256), LOW, HIGH).astype(np.float32)
        z = rng.standard_normal(x0.shape, dtype=np.float32)
        return x0, z, sigma

    options = {"lr": cosine(2e-3, steps), "ema": 0.995, "clip": 1.0}
    rng = lesson.rng(f"batches {name}")
    descent = descend(loss, model, batch, rng=rng, **options)
    lesson.fit(descent, steps, state=descent.state, label=name)
    return descent.averaged


# %%
denoisers = {k: train(f"D{k}", 64, lesson.steps(2000)) for k in SEEDS}
worse = {k: train(f"worse D{k}", 32, lesson.steps(1500)) for k in SEEDS}


# %%
def untrained(y, sigma, condition=None):
    """F = 0: the best linear denoiser of data with this variance."""
    return per_example(preconditioning(sigma, 1.0)[0], y)


def excess(denoiser, n):
    """The mean excess at ten levels from 0.02 to 10."""
    rng, found = lesson.rng("excess"), []
    for sigma in np.geomspace(0.02, 10, 10):
        y = ring.sample(rng, n) + sigma * rng.standard_normal((n, 2))
        best = ring.posterior(y, 1.0, sigma)[0]
        guess = denoiser(y.astype(np.float32), np.full(n, sigma, np.float32))
        found.append(np.mean((guess - best) ** 2) / sigma**2)
    return np.mean(found)


# %%
judge = OverFloor(distance, ring.sample, set_size, lesson.rng("floor"), repeats)
rare = np.quantile(ring.log_prob(ring.sample(lesson.rng("rare"), 20_000).astype(float)), 0.01)


def described(x):
    """The distance over the floor, the fraction of outliers, and the width of the modes."""
    exactly = x.astype(float)
    outliers = np.mean(ring.log_prob(exactly) < rare)
    centers = ring.means[ring.responsibilities(exactly).argmax(axis=1)]
    width = np.sqrt(np.mean((exactly - centers) ** 2)) / np.mean(ring.std)
    return judge(x, lesson.rng("judge")), outliers, width


# %%
def many_of(k):
    """The start of twelve sets of samples, so that a few outliers more or less do not matter."""
    return HIGH * lesson.rng(f"many {k}").standard_normal((12 * set_size, 2), dtype=np.float32)


def guided_by(guide, w, k):
    """What samples of design D are like with this guide."""
    return described(edm_sample(guided(denoisers[k], guide, w), many_of(k), sigmas))


# %%
points, found, learned = lesson.size(1500), {}, {}
for k in SEEDS:
    learned[k] = excess(denoisers[k], points), excess(worse[k], points)
    found[k] = [[0.0, *guided_by(untrained, 0.0, k)], [0.25, *guided_by(worse[k], 0.25, k)]]
    w = equal(lambda w: guided_by(untrained, w, k)[2], found[k][1][3], 0.5, halvings=8)
    found[k].append([w, *guided_by(untrained, w, k)])

# %%
off = np.array([[row[2] for row in found[k]] for k in SEEDS])  # outliers by training and guide
reached = (off[:, 0] - off[:, 2]) / np.maximum(off[:, 0] - off[:, 1], 1e-3)
own, part = np.array(list(learned.values())).T / excess(untrained, points)
lesson.outcome(
    f"The guide F = 0 removes {100 * reached.mean():.0f} % of the outliers that the worse version"
    f" removes, although the worse version has learned much (its excess is {part.mean():.2f} times"
    " that of F = 0).",
    answer="more than three quarters"
    if reached.mean() > 0.75
    else "about half"
    if reached.mean() > 0.25
    else "less than a quarter",
)

# %%
means_of = np.mean([found[k] for k in SEEDS], axis=0)
rows = [[name, *row] for name, row in zip(("none", "worse version", "F = 0"), means_of)]
header = ["guide", "w", "distance / floor", "outliers", "width of the modes"]
lesson.table(rows, header, title="mean of three trainings")

# %%
lesson.claim(
    "removed outliers, F = 0 over a worse version, equal width",
    reached,
    between=(0.6, 1.1),
    source="seeds 0, 1 and 7307: 0.78 to 0.90; no effect: 0",
)

# %%
lesson.claim(
    "excess of the worse version over that of F = 0",
    part,
    between=(0.1, 0.7),
    source="seeds 0, 1 and 7307: 0.28 to 0.42; untrained: 1",
)
lesson.claim(
    "excess of D over that of F = 0",
    own,
    at_most=0.15,
    source="seeds 0, 1 and 7307: 0.046 to 0.072; untrained: 1",
)

# %% [markdown]
# With modes that are equally narrow, the guide that has learned nothing removes most of the
# outliers that the worse version removes. So most of the effect on outliers does not need a guide
# whose errors resemble those of $D$. (Narrower modes have fewer outliers by themselves, so part of
# the agreement comes from the equal width.) A guide that contains only the mean and the variance of
# the data is enough for it. The rest is what the idea of autoguidance can claim here. By the
# distance over the floor, both guides move the samples away from the data, from 1.07 to 1.13 and
# 1.09. Karras et al. report a gain for images, and this ring cannot decide that.
#
# ## What this lesson leaves out
#
# We leave out correctors that take many Langevin steps at each level, guidance that changes with
# the noise level other than by an interval, and weights with the scores of trained networks, which
# carry the networks' errors as well.
#
# **To remember:** Guidance does not sample the tilted density, and the deterministic and the
# stochastic sampler differ. Weights, computed from the scores on the way, reach it, and lose points
# as $w$ grows. Compare two ways to guide at equal effect, and beside a guide that has learned
# nothing.
#
# **Your turn:** `minigen exercise start after/05`, then `minigen run after/05 --with
# exercises/after_05.py`.

# %%
lesson.finish()
