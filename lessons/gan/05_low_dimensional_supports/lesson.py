# %% [markdown]
# # Low dimensional supports: lines, sheets, generators and digits
#
# The section *Low dimensional supports* (gan.s08) of
# [From GAN to WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/), run. In this lesson:
#
# 1. A discriminator can be perfect when the supports of $p_r$ and $p_g$ share no set of positive
#    probability.
# 2. The rank of the generator's Jacobian is the dimension of the support of $p_g$.
# 3. The dimension of a data set can be estimated from the distances between its points. MNIST's 784
#    pixels are checked with it.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/05_low_dimensional_supports",
    title="Low dimensional supports: lines, sheets, generators and digits",
    post="gan",
    sections=["gan.s08"],
    figures=["gan.f04"],
    minutes=0.2,
    picture="f04_supports",
    sources=["weng2017gan", "arjovsky2017principled", "facco2017twonn", "pope2021dimension"],
)

# %%
from math import erf

import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.gan.losses import discriminator_loss
from minigen.gan.networks import Discriminator, Generator
from minigen.metrics import intrinsic_dimension, neighbor_ratios, two_nn_dimension
from minigen.optim import cosine
from minigen.tensor import jacobian
from minigen.train import descend

# %% [markdown]
# ## 1. Supports and manifolds
#
# The *support* of a distribution is the set where its density is not zero: the places where its
# examples can fall. A *manifold* is a space that "locally resembles Euclidean space near each
# point"; if that Euclidean space has dimension $n$, it is an $n$-manifold. A curve is a 1-manifold
# and a surface a 2-manifold, however they bend.
#
# The post, after Arjovsky and Bottou (2017), argues that the dimension of images is "artificially
# high". Once the content is fixed, an image has to obey many restrictions: "a dog should have two
# ears and a tail, and a skyscraper should have a straight and tall body". That data concentrate
# near a manifold of lower dimension is the assumption of *manifold learning*.

# %%
images = mnist.load().train_images  # (60000, 28, 28), bytes
some = mnist.unit(images[:12])
pixels = lesson.rng("pixels").permuted(some.reshape(12, -1), axis=1).reshape(some.shape)
names = ["MNIST", "its pixels,\nrearranged"]
lesson.figure(
    plot.image_grid(np.concatenate([some, pixels]), 2, 12, shape=(28, 28), row_labels=names),
    "restrictions",
    "Both rows are points of the same space of 784 dimensions, with the same 784 gray values in "
    "each column. Only the points of the first row obey the restrictions of a digit.",
)

# %% [markdown]
# $p_g$ has a low dimensional support as well. A generator that turns a noise vector $z$ of 100
# components into an image of 64x64 pixels "can hardly fill up the whole high dimensional space" of
# these 4,096 pixels (section 3).
#
# How do two such supports lie in the space? Three pairs of supports in three dimensions follow: two
# lines, two planes and two wavy sheets. Each support is a function from two coordinates $a, b \in
# [-1, 1]$ to a point of the space; a line ignores $b$.


# %%
def real_line(a, b):
    return np.stack([a, 0.3 * a, 0 * a + 0.15], -1)


def fake_line(a, b):
    return np.stack([0.3 * a, a, 0 * a - 0.15], -1)


def real_plane(a, b):
    return np.stack([a, b, 0.5 * a], -1)


def fake_plane(a, b):
    return np.stack([a, b, 0.3 * b - 0.5 * a], -1)


# %%
def waves(a, b):
    return 0.3 * np.sin(3 * a) * np.cos(3 * b)


def real_sheet(a, b):
    return np.stack([a, b, waves(a, b) + 0.2], -1)


def fake_sheet(a, b):
    return np.stack([a, b, waves(a, b) - 0.2], -1)


pairs = {
    "two lines": (real_line, fake_line),
    "two planes": (real_plane, fake_plane),
    "two sheets": (real_sheet, fake_sheet),
}

# %%
lesson.predict(
    "Which pairs have a point in common?",
    ["all three", "the lines and the planes", "the planes only", "none"],
)

