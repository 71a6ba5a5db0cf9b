# %% [markdown]
# # The denoising autoencoder
#
# An autoencoder with a narrow code must choose what to keep (`vae/02`). But sometimes we want a
# wide code, with a number for every property that could matter. The obvious step is to widen the
# code and train as before. It fails, because a wide network can copy its input, reach loss 0, and
# learn nothing about the data. How can we train a wide autoencoder so that copying does not pay?
#
# The idea is to damage the input and ask for the original. We compute the best repair on paper
# (section 1), damage digits in three ways (2) and repair them (3). Then we make the classical
# mistake (4), hide whole blocks (5), and ask whether damage prevents overfitting (6). Section 7
# shows where a repair moves its input. This lesson follows the section *Denoising Autoencoder* of
# [From Autoencoder to Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/).
#
# Before this lesson: `vae/02`.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/03_denoising_autoencoder",
    title="The denoising autoencoder",
    post="vae",
    sections=["vae.s03"],
    figures=["vae.f02"],
    equations=["vae.02"],
    minutes=1.4,
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
from minigen.train import descend
from minigen.vae.autoencoder import Autoencoder, corrupt, denoising_loss, reconstruction_loss

# %% [markdown]
# ## 1. The best repair of a corrupted example
#
# What should a network output if its input is damaged? Vincent et al. (2008) corrupt the input at
# random, $\tilde{\mathbf{x}} \sim \mathcal{M}_\mathcal{D}(\tilde{\mathbf{x}} | \mathbf{x})$, and
# compare the output with the clean example (Eq. vae.02):
#
# $$L_{\mathrm{DAE}}(\theta, \phi) = \frac1n \sum_{i=1}^n
# \big\| \mathbf{x}^{(i)} - f_\theta(g_\phi(\tilde{\mathbf{x}}^{(i)})) \big\|^2 , \qquad
# \tilde{\mathbf{x}}^{(i)} \sim
# \mathcal{M}_\mathcal{D}(\tilde{\mathbf{x}}^{(i)} | \mathbf{x}^{(i)}) .$$
#
# In words, the corrupted example goes in, and the clean one must come out. A copy of the input no
# longer has loss 0.

# %%
lesson.exercise("vae/03/denoising_loss")

# %% [markdown]
# Let's find the best output on paper. The data are two numbers, $-1$ and $1$. The corruption adds
# $-1$ or $1$, each with probability ½. The inputs are therefore $-2$, $0$, $0$ and $2$, equally
# often.

# %%
lesson.predict(
    "Which outputs for the inputs -2, 0 and 2 have the smallest loss, and how large is it?",
    ["-1, 0, 1, loss 0", "-1, 0, 1, loss ½", "-1, 1, 1, loss ½", "-2, 0, 2, loss 1"],
)

# %%
clean = np.array([[-1.0], [-1.0], [1.0], [1.0]])
seen = clean + np.array([[-1.0], [1.0], [-1.0], [1.0]])
outputs = {s: clean[seen == s].mean() for s in np.unique(seen)}  # the mean of the clean numbers


def repair(seen):
    return np.array([[outputs[s]] for s in seen[:, 0]])


def copy(seen):
    return seen


losses = denoising_loss(repair, clean, seen), denoising_loss(copy, clean, seen)

# %%
lesson.table(outputs.items(), ["input", "mean of the clean numbers"])
lesson.outcome(
    "The input 0 comes from -1 or from 1, equally often. The squared error is smallest at their "
    "mean, and the loss is ½ because half of the inputs are 0 and cost 1 each.",
    answer="-1, 0, 1, loss ½",
)
lesson.check("best outputs for -2, 0, 2", list(outputs.values()), equals=[-1.0, 0.0, 1.0])
lesson.check("their loss", losses[0], equals=0.5)
lesson.check("the loss of copying the input", losses[1], equals=1.0)

# %% [markdown]
# In general the best repair is the *conditional mean* $\mathbb{E}[\mathbf{x} |
# \tilde{\mathbf{x}}]$, the average of all clean examples that could have become the input, each
# weighted by its probability given that input.

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
    "1. The input determines the clean example. The three checks were made for the larger noise "
    "and no longer hold.",
)

# %% [markdown]
# So a good repair needs knowledge of the data, which a copier lacks. But note what we asked for.
# The best output for 0 is 0, which is not one of the clean numbers. Where an input leaves several
# answers open, the squared error asks for their average, and an average of several digits looks
# blurred.
#
# ## 2. Three kinds of corruption
#
# How should we damage a digit? The post leaves $\mathcal{M}_\mathcal{D}$ open, since "it is not
# specific to a particular type of corruption process", and names three. *Masking* erases pixels,
# *Gaussian noise* is added to them, and *salt-and-pepper noise* sets some of them to black or
# white.

