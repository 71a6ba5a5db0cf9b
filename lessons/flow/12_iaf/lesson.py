# %% [markdown]
# # Inverse Autoregressive Flow (IAF)
#
# A masked autoregressive flow computes the density of a point in one pass, but it draws a sample in
# $D$ passes, one after the other (`flow/11`). For a density estimator this is fine. But suppose
# that we need samples all the time and know the density already, as a formula, or as a network that
# is too slow to sample from. Then the MAF is fast in the wrong direction. Can the same network be
# fast in the other direction?
#
# An IAF is conditioned on the noise where a MAF is conditioned on the data (section 1). It is the
# same map, run backwards (2), with the costs of the two directions exchanged (3). We fit an IAF
# without data, first to two moons (4) and then to a ring of eight modes (5). This lesson follows
# the section *Inverse Autoregressive Flow* of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/). Before this lesson:
# `flow/11`.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/12_iaf",
    title="Inverse Autoregressive Flow (IAF)",
    post="flow",
    sections=["flow.s15"],
    figures=["flow.f10"],
    equations=["flow.21", "flow.22", "flow.23"],
    minutes=1,
    picture="plane",
    sources=["weng2018flow", "kingma2016iaf", "papamakarios2017maf", "vandenoord2018parallel"],
)

# %%
import autograd.numpy as np
import numpy

from minigen import plot
from minigen.data import toy
from minigen.flow.bijection import Affine, Flow, Inverse, StandardNormal, jacobian_log_det
from minigen.flow.made import MADE
from minigen.metrics import nll_gap
from minigen.optim import EMA, Adam, clip_grad_norm, cosine
from minigen.tensor import stop_gradient, value_and_grad

# %%
from minigen.flow.autoregressive import (
    IAF,
    AffineAutoregressive,
    iaf_forward,
    iaf_from_maf,
    iaf_gated,
    maf_inverse,
)

# %% [markdown]
# ## 1. Scale and shift from earlier noise
#
# Why does a MAF have to wait? Its scale $\sigma_i$ and its shift $\mu_i$ are functions of the
# earlier coordinates $x_1, \dots, x_{i-1}$ of the data, and these have to be sampled first. The
# noise does not have to wait for anything: all its coordinates are drawn at once. The idea of an
# IAF is to let scale and shift depend on the earlier *noise* $z_1, \dots, z_{i-1}$ instead. The
# figure shows both models as samplers.


# %%
def column(k):
    """Noise, data and the network's box of coordinate k, which is between the two."""
    return {
        f"z{k}": plot.node(f"$z_{k}$", "noise", (1.5 * k, 0)),
        f"net{k}": plot.node(f"$\\mu_{k}, \\sigma_{k}$", "model", (1.5 * k - 0.75, 1)),
        f"x{k}": plot.node(f"$x_{k}$", "data", (1.5 * k, 2)),
    }


def arrows(k, source, color):
    """x_k is computed from z_k and from the network's outputs for earlier ones of the source."""
    inputs = [plot.edge(f"{source}{j}", f"net{k}", color=color) for j in range(1, k)]
    output = [plot.edge(f"z{k}", f"x{k}"), plot.edge(f"net{k}", f"x{k}", color=plot.color.model)]
    return output + inputs


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
    "Two samplers, with the noise z in the top row (gray) and the data x in the bottom row (blue;"
    " green and red in the post's figure). Follow the colored arrows into the last box: on the left"
    " it waits for x_1 and x_2, on the right it needs z_1 and z_2.",
)

# %% [markdown]
# All $z_i$ are known before the first call of the network. How are all $x_i$ computed from them?

# %%
lesson.exercise("flow/12/iaf_forward")

# %% [markdown]
# Let's do it by hand, with the network of `flow/11`: $\mu = (0,\ z_1,\ z_1 + z_2)$ and $\sigma =
# (1, 2, 3)$. There the noise $(1, 2, -1)$ gave $x = (1, 5, 3)$. Here $\mu = (0, 1, 3)$, so $x =
# (1,\ 2 \cdot 2 + 1,\ -1 \cdot 3 + 3)$. The third coordinate is different, because its shift adds
# $z_1$ and $z_2$, and not $x_1$ and $x_2$.

# %%
z = np.array([[1.0, 2.0, -1.0]])
mu, sigma = np.array([[0.0, 1.0, 3.0]]), np.array([[1.0, 2.0, 3.0]])
x, log_det = iaf_forward(z, mu, np.log(sigma))

# %%
lesson.check("x of z = (1, 2, -1)", x[0], equals=[1.0, 5.0, 0.0])
lesson.check("log-det: log 6", log_det[0], equals=np.log(6))
lesson.show_source(iaf_forward)

# %% [markdown]
# As one equation (Eq. flow.23, without the tildes of the post, which section 2 explains),
#
# $$x_i = z_i \odot \sigma_i(z_{1:i-1}) + \mu_i(z_{1:i-1}) .$$
#
# In words, each noise coordinate is scaled and shifted by functions of the noise before it. One
# call of a MADE computes all $\mu_i$ and $\sigma_i$. No $x_i$ depends on another $x_j$, so all of
# them can be computed in parallel. And the log-determinant is still a sum of logarithms.

