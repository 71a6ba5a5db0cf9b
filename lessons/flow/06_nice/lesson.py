# %% [markdown]
# # NICE: maps that preserve volume
#
# RealNVP (`flow/05`) scales one half of the numbers and shifts it. The scale is the awkward part.
# It must be kept from overflowing, and because of it the loss needs a determinant. Why not leave it
# out, and only shift? Then the map is undone by a subtraction, and its determinant is 1 for any
# network. That sounds too good, and it is, because a map with determinant 1 *preserves volume*.
# What can such a map never learn, and what is the cheapest repair?
#
# The answer is in NICE (*Non-linear Independent Components Estimation*), the predecessor of
# RealNVP. We look at the shift (section 1), compute the best fit of any map that preserves volume
# (2), repair it with one scale for each coordinate (3), and try digits (4). This lesson follows the
# section *NICE* of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/).
#
# Before this lesson: `flow/05`.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/06_nice",
    title="NICE: maps that preserve volume",
    post="flow",
    sections=["flow.s08"],
    figures=[],
    equations=["flow.14"],
    minutes=1,
    picture="squares",
    sources=["weng2018flow", "dinh2015nice", "theis2016note"],
)

# %%
from itertools import permutations

import autograd.numpy as np

from minigen import plot
from minigen.data import mnist, toy
from minigen.flow.bijection import StandardLogistic
from minigen.flow.coupling import AdditiveCoupling, half_mask
from minigen.flow.coupling import additive_forward, additive_inverse, diagonal_scale
from minigen.flow.nice import NICE
from minigen.metrics import nll_gap
from minigen.metrics.samples import mean_and_covariance

# %%
from minigen.optim import cosine
from minigen.tensor import jacobian
from minigen.train import descend

# %% [markdown]
# ## 1. A coupling that only shifts
#
# How much of RealNVP survives without the scale? NICE (Dinh et al. 2015) keeps one half of the
# vector and shifts the other half by the output of one network, which the post calls $m$. This
# is the *additive coupling layer*. Let's do it on two numbers, with $z$ for noise and $x$ for
# data. We keep the first number $u$, and shift the second by $m(u) = u^2$. Then $z = (2, 3)$
# becomes $x = (2, 3 + 4) = (2, 7)$. To return, we read off the 2, compute the shift 4 once more,
# and find $7 - 4 = 3$.
#
# In general, and in the names of the post, where $x$ is mapped to $y$ (Eq. flow.14),
#
# $$\begin{cases} y_{1:d} = x_{1:d} \\ y_{d+1:D} = x_{d+1:D} + m(x_{1:d}) \end{cases}
# \quad\Leftrightarrow\quad
# \begin{cases} x_{1:d} = y_{1:d} \\ x_{d+1:D} = y_{d+1:D} - m(y_{1:d}). \end{cases}$$
#
# In words, the kept half passes through, so the same shift can be computed on both sides, and what
# one direction adds the other subtracts.

# %%
lesson.exercise("flow/06/additive_forward")
lesson.exercise("flow/06/additive_inverse")

# %%
mask = half_mask(2)  # (1, 0): the first coordinate is kept, the second is changed


def m(a):
    """The "network": the shift u², computed from the first coordinate u of each point."""
    u = a[:, :1]
    return np.concatenate([u, u**2], axis=1)  # the shift of the kept half has no effect


x, log_det = additive_forward(np.array([[2.0, 3.0]]), m, mask)
back, _ = additive_inverse(x, m, mask)
lesson.check("(2, 3) goes to (2, 7) and comes back", [x[0], back[0]], equals=[[2, 7], [2, 3]])

# %% [markdown]
# What does this map do to space? Let's send three squares of side 1 through $x = (z_1, z_2 +
# z_1^2)$, and measure their areas. (By the *shoelace formula*, the area inside a border is half of
# $|\sum_i x_i y_{i+1} - y_i x_{i+1}|$.)


# %%
def square(left, bottom, n=200):
    """The border of a square of side 1, once around from corner to corner: (4n, 2)."""
    t = np.linspace(0, 1, n)
    x = np.concatenate([t, 0 * t + 1, 1 - t, 0 * t])
    y = np.concatenate([0 * t, t, 0 * t + 1, 1 - t])
    return np.stack([left + x, bottom + y], axis=1)


def area(border):
    x, y = border.T
    return 0.5 * abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))


def length(border):
    return np.sum(np.linalg.norm(np.roll(border, -1, axis=0) - border, axis=1))