# %%
lesson.exercise("vae/03/corrupt")

# %%
lesson.show_source(corrupt, denoising_loss)
cfg = lesson.configure(
    levels={"masking": 0.5, "gaussian": 0.5, "salt_pepper": 0.3}, width=784, lr=3e-3, batch=50
)

# %%
erased = corrupt(np.ones((1000, 784)), lesson.rng("share"), "masking", 0.5) == 0
fractions = erased.mean(axis=1)
lesson.check(
    "fraction erased: mean and standard deviation",
    [fractions.mean(), fractions.std()],
    equals=[0.5, 1 / 56],
    atol=0.004,
)

# %%
data = mnist.load()
n_test = lesson.size(5_000, quick=100)
test = mnist.unit(data.test_images[:n_test], flat=True)  # (N, 784), in [0, 1]
corrupted = {}
for kind, level in cfg.levels.items():
    corrupted[kind] = corrupt(test, lesson.rng(f"spoil {kind}"), kind, level)
before = {kind: reconstruction_loss(test, x) for kind, x in corrupted.items()}

# %%
ax = plot.image_grid(
    np.concatenate([test[:10], *(x[:10] for x in corrupted.values())]),
    4,
    10,
    shape=(28, 28),
    limits=(0, 1),
    row_labels=["clean", *cfg.levels],
)
lesson.figure(
    ax,
    "corruptions",
    "Ten test digits, and three corrupted copies of each. In the second row half of the pixels are "
    "erased, in the third there is Gaussian noise of standard deviation ½, and in the last three "
    "pixels in ten are set to black or white. Try to read the third row without the first.",
)
lesson.table(before.items(), ["corruption", "squared error, per image"])

# %%
lesson.change(
    "nine pixels in ten",
    'Change `levels={"masking": 0.5` to `levels={"masking": 0.9` and run again. Can you still '
    "read the digits? What happens to the squared error?",
    answer="Hardly any of them can be read, because only one inked pixel in ten is left. The "
    "squared error becomes 9/5 of what it was, about 73 instead of 41 on the test digits, since "
    "each pixel is erased with probability 0.9 instead of 0.5.",
)

# %% [markdown]
# Gaussian noise adds about $784 \cdot (\frac12)^2 = 196$, the largest squared error of the three.
# Yet most of these digits can be read. This is how the post motivates the method: "humans can
# easily recognize an object or a scene even the view is partially occluded or corrupted". Can a
# network do the same?
#
# ## 3. Plain and denoising autoencoders
#
# Let's train four autoencoders. Each has one hidden layer of 784 units, as many as there are
# pixels, so that the width does not prevent copying. The plain one receives clean digits. Each of
# the others receives one kind of corrupted digits, corrupted again at every step. The target is the
# clean digit for all four.


# %%
def corruption(kind):
    def corrupted_pair(x, rng):
        return x, corrupt(x, rng, kind, cfg.levels[kind])

    return corrupted_pair


def no_corruption(x, rng):
    return x, x


# %%
def wide():
    """784 pixels - 784 ReLU units - 784 outputs between 0 and 1."""
    return Autoencoder(
        lesson.rng("init"),
        dim_z=cfg.width,
        widths=(),
        code_activation="relu",
        out_activation="sigmoid",
    )


# %%
def learn(model, lr, steps, label, pair, images=data.train_images):
    rng = lesson.rng(label)
    batches = mnist.batches(images, size=cfg.batch, rng=rng)

    def draw(rng):
        x = mnist.unit(next(batches)[0], flat=True)  # (batch, 784)
        return pair(x, rng)  # the target, the input

    step = descend(denoising_loss, model, draw, lr=cosine(lr, steps), rng=rng)
    lesson.fit(step, steps, label=label, state={**step.state, "batches": batches})
    return model


# %%
steps = lesson.steps(1200, quick=4)
models = {"clean": learn(wide(), cfg.lr, steps, "plain", no_corruption)}
for kind in cfg.levels:
    models[kind] = learn(wide(), cfg.lr, steps, f"denoising, {kind}", corruption(kind))

# %% [markdown]
# We apply each autoencoder to each kind of input. But a small error proves little as long as we do
# not know what an easier method reaches. So the table begins with three rivals that need no
# network. The first leaves the input unchanged, the second outputs the mean digit, and the third is
# an *affine* map, a matrix and a constant, fitted to 20,000 corrupted training digits by least
# squares. Its outputs are clipped to $[0, 1]$, the interval that the sigmoid of the networks cannot
# leave.


