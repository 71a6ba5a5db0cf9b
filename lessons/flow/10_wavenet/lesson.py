# %% [markdown]
# # WaveNet: causal and dilated convolutions
#
# A second of sound is thousands of numbers, one after the other. We know how to predict each part
# of an image from the parts before it (`flow/08`, `flow/09`), so why not do the same with sound?
# The difficulty is distance. An echo comes back after hundreds or thousands of steps, and a stack
# of small convolutions reaches one step farther with each layer. A thousand layers are too many.
# Can a network with few layers look far back?
#
# It can, if its kernels skip steps. We turn sound into codes (section 1), take a string whose
# probabilities are all known (2), build the causal layers (3, 4), and measure what happens without
# a shift (5) and with too short a memory (6). Then the network plays (8, 9). This lesson follows
# the section *WaveNet* of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/). Before this lesson:
# `flow/08`.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/10_wavenet",
    title="WaveNet: causal and dilated convolutions",
    post="flow",
    sections=["flow.s13"],
    figures=["flow.f09"],
    equations=["flow.20"],
    minutes=1,
    picture="f09_dilated_causal_convolutions",
    sources=["weng2018flow", "karplus1983string", "vandenoord2016wavenet"],
)

# %%
import wave
from collections import deque

import autograd.numpy as np

from minigen import plot
from minigen.data.strings import KarplusStrong
from minigen.flow.pixel.model import pixel_mask
from minigen.flow.wavenet import ResidualLayer, WaveNet, causal_step, gated_unit, receptive_field

# %%
from minigen.flow.wavenet import mu_law, mu_law_decode, mu_law_encode
from minigen.nn import CausalConv1d
from minigen.optim import cosine
from minigen.tensor import batched, conv1d, conv2d, cross_entropy, grad, jacobian
from minigen.train import descend

# %% [markdown]
# Here is the sound of this lesson, a plucked string. It is a sequence of amplitudes between −1 and
# 1, 8,000 of them in a second.

# %%
string = KarplusStrong(period=20, damping=0.98, noise=0.03, levels=64)
opening = string.values[string.sample(lesson.rng("opening"), 1, 2000)[0]]  # (2000,) amplitudes
fig, (left, right) = plot.figure(1, 2, size=(4.6, 2.8))
plot.line(np.arange(2000), opening, left, xlabel="step", title="a quarter of a second")
left.set_ylabel("amplitude")
plot.line(np.arange(100), opening[:100], right, xlabel="step", title="the first 100 steps")
right.plot(np.arange(100), opening[:100], ".", ms=4, color=plot.color.ink)
lesson.figure(
    fig,
    "sound",
    "A plucked string, for 2,000 steps and for 100 steps. Each dot on the right is one amplitude,"
    " which WaveNet predicts from the dots to its left. Look for the distance at which the wave"
    " repeats.",
)

# %% [markdown]
# ## 1. A wave as codes
#
# What should the network predict, a real number? The post calls WaveNet “very similar to PixelCNN
# but applied to 1-D audio signals”. As PixelCNN predicts a distribution over the values of a pixel,
# WaveNet predicts a distribution over 256 *codes*, and each code means an amplitude. A softmax over
# codes can represent any distribution, with two modes as well as with one.
#
# Which amplitudes should the codes mean? If they are evenly spaced, most of them are wasted,
# because a quiet sound stays near 0 and uses few of them. Telephones have long used *mu-law
# companding* instead. The amplitude is compressed by a logarithm and then rounded:
#
# $$y = \operatorname{sign}(x)\,\frac{\log(1 + \mu |x|)}{\log(1 + \mu)}, \qquad \mu = 255.$$
#
# For example, take 16 codes and $\mu = 15$. The amplitude 0.2 becomes $\log 4 / \log 16 = 0.5$.
# From −1 to 1 this is three quarters of the way, $0.75 \cdot 15 = 11.25$, so the code is 11.

# %%
lesson.exercise("flow/10/mu_law_encode")
lesson.exercise("flow/10/mu_law_decode")

# %%
levels = 256


def evenly_spaced(x):
    return np.round((x + 1) / 2 * (levels - 1)) / (levels - 1) * 2 - 1


def companded(x):
    return mu_law_decode(mu_law_encode(x, levels), levels)


def rms(error):
    return float(np.sqrt(np.mean(error**2)))


# %%
quiet = 0.01 * np.linspace(-1, 1, 20_001)
gain = rms(evenly_spaced(quiet) - quiet) / rms(companded(quiet) - quiet)
loud = np.linspace(0.5, 1, 20_001)
price = rms(companded(loud) - loud) / rms(evenly_spaced(loud) - loud)

# %%
lesson.check("code of 0.2 among 16", mu_law_encode(np.array([0.2]), 16)[0], equals=11)
lesson.check("error of evenly spaced codes over that of mu-law, |x| < 0.01", gain, at_least=15)
lesson.check("error of mu-law over that of evenly spaced codes, x > 0.5", price, between=(2, 5))

# %%
lesson.show_source(mu_law, mu_law_encode, mu_law_decode)

# %% [markdown]
# With as many codes, mu-law makes the error of quiet sounds about 20 times smaller. The price is an
# error about 4 times larger for loud sounds, above 0.5.

# %% [markdown]
# <details><summary>Derivation: the inverse of mu-law, and its error for quiet sounds</summary>
#
# Take $x \ge 0$. From $y \log(1 + \mu) = \log(1 + \mu x)$ we get $(1 + \mu)^y = 1 + \mu x$, so the
# inverse is
#
# $$x = \frac{(1 + \mu)^y - 1}{\mu}, \qquad
# \frac{dx}{dy} = \frac{(1 + \mu)^y \log(1 + \mu)}{\mu} = (1 + \mu x)\,\frac{\log(1 + \mu)}{\mu} .$$
#
# Codes are evenly spaced in $y$, so near $x$ the codes of mu-law are $dx/dy$ times as far apart as
# evenly spaced ones. A rounding error is uniform within a cell, and its root mean square grows in
# proportion to the cell. Over $0 \le x \le a$ the ratio of the two errors is therefore
#
# $$\frac{\log(1 + \mu)}{\mu} \sqrt{\frac1a \int_0^a (1 + \mu x)^2 dx}
# = \frac{\log(1 + \mu)}{\mu} \sqrt{1 + \mu a + \tfrac13 (\mu a)^2} .$$
#
# For $\mu = 255$ and $a = 0.01$, $\mu a = 2.55$: the ratio is $0.02175 \cdot \sqrt{5.7175} = 1 /
# 19.2$. At $x = 0$ itself it is $0.02175 = 1/46$.
#
# </details>

