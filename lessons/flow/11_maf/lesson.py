# %% [markdown]
# # MAF: a density in one pass
#
# The section "Masked Autoregressive Flow" of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/) (flow.s14), run. It helps to
# have read `flow/05` (couplings) and `flow/08` (MADE, whose masked network is used here). To take
# away:
#
# 1. A model of one coordinate after the other *is* a flow, if each is a Gaussian that looks at the
#    earlier ones.
# 2. One direction takes one pass, the other one round for each coordinate.
# 3. The order matters, exactly. Layers in turned orders mend it.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/11_maf",
    title="MAF: a density in one pass",
    post="flow",
    sections=["flow.s14"],
    figures=["flow.f10"],
    equations=["flow.16", "flow.21"],
    minutes=6.0,
    sources=["weng2018flow", "germain2015made", "papamakarios2017maf"],
)

# %%
from types import SimpleNamespace

import autograd.numpy as np
import numpy

from minigen import plot
from minigen.data import mnist, toy
from minigen.flow.autoregressive import MAF, AffineAutoregressive, maf_forward, maf_inverse
from minigen.flow.bijection import Affine, Chain, Flow, StandardNormal, jacobian_log_det
from minigen.flow.made import MADE
from minigen.metrics import nll_gap
from minigen.optim import cosine
from minigen.tensor import batched
from minigen.train import descend

# %% [markdown]
# ## 1. Three numbers
#
# Any density is a product of conditionals, each given the coordinates before it (Eq. flow.16):
# $p(x) = \prod_i p(x_i \mid x_{1:i-1})$. Let each be a Gaussian, its mean and its width functions
# of the earlier coordinates. To draw from it, take noise $z_i \sim \mathcal N(0, 1)$ and put
#
# $$x_i = z_i\, \sigma_i(x_{1:i-1}) + \mu_i(x_{1:i-1}).$$
#
# So $x$ is a function of $z$, and an invertible one: a flow. By hand, with $\mu = (0,\ x_1,\ x_1 +
# x_2)$ and $\sigma = (1, 2, 3)$. The noise $z = (1, 2, -1)$ gives $x_1 = 1$, then
# $x_2 = 2 \cdot 2 + 1 = 5$, then $x_3 = -3 + 6 = 3$.
#
# Now somebody hands you $x = (1, 5, 3)$, and you want $z$. In one *round* you may work at all three
# coordinates at the same time, with what is known when the round begins.

# %%
lesson.predict(
    "How many rounds does it take from z to x, and how many from x to z?",
    ["3 and 3", "1 and 3", "3 and 1", "1 and 1"],
)

# %% [markdown]
# Both directions are yours to write. The first has all that it needs:

# %%
lesson.exercise("flow/11/maf_inverse")
lesson.exercise("flow/11/maf_forward")

# %% [markdown]
# The "network" of our example notes how often it is asked.

# %%
asked = []


def net(x):
    """(N, 3) -> (N, 2, 3): mu, then the logarithm of sigma."""
    asked.append(len(x))
    first, second = x[:, 0], x[:, 1]
    mu = np.stack([0 * first, first, first + second], axis=1)
    return np.stack([mu, np.log(np.array([1.0, 2.0, 3.0])) + 0 * mu], axis=1)


# %%
z = np.array([[1.0, 2.0, -1.0]])
x, log_det = maf_forward(z, net)
rounds_to_x = len(asked)
mu_and_log_scale = net(x)
z_back, log_det_back = maf_inverse(x, mu_and_log_scale[:, 0], mu_and_log_scale[:, 1])
rounds_to_z = len(asked) - rounds_to_x

# %%
lesson.check("(1, 2, -1) goes to (1, 5, 3)", x[0], equals=[1.0, 5.0, 3.0])
lesson.check("and comes back", z_back[0], equals=[1.0, 2.0, -1.0])
lesson.check(
    "log-dets: log 6 and -log 6", [log_det[0], log_det_back[0]], equals=[np.log(6), -np.log(6)]
)
lesson.outcome(
    f"From z to x the network was asked {rounds_to_x} times, from x to z {rounds_to_z} time: who"
    " has x has all that mu and sigma look at.",
    answer="3 and 1",
)
lesson.show_source(maf_inverse, maf_forward)