# %%
def affine_repair(pair, label, n=20_000):
    """mean + (x - mean) W, of least squared error on corrupted training digits, then clipped."""
    x = mnist.unit(data.train_images[: lesson.size(n, quick=1_000)], flat=True)
    x, seen = pair(x, lesson.rng(f"affine {label}"))
    mean, mean_seen = x.mean(axis=0), seen.mean(axis=0)
    covariance = (seen - mean_seen).T @ (seen - mean_seen) / len(x) + 1e-3 * np.eye(784)
    W = np.linalg.solve(covariance, (seen - mean_seen).T @ (x - mean) / len(x))
    return lambda seen: np.clip(mean + (seen - mean_seen) @ W, 0, 1)


pairs = {"clean": no_corruption, **{kind: corruption(kind) for kind in cfg.levels}}
mean_digit = mnist.unit(data.train_images[:10_000], flat=True).mean(axis=0)
inputs = {"clean": test, **corrupted}
by_mean = reconstruction_loss(test, np.broadcast_to(mean_digit, test.shape))

# %%
affine = {
    kind: reconstruction_loss(test, affine_repair(pairs[kind], kind)(x))
    for kind, x in inputs.items()
}
error = {
    (name, kind): reconstruction_loss(test, model(x))
    for name, model in models.items()
    for kind, x in inputs.items()
}

# %%
lesson.table(
    [
        ["no repair", 0.0, *before.values()],
        ["the mean digit", *[by_mean] * 4],
        ["affine and clipped, fitted to this input", *affine.values()],
        *([f"trained on {name}", *(error[name, kind] for kind in inputs)] for name in models),
    ],
    ["squared error, per test image", *(f"input: {kind}" for kind in inputs)],
)

# %%
for kind in cfg.levels:
    lesson.claim(
        f"{kind}: error over the plain autoencoder's",
        error[kind, kind] / error["clean", kind],
        at_most=0.85,
        source="worst of seeds 0, 1 and 6173: 0.31, 0.56, 0.49 for the three kinds, plus a half",
    )
    lesson.claim(
        f"{kind}: error over the affine repair's",
        error[kind, kind] / affine[kind],
        at_most=0.95,
        source="worst of seeds 0, 1 and 6173: 0.80, 0.88, 0.80 for the three kinds",
    )

# %%
best_of_others = min(error[kind, "clean"] for kind in cfg.levels)
lesson.claim(
    "clean digits: smallest error of a denoising autoencoder, minus the plain one's",
    best_of_others - error["clean", "clean"],
    between=(2.5, 8),
    source="seeds 0, 1 and 6173: 3.6, 4.2, 4.1, minus three tenths; the mean digit: 43",
)

# %% [markdown]
# Read the columns. On clean digits a copy has error 0, and the affine map is nearly a copy, so this
# column can be won without any knowledge of digits. In each of the other columns the network that
# was trained on this corruption is the best, and in the recorded run its error is 15 to 21 percent
# below that of the affine repair. However, this need not help against another corruption. The
# network for erased pixels, for example, is worse on salt and pepper than the plain one.
#
# Here is one digit with erased pixels, and the network that was trained on such inputs:

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
    ax,
    "f02_denoising",
    "The corruption affects the input only. The dashed arrow carries the clean digit to the loss.",
)

# %%
strips = [test[:10]]
names = ["clean"]
for kind, x in corrupted.items():
    strips += [x[:10], models["clean"](x[:10]), models[kind](x[:10])]
    names += [kind, f"{kind}: plain", f"{kind}: denoising"]

# %%
lesson.figure(
    plot.image_grid(
        np.concatenate(strips), 10, 10, shape=(28, 28), limits=(0, 1), row_labels=names
    ),
    "repaired",
    "Three rows for each corruption: the corrupted digits, the outputs of the plain autoencoder, "
    "and those of the autoencoder trained on this corruption. Compare the second of each three, "
    "which leaves more of the damage, with the third.",
)

# %% [markdown]
# The value of an erased pixel is gone from the input, so a network can only compute it from other
# pixels. In the post's words, the autoencoder "has to discover and capture relationship between
# dimensions of input in order to infer missing pieces".
#
# ## 4. The corrupted digit as target
#
# An easy mistake is to compare the output with the *corrupted* digit. It happens, for example, when
# `corrupt` writes into its argument. Nothing crashes, and the loss falls.

# %%
lesson.predict(
    "The target is the corrupted digit. How large is the squared distance from the output of this "
    "network to the clean digit, compared with that of a network whose target is clean?",
    ["the same within 10 %", "larger by 10 to 50 %", "larger by more than 50 %"],
)


# %%
def both_corrupted(x, rng):
    x = corrupt(x, rng, "masking", cfg.levels["masking"])
    return x, x


steps = lesson.steps(1200, quick=4)
corrupted_target = learn(wide(), cfg.lr, steps, "target corrupted too", both_corrupted)