# %%
along = np.linspace(-1, 1, 41)
a, b = np.meshgrid(along, along)
drawn = {
    "two lines": {"real": real_line(along, along), "fake": fake_line(along, along)},
    "two planes": {"real": real_plane(a, b), "fake": fake_plane(a, b)},
    "two sheets": {"real": real_sheet(a, b), "fake": fake_sheet(a, b)},
}
shades = {"real": plot.color.real, "fake": plot.color.fake, "in both": plot.color.ink}

# %%
common = np.outer(along, [0.3, 1, 0.15])  # where 0.5 a = 0.3 b - 0.5 a, that is a = 0.3 b
drawn["two planes"]["in both"] = common
fig, axes = plot.figure(1, 3, size=(3.9, 3.9), projection="3d")
for ax, (name, supports), side in zip(axes, drawn.items(), (-58, -75, -58)):
    plot.space(supports, ax, kind="line", colors=shades, view=(20, side))
    ax.set_title(name, y=0.96)
lesson.figure(
    fig,
    "f04_supports",
    "Left: the lines pass each other. Middle: the planes intersect in the black line and nowhere "
    "else. Right: the sheets follow the same waves at different heights and never touch.",
)

# %%
lesson.outcome(
    "The lines have heights 0.15 and -0.15, and the sheets keep a distance of 0.4 in height. The "
    "planes intersect where a = 0.3 b. That is a line, and a line has area 0.",
    answer="the planes only",
)

# %% [markdown]
# So supports of low dimension can intersect. The next question is how much of the space they fill.
# Cut a cube into $10 \times 10 \times 10$ small cubes. A line passes through about 10 of these
# 1,000, and a plane through about 100.

# %%
lesson.predict(
    "How many times rarer is a random point within 0.01 of a random line than within 0.1 of it?",
    ["about 10 times", "about 100 times", "about 1,000 times"],
)


# %%
def unit(v):
    return v / np.linalg.norm(v, axis=1, keepdims=True)


def in_the_ball(rng, n):
    """n points, uniform in the ball of radius 1."""
    return unit(rng.standard_normal((n, 3))) * rng.random((n, 1)) ** (1 / 3)


# %% [markdown]
# A random line goes through a random point in a random direction. The plane through the same point
# has this direction as its normal. Pythagoras gives the distance of another random point from both.

# %%
rng = lesson.rng("spots")
n = lesson.size(1_000_000, quick=20_000)
gap = in_the_ball(rng, n) - in_the_ball(rng, n)  # from a point of the support to another point
direction = unit(rng.standard_normal((n, 3)))
height = np.sum(gap * direction, axis=1)
distance = {
    "a line": np.sqrt(np.maximum(np.sum(gap**2, axis=1) - height**2, 0)),
    "a plane": np.abs(height),
}

# %%
near = {what: [np.mean(d < e) for e in (0.1, 0.01)] for what, d in distance.items()}
rows = [[what, *shares] for what, shares in near.items()]
lesson.table(rows, ["share of points near", "within 0.1", "within 0.01"])
for what, low, high in [("a line", 60, 160), ("a plane", 9, 11)]:
    rarer = near[what][0] / max(near[what][1], 1 / n)
    lesson.claim(
        f"points within 0.1 of {what}, over points within 0.01",
        rarer,
        between=(low, high),
        source="theory: 100 and 10; the rest is the sampling error of a million points",
    )

# %%
rarer = {what: within[0] / max(within[1], 1 / n) for what, within in near.items()}
times = rarer["a line"]
lesson.outcome(
    f"{times:.0f} times rarer for a line, and {rarer['a plane']:.0f} times for a plane: a factor "
    "of about 10 for each missing dimension.",
    answer=f"about {10 ** round(np.log10(times)):,} times" if 5 < times < 2000 else None,
)

