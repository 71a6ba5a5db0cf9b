# %% [markdown]
# # The denoising autoencoder
#
# This lesson runs the section *Denoising Autoencoder* (vae.s03) of
# [From Autoencoder to Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/). In this
# lesson:
#
# 1. A denoising autoencoder receives a corrupted example and is trained to output the clean one.
#    A copy of its input is then not a solution, however wide the code is.
# 2. Under the squared error the best repair is a conditional mean: the average of all clean
#    examples that could have become the corrupted one.
# 3. If the corruption is Gaussian noise, this mean has a closed form, *Tweedie's formula*.

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
    picture="repaired",
    sources=[
        "weng2018vae",
        "vincent2008denoising",
        "vincent2010stacked",
        "hinton2012improving",
        "alain2014regularized",
    ],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist, toy
from minigen.optim import cosine
from minigen.tensor import grad
from minigen.train import descend
from minigen.vae.autoencoder import Autoencoder, corrupt, denoising_loss, reconstruction_loss

# %% [markdown]
# ## 1. The best repair of a corrupted example
# People recognize an object that is partially occluded. Can an autoencoder? Here are digits, and
# the same digits with half of their pixels set to 0:

# %%
data = mnist.load()
n_test = lesson.size(5_000, quick=100)
test = mnist.unit(data.test_images[:n_test], flat=True)  # (N, 784), in [0, 1]
half_erased = corrupt(test[:10], lesson.rng("half erased"), "masking", 0.5)
lesson.figure(
    plot.image_grid(np.concatenate([test[:10], half_erased]), 2, 10, shape=(28, 28)),
    "data",
    "Ten test digits, and the same digits with each pixel erased with probability ½.",
)

# %% [markdown]
# In `vae/02` the code was narrow, so the autoencoder had to choose what to keep. A code of 784
# dimensions could hold all 784 pixels, and an autoencoder that copies its input would have loss 0.
# Vincent et al. (2008) did not make the code narrower but the task harder. They corrupt the input
# at random, $\tilde{\mathbf{x}} \sim \mathcal{M}_\mathcal{D}(\tilde{\mathbf{x}} | \mathbf{x})$, and
# compare the output with the clean example (Eq. vae.02):
#
# $$L_{\mathrm{DAE}}(\theta, \phi) = \frac1n \sum_{i=1}^n
# \big\| \mathbf{x}^{(i)} - f_\theta(g_\phi(\tilde{\mathbf{x}}^{(i)})) \big\|^2 , \qquad
# \tilde{\mathbf{x}}^{(i)} \sim
# \mathcal{M}_\mathcal{D}(\tilde{\mathbf{x}}^{(i)} | \mathbf{x}^{(i)}) .$$
#
# What is the best output? Take a data set of two numbers, $-1$ and $1$. The corruption adds $-1$ or
# $1$ with probability ½ each. So the inputs are $-2$, $0$, $0$ and $2$, equally often.

# %%
lesson.predict(
    "Which outputs for the inputs -2, 0 and 2 have the smallest loss, and how large is it?",
    ["-1, 0, 1, loss 0", "-1, 0, 1, loss ½", "-1, 1, 1, loss ½", "-2, 0, 2, loss 1"],
)

# %%
lesson.exercise("vae/03/denoising_loss")

# %%
clean = np.array([[-1.0], [-1.0], [1.0], [1.0]])
seen = clean + np.array([[-1.0], [1.0], [-1.0], [1.0]])
outputs = {s: clean[seen == s].mean() for s in np.unique(seen)}  # the mean of the clean numbers
lesson.table(outputs.items(), ["input", "mean of the clean numbers"])


# %%
def repair(seen):
    return np.array([[outputs[s]] for s in seen[:, 0]])


def copy(seen):
    return seen


losses = denoising_loss(repair, clean, seen), denoising_loss(copy, clean, seen)
print(f"  loss of these outputs {losses[0]:g}, of copying the input {losses[1]:g}")

# %%
lesson.outcome(
    "The input 0 comes from -1 or from 1, equally often. The squared error is smallest at their"
    " mean, and no function of the input has a loss below ½.",
    answer="-1, 0, 1, loss ½",
)
lesson.check("best outputs for -2, 0, 2", list(outputs.values()), equals=[-1.0, 0.0, 1.0])
lesson.check("their loss", losses[0], equals=0.5)
lesson.check("the loss of copying the input", losses[1], equals=1.0)

