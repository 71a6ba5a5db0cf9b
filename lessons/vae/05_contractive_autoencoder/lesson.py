# %% [markdown]
# # The contractive autoencoder
#
# The section *Contractive Autoencoder* (vae.s05) of
# [From Autoencoder to Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/),
# run. To take away:
#
# 1. How much a code trembles when its input trembles is one number: the sum of all squared
#    derivatives of code by input.
# 2. For a layer of sigmoids it has a closed form that costs next to nothing; for any encoder the
#    machine can differentiate.
# 3. Paid for in the loss, it makes the code deaf. We measure in which directions.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/05_contractive_autoencoder",
    title="The contractive autoencoder",
    post="vae",
    sections=["vae.s05"],
    equations=["vae.05"],
    minutes=0.2,
    sources=["weng2018vae", "rifai2011contractive"],
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
from minigen.vae.autoencoder import code_jacobian, contractive_penalty, sigmoid_penalty

# %% [markdown]
# ## 1. How much does a code tremble?
# `vae/03` damaged the input and demanded that the *output* hold still. Rifai et al. (2011) ask the
# same of the *code* and without any noise: its derivatives should be small. There is one for each
# number $h_j$ of the code and each pixel $x_i$; together they are the Jacobian $J$, and the price
# is the sum of their squares (Eq. vae.05):
#
# $$\|J(\mathbf{x})\|_F^2 = \sum_{ij} \Big( \frac{\partial h_j(\mathbf{x})}{\partial x_i} \Big)^2,$$
#
# $$L = \frac1n \sum_{\mathbf{x}} \Big[ \|\mathbf{x} - f(g(\mathbf{x}))\|^2 + \lambda\,
# \|J(\mathbf{x})\|_F^2 \Big] .$$
#
# By hand: one unit $h = \sigma(3x_1 + 4x_2)$. At the origin $h = \frac12$, where the slope of the
# sigmoid is $h(1 - h) = \frac14$. The two derivatives are $\frac34$ and $1$. This sum of squares is
# the squared *Frobenius norm* of $J$.

# %%
lesson.exercise("vae/05/sigmoid_penalty")
lesson.exercise("vae/05/contractive_penalty")

