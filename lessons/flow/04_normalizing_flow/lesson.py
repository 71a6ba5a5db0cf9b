# %% [markdown]
# # Normalizing flows: bend a Gaussian, one small step after the other
#
# The section "What is Normalizing Flows?" (flow.s05) of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/), run. Read `flow/03` first. To
# take away:
#
# 1. A flow is a chain of invertible maps. Its log-density is that of the noise, less the sum of the
#    log-determinants.
# 2. A map may be very simple, as long as there are many: here each one pushes points away from a
#    line, or towards it.
# 3. A flow can be fitted without any data, to a formula for the density. What it reports is then
#    its distance from the truth.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/04_normalizing_flow",
    title="Normalizing flows: bend a Gaussian, one small step after the other",
    post="flow",
    minutes=1,
    sections=["flow.s05"],
    figures=["flow.f02"],
    equations=["flow.05", "flow.06", "flow.08"],
    sources=["weng2018flow", "rezende2015flows"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data.potentials import rezende_potentials
from minigen.flow.bijection import Affine, Chain, Flow, StandardNormal, jacobian_log_det
from minigen.flow.planar import Planar, PlanarChains, Radial, distance_before
from minigen.flow.planar import planar_chains, planar_forward, radial_forward, u_hat
from minigen.nn import Module
from minigen.optim import Adam, cosine
from minigen.tensor import value_and_grad
from minigen.train import descend

# %% [markdown]
# ## 1. Two steps by hand
#
# A number $z_0$ is drawn from the standard normal. The first map trebles it and adds 1, the second
# halves what came out:
#
# $$z_1 = f_1(z_0) = 3 z_0 + 1, \qquad x = z_2 = f_2(z_1) = z_1 / 2 .$$
#
# At $z_0 = 0$ the log-density is $-0.92$. The first map stretches the neighborhood of the point to
# three times its length, and the same probability must cover all of it.

# %%
lesson.predict(
    "The log-density of x at the end, where z_0 = 0 has gone, is",
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
    "The first map makes the density three times thinner, the second twice as thick.",
    answer="-0.92 - log 3 + log 2",
)
of_x = -0.5 * np.log(2 * np.pi * 1.5**2)  # x is normal, with mean 1/2 and deviation 3/2
lesson.check("log-density of x, known otherwise", log_density[0], equals=of_x)

# %% [markdown]
# That is the whole bookkeeping. For one step (Eq. flow.05, and Eq. flow.06 from the other side),
#
# $$p_i(z_i) = p_{i-1}\big(f_i^{-1}(z_i)\big)\,\Big|\det\frac{d f_i^{-1}}{d z_i}\Big|, \qquad
# \log p_i(z_i) = \log p_{i-1}(z_{i-1}) - \log\Big|\det\frac{d f_i}{d z_{i-1}}\Big|,$$
#
# and for a chain of $K$ of them, whose result is called a *normalizing flow* (Eq. flow.08),
#
# $$\log p(x) = \log \pi_0(z_0) - \sum_{i=1}^K \log\Big|\det\frac{d f_i}{d z_{i-1}}\Big| .$$
#
# The path that the $z_i$ take is the *flow*; inferring backwards, from $x$ to $z_0$, makes a normal
# of everything, which is why it is *normalizing*. The package's `Chain` adds up the log-dets, and
# `Flow` puts a density at the beginning:

# %%
chain = Chain([treble, halve])
x = np.array([[0.5]])
lesson.check("Flow.log_prob(0.5)", Flow(StandardNormal(1), chain).log_prob(x), equals=[of_x])
lesson.show_source(Chain)

# %% [markdown]
# ## 2. A map that is cheap: the planar layer
#
# Straight maps keep a Gaussian a Gaussian, so a map must bend; and of a bent map of $D$ numbers the
# determinant costs $D^3$ steps in general. The *planar* layer of Rezende and Mohamed (2015) bends
# in one direction only:
#
# $$x = z + u \tanh(w^\top z + b).$$
#
# All that matters of a point is $w^\top z + b$, on which side of a line it is and how far off (a
# plane, in space). The whole neighborhood is moved along $u$.

# %%
lesson.exercise("flow/04/planar_forward")

# %% [markdown]
# Let $w = (1, 0)$ and $b = 0$, so that the line is the vertical axis, and $u = (2, 1)$. On the line
# itself a step of $dz_1$ becomes $dx_1 = 3\,dz_1$, and the determinant is $1 + 2 = 3$. The points
# (0, 0), (1, 0), (2, 0), (5, 0) lie ever farther from it.

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
    f"{determinant:.4f}. Far from the line tanh is flat: everything there is moved by the same u,"
    " and nothing is stretched. A layer works near its line.",
    answer=min(nearest, key=lambda name: abs(nearest[name] - determinant)),
)
lesson.check("determinant on the line", np.exp(log_det[0]), equals=3.0)
by_autodiff = jacobian_log_det(lambda z: planar_forward(z, u, w, 0.0), points)
lesson.check("log-dets against the whole Jacobian", log_det, equals=by_autodiff)

