# %% [markdown]
# # Jacobian matrix and determinant: how a map changes volumes
#
# This lesson runs the sections *Linear Algebra Basics Recap* and *Jacobian Matrix and Determinant*
# (flow.s02, flow.s03) of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/). In this lesson:
#
# 1. Near one point every smooth map is nearly linear, and its matrix is the *Jacobian*.
# 2. The absolute value of the *determinant* of this matrix is the factor by which the map changes
#    volumes at that point.
# 3. The sum that defines a determinant has $n!$ terms. Elimination needs about $n^3/3$
#    multiplications, and a triangular matrix $n$. Flows are built so that they need only $n$.
#
# It uses what a matrix is, and what a derivative is.

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
    picture="polar",
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
# Polar coordinates are a map: a radius $r$ and an angle $\phi$ give the point $f(r, \phi) =
# (r\cos\phi, r\sin\phi)$.


# %%
def polar(v):
    """(r, φ) -> (x, y), for one point (2,) or for points (N, 2)."""
    r, phi = v[..., 0], v[..., 1]
    return np.stack([r * np.cos(phi), r * np.sin(phi)], axis=-1)


# %%
fig, (left, right) = plot.figure(1, 2, size=(4.0, 3.4))
t = np.linspace(0, 1, 40)
lines = []
for k in np.linspace(0, 1, 9):
    lines.append(np.stack([1 + t, np.pi / 2 * k + 0 * t], axis=1))
    lines.append(np.stack([1 + k + 0 * t, np.pi / 2 * t], axis=1))
grid = np.stack(lines, axis=1)  # (40, 18, 2): 18 lines of 40 points
plot.trajectories(grid, left, bounds=(-0.1, 2.2, -0.1, 2.2), ends=False, title="before: r and φ")
plot.trajectories(polar(grid), right, bounds=(-0.1, 2.2, -0.1, 2.2), ends=False, title="after")
left.set(xlabel="r", ylabel="φ")
right.set(xlabel="x", ylabel="y")

# %%
lesson.figure(
    fig,
    "polar",
    "Left: a grid of equal cells in the plane of r and φ. Right: the same lines after f. Compare"
    " the areas of the cells.",
)

# %% [markdown]
# Take a tiny square in the plane of $(r, \phi)$, at $r = 3$, $\phi = 1$, with sides of length
# 0.001, and map its corners by $f$.

# %%
lesson.predict(
    "By which factor does the area of the tiny square change?",
    ["1: a square stays a square", "cos 1 sin 1 = 0.45", "3", "9"],
)


# %%
def area(corners):
    """The area inside a polygon (K, 2), positive if its corners run counterclockwise."""
    x, y = corners.T
    return 0.5 * np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))


corners = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])

# %%
before = np.array([3.0, 1.0]) + 0.001 * corners
factor = area(polar(before)) / area(before)
lesson.outcome(
    f"{factor:.3f}. A step in r keeps its length. A step in φ follows a circle of radius r, so its"
    " length is multiplied by r.",
    answer="3",
)

# %% [markdown]
# ## 2. The Jacobian matrix
#
# How far does each output move when each input moves a little? A function $\mathbf f: \mathbb R^n
# \mapsto \mathbb R^m$ has $m \cdot n$ such slopes, the *Jacobian matrix* (Eq. flow.01):
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
# By hand, for polar coordinates:
#
# $$
# \mathbf J = \begin{bmatrix} \cos\phi & -r\sin\phi \\ \sin\phi & r\cos\phi \end{bmatrix} .
# $$
#
# Row $i$ belongs to output $i$. *Automatic differentiation* follows the computation of output $i$
# back to the inputs and returns the whole row, exact to rounding error.

# %%
lesson.exercise("flow/02/jacobian_matrix")

# %%
lesson.show_source(jacobian_matrix)
at = np.array([3.0, 1.0])
J = jacobian_matrix(polar, at)
c, s = np.cos(1.0), np.sin(1.0)
lesson.check("the Jacobian at r = 3, φ = 1, row by row", J, equals=[[c, -3 * s], [s, 3 * c]])


# %%
def two_of_three(v):
    """(a, b, c) -> (ab, b + c²): a matrix of two rows and three columns."""
    return np.stack([v[0] * v[1], v[1] + v[2] ** 2])


