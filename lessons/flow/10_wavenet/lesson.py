# %% [markdown]
# # WaveNet: far back in few layers
#
# The section *WaveNet* (flow.s13) of
# [Flow-based Deep Generative Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/),
# run. To take away:
#
# 1. A causal convolution sees the present and the past. With *dilations* that double, the past that
#    it sees doubles with every layer.
# 2. What a network cannot see it cannot use. We measure it on a string whose every probability is
#    known.
# 3. To draw a new step, nothing old has to be computed again.
#
# Read `flow/08` first if you can: a model that predicts each part from those before it (Eq.
# flow.16) is called *autoregressive*.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/10_wavenet",
    title="WaveNet: far back in few layers",
    post="flow",
    sections=["flow.s13"],
    figures=["flow.f09"],
    equations=["flow.20"],
    minutes=1.5,
    sources=["weng2018flow", "karplus1983string", "vandenoord2016wavenet"],
)

# %%
import time
import wave

import autograd.numpy as np

from minigen import plot
from minigen.data.strings import KarplusStrong
from minigen.flow.wavenet import ResidualLayer, WaveNet, gated_unit, mu_law, mu_law_decode
from minigen.flow.wavenet import mu_law_encode, receptive_field
from minigen.nn import CausalConv1d
from minigen.optim import cosine
from minigen.tensor import batched, conv1d, cross_entropy, grad, jacobian
from minigen.train import descend

# %% [markdown]
# ## 1. A wave as codes
# Sound is a list of amplitudes between −1 and 1, thousands in a second. WaveNet does not predict an
# amplitude but a *code*, one of 256, as a classifier does: a softmax over codes can have any shape,
# two peaks as well.
#
# Which amplitudes do the codes stand for? Evenly spaced ones waste most codes: a quiet sound stays
# near 0, and uses few of them. Telephones have long used *mu-law companding* instead. The amplitude
# is compressed by a logarithm, and then rounded:
#
# $$y = \operatorname{sign}(x)\,\frac{\log(1 + \mu |x|)}{\log(1 + \mu)}, \qquad \mu = 255.$$
#
# By hand, with 16 codes and $\mu = 15$: 0.2 becomes $\log 4 / \log 16 = 0.5$. On the way from −1 to
# 1 that is three quarters, $0.75 \cdot 15 = 11.25$, so code 11.

# %%
lesson.exercise("flow/10/mu_law_encode")
lesson.exercise("flow/10/mu_law_decode")

# %%
lesson.predict(
    "With 256 codes, how much smaller does mu-law make the error of quiet sounds, |x| < 0.01?",
    ["about 2 times", "about 20 times", "about 200 times"],
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
loudness = np.geomspace(1e-3, 1, 40)
within = [x * np.linspace(-1, 1, 20_001) for x in loudness]
errors = {
    "evenly spaced codes": [rms(evenly_spaced(x) - x) for x in within],
    "mu-law codes": [rms(companded(x) - x) for x in within],
}
quiet = 0.01 * np.linspace(-1, 1, 20_001)
gain = rms(evenly_spaced(quiet) - quiet) / rms(companded(quiet) - quiet)
loud = np.linspace(0.5, 1, 20_001)
price = rms(companded(loud) - loud) / rms(evenly_spaced(loud) - loud)

# %%
lesson.outcome(
    f"{gain:.0f} times smaller. The price is paid where it is loud: above 0.5 the error is"
    f" {price:.1f} times larger, which in a loud sound nobody hears.",
    answer="about 20 times",
)
lesson.check("error of evenly spaced codes over that of mu-law, |x| < 0.01", gain, at_least=15)
lesson.check("and above 0.5, the other way round", price, between=(2, 5))
lesson.show_source(mu_law, mu_law_encode, mu_law_decode)

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
    " Right: evenly spaced codes make the same error however quiet it is; by mu-law it shrinks.",
)

# %%
lesson.change(
    "sixteen codes",
    "Take 16 codes: change `levels = 256` to `levels = 16` and run again. How much smaller does "
    "mu-law make the error of quiet sounds now?",
    answer="6.85 times. The slope of the curve at 0 is $\\mu / \\log(1 + \\mu)$: 5.4 for $\\mu = "
    "15$, and 46 for $\\mu = 255$. With fewer codes, quiet amplitudes are pulled apart less.",
)

