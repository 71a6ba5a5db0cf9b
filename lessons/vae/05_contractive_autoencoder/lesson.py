# %% [markdown]
# # The contractive autoencoder
#
# The section *Contractive Autoencoder* (vae.s05) of
# [From Autoencoder to Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/),
# run. In this lesson:
#
# 1. The squared Frobenius norm of the encoder's Jacobian measures how sensitive a code is to its
#    input.
# 2. For a layer of sigmoids this norm has a closed form, which costs less than encoding. For any
#    other encoder it is computed by automatic differentiation.
# 3. The penalty alone is smallest for a constant code, the reconstruction error for a code that
#    distinguishes all examples. We measure to which directions of the input the code still
#    responds when both are minimized together.
#
# It helps to have read `vae/03`, the denoising autoencoder.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/05_contractive_autoencoder",
    title="The contractive autoencoder",
    post="vae",
    sections=["vae.s05"],
    equations=["vae.05"],
    minutes=0.1,
    picture="directions",
    sources=["weng2018vae", "rifai2011contractive", "alain2014regularized"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.nn import MLP, Linear
from minigen.optim import cosine
from minigen.tensor import jacobian, sigmoid
from minigen.train import descend
from minigen.vae.autoencoder import Autoencoder, autoencoder_loss, reconstruction_loss
from minigen.vae.autoencoder import code_jacobian, contractive_penalty, corrupt, sigmoid_penalty

# %% [markdown]
# ## 1. How sensitive is a code to its input?
# A representation is *robust* if it hardly changes under small perturbations of the input. But
# which perturbations should leave it unchanged? Here are four digits. The second row shifts each
# by one pixel. The third row adds noise, in a random direction, at the same Euclidean distance.

# %%
data = mnist.load()
test = mnist.unit(data.test_images[: lesson.size(2000, quick=100)], flat=True)  # (N, 784)
digits = test[:4].reshape(4, 28, 28)
shifts = np.roll(digits, 1, axis=2) - digits
distances = np.linalg.norm(shifts, axis=(1, 2), keepdims=True)  # (4, 1, 1)
noise = lesson.rng("perturbation").standard_normal(digits.shape)
noise = distances * noise / np.linalg.norm(noise, axis=(1, 2), keepdims=True)

# %%
rows = ["digit", "shifted", "random"]
images = np.concatenate([digits, digits + shifts, digits + noise])
ax = plot.image_grid(images, 3, 4, shape=(28, 28), limits=(0, 1), row_labels=rows)
lesson.figure(
    ax,
    "perturbations",
    "Four digits and two perturbations of each. Within a column, rows 2 and 3 are at the same"
    " distance from row 1.",
)

# %% [markdown]
# The denoising autoencoder of `vae/03` corrupts the input and trains the *output* to stay the
# same. Rifai et al. (2011) penalize changes of the *code*, and add no noise. Let $g$ be the encoder
# and $h_j$ one unit of the code $\mathbf z = g(\mathbf x)$. There is one derivative for each unit
# $h_j$ and each pixel $x_i$. Together they form the Jacobian $J_g$ of the encoder. The *contractive
# penalty* is the sum of their squares, the squared *Frobenius norm* of $J_g$ (Eq. vae.05):
#
# $$\|J_g(\mathbf{x})\|_F^2 = \sum_{ij} \Big( \frac{\partial h_j(\mathbf{x})}{\partial x_i}
# \Big)^2 .$$
#
# The loss of the contractive autoencoder adds this penalty, with a weight $\lambda$, to the
# reconstruction error of the decoder $f$:
#
# $$L = \frac1n \sum_{i=1}^n \Big[ \|\mathbf{x}^{(i)} - f(g(\mathbf{x}^{(i)}))\|^2 + \lambda\,
# \|J_g(\mathbf{x}^{(i)})\|_F^2 \Big] .$$
#
# Start with one unit of two inputs, $h = \sigma(3x_1 + 4x_2)$. At the origin $h = \frac12$. The
# slope of the sigmoid is $h(1 - h) = \frac14$ there, so the two derivatives are $\frac34$ and $1$.

# %%
lesson.exercise("vae/05/sigmoid_penalty")
lesson.exercise("vae/05/contractive_penalty")

# %%
lesson.predict(
    "What is the penalty of this unit at the origin, and at (10, 10)?",
    [
        "1.75 at both",
        "1.5625 at both",
        "1.5625 at the origin, nearly 0 at (10, 10)",
        "1.5625 at the origin, much more at (10, 10)",
    ],
)

# %%
unit = Linear(lesson.rng("unit"), 2, 1, "sigmoid")
unit.w[:] = [[3], [4]]
origin = np.zeros((1, 2))
far = np.full((1, 2), 10.0)
both = np.concatenate([origin, far])

# %%
at_origin, at_far = contractive_penalty(unit, origin), contractive_penalty(unit, far)
print(f"  penalty at the origin {at_origin:.4f}, at (10, 10) {at_far:.4g}")

# %%
lesson.outcome(
    "At the origin the penalty is 9/16 + 1. At (10, 10) the unit is saturated: its output is 1, "
    "and a small change of the input does not change it.",
    answer="1.5625 at the origin, nearly 0 at (10, 10)",
)
lesson.check("penalty at the origin: 9/16 + 1", at_origin, equals=25 / 16)
lesson.check("penalty at (10, 10)", at_far, equals=0.0)
lesson.check("mean over both inputs", contractive_penalty(unit, both), equals=25 / 32)

# %% [markdown]
# So a unit has a small penalty for one of two reasons: its weights are small, or it is saturated.

# %%
lesson.change(
    "half the weights",
    "Halve both weights: change `[[3], [4]]` to `[[1.5], [2]]` and run again. What happens to the "
    "penalty at the origin? What would happen at $(1, 1)$?",
    answer="At the origin it falls to a quarter, 0.3906: the slope of the sigmoid is the same "
    "there, and the weights enter squared. At $(1, 1)$ it rises. The argument of the sigmoid falls "
    "from 7 to 3.5, so the unit is less saturated, and its slope $h(1 - h)$ grows by a factor of "
    "31. The penalty grows by a factor of about 240.",
)

# %% [markdown]
# ## 2. Two ways to compute the penalty
# For a layer of sigmoids, $h_j = \sigma(\sum_i w_{ij} x_i + b_j)$, the chain rule gives
# $\partial h_j / \partial x_i = h_j (1 - h_j)\, w_{ij}$. One factor depends on the example and the
# other does not, so the double sum factorizes:
#
# $$\|J_g\|_F^2 = \sum_j \big(h_j (1 - h_j)\big)^2 \sum_i w_{ij}^2 .$$
#
# Any other encoder is differentiated automatically. One backward pass gives the derivatives of
# *one* unit with respect to all inputs. So `code_jacobian` makes one copy of the batch for each
# unit, and takes from copy $j$ only $h_j$.

# %%
lesson.show_source(sigmoid_penalty, contractive_penalty, code_jacobian)

# %% [markdown]
# The two must agree. A third computation is independent of both: one Jacobian after the other,
# example by example.


# %%
def mean_squared_jacobian(encoder, x):
    def encode_one(v):
        return encoder(v[None])[0]

    return np.mean([np.sum(jacobian(encode_one)(v) ** 2) for v in x])


layer = Linear(lesson.rng("layer"), 784, 30, "sigmoid")


def layer_as_function(x):  # not a `Linear`, so that `contractive_penalty` differentiates it
    return layer(x)


# %%
twenty = test[:20]
closed = contractive_penalty(layer, twenty)
copies = contractive_penalty(layer_as_function, twenty)
one_by_one = mean_squared_jacobian(layer, twenty)
lesson.table(
    [
        ["closed form", closed],
        ["copies of the batch", copies],
        ["one Jacobian (30, 784) for each image", one_by_one],
    ],
    ["20 digits, 30 units", "mean of the squared norm"],
)
lesson.check("closed form over one by one, minus 1", abs(closed / one_by_one - 1), at_most=1e-5)
lesson.check("copies over one by one, minus 1", abs(copies / one_by_one - 1), at_most=1e-5)

# %% [markdown]
# An encoder of two layers has no such closed form. The copies work for it too.

# %%
deep = MLP(lesson.rng("deep"), [784, 40, 10], activation="tanh")
ratio = contractive_penalty(deep, test[:5]) / mean_squared_jacobian(deep, test[:5])
lesson.check("two tanh layers: copies over one by one, minus 1", abs(ratio - 1), at_most=1e-5)

# %% [markdown]
# **A wrong turn:** make no copies, and differentiate the *sum* of all units in a single pass. Try
# it on two units with weights $(1, 0)$ and $(-1, 0)$. At the origin their derivatives with respect
# to $x_1$ are $\frac14$ and $-\frac14$.

# %%
lesson.predict(
    "The penalty of these two units at the origin is 1/8. What does the derivative of their sum "
    "give in its place?",
    ["1/8 as well", "1/4", "0"],
)

# %%
opposite = np.array([[1.0, -1.0], [0.0, 0.0]])


def two_units(x):
    return sigmoid(x @ opposite)


def their_sum(x):
    return two_units(x).sum(axis=1)[:, None]


# %%
right, of_sum = contractive_penalty(two_units, origin), contractive_penalty(their_sum, origin)
print(f"  penalty {right:.4f}, from the sum {of_sum:.4f}")

# %%
lesson.outcome(
    "When x_1 grows, one unit rises and the other falls by as much. The code changes, but its sum "
    "does not.",
    answer="0",
)
lesson.check("penalty of the two units at the origin: 2/16", right, equals=0.125)
lesson.check("penalty from the derivative of the sum", of_sum, equals=0.0)

# %%
lesson.change(
    "two equal units",
    "Make the two units equal: change `[[1.0, -1.0], [0.0, 0.0]]` to `[[1.0, 1.0], [0.0, 0.0]]` "
    "and run again. Does the sum give the right penalty now?",
    answer="No, it gives 0.25, and 0.125 is right. The derivative of the sum is $\\frac14 + "
    "\\frac14$, and its square is $\\frac14$. The squares of the two derivatives add up to "
    "$\\frac18$. The square of a sum is not the sum of the squares.",
)

# %% [markdown]
# ## 3. Training with the penalty
# We train two autoencoders with 144 sigmoid units each, one with $\lambda = 0$ and one with
# $\lambda = 2$. As in Rifai et al., the decoder's weights are the encoder's, transposed (*tied
# weights*). What would happen with separate weights? Take a linear code, divide the encoder's
# weights by 10, and multiply the decoder's weights by 10.

# %%
lesson.predict(
    "What happens to the reconstruction error and to the penalty of this linear autoencoder?",
    [
        "the error stays the same, and so does the penalty",
        "the error stays the same, and the penalty falls to a hundredth",
        "the error grows, and the penalty falls to a hundredth",
    ],
)

# %%
w = lesson.rng("loophole").standard_normal((6, 3)) / 2
x = lesson.rng("loophole x").standard_normal((50, 6))


def code(x):
    return x @ w


def small_code(x):
    return x @ (w / 10)


# %%
before = reconstruction_loss(x, code(x) @ w.T)
after = reconstruction_loss(x, small_code(x) @ (10 * w.T))
ratio = contractive_penalty(code, x) / contractive_penalty(small_code, x)
print(f"  error {before:.4f}, then {after:.4f}; penalty before over after {ratio:.4g}")

# %%
lesson.outcome(
    "The output is the same at a hundredth of the penalty. The code distinguishes the same inputs "
    "as before; it is only measured in smaller units.",
    answer="the error stays the same, and the penalty falls to a hundredth",
)
lesson.check("reconstruction error, before minus after", before - after, equals=0.0)
lesson.check("penalty, before over after", ratio, equals=100.0)

# %% [markdown]
# Tied weights exclude this rescaling: smaller weights in the encoder are smaller weights in the
# decoder, too.

# %%
cfg = lesson.configure(units=144, weight=2.0, lr=3e-3, batch=100)


def tied_autoencoder():
    return Autoencoder(
        lesson.rng("init"),
        dim_z=cfg.units,
        widths=(),
        code_activation="sigmoid",
        out_activation="sigmoid",
        tied=True,
    )


# %%
def loss_with(weight):
    def penalty(model, x, z):
        return weight * contractive_penalty(model.encoder, x)

    def loss(model, x):
        return autoencoder_loss(model, x, penalty=penalty)

    return loss


# %%
def flat_images(batches):
    for (images,) in batches:
        yield mnist.unit(images, flat=True)  # (batch, 784)


def train(label, weight, steps, lr):
    model = tied_autoencoder()
    batches = mnist.batches(data.train_images, size=cfg.batch, rng=lesson.rng("order"))
    step = descend(loss_with(weight), model, flat_images(batches), lr=cosine(lr, steps))
    state = {**step.state, "batches": batches, "order": batches.rng}
    lesson.fit(step, steps, label=label, state=state)
    return model


# %%
steps = lesson.steps(1000, quick=10)
plain = train("plain", 0.0, steps, cfg.lr)
contractive = train("contractive", cfg.weight, steps, cfg.lr)
models = {"plain": plain, "contractive": contractive}

# %% [markdown]
# We measure the sensitivity of each code in two ways. The first is the penalty itself. The second
# uses no derivative: add Gaussian noise of standard deviation 0.1 to the test digits, and divide
# the mean displacement of the code by the mean distance between the codes of two digits.

# %%
noisy = corrupt(test, lesson.rng("noise"), "gaussian", 0.1)


def displacement_by_noise(model):
    h = model.encode(test)
    displacement = np.linalg.norm(model.encode(noisy) - h, axis=1).mean()
    between_digits = np.linalg.norm(h - h[::-1], axis=1).mean()
    return float(displacement / between_digits)


# %%
measured = {}
for name, model in models.items():
    error = reconstruction_loss(test, model(test))
    penalty = contractive_penalty(model.encoder, test)
    measured[name] = [error, penalty, displacement_by_noise(model)]
header = ["test digits", "squared error", "penalty"]
lesson.table(
    [[name, *row] for name, row in measured.items()],
    [*header, "displacement by noise / distance between digits"],
)

# %%
of_mean_digit = reconstruction_loss(test, 0 * test + test.mean(axis=0))
error = measured["contractive"][0] / of_mean_digit
_, penalty, displacement = np.array(measured["contractive"]) / np.array(measured["plain"])
name = "contractive: error over that of the mean digit"
lesson.claim(name, error, at_most=0.56, source="worst of seeds 0, 1, 2: 0.503, plus 10 %")
name = "penalty: contractive over plain"
lesson.claim(name, penalty, at_most=0.2, source="worst of seeds 0, 1, 2: 0.160, plus 25 %")
name = "displacement by noise: contractive over plain"
source = "worst of seeds 0, 1, 2: 0.537, plus 12 %"
lesson.claim(name, displacement, at_most=0.6, source=source)

# %% [markdown]
# ## 4. To which directions does the code still respond?
# The post reports what the authors claim: "empirically this penalty was found to carve a
# representation that corresponds to a lower-dimensional non-linear manifold, while staying more
# invariant to majority directions orthogonal to the manifold". A *manifold* is a curved surface of
# fewer dimensions than the space around it. Images of digits are thought to lie near one: from
# each digit only a few directions lead to other digits (a shift, a thicker stroke), and most
# directions lead to images that are not digits.
#
# The singular values of the Jacobian measure this. The largest is the displacement of the code per
# unit of displacement of the image in the direction of strongest response. The second belongs to
# the strongest direction orthogonal to the first, and so on. At one image the Jacobian has shape
# (144, 784), so at least 640 of the 784 directions have no effect at all, with or without the
# penalty. We compare the other 144, each code relative to its own largest singular value.

# %%
lesson.predict(
    "Relative to its largest singular value, how do the smaller ones of the contractive code "
    "compare with those of the plain code?",
    [
        "the same: the penalty reduces all by one factor",
        "smaller: the penalty reduces the later ones more than the first",
        "larger: the penalty reduces the first ones most",
    ],
)

# %% [markdown]
# By section 2, row $j$ of the Jacobian is $h_j (1 - h_j)\, \mathbf{w}_j$, where $\mathbf w_j$ are
# the weights of unit $j$. This formula is faster than differentiation. Ten of its Jacobians are
# compared with those of automatic differentiation.


# %%
def closed_jacobian(model, x):
    h = model.encode(x)  # (n, 144)
    return (h * (1 - h))[:, :, None] * model.encoder.w.T[None]  # (n, 144, 784)


some = test[: lesson.size(150, quick=10)]
jacobians = {name: closed_jacobian(model, some) for name, model in models.items()}
for name, model in models.items():
    off = np.abs(jacobians[name][:10] - code_jacobian(model.encoder, some[:10])).max()
    lesson.check(f"{name}: closed form minus automatic Jacobian", off, at_most=1e-4)

# %%
values = {}
for name, j in jacobians.items():
    values[name] = np.linalg.svd(j, compute_uv=False)  # (n, 144), decreasing
spectrum = {name: s.mean(axis=0) for name, s in values.items()}
relative = {name: s / s[0] for name, s in spectrum.items()}
at_32 = {name: float(s[31]) for name, s in relative.items()}
decay = at_32["contractive"] / at_32["plain"]

# %%
same, smaller, larger = lesson.predictions[-1].choices
lesson.outcome(
    f"The 32nd singular value over the largest is {at_32['contractive']:.3f} for the contractive "
    f"code and {at_32['plain']:.3f} for the plain code: {decay:.2f} times as large.",
    answer=smaller if decay < 0.9 else larger if decay > 1.1 else same,
)

# %%
below = relative["contractive"][:80] < relative["plain"][:80]
first_below = int(np.max(np.flatnonzero(~below))) + 2  # the rank after the last that is not below
highest = float(np.max(spectrum["contractive"] / spectrum["plain"]))

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.6, 3.3))
rank = np.arange(1, cfg.units + 1)
plot.line(rank, spectrum, left, title="singular values of the encoder", xlabel="rank")
first = {name: s[:80] for name, s in relative.items()}
plot.line(rank[:80], first, right, title="relative to the largest", xlabel="rank", log="y")
lesson.figure(
    fig,
    "singular_values",
    "Means over test digits. Left: each singular value of the contractive code is at most"
    f" {highest:.2f} times that of the plain code of the same rank. Right: the first 80, relative"
    f" to the largest. The contractive curve is the lower one from rank {first_below} on. A common"
    " factor would leave the two curves equal.",
)

