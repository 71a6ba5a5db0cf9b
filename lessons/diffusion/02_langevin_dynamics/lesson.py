# %% [markdown]
# # Langevin dynamics: sampling with the score
#
# Often we know which points are more probable than others, but not how probable any of them is.
# A model gives $p(x)$ up to a constant, and the constant is an integral over everything that $x$
# could be. Can we draw samples nevertheless? The gradient of $\log p$ does not contain the
# constant, so the obvious answer is to start anywhere and to climb. But every climb ends on a
# summit, and samples should be spread out as $p$ is. What turns a climb into a sampler?
#
# We build a step and take it apart (section 1), prove that it keeps $p$ (2), compute its error (3)
# and measure its samples (4). Then we look for densities on which it fails (5). Such failures are
# one reason for the many noise levels of diffusion models. This lesson follows the section
# *Connection with stochastic gradient Langevin dynamics* of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/).
#
# Before this lesson: the normal distribution, and what a gradient is.

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
from math import erf

import autograd.numpy as np

from minigen import plot
from minigen.data import toy
from minigen.data.mixture import GaussianMixture
from minigen.diffusion.langevin import langevin_step
from minigen.metrics import sampling_floor, sliced_wasserstein

# %% [markdown]
# ## 1. The score, and noise
#
# The gradient of $\log p$ has a name. The *score* $\nabla_x \log p(x)$ shows, at each point, the
# direction in which $p$ increases fastest. For $\mathcal N(0, 1)$, $\log p$ is $-x^2/2$ plus a
# constant, so the score is $-x$, and it always points back to the middle. Here is the score of a
# ring of eight Gaussians. Suppose that we are given these arrows, and nothing else.

# %%
ring = toy.ring(8, 2.0, 0.25)
fig, ax = plot.figure(size=(4.2, 4.0))
plot.field(ring.score, 3, ax, n=21, lengths="sqrt", density=ring, title="the score of the ring")
lesson.figure(
    fig,
    "score",
    "The score (arrows, drawn with the square roots of their lengths) over the density p (blue), "
    "which the sampler does not receive. Start anywhere and follow the arrows.",
)

# %% [markdown]
# *Langevin dynamics* comes from physics, where it models a molecule in a liquid. A force pulls the
# molecule, and collisions kick it in random directions. The pull gathers a cloud of many molecules,
# and the kicks spread it. Where the two balance, the cloud no longer changes. The trick is to
# choose their proportion so that they balance at $p$.
#
# For $\mathcal N(0, 1)$ we can find the proportion by hand. Let a kick have a small variance
# $\delta$. It adds $\delta$ to the variance of the cloud, so the pull must take $\delta$ away. A
# pull of $\frac\delta2$ times the score multiplies $x$ by $1 - \frac\delta2$, and thus a variance
# of 1 by $(1 - \frac\delta2)^2 \approx 1 - \delta$. That is why the update has *half* of $\delta$
# at the score and all of it in the noise (Eq. diffusion.03):
#
# $$\mathbf x_t = \mathbf x_{t-1} + \frac\delta2 \nabla_{\mathbf x} \log p(\mathbf x_{t-1}) +
# \sqrt\delta\,\epsilon_t, \qquad \epsilon_t \sim \mathcal N(\mathbf 0, \mathbf I).$$
#
# In words, move a little up the gradient of $\log p$, then add noise whose variance is the *step
# size* $\delta$. For example, with $\delta = 0.36$ and $\epsilon = 3$ the step from $x = 5$ leads
# to $5 - 0.18 \cdot 5 + 0.6 \cdot 3 = 5.9$. A step needs only the point where the last one ended,
# so the updates form a Markov chain.

# %%
lesson.exercise("diffusion/02/langevin_step")

# %%
lesson.show_source(langevin_step)
five = np.array([[5.0]])
lesson.check("from 5 to 5.9", langevin_step(five, -five, 0.36, 3 + 0 * five)[0, 0], equals=5.9)

# %% [markdown]
# What does each part do? Let's run 2,000 chains of 500 steps with $\delta = 0.01$. We use both
# parts of the update, then only the score, then only the noise. The chains always start at the same
# draws from one Gaussian in the middle of the ring.