# %%
squares = [square(-2.0, -1.0), square(-0.5, -1.0), square(1.0, -1.0)]
images = [additive_forward(each, m, mask)[0] for each in squares]
areas, lengths = [area(each) for each in images], [length(each) for each in images]

# %%
fig, axes = plot.figure(1, 2, size=(3.0, 3.4))
for before, after, shade in zip(squares, images, plot.CYCLE):  # blue, orange, green
    look = {"bounds": (-2.3, 2.3, -1.3, 4.3), "ends": False, "color": shade}
    plot.trajectories(before, axes[0], title="z", **look)
    plot.trajectories(after, axes[1], title="x = (z₁, z₂ + z₁²)", **look)
axes[0].plot(np.linspace(-2, 2, 99), np.linspace(-2, 2, 99) ** 2, ":", color=plot.color.ink)

# %%
lesson.figure(
    fig,
    "squares",
    "On the left three squares (blue, orange, green) and the shift at each z₁ (dotted), on the "
    "right the images of the squares. Compare the length of one vertical side before and after.",
)

# %%
lesson.check("lengths of the borders, 4 before", lengths, equals=[8.336, 4.296, 8.336], atol=1e-3)
lesson.check("areas of the three images", areas, equals=[1, 1, 1], atol=1e-4)

# %% [markdown]
# The squares are bent, and the borders of the outer two are more than twice as long. But each
# vertical line is shifted as a whole, so it keeps its length, and an area is the sum over such
# lines. That is why the areas do not change. The Jacobian shows the same for every network and in
# any dimension:
#
# $$\mathbf J = \begin{bmatrix} \mathbb I_d & \mathbf 0 \\[3pt]
#   \dfrac{\partial m(x_{1:d})}{\partial x_{1:d}} & \mathbb I_{D-d} \end{bmatrix} , \qquad
# \det \mathbf J = 1, \qquad \log|\det \mathbf J| = 0 .$$
#
# The kept half does not depend on the other, which gives the zeros, and the shifted half enters
# with the factor 1. The matrix is therefore triangular with ones on its diagonal, and its
# determinant is their product. The derivative of $m$ is in the corner, where it does not count.

# %%
J = jacobian(lambda z: additive_forward(z, m, mask)[0])(np.array([[2.0, 3.0]])).reshape(2, 2)
lesson.check("the Jacobian at (2, 3), row by row", J, equals=[[1, 0], [4, 1]])
lesson.check("the log-determinant that the function returns", log_det, equals=[0.0])
lesson.show_source(additive_forward, additive_inverse)

# %%
lesson.change(
    "a shift by the number that is shifted",
    "Let the shift depend on the *second* coordinate too: change `u**2` in `m` to `u * a[:, 1:]` "
    "and run again. How long are the borders now, and why?",
    answer="They are 4, 4 and 4, as before the map, because nothing is shifted. "
    "`additive_forward` passes 0 to `m` in place of the second coordinate. If it passed the "
    "coordinate itself, the second coordinate would become $z_2 (1 + z_1)$, and the determinant "
    "would be $1 + z_1$.",
)

# %% [markdown]
# A shift is cheap: a subtraction undoes it, and its determinant is 1. But what can a map that
# preserves volume not do?
#
# ## 2. The best fit of a map that preserves volume
#
# Let's begin with a case in which we can try everything. Four cells of equal size hold 0.4, 0.3,
# 0.2 and 0.1 of the noise. The data have 0.6, 0.25, 0.1 and 0.05 of their points in four such
# cells. A map that preserves area can carry any cell onto any other. However, it cannot put 0.6
# into any cell, because no cell holds that much. It moves the values of the density to other
# positions and changes none of them. We try all 24 arrangements, and score each by its mean
# negative log-likelihood (NLL, Eq. flow.09).

# %%
noise = np.array([0.4, 0.3, 0.2, 0.1])
data = np.array([0.6, 0.25, 0.1, 0.05])
scores = {order: -data @ np.log(noise[list(order)]) for order in permutations(range(4))}
best = min(scores, key=scores.get)
lesson.check("the best arrangement", list(best), equals=[0, 1, 2, 3])
lesson.check("its score: 0.6·0.916 + 0.25·1.204 + ...", scores[best], equals=1.1268, atol=1e-4)
entropy_of_cells = -data @ np.log(data)
lesson.check("the entropy of the data", entropy_of_cells, equals=1.0331, atol=1e-4)