# %% [markdown]
# We summarize each spectrum $s_1 \ge s_2 \ge \dots$ by two numbers. One is $s_{32} / s_1$. The
# other is the effective number of directions, $(\sum_k s_k)^2 / \sum_k s_k^2$, which is $m$ if $m$
# singular values are equal and the rest are 0.

# %%
directions = {}
for name, s in values.items():
    directions[name] = float(np.mean(s.sum(axis=1) ** 2 / (s**2).sum(axis=1)))
lesson.table(
    [[name, spectrum[name][0], at_32[name], directions[name]] for name in models],
    ["", "largest", "32nd over largest", "effective number of directions"],
)

# %%
lesson.claim(
    "32nd singular value over the largest: contractive over plain",
    decay,
    at_most=0.47,
    source="Rifai 2011, Fig. 2, has it below 1; worst of seeds 0, 1, 2: 0.391, plus 20 %",
)
lesson.claim(
    "effective number of directions: contractive over plain",
    directions["contractive"] / directions["plain"],
    at_most=0.63,
    source="worst of seeds 0, 1, 2: 0.559, plus 13 %",
)

# %% [markdown]
# Each singular value belongs to a direction in the space of images. Here are the directions of the
# nine largest, for three digits and both codes.


# %%
def strongest_directions(j, digit):
    v = np.linalg.svd(j, full_matrices=False)[2][:9]  # (9, 784)
    return v * np.sign(v @ digit)[:, None]