# %% [markdown]
# The number of *missing* dimensions decides, not the dimension of the support.
#
# <details><summary>Derivation: how rare it is to be near a support</summary>
#
# Let the support have dimension $k$ in a space of dimension $n$, and let a random point have a
# bounded density. The points within $\varepsilon$ of the support form a tube. At each point of the
# support, the cross section of the tube is a ball of radius $\varepsilon$ in the $n - k$ directions
# perpendicular to it. So
#
# $$P(\text{within } \varepsilon) \approx C \, \varepsilon^{n - k},$$
#
# for a line in space $\pi \varepsilon^2$ times its length, for a plane $2 \varepsilon$ times its
# area. A tenth of $\varepsilon$ makes the event $10^{n - k}$ times rarer.
#
# </details>
#
# For a support of dimension 20 in 784 dimensions that factor is $10^{764}$. Two such supports do
# not meet by chance.
#
# ## 2. A perfect discriminator
#
# By hand, on the lines: every real point has height 0.15 and every fake one $-0.15$. Let the logit
# be $k$ times the height. Every point is classified correctly for any $k > 0$, and the loss of $D$
# is $2 \log(1 + e^{-0.15 k})$.

# %%
lesson.predict(
    "For which k is the loss of D smallest?",
    ["k = 1", "some k between 1 and 1000", "none: a larger k always has a smaller loss"],
)

# %%
heights = np.full(4, 0.15)
losses = [discriminator_loss(k * heights, -k * heights) for k in (1.0, 10.0, 100.0, 1000.0)]
lesson.table([losses], [f"k = {k}" for k in (1, 10, 100, 1000)], "loss of D, nats")

# %%
lesson.check("k = 1 by hand", losses[0], equals=2 * np.log(1 + np.exp(-0.15)))
lesson.check("k = 1000", losses[-1], equals=0.0)
lesson.outcome(
    "The loss falls with every larger k. It tends to 0 and reaches 0 for no finite k.",
    answer="none: a larger k always has a smaller loss",
)

# %% [markdown]
# A loss of 0 is the value that `gan/03` found for disjoint densities, where JS is $\log 2$. Can a
# network get there when the supports are wavy, or when they intersect? A small network is trained
# on each of the three pairs and judged on fresh points.

# %%
lesson.predict(
    "For which pairs will the trained network classify every fresh point correctly?",
    ["all three", "the lines and the sheets", "the lines only", "none"],
)


# %%
def draw(name, rng, n):
    """n real points and n fake ones of a pair of supports."""
    real_support, fake_support = pairs[name]
    real = real_support(*rng.uniform(-1, 1, (2, n)))
    fake = fake_support(*rng.uniform(-1, 1, (2, n)))
    return real.astype(np.float32), fake.astype(np.float32)


def accuracy(logit, name, rng, n):
    real, fake = draw(name, rng, n)
    return (np.mean(logit(real) > 0) + np.mean(logit(fake) < 0)) / 2


# %% [markdown]
# The training is that of `gan/03`, on points in three dimensions.


# %%
def loss_of(D, real, fake):
    return discriminator_loss(D(real), D(fake))


def learn(name):
    def batches(rng):
        return draw(name, rng, 256)

    D = Discriminator(lesson.rng("init"), dim_x=3, width=64)
    steps = lesson.steps(1_500)
    lr = cosine(3e-3, steps)
    step = descend(loss_of, D, batches, lr=lr, rng=lesson.rng(f"train {name}"))
    history = lesson.fit(step, steps, label=name, state=step.state)
    return D, history["loss"]


# %%
fresh = lesson.size(20_000)
loss = {}
right = {}
fresh_loss = {}
for name in pairs:
    D, loss[name] = learn(name)
    right[name] = accuracy(D, name, lesson.rng(f"fresh {name}"), fresh)
    fresh_loss[name] = float(loss_of(D, *draw(name, lesson.rng(f"fresh {name}"), fresh)))

# %%
chance = {"D(x) = 1/2": 2 * np.log(2)}
title = "loss of the discriminator"
ax = plot.curves(loss, smooth=20, log=True, title=title, ylabel="nats", reference=chance)
lesson.figure(
    ax,
    "discriminator_loss",
    "A discriminator that outputs 1/2 everywhere has the loss 2 log 2 = 1.39. All three losses "
    "fall far below it. The loss on the intersecting planes falls most slowly.",
)