# %% [markdown]
# <details><summary>Derivation: the log-determinant of an IAF is the sum of the log scales</summary>
#
# $x_i$ is a function of $z_1, \dots, z_i$ only, so $\partial x_i / \partial z_j = 0$ for $j > i$:
# the Jacobian is lower triangular. Neither $\mu_i$ nor $\sigma_i$ depends on $z_i$, so the diagonal
# has the entries $\partial x_i / \partial z_i = \sigma_i(z_{1:i-1}) > 0$. The determinant of a
# triangular matrix is the product of its diagonal,
#
# $$\log \Big| \det \frac{\partial x}{\partial z} \Big| = \sum_{i=1}^D \log
# \sigma_i(z_{1:i-1}) .$$
#
# In another order of the coordinates the same holds after rows and columns have been permuted
# alike, which leaves the determinant unchanged. $\square$
#
# </details>

# %% [markdown]
# To check this we take a network with random weights, for five coordinates in the order 2, 5, 1, 4,
# 3. `AffineAutoregressive` is the layer of `flow/11`, and `Inverse` exchanges its two directions.

# %%
net = MADE(lesson.rng("net"), 5, [16], outputs=2, order=[2, 0, 4, 3, 1], activation="tanh")
maf = AffineAutoregressive(net, 5)
iaf = Inverse(maf)
v = lesson.rng("v").standard_normal((6, 5))
off = iaf.forward(v)[1] - jacobian_log_det(iaf.forward, v)

# %%
lesson.check("log-det minus that of the autodiff Jacobian", off, equals=0.0, atol=1e-9)

# %% [markdown]
# This is all that an IAF is. The code already hints at where it comes from: it is a MAF with the
# two directions exchanged.
#
# ## 2. The inverse of a MAF
#
# Do we need a new kind of network for this, or can we find the IAF inside a MAF? The inverse of
# MAF's transformation leads from the data back to the noise (Eq. flow.21):
#
# $$z_i = \frac{x_i - \mu_i(x_{1:i-1})}{\sigma_i(x_{1:i-1})} .$$
#
# Now read this map as a sampler. Call its input the noise $\tilde z$, and its output the sample
# $\tilde x$. It is an affine transformation of its input, so it can be written as $\tilde x_i =
# \tilde z_i \odot \tilde\sigma_i + \tilde\mu_i$.

# %%
lesson.predict(
    "What are the scale σ~ and the shift μ~ of this sampler, in terms of σ and μ?",
    ["σ and μ", "1/σ and −μ", "1/σ and −μ/σ", "−σ and −μ"],
)

# %%
lesson.exercise("flow/12/iaf_from_maf")

# %%
mu_iaf, log_scale_iaf = iaf_from_maf(np.array([[3.0, -1.0]]), np.log(np.array([[2.0, 0.5]])))
lesson.check("μ~ of μ = (3, -1), σ = (2, 1/2)", mu_iaf[0], equals=[-1.5, 2.0])
lesson.check("σ~", np.exp(log_scale_iaf[0]), equals=[0.5, 2.0])
lesson.outcome("The fraction (x − μ)/σ is x/σ − μ/σ.", answer="1/σ and −μ/σ")
lesson.show_source(iaf_from_maf)

# %% [markdown]
# The post writes the exchange of names in full (Eq. flow.22):
#
# $$
# \begin{aligned}
# & \tilde x = z, \quad \tilde p(\cdot) = \pi(\cdot), \quad \tilde x \sim \tilde p(\tilde x) ;
# \qquad \tilde z = x, \quad \tilde\pi(\cdot) = p(\cdot), \quad \tilde z \sim
# \tilde\pi(\tilde z) ; \\
# & \tilde\mu_i(\tilde z_{1:i-1}) = \tilde\mu_i(x_{1:i-1}) =
# -\frac{\mu_i(x_{1:i-1})}{\sigma_i(x_{1:i-1})}, \qquad \tilde\sigma_i(\tilde z_{1:i-1}) =
# \tilde\sigma_i(x_{1:i-1}) = \frac{1}{\sigma_i(x_{1:i-1})} .
# \end{aligned}
# $$
#
# In words, noise and data change places, and with them their densities. With these names a MAF's
# inference is an IAF's sampling (Eq. flow.23),
#
# $$\tilde x_i = \tilde z_i \odot \tilde\sigma_i(\tilde z_{1:i-1}) + \tilde\mu_i(\tilde
# z_{1:i-1}), \qquad \tilde z \sim \tilde\pi(\tilde z) .$$

