# %% [markdown]
# # Normalizing flows: a chain of invertible maps
#
# A Gaussian is convenient. We can draw from it, and we can compute its log-density and its
# gradient. But real densities have modes, branches and bends. `flow/03` shows how an invertible map
# changes a density, so why not change the Gaussian with one very flexible map? In general such a
# map has no inverse that we can compute, and its determinant is costly. A map with a cheap inverse
# and a cheap determinant is easy to find, but it does very little. Can many weak maps, one after
# the other, do what one cannot?
#
# We follow the density through a chain (section 2), build a weak map (3), train chains of it on a
# formula, without data (4), and ask how many layers a shape needs (5). This lesson follows the
# section *What is Normalizing Flows?* of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/).
#
# Before this lesson: `flow/03`.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/04_normalizing_flow",
    title="Normalizing flows: a chain of invertible maps",
    post="flow",
    minutes=1,
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

# %%
from minigen.flow.planar import Planar, PlanarChains, Radial, distance_before
from minigen.flow.planar import planar_forward, radial_forward, u_hat
from minigen.nn import Module
from minigen.optim import Adam, cosine
from minigen.tensor import value_and_grad

# %% [markdown]
# ## 1. Four densities that are not Gaussian
#
# Why do models settle for a Gaussian, then? A model with latent variables is trained by *backward
# propagation*, through the density of $z$ given $x$. So we must be able to draw from this density,
# and to differentiate its logarithm. In the post's words: “That is why Gaussian distribution is
# often used in latent variable generative models, even though most of real world distributions are
# much more complicated than Gaussian.” The VAE of `vae/06` makes this compromise.
#
# For the rest of the lesson, let's take four densities in the plane that are more complicated
# (Rezende and Mohamed 2015). Each has a formula, so whatever we do can be checked.

# %%
potentials = [make() for make in rezende_potentials]
names = ["U1", "U2", "U3", "U4"]
cells = lesson.size(160, quick=30)

# %%
fig, axes = plot.figure(1, 4, size=(2.7, 2.5))
for ax, p, name in zip(axes, potentials, names):
    plot.density(p, ax, bounds=(-5, 5, -5, 5), n=cells, title=name)
lesson.figure(
    fig,
    "potentials",
    "The four densities; darker is more probable. Count the modes of U1, and how often the wave U2 "
    "turns.",
)

# %% [markdown]
# A **normalizing flow** keeps what is convenient about the Gaussian. It draws $z_0$ from a simple
# *base density*, applies a sequence of invertible maps, and computes how each of them changes the
# density. We begin with this computation.
#
# ## 2. The density along a chain
#
# How does a density change if two maps follow each other? Let $z_0$ be a standard normal number.
# The first map multiplies it by 3 and adds 1, the second one halves the result:
#
# $$z_1 = f_1(z_0) = 3 z_0 + 1, \qquad x = z_2 = f_2(z_1) = z_1 / 2 .$$
#
# At $z_0 = 0$ the log-density is $-\frac12 \log 2\pi = -0.919$. The first map stretches the
# neighborhood of this point to three times its length. The same probability now covers three times
# as much, so the density is divided by 3. The second map halves all lengths, so the density is
# multiplied by 2. In logarithms we subtract $\log 3$ and add $\log 2$, which leaves $-0.919 - \log
# 1.5 = -1.324$.


# %%
def through(maps, z):
    """Return x after all the maps, and the sum of their log-determinants."""
    total = np.zeros(len(z))
    for f in maps:
        z, log_det = f.forward(z)
        total = total + log_det
    return z, total


# %%
treble, halve = Affine([1.0], [np.log(3)]), Affine([0.0], [np.log(0.5)])
zero = np.zeros((1, 1))
x, log_det = through([treble, halve], zero)
log_density = StandardNormal(1).log_prob(zero) - log_det
of_x = -0.5 * np.log(2 * np.pi * 1.5**2)  # x is normal: mean 1/2, standard deviation 3/2
lesson.check("x", x, equals=[[0.5]])
lesson.check("its log-density, counted along the chain", log_density, equals=[of_x])
chain = Flow(StandardNormal(1), Chain([treble, halve]))
lesson.check("the same by the package's Flow and Chain", chain.log_prob(x), equals=[of_x])

