# %% [markdown]
# # How a map changes a density
#
# The section *Change of Variable Theorem* (flow.s04) of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/), run. To take away:
#
# 1. Draw $z$, compute $x = f(z)$: the density of $x$ is that of $z$, divided by how much $f$
#    stretches the place.
# 2. On the line the stretching is a slope, in $D$ dimensions a determinant; in either case its
#    size, without the sign.
# 3. The theorem needs an $f$ that can be undone. With it any map becomes a model with an exact
#    likelihood.
#
# Needed: Jacobian and determinant (`flow/02`).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/03_change_of_variables",
    title="How a map changes a density",
    post="flow",
    sections=["flow.s04"],
    figures=[],
    equations=["flow.03", "flow.04", "flow.07"],
    minutes=0.2,
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
# ## 1. Counting
#
# Let $z$ be spread evenly between 0 and 1, and $x = z^2$. All of $x$ also lies between 0 and 1. Is
# it spread evenly? We count: a density near 0.04 is the share of the draws that fall between 0.035
# and 0.045, divided by the width 0.01.

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
lesson.outcome(
    f"{counted[0]:.2f} ± {errors[0]:.2f}. The draws near 0.04 are those with z near 0.2. There x"
    " moves by 0.4 when z moves by 1: two and a half times as many draws on the same width.",
    answer="2.5",
)
lesson.table(
    zip(places, np.sqrt(places), counted, errors),
    ["x", "comes from z", "density, counted", "standard error"],
)

# %% [markdown]
# ## 2. The theorem on the line
#
# Nothing gets lost: the draws between $z$ and $z + dz$ are those between $x$ and $x + dx$. So
#
# $$p(x)\,|dx| = \pi(z)\,|dz| .$$
#
# $\pi$ is the density of $z$, and $f^{-1}$ the way back from $x$ to $z$. What is $p(x)$, if $\pi$
# and $f^{-1}$ are all that you know?

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
lesson.claim("counted densities: off by, in standard errors", off, at_most=5)

# %% [markdown]
# Divided by $|dx|$, the equation is the theorem (Eq. flow.03):
#
# $$\int p(x)\,dx = \int \pi(z)\,dz = 1, \qquad
# p(x) = \pi(z)\left|\frac{dz}{dx}\right| = \pi(f^{-1}(x))\,\big|(f^{-1})'(x)\big| .$$
#
# Here $z = \sqrt x$, with slope $1/(2\sqrt x)$: at 0.04 that is 2.5.
#
# Often one has $f$ and its slope, and no formula for $f^{-1}$. The *inverse function theorem* helps
# (Eq. flow.07): the slope of the way back is one over the slope of the way there,
#
# $$\frac{df^{-1}(y)}{dy} = \frac{dx}{dy} = \left(\frac{dy}{dx}\right)^{-1}
# = \left(\frac{df(x)}{dx}\right)^{-1}, \qquad y = f(x).$$
#
# By hand: $y = x^3$ has the slope 12 at $x = 2$, where $y = 8$. So the cube root has the slope
# $1/12$ at 8 (not at 2!).


# %%
def cube(x):
    return x**3


step = 1e-5
by_steps = ((8 + step) ** (1 / 3) - (8 - step) ** (1 / 3)) / (2 * step)
back = inverse_slope(cube, np.array([2.0]))[0]
lesson.check("slope of the cube root at 8, two ways", [back, by_steps], equals=2 * [1 / 12])

# %% [markdown]
# ## 3. Where is x most probable?
#
# Now $z$ from $\mathcal N(0, 1)$ and $x = e^z$, so $z = \log x$ with slope $1/x$. The most probable
# $z$ is 0, and it goes to $e^0 = 1$.

# %%
lesson.predict("Where is the density of x = exp(z) highest?", ["at 0.37", "at 1", "at 2.7"])

# %%
x = np.linspace(0.01, 6.0, 600)
p = pushforward_density(x, norm.pdf, np.log)
lesson.outcome(
    f"At {x[np.argmax(p)]:.2f}, which is 1/e: left of 1 the points are pressed together, and that"
    " outweighs that fewer of them come there. A map does not carry the top of a density to the"
    " top.",
    answer="at 0.37",
)
lesson.check("the top", x[np.argmax(p)], equals=np.exp(-1.0), atol=0.01)

# %% [markdown]
# Four maps, each tried in the same way: half a million draws in 60 bins, against the formula. Every
# bin's count has a standard error, so we can ask whether the differences are chance. And the
# formula must integrate to 1.

