# %% [markdown]
# # The denoising autoencoder
#
# The section *Denoising Autoencoder* (vae.s03) of
# [From Autoencoder to Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/), run. To take away:
#
# 1. A code as wide as the input can copy it and learn nothing. Damage the input and ask for the
#    *clean* one: copying fails.
# 2. The best repair is an average: of all clean examples that could have become what is seen, by
#    how likely that is.
# 3. So the way from what is seen to its repair points to where data are dense. It measures the
#    *score*, the slope of $\log p$.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/03_denoising_autoencoder",
    title="The denoising autoencoder",
    post="vae",
    sections=["vae.s03"],
    figures=["vae.f02"],
    equations=["vae.02"],
    minutes=0.5,
)

import numpy as np

from minigen import plot
from minigen.data import mnist, toy
from minigen.optim import Adam, cosine
from minigen.vae.autoencoder import (
    Autoencoder,
    corrupt,
    denoising_loss,
    reconstruction_loss,
    training_step,
)

# %% [markdown]
# ## 1. Who needs a bottleneck?
# In `vae/02` the code was narrow, so the machine had to choose what to keep. With 784 numbers for
# 784 pixels it could pass them on as they are, at no loss, and know nothing of digits. Vincent et
# al. (2008) made the task harder instead of the code
# narrower: spoil the input at random, $\tilde{\mathbf{x}} \sim \mathcal{M}(\tilde{\mathbf{x}} |
# \mathbf{x})$, and compare the output with what it was before (Eq. vae.02):
#
# $$L = \frac1n \sum_{i=1}^n \big\| \mathbf{x}^{(i)} - f(g(\tilde{\mathbf{x}}^{(i)})) \big\|^2 .$$
#
# What is the best answer? Let there be two examples only, the numbers $-1$ and $1$. Noise adds $-1$
# or $1$, each as often. So $-2$, $0$, $0$, $2$ are seen. **Before you run the cell:** which three
# answers cost least, and can the loss be 0?

# %%
clean = np.array([[-1.0], [-1.0], [1.0], [1.0]])
seen = clean + np.array([[-1.0], [1.0], [-1.0], [1.0]])
answers = {s: clean[seen == s].mean() for s in (-2.0, 0.0, 2.0)}  # squares are least at the mean


def repair(s):
    return np.vectorize(answers.get)(s)


lesson.table(answers.items(), ["seen", "best answer"])
lesson.check("best answers to -2, 0, 2", list(answers.values()), equals=[-1.0, 0.0, 1.0])
lesson.check("their loss", denoising_loss(repair, clean, seen), equals=0.5)
lesson.check(
    "the loss of copying what is seen", denoising_loss(lambda s: s, clean, seen), equals=1.0
)

# %% [markdown]
# What is seen as $0$ may have been either: the best answer is their average, and no machine gets
# below ½. Note where the answers
# *point*: from $\pm2$ back toward the data, and at 0, half-way between them, nowhere. We shall come
# back to this.
#
# ## 2. Three ways to spoil a digit

# %%
lesson.show_source(corrupt, denoising_loss)
data = mnist.load()
train = mnist.unit(data.train_images, flat=True)
n_test = lesson.size(5_000, quick=100)
test = mnist.unit(data.test_images[:n_test], flat=True)
cfg = lesson.configure(
    levels={"masking": 0.5, "gaussian": 0.5, "salt_pepper": 0.3}, width=784, lr=2e-3, batch=100
)
spoiled = {
    kind: corrupt(test, lesson.rng(f"spoil {kind}"), kind, level)
    for kind, level in cfg.levels.items()
}
ax = plot.image_grid(
    np.concatenate([test[:10], *(each[:10] for each in spoiled.values())]),
    4,
    10,
    shape=(28, 28),
    limits=(0, 1),
    row_labels=["clean", *cfg.levels],
)
lesson.figure(
    ax,
    "corruptions",
    "Half of the pixels erased; noise of half the range of ink; three pixels in ten turned black or"
    " white.",
)
before = {kind: reconstruction_loss(test, each) for kind, each in spoiled.items()}
lesson.table(before.items(), ["damage", "squared error, per image"])

# %% [markdown]
# ## 3. Copy or repair
# Four autoencoders with one hidden layer of 784 units each: one sees clean digits, the others
# damaged ones, spoiled anew at every step. All must give the clean digit. **Your guess:** the plain
# one rebuilds clean digits best of all. What will it do with damaged ones? And how does a machine
# that was only ever shown erased pixels do on noise?


