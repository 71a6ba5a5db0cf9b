# %% [markdown]
# # Why Wasserstein: two parallel lines
#
# This lesson runs the section *Why Wasserstein is better than JS or KL divergence?* (gan.s15) of
# [From GAN to WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/). The example comes from the
# WGAN paper (Arjovsky et al., 2017). Read `gan/10` first.
#
# In this lesson:
#
# 1. For two distributions without a common point, KL, JS and the Wasserstein distance are computed
#    exactly.
# 2. Gradient descent on a distance can learn a parameter only if the gradient of this distance
#    points to the optimum.
# 3. A well-trained discriminator estimates JS, and its gradient is that of JS.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/11_why_wasserstein",
    title="Why Wasserstein: two parallel lines",
    post="gan",
    sections=["gan.s15"],
    figures=["gan.f08"],
    equations=["gan.14", "gan.15", "gan.16"],
    minutes=0.1,
    picture="learning",
    sources=["weng2017gan", "arjovsky2017wgan"],
)

# %%
import autograd.numpy as np
from scipy.spatial.distance import cdist

from minigen import plot
from minigen.gan.losses import discriminator_loss, generator_loss_minimax
from minigen.gan.toy_problems import line_divergences, line_points
from minigen.metrics.divergence import js_divergence, js_on_grid, kl_divergence
from minigen.metrics.transport import plan_gradient, transport_plan, wasserstein
from minigen.nn import MLP
from minigen.optim import Adam
from minigen.tensor import grad, sigmoid, value_and_grad

# %% [markdown]
# ## 1. Two lines
#
# A generator has one parameter, $\theta$. From noise $y \sim U(0, 1)$ it generates the point
# $(\theta, y)$, so its distribution $Q$ lies on a vertical line. The data distribution $P$ lies on
# the parallel line at $x = 0$ (Eq. gan.14):
#
# $$\forall (x, y) \in P:\ x = 0,\ y \sim U(0, 1), \qquad
#   \forall (x, y) \in Q:\ x = \theta,\ 0 \le \theta \le 1,\ y \sim U(0, 1) .$$
#
# The generator is perfect at $\theta = 0$. Real images also fill only a thin part of the space of
# all images, a manifold of low dimension (`gan/05`), and so do generated images. The two lines are
# the smallest such pair.

# %%
p_points = line_points(0.0, lesson.rng("P").random(150))
q_points = line_points(0.5, lesson.rng("Q").random(150))
box = (-0.4, 0.9, -0.1, 1.2)
ax = plot.samples(p_points, bounds=box, color=plot.color.real, label="P, at 0")
of_q = {"color": plot.color.fake, "label": "Q, at θ = 0.5"}
plot.samples(q_points, ax=ax, bounds=box, title="two distributions without overlap", **of_q)
lesson.figure(
    ax,
    "f08_two_lines",
    "All blue points have x = 0, and all orange points have x = 0.5. For every θ other than 0, P "
    "and Q have no point in common.",
)

# %% [markdown]
# ## 2. The three distances by hand
#
# Give each line just two places, low and high, each of probability $\frac12$. Then there are four
# outcomes, and $P$ and $Q$ share none of them. Work out KL, JS and W for $\theta = 0.5$ and for
# $\theta = 0.01$.

# %%
lesson.predict(
    "Which of the three fall as θ goes from 0.5 to 0.01?",
    ["all three", "JS and W", "W only", "none"],
)

# %% [markdown]
# The three distances of the lines at any $\theta$ are yours to write. Two places on each line and
# a whole segment give the same values.

# %%
lesson.exercise("gan/11/line_divergences")


# %%
def by_hand(theta):
    """KL, JS and W of the two lines with two places each."""
    places = np.array([[0, 0.0], [0, 1.0], [theta, 0.0], [theta, 1.0]])
    p = np.array([0.5, 0.5, 0.0, 0.0])
    q = np.array([0.0, 0.0, 0.5, 0.5])
    if theta == 0:  # the same two places
        places = places[:2]
        p = q = np.array([0.5, 0.5])
    w = transport_plan(p, q, cdist(places, places)).cost
    return [kl_divergence(p, q), js_divergence(p, q), w]