# %%
maps = {  # f, its inverse, and where to look
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
# pieces; the total has 2,000 times as many, the smallest where $x$ is near 0.


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
lesson.claim("largest misfit of 60 bins, in standard errors", largest, at_most=5)

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
    "Blue: draws, of the part shown. Black: the formula. On the right the noise is pressed against"
    " -1 and 1, and the density has two tops, though that of z has one.",
)

# %% [markdown]
# ## 4. Leave a piece out
#
# The map $f(z) = 1 - 3z$ falls. Three colleagues made one mistake each: (a) forgot the $|\cdot|$,
# (b) turned the ratio round, $dx/dz$ for $dz/dx$, (c) forgot the slope.

# %%
lesson.predict(
    "What are the total masses of their densities?",
    ["-1, 9, 3", "1, 1/9, 1/3", "-1, 3, 9", "-1, 1/3, 1"],
)

# %%
a = -3  # f(z) = 1 + a z
slope = 1 / a  # of the way back, z = (x - 1)/a
wrong = {
    "(a) no absolute value": lambda x: norm.pdf((x - 1) / a) * slope,
    "(b) the ratio turned round": lambda x: norm.pdf((x - 1) / a) / np.abs(slope),
    "(c) no slope": lambda x: norm.pdf((x - 1) / a),
}
masses = [total(p, -17.0, 19.0) for p in wrong.values()]
lesson.table(zip(wrong, masses), ["mistake", "total mass"])

# %%
lesson.check("masses of (a), (b), (c)", masses, equals=[-1, 9, 3], atol=1e-3)
lesson.outcome(
    "A density with the wrong mass is no density: always integrate it where you can. The last two"
    " are dangerous in training. Their log-likelihood is too high, and rises without end if f is"
    " allowed to stretch.",
    answer="-1, 9, 3",
)

# %%
lesson.change(
    "a map that does not stretch",
    "Let the map be $f(z) = 1 - z$: change `a = -3` to `a = -1` and run again. Which of the "
    "three mistakes can still be seen in the mass?",
    answer="Only (a): the masses are -1, 1 and 1. Where the slope has the size 1, it makes no "
    "difference whether a density is multiplied by it, divided by it, or neither.",
)

# %% [markdown]
# ## 5. In more dimensions
#
# A small cube at $z$ becomes a small slanted box at $x$; its volume is $|\det|$ of the Jacobian
# times that of the cube. The box holds as much probability as the cube did.
#
# By hand: $x = (2 z_1, 3 z_2)$. Areas grow by 6. At $z = (0, 0)$ the density of two standard normal
# numbers is $1/2\pi$, so at $x = (0, 0)$ it is $1/12\pi$; its logarithm $-\log 12\pi = -3.63$.

# %%
lesson.exercise("flow/03/pushforward_log_prob")

# %%
lesson.show_source(pushforward_log_prob)
plane = StandardNormal(2)
stretch = np.array([2.0, 3.0])
at_zero = pushforward_log_prob(np.zeros((1, 2)), plane.log_prob, lambda x: x / stretch)
lesson.check("log density at 0 of (2 z1, 3 z2)", at_zero[0], equals=-np.log(12 * np.pi))

# %% [markdown]
# The slope has become a determinant (Eq. flow.04). With $\frac{df^{-1}}{d\mathbf x}$ the Jacobian
# matrix of the way back,
#
# $$\mathbf z \sim \pi(\mathbf z),\; \mathbf x = f(\mathbf z), \qquad
# p(\mathbf x) = \pi(\mathbf z)\left|\det\frac{d\mathbf z}{d\mathbf x}\right|
# = \pi(f^{-1}(\mathbf x))\left|\det\frac{df^{-1}}{d\mathbf x}\right| .$$
#
# Now a map that is far from straight: $z_2$ is scaled by something that depends on $z_1$, then
# $z_1$ is shifted by something that depends on the new $z_2$, and at last the second number is
# mirrored, so that the determinant is negative. Each move can be undone, in the opposite order.


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
lesson.check("there and back", np.abs(inverse(x[:1000]) - z[:1000]).max(), at_most=1e-9)
J = jacobian_matrix(lambda v: f(v[None])[0], z[0])
J_back = jacobian_matrix(lambda v: inverse(v[None])[0], x[0])
lesson.check("Eq. flow.07 with matrices: J_back J = 1", J_back @ J, equals=np.eye(2), atol=1e-9)
lesson.check("the determinant is negative", np.linalg.det(J) < 0)