# %% [markdown]
# Why $1 + (1 - \tanh^2)\,u^\top w$ and no more? The Jacobian is the identity plus a column times a
# row, $I + u\,(h' w)^\top$. It stretches along one direction only, so its determinant is one
# number's work, in two dimensions or in a thousand.
#
# Three layers, and what they make of many draws of the Gaussian: $u$ along $w$, against it, and
# across it.

# %%
shown = {"along w": [1.5, 0.0], "against w": [-0.45, 0.0], "across w": [0.0, 1.5]}
w = np.array([2.0, 0.0])
square = (-4, 4, -4, 4)
draws = lesson.rng("draws").standard_normal((lesson.size(100_000), 2))
fig, axes = plot.figure(1, 4, size=(2.7, 2.5))
plot.density(draws, axes[0], bounds=square, title="before")
for ax, (name, u) in zip(axes[1:], shown.items()):
    x, _ = planar_forward(draws, np.array(u), w, 0.0)
    plot.density(x, ax, bounds=square, title=f"u {name}")
lesson.figure(
    fig,
    "three_layers",
    "Second picture: pushed away from the middle line. Third: drawn towards it. Last: the two sides"
    " slide past each other, and since u is at right angles to w nothing is stretched.",
)

# %% [markdown]
# ## 3. When a map folds
#
# One number again, $w = 1$, $b = 0$, and a $u$ that pulls hard: $x = z - 3 \tanh z$.

# %%
lesson.predict(
    "How many z does this map send to x = 0?",
    ["none", "one", "two", "three"],
)

# %%
line = np.linspace(-6, 6, 2400)[:, None]  # (2400, 1), an even number: 0 is not among them
image, log_det = planar_forward(line, np.array([-3.0]), np.array([1.0]), 0.0)
crossings = np.flatnonzero(image[:-1, 0] * image[1:, 0] < 0)
slope = np.diff(image[:, 0]) / np.diff(line[:, 0])
rows = [[line[i, 0], slope[i], log_det[i]] for i in crossings]
lesson.table(rows, ["z that is sent to 0", "slope there", "log |det|"])

# %%
lesson.outcome(
    f"{len(crossings)}. In the middle the order of the points is turned round, and the determinant"
    " is negative.",
    answer=["none", "one", "two", "three"][min(len(crossings), 3)],
)
lesson.check("z that are sent to 0", len(crossings), equals=3)

# %%
lesson.change(
    "at the limit",
    "Let $u$ pull less hard: change `np.array([-3.0])` to `np.array([-1.0])`, so that $u^\\top w$ "
    "is $-1$, and run again. How many $z$ go to 0 now?",
    answer="Only 1. The map $z - \\tanh z$ rises everywhere, though it is flat at 0: its slope "
    "there is 0. A little more pull, and it folds.",
)

