# %% [markdown]
# # NICE: what a map can do that never changes a volume
#
# Mirrors the section *NICE* (flow.s08) of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/). Read `flow/05` first: NICE is
# its older and simpler sister. To take away:
#
# 1. An **additive coupling** is undone by a subtraction, and its determinant is 1, whatever network
#    is inside.
# 2. A map of determinant 1 can carry densities to other places, but it cannot change them. We
#    compute, exactly, how far that gets.
# 3. One number for each coordinate, a scale, takes away most of the limit. On digits these numbers
#    say which directions matter.

# %%
import autograd.numpy as np

from minigen.course import Lesson

lesson = Lesson(
    "flow/06_nice",
    title="NICE: what a map can do that never changes a volume",
    post="flow",
    sections=["flow.s08"],
    figures=[],
    equations=["flow.14"],
    minutes=2.5,
    sources=["weng2018flow", "dinh2015nice"],
)

# %% [markdown]
# ## 1. Take the scale away
#
# RealNVP's coupling keeps half of the numbers, and lets them choose, by networks $s$ and $t$, how
# the other half is scaled and shifted. *NICE* (Dinh et al., two years before) only shifts; the post
# calls the one network that is left $m$. By hand, on two numbers, with $z$ for noise and $x$ for
# data: let the first, $u$, shift the second by $m(u) = u^2$. Then $z = (2, 3)$ goes to
# $x = (2, 3 + 4) = (2, 7)$. And back: the 2 is still there, so the 4 can be computed again,
# $7 - 4 = 3$.

# %%
lesson.predict(
    "Three squares of side 1 go through x = (z₁, z₂ + z₁²): z₁ from -2 to -1, from -1/2 to 1/2,"
    " and from 1 to 2. The border of each was 4 long. It becomes",
    ["shorter", "neither shorter nor longer", "equally longer", "longer, most for the outer two"],
)

# %%
lesson.exercise("flow/06/additive_forward")
lesson.exercise("flow/06/additive_inverse")

# %%
from minigen.flow.coupling import additive_forward, additive_inverse, half_mask

mask = half_mask(2)  # (1, 0): the first number is kept, the second is changed


def m(a):
    """The "network": the shift u², from the first number u of each point."""
    u = a[:, :1]
    return np.concatenate([u, u**2], axis=1)  # what it says of the kept half does not count


x, log_det = additive_forward(np.array([[2.0, 3.0]]), m, mask)
back, _ = additive_inverse(x, m, mask)
lesson.check("(2, 3) goes to (2, 7) and comes back", [x[0], back[0]], equals=[[2, 7], [2, 3]])

# %% [markdown]
# Every shift can be computed again from what was kept. In the names of the post, where $x$ goes to
# $y$ (Eq. flow.14),
#
# $$\begin{cases} y_{1:d} = x_{1:d} \\ y_{d+1:D} = x_{d+1:D} + m(x_{1:d}) \end{cases}
# \quad\Leftrightarrow\quad
# \begin{cases} x_{1:d} = y_{1:d} \\ x_{d+1:D} = y_{d+1:D} - m(y_{1:d}). \end{cases}$$
#
# Now the three squares. We walk around the border of each, send every point through the coupling,
# and measure how long the way was, and the area inside by the *shoelace formula*: half of $|\sum_i
# x_i y_{i+1} - y_i x_{i+1}|$.


# %%
def square(left, bottom, n=200):
    """n points on each side of a square of side 1, once around: (4n, 2)."""
    t = np.arange(n) / n
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
from minigen import plot

fig, axes = plot.figure(1, 2, size=(3.4, 3.2))
for ax, shapes, title in zip(axes, (squares, images), ("z", "x = (z₁, z₂ + z₁²)"), strict=True):
    paths = {f"square {k + 1}": np.concatenate([b, b[:1]]) for k, b in enumerate(shapes)}
    plot.trajectories(paths, ax, bounds=(-2.3, 2.3, -1.3, 4.3), ends=False, title=title)
lesson.figure(
    fig,
    "squares",
    "Each vertical line of a square moves up as a whole, by its own amount. It stays as long as it"
    " was: that is all of the proof.",
)

