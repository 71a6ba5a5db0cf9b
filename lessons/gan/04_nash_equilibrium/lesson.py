# %% [markdown]
# # Two players who chase each other
#
# The section *Hard to achieve Nash equilibrium* (gan.s07) of
# [From GAN to WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/), run. To take away:
#
# 1. Gradient descent needs a ground that holds still. In a game each player's ground is moved by
#    the other.
# 2. In the smallest game, $x y$, one line of algebra says where simultaneous steps lead.
# 3. Who moves when, and with how much foresight, decides everything. A GAN's own losses do the
# same.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/04_nash_equilibrium",
    title="Two players who chase each other",
    post="gan",
    sections=["gan.s07"],
    figures=["gan.f03"],
    minutes=0.1,
    sources=[
        "weng2017gan",
        "korpelevich1976extragradient",
        "popov1980modification",
        "salimans2016improved",
        "daskalakis2018optimism",
        "mescheder2018converge",
    ],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.gan.toy_problems import (
    alternating_step,
    extragradient_step,
    optimistic_step,
    simultaneous_step,
)
from minigen.tensor import grad

# %%
from minigen.gan.losses import (
    discriminator_loss,
    generator_loss_minimax,
    generator_loss_nonsaturating,
)

# %% [markdown]
# ## 1. The game, by hand
#
# Two players share one number, $f = x y$. The first chooses $x$ and wants $f$ small, the second
# chooses $y$ and wants it large: what one gains the other loses, a *zero-sum* game. A *Nash
# equilibrium* is a point where neither gains by moving alone. Here that is $(0, 0)$ and nothing
# else: with $y = 0$ it does not matter what $x$ does, while any other $y$ gives $x$ a reason to
# run.
#
# Both players follow the slope of $f$ in their own number: the first goes down, the second up, by
# steps of size $\eta$ times the slope, both at the same time. Find the two slopes, take $\eta =
# 0.1$, start at (1, 1), and work out one step on paper.

# %%
lesson.predict(
    "After one step from (1, 1), is the point",
    ["nearer to (0, 0)", "as far from it as before", "farther away"],
)

# %%
lesson.exercise("gan/04/simultaneous_step")

# %% [markdown]
# The slope of $f$ in $x$ is $y$, and in $y$ it is $x$. So
#
# $$x' = x - \eta y, \qquad y' = y + \eta x.$$

# %%
lesson.show_source(simultaneous_step)
eta = 0.1
x, y = simultaneous_step(1.0, 1.0, eta)

# %%
lesson.check("one step from (1, 1)", [x, y], equals=[0.9, 1.1])
lesson.check("squared distance from (0, 0): it was 2", x**2 + y**2, equals=0.81 + 1.21)
lesson.outcome("The squared distance was 2 and is 2.02: one percent more.", answer="farther away")

# %% [markdown]
# A bad moment, or the rule?

# %%
lesson.predict(
    "In 300 steps, what will x, y and x y do?",
    ["settle", "swing evenly", "swing more and more", "run off without a swing"],
)


# %%
def play(step, steps):
    """The points of a game from (1, 1): (steps + 1, 2)."""
    path = [(1.0, 1.0)]
    for _ in range(steps):
        path.append(step(*path[-1], eta))
    return np.array(path)


def radius(path):
    return np.hypot(path[:, 0], path[:, 1])  # (steps + 1,)


path = play(simultaneous_step, 300)
xs, ys = path.T

# %% [markdown]
# Beside the three curves, the same walk in the plane; the arrows are the directions in which both
# gradients push.


# %%
def push(points):
    return np.stack([-points[:, 1], points[:, 0]], axis=1)


fig, (left, right) = plot.figure(1, 2, size=(4.6, 4.0))
curves = {"x": xs, "y": ys, "x y": xs * ys}
plot.line(np.arange(301), curves, left, title="simultaneous steps, $\\eta = 0.1$")
left.set_xlabel("step")
plot.field(push, 7, right, n=15, color=plot.color.muted)
plot.trajectories(path, right, bounds=7, title="the same, in the plane")
right.set(xlabel="x", ylabel="y")
lesson.figure(
    fig,
    "f03_game",
    "Left: all three swing, and each swing is wider than the last. Right: the arrows, where the two"
    " gradients point, go round (0, 0) and never toward it; a straight step along them lands"
    " outside the circle.",
)

