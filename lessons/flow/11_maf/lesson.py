# %% [markdown]
# # Masked Autoregressive Flow
#
# We have two ways to an exact density, and each lacks something. In a layer of a coupling flow
# (`flow/05`), half of the coordinates stay unchanged, and those that move cannot depend on one
# another. In an autoregressive model (`flow/08`) each coordinate depends on all before it, but ours
# predicts bits, and it is not a map, so we cannot stack it. For real numbers we want both. Can a
# model of conditionals be a layer of a flow? And what do we pay, if every coordinate may depend on
# all before it?
#
# We build one layer on three numbers (section 1), ask which order of the coordinates suits a
# density (2), and what more layers add (3). Then we fit moons and a ring (4), and digits (5 and 6),
# and look at where the bits of a digit go (7). This lesson follows the section *Masked
# Autoregressive Flow* of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/). Before this lesson:
# `flow/05`, `flow/08`.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/11_maf",
    title="Masked Autoregressive Flow",
    post="flow",
    sections=["flow.s14"],
    figures=["flow.f10"],
    equations=["flow.16", "flow.21"],
    minutes=3,
    picture="the_bow",
    sources=["weng2018flow", "germain2015made", "papamakarios2017maf"],
)

# %%
from types import SimpleNamespace

import autograd.numpy as np
import numpy
from scipy.special import entr, ndtr

from minigen import plot
from minigen.data import mnist, toy
from minigen.flow.autoregressive import MAF, AffineAutoregressive, maf_forward, maf_inverse
from minigen.flow.bijection import Affine, Chain, Flow, StandardNormal, jacobian_log_det

# %%
from minigen.flow.made import MADE
from minigen.metrics import nll_gap
from minigen.metrics.samples import mean_and_covariance
from minigen.optim import cosine
from minigen.tensor import batched
from minigen.train import descend

# %% [markdown]
# Our first density is that of Figure 1 of the paper (Papamakarios et al. 2017). Draw $x_2 \sim
# \mathcal N(0, 2^2)$, and then $x_1 \sim \mathcal N(\frac14 x_2^2,\ 1)$. We call it the *bow*.


# %%
def log_normal(x, mu, sigma):
    return -0.5 * ((x - mu) / sigma) ** 2 - np.log(sigma) - 0.5 * np.log(2 * np.pi)


def log_prob_of_bow(x):
    return log_normal(x[:, 1], 0.0, 2.0) + log_normal(x[:, 0], x[:, 1] ** 2 / 4, 1.0)


def draw_bow(rng, n=256):
    x2 = 2 * rng.standard_normal(n)
    x1 = x2**2 / 4 + rng.standard_normal(n)
    return np.stack([x1, x2], axis=1).astype(np.float32)


# %%
bow = SimpleNamespace(log_prob=log_prob_of_bow)
box = (-4, 12, -8, 8)
fig, (left, right) = plot.figure(1, 2, size=(3.2, 3.2))
plot.density(bow, left, bounds=box, title="the bow")
samples = draw_bow(lesson.rng("shown bow"), 2000)
plot.samples(samples, ax=right, bounds=box, title="2,000 samples")
lesson.figure(
    fig,
    "the_bow",
    "A density of two coordinates, and samples of it; x1 runs to the right, and x2 upwards. Compare"
    " a horizontal cut with a vertical one.",
)

# %% [markdown]
# ## 1. Three coordinates
#
# How do conditionals become a map from noise to data? Any density is a product of conditionals,
# each given the coordinates before it (Eq. flow.16), $p(x) = \prod_i p(x_i \mid x_{1:i-1})$. In a
# *masked autoregressive flow* (MAF) each of them is a Gaussian, whose mean $\mu_i$ (the *shift*)
# and standard deviation $\sigma_i$ (the *scale*) are functions of the earlier coordinates. The post
# calls it “a type of normalizing flows, where the transformation layer is built as an
# autoregressive neural network”. To draw $x$, draw noise $z_i \sim \mathcal N(0, 1)$ and compute
#
# $$x_i = z_i\, \sigma_i(x_{1:i-1}) + \mu_i(x_{1:i-1}).$$
#
# In words, each noise coordinate is scaled and shifted by functions of the data before it. This map
# can be undone, so it is a normalizing flow. For example, let $\mu = (0,\ x_1,\ x_1 + x_2)$ and
# $\sigma = (1, 2, 3)$. The noise $z = (1, 2, -1)$ gives $x_1 = 1$, then $x_2 = 2 \cdot 2 + 1 = 5$,
# then $x_3 = -3 + 6 = 3$.
#
# Now suppose that $x = (1, 5, 3)$ is given, and we look for $z$. In one *round* you may compute all
# three coordinates at the same time, from what is known when the round begins.

# %%
lesson.predict(
    "How many rounds does it take from z to x, and how many from x to z?",
    ["3 and 3", "1 and 3", "3 and 1", "1 and 1"],
)

# %% [markdown]
# You will write both directions. Begin with *inference*, from $x$ to $z$. The second exercise is
# *sampling*, from $z$ to $x$.

# %%
lesson.exercise("flow/11/maf_inverse")
lesson.exercise("flow/11/maf_forward")

# %% [markdown]
# The “network” of our example counts how often it is called.

# %%
calls = []


def net(x):
    """(N, 3) -> (N, 2, 3): mu, then the logarithm of sigma."""
    calls.append(len(x))
    first, second = x[:, 0], x[:, 1]
    mu = np.stack([0 * first, first, first + second], axis=1)
    return np.stack([mu, np.log(np.array([1.0, 2.0, 3.0])) + 0 * mu], axis=1)


# %%
z = np.array([[1.0, 2.0, -1.0]])
x, log_det = maf_forward(z, net)
rounds_to_x = len(calls)
mu_and_log_scale = net(x)
z_back, log_det_back = maf_inverse(x, mu_and_log_scale[:, 0], mu_and_log_scale[:, 1])
rounds_to_z = len(calls) - rounds_to_x

# %%
lesson.outcome(
    f"The network was called {rounds_to_x} times from z to x, and {rounds_to_z} time from x to z,"
    " because mu and sigma are functions of x, and here all of x is known.",
    answer=f"{rounds_to_x} and {rounds_to_z}",
)

# %%
lesson.check("(1, 2, -1) goes to (1, 5, 3)", x[0], equals=[1.0, 5.0, 3.0])
lesson.check("and comes back", z_back[0], equals=[1.0, 2.0, -1.0])
both = [log_det[0], log_det_back[0]]
lesson.check("log-dets: log 6 and -log 6", both, equals=[np.log(6), -np.log(6)])
lesson.show_source(maf_inverse, maf_forward)

# %%
lesson.change(
    "a mean of fewer coordinates",
    "Let the third mean depend on $x_1$ only: change `first + second]` in `mu` to `first]` and "
    "run again. What is $x_3$, and how often is the network called?",
    answer="$x = (1, 5, -2)$, since $x_3 = -3 + 1$. The network is called 3 times as before, "
    "though 2 rounds would do: `maf_forward` makes $D$ rounds, whatever the network leaves out.",
)

