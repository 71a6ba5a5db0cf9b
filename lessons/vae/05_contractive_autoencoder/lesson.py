# %% [markdown]
# # The contractive autoencoder
#
# Move a handwritten 7 one pixel to the right, or sprinkle a little noise over it. Either way it is
# still a 7. But the shift leads to another digit that somebody may have written, and the noise
# leads to no digit at all. A good code should ignore the noise and still notice the shift. `vae/03`
# fed noisy digits to the network, but that trains the output, and not the code. Could we ask the
# code itself to change little, and do it without noise? And if it is asked to ignore everything,
# what does it still respond to?
#
# We measure how sensitive a code is (sections 1 and 2), train with this measure as a penalty (3),
# and look at the directions that survive (4 and 5). Then we overdo it (6). This lesson follows the
# section *Contractive Autoencoder* of [From Autoencoder to
# Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/).
#
# Before this lesson: `vae/03` (the denoising autoencoder).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/05_contractive_autoencoder",
    title="The contractive autoencoder",
    post="vae",
    sections=["vae.s05"],
    equations=["vae.05"],
    minutes=0.2,
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
from minigen.vae.pca import pca

# %% [markdown]
# ## 1. How sensitive is a code?
#
# To ask a code to change little, we need a number for how much it changes. But first look at what
# may change. In each column, the second and the third image are equally far from the first.

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
    "Four digits, each shifted by a pixel, and each with noise of the same Euclidean norm. Ask "
    "yourself which row could be a page of handwriting.",
)

# %% [markdown]
# How a code reacts to small changes is written in its derivatives. Let $g$ be the encoder and $h_j$
# one unit of the code $\mathbf z = g(\mathbf x)$. The derivatives of all units with respect to all
# pixels form the Jacobian $J_g$. The *contractive penalty* of Rifai et al. (2011) is the sum of
# their squares, the squared *Frobenius norm* of the Jacobian (Eq. vae.05):
#
# $$\|J_g(\mathbf{x})\|_F^2 = \sum_{ij} \Big( \frac{\partial h_j(\mathbf{x})}{\partial x_i}
# \Big)^2 .$$
#
# In words, nudge one pixel at a time, record how fast each unit changes, and add up the squares.
# The loss of the contractive autoencoder adds this, with a weight $\lambda$, to the reconstruction
# error of the decoder $f$:
#
# $$L = \frac1n \sum_{i=1}^n \Big[ \|\mathbf{x}^{(i)} - f(g(\mathbf{x}^{(i)}))\|^2 + \lambda\,
# \|J_g(\mathbf{x}^{(i)})\|_F^2 \Big] .$$
#
# For example, take one unit of two inputs, $h = \sigma(3x_1 + 4x_2)$. At the origin $h = \frac12$,
# and the slope of the sigmoid is $h(1 - h) = \frac14$. The two derivatives are therefore $\frac34$
# and $1$. What is the penalty there, and what is it far away?

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
at_origin, at_far = contractive_penalty(unit, origin), contractive_penalty(unit, far)

# %%
lesson.outcome(
    f"At the origin the penalty is 9/16 + 1 = {at_origin:.4f}, and at (10, 10) it is "
    f"{at_far:.1g} in floating point. There the unit is saturated. Its output differs from 1 by "
    "less than 1e-30, and a small change of the input hardly changes it.",
    answer="1.5625 at the origin, nearly 0 at (10, 10)",
)
lesson.check("penalty at the origin: 9/16 + 1", at_origin, equals=25 / 16)
lesson.check("penalty at (10, 10)", at_far, equals=0.0)
lesson.check("mean over both inputs", contractive_penalty(unit, both), equals=25 / 32)

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
# A unit thus has two ways to a small penalty. It can have small weights, or it can be saturated.
#
# ## 2. Two ways to compute the penalty
#
# For 784 pixels and 144 units a Jacobian has 112,896 entries for each image, which sounds too
# expensive for a training step. But for a layer of sigmoids, $h_j = \sigma(\sum_i w_{ij} x_i +
# b_j)$, the double sum has a closed form that needs the code and the weights only. Finding it is
# the first exercise. For any other encoder we need automatic differentiation, which is the second.

# %%
lesson.exercise("vae/05/sigmoid_penalty")
lesson.exercise("vae/05/contractive_penalty")

