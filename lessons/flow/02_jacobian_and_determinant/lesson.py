# %% [markdown]
# # How a map changes volumes: Jacobian and determinant
#
# The sections *Linear Algebra Basics Recap* and *Jacobian Matrix and Determinant* (flow.s02,
# flow.s03) of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/), run. To take away:
#
# 1. Under a magnifying glass every smooth map is a matrix, its *Jacobian*.
# 2. The *determinant* of that matrix says by which factor the map stretches volumes there, and its
#    sign whether it turns left hands into right ones.
# 3. A determinant can cost $n!$ steps, or $n^3$, or $n$. All of flow-based modeling is about the
#    last.
#
# Needed: what a matrix is, and what a derivative is.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/02_jacobian_and_determinant",
    title="How a map changes volumes: Jacobian and determinant",
    post="flow",
    sections=["flow.s02", "flow.s03"],
    figures=[],
    equations=["flow.01", "flow.02"],
    minutes=0.1,
    sources=["weng2018flow", "dinh2015nice"],
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
# Polar coordinates: a radius $r$ and an angle $\phi$ name the point $f(r, \phi) = (r\cos\phi,
# r\sin\phi)$. Take a tiny square in the plane of $(r, \phi)$, at $r = 3$, $\phi = 1$, with sides of
# length 0.001, and move its corners by $f$.

# %%
lesson.predict(
    "By which factor does the area of the tiny square change?",
    ["1: a square stays a square", "cos 1 sin 1 = 0.45", "3", "9"],
)


# %%
def polar(v):
    """(r, φ) -> (x, y), for one point (2,) or for points (N, 2)."""
    r, phi = v[..., 0], v[..., 1]
    return np.stack([r * np.cos(phi), r * np.sin(phi)], axis=-1)


def area(corners):
    """The area inside a polygon (K, 2), positive if its corners run counterclockwise."""
    x, y = corners.T
    return 0.5 * np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))


corners = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])

# %%
before = np.array([3.0, 1.0]) + 0.001 * corners
factor = area(polar(before)) / area(before)
lesson.outcome(
    f"{factor:.3f}. Along r nothing is stretched; a step in φ goes along a circle, r times as far.",
    answer="3",
)

# %% [markdown]
# ## 2. The Jacobian
#
# How far does each output move when each input moves a little? For $m$ outputs and $n$ inputs these
# are $m \cdot n$ numbers, the *Jacobian matrix* (Eq. flow.01):
#
# $$\mathbf J_{ij} = \frac{\partial f_i}{\partial x_j}, \qquad
# \mathbf J = \begin{pmatrix} \cos\phi & -r\sin\phi \\ \sin\phi & r\cos\phi \end{pmatrix}
# \text{ for polar coordinates.}$$
#
# Row $i$ belongs to output $i$. A computer finds it by *automatic differentiation*: it follows how
# output $i$ was computed back to the inputs, and gets the whole row, exactly.

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
# In what sense is $f$ "a matrix under a magnifying glass"? Near $x$ it is replaced by the straight
# map $f(x) + \mathbf J\, h$. Take steps $h$ in a random direction, each ten times as short as the
# one before, and measure how far the straight map is off.

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
lesson.table(zip(lengths, errors), ["length of the step", "error of the straight map"])

# %%
order = np.polyfit(np.log(lengths), np.log(errors), 1)[0]
lesson.outcome(
    f"The error goes like the {order:.2f}th power of the length. The smaller the square, the more"
    " exactly does the matrix say what happens to it.",
    answer="100 times as small",
)
lesson.claim("power of the step in the error of the straight map", order, equals=2.0, atol=0.1)

# %%
lesson.change(
    "one percent too large",
    "Make the Jacobian one percent too large where it is used: change `J @ h` to `1.01 * J @ h` "
    "and run again. Which power is it now?",
    answer="Nearly 1 in place of 2. One percent of the step is missing at every length, and that "
    "error shrinks only as fast as the step itself. Only at the longest step does the bend of "
    "the map add to it.",
)

# %% [markdown]
# ## 3. The determinant is a signed volume
#
# So what does a matrix do to volumes? It carries the unit square onto a parallelogram, whose sides
# are its columns. The *determinant* is the area of that: for two rows, $\det \begin{pmatrix} a & b
# \\ c & d \end{pmatrix} = ad - bc$. Let us not believe it, but throw darts: a hundred thousand
# points, evenly over a box around the parallelogram; the share that falls into it, times the area
# of the box, is its area.

# %%
M = np.array([[2.0, 1.0], [0.5, 1.5]])
by_rule = 2.0 * 1.5 - 1.0 * 0.5
ends = corners @ M.T  # the corners of the parallelogram
low, high = ends.min(axis=0), ends.max(axis=0)