# %% [markdown]
# What about the determinant, which a flow needs? The inference of one layer is (Eq. flow.21)
#
# $$z_i = \frac{x_i - \mu_i(x_{1:i-1})}{\sigma_i(x_{1:i-1})} = -\frac{\mu_i}{\sigma_i} +
# \frac{x_i}{\sigma_i}, \qquad \log\Big|\det\frac{\partial z}{\partial x}\Big| = -\sum_i
# \log\sigma_i(x_{1:i-1}) .$$
#
# In words, subtract the shift and divide by the scale. The log-determinant is a sum of scales,
# however complicated the network is.
#
# <details><summary>Derivation: a triangular Jacobian, and the product of conditionals</summary>
#
# $\mu_i$ and $\sigma_i > 0$ do not depend on $x_i$ or on any later coordinate. So
#
# $$\frac{\partial z_i}{\partial x_i} = \frac{1}{\sigma_i}, \qquad \frac{\partial z_i}{\partial x_j}
# = 0 \quad (j > i) .$$
#
# The Jacobian is lower triangular, and its determinant is the product of its diagonal. The entries
# below the diagonal, which contain the derivatives of the network, do not enter: $\log |\det| =
# -\sum_i \log \sigma_i$. The change of variables (Eq. flow.04) then gives the product of
# conditionals back. With a standard normal $\pi$,
#
# $$\log p(x) = \log \pi(z) - \sum_i \log\sigma_i
# = \sum_i \Big[ -\tfrac12 z_i^2 - \tfrac12 \log 2\pi - \log\sigma_i \Big]
# = \sum_i \log \mathcal N(x_i;\ \mu_i, \sigma_i^2) .$$
#
# If the coordinates have another order, rows and columns of the Jacobian are permuted in the same
# way, and the determinant is the same.
#
# </details>
#
# “The transformation function is trivial to inverse and the Jacobian determinant is easy to compute
# too”, the post says. Training needs the density of *given* points, and “density estimation only
# needs one pass”. Sampling takes $D$ rounds. “The generation procedure is sequential, so it is slow
# by design.”


# %%
def row(k, column):
    """Boxes of coordinate k: noise, the network's outputs, data."""
    return {
        f"z{k}": plot.node(f"$z_{k}$", "noise", (column, 0)),
        f"net{k}": plot.node(f"$\\mu_{k}, \\sigma_{k}$", "model", (column - 0.75, 1)),
        f"x{k}": plot.node(f"$x_{k}$", "data", (column, 2)),
    }


def arrows(k, sampling):
    """x_k is computed from z_k, or z_k from x_k; mu_k and sigma_k from the earlier x."""
    ends = (f"z{k}", f"x{k}") if sampling else (f"x{k}", f"z{k}")
    inputs = [plot.edge(f"x{j}", f"net{k}", color=plot.color.real) for j in range(1, k)]
    return [plot.edge(*ends), plot.edge(f"net{k}", ends[1], color=plot.color.model), *inputs]


# %%
boxes = {name: box for k in (1, 2, 3) for name, box in row(k, 1.5 * k).items()}
fig, axes = plot.figure(1, 2, size=(4.6, 2.3))
titles = {True: "sampling: three rounds", False: "inference: one round"}
for ax, (sampling, title) in zip(axes, titles.items(), strict=True):
    plot.schematic(boxes, [e for k in (1, 2, 3) for e in arrows(k, sampling)], ax, title=title)
lesson.figure(
    fig,
    "f10_maf",
    "A layer in both directions, with noise z (gray), whose density is known, and data x (blue)."
    " Follow the blue arrows, which are the same in both: on the left x_3 waits for x_2, and x_2"
    " for x_1, and on the right all x are given.",
)

# %% [markdown]
# In a MAF one masked network, the MADE of `flow/08`, outputs all $\mu_i$ and $\log\sigma_i$. Is the
# log-determinant right for random weights? We compare it with the whole Jacobian by automatic
# differentiation, which does not use that it is triangular.

# %%
layer = AffineAutoregressive(MADE(lesson.rng("random"), 5, [16], outputs=2, activation="tanh"), 5)
x = lesson.rng("points").standard_normal((6, 5))
z, log_det = layer.inverse(x)
off = np.abs(log_det - jacobian_log_det(layer.inverse, x)).max()
mu, log_sigma = layer.net(x)[:, 0], layer.net(x)[:, 1]
product = log_normal(x, mu, np.exp(log_sigma)).sum(axis=1)
by_flow = StandardNormal(5).log_prob(z) + log_det

# %%
lesson.check("log-det minus that of the autodiff Jacobian, at most", off, at_most=1e-9)
lesson.check("log p as a flow minus log of the conditionals", by_flow - product, equals=0.0)
lesson.show_source(AffineAutoregressive)

# %%
lesson.change(
    "the last coordinate first",
    "Give the `MADE` of `layer` another order: add `order=[4, 3, 2, 1, 0]` after `outputs=2`, "
    "and run again. Is $-\\sum_i \\log\\sigma_i$ still the log-determinant?",
    answer="Yes, to rounding error. The Jacobian is triangular once its rows and columns are put "
    "in the order of the network, and that does not change its determinant.",
)

# %% [markdown]
# So a layer of a MAF is a product of Gaussian conditionals and a flow at the same time. It pays in
# one direction only, with one round for each coordinate.
#
# ## 2. One density, two orders
#
# By the chain rule every order of the coordinates is right (`flow/08`). Is it also right if each
# conditional must be a Gaussian? Back to the bow. A layer has $x_2$ first, then $x_1$ given $x_2$,
# or it has $x_1$ first, then $x_2$ given $x_1$. Its network may be as large as you like.

# %%
lesson.predict(
    "Which order of one layer can fit the bow exactly?",
    ["x2 first", "x1 first", "both", "neither"],
)