# %% [markdown]
# The sum is correct, because $x$ is itself normal, with mean 1/2 and standard deviation 3/2, and
# the log-density of this normal at its mean is $-1.324$, too. In $D$ dimensions the slope becomes a
# Jacobian determinant. The change of variables theorem of `flow/03`, applied to map number $i$, is
# (Eq. flow.05)
#
# $$z_{i-1} \sim p_{i-1}(z_{i-1}), \qquad z_i = f_i(z_{i-1}), \qquad
# p_i(z_i) = p_{i-1}\big(f_i^{-1}(z_i)\big)\,\Big|\det\frac{d f_i^{-1}}{d z_i}\Big| .$$
#
# The inverse map appears twice here. But by the *inverse function theorem* (Eq. flow.07, on a line)
#
# $$\frac{df^{-1}(y)}{dy} = \frac{dx}{dy} = \Big(\frac{dy}{dx}\Big)^{-1}
# = \Big(\frac{df(x)}{dx}\Big)^{-1} ,$$
#
# and $\det M^{-1} = (\det M)^{-1}$. Rewritten with the forward map, and in logarithms, Eq. flow.05
# reads (Eq. flow.06)
#
# $$\log p_i(z_i) = \log p_{i-1}(z_{i-1}) - \log\Big|\det\frac{d f_i}{d z_{i-1}}\Big| .$$
#
# In words, each map subtracts the logarithm of the factor by which it stretches space. From $z_K =
# x$ back to $z_0$ these subtractions add up (Eq. flow.08; here the post writes $\pi_i$ for $p_i$):
#
# $$x = z_K = f_K \circ f_{K-1} \circ \dots \circ f_1(z_0), \qquad
# \log p(x) = \log \pi_0(z_0) - \sum_{i=1}^K \log\Big|\det\frac{d f_i}{d z_{i-1}}\Big| .$$
#
# The path of the random variables $z_i$ is the *flow*. The chain of the successive densities
# $\pi_i$ is called a *normalizing flow*. So if we can invert each map and compute its determinant,
# we can do the same for the chain, however long it is.

# %% [markdown]
# <details><summary>Derivation: the two determinants, and the sum</summary>
#
# Write $f$ for $f_i$, and $M = df/dz_{i-1}$ and $N = df^{-1}/dz_i$ for the two Jacobians at
# matching points. Differentiate $f^{-1}(f(z_{i-1})) = z_{i-1}$ by the chain rule: $N M = I$. So
# $\det N \cdot \det M = \det I = 1$. Insert $\det N = (\det M)^{-1}$ and $f^{-1}(z_i) = z_{i-1}$ in
# Eq. flow.05, and take the logarithm. Eq. flow.08 is Eq. flow.06 for $i = K$, with Eq. flow.06 for
# $i = K - 1$ inserted, and so on down to $i = 1$.
#
# </details>

# %% [markdown]
# ## 3. A weak map that can be repeated
#
# Which maps can we put into the chain? The post asks for two properties, which we number:
#
# - **Condition 1.** It is easily invertible.
# - **Condition 2.** Its Jacobian determinant is easy to compute.
#
# A triangular linear map satisfies both, but a chain of linear maps is one linear map, and it maps
# a Gaussian to a Gaussian. So we need a nonlinear one. The *planar* layer of Rezende and Mohamed
# (2015) moves every point parallel to one vector $u$:
#
# $$x = z + u \tanh(w^\top z + b).$$
#
# How far a point moves depends on its distance from the line $w^\top z + b = 0$, and its side of
# the line decides between $u$ and $-u$. (In more dimensions the line is a plane, hence the name.)
# The Jacobian is the identity plus a column times a row, $I + u\,(h' w)^\top$ with $h' = 1 -
# \tanh^2(w^\top z + b)$, and the determinant of such a matrix is
#
# $$\det \frac{dx}{dz} = 1 + h'\,u^\top w .$$
#
# **Condition 2** holds. The determinant takes one scalar product, in two dimensions or in a
# thousand, whereas a general determinant costs about $D^3$ operations.

# %%
lesson.exercise("flow/04/planar_forward")

# %% [markdown]
# <details><summary>Derivation: the determinant of the identity plus a column times a row</summary>
#
# Let $J = I + a\,c^\top$ with $a = u$ and $c = h' w \ne 0$. Every vector $v$ with $c^\top v = 0$ is
# unchanged, $J v = v$, and there are $D - 1$ independent ones. The vector $a$ itself becomes $J a =
# a + a\,(c^\top a) = (1 + c^\top a)\, a$. If $c^\top a \ne 0$, these $D$ vectors are independent
# eigenvectors, and the determinant is the product of the eigenvalues, $1 \cdots 1 \cdot (1 + c^\top
# a) = 1 + h'\,u^\top w$. If $c^\top a = 0$, the formula gives 1, which follows by continuity,
# because both sides are polynomials in $a$.
#
# </details>

# %% [markdown]
# Let's see what one layer does. Take $w = (1, 0)$ and $b = 0$, so that the line is the vertical
# axis, and $u = (2, 1)$. On the line itself tanh has slope 1, and the determinant is $1 + 2 = 3$.
# The points (0, 0), (1, 0), (2, 0), (5, 0) lie farther and farther from the line.

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
def layer_of_the_table(z):
    return planar_forward(z, u, w, 0.0)