# %%
lesson.change(
    "a mean that looks less far",
    "Let the third mean depend on $x_1$ alone: change `first + second]` in `mu` to `first]` and "
    "run again. What is $x_3$, and how often is the network asked?",
    answer="$x = (1, 5, -2)$, since $x_3 = -3 + 1$. The network is asked 3 times as before, "
    "though 2 rounds would do: `maf_forward` makes $D$ rounds, whatever the network leaves out.",
)

# %% [markdown]
# The first direction is $z_i = (x_i - \mu_i)/\sigma_i$ (Eq. flow.21). Its Jacobian is triangular,
# for $z_i$ sees no later $x$; so $\log|\det| = -\sum_i \log\sigma_i$, whatever the network.
# Training asks for the density of *given* points: one pass. Sampling takes $D$ rounds.


# %%
def row(k, column):
    """Boxes of coordinate k: noise, what the network says, data."""
    return {
        f"z{k}": plot.node(f"$z_{k}$", "noise", (column, 0)),
        f"net{k}": plot.node(f"$\\mu_{k}, \\sigma_{k}$", "model", (column - 0.75, 1)),
        f"x{k}": plot.node(f"$x_{k}$", "data", (column, 2)),
    }


def arrows(k, sampling):
    """x_k is made of z_k, or z_k of x_k; mu_k and sigma_k of the x before, either way."""
    ends = (f"z{k}", f"x{k}") if sampling else (f"x{k}", f"z{k}")
    looks = [plot.edge(f"x{j}", f"net{k}", color=plot.color.real) for j in range(1, k)]
    return [plot.edge(*ends), plot.edge(f"net{k}", ends[1], color=plot.color.model), *looks]


# %%
boxes = {name: box for k in (1, 2, 3) for name, box in row(k, 1.5 * k).items()}
fig, axes = plot.figure(1, 2, size=(4.6, 2.3))
titles = {True: "sampling: three rounds", False: "inference: all at once"}
for ax, (sampling, title) in zip(axes, titles.items(), strict=True):
    plot.schematic(boxes, [e for k in (1, 2, 3) for e in arrows(k, sampling)], ax, title=title)
lesson.figure(
    fig,
    "f10_maf",
    "The blue arrows are the same in both: mu and sigma look at earlier x. Left, x_3 must wait for"
    " x_2, and x_2 for x_1. Right, all x are there, and no box waits for another.",
)

# %% [markdown]
# In a MAF one masked network, a MADE, gives all $\mu_i$ and $\log\sigma_i$. Is the log-determinant
# right with random weights? Automatic differentiation says so, without knowing of any triangle.

# %%
layer = AffineAutoregressive(MADE(lesson.rng("random"), 5, [16], outputs=2, activation="tanh"), 5)
x = lesson.rng("points").standard_normal((6, 5))
gap = layer.inverse(x)[1] - jacobian_log_det(layer.inverse, x)
off = np.abs(gap).max()
lesson.check("log-det minus that of the autodiff Jacobian, at most", off, at_most=1e-9)
lesson.show_source(AffineAutoregressive)

# %%
lesson.change(
    "the last coordinate first",
    "Give the `MADE` of `layer` another order: add `order=[4, 3, 2, 1, 0]` after `outputs=2`, "
    "and run again. Is $-\\sum_i \\log\\sigma_i$ still the log-determinant?",
    answer="Yes, to rounding error. The Jacobian is triangular once its rows and columns are put "
    "in the order of the network, and that leaves its determinant as it is.",
)

# %% [markdown]
# ## 2. The order matters
#
# Here is a density in the plane (the one of the paper's Figure 1): $x_2 \sim \mathcal N(0, 2^2)$,
# and then $x_1 \sim \mathcal N(\frac14 x_2^2,\ 1)$. A bow.


# %%
def log_normal(x, mu, sigma):
    return -0.5 * ((x - mu) / sigma) ** 2 - np.log(sigma) - 0.5 * np.log(2 * np.pi)