# %% [markdown]
# How good can the best layer with $x_1$ first be? It matches mean and variance of $x_1$, then of
# $x_2$ given $x_1$, and its *gap*, the nats by which its loss exceeds the entropy, is
#
# $$\tfrac12\log 2\pi e \operatorname{Var} x_1 + \mathbb E_{x_1}\, \tfrac12 \log 2\pi e
# \operatorname{Var}(x_2 \mid x_1) - H(x).$$
#
# <details><summary>Derivation: the smallest loss of Gaussian conditionals</summary>
#
# Let $x$ have mean $m$ and variance $v$. Since $\mathbb E (x - \mu)^2 = v + (m - \mu)^2$, a
# Gaussian with mean $\mu$ and standard deviation $\sigma$ has the loss
#
# $$\mathbb E \big[-\log \mathcal N(x;\ \mu, \sigma^2)\big]
# = \tfrac12 \log 2\pi\sigma^2 + \frac{v + (m - \mu)^2}{2\sigma^2} .$$
#
# It is smallest for $\mu = m$. Then the derivative with respect to $\sigma^2$ is
# $\frac{1}{2\sigma^2} - \frac{v}{2\sigma^4}$. It is zero for $\sigma^2 = v$, and the loss is
# $\frac12 \log 2\pi v + \frac12 = \frac12\log 2\pi e v$.
#
# The loss of a layer is the sum over its conditionals, and the network may choose $\mu$ and
# $\sigma$ of the second for each value of the first. So the smallest loss is $\frac12\log 2\pi e
# \operatorname{Var} x_1$ plus the mean over $x_1$ of $\frac12\log 2\pi e \operatorname{Var}(x_2
# \mid x_1)$. The loss of the exact density is the entropy $H(x)$.
#
# </details>
#
# A sum over a fine grid gives this gap, and the gap of the trivial rival, one Gaussian.

# %%
x1, dx1 = numpy.linspace(-8, 35, 1001, retstep=True)
x2, dx2 = numpy.linspace(-14, 14, 701, retstep=True)
log_p = log_normal(x2, 0.0, 2.0) + log_normal(x1[:, None], x2**2 / 4, 1.0)  # (1001, 701)
mass = numpy.exp(log_p) * dx1 * dx2
of_x1 = mass.sum(axis=1)  # by symmetry, the mean of x2 is 0 given any x1
variance = (mass @ x2**2) / of_x1
variance_of_x1 = of_x1 @ x1**2 - (of_x1 @ x1) ** 2
entropy = -(mass * log_p).sum()

# %%
loss_of_x1 = 0.5 * np.log(2 * np.pi * np.e * variance_of_x1)
loss_of_x2 = 0.5 * np.log(2 * np.pi * np.e * variance)  # (1001,): given each x1
best = loss_of_x1 + of_x1 @ loss_of_x2 - entropy
gap_of_gaussian = loss_of_x1 + 0.5 * np.log(2 * np.pi * np.e * 4) - entropy  # x1, x2 uncorrelated
print(f"with x1 first, the loss of one layer exceeds the entropy by at least {best:.4f} nats")

# %%
lesson.check("mass of the grid", mass.sum(), equals=1.0, atol=1e-4)
lesson.check("variance of x1, by hand 1 + 2", variance_of_x1, equals=3.0, atol=1e-3)

# %%
k = numpy.abs(x1 - 4).argmin()  # x2 given x1 = 4 has two modes, near -4 and 4
given = mass[k] / of_x1[k]
sigmas = variance[k] ** 0.5 * np.array([0.7, 0.9, 1.0, 1.1, 1.3])
losses = [-(given @ log_normal(x2, 0.0, sigma)) for sigma in sigmas]
shifted = -(given @ log_normal(x2, 1.0, sigmas[2])) - losses[2]

# %%
lesson.check("loss at the deviation of x2", losses[2], equals=loss_of_x2[k])
lesson.check("at four others, minus this one", np.delete(losses, 2) - losses[2], at_least=0.004)
lesson.check("with the mean 1, minus this one", shifted, equals=1 / (2 * variance[k]))

# %% [markdown]
# Now we train one layer of each order. `order` gives the position of each coordinate.


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
by_order = {name: found.gap for name, found in gaps.items()}

# %%
fits = [name for name, gap in by_order.items() if gap < 0.05]
answer = {(): "neither", ("x1 first", "x2 first"): "both"}.get(tuple(sorted(fits)))
lesson.outcome(
    f"The loss exceeds the entropy by {by_order['x2 first']:.3f} nats with x2 first, and by"
    f" {by_order['x1 first']:.2f} with x1 first, because given a large x1, x2 has two modes, one in"
    " each arm of the bow, and a Gaussian has one.",
    answer=answer or fits[0],
)

# %%
lesson.table(
    [
        ["one Gaussian", gap_of_gaussian, None],
        ["the best possible with x1 first", best, None],
        *([name, *found] for name, found in gaps.items()),
    ],
    ["one layer", "gap, nats", "standard error"],
)

# %%
lesson.claim(
    "bow, one layer, x2 first: gap",
    by_order["x2 first"],
    at_most=0.02,
    unit="nats",
    source="theory: at least 0; seeds 0, 1 and 4441: 0.0042 to 0.0049; margin: a factor of 4;"
    " one Gaussian: 0.55",
)
lesson.claim(
    "bow, one layer, x1 first: gap minus the smallest possible",
    by_order["x1 first"] - best,
    between=(-5 * gaps["x1 first"].standard_error, 0.02),
    unit="nats",
    source="theory: at least 0, minus 5 standard errors; seeds 0, 1 and 4441: -0.0038 to 0.0009;"
    " margin: 0.02; one Gaussian: 0.21",
)

# %% [markdown]
# With $x_1$ first, training reaches what theory allows, and not more. The network is not too small.
# The form of the conditional is too narrow. In two dimensions we can choose the better order, but
# nobody knows the better order of 784 pixels.
#
# ## 3. Layers upon layers
#
# In the flows so far, several layers can do what one cannot. We stack five layers. Each of them
# transforms the noise of the layer before it. In the first stack all five have $x_1$ first, which
# is the poor order.

# %%
lesson.predict(
    "How large is the gap of five layers that all have x1 first, compared with that of one?",
    ["the same", "smaller, but not zero", "about zero"],
)

# %%
bows["five, x1 first"] = fit_bow("five, x1 first", [x1_first] * 5)
bows["five, in turn"] = fit_bow("five, in turn", [x1_first, x2_first] * 2 + [x1_first])
for name in ("five, x1 first", "five, in turn"):
    gaps[name] = nll_gap(bow, bows[name].log_prob, test_bow)

# %%
one, five = gaps["x1 first"].gap, gaps["five, x1 first"].gap
answer = "the same" if abs(five - one) < 0.05 else "smaller, but not zero"
lesson.outcome(
    f"Five layers of one order have a gap of {five:.3f} nats, and one layer has {one:.3f}, because"
    " layers of one order can be written as a single layer of this order.",
    answer="about zero" if five < 0.05 else answer,
)
lesson.table(
    [[name, *found] for name, found in gaps.items()], ["layers", "gap, nats", "standard error"]
)

# %%
lesson.claim(
    "bow, five layers, all x1 first: gap minus the smallest possible",
    five - best,
    between=(-5 * gaps["five, x1 first"].standard_error, 0.03),
    unit="nats",
    source="theory: at least 0, minus 5 standard errors; seeds 0, 1 and 4441: -0.0039 to 0.0009;"
    " margin: 0.03; one Gaussian: 0.21",
)
lesson.claim(
    "bow, five layers in alternating orders: gap",
    gaps["five, in turn"].gap,
    at_most=0.03,
    unit="nats",
    source="theory: at least 0; seeds 0, 1 and 4441: 0.0031 to 0.0072; margin: a factor of 4;"
    " one Gaussian: 0.55",
)