determinant = np.exp(log_det[3])
nearest = {"nearly 0": 0, "nearly 1": 1, "nearly 3": 3}
lesson.outcome(
    f"The determinant is {determinant:.4f}, because far from the line tanh is flat. All points "
    "there move by the same vector u, and nothing is stretched.",
    answer=min(nearest, key=lambda name: abs(nearest[name] - determinant)),
)
by_autodiff = jacobian_log_det(layer_of_the_table, points)
lesson.check("log-dets, and those of the whole Jacobian", log_det, equals=by_autodiff)

# %% [markdown]
# A planar layer is weak indeed. It stretches space only near its line, and farther out it merely
# shifts the points. The figure shows three kinds, all with $w = (2, 0)$, which differ in the angle
# between $u$ and $w$.

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
    "The Gaussian before and after one layer with u along w, against w and across w. Look at the "
    "vertical line through 0, which is the line of the layer.",
)

# %% [markdown]
# With $u$ along $w$ points move away from the line. There the determinant is $1 + 1.5 \cdot 2 = 4$,
# so the density falls to a quarter. Against $w$ points move towards the line, where the determinant
# is $1 - 0.45 \cdot 2 = 0.1$, and the density rises tenfold. Across $w$ the two sides slide past
# each other. Then $u^\top w = 0$, so the determinant is 1 everywhere.
#
# **Condition 1** is where it can go wrong. A layer that pulls points towards its line must not pull
# too hard. Take one coordinate, $w = 1$, $b = 0$ and $u = -3$, so that $x = z - 3 \tanh z$.

# %%
lesson.predict(
    "How many different z does this map send to x = 0?",
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
    f"There are {len(crossings)} such z, because in the middle the slope is 1 - 3 = -2. There the "
    "map reverses the order of the points, and it rises again on both sides.",
    answer=["none", "one", "two", "three"][min(len(crossings), 3)],
)
lesson.check("z that are sent to 0", len(crossings), equals=3)

# %%
lesson.change(
    "at the limit",
    "Let $u$ pull less: change `np.array([-3.0])` to `np.array([-1.0])`, so that $u^\\top w$ "
    "is $-1$, and run again. How many $z$ go to 0 now?",
    answer="Only 1. The map $z - \\tanh z$ rises everywhere, though it is flat at 0, where its "
    "slope is 0. With a slightly stronger pull it folds.",
)

# %% [markdown]
# The map *folds* the line. What does Eq. flow.06 give for such a map? The density of $x$ at 0 is
# the sum of three contributions, 0.1995 from the middle and 0.0048 from each side. But Eq. flow.06
# starts at one $z$ and returns only the contribution of this $z$, so it reports too small a
# density. To be sure, we count how much probability falls within 0.05 of $x = 0$:

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
# The count agrees with the sum of all three. Fortunately the cure is simple. Along $w$ the layer
# maps $a = w^\top z$ to $a + u^\top w \tanh(a + b)$, with slope $1 + h'\,u^\top w$ and $0 < h' \le
# 1$. So the layer can be inverted if $u^\top w > -1$. The trick is to accept any $u$, and to move
# it along $w$ until its product with $w$ is $\operatorname{softplus}(u^\top w) - 1$. Here
# $\operatorname{softplus}(a) = \log(1 + e^a)$ is positive, so the product is always above $-1$. The
# corrected vector is called $\hat u$.

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
    answer="By 1, to 29. For large $a$, $\\log(1 + e^a)$ is nearly $a$, so that $a - 1$ is left. "
    "The formula is smooth everywhere, and the price is that it also moves products that need no "
    "correction.",
)

# %% [markdown]
# Every product in the right column is above $-1$. (The first is $-0.99995$, which the table
# rounds.) So there is an inverse now, but no formula for it. The package finds $a$ by bisection,
# which leads to $z = x - \hat u \tanh(a + b)$. Condition 1 holds, but “easily” is an exaggeration.
#
# ## 4. Can a flow be trained on a formula alone?
#
# So far a flow has been something to sample from. To train one we need a loss, and a loss usually
# needs data. Here we have none. Instead we have a *potential* $U(x)$, low where the density should
# be high, with $p(x) = e^{-U(x)} / Z$. (The four densities of section 1 are given in this form.) Is
# a formula enough? It is, because a flow does two things at once. It draws a sample $x$, and it
# computes its own log-density $\log q(x)$ there (Eq. flow.08). So for every draw we have both sides
# of the comparison, and a mean over draws estimates the divergence
#
# $$D_{\mathrm{KL}}(q \,\|\, p) = \mathbb E_{x \sim q}\big[\log q(x) + U(x)\big] + \log Z .$$
#
# The constant $\log Z$ is usually unknown, but it does not depend on $q$, so training can ignore
# it. For our four targets it is known, and that has a benefit. We can read the loss as a distance
# in nats, 0 if $q = p$ and positive otherwise.
#
# But would we notice a mistake in such a loss? Here is the loss, and the same loss without its
# log-determinants.

