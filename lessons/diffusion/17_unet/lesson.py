# %% [markdown]
# # The U-Net
#
# A diffusion model needs a network that receives a noisy image and returns an image of the same
# size. To clean a pixel, it needs fine detail and a view of the whole. But a stack of small
# convolutions at full resolution spreads information only a pixel or two at a time, and a network
# that shrinks the image to see all of it loses the detail. The U-Net does both, and later designs
# added attention and the time to it. Which of these parts matters, and when?
#
# We follow the original network (section 1) and write out the forward pass of a small one (2), with
# its time (3). We ask how well it must predict before the removal of a part can tell us anything
# (4), and then remove one part at a time (5). This lesson follows the first part of the section
# *Model Architecture* of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/).
#
# Before this lesson: `diffusion/04` (the training of a diffusion model).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/17_unet",
    title="The U-Net",
    post="diffusion",
    sections=["diffusion.s17"],
    figures=["diffusion.f17"],
    equations=[],
    minutes=6,
    picture="denoised",
    sources=["weng2021diffusion", "ronneberger2015unet", "vaswani2017attention", "ho2020ddpm"],
)

# %%
import autograd.numpy as np
import numpy

# %%
from scipy.special import logsumexp, softmax

from minigen import plot
from minigen.data import shapes
from minigen.diffusion.ddpm import q_sample, v_from_x0_eps, v_loss
from minigen.diffusion.networks.unet import UNet, unet_sizes
from minigen.diffusion.schedule import Schedule
from minigen.nn import Module, depth_to_space, sinusoidal, space_to_depth
from minigen.tensor import batched, upsample_nearest

# %% [markdown]
# ## 1. Down, up, and across
#
# The first U-Net had nothing to do with diffusion. Ronneberger et al. (2015) made it to find cells
# in microscope images. For each pixel it outputs a score for each class, cell or background. That
# is the same kind of problem, because the output is as detailed as the input, and what a pixel
# belongs to depends on what is around it. The network has three ideas.
#
# - *Downsampling.* Each step has two 3 × 3 convolutions, each followed by a ReLU, and then 2 × 2
#   max pooling with stride 2, which keeps the largest of every 2 × 2 values. It halves the side of
#   the feature map, and the next step doubles the number of channels.
# - *Upsampling.* Each step doubles the side and applies a 2 × 2 convolution that halves the number
#   of channels (together an *up-convolution*). Two 3 × 3 convolutions with ReLU follow.
# - *Shortcuts*, or skip connections. At each level the feature map of the way down is concatenated
#   with the one that comes from below, before the two convolutions.
#
# At the end a 1 × 1 convolution turns the 64 channels of each position into the scores.
#
# Why the shortcuts? Take four pixels in a row. On the way down we keep the larger of two neighbors,
# and on the way up we write each value twice.

# %%
pixels = np.array([3.0, 1.0, 4.0, 2.0])
pooled = np.reshape(pixels, (2, 2)).max(axis=1)
up_again = np.repeat(pooled, 2)
lesson.check("down", pooled, equals=[3, 4])
lesson.check("and up again", up_again, equals=[3, 3, 4, 4])
lesson.check("lost on the way", pixels - up_again, equals=[0, -2, 0, -2])

# %%
lesson.change(
    "nothing to lose",
    "Change `pixels` to `np.array([2.0, 2.0, 3.0, 3.0])` and run again. What is lost on the way?",
    answer="Nothing is lost, because the neighbors are equal and the larger one is also the "
    "smaller one. Down- and upsampling lose the differences of neighbors, and a smooth image has "
    "few of them.",
)

# %% [markdown]
# Pooling keeps the larger value of each pair, but not where it was. The shortcut carries both
# values across. In the words of the post, shortcuts “provide the essential high-resolution features
# to the upsampling process”.
#
# The original network has one more peculiarity. Its 3 × 3 convolutions are *unpadded*. They skip
# the places where the window would reach beyond the image, so each convolution removes one pixel at
# every border. There are eighteen such convolutions, and most of them work on a reduced image.