def log_prob_of_bow(x):
    return log_normal(x[:, 1], 0.0, 2.0) + log_normal(x[:, 0], x[:, 1] ** 2 / 4, 1.0)


def draw_bow(rng, n=256):
    x2 = 2 * rng.standard_normal(n)
    x1 = x2**2 / 4 + rng.standard_normal(n)
    return np.stack([x1, x2], axis=1).astype(np.float32)


bow = SimpleNamespace(log_prob=log_prob_of_bow)


# %% [markdown]
# One layer has a Gaussian for each conditional, in one of two orders: $x_2$ first, then $x_1$; or
# $x_1$ first, then $x_2$. Let its network be as large as you like.

# %%
lesson.predict(
    "Which order can fit the bow exactly?",
    ["x2 first", "x1 first", "both", "neither"],
)

# %% [markdown]
# With $x_1$ first, the best that a layer can do is known: it matches mean and variance of $x_1$,
# then of $x_2$ given $x_1$, and misses the entropy by
#
# $$\tfrac12\log 2\pi e \operatorname{Var} x_1 + \mathbb E_{x_1}\, \tfrac12 \log 2\pi e
# \operatorname{Var}(x_2 \mid x_1) - H(x).$$
#
# A sum over a fine grid gives the number.

# %%
x1, dx1 = numpy.linspace(-8, 35, 1001, retstep=True)
x2, dx2 = numpy.linspace(-14, 14, 701, retstep=True)
log_p = log_normal(x2, 0.0, 2.0) + log_normal(x1[:, None], x2**2 / 4, 1.0)  # (1001, 701)
mass = numpy.exp(log_p) * dx1 * dx2
of_x1 = mass.sum(axis=1)  # by symmetry, the mean of x2 is 0 given any x1
variance = (mass @ x2**2) / of_x1
variance_of_x1 = of_x1 @ x1**2 - (of_x1 @ x1) ** 2
entropy = -(mass * log_p).sum()
best = (
    0.5 * np.log(variance_of_x1)
    + 0.5 * of_x1 @ np.log(variance)
    + np.log(2 * np.pi * np.e)
    - entropy
)

# %%
lesson.check("mass of the grid", mass.sum(), equals=1.0, atol=1e-4)
lesson.check("variance of x1, by hand 1 + 2", variance_of_x1, equals=3.0, atol=1e-3)
print(f"with x1 first, one layer misses at least {best:.4f} nats")


# %% [markdown]
# Now train one of each. `order` says at which place each coordinate comes.


# %%
def stack(label, orders):
    """Layers of the given orders, the last one next to the data."""
    rng = lesson.rng(f"init {label}")
    nets = [MADE(rng, 2, [32, 32], outputs=2, order=order, activation="tanh") for order in orders]
    return Flow(StandardNormal(2), Chain([AffineAutoregressive(net, 2) for net in nets]))


def likelihood(flow, x):
    return flow.loss(x)


def fit_bow(label, orders):
    steps = lesson.steps(1500, quick=3)
    lr = cosine(1e-2, steps, warmup=min(50, steps))
    flow = stack(label, orders)
    step = descend(likelihood, flow, draw_bow, lr=lr, ema=0.99, rng=lesson.rng(label))
    lesson.fit(step, steps, label=label, state=step.state)
    return step.averaged


# %%
x1_first = [0, 1]
x2_first = [1, 0]
test_bow = draw_bow(lesson.rng("test bow"), lesson.size(100_000, quick=1000))
bows = {"x2 first": fit_bow("x2 first", [x2_first]), "x1 first": fit_bow("x1 first", [x1_first])}
gaps = {name: nll_gap(bow, flow.log_prob, test_bow) for name, flow in bows.items()}
lesson.table(
    [[name, *found] for name, found in gaps.items()],
    ["one layer", "gap, nats", "standard error"],
)

# %%
lesson.claim("bow, one layer, x2 first: gap", gaps["x2 first"].gap, at_most=0.02, unit="nats")
lesson.claim(
    "bow, one layer, x1 first: gap less the best possible one",
    gaps["x1 first"].gap - best,
    between=(-5 * gaps["x1 first"].standard_error, 0.02),
    unit="nats",
)
lesson.outcome(
    f"x2 first ends {gaps['x2 first'].gap:.3f} nats from the truth, x1 first"
    f" {gaps['x1 first'].gap:.3f}, where {best:.3f} is the least that it can.",
    answer="x2 first",
)