# %%
normal = StandardNormal(2)
u1 = potentials[0]


def distance(flow, z):
    x, log_det = flow.forward(z)
    return np.mean(normal.log_prob(z) - log_det + u1.energy(x)) + np.float32(u1.log_z)


def distance_without_log_det(flow, z):
    x, _ = flow.forward(z)
    return np.mean(normal.log_prob(z) + u1.energy(x)) + np.float32(u1.log_z)


def eight_layers():
    rng = lesson.rng("small flow")
    return Chain([Planar(rng, 2) for _ in range(8)])


# %% [markdown]
# A training step draws noise, computes the loss and its gradient, and lets Adam move the parameters
# $u$, $w$, $b$ of the layers. It never inverts a map.


# %%
def fit_to_u1(loss, steps, label):
    flow, rng = eight_layers(), lesson.rng("noise of the small flow")
    adam, rate = Adam(flow, 2e-2), cosine(2e-2, steps)

    def step(i):
        value, grads = value_and_grad(loss)(flow, normal.sample(rng, 128))
        adam.lr = rate(i)
        adam.step(grads)
        return value

    lesson.fit(step, steps, state={"flow": flow, "adam": adam, "rng": rng}, label=label)
    return flow


# %% [markdown]
# We train twice. The second loss lacks the log-determinants, so the training minimizes, and
# reports, the mean of $\log \pi_0(z_0) + U(x) + \log Z$. Nothing crashes, and the loss falls.

# %%
lesson.predict(
    "What distance does the training without log-determinants report at the end?",
    [
        "a larger one than with them",
        "about the same",
        "a smaller one, above zero",
        "one below zero",
    ],
)

# %%
steps = lesson.steps(1000, quick=2)
small = {
    "nothing yet": eight_layers(),
    "with log-determinants": fit_to_u1(distance, steps, "U1, eight layers"),
    "without": fit_to_u1(distance_without_log_det, steps, "U1, no log-determinants"),
}
z = normal.sample(lesson.rng("judge"), 5000)
true = {name: distance(flow, z) for name, flow in small.items()}
reported = true | {"without": distance_without_log_det(small["without"], z)}
rows = [[name, reported[name], true[name]] for name in small]
lesson.table(rows, ["eight layers, trained", "reported distance", "true distance"])

# %%
wrong, with_them = reported["without"], true["with log-determinants"]
larger, same, smaller, negative = lesson.predictions[-1].choices
lesson.outcome(
    f"The reported distance is {wrong:.2f} nats, because only the energy is left to lower, down to "
    f"{u1.log_z - 1 - np.log(2 * np.pi):.2f}. No divergence is negative, and the true distance "
    f"is {true['without']:.2f}. With log-determinants it is {with_them:.2f}.",
    answer=negative
    if wrong < 0
    else smaller
    if wrong < with_them - 0.05
    else larger
    if wrong > with_them + 0.05
    else same,
)

# %%
lesson.claim(
    "no log-det: the reported distance",
    wrong,
    at_most=-0.2,
    source="seeds 0, 1 and 7351: -0.89 to -0.78; untrained 4.4",
    unit="nats",
)
lesson.claim(
    "no log-det: reported below the true distance by",
    true["without"] - wrong,
    at_least=0.4,
    source="seeds 0, 1 and 7351: 1.92 to 3.38; a loss that counts everything: 0",
    unit="nats",
)

# %%
fig, (left, right) = plot.figure(1, 2, size=(3.2, 3.0))
for ax, name in ((left, "with log-determinants"), (right, "without")):
    plot.samples(small[name].forward(z)[0], u1, ax, title=name)
lesson.figure(
    fig,
    "log_det_left_out",
    "Samples of the two flows (orange) over the target U1 (blue). Compare how much of each end of "
    "the ring they cover.",
)

# %% [markdown]
# In $\mathbb E[\log q + U]$ the second term pulls samples to where $U$ is low. The first is minus
# the *entropy* of $q$, and it drives them apart. Without log-determinants only the pull is left,
# and the samples gather in two thin strips. How low can such a loss fall? The mean of $\log
# \pi_0(z_0)$ is $-1 - \log 2\pi = -2.84$, whatever the layers do, the lowest value of $U$ is 0, and
# $\log Z = 1.88$. So the loss cannot fall below $-0.96$, where every sample lies at a minimum of
# $U$, and in the recorded run it comes close. The numbers show the mistake only because no
# divergence is negative. If $\log Z$ were unknown, we would not notice it.
#
# A map that folds makes the reported distance wrong as well, and on a line we can watch it. We
# train the layer of section 3, with $u = -3$ and $w = 1$ at the start, once with the raw $u$ and
# once with $\hat u$. The target is a normal number with standard deviation $\frac12$. The true
# distance comes from counting the probability of $x$ in 400 cells.


