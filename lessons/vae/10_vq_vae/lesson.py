# %% [markdown]
# # VQ-VAE: a code made of integers
#
# The section *VQ-VAE and VQ-VAE-2* (vae.s10) of
# [From Autoencoder to Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/), run. To take away:
#
# 1. A code can be a grid of integers: each vector of the encoder is replaced by the nearest of $K$
#    code vectors.
# 2. Rounding has no slope. The gradient is carried past it, and the codebook learns by a pull of
#    its own.
# 3. A model of the integers, trained afterwards, draws digits that are sharper than those of a
#    plain VAE.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/10_vq_vae",
    title="VQ-VAE: a code made of integers",
    post="vae",
    sections=["vae.s10"],
    figures=["vae.f09", "vae.f10", "vae.f11"],
    equations=["vae.18", "vae.19", "vae.20"],
    minutes=4.0,
)

import autograd.numpy as anp
import numpy as np

from minigen import plot
from minigen.course.lesson.pretrained import digit_classifier
from minigen.data import mnist
from minigen.metrics.digits import judge_digits, label_accuracy
from minigen.optim import Adam, cosine
from minigen.plot import node
from minigen.tensor import grad, parallel_value_and_grad
from minigen.vae import vae as plain
from minigen.vae.code_prior import CausalTransformer
from minigen.vae.vq_vae import (
    VQVAE,
    HierarchicalVQVAE,
    Output,
    VectorQuantizer,
    dead_share,
    ema_update,
    nearest,
    perplexity,
    quantization_losses,
    start,
    straight_through,
    training_step,
)

# %% [markdown]
# ## 1. Rounding, by hand
# An encoder says $z = 4$. The codebook holds two numbers, $e_0 = 0$ and $e_1 = 5$, so $z$ becomes 5
# (Eq. vae.18):
# $$z_q = e_k, \qquad k = \arg\min_i \lVert z - e_i \rVert_2 .$$
# The decoder doubles what it gets. The image was $x = 7$, so the error is $(7 - 2 \cdot 5)^2 = 9$.
# **Before you run the cell:** how does the error change if $z$ moves a little? And how *should* $z$
# move?

# %%
z = np.array([[4.0]])
codebook = np.array([[0.0], [5.0]])


def error(e):
    return anp.sum((7 - 2 * e) ** 2)


e = codebook[nearest(z, codebook)]  # [[5]]
lesson.check("the code of 4 and the error", [float(e[0, 0]), float(error(e))], equals=[5.0, 9.0])
lesson.check(
    "slope of the error in z, by rounding",
    grad(lambda z: error(codebook[nearest(z, codebook)]))(z),
    equals=0.0,
)
slopes = grad(error)(e).item(), grad(lambda z: error(straight_through(z, e)))(z).item()
lesson.check("slope at the decoder's input; in z, straight through", slopes, equals=[12.0, 12.0])

# %% [markdown]
# A small step of $z$ changes nothing: 4 and 4.01 are rounded alike. But the decoder knows what it
# would like: a smaller input. *Straight through* gives that wish, 12, to $z$ unchanged. It is not
# the slope of anything; it is a hint, good as long as $z$ and its code are close. Two more terms
# keep them close. The whole loss is (Eq. vae.19)
# $$L = \lVert x - D(e_k)\rVert_2^2 + \lVert \mathrm{sg}[E(x)] - e_k\rVert_2^2 + \beta\,\lVert E(x) - \mathrm{sg}[e_k]\rVert_2^2 ,$$
# where sg holds a value fixed. With $z = 4$, $e = 5$, $\beta = \frac14$ the second term is 1 and
# pulls the code down with slope 2; the third is $\frac14$ and pulls $z$ up with slope $-\frac12$:
# codes come to the vectors, vectors commit to codes.


# %%
def both(z, e):
    return sum(anp.sum(term) for term in quantization_losses(z, e))


slopes = grad(both)(z, e).item(), grad(lambda e: both(z, e))(e).item()  # beta is 1/4 unless given
lesson.check(
    "codebook and commitment; slopes in z and e",
    [*np.ravel(quantization_losses(z, e)), *slopes],
    equals=[1.0, 0.25, -0.5, 2.0],
)
lesson.show_source(nearest, straight_through, quantization_losses)

