# %% [markdown]
# # WaveNet: causal and dilated convolutions
#
# The section *WaveNet* (flow.s13) of
# [Flow-based Deep Generative Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/),
# run. In this lesson:
#
# 1. WaveNet is a PixelCNN in one dimension: causal convolutions predict each value of a sound from
#    the values before it.
# 2. Kernel and dilations determine the *receptive field*, the part of the past on which a
#    prediction depends. We measure what a field that is too short costs, on a string whose every
#    probability is known.
# 3. We train the same network with gated units and with ReLUs, and count what it costs to generate
#    one more value.
#
# Read `flow/08` and `flow/09` first if you can: a model that predicts each part from those before
# it (Eq. flow.16) is called *autoregressive*.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/10_wavenet",
    title="WaveNet: causal and dilated convolutions",
    post="flow",
    sections=["flow.s13"],
    figures=["flow.f09"],
    equations=["flow.20"],
    minutes=0.8,
    picture="f09_dilated_causal_convolutions",
    sources=["weng2018flow", "karplus1983string", "vandenoord2016wavenet"],
)

# %%
import time
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
# Sound is a sequence of amplitudes between −1 and 1, thousands of them in a second. Here is the
# sound of this lesson, a plucked string, first for a quarter of a second and then for 100 steps.

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
    "A plucked string at 8,000 steps a second. Each dot on the right is one amplitude: WaveNet"
    " predicts it from the dots to its left.",
)

# %% [markdown]
# ## 1. A wave as codes
# The post calls WaveNet “very similar to PixelCNN but applied to 1-D audio signals”. As PixelCNN
# predicts a distribution over the values of a pixel, WaveNet predicts a distribution over *codes*,
# 256 of them: each code stands for an amplitude. A softmax over codes can represent any
# distribution, with two modes as well as with a single mode.
#
# Which amplitudes do the codes stand for? If they are evenly spaced, most codes are wasted, because
# a quiet sound stays near 0 and uses few of them. Telephones have long used *mu-law companding*
# instead. The amplitude is compressed by a logarithm and then rounded:
#
# $$y = \operatorname{sign}(x)\,\frac{\log(1 + \mu |x|)}{\log(1 + \mu)}, \qquad \mu = 255.$$
#
# By hand, with 16 codes and $\mu = 15$: 0.2 becomes $\log 4 / \log 16 = 0.5$. From −1 to 1 this is
# three quarters of the way, $0.75 \cdot 15 = 11.25$, so the code is 11.

# %%
lesson.exercise("flow/10/mu_law_encode")
lesson.exercise("flow/10/mu_law_decode")

# %%
lesson.predict(
    "With 256 codes, by which factor does mu-law reduce the error of quiet sounds, |x| < 0.01?",
    ["about 2", "about 20", "about 200"],
)


# %%
levels = 256


def evenly_spaced(x):
    return np.round((x + 1) / 2 * (levels - 1)) / (levels - 1) * 2 - 1


def companded(x):
    return mu_law_decode(mu_law_encode(x, levels), levels)


def rms(error):
    return float(np.sqrt(np.mean(error**2)))


lesson.check("code of 0.2 among 16", mu_law_encode(np.array([0.2]), 16)[0], equals=11)

# %%
quiet = 0.01 * np.linspace(-1, 1, 20_001)
gain = rms(evenly_spaced(quiet) - quiet) / rms(companded(quiet) - quiet)
loud = np.linspace(0.5, 1, 20_001)
price = rms(companded(loud) - loud) / rms(evenly_spaced(loud) - loud)
lesson.check("error of evenly spaced codes over that of mu-law, |x| < 0.01", gain, at_least=15)
lesson.check("error of mu-law over that of evenly spaced codes, x > 0.5", price, between=(2, 5))

