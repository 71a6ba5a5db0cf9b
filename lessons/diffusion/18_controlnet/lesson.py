# %% [markdown]
# # ControlNet
#
# From the section *Model Architecture* (diffusion.s17) of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/): the method of Zhang,
# Rao and Agrawala (2023). In this lesson:
#
# 1. A label sets *which* digit is generated; an image such as its edges sets *where* the strokes
#    are. A trained network can be given such a condition while its own weights stay fixed, by
#    training a copy of its encoder.
# 2. The copy is connected by *zero convolutions*, so the network before training computes what it
#    computed without the copy.
# 3. Which gradients vanish beside a layer of zeros follows from the chain rule.
#
# Needed: the U-Net (`diffusion/17`) and the model of digits with labels (`diffusion/09`).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/18_controlnet",
    title="ControlNet",
    post="diffusion",
    sections=["diffusion.s17"],
    figures=["diffusion.f18"],
    pretrained=["digit_classifier", "digit_diffusion"],
    minutes=1.4,
    picture="edges",
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

# %%
from minigen.metrics.contours import contour_f1
from minigen.metrics.digits import label_accuracy
from minigen.nn import Conv2d
from minigen.optim import Adam
from minigen.tensor import batched, grad
from minigen.train import descend

# %% [markdown]
# The condition is an image that describes the composition. The post lists Canny edges (places where
# the brightness changes sharply), Hough lines (straight lines), user scribbles, skeletons of human
# poses, segmentation maps, depth, and normals of surfaces. A detector computes it from each
# training image, so the pairs for training need no labels by hand. For digits we use two detectors:
# the edges of the ink, and its skeleton, the strokes thinned to a width of one pixel.

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
    "Test digits, and the two conditions that are computed from them. A skeleton leaves open how"
    " thick the stroke is.",
)

# %% [markdown]
# ## 1. By hand: weights of zero
#
# A trained network has an output $x$, and we add a new branch to it: $y = x + w\,h + b$, where the
# branch outputs $h = 0.5$. With $w = b = 0$ the output is unchanged. The gradient of the loss with
# respect to $y$ is $g = -2$, so $y$ should grow. A common rule says that weights must not start at
# zero.

# %%
lesson.predict(
    "What are the gradients with respect to w and b, if both are 0?",
    ["both are 0, and neither is ever trained", "w: -1, b: -2", "w: 0, b: -2"],
)

# %%
lesson.exercise("diffusion/18/conv1x1_gradients")

# %%
h, w = np.array([[[[0.5]]]]), np.zeros((1, 1))
dw, db, dh = conv1x1_gradients(h, w, np.array([[[[-2.0]]]]))
lesson.show_source(conv1x1_gradients)
lesson.table([[dw.item(), db.item(), dh.item() + 0.0]], ["gradient in w", "in b", "in h"])
lesson.check("gradients in w, b and h", [dw.item(), db.item(), dh.item()], equals=[-1, -2, 0])

# %%
lesson.outcome(
    "The gradient in w is h g = -1, and that in b is g = -2. Only the gradient in h is zero: it is"
    " w g. So a zero convolution is trained from the first step on.",
    answer="w: -1, b: -2",
)

# %% [markdown]
# The rule about zeros is meant for *two* layers of zeros in a row, and for many units with equal
# weights. A single layer of zeros after a branch whose output is not zero does no harm.

# %%
lesson.change(
    "two zeros in a row",
    "Let the branch end in a zero convolution of its own, so that its output is zero: change the"
    " 0.5 in `h` to 0.0 and run again. Which gradients are left?",
    answer="Only the gradient in b, -2. The gradient in w is zero now, because it is h times g. The"
    " one in h is zero as before, so that the zero convolution before this one has no gradient"
    " either. Of two zero convolutions in a row neither weight is trained in the first step.",
)

# %% [markdown]
# ## 2. One block (figure f18)
#
# The block of a trained network, $\mathbf y = \mathcal F_\theta(\mathbf x)$, is frozen, or
# *locked*. A trainable copy of it, $\mathcal F_{\theta_c}$, receives $\mathbf x$ plus the condition
# $\mathbf c$. The copy is “sandwiched” between two zero convolutions, $\mathcal Z_{\theta_{z1}}$ at
# its input and $\mathcal Z_{\theta_{z2}}$ at its output: 1 × 1 convolutions whose weights and
# biases start at zero.

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
arrows = ["x0 -> F0 -> y0", "x -> F -> y -> yc", "x -> plus"]
arrows += ["c -> zin -> plus -> copy -> zout -> y"]