# %%
seen = corrupted["masking"]
right = models["masking"](seen)
wrong = corrupted_target(seen)
to_mean = np.broadcast_to(mean_digit, seen.shape)
rows = [
    ["no repair", before["masking"], 0.0],
    ["the mean digit", by_mean, reconstruction_loss(seen, to_mean)],
    ["target clean", reconstruction_loss(test, right), reconstruction_loss(seen, right)],
    ["target corrupted", reconstruction_loss(test, wrong), reconstruction_loss(seen, wrong)],
]
lesson.table(
    rows, ["half of the pixels erased", "distance to the clean digit", "to the corrupted one"]
)

# %%
ratio, of_copy = rows[3][1] / rows[2][1], rows[0][1] / rows[2][1]
lesson.outcome(
    f"The distance is {ratio:.2f} times as large. This loss is smallest when the output reproduces "
    f"the corrupted input, and even a perfect copy would be {of_copy:.2f} times as far away.",
    answer=lesson.predictions[-1].choices[2 if ratio > 1.5 else 1 if ratio > 1.1 else 0],
)
lesson.claim(
    "target corrupted: distance to the corrupted digit, over that with a clean target",
    rows[3][2] / rows[2][2],
    at_most=0.8,
    source="seeds 0, 1 and 6173: 0.58, 0.49, 0.55, plus a third; the mean digit: 1.27",
)

# %% [markdown]
# The wrong network is worse than no repair, and even worse than the mean digit of section 3. It
# reproduces the damage, and not even exactly. Its training loss does not show this, because that
# loss never compares an output with a clean digit. So judge a repair by the distance that you care
# about, and not by the loss that it was trained with.
#
# ## 5. Prior knowledge: erase a block
#
# A real occlusion hides a whole region, not single pixels. The post notes: "Naturally the
# corruption process can be equipped with prior knowledge". So let's erase a block of 14 × 14
# pixels, a quarter of the image, at a random position. Can a network that was trained on single
# pixels repair this?


# %%
def erase_block(x, rng, size=14):
    """x with a block of 0 in each image, and where the block is."""
    top, left = rng.integers(0, 29 - size, (2, len(x), 1))
    index = np.arange(28)
    in_rows = (index >= top) & (index < top + size)  # (N, 28)
    in_columns = (index >= left) & (index < left + size)
    inside = (in_rows[:, :, None] & in_columns[:, None, :]).reshape(len(x), -1)  # (N, 784)
    return np.where(inside, x.dtype.type(0), x), inside


def block_erased(x, rng):
    return x, erase_block(x, rng)[0]


# %%
steps = lesson.steps(1200, quick=4)
block_model = learn(wide(), cfg.lr, steps, "denoising, blocks", block_erased)
affine_block = affine_repair(block_erased, "blocks")
with_block, inside = erase_block(test, lesson.rng("blocks"))
lesson.check("pixels erased in each image", inside.sum(axis=1), equals=196)

# %%
filled = {
    "no repair": with_block,
    "the mean digit inside the block": np.where(inside, mean_digit, with_block),
    "affine and clipped, fitted to blocks": affine_block(with_block),
    "trained on single pixels": models["masking"](with_block),
    "trained on blocks": block_model(with_block),
}
parts = {
    name: [
        reconstruction_loss(test, x),
        reconstruction_loss(inside * test, inside * x),
        reconstruction_loss(~inside * test, ~inside * x),
    ]
    for name, x in filled.items()
}

# %%
lesson.table(
    [[name, *row] for name, row in parts.items()],
    ["squared error, per test image", "whole image", "inside the block", "outside"],
)

# %%
lesson.claim(
    "erased block: error after training on single pixels over that after training on blocks",
    parts["trained on single pixels"][0] / parts["trained on blocks"][0],
    at_least=1.3,
    source="seeds 0, 1 and 6173: 1.78, 1.80, 1.78, minus a margin of a quarter",
)
lesson.claim(
    "inside the block: error after training on blocks over that of the mean digit",
    parts["trained on blocks"][1] / parts["the mean digit inside the block"][1],
    at_most=0.85,
    source="seeds 0, 1 and 6173: 0.60, 0.59, 0.60, plus a margin of two fifths",
)

# %%
lesson.claim(
    "inside the block: error after training on blocks over that of the affine repair",
    parts["trained on blocks"][1] / parts["affine and clipped, fitted to blocks"][1],
    at_most=0.95,
    source="seeds 0, 1 and 6173: 0.77, 0.75, 0.76, plus a fifth",
)