# %%
lesson.table([[theta, *by_hand(theta)] for theta in (0.5, 0.01, 0.0)], ["θ", "KL", "JS", "W"])

# %%
lesson.check("KL at θ = 0.5", by_hand(0.5)[0] == np.inf)
lesson.check("JS and W at θ = 0.5", by_hand(0.5)[1:], equals=[np.log(2), 0.5])
lesson.check("JS and W at θ = 0.01", by_hand(0.01)[1:], equals=[np.log(2), 0.01])
lesson.check("all three at θ = 0", by_hand(0.0), equals=[0.0, 0.0, 0.0])
lesson.outcome("KL stays infinite, JS stays log 2, and W falls from 0.5 to 0.01.", answer="W only")

# %% [markdown]
# For the lines of the post, the values are the same. If $\theta \ne 0$ (Eq. gan.15):
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
# $\mathbb{E}_P \log (dP/dQ)$ is infinite there; the same holds for $Q$ against $P$. **JS**: the
# mixture $M = (P + Q)/2$ has half of the mass of $P$ on the line at 0, so $dP/dM = 2$ there, and
# likewise $dQ/dM = 2$ on the line at $\theta$. Hence
#
# $$ D_\mathrm{JS} = \tfrac12 \mathbb{E}_P \log 2 + \tfrac12 \mathbb{E}_Q \log 2 = \log 2 . $$
#
# **W**: every plan sends points $(0, y)$ to points $(\theta, y')$, over a distance
# $\sqrt{\theta^2 + (y - y')^2} \ge |\theta|$. The plan that sends each point straight across,
# $y' = y$, has the right marginals and attains this bound, so $W = |\theta|$.
#
# </details>

# %%
lesson.show_source(line_divergences)
theta = np.linspace(-1, 1, 81)
kl, js, w = line_divergences(theta)

# %%
fig, axes = plot.figure(1, 3, size=(3.5, 2.9))
titles = ["KL: infinite except at 0", "JS: constant except at 0", "W: proportional to |θ|"]
for ax, values, title in zip(axes, (kl, js, w), titles):
    plot.line(theta, values, ax, markers=True, styles={"": "none"}, title=title, xlabel="θ")
    ax.set(xlim=(-1.05, 1.05), ylim=(-0.05, 1.05))
lesson.figure(
    fig,
    "values",
    "Left: KL has one finite value, at θ = 0. Middle: JS jumps from log 2 to 0 at θ = 0. Right: W "
    "falls toward θ = 0 from both sides.",
)

# %% [markdown]
# The KL is infinite when two distributions are disjoint. The JS has a sudden jump at $\theta = 0$
# and a slope of zero everywhere else. Only the slope of W has a sign that points to the optimum.
#
# We check the formulas, and W also against the linear program for 200 points on each line.

# %%
apart = theta != 0
at_zero = [float(values[40]) for values in (kl, js, w)]
lesson.check("JS of the lines, |θ| from 0.025 to 1", js[apart], equals=np.log(2), atol=1e-12)
lesson.check("θ of 80 at which KL is infinite", int(np.isinf(kl[apart]).sum()), equals=80)
lesson.check("at θ = 0: KL, JS, W", at_zero, equals=[0.0, 0.0, 0.0], atol=0)

# %%
heights = (np.arange(200) + 0.5) / 200
p_points = line_points(0.0, heights)
some_theta = (-0.7, 0.0, 0.2, 1.0)
measured = [wasserstein(p_points, line_points(t, heights)) for t in some_theta]
lesson.check("W of points on the lines", measured, equals=np.abs(some_theta), atol=1e-9)

# %% [markdown]
# ## 3. JS of counts, and JS with noise
#
# Can JS be given a useful slope? **A wrong turn:** divide the $x$ axis into cells and take the JS
# of the counts, so that lines in one cell count as equal. **A better way:** add Gaussian noise of
# standard deviation $\sigma$ to the $x$ of both lines. Then the two distributions overlap, and JS
# changes with $\theta$.

# %%
lesson.predict(
    "With noise of σ = 0.03, what is the slope of JS at θ = 0.9?",
    ["about 1, as for W", "about 0.1", "about 0.001", "below a millionth"],
)


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