# %%
choices = lesson.predictions[-1].choices
nearest = np.argmin(np.abs(np.log(gain / np.array([2, 20, 200]))))
lesson.outcome(
    f"The error is {gain:.1f} times smaller. For loud sounds, above 0.5, it is {price:.1f} times"
    " larger: the same relative error is less audible there.",
    answer=choices[nearest],
)
lesson.show_source(mu_law, mu_law_encode, mu_law_decode)

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
lesson.check("mu-law of its inverse, at nine places", mu_law(x), equals=y)

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
plot.line(x, curves, left, xlabel="amplitude x", ylabel="y", title="what is rounded")
plot.line(loudness, errors, right, log="xy", xlabel="loudest amplitude", title="error (rms)")
lesson.figure(
    fig,
    "mu_law",
    "Left: near 0 the curve is steep, so that small amplitudes are far apart when they are rounded."
    " Right: the error of evenly spaced codes hardly depends on the loudness; that of mu-law codes"
    " is smaller for quiet sounds.",
)

# %%
lesson.change(
    "sixteen codes",
    "Take 16 codes: change `levels = 256` to `levels = 16` and run again. By which factor does "
    "mu-law reduce the error of quiet sounds now?",
    answer="By 6.85. The slope of the curve at 0 is $\\mu / \\log(1 + \\mu)$: 5.4 for $\\mu = "
    "15$, and 46 for $\\mu = 255$. With fewer codes, quiet amplitudes are spread less.",
)

# %% [markdown]
# ## 2. A string whose probabilities are known
# To tell a good model from a nearly perfect one, we need a sound whose probabilities are known. Our
# string is the synthesizer of Karplus and Strong (1983). A wave runs along the string, returns
# after 20 steps, a little smoothed and a little damped, and runs again:
#
# $$\mu_t = 0.98 \cdot \tfrac12 (v_{t-20} + v_{t-21}), \qquad
# c_t = Q(\mu_t + 0.03\, \epsilon_t), \quad \epsilon_t \sim \mathcal{N}(0, 1).$$
#
# The noise keeps the string sounding. $Q$ rounds to one of 64 mu-law codes, and $v_t$ is the
# amplitude of code $c_t$. Only the *rounded* amplitudes return, so nothing is hidden: given the
# past codes, the probability of each next code is the mass of a normal distribution between two
# edges.

# %%
lesson.show_source(KarplusStrong.probabilities)
train_codes = string.sample(lesson.rng("train"), 64, lesson.size(8192, quick=400))
test = string.sample(lesson.rng("test"), lesson.size(64, quick=4), lesson.size(1024, quick=200))
p = string.probabilities(test)  # (64, 1003, 64): of each next code
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
    "Left: the wave repeats every 20 steps, with changes. Right: the exact probabilities of the 64"
    " codes at one step, given the past; the orange line is the code that was drawn.",
)

# %% [markdown]
# Even the exact probabilities do not determine the next code. The nats that they need for a step
# are, on average, the *entropy* $-\sum_k p_k \log p_k$; its mean over the steps is the *entropy
# rate* of the string. A model $q$ needs $-\log q(c_t \mid \text{past})$ nats. We report its *gap*:
# by how much this exceeds $-\log p(c_t \mid \text{past})$ on the same codes. The expected gap is
# the KL divergence of $q$ from $p$, so it is never negative.

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
    ["predicted by", "nats a step", "gap"],
    f"entropy rate: {rate:.3f} nats a step",
)

# %% [markdown]
# ## 3. Causal convolutions, by a mask and by a shift
# A convolution is *causal* if its output at step $t$ depends on the inputs up to step $t$ and on no
# later one: the post says “no dependency on the future”. With a kernel of two, $y_t = w_0 x_{t-1} +
# w_1 x_t$. By hand, with $w = (0.5, 3)$ and $x = (1, 2, 3.5)$, and a zero before the first step: $y
# = (3,\; 6 + 0.5,\; 10.5 + 1)$. With *dilation* $d$ the inputs of the kernel are $d$ steps apart:
# $y_t = w_0 x_{t-d} + w_1 x_t$. In the post's words “the kernel is applied to an evenly-distributed
# subset of samples”.

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
# implemented by masked convolution kernel”: the kernel is centered, and a mask sets its later half
# to zero. “The causal convolution in WaveNet is simply to shift the output by a number of
# timestamps to the future so that the output is aligned with the last input element”: an ordinary
# convolution of $x$ with $w$ has the two outputs 6.5, made of $x_1$ and $x_2$, and 11.5, made of
# $x_2$ and $x_3$. Each of them is moved to the *last* input that it depends on, steps 2 and 3. On
# an image of a single row the two ways agree:

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
# How far back does a stack of such layers reach? The post names the problem: “The output can hardly
# depend on the input hundreds or thousands of timesteps ago”.