# %% [markdown]
# Look at the last row of the table. If the order changes from layer to layer, the gap is almost
# gone. Why can five layers of one order do no more than one of them? A short argument without any
# training answers this, and it also shows what changes with the order.
#
# <details><summary>Derivation: layers of one order are one layer</summary>
#
# Let layer $l$ map $u^{(l)}$ to $u^{(l-1)}$, with $u^{(L)} = x$ and $u^{(0)} = z$, all in the order
# $x_1, x_2, \dots$:
#
# $$u^{(l-1)}_i = \frac{u^{(l)}_i - \mu^{(l)}_i}{\sigma^{(l)}_i}, \qquad \mu^{(l)}_i, \sigma^{(l)}_i
# \text{ functions of } u^{(l)}_{1:i-1} .$$
#
# Each $u^{(l)}_{1:i-1}$ is a function of $u^{(l+1)}_{1:i-1}$, and so of $x_{1:i-1}$. Given
# $x_{1:i-1}$, all $\mu^{(l)}_i$ and $\sigma^{(l)}_i$ are therefore constants, each step scales and
# shifts the coordinate, and so does their composition: $z_i = (x_i - M_i)/S_i$ with $S_i = \prod_l
# \sigma_i^{(l)}$ and some $M_i$, both functions of $x_{1:i-1}$ alone. This is one layer.
#
# If the order changes between two layers, $u^{(l)}_{1:i-1}$ is no longer a function of $x_{1:i-1}$
# only, and the argument fails.
#
# </details>
#
# We can see it in the trained models. If all layers have $x_1$ first, $z_2$ is an affine function
# of $x_2$ for a given $x_1$, so its second differences are zero. We compute one for each of the
# four models, at $x_1 = 4$.

# %%
three = np.array([[4.0, -2.0], [4.0, 0.0], [4.0, 2.0]])


def second_difference(flow):
    """Of z_2 along three points with the same x_1, x_2 = -2, 0, 2: zero if z_2 is affine in x_2."""
    z, _ = flow.bijection.inverse(three)
    return float(z[0, 1] - 2 * z[1, 1] + z[2, 1])


differences = {name: second_difference(flow) for name, flow in bows.items()}
lesson.table(differences.items(), ["layers", "second difference of z2"])

# %%
for name in ("x1 first", "five, x1 first"):
    lesson.check(f"second difference, {name}", differences[name], equals=0.0, atol=1e-9)
bend = abs(differences["five, in turn"])
lesson.check("size of the second difference, five in alternating orders", bend, at_least=1e-6)

# %% [markdown]
# MAF therefore **reverses the order from layer to layer**. The figure shows the noise to which each
# model maps the samples of the bow. It is standard normal if, and only if, the model is exact.

# %%
fig, axes = plot.figure(2, 5, size=(2.1, 2.1))
cells = lesson.size(200, quick=30)
plot.density(bow, axes[0, 0], bounds=box, title="the bow")
noise = lesson.rng("z").standard_normal((2000, 2))
plot.samples(noise, ax=axes[1, 0], bounds=(-4, 4, -4, 4), title="standard normal")
for (name, flow), (top, bottom) in zip(bows.items(), axes.T[1:], strict=True):
    plot.density(flow, top, bounds=box, n=cells, title=name)
    noise, _ = flow.bijection.inverse(test_bow[:2000])
    plot.samples(noise, ax=bottom, bounds=(-4, 4, -4, 4), title="its noise")

# %%
lesson.figure(
    fig,
    "bow",
    "Above: the bow, and the density of each model. Below: standard normal noise, and the samples"
    " of the bow, mapped to noise by each model. Look for the dent in the noise of the two models"
    " with x1 first.",
)

# %% [markdown]
# What remains in the noise is what the model could not explain. With alternating orders nothing is
# left to see.
#
# ## 4. Two moons, and a ring
#
# Can such a stack make shapes that are harder than a bow? `MAF` is the package's class, a stack
# with alternating orders. We judge it as in `flow/05`, by the gap on test points. Gradients whose
# norm is too large are scaled down (`clip`). The derivative of $-\log p$ with respect to
# $\log\sigma_i$ is $1 - z_i^2$, so a single point of very low density, with a large $z_i$, can have
# a very large gradient.

# %%
cfg = lesson.configure(batch=256, lr=5e-3, moons_steps=4000, ring_steps=4000)


def fit(label, flow, loss, draw, steps, lr, longest, **more):
    """Minimize loss(flow, *draw(rng)); return the moving average of the flow."""
    rate = cosine(lr, steps, warmup=min(100, steps))
    rng = lesson.rng("batches")  # the same for each training
    step = descend(loss, flow, draw, lr=rate, ema=0.99, clip=longest, rng=rng)
    lesson.fit(step, steps, label=label, state={**step.state, **more})
    return step.averaged


# %%
def fit_plane(label, flow, density, steps):
    def draw(rng):
        return (density.sample(rng, cfg.batch),)

    return fit(label, flow, likelihood, draw, steps, cfg.lr, longest=2.0)


# %% [markdown]
# The first layer of a network with ordinary initial weights has gentle slopes, so its outputs for
# two narrow modes that are close together are nearly the same. We make its units steep,
# $\tanh(w(x - c))$ with a large $w$, and distribute their steps $c$ over the data. Each unit then
# distinguishes the points left of $c$ from those right of it.


# %%
def sharpen(flow, rng, steepness):
    """Make the first layers steep, with steps anywhere in the standardized data."""
    for layer in flow.bijection.bijections:
        first = layer.net.layers[0]
        first.w[...] = steepness * rng.standard_normal(first.w.shape)
        middle = rng.uniform(-2.5, 2.5, first.b.shape)  # where a unit is steepest
        first.b[...] = -middle * (first.w * first.mask).sum(axis=0)
    return flow


# %%
moons = toy.two_moons(0.1)
flow_of_moons = MAF(lesson.rng("moons"), 2, layers=12, hidden=(64,))
sharpen(flow_of_moons, lesson.rng("steps of the moons"), 2.0)
flow_of_moons.standardize(moons.sample(lesson.rng("moments"), 5000))
steps = lesson.steps(cfg.moons_steps, quick=2)
flow_of_moons = fit_plane("two moons", flow_of_moons, moons, steps)
test_moons = moons.sample(lesson.rng("test moons"), lesson.size(50_000, quick=1000))
gap_of_moons = nll_gap(moons, flow_of_moons.log_prob, test_moons)
lesson.sampler("two moons", flow_of_moons.sample)

# %% [markdown]
# A ring of eight narrow Gaussians gets more layers and steeper units. Is the steepness worth it? We
# train the same stack on the same batches a second time, with ordinary initial weights.

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
ordinary = fit_ring("ring, ordinary weights", None)
test_ring = ring.sample(lesson.rng("test ring"), len(test_moons))
gap_of_ring = nll_gap(ring, flow_of_ring.log_prob, test_ring)
gap_of_ordinary = nll_gap(ring, ordinary.log_prob, test_ring)


