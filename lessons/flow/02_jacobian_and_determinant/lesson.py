# %% [markdown]
# # Jacobian matrix and determinant: how a map changes volumes
#
# A map that doubles all lengths on a line halves the density of its points, because the same points
# are spread over twice the length (`flow/01`). A flow has an exact likelihood because we can
# compute by how much it stretches space. But a useful map bends space, and then each point has a
# factor of its own. To draw a small cube there and measure its image is not an answer, because an
# image of a digit is a point with 784 coordinates. Is there a number that tells how a map changes
# volumes near a point, and what does it cost?
#
# We measure one small square (section 1), describe a map near a point by a matrix (2), make one
# number of the matrix (3), count its cost (5), and apply one map after another (6). This lesson
# follows the sections *Linear Algebra Basics Recap* and *Jacobian Matrix and Determinant* of
# [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/).
#
# Before this lesson: what a matrix is, and what a derivative is.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/02_jacobian_and_determinant",
    title="Jacobian matrix and determinant: how a map changes volumes",
    post="flow",
    sections=["flow.s02", "flow.s03"],
    figures=[],
    equations=["flow.01", "flow.02"],
    minutes=0.1,
    picture="letters",
    sources=["weng2018flow"],
)

# %%
import itertools
import math

import autograd.numpy as np

from minigen import plot
from minigen.flow.change_of_variables import count_inversions, jacobian_matrix, leibniz_determinant

# %% [markdown]
# ## 1. One small square
#
# Let's begin with a map that bends the plane and that everybody has met. *Polar coordinates* take a
# radius $r$ and an angle $\phi$ to the point $f(r, \phi) = (r\cos\phi, r\sin\phi)$.


# %%
def polar(v):
    """(r, φ) -> (x, y), for one point (2,) or for points (N, 2)."""
    r, phi = v[..., 0], v[..., 1]
    return np.stack([r * np.cos(phi), r * np.sin(phi)], axis=-1)


# %%
along, k = np.meshgrid(np.linspace(0, 1, 40), np.linspace(0, 1, 9), indexing="ij")
r_lines = np.stack([1 + along, np.pi / 2 * k], axis=-1)  # (40, 9, 2): 9 lines of 40 points
phi_lines = np.stack([1 + k, np.pi / 2 * along], axis=-1)
grid = np.concatenate([r_lines, phi_lines], axis=1)
fig, axes = plot.figure(1, 2, size=(4.0, 3.4))
for ax, lines, title in zip(axes, [grid, polar(grid)], ["before", "after"]):
    plot.trajectories(lines, ax, bounds=(-0.1, 2.2, -0.1, 2.2), ends=False, title=title)
axes[0].set(xlabel="r", ylabel="φ")
axes[1].set(xlabel="x", ylabel="y")
lesson.figure(
    fig,
    "polar",
    "A grid of equal cells in the plane of r and φ, and the same lines after f. Compare a cell at "
    "the inner edge of the ring with one at the outer edge.",
)

# %% [markdown]
# On the left all cells have the same area, on the right they do not. So one factor cannot serve
# for the whole map. But a very small square is hardly bent. Take one at $r = 3$, $\phi = 1$, with
# sides of length 0.001, and map its corners with $f$.

# %%
lesson.predict(
    "By what factor does the area of the tiny square change?",
    ["cos 1 sin 1 = 0.45", "1", "3", "9"],
)


# %%
def area(corners):
    """The area inside a polygon (K, 2), positive if its corners run counterclockwise."""
    x, y = corners.T
    return 0.5 * np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))


corners = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
before = np.array([3.0, 1.0]) + 0.001 * corners
factor = area(polar(before)) / area(before)

# %%
lesson.outcome(
    f"The area is multiplied by {factor:.3f}, because a step in r keeps its length, and a step in "
    "φ follows a circle of radius r, so that its length is multiplied by r.",
    answer="3",
)