images = []
for j in jacobians.values():
    for k in (0, 3, 4):
        digit = some[k] / np.linalg.norm(some[k])
        images += [digit, *strongest_directions(j[k], some[k])]

# %%
ax = plot.image_grid(
    np.array(images),
    6,
    10,
    shape=(28, 28),
    limits="signed",
    row_labels=3 * ["plain"] + 3 * ["contractive"],
    col_labels=["digit", *map(str, range(1, 10))],
)

# %%
lesson.figure(
    ax,
    "directions",
    "The nine directions to which the code of the digit on the left responds most. Look for"
    " directions that remove ink on one side of a stroke and add it on the other: they shift the"
    " stroke.",
)

# %% [markdown]
# The two perturbations of section 1 turn this impression into a number. A shift by one pixel leads
# along the manifold. A random direction in 784 dimensions is nearly orthogonal to every surface of
# few dimensions. For each code we divide its response to a shift by its response to a random
# direction of the same norm. Call this ratio *shift over random*.

# %%
lesson.predict(
    "By how much is shift over random larger for the contractive code than for the plain code?",
    [
        "by less than 15 %, or it is smaller",
        "by 15 % to a factor of 2",
        "by more than a factor of 2",
    ],
)

# %%
pixels = some.reshape(-1, 28, 28)
moves = {
    "shift right": np.roll(pixels, 1, axis=2) - pixels,
    "shift down": np.roll(pixels, 1, axis=1) - pixels,
    "random": lesson.rng("random").standard_normal(pixels.shape),
}

