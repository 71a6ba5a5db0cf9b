# %% [markdown]
# # Why Wasserstein: two parallel lines
#
# Suppose a generator is almost right. Its samples have the right shape, and lie only a little to
# the side of the data. A good loss would report "almost", and in which direction to move. The
# obvious candidates, KL and JS, compare two densities at each point. But if the samples lie beside
# the data, no point belongs to both. This is not a rare case, because images fill only a thin part
# of the space of all images (`gan/05`), and so do generated ones. What do the distances report
# then, and can a generator learn from them?
#
# We compute three distances of two lines (sections 1 and 2). Then a generator descends on the
# Wasserstein distance (4), and on the loss that a discriminator gives it (5). This lesson follows
# the section *Why Wasserstein is better than JS or KL divergence?* of [From GAN to
# WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/).
#
# Before this lesson: `gan/02`, `gan/03`, `gan/10`.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/11_why_wasserstein",
    title="Why Wasserstein: two parallel lines",
    post="gan",
    sections=["gan.s15"],
    figures=["gan.f08"],
    equations=["gan.14", "gan.15", "gan.16"],
    minutes=0.2,
    picture="values",
    sources=["weng2017gan", "arjovsky2017wgan"],
)

# %%
import autograd.numpy as np
from scipy.spatial.distance import cdist

from minigen import plot
from minigen.gan.losses import (
    discriminator_loss,
    generator_loss_minimax,
    generator_loss_nonsaturating,
)
from minigen.gan.toy_problems import line_divergences, line_points
from minigen.metrics.divergence import js_divergence, js_on_grid, kl_divergence
from minigen.metrics.transport import plan_gradient, transport_plan, wasserstein
from minigen.nn import MLP
from minigen.optim import Adam
from minigen.tensor import grad, sigmoid, value_and_grad

# %% [markdown]
# ## 1. Two lines
#
# Real images are too large for exact distances, so let's take the smallest pair of thin sets, two
# lines. (The example is from the WGAN paper, [Arjovsky et al.,
# 2017](https://arxiv.org/abs/1701.07875).) The generator has one parameter, $\theta$. From noise $y
# \sim U(0, 1)$ it generates the point $(\theta, y)$, so its distribution $Q$ lies on a vertical
# line. The data distribution $P$ lies on the parallel line at $x = 0$ (Eq. gan.14):
#
# $$\forall (x, y) \in P:\ x = 0,\ y \sim U(0, 1), \qquad
#   \forall (x, y) \in Q:\ x = \theta,\ 0 \le \theta \le 1,\ y \sim U(0, 1) .$$


# %%
def draw_lines(box=(-0.4, 0.9, -0.1, 1.2)):
    p = line_points(0.0, lesson.rng("P").random(150))
    q = line_points(0.5, lesson.rng("Q").random(150))
    ax = plot.samples(p, bounds=box, color=plot.color.real, label="P, at 0")
    plot.samples(q, ax=ax, bounds=box, color=plot.color.fake, label="Q, at θ = 0.5")
    ax.set(xlabel="x", ylabel="y")
    return ax


lesson.figure(
    draw_lines(),
    "f08_two_lines",
    "Points of P (blue) and of Q at θ = 0.5 (orange). For which θ do the two have a point in "
    "common?",
)

# %% [markdown]
# Only for $\theta = 0$, and then they have all of them in common. For every other $\theta$ each
# single point of $Q$ is wrong, and yet the generator has only one thing to learn, to move left.
#
# ## 2. The three distances by hand
#
# How far apart are the lines? Let's begin with the smallest case. Give each line just two points,
# low and high, each of probability $\frac12$. Then there are four points in all, and $P$ and $Q$
# share none of them. Work out KL, JS and W for $\theta = 0.5$ and for $\theta = 0.01$. (In the
# code, `transport_plan` finds the least work between these points.)

# %%
lesson.exercise("gan/11/line_divergences")


# %%
def by_hand(theta):
    """KL, JS and W of the two lines with two points each."""
    points = np.array([[0, 0.0], [0, 1.0], [theta, 0.0], [theta, 1.0]])
    p, q = np.array([[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5]])
    if theta == 0:  # the same two points
        points, p, q = points[:2], p[:2], p[:2]
    w = transport_plan(p, q, cdist(points, points)).cost
    return [kl_divergence(p, q), js_divergence(p, q), w]