# %% [markdown]
# Cells of 0.2 × 0.2; in each the mean of the formula over 3 × 3 places, against the count. The sum
# over all cells is the total mass. (Beyond ±9 nearly nothing is left.)

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
lesson.claim("total mass in the plane", mass, equals=1.0, atol=1e-3)
bar = 1 + 5 * np.sqrt(2 / enough.sum())
lesson.claim("2-D: mean square misfit of a cell, in standard errors", rows[0][2], at_most=bar)

# %% [markdown]
# The bar is five standard errors of such a mean above the 1 that chance alone gives. Would we
# notice a mistake? Without the determinant:

# %%
no_det = np.exp(plane.log_prob(inverse(points)))
values_wrong = no_det.reshape(cells, inner, cells, inner).mean(axis=(1, 3))
expected_wrong = len(x) * values_wrong * side**2
seen = expected_wrong > 20
squares = (counts - expected_wrong)[seen] ** 2 / expected_wrong[seen]
rows.append(["without the determinant", values_wrong.sum() * side**2, np.mean(squares)])
lesson.table(rows, ["density", "total mass", "mean square misfit of a cell"])
lesson.claim("without the determinant: mean square misfit", rows[1][2], at_least=2)

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
    "The two on the right agree, cell by cell. Look for the dark neck: there the map presses the"
    " points together.",
)

# %% [markdown]
# ## 6. Many dimensions, and units
#
# A picture has 784 pixels. Let all of them be doubled, $x = 2z$, as when one changes from one unit
# of gray to another.

# %%
lesson.predict(
    "By how much does log p of the picture change?",
    ["it falls by 0.69 nats", "it falls by 543 nats", "not at all: it is the same picture"],
)

# %%
many = StandardNormal(784)
z = lesson.rng("pixels").standard_normal((1, 784))
change = pushforward_log_prob(2 * z, many.log_prob, lambda x: x / 2)[0] - many.log_prob(z)[0]
lesson.outcome(
    f"It changes by {change:.1f}, 784 times log 2. A log-density means nothing without its units:"
    " two models are comparable only if both speak of the same numbers.",
    answer="it falls by 543 nats",
)
lesson.check("change of log p", change, equals=-784 * np.log(2), atol=1e-6)

# %% [markdown]
# That cell made a Jacobian of 784 × 784 numbers, for a map that needed none. A flow is a map whose
# determinant is known without it.
#
# ## 7. A map that cannot be undone
#
# Let $z$ be normal again and $x = z^2$. Now $z$ and $-z$ meet in one $x$, and there is no $f^{-1}$.
# Suppose one takes $z = \sqrt x$ all the same.

# %%
lesson.predict("The total mass of the formula with z = √x is", ["1", "1/2", "2"])

# %%
mass = total(lambda x: pushforward_density(x, norm.pdf, np.sqrt), 1e-6, 80.0)
other = total(lambda x: pushforward_density(x, norm.pdf, lambda x: -np.sqrt(x)), 1e-6, 80.0)
lesson.check("mass of each half", [mass, other], equals=[0.5, 0.5], atol=1e-3)
lesson.outcome(
    f"{mass:.3f}: the draws with z < 0 are forgotten. One must add the formula for z = -√x, which"
    f" has the other {other:.3f}.",
    answer="1/2",
)

# %% [markdown]
# With a network in place of the square nobody could list all the $z$ that lead to an $x$. That is
# why a GAN's generator gives no density (`flow/01`), and why a flow allows only maps that can be
# undone.
#
# ## 8. Where the post is loose
#
# - Eq. flow.04 uses the determinant of the way *back*, $df^{-1}/d\mathbf x$; the words around it
#   speak of that of $f$. Each is one over the other.
# - Eq. flow.07 writes $y = f(x)$, where in the rest $x = f(z)$; and it is to be read at matching
#   points: the slope of $f^{-1}$ at $y$, the slope of $f$ at $x$.
#
# **Left out:** maps that are not smooth, and maps between different dimensions. **Next:** one map
# after another, each with a determinant that costs nothing: a normalizing flow (`flow/04`).
#
# **Your turn:** `minigen exercise start flow/03`, then `minigen run flow/03 --with
# exercises/flow_03.py`.

# %%
lesson.finish()