# %%
lesson.outcome(
    f"{lengths[0]:.2f}, {lengths[1]:.2f} and {lengths[2]:.2f}: two sides of each are bent, and"
    f" where z₁² is steep they are long. And the areas are {areas[0]:.4f}, {areas[1]:.4f} and"
    f" {areas[2]:.4f}: a deck of cards that is pushed into a slant takes as much room as before.",
    answer="longer, most for the outer two",
)
lesson.check("areas of the three images", areas, equals=[1, 1, 1], atol=1e-4)
lesson.check("lengths of their borders", lengths, equals=[8.336, 4.296, 8.336], atol=1e-3)

# %% [markdown]
# In the language of Jacobians: the changed half has the derivative 1 with respect to itself, so
# there are ones all along the diagonal, and zeros above it, because the kept half depends on
# nothing else. Below the diagonal is the derivative of the network, which never counts. The
# determinant is 1, its logarithm 0, and there is nothing to add up.

# %%
from minigen.tensor import jacobian

J = jacobian(lambda z: additive_forward(z, m, mask)[0])(np.array([[2.0, 3.0]])).reshape(2, 2)
lesson.check("the Jacobian at (2, 3), row by row", J, equals=[[1, 0], [4, 1]])
lesson.check("what the function says of its log", log_det, equals=[0.0])

# %%
lesson.change(
    "a shift by the number that is shifted",
    "Let the shift depend on the *second* number too: change `u**2` in `m` to `u * a[:, 1:]` and "
    "run again. How long are the borders now, and why?",
    answer="They are 4, 4 and 4, as before the map: nothing is shifted. `additive_forward` "
    "passes 0 to `m` in the place of the second number. If it passed the number, the map would "
    "be $z_2 (1 + z_1)$, with a determinant that is not 1.",
)

# %% [markdown]
# ## 2. What such a map cannot do
#
# Four fields of equal size hold 0.4, 0.3, 0.2 and 0.1 of the noise. The data are 0.6, 0.25, 0.1
# and 0.05 of the points in four fields. A map that preserves area can carry any field onto any
# other. It cannot put 0.6 into a field, for none has so much: **the list of densities stays, only
# the places change.** So the best it can do is to match the largest with the largest. Let us try
# all 24 arrangements, and score each by the mean negative log-likelihood (Eq. flow.09).

# %%
from itertools import permutations

noise = np.array([0.4, 0.3, 0.2, 0.1])
data = np.array([0.6, 0.25, 0.1, 0.05])
scores = {order: -data @ np.log(noise[list(order)]) for order in permutations(range(4))}
best = min(scores, key=scores.get)
lesson.check("the best arrangement", list(best), equals=[0, 1, 2, 3])
lesson.check("its score: 0.6·0.916 + 0.25·1.204 + ...", scores[best], equals=1.1268, atol=1e-4)
lesson.check(
    "the entropy of the data, which it misses", -data @ np.log(data), equals=1.0332, atol=1e-4
)

# %%
lesson.change(
    "even noise",
    "Spread the noise evenly: change `noise` to `np.array([0.25, 0.25, 0.25, 0.25])` and run "
    "again. What is the best score, and of how many arrangements?",
    answer="It is $\\log 4$, 1.386 nats, of all 24: the places hold equally much, so it does not "
    "matter which goes where. Even noise misses more than noise whose densities are as unequal "
    "as those of the data.",
)

# %% [markdown]
# In the plane the fields are as small as we like, but the argument is the same. Noise is
# $\mathcal{N}(0, I)$, the data are two moons, and their entropy, the best score there is, is known.

# %%
from minigen.data import toy

moons = toy.two_moons(0.1)
ring = toy.ring()
print(f"  entropy: two moons {moons.entropy():.3f} nats, ring of eight {ring.entropy():.3f} nats")

# %%
lesson.predict(
    "Additive couplings only, networks as large as you like. The best NLL on the two moons is",
    ["as near to 1.008 as one likes", "about 1.5", "more than 1.8"],
)