# %% [markdown]
# ## 2. A string that keeps no secrets
# To tell a good model from a very good one, we need a sound whose probabilities are known. Here is
# a plucked string as a synthesizer of 1983 has it (Karplus and Strong). A wave runs along the
# string, comes back after 20 steps, a little smoothed and a little damped, and runs again:
#
# $$\mu_t = 0.98 \cdot \tfrac12 (v_{t-20} + v_{t-21}), \qquad
# c_t = Q(\mu_t + 0.03\, \epsilon_t), \quad \epsilon_t \sim \mathcal{N}(0, 1).$$
#
# The noise keeps it sounding. $Q$ rounds to one of 64 mu-law codes, and $v_t$ is the amplitude of
# code $c_t$. Since only the *rounded* amplitudes run back, the codes are all there is: given the
# past, the probability of each next code is the mass of a normal distribution between two edges.

# %%
string = KarplusStrong(period=20, damping=0.98, noise=0.03, levels=64)
lesson.show_source(KarplusStrong.probabilities)
train_codes = string.sample(lesson.rng("train"), 64, lesson.size(8192, quick=400))
test = string.sample(lesson.rng("test"), lesson.size(64, quick=4), lesson.size(1024, quick=200))
p = string.probabilities(test)  # (64, 1003, 64): of each next code
lesson.check("probabilities of the 64 codes, added up", p.sum(axis=-1), equals=1.0)

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.6, 3.0))
heard = string.values[test[0, :100]]
plot.line(np.arange(100), heard, left, xlabel="step", title="a string, 100 steps")
plot.bars(p[0, 0], ax=right, title="what may come at step 21", ylabel="probability")
right.set_xticks(range(0, 64, 16), range(0, 64, 16), rotation=0, ha="center")
right.axvline(test[0, string.order], color=plot.color.fake)
lesson.figure(
    fig,
    "string",
    "Left: the same shape comes back every 20 steps, never quite the same. Right: exact"
    " probabilities of the 64 codes for one step; the orange line is the code that came.",
)

# %% [markdown]
# A perfect model still does not know what comes: there is noise. What it needs at a step is the
# *entropy* of these probabilities, $-\sum_k p_k \log p_k$; the mean over steps is the *entropy
# rate* of the string. A model $q$ needs $-\log q(c_t | \text{past})$. We shall report its *gap*,
# how much more than $-\log p(c_t|\text{past})$ that is, on the same codes. It is in nats (natural
# logarithms; a nat is 1.44 bits), and on average it cannot be negative.

# %%
rate = string.entropy(p).mean()
surprise = -string.log_prob(test)  # (64, 1003)
counts = np.bincount(train_codes.ravel(), minlength=64) + 1.0
by_counts = -np.log(counts / counts.sum())[test[:, string.order :]]
lesson.table(
    [
        ["the string itself, -log p", surprise.mean(), 0.0],
        ["how often each code comes", by_counts.mean(), (by_counts - surprise).mean()],
        ["all codes alike", np.log(64), np.log(64) - surprise.mean()],
    ],
    ["predicted by", "nats a step", "gap"],
    f"entropy rate: {rate:.3f} nats a step",
)

# %% [markdown]
# ## 3. Causal, and dilated
# A convolution whose kernel sees the present and the step before, $y_t = w_0 x_{t-1} + w_1 x_t$, is
# *causal*: nothing of the future comes in. By hand, with $w = (0.5, 3)$ and $x = (1, 2, 3.5)$:
# before the first step there are zeros, so $y = (3,\; 6 + 0.5,\; 10.5 + 1)$. With *dilation* $d$
# the kernel's parts stand $d$ steps apart: $y_t = w_0 x_{t-d} + w_1 x_t$.

# %%
lesson.exercise("flow/10/causal_conv1d")
lesson.exercise("flow/10/receptive_field")