# %%
lesson.show_source(sigmoid_penalty, contractive_penalty, code_jacobian)

# %% [markdown]
# The chain rule gives $\partial h_j / \partial x_i = h_j (1 - h_j)\, w_{ij}$. One factor depends on
# the example and the other does not, so the double sum factorizes:
#
# $$\|J_g\|_F^2 = \sum_j \big(h_j (1 - h_j)\big)^2 \sum_i w_{ij}^2 .$$
#
# The sum over pixels is done once for a whole batch. Other encoders do not factorize like this, and
# one backward pass gives the derivatives of a *single* unit. The trick of `code_jacobian` is to
# make one copy of the batch for each unit, and to read only $h_j$ from copy $j$. Do the two ways
# agree? A third computation, one Jacobian after the other, is independent of both.


# %%
def mean_squared_jacobian(encoder, x):
    def encode_one(v):
        return encoder(v[None])[0]

    return np.mean([np.sum(jacobian(encode_one)(v) ** 2) for v in x])


layer = Linear(lesson.rng("layer"), 784, 30, "sigmoid")


def layer_as_function(x):  # not a `Linear`, so that `contractive_penalty` differentiates it
    return layer(x)


twenty = test[:20]
one_by_one = mean_squared_jacobian(layer, twenty)
closed = contractive_penalty(layer, twenty) / one_by_one
copies = contractive_penalty(layer_as_function, twenty) / one_by_one
lesson.check("closed form over one by one, minus 1", abs(closed - 1), at_most=1e-5)
lesson.check("copies over one by one, minus 1", abs(copies - 1), at_most=1e-5)
deep = MLP(lesson.rng("deep"), [784, 40, 10], activation="tanh")
ratio = contractive_penalty(deep, test[:5]) / mean_squared_jacobian(deep, test[:5])
lesson.check("two tanh layers: copies over one by one, minus 1", abs(ratio - 1), at_most=1e-5)

# %% [markdown]
# All three agree, for two layers of tanh as well. But could we save the copies, and differentiate
# the *sum* of all units in a single pass? It would be so much faster. Watch what it does to two
# units whose derivatives with respect to $x_1$ are $\frac14$ and $-\frac14$ at the origin.

# %%
opposite = np.array([[1.0, -1.0], [0.0, 0.0]])


def two_units(x):
    return sigmoid(x @ opposite)


def their_sum(x):
    return two_units(x).sum(axis=1)[:, None]


right, of_sum = contractive_penalty(two_units, origin), contractive_penalty(their_sum, origin)
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
# When $x_1$ grows, one unit rises and the other falls by as much. The code changes and its sum does
# not. Derivatives have to be squared before they are added.
#
# ## 3. Training with the penalty
#
# There is a loophole to close first. The penalty looks at the encoder only. Suppose that the code
# is linear. We divide all weights of the encoder by 10, and multiply those of the decoder by 10.