# %% [markdown]
# <details><summary>Derivation: the best repair is the conditional mean</summary>
#
# Fix an input $\tilde{\mathbf{x}}$ and let $\mathbf{r}$ be the output for it. Let
# $\mathbf{m} = \mathbb{E}[\mathbf{x} | \tilde{\mathbf{x}}]$. Then
#
# $$\mathbb{E}\big[\|\mathbf{x} - \mathbf{r}\|^2 \,\big|\, \tilde{\mathbf{x}}\big]
# = \mathbb{E}\big[\|\mathbf{x} - \mathbf{m}\|^2 \,\big|\, \tilde{\mathbf{x}}\big]
# + \|\mathbf{m} - \mathbf{r}\|^2 ,$$
#
# because the mixed term $2\, \mathbb{E}[\mathbf{x} - \mathbf{m} | \tilde{\mathbf{x}}] \cdot
# (\mathbf{m} - \mathbf{r})$ is 0. The first term does not depend on $\mathbf{r}$. So the minimum is
# at $\mathbf{r} = \mathbf{m}$, and it is the conditional variance of $\mathbf{x}$.
#
# </details>

# %%
lesson.change(
    "noise of one half",
    "Change the noise to `np.array([[-0.5], [0.5], [-0.5], [0.5]])` and run again. Why is the "
    "loss of the best outputs 0 now?",
    answer="The loss is 0 because -1.5 and -0.5 can only come from -1, and 0.5 and 1.5 only from "
    "1: the input determines the clean example. The check of the best outputs was made for three "
    "numbers and no longer holds.",
)

# %% [markdown]
# ## 2. Three kinds of corruption
# The corruption $\mathcal{M}_\mathcal{D}$ can be any distribution. Three are common: *masking*
# erases pixels, *Gaussian noise* is added to them, and *salt-and-pepper noise* sets some of them to
# black or white.

# %%
lesson.exercise("vae/03/corrupt")

# %%
lesson.show_source(corrupt, denoising_loss)
cfg = lesson.configure(
    levels={"masking": 0.5, "gaussian": 0.5, "salt_pepper": 0.3}, width=784, lr=2e-3, batch=100
)

# %%
corrupted = {}
for kind, level in cfg.levels.items():
    corrupted[kind] = corrupt(test, lesson.rng(f"spoil {kind}"), kind, level)
strips = np.concatenate([test[:10], *(x[:10] for x in corrupted.values())])
names = ["clean", *cfg.levels]
ax = plot.image_grid(strips, 4, 10, shape=(28, 28), limits=(0, 1), row_labels=names)
lesson.figure(
    ax,
    "corruptions",
    "Pixels erased with probability ½; Gaussian noise of standard deviation ½; three pixels in ten"
    " set to black or white.",
)

# %%
before = {kind: reconstruction_loss(test, x) for kind, x in corrupted.items()}
lesson.table(before.items(), ["corruption", "squared error, per image"])

# %%
lesson.change(
    "nine pixels in ten",
    'Change `levels={"masking": 0.5` to `levels={"masking": 0.9` and run again. Can you still '
    "read the digits? What happens to the squared error?",
    answer="Hardly any of them: about ten pixels of ink are left of a hundred. The squared error "
    "becomes 9/5 of what it was, about 73 instead of 41 on the test digits, since each pixel is "
    "erased with probability 0.9 instead of 0.5.",
)

# %% [markdown]
# ## 3. Plain and denoising autoencoders
# We train four autoencoders, each with one hidden layer of 784 units. The first receives clean
# digits: it is a plain autoencoder. The others receive digits with one kind of corruption each,
# drawn anew at every step. The target is the clean digit for all four.

# %%
lesson.predict(
    "Which autoencoder has the smallest error when half of the pixels are erased?",
    [
        "the plain one, which has the smallest error on clean digits",
        "the one trained on erased pixels",
        "the one trained on Gaussian noise, whose inputs have the largest squared error",
        "the one trained on salt-and-pepper noise",
    ],
)


# %%
def corruption(kind):
    def corrupted_pair(x, rng):
        return x, corrupt(x, rng, kind, cfg.levels[kind])

    return corrupted_pair


def no_corruption(x, rng):
    return x, x