# %%
lesson.figure(
    plot.schematic(before | after, arrows),
    "f18_block",
    "Above, a block of a trained network; below, the same block with a condition.",
)

# %%
lesson.exercise("diffusion/18/controlled")

# %% [markdown]
# The output is
#
# $$\mathbf y_c = \mathcal F_\theta(\mathbf x) + \mathcal Z_{\theta_{z2}}\big(\mathcal
# F_{\theta_c}(\mathbf x + \mathcal Z_{\theta_{z1}}(\mathbf c))\big).$$

# %%
lesson.show_source(controlled)


def block(x):
    return np.tanh(3 * x)


def zero(h):
    return 0 * h


x, c = lesson.rng("block").standard_normal((2, 1, 4, 4, 1))
change = controlled(block, block, zero, zero, x, 100 * c) - block(x)
lesson.check("with zero convolutions: largest change of the output", np.abs(change).max(), equals=0)

# %% [markdown]
# ## 3. A whole U-Net
#
# The paper copies the whole encoder of a U-Net. The outputs of the copy are added to the shortcuts
# and to the lowest level of the locked network, each through a zero convolution, and so they enter
# its *decoder*. The condition $c$ is turned into a feature map by a small network of its own. In
# ours that is a single convolution, `hint`. After a zero convolution it is added once, after the
# first convolution of the copy. Our locked network is the pretrained model of `diffusion/09`.

# %%
base = lesson.pretrained("digit_diffusion")
process = base.schedule
net = ControlNet(lesson.rng("edges"), base.net)
lesson.show_source(ControlNet)

# %% [markdown]
# Before training, the controlled network must equal the base model exactly:

# %%
rng = lesson.rng("start")
x = rng.standard_normal(held_out[:8].shape + (1,), dtype=np.float32)
t = rng.integers(1, process.T + 1, 8)
gap = np.abs(net(x, t, asked[:8], wanted["edges"][:8]) - base.net(x, t, asked[:8])).max()
lesson.check("before training: largest difference from the base", gap, equals=0)

# %% [markdown]
# The network is trained with the base model's own loss. Half of the labels are left out, so that
# the network must use the condition (the paper leaves out half of the texts). The parts in training
# are the two zero convolutions at the copy's output (`zero_low`, `zero_skip`), the zero convolution
# of the condition (`zero_in`), the convolution before it (`hint`), and the copy (`trained`).

# %%
lesson.predict(
    "Which parts have a gradient that is not zero at the first step?",
    [
        "none",
        "only the two zero convolutions at the copy's output",
        "all parts but the locked network",
    ],
)


# %%
def control_loss(net, x0, t, eps, y, c):
    """The base model's own loss, with the image c: v, at time t."""

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
def lengths(gradient):
    """The length of the gradient in each part of the network."""
    squares = {}
    for name, g in gradient.parameters().items():
        part = name.split(".")[0]
        squares[part] = squares.get(part, 0.0) + float(np.sum(g**2))
    return {part: np.sqrt(total) for part, total in squares.items()}


# %%
batch = batches("edges")(lesson.rng("first batch"))
moving = net.copy()
optimizer, found = Adam(moving, 1e-3), []
for _ in range(3):
    gradient = grad(control_loss)(moving, *batch)
    found.append(lengths(gradient))
    optimizer.step(gradient)

# %%
parts = ["zero_low", "zero_skip", "zero_in", "hint", "trained"]
rows = [[part, *(each[part] for each in found)] for part in parts]
lesson.table(rows, ["part", "step 1", "step 2", "step 3"], "length of the gradient")
alive = [sum(each[part] > 0 for part in parts) for each in found]
lesson.check("number of parts with a gradient in three steps", alive, equals=[2, 4, 5])
lesson.outcome(
    "Only " + " and ".join(part for part in parts if found[0][part] > 0) + ". The others follow"
    " within two steps.",
    answer="only the two zero convolutions at the copy's output",
)

