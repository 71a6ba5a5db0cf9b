# %% [markdown]
# # Hard to achieve Nash equilibrium
#
# Training a network is a walk downhill, and it usually ends in a valley. In a GAN two players walk,
# each on a hill of its own, and every step of one player changes the hill of the other. Both may
# take only correct steps, each downhill on its own loss, and still never arrive. In the words of
# the post, "Updating the gradient of both models concurrently cannot guarantee a convergence." What
# do the players do instead, and how can we help them?
#
# We play the smallest game with two losses (section 1), try two cures from ordinary training (2),
# let the players take turns (3), and test three older remedies (4). At the end we ask whether the
# smallest GAN behaves in the same way (5). This lesson follows the section *Hard to achieve Nash
# equilibrium* of [From GAN to WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/).
#
# Before this lesson: `gan/02` (the game), and what an eigenvalue is.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/04_nash_equilibrium",
    title="Hard to achieve Nash equilibrium",
    post="gan",
    sections=["gan.s07"],
    figures=["gan.f03"],
    minutes=0.1,
    picture="f03_game",
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
from minigen.tensor import grad, sigmoid

# %%
from minigen.gan.losses import (
    discriminator_loss,
    generator_loss_minimax,
    generator_loss_nonsaturating,
)

# %% [markdown]
# ## 1. Two players and one product
#
# The game is from Salimans et al. (2016). The first player controls $x$ and minimizes $f_1(x) = x
# y$. The second player controls $y$ and minimizes $f_2(y) = -x y$. The two losses add up to zero,
# so the game is *zero-sum*: what one player gains, the other loses. It is also *non-cooperative*,
# because each player follows its own loss, with no regard for the other's.
#
# A *Nash equilibrium* is a point where neither player can lower its own loss by moving alone. Here
# it is $(0, 0)$ and no other point. If $y \neq 0$, the first player can lower $x y$ without limit,
# and if $x \neq 0$, the second player can.


# %%
def draw_saddle():
    fig, axes = plot.figure(1, 2, size=(4.6, 4.0))
    levels = [-2, -1, -0.25, 0.25, 1, 2]
    plot.heatmap(lambda p: p.prod(axis=1), 2, axes[0], levels=levels, center=0, title="$f = x y$")
    axes[0].set(xlabel="x", ylabel="y")
    lines = {f"y = {y}": np.array([-2, 2]) * y for y in (1, 0, -1)}
    plot.line([-2, 2], lines, axes[1], title="$f_1$, seen by the first player", xlabel="x")
    return fig


lesson.figure(
    draw_saddle(),
    "saddle",
    "On the left, the first player moves horizontally on the saddle $x y$, and the second one "
    "vertically. On the right is the first player's loss as a function of $x$. Compare the "
    "direction that lowers it for $y = 1$ and $y = -1$.",
)

# %% [markdown]
# Both players follow their own negative gradient, with steps of size $\eta$, and both move at the
# same time. Find the two derivatives $\partial f_1 / \partial x$ and $\partial f_2 / \partial y$.
# Then take $\eta = 0.1$, start at $(1, 1)$ and work out one step on paper.

# %%
lesson.exercise("gan/04/simultaneous_step")

# %% [markdown]
# The derivatives are $\partial f_1 / \partial x = y$ and $\partial f_2 / \partial y = -x$. A
# simultaneous step is therefore
#
# $$x' = x - \eta y, \qquad y' = y + \eta x.$$
#
# From $(1, 1)$ it leads to $(0.9, 1.1)$.

# %%
lesson.show_source(simultaneous_step)
eta = 0.1
x, y = simultaneous_step(1.0, 1.0, eta)

# %%
lesson.check("one step from (1, 1)", [x, y], equals=[1 - eta, 1 + eta])

# %% [markdown]
# One step settles little, so let's make 300 of them.


# %%
def play(step, steps):
    """The points of a game from (1, 1): (steps + 1, 2)."""
    path = [(1.0, 1.0)]
    for _ in range(steps):
        path.append(step(*path[-1], eta))
    return np.array(path)


path = play(simultaneous_step, 300)
xs, ys = path.T


# %%
def negative_gradients(points):
    return np.stack([-points[:, 1], points[:, 0]], axis=1)


