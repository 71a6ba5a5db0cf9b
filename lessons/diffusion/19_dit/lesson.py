# %% [markdown]
# # The diffusion transformer (DiT)
#
# The last part of the section *Model Architecture* (diffusion.s17) of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/): the *diffusion
# transformer* of Peebles and Xie (2023). In this lesson:
#
# 1. An image is cut into patches, and each patch becomes a *token*. The rest of the network is a
#    transformer without convolutions.
# 2. The time and the label enter in one of three ways: as further tokens, by cross-attention, or by
#    the scales, shifts and gates of *adaLN-Zero*. We compare the three at equal width, and at about
#    equal numbers of parameters.
# 3. The size of a transformer is easy to change. We compare three sizes after equally many steps,
#    and after equally many operations.
#
# Needed: attention (`diffusion/17`), v as the target of the training (`diffusion/11`), DDIM
# (`diffusion/10`), and for one paragraph the learned variance (`diffusion/07`).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/19_dit",
    title="The diffusion transformer (DiT)",
    post="diffusion",
    sections=["diffusion.s17"],
    figures=["diffusion.f19"],
    pretrained=["digit_classifier"],
    minutes=3,
    picture="efficiency",
    sources=["weng2021diffusion", "vaswani2017attention", "peebles2023dit"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.diffusion.ddpm import eps_model_from_v, v_loss
from minigen.diffusion.guidance import conditional
from minigen.diffusion.networks.unet import UNet
from minigen.diffusion.samplers import clipped, ddim
from minigen.diffusion.schedule import Schedule
from minigen.metrics.digits import judge_digits
from minigen.optim import cosine
from minigen.tensor import batched, grad
from minigen.train import descend

# %%
from minigen.diffusion.networks.dit import (
    DiT,
    DiTBlock,
    FinalLayer,
    modulate,
    patchify,
    sincos_2d,
    unpatchify,
)

# %% [markdown]
# ## 1. Patches and positions
#
# A transformer maps a sequence of tokens to another sequence of tokens. DiT *patchifies* its input,
# a latent of $I \times I \times C$ numbers, into $(I/p)^2$ patches of $p \times p$ positions, and
# each patch becomes one token. By hand: an image of $4 \times 4$ pixels, numbered row by row from 0
# to 15, is cut into patches of $2 \times 2$, so that each token has four numbers.

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
# Attention does not use the order of the tokens. So a *position* is added to each token: a vector
# of sines and cosines of its column (the first half of the features) and of its row (the second
# half). Do these vectors show which tokens are neighbors? The figure shows the cosines between the
# vector of position (3, 3), near the middle of a grid of $8 \times 8$, and those of all positions:

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
lesson.figure(
    fig, "positions", "In each row and each column the cosine falls with the distance from (3, 3)."
)

# %% [markdown]
# ## 2. The block (figure f19)
#
# A layer norm usually has a scale and a shift, each a learned constant. In *adaptive* layer norm
# (adaLN) they depend on the condition $c$, the sum of the embeddings of time and label (in the post
# $c$ is the label). For each sublayer, one linear map of $c$, after a SiLU, outputs a shift and a
# scale for the input, and a *gate*. The gate multiplies the output of the sublayer before it is
# added to $x$. A scale of 0 and a shift of 0 leave the normalized tokens as they are.

# %%
whole = {
    "x": plot.node("noised latent", "data", (0, 0)),
    "patch": plot.node("patchify, embed", at=(1, 0)),
    "blocks": plot.node("DiT blocks", "model", (2, 0)),
    "last": plot.node("last layer", "model", (3, 0)),
    "un": plot.node("unpatchify", at=(4, 0)),
    "out": plot.node("noise", "noise", (5, 0)),
    "var": plot.node("covariance", "noise", (5, 1)),
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
ways = ["x -> patch -> blocks -> last -> un -> out", "un -> var", "c -> blocks", "c -> last"]
ways += [
    "in -> n1 -> att -> g1 -> n2 -> mlp -> g2",
    *[f"map -> {k}" for k in ("n1", "g1", "n2", "g2")],
]
lesson.figure(
    plot.schematic(whole | block, ways),
    "f19_dit",
    "Above, the whole network; below, one of its blocks with adaLN-Zero. The output of a sublayer"
    " is multiplied by its gate and added to the tokens.",
)

# %%
lesson.exercise("diffusion/19/modulate")

# %% [markdown]
# So a sublayer, here attention, is
#
# $$x \leftarrow x + \text{gate}(c) \cdot \text{attention}\big(\text{norm}(x)\,(1 +
# \text{scale}(c)) + \text{shift}(c)\big).$$
#
# The post calls the scale $\gamma$, the shift $\beta$ and the gate $\alpha$. “Zero” refers to the
# initialization: all weights and biases of the linear map start at zero.

# %%
lesson.predict(
    "What does a fresh block with adaLN-Zero do to its tokens?",
    ["it sets them to zero", "nothing at all", "it normalizes them"],
)

# %%
rng = lesson.rng("block")
fresh = DiTBlock(rng, 16, 4)
x = rng.standard_normal((2, 5, 16), dtype=np.float32)
c = rng.standard_normal((2, 16), dtype=np.float32)
lesson.check("change by a fresh block", np.abs(fresh(x, c) - x).max(), equals=0)


def loss_of_block(block):
    return np.sum(block(x, c) * np.cos(x))


gradient = grad(loss_of_block)(fresh)
alive = [name for name, g in gradient.parameters().items() if np.any(g)]
lesson.outcome(
    f"Nothing at all. At first only these have a gradient: {', '.join(alive)}.",
    answer="nothing at all",
)

# %%
lesson.show_source(modulate, DiTBlock)
two = np.array([[[2.0, -1.0], [0.5, 3.0]]])  # one example, two tokens
shift, scale = np.array([[0.1, -0.2]]), np.array([[0.5, 0.0]])
lesson.check("2 (1 + 0.5) + 0.1, ...", modulate(two, shift, scale)[0, 0], equals=[3.1, -1.2])

# %%
lesson.change(
    "an open gate",
    "Open the gate of the attention: add the line `fresh.modulation.b[32:48] = 1` below the one "
    "that makes `fresh`, and run again. Which parameters have a gradient now?",
    answer="Those of the attention as well, besides the linear map of the condition: a closed gate "
    "multiplies the gradients of its sublayer by zero, an open one does not. The gate of the MLP "
    "is still closed, so none of the MLP's parameters has a gradient. The block no longer starts "
    "as the identity.",
)

# %% [markdown]
# In the paper the last layer outputs two values for each number of the latent: the predicted noise
# and a *diagonal covariance*, the learned variance of `diffusion/07`. Only the number of output
# features changes: a token of $4 \times 4$ pixels then has $2 \cdot 16$.

# %%
last = FinalLayer(rng, 16, 2 * 4 * 4)
tokens = rng.standard_normal((2, 16, 16), dtype=np.float32)  # 16 tokens of width 16
both = unpatchify(last(tokens, c), 4, 16, 16)
noise, v = np.split(both, 2, axis=3)
lesson.check("shapes of noise and covariance", [noise.shape, v.shape], equals=[(2, 16, 16, 1)] * 2)

# %% [markdown]
# Our networks output the first half only, and the variance is fixed.
#
# ## 3. Three ways to condition on time and label
#
# - **In context**: the embeddings of time and label are two more tokens.
# - **Cross-attention**: in each block the tokens also attend to these two.
# - **adaLN-Zero**: as above.
#
# To keep the trainings short we take small digits: $28 \times 28$ pixels are averaged to $14 \times
# 14$, and a margin extends these to $16 \times 16$, which are 16 patches of $4 \times 4$. All
# networks are trained with the same number of steps and the same batches. The first three have the
# same width and depth, but then they differ in their numbers of parameters: a block of width $D$
# has about $12 D^2$, cross-attention adds $4 D^2$ and the linear map of adaLN-Zero $6 D^2$. So we
# train two more networks, with larger widths, which have about as many parameters as that of
# adaLN-Zero.


# %%
def small(images):
    """uint8 digits -> (N, 16, 16, 1) in [-1, 1]: means of 2 x 2 pixels, and a blank margin."""
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
seconds, training_loss = {}, {}


def train_net(name, net, steps):
    """Train a network on the same batches as all others; its moving average."""
    lr = cosine(2e-3, steps, warmup=min(50, steps))
    rng = lesson.rng("batches")
    step = descend(loss, net, batch, lr=lr, ema=0.99, rng=rng, parallel=True)
    history = lesson.fit(step, steps, state=step.state, label=name)
    seconds[name], training_loss[name] = history.seconds, np.array(history["loss"])
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
L = 16  # tokens


def megaflops(dim, depth, conditioning="adaln-zero"):
    """Millions of multiplications and additions for one image, in the blocks."""
    tokens = L + 2 * (conditioning == "in-context")
    products = tokens * (12 * dim**2 + 2 * tokens * dim)
    if conditioning == "adaln-zero":
        products += 6 * dim**2  # once for all tokens
    if conditioning == "cross-attention":
        products += 2 * (L + 2) * dim**2 + 4 * L * dim
    return 2 * depth * products / 1e6


def parameters(net):
    return sum(value.size for value in net.parameters().values())


# %%
kinds = {
    "in-context": (64, "in-context"),
    "cross-attention": (64, "cross-attention"),
    "adaln-zero": (64, "adaln-zero"),
    "in-context, wider": (80, "in-context"),
    "cross-attention, wider": (68, "cross-attention"),
}
steps = lesson.steps(1000, quick=2)
nets = {}
for name, (width, kind) in kinds.items():
    nets[name] = train_net(name, new_dit(width, 3, kind), steps)

# %% [markdown]
# We judge the networks by two measures. The first is the *loss* on test digits. The times and
# noises are the same for all networks, so the differences of the losses have much smaller standard
# errors than the losses themselves. The second is the Fréchet distance of their samples to real
# digits, in the features of the pretrained classifier of `gan/08`. For this classifier all digits
# are enlarged to $28 \times 28$ pixels, the real ones too.

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


# %% [markdown]
# To give the loss a scale, we compute it for the best linear prediction of a pixel from its own
# noisy value. This prediction uses the variance $s^2$ of all pixels, and neither the place of the
# pixel, nor its neighbors, nor the label. The mean squared error of $x_0$ is then $s^2 (1 -
# \bar\alpha) / (\bar\alpha s^2 + 1 - \bar\alpha)$, and that of v is larger by the factor $1/(1 -
# \bar\alpha)$.

# %%
variance = train.var()
a = process.alpha_bar[1:]
of_pixels = float(np.mean(variance / (a * variance + 1 - a)))


def gain(better, worse):
    """How far the mean loss `better` is below `worse`, in standard errors of the difference; NaN if
    `better` is not below the loss from single pixels."""
    difference = worse - better
    error = np.std(difference) / np.sqrt(len(difference))
    return float(np.mean(difference) / error) if np.mean(better) < of_pixels else np.nan


# %%
count = lesson.size(1000, quick=10)
asked = np.arange(count) % 10
noise = lesson.rng("samples").standard_normal((count, 16, 16, 1), dtype=np.float32)


def sample(net, noise, y, steps=lesson.size(25, quick=2)):
    """Small digits in [-1, 1], by DDIM."""

    def some(noise, y):
        labeled = conditional(eps_model_from_v(net, process), y)
        return ddim(clipped(labeled, process), noise, process, steps)

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
    "At the same width and depth, which way has the lowest loss after the same number of steps?",
    ["in context", "cross-attention", "adaLN-Zero"],
)

# %%
best = "adaln-zero"
rows, above = [], {}
for name, (width, kind) in kinds.items():
    difference = each[name] - each[best]
    above[name] = float(np.mean(difference))
    error = np.std(difference) / np.sqrt(len(test))
    shown = "" if name == best else f"{above[name]:+.4f} ± {error:.4f}"
    size = [width, f"{parameters(nets[name]):,}", f"{megaflops(width, 3, kind):.1f}"]
    rows.append([name, *size, f"{np.mean(each[name]):.4f}", shown, frechet[name]])
header = ["condition", "width", "parameters", "megaflops", "test loss"]
lesson.table(rows, [*header, "more than adaLN-Zero", "Fréchet distance"])
print(f"The test loss from single pixels: {of_pixels:.4f}")

# %%
spoken = {
    "in-context": "in context",
    "cross-attention": "cross-attention",
    "adaln-zero": "adaLN-Zero",
}
lowest = min(spoken, key=lambda name: np.mean(each[name]))
wider = [f"{above[name]:+.4f} ({name})" for name in list(kinds)[3:]]
lesson.outcome(
    f"{spoken[lowest]}, {np.mean(each[lowest]):.4f}. At about equal parameters the others are"
    f" above adaLN-Zero by {' and '.join(wider)}. (One training each: the standard errors are those"
    " of the test digits, not of the seeds.)",
    answer=spoken[lowest],
)

# %%
lesson.claim(
    "adaLN-Zero: test loss over that of single pixels",
    float(np.mean(each[best]) / of_pixels),
    at_most=0.43,
    source="theory: 1 for single pixels; seeds 0, 1: 0.32, 0.32, plus a third",
)
# %%
lesson.claim(
    "adaLN-Zero below in-context, in standard errors",
    gain(each[best], each["in-context"]),
    at_least=27,
    source="Peebles and Xie 2023, at equal width: lower; seeds 0, 1: 41, 48, less a third",
)
lesson.claim(
    "adaLN-Zero below cross-attention, in standard errors",
    gain(each[best], each["cross-attention"]),
    at_least=27,
    source="Peebles and Xie 2023, at equal width: lower; seeds 0, 1: 41, 52, less a third",
)

# %%
others = list(kinds)[3:]
trained = max(np.mean(each[name]) for name in others) < of_pixels
lesson.claim(
    "at equal parameters: the better other test loss above adaLN-Zero's",
    min(above[name] for name in others) if trained else np.nan,
    at_least=0.0029,
    source="seeds 0, 1, 4645: 0.0073, 0.0082, 0.0059, less a half; without an advantage: 0",
)

# %% [markdown]
# The paper, too, compares the three at equal width and depth, where they need about equally many
# operations for each image (the column of megaflops). The linear map of adaLN-Zero has many
# parameters and costs little, because it is applied once to each image and not to each token.
#
# ## 4. Size
#
# A transformer is easily scaled up: more blocks, a larger width, smaller patches. The paper's main
# finding is that the samples improve with the number of operations for each image. A token of
# width $D$ costs about $12 D^2$ multiplications in a block, and $2 L D$ more for attention to $L$
# tokens.

# %%
sizes = {
    "width 32, 2 blocks": (32, 2),
    "width 64, 3 blocks": (64, 3),
    "width 96, 4 blocks": (96, 4),
}
by_size = {"width 64, 3 blocks": nets[best]}
for name, (dim, depth) in sizes.items():
    if name not in by_size:
        by_size[name] = train_net(name, new_dit(dim, depth), steps)
for record in (seconds, training_loss):
    record["width 64, 3 blocks"] = record[best]

# %%
rows, curve = [], []
of_size = {name: losses(net) for name, net in by_size.items()}
for name, (dim, depth) in sizes.items():
    value = float(np.mean(of_size[name]))
    images = enlarged(sample(by_size[name], noise, asked))
    distance = judge_digits(classifier, images, reference, asked).frechet
    curve.append((megaflops(dim, depth), value, distance))
    size = [f"{parameters(by_size[name]):,}", f"{curve[-1][0]:.1f}"]
    rows.append([name, *size, f"{value:.4f}", distance, f"{seconds[name]:.0f}"])
header = ["DiT", "parameters", "megaflops", "test loss", "Fréchet distance"]
lesson.table(rows, [*header, "seconds of training"])

# %%
smallest, _, largest = sizes
lesson.claim(
    "largest size below smallest, in standard errors",
    gain(of_size[largest], of_size[smallest]),
    at_least=46,
    source="Peebles and Xie 2023: larger is better; seeds 0, 1: 75, 69, less a third",
)
lesson.claim(
    "Fréchet distance, largest size over smallest",
    curve[2][2] / curve[0][2] if np.mean(of_size[largest]) < of_pixels else np.nan,
    at_most=0.69,
    source="Peebles and Xie 2023: larger is better; seeds 0, 1: 0.51, 0.52, plus a third",
)

# %%
fig, ax = plot.figure(size=(4.4, 2.9))
flops = [row[0] for row in curve]
plot.line(flops, {"Fréchet distance": [row[2] for row in curve]}, ax, markers=True, log="x")
ax.set_xticks(flops, [f"{f:.0f}" for f in flops])
ax.minorticks_off()
ax.set_xlabel("megaflops for one image")
lesson.figure(fig, "scaling", "DiTs of three sizes, after equally many steps of training.")

# %% [markdown]
# In equally many steps a larger network takes more operations. Is it more *compute efficient*: does
# it have a lower loss after equally many operations? A step costs about three times the operations
# of a forward pass of its 64 images, since the backward pass needs about twice as many as the
# forward pass.

# %%
lesson.predict(
    "After as many operations as the smallest network's whole training, which training loss is the"
    " lowest?",
    list(sizes),
)

# %%
window = max(steps // 20, 1)
per_step = {name: 3 * 64 * megaflops(*size) / 1e6 for name, size in sizes.items()}  # 10¹²


def smoothed(name):
    """The means of the training loss over `window` steps."""
    return np.convolve(training_loss[name], np.ones(window) / window, mode="valid")


spent_after = np.arange(window, steps + 1)
curves = {name: (per_step[name] * spent_after, smoothed(name)) for name in sizes}


def loss_at(name, budget):
    """The smoothed training loss of a network after a budget of operations, in 10¹²; NaN if its
    training has ended before."""
    return float(np.interp(budget, *curves[name], right=np.nan))


# %%
fig, ax = plot.figure(size=(4.8, 3.0))
ax.set(xscale="log", yscale="log", xlabel="operations, in 10¹²", ylabel="training loss")
for name, (spent, smooth) in curves.items():
    (drawn,) = ax.plot(spent, smooth)
    text, start = name.replace(", ", "\n"), (spent[0], smooth[0])
    ax.annotate(text, start, (0, 5), textcoords="offset points", color=drawn.get_color())
ax.set_yticks([0.2, 0.3, 0.4, 0.6], ["0.2", "0.3", "0.4", "0.6"])
ax.minorticks_off()
lesson.figure(fig, "efficiency", f"Training loss, means of {window} steps, against the operations.")

# %%
names = list(sizes)
budgets = {name: per_step[name] * steps for name in names[:2]}
at = {name: [loss_at(other, budget) for other in names] for name, budget in budgets.items()}
rows = [
    [name, budget, *("ended" if np.isnan(value) else f"{value:.3f}" for value in at[name])]
    for name, budget in budgets.items()
]
lesson.table(rows, ["operations of", "in 10¹²", *names], "training loss after equal operations")
winner = names[int(np.argmin(at[names[0]]))]
second = names[int(np.nanargmin(at[names[1]]))]
lesson.outcome(
    f"The network of {winner}, {min(at[names[0]]):.3f}. With the operations of the middle network's"
    f" training it is that of {second}. (The training of the smallest has ended by then.)",
    answer=winner,
)

# %% [markdown]
# The paper finds larger networks more compute efficient, for networks of 33 to 675 million
# parameters in far longer trainings. It counts the backward pass as we do. Our comparison is short,
# and each row favors the network that it is named after: the learning rate of this network has
# fallen to zero by then, and those of the larger networks have not. With this schedule a fair
# comparison needs a training of its own for each budget.

# %%
shown = [enlarged(sample(by_size[name], noise[:10], asked[:10])) for name in sizes]
order = list(sizes)
grid = plot.image_grid(np.concatenate(shown)[..., 0], cols=10, limits=(0, 1), row_labels=order)
lesson.figure(grid, "samples", "The labels 0 to 9, with the same noise in each column.")


# %%
def draw(rng, n, label=None, steps=25):
    y = rng.integers(0, 10, n) if label is None else np.full(n, label)
    start = rng.standard_normal((n, 16, 16, 1), dtype=np.float32)
    return enlarged(sample(by_size["width 96, 4 blocks"], start, y, steps)), y


lesson.sampler("small digits", draw)

# %% [markdown]
# ## 5. Beside a U-Net
#
# We train a U-Net on the same small digits, with the same steps and batches. It has somewhat fewer
# parameters than the DiT and takes about the same time. A convolution has two properties of images
# built in: an output depends on neighboring pixels only, and the weights are the same everywhere. A
# transformer has to learn from the data which tokens belong together. How much does this matter in
# so short a training? We also count the steps after which one network reaches the last training
# loss of the other.

# %%
lesson.predict(
    "How does the U-Net's test loss compare with that of the DiT?",
    ["lower than the DiT's by more than 5 %", "within 5 %", "higher by more than 5 %"],
)

# %%
unet = UNet(lesson.rng("unet"), width=16, global_mlp=128, size=(16, 16), classes=10)
unet = train_net("U-Net", unet, steps)

# %%
value = float(np.mean(losses(unet)))
distance = judge_digits(classifier, enlarged(sample(unet, noise, asked)), reference, asked).frechet
dit = by_size["width 64, 3 blocks"]
rows = []
for name, net, *measured in (
    ("DiT, width 64, 3 blocks", dit, *curve[1][1:]),
    ("U-Net, width 16", unet, value, distance),
):
    rows.append([name, f"{parameters(net):,}", *measured])
rows[0].append(f"{seconds['width 64, 3 blocks']:.0f}")
rows[1].append(f"{seconds['U-Net']:.0f}")
header = ["network", "parameters", "test loss", "Fréchet distance", "seconds of training"]
lesson.table(rows, header)

# %%
ratio = value / curve[1][1]
choice = "within 5 %" if abs(ratio - 1) <= 0.05 else "higher by more than 5 %"
lower = "lower than the DiT's by more than 5 %"
last_losses = {name: smoothed(name)[-1] for name in ("width 64, 3 blocks", "U-Net")}
ahead = min(last_losses, key=last_losses.get)
reached = window + int(np.argmax(smoothed(ahead) <= max(last_losses.values())))
lesson.outcome(
    f"{ratio:.2f} times the DiT's; the Fréchet distances are {distance:.1f} and {curve[1][2]:.1f}"
    f" (U-Net and DiT). The {'U-Net' if ahead == 'U-Net' else 'DiT'} reaches the last training loss"
    f" of the other network after {reached} of {steps} steps.",
    answer=lower if ratio < 0.95 else choice,
)

# %% [markdown]
# ## 6. Where the post is loose
#
# - “convert it into a sequence of patches of size $(I/p)^2$”: $(I/p)^2$ is the size of the
#   sequence, the *number* of patches. A patch has $p^2 C$ numbers.
# - “*adaLN (Adaptive layer norm)-Zero* works out the best”: in the paper at equal width and depth,
#   where it has the most parameters; in our runs also at about equal numbers of parameters (section
#   3). And the word “Zero” is not explained: the linear map starts at zero, so that each block
#   starts as the identity (section 2).
# - “The transformer decoder outputs noise predictions”: in DiT the decoder is the last layer, a
#   norm and one linear map. It is not the decoder of an encoder-decoder transformer.
#
# Our deviations: the paper's DiT works on the latents of an autoencoder (`diffusion/13`), ours on
# pixels; its network also predicts a covariance, ours does not; and our loss is that of v.
#
# **Left out:** adaLN without gates; smaller patches; comparisons over several seeds and of
# trainings to convergence. **Next:** `diffusion/20`, all models of the four posts on one page.
#
# **Your turn:** `minigen exercise start diffusion/19`, then `minigen run diffusion/19 --with
# exercises/diffusion_19.py`.

# %%
lesson.finish()
