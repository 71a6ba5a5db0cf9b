# %% [markdown]
# # Change of variable theorem: how a map changes a density
#
# This lesson runs the section *Change of Variable Theorem* (flow.s04) of [Flow-based Deep
# Generative Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/), and the note on
# the inverse function theorem in the section after it. In this lesson:
#
# 1. Draw $z$ and compute $x = f(z)$. The density of $x$ is the density of $z$, divided by the
#    factor by which $f$ stretches lengths or volumes at that place.
# 2. On the line this factor is the absolute value of a slope. In $D$ dimensions it is the absolute
#    value of a determinant.
# 3. The theorem needs an invertible $f$. Every such map defines a model with an exact likelihood.
#
# It uses the Jacobian and the determinant (`flow/02`).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/03_change_of_variables",
    title="Change of variable theorem: how a map changes a density",
    post="flow",
    sections=["flow.s04"],
    figures=[],
    equations=["flow.03", "flow.04", "flow.07"],
    minutes=0.1,
    picture="lines",
    sources=["weng2018flow", "rezende2015flows"],
)

# %%
import autograd.numpy as np
from scipy.stats import norm

from minigen import plot
from minigen.flow.bijection import StandardNormal
from minigen.flow.change_of_variables import inverse_slope, jacobian_matrix
from minigen.flow.change_of_variables import pushforward_density, pushforward_log_prob

# %% [markdown]
# ## 1. Counting draws
#
# Let $z$ be uniform between 0 and 1, and $x = z^2$. Then $x$ is between 0 and 1, too. Is it also
# uniform?

# %%
even_z = np.linspace(0, 1, 41)
tops = np.stack([even_z, np.full(41, 1.0)], axis=1)
bottoms = np.stack([even_z**2, np.full(41, 0.0)], axis=1)
fig, ax = plot.figure(1, 1, size=(6.0, 2.4))
plot.trajectories(np.stack([tops, bottoms]), ax, bounds=(-0.05, 1.05, -0.1, 1.1), ends=False)
ax.set(xlabel="z (top) and x = z² (bottom)", yticks=[], aspect="auto")
lesson.figure(
    fig,
    "lines",
    "The upper ends are 41 evenly spaced values of z, and each line leads to the value x = z². The"
    " lower ends are not evenly spaced.",
)

# %% [markdown]
# We count. The density near 0.04 is the share of draws that fall between 0.035 and 0.045, divided
# by the width 0.01.

# %%
lesson.predict("What is the density of x = z² near 0.04?", ["0.04", "1", "2.5", "25"])

# %%
z = lesson.rng("even").random(lesson.size(1_000_000))
x = z**2
places = np.array([0.04, 0.25, 0.64])
shares = np.array([np.mean(np.abs(x - at) < 0.005) for at in places])
counted = shares / 0.01
errors = np.sqrt(shares * (1 - shares) / len(x)) / 0.01


# %%
def nearest(value, choices):
    """The choice, a number written as text, that is nearest to the value."""
    return min(choices, key=lambda choice: abs(float(choice) - value))


lesson.outcome(
    f"{counted[0]:.2f} ± {errors[0]:.2f}. The draws near 0.04 are those with z near 0.2. There x"
    " changes by 0.4 when z changes by 1, so an interval of x contains the draws of an interval of"
    " z that is 2.5 times as wide.",
    answer=nearest(counted[0], ["0.04", "1", "2.5", "25"]),
)
lesson.table(
    zip(places, np.sqrt(places), counted, errors),
    ["x", "generated from z", "density, counted", "standard error"],
)

# %% [markdown]
# ## 2. The theorem on the line
#
# The integral of a density is a sum of thin rectangles. Over a piece of the $z$-axis of width
# $\Delta z$ stands a rectangle with the height $\pi(z)$, the density of $z$. The map $f$ moves this
# piece to one of width $\Delta x$ at $x = f(z)$. The draws in both are the same, so the *areas* of
# the two rectangles are equal, and only widths and heights differ:
#
# $$p(x)\,|\Delta x| = \pi(z)\,|\Delta z| .$$
#
# Let $f^{-1}$ be the inverse of $f$, so that $z = f^{-1}(x)$. What is $p(x)$, if you know only
# $\pi$ and $f^{-1}$?