# %%
ahead = np.linspace(0, 1, 101)
cells = {f"cells of {c}": [js_in_cells(t, c) for t in ahead] for c in (1.0, 0.4, 0.1)}
widths = (0.3, 0.1, 0.03)
noisy = {f"σ = {s}": [js_with_noise(t, s) for t in ahead] for s in widths}
fig, (left, right) = plot.figure(1, 2, size=(4.4, 3.1))
plot.line(ahead, cells, left, title="JS of counts in cells", xlabel="θ", ylabel="nats")
plot.line(ahead, noisy, right, title="JS with noise", xlabel="θ")
lesson.figure(
    fig,
    "rescues",
    "Left: each curve has a single jump, where the two lines enter different cells, and is flat on"
    " both sides. Right: JS has a slope within a few σ of θ = 0; with a larger σ this region is"
    " wider, and the slope near θ = 0 is smaller.",
)

# %%
slopes = {}
for name, values in noisy.items():
    slopes[name] = float(np.gradient(np.array(values), ahead)[90])
lesson.table([*slopes.items(), ["W, without noise", 1.0]], ["at θ = 0.9", "slope"])
narrowest = slopes[f"σ = {widths[2]}"]
sizes = ["below a millionth", "about 0.001", "about 0.1", "about 1, as for W"]
lesson.outcome(
    f"{narrowest:.1g}; with σ = {widths[0]} the slope is {slopes[f'σ = {widths[0]}']:.2f}.",
    answer=sizes[np.searchsorted([1e-6, 0.01, 0.5], narrowest)],
)

# %% [markdown]
# <details><summary>Derivation: JS with noise is flat beyond a few σ</summary>
#
# Let $p$ and $q$ be the two densities with noise. Write out $\log 2 - D_\mathrm{JS}$, and use
# $\log(1 + t) \le \sqrt t$ (at $t = 0$ both are 0, and the slopes satisfy
# $\frac{1}{1 + t} \le \frac{1}{2 \sqrt t}$, because $1 + t \ge 2 \sqrt t$):
#
# $$ \log 2 - D_\mathrm{JS} = \tfrac12 \int p \log\Big(1 + \frac qp\Big)
#    + \tfrac12 \int q \log\Big(1 + \frac pq\Big) \;\le\; \int \sqrt{p\, q} . $$
#
# For $p = N(0, \sigma^2)$ and $q = N(\theta, \sigma^2)$ the product is
# $p(u)\, q(u) = N(u; \theta/2, \sigma^2)^2 \, e^{-\theta^2 / 4 \sigma^2}$, so
#
# $$ 0 \le \log 2 - D_\mathrm{JS} \le e^{-\theta^2 / 8 \sigma^2} . $$
#
# At $\theta = 0.9$ and $\sigma = 0.03$ the right side is $e^{-112.5} \approx 10^{-49}$.
#
# </details>

# %%
for sigma in widths:
    below_log_2 = np.log(2) - np.array(noisy[f"σ = {sigma}"])
    excess = below_log_2 - np.exp(-(ahead**2) / (8 * sigma**2))
    lesson.check(f"σ = {sigma}: log 2 - JS, above its bound", excess.max(), at_most=1e-9)

# %% [markdown]
# Adding noise to the input of the discriminator is *instance noise* (`gan/09`). It works if
# $\sigma$ fits the distance between the two distributions. W has no such parameter.

# %%
lesson.change(
    "more noise",
    "Change `widths = (0.3, 0.1, 0.03)` to `widths = (1.0, 0.1, 0.03)` and run again. Is the slope "
    "at θ = 0.9 larger now?",
    answer="No: it is 0.1852, and with σ = 0.3 it was 0.4931. With σ = 1 the two distributions "
    "overlap almost entirely at θ = 0.9, where JS only begins to rise. Noise helps only if σ fits "
    "the distance.",
)