# %% [markdown]
# Sort the fields of the data by density, from the highest, and let $V(x)$ be the area of all that
# is at least as dense as $x$. The noise is densest at 0 and falls off in circles. So the best map
# sends the densest fields of the data, whose area is $V$, to a disc of area $V$ around 0, and the
# point $x$ to its rim, where $|z|^2 = V / \pi$. There $-\log \pi(z) = \log 2\pi + |z|^2 / 2$, hence
#
# $$\text{NLL} \;\ge\; \log 2\pi + \frac{\mathbb{E}\,V(x)}{2\pi} .$$


# %%
def profile(log_prob, bounds, n=lesson.size(700, quick=200)):
    """log p at the centers of n x n fields, from the highest, and the area covered so far."""
    left, right, bottom, top = bounds
    x = np.linspace(left, right, n, dtype=np.float32)
    y = np.linspace(bottom, top, n, dtype=np.float32)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    log_p = np.sort(log_prob(grid).astype(float))[::-1]  # (n²,)
    field = float((x[1] - x[0]) * (y[1] - y[0]))
    return log_p, field * (np.arange(n * n) + 0.5)


def mean_area(density):
    """E V(x): the area that is at least as dense as x, on average over the data."""
    log_p, V = profile(density.log_prob, density.bounds)
    return np.sum(np.exp(log_p) * V) / np.sum(np.exp(log_p))


# %%
EV = {density.name: mean_area(density) for density in (moons, ring)}


def floor_without_scale(density):
    return np.log(2 * np.pi) + EV[density.name] / (2 * np.pi)


# %% [markdown]
# That is a bound for *every* flow of couplings without scales. Now a real one: eight couplings
# that keep the two numbers in turn.

# %%
from minigen.flow.nice import NICE
from minigen.optim import cosine
from minigen.train import descend

cfg = lesson.configure(couplings=8, width=64, batch=512, lr=4e-3)
lesson.show_source(NICE, additive_forward, additive_inverse)


def negative_log_likelihood(flow, x):
    return flow.loss(x)


# %%
def train(label, flow, density, steps):
    """Trains a flow on fresh samples of a density, by maximum likelihood."""

    def draw(rng):
        return density.sample(rng, cfg.batch)

    lr = cosine(cfg.lr, steps, warmup=min(100, steps))
    rng = lesson.rng(f"data of {label}")
    step = descend(negative_log_likelihood, flow, draw, lr=lr, rng=rng)
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
floor = floor_without_scale(moons)

# %%
lesson.outcome(
    f"No density is above 1/2π, so no NLL below log 2π = {np.log(2 * np.pi):.3f}; the bound is"
    f" {floor:.3f}. The trained flow has {nll_unscaled:.3f}, {nll_unscaled - floor:.3f} above it.",
    answer="more than 1.8" if floor > 1.8 else None,
)
highest, _ = profile(unscaled.log_prob, moons.bounds)
lesson.check(
    "its highest density is not above 1/2π", np.exp(highest[0]), at_most=1.0001 / (2 * np.pi)
)

# %% [markdown]
# Training brings it close to what is possible, and what is possible is poor. See it as the list of
# densities: how high is the density on the densest tenth of a unit of area, on the next, and so on?

# %%
wide = (-6, 6, -6, 6)
lists = {
    "two moons": profile(moons.log_prob, wide),
    "noise N(0, I)": profile(untrained.base.log_prob, wide),
    "NICE without scale": profile(unscaled.log_prob, wide),
}
places = np.linspace(0.02, 6, 200)


def heights(lists, places):
    """The density that is exceeded on so much area, for each list."""
    return {name: np.interp(places, V, np.exp(log_p)) for name, (log_p, V) in lists.items()}


def density_of_unscaled(x):
    return np.exp(unscaled.log_prob(x))


# %%
fig, axes = plot.figure(1, 3, size=(3.0, 2.8))
styles = {"NICE without scale": "--"}
curves = heights(lists, places)
plot.line(places, curves, axes[0], xlabel="area", title="list of densities", styles=styles)
box = (-3, 4, -3, 3)
draws = unscaled.sample(lesson.rng("unscaled draws"), 2000)
plot.density(density_of_unscaled, axes[1], bounds=box, title="density of the flow")
plot.samples(draws, moons, axes[2], bounds=box, title="its samples, over the truth")
lesson.figure(
    fig,
    "without_scale",
    "Left: the dashed curve lies on that of the noise, as it must. Middle: so the flow has to fill"
    " an area of several units, and the moons, which are narrow, become broad.",
)