def draw_game():
    fig, axes = plot.figure(1, 2, size=(4.6, 4.0))
    curves = {"x": xs, "y": ys, "x y": xs * ys}
    plot.line(np.arange(301), curves, axes[0], title=f"simultaneous steps, $\\eta = {eta}$")
    axes[0].set_xlabel("step")
    plot.field(negative_gradients, 7, axes[1], n=15, color=plot.color.muted)
    plot.trajectories(path, axes[1], bounds=7, title="the same trajectory in the plane")
    axes[1].set(xlabel="x", ylabel="y")
    return fig


# %%
lesson.figure(
    draw_game(),
    "f03_game",
    "On the left are $x$, $y$ and $x y$. On the right, the arrows show the negative gradients of "
    "both players. Imagine the circle around (0, 0) through a point of the trajectory, and compare "
    "it with the arrow there.",
)

# %% [markdown]
# The players circle around the equilibrium and get farther and farther from it. The post has the
# same figure, and explains it in this way: "Once $x$ and $y$ have different signs, every following
# gradient update causes huge oscillation and the instability gets worse in time". Let's look at the
# single steps.

# %%
lesson.predict(
    "Which steps multiply the distance from (0, 0) by the largest factor?",
    [
        "the first ones, while x and y have equal signs",
        "those after x and y first have different signs",
        "the last ones, far from the equilibrium",
        "none, because all factors are equal",
    ],
)


# %%
def radius(path):
    return np.hypot(path[:, 0], path[:, 1])  # (steps + 1,)


factor = radius(path)[1:] / radius(path)[:-1]
flip = int(np.argmax(xs * ys < 0))  # the first point with different signs

# %%
lesson.table(
    [
        [f"1 to {flip} (equal signs)", factor[:flip].min(), factor[:flip].max()],
        [f"{flip + 1} to 200", factor[flip:200].min(), factor[flip:200].max()],
        ["201 to 300", factor[200:].min(), factor[200:].max()],
    ],
    ["steps", "smallest factor of the distance", "largest factor"],
)
lesson.outcome(
    f"Each of the 300 steps multiplies the distance by {factor.mean():.4f}, because it moves along "
    f"the tangent of a circle by {eta:g} times the distance, wherever the point is.",
    answer="none, because all factors are equal" if np.ptp(factor) < 1e-9 else None,
)
lesson.check("smallest factor", factor.min(), equals=(1 + eta**2) ** 0.5, atol=1e-12)
lesson.check("largest factor", factor.max(), equals=(1 + eta**2) ** 0.5, atol=1e-12)

# %% [markdown]
# Nobody made a mistake, and yet every step leads away from the equilibrium. The complex plane shows
# why in one line. Read the point as the number $z = x + i y$. Then
#
# $$z' = (x - \eta y) + i (y + \eta x) = (1 + i \eta) \, z, \qquad
#   |z'| = \sqrt{1 + \eta^2} \; |z| .$$
#
# In words, each step turns the point by a small angle and multiplies its distance by 1.005 for
# $\eta = 0.1$. For example, the first step changes the squared distance from 2 to $0.81 + 1.21 =
# 2.02$. The signs have no part in it, and the post's sentence on convergence holds here in a strong
# form. For every $\eta > 0$ and every start except $(0, 0)$, concurrent updates never converge.
#
# ## 2. A shorter step, or momentum?
#
# This looks like a problem that we know. In ordinary training a shorter step cures divergence, and
# momentum damps oscillation. It seems natural to try both. No step size can lower the distance
# here, but a cure might at least slow its growth. To be fair, step size times number of steps is 20
# in every run, and with momentum $\beta$ a move is $\beta$ times the move before plus $1 - \beta$
# times the new step.

# %%
lesson.predict(
    "Compared with plain steps of size 0.1, where do quarter steps and momentum 0.9 end?",
    [
        "both closer to (0, 0)",
        "the quarter steps closer, momentum 0.9 farther away",
        "the quarter steps farther away, momentum 0.9 closer",
        "both farther away",
    ],
)


# %%
def growth(e):
    """The last distance over the first, after 20 / e steps of size e."""
    point = (1.0, 1.0)
    for _ in range(round(20 / e)):
        point = simultaneous_step(*point, e)
    return np.hypot(*point) / 2**0.5