# %%
darts = lesson.rng("darts").uniform(low, high, (lesson.size(100_000), 2))
origin = darts @ np.linalg.inv(M).T  # where each dart comes from
share = np.mean(np.all((origin > 0) & (origin < 1), axis=1))
box = np.prod(high - low)
found = share * box
error = box * np.sqrt(share * (1 - share) / len(darts))
print(f"  the darts say {found:.4f} ± {error:.4f}, the rule says {by_rule}")

# %%
lesson.claim(
    "area of the parallelogram by darts: off by, in standard errors",
    abs(found - by_rule) / error,
    at_most=5,
)

# %% [markdown]
# Now exchange the two columns: the parallelogram stays where it is.

# %%
lesson.predict(
    "What is ad - bc of the matrix with its columns exchanged?",
    ["2.5 again", "-2.5", "1/2.5"],
)

# %%
exchanged = M[:, ::-1]
a, b, c, d = exchanged.ravel()
lesson.outcome(
    f"{a * d - b * c:g}. The area is the same, but the square was turned over on the way.",
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
    "A negative determinant mirrors the F; no turning brings it back. On the right everything falls"
    " on one line: the area is 0, and nobody can tell where a point came from. Such a matrix has no"
    " inverse.",
)

# %% [markdown]
# ## 4. More than two rows: a sum over permutations
#
# For $n$ rows the determinant is the (signed) volume of the image of the unit cube, and the rule
# becomes (Eq. flow.02)
#
# $$\det M = \sum_{j_1 j_2 \ldots j_n} (-1)^{\tau(j_1 j_2 \ldots j_n)}\,
# a_{1 j_1} a_{2 j_2} \cdots a_{n j_n} .$$
#
# Each term takes one entry from every row, and no two from one column: $j_1 \ldots j_n$ is a
# *permutation*, an order, of the columns. For two rows there are two orders: (1, 2) gives $ad$ and
# (2, 1) gives $bc$. What decides the sign? $\tau$ counts the *inversions*: the pairs that stand in
# the wrong order, the larger number first. (Python counts from 0, and so do we from here on.)

# %%
lesson.predict("How many inversions has the order (2, 0, 1)?", ["0", "1", "2", "3"])

# %%
inversions = count_inversions([2, 0, 1])
lesson.outcome(
    "2 stands before 0 and before 1; 0 and 1 are in order. So the sign is plus, though no number is"
    " in its place.",
    answer=str(inversions),
)

# %%
lesson.exercise("flow/02/leibniz_determinant")

# %% [markdown]
# All six terms of a matrix of three rows:

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
lesson.check("permutations less numpy's slogdet, n = 1 to 6", gaps, equals=0.0, atol=1e-10)

# %% [markdown]
# *Leave out the signs* and you have the *permanent* of a matrix. Is that a volume, too? A volume's
# factors multiply: first $A$, then $B$, stretches by $\det A \cdot \det B$.


# %%
def permanent(M):
    total = 0.0
    for order in itertools.permutations(range(len(M))):
        total += np.prod([M[i, j] for i, j in enumerate(order)])
    return total