# %% [markdown]
# Each perturbation is scaled to norm 1. Its product with the Jacobian is the displacement of the
# code, to first order.


# %%
def response(j, move):
    v = move.reshape(len(move), -1)
    v = (v / np.linalg.norm(v, axis=1, keepdims=True)).astype(np.float32)
    displacement = np.einsum("nhd,nd->nh", j, v)
    return float(np.linalg.norm(displacement, axis=1).mean())


responses = {name: [response(j, m) for m in moves.values()] for name, j in jacobians.items()}
contrast = {}
for name, (right, down, random) in responses.items():
    contrast[name] = (right + down) / 2 / random

# %%
lesson.table(
    [[name, *responses[name], contrast[name]] for name in models],
    ["displacement of the code", *moves, "shift over random"],
)
gain = contrast["contractive"] / contrast["plain"]

# %%
less, somewhat, far_more = lesson.predictions[-1].choices
lesson.outcome(
    f"It is {contrast['contractive']:.2f} for the contractive code and {contrast['plain']:.2f} for "
    f"the plain code: a factor of {gain:.2f}.",
    answer=far_more if gain > 2 else somewhat if gain >= 1.15 else less,
)
source = "least of seeds 0, 1, 2: 2.63, less 13 %"
lesson.claim("plain: shift over random", contrast["plain"], at_least=2.3, source=source)
source = "least of seeds 0, 1, 2: 1.31, less 9 %"
lesson.claim("shift over random: contractive over plain", gain, at_least=1.2, source=source)

