# %% [markdown]
# # Langevin dynamics: sampling with the score
#
# The section *Connection with stochastic gradient Langevin dynamics* (diffusion.s03) of [What are
# Diffusion Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/). In this
# lesson:
#
# 1. The score $\nabla_x \log p(x)$ and Gaussian noise are enough to draw samples of $p$. The
#    normalizing constant of $p$ is not needed.
# 2. A step has a size. The size sets the variance of the noise, and the error of the result.
# 3. Two things can go wrong: steps that are too long, and modes that are too far apart. The second
#    is one reason for the many noise levels of diffusion models.
#
# Needed: the normal distribution, and what a gradient is.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/02_langevin_dynamics",
    title="Langevin dynamics: sampling with the score",
    post="diffusion",
    sections=["diffusion.s03"],
    figures=[],
    equations=["diffusion.03"],
    minutes=0.1,
    picture="score",
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
# ## 1. The score, and noise
#
# The *score* of a density $p$ is the gradient of its logarithm, $\nabla_x \log p(x)$. At each point
# it shows the direction in which $p$ increases fastest. For $\mathcal N(0, 1)$, $\log p$ is
# $-x^2/2$ plus a constant, so the score is $-x$: the constant drops out. Suppose that we are given
# the score as a function, and nothing else: no $p$, no samples. Here it is for a ring of eight
# Gaussians in the plane.

# %%
ring = toy.ring(8, 2.0, 0.25)
fig, ax = plot.figure(size=(4.2, 4.0))
plot.field(ring.score, 3, ax, n=21, lengths="sqrt", density=ring, title="the score of the ring")
lesson.figure(
    fig,
    "score",
    "Blue: p, which the sampler does not receive. Arrows: the score; their lengths are drawn as"
    " square roots, because the score is large far from the ring.",
)

# %% [markdown]
# *Langevin dynamics* comes from physics, where it models the motion of molecules: a force, and
# random collisions. Each update adds $\frac\delta2$ times the score, and noise $\epsilon_t$ of
# variance $\delta$, the *step size* (Eq. diffusion.03):
#
# $$\mathbf x_t = \mathbf x_{t-1} + \frac\delta2 \nabla_{\mathbf x} \log p(\mathbf x_{t-1}) +
# \sqrt\delta\,\epsilon_t, \qquad \epsilon_t \sim \mathcal N(\mathbf 0, \mathbf I).$$
#
# The updates form a Markov chain. By hand, for $\mathcal N(0, 1)$: from $x = 5$ with $\delta =
# 0.36$ and $\epsilon = 3$ to $5 - 0.18 \cdot 5 + 0.6 \cdot 3 = 5.9$.

# %%
lesson.exercise("diffusion/02/langevin_step")

# %%
lesson.show_source(langevin_step)
five = np.array([[5.0]])
lesson.check("from 5 to 5.9", langevin_step(five, -five, 0.36, 3 + 0 * five)[0, 0], equals=5.9)

# %% [markdown]
# Now 2,000 chains of 500 steps, which start as a Gaussian in the middle of the ring. We run them
# three times: with both parts of the update, with the score only, and with the noise only.

# %%
lesson.predict(
    "With the score only, how far from the nearest mode do the points end, on average? (For"
    " samples of the ring it is 0.31.)",
    ["0.31, as it should be", "nearly 0", "more than 1"],
)


# %%
def run_chain(score, x, delta, steps, rng, drift=1.0, noise=1.0):
    """Langevin dynamics of so many steps; drift and noise multiply the two parts of an update."""
    for _ in range(steps):
        z = rng.standard_normal(x.shape)
        x = langevin_step(x, drift * score(x), delta, noise * z)
    return x


def to_mode(x):
    """The distance from each point to the nearest mode of the ring."""
    return np.linalg.norm(x[:, None] - ring.modes, axis=2).min(axis=1)


# %%
start = lesson.rng("start").standard_normal((lesson.size(2000), 2))
length = lesson.size(500)
ways = {"score and noise": (1.0, 1.0), "score only": (1.0, 0.0), "noise only": (0.0, 1.0)}
ended = {}
for name, (drift, noise) in ways.items():
    ended[name] = run_chain(ring.score, start, 0.01, length, lesson.rng(name), drift, noise)
away = {name: to_mode(x).mean() for name, x in ended.items()}
away["samples of the ring"] = to_mode(ring.sample(lesson.rng("truth"), 20_000)).mean()

