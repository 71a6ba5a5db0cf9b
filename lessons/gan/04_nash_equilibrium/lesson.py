# %% [markdown]
# # Hard to achieve Nash equilibrium
#
# To train a network is to walk downhill until you reach a valley. The training of a GAN, however,
# "is known to be slow and unstable". It has two walkers, and each step of one tilts the hill of the
# other. Both may take only correct steps, each downhill on its
# own loss, and still never arrive. The post puts it like this: "Updating the gradient of both
# models concurrently cannot guarantee a convergence." How can that be, and what can we do about it?
#
# We play the smallest game with two losses, which can be computed exactly (section 1). We try what
# helps in ordinary training (2), let the players take turns (3), and test three older remedies (4).
# At the end we ask whether a real GAN obeys the same laws (5). This lesson follows the section
# *Hard to achieve Nash equilibrium* of [From GAN to
# WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/).
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
# because each player follows its own loss, with no regard to the other's.
#
# A *Nash equilibrium* is a point where neither player can lower its own loss by moving alone. Here
# it is $(0, 0)$ and no other point. If $y \neq 0$, the first player can lower $x y$ without limit,
# and if $x \neq 0$, the second player can.

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.6, 4.0))
xs = np.linspace(-2, 2, 41)
levels = [-2, -1, -0.25, 0.25, 1, 2]
plot.heatmap(lambda p: p[:, 0] * p[:, 1], 2, left, levels=levels, center=0, title="$f = x y$")
left.set(xlabel="x", ylabel="y")
slices = {f"y = {y}": xs * y for y in (1, 0, -1)}
plot.line(xs, slices, right, title="$f_1$, seen by the first player", xlabel="x")
lesson.figure(
    fig,
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
# From $(1, 1)$ it leads to $(0.9, 1.1)$. The squared distance from $(0, 0)$ was 2 and is now 2.02.

# %%
lesson.show_source(simultaneous_step)
eta = 0.1
x, y = simultaneous_step(1.0, 1.0, eta)

# %%
lesson.check("one step from (1, 1)", [x, y], equals=[1 - eta, 1 + eta])
lesson.check("squared distance after the step", x**2 + y**2, equals=2 + 2 * eta**2)

# %% [markdown]
# One step settles little, so let's make 300 of them.

# %%
lesson.predict(
    "In 300 simultaneous steps, what will x, y and x y do?",
    [
        "converge to 0",
        "oscillate with a constant amplitude",
        "oscillate with a growing amplitude",
        "grow without an oscillation",
    ],
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


# %%
def negative_gradients(points):
    return np.stack([-points[:, 1], points[:, 0]], axis=1)


fig, (left, right) = plot.figure(1, 2, size=(4.6, 4.0))
curves = {"x": xs, "y": ys, "x y": xs * ys}
plot.line(np.arange(301), curves, left, title=f"simultaneous steps, $\\eta = {eta}$")
left.set_xlabel("step")
plot.field(negative_gradients, 7, right, n=15, color=plot.color.muted)
plot.trajectories(path, right, bounds=7, title="the same trajectory in the plane")
right.set(xlabel="x", ylabel="y")
lesson.figure(
    fig,
    "f03_game",
    "On the left are $x$, $y$ and $x y$. On the right, the arrows show the negative gradients of "
    "both players. Compare the trajectory with the circles whose tangents they are.",
)

# %%
lesson.outcome(
    f"The distance from (0, 0) rises from {radius(path)[0]:.2f} to {radius(path)[-1]:.2f}, because "
    "a straight step along the tangent of a circle ends outside the circle.",
    answer="oscillate with a growing amplitude",
)

# %% [markdown]
# Nobody made a mistake, and the players only get farther from the equilibrium. How fast? The
# complex plane gives the answer in one line. Read the point as the number $z = x + i y$. Then
#
# $$z' = (x - \eta y) + i (y + \eta x) = (1 + i \eta) \, z, \qquad
#   |z'| = \sqrt{1 + \eta^2} \; |z| .$$
#
# In words, each step turns the point by a small angle and multiplies its distance by the same
# factor, 1.005 for $\eta = 0.1$. This factor does not depend on where the point is. Here is what
# the run has before and after the moment when $x$ and $y$ first have different signs.

# %%
factor = radius(path)[1:] / radius(path)[:-1]
flip = int(np.argmax(xs * ys < 0))
lesson.table(
    [
        [f"1 to {flip} (equal signs)", factor[:flip].min(), factor[:flip].max()],
        [f"{flip + 1} to 300", factor[flip:].min(), factor[flip:].max()],
    ],
    ["steps", "smallest factor of the distance", "largest factor"],
)
lesson.check("smallest factor", factor.min(), equals=(1 + eta**2) ** 0.5, atol=1e-12)
lesson.check("largest factor", factor.max(), equals=(1 + eta**2) ** 0.5, atol=1e-12)

# %% [markdown]
# The post's sentence holds here in a strong form. Whatever the step size $\eta > 0$ and the start,
# concurrent updates never converge, because the factor is always above 1.
#
# ## 2. A shorter step, or momentum?
#
# This looks like a problem that we know. In ordinary training a shorter step cures divergence, and
# momentum damps oscillation. It seems natural to try both. For a fair comparison every run covers
# the same way, $20/\eta$ steps, and with momentum $\beta$ an update uses $1 - \beta$ of the new
# gradient.

# %%
lesson.predict(
    "Which of these keeps the distance at the end below the distance at the start?",
    ["a quarter of the step size", "momentum 0.9", "either of them", "neither"],
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
        new = np.array(simultaneous_step(*point, eta)) - point
        move = beta * move + (1 - beta) * new
        point = point + move
    return np.hypot(*point) / 2**0.5


# %%
rows = [[f"eta = {e}", growth(e)] for e in (0.4, 0.1, 0.025)]
betas = (0.5, 0.9)
rows += [[f"eta = {eta}, momentum {beta}", growth_with_momentum(beta)] for beta in betas]
exact = [(1 + e**2) ** (10 / e) for e in (0.4, 0.1, 0.025)]
lesson.table(rows, ["simultaneous steps", "distance at the end / at the start"])
lesson.outcome(
    f"The distance is {rows[2][1]:.2f} times that at the start with a quarter of the step size, "
    f"and {rows[4][1]:.3g} times with momentum {betas[1]}, because the factor of a step is above 1 "
    "for every step size, and momentum follows a direction that was right some steps ago.",
    answer="neither",
)
lesson.check("without momentum, by the formula", [row[1] for row in rows[:3]], equals=exact)

# %% [markdown]
# A shorter step follows the same spiral more slowly. In the limit of short steps the distance is
# constant, because $\dot z = i z$ only turns the point. Momentum is worse than nothing. The right
# direction rotates, and momentum lags behind it. To leading order it multiplies the exponent of the
# growth by $(1 + \beta)/(1 - \beta)$, which is 19 for $\beta = 0.9$.
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
# The factor is below 1 only for $\beta < 0$.
#
# </details>

# %%
lam = np.abs(np.roots([1, -(1 + betas[0] + (1 - betas[0]) * 1j * eta), betas[0]])).max()
times = np.log(lam**2) / np.log(1 + eta**2)
formula = (1 + betas[0]) / (1 - betas[0])
name = f"momentum {betas[0]}: growth exponent, exact over leading order"
lesson.check(name, times / formula, equals=1.0, atol=0.1)

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
# In other words, what helps a single walker does not help two. The remedy has to know about the
# other player.
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
kept = x**2 + y**2 - eta * x * y
lesson.check("x² + y² - eta x y, at all times", kept, equals=2 - eta, atol=1e-9)
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
# Alternating steps neither diverge nor converge. One changed symbol, $x'$ for $x$ in the second
# update, turns the spiral into a closed orbit. The reason is a quantity that no step changes,
#
# $$x^2 + y^2 - \eta x y ,$$
#
# whose level sets are ellipses for $0 < \eta < 2$. But an orbit is not progress. After 100,000
# steps the players are as far from the equilibrium as at the start.
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
# The players need to anticipate each other. *Extragradient* steps (Korpelevich 1976) take a trial
# step, evaluate the gradients there, go *back*, and step with those gradients. *Optimistic* steps
# (Popov 1980, Daskalakis et al. 2018) avoid the trial step. They extrapolate the next gradient from
# the last two, $2g - g_\mathrm{before}$. For example, from $(1, 1)$ the trial step leads to $(0.9,
# 1.1)$, and the extragradient step to $(1 - 0.11,\ 1 + 0.09) = (0.89, 1.09)$, with squared distance
# 1.9802.

# %%
lesson.exercise("gan/04/extragradient_step")
lesson.exercise("gan/04/optimistic_step")

# %%
lesson.show_source(extragradient_step, optimistic_step)
step = list(extragradient_step(1.0, 1.0, eta))
on_paper = [1 - eta * (1 + eta), 1 + eta * (1 - eta)]
lesson.check("one extragradient step from (1, 1)", step, equals=on_paper)

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
fig, (left, right) = plot.figure(1, 2, size=(4.6, 4.0))
plot.trajectories(begin, left, bounds=3.3, title="the first 120 steps")
left.set(xlabel="x", ylabel="y")
plot.line(np.arange(n + 1), radii, right, log=True, title="distance from the equilibrium")
right.set_xlabel("step")
lesson.figure(
    fig,
    "four_ways",
    "Four rules from the same start (the open dot), on the left in the plane and on the right by "
    "their distance from the equilibrium. Two trajectories lie almost on top of each other.",
)

# %%
shrink = radii["extragradient"][1:] / radii["extragradient"][:-1]
exact = (1 - eta**2 + eta**4) ** 0.5
lesson.check("extragradient: factor of each step", shrink, equals=exact, atol=1e-12)
largest = np.abs(np.roots([1, -(1 + 2j * eta), 1j * eta])).max()
ten_steps = radii["optimistic"][1010] / radii["optimistic"][1000]
lesson.check("optimistic: factor of ten steps", ten_steps / largest**10, equals=1.0, atol=1e-6)

# %% [markdown]
# Both rules converge. The gradient found one step ahead has already rotated a little inward, and
# that is enough. An extragradient step multiplies $|z|^2$ by $1 - \eta^2 + \eta^4$, and an
# optimistic step by about $1 - \eta^2$. So they shrink $|z|^2$ by as much as a simultaneous step
# adds to it. Going back is essential, because a second step from the trial point would be two
# simultaneous steps.
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

# %%
mean = np.cumsum(turns, axis=0) / np.arange(1, len(turns) + 1)[:, None]
rows = [[f"{k:,}", *mean[k - 1]] for k in (10, 100, 1_000)]
lesson.table(rows, ["points averaged", "mean x", "mean y"])
bound = np.linalg.norm(np.linalg.inv(np.eye(2) - M), 2) * (r.max() + r.max()) * 2**0.5 / 1_000
lesson.check("distance of the mean of 1,000 from (0, 0)", radius(mean)[999], at_most=bound)

# %% [markdown]
# The points keep their distance, and their mean approaches $(0, 0)$ like $1/n$. Many GANs average
# the weights of the generator, too (`gan/02`). However, the theorem behind this remedy is about
# games that are convex in one player and concave in the other, as $x y$ is. A game of two networks
# is neither, so there the average may help or not.
#
# <details><summary>Derivation: the mean of an orbit tends to the equilibrium</summary>
#
# The points are $v_k = M^k v_0$, with the matrix $M$ of section 3. Since $(I - M) \sum_{k<n} M^k =
# I - M^n$,
#
# $$\frac1n \sum_{k<n} v_k = \frac1n (I - M)^{-1} (v_0 - v_n).$$
#
# $I - M$ is invertible, because its determinant is $\eta^2$. On the orbit $|v_0 - v_n| \le |v_0| +
# |v_n|$ is bounded. So the mean is at most of the order $1/n$ away from $(0, 0)$.
#
# </details>
#
# ## 5. The smallest GAN
#
# Is the game $x y$ a fair model of a GAN? The smallest GAN (Mescheder et al. 2018) can tell. All
# data are the number 0. The generator outputs one number, $\theta$. The discriminator has one
# weight $\psi$, and its logit is $\psi x$. The losses are those of `gan/02`, and the equilibrium is
# $\theta = \psi = 0$.

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
sigma_1 = sigmoid(np.array(1.0))
at_one = psi_slope(1.0, 1.0)
lesson.check("derivative of D's loss at theta = psi = 1: sigma(1)", at_one, equals=sigma_1)
at_one = theta_slopes["minimax"](1.0, 1.0)
lesson.check("derivative of the minimax loss: -sigma(1)", at_one, equals=-sigma_1)

# %% [markdown]
# We use the three rules again, now for losses with given derivatives. `step_with` moves both
# players from $(\theta, \psi)$ with the gradients at another point, the current one or the trial
# point.

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
    "Three rules under the minimax loss (left) and under the non-saturating loss (right). Compare "
    "where the simultaneous steps (blue) end.",
)

# %%
last = {key: float(radius(path)[-1] / 2**0.5) for key, path in paths.items()}
rows = [[name, *(last[loss, name] for loss in theta_slopes)] for name in rules]
lesson.table(rows, ["distance at the end / at the start", *theta_slopes])

# %%
outward = last["minimax", "simultaneous"]
stays = last["minimax", "alternating"]
lesson.claim(
    "tiny GAN, minimax: last distance of simultaneous over alternating steps",
    outward / stays,
    at_least=2.0,
    source="theory: above 1 and growing; no random numbers, every seed gives 2.9",
)

# %%
caught = last["non-saturating", "simultaneous"]
lesson.claim(
    "tiny GAN, non-saturating, simultaneous: distance at the end, over the first",
    caught,
    between=(0.9 * h**0.5, 1.1 * h**0.5),
    source="theory: the root of h to leading order, here with 10 %",
)
inward = [last[loss, "extragradient"] for loss in theta_slopes]
lesson.claim(
    "tiny GAN, extragradient, either loss: distance at the end, over the first",
    inward,
    at_most=1e-2,
    source="theory: it converges; no random numbers, every seed gives 0.0013 and 0.0006",
)

# %%
on_circle = 0.8 * h**0.5 < caught < 1.2 * h**0.5
lesson.outcome(
    f"The distance after {steps} steps is {outward:.2f} times that of the start under the minimax "
    f"loss, and {caught:.2f} times under the non-saturating loss.",
    answer="minimax outward, non-saturating into a circle" if outward > 2 and on_circle else None,
)

# %% [markdown]
# Under the minimax loss both derivatives are those of $x y$ times $\sigma(\psi \theta)$. That is
# the same rotation at another speed, so all that we found returns. The non-saturating loss adds a
# weak contraction, which balances the growth of the simultaneous steps on a circle of radius about
# $\sqrt{2 h}$.
#
# <details><summary>Derivation: the spiral of the minimax loss, and the circle of the non-saturating
# one</summary>
#
# Let $l = \psi \theta$. The discriminator's loss is $\log 2 + \log(1 + e^l)$ with derivative
# $\theta \sigma(l)$ in $\psi$. The minimax loss is $-\log(1 + e^l)$ with derivative $-\psi
# \sigma(l)$ in $\theta$. A simultaneous step is $\theta' = \theta + h \sigma \psi$, $\psi' = \psi -
# h \sigma \theta$, so it multiplies the distance by $\sqrt{1 + h^2 \sigma(l)^2} > 1$.
#
# The non-saturating loss has the derivative $-\psi \sigma(-l)$ in $\theta$. Now $r^2 = \theta^2 +
# \psi^2$ changes in a step by
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
# What does this mean in practice? A loss that oscillates is what a GAN's training produces even
# when it works, so it shows neither success nor failure (`gan/08` measures that). Short alternating
# steps keep the oscillation bounded, but by themselves they do not end it.
#
# ## What this lesson does differently
#
# - The post's example moves both players at once. So does the wording of the GAN paper, whose
#   abstract says "we simultaneously train two models", while its Algorithm 1 alternates. We play
#   both ways, because the difference decides between a spiral and an orbit.
# - We add remedies, and a GAN with one parameter for each player.
# - We leave out why real GANs do better than this game. Their losses are not exactly bilinear, and
#   penalties on the discriminator's gradient damp the oscillation (Mescheder et al. 2018; the
#   penalty of `gan/12` is related).
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - "Once $x$ and $y$ have different signs, every following gradient update causes huge oscillation
#   and the instability gets worse in time": the signs have no part in it. Every step from the first
#   one on multiplies the distance by the same $\sqrt{1 + \eta^2}$, half a percent for $\eta = 0.1$.
# - "each model updates its cost independently": a model updates its *parameters*. Its cost changes
#   when the other model moves, too.
#
# ## To remember
#
# - In a game, steps that lower each player's own loss may lead away from the equilibrium.
# - On $x y$, simultaneous steps spiral outward, and alternating steps stay on an orbit.
# - Neither a shorter step nor momentum helps. To anticipate the other player does.
# - An oscillating loss says nothing about the quality of a GAN.
#
# **Next:** suppose that the discriminator does reach its optimum. `gan/05` shows why it can be
# perfect on real data, and `gan/06` what gradient the generator then receives.
#
# **Your turn:** `minigen exercise start gan/04`, then `minigen run gan/04 --with
# exercises/gan_04.py`.

# %%
lesson.finish()