# %%
lesson.table([[theta, *by_hand(theta)] for theta in (0.5, 0.01, 0.0)], ["θ", "KL", "JS", "W"])
lesson.check("KL at θ = 0.5", by_hand(0.5)[0] == np.inf)
lesson.check("JS and W at θ = 0.5", by_hand(0.5)[1:], equals=[np.log(2), 0.5])
lesson.check("JS and W at θ = 0.01", by_hand(0.01)[1:], equals=[np.log(2), 0.01])
lesson.check("all three at θ = 0", by_hand(0.0), equals=[0.0, 0.0, 0.0])

# %% [markdown]
# From $\theta = 0.5$ to 0.01 the generator has made nearly all of its way, and only W notices. A
# whole segment in place of two points changes nothing. If $\theta \ne 0$ (Eq. gan.15):
#
# $$D_\mathrm{KL}(P \| Q) = D_\mathrm{KL}(Q \| P) = +\infty, \qquad
#   D_\mathrm{JS}(P, Q) = \log 2, \qquad W(P, Q) = |\theta| .$$
#
# If $\theta = 0$ (Eq. gan.16):
#
# $$D_\mathrm{KL}(P \| Q) = D_\mathrm{KL}(Q \| P) = D_\mathrm{JS}(P, Q) = 0, \qquad
#   W(P, Q) = 0 = |\theta| .$$

# %% [markdown]
# <details><summary>Derivation: KL, JS and W of the two lines</summary>
#
# Let $\theta \ne 0$. **KL**: $P$ has all its mass where $Q$ has none, so the ratio in
# $\mathbb{E}_P \log (dP/dQ)$ is infinite there, and likewise for $Q$ against $P$. **JS**: the
# mixture $M = (P + Q)/2$ has half of the mass of $P$ on the line at 0, so $dP/dM = 2$ there, and
# $dQ/dM = 2$ on the line at $\theta$. Hence
#
# $$ D_\mathrm{JS} = \tfrac12 \mathbb{E}_P \log 2 + \tfrac12 \mathbb{E}_Q \log 2 = \log 2 . $$
#
# **W**: every plan sends points $(0, y)$ to points $(\theta, y')$, over a distance
# $\sqrt{\theta^2 + (y - y')^2} \ge |\theta|$. The plan that sends each point straight across has
# the right marginals and attains this bound.
#
# </details>

# %%
lesson.show_source(line_divergences)
theta = np.linspace(-1, 1, 81)
kl, js, w = line_divergences(theta)

# %%
fig, axes = plot.figure(1, 3, size=(3.5, 2.9))
for ax, values, title in zip(axes, (kl, js, w), ("KL", "JS", "W")):
    plot.line(theta, values, ax, markers=True, styles={"": "none"}, title=title, xlabel="θ")
    ax.set(xlim=(-1.05, 1.05), ylim=(-0.05, 1.05))
lesson.figure(
    fig,
    "values",
    "KL, JS and W of the two lines against θ (infinite values are not drawn). Imagine a ball on "
    "each of the curves, at θ = 0.9. Where does it roll?",
)

# %%
heights = (np.arange(200) + 0.5) / 200
lesson.check("JS of the lines, |θ| from 0.025 to 1", js[theta != 0], equals=np.log(2), atol=1e-12)
lesson.check("θ of 80 at which KL is infinite", int(np.isinf(kl).sum()), equals=80)
lesson.check("at θ = 0: KL, JS, W", [kl[40], js[40], w[40]], equals=[0.0, 0.0, 0.0], atol=0)
lesson.check(
    "W by the best plan of 200 points on each line, at four θ",
    [
        wasserstein(line_points(0.0, heights), line_points(t, heights))
        for t in (-0.7, 0.0, 0.2, 1.0)
    ],
    equals=[0.7, 0.0, 0.2, 1.0],
    atol=1e-9,
)

# %% [markdown]
# It rolls only under W. KL is infinite at every $\theta$ but one, and JS is flat, with a hole that
# is one point wide. They are right that the lines differ, but they cannot tell by how much.
#
# ## 3. Can JS be repaired?
#
# *You may skip this section, because nothing later depends on it. It is for readers who would
# rather keep JS.*
#
# JS fails because the lines do not overlap, so let's make them. One idea is to divide the $x$ axis
# into cells and to take the JS of the counts, because then lines in one cell count as equal.
# Another is to add Gaussian noise of standard deviation $\sigma$ to the $x$ of both lines.