# %%
lesson.predict(
    "Four layers with a kernel of two: on how many inputs does the last output depend,"
    " with dilations 1, 1, 1, 1, and with 1, 2, 4, 8?",
    ["4 and 15", "5 and 16", "8 and 30", "16 and 16"],
)


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
seen = [inputs_of_last(layer_masks(dilations)) for dilations in stacks.values()]
lesson.outcome(f"{seen[0]} and {seen[1]}, counted in the gradient.", answer="5 and 16")
lesson.show_source(receptive_field, conv1d)
for (name, dilations), count in zip(stacks.items(), seen):
    lesson.check(f"inputs, {name}", count, equals=receptive_field(2, dilations))

# %%
fig, axes = plot.figure(1, 2, size=(5.4, 3.4))
labels = ["input", "layer 1", "layer 2", "layer 3", "output"]
for ax, (name, dilations) in zip(axes, stacks.items()):
    plot.connections(layer_masks(dilations), ax, title=name, layer_labels=labels, highlight=(4, 15))
lesson.figure(
    fig,
    "f09_dilated_causal_convolutions",
    "Time runs to the right. Orange: everything on which the last output depends. Both stacks have"
    " the same number of weights and of products; only the distances differ.",
)

# %% [markdown]
# The number of steps on which an output depends, the present included, is the *receptive field*
# (unless the dilations leave gaps):
#
# $$R = 1 + (k - 1) \sum_l d_l .$$
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
# To reach 1,024 steps with a kernel of two, a dilated stack needs ten layers, and a plain stack
# 1,023.

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
# A layer of WaveNet has two convolutions, a *filter* and a *gate*. The layer combines them in the
# *gated activation unit*, with the filter's kernel $\mathbf{W}_{f,k}$ and the gate's
# $\mathbf{W}_{g,k}$ in layer $k$ (Eq. flow.20):
#
# $$\mathbf{z} = \tanh(\mathbf{W}_{f,k} \circledast \mathbf{x}) \odot
# \sigma(\mathbf{W}_{g,k} \circledast \mathbf{x}).$$
#
# The hyperbolic tangent is the content, between −1 and 1. The sigmoid sets how much of it passes,
# between 0 and 1. By hand: a filter of $\log 2$ and a gate of $\log 3$ give $\frac{3}{5} \cdot
# \frac{3}{4} = 0.45$.

# %%
lesson.exercise("flow/10/gated_unit")

# %%
by_hand = gated_unit(np.log(np.array([2.0])), np.log(np.array([3.0])))
lesson.check("tanh(log 2) times the sigmoid of log 3", by_hand, equals=[0.45])
lesson.show_source(gated_unit, ResidualLayer, WaveNet.__call__)

# %% [markdown]
# “The residual connection is applied after the gated activation”, the post says: $\mathbf z$ passes
# a 1×1 convolution and is added to the layer's input. The paper also has a *skip connection* from
# each layer: another 1×1 convolution of $\mathbf z$, added to those of all other layers.

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
    "One layer. The residual arrow carries the input past the layer, to the next one. The skip"
    " arrow leads from the layer straight to the output.",
)

# %% [markdown]
# On which codes do the logits of the whole network depend? Give each step a code of its own, 0, 1,
# 2 ...: then row $s$ of the embedding table is used at step $s$ alone, and its gradient is nonzero
# only if the logits at step $t$ depend on code $s$. A ReLU that is off would hide a dependence. So
# we choose weights that keep all of them on: large biases, and no negative weight before the second
# ReLU.


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
    name = f"furthest and nearest step, {dilations}"
    lesson.check(name, [found.max(), found.min()], equals=[R, 1])
header = ["kernel", "dilations", "R", "furthest back", "nearest", "number of steps"]
lesson.table(rows, header, "the codes on which the logits at one step depend")