# %% [markdown]
# There is another way to move the codes. If the vectors of a code were all known, its best place
# would be their mean. They come in batches, so keep moving averages of their number and of their
# sum, and divide (Eq. vae.20):
# $$N_i \leftarrow \gamma N_i + (1-\gamma)\, n_i, \qquad m_i \leftarrow \gamma m_i + (1-\gamma) \sum_j z_{i,j}, \qquad e_i = m_i / N_i .$$
# **Work it out:** code 5 has $N = 1$, $m = 5$; a batch brings it 4 and 7; $\gamma = \frac12$. Where
# does it go? Code 0 ($N = 1$, $m = 0$) gets nothing. (The answer: $N = \frac12 + 1$, $m = \frac52 +
# \frac{11}2 = 8$, so to $5\frac13$.)

# %%
counts, sums, moved = ema_update(
    np.ones(2), codebook.copy(), codebook, np.array([[4.0], [7.0]]), np.array([1, 1]), 0.5
)
lesson.check("new counts and codes", [*counts, *moved[:, 0]], equals=[0.5, 1.5, 0.0, 16 / 3])
lesson.show_source(ema_update, VectorQuantizer)

# %% [markdown]
# With this update the second term of the loss is *dropped*. The post leaves open what $\gamma$ is
# (here 0.99), where the codebook starts (at vectors of the first images), and what happens to a
# code that no vector chooses: it would never move again. Ours starts anew, now and then, at a
# vector of the current batch.
#
# ## 2. Digits as 49 integers
# The encoder turns 28×28 pixels into 7×7 vectors of 16 numbers; each becomes one of 64 codes.
# Squared errors are summed over pixels and over the numbers of a code. (Averaging one and not the
# other would hide a factor in $\beta$.) A digit becomes 49 integers, at most $49 \log_2 64 = 294$
# bits. **How many of the 64 codes will be in use?**

# %%
data = mnist.load()
cfg = lesson.configure(codes=64, batch=64, lr=2e-3, prior_batch=32, prior_lr=3e-3)
train = mnist.unit(
    data.train_images[: lesson.size(60_000, quick=640)]
)  # (60000, 28, 28, 1) in [0, 1]
test, labels = (
    a[: lesson.size(10_000, quick=100)]
    for a in (mnist.unit(data.test_images), data.test_labels.astype(int))
)


def fit(model, steps, label, lr, size, arrays, one_step):
    rng = lesson.rng(label)
    optimizer = Adam(model, lr)
    schedule = cosine(lr, steps, warmup=min(50, steps))
    batches = mnist.batches(*arrays, size=size, rng=rng)

    def step(i):
        optimizer.lr = schedule(i)
        return one_step(i, optimizer, rng, *next(batches))

    return lesson.fit(
        step,
        steps,
        label=label,
        state={"model": model, "optimizer": optimizer, "batches": batches, "rng": rng},
    )


def learn(model, steps, label, from_data=True, revive=True):
    if from_data:
        start(model, train[:256], lesson.rng("start " + label))

    def now(i):
        return (
            revive and i % 50 == 49 and i < 0.7 * steps
        )  # no revival in the last part, which is for settling

    def one_step(i, optimizer, rng, x):
        return training_step(model, optimizer, x, rng if now(i) else None)

    return fit(model, steps, label, cfg.lr, cfg.batch, [train], one_step)


model = VQVAE(lesson.rng("init"), codes=cfg.codes)
learn(model, lesson.steps(1000, quick=4), "VQ-VAE")

# %%
(codes,) = model.codes(test)  # (10000, 7, 7)
decoded = model.images(codes)
lesson.claim(
    "VQ-VAE: squared error a pixel",
    np.mean((decoded - test) ** 2),
    at_most=0.0090,
    source="best 64 linear numbers: 0.0090",
)
lesson.claim("VQ-VAE: share of dead codes, test digits", dead_share(codes, cfg.codes), at_most=0.05)
lesson.claim("VQ-VAE: perplexity of 64 codes", perplexity(codes, cfg.codes), at_least=20)

z = model(test[:8]).levels[0].z
e = model.quantizer.look_up(codes[:8])


def square(e):
    return anp.sum((test[:8] - model.decode(e)) ** 2)