# %%
lesson.predict(
    "What happens to the reconstruction error and to the penalty of this linear autoencoder?",
    [
        "both stay the same",
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

# %%
lesson.outcome(
    f"The error is {before:.2f} before and {after:.2f} after, because the two factors of 10 cancel "
    "in the output. The penalty is quadratic in the encoder's weights, so it falls by a factor of "
    f"{ratio:.0f}. The code distinguishes the same inputs as before, measured in smaller units.",
    answer="the error stays the same, and the penalty falls to a hundredth",
)
lesson.check("reconstruction error, before minus after", before - after, equals=0.0)
lesson.check("penalty, before over after", ratio, equals=100.0)

# %% [markdown]
# Any decoder with weights of its own leaves this loophole open. Rifai et al. close it with *tied
# weights*: the decoder uses the encoder's weights, transposed, so that a small encoder has a small
# decoder. (Fixing the norm of the encoder's weights would be another way.) Our network has 144
# sigmoid units, $\mathbf z = \sigma(W^\top \mathbf x + \mathbf b)$, and with tied weights its
# output is $\mathbf x' = \sigma(W \mathbf z + \mathbf c)$. Here are the network and its training.

# %%
cfg = lesson.configure(units=144, weight=2.0, decay=0.02, lr=3e-3, batch=100)


def autoencoder(tied=True):
    return Autoencoder(
        lesson.rng("init"),
        dim_z=cfg.units,
        widths=(),
        code_activation="sigmoid",
        out_activation="sigmoid",
        tied=tied,
    )


# %%
def contraction(weight):
    def penalty(model, x, z):
        return weight * contractive_penalty(model.encoder, x)

    return penalty


def weight_decay(model, x, z):
    return cfg.decay * np.sum(model.encoder.w**2)


# %%
def flat_images(batches):
    for (images,) in batches:
        yield mnist.unit(images, flat=True)  # (batch, 784)


def train(label, penalty, tied=True):
    def loss(model, x):
        return autoencoder_loss(model, x, penalty=penalty)

    model, steps = autoencoder(tied), lesson.steps(1000, quick=10)
    batches = mnist.batches(data.train_images, size=cfg.batch, rng=lesson.rng("order"))
    step = descend(loss, model, flat_images(batches), lr=cosine(cfg.lr, steps))
    state = {**step.state, "batches": batches, "order": batches.rng}
    lesson.fit(step, steps, label=label, state=state)
    return model


# %% [markdown]
# We train it with $\lambda = 0$ (*plain*) and $\lambda = 2$ (*contractive*). Two more runs are
# controls. One has an untied decoder. The other asks whether the Jacobian matters at all, and
# replaces the penalty with *weight decay*, 0.02 times the sum of the squared weights, which leads
# to about the same error. A rival without any network is PCA with 12 dimensions (`vae/02`), again
# at about the same error.

# %%
models = {
    "untrained": autoencoder(),
    "plain": train("plain", None),
    "weight decay": train("weight decay", weight_decay),
    "contractive": train("contractive", contraction(cfg.weight)),
    "contractive, untied": train("untied", contraction(cfg.weight), tied=False),
}

# %% [markdown]
# As a check without any derivative, we add Gaussian noise of standard deviation 0.1 to the test
# digits, and divide the mean displacement of the code by the mean distance between the codes of two
# digits.

# %%
noisy = corrupt(test, lesson.rng("noise"), "gaussian", 0.1)


def displacement_by_noise(model):
    h = model.encode(test)
    displacement = np.linalg.norm(model.encode(noisy) - h, axis=1).mean()
    between_digits = np.linalg.norm(h - h[::-1], axis=1).mean()
    return float(displacement / between_digits)


# %%
of_mean = reconstruction_loss(test, 0 * test + test.mean(axis=0))
train_digits = mnist.unit(data.train_images[:5000], flat=True)
linear = pca(train_digits, 12)  # its Jacobian has 12 orthonormal rows
of_linear = reconstruction_loss(test, linear.decode(linear.encode(test)))
measured = {"PCA, 12": [of_linear, 12.0, displacement_by_noise(linear)]}
for name, model in models.items():
    error = reconstruction_loss(test, model(test))
    penalty = contractive_penalty(model.encoder, test)
    measured[name] = [error, penalty, displacement_by_noise(model)]
lesson.table(
    [["the mean digit, a constant code", of_mean, 0.0, None]]
    + [[name, *row] for name, row in measured.items()],
    ["test digits", "squared error", "penalty", "displacement by noise"],
)

# %%
error = measured["contractive"][0] / of_mean
_, penalty, displacement = np.array(measured["contractive"]) / np.array(measured["plain"])
lesson.claim(
    "contractive: error over that of the mean digit",
    error,
    at_most=0.56,
    source="seeds 0, 1 and 2718: 0.503, 0.501, 0.504, plus a margin of a tenth; the mean digit: 1",
)
lesson.claim(
    "penalty: contractive over plain",
    penalty,
    at_most=0.2,
    source="seeds 0, 1 and 2718: 0.160, 0.158, 0.163, plus a margin of a fifth",
)

# %%
lesson.claim(
    "displacement by noise: contractive over plain",
    displacement,
    at_most=0.6,
    source="seeds 0, 1 and 2718: 0.537, 0.535, 0.536, plus a margin of a tenth",
)

# %%
untied = np.array(measured["contractive, untied"]) / np.array(measured["contractive"])
lesson.claim(
    "penalty: untied over tied",
    untied[1],
    at_most=0.5,
    source="seeds 0, 1 and 2718: 0.308, 0.315, 0.309, plus a margin of a half",
)
lesson.claim(
    "displacement by noise over the root of the penalty: untied over tied",
    untied[2] / np.sqrt(untied[1]),
    at_least=1.4,
    source="seeds 0, 1 and 8821: 1.86, 1.82, 1.83, half of the excess over 1; untrained: 1",
)

# %% [markdown]
# The penalty does what it was asked to do. It falls to a sixth, and noise displaces the code about
# half as far. The price is an error that is three quarters larger, although still only half of the
# error of a constant code.
#
# The untied row shows the loophole at work. Its penalty is less than a third of the tied one, at
# about the same error, and yet noise displaces the code about as far. (If the penalty measured this
# displacement, it would be little more than half as far, because a penalty is a sum of squares.) A
# number that we can lower without changing what it measures is not a measure. The rows of weight
# decay and PCA are a warning of another kind. Neither of the two asks for a small derivative. Yet
# noise displaces PCA's code hardly more than the contractive one, and weight decay closes more than
# half of the gap between the plain code and the contractive one. Are they close in every respect?
#
# ## 4. What does the code still respond to?
#
# The two terms of the loss pull in opposite directions, so a code has to be sensitive somewhere.
# Where? The post reports what the authors claim: "empirically this penalty was found to carve a
# representation that corresponds to a lower-dimensional non-linear manifold, while staying more
# invariant to majority directions orthogonal to the manifold". A *manifold* is a curved surface of
# fewer dimensions than the space around it. Images of digits are thought to lie near one, because
# from each digit only a few directions lead to other digits.
#
# The singular values of the Jacobian test the claim. The largest is the displacement of the code
# per unit of displacement of the image, in the direction of strongest response. The second belongs
# to the strongest direction orthogonal to the first, and so on. With 144 units at most 144 of 784
# directions have any effect. What does the penalty do to them?

# %%
lesson.predict(
    "Relative to the largest singular value, what does the penalty do to the later ones?",
    [
        "nothing: it reduces all of them by one factor",
        "it makes them smaller: the code responds to fewer directions",
        "it makes them larger: the first ones are reduced most",
    ],
)


# %%
def closed_jacobian(model, x):
    h = model.encode(x)  # (n, 144)
    return (h * (1 - h))[:, :, None] * model.encoder.w.T[None]  # (n, 144, 784)


some = test[: lesson.size(80, quick=10)]
shown = {name: model for name, model in models.items() if name != "contractive, untied"}
jacobians = {name: closed_jacobian(model, some) for name, model in shown.items()}
off = jacobians["contractive"][:10] - code_jacobian(models["contractive"].encoder, some[:10])
lesson.check("closed form minus automatic Jacobian", np.abs(off).max(), at_most=1e-4)

# %%
values = {}
for name, j in jacobians.items():
    values[name] = np.linalg.svd(j, compute_uv=False)  # (n, 144), decreasing
spectrum = {name: s.mean(axis=0) for name, s in values.items()}
relative = {name: s / s[0] for name, s in spectrum.items()}
at_32 = {name: float(s[31]) for name, s in relative.items()}
decay = at_32["contractive"] / at_32["plain"]

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.6, 3.3))
rank = np.arange(1, cfg.units + 1)
shades = [plot.color.noise, plot.color.real, plot.color.model, plot.color.fake]
shade = dict(zip(shown, shades))
two = {name: spectrum[name] for name in ("plain", "contractive")}
first = {name: s[:80] for name, s in relative.items()}
plot.line(rank, two, left, xlabel="rank", ylabel="singular value", colors=shade)
plot.line(
    rank[:80], first, right, xlabel="rank", ylabel="relative to the largest", colors=shade, log="y"
)