# %% [markdown]
# <details><summary>Derivation: from MAF's inference to an IAF</summary>
#
# Split the fraction of Eq. flow.21,
#
# $$z_i = x_i \odot \frac{1}{\sigma_i(x_{1:i-1})} + \Big( -\frac{\mu_i(x_{1:i-1})}
# {\sigma_i(x_{1:i-1})} \Big) .$$
#
# Write $\tilde z$ for $x$ and $\tilde x$ for $z$, and name the two coefficients $\tilde\sigma_i$
# and $\tilde\mu_i$. They are functions of $\tilde z_{1:i-1}$, earlier coordinates of the *input*.
# That is the definition of an IAF. The densities follow their variables. If $x \sim p$, the density
# that the MAF assigns, then $z \sim \pi$; so with $\tilde\pi = p$ the density of the output $\tilde
# x$ is $\tilde p = \pi$. The change of variables confirms it:
#
# $$\log \tilde p(\tilde x) = \log p(x) - \log \Big| \det \frac{\partial z}{\partial x} \Big| =
# \log \pi(z) ,$$
#
# because $\log p(x) = \log \pi(z) + \log | \det \partial z / \partial x |$. $\square$
#
# </details>

# %% [markdown]
# It is easy to get lost among so many tildes, so we check the exchange in three ways: by the two
# formulas, by the two layers, and by the densities. The last check takes the log-determinant from
# automatic differentiation.

# %%
mu, log_scale = net(v)[:, 0], net(v)[:, 1]
by_maf, log_det = maf_inverse(v, mu, log_scale)
by_iaf, same_log_det = iaf_forward(v, *iaf_from_maf(mu, log_scale))
off = [np.abs(by_iaf - by_maf).max(), np.abs(same_log_det - log_det).max()]
lesson.check("z by Eq. flow.23 minus z by Eq. flow.21, and log-dets", off, at_most=1e-12)

# %%
sampled, _ = iaf.forward(v)
off = np.abs(sampled - by_maf).max()
lesson.check("the IAF's sample minus the MAF's inference", off, at_most=1e-12)
there_and_back, _ = iaf.forward(maf.forward(v)[0])
off = np.abs(there_and_back - v).max()
lesson.check("noise, minus the noise after the MAF and the IAF", off, at_most=1e-9)

# %%
normal = StandardNormal(5)
log_p = Flow(normal, maf).log_prob(v)  # of x = z~
log_p_tilde = log_p - jacobian_log_det(iaf.forward, v)  # of z = x~
off = np.abs(log_p_tilde - normal.log_prob(sampled)).max()
lesson.check("log p~(x~) minus log π(z)", off, at_most=1e-9)

# %%
lesson.change(
    "two samplers of one network",
    "Sample by the MAF in place of the IAF: change `sampled, _ = iaf.forward(v)` to `sampled, _ "
    "= maf.forward(v)` and run again. The network and the noise are the same. Are the samples?",
    answer="No. The MAF inverts the transformation of the IAF: it multiplies by $\\sigma$ where "
    "the IAF divides, and its network receives earlier coordinates of its output, where the IAF's "
    "receives those of its input.",
)

# %% [markdown]
# We need no new network. But one hope has to be given up: the exchange does not turn a
# *trained* MAF into a fast sampler of its data. The IAF of the same network takes data as its
# noise, and samples $z$.
#
# ## 3. The cost of the two directions
#
# What does an IAF pay for its fast samples? A layer of `AffineAutoregressive` has a fast direction
# and a slow one. We count how often each of them calls the network.


# %%
def calls_of_network(dim):
    """How often a layer's `inverse` and its `forward` call the network."""
    net = MADE(lesson.rng(f"net {dim}"), dim, [128], outputs=2, activation="tanh")
    calls = []

    def counted(x):
        calls.append(len(x))
        return net(x)

    layer, a = AffineAutoregressive(counted, dim), np.zeros((1, dim), np.float32)
    layer.inverse(a)
    fast = len(calls)
    layer.forward(a)
    return fast, len(calls) - fast


# %%
dims = [8, 16, 32, 64, 128]
calls = [calls_of_network(dim) for dim in dims]
lesson.table([[dim, *each] for dim, each in zip(dims, calls)], ["D", "calls, fast", "calls, slow"])
lesson.check("calls of the slow direction", [slow for _, slow in calls], equals=dims)
lesson.check("calls of the fast direction", [fast for fast, _ in calls], equals=[1] * len(dims))

# %% [markdown]
# The fast direction calls the network once, and the slow direction once for each coordinate. For a
# MAF the slow direction is sampling. For an IAF it is the density of a *given* point $\tilde x$,
# because the noise has to be recovered one coordinate after the other, $\tilde z_i = (\tilde x_i -
# \tilde\mu_i(\tilde z_{1:i-1})) / \tilde\sigma_i(\tilde z_{1:i-1})$. Maximum likelihood needs this
# density at every step, with its gradient through all $D$ calls. That is why an IAF of 784 pixels
# is hardly ever trained on data.

# %% [markdown]
# So much for given points. Now let both models draw a *sample* of their own, and ask for the
# density of this sample.