# %% [markdown]
# The factor at this point is $r$, and we found it by looking closely. A flow cannot look closely at
# every point of a space of 784 dimensions. We need a description of the map near a point from which
# the factor can be computed.
#
# ## 2. The Jacobian matrix
#
# How do we describe a bent map near a point? On a line the answer is the slope, because $f(x + h)
# \approx f(x) + f'(x)\, h$. A function $\mathbf f: \mathbb R^n \mapsto \mathbb R^m$ has a slope for
# each pair of an output and an input. Together they are the *Jacobian matrix* (Eq. flow.01):
#
# $$
# \mathbf J_{ij} = \frac{\partial f_i}{\partial x_j}, \qquad
# \mathbf J = \begin{bmatrix}
# \frac{\partial f_1}{\partial x_1} & \dots & \frac{\partial f_1}{\partial x_n} \\
# \vdots & \ddots & \vdots \\
# \frac{\partial f_m}{\partial x_1} & \dots & \frac{\partial f_m}{\partial x_n}
# \end{bmatrix} .
# $$
#
# In words, row $i$ tells how output $i$ changes, and column $j$ how all outputs move when input $j$
# moves a little. For example, polar coordinates have
#
# $$
# \mathbf J = \begin{bmatrix} \cos\phi & -r\sin\phi \\ \sin\phi & r\cos\phi \end{bmatrix} .
# $$
#
# Its first column has length 1, and its second has length $r$. These are the two steps of section
# 1. But who would differentiate a network by hand? *Automatic differentiation* follows the
# computation of output $i$ back to the inputs and returns row $i$, exact to rounding error.

# %%
lesson.exercise("flow/02/jacobian_matrix")

# %%
lesson.show_source(jacobian_matrix)
at = np.array([3.0, 1.0])
J = jacobian_matrix(polar, at)
c, s = np.cos(1.0), np.sin(1.0)
lesson.check("the Jacobian at r = 3, φ = 1, row by row", J, equals=[[c, -3 * s], [s, 3 * c]])

# %% [markdown]
# How good is the description? Let's replace $f(x + h)$ with $f(x) + \mathbf J\, h$. We take steps
# $h$ in a random direction, each ten times as short as the one before, and measure the error. Guess
# the pattern before you read the table.

# %%
direction = lesson.rng("direction").standard_normal(2)
direction /= np.linalg.norm(direction)
lengths = np.array([1e-1, 1e-2, 1e-3, 1e-4])
errors = []
for length in lengths:
    h = length * direction
    errors.append(np.linalg.norm(polar(at + h) - (polar(at) + J @ h)))
lesson.table(zip(lengths, errors), ["length of the step", "error of f(x) + J h"])

# %%
order = np.polyfit(np.log(lengths), np.log(errors), 1)[0]
lesson.claim(
    "power of the step in the error of f(x) + J h",
    order,
    equals=2.0,
    atol=0.1,
    source="theory: the next term of the Taylor series is quadratic",
)

# %% [markdown]
# A step that is ten times as short has an error that is a *hundred* times as small, because the
# first term that $f(x) + \mathbf J\, h$ leaves out is quadratic in $h$. Relative to the step, the
# error vanishes. This is the sense in which every smooth map is linear near a point.

# %%
lesson.change(
    "one percent too large",
    "Make the Jacobian one percent too large where it is used: change `J @ h` to `1.01 * J @ h` "
    "and run again. What happens to the pattern of the errors?",
    answer="A step ten times as short now has an error only about ten times as small. The "
    "description is off by one percent of the step at every length. Only at the longest step does "
    "the curvature of the map add to it.",
)

# %% [markdown]
# So we may forget the map and look at its matrix. What does a matrix do to an area?
#
# ## 3. The determinant of two rows
#
# A matrix maps the unit square to a parallelogram whose sides are its columns, and we want the area
# of this parallelogram. For two rows and two columns the *determinant* is
#
# $$\det \begin{bmatrix} a & b \\ c & d \end{bmatrix} = ad - bc .$$
#
# (Only a square matrix has a determinant, so from here on $m = n$.) For polar coordinates this is
# $r\cos^2\phi + r\sin^2\phi = r$, the factor of section 1. Was that luck? Let's take another
# matrix, and measure the parallelogram from its corners.