# %% [markdown]
# The best arrangement matches the largest with the largest, the second with the second, and so on.
# It still misses the entropy of the data, the NLL of a perfect model, by 0.094 nats.

# %%
lesson.change(
    "even noise",
    "Distribute the noise evenly: change `noise` to `np.array([0.25, 0.25, 0.25, 0.25])` and run "
    "again. What is the best score, and of how many arrangements?",
    answer="It is $\\log 4$, 1.386 nats, for all 24, because all cells hold the same fraction. "
    "The distance from the entropy grows from 0.094 to 0.353 nats. What counts is how alike the "
    "two sorted lists are.",
)

# %% [markdown]
# In the plane we can take the cells as small as we like, and the argument is the same. The noise is
# $\mathcal{N}(0, I)$. The data are two moons, whose entropy is 1.008 nats.

# %%
moons, ring = toy.two_moons(0.1), toy.ring()
lesson.check("entropy of the two moons, nats", moons.entropy(), equals=1.0076, atol=1e-3)

# %%
lesson.predict(
    "With additive couplings only, and networks as large as you like, what is the lowest possible "
    "NLL on the two moons?",
    ["as near to 1.008 as we like", "about 1.5", "more than 1.8"],
)

# %% [markdown]
# Sort the cells of the data by density, the densest first. (This is the *decreasing rearrangement*
# of the density.) Let $V(x)$ be the area of all cells that are at least as dense as $x$. The noise
# is densest at 0, and its density falls with the distance from 0. Therefore the best map sends the
# densest cells of the data, with total area $V$, onto a disc of area $V$ around 0, and the point
# $x$ to the rim of this disc. Hence
#
# $$\text{NLL} \;\ge\; \log 2\pi + \frac{\mathbb{E}\,V(x)}{2\pi} .$$
#
# In words, the first term is the price of the peak, because no point can have a higher density than
# the center of the noise, $1/2\pi$. The second is the price of the area, because data that fill a
# larger area must take the lower densities, too.
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
# We test the bound where the best map is known. For the noise itself, $x \sim \mathcal N(0, I)$,
# that map is the identity, $V(x) = \pi|x|^2$, and $\mathbb E V = 2\pi$. The bound is then $1 + \log
# 2\pi$, the entropy of $\mathcal N(0, I)$, as it should be.

# %%
EV = {density.name: mean_area(density) for density in (moons, ring)}
normal = toy.GaussianMixture([[0.0, 0.0]], std=1.0)


def floor_without_scale(mean_V):
    """The lowest NLL of a map that preserves area, from E V."""
    return np.log(2 * np.pi) + mean_V / (2 * np.pi)


floor_normal = floor_without_scale(mean_area(normal))
floor = floor_without_scale(EV["two moons"])

# %%
lesson.outcome(
    f"The lowest NLL is {floor:.3f} nats, because no density can be above 1/2π. This costs log 2π ="
    f" {np.log(2 * np.pi):.3f} nats, and the area of the moons costs the other "
    f"{EV['two moons'] / (2 * np.pi):.3f}.",
    answer="more than 1.8" if floor > 1.8 else None,
)
lesson.check("bound for N(0, I): 1 + log 2π", floor_normal, equals=1 + np.log(2 * np.pi), atol=0.01)

# %% [markdown]
# That is a bound for *every* flow of additive couplings. Does training reach it? We take eight
# couplings, which keep the first and the second coordinate in turn:

# %%
lesson.show_source(NICE)
cfg = lesson.configure(couplings=8, width=64, batch=512, lr=4e-3)


def negative_log_likelihood(flow, x):
    return flow.loss(x)


# %% [markdown]
# We take the training step of `flow/05`, with fresh data, the gradient of the NLL, and Adam with a
# learning rate that rises and falls.


# %%
def train(label, flow, density, steps, clip=None):
    """Train a flow on new samples of a density, by maximum likelihood."""

    def draw(rng):
        return density.sample(rng, cfg.batch)

    lr = cosine(cfg.lr, steps, warmup=min(100, steps))
    rng = lesson.rng(f"data of {label}")
    step = descend(negative_log_likelihood, flow, draw, lr=lr, clip=clip, rng=rng)
    lesson.fit(step, steps, state=step.state, label=label)
    return flow


# %%
unscaled = NICE(lesson.rng("unscaled"), 2, cfg.couplings, cfg.width, scaled=False)
untrained = unscaled.copy()  # it starts as the identity, so its density is the noise
train("two moons, no scale", unscaled, moons, lesson.steps(600, quick=5))