# %% [markdown]
# The formula of Eq. flow.06 still returns a number, for each of them another. The density at $x =
# 0$ is their sum, and the formula knows of one at a time: it calls the density thinner than it is.
# Since a flow is trained to make $\log q$ low where it can, it will find and use this. (Section 4
# will show how.) The cure: the map is invertible if $u^\top w > -1$, and any $u$ can be moved along
# $w$ until it is.

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
    "`u_hat` moves $u = 3$ as well, though nothing was wrong with it. Change the 3.0 of `pulls` "
    "to 30.0 and run again. By how much is a large product lowered?",
    answer="By 1: it becomes 29. For large $a$, $\\log(1 + e^a)$ is $a$, so that $a - 1$ is left. "
    "This is the price of a formula that is smooth everywhere.",
)

# %% [markdown]
# ## 4. Fitted to a formula
#
# No data now. There is a *potential* $U(x)$, a landscape of energy, and the target is $p(x) =
# e^{-U(x)} / Z$. We can draw $x$ from our flow $q$, and we know $\log q(x)$ of each draw by Eq.
# flow.08. So this can be estimated, and made small:
#
# $$D_{\mathrm{KL}}(q \,\|\, p) = \mathbb E_{x \sim q}\big[\log q(x) + U(x)\big] + \log Z .$$
#
# $\log Z$ does not depend on $q$: in earnest nobody knows it, and nobody needs it. Here we do know
# it, so the number that is reported is a distance, in nats. The four potentials are those of the
# paper.

# %%
potentials = [make() for make in rezende_potentials]
names = ["U1", "U2", "U3", "U4"]
cells = lesson.size(160, quick=30)
fig, axes = plot.figure(1, 4, size=(2.7, 2.5))
for ax, p, name in zip(axes, potentials, names):
    plot.density(p, ax, bounds=(-5, 5, -5, 5), n=cells, title=name)
lesson.figure(fig, "potentials", "The darker the more probable. U1 is in two pieces, nearly.")

# %% [markdown]
# A first chain, of eight layers, for U1. It is trained twice. The second time the log-determinants
# are left out of $\log q$, so that what is made small, and reported as the distance, is the mean of
# $\log \pi_0(z_0) + U(x) + \log Z$.

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
    steps = lesson.steps(500, quick=2)
    step = descend(loss, flow, draw_noise, lr=cosine(2e-2, steps), rng=rng)
    lesson.fit(step, steps, state=step.state, label=label)
    z = normal.sample(lesson.rng("judge"), 5000)
    return flow.forward(z)[0], loss(flow, z), distance(flow, z)


# %%
honest = small_flow("U1, eight layers", distance)
without = small_flow("U1, no log-determinants", distance_without_log_det)
rows = [["with log-dets", *honest[1:]], ["without", *without[1:]]]
lesson.table(rows, ["trained", "reports", "true KL"])

# %%
reports = without[1]
smaller = "smaller, but above zero" if reports < honest[1] - 0.1 else "about the same"
lesson.outcome(
    f"{reports:.2f} nats, while the true distance is {without[2]:.2f}; with log-determinants"
    f" {honest[1]:.2f}. No divergence is below zero.",
    answer="below zero" if reports < 0 else smaller,
)
lesson.claim("no log-det: the distance that is reported", reports, at_most=-0.2, unit="nats")

# %%
fig, (left, right) = plot.figure(1, 2, size=(3.2, 3.0))
plot.samples(honest[0], u1, left, title="with the log-dets")
plot.samples(without[0], u1, right, title="without")
lesson.figure(
    fig,
    "log_det_left_out",
    "Left: eight layers, and not much time. Right: the samples crowd along the floor of the"
    " valleys. The log-determinant is what makes it costly to shrink.",
)

# %% [markdown]
# In $\mathbb E[\log q + U]$ the second term pulls down into the valleys and the first, minus the
# *entropy*, pushes apart. And here is what a folding map would be used for: by calling its density
# thinner than it is, it is paid for an entropy that it does not have.
#
# ## 5. How deep?
#
# The experiment of the paper: 2, 8 and 32 layers on each potential. Chance decides much, so
# there are three chains of each kind.
#
# Twelve chains of one depth are trained *side by side*: an array has the chain for its first axis,
# the point for its second. The formulas are those above. The gradient of this one function is
# written out by hand, because autograd's bookkeeping for 32 layers of tiny operations takes several
# times as long as the operations.