# %%
M = np.array([[2.0, 1.0], [0.5, 1.5]])
measured = area(corners @ M.T)  # the corners of the parallelogram
lesson.check("area of the parallelogram: 2 · 1.5 - 1 · 0.5", measured, equals=2.5)

# %% [markdown]
# It was not luck. Now exchange the two columns. The parallelogram has the same two sides as before,
# so its area is 2.5 again.

# %%
lesson.predict(
    "What is ad - bc of the matrix with its columns exchanged?",
    ["2.5", "-2.5", "1/2.5"],
)

# %%
exchanged = M[:, ::-1]
a, b, c, d = exchanged.ravel()
lesson.outcome(
    f"The rule gives {a * d:g} - {b * c:g} = {a * d - b * c:g}, because a and b, and c and d, have "
    "changed places.",
    answer="-2.5",
)
lesson.check("ad - bc with the columns exchanged", a * d - b * c, equals=-2.5)

# %% [markdown]
# An area cannot be negative, so what does the sign mean? Watch what both matrices do to a letter.

# %%
letter = [[0, 0], [0.2, 0], [0.2, 0.4], [0.6, 0.4], [0.6, 0.6], [0.2, 0.6], [0.2, 0.8], [0.8, 0.8]]
F = 0.1 + 0.8 * np.array([*letter, [0.8, 1.0], [0.0, 1.0], [0.0, 0.0]])
matrices = {
    "unchanged": np.eye(2),
    "M": M,
    "M, columns exchanged": exchanged,
    "half as wide": np.diag([0.5, 1.0]),
    "second column = 2 · first": np.array([[0.5, 1.0], [0.75, 1.5]]),
}
fig, axes = plot.figure(1, 5, size=(2.5, 3.2))
for ax, (name, A) in zip(axes, matrices.items()):
    paths = {"unit square": np.concatenate([corners, corners[:1]]) @ A.T, "F": F @ A.T}
    plot.trajectories(paths, ax, bounds=(-0.3, 3.3, -0.3, 3.3), ends=False, title=name)

# %%
lesson.figure(
    fig,
    "letters",
    "The unit square and a letter F in it, unchanged and after four matrices. Try to rotate each F "
    "in your mind until you can read it.",
)
determinants = [np.linalg.det(A) for A in matrices.values()]
lesson.check("determinants, from left to right", determinants, equals=[1, 2.5, -2.5, 0.5, 0])

# %% [markdown]
# With exchanged columns the F is mirrored, and no rotation restores it. So the sign of a
# determinant tells whether the plane is turned over. The parallelograms of $M$ and of its exchanged
# columns are the same, with determinants 2.5 and $-2.5$. Half the width is half the area, and the
# determinant is 0.5. So the *absolute value* measures, as the post puts it, “how much
# multiplication by the matrix expands or contracts space”.
#
# The matrix on the right maps the whole square to a line. Its columns are linearly dependent, its
# determinant is 0, and it is *singular*: it has no inverse, because many points are mapped to the
# same one. (The same holds for a matrix with a row or a column of zeros.) If $\det M \ne 0$, then
# $M$ is invertible.

# %%
singular = [matrices["second column = 2 · first"], np.array([[3.0, 1.0], [0.0, 0.0]])]
lesson.check("det of dependent columns, and with a row of zeros", np.linalg.det(singular), equals=0)

# %% [markdown]
# In short, near a point a smooth map multiplies areas by $|\det \mathbf J|$. A flow needs the
# logarithm of this factor at every point, so the factor must never be 0.
#
# ## 4. More than two rows: a sum over permutations
#
# *You may skip this section, because NumPy computes determinants for you. It is for readers who
# want to know what the number is in more than two dimensions.*
#
# For $n$ rows the rule becomes (Eq. flow.02)
#
# $$\det M = \sum_{j_1 j_2 \ldots j_n} (-1)^{\tau(j_1 j_2 \ldots j_n)}\,
# a_{1 j_1} a_{2 j_2} \cdots a_{n j_n} .$$
#
# In words, each term takes one entry from every row, no two of them from the same column. Here $j_1
# \ldots j_n$ is a *permutation* of the columns, one of $n!$, and $\tau$ counts its *inversions*,
# the pairs in which the larger number comes first. For two rows, the order (1, 2) gives $ad$, and
# (2, 1), with one inversion, gives $-bc$. (From here on we count from 0, as Python does.)