# %% [markdown]
# For comparison we add two trivial models, the untrained flow, which is the noise, and one Gaussian
# with the mean and the covariance of the data.


# %%
def one_gaussian(x):
    """The Gaussian with the mean and the covariance of points x (N, D)."""
    mean, covariance = mean_and_covariance(x)
    return toy.GaussianMixture([mean], covariances=[covariance])


n_test = lesson.size(50_000, quick=1000)
tests = {density.name: density.sample(lesson.rng("test"), n_test) for density in (moons, ring)}
gaussians = {d.name: one_gaussian(d.sample(lesson.rng("fit"), n_test)) for d in (moons, ring)}


def gap_of(model, density):
    """Nats by which the NLL of a model is above the entropy: KL(data || model)."""
    return nll_gap(density, model.log_prob, tests[density.name]).gap


# %%
entropy, gap_unscaled = moons.entropy(), gap_of(unscaled, moons)
nll_gaussian = entropy + gap_of(gaussians["two moons"], moons)

# %%
lesson.table(
    [
        ["the noise", entropy + gap_of(untrained, moons)],
        ["NICE without scale", entropy + gap_unscaled],
        ["lowest NLL with determinant 1", floor],
        ["one Gaussian", nll_gaussian],
        ["a perfect model", entropy],
    ],
    ["two moons", "NLL, nats"],
)
lesson.check(
    "highest density of the flow, at most 1/2π",
    np.exp(profile(unscaled.log_prob, moons.bounds)[0][0]),
    at_most=1.0001 / (2 * np.pi),
)

# %% [markdown]
# Training comes close to the bound, but the bound is twice the entropy. One Gaussian beats every
# flow of this kind, although it cannot bend anything, because it can stretch. What exactly is lost
# if nothing is stretched? We sort the densities. How high is the density on the densest tenth of a
# unit of area, on the next tenth, and so on?


# %%
def heights(log_prob, places, bounds=(-6, 6, -6, 6)):
    """The sorted density at each of these areas."""
    log_p, V = profile(log_prob, bounds)
    return np.interp(places, V, np.exp(log_p))


places = np.linspace(0.02, 6, 200)
models = {"two moons": moons, "noise N(0, I)": untrained.base, "NICE without scale": unscaled}
curves = {name: heights(model.log_prob, places) for name, model in models.items()}

# %%
fig, axes = plot.figure(1, 3, size=(3.0, 2.8))
plot.line(
    places,
    curves,
    axes[0],
    xlabel="area",
    title="density, sorted",
    styles={"NICE without scale": "--"},
)

# %%
plot.density(unscaled, axes[1], bounds=(-3, 4, -3, 3), title="density of the flow")
plot.samples(
    unscaled.sample(lesson.rng("unscaled draws"), 2000),
    moons,
    axes[2],
    bounds=(-3, 4, -3, 3),
    title="its samples, over the data",
)

# %%
lesson.figure(
    fig,
    "without_scale",
    "The sorted densities of the moons (blue), of the noise (orange) and of the flow (green, "
    "dashed) on the left, the density of the flow (blue) in the middle, and its samples (orange) "
    "over the data (blue) on the right. Compare the orange curve with the green one.",
)

# %% [markdown]
# Whatever the network learns, the sorted density of the flow is that of the noise. The noise is
# spread over several units of area, and the moons of the flow must be spread over as many. That is
# why they are broad, and why no larger network can help.
#
# ## 3. One scale for each coordinate
#
# What is the cheapest repair? NICE adds one last layer, which multiplies each coordinate by a
# factor of its own, $x_i = e^{s_i} z_i$. It is the only part that changes volume, and its
# log-determinant is $\sum_i s_i$, the same for all points. For example, the factors 2, 3 and 1/4
# take $(1.5, -2, 4)$ to $(3, -6, 1)$, and make every volume 3/2 times as large.

# %%
lesson.exercise("flow/06/diagonal_scale")

# %%
scales = np.log([2.0, 3.0, 0.25])
x, log_det = diagonal_scale(np.array([[1.5, -2.0, 4.0]]), scales)
lesson.check("(1.5, -2, 4) scaled by 2, 3 and 1/4", x, equals=[[3, -6, 1]], atol=1e-9)
lesson.check("log of the volume, 2 · 3 / 4", log_det, equals=[np.log(1.5)])
lesson.show_source(diagonal_scale)

