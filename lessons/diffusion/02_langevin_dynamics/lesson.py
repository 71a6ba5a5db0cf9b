# %% [markdown]
# # Langevin dynamics: sampling with nothing but a slope
#
# The section *Connection with stochastic gradient Langevin dynamics* (diffusion.s03) of [What are
# Diffusion Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/), run. To take
# away:
#
# 1. The slope of $\log p$ and some noise are enough to draw samples of $p$.
# 2. How much noise goes with how long a step is not a matter of taste.
# 3. Two things can go wrong. The second of them is why diffusion models use many levels of noise.
#
# Needed: the normal distribution, and what a gradient is.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/02_langevin_dynamics",
    title="Langevin dynamics: sampling with nothing but a slope",
    post="diffusion",
    sections=["diffusion.s03"],
    figures=[],
    equations=["diffusion.03"],
    minutes=0.5,
    sources=["weng2021diffusion", "welling2011langevin", "song2019ncsn"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import toy
from minigen.data.mixture import GaussianMixture
from minigen.diffusion.langevin import langevin_step
from minigen.metrics import sampling_floor, sliced_wasserstein

# %% [markdown]
# ## 1. Uphill, with a shake
#
# The *score* of a density $p$ is the slope of its logarithm, $\nabla_x \log p(x)$: at each point it
# shows the way to where $p$ is higher. Of the normal distribution $\mathcal N(0, 1)$, whose $\log
# p$ is $-x^2/2$ and a constant, it is $-x$. Suppose that we are given the score as a function, and
# nothing else: no $p$, no samples. Here it is, in the plane, for a ring of eight bells.

# %%
ring = toy.ring(8, 2.0, 0.25)
fig, ax = plot.figure(size=(4.2, 4.0))
plot.field(ring.score, 3, ax, n=21, lengths="sqrt", density=ring, title="the score of the ring")
lesson.figure(
    fig,
    "score",
    "Blue: p, which we pretend not to know. The arrows point uphill; they are drawn with the root"
    " of their lengths, for those far out are long.",
)

# %% [markdown]
# A walk that goes uphill by $\frac\delta2$ times the score, and then is shaken by noise $\epsilon$
# of variance $\delta$ (Eq. diffusion.03):
#
# $$\mathbf x_t = \mathbf x_{t-1} + \frac\delta2 \nabla_{\mathbf x} \log p(\mathbf x_{t-1}) +
# \sqrt\delta\,\epsilon_t, \qquad \epsilon_t \sim \mathcal N(\mathbf 0, \mathbf I).$$
#
# This is *Langevin dynamics*. By hand, for $\mathcal N(0, 1)$: from $x = 5$ with $\delta = 0.36$
# and $\epsilon = 3$ to $5 - 0.18 \cdot 5 + 0.6 \cdot 3 = 5.9$.

# %%
lesson.exercise("diffusion/02/langevin_step")

# %%
lesson.show_source(langevin_step)
five = np.array([[5.0]])
lesson.check("from 5 to 5.9", langevin_step(five, -five, 0.36, 3 + 0 * five)[0, 0], equals=5.9)

# %% [markdown]
# Now 2,000 points, which begin as a cloud in the middle of the ring, 500 steps. Three times: with
# both parts of the step; with the score only, without the shaking; and with the shaking only.

# %%
lesson.predict(
    "Without the shaking, how far from the next mode will the points be on average? (A sample's"
    " distance is 0.31.)",
    ["0.31, as it should be", "nearly 0", "more than 1"],
)


# %%
def run_chain(score, x, delta, steps, rng, climb=1.0, shake=1.0):
    """So many steps of Langevin dynamics; climb and shake multiply their two parts."""
    for _ in range(steps):
        z = rng.standard_normal(x.shape)
        x = langevin_step(x, climb * score(x), delta, shake * z)
    return x


def nearest(x):
    """The distance from each point to the next mode of the ring."""
    return np.linalg.norm(x[:, None] - ring.modes, axis=2).min(axis=1)


# %%
start = lesson.rng("start").standard_normal((lesson.size(2000), 2))
length = lesson.size(500)
ways = {"both": (1.0, 1.0), "score only": (1.0, 0.0), "shaking only": (0.0, 1.0)}
ended = {}
for name, (climb, shake) in ways.items():
    ended[name] = run_chain(ring.score, start, 0.01, length, lesson.rng(name), climb, shake)
away = {name: nearest(x).mean() for name, x in ended.items()}
away["the truth"] = nearest(ring.sample(lesson.rng("truth"), 20_000)).mean()

# %%
lesson.table(away.items(), ["points", "mean distance from the next mode"])
alone = away["score only"]
answer = "more than 1" if alone > 1 else "0.31, as it should be"
lesson.outcome(
    f"{alone:.3f}: the score alone is gradient ascent, and ends at the tops. It finds modes, not"
    " the samples around them. The shaking alone wanders off without end.",
    answer="nearly 0" if alone < 0.1 else answer,
)

# %%
fig, axes = plot.figure(1, 3)
for ax, (name, x) in zip(axes, ended.items()):
    plot.samples(x, ring, ax, bounds=4, title=name)
lesson.figure(
    fig,
    "three_walks",
    "Left: samples of the ring, from a slope and noise. Middle: eight dots. Right: no trace of the"
    " ring.",
)

# %%
ratio = away["both"] / away["the truth"]
lesson.claim("both: mean distance from the next mode / the truth's", ratio, equals=1.0, atol=0.08)
lesson.claim("score only: mean distance", alone, at_most=0.05)
lesson.claim("shaking only: mean distance", away["shaking only"], at_least=0.6)

# %% [markdown]
# Why half a step of score to a whole of variance? Climbing pulls together, shaking spreads, and
# where the two balance must be $p$. Section 3 shows what other proportions give.
#
# ## 2. A step is not infinitely short
#
# The balance is exact only as $\delta$ goes to 0. How wrong is a walk with real steps? For
# $\mathcal N(0, 1)$ one can say exactly. A step multiplies $x$ by $r = 1 - \delta/2$, and adds
# noise of variance $\delta$. So a variance $v$ becomes $r^2 v + \delta$, and it stays as it is if
# $v = \delta/(1 - r^2)$.

# %%
lesson.predict(
    "With δ = 1, which variance do the points of the walk end up with? (The truth is 1.)",
    ["0.75", "1", "1.33", "2"],
)


# %%
def stationary(delta):
    """The variance that a step of this size leaves as it is, of N(0, 1)."""
    return delta / (1 - (1 - delta / 2) ** 2)


sizes = [0.05, 0.2, 0.5, 1.0, 2.0, 3.0]
chains = lesson.size(100_000, quick=2000)
measured = {}
for delta in sizes:
    rng = lesson.rng(f"step {delta}")
    x = rng.standard_normal((chains, 1))
    measured[delta] = run_chain(lambda x: -x, x, delta, lesson.size(200, quick=150), rng).var()

# %%
rows = []
for delta, variance in measured.items():
    exact = stationary(delta)
    error = exact * np.sqrt(2 / chains)
    rows.append([delta, variance, error, exact, (variance - exact) / error])
header = ["δ", "variance", "standard error", "predicted", "off by, in errors"]
lesson.table(rows, header, f"{chains:,} walks of N(0, 1)")

# %%
lesson.outcome(
    f"{measured[1.0]:.3f}. In short, δ/(1 - r²) = 1/(1 - δ/4): about a quarter of δ too much.",
    answer="1.33",
)
off = [abs(row[4]) for row in rows]
lesson.claim("variance at six step sizes, off the prediction, in standard errors", off, at_most=5)
beyond = (measured[1.0] - 1) / np.sqrt(2 / chains)
lesson.claim("δ = 1: variance above 1, in standard errors", beyond, at_least=20)

# %%
grid = np.linspace(0.02, 3.2, 200)
ax = plot.line(grid, {"predicted": stationary(grid)}, xlabel="step δ", ylabel="variance")
ax.plot(sizes, list(measured.values()), "o", color=plot.color.fake, label="measured")
ax.axhline(1.0, color=plot.color.ink, ls="--", lw=1.1, label="the truth")
ax.legend()
lesson.figure(ax, "bias", "The dots lie on the curve, and the curve leaves the truth at once.")

# %% [markdown]
# At $\delta = 4$ the formula has no answer: $r = -1$, and each step throws the point across to the
# other side, as far as it was. Beyond, it is thrown farther:

# %%
x = run_chain(lambda x: -x, np.ones((1000, 1)), 4.5, 40, lesson.rng("too long"))
print(f"  δ = 4.5: standard deviation after 40 steps {x.std():.0f}")
lesson.check("δ = 4.5 runs away", x.std(), at_least=100)

# %%
lesson.change(
    "a wider density",
    "Run this chain, of steps δ = 4.5, on $\\mathcal N(0, 9)$: in the line that calls `run_chain` "
    "with 4.5, change the score `-x` to `-x / 9`, and run again. Does the chain still run away?",
    answer="No: its standard deviation is about 3.2 after 40 steps, and that of the density is 3. "
    "A step now multiplies $x$ by $r = 1 - \\delta/18 = 0.75$, so a step is long only in "
    "comparison with the variance of the density.",
)

# %% [markdown]
# So short steps are better, and slower. How many are needed until a walk has forgotten where it
# began? What is left of the start after $k$ steps is $r^k$; let it be 1 %.

# %%
rows = []
for delta in (0.5, 0.05, 0.005):
    r = 1 - delta / 2
    rows.append([delta, stationary(delta) - 1, np.log(0.01) / np.log(r)])
lesson.table(rows, ["δ", "variance too large by", "steps until 1 % of the start is left"])
lesson.check("a tenth of the step: ten times the steps", rows[1][2] / rows[0][2], between=(9, 12))

# %% [markdown]
# A tenth of the error costs ten times the steps. (One can also correct a walk with long steps, by
# refusing some of them: *Metropolis adjusted* Langevin dynamics. It needs ratios of $p$ itself, and
# we have only the score.)
#
# ## 3. Wrong proportions
#
# Two slips that are easily made: without the $\frac12$, $x + \delta \cdot \text{score} +
# \sqrt\delta\,\epsilon$; and without the root, $x + \frac\delta2 \text{score} + \delta\,\epsilon$.
# Short steps, $\delta = 0.1$, of $\mathcal N(0, 1)$.

# %%
lesson.predict(
    "Which variances will they end up with?",
    [
        "about 1/2 without the ½, about 1/10 without the root",
        "about 2 without the ½, about 10 without the root",
        "about 1 both: only the speed changes",
    ],
)

# %%
slips = {"without the ½": (2.0, 1.0), "without the root": (1.0, np.sqrt(0.1))}
rows = []
for name, (climb, shake) in slips.items():
    rng = lesson.rng(name)
    x = rng.standard_normal((chains, 1))
    x = run_chain(lambda x: -x, x, 0.1, lesson.size(200, quick=150), rng, climb, shake)
    exact = 0.1 * shake**2 / (1 - (1 - 0.05 * climb) ** 2)
    rows.append([name, x.var(), exact])
lesson.table(rows, ["slip", "variance", "predicted"])

# %%
lesson.outcome(
    f"{rows[0][1]:.2f} and {rows[1][1]:.2f}. Each slip samples a density, but not p: its log is 2"
    " log p, or 10 log p. Too little noise for the slope is a lower *temperature*.",
    answer="about 1/2 without the ½, about 1/10 without the root",
)
errors = [abs(v - exact) / (exact * np.sqrt(2 / chains)) for _, v, exact in rows]
lesson.claim("two slips: off their predictions, in standard errors", errors, at_most=5)

# %% [markdown]
# ## 4. Modes far apart
#
# Now two bells of standard deviation 0.25 at $-1.5$ and $1.5$: twelve standard deviations. The
# right one has 0.8 of the mass. The walk begins between them.

# %%
lesson.predict(
    "After 2,000 steps, which share of the points will be at the right bell?",
    ["0.8", "about a half", "nearly all"],
)

# %%
mixture = GaussianMixture([[-1.5, 0.0], [1.5, 0.0]], std=0.25, weights=[0.2, 0.8])
rng = lesson.rng("bells")
x = 0.5 * rng.standard_normal((lesson.size(2000), 2))
share = {0: np.mean(x[:, 0] > 0)}
for marks in (10, 100, 500, 2000):
    taken = max(share)
    x = run_chain(mixture.score, x, 0.01, lesson.size(marks - taken), rng)
    share[marks] = np.mean(x[:, 0] > 0)

# %%
final = share[2000]
answer = "about a half" if 0.35 < final < 0.65 else "nearly all"
lesson.outcome(
    ", ".join(f"{s:.3f} after {k}" for k, s in share.items())
    + ". Each point climbed the nearer hill and stayed there.",
    answer="0.8" if 0.75 < final < 0.85 else answer,
)

# %%
fig, (left, right) = plot.figure(1, 2, size=(3.8, 3.2))
plot.samples(
    mixture.sample(rng, 2000), mixture, left, bounds=(-2.6, 2.6, -2, 2), title="0.2 and 0.8"
)
title = f"the walk: {1 - final:.2f} and {final:.2f}"
plot.samples(x, mixture, right, bounds=(-2.6, 2.6, -2, 2), title=title)
lesson.figure(
    fig,
    "two_bells",
    "Left: samples. Right: where the walk ended. Each bell by itself is well sampled; how much"
    " belongs to each is wrong, and nothing in the picture on the right tells you.",
)

# %%
width = x[x[:, 0] > 0].std(axis=0) / mixture.std
lesson.claim("Langevin: share at the right bell (0.8) off by", abs(final - 0.8), at_least=0.2)
lesson.claim("its points at the right bell: widths / true", width, between=(0.85, 1.15))

# %% [markdown]
# The reason is in the score. Near one bell it is the slope of that bell alone, $-(x - m)/0.25^2$,
# whatever its weight; the weights matter only where both bells are felt:

# %%
places = np.array([[1.5, 0.3], [1.0, 0.0], [0.05, 0.0]])
equal = GaussianMixture([[-1.5, 0.0], [1.5, 0.0]], std=0.25)
of_weights = np.linalg.norm(mixture.score(places) - equal.score(places), axis=1)
rows = list(zip(["at the bell", "half a unit beside it", "in the middle"], of_weights))
lesson.table(rows, ["place", "what the weights change in the score"])
lesson.check("at the bell the score does not know the weights", of_weights[0], at_most=1e-6)

# %% [markdown]
# In time the walk would cross: it is right in the limit. How long is that? Two bells of standard
# deviation 1 and equal weight, at a growing distance $d$. All points begin at one bell; we count
# the steps ($\delta = 0.2$) until a fifth of them is on the other side.

# %%
lesson.predict(
    "From a distance of 4 to one of 7, the time until a fifth has crossed grows by about a factor",
    ["2", "6", "40"],
)


# %%
def pair_score(d):
    """The score of two equal bells at ±d/2, standard deviation 1."""

    def score(x):
        return d / 2 * np.tanh(d / 2 * x) - x

    return score


def crossing_time(d, rng, walkers=2000, longest=10_000):
    """The number of steps until a fifth of the walkers, who begin at d/2, is below 0."""
    x = d / 2 + rng.standard_normal((walkers, 1))
    for k in range(longest):
        if np.mean(x < 0) >= 0.2:
            return k
        x = run_chain(pair_score(d), x, 0.2, 1, rng)
    return longest


# %%
distances = [4, 5, 6, 7]
longest = lesson.size(10_000, quick=60)
walkers = lesson.size(2000)
times = {}
for d in distances:
    times[d] = crossing_time(d, lesson.rng(f"distance {d}"), walkers, longest)
lesson.table(times.items(), ["distance, in standard deviations", "steps until a fifth has crossed"])

# %%
factor = times[7] / times[4]
choices = {"2": 2, "6": 6, "40": 40}
lesson.outcome(
    f"{factor:.0f}. The valley between the bells is lower than the tops by a factor of about"
    " exp(d²/8)/2, and one must wait for a walker to stumble up there.",
    answer=min(choices, key=lambda c: abs(np.log(choices[c] / max(factor, 1e-9)))),
)

# %%
heights = np.array(distances) ** 2 / 8
growth = np.polyfit(heights, np.log(list(times.values())), 1)[0]
lesson.claim("log of the crossing time: slope along d²/8", growth, between=(0.7, 1.15))
fig, ax = plot.figure(size=(5.0, 3.4))
fitted = times[4] * np.exp(heights - heights[0])
curves = {"measured": list(times.values()), "growth like exp(d²/8)": fitted}
plot.line(distances, curves, ax, log="y", markers=True, xlabel="distance d", ylabel="steps")
lesson.figure(fig, "crossing", "At d = 12, as in the picture above, one would wait for ever.")

# %% [markdown]
# And between two digits there is no data from which to learn a score at all. Song and Ermon's way
# out (2019): add so much noise that the bells melt into one, sample there, and then take the noise
# away little by little. A forward process (`diffusion/01`) provides all these densities.
#
# ## 5. A curve, judged
#
# Where nothing is far apart it works. Two moons, by their exact score, and the sliced Wasserstein
# distance to fresh samples, over the *floor*, which is what two sets of samples have between them.

# %%
moons = toy.two_moons(0.15).standardized()
rng = lesson.rng("moons")
n = lesson.size(2000)
steps = lesson.size(1500, quick=20)
x = run_chain(moons.score, rng.standard_normal((n, 2)), 0.02, steps, rng)


def distance(a, b):
    return sliced_wasserstein(a, b, 100, rng)


# %%
floor = sampling_floor(distance, moons.sample, n, rng, repeats=lesson.size(10, quick=2)).mean
over = distance(x, moons.sample(rng, n)) / floor
begin = distance(start[:n], moons.sample(rng, n)) / floor
print(f"  distance over floor: {begin:.1f} at the start, {over:.2f} at the end")
lesson.claim("two moons: distance over floor", over, at_most=1.8)
ax = plot.samples(x, moons, title="two moons by Langevin dynamics")
lesson.figure(ax, "moons", "The points follow both moons, ends included.")

# %% [markdown]
# ## 6. Where the post is loose
#
# - The limit is that the step $\delta$ goes to 0 (the post prints $\epsilon$) while the number of
#   steps goes to infinity. And then $x_T$ is *distributed* as $p$; it does not equal $p(x)$.
# - "Stochastic gradient" is the case where the score of a posterior is estimated from a few of many
#   examples (Welling and Teh 2011). A score model is trained, and its walk is plain Langevin
#   dynamics.
#
# **Left out:** where the score comes from, if $p$ is known by examples only. That is
# `diffusion/05`, with the cure for section 4. **Next:** the way back of the forward process, where
# the step's noise is given and the score decides the mean (`diffusion/03`).
#
# **Your turn:** `minigen exercise start diffusion/02`, then `minigen run diffusion/02 --with
# exercises/diffusion_02.py`.

# %%
lesson.finish()