# %%
lesson.predict(
    "Which model has to call its network again for the density of its own sample?",
    ["neither", "the MAF, once", "the IAF, D times", "both"],
)

# %%
noise = lesson.rng("own samples").standard_normal((6, 5))
log_pi = normal.log_prob(noise)
rows, errors = [], {}
for name, layer in (("MAF", maf), ("IAF", iaf)):
    x, log_det = layer.forward(noise)
    again = Flow(normal, layer).log_prob(x)  # the density of a given point
    rows.append([name, log_pi[0] - log_det[0], again[0]])
    errors[name] = np.abs(log_pi - log_det - again).max()

# %%
lesson.outcome(
    "For both models log p(x) is log π(z) − log-det. The noise z is known, and the log-det of the"
    " sampling direction is the sum of the log scales, which were computed with the sample.",
    answer="neither",
)
lesson.table(rows, ["model", "log p of its first sample, as drawn", "the same as a given point"])

# %%
for name, error in errors.items():
    lesson.check(f"{name}: log π(z) - log-det, minus log p(x)", error, at_most=1e-13)

# %% [markdown]
# An IAF is slow only for points that somebody else brings. For its own samples it has everything,
# the point and its density, after one call. The next section asks what this is good for.

# %% [markdown]
# ## 4. Fitted without data: the reverse KL divergence
#
# Can a flow learn from its own samples? It can if a target density $p$ can be evaluated, because
# then we have both sides of the comparison at each sample of the model $q$ (`flow/04` trained
# planar flows like this). No data are needed. We draw samples of $q$ and minimize
#
# $$D_{\mathrm{KL}}(q \| p) = \mathbb E_{z\sim\pi}\Big[\log \pi(z) - \log\Big|\det \frac{\partial
# x}{\partial z}\Big| - \log p(x(z))\Big] .$$
#
# In words, we average over the model's samples how much more probable the model finds them than the
# target does. This is the *reverse* KL divergence. Two methods need it. The posterior of a VAE, for
# which IAF was proposed, is the subject of `flow/13`. *Parallel WaveNet* (van den Oord et al. 2018)
# takes a trained WaveNet, which is slow to sample, as $p$, and fits an IAF that computes the sound
# in one pass.

# %% [markdown]
# <details><summary>Derivation: the reverse KL divergence of a flow</summary>
#
# By definition $D_{\mathrm{KL}}(q \| p) = \mathbb E_{x \sim q} [\log q(x) - \log p(x)]$. A sample
# of $q$ is $x(z)$ with $z \sim \pi$, so the expectation over $x$ is an expectation over $z$. At
# this sample the change of variables (Eq. flow.06) gives $\log q(x(z)) = \log \pi(z) - \log|\det
# \partial x / \partial z|$. Insert it. If $p$ is known only up to a constant factor $1/Z$, the
# divergence changes by the constant $\log Z$, and its gradient not at all. $\square$
#
# </details>

# %% [markdown]
# The gradient of the loss contains the gradient of $\log p$, the *score*. Our toy densities have a
# method `score`, but autograd cannot differentiate their `log_prob`. We give it the tangent
# instead, a linear function of $x$ with the same value and the same slope at the samples. A factor
# $\beta$ below 1 flattens the target.


# %%
def log_p_and_slope(density, x):
    """log p(x), (N,), of which autograd sees the tangent at x."""
    here = stop_gradient(x)
    return density.log_prob(here) + np.sum((x - here) * density.score(here), axis=1)


def reverse_kl(flow, z, density, beta):
    """KL(flow || density) estimated from the samples at noise z; beta below 1 flattens p."""
    x, log_det = flow.bijection.forward(z)
    return np.mean(flow.base.log_prob(z) - log_det - beta * log_p_and_slope(density, x))


# %% [markdown]
# Let's check it by hand, with two Gaussians. Let $q$ have means $(1, 0)$ and standard deviations
# $(2, \frac12)$, and let $p = \mathcal N(0, I)$. The closed form is $\frac12 \sum_j (\sigma_j^2 +
# \mu_j^2 - 1 - \log \sigma_j^2) = \frac12 (4 + 1 - 1 - \log 4 + \frac14 - 1 + \log 4) = 1.625$. The
# four points $z = (\pm 1, \pm 1)$ have mean 0 and covariance $I$, so for quadratic functions their
# mean is the expectation.

# %%
wide_and_narrow = Flow(StandardNormal(2), Affine([1.0, 0.0], np.log([2.0, 0.5])))
four = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
target = toy.GaussianMixture([[0.0, 0.0]], std=1.0)
value, slopes = value_and_grad(reverse_kl)(wide_and_narrow, four, target, 1.0)

# %%
lesson.check("KL(q || p) by four points", value, equals=1.625, atol=1e-6)
lesson.check(
    "its gradient with respect to the mean, by hand the mean",
    slopes.bijection.shift,
    equals=[1.0, 0],
)