def growth_with_momentum(beta):
    point = np.array([1.0, 1.0])
    move = np.zeros(2)
    for _ in range(200):
        move = beta * move + (1 - beta) * (simultaneous_step(*point, eta) - point)
        point = point + move
    return np.hypot(*point) / 2**0.5


def factor_of(beta, e):
    """The factor of the distance in the long run, the largest |λ| (derived below)."""
    return np.abs(np.roots([1, -(1 + beta + (1 - beta) * 1j * e), beta])).max()


# %%
sizes = (0.4, 0.1, 0.025)
betas = (0.5, 0.9)
rows = [[f"eta = {e}", growth(e), (1 + e**2) ** 0.5] for e in sizes]
rows += [
    [f"eta = {eta}, momentum {beta}", growth_with_momentum(beta), factor_of(beta, eta)]
    for beta in betas
]
in_order = rows[2][1] < rows[1][1] < rows[4][1]  # quarter steps, plain steps, momentum 0.9

# %%
lesson.table(
    [[*row[:2], f"{row[2]:.4f}"] for row in rows],
    [
        "simultaneous steps",
        "distance at the end / at the start",
        "factor of a step, in the long run",
    ],
)
lesson.outcome(
    f"The distance grows to {rows[1][1]:.2f} times its start with plain steps, to {rows[2][1]:.2f} "
    f"times with quarter steps, and to {rows[4][1]:.3g} times with momentum {betas[1]}, because a "
    f"plain step multiplies it by {rows[1][2]:.4f}, four quarter steps by {rows[2][2] ** 4:.4f}, "
    f"and a step with momentum, in the long run, by {rows[4][2]:.4f}.",
    answer="the quarter steps closer, momentum 0.9 farther away" if in_order else None,
)

# %%
lesson.check(
    "without momentum, by the formula",
    [row[1] for row in rows[:3]],
    equals=[(1 + e**2) ** (10 / e) for e in sizes],
)

# %% [markdown]
# A shorter step follows the same spiral more slowly. In the limit of short steps the distance is
# constant, because $\dot z = i z$ only turns the point. Momentum is worse than nothing. The right
# direction rotates, and a mean of past directions lags behind it. (The run starts at rest, so its
# first moves are short. That is why the distance grows to 295 times its start, and not to
# $1.0305^{200} \approx 407$ times.)
#
# How much worse? The distance grows exponentially, and for small $\eta$ momentum multiplies the
# exponent by $(1 + \beta)/(1 - \beta)$, which is 19 for $\beta = 0.9$. Is our $\eta$ small enough?

# %%
rows = [
    [beta, e, (1 + beta) / (1 - beta), 2 * np.log(factor_of(beta, e)) / np.log1p(e**2)]
    for beta, e in [(betas[0], eta), (betas[1], eta), (betas[1], 0.001)]
]
lesson.table(rows, ["momentum", "eta", "exponent multiplied by, formula", "exact"])
lesson.check(
    f"momentum {betas[0]}: exponent, exact over formula",
    rows[0][3] / rows[0][2],
    equals=1.0,
    atol=0.1,
)
lesson.check("momentum 0.9, eta 0.001: the same", rows[2][3] / rows[2][2], equals=1.0, atol=1e-3)

# %% [markdown]
# With $\beta = 0.9$ our run has 6.0 and not 19, because the formula needs $\eta$ to be small
# compared with $1 - \beta$, and here both are 0.1. With $\eta = 0.001$ the exact number is 18.99.
#
# <details><summary>Derivation: momentum multiplies the exponent of the growth by (1 + β)/(1 −
# β)</summary>
#
# With the move $m' = \beta m + (1 - \beta) i \eta z$ and $z' = z + m'$, eliminate $m = z - z_-$,
# where $z_-$ is the point before: $z' = (1 + \beta + (1 - \beta) i \eta) z - \beta z_-$. A solution
# $z_t = \lambda^t$ needs
#
# $$\lambda^2 - (1 + \beta + (1 - \beta) i \eta) \lambda + \beta = 0.$$
#
# Put $\lambda = 1 + \varepsilon$ and divide by $1 - \beta$: $\varepsilon = i \eta (1 +
# \varepsilon) - \varepsilon^2 / (1 - \beta)$. To first order $\varepsilon = i \eta$. Inserted on
# the right, $\varepsilon = i \eta - \eta^2 + \eta^2 / (1 - \beta) = i \eta + \eta^2 \beta / (1 -
# \beta)$ to second order, and
#
# $$|\lambda|^2 = 1 + \eta^2 \Big( 1 + \frac{2 \beta}{1 - \beta} \Big) + \dots
#   = 1 + \eta^2 \, \frac{1 + \beta}{1 - \beta} + \dots$$
#
# The expansion treats $\varepsilon^2 / (1 - \beta)$ as small compared with $\varepsilon$, which
# means $\eta \ll 1 - \beta$. For $-1 < \beta < 0$ the fraction is between 0 and 1, so a negative
# momentum slows the growth, but does not stop it.
#
# </details>