# %% [markdown]
# ## 4. Learning θ from samples
#
# Start at $\theta = 0.9$ and descend along the gradient of each distance. For W we use samples
# only: 64 points of each line, at different heights, drawn anew at every step. A linear program
# finds the best plan $\gamma$. The gradient of W in a point $y_j$ is that of the cost of this plan:
#
# $$\frac{\partial W}{\partial y_j} = \sum_i \gamma_{ij} \frac{y_j - x_i}{\|y_j - x_i\|} .$$
#
# A small exact example: one point at $(0, 0)$ is paired with one point at $(3, 4)$. The gradient at
# the latter is the unit vector $(0.6, 0.8)$. A change of $\theta$ shifts all $y_j$ sideways, so the
# slope in $\theta$ is the sum of the first components.

# %%
lesson.predict(
    "With steps of 0.02 times the slope, after how many steps is θ within 0.02 of 0?",
    ["about 20", "about 45", "about 90", "it does not arrive"],
)

# %%
lesson.exercise("gan/11/plan_gradient")

# %%
lesson.show_source(plan_gradient)
of_pair = plan_gradient(np.eye(1), np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]))
lesson.check("gradient at (3, 4), paired with (0, 0)", of_pair, equals=[[0.6, 0.8]])

# %% [markdown]
# <details><summary>Derivation: the gradient of W is the gradient of the best plan's
# cost</summary>
#
# Write $C_\gamma(y)$ for the cost of a plan $\gamma$ with targets at $y$, and let $\gamma^*$ be the
# best plan at $y$. At nearby targets $y + h$ the plan $\gamma^*$ still has the right marginals but
# need not be the best plan, so
#
# $$ W(y + h) \le C_{\gamma^*}(y + h), \qquad W(y) = C_{\gamma^*}(y) . $$
#
# Hence $C_{\gamma^*}(y + h) - W(y + h) \ge 0$ has a minimum at $h = 0$. Where both are
# differentiable its gradient is zero there, so $\nabla W = \nabla C_{\gamma^*}$. This is Danskin's
# theorem. The gradient of $\|y_j - x_i\|$ in $y_j$ is the unit vector in the formula above.
#
# </details>
#
# Six random points on each side test this: the formula against differences of W itself, where the
# plan is free to change.

# %%
rng = lesson.rng("six points")
x, y, way = rng.standard_normal((3, 6, 2))
sixths = np.full(6, 1 / 6)
by_formula = np.sum(plan_gradient(transport_plan(sixths, sixths, cdist(x, y)).plan, x, y) * way)
h = 1e-6
by_differences = (wasserstein(x, y + h * way) - wasserstein(x, y - h * way)) / (2 * h)
lesson.check("slope of W, formula minus differences", by_formula - by_differences, equals=0.0)

# %%
start = 0.9
lr = 0.02
steps = lesson.steps(100, quick=8)


def trajectory(slope):
    """θ from its start, by steps of 0.02 times the slope: (steps + 1,)."""
    path = [start]
    for _ in range(steps):
        path.append(path[-1] - lr * slope(path[-1]))
    return np.array(path)


# %%
n = 64
rng = lesson.rng("W")
uniform = np.full(n, 1 / n)


def slope_of_w(theta):
    x = line_points(0.0, rng.random(n))
    y = line_points(theta, rng.random(n))
    plan = transport_plan(uniform, uniform, cdist(x, y)).plan
    return plan_gradient(plan, x, y)[:, 0].sum()


paths = {"W": trajectory(slope_of_w)}

# %%
arrived = np.flatnonzero(np.abs(paths["W"]) < 0.02)
took = f"after {arrived[0]}" if len(arrived) else "at none"
counts = ["about 20", "about 45", "about 90"]
count = counts[np.searchsorted([30, 65], arrived[0])] if len(arrived) else "it does not arrive"
lesson.outcome(
    f"θ is within 0.02 of 0 {took} of {steps} steps. The slope is about 1 on the way, and 0.9 / "
    "0.02 = 45.",
    answer=count,
)

# %% [markdown]
# For JS and KL there are formulas: the slope is the difference between their values at $\theta +
# 0.001$ and $\theta - 0.001$, divided by $0.002$.


# %%
def differences(theta, h=1e-3):
    """The slopes of KL, JS and W at θ, from their values at θ - h and θ + h."""
    before = np.array(line_divergences(theta - h))
    after = np.array(line_divergences(theta + h))
    with np.errstate(invalid="ignore"):  # inf - inf
        return (after - before) / (2 * h)


def slope_of_js(theta):
    return differences(theta)[1]


