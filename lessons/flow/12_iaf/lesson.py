# %% [markdown]
# # IAF: a sample in one pass
#
# The section "Inverse Autoregressive Flow" of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/) (flow.s15), run. It begins
# where `flow/11` (MAF) ends. To take away:
#
# 1. Let the network look at earlier *noise* instead of earlier data, and the fast and the slow
#    direction change places.
# 2. The same network, read as MAF and as IAF, gives two maps, each the inverse of the other.
# 3. A model that is quick to sample and slow to judge is trained on its own samples. What that does
#    to a ring of modes is measured.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/12_iaf",
    title="IAF: a sample in one pass",
    post="flow",
    sections=["flow.s15"],
    figures=["flow.f10"],
    equations=["flow.21", "flow.22", "flow.23"],
    minutes=3.0,
    sources=["weng2018flow", "kingma2016iaf", "papamakarios2017maf", "vandenoord2018parallel"],
)

# %%
import time

import autograd.numpy as np
import numpy

from minigen import plot
from minigen.data import toy
from minigen.flow.autoregressive import (
    IAF,
    AffineAutoregressive,
    iaf_forward,
    iaf_from_maf,
    iaf_gated,
    maf_inverse,
)
from minigen.flow.bijection import Flow, Inverse, StandardNormal
from minigen.flow.made import MADE

# %% [markdown]
# ## 1. The same network, another reading
#
# In `flow/11` mean and width of $x_i$ were functions of $x_1, \dots, x_{i-1}$, and sampling went
# one coordinate after the other. Now let them be functions of the earlier *noise*, $z_1, \dots,
# z_{i-1}$. All $z$ are there when sampling begins, so all of $x$ is known in one round.

# %%
lesson.exercise("flow/12/iaf_forward")

# %% [markdown]
# By hand, with the network of `flow/11`: $\mu = (0,\ z_1,\ z_1 + z_2)$ and $\sigma = (1, 2, 3)$.
# The noise $(1, 2, -1)$ gave $(1, 5, 3)$ there. Here $\mu = (0, 1, 3)$, so $x = (1,\ 2 \cdot 2 +
# 1,\ -3 + 3)$.

# %%
z = np.array([[1.0, 2.0, -1.0]])
mu, sigma = np.array([[0.0, 1.0, 3.0]]), np.array([[1.0, 2.0, 3.0]])
x, log_det = iaf_forward(z, mu, np.log(sigma))
lesson.check("(1, 2, -1) goes to", x[0], equals=[1.0, 5.0, 0.0])
lesson.check("log-det, log 6", log_det[0], equals=np.log(6))
lesson.show_source(iaf_forward)


# %% [markdown]
# As one equation (Eq. flow.23),
#
# $$x_i = z_i\, \sigma_i(z_{1:i-1}) + \mu_i(z_{1:i-1}).$$
#
# The post's figure has the two side by side. Follow the colored arrows into the boxes of $\mu,
# \sigma$: from data on the left, from noise on the right.


# %%
def column(k):
    """Noise, data and the network's box of coordinate k; the box stands between the two."""
    return {
        f"z{k}": plot.node(f"$z_{k}$", "noise", (1.5 * k, 0)),
        f"net{k}": plot.node(f"$\\mu_{k}, \\sigma_{k}$", "model", (1.5 * k - 0.75, 1)),
        f"x{k}": plot.node(f"$x_{k}$", "data", (1.5 * k, 2)),
    }


def arrows(k, source, color):
    """x_k is made of z_k and of what the network says about earlier ones of the source."""
    looks = [plot.edge(f"{source}{j}", f"net{k}", color=color) for j in range(1, k)]
    made = [plot.edge(f"z{k}", f"x{k}"), plot.edge(f"net{k}", f"x{k}", color=plot.color.model)]
    return made + looks


# %%
boxes = {name: box for k in (1, 2, 3) for name, box in column(k).items()}
fig, axes = plot.figure(1, 2, size=(4.6, 2.3))
readings = [("MAF", "x", plot.color.real), ("IAF", "z", plot.color.accent)]
for ax, (name, source, color) in zip(axes, readings, strict=True):
    edges = [edge for k in (1, 2, 3) for edge in arrows(k, source, color)]
    plot.schematic(boxes, edges, ax, title=f"{name}: sampling")
lesson.figure(
    fig,
    "f10_maf_and_iaf",
    "Left, mu and sigma wait for earlier x: x_3 comes last. Right, they look at earlier z, which"
    " are all there: no x waits for another.",
)