# %%
lesson.table(away.items(), ["points", "mean distance from the nearest mode"])
alone = away["score only"]
answer = "more than 1" if alone > 1 else "0.31, as it should be"
lesson.outcome(
    f"{alone:.3f}. The score alone is gradient ascent on log p, and ends at the maxima: it finds"
    " the modes, not samples around them. The noise alone is a random walk that never stops"
    " spreading.",
    answer="nearly 0" if alone < 0.1 else answer,
)

# %%
fig, axes = plot.figure(1, 3)
for ax, (name, x) in zip(axes, ended.items()):
    plot.samples(x, ring, ax, bounds=4, title=name)
lesson.figure(
    fig,
    "three_chains",
    "Left: samples of the ring. Middle: the eight maxima of p. Right: a Gaussian that still grows.",
)

# %%
ratio = away["score and noise"] / away["samples of the ring"]
sampled = "theory: 1 up to the bias of a step (section 2) and sampling error"
lesson.claim(
    "score and noise: distance from a mode / that of samples",
    ratio,
    between=(0.92, 1.08),
    source=sampled,
)
lesson.claim("score only: mean distance", alone, at_most=0.05, source="theory: ascent ends at 0")
lesson.claim(
    "noise only: mean distance",
    away["noise only"],
    at_least=1.3,
    source="seeds 0, 1, 2031: 1.58 to 1.61",
)

# %% [markdown]
# Why half of the step size for the score, and all of it for the variance of the noise? Because then
# $p$ does not change.
#
# <details><summary>Derivation: in the limit of short steps, Langevin dynamics keeps p</summary>
#
# On the line, let $s = (\log p)'$, and let $f$ be a smooth function that vanishes far out. One step
# moves $x$ by $h = \frac\delta2 s + \sqrt\delta\,\epsilon$. By Taylor's theorem $f(x + h) = f + f'
# h + \frac12 f'' h^2 + \ldots$, and $\mathbb E[h] = \frac\delta2 s$, $\mathbb E[h^2] = \delta +
# O(\delta^2)$. For $x \sim p$ the mean of $f$ therefore changes by
#
# $$\tfrac\delta2 \int p\,(f' s + f'')\,dx + O(\delta^2)
# = \tfrac\delta2 \int (f' p' + f'' p)\,dx + O(\delta^2)
# = \tfrac\delta2 \int (f' p)'\,dx + O(\delta^2) .$$
#
# Here $p\,s = p'$. The last integral is $f'p$ at both ends, which is 0. So the mean of every such
# $f$, and with it $p$ itself, changes only by $O(\delta^2)$ in a step, and $1/\delta$ steps change
# it by $O(\delta)$.
#
# </details>
#
# The middle integral, for two Gaussians at $\pm1$ and $f(x) = x^2$, on a grid; and the same with a
# drift of $\delta$ in place of $\frac\delta2$:

# %%
pair = GaussianMixture([[-1.0], [1.0]], std=0.5)
x, dx = np.linspace(-8, 8, 4001, retstep=True)
p, s = pair.prob(x[:, None]), pair.score(x[:, None])[:, 0]
change = np.sum(p * (2 * x * s + 2)) * dx  # f' s + f''
too_strong = np.sum(p * (2 * 2 * x * s + 2)) * dx
lesson.check("drift δ/2: change of the mean of x², per δ/2", change, equals=0.0, atol=1e-9)
lesson.check("drift δ: the same", too_strong, equals=-2.0, atol=1e-9)

# %% [markdown]
# ## 2. The error of a finite step
#
# The limit is exact, a finite step is not. How wrong is it? For $\mathcal N(0, 1)$ we can compute
# the error. A step multiplies $x$ by $r = 1 - \delta/2$ and adds noise of variance $\delta$. A
# variance $v$ becomes $r^2 v + \delta$, and it stays the same if $v = \delta/(1 - r^2)$.

# %%
lesson.predict(
    "With δ = 1, which variance do the chains reach? (That of p is 1.)",
    ["0.75", "1", "1.33", "2"],
)


# %%
def stationary(delta):
    """The variance that steps of this size keep, for N(0, 1)."""
    return delta / (1 - (1 - delta / 2) ** 2)


def normal_score(x):
    return -x


