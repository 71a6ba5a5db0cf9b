# %% [markdown]
# # ControlNet: a trained network learns to follow lines
#
# From the section *Model Architecture* (diffusion.s17) of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/): Zhang, Rao and Agrawala
# (2023). You should have met the U-Net and the base model for digits. To take away:
#
# 1. A label says *what*; edges or a skeleton say *where*. A trained network can be taught such a
#    condition without touching its weights: a copy of its way down learns beside it.
# 2. The copy is joined by *zero convolutions*, so that at first nothing changes at all.
# 3. Can weights that are all zero learn? It depends on what stands before and behind them.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/18_controlnet",
    title="ControlNet: a trained network learns to follow lines",
    post="diffusion",
    sections=["diffusion.s17"],
    figures=["diffusion.f18"],
    pretrained=["digit_classifier", "digit_diffusion"],
    minutes=6,
    sources=["weng2021diffusion", "zhang2023controlnet"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.data.contours import edges, skeletons
from minigen.diffusion.ddpm import eps_model_from_v, v_loss
from minigen.diffusion.networks.controlnet import ControlNet, controlled, conv1x1_gradients
from minigen.diffusion.samplers import clipped, ddim
from minigen.metrics.contours import contour_f1
from minigen.metrics.digits import label_accuracy
from minigen.nn import Conv2d
from minigen.tensor import batched, grad
from minigen.train import descend

# %% [markdown]
# ## 1. By hand: weights of zero
#
# A network works, and you want to add something to it: $y = x + w\,h + b$, where $h = 0.5$ comes
# from a new branch. With $w = b = 0$ nothing has changed yet. You would like $y$ to be larger: the
# gradient that arrives at $y$ is $g = -2$. Everybody has heard that a network must not start with
# zeros, since then it never learns.

# %%
lesson.predict(
    "What are the gradients in w and in b, if both are 0?",
    ["both are 0: it never learns", "in w: -1, in b: -2", "in w: 0, in b: -2"],
)

# %%
lesson.exercise("diffusion/18/conv1x1_gradients")

# %%
h, w = np.array([[[[0.5]]]]), np.zeros((1, 1))
dw, db, dh = conv1x1_gradients(h, w, np.array([[[[-2.0]]]]))
lesson.show_source(conv1x1_gradients)
lesson.table([[dw.item(), db.item(), dh.item() + 0.0]], ["gradient in w", "in b", "in h"])
lesson.outcome(
    "In w it is h times g, -1; in b it is g. What is zero is the gradient in h: it is w times g. So"
    " the zero convolution learns at once.",
    answer="in w: -1, in b: -2",
)

# %% [markdown]
# "Never start with zeros" is about *two* layers in a row that are zero, or about many units that
# are all alike. One such layer, behind a branch that is not zero, is fine.

# %%
lesson.change(
    "two zeros in a row",
    "Let the branch end in a zero convolution of its own, so that it sends nothing: change the 0.5 "
    "in `h` to 0.0 and run again. Which gradients are left?",
    answer="Only that in b, -2. The gradient in w is zero now, for it is h times g; and the one in "
    "h is zero as before, so that the zero convolution before this one has no gradient either. Of "
    "two zeros in a row neither weight learns.",
)

# %% [markdown]
# ## 2. One block (figure f18)
#
# The block of a trained network, $y = F(x)$, is *locked*. A copy of it, in training, gets $x$ plus
# the condition $c$; two zero convolutions $\mathcal Z$ stand at its entrance and its exit.

# %%
before = {
    "x0": plot.node("$x$", at=(0, 0)),
    "F0": plot.node("block", "model", (1, 0)),
    "y0": plot.node("$y$", at=(2, 0)),
}

# %%
after = {
    "x": plot.node("$x$", at=(0, 1)),
    "F": plot.node("block, locked", "frozen", (2.5, 1)),
    "y": plot.node("+", "operation", (5, 1)),
    "yc": plot.node("$y_c$", at=(6, 1)),
    "c": plot.node("condition $c$", "data", (0, 3)),
    "zin": plot.node("zero convolution", "loss", (1, 3)),
    "plus": plot.node("+", "operation", (2, 2.5)),
    "copy": plot.node("copy, trained", "model", (3, 2.5)),
    "zout": plot.node("zero convolution", "loss", (4, 2.5)),
}
ways = ["x0 -> F0 -> y0", "x -> F -> y -> yc", "x -> plus", "c -> zin -> plus -> copy -> zout -> y"]

# %%
lesson.figure(
    plot.schematic(before | after, ways),
    "f18_block",
    "Above, a block of a trained network; below, the same block under control.",
)

# %%
lesson.exercise("diffusion/18/controlled")

# %% [markdown]
# With the two zero convolutions, $\mathcal Z_\mathrm{in}$ and $\mathcal Z_\mathrm{out}$, it is
#
# $$y_c = F(x) + \mathcal Z_\mathrm{out}\big(F_\mathrm{copy}(x + \mathcal
# Z_\mathrm{in}(c))\big).$$

# %%
lesson.show_source(controlled)


def block(x):
    return np.tanh(3 * x)


def silent(h):
    return 0 * h


x, c = lesson.rng("block").standard_normal((2, 1, 4, 4, 1))
change = controlled(block, block, silent, silent, x, 100 * c) - block(x)
lesson.check("with zero convolutions: what changes", np.abs(change).max(), equals=0)

# %% [markdown]
# ## 3. A whole U-Net
#
# The paper does this with the way down of a U-Net: all of it is copied, and what the copy computes
# enters the *way up* of the locked one, through a zero convolution at each level. The picture $c$
# passes a small convolution and a zero convolution, and joins the copy behind its first
# convolution. The locked network is the pretrained base model of `diffusion/09`.

# %%
base = lesson.pretrained("digit_diffusion")
process = base.schedule
net = ControlNet(lesson.rng("edges"), base.net)
lesson.show_source(ControlNet)

# %%
splits = mnist.splits()
train = splits.train.images[: lesson.size(50_000, quick=500)]
held_out = splits.test.images[: lesson.size(200, quick=12)]
asked = splits.test.labels[: len(held_out)].astype(int)
wanted = {"edges": edges(mnist.unit(held_out)), "skeletons": skeletons(mnist.unit(held_out))}
extract = {"edges": edges, "skeletons": skeletons}

# %%
shown = [mnist.unit(held_out[:10]), wanted["edges"][:10], wanted["skeletons"][:10]]
grid = plot.image_grid(
    np.concatenate(shown)[..., 0],
    cols=10,
    limits=(0, 1),
    row_labels=["digits", "edges", "skeletons"],
)
lesson.figure(
    grid,
    "conditions",
    "Test digits, and what is taken from them: the outlines of the ink; and the strokes, thinned to"
    " one pixel. The skeleton does not say how thick a stroke was.",
)

# %% [markdown]
# Before training, the controlled network must be the base model, to the last bit.

# %%
rng = lesson.rng("start")
x = rng.standard_normal(held_out[:8].shape + (1,), dtype=np.float32)
t = rng.integers(1, process.T + 1, 8)
gap = np.abs(net(x, t, asked[:8], wanted["edges"][:8]) - base.net(x, t, asked[:8])).max()
lesson.check("before training: largest difference from the base", gap, equals=0)

# %% [markdown]
# Which parts of it have a gradient at the first step?

# %%
lesson.predict(
    "At the first step, with everything behind zero convolutions,",
    [
        "no part has a gradient",
        "only the zero convolutions at the exit have one",
        "all but the locked network have one",
    ],
)


# %%
def control_loss(net, x0, t, eps, y, c):
    """The base model's own loss, with the picture c: v, at time t."""

    def v_model(x, t, y):
        return net(x, t, y, c)

    return v_loss(v_model, x0, t, eps, process, y)


def batches(of):
    """A function that draws batches of digits and their edges or skeletons; half have no label."""

    def draw(rng):
        rows = rng.integers(0, len(train), lesson.size(32, quick=4))
        x0 = mnist.symmetric(train[rows])
        y = np.where(rng.random(len(rows)) < 0.5, -1, splits.train.labels[rows].astype(int))
        t = rng.integers(1, process.T + 1, len(rows))
        c = extract[of](mnist.unit(train[rows]))
        return x0, t, rng.standard_normal(x0.shape, dtype=np.float32), y, c

    return draw


# %%
def sizes(net, batch):
    """The length of the gradient in each part of the network."""
    gradient = grad(control_loss)(net, *batch)
    squares = {}
    for name, g in gradient.parameters().items():
        part = name.split(".")[0]
        squares[part] = squares.get(part, 0.0) + float(np.sum(g**2))
    return {part: np.sqrt(total) for part, total in squares.items()}


first = sizes(net, batches("edges")(lesson.rng("first batch")))

# %%
parts = ["zero_low", "zero_skip", "zero_in", "hint", "trained"]
lesson.table([[part, first[part]] for part in parts], ["part", "gradient at the first step"])
alive = {part for part in parts if first[part] > 0}
lesson.outcome(
    "Only " + " and ".join(sorted(alive)) + ". The gradient in what lies before a zero convolution"
    " is zero at the first step, so all else waits for the second.",
    answer="only the zero convolutions at the exit have one",
)
lesson.check("parts with a gradient at the first step", len(alive), equals=2)

# %% [markdown]
# ## 4. Training on edges
#
# Half of the labels are left out, so that the network learns to read the lines themselves (the
# paper does the same with its texts). The authors report *sudden convergence*: for thousands of
# steps the control is ignored, then from one moment to the next it is followed. So we look in
# between: twenty digits, whose edges are extracted again and compared with those that were given.
# The measure is the F1 score: 1 if every pixel of an edge is found, and none besides.


# %%
def sample(net, c, y, rng, steps=20):
    """Digits in [0, 1] that follow the pictures c, with labels y (-1: none)."""
    noise = rng.standard_normal(c.shape, dtype=np.float32)

    def some(noise, c, y):
        def v_model(x, t):
            return net(x, t, y, c)

        eps_model = clipped(eps_model_from_v(v_model, process), process)
        return ddim(eps_model, noise, process, steps)

    return (batched(some, noise, c, y, size=100, progress="digits").clip(-1, 1) + 1) / 2


def followed(images, of):
    """The mean F1 score of the lines of these images against those that were asked for."""
    lines = extract[of](images)
    return float(np.mean(contour_f1(lines, wanted[of][: len(lines)], tolerance=0)))


# %%
def train_control(net, of, steps):
    """Train it. Returns its moving average, ten moments, and how well it followed at each."""
    step = descend(
        control_loss, net, batches(of), lr=1e-3, ema=0.99, rng=lesson.rng(of), parallel=True
    )
    moments = np.unique(np.arange(10) * steps // 10)
    seen = np.zeros(len(moments))
    few = wanted[of][: lesson.size(20, quick=2)]

    def watched(i):
        if i in moments:
            images = sample(step.averaged, few, np.full(len(few), -1), lesson.rng("seen"), 10)
            seen[moments == i] = followed(images, of)
        return step(i)

    lesson.fit(watched, steps, state={**step.state, "seen": seen}, label=of)
    return step.averaged, moments, seen


# %%
weights_before = {name: a.copy() for name, a in base.net.state().items()}
steps = lesson.steps(800, quick=2)
by_edges, moments, seen = train_control(net, "edges", steps)
same = all(np.array_equal(a, weights_before[name]) for name, a in by_edges.frozen.state().items())
lesson.check("the locked network after training, bit for bit as before", float(same), equals=1)

# %%
fig, ax = plot.figure(size=(4.6, 2.8))
plot.line(moments, {"edges followed": seen}, ax, markers=True, xlabel="step")
ax.set_ylabel("F1 of the edges")
lesson.figure(
    fig,
    "convergence",
    "How well the samples follow the edges, in the course of training.",
)
rise = np.diff(seen)
if not lesson.quick:
    k = int(np.argmax(rise))
    share = rise[k] / np.ptp(seen)
    print(f"between steps {moments[k]} and {moments[k + 1]}: {share:.0%} of the whole rise")

# %% [markdown]
# ## 5. What it can do

# %%
nobody = np.full(len(held_out), -1)
without = np.zeros_like(wanted["edges"])


def base_net(x, t, y, c):
    """The base model, deaf to c."""
    return base.net(x, t, y)


results = {}
for name, model, y in [
    ("base, no label", base_net, nobody),
    ("base, with the label", base_net, asked),
    ("edges, no label", by_edges, nobody),
    ("edges and label", by_edges, asked),
]:
    results[name] = sample(model, wanted["edges"], y, lesson.rng("judge"))

# %%
classifier = lesson.pretrained("digit_classifier")
agreement = {name: followed(images, "edges") for name, images in results.items()}
rows = []
for name, images in results.items():
    rows.append([name, agreement[name], f"{label_accuracy(classifier, images, asked):.1%}"])
true_edges = followed(mnist.unit(held_out), "edges")
rows.append(["the digits themselves", true_edges, ""])
lesson.table(rows, ["samples", "F1 of the edges", "read as the digit it was"])

# %%
gain = agreement["edges, no label"] / agreement["base, with the label"]
lesson.claim("edges followed, over the base model told the label", gain, at_least=2)
read = label_accuracy(classifier, results["edges, no label"], asked)
lesson.claim("with edges and no label: read as the digit it was", read, at_least=0.8)

# %%
several = [
    sample(by_edges, wanted["edges"][:10], asked[:10], lesson.rng(f"noise {k}")) for k in (1, 2)
]
rows = [
    mnist.unit(held_out[:10]),
    wanted["edges"][:10],
    *several,
    results["base, with the label"][:10],
]

# %%
grid = plot.image_grid(
    np.concatenate(rows)[..., 0],
    cols=10,
    limits=(0, 1),
    row_labels=["digit", "its edges", "sample", "another", "no control"],
)
lesson.figure(
    grid,
    "edges",
    "Samples that were given the edges and the label, from two noises; last row, the base model,"
    " which has only the label. Compare where the strokes are.",
)

# %% [markdown]
# ## 6. Skeletons
#
# A second copy learns to follow skeletons, which leave open how thick the stroke is. The locked
# network is the same one: it serves all controls.

# %%
by_skeletons, _, _ = train_control(
    ControlNet(lesson.rng("skeletons"), base.net), "skeletons", lesson.steps(500, quick=2)
)
drawn = sample(by_skeletons, wanted["skeletons"], asked, lesson.rng("judge"))
score = followed(drawn, "skeletons")
deaf = followed(results["base, with the label"], "skeletons")
lesson.table(
    [["skeleton and label", score], ["label only", deaf]], ["samples", "F1 of the skeletons"]
)
lesson.claim("skeletons followed, over the base model told the label", score / deaf, at_least=2)


# %%
def draw(rng, n, label=None, steps=20):
    rows = rng.integers(0, len(held_out), n)
    if label is not None:
        rows = rng.choice(np.flatnonzero(asked == label), n)
    return sample(by_skeletons, wanted["skeletons"][rows], asked[rows], rng, steps), asked[rows]


lesson.sampler("skeletons", draw)

# %% [markdown]
# One skeleton, several labels: a skeleton and a label that contradict each other. Who wins?

# %%
one = np.repeat(wanted["skeletons"][:3], 10, axis=0)
every = np.tile(np.arange(10), 3)
torn = sample(by_skeletons, one, every, lesson.rng("torn"))
first_column = wanted["skeletons"][:3]
pictures = [np.concatenate([first_column[k : k + 1], torn[10 * k : 10 * k + 10]]) for k in range(3)]
labels = ["skeleton", *[f"label {k}" for k in range(10)]]
grid = plot.image_grid(np.concatenate(pictures)[..., 0], cols=11, limits=(0, 1), col_labels=labels)
lesson.figure(
    grid,
    "torn",
    "Each row one skeleton, with each of the ten labels. Look which of the two each sample obeys.",
)

# %% [markdown]
# ## 7. Without zero convolutions
#
# What if the convolutions start as usual, at random? Then on the first day of training the network,
# which took so long to train, hears noise at every level.


# %%
def with_random_joints():
    """The controlled network with ordinary weights in the place of zeros."""
    net = ControlNet(lesson.rng("random"), base.net)
    for name in ("zero_low", "zero_skip", "zero_in"):
        c = np.shape(getattr(net, name).w)[3]
        setattr(net, name, Conv2d(lesson.rng(name), c, c, 1))
    return net


# %%
rng = lesson.rng("losses")
batch = [batches("edges")(rng) for _ in range(lesson.size(8, quick=2))]
fresh = ControlNet(lesson.rng("edges"), base.net)
losses = {}
for name, net in [("zero", fresh), ("random", with_random_joints()), ("trained", by_edges)]:
    losses[name] = float(np.mean([control_loss(net, *each) for each in batch]))

# %%
lesson.table(
    [
        ["zero convolutions, before training", losses["zero"]],
        ["random convolutions, before training", losses["random"]],
        ["zero convolutions, trained", losses["trained"]],
    ],
    ["joints", "loss"],
)
lesson.claim(
    "random joints: loss before training over the base's",
    losses["random"] / losses["zero"],
    at_least=2,
)
lesson.claim("with edges: loss over the base's", losses["trained"] / losses["zero"], at_most=0.9)

# %% [markdown]
# ## Where the post is loose
#
# - It shows one block; in the paper the copy is of the whole way down, and the way up is only
#   listened to.
# - "Zero convolutions eliminate random noise as gradients": they keep random *values* out of the
#   locked network; the gradient of the copy is exactly zero for one step.
#
# **Left out:** several controls at once, which are added up; a weight in front of the control.
# **Next:** `diffusion/19`, a network without convolutions.
#
# **Your turn:** `minigen exercise start diffusion/18`, then `minigen run diffusion/18 --with
# exercises/diffusion_18.py`.

# %%
lesson.finish()