# %%
same, smaller, larger = lesson.predictions[-1].choices
lesson.outcome(
    f"The 32nd singular value over the largest is {at_32['contractive']:.3f} for the contractive "
    f"code and {at_32['plain']:.3f} for the plain code, so it is {decay:.2f} times as large.",
    answer=smaller if decay < 0.9 else larger if decay > 1.1 else same,
)
lesson.figure(
    fig,
    "singular_values",
    "Left: the singular values of the plain code (blue) and the contractive one (orange), means "
    "over test digits. Right: the first 80 of all four codes, relative to the largest. A common "
    "factor would leave two curves equal there.",
)

# %% [markdown]
# At the first few ranks the contractive curve is above the plain one, because we divide by the
# largest singular value, and in the plain code the largest is far above the second. What does the
# plain code respond to so strongly? Each
# singular value belongs to a direction in the space of images, and a direction is itself an image.
# Here are the directions of the nine largest, for three digits and both codes.


# %%
def strongest_directions(j, digit):
    v = np.linalg.svd(j, full_matrices=False)[2][:9]  # (9, 784)
    return v * np.sign(v @ digit)[:, None]


images = []
for name in ("plain", "contractive"):
    for k in (0, 3, 4):
        digit = some[k] / np.linalg.norm(some[k])
        images += [digit, *strongest_directions(jacobians[name][k], some[k])]

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
lesson.figure(
    ax,
    "directions",
    "The nine directions to which the code of the digit on the left responds most, blue and orange "
    "for opposite signs. Look for directions that remove ink on one side of a stroke and add it on "
    "the other (they shift the stroke), and compare the first column of the two codes.",
)