# %%
def learn(model, lr, steps, label, draw):
    rng = lesson.rng(label)
    optimizer = Adam(model, lr)
    fall = cosine(lr, steps)
    batches = mnist.batches(train, size=cfg.batch, rng=rng)

    def step(i):
        optimizer.lr = fall(i)
        x = next(batches)[0]
        return training_step(model, optimizer, *draw(x, rng))["loss"]

    lesson.fit(
        step,
        steps,
        label=label,
        state={"model": model, "optimizer": optimizer, "batches": batches, "rng": rng},
    )
    return model


def wide():
    return Autoencoder(
        lesson.rng("init"),
        dim_z=cfg.width,
        widths=(),
        code_activation="relu",
        out_activation="sigmoid",
    )


def damage(kind):
    return lambda x, rng: (x, corrupt(x, rng, kind, cfg.levels[kind]))


steps = lesson.steps(600, quick=4)
models = {"clean": learn(wide(), cfg.lr, steps, "plain", lambda x, rng: (x,))}
models |= {
    kind: learn(wide(), cfg.lr, steps, f"denoising, {kind}", damage(kind)) for kind in cfg.levels
}

# %%
inputs = {"clean": test, **spoiled}
error = {
    (name, kind): reconstruction_loss(test, model(x))
    for name, model in models.items()
    for kind, x in inputs.items()
}
rows = [[f"trained on {name}", *(error[name, kind] for kind in inputs)] for name in models]
lesson.table(
    [["untouched", 0.0, *before.values()], *rows],
    ["squared error, per test image", *(f"{kind} in" for kind in inputs)],
)
for kind in cfg.levels:
    lesson.claim(
        f"{kind}: error over the plain autoencoder's",
        error[kind, kind] / error["clean", kind],
        at_most=0.85,
    )
lesson.claim(
    "clean digits: the plain one is best, by",
    min(error[k, "clean"] for k in cfg.levels) - error["clean", "clean"],
    at_least=1,
)

digit = 3
kind = "masking"
ax = plot.schematic(
    {
        "x": plot.node("clean $x$", "data", (0, 0.5), image=test[digit].reshape(28, 28)),
        "m": plot.node("damage\n$M(\\tilde{x}|x)$", "random", (1, 0.5)),
        "s": plot.node(
            "seen $\\tilde{x}$", "plain", (2, 0.5), image=spoiled[kind][digit].reshape(28, 28)
        ),
        "g": plot.node(models[kind].encoder, at=(3, 0.5), name="encoder g"),
        "f": plot.node(models[kind].decoder, at=(4, 0.5), name="decoder f"),
        "y": plot.node(
            "repaired",
            "fake",
            (5, 0.5),
            image=models[kind](spoiled[kind][digit : digit + 1]).reshape(28, 28),
        ),
        "loss": plot.node("$|x - f(g(\\tilde{x}))|^2$", "loss", (6, 0.5)),
    },
    [
        "x -> m -> s -> g -> f -> y -> loss",
        plot.edge("x", "loss", "the target stays clean", dashed=True, route="over"),
    ],
    title="the trained denoising autoencoder, with a test digit going through it",
)
lesson.figure(ax, "f02_denoising", "Follow the dashed line: the damage is on the way in only.")

# %%
strips = []
for kind, x in spoiled.items():
    strips += [x[:10], models["clean"](x[:10]), models[kind](x[:10])]
ax = plot.image_grid(
    np.concatenate([test[:10], *strips]),
    10,
    10,
    shape=(28, 28),
    limits=(0, 1),
    row_labels=[
        "clean",
        *(f"{k}{what}" for k in cfg.levels for what in ("", ": plain", ": denoising")),
    ],
)
lesson.figure(
    ax,
    "repaired",
    "In each group of three the plain autoencoder passes much of the damage on. The denoising one"
    " closes the strokes and wipes the ground.",
)

# %% [markdown]
# Each is best at the damage it knows. To fill in an erased pixel one has to know how strokes go on;
# to wipe off noise one has to know where strokes never go. That knowledge must be in the weights.
# Can it be seen?
#
# ## 4. What the units look for
# A smaller pair with 144 sigmoid units, whose decoder uses the encoder's weights: a unit's *filter*
# is both what it looks for and what it draws. **Which will be larger in scale,** the filters for
# clean or for damaged digits? Think of a pixel that has been
# erased: where could a unit learn of it?