# %%
class Uncorrected(Planar):
    """A planar layer whose u may be anything, so that it can fold."""

    def forward(self, z, context=None):
        return planar_forward(z, self.u, self.w, self.b)


def to_narrow_normal(layer, z):
    """Return the distance from N(0, 1/4) by Eq. flow.06."""
    x, log_det = layer.forward(z)
    log_p = -0.5 * np.sum((2 * x) ** 2, axis=1) - np.float32(0.5 * np.log(2 * np.pi) - np.log(2))
    return np.mean(StandardNormal(1).log_prob(z) - log_det - log_p)


def true_distance(layer):
    """Return KL(q || p) from the probabilities that q and p give to 400 cells."""
    x = layer.forward(line)[0][:, 0]
    edges = np.linspace(x.min(), x.max(), 401)
    q = np.histogram(x, edges, weights=probability)[0]
    p = np.maximum(np.diff(norm.cdf(edges, scale=0.5)), 1e-300)
    return np.sum(q[q > 0] * np.log(q[q > 0] / p[q > 0]))


# %%
quantiles = norm.ppf((np.arange(2000) + 0.5) / 2000)[:, None].astype(np.float32)  # draws, evenly


def fit_layer(kind, label):
    layer, steps = kind(lesson.rng("one layer"), 1), lesson.steps(300, quick=2)
    layer.u[...], layer.w[...] = -3, 1
    adam, rate = Adam(layer, 2e-2), cosine(2e-2, steps)

    def step(i):
        value, grads = value_and_grad(to_narrow_normal)(layer, quantiles)
        adam.lr = rate(i)
        adam.step(grads)
        return value

    lesson.fit(step, steps, state={"layer": layer, "adam": adam}, label=label)
    return [to_narrow_normal(layer, quantiles), true_distance(layer), np.sum(layer.u * layer.w)]


folding, kept = fit_layer(Uncorrected, "one layer, u"), fit_layer(Planar, "one layer, û")

# %%
lesson.table(
    [["raw u", *folding[:2]], ["û", *kept[:2]]],
    ["one layer, trained with", "reported distance", "true distance"],
)
lesson.check("raw u: true minus reported", folding[1] - folding[0], at_least=0.2)
lesson.check("raw u: product of u and w after training", folding[2], at_most=-1)
lesson.claim(
    "with û: true distance of one layer",
    kept[1],
    at_most=0.02,
    source="seeds 0, 1 and 7351: 0.0018 each; untrained 0.41",
    unit="nats",
)

# %% [markdown]
# With the raw $u$ the training reports a distance of about zero, even slightly below it, but the
# density of $x$ is half a nat away from the target. In the recorded run $u^\top w$ ends at $-2.05$,
# so the map still folds. Where three $z$ lead to the same $x$, Eq. flow.06 counts one of them. So
# the reported density is too low, the reported entropy too high, and the reported distance too
# small. With $\hat u$ the reported distance agrees with the true one, and both are small. Remember
# that invertibility is not a matter of taste. If a map folds, its loss is no longer a distance.
#
# ## 5. How many layers does a shape need?
#
# One weak map can do little. But can many do everything? The paper answers with an experiment, in
# which chains of 2, 8 and 32 layers are trained on each target, and we repeat it. One start could
# be luck, so there are three chains of each kind. Each chain has a base Gaussian of its own, whose
# mean and standard deviations are trained with the layers. Twelve chains of one depth are trained
# side by side, as arrays whose first axis is the chain and whose second is the point.


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


# %% [markdown]
# A trivial rival for each target is one Gaussian, an affine map of the noise. It is fitted in the
# same way, but without annealing and from starts that are spread over the plane, because an
# annealed Gaussian may stay between the two modes of U1.


# %%
class Gaussians(Module):
    def __init__(self, rng):
        self.shift = 2 * rng.standard_normal((12, 1, 2), dtype=np.float32)
        self.log_scale = np.zeros((12, 1, 2), np.float32)
        self.tilt = np.zeros((12, 1, 1), np.float32)

    def forward(self, z):
        tilted = np.concatenate([z[:, :, :1], z[:, :, 1:] + self.tilt * z[:, :, :1]], axis=2)
        log_det = np.sum(self.log_scale, axis=2) * np.ones(z.shape[1], np.float32)
        return self.shift + np.exp(self.log_scale) * tilted, log_det


def by_target(function, x):  # (12, N, 2) -> (12, N)
    parts = []
    for k, p in enumerate(potentials):  # three chains for each target
        points = np.reshape(x[3 * k : 3 * k + 3], (-1, 2))
        parts.append(np.reshape(function(p, points), (3, -1)))
    return np.concatenate(parts)