# %% [markdown]
# The plain code, too, responds more to a shift than to a random direction: the reconstruction error
# alone has this effect. The penalty increases it. Why? In a linear autoencoder with tied weights
# the minimum of the loss can be computed.

# %% [markdown]
# <details><summary>Derivation: which directions a linear contractive code keeps</summary>
#
# Let $\mathbf z = W^\top \mathbf x$ and $\mathbf x' = W \mathbf z = P\mathbf x$ with $P = WW^\top$.
# The data are centered, and their covariance has the eigenvalues $v_1, \dots, v_d$. Write
# everything in the basis of its eigenvectors. The Jacobian of the code is $W^\top$, so
#
# $$L = \mathbb E\|\mathbf x - P\mathbf x\|^2 + \lambda \|W\|_F^2 = \sum_{ij} (\delta_{ij} -
# P_{ij})^2 v_j + \lambda \sum_i P_{ii} .$$
#
# Entries of $P$ off the diagonal only add to the first term, so they are 0 at the minimum. What
# remains is one problem for each direction, with $p_i = P_{ii} \ge 0$:
#
# $$\min_{p_i \ge 0} \; v_i (1 - p_i)^2 + \lambda p_i \qquad\Rightarrow\qquad p_i = \max\Big(0,\; 1
# - \frac{\lambda}{2 v_i}\Big) .$$
#
# A direction of variance $v_i \le \lambda/2$ gets the singular value 0. The others get
# $\sqrt{p_i}$, the smaller the less the data vary along them. Without the penalty every $p_i$ is 1
# (if the code has enough units). $\square$
#
# </details>