# %%
def learn(model, lr, steps, label, pair, images=data.train_images):
    rng = lesson.rng(label)
    batches = mnist.batches(images, size=cfg.batch, rng=rng)

    def draw(rng):
        x = mnist.unit(next(batches)[0], flat=True)  # (batch, 784)
        return pair(x, rng)

    step = descend(denoising_loss, model, draw, lr=cosine(lr, steps), rng=rng)
    lesson.fit(step, steps, label=label, state={**step.state, "batches": batches})
    return model


# %%
def wide():
    return Autoencoder(
        lesson.rng("init"),
        dim_z=cfg.width,
        widths=(),
        code_activation="relu",
        out_activation="sigmoid",
    )


steps = lesson.steps(600, quick=4)
models = {"clean": learn(wide(), cfg.lr, steps, "plain", no_corruption)}
for kind in cfg.levels:
    models[kind] = learn(wide(), cfg.lr, steps, f"denoising, {kind}", corruption(kind))

# %% [markdown]
# Each autoencoder is applied to each kind of input, clean digits included.

# %%
inputs = {"clean": test, **corrupted}
error = {}
for name, model in models.items():
    for kind, x in inputs.items():
        error[name, kind] = reconstruction_loss(test, model(x))
rows = [[f"trained on {name}", *(error[name, kind] for kind in inputs)] for name in models]
lesson.table(
    [["the input itself", 0.0, *before.values()], *rows],
    ["squared error, per test image", *(f"input: {kind}" for kind in inputs)],
)

# %%
with_erased = {name: error[name, "masking"] for name in models}
best = min(with_erased, key=with_erased.get)
choices = dict(zip(models, lesson.predictions[-1].choices))
lesson.outcome(
    "Errors with erased pixels: "
    + ", ".join(f"trained on {name} {e:.1f}" for name, e in with_erased.items())
    + f"; the input itself {before['masking']:.1f}.",
    answer=choices[best],
)

# %%
worst = {"masking": 0.55, "gaussian": 0.76, "salt_pepper": 0.50}
for kind in cfg.levels:
    lesson.claim(
        f"{kind}: error over the plain autoencoder's",
        error[kind, kind] / error["clean", kind],
        at_most=0.85,
        source=f"worst of seeds 0, 1, 2: {worst[kind]:.2f}",
    )
best_of_others = min(error[kind, "clean"] for kind in cfg.levels)
lesson.claim(
    "clean digits: smallest error of a denoising autoencoder, minus the plain one's",
    best_of_others - error["clean", "clean"],
    at_least=3,
    source="worst of seeds 0, 1, 2: 6.3",
)

# %% [markdown]
# Here is one digit with erased pixels, and the output of the autoencoder that was trained on them:

# %%
model = models["masking"]
clean_digit = test[3].reshape(28, 28)
seen_digit = corrupted["masking"][3].reshape(28, 28)
repaired = model(corrupted["masking"][3:4]).reshape(28, 28)
boxes = {
    "x": plot.node("clean $x$", "data", (0, 0.5), image=clean_digit),
    "m": plot.node("corruption\n$M(\\tilde{x}|x)$", "random", (1, 0.5)),
    "s": plot.node("corrupted $\\tilde{x}$", "plain", (2, 0.5), image=seen_digit),
    "g": plot.node(model.encoder, at=(3, 0.5), name="encoder g"),
    "f": plot.node(model.decoder, at=(4, 0.5), name="decoder f"),
    "y": plot.node("output", "fake", (5, 0.5), image=repaired),
    "loss": plot.node("$|x - f(g(\\tilde{x}))|^2$", "loss", (6, 0.5)),
}

# %%
target = plot.edge("x", "loss", "the target is clean", dashed=True, route="over")
ax = plot.schematic(
    boxes,
    ["x -> m -> s -> g -> f -> y -> loss", target],
    title="the trained denoising autoencoder, applied to a test digit",
)
lesson.figure(
    ax, "f02_denoising", "The corruption affects the input only. The loss uses the clean digit."
)

# %%
strips = [test[:10]]
names = ["clean"]
for kind, x in corrupted.items():
    strips += [x[:10], models["clean"](x[:10]), models[kind](x[:10])]
    names += [kind, f"{kind}: plain", f"{kind}: denoising"]
pictures = np.concatenate(strips)