# %%
def run_chain(score, x, delta, steps, rng, drift=1.0, noise=1.0):
    """Langevin dynamics of so many steps; drift and noise multiply the two parts of an update."""
    for _ in range(steps):
        z = rng.standard_normal(x.shape)
        x = langevin_step(x, drift * score(x), delta, noise * z)
    return x


# %%
start = lesson.rng("start").standard_normal((lesson.size(2000), 2))
ways = {"score and noise": (1.0, 1.0), "score only": (1.0, 0.0), "noise only": (0.0, 1.0)}
length = lesson.size(500)
ended = {}
for name, (drift, noise) in ways.items():
    ended[name] = run_chain(ring.score, start, 0.01, length, lesson.rng(name), drift, noise)


# %%
def to_mode(x):
    """The mean distance from the points to their nearest modes."""
    return np.linalg.norm(x[:, None] - ring.modes, axis=2).min(axis=1).mean()


away = {name: to_mode(x) for name, x in ended.items()}
away["the start, one Gaussian"] = to_mode(start)
real = ring.sample(lesson.rng("truth"), 20_000)
away["samples of the ring"] = to_mode(real)
lesson.table(away.items(), ["points", "mean distance from the nearest mode"])

# %%
fig, axes = plot.figure(1, 3, size=(2.2, 2.3))
for ax, (name, x) in zip(axes, ended.items()):
    plot.samples(x, ring, ax, bounds=4, title=name)
lesson.figure(
    fig,
    "three_chains",
    "The ends of the chains (orange) over the density (blue). Look for the panel in which the "
    "points fill the modes.",
)

# %%
lesson.claim(
    "score and noise: distance from a mode / that of samples",
    away["score and noise"] / away["samples of the ring"],
    between=(0.92, 1.08),
    source="theory: 1 up to the bias of a step (section 3) and sampling error",
)
lesson.claim(
    "score only: mean distance",
    away["score only"],
    at_most=0.05,
    source="theory: ascent ends at 0",
)

# %%
lesson.claim(
    "noise only: mean distance",
    away["noise only"],
    at_least=1.3,
    source="seeds 0, 1 and 7411: 1.58 to 1.61",
)

# %% [markdown]
# The score without noise is gradient ascent on $\log p$, and all points end at the eight maxima.
# The noise without the score never stops spreading. Together they sample the ring, on which the
# distance is 0.31. A climb becomes a sampler if every step is shaken by the right amount of noise.
#
# ## 2. Does the balance hold for every density?
#
# *You may skip this section, because no later section uses its proof. It is for readers who want to
# know why the ring came out right.*
#
# We have found the proportion for one Gaussian, and the ring is made of Gaussians. Have we been
# lucky? No, the balance holds for every smooth $p$, in the limit of short steps.
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
# Here $p\,s = p'$. The last integral is $f'p$ at both ends, which is 0. Therefore the mean of every
# such $f$, and with it $p$ itself, changes only by $O(\delta^2)$ in a step, and $1/\delta$ steps
# change it by $O(\delta)$.
#
# </details>
#
# We now check on a grid that the middle integral is 0, for two Gaussians at $\pm1$ and $f(x) =
# x^2$. (This $f$ does not vanish far out, but $f'p$ does, and that is enough.) The mean of $x^2$
# then stays the same to first order in $\delta$. What does it do with a drift of $\delta$ instead
# of $\frac\delta2$?

# %%
pair = GaussianMixture([[-1.0], [1.0]], std=0.5)
x, dx = np.linspace(-8, 8, 4001, retstep=True)
p, s = pair.prob(x[:, None]), pair.score(x[:, None])[:, 0]
change = np.sum(p * (2 * x * s + 2)) * dx  # f' s + f''
too_strong = np.sum(p * (2 * 2 * x * s + 2)) * dx
lesson.check("drift δ/2: change of the mean of x², per δ/2", change, equals=0.0, atol=1e-9)
lesson.check("drift δ: the same", too_strong, equals=-2.0, atol=1e-9)

