# %% [markdown]
# # The autoencoder, and its relation to PCA
#
# An image of a digit has 784 pixels, but on the telephone you would describe it with far fewer
# numbers: a seven, slanted by so much, drawn with a thin pen. The obvious plan is to choose such
# numbers ourselves. It fails, because nobody could draw *this* seven from our description, and for
# other data we would not even know where to begin. Which few numbers should a description have, and
# who chooses them?
#
# An autoencoder lets the data choose. We write down its loss (section 1), work out the best linear
# description (2), ask whether training finds it (3), and replace it with a nonlinear one (4). Then
# we search with the codes (5), and try to draw new digits from random ones (6). This lesson follows
# the section *Autoencoder* of [From Autoencoder to
# Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/).
#
# Before this lesson: `start/01` (a training loop), `vae/01` (the symbols).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/02_autoencoder",
    title="The autoencoder, and its relation to PCA",
    post="vae",
    sections=["vae.s02"],
    figures=["vae.f01"],
    equations=["vae.01"],
    minutes=0.5,
    picture="rebuilt",
    sources=["weng2018vae", "eckart1936rank", "baldi1989pca", "hinton2006reducing"],
    pretrained=["digit_classifier"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.metrics.digits import class_probabilities, digit_frechet_distance
from minigen.optim import SGD, Adam, cosine
from minigen.tensor import value_and_grad
from minigen.train import descend
from minigen.vae.autoencoder import Autoencoder, reconstruction_loss
from minigen.vae.pca import pca, principal_angles

# %% [markdown]
# ## 1. An input, a code, a reconstruction
#
# How can data choose their own description? The idea is to ask for the input back. An *autoencoder*
# has two networks. The *encoder* $g$ maps the input $\mathbf{x}$ to a short code $\mathbf{z} =
# g(\mathbf{x})$, and the *decoder* $f$ has to rebuild the input from the code, $\mathbf{x}' =
# f(\mathbf{z})$. The code is also called the *bottleneck*, the *latent representation* or the
# *embedding vector*. No labels are needed, so the training is *unsupervised*. Both networks are
# trained together on the squared distance between input and reconstruction (Eq. vae.01):
#
# $$L_{\mathrm{AE}}(\theta, \phi) = \frac1n \sum_{i=1}^n
# \big\| \mathbf{x}^{(i)} - f_\theta(g_\phi(\mathbf{x}^{(i)})) \big\|^2 .$$
#
# In words, a code is good if the input can be rebuilt from it. (The idea dates from the 1980s, and
# Hinton and Salakhutdinov made it popular in 2006.)

# %%
lesson.exercise("vae/02/reconstruction_loss")

# %% [markdown]
# Let's try it on paper. The points $(2, 1)$, $(-2, -1)$ and $(4, 2)$ lie on one line through the
# origin, so one number for each is enough. The encoder $z = (2x + y)/5$ computes the position on
# the line, and the decoder maps $z$ to $(2z, z)$. Now a fourth point arrives, $(1, -2)$, which is
# not on the line.

# %%
lesson.predict(
    "What is the reconstruction of (1, -2), and what is its loss?",
    [
        "(1, -2) itself, loss 0",
        "(2, 1), the nearest of the three points, loss 10",
        "(0, 0), loss 5",
        "(0, 0), loss 2.5",
    ],
)

# %%
encode = np.array([[2.0], [1.0]]) / 5
decode = np.array([[2.0, 1.0]])
on_line = np.array([[2.0, 1.0], [-2.0, -1.0], [4.0, 2.0]])
off_line = np.array([[1.0, -2.0]])

# %%
rebuilt = on_line @ encode @ decode
lesson.check("codes of the three points", (on_line @ encode)[:, 0], equals=[1.0, -1.0, 2.0])
lesson.check("loss of the three points", reconstruction_loss(on_line, rebuilt), equals=0.0)

# %%
rebuilt = off_line @ encode @ decode
cost = reconstruction_loss(off_line, rebuilt)
lesson.outcome(
    "The code is (2 - 2)/5 = 0, and the loss is the whole squared length of the point, 1 + 4, "
    "because the point is orthogonal to the line.",
    answer="(0, 0), loss 5",
)
lesson.check("reconstruction of (1, -2)", rebuilt, equals=[[0.0, 0.0]])
lesson.check("its loss", cost, equals=5.0)
lesson.show_source(reconstruction_loss)

# %%
lesson.change(
    "another point off the line",
    "Change `off_line` to `np.array([[3.0, -1.0]])` and run again. What is the reconstruction, and "
    "what is lost?",
    answer="The reconstruction is (2, 1), with loss 5. The point is $(2, 1) + (1, -2)$. The part "
    "along the line is kept, and the part orthogonal to it is lost, as before.",
)

# %% [markdown]
# A code is therefore a choice of what to keep, and the loss makes the choice. The most costly
# directions to leave out are those in which the data *vary* most.
#
# The squared error is not the only loss. If pixels lie in $[0, 1]$ and the decoder ends in a
# sigmoid, the post also offers *cross-entropy*, $-x \log x' - (1 - x) \log(1 - x')$. Both are
# smallest at $x' = x$, but they punish differently. A white pixel that is rebuilt as 0.001 costs
# 0.998 in squared error, close to the most that it can cost. In cross-entropy it costs 6.9 nats,
# and the cost grows without bound as the output approaches 0.

# %%
lesson.check(
    "a white pixel rebuilt as 0.001: cross-entropy", -np.log(0.001), equals=6.9078, atol=1e-4
)

# %% [markdown]
# The VAEs of `vae/08` use cross-entropy. In this lesson we keep the squared error, because it lets
# us compute the best linear code exactly.
#
# ## 2. The best linear code
#
# Before we train a network, let's ask how well we can do without one. Suppose that encoder and
# decoder are both linear. On the line above, the best code was the position along the direction of
# the data. In general the best linear code uses the *principal components*, the directions of
# largest variance (Eckart and Young 1936). They are the eigenvectors of the covariance matrix with
# the largest eigenvalues. Computing them is *principal component analysis* (PCA), the best-known
# method for *dimensionality reduction*. It is a *matrix factorization* as well, because it writes
# the data matrix as a thin matrix of codes times a flat matrix of directions.

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
# <details><summary>Derivation: why the eigenvectors with the largest eigenvalues are best</summary>
#
# Let $\mathbf{x}$ be centered, with covariance $C$. Suppose that the decoder's outputs lie in the
# subspace with the orthonormal basis $\mathbf{v}_1, \ldots, \mathbf{v}_k$. For every encoder,
# linear or not, the best reconstruction in that subspace is the orthogonal projection $\sum_j
# (\mathbf{v}_j \cdot \mathbf{x})\, \mathbf{v}_j$. By Pythagoras, its mean squared error is
#
# $$\mathbb{E}\|\mathbf{x}\|^2 - \sum_{j=1}^k \mathbb{E}(\mathbf{v}_j \cdot \mathbf{x})^2
# = \operatorname{tr} C - \sum_{j=1}^k \mathbf{v}_j^\top C\, \mathbf{v}_j .$$
#
# Let $C$ have the eigenvectors $\mathbf{u}_i$ and the eigenvalues
# $\lambda_1 \geq \lambda_2 \geq \ldots$, and let
# $w_i = \sum_j (\mathbf{v}_j \cdot \mathbf{u}_i)^2$. Then the last sum is $\sum_i \lambda_i w_i$.
# The weights obey $0 \leq w_i \leq 1$, because $w_i$ is the squared length of the projection of the
# unit vector $\mathbf{u}_i$, and $\sum_i w_i = k$. So the sum is largest if the first $k$ weights
# are 1, which means that the subspace is spanned by $\mathbf{u}_1, \ldots, \mathbf{u}_k$. The error
# that remains is $\sum_{i > k} \lambda_i$, the variance outside of the subspace.
#
# </details>

# %% [markdown]
# We compute the directions from the training digits and measure the error on the test digits. From
# here on errors are means over the 784 pixels.

# %%
data = mnist.load()
n = lesson.size(60_000, quick=1_500)
n_test = lesson.size(10_000, quick=200)
train = mnist.unit(data.train_images[:n], flat=True)  # (N, 784), in [0, 1]
test = mnist.unit(data.test_images[:n_test], flat=True)
labels = data.test_labels[:n_test]
best = pca(train, 400)


# %%
def per_pixel(x, decoded):
    return reconstruction_loss(x, decoded) / 784


def by_pca(x, k):
    return best.first(k).decode(best.first(k).encode(x))


linear = {k: per_pixel(test, by_pca(test, k)) for k in (1, 2, 4, 8, 16, 32, 64, 128, 200)}
lesson.table(
    linear.items(), ["dimensions of the code", "PCA: squared error per pixel, test digits"]
)

# %%
left = train.var(axis=0, dtype=np.float64).sum() - best.variances[:8].sum(dtype=np.float64)
on_training_digits = reconstruction_loss(train, by_pca(train, 8))
lesson.check(
    "8 dimensions: training error over the variance left out",
    on_training_digits / left,
    equals=1.0,
    atol=1e-3,
)

# %% [markdown]
# On the training digits the error is the variance that is left out (the check), and no linear code
# can do better there. On the test digits it falls slowly at first, by only a seventh from 2
# dimensions to 4, because the variance of digits is spread over many directions. These are the
# numbers to beat.
#
# ## 3. A linear autoencoder
#
# PCA needs a covariance matrix and its eigenvectors. An autoencoder has neither, only gradient
# descent on Eq. vae.01. Does it find the same code? Let encoder and decoder be one linear layer
# each. The decoder starts as the transpose of the encoder, and the mean digit is subtracted first.
# We compare the errors, the directions, and the subspaces that the codes keep. Two subspaces of
# dimension $k$ have $k$ *principal angles*, which are all 0 if the subspaces are equal.

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


def loss(model, x):
    return reconstruction_loss(x, model(x))


# %%
lesson.predict(
    "How does the trained linear autoencoder with a code of 16 dimensions compare with PCA?",
    [
        "its error stays more than 10 % larger",
        "the errors agree, and its decoder has PCA's directions",
        "the errors agree, and its decoder has other directions of the same subspace",
        "its error becomes more than 2 % smaller",
    ],
)

# %% [markdown]
# Here is the training written out by hand, for a code of two dimensions. Each step draws a batch,
# computes the loss and its gradient with respect to all weights, and moves the weights against the
# gradient.

# %%
two = linear_autoencoder(2)
optimizer = SGD(two, cfg.linear_lr, cfg.momentum)
steps = lesson.steps(500, quick=10)
lr = cosine(cfg.linear_lr, steps)
batches = mnist.batches(centered, size=cfg.linear_batch, rng=lesson.rng("order linear, 2"))


def step_by_hand(i):
    (x,) = next(batches)
    value, gradient = value_and_grad(loss)(two, x)
    optimizer.lr = lr(i)
    optimizer.step(gradient)
    return value


# %%
state = {"model": two, "optimizer": optimizer, "batches": batches, "order": batches.rng}
lesson.fit(step_by_hand, steps, label="linear, 2", state=state)

# %% [markdown]
# Every other training in this lesson has the same step, so `descend` makes it from here on.


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
# We measure the error on test digits, and the largest principal angle between PCA's subspace and
# the one that the decoder can reach.

# %%
rows = {}
for k, model in flat.items():
    mse = per_pixel(test_centered, model(test_centered))
    angle = principal_angles(best.first(k).directions, model.decoder.w)[0]
    rows[k] = [linear[k], mse, mse / linear[k] - 1, angle]

lesson.table(
    [[k, *row] for k, row in rows.items()],
    ["dimensions", "PCA", "autoencoder", "excess", "largest angle, degrees"],
)

# %%
rows_of_decoder = flat[16].decoder.w
unit = rows_of_decoder / np.linalg.norm(rows_of_decoder, axis=1, keepdims=True)
likeness = np.abs(unit @ best.first(16).directions.T).max(axis=1).mean()  # 1 for PCA's own
excess = rows[16][2]

# %%
lesson.outcome(
    f"The errors differ by {100 * abs(excess):.1g} %, and the largest angle between the subspaces "
    f"is {rows[16][3]:.1f} degrees. But a row of the decoder has on average a cosine of only "
    f"{likeness:.2f} with the most similar of PCA's directions, because the loss does not "
    "determine the directions within the subspace.",
    answer=lesson.predictions[-1].choices[
        0 if excess > 0.1 else 3 if excess < -0.02 else 1 if likeness > 0.95 else 2
    ],
)

# %%
for k, mse in ((2, 0.0557), (16, 0.0269), (32, 0.0168)):
    lesson.claim(
        f"linear, {k} dimensions: test error over PCA's, minus 1",
        rows[k][2],
        at_most=0.005,
        source=f"Baldi and Hornik 1989 (PCA: {mse}); worst of seeds 0, 1, 2: 0.0001",
    )
    lesson.claim(
        f"linear, {k} dimensions: largest principal angle of the decoder",
        rows[k][3],
        at_most=2.0,
        unit="degrees",
        source="Baldi and Hornik 1989; worst of seeds 0, 1, 2 and 5077: 0.96",
    )

# %%
basis = np.linalg.qr(rows_of_decoder.T)[0]  # (784, 16), orthonormal, of all outputs of the decoder
projected = best.directions[:8] @ basis @ basis.T

# %%
ax = plot.image_grid(
    np.concatenate([best.directions[:8], rows_of_decoder[:8], projected]),
    3,
    8,
    shape=(28, 28),
    limits="signed",
    row_labels=["PCA", "decoder", "projected"],
)
lesson.figure(
    ax,
    "directions",
    "Weights as images, orange and blue for opposite signs. The rows are PCA's first eight "
    "directions, eight rows of the decoder, and PCA's directions projected on the decoder's "
    "subspace. Compare the third row with the other two.",
)

# %% [markdown]
# The projection changes nothing that we can see, so training found PCA's subspace without a
# covariance or an eigenvector. It did not find PCA's coordinates. A random direction of a subspace
# with 16 dimensions has a cosine of about 0.53 with the most similar of 16 orthogonal axes, and the
# rows of the decoder are about as close to PCA's directions. Nothing in the loss asks for more. Let
# the encoder be $\mathbf{x} \mapsto \mathbf{x} A$ and the decoder $\mathbf{z} \mapsto \mathbf{z}
# B$. For any invertible $k \times k$ matrix $M$,
#
# $$\mathbf{x}\, (A M) (M^{-1} B) = \mathbf{x}\, A B .$$
#
# In words, if the encoder mixes its coordinates and the decoder unmixes them, no reconstruction
# changes. The loss determines the product $AB$, and nothing else.

# %%
mix = np.array([[2.0, 1.0], [1.0, 1.0]])
z = best.first(2).encode(test[:5])
unmixed = (z @ mix) @ np.linalg.inv(mix)
lesson.check("a mixed and unmixed code minus the code", unmixed - z, equals=0.0, atol=1e-4)

# %% [markdown]
# Remember this when somebody interprets a single coordinate of a code. Reconstruction alone gives
# it no meaning (`vae/09` returns to this).
#
# ## 4. A nonlinear autoencoder
#
# A linear decoder can only reach a flat subspace. Nothing says that digits lie on a flat one, so
# let's allow it to bend. We put hidden layers of 256 and 128 units on each side of a code of 8
# dimensions, with an activation function after each hidden layer. A sigmoid at the end keeps the
# pixels in $[0, 1]$. But depth and nonlinearity are two changes. To tell them apart, we also train
# the same layers without activation functions.


# %%
def nonlinear(name, dim_z):
    functions = dict(activation="silu", out_activation="sigmoid")
    return Autoencoder(lesson.rng(name), dim_z=dim_z, widths=cfg.widths, **functions)


deep = nonlinear("deep", 8)
straight = Autoencoder(lesson.rng("straight"), dim_z=8, widths=cfg.widths, activation=None)


# %%
def by_hand(model, x):
    """The whole network: 784 - 256 - 128 - 8 - 128 - 256 - 784, one layer after another."""
    for layer in [*model.encoder.layers, *model.decoder.layers]:
        x = layer(x)  # s(x w + b)
    return x


gap = np.abs(by_hand(deep, test[:9]) - deep(test[:9])).max()
lesson.check("the layers one by one: largest difference", gap, equals=0.0)

# %%
lesson.predict(
    "How many dimensions would PCA need for the same error as each autoencoder with 8?",
    [
        "more than 16 with activation functions, 8 without",
        "about 8 with activation functions, 8 without",
        "more than 16 with activation functions, about 12 without",
    ],
)

# %%
steps = lesson.steps(2500, quick=15)
learn(deep, Adam(deep, cfg.lr), train, cfg.batch, steps, "deep, 8")
steps = lesson.steps(1000, quick=5)
learn(straight, Adam(straight, cfg.lr), train, cfg.batch, steps, "deep without activations, 8")

# %%
errors = {
    "deep, 8": per_pixel(test, deep(test)),
    "deep without activations, 8": per_pixel(test, straight(test)),
}
of_deep, of_straight = (
    np.interp(-mse, [-e for e in linear.values()], list(linear)) for mse in errors.values()
)
lesson.table(
    [*errors.items(), ["PCA, 8", linear[8]], ["PCA, 16", linear[16]], ["PCA, 32", linear[32]]],
    ["code", "squared error per pixel"],
)

# %%
lesson.outcome(
    f"PCA would need about {of_deep:.0f} dimensions to match the network with activation "
    f"functions, and {of_straight:.0f} to match the one without, because a product of matrices is "
    "again a matrix.",
    answer=lesson.predictions[-1].choices[1 if of_deep < 10 else 0 if of_straight < 10 else 2]
    if not 10 <= of_deep <= 16
    else None,
)

# %%
lesson.claim(
    "deep, 8 dimensions: test error per pixel",
    errors["deep, 8"],
    at_most=0.0225,
    source="worst of seeds 0, 1, 2 and 5077: 0.0190, plus a fifth; PCA with 16: 0.0269",
)
lesson.claim(
    "without activation functions, 8 dimensions: error over PCA's",
    errors["deep without activations, 8"] / linear[8],
    between=(0.99, 1.05),
    source="theory: 1 on the training digits; seeds 0, 1, 2 and 5077: 0.9996 to 1.004",
)

# %%
boxes = {
    "x": plot.node("input $x$\n784 pixels", "data", image=test[0].reshape(28, 28)),
    "g": plot.node(deep.encoder, name="encoder g"),
    "z": plot.node("code $z$\n8 dimensions", "latent"),
    "f": plot.node(deep.decoder, name="decoder f"),
    "y": plot.node("reconstruction", "fake", image=deep(test[:1]).reshape(28, 28)),
    "loss": plot.node("$|x - f(g(x))|^2$", "loss"),
}
arrows = ["x -> g -> z -> f -> y -> loss", plot.edge("x", "loss", dashed=True, route="under")]

# %%
lesson.figure(
    plot.schematic(boxes, arrows, title="the trained autoencoder, applied to a test digit"),
    "f01_autoencoder",
    "The decoder's only input is the code (pink). The dashed arrow carries the input to the loss.",
)

# %%
digits = test[:10]
ax = plot.image_grid(
    np.concatenate([digits, by_pca(digits, 8), by_pca(digits, 16), deep(digits)]),
    4,
    10,
    shape=(28, 28),
    limits=(0, 1),
    row_labels=["test digit", "PCA, 8", "PCA, 16", "deep, 8"],
)
lesson.figure(
    ax,
    "rebuilt",
    "Ten test digits and their reconstructions. Look at the gray ink around the strokes in the "
    "rows of PCA, and for the digit that the deep network changes most.",
)

# %% [markdown]
# Without activation functions the layers compute $\mathbf{x} A_1 A_2 A_3$, and $A_1 A_2 A_3$ is one
# matrix. Depth alone therefore adds nothing. A nonlinear encoder alone would add nothing either,
# since the derivation of section 2 holds for every encoder. What helps is the nonlinear decoder:
# its outputs form a curved surface, which can come closer to the digits than any flat one.
#
# ## 5. A map of the digits
#
# A code is useful only if it keeps what we care about. The training used no labels, so let's ask
# whether similar codes mean equal labels. With two dimensions we can look at the answer. To put a
# number on it, we take 3,000 test digits, and find for each the nearest other one *by its code*. Do
# the two have the same label? For comparison we add PCA, the same network before its training, and
# the distance between the pixels themselves.

# %%
plane = nonlinear("plane", 2)
some = slice(0, 3000)
codes = {"PCA": best.first(2).encode(test[some]), "untrained": plane.encode(test[some])}
codes["pixels"] = test[some]
error_of_untrained = per_pixel(test, plane(test))
steps = lesson.steps(2500, quick=10)
learn(plane, Adam(plane, cfg.lr), train, cfg.batch, steps, "deep, 2")
codes["autoencoder"] = plane.encode(test[some])

# %%
fig, axes = plot.figure(1, 2, size=(5.0, 4.8))
for ax, name in zip(axes, ("PCA", "autoencoder")):
    title = f"{name}, two dimensions"
    plot.samples(codes[name], ax=ax, classes=labels[some], size=5, alpha=0.5, title=title)
lesson.figure(
    fig,
    "code_map",
    "Each dot is the code of a test digit, colored by its label, which neither method used. The "
    "circled numbers name the classes. Look for classes that overlap in both maps.",
)


# %%
def same_class(z):
    squares = np.sum(z**2, axis=1)
    distance = squares[:, None] - 2 * z @ z.T + squares
    np.fill_diagonal(distance, np.inf)
    return float(np.mean(labels[some][distance.argmin(axis=1)] == labels[some]))


neighbors = {name: same_class(z) for name, z in codes.items()}
gain = neighbors["autoencoder"] - neighbors["PCA"]
error_2 = per_pixel(test, plane(test))

# %%
lesson.table(
    [
        ["a random neighbor", None, 0.1],
        ["PCA, 2", linear[2], neighbors["PCA"]],
        ["the network before training, 2", error_of_untrained, neighbors["untrained"]],
        ["autoencoder, 2", error_2, neighbors["autoencoder"]],
        ["the 784 pixels themselves", 0.0, neighbors["pixels"]],
    ],
    ["code", "squared error per pixel", "nearest neighbor is of the same class"],
)

# %%
lesson.claim(
    "2 dimensions: error over PCA's",
    error_2 / linear[2],
    at_most=0.8,
    source="worst of seeds 0, 1, 2 and 5077: 0.739, plus a margin of a twelfth",
)
lesson.claim(
    "2 dimensions: fraction of neighbors of the same class, minus PCA's",
    gain,
    at_least=0.12,
    source="worst of seeds 0, 1, 2 and 5077: 0.179, minus a margin of a third",
)

# %% [markdown]
# The neighbor has the same label more often with the autoencoder's two numbers than with PCA's two,
# although neither method used a label. Comparing codes is a way to *search*. To find digits like a
# given one, we compare 2 numbers instead of 784, and the fraction of results with the right class
# is called the *precision* of the search. The pixels themselves have a far higher precision here. A
# short code makes a search cheaper, but two numbers are too few for digits. Other uses of a code
# are *compression*, which stores the code in place of the input, and a look at the *factors* behind
# the data, such as slant (`vae/09`).

# %%
lesson.change(
    "search by eight numbers",
    "Search with 8 dimensions instead of PCA's 2: below `neighbors = {...}` add the line "
    '`neighbors["PCA"] = same_class(best.first(8).encode(test[some]))` and run again. The row '
    '"PCA, 2" of the table then shows the result. How much does the precision of the search grow?',
    answer="A great deal: on 3,000 test digits 0.82 of the neighbors have the right class, and "
    "with two dimensions of PCA 0.37. Classes that overlap in a plane overlap less in eight "
    "dimensions. A quick run, with fewer digits, shows about 0.77.",
)

# %% [markdown]
# ## 6. Can it generate?
#
# The decoder turns codes into digits. This sounds like a generative model: draw a random code,
# decode it, and see a digit that nobody has written. Let's draw each coordinate uniformly, between
# its smallest and its largest value in the codes of 10,000 training digits.

# %%
m = lesson.size(2000, quick=100)
known = train[:10_000]
known_codes = deep.encode(known)  # (10000, 8)
true = deep.encode(test[: 2 * m])
box = lesson.rng("uniform").uniform(known_codes.min(axis=0), known_codes.max(axis=0), (m, 8))
sets = {
    "test digits": test[:m],
    "their reconstructions": deep.decode(true[:m]),
    "random codes, decoded": deep.decode(box.astype(np.float32)),
    "a blank image": np.zeros((m, 784), np.float32),
}

# %% [markdown]
# How digit-like is the result? A natural measure is the squared distance to the nearest training
# digit. We compute it for real test digits, for their reconstructions and for decoded random codes.
# A measure should be tried on something worthless as well, so we add a blank image.

# %%
lesson.predict(
    "Which of these has the smallest mean squared distance to the nearest training digit?",
    list(sets),
)


# %%
def to_nearest(x, y):
    lengths = np.sum(x**2, axis=1)[:, None] + np.sum(y**2, axis=1)
    return float(np.mean((lengths - 2 * x @ y.T).min(axis=1)))


distances = {name: to_nearest(x[:1000], known) for name, x in sets.items()}
lesson.table(distances.items(), ["images", "squared distance to the nearest training digit"])

# %%
lesson.outcome(
    f"The blank image has {distances['a blank image']:.1f} and real test digits have "
    f"{distances['test digits']:.1f}, because the distance of a blank image to a digit is only the "
    "ink of that digit, and some digits have little ink.",
    answer=min(distances, key=distances.get),
)
lesson.check(
    "distance to the nearest training digit, blank image over test digits",
    distances["a blank image"] / distances["test digits"],
    at_most=1,
)

# %% [markdown]
# By this measure a blank page is a better digit than a digit. The measure rewards little ink, and
# it prefers blurred reconstructions to the digits themselves. We need measures that a blank page
# fails, and here are two. The first is the fraction *recognized*, the images for which a classifier
# of digits assigns a probability of at least 0.9 to one of the ten classes. The second compares
# sets. The *Fréchet distance* (`gan/08`) is 0 if the classifier's features have the same mean and
# covariance on both sets, here the images and 2,000 training digits. Two samples of the same
# distribution never agree exactly, so the row of the test digits shows how small the distance
# becomes for real digits.
#
# A few more rows help to find out what goes wrong with random codes. *Midway* codes are halfway
# between the codes of two test digits. *One Gaussian of the codes* has the mean and the covariance
# of the training codes, while *one Gaussian of the pixels* needs no autoencoder.

# %%
rng = lesson.rng("Gaussians")
of_codes = rng.multivariate_normal(known_codes.mean(axis=0), np.cov(known_codes.T), m)
of_pixels = best.decode(rng.standard_normal((m, 400)) * np.sqrt(best.variances))
z = {
    "their reconstructions": true[:m],
    "midway codes, decoded": (true[:m] + true[m:]) / 2,
    "one Gaussian of the codes, decoded": of_codes.astype(np.float32),
    "random codes, decoded": box.astype(np.float32),
}
sets |= {name: deep.decode(codes) for name, codes in z.items()}
sets["one Gaussian of the pixels"] = of_pixels.clip(0, 1).astype(np.float32)
sets["the mean digit"] = np.tile(best.mean, (m, 1))

# %%
classifier = lesson.pretrained("digit_classifier")


def recognized(x):
    probabilities = class_probabilities(classifier, x.reshape(-1, 28, 28, 1))
    return float(np.mean(probabilities.max(axis=1) >= 0.9))


def frechet(x):
    pair = (known[:m].reshape(-1, 28, 28, 1), x.reshape(-1, 28, 28, 1))
    return digit_frechet_distance(classifier, *pair)


# %%
order = ["test digits", *z, "one Gaussian of the pixels", "the mean digit", "a blank image"]
rows = {
    name: [
        to_nearest(z[name], known_codes) if name in z else None,
        to_nearest(sets[name][:1000], known),
        recognized(sets[name]),
        frechet(sets[name]),
    ]
    for name in order
}

# %%
lesson.table(
    [[name, *row] for name, row in rows.items()],
    ["images", "code to training codes", "image to training digits", "recognized", "Fréchet"],
    "squared distances to the nearest one",
)

# %%
ax = plot.image_grid(
    np.concatenate([sets[name][:10] for name in order[1:6]]),
    5,
    10,
    shape=(28, 28),
    limits=(0, 1),
    row_labels=["rebuilt", "midway", "Gaussian", "random", "pixels"],
)
lesson.figure(
    ax,
    "random_codes",
    "Decoded codes of test digits, midway between two of them, from one Gaussian, and at random. "
    "The last row is one Gaussian of the pixels. Compare the width of the strokes.",
)

# %%
rebuilt, *new, pixels = (rows[name] for name in order[1:6])
lesson.claim(
    "fraction recognized: reconstructions minus the best of the three kinds of new codes",
    rebuilt[2] - max(row[2] for row in new),
    at_least=0.1,
    source="seeds 0, 1 and 5077: 0.18, 0.28, 0.24, minus a margin of two fifths",
)

# %%
lesson.claim(
    "Fréchet distance: the smallest of the three kinds of new codes over reconstructions",
    min(row[3] for row in new) / rebuilt[3],
    at_least=1.18,
    source="seeds 0, 1 and 5077: 1.58, 1.58, 1.49, minus a margin of a fifth",
)
lesson.claim(
    "Fréchet distance: one Gaussian of the pixels over one Gaussian of the codes",
    pixels[3] / rows["one Gaussian of the codes, decoded"][3],
    at_least=1.65,
    source="seeds 0, 1 and 5077: 3.46, 3.38, 3.65, minus a margin of a half",
)

# %%
same = labels[:m] == labels[m : 2 * m]
kinds = {"equal labels": recognized(sets["midway codes, decoded"][same])}
kinds["different labels"] = recognized(sets["midway codes, decoded"][~same])
lesson.table(kinds.items(), ["midway between two digits with", "recognized"])
lesson.claim(
    "midway codes recognized: between equal labels minus between different labels",
    kinds["equal labels"] - kinds["different labels"],
    at_least=0.2,
    source="seeds 0, 1 and 5077: 0.43, 0.40, 0.43, minus a margin of a half",
)

# %% [markdown]
# All three measures agree on one thing. Midway codes, codes from one Gaussian and random codes give
# worse images than the codes of real digits. But the measures do not agree on which of the three is
# the worst. In the recorded run the random codes, with their thick strokes, are the farthest from
# the training digits, and yet the classifier recognizes more of them than of the other two. (It has
# ten classes, and none for what is not a digit.) The midway codes have the largest Fréchet
# distance. Do not trust one such number without a second one, and without a look at the images.
#
# Why do these codes fail? The random codes are far from all training codes, and the loss does not
# constrain what the decoder outputs there. The midway codes are not far away, so they must fail for
# another reason. The last table shows it. Midway between two digits with equal labels, images are
# recognized about as often as reconstructions. Between different labels only about half as many are
# recognized, and a blend of two different digits may well be neither of them.
#
# There is good news as well. One Gaussian of the codes is better than one Gaussian of the pixels by
# all three measures, so the decoder can serve as half of a generative model. The other half is
# missing, a distribution of codes with which the decoder was trained. The VAE adds it (`vae/07`,
# `vae/08`).
#
# ## What this lesson does differently
#
# - The post names PCA in passing. We use it as the rival that every code has to beat.
# - We leave out convolutions, which suit images better, and the layer-by-layer pretraining of
#   Hinton and Salakhutdinov, which deep networks no longer need.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - Eq. vae.01 is introduced with "as simple as MSE loss", and squares a vector. The square means
#   the squared length, a *sum* over the 784 pixels. The MSE of most libraries is the mean, 784
#   times smaller. The minimum is at the same place, but the best learning rate is different, and a
#   penalty that is added later needs a different weight (`vae/04`, `vae/05`).
# - "There are various metrics to quantify the difference between two vectors, such as cross entropy
#   when the activation function is sigmoid". As a loss this is fine. But its value is not a
#   difference, because at $x' = x$ it is not 0. A gray pixel with $x = \frac12$ costs $\log 2 =
#   0.693$. Subtract this entropy, and the KL divergence is left. The entropy does not depend on
#   $x'$, so training is not affected.

# %%
x = np.zeros((1, 784))
sum_of_squares = reconstruction_loss(x, x + 0.1)
gray = 0.5
entropy = -gray * np.log(gray) - (1 - gray) * np.log(1 - gray)
lesson.check("every pixel off by 0.1: the sum of squares", sum_of_squares, equals=7.84)
lesson.check("cross-entropy of a gray pixel with itself", entropy, equals=np.log(2))

# %% [markdown]
# Neither remark changes which code is the best one. Both change what a number of the loss means.
#
# ## To remember
#
# - An autoencoder is trained to rebuild its input from a short code. The loss chooses what to keep.
# - The best linear code is PCA's. Depth without activation functions does not improve on it, but a
#   nonlinear decoder does.
# - The distance to the nearest training example does not measure how good samples are. A blank
#   image wins.
# - An autoencoder defines no distribution of codes, so it is not yet a generative model.
#
# **Next:** is a narrow code necessary? `vae/03` makes it as wide as the input, and corrupts the
# input instead.
#
# **Your turn:** `minigen exercise start vae/02`, then `minigen run vae/02 --with
# exercises/vae_02.py`.

# %%
lesson.finish()
