# %% [markdown]
# # Why Wasserstein: two parallel lines
#
# This lesson runs the section *Why Wasserstein is better than JS or KL divergence?* (gan.s15) of
# [From GAN to WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/). Three things to take away:
#
# 1. What KL, JS and the Wasserstein distance say of two distributions without a common point.
# 2. Which of them has a slope that points home.
# 3. So under which of them a parameter can be learned: by formula, and with a trained discriminator
#    too.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/11_why_wasserstein",
    title="Why Wasserstein: two parallel lines",
    post="gan",
    sections=["gan.s15"],
    figures=["gan.f08"],
    equations=["gan.14", "gan.15", "gan.16"],
    minutes=0.3,
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
from minigen.tensor import grad, value_and_grad

# %% [markdown]
# ## 1. Two lines
#
# A generator has one parameter, $\theta$. Whatever noise $y \sim U(0, 1)$ it is given, it draws the
# point $(\theta, y)$: its distribution $Q$ lives on a vertical line. The data $P$ live on such a
# line too, at $x = 0$ (Eq. gan.14):
#
# $$P: x = 0,\ y \sim U(0, 1), \qquad Q: x = \theta,\ y \sim U(0, 1) .$$
#
# To learn is to bring $\theta$ to 0. Real images also fill only a thin sheet of the space of all
# images (`gan/05`), and so do generated ones. The lines are the smallest such pair.

# %%
p_points = line_points(0.0, lesson.rng("P").random(150))
q_points = line_points(0.5, lesson.rng("Q").random(150))
box = (-0.4, 0.9, -0.1, 1.2)
ax = plot.samples(p_points, bounds=box, color=plot.color.real, label="P, at 0")
of_q = {"color": plot.color.fake, "label": "Q, at θ = 0.5"}
plot.samples(q_points, ax=ax, bounds=box, title="no point in common", **of_q)
lesson.figure(
    ax,
    "f08_two_lines",
    "All blue points have x = 0, all orange ones x = 0.5. Slide the orange line to the "
    "left in your mind: not one point is shared until the very last moment.",
)

# %% [markdown]
# ## 2. By hand
#
# Let each line have just two places, low and high, each of probability $\frac12$. That makes four
# outcomes, and $P$ and $Q$ share none of them. Work out KL, JS and W for $\theta = 0.5$, and for
# $\theta = 0.01$.

# %%
lesson.predict(
    "From θ = 0.5 to θ = 0.01, which of the three fall?",
    ["all three", "JS and W", "W only", "none"],
)


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
lesson.outcome("KL stays infinite and JS at log 2; W goes from 0.5 to 0.01.", answer="W only")

# %% [markdown]
# With KL, $\frac12 \log \frac{1/2}{0}$ is infinite. With JS each outcome has $\frac12$ on one side
# and 0 on the other: $\log 2$. Only W moves with $\theta$: each place sends its half straight
# across. More places on the lines change nothing. So you can write down all three for any
# $\theta$, for lines of as many places as you like:

# %%
lesson.exercise("gan/11/line_divergences")

# %% [markdown]
# For the lines of the post (Eq. gan.15, Eq. gan.16):
#
# | | KL, both ways | JS | W |
# |---|---|---|---|
# | $\theta \ne 0$ | $\infty$ | $\log 2$ | $\lvert\theta\rvert$ |
# | $\theta = 0$ | 0 | 0 | 0 |

# %%
lesson.show_source(line_divergences)
theta = np.linspace(-1, 1, 81)
kl, js, w = line_divergences(theta)

# %%
fig, axes = plot.figure(1, 3, size=(3.5, 2.9))
titles = ["KL: infinite but at 0", "JS: flat but at 0", "W: a slope that leads home"]
for ax, values, title in zip(axes, (kl, js, w), titles):
    plot.line(theta, values, ax, markers=True, styles={"": "none"}, title=title, xlabel="θ")
    ax.set(xlim=(-1.05, 1.05), ylim=(-0.05, 1.05))
lesson.figure(
    fig,
    "values",
    "Left: one dot, at θ = 0; everything else is beyond any picture. Middle: the lone dot at the"
    " bottom is the goal, and no other dot points to it. Right: from everywhere it is downhill"
    " to 0.",
)

# %% [markdown]
# The formulas, and the distance of 200 points on each line, from the linear program:

# %%
apart = theta != 0
infinite = int(np.isinf(kl[apart]).sum())
at_home = [float(values[40]) for values in (kl, js, w)]
ceiling = np.log(2)
lesson.claim(
    "JS of the lines, |θ| from 0.025 to 1", js[apart], equals=ceiling, atol=1e-12, unit="nats"
)
lesson.claim("KL of the lines is infinite, at so many of 80 θ", infinite, equals=80)
lesson.claim("at θ = 0: KL, JS, W", at_home, equals=[0.0, 0.0, 0.0], atol=0)