# %%
ax = plot.image_grid(pictures, 10, 10, shape=(28, 28), limits=(0, 1), row_labels=names)
lesson.figure(
    ax,
    "repaired",
    "Three rows for each corruption: the corrupted digits, the outputs of the plain autoencoder,"
    " and those of the autoencoder trained on this corruption.",
)

# %% [markdown]
# To fill in an erased pixel, the network must use how strokes continue. To remove noise, it must
# use where strokes never are. In the post's words, the autoencoder has to "discover and capture
# relationship between dimensions of input".
#
# ## 4. Prior knowledge: erase a block
# A real occlusion hides a whole region, not single pixels. The post notes: "Naturally the
# corruption process can be equipped with prior knowledge". So we erase a block of 14 × 14 pixels, a
# quarter of the image, at a random position.


# %%
def erase_block(x, rng, size=14):
    top, left = rng.integers(0, 29 - size, (2, len(x), 1))
    index = np.arange(28)
    in_rows = (index >= top) & (index < top + size)  # (N, 28)
    in_columns = (index >= left) & (index < left + size)
    inside = in_rows[:, :, None] & in_columns[:, None, :]  # (N, 28, 28)
    return np.where(inside.reshape(len(x), -1), x.dtype.type(0), x)


ones = erase_block(np.ones((100, 784)), lesson.rng("blocks of ones"))
lesson.check("pixels erased in each image", (ones == 0).sum(axis=1), equals=196)

# %%
lesson.predict(
    "An autoencoder was trained on single erased pixels. It receives digits with an erased block. "
    "What is its error, compared with that of an autoencoder trained on erased blocks?",
    ["the same within 10 %", "larger by more than 10 %", "smaller by more than 10 %"],
)


# %%
def block_erased(x, rng):
    return x, erase_block(x, rng)


block_model = learn(wide(), cfg.lr, lesson.steps(600, quick=4), "denoising, blocks", block_erased)
with_block = erase_block(test, lesson.rng("blocks"))

# %%
by_pixels, by_blocks = models["masking"], block_model
seen = {"half of the pixels": corrupted["masking"], "a block": with_block}
rows = [["the input itself", *(reconstruction_loss(test, x) for x in seen.values())]]
for name, model in (("single pixels", by_pixels), ("blocks", by_blocks)):
    rows.append(
        [f"trained on {name}", *(reconstruction_loss(test, model(x)) for x in seen.values())]
    )
lesson.table(rows, ["squared error, per test image", *(f"erased: {name}" for name in seen)])

# %%
the_same, larger, smaller = lesson.predictions[-1].choices
times = rows[1][2] / rows[2][2]
lesson.outcome(
    f"It is {times:.2f} times as large.",
    answer=larger if times > 1.1 else smaller if times < 0.9 else the_same,
)
lesson.claim(
    "erased block: error after training on single pixels over that after training on blocks",
    times,
    at_least=1.3,
    source="worst of seeds 0 and 1: 1.54",
)

# %%
pictures = np.concatenate(
    [test[:10], with_block[:10], *(m(with_block[:10]) for m in (by_pixels, by_blocks))]
)
names = ["clean", "block erased", "by pixels", "by blocks"]
ax = plot.image_grid(pictures, 4, 10, shape=(28, 28), limits=(0, 1), row_labels=names)
lesson.figure(
    ax,
    "blocks",
    "Digits with an erased block, and the outputs of the autoencoders trained on single erased"
    " pixels and on erased blocks.",
)

# %% [markdown]
# An erased single pixel can be filled in from its neighbors, and inside a block all neighbors are
# erased too. The corruption should resemble what is expected in use.
#
# ## 5. Overfitting to a hundred digits
# The post introduces the method against "the risk of "overfitting" when there are more network
# parameters than the number of data points". Our autoencoder has 1.2 million parameters and
# 60,000 training digits. But 600 steps of 100 digits use each digit once, and in one pass the
# training examples are as new as the test examples. So we take 100 digits and repeat them.

# %%
lesson.predict(
    "Two autoencoders train on 100 digits: one plain, one with half of the pixels erased. For "
    "which of them is the error on test digits at least 1.5 times that on the 100 digits?",
    ["for both", "for the plain one only", "for the denoising one only", "for neither"],
)