paths["JS, the formula"] = trajectory(slope_of_js)
lesson.check("the slope of KL is not a number", bool(np.isnan(differences(start)[0])))
lesson.check("the slope of JS", float(slope_of_js(start)), equals=0.0, atol=0)
moved = abs(paths["JS, the formula"][-1] - start)
lesson.check("JS, the formula: θ moved by", moved, equals=0.0, atol=0)

# %% [markdown]
# ## 5. Learning θ with a discriminator
#
# A GAN has no formula for JS. It estimates JS with a discriminator (`gan/03`) and descends along
# the gradient of this estimate. We train a small network to distinguish the two lines, and let
# $\theta$ descend on the minimax loss. A *trained* discriminator gets 1,000 steps at the start and
# 10 steps between two steps of $\theta$. A *lazy* discriminator gets no steps at the start and 1
# step between.

# %%
lesson.predict(
    "Against which of the two discriminators does θ move by more than 0.1?",
    ["both", "the trained one", "the lazy one", "neither"],
)


# %%
def d_loss(D, x, y):
    return discriminator_loss(D(x)[:, 0], D(y)[:, 0])


# %%
class Adversary:
    """A discriminator of the two lines, with 128 points of each at a time."""

    def __init__(self, label):
        self.rng = lesson.rng(label)
        self.D = MLP(self.rng, [2, 32, 32, 1], activation="leaky_relu")
        self.optimizer = Adam(self.D, 3e-3)

    def line(self, theta):
        return line_points(theta, self.rng.random(128, dtype=np.float32))

    def train(self, theta, steps):
        for _ in range(steps):
            _, grads = value_and_grad(d_loss)(self.D, self.line(0.0), self.line(theta))
            self.optimizer.step(grads)

    def certainty(self, theta):
        """The mean of D on new points of P, minus its mean on new points of Q."""
        real, fake = [sigmoid(self.D(self.line(t))[:, 0]).mean() for t in (0.0, theta)]
        return real - fake


# %% [markdown]
# The slope in $\theta$ is again a sum of first components, of the gradient of the minimax loss in
# each generated point.


# %%
def trajectory_against(adversary, before, between):
    """θ under the minimax loss; D trains at the start, and then between the steps of θ."""

    def loss(points):
        return generator_loss_minimax(adversary.D(points)[:, 0])

    def slope(theta):
        adversary.train(theta, between)
        return float(grad(loss)(adversary.line(theta))[:, 0].sum())

    adversary.train(start, before)
    return trajectory(slope)


# %%
before = lesson.steps(1000, quick=20)
between = lesson.steps(10, quick=2)
trained = Adversary("trained")
paths["JS, trained D"] = trajectory_against(trained, before, between)
paths["JS, lazy D"] = trajectory_against(Adversary("lazy"), 0, 1)

# %%
dashed = {"JS, trained D": "--"}
optimum = {"optimum": 0.0}
title = "from θ = 0.9, by steps of 0.02 times the slope"
ax = plot.line(np.arange(steps + 1), paths, styles=dashed, reference=optimum, title=title)
ax.set(xlabel="step", ylabel="θ", ylim=(-0.3, 1))
lesson.figure(
    ax,
    "learning",
    "Under W, θ falls in a straight line to the optimum and stays there. Under JS it does not move,"
    " neither by the formula nor, dashed on the same line, with the trained discriminator. With the"
    " lazy discriminator θ passes the optimum and goes on.",
)

