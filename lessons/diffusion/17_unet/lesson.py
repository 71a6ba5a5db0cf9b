# %% [markdown]
# # The U-Net
#
# The first part of the section *Model Architecture* (diffusion.s17) of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/). The post names two
# common backbone architectures for diffusion models, the U-Net and the transformer; the transformer
# is in `diffusion/19`. In this lesson:
#
# 1. A U-Net has a downsampling stack, an upsampling stack, and *shortcuts* between levels of the
#    same resolution.
# 2. One network serves all noise levels, because the time is one of its inputs.
# 3. What a part contributes is measured by an *ablation*: disable the part, and train again with
#    the same budget.
#
# Needed: the training of a diffusion model (`diffusion/04`).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/17_unet",
    title="The U-Net",
    post="diffusion",
    sections=["diffusion.s17"],
    figures=["diffusion.f17"],
    equations=[],
    minutes=1.8,
    picture="f17_unet",
    sources=["weng2021diffusion", "ronneberger2015unet", "vaswani2017attention", "ho2020ddpm"],
)

# %%
import autograd.numpy as np
import numpy

from minigen import plot
from minigen.data import mnist
from minigen.diffusion.ddpm import q_sample, v_from_x0_eps, v_loss
from minigen.diffusion.networks.unet import UNet, unet_sizes
from minigen.diffusion.schedule import Schedule

# %% [markdown]
# The network of a diffusion model receives a noisy image and a time, and outputs an image of the
# same size. Here the images are small digits, 16 × 16: means of 2 × 2 pixels, and a border. The
# target is $v = \sqrt{\bar\alpha_t}\, \epsilon - \sqrt{1 - \bar\alpha_t}\, x_0$, which is the noise
# when $t$ is small and minus the data when $t$ is large.

# %%
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
shown = np.array([1, 40, 80, 120, 160, 200])
x0 = np.repeat(test[:1], len(shown), axis=0)
eps = lesson.rng("shown").standard_normal(x0.shape, dtype=np.float32)
pair = [q_sample(x0, shown, eps, schedule), v_from_x0_eps(x0, shown, eps, schedule)]
grid = plot.image_grid(
    np.concatenate(pair)[..., 0],
    cols=len(shown),
    limits=(-1.5, 1.5),
    row_labels=["input x_t", "target v"],
    col_labels=[f"t = {k}" for k in shown],
)
lesson.figure(grid, "task", "The input and the target of the network for one digit at six times.")

# %% [markdown]
# On the left the target differs from pixel to pixel. On the right it is a whole digit, which has to
# be predicted from noise. The network needs both: details, and a view of the whole image.
#
# ## 1. Downsampling, upsampling, shortcuts (figure f17)
#
# The post describes the first U-Net, which Ronneberger et al. (2015) made for the segmentation of
# biomedical images, such as cells under a microscope.
#
# - *Downsampling*: each step has two 3 × 3 convolutions, each followed by a ReLU, and then one 2 ×
#   2 max pooling with stride 2, which keeps the largest of every 2 × 2 values. It halves the side,
#   and the next step doubles the number of channels.
# - *Upsampling*: each step doubles the side and applies a 2 × 2 convolution, which halves the
#   number of channels (together an *up-convolution*). Two 3 × 3 convolutions with ReLU follow.
# - *Shortcuts*, or skip connections: at each level the feature map of the way down is concatenated
#   with the one that comes from below, before the two convolutions.
#
# A last 1 × 1 convolution maps the 64 channels of every position to one score for each class.
#
# The 3 × 3 convolutions are unpadded: where their window would reach beyond the image there is no
# output, so a convolution removes one pixel at every border. And the feature map of a shortcut is
# cropped to the smaller size of the way up.