# %%
x = np.array([1.0, 2.0, 3.5]).reshape(1, 3, 1)
kernel = np.array([0.5, 3.0]).reshape(2, 1, 1)
lesson.check("y by hand", conv1d(x, kernel)[0, :, 0], equals=[3.0, 6.5, 11.5])
lesson.check("with dilation 2", conv1d(x, kernel, dilation=2)[0, :, 0], equals=[3.0, 6.0, 11.0])

# %%
lesson.predict(
    "Four layers with such a kernel: how many steps does the last output see,"
    " with dilations 1, 1, 1, 1, and with 1, 2, 4, 8?",
    ["4 and 15", "5 and 16", "8 and 30", "16 and 16"],
)


# %%
def layer_masks(dilations, steps=16):
    """For live layers of one channel: which inputs (rows) change which outputs (columns)."""
    masks = []
    for d in dilations:
        layer = CausalConv1d(lesson.rng("mask"), 1, 1, 2, d)
        J = jacobian(lambda x: layer(x)[0, :, 0])(np.ones((1, steps, 1)))  # (out, 1, in, 1)
        masks.append(J.reshape(steps, steps).T)
    return masks


def seen_by_last(masks):
    return np.count_nonzero(np.linalg.multi_dot(masks)[:, -1])


# %%
stacks = {"plain: 1, 1, 1, 1": (1, 1, 1, 1), "dilated: 1, 2, 4, 8": (1, 2, 4, 8)}
seen = [seen_by_last(layer_masks(dilations)) for dilations in stacks.values()]
lesson.outcome(f"{seen[0]} and {seen[1]}, counted in the gradient.", answer="5 and 16")
lesson.show_source(receptive_field, conv1d)
for (name, dilations), count in zip(stacks.items(), seen):
    lesson.check(f"steps seen, {name}", count, equals=receptive_field(2, dilations))

# %%
fig, axes = plot.figure(1, 2, size=(5.4, 3.4))
labels = ["input", "layer 1", "layer 2", "layer 3", "output"]
for ax, (name, dilations) in zip(axes, stacks.items()):
    plot.connections(layer_masks(dilations), ax, title=name, layer_labels=labels, highlight=(4, 15))
lesson.figure(
    fig,
    "f09_dilated_causal_convolutions",
    "Time runs to the right. In orange: all that the last output depends on. Both stacks have as"
    " many weights, and compute as much; only the distances differ.",
)

# %% [markdown]
# A layer with kernel $k$ and dilation $d$ reaches $(k-1)\,d$ steps further back than what stands
# below it. The reaches add, and the present is one more:
#
# $$R = 1 + (k - 1) \sum_l d_l .$$
#
# This is the *receptive field*. Doubling dilations make it grow as $2^{\text{layers}}$: ten layers
# see 1,024 steps.

# %%
lesson.change(
    "dilations that do not double",
    'Change the second of the `stacks` to `"dilated: 1, 3, 3, 8": (1, 3, 3, 8)` and run again. '
    "The sum of the dilations is the same. Does the last output still see 16 steps?",
    answer="No, 12. It reaches 16 steps back, but no sum of some of 1, 3, 3 and 8 is 2, 5, 10 or "
    "13. Doubling dilations make every number from 0 to 15 in exactly one way.",
)

# %% [markdown]
# ## 4. One layer, and the whole network
# A layer of WaveNet has two convolutions, a *filter* and a *gate*. A hyperbolic tangent brings the
# filter between −1 and 1, a sigmoid the gate between 0 and 1: the filter is the content, and the
# gate sets how much of it passes. By hand: a filter of $\log 2$ and a gate of $\log 3$ give
# $\frac{3}{5} \cdot \frac{3}{4} = 0.45$.

# %%
lesson.exercise("flow/10/gated_unit")

# %%
by_hand = gated_unit(np.log(np.array([2.0])), np.log(np.array([3.0])))
lesson.check("tanh(log 2) times the sigmoid of log 3", by_hand, equals=[0.45])
lesson.show_source(gated_unit, ResidualLayer, WaveNet.__call__)

# %% [markdown]
# In layer $k$, with the two convolutions (Eq. flow.20),
#
# $$\mathbf{z} = \tanh(\mathbf{W}_{f,k} \circledast \mathbf{x}) \odot
# \sigma(\mathbf{W}_{g,k} \circledast \mathbf{x}).$$