# %% [markdown]
# In the plane only the product of the two scales matters, because a map that preserves area can
# stretch one coordinate and shrink the other. Call the product $\sigma^2$. The noise becomes
# $\mathcal{N}(0, \sigma^2 I)$, as broad or narrow as the data need it, and the bound becomes
#
# $$\text{NLL} \;\ge\; \log 2\pi\sigma^2 + \frac{\mathbb{E}\,V(x)}{2\pi\sigma^2}, \qquad
# \text{lowest at } \sigma^2 = \frac{\mathbb{E}\,V(x)}{2\pi}: \quad 1 + \log \mathbb{E}\,V(x) .$$
#
# In words, the noise may now have the right width, but it keeps the shape of a Gaussian.
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

# %% [markdown]
# For the noise itself, here with variance 1/4, the bound is again the entropy. How much does it
# leave for other data? Besides the moons we take the ring of eight narrow Gaussians of `flow/05`.

# %%
lesson.predict(
    "With scale and networks as large as you like, for which data is the bound equal to the "
    "entropy?",
    ["the two moons", "the ring of eight Gaussians", "both", "neither"],
)


# %%
def floor_with_scale(mean_V):
    """The lowest NLL of a map that preserves area, times the best scale, from E V."""
    return 1 + np.log(mean_V)


left_over = {d.name: floor_with_scale(EV[d.name]) - d.entropy() for d in (moons, ring)}

# %%
lesson.outcome(
    f"The bound minus the entropy is {left_over['two moons']:.5f} nats for the moons and "
    f"{left_over['ring']:.5f} for the ring. The second number would be 0 without the error of the "
    "sum over cells, because the sorted density of eight equal Gaussians is that of one Gaussian "
    "with eight times the area. The first is not, because a noisy arc falls off to two sides only, "
    "and its sorted density is not a Gaussian's.",
    answer={
        (True, False): "the two moons",
        (False, True): "the ring of eight Gaussians",
        (True, True): "both",
        (False, False): "neither",
    }[tuple(abs(gap) < 0.001 for gap in left_over.values())],
)

# %%
lesson.check("moons, with scale: bound", left_over["two moons"], between=(0.0353, 0.0363))
lesson.check("ring, with scale: bound", left_over["ring"], equals=0.0, atol=3e-4)

# %% [markdown]
# The bound therefore leaves nothing between NICE and the ring. But it belongs to the best map, and
# training has to find one. (As in `flow/05` we limit the norm of the gradient, here to 1. The modes
# of the ring are narrow, so a single badly fitted point has a large gradient.)

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
gaps = {d.name: gap_of(scaled[d.name], d) for d in (moons, ring)}

# %%
lesson.outcome(
    f"The gap is {gaps['two moons']:.3f} nats on the moons and {gaps['ring']:.3f} on the ring, "
    f"because training stops {gaps['two moons'] - left_over['two moons']:.2f} nats above the bound "
    f"of the moons and {gaps['ring'] - left_over['ring']:.2f} above that of the ring.",
    answer="equal, within 0.05 nats"
    if abs(gaps["two moons"] - gaps["ring"]) < 0.05
    else "the two moons"
    if gaps["two moons"] < gaps["ring"]
    else "the ring of eight Gaussians",
)

# %%
lesson.table(
    [
        ["the noise", gap_of(untrained, moons), gap_of(untrained, ring)],
        ["one Gaussian", *(gap_of(gaussians[d.name], d) for d in (moons, ring))],
        ["NICE with scale", *gaps.values()],
        ["the bound", *left_over.values()],
    ],
    ["NLL above the entropy, nats", "two moons", "ring"],
)

# %%
fig, axes = plot.figure(2, 2, size=(3.2, 2.9))

# %%
for (left, right), d in zip(axes, (moons, ring), strict=True):
    plot.samples(
        scaled[d.name].sample(lesson.rng(f"draws {d.name}"), 3000),
        d,
        left,
        bounds=np.array(d.bounds) * 1.15,
        title=f"{d.name}: samples over the data",
    )
    plot.line(
        places[:100],
        {d.name: heights(d.log_prob, places[:100])}
        | {"NICE": heights(scaled[d.name].log_prob, places[:100])},
        right,
        xlabel="area",
        title=f"{d.name}: density, sorted",
    )

# %%
lesson.figure(
    fig,
    "with_scale",
    "NICE with scale on the moons (above) and on the ring (below), as samples (orange) over the "
    "data (blue) on the left, and as the sorted densities of NICE (orange) and of the data (blue) "
    "on the right. On the ring, compare the two curves at their left ends.",
)