# %% [markdown]
# <details><summary>Derivation: which parts have a gradient in the first three steps</summary>
#
# Let $h$ be the input of a zero convolution, $y = h w + b$ its output, and $g$ the gradient there.
# As in section 1, $\partial L / \partial w = h^\top g$ and $\partial L / \partial h = g\, w^\top$.
#
# *Step 1.* All $w = 0$, so $\partial L / \partial h = 0$, and by the chain rule every weight that
# acts through $h$ has the gradient 0. Only the two zero convolutions at the output have one,
# because the copy's output is not 0.
#
# *Step 2.* Their $w$ is not zero any more, so the copy has a gradient, and so has `zero_in`, whose
# input is not 0. But the weights of `zero_in` are still 0, and `hint` acts through its input.
#
# *Step 3.* The weights of `zero_in` have changed as well, and `hint` has a gradient.
#
# </details>

# %% [markdown]
# ## 4. Training on edges
#
# The authors report *sudden convergence*: for thousands of steps the condition has no effect, and
# then, within a few steps, the images follow it. So we sample twenty digits at ten steps of the
# training, extract their edges again, and compare them with the given edges. The measure is the F1
# score: 1 if every pixel of an edge is found and no other.


# %%
def sample(net, c, y, rng, steps=20):
    """Digits in [0, 1] for the conditions c, with labels y (-1: none)."""
    noise = rng.standard_normal(c.shape, dtype=np.float32)

    def some(noise, c, y):
        def v_model(x, t):
            return net(x, t, y, c)

        eps_model = clipped(eps_model_from_v(v_model, process), process)
        return ddim(eps_model, noise, process, steps)

    return (batched(some, noise, c, y, size=100, progress="digits").clip(-1, 1) + 1) / 2


def followed(images, of):
    """The mean F1 score of the lines of these images against the given lines."""
    lines = extract[of](images)
    return float(np.mean(contour_f1(lines, wanted[of][: len(lines)], tolerance=0)))


# %%
def train_control(net, of, steps):
    """Train it. Returns its moving average, ten steps, and the F1 score at each of them."""
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
lesson.check("the locked network after training equals the one before", float(same), equals=1)

# %%
fig, ax = plot.figure(size=(4.6, 2.8))
plot.line(moments, {"edges followed": seen}, ax, markers=True, xlabel="step")
ax.set_ylabel("F1 of the edges")
rise = np.diff(seen)
k = int(np.argmax(rise)) if len(rise) else 0
lesson.figure(
    fig,
    "convergence",
    "F1 score of the edges during training. Is the rise sudden?",
)

# %%
if len(rise) and not lesson.quick:
    share = rise[k] / np.ptp(seen)
    print(f"between steps {moments[k]} and {moments[k + 1]}: {share:.0%} of the whole rise")

# %% [markdown]
# The condition takes effect within the first 160 steps, so the long wait of the paper does not
# occur here. The figure cannot show how sudden the rise is, because the images come from a moving
# average of the weights. The average reaches back up to 100 steps, and spreads a jump over as many.
#
# ## 5. Samples with edges
#
# Do the samples follow the edges, and does the digit follow from the edges alone? The last two rows
# are controls: real digits, and the edge images themselves in the place of samples. A copy of the
# condition would follow it perfectly, so the F1 score alone does not show that the samples are
# digits. For such a copy the other two columns differ.

# %%
none = np.full(len(held_out), -1)


def base_net(x, t, y, c):
    """The base model, which does not receive c."""
    return base.net(x, t, y)


results = {}
for name, model, y in [
    ("base, no label", base_net, none),
    ("base, with the label", base_net, asked),
    ("edges, no label", by_edges, none),
    ("edges and label", by_edges, asked),
]:
    results[name] = sample(model, wanted["edges"], y, lesson.rng("judge"))
results |= {"the digits themselves": mnist.unit(held_out), "the edge images": wanted["edges"]}

# %%
classifier = lesson.pretrained("digit_classifier")
agreement = {name: followed(images, "edges") for name, images in results.items()}
accuracy = {name: label_accuracy(classifier, images, asked) for name, images in results.items()}
ink = {name: images.mean() / mnist.unit(held_out).mean() for name, images in results.items()}
rows = [[name, agreement[name], f"{accuracy[name]:.1%}", ink[name]] for name in results]
header = ["samples", "F1 of the edges", "classified as the digit", "ink / ink of the digits"]
lesson.table(rows, header)

