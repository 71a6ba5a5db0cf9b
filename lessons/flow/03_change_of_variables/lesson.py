# %% [markdown]
# # Change of variable theorem: how a map changes a density
#
# Draw noise $z$ from a density that you know, and compute $x = f(z)$. Many generators begin like
# this, and a GAN stops here: it can draw $x$, but nobody can tell how probable $x$ is. The obvious
# answer is that $x$ is as probable as the $z$ it comes from. It fails, because a density is a
# probability *per length*, and the map changes lengths. What is the density of $x$?
#
# We count draws (section 1), find the rule on a line (2), ask where x is most probable (3), break
# it in three ways (4), and carry it to the plane (5) and to images (6). At the end we ask for which
# maps it fails (7). This lesson follows the section *Change of Variable Theorem* of [Flow-based
# Deep Generative Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/), and the note
# on the inverse function theorem in the section after it.
#
# Before this lesson: `flow/02`.

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
    picture="plane",
    sources=["weng2018flow", "rezende2015flows"],
)

# %%
import autograd.numpy as np
from scipy.stats import multivariate_normal, norm

from minigen import plot
from minigen.flow.bijection import StandardNormal
from minigen.flow.change_of_variables import inverse_slope, jacobian_matrix
from minigen.flow.change_of_variables import pushforward_density, pushforward_log_prob

# %% [markdown]
# ## 1. Counting draws
#
# Let's begin with the simplest density there is. Let $z$ be uniform between 0 and 1, and $x = z^2$.
# Then $x$ is between 0 and 1 as well. Is it also uniform?

# %%
even_z = np.linspace(0, 1, 41)
ends = np.stack([np.stack([even_z, 0 * even_z + 1], 1), np.stack([even_z**2, 0 * even_z], 1)])
fig, ax = plot.figure(1, 1, size=(6.0, 2.4))
plot.trajectories(ends, ax, bounds=(-0.05, 1.05, -0.1, 1.1), ends=False)
ax.set(xlabel="z (top) and x = z² (bottom)", yticks=[], aspect="auto")
lesson.figure(
    fig,
    "lines",
    "The upper ends of the blue lines are 41 evenly spaced values of z, and each line leads to the "
    "value x = z². Compare the gaps at the bottom.",
)

# %% [markdown]
# It is not, but what is its density? The density near 0.04 is the fraction of draws that fall
# between 0.035 and 0.045, divided by the width 0.01. We count a million draws.

# %%
lesson.predict("What is the density of x = z² near 0.04?", ["0.04", "1", "2.5", "25"])

# %%
z = lesson.rng("even").random(lesson.size(1_000_000))
x = z**2
places = np.array([0.04, 0.25, 0.64])
hits = np.array([np.mean(np.abs(x - at) < 0.005) for at in places])
counted = hits / 0.01
errors = np.sqrt(hits * (1 - hits) / len(x)) / 0.01


# %%
lesson.outcome(
    f"The counted density is {counted[0]:.2f} ± {errors[0]:.2f}, because near z = 0.2 a step of z "
    "becomes a step of x that is 0.4 times as long. So an interval of x contains the draws of an "
    "interval of z that is 2.5 times as wide.",
    answer="2.5" if abs(counted[0] - 2.5) < 0.5 else None,
)
lesson.table(
    zip(places, np.sqrt(places), counted, errors),
    ["x", "comes from z", "density, counted", "standard error"],
)