sizes = [0.05, 0.2, 0.5, 1.0, 2.0, 3.0]
chains = lesson.size(100_000, quick=2000)
measured = {}
for delta in sizes:
    rng = lesson.rng(f"step {delta}")
    x = rng.standard_normal((chains, 1))
    measured[delta] = run_chain(normal_score, x, delta, lesson.size(200, quick=150), rng).var()

# %%
rows = []
for delta, variance in measured.items():
    exact = stationary(delta)
    error = exact * np.sqrt(2 / chains)
    rows.append([delta, variance, error, exact, (variance - exact) / error])
header = ["δ", "variance", "standard error", "predicted", "off by, in errors"]
lesson.table(rows, header, f"{chains:,} chains for N(0, 1)")

# %%
choices = {"0.75": 0.75, "1": 1.0, "1.33": 4 / 3, "2": 2.0}
lesson.outcome(
    f"{measured[1.0]:.3f}. δ/(1 - r²) simplifies to 1/(1 - δ/4), about δ/4 too much.",
    answer=min(choices, key=lambda name: abs(choices[name] - measured[1.0])),
)
off = [abs(row[4]) for row in rows]
lesson.claim(
    "variance at six step sizes, off the prediction, in standard errors",
    off,
    at_most=5,
    source="theory: δ/(1 - r²); five standard errors",
)

# %%
grid = np.linspace(0.02, 3.2, 200)
ax = plot.line(grid, {"predicted": stationary(grid)}, xlabel="step size δ", ylabel="variance")
ax.plot(sizes, list(measured.values()), "o", color=plot.color.fake, label="measured")
ax.axhline(1.0, color=plot.color.ink, ls="--", lw=1.1, label="variance of p")
ax.legend()
lesson.figure(
    ax, "bias", "The error grows with the step size from the start: every finite step has one."
)

# %% [markdown]
# At $\delta = 4$ the formula has no solution: $r = -1$, and a step sends $x$ to $-x$. With longer
# steps the chain diverges:

# %%
x = run_chain(lambda x: -x, np.ones((1000, 1)), 4.5, 40, lesson.rng("too long"))
print(f"  δ = 4.5: standard deviation after 40 steps {x.std():.0f}")
lesson.check("δ = 4.5 diverges: standard deviation", x.std(), at_least=100)

# %%
lesson.change(
    "a wider density",
    "Run this chain, with δ = 4.5, on $\\mathcal N(0, 9)$: in the line that calls `run_chain` "
    "with 4.5, change the score `-x` to `-x / 9`, and run again. Does the chain still diverge?",
    answer="No: its standard deviation is about 3.2 after 40 steps, and that of the density is 3. "
    "A step now multiplies $x$ by $r = 1 - \\delta/18 = 0.75$. What counts is the step size "
    "relative to the variance of the density.",
)

# %% [markdown]
# Shorter steps have a smaller error, and more of them are needed. How many, until a chain has
# forgotten where it started? After $k$ steps $r^k$ of the start is left; let it be 1 %.

# %%
rows = []
for delta in (0.5, 0.05, 0.005):
    r = 1 - delta / 2
    rows.append([delta, stationary(delta) - 1, np.log(0.01) / np.log(r)])
lesson.table(rows, ["δ", "variance too large by", "steps until 1 % of the start is left"])
lesson.check("a tenth of the step size: steps", rows[1][2] / rows[0][2], between=(9, 12))

# %% [markdown]
# A tenth of the error costs about ten times the steps. (*Metropolis-adjusted* Langevin dynamics
# corrects long steps by rejecting some of them. It needs ratios of $p$; we have only the score.)
#
# ## 3. Wrong proportions
#
# Two common mistakes: the missing $\frac12$, $x + \delta \cdot \text{score} + \sqrt\delta\,
# \epsilon$; and the missing root, $x + \frac\delta2 \text{score} + \delta\,\epsilon$. Take
# $\delta = 0.1$ and $\mathcal N(0, 1)$.

# %%
lesson.predict(
    "Which variances do these chains reach?",
    [
        "about 1/2 without the ½, about 1/10 without the root",
        "about 2 without the ½, about 10 without the root",
        "about 1 both: only the speed changes",
    ],
)