# %% [markdown]
# MAF's *inference* also takes one pass: $z_i = (x_i - \mu_i(x_{1:i-1}))/\sigma_i(x_{1:i-1})$ (Eq.
# flow.21). Call its input $\tilde z$ and its output $\tilde x$, that is, read it as a sampler: it
# has the form of an IAF, $\tilde x_i = \tilde z_i \tilde\sigma_i + \tilde\mu_i$.

# %%
lesson.predict(
    "Which scale and shift, σ~ and μ~, does it have?",
    ["σ and μ", "1/σ and −μ", "1/σ and −μ/σ", "−σ and −μ"],
)

# %%
lesson.exercise("flow/12/iaf_from_maf")

# %%
mu_iaf, log_scale_iaf = iaf_from_maf(np.array([[3.0, -1.0]]), np.log(np.array([[2.0, 0.5]])))
lesson.check("mu~ of mu = (3, -1), sigma = (2, 1/2)", mu_iaf[0], equals=[-1.5, 2.0])
lesson.check("sigma~", np.exp(log_scale_iaf[0]), equals=[0.5, 2.0])
lesson.outcome(
    "x/σ − μ/σ: the scale is 1/σ, the shift −μ/σ (Eq. flow.22).",
    answer="1/σ and −μ/σ",
)
lesson.show_source(iaf_from_maf)

# %% [markdown]
# So one network with random weights, in any order of the coordinates, is at the same time a MAF and
# an IAF; what the one calls inference the other calls sampling. `Inverse` turns a bijection round.

# %%
net = MADE(lesson.rng("net"), 5, [16], outputs=2, order=[2, 0, 4, 3, 1], activation="tanh")
maf = AffineAutoregressive(net, 5)
iaf = Inverse(maf)
v = lesson.rng("v").standard_normal((6, 5))
mu, log_scale = net(v)[:, 0], net(v)[:, 1]

# %%
by_maf, log_det = maf_inverse(v, mu, log_scale)
by_iaf, same_log_det = iaf_forward(v, *iaf_from_maf(mu, log_scale))
off = [np.abs(by_iaf - by_maf).max(), np.abs(same_log_det - log_det).max()]
lesson.check("the formulas agree, and their log-dets, to", off, at_most=1e-12)
sampled, _ = iaf.forward(v)
lesson.check("IAF samples what MAF infers, to", np.abs(sampled - by_maf).max(), at_most=1e-12)
there_and_back, _ = iaf.forward(maf.forward(v)[0])
lesson.check("and undoes what MAF samples, to", np.abs(there_and_back - v).max(), at_most=1e-9)

# %%
lesson.change(
    "two samplers of one network",
    "Sample by the MAF in place of the IAF: change `sampled, _ = iaf.forward(v)` to `sampled, _ "
    "= maf.forward(v)` and run again. Same network, same noise: are the samples equal?",
    answer="No, and they should not be: the MAF inverts what the IAF does. One multiplies by "
    "$\\sigma$ where the other divides, and the input of the network is earlier $x$ in one and "
    "earlier $z$ in the other.",
)

# %% [markdown]
# ## 2. What the slow direction costs
#
# One direction is faster than the other. We time both, for batches of 32 and one hidden layer of
# 128 units; each time is that of the processor.

# %%
lesson.predict(
    "At D = 128, how many times longer does the slow direction take?",
    ["about 2 times", "about 7 times, the logarithm of D", "about 100 times"],
)


# %%
def cpu_seconds(call, count=1):
    """Processor time of a call, of `count` at once: the shortest of five, which suffers least."""
    times = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(count):
            call()
        times.append((time.process_time() - start) / count)
    return max(min(times), 1e-7)  # a clock may be too coarse to notice


def layer_of(dim):
    net = MADE(lesson.rng(f"net {dim}"), dim, [128], outputs=2, activation="tanh")
    noise = 0.1 * lesson.rng(f"noise {dim}").standard_normal((32, dim), dtype=np.float32)
    return AffineAutoregressive(net, dim), noise


# %%
dims = [4, 8, 16] if lesson.quick else [8, 16, 32, 64, 128]
rows = []
for dim in dims:
    layer, a = layer_of(dim)
    one_pass = cpu_seconds(lambda layer=layer, a=a: layer.inverse(a), 10)
    rounds = cpu_seconds(lambda layer=layer, a=a: layer.forward(a))
    rows.append([dim, 1000 * one_pass, 1000 * rounds, rounds / one_pass])
lesson.table(rows, ["D", "one pass, ms", "D rounds, ms", "ratio"], "one layer, both directions")