# %% [markdown]
# Where the map pushes draws together, the density rises, and where it pulls them apart, it falls.
# That is the whole theorem. What is missing is a formula, because nobody wants to count a million
# draws for every $x$.
#
# ## 2. The theorem on the line
#
# How does the map turn one density into the other? The integral of a density is a sum of thin
# rectangles. Over a piece of the $z$-axis of width $\Delta z$ there is a rectangle of height
# $\pi(z)$, the density of $z$. The map $f$ moves this piece to one of width $\Delta x$ at $x =
# f(z)$. Both contain the same draws, so the *areas* of the two rectangles are equal:
#
# $$p(x)\,|\Delta x| = \pi(z)\,|\Delta z| .$$
#
# Divide by $|\Delta x|$, and let the widths go to 0. With the inverse $f^{-1}$, so that $z =
# f^{-1}(x)$, this is the *change of variable theorem* for a *1-1* map, one that never takes two
# values of $z$ to the same $x$ (Eq. flow.03):
#
# $$\int p(x)\,dx = \int \pi(z)\,dz = 1, \qquad
# p(x) = \pi(z)\left|\frac{dz}{dx}\right|
# = \pi(f^{-1}(x))\left|\frac{df^{-1}}{dx}\right| = \pi(f^{-1}(x))\,\big|(f^{-1})'(x)\big| .$$
#
# In words, go back to $z$, look up its density, and multiply by the stretching on the way back. For
# example, $z = \sqrt x$ has slope $1/(2\sqrt x)$, which is 2.5 at 0.04. The density of $x = f(z)$
# is called the *pushforward* of the density of $z$, because $f$ pushes the draws forward.

# %%
lesson.exercise("flow/03/pushforward_density")

# %%
lesson.show_source(pushforward_density)
by_formula = pushforward_density(places, np.ones_like, np.sqrt)  # z has density 1
lesson.check("density of z² at 0.04, 0.25, 0.64", by_formula, equals=[2.5, 1.0, 0.625])
off = np.max(np.abs(counted - by_formula) / errors)
lesson.claim(
    "counted densities: largest difference from the formula, in standard errors",
    off,
    at_most=5,
    source="theory: five standard errors",
)

# %% [markdown]
# Often we have $f$ and its slope, but no formula for $f^{-1}$. Then the *inverse function theorem*
# helps (Eq. flow.07), here in the letters of the post, in which $x$ is the input and $y = f(x)$:
#
# $$\frac{df^{-1}(y)}{dy} = \frac{dx}{dy} = \left(\frac{dy}{dx}\right)^{-1}
# = \left(\frac{df(x)}{dx}\right)^{-1} .$$
#
# In words, the slope of the inverse is one over the slope of the function, *at the matching point*.
# (To see why, differentiate $f^{-1}(f(x)) = x$.) For example, $y = x^3$ has slope 12 at $x = 2$,
# where $y = 8$. So the cube root has slope $1/12$ at 8, not at 2. We compute this slope in two
# ways. The package's `inverse_slope` differentiates $f$ automatically at $x = 2$ and returns one
# over the result. The other way takes a small step in $y$ on either side of 8.


# %%
def cube(x):
    return x**3


back, step = inverse_slope(cube, np.array([2.0]))[0], 1e-5
by_steps = ((8 + step) ** (1 / 3) - (8 - step) ** (1 / 3)) / (2 * step)
lesson.check("slope of the cube root at 8, two ways", [back, by_steps], equals=2 * [1 / 12])

# %% [markdown]
# So we never need the inverse as a formula. We need the $z$ that belongs to $x$, and the slope of
# $f$ there.
#
# ## 3. Where is x most probable?
#
# The most probable $z$ seems to be mapped to the most probable $x$. Where else could it go? Let's
# take $z$ from $\mathcal N(0, 1)$ and $x = e^z$, so that $z = \log x$ with slope $1/x$. The most
# probable $z$ is 0, and it is mapped to $e^0 = 1$.

# %%
lesson.predict("Where is the density of x = exp(z) highest?", ["at 0.37", "at 1", "at 2.7"])

# %%
x = np.linspace(0.01, 6.0, 600)
p = pushforward_density(x, norm.pdf, np.log)
top = x[np.argmax(p)]
lesson.outcome(
    f"The maximum is at {top:.2f}, which is 1/e, because to the left of 1 the density of z is "
    "smaller, but the map squeezes lengths more.",
    answer="at 0.37" if abs(top - 0.37) < 0.1 else None,
)
lesson.check("the maximum of the density", top, equals=np.exp(-1.0), atol=0.01)

