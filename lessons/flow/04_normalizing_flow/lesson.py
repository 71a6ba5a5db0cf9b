# %% [markdown]
# # Normalizing flows: a chain of invertible maps
#
# This lesson runs the section *What is Normalizing Flows?* (flow.s05) of [Flow-based Deep
# Generative Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/). It uses `flow/03`.
# In this lesson:
#
# 1. A normalizing flow maps a simple density to a complicated one by a chain of invertible maps.
#    Its log-density is exact, and it is computed one map at a time.
# 2. Each map must satisfy two conditions: it is easily invertible, and its Jacobian determinant is
#    easy to compute. We check both for a layer that moves points along one direction.
# 3. A flow can be fitted to the formula of a density, without any data. Its loss is then a
#    divergence in nats, so it shows how far from the target the flow still is.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/04_normalizing_flow",
    title="Normalizing flows: a chain of invertible maps",
    post="flow",
    minutes=0.5,
    picture="depths",
    sections=["flow.s05"],
    figures=["flow.f02"],
    equations=["flow.05", "flow.06", "flow.07", "flow.08"],
    sources=["weng2018flow", "rezende2015flows", "vandenberg2018sylvester"],
)

# %%
import autograd.numpy as np
from scipy.stats import norm

from minigen import plot
from minigen.data.potentials import rezende_potentials
from minigen.flow.bijection import Affine, Chain, Flow, StandardNormal, jacobian_log_det
from minigen.flow.change_of_variables import jacobian_matrix

# %%
from minigen.flow.planar import Planar, PlanarChains, Radial, distance_before
from minigen.flow.planar import planar_chains, planar_forward, radial_forward, u_hat
from minigen.nn import Module
from minigen.optim import Adam, cosine
from minigen.tensor import value_and_grad
from minigen.train import descend

# %% [markdown]
# ## 1. Beyond the Gaussian
#
# Estimating a density has direct applications, and it is hard. Latent variable models need, for
# each example, a posterior $p(z|x)$, and they are trained by *backward propagation*: the loss is
# differentiated through the density. So this density is chosen such that its logarithm, its samples
# and their derivatives have formulas. In the post's words: “That is why Gaussian distribution is
# often used in latent variable generative models, even though most of real world distributions are
# much more complicated than Gaussian.” In `vae/06` the approximate posterior is Gaussian for this
# reason.
#
# Here are four densities in the plane, from Rezende and Mohamed (2015). Each is given by a formula,
# and none of them is close to a Gaussian.

# %%
potentials = [make() for make in rezende_potentials]
names = ["U1", "U2", "U3", "U4"]
cells = lesson.size(160, quick=30)
fig, axes = plot.figure(1, 4, size=(2.7, 2.5))
for ax, p, name in zip(axes, potentials, names):
    plot.density(p, ax, bounds=(-5, 5, -5, 5), n=cells, title=name)
lesson.figure(
    fig,
    "potentials",
    "Darker is more probable. U1 has two modes, joined by a ring of low density.",
)

# %% [markdown]
# A **normalizing flow** keeps what is convenient about the Gaussian. It draws $z_0$ from a simple
# *base density* and applies one invertible map after the other. Section 5 fits such chains to these
# four densities.
#
# ## 2. Two maps by hand
#
# A number $z_0$ is drawn from the standard normal. The first map multiplies it by 3 and adds 1. The
# second map halves the result:
#
# $$z_1 = f_1(z_0) = 3 z_0 + 1, \qquad x = z_2 = f_2(z_1) = z_1 / 2 .$$
#
# At $z_0 = 0$ the log-density is $-0.92$. The first map stretches the neighborhood of this point to
# three times its length, and the same probability is distributed over all of it.

# %%
lesson.predict(
    "What is the log-density of x at the point to which z_0 = 0 is mapped?",
    ["-0.92 + log 3 - log 2", "-0.92 - log 3 + log 2", "-0.92 - log 3 - log 2", "-0.92"],
)

# %%
treble = Affine([1.0], [np.log(3)])
halve = Affine([0.0], [np.log(0.5)])
log_density = StandardNormal(1).log_prob(np.zeros((1, 1)))
z = np.zeros((1, 1))
for f in (treble, halve):
    z, log_det = f.forward(z)
    log_density = log_density - log_det
    print(f"  at {z[0, 0]:.1f}: log-density {log_density[0]:.4f}")

# %%
lesson.outcome(
    "The first map divides the density by 3, and the second multiplies it by 2.",
    answer="-0.92 - log 3 + log 2",
)
of_x = -0.5 * np.log(2 * np.pi * 1.5**2)  # x is normal: mean 1/2, standard deviation 3/2
lesson.check("log-density of x, from its normal distribution", log_density[0], equals=of_x)