# %%
few = data.train_images[:100]
few_clean = mnist.unit(few, flat=True)
few_erased = corrupt(few_clean, lesson.rng("few erased"), "masking", 0.5)
steps = lesson.steps(400, quick=4)
on_few = {
    "plain": learn(wide(), cfg.lr, steps, "100 digits, plain", no_corruption, few),
    "denoising": learn(wide(), cfg.lr, steps, "100 digits, masking", corruption("masking"), few),
}

# %%
many_clean = mnist.unit(data.train_images[:n_test], flat=True)
many_erased = corrupt(many_clean, lesson.rng("many erased"), "masking", 0.5)
cases = [
    ["plain, 60,000 digits", models["clean"], many_clean, many_clean, test],
    ["plain, 100 digits", on_few["plain"], few_clean, few_clean, test],
    ["denoising, 60,000 digits", models["masking"], many_clean, many_erased, corrupted["masking"]],
    ["denoising, 100 digits", on_few["denoising"], few_clean, few_erased, corrupted["masking"]],
]

# %%
rows = []
for name, model, x, seen_x, seen_test in cases:
    on_training = reconstruction_loss(x, model(seen_x))
    on_test = reconstruction_loss(test, model(seen_test))
    rows.append([name, on_training, on_test, on_test / on_training])
header = ["squared error, per image", "training digits", "test digits", "ratio"]
lesson.table(rows, header)

# %%
both, plain_only, denoising_only, neither = lesson.predictions[-1].choices
plain_overfits, denoising_overfits = rows[1][3] >= 1.5, rows[3][3] >= 1.5
one = plain_only if plain_overfits else denoising_only if denoising_overfits else neither
lesson.outcome(
    f"The ratio is {rows[1][3]:.2f} for the plain and {rows[3][3]:.2f} for the denoising"
    " autoencoder.",
    answer=both if plain_overfits and denoising_overfits else one,
)

# %%
lesson.claim(
    "plain, 100 digits: test error over training error",
    rows[1][3],
    at_least=2,
    source="worst of seeds 0 and 1: 2.79",
)
lesson.claim(
    "denoising, 100 digits: test error over training error",
    rows[3][3],
    at_least=1.8,
    source="worst of seeds 0 and 1: 2.43",
)

# %% [markdown]
# With 100 digits both autoencoders overfit. The corruption excludes copying, but not memorizing:
# the best repair is a mean over the *training* examples that could have become the input, and for
# 100 digits that is one of these digits. More data prevents this, as the other two rows show.
#
# ## 6. The filters
# The next two autoencoders have 144 sigmoid units, and the decoder uses the encoder's weights. The
# weights of a unit, drawn as an image, are its *filter*. The unit is active where the input
# resembles the filter, and it adds the filter to the output. One autoencoder is trained on clean
# digits, the other on digits with half of the pixels erased.
#
# How smooth is a filter? Let its *roughness* be the sum of the squared differences between
# neighboring pixels, divided by the sum of the squared weights.

# %%
lesson.predict(
    "Which filters have the smaller roughness?",
    ["those trained on clean digits", "those trained on erased pixels", "equal within 5 %"],
)


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


steps = lesson.steps(1500, quick=4)
pair = {
    "clean digits": learn(small(), 3e-3, steps, "filters, clean", no_corruption),
    "erased pixels": learn(small(), 3e-3, steps, "filters, masking", corruption("masking")),
}


# %%
def filters(model):
    w = model.encoder.w.T.reshape(-1, 28, 28)
    return w - w.mean(axis=(1, 2), keepdims=True)


def roughness(w):
    down = (np.diff(w, axis=1) ** 2).sum()
    across = (np.diff(w, axis=2) ** 2).sum()
    return float(down + across) / float((w**2).sum())


rough = {name: roughness(filters(model)) for name, model in pair.items()}

# %%
for_clean, for_erased, no_difference = lesson.predictions[-1].choices
smoother = rough["erased pixels"] / rough["clean digits"]
answer = for_erased if smoother < 0.95 else no_difference
lesson.outcome(
    f"Roughness {rough['clean digits']:.2f} for clean digits, {rough['erased pixels']:.2f} for"
    " erased pixels.",
    answer=for_clean if smoother > 1.05 else answer,
)

# %%
fig, axes = plot.figure(1, 2, size=(4.6, 4.7))
for ax, (name, model) in zip(axes, pair.items()):
    plot.image_grid(filters(model)[:64], 8, 8, ax, limits="signed", title=f"trained on {name}")