# %%
lesson.claim(
    "F1 of the edges, without a label",
    agreement["edges, no label"],
    at_least=0.75,
    source="seeds 0, 1, 2031: 0.84, 0.85, 0.86, gap to 1 plus a half; base model 0.30",
)
lesson.claim(
    "F1 of the edges, over the base model with the label",
    agreement["edges, no label"] / agreement["base, with the label"],
    at_least=2,
    source="seeds 0, 1, 2031: 2.9, 2.9, 2.9, less a third",
)

# %%
lesson.claim(
    "with edges and no label: classified as the digit",
    accuracy["edges, no label"],
    at_least=0.95,
    source="seeds 0, 1, 2031: 0.99, 0.985, 1; the edge images themselves: 0.84",
)

# %% [markdown]
# The rows with and without the label hardly differ: the edges of a digit determine which digit it
# is. With the label alone the base model usually generates the right digit, but its strokes lie
# elsewhere.

# %%
several = [
    sample(by_edges, wanted["edges"][:10], asked[:10], lesson.rng(f"noise {k}")) for k in (1, 2)
]
first = [mnist.unit(held_out[:10]), wanted["edges"][:10]]
rows = [*first, *several, results["base, with the label"][:10]]

# %%
grid = plot.image_grid(
    np.concatenate(rows)[..., 0],
    cols=10,
    limits=(0, 1),
    row_labels=["digit", "its edges", "sample", "another", "base model"],
)
lesson.figure(
    grid,
    "edges",
    "Samples given the edges and the label, from two noises; in the last row, samples of the base"
    " model, given the label alone. Compare where the strokes are.",
)

# %% [markdown]
# ## 6. Skeletons
#
# A second copy is trained on skeletons. The locked network is the same: one trained network serves
# any number of conditions, each with a copy of its own.

# %%
by_skeletons, _, _ = train_control(
    ControlNet(lesson.rng("skeletons"), base.net), "skeletons", lesson.steps(500, quick=2)
)
drawn = sample(by_skeletons, wanted["skeletons"], asked, lesson.rng("judge"))
score = followed(drawn, "skeletons")
unaware = followed(results["base, with the label"], "skeletons")
lesson.table(
    [["skeleton and label", score], ["label only", unaware]], ["samples", "F1 of the skeletons"]
)

# %%
lesson.claim(
    "F1 of the skeletons",
    score,
    at_least=0.6,
    source="seeds 0, 1, 2031: 0.73, 0.74, 0.73, gap to 1 plus a half; base model 0.22",
)
lesson.claim(
    "F1 of the skeletons, over the base model with the label",
    score / unaware,
    at_least=2.2,
    source="seeds 0, 1, 2031: 3.6, 3.3, 3.4, less a third",
)


# %%
def draw(rng, n, label=None, steps=20):
    rows = rng.integers(0, len(held_out), n)
    if label is not None:
        rows = rng.choice(np.flatnonzero(asked == label), n)
    return sample(by_skeletons, wanted["skeletons"][rows], asked[rows], rng, steps), asked[rows]


lesson.sampler("skeletons", draw)

# %% [markdown]
# Now a skeleton and a label that contradict each other: the skeleton of a test digit with each of
# the nine other labels. (The paper tries texts that contradict the condition.)

# %%
lesson.predict(
    "As what are most of these samples classified?",
    ["as the digit of the skeleton", "as the label", "as some other digit"],
)

# %%
count = lesson.size(10, quick=3)
lines = np.repeat(wanted["skeletons"][:count], 10, axis=0)
own, every = np.repeat(asked[:count], 10), np.tile(np.arange(10), count)
torn = sample(by_skeletons, lines, every, lesson.rng("torn"))
logits = batched(classifier, torn, size=250)
classified = np.argmax(logits, axis=1)[own != every]
skeleton_wins = np.mean(classified == own[own != every])
label_wins = np.mean(classified == every[own != every])