# %% [markdown]
# The two perturbations of section 1 turn this impression into a number. We scale both to norm 1,
# multiply them by the Jacobian, and divide the response to a shift, which leads along the manifold,
# by the response to a random direction, which is nearly orthogonal to it. A code that treats all
# directions alike has ratio 1. (For the shift we take the mean over right and down.) As a summary
# of the singular values $s_k$ we add the effective number of directions, $(\sum_k s_k)^2 / \sum_k
# s_k^2$, which is $m$ if $m$ of them are equal and the rest are 0. The last column asks how much of
# the strongest direction, as a fraction of its squared length, lies at *blank* pixels, where digits
# have hardly any ink. (The 12 directions of PCA are equally strong, and it has their mean.)

# %%
pixels = some.reshape(-1, 28, 28)
moves = {
    "shift right": np.roll(pixels, 1, axis=2) - pixels,
    "shift down": np.roll(pixels, 1, axis=1) - pixels,
    "random": lesson.rng("random").standard_normal(pixels.shape),
}


def response(j, move):
    v = move.reshape(len(move), -1)
    v = (v / np.linalg.norm(v, axis=1, keepdims=True)).astype(np.float32)
    displacement = np.einsum("nhd,nd->nh", j, v)
    return float(np.linalg.norm(displacement, axis=1).mean())


# %%
def shift_over_random(j):
    right, down, random = (response(j, move) for move in moves.values())
    return (right + down) / 2 / random


contrast, directions = {}, {}
for name, j in jacobians.items():
    contrast[name] = shift_over_random(j)
    s = values[name]
    directions[name] = float(np.mean(s.sum(axis=1) ** 2 / (s**2).sum(axis=1)))
linear_contrast = shift_over_random(np.broadcast_to(linear.directions, (len(some), 12, 784)))

# %%
blank = train_digits.mean(axis=0) < 0.01  # (784,): pixels where digits have hardly any ink


def part_at_blank(directions):  # (n, 784), of norm 1
    return float(np.sum(directions[:, blank] ** 2, axis=1).mean())


at_blank = {}
for name, j in jacobians.items():
    first = np.linalg.svd(j[:20], full_matrices=False)[2][:, 0]  # (20, 784)
    at_blank[name] = part_at_blank(first)

# %%
columns = ["code", "largest", "32nd over largest", "effective directions"]
columns += ["shift over random", "strongest at blank pixels"]
rows = [["PCA, 12", 1.0, 0.0, 12, linear_contrast, part_at_blank(linear.directions)]]
for name in shown:
    of_spectrum = spectrum[name][0], at_32[name], directions[name]
    rows.append([name, *of_spectrum, contrast[name], at_blank[name]])
lesson.table(rows, columns)

# %%
lesson.claim(
    "32nd singular value over the largest: contractive over plain",
    decay,
    at_most=0.47,
    source="seeds 0, 1 and 2718: 0.414, 0.417, 0.428, plus a margin of a tenth",
)
lesson.claim(
    "effective number of directions: contractive over plain",
    directions["contractive"] / directions["plain"],
    at_most=0.63,
    source="seeds 0, 1 and 2718: 0.574, 0.576, 0.578, plus a margin of a tenth",
)

# %%
gain = contrast["contractive"] / contrast["plain"]
lesson.claim(
    "plain: shift over random",
    contrast["plain"],
    at_least=2.3,
    source="seeds 0, 1 and 2718: 2.68, 2.67, 2.68, minus a margin of a seventh; untrained: 1",
)
lesson.claim(
    "shift over random: contractive over plain",
    gain,
    at_least=1.2,
    source="seeds 0, 1 and 2718: 1.31, 1.26, 1.32, minus a margin of a twentieth",
)