lesson.figure(
    fig,
    "filters",
    "64 of the 144 filters of each autoencoder. Roughness:"
    f" {rough['clean digits']:.2f} on the left, {rough['erased pixels']:.2f} on the right.",
)

# %%
lesson.table(
    rough.items(),
    ["filters trained on", "squared differences of neighbors, over squared weights"],
)
lesson.claim(
    "roughness of the filters: erased pixels over clean digits",
    smoother,
    at_most=0.95,
    source="worst of seeds 0, 1, 2: 0.90",
)

# %% [markdown]
# An erased pixel can only be inferred from other pixels. The post expects that the model depends
# "on evidence gathered from a combination of many input dimensions", which images have because
# neighboring pixels are redundant. A filter that covers one spot receives nothing if the spot is
# erased; a filter along a stroke still receives the rest of it.
#
# ## 7. The direction of the repair
# How does a repair $r(\tilde{\mathbf{x}})$ change its input? We look at points of the plane. The
# data density $p$ is a mixture of five Gaussians on a ring, and the corruption adds Gaussian noise
# with standard deviation $\sigma = 0.3$. The *residual* is $r(\tilde{\mathbf{x}}) -
# \tilde{\mathbf{x}}$.
#
# The *score* of a density is the gradient of its logarithm, $\nabla \log p(\mathbf{x})$. The
# autoencoder is trained on pairs of points and never receives a density or its gradient. We compute
# the cosine of the angle between residual and score at each of 5,000 points and average it. The
# mean is 1 if both have the same direction everywhere, and 0 for unrelated directions.

# %%
lesson.predict(
    "How large is the mean cosine between the residual and the score of the data density?",
    ["above 0.9", "between 0.25 and 0.9", "below 0.25: it was trained without a density"],
)

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


# %%
def points_and_noise(rng):
    x = ring.sample(rng, 512)
    return x, corrupt(x, rng, "gaussian", sigma)


steps = lesson.steps(2500, quick=10)
rng = lesson.rng("points, noise")
step = descend(denoising_loss, point, points_and_noise, lr=cosine(3e-3, steps), rng=rng)
lesson.fit(step, steps, label="points in the plane", state=step.state)

# %% [markdown]
# The corrupted points have a density of their own, $p_\sigma$. Adding noise to a Gaussian of
# variance $s^2$ gives a Gaussian of variance $s^2 + \sigma^2$, so $p_\sigma$ is a mixture of five
# wider Gaussians.


# %%
def residual(x):
    return point(np.float32(x)) - x


def agreement(x, score):
    a = residual(x)
    b = score(x)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(np.mean(np.sum(a * b, axis=1) / lengths))


# %%
x = ring.sample(lesson.rng("judge"), lesson.size(5000))
wider = toy.ring(5, 2.0, float(np.hypot(0.5, sigma)))
lesson.table(
    [
        ["the data density", agreement(x, ring.score)],
        ["the density of corrupted points", agreement(x, wider.score)],
    ],
    ["mean cosine of the residual with the score of", "at 5,000 points"],
)

# %%
cosine_with_score = agreement(x, ring.score)
above, between, below = lesson.predictions[-1].choices
lesson.outcome(
    f"{cosine_with_score:.3f}, and {agreement(x, wider.score):.3f} with the score of the corrupted"
    " points.",
    answer=above if cosine_with_score > 0.9 else between if cosine_with_score > 0.25 else below,
)

# %% [markdown]
# For Gaussian noise the best repair has a closed form, *Tweedie's formula*:
#
# $$r(\tilde{\mathbf{x}}) = \mathbb{E}[\mathbf{x} | \tilde{\mathbf{x}}]
# = \tilde{\mathbf{x}} + \sigma^2\, \nabla \log p_\sigma(\tilde{\mathbf{x}}) .$$
#
# So the residual is $\sigma^2$ times the score of $p_\sigma$. For small $\sigma$, $p_\sigma$ is
# close to $p$, and the residual estimates the score of the data (Alain and Bengio 2014).