# %%
lesson.claim(
    "two moons, no scale: gap",
    gap_unscaled,
    between=(floor - entropy - 0.02, floor - entropy + 0.09),  # below, the error of 50,000 points
    unit="nats",
    source="theory: the bound, 0.997; seeds 0, 1 and 7351: at most 1.041; untrained: 1.49; one "
    "Gaussian: 0.90",
)
lesson.claim(
    "two moons, with scale: gap",
    gaps["two moons"],
    at_most=0.19,
    unit="nats",
    source="the bound is 0.036; seeds 0, 1 and 7351: at most 0.102, nearly doubled; one Gaussian: "
    "0.90",
)

# %%
lesson.claim(
    "two moons: the scale gains",
    gap_unscaled - gaps["two moons"],
    at_least=0.7,
    unit="nats",
    source="seeds 0, 1 and 7351: at least 0.925, minus a quarter",
)
lesson.claim(
    "ring, with scale: gap",
    gaps["ring"],
    at_most=1.0,
    unit="nats",
    source="seeds 0, 1 and 7351: at most 0.472; seed 0 on another processor: 0.76, plus a third; "
    "one Gaussian: 3.22",
)

# %% [markdown]
# On the moons the scale brings almost everything, about nine tenths of a nat. On the ring a large
# gap remains, although the bound allows none. What does it consist of? The bridges between the
# modes catch the eye. A continuous map cannot tear the noise, but the bridges can be as thin as we
# like, so the question is what these bridges cost. As in `flow/05`, a fraction $b$ of the samples
# on bridges costs $-\log(1 - b)$ nats, and unequal masses of the eight modes can be counted as
# well. What remains is the shape of the modes.


# %%
def parts_of(model, gap):
    """The fraction of samples far from all modes, and in nats: its cost, the masses, the shapes."""
    x = model.sample(lesson.rng("ring draws"), lesson.size(50_000, quick=500))
    distances = np.sqrt(np.sum((x[:, None] - ring.modes) ** 2, axis=-1))  # (N, 8)
    is_far = distances.min(axis=1) > 4 * ring.std  # 0.03 % of the data are so far from every mode
    masses = np.bincount(distances[~is_far].argmin(axis=1), minlength=8) / np.sum(~is_far)
    of_far, of_masses = -np.log(np.mean(~is_far)), np.mean(-np.log(8 * np.maximum(masses, 1e-9)))
    return np.array([np.mean(is_far), of_far, of_masses, gap - of_far - of_masses, gap])


parts = parts_of(scaled["ring"], gaps["ring"])
parts_of_gaussian = parts_of(gaussians["ring"], gap_of(gaussians["ring"], ring))

# %%
lesson.table(
    zip(
        [
            "fraction of the samples far from all modes",
            "its cost, nats",
            "unequal masses of the modes, nats",
            "shapes of the modes (what remains), nats",
            "together, nats",
        ],
        parts,
        parts_of_gaussian,
    ),
    ["the gap on the ring, by its parts", "NICE with scale", "one Gaussian"],
)

# %% [markdown]
# Most of the gap lies inside the modes, 0.32 of 0.47 nats in the recorded run. The bridges cost
# less than half as much. (For one Gaussian the empty regions cost most.) The figure shows what is
# wrong inside. On its densest area the flow is less dense than the ring, which means that its modes
# are too wide. Remember that a bound limits every network, and does not promise that training finds
# the best one. (Even the last bits matter here. With the same seed, another processor ended at a
# gap of 0.76.)
#
# ## 4. Digits
#
# Does NICE work beyond the plane? We follow the paper's protocol. The gray value plus uniform noise
# is divided by 256, so that a pixel takes every value in $[0, 1]$. (Without the noise a density
# could grow without bound at the 256 gray values.) A digit is a vector of 784 coordinates. The
# couplings keep the even and the odd ones in turn, and one scale for each coordinate follows at the
# end. The noise of NICE is not normal but *logistic*, with heavier tails:
#
# $$\log \pi(z) = \sum_i -z_i - 2 \log(1 + e^{-z_i}) .$$
#
# We report log-likelihoods in nats on $[0, 1]^{784}$, as the paper does, and in **bits per pixel**,
# $8 - \text{nats}/(784 \log 2)$ (`flow/14`; Theis et al. 2016). The uniform density has 0 nats and
# 8 bits, and fewer bits are better. How much does the last layer matter here?

