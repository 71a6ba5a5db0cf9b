# %% [markdown]
# # The contractive autoencoder
#
# The section *Contractive Autoencoder* (vae.s05) of
# [From Autoencoder to Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/), run. To take away:
#
# 1. How much a code trembles when its input trembles is one number: the sum of all squared
#    derivatives of code by input.
# 2. For a layer of sigmoids it has a closed form that costs next to nothing; for any encoder the
#    machine can differentiate.
# 3. Paid for in the loss, it makes the code deaf in most directions. It keeps hearing those in
#    which digits really differ.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/05_contractive_autoencoder",
    title="The contractive autoencoder",
    post="vae",
    sections=["vae.s05"],
    equations=["vae.05"],
    minutes=0.2,
)

import numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.nn import MLP, Linear
from minigen.optim import Adam, cosine
from minigen.tensor import jacobian, sigmoid
from minigen.vae.autoencoder import (
    Autoencoder,
    code_jacobian,
    contractive_penalty,
    corrupt,
    reconstruction_loss,
    sigmoid_penalty,
    training_step,
)

# %% [markdown]
# ## 1. How much does a code tremble?
# `vae/03` damaged the input and demanded that the *output* hold still. Rifai et al. (2011) ask the
# same of the *code* and without any noise: its derivatives should be small. There is one for each
# number $h_j$ of the code and each pixel $x_i$; together they are the Jacobian $J$, and the price
# is the sum of their squares (Eq. vae.05):
#
# $$\|J(\mathbf{x})\|_F^2 = \sum_{ij} \Big( \frac{\partial h_j(\mathbf{x})}{\partial x_i} \Big)^2, \qquad
# L = \frac1n \sum_{\mathbf{x}} \|\mathbf{x} - f(g(\mathbf{x}))\|^2 + \lambda\,
# \|J(\mathbf{x})\|_F^2 .$$
#
# By hand: one unit $h = \sigma(3x_1 + 4x_2)$. At the origin $h = \frac12$, where the slope of the
# sigmoid is $h(1 - h) = \frac14$. The two derivatives are $\frac34$ and $1$. **Before you run the
# cell:** what is the price there? And at $(10, 10)$?

# %%
unit = Linear(lesson.rng("unit"), 2, 1, "sigmoid")
unit.w[:] = [[3], [4]]
origin = np.zeros((1, 2))
far = np.full((1, 2), 10.0)
lesson.check("price at the origin: 9/16 + 1", contractive_penalty(unit, origin), equals=25 / 16)
lesson.check("price at (10, 10)", contractive_penalty(unit, far), equals=0.0)
lesson.check(
    "mean over both", contractive_penalty(unit, np.concatenate([origin, far])), equals=25 / 32
)

# %% [markdown]
# Far out the unit is saturated: it says 1, whatever happens. A unit has two ways to be quiet, small
# weights and saturation.
#
# ## 2. Two ways to compute it
# For a layer of sigmoids $\partial h_j / \partial x_i = h_j (1 - h_j)\, w_{ij}$, so the double sum
# comes apart:
#
# $$\|J\|_F^2 = \sum_j \big(h_j (1 - h_j)\big)^2 \sum_i w_{ij}^2 .$$
#
# For any other encoder we differentiate. One backward pass gives the derivatives of *one* number by
# all inputs; so the batch is copied once for each number of the code, and copy $j$ looks at $h_j$
# only. **Do the two agree?**

