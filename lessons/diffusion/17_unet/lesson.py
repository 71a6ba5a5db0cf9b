# %% [markdown]
# # The U-Net: down, across and up again
#
# The first half of the section "Model Architecture" (diffusion.s17) of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/). A model of the noise
# takes a picture and a time, and returns a picture. What should it look like inside? It helps to
# have read `diffusion/04`. To take away:
#
# 1. Down, to see the whole; up, to answer for every pixel; and *shortcuts* across, for the details.
# 2. One network serves all levels of noise, because it is told the time.
# 3. What a part brings can be measured: leave it out, and train again with the same budget.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/17_unet",
    title="The U-Net: down, across and up again",
    post="diffusion",
    sections=["diffusion.s17"],
    figures=["diffusion.f17"],
    equations=[],
    minutes=2.5,
    sources=["weng2021diffusion", "ronneberger2015unet", "vaswani2017attention", "ho2020ddpm"],
)

# %%
import autograd.numpy as np
import numpy

from minigen import plot
from minigen.diffusion.networks.unet import UNet, unet_sizes

# %% [markdown]
# ## 1. The shape (figure f17)
#
# The post describes the first U-Net, made by Ronneberger et al. (2015) to find the cells in
# pictures of tissue. On the way *down* each level has two convolutions of 3 × 3, and then keeps
# the largest of every 2 × 2 numbers: half the side, and twice the channels. At the bottom one
# position has seen a large part of the picture. On the way *up* the side is doubled and the
# channels are halved, level by level. And at each level the picture from the way down is put beside
# the one that comes from below: a *skip connection*, or shortcut.
#
# Its convolutions have no padding: where the 3 × 3 window would stick out there is no answer, and
# the picture loses a pixel at every border.

# %%
lesson.predict(
    "572 x 572 pixels go in. How many come out?",
    ["572 x 572, one answer for each pixel", "564 x 564", "388 x 388"],
)

# %%
lesson.exercise("diffusion/17/unet_sizes")

# %%
down, up = unet_sizes(572)
lesson.check("one level by hand, 44 pixels", unet_sizes(44, depth=1)[0], equals=[40, 16])
lesson.show_source(unet_sizes)
lesson.table(
    [["down", *down], ["up", *reversed(up), ""]],
    ["way", *(f"level {k}" for k in range(len(down)))],
    "side after the two convolutions of each level, 572 pixels",
)

# %%
lesson.outcome(
    f"{up[-1]} x {up[-1]}. The paper cuts a large picture into overlapping tiles, so that each"
    " pixel is answered for by one of them.",
    answer="388 x 388",
)
lesson.check("the paper's figure", up[-1], equals=388)

# %%
nodes, edges = {}, []
for k, (side, answer) in enumerate(zip(down, [*reversed(up), None])):
    text = f"{64 * 2**k} channels"
    left = 2 if answer is None else 0.45 * k  # the bottom stands in the middle
    nodes[f"down {k}"] = plot.node(f"{side} x {side}\n{text}", "model", at=(left, k))
    if answer is not None:
        nodes[f"up {k}"] = plot.node(f"{answer} x {answer}\n{text}", "model", at=(4 - 0.45 * k, k))
        edges += [f"down {k} -> down {k + 1}", f"down {k} --> up {k}"]
edges += ["down 4 -> up 3 -> up 2 -> up 1 -> up 0"]

# %%
nodes["in"] = plot.node("picture\n572 x 572 x 1", "data", at=(0, -1))
nodes["out"] = plot.node("answer\n388 x 388 x 2", "fake", at=(4, -1))
edges += ["in -> down 0", "up 0 -> out"]
lesson.figure(
    plot.schematic(nodes, edges),
    "f17_unet",
    "The U. Solid arrows go down (half the side, two convolutions) and up (twice the side, two"
    " convolutions); the dashed ones are the shortcuts, cropped to the smaller side.",
)