wish = grad(square)(e)
got = grad(lambda z: square(straight_through(z, e)))(z)
lesson.check(
    "gradient at E(x) minus that at the decoder's input, relative",
    np.abs(got - wish).max() / np.abs(wish).max(),
    at_most=1e-4,
)

# %% [markdown]
# *Perplexity* is the number of codes that would give the same spread if all were used equally
# often. A code is dead if not one of the 490,000 vectors of the test digits chooses it. Figure f09,
# with the trained model:


# %%
def picture(k, count=cfg.codes):
    return np.kron(k, np.ones((28 // len(k), 28 // len(k)))) / (
        count - 1
    )  # integers as gray levels


boxes = {
    "x": node("image $x$", "data", (0, 0), image=test[0, :, :, 0]),
    "E": node(model.encoder, at=(1, 0), name="encoder $E$"),
    "z": node("$E(x)$\n7×7 vectors", "latent", (2, 0)),
    "k": node("7×7 integers", "data", (3, 0), image=picture(codes[0])),
    "book": node(f"codebook\n{cfg.codes} vectors of 16", "frozen", (3, 1)),
    "e": node("$e_k$\n7×7 vectors", "latent", (2, 1)),
    "D": node(model.decoder, at=(1, 1), name="decoder $D$"),
    "out": node("$D(e_k)$", "fake", (0, 1), image=decoded[0, :, :, 0]),
}
ax = plot.schematic(
    boxes,
    ["x -> E -> z -> k -> book -> e -> D -> out", "e --> z: gradient, copied", "out --> D --> e"],
)
lesson.figure(
    ax,
    "f09_vq_vae",
    "Follow the dashed arrows, the way of the gradient: it jumps over the integers, from e to"
    " E(x).",
)
shown = np.concatenate([test[:12, ..., 0], [picture(k) for k in codes[:12]], decoded[:12, ..., 0]])
lesson.figure(
    plot.image_grid(shown, 3, 12, row_labels=["test digit", "49 integers", "decoded"]),
    "reconstructions",
    "Row 3 is hard to tell from row 1. In row 2 gray is the number of a code. Empty paper has"
    " several: a code also says what lies beside it.",
)

# %% [markdown]
# ## 3. A model of the integers
# To draw a digit one needs 49 integers. **What will digits look like if each integer is drawn at
# random?** The VAE had a prior from the start. Here it comes afterwards, from any model of
# sequences. Ours is a small transformer: integer by integer, row by row, it predicts the next one
# from those before it: it is handed the one to the left and three above, and may look at all the
# others. It is told nothing about pixels.

# %%
lesson.show_source(CausalTransformer.__call__, CausalTransformer.log_prob, CausalTransformer.sample)
gradient = parallel_value_and_grad(lambda prior, *given: -anp.mean(prior.log_prob(*given)))


def learn_prior(prior, steps, label, arrays, view=lambda *given: given):
    def one_step(i, optimizer, rng, *batch):
        value, grads = gradient(prior, *view(*batch))
        optimizer.step(grads)
        return value

    return fit(prior, steps, label, cfg.prior_lr, cfg.prior_batch, arrays, one_step)


prior = CausalTransformer(
    lesson.rng("init prior"), cfg.codes, 49, width=96, heads=4, layers=2, back=(1, 6, 7, 8)
)
tokens = model.codes(train)[0].reshape(-1, 49)
learn_prior(prior, lesson.steps(3200, quick=2), "prior", [tokens])


def draw_codes(rng, n):
    return prior.sample(rng, n).reshape(n, 7, 7)


lesson.sampler("vq_vae", lambda rng, n: model.sample(rng, n, draw_codes))

# %%
some = codes.reshape(-1, 49)[:2000]
share = (np.stack([np.bincount(column, minlength=cfg.codes) for column in tokens.T]) + 0.1) / (
    len(tokens) + 0.1 * cfg.codes
)
nats = [
    49 * np.log(cfg.codes),
    -np.log(share[np.arange(49), some]).sum(axis=1).mean(),
    -prior.log_prob(some).mean(),
]
lesson.table(
    zip(("nothing", "how often at each place", "those before"), nats),
    ["known of the 49 integers", "nats"],
)
lesson.claim(
    "prior: nats saved by looking at the integers before",
    nats[1] - nats[2],
    at_least=20,
    unit="nats",
)

# %% [markdown]
# How good are the digits? Our judge is a classifier that reads 99.4 % of the test digits. The
# Fréchet distance compares its features of 5,000 drawn and of all test digits; 5,000 other real
# digits have about 2. **Will 49 integers from a transformer beat 20 Gaussian numbers?** The rival
# is the VAE of `vae/08`, trained once (15 epochs) and kept.


# %%
def train_vae(vae, config):
    rng = np.random.default_rng(config["seed"])
    optimizer = Adam(vae, 3e-3)
    lr = cosine(3e-3, config["steps"])
    batches = mnist.batches(mnist.unit(mnist.load().train_images, flat=True), size=100, rng=rng)
    for i in range(config["steps"]):
        optimizer.lr = lr(i)
        plain.training_step(
            vae,
            optimizer,
            mnist.binarize(next(batches)[0], rng),
            rng.standard_normal((100, 20), dtype=np.float32),
        )


def new_vae(config):
    return plain.VAE(np.random.default_rng(config["seed"]))


vae = lesson.pretrained(
    "plain VAE for digits", {"steps": lesson.steps(9_000, quick=3), "seed": 0}, new_vae, train_vae
)
n = lesson.size(5_000, quick=40)
rng = lesson.rng("samples")
judge = digit_classifier(lesson)
drawn = {
    "VQ-VAE and its prior": model.sample(rng, n, draw_codes),
    "at random": model.images(rng.integers(0, 64, (n, 7, 7))),
    "plain VAE": vae.sample(rng, n, noise=False).reshape(n, 28, 28, 1),
    "decoded test digits": decoded[:n],
    "real": train[:n],
}
reports = {name: judge_digits(judge, each, test) for name, each in drawn.items()}
lesson.table(
    [
        [name, r.frechet, r.inception, r.precision, r.recall, r.confidence]
        for name, r in reports.items()
    ],
    ["digits", "Fréchet distance", "inception score", "precision", "recall", "confidence"],
)
ours, theirs = (reports[name].frechet for name in ("VQ-VAE and its prior", "plain VAE"))
lesson.claim("Fréchet distance, VQ-VAE with prior / plain VAE", ours / theirs, at_most=0.5)
ax = plot.image_grid(
    np.concatenate([drawn[name][:k] for name, k in zip(drawn, (36, 12, 24))]),
    6,
    12,
    row_labels=["VQ-VAE"] * 3 + ["at random"] + ["plain VAE"] * 2,
)
lesson.figure(
    ax,
    "samples",
    "Compare rows 1 to 3 with the last two: edges are sharp, where the VAE blurs. Row 4 has the"
    " decoder of rows 1 to 3, and integers drawn without a prior: strokes, but no digit.",
)

# %% [markdown]
# ## 4. How the codebook moves, and what goes wrong
# Smaller models, trained briefly, one thing changed at a time. **Which will lose its codes? Which
# will lose the image?** "To the letter" takes Eq. vae.19 as printed, without the copied gradient:
# then the first term trains $e_k$, and the encoder hears nothing of it.


# %%
class ToTheLetter(VQVAE):
    def __call__(self, x):
        level = self.quantizer(self.encode(x))
        return Output(self.decode(self.quantizer.look_up(level.indices)), [level])


quiet = {"revive": False}
rows = {}
curves = {}
runs = {
    "moving average": (VQVAE, {}, {}),
    "... no revival": (VQVAE, {}, quiet),
    "... no revival, random start": (VQVAE, {}, quiet | {"from_data": False}),
    "codebook term": (VQVAE, {"learned": True}, quiet),
    "to the letter": (ToTheLetter, {"learned": True}, quiet),
    "no commitment": (VQVAE, {"beta": 0.0}, {}),
}
for name, (kind, options, how) in runs.items():
    other = kind(lesson.rng("small"), codes=cfg.codes, width=32, **options)
    curves[name] = learn(other, lesson.steps(250, quick=1), name, **how)["perplexity"]
    (k,) = other.codes(test[:2000])
    spread = other.encode(test[:500]).std()
    rows[name] = [
        np.mean((other.images(k) - test[:2000]) ** 2),
        perplexity(k, cfg.codes),
        dead_share(k, cfg.codes),
        spread,
    ]
lesson.table(
    [[name, *row] for name, row in rows.items()],
    ["run", "squared error", "perplexity", "dead codes", "spread of z"],
)
ax = plot.curves(
    curves,
    smooth=20,
    title="codes in use while training",
    ylabel="perplexity of a batch",
    xlabel="step",
)
lesson.figure(
    ax,
    "codebooks",
    "Look at step 100, where dead codes start anew for the first time, and at the two curves at the"
    " bottom.",
)


def relative(name, to="moving average"):
    return rows[name][0] / rows[to][0]


lesson.claim(
    "random start, no revival: dead codes", rows["... no revival, random start"][2], at_least=0.5
)
lesson.claim(
    "squared error, codebook term / average, no revival",
    relative("codebook term", "... no revival"),
    between=(0.8, 1.25),
)
lesson.claim("squared error, to the letter / moving average", relative("to the letter"), at_least=3)
lesson.claim("squared error, no commitment / moving average", relative("no commitment"), at_least=2)

# %% [markdown]
# - The *codebook term* and the *moving average* do the same job. What matters more is where codes
#   start, and revival.
# - *To the letter*, the encoder hears only that it should be close to its codes. The cheapest way
#   is to say the same for every image: one code, and the decoder draws the average digit. The
#   copied gradient is not a detail.
# - *No commitment*: nothing holds the vectors back. They run (look at their spread), and the codes
#   cannot keep up.
#
# ## 5. Two levels
# VQ-VAE-2 has two grids. The *top*, 4×4, is made first; the *bottom*, 7×7, is encoded in its light.
# For large photographs the top is forced to keep the overall shape, but our bottom could hold a
# whole digit alone. So that the top does its part, every second image of a batch is decoded from
# the top only while training, and the bottom has 32 codes; the paper does neither. Three stages
# follow one another (figure f11, below as source): train the model, then a prior for each grid,
# then draw top, bottom, image. The top's prior has self-attention, as the paper wants it, and is
# told the label. **Guess:** if the bottom is drawn anew for a given top, will it still be the same
# digit?

# %%
levels = HierarchicalVQVAE(lesson.rng("init levels"), codes=(cfg.codes, 32))
learn(levels, lesson.steps(800, quick=2), "VQ-VAE-2")
top, bottom = (k.reshape(len(k), -1) for k in levels.codes(train))  # (60000, 16), (60000, 49)
kinds = data.train_labels[: len(train)].astype(int)


def context(top):
    return levels.context(top.reshape(-1, 4, 4)).reshape(
        -1, 49, 16
    )  # the top's vectors, spread over 7×7 places


top_prior = CausalTransformer(
    lesson.rng("init top"),
    cfg.codes,
    16,
    width=96,
    heads=4,
    layers=2,
    classes=10,
    back=(1, 3, 4, 5),
)
learn_prior(top_prior, lesson.steps(1500, quick=2), "top prior", [top, kinds])
bottom_prior = CausalTransformer(
    lesson.rng("init bottom"), 32, 49, width=96, heads=4, layers=2, context=16, back=(1, 6, 7, 8)
)
learn_prior(
    bottom_prior,
    lesson.steps(1000, quick=2),
    "bottom prior",
    [bottom, top],
    lambda b, t: (b, None, context(t)),
)


def draw_top(rng, n):
    return top_prior.sample(rng, n, np.arange(n) % 10).reshape(
        -1, 4, 4
    )  # labels 0, 1, ..., 9, 0, ...


def draw_bottom(rng, top):
    return bottom_prior.sample(rng, len(top), context=context(top)).reshape(-1, 7, 7)


lesson.sampler(
    "vq_vae_2", lambda rng, n: (levels.sample(rng, n, draw_top, draw_bottom), np.arange(n) % 10)
)

# %%
lesson.show_source(HierarchicalVQVAE.__call__, training_step, HierarchicalVQVAE.sample)
two = levels.codes(test)  # (10000, 4, 4), (10000, 7, 7)
alone = levels.images(two[0])
rebuilt = levels.images(*two)
redrawn = levels.images(
    two[0], draw_bottom(lesson.rng("redrawn"), two[0])
)  # own top, another bottom
new_low = draw_bottom(lesson.rng("bottom"), new_top := draw_top(lesson.rng("top"), n))
digits = levels.images(new_top, new_low)
report = judge_digits(judge, digits, test, np.arange(n) % 10)
print(f"  digits drawn through two levels: Fréchet distance {report.frechet:.1f}")
fig, axes = plot.figure(2, 1, size=(8, 2.6))
ends = {
    "D": node(levels.decoder, at=(3, 0.5), name="decoder"),
    "out": node("$D(e)$", "fake", (4, 0.5), image=rebuilt[0, :, :, 0]),
}
boxes = {
    "x": node("$x$", "data", (0, 0.5), image=test[0, :, :, 0]),
    "E": node(levels.encoder, at=(1, 0.5), name="encoder"),
    "top": node("top", "data", (2, 0), image=picture(two[0][0])),
    "low": node("bottom", "data", (2, 1), image=picture(two[1][0], 32)),
}
plot.schematic(
    boxes | ends,
    ["x -> E -> top -> low -> D -> out", "E -> low", "top -> D"],
    axes[0],
    title="training",
)
boxes = {
    "c": node("label 3", "data", (0, 0)),
    "p": node(top_prior, at=(1, 0), name="top prior"),
    "q": node(bottom_prior, at=(1, 1), name="bottom prior"),
    "top": node("top", "fake", (2, 0), image=picture(new_top[3])),
    "low": node("bottom", "fake", (2, 1), image=picture(new_low[3], 32)),
}
ends["out"] = node("$D(e)$", "fake", (4, 0.5), image=digits[3, :, :, 0])
plot.schematic(
    boxes | ends,
    ["c -> p -> top -> q -> low -> D -> out", "top -> D"],
    axes[1],
    title="drawing a digit",
)
lesson.figure(
    fig,
    "f10_two_levels",
    "In both panels the top is there before the bottom, and the decoder gets both.",
)

# %%
kinds_of = {"top and bottom": rebuilt, "top alone": alone, "new bottom": redrawn}
error = {name: np.mean((x - test) ** 2) for name, x in kinds_of.items()}
kept = {name: label_accuracy(judge, x, labels) for name, x in kinds_of.items()}
lesson.table(
    [[name, error[name], kept[name]] for name in kinds_of],
    ["test digits from", "squared error", "still the same digit"],
)
ax = plot.image_grid(
    np.concatenate(
        [x[:10] for x in (test, rebuilt, alone, redrawn, digits, digits[10:], digits[20:])]
    ),
    7,
    10,
    row_labels=["test digit", "decoded", "top alone", "new bottom", "drawn", "drawn", "drawn"],
)
lesson.figure(
    ax,
    "levels",
    "Row 3: the top knows the digit and its slant; its edges are soft. Row 4: other bottoms for the"
    " same tops. Below, each column was asked for its digit, 0 to 9.",
)
lesson.claim("VQ-VAE-2: still the same digit, top alone", kept["top alone"], at_least=0.8)
lesson.claim(
    "VQ-VAE-2: still the same digit, a bottom drawn for the top", kept["new bottom"], at_least=0.8
)
lesson.claim(
    "VQ-VAE-2: squared error, top alone / both",
    error["top alone"] / error["top and bottom"],
    at_least=1.5,
)
lesson.claim(
    "VQ-VAE-2: dead codes, top and bottom",
    [dead_share(two[0], cfg.codes), dead_share(two[1], 32)],
    at_most=0.05,
)
lesson.claim("VQ-VAE-2: share of digits that are the one asked for", report.accuracy, at_least=0.8)

# %% [markdown]
# ## 6. Where the post is loose
# - With the moving average the codebook term is dropped (section 1). $\gamma$, the start and the
#   dead codes are left to you.
# - Eq. vae.19 needs the copied gradient, or it does what "to the letter" did (section 4).
# - The self-attention is in the prior of the *top*; the paper's bottom, a large grid, does without.
#   (Ours has it in both.)
#
# **Left out:** larger images, more levels, throwing away samples that a classifier is unsure of.
# **Next:** *TD-VAE* (`vae/11`) asks what a model should believe about a state that it sees only in
# glimpses.
#
# **Your turn:** `minigen exercise start vae/10`, then `minigen run vae/10 --with
# exercises/vae_10.py`.

# %%
lesson.finish()
