# %% [markdown]
# # DiT: diffusion without convolutions
#
# The last part of the section *Model Architecture* (diffusion.s17) of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/): Peebles and Xie (2023),
# the *diffusion transformer*. To take away:
#
# 1. A picture is cut into patches, each becomes a *token*, and the rest is a transformer.
# 2. What is special is how the time and the label get in. Three ways, one of them *adaLN-Zero*, are
#    compared at equal steps.
# 3. What do more operations for each picture buy? A curve is drawn.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/19_dit",
    title="DiT: diffusion without convolutions",
    post="diffusion",
    sections=["diffusion.s17"],
    figures=["diffusion.f19"],
    pretrained=["digit_classifier"],
    minutes=6,
    sources=["weng2021diffusion", "vaswani2017attention", "peebles2023dit"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.diffusion.ddpm import eps_model_from_v, v_loss
from minigen.diffusion.guidance import conditional
from minigen.diffusion.networks.dit import DiT, DiTBlock, modulate, patchify, sincos_2d, unpatchify
from minigen.diffusion.networks.unet import UNet
from minigen.diffusion.samplers import clipped, ddim
from minigen.diffusion.schedule import Schedule
from minigen.metrics.digits import judge_digits
from minigen.optim import cosine
from minigen.tensor import batched, grad
from minigen.train import descend

# %% [markdown]
# ## 1. By hand: patches
#
# A transformer reads a sequence. A picture of $4 \times 4$ pixels, numbered row by row from 0 to
# 15, is cut into patches of $2 \times 2$; each patch becomes one token with four numbers.

# %%
lesson.predict(
    "Which pixels are in the second token?",
    ["4, 5, 6, 7", "2, 3, 6, 7", "8, 9, 12, 13"],
)

# %%
lesson.exercise("diffusion/19/patchify")

# %%
picture = np.arange(16.0).reshape(1, 4, 4, 1)
tokens = patchify(picture, 2)
lesson.show_source(patchify, unpatchify)
lesson.table([[k, *tokens[0, k].astype(int)] for k in range(4)], ["token", "", "", "", ""])
lesson.check("and back", unpatchify(tokens, 2, 4, 4), equals=picture)
lesson.outcome(
    "2, 3, 6, 7: the patches go by rows, and so do the pixels in each.", answer="2, 3, 6, 7"
)

# %% [markdown]
# A transformer does not see the order of its tokens. So each gets a *position* added, made of sines
# and cosines of its column (the first half of the numbers) and of its row (the second half). Is
# that enough to tell who is near? The cosine between the position in the middle and all others:

# %%
lesson.exercise("diffusion/19/sincos_2d")

# %%
side, dim = 8, 64
positions = sincos_2d(side, side, dim)  # (64, 64)
unit = positions / np.linalg.norm(positions, axis=1, keepdims=True)
near = (unit @ unit[side * 3 + 3]).reshape(side, side)
lesson.show_source(sincos_2d)
fig, ax = plot.figure(size=(3.4, 3.0))
plot.matrix(near, ax, title="cosine with position (3, 3)", limits=(near.min(), 1), colorbar=True)
lesson.figure(fig, "positions", "Near in the picture is alike in the position.")

# %% [markdown]
# ## 2. The block (figure f19)
#
# A layer norm usually has a scale and a shift that are learned once for all. In *adaptive* layer
# norm they come from the condition $c$, the sum of the embeddings of time and label: one linear map
# gives, for each sublayer, a shift and a scale for what goes in, and a *gate* in front of what is
# added to $x$. A scale of 0 and a shift of 0 leave the normalized tokens as they are.

# %%
whole = {
    "x": plot.node("noised picture", "data", (0, 0)),
    "patch": plot.node("patchify, embed", at=(1, 0)),
    "blocks": plot.node("DiT blocks", "model", (2, 0)),
    "last": plot.node("last layer", "model", (3, 0)),
    "un": plot.node("unpatchify", at=(4, 0)),
    "out": plot.node("noise", "noise", (5, 0)),
    "c": plot.node("time + label", "latent", (2.5, 1)),
}

# %%
block = {
    "in": plot.node("tokens", at=(0, 2)),
    "n1": plot.node("norm, scale,\nshift", at=(1, 2)),
    "att": plot.node("attention", "model", (2, 2)),
    "g1": plot.node("gate, +", at=(3, 2)),
    "n2": plot.node("norm, scale,\nshift", at=(4, 2)),
    "mlp": plot.node("MLP", "model", (5, 2)),
    "g2": plot.node("gate, +", at=(6, 2)),
    "map": plot.node("linear map of c, zero at first", "latent", (3.5, 3.6)),
}

# %%
ways = ["x -> patch -> blocks -> last -> un -> out", "c -> blocks", "c -> last"]
ways += [
    "in -> n1 -> att -> g1 -> n2 -> mlp -> g2",
    *[f"map -> {k}" for k in ("n1", "g1", "n2", "g2")],
]
lesson.figure(
    plot.schematic(whole | block, ways),
    "f19_dit",
    "Above, the whole network; below, one of its blocks with adaLN-Zero. What a sublayer computes"
    " is multiplied by its gate, and added to the tokens.",
)

# %%
lesson.exercise("diffusion/19/modulate")

# %% [markdown]
# So a sublayer, here attention, is
#
# $$x \leftarrow x + \text{gate}(c) \cdot \text{attention}\big(\text{norm}(x)\,(1 +
# \text{scale}(c)) + \text{shift}(c)\big).$$

# %%
lesson.show_source(modulate, DiTBlock)
x = np.array([[[2.0, -1.0], [0.5, 3.0]]])  # one example, two tokens
shift, scale = np.array([[0.1, -0.2]]), np.array([[0.5, 0.0]])
lesson.check("2 (1 + 0.5) + 0.1, ...", modulate(x, shift, scale)[0, 0], equals=[3.1, -1.2])

# %% [markdown]
# "Zero" is the start: the linear map begins with weights of zero.

# %%
lesson.predict(
    "What does a fresh block with adaLN-Zero do to its tokens?",
    ["it sets them to zero", "nothing at all", "it normalizes them"],
)

# %%
rng = lesson.rng("block")
fresh = DiTBlock(rng, 16, 4)
x, c = (
    rng.standard_normal((2, 5, 16), dtype=np.float32),
    rng.standard_normal((2, 16), dtype=np.float32),
)
lesson.check("change by a fresh block", np.abs(fresh(x, c) - x).max(), equals=0)


def loss_of_block(block):
    return np.sum(block(x, c) * np.cos(x))


gradient = grad(loss_of_block)(fresh)
alive = [name for name, g in gradient.parameters().items() if np.any(g)]
lesson.outcome(
    f"Nothing at all; and at first only this learns: {', '.join(alive)}.", answer="nothing at all"
)

# %%
lesson.change(
    "an open gate",
    "Open the gate of the attention: add the line `fresh.modulation.b[32:48] = 1` below the one "
    "that makes `fresh`, and run again. Which parameters have a gradient now?",
    answer="The attention's as well, beside the linear map of the condition: a closed gate "
    "multiplies their gradients by zero, an open one lets them through. The MLP's gate is still "
    "closed, and so none of its parameters has a gradient. The block no longer starts as the "
    "identity.",
)

# %% [markdown]
# ## 3. Three ways to tell it the time
#
# - **In context**: time and label are two more tokens.
# - **Cross-attention**: each block also attends to these two.
# - **adaLN-Zero**: as above.
#
# Small digits make it affordable: $28 \times 28$ averaged to $14 \times 14$, with a margin to $16
# \times 16$: 16 patches of $4 \times 4$. All networks have the same width and depth, the same
# number of steps, the same batches.


# %%
def small(images):
    """uint8 digits -> (N, 16, 16, 1) in [-1, 1]: means of 2 x 2 pixels, and a margin of paper."""
    x = mnist.symmetric(images).reshape(-1, 14, 2, 14, 2, 1).mean(axis=(2, 4))  # (N, 14, 14, 1)
    return np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-1).astype(np.float32)