# %%
lesson.exercise("flow/03/pushforward_density")

# %%
lesson.show_source(pushforward_density)


def even(z):
    """The density of z: 1 between 0 and 1."""
    return ((z >= 0) & (z <= 1)).astype(float)


by_formula = pushforward_density(places, even, np.sqrt)
lesson.check("density of z² at 0.04, 0.25, 0.64", by_formula, equals=[2.5, 1.0, 0.625])
off = np.max(np.abs(counted - by_formula) / errors)
lesson.claim(
    "counted densities: largest difference from the formula, in standard errors",
    off,
    at_most=5,
    source="theory: five standard errors",
)

# %% [markdown]
# Divide by $|\Delta x|$, and let the widths go to 0. This is the *change of variable theorem*
# (Eq. flow.03), for a *1-1* map $f$:
#
# $$\int p(x)\,dx = \int \pi(z)\,dz = 1, \qquad
# p(x) = \pi(z)\left|\frac{dz}{dx}\right|
# = \pi(f^{-1}(x))\left|\frac{df^{-1}}{dx}\right| = \pi(f^{-1}(x))\,\big|(f^{-1})'(x)\big| .$$
#
# By hand: here $z = \sqrt x$, with the slope $1/(2\sqrt x)$. At 0.04 the slope is 2.5.

# %% [markdown]
# <details><summary>Derivation: the theorem on the line, from the distribution function</summary>
#
# Let $F(x)$ be the probability of a draw below $x$, so that $p = F'$, and let $\Pi$ be the same for
# $z$, so that $\pi = \Pi'$. If $f$ rises, then $f(z) \le x$ means $z \le f^{-1}(x)$. If $f$ falls,
# it means $z \ge f^{-1}(x)$. So
#
# $$
# F(x) = \Pi(f^{-1}(x)) \;\text{ ($f$ rises)}, \qquad
# F(x) = 1 - \Pi(f^{-1}(x)) \;\text{ ($f$ falls)} .
# $$
#
# The derivative is, by the chain rule, $p(x) = \pm\, \pi(f^{-1}(x))\, (f^{-1})'(x)$, with a plus
# if $f$ rises and a minus if $f$ falls. The slope of $f^{-1}$ has the same sign, so both cases are
# $\pi(f^{-1}(x))\, |(f^{-1})'(x)|$.
#
# </details>

# %%
places_of_falling = np.array([-2.0, 1.0, 2.5])
step = 1e-5
above = 1 - norm.cdf((1 - (places_of_falling + step)) / 3)  # F for x = 1 - 3z
below = 1 - norm.cdf((1 - (places_of_falling - step)) / 3)
slope_of_F = (above - below) / (2 * step)
p = pushforward_density(places_of_falling, norm.pdf, lambda x: (1 - x) / 3)
lesson.check("x = 1 - 3z: slope of F minus the formula", slope_of_F - p, equals=0.0)

# %% [markdown]
# Often we have $f$ and its slope, but no formula for $f^{-1}$. The *inverse function theorem* helps
# (Eq. flow.07). The slope of the inverse is one over the slope of the function, at the matching
# point:
#
# $$\frac{df^{-1}(y)}{dy} = \frac{dx}{dy} = \left(\frac{dy}{dx}\right)^{-1}
# = \left(\frac{df(x)}{dx}\right)^{-1}, \qquad y = f(x).$$
#
# (In this equation the letters are those of the post's note: $x$ is the input of $f$.) By hand: $y
# = x^3$ has the slope 12 at $x = 2$, where $y = 8$. So the cube root has the slope $1/12$ at 8, not
# at 2.

# %% [markdown]
# <details><summary>Derivation: the inverse function theorem</summary>
#
# $f^{-1}(f(x)) = x$ for every $x$. Differentiate both sides with the chain rule:
#
# $$(f^{-1})'(f(x)) \cdot f'(x) = 1, \qquad (f^{-1})'(y) = \frac{1}{f'(x)}, \quad y = f(x) .$$
#
# In $D$ dimensions the same two lines hold with Jacobian matrices: $\mathbf J_{f^{-1}}(\mathbf
# y)\, \mathbf J_f(\mathbf x) = I$, so $\mathbf J_{f^{-1}}(\mathbf y) = \mathbf J_f(\mathbf
# x)^{-1}$.
#
# </details>