# %%
lesson.change(
    "negative momentum",
    "Change `betas = (0.5, 0.9)` to `betas = (-0.5, 0.9)` and run again. What does a *negative* "
    "momentum do to the distance?",
    answer="It slows the growth: 1.404 times the distance at the start, against 2.705 without "
    "momentum. The exponent of the growth is about a third, as the formula gives for "
    "$\\beta = -0.5$. A move is then 1.5 times the new gradient minus half of the move before. It "
    "anticipates the rotation of the gradient.",
)

# %% [markdown]
# In other words, what helps a single walker does not help two. A remedy has to take the other
# player into account.
#
# ## 3. Alternating updates
#
# Algorithm 1 of the GAN paper does not move both players at once. It updates one network first, and
# the other network then uses the gradient at the *updated* one. For example, from $(1, 1)$ we get
# $x' = 0.9$ as before, and then $y' = 1 + 0.09 = 1.09$. The squared distance is $0.81 + 1.1881 =
# 1.9981$, a little *less* than 2. Is this the cure?

# %%
lesson.predict(
    "Where is the point after very many alternating steps?",
    ["at (0, 0)", "about as far from (0, 0) as at the start", "far away"],
)

# %%
lesson.exercise("gan/04/alternating_step")

# %%
lesson.show_source(alternating_step)
turns = play(alternating_step, lesson.size(100_000, quick=1_000))

# %%
x, y = turns.T
lesson.check(
    "x² + y² - eta x y, at all times", x**2 + y**2 - eta * x * y, equals=2 - eta, atol=1e-9
)
r = radius(turns) / 2**0.5
rows = [[f"{n:,}", r[n]] for n in (1, 10, 100, 1_000, len(r) - 1)]
lesson.table(rows, ["alternating steps", "distance / at the start"])

# %%
least = ((2 - eta) / (2 + eta)) ** 0.5  # the short axis of the ellipse, the start on its long one
lesson.check("alternating: smallest distance, over the first", r.min(), at_least=least - 1e-9)
lesson.check("alternating: largest distance, over the first", r.max(), at_most=1 + 1e-9)
lesson.outcome(
    f"The distance stays between {r.min():.3f} and {r.max():.3f} times that of the start in all "
    f"{len(r) - 1:,} steps, because alternating steps keep x² + y² - eta x y constant.",
    answer="about as far from (0, 0) as at the start",
)

# %% [markdown]
# Alternating steps neither diverge nor converge. One changed symbol, $x'$ instead of $x$ in the
# second update, turns the spiral into an orbit. The reason is a quantity that no step changes,
#
# $$x^2 + y^2 - \eta x y ,$$
#
# whose level sets are ellipses for $0 < \eta < 2$. But an orbit is not progress. Twice in a turn
# the distance falls to 0.951 times that at the start and rises again. The 0.954 after 100,000 steps
# is only the point of the ellipse at which we stopped.
#
# <details><summary>Derivation: the invariant of alternating steps, and their eigenvalues</summary>
#
# With $y' = y + \eta x'$ and $x = x' + \eta y$,
#
# $$x'^2 + y'^2 - \eta x' y' = x'^2 + y' (y' - \eta x') = x'^2 + y' y = x'^2 + y^2 + \eta x' y,$$
#
# $$x^2 + y^2 - \eta x y = x (x - \eta y) + y^2 = (x' + \eta y) x' + y^2 = x'^2 + y^2 + \eta x' y.$$
#
# Both are equal, so $x^2 + y^2 - \eta x y$ never changes. The matrix of the step,
#
# $$M = \begin{pmatrix} 1 & -\eta \\ \eta & 1 - \eta^2 \end{pmatrix},$$
#
# has determinant 1 and trace $2 - \eta^2$. Its eigenvalues are therefore $e^{\pm i \varphi}$ with
# $2 \cos \varphi = 2 - \eta^2$: a rotation by $\varphi \approx \eta$ along the ellipse.
#
# </details>

