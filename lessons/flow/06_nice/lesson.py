# %% [markdown]
# # NICE: maps that preserve volume
#
# This lesson runs the section *NICE* (flow.s08) of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/). NICE, short for *Non-linear
# Independent Components Estimation*, is the predecessor of RealNVP. Read `flow/05` first. In this
# lesson:
#
# 1. An **additive coupling** is inverted by a subtraction. Its Jacobian determinant is 1, whatever
#    network is inside.
# 2. A map of determinant 1 moves densities to other places and leaves their values as they are. We
#    compute exactly how well such a map can fit given data.
# 3. A last layer with one scale for each coordinate is the only part of NICE that changes volume.
#    On digits the learned scales show along which coordinates the data vary.

# %%
import autograd.numpy as np

from minigen.course import Lesson

lesson = Lesson(
    "flow/06_nice",
    title="NICE: maps that preserve volume",
    post="flow",
    sections=["flow.s08"],
    figures=[],
    equations=["flow.14"],
    minutes=0.9,
    picture="digits",
    sources=["weng2018flow", "dinh2015nice", "theis2016note"],
)

# %% [markdown]
# ## 1. A coupling without the scale
#
# RealNVP's coupling keeps half of the coordinates. The kept half is the input of two networks, $s$
# and $t$, which scale and shift the other half. *NICE* (Dinh et al. 2015) only shifts, so its
# *additive coupling layer* needs one network. The post calls it $m$. By hand, on two coordinates,
# with $z$ for noise and $x$ for data: keep the first coordinate $u$, and shift the second by $m(u)
# = u^2$. Then $z = (2, 3)$ becomes $x = (2, 3 + 4) = (2, 7)$. How do you get back to $(2, 3)$ when
# only $(2, 7)$ and $m$ are given?

# %%
lesson.exercise("flow/06/additive_forward")
lesson.exercise("flow/06/additive_inverse")

# %%
from minigen.flow.coupling import additive_forward, additive_inverse, half_mask

mask = half_mask(2)  # (1, 0): the first coordinate is kept, the second is changed


def m(a):
    """The "network": the shift u², computed from the first coordinate u of each point."""
    u = a[:, :1]
    return np.concatenate([u, u**2], axis=1)  # the shift of the kept half has no effect


x, log_det = additive_forward(np.array([[2.0, 3.0]]), m, mask)
back, _ = additive_inverse(x, m, mask)
lesson.check("(2, 3) goes to (2, 7) and comes back", [x[0], back[0]], equals=[[2, 7], [2, 3]])

# %% [markdown]
# The 2 is still there, so the shift $m(2) = 4$ can be computed again and subtracted: $7 - 4 = 3$.
# In the names of the post, where $x$ is mapped to $y$ (Eq. flow.14),
#
# $$\begin{cases} y_{1:d} = x_{1:d} \\ y_{d+1:D} = x_{d+1:D} + m(x_{1:d}) \end{cases}
# \quad\Leftrightarrow\quad
# \begin{cases} x_{1:d} = y_{1:d} \\ x_{d+1:D} = y_{d+1:D} - m(y_{1:d}). \end{cases}$$
#
# Here are three squares of side 1, which this coupling will map.


# %%
def square(left, bottom, n=200):
    """n points on each side of a square of side 1, once around: (4n, 2)."""
    t = np.arange(n) / n
    x = np.concatenate([t, 0 * t + 1, 1 - t, 0 * t])
    y = np.concatenate([0 * t, t, 0 * t + 1, 1 - t])
    return np.stack([left + x, bottom + y], axis=1)


def closed(borders):
    """Each border with its first point repeated at the end, by name."""
    return {f"square {k + 1}": np.concatenate([b, b[:1]]) for k, b in enumerate(borders)}


# %%
from minigen import plot

squares = [square(-2.0, -1.0), square(-0.5, -1.0), square(1.0, -1.0)]
box = (-2.3, 2.3, -1.3, 4.3)
ax = plot.trajectories(closed(squares), bounds=box, ends=False, title="z")
ax.plot(np.linspace(-2, 2, 99), np.linspace(-2, 2, 99) ** 2, ":", color=plot.color.ink)
lesson.figure(ax, "before", "Three squares, and dotted the shift z₁² at each z₁.")

# %%
lesson.predict(
    "The squares go through x = (z₁, z₂ + z₁²): z₁ from -2 to -1, from -1/2 to 1/2, and from 1 to"
    " 2. The border of each was 4 long. It becomes",
    ["shorter", "neither shorter nor longer", "equally longer", "longer, most for the outer two"],
)