# %% [markdown]
# The loss is that of section 4, with one addition. The potential is *annealed*, that is, multiplied
# by a weight that starts near 0, so that $q$ spreads over the whole plane, and rises to 1 during
# the first 60 % of the steps. (At the end we ask whether this matters.)


# %%
def log_q(model, z):
    """Return x = f(z) and log q(x), by Eq. flow.08: z (12, N, 2) -> (12, N, 2), (12, N)."""
    x, log_det = model.forward(z)
    return x, -0.5 * np.sum(z**2, axis=2) - np.float32(np.log(2 * np.pi)) - log_det


def annealed_loss(model, z, weight):
    """Return the mean of log q + weight · U, summed over the chains, which share no parameters."""
    x, log_density = log_q(model, z)
    energies = by_target(lambda p, points: p.energy(points), x)
    return np.sum(np.mean(log_density + weight * energies, axis=1))


# %%
def fit(model, rng, steps, label, start=0.01):
    adam, rate = Adam(model, 2e-2), cosine(2e-2, steps, warmup=min(50, steps))

    def step(i):
        z = rng.standard_normal((12, 256, 2), dtype=np.float32)
        weight = np.float32(min(1, start + i / (0.6 * steps)))
        value, grads = value_and_grad(annealed_loss)(model, z, weight)
        adam.lr = rate(i)
        adam.step(grads)
        return value / 12

    lesson.fit(step, steps, state={"model": model, "adam": adam, "rng": rng}, label=label)
    return model


# %%
def fit_chains(layers, label, start=0.01):
    rng = lesson.rng(f"{layers} layers")
    return fit(Fits(rng, layers), rng, steps, label, start)


# %% [markdown]
# A planar layer bends the plane along one line. The wave, U2, turns four times between its ends.

# %%
lesson.predict(
    "How many layers does it take until the mean distance of three chains from the wave, U2, is at "
    "most 0.03 nats?",
    ["2", "8", "32", "more than 32"],
)

# %%
steps = lesson.steps(3000, quick=2)
depths = {layers: fit_chains(layers, f"{layers} layers") for layers in (2, 8, 32)}
rng = lesson.rng("one Gaussian")
gaussians = fit(Gaussians(rng), rng, steps, "one Gaussian", start=1)


# %%
def divergences(model):
    """Return KL(q || p) of each chain, (4, 3): target, chain; a mean over fresh draws."""
    z = lesson.rng("judge").standard_normal((12, lesson.size(20_000), 2), dtype=np.float32)
    x, log_density = log_q(model, z)
    log_p = by_target(lambda p, points: p.log_prob(points), x)
    return (log_density - log_p).mean(axis=1).reshape(4, 3)


kl = {layers: divergences(model) for layers, model in depths.items()}
means = np.stack([kl[layers].mean(axis=1) for layers in depths])  # (3, 4): depth, target
of_gaussian = divergences(gaussians).min(axis=1)
ends = [[kl[8][k].min(), kl[32][k].max()] for k in range(4)]
rows = [[name, of_gaussian[k], *means[:, k], *ends[k]] for k, name in enumerate(names)]
header = ["KL, nats", "best Gaussian", "2 layers", "8", "32", "best of 8", "worst of 32"]
enough = [layers for layers, mean in zip(depths, means[:, 1]) if mean <= 0.03]
depth_axis = np.array(list(depths))

# %%
lesson.table(rows, header, "means of three chains, the best of three at 8, the worst at 32 layers")
lesson.outcome(
    f"The mean distance is {means[0, 1]:.3f} nats with 2 layers, {means[1, 1]:.3f} with 8 and "
    f"{means[2, 1]:.3f} with 32. The best of the three chains of 8 layers is at {ends[1][0]:.3f}.",
    answer=str(enough[0]) if enough else "more than 32",
)

# %%
lesson.claim(
    "KL falls with depth: the smallest fall",
    (means[:-1] - means[1:]).min(),
    at_least=0.015,
    source="Rezende and Mohamed 2015, Fig. 3; seeds 0, 1 and 7351: at least 0.027, nearly halved",
    unit="nats",
)
lesson.claim(
    "KL, 32 layers over 2 layers",
    means[2] / means[0],
    at_most=0.3,
    source="seeds 0, 1 and 7351: at most 0.084; margin: a factor 3.5",
)

# %%
lesson.claim(
    "32 layers: KL on U1, U2, mean of three",
    means[2, :2],
    at_most=0.06,
    source="seeds 0, 1 and 7351: at most 0.020; margin: a factor 3; one Gaussian: 0.89, 1.38",
    unit="nats",
)
lesson.claim(
    "32 layers: KL on U3, U4, mean of three",
    means[2, 2:],
    at_most=0.12,
    source="seeds 0, 1 and 7351: at most 0.077, and a half more; one Gaussian: 1.33, 1.39",
    unit="nats",
)