# %%
wins = {"as the digit of the skeleton": skeleton_wins, "as the label": label_wins}
wins["as some other digit"] = 1 - skeleton_wins - label_wins
f1 = float(np.mean(contour_f1(skeletons(torn), lines, tolerance=0)[own != every]))
lesson.table([[name, f"{share:.0%}"] for name, share in wins.items()], ["classified", "samples"])
lesson.outcome(
    ", ".join(f"{share:.0%} {name}" for name, share in wins.items())
    + f". The F1 score of their skeletons is {f1:.2f}; with the right label it is {score:.2f}.",
    answer=max(wins, key=lambda name: wins[name]),
)
lesson.claim(
    "contradictory labels: classified as the digit of the skeleton",
    skeleton_wins,
    at_least=0.8,
    source="seeds 0, 1, 2031: 0.96, 0.92, 0.92; following the label: at most 0.1",
)

# %%
rows = [
    np.concatenate([wanted["skeletons"][k : k + 1], torn[10 * k : 10 * k + 10]]) for k in range(3)
]
labels = ["skeleton", *[f"label {k}" for k in range(10)]]
grid = plot.image_grid(np.concatenate(rows)[..., 0], cols=11, limits=(0, 1), col_labels=labels)
lesson.figure(
    grid,
    "torn",
    "Each row has one skeleton, with each of the ten labels. Which samples have the given lines,"
    " and which have additional ones?",
)

# %% [markdown]
# ## 7. Without zero convolutions
#
# What if the convolutions have ordinary random weights at the start? Then, at the first step,
# random values enter every level of a network that took long to train.


# %%
def with_random_convolutions():
    """The controlled network with ordinary weights in the place of zeros."""
    net = ControlNet(lesson.rng("random"), base.net)
    for name in ("zero_low", "zero_skip", "zero_in"):
        c = np.shape(getattr(net, name).w)[3]
        setattr(net, name, Conv2d(lesson.rng(name), c, c, 1))
    return net


# %%
rng = lesson.rng("losses")
judged_on = [batches("edges")(rng) for _ in range(lesson.size(8, quick=2))]
fresh = ControlNet(lesson.rng("edges"), base.net)
losses = {}
for name, net in [
    ("zero convolutions, before training", fresh),
    ("random convolutions, before training", with_random_convolutions()),
    ("zero convolutions, trained", by_edges),
]:
    losses[name] = float(np.mean([control_loss(net, *each) for each in judged_on]))
lesson.table(losses.items(), ["network", "loss"])

# %%
start, random, trained = losses.values()
lesson.check(
    "before training: loss with random over zero convolutions", random / start, at_least=1.2
)
lesson.claim(
    "with edges: loss over the base's",
    trained / start,
    at_most=0.65,
    source="seeds 0, 1, 2031: 0.48, 0.44, 0.45, plus a third; without edges 1",
)

# %% [markdown]
# With random convolutions the training begins with a damaged network, whose loss is at least twice
# that of the base model. With zero convolutions it begins with the base model. We do not train the
# damaged network. In the paper's ablation the results with random convolutions are about as weak as
# those of a much smaller branch, with a single convolution in the place of each copied block.
#
# ## 8. Where the post is loose
#
# - “into each encoder layer of the U-Net”: the paper says nearly the same. But its figure of the
#   whole network has the copies of the encoder's layers in a row, as in section 3. The condition
#   enters the first of them, and their outputs enter the decoder. So the formula for one block does
#   not hold for each layer.
# - “an additional conditioning vector $\mathbf{c}$”: $\mathbf x + \mathcal Z_{\theta_{z1}}(\mathbf
#   c)$ needs a feature map of the shape of $\mathbf x$. The image is turned into one by a small
#   network (here a single convolution, `hint`).
# - “Zero convolutions protect this back-bone by eliminating random noise as gradients in the
#   initial training steps”: in the paper, whose words these are, the backbone is the *copy*, a name
#   that the post does not explain. The locked network has no gradients. Zero convolutions keep
#   random *values* out of it. And the gradient of the copy is zero in the first step only.
#
# **Left out:** several conditions at once, whose outputs are added; a weight for the condition.
# **Next:** `diffusion/19`, a network without convolutions.
#
# **Your turn:** `minigen exercise start diffusion/18`, then `minigen run diffusion/18 --with
# exercises/diffusion_18.py`.

# %%
lesson.finish()