# %% [markdown]
# The targets are the two moons of `flow/05` and, in section 5, its ring. In the first third of the
# training $\beta$ rises from 0.1 to 1, so that the first samples, most of which are where $p$ is
# very small, do not have huge gradients. The first layers have steep units, as in `flow/11`, and
# gradients are clipped.

# %%
cfg = lesson.configure(batch=256, lr=5e-3, longest=2.0, steps=4500, ring_steps=1200, ml_steps=3000)


def steep_iaf(label, layers, steepness):
    """An IAF of the plane whose first layers have steep units, placed anywhere in the noise."""
    rng = lesson.rng(f"init {label}")
    flow = IAF(rng, 2, layers=layers, hidden=(64,))
    for layer in flow.bijection.bijections:
        first = layer.bijection.net.layers[0]
        first.w[...] = steepness * rng.standard_normal(first.w.shape)
        middle = rng.uniform(-2.5, 2.5, first.b.shape)  # where a unit is steepest
        first.b[...] = -middle * (first.w * first.mask).sum(axis=0)
    return flow


# %%
def fit(label, flow, loss, arguments, steps, lr):
    """Minimize loss(flow, *arguments(i, rng)); return the moving average of the flow."""
    adam, average, rng = Adam(flow, lr), EMA(flow, 0.99), lesson.rng(label)
    rate = cosine(lr, steps, warmup=min(100, steps))
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
def fit_by_sampling(label, density, steps, start=None, lr=cfg.lr):
    def noise_and_target(i, rng):
        z = rng.standard_normal((cfg.batch, 2), dtype=np.float32)
        beta = min(1.0, 0.1 ** (1 - 3 * i / steps)) if start is None else 1.0
        return z, density, np.float32(beta)

    flow = steep_iaf(label, 12, 2.0) if start is None else start
    return fit(label, flow, reverse_kl, noise_and_target, steps, lr)


moons = toy.two_moons(0.1).standardized()
iaf_of_moons = fit_by_sampling("two moons", moons, lesson.steps(cfg.steps, quick=2))
lesson.sampler("two moons", iaf_of_moons.sample)

# %% [markdown]
# The training used not a single data point. To judge the flow, we draw 50,000 points of the two
# moons, compute their density in the slow direction (two calls a layer), and compare with the
# entropy. This is the *gap* of `flow/05`. The flow's own samples give the reverse KL divergence, in
# the fast direction. The rival is the untrained flow, which is almost the identity. Its density is
# one Gaussian with the mean and the standard deviations of the moons.


# %%
def judge(flow, density, label):
    """The gap on points of the density, its standard error, and KL(flow || density)."""
    x = density.sample(lesson.rng(f"test {label}"), lesson.size(50_000, quick=500))
    z = lesson.rng(f"noise {label}").standard_normal((len(x), 2), dtype=np.float32)
    return [*nll_gap(density, flow.log_prob, x), float(reverse_kl(flow, z, density, 1.0))]


# %%
of_moons = judge(iaf_of_moons, moons, "moons")
before = ["two moons, untrained", *judge(steep_iaf("two moons", 12, 2.0), moons, "moons")]

# %%
header = ["fitted", "gap, nats", "standard error", "KL(flow || density), nats"]
lesson.table([before, ["two moons, by sampling", *of_moons]], header)

# %%
name = "two moons, by sampling: gap"
lesson.claim(
    name,
    of_moons[0],
    at_most=0.045,
    unit="nats",
    source="seeds 0, 1 and 5309: 0.007 to 0.023; margin: a factor 2; untrained: 1.0",
)
name = "two moons, by sampling: KL of the samples"
lesson.claim(
    name,
    of_moons[2],
    at_most=0.045,
    unit="nats",
    source="seeds 0, 1 and 5309: 0.008 to 0.020; margin: a factor 2; untrained: 4.7",
)

# %% [markdown]
# By both measures the flow is close to the moons, although it was fitted to a formula only. Its
# density and its samples are the first two panels on top of this page.
#
# ## 5. Eight modes
#
# Does this always work? The second target is a ring of eight equal modes, each a narrow Gaussian
# with almost nothing in between. The training is the same.

# %%
lesson.predict(
    "How many of the eight modes will have at least 2 % of the samples each?",
    ["all eight", "from five to seven", "four or fewer"],
)


# %%
def fractions_of_modes(samples):
    """The fraction of the samples that is nearest to each mode, (8,)."""
    distances = numpy.linalg.norm(samples[:, None] - ring.modes, axis=2)
    return numpy.bincount(distances.argmin(axis=1), minlength=8) / len(samples)


ring = toy.ring().standardized()
ring_by_samples = fit_by_sampling("ring", ring, lesson.steps(cfg.ring_steps, quick=2))
drawn = ring_by_samples.sample(lesson.rng("drawn"), lesson.size(5000, quick=100))
fractions = fractions_of_modes(drawn)
modes = int((fractions >= 0.02).sum())
of_ring = judge(ring_by_samples, ring, "ring")