# %% [markdown]
# We map every point of the three borders, and measure the length of each image and the area inside
# it. The area is that of the *shoelace formula*: half of $|\sum_i x_i y_{i+1} - y_i x_{i+1}|$.


# %%
def area(border):
    x, y = border.T
    return 0.5 * abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))


def length(border):
    return np.sum(np.linalg.norm(np.roll(border, -1, axis=0) - border, axis=1))


# %%
images = [additive_forward(each, m, mask)[0] for each in squares]
areas, lengths = [area(each) for each in images], [length(each) for each in images]
ax = plot.trajectories(closed(images), bounds=box, ends=False, title="x = (z₁, z₂ + z₁²)")
lesson.figure(
    ax,
    "squares",
    "Each vertical line of a square is shifted as a whole, by its own amount, and keeps its"
    " length. An area is a sum over such lines, so the area stays the same.",
)

# %%
lesson.outcome(
    f"{lengths[0]:.2f}, {lengths[1]:.2f} and {lengths[2]:.2f}: two sides of each square are bent,"
    " and they are longest where z₁² is steep. The areas are"
    f" {areas[0]:.4f}, {areas[1]:.4f} and {areas[2]:.4f}.",
    answer="longer, most for the outer two",
)
lesson.check("areas of the three images", areas, equals=[1, 1, 1], atol=1e-4)
lesson.check("lengths of their borders", lengths, equals=[8.336, 4.296, 8.336], atol=1e-3)

# %% [markdown]
# The Jacobian gives the same answer for every network and in any number of dimensions.
#
# <details><summary>Derivation: the determinant of an additive coupling is 1</summary>
#
# Differentiate Eq. flow.14 block by block, first the kept half, then the changed half:
#
# $$\mathbf J = \begin{bmatrix} \mathbb I_d & \mathbf 0 \\[3pt]
#   \dfrac{\partial m(x_{1:d})}{\partial x_{1:d}} & \mathbb I_{D-d} \end{bmatrix} .$$
#
# The upper right block is zero, because the kept half depends on itself alone. The lower right
# block is the identity, because the changed half enters with the factor 1. So $\mathbf J$ is lower
# triangular with ones on its diagonal. The determinant of a triangular matrix is the product of its
# diagonal: $\det \mathbf J = 1$ and $\log|\det \mathbf J| = 0$. This is the Jacobian of RealNVP's
# coupling (Eq. flow.12) with $s = 0$. The derivative of $m$ does not enter.
#
# </details>

# %%
from minigen.tensor import jacobian

J = jacobian(lambda z: additive_forward(z, m, mask)[0])(np.array([[2.0, 3.0]])).reshape(2, 2)
lesson.check("the Jacobian at (2, 3), row by row", J, equals=[[1, 0], [4, 1]])
lesson.check("the log-determinant that the function returns", log_det, equals=[0.0])

# %%
lesson.change(
    "a shift by the number that is shifted",
    "Let the shift depend on the *second* coordinate too: change `u**2` in `m` to `u * a[:, 1:]` "
    "and run again. How long are the borders now, and why?",
    answer="They are 4, 4 and 4, as before the map: nothing is shifted. `additive_forward` "
    "passes 0 to `m` in place of the second coordinate. If it passed the coordinate itself, the "
    "map would be $z_2 (1 + z_1)$, with a determinant that is not 1.",
)

# %% [markdown]
# ## 2. The best fit of a map that preserves volume
#
# Start with a small exact example. Four cells of equal size hold 0.4, 0.3, 0.2 and 0.1 of the
# noise. The data are 0.6, 0.25, 0.1 and 0.05 of the points in four cells. A map that preserves area
# can carry any cell onto any other. It cannot put 0.6 into any cell, because no cell holds that
# much: the values of the density stay the same, and only their places change. We try all 24
# arrangements, and score each by its mean negative log-likelihood (NLL, Eq. flow.09).

# %%
from itertools import permutations

noise = np.array([0.4, 0.3, 0.2, 0.1])
data = np.array([0.6, 0.25, 0.1, 0.05])
scores = {order: -data @ np.log(noise[list(order)]) for order in permutations(range(4))}
best = min(scores, key=scores.get)
lesson.check("the best arrangement", list(best), equals=[0, 1, 2, 3])
lesson.check("its score: 0.6·0.916 + 0.25·1.204 + ...", scores[best], equals=1.1268, atol=1e-4)
entropy_of_cells = -data @ np.log(data)
lesson.check("the entropy of the data", entropy_of_cells, equals=1.0332, atol=1e-4)