splits = mnist.splits()
train = small(splits.train.images[: lesson.size(50_000, quick=600)])
labels = splits.train.labels[: len(train)].astype(int)
process = Schedule.cosine(200)


def batch(rng):
    """Digits, times, noise, and labels, of which a tenth is left out."""
    rows = rng.integers(0, len(train), lesson.size(64, quick=8))
    y = np.where(rng.random(len(rows)) < 0.1, -1, labels[rows])
    x0, t = train[rows], rng.integers(1, process.T + 1, len(rows))
    return x0, t, rng.standard_normal(x0.shape, dtype=np.float32), y


def loss(net, x0, t, eps, y):
    return v_loss(net, x0, t, eps, process, y)


# %%
seconds = {}


def train_net(name, net, steps):
    """Train a network on the same batches as all others; its moving average."""
    lr = cosine(2e-3, steps, warmup=min(50, steps))
    rng = lesson.rng("batches")
    step = descend(loss, net, batch, lr=lr, ema=0.99, rng=rng, parallel=True)
    history = lesson.fit(step, steps, state=step.state, label=name)
    seconds[name] = history.seconds
    return step.averaged


# %%
def new_dit(dim, depth, conditioning="adaln-zero"):
    return DiT(
        lesson.rng("start"),
        size=(16, 16),
        patch=4,
        dim=dim,
        depth=depth,
        classes=10,
        conditioning=conditioning,
    )