# %%
lesson.outcome(
    f"The distance from (0, 0) was {radius(path)[0]:.2f} and is {radius(path)[-1]:.2f}.",
    answer="swing more and more",
)

# %% [markdown]
# ## 2. When does it begin to grow?
#
# The post says that things go wrong *once $x$ and $y$ have different signs*. Read the point as one
# complex number $z = x + iy$. Then a step is $z' = (1 + i\eta) z$: a multiplication by $1 + i\eta$.

# %%
lesson.predict(
    "While x and y still have the same sign, the distance grows",
    ["not at all", "more slowly than later", "by the same factor at every step", "faster"],
)

# %%
z = (1 + 1j * eta) * (0.3 - 2j)
step = list(simultaneous_step(0.3, -2.0, eta))
lesson.check("a step is a multiplication", step, equals=[z.real, z.imag])

# %%
factor = radius(path)[1:] / radius(path)[:-1]
flip = int(np.argmax(xs * ys < 0))
rows = [
    ["1", factor[0]],
    [f"2 to {flip} (signs equal)", factor[1:flip].mean()],
    [f"{flip + 1} to 300", factor[flip:].mean()],
]
lesson.table(rows, ["steps", "radius grows by"])
lesson.claim(
    "simultaneous: factor at its smallest and largest",
    [factor.min(), factor.max()],
    equals=[1.01**0.5] * 2,
    atol=1e-12,
)
# %%
lesson.outcome(
    f"The length of 1 + i eta is √1.01 = {1.01**0.5:.5f}, so there is no 'before'. Measured: "
    f"{factor.min():.5f} to {factor.max():.5f}.",
    answer="by the same factor at every step",
)

# %% [markdown]
# **A wrong turn.** In ordinary training, what diverges is cured by a shorter step, and what is
# restless by momentum. All shall walk equally far: $20/\eta$ steps, and a move of momentum $\beta$
# takes $1 - \beta$ of the new slope.

# %%
lesson.predict(
    "What helps? That is, whose distance at the end is below the one at the start?",
    ["a quarter of the step", "momentum 0.9", "either", "neither"],
)


# %%
def growth(e):
    """The last radius over the first, after 20 / e steps of size e."""
    point = (1.0, 1.0)
    for _ in range(round(20 / e)):
        point = simultaneous_step(*point, e)
    return np.hypot(*point) / 2**0.5


def growth_with_momentum(beta):
    point = np.array([1.0, 1.0])
    move = np.zeros(2)
    for _ in range(200):
        new = np.array(simultaneous_step(*point, eta)) - point
        move = beta * move + (1 - beta) * new
        point = point + move
    return np.hypot(*point) / 2**0.5


# %%
rows = [[f"eta = {e}", growth(e)] for e in (0.4, 0.1, 0.025)]
betas = (0.5, 0.9)
rows += [[f"eta = 0.1, momentum {beta}", growth_with_momentum(beta)] for beta in betas]
lesson.table(rows, ["simultaneous steps", "radius at the end / at the start"])
lesson.claim("a quarter of the step: radius still grows", rows[2][1], at_least=1.1)
lesson.claim("momentum 0.5 against none, radius at the end", rows[3][1] / rows[1][1], at_least=2.0)
lesson.outcome(
    f"A quarter of the step: {rows[2][1]:.2f} times the distance at the start. "
    f"Momentum {betas[1]}: {rows[4][1]:.3g} times.",
    answer="neither",
)

# %% [markdown]
# A shorter step goes the same way more slowly: over that distance the growth is about $e^{10\eta}$,
# above 1 for every $\eta$. Momentum is worse than nothing. It pushes on in a direction that was
# right a moment ago, and here the right direction turns.

# %%
lesson.change(
    "negative momentum",
    "Change `betas = (0.5, 0.9)` to `betas = (0.5, -0.5)` and run again. What does a *negative* "
    "momentum do to the radius?",
    answer="It holds the growth back: 1.404 times the radius at the start, against 2.705 without "
    "momentum. A move is then 1.5 times the new slope less half of the move before, so the player "
    "leans toward where the slope is turning.",
)