# %% [markdown]
# This is all the bookkeeping of a flow. In $D$ dimensions the slope becomes a Jacobian determinant.
# The change of variables theorem of `flow/03`, applied to the map number $i$, is (Eq. flow.05)
#
# $$z_{i-1} \sim p_{i-1}(z_{i-1}), \qquad z_i = f_i(z_{i-1}), \qquad
# p_i(z_i) = p_{i-1}\big(f_i^{-1}(z_i)\big)\,\Big|\det\frac{d f_i^{-1}}{d z_i}\Big| .$$
#
# It has the inverse map in it twice. With the forward map in its place, and in logarithms (Eq.
# flow.06),
#
# $$\log p_i(z_i) = \log p_{i-1}(z_{i-1}) - \log\Big|\det\frac{d f_i}{d z_{i-1}}\Big| .$$
#
# For a chain of $K$ maps this holds at each link, from $z_K = x$ back to $z_0$ (Eq. flow.08; here
# the post writes $\pi_i$ for the densities $p_i$):
#
# $$x = z_K = f_K \circ f_{K-1} \circ \dots \circ f_1(z_0), \qquad
# \log p(x) = \log \pi_0(z_0) - \sum_{i=1}^K \log\Big|\det\frac{d f_i}{d z_{i-1}}\Big| .$$
#
# The path of the random variables $z_i = f_i(z_{i-1})$ is the *flow*. The chain of the successive
# densities $\pi_i$ is called a *normalizing flow*.

# %% [markdown]
# <details><summary>Derivation: from the inverse map to the forward map, and from one map to a chain
# </summary>
#
# Write $f$ for $f_i$, and $M = df/dz_{i-1}$ and $N = df^{-1}/dz_i$ for the two Jacobians at
# matching points. Differentiate $f^{-1}(f(z_{i-1})) = z_{i-1}$ by the chain rule: $N M = I$. This
# is the *inverse function theorem* (Eq. flow.07), in one dimension
#
# $$\frac{df^{-1}(y)}{dy} = \frac{dx}{dy} = \Big(\frac{dy}{dx}\Big)^{-1}
# = \Big(\frac{df(x)}{dx}\Big)^{-1} .$$
#
# The determinant of a product is the product of the determinants, so $\det N \cdot \det M = \det I
# = 1$ and $\det N = \det M^{-1} = (\det M)^{-1}$. Insert this, and $f^{-1}(z_i) = z_{i-1}$, in Eq.
# flow.05:
#
# $$p_i(z_i) = p_{i-1}(z_{i-1})\,\Big|\det\frac{df_i}{dz_{i-1}}\Big|^{-1} .$$
#
# Its logarithm is Eq. flow.06. Insert Eq. flow.06 for $i = K-1$ in Eq. flow.06 for $i = K$, then
# for $i = K-2$, and so on down to $i = 1$: one log-determinant is subtracted at each step, and the
# first density remains. This is Eq. flow.08.
#
# </details>
#
# The two determinants, for a map of the plane that can be inverted by hand:


# %%
def bend(z):
    return np.stack([z[0] + z[1] ** 2, 2 * z[1]])


def unbend(x):
    return np.stack([x[0] - (x[1] / 2) ** 2, x[1] / 2])


M = jacobian_matrix(bend, np.array([1.0, 2.0]))
N = jacobian_matrix(unbend, bend(np.array([1.0, 2.0])))
lesson.check(
    "M at (1, 2), and N at its image (5, 4)", [M, N], equals=[[[1, 4], [0, 2]], [[1, -2], [0, 0.5]]]
)
lesson.check("N M", N @ M, equals=np.eye(2))
lesson.check("their determinants", [np.linalg.det(M), np.linalg.det(N)], equals=[2.0, 0.5])

# %% [markdown]
# The package's `Chain` adds up the log-determinants, and `Flow` adds a base density:

# %%
chain = Chain([treble, halve])
x = np.array([[0.5]])
lesson.check("Flow.log_prob(0.5)", Flow(StandardNormal(1), chain).log_prob(x), equals=[of_x])
lesson.show_source(Chain)

# %% [markdown]
# ## 3. Two conditions, and a layer that satisfies them
#
# To compute Eq. flow.08 at a given $x$, every map of the chain is inverted, and every determinant
# is computed. The post asks two properties of each $f_i$:
#
# - **Condition 1.** It is easily invertible.
# - **Condition 2.** Its Jacobian determinant is easy to compute.
#
# Linear maps satisfy both, but they map a Gaussian to a Gaussian. So a map must be nonlinear, and
# the determinant of a nonlinear map of $D$ coordinates costs on the order of $D^3$ operations in
# general. The *planar* layer of Rezende and Mohamed (2015) moves points along one direction only:
#
# $$x = z + u \tanh(w^\top z + b).$$
#
# The displacement depends on the point through $w^\top z + b$ alone: on which side of a line (a
# plane, in space) the point lies, and how far from it.

# %%
lesson.exercise("flow/04/planar_forward")

# %% [markdown]
# Let $w = (1, 0)$ and $b = 0$, so that the line is the vertical axis, and $u = (2, 1)$. On the line
# a step of $dz_1$ becomes $dx_1 = 3\,dz_1$, and the determinant is $1 + 2 = 3$. The points (0, 0),
# (1, 0), (2, 0), (5, 0) lie farther and farther from the line.