# %%
lesson.predict(
    "A photo of 572 x 572 pixels goes through a network whose convolutions each cut one pixel off "
    "every border. Some of them work on the image at half, a quarter, ... a sixteenth of its side. "
    "How large is the output?",
    ["a few pixels smaller than the photo", "smaller by about a third", "about half as large"],
)

# %%
lesson.exercise("diffusion/17/unet_sizes")

# %%
down, up = unet_sizes(572)
lesson.show_source(unet_sizes)

# %%
lesson.check("one level by hand, 44 pixels", unet_sizes(44, depth=1)[0], equals=[40, 16])
lesson.check("the side in the paper's figure", up[-1], equals=388)
lesson.outcome(
    f"The output has {up[-1]} x {up[-1]} pixels, because a pixel that is cut off at a sixteenth of "
    "the side is sixteen pixels wide.",
    answer="smaller by about a third",
)
lesson.table(
    [["down", *down], ["up", *reversed(up), ""]],
    ["way", *(f"level {k}" for k in range(len(down)))],
    "side after the two convolutions of each level, 572 pixels",
)

# %% [markdown]
# Because the borders disappear, the paper cuts a large image into overlapping tiles, so that every
# pixel is in the output of some tile. And because the way up is smaller than the way down, each
# shortcut is cropped before it is concatenated.

# %%
nodes, edges = {}, []
for k, (side, answer) in enumerate(zip(down, [*reversed(up), None])):
    text = f"{64 * 2**k} channels"
    left = 2 if answer is None else 0.45 * k  # the bottom is in the middle
    nodes[f"down {k}"] = plot.node(f"{side} x {side}\n{text}", "model", at=(left, k))
    if answer is not None:
        nodes[f"up {k}"] = plot.node(f"{answer} x {answer}\n{text}", "model", at=(4 - 0.45 * k, k))
        edges += [f"down {k} -> down {k + 1}", f"down {k} --> up {k}"]
edges += ["down 4 -> up 3 -> up 2 -> up 1 -> up 0"]

# %%
nodes["in"] = plot.node("image\n572 x 572 x 1", "data", at=(0, -1))
nodes["out"] = plot.node("output\n388 x 388 x 2", "fake", at=(4, -1))
edges += ["in -> down 0", "up 0 -> out"]
lesson.figure(
    plot.schematic(nodes, edges),
    "f17_unet",
    "The U-Net. Solid arrows lead down (max pooling, then two convolutions) and up (up-convolution,"
    " concatenation, then two convolutions). Dashed arrows are the shortcuts. Follow the image down"
    " on the left and up on the right.",
)

# %% [markdown]
# The letter U is easy to see. The way through the bottom has a wide view and few positions, and the
# dashed ways have all positions and a narrow view.
#
# ## 2. The U-Net of a diffusion model
#
# Ho et al. (2020) kept the levels and the shortcuts and changed what is inside them. The
# convolutions are padded, so that the output is as large as the input. *Residual blocks* replace
# the pairs of plain convolutions. Such a block adds what its two convolutions compute to its input,
# with *group norm* before each of them, which shifts and scales groups of channels to mean 0 and
# variance 1. The nonlinearity is SiLU, a smooth ReLU. At a low level there is *attention*, which
# gives each position a weighted mean over all positions, with weights computed from the features
# themselves. And the time enters every block.
#
# We build the smallest such network, for images of 16 × 16 pixels. It has two levels and therefore
# one shortcut. To save time, each block of 2 × 2 pixels first becomes one position with four
# channels, which loses nothing, and a convolution with stride 2 leads to the lower level. This is
# the whole forward pass, with the shapes for N images:


# %%
def forward(net, x, t):  # x (N, 16, 16, 1), t (N,)
    condition = net.condition(t, None, len(x))  # (N, 64), the time as features
    h = net.conv_in(space_to_depth(x))  # (N, 8, 8, 4) -> (N, 8, 8, 16)
    skip = net.down[0](h, condition)  # (N, 8, 8, 16)
    h = net.downsample(skip)  # (N, 4, 4, 32)
    h = net.mid1[0](h, condition)  # (N, 4, 4, 32)
    h = net.attention(h)  # (N, 4, 4, 32), among the 16 positions
    h = net.mid2[0](h, condition)  # (N, 4, 4, 32)
    h = upsample_nearest(net.upsample(h), 2)  # (N, 8, 8, 16)
    h = np.concatenate([h, skip], axis=3)  # (N, 8, 8, 32), the shortcut
    h = net.up[0](h, condition)  # (N, 8, 8, 16)
    return depth_to_space(net.conv_out(net.norm(h)))  # (N, 8, 8, 4) -> (N, 16, 16, 1)