# %%
lesson.show_source(sigmoid_penalty, contractive_penalty, code_jacobian)
data = mnist.load()
train = mnist.unit(data.train_images, flat=True)
test = mnist.unit(data.test_images[: lesson.size(2000, quick=100)], flat=True)
layer = Linear(lesson.rng("layer"), 784, 30, "sigmoid")
closed = contractive_penalty(layer, test[:20])
by_hand = np.mean(
    [np.sum(jacobian(lambda v: layer(v[None])[0])(x) ** 2) for x in test[:20]]
)  # one Jacobian an image
lesson.table(
    [
        ["closed form", closed],
        ["copies of the batch", contractive_penalty(lambda x: layer(x), test[:20])],
        ["one Jacobian (30, 784) an image", by_hand],
    ],
    ["20 digits, 30 units", "mean of the squared norm"],
)
lesson.claim(
    "closed form over the autodiff Jacobian, minus 1", abs(closed / by_hand - 1), at_most=1e-5
)
lesson.claim(
    "copies of the batch over it, minus 1",
    abs(contractive_penalty(lambda x: layer(x), test[:20]) / by_hand - 1),
    at_most=1e-5,
)
deep = MLP(lesson.rng("deep"), [784, 40, 10], activation="tanh")
by_hand = np.mean([np.sum(jacobian(lambda v: deep(v[None])[0])(x) ** 2) for x in test[:5]])
gap = abs(contractive_penalty(deep, test[:5]) / by_hand - 1)
lesson.claim("two tanh layers: copies over the Jacobian, minus 1", gap, at_most=1e-5)

# %% [markdown]
# **A wrong turn:** save the copies, and differentiate the *sum* of the code in one pass. Two units
# with weights $(1, 0)$ and $(-1, 0)$ show what happens: when $x_1$ grows, one rises and the other
# falls. The code moves, and its sum does not.

# %%
w = np.array([[1.0, -1.0], [0.0, 0.0]])


def pair(x):
    return sigmoid(x @ w)


lesson.check("the right price at the origin: 2/16", contractive_penalty(pair, origin), equals=0.125)
lesson.check(
    "the price of the sum",
    contractive_penalty(lambda x: pair(x).sum(axis=1)[:, None], origin),
    equals=0.0,
)

# %% [markdown]
# ## 3. Paying for it
# Two autoencoders with 144 sigmoid units, one with $\lambda = 2$. The decoder uses the encoder's
# weights, transposed. Why? Without that there is a loophole. Divide the encoder's weights by 10 and
# multiply the decoder's by 10. **What does a linear code lose by it, and what becomes of the
# price?**

# %%
w = lesson.rng("loophole").standard_normal((6, 3)) / 2
x = lesson.rng("loophole x").standard_normal((50, 6))
lesson.check(
    "reconstruction, before minus after",
    reconstruction_loss(x, x @ w @ w.T) - reconstruction_loss(x, x @ (w / 10) @ (10 * w.T)),
    equals=0.0,
)
lesson.check(
    "price, before over after",
    contractive_penalty(lambda x: x @ w, x) / contractive_penalty(lambda x: x @ w / 10, x),
    equals=100.0,
)

# %% [markdown]
# Nothing is lost, and the price falls by 100, without any change in what the code hears. Tied
# weights close this door.

# %%
cfg = lesson.configure(units=144, weight=2.0, lr=3e-3, batch=100)


def learn(label, weight, steps, lr=cfg.lr):
    model = Autoencoder(
        lesson.rng("init"),
        dim_z=cfg.units,
        widths=(),
        code_activation="sigmoid",
        out_activation="sigmoid",
        tied=True,
    )
    rng = lesson.rng("order")
    optimizer = Adam(model, lr)
    fall = cosine(lr, steps)
    batches = mnist.batches(train, size=cfg.batch, rng=rng)

    def step(i):
        optimizer.lr = fall(i)
        return training_step(
            model,
            optimizer,
            next(batches)[0],
            penalty=lambda m, x, z: weight * contractive_penalty(m.encoder, x),
        )

    lesson.fit(
        step,
        steps,
        label=label,
        state={"model": model, "optimizer": optimizer, "batches": batches, "order": rng},
    )
    return model


steps = lesson.steps(1000, quick=10)
models = {
    "plain": learn("plain", 0.0, steps),
    "contractive": learn("contractive", cfg.weight, steps),
}