# %% [markdown]
# A map does not take the maximum of a density to the maximum. Does this sound like a trick of the
# formula? Then let's test it against draws. We take four maps and half a million draws, and compare
# the count of each of 60 bins with the integral of the formula over the bin. Every count has a
# standard error, so we can tell a mistake from chance.

# %%
maps = {  # f, its inverse, the range of the integral, and the range of the bins
    "1 - 3z (falls)": (lambda z: 1 - 3 * z, lambda x: (1 - x) / 3, (-17, 19), (-8, 10)),
    "exp(z)": (np.exp, np.log, (1e-4, 60), (0.02, 5)),
    "-sinh(2z)": (lambda z: -np.sinh(2 * z), lambda x: -np.arcsinh(x) / 2, (-2000, 2000), (-4, 4)),
    "tanh(z)": (np.tanh, np.arctanh, (-1 + 1e-9, 1 - 1e-9), (-0.99, 0.99)),
}


# %%
def integral(p, low, high, pieces=20):
    """Simpson's rule; low and high may be arrays (B,), of B intervals at once."""
    w = np.ones(2 * pieces + 1)
    w[1:-1:2], w[2:-1:2] = 4, 2
    points = low + (high - low) * np.linspace(0, 1, 2 * pieces + 1)[:, None]  # (41, B)
    return w @ np.stack([p(each) for each in points]) * (high - low) / (6 * pieces)


def total(p, low, high):
    """The integral of p from low to high, in pieces that grow with the distance from 0."""
    ends = np.sinh(np.linspace(np.arcsinh(1e4 * low), np.arcsinh(1e4 * high), 2001)) / 1e4
    ends[0], ends[-1] = low, high  # not beyond, by rounding
    return np.sum(integral(p, ends[:-1], ends[1:]))


# %%
def misfit(x, p, low, high, bins=60):
    """(count - expected)/standard error of each bin, (bins,)."""
    edges = np.linspace(low, high, bins + 1)
    counts, _ = np.histogram(x, edges)
    expected = len(x) * integral(p, edges[:-1], edges[1:])
    return (counts - expected) / np.sqrt(expected * (1 - expected / len(x)))


# %%
z = lesson.rng("z").standard_normal(lesson.size(500_000))
fig, axes = plot.figure(1, 4, size=(2.9, 2.6))
rows = []
for ax, (name, (f, back, whole, (low, high))) in zip(axes, maps.items()):
    x, line = f(z), np.linspace(low, high, 400)
    formulas = [
        lambda x: pushforward_density(x, norm.pdf, back),
        lambda x: norm.pdf(back(x)),  # without the slope
        norm(x.mean(), x.std()).pdf,  # one Gaussian
    ]
    fits = [np.abs(misfit(x, p, low, high)).max() for p in formulas]
    rows.append([name, total(formulas[0], *whole), *fits])
    plot.histogram(x[:100_000], ax, bounds=(low, high), title=f"x = {name}")
    ax.plot(line, formulas[0](line), color=plot.color.ink)

# %%
lesson.figure(
    fig,
    "four_maps",
    "The density of x by counting draws (blue) and by the formula (black). The draws of z have one "
    "maximum, at 0. Look for the map that makes two of it.",
)

# %%
lesson.table(
    rows,
    ["map", "total mass", "the theorem", "without the slope", "one Gaussian"],
    "largest misfit of 60 bins, in standard errors",
)
lesson.check("total mass of each", [row[1] for row in rows], equals=1.0, atol=1e-3)
lesson.claim(
    "largest misfit of 60 bins, in standard errors",
    [row[2] for row in rows],
    at_most=5,
    source="theory: five standard errors",
)