# %%
few = "four or fewer" if modes < 5 else "from five to seven"
lesson.outcome(
    f"The samples cover {modes} of the eight modes. The loss that was minimized is only"
    f" {of_ring[2]:.2f} nats above its minimum, because it is computed where samples fall.",
    answer="all eight" if modes == 8 else few,
)

# %% [markdown]
# How can a model that misses most of its target have so small a loss? Suppose that $q$ covers $k$
# of the eight modes exactly, and no others. Its divergence is $\log(8/k)$ nats. To miss seven modes
# costs $\log 8 = 2.08$, and not more.

# %% [markdown]
# <details><summary>Derivation: covering k of eight equal modes costs log(8/k)</summary>
#
# Let the modes $m_1, \dots, m_8$ be densities that do not overlap, $p = \frac18 \sum_j m_j$, and
# $q = \sum_j s_j m_j$ with fractions $s_j$. Where $m_j > 0$, the ratio $q/p$ is $8 s_j$, so
#
# $$D_{\mathrm{KL}}(q \| p) = \sum_j s_j \int m_j(x) \log \frac{q(x)}{p(x)}\, dx = \sum_j s_j \log
# (8 s_j) .$$
#
# With equal fractions $1/k$ on $k$ modes this is $\log(8/k)$: 0.69 nats for half of the modes. In
# the other direction, $D_{\mathrm{KL}}(p \| q)$ is infinite as soon as one $s_j = 0$. $\square$
#
# </details>


# %%
def cost_of(fractions):
    """KL divergence, nats, of modes with these fractions from eight equal modes."""
    some = fractions[fractions > 0]
    return np.sum(some * np.log(8 * some))


four_modes = np.array([0.25] * 4 + [0.0] * 4)
lesson.check("four equal modes: log(8/4)", cost_of(four_modes), equals=np.log(2))

# %%
excess = of_ring[2] - cost_of(fractions)
rows = [["by the fractions of the modes", cost_of(fractions)], ["the rest", excess]]
lesson.table([*rows, ["KL(flow || ring)", of_ring[2]]], ["divergence", "nats"])

# %%
name = "ring, by sampling: the rest of the KL divergence"
lesson.claim(
    name,
    excess,
    between=(-0.05, 0.3),
    unit="nats",
    source="seeds 0, 1 and 5309: 0.001 to 0.009; eight more trainings: at most 0.056",
)

# %% [markdown]
# A rest near 0 means that the samples fit the modes that they cover. Then the missing modes account
# for the whole loss.

# %%
fits = excess < 0.3  # otherwise missing modes say nothing about the objective
name = "ring, by sampling: modes without samples, where the samples fit"
lesson.claim(
    name,
    (8 - modes) if fits else 0,
    at_least=4,
    source="seeds 0, 1 and 5309: 7; the least of eight more trainings of the ring: 6",
)
name = "ring, by sampling: gap, where the samples fit"
lesson.claim(
    name,
    of_ring[0] if fits else 0.0,
    at_least=20,
    unit="nats",
    source="seeds 0, 1 and 5309: 215 to 2458; the least of eight more trainings of the ring: 111",
)

# %% [markdown]
# The reverse KL divergence is called *mode-seeking*. But what is to blame, the divergence, or the
# training, in which no gradient points to a mode once no sample falls near it? And could the same
# kind of flow cover the ring at all? Maximum likelihood answers the second question. In two
# dimensions we can afford it, because a density takes two calls a layer.


# %%
def likelihood(flow, x):
    return flow.loss(x)


def ring_points(i, rng):
    return (ring.sample(rng, cfg.batch),)


steps = lesson.steps(cfg.ml_steps, quick=2)
start = steep_iaf("ring by likelihood", 16, 6.0)
ring_by_likelihood = fit("ring by likelihood", start, likelihood, ring_points, steps, cfg.lr)
lesson.sampler("ring", ring_by_likelihood.sample)

# %% [markdown]
# It covers all modes (fourth panel on top). Now we separate the two suspects. We continue from this
# flow, which has samples at every mode, and minimize the reverse KL divergence for as many steps as
# before.

# %%
lesson.predict(
    "The reverse KL training begins with samples at all eight modes. How many are left at its end?",
    ["all eight", "from five to seven", "four or fewer"],
)

# %%
start, steps = ring_by_likelihood.copy(), lesson.steps(cfg.ring_steps, quick=2)
continued = fit_by_sampling("ring, continued", ring, steps, start)
kept = fractions_of_modes(continued.sample(lesson.rng("kept"), lesson.size(5000, quick=100)))
left = int((kept >= 0.02).sum())
of_continued = judge(continued, ring, "continued")
by_likelihood = judge(ring_by_likelihood, ring, "likelihood")

# %%
few = "four or fewer" if left < 5 else "from five to seven"
lesson.outcome(
    f"At its end {left} of the eight modes have samples. But the KL divergence of the flow from"
    f" the ring has not fallen, it went from {by_likelihood[2]:.2f} to {of_continued[2]:.2f} nats,"
    " so the training has not found the flow that its loss prefers.",
    answer="all eight" if left == 8 else few,
)