# %% [markdown]
# Ho et al. (2020) kept the U and changed the rest: padding, so that as many pixels come out as went
# in; residual blocks with group norm for the plain convolutions; attention among the positions of a
# low level; and a time that enters each block. Ours, for digits, has two levels. Here is what it
# makes of a batch of four, 16 × 16 pixels:

# %%
net = UNet(lesson.rng("a net"), width=16, global_mlp=64, size=(16, 16))
noise = lesson.rng("noise").standard_normal((4, 16, 16, 1), dtype=np.float32)
times = np.array([1, 50, 100, 200])
upper = net.conv_in(np.reshape(noise, (4, 8, 2, 8, 2)).transpose(0, 1, 3, 2, 4).reshape(4, 8, 8, 4))
lower = net.downsample(upper)
for name, h in {
    "picture": noise,
    "upper": upper,
    "lower": lower,
    "answer": net(noise, times),
}.items():
    print(f"{name:8} {h.shape}: {h[0].size} numbers for each picture")

# %% [markdown]
# ## 2. Telling the time
#
# A network is bad at reading one number that runs from 1 to 200: a small change must make a large
# difference at one end, and none at the other. So the time becomes many numbers, sines and cosines
# of frequencies from 1 down to nearly $1/10000$: the fast ones tell neighbors apart, the slow ones
# early from late. (As in the transformer of Vaswani et al. 2017.)

# %%
lesson.predict(
    "The features of time t and those of t + 3, multiplied and added up: on what does that depend?",
    ["on t", "on the 3 only", "on both"],
)

# %%
lesson.exercise("diffusion/17/sinusoidal")

# %%
from minigen.nn.layers import sinusoidal

by_hand = sinusoidal(np.array([np.pi / 2]), 4, max_period=9.0)[0]  # angles of 90 and 30 degrees
lesson.check("two frequencies", by_hand, equals=[1, 1 / 2, 0, np.sqrt(3) / 2])
features = sinusoidal(np.arange(201), 32)
alike = np.sum(features[:-3] * features[3:], axis=1)
lesson.check("spread of the products", np.ptp(alike), at_most=1e-3)
lesson.show_source(sinusoidal)
lesson.outcome(
    f"{alike[0]:.3f} at every t, since cos a cos b + sin a sin b = cos(a - b).",
    answer="on the 3 only",
)

# %%
ax = plot.matrix(features[:64].T, title="features (rows) of t = 0 ... 63 (columns)")
lesson.figure(
    ax,
    "time",
    "Rows 0 to 15 are the sines, 16 to 31 the cosines, from fast to slow. The slow ones have hardly"
    " moved after 64 steps.",
)

# %%
lesson.change(
    "one frequency",
    "Make all frequencies 1: change `sinusoidal(np.arange(201), 32)` to "
    "`sinusoidal(np.arange(201), 32, max_period=1.0)` and run again. What is the product of the "
    "features of two times that are 3 steps apart, and which times does the network now confuse?",
    answer="The product is -15.840 at every t, 16 cos 3: the features of these two times are "
    "nearly opposite. Times whose distance is nearly a multiple of 2π have nearly the same "
    "features, such as t and t + 44, for 44 is 7 · 2π to 0.02. Only slow frequencies tell early "
    "from late.",
)

# %% [markdown]
# ## 3. What a shortcut is for
#
# By hand, with four pixels. Down: means of two; up: each mean twice.

# %%
pixels = np.array([3.0, 1.0, 4.0, 2.0])
means = np.reshape(pixels, (2, 2)).mean(axis=1)
up_again = np.repeat(means, 2)
lesson.check("down", means, equals=[2, 3])
lesson.check("and up again", up_again, equals=[2, 2, 3, 3])
lesson.check("lost on the way", pixels - up_again, equals=[1, -1, 1, -1])