# %%
M = np.array([[1, -eta], [eta, 1 - eta**2]])
eigenvalues = np.linalg.eigvals(M)
lesson.check("alternating: lengths of the eigenvalues", np.abs(eigenvalues), equals=1.0)
lesson.check("alternating: cosine of the angle", eigenvalues.real, equals=1 - eta**2 / 2)

# %%
lesson.change(
    "a step of size 1",
    "Change `eta = 0.1` to `eta = 1.0` and run again. Simultaneous steps now multiply the distance "
    "by $\\sqrt 2$ each. Where do the alternating steps lead?",
    answer="Around an orbit of six points: (1, 1), (0, 1), (-1, 0), (-1, -1), (0, -1), (1, 0), and "
    "back to (1, 1). The distance, over the first, is 0.7071 or 1: the point stays on the ellipse "
    "$x^2 + y^2 - x y = 1$. The angle has $\\cos \\varphi = 1/2$, so six steps are one turn.",
)

# %% [markdown]
# In this game, taking turns is therefore better than moving at once. But nothing in it leads the
# players to the equilibrium.
#
# ## 4. Three older remedies
#
# We need steps that turn a little inward, and for this the players must anticipate each other.
# *Extragradient* steps (Korpelevich 1976) take a trial step, evaluate the gradients there, go
# *back*, and step with those gradients. For example, from $(1, 1)$ the trial step leads to $(0.9,
# 1.1)$, and the extragradient step to $(1 - 0.11,\ 1 + 0.09) = (0.89, 1.09)$, with squared distance
# 1.9802. *Optimistic* steps (Popov 1980, Daskalakis et al. 2018) avoid the trial step. They
# extrapolate the next gradient from the last two, $2g - g_\mathrm{before}$.

# %%
lesson.exercise("gan/04/extragradient_step")
lesson.exercise("gan/04/optimistic_step")

# %%
lesson.show_source(extragradient_step, optimistic_step)
lesson.check(
    "one extragradient step from (1, 1)",
    list(extragradient_step(1.0, 1.0, eta)),
    equals=[1 - eta * (1 + eta), 1 + eta * (1 - eta)],
)

# %% [markdown]
# An optimistic step needs the last *two* points. Before the first step both are the start.


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
begin = {name: way[:120] for name, way in ways.items()}
radii = {name: radius(way) for name, way in ways.items()}

# %%
fig, axes = plot.figure(1, 2, size=(4.6, 4.0))
plot.trajectories(begin, axes[0], bounds=3.3, title="the first 120 steps")
axes[0].set(xlabel="x", ylabel="y")
plot.line(np.arange(n + 1), radii, axes[1], log=True, title="distance from the equilibrium")
axes[1].set_xlabel("step")
lesson.figure(
    fig,
    "four_ways",
    "Four rules from the same start (the open dot), on the left in the plane and on the right by "
    "their distance from the equilibrium. Two trajectories lie almost on top of each other.",
)

# %%
lesson.check(
    "extragradient: factor of each step",
    radii["extragradient"][1:] / radii["extragradient"][:-1],
    equals=(1 - eta**2 + eta**4) ** 0.5,
    atol=1e-12,
)
lesson.check(
    "optimistic: factor of ten steps, over that of the largest root",
    radii["optimistic"][1010]
    / radii["optimistic"][1000]
    / np.abs(np.roots([1, -(1 + 2j * eta), 1j * eta])).max() ** 10,
    equals=1.0,
    atol=1e-6,
)