# %%
boxes = {
    "c": plot.node("codes $c$", "data", (0, 1)),
    "shift": plot.node("shift by 1,\nonce", "operation", (1, 1)),
    "filter": plot.node("filter: causal,\ndilated", "model", (2, 0)),
    "gate": plot.node("gate: causal,\ndilated", "model", (2, 2)),
    "z": plot.node("tanh · σ", "operation", (3, 1)),
    "add": plot.node("+", "operation", (4, 1)),
    "next": plot.node("next layer", "plain", (5, 1)),
    "skip": plot.node("skip", "model", (4, 2)),
    "out": plot.node("sum of all skips\n→ ReLU, two layers\n→ softmax", "fake", (5, 2)),
}

# %%
arrows = ["c -> shift", "shift -> filter -> z", "shift -> gate -> z", "z -> add -> next"]
arrows += ["z -> skip -> out", plot.edge("shift", "add", "residual", route="over")]
lesson.figure(
    plot.schematic(boxes, arrows),
    "layer",
    "One layer. The residual arrow carries the input around it, to the next layer. The skip arrow"
    " takes what this layer found straight to the output.",
)

# %% [markdown]
# How far does the whole network see? Give each step a code of its own, 0, 1, 2 ...: then row $s$ of
# the embedding table is used at step $s$ alone, and its gradient says whether the logits at step
# $t$ depend on it.


# %%
def steps_seen(net, t):
    """The steps whose codes the logits at step t depend on, by gradients."""
    codes = np.arange(net.levels)[None]  # (1, T): at each step another code

    def logits_at_t(net):
        return np.sum(net(codes)[0, t] ** 2)

    slopes = grad(logits_at_t)(net).embed.table  # (levels, width): one row for each step
    return np.flatnonzero(np.any(slopes != 0, axis=1))


# %%
rows = []
for kernel_size, dilations in [(2, (1, 2, 4, 8)), (3, (1, 2, 4)), (2, (19, 1)), (2, (5, 5, 1))]:
    net = WaveNet(lesson.rng("shown"), 64, 8, kernel_size, dilations)
    found = 60 - steps_seen(net, 60)  # how many steps back
    R = receptive_field(kernel_size, dilations)
    rows.append([kernel_size, str(dilations), R, found.max(), found.min(), len(found)])
    lesson.check(
        f"furthest and nearest step, {dilations}", [found.max(), found.min()], equals=[R, 1]
    )
header = ["kernel", "dilations", "R", "furthest back", "nearest", "steps seen"]
lesson.table(rows, header, "what the logits at one step depend on")

# %% [markdown]
# The furthest is $R$ steps back, as the formula says, and the nearest is 1: the code itself, which
# is to be predicted, is never seen. That is the work of the *shift*. The last two rows see only
# some of the steps within their reach: a receptive field says how far, not that nothing is left
# out.
#
# ## 5. What goes wrong: the shift
# The post does not mention it. So leave it out: every layer is causal, and sees the present as
# well as the past. We train two small networks for a few seconds, one with the shift and
# one without.

