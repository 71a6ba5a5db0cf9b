# %% [markdown]
# # The denoising autoencoder
#
# An autoencoder with a narrow code must choose what to keep (`vae/02`). But sometimes we want a
# wide code, with a number for every property that could matter. The obvious step is to widen the
# code and to train as before. It fails, because a network with a wide code can copy its input,
# reach loss 0, and learn nothing about the data. How can we train a wide autoencoder so that
# copying does not pay?
#
# The idea is to damage the input and to ask for the original. We compute the best repair on four
# numbers (section 1), damage digits in three ways (2) and repair them (3). Then we make the
# classical mistake (4), hide whole blocks (5), and ask whether this prevents overfitting (6).
# Section 7 shows where a repair moves its input. This lesson follows the section *Denoising
# Autoencoder* of [From Autoencoder to
# Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/).
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
    minutes=0.7,
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
# In words, the corrupted example goes in, and the clean one must come out. A copy of the input is
# no longer a solution.

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
# counted as often as it would.

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
    "1. The input determines the clean example. The check of the best outputs was made for three "
    "numbers and no longer holds.",
)

# %% [markdown]
# A good repair needs knowledge of the data. This is why a network that repairs well has learned
# something that a copier has not.
#
# ## 2. Three kinds of corruption
#
# The post leaves the corruption $\mathcal{M}_\mathcal{D}$ open: "it is not specific to a particular
# type of corruption process". Three kinds are common. *Masking* erases pixels, *Gaussian noise* is
# added to them, and *salt-and-pepper noise* sets some of them to black or white.

# %%
lesson.exercise("vae/03/corrupt")