# %%
perfect = [name for name, share in right.items() if share == 1]
verdicts = {
    ("two lines", "two planes", "two sheets"): "all three",
    ("two lines", "two sheets"): "the lines and the sheets",
    ("two lines",): "the lines only",
    (): "none",
}
shares = ", ".join(f"{name} {100 * share:.3f} %" for name, share in right.items())
lesson.outcome(f"Correct on fresh points: {shares}.", answer=verdicts.get(tuple(perfect)))

# %% [markdown]
# For the planes there is also a rule that needs no training: classify a point as real if the real
# plane is nearer in height.


# %%
def nearer_plane(x):
    """Positive where the point is nearer to the real plane."""
    to_real = np.abs(x[:, 2] - 0.5 * x[:, 0])
    to_fake = np.abs(x[:, 2] - 0.3 * x[:, 1] + 0.5 * x[:, 0])
    return to_fake - to_real


by_rule = accuracy(nearer_plane, "two planes", lesson.rng("rule"), 10 * fresh)
lesson.check("planes: share classified correctly by the nearer plane", by_rule, at_least=0.9999)
rows = [[name, 100 * right[name], fresh_loss[name]] for name in pairs]
rows.append(["two planes, by the nearer plane", 100 * by_rule, "-"])
lesson.table(rows, ["supports", "correct on fresh points, %", "loss on fresh points, nats"])

# %%
bars = {"two lines": 1e-3, "two sheets": 1e-3, "two planes": 0.03}
for name, bar in bars.items():
    lesson.claim(
        f"{name}: loss of the trained D on fresh points",
        fresh_loss[name],
        at_most=bar,
        source="0 for the best D; worst of seeds 0, 1, 2: 7e-6, 6e-5, 0.0072",
        unit="nats",
    )

# %% [markdown]
# The network errs on a few points near the intersection of the planes, and the rule on none. So a
# perfect discriminator exists even though these supports are not disjoint.
#
# <details><summary>Derivation: supports of different directions allow a perfect
# discriminator</summary>
#
# Let $M$ and $P$ be the supports, of dimensions $m$ and $p$ in a space of dimension $n$. Two
# supports in general position (*transversal*) intersect in a set of dimension $m + p - n$: two
# planes in three dimensions in a line, two lines not at all. If both supports have dimensions below
# $n$, then $m + p - n$ is below $m$ and below $p$. A distribution with a density on $M$ gives
# probability 0 to a subset of lower dimension, and so does one on $P$. Put $D = 1$ on $M \setminus
# P$, $D = 0$ on $P \setminus M$, and any value on $M \cap P$: this $D$ is right with probability 1
# under both distributions (Arjovsky and Bottou 2017, Theorem 2.2). With disjoint and compact
# supports $D$ can also be smooth (Theorem 2.1).
#
# </details>
#
# **A wrong turn:** measuring the accuracy on the training points. Take 400 digits and label 200 of
# them as fake, at random. There is *nothing* to learn. A linear classifier on the 784 pixels,
# fitted by least squares:

# %%
chosen = mnist.unit(images[lesson.rng("lot").permutation(60_000)[:800]], flat=True)
chosen = chosen + 1e-3 * lesson.rng("jitter").standard_normal((800, 784))
label = np.repeat([1.0, -1.0, 1.0, -1.0], 200)  # random: the digits are in random order

# %%
cut = np.linalg.lstsq(chosen[:400], label[:400], rcond=None)[0]  # (784,)
predicted = np.sign(chosen @ cut)
seen = np.mean(predicted[:400] == label[:400])
unseen = np.mean(predicted[400:] == label[400:])
lesson.check("share correct on the 400 digits of the fit", seen, equals=1.0)
lesson.check("share correct on 400 other digits", unseen, between=(0.35, 0.65))