# %%
def js_in_cells(theta, width):
    """JS of counts in cells centered at 0, ±width, ...: all of P is in one, all of Q in one."""
    cell = int(np.round(theta / width))
    counts = np.eye(cell + 1)
    return js_divergence(counts[0], counts[cell])


u, du = np.linspace(-3, 4, 7001, retstep=True)


def log_normal(center, sigma):
    return -0.5 * ((u - center) / sigma) ** 2 - np.log(sigma * np.sqrt(2 * np.pi))


def js_with_noise(theta, sigma):
    return js_on_grid(log_normal(0, sigma), log_normal(theta, sigma), du)


ahead = np.linspace(0, 1, 101)
widths = (0.3, 0.1, 0.03)
cells = {f"cells of {c}": [js_in_cells(t, c) for t in ahead] for c in (1.0, 0.4, 0.1)}
noisy = {f"σ = {s}": np.array([js_with_noise(t, s) for t in ahead]) for s in widths}

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.4, 3.1))
plot.line(ahead, cells, left, title="JS of counts in cells", xlabel="θ", ylabel="nats")
plot.line(ahead, noisy, right, title="JS with noise", xlabel="θ")
lesson.figure(
    fig,
    "rescues",
    "JS of counts in cells of three widths, and JS with noise of three standard deviations. Look "
    "at the slopes at θ = 0.9.",
)

# %%
lesson.table(
    [
        *[[name, float(np.gradient(values, ahead)[90])] for name, values in noisy.items()],
        ["W, without noise", 1.0],
    ],
    ["at θ = 0.9", "slope"],
)
for sigma in widths:
    bound = np.exp(-(ahead**2) / (8 * sigma**2))
    excess = np.log(2) - noisy[f"σ = {sigma}"] - bound
    lesson.check(f"σ = {sigma}: log 2 - JS, above its bound", excess.max(), at_most=1e-9)

# %% [markdown]
# <details><summary>Derivation: JS with noise is flat beyond a few σ</summary>
#
# Let $p$ and $q$ be the two densities with noise. Write out $\log 2 - D_\mathrm{JS}$, and use
# $\log(1 + t) \le \sqrt t$ (at $t = 0$ both are 0, and the slopes satisfy $\frac{1}{1 + t} \le
# \frac{1}{2 \sqrt t}$, because $1 + t \ge 2 \sqrt t$):
#
# $$ \log 2 - D_\mathrm{JS} = \tfrac12 \int p \log\Big(1 + \frac qp\Big)
#    + \tfrac12 \int q \log\Big(1 + \frac pq\Big) \;\le\; \int \sqrt{p\, q} . $$
#
# For two Gaussians, at 0 and at $\theta$, the right side is $e^{-\theta^2 / 8 \sigma^2}$. At
# $\theta = 0.9$ and $\sigma = 0.03$ it is $e^{-112.5} \approx 10^{-49}$.
#
# </details>

# %%
lesson.change(
    "more noise",
    "Change `widths = (0.3, 0.1, 0.03)` to `widths = (1.0, 0.1, 0.03)` and run again. Is the slope "
    "at θ = 0.9 larger now?",
    answer="No. It is 0.1852, and with σ = 0.3 it was 0.4931. With σ = 1 the two distributions "
    "share 2 Φ(-0.45) = 65 % of their mass at θ = 0.9, and JS rises more slowly there. But this "
    "slope is usable. A σ that is too large makes the slope smaller, and one that is too small "
    "removes it.",
)