# %%
def gap_of_one_gaussian(density, x):
    """The gap of a Gaussian with the mean and the covariance of the points."""
    mean, covariance = mean_and_covariance(x)
    one = StandardNormal(2)
    factor = numpy.linalg.inv(numpy.linalg.cholesky(covariance))
    det = numpy.log(numpy.linalg.det(factor))
    return nll_gap(density, lambda y: one.log_prob((y - mean) @ factor.T) + det, x)


# %%
lesson.table(
    [
        ["two moons, one Gaussian", *gap_of_one_gaussian(moons, test_moons)],
        ["two moons, MAF", *gap_of_moons],
        ["ring, one Gaussian", *gap_of_one_gaussian(ring, test_ring)],
        ["ring, MAF with ordinary weights", *gap_of_ordinary],
        ["ring, MAF with steep units", *gap_of_ring],
    ],
    ["model", "gap, nats", "standard error"],
)

# %%
lesson.claim(
    "two moons: gap",
    gap_of_moons.gap,
    at_most=0.02,
    unit="nats",
    source="theory: at least 0; seeds 0, 1 and 4441: 0.0081 to 0.0112; margin: a factor of 1.8;"
    " one Gaussian: 0.90",
)
lesson.claim(
    "ring: gap",
    gap_of_ring.gap,
    at_most=0.15,
    unit="nats",
    source="theory: at least 0; seeds 0, 1 and 4441: 0.086 to 0.100; margin: a half;"
    " one Gaussian: 3.22",
)

# %%
lesson.claim(
    "ring: gap with ordinary weights minus gap with steep units",
    gap_of_ordinary.gap - gap_of_ring.gap,
    at_least=0.4,
    unit="nats",
    source="seeds 0, 1 and 4441: 0.65 to 0.81; margin: 40 %; the same stack: 0",
)


# %%
def from_modes(x):
    """Distance (N,) of points from the nearest center of a mode."""
    return numpy.linalg.norm(x[:, None] - ring.modes, axis=2).min(axis=1)


# %%
drawn = flow_of_ring.sample(lesson.rng("drawn"), lesson.size(20_000, quick=500))
of_data = (from_modes(test_ring) > 4 * 0.1).mean()
outliers = (from_modes(drawn) > 4 * 0.1).mean()
print(f"  farther than four deviations from all modes: {of_data:.2%} of the data,", end=" ")
print(f"{outliers:.1%} of the samples")

# %% [markdown]
# The moons are nearly perfect, and the steep units are worth it, because without them the gap of
# the ring is several times as large. But some samples of the ring are outside of all modes. To see
# why, we take a closed path in the noise, straight lines from the noise of one center to the noise
# of the next, round the ring. The model maps it to a path in $x$, from mode to mode.


# %%
def length(path):
    """Lengths of the pieces of a path (T, 2)."""
    return numpy.linalg.norm(numpy.diff(path, axis=0), axis=1)


centers, _ = flow_of_ring.bijection.inverse(ring.modes)
part = numpy.linspace(0, 1, lesson.size(4000, quick=50), dtype=np.float32)[:, None]
pairs = zip(centers, numpy.roll(centers, -1, axis=0), strict=True)
path = numpy.concatenate([a + (b - a) * part for a, b in pairs])
mapped, _ = flow_of_ring.bijection.forward(path)
between = from_modes(mapped[1:]) > 3 * 0.1
part_of_x = length(mapped)[between].sum() / length(mapped).sum()
part_of_noise = length(path)[between].sum() / length(path).sum()
stretch = part_of_x / part_of_noise / ((1 - part_of_x) / (1 - part_of_noise))
print(
    f"  between the modes are {part_of_x:.0%} of the path in x, {part_of_noise:.1%} in the noise:"
    f" the map stretches this part {stretch:.0f} times as much as the rest"
)

# %%
lesson.claim(
    "ring: fraction of the path between the modes, in the noise",
    part_of_noise,
    between=(1e-4, 0.1),
    source="the identity: 0.61; seeds 0, 1 and 4441: 0.018 to 0.028",
)

# %% [markdown]
# A continuous map of the plane cannot tear. The noise is one connected cloud, so its image is
# connected, and some noise has to be mapped between the modes. The steeper the map is there, the
# smaller is the probability of this noise. But it is never zero.


# %%
def clipped(flow, top):
    """The flow's density, clipped above so that no narrow peak uses up the color scale."""
    return lambda x: np.exp(np.minimum(flow.log_prob(x), top))


# %%
fig, axes = plot.figure(1, 4, size=(2.8, 3.1))
box, moons_box = (-2.7, 2.7, -2.7, 2.7), (-1.7, 2.7, -1.95, 2.45)
plot.density(
    clipped(flow_of_moons, -0.45), axes[0], bounds=moons_box, n=cells, title="two moons by MAF"
)
plot.density(clipped(flow_of_ring, 0.7), axes[1], bounds=box, n=cells, title="ring by MAF")
plot.samples(drawn[:3000], ring, axes[2], bounds=box, title="its samples, and the path")
axes[2].plot(*mapped.T, color=plot.color.ink, lw=0.8)
title = "the path, in the noise"
plot.trajectories(path, axes[3], ends=False, color=plot.color.noise, title=title)

# %%
colors = [c for c in plot.CYCLE if c != plot.color.noise] + ["saddlebrown"]  # none is gray
for mode, color in zip(ring.modes, colors, strict=True):
    distance = numpy.linalg.norm(mapped - mode, axis=1)
    axes[3].plot(*path[distance < 3 * 0.1].T, ".", ms=3, color=color)
lesson.figure(
    fig,
    "plane",
    "The densities of both flows (blue), samples of the ring (orange) with the path (black), and"
    " the same path in the noise, with a color for each mode that it is mapped to and gray between"
    " them. Look for filaments between the modes, and for anything gray in the noise.",
)

# %% [markdown]
# So a stack with steep units comes close, but it cannot tear a cloud into eight. The filaments are
# those of `flow/05`, and every flow with a continuous map has them.
#
# ## 5. Digits
#
# Does it scale to images? The data are the pixels of MNIST, with uniform noise that fills the gaps
# between the 256 levels, then a logit, with $\alpha = 10^{-6}$ as in the paper. The noise makes
# bits per pixel comparable between models (`flow/14`).
#
# The rival to beat is a single Gaussian with a full covariance matrix. It is autoregressive, too.
# It is one layer whose means are *linear* functions of the earlier coordinates, and whose
# deviations are constant. For example, let $\Sigma = LL^\top$ with $L = \begin{pmatrix} 2 & 0\\ 1 &
# 3\end{pmatrix}$. Then $x_1$ has deviation 2, and $x_2$ given $x_1$ has mean $x_1 / 2$ and
# deviation 3.