# %%
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

# %%
lesson.figure(
    ax,
    "depth",
    "The distance from each target against the number of layers, means of three chains on "
    "logarithmic scales. Compare how steeply the four lines fall between 8 and 32.",
)

# %% [markdown]
# On all four targets the distance falls at each step, as in Fig. 3 of the paper, and two layers
# already beat the fitted Gaussian.
#
# However, a mean over three chains hides the single chain. On the wave the three chains of 8 layers
# end at 0.02, 0.12 and 0.25 nats in the recorded run. So eight layers can be enough for four turns,
# but training found such a chain from only one start of three. With 32 layers it finds one from
# every start. On U3 and U4 even the best chain of 8 layers is farther away than the worst of 32.
# The answer is yes, for these shapes, if the chain is long enough.
#
# What do the layers do? Each $z_i$ of a flow has a density, too, by Eq. flow.05, so we can draw the
# whole chain. (The figures show densities. For each point of a grid, $z_0$ is computed by inverting
# the layers.)


# %%
def flow_of(model, k, layers=None):
    """Return chain k as a `Flow`, or only its first layers."""
    start = Affine(model.shift[k, 0], model.log_scale[k, 0])
    chain = model.chains.chain(k).bijections
    return Flow(normal, Chain([start, *chain[:layers]]))


best = {layers: [3 * k + kl[layers][k].argmin() for k in range(4)] for layers in depths}
n, drawn = lesson.size(90, quick=12), lesson.size(4, quick=2)
box = (-5, 5, -5, 5)
columns = {
    "2 layers": (2, 2),
    "8 layers": (8, 8),
    "8 of 32": (32, 8),
    "16 of 32": (32, 16),
    "24 of 32": (32, 24),
    "32 layers": (32, 32),
}

# %%
fig, axes = plot.figure(1, 9, size=(1.45, 1.5))
for ax, i in zip(axes, range(9)):
    title = {0: "$z_0$", 8: "$x = z_8$"}.get(i, f"$z_{i} = f_{i}(z_{i - 1})$")
    plot.density(flow_of(depths[8], best[8][0], i), ax, bounds=box, n=n, title=title)
    ax.set(xticks=[], yticks=[])
lesson.figure(
    fig,
    "f02_chain",
    "The chain of densities: a Gaussian on the left, and the result of each of the eight layers for"
    " U1. Look for the layers that separate the two modes.",
)

# %%
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
    "The best of three chains for each target, from 2 to 32 layers. Follow a row of the deepest "
    "chain, after 8, 16, 24 and all 32 layers.",
)

# %% [markdown]
# In the recorded run the first two of the eight layers pull the Gaussian apart, and the last ones
# stretch its halves into arcs. The densities inside the deepest chains need not resemble the
# target, because the loss depends only on the last one. Only the whole chain has the right shape.
#
# Are these still densities? On a grid the density must sum to 1, and inverting the chain must give
# each sample the log-density with which it was drawn.


# %%
deep = flow_of(depths[32], best[32][1])
centers, area = potentials[1].cells(lesson.size(200, quick=20))
mass = np.exp(deep.log_prob(centers)).sum() * area
exact = deep.map(lambda a: a.astype(float))
z = lesson.rng("there and back").standard_normal((300, 2))
x, log_det = exact.bijection.forward(z)
drawn_with = normal.log_prob(z) - log_det
off = np.abs(exact.log_prob(x) - drawn_with).max()


def sampler(k):
    def draw(rng, count):
        return flow_of(depths[32], best[32][k]).sample(rng, count)

    return draw


draw_u1, draw_u2, draw_u3, draw_u4 = map(sampler, range(4))

# %%
lesson.check("32 layers on U2: total mass", mass, between=(0.98, 1.02))
lesson.check("log q of 300 samples, forward and back", off, at_most=1e-6)
lesson.sampler("U1", draw_u1)
lesson.sampler("U2", draw_u2)
lesson.sampler("U3", draw_u3)
lesson.sampler("U4", draw_u4)

# %% [markdown]
# They are. One question is left. Does annealing matter? As a control we train the 32 layers once
# more, with the same starts and the same steps, but with the full potential from the beginning.

# %%
unannealed = fit_chains(32, "32 layers, not annealed", start=1)
control = divergences(unannealed)
noise = lesson.rng("judge").standard_normal((12, lesson.size(20_000), 2), dtype=np.float32)
right = (unannealed.forward(noise)[0][:3, :, 0] > 0).mean(axis=1)[np.argsort(control[0])]
rows = [[name, *np.sort(kl[32][k]), *np.sort(control[k])] for k, name in enumerate(names)]
header = ["KL, nats", "annealed: best", "middle", "worst", "not: best", "middle", "worst"]
lesson.table(rows, header, "three chains of 32 layers each")
header = ["not annealed", "best", "middle", "worst"]
lesson.table([["U1, draws on the right", *right]], header, "half of the target is there")