# %%
lesson.predict(
    "An image of 572 x 572 pixels is the input. What is the size of the output?",
    ["572 x 572, one output for each pixel", "564 x 564", "388 x 388"],
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
    f"{up[-1]} x {up[-1]}. The paper cuts a large image into overlapping tiles, so that every"
    " pixel is in the output of some tile.",
    answer="388 x 388",
)
lesson.check("the side in the paper's figure", up[-1], equals=388)

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
nodes["in"] = plot.node("image\n572 x 572 x 1", "data", at=(0, -1))
nodes["out"] = plot.node("output\n388 x 388 x 2", "fake", at=(4, -1))
edges += ["in -> down 0", "up 0 -> out"]
lesson.figure(
    plot.schematic(nodes, edges),
    "f17_unet",
    "The U-Net. Solid arrows lead down (max pooling, then two convolutions) and up (up-convolution,"
    " concatenation, then two convolutions). The dashed arrows are the shortcuts, cropped to the"
    " smaller side.",
)

# %% [markdown]
# Ho et al. (2020) kept the levels and the shortcuts and changed the blocks. The convolutions are
# padded, so the output is as large as the input. Residual blocks with group norm replace pairs of
# plain convolutions. There is attention among the positions of a low level, and the time enters
# every block.
#
# Our network for digits is built in the same way, with two levels. Before the first, each block of
# 2 × 2 pixels becomes one position with four channels, which loses nothing. A convolution with
# stride 2 leads to the second. So there is one shortcut, between the two blocks of the first level.
# The nonlinearity is SiLU instead of ReLU. These are the sizes inside the network for a batch of
# four images:

# %%
net = UNet(lesson.rng("a net"), width=16, global_mlp=64, size=(16, 16))
noise = lesson.rng("noise").standard_normal((4, 16, 16, 1), dtype=np.float32)
times = np.array([1, 50, 100, 200])
lower, upper = net.encode(noise, net.condition(times, None, 4))
rows = [
    ["input", noise],
    ["shortcut", upper],
    ["lowest level", lower],
    ["output", net(noise, times)],
]
lesson.table(
    [[name, h.shape, h[0].size] for name, h in rows], ["feature map", "shape", "values per image"]
)

# %% [markdown]
# ## 2. The time as an input
#
# A single number that runs from 1 to 200 is a poor input. A step changes it by half a percent of
# its range, and a network that starts with small weights responds to such a change only weakly. So
# the time $t$ becomes many features, $\sin(\omega_k t)$ and $\cos(\omega_k t)$, as in the
# transformer of Vaswani et al. (2017). The frequencies $\omega_k$ fall from 1 in equal ratios. With
# 32 features there are 16 frequencies, and the last is $10000^{-15/16} = 1/5623$. The high
# frequencies separate neighboring times, and the low ones separate early from late.

# %%
lesson.predict(
    "Multiply the features of time t by those of t + 3, and add the products. On what does the sum"
    " depend?",
    ["on t", "on the 3 only", "on both"],
)

# %%
lesson.exercise("diffusion/17/sinusoidal")

# %%
from minigen.nn.layers import sinusoidal

by_hand = sinusoidal(np.array([np.pi / 2]), 4, max_period=9.0)[0]  # angles of 90 and 30 degrees
lesson.check("two frequencies", by_hand, equals=[1, 1 / 2, 0, np.sqrt(3) / 2])
features = sinusoidal(np.arange(201), 32)
lesson.check("1 over the last frequency", 1 / np.arcsin(features[1, 15]), equals=5623.4, atol=0.1)
products = np.sum(features[:-3] * features[3:], axis=1)
lesson.check("largest minus smallest sum", np.ptp(products), at_most=1e-3)
lesson.show_source(sinusoidal)

# %%
at_distance = np.sum(np.cos(3 * 10000.0 ** (-np.arange(16) / 16)))
lesson.check("the sum, by the formula below", products[0], equals=at_distance, atol=1e-4)
lesson.outcome(f"The sum is {products[0]:.3f} at every t.", answer="on the 3 only")

# %% [markdown]
# <details><summary>Derivation: the product of the features depends on the distance alone</summary>
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
    "Rows 0 to 15 are the sines and rows 16 to 31 the cosines, from high to low frequency. Those of"
    " the lowest frequencies hardly change in 64 steps.",
)