# %% [markdown]
# The best arrangement matches the largest with the largest. It still misses the entropy of the
# data, the NLL of a perfect model, by 0.094 nats.

# %%
lesson.change(
    "even noise",
    "Distribute the noise evenly: change `noise` to `np.array([0.25, 0.25, 0.25, 0.25])` and run "
    "again. What is the best score, and of how many arrangements?",
    answer="It is $\\log 4$, 1.386 nats, of all 24: all cells hold the same share, so the "
    "arrangement does not matter. Even noise misses the entropy by more than noise whose "
    "densities are as unequal as those of the data.",
)

# %% [markdown]
# In the plane the cells are as small as we like, and the argument is the same. The noise is
# $\mathcal{N}(0, I)$. The data are two moons, whose entropy, the lowest possible NLL, is known.

# %%
from minigen.data import toy

moons = toy.two_moons(0.1)
ring = toy.ring()
print(f"  entropy: two moons {moons.entropy():.3f} nats, ring of eight {ring.entropy():.3f} nats")

# %%
lesson.predict(
    "Take additive couplings only, with networks as large as you like. The lowest possible NLL on"
    " the two moons is",
    ["as near to 1.008 as we like", "about 1.5", "more than 1.8"],
)

# %% [markdown]
# Sort the cells of the data by density, from the highest down: this order is the *decreasing
# rearrangement* of the density. Let $V(x)$ be the area of all cells that are at least as dense as
# $x$. The noise is densest at 0, and its density falls with the distance from 0. So the best map
# sends the densest cells of the data, with total area $V$, onto a disc of area $V$ around 0, and
# the point $x$ to the rim of this disc. Hence
#
# $$\text{NLL} \;\ge\; \log 2\pi + \frac{\mathbb{E}\,V(x)}{2\pi} .$$
#
# <details><summary>Derivation: the lower bound of the NLL</summary>
#
# With determinant 1, $-\log p(x) = -\log\pi(z) = \log 2\pi + \frac12|z|^2$. Let $A(z) = \pi|z|^2$
# be the area of the disc on whose rim $z$ lies, so that $\text{NLL} = \log 2\pi + \mathbb E
# A/2\pi$. We show $\mathbb E A \ge \mathbb E V$.
#
# For any area $v$, the points $z$ with $A(z) \le v$ form a disc of area $v$. The map preserves
# area, so the data in this disc come from a set of area $v$. No set of area $v$ holds more of the
# data than the densest one, $\{x : V(x) \le v\}$. Hence $P(A \le v) \le P(V \le v)$, that is $P(A >
# v) \ge P(V > v)$. Integrate over $v$: $\mathbb E A = \int_0^\infty P(A > v)\,dv \ge \int_0^\infty
# P(V > v)\,dv = \mathbb E V$. Equality holds if every $x$ goes to a $z$ with $A(z) = V(x)$.
#
# </details>


# %%
def profile(log_prob, bounds, n=lesson.size(700, quick=200)):
    """log p at the centers of n x n cells, from the highest, and the area covered so far."""
    left, right, bottom, top = bounds
    x = np.linspace(left, right, n, dtype=np.float32)
    y = np.linspace(bottom, top, n, dtype=np.float32)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    log_p = np.sort(log_prob(grid).astype(float))[::-1]  # (n²,)
    cell = float((x[1] - x[0]) * (y[1] - y[0]))
    return log_p, cell * (np.arange(n * n) + 0.5)


def mean_area(density):
    """E V(x): the area that is at least as dense as x, on average over the data."""
    log_p, V = profile(density.log_prob, density.bounds)
    return np.sum(np.exp(log_p) * V) / np.sum(np.exp(log_p))


# %% [markdown]
# The bound can be tested where the best map is known. For the noise itself, $x \sim \mathcal N(0,
# I)$, that map is the identity, $V(x) = \pi|x|^2$, and $\mathbb E V = 2\pi$. The bound is then $1 +
# \log 2\pi$, the entropy of $\mathcal N(0, I)$.

# %%
EV = {density.name: mean_area(density) for density in (moons, ring)}
normal = toy.GaussianMixture([[0.0, 0.0]], std=1.0)


def floor_without_scale(mean_V):
    """The lowest NLL of a map that preserves area, from E V."""
    return np.log(2 * np.pi) + mean_V / (2 * np.pi)