B = np.array([[0.0, 1.0, 2.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
rows = []
for name, size in {"determinant": leibniz_determinant, "permanent": permanent}.items():
    rows.append([name, size(A), size(B), size(A) * size(B), size(B @ A)])
lesson.table(rows, ["", "A", "B", "product of the two", "of first A, then B"])
lesson.check("det(BA) less det B · det A", rows[0][4] - rows[0][3], equals=0.0, atol=1e-9)
lesson.check("permanents do not multiply", abs(rows[1][4] - rows[1][3]) > 1)

# %% [markdown]
# ## 5. What it costs
#
# $n$ rows have $n! = 1 \cdot 2 \cdots n$ orders, with $n$ factors each. Elimination, which makes
# the matrix triangular first, needs about $n^3/3$ multiplications.

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
    f"{years:,.0f} years. Elimination needs a few microseconds.",
    answer="a thousand years or more",
)

# %% [markdown]
# And for a digit of 784 pixels elimination takes a fifth of a second, for each digit, at each step
# of training. That is still too much, hence the last column: the determinant of a *triangular*
# matrix (zeros on one side of the diagonal) is the product of the diagonal, since every other order
# meets a zero. What stands on the other side does not matter at all.

# %%
T = np.tril(rng.standard_normal((5, 5)))
lesson.check(
    "triangular: det less the product of the diagonal",
    leibniz_determinant(T) - np.prod(np.diag(T)),
    equals=0.0,
    atol=1e-10,
)

# %% [markdown]
# Large matrices have another trap. Let a map of 784 numbers shrink every one of them to a tenth:
# $\mathbf J = 0.1 \cdot \mathbf I$.

# %%
lesson.predict("What does numpy.linalg.det say of it?", ["1e-784", "0.1", "0", "an error"])

# %%
shrink = 0.1 * np.eye(784)
plain = np.linalg.det(shrink)
sign, log_size = np.linalg.slogdet(shrink)
print(f"  det: {plain}, slogdet: sign {sign:g}, log |det| {log_size:.2f}")

# %%
lesson.outcome(
    "1e-784 is below the smallest number of a computer, about 5e-324. So one computes the logarithm"
    " of the size, a sum in place of a product.",
    answer="0" if plain == 0 else "1e-784",
)
lesson.check("log |det| is 784 log 0.1", log_size, equals=784 * np.log(0.1), atol=1e-8)

# %% [markdown]
# ## 6. Maps after one another, and back
#
# First $f$, then $g$: the Jacobians multiply (the chain rule), so the determinants do, and the
# *logarithms add up*. And the way back undoes the stretching: $\det \mathbf J^{-1} = 1/\det \mathbf
# J$. Both on maps that are not straight, in four dimensions:

# %%
first, second = rng.standard_normal((2, 4, 4))


def f(v):
    return v + 0.5 * np.tanh(first @ v)


def g(v):
    return np.sinh(second @ v)


def log_det(map, x):
    return np.linalg.slogdet(jacobian_matrix(map, x))[1]


# %%
x = rng.standard_normal(4)
whole = log_det(lambda v: g(f(v)), x)
lesson.check(
    "log |det|: whole less its parts", whole - log_det(f, x) - log_det(g, f(x)), equals=0.0
)
back = log_det(lambda u: np.linalg.inv(second) @ np.arcsinh(u), g(x))
lesson.check("log |det|: there and back", log_det(g, x) + back, equals=0.0)

# %% [markdown]
# ## 7. From tiny squares to whole regions
#
# In polar coordinates $\det \mathbf J = r\cos^2\phi + r\sin^2\phi = r$, the 3 of the first cell. A
# whole region is many tiny squares, each with its own factor: its area after the map is the sum,
# the integral, of $|\det \mathbf J|$ over the region before. The rectangle $1 < r < 2$, $0 < \phi <
# \pi/2$ becomes a quarter of a ring, whose area everyone knows: $\frac{\pi}{4}(2^2 - 1^2)$.

# %%
n = lesson.size(30, quick=10)
r, phi = np.meshgrid(1 + (np.arange(n) + 0.5) / n, np.pi / 2 * (np.arange(n) + 0.5) / n)
centers = np.stack([r, phi], axis=-1).reshape(-1, 2)
dets = np.array([leibniz_determinant(jacobian_matrix(polar, v)) for v in centers])
ring = np.sum(np.abs(dets)) * (1 / n) * (np.pi / 2 / n)
lesson.claim("area of the quarter ring by |det J|", ring, equals=3 * np.pi / 4, atol=1e-3)

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
    "All cells on the left are alike. On the right those far out are larger: the factor is r, from"
    " 1 at the inner edge to 2 at the outer.",
)

# %% [markdown]
# The absolute value is needed. The map $(a, b) \to (a^2, b)$ has the determinant $2a$: negative on
# the left half, where it mirrors, positive on the right, zero on the fold between. It lays both
# halves of $-1 < a < 1$ on the same square, each covering it once:

# %%
a = (np.arange(1000) + 0.5) / 500 - 1
signed = np.mean(2 * a) * 2
unsigned = np.mean(np.abs(2 * a)) * 2
lesson.check("integral of det and of |det|", [signed, unsigned], equals=[0.0, 2.0])

# %% [markdown]
# With signs the two sheets cancel, without them they add up to 2, though the image has area 1. A
# map under which no two points meet has no such trouble, and only such maps make a flow.
#
# ## 8. Where the post is loose
#
# - In Eq. flow.02 it calls $\tau$ the signature of the permutation. $\tau$ is the number of
#   inversions; the signature is what it decides, the sign $(-1)^\tau$.
# - "The determinant tells how much the matrix expands or contracts space": its absolute value does.
#   The sign tells about mirrors.
#
# **Left out:** the determinant's other rules, and matrices that are not square, which have no
# determinant. **Next:** if a map stretches a place by 3, a density there must become three times as
# thin. `flow/03` makes this exact.
#
# **Your turn:** `minigen exercise start flow/02`, then `minigen run flow/02 --with
# exercises/flow_02.py`.

# %%
lesson.finish()