# %%
lesson.predict(
    "Without scale, with logistic noise and networks as large as you like, how many bits per pixel "
    "does NICE need at least?",
    ["1 to 4", "4 to 8", "more than 8"],
)

# %%
peak = StandardLogistic(784).log_prob(np.zeros((1, 784)))[0]  # at 0, where it is largest
fewest = 8 - peak / (784 * np.log(2))

# %%
lesson.outcome(
    f"NICE without scale needs at least {fewest:.0f} bits per pixel, because the noise has at most "
    "the density 1/4 for each pixel, and a map with determinant 1 cannot raise it.",
    answer="more than 8",
)
lesson.check("largest log-density of the noise", peak, equals=-784 * np.log(4))
lesson.check("fewest bits per pixel without scale", fewest, equals=10.0)

# %% [markdown]
# Without its last layer NICE would be worse than the uniform density, which has learned nothing.
# With it, each coordinate starts with the standard deviation of its pixel. The rival is one
# Gaussian with all $784^2$ covariances, fitted to the same data.


# %%
def pixels(images, rng):
    """uint8 images -> (N, 784) pixels in [0, 1), with noise that fills the gaps."""
    x = mnist.dequantize(images, rng).reshape(-1, 784)
    x /= np.float32(256)  # in place: 60,000 digits are 190 MB
    return x


def bits(nats):
    return 8 - nats / (784 * np.log(2))


# %%
digits = mnist.load()
train_images = digits.train_images[: lesson.size(60_000, quick=1000)]
test_images = digits.test_images[: lesson.size(10_000, quick=200)]
x_test = pixels(test_images, lesson.rng("test noise"))
gaussian = one_gaussian(pixels(train_images, lesson.rng("train noise")))

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
flow.standardize(pixels(train_images[:5000], lesson.rng("start noise")))
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
trained = step.averaged  # the moving average of the weights (EMA), as in the lessons before


# %%
def sample_digits(rng, n):
    """n images of the averaged flow, gray values in [0, 1]."""
    return np.clip(trained.sample(rng, n), 0, 1).reshape(n, 28, 28, 1)


lesson.sampler("digits", sample_digits, default=True)

# %%
nats, nats_gauss = np.mean(trained.log_prob(x_test)), np.mean(gaussian.log_prob(x_test))
lesson.table(
    [
        ["the uniform density", 0.0, 8.0],
        ["NICE before training: a logistic for each pixel", nats_start, bits(nats_start)],
        ["one Gaussian, all covariances", nats_gauss, bits(nats_gauss)],
        ["NICE, here", nats, bits(nats)],
        ["NICE, the paper", 1980.5, bits(1980.5)],
    ],
    ["test digits", "nats on [0, 1]^784", "bits per pixel"],
)

# %%
lesson.claim(
    "digits: bits per pixel below the Gaussian's",
    bits(nats_gauss) - bits(nats),
    at_least=0.07,
    source="seeds 0, 1 and 7351: 0.106, 0.124, 0.106, minus a third; untrained: -0.95",
)
z, _ = trained.bijection.inverse(x_test[:100])
x_back, _ = trained.bijection.forward(z)
off = np.abs(x_back - x_test[:100]).max()
lesson.check("|forward(inverse(x)) - x|, largest", off, at_most=1e-3)

# %% [markdown]
# NICE is better than the Gaussian, but only by about a tenth of a bit. (The networks of the paper
# are far larger, with five hidden layers of 1,000 units, and they are trained for 1,500 epochs,
# ours for three.) How do the samples look?

# %%
ax = plot.image_grid(
    np.concatenate(
        [
            test_images[:12, :, :, None] / 255,
            np.clip(gaussian.sample(lesson.rng("a Gaussian"), 12), 0, 1).reshape(12, 28, 28, 1),
            sample_digits(lesson.rng("shown"), 24),
        ]
    ),
    4,
    12,
    row_labels=["test", "Gaussian", "NICE", ""],
)

# %%
lesson.figure(
    ax,
    "digits",
    "Test digits (first row), samples of one Gaussian (second row) and of NICE (last two rows), in "
    "gray. Compare where the ink is, and how well neighboring pixels agree.",
)

# %% [markdown]
# None of the samples is a digit. But neighboring pixels of the Gaussian's samples agree, while the
# samples of NICE, the model with the higher likelihood, are speckles. A likelihood and the look of
# samples are different things (Theis et al. 2016).
#
# In `flow/05` RealNVP needs 1.24 bits per pixel for the same digits. Is a scale that depends on the
# image worth four bits? Not necessarily, because there is another difference. RealNVP was given the
# logits of the pixels. As a control we fit the Gaussian once more, to the logits.