# %% [markdown]
# ## 3. Taking turns
#
# Algorithm 1 of the GAN paper does not move both at once: first one network, then the other, *which
# sees the new one*. In our game one letter of the step changes. By hand from (1, 1): $x' = 0.9$ as
# before, then $y' = 1 + 0.09 = 1.09$, and $0.81 + 1.1881 = 1.9981$. A little *nearer*.

# %%
lesson.predict(
    "And after very many turns?",
    ["it has arrived at (0, 0)", "it is about as far as at the start", "it is far away"],
)

# %%
lesson.exercise("gan/04/alternating_step")

# %%
lesson.show_source(alternating_step)
turns = play(alternating_step, lesson.size(100_000, quick=1_000))

# %%
x, y = turns.T
kept = x**2 + y**2 - eta * x * y
lesson.check("x² + y² - eta x y, at all times", kept, equals=1.9, atol=1e-9)
r = radius(turns) / 2**0.5
rows = [[f"{n:,}", r[n]] for n in (1, 10, 100, 1_000, len(r) - 1)]
lesson.table(rows, ["after so many turns", "radius / at the start"])
lesson.claim("alternating: largest radius in 100,000 turns, over the first", r.max(), at_most=1.06)
lesson.claim("alternating: smallest radius, over the first", r.min(), at_least=0.9)
lesson.outcome(
    f"In {len(r) - 1:,} turns it was never nearer than {r.min():.3f} of the first distance and "
    f"never farther than {r.max():.3f} of it.",
    answer="it is about as far as at the start",
)

# %% [markdown]
# Neither away nor home. With $y' = y + \eta x'$, the letter that changed, $x^2 + y^2 - \eta x y$ is
# the same before and after every turn (put in $x'$ and $y'$, and all else cancels). So the point
# stays on an ellipse that is almost a circle. A player who lags half a step behind is the
# difference between a spiral and an orbit. But an orbit is no training: after 100,000 turns nobody
# has learned anything.

# %%
lesson.change(
    "a step of size 1",
    "Change `eta = 0.1` to `eta = 1.0` and run again. Simultaneous steps now multiply the radius "
    "by $\\sqrt 2$ each. Where do the alternating ones go?",
    answer="Round an orbit of six points: (1, 1), (0, 1), (-1, 0), (-1, -1), (0, -1), (1, 0), and "
    "back to (1, 1). The radius, over the first, is 0.7071 or 1: the point stays on the ellipse "
    "$x^2 + y^2 - x y = 1$.",
)

# %% [markdown]
# ## 4. Looking ahead, and looking back
#
# Two repairs, both older than GANs. *Extragradient* (Korpelevich 1976): take a step on trial, read
# the slopes there, go *back*, and step with those. *Optimistic* steps (Popov 1980, Daskalakis et
# al. 2018) save the trial: they guess the coming slope from the last two, $2g - g_\mathrm{before}$.
# By hand from (1, 1): the trial leads to (0.9, 1.1), and the step to $(1 - 0.11,\ 1 + 0.09) =
# (0.89, 1.09)$: square 1.9802.

# %%
lesson.predict(
    "After 1,500 extragradient steps, what will be left of the distance?",
    ["all of it: an orbit again", "about a half", "less than a hundredth"],
)

# %%
lesson.exercise("gan/04/extragradient_step")
lesson.exercise("gan/04/optimistic_step")

# %%
lesson.show_source(extragradient_step, optimistic_step)
step = list(extragradient_step(1.0, 1.0, eta))
lesson.check("extragradient from (1, 1)", step, equals=[0.89, 1.09])

# %% [markdown]
# An optimistic step needs the last *two* points. At first both are the start: the players have been
# standing still.


# %%
def play_optimistic(steps):
    path = [(1.0, 1.0), (1.0, 1.0)]
    for _ in range(steps):
        path.append(optimistic_step(*path[-1], *path[-2], eta))
    return np.array(path[1:])