# %%
lesson.predict(
    "What is the determinant at (5, 0)?",
    ["nearly 0", "nearly 1", "nearly 3", "in the hundreds"],
)

# %%
lesson.show_source(planar_forward)
u, w = np.array([2.0, 1.0]), np.array([1.0, 0.0])
points = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [5.0, 0.0]])
x, log_det = planar_forward(points, u, w, 0.0)
rows = [[*z, *y, np.exp(d)] for z, y, d in zip(points, x, log_det)]
lesson.table(rows, ["z1", "z2", "x1", "x2", "determinant"])

# %%
determinant = np.exp(log_det[3])
nearest = {"nearly 0": 0, "nearly 1": 1, "nearly 3": 3}
lesson.outcome(
    f"{determinant:.4f}. Far from the line tanh is flat: all points there move by the same vector"
    " u, and nothing is stretched. A layer stretches only near its line.",
    answer=min(nearest, key=lambda name: abs(nearest[name] - determinant)),
)
lesson.check("determinant on the line", np.exp(log_det[0]), equals=3.0)

# %% [markdown]
# **Condition 2** holds. The Jacobian is the identity plus a column times a row, $I + u\,(h'
# w)^\top$ with $h' = 1 - \tanh^2(w^\top z + b)$, and its determinant is $1 + h'\,u^\top w$. That is
# one scalar product, in two dimensions or in a thousand. We compare it with the determinant of the
# whole matrix:


# %%
def layer_of_the_table(z):
    return planar_forward(z, u, w, 0.0)


by_autodiff = jacobian_log_det(layer_of_the_table, points)
lesson.check("log-dets against the whole Jacobian", log_det, equals=by_autodiff)

# %% [markdown]
# <details><summary>Derivation: the determinant of the identity plus a column times a row</summary>
#
# Let $J = I + a\,c^\top$ with $a = u$ and $c = h' w$. Every vector $v$ with $c^\top v = 0$ stays as
# it is, $J v = v$, and there are $D - 1$ independent ones. The vector $a$ itself becomes $J a = a +
# a\,(c^\top a) = (1 + c^\top a)\, a$. If $c^\top a \ne 0$, these $D$ vectors are independent
# eigenvectors, and the determinant is the product of the eigenvalues, $1 \cdots 1 \cdot (1 +
# c^\top a) = 1 + h'\,u^\top w$. If $c^\top a = 0$, the formula gives 1, which follows by
# continuity: both sides are polynomials in $a$.
#
# </details>
#
# The figure shows what three layers make of many draws of the Gaussian: one with $u$ along $w$, one
# against it, and one across it.

# %%
shown = {"along w": [1.5, 0.0], "against w": [-0.45, 0.0], "across w": [0.0, 1.5]}
w_shown = np.array([2.0, 0.0])
square = (-4, 4, -4, 4)
draws = lesson.rng("draws").standard_normal((lesson.size(100_000), 2))
fig, axes = plot.figure(1, 4, size=(2.7, 2.5))
plot.density(draws, axes[0], bounds=square, title="before")
for ax, (name, direction) in zip(axes[1:], shown.items()):
    x, _ = planar_forward(draws, np.array(direction), w_shown, 0.0)
    plot.density(x, ax, bounds=square, title=f"u {name}")
lesson.figure(
    fig,
    "three_layers",
    "Second panel: points move away from the vertical axis. Third: they move towards it. Last: the"
    " two sides slide past each other. There u is at right angles to w, so nothing is stretched.",
)

# %% [markdown]
# **Condition 1** is the harder one here. Take one coordinate, $w = 1$, $b = 0$, and a $u$ that
# pulls strongly towards the origin: $x = z - 3 \tanh z$.

# %%
lesson.predict(
    "How many z does this map send to x = 0?",
    ["none", "one", "two", "three"],
)

# %%
line = np.linspace(-6, 6, 24_000)[:, None]  # an even number of points: 0 is not among them
image, log_det = planar_forward(line, np.array([-3.0]), np.array([1.0]), 0.0)
crossings = np.flatnonzero(image[:-1, 0] * image[1:, 0] < 0)
slope = np.diff(image[:, 0]) / np.diff(line[:, 0])
terms = norm.pdf(line[:, 0]) / np.exp(log_det)  # the density of x by Eq. flow.06, at each z
rows = [[line[i, 0], slope[i], log_det[i], terms[i]] for i in crossings]
header = ["z that is sent to 0", "slope there", "log |det|", "density by Eq. flow.06"]
lesson.table(rows, header)

# %%
lesson.outcome(
    f"{len(crossings)}. In the middle the slope is negative: the order of the points is reversed.",
    answer=["none", "one", "two", "three"][min(len(crossings), 3)],
)
lesson.check("z that are sent to 0", len(crossings), equals=3)

# %%
lesson.change(
    "at the limit",
    "Let $u$ pull less: change `np.array([-3.0])` to `np.array([-1.0])`, so that $u^\\top w$ "
    "is $-1$, and run again. How many $z$ go to 0 now?",
    answer="Only 1. The map $z - \\tanh z$ rises everywhere, though it is flat at 0: its slope "
    "there is 0. With a slightly stronger pull it folds.",
)