lesson.check(
    "Jacobian of (ab, b + c²) at (2, 3, -5)",
    jacobian_matrix(two_of_three, np.array([2.0, 3.0, -5.0])),
    equals=[[3, 2, 0], [0, 1, -10]],
)

# %% [markdown]
# In what sense is $f$ nearly linear near $x$? We replace it by $f(x) + \mathbf J\, h$. Take steps
# $h$ in a random direction, each ten times as short as the one before, and measure the error of
# this replacement.

# %%
lesson.predict(
    "When the step becomes ten times as short, the error becomes",
    ["10 times as small", "100 times as small", "1000 times as small"],
)

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
lesson.outcome(
    f"The error is proportional to the length to the power {order:.2f}. The shorter the step, the"
    " more exactly the matrix describes it.",
    answer=f"{10 ** round(order)} times as small",
)
lesson.claim(
    "power of the step in the error of f(x) + J h",
    order,
    equals=2.0,
    atol=0.1,
    source="theory: the next term of the Taylor series is quadratic",
)

# %%
lesson.change(
    "one percent too large",
    "Make the Jacobian one percent too large where it is used: change `J @ h` to `1.01 * J @ h` "
    "and run again. Which power is it now?",
    answer="Nearly 1 in place of 2. The replacement is off by one percent of the step at every "
    "length, and this error is proportional to the step itself. Only at the longest step does the "
    "curvature of the map add to it.",
)

# %% [markdown]
# ## 3. The determinant of two rows
#
# What does a matrix do to volumes? Only *square* matrices have a *determinant*, one real number
# computed from all its entries. For two rows it is $\det \begin{bmatrix} a & b \\ c & d
# \end{bmatrix} = ad - bc$. The matrix maps the unit square to a parallelogram whose sides are its
# columns. Is $ad - bc$ the area of this parallelogram? We measure the area with darts: a hundred
# thousand points, uniform in a box around the parallelogram. The share that falls inside, times the
# area of the box, estimates it.

# %%
M = np.array([[2.0, 1.0], [0.5, 1.5]])
by_rule = 2.0 * 1.5 - 1.0 * 0.5
ends = corners @ M.T  # the corners of the parallelogram
low, high = ends.min(axis=0), ends.max(axis=0)

# %%
darts = lesson.rng("darts").uniform(low, high, (lesson.size(100_000), 2))
origin = darts @ np.linalg.inv(M).T  # the point that is mapped to each dart
share = np.mean(np.all((origin > 0) & (origin < 1), axis=1))
box = np.prod(high - low)
found = share * box
error = box * np.sqrt(share * (1 - share) / len(darts))
print(f"  darts: {found:.4f} ± {error:.4f}, ad - bc: {by_rule}")

# %%
lesson.claim(
    "area of the parallelogram by darts: difference from ad - bc, in standard errors",
    abs(found - by_rule) / error,
    at_most=5,
    source="theory: five standard errors",
)

# %% [markdown]
# Now exchange the two columns. The parallelogram is the same.

# %%
lesson.predict(
    "What is ad - bc of the matrix with its columns exchanged?",
    ["2.5 again", "-2.5", "1/2.5"],
)

# %%
exchanged = M[:, ::-1]
a, b, c, d = exchanged.ravel()
lesson.outcome(
    f"{a * d - b * c:g}. The area is the same, but the square was turned over. So the *absolute"
    " value* of the determinant measures, as the post says, “how much multiplication by the matrix"
    " expands or contracts space”. Its sign shows whether the matrix mirrors.",
    answer="-2.5",
)
lesson.check("ad - bc with the columns exchanged", a * d - b * c, equals=-by_rule)