# %% [markdown]
# The furthest code is $R$ steps back, and the nearest is 1 step back: the logits do not depend on
# the code that they predict. The *shift* by one step, between the codes and the first layer, does
# this. In the last two rows the logits depend on some of the $R$ steps only: the receptive field is
# a reach, and the dilations may leave gaps in it.
#
# ## 5. What goes wrong without the shift
# The shift in the post's sentence aligns each output “with the last input element”. So the output
# at step $t$ depends on code $c_t$, in every layer. A prediction of $c_t$ needs one shift more, the
# counterpart of PixelCNN's mask A. We leave it out: two small networks are trained for a few
# seconds, one with the shift and one without.

# %%
lesson.predict(
    f"The string's entropy rate is {rate:.2f} nats. Which loss does a network without the shift"
    " reach?",
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
    f"{leaked:.4f} nats without the shift, and {float(nll(shifted, test)):.3f} with it. Without the"
    " shift the code to predict is an input, and the network copies it.",
    answer=answer,
)
name = "without the shift: nats a step over the entropy rate"
source = "theory: at least 1 for a model of the past; seed 0: 0.005"
lesson.claim(name, leaked / rate, at_most=0.1, source=source)

# %% [markdown]
# A loss below the entropy rate, on fresh data and by more than its standard error, is a sign of an
# error: no model of the past has a smaller expected loss. The entropy rate of real sound is
# unknown, and the error appears only when the network is to *generate*: its input is then the code
# that it should output.
#
# And if every layer shifts its input? Stack four causal convolutions with a shift before each, and
# compute on which steps the output depends.


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
    "`steps_back([3])` and run again. On which steps does the output depend, and is the network "
    "as good?",
    answer="On the same 1 to 16: a shift moves all of them by one step, in whichever layer. But in "
    "a WaveNet the skip of each layer leads straight to the output. So the skip of a layer below "
    "the shift would pass the code that is to be predicted to the output.",
)

# %% [markdown]
# Four shifts lose the three latest codes. So WaveNet shifts once, before the first layer.
#
# ## 6. How far back must a prediction reach?
# The string repeats what it did 20 and 21 steps ago. We take three small networks of two layers,
# with dilations (17, 1), (18, 1) and (19, 1): receptive fields of 19, 20 and 21 steps. They have
# the same number of weights and the same training.

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
    ", ".join(f"{gap[field]:.3f} for {field} steps" for field in (19, 20, 21))
    + ". A field of 20 includes one of the two earlier amplitudes, and a field of 21 both.",
    answer=answer,
)

# %% [markdown]
# How small could the gap be? Without the rounding, the string is a Gaussian process, and the best
# prediction from its last $R$ amplitudes is linear.
#
# <details><summary>Derivation: the smallest gap with a field of R steps, without rounding</summary>
#
# Let $x_t = a\,(x_{t-20} + x_{t-21}) + \epsilon_t$, $a = 0.49$, with noise of variance $s^2 =
# 0.03^2$. Its autocovariance $g_m = \operatorname{cov}(x_t, x_{t+m})$ is the inverse Fourier
# transform of the power spectrum $S(\omega) = s^2 / |1 - a(e^{-20 i \omega} + e^{-21 i
# \omega})|^2$.
#
# Given the last $R$ amplitudes, $x_t$ is Gaussian with the variance
#
# $$s_R^2 = g_0 - \mathbf g^\top \Gamma^{-1} \mathbf g, \qquad \mathbf g = (g_1, \dots, g_R),
# \quad \Gamma_{ij} = g_{|i - j|} .$$
#
# Given the whole past its variance is $s^2$. A Gaussian of variance $s^2$ has the entropy $\frac12
# \log 2\pi e s^2$. A model that knows $R$ amplitudes needs at least the entropy of $x_t$ given
# those, so its gap is at least
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
# The steps that matter are unknown for a real sound. Doubling dilations leave out none of them. Two
# more networks, with four layers (16 steps) and six (64 steps), are trained for longer.

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
lesson.figure(
    ax,
    "gap",
    "Dashed: the gap of the frequencies of the codes, without any past. Black: the smallest gap"
    " that a receptive field allows, without rounding.",
)

# %%
beyond = [gap[field] - least[field] for field in fields]
source = "theory: 0 or more, less 3 standard errors and but for rounding; seed 0: 0.015 to 0.018"
name = "gap minus the smallest possible, all five fields"
lesson.claim(name, beyond, between=(-0.02, 0.05), unit="nats", source=source)