# %% [markdown]
# Given $x_1$ there are two arms, up and down, and no Gaussian is in two places.
#
# ## 3. Layers upon layers
#
# So put five layers on top of each other, each one working on what the one before calls noise. All
# five with $x_1$ first.

# %%
lesson.predict(
    "Five layers, all with x1 first, against one: the gap is",
    ["the same", "smaller, but not zero", "about zero"],
)

# %%
bows["five, x1 first"] = fit_bow("five, x1 first", [x1_first] * 5)
bows["five, in turn"] = fit_bow("five, in turn", [x1_first, x2_first] * 2 + [x1_first])
for name in ("five, x1 first", "five, in turn"):
    gaps[name] = nll_gap(bow, bows[name].log_prob, test_bow)
lesson.table(
    [[name, *found] for name, found in gaps.items()], ["layers", "gap, nats", "standard error"]
)

# %%
same_order = gaps["five, x1 first"]
lesson.outcome(
    f"Five in one order: {same_order.gap:.3f}; one: {gaps['x1 first'].gap:.3f}. Five in turned"
    f" orders: {gaps['five, in turn'].gap:.3f}.",
    answer="the same",
)
lesson.claim(
    "bow, five layers, all x1 first: gap less the best of one",
    same_order.gap - best,
    between=(-5 * same_order.standard_error, 0.03),
    unit="nats",
)
lesson.claim(
    "bow, five layers in turned orders: gap", gaps["five, in turn"].gap, at_most=0.03, unit="nats"
)

# %% [markdown]
# It can be seen without training. Given $x_1$, each layer scales and shifts the second number; five
# scalings and shifts in a row are one scaling and shift. So five layers of one order are one layer.
# Where the order turns, the second number becomes the one that the first looks at, and the maps
# mix. MAF therefore **reverses the order from layer to layer**. Below, what each model takes for
# noise: it is a Gaussian if, and only if, the model is right.

# %%
fig, axes = plot.figure(2, 5, size=(2.1, 2.1))
box = (-4, 12, -8, 8)
cells = lesson.size(200, quick=30)
plot.density(bow, axes[0, 0], bounds=box, title="the bow")
noise = lesson.rng("z").standard_normal((2000, 2))
plot.samples(noise, ax=axes[1, 0], bounds=(-4, 4, -4, 4), title="true noise")
for (name, flow), (top, bottom) in zip(bows.items(), axes.T[1:], strict=True):
    plot.density(flow, top, bounds=box, n=cells, title=name)
    noise, _ = flow.bijection.inverse(test_bow[:2000])
    plot.samples(noise, ax=bottom, bounds=(-4, 4, -4, 4), title="its noise")

# %%
lesson.figure(
    fig,
    "bow",
    "Above, densities; below, the bow's points sent back to noise. With x1 first the noise of one"
    " layer, and of five, keeps two arms. Five in turned orders bend the bow.",
)

# %% [markdown]
# ## 4. Two moons, and a ring
#
# Now `MAF`, the package's class: a stack like the last one. It is judged as in `flow/05`, by the
# *gap*: how many nats it misses of the entropy, on test points that it has never seen. A gradient
# that is too long is shortened (`clip`): a log-density has $\log\sigma$ in it, and one point that
# fits badly can throw such a stack far off.

# %%
cfg = lesson.configure(batch=256, lr=5e-3, moons_steps=4000, ring_steps=4000)


# %%
def fit(label, flow, loss, draw, steps, lr, longest, **more):
    """Lowers loss(flow, *draw(rng)); returns the moving average of the flow."""
    rate = cosine(lr, steps, warmup=min(100, steps))
    step = descend(loss, flow, draw, lr=rate, ema=0.99, clip=longest, rng=lesson.rng(label))
    lesson.fit(step, steps, label=label, state={**step.state, **more})
    return step.averaged