# %%
letter = [[0, 0], [0.2, 0], [0.2, 0.4], [0.6, 0.4], [0.6, 0.6], [0.2, 0.6], [0.2, 0.8], [0.8, 0.8]]
F = 0.1 + 0.8 * np.array([*letter, [0.8, 1.0], [0.0, 1.0], [0.0, 0.0]])
matrices = {
    "as it is": np.eye(2),
    "M": M,
    "M, columns exchanged": exchanged,
    "half as wide": np.diag([0.5, 1.0]),
    "second column = 2 · first": np.array([[0.5, 1.0], [0.75, 1.5]]),
}
fig, axes = plot.figure(1, 5, size=(2.5, 3.2))
for ax, (name, A) in zip(axes, matrices.items()):
    title = f"{name}\ndet = {np.linalg.det(A):.2g}"
    paths = {"unit square": np.concatenate([corners, corners[:1]]) @ A.T, "F": F @ A.T}
    plot.trajectories(paths, ax, bounds=(-0.3, 3.3, -0.3, 3.3), ends=False, title=title)

# %%
lesson.figure(
    fig,
    "letters",
    "A matrix with a negative determinant mirrors the F, and no rotation restores it. The matrix on"
    " the right maps everything to one line.",
)

# %% [markdown]
# The matrix on the right is *singular*: its columns are linearly dependent, its determinant is 0,
# and it has no inverse, since many points are mapped to the same one. A matrix with a row or column
# of zeros is a special case. If $\det M \ne 0$, then $M$ is invertible.

# %%
dependent = leibniz_determinant(matrices["second column = 2 · first"])
zero_row = leibniz_determinant(np.array([[3.0, 1.0], [0.0, 0.0]]))
lesson.check("det of dependent columns, and with a row of zeros", [dependent, zero_row], equals=0.0)

# %% [markdown]
# ## 4. More than two rows: a sum over permutations
#
# For $n$ rows the determinant is the signed volume of the image of the unit cube, and the rule
# becomes (Eq. flow.02)
#
# $$\det M = \sum_{j_1 j_2 \ldots j_n} (-1)^{\tau(j_1 j_2 \ldots j_n)}\,
# a_{1 j_1} a_{2 j_2} \cdots a_{n j_n} .$$
#
# Each term takes one entry from every row, and no two from one column: $j_1 \ldots j_n$ is a
# *permutation* of the columns, and there are $n!$ of them. By hand, for two rows: the order (1, 2)
# gives $ad$ and (2, 1) gives $bc$. What decides the sign? $\tau$ counts the *inversions*, the pairs
# in which the larger number stands first. (Python counts from 0, and so do we from here on.)

# %%
lesson.predict("How many inversions has the order (2, 0, 1)?", ["0", "1", "2", "3"])

# %%
inversions = count_inversions([2, 0, 1])
lesson.outcome(
    "2 stands before 0 and before 1; 0 and 1 are in order. So the sign is plus, although no number"
    " is in its place.",
    answer=str(inversions),
)

# %%
lesson.exercise("flow/02/leibniz_determinant")

# %% [markdown]
# Now by hand for three rows. Write down the six terms of the matrix with the rows 1 2 3, 4 5 6 and
# 7 8 10, with their signs, and add them. The table has them all:

# %%
A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 10.0]])
rows = []
for order in itertools.permutations(range(3)):
    entries = [A[i, j] for i, j in enumerate(order)]
    tau = count_inversions(order)
    product = math.prod(entries)
    rows.append([str(order), tau, " · ".join(f"{x:g}" for x in entries), (-1) ** tau * product])
lesson.table(rows, ["order", "inversions", "entries", "term"], "the rows are 1 2 3, 4 5 6, 7 8 10")
lesson.check("the sum of the terms", sum(row[3] for row in rows), equals=-3.0)

# %%
lesson.show_source(leibniz_determinant)
rng = lesson.rng("matrices")
gaps = []
for n in range(1, lesson.size(6, quick=5) + 1):
    B = rng.standard_normal((n, n))
    sign, log_size = np.linalg.slogdet(B)
    gaps.append(leibniz_determinant(B) - sign * np.exp(log_size))
lesson.check("permutations minus numpy's slogdet, n = 1 to 6", gaps, equals=0.0, atol=1e-10)

# %% [markdown]
# *A wrong turn:* leave out the signs. The sum is then the *permanent* of the matrix. Is it a volume
# factor too? Volume factors of two maps in sequence multiply, and determinants do:
#
# $$\det(AB) = \det(A)\det(B) .$$

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
# Fact (ii) needs the signs, and so the proof does not hold for the permanent.
#
# </details>