# %%
def small():
    return Autoencoder(
        lesson.rng("small"),
        dim_z=144,
        widths=(),
        code_activation="sigmoid",
        out_activation="sigmoid",
        tied=True,
    )


pair = {
    "clean": learn(
        small(), 3e-3, lesson.steps(1500, quick=4), "filters, clean", lambda x, rng: (x,)
    ),
    "half erased": learn(
        small(), 3e-3, lesson.steps(1500, quick=4), "filters, masking", damage("masking")
    ),
}
fig, axes = plot.figure(1, 2, size=(4.6, 4.7))
roughness = {}
for ax, (name, model) in zip(axes, pair.items()):
    w = model.encoder.w.T.reshape(-1, 28, 28)
    w = w - w.mean(axis=(1, 2), keepdims=True)
    roughness[name] = float(
        (np.diff(w, axis=1) ** 2).sum() + (np.diff(w, axis=2) ** 2).sum()
    ) / float((w**2).sum())
    plot.image_grid(w[:64], 8, 8, ax, limits="signed", title=f"trained on {name}")
lesson.figure(
    fig,
    "filters",
    "Left: crumpled, many small spots of both colors. Right: on the whole smoother, and here and"
    " there a single stroke or arc. The difference is one of degree: the table gives it a number.",
)
lesson.table(
    roughness.items(),
    ["filters trained on", "roughness: squared steps between neighbors, over squared weights"],
)
lesson.claim(
    "roughness of filters: half erased over clean",
    roughness["half erased"] / roughness["clean"],
    at_most=0.95,
)

# %% [markdown]
# From its neighbors. A unit that looks at a single spot is blind when the spot is erased; one that
# looks along a stroke is not.
#
# ## 5. The repair points uphill
# Back to the line of section 1, in the plane. For Gaussian noise of width $\sigma$ the best repair
# $r$ is known exactly: with $p_\sigma$ for the density of what is seen,
#
# $$r(\tilde{\mathbf{x}}) - \tilde{\mathbf{x}} = \sigma^2\, \nabla \log p_\sigma(\tilde{\mathbf{x}}),$$
#
# and when $\sigma$ is small $p_\sigma$ is nearly $p$ itself (Alain and Bengio 2014). The gradient
# of a log-density is called its *score*. In one dimension and for $x \sim \mathcal{N}(0, s^2)$ you
# can do it by hand: $r$ shrinks by $s^2/(s^2 + \sigma^2)$.

# %%
s = 2.0
sigma = 1.0
at = np.array([-3.0, 0.5, 2.0])
shrunk = s**2 / (s**2 + sigma**2) * at  # the mean of x given what is seen
lesson.check("residual at -3, 0.5, 2", shrunk - at, equals=[0.6, -0.1, -0.4])
lesson.check(
    "σ² times the score of N(0, s² + σ²)", sigma**2 * -at / (s**2 + sigma**2), equals=shrunk - at
)

# %% [markdown]
# Now five bells on a ring, of which the autoencoder only sees points with noise of $\sigma = 0.3$.
# **Will its arrows agree with the true score**, which no one computed for it?

# %%
sigma = 0.3
ring = toy.ring(5, 2.0, 0.5)
point = Autoencoder(
    lesson.rng("points"),
    dim_x=2,
    dim_z=128,
    widths=(128,),
    activation="silu",
    code_activation="silu",
)
point.encoder.layers[0].w *= 3
steps = lesson.steps(2500, quick=10)
rng = lesson.rng("points, noise")
optimizer = Adam(point, 3e-3)


def step(i, fall=cosine(3e-3, steps)):
    optimizer.lr = fall(i)
    x = ring.sample(rng, 512)
    return training_step(point, optimizer, x, corrupt(x, rng, "gaussian", sigma))["loss"]


lesson.fit(
    step,
    steps,
    label="points in the plane",
    state={"model": point, "optimizer": optimizer, "rng": rng},
)


def residual(x):
    return point(np.float32(x)) - x


def agreement(x, score):  # mean cosine of the angle between the residual and the score
    a = residual(x)
    b = score(x)
    return float(
        np.mean(np.sum(a * b, axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)))
    )