# %% [markdown]
# With more dimensions than points a linear classifier fits any labels. Only fresh points measure
# whether two supports can be separated.
#
# ## 3. The dimension of a generator's support
#
# By hand: $G(z) = (z, 2z, z^2)$ maps one number to a point in space. A small change of $z$ moves
# the point along $J = (1, 2, 2z)$, a matrix with one column and rank 1. So the outputs of $G$ form
# a curve. In general the *Jacobian* $J$, the matrix of all derivatives of the outputs in the
# inputs, has one column for each component of $z$. Its rank is the number of independent directions
# in which the output can move. Now consider a network from 10 components to 784 pixels, through
# three layers of width 128.

# %%
lesson.predict(
    "What is the highest possible rank of its Jacobian?",
    ["784, the number of pixels", "128, the width of its layers", "10, the dimension of z"],
)


# %%
def curve(z):
    return np.concatenate([z, 2 * z, z**2])


J = jacobian(curve)(np.array([3.0]))
lesson.check("J at z = 3", J[:, 0], equals=[1.0, 2.0, 6.0])


# %%
def rank(G, z):
    def one(z):
        return G(z[None])[0]

    return np.linalg.matrix_rank(jacobian(one)(z))  # of a matrix (pixels, dim_z)


def highest_rank(dim_z, width):
    """The highest rank of J at ten random z."""
    G = Generator(lesson.rng(f"G {dim_z} {width}"), dim_z, 784, width, activation="tanh")
    return max(rank(G, z) for z in G.latent(lesson.rng("z"), lesson.size(10, quick=1)))


# %%
sizes = [(2, 128), (10, 128), (50, 128), (10, 3)]
rows = [[dim_z, width, 784, highest_rank(dim_z, width)] for dim_z, width in sizes]
lesson.table(rows, ["dim z", "width", "pixels", "rank"])
lesson.check(
    "highest rank of J, for (dim z, width) = " + ", ".join(map(str, sizes)),
    [row[-1] for row in rows],
    equals=[min(size) for size in sizes],
)
lesson.outcome(
    f"With 10 latent components and a width of 128 the rank is {rows[1][-1]}. With a width of 3 it "
    f"is {rows[3][-1]}.",
    answer="10, the dimension of z",
)

# %% [markdown]
# The rank is that of the narrowest layer, the latent vector included. This is Lemma 1 of Arjovsky
# and Bottou (2017): the support of $p_g$ has at most the dimension of $z$.
#
# <details><summary>Derivation: the rank of the Jacobian is at most the smallest width</summary>
#
# A layer is $h_{k} = s(W_k h_{k-1} + b_k)$ with an elementwise activation $s$. Its Jacobian is
# $S_k W_k$ with a diagonal matrix $S_k$ of the derivatives of $s$. By the chain rule
#
# $$J = S_L W_L \, S_{L-1} W_{L-1} \cdots S_1 W_1.$$
#
# The rank of a product is at most the rank of each factor, and the rank of a matrix is at most its
# smaller side. The sides are the widths of the layers, from $\dim z$ to the number of pixels. A
# wider layer further on cannot restore a direction that an earlier one has lost.
#
# </details>
#
# The images alone show this dimension too. Sample the images of a small neighborhood of one $z$,
# and compute their standard deviation along each principal direction.

# %%
G = Generator(lesson.rng("G"), 10, 784, activation="tanh").map(lambda w: w.astype(float))
center = lesson.rng("center").standard_normal(10)
around = center + 1e-4 * lesson.rng("around").standard_normal((400, 10))
outputs = G(around)  # (400, 784)
std = np.linalg.svd(outputs - outputs.mean(axis=0), compute_uv=False)[:30] / 400**0.5

# %%
title = "images of a small neighborhood of one z"
ax = plot.line(np.arange(1, 31), std / std[0], log=True, markers=True, title=title)
ax.set(xlabel="principal direction", ylabel="standard deviation / the largest")
lesson.figure(
    ax,
    "generator_from_near",
    "The standard deviation drops by powers of ten after the tenth direction. The remaining 774 "
    "directions hold only the curvature of the manifold.",
)
lesson.check("standard deviation, direction 11 over direction 10", std[10] / std[9], at_most=0.01)