# %% [markdown]
# The density of $x$ at 0 gets a contribution from each of the three $z$. Eq. flow.06 takes one $z$
# and returns one of the three terms: about 0.2 in the middle, and the same 0.0048 on both sides. So
# it is always below the density, which is the sum. We count how much probability of $x$ falls
# within 0.05 of 0:

# %%
probability = norm.pdf(line[:, 0]) * (line[1, 0] - line[0, 0])
counted = probability[np.abs(image[:, 0]) < 0.05].sum() / 0.1
lesson.check(
    "density at x = 0, counted, minus the sum",
    counted - terms[crossings].sum(),
    equals=0,
    atol=5e-3,
)

# %% [markdown]
# The remedy: the map is invertible if $u^\top w > -1$, and any $u$ can be moved along $w$ until
# this holds.

# %%
lesson.exercise("flow/04/u_hat")

# %%
lesson.show_source(u_hat)
pulls = np.array([[-10.0], [-3.0], [-1.0], [0.0], [3.0]])
made = u_hat(pulls, np.ones((5, 1)))
lesson.table(np.concatenate([pulls, made], axis=1), ["product before", "product after"])
rising = planar_forward(line, made[1], np.array([1.0]), 0.0)[0]
lesson.check("after u_hat, x rises with z: smallest step", np.diff(rising[:, 0]).min(), at_least=0)

# %%
lesson.change(
    "a product far above the limit",
    "`u_hat` moves $u = 3$ as well, although the condition held for it. Change the 3.0 of `pulls` "
    "to 30.0 and run again. By how much is a large product lowered?",
    answer="By 1: it becomes 29. For large $a$, $\\log(1 + e^a)$ is $a$, so that $a - 1$ is left. "
    "The formula is smooth everywhere; for that, it also moves products that need no correction.",
)

# %% [markdown]
# <details><summary>Derivation: the correction makes the product softplus - 1</summary>
#
# Let $\hat u = u + c\,w$ with $c = \big(\operatorname{softplus}(u^\top w) - 1 - u^\top w\big) /
# \|w\|^2$. Then $\hat u^\top w = u^\top w + c\,\|w\|^2 = \operatorname{softplus}(u^\top w) - 1$,
# and this is above $-1$ because softplus is positive. Along $w$ the layer maps $a = w^\top z$ to
# $a + \hat u^\top w \tanh(a + b)$, with the slope $1 + h'\,\hat u^\top w$. Here $0 < h' \le 1$, so
# the slope is positive: $a$ can be recovered from its image, and then $z = x - \hat u \tanh(a +
# b)$.
#
# </details>
#
# The condition makes a planar layer invertible, but there is no formula for $a$: the package finds
# it by bisection.
#
# ## 4. Fitting a flow to a formula
#
# There are no data in this section. There is a *potential* $U(x)$, and the target density is $p(x)
# = e^{-U(x)} / Z$: the four densities of section 1 are given like this. We can draw $x$ from the
# flow, whose density is called $q$, and Eq. flow.08 gives $\log q(x)$ of each draw. So this
# divergence can be estimated from draws of the flow, and minimized:
#
# $$D_{\mathrm{KL}}(q \,\|\, p) = \mathbb E_{x \sim q}\big[\log q(x) + U(x)\big] + \log Z .$$
#
# $\log Z$ does not depend on $q$, so training does not need it, and in applications it is unknown.
# For our four targets it is known. So the loss is a distance from the target in nats: it is zero
# for $q = p$ and positive otherwise.
#
# We train a chain of eight layers for U1, twice. The second time the log-determinants are left out
# of $\log q$. Then the mean of $\log \pi_0(z_0) + U(x) + \log Z$ is minimized, and reported as the
# distance.

# %%
lesson.predict(
    "Without log-determinants, the distance that is reported at the end will be",
    ["larger than with them", "about the same", "smaller, but above zero", "below zero"],
)

# %%
normal = StandardNormal(2)
u1 = potentials[0]


def distance(flow, z):
    x, log_det = flow.forward(z)
    return np.mean(normal.log_prob(z) - log_det + u1.energy(x)) + np.float32(u1.log_z)


def distance_without_log_det(flow, z):
    x, _ = flow.forward(z)
    return np.mean(normal.log_prob(z) + u1.energy(x)) + np.float32(u1.log_z)


# %%
def draw_noise(rng):
    return normal.sample(rng, 128)


def small_flow(label, loss):
    """A flow trained by this loss: its samples, the distance that it reports, and the true one."""
    rng = lesson.rng("small flow")
    flow = Chain([Planar(rng, 2) for _ in range(8)])
    steps = lesson.steps(1000, quick=2)
    step = descend(loss, flow, draw_noise, lr=cosine(2e-2, steps), rng=rng)
    lesson.fit(step, steps, state=step.state, label=label)
    z = normal.sample(lesson.rng("judge"), 5000)
    return flow.forward(z)[0], loss(flow, z), distance(flow, z)