# %%
lesson.predict(
    f"The string's entropy rate is {rate:.2f} nats. What does a network without the shift reach?",
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
    """Nats a step, where the past is long enough to predict from."""
    return np.mean(cross_entropy(net(codes), codes)[:, string.order :])


# %%
def unshifted_nll(net, codes):
    """The same, but the network is given its codes one step early: it sees the present."""
    logits = net(codes[:, 1:])
    return np.mean(cross_entropy(logits, codes[:, :-1])[:, string.order :])


def train(label, dilations, steps, length=128, loss=nll):
    net = WaveNet(lesson.rng(label), string.levels, 32, 2, dilations)
    rng = lesson.rng(f"{label}, batches")
    step = descend(loss, net, windows(length), lr=cosine(6e-3, steps), ema=0.998, rng=rng)
    lesson.fit(step, steps, state=step.state, label=label)
    return step.averaged


# %%
steps = lesson.steps(300, quick=3)
leaking = train("without the shift", (19, 1), steps, loss=unshifted_nll)
shifted = train("field 21", (19, 1), steps)
leaked = float(unshifted_nll(leaking, test))
lesson.outcome(
    f"{leaked:.4f} nats without the shift, and {float(nll(shifted, test)):.3f} with it. The network"
    " without it copies what it is asked for.",
    answer="nearly 0" if leaked < 0.2 else "about the entropy rate" if leaked > rate else None,
)
lesson.claim("without the shift: nats a step over the entropy rate", leaked / rate, at_most=0.1)

# %% [markdown]
# A number below the entropy rate is not a triumph, it is an alarm: no honest model of this string
# can have it. On real sound nobody knows the entropy rate, and the mistake shows only when the
# network is to *generate*, and waits for the code that it should make.
#
# And if every layer shifts? Stack four causal convolutions with a shift before each one, and look
# at what the output sees.


# %%
def shift(x):
    return np.concatenate([0 * x[:, :1], x[:, :-1]], axis=1)


def steps_back(shifted_layers):
    """How far back the output of four layers sees, if the layers named shift their input."""

    def stack(x):
        for k, d in enumerate((1, 2, 4, 8)):
            x = conv1d(shift(x) if k in shifted_layers else x, np.ones((2, 1, 1)), dilation=d)
        return x[0, -1, 0]

    return 23 - np.flatnonzero(grad(stack)(np.ones((1, 24, 1)))[0, :, 0])


# %%
once, always = steps_back([0]), steps_back([0, 1, 2, 3])
lesson.table(
    [["once", once.min(), once.max()], ["in every layer", always.min(), always.max()]],
    ["shifted", "nearest step seen", "furthest"],
)
lesson.check("shifted once: steps back", once, equals=np.arange(16, 0, -1))
lesson.check("shifted four times: steps back", always, equals=np.arange(19, 3, -1))

# %%
lesson.change(
    "a shift at the top",
    "Shift the last layer in place of the first: change `steps_back([0])` to `steps_back([3])` "
    "and run again. Which steps are seen, and is the network as good?",
    answer="The same 1 to 16: a shift moves all of them by one step, wherever it stands. But in "
    "a WaveNet the skip of each layer leads straight to the output. So a layer below the shift "
    "would pass the code that is to be predicted to the output.",
)

# %% [markdown]
# The three latest codes are lost, the most telling ones of most sounds. So: shift once, at the
# first layer; after that the present is known.
#
# ## 6. How far must one look?
# The string sends back what was heard 20 and 21 steps ago. We take three small networks of two
# layers, with dilations (17, 1), (18, 1) and (19, 1): receptive fields of 19, 20 and 21 steps. They
# have as many weights, and the same training.

# %%
lesson.predict(
    "The gap to the string's own probabilities will be",
    [
        "nearly the same for all three",
        "small for 20 and 21, large for 19",
        "falling to almost 0 in two leaps, at 20 and at 21",
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
    answer = "falling to almost 0 in two leaps, at 20 and at 21"
lesson.outcome(
    ", ".join(f"{gap[field]:.3f} for {field} steps" for field in (19, 20, 21))
    + ". With 20 it hears one of the two echoes; with 21 both.",
    answer=answer,
)

# %% [markdown]
# Nobody knows beforehand that 20 and 21 are the steps that count. Hence the doubling dilations:
# they leave no step out. Two more networks, with four layers (16 steps) and six (64 steps), trained
# for longer.

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
rows = [[f, kind, gap[f], errors[f]] for f, kind in zip(fields, kinds)]
header = ["receptive field", "dilations", "gap, nats a step", "its standard error"]
lesson.table(rows, header, f"beyond the string's own {surprise.mean():.3f} nats")

# %%
ignorant = float((by_counts - surprise).mean())
ax = plot.bars(
    {str(field): gap[field] for field in fields},
    numbers="%.3f",
    reference={"how often each code comes": ignorant},
    title="gap to the string's own probabilities",
    xlabel="receptive field",
    ylabel="nats a step",
)
lesson.figure(
    ax,
    "gap",
    "Dashed: a model that knows only how often each code comes. With 16 steps the network knows"
    " also that neighbours are alike. At 20 and 21 the echoes come into view: the gap collapses.",
)

# %%
lesson.claim("receptive field 64: gap", gap[64], between=(-0.003, 0.03), unit="nats")
lesson.claim("receptive field 21 = L + 1: gap", gap[21], between=(-0.003, 0.03), unit="nats")
lesson.claim("receptive field 20, one echo: gap", gap[20], between=(0.08, 0.3), unit="nats")
lesson.claim("receptive field 19: gap", gap[19], between=(0.3, 0.6), unit="nats")
lesson.claim("receptive field 16: gap", gap[16], between=(0.3, 0.6), unit="nats")

# %% [markdown]
# (A gap may be below 0 by chance, but not by more than its standard error allows.)
#
# **The skips**, which the post does not mention, take what each layer found straight to the output.
# Silence one of them in the trained network, and see how much worse it predicts:


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
    silenced, numbers="%.2f", title="one layer's skip silenced", ylabel="nats a step lost"
)
lesson.figure(
    ax,
    "skips",
    "How much the gap grows. A tall bar is a layer whose own findings the output needs; the others"
    " may still be needed by the layers above them.",
)

# %% [markdown]
# ## 7. Drawing, step by step
# In training all steps are computed at once, since all codes are known. To generate, each code must
# be drawn before the next can be predicted. The plain way runs the network on the last $R$ codes
# for each new one.
#
# But look once more at the orange units of the figure: of the dilated stack's, all but those at the
# right end were needed a step or more ago as well. So let each layer keep its last inputs, in a
# *cache*.

# %%
lesson.predict(
    "Four layers; the receptive field grows from 16 to 1,024 steps. The cost of one new code grows",
    [
        "5 times or more in the plain way, not at all with the cache",
        "5 times or more in both",
        "5 times or more in the plain way, about twice with the cache",
        "not at all in both: there are four layers",
    ],
)

# %%
same = []
for field in (21, 64):
    net = nets[field]
    fast, slow = (net.generate(lesson.rng("draw"), 4, 80, cached) for cached in (True, False))
    same.append(bool(np.all(fast == slow)))
lesson.check("with and without the cache: the same codes, every one", all(same))

# %%
four_layers = {16: (1, 2, 4, 8), 128: (1, 6, 40, 80), 1024: (1, 22, 200, 800)}
timed = {R: WaveNet(lesson.rng("timed"), 64, 32, 2, d) for R, d in four_layers.items()}
for R, dilations in four_layers.items():
    lesson.check(f"receptive field of {dilations}", receptive_field(2, dilations), equals=R)
ten_layers = WaveNet(lesson.rng("timed"), 64, 32, 2, [2**k for k in range(10)])


def seconds(work):
    """Processor time: what other programs take does not count."""
    start = time.process_time()
    work()
    return time.process_time() - start


# %%
draws = lesson.size(200, quick=10)


def cached_cost(net):
    """Seconds for one step of 16 sequences, drawn with the cache."""
    return seconds(lambda: net.generate(lesson.rng("timed"), 16, draws)) / draws


def plain_cost(net, R):
    """Seconds for the network on 16 windows of R codes: what such a step costs without."""
    codes = np.zeros((16, R), int)
    return seconds(lambda: net(codes))


# %% [markdown]
# Each is timed several times, in turns, and the fastest time counts: whatever else the machine does
# can only add to it.

# %%
names = [*timed, "ten layers"]
cached = {name: [] for name in names}
plain = {name: [] for name in names}
for _ in range(lesson.size(9, quick=1)):
    for name, net in zip(names, [*timed.values(), ten_layers]):
        cached[name].append(cached_cost(net))
        plain[name].append(plain_cost(net, 1024 if name == "ten layers" else name))
cached = {name: 1e3 * min(times) for name, times in cached.items()}
plain = {name: 1e3 * min(times) for name, times in plain.items()}

# %%
flat = cached[1024] / cached[16]
growth = plain[1024] / plain[16]
choices = lesson.predictions[-1].choices
lesson.outcome(
    f"{growth:.0f} times in the plain way, {flat:.2f} times with the cache. (In the plain way it"
    " would be 64 times, if a product of small matrices cost nothing to begin.)",
    answer=(choices[0] if flat < 1.5 else choices[2]) if growth >= 5 else None,
)

# %%
layers = [4, 4, 4, 10]
fields = [16, 128, 1024, 1024]
rows = [[R, n, plain[name], cached[name]] for R, n, name in zip(fields, layers, names)]
header = ["receptive field", "layers", "plain, ms", "with the cache, ms"]
lesson.table(rows, header, "processor time for a new code of each of 16 sequences")
lesson.claim("cost of a code with the cache, R = 1024 over R = 16", flat, between=(0.8, 1.2))
per_layer = (cached["ten layers"] / 10) / (cached[16] / 4)
lesson.claim("and for each layer, ten layers over four", per_layer, at_most=1.2)
lesson.claim("cost of a code in the plain way, 1024 over 16", growth, at_least=5)
lesson.show_source(ResidualLayer.step, WaveNet.generate)

# %% [markdown]
# With the cache a new step costs one product for each layer and each part of its kernel. What grows
# is memory: a layer keeps as many inputs as its dilation is long. Time grows with the
# number of layers, and that, with doubling dilations, only as the logarithm of the field.
#
# ## 8. Does it sound like a string?

# %%
lesson.predict(
    "Strings drawn from the networks that see 16 and 64 steps: which of them ring for 20 steps?",
    ["both, since both draw likely codes", "only the one with 64", "neither: a code is random"],
)

# %%
n, length = lesson.size(64, quick=4), lesson.size(600, quick=150)
waves = {"the string": string.values[test]}
for field in (64, 16):
    codes = nets[field].generate(lesson.rng(f"waves {field}"), n, length)
    waves[f"{field} steps"] = string.values[codes][:, length // 3 :]


def correlation(v, lag):
    """Between amplitudes `lag` steps apart: 1 for a wave that comes back unchanged."""
    return np.mean(v[:, lag:] * v[:, : v.shape[1] - lag]) / np.mean(v**2)


lags = np.arange(1, 50)
echo = {name: np.array([correlation(v, lag) for lag in lags]) for name, v in waves.items()}

# %%
at_20 = {name: values[[19, 20]].mean() for name, values in echo.items()}
ring = at_20["16 steps"] > 0.3, at_20["64 steps"] > 0.3
answers = {(True, True): 0, (False, True): 1, (False, False): 2}
lesson.outcome(
    "Correlation at lags 20 and 21: "
    + ", ".join(f"{name} {value:.2f}" for name, value in at_20.items()),
    answer=lesson.predictions[-1].choices[answers[ring]] if ring in answers else None,
)
near = at_20["64 steps"] / at_20["the string"]
lesson.claim(
    "echo of the drawn strings, 64 steps, over the string's own", near, between=(0.85, 1.15)
)
lesson.claim("echo of those drawn with 16 steps", at_20["16 steps"], between=(-0.1, 0.1))

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
    "Right: the string comes back every 20 to 21 steps, and so do the waves of the network that"
    " sees 64. Those of the other have no echo.",
)

# %% [markdown]
# Listen: 8,000 steps a second put the string near the note G above middle C. The file holds two
# seconds each of the string, of the network with 64 steps, and of the one with 16: that one hisses.


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
# ## 9. Where the post is loose
# - It does not mention the shift of the input. It is made once, at the first layer (section 5): the
#   convolutions themselves see the present.
# - Nor does it mention that each layer has a residual and a skip connection (sections 4 and 6).
# - Its formula has a filter and a gate for each layer $k$; their kernels have two steps in the
#   paper, and the distance between the two is the dilation.
# - It leaves out the codes. Sound of 16 bits has 65,536 amplitudes, too many for a softmax; mu-law
#   makes 256 of them do.
#
# **Left out:** what the paper adds to speak: dilations that double up to 512 and then start again
# at 1, several times over; features of the speaker and the text that enter each filter and gate.
# *Parallel WaveNet*, an IAF (`flow/12`), draws all steps at once. **Next:** `flow/11`, where the
# same idea, each part from those before it, becomes an invertible map.
#
# **Your turn:** `minigen exercise start flow/10`, then `minigen run flow/10 --with
# exercises/flow_10.py`.

# %%
lesson.finish()