# %%
slips = {"without the ½": (2.0, 1.0), "without the root": (1.0, np.sqrt(0.1))}
rows = []
for name, (drift, noise) in slips.items():
    rng = lesson.rng(name)
    x = rng.standard_normal((chains, 1))
    x = run_chain(normal_score, x, 0.1, lesson.size(200, quick=150), rng, drift, noise)
    exact = 0.1 * noise**2 / (1 - (1 - 0.05 * drift) ** 2)
    rows.append([name, x.var(), exact])
lesson.table(rows, ["mistake", "variance", "predicted"])

# %%
lesson.outcome(
    f"{rows[0][1]:.2f} and {rows[1][1]:.2f}. Each chain samples a density, but not p: the one"
    " proportional to p², or p¹⁰. Less noise for the same drift is a lower *temperature*.",
    answer="about 1/2 without the ½, about 1/10 without the root",
)
errors = [abs(v - exact) / (exact * np.sqrt(2 / chains)) for _, v, exact in rows]
lesson.claim(
    "two mistakes: off their predictions, in standard errors",
    errors,
    at_most=5,
    source="theory: the same recursion; five standard errors",
)

# %% [markdown]
# ## 4. Stochastic gradients
#
# Welling and Teh (2011) combined Langevin dynamics with stochastic gradient descent to sample the
# parameters of a model from their *posterior*, given $N$ examples. The score of the posterior is a
# sum over all examples; they estimate it from a few. This is *stochastic gradient Langevin
# dynamics* (SGLD).
#
# A case that we can compute: $N = 100$ numbers $y_i$ from $\mathcal N(\theta, 1)$, and a flat prior
# for $\theta$. The posterior is $\mathcal N(\bar y, 1/N)$, and its score is $\sum_i (y_i - \theta)
# = N(\bar y - \theta)$. With a batch of $n = 10$, the estimate is $\frac Nn$ times the sum over the
# batch. The step size is $\delta = 0.1/N$.

# %%
lesson.predict(
    "Compared with the full sum, the variance of θ in the chain is, with batches of 10,",
    ["equal", "smaller by about a quarter", "larger by about a quarter", "ten times as large"],
)

# %%
rng = lesson.rng("examples")
y = rng.standard_normal(100)
N, n, delta = len(y), 10, 0.1 / len(y)


def batch_score(theta):
    """N/n times the sum over a batch, drawn with replacement for each chain: (C, 1) -> (C, 1)."""
    batch = y[rng.integers(0, N, (len(theta), n))]
    return N / n * np.sum(batch - theta, axis=1, keepdims=True)


def full_score(theta):
    return N * (y.mean() - theta)


# %%
many = lesson.size(20_000, quick=1000)
first = y.mean() + 0.1 * rng.standard_normal((many, 1))
widths = {}
for name, score in {"full sum": full_score, "batches of 10": batch_score}.items():
    widths[name] = N * run_chain(score, first, delta, 150, rng).var()

# %% [markdown]
# The prediction: with $r = 1 - N\delta/2$, a step adds the variance $\delta$ of the noise and
# $\frac{\delta^2}{4} \frac{N^2}{n} s^2$ of the batch, where $s^2$ is the variance of the $y_i$.

# %%
added = {"full sum": delta, "batches of 10": delta + delta**2 / 4 * N**2 / n * y.var()}
rows = []
for name, variance in widths.items():
    exact = N * added[name] / (1 - (1 - N * delta / 2) ** 2)
    rows.append([name, variance, exact, (variance - exact) / (exact * np.sqrt(2 / many))])
lesson.table(rows, ["score", "N x variance", "predicted", "off by, in errors"])
lesson.check("SGLD: off the prediction, in standard errors", [abs(r[3]) for r in rows], at_most=5)

# %%
grown = rows[1][2] / rows[0][2]
choices = {"equal": 1, "larger by about a quarter": 1.25, "ten times as large": 10}
lesson.outcome(
    f"{rows[1][1] / rows[0][1]:.2f} times as large. The noise of the batches is noise that the"
    " update does not account for. Its variance falls with δ², the injected noise with δ: for"
    " short steps the injected noise dominates, and SGLD lets δ decrease.",
    answer=min(choices, key=lambda name: abs(np.log(choices[name] / grown))),
)

# %% [markdown]
# ## 5. Modes far apart
#
# Two Gaussians of standard deviation 0.25 at $-1.5$ and $1.5$, twelve standard deviations apart.
# The right one has 0.8 of the mass. The chains start between them.

# %%
lesson.predict(
    "After 2,000 steps, which share of the points is at the right mode?",
    ["0.8", "about a half", "nearly all"],
)