# %%
net = UNet(lesson.rng("a net"), width=16, size=(16, 16))
noise = lesson.rng("noise").standard_normal((4, 16, 16, 1), dtype=np.float32)
times = np.array([1, 50, 100, 200])
lesson.check("largest output of a new network", np.abs(net(noise, times)).max(), equals=0)
net.conv_out.w = lesson.rng("weights").standard_normal(net.conv_out.w.shape, dtype=np.float32)
gap = np.abs(forward(net, noise, times) - net(noise, times)).max()
lesson.check("this forward pass minus the package's", gap, at_most=1e-4)
lesson.check("a typical output now", np.std(net(noise, times)), at_least=0.1)

# %% [markdown]
# Read the shapes from top to bottom. The number of positions falls from 64 to 16 and rises again,
# while the channels do the opposite. The lower level holds 4 · 4 · 32 = 512 numbers for an image of
# 256 pixels, and 256 of them are left when the channels are halved on the way up. So there is room
# for every detail below, but none to spare. Whether training finds it is a question for section 5.
#
# ## 3. The time as an input
#
# The same input needs different outputs at different times. For example, let all data be 0. We
# train the network to predict $v = \sqrt{\bar\alpha_t}\, \epsilon - \sqrt{1 - \bar\alpha_t}\, x_0$,
# a mixture of noise and data (`diffusion/11`). Here $x_t$ is only noise, so $v = \sqrt{\bar\alpha_t
# / (1 - \bar\alpha_t)}\, x_t$. For a pixel $x_t = 0.5$ the right output is 1 at one time and a
# quarter of that at another:

# %%
alpha_bar = np.array([0.8, 0.2])
lesson.check("v for x_t = 0.5", np.sqrt(alpha_bar / (1 - alpha_bar)) * 0.5, equals=[1, 0.25])

# %% [markdown]
# From a single pixel the network could not tell these cases apart. So it is usual to give it $t$.
# (What the time is worth for a whole image we measure in section 5.) But a single number from 1 to
# 200 is a poor input. A step changes it by half a percent of its range, and a network that starts
# with small weights may respond to such a change only weakly. Instead, $t$ becomes many features,
# $\sin(\omega_k t)$ and $\cos(\omega_k t)$, as in the transformer of Vaswani et al. (2017). The
# frequencies $\omega_k$ fall from 1 in equal ratios. With 32 features there are 16 frequencies, and
# the last is $10000^{-15/16} = 1/5623$. They work like the hands of a clock. The fast ones separate
# neighboring times, and the slow ones separate early from late.

# %%
lesson.predict(
    "Take two times, three steps apart. Turn both into sines and cosines, multiply the two lists "
    "entry by entry, and add the products. What does the sum depend on?",
    ["only on the earlier time", "only on the distance, 3", "on both"],
)

# %%
lesson.exercise("diffusion/17/sinusoidal")

# %%
features = sinusoidal(np.arange(201), 32)
products = np.sum(features[:-3] * features[3:], axis=1)
lesson.show_source(sinusoidal)

# %%
by_hand = sinusoidal(np.array([np.pi / 2]), 4, max_period=9.0)[0]  # angles of 90 and 30 degrees
lesson.check("two frequencies", by_hand, equals=[1, 1 / 2, 0, np.sqrt(3) / 2])
lesson.check("1 over the last frequency", 1 / np.arcsin(features[1, 15]), equals=5623.4, atol=0.1)
lesson.check("largest minus smallest sum", np.ptp(products), at_most=1e-3)
at_distance = np.sum(np.cos(3 * 10000.0 ** (-np.arange(16) / 16)))
lesson.check("the sum, by the formula below", products[0], equals=at_distance, atol=1e-4)
lesson.outcome(
    f"The sum is {products[0]:.3f} at every t, because each pair of a sine and a cosine "
    "contributes the cosine of its frequency times 3.",
    answer="only on the distance, 3",
)