# %%
x = np.array([[2.0, 4.0]])
z, log_det = maf_inverse(x, np.array([[0.0, 1.0]]), np.log(np.array([[2.0, 3.0]])))
by_layer = StandardNormal(2).log_prob(z) + log_det
covariance = np.array([[4.0, 2.0], [2.0, 10.0]])
square = x @ np.linalg.solve(covariance, x.T)
by_matrix = -0.5 * (square[0] + np.log(np.linalg.det(2 * np.pi * covariance)))

# %%
lesson.check("z of x = (2, 4)", z[0], equals=[1.0, 1.0])
lesson.check("log p by the layer and by the matrix", by_layer, equals=by_matrix)

# %% [markdown]
# A *direct* connection is this linear map. It leads from the input of each MADE to its output, past
# the hidden layers, and is masked like them. With it a layer contains the Gaussian as a special
# case. But is a Gaussian a good conditional for a pixel? Here is one pixel over the training
# digits.

# %%
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
    "The logit of one pixel in all training digits (bars), and the Gaussian with the same mean and"
    " deviation (curve). Look at the two narrow modes, blank on the left and ink on the right, and"
    " at the gray values between them.",
)

# %% [markdown]
# Where the earlier pixels determine the mode, one Gaussian may do. Where they do not, for example
# at the edge of a stroke, a layer is limited as in section 2. But even a pixel that is blank in
# every image costs a Gaussian 0.6 bits, because its logit has the shape of the noise, which is not
# Gaussian.
#
# <details><summary>Derivation: what a blank pixel costs a Gaussian</summary>
#
# A blank pixel is noise alone, $v = u$ with $u$ uniform on $[0, 1)$. For small $\alpha$ its logit
# is nearly $y = \log u - \log 256$, and $-\log u$ has the exponential density $e^{-t}$, with
# variance 1 and entropy $\mathbb E\, t = 1$. By section 2 the best Gaussian has a loss of $\frac12
# \log 2\pi e = 1.419$ nats, so it exceeds the entropy by
#
# $$\tfrac12 \log 2\pi e - 1 = 0.419 \text{ nats} = 0.604 \text{ bits} .$$
#
# The exact density of $v$, which is 1, needs 0 bits. In one layer $\mu$ and $\sigma$ of this pixel
# are functions of other pixels, whose values are independent of $u$. So no network avoids the loss
# in one layer.
#
# </details>

# %%
v = lesson.rng("blank").random((100_000, 1))  # blank pixels, with their noise
y, det = mnist.to_logit(v)
log_p = log_normal(y[:, 0], y.mean(), y.std()) + det
blank_bits = -log_p.mean() / np.log(2)
derived = (0.5 * np.log(2 * np.pi * np.e) - 1) / np.log(2)

# %%
lesson.check("bits of a blank pixel, by derivation", derived, equals=0.6044, atol=1e-4)
lesson.check("with alpha = 1e-6, best Gaussian", blank_bits, between=(0.55, 0.65))
lesson.check("ink in the corner of any training digit", int(some_train[:, 0, 0].max()), equals=0)

# %% [markdown]
# So a Gaussian is a poor conditional for a pixel, even for one whose gray value is certain.
#
# ## 6. Conditionals with several modes
#
# What else can a conditional be? The paper's remedy is a **mixture** of $K$ Gaussians. A single
# MADE outputs their weights, means and deviations for every coordinate (MADE MoG in the paper).

# %%
lesson.exercise("flow/11/mixture_log_prob")

# %%
from minigen.flow.autoregressive import MixtureMADE, mixture_log_prob

by_hand = np.log(
    0.25 * np.exp(log_normal(3.0, 1.0, 2.0)) + 0.75 * np.exp(log_normal(3.0, 2.5, 0.5))
)
shape = (1, 2, 1)  # (N, K, D)
logits = np.log(np.array([0.25, 0.75]).reshape(shape))
means, sigmas = np.array([1.0, 2.5]).reshape(shape), np.array([2.0, 0.5]).reshape(shape)
found = mixture_log_prob(np.array([[3.0]]), logits, means, np.log(sigmas))
lesson.check("log of 1/4 N(3; 1, 2²) + 3/4 N(3; 2.5, 0.5²)", found[0], equals=by_hand)
lesson.show_source(mixture_log_prob)

# %% [markdown]
# We compare four models. The first is the Gaussian. The second is a MAF of three layers with 512
# hidden units each. The third is one MADE of 256 units with mixtures of six Gaussians, which has
# half of the parameters of the MAF, and gets less than half of its training steps. The fourth is
# trivial: 784 histograms of the 256 gray values, one for each pixel, counted in the training
# digits. It uses no other pixel at all.

# %%
lesson.predict(
    "Does the MAF need fewer bits for a test digit than 784 histograms, one for each pixel?",
    ["fewer", "about as many", "more"],
)

# %%
off = y_test - y_train.mean(axis=0)
covariance = mean_and_covariance(y_train)[1]
square = (off * numpy.linalg.solve(covariance, off.T).T).sum(axis=1)
log_gauss = -0.5 * (square + numpy.linalg.slogdet(2 * numpy.pi * covariance)[1])

# %%
image_rng = lesson.rng("image init")


def maf_of_digits(layers, units):
    hidden = (lesson.size(units, quick=8),)
    return MAF(image_rng, 784, layers, hidden, direct=True).standardize(y_train)


maf = maf_of_digits(lesson.size(3, quick=1), 512)
single = maf_of_digits(1, 256)
conditionals = MixtureMADE(image_rng, 784, components=6, hidden=(lesson.size(256, quick=8),))
outermost = Affine(numpy.zeros(784), numpy.zeros(784))
outermost.standardize(y_train)
mixture = Flow(conditionals, Chain([outermost]))


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
few_steps = lesson.steps(600, quick=1)
mixture = fit_digits("MNIST, mixtures", mixture, few_steps, 3e-3)
single = fit_digits("MNIST, one layer of MAF", single, few_steps, 3e-3)
maf = fit_digits("MNIST, three layers of MAF", maf, lesson.steps(1500, quick=1), 2e-3)

# %% [markdown]
# We trained a fifth model, too. It is one layer of MAF with as many units, steps and examples as
# the mixtures have, so it is like them, but has one Gaussian for each pixel. (It also has a direct
# connection, so that it contains the Gaussian.)
#
# A histogram needs neither noise nor a logit. Its density is $P(k)$ between the gray values $k$ and
# $k + 1$, so it has $-\log_2 P(k)$ bits. We begin its counts at 0.1, so that no gray value has
# probability 0.


# %%
def histograms(images):
    """Return the probabilities (784, 256) of the gray values at each pixel."""
    pixels = images.reshape(-1, 784).T
    counts = 0.1 + numpy.stack([numpy.bincount(pixel, minlength=256) for pixel in pixels])
    return counts / counts.sum(axis=1, keepdims=True)