# %% [markdown]
# Both rules converge. The gradient found one step ahead has already rotated a little inward, and
# that is enough. An extragradient step multiplies $|z|^2$ by $1 - \eta^2 + \eta^4$, and an
# optimistic step by about $1 - \eta^2$. To leading order they shrink $|z|^2$ by as much as a
# simultaneous step adds to it. Going back is essential, because a second step from the trial point
# would be just another simultaneous step. But an extragradient step computes its gradients twice.
# Per gradient, the optimistic rule is therefore about twice as fast.
#
# <details><summary>Derivation: the factors of extragradient and optimistic steps</summary>
#
# *Extragradient.* The trial point is $(1 + i \eta) z$, so $z' = z + i \eta (1 + i \eta) z = (1 -
# \eta^2 + i \eta) z$ and
#
# $$|z'|^2 = \big( (1 - \eta^2)^2 + \eta^2 \big) |z|^2 = (1 - \eta^2 + \eta^4) |z|^2,$$
#
# which is below $|z|^2$ for $0 < \eta < 1$.
#
# *Optimistic.* $z' = z + i \eta (2 z - z_-)$. A solution $z_t = \lambda^t$ needs $\lambda^2 - (1 +
# 2 i \eta) \lambda + i \eta = 0$. Since $(1 + 2 i \eta)^2 - 4 i \eta = 1 - 4 \eta^2 = s^2$,
#
# $$\lambda = \frac{1 \pm s + 2 i \eta}{2}, \qquad
#   |\lambda|^2 = \frac{(1 \pm s)^2 + 4 \eta^2}{4} = \frac{1 \pm 2 s + s^2 + 4 \eta^2}{4}
#   = \frac{1 \pm s}{2}.$$
#
# The larger one, $\frac12 (1 + \sqrt{1 - 4 \eta^2}) \approx 1 - \eta^2$, is below 1 for $0 < \eta <
# \frac12$.
#
# </details>
#
# The third remedy costs almost nothing. Keep the alternating updates, and *average* the parameters.
# Is it the averaging that helps? To find out, we average simultaneous steps as well.


# %%
def running_mean(points):
    return np.cumsum(points, axis=0) / np.arange(1, len(points) + 1)[:, None]


mean, rival = running_mean(turns), running_mean(ways["simultaneous"])
rows = [[f"{k:,}", radius(mean)[k - 1], radius(rival)[k - 1]] for k in (10, 100, 1_000)]
lesson.table(
    rows, ["points averaged", "alternating: distance of the mean from (0, 0)", "simultaneous"]
)
bound = np.linalg.norm(np.linalg.inv(np.eye(2) - M), 2) * (r.max() + r.max()) * 2**0.5 / 1_000
lesson.check("distance of the mean of 1,000 from (0, 0)", radius(mean)[999], at_most=bound)

# %% [markdown]
# The points of the alternating steps keep their distance, but their mean approaches $(0, 0)$. Its
# distance is at most a constant divided by $n$ (derived below), and 0.007 after 1,000 points. Many
# GANs average the weights of the generator as well (`gan/02`). However, the proof needs points that
# stay bounded. The mean of 1,000 points of *simultaneous* steps is 2.0 away from $(0, 0)$, farther
# than the start. For two networks nothing guarantees bounded points, so there the average may help
# or not.
#
# <details><summary>Derivation: the mean of an orbit tends to the equilibrium</summary>
#
# The points are $v_k = M^k v_0$, with the matrix $M$ of section 3. Since $(I - M) \sum_{k<n} M^k =
# I - M^n$,
#
# $$\frac1n \sum_{k<n} v_k = \frac1n (I - M)^{-1} (v_0 - v_n).$$
#
# $I - M$ is invertible, because its determinant is $\eta^2$. On the orbit $|v_0 - v_n| \le |v_0| +
# |v_n|$ is bounded. So the distance of the mean from $(0, 0)$ is at most of the order $1/n$.
#
# </details>
#
# ## 5. The smallest GAN
#
# Is the game $x y$ a fair model of a GAN? We can test it on the smallest GAN (Mescheder et al.
# 2018). All data are the number 0. The generator outputs one number, $\theta$. The discriminator
# has one weight $\psi$, and its logit is $\psi x$. The losses are those of `gan/02`, and the
# equilibrium is $\theta = \psi = 0$.