# %%
mu, a = levels - 1, 0.01
ratio = np.log(1 + mu) / mu * np.sqrt(1 + mu * a + (mu * a) ** 2 / 3)
lesson.check("measured factor over the derived one", gain * ratio, between=(0.9, 1.1))
lesson.check("slope of mu-law at 0", grad(mu_law)(0.0), equals=255 / np.log(256))
y = np.linspace(-1, 1, 9)
x = np.sign(y) * (256 ** np.abs(y) - 1) / 255
lesson.check("mu-law of its inverse, at nine points", mu_law(x), equals=y)

# %%
loudness = np.geomspace(1e-3, 1, 40)
within = [x * np.linspace(-1, 1, 20_001) for x in loudness]
errors = {
    "mu-law codes": [rms(companded(x) - x) for x in within],
    "evenly spaced codes": [rms(evenly_spaced(x) - x) for x in within],
}

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.2, 3.2))
x = np.linspace(-1, 1, 401)
curves = {"mu-law": mu_law(x), "evenly spaced": x}
plot.line(x, curves, left, xlabel="amplitude x", ylabel="y, which is rounded", title="companding")
plot.line(loudness, errors, right, log="xy", xlabel="loudest amplitude", title="error of the codes")
right.set_ylabel("root mean square")
lesson.figure(
    fig,
    "mu_law",
    "Left: mu-law and the straight line, before the rounding. Look at the slope near 0, where quiet"
    " amplitudes are pulled apart. Right: the error of both kinds of codes, for sounds of different"
    " loudness.",
)

# %%
lesson.change(
    "sixteen codes",
    "Take 16 codes: change `levels = 256` to `levels = 16` and run again. By what factor does "
    "mu-law reduce the error of quiet sounds now?",
    answer="By 6.85. The slope of the curve at 0 is $\\mu / \\log(1 + \\mu)$: 5.4 for $\\mu = "
    "15$, and 46 for $\\mu = 255$. With fewer codes, quiet amplitudes are spread less.",
)

# %% [markdown]
# The error of evenly spaced codes hardly depends on the loudness, whereas the error of mu-law codes
# is smaller for quieter sounds. From here on a sound is a sequence of integers.
#
# ## 2. A string whose probabilities are known
#
# How will we know whether a model of sound is good? For speech nobody knows the best possible loss.
# We need a sound whose probabilities are known. Our string is the synthesizer of Karplus and Strong
# (1983). A wave runs along the string, returns after 20 steps, a little smoothed and a little
# damped, and runs again:
#
# $$\mu_t = 0.98 \cdot \tfrac12 (v_{t-20} + v_{t-21}), \qquad
# c_t = Q(\mu_t + 0.03\, \epsilon_t), \quad \epsilon_t \sim \mathcal{N}(0, 1).$$
#
# In words, the next amplitude is nearly the mean of those 20 and 21 steps ago, plus a little noise
# that keeps the string sounding. $Q$ rounds to one of 64 mu-law codes, and $v_t$ is the amplitude
# of code $c_t$. Only the *rounded* amplitudes return, so nothing is hidden. Given the past codes,
# the probability of each next code is the mass of a normal distribution between two edges.

# %%
train_codes = string.sample(lesson.rng("train"), 64, lesson.size(8192, quick=400))
test = string.sample(lesson.rng("test"), lesson.size(64, quick=4), lesson.size(1024, quick=200))
p = string.probabilities(test)  # (64, 1003, 64): of each next code

# %%
lesson.show_source(KarplusStrong.probabilities)
lesson.check("probabilities of the 64 codes, summed", p.sum(axis=-1), equals=1.0)

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.6, 3.0))
plot.line(np.arange(100), string.values[test[0, :100]], left, xlabel="step", title="100 steps")
plot.bars(p[0, 0], ax=right, title="the code at step 21", ylabel="probability")
right.set_xticks(range(0, 64, 16), range(0, 64, 16), rotation=0, ha="center")
right.axvline(test[0, string.order], color=plot.color.fake)
lesson.figure(
    fig,
    "string",
    "Left: 100 steps of a string, which repeats every 20 steps with changes. Right: the exact"
    " probabilities of the 64 codes at step 21, given the past, and the code that was drawn (orange"
    " line).",
)

# %% [markdown]
# Even the exact probabilities do not determine the next code. Their expected loss at a step is the
# *entropy* $-\sum_k p_k \log p_k$, and its mean over the steps is the *entropy rate* of the string.
# A model $q$ has loss $-\log q(c_t \mid \text{past})$, in nats. We report its *gap*, by how much
# this loss exceeds $-\log p(c_t \mid \text{past})$ on the same codes. The expected gap is the KL
# divergence $D_{\mathrm{KL}}(p \,\|\, q)$, so it is never negative.

# %%
rate = string.entropy(p).mean()
surprise = -string.log_prob(test)  # (64, 1003)
counts = np.bincount(train_codes.ravel(), minlength=64) + 1.0
by_counts = -np.log(counts / counts.sum())[test[:, string.order :]]
lesson.table(
    [
        ["the string itself, -log p", surprise.mean(), 0.0],
        ["the frequency of each code", by_counts.mean(), (by_counts - surprise).mean()],
        ["all 64 codes equally likely", np.log(64), np.log(64) - surprise.mean()],
    ],
    ["predicted by", "nats a step", "gap, nats a step"],
    f"entropy rate: {rate:.3f} nats a step",
)