# %%
lesson.exercise("flow/02/leibniz_determinant")

# %%
inversions = count_inversions([2, 0, 1])
lesson.check("inversions of (2, 0, 1): 2 is before 0 and before 1", inversions, equals=2)

# %% [markdown]
# Try three rows by hand before you look. These are the six terms of the rows 1 2 3, 4 5 6, 7 8 10:

# %%
A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 10.0]])
rows = []
for order in itertools.permutations(range(3)):
    entries = [A[i, j] for i, j in enumerate(order)]
    tau = count_inversions(order)
    product = math.prod(entries)
    rows.append([str(order), tau, " · ".join(f"{x:g}" for x in entries), (-1) ** tau * product])
lesson.table(rows, ["order", "inversions", "entries", "term"])
lesson.check("the sum of the terms", sum(row[3] for row in rows), equals=-3.0)

# %%
lesson.show_source(leibniz_determinant)
rng = lesson.rng("matrices")
squares = [rng.standard_normal((n, n)) for n in range(1, lesson.size(6, quick=5) + 1)]
off = max(abs(leibniz_determinant(B) - np.linalg.det(B)) for B in squares)
lesson.check("permutations minus numpy's determinant, n = 1 to 6", off, equals=0.0, atol=1e-10)

# %% [markdown]
# Are the signs worth the trouble? Leave them out, and the sum is the *permanent* of the matrix. Now
# apply two matrices one after the other. Their factors of volume must multiply, and determinants
# do:
#
# $$\det(AB) = \det(A)\det(B) .$$


# %%
def permanent(M):
    total = 0.0
    for order in itertools.permutations(range(len(M))):
        total += np.prod([M[i, j] for i, j in enumerate(order)])
    return total