# %%
rows = [[name, path[0], path[steps // 2], path[-1]] for name, path in paths.items()]
lesson.table(rows, ["θ under", "start", "midway", "end"])
ways = {name: np.abs(paths[f"JS, {name} D"] - start).max() for name in ("trained", "lazy")}
certainty = trained.certainty(paths["JS, trained D"][-1])
movers = [name for name, way in ways.items() if way > 0.1]
verdict = ["neither", f"the {(movers or [''])[0]} one", "both"][len(movers)]
lesson.outcome(
    f"θ moves by at most {ways['trained']:.3f} against the trained one and {ways['lazy']:.2f} "
    "against the lazy one.",
    answer=verdict,
)

# %% [markdown]
# That $\theta$ does not move is evidence only if the discriminator is trained: mean $D$ on new
# points of $P$ minus mean $D$ on new points of $Q$ must be close to 1.

# %%
lesson.claim(
    "W: |θ| at the end", abs(paths["W"][-1]), at_most=0.02, source="theory: one step of 0.02"
)
lesson.claim(
    "trained D: mean on new points of P minus mean on new points of Q",
    certainty,
    at_least=0.98,
    source="theory: 1 for disjoint supports; seeds 0, 1, 2: 1.000, margin 0.02",
)
# %%
lesson.claim(
    "largest change of θ, lazy D / trained D",
    ways["lazy"] / ways["trained"],
    at_least=1000,
    source="worst of seeds 0, 1, 2: 8,923; margin of a factor 9",
)
lesson.claim(
    "JS, lazy D: θ at the end, beyond the optimum",
    paths["JS, lazy D"][-1],
    at_most=-0.5,
    source="worst of seeds 0, 1, 2: -2.30; margin 1.8",
)

# %% [markdown]
# The trained discriminator separates the two lines almost perfectly. Then its loss is flat around
# the generated points, and $\theta$ receives almost no gradient. The lazy discriminator has not
# converged to JS, so it has a gradient; but its gradient does not vanish at the optimum, and
# $\theta$ passes it. Under W the gradient is correct *because* the distance is estimated well.
#
# Two lines are an example. The post states the general result: "Even when two distributions are
# located in lower dimensional manifolds without overlaps, Wasserstein distance can still provide a
# meaningful and smooth representation of the distance in-between." Arjovsky et al. (2017) prove
# that W is continuous in the parameters of every generator that is itself continuous in them, and,
# under a mild condition, differentiable almost everywhere. JS and KL need not be either.
#
# ## 6. Where the post is loose
#
# - In Eq. gan.15 the formula of JS is $\frac{1}{2}(\sum_{x=0, y \sim U(0, 1)} 1 \cdot
#   \log\frac{1}{1/2} + \sum_{x=0, y \sim U(0, 1)} 1 \cdot \log\frac{1}{1/2})$: *both* sums are over
#   $x = 0$. The second, over $Q$, must be over $x = \theta$. At $x = 0$ there is no mass of $Q$, so
#   that sum would be 0 and JS only half of $\log 2$. The result of the post is right.
# - $\sum_{x=0, y \sim U(0, 1)}$: a sum over a continuous $y$ stands for an average.
# - "Only Wasserstein metric provides a smooth measure, which is super helpful for a stable learning
#   process using gradient descents." $W = |\theta|$ is not smooth at the optimum. It is "not
#   differentiable at $\theta = 0$", as the sentence before says of JS: its slope is 1 until the
#   end, and a fixed step does not settle.

# %%
p = np.array([0.5, 0.5, 0.0, 0.0])  # the two lines of section 2, with two places each
q = np.array([0.0, 0.0, 0.5, 0.5])
m = (p + q) / 2


def half(a, places):
    """Half of KL(a || m), summed over some places only."""
    return 0.5 * sum(a[k] * np.log(a[k] / m[k]) for k in places if a[k] > 0)


as_printed = half(p, [0, 1]) + half(q, [0, 1])
lesson.check("JS with both sums over x = 0", as_printed, equals=np.log(2) / 2)
corrected = half(p, [0, 1]) + half(q, [2, 3])
lesson.check("JS with the second over x = θ", corrected, equals=np.log(2))

# %%
jitter = 0.905
for _ in range(100):
    jitter -= lr * np.sign(jitter)  # the exact slope of |θ|
lesson.check("|θ| after 100 exact steps of 0.02", abs(jitter), between=(0.004, 0.016))

# %% [markdown]
# In section 4 the different heights of the two samples round off the kink: close to $\theta = 0$
# the lines of the plan are almost vertical, and their first components are small. In general the
# step size has to decrease.
#
# **Left out:** the proof for general generators. **Next:** every step here solved a linear program
# over all pairs of points, which is intractable for images. `gan/12` replaces the program by its
# dual, and the dual by a network: the critic.
#
# **Your turn:** `minigen exercise start gan/11`, then `minigen run gan/11 --with
# exercises/gan_11.py`.

# %%
lesson.finish()