# %%
steps = lesson.steps(1500, quick=2)
nets = {}
for conditioning in ("in-context", "cross-attention", "adaln-zero"):
    nets[conditioning] = train_net(conditioning, new_dit(64, 3, conditioning), steps)

# %% [markdown]
# They are judged twice. By the *loss* on test digits, all with the same times and noises, so that
# the differences are known much better than the losses themselves. And by the Fréchet distance of
# samples, enlarged to $28 \times 28$ for the pretrained classifier of `gan/08` (as the real ones
# are, for comparison).

# %%
classifier = lesson.pretrained("digit_classifier")
test = small(splits.test.images[: lesson.size(4000, quick=60)])
test_labels = splits.test.labels[: len(test)].astype(int)
rng = lesson.rng("test")
t = rng.integers(1, process.T + 1, len(test))
eps = rng.standard_normal(test.shape, dtype=np.float32)


def losses(net):
    """The loss of each test digit, (N,)."""

    def one(x0, t, eps, y):
        v = net(np.sqrt(a[t]) * x0 + np.sqrt(1 - a[t]) * eps, t, y)
        return np.mean((v - np.sqrt(a[t]) * eps + np.sqrt(1 - a[t]) * x0) ** 2, axis=(1, 2, 3))

    a = process.alpha_bar.astype(np.float32).reshape(-1, 1, 1, 1)
    return batched(one, test, t, eps, test_labels, size=250)


# %%
count = lesson.size(1000, quick=10)
asked = np.arange(count) % 10
noise = lesson.rng("samples").standard_normal((count, 16, 16, 1), dtype=np.float32)


def sample(net, noise, y, steps=lesson.size(25, quick=2)):
    """Small digits in [-1, 1], by DDIM."""

    def some(noise, y):
        told = conditional(eps_model_from_v(net, process), y)
        return ddim(clipped(told, process), noise, process, steps)

    return batched(some, noise, y, size=250, progress="digits")


def enlarged(x):
    """(N, 16, 16, 1) in [-1, 1] -> (N, 28, 28, 1) in [0, 1]: no margin, each pixel four times."""
    inner = (x[:, 1:-1, 1:-1].clip(-1, 1) + 1) / 2
    return np.repeat(np.repeat(inner, 2, axis=1), 2, axis=2)


# %%
reference = enlarged(test)
frechet, each = {}, {}
for name, net in nets.items():
    each[name] = losses(net)
    report = judge_digits(classifier, enlarged(sample(net, noise, asked)), reference, asked)
    frechet[name] = report.frechet

# %%
lesson.predict(
    "Which way has the lowest loss after the same number of steps?",
    ["in context", "cross-attention", "adaLN-Zero"],
)

# %%
best = "adaln-zero"
rows = []
for name in nets:
    difference = each[name] - each[best]
    error = np.std(difference) / np.sqrt(len(test))
    shown = "" if name == best else f"{np.mean(difference):+.4f} ± {error:.4f}"
    rows.append([name, f"{np.mean(each[name]):.4f}", shown, frechet[name], f"{seconds[name]:.0f}"])
header = [
    "condition",
    "test loss",
    "more than adaLN-Zero",
    "Fréchet distance",
    "seconds of training",
]
lesson.table(rows, header)

# %%
spoken = {
    "in-context": "in context",
    "cross-attention": "cross-attention",
    "adaln-zero": "adaLN-Zero",
}
lowest = min(nets, key=lambda name: np.mean(each[name]))
lesson.outcome(
    f"{spoken[lowest]}, {np.mean(each[lowest]):.4f}. (One training each: the standard errors are"
    " those of the test digits, not of the seeds.)",
    answer=spoken[lowest],
)
for name in ("in-context", "cross-attention"):
    gain = float(np.mean(each[name] - each[best]))
    lesson.claim(f"adaLN-Zero: test loss below that of {name}, by", gain, at_least=0.002)

