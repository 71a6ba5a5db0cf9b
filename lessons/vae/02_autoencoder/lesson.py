# %% [markdown]
# # The autoencoder, and what it owes to PCA
#
# The section *Autoencoder* (vae.s02) of
# [From Autoencoder to Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/),
# run. To take away:
#
# 1. An autoencoder squeezes an input through a few numbers and learns by rebuilding it. The few
#    numbers are the code.
# 2. What it finds without bends, beside principal component analysis (PCA), and what bends add.
# 3. What lies *between* the codes, nobody has taught it.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/02_autoencoder",
    title="The autoencoder, and what it owes to PCA",
    post="vae",
    sections=["vae.s02"],
    figures=["vae.f01"],
    equations=["vae.01"],
    minutes=0.6,
    sources=["weng2018vae", "eckart1936rank", "baldi1989pca", "hinton2006reducing"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.optim import SGD, Adam, cosine
from minigen.tensor import value_and_grad
from minigen.train import descend
from minigen.vae.autoencoder import Autoencoder, reconstruction_loss
from minigen.vae.pca import pca, principal_angles

# %% [markdown]
# ## 1. How few numbers will do?
# An image of a digit has 784 numbers, one a pixel. Nobody who describes a digit needs that many: *a
# seven, slanted, thin*. How few numbers would do, and who chooses them? Let two machines find out
# together. The *encoder* $g$ turns $\mathbf{x}$ into a short code $\mathbf{z} = g(\mathbf{x})$, the
# *decoder* $f$ sees the code alone and must draw $\mathbf{x}$ again. The code in the middle is the
# *bottleneck*, also called the *latent representation*. Both are blamed for the
# difference (Eq. vae.01):
#
# $$L = \frac1n \sum_{i=1}^n \big\| \mathbf{x}^{(i)} - f(g(\mathbf{x}^{(i)})) \big\|^2 .$$
#
# By hand first. Three points of the plane, $(2, 1)$, $(-2, -1)$ and $(4, 2)$, lie on one line. So
# one number each will do: $z = (2x + y)/5$ says how far along, and $(2z, z)$ is the way back. A
# fourth point, $(1, -2)$, is not on the line.

# %%
lesson.exercise("vae/02/reconstruction_loss")

# %%
lesson.predict(
    "What does this pair make of (1, -2), and at what loss?",
    [
        "(1, -2) again, at loss 0",
        "(2, 1), the nearest of the three points, at loss 10",
        "(0, 0), at loss 5",
        "(0, 0), at loss 2.5",
    ],
)

# %%
encode = np.array([[2.0], [1.0]]) / 5
decode = np.array([[2.0, 1.0]])
on_line = np.array([[2.0, 1.0], [-2.0, -1.0], [4.0, 2.0]])
off_line = np.array([[1.0, -2.0]])

# %%
rebuilt = on_line @ encode @ decode
lesson.check("codes of the three", (on_line @ encode)[:, 0], equals=[1.0, -1.0, 2.0])
lesson.check("loss of the three", reconstruction_loss(on_line, rebuilt), equals=0.0)

rebuilt = off_line @ encode @ decode
cost = reconstruction_loss(off_line, rebuilt)
print(f"  (1, -2) comes back as {rebuilt[0]}, at loss {cost:g}")

# %%
lesson.outcome(
    "It is at a right angle to the line: the code says 0, and all of its squared length, 1 + 4, is"
    " lost.",
    answer="(0, 0), at loss 5",
)
lesson.check("(1, -2) comes back as", rebuilt, equals=[[0.0, 0.0]])
lesson.check("and costs", cost, equals=5.0)
lesson.show_source(reconstruction_loss)

# %%
lesson.change(
    "another point off the line",
    "Change `off_line` to `np.array([[3.0, -1.0]])` and run again. What comes back, and what is "
    "lost?",
    answer="(2, 1), at loss 5. The point is $(2, 1) + (1, -2)$: the part along the line is kept, "
    "and the part at a right angle to it is lost, as before.",
)

# %% [markdown]
# A code is a choice of what to keep. The data choose: whatever *varies* most costs most when
# it is lost.
#
# The squared error is one choice. Where pixels lie in $[0, 1]$ and the decoder ends in a sigmoid,
# *cross-entropy* is another: $-x \log x' - (1 - x) \log(1 - x')$, pixel by pixel (`start/01`; the
# VAEs of `vae/08` use it). Both are least at $x' = x$. They differ in how they punish. What does a
# white pixel cost that is drawn at 0.9, at 0.1, at 0.001?

# %%
drawn = np.array([0.9, 0.1, 0.001])
squared, entropies = (1 - drawn) ** 2, -np.log(drawn)
header = ["a white pixel drawn at", *(f"{x:g}" for x in drawn)]
lesson.table([["squared error", *squared], ["cross-entropy, nats", *entropies]], header)
lesson.check("cross-entropy at 0.001", entropies[2], equals=6.9078, atol=1e-4)

# %% [markdown]
# The squared error of one pixel is never above 1; cross-entropy has no upper end, and its slope in
# the logit does not die out where the decoder is sure and wrong (`gan/02` has met the same).
#
# ## 2. The best linear choice
# Let encoder and decoder be matrices. Then the answer has been known since 1936: keep the
# directions along which the data vary most. They are called principal components: the eigenvectors
# of the covariance of the data, by falling eigenvalue.

# %%
lesson.exercise("vae/02/pca")

# %%
lesson.show_source(pca)
line = pca(on_line, 1)
lesson.check(
    "PCA of the three points: its direction",
    np.abs(line.directions[0]),
    equals=np.array([2, 1]) / 5**0.5,
)

# %%
lesson.change(
    "a fourth point",
    "Add the point $(1, -2)$: change `[4.0, 2.0]]` in `on_line` to `[4.0, 2.0], [1.0, -2.0]]` and "
    "run again. Does the direction rotate?",
    answer="Yes, from $(2, 1)/\\sqrt5 = (0.89, 0.45)$ to (0.8369, 0.5473), toward the vertical. "
    "The new point is $(-0.25, -2)$ away from the mean of the four, so it adds variance almost "
    "only along $y$. The checks of the codes and of the loss were made for points on one line and "
    "no longer hold.",
)

# %% [markdown]
# Now digits. All 60,000 are there to choose the directions by, and the error is that on 10,000
# others.

# %%
data = mnist.load()
n = lesson.size(60_000, quick=1_500)
n_test = lesson.size(10_000, quick=200)
train = mnist.unit(data.train_images[:n], flat=True)  # (N, 784), in [0, 1]
test = mnist.unit(data.test_images[:n_test], flat=True)
labels = data.test_labels[:n_test]
best = pca(train, 200)

# %% [markdown]
# A mean over the 784 pixels reads more easily than their sum. How does it fall with the numbers in
# the code?

# %%
lesson.predict(
    "From 2 numbers in the code to 4, the squared error becomes",
    ["a quarter", "half", "more than three quarters of what it was"],
)


# %%
def per_pixel(decoded):
    return reconstruction_loss(test, decoded) / 784


def by_pca(x, k):
    return best.first(k).decode(best.first(k).encode(x))


linear = {k: per_pixel(by_pca(test, k)) for k in (1, 2, 4, 8, 16, 32, 64, 128, 200)}
lesson.table(linear.items(), ["numbers in the code", "PCA: squared error per pixel, test digits"])

# %%
became = linear[4] / linear[2]
answer = "half" if became > 0.35 else "a quarter"
lesson.outcome(
    f"{became:.2f} of what it was. From 64 to 128 it becomes {linear[128] / linear[64]:.2f}: the"
    " first directions share the work, the last ones sweep up.",
    answer="more than three quarters of what it was" if became > 0.75 else answer,
)

# %%
lesson.claim(
    "PCA with 2, 8, 16, 32, 64 numbers",
    [linear[k] for k in (2, 8, 16, 32, 64)],
    equals=[0.0557, 0.0374, 0.0269, 0.0168, 0.0090],
    atol=1e-4,
)

# %% [markdown]
# ## 3. A machine that has never heard of PCA
# Now an autoencoder of two matrices and biases, with digits and the gradient of Eq. vae.01, nothing
# else. Its decoder starts as the transpose of its encoder; batches are of 500, the learning rate
# falls to zero; the mean digit is taken off first.

# %%
lesson.predict(
    "With 16 numbers, how near does it come to PCA?",
    [
        "it stays a good deal worse (over 10 %)",
        "the error agrees, and its matrices are PCA's directions",
        "the error agrees, but its matrices are other directions of the same space",
        "it becomes better than PCA (by over 2 %)",
    ],
)

# %%
cfg = lesson.configure(
    linear_lr=0.03, momentum=0.9, linear_batch=500, lr=2e-3, batch=100, widths=(256, 128)
)
centered = train - best.mean
test_centered = test - best.mean


def linear_autoencoder(k):
    model = Autoencoder(lesson.rng(f"linear {k}"), dim_z=k, widths=())
    model.decoder.w[...] = model.encoder.w.T
    return model


# %% [markdown]
# The training, written out once by hand, with two numbers for the code. A step draws a batch, asks
# how the loss changes with each weight (the gradient), and moves all weights a little against it.


# %%
def loss(model, x):
    return reconstruction_loss(x, model(x))


two = linear_autoencoder(2)
optimizer = SGD(two, cfg.linear_lr, cfg.momentum)
steps = lesson.steps(500, quick=10)
lr = cosine(cfg.linear_lr, steps)
batches = mnist.batches(centered, size=cfg.linear_batch, rng=lesson.rng("order linear, 2"))


# %%
def step_by_hand(i):
    (x,) = next(batches)
    value, gradient = value_and_grad(loss)(two, x)
    optimizer.lr = lr(i)
    optimizer.step(gradient)
    return value


state = {"model": two, "optimizer": optimizer, "batches": batches, "order": batches.rng}
lesson.fit(step_by_hand, steps, label="linear, 2", state=state)

# %% [markdown]
# `lesson.fit` calls the step again and again, draws the bar, and keeps a checkpoint of all that the
# steps change. Every other training of this lesson, and nearly every one of this post, has the same
# step. So it is made by `descend` from here on, out of a loss, a model and batches.


# %%
def learn(model, optimizer, x, size, steps, label):
    batches = mnist.batches(x, size=size, rng=lesson.rng(f"order {label}"))
    step = descend(loss, model, batches, lr=cosine(optimizer.lr, steps), optimizer=optimizer)
    lesson.fit(step, steps, label=label, state={**step.state, "order": batches.rng})


flat = {2: two}
for k, steps in ((16, 1600), (32, 2000)):
    flat[k] = linear_autoencoder(k)
    optimizer = SGD(flat[k], cfg.linear_lr, cfg.momentum)
    steps = lesson.steps(steps, quick=10)
    learn(flat[k], optimizer, centered, cfg.linear_batch, steps, f"linear, {k}")

# %% [markdown]
# How far are two subspaces apart? Two planes through the origin have two *principal angles*, 0 and
# 0 if they agree; with $k$ numbers there are $k$ of them. We ask for the largest, once for the
# space that the decoder's rows span, once for the encoder's.

# %%
rows = {}
for k, model in flat.items():
    mse = reconstruction_loss(test_centered, model(test_centered)) / 784
    directions = best.first(k).directions
    of_decoder = principal_angles(directions, model.decoder.w)[0]
    of_encoder = principal_angles(directions, model.encoder.w.T)[0]
    rows[k] = [linear[k], mse, mse / linear[k] - 1, of_decoder, of_encoder]
lesson.table(
    [[k, *row] for k, row in rows.items()],
    ["numbers", "PCA", "autoencoder", "excess", "angle of decoder, degrees", "of encoder"],
)

# %%
rows_of_decoder = flat[16].decoder.w
unit = rows_of_decoder / np.linalg.norm(rows_of_decoder, axis=1, keepdims=True)
likeness = np.abs(unit @ best.first(16).directions.T).max(axis=1).mean()  # 1 for PCA's own
worse, same, other, better = lesson.predictions[-1].choices
excess = rows[16][2]
near = same if likeness > 0.95 else other
lesson.outcome(
    f"Error {100 * excess:+.1f} % of PCA's; the largest angle between the two spaces is"
    f" {rows[16][3]:.1f} degrees. Each of the decoder's rows has, on average, a cosine of"
    f" {likeness:.2f} with the most similar of PCA's directions.",
    answer=worse if excess > 0.1 else better if excess < -0.02 else near,
)

# %%
for k, bar in ((2, 0.0557), (16, 0.0269), (32, 0.0168)):
    lesson.claim(
        f"linear, {k} numbers: test error over PCA's, less 1",
        rows[k][2],
        at_most=0.02,
        source=f"PCA: {bar}",
    )
    lesson.claim(
        f"linear, {k} numbers: largest principal angle", rows[k][3], at_most=5.0, unit="degrees"
    )

# %% [markdown]
# The subspace is PCA's: the *largest* angle between the space that the decoder's rows span and that
# of PCA's directions is small. (Two planes through the origin that agree have angles 0, 0.) It took
# no covariance and no eigenvectors.
#
# **A wrong turn:** look at the encoder instead. By the last column it is far off, and still the
# errors agree.

# %%
lesson.predict(
    "Why do the errors agree although the encoder's directions are off?",
    [
        "the decoder makes up for them",
        "they are off only where digits have no ink",
        "the training was too short, and the errors agree by chance",
    ],
)

# %%
decoder = flat[16].decoder.w  # (16, 784)
encoder = flat[16].encoder.w.T
basis = np.linalg.qr(decoder.T)[0]  # (784, 16), orthonormal, of all that the decoder can draw
nearest = best.directions[:8] @ basis @ basis.T
pictures = np.concatenate([best.directions[:8], decoder[:8], nearest, encoder[:8]])
names = ["PCA", "decoder", "nearest", "encoder"]

# %%
ax = plot.image_grid(pictures, 4, 8, shape=(28, 28), limits="signed", row_labels=names)
lesson.figure(
    ax,
    "directions",
    "One color adds ink, the other removes it. Rows 1 and 2 differ: any mixture of the 16"
    " directions serves as well. Row 3, what the decoder's space holds nearest to row 1, is row 1."
    " Row 4 is speckled.",
)

# %% [markdown]
# Where are the speckles? Some pixels at the rim hardly ever carry ink.

# %%
quiet = train.std(axis=0) < 0.01


def share(w):
    return float(np.sum(w[:, quiet] ** 2) / np.sum(w**2))


what = f"{quiet.sum()} of 784 pixels are always empty; share of the weights there"
lesson.table([[what, share(decoder), share(encoder)]], ["", "decoder", "encoder"])

# %%
lesson.outcome(
    f"{100 * share(encoder):.0f} % of the encoder's squared weights are at pixels without ink,"
    f" {100 * share(decoder):.1f} % of the decoder's.",
    answer=lesson.predictions[-1].choices[1] if share(encoder) > 5 * share(decoder) else None,
)

# %% [markdown]
# In the corners no digit has ink, so no gradient reaches the encoder's weights there: they stay as
# random as they began, and do no harm, for they are multiplied by 0. The decoder is asked for every
# pixel and learned to leave the corners alone.
#
# ## 4. Bends
# What can a deeper machine do? We put hidden layers of 256 and 128 on each side of 8 numbers, once
# with an activation between the layers ("bends") and once without.

# %%
lesson.predict(
    "How many of PCA's numbers are the 8 of each worth?",
    [
        "more than 16 with bends, 8 without",
        "about 8 with bends, 8 without",
        "more than 16 with bends, about 12 without: depth helps by itself",
    ],
)


# %%
def bent(name, dim_z):
    return Autoencoder(
        lesson.rng(name),
        dim_z=dim_z,
        widths=cfg.widths,
        activation="silu",
        out_activation="sigmoid",
    )


deep = bent("deep", 8)
steps = lesson.steps(2500, quick=15)
learn(deep, Adam(deep, cfg.lr), train, cfg.batch, steps, "deep, 8 numbers")

# %%
straight = Autoencoder(lesson.rng("straight"), dim_z=8, widths=cfg.widths, activation=None)
steps = lesson.steps(1000, quick=5)
label = "deep without bends, 8 numbers"
learn(straight, Adam(straight, cfg.lr), train, cfg.batch, steps, label)

# %%
digits = test[:10]
boxes = {
    "x": plot.node("input $x$\n784 pixels", "data", image=digits[0].reshape(28, 28)),
    "g": plot.node(deep.encoder, name="encoder g"),
    "z": plot.node("code $z$\n8 numbers", "latent"),
    "f": plot.node(deep.decoder, name="decoder f"),
    "y": plot.node("rebuilt", "fake", image=deep(digits[:1]).reshape(28, 28)),
    "loss": plot.node("$|x - f(g(x))|^2$", "loss"),
}
arrows = ["x -> g -> z -> f -> y -> loss", plot.edge("x", "loss", dashed=True, route="under")]

# %%
title = "the trained autoencoder, with a test digit going through it"
lesson.figure(
    plot.schematic(boxes, arrows, title=title),
    "f01_autoencoder",
    "The bottleneck in the middle is all that the right half ever sees of the left.",
)

# %%
errors = {"deep, 8": per_pixel(deep(test)), "deep without bends, 8": per_pixel(straight(test))}
lesson.table(
    [*errors.items(), ["PCA, 8", linear[8]], ["PCA, 16", linear[16]]],
    ["code", "squared error per pixel"],
)

# %%
worth = {
    name: np.interp(-mse, [-e for e in linear.values()], list(linear))
    for name, mse in errors.items()
}
bends, no_bends, by_depth = lesson.predictions[-1].choices
straight_worth = worth["deep without bends, 8"]
more = bends if straight_worth < 10 else by_depth
lesson.outcome(
    f"Read off PCA's table: about {worth['deep, 8']:.0f} with bends, {straight_worth:.0f} without.",
    answer=no_bends if worth["deep, 8"] < 10 else more if worth["deep, 8"] > 16 else None,
)

# %%
lesson.claim(
    "deep, 8 numbers: test error per pixel",
    errors["deep, 8"],
    at_most=0.0255,
    source="PCA with 16: 0.0269",
)
lesson.claim(
    "without bends, 8 numbers: error over PCA's",
    errors["deep without bends, 8"] / linear[8],
    between=(0.99, 1.1),
)

# %%
ax = plot.line(
    list(linear),
    {"PCA": list(linear.values())},
    log="xy",
    markers=True,
    title="numbers and error",
    xlabel="numbers in the code",
    ylabel="squared error per pixel",
    reference={"deep, 8 numbers": errors["deep, 8"]},
)

# %%
lesson.figure(
    ax,
    "numbers_and_error",
    "Where the dashed line cuts the curve stands the number of linear directions that 8 bent "
    "ones are worth.",
)

# %%
pictures = np.concatenate([digits, by_pca(digits, 8), by_pca(digits, 16), deep(digits)])
names = ["test digit", "PCA, 8", "PCA, 16", "deep, 8"]
ax = plot.image_grid(pictures, 4, 10, shape=(28, 28), limits=(0, 1), row_labels=names)
lesson.figure(
    ax,
    "rebuilt",
    "Linear codes leave ghosts, gray ink that a sum of 16 fixed pictures cannot cancel. The deep"
    " code draws strokes, in nearly every column closer to the digit than 16 linear numbers.",
)

# %% [markdown]
# Three matrices in a row are one matrix: depth alone adds nothing. With bends the set of digits
# that can be drawn is no longer a flat sheet but a curved one, and it can follow the digits round
# their corners.
#
# ## 5. A map
# With two numbers the code can be looked at. Do the classes come apart, though no label was ever
# shown? We ask how often the nearest other test digit, by its code, has the same label.

# %%
lesson.predict(
    "Which two numbers keep the classes better apart?",
    ["PCA's", "those of the autoencoder", "there is hardly a difference, less than 0.1"],
)

# %%
plane = bent("plane", 2)
steps = lesson.steps(2500, quick=10)
learn(plane, Adam(plane, cfg.lr), train, cfg.batch, steps, "deep, 2 numbers")
some = slice(0, 3000)
codes = {"PCA": best.first(2).encode(test[some]), "autoencoder": plane.encode(test[some])}

# %%
fig, axes = plot.figure(1, 2, size=(5.0, 4.8))
for ax, (name, z) in zip(axes, codes.items()):
    plot.samples(z, ax=ax, classes=labels[some], size=5, alpha=0.5, title=f"{name}, two numbers")
lesson.figure(
    fig,
    "code_map",
    "Each dot is a test digit, colored by a label that neither method saw. Left: one cloud, with 0"
    " and 1 at its ends. Right: a crowded middle, from which classes spread out in rays of their"
    " own.",
)

# %% [markdown]
# In numbers: how often has the nearest other test digit the same label?


# %%
def same_class(z):
    squares = np.sum(z**2, axis=1)
    distance = squares[:, None] - 2 * z @ z.T + squares
    np.fill_diagonal(distance, np.inf)
    return float(np.mean(labels[some][distance.argmin(axis=1)] == labels[some]))


neighbors = {name: same_class(z) for name, z in codes.items()}
gain = neighbors["autoencoder"] - neighbors["PCA"]
error_2 = per_pixel(plane(test))
lesson.table(
    [["PCA", linear[2], neighbors["PCA"]], ["autoencoder", error_2, neighbors["autoencoder"]]],
    ["two numbers", "squared error per pixel", "nearest neighbor is of the same class"],
)

# %%
pca_wins, net_wins, no_difference = lesson.predictions[-1].choices
lesson.outcome(
    f"{neighbors['autoencoder']:.2f} of the neighbors are of one class, with PCA"
    f" {neighbors['PCA']:.2f}; by chance it would be 0.1.",
    answer=no_difference if abs(gain) < 0.1 else net_wins if gain > 0 else pca_wins,
)

# %%
lesson.claim("2 numbers: error over PCA's", error_2 / linear[2], at_most=0.85)
lesson.claim(
    "2 numbers: neighbors of one class, more than PCA's by",
    gain,
    at_least=0.1,
)

# %% [markdown]
# This is *search by codes*: to find digits like a given one, compare two numbers instead of 784.
# The share of neighbors that are of the right class is called the *precision* of the search.

# %%
lesson.change(
    "search by eight numbers",
    "Search with 8 numbers instead of PCA's 2: below `neighbors = {...}` add the line "
    '`neighbors["PCA"] = same_class(best.first(8).encode(test[some]))` and run again. How much '
    "better does the search become?",
    answer="Much better. On 3,000 test digits 0.82 of the neighbors are of the right class, with "
    "two numbers of PCA 0.37: digits of different classes that lie on top of each other in a "
    "plane come apart in eight dimensions. A quick run, with fewer digits, shows about 0.77.",
)

# %% [markdown]
# ## 6. A wrong turn: drawing new digits
# A decoder turns codes into digits. So draw a random code and decode it? For the range we take that
# of the true codes.

# %%
true = deep.encode(test)
low = true.min(axis=0)
high = true.max(axis=0)
random = lesson.rng("uniform").uniform(low, high, (10, 8)).astype(np.float32)
midway = (true[:10] + true[10:20]) / 2

# %%
pictures = np.concatenate([deep.decode(z) for z in (true[:10], random, midway)])
ax = plot.image_grid(pictures, 3, 10, shape=(28, 28), row_labels=["true", "random", "half-way"])
lesson.figure(
    ax,
    "random_codes",
    "Row 2: about half is scribble. Row 3, half-way between the codes of two digits: some are no"
    " digit.",
)

# %% [markdown]
# The loss speaks of codes of digits and of no others, and these leave most of the box empty. A code
# to *draw* from needs to be told how codes should be spread: that is the VAE's addition (`vae/07`,
# `vae/08`).
#
# ## 7. Where the post is loose
# - Eq. vae.01 squares a vector: it means the squared length, a *sum* over the 784 pixels.
#   Libraries' "MSE" is the mean, 784 times smaller. The best model is the same; the learning rate
#   is not, nor the weight of any penalty added later (`vae/04`, `vae/05`).
# - It says that an autoencoder learns the identity. It would, if it could: here the bottleneck
#   forbids it. Where the code is wide, something else has to (`vae/03`).
# - It likens the code to PCA without saying which part agrees: the *subspace*, not the single
#   numbers.

# %%
x = np.zeros((1, 784))
off = np.full((1, 784), 0.1)
lesson.check("every pixel off by 0.1: the sum of squares", reconstruction_loss(x, off), equals=7.84)

# %% [markdown]
# Another code of the same subspace: mix PCA's two numbers on the way in, unmix them on the way out.

# %%
mix = np.array([[2.0, 1.0], [1.0, 1.0]])
z = best.first(2).encode(test[:5])
unmixed = (z @ mix) @ np.linalg.inv(mix)
lesson.check("a mixed code decodes to the same", unmixed - z, equals=0.0, atol=1e-4)

# %% [markdown]
# **Left out:** convolutions, which do better on images; layer-by-layer pretraining, needed in 2006
# and no longer. **Next:** what to do when the code is as wide as the input? `vae/03` damages the
# input.
#
# **Your turn:** `minigen exercise start vae/02`, then `minigen run vae/02 --with
# exercises/vae_02.py`.

# %%
lesson.finish()