# %%
lesson.claim(
    "shift over random: contractive over weight decay",
    contrast["contractive"] / contrast["weight decay"],
    at_least=1.05,
    source="seeds 0, 1 and 2718: 1.19, 1.16, 1.23, minus a margin of a tenth",
)
lesson.claim(
    "shift over random: contractive over PCA, 12",
    contrast["contractive"] / linear_contrast,
    at_least=1.03,
    source="seeds 0, 1 and 2718: 1.07, 1.07, 1.12, half of the excess over 1",
)

# %%
lesson.claim(
    "contractive: part of the first direction at blank pixels",
    at_blank["contractive"],
    at_most=0.17,
    source="seeds 0, 1 and 8821: 0.040, 0.037, 0.087, times 2; untrained: 0.4; plain: 0.7",
)

# %% [markdown]
# The plain code already responds more to shifts than to noise, so the reconstruction error alone
# has some of the effect, and the penalty adds to it. But before we give the Jacobian the credit,
# look at the two rivals, which have about the same error. From rank 30 on, the singular values of
# weight decay are about as small, relative to the largest, and those of PCA are 0 after the
# twelfth. PCA is also close in its ratio of shift over random, without any training.
#
# The last column shows what weight decay does not achieve. The strongest direction of the plain
# code lies mostly at blank pixels (the dark squares in the figure), and the same is true with
# weight decay. Both codes respond most to something that hardly ever happens. The contractive code
# has given this up. PCA never had it, because blank pixels have almost no variance. In other words,
# the claim of the post holds here, but most of it is not special to this penalty.
#
# ## 5. Which directions does it give up?
#
# A measurement shows that a code gives up directions, and a theorem can show which ones. For a
# linear code with tied weights the minimum of the loss can be computed. If the code has enough
# units, it keeps, in a direction in which the data have variance $v_i$, the fraction
#
# $$p_i = \max\Big(0,\; 1 - \frac{\lambda}{2 v_i}\Big) .$$
#
# For example, variances of 4, 1 and ¼ and $\lambda = 1$ give $p = \frac78, \frac12, 0$. In words,
# directions along which the data vary little are the first to be given up. (The Jacobian of a
# linear code is its weight matrix. In this case the penalty *is* weight decay.)
#
# <details><summary>Derivation: which directions a linear contractive code keeps</summary>
#
# Let $\mathbf z = W^\top \mathbf x$ and $\mathbf x' = W \mathbf z = P\mathbf x$ with $P = WW^\top$.
# The data are centered, and their covariance has the eigenvalues $v_1, \dots, v_d$. Write
# everything in the basis of its eigenvectors. The Jacobian of the code is $W^\top$, so
#
# $$L = \mathbb E\|\mathbf x - P\mathbf x\|^2 + \lambda \|W\|_F^2 = \sum_{ij} (\delta_{ij} -
# P_{ij})^2 v_j + \lambda \sum_i P_{ii} .$$
#
# Entries of $P$ off the diagonal only add to the first term, so they are 0 at the minimum. (The
# code needs as many units as there are directions with $p_i > 0$.) What remains is one problem for
# each direction, with $p_i = P_{ii} \ge 0$:
#
# $$\min_{p_i \ge 0} \; v_i (1 - p_i)^2 + \lambda p_i \qquad\Rightarrow\qquad p_i = \max\Big(0,\; 1
# - \frac{\lambda}{2 v_i}\Big) .$$
#
# A direction with $v_i \le \lambda/2$ gets singular value 0. The others get $\sqrt{p_i}$, which is
# smaller where the data vary less. Without the penalty every $p_i$ is 1. $\square$
#
# </details>

# %%
variances = np.array([4.0, 1.0, 0.25])
p = np.linspace(0, 1, 100_001)
costs = variances[:, None] * (1 - p) ** 2 + 1.0 * p
best = p[np.argmin(costs, axis=1)]
lesson.check("p of the three directions", best, equals=[7 / 8, 1 / 2, 0], atol=1e-4)

# %% [markdown]
# Our code is not linear, and the theorem does not apply to it. Does it behave in the same way? We
# take principal components of 5,000 digits (`vae/02`) as directions, and divide the response of
# each code to a component by its response to the first.