# %%
mixture = GaussianMixture([[-1.5, 0.0], [1.5, 0.0]], std=0.25, weights=[0.2, 0.8])
rng = lesson.rng("bells")
begin = 0.5 * rng.standard_normal((lesson.size(2000), 2))
x, share = begin, {0: np.mean(begin[:, 0] > 0)}
for mark in (10, 100, 500, 2000):
    taken = max(share)
    x = run_chain(mixture.score, x, 0.01, lesson.size(mark - taken), rng)
    share[mark] = np.mean(x[:, 0] > 0)

# %%
final = share[2000]
answer = "about a half" if 0.35 < final < 0.65 else "nearly all"
lesson.outcome(
    ", ".join(f"{s:.3f} after {k}" for k, s in share.items())
    + ". A point moves to the nearer mode and stays there.",
    answer="0.8" if 0.75 < final < 0.85 else answer,
)

# %%
fig, (left, right) = plot.figure(1, 2, size=(3.8, 3.2))
plot.samples(
    mixture.sample(rng, 2000), mixture, left, bounds=(-2.6, 2.6, -2, 2), title="0.2 and 0.8"
)
title = f"Langevin dynamics: {1 - final:.2f} and {final:.2f}"
plot.samples(x, mixture, right, bounds=(-2.6, 2.6, -2, 2), title=title)
lesson.figure(
    fig,
    "two_modes",
    "Left: samples. Right: the ends of the chains. Each mode by itself is sampled well; the share"
    " of each mode is wrong, and nothing in the right panel shows it.",
)

# %%
width = x[x[:, 0] > 0].std(axis=0) / mixture.std
seeds = "seeds 0, 1, 2031: 0.53 to 0.54, where p has 0.8"
lesson.claim(
    "at the right mode: standard deviations / true", width, between=(0.85, 1.15), source="theory"
)
lesson.claim("share at the right mode", final, between=(0.4, 0.6), source=seeds)

# %% [markdown]
# The reason is in the score. Near one Gaussian it is the score of that Gaussian alone, $-(x -
# m)/0.25^2$, whatever its weight. The weights matter only where both densities count:

# %%
places = np.array([[1.5, 0.3], [1.0, 0.0], [0.05, 0.0]])
equal = GaussianMixture([[-1.5, 0.0], [1.5, 0.0]], std=0.25)
of_weights = np.linalg.norm(mixture.score(places) - equal.score(places), axis=1)
rows = list(zip(["near the mode", "half a unit beside it", "in the middle"], of_weights))
lesson.table(rows, ["place", "change of the score by the weights"])
lesson.check("near a mode the score does not depend on the weights", of_weights[0], at_most=1e-6)

# %% [markdown]
# Given enough time, the chains cross, and the shares become right. How long does it take? Take two
# Gaussians of standard deviation 1 and equal weight, at a growing distance $d$. All chains start at
# one of them; we count the steps ($\delta = 0.2$) until a fifth of them is on the other side.

# %%
lesson.predict(
    "From a distance of 4 to one of 7, the time until a fifth has crossed grows by a factor of"
    " about",
    ["2", "6", "40"],
)


# %%
def pair_score(d):
    """The score of two equal Gaussians at ±d/2, standard deviation 1."""

    def score(x):
        return d / 2 * np.tanh(d / 2 * x) - x

    return score


def crossing_time(d, rng, chains=2000, longest=10_000):
    """The number of steps until a fifth of the chains, which start around d/2, is below 0."""
    x = d / 2 + rng.standard_normal((chains, 1))
    for k in range(longest):
        if np.mean(x < 0) >= 0.2:
            return k
        x = run_chain(pair_score(d), x, 0.2, 1, rng)
    return longest


# %%
distances = [4, 5, 6, 7]
longest = lesson.size(10_000, quick=60)
count = lesson.size(2000)
times = {}
for d in distances:
    times[d] = crossing_time(d, lesson.rng(f"distance {d}"), count, longest)
lesson.table(times.items(), ["distance, in standard deviations", "steps until a fifth has crossed"])