# %% [markdown]
# Are two or three standard errors much? For one bin they would be. But the table shows the largest
# of 60, and the largest of 60 deviations by chance is typically about 2.5. So the formula agrees
# with all four maps up to chance. Without the slope the misfit is enormous, so the test would have
# caught that mistake. Note that one Gaussian passes for $1 - 3z$, because this $x$ *is* Gaussian.
# It fails for the other three maps. The map on the right even turns one maximum into two. It
# squeezes all large $|z|$ against $-1$ and $1$. This is what flows are about: they make a
# complicated density out of a simple one, by stretching and squeezing alone.
#
# ## 4. Three wrong formulas
#
# The theorem has three parts that are easily lost. The map $f(z) = 1 - 3z$ falls, and its inverse
# has slope $-1/3$. Formula (a) has no absolute value, (b) has $dx/dz$ in place of $dz/dx$, and (c)
# has no slope. Each of them returns a number without an error. What do they integrate to?

# %%
lesson.predict(
    "What are the total masses of (a), (b) and (c)?",
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
lesson.check("masses of (a), (b), (c)", masses, equals=[-1, 9, 3], atol=1e-3)

# %%
lesson.outcome(
    f"The masses are {', '.join(f'{mass:.3f}' for mass in masses)}, because the right factor is "
    "1/3, and the three formulas have -1/3, 3 and 1 in its place.",
    answer="-1, 9, 3" if np.allclose(masses, [-1, 9, 3], atol=0.1) else None,
)

# %% [markdown]
# A function with another mass than 1 is not a density, so integrate it where you can. In training,
# (b) and (c) are the dangerous ones, because both reward stretching. Suppose that a flow
# $f(z) = 1 + az$ is trained on the single example $x = 3$. Watch its log-likelihood as $|a|$ grows:

# %%
rows = []
for size in (1.0, 2.0, 100.0, 10_000.0):
    log_pi = norm.logpdf((3.0 - 1) / size)  # of z, for x = 3
    rows.append([size, log_pi - np.log(size), log_pi + np.log(size), log_pi])
lesson.table(rows, ["|a|", "right", "(b) inverse ratio", "(c) no slope"], "log-likelihood of x = 3")
lesson.check("(b) and (c) at |a| = 10,000", rows[-1][2:], equals=[8.2914, -0.9189], atol=1e-3)

# %% [markdown]
# The right log-likelihood is largest at $|a| = 2$. The wrong ones rise without end, (b) without a
# bound and (c) towards $\log\pi(0) = -0.919$. The loss looks splendid, and the model is
# useless. In `flow/05` a flow is trained with mistake (c).

# %%
lesson.change(
    "a map that does not stretch",
    "Let the map be $f(z) = 1 - z$: change `a = -3` to `a = -1` and run again. Which of the "
    "three mistakes changes the total mass now?",
    answer="Only (a), because the masses are -1, 1 and 1. Where the slope has absolute value 1, it "
    "makes no difference whether a density is multiplied by it, divided by it, or neither.",
)

# %% [markdown]
# ## 5. In more dimensions
#
# Points in the plane have no slope. What takes its place? A small square at $\mathbf z$ becomes a
# small parallelogram at $\mathbf x$ with the same draws in it, and its area has changed by the
# factor $|\det|$ of the Jacobian (`flow/02`). So the theorem is the same, with a determinant in
# place of the slope (Eq. flow.04):
#
# $$\mathbf z \sim \pi(\mathbf z),\; \mathbf x = f(\mathbf z), \qquad
# p(\mathbf x) = \pi(\mathbf z)\left|\det\frac{d\mathbf z}{d\mathbf x}\right|
# = \pi(f^{-1}(\mathbf x))\left|\det\frac{df^{-1}}{d\mathbf x}\right| .$$
#
# For example, $x = (2 z_1, 3 z_2)$ multiplies areas by 6. The density of two standard normal
# numbers at 0 is $1/2\pi$, so the density of $x$ at 0 is $1/12\pi$, and its logarithm is $-3.63$.

# %%
lesson.exercise("flow/03/pushforward_log_prob")

# %%
lesson.show_source(pushforward_log_prob)
plane = StandardNormal(2)
stretch = np.array([2.0, 3.0])
at_zero = pushforward_log_prob(np.zeros((1, 2)), plane.log_prob, lambda x: x / stretch)
lesson.check("log density at 0 of (2 z1, 3 z2)", at_zero[0], equals=-np.log(12 * np.pi))

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
# z)$. By the inverse function theorem, with matrices in place of slopes, $1/\det \mathbf
# J_f(\mathbf z) = \det \mathbf J_{f^{-1}}(\mathbf x)$, which gives Eq. flow.04.
#
# </details>

# %% [markdown]
# Let's try it on a map that bends the plane, built from three steps. It multiplies $z_2$ by a
# function of $z_1$, then shifts $z_1$ by a function of the new $z_2$, then mirrors. Each step can
# be undone, so we undo them in the opposite order. (These steps are the couplings of `flow/05` in
# miniature.)


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
J = [jacobian_matrix(lambda v: one(v[None])[0], v) for one, v in [(f, z[0]), (inverse, x[0])]]
lesson.check("from z to x to z, largest difference", off, at_most=1e-9)
lesson.check("Eq. flow.07 with matrices: J_back J = I", J[1] @ J[0], equals=np.eye(2), atol=1e-9)

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
    "The density of the noise z, and the density of x = f(z), once by counting draws and once by "
    "the formula. Look for a difference between the last two.",
)