floor_normal = floor_without_scale(mean_area(normal))
lesson.check("bound for N(0, I): 1 + log 2π", floor_normal, equals=1 + np.log(2 * np.pi), atol=0.01)

# %% [markdown]
# That is a bound for *every* flow of couplings without scales. Now train one: eight couplings,
# which keep the first and the second coordinate in turn.

# %%
from minigen.flow.nice import NICE
from minigen.optim import cosine
from minigen.train import descend

cfg = lesson.configure(couplings=8, width=64, batch=512, lr=4e-3)
lesson.show_source(NICE, additive_forward, additive_inverse)


def negative_log_likelihood(flow, x):
    return flow.loss(x)


# %%
def train(label, flow, density, steps, clip=None):
    """Trains a flow on new samples of a density, by maximum likelihood."""

    def draw(rng):
        return density.sample(rng, cfg.batch)

    lr = cosine(cfg.lr, steps, warmup=min(100, steps))
    rng = lesson.rng(f"data of {label}")
    step = descend(negative_log_likelihood, flow, draw, lr=lr, clip=clip, rng=rng)
    lesson.fit(step, steps, state=step.state, label=label)
    return flow


# %%
unscaled = NICE(lesson.rng("unscaled"), 2, cfg.couplings, cfg.width, scaled=False)
untrained = unscaled.copy()
train("two moons, no scale", unscaled, moons, lesson.steps(600, quick=5))

# %%
from minigen.metrics import nll_gap
from minigen.metrics.samples import mean_and_covariance

n_test = lesson.size(50_000, quick=1000)
tests = {density.name: density.sample(lesson.rng("test"), n_test) for density in (moons, ring)}


def gap_of(flow, density):
    """Nats by which the flow's NLL is above the entropy: KL(data || flow). And its error."""
    return nll_gap(density, flow.log_prob, tests[density.name])


gap_unscaled, error = gap_of(unscaled, moons)
nll_unscaled = moons.entropy() + gap_unscaled
floor = floor_without_scale(EV[moons.name])

# %%
lesson.outcome(
    f"No density is above 1/2π, so no NLL is below log 2π = {np.log(2 * np.pi):.3f}. The bound is"
    f" {floor:.3f}. The trained flow has {nll_unscaled:.3f}, {nll_unscaled - floor:.3f} above it.",
    answer="more than 1.8" if floor > 1.8 else None,
)
highest, _ = profile(unscaled.log_prob, moons.bounds)
lesson.check(
    "its highest density is not above 1/2π", np.exp(highest[0]), at_most=1.0001 / (2 * np.pi)
)

# %% [markdown]
# Compare the sorted densities: how high is the density on the densest tenth of a unit of area, on
# the next tenth, and so on?

# %%
wide = (-6, 6, -6, 6)
profiles = {
    "two moons": profile(moons.log_prob, wide),
    "noise N(0, I)": profile(untrained.base.log_prob, wide),
    "NICE without scale": profile(unscaled.log_prob, wide),
}
places = np.linspace(0.02, 6, 200)


def heights(profiles, places):
    """The sorted density at each of these areas, for each profile."""
    return {name: np.interp(places, V, np.exp(log_p)) for name, (log_p, V) in profiles.items()}


def density_of_unscaled(x):
    return np.exp(unscaled.log_prob(x))


# %%
fig, axes = plot.figure(1, 3, size=(3.0, 2.8))
styles = {"NICE without scale": "--"}
curves = heights(profiles, places)
plot.line(places, curves, axes[0], xlabel="area", title="density, sorted", styles=styles)
box = (-3, 4, -3, 3)
draws = unscaled.sample(lesson.rng("unscaled draws"), 2000)
plot.density(density_of_unscaled, axes[1], bounds=box, title="density of the flow")
plot.samples(draws, moons, axes[2], bounds=box, title="its samples, over the data")
lesson.figure(
    fig,
    "without_scale",
    "Left: the dashed curve lies on that of the noise, as it must. Middle and right: the density"
    " of the flow covers an area of several units, so the moons become broad.",
)

# %% [markdown]
# ## 3. One scale for each coordinate
#
# NICE's remedy is a last layer that multiplies each coordinate by a factor of its own, $x_i =
# e^{s_i} z_i$. It is the only part that changes volume.

# %%
lesson.exercise("flow/06/diagonal_scale")

# %%
from minigen.flow.coupling import diagonal_scale