# %%
heights = (np.arange(200) + 0.5) / 200
p_points = line_points(0.0, heights)
measured = [wasserstein(p_points, line_points(t, heights)) for t in (-0.7, 0.0, 0.2, 1.0)]
lesson.claim(
    "W of points on the lines, θ = -0.7, 0, 0.2, 1",
    measured,
    equals=[0.7, 0.0, 0.2, 1.0],
    atol=1e-9,
)

# %% [markdown]
# ## 3. Can JS be rescued?
#
# **A wrong turn:** count the points in cells of some width, and take the JS of the counts. Lines in
# one cell count as equal. **A better one:** blur both lines sideways with noise of width $\sigma$;
# then they overlap, and JS has a slope.

# %%
lesson.predict(
    "Blurred with σ = 0.03, how steep is JS at θ = 0.9?",
    ["about 1, as W is", "about 0.1", "about 0.001", "below a millionth"],
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


def js_blurred(theta, sigma):
    return js_on_grid(log_normal(0, sigma), log_normal(theta, sigma), du)


# %%
ahead = np.linspace(0, 1, 101)
cells = {f"cells of {c}": [js_in_cells(t, c) for t in ahead] for c in (1.0, 0.4, 0.1)}
widths = (0.3, 0.1, 0.03)
blurred = {f"σ = {s}": [js_blurred(t, s) for t in ahead] for s in widths}
fig, (left, right) = plot.figure(1, 2, size=(4.4, 3.1))
plot.line(ahead, cells, left, title="JS of counts in cells", xlabel="θ", ylabel="nats")
plot.line(ahead, blurred, right, title="JS after blurring", xlabel="θ")
lesson.figure(
    fig,
    "rescues",
    "Left: stairs of a single step, flat on both sides. Right: a true slope, but only within "
    "a few σ of home; the widest blur reaches furthest, and tells the least once there.",
)

# %%
slopes = {}
for name, values in blurred.items():
    slopes[name] = float(np.gradient(np.array(values), ahead)[90])
lesson.table([*slopes.items(), ["W, no blur", 1.0]], ["at θ = 0.9", "slope"])
widest, _, narrowest = slopes.values()
lesson.claim(f"slope of JS at θ = 0.9, blurred with σ = {widths[0]}", widest, at_least=0.1)
lesson.claim(f"slope of JS at θ = 0.9, blurred with σ = {widths[2]}", narrowest, at_most=1e-6)
lesson.outcome(
    f"{narrowest:.1g}; with σ = {widths[0]} it is {widest:.2f}.",
    answer="below a millionth",
)

# %% [markdown]
# Blurring is *instance noise* (`gan/09`). It works, if one knows how wide. W needs no such knob.

# %%
lesson.change(
    "a wider blur",
    "Change `widths = (0.3, 0.1, 0.03)` to `widths = (1.0, 0.1, 0.03)` and run again. Is the slope "
    "at θ = 0.9 larger now?",
    answer="No: it is 0.1852, and with σ = 0.3 it was 0.4931. With σ = 1 the two blurred lines "
    "overlap almost entirely at θ = 0.9, where JS only begins to rise. A blur helps only if its "
    "width suits the distance.",
)

# %% [markdown]
# ## 4. Learning θ from samples
#
# Start at $\theta = 0.9$ and go downhill. For W we only have samples: 64 points of each line, with
# different heights, new ones at every step. The best plan $\gamma$ is a linear program. If the
# points $y_j$ move a little, the plan stays, so the slope is that of its cost alone: each $y_j$ is
# pulled straight toward its partners,
#
# $$\frac{\partial W}{\partial y_j} = \sum_i \gamma_{ij} \frac{y_j - x_i}{\|y_j - x_i\|} .$$
#
# By hand: one point at $(0, 0)$, its partner at $(3, 4)$. The pull has length 1 and direction
# $(0.6, 0.8)$. Moving $\theta$ moves all $y_j$ sideways, so its slope is the sum of the first
# components.

# %%
lesson.predict(
    "By steps of 0.02 times the slope, after how many will θ be within 0.02 of home?",
    ["about 20", "about 45", "about 90", "it will not arrive"],
)

# %%
lesson.exercise("gan/11/plan_gradient")

# %%
lesson.show_source(plan_gradient)
pull = plan_gradient(np.eye(1), np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]))
lesson.check("pull on (3, 4) from (0, 0)", pull, equals=[[0.6, 0.8]])

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
took = f"after {arrived[0]}" if len(arrived) else "in none"
counts = ["about 20", "about 45", "about 90"]
count = counts[np.searchsorted([30, 65], arrived[0])] if len(arrived) else "it will not arrive"
lesson.outcome(
    f"It is there {took} of {steps} steps: the slope is about 1 on the way, and 0.9 / 0.02 = 45.",
    answer=count,
)

# %% [markdown]
# For JS there is the formula: how much does it change between $\theta - 0.001$ and $\theta +
# 0.001$? And for KL?


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