# %% [markdown]
# (A measured gap may be below the smallest possible one by chance, by a few standard errors.)
#
# **The skip connections.** Set one of the six skips of the trained network to zero, and measure by
# how much the gap grows:


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
    "How much the gap grows without the skip of one layer. A layer with a short bar may still be"
    " needed as an input of the layers above it.",
)

# %% [markdown]
# ## 7. The gated unit against a ReLU
# The post gives the reason for the gated unit: “it is found to work significantly better than ReLU
# for modeling 1-D audio data”. On the string this can be tried. `WaveNet(..., gated=False)` has
# ReLUs in place of the gated units, one for each channel of the two convolutions. So the
# convolutions have the same number of weights, and the 1×1 convolutions after them have more. We
# train both kinds of network: three times with a receptive field of 21 steps, and twice with 64.

# %%
lesson.predict(
    "Which of the two kinds has the smaller gap on the string?",
    [
        "gated units, by more than a factor of two",
        "gated units or ReLUs, by less than a factor of two",
        "ReLUs, by more than a factor of two",
    ],
)

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
means = {kind: np.mean([np.mean(found[kind, field]) for field in trials]) for kind in kinds}
ratio = means["ReLUs"] / means["gated units"]
choices = lesson.predictions[-1].choices
lesson.outcome(
    f"The mean gap of the ReLUs is {ratio:.2f} times that of the gated units.",
    answer=choices[0 if ratio > 2 else 1 if ratio > 0.5 else 2],
)

# %%
worst = [gap for gaps_of_kind in found.values() for gap in gaps_of_kind]
source = "theory: 0 or more, less 3 standard errors; seed 0: 0.011 to 0.026"
name = "gated units and ReLUs: all ten gaps"
lesson.claim(name, worst, between=(-0.02, 0.05), unit="nats", source=source)

# %% [markdown]
# Both kinds come within 0.05 nats of the string's own probabilities, which leaves no room for a
# large advantage of either. This does not contradict the paper, whose sounds are speech and music:
# the mean of the string's next amplitude is a *linear* function of two earlier ones, and a gate
# multiplies, which is not needed here. Nor is the string evidence that ReLUs are as good for
# speech.

# %% [markdown]
# ## 8. Generating, step by step
# In training all codes are known, so all steps are computed at once. In generation each code must
# be drawn before the next can be predicted. Look again at the orange units of the dilated stack.
# Those at the right end are new at each step. All others are to the left of it, and so have been
# computed at an earlier step.

# %%
lesson.exercise("flow/10/causal_step")

# %% [markdown]
# Here is a stack with one channel, whose two weights are $\frac12$, in plain Python. The first
# function computes all orange units. The second keeps the inputs of each layer that are needed
# again, the last $d$ of them, in a *cache*. Each product is counted.

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
    "Ten layers, with dilations 1, 2, 4, ..., 512. How many products does one more output need,"
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
lesson.check("outputs with the cache minus those from scratch", off, equals=0.0, atol=1e-12)

# %%
products.clear()
output_from_scratch(x, 1099, dilations)
scratch_count = len(products)
products.clear()
output_with_cache(1.0, caches)
cache_count = len(products)
lesson.check("products with the cache: 2 a layer", cache_count, equals=2 * len(dilations))
lesson.check("products from scratch: 2 (2^10 - 1)", scratch_count, equals=2046)

# %%
lesson.outcome(
    f"{scratch_count:,} and {cache_count}, counted. With the cache each layer computes one output,"
    " whatever its dilation.",
    answer=f"{scratch_count:,} and {cache_count}",
)

# %% [markdown]
# What grows with the dilations is memory: a cache of $d$ inputs for a dilation of $d$, $R - 1$ in
# all. In the package, `generate(..., cached=False)` is simpler still. It runs the network on all
# codes so far and uses its last logits. Both ways must draw the same codes.

# %%
lesson.show_source(causal_step, ResidualLayer.step, WaveNet.generate)
same = []
for field in (21, 64):
    net = nets[field]
    fast, slow = (net.generate(lesson.rng("draw"), 4, 80, cached) for cached in (True, False))
    same.append(bool(np.all(fast == slow)))
lesson.check("with and without the cache: the same codes, every one", all(same))