# %% [markdown]
# With the right drift the mean of $x^2$ keeps its value, and with twice the drift it falls. The
# balance on the ring was therefore not luck. In the limit of short steps, a cloud that is
# distributed as $p$ stays so.
#
# ## 3. The error of a finite step
#
# No computer takes infinitely short steps. Above we wrote $(1 - \frac\delta2)^2 \approx 1 - \delta$
# and lost a term. What does it cost? We stay with $\mathcal N(0, 1)$ and try large steps.

# %%
lesson.predict(
    "What variance do the chains reach with δ = 1? (The density p has variance 1.)",
    ["0.75", "1", "1.33", "2"],
)

# %%
sizes = [0.05, 0.2, 0.5, 1.0, 2.0, 3.0]
chains = lesson.size(100_000, quick=2000)
measured = {}
for delta in sizes:
    rng = lesson.rng(f"step {delta}")
    x = rng.standard_normal((chains, 1))
    measured[delta] = run_chain(np.negative, x, delta, lesson.size(200, quick=150), rng).var()

# %%
lesson.table(measured.items(), ["δ", "variance"], f"{chains:,} chains for N(0, 1)")
choices = {"0.75": 0.75, "1": 1.0, "1.33": 4 / 3, "2": 2.0}
lesson.outcome(
    f"The measured variance is {measured[1.0]:.3f}, because a step with δ = 1 halves x and adds "
    "variance 1, and the only variance v that this keeps, v/4 + 1 = v, is 4/3.",
    answer=min(choices, key=lambda name: abs(choices[name] - measured[1.0])),
)

# %% [markdown]
# In general a step multiplies $x$ by $r = 1 - \frac\delta2$ and adds variance $\delta$. A variance
# $v$ becomes $r^2 v + \delta$, which is $v$ again if
#
# $$v = \frac{\delta}{1 - r^2} = \frac{1}{1 - \delta/4} .$$
#
# For short steps this is too much by about $\delta/4$.


# %%
def stationary(delta):
    """The variance that steps of this size keep, for N(0, 1)."""
    return delta / (1 - (1 - delta / 2) ** 2)


lesson.claim(
    "variance at six step sizes, off the prediction, in standard errors",
    [abs(v / stationary(delta) - 1) / np.sqrt(2 / chains) for delta, v in measured.items()],
    at_most=5,
    source="theory: δ/(1 - r²); five standard errors; 1 would be off by 11 at δ = 0.2",
)

# %%
grid = np.linspace(0.02, 3.2, 200)
ax = plot.line(grid, {"predicted": stationary(grid)}, xlabel="step size δ", ylabel="variance")
ax.plot(sizes, list(measured.values()), "o", color=plot.color.fake, label="measured")
ax.axhline(1.0, color=plot.color.ink, ls="--", lw=1.1, label="variance of p")
ax.legend()
lesson.figure(
    ax,
    "bias",
    "The variance that chains reach (orange) and the formula (blue) over the step size. Look for a "
    "step size with the variance of p (dashed).",
)

# %% [markdown]
# Every finite step has an error. At $\delta = 4$ the formula has no solution, because a step then
# sends $x$ to $-x$. Beyond that, the chain should diverge. Let's see 40 steps from $x = 1$:

# %%
x = run_chain(lambda x: -x, np.ones((1000, 1)), 4.5, 40, lesson.rng("too long"))
print(f"  δ = 4.5: standard deviation after 40 steps {x.std():.0f}")
lesson.check("δ = 4.5 diverges: standard deviation", x.std(), at_least=100)

# %%
lesson.change(
    "a wider density",
    "Run this chain, with δ = 4.5, on $\\mathcal N(0, 9)$: in the line that calls `run_chain` "
    "with 4.5, change the score `-x` to `-x / 9`, and run again. Does the chain still diverge?",
    answer="No. Its standard deviation is about 3.2 after 40 steps, and the density has 3. A step "
    "now multiplies $x$ by $r = 1 - \\delta/18 = 0.75$. What counts is the step size relative to "
    "the variance of the density.",
)

# %% [markdown]
# Then why not take very short steps? A chain must also leave its start behind. After $k$
# steps $r^k$ of the start is left. How many steps until it is 1 %?

# %%
rows = []
for delta in (0.5, 0.05, 0.005):
    rows.append([delta, stationary(delta) - 1, np.log(0.01) / np.log(1 - delta / 2)])