p_of_gray = histograms(some_train)


def bits_of_histograms(images):
    """The bits of each pixel of images (n, 28, 28), (n, 784)."""
    return -numpy.log2(p_of_gray[numpy.arange(784), images.reshape(-1, 784)])


# %% [markdown]
# For samples we need a precaution. Nothing bounds the deviations of a MAF, so one pixel that is
# drawn far from its mean can move the later ones even farther, for 784 rounds, until the values
# overflow. We clip them at ±30 after each layer.


# %%
def draw_from(flow):
    """Return a function that draws n digits, gray values in [0, 1]."""

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
    "one layer of MAF": log_prob_of_test(single),
    "three layers of MAF": log_prob_of_test(maf),
    "one layer with mixtures": log_prob_of_test(mixture),
}
bits = {name: mnist.bits_per_pixel(log_p, det_test) for name, log_p in log_probs.items()}
bits["784 histograms"] = bits_of_histograms(some_test).mean(axis=1)

# %%
mean = {name: b.mean() for name, b in bits.items()}
extra = mean["three layers of MAF"] - mean["784 histograms"]
answer = "about as many" if abs(extra) < 0.05 else "more" if extra > 0 else "fewer"
lesson.outcome(
    f"The MAF needs {mean['three layers of MAF']:.2f} bits per pixel, the histograms"
    f" {mean['784 histograms']:.2f}, and the mixtures {mean['one layer with mixtures']:.2f}. A"
    " single layer like that of the mixtures, with one Gaussian for each pixel, needs"
    f" {mean['one layer of MAF']:.2f}.",
    answer=answer,
)

# %%
lesson.table(
    [
        ["uniform", 8.0, None],
        *([name, b.mean(), b.std() / len(b) ** 0.5] for name, b in bits.items()),
    ],
    ["MNIST test digits", "bits per pixel", "standard error"],
)

# %%
lesson.claim(
    "MNIST, the Gaussian: bits per pixel",
    mean["the Gaussian"],
    equals=2.013,
    atol=0.01,
    source="closed form, no training; Papamakarios et al. 2017: 2.01",
)
lesson.claim(
    "MNIST, three layers of MAF: bits per pixel",
    mean["three layers of MAF"],
    between=(1.75, 1.83),
    source="seeds 0, 1 and 4441: 1.805 to 1.807; margin: 0.02; 784 histograms: 1.69;"
    " the Gaussian: 2.01",
)

# %%
lesson.claim(
    "MNIST, mixtures: bits per pixel",
    mean["one layer with mixtures"],
    at_most=1.65,
    source="seeds 0, 1 and 4441: 1.622 to 1.623; margin: 0.03; 784 histograms: 1.69",
)
lesson.claim(
    "MNIST, one layer: bits per pixel of MAF minus those of the mixtures",
    mean["one layer of MAF"] - mean["one layer with mixtures"],
    at_least=0.25,
    source="seeds 0, 1 and 4441: 0.360 to 0.361; margin: 30 %; the same model: 0",
)

# %% [markdown]
# A model in which no pixel depends on another beats three layers of MAF. In bits, better
# conditionals are worth more here than more layers. (The RealNVP of `flow/05` is far ahead of all
# five, with 1.24 bits. It has convolutions.) Do the samples agree? Each of them takes 784 rounds,
# one for each pixel.

# %%
count = lesson.size(24, quick=1)
shown = [draw_from(flow)(lesson.rng("shown"), count) for flow in (mixture, maf)]
rows = [mnist.unit(some_test[:12]), *shown]
labels = ["digits", "mixtures", "", "MAF", ""] if count == 24 else None
lesson.figure(
    plot.image_grid(numpy.concatenate(rows), cols=12, row_labels=labels),
    "digits",
    "Test digits (first row), samples of the mixtures (next two rows), and samples of the three"
    " layers of MAF (last two). Look for strokes, and for samples that are lost.",
)

# %% [markdown]
# They do not. The MAF needs more bits, but many of its samples have strokes. (Others are lost to
# the overflow that we had to clip.) Samples of the mixtures are closer to dust, which is all that a
# sample of the histograms can be. So what does a number of bits measure?
#
# ## 7. What the bits are spent on
#
# Two of our models are a single layer, so each pixel has a conditional density and a number of bits
# of its own, as it has under the histograms. We compare three groups of pixels, blank (gray value
# 0), gray (1 to 249) and ink (250 to 255).


# %%
def parameters_of_maf(x):
    """Logits, means and logarithms of the deviations, (n, 1, 784) each: one component."""
    out = single.bijection.bijections[0].net(x)
    return 0 * out[:, :1], out[:, :1], out[:, 1:]


def bits_of_pixels(flow, parameters_at, images, rng):
    """The bits of each pixel of images (n, 28, 28) under a single layer, (n, 784)."""
    v = mnist.dequantize(images, rng).reshape(-1, 1)  # each pixel as an image of its own
    y, log_det = mnist.to_logit(v)  # (784 n, 1), (784 n,)
    outermost = flow.bijection.bijections[-1]
    x, _ = outermost.inverse(y.reshape(-1, 784))
    parameters = [np.swapaxes(a, 1, 2) for a in parameters_at(x)]  # (n, 784, K)
    each = [a.reshape(-1, a.shape[2], 1) for a in parameters]  # (784 n, K, 1)
    log_p = mixture_log_prob(x.reshape(-1, 1), *each) + log_det  # (784 n,)
    return -(log_p.reshape(-1, 784) - outermost.log_scale) / np.log(2)


# %%
few = some_test[:1000]
per_pixel = {
    "histograms": bits_of_histograms(few),
    "one layer of MAF": bits_of_pixels(single, parameters_of_maf, few, lesson.rng("pixels")),
    "mixtures": bits_of_pixels(mixture, mixture.base.parameters_at, few, lesson.rng("pixels")),
}

# %%
y, det = mnist.dequantize_logit(few, lesson.rng("pixels"), flat=True)
for name, flow in {"one layer of MAF": single, "mixtures": mixture}.items():
    whole = mnist.bits_per_pixel(flow.log_prob(y), det)
    off = np.abs(per_pixel[name].mean(axis=1) - whole).max()
    lesson.check(f"{name}: mean over the pixels minus bits per pixel", off, at_most=1e-3)

# %%
gray = few.reshape(-1, 784)
groups = {"blank": gray == 0, "gray": (gray > 0) & (gray < 250), "ink": gray >= 250}
saved = per_pixel["one layer of MAF"] - per_pixel["mixtures"]
rows = [
    [k, w.mean(), *(b[w].mean() for b in per_pixel.values()), saved[w].sum() / saved.size]
    for k, w in groups.items()
]

# %%
lesson.table(
    rows,
    ["pixels", "fraction", *per_pixel, "mixtures save in all"],
    "bits for each pixel, test digits",
)
of_gray = per_pixel["mixtures"][groups["gray"]].sum() / per_pixel["mixtures"].sum()
print(f"  gray pixels take {of_gray:.0%} of all bits of the mixtures")