# %% [markdown]
# With variances 4, 1 and ¼ and $\lambda = 1$ the result is $p = \frac78, \frac12, 0$: the code
# responds to the first direction, less to the second, and not at all to the third. A search over
# $p$ confirms it.

# %%
variances = np.array([4.0, 1.0, 0.25])
p = np.linspace(0, 1, 100_001)
costs = variances[:, None] * (1 - p) ** 2 + 1.0 * p
best = p[np.argmin(costs, axis=1)]
lesson.check("p of the three directions", best, equals=[7 / 8, 1 / 2, 0], atol=1e-4)

# %% [markdown]
# The code of this lesson is not linear, and each digit has its own Jacobian. But the two terms
# compete in the same way. The penalty is smaller for a code that responds to nothing. The
# reconstruction error grows where digits of the data would get the same code. So directions along
# which the data vary keep a response, and the others lose it.
#
# ## 5. A wrong turn: λ = 100
# We train one more autoencoder, with 50 times the weight.

# %%
lesson.predict(
    "What does the autoencoder with λ = 100 output for two different digits?",
    [
        "two digits, more blurred than at λ = 2",
        "the same image for both",
        "two images of noise",
    ],
)

# %%
collapsed = train("λ = 100", 100.0, lesson.steps(600, quick=5), lr=1e-2)

# %% [markdown]
# Two numbers describe the outputs. One is the reconstruction error, beside that of the mean digit.
# The other is the mean squared distance between two reconstructions, beside that of the digits
# themselves: the first of the test set and the last, the second and the last but one, and so on.


# %%
def distance_of_pairs(images):
    return reconstruction_loss(images, images[::-1])