# %% [markdown]
# This is not what the divergence asks for. Its minimum has all eight modes in equal fractions. Are
# the steps too large? We continue from the same flow once more, with a learning rate a hundred
# times smaller.

# %%
start = ring_by_likelihood.copy()
slowly = fit_by_sampling("ring, continued slowly", ring, steps, start, lr=cfg.lr / 100)
of_slowly = judge(slowly, ring, "slowly")
kept = fractions_of_modes(slowly.sample(lesson.rng("kept slowly"), lesson.size(5000, quick=100)))
stayed = int((kept >= 0.02).sum())

# %%
shown_ring = ring_by_likelihood.sample(lesson.rng("shown ring"), 2000)
all_modes = int((fractions_of_modes(shown_ring) >= 0.02).sum())
rows = [["ring, untrained", *judge(steep_iaf("ring", 12, 2.0), ring, "ring"), None]]
rows += [["by sampling", *of_ring, modes], ["by likelihood", *by_likelihood, all_modes]]
rows += [["by likelihood, then by sampling", *of_continued, left]]
rows += [["by likelihood, then by sampling, slowly", *of_slowly, stayed]]
lesson.table(rows, [*header, "modes"])

# %%
name = "ring, by likelihood: gap"
source = "seeds 0, 1 and 5309: 0.082 to 0.094; margin: two thirds; untrained: 3.2"
lesson.claim(name, by_likelihood[0], at_most=0.15, unit="nats", source=source)
name = "ring, by likelihood: modes with samples, where the gap is below 0.15"
found = all_modes if by_likelihood[0] < 0.15 else 0
lesson.claim(name, found, equals=8, source="seeds 0, 1 and 5309: 8")

# %%
name = "ring, continued by sampling: modes lost"
source = "seeds 0, 1 and 5309: 6 or 7; counts where eight modes were found before"
lesson.claim(name, 8 - left if found == 8 else 0, at_least=1, source=source)
name = "ring, continued slowly: modes with samples"
lesson.claim(name, stayed if found == 8 else 0, equals=8, source="seeds 0, 1 and 5309: 8")

# %%
fig, axes = plot.figure(1, 4, size=(2.6, 2.9))
n = lesson.size(200, quick=30)
plot.density(iaf_of_moons, axes[0], bounds=2.2, n=n, title="two moons, by sampling")
show = iaf_of_moons.sample(lesson.rng("shown"), 2000)
plot.samples(show, moons, axes[1], bounds=2.2, title="its samples on the density")
plot.samples(drawn[:2000], ring, axes[2], bounds=2.0, title="ring, by sampling")
plot.samples(shown_ring, ring, axes[3], bounds=2.0, title="ring, by likelihood")
lesson.figure(
    fig,
    "plane",
    "The density of a fitted flow (first panel), and samples of flows (orange) on the data density"
    " (blue). Compare the two panels on the right.",
)

# %% [markdown]
# With small steps all eight modes stay, so the divergence alone is not to blame. A step that is too
# large can lose a mode, and once no sample falls there, no gradient brings it back. (On the data of
# a lost mode the flow's density is almost 0, which makes the gap huge.) But the divergence rises
# with small steps as well, from 0.66 to 0.71 nats in the recorded run. If you fit without data, the
# start and the steps decide which modes you get.
#
# ## 6. The gated form
#
# *You may skip this section, because only a part of `flow/13` uses it. It is for readers who want
# to stack many steps, or to read the paper.*
#
# Kingma et al. (2016) write the step in another way. The network outputs $m$ and $s$, and
#
# $$x = g \odot z + (1 - g) \odot m, \qquad g = \frac{1}{1 + e^{-s}} .$$
#
# The gate $g$ weighs $z$ against $m$, as in a recurrent network. No scale is above 1, so values
# cannot explode in a deep stack. The log-determinant needs the logarithm of the gate, and a closed
# gate has a surprise for whoever writes the formula down unchanged.

# %%
lesson.exercise("flow/12/iaf_gated")

# %%
s = np.array([[-1000.0]])
with np.errstate(over="ignore", divide="ignore"):
    as_written = np.log(1 / (1 + np.exp(-s)))[0, 0]
x, log_det = iaf_gated(np.array([[3.0]]), np.array([[-7.0]]), s)
print(
    f"  s = {s[0, 0]:g}: log(1/(1 + exp(-s))) gives {as_written:g}, where {log_det[0]:g} is right"
)

# %%
lesson.check("x is m", x[0, 0], equals=-7.0)
lesson.check("log-det", log_det[0], equals=-1000.0)
lesson.show_source(iaf_gated)

# %%
lesson.change(
    "a gate that is less closed",
    "Change `s` to `np.array([[-30.0]])` and run again. Does the unchanged formula fail there, "
    "too?",
    answer="No, both give -30 to rounding error. $e^{30}$ does not overflow: in float64 the "
    "formula fails below $s = -709$, in float32 already below $-88$.",
)