scales = np.log([2.0, 3.0, 0.25])
x, log_det = diagonal_scale(np.array([[1.5, -2.0, 4.0]]), scales)
lesson.check("(1.5, -2, 4) scaled by 2, 3 and 1/4", x, equals=[[3, -6, 1]], atol=1e-9)
lesson.check("log of the volume, 2 · 3 / 4", log_det, equals=[np.log(1.5)])
lesson.show_source(diagonal_scale)

# %% [markdown]
# In the plane only the product of the two scales matters, because a map that preserves area can
# stretch one coordinate and shrink the other. Call the product $\sigma^2$. The noise becomes
# $\mathcal{N}(0, \sigma^2 I)$, broad or narrow, and the bound
#
# $$\text{NLL} \;\ge\; \log 2\pi\sigma^2 + \frac{\mathbb{E}\,V(x)}{2\pi\sigma^2}, \qquad
# \text{lowest at } \sigma^2 = \frac{\mathbb{E}\,V(x)}{2\pi}: \quad 1 + \log \mathbb{E}\,V(x) .$$
#
# <details><summary>Derivation: the best scale</summary>
#
# With noise $\mathcal N(0, \sigma^2 I)$, $-\log\pi(z) = \log 2\pi\sigma^2 + |z|^2/2\sigma^2$, and
# $\mathbb E|z|^2 = \mathbb E A/\pi \ge \mathbb E V/\pi$ as before. Write $u = \log\sigma^2$. The
# bound $\log 2\pi + u + \frac{\mathbb E V}{2\pi} e^{-u}$ is convex in $u$, and its derivative $1 -
# \frac{\mathbb E V}{2\pi} e^{-u}$ is zero at $e^u = \sigma^2 = \mathbb E V / 2\pi$. Insert this
# $\sigma^2$: $\log \mathbb E V + 1$.
#
# </details>

# %%
narrow = toy.GaussianMixture([[0.0, 0.0]], std=0.5)
EV_narrow = mean_area(narrow)
lesson.check("E V of N(0, I/4): 2π/4", EV_narrow, equals=np.pi / 2, atol=0.01)
lesson.check("bound for it: its entropy", 1 + np.log(EV_narrow), equals=narrow.entropy(), atol=0.01)

# %%
lesson.predict(
    "With scale and networks as large as you like: for which data is the bound equal to the"
    " entropy?",
    ["the two moons", "the ring of eight Gaussians", "both", "neither"],
)


# %%
def floor_with_scale(density):
    return max(1 + np.log(EV[density.name]), density.entropy())  # the sum over cells has an error


left_over = {d.name: floor_with_scale(d) - d.entropy() for d in (moons, ring)}
reached = [name for name, gap in left_over.items() if gap < 0.001]
answers = {"two moons": "the two moons", "ring": "the ring of eight Gaussians"}
answer = "both" if len(reached) == 2 else answers[reached[0]] if reached else "neither"

# %%
lesson.outcome(
    f"The bound is {left_over['two moons']:.4f} nats above the entropy of the moons, and"
    f" {left_over['ring']:.4f} above that of the ring. Sort the cells of eight equal Gaussians:"
    " the profile is that of one Gaussian with eight times the area. The profile of a noisy arc"
    " is not a Gaussian's: its density falls off to two sides only.",
    answer=answer,
)

# %% [markdown]
# The bound holds for the best map. Training has to find a map. (As in `flow/05`, gradients of norm
# above 1 are clipped: the ring is narrow, so a single badly fitted point has a large gradient.)

# %%
lesson.predict(
    "After training, on which data is the gap to the entropy smaller?",
    ["the two moons", "the ring of eight Gaussians", "equal, within 0.05 nats"],
)

# %%
scaled = {}
for density in (moons, ring):
    label = f"{density.name}, with scale"
    flow = NICE(lesson.rng(label), 2, cfg.couplings, cfg.width)
    flow.standardize(density.sample(lesson.rng(f"start of {label}"), 5000))
    steps = lesson.steps(2500, quick=5)
    scaled[density.name] = train(label, flow, density, steps, clip=1.0)
lesson.sampler("two moons", scaled["two moons"].sample)

# %%
gaps = {name: gap_of(flow, d).gap for (name, flow), d in zip(scaled.items(), (moons, ring))}
close = abs(gaps["two moons"] - gaps["ring"]) < 0.05
smaller = min(gaps, key=gaps.get)
lesson.outcome(
    f"The gap is {gaps['two moons']:.3f} nats on the moons, and {gaps['ring']:.3f} on the ring.",
    answer="equal, within 0.05 nats" if close else answers[smaller],
)