# %% [markdown]
# By eye only the grain of the counts differs. To be sure, we divide the plane into cells of 0.2 ×
# 0.2 and compare each count with the formula, as before. Would such a test notice a mistake? We
# give it two wrong densities as well: the formula without the determinant, and one Gaussian with
# the mean and the covariance of the draws.


# %%
cells, inner = lesson.size(90, quick=30), 3
side = 18 / cells  # the mass beyond ±9 is negligible
fine = -9 + side / inner * (np.arange(cells * inner) + 0.5)
points = np.stack(np.meshgrid(fine, fine, indexing="ij"), axis=-1).reshape(-1, 2)
edges = np.linspace(-9, 9, cells + 1)
counts, _, _ = np.histogram2d(*x.T, bins=[edges, edges])


def compare(density):
    """Total mass, mean square misfit of a cell in standard errors, and number of cells."""
    values = density(points).reshape(cells, inner, cells, inner).mean(axis=(1, 3))
    expected = len(x) * values * side**2  # (cells, cells), from 3 × 3 points of each cell
    enough = expected > 20
    squares = (counts - expected)[enough] ** 2 / expected[enough]
    return values.sum() * side**2, np.mean(squares), enough.sum()


# %%
one_gaussian = multivariate_normal(x.mean(axis=0), np.cov(x.T))
rows = {
    "by the theorem": compare(p_x),
    "without the determinant": compare(lambda x: np.exp(plane.log_prob(inverse(x)))),
    "one Gaussian": compare(one_gaussian.pdf),
}
lesson.table(
    [[name, mass, misfit] for name, (mass, misfit, _) in rows.items()],
    ["density", "total mass", "mean square misfit of a cell"],
)

# %%
mass, mean_square, number = rows["by the theorem"]
lesson.claim("total mass in the plane", mass, equals=1.0, atol=1e-3, source="theory")
lesson.claim(
    "2-D: mean square misfit of a cell, in standard errors",
    mean_square,
    at_most=1 + 5 * np.sqrt(2 / number),
    source="theory: 1, plus five standard errors",
)
lesson.claim(
    "without the determinant: mean square misfit",
    rows["without the determinant"][1],
    at_least=20,
    source="seeds 0, 1 and 7331: 85.6, 85.8, 85.2; threshold: a quarter",
)

# %% [markdown]
# The misfit is measured in standard errors, so chance alone gives a mean square of about 1, and the
# theorem has no more than chance. The two wrong densities are far off. Note that the Gaussian has
# the right mass, so mass alone proves nothing. With the theorem we know the density of every $x$
# that an *invertible* map generates, and a GAN has nothing like it.
#
# ## 6. Many dimensions, and units
#
# Numbers that surprise us in many dimensions are often powers in disguise. An MNIST image has 784
# pixels. Double all of them, $x = 2z$, as if gray levels were measured in another unit. Its
# log-density has a unit, too. With the natural logarithm this is the *nat*, which is 1.44 bits.