lesson.table(rows, ["δ", "variance too large by", "steps until 1 % of the start is left"])
lesson.check("a tenth of the step size: steps", rows[1][2] / rows[0][2], between=(9, 12))

# %% [markdown]
# About a tenth of the error costs about ten times the steps. (*Metropolis-adjusted* Langevin
# dynamics corrects long steps by rejecting some of them. It needs ratios of $p$, for which an
# unnormalized $p$ is enough, but a score does not give them directly.)
#
# So far the proportion of the two parts has been right. What if it is not? Two mistakes are easily
# made. We may forget the $\frac12$ and take $x + \delta \cdot \text{score} +
# \sqrt\delta\,\epsilon$, or forget the root and take $x + \frac\delta2 \text{score} +
# \delta\,\epsilon$. Nothing crashes, and the chains settle down. Let $\delta = 0.1$, and let $p$ be
# $\mathcal N(0, 1)$ again.

# %%
lesson.predict(
    "What variances do these chains reach?",
    [
        "about 1/2 without the ½, about 1/10 without the root",
        "about 2 without the ½, about 10 without the root",
        "about 1 both: only the speed changes",
    ],
)

# %%
wrong = {"without the ½": (2.0, 1.0), "without the root": (1.0, np.sqrt(0.1))}
rows = []
for name, (drift, noise) in wrong.items():
    rng = lesson.rng(name)
    x = rng.standard_normal((chains, 1))
    x = run_chain(np.negative, x, 0.1, lesson.size(200, quick=150), rng, drift, noise)
    rows.append([name, x.var(), 0.1 * noise**2 / (1 - (1 - 0.05 * drift) ** 2)])
lesson.table(rows, ["mistake", "variance", "predicted"])
lesson.outcome(
    f"The measured variances are {rows[0][1]:.2f} and {rows[1][1]:.2f}, because the noise has only "
    "a half and a tenth of the variance that its drift needs.",
    answer="about 1/2 without the ½, about 1/10 without the root",
)

# %%
lesson.claim(
    "two mistakes: off their predictions, in standard errors",
    [abs(v / exact - 1) / np.sqrt(2 / chains) for _, v, exact in rows],
    at_most=5,
    source="theory: the same recursion; five standard errors",
)

# %% [markdown]
# Each chain samples a density, but not $p$. Twice the drift is the drift of $2 \log p$, so without
# the ½ the chain samples $p^2$, up to the error of a step. Without the root, noise of variance
# $\delta^2$ goes with a drift that is $\frac1\delta = 10$ times too strong, and the chain samples
# $p^{10}$. Physicists call less noise for the same drift a lower *temperature*. An error of the
# step size fades as the steps get shorter, but an error of the proportion does not.
#
# ## 4. Two moons, measured
#
# Short steps and the right proportion should be enough for a density that is far from a Gaussian.
# We try two moons, with their exact score and 1,500 steps of $\delta = 0.02$. The measure is the
# sliced Wasserstein distance to new samples (`gan/10`), divided by its *floor*, the distance
# between two sets of samples.


# %%
moons = toy.two_moons(0.15).standardized()
rng = lesson.rng("moons")
n, steps = lesson.size(2000), lesson.size(1500, quick=20)
origin = rng.standard_normal((n, 2))
x = run_chain(moons.score, origin, 0.02, steps, rng)


# %%
def distance(a, b):
    return sliced_wasserstein(a, b, 100, rng)


floor = sampling_floor(distance, moons.sample, n, rng, repeats=lesson.size(10, quick=2)).mean
over = distance(x, moons.sample(rng, n)) / floor
data = moons.sample(rng, n)
gaussian = rng.multivariate_normal(data.mean(axis=0), np.cov(data.T), n)
by_gaussian = distance(gaussian, moons.sample(rng, n)) / floor
by_start = distance(origin, moons.sample(rng, n)) / floor
rows = [["Langevin dynamics", over], ["its start", by_start], ["one Gaussian", by_gaussian]]
lesson.table(rows, ["points", "distance / floor"])