# %% [markdown]
# Cells are a wrong turn. JS is then a single stair, from 0 up to $\log 2$ at the edge of a cell,
# and flat on both sides. Noise does work, but a $\sigma$ that is too large makes the slope smaller,
# and one that is far below the distance between the distributions removes it. Unfortunately, nobody
# knows that distance. `gan/09` adds such noise to a discriminator's input (*instance noise*). W has
# no parameter to fit.
#
# ## 4. Learning θ from samples
#
# A slope on paper is not yet learning. A generator gets samples, not a formula. So let's start at
# $\theta = 0.9$ and descend on W with 64 points of each line, at different heights, drawn again at
# every step. A linear program finds the best plan $\gamma$, and the gradient of W with respect to
# a point $y_j$ is the gradient of the cost of this plan:
#
# $$\frac{\partial W}{\partial y_j} = \sum_i \gamma_{ij} \frac{y_j - x_i}{\|y_j - x_i\|} .$$
#
# In words, a step against the gradient pulls each point straight towards the points that it is
# paired with, no less strongly from nearby than from afar. For example, if a point at $(3, 4)$ is
# paired with one at $(0, 0)$, its gradient is the unit vector $(0.6, 0.8)$. A change of $\theta$
# shifts all $y_j$ sideways, so the slope with respect to $\theta$ is the sum of the first
# components.

# %%
lesson.predict(
    "With steps of 0.02 times the slope, after how many steps is θ within 0.02 of 0?",
    ["about 20", "about 45", "about 90", "it does not arrive"],
)

# %%
lesson.exercise("gan/11/plan_gradient")

# %%
lesson.show_source(plan_gradient)
lesson.check(
    "gradient at (3, 4), paired with (0, 0)",
    plan_gradient(np.eye(1), np.zeros((1, 2)), np.array([[3.0, 4.0]])),
    equals=[[0.6, 0.8]],
)

# %% [markdown]
# <details><summary>Derivation: the gradient of W is the gradient of the best plan's
# cost</summary>
#
# Write $C_\gamma(y)$ for the cost of a plan $\gamma$ with targets at $y$, and let $\gamma^*$ be the
# best plan at $y$. At nearby targets $y + h$ the plan $\gamma^*$ still has the right marginals but
# need not be the best plan, so $W(y + h) \le C_{\gamma^*}(y + h)$, with equality at $h = 0$. Hence
# $C_{\gamma^*}(y + h) - W(y + h) \ge 0$ has a minimum at $h = 0$. Where both are differentiable its
# gradient is zero there, so $\nabla W = \nabla C_{\gamma^*}$. This is Danskin's theorem.
#
# </details>

# %%
rng = lesson.rng("six points")
x, y, way = rng.standard_normal((3, 6, 2))
sixths = np.full(6, 1 / 6)
by_formula = np.sum(plan_gradient(transport_plan(sixths, sixths, cdist(x, y)).plan, x, y) * way)
h = 1e-6
by_differences = (wasserstein(x, y + h * way) - wasserstein(x, y - h * way)) / (2 * h)
start, lr = 0.9, 0.02
steps = lesson.steps(200, quick=8)


def trajectory(slope):
    """θ from its start, by steps of 0.02 times the slope: (steps + 1,)."""
    path = [start]
    for _ in range(steps):
        path.append(path[-1] - lr * slope(path[-1]))
    return np.array(path)


# %%
rng = lesson.rng("W")
uniform = np.full(64, 1 / 64)


def slope_of_w(theta):
    x = line_points(0.0, rng.random(64))
    y = line_points(theta, rng.random(64))
    plan = transport_plan(uniform, uniform, cdist(x, y)).plan
    return plan_gradient(plan, x, y)[:, 0].sum()


paths = {"W": trajectory(slope_of_w)}

# %%
arrived = np.flatnonzero(np.abs(paths["W"]) < 0.02)
took = f"after {arrived[0]} steps" if len(arrived) else "at no step"
counts = ["about 20", "about 45", "about 90"]
lesson.outcome(
    f"The parameter is within 0.02 of 0 {took}, because the slope is close to 1 for most of the "
    "way, and 0.9 / 0.02 = 45.",
    answer=counts[np.searchsorted([30, 65], arrived[0])] if len(arrived) else "it does not arrive",
)
lesson.check("slope of W, formula minus differences", by_formula - by_differences, equals=0.0)
lesson.claim(
    "W: |θ| at the end", abs(paths["W"][-1]), at_most=0.02, source="theory: one step of 0.02"
)

# %% [markdown]
# And under the other two distances? Their slopes follow from the formulas of section 2, by
# differences at the start.

# %%
h = 1e-3
right, left = line_divergences(start + h), line_divergences(start - h)
with np.errstate(invalid="ignore"):  # inf - inf
    slope_of_kl, slope_of_js, _ = (np.array(right) - np.array(left)) / (2 * h)
paths["JS, the formula"] = trajectory(lambda theta: slope_of_js)