# %%
ratios = numpy.array([row[3] for row in rows])
slope = numpy.polyfit(numpy.log(dims), numpy.log(ratios), 1)[0]
lesson.outcome(
    f"{ratios[-1]:.0f} times at D = {dims[-1]}; the ratio grows as D to the power {slope:.2f}.",
    answer="about 100 times" if ratios[-1] > 30 else "about 7 times, the logarithm of D",
)
lesson.claim("slow over fast: power of D", slope, between=(0.7, 1.3))
lesson.claim("slow over fast at D = 128", ratios[-1], between=(40, 400))

# %% [markdown]
# For a MAF the slow direction is sampling, for an IAF it is the density of a given point. Training
# by maximum likelihood asks for exactly that, at every step, and for the gradient through all
# rounds:

# %%
from minigen.tensor import stop_gradient, value_and_grad


def likelihood(flow, x):
    return flow.loss(x)


gradient = value_and_grad(likelihood)
rows = []
for dim in dims[:-1]:
    layer, a = layer_of(dim)
    as_maf, as_iaf = Flow(StandardNormal(dim), layer), Flow(StandardNormal(dim), Inverse(layer))
    times = [cpu_seconds(lambda f=f, a=a: gradient(f, a)) for f in (as_maf, as_iaf)]
    rows.append([dim, *(1000 * t for t in times), times[1] / times[0]])

# %%
header = ["D", "as MAF, ms", "as IAF, ms", "ratio"]
lesson.table(rows, header, "the gradient of the same network's likelihood")
lesson.claim("gradient, IAF over MAF, at D = 64", rows[-1][3], at_least=15)

# %% [markdown]
# ## 3. Trained on its own samples
#
# But an IAF knows the density of *its own* samples for nothing: $z$ is at hand, and $\log q(x) =
# \log \pi(z) - \sum_i \log\sigma_i$ comes with $x$. So where the target $p$ can be evaluated, and
# data are not needed, fit it the other way round: draw, and compare,
#
# $$D_{\mathrm{KL}}(q \| p) = \mathbb E_{z\sim\pi}\big[\log \pi(z) - \log|\det| - \log
# p(x(z))\big].$$
#
# This is what a VAE's posterior asks for (`flow/13`), for which IAF was made; and *parallel
# WaveNet* (van den Oord et al. 2018): a trained WaveNet, quick to judge and slow to sample, is the
# $p$, and an IAF learns to make its sound in one pass.
#
# The gradient needs that of $\log p$. Our densities know it, the *score*, but autograd cannot look
# into them. So we give it the tangent: a linear function of $x$ with the same value and the same
# slope at the samples.


# %%
def log_p_and_slope(density, x):
    """log p(x), (N,), of which autograd sees the tangent at x."""
    here = stop_gradient(x)
    return density.log_prob(here) + np.sum((x - here) * density.score(here), axis=1)


def reverse_kl(flow, z, density, beta):
    """KL(flow || density) by the samples at noise z; beta below 1 flattens the density."""
    x, log_det = flow.bijection.forward(z)
    return np.mean(flow.base.log_prob(z) - log_det - beta * log_p_and_slope(density, x))


# %% [markdown]
# In the first third of the training the target is flattened, $\beta \log p$ with $\beta$ rising
# from 0.1 to 1: at the beginning hardly a sample lies where $p$ is large, and one that sees a wall
# on every side learns little. First layers have steep units, as in `flow/11`, and gradients are
# shortened.

# %%
from minigen.metrics import nll_gap
from minigen.optim import EMA, Adam, clip_grad_norm, cosine

cfg = lesson.configure(batch=256, lr=5e-3, longest=2.0, steps=4500, ring_steps=1200, ml_steps=3000)


def steep_iaf(label, layers, steepness):
    """An IAF of the plane whose first layers have steep units, with steps anywhere in the noise."""
    rng = lesson.rng(f"init {label}")
    flow = IAF(rng, 2, layers=layers, hidden=(64,))
    for layer in flow.bijection.bijections:
        first = layer.bijection.net.layers[0]
        first.w[...] = steepness * rng.standard_normal(first.w.shape)
        place = rng.uniform(-2.5, 2.5, first.b.shape)
        first.b[...] = -place * (first.w * first.mask).sum(axis=0)
    return flow