# %%
def cube(x):
    return x**3


by_steps = ((8 + step) ** (1 / 3) - (8 - step) ** (1 / 3)) / (2 * step)
back = inverse_slope(cube, np.array([2.0]))[0]
lesson.check("slope of the cube root at 8, two ways", [back, by_steps], equals=2 * [1 / 12])

# %% [markdown]
# ## 3. Where is x most probable?
#
# Now $z$ from $\mathcal N(0, 1)$ and $x = e^z$, so $z = \log x$ with the slope $1/x$. The most
# probable $z$ is 0, and it is mapped to $e^0 = 1$.

# %%
lesson.predict("Where is the density of x = exp(z) highest?", ["at 0.37", "at 1", "at 2.7"])

# %%
x = np.linspace(0.01, 6.0, 600)
p = pushforward_density(x, norm.pdf, np.log)
top = x[np.argmax(p)]
lesson.outcome(
    f"At {top:.2f}, which is 1/e. To the left of 1 the density of z is smaller, but the map"
    " compresses lengths more. A map does not move the maximum of a density to the maximum.",
    answer="at " + nearest(top, ["0.37", "1", "2.7"]),
)
lesson.check("the maximum of the density", top, equals=np.exp(-1.0), atol=0.01)

# %% [markdown]
# Four maps, each tested in the same way: half a million draws in 60 bins, compared with the
# formula. Every count has a standard error, so we can test whether the differences are chance. And
# the formula must integrate to 1.


# %%
maps = {  # f, its inverse, and the range of the integral
    "1 - 3z (falls)": (lambda z: 1 - 3 * z, lambda x: (1 - x) / 3, (-17.0, 19.0)),
    "exp(z)": (np.exp, np.log, (1e-4, 60.0)),
    "-sinh(2z)": (lambda z: -np.sinh(2 * z), lambda x: -np.arcsinh(x) / 2, (-2000.0, 2000.0)),
    "tanh(z)": (np.tanh, np.arctanh, (-1 + 1e-9, 1 - 1e-9)),
}
shown = {
    "1 - 3z (falls)": (-8.0, 10.0),
    "exp(z)": (0.02, 5.0),
    "-sinh(2z)": (-4.0, 4.0),
    "tanh(z)": (-0.99, 0.99),
}

# %% [markdown]
# The expected share of a bin is the integral of the formula over it, by Simpson's rule on 20
# pieces. The total mass uses 2,000 such intervals, the smallest where $x$ is near 0.


# %%
def integral(p, low, high, pieces=20):
    """Simpson's rule; low and high may be arrays (B,), of B intervals at once."""
    w = np.ones(2 * pieces + 1)
    w[1:-1:2], w[2:-1:2] = 4, 2
    t = np.linspace(0, 1, 2 * pieces + 1)
    points = low + (high - low) * t[:, None]  # (41, B)
    values = np.stack([p(each) for each in points])
    return w @ values * (high - low) / (6 * pieces)


def total(p, low, high):
    """The integral of p from low to high, in pieces that grow with the distance from 0."""
    u = np.linspace(np.arcsinh(1e4 * low), np.arcsinh(1e4 * high), 2001)
    ends = np.sinh(u) / 1e4
    ends[0], ends[-1] = low, high  # not beyond, by rounding
    return np.sum(integral(p, ends[:-1], ends[1:]))


# %%
def misfit(x, p, low, high, bins=60):
    """(count - expected)/standard error of each bin, (bins,)."""
    edges = np.linspace(low, high, bins + 1)
    counts, _ = np.histogram(x, edges)
    expected = len(x) * integral(p, edges[:-1], edges[1:])
    return (counts - expected) / np.sqrt(expected * (1 - expected / len(x)))