# %%
logits, log_det = mnist.dequantize_logit(test_images, lesson.rng("test noise"), flat=True)
train_logits, _ = mnist.dequantize_logit(train_images, lesson.rng("train noise"), flat=True)
log_p = one_gaussian(train_logits).log_prob(logits)
bits_in_logits = -np.mean(log_p + log_det) / (784 * np.log(2))

# %%
lesson.table(
    [["the gray values", bits(nats_gauss)], ["the logits", bits_in_logits]],
    ["one Gaussian, fitted to", "bits per pixel"],
)

# %% [markdown]
# The same kind of model, fitted in the same way, saves more than three bits. Only the coordinates
# have changed, and their log-determinant is counted. The four bits therefore cannot be put down to
# the scale. Bits per pixel compare whole models, and the preprocessing is a part of each.
#
# ## 5. A bug that the bound catches
#
# *You may skip this section, because `flow/05` has shown the same mistake. It is for readers who
# want a test for a flow of their own.*
#
# A bound is also a test. Suppose we forget the mask on the network's input, so that $m$ receives
# the whole vector, including the half that it shifts. The function still returns 0 as its
# log-determinant. Training with it looks like a success, because the NLL falls further than before.


# %%
class Unmasked(AdditiveCoupling):
    """The mistake: the shift is computed from the whole vector."""

    def inverse(self, x, context=None):
        return x - (1 - self.mask) * self.net(x), np.zeros(len(x), dtype=x.dtype)


wrong = NICE(lesson.rng("wrong"), 2, cfg.couplings, cfg.width, scaled=False)
wrong.bijection.bijections = [Unmasked(f.net, f.mask) for f in wrong.bijection.bijections]
train("m sees all", wrong, moons, lesson.steps(200, quick=3))
reported = -np.mean(wrong.log_prob(tests["two moons"]))


# %%
def mass_of(model):
    """The integral of a density over the square from -6 to 6."""
    log_p, V = profile(model.log_prob, (-6, 6, -6, 6))
    return np.sum(np.exp(log_p)) * (V[1] - V[0])


mass = mass_of(wrong)

# %%
lesson.table(
    [
        ["NICE without scale", entropy + gap_unscaled, mass_of(unscaled)],
        ["lowest NLL with determinant 1", floor, None],
        ["one Gaussian", nll_gaussian, mass_of(gaussians["two moons"])],
        ["unmasked input", reported, mass],
    ],
    ["two moons", "NLL, nats", "mass within ±6"],
)

# %%
lesson.claim(
    "wrong turn: below the bound by",
    floor - reported,
    at_least=0.05,
    unit="nats",
    source="theory: at most 0.166, if every z is 0; seeds 0, 1 and 7351: 0.166, 0.166, 0.166",
)
lesson.claim(
    "wrong turn: mass, which should be 1",
    mass,
    at_least=1.5,
    source="theory: 1 for a true density; seeds 0, 1 and 7351: 10.5, 10.8, 10.0",
)

# %% [markdown]
# No map with determinant 1 can have the NLL that is reported, and the total mass of the "density"
# is far from 1, so the log-determinant cannot be right. **An NLL below the bound reveals a bug.**
#
# ## What this lesson does differently
#
# - Our networks are small and our training is short. In the plane the noise is normal, not
#   logistic.
# - The bounds of sections 2 and 3 are ours. The post has no experiment with NICE.
# - The paper also lists multiplicative and affine couplings (RealNVP uses the affine ones), and
#   fills in parts of images. We leave these out.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - “Non-linear Independent Component Estimation”: the title of the paper has the plural,
#   *Components*.
# - “The transformation in NICE is the affine coupling layer without the scale term, known as
#   *additive coupling layer*”: this is true of each coupling, but not of the whole transformation,
#   which would have the limits of section 2. The model of the paper ends in the diagonal scale.
#
# ## To remember
#
# - An additive coupling is undone by a subtraction, and its determinant is 1.
# - A map with determinant 1 moves densities and changes none of them, whatever its network.
# - One scale for each coordinate adjusts the width of the noise, but not its shape.
# - That a perfect map exists does not mean that training finds it.
#
# **Next:** Glow (`flow/07`) mixes the channels with matrices whose determinants are not 1.
#
# **Your turn:** `minigen exercise start flow/06`, then `minigen run flow/06 --with
# exercises/flow_06.py`.

# %%
lesson.finish()