# %%
def fit(label, flow, loss, arguments, steps):
    """Lowers loss(flow, *arguments(i, rng)); returns the moving average of the flow."""
    adam, average, rng = Adam(flow, cfg.lr), EMA(flow, 0.99), lesson.rng(label)
    rate = cosine(cfg.lr, steps, warmup=min(100, steps))
    descent = value_and_grad(loss)

    def step(i):
        value, grads = descent(flow, *arguments(i, rng))
        clip_grad_norm(grads, cfg.longest)
        adam.lr = rate(i)
        adam.step(grads)
        average.update(flow)
        return value

    state = {"flow": flow, "adam": adam, "average": average, "rng": rng}
    lesson.fit(step, steps, label=label, state=state)
    return average.model


# %%
def fit_by_sampling(label, density, steps):
    def noise_and_target(i, rng):
        z = rng.standard_normal((cfg.batch, 2), dtype=np.float32)
        beta = min(1.0, 0.1 ** (1 - 3 * i / steps))
        return z, density, np.float32(beta)

    return fit(label, steep_iaf(label, 12, 2.0), reverse_kl, noise_and_target, steps)


moons = toy.two_moons(0.1).standardized()
iaf_of_moons = fit_by_sampling("two moons", moons, lesson.steps(cfg.steps, quick=2))
lesson.sampler("two moons", iaf_of_moons.sample)

# %% [markdown]
# It has never seen a point of the two moons. The judge has: 50,000 of them, through the slow
# direction (two rounds a layer), against the entropy. And its own samples, through the fast one.


# %%
def judge(flow, density, label):
    """The gap on points of the density, its standard error, and KL(flow || density)."""
    x = density.sample(lesson.rng(f"test {label}"), lesson.size(50_000, quick=500))
    z = lesson.rng(f"noise {label}").standard_normal((len(x), 2), dtype=np.float32)
    return [*nll_gap(density, flow.log_prob, x), float(reverse_kl(flow, z, density, 1.0))]


# %%
of_moons = judge(iaf_of_moons, moons, "moons")
header = ["fitted", "gap, nats", "standard error", "KL(flow || density)"]
lesson.table([["two moons, by sampling", *of_moons]], header)
lesson.claim("two moons, by sampling: gap", of_moons[0], at_most=0.02, unit="nats")
lesson.claim("two moons, by sampling: KL of the samples", of_moons[2], at_most=0.02, unit="nats")

# %% [markdown]
# ## 4. A ring, from its own samples
#
# Now the ring of eight narrow modes, in the same way.

# %%
lesson.predict(
    "How many of the eight modes will hold at least 2 % of the samples?",
    ["all eight", "from five to seven", "four or fewer"],
)

# %%
ring = toy.ring().standardized()
ring_by_samples = fit_by_sampling("ring", ring, lesson.steps(cfg.ring_steps, quick=2))
drawn = ring_by_samples.sample(lesson.rng("drawn"), lesson.size(5000, quick=100))
nearest = numpy.linalg.norm(drawn[:, None] - ring.modes, axis=2).argmin(axis=1)
shares = numpy.bincount(nearest, minlength=8) / len(drawn)
modes = int((shares >= 0.02).sum())
of_ring = judge(ring_by_samples, ring, "ring")
excess = of_ring[2] - np.sum(shares[shares > 0] * np.log(8 * shares[shares > 0]))

# %%
few = "four or fewer" if modes < 5 else "from five to seven"
lesson.outcome(
    f"{modes} of 8. Its own samples are {of_ring[2]:.2f} nats from the truth, points of the ring"
    f" {of_ring[0]:.0f}.",
    answer="all eight" if modes == 8 else few,
)
lesson.claim("ring, by sampling: modes found", modes, at_most=6)
lesson.claim(
    "ring, by sampling: KL of the samples over what the shares cost", excess, between=(-0.05, 0.3)
)
lesson.claim("ring, by sampling: gap", of_ring[0], at_least=5, unit="nats")

# %% [markdown]
# If $q$ sits on $k$ of 8 equal modes, $D_{\mathrm{KL}}(q\|p) = \log 8/k$: each mode that is
# forgotten costs little, and no sample ever lands there to tell. Maximum likelihood cannot forget:
# a data point without density costs without bound. In two dimensions an IAF can afford it, two
# rounds a layer.


# %%
def ring_points(i, rng):
    return (ring.sample(rng, cfg.batch),)


steps = lesson.steps(cfg.ml_steps, quick=2)
start = steep_iaf("ring by likelihood", 16, 6.0)
ring_by_likelihood = fit("ring by likelihood", start, likelihood, ring_points, steps)
lesson.sampler("ring", ring_by_likelihood.sample)