# %%
def fit_plane(label, flow, density, steps):
    def draw(rng):
        return (density.sample(rng, cfg.batch),)

    return fit(label, flow, likelihood, draw, steps, cfg.lr, longest=2.0)


# %% [markdown]
# One more thing. Ordinary weights make a first layer of gentle slopes, which sees narrow things as
# one blob. So we make its units steep, $\tanh(w(x - c))$ with a large $w$, and spread their steps
# $c$ over the data. Each unit then asks: left or right of $c$?


# %%
def sharpen(flow, rng, steepness):
    """Steep first layers, whose steps lie anywhere in the standardized data; returns the flow."""
    for layer in flow.bijection.bijections:
        first = layer.net.layers[0]
        first.w[...] = steepness * rng.standard_normal(first.w.shape)
        place = rng.uniform(-2.5, 2.5, first.b.shape)
        first.b[...] = -place * (first.w * first.mask).sum(axis=0)
    return flow


# %%
moons = toy.two_moons(0.1)
flow_of_moons = MAF(lesson.rng("moons"), 2, layers=12, hidden=(64,))
sharpen(flow_of_moons, lesson.rng("steps of the moons"), 2.0)
flow_of_moons.standardize(moons.sample(lesson.rng("moments"), 5000))
steps = lesson.steps(cfg.moons_steps, quick=2)
flow_of_moons = fit_plane("two moons", flow_of_moons, moons, steps)
test_moons = moons.sample(lesson.rng("test moons"), lesson.size(50_000, quick=1000))
gap_of_moons, error = nll_gap(moons, flow_of_moons.log_prob, test_moons)

# %%
print(f"two moons: {gap_of_moons:.4f} ± {error:.4f} nats above the entropy")
lesson.claim("two moons: gap", gap_of_moons, at_most=0.02, unit="nats")
lesson.sampler("two moons", flow_of_moons.sample)

# %% [markdown]
# A ring of eight narrow Gaussians is harder: it takes more layers, and steeper units.

# %%
ring = toy.ring()
steps = lesson.steps(cfg.ring_steps, quick=2)


def fit_ring(label, steepness):
    flow = MAF(lesson.rng("ring"), 2, layers=16, hidden=(64,))
    if steepness:
        sharpen(flow, lesson.rng("steps of the ring"), steepness)
    flow.standardize(ring.sample(lesson.rng("moments of the ring"), 5000))
    return fit_plane(label, flow, ring, steps)


# %%
flow_of_ring = fit_ring("ring", 6.0)
test_ring = ring.sample(lesson.rng("test ring"), len(test_moons))
gap_of_ring, error = nll_gap(ring, flow_of_ring.log_prob, test_ring)
lesson.claim("ring: gap", gap_of_ring, at_most=0.15, unit="nats")


def offshore(x):
    """Distance (N,) of points from the nearest center of a mode."""
    return numpy.linalg.norm(x[:, None] - ring.modes, axis=2).min(axis=1)


drawn = flow_of_ring.sample(lesson.rng("drawn"), lesson.size(20_000, quick=500))
astray = (offshore(drawn) > 4 * 0.1).mean()
lesson.table(
    [[gap_of_ring, error, astray]], ["gap, nats", "standard error", "samples astray"], "ring"
)

# %% [markdown]
# Eight islands, and a share of the samples in the sea between them (beyond four widths of a mode;
# of the truth 3 in 10,000). Take a walk: from the noise of one center straight to the noise of the
# next, round the ring. The map carries the walk along, from island to island.

# %%
lesson.predict(
    "A large part of the walk's length in x lies in the sea. And of its length in the noise?",
    ["about as much", "less than a tenth", "nothing"],
)


# %%
def length(path):
    """Lengths of the pieces of a path (T, 2)."""
    return numpy.linalg.norm(numpy.diff(path, axis=0), axis=1)


centers, _ = flow_of_ring.bijection.inverse(ring.modes)
part = numpy.linspace(0, 1, lesson.size(4000, quick=50), dtype=np.float32)[:, None]
ways = [a + (b - a) * part for a, b in zip(centers, numpy.roll(centers, -1, axis=0), strict=True)]
walk = numpy.concatenate(ways)
carried, _ = flow_of_ring.bijection.forward(walk)
at_sea = offshore(carried[1:]) > 3 * 0.1
sea_in_x = length(carried)[at_sea].sum() / length(carried).sum()
sea_in_noise = length(walk)[at_sea].sum() / length(walk).sum()
stretch = sea_in_x / sea_in_noise / ((1 - sea_in_x) / (1 - sea_in_noise))