# %%
components = pca(mnist.unit(data.train_images[:5000], flat=True), 200)
ranks = (1, 10, 50, 200)
along = {}
for name, j in jacobians.items():
    one_each = [np.broadcast_to(components.directions[k - 1], some.shape) for k in ranks]
    along[name] = [response(j, direction) for direction in one_each]
variances = [components.variances[k - 1] for k in ranks]
lesson.table(
    [["variance of the digits", *(v / variances[0] for v in variances)]]
    + [[f"response, {name}", *(r / each[0] for r in each)] for name, each in along.items()],
    ["relative to component 1", *(f"component {k}" for k in ranks)],
)

# %% [markdown]
# It does. The response of the contractive code falls from component to component, as the variance
# does, and faster than the response of the plain code. With weight decay the response falls as
# well, about as far at component 50 and less far at component 200. For a linear code the two
# penalties would be the same. The untrained code responds to all components almost alike. Remember
# a contractive code as one that keeps its sensitivity for the directions in which digits differ
# most.
#
# ## 6. Too much of it
#
# If a little contraction helps, why not more? We train one more autoencoder, with 50 times the
# weight and everything else unchanged.

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
collapsed = train("λ = 100", contraction(100.0))


def distance_of_pairs(images):
    return reconstruction_loss(images, images[::-1])


# %%
rows = [
    ["the digits themselves", 0.0, distance_of_pairs(test), None],
    ["the mean digit", of_mean, 0.0, None],
]
between = {}
three = {"λ = 0": models["plain"], "λ = 2": models["contractive"], "λ = 100": collapsed}
for name, model in three.items():
    decoded, h = model(test), model.encode(test)
    between[name] = distance_of_pairs(decoded)
    saturated = float(np.mean((h < 0.01) | (h > 0.99)))
    rows.append([name, reconstruction_loss(test, decoded), between[name], saturated])

# %%
left_over = between["λ = 100"] / distance_of_pairs(test)
blurred, one_image, noise_for_both = lesson.predictions[-1].choices
lesson.table(
    rows,
    ["test digits", "squared error", "squared distance of two outputs", "saturated activations"],
)
lesson.outcome(
    f"The squared distance between two outputs is {left_over:.1g} times that between two digits. A "
    "constant code pays no penalty, because all of its derivatives are 0. The code of section 3 "
    f"would pay 100 times {measured['contractive'][1]:.1f}, more than the whole error of the mean "
    f"digit, {of_mean:.1f}.",
    answer=one_image if left_over < 0.05 else blurred if left_over < 1 else noise_for_both,
)

# %%
ten = test[:10]
decoded = [model(ten) for model in three.values()]
ax = plot.image_grid(
    np.concatenate([ten, *decoded]),
    4,
    10,
    shape=(28, 28),
    limits=(0, 1),
    row_labels=["digit", "λ = 0", "λ = 2", "λ = 100"],
)
lesson.figure(
    ax,
    "reconstructions",
    "Ten test digits, and their reconstructions at three weights of the penalty. Compare the last "
    "row with a mean of all digits.",
)

# %%
lesson.claim(
    "squared distance of two reconstructions: λ = 2 over λ = 100",
    between["λ = 2"] / between["λ = 100"],
    at_least=1000.0,
    source="seeds 0, 1 and 2718: 4,607, 4,339, 4,183, divided by 4",
)