# %%
complete = small_flow("U1, eight layers", distance)
without = small_flow("U1, no log-determinants", distance_without_log_det)
rows = [["with log-dets", *complete[1:]], ["without", *without[1:]]]
lesson.table(rows, ["trained", "reported", "true KL"])

# %%
reported, too_low = without[1], without[2] - without[1]
smaller = "smaller, but above zero" if reported < complete[1] - 0.1 else "about the same"
lesson.outcome(
    f"{reported:.2f} nats, while the true distance is {without[2]:.2f}; with log-determinants it is"
    f" {complete[1]:.2f}. A divergence is never negative.",
    answer="below zero" if reported < 0 else smaller,
)

# %%
seen = "eleven seeds: worst -0.53"
lesson.claim("no log-det: the reported distance", reported, at_most=-0.2, source=seen, unit="nats")
seen = "eleven seeds: worst 0.86; margin: a factor 2"
lesson.claim(
    "no log-det: reported below the true distance by",
    too_low,
    at_least=0.4,
    source=seen,
    unit="nats",
)

# %%
fig, (left, right) = plot.figure(1, 2, size=(3.2, 3.0))
plot.samples(complete[0], u1, left, title="with the log-dets")
plot.samples(without[0], u1, right, title="without")
lesson.figure(
    fig,
    "log_det_left_out",
    "Left: eight layers after a short training. Right: the samples concentrate where U is smallest."
    " The log-determinant is the term that makes shrinking costly.",
)

# %% [markdown]
# In $\mathbb E[\log q + U]$ the second term pulls samples to where $U$ is small. The first is minus
# the *entropy* of $q$, and it drives them apart.
#
# What happens to a map that folds? We train the layer of section 3 on one coordinate, from $x = z -
# 3 \tanh z$ on, once with $u$ as it is, and once with $\hat u$. The target is a normal distribution
# with standard deviation $\frac12$. In one dimension the true distance can be computed, too: the
# probabilities of $x$ are counted in 400 cells and compared with those of the target.

# %%
lesson.predict(
    "For the layer without the correction, the distance that Eq. flow.06 reports at the end is",
    ["above the true one", "equal to the true one", "below the true one"],
)


# %%
class Uncorrected(Planar):
    """A planar layer whose u may be anything, so that it can fold."""

    def forward(self, z, context=None):
        return planar_forward(z, self.u, self.w, self.b)


def to_narrow_normal(layer, z):
    """The distance from N(0, 1/4) by Eq. flow.06."""
    x, log_det = layer.forward(z)
    log_p = -0.5 * np.sum((2 * x) ** 2, axis=1) - np.float32(0.5 * np.log(2 * np.pi) - np.log(2))
    return np.mean(StandardNormal(1).log_prob(z) - log_det - log_p)


# %%
def true_distance(layer):
    """KL(q || p) from the probabilities that q and p give to 400 cells."""
    x = layer.forward(line)[0][:, 0]
    edges = np.linspace(x.min(), x.max(), 401)
    q = np.histogram(x, edges, weights=probability)[0]
    p = np.maximum(np.diff(norm.cdf(edges, scale=0.5)), 1e-300)
    return np.sum(q[q > 0] * np.log(q[q > 0] / p[q > 0]))


quantiles = norm.ppf((np.arange(2000) + 0.5) / 2000)[:, None].astype(np.float32)


def all_quantiles(rng):
    return quantiles


# %%
rows = {}
for name, kind in (("u", Uncorrected), ("û", Planar)):
    layer = kind(lesson.rng("one layer"), 1)
    layer.u[...], layer.w[...] = -3, 1
    steps = lesson.steps(300, quick=2)
    step = descend(to_narrow_normal, layer, all_quantiles, lr=cosine(2e-2, steps), rng=lesson.rng())
    lesson.fit(step, steps, state=step.state, label=f"one layer, {name}")
    rows[name] = [to_narrow_normal(layer, quantiles), true_distance(layer)]
lesson.table(
    [[name, *row] for name, row in rows.items()], ["one layer with", "reported", "true KL"]
)

# %%
folded, true = rows["u"]
above, equal, below = lesson.predictions[-1].choices
lesson.outcome(
    f"It reports {folded:.3f} nats, and the true distance is {true:.3f}. Where three z give the"
    " same x, Eq. flow.06 counts one of them: log q is too low, and the entropy too high. The layer"
    f" with û reports {rows['û'][0]:.3f}, and {rows['û'][1]:.3f} is true.",
    answer=equal if abs(folded - true) < 0.05 else below if folded < true else above,
)

# %%
lesson.check("a layer that folds: true distance minus the reported", true - folded, at_least=0.2)
off, seen = rows["û"][1], "on every seed: 0.002"
lesson.claim("with û: true distance of one layer", off, at_most=0.02, source=seen, unit="nats")