mean_pixels = data.train_images.mean(axis=0).reshape(784) / 255
of_mean = reconstruction_loss(test, np.broadcast_to(mean_pixels.astype(np.float32), test.shape))
rows = [["the digits themselves", 0.0, distance_of_pairs(test)], ["the mean digit", of_mean, 0.0]]
between = {}
for name, model in (("λ = 0", plain), ("λ = 2", contractive), ("λ = 100", collapsed)):
    decoded = model(test)
    between[name] = distance_of_pairs(decoded)
    rows.append([name, reconstruction_loss(test, decoded), between[name]])
lesson.table(rows, ["test digits", "squared error", "squared distance of two reconstructions"])

# %%
h = collapsed.encode(test)
saturated = float(np.mean((h < 0.01) | (h > 0.99)))
left_over = between["λ = 100"] / distance_of_pairs(test)
blurred, one_image, noise_for_both = lesson.predictions[-1].choices
lesson.outcome(
    f"The squared distance between two reconstructions is {left_over:.2g} times that of the digits."
    f" {saturated:.0%} of the activations are within 0.01 of 0 or 1.",
    answer=one_image if left_over < 0.05 else blurred if left_over < 1 else noise_for_both,
)

# %%
ten = test[:10]
images = np.concatenate([ten, plain(ten), contractive(ten), collapsed(ten)])
names = ["digit", "λ = 0", "λ = 2", "λ = 100"]
ax = plot.image_grid(images, 4, 10, shape=(28, 28), limits=(0, 1), row_labels=names)
error_ratio = measured["contractive"][0] / measured["plain"][0]
lesson.figure(
    ax,
    "reconstructions",
    f"Ten test digits and their reconstructions. The squared error of row 3 is {error_ratio:.1f}"
    f" times that of row 2. The squared distance between two images of row 4 is {left_over:.2g}"
    " times that of the digits.",
)

# %%
lesson.claim(
    "squared distance of two reconstructions: λ = 2 over λ = 100",
    between["λ = 2"] / between["λ = 100"],
    at_least=1000.0,
    source="least of seeds 0, 1, 2: 11,160; a tenth of it",
)

# %% [markdown]
# A code that is the same for all digits has no derivatives, so its penalty is 0. Training does not
# leave this state. Where a sigmoid is saturated its slope is nearly 0, and so is every gradient
# with respect to the encoder's weights.
#
# ## 6. What does denoising penalize?
# `vae/03` adds noise and has no explicit penalty. For small Gaussian noise the two are related, but
# how? Let $r = f \circ g$ be the whole autoencoder and $\boldsymbol\epsilon \sim \mathcal N(0, I)$.
# Noise of standard deviation $\sigma$ at the input changes the reconstruction error from
# $\|\mathbf x - r(\mathbf x)\|^2$ to $\mathbb E \|\mathbf x - r(\mathbf x +
# \sigma\boldsymbol\epsilon)\|^2$. Divide the increase by $\sigma^2$.

# %%
lesson.predict(
    "What is the limit of this quotient for small σ?",
    [
        "the contractive penalty of the encoder, |J_g|²",
        "the same sum for the whole autoencoder, |J_r|²",
        "|J_r|², and a term with the second derivatives of r",
    ],
)

# %% [markdown]
# A random autoencoder with 6 inputs and 4 sigmoid units is enough to decide it. All three
# candidates are computed by automatic differentiation. The expectation takes 12 equally likely
# values of $\boldsymbol\epsilon$, $\pm\sqrt6$ along each axis. They have mean 0 and covariance $I$,
# which is all that the limit depends on.

# %%
draw = lesson.rng("small autoencoder")
enter, leave = draw.standard_normal((6, 4)), draw.standard_normal((4, 6)) / 2
x = draw.random(6)


def encode(v):
    return sigmoid(v @ enter)


def reconstruct(v):
    return sigmoid(encode(v) @ leave)


# %%
J_g, J_r = jacobian(encode)(x), jacobian(reconstruct)(x)  # (4, 6), (6, 6)
second = jacobian(jacobian(reconstruct))(x)  # (6, 6, 6)
laplacian = np.trace(second, axis1=1, axis2=2)  # (6,): one for each output
residual = x - reconstruct(x)
candidates = [np.sum(J_g**2), np.sum(J_r**2), np.sum(J_r**2) - residual @ laplacian]

# %%
sigma = 0.01
noise = sigma * np.sqrt(6) * np.concatenate([np.eye(6), -np.eye(6)])  # (12, 6)
errors = np.array([np.sum((x - reconstruct(x + step)) ** 2) for step in noise])
increase = (errors.mean() - np.sum(residual**2)) / sigma**2
print(f"  increase of the error / σ²: {increase:.4f}")
print("  candidates, in the order of the choices:", np.round(candidates, 4))