# %%
lesson.show_source(planar_chains, PlanarChains)

# %% [markdown]
# Two things help. The noise gets a mean and a deviation of its own for each chain, which are
# learned too. And the potential is *annealed*: it begins at a hundredth of its size, a landscape so
# flat that $q$ spreads over all of it, and rises to its full size in the first 60 % of the steps.
# Without that a chain may find one valley and never learn of the other.


# %%
class Fits(Module):
    """Twelve chains of one depth, three for each potential, and a Gaussian for each to start in."""

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
    """function(p, points) of the three chains of each potential: x (12, N, 2) -> (12, N)."""
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
    """The mean of log q + share U, summed over the chains, each of which learns by itself."""
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
    "How many layers does the wave, U2, need to come within 0.03 nats of the truth?",
    ["2", "8", "32", "more than 32"],
)

# %%
steps = lesson.steps(3000, quick=2)
depths = {layers: fit_chains(layers, steps) for layers in (2, 8, 32)}

# %% [markdown]
# The distances: the mean of $\log q - \log p$ over fresh draws, where $\log p$ is exact.


# %%
def divergences(fits):
    """KL(q || p) of each chain, (4, 3): potential, chain."""
    z = lesson.rng("judge").standard_normal((12, lesson.size(20_000), 2), dtype=np.float32)
    x, log_density = log_q(fits, z)
    return (log_density - by_potential(log_prob, x)).mean(axis=1).reshape(4, 3)


kl = {layers: divergences(fits) for layers, fits in depths.items()}
means = np.stack([kl[layers].mean(axis=1) for layers in depths])  # (3, 4): depth, potential
rows = [[name, *means[:, k], *np.sort(kl[32][k])] for k, name in enumerate(names)]
header = ["KL, nats", "2 layers", "8", "32", "32: best", "middle", "worst"]
lesson.table(rows, header, "means of three chains, and the three at 32 layers")

# %%
enough = [layers for layers, mean in zip(depths, means[:, 1]) if mean <= 0.03]
lesson.outcome(
    "U2: " + ", ".join(f"{mean:.3f} ({layers})" for layers, mean in zip(depths, means[:, 1])),
    answer=str(enough[0]) if enough else "more than 32",
)
paper = "Rezende and Mohamed 2015, Fig. 3"
falls = -np.diff(means, axis=0)
lesson.claim("KL falls with depth: the smallest step", falls.min(), at_least=0.0, source=paper)
lesson.claim("KL, 32 layers over 2 layers", means[2] / means[0], at_most=0.3)
lesson.claim("32 layers: KL on U1, U2, mean of three", means[2, :2], at_most=0.03, unit="nats")
lesson.claim("32 layers: KL on U3, U4, mean of three", means[2, 2:], at_most=0.12, unit="nats")

# %% [markdown]
# Annealed faster, with larger steps and fewer points a step, a deep chain now and then loses a
# whole mode of U1 or part of a branch of U4, and ends a quarter of a nat or more from the truth.

# %%
depth_axis = np.array(list(depths))
ax = plot.line(
    depth_axis,
    dict(zip(names, means.T)),
    log="xy",
    markers=True,
    xlabel="layers",
    ylabel="KL, nats",
    title="distance from the truth",
)
ax.set_xticks(depth_axis, [str(layers) for layers in depths])
ax.set_xticks([], minor=True)
lesson.figure(ax, "depth", "Means of three chains. Both scales are logarithmic.")

# %% [markdown]
# Now the pictures: not clouds of samples, but densities, worked out at each point of a grid by
# going *back* through the chain. (A planar layer has no formula for that, but only one number has
# to be found, $w^\top z$, and a bisection finds it.) Each intermediate result of a flow is a
# density too, with the formula of Eq. flow.05.


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
    "From left to right: a Gaussian, and what each of eight layers makes of it, for U1. Look for"
    " the layer that parts it.",
)