n = 1_500
ways = {
    "simultaneous": play(simultaneous_step, n),
    "alternating": play(alternating_step, n),
    "extragradient": play(extragradient_step, n),
    "optimistic": play_optimistic(n),
}

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.6, 4.0))
begin = {name: way[:120] for name, way in ways.items()}
plot.trajectories(begin, left, bounds=3.3, title="the first 120 steps")
left.set(xlabel="x", ylabel="y")
radii = {name: radius(way) for name, way in ways.items()}
plot.line(np.arange(n + 1), radii, right, log=True, title="distance from the equilibrium")
right.set_xlabel("step")
lesson.figure(
    fig,
    "four_ways",
    "One game, one start (the open dot), four rules. Left: outward, round and round, inward,"
    " inward; the last two all but coincide. Right: on this scale a constant factor is a straight"
    " line.",
)

# %%
shrink = radii["extragradient"][1:] / radii["extragradient"][:-1]
lesson.check(
    "extragradient: every step multiplies by the same factor",
    shrink,
    equals=(1 - eta**2 + eta**4) ** 0.5,
    atol=1e-12,
)
for name in ("extragradient", "optimistic"):
    left_over = radii[name][-1] / 2**0.5
    lesson.claim(f"{name}: radius after 1,500 steps, over the first", left_over, at_most=1e-2)

# %%
left_of = {name: way[-1] / 2**0.5 for name, way in radii.items()}
lesson.outcome(
    f"{left_of['extragradient']:.1e} of it; of the optimistic steps' {left_of['optimistic']:.1e}.",
    answer="less than a hundredth",
)

# %% [markdown]
# Why it works: the trial shows where the chase is going. The slope found ahead has turned a little
# inward, and the step taken with it cuts the corner. Stepping on from the trial point instead of
# going back would be two plain steps.
#
# And she who only circles, as in section 3: where has she been on average?

# %%
lesson.predict(
    "Where is the mean of the orbit of section 3, over its first 1,000 turns?",
    ["near (0, 0)", "on the orbit, where it began", "nowhere: it circles too"],
)

# %%
mean = np.cumsum(turns, axis=0) / np.arange(1, len(turns) + 1)[:, None]
rows = [[f"{k:,}", *mean[k - 1]] for k in (10, 100, 1_000)]
lesson.table(rows, ["turns averaged", "mean x", "mean y"])
lesson.claim(
    "alternating: distance of the mean of 1,000 turns from (0, 0)", radius(mean)[999], at_most=0.05
)
lesson.outcome(f"{radius(mean)[999]:.3f} from the middle.", answer="near (0, 0)")

# %% [markdown]
# That is a third way, which costs nothing: keep circling, and *average* where you have been.
# Averaging the weights of a generator over its training is common practice for this reason
# (`gan/12`).
#
# ## 5. Is that still so with a GAN's losses?
#
# The smallest GAN there is (Mescheder et al. 2018): all the data are the number 0. The generator
# makes one number, $\theta$, and the discriminator has one weight: its logit is $\psi x$. Their
# losses are the package's own, those of `gan/02`, and at the equilibrium $\theta = \psi = 0$.

# %%
lesson.predict(
    "With simultaneous steps, where will the minimax loss and the non-saturating one lead?",
    [
        "both to the equilibrium",
        "both outward without end",
        "minimax outward, non-saturating into a circle",
        "minimax into a circle, non-saturating to the equilibrium",
    ],
)


# %%
def fake_logits(theta, psi):
    return psi * theta * np.ones(1)


def loss_of_d(psi, theta):
    return discriminator_loss(np.zeros(1), fake_logits(theta, psi))


def minimax(theta, psi):
    return generator_loss_minimax(fake_logits(theta, psi))


def nonsaturating(theta, psi):
    return generator_loss_nonsaturating(fake_logits(theta, psi))


# %%
psi_slope = grad(loss_of_d)
theta_slopes = {"minimax": grad(minimax), "non-saturating": grad(nonsaturating)}
sigma_1 = 1 / (1 + np.exp(-1))
at_one = psi_slope(1.0, 1.0)
lesson.check("slope of D's loss at theta = psi = 1: sigma(1)", at_one, equals=sigma_1)
at_one = theta_slopes["minimax"](1.0, 1.0)
lesson.check("slope of the minimax loss: -sigma(1)", at_one, equals=-sigma_1)