# %% [markdown]
# The first two rows are the ends of our scale. A model without any memory, which uses only how
# frequent each code is, has a gap of about 0.8 nats, and a perfect one has none.
#
# ## 3. Causal convolutions, by a mask and by a shift
#
# Which layer may we use for such a prediction? The post demands “no dependency on the future”. A
# convolution is *causal* if its output at step $t$ depends on the inputs up to step $t$ and on no
# later one. With a kernel of two, $y_t = w_0 x_{t-1} + w_1 x_t$. For example, let $w = (0.5, 3)$
# and $x = (1, 2, 3.5)$, with a zero before the first step. Then $y = (3,\; 6 + 0.5,\; 10.5 + 1)$.
# With *dilation* $d$ the inputs of the kernel are $d$ steps apart, $y_t = w_0 x_{t-d} + w_1 x_t$.
# In the post's words, “the kernel is applied to an evenly-distributed subset of samples”.

# %%
lesson.exercise("flow/10/causal_conv1d")
lesson.exercise("flow/10/receptive_field")

# %%
x = np.array([1.0, 2.0, 3.5])
sequence, kernel = x.reshape(1, 3, 1), np.array([0.5, 3.0]).reshape(2, 1, 1)
lesson.check("y by hand", conv1d(sequence, kernel)[0, :, 0], equals=[3.0, 6.5, 11.5])
dilated = conv1d(sequence, kernel, dilation=2)[0, :, 0]
lesson.check("y with dilation 2", dilated, equals=[3.0, 6.0, 11.0])

# %% [markdown]
# PixelCNN and WaveNet reach causality in two ways. “In PixelCNN, the causal convolution is
# implemented by masked convolution kernel.” Its kernel is centered, and a mask sets the later half
# to zero. “The causal convolution in WaveNet is simply to shift the output by a number of
# timestamps to the future so that the output is aligned with the last input element.” An ordinary
# convolution of $x$ with $w$ has two outputs, 6.5 from $x_1$ and $x_2$, and 11.5 from $x_2$ and
# $x_3$. Each of them is moved to the *last* input that it depends on. On an image of a single row
# the two ways agree.

# %%
left_middle_right = np.array([0.5, 3.0, 7.0])
row = x.reshape(1, 1, 3, 1)  # an image of one row


def masked_convolution(kind):
    """A centered convolution of the row, with the middle row of PixelCNN's mask."""
    w = left_middle_right * pixel_mask(3, kind)[1]
    return conv2d(row, w.reshape(1, 3, 1, 1), padding=(0, 1))[0, 0, :, 0]


by_shift = np.correlate(x, [0.5, 3.0], "valid")
lesson.check("mask B, the current pixel included", masked_convolution("B"), equals=[3, 6.5, 11.5])
lesson.check("ordinary convolution, from step 2 on", by_shift, equals=[6.5, 11.5])
lesson.check("mask A, the current pixel excluded", masked_convolution("A"), equals=[0, 0.5, 1])

# %% [markdown]
# Mask A, of PixelCNN's first layer, also excludes the current pixel. Which part of WaveNet does
# this? Section 5 returns to the question.
#
# How far back does a stack of such layers reach? The post names the problem of small kernels: “The
# output can hardly depend on the input hundreds or thousands of timesteps ago”. The trick is to
# double the dilation from layer to layer. We compare two stacks of four layers.


# %%
def layer_masks(dilations, steps=16):
    """For layers of one channel: which inputs (rows) change which outputs (columns)."""
    masks = []
    for d in dilations:
        layer = CausalConv1d(lesson.rng("mask"), 1, 1, 2, d)
        J = jacobian(lambda x: layer(x)[0, :, 0])(np.ones((1, steps, 1)))  # (out, 1, in, 1)
        masks.append(J.reshape(steps, steps).T)
    return masks


def inputs_of_last(masks):
    return np.count_nonzero(np.linalg.multi_dot(masks)[:, -1])


# %%
stacks = {"plain: 1, 1, 1, 1": (1, 1, 1, 1), "dilated: 1, 2, 4, 8": (1, 2, 4, 8)}
found = [inputs_of_last(layer_masks(dilations)) for dilations in stacks.values()]

# %%
lesson.show_source(receptive_field, conv1d)
for (name, dilations), count in zip(stacks.items(), found):
    lesson.check(f"inputs, {name}", count, equals=receptive_field(2, dilations))

# %%
fig, axes = plot.figure(1, 2, size=(5.4, 3.4))
labels = ["input", "layer 1", "layer 2", "layer 3", "output"]
for ax, (name, dilations) in zip(axes, stacks.items()):
    plot.connections(layer_masks(dilations), ax, title=name, layer_labels=labels, highlight=(4, 15))
lesson.figure(
    fig,
    "f09_dilated_causal_convolutions",
    "Two stacks of four causal layers with a kernel of two; time runs to the right, and everything"
    " on which the last output depends is orange. Both have the same number of weights. Count the"
    " orange inputs.",
)

# %% [markdown]
# The last output depends on 5 inputs without dilations, and on 16 with them. The number of steps
# from the furthest of these inputs to the present one, both included, is the *receptive field*.
# With kernel $k$ and dilations $d_l$ it is
#
# $$R = 1 + (k - 1) \sum_l d_l .$$
#
# In words, each layer adds its own reach.
#
# <details><summary>Derivation: the receptive field of a stack</summary>
#
# A layer with kernel $k$ and dilation $d$ combines its input at steps $t,\; t - d,\; \dots,\; t -
# (k - 1)\,d$. Suppose that its input at step $s$ depends on the signal from step $s - r$ on; for
# the first layer $r = 0$. The output at $t$ then depends on the signal from step
#
# $$\min_{0 \le a < k} (t - a d) - r = t - \big(r + (k - 1)\,d\big)$$
#
# on. So each layer adds $(k - 1)\,d$ to the reach $r$, and after all layers $r = (k - 1) \sum_l
# d_l$. The steps from $t - r$ to $t$ are $r + 1$ in number. For $k = 2$ and $d_l = 2^{l-1}$, $l = 1
# \dots L$, the sum is $2^L - 1$ and $R = 2^L$.
#
# </details>