# %% [markdown]
# ## 4. Size
#
# The paper's main finding: what counts is the number of operations for each picture. A token of
# width $D$ costs about $12 D^2$ multiplications in a block, and $2 L D$ more for attention to $L$
# tokens.

# %%
sizes = {
    "width 32, 2 blocks": (32, 2),
    "width 64, 3 blocks": (64, 3),
    "width 96, 4 blocks": (96, 4),
}
L = 16  # tokens


def megaflops(dim, depth):
    """Millions of multiplications and additions for one picture."""
    return 2 * L * depth * (12 * dim**2 + 2 * L * dim) / 1e6


by_size = {"width 64, 3 blocks": nets[best]}
for name, (dim, depth) in sizes.items():
    if name not in by_size:
        by_size[name] = train_net(name, new_dit(dim, depth), steps)
seconds["width 64, 3 blocks"] = seconds[best]

# %%
rows, curve = [], []
for name, (dim, depth) in sizes.items():
    value = float(np.mean(losses(by_size[name])))
    images = enlarged(sample(by_size[name], noise, asked))
    distance = judge_digits(classifier, images, reference, asked).frechet
    curve.append((megaflops(dim, depth), value, distance))
    rows.append([name, f"{curve[-1][0]:.0f}", f"{value:.4f}", distance, f"{seconds[name]:.0f}"])
lesson.table(rows, ["DiT", "megaflops", "test loss", "Fréchet distance", "seconds of training"])
lesson.claim("test loss, the largest over the smallest", curve[2][1] / curve[0][1], at_most=0.9)
lesson.claim(
    "Fréchet distance, the largest over the smallest", curve[2][2] / curve[0][2], at_most=0.7
)

# %%
fig, ax = plot.figure(size=(4.4, 2.9))
flops = [row[0] for row in curve]
plot.line(flops, {"Fréchet distance": [row[2] for row in curve]}, ax, markers=True, log="x")
ax.set_xticks(flops, [f"{f:.0f}" for f in flops])
ax.minorticks_off()
ax.set_xlabel("megaflops for one picture")
lesson.figure(
    fig, "scaling", "Do the samples get better with the computation? The same steps for each."
)

# %%
shown = [enlarged(sample(by_size[name], noise[:10], asked[:10])) for name in sizes]
order = list(sizes)
grid = plot.image_grid(np.concatenate(shown)[..., 0], cols=10, limits=(0, 1), row_labels=order)
lesson.figure(grid, "samples", "The labels 0 to 9, the same noise in each column.")


# %%
def draw(rng, n, label=None, steps=25):
    y = rng.integers(0, 10, n) if label is None else np.full(n, label)
    start = rng.standard_normal((n, 16, 16, 1), dtype=np.float32)
    return enlarged(sample(by_size["width 96, 4 blocks"], start, y, steps)), y


lesson.sampler("small digits", draw)

# %% [markdown]
# ## 5. Beside a U-Net
#
# A U-Net for the same small digits, trained for roughly as long as the middle DiT. A convolution
# knows from the start that neighbors belong together; a transformer has to learn it. How much is
# that knowledge worth, with so little training?

# %%
unet = UNet(lesson.rng("unet"), width=16, global_mlp=128, size=(16, 16), classes=10)
unet_steps = lesson.steps(1500, quick=2)  # for about as many seconds; see the table

# %%
unet = train_net("U-Net", unet, unet_steps)
value = float(np.mean(losses(unet)))
distance = judge_digits(classifier, enlarged(sample(unet, noise, asked)), reference, asked).frechet
rows = [
    ["DiT, width 64, 3 blocks", steps, f"{seconds[best]:.0f}", f"{curve[1][1]:.4f}", curve[1][2]],
    ["U-Net, width 16", unet_steps, f"{seconds['U-Net']:.0f}", f"{value:.4f}", distance],
]
lesson.table(rows, ["network", "steps", "seconds", "test loss", "Fréchet distance"])

# %% [markdown]
# ## Where the post is loose
#
# - DiT was made for *latents*: patches of the small grids of an autoencoder. On pixels, as here, it
#   is the same network.
# - adaLN and adaLN-Zero differ in the gates: without them the blocks do not start as the identity.
#
# **Left out:** the three sizes were trained equally long, not to their end; several seeds.
# **Next:** `diffusion/20`, all models of the four posts on one page.
#
# **Your turn:** `minigen exercise start diffusion/19`, then `minigen run diffusion/19 --with
# exercises/diffusion_19.py`.

# %%
lesson.finish()