# %%
_, _, with_curvature = lesson.predictions[-1].choices
lesson.outcome(
    "The limit is |J_r|² − (x − r)·Δr, where Δr is the Laplacian of each output.",
    answer=with_curvature,
)
off = increase - candidates[2]
lesson.check("increase / σ², minus (|J_r|² − (x − r)·Δr)", off, equals=0, atol=1e-3)

# %% [markdown]
# <details><summary>Derivation: small Gaussian noise as a penalty</summary>
#
# Expand each output $r_k$ to second order; $H_k$ is its matrix of second derivatives and $J_r$ the
# Jacobian of $r$. With $\mathbf e = \mathbf x - r(\mathbf x)$,
#
# $$x_k - r_k(\mathbf x + \sigma\boldsymbol\epsilon) = e_k - \sigma (J_r \boldsymbol\epsilon)_k -
# \tfrac12 \sigma^2\, \boldsymbol\epsilon^\top H_k\, \boldsymbol\epsilon + O(\sigma^3) .$$
#
# Square, sum over $k$, and take the expectation. Odd powers of $\boldsymbol\epsilon$ have mean 0,
# and $\mathbb E\,\boldsymbol\epsilon \boldsymbol\epsilon^\top = I$, so $\mathbb E\|J_r
# \boldsymbol\epsilon\|^2 = \|J_r\|_F^2$ and $\mathbb E\, \boldsymbol\epsilon^\top H_k
# \boldsymbol\epsilon = \operatorname{tr} H_k = \Delta r_k$:
#
# $$\mathbb E \|\mathbf x - r(\mathbf x + \sigma \boldsymbol\epsilon)\|^2 = \|\mathbf e\|^2 +
# \sigma^2 \Big[ \|J_r\|_F^2 - \sum_k (x_k - r_k)\, \Delta r_k \Big] + O(\sigma^4) .$$
#
# By the chain rule $J_r = J_f J_g$: the encoder's Jacobian enters only through its product with the
# decoder's. Where the reconstruction is accurate the second term is small, and denoising penalizes
# $\|J_f J_g\|_F^2$. $\square$
#
# </details>

# %% [markdown]
# So denoising makes the *reconstruction* contractive (Alain and Bengio 2014), and Rifai's penalty
# makes the *code* contractive. The contractive penalty is the limit for noise at the input if the
# error is measured in the code: $\mathbb E\|g(\mathbf x + \sigma\boldsymbol\epsilon) - g(\mathbf
# x)\|^2 / \sigma^2 \to \|J_g\|_F^2$.

# %%
steps_of_code = np.array([np.sum((encode(x + step) - encode(x)) ** 2) for step in noise])
off = steps_of_code.mean() / sigma**2 - candidates[0]
lesson.check("displacement of the code / σ², minus |J_g|²", off, equals=0, atol=1e-3)

# %% [markdown]
# ## 7. Where the post is loose
# - "where $h_j$ is one unit output in the compressed code $\mathbf{z} = f(x)$": here, and in
#   $J_f$, $f$ is the encoder. In the section on the autoencoder the post has "an encoder function
#   $g(.)$" and "a decoder function $f(.)$". This lesson writes $J_g$.
# - It "encourages the learned representation to stay in a contractive space": a map is contractive,
#   not a space, and only if it reduces all distances. The penalty reduces the derivatives of the
#   encoder; whether its largest singular value is below 1 is seen in the table of section 4.
# - "It adds a term in the loss function": the formula is this term for one input. The weight
#   $\lambda$ and the average over the data are missing.
#
# **What this lesson adds.** The post does not discuss tied weights; section 3 shows why Rifai et
# al. need them. The post speaks of "small perturbations around the training data points": all
# Jacobians here are measured at *test* digits, and they, too, describe small perturbations only.
#
# **Left out:** stacking several such layers; the variant that also penalizes second derivatives
# (CAE+H).
#
# **Next:** the four autoencoders so far map an example to a code, and none of them defines a
# distribution of codes. `vae/06` starts from such a distribution, and asks for the probability
# $p(\mathbf x)$ of an example.
#
# **Your turn:** `minigen exercise start vae/05`, then `minigen run vae/05 --with
# exercises/vae_05.py`.

# %%
lesson.finish()