# %%
lesson.outcome(
    f"{sea_in_x:.0%} of the walk in x is at sea (beyond three widths), in the noise"
    f" {sea_in_noise:.1%}: the map stretches it {stretch:.0f} times as much as the land.",
    answer="less than a tenth" if sea_in_noise < 0.1 else "about as much",
)
lesson.claim("walk: share at sea, in x", sea_in_x, at_least=0.4)
lesson.claim("walk: share at sea, in the noise", sea_in_noise, between=(1e-4, 0.1))

# %% [markdown]
# A bijection of the plane cannot tear it. The noise is one connected cloud, so between islands
# there must be sea, and it must have noise of its own: thin slivers, stretched over a long way. The
# steeper the map there, the thinner the sliver and the fewer samples go astray. Never none; and
# maps so steep are hard to train. That is why the ring's gap stays larger than the moons'.


# %%
def p_of_moons(x):
    """The model's density, cut off above so that no narrow peak takes all the colors."""
    return np.exp(np.minimum(flow_of_moons.log_prob(x), -0.45))


def p_of_ring(x):
    return np.exp(np.minimum(flow_of_ring.log_prob(x), 0.7))


# %%
fig, axes = plot.figure(1, 4, size=(2.8, 3.1))
box, moons_box = (-2.7, 2.7, -2.7, 2.7), (-1.7, 2.7, -1.95, 2.45)
plot.density(p_of_moons, axes[0], bounds=moons_box, n=cells, title="two moons by MAF")
plot.density(p_of_ring, axes[1], bounds=box, n=cells, title="ring by MAF")
plot.samples(drawn[:3000], ring, axes[2], bounds=box, title="its samples, and the walk")
axes[2].plot(*carried.T, color=plot.color.ink, lw=0.8)
title = "the walk, in the noise"
plot.trajectories(walk, axes[3], ends=False, color=plot.color.noise, title=title)

# %%
for k, mode in enumerate(ring.modes):
    near = walk[numpy.linalg.norm(carried - mode, axis=1) < 3 * 0.1]
    axes[3].plot(*near.T, ".", ms=3, color=plot.CYCLE[k % len(plot.CYCLE)])
lesson.figure(
    fig,
    "plane",
    "Thin threads join what should be apart. Right, the walk as the noise sees it: a color for each"
    " island that it is on. The sea is in the places where a color changes.",
)

# %% [markdown]
# ## 5. Digits
#
# Pixels of MNIST, with noise that fills the gaps between the 256 levels, then a logit, with $\alpha
# = 10^{-6}$ as in the paper. The yardstick is one Gaussian with a full covariance matrix. It, too,
# is autoregressive: one layer, whose means are *linear* in the earlier coordinates and whose widths
# are constant. By hand, with $\Sigma = LL^\top$, $L = \begin{pmatrix} 2 & 0\\ 1 & 3\end{pmatrix}$:
# $x_1$ has the width 2, and $x_2$ given $x_1$ the mean $x_1 / 2$ and the width 3.

# %%
x = np.array([[2.0, 4.0]])
z, log_det = maf_inverse(x, np.array([[0.0, 1.0]]), np.log(np.array([[2.0, 3.0]])))
by_layer = StandardNormal(2).log_prob(z) + log_det
covariance = np.array([[4.0, 2.0], [2.0, 10.0]])
square = x @ np.linalg.solve(covariance, x.T)
by_matrix = -0.5 * (square[0] + np.log(np.linalg.det(2 * np.pi * covariance)))
lesson.check("z of x = (2, 4)", z[0], equals=[1.0, 1.0])
lesson.check("log p by the layer and by the matrix", by_layer, equals=by_matrix)

# %% [markdown]
# A *direct* connection is that linear map: added to each MADE from input to output, masked as the
# rest. With it a layer has the Gaussian as a special case. Next, look at what one pixel's logit
# does over the training digits.