# %%
rng = lesson.rng("noise")
noisy = corrupt(test, rng, "gaussian", 0.1)


def trembling(model):  # how far noise moves a code, over how far two digits' codes are apart
    h = model.encode(test)
    return float(
        np.linalg.norm(model.encode(noisy) - h, axis=1).mean()
        / np.linalg.norm(h - h[::-1], axis=1).mean()
    )


rows = {
    name: [reconstruction_loss(test, m(test)), contractive_penalty(m.encoder, test), trembling(m)]
    for name, m in models.items()
}
lesson.table(
    [[name, *row] for name, row in rows.items()],
    [
        "test digits",
        "squared error",
        "squared norm of J",
        "code moved by noise, over distance of two digits",
    ],
)
lesson.claim(
    "squared norm of J: contractive over plain",
    rows["contractive"][1] / rows["plain"][1],
    at_most=0.3,
)
lesson.claim(
    "moved by noise: contractive over plain", rows["contractive"][2] / rows["plain"][2], at_most=0.9
)

# %% [markdown]
# ## 4. Deaf in which directions?
# The Jacobian of one digit is a matrix (144, 784). Its singular values say by how much the code
# moves when the digit is moved by one unit in the best direction, in the second best, and so on.
# **Two stories would fit the table above:** all of them shrank alike, or a few stayed and the rest
# went. Which?

# %%
some = test[: lesson.size(150, quick=10)]
jacobians = {name: code_jacobian(model.encoder, some[:10]) for name, model in models.items()}
for name, model in models.items():  # the closed form again, for all: row j is h (1 - h) w_j
    h = model.encode(some)
    full = (h * (1 - h))[:, :, None] * model.encoder.w.T[None]  # (n, 144, 784)
    lesson.check(
        f"{name}: the Jacobian by hand and by machine",
        np.abs(full[:10] - jacobians[name]).max(),
        at_most=1e-4,
    )
    jacobians[name] = full
values = {
    name: np.linalg.svd(j, compute_uv=False) for name, j in jacobians.items()
}  # (n, 144), falling
spectrum = {name: s.mean(axis=0) for name, s in values.items()}
directions = {
    name: float(np.mean(s.sum(axis=1) ** 2 / (s**2).sum(axis=1))) for name, s in values.items()
}
fig, (left, right) = plot.figure(1, 2, size=(4.6, 3.3))
rank = np.arange(1, cfg.units + 1)
plot.line(rank, spectrum, left, title="singular values of the encoder", xlabel="rank")
plot.line(
    rank[:80],
    {name: (s / s[0])[:80] for name, s in spectrum.items()},
    right,
    title="the same, over the largest",
    xlabel="rank",
    log="y",
)
lesson.figure(
    fig,
    "singular_values",
    "Means over test digits. Left: the contractive ones are lower throughout. Right: measured by "
    "their largest they fall off sooner from the eighth on, which mere shrinking would not do.",
)
share = {name: float(s[31] / s[0]) for name, s in spectrum.items()}
lesson.table(
    [[name, spectrum[name][0], share[name], directions[name]] for name in models],
    ["", "largest", "the 32nd, over the largest", "effective number: (sum of s)² / sum of s²"],
)
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
# The second story. And which directions stayed? Each singular value has its direction among the
# images. Here are the best ones.

# %%
pictures = []
names = []
for name, j in jacobians.items():
    for k in (0, 3, 4):
        v = np.linalg.svd(j[k], full_matrices=False)[2][:9]  # (9, 784)
        v *= np.sign(v @ some[k])[:, None]
        pictures += [some[k] / np.linalg.norm(some[k]), *v]
        names.append(name)
ax = plot.image_grid(
    np.array(pictures),
    6,
    10,
    shape=(28, 28),
    limits="signed",
    row_labels=names,
    col_labels=["digit", *map(str, range(1, 10))],
)
lesson.figure(
    ax,
    "directions",
    "Nine directions to which the code of the digit on the left is most awake. Plain: first the"
    " empty ground, then spots. Contractive: stripes along the strokes, ink taken on one side and"
    " added on the other.",
)