# %% [markdown]
# <details><summary>Derivation: how much lower the density is between the modes</summary>
#
# At a mode, $x = d/2$, the density is $\frac12 \varphi(0) + \frac12 \varphi(d)$, where $\varphi$ is
# the standard normal density; for large $d$ this is $\frac12 \varphi(0)$. In the middle, $x = 0$,
# both Gaussians contribute $\frac12 \varphi(d/2)$, together $\varphi(d/2)$. The ratio is
#
# $$\frac{\frac12 \varphi(0)}{\varphi(d/2)} = \frac12 \exp\Big(\frac{d^2}{8}\Big) .$$
#
# A chain in equilibrium is in the middle that much more rarely than at a mode, so the time until
# it crosses grows in proportion, up to a factor that changes slowly with $d$.
#
# </details>

# %%
seven = GaussianMixture([[-3.5], [3.5]], std=1.0)
at_mode, at_middle = seven.prob(np.array([[3.5], [0.0]]))
lesson.check("d = 7: mode / middle", at_mode / at_middle * 2 / np.exp(49 / 8), equals=1.0)

# %%
factor = times[7] / times[4]
choices = {"2": 2, "6": 6, "40": 40}
lesson.outcome(
    f"{factor:.0f}. The density between the modes is lower than at the modes by a factor of about"
    " exp(d²/8)/2, and a chain must pass through there.",
    answer=min(choices, key=lambda c: abs(np.log(choices[c] / max(factor, 1e-9)))),
)

# %%
heights = np.array(distances) ** 2 / 8
growth = np.polyfit(heights, np.log(list(times.values())), 1)[0]
lesson.claim(
    "log of the crossing time: slope along d²/8",
    growth,
    between=(0.7, 1.15),
    source="theory: 1 for large d; seeds 0, 1, 2031: 0.87 to 0.93",
)
fig, ax = plot.figure(size=(5.0, 3.4))
fitted = times[4] * np.exp(heights - heights[0])
curves = {"measured": list(times.values()), "growth like exp(d²/8)": fitted}
plot.line(distances, curves, ax, log="y", markers=True, xlabel="distance d", ylabel="steps")
years = times[4] * np.exp(144 / 8 - heights[0])
lesson.figure(fig, "crossing", f"At d = 12, as above, the same growth gives {years:.0e} steps.")

# %% [markdown]
# Between two digits there is not even data from which a score could be learned. Song and Ermon
# (2019) add so much noise that the modes merge, sample there, and then reduce the noise in small
# steps. A forward process (`diffusion/01`) provides all of these densities.
#
# ## 6. Two moons, measured
#
# Where no mode is far from the others, Langevin dynamics works. Two moons, with their exact score,
# and the sliced Wasserstein distance to new samples, divided by the *floor*: the distance between
# two sets of samples.

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
at_start = distance(start[:n], moons.sample(rng, n)) / floor
print(f"  distance over floor: {at_start:.1f} at the start, {over:.2f} at the end")
lesson.claim(
    "two moons: distance over floor",
    over,
    at_most=1.8,
    source="seeds 0, 1, 2031: 0.87, 0.97, 1.39, plus a third; at the start 5",
)
ax = plot.samples(x, moons, title="two moons by Langevin dynamics")
lesson.figure(ax, "moons", "The points follow both moons, including their ends.")

# %% [markdown]
# ## 7. Where the post is loose
#
# - “When $T \to \infty, \epsilon \to 0$, $\mathbf{x}_T$ equals to the true probability density
#   $p(\mathbf{x})$.” The step size is $\delta$; $\epsilon$ is the noise. And $\mathbf x_T$ is a
#   random variable: its *distribution* approaches $p$, if the total time $T\delta$ also goes to
#   infinity.
# - SGLD “injects Gaussian noise into the parameter updates to avoid collapses into local minima”.
#   The noise is there so that the chain samples $p$ and does not end at a maximum (section 1). It
#   leaves a mode only if the valley beside it is shallow: at twelve standard deviations 2,000 steps
#   change nothing (section 5).
# - The post's title for this section is about *stochastic gradient* Langevin dynamics. The chain of
#   a score model (`diffusion/05`) draws no batches: it is plain Langevin dynamics.
#
# **Left out:** where the score comes from if only examples of $p$ are known. That is
# `diffusion/05`, with a remedy for section 5. **Next:** the reverse steps of the forward process,
# where the noise is given and the score determines the mean (`diffusion/03`).
#
# **Your turn:** `minigen exercise start diffusion/02`, then `minigen run diffusion/02 --with
# exercises/diffusion_02.py`.

# %%
lesson.finish()