# %%
lesson.predict(
    "By how much does log p of the image change?",
    ["it falls by 0.69 nats", "it falls by 543 nats", "not at all, because the image is the same"],
)

# %%
many = StandardNormal(784)
z = lesson.rng("pixels").standard_normal((1, 784))
change = pushforward_log_prob(2 * z, many.log_prob, lambda x: x / 2)[0] - many.log_prob(z)[0]
lesson.outcome(
    f"The log-density changes by {change:.1f} nats, because each of the 784 dimensions contributes "
    "-log 2 = -0.693.",
    answer="it falls by 543 nats",
)
lesson.check("change of log p", change, equals=-784 * np.log(2), atol=1e-6)

# %% [markdown]
# A log-density depends on its units. Two models can be compared only by densities of the same
# numbers, and a difference of hundreds of nats may be a unit and nothing else. (`flow/14` keeps
# track of units for images.)
#
# That cell computed a Jacobian of 784 × 784 numbers, for a map that needs none. A useful flow is an
# invertible map whose determinant is cheap to compute without the full Jacobian.
#
# ## 7. A map that is not 1-1
#
# Why not take any network as the map? Let $z$ be normal and $x = z^2$. Now $z$ and $-z$ are mapped
# to the same $x$, and there is no $f^{-1}$. Suppose that somebody takes $z = \sqrt x$ nevertheless.

# %%
mass = total(lambda x: pushforward_density(x, norm.pdf, np.sqrt), 1e-6, 80.0)
other = total(lambda x: pushforward_density(x, norm.pdf, lambda x: -np.sqrt(x)), 1e-6, 80.0)
lesson.check("mass with z = √x, and with z = -√x", [mass, other], equals=[0.5, 0.5], atol=1e-3)

# %% [markdown]
# The formula loses half of the draws, those with $z < 0$. (The other 0.0004 are missing because the
# integral begins at $x = 10^{-6}$, which is $z = 0.001$.) The density of $x$ is the sum over *all*
# $z$ that lead to it, and for a network nobody can list them. This is one reason why a GAN's
# generator gives no density (`flow/01`). The other is that a generator with fewer inputs than
# outputs reaches only a thin sheet, which has no density at all (`gan/05`). A flow avoids both,
# because it uses only invertible maps.
#
# ## What this lesson does differently
#
# - The post leaves out the proof of Eq. flow.04. We give one for smooth maps, in section 5.
# - The experiments are ours, and we use $\log p$ where numbers would be too small.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - “Here $\vert(f^{-1}(x))'\vert$ indicates the ratio between the area of rectangles defined in two
#   different coordinate of variables $z$ and $x$ respectively”: it is the ratio of the *widths*,
#   $|\Delta z|/|\Delta x|$. The areas are equal, because they are the same probability.
# - “where $\det \frac{\partial f}{\partial\mathbf{z}}$ is the Jacobian determinant of the function
#   $f$”: this symbol is not in the equation that it explains, Eq. flow.04, which has the
#   determinant of the inverse, $\det\frac{df^{-1}}{d\mathbf x}$. Each is one over the other.
#
# ## To remember
#
# - A map that stretches space by a factor divides the density by it, with the absolute value of the
#   slope on a line and of the determinant in $D$ dimensions.
# - Check a density by its mass, and then against draws.
# - A log-density depends on its units.
# - The map must be invertible. Then the likelihood is exact.
#
# **Next:** one map after another, each with a determinant that needs no full Jacobian. [Rezende and
# Mohamed (2015)](https://arxiv.org/abs/1505.05770) call this a normalizing flow (`flow/04`).
#
# **Your turn:** `minigen exercise start flow/03`, then `minigen run flow/03 --with
# exercises/flow_03.py`.

# %%
lesson.finish()