# %%
def response(kernel, dilations):
    """The length of the stack's response to one impulse, all weights being 1."""
    pulse = np.ones(1)
    for d in dilations:
        taps = np.zeros((kernel - 1) * d + 1)
        taps[::d] = 1
        pulse = np.convolve(pulse, taps)
    return len(pulse)


for kernel_size, dilations in [(2, (1, 2, 4, 8)), (3, (1, 2, 5)), (4, (7, 3))]:
    name = f"response to an impulse, kernel {kernel_size}, dilations {dilations}"
    length = response(kernel_size, dilations)
    lesson.check(name, length, equals=receptive_field(kernel_size, dilations))

# %% [markdown]
# To reach 1,024 steps with a kernel of two, a stack with doubling dilations therefore needs ten
# layers, and a plain stack needs 1,023. This is the answer to the difficulty of distance.

# %%
lesson.check("ten dilated layers", receptive_field(2, [2**k for k in range(10)]), equals=1024)
lesson.check("1,023 plain layers", receptive_field(2, [1] * 1023), equals=1024)

# %%
lesson.change(
    "dilations that do not double",
    'Change the second of the `stacks` to `"dilated: 1, 3, 3, 8": (1, 3, 3, 8)` and run again. '
    "The sum of the dilations is the same. Does the last output still depend on 16 inputs?",
    answer="No, on 12. It reaches 16 steps back, but no sum of some of 1, 3, 3 and 8 is 2, 5, 10 "
    "or 13. With doubling dilations each number from 0 to 15 is such a sum, in exactly one way.",
)

# %% [markdown]
# ## 4. One layer, and the whole network
#
# What does a layer do with what it has reached? It has two convolutions, a *filter* and a *gate*,
# and combines them in the *gated activation unit*. With the filter's kernel $\mathbf{W}_{f,k}$ and
# the gate's $\mathbf{W}_{g,k}$ in layer $k$ (Eq. flow.20),
#
# $$\mathbf{z} = \tanh(\mathbf{W}_{f,k} \circledast \mathbf{x}) \odot
# \sigma(\mathbf{W}_{g,k} \circledast \mathbf{x}).$$
#
# In words, the hyperbolic tangent is the content, between −1 and 1, and the sigmoid sets how much
# of it passes, between 0 and 1. For example, a filter of $\log 2$ and a gate of $\log 3$ give
# $\frac{3}{5} \cdot \frac{3}{4} = 0.45$.

# %%
lesson.exercise("flow/10/gated_unit")

# %%
by_hand = gated_unit(np.log(np.array([2.0])), np.log(np.array([3.0])))
lesson.check("tanh(log 2) times the sigmoid of log 3", by_hand, equals=[0.45])
lesson.show_source(gated_unit, ResidualLayer, WaveNet.__call__)

# %% [markdown]
# “The residual connection is applied after the gated activation”, the post says. This means that
# $\mathbf z$ passes a 1×1 convolution and is added to the layer's input. The paper also has a *skip
# connection* from each layer, another 1×1 convolution of $\mathbf z$. The network adds the skips of
# all layers and computes the logits from the sum.

# %%
boxes = {
    "c": plot.node("codes $c$", "data", (0, 1)),
    "shift": plot.node("shift by 1,\nonce", "operation", (1, 1)),
    "filter": plot.node("filter: causal,\ndilated", "model", (2, 0)),
    "gate": plot.node("gate: causal,\ndilated", "model", (2, 2)),
    "z": plot.node("tanh · σ", "operation", (3, 1)),
    "one": plot.node("1×1", "model", (4, 1)),
    "add": plot.node("+", "operation", (5, 1)),
    "next": plot.node("next layer", "plain", (6, 1)),
    "skip": plot.node("skip: 1×1", "model", (4, 2)),
    "out": plot.node("sum of all skips\n→ ReLU, two layers\n→ softmax", "fake", (5.7, 2)),
}

# %%
arrows = ["c -> shift", "shift -> filter -> z", "shift -> gate -> z", "z -> one -> add -> next"]
arrows += ["z -> skip -> out", plot.edge("shift", "add", "residual", route="over")]
lesson.figure(
    plot.schematic(boxes, arrows),
    "layer",
    "One layer of WaveNet and its surroundings. Follow the two ways out of the layer: the sum on"
    " the right leads to the next layer, and the skip leads straight to the output.",
)

# %% [markdown]
# Which codes do the logits of the whole network depend on? We find out with a trick. Each step gets
# a code of its own, 0, 1, 2 ..., so that row $s$ of the embedding table is used at step $s$ only.
# Its gradient is nonzero only if the logits at step $t$ depend on code $s$. A ReLU that is off
# would hide a dependence, so we choose weights that keep all of them on.


# %%
def with_open_relus(net):
    """The network with other weights at its end, such that every ReLU has a positive input."""
    for layer in net.layers:
        layer.skip.b[...] = 10.0
    net.hidden.w[...] = np.abs(net.hidden.w)
    return net


def codes_needed(net, t):
    """The steps on whose codes the logits at step t depend, by gradients."""
    codes = np.arange(net.levels)[None]  # (1, T): a different code at each step

    def logits_at_t(net):
        return np.sum(net(codes)[0, t] ** 2)

    slopes = grad(logits_at_t)(net).embed.table  # (levels, width): one row for each step
    return np.flatnonzero(np.any(slopes != 0, axis=1))


# %%
rows = []
for kernel_size, dilations in [(2, (1, 2, 4, 8)), (3, (1, 2, 4)), (2, (19, 1)), (2, (5, 5, 1))]:
    net = with_open_relus(WaveNet(lesson.rng("shown"), 64, 8, kernel_size, dilations))
    found = 60 - codes_needed(net, 60)  # how many steps back
    R = receptive_field(kernel_size, dilations)
    rows.append([kernel_size, str(dilations), R, found.max(), found.min(), len(found)])