# %%
from minigen.metrics.samples import mean_and_covariance

digits = mnist.load()
noise = lesson.rng("dequantize")
some_test = digits.test_images[: lesson.size(10_000, quick=12)]
some_train = digits.train_images[: lesson.size(60_000, quick=800)]
y_test, det_test = mnist.dequantize_logit(some_test, noise, flat=True)
y_train, _ = mnist.dequantize_logit(some_train, noise, flat=True)
pixel = y_train[:, 14 * 28 + 14]


# %%
def one_gaussian(y):
    return np.exp(log_normal(y, pixel.mean(), pixel.std()))


title = "logit of the pixel in row 14, column 14"
ax = plot.histogram(pixel, density=one_gaussian, title=title, xlabel="logit")
lesson.figure(
    ax,
    "pixel",
    "Narrow heaps for paper (left) and ink (right), a low one for gray. The black curve is the"
    " Gaussian of the same mean and width: flat over all three.",
)

# %% [markdown]
# Given the earlier pixels it is often clear which heap it will be in; at the edge of a stroke it is
# not, and then a Gaussian conditional has the trouble of section 2. Hence MAF's remedy:
# conditionals that are **mixtures** of $K$ Gaussians, whose weights, means and widths one MADE
# outputs for every coordinate.

# %%
lesson.exercise("flow/11/mixture_log_prob")

# %%
from minigen.flow.autoregressive import MixtureMADE, mixture_log_prob

by_hand = np.log(
    0.25 * np.exp(log_normal(3.0, 1.0, 2.0)) + 0.75 * np.exp(log_normal(3.0, 2.5, 0.5))
)
shape = (1, 2, 1)  # (N, K, D)
logits = np.log(np.array([0.25, 0.75]).reshape(shape))
means, widths = np.array([1.0, 2.5]).reshape(shape), np.array([2.0, 0.5]).reshape(shape)
found = mixture_log_prob(np.array([[3.0]]), logits, means, np.log(widths))
lesson.check("log of 1/4 N(3; 1, 2²) + 3/4 N(3; 2.5, 0.5²)", found[0], equals=by_hand)
lesson.show_source(mixture_log_prob)

# %% [markdown]
# Three models, in bits per pixel: the Gaussian; three layers of MAF with 512 hidden units each; one
# MADE of 256 units with mixtures of six, which has half of the parameters of the second and takes
# less than half of its steps.

# %%
lesson.predict(
    "Which needs the fewest bits for a test digit?",
    ["the Gaussian", "three layers of MAF", "one layer with mixtures"],
)

# %%
off = y_test - y_train.mean(axis=0)
covariance = mean_and_covariance(y_train)[1]
square = (off * numpy.linalg.solve(covariance, off.T).T).sum(axis=1)
log_gauss = -0.5 * (square + numpy.linalg.slogdet(2 * numpy.pi * covariance)[1])

# %%
image_rng = lesson.rng("image init")
maf = MAF(
    image_rng, 784, layers=lesson.size(3, quick=1), hidden=(lesson.size(512, quick=8),), direct=True
)
maf.standardize(y_train)
heaps = MixtureMADE(image_rng, 784, components=6, hidden=(lesson.size(256, quick=8),))
outermost = Affine(numpy.zeros(784), numpy.zeros(784))
outermost.standardize(y_train)
mixture = Flow(heaps, Chain([outermost]))


# %%
def bits_of_batch(flow, y, log_det):
    return -np.mean(flow.log_prob(y) + log_det) / (784 * np.log(2))


def fit_digits(label, flow, steps, lr):
    order = lesson.rng(f"order {label}")
    size = lesson.size(100, quick=4)
    batches = mnist.batches(digits.train_images, size=size, rng=order)

    def draw(rng):
        return mnist.dequantize_logit(next(batches)[0], rng, flat=True)

    more = {"batches": batches, "order": order}
    return fit(label, flow, bits_of_batch, draw, steps, lr, longest=1.0, **more)