# %%
gaussians = {
    d.name: gap_of(NICE(lesson.rng(), 2).standardize(tests[d.name]), d).gap for d in (moons, ring)
}
floors = [floor_without_scale(EV[d.name]) - d.entropy() for d in (moons, ring)]
rows = [
    ["a Gaussian about 0", gaussians["two moons"], gaussians["ring"]],
    ["bound, no scale", *floors],
    ["trained, no scale", gap_unscaled, None],
    ["bound, with scale", left_over["two moons"], left_over["ring"]],
    ["trained, with scale", gaps["two moons"], gaps["ring"]],
]
lesson.table(rows, ["NLL above the entropy, nats", "two moons", "ring"])

# %%
fig, axes = plot.figure(2, 2, size=(3.2, 2.9))
near = places[places < 3]
for (name, flow), density, row in zip(scaled.items(), (moons, ring), axes, strict=True):
    shown = np.array(density.bounds) * 1.15
    drawn = flow.sample(lesson.rng(f"draws {name}"), 3000)
    plot.samples(drawn, density, row[0], bounds=shown, title=f"{name}: samples over the data")
    profiles = {name: profile(density.log_prob, wide), "NICE": profile(flow.log_prob, wide)}
    curves = heights(profiles, near)
    plot.line(near, curves, row[1], xlabel="area", title="density, sorted")

# %%
lesson.figure(
    fig,
    "with_scale",
    f"Above the bound with scale: the moons {gaps['two moons'] - left_over['two moons']:.3f} nats,"
    f" the ring {gaps['ring'] - left_over['ring']:.3f}. A continuous bijection cannot separate the"
    " one mode of the noise into eight: some mass stays on bridges between the modes.",
)

# %%
gain = gap_unscaled - gaps["two moons"]
around = (floors[0] - 0.02, floors[0] + 0.09)  # from below, the error of 50,000 points
source = "theory: the bound, 0.997; seeds 0, 1 and 2031: at most 1.034"
lesson.claim("two moons, no scale: gap", gap_unscaled, between=around, unit="nats", source=source)
source = "the bound is 0.036; seeds 0, 1 and 2031: at most 0.14, plus a third"
name = "two moons, with scale: gap"
lesson.claim(name, gaps["two moons"], at_most=0.19, unit="nats", source=source)

# %%
source = "seeds 0, 1 and 2031: at least 0.89, minus a fifth"
lesson.claim("two moons: the scale gains", gain, at_least=0.7, unit="nats", source=source)
source = "seeds 0, 1 and 2031: at most 0.47, plus a third; a Gaussian: 3.2"
lesson.claim("ring, with scale: gap", gaps["ring"], at_most=0.63, unit="nats", source=source)

# %% [markdown]
# A bound limits every network. It does not promise that training finds the best one. RealNVP
# (`flow/05`) has a scale that depends on the place, so it can change the values of the density. On
# the moons its gap to the entropy may fall below the bound with scale, and the gap of a NICE
# cannot.

# %%
lesson.check("moons, with scale: bound", left_over["two moons"], between=(0.0353, 0.0363))

# %% [markdown]
# On the ring the bound is the entropy, so only networks of a given size and training can be
# compared.
#
# **A wrong turn.** Suppose the mask on the network's input is forgotten: the input of $m$ is the
# whole vector, including the half that $m$ shifts. The function still returns 0 as its
# log-determinant. Here is the result of training with it.

# %%
from minigen.flow.coupling import AdditiveCoupling


class Unmasked(AdditiveCoupling):
    """The mistake: the shift is computed from the whole vector."""

    def inverse(self, x, context=None):
        return x - (1 - self.mask) * self.net(x), np.zeros(len(x), dtype=x.dtype)


wrong = NICE(lesson.rng("wrong"), 2, cfg.couplings, cfg.width, scaled=False)
wrong.bijection.bijections = [Unmasked(f.net, f.mask) for f in wrong.bijection.bijections]
train("wrong turn: m sees all", wrong, moons, lesson.steps(200, quick=3))
reported = -np.mean(wrong.log_prob(tests["two moons"]))

# %%
log_p, _ = profile(wrong.log_prob, wide)
side = 12 / (np.sqrt(len(log_p)) - 1)
mass = np.sum(np.exp(log_p)) * side**2
lesson.table(
    [["bound, no scale", floor, 1.0], ["unmasked input", reported, mass]],
    ["two moons", "NLL, nats", "mass within ±6"],
)