# %%
ax = plot.image_grid(
    np.concatenate([test[:10], *(x[:10] for x in filled.values())]),
    6,
    10,
    shape=(28, 28),
    limits=(0, 1),
    row_labels=["clean", "erased", "mean digit", "affine", "from pixels", "from blocks"],
)
lesson.figure(
    ax,
    "blocks",
    "Ten digits, an erased block, and four ways to fill it, with the mean digit, with the affine "
    "map, with the network that was trained on single pixels, and with the one that was trained on "
    "blocks. Compare the last two rows where a stroke enters the block.",
)

# %% [markdown]
# The network that was trained on single pixels cannot. Inside the block its error is, in the
# recorded run, even larger than that of the mean digit, which does not depend on the rest of the
# image. Its training hardly ever contained such an input. A block holds at least 38 inked pixels on
# average, because each adds at most 1 to the error in the first row, and 38 given pixels are all
# erased with probability $2^{-38}$. Training on blocks removes more than two fifths of the error,
# and most of this gain lies inside the block. An affine map that was fitted to blocks gains
# something there as well, but less. So the corruption in training should resemble the one that we
# expect later, whatever is trained.
#
# ## 6. Does it prevent overfitting?
#
# The post introduces the method against "the risk of "overfitting" when there are more network
# parameters than the number of data points". Our networks have 1.2 million parameters and 60,000
# training digits, so the risk should be there. But 1,200 steps with 50 digits use each digit once,
# and in a single pass every training digit is as new as a test digit. Therefore we now take only
# 100 digits and pass over them 400 times.

# %%
lesson.predict(
    "A plain and a denoising autoencoder (half of the pixels erased) are trained on the same 100 "
    "digits. Which one has the smaller error on test digits?",
    [
        "the plain one, on clean and on erased test digits",
        "the denoising one, on clean and on erased test digits",
        "the plain one on clean test digits, the denoising one on erased ones",
        "the denoising one on clean test digits, the plain one on erased ones",
    ],
)

# %%
few = data.train_images[:100]
few_clean = mnist.unit(few, flat=True)
few_erased = corrupt(few_clean, lesson.rng("few erased"), "masking", 0.5)
steps = lesson.steps(800, quick=4)
on_few = {
    "plain, 100 digits": learn(wide(), cfg.lr, steps, "100 digits, plain", no_corruption, few),
    "denoising, 100 digits": learn(
        wide(), cfg.lr, steps, "100 digits, masking", corruption("masking"), few
    ),
}


# %%
def nearest_of_the_100(x):
    """A memory without training: of the 100 digits, the one at the smallest angle to the input."""
    directions = few_clean / np.linalg.norm(few_clean, axis=1, keepdims=True)
    return few_clean[(x @ directions.T).argmax(axis=1)]


judged = {
    "nearest of the 100": nearest_of_the_100,
    **on_few,
    "plain, 60,000 digits": models["clean"],
    "denoising, 60,000 digits": models["masking"],
}

cases = [
    (few_clean, few_clean),
    (few_clean, few_erased),
    (test, test),
    (test, corrupted["masking"]),
]

# %%
found = {
    name: [reconstruction_loss(x, model(seen)) for x, seen in cases]
    for name, model in judged.items()
}
lesson.table(
    [[name, *row] for name, row in found.items()],
    ["squared error, per image", "the 100, clean", "erased", "test, clean", "test, erased"],
)

# %%
of_plain, of_denoising = found["plain, 100 digits"], found["denoising, 100 digits"]
plain_wins = of_plain[2] < of_denoising[2], of_plain[3] < of_denoising[3]
lesson.outcome(
    f"On clean test digits the plain autoencoder has error {of_plain[2]:.1f} and the denoising one "
    f"{of_denoising[2]:.1f}, and on erased ones {of_plain[3]:.1f} and {of_denoising[3]:.1f}. The "
    "order does not come from the small data set, because it is the same after training on 60,000 "
    "digits.",
    answer=lesson.predictions[-1].choices[
        {(True, True): 0, (False, False): 1, (True, False): 2, (False, True): 3}[plain_wins]
    ],
)

# %%
lesson.claim(
    "100 digits, erased test digits: denoising over plain",
    of_denoising[3] / of_plain[3],
    at_most=0.95,
    source="seeds 0, 1 and 6173: 0.84, 0.83, 0.84, plus a margin of an eighth",
)
lesson.claim(
    "100 digits, clean test digits: denoising minus plain",
    of_denoising[2] - of_plain[2],
    between=(1.3, 8),
    source="seeds 0, 1 and 6173: 2.7, 2.2, 2.1, minus two fifths; the mean digit: 24",
)

# %%
lesson.claim(
    "denoising, 100 digits, erased inputs: test error over training error",
    of_denoising[3] / of_denoising[1],
    at_least=5,
    source="seeds 0, 1 and 6173: 7.3, 11.7, 7.8, minus a margin of three tenths",
)