z = lesson.rng("z").standard_normal(lesson.size(500_000))
rows = []
for name, (f, back, whole) in maps.items():

    def density(x, back=back):
        return pushforward_density(x, norm.pdf, back)

    errors = misfit(f(z), density, *shown[name])
    rows.append([name, total(density, *whole), np.mean(errors**2), np.max(np.abs(errors))])

# %%
header = ["map", "total mass", "mean square", "largest"]
lesson.table(rows, header, "misfit of 60 bins, in standard errors")
masses = [row[1] for row in rows]
lesson.check("total mass of each", masses, equals=1.0, atol=1e-3)
largest = [row[3] for row in rows]
lesson.claim(
    "largest misfit of 60 bins, in standard errors",
    largest,
    at_most=5,
    source="theory: five standard errors",
)

# %%
fig, axes = plot.figure(1, 4, size=(2.9, 2.6))
for ax, (name, (f, back, _)) in zip(axes, maps.items()):

    def density(x, back=back):
        return pushforward_density(x, norm.pdf, back)

    some = f(z[:100_000])
    low, high = shown[name]
    plot.histogram(some[(some > low) & (some < high)], ax, bounds=(low, high), title=f"x = {name}")
    share = norm.cdf(abs(back(high))) - norm.cdf(-abs(back(low)))
    grid = np.linspace(low, high, 400)
    ax.plot(grid, density(grid) / share, color=plot.color.ink)
lesson.figure(
    fig,
    "four_maps",
    "Blue: the draws in the part shown. Black: the formula. On the right the map compresses large"
    " |z| towards -1 and 1, so the density has two maxima, although that of z has one.",
)

# %% [markdown]
# ## 4. Three wrong formulas
#
# The map $f(z) = 1 - 3z$ falls. Each of three formulas has one mistake: (a) has no absolute value,
# (b) has the inverse ratio, $dx/dz$ in place of $dz/dx$, and (c) has no slope.

# %%
lesson.predict(
    "What are the total masses of these densities?",
    ["-1, 9, 3", "1, 1/9, 1/3", "-1, 3, 9", "-1, 1/3, 1"],
)

# %%
a = -3  # f(z) = 1 + a z
slope = 1 / a  # of the inverse, z = (x - 1)/a
wrong = {
    "(a) no absolute value": lambda x: norm.pdf((x - 1) / a) * slope,
    "(b) inverse ratio": lambda x: norm.pdf((x - 1) / a) / np.abs(slope),
    "(c) no slope": lambda x: norm.pdf((x - 1) / a),
}
masses = [total(p, -17.0, 19.0) for p in wrong.values()]
lesson.table(zip(wrong, masses), ["mistake", "total mass"])

# %%
lesson.check("masses of (a), (b), (c)", masses, equals=[-1, 9, 3], atol=1e-3)
rounded = ", ".join(f"{mass:.0f}" for mass in masses)
choices = ["-1, 9, 3", "1, 1/9, 1/3", "-1, 3, 9", "-1, 1/3, 1"]
lesson.outcome(
    f"They are {rounded}. A function with another mass than 1 is not a density, so integrate it"
    " where you can.",
    answer=rounded if rounded in choices else None,
)

# %% [markdown]
# In training, (b) and (c) are more dangerous than (a), because both reward stretching. Take $f(z) =
# 1 + az$, the example $x = 3$, and an $|a|$ that grows. The right log-likelihood is $\log\pi(2/a) -
# \log|a|$, which is largest at $|a| = 2$. Formula (b) gives $\log\pi(2/a) + \log|a|$ and rises
# without bound. Formula (c) gives $\log\pi(2/a)$ and rises too, but only towards $\log\pi(0) =
# -0.919$.

# %%
rows = []
for size in (1.0, 2.0, 100.0, 10_000.0):
    log_pi = norm.logpdf((3.0 - 1) / size)  # of z, for x = 3
    rows.append([size, log_pi - np.log(size), log_pi + np.log(size), log_pi])
lesson.table(rows, ["|a|", "right", "(b) inverse ratio", "(c) no slope"], "log-likelihood of x = 3")
lesson.check("(b) and (c) at |a| = 10,000", rows[-1][2:], equals=[8.2914, -0.9189], atol=1e-3)