# %% [markdown]
# ## 4. The dimension of the digits
#
# The digits come without a $z$, so their dimension has to be estimated from the points alone.
# *TwoNN* (Facco et al. 2017) uses the distances $r_1 < r_2$ of each point to its two nearest
# neighbors. If the points are locally uniform on a $d$-manifold, the nearest neighbor is uniform in
# the ball that reaches to the second. A ball of half the radius has $2^{-d}$ of the volume, so
# $r_2/r_1 > 2$ has probability $2^{-d}$. With $\mu = r_2/r_1$,
#
# $$P(\mu > m) = m^{-d}, \qquad -\log P(\mu > m) = d \log m.$$
#
# By hand, for the points 0, 1, 3 and 7 on a line, the ratios are 3/1, 2/1, 3/2 and 6/4. For
# thousands of points, minus the logarithm of the share of ratios above $m$ is nearly a straight
# line in $\log m$, and its slope is $d$.

# %%
lesson.exercise("gan/05/two_nn_dimension")

# %%
lesson.show_source(neighbor_ratios, two_nn_dimension)
ratios = neighbor_ratios([[0.0], [1.0], [3.0], [7.0]])
lesson.check("ratios by hand", ratios, equals=[3.0, 2.0, 1.5, 1.5])

# %% [markdown]
# Four sets of points of known dimension test the estimator: a helix, a rolled sheet, a cube, and
# the outputs of the generator of section 3 with 10 latent components.

# %%
rng = lesson.rng("known dimension")
n = lesson.size(5_000)
t, u = rng.random((2, n))
angle = 1.5 * np.pi * (1 + 2 * t)
turned = 9 * t  # the angle along the helix, from 0 to 9 radians
known = {
    "a helix (1)": np.stack([np.cos(turned), np.sin(turned), 3 * t], axis=1),
    "a rolled sheet (2)": np.stack([angle * np.cos(angle), 20 * u, angle * np.sin(angle)], axis=1),
    "a full cube (3)": rng.random((n, 3)),
    "the generator above (10)": G(rng.standard_normal((n, 10))),
}

# %% [markdown]
# The usual count of dimensions is by PCA: how many principal directions hold 95 % of the variance?

# %%
lesson.predict(
    "For which shapes will PCA report at least one dimension too many?",
    ["none", "the helix and the sheet", "all but the cube", "all four"],
)


# %%
def pca(x):
    variance = np.linalg.eigvalsh(np.cov(x.T))[::-1].cumsum()
    return int(np.searchsorted(variance / variance[-1], 0.95)) + 1


measured = {name: intrinsic_dimension(x) for name, x in known.items()}
rows = [[name, measured[name], pca(x)] for name, x in known.items()]
lesson.table(rows, ["points (true dimension)", "TwoNN", "PCA, 95 %"])

# %%
for name, exact in [("a helix (1)", 1), ("a rolled sheet (2)", 2), ("a full cube (3)", 3)]:
    lesson.claim(
        f"TwoNN on {name}",
        measured[name],
        equals=exact,
        atol=0.1 * exact,
        source="theory: the dimension, with a standard error of 1.4 %",
    )
lesson.claim(
    "TwoNN on the outputs of the generator",
    measured["the generator above (10)"],
    between=(8, 10.5),
    source="theory: 10, and a bias downward in high dimension (Facco et al. 2017)",
)

# %%
too_many = {name: spanned - exact for (name, _, spanned), exact in zip(rows, (1, 2, 3, 10))}
bent = [name for name, excess in too_many.items() if excess > 0]
shapes = {0: "none", 2: "the helix and the sheet", 3: "all but the cube", 4: "all four"}
curved = "a full cube (3)" not in bent or len(bent) == 4
lesson.outcome(f"For {', '.join(bent)}.", answer=shapes.get(len(bent)) if curved else None)

# %% [markdown]
# PCA counts the dimensions of the flat space that a shape *spans*, and a curve can span many. TwoNN
# uses only neighboring points, between which a manifold is nearly flat.