# %%
def permanent(M):
    total = 0.0
    for order in itertools.permutations(range(len(M))):
        total += np.prod([M[i, j] for i, j in enumerate(order)])
    return total


B = np.array([[0.0, 1.0, 2.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
rows = []
for name, size in {"determinant": leibniz_determinant, "permanent": permanent}.items():
    rows.append([name, size(A), size(B), size(A) * size(B), size(A @ B)])

# %%
lesson.table(rows, ["", "A", "B", "product of the two", "of A B"])
lesson.check("det(AB) minus det A · det B", rows[0][4] - rows[0][3], equals=0.0, atol=1e-9)
lesson.check("permanents: of AB minus the product", abs(rows[1][4] - rows[1][3]), at_least=1)
turned = leibniz_determinant(A[[2, 0, 1]])
lesson.check("rows in the order (2, 0, 1): (-1)^2 det A", turned, equals=leibniz_determinant(A))

# %% [markdown]
# ## 5. What it costs
#
# $n$ rows have $n! = 1 \cdot 2 \cdots n$ permutations, with $n$ factors each. Elimination, which
# makes the matrix triangular first, needs about $n^3/3$ multiplications.

# %%
lesson.predict(
    "A computer does 1e9 multiplications a second. How long does the sum take for 20 rows?",
    ["a second", "a day", "a thousand years or more"],
)

# %%
rows = []
for n in (2, 3, 6, 10, 20, 784):
    terms = n * math.factorial(n)
    terms = f"{terms:.1e}" if n < 100 else f"a number of {len(str(terms)):,} digits"
    rows.append([n, terms, f"{n**3 / 3:.1e}", n])
lesson.table(rows, ["n", "permutations", "elimination", "if triangular"], "multiplications")
years = 20 * math.factorial(20) / 1e9 / (3600 * 24 * 365)
lesson.outcome(
    f"{years:,.0f} years. Elimination needs about 2,700 multiplications, three microseconds.",
    answer="a thousand years or more",
)

# %% [markdown]
# For an MNIST image of 784 pixels elimination needs $1.6 \cdot 10^8$ multiplications, 0.16 seconds,
# for each image and each training step. This is still too much, hence the last column: the
# determinant of a *triangular* matrix (zeros on one side of the diagonal) is the product of its
# diagonal, since every other permutation contains a zero. The entries on the other side do not
# matter at all.

# %%
T = np.tril(rng.standard_normal((5, 5)))
lesson.check(
    "triangular: det minus the product of the diagonal",
    leibniz_determinant(T) - np.prod(np.diag(T)),
    equals=0.0,
    atol=1e-10,
)

# %% [markdown]
# Large matrices have a second problem. Let a map of 784 numbers shrink each of them to a tenth:
# $\mathbf J = 0.1 \cdot \mathbf I$.

# %%
lesson.predict(
    "What does numpy.linalg.det return for this matrix?", ["1e-784", "0.1", "0", "an error"]
)

# %%
shrink = 0.1 * np.eye(784)
plain = np.linalg.det(shrink)
sign, log_size = np.linalg.slogdet(shrink)
print(f"  det: {plain}, slogdet: sign {sign:g}, log |det| {log_size:.2f}")

# %%
lesson.outcome(
    "1e-784 is below the smallest floating-point number, about 5e-324. So we compute the logarithm"
    " of the absolute value, a sum in place of a product.",
    answer="0" if plain == 0 else "1e-784",
)
lesson.check("log |det| is 784 log 0.1", log_size, equals=784 * np.log(0.1), atol=1e-8)

# %% [markdown]
# ## 6. Two maps in sequence, and the inverse map
#
# First $f$, then $g$: by the chain rule the Jacobians multiply, so the determinants do, and the
# *logarithms add up*. And the inverse map undoes the change of volumes: $\det(M^{-1}) =
# (\det(M))^{-1}$.

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
# With $\det(AB) = \det(A)\det(B)$ this gives $\log|\det \mathbf J_{g \circ f}(x)| = \log|\det
# \mathbf J_g(u)| + \log|\det \mathbf J_f(x)|$. For an invertible matrix $M$,
#
# $$\det(M)\det(M^{-1}) = \det(M \cdot M^{-1}) = \det(I) = 1 .$$
#
# Now let $g = f^{-1}$. Then $g \circ f$ is the identity, whose Jacobian is $I$. So the Jacobian of
# $f^{-1}$ at $u$ is the inverse matrix of $\mathbf J_f(x)$, and its log-determinant is the negative
# of that of $\mathbf J_f(x)$. This is the inverse function theorem of `flow/03`.
#
# </details>

# %% [markdown]
# A test on two maps that are not linear, in four dimensions:

# %%
first, second = rng.standard_normal((2, 4, 4))


def f(v):
    return v + 0.5 * np.tanh(first @ v)


def g(v):
    return np.sinh(second @ v)


def inverse_of_g(u):
    return np.linalg.inv(second) @ np.arcsinh(u)


# %%
def log_det(map, x):
    return np.linalg.slogdet(jacobian_matrix(map, x))[1]


def both(v):
    return g(f(v))


# %%
x = rng.standard_normal(4)
parts = log_det(f, x) + log_det(g, f(x))
lesson.check("log |det| of g(f(x)), minus those of f and g", log_det(both, x) - parts, equals=0.0)
there, back = jacobian_matrix(g, x), jacobian_matrix(inverse_of_g, g(x))
lesson.check("J of the inverse times J, minus I", back @ there - np.eye(4), equals=0.0)
there_and_back = log_det(g, x) + log_det(inverse_of_g, g(x))
lesson.check("log |det| of g plus that of its inverse", there_and_back, equals=0.0)

# %% [markdown]
# ## 7. From tiny squares to whole regions
#
# In polar coordinates $\det \mathbf J = r\cos^2\phi + r\sin^2\phi = r$, which is 3 at the square of
# section 1. A whole region consists of many tiny squares, each with its own factor. So its area
# after the map is the integral of $|\det \mathbf J|$ over the region before. The rectangle $1 < r <
# 2$, $0 < \phi < \pi/2$ of the first figure becomes a quarter of a ring, whose area is
# $\frac{\pi}{4}(2^2 - 1^2)$.

# %%
n = lesson.size(30, quick=10)
r, phi = np.meshgrid(1 + (np.arange(n) + 0.5) / n, np.pi / 2 * (np.arange(n) + 0.5) / n)
centers = np.stack([r, phi], axis=-1).reshape(-1, 2)
dets = np.array([leibniz_determinant(jacobian_matrix(polar, v)) for v in centers])
ring = np.sum(np.abs(dets)) * (1 / n) * (np.pi / 2 / n)
lesson.claim(
    "area of the quarter ring by |det J|",
    ring,
    equals=3 * np.pi / 4,
    atol=1e-3,
    source="theory: the area of a ring",
)

# %% [markdown]
# The absolute value is needed. The map $(a, b) \to (a^2, b)$ has the determinant $2a$. It is
# negative on the left half, where the map mirrors, positive on the right half, and zero on the fold
# between them. Both halves of $-1 < a < 1$, $0 < b < 1$ are mapped to the same square, and each
# covers it once:

# %%
a = (np.arange(1000) + 0.5) / 500 - 1
signed = np.mean(2 * a) * 2
unsigned = np.mean(np.abs(2 * a)) * 2
lesson.check("integral of det and of |det|", [signed, unsigned], equals=[0.0, 2.0])

# %% [markdown]
# With signs the two sheets cancel. Without signs they add up to 2, although the image has area 1. A
# map that never sends two points to the same place does not have this problem, and flows use only
# such maps.
#
# ## 8. Where the post is loose
#
# - “$\tau(.)$ indicates the signature of a permutation”: the signature is the sign itself, 1 or
#   $-1$. With this $\tau$ every term of Eq. flow.02 has the sign $(-1)^{\pm 1} = -1$, and the sum
#   is minus the permanent. $\tau$ must be the number of inversions, which determines the signature
#   $(-1)^\tau$.
#
# **Left out:** the other rules of determinants, such as expansion along a row. **Next:** if a map
# stretches a place by a factor of 3, a density there is divided by 3. `flow/03` makes this exact.
#
# **Your turn:** `minigen exercise start flow/02`, then `minigen run flow/02 --with
# exercises/flow_02.py`.

# %%
lesson.finish()