# %% [markdown]
# The three rules again, for a loss of $\theta$ whose slope is given. `slopes_at` moves both players
# from where they are, with the slopes found at a point of our choice: here, or a step ahead.

# %%
h = 0.3


def slopes_at(point, theta, psi, theta_slope):
    t, p = point
    return theta - h * theta_slope(t, p), psi - h * psi_slope(p, t)


def simultaneous(theta, psi, theta_slope):
    return slopes_at((theta, psi), theta, psi, theta_slope)


def alternating(theta, psi, theta_slope):
    psi = psi - h * psi_slope(psi, theta)
    return theta - h * theta_slope(theta, psi), psi


# %%
def extragradient(theta, psi, theta_slope):
    ahead = slopes_at((theta, psi), theta, psi, theta_slope)
    return slopes_at(ahead, theta, psi, theta_slope)


def play_tiny(rule, theta_slope, steps):
    path = [(1.0, 1.0)]
    for _ in range(steps):
        path.append(rule(*path[-1], theta_slope))
    return np.array(path)  # (steps + 1, 2): theta, psi


# %%
steps = lesson.steps(600)
rules = {
    "simultaneous": simultaneous,
    "alternating": alternating,
    "extragradient": extragradient,
}
paths = {}
for loss, theta_slope in theta_slopes.items():
    for name, rule in rules.items():
        paths[loss, name] = play_tiny(rule, theta_slope, steps)

# %%
fig, axes = plot.figure(1, 2, size=(4.6, 4.0))
for ax, loss in zip(axes, theta_slopes):
    begin = {name: paths[loss, name][:120] for name in rules}
    plot.trajectories(begin, ax, bounds=3.2, title=f"{loss} loss, 120 steps")
    ax.set(xlabel="generator $\\theta$", ylabel="discriminator $\\psi$")
lesson.figure(
    fig,
    "tiny_gan",
    "Left: the minimax GAN is the game x y, outward, round and round, inward. Right: the"
    " non-saturating loss pulls gently inward, until the simultaneous steps (blue) are caught in a"
    " circle.",
)

# %%
last = {key: float(radius(path)[-1] / 2**0.5) for key, path in paths.items()}
rows = [[name, *(last[loss, name] for loss in theta_slopes)] for name in rules]
lesson.table(rows, ["distance at the end / at the start", *theta_slopes])

# %%
outward = last["minimax", "simultaneous"]
lesson.claim(
    "tiny GAN, minimax, simultaneous: distance at the end, over the first", outward, at_least=2.0
)
orbit = radius(paths["minimax", "alternating"]) / 2**0.5
lesson.claim(
    "tiny GAN, minimax, alternating: smallest and largest",
    [orbit.min(), orbit.max()],
    between=(0.8, 1.25),
)

# %%
caught = last["non-saturating", "simultaneous"]
lesson.claim("tiny GAN, non-saturating, simultaneous: never arrives", caught, at_least=0.2)
inward = [last[loss, "extragradient"] for loss in theta_slopes]
lesson.claim("tiny GAN, extragradient, either loss", inward, at_most=1e-2)

# %%
lesson.outcome(
    f"After {steps} steps minimax is at {outward:.2f} times the distance of the start, "
    f"non-saturating at {caught:.2f} times.",
    answer="minimax outward, non-saturating into a circle",
)

# %% [markdown]
# With the minimax loss both slopes are $\sigma(\psi\theta)$ times those of $x y$: the same wheel,
# turning at another speed.
#
# **What this means in practice.** A loss that swings is the normal sound of a GAN at work, and no
# sign of learning or of failing (`gan/08` measures that). Small steps and alternation keep the
# swing bounded; they do not end it.
#
# **Left out:** why real GANs do better than this game. Their losses are not exactly bilinear, and
# penalties on the discriminator's slope act as a brake (Mescheder et al. 2018; the penalty of
# `gan/12` is a relative). **Next:** suppose that the discriminator does arrive at $D^*$, by brute
# force. `gan/05` shows why on real data it then knows *everything*, and `gan/06` why that is the
# worst thing that can happen to a generator.
#
# **Your turn:** `minigen exercise start gan/04`, then `minigen run gan/04 --with
# exercises/gan_04.py`.

# %%
lesson.finish()