# %% [markdown]
# ## 3. One scale for each coordinate
#
# NICE's remedy is a last layer that multiplies each coordinate by a number of its own, $x_i =
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
# In the plane only the product of the two scales matters; call it $\sigma^2$. The noise becomes
# broad or narrow, $\mathcal{N}(0, \sigma^2 I)$, and the bound
#
# $$\text{NLL} \;\ge\; \log 2\pi\sigma^2 + \frac{\mathbb{E}\,V(x)}{2\pi\sigma^2}, \qquad
# \text{lowest at } \sigma^2 = \frac{\mathbb{E}\,V(x)}{2\pi}: \quad 1 + \log \mathbb{E}\,V(x) .$$

# %%
lesson.predict(
    "With scale and networks as large as you like: for which data does the bound reach the truth?",
    ["the two moons", "the ring of eight Gaussians", "both", "neither"],
)


# %%
def floor_with_scale(density):
    return max(1 + np.log(EV[density.name]), density.entropy())  # the sum over fields has an error


left_over = {d.name: floor_with_scale(d) - d.entropy() for d in (moons, ring)}
reached = [name for name, gap in left_over.items() if gap < 0.001]
answers = {"two moons": "the two moons", "ring": "the ring of eight Gaussians"}
answer = "both" if len(reached) == 2 else answers[reached[0]] if reached else "neither"

# %%
lesson.outcome(
    f"The bound is {left_over['two moons']:.4f} nats above the entropy of the moons, and"
    f" {left_over['ring']:.4f} above that of the ring. Eight equal bells, their fields sorted, are"
    " one bell of eight times the area. A noisy arc is no bell: it falls off to two sides only.",
    answer=answer,
)

# %% [markdown]
# On paper, then, the ring is the easier one.

# %%
lesson.predict(
    "And in training: on which will the gap to the entropy be smaller?",
    ["the two moons", "the ring of eight Gaussians", "equal, within 0.05 nats"],
)

# %%
scaled = {}
for density in (moons, ring):
    label = f"{density.name}, with scale"
    flow = NICE(lesson.rng(label), 2, cfg.couplings, cfg.width)
    flow.standardize(density.sample(lesson.rng(f"start of {label}"), 5000))
    scaled[density.name] = train(label, flow, density, lesson.steps(2500, quick=5))
lesson.sampler("two moons", scaled["two moons"].sample)

# %%
gaps = {name: gap_of(flow, d).gap for (name, flow), d in zip(scaled.items(), (moons, ring))}
close = abs(gaps["two moons"] - gaps["ring"]) < 0.05
smaller = min(gaps, key=gaps.get)
lesson.outcome(
    f"{gaps['two moons']:.3f} nats on the moons, {gaps['ring']:.3f} on the ring.",
    answer="equal, within 0.05 nats" if close else answers[smaller],
)