# %% [markdown]
# ## 5. But a GAN has no formula
#
# A GAN *estimates* JS with a discriminator (`gan/03`), and goes down the slope of that. Perhaps the
# estimate has a slope where JS has none? We train a small network to tell the lines apart, before
# and between the steps of $\theta$, and let $\theta$ follow the minimax loss. One discriminator
# gets 1,000 steps at first and 10 between; a *lazy* one gets none and one.

# %%
lesson.predict(
    "Which of the two moves θ by more than 0.1?",
    ["both", "the trained one", "the lazy one", "neither"],
)


# %%
def d_loss(D, x, y):
    return discriminator_loss(D(x)[:, 0], D(y)[:, 0])


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


# %% [markdown]
# The slope for $\theta$ is the minimax loss's pull on each fake, sideways, summed up.


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
paths["JS, trained D"] = trajectory_against(Adversary("trained"), before, between)
paths["JS, lazy D"] = trajectory_against(Adversary("lazy"), 0, 1)

# %%
dashed = {"JS, trained D": "--"}
home = {"home": 0.0}
title = "from θ = 0.9, by steps of 0.02 times the slope"
ax = plot.line(np.arange(steps + 1), paths, styles=dashed, reference=home, title=title)
ax.set(xlabel="step", ylabel="θ", ylim=(-0.3, 1))
lesson.figure(
    ax,
    "learning",
    "W comes home in a straight line and stays. JS does not move: neither by its formula nor,"
    " dashed on top of it, with a discriminator that does its job. The lazy one leads past home.",
)

# %%
rows = [[name, path[0], path[steps // 2], path[-1]] for name, path in paths.items()]
lesson.table(rows, ["θ under", "start", "half-way", "end"])
lesson.claim("W: |θ| at the end", abs(paths["W"][-1]), at_most=0.02)
moved = abs(paths["JS, the formula"][-1] - start)
lesson.claim("JS, the formula: θ moved by", moved, equals=0.0, atol=0)
moved = np.abs(paths["JS, trained D"] - start).max()
lesson.claim("JS, trained D: θ moved by", moved, at_most=0.02)
lesson.claim("JS, lazy D: θ at the end, past home", paths["JS, lazy D"][-1], at_most=-0.2)

# %%
ways = {name: np.abs(paths[f"JS, {name} D"] - start).max() for name in ("trained", "lazy")}
movers = [name for name, way in ways.items() if way > 0.1]
verdict = ["neither", f"the {(movers or [''])[0]} one", "both"][len(movers)]
lesson.outcome(
    f"The trained one moves it by {ways['trained']:.3f} at most, the lazy one by "
    f"{ways['lazy']:.2f}.",
    answer=verdict,
)

# %% [markdown]
# The better the discriminator, the less it teaches: once it is sure, its loss is flat around the
# fakes. The lazy one moves $\theta$ just because it does *not* know JS; and since it does not know
# where home is either, it pushes $\theta$ past it and away. Every GAN of `gan/02` lived on that
# narrow ridge. Under W a better critic would simply be better.
#
# ## 6. Where the post is loose
#
# - In the JS of Eq. gan.15 it lets *both* sums run over $x = 0$. The second must run over $x =
#   \theta$, where $Q$ is. At $x = 0$ there is no $Q$; the sum would be 0, and JS only half of $\log
#   2$. Its result is right.
# - Its sums over $y \sim U(0, 1)$ stand for averages.
# - It calls W smooth. $\lvert\theta\rvert$ is Lipschitz, its slope nowhere above 1, but not
#   differentiable: it has a kink at 0, and the slope is 1 until the very end. Let the heights of
#   both lines be the same, and a fixed step never settles.

# %%
p = np.array([0.5, 0.5, 0.0, 0.0])  # the two lines of section 2, with two places each
q = np.array([0.0, 0.0, 0.5, 0.5])
m = (p + q) / 2


def half(a, places):
    """Half of KL(a || m), summed over some places only."""
    return 0.5 * sum(a[k] * np.log(a[k] / m[k]) for k in places if a[k] > 0)


as_printed = half(p, [0, 1]) + half(q, [0, 1])
lesson.check("JS with both sums over x = 0", as_printed, equals=np.log(2) / 2)
mended = half(p, [0, 1]) + half(q, [2, 3])
lesson.check("JS with the second over x = θ", mended, equals=np.log(2))

# %%
jitter = 0.905
for _ in range(100):
    jitter -= lr * np.sign(jitter)  # the exact slope of |θ|
lesson.check("|θ| after 100 exact steps of 0.02", abs(jitter), between=(0.004, 0.016))

# %% [markdown]
# In section 4 the noise of the samples rounds the kink off; in general the step has to shrink.
#
# **Left out:** why this holds beyond lines. Arjovsky et al. (2017) show that W is continuous in the
# parameters of any generator that is, and JS is not. **Next:** each step here solved a linear
# program over all pairs of points. That is hopeless for images. `gan/12` replaces the program by
# its dual, and the dual by a network: the critic.
#
# **Your turn:** `minigen exercise start gan/11`, then `minigen run gan/11 --with
# exercises/gan_11.py`.

# %%
lesson.finish()