# %%
for _, dilations, R, furthest, nearest, _ in rows:
    lesson.check(f"furthest and nearest step, {dilations}", [furthest, nearest], equals=[R, 1])
header = ["kernel", "dilations", "R", "furthest back", "nearest", "number of steps"]
lesson.table(rows, header, "the codes on which the logits at one step depend")

# %% [markdown]
# The furthest code is $R$ steps back, as the formula says, and the nearest is 1 step back. The
# logits do not depend on the code that they predict, because the codes are *shifted* by one step
# before the first layer. In the last two rows the logits depend on only some of the $R$ steps. A
# receptive field is a reach, and it may have gaps.
#
# ## 5. What goes wrong without the shift
#
# The shift in the post's sentence aligns each output “with the last input element”. This means that
# the output at step $t$ still depends on code $c_t$. For a prediction of $c_t$ we need one more
# shift, the counterpart of PixelCNN's mask A. Is it really so important? We train two small
# networks for a few seconds, one with this shift and one without.

# %%
lesson.predict(
    f"The string's entropy rate is {rate:.2f} nats a step. What loss does a network without the"
    " shift reach?",
    ["about the entropy rate", "a little less", "nearly 0", "more than log 64 = 4.16"],
)


# %%
def windows(length):
    def draw(rng):
        which = rng.integers(0, len(train_codes), (16, 1))
        start = rng.integers(0, train_codes.shape[1] - length, (16, 1))
        return train_codes[which, start + np.arange(length)]  # (16, length)

    return draw


def nll(net, codes):
    """Nats a step, at the steps that have at least 21 steps before them."""
    return np.mean(cross_entropy(net(codes), codes)[:, string.order :])


def unshifted_nll(net, codes):
    """The same, but the codes enter one step early: the logits depend on the code to predict."""
    logits = net(codes[:, 1:])
    return np.mean(cross_entropy(logits, codes[:, :-1])[:, string.order :])


# %%
def train(label, dilations, steps, length=128, loss=nll, gated=True):
    net = WaveNet(lesson.rng(label), string.levels, 32, 2, dilations, gated)
    rng = lesson.rng(f"{label}, batches")
    step = descend(loss, net, windows(length), lr=cosine(6e-3, steps), ema=0.998, rng=rng)
    lesson.fit(step, steps, state=step.state, label=label)
    return step.averaged


steps = lesson.steps(300, quick=3)
leaking = train("without the shift", (19, 1), steps, loss=unshifted_nll)
shifted = train("field 21", (19, 1), steps)
leaked = float(unshifted_nll(leaking, test))

# %%
answer = None
if leaked < 0.2:
    answer = "nearly 0"
elif leaked > np.log(64):
    answer = "more than log 64 = 4.16"
lesson.outcome(
    f"The loss is {leaked:.3f} nats a step without the shift, and {float(nll(shifted, test)):.2f}"
    " with it, because without the shift the code to predict is an input.",
    answer=answer,
)

# %%
name = "without the shift: nats a step over the entropy rate"
source = "theory: at least 1 for a model of the past; seeds 0, 1 and 2718: 0.001 to 0.005"
lesson.claim(name, leaked / rate, at_most=0.1, source=source)

# %% [markdown]
# A loss below the entropy rate, on fresh data and by many standard errors, always means a mistake,
# because no model of the past has a smaller expected loss. But the entropy rate of real sound is
# unknown. There the mistake appears only when the network has to *generate*, because its input
# would then have to be the code that it should output.
#
# Would it be safer to shift in every layer? We stack four causal convolutions with a shift before
# each, and compute on which steps the output depends.


# %%
def shift(x):
    return np.concatenate([0 * x[:, :1], x[:, :-1]], axis=1)


def steps_back(shifted_layers):
    """How far back the inputs of the output are, if the layers named shift their input."""

    def stack(x):
        for k, d in enumerate((1, 2, 4, 8)):
            x = conv1d(shift(x) if k in shifted_layers else x, np.ones((2, 1, 1)), dilation=d)
        return x[0, -1, 0]

    return 23 - np.flatnonzero(grad(stack)(np.ones((1, 24, 1)))[0, :, 0])


# %%
once, always = steps_back([0]), steps_back([0, 1, 2, 3])

# %%
lesson.table(
    [["once", once.min(), once.max()], ["in every layer", always.min(), always.max()]],
    ["shifted", "nearest step", "furthest"],
)
lesson.check("shifted once: steps back", once, equals=np.arange(16, 0, -1))
lesson.check("shifted four times: steps back", always, equals=np.arange(19, 3, -1))

# %%
lesson.change(
    "a shift at the top",
    "Shift the input of the last layer in place of the first: change `steps_back([0])` to "
    "`steps_back([3])` and run again. Which steps does the output depend on, and is the network "
    "as good?",
    answer="On the same 1 to 16, because a shift moves all of them by one step, in whichever "
    "layer. But in a WaveNet the skip of each layer leads straight to the output. The skip of a "
    "layer below the shift would therefore pass the code that is to be predicted to the output.",
)

# %% [markdown]
# Four shifts lose the three latest codes and gain nothing, because a single shift already hides the
# code that is to be predicted. WaveNet therefore shifts once, before the first layer.
#
# ## 6. How far back must a prediction reach?
#
# What does it cost if the memory is a little too short? The string repeats what it did 20 and 21
# steps ago. We take three small networks of two layers. Their dilations are (17, 1), (18, 1) and
# (19, 1), so their receptive fields are 19, 20 and 21 steps. They have the same number of weights
# and the same training.

# %%
lesson.predict(
    "How does the gap to the string's own probabilities depend on the receptive field?",
    [
        "nearly the same for all three",
        "small for 20 and 21, large for 19",
        "it falls to almost 0 in two leaps, at 20 and at 21",
        "large for all three: two layers are too few",
    ],
)


# %%
def gaps(net):
    """-log q + log p of each test string, a mean over its steps: (N,) nats."""
    q = batched(lambda codes: cross_entropy(net(codes), codes), test, size=8)  # (N, T)
    return np.mean((q[:, string.order :] - surprise)[:, 64:], axis=1)