# %%
lesson.predict(
    "Where will simultaneous steps lead under the minimax and under the non-saturating loss?",
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
lesson.check(
    "derivatives of D's loss and of the minimax loss at theta = psi = 1: sigma(1) and -sigma(1)",
    [psi_slope(1.0, 1.0), theta_slopes["minimax"](1.0, 1.0)],
    equals=[1 / (1 + np.exp(-1)), -1 / (1 + np.exp(-1))],
)

# %% [markdown]
# We use three of the rules again, now for losses with given derivatives. `step_with` moves both
# players from $(\theta, \psi)$ with the gradients at `point`, the current point or the trial point.

# %%
h = 0.3


def step_with(point, theta, psi, theta_slope):
    t, p = point
    return theta - h * theta_slope(t, p), psi - h * psi_slope(p, t)


def simultaneous(theta, psi, theta_slope):
    return step_with((theta, psi), theta, psi, theta_slope)


def alternating(theta, psi, theta_slope):
    psi = psi - h * psi_slope(psi, theta)
    return theta - h * theta_slope(theta, psi), psi


def extragradient(theta, psi, theta_slope):
    ahead = step_with((theta, psi), theta, psi, theta_slope)
    return step_with(ahead, theta, psi, theta_slope)


# %%
def play_tiny(rule, theta_slope, steps):
    path = [(1.0, 1.0)]
    for _ in range(steps):
        path.append(rule(*path[-1], theta_slope))
    return np.array(path)  # (steps + 1, 2): theta, psi


steps = lesson.steps(600)
rules = {"simultaneous": simultaneous, "alternating": alternating, "extragradient": extragradient}
paths = {}
for loss, theta_slope in theta_slopes.items():
    for name, rule in rules.items():
        paths[loss, name] = play_tiny(rule, theta_slope, steps)
last = {key: float(radius(path)[-1] / 2**0.5) for key, path in paths.items()}
outward, caught = (last[loss, "simultaneous"] for loss in theta_slopes)
on_circle = 0.8 * h**0.5 < caught < 1.2 * h**0.5

# %%
fig, axes = plot.figure(1, 2, size=(4.6, 4.0))
for ax, loss in zip(axes, theta_slopes):
    begin = {name: paths[loss, name][:120] for name in rules}
    plot.trajectories(begin, ax, bounds=3.2, title=f"{loss} loss, 120 steps")
    ax.set(xlabel="generator $\\theta$", ylabel="discriminator $\\psi$")
lesson.figure(
    fig,
    "tiny_gan",
    f"The first 120 of {steps} steps of three rules, under the minimax loss (left) and under the "
    "non-saturating loss (right). Compare where the simultaneous steps (blue) lead.",
)

# %%
lesson.table(
    [[name, *(last[loss, name] for loss in theta_slopes)] for name in rules],
    ["distance at the end / at the start", *theta_slopes],
)
lesson.outcome(
    f"The distance after {steps} steps is {outward:.2f} times that at the start under the minimax "
    f"loss, and {caught:.2f} times under the non-saturating loss, because the minimax step always "
    "lengthens it, and the non-saturating loss adds a contraction (derived below).",
    answer="minimax outward, non-saturating into a circle" if outward > 2 and on_circle else None,
)

# %%
lesson.claim(
    "minimax loss, simultaneous steps: sigma(psi theta) at the end",
    sigmoid(np.prod(paths["minimax", "simultaneous"][-1])),
    at_most=0.01,
    source="no random numbers, every seed gives 0.0023; saturated long before",
)

# %%
lesson.claim(
    "tiny GAN, minimax: last distance of simultaneous over alternating steps",
    outward / last["minimax", "alternating"],
    at_least=2.0,
    source="no random numbers, every seed gives 2.9; no theorem: later the ratio falls",
)
lesson.claim(
    "tiny GAN, non-saturating, simultaneous: distance at the end, over the first",
    caught,
    between=(0.9 * h**0.5, 1.1 * h**0.5),
    source="theory: the root of h to leading order, here with 10 %",
)

# %%
lesson.claim(
    "tiny GAN, extragradient, either loss: distance at the end, over the first",
    [last[loss, "extragradient"] for loss in theta_slopes],
    at_most=1e-2,
    source="no random numbers, every seed gives 0.0013 and 0.0006; the start has 1",
)

# %% [markdown]
# Under the minimax loss both derivatives are those of $x y$ times $\sigma(\psi \theta)$, the
# probability that $D$ gives the fake. This is the same rotation, at a speed that depends on the
# point. In these 600 steps the table repeats what we found. Simultaneous steps lead outward,
# alternating steps stay near their first distance, and extragradient steps approach the
# equilibrium. But the invariant of section 3 needs a constant speed. In a longer run the
# alternating steps drift outward, too: after 400,000 steps they are 3.1 times as far away as at the
# start. And where $D$ rejects the fake, both players almost stop. The outward spiral ends its 600
# steps at such a point, with $\sigma = 0.002$. This is the saturation of `gan/02`.
#
# The non-saturating loss adds a weak contraction, which balances the growth of the simultaneous
# steps on a circle of radius about $\sqrt{2 h}$. Alternating steps have almost no growth to
# balance, and under this loss they move inward.
#
# <details><summary>Derivation: the spiral of the minimax loss, and the circle of the non-saturating
# one</summary>
#
# Let $l = \psi \theta$. The discriminator's loss is $\log 2 + \log(1 + e^l)$ with derivative
# $\theta \sigma(l)$ with respect to $\psi$. The minimax loss is $-\log(1 + e^l)$ with derivative
# $-\psi \sigma(l)$ with respect to $\theta$. A simultaneous step is $\theta' = \theta + h \sigma
# \psi$, $\psi' = \psi - h \sigma \theta$, so it multiplies the distance by $\sqrt{1 + h^2
# \sigma(l)^2} > 1$.
#
# The non-saturating loss has derivative $-\psi \sigma(-l)$ with respect to $\theta$. Now $r^2 =
# \theta^2 + \psi^2$ changes in a step by
#
# $$2 h \, l \, [\sigma(-l) - \sigma(l)] + h^2 [\psi^2 \sigma(-l)^2 + \theta^2 \sigma(l)^2]
#   \approx -h l^2 + \tfrac14 h^2 r^2,$$
#
# because $\sigma(l) - \sigma(-l) = \tanh(l/2) \approx l/2$ and $\sigma \approx \frac12$ near the
# equilibrium. On a circle of radius $r$ the mean of $l^2 = \theta^2 \psi^2$ is $r^4/8$. The two
# terms balance at $r^2 = 2 h$. In units of the distance at the start, $\sqrt 2$, that is $\sqrt h$:
# 0.548 for $h = 0.3$.
#
# </details>
#
# What does this mean in practice? On $x y$ the losses oscillate under all these rules, with
# amplitude $r^2/2$, where $r$ is the distance from the equilibrium. That a loss oscillates
# therefore shows neither success nor failure. In this game only its amplitude tells a spiral from
# an orbit (`gan/08` looks for better numbers). Taking turns, as Algorithm 1 does, prevented the
# spiral on $x y$ and delayed it in the tiny GAN, but whether the players then arrive depends on
# their losses.
#
# ## What this lesson does differently
#
# - The post's example moves both players at once. So does the wording of the GAN paper, whose
#   abstract says "we simultaneously train two models", while its Algorithm 1 alternates. We play
#   both ways, because the difference decides between a spiral and an orbit.
# - We add remedies, and a GAN with one parameter for each player.
# - We leave out what damps the oscillation in real GANs, for example a penalty on the
#   discriminator's gradient at the data (Mescheder et al. 2018; the penalty of `gan/12` is a
#   different one).
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - "Once $x$ and $y$ have different signs, every following gradient update causes huge oscillation
#   and the instability gets worse in time": the signs have no part in it. Every step from the first
#   one on multiplies the distance by the same $\sqrt{1 + \eta^2}$ (section 1).
# - "each model updates its cost independently with no respect to another player": a model updates
#   its *parameters*. Its cost changes when the other model moves, too.
#
# ## To remember
#
# - In a game, steps that lower each player's own loss may lead away from the equilibrium.
# - On $x y$, simultaneous steps spiral outward, and alternating steps stay on an orbit.
# - A shorter step only slows the spiral, and momentum speeds it up. Anticipating the other player's
#   step helps.
# - That a loss oscillates shows neither success nor failure.
#
# **Next:** suppose that the discriminator does reach its optimum. `gan/05` shows why it can be
# perfect on real data, and `gan/06` what gradient the generator then receives.
#
# **Your turn:** `minigen exercise start gan/04`, then `minigen run gan/04 --with
# exercises/gan_04.py`.

# %%
lesson.finish()