# %%
lesson.change(
    "a map that does not stretch",
    "Let the map be $f(z) = 1 - z$: change `a = -3` to `a = -1` and run again. Which of the "
    "three mistakes changes the total mass now?",
    answer="Only (a): the masses are -1, 1 and 1. Where the slope has the absolute value 1, it "
    "makes no difference whether a density is multiplied by it, divided by it, or neither.",
)

# %% [markdown]
# ## 5. In more dimensions
#
# A small cube at $\mathbf z$ becomes a small parallelepiped at $\mathbf x$. Its volume is $|\det|$
# of the Jacobian times the volume of the cube (`flow/02`), and it contains the same probability.
#
# By hand: $x = (2 z_1, 3 z_2)$. Areas grow by a factor of 6. At $z = (0, 0)$ the density of two
# standard normal numbers is $1/2\pi$. So at $x = (0, 0)$ it is $1/12\pi$, and its logarithm is
# $-\log 12\pi = -3.63$.

# %%
lesson.exercise("flow/03/pushforward_log_prob")

# %%
lesson.show_source(pushforward_log_prob)
plane = StandardNormal(2)
stretch = np.array([2.0, 3.0])
at_zero = pushforward_log_prob(np.zeros((1, 2)), plane.log_prob, lambda x: x / stretch)
lesson.check("log density at 0 of (2 z1, 3 z2)", at_zero[0], equals=-np.log(12 * np.pi))

# %% [markdown]
# In place of the slope there is a determinant (Eq. flow.04). With $\frac{df^{-1}}{d\mathbf x}$ the
# Jacobian matrix of the inverse,
#
# $$\mathbf z \sim \pi(\mathbf z),\; \mathbf x = f(\mathbf z), \qquad
# p(\mathbf x) = \pi(\mathbf z)\left|\det\frac{d\mathbf z}{d\mathbf x}\right|
# = \pi(f^{-1}(\mathbf x))\left|\det\frac{df^{-1}}{d\mathbf x}\right| .$$
#
# The post leaves out the proof of this equation. Here it is, for smooth maps:

# %% [markdown]
# <details><summary>Derivation: the change of variables in D dimensions</summary>
#
# Let $C$ be a cube with side $h$ and center $\mathbf z$. Since $f$ is 1-1, a draw lies in $C$
# exactly if its image lies in $f(C)$, so both have the same probability:
#
# $$\int_{f(C)} p(\mathbf x')\, d\mathbf x' = \int_C \pi(\mathbf z')\, d\mathbf z' .$$
#
# For small $h$ both densities are nearly constant in these regions. The right side is $\pi(\mathbf
# z)\, h^D$ and the left side $p(\mathbf x) \operatorname{vol} f(C)$, up to factors that go to 1.
# Near $\mathbf z$ the map is nearly linear, with an error of order $h^2$ (`flow/02`), so $f(C)$ is
# nearly a parallelepiped:
#
# $$\operatorname{vol} f(C) = |\det \mathbf J_f(\mathbf z)|\, h^D\, (1 + O(h)) .$$
#
# Divide by $h^D$ and let $h \to 0$: $p(\mathbf x)\, |\det \mathbf J_f(\mathbf z)| = \pi(\mathbf
# z)$. By the inverse function theorem $1/\det \mathbf J_f(\mathbf z) = \det \mathbf
# J_{f^{-1}}(\mathbf x)$, which gives Eq. flow.04.
#
# </details>

# %% [markdown]
# Now a map that is far from linear. $z_2$ is multiplied by a function of $z_1$, then $z_1$ is
# shifted by a function of the new $z_2$, and finally the second coordinate is mirrored, so that the
# determinant is negative. Each step can be inverted, in the opposite order.


# %%
def f(z):
    u2 = z[:, 1] * np.exp(0.8 * np.sin(1.5 * z[:, 0]))
    u1 = z[:, 0] + 1.2 * np.tanh(u2)
    return np.stack([u1, -u2], axis=1)


def inverse(x):
    u2 = -x[:, 1]
    z1 = x[:, 0] - 1.2 * np.tanh(u2)
    return np.stack([z1, u2 * np.exp(-0.8 * np.sin(1.5 * z1))], axis=1)