# %%
lesson.change(
    "one frequency",
    "Make all frequencies 1: change `sinusoidal(np.arange(201), 32)` to "
    "`sinusoidal(np.arange(201), 32, max_period=1.0)` and run again. What is the sum for two times "
    "that are 3 steps apart, and which times can the network no longer distinguish?",
    answer="The sum is -15.840 at every t, 16 cos 3: the features of these two times are "
    "nearly opposite. Times whose distance is nearly a multiple of 2π have nearly the same "
    "features, such as t and t + 44, because 44 is 7 · 2π to 0.02. Only low frequencies separate "
    "early from late.",
)

# %% [markdown]
# ## 3. What each part can do
#
# **The shortcut**, by hand with four pixels in a row. Down: the larger of two neighbors. Up: each
# value twice (an up-convolution with weights 1 and 1).

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
    answer="Nothing, 0 at every pixel: the neighbors are equal, so the larger one stands for both. "
    "Down- and upsampling lose the differences of neighbors, and a smooth image has few of them.",
)

# %% [markdown]
# Pooling keeps only the larger value of each pair, and not its place. The shortcut passes both
# values across. In the words of the post, shortcuts “provide the essential high-resolution features
# to the upsampling process”. (More channels at the lower level can carry some of the details, too.)
#
# **The time**, by hand: let the data be always 0. Then $\epsilon = x_t / \sqrt{1 - \bar\alpha_t}$
# and the target is $v = \sqrt{\bar\alpha_t / (1 - \bar\alpha_t)}\, x_t$. The same input $x_t = 0.5$
# needs two different outputs at two times:

# %%
alpha_bar = np.array([0.8, 0.2])
lesson.check("v for x_t = 0.5", np.sqrt(alpha_bar / (1 - alpha_bar)) * 0.5, equals=[1, 0.25])

# %% [markdown]
# **Attention** compares each position of the lowest level with all others, while a convolution
# reaches only its neighbors. So two ends of a stroke can be matched.
#
# **The global block** is our addition: a small fully connected network over all positions of the
# lowest level, with weights of its own for each position. A convolution has the same weights
# everywhere, although the ink of a centered digit is more likely in the middle than in a corner.
#
# ## 4. One part disabled at a time
#
# In each of four variants one part is disabled, and nothing else is changed:
#
# - *no shortcut*: the block after it receives zeros in its place;
# - *no time*: the network receives the same time for every image;
# - *no attention*: the attention block is left out;
# - *no global block*: the global block is left out.
#
# (The factors 1 and 0 in `Masked` are arrays of a module, so the optimizer trains them, too. This
# variant begins without the shortcut and can open it again. To remove the shortcut for good would
# cost more than the table shows.)

# %%
from minigen.nn import Module


class Same(Module):
    """Takes the place of a block, and returns its input."""

    def __call__(self, x, condition=None):
        return x


class Masked(Module):
    """A block whose input has zeros in the second half of its channels, those of the shortcut."""

    def __init__(self, block, width):
        self.block, self.kept = block, np.repeat(np.float32([1, 0]), width)

    def __call__(self, h, condition):
        return self.block(h * self.kept, condition)


# %%
class Timeless(Module):
    """A network that receives time 0 for every image."""

    def __init__(self, net):
        self.net = net

    def __call__(self, x, t, y=None):
        return self.net(x, np.zeros(len(x)))


# %%
WIDTH = lesson.size(16, quick=8)


def plain(rng):
    return UNet(rng, width=WIDTH, global_mlp=64, size=(16, 16))


def no_shortcut(rng):
    net = plain(rng)
    net.up[0] = Masked(net.up[0], WIDTH)
    return net


def no_time(rng):
    return Timeless(plain(rng))


# %%
def no_attention(rng):
    net = plain(rng)
    net.attention = Same()
    return net


def no_global_block(rng):
    net = plain(rng)
    net.global_mlp = Same()
    return net


# %%
lesson.predict(
    "With equal training, which part will be missed most, by the error of v on test digits?",
    ["the shortcut", "the time", "attention", "the global block"],
)