# %%
lesson.claim(
    "two moons: distance over floor",
    over,
    at_most=1.8,
    source="seeds 0, 1 and 7411: 0.87, 0.97, 0.76; one Gaussian: at least 2.9",
)
ax = plot.samples(x, moons, title="two moons by Langevin dynamics")
lesson.figure(ax, "moons", "Ends of the chains (orange) over the density (blue). Check the tips.")

# %% [markdown]
# The ends of the chains are about as far from new samples as two sets of samples are from each
# other, and they reach the tips of both moons. A single Gaussian is several times as far away. Here
# Langevin dynamics works. But the two moons are close together. What if they were not?
#
# ## 5. Modes far apart
#
# Let's move the modes apart. Two Gaussians of standard deviation 0.25 at $-1.5$ and $1.5$ are
# twelve standard deviations apart, and the right one has 0.8 of the mass. The chains take steps of
# $\delta = 0.01$. They start between the modes, about half of them on each side.

# %%
lesson.predict(
    "After 2,000 steps, what fraction of the points is at the right mode?",
    ["0.8", "about a half", "nearly all"],
)


# %%
def two_modes(distance):
    means = [[-distance / 8, 0.0], [distance / 8, 0.0]]
    return GaussianMixture(means, std=0.25, weights=[0.2, 0.8])


marks = (10, 100, 500, 2000)


def follow(mixture, x, rng):
    """The ends of the chains, and the fraction at the right mode after the marked steps."""
    right, taken = [np.mean(x[:, 0] > 0)], 0
    for mark in marks:
        x, taken = run_chain(mixture.score, x, 0.01, lesson.size(mark - taken), rng), mark
        right.append(np.mean(x[:, 0] > 0))
    return x, right


# %%
rng = lesson.rng("bells")
begin = 0.5 * rng.standard_normal((lesson.size(2000), 2))
far, near = two_modes(12), two_modes(4)
x, of_far = follow(far, begin, rng)
_, of_near = follow(near, begin, lesson.rng("near"))

# %%
below_2 = 0.5 * (1 + erf(2 / np.sqrt(2)))  # of a standard normal
own = [0.8, 0.8 * below_2 + 0.2 * (1 - below_2)]
rows = [["12 standard deviations apart", *of_far, own[0]], ["4 apart", *of_near, own[1]]]
lesson.table(rows, ["modes", "at the start", *(f"{mark:,} steps" for mark in marks), "in p"])
final, stayed = of_far[-1], np.mean((x[:, 0] > 0) == (begin[:, 0] > 0))
answer = "about a half" if 0.35 < final < 0.65 else "nearly all"
lesson.outcome(
    f"The fraction is {final:.2f}, because {100 * stayed:.0f} % of the points end on the side on "
    "which they started. From the same start, with modes only 4 standard deviations apart, the "
    "points reach the right fraction.",
    answer="0.8" if 0.75 < final < 0.85 else answer,
)

# %%
fig, (left, right) = plot.figure(1, 2, size=(3.8, 3.2))
plot.samples(far.sample(rng, 2000), ax=left, bounds=(-2.6, 2.6, -2, 2), title="samples of p")
plot.samples(x, ax=right, bounds=(-2.6, 2.6, -2, 2), title="Langevin dynamics")
lesson.figure(
    fig,
    "two_modes",
    "2,000 samples of p and the ends of 2,000 chains. Could you tell from the right panel alone "
    "that something is wrong?",
)

# %%
lesson.claim(
    "at the right mode: standard deviations / true",
    x[x[:, 0] > 0].std(axis=0) / 0.25,
    between=(0.85, 1.15),
    source="theory: 1 up to the bias of a step and sampling error; at the start 1.2 and 2.0",
)
lesson.claim(
    "modes 4 apart: fraction at the right mode minus that of p",
    abs(of_near[-1] - own[1]),
    at_most=0.05,
    source="theory: 0; five standard errors are 0.046; at the start 0.29",
)
lesson.check("modes 12 apart: fraction at the right mode", final, between=(0.4, 0.6))

# %% [markdown]
# Each mode by itself is sampled well. Only the proportion of the two is wrong, and nothing in the
# right panel alone shows it. The score explains why. Near one Gaussian it is the score of that
# Gaussian only, $-(x - m)/0.25^2$, whatever its weight. By how much do the weights 0.2 and 0.8
# change it?