x = ring.sample(lesson.rng("judge"), lesson.size(5000))
blurred = toy.ring(5, 2.0, float(np.hypot(0.5, sigma)))  # bells plus noise are wider bells
truth = blurred.score(x)
slope = float(np.sum(residual(x) * truth) / np.sum(truth**2))
lesson.table(
    [
        ["score of the data", agreement(x, ring.score)],
        ["score of what is seen", agreement(x, blurred.score)],
    ],
    ["mean cosine of the residual with the", "at 5,000 points of the data"],
)
lesson.claim(
    "cosine of the residual with the score of the data",
    agreement(x, ring.score),
    at_least=0.9,
    source="Alain and Bengio 2014, Theorem 1",
)
lesson.claim(
    "residual over the score of what is seen, over σ²", slope / sigma**2, between=(0.9, 1.1)
)

# %%
walk = [lesson.rng("walk").uniform(-3.5, 3.5, (40, 2)).astype(np.float32)]
for _ in range(30):
    walk.append(point(walk[-1]))
fig, axes = plot.figure(1, 3, size=(3.5, 3.6))
box = (-3.6, 3.6, -3.6, 3.6)
plot.field(residual, box, axes[0], density=ring, lengths="sqrt", n=18, title="r(x) - x, learned")
plot.field(ring.score, box, axes[1], density=ring, lengths="sqrt", n=18, title="the true score")
plot.trajectories(np.stack(walk), axes[2], density=ring, bounds=box, title="repaired 30 times over")
lesson.figure(
    fig,
    "score",
    "Left and middle: the arrows agree, and vanish at the bells and half-way between two. Right:"
    " whatever is repaired again and again climbs to a bell.",
)

# %% [markdown]
# The autoencoder never saw a density, and still it knows which way is up. Diffusion models
# (`diffusion/04`) are built on this: denoisers at many noise levels, followed uphill with some
# noise added.
#
# ## 6. A wrong turn
# One line can ruin it: handing the *damaged* digit to the loss as well. **What will it learn?**


# %%
def both_damaged(x, rng):
    x = corrupt(x, rng, "masking", cfg.levels["masking"])
    return x, x


turn = learn(wide(), cfg.lr, lesson.steps(400, quick=4), "target damaged too", both_damaged)
turned = turn(spoiled["masking"])
rows = [
    [
        "target clean",
        error["masking", "masking"],
        reconstruction_loss(spoiled["masking"], models["masking"](spoiled["masking"])),
    ],
    [
        "target damaged",
        reconstruction_loss(test, turned),
        reconstruction_loss(spoiled["masking"], turned),
    ],
]
lesson.table(
    rows, ["half of the pixels erased", "distance to the clean digit", "to the damaged one"]
)
lesson.claim(
    "target damaged: its distance to the clean digit, over the right one's",
    rows[1][1] / rows[0][1],
    at_least=1.5,
)

# %% [markdown]
# It learns to keep the damage, and its own loss looks good. The same happens by accident when
# `corrupt` writes into its argument.
#
# ## 7. Where the post is loose
# - It speaks of overfitting, of more parameters than data points. The wide autoencoder above has 20
#   times fewer examples than parameters and does not overfit; it *copies*. Damage is against
#   copying.
# - It says that a fixed share of the pixels is erased. Here every pixel has a coin of its own, so
#   that the share varies a little:

# %%
shares = (corrupt(np.ones((1000, 784)), lesson.rng("share"), "masking", 0.5) == 0).mean(axis=1)
lesson.check(
    "share erased: mean and standard deviation",
    [shares.mean(), shares.std()],
    equals=[0.5, 0.5 / 28],
    atol=0.004,
)

# %% [markdown]
# - It likens the method to dropout. Dropout erases *hidden* units too, scales up the rest, and has
#   no clean target to aim at.
# - Eq. vae.02 is, as Eq. vae.01, a sum over pixels.
#
# **Left out:** stacking (each layer trained to denoise the one below, Vincent et al. 2010), and how
# much noise is best. **Next:** another way to stop a wide code from copying: let only few of its
# units speak (`vae/04`).
#
# **Your turn:** `minigen exercise start vae/03`, then `minigen run vae/03 --with
# exercises/vae_03.py`.

# %%
lesson.finish()