# %% [markdown]
# So a flow that may fold can report a distance of almost zero and be far from the target. A chain
# that starts near the identity, as `Planar` does, need not find this; the condition $u^\top w > -1$
# excludes it.
#
# ## 5. How many layers?
#
# Here is the experiment of the paper: 2, 8 and 32 layers on each target. The result depends on the
# random start, so there are three chains of each kind.
#
# Twelve chains of one depth are trained *side by side*: in an array the first axis is the chain,
# the second the point. The formulas are those above. The gradient of this one function is written
# out by hand, because for 32 layers of tiny operations autograd's bookkeeping takes several times
# as long as the operations.

# %%
lesson.show_source(planar_chains, PlanarChains)

# %% [markdown]
# Two things help. Each chain has its own mean and standard deviation of the base density, which are
# trained too. And the potential is *annealed*: it is multiplied by a share that starts at 0.01, so
# that $q$ spreads over the whole plane, and rises to 1 during the first 60 % of the steps. Without
# annealing a chain may cover one mode and miss the others.


# %%
class Fits(Module):
    """Twelve chains of one depth, three for each target, and a base Gaussian for each."""

    def __init__(self, rng, layers):
        self.shift = np.zeros((12, 1, 2), np.float32)
        self.log_scale = np.zeros((12, 1, 2), np.float32)
        self.chains = PlanarChains(rng, 2, layers, chains=12)
        self.chains.b += rng.standard_normal((layers, 12))  # the lines, spread over the plane

    def forward(self, z):  # (12, N, 2)
        x, log_det = self.chains.forward(self.shift + np.exp(self.log_scale) * z)
        return x, log_det + np.sum(self.log_scale, axis=2)  # (12, N, 2), (12, N)


# %%
def by_potential(function, x):
    """function(p, points) of the three chains of each target: x (12, N, 2) -> (12, N)."""
    parts = [
        np.reshape(function(p, np.reshape(x[3 * k : 3 * k + 3], (-1, 2))), (3, -1))
        for k, p in enumerate(potentials)
    ]
    return np.concatenate(parts)


def energy(p, points):
    return p.energy(points)


def log_prob(p, points):
    return p.log_prob(points)


# %%
def log_q(fits, z):
    """x = f(z) and log q(x), by Eq. flow.08: z (12, N, 2) -> (12, N, 2), (12, N)."""
    x, log_det = fits.forward(z)
    return x, -0.5 * np.sum(z**2, axis=2) - np.float32(np.log(2 * np.pi)) - log_det


def annealed_loss(fits, z, share):
    """The mean of log q + share U, summed over the chains, which share no parameters."""
    x, log_density = log_q(fits, z)
    return np.sum(np.mean(log_density + share * by_potential(energy, x), axis=1))


# %% [markdown]
# The share of the potential changes from step to step, so the loop is written out.


# %%
def fit_chains(layers, steps):
    rng = lesson.rng(f"{layers} layers")
    fits = Fits(rng, layers)
    adam, rate = Adam(fits, 2e-2), cosine(2e-2, steps, warmup=min(50, steps))

    def step(i):
        z = rng.standard_normal((12, 256, 2), dtype=np.float32)
        share = np.float32(min(1, 0.01 + i / (0.6 * steps)))
        value, grads = value_and_grad(annealed_loss)(fits, z, share)
        adam.lr = rate(i)
        adam.step(grads)
        return value / 12

    state = {"fits": fits, "adam": adam, "rng": rng}
    lesson.fit(step, steps, state=state, label=f"{layers} layers")
    return fits


# %%
lesson.predict(
    "How many layers does the wave, U2, need to come within 0.03 nats of the target?",
    ["2", "8", "32", "more than 32"],
)

# %%
steps = lesson.steps(3000, quick=2)
depths = {layers: fit_chains(layers, steps) for layers in (2, 8, 32)}

# %% [markdown]
# The distance is the mean of $\log q - \log p$ over fresh draws, where $\log p$ is exact.


# %%
def divergences(fits):
    """KL(q || p) of each chain, (4, 3): target, chain."""
    z = lesson.rng("judge").standard_normal((12, lesson.size(20_000), 2), dtype=np.float32)
    x, log_density = log_q(fits, z)
    return (log_density - by_potential(log_prob, x)).mean(axis=1).reshape(4, 3)


kl = {layers: divergences(fits) for layers, fits in depths.items()}
means = np.stack([kl[layers].mean(axis=1) for layers in depths])  # (3, 4): depth, target
rows = [[name, *means[:, k], *np.sort(kl[32][k])] for k, name in enumerate(names)]
header = ["KL, nats", "2 layers", "8", "32", "32: best", "middle", "worst"]
lesson.table(rows, header, "means of three chains, and the three at 32 layers")

# %%
enough = [layers for layers, mean in zip(depths, means[:, 1]) if mean <= 0.03]
lesson.outcome(
    "U2: " + ", ".join(f"{mean:.3f} ({layers})" for layers, mean in zip(depths, means[:, 1])),
    answer=str(enough[0]) if enough else "more than 32",
)
falls = (means[:-1] - means[1:]).min()
ratios = means[2] / means[0]