# %% [markdown]
# How long does a step take on this machine? The table has the processor time for one more code of
# each of 16 sequences, once with the cache, and once by running the network on the last $R$ codes,
# the least that it could be run on.


# %%
def milliseconds(work, repetitions):
    """Processor time of one call, the fastest of three rounds."""
    rounds = []
    for _ in range(3):
        start = time.process_time()
        for _ in range(repetitions):
            work()
        rounds.append(1e3 * (time.process_time() - start) / repetitions)
    return min(rounds)


# %%
four_layers = [(1, 2, 4, 8), (1, 6, 40, 80), (1, 22, 200, 800)]
rows, draws = [], lesson.size(200, quick=10)
for dilations in [*four_layers, tuple(2**k for k in range(10))]:
    R, net = receptive_field(2, dilations), WaveNet(lesson.rng("timed"), 64, 32, 2, dilations)
    codes = np.zeros((16, R), int)
    kept = milliseconds(lambda: net.generate(lesson.rng("timed"), 16, draws), 1) / draws
    run_again = milliseconds(lambda: net(codes), lesson.size(10, quick=1))
    rows.append([R, len(dilations), run_again, kept])
header = ["R", "layers", "run on R codes, ms", "with the cache, ms"]
lesson.table(rows, header, "processor time for a new code of each of 16 sequences, in this run")

# %% [markdown]
# ## 9. Echoes in the generated strings

# %%
lesson.predict(
    "The networks with receptive fields of 16 and of 64 steps generate strings. Which of these"
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
    "Correlation at lags 20 and 21: "
    + ", ".join(f"{name} {value:.2f}" for name, value in at_20.items()),
    answer=answers.get(repeats),
)

# %%
near = at_20["64 steps"] / at_20["the string"]
source = "the data: 1; seed 0: 0.93"
name = "echo of the generated strings, 64 steps, over the string's own"
lesson.claim(name, near, between=(0.85, 1.15), source=source)
beyond = at_20["64 steps"] - at_20["16 steps"]
source = "the data: 0.83, and 0 with 16; seed 0: 0.76"
lesson.claim("echo with 64 steps minus echo with 16", beyond, at_least=0.5, source=source)

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.8, 3.4))
for k, v in enumerate(waves.values()):
    left.plot(v[0, :100] - 0.4 * k, lw=1.2)
left.set(title="100 steps", xlabel="step")
left.set_yticks([0, -0.4, -0.8], list(waves))
title = "correlation of steps so far apart"
plot.line(lags, echo, right, xlabel="lag", title=title)
lesson.figure(
    fig,
    "drawn",
    "Left: a wave of the string, and a generated one for each network. Right: a peak at lag 20 is"
    " an echo after one round along the string.",
)

# %% [markdown]
# Listen: at 8,000 steps a second the string sounds near the note G above middle C. The file has two
# seconds each of the string, of the network with 64 steps and of the one with 16.


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
# ## 10. Where the post is loose
# - “the prediction at a certain timestamp can only consume the data observed in the past”, and the
#   shift is one “so that the output is aligned with the last input element”. With this shift alone
#   the output at a timestamp depends on the input at the same timestamp. Both sentences hold if the
#   output at step $t$ is read as the prediction of step $t + 1$; the post does not say so. In this
#   lesson the codes are shifted by one more step, once, before the first layer (section 5).
# - “to shift the output by a number of timestamps”: the number is not given. It is the reach of the
#   layer, $(k - 1)\,d$ steps, from the first input of the kernel to the last.
#
# **What this lesson adds.** The post does not mention the skip connections (sections 4 and 6), the
# codes and mu-law (section 1: the 65,536 amplitudes of 16-bit sound would make a large softmax), or
# the cost of generation (section 8). The post's figure of the layers has kernels of two steps, as
# the networks here.
#
# **Left out:** what the paper adds for speech: dilations that double up to 512 and then start again
# at 1, several times over; features of the speaker and the text that enter each filter and gate.
# *Parallel WaveNet*, an IAF (`flow/12`), generates all steps at once. **Next:** in `flow/11` the
# same idea, each part from those before it, becomes an invertible map.
#
# **Your turn:** `minigen exercise start flow/10`, then `minigen run flow/10 --with
# exercises/flow_10.py`.

# %%
lesson.finish()