# %%
mixture = fit_digits("MNIST, mixtures", mixture, lesson.steps(600, quick=1), 3e-3)
maf = fit_digits("MNIST, three layers of MAF", maf, lesson.steps(1500, quick=1), 2e-3)


# %% [markdown]
# A word on samples. Nothing bounds a MAF's widths. One pixel that is drawn far off can send later
# ones farther, 784 rounds long, until the numbers end. So after each layer
# they are cut off at 30 deviations.


# %%
def draw_from(flow):
    """A function that draws n digits, gray values in [0, 1]."""

    def draw(rng, n):
        y = flow.base.sample(rng, n)
        for layer in flow.bijection.bijections:
            with np.errstate(over="ignore", invalid="ignore"):
                y, _ = layer.forward(y)
            y = numpy.clip(numpy.nan_to_num(y), -30, 30)
        return numpy.clip(mnist.from_logit(y).reshape(n, 28, 28, 1) / 256, 0, 1)

    return draw


lesson.sampler("digits", draw_from(mixture), default=True)
lesson.sampler("digits of the MAF", draw_from(maf))


# %%
def log_prob_of_test(flow):
    return batched(flow.log_prob, y_test, size=250, threads=True)


log_probs = {
    "the Gaussian": log_gauss,
    "three layers of MAF": log_prob_of_test(maf),
    "one layer with mixtures": log_prob_of_test(mixture),
}
bits = {name: mnist.bits_per_pixel(log_p, det_test) for name, log_p in log_probs.items()}

# %%
rows = [[name, b.mean(), b.std() / len(b) ** 0.5] for name, b in bits.items()]
lesson.table(
    [["uniform", 8.0, None], *rows], ["MNIST test digits", "bits per pixel", "standard error"]
)
mean = {name: b.mean() for name, b in bits.items()}
lesson.outcome(
    ", ".join(f"{name}: {b:.3f}" for name, b in mean.items()) + " bits per pixel.",
    answer=min(mean, key=mean.get),
)

# %%
lesson.claim("MNIST, the Gaussian: bits per pixel", mean["the Gaussian"], equals=2.013, atol=0.01)
lesson.claim("MNIST, MAF: bits per pixel", mean["three layers of MAF"], at_most=1.83)
lesson.claim(
    "MNIST, mixtures: bits per pixel",
    mean["one layer with mixtures"],
    at_most=1.75,
)

# %% [markdown]
# And samples. Each takes 784 rounds, one pixel a round. In a round of a MAF's layer the whole
# network runs; the mixtures compute each hidden unit once, as `MADE.sample` does in `flow/08`.

# %%
count = lesson.size(24, quick=1)
shown = [draw_from(flow)(lesson.rng("shown"), count) for flow in (mixture, maf)]
rows = [mnist.unit(some_test[:12]), *shown]
labels = ["digits", "mixtures", "", "MAF", ""] if count == 24 else None
lesson.figure(
    plot.image_grid(numpy.concatenate(rows), cols=12, row_labels=labels),
    "digits",
    "First row: test digits. Then samples of the mixtures, then of the three layers of MAF.",
)

# %% [markdown]
# Likelihood and looks are two things. Most of the bits are spent on the exact gray values and the
# noise between them, few on whether a stroke goes on across the picture.
#
# ## 6. Where the post is loose
#
# - It has one layer, and says no word of the order. With one layer an order can be wrong; with
#   several of the same order nothing is gained. The reversal between layers is part of the model.
# - It writes $\sigma_i(\cdot)$ for the scale. Nothing keeps a network's output positive: what is
#   computed is $\log\sigma_i$, and the log-determinant is its sum.
# - "Slow sampling" is $D$ rounds of the whole network for each layer, one after the other. No more
#   cores help.
#
# **Left out:** batch norm between the layers and conditioning on the class, both in the paper
# (`MAF(..., context=10)` takes features to depend on); and a MAF *upon* mixtures, the paper's MAF
# MoG: `Flow(MixtureMADE(...), maf.bijection)`. **Next:** `flow/12` reads the same network the other
# way round: sampling in one pass, and what that costs.
#
# **Your turn:** `minigen exercise start flow/11`, then `minigen run flow/11 --with
# exercises/flow_11.py`.

# %%
lesson.finish()