# %%
seen = "Rezende and Mohamed 2015, Fig. 3; seed 0: 0.041"
lesson.claim(
    "KL falls with depth: the smallest fall", falls, at_least=0.015, source=seen, unit="nats"
)
seen = "seed 0: worst 0.053; margin: a factor 5"
lesson.claim("KL, 32 layers over 2 layers", ratios, at_most=0.3, source=seen)
seen = "seed 0: worst 0.009; margin: a factor 3"
lesson.claim(
    "32 layers: KL on U1, U2, mean of three", means[2, :2], at_most=0.03, source=seen, unit="nats"
)
seen = "seed 0: worst 0.032; margin: a factor 3"
lesson.claim(
    "32 layers: KL on U3, U4, mean of three", means[2, 2:], at_most=0.12, source=seen, unit="nats"
)

# %%
depth_axis = np.array(list(depths))
ax = plot.line(
    depth_axis,
    dict(zip(names, means.T)),
    log="xy",
    markers=True,
    xlabel="layers",
    ylabel="KL, nats",
    title="distance from the target",
)
ax.set_xticks(depth_axis, [str(layers) for layers in depths])
ax.set_xticks([], minor=True)
lesson.figure(ax, "depth", "Means of three chains. Both scales are logarithmic.")

# %% [markdown]
# The next figures show densities, not samples: for each point of a grid, $z_0$ is computed through
# the inverse of the chain. Each $z_i$ of a flow has a density, too, by Eq. flow.05.


# %%
def flow_of(fits, k, layers=None):
    """Chain k as a `Flow`, or only its first layers."""
    start = Affine(fits.shift[k, 0], fits.log_scale[k, 0])
    chain = fits.chains.chain(k).bijections
    return Flow(normal, Chain([start, *chain[:layers]]))


best = {layers: [3 * k + kl[layers][k].argmin() for k in range(4)] for layers in depths}
n = lesson.size(90, quick=12)
box = (-5, 5, -5, 5)

# %%
stages = range(9)
fig, axes = plot.figure(1, 9, size=(1.45, 1.5))
for ax, i in zip(axes, stages):
    title = {0: "$z_0$", 8: "$x = z_8$"}.get(i, f"$z_{i} = f_{i}(z_{i - 1})$")
    plot.density(flow_of(depths[8], best[8][0], i), ax, bounds=box, n=n, title=title)
    ax.set(xticks=[], yticks=[])
lesson.figure(
    fig,
    "f02_chain",
    "The chain of densities: a Gaussian on the left, and the result of each of the eight layers for"
    " U1. Look for the layers that separate the two modes.",
)


# %% [markdown]
# And all four targets, with 2, 8 and 32 layers. The deepest chains are also shown after 8, 16 and
# 24 layers.

# %%
columns = {
    "2 layers": (2, 2),
    "8 layers": (8, 8),
    "8 of 32": (32, 8),
    "16 of 32": (32, 16),
    "24 of 32": (32, 24),
    "32 layers": (32, 32),
}

# %%
drawn = lesson.size(4, quick=2)  # rows
fig, axes = plot.figure(drawn, 7, size=(1.55, 1.5))
for k, row in enumerate(axes):
    for ax, (layers, i) in zip(row, columns.values()):
        plot.density(flow_of(depths[layers], best[layers][k], i), ax, bounds=box, n=n)
    plot.density(potentials[k], row[6], bounds=box, n=n)
    row[0].set_ylabel(names[k])
for ax, name in zip(axes[0], [*columns, "target"]):
    ax.set_title(name)

# %%
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
lesson.figure(
    fig,
    "depths",
    "The best of three chains each. Two layers bend the Gaussian in two places only. The densities"
    " inside the deepest chains need not resemble the target: the loss depends on the last one"
    " alone.",
)

# %% [markdown]
# Two checks: the density on the grid must sum to 1, and the inverse of the chain must give each
# sample the log-density with which it was drawn. The second is made in float64.

# %%
deep = flow_of(depths[32], best[32][1])
centers, area = potentials[1].cells(lesson.size(200, quick=20))
mass = np.exp(deep.log_prob(centers)).sum() * area
lesson.check("32 layers on U2: total mass", mass, between=(0.98, 1.02))


# %%
def in_float64(a):
    return a.astype(float)


exact = deep.map(in_float64)
z = lesson.rng("there and back").standard_normal((300, 2))
x, log_det = exact.bijection.forward(z)
off = np.abs(exact.log_prob(x) - (normal.log_prob(z) - log_det)).max()
lesson.check("log q of 300 samples, forward and back", off, at_most=1e-6)


# %%
def sampler(k):
    def draw(rng, count):
        return flow_of(depths[32], best[32][k]).sample(rng, count)

    return draw


draw_u1, draw_u2, draw_u3, draw_u4 = map(sampler, range(4))
lesson.sampler("U1", draw_u1)
lesson.sampler("U2", draw_u2)
lesson.sampler("U3", draw_u3)
lesson.sampler("U4", draw_u4)

# %% [markdown]
# ## 6. The radial layer
#
# The same paper has a second layer, which moves points away from a *center* $c$, or towards it.
# With $r = \|z - c\|$ and $h = 1/(\alpha + r)$ it is
#
# $$x = z + \beta\, h\,(z - c) .$$
#
# Points move along rays, and each circle around the center stays a circle.