# %%
below = floor - reported
source = "theory: at most 0.166, if every z is 0; seeds 0, 1 and 2031: 0.166"
lesson.claim("wrong turn: below the bound by", below, at_least=0.05, unit="nats", source=source)
source = "theory: 1 for a true density; seeds 0, 1 and 2031: 10.4 to 11.0"
lesson.claim("wrong turn: mass, which should be 1", mass, at_least=1.5, source=source)

# %% [markdown]
# The reported NLL is one that no map of determinant 1 can have, and the total mass of the "density"
# is far from 1. So the bound is useful as a test: **an NLL below the bound reveals a bug.**
#
# ## 4. Digits
#
# We follow the paper's protocol. The gray value plus uniform noise is divided by 256, so that a
# pixel takes every value in $[0, 1]$; without the noise a density could grow without bound at the
# 256 gray values. A digit is a vector of 784 coordinates. The couplings keep the even and the odd
# ones in turn, and one scale for each coordinate follows at the end. NICE's noise is not the normal
# but the *logistic* distribution, which has heavier tails:
#
# $$\log \pi(z) = \sum_i -z_i - 2 \log(1 + e^{-z_i}) .$$
#
# We report log-likelihoods in nats on $[0, 1]^{784}$, as the paper does, and in **bits per pixel**,
# as in `flow/05`: $8 - \text{nats}/(784 \log 2)$. The uniform density has 0 nats, 8 bits. With
# uniform noise, bits per pixel are an upper bound of the length of a code for the 256 gray values
# (Theis et al. 2016; `flow/14`).

# %%
lesson.predict(
    "NICE without scale, logistic noise, networks as large as you like: how many bits per pixel?",
    ["1 to 4", "4 to 8", "more than 8"],
)

# %%
from minigen.flow.bijection import StandardLogistic

peak = StandardLogistic(784).log_prob(np.zeros((1, 784)))[0]  # at 0, where it is largest
lesson.check("largest log-density of the noise", peak, equals=-784 * np.log(4))
fewest = 8 - peak / (784 * np.log(2))
lesson.check("fewest bits per pixel without scale", fewest, equals=10.0)
lesson.outcome(
    f"At least {fewest:.0f}, more than the uniform density needs: the noise has at most the"
    " density 1/4 for each pixel, and a map of determinant 1 cannot raise it.",
    answer="more than 8",
)

# %% [markdown]
# Now with scale. At the start each coordinate gets the standard deviation of its pixel. We compare
# with a Gaussian with all $784^2$ covariances, on the same data, and with the paper's 1980.5 nats
# (networks of five hidden layers of 1,000 units, trained for 1,500 epochs).

# %%
from minigen.data import mnist

digits = mnist.load()
train_images = digits.train_images[: lesson.size(60_000, quick=1000)]
test_images = digits.test_images[: lesson.size(10_000, quick=200)]


def pixels(images, rng):
    """uint8 images -> (N, 784) pixels in [0, 1), with noise that fills the gaps."""
    x = mnist.dequantize(images, rng).reshape(-1, 784)
    x /= np.float32(256)  # in place: 60,000 digits are 190 MB
    return x


def bits(nats):
    return 8 - nats / (784 * np.log(2))


# %%
x_test = pixels(test_images, lesson.rng("test noise"))
x_train = pixels(train_images, lesson.rng("train noise"))
covariance = mean_and_covariance(x_train)[1] + (1e-6 * np.eye(784) if lesson.quick else 0)
off = x_test - x_train.mean(axis=0)
distance = np.sum(off * np.linalg.solve(covariance, off.T).T, axis=1)
nats_gauss = np.mean(-0.5 * (distance + np.linalg.slogdet(2 * np.pi * covariance)[1]))

# %%
digit_cfg = lesson.configure(digit_width=512, digit_depth=2, digit_batch=128, digit_lr=1e-2)
flow = NICE(
    lesson.rng("digit flow"),
    784,
    couplings=4,
    width=lesson.size(digit_cfg.digit_width, quick=32),
    depth=digit_cfg.digit_depth,
    activation="relu",
    interleaved=True,
    base=StandardLogistic(784),
    spread=0.0,
)

# %%
flow.standardize(x_train[:5000])
nats_start = np.mean(flow.log_prob(x_test))


# %%
def draw_digits(rng):
    """A batch of digits, with new noise."""
    rows = rng.integers(len(train_images), size=lesson.size(digit_cfg.digit_batch, quick=16))
    return pixels(train_images[rows], rng)