# %% [markdown]
# <details><summary>Derivation: Tweedie's formula</summary>
#
# The density of the corrupted points is
# $p_\sigma(\tilde{\mathbf{x}}) = \int p(\mathbf{x})\,
# \mathcal{N}(\tilde{\mathbf{x}}; \mathbf{x}, \sigma^2 I)\, d\mathbf{x}$. The gradient of a normal
# density by $\tilde{\mathbf{x}}$ is the density times
# $(\mathbf{x} - \tilde{\mathbf{x}}) / \sigma^2$. Differentiate under the integral:
#
# $$\sigma^2\, \nabla p_\sigma(\tilde{\mathbf{x}}) = \int (\mathbf{x} - \tilde{\mathbf{x}})\,
# p(\mathbf{x})\, \mathcal{N}(\tilde{\mathbf{x}}; \mathbf{x}, \sigma^2 I)\, d\mathbf{x} .$$
#
# Divide by $p_\sigma(\tilde{\mathbf{x}})$. By Bayes' rule, $p(\mathbf{x})\,
# \mathcal{N}(\tilde{\mathbf{x}}; \mathbf{x}, \sigma^2 I) / p_\sigma(\tilde{\mathbf{x}})
# = p(\mathbf{x} | \tilde{\mathbf{x}})$, so
#
# $$\sigma^2\, \nabla \log p_\sigma(\tilde{\mathbf{x}})
# = \mathbb{E}[\mathbf{x} | \tilde{\mathbf{x}}] - \tilde{\mathbf{x}} .$$
#
# The conditional mean is the best repair (section 1).
#
# </details>

# %% [markdown]
# Check the formula on the two numbers of section 1, now with Gaussian noise. By Bayes' rule, the
# probability that $\tilde x$ comes from $1$ is $1 / (1 + e^{-2 \tilde x / \sigma^2})$. So the
# conditional mean is $\tanh(\tilde x / \sigma^2)$.


# %%
def log_p_sigma(s, sigma=0.7):
    return np.log(
        np.exp(-((s - 1) ** 2) / (2 * sigma**2)) + np.exp(-((s + 1) ** 2) / (2 * sigma**2))
    )


inputs = np.array([-2.0, -0.3, 0.0, 0.5, 1.5])
score = np.array([grad(log_p_sigma)(s) for s in inputs])
lesson.check(
    "tanh(x/σ²) minus x + σ² score", np.tanh(inputs / 0.49) - inputs - 0.49 * score, equals=0.0
)

# %% [markdown]
# For $x \sim \mathcal{N}(0, s^2)$ you can compute both sides by hand. The conditional mean is
# $\tilde x\, s^2/(s^2 + \sigma^2)$, and the score of $p_\sigma$ is $-\tilde x / (s^2 + \sigma^2)$.

# %%
s = 2.0
sigma = 1.0
at = np.array([-3.0, 0.5, 2.0])
mean = s**2 / (s**2 + sigma**2) * at  # E[x | x~]
score = -at / (s**2 + sigma**2)  # of N(0, s² + σ²)
lesson.check("residual at -3, 0.5, 2", mean - at, equals=[0.6, -0.1, -0.4])
lesson.check("σ² times the score of N(0, s² + σ²)", sigma**2 * score, equals=mean - at)

# %%
lesson.change(
    "noise as wide as the data",
    "Change `sigma = 1.0` to `sigma = 2.0` and run again. How far is a point moved, and does "
    "Tweedie's formula still hold?",
    answer="Halfway to the mean: the residuals are 1.5, -0.25 and -1. The formula holds, since "
    "it is exact for every $\\sigma$. But its score is that of the corrupted points, which is half "
    "as steep here as the score of the data. The check of the residual was made for $\\sigma = 1$.",
)

# %%
exact = wider.score(x)
slope = float(np.sum(residual(x) * exact) / np.sum(exact**2))
lesson.claim(
    "cosine of the residual with the score of the data",
    cosine_with_score,
    at_least=0.98,
    source="Alain and Bengio 2014, Theorem 1; worst of seeds 0, 1, 2: 0.9957",
)
lesson.claim(
    "residual over the score of the corrupted points, over σ²",
    slope / 0.3**2,
    between=(0.95, 1.05),
    source="Tweedie's formula: 1; worst of seeds 0, 1, 2: 0.991",
)

# %% [markdown]
# What happens if a point is repaired, and the result is repaired again, thirty times?

# %%
start = lesson.rng("walk").uniform(-3.5, 3.5, (40, 2)).astype(np.float32)
path = [start]
for _ in range(30):
    path.append(point(path[-1]))