def p_x(x):
    return np.exp(pushforward_log_prob(x, plane.log_prob, inverse))


# %%
z = lesson.rng("plane").standard_normal((lesson.size(200_000), 2))
x = f(z)
off = np.abs(inverse(x[:1000]) - z[:1000]).max()
lesson.check("from z to x to z, largest difference", off, at_most=1e-9)
J = jacobian_matrix(lambda v: f(v[None])[0], z[0])
J_back = jacobian_matrix(lambda v: inverse(v[None])[0], x[0])
lesson.check("Eq. flow.07 with matrices: J_back J = I", J_back @ J, equals=np.eye(2), atol=1e-9)
lesson.check("the determinant is negative", np.linalg.det(J) < 0)

# %% [markdown]
# The derivation says: as a cube shrinks, its probability over the volume of its image goes to
# $p(\mathbf x)$. Take squares with side $h$ around one $\mathbf z$. The area of the image is that
# of a polygon with 400 corners.

# %%
center = np.array([0.4, -0.7])
t = np.arange(100) / 100
flat = np.zeros(100)
around = np.concatenate([t, flat + 1, 1 - t, flat])  # once around the unit square
up = np.concatenate([flat, t, flat + 1, 1 - t])
edge = np.stack([around, up], axis=1)  # (400, 2)
ratios = []
for h in (0.4, 0.2, 0.1, 0.05):
    low, high = center - h / 2, center + h / 2
    x1, x2 = f(low + h * edge).T
    area = 0.5 * abs(np.sum(x1 * np.roll(x2, -1) - x2 * np.roll(x1, -1)))
    ratios.append([h, np.prod(norm.cdf(high) - norm.cdf(low)) / area])

# %%
p_center = p_x(f(center[None]))[0]
rows = [[h, ratio, ratio / p_center - 1] for h, ratio in ratios]
lesson.table(rows, ["side h", "probability / area", "relative difference from p(x)"])
lesson.check("at h = 0.05: relative difference", abs(rows[-1][2]), at_most=0.01)

# %% [markdown]
# Then the whole plane, in cells of 0.2 × 0.2. In each we compare the count with the mean of the
# formula over 3 × 3 places. The sum over all cells is the total mass. (The mass beyond ±9 is
# negligible.)

# %%
cells, inner = lesson.size(90, quick=30), 3
side = 18 / cells
fine = -9 + side / inner * (np.arange(cells * inner) + 0.5)
points = np.stack(np.meshgrid(fine, fine, indexing="ij"), axis=-1).reshape(-1, 2)
values = p_x(points).reshape(cells, inner, cells, inner).mean(axis=(1, 3))  # (cells, cells)
edges = np.linspace(-9, 9, cells + 1)
counts, _, _ = np.histogram2d(*x.T, bins=[edges, edges])

# %%
expected = len(x) * values * side**2
enough = expected > 20
chance = (counts - expected)[enough] / np.sqrt(expected[enough])
mass = values.sum() * side**2
rows = [["right", mass, np.mean(chance**2)]]
lesson.claim("total mass in the plane", mass, equals=1.0, atol=1e-3, source="theory")
threshold = 1 + 5 * np.sqrt(2 / enough.sum())
lesson.claim(
    "2-D: mean square misfit of a cell, in standard errors",
    rows[0][2],
    at_most=threshold,
    source="theory: 1, plus five standard errors",
)

# %% [markdown]
# Chance alone gives 1, and the threshold is five standard errors of such a mean above it. Would
# this test detect a mistake? We repeat it without the determinant:

# %%
no_det = np.exp(plane.log_prob(inverse(points)))
values_wrong = no_det.reshape(cells, inner, cells, inner).mean(axis=(1, 3))
expected_wrong = len(x) * values_wrong * side**2
seen = expected_wrong > 20
squares = (counts - expected_wrong)[seen] ** 2 / expected_wrong[seen]
rows.append(["without the determinant", values_wrong.sum() * side**2, np.mean(squares)])
lesson.table(rows, ["density", "total mass", "mean square misfit of a cell"])
lesson.claim(
    "without the determinant: mean square misfit",
    rows[1][2],
    at_least=20,
    source="ten seeds: 84 to 86, and at most 1.06 with the determinant; threshold: a quarter",
)