# %%
lesson.change(
    "nothing to lose",
    "Change `pixels` to `np.array([2.0, 2.0, 3.0, 3.0])` and run again. What is lost on the way?",
    answer="Nothing, 0 at every pixel: the neighbors are equal, so their mean says all. What the "
    "way down and up loses is the difference of neighbors, and a smooth picture has little of it.",
)

# %% [markdown]
# Which of two neighbors was the brighter is gone. The shortcut hands it across. (Channels can help:
# twice as many of them carry some detail through the bottom. But they have to *learn* to.) And of
# noise, which is what a diffusion model is to predict, most is detail.
#
# ## 4. Leave one out
#
# Now measure. The data are small digits, means of 2 × 2 pixels with a border, 16 × 16, and the
# network predicts $v$ on the cosine schedule. Four times one part is put out of action, and nothing
# else is changed:
#
# - *no shortcut*: the block after it is shown zeros in its place;
# - *no attention*: the block of attention is left out;
# - *no global block*: the small fully connected network at the bottom, an addition of ours, is left
#   out;
# - *no time*: the network is always told the same time.

# %%
from minigen.nn import Module


class Same(Module):
    """In the place of a block: what comes in goes out."""

    def __call__(self, x, condition=None):
        return x


class Blind(Module):
    """A block that does not see the second half of its channels, where the shortcut arrives."""

    def __init__(self, block, width):
        self.block, self.seen = block, np.repeat(np.float32([1, 0]), width)

    def __call__(self, h, condition):
        return self.block(h * self.seen, condition)


# %%
WIDTH = lesson.size(16, quick=8)


def plain(rng):
    return UNet(rng, width=WIDTH, global_mlp=64, size=(16, 16))


def no_shortcut(rng):
    net = plain(rng)
    net.up[0] = Blind(net.up[0], WIDTH)
    return net


def no_attention(rng):
    net = plain(rng)
    net.attention = Same()
    return net


def no_global_block(rng):
    net = plain(rng)
    net.global_mlp = Same()
    return net


# %%
class Timeless(Module):
    """A network that is told the same time whatever it is."""

    def __init__(self, net):
        self.net = net

    def __call__(self, x, t, y=None):
        return self.net(x, np.zeros(len(x)))


def no_time(rng):
    return Timeless(plain(rng))


# %%
lesson.predict(
    "With equal training, which part will be missed most?",
    ["the shortcut", "attention", "the global block", "the time"],
)

# %%
from minigen.data import mnist
from minigen.diffusion.ddpm import q_sample, v_from_x0_eps, v_loss
from minigen.diffusion.schedule import Schedule

T = 200
schedule = Schedule.cosine(T)
splits = mnist.splits()


def small(images):
    """Digits (N, 28, 28) to (N, 16, 16, 1) in [-1, 1]: means of 2 x 2, and a border."""
    means = mnist.unit(images).reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))
    return 2 * numpy.pad(means, ((0, 0), (1, 1), (1, 1)))[..., None] - 1


train = small(splits.train.images[: lesson.size(50_000, quick=500)])
test = small(splits.test.images[: lesson.size(1000, quick=40)])


# %%
from minigen.optim import cosine
from minigen.train import descend


def noisy(rng, count=64):
    """The same batches for all that start from the same stream."""
    x0 = train[rng.integers(len(train), size=count)]
    return x0, rng.integers(1, T + 1, count), rng.standard_normal(x0.shape, dtype=np.float32)


def loss(net, x0, t, eps):
    return v_loss(net, x0, t, eps, schedule)


steps = lesson.steps(300, quick=1)