# %%
points = np.array([[1.5, 0.3], [1.0, 0.0], [0.05, 0.0]])
equal = GaussianMixture([[-1.5, 0.0], [1.5, 0.0]], std=0.25)
of_weights = np.linalg.norm(far.score(points) - equal.score(points), axis=1)
rows = list(zip(["near the mode", "half a unit away from it", "in the middle"], of_weights))
lesson.table(rows, ["point", "change of the score by the weights"])
lesson.check("near a mode the score does not depend on the weights", of_weights[0], at_most=1e-6)

# %% [markdown]
# At the first point the weights change the score by about $2 \cdot 10^{-30}$. At the second the
# change, about $5 \cdot 10^{-20}$, is lost in the rounding of a score of 8. Only in the middle do
# the weights matter, and points are hardly ever there. The proportion therefore depends on chains
# that cross the middle, and we ask how long that takes. Take two Gaussians of standard deviation 1
# and equal weight, at a distance $d$. All chains start at one of them, and we count the steps
# ($\delta = 0.2$) until a fifth of them is on the other side.

# %%
lesson.predict(
    "By about what factor does this time grow when the distance grows from 4 to 7?",
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
longest, count = lesson.size(10_000, quick=60), lesson.size(2000)
times = {d: crossing_time(d, lesson.rng(f"distance {d}"), count, longest) for d in distances}

# %%
lesson.table(times.items(), ["distance, in standard deviations", "steps until a fifth has crossed"])
factor = times[7] / times[4]
choices = {"2": 2, "6": 6, "40": 40}
lesson.outcome(
    f"The measured factor is {factor:.0f}. It is of this order because a chain must pass through "
    "the middle, where the density is lower than at a mode by a factor of about exp(d²/8)/2, and "
    "this factor grows by exp(33/8) = 62.",
    answer=min(choices, key=lambda c: abs(np.log(choices[c] / max(factor, 1e-9)))),
)

# %% [markdown]
# <details><summary>Derivation: how much lower the density is between the modes</summary>
#
# At a mode, $x = d/2$, the density is $\frac12 \varphi(0) + \frac12 \varphi(d)$, where $\varphi$ is
# the standard normal density. For large $d$ this is $\frac12 \varphi(0)$. In the middle, $x = 0$,
# both Gaussians contribute $\frac12 \varphi(d/2)$, together $\varphi(d/2)$. The ratio is
#
# $$\frac{\frac12 \varphi(0)}{\varphi(d/2)} = \frac12 \exp\Big(\frac{d^2}{8}\Big) .$$
#
# A chain in equilibrium is in the middle that much more rarely than at a mode, so the time until it
# crosses grows in proportion, up to a factor that changes slowly with $d$. For short steps and long
# waiting times *Kramers' formula*, which we do not derive, gives this factor as a constant times
# $1/\sqrt{d^2/4 - 1}$. With it the time from $d = 4$ to 7 grows by $62 \cdot \sqrt{3/11.25} = 32$.
#
# </details>

# %%
seven = GaussianMixture([[-3.5], [3.5]], std=1.0)
at_mode, at_middle = seven.prob(np.array([[3.5], [0.0]]))
lesson.check("d = 7: mode / middle", at_mode / at_middle * 2 / np.exp(49 / 8), equals=1.0)

# %%
heights = np.array(distances) ** 2 / 8
growth = np.polyfit(heights, np.log(list(times.values())), 1)[0]
lesson.claim(
    "log of the crossing time: slope along d²/8",
    growth,
    between=(0.7, 1.15),
    source="theory: 1 for large d; seeds 0, 1 and 7411: 0.88 to 0.93",
)

# %%
fig, ax = plot.figure(size=(5.0, 3.0))
fitted = times[4] * np.exp(heights - heights[0])
continued = times[4] * np.exp(144 / 8 - heights[0])
curves = {"measured": list(times.values()), "growth like exp(d²/8)": fitted}
plot.line(distances, curves, ax, log="y", markers=True, xlabel="distance d", ylabel="steps")
lesson.figure(
    fig,
    "crossing",
    "The crossing time (blue) over the distance, and growth like exp(d²/8) (orange). Continued to "
    f"d = 12 the orange line gives {10 * round(continued / 1e7)} million steps.",
)

# %% [markdown]
# The waiting time grows faster than exponentially with the distance. The modes at the beginning of
# this section were twelve standard deviations apart, and we gave them 2,000 steps. At this distance
# patience is not enough. Between two digits it is worse still, because there are no data there from
# which a score could be learned. Song and Ermon (2019) add so much noise that the modes merge,
# sample there, and then reduce the noise in small steps (`diffusion/05`). A forward process
# (`diffusion/01`) provides such a sequence of densities.
#
# ## 6. Stochastic gradients
#
# *You may skip this section, because no later lesson uses it. It is for readers who wonder about
# the word “stochastic” in the title of the post's section.*
#
# Welling and Teh (2011) used the chain for another purpose. They drew the parameters of a model
# from their *posterior*, their distribution given $N$ examples. There the score is a sum over all
# examples, and they estimate it from a few. This is *stochastic gradient Langevin dynamics* (SGLD).
#
# Let $N = 100$ numbers $y_i$ come from $\mathcal N(\theta, 1)$, with a flat prior for $\theta$. The
# posterior is $\mathcal N(\bar y, 1/N)$, and its score is $\sum_i (y_i - \theta)$. How does the
# variance of $\theta$ change when the full sum is replaced with $\frac Nn$ times the sum over a
# batch of $n = 10$?

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
added = {"full sum": delta, "batches of 10": delta + delta**2 / 4 * N**2 / n * y.var()}
rows = []
for name, score in {"full sum": full_score, "batches of 10": batch_score}.items():
    variance = N * run_chain(score, first, delta, 150, rng).var()
    exact = N * added[name] / (1 - (1 - N * delta / 2) ** 2)
    rows.append([name, variance, exact])
lesson.table(rows, ["score", "N x variance", "predicted"])
off = [abs(v / exact - 1) / np.sqrt(2 / many) for _, v, exact in rows]
lesson.check("SGLD: off the prediction, in standard errors", off, at_most=5)

# %% [markdown]
# The variance is larger with batches, because they add noise that the update does not account for.
# In a step its variance is $\frac{\delta^2}{4} \frac{N^2}{n} s^2$, where $s^2$ is the variance of
# the $y_i$. With our numbers that is $\frac14 s^2$ times the injected $\delta$. It falls with
# $\delta^2$, and the injected noise only with $\delta$. That is why SGLD lets $\delta$ decrease, so
# that the injected noise dominates in the end.
#
# ## What this lesson does differently
#
# - We know every score exactly. If only examples of $p$ are known, the score must be learned, which
#   is the topic of `diffusion/05`.
# - All experiments are ours, as the section of the post has none.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - “When $T \to \infty, \epsilon \to 0$, $\mathbf{x}_T$ equals to the true probability density
#   $p(\mathbf{x})$.” It is the step size $\delta$ that must go to 0, while $\epsilon$ is the noise.
#   And $\mathbf x_T$ is a random variable, not a density. Its *distribution* approaches $p$ if the
#   total time $T\delta$ also goes to infinity.
# - SGLD “injects Gaussian noise into the parameter updates to avoid collapses into local minima”.
#   The noise prevents a collapse (section 1), but its purpose is that the chain samples $p$. A
#   chain leaves a mode in reasonable time only if the valley next to it is shallow (section 5).
# - The title of the section is “Connection with stochastic gradient Langevin dynamics”. The chain
#   of a score model (`diffusion/05`) draws no batches, so it is plain Langevin dynamics.
#
# ## To remember
#
# - The score and noise are enough to sample $p$. Its normalizing constant is not needed.
# - Drift $\frac\delta2$ times the score and noise of variance $\delta$ balance at $p$. Other
#   proportions sample a power of $p$.
# - A finite step has an error of order $\delta$, and short steps are slow.
# - A chain hardly ever crosses between modes that are far apart, so their proportion comes out
#   wrong.
#
# **Next:** we reverse the forward process step by step, and the score determines the mean of each
# step (`diffusion/03`).
#
# **Your turn:** `minigen exercise start diffusion/02`, then `minigen run diffusion/02 --with
# exercises/diffusion_02.py`.

# %%
lesson.finish()