# %%
lesson.change(
    "a helix of many turns",
    "Change `turned = 9 * t` to `turned = 9000 * t` and run again. The helix then makes 1,432 "
    "turns on the same height. Which dimension does TwoNN find?",
    answer="About 2, and no longer 1. The turns lie so close together that the nearest point of "
    "the sample is usually on another turn. At the distance of neighboring points the helix fills "
    "the surface of a cylinder.",
)

# %% [markdown]
# The same estimator is now applied to the digits.

# %%
lesson.predict(
    "Which dimension will TwoNN find for the digits, in their space of 784 dimensions?",
    ["fewer than 5", "5 to 30", "30 to 150", "more than 150"],
)

# %%
order = lesson.rng("digits").permutation(60_000)
sizes = [lesson.size(each) for each in (1_000, 2_500, 5_000, 10_000)]
found = []
for size in sizes:
    found.append(intrinsic_dimension(mnist.unit(images[order[:size]], flat=True)))
place = np.searchsorted([5, 30, 150], found[-1])
ranges = ["fewer than 5", "5 to 30", "30 to 150", "more than 150"]
lesson.outcome(f"{found[-1]:.1f} from {sizes[-1]:,} digits.", answer=ranges[place])

# %% [markdown]
# For comparison, each pixel is shuffled among the digits. Every pixel keeps its distribution and
# loses its relation to the other pixels.

# %%
lesson.predict(
    "How high is the dimension of the shuffled digits, compared with that of the digits?",
    ["the same, within a tenth", "up to three times as high", "more than three times as high"],
)

# %%
five_thousand = mnist.unit(images[order[: sizes[2]]], flat=True)
shuffled = lesson.rng("shuffle").permuted(five_thousand, axis=0)
scrambled = intrinsic_dimension(shuffled)

# %%
rows = [[f"{size:,} digits", d] for size, d in zip(sizes, found)]
rows.append([f"{sizes[2]:,} with pixels shuffled", scrambled])
rows.append(["(PCA, 95 %, of the digits)", pca(five_thousand)])
lesson.table(rows, ["of 784 dimensions", "TwoNN"])
lesson.claim(
    "dimension of MNIST by TwoNN, 10,000 digits",
    found[-1],
    between=(8, 20),
    source="Pope et al. 2021, another estimator: 7 to 13",
)
lesson.claim(
    "dimension of the shuffled digits, over that of the digits",
    scrambled / found[2],
    at_least=4,
    source="no theory: 7.5 in the run of seed 0, here about half of it",
)

# %%
times = scrambled / found[2]
higher = "more than three times as high" if times > 3 else "up to three times as high"
lesson.outcome(
    f"{scrambled:.0f}, which is {times:.1f} times the {found[2]:.1f} of the same digits before.",
    answer="the same, within a tenth" if abs(times - 1) <= 0.1 else higher,
)

# %% [markdown]
# The assumption behind these numbers can be checked: minus the logarithm of the share of ratios
# above $m$ must be a straight line in $\log m$. (The largest tenth of the ratios is left out,
# because few points make the end noisy.)

# %%
log_m = np.linspace(0, 0.6, 401)


def rise(mu):
    """-log of the share of ratios above m, where that is a tenth or more."""
    share = np.mean(np.log(mu)[:, None] > log_m, axis=0)  # (401,)
    return np.where(share >= 0.1, -np.log(np.maximum(share, 0.1)), np.nan)


sets = {
    "digits": five_thousand,
    "digits, pixels shuffled": shuffled,
    "the rolled sheet": known["a rolled sheet (2)"],
}

# %%
rises = {}
for name, points in sets.items():
    mu = neighbor_ratios(points)
    rises[f"{name}: {two_nn_dimension(mu):.1f}"] = rise(mu)
shades = [plot.color.real, plot.color.noise, plot.color.fake]
ax = plot.line(log_m, rises, colors=shades, title="the slope is the dimension")
ax.set(xlabel="$\\log\\,\\mu$", ylabel="$-\\log$ (share of larger ratios)")
lesson.figure(
    ax,
    "two_nn",
    "All three curves are nearly straight, so the assumption holds. The slope of the digits lies "
    "above that of the sheet and far below that of the shuffled digits (gray).",
)