# %% [markdown]
# If that is right, the code should still hear a small *shift* of the digit, and be deaf to a change
# of the same length in a random direction. **By what factor?**

# %%
pixels = some.reshape(-1, 28, 28)
moves = {
    "shifted right": np.roll(pixels, 1, axis=2) - pixels,
    "shifted down": np.roll(pixels, 1, axis=1) - pixels,
    "random": lesson.rng("random").standard_normal(pixels.shape),
}


def heard(j, move):  # how far the code moves for a step of length 1 in this direction
    v = move.reshape(len(move), -1)
    v = (v / np.linalg.norm(v, axis=1, keepdims=True)).astype(np.float32)
    return float(np.linalg.norm(np.einsum("nhd,nd->nh", j, v), axis=1).mean())


heard_of = {name: {move: heard(j, v) for move, v in moves.items()} for name, j in jacobians.items()}
contrast = {
    name: (h["shifted right"] + h["shifted down"]) / 2 / h["random"] for name, h in heard_of.items()
}
lesson.table(
    [[name, *h.values(), contrast[name]] for name, h in heard_of.items()],
    ["code moves by", *moves, "shift over random"],
)
lesson.claim(
    "shift over random: contractive over plain",
    contrast["contractive"] / contrast["plain"],
    at_least=1.15,
)

# %% [markdown]
# Both terms of the loss pull: the price would like the code to be deaf to everything, and the error
# protests where digits of the data would be confused. The directions along which the data vary
# survive; those that lead away from all digits do not.
#
# ## 5. A wrong turn: too dear
# **What does $\lambda = 100$ leave?**

# %%
dear = learn("too dear", 100.0, lesson.steps(600, quick=5), lr=1e-2)
average = reconstruction_loss(test, np.broadcast_to(train.mean(axis=0), test.shape))


def apart(images):
    return reconstruction_loss(
        images, images[::-1]
    )  # two digits of the test set, first with last and so on


lesson.table(
    [
        ["the digits themselves", 0.0, apart(test)],
        ["the mean digit for all", average, 0.0],
        *(
            [name, reconstruction_loss(test, m(test)), apart(m(test))]
            for name, m in (
                ("λ = 0", models["plain"]),
                ("λ = 2", models["contractive"]),
                ("λ = 100", dear),
            )
        ),
    ],
    ["test digits", "squared error", "squared distance of two rebuilt ones"],
)
ax = plot.image_grid(
    np.concatenate([test[:10], *(m(test[:10]) for m in (*models.values(), dear))]),
    4,
    10,
    shape=(28, 28),
    limits=(0, 1),
    row_labels=["digit", "plain", "contractive", "too dear"],
)
lesson.figure(ax, "rebuilt", "Row 3 is softer than row 2. Row 4 is the same blot for every digit.")
lesson.claim(
    "too dear: distance of two rebuilt digits, over that of the digits",
    apart(dear(test)) / apart(test),
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
w = np.array([[1.0, 2.0], [0.0, -1.0]])
sigma = 0.5
signs = (
    np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]]) * sigma
)  # noise of variance sigma² in each coordinate
lesson.check(
    "mean squared movement of the code", np.mean(np.sum((signs @ w) ** 2, axis=1)), equals=1.5
)
lesson.check(
    "σ² times the price", sigma**2 * contractive_penalty(lambda x: x @ w, origin), equals=1.5
)

# %% [markdown]
# **Left out:** stacking such layers; the second-order variant that also prices curvature (CAE+H).
# **Next:** all four autoencoders make codes, and none says how codes are *distributed*. `vae/06`
# begins there: what is $p(\mathbf{x})$, if a code is drawn first?
#
# **Your turn:** `minigen exercise start vae/05`, then `minigen run vae/05 --with
# exercises/vae_05.py`.

# %%
lesson.finish()