nets = {21: shifted}
for field in (19, 20):
    nets[field] = train(f"field {field}", (field - 2, 1), steps)
gap = {field: gaps(nets[field]).mean() for field in (19, 20, 21)}

# %%
answer = None
if gap[19] > 0.3 and gap[20] > 0.05 > gap[21]:
    answer = "it falls to almost 0 in two leaps, at 20 and at 21"
lesson.outcome(
    "The gap is "
    + ", ".join(f"{gap[field]:.3f} nats for {field} steps" for field in (19, 20, 21))
    + ". A field of 20 includes one of the two earlier amplitudes, and a field of 21 both.",
    answer=answer,
)

# %% [markdown]
# One more step of memory makes the difference between a clear gap and almost none.
# Is this the fault of the networks, or could no model do better with so short a memory? Without the
# rounding, the string is a Gaussian process, and the best prediction from its last $R$ amplitudes
# is linear. Its gap can be computed.
#
# <details><summary>Derivation: the smallest gap with a field of R steps, without rounding</summary>
#
# Let $x_t = a\,(x_{t-20} + x_{t-21}) + \epsilon_t$, $a = 0.49$, with noise of variance $s^2 =
# 0.03^2$. Its autocovariance $g_m = \operatorname{cov}(x_t, x_{t+m})$ is the inverse Fourier
# transform of the power spectrum $S(\omega) = s^2 / |1 - a(e^{-20 i \omega} + e^{-21 i
# \omega})|^2$.
#
# Given the last $R$ amplitudes, $x_t$ is Gaussian with variance
#
# $$s_R^2 = g_0 - \mathbf g^\top \Gamma^{-1} \mathbf g, \qquad \mathbf g = (g_1, \dots, g_R),
# \quad \Gamma_{ij} = g_{|i - j|} .$$
#
# Given the whole past its variance is $s^2$. A Gaussian of variance $s^2$ has entropy $\frac12 \log
# 2\pi e s^2$. The expected loss of a model of the last $R$ amplitudes is at least the entropy of
# $x_t$ given those, so its gap is at least
#
# $$\tfrac12 \log 2\pi e s_R^2 - \tfrac12 \log 2\pi e s^2 = \tfrac12 \log \frac{s_R^2}{s^2} .$$
#
# For $R \ge 21$ it is 0. The rounding of the codes changes this number a little.
#
# </details>

# %%
omega = 2 * np.pi * np.arange(2**18) / 2**18
echoes = np.exp(-20j * omega) + np.exp(-21j * omega)
g = np.fft.ifft(0.03**2 / np.abs(1 - 0.49 * echoes) ** 2).real  # autocovariance, by lag


def smallest_gap(R):
    """Nats by which the best prediction from R amplitudes exceeds that from the whole past."""
    lags = np.abs(np.arange(R)[:, None] - np.arange(R))  # (R, R)
    covariance = g[lags]
    variance = g[0] - g[1 : R + 1] @ np.linalg.solve(covariance, g[1 : R + 1])
    return 0.5 * np.log(variance / 0.03**2)


lesson.check("smallest gap, 21 steps", smallest_gap(21), equals=0.0)
deviation = string.values[train_codes].std()
lesson.check("deviation of the string over that of x", deviation / g[0] ** 0.5, between=(0.9, 1.15))

# %% [markdown]
# For a real sound nobody knows which steps matter. Doubling dilations are a safe choice, because
# they leave out none. We train two more networks, with four layers (16 steps) and six (64 steps).

# %%
doubling = {16: (1, 2, 4, 8), 64: (1, 2, 4, 8, 16, 32)}
for field, dilations in doubling.items():
    longer = lesson.steps({16: 300, 64: 800}[field], quick=3)
    nets[field] = train(f"field {field}", dilations, longer, length=192)
    gap[field] = gaps(nets[field]).mean()


def draw_waves(rng, n, length=256):
    return string.values[nets[64].generate(rng, n, length)].astype(np.float32)


lesson.sampler("string", draw_waves)

# %%
fields = (16, 19, 20, 21, 64)
kinds = ["1, 2, 4, 8", "17, 1", "18, 1", "19, 1", "1, 2, 4, 8, 16, 32"]
errors = {field: gaps(nets[field]).std() / np.sqrt(len(test)) for field in fields}
least = {field: round(float(smallest_gap(field)), 6) for field in fields}
rows = [[f, kind, least[f], gap[f], errors[f]] for f, kind in zip(fields, kinds)]
header = ["receptive field", "dilations", "smallest possible", "gap, nats a step", "standard error"]
lesson.table(rows, header, f"beyond the string's own {surprise.mean():.3f} nats")

# %%
by_frequency = float((by_counts - surprise).mean())
ax = plot.bars(
    {str(field): gap[field] for field in fields},
    numbers="%.3f",
    reference={"the frequency of each code": by_frequency},
    title="gap to the string's own probabilities",
    xlabel="receptive field",
    ylabel="nats a step",
)
ax.plot(range(5), list(least.values()), "_", ms=40, color=plot.color.ink)

# %%
lesson.figure(
    ax,
    "gap",
    "The gap of five networks (bars), the smallest gap that each receptive field allows, without"
    " rounding (black lines), and the gap of a model without any memory (dashed). Compare each bar"
    " with its black line.",
)

# %%
beyond = [gap[field] - least[field] for field in fields]
source = "theory: 0 or more, minus 3 standard errors; seeds 0, 1 and 2718: 0.007 to 0.024"
name = "gap minus the smallest possible, all five fields"
lesson.claim(name, beyond, between=(-0.02, 0.05), unit="nats", source=source)

# %% [markdown]
# All five networks are within 0.05 nats of what their memory allows. The gap of the shorter ones is
# therefore the price of a short memory, not of poor training. (By chance, a measured gap may be a
# few standard errors below the smallest possible one.)
#
# **The skip connections.** Which layers of the trained network matter? We set one of the six skips
# to zero, and measure by how much the gap grows.


# %%
def without_skip(net, k):
    twin = net.map(np.copy)
    twin.layers[k].skip.w[...] = 0
    twin.layers[k].skip.b[...] = 0
    return twin