# %%
on_blank = saved[groups["blank"]].sum() / saved.size
lesson.claim(
    "MNIST, bits per pixel that the mixtures save on blank pixels",
    on_blank,
    at_least=0.35,
    source="seeds 0, 1 and 4441: 0.483 to 0.486; margin: 28 %; the same model: 0",
)
lesson.claim(
    "MNIST, bits per pixel that the mixtures save on all others",
    saved.mean() - on_blank,
    between=(-0.2, -0.05),
    source="seeds 0, 1 and 4441: -0.1200 to -0.1196; margin: 0.07; the same model: 0",
)

# %% [markdown]
# Look at the last column. On blank pixels, which are four fifths of all, the mixtures save more
# than their whole lead over the layer of MAF. The layer pays more than the 0.6 bits of section 5
# for each of them, and the mixtures a third of its price. But on gray pixels the mixtures are
# *worse*, by more than a bit for each pixel. These are mostly the edges of strokes, so fewer bits
# do not promise better strokes. The histograms, which contain no strokes at all, are close to the
# mixtures in each group.
#
# For comparison, a PixelCNN (`flow/09`) needs about 83 nats for a whole digit whose pixels are only
# black or white. That is $83 / (784 \log 2) = 0.15$ bits per pixel, less than a tenth of what the
# mixtures need. This suggests that the strokes take a small part of the bits of a gray digit, and
# that most bits are spent on gray values and noise.
#
# ## 8. What more layers change
#
# *You may skip this section, because nothing later depends on it. It is for readers who wonder what
# keeps three layers at 1.81 bits.*
#
# A stack has no bits for each pixel, because its layers mix the pixels. But what it could not
# explain is left in its noise, as in section 3. The noise of an exact model is standard normal, so
# each of its coordinates falls into 64 intervals of equal probability equally often, and their
# entropy is 6 bits. What is missing from 6 bits is *wasted*. It is a part of the gap.
#
# <details><summary>Derivation: wasted bits are a part of the gap</summary>
#
# Let $p$ be the density of the data, and $q$ that of their noise $z$, with marginals $q_i$. A
# bijection changes no KL divergence, and $\pi = \prod_i \pi_i$ is a product, so
#
# $$D_\text{KL}(p \,\|\, p_\theta) = D_\text{KL}(q \,\|\, \pi) = D_\text{KL}\Big(q \,\Big\|\,
# \prod_i q_i\Big) + \sum_i D_\text{KL}(q_i \,\|\, \pi_i) .$$
#
# The left side is the gap, and the first term on the right is at least 0. Rounding $z_i$ to an
# interval can only lower its divergence, which is then 6 bits minus the entropy.
#
# </details>


# %%
def wasted_bits(z):
    """What the entropy of the interval of each coordinate of noise z (n, 784) lacks, (784,)."""
    interval = numpy.minimum(64 * ndtr(z), 63).astype(int)
    p = numpy.stack([numpy.bincount(column, minlength=64) for column in interval.T]) / len(z)
    return 6 - entr(p).sum(axis=1) / np.log(2)


normal = lesson.rng("normal").standard_normal((len(y_test), 784))
wasted = {"standard normal": wasted_bits(normal)}
for name, flow in {"one layer of MAF": single, "three layers of MAF": maf}.items():
    z, _ = batched(flow.bijection.inverse, y_test, size=250, threads=True)
    wasted[name] = wasted_bits(z)
always_blank = some_train.reshape(-1, 784).max(axis=0) == 0
blank_waste = {name: w[always_blank].mean() for name, w in wasted.items()}

# %%
lesson.table(
    [[name, blank_waste[name], w.mean()] for name, w in wasted.items()],
    ["noise", "pixels that are blank in all training digits", "all pixels"],
    "bits wasted for each pixel, test digits",
)
lesson.claim(
    "MNIST, bits wasted on a pixel that is always blank: one layer minus three",
    blank_waste["one layer of MAF"] - blank_waste["three layers of MAF"],
    at_least=0.2,
    source="seeds 0, 1 and 4441: 0.335 to 0.336; margin: 40 %; the same model: 0",
)

# %% [markdown]
# In one layer a pixel that is always blank wastes most of the 0.6 bits of section 5, and in three
# layers about a quarter of that. No layer can bend a single coordinate. But the second layer has
# the other order, so it can shift and scale the noise of a pixel by functions of the noise of
# pixels that come later in the first order, which layers of one order cannot (section 3). We had
# aimed at 1.75 bits for three layers. The last column shows what is missing. They still waste 0.07
# bits for each pixel, of which a finite sample of normal noise wastes 0.005, too. The rest is more
# than the distance to the aim, and is lost only because single coordinates of their noise are not
# normal.
#
# ## 9. Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - “$x_i \sim p(x_i\vert\mathbf{x}_{1:i-1}) = z_i \odot \sigma_i(\mathbf{x}_{1:i-1}) +
#   \mu_i(\mathbf{x}_{1:i-1})$”: this line equates a density with a value. It contains two
#   statements: $x_i = z_i\, \sigma_i + \mu_i$, and, because $z_i$ is standard normal, $x_i \sim
#   p(x_i \mid x_{1:i-1}) = \mathcal N(\mu_i, \sigma_i^2)$.
# - “Precisely the conditional probability is an affine transformation of $\mathbf{z}$”: the value
#   $x_i$ is an affine transformation of $z_i$. Its conditional density at $x_i$ is $\pi\big((x_i -
#   \mu_i)/\sigma_i\big)/\sigma_i$.
# - “the scale and shift terms are functions of the observed part of $\mathbf{x}$”: in generation
#   nothing is observed. They are functions of the coordinates generated so far.
#
# **What this lesson does differently:** The post describes one layer and no order. Here the order
# is reversed between the layers, because with one order further layers change nothing (section 3).
# The network outputs $\log\sigma_i$ instead of $\sigma_i$, since a logarithm may have any sign, and
# the log-determinant of inference is minus their sum.
#
# **Left out:** batch norm between the layers and conditioning on the class, both in the paper
# (`MAF(..., context=10)` accepts features as a condition); and a MAF whose base is mixtures, the
# paper's MAF MoG: `Flow(MixtureMADE(...), maf.bijection)`. **Next:** `flow/12` uses the same
# network in the opposite direction.
#
# **To remember:** Gaussian conditionals are a flow with a triangular Jacobian. Its density takes
# one pass, and a sample takes $D$. Layers help only if their order changes. On digits, mixtures as
# conditionals save more bits than layers do, but even histograms of single pixels beat the layers,
# and fewer bits do not mean better strokes.
#
# **Your turn:** `minigen exercise start flow/11`, then `minigen run flow/11 --with
# exercises/flow_11.py`.

# %%
lesson.finish()