B = np.array([[0.0, 1.0, 2.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
sizes = {"determinant": leibniz_determinant, "permanent": permanent}

# %%
lesson.table(
    [[name, f(A), f(B), f(A) * f(B), f(A @ B)] for name, f in sizes.items()],
    ["", "A", "B", "product of the two", "of A B"],
)
of_product = leibniz_determinant(A @ B)
lesson.check("det(AB): det A · det B is -3 · 3", of_product, equals=-9.0, atol=1e-9)
turned = leibniz_determinant(A[[2, 0, 1]])
lesson.check("rows in the order (2, 0, 1): (-1)^2 det A", turned, equals=leibniz_determinant(A))

# %% [markdown]
# <details><summary>Derivation: the determinant of a product is the product of the determinants
# </summary>
#
# Two facts follow from Eq. flow.02. (i) Every term has exactly one factor from each row, so the
# determinant is linear in each row. (ii) An exchange of two rows changes every $\tau$ by an odd
# number, so it changes the sign. Hence the determinant is 0 if two rows are equal, and rows in the
# order $k_1 \ldots k_n$ give $(-1)^{\tau(k_1 \ldots k_n)}$ times the determinant.
#
# Let $b_k$ be row $k$ of $B$. Row $i$ of $AB$ is $\sum_k a_{ik}\, b_k$. By (i), for all $n$ rows,
#
# $$
# \begin{aligned}
# \det(AB) &= \sum_{k_1 \ldots k_n} a_{1 k_1} \cdots a_{n k_n}
#   \det \begin{bmatrix} b_{k_1} \\ \vdots \\ b_{k_n} \end{bmatrix}
#   & \text{over all choices } k_1, \ldots, k_n \\
# &= \sum_{\text{permutations}} a_{1 k_1} \cdots a_{n k_n}\, (-1)^{\tau(k_1 \ldots k_n)} \det(B)
#   & \text{by (ii)} \\
# &= \det(A)\det(B) .
# \end{aligned}
# $$
#
# Fact (ii) needs the signs, so the proof does not hold for the permanent.
#
# </details>

# %% [markdown]
# The permanent of $AB$ is four times the product of the permanents, so it cannot be a factor of
# volume. The signs make the sum a factor of volume: it is the signed volume of the image of the
# unit cube, which we do not prove.
#
# ## 5. What a determinant costs
#
# A flow needs $\log |\det \mathbf J|$ for every example of every training step, so we had better
# count. By its definition the determinant is a sum of $n! = 1 \cdot 2 \cdots n$ products. Each of
# them has one factor from every row and every column (section 4).

# %%
lesson.predict(
    "A computer does 1e9 multiplications a second. How long does this sum take for 20 rows?",
    ["a second", "a day", "a thousand years or more"],
)

# %%
years = 20 * math.factorial(20) / 1e9 / (3600 * 24 * 365)
lesson.outcome(
    f"The sum takes {years:,.0f} years, because 20! is about 2.4e18 and each term has 20 factors.",
    answer="a thousand years or more",
)

# %% [markdown]
# Nobody computes it like that. *Elimination* makes the matrix triangular first, with about $n^3/3$
# multiplications. Then the determinant is the product of the diagonal, because every other product
# contains an entry from the side that is zero.

# %%
lesson.table(
    [
        [n, f"{n * math.factorial(n):.1e}" if n < 100 else "10^1933", f"{n**3 / 3:.1e}", n]
        for n in (2, 3, 6, 10, 20, 784)
    ],
    ["n", "permutations", "elimination", "if triangular"],
    "multiplications",
)

# %%
rng = lesson.rng("triangular")
T = np.tril(rng.standard_normal((5, 5)))
off = leibniz_determinant(T) - np.prod(np.diag(T))
lesson.check("triangular: det minus the product of the diagonal", off, equals=0.0, atol=1e-10)

# %% [markdown]
# For the 784 pixels of a digit, elimination needs $1.6 \cdot 10^8$ multiplications. The imagined
# computer of the prediction, with its $10^9$ multiplications a second, takes 0.16 seconds. A batch
# of 256 digits then takes 41 seconds, and a training has thousands of batches. A processor that
# does many multiplications at once is about ten times faster. But before it can begin, it needs the
# Jacobian itself, which takes 784 backward passes for each digit. The last column is the way out. A
# map whose Jacobian is triangular *from the start* needs 784 multiplications, and the entries on
# the other side do not matter at all. `flow/05` and later lessons build such maps.
#
# There is a second problem with many dimensions. Suppose that a map shrinks each of 784 numbers to
# a tenth, so that $\mathbf J = 0.1 \cdot \mathbf I$.

# %%
lesson.predict(
    "What does numpy.linalg.det return for this matrix?", ["1e-784", "0.1", "0", "an error"]
)

# %%
shrink = 0.1 * np.eye(784)
plain = np.linalg.det(shrink)
sign, log_size = np.linalg.slogdet(shrink)

# %%
lesson.outcome(
    f"NumPy returns {plain:g}, because 1e-784 is below the smallest floating-point number, which "
    "is about 5e-324.",
    answer="0" if plain == 0 else "1e-784",
)
lesson.check("slogdet: log |det| is 784 log 0.1", log_size, equals=784 * np.log(0.1), atol=1e-8)

# %% [markdown]
# A determinant of 0 would mean that the map has no inverse, and this one obviously has. Therefore
# we never compute the determinant itself. We compute its logarithm, a sum in place of a product,
# here $784 \log 0.1 = -1805$. `numpy.linalg.slogdet` returns it together with the sign.
#
# ## 6. Two maps in sequence, and the inverse map
#
# One simple map does not turn noise into digits, so a flow applies many. Do we need a new Jacobian
# for the whole chain? We do not. Apply first $f$, then $g$. By the chain rule the Jacobian of the
# chain is the product of the two Jacobians. With $\det(AB) = \det(A)\det(B)$,
#
# $$\log|\det \mathbf J_{g \circ f}(x)|
# = \log|\det \mathbf J_g(f(x))| + \log|\det \mathbf J_f(x)| .$$
#
# In words, the logarithms add up, each computed where its own map is applied. The way back undoes
# the change of volumes (the post notes this later, in *What is Normalizing Flows?*):
#
# $$\det(M^{-1}) = (\det(M))^{-1} .$$

# %% [markdown]
# <details><summary>Derivation: log-determinants add up, and that of the inverse is the negative
# </summary>
#
# Let $u = f(x)$. The chain rule for output $i$ of $g(f(x))$ is a matrix product:
#
# $$
# \frac{\partial (g \circ f)_i}{\partial x_j}
#   = \sum_k \frac{\partial g_i}{\partial u_k} \frac{\partial f_k}{\partial x_j},
# \qquad \mathbf J_{g \circ f}(x) = \mathbf J_g(u)\, \mathbf J_f(x) .
# $$
#
# The logarithm of $|\det(AB)| = |\det(A)|\,|\det(B)|$ gives the first equation. The second follows
# from
#
# $$\det(M)\det(M^{-1}) = \det(M \cdot M^{-1}) = \det(I) = 1 .$$
#
# If $g = f^{-1}$, the chain is the identity, whose Jacobian is $I$. So the Jacobian of $f^{-1}$ at
# $u$ is the inverse matrix of $\mathbf J_f(x)$, which is the inverse function theorem of `flow/03`.
#
# </details>

# %% [markdown]
# We test both on two maps that are not linear, in four dimensions. (The unit of a natural logarithm
# is the *nat*, as a bit is the unit of a logarithm to base 2.)

# %%
first, second = rng.standard_normal((2, 4, 4))
x = rng.standard_normal(4)


def f(v):
    return v + 0.5 * np.tanh(first @ v)


def g(v):
    return np.sinh(second @ v)


def inverse_of_g(u):
    return np.linalg.inv(second) @ np.arcsinh(u)


def log_det(map, x):
    return np.linalg.slogdet(jacobian_matrix(map, x))[1]


of_f, of_g, of_both = log_det(f, x), log_det(g, f(x)), log_det(lambda v: g(f(v)), x)
there, back = jacobian_matrix(g, x), jacobian_matrix(inverse_of_g, g(x))
off = np.abs(back @ there - np.eye(4)).max()
# %%
lesson.table(
    [["f at x", of_f], ["g at f(x)", of_g], ["g(f(x)), from its own Jacobian", of_both]],
    ["map", "log |det J|, nats"],
)
lesson.check("log |det| of g(f(x)), minus those of f and g", of_both - of_f - of_g, equals=0.0)
lesson.check("J of the inverse times J, minus I, largest entry", off, equals=0.0)
there_and_back = log_det(g, x) + log_det(inverse_of_g, g(x))
lesson.check("log |det| of g plus that of its inverse", there_and_back, equals=0.0)

# %% [markdown]
# The last row is the sum of the two above it. So a deep flow costs no more than its layers: if each
# has a cheap determinant, the chain has one as well. This is why the post can build a flow from a
# sequence of simple maps.
#
# ## What this lesson does differently
#
# - The post links to a proof of $\det(AB) = \det(A)\det(B)$. We give one.
# - All measurements are ours. In code we count rows and columns from 0.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - “$\tau(.)$ indicates the signature of a permutation”: the signature is the sign itself, 1 or
#   $-1$. With this $\tau$ every term of Eq. flow.02 has the sign $(-1)^{\pm 1} = -1$, and the sum
#   is minus the permanent. The post's link leads to an article on the *parity* of a permutation,
#   which is 0 or 1. If $\tau$ is the parity, the equation is right. It is also right if $\tau$ is
#   the number of inversions, as in section 4, because $(-1)^\tau$ depends only on whether $\tau$ is
#   even or odd. This power is the signature.
#
# ## To remember
#
# - Near a point every smooth map is nearly linear, and the matrix of this linear map is the
#   Jacobian.
# - $|\det \mathbf J|$ is the factor by which the map changes volumes there. The sign tells whether
#   it mirrors.
# - Elimination costs $n^3/3$, a triangular matrix $n$. Flows are built so that they need only $n$.
# - Along a chain of maps the logarithms add up.
#
# **Next:** if a map stretches space by a factor of 3, the density there is divided by 3. `flow/03`
# makes this exact.
#
# **Your turn:** `minigen exercise start flow/02`, then `minigen run flow/02 --with
# exercises/flow_02.py`.

# %%
lesson.finish()