silenced = {}
for k, dilation in enumerate(doubling[64]):
    silenced[f"dilation {dilation}"] = gaps(without_skip(nets[64], k)).mean() - gap[64]

# %%
ax = plot.bars(
    silenced, numbers="%.2f", title="one skip set to zero", ylabel="growth of the gap, nats"
)
lesson.figure(
    ax,
    "skips",
    "How much the gap of the network with 64 steps grows without the skip of one layer. Look at"
    " which dilation has the longest bar.",
)

# %% [markdown]
# A layer with a short bar may still be needed, as an input of the layers above it.
#
# ## 7. The gated unit against a ReLU
#
# *You may skip this section, because nothing later depends on it. It is for readers who wonder
# whether the gate is needed.*
#
# The post gives the reason for the gated unit: “it is found to work significantly better than ReLU
# for modeling 1-D audio data”. We can try this on the string. `WaveNet(..., gated=False)` has ReLUs
# instead of the gated units, one for each channel of the two convolutions. The convolutions then
# have the same number of weights, and the 1×1 convolutions after them have more. We train both
# kinds of network, three times with a receptive field of 21 steps and twice with 64.

# %%
trials = {"21 steps": ((19, 1), 300, 3), "64 steps": (doubling[64], 400, 2)}
kinds = {"gated units": True, "ReLUs": False}


def train_kind(kind, field, k):
    """The gap of the k-th network of a kind, each with weights and batches of its own."""
    dilations, full, _ = trials[field]
    count, length = lesson.steps(full, quick=3), 128 if field == "21 steps" else 192
    net = train(f"{kind}, {field}, {k}", dilations, count, length, gated=kinds[kind])
    return float(gaps(net).mean())


# %%
found = {}
for field, (_, _, repetitions) in trials.items():
    for kind in kinds:
        found[kind, field] = [train_kind(kind, field, k) for k in range(repetitions)]

# %%
rows = []
for field in trials:
    gated, relu = (found[kind, field] for kind in kinds)
    rows.append([field, np.mean(gated), np.ptp(gated), np.mean(relu), np.ptp(relu)])
header = ["receptive field", "gated units", "their range", "ReLUs", "their range"]
lesson.table(rows, header, "mean gap, nats a step, and the range over the repetitions")

# %%
worst = [gap for gaps_of_kind in found.values() for gap in gaps_of_kind]
source = "theory: 0 or more, minus 3 standard errors; seeds 0, 1 and 2718: 0.007 to 0.026"
name = "gated units and ReLUs: all ten gaps"
lesson.claim(name, worst, between=(-0.02, 0.05), unit="nats", source=source)

# %% [markdown]
# Both kinds come within 0.05 nats of the string's own probabilities, so neither can have a large
# advantage here. This does not contradict the paper, whose sounds are speech and music. The mean of
# the string's next amplitude is a *linear* function of two earlier ones, and a linear function
# needs no gate. The string is not evidence that ReLUs are as good for speech either.
#
# ## 8. Generating, step by step
#
# In training all codes are known, so all steps are computed at once. In generation each code must
# be drawn before the next can be predicted. Does each step cost a pass through the whole network?
# Look again at the orange units of the dilated stack. Those at the right end are new at each step.
# All others are to the left of them, and have been computed at an earlier step.

# %%
lesson.exercise("flow/10/causal_step")

# %% [markdown]
# Here is a stack with one channel, whose two weights are $\frac12$, in plain Python. The first
# function computes all orange units. The second keeps the last $d$ inputs of each layer, which will
# be needed again, in a *cache*. We count the products of both.

# %%
products = []


def times(w, x):
    """w x, with a note that one product was computed."""
    products.append(1)
    return w * x


def output_from_scratch(x, t, dilations):
    """The output at step t: every unit on which it depends is computed."""
    if not dilations:
        return x[t] if t >= 0 else 0.0
    *below, d = dilations
    older, newer = output_from_scratch(x, t - d, below), output_from_scratch(x, t, below)
    return times(0.5, older) + times(0.5, newer)


# %%
def output_with_cache(x_t, caches):
    """The output at the next step; the cache of each layer holds its last d inputs."""
    for cache in caches:
        oldest = cache.popleft()
        cache.append(x_t)
        x_t = times(0.5, oldest) + times(0.5, x_t)
    return x_t


def empty_caches(dilations):
    return [deque([0.0] * d) for d in dilations]


# %%
lesson.predict(
    "Ten layers have dilations 1, 2, 4, ..., 512. How many products does one more output need,"
    " from scratch, and with the cache?",
    ["2,046 and 20", "2,046 and 1,023", "1,024 and 10", "20 and 20"],
)

# %%
x = lesson.rng("by hand").standard_normal(1100)
dilations = [2**k for k in range(10)]
caches = empty_caches(dilations)
with_cache = [output_with_cache(value, caches) for value in x]
from_scratch = [output_from_scratch(x, t, dilations) for t in (0, 700, 1099)]
off = np.abs(np.array(with_cache)[[0, 700, 1099]] - from_scratch)

# %%
products.clear()
output_from_scratch(x, 1099, dilations)
scratch_count = len(products)
products.clear()
output_with_cache(1.0, caches)
cache_count = len(products)

# %%
lesson.outcome(
    f"We count {scratch_count:,} products without the cache and {cache_count} with it, because with"
    " the cache each layer computes one output, whatever its dilation.",
    answer=f"{scratch_count:,} and {cache_count}",
)

# %%
lesson.check("outputs with the cache minus those from scratch", off, equals=0.0, atol=1e-12)
lesson.check("products with the cache: 2 a layer", cache_count, equals=2 * len(dilations))
lesson.check("products from scratch: 2 (2^10 - 1)", scratch_count, equals=2046)

# %% [markdown]
# Only the memory grows with the dilations, to $R - 1$ inputs in all. In the package,
# `generate(..., cached=False)` does without a cache. It runs the network on all codes so far and
# uses its last logits. Both ways must draw the same codes.