# %%
gaussians = {
    d.name: gap_of(NICE(lesson.rng(), 2).standardize(tests[d.name]), d).gap for d in (moons, ring)
}
rows = [
    ["a Gaussian about 0", gaussians["two moons"], gaussians["ring"]],
    ["bound, no scale", *(floor_without_scale(d) - d.entropy() for d in (moons, ring))],
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
    plot.samples(drawn, density, row[0], bounds=shown, title=f"{name}: samples over the truth")
    lists = {name: profile(density.log_prob, wide), "NICE": profile(flow.log_prob, wide)}
    curves = heights(lists, near)
    plot.line(near, curves, row[1], xlabel="area", title="list of densities")

# %%
lesson.figure(
    fig,
    "with_scale",
    f"Above the bound with scale: the moons {gaps['two moons'] - left_over['two moons']:.3f} nats,"
    f" the ring {gaps['ring'] - left_over['ring']:.3f}. No bijection can tear the one bell of the"
    " noise into eight: some mass stays on bridges.",
)

# %%
gain = gap_unscaled - gaps["two moons"]
lesson.claim("two moons, no scale: gap", gap_unscaled, between=(0.97, 1.06), unit="nats")
lesson.claim("two moons, with scale: gap", gaps["two moons"], at_most=0.25, unit="nats")
lesson.claim("two moons: the scale gains", gain, at_least=0.7, unit="nats")
lesson.claim("ring, with scale: gap", gaps["ring"], at_most=1.0, unit="nats")

# %% [markdown]
# A bound on paper says what no network can do; it does not say that training will find the best.
# RealNVP (`flow/05`) has a scale that depends on the place, so its list of densities is free. On
# the moons that shows: it comes within 0.02 nats of the entropy, and no NICE can.

# %%
lesson.check("moons, with scale: bound", left_over["two moons"], between=(0.0353, 0.0363))

# %% [markdown]
# On the ring NICE has no such bound: what networks of a given size and a training make of it is all
# that can be compared.
#
# **A wrong turn.** Suppose the mask on the network's input is forgotten: $m$ sees the whole vector,
# also the half that it moves. The log-determinant still says 0. Here is what training makes of it.

# %%
from minigen.flow.coupling import AdditiveCoupling


class SeesAll(AdditiveCoupling):
    """The mistake: the shift is made from the whole vector."""

    def inverse(self, x, context=None):
        return x - (1 - self.mask) * self.net(x), np.zeros(len(x), dtype=x.dtype)


wrong = NICE(lesson.rng("wrong"), 2, cfg.couplings, cfg.width, scaled=False)
wrong.bijection.bijections = [SeesAll(f.net, f.mask) for f in wrong.bijection.bijections]
train("wrong turn: m sees all", wrong, moons, lesson.steps(200, quick=3))
reported = -np.mean(wrong.log_prob(tests["two moons"]))

# %%
log_p, _ = profile(wrong.log_prob, wide)
side = 12 / (np.sqrt(len(log_p)) - 1)
mass = np.sum(np.exp(log_p)) * side**2
lesson.table(
    [["bound, no scale", floor, 1.0], ["m sees all", reported, mass]],
    ["two moons", "NLL, nats", "mass within ±6"],
)
lesson.claim(
    "wrong turn: it reports less than the bound, by", floor - reported, at_least=0.05, unit="nats"
)
lesson.claim("wrong turn: mass, which should be 1", mass, at_least=1.5)

# %% [markdown]
# It claims a score that no map of its kind can have, and its "density" has far too much mass. The
# bound is good for something: **a likelihood that is too good is a bug**, and here we know exactly
# what is too good.
#
# ## 4. Digits
#
# The paper's protocol: the gray value plus uniform noise, divided by 256, so that pixels fill $[0,
# 1]$ (without noise a density on 256 values could grow without bound); a vector of 784 numbers;
# couplings that keep the even and the odd ones in turn; one scale for each at the end. For noise
# NICE takes not the normal but the *logistic* distribution, which has heavier tails:
#
# $$\log \pi(z) = \sum_i -z_i - 2 \log(1 + e^{-z_i}) .$$
#
# Likelihoods will be told in nats on $[0, 1]^{784}$, as in the paper, and in **bits per pixel**, as
# in `flow/05`: $8 - \text{nats}/(784 \log 2)$. White noise has 0 nats, 8 bits.

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
    f"{fewest:.0f} at the very least, worse than white noise: the densest this noise gets is (1/4)"
    " for each pixel, and nothing can make it denser.",
    answer="more than 8",
)

# %% [markdown]
# Now with scale. We give each coordinate the spread of its pixel to begin with, and train. The
# yardsticks are a Gaussian with all $784^2$ covariances, on the same numbers, and the paper's
# 1980.5 nats (networks of five hidden layers of 1,000 units, trained for 1,500 epochs).

# %%
from minigen.data import mnist

digits = mnist.load()
train_images = digits.train_images[: lesson.size(60_000, quick=1000)]
test_images = digits.test_images[: lesson.size(10_000, quick=200)]


def pixels(images, rng):
    """uint8 images -> (N, 784) numbers in [0, 1), with noise that fills the gaps."""
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
    """A batch of digits, with fresh noise."""
    rows = rng.integers(len(train_images), size=lesson.size(digit_cfg.digit_batch, quick=16))
    return pixels(train_images[rows], rng)