# %%
lesson.check("the slope of KL is not a number", bool(np.isnan(slope_of_kl)))
lesson.check("the slope of JS", float(slope_of_js), equals=0.0, atol=0)

# %% [markdown]
# Under JS $\theta$ never leaves its start, and under KL it has no slope to follow. Under W it goes
# straight to the optimum, although all that it is given are 64 points of each line at a time.
#
# ## 5. Learning θ with a discriminator
#
# But wait. In `gan/02` a generator did learn, and by `gan/03` it descends on JS if $D$ is optimal.
# How can that be, if JS has no slope? A GAN has no formula for JS. It has a discriminator that is
# on its way to the optimum, and perhaps we should not let it arrive. Let's train a small network to
# distinguish the two lines, while $\theta$ descends on the minimax loss. A *trained* discriminator
# gets 1,000 steps at the start and 10 steps between two steps of $\theta$. A *lazy* one gets no
# steps at the start and 1 step between.

# %%
lesson.predict(
    "After 200 steps, against which of the two discriminators is θ within 0.1 of the optimum?",
    ["both", "the trained one", "the lazy one", "neither"],
)


# %%
class Adversary:
    """A discriminator of the two lines, with 128 points of each at a time."""

    def __init__(self, label):
        self.rng = lesson.rng(label)
        self.D = MLP(self.rng, [2, 32, 32, 1], activation="leaky_relu")
        self.optimizer = Adam(self.D, 3e-3)
        self.separations = []  # one for each step of θ

    def line(self, theta):
        return line_points(theta, self.rng.random(128, dtype=np.float32))

    def train(self, theta, steps):
        for _ in range(steps):
            x, y = self.line(0.0), self.line(theta)
            loss = value_and_grad(lambda D: discriminator_loss(D(x)[:, 0], D(y)[:, 0]))
            self.optimizer.step(loss(self.D)[1])


# %%
def separation(D, theta):
    """The mean of D on P minus its mean on Q, at 200 heights."""
    real, fake = [D(line_points(t, heights))[:, 0] for t in (0.0, theta)]
    return sigmoid(real).mean() - sigmoid(fake).mean()


# %%
def slope_against(adversary, between, loss=generator_loss_minimax):
    """The slope of a generator's loss, after a few steps of D."""

    def loss_of_points(points):
        return loss(adversary.D(points)[:, 0])

    def slope(theta):
        adversary.train(theta, between)
        adversary.separations.append(separation(adversary.D, theta))
        return float(grad(loss_of_points)(adversary.line(theta))[:, 0].sum())

    return slope


# %%
before, between = lesson.steps(1000, quick=20), lesson.steps(10, quick=2)
trained, lazy = Adversary("trained"), Adversary("lazy")
trained.train(start, before)
paths["JS, trained D"] = trajectory(slope_against(trained, between))
paths["JS, lazy D"] = trajectory(slope_against(lazy, 1))

# %%
ax = plot.line(
    np.arange(steps + 1),
    paths,
    styles={"JS, trained D": "--"},
    reference={"optimum": 0.0},
    xlabel="step",
    ylabel="θ",
)

# %%
lesson.figure(
    ax,
    "learning",
    "The parameter θ under W (blue), under JS by the formula (orange), with the trained "
    "discriminator (dashed green, on the orange line) and with the lazy one (pink). Compare the "
    "right ends of the four curves with the optimum (dashed black).",
)
ends = {name: paths[f"JS, {name} D"][-1] for name in ("trained", "lazy")}
near = [name for name, end in ends.items() if abs(end) < 0.1]
lesson.outcome(
    f"Against the trained discriminator θ ends at {ends['trained']:.2f}, because the slope of "
    "log(1 - D) contains the factor D, which is almost 0 at every generated point. Against the "
    f"lazy one it ends at {ends['lazy']:.2f}.",
    answer=["neither", f"the {(near or [''])[0]} one", "both"][len(near)],
)

# %% [markdown]
# Why does $\theta$ run past the optimum against the lazy one? And is there a pace in between that
# works? Let's add two *busy* discriminators, which get 2 or 3 steps between and none at the start.
# We also measure how well each of the four *separates* the lines, by the mean of $D$ on $P$ minus
# its mean on $Q$. A perfect $D$ has 1. A negative number means that it takes the fakes for the real
# points.