# %% [markdown]
# The digits use few of their 784 dimensions. These are the ways in which a digit can change and
# remain a digit: slant, width, stroke width, the form of the loops. The number is an estimate. It
# grows with the number of digits, which resolve finer detail, and TwoNN is biased downward in high
# dimension.
#
# ## 5. Noise on both sides
#
# A support of low dimension can be thickened: add noise to *both* real and fake points. Take two
# parallel planes at heights $\pm 0.15$ and add noise with standard deviation $\sigma$ to the
# height. The best rule is still the sign of the height. It is correct with probability
# $\Phi(0.15/\sigma)$, where $\Phi$ is the distribution function of the standard normal.

# %%
lesson.predict(
    "What is the smallest of these noise levels at which the rule errs on more than 1 % of points?",
    ["0.01", "0.05", "0.15", "0.5"],
)

# %%
rows = []
for sigma in (0.01, 0.05, 0.15, 0.5):
    noisy = 0.15 + sigma * lesson.rng(f"noise {sigma}").standard_normal(fresh)
    rows.append([sigma, 100 * np.mean(noisy > 0), 50 * (1 + erf(0.15 / sigma / 2**0.5))])
lesson.table(rows, ["noise", "correct, %", "by the formula, %"])

# %%
off = [measured - exact for _, measured, exact in rows]
lesson.check("measured less the formula, %", off, equals=0.0, atol=250 / fresh**0.5)
lesson.outcome(
    f"At 0.05, a third of the height, the rule errs on {100 - rows[1][2]:.2f} %, and at 0.15 on "
    f"{100 - rows[2][2]:.0f} %.",
    answer="0.15",
)

# %% [markdown]
# With noise the two densities overlap, and $D^*$ is no longer 0 or 1.
#
# <details><summary>Derivation: the best rule for two noisy planes</summary>
#
# The heights have the densities $\mathcal N(h; 0.15, \sigma^2)$ and $\mathcal N(h; -0.15,
# \sigma^2)$. The logit of $D^* = p_r / (p_r + p_g)$ is
#
# $$\log \frac{p_r(h)}{p_g(h)} = \frac{(h + 0.15)^2 - (h - 0.15)^2}{2 \sigma^2}
#   = \frac{0.3 \, h}{\sigma^2}.$$
#
# It is positive exactly for $h > 0$. A real point has $h = 0.15 + \sigma \epsilon$, which is
# positive with probability $P(\epsilon > -0.15/\sigma) = \Phi(0.15/\sigma)$. The logit is $k h$ as
# in section 2, with $k = 0.3/\sigma^2$: less noise makes $D^*$ steeper.
#
# </details>
#
# ## 6. Where the post is loose
#
# - "Because both $p_g$ and $p_r$ rest in low dimensional manifolds, they are almost certainly gonna
#   be disjoint (See Fig. 4)": two surfaces in three dimensions, the right half of that figure, meet
#   in a curve when they are in general position. What is almost certain is that the intersection
#   has probability 0, and that is all a perfect discriminator needs.
# - "we are always capable of finding a perfect discriminator": the theorems say that one *exists*.
#   Training need not find it (section 2), least of all from a finite number of examples.
# - The table of terms explains *support* by "A real-valued function $f$ is the subset of the domain
#   containing those elements which are not mapped to zero". The subset is the support *of* $f$;
#   here $f$ is the density.
#
# **Left out:** real images are not exactly on a manifold, and no discriminator is trained on digits
# here (`gan/06` does it). **Next:** which gradient does a generator receive from a discriminator
# that is always right and always certain? `gan/06` measures it. The noise of section 5 returns in
# `gan/09`, and `gan/11` finds a distance for which disjoint supports are not a problem.
#
# **Your turn:** `minigen exercise start gan/05`, then `minigen run gan/05 --with
# exercises/gan_05.py`.

# %%
lesson.finish()