# %% [markdown]
# Each network is better at the inputs that it was trained for. But is the denoising one safe from
# overfitting? Compare its errors on erased digits, those of the 100 and new ones. In the recorded
# run the test error is seven times the training error, while with 60,000 digits the two are nearly
# equal. So it overfits, as the plain one does on clean digits, and we can say why. How many of the
# 100 digits agree with the pixels that an erased digit has kept?

# %%
fitting = [int(np.all((few_clean == seen)[:, seen > 0], axis=1).sum()) for seen in few_erased]
lesson.check("digits of the 100 that agree with each of the erased ones", fitting, equals=1)

# %% [markdown]
# Only one, the digit itself. If these 100 digits are all the data, then the conditional mean *is*
# this digit, and the loss asks the network to memorize. The memory in the first row of the table
# does so perfectly. It finds each of the 100 erased digits again. Nevertheless the network is more
# than a memory, because on new erased digits its error is about half that of this row.
#
# So the method improves the robustness, as the post says, but does not by itself avoid overfitting.
# Corruption rules out copying, but not memorizing. More data help, as the last row of the table
# shows.
#
# ## 7. The direction of the repair
#
# So far we have looked at the size of the error. But a repair also moves its input in a direction.
# Does this direction mean anything? In the plane we can draw it. The data density $p$ is a mixture
# of five Gaussians on a ring, and the corruption adds Gaussian noise with standard deviation
# $\sigma = 0.3$. The *residual* of a repair $r$ is the step that it makes, $r(\tilde{\mathbf{x}}) -
# \tilde{\mathbf{x}}$.
#
# We compare the residual with the *score* of the data, $\nabla \log p(\mathbf{x})$, which points to
# where the data are denser. The network is trained on pairs of points and never receives a density.
# We average the cosine of the angle between residual and score over 5,000 points. The mean is 1 for
# equal directions, and about 0 for unrelated ones.

# %%
lesson.predict(
    "How large is the mean cosine between the residual and the score of the data density?",
    ["above 0.9", "between 0.25 and 0.9", "below 0.25"],
)

# %%
noise = 0.3  # the standard deviation
ring = toy.ring(5, 2.0, 0.5)
point = Autoencoder(
    lesson.rng("points"),
    dim_x=2,
    dim_z=128,
    widths=(128,),
    activation="silu",
    code_activation="silu",
)
point.encoder.layers[0].w *= 3  # the modes are narrow: begin with steeper units


# %%
def residual(x):
    return point(np.float32(x)) - x


def mean_cosine(a, b):
    """The cosine of the angle between two steps, both (N, 2), averaged over the N points."""
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(np.mean(np.sum(a * b, axis=1) / lengths))


def to_nearest_mode(x):
    squares = np.sum((x[:, None] - ring.means) ** 2, axis=2)
    return ring.means[squares.argmin(axis=1)] - x


points = ring.sample(lesson.rng("judge"), lesson.size(5000))
scores = ring.score(points)
cosines = {
    "to the center of the ring": mean_cosine(-points, scores),
    "to the nearest mode": mean_cosine(to_nearest_mode(points), scores),
    "residual before training": mean_cosine(residual(points), scores),
}


# %%
def points_and_noise(rng):
    x = ring.sample(rng, 512)
    return x, corrupt(x, rng, "gaussian", noise)


steps = lesson.steps(2500, quick=10)
rng = lesson.rng("points, noise")
step = descend(denoising_loss, point, points_and_noise, lr=cosine(3e-3, steps), rng=rng)
lesson.fit(step, steps, label="points in the plane", state=step.state)

# %%
cosines["residual after training"] = trained = mean_cosine(residual(points), scores)
lesson.table(cosines.items(), ["step", "mean cosine with the score of the data"])
lesson.outcome(
    f"The mean cosine is {trained:.3f}. The best repair of Gaussian noise is a step along the "
    "score of the corrupted points, as the formula below shows.",
    answer=lesson.predictions[-1].choices[0 if trained > 0.9 else 1 if trained > 0.25 else 2],
)

# %% [markdown]
# For Gaussian noise the best repair has a closed form, *Tweedie's formula*. Let $p_\sigma$ be the
# density of the corrupted points. Then
#
# $$r(\tilde{\mathbf{x}}) = \mathbb{E}[\mathbf{x} | \tilde{\mathbf{x}}]
# = \tilde{\mathbf{x}} + \sigma^2\, \nabla \log p_\sigma(\tilde{\mathbf{x}}) .$$
#
# In words, the best repair adds $\sigma^2$ times the score of $p_\sigma$. For small $\sigma$,
# $p_\sigma$ is close to $p$, so the residual divided by $\sigma^2$ estimates the score of the data
# (Alain and Bengio 2014).