# %% [markdown]
# <details><summary>Derivation: the product of the features depends only on the distance</summary>
#
# For each frequency the two products are those of the addition theorem:
#
# $$\sin(\omega t) \sin(\omega (t + d)) + \cos(\omega t) \cos(\omega (t + d)) = \cos(\omega d) .$$
#
# The sum over all frequencies is $\sum_k \cos(\omega_k d)$, without $t$.
#
# </details>

# %%
ax = plot.matrix(features[:64].T, title="features (rows) of t = 0 ... 63 (columns)")
lesson.figure(
    ax,
    "time",
    "Rows 0 to 15 are the sines and rows 16 to 31 the cosines, from high to low frequency. Look at"
    " the lowest rows of each half, which hardly change in 64 steps.",
)

# %%
lesson.change(
    "one frequency",
    "Make all frequencies 1: change `sinusoidal(np.arange(201), 32)` to "
    "`sinusoidal(np.arange(201), 32, max_period=1.0)` and run again. What is the sum for two times "
    "that are 3 steps apart, and which times can the network no longer distinguish?",
    answer="The sum is -15.840 at every t, which is 16 cos 3, so the features of these two times "
    "are nearly opposite. Times whose distance is nearly a multiple of 2π have nearly the same "
    "features, such as t and t + 44, because 44 is 7 · 2π to 0.02. Only low frequencies separate "
    "early from late.",
)

# %% [markdown]
# Times that are close have similar features, whether they are early or late. A small network turns
# these features into the vector `condition`, and every residual block adds a linear map of it
# between its two convolutions.
#
# ## 4. What is there to learn?
#
# We could now remove parts and compare errors. But suppose that the full network predicts no better
# than a formula without any network. Then it has not learned to use what surrounds a pixel, and
# what we learn from its parts is about the first minutes of training and not about the U-Net. So we
# first need two numbers. What does a simple formula reach, and what is the best possible?
#
# For most data nobody knows the best possible. We therefore choose a small world, in which we do.
# Its images show an ellipse, a rectangle or a triangle, in four sizes, eight rotations and 64
# places. These are 6,144 images, all equally likely:

# %%
T = 200
schedule = Schedule.cosine(T)
world = 2 * shapes.grid().images - 1  # (6144, 16, 16, 1), from -1 (black) to 1
flat = world.reshape(len(world), -1).astype(float)  # (6144, 256)
kinds = lesson.rng("kinds").choice(len(world), 24, replace=False)

# %%
lesson.figure(
    plot.image_grid(world[kinds][..., 0], cols=12, limits=(-1, 1)),
    "world",
    "24 of the 6,144 images. Compare the tips of a triangle with those of an ellipse, at this"
    " resolution.",
)

# %% [markdown]
# The best prediction of $x_0$ is its mean given $x_t$ (`diffusion/04`). Every image of this world
# could be behind $x_t$. The nearer $\sqrt{\bar\alpha_t}$ times an image is to $x_t$, the more
# probable it is, and the mean is a weighted sum over all 6,144 images:


# %%
def best_possible(x, signal):
    """The mean of x_0 given x_t: x (N, 256) and signal ᾱ_t (N, 1) -> (N, 256)."""
    lengths = (x**2).sum(axis=1, keepdims=True) + signal * (flat**2).sum(axis=1)
    distance = lengths - 2 * np.sqrt(signal) * x @ flat.T  # (N, 6144), squared
    return softmax(-distance / (2 * (1 - signal)), axis=1) @ flat


# %% [markdown]
# The formula to beat is *one Gaussian* with the mean and all covariances of the pixels. Its
# prediction is linear in $x_t$. Along each principal axis of the images, it shrinks $x_t$ towards
# the mean, most of all along the axes on which the images hardly vary. (It is the best of all
# linear predictions.) A weaker formula does this for each *pixel by itself*, without its neighbors.