# %%
lesson.predict(
    "What is the price at the origin, and at (10, 10)?",
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
at_origin, far_out = contractive_penalty(unit, origin), contractive_penalty(unit, far)
print(f"  price at the origin {at_origin:.4f}, at (10, 10) {far_out:.4g}")

# %%
lesson.outcome(
    "At the origin it is 9/16 + 1. Far out the unit is saturated: it says 1, whatever happens.",
    answer="1.5625 at the origin, nearly 0 at (10, 10)",
)
lesson.check("price at the origin: 9/16 + 1", at_origin, equals=25 / 16)
lesson.check("price at (10, 10)", far_out, equals=0.0)
lesson.check("mean over both", contractive_penalty(unit, both), equals=25 / 32)

# %% [markdown]
# A unit has two ways to be quiet, small weights and saturation.

# %%
lesson.change(
    "half the weights",
    "Halve both weights: change `[[3], [4]]` to `[[1.5], [2]]` and run again. What happens to the "
    "price at the origin? What would happen at $(1, 1)$?",
    answer="At the origin it falls to a quarter, 0.3906: the slope of the sigmoid is the same "
    "there, and the weights enter squared. At $(1, 1)$ it rises: the unit's input falls from 7 to "
    "3.5, the unit leaves saturation, and its slope $h(1 - h)$ grows 31-fold. So the price grows "
    "by a factor of about 240.",
)

# %% [markdown]
# ## 2. Two ways to compute it
# For a layer of sigmoids $\partial h_j / \partial x_i = h_j (1 - h_j)\, w_{ij}$, so the double sum
# comes apart:
#
# $$\|J\|_F^2 = \sum_j \big(h_j (1 - h_j)\big)^2 \sum_i w_{ij}^2 .$$
#
# For any other encoder we differentiate. One backward pass gives the derivatives of *one* number by
# all inputs; so the batch is copied once for each number of the code, and copy $j$ looks at $h_j$
# only. The two must agree.

# %%
lesson.show_source(sigmoid_penalty, contractive_penalty, code_jacobian)
data = mnist.load()
test = mnist.unit(data.test_images[: lesson.size(2000, quick=100)], flat=True)  # (N, 784)
layer = Linear(lesson.rng("layer"), 784, 30, "sigmoid")

# %% [markdown]
# The third row of the table trusts neither: one Jacobian after the other, image by image.


# %%
def mean_squared_jacobian(encoder, x):
    def of_one(v):
        return encoder(v[None])[0]

    return np.mean([np.sum(jacobian(of_one)(v) ** 2) for v in x])


def any_encoder(x):  # the layer, in a form that hides it from `contractive_penalty`
    return layer(x)


# %%
digits = test[:20]
closed = contractive_penalty(layer, digits)
copies = contractive_penalty(any_encoder, digits)
by_hand = mean_squared_jacobian(layer, digits)
lesson.table(
    [
        ["closed form", closed],
        ["copies of the batch", copies],
        ["one Jacobian (30, 784) an image", by_hand],
    ],
    ["20 digits, 30 units", "mean of the squared norm"],
)

# %%
off = abs(closed / by_hand - 1)
lesson.claim("closed form over the autodiff Jacobian, minus 1", off, at_most=1e-5)
off = abs(copies / by_hand - 1)
lesson.claim("copies of the batch over it, minus 1", off, at_most=1e-5)

# %% [markdown]
# Copies work for any encoder; here is one of two layers, which has no such closed form.

# %%
deep = MLP(lesson.rng("deep"), [784, 40, 10], activation="tanh")
by_hand = mean_squared_jacobian(deep, test[:5])
off = abs(contractive_penalty(deep, test[:5]) / by_hand - 1)
lesson.claim("two tanh layers: copies over the Jacobian, minus 1", off, at_most=1e-5)

# %% [markdown]
# **A wrong turn:** save the copies, and differentiate the *sum* of the code in one pass. Two units
# with weights $(1, 0)$ and $(-1, 0)$ show what happens. At the origin each has the derivative
# $\pm\frac14$.

# %%
lesson.predict(
    "What price does the derivative of their sum give at the origin, where 1/8 is right?",
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
print(f"  price {right:.4f}, of the sum {of_sum:.4f}")

# %%
lesson.outcome(
    "When x_1 grows, one rises and the other falls. The code moves, and its sum does not.",
    answer="0",
)
lesson.check("the right price at the origin: 2/16", right, equals=0.125)
lesson.check("the price of the sum", of_sum, equals=0.0)

# %%
lesson.change(
    "two equal units",
    "Make the two units equal: change `[[1.0, -1.0], [0.0, 0.0]]` to `[[1.0, 1.0], [0.0, 0.0]]` "
    "and run again. Is the price of the sum right now?",
    answer="No, it is 0.25, and 0.125 is right. The derivative of the sum is $\\frac14 + "
    "\\frac14$, and its square $\\frac14$; the squares of the two derivatives add up to "
    "$\\frac18$. The square of a sum is not the sum of the squares.",
)

# %% [markdown]
# ## 3. Paying for it
# Two autoencoders with 144 sigmoid units, one with $\lambda = 2$. The decoder uses the encoder's
# weights, transposed. Why? Take a linear code, divide the encoder's weights by 10 and multiply the
# decoder's by 10.

# %%
lesson.predict(
    "What does a linear code lose by it, and what becomes of the price?",
    [
        "it loses nothing, and the price stays",
        "it loses nothing, and the price falls to a hundredth",
        "its error grows, and the price falls to a hundredth",
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
print(f"  error {before:.4f}, then {after:.4f}; price before over after {ratio:.4g}")

# %%
lesson.outcome(
    "A hundredth of the price for the same output: a loophole, without any change in what the code"
    " hears.",
    answer="it loses nothing, and the price falls to a hundredth",
)
lesson.check("reconstruction, before minus after", before - after, equals=0.0)
lesson.check("price, before over after", ratio, equals=100.0)

# %% [markdown]
# Tied weights close this door.

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
def digits_of(batches):
    for (images,) in batches:
        yield mnist.unit(images, flat=True)  # (batch, 784)


def learn(label, weight, steps, lr):
    model = tied_autoencoder()
    batches = mnist.batches(data.train_images, size=cfg.batch, rng=lesson.rng("order"))
    step = descend(loss_with(weight), model, digits_of(batches), lr=cosine(lr, steps))
    state = {**step.state, "batches": batches, "order": batches.rng}
    lesson.fit(step, steps, label=label, state=state)
    return model


# %%
steps = lesson.steps(1000, quick=10)
plain = learn("plain", 0.0, steps, cfg.lr)
contractive = learn("contractive", cfg.weight, steps, cfg.lr)
models = {"plain": plain, "contractive": contractive}

# %% [markdown]
# Two yardsticks for how quiet a code is: the price itself; and, without any derivative, how far
# some noise moves the code, beside how far apart the codes of two digits are.

# %%
from minigen.vae.autoencoder import corrupt

noisy = corrupt(test, lesson.rng("noise"), "gaussian", 0.1)


def trembling(model):
    h = model.encode(test)
    moved = np.linalg.norm(model.encode(noisy) - h, axis=1).mean()
    apart = np.linalg.norm(h - h[::-1], axis=1).mean()
    return float(moved / apart)


# %%
rows = {}
for name, model in models.items():
    error = reconstruction_loss(test, model(test))
    rows[name] = [error, contractive_penalty(model.encoder, test), trembling(model)]
header = ["test digits", "squared error", "squared norm of J"]
lesson.table(
    [[name, *row] for name, row in rows.items()],
    [*header, "code moved by noise, over distance of two digits"],
)

# %%
error, norm, moved = rows["contractive"]
_, norm_of_plain, moved_of_plain = rows["plain"]
of_mean_digit = reconstruction_loss(test, 0 * test + test.mean(axis=0))
lesson.claim("contractive: error over the mean digit's", error / of_mean_digit, at_most=0.65)
lesson.claim("squared norm of J: contractive over plain", norm / norm_of_plain, at_most=0.3)
lesson.claim("moved by noise: contractive over plain", moved / moved_of_plain, at_most=0.9)

# %% [markdown]
# ## 4. Deaf in which directions?
# The Jacobian of one digit is a matrix (144, 784). Its singular values say by how much the code
# moves when the digit is moved by one unit in the best direction, in the second best, and so on.
# Measure both codes by their largest.

# %%
lesson.predict(
    "How do the singular values of the contractive code fall off, beside the plain one's?",
    [
        "alike: all of them shrank by the same factor",
        "sooner: the later ones shrank more than the first",
        "later: the first ones shrank most",
    ],
)

# %% [markdown]
# By section 2, row $j$ of the Jacobian is $h_j (1 - h_j)\, \mathbf{w}_j$. That is quick, so we
# take it, and compare ten of them with the machine's.


# %%
def by_closed_form(model, x):
    h = model.encode(x)  # (n, 144)
    return (h * (1 - h))[:, :, None] * model.encoder.w.T[None]  # (n, 144, 784)


some = test[: lesson.size(150, quick=10)]
jacobians = {name: by_closed_form(model, some) for name, model in models.items()}
for name, model in models.items():
    off = np.abs(jacobians[name][:10] - code_jacobian(model.encoder, some[:10])).max()
    lesson.check(f"{name}: the Jacobian by hand and by machine", off, at_most=1e-4)

# %%
values = {}
for name, j in jacobians.items():
    values[name] = np.linalg.svd(j, compute_uv=False)  # (n, 144), falling
spectrum = {name: s.mean(axis=0) for name, s in values.items()}
relative = {name: s / s[0] for name, s in spectrum.items()}
fall = float(relative["contractive"][31] / relative["plain"][31])

# %%
all_alike, sooner, later = lesson.predictions[-1].choices
lesson.outcome(
    f"The 32nd over the largest is {relative['contractive'][31]:.3f}, and"
    f" {relative['plain'][31]:.3f} for the plain code: {fall:.2f} times as large.",
    answer=sooner if fall < 0.9 else later if fall > 1.1 else all_alike,
)

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.6, 3.3))
rank = np.arange(1, cfg.units + 1)
plot.line(rank, spectrum, left, title="singular values of the encoder", xlabel="rank")
first = {name: s[:80] for name, s in relative.items()}
plot.line(rank[:80], first, right, title="the same, over the largest", xlabel="rank", log="y")
lesson.figure(
    fig,
    "singular_values",
    "Means over test digits. Left: the contractive ones are lower throughout. Right: measured by "
    "their largest they fall off sooner from the eighth on, which mere shrinking would not do.",
)

# %% [markdown]
# Two numbers for it. The 32nd singular value over the largest; and an effective number of
# directions, $(\sum s)^2 / \sum s^2$, which is $m$ if $m$ of them are equal and the rest 0.

# %%
share = {name: float(s[31]) for name, s in relative.items()}
directions = {}
for name, s in values.items():
    directions[name] = float(np.mean(s.sum(axis=1) ** 2 / (s**2).sum(axis=1)))
lesson.table(
    [[name, spectrum[name][0], share[name], directions[name]] for name in models],
    ["", "largest", "the 32nd, over the largest", "effective number: (sum of s)² / sum of s²"],
)

# %%
lesson.claim(
    "32nd singular value over the largest: contractive over plain",
    share["contractive"] / share["plain"],
    at_most=0.6,
    source="Rifai 2011, Fig. 2",
)
lesson.claim(
    "effective number of directions: contractive over plain",
    directions["contractive"] / directions["plain"],
    at_most=0.75,
)

# %% [markdown]
# And which directions stayed? Each singular value has its direction among the images. Here are the
# best ones.


# %%
def best_directions(j, digit):
    v = np.linalg.svd(j, full_matrices=False)[2][:9]  # (9, 784)
    return v * np.sign(v @ digit)[:, None]


pictures = []
for j in jacobians.values():
    for k in (0, 3, 4):
        digit = some[k] / np.linalg.norm(some[k])
        pictures += [digit, *best_directions(j[k], some[k])]

# %%
ax = plot.image_grid(
    np.array(pictures),
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
    "Nine directions to which the code of the digit on the left is most awake. Plain: first the"
    " empty ground, then spots. Contractive: stripes along the strokes, ink taken on one side and"
    " added on the other.",
)

# %% [markdown]
# If that is right, the code should still hear a small *shift* of the digit, and be deaf to a change
# of the same length in a random direction. Even the plain code hears a shift better; we ask for the
# ratio of both, *shift over random*.

# %%
lesson.predict(
    "How much larger is shift over random for the contractive code than for the plain one?",
    ["not larger: both became quieter alike", "by 15 % to a factor of 2", "by a factor over 10"],
)

# %%
pixels = some.reshape(-1, 28, 28)
moves = {
    "shifted right": np.roll(pixels, 1, axis=2) - pixels,
    "shifted down": np.roll(pixels, 1, axis=1) - pixels,
    "random": lesson.rng("random").standard_normal(pixels.shape),
}

# %% [markdown]
# Each change is scaled to length 1; the Jacobian then says how far the code moves.


# %%
def heard(j, move):
    v = move.reshape(len(move), -1)
    v = (v / np.linalg.norm(v, axis=1, keepdims=True)).astype(np.float32)
    moved = np.einsum("nhd,nd->nh", j, v)
    return float(np.linalg.norm(moved, axis=1).mean())


heard_of = {}
contrast = {}
for name, j in jacobians.items():
    right, down, random = [heard(j, move) for move in moves.values()]
    heard_of[name] = [right, down, random]
    contrast[name] = (right + down) / 2 / random

# %%
lesson.table(
    [[name, *heard_of[name], contrast[name]] for name in models],
    ["code moves by", *moves, "shift over random"],
)
sharper = contrast["contractive"] / contrast["plain"]

# %%
not_larger, some_larger, far_larger = lesson.predictions[-1].choices
lesson.outcome(
    f"{contrast['contractive']:.2f} beside {contrast['plain']:.2f}: a factor of {sharper:.2f}.",
    answer=far_larger if sharper > 10 else some_larger if 1.15 <= sharper <= 2 else None,
)
lesson.claim("shift over random: contractive over plain", sharper, at_least=1.15)

# %% [markdown]
# Both terms of the loss pull: the price would like the code to be deaf to everything, and the error
# protests where digits of the data would be confused. The directions along which the data vary
# survive; those that lead away from all digits do not.
#
# ## 5. A wrong turn: too dear
# One more autoencoder, with $\lambda = 100$.

# %%
lesson.predict(
    "What does it make of two different digits?",
    [
        "two digits that are softer than at λ = 2",
        "the same picture for both",
        "two pictures of noise",
    ],
)

# %%
dear = learn("too dear", 100.0, lesson.steps(600, quick=5), lr=1e-2)

# %% [markdown]
# Two yardsticks again: the error, beside that of one mean digit for all; and how far apart two
# rebuilt digits are, the first of the test set and the last, the second and the last but one, and
# so on.


# %%
def apart(images):
    return reconstruction_loss(images, images[::-1])


mean_pixels = data.train_images.mean(axis=0).reshape(784) / 255
average = reconstruction_loss(test, np.broadcast_to(mean_pixels.astype(np.float32), test.shape))
rows = [["the digits themselves", 0.0, apart(test)], ["the mean digit for all", average, 0.0]]
for name, model in (("λ = 0", plain), ("λ = 2", contractive), ("λ = 100", dear)):
    rebuilt = model(test)
    rows.append([name, reconstruction_loss(test, rebuilt), apart(rebuilt)])
lesson.table(rows, ["test digits", "squared error", "squared distance of two rebuilt ones"])

# %%
left_apart = apart(dear(test)) / apart(test)
softer, one_picture, noise_for_both = lesson.predictions[-1].choices
lesson.outcome(
    f"Two rebuilt digits are {left_apart:.2g} times as far apart, squared, as the digits.",
    answer=one_picture if left_apart < 0.05 else softer if left_apart < 1 else noise_for_both,
)

# %%
ten = test[:10]
pictures = np.concatenate([ten, plain(ten), contractive(ten), dear(ten)])
names = ["digit", "plain", "contractive", "too dear"]
ax = plot.image_grid(pictures, 4, 10, shape=(28, 28), limits=(0, 1), row_labels=names)
lesson.figure(ax, "rebuilt", "Row 3 is softer than row 2. Row 4 is the same blot for every digit.")
lesson.claim(
    "too dear: distance of two rebuilt digits, over that of the digits",
    left_apart,
    at_most=0.01,
)

# %% [markdown]
# A code that is the same for all digits has no derivatives and costs nothing. Its units are stuck
# near 0 and 1, where the slope of the sigmoid, and with it every gradient that could free them, is
# nearly 0.
#
# ## 6. Where the post is loose
# - It writes $J_f$ for the derivatives of the *encoder*, which it calls $g$ elsewhere; $f$ is its
#   decoder.
# - It gives the price without a weight, and for one input. The loss takes $\lambda$ times the mean
#   over the data.
# - It does not mention the tied weights, without which the price can be had for nothing (section
#   3).
# - That the code is deaf to directions off the data holds for *small* steps only: a derivative
#   knows nothing of far away.
#
# The relation to `vae/03`: small Gaussian noise of variance $\sigma^2$ at the input, with a price
# on how far the code moves, is this price times $\sigma^2$. For a linear code it is so at any size:

# %%
shear = np.array([[1.0, 2.0], [0.0, -1.0]])
sigma = 0.5
noise = sigma * np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])  # variance sigma² in each coordinate


def sheared(x):
    return x @ shear


moved = np.mean(np.sum(sheared(noise) ** 2, axis=1))
price = contractive_penalty(sheared, origin)
lesson.check("mean squared movement of the code", moved, equals=1.5)
lesson.check("σ² times the price", sigma**2 * price, equals=1.5)

# %% [markdown]
# **Left out:** stacking such layers; the second-order variant that also prices curvature (CAE+H).
# **Next:** all four autoencoders make codes, and none says how codes are *distributed*. `vae/06`
# begins there: what is $p(\mathbf{x})$, if a code is drawn first?
#
# **Your turn:** `minigen exercise start vae/05`, then `minigen run vae/05 --with
# exercises/vae_05.py`.

# %%
lesson.finish()