# %% [markdown]
# <details><summary>Derivation: Tweedie's formula</summary>
#
# The density of the corrupted points is $p_\sigma(\tilde{\mathbf{x}}) = \int p(\mathbf{x})\,
# \mathcal{N}(\tilde{\mathbf{x}}; \mathbf{x}, \sigma^2 I)\, d\mathbf{x}$. The gradient of a normal
# density with respect to $\tilde{\mathbf{x}}$ is the density times
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
# For $x \sim \mathcal{N}(0, s^2)$ you can compute both sides by hand. The conditional mean is
# $\tilde x\, s^2/(s^2 + \sigma^2)$, and the score of $p_\sigma$ is $-\tilde x / (s^2 + \sigma^2)$.
# With $s = 2$ and $\sigma = 1$ the input 2 is moved to 1.6, a step of $-0.4$, and the score there
# is $-2/5$.

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
    answer="It is moved halfway to the mean, with residuals 1.5, -0.25 and -1. The formula holds, "
    "since it is exact for every $\\sigma$. But its score is that of the corrupted points, which "
    "is half as steep here as the score of the data. The check of the residual was made for "
    "$\\sigma = 1$.",
)

# %% [markdown]
# However, a cosine is a lenient judge. In the table above, the step to the nearest mode has nearly
# the same cosine as the trained network. But the formula also predicts the length of each step.
# Here $p_\sigma$ is a ring of five Gaussians of variance $0.5^2 + \sigma^2$, so the exact step is
# known. We compute the squared distance to the exact steps, relative to their squared length. The
# steps to the center and to the nearest mode are first scaled by the factor that suits them best.

# %%
wider = toy.ring(5, 2.0, float(np.hypot(0.5, noise)))
exact = noise**2 * wider.score(points)


def missed(steps, factor=None):
    """The squared distance to the exact steps, relative to their squared length."""
    if factor is None:
        factor = np.sum(steps * exact) / np.sum(steps**2)
    return float(np.sum((factor * steps - exact) ** 2) / np.sum(exact**2))


missing = {
    "no step": missed(0 * points, 1),
    "to the center of the ring": missed(-points),
    "to the nearest mode": missed(to_nearest_mode(points)),
    "residual after training": missed(residual(points), 1),
}

# %%
lesson.table(missing.items(), ["step", "squared error, relative to the exact step"])
lesson.claim(
    "residual against σ² times the score of the corrupted points: squared error, relative",
    missing["residual after training"],
    at_most=0.02,
    source="Tweedie's formula: 0; seeds 0, 1 and 6173: 0.0027, 0.0035, 0.0033; nearest mode: 0.07",
)

# %% [markdown]
# In the recorded run the network's squared error is below one percent, and that of the step to the
# nearest mode is above six. What happens if we repair a point, and repair the result again, thirty
# times?

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
    "The residual (left) and the score of the data (middle) over the density (blue). On the right "
    f"40 points are repaired 30 times, and {arrived} of them end within 0.5 of a mode. Look at "
    "where the trajectories end.",
)

# %% [markdown]
# Repeated repairs climb toward the modes. This looks like a way to generate, because we may start
# anywhere. The catch is that nearly all trajectories end near the same five points. Diffusion
# models (`diffusion/04`) avoid this. They train denoisers at many levels of noise, and put some
# noise back after each small repair.
#
# ## 8. The filters
#
# *You may skip this section, because nothing below depends on it. It is for readers who want to see
# what the hidden units have learned.*
#
# The post expects that the model "is likely to depend on evidence gathered from a combination of
# many input dimensions to recover the denoised version rather than to overfit one dimension". If
# this is so, neighboring pixels may have similar weights. The weights of a unit, drawn as an image,
# are its *filter*. We train autoencoders with 144 sigmoid units, in which the decoder uses the
# encoder's weights, and measure the *roughness* of the filters. It is the sum of the squared
# differences between neighboring pixels, divided by the sum of the squared weights, so it is small
# for a smooth filter.
#
# One network is trained on clean digits and one on erased ones. But erasing changes two things at
# once, what the network receives and what it has to infer. So we train two controls. Both receive
# erased digits as well. The loss of the first counts only the pixels that were kept, so nothing has
# to be inferred. But it also has fewer terms, and therefore the loss of the second counts as few, a
# random half of the pixels, of which half were erased.


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


# %%
def kept_pixels(x, rng):
    x, seen = corruption("masking")(x, rng)
    return x, seen, (seen > 0) | (x == 0)  # an erased 0 is unchanged, so it counts as kept


def random_half(x, rng):
    x, seen = corruption("masking")(x, rng)
    return x, seen, (rng.random(x.shape) < 0.5) | (x == 0)