# %%
mean = flat.mean(axis=0)
variances, axes = numpy.linalg.eigh(numpy.cov(flat.T))


def one_gaussian(x, signal, variances=numpy.maximum(variances, 0), axes=axes):
    along = (x - np.sqrt(signal) * mean) @ axes  # coordinates along the axes
    shrunk = along * np.sqrt(signal) * variances / (signal * variances + 1 - signal)
    return mean + shrunk @ axes.T


def each_pixel(x, signal):
    return one_gaussian(x, signal, flat.var(axis=0), numpy.eye(256))


# %% [markdown]
# All are judged on the same noisy images, at all times. Since the best prediction is known, we can
# measure how far a prediction is from it. For any prediction, the expected error of $v$ is the
# error of the best one plus this squared distance, so that the distance is all a network can
# improve.

# %%
count, rng = lesson.size(1000, quick=40), lesson.rng("judge")
t = 1 + numpy.arange(count) * T // count  # all times equally often
x0 = world[rng.integers(len(world), size=count)]
eps = rng.standard_normal(x0.shape, dtype=np.float32)
x_t, v = q_sample(x0, t, eps, schedule), v_from_x0_eps(x0, t, eps, schedule)
signal = schedule.alpha_bar[t][:, None]


def v_of(formula):
    """The v that a formula for x_0 implies, (N, 16, 16, 1)."""
    x = x_t.reshape(count, -1).astype(float)
    implied = (np.sqrt(signal) * x - formula(x, signal)) / np.sqrt(1 - signal)
    return implied.reshape(x_t.shape)


# %%
best = v_of(best_possible)
formulas = {"one Gaussian": v_of(one_gaussian), "each pixel by itself": v_of(each_pixel)}
formulas |= {"0 (untrained network)": 0 * best, "best possible": best}


def away(prediction):
    """The mean squared distance from the best prediction, for each image."""
    return np.mean((prediction - best) ** 2, axis=(1, 2, 3))


def table_row(name, error, distance):
    """A row: error of v, distance from the best prediction, and the same in four ranges of t."""
    ranges = [distance[(t > low) & (t <= low + 50)].mean() for low in range(0, T, 50)]
    return [name, error, distance.mean(), *ranges]


# %%
header = ["prediction", "error of v", "distance", "t to 50", "to 100", "to 150", "to 200"]
known = [
    table_row(name, np.mean((guess - v) ** 2), away(guess)) for name, guess in formulas.items()
]
lesson.table(known, header, "formulas: error of v, and squared distance from the best prediction")
gaussian = away(formulas["one Gaussian"])

# %% [markdown]
# From each pixel by itself to one Gaussian the error falls from 0.32 to 0.20, which is what the
# covariances of neighbors bring. The best possible error is 0.06, so shapes have more to offer than
# covariances do. But look at the last column. Near pure noise the Gaussian is almost optimal, as it
# would be for any data, because little can be said about the image beyond its mean. There no
# network can be much better. At the other end the Gaussian is poor, although the answer is plain to
# see. There is only one shape that fits.
#
# We conclude that a fair test of a U-Net has two conditions. The full network must be far closer to
# the best prediction than the Gaussian is, and we must look at small and medium times.
#
# ## 5. One part removed at a time
#
# What a part contributes is measured by an *ablation*. We remove the part, train again from the
# same start with the same batches, and compare. Four variants have one part removed each:
#
# - *no shortcut*: the block after the concatenation receives zeros in place of the shortcut;
# - *no lower level*: it receives zeros in place of what comes from below;
# - *no time*: the network receives time 0 for every image;
# - *no attention*: the attention block is left out.


# %%
class Same(Module):
    """Takes the place of a block, and returns its input."""

    def __call__(self, x, condition=None):
        return x


class Masked(Module):
    """A block that receives what comes from below or from the shortcut, and zeros for the rest."""

    def __init__(self, block, kept):
        self.block = block
        self.kept = kept  # a name: a float array here would be a weight, and be trained

    def __call__(self, h, condition):
        mask = np.repeat(np.float32([name == self.kept for name in ("below", "shortcut")]), WIDTH)
        return self.block(h * mask, condition)