# %%
lesson.show_source(corrupt, denoising_loss)
cfg = lesson.configure(
    levels={"masking": 0.5, "gaussian": 0.5, "salt_pepper": 0.3}, width=784, lr=2e-3, batch=100
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
strips = np.concatenate([test[:10], *(x[:10] for x in corrupted.values())])
names = ["clean", *cfg.levels]
lesson.figure(
    plot.image_grid(strips, 4, 10, shape=(28, 28), limits=(0, 1), row_labels=names),
    "corruptions",
    "Ten test digits. Below them pixels are erased with probability ½, then Gaussian noise of "
    "standard deviation ½ is added, and last three pixels in ten are set to black or white. Try to "
    "read the third row without the first.",
)
lesson.table(before.items(), ["corruption", "squared error, per image"])

# %%
lesson.change(
    "nine pixels in ten",
    'Change `levels={"masking": 0.5` to `levels={"masking": 0.9` and run again. Can you still '
    "read the digits? What happens to the squared error?",
    answer="Hardly any of them can be read. About ten pixels of ink are left of a hundred. The "
    "squared error becomes 9/5 of what it was, about 73 instead of 41 on the test digits, since "
    "each pixel is erased with probability 0.9 instead of 0.5.",
)

# %% [markdown]
# People can read most of these digits. The post takes this as the motivation: "humans can easily
# recognize an object or a scene even the view is partially occluded or corrupted". Can a network?
#
# ## 3. Plain and denoising autoencoders
#
# We train four autoencoders. Each has one hidden layer of 784 units, as many as there are pixels,
# so that the width does not prevent copying. The plain one receives clean digits. Each of the
# others receives one kind of corrupted digits, corrupted again at every step. The target is the
# clean digit for all four.


# %%
def corruption(kind):
    def corrupted_pair(x, rng):
        return x, corrupt(x, rng, kind, cfg.levels[kind])

    return corrupted_pair


def no_corruption(x, rng):
    return x, x


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
steps = lesson.steps(600, quick=4)
models = {"clean": learn(wide(), cfg.lr, steps, "plain", no_corruption)}
for kind in cfg.levels:
    models[kind] = learn(wide(), cfg.lr, steps, f"denoising, {kind}", corruption(kind))

# %% [markdown]
# Each autoencoder is applied to each kind of input. For comparison we add three repairs that need
# no network: no repair at all, the mean digit whatever the input, and the best *affine* repair,
# which we fit to 20,000 corrupted training digits by least squares. It would be the conditional
# mean if the digits were one Gaussian and the noise were Gaussian too.


# %%
def affine_repair(kind, n=20_000):
    """x -> mean + (x - mean) W with the smallest squared error on corrupted training digits."""
    x = mnist.unit(data.train_images[: lesson.size(n, quick=1_000)], flat=True)
    pair = no_corruption if kind == "clean" else corruption(kind)
    x, seen = pair(x, lesson.rng(f"affine {kind}"))
    mean, mean_seen = x.mean(axis=0), seen.mean(axis=0)
    covariance = (seen - mean_seen).T @ (seen - mean_seen) / len(x) + 1e-3 * np.eye(784)
    W = np.linalg.solve(covariance, (seen - mean_seen).T @ (x - mean) / len(x))
    return lambda seen: mean + (seen - mean_seen) @ W


mean_digit = mnist.unit(data.train_images[:10_000], flat=True).mean(axis=0)

# %%
inputs = {"clean": test, **corrupted}
by_mean = reconstruction_loss(test, np.broadcast_to(mean_digit, test.shape))
affine = [reconstruction_loss(test, affine_repair(kind)(x)) for kind, x in inputs.items()]
error = {
    (name, kind): reconstruction_loss(test, model(x))
    for name, model in models.items()
    for kind, x in inputs.items()
}
lesson.table(
    [
        ["no repair", 0.0, *before.values()],
        ["the mean digit", *[by_mean] * 4],
        ["affine, fitted to this input", *affine],
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
        source="SEEDS",
    )
    lesson.claim(
        f"{kind}: error over the affine repair's",
        error[kind, kind] / affine[1 + list(cfg.levels).index(kind)],
        at_most=0.95,
        source="SEEDS",
    )
best_of_others = min(error[kind, "clean"] for kind in cfg.levels)
lesson.claim(
    "clean digits: smallest error of a denoising autoencoder, minus the plain one's",
    best_of_others - error["clean", "clean"],
    at_least=3,
    source="SEEDS",
)

# %% [markdown]
# Read the columns. The plain autoencoder is best on clean digits and worst on erased ones, where it
# repairs hardly anything. Each denoising autoencoder is the best of the four on its own corruption,
# and pays for it on clean digits. But the third row is a warning. After 600 steps no network is
# better than an affine map. A table without this row would have hidden it.
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
    "and those of the autoencoder trained on this corruption. Compare the last two of each three.",
)

# %% [markdown]
# To fill in an erased pixel, a network must use how strokes continue. To remove noise, it must use
# where strokes never are. In the post's words, the autoencoder has to "discover and capture
# relationship between dimensions of input in order to infer missing pieces".
#
# ## 4. The corrupted digit as target
#
# There is one mistake that nearly everybody makes once. The loss compares the output with the
# *corrupted* digit. It happens by accident, too, when `corrupt` writes into its argument. Nothing
# crashes, and the loss falls.

# %%
lesson.predict(
    "How large is the squared distance from its output to the clean digit, compared with that of "
    "the denoising autoencoder?",
    ["the same within 10 %", "larger by 10 to 50 %", "larger by more than 50 %"],
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
    ["no repair", before["masking"], 0.0],
    ["target clean", reconstruction_loss(test, right), reconstruction_loss(seen, right)],
    ["target corrupted", reconstruction_loss(test, wrong), reconstruction_loss(seen, wrong)],
]
lesson.table(
    rows, ["half of the pixels erased", "distance to the clean digit", "to the corrupted one"]
)

# %%
ratio = rows[2][1] / rows[1][1]
the_same, a_little, much = lesson.predictions[-1].choices
lesson.outcome(
    f"The distance is {ratio:.2f} times as large, because this loss is smallest when the output "
    "reproduces the corrupted input.",
    answer=much if ratio > 1.5 else a_little if ratio > 1.1 else the_same,
)
lesson.claim(
    "target corrupted: distance to the clean digit, over that with a clean target",
    ratio,
    at_least=2,
    source="SEEDS",
)

# %% [markdown]
# The wrong autoencoder is even worse than no repair. It has become a copier, and its own loss shows
# nothing of this. Only a comparison with clean digits does.
#
# ## 5. Prior knowledge: erase a block
#
# A real occlusion hides a whole region, not single pixels. "Naturally the corruption process can be
# equipped with prior knowledge", notes the post. So let's erase a block of 14 × 14 pixels, a
# quarter of the image, at a random position. Is a network that repairs single pixels prepared for
# this?


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
block_model = learn(wide(), cfg.lr, lesson.steps(600, quick=4), "denoising, blocks", block_erased)
with_block, inside = erase_block(test, lesson.rng("blocks"))
lesson.check("pixels erased in each image", inside.sum(axis=1), equals=196)

# %%
outputs = {
    "no repair": with_block,
    "the mean digit inside the block": np.where(inside, mean_digit, with_block),
    "trained on single pixels": models["masking"](with_block),
    "trained on blocks": block_model(with_block),
}
parts = {
    name: [
        reconstruction_loss(test, x),
        reconstruction_loss(inside * test, inside * x),
        reconstruction_loss(~inside * test, ~inside * x),
    ]
    for name, x in outputs.items()
}
lesson.table(
    [[name, *row] for name, row in parts.items()],
    ["squared error, per test image", "whole image", "inside the block", "outside"],
)

# %%
lesson.claim(
    "erased block: error after training on single pixels over that after training on blocks",
    parts["trained on single pixels"][0] / parts["trained on blocks"][0],
    at_least=1.3,
    source="SEEDS",
)
lesson.claim(
    "inside the block: error after training on blocks over that of the mean digit",
    parts["trained on blocks"][1] / parts["the mean digit inside the block"][1],
    at_most=0.85,
    source="SEEDS",
)

# %%
pictures = np.concatenate([test[:10], *(x[:10] for x in outputs.values())])
names = ["clean", "block erased", "mean digit", "by pixels", "by blocks"]
ax = plot.image_grid(pictures, 5, 10, shape=(28, 28), limits=(0, 1), row_labels=names)
lesson.figure(
    ax,
    "blocks",
    "Digits with an erased block, and four ways to fill it. Compare the last two rows where a "
    "stroke enters the block.",
)

# %% [markdown]
# It is not. Inside the block, the network that was trained on single pixels is no better than the
# mean digit, which does not look at the rest of the image. Most of the difference between the two
# networks lies inside the block, where no neighbor of a pixel is left. The corruption in training
# should resemble the one that we expect later.
#
# ## 6. Does it prevent overfitting?
#
# The post introduces the method against "the risk of "overfitting" when there are more network
# parameters than the number of data points". Our networks have 1.2 million parameters and 60,000
# training digits, so the risk should be there. But 600 steps with 100 digits use each digit once,
# and in one pass a training digit is as new as a test digit. Therefore we take only 100 digits and
# train on them 1,200 times.

# %%
lesson.predict(
    "A plain and a denoising autoencoder (half of the pixels erased) train on the same 100 digits. "
    "Which one has the smaller error on test digits?",
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
steps = lesson.steps(1200, quick=4)
on_few = {
    "plain, 100 digits": learn(wide(), cfg.lr, steps, "100 digits, plain", no_corruption, few),
    "denoising, 100 digits": learn(
        wide(), cfg.lr, steps, "100 digits, masking", corruption("masking"), few
    ),
}


# %%
def nearest_of_the_100(x):
    """A memory without training: the one of the 100 digits that is nearest to the input."""
    lengths = np.sum(x**2, axis=1)[:, None] + np.sum(few_clean**2, axis=1)
    return few_clean[(lengths - 2 * x @ few_clean.T).argmin(axis=1)]


judged = {
    "nearest of the 100": nearest_of_the_100,
    **on_few,
    "plain, 60,000 digits": models["clean"],
    "denoising, 60,000 digits": models["masking"],
}
erased = corrupted["masking"]
cases = [(few_clean, few_clean), (few_clean, few_erased), (test, test), (test, erased)]
found = {
    name: [reconstruction_loss(x, model(seen)) for x, seen in cases]
    for name, model in judged.items()
}

# %%
header = ["squared error, per image", "the 100, clean", "erased", "test, clean", "test, erased"]
lesson.table([[name, *row] for name, row in found.items()], header)
of_plain, of_denoising = found["plain, 100 digits"], found["denoising, 100 digits"]
plain_wins = of_plain[2] < of_denoising[2], of_plain[3] < of_denoising[3]
lesson.outcome(
    f"On clean test digits the plain autoencoder has error {of_plain[2]:.1f} and the denoising one "
    f"{of_denoising[2]:.1f}, on erased ones {of_plain[3]:.1f} and {of_denoising[3]:.1f}, because "
    "each is better at the inputs that it was trained for.",
    answer=lesson.predictions[-1].choices[
        {(True, True): 0, (False, False): 1, (True, False): 2, (False, True): 3}[plain_wins]
    ],
)

# %%
lesson.claim(
    "100 digits, erased test digits: denoising over plain",
    of_denoising[3] / of_plain[3],
    at_most=0.95,
    source="SEEDS",
)
lesson.claim(
    "100 digits, clean test digits: denoising minus plain",
    of_denoising[2] - of_plain[2],
    at_least=2,
    source="SEEDS",
)
lesson.claim(
    "denoising, 100 digits, erased inputs: test error over training error",
    of_denoising[3] / of_denoising[1],
    at_least=5,
    source="SEEDS",
)

# %% [markdown]
# The comparison has two sides. Both networks have nearly memorized the 100 digits, and the denoising
# one most of all. The corruption excludes copying, but it does not exclude memorizing. For a data
# set of 100 digits the conditional mean is an average over these digits, and usually one of them.
# On erased test digits, however, the denoising autoencoder is the better one, and on clean ones the
# plain one is. So the method improves the robustness, as the post says, and does not by itself
# avoid overfitting. The last two rows show what does: more data.
#
# ## 7. The direction of the repair
#
# So far we have looked at the size of the error. But a repair also has a direction, and this turned
# out to be the most fruitful view of the method. Let's look at points of the plane. The data
# density $p$ is a mixture of five Gaussians on a ring, and the corruption adds Gaussian noise with
# standard deviation $\sigma = 0.3$. The *residual* of a repair $r$ is the step that it makes,
# $r(\tilde{\mathbf{x}}) - \tilde{\mathbf{x}}$.
#
# We compare it with the *score* of the data, $\nabla \log p(\mathbf{x})$, which points to where the
# data are denser. The network is trained on pairs of points and never receives a density. We
# average the cosine of the angle between residual and score over 5,000 points. It is 1 for equal
# directions and 0 for unrelated ones.

# %%
lesson.predict(
    "How large is the mean cosine between the residual and the score of the data density?",
    ["above 0.9", "between 0.25 and 0.9", "below 0.25"],
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
def residual(x):
    return point(np.float32(x)) - x


def agreement(steps_of, x, score):
    a = steps_of(x)
    b = score(x)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(np.mean(np.sum(a * b, axis=1) / lengths))


def to_nearest_mode(x):
    squares = np.sum((x[:, None] - ring.means) ** 2, axis=2)
    return ring.means[squares.argmin(axis=1)] - x


x = ring.sample(lesson.rng("judge"), lesson.size(5000))
rows = {
    "to the center of the ring": agreement(lambda x: -x, x, ring.score),
    "to the nearest mode": agreement(to_nearest_mode, x, ring.score),
    "residual before training": agreement(residual, x, ring.score),
}


# %%
def points_and_noise(rng):
    x = ring.sample(rng, 512)
    return x, corrupt(x, rng, "gaussian", sigma)


steps = lesson.steps(2500, quick=10)
rng = lesson.rng("points, noise")
step = descend(denoising_loss, point, points_and_noise, lr=cosine(3e-3, steps), rng=rng)
lesson.fit(step, steps, label="points in the plane", state=step.state)

# %%
rows["residual after training"] = cosine_with_score = agreement(residual, x, ring.score)
lesson.table(rows.items(), ["step", "mean cosine with the score of the data"])
above, between, below = lesson.predictions[-1].choices
lesson.outcome(
    f"The mean cosine is {cosine_with_score:.3f}, because the best repair of small Gaussian noise "
    "is a step along the score, as the formula below shows.",
    answer=above if cosine_with_score > 0.9 else between if cosine_with_score > 0.25 else below,
)

# %% [markdown]
# For Gaussian noise the best repair has a closed form, *Tweedie's formula*. Let $p_\sigma$ be the
# density of the corrupted points. Then
#
# $$r(\tilde{\mathbf{x}}) = \mathbb{E}[\mathbf{x} | \tilde{\mathbf{x}}]
# = \tilde{\mathbf{x}} + \sigma^2\, \nabla \log p_\sigma(\tilde{\mathbf{x}}) .$$
#
# In words, the best repair is a step of $\sigma^2$ times the score of $p_\sigma$. For small
# $\sigma$, $p_\sigma$ is close to $p$, so the residual estimates the score of the data (Alain and
# Bengio 2014).

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
# The two numbers of section 1, with Gaussian noise instead, are another check. By Bayes' rule the
# probability that $\tilde x$ comes from $1$ is $1 / (1 + e^{-2 \tilde x / \sigma^2})$, so the
# conditional mean is $\tanh(\tilde x / \sigma^2)$.


# %%
def log_p_sigma(s, sigma=0.7):
    return np.log(
        np.exp(-((s - 1) ** 2) / (2 * sigma**2)) + np.exp(-((s + 1) ** 2) / (2 * sigma**2))
    )


noisy = np.array([-2.0, -0.3, 0.0, 0.5, 1.5])
score = np.array([grad(log_p_sigma)(s) for s in noisy])
lesson.check(
    "tanh(x/σ²) minus x + σ² score", np.tanh(noisy / 0.49) - noisy - 0.49 * score, equals=0.0
)

# %% [markdown]
# A cosine is a lenient judge. In the table above, "to the nearest mode" has nearly the same cosine
# as the trained network. The formula predicts the length of each step as well. Adding noise to a
# Gaussian of variance $s^2$ gives one of variance $s^2 + \sigma^2$, so $p_\sigma$ is a ring of five
# wider Gaussians, and the residual should be $\sigma^2$ times its score. We compute the squared
# distance between the two, relative to the squared length of the exact step, and allow the rules
# without a network their best factor.

# %%
wider = toy.ring(5, 2.0, float(np.hypot(0.5, 0.3)))
exact = 0.3**2 * wider.score(x)


def missed(steps, factor=None):
    """The squared distance to the exact steps, relative to their squared length."""
    if factor is None:
        factor = np.sum(steps * exact) / np.sum(steps**2)
    return float(np.sum((factor * steps - exact) ** 2) / np.sum(exact**2))


missing = {
    "no step": missed(0 * x, 1),
    "to the center of the ring": missed(-x),
    "to the nearest mode": missed(to_nearest_mode(x)),
    "residual after training": missed(residual(x), 1),
}
lesson.table(missing.items(), ["step", "squared error, relative to the exact step"])
lesson.claim(
    "residual against σ² times the score of the corrupted points: squared error, relative",
    missing["residual after training"],
    at_most=0.02,
    source="Tweedie's formula: 0; SEEDS; the nearest mode with its best factor: 0.07",
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
    "The residual (left) and the score of the data (middle) over the density (blue). On the right "
    f"40 points are repaired 30 times, and {arrived} of them end within 0.5 of a mode. Look for "
    "the points between two modes at which both fields vanish.",
)

# %% [markdown]
# Repeated repairs climb to the modes. A denoiser gives a direction for every point, but from all
# points it leads to the same five. Diffusion models (`diffusion/04`) add what is missing. They
# train denoisers at many levels of noise, and put some noise back after each small repair.
#
# ## 8. The filters
#
# *You may skip this section, because nothing below depends on it. It is for readers who want to see
# what the hidden units have learned.*
#
# The post expects that the model will "depend on evidence gathered from a combination of many input
# dimensions to recover the denoised version rather than to overfit one dimension". If this is so, a
# unit should look at larger parts of the image. The weights of a unit, drawn as an image, are its
# *filter*. We train autoencoders with 144 sigmoid units, in which the decoder uses the encoder's
# weights, and measure the *roughness* of a filter, the sum of the squared differences between
# neighboring pixels over the sum of the squared weights.
#
# One network is trained on clean digits and one on erased ones. A third one is the control. It
# receives erased digits as well, but its loss counts only the pixels that were kept, so that no
# erased pixel has to be inferred.


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


def kept_only(model, x, seen):
    kept = (seen > 0) | (x == 0)  # an erased 0 is unchanged, so it counts as kept
    return np.sum(kept * (x - model(seen)) ** 2) / len(x)


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
    "erased, loss on the kept": learn_filters("filters, kept", corruption("masking"), kept_only),
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
    "64 of the 144 filters, trained on clean digits (left) and on erased pixels (right). Compare "
    "the sizes of the colored spots.",
)
lesson.claim(
    "roughness of the filters: erased pixels over clean digits",
    rough["erased pixels"] / rough["clean digits"],
    at_most=0.95,
    source="SEEDS",
)
lesson.claim(
    "roughness of the filters: erased pixels over the control",
    rough["erased pixels"] / rough["erased, loss on the kept"],
    at_most=0.95,
    source="SEEDS",
)

# %% [markdown]
# The filters for erased pixels are smoother than the others. The control shows that erasing alone
# does not explain it. If nothing has to be inferred, the filters are no smoother than those for
# clean digits. In this sense the post's expectation is right for these networks.
#
# ## What this lesson does differently
#
# - In the paper's experiment, as the post reports, "a fixed proportion of input dimensions are
#   selected at random". We erase every pixel independently, so the proportion varies a little. Its
#   standard deviation is $\frac12 / \sqrt{784} = 1/56$.
# - We train one layer and leave out *stacked* denoising autoencoders, in which each layer denoises
#   the codes of the layer below (Vincent et al. 2010).
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - The purpose is stated as "To avoid overfitting and improve the robustness". Section 3 confirms
#   the robustness. On overfitting section 6 has a mixed answer: with 100 digits the denoising
#   autoencoder memorizes them, and yet it is the better one on corrupted inputs.
# - "Since the autoencoder learns the identity function, we are facing the risk of "overfitting"".
#   To copy and to overfit are different failures. A copier has no error on any input, new ones
#   included. What it lacks is knowledge of the data.
# - "Sounds a lot like dropout, right?" It does, but *dropout* (Hinton et al. 2012) omits hidden
#   units, keeps the same target, and at test time uses all units with their outgoing weights
#   halved. A denoising autoencoder changes its input only, and its target is the clean input.
#
# ## To remember
#
# - Corrupt the input, keep the target clean. Copying then does not pay, however wide the code is.
# - The best repair is the conditional mean. For Gaussian noise it is a step of $\sigma^2$ times the
#   score of the noisy density.
# - A repair is good at the corruption that it was trained on.
#
# **Next:** can a wide code be kept from copying without any noise? `vae/04` allows only few of its
# units to be active.
#
# **Your turn:** `minigen exercise start vae/03`, then `minigen run vae/03 --with
# exercises/vae_03.py`.

# %%
lesson.finish()