# %%
by_likelihood = judge(ring_by_likelihood, ring, "likelihood")
rows = [["ring, by sampling", *of_ring], ["ring, by likelihood", *by_likelihood]]
lesson.table([["two moons, by sampling", *of_moons], *rows], header)
lesson.claim("ring, by likelihood: gap", by_likelihood[0], at_most=0.15, unit="nats")

# %%
fig, axes = plot.figure(1, 4, size=(2.6, 2.9))
n = lesson.size(200, quick=30)
plot.density(iaf_of_moons, axes[0], bounds=2.2, n=n, title="two moons, by sampling")
show = iaf_of_moons.sample(lesson.rng("shown"), 2000)
plot.samples(show, moons, axes[1], bounds=2.2, title="its samples over the truth")
plot.samples(drawn[:2000], ring, axes[2], bounds=2.0, title="ring, by sampling")
show = ring_by_likelihood.sample(lesson.rng("shown ring"), 2000)
plot.samples(show, ring, axes[3], bounds=2.0, title="ring, by likelihood")
lesson.figure(
    fig,
    "plane",
    "Blue is the truth, orange are samples. Third panel: the modes without orange are forgotten,"
    " and nothing in the training said so. Fourth: all are there, with threads between them.",
)

# %% [markdown]
# ## 5. The gate
#
# Kingma et al. write the step in another way. With the network's outputs $m$ and $s$,
#
# $$x = g \odot z + (1 - g) \odot m, \qquad g = \frac{1}{1 + e^{-s}}:$$
#
# a gate that lets $z$ pass or puts $m$ in its place. No scale is above 1, so nothing explodes in
# deep stacks. The log-determinant needs the logarithm of a gate. Let $s = -1000$, in floating
# point.

# %%
lesson.predict(
    "The logarithm of 1/(1 + exp(-s)) at s = -1000, worked out as it is written:",
    ["-1000", "-inf", "0", "nan"],
)

# %%
lesson.exercise("flow/12/iaf_gated")

# %%
s = np.array([[-1000.0]])
with np.errstate(over="ignore", divide="ignore"):
    as_written = np.log(1 / (1 + np.exp(-s)))[0, 0]
x, log_det = iaf_gated(np.array([[3.0]]), np.array([[-7.0]]), s)
lesson.outcome(
    f"{as_written}, where {log_det[0]:g} is right.",
    answer="-inf" if np.isinf(as_written) else None,
)
lesson.check("x is m", x[0, 0], equals=-7.0)
lesson.check("log-det", log_det[0], equals=-1000.0)
lesson.show_source(iaf_gated)

# %%
lesson.change(
    "a gate less shut",
    "Change `s` to `np.array([[-30.0]])` and run again. Is the formula wrong there too, worked "
    "out as it is written?",
    answer="No, both give -30 to rounding error. $e^{30}$ is far from the largest number of a "
    "computer; in float64 the formula fails below $s = -709$, in float32 already below $-88$.",
)

# %% [markdown]
# exp(1000) overflows, its reciprocal is 0, and the logarithm of 0 is infinite. $-\log(1 + e^{-s})$,
# by a softplus, stays finite, and so does its gradient. The log-determinant is the sum of these,
# $\sum_i \log g_i$: $x_i$ depends on $z_i$ through $g_i z_i$ alone.
#
# ## 6. Where the post is loose
#
# - In Eq. flow.22 $\tilde\sigma$ has lost its index: it is $\tilde\sigma_i$. In Eq. flow.23 a
#   density is set equal to a number: given $\tilde z_{1:i}$, $\tilde x_i$ is not drawn but known.
# - "Very slow density estimation" holds for given points. For its own samples it is free, and that
#   is the use that it was made for.
# - The renaming turns one MAF into one IAF of *the same* network. It does not turn a trained MAF
#   into a fast sampler of the data: read as an IAF it samples $z$ from $x$.
#
# | | density of a given point | of its own sample | sampling | trained by |
# |---|---|---|---|---|
# | MAF | one pass | one pass | $D$ rounds | maximum likelihood |
# | IAF | $D$ rounds | free | one pass | its own samples |
# | RealNVP | one pass | free | one pass | both; fewer numbers change in a layer |
#
# **Left out:** a context $h$ that the network reads too, from a VAE's encoder: that is `flow/13`.
# The distillation of parallel WaveNet has further losses, for power and for contrast, because
# $D_{\mathrm {KL}}(q\|p)$ alone gives whispering. **Next:** IAF where it came from, as a posterior.
#
# **Your turn:** `minigen exercise start flow/12`, then `minigen run flow/12 --with
# exercises/flow_12.py`.

# %%
lesson.finish()