# %%
class Timeless(Module):
    """A network that receives time 0 for every image."""

    def __init__(self, net):
        self.net = net

    def __call__(self, x, t, y=None):
        return self.net(x, np.zeros(len(x)))


# %%
WIDTH = lesson.size(16, quick=8)


def made(name, rng):
    """A new network with all parts, or without one."""
    net = UNet(rng, width=WIDTH, size=(16, 16))
    if name == "no shortcut":
        net.up[0] = Masked(net.up[0], "below")
    if name == "no lower level":
        net.up[0] = Masked(net.up[0], "shortcut")
    if name == "no attention":
        net.attention = Same()
    return Timeless(net) if name == "no time" else net


# %%
lesson.predict(
    "A network cleans noisy pictures of simple shapes, at all noise levels equally often. Without "
    "which of its parts does it end farthest from the best prediction?",
    [
        "the shortcut that carries detail",
        "the lower level with the wide view",
        "the time, that is, the level of noise",
        "attention among all positions",
    ],
)

# %% [markdown]
# One run could be luck. We therefore train every variant three times, with three initializations
# and three streams of batches, which all variants share. The loss is the mean squared error of $v$.

# %%
from minigen.optim import cosine
from minigen.train import descend

steps, repeats = lesson.steps(1200, quick=1), lesson.size(3, quick=2)


def noisy(rng, n=32):
    """The same batches for all that start from the same stream."""
    x0 = world[rng.integers(len(world), size=n)]
    return x0, rng.integers(1, T + 1, n), rng.standard_normal(x0.shape, dtype=np.float32)


def loss(net, x0, t, eps):
    return v_loss(net, x0, t, eps, schedule)