# %% [markdown]
# The number $e^{1000}$ overflows to infinity, its reciprocal is 0, and the logarithm of 0 is
# $-\infty$. The function `softplus` computes $\log(1 + e^a)$ without overflow.

# %% [markdown]
# <details><summary>Derivation: the log-determinant of the gated form</summary>
#
# $m_i$ and $s_i$ are functions of earlier $z$, so the Jacobian is triangular and $\partial x_i /
# \partial z_i = g_i$. Hence $\log|\det| = \sum_i \log g_i$, and
#
# $$\log g_i = \log \frac{1}{1 + e^{-s_i}} = -\log(1 + e^{-s_i}) =
# -\operatorname{softplus}(-s_i) .$$
#
# For $s_i \to -\infty$ this approaches $s_i$, and its derivative approaches 1. $\square$
#
# </details>


# %%
def gated_layer(z):
    """The gated form with the random network of section 1."""
    return iaf_gated(z, net(z)[:, 0], net(z)[:, 1])


off = gated_layer(v)[1] - jacobian_log_det(gated_layer, v)
lesson.check("gated: log-det minus that of the autodiff Jacobian", off, equals=0.0, atol=1e-9)

# %% [markdown]
# The gated form is an IAF whose scales are at most 1, and nothing else about it is new.
#
# ## 7. MAF and IAF side by side
#
# Which of the two should you take? The post's section ends with a table of the two models. We add
# the row on scale and shift, and the last two rows.
#
# | | MAF | IAF |
# |---|---|---|
# | base distribution | $z \sim \pi(z)$ | $\tilde z \sim \tilde\pi(\tilde z)$ |
# | target distribution | $x \sim p(x)$ | $\tilde x \sim \tilde p(\tilde x)$ |
# | model | $x_i = z_i \sigma_i + \mu_i$ | $\tilde x_i = \tilde z_i \tilde\sigma_i + \tilde\mu_i$ |
# | scale and shift are functions of | $x_{1:i-1}$ | $\tilde z_{1:i-1}$ |
# | data generation | sequential, $D$ calls | one call |
# | density estimation | one call | sequential, $D$ calls |
# | density of its own sample | comes with the sample | comes with the sample |
# | usual objective | maximum likelihood | reverse KL divergence |
#
# Take a MAF for the density of data, and an IAF for fast samples of something that you can
# evaluate. A coupling layer (`flow/05`) takes one call in both directions, but it changes only a
# part of the coordinates. Note that a single layer of MAF and a single layer of IAF, with networks
# of unlimited size, can express the same densities, because $z_{1:i-1}$ and $x_{1:i-1}$ determine
# each other.
#
# ## 8. Where the post is loose
#
# - “$\tilde{\sigma}(\tilde{\mathbf{z}}_{1:i-1}) = \tilde{\sigma}(\mathbf{x}_{1:i-1}) =
#   \frac{1}{\sigma_i(\mathbf{x}_{1:i-1})}$”: the right side has an index $i$ and the left side has
#   lost it. It is $\tilde\sigma_i$, as in the equation that follows.
# - “$\tilde{x}_i \sim p(\tilde{x}_i\vert\tilde{\mathbf{z}}_{1:i}) = \tilde{z}_i \odot
#   \tilde{\sigma}_i(\tilde{\mathbf{z}}_{1:i-1}) +
#   \tilde{\mu}_i(\tilde{\mathbf{z}}_{1:i-1})$”: a density is set equal to a value. Given $\tilde
#   z_{1:i}$, the coordinate $\tilde x_i$ is not random, because $\tilde z_i$ is given as well.
# - “given that $\tilde{\pi}(\tilde{\mathbf{z}})$ is already known”: a few lines earlier the post
#   sets “$\tilde{\pi}(.) = p(.)$”, and $p$ is the density that the MAF has to learn. In an IAF of
#   its own $\tilde\pi$ is a known base density, so the letters change their meaning between the
#   two.
#
# **What this lesson does differently:** the targets are densities of the plane with a known score,
# and the factor $\beta$ rises during training; the post has no experiment.
#
# **Left out:** a context $h$, a further input of the network, computed by the encoder of a VAE: see
# `flow/13`. The distillation of parallel WaveNet adds losses for the power of the signal, for what
# a classifier of speech perceives, and for contrast, because the reverse KL divergence alone was
# not enough. **Next:** IAF as the posterior of a VAE.
#
# **To remember:** An IAF is a MAF run backwards. It draws a sample and its density in one call, and
# needs $D$ calls for a given point. Fitted by its own samples, a flow needs no data. But it does
# not find modes that its samples do not reach, and it may lose modes that they do reach.
#
# **Your turn:** `minigen exercise start flow/12`, then `minigen run flow/12 --with
# exercises/flow_12.py`.

# %%
lesson.finish()