# %%
def row(name, adversary, path):
    seen = adversary.separations
    return [name, path[steps // 2], path[-1], np.min(seen), seen[-1]]


rows = [row("lazy, 1 step", lazy, paths["JS, lazy D"])]
for pace in (2, 3):
    busy = Adversary("busy")  # both paces begin with the same network
    path = trajectory(slope_against(busy, lesson.steps(pace, quick=1)))
    rows.append(row(f"busy, {pace} steps", busy, path))
rows.append(row("trained, 10 steps", trained, paths["JS, trained D"]))

# %%
lesson.table(
    rows,
    ["discriminator", "θ midway", "θ at the end", "lowest separation", "separation at the end"],
)
lesson.claim(
    "lazy D: θ at the end",
    rows[0][2],
    at_most=-1,
    source="seeds 0, 1 and 271828: -2.58, -2.13, -2.01; margin 1",
)
lesson.claim(
    "lazy D: lowest separation",
    rows[0][3],
    at_most=-0.3,
    source="seeds 0, 1 and 271828: -0.66, -0.63, -0.64; half of it",
)

# %%
lesson.claim(
    "separation at the end, smallest of the four",
    min(row[-1] for row in rows),
    at_least=0.5,
    source="seeds 0, 1 and 271828: 0.79, 0.94, 0.91; 1 for a perfect D",
)
lesson.claim(
    "busy D, 2 steps: θ at the end",
    rows[1][2],
    between=(0.5, 0.8),
    source="seeds 0, 1 and 271828: 0.69, 0.64, 0.69; it starts at 0.9",
)

# %%
lesson.claim(
    "busy D, 3 steps: θ at the end",
    rows[2][2],
    between=(0.6, 0.85),
    source="seeds 0, 1 and 271828: 0.77, 0.75, 0.77; it starts at 0.9",
)

# %% [markdown]
# This is the dilemma of the post. "If the discriminator behaves badly, the generator does not have
# accurate feedback". That is the lazy one. When $\theta$ has passed the optimum, this $D$ still
# outputs less on the right, where the fakes were before, than on the left, where they are now. Its
# lowest separation shows it. Therefore it pushes on to the left, and when it has caught up,
# $\theta$ is far away. "If the discriminator does a great job, the gradient of the loss function
# drops down to close to zero and the learning becomes super slow or even jammed." That is the
# trained one. And neither pace in between works. Even with 2 steps, only one more than the lazy one
# has, $D$ soon separates the lines, and $\theta$ halts after about a quarter of its way.
#
# How did the generator of `gan/02` learn, then? It did not descend on $\log(1 - D)$, but on $-\log
# D$. So let's change this one thing, and keep the trained discriminator.

# %%
lesson.predict(
    "Where does θ go in 200 steps with -log D, against the trained discriminator?",
    [
        "it does not move",
        "to 0 in a straight line",
        "past 0, and it comes back",
        "past 0, and it does not come back",
    ],
)

# %%
again = Adversary("trained")  # the same discriminator at the start
again.train(start, before)
by_log_d = trajectory(slope_against(again, between, generator_loss_nonsaturating))

# %%
ax = plot.line(
    np.arange(steps + 1),
    {"W": paths["W"], "-log D": by_log_d},
    reference={"optimum": 0.0},
    xlabel="step",
    ylabel="θ",
)

# %%
lesson.figure(
    ax,
    "non_saturating",
    "The parameter θ under W (blue), and with the loss -log D against the trained discriminator "
    "(orange). Compare the first fifty steps.",
)

# %%
slopes = (by_log_d[:-1] - by_log_d[1:]) / lr
lowest, last = by_log_d.min(), np.abs(by_log_d[-20:]).max()
lesson.outcome(
    "The parameter moves, because the slope of -log D contains the factor 1 - D instead of D. It "
    f"goes as far as {lowest:.2f}, and in the last twenty steps it is within {last:.2f} of the "
    "optimum.",
    answer=(
        "it does not move"
        if lowest > 0.8
        else "past 0, and it does not come back"
        if last > 0.3
        else "past 0, and it comes back"
        if lowest < -0.1
        else "to 0 in a straight line"
    ),
)

# %%
lesson.table(
    [[i + 1, by_log_d[i], slopes[i]] for i in range(4)],
    ["step", "θ before it", "slope of -log D"],
)
lesson.claim(
    "-log D: θ in the last twenty steps, farthest from 0",
    last,
    at_most=0.3,
    source="seeds 0, 1 and 271828: 0.02, 0.01, 0.10; with log(1 - D) it stays at 0.9",
)

# %% [markdown]
# How can a GAN learn here, although JS has no slope? It is tempting to answer that $-\log D$ is not
# JS. But with an optimal $D$ it amounts to KL minus twice JS (`gan/06`, section 5), and on these
# lines neither of them has a slope. The logit of an optimal $D$ would be infinite, and so would the
# loss. Two things move $\theta$. The factor $1 - D$ is almost 1 where $D$ is almost 0, and a
# trained network is not optimal, so its logit still slopes between the lines.
#
# However, $-\log D$ does not measure a distance. Its slope is $1 - D$ times the steepness of the
# logit, and nothing makes it smaller when $\theta$ comes nearer to the optimum. In this run it even
# grows, from 14 at the start to 39 in the third step, which throws $\theta$ from 0.22 to -0.57.
# With W there would be no dilemma. We could train the critic as well as we like, because the slope
# of W is 1 from afar and from nearby, and it points to the optimum.
#
# Two lines are an example. The post states the general result: "Even when two distributions are
# located in lower dimensional manifolds without overlaps, Wasserstein distance can still provide a
# meaningful and smooth representation of the distance in-between." Arjovsky et al. prove that W is
# continuous in the parameters of every generator that is itself continuous in them, and, under a
# mild condition, differentiable almost everywhere. JS and KL need not be either.
#
# ## What this lesson does differently
#
# - The post computes the three distances. We also descend on them, and on a discriminator's loss
#   (sections 4 and 5), and we ask whether JS can be repaired (section 3).
# - The post has $0 \le \theta \le 1$. Ours may become negative, as it did in section 5.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - In Eq. gan.15 the formula of JS is $\frac{1}{2}(\sum_{x=0, y \sim U(0, 1)} 1 \cdot
#   \log\frac{1}{1/2} + \sum_{x=0, y \sim U(0, 1)} 1 \cdot \log\frac{1}{1/2})$: *both* sums are over
#   $x = 0$. The second, over $Q$, must be over $x = \theta$. At $x = 0$ there is no mass of $Q$, so
#   that sum would be 0 and JS only half of $\log 2$. The result of the post is right.
# - $\sum_{x=0, y \sim U(0, 1)}$ is a sum over a continuous $y$. An average is meant.
# - "Only Wasserstein metric provides a smooth measure, which is super helpful for a stable learning
#   process using gradient descents." $W = |\theta|$ is not smooth at the optimum. It is "not
#   differentiable at $\theta = 0$", as the sentence before says of JS. Its slope is 1 until the
#   end, and a fixed step does not settle. (In section 4 it did, because the two samples have
#   different heights. With equal heights the best plan goes straight across, the slope is exactly
#   1 or -1, and $\theta$ ends by jumping to and fro across 0.)
#
# We try it with the exact slope. The start is 0.905, because 45 steps of 0.02 from 0.9 would lead
# exactly to the optimum, by luck.

# %%
jitter = 0.905
for _ in range(100):
    jitter -= lr * np.sign(jitter)  # the exact slope of |θ|
lesson.check("|θ| after 100 exact steps of 0.02", abs(jitter), between=(0.004, 0.016))

# %% [markdown]
# From then on $\theta$ only jumps between -0.015 and 0.005.
#
# ## To remember
#
# - If two distributions have no point in common, KL is infinite and JS is $\log 2$, however close
#   they are. W is their distance.
# - With $\log(1 - D)$, a well-trained discriminator leaves no slope, as JS has none. A poor one
#   leaves a slope that need not point to the optimum.
# - $-\log D$ escapes this because its factor $1 - D$ is almost 1, and the logit of a trained
#   network still slopes. With an optimal $D$ it would not. The WGAN escapes it with a better
#   distance.
#
# **Next:** every step here solved a linear program over all pairs of points, which nobody can do
# for images. How can a network estimate W? (`gan/12`)
#
# **Your turn:** `minigen exercise start gan/11`, then `minigen run gan/11 --with
# exercises/gan_11.py`.

# %%
lesson.finish()