# %%
def trained(name, repeat):
    """The predictions of a network that starts from the weights and batches of a repeat."""
    net, rng = made(name, lesson.rng(f"start {repeat}")), lesson.rng(f"batches {repeat}")
    lr = cosine(4e-3, steps, warmup=min(50, steps // 4))
    step = descend(loss, net, noisy, rng=rng, lr=lr, ema=0.99, parallel=True)
    lesson.fit(step, steps, state=step.state, label=f"{name} {repeat}")
    return batched(step.averaged, x_t, t, size=250)


# %%
parts = {
    "no shortcut": "the shortcut that carries detail",
    "no lower level": "the lower level with the wide view",
    "no time": "the time, that is, the level of noise",
    "no attention": "attention among all positions",
}
names = ["all parts", *parts]
guess = {(name, k): trained(name, k) for k in range(repeats) for name in names}

# %%
far = {name: np.stack([away(guess[name, k]) for k in range(repeats)]) for name in names}
each = {name: distance.mean(axis=1) for name, distance in far.items()}  # (repeats,)
ratio, unsure = {}, {}
for name in parts:  # paired: a variant over all parts, from the same start
    pairs = each[name] / each["all parts"]
    ratio[name], unsure[name] = pairs.mean(), pairs.std(ddof=1) / np.sqrt(repeats)
missed = max(parts, key=lambda name: ratio[name])

# %%
lesson.outcome(
    f"The squared distance from the best prediction is then {ratio[missed]:.1f} times that of the "
    "network with all parts. "
    + " ".join(
        f"The factor is {ratio[name]:.2f} for the variant with {name}."
        for name in parts
        if name != missed
    ),
    answer=parts[missed],
)

# %%
rows = [known[0]]
for name in names:
    error = np.mean([np.mean((guess[name, k] - v) ** 2) for k in range(repeats)])
    row = table_row(name, error, far[name].mean(axis=0))
    rows.append([*row, ratio.get(name, 1.0), unsure.get(name, "")])
rows[0] = [*rows[0], gaussian.mean() / each["all parts"].mean(), ""]
rows += [[*row, row[2] / each["all parts"].mean(), ""] for row in known[1:]]
more = ["over all parts", "standard error"]
lesson.table(rows, [*header, *more], "networks, mean of the trainings, and the formulas")

# %%
lesson.claim(
    "squared distance from the best prediction: one Gaussian / all parts, worst training",
    gaussian.mean() / each["all parts"].max(),
    at_least=1.5,
    source="seeds 0, 1 and 6173: 2.08 to 2.18; margin: half of the lead; untrained: 0.15",
)
lesson.claim(
    "all parts: squared distance from the best prediction, worst training",
    each["all parts"].max(),
    at_most=0.1,
    source="seeds 0, 1 and 6173: 0.063 to 0.068; margin: a half; one Gaussian: 0.14",
)

# %%
lesson.claim(
    "no shortcut: squared distance over that of all parts",
    ratio["no shortcut"],
    at_least=2.0,
    source="seeds 0, 1 and 6173: 2.97 to 3.12; margin: half of the effect; no effect: 1",
)
lesson.claim(
    "no lower level: squared distance over that of all parts",
    ratio["no lower level"],
    at_least=1.02,
    source="seeds 0, 1 and 6173: 1.068 to 1.113, standard error 0.018 at most; no effect: 1",
)

# %% [markdown]
# First, the conditions of section 4. On average, and at small and medium times, the squared
# distance from the best prediction is about half as large for the network with all parts as for one
# Gaussian. So the network has learned more than which pixels vary together. But it is only half
# way, and what follows holds for such a network.
#
# The shortcut matters by far the most. Without it the network falls behind the Gaussian, although
# one number for every pixel comes up from below. The lower level and the time matter much less on
# average, at this size. (Without the lower level the network also loses two of its four blocks, and
# attention.) For attention the difference is within two standard errors, so this run does not show
# that attention matters. It may have had little to add, because four 3 × 3 convolutions in a row
# already reach across all of the 4 × 4 positions.
#
# A wrong turn is worth telling. In an earlier version the network without the shortcut did as well
# as the others, and for a moment shortcuts looked useless. The zeros that closed the shortcut had
# been stored in an array among the weights, and whatever is among the weights is trained. Step by
# step the network had opened the shortcut again. Check an ablation after the training, too.
#
# The estimates of $x_0$ show what the distances mean. Look at the background, which is grainy
# without the shortcut, and at the last columns, where even the best possible prediction blurs the
# shape:

# %%
at = (numpy.linspace(0.3, 0.85, 10) * count).astype(int)  # images from little noise to much noise
shown = {"one Gaussian": formulas["one Gaussian"]}
shown |= {name: guess[name, 0] for name in ("no shortcut", "no lower level", "all parts")}
shown["best possible"] = best


def implied(v):
    """The x_0 that a prediction of v implies, for the shown images."""
    keep = schedule.alpha_bar[t[at]].reshape(-1, 1, 1, 1)
    return np.sqrt(keep) * x_t[at] - np.sqrt(1 - keep) * v[at]


# %%
grid = plot.image_grid(
    np.concatenate([x_t[at], *[implied(v) for v in shown.values()], x0[at]])[..., 0],
    cols=len(at),
    limits=(-1, 1),
    row_labels=["noisy", *shown, "x_0"],
    col_labels=[f"t = {k}" for k in t[at]],
)
lesson.figure(
    grid,
    "denoised",
    "Noisy shapes, from little noise on the left to much noise on the right, what each prediction "
    "makes of them, and the true shapes in the last row. Look for the first column in each row in "
    "which the kind of shape is wrong or unclear.",
)

# %%
ends = np.linspace(0, T, 9)
middle = (ends[1:] + ends[:-1]) / 2
curves = {"one Gaussian": gaussian} | {name: far[name].mean(axis=0) for name in names}
by_time = {
    name: np.array([d[(t > low) & (t <= high)].mean() for low, high in zip(ends[:-1], ends[1:])])
    for name, d in curves.items()
}
ax = plot.line(middle, by_time, xlabel="t", markers=True, log="y")
ax.set_title("squared distance from the best prediction")

# %%
lesson.figure(
    ax,
    "by_time",
    "The Gaussian (dark blue), all parts (red), no shortcut (green), no lower level (pink), no "
    "time (orange) and no attention (light blue), by time, on a logarithmic axis. Look for the "
    "times at which a variant is far above all parts, and for those at which the curves meet.",
)

# %% [markdown]
# Without the shortcut the distance is 2.5 times as large up to $t = 50$, and nearly four times as
# large from 100 to 150. The shortcut is the only way on which a position of the upper level reaches
# the output without going through the lower one. Near pure noise all distances are small, but there
# the order changes. Beyond $t = 150$ the networks without the lower level (0.0119) or without the
# time (0.0132) fall behind the Gaussian (0.0090), and at the very end even the network with all
# parts does. Where a pixel says little about itself, the wide view and the noise level matter.
#
# What does the time add? In this world we can compute it. Without the time, the best prediction is
# a mean over all images *and* all 200 times, each with its probability given $x_t$:

# %%
some = slice(0, None, 5)  # every fifth of the noisy images
x = x_t[some].reshape(len(x_t[some]), -1).astype(float)
parts_of_distance = (x**2).sum(axis=1, keepdims=True), (flat**2).sum(axis=1), x @ flat.T
log_total, total = numpy.full((len(x), 1), -numpy.inf), numpy.zeros_like(x)
for keep in schedule.alpha_bar[1:]:  # 200 times, equally likely before we look at x_t
    own, length, product = parts_of_distance
    log_joint = -(own + keep * length - 2 * np.sqrt(keep) * product) / (2 * (1 - keep))
    log_time = logsumexp(log_joint, axis=1, keepdims=True)
    implied_v = (np.sqrt(keep) * x - np.exp(log_joint - log_time) @ flat) / np.sqrt(1 - keep)
    log_time = log_time - 128 * np.log(1 - keep)  # the normal density, 256 pixels
    both = np.logaddexp(log_total, log_time)
    total = total * np.exp(log_total - both) + implied_v * np.exp(log_time - both)
    log_total = both
timeless = np.mean((total.reshape(x_t[some].shape) - best[some]) ** 2)

# %%
lesson.table(
    [
        ["the best possible, without the time", timeless],
        ["the network, all parts", far["all parts"][:, some].mean()],
        ["the network, no time", far["no time"][:, some].mean()],
    ],
    ["prediction", "squared distance from the best"],
    "what the time is worth, on every fifth of the images",
)
lesson.check(
    "the best without the time / one Gaussian", timeless / gaussian[some].mean(), at_most=0.1
)

# %% [markdown]
# The best prediction without the time is far closer to the best of all than our network is. So the
# noisy image itself shows how noisy it is, and in principle a network can do without $t$. In
# practice the time is a cheap hint, and the network without it ends farther away.
#
# ## What this lesson does differently
#
# - The U-Net that the other lessons use for digits (`diffusion/04`) has 28 × 28 pixels and one more
#   part, a small fully connected network over all positions of the lowest level. We leave it out.
# - Ho et al. have four or more levels, several blocks for each, and many more channels. We leave
#   out deeper U-Nets, and data for which attention may matter, such as large images with several
#   objects. What we measured holds for two levels, small shapes and short trainings.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - “each followed by a ReLU and a 2x2 max pooling with stride 2”: each convolution is followed by a
#   ReLU, but a step has only one pooling, after the second convolution.
# - “Each step consists of an upsampling of the feature map followed by a 2x2 convolution and each
#   halves the number of feature channels”: the two 3 × 3 convolutions after the concatenation are
#   not mentioned. The concatenation doubles the channels again, and the first of the two halves
#   them.
# - “Shortcut connections result in a concatenation with the corresponding layers of the
#   downsampling stack”: without padding these layers are larger, and are cropped first.
#
# ## To remember
#
# - A U-Net goes down for a wide view and up for detail, and shortcuts carry the detail across.
# - The time enters every block as sines and cosines.
# - Compare a network with one Gaussian before you ablate it.
# - Here the shortcut matters most, the lower level and the time matter near pure noise, and
#   attention not measurably.
#
# **Next:** `diffusion/18` adds a condition to a trained U-Net, and `diffusion/19` replaces the
# U-Net with a transformer.
#
# **Your turn:** `minigen exercise start diffusion/17`, then `minigen run diffusion/17 --with
# exercises/diffusion_17.py`.

# %%
lesson.finish()