# %% [markdown]
# Every network is trained three times, with three initializations and three streams of batches,
# which all variants share.

# %%
from minigen.optim import cosine
from minigen.train import descend

steps = lesson.steps(300, quick=1)


def noisy(rng, count=64):
    """The same batches for all that start from the same stream."""
    x0 = train[rng.integers(len(train), size=count)]
    return x0, rng.integers(1, T + 1, count), rng.standard_normal(x0.shape, dtype=np.float32)


def loss(net, x0, t, eps):
    return v_loss(net, x0, t, eps, schedule)


# %%
def trained(label, make, repeat):
    """A network from the initialization and the batches that belong to a repeat."""
    net, rng = make(lesson.rng(f"start {repeat}")), lesson.rng(f"batches {repeat}")
    lr = cosine(3e-3, steps, warmup=min(50, steps // 4))
    step = descend(loss, net, noisy, rng=rng, lr=lr, ema=0.99, parallel=True)
    lesson.fit(step, steps, state=step.state, label=f"{label} {repeat}")
    return step.averaged


# %%
variants = {
    "all parts": plain,
    "no shortcut": no_shortcut,
    "no time": no_time,
    "no attention": no_attention,
    "no global block": no_global_block,
}
repeats = lesson.size(3, quick=1)
nets = {
    (label, k): trained(label, make, k) for k in range(repeats) for label, make in variants.items()
}

# %% [markdown]
# The error of $v$ on test digits is measured with the same noise for all:

# %%
from minigen.tensor import batched

rng = lesson.rng("judge")
t = rng.integers(1, T + 1, len(test))
eps = rng.standard_normal(test.shape, dtype=np.float32)
x_t, v = q_sample(test, t, eps, schedule), v_from_x0_eps(test, t, eps, schedule)


def errors(net):
    """The mean squared error of v for each test digit."""
    return np.mean((batched(net, x_t, t, size=250) - v) ** 2, axis=(1, 2, 3))


wrong = {label: np.stack([errors(nets[label, k]) for k in range(repeats)]) for label in variants}

# %%
parts = {
    "no shortcut": "the shortcut",
    "no time": "the time",
    "no attention": "attention",
    "no global block": "the global block",
}
whole = wrong["all parts"].mean(axis=1)  # (repeats,)
worse = {label: wrong[label].mean(axis=1) / whole - 1 for label in parts}  # (repeats,) each
rows = [["all parts", wrong["all parts"].mean(), *[""] * (1 + repeats)]]
for label, ratio in worse.items():
    each = [f"{100 * r:+.1f} %" for r in ratio]
    rows.append([label, wrong[label].mean(), f"{100 * ratio.mean():+.1f} %", *each])
header = ["network", "error of v", "above all parts", *(f"training {k}" for k in range(repeats))]
lesson.table(rows, header)

# %%
missed = max(parts, key=lambda label: worse[label].mean())
clear = [parts[label] for label in parts if np.all(worse[label] > 0.01)]
lesson.outcome(
    ", ".join(f"{label} {100 * worse[label].mean():+.1f} %" for label in parts)
    + f". Worse by more than 1 % in each of the trainings: without {' or '.join(clear) or 'none'}.",
    answer=parts[missed],
)

# %%
lesson.claim(
    "all parts: error of v",
    wrong["all parts"].mean(),
    at_most=0.28,
    source="seeds 0, 1, 2031: 0.250, 0.250, 0.250; without the shortcut 0.30 to 0.31",
)

# %%
lesson.claim(
    "no shortcut: error above all parts, as a share",
    worse["no shortcut"].mean(),
    at_least=0.1,
    source="seeds 0, 1, 2031: 0.21, 0.20, 0.23, less a half; other parts at most 0.04",
)
lesson.claim(
    "no time: error above all parts, as a share",
    worse["no time"].mean(),
    at_least=0.01,
    source="seeds 0, 1, 2031: 0.022, 0.038, 0.032, less a half; attention at most 0.006",
)

# %% [markdown]
# A noisy digit shows its noise level, because most of its pixels are background. So a network
# without the time can estimate the time from the image, and its error rises only by what this
# estimate costs. The last sentence of the outcome names the parts whose absence costs more than 1 %
# in every training. For the other parts the run does not show this. This is a result about small
# digits, 16 positions at the lowest level and short trainings, and not about larger images.
#
# At which times is each part missed? The same errors, by time:

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
    "Where a curve is above the dashed line, its part is missed. Compare the times at which the"
    " shortcut, which passes details, and the global block are missed.",
)

# %% [markdown]
# The shortcut is missed most at small and medium $t$, where $v$ is largely noise and differs from
# pixel to pixel. Near $t = T$, where $v$ is a whole digit, it is hardly missed. There the global
# block is missed more. The next section shows why.

# %% [markdown]
# ## 5. The last time, where the best output is known
#
# At $t = T$ the input is noise, and nothing of the digit is left in it. Is there anything to
# predict?

# %%
lesson.predict(
    "Which output has the smallest mean squared error of v at t = T?",
    ["0", "minus the mean of all digits", "there is none: v is random"],
)

# %%
at_T = np.full(len(test), T)
eps_T = lesson.rng("last").standard_normal(test.shape, dtype=np.float32)
x_T, v_T = q_sample(test, at_T, eps_T, schedule), v_from_x0_eps(test, at_T, eps_T, schedule)
fixed = {"output 0": 0 * v_T, "minus the mean digit": -train.mean(axis=0)}
known = {label: np.mean((output - v_T) ** 2) for label, output in fixed.items()}
at_last = {
    label: np.mean(
        [np.mean((batched(nets[label, k], x_T, at_T, size=250) - v_T) ** 2) for k in range(repeats)]
    )
    for label in variants
}

# %%
smallest = known["minus the mean digit"]
rows = [[name, error, error - smallest] for name, error in (known | at_last).items()]
lesson.table(rows, ["output at t = T", "error of v", "above the mean digit"])
lesson.check("signal at t = T, √ᾱ_T", np.sqrt(schedule.alpha_bar[T]), at_most=1e-3)
lesson.outcome(
    f"Minus the mean of all digits, with an error of {smallest:.3f}: v is minus the digit there,"
    " and the mean is the best prediction of a value about which nothing is known.",
    answer="minus the mean of all digits",
)

# %% [markdown]
# The best output at $t = T$ is the same image for every input, different at each position. The
# global block, with weights for each position, can produce it directly; convolutions have to build
# it from the borders.

# %%
excess = (at_last["no global block"] - smallest) / (at_last["all parts"] - smallest)
lesson.claim(
    "t = T: error above the mean digit, no global block over all parts",
    excess,
    at_least=1.1,
    source="seeds 0, 1, 2031: 1.64, 1.20, 1.50, excess less a half; attention up to 1.00",
)

# %% [markdown]
# ## 6. Where the post is loose
#
# - “each followed by a ReLU and a 2x2 max pooling with stride 2”: each convolution is followed by a
#   ReLU, but a step has only one pooling, after the second convolution.
# - “Each step consists of an upsampling of the feature map followed by a 2x2 convolution and each
#   halves the number of feature channels”: in the paper the step goes on, with the concatenation,
#   which doubles the channels again, and two 3 × 3 convolutions, of which the first halves them.
# - “Shortcut connections result in a concatenation with the corresponding layers of the
#   downsampling stack”: without padding these layers are larger, and are cropped first.
#
# The U-Net of the post is Ronneberger's. The U-Nets of diffusion models since Ho et al. (2020) are
# padded, and have residual blocks, group norm, attention and the time as an input.
#
# **Left out:** deeper U-Nets, and data for which attention matters, such as large images with
# several objects. **Next:** `diffusion/18` adds a condition to a trained U-Net, and `diffusion/19`
# replaces the U-Net by a transformer.
#
# **Your turn:** `minigen exercise start diffusion/17`, then `minigen run diffusion/17 --with
# exercises/diffusion_17.py`.

# %%
lesson.finish()