def trained(label, make, repeat):
    """A network from the start and the batches that belong to a repeat."""
    net, rng = make(lesson.rng(f"start {repeat}")), lesson.rng(f"batches {repeat}")
    lr = cosine(3e-3, steps, warmup=min(50, steps // 4))
    step = descend(loss, net, noisy, rng=rng, lr=lr, ema=0.99, parallel=True)
    lesson.fit(step, steps, state=step.state, label=f"{label} {repeat}")
    return step.averaged


# %% [markdown]
# Every network is trained three times, from three starts with three streams of batches, which all
# variants share. The judge is the error of $v$ on test digits, with the same noise for all.

# %%
from minigen.tensor import batched

variants = {
    "all parts": plain,
    "no shortcut": no_shortcut,
    "no attention": no_attention,
    "no global block": no_global_block,
    "no time": no_time,
}
repeats = lesson.size(3, quick=1)
nets = {
    (label, k): trained(label, make, k) for k in range(repeats) for label, make in variants.items()
}

# %%
rng = lesson.rng("judge")
t = rng.integers(1, T + 1, len(test))
eps = rng.standard_normal(test.shape, dtype=np.float32)
x_t, v = q_sample(test, t, eps, schedule), v_from_x0_eps(test, t, eps, schedule)


def errors(net):
    """The mean square error of v for each test digit."""
    return np.mean((batched(net, x_t, t, size=250) - v) ** 2, axis=(1, 2, 3))


wrong = {label: np.stack([errors(nets[label, k]) for k in range(repeats)]) for label in variants}

# %%
rows, worse = [], {}
whole = wrong["all parts"].mean(axis=1)  # (repeats,)
for label in variants:
    ratio = wrong[label].mean(axis=1) / whole - 1
    worse[label] = ratio.mean()
    spread = f" ± {100 * ratio.std(ddof=1) / np.sqrt(repeats):.1f}" if repeats > 1 else ""
    rows.append([label, wrong[label].mean(), f"{100 * ratio.mean():+.1f}{spread} %"])
lesson.table(rows, ["network", "error of v", "worse than all parts"], f"{repeats} trainings each")

# %%
parts = {
    "no shortcut": "the shortcut",
    "no attention": "attention",
    "no global block": "the global block",
    "no time": "the time",
}
missed = max(parts, key=lambda label: worse[label])
lesson.outcome(
    ", ".join(f"{label} {100 * worse[label]:+.1f} %" for label in parts)
    + ". What is within two or three of its errors of 0 has not been shown to matter here.",
    answer=parts[missed],
)

# %% [markdown]
# Where along the way is each part missed? The same errors, by time:

# %%
edges = np.linspace(0, T, 9)
middle = (edges[1:] + edges[:-1]) / 2
by_time = {}
for label in parts:
    extra = (wrong[label] - wrong["all parts"]).mean(axis=0)
    cells = [extra[(t > low) & (t <= high)] for low, high in zip(edges[:-1], edges[1:])]
    by_time[label] = np.array([cell.mean() if len(cell) else np.nan for cell in cells])
ax = plot.line(middle, by_time, xlabel="t", markers=True, reference={"all parts": 0.0})
ax.set_title("error of v above that of all parts")
lesson.figure(
    ax,
    "by_time",
    "Above the dashed line a part is missed. On the far right next to nothing is to be seen in x_t,"
    " and no part can help.",
)
lesson.claim("no shortcut: error above all parts, as a share", worse["no shortcut"], at_least=0.05)

# %% [markdown]
# How noisy a picture is can mostly be seen in the picture itself, so even the network without the
# time is not lost. And what attention and the global block are for, seeing the whole, may be little
# needed where pictures are so small and trainings so short. What is found is about this network
# and this budget.
#
# ## 5. Where the post is loose
#
# - The U-Net that it describes is Ronneberger's. That of DDPM is padded, so nothing is cropped; it
#   has residual blocks, group norm, attention and the time in each block.
# - "Shortcuts" are concatenated here, as in the paper. Some add them.
# - Its other half, the transformer, is `diffusion/19`, and the ControlNet `diffusion/18`.
#
# **Left out:** deeper U-Nets; where attention pays (large pictures, many objects: not here).
#
# **Your turn:** `minigen exercise start diffusion/17`, then `minigen run diffusion/17 --with
# exercises/diffusion_17.py`.

# %%
lesson.finish()