# %% [markdown]
# It can matter. Without annealing one of the three chains on U1 ends at 0.58 nats in the recorded
# run. Only 10 % of its draws lie in the mode on the right, where half of them should be. A density
# with all its mass in one of the two modes would be $\log 2 = 0.69$ nats away. (With `--seed 1` a
# chain on U4 hardly draws from the lower branch, and ends at 0.21 nats.) The other entries of the
# table change by less than 0.04 nats, most of them for the worse. Remember that the divergence is a
# mean over the flow's own draws. Where the flow never draws, the loss contains nothing about the
# target.
#
# ## 6. A layer with a formula for its inverse
#
# *You may skip this section, because no later lesson uses the radial layer. It is for readers who
# would like an inverse without bisection.*
#
# The same paper has a *radial* layer. It moves points away from a *center* $c$, or towards it. With
# $r = \|z - c\|$ and $h = 1/(\alpha + r)$,
#
# $$x = z + \beta\, h\,(z - c) .$$
#
# Points move along rays. The layer stretches by $1 + \beta h$ across the ray, in $D - 1$
# directions, and by the derivative of $r + \beta h r$ along it. All these factors are positive if
# $\alpha > 0$ and $\beta > -\alpha$, and the determinant is the product of all $D$.

# %%
lesson.exercise("flow/04/radial_forward")

# %%
lesson.show_source(radial_forward)
center = np.zeros(20)
_, log_det = radial_forward(np.zeros((1, 20)), center, 1.0, 1.0)
lesson.check("log-det at the center, divided by log 2", log_det / np.log(2), equals=[20.0])

# %% [markdown]
# At the center, where $r = 0$, all directions are stretched alike, by $1 + \beta/\alpha$. With
# $\alpha = \beta = 1$ in 20 dimensions the determinant is $2^{20}$, about a million, whereas a
# planar layer stretches one direction only.

# %%
lesson.change(
    "towards the center",
    "Let the layer pull towards its center: change the two numbers `1.0, 1.0` of the call of "
    "`radial_forward` to `1.0, -0.5` (alpha, then beta), and run again. What is the determinant "
    "at the center?",
    answer="Its logarithm is -20 log 2, so it is about a millionth, because all 20 directions "
    "shrink to half: $1 + \\beta/\\alpha$ is 1/2.",
)

# %% [markdown]
# And the inverse? A point stays on its ray, so only its distance from the center is unknown. Before
# the layer it is $r$, after it $R = r + \beta\, r/(\alpha + r)$. Can you solve for $r$?

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
    "The density of one radial layer with center (0.5, 0). Darker is more probable. On the left, "
    "points move away from the center; on the right, they move towards it.",
)

# %% [markdown]
# A positive $\beta$ makes a hole in the Gaussian, and a negative $\beta$ makes a peak. Both
# densities were computed with the formula for the inverse, so a radial layer satisfies Condition 1
# in full.
#
# ## What this lesson does differently
#
# - The post trains flows on data, by maximum likelihood, which begins in `flow/05`. We minimize the
#   divergence in the other direction, $D_{\mathrm{KL}}(q \,\|\, p)$, on a formula.
# - The section of the post gives no formula for a layer. We use those of Rezende and Mohamed, who
#   improve the posterior of a VAE with them (`flow/13`). *Sylvester* flows (van den Berg et al.
#   2018) bend along several lines at once.
# - We confine U2 to U4 to about $|x_1| \le 4$ by walls. Without them their mass is infinite.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - “the embedded probability distribution (i.e. posterior $p(\mathbf{z}\vert\mathbf{x})$) is
#   expected to be simple enough to calculate the derivative easily and efficiently”: with a
#   Gaussian prior and a nonlinear decoder, the posterior is in general not simple. What we choose
#   to be simple is an approximation of it, $q(z|x)$ (`vae/06`).
# - The densities are $p_i$ in Eq. flow.05 and Eq. flow.06 and, without comment, $\pi_i$ in Eq.
#   flow.08 and in “the full chain formed by the successive distributions $\pi_i$”.
#
# ## To remember
#
# - The log-density of a chain is the log-density of the noise minus all log-determinants.
# - A map of a chain must be invertible, and its determinant must be cheap. If a map folds or a
#   log-determinant is missing, the loss is no longer a distance.
# - A flow can be trained on a formula, because it draws samples and computes their log-density.
# - Many weak maps make a flexible one.
#
# **Next:** a planar layer has no formula for its inverse, and it stretches one direction. `flow/05`
# makes a layer out of a whole network, and inverts it by a subtraction and a division.
#
# **Your turn:** `minigen exercise start flow/04`, then `minigen run flow/04 --with
# exercises/flow_04.py`.

# %%
lesson.finish()