steps = lesson.steps(1400, quick=3)
lr = cosine(digit_cfg.digit_lr, steps, warmup=min(100, steps))
rng = lesson.rng("digits")
step = descend(negative_log_likelihood, flow, draw_digits, lr=lr, rng=rng, ema=0.998)
lesson.fit(step, steps, state=step.state, label="NICE on digits")


# %% [markdown]
# We keep the moving average of the weights (EMA), as in the lessons before, and sample from it.


# %%
def sample_digits(rng, n):
    """n images of the averaged flow, gray values in [0, 1]."""
    return np.clip(step.averaged.sample(rng, n), 0, 1).reshape(n, 28, 28, 1)


lesson.sampler("digits", sample_digits, default=True)

# %%
log_p = step.averaged.log_prob(x_test)
nats = np.mean(log_p)
rows = [
    ["white noise", 0.0, 8.0],
    ["NICE before training: a logistic for each pixel", nats_start, bits(nats_start)],
    ["Gaussian, full covariance", nats_gauss, bits(nats_gauss)],
    ["NICE, here", nats, bits(nats)],
    ["NICE, the paper", 1980.5, bits(1980.5)],
]
lesson.table(rows, ["test digits", "nats on [0, 1]^784", "bits per pixel"])

# %%
lesson.claim(
    "digits: bits per pixel below the Gaussian's", bits(nats_gauss) - bits(nats), at_least=0.03
)
z, _ = step.averaged.bijection.inverse(x_test[:100])
x_back, _ = step.averaged.bijection.forward(z)
lesson.check(
    "|forward(inverse(x)) - x|, largest", np.abs(x_back - x_test[:100]).max(), at_most=1e-3
)

# %%
learned = np.sort(np.exp(step.averaged.bijection.bijections[0].log_scale))[::-1]
principal = np.sqrt(np.clip(np.linalg.eigvalsh(covariance)[::-1], 1e-9, None) / (np.pi**2 / 3))
spectrum = {"scales of NICE, largest first": learned, "PCA: deviations, largest first": principal}
ax = plot.line(
    np.arange(784), spectrum, log="y", xlabel="rank", title="how far a direction reaches"
)
lesson.figure(
    ax,
    "scales",
    "Where a scale is small, the data hardly leave a surface: NICE's counterpart of the small"
    " variances of PCA (both in units of the logistic). Where the curve begins flat, no coupling"
    " has learned yet to predict the coordinate.",
)

# %%
shown = sample_digits(lesson.rng("shown"), 36)
real = test_images[:12, :, :, None] / 255
lesson.figure(
    plot.image_grid(np.concatenate([real, shown]), 4, 12, row_labels=["test", "NICE", "", ""]),
    "digits",
    "Test digits, and samples: the ink is where it belongs, but neighbors hardly agree.",
)

# %% [markdown]
# The margin over the Gaussian is small. A coupling predicts half of the pixels from the other half,
# to within *one* width for each coordinate, whether there is a stroke nearby or not; and one and a
# half thousand steps are three of the paper's 1,500 epochs.
#
# These bits do compare with those of `flow/05`: both are likelihoods of the same $v \in [0, 256]$,
# and the preprocessing is part of the model. Here it leaves the gray values as they are; there a
# logit spreads out the many that are nearly 0.
#
# ## 5. Where the post is loose
#
# - It presents NICE as RealNVP without the scale term, and stops there. Then the whole flow would
#   preserve volume, with the limits of section 2; the paper's model ends in the diagonal scale, and
#   needs it.
# - "Additive" is the paper's choice among couplings: it also has multiplicative and affine ones in
#   a list of ideas, which RealNVP took up.
#
# **Left out:** inpainting by gradient ascent, as in the paper; other data. **Next:** `flow/07`,
# Glow, where channels are mixed by learned matrices whose determinants are not 1.
#
# **Your turn:** `minigen exercise start flow/06`, then `minigen run flow/06 --with
# exercises/flow_06.py`.

# %%
lesson.finish()