# %%
fig, axes = plot.figure(1, 3, size=(3.6, 3.3))
box = (-4, 4, -4, 4)
plot.density(lambda z: np.exp(plane.log_prob(z)), axes[0], bounds=box, title="density of z")
plot.density(x, axes[1], bounds=box, title=f"{len(x):,} draws of x, counted")
plot.density(
    p_x, axes[2], bounds=box, n=lesson.size(120, quick=60), title="density of x, by the formula"
)
lesson.figure(
    fig,
    "plane",
    "Left: the density of z. The two panels on the right show the density of x, by counting and by"
    " the formula.",
)

# %% [markdown]
# ## 6. Many dimensions, and units
#
# An MNIST image has 784 pixels. Let all of them be doubled, $x = 2z$, as in a change of the unit in
# which gray levels are measured.

# %%
lesson.predict(
    "By how much does log p of the image change?",
    ["it falls by 0.69 nats", "it falls by 543 nats", "not at all: it is the same image"],
)

# %%
many = StandardNormal(784)
z = lesson.rng("pixels").standard_normal((1, 784))
change = pushforward_log_prob(2 * z, many.log_prob, lambda x: x / 2)[0] - many.log_prob(z)[0]
lesson.outcome(
    f"It changes by {change:.1f}, which is -784 log 2. A log-density depends on its units, so two"
    " models can be compared only by densities of the same numbers.",
    answer="it falls by 543 nats",
)
lesson.check("change of log p", change, equals=-784 * np.log(2), atol=1e-6)

# %% [markdown]
# That cell computed a Jacobian of 784 × 784 numbers, for a map that needs none. A flow is a map
# whose determinant is known without the Jacobian.
#
# ## 7. A map that is not 1-1
#
# Let $z$ be normal again and $x = z^2$. Now $z$ and $-z$ are mapped to the same $x$, and there is
# no $f^{-1}$. Suppose that we take $z = \sqrt x$ nevertheless.

# %%
lesson.predict("The total mass of the formula with z = √x is", ["1", "1/2", "2"])

# %%
mass = total(lambda x: pushforward_density(x, norm.pdf, np.sqrt), 1e-6, 80.0)
other = total(lambda x: pushforward_density(x, norm.pdf, lambda x: -np.sqrt(x)), 1e-6, 80.0)
lesson.check("mass of each half", [mass, other], equals=[0.5, 0.5], atol=1e-3)
lesson.outcome(
    f"{mass:.3f}: the draws with z < 0 are left out. The formula for z = -√x has the other"
    f" {other:.3f}, and the density of x is the sum of both.",
    answer="1/2",
)

# %% [markdown]
# For a network in place of the square we cannot list all the $z$ that lead to an $x$. This is why a
# GAN's generator gives no density (`flow/01`), and why flows use only invertible maps. Rezende and
# Mohamed (2015) chain many of them (`flow/04`).
#
# ## 8. Where the post is loose
#
# - “Here $\vert(f^{-1}(x))'\vert$ indicates the ratio between the area of rectangles defined in two
#   different coordinate of variables $z$ and $x$ respectively”: it is the ratio of the *widths*,
#   $|\Delta z|/|\Delta x|$. The areas are equal, since they are the same probability.
# - “where $\det \frac{\partial f}{\partial\mathbf{z}}$ is the Jacobian determinant of the function
#   $f$”: this symbol is not in the equation that it explains, Eq. flow.04, which has the
#   determinant of the inverse, $\det\frac{df^{-1}}{d\mathbf x}$. Each is one over the other.
#
# **Left out:** maps that are not smooth, and maps between different dimensions. **Next:** one map
# after another, each with a determinant that needs no Jacobian: a normalizing flow (`flow/04`).
#
# **Your turn:** `minigen exercise start flow/03`, then `minigen run flow/03 --with
# exercises/flow_03.py`.

# %%
lesson.finish()