def counted_loss(model, x, seen, counted):
    """The squared error of some of the pixels."""
    return np.sum(counted * (x - model(seen)) ** 2) / len(x)


# %%
def learn_filters(label, pair, loss=denoising_loss):
    rng, model, steps = lesson.rng(label), small(), lesson.steps(1500, quick=4)
    batches = mnist.batches(data.train_images, size=cfg.batch, rng=rng)

    def draw(rng):
        return pair(mnist.unit(next(batches)[0], flat=True), rng)

    step = descend(loss, model, draw, lr=cosine(3e-3, steps), rng=rng)
    lesson.fit(step, steps, label=label, state={**step.state, "batches": batches})
    return model


pair = {
    "clean digits": learn_filters("filters, clean", no_corruption),
    "erased pixels": learn_filters("filters, masking", corruption("masking")),
    "erased, loss on the kept": learn_filters("filters, kept", kept_pixels, counted_loss),
    "erased, loss on a random half": learn_filters("filters, half", random_half, counted_loss),
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
lesson.table(
    [["before training", roughness(filters(small()))], *rough.items()],
    ["filters trained on", "roughness"],
)

# %%
fig, axes = plot.figure(1, 2, size=(4.6, 4.7))
for ax, name in zip(axes, ("clean digits", "erased pixels")):
    plot.image_grid(filters(pair[name])[:64], 8, 8, ax, limits="signed", title=f"trained on {name}")
lesson.figure(
    fig,
    "filters",
    "64 of the 144 filters, trained on clean digits (left) and on erased pixels (right). The "
    "difference in smoothness is small, and the table measures it better than the eye.",
)

# %%
lesson.claim(
    "roughness of the filters: erased pixels over clean digits",
    rough["erased pixels"] / rough["clean digits"],
    at_most=0.95,
    source="seeds 0, 1 and 6173: 0.893, 0.897, 0.893, plus a margin of a twentieth",
)
lesson.claim(
    "roughness of the filters: erased pixels over loss on the kept",
    rough["erased pixels"] / rough["erased, loss on the kept"],
    at_most=0.95,
    source="seeds 0, 1 and 6173: 0.860, 0.863, 0.863, plus a margin of a tenth",
)

# %%
lesson.claim(
    "roughness of the filters: loss on a random half over loss on the kept",
    rough["erased, loss on a random half"] / rough["erased, loss on the kept"],
    at_most=0.95,
    source="seeds 0, 1 and 6173: 0.862, 0.854, 0.864, plus a tenth",
)

# %% [markdown]
# The filters for erased pixels are smoother than those for clean digits. The erased input alone
# does not explain this, because the first control receives the same kind of input, and its filters
# are rougher than those for clean digits. The smaller number of terms in the loss does not explain
# it either, because the second control has as few, and its filters are as smooth as with all terms.
# So the difference, although small, comes with having to infer erased pixels. This agrees with what
# the post expects.
#
# ## What this lesson does differently
#
# - In the paper's experiment, as the post reports, "a fixed proportion of input dimensions are
#   selected at random". We erase every pixel independently, so the proportion varies with standard
#   deviation $\frac12 / \sqrt{784} = 1/56$.
# - We train one layer and leave out *stacked* denoising autoencoders, in which each layer denoises
#   the codes of the layer below (Vincent et al. 2010).
# - The post speaks of a "good foundation for learning *robust* latent representation". We judge
#   repairs, not codes. `vae/04` judges codes, by how well a classifier does with them.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - The purpose is stated as "To avoid overfitting and improve the robustness". Section 3 confirms
#   the robustness, for the corruption of the training. But in section 6 the denoising autoencoder
#   overfits 100 digits.
# - "Since the autoencoder learns the identity function, we are facing the risk of "overfitting"".
#   To copy and to overfit are different failures. A copier has no error on any input, new ones
#   included. What it lacks is knowledge of the data.
# - "Sounds a lot like dropout, right?" It does, and the post adds only that dropout came four years
#   later. But *dropout* (Hinton et al. 2012) mainly omits hidden units, for any task. A denoising
#   autoencoder changes only its input, and its target is the clean version of that input.
#
# ## To remember
#
# - Corrupt the input, keep the target clean. Copying then does not pay, however wide the code is.
# - The best repair is the conditional mean, an average over all clean examples that fit the input.
# - For Gaussian noise the best repair adds $\sigma^2$ times the score of the noisy density.
# - A repair is good at the corruption that it was trained on. Corruption rules out copying, but not
#   memorizing.
#
# **Next:** can a wide code be kept from copying without any noise? `vae/04` allows only few of its
# units to be active.
#
# **Your turn:** `minigen exercise start vae/03`, then `minigen run vae/03 --with
# exercises/vae_03.py`.

# %%
lesson.finish()