# %%
same = []
for field in (21, 64):
    net = nets[field]
    fast, slow = (net.generate(lesson.rng("draw"), 4, 80, cached) for cached in (True, False))
    same.append(bool(np.all(fast == slow)))

# %%
lesson.show_source(causal_step, ResidualLayer.step, WaveNet.generate)
lesson.check("with and without the cache: the same codes, every one", all(same))

# %% [markdown]
# One more step therefore costs one output of each layer, however far the network looks back. But
# the steps still have to be taken one after the other.
#
# ## 9. Echoes in the generated strings
#
# A gap in nats is abstract. Can we hear it? Two of our networks now generate strings of their own,
# beginning from an empty past.

# %%
lesson.predict(
    "The networks with receptive fields of 16 and of 64 steps generate strings. Which of them"
    " repeat after 20 steps?",
    ["both", "only those with 64", "neither"],
)

# %%
n, length = lesson.size(64, quick=4), lesson.size(600, quick=150)
waves = {"the string": string.values[test]}
for field in (64, 16):
    codes = nets[field].generate(lesson.rng(f"waves {field}"), n, length)
    waves[f"{field} steps"] = string.values[codes][:, length // 3 :]


def correlation(v, lag):
    """Between amplitudes `lag` steps apart: 1 for a wave that repeats unchanged."""
    return np.mean(v[:, lag:] * v[:, : v.shape[1] - lag]) / np.mean(v**2)


lags = np.arange(1, 50)
echo = {name: np.array([correlation(v, lag) for lag in lags]) for name, v in waves.items()}

# %%
at_20 = {name: values[[19, 20]].mean() for name, values in echo.items()}
repeats = at_20["16 steps"] > 0.3, at_20["64 steps"] > 0.3
answers = {(True, True): "both", (False, True): "only those with 64", (False, False): "neither"}
lesson.outcome(
    f"Amplitudes 20 and 21 steps apart have correlation {at_20['64 steps']:.2f} with 64 steps, and"
    f" {at_20['16 steps']:.2f} with 16 (the string itself has {at_20['the string']:.2f}), because a"
    " field of 16 does not reach back to the last round.",
    answer=answers.get(repeats),
)

# %%
near = at_20["64 steps"] / at_20["the string"]
source = "the data: 1; seeds 0, 1 and 2718: 0.93 to 0.94"
name = "echo of the generated strings, 64 steps, over the string's own"
lesson.claim(name, near, between=(0.85, 1.15), source=source)
beyond = at_20["64 steps"] - at_20["16 steps"]
source = "the data: 0.83, and 0 with 16; seeds 0, 1 and 2718: 0.76 to 0.78"
lesson.claim("echo with 64 steps minus echo with 16", beyond, at_least=0.5, source=source)

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.8, 3.4))
for k, v in enumerate(waves.values()):
    left.plot(v[0, :100] - 0.4 * k, lw=1.2)
left.set(title="100 steps", xlabel="step", ylabel="amplitude")
left.set_yticks([0, -0.4, -0.8], list(waves))
title = "amplitudes so many steps apart"
plot.line(lags, echo, right, xlabel="lag", ylabel="correlation", title=title)
lesson.figure(
    fig,
    "drawn",
    "Left: a wave of the string, and a generated one for each network. Right: how similar"
    " amplitudes are that are so many steps apart. Look for peaks at lag 20, one round along the"
    " string.",
)

# %% [markdown]
# Now listen. At 8,000 steps a second the string sounds near the note G above middle C. The file has
# two seconds each of the string, of the network with 64 steps and of the one with 16.


# %%
def two_seconds(source, rng, steps):
    drawn = string.sample(rng, 1, steps) if source is string else source.generate(rng, 1, steps)
    return string.values[drawn[0]]


steps = lesson.size(16_000, quick=200)
sources = {"string": string, "64": nets[64], "16": nets[16]}
heard = [two_seconds(each, lesson.rng(f"sound {k}"), steps) for k, each in sources.items()]
sound = np.clip(3 * np.concatenate(heard), -1, 1)  # three times as loud
path = lesson.folder.file("string.wav")
with wave.open(str(path), "wb") as file:
    file.setparams((1, 2, 8000, 0, "NONE", ""))
    file.writeframes((32767 * sound).astype("<i2").tobytes())
print(f"  written: {path}")

# %% [markdown]
# The network with 64 steps plays the note, and the one with 16 makes noise. This is what half a nat
# a step means for the ear.
#
# ## 10. Where the post is loose
#
# - “the prediction at a certain timestamp can only consume the data observed in the past”, and the
#   shift is one “so that the output is aligned with the last input element”. With this shift alone
#   the output at a timestamp depends on the input at the same timestamp. Both sentences hold if the
#   output at step $t$ is read as the prediction of step $t + 1$; the post does not say so. In this
#   lesson the codes are shifted by one more step, once, before the first layer (section 5).
# - “to shift the output by a number of timestamps”: the number is not given. It is the reach of the
#   layer, $(k - 1)\,d$ steps, from the first input of the kernel to the last.
#
# **What this lesson does differently:** The post does not mention the skip connections (sections 4
# and 6), the codes and mu-law (section 1: the 65,536 amplitudes of 16-bit sound would make a large
# softmax), or the cost of generation (section 8). The networks here are small, and their sound is a
# string.
#
# **Left out:** what the paper adds for speech: dilations that double up to 512 and then start again
# at 1, several times over; features of the speaker and the text that enter each filter and gate.
# *Parallel WaveNet*, an IAF (`flow/12`), generates all steps at once. **Next:** in `flow/11` the
# same idea, each part from those before it, becomes an invertible map.
#
# **To remember:** Causal convolutions predict a whole sequence in one pass. With doubling
# dilations, ten layers reach back 1,024 steps. One shift before the first layer keeps the answer
# out of the input. A memory that is too short has a price in nats, and you can hear it.
#
# **Your turn:** `minigen exercise start flow/10`, then `minigen run flow/10 --with
# exercises/flow_10.py`.

# %%
lesson.finish()