to_modes = np.linalg.norm(path[-1][:, None] - ring.means, axis=2).min(axis=1)
arrived = int((to_modes < 0.5).sum())

# %%
fig, axes = plot.figure(1, 3, size=(3.5, 3.6))
box = (-3.6, 3.6, -3.6, 3.6)
arrows = dict(density=ring, lengths="sqrt", n=18)
plot.field(residual, box, axes[0], title="residual r(x) - x", **arrows)
plot.field(ring.score, box, axes[1], title="score of the data", **arrows)
plot.trajectories(np.stack(path), axes[2], density=ring, bounds=box, title="30 repairs in a row")
lesson.figure(
    fig,
    "score",
    "Left and middle: the residual and the score of the data. Both are 0 at the modes and at the"
    " points midway between two modes. Right: 40 points, each repaired 30 times;"
    f" {arrived} of them end within 0.5 of a mode.",
)

# %% [markdown]
# The repair moves a point toward higher density, so repeated repairs move almost every point to a
# mode. Diffusion models (`diffusion/04`) build on this: they train denoisers at many noise levels,
# and alternate small repairs with added noise.
#
# ## 8. The corrupted digit as target
# What if the loss compares the output with the *corrupted* digit instead of the clean one?

# %%
lesson.predict(
    "How large is the squared distance from its output to the clean digit, compared with that of "
    "the denoising autoencoder?",
    [
        "the same within 10 %: the inputs are the same",
        "larger by 10 to 50 %",
        "larger by more than 50 %",
    ],
)


# %%
def both_corrupted(x, rng):
    x = corrupt(x, rng, "masking", cfg.levels["masking"])
    return x, x


steps = lesson.steps(400, quick=4)
corrupted_target = learn(wide(), cfg.lr, steps, "target corrupted too", both_corrupted)

# %%
seen = corrupted["masking"]
right = models["masking"](seen)
wrong = corrupted_target(seen)
rows = [
    ["target clean", reconstruction_loss(test, right), reconstruction_loss(seen, right)],
    ["target corrupted", reconstruction_loss(test, wrong), reconstruction_loss(seen, wrong)],
]
lesson.table(
    rows, ["half of the pixels erased", "distance to the clean digit", "to the corrupted one"]
)

# %%
ratio = rows[1][1] / rows[0][1]
the_same, a_little, much = lesson.predictions[-1].choices
lesson.outcome(
    f"It is {ratio:.2f} times as large.",
    answer=much if ratio > 1.5 else a_little if ratio > 1.1 else the_same,
)
lesson.claim(
    "target corrupted: distance to the clean digit, over that with a clean target",
    ratio,
    at_least=2,
    source="worst of seeds 0, 1, 2: 2.74",
)

# %% [markdown]
# This autoencoder reproduces the corruption, and its own loss is small. The same error happens by
# accident when `corrupt` writes into its argument.
#
# ## 9. Where the post is loose
# The post gives the purpose of the method as "To avoid overfitting and improve the robustness".
# Section 3 shows the robustness. Section 5 does not show the other half: with a hundred digits the
# denoising autoencoder overfits too.
#
# **Here is different:** in the paper's experiment, as the post reports, "a fixed proportion of
# input dimensions are selected at random". Here every pixel is erased independently, so the
# proportion varies a little. Its standard deviation is $\frac12 / \sqrt{784} = 1/56$.

# %%
erased = corrupt(np.ones((1000, 784)), lesson.rng("share"), "masking", 0.5) == 0
shares = erased.mean(axis=1)
lesson.check(
    "share erased: mean and standard deviation",
    [shares.mean(), shares.std()],
    equals=[0.5, 1 / 56],
    atol=0.004,
)

# %% [markdown]
# Masking resembles *dropout* (Hinton et al. 2012), which omits hidden units at random during the
# training of a classifier. Dropout has the same target with and without omitted units, and at test
# time it uses all units with their outgoing weights halved. A denoising autoencoder changes its
# input only.
#
# **Left out:** *stacked* denoising autoencoders, in which each layer is trained to denoise the
# codes of the layer below (Vincent et al. 2010). **Next:** `vae/04` keeps a wide code from copying
# in another way: only few of its units may be active.
#
# **Your turn:** `minigen exercise start vae/03`, then `minigen run vae/03 --with
# exercises/vae_03.py`.

# %%
lesson.finish()