# %% [markdown]
# And all four, by 2, 8 and 32 layers, the last with what they are after 8, 16 and 24.

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
for ax, name in zip(axes[0], [*columns, "the truth"]):
    ax.set_title(name)

# %%
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
lesson.figure(
    fig,
    "depths",
    "The best of three chains each. Look at how few folds two layers have to spend; then at the way"
    " of the deepest chains: the densities between need not look like the truth, for nothing was"
    " asked of them.",
)

# %% [markdown]
# Are these densities at all? What is drawn must sum to 1, and the samples must have the log-density
# that the way back gives them.

# %%
deep = flow_of(depths[32], best[32][1])
centers, area = potentials[1].cells(lesson.size(200, quick=20))
mass = np.exp(deep.log_prob(centers)).sum() * area
lesson.claim("32 layers on U2: total mass", mass, between=(0.98, 1.02))

z = lesson.rng("there and back").standard_normal((12, 300, 2), dtype=np.float32)
x, log_density = log_q(depths[32], z)
off = deep.log_prob(x[best[32][1]]) - log_density[best[32][1]]
lesson.claim("log q of samples, there and back", np.median(np.abs(off)), at_most=1e-3)


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
# ## 6. Around a point: the radial layer
#
# The same paper has a second layer, which pushes away from a *center* $c$ or towards it: with $r =
# \|z - c\|$ and $h = 1/(\alpha + r)$, $x = z + \beta h\,(z - c)$. It moves points along rays, and
# each circle stays a circle.

# %%
lesson.exercise("flow/04/radial_forward")

# %% [markdown]
# Along the ray it stretches by one factor, across by another; in $D$ dimensions there are $D - 1$
# directions across. Near the center, where $r$ is next to 0, both are $1 + \beta/\alpha$.

# %%
lesson.predict(
    "At the center, alpha = 1 and beta = 1, in 20 dimensions, the determinant is",
    ["2", "20", "21", "2 to the power 20, about a million"],
)

# %%
lesson.show_source(radial_forward)
center = np.zeros(20)
_, log_det = radial_forward(np.zeros((1, 20)), center, 1.0, 1.0)
lesson.outcome(
    f"{np.exp(log_det[0]):,.0f}: all 20 directions are doubled. A planar layer stretches one.",
    answer="2 to the power 20, about a million" if log_det[0] > 10 else "2",
)
lesson.check("log-det at the center, in twos", log_det / np.log(2), equals=[20.0])

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
# And back? A planar layer has no formula for its inverse. A radial layer has one: a point stays on
# its ray, so only its distance from the center must be found. Before the layer it is $r$, after it
# $R = r + \beta\, r/(\alpha + r)$. Solve for $r$.

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
    "The center is at (0.5, 0). Left: a hole. Right: a peak, a little off the middle.",
)

# %% [markdown]
# ## 7. Where the post is loose
#
# - It has no formula for a flow of this kind; the planar layer and its condition $u^\top w > -1$
#   are the paper's. "Easily invertible" is meant: a planar layer is invertible, but not by a
#   formula.
# - Between Eq. flow.06 and Eq. flow.08 the intermediate densities change their name, from $p_i$ to
#   $\pi_i$; they are the same.
# - That a chain of maps is *normalizing* and a *flow* says nothing about how it is trained. Here it
#   went by $D_{\mathrm{KL}}(q \| p)$, from samples of the flow and a formula for $p$; the rest of
#   the post has data and no formula, and goes by the likelihood, which is the divergence in the
#   other direction.
#
# **Left out:** the paper's use for all this, the posterior of a VAE (`flow/13`). A layer sees
# through one line only, so in many dimensions one needs many; *Sylvester* flows take several lines
# at once. **Next:** `flow/05` makes a map of any neural network at all, and inverts it by a
# formula.
#
# **Your turn:** `minigen exercise start flow/04`, then `minigen run flow/04 --with
# exercises/flow_04.py`.

# %%
lesson.finish()