# %%
lesson.exercise("flow/04/radial_forward")

# %% [markdown]
# The layer stretches by one factor along the ray, and by another across it. In $D$ dimensions $D -
# 1$ directions are across. At the center, where $r = 0$, both factors are $1 + \beta/\alpha$.

# %%
lesson.predict(
    "At the center, with alpha = 1 and beta = 1, in 20 dimensions, the determinant is",
    ["2", "20", "21", "2 to the power 20, about a million"],
)

# %%
lesson.show_source(radial_forward)
center = np.zeros(20)
_, log_det = radial_forward(np.zeros((1, 20)), center, 1.0, 1.0)
lesson.outcome(
    f"{np.exp(log_det[0]):,.0f}: all 20 directions are stretched by 2. A planar layer stretches one"
    " direction only.",
    answer="2 to the power 20, about a million" if log_det[0] > 10 else "2",
)
lesson.check("log-det at the center, divided by log 2", log_det / np.log(2), equals=[20.0])

# %%
lesson.change(
    "towards the center",
    "Let the layer pull towards its center: change the two numbers `1.0, 1.0` of the call of "
    "`radial_forward` to `1.0, -0.5` (alpha, then beta), and run again. What is the determinant "
    "at the center?",
    answer="Its logarithm is -20 log 2, so it is about a millionth: all 20 directions shrink to "
    "half, since $1 + \\beta/\\alpha$ is 1/2.",
)

# %% [markdown]
# The inverse of a radial layer is a formula, which a planar layer does not have. A point stays on
# its ray, so only its distance from the center is unknown. Before the layer it is $r$, after it $R
# = r + \beta\, r/(\alpha + r)$. Solve for $r$.

# %%
lesson.exercise("flow/04/distance_before")

# %%
r = distance_before(np.array([2.0, 4.5]), 1.0, 2.0)
lesson.check("alpha = 1 and beta = 2: the r of R = 2 and 4.5", r, equals=[1.0, 3.0])
lesson.show_source(distance_before)


# %%
def radial(center, alpha, beta):
    layer = Radial(lesson.rng("radial"), 2)
    layer.center[...], layer.log_alpha[...] = center, np.log(alpha)
    layer.raw_beta[...] = np.log(np.expm1(beta + alpha))  # beta is softplus(raw_beta) - alpha
    return layer


pushed = Flow(normal, Chain([radial([0.5, 0.0], 1.0, 4.0)]))
drawn_in = Flow(normal, Chain([radial([0.5, 0.0], 1.0, -0.8)]))
side = np.linspace(-9, 9, lesson.size(300, quick=200))
plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
mass = np.exp(pushed.log_prob(plane)).sum() * (side[1] - side[0]) ** 2
lesson.check("a radial layer's density sums to 1", mass, equals=1.0, atol=1e-2)

# %%
fig, axes = plot.figure(1, 2, size=(3.0, 2.8))
plot.density(pushed, axes[0], bounds=square, n=cells, title=r"$\beta = 4$: away")
plot.density(drawn_in, axes[1], bounds=square, n=cells, title=r"$\beta = -0.8$: towards")
lesson.figure(
    fig,
    "radial",
    "The center is at (0.5, 0). Left: a region of low density around it. Right: a peak near it.",
)

# %% [markdown]
# ## 7. Where the post is loose
#
# - “the embedded probability distribution (i.e. posterior $p(\mathbf{z}\vert\mathbf{x})$) is
#   expected to be simple enough”: in a latent variable model with a Gaussian prior and a nonlinear
#   decoder the posterior is not simple. What is chosen to be Gaussian is an approximation of it,
#   $q(z|x)$ (`vae/06`), and this approximation is what the planar flow was invented to improve.
# - Its intermediate densities are $p_i$ in Eq. flow.05 and Eq. flow.06 and, without comment,
#   $\pi_i$ in Eq. flow.08 and in “the full chain formed by the successive distributions $\pi_i$”.
#
# **What this lesson adds.** Training in section 4 uses Condition 2 alone: it computes $\log q$ at
# its own samples and never inverts a map. The inverse is needed for a given $x$. The post has no
# formula for a layer of this kind: the planar and the radial layer and their conditions are those
# of Rezende and Mohamed. The post trains flows by maximum likelihood, from data and without a
# formula for the density; that is the divergence in the other direction, $D_{\mathrm{KL}}(p \,\|\,
# q)$, and it starts in `flow/05`.
#
# **Left out:** the use that the paper makes of such flows, the posterior of a VAE (`flow/13`). A
# planar layer bends space along one line, so many layers are needed in many dimensions; *Sylvester*
# flows (van den Berg et al. 2018) use several lines at once. **Next:** `flow/05` builds a map from
# any neural network, and inverts it by a formula.
#
# **Your turn:** `minigen exercise start flow/04`, then `minigen run flow/04 --with
# exercises/flow_04.py`.

# %%
lesson.finish()