steps = lesson.steps(1400, quick=3)
lr = cosine(digit_cfg.digit_lr, steps, warmup=min(100, steps))
rng = lesson.rng("digits")
step = descend(negative_log_likelihood, flow, draw_digits, lr=lr, rng=rng, ema=0.998)
lesson.fit(step, steps, state=step.state, label="NICE on digits")


# %% [markdown]
# We evaluate the moving average of the weights (EMA), as in the lessons before, and sample from it.


# %%
def sample_digits(rng, n):
    """n images of the averaged flow, gray values in [0, 1]."""
    return np.clip(step.averaged.sample(rng, n), 0, 1).reshape(n, 28, 28, 1)


lesson.sampler("digits", sample_digits, default=True)

# %%
log_p = step.averaged.log_prob(x_test)
nats = np.mean(log_p)
rows = [
    ["the uniform density", 0.0, 8.0],
    ["NICE before training: a logistic for each pixel", nats_start, bits(nats_start)],
    ["Gaussian, full covariance", nats_gauss, bits(nats_gauss)],
    ["NICE, here", nats, bits(nats)],
    ["NICE, the paper", 1980.5, bits(1980.5)],
]
lesson.table(rows, ["test digits", "nats on [0, 1]^784", "bits per pixel"])

# %%
margin = bits(nats_gauss) - bits(nats)
lesson.claim(
    "digits: bits per pixel below the Gaussian's",
    margin,
    at_least=0.07,
    source="seeds 0, 1 and 2031: at least 0.106",
)
z, _ = step.averaged.bijection.inverse(x_test[:100])
x_back, _ = step.averaged.bijection.forward(z)
off = np.abs(x_back - x_test[:100]).max()
lesson.check("|forward(inverse(x)) - x|, largest", off, at_most=1e-3)

# %%
learned = np.sort(np.exp(step.averaged.bijection.bijections[0].log_scale))[::-1]
principal = np.sqrt(np.clip(np.linalg.eigvalsh(covariance)[::-1], 1e-9, None) / (np.pi**2 / 3))
spectrum = {"scales of NICE, sorted": learned, "PCA: standard deviations, sorted": principal}
ax = plot.line(np.arange(784), spectrum, log="y", xlabel="rank", title="scales of the coordinates")
lesson.figure(
    ax,
    "scales",
    "Where a scale is small, the data hardly vary along that coordinate of z: NICE's counterpart"
    " of the small variances of PCA (both in units of the logistic).",
)

# %%
shown = sample_digits(lesson.rng("shown"), 36)
real = test_images[:12, :, :, None] / 255
lesson.figure(
    plot.image_grid(np.concatenate([real, shown]), 4, 12, row_labels=["test", "NICE", "", ""]),
    "digits",
    "Test digits, and samples of NICE: look at where the strokes are, and at how well neighboring"
    " pixels agree.",
)

# %%
steps_of_paper = 1500 * 60_000 / digit_cfg.digit_batch
print(f"  this training: {steps:,} steps; 1,500 epochs: {steps_of_paper:,.0f} steps")

# %% [markdown]
# A coupling predicts half of the pixels from the other half. But the error of this prediction has
# the *same* scale for every digit, whether or not there is a stroke nearby. And this training is
# about five hundred times shorter than the paper's 1,500 epochs.
#
# These bits can be compared with those of `flow/05`: both are likelihoods of the same $v \in [0,
# 256]$, and the preprocessing is part of the model. Here the gray values stay as they are. There a
# logit stretches the intervals near 0 and 255.
#
# ## 5. Where the post is loose
#
# - “Non-linear Independent Component Estimation”: the title of the paper has the plural,
#   *Components*.
# - “The transformation in NICE is the affine coupling layer without the scale term”: this is true
#   of each coupling, but not of the whole transformation. It would preserve volume, with the limits
#   of section 2. The paper's model ends in the diagonal scale.
#
# **What we do otherwise:** our small networks and short training; in the plane, normal noise in
# place of the logistic. **Left out:** the multiplicative and affine couplings that the paper lists
# as alternatives (RealNVP uses the affine one); inpainting by gradient ascent; other data.
# **Next:** `flow/07`, Glow, where matrices whose determinants are not 1 mix the channels.
#
# **Your turn:** `minigen exercise start flow/06`, then `minigen run flow/06 --with
# exercises/flow_06.py`.

# %%
lesson.finish()