# %% [markdown]
# The last row resembles the mean digit, and its error is only about a tenth larger. (The mean digit
# does not have the white dot of the recorded run. At this dot the output is 1 for every digit,
# although ½ would cost less, so training ended short of the best constant. Some other seeds have
# two dots or none.) Section 1 named two ways to a small penalty. Fewer than a sixth of the
# activations are saturated here, and more than a quarter are at $\lambda = 0$, so saturation cannot
# be why the other units are constant. This code is almost perfectly robust, because it contains
# almost nothing. Robustness is worth nothing by itself. Ask what a code still distinguishes.
#
# ## 7. What does denoising penalize?
#
# *You may skip this section, because the later lessons do not need it. It is for readers who wonder
# how the two methods against noise, denoising and contraction, are related.*
#
# `vae/03` adds noise and has no explicit penalty. Is there a hidden one? Let $r = f \circ g$ be the
# whole autoencoder and $\boldsymbol\epsilon \sim \mathcal N(0, I)$. Noise of standard deviation
# $\sigma$ changes the reconstruction error from $\|\mathbf x - r(\mathbf x)\|^2$ to $\mathbb E
# \|\mathbf x - r(\mathbf x + \sigma\boldsymbol\epsilon)\|^2$. Divided by $\sigma^2$, the increase
# has a limit for small $\sigma$:
#
# $$\|J_r\|_F^2 - \sum_k (x_k - r_k)\, \Delta r_k .$$
#
# In words, denoising penalizes the Jacobian of the *whole* autoencoder, plus a term with second
# derivatives, the Laplacian $\Delta r_k$ of each output. This term is 0 where the reconstruction is
# perfect.
#
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
#
# A random autoencoder with 6 inputs and 4 sigmoid units is enough to check this. The expectation
# takes 12 equally likely values of $\boldsymbol\epsilon$, $\pm\sqrt6$ along each axis. They have
# mean 0 and covariance $I$, which is all that the limit depends on.

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
limit = np.sum(J_r**2) - residual @ laplacian

# %%
sigma = 0.01
noise = sigma * np.sqrt(6) * np.concatenate([np.eye(6), -np.eye(6)])  # (12, 6)
errors = np.array([np.sum((x - reconstruct(x + step)) ** 2) for step in noise])
increase = (errors.mean() - np.sum(residual**2)) / sigma**2
codes = np.array([np.sum((encode(x + step) - encode(x)) ** 2) for step in noise])

# %%
lesson.table(
    [
        ["increase of the error / σ²", increase],
        ["|J_r|² − (x − r)·Δr", limit],
        ["|J_r|²", np.sum(J_r**2)],
        ["|J_g|², the contractive penalty", np.sum(J_g**2)],
    ],
    ["a random autoencoder", "value"],
)
lesson.check("increase / σ², minus (|J_r|² − (x − r)·Δr)", increase - limit, equals=0, atol=1e-3)
off = codes.mean() / sigma**2 - np.sum(J_g**2)
lesson.check("displacement of the code / σ², minus |J_g|²", off, equals=0, atol=1e-3)

# %% [markdown]
# The increase agrees with the limit. It differs from $\|J_r\|_F^2$ by the second term, which is not
# small here, because a random autoencoder does not reconstruct its input. Denoising makes the
# *reconstruction* contractive (Alain and Bengio 2014), and Rifai's penalty makes the *code*
# contractive. As the last check shows, it is the limit for the displacement of the code, $\mathbb
# E\|g(\mathbf x + \sigma\boldsymbol\epsilon) - g(\mathbf x)\|^2 / \sigma^2$.
#
# ## What this lesson does differently
#
# - The post does not mention tied weights. We tie them, as Rifai et al. do, for the reason of
#   section 3.
# - The post speaks of "small perturbations around the training data points". We measure all
#   Jacobians at test digits.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - "where $h_j$ is one unit output in the compressed code $\mathbf{z} = f(x)$": here, and in $J_f$,
#   $f$ is the encoder. In the section on the autoencoder the post has "an encoder function $g(.)$"
#   and "a decoder function $f(.)$". This lesson writes $J_g$.
# - It "encourages the learned representation to stay in a contractive space": a map is contractive,
#   not a space, and only if it reduces all distances. The penalty reduces derivatives. Whether the
#   largest singular value is below 1 is another question. The table of section 4 answers it for our
#   code, and the answer is no, if only just.
# - "It adds a term in the loss function": the formula is this term for one input. The weight
#   $\lambda$ and the mean over the data are missing.
#
# ## To remember
#
# - The contractive penalty is the sum of all squared derivatives of the code with respect to the
#   input. For a layer of sigmoids it has a closed form.
# - It means something only if the code cannot be rescaled. Tie the weights.
# - A contractive code gives up first the directions in which the data vary little. PCA and weight
#   decay do much of this, too.
# - With too large a weight the code becomes almost constant.
#
# **Next:** the four autoencoders so far map an example to a code, and none of them defines a
# distribution of codes. `vae/06` starts from such a distribution, and asks for the probability
# $p(\mathbf x)$ of an example.
#
# **Your turn:** `minigen exercise start vae/05`, then `minigen run vae/05 --with
# exercises/vae_05.py`.

# %%
lesson.finish()
