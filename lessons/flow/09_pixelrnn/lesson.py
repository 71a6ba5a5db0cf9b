# %% [markdown]
# # PixelRNN and PixelCNN: images pixel by pixel
#
# The section *PixelRNN* (flow.s12) of
# [Flow-based Deep Generative Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/),
# run. In this lesson:
#
# 1. The probability of an image is a product of conditionals, of each pixel given the pixels before
#    it. Gradients show which of these pixels a network depends on.
# 2. A PixelCNN computes all conditionals at once with masked convolutions, and its context is
#    bounded. A PixelRNN carries a state along the diagonals of the image, and its context is the
#    whole past.
# 3. An image is sampled one pixel after the other. Pixels that come first in the order can be
#    given, and the others are then sampled conditionally on them.
#
# MADE (`flow/08`) treats an image as a list of 784 variables. The networks of this lesson use that
# an image has two dimensions.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/09_pixelrnn",
    title="PixelRNN and PixelCNN: images pixel by pixel",
    post="flow",
    sections=["flow.s12"],
    figures=["flow.f06", "flow.f07", "flow.f08"],
    equations=["flow.19"],
    pretrained=["digit_classifier"],
    minutes=5,
    picture="halves",
    sources=[
        "weng2018flow",
        "salakhutdinov2008dbn",
        "germain2015made",
        "vandenoord2016pixelrnn",
        "vandenoord2016pixelcnn",
    ],
)

# %%
import itertools
import time

import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.flow.made import MADE, made_masks
from minigen.flow.pixel import DiagonalBiLSTM, PixelCNN, PixelRNN, pixel_mask, skew, unskew

# %%
from minigen.metrics.digits import class_gaussian_digits, judge_digits, label_accuracy
from minigen.nn.recurrent import lstm_step
from minigen.optim import cosine
from minigen.tensor import batched, bce_with_logits, conv2d, grad
from minigen.train import descend

# %% [markdown]
# ## 1. An image in reading order
#
# Take the pixels of an image in the order in which you read this page: row by row, from left to
# right. In the figure the current pixel is black, the pixels before it are green, and those after
# it gray.

# %%
INK = ["faint", "accent", "model", "ink"]  # future, past but not seen, seen, the pixel itself


def rgb(name):
    """The color of this name as three numbers in [0, 1]."""
    code = getattr(plot.color, name)
    return [int(code[k : k + 2], 16) / 255 for k in (1, 3, 5)]


def painted(seen, i, j):
    """An image (H, W, 3) of what pixel (i, j) depends on, a boolean array (H, W)."""
    order = np.arange(seen.size).reshape(seen.shape)
    meaning = np.where(order < order[i, j], 1, 0) + np.where(seen, 1, 0)
    meaning[i, j] = 3
    return np.array([rgb(name) for name in INK])[meaning]


# %%
def draw_field(seen, i, j, ax, title):
    """What pixel (i, j) depends on, every pixel of the image as a square with a white edge."""
    squares = np.kron(painted(seen, i, j), np.ones((12, 12, 1)))
    squares[11::12] = 1
    squares[:, 11::12] = 1
    plot.image_grid(squares[None], ax=ax, title=title)


fig, ax = plot.figure(size=(2.6, 2.8))
seven = np.arange(49).reshape(7, 7)
draw_field(seven < seven[3, 3], 3, 3, ax, "the past of a pixel")
lesson.figure(
    fig,
    "f06_context",
    "The context of the black pixel: all rows above it, and the pixels on its left in its own row.",
)

# %% [markdown]
# The chain rule (Eq. flow.16) gives the image a probability. With pixels $x_1, \ldots, x_{n^2}$,
#
# $$p(\mathbf x) = p(x_1)\, p(x_2 | x_1)\, p(x_3 | x_1, x_2) \cdots .$$
#
# By hand, with two by two pixels, ink (1) or paper (0). The first is ink with probability 0.5. Each
# later pixel equals the one before it with probability 0.8. So the image 1 1 / 0 0 has probability
# $0.5 \cdot 0.8 \cdot 0.2 \cdot 0.8 = 0.064$. The 16 images have probability 1 in all, because the
# two probabilities of each pixel add up to 1.


# %%
def chain(bits):
    """The probability of four pixels by this rule."""
    alike = np.diff(bits) == 0
    return 0.5 * np.prod(np.where(alike, 0.8, 0.2))


all_bits = list(itertools.product([0, 1], repeat=4))
lesson.check("1 1 / 0 0", chain([1, 1, 0, 0]), equals=0.064)
lesson.check("all 16 images", sum(chain(bits) for bits in all_bits), equals=1.0)

# %%
lesson.predict(
    "In an image of 28×28 pixels, how many pixels may the one in row 3, column 4 (counted from 1)"
    " depend on?",
    ["3", "12", "59", "783"],
)

# %%
number = np.arange(28 * 28).reshape(28, 28)
before = int((number < number[2, 3]).sum())
lesson.check("pixels before row 3, column 4", before, equals=59)
lesson.outcome("Two whole rows, and three pixels of its own row: 2 · 28 + 3.", answer=str(before))

# %% [markdown]
# ## 2. PixelCNN: masked convolutions
#
# A convolution computes its output at all places of an image at once. So that no output depends on
# the future, its kernel is multiplied by a mask of zeros and ones (figure flow.f08), as MADE
# multiplies its weights. The layers have no pooling, so every pixel keeps a place of its own. There
# are two kinds of masks. The first layer reads the pixels; the place in the middle of its kernel
# holds the pixel that is to be predicted, and gets a 0 (mask A). In later layers the middle holds a
# feature of the *past*, and gets a 1 (mask B). A network of such layers is a **PixelCNN**.

# %%
lesson.exercise("flow/09/pixel_mask")

# %% [markdown]
# What if the first layer has mask B? A single weight is then enough for a loss of nearly 0: the
# middle one, 20, with a bias of −10. A pixel of 1 gets the logit 10, and a pixel of 0 the logit
# −10.

# %%
lesson.predict(
    "Compute the product of the conditionals for each of the 16 images of 2×2 pixels. Their sum is",
    ["nearly 0", "1", "nearly 16"],
)


# %%
def one_weight(kind, x):
    """Logits of a convolution whose only weight is the middle one, 20, under a mask."""
    kernel = np.zeros((3, 3))
    kernel[1, 1] = 20.0
    masked = (kernel * pixel_mask(3, kind)).reshape(3, 3, 1, 1)
    return conv2d(x, masked, np.array([-10.0]), 1, 1)


def log_prob(kind, x):
    return -np.sum(bce_with_logits(one_weight(kind, x), x), axis=(1, 2, 3))


# %%
images = np.array(all_bits, float).reshape(16, 2, 2, 1)
total = {kind: np.exp(log_prob(kind, images)).sum() for kind in "AB"}
lesson.check("mask A: probabilities of all 16", total["A"], equals=1.0)
lesson.outcome(
    f"{total['B']:.3f}: each image gets a probability of nearly 1, so this is not a distribution."
    f" With mask A the sum is {total['A']:.3f}.",
    answer="nearly 16" if total["B"] > 15 else "1",
)
lesson.show_source(pixel_mask)

# %%
fig, axes = plot.figure(1, 3, size=(3.0, 3.0))
for ax, (kernel, kind) in zip(axes, [(3, "A"), (3, "B"), (7, "A")]):
    plot.matrix(pixel_mask(kernel, kind), ax, numbers=True, title=f"{kernel}×{kernel}, mask {kind}")
lesson.figure(
    fig,
    "f08_masks",
    "The left and the middle mask differ in one entry. Right: the mask of the first layer of a"
    " plain PixelCNN.",
)

# %%
shown = PixelCNN(lesson.rng("shown"), width=16, layers=3, gated=False)
boxes = {
    "x": plot.node("image\n(N, H, W, 1)", "data"),
    "first": plot.node(shown.layers[0], name="mask A, 7×7"),
    "second": plot.node(shown.layers[1], name="mask B, 3×3"),
    "third": plot.node(shown.layers[2], name="mask B, 3×3"),
    "hidden": plot.node(shown.hidden, name="one place\nat a time"),
    "out": plot.node(shown.out, name="logits\n(N, H, W, 1)"),
}

# %%
lesson.figure(
    plot.schematic(boxes, ["x -> first -> second -> third -> hidden -> out"]),
    "f08_layers",
    "A plain PixelCNN of three layers. All of them keep height and width, and the logit of each"
    " pixel is the output at its place.",
)

# %%
lesson.change(
    "the weight to the left",
    "Move the one weight to the left of the middle: change `kernel[1, 1] = 20.0` to `kernel[1, "
    "0] = 20.0` and run again. What are the two sums now?",
    answer="Both are 1.000. The weight reads the pixel before, which both masks allow: each "
    "pixel is predicted from its past, so the probabilities of all images add up to 1.",
)

# %% [markdown]
# ## 3. Which pixels does a network depend on?
#
# If pixel $(k, l)$ can change the logit of pixel $(i, j)$, the derivative of this logit with
# respect to $x_{kl}$ is not zero somewhere. We compute it at twenty random images. A ReLU that is
# off, or two paths that cancel, could hide a dependence. So we make all weights of the plain
# network positive, which changes no path.


# %%
def field(model, i, j, height, width):
    """Which pixels (height, width) the logit of pixel (i, j) depends on."""
    x = lesson.rng("field").random((20, height, width, 1))
    slopes = grad(lambda x: np.sum(model(x)[:, i, j, 0]))(x)
    return np.abs(slopes).max(axis=0)[:, :, 0] > 0


def past(i, j, height, width):
    order = np.arange(height * width).reshape(height, width)
    return order < order[i, j]


def with_positive_weights(model):
    for array in model.parameters().values():
        array[...] = np.abs(array) + 0.01
    return model


# %% [markdown]
# Take a plain PixelCNN of seven layers: the first has a 7×7 kernel, the others 3×3. With each layer
# the context grows by one pixel in every direction that the mask allows.

# %%
lesson.predict(
    "Which pixels of the past, not far away, does its logit not depend on, however many layers it"
    " has?",
    ["none of those near by", "some above, to the left", "some above, to the right", "right above"],
)

# %%
size = (13, 21)
at = (11, 10)
plain = with_positive_weights(PixelCNN(lesson.rng("plain"), width=8, gated=False))
seen = field(plain, *at, *size)
missed = past(*at, *size) & ~seen
near = missed[at[0] - 8 :, at[1] - 8 : at[1] + 9]  # up to eight rows above, eight columns aside

# %%
to_the_right = int(near[:, 9:].sum())
elsewhere = int(near[:, :9].sum())
lesson.outcome(
    f"Up to eight rows above and eight columns aside, it misses {to_the_right} pixels to the right,"
    f" and {elsewhere} elsewhere.",
    answer="some above, to the right" if to_the_right > elsewhere else "some above, to the left",
)

# %% [markdown]
# These pixels form the **blind spot**. A 3×3 kernel with mask B connects a place to places beside
# and above it, by (row, column) steps of $(-1, -1)$, $(-1, 0)$, $(-1, 1)$, $(0, -1)$ and $(0, 0)$.
# Every step to the right also goes up by one row. We add up the steps of all layers, without a
# network, and compare.


# %%
def steps_of(mask):
    reach = len(mask) // 2
    return [(i - reach, j - reach) for i, j in np.argwhere(mask)]


def reached(layers):
    """All sums of one step from each layer."""
    found = {(0, 0)}
    for steps in layers:
        found = {(i + k, j + m) for i, j in found for k, m in steps}
    return found


# %%
layers = [steps_of(pixel_mask(7, "A"))] + 6 * [steps_of(pixel_mask(3, "B"))]
by_hand = np.zeros(size, bool)
for i, j in reached(layers):
    if 0 <= at[0] + i < size[0] and 0 <= at[1] + j < size[1]:
        by_hand[at[0] + i, at[1] + j] = True
lesson.check("plain: depends on exactly the sums of steps", np.array_equal(seen, by_hand))
lesson.check("plain: pixels of its blind spot near by", to_the_right, equals=15)

# %% [markdown]
# <details><summary>Derivation: the size of the blind spot</summary>
#
# How far to the right does the context reach $r$ rows above the pixel? The first layer takes one
# step of its 7×7 mask: $a$ rows up with $1 \le a \le 3$, and at most 3 columns to the right, or $a
# = 0$ and to the left. Each of the other layers gains at most one column to the right, and only by
# going up one row. With $u = r - a$ such steps the context reaches column
#
# $$3 + u = 3 + r - a \le r + 2,$$
#
# with equality for $a = 1$, as long as there are $u = r - 1$ layers left. So $r$ rows above, the
# columns from $r + 3$ on are never reached, however many layers there are. Up to column 8 these are
# $6 - r$ pixels in row $r$, and $5 + 4 + 3 + 2 + 1 = 15$ pixels in rows 1 to 5. (Row 0 has no past
# to the right.) With a 3×3 kernel in the first layer the bound is $r$ in place of $r + 2$, and the
# blind spot is larger. $\square$
#
# </details>

# %% [markdown]
# ## 4. A vertical and a horizontal stack
#
# Van den Oord et al. (2016b) remove the blind spot by splitting the past into two parts. The rows
# above form a rectangle: a **vertical** stack of convolutions reads it with kernels that need no
# mask, because they end at the row above. The pixels to the left form a line: a **horizontal**
# stack reads them. In every layer the output of the vertical stack is added to the input of the
# horizontal one. The opposite direction would leak: the vertical kernels also read columns to the
# right, where the horizontal stack already depends on the current pixel. Both stacks have *gated
# units*, $\tanh(\cdot)\,\sigma(\cdot)$: half of the channels are the content, the other half a gate
# between 0 and 1 (`flow/10`, Eq. flow.20).

# %%
gated = PixelCNN(lesson.rng("gated"), width=8)
row_lstm = PixelRNN(lesson.rng("row"), "row", width=8)
seen_by = {
    "plain": seen,
    "gated": field(gated, *at, *size),
    "row LSTM": field(row_lstm, *at, *size),
}

# %%
whole = past(*at, *size)
around = np.zeros(size, bool)
around[at[0] - 8 :, at[1] - 8 : at[1] + 9] = True
no_hole = bool(np.all(seen_by["gated"][around & whole]))
lesson.check("gated: depends on all of the past that is near", no_hole)
lesson.check("gated: depends on nothing else", not np.any(seen_by["gated"] & ~whole))

# %% [markdown]
# ## 5. PixelRNN: an LSTM along the diagonals
#
# However many layers it has, a PixelCNN has a bounded context box. The first idea of van den Oord
# et al. (2016a) was an unbounded context field: an LSTM runs over the image, and its state depends
# on everything that came before.
#
# The *row LSTM* runs from row to row. The state of a pixel follows from three states of the row
# above, so it depends on a triangle: one more column on each side with every row up.
#
# The *diagonal LSTM* computes the state of a pixel from two states, of the pixel to its left and of
# the pixel above. These follow from their own left and upper neighbors. So the state depends on all
# that is above *and* to the left. The states cannot be computed all at once, since each waits for
# two others. But pixels of one diagonal do not depend on each other.

# %%
lesson.predict(
    "Compute one diagonal at a time. How many steps does the LSTM need for 28×28 pixels?",
    ["28", "55", "56", "392"],
)

# %%
lesson.exercise("flow/09/skew")
lesson.exercise("flow/09/unskew")

# %% [markdown]
# The **skewing operation** (figure flow.f07) makes columns of diagonals: move row $i$ of the image
# $i$ places to the right. Pixel $(i, j)$ comes to column $i + j$, and its left and upper neighbors,
# $(i, j - 1)$ and $(i - 1, j)$, both come to column $i + j - 1$.

# %%
diagonal = np.arange(5)[:, None] + np.arange(5) + 1.0  # the number of the diagonal, from 1
skewed = skew(diagonal.reshape(1, 5, 5, 1))
columns = skew(np.ones((1, 28, 28, 1))).shape[2]
lesson.check("unskew undoes skew", np.array_equal(unskew(skewed)[0, :, :, 0], diagonal))
lesson.check("columns of 28×28 pixels, skewed", columns, equals=55)
lesson.outcome("28 + 28 − 1: the last row begins at column 27.", answer=str(columns))
lesson.show_source(skew, unskew)


# %%
def arrows(ax, to, *starts):
    """From the places (column, row) of the earlier states to that of the state that follows."""
    for start in starts:
        style = {"arrowstyle": "->", "color": plot.color.fake, "lw": 2, "shrinkA": 9, "shrinkB": 9}
        ax.annotate("", to, start, arrowprops=style)


# %%
fig, (left, right) = plot.figure(1, 2, size=(4.2, 3.0))
plot.matrix(diagonal, left, numbers=True, title="the step that computes each pixel")
plot.matrix(skewed[0, :, :, 0], right, numbers=True, title="skewed: one column, one step")
arrows(left, (2, 2), (1, 2), (2, 1))
arrows(right, (4, 2), (3, 2), (3, 1))
lesson.figure(
    fig,
    "f07_skew",
    "Arrows: the two states from which the state of the middle pixel follows. On the right both"
    " stand in the column before it. 0: no pixel.",
)

# %% [markdown]
# By hand, with a state that is a plain sum: 1 for the pixel itself, plus the two earlier states. On
# 3×3 pixels this takes five steps instead of nine:


# %%
def count(pixels):
    """state = pixel + state to the left + state above, one skewed column at a time."""
    columns = skew(pixels.reshape(1, *pixels.shape, 1))[0, :, :, 0].T
    state = np.zeros(len(pixels))
    states = []
    for column in columns:
        above = np.concatenate([[0.0], state[:-1]])
        state = column + state + above
        states.append(state)
    return unskew(np.array(states).T[None, :, :, None])[0, :, :, 0]


# %%
counted = count(np.ones((3, 3)))
lesson.table(counted.tolist(), ["column 1", "column 2", "column 3"], "sums along the diagonals")
lesson.check("the middle one: 1 + 2 + 2", counted[1, 1], equals=5.0)
lesson.check("the last one: 1 + 9 + 9", counted[2, 2], equals=19.0)

# %%
lesson.change(
    "only the state to the left",
    "Leave the state above out: change the line to `state = column + state` and run again. Which "
    "numbers come out?",
    answer="1, 2 and 3 in every row, so the middle pixel has 2 and the last one 3. Each state "
    "depends only on what is to the left of it in its own row.",
)

# %% [markdown]
# Now replace the sum by an LSTM. It has a *cell state* $\mathbf c$ beside its state $\mathbf h$,
# and in each step four vectors decide what happens to them. The forget gate $\mathbf f$ sets how
# much of $\mathbf c$ is kept, the input gate $\mathbf i$ how much of the content $\mathbf g$ is
# added, and the output gate $\mathbf o$ how much of the new cell state becomes $\mathbf h$. Gates
# lie between 0 and 1; the content lies between −1 and 1.

# %%
lesson.exercise("flow/09/lstm_step")

# %%
h, c = lstm_step(np.array([[0.0, 0.0, 0.0, 0.7]]), np.array([[1.0]]))
lesson.check(
    "gates half open, content tanh 0.7: c = ½ · 1 + ½ · 0.6044", c, equals=[[0.8022]], atol=1e-4
)
lesson.check("h = ½ · tanh 0.8022", h, equals=[[0.3326]], atol=1e-4)
lesson.show_source(lstm_step)

# %% [markdown]
# The post writes a step, for column $i$ of the skewed image, as (Eq. flow.19)
#
# $$
# [\mathbf o_i, \mathbf f_i, \mathbf i_i, \mathbf g_i]
#   = \sigma(\mathbf K^{ss} \circledast \mathbf h_{i-1} + \mathbf K^{is} \circledast \mathbf x_i),
# \quad \mathbf c_i = \mathbf f_i \odot \mathbf c_{i-1} + \mathbf i_i \odot \mathbf g_i, \quad
# \mathbf h_i = \mathbf o_i \odot \tanh(\mathbf c_i),
# $$
#
# where $\circledast$ is a convolution, $\odot$ the elementwise product, and $\sigma$ a sigmoid for
# the three gates and a tanh for $\mathbf g$. (The order of the four is a convention; ours is i, f,
# o, g.)
#
# - $\mathbf K^{is}$, from input to state, is a $1 \times 1$ convolution: the same matrix at each
#   pixel. It does not depend on earlier states, so it is computed for the whole image at once.
# - $\mathbf K^{ss}$, from state to state, is a $2 \times 1$ convolution along the column $i - 1$:
#   one matrix for the state in the same row, the left neighbor, and one for the state in the row
#   above, the upper neighbor.

# %%
layer = DiagonalBiLSTM(lesson.rng("layer"), 4)
lstm = layer.from_left  # 4 channels in, 4 channels of state
lesson.check("K^is: channels, gates", lstm.input_to_state.w.shape, equals=(4, 16))
lesson.check("K^ss: two places of 4 channels, gates", lstm.state_to_state.shape, equals=(8, 16))


def pixel_by_pixel(x):
    """The states of the same LSTM without skewing, in reading order; x (H, W, 4)."""
    h, c = np.zeros((2, len(x) + 1, x.shape[1] + 1, 4))  # a border of zeros above and on the left
    for i, j in np.ndindex(x.shape[:2]):
        left_and_above = np.concatenate([h[i + 1, j], h[i, j + 1]])
        gates = lstm.input_to_state(x[i, j][None]) + left_and_above @ lstm.state_to_state
        new_h, new_c = lstm_step(gates, c[i + 1, j][None])
        h[i + 1, j + 1], c[i + 1, j + 1] = new_h[0], new_c[0]
    return h[1:, 1:]


# %%
some = lesson.rng("some pixels").standard_normal((5, 7, 4))
gap = np.abs(pixel_by_pixel(some) - lstm(some[None])[0]).max()
lesson.check("35 steps of one pixel against 11 steps of one column", gap, equals=0.0, atol=1e-5)

# %% [markdown]
# <details><summary>Derivation: what the cell state does for the gradient</summary>
#
# Why a cell state, and not $\mathbf h_i = \tanh(\ldots)$ alone? Take one unit, and its gates as
# given numbers. Then $c_i = f_i c_{i-1} + i_i g_i$ is linear in $c_{i-1}$, and over $k$ steps
#
# $$\frac{\partial c_{i}}{\partial c_{i-k}} = f_i\, f_{i-1} \cdots f_{i-k+1} .$$
#
# With $f = 0.99$ a fraction $0.99^{50} = 0.61$ of the gradient is left after 50 steps. For a state
# $h_i = \tanh(w h_{i-1} + \ldots)$ the same derivative is a product of factors $w\,(1 - h^2)$, in
# which $w$ is fixed for all steps: with $w (1 - h^2) = 0.8$ it is $0.8^{50} = 10^{-5}$, and with
# 1.2 it is $10^4$. $\square$
#
# </details>


# %%
def cell_after_50_steps(c):
    """From c, with i = o = 1/2, g = 0 and a forget gate of 0.99 in each step."""
    gates = np.array([[0.0, np.log(0.99 / 0.01), 0.0, 0.0]])
    for _ in range(50):
        h, c = lstm_step(gates, c)
    return c


slope = grad(lambda c: np.sum(cell_after_50_steps(c)))(np.array([[0.3]]))
lesson.check("derivative of the cell state, 50 steps: 0.99^50", slope, equals=[[0.99**50]])

# %% [markdown]
# ## 6. What about the pixels above, to the right?
#
# An LSTM that starts in the upper left corner does not depend on anything to its right. So a second
# one starts in the upper *right* corner and runs in the opposite direction: its state at a pixel
# depends on all that is above and to the right. The two together are the **diagonal BiLSTM**.

# %%
lesson.predict(
    "We add the states of the two LSTMs at each pixel. The sum depends on",
    ["the past, all of it", "the past, but for the row above", "pixels of the future too"],
)


# %%
def simply_added(x):
    """Both states at the same pixel; x (N, H, W, 4)."""
    return layer.from_left(x) + layer.from_right(x[:, :, ::-1])[:, :, ::-1]


def in_four_channels(f):
    """f as a model of images of one channel."""
    return lambda x: f(np.concatenate(4 * [x], axis=3))


# %%
added = field(in_four_channels(simply_added), *at, *size)
order = np.arange(size[0] * size[1]).reshape(size)
leaks = int((added & (order > order[at])).sum())
lesson.outcome(
    f"It depends on {leaks} pixels of the future: those to the right in its own row.",
    answer="pixels of the future too" if leaks else "the past, all of it",
)
lesson.check("pixels to the right of column 11 of 21", leaks, equals=10)

# %% [markdown]
# Van den Oord et al. move the states from the right **down by one row** before they are added.
# What comes from the right at row $i$ is then a state of row $i - 1$. The input must be masked,
# too: mask A for the LSTM from the left, whose state at a pixel must not depend on this pixel, and
# mask B for the other one, whose pixel is in the row above.
#
# <details><summary>Derivation: together the two states depend on exactly the past</summary>
#
# Let $L(i, j)$ be the set of pixels on which the state from the left depends, if the input at a
# pixel is the pixel itself. It holds $(i, j)$, and what the left and upper neighbors depend on:
# $L(i, j) = \{(i, j)\} \cup L(i, j - 1) \cup L(i - 1, j)$. By induction over the diagonals
#
# $$L(i, j) = \{(k, l) : k \le i,\; l \le j\}, \qquad R(i, j) = \{(k, l) : k \le i,\; l \ge j\},$$
#
# the second by the mirror image. Moved down by one row, the right state at $(i, j)$ is $R(i - 1,
# j)$. The union is
#
# $$L(i, j) \cup R(i - 1, j) = \{k \le i - 1\} \cup \{k = i,\; l \le j\},$$
#
# all rows above, and the row of the pixel up to the pixel itself. Mask A removes the pixel itself.
# Without the move the union holds $(i, l)$ with $l > j$, which is the future. $\square$
#
# </details>

# %%
lesson.show_source(DiagonalBiLSTM)
diagonal_lstm = PixelRNN(lesson.rng("diagonal"), "diagonal", width=8)
seen_by["diagonal BiLSTM"] = field(diagonal_lstm, *at, *size)
all_past = np.array_equal(seen_by["diagonal BiLSTM"], whole)
lesson.check("diagonal BiLSTM, one layer: depends on exactly the past", all_past)

# %%
triangle = np.zeros(size, bool)
for up in range(at[0] + 1):
    for side in range(-up, up + 1):
        for k, m in steps_of(pixel_mask(7, "A")):
            i, j = at[0] - up + k, at[1] + side + m
            if 0 <= i and 0 <= j < size[1]:
                triangle[i, j] = True
lesson.check("row LSTM: depends on a triangle", np.array_equal(seen_by["row LSTM"], triangle))
lesson.check("row LSTM: pixels of the past outside of it", (whole & ~triangle).sum(), at_least=1)

# %%
fig, axes = plot.figure(2, 2, size=(4.4, 3.0))
for ax, (name, each) in zip(axes.ravel(), seen_by.items()):
    draw_field(each, *at, ax, f"{name}: {each.sum()} of {whole.sum()}")
lesson.figure(
    fig,
    "fields",
    "Green: pixels with a gradient. Orange: pixels of the past without one. Upper left: seven"
    " layers, with the blind spot to the right. Upper right: seven layers, a rectangle. Below, with"
    " one layer each: a triangle, and all of the past.",
)

# %% [markdown]
# ## 7. The likelihood of digits
#
# The data are binary digits: each pixel is drawn anew every time, and is 1 with a probability of
# its gray value (*stochastically binarized* MNIST; Salakhutdinov and Murray 2008). We measure nats
# per image. A fair coin for each pixel costs $784 \log 2 = 543$. The next cell computes the cost of
# a coin of its own for each pixel, which is 1 as often as this pixel is on average, and the entropy
# of the bits given the gray image, which no model can predict.

# %%
splits = mnist.splits()
digits = splits.train.images  # (50000, 28, 28), bytes: a batch becomes bits when it is drawn


def bits_of(images, rng):
    return mnist.binarize(images, rng)[..., None]  # (N, 28, 28, 1)


test_gray = splits.test.images[: lesson.size(10_000, quick=20)]
test = bits_of(test_gray, lesson.rng("test"))

# %%
ink = np.clip(digits.mean(axis=0) / 255, 1e-4, 1 - 1e-4)[..., None]  # (28, 28, 1)
independent = -(test * np.log(ink) + (1 - test) * np.log(1 - ink)).sum(axis=(1, 2, 3)).mean()
gray = np.clip(test_gray / 255, 1e-9, 1 - 1e-9)
coin_entropy = -(gray * np.log(gray) + (1 - gray) * np.log(1 - gray)).sum(axis=(1, 2)).mean()

# %% [markdown]
# The networks:
#
# - **PixelCNN**, gated, of three layers. The first reads a window of 20 rows and 27 columns above
#   the pixel, nearly all of the image, and 14 pixels to the left; the others have 3×3 kernels. (The
#   image has a single channel, so a large first kernel costs less than a further layer.) Each place
#   of the image gets a bias of its own in the first layer (`position_bias`), because digits stand
#   in the middle.
# - **PixelRNN**, once with the diagonal BiLSTM and once with the row LSTM, one layer each. It
#   follows a masked convolution of 15×15, and also has a bias for each place.
#
# All are trained on the likelihood itself, with a moving average of the weights. As in `flow/08`
# the *inputs* are bits, and the target of each pixel is its gray value: this loss is the mean of
# $-\log p$ over the bits that each pixel could have been.

# %%
cfg = lesson.configure(
    width=32, layers=3, window=(20, 27), batch=20, steps=2800, lr=1.2e-2, ema=0.998
)
rnn_cfg = lesson.configure(
    rnn_kernel=15,
    rnn_batch=32,
    rnn_steps=1200,
    rnn_width={"diagonal": 16, "row": 20},
    rnn_lr={"diagonal": 5e-3, "row": 8e-3},
)

# %%
image_size = (28, 28)


def nats(model, x):
    """Minus log p(x), the mean over images."""
    return -np.mean(model.log_prob(x))


def expected_nats(model, x, gray):
    """The loss: the mean of `nats` over the bits that each pixel might have been."""
    return np.sum(bce_with_logits(model(x), gray)) / len(x)


# %%
def train(label, model, steps, batch, lr):
    """The moving average of a model, trained on fresh bits of the training digits."""
    rng = lesson.rng(label)
    batches = mnist.batches(digits, size=lesson.size(batch, quick=4), rng=rng)

    def draw(rng):
        images = next(batches)[0]
        return bits_of(images, rng), mnist.unit(images)

    rate = cosine(lr, steps, warmup=min(100, steps))
    step = descend(expected_nats, model, draw, lr=rate, ema=cfg.ema, rng=rng, parallel=True)
    lesson.fit(step, steps, state={**step.state, "batches": batches}, label=label)
    return step.averaged


# %%
lesson.predict(
    "How many nats does the PixelCNN need for a test digit?",
    ["about 200", "about 150", "about 115", "fewer than 90"],
)

# %%
width = lesson.size(cfg.width, quick=4)
cnn = PixelCNN(
    lesson.rng("PixelCNN"), width, cfg.layers, window=cfg.window, position_bias=image_size
)
untrained = nats(cnn, test[:100])
cnn = train("PixelCNN", cnn, lesson.steps(cfg.steps, quick=2), cfg.batch, cfg.lr)
lesson.sampler("pixelcnn", cnn.sample)


# %%
def nats_each(model):
    return -batched(model.log_prob, test, size=100, threads=True)  # (N,)


of_cnn = nats_each(cnn)
error = of_cnn.std() / len(test) ** 0.5
levels = {"about 200": 175, "about 150": 130, "about 115": 100}
answer = [name for name, least in levels.items() if of_cnn.mean() >= least]
lesson.outcome(
    f"{of_cnn.mean():.1f}. Of these, {coin_entropy:.1f} nats are the entropy of the bits given the"
    f" gray image, {100 * coin_entropy / of_cnn.mean():.0f} % of the cost. The rest is the cost of"
    " the gray image and of what the network has not learned.",
    answer=answer[0] if answer else "fewer than 90" if of_cnn.mean() < 90 else None,
)

# %%
lesson.claim(
    "PixelCNN: test digits",
    of_cnn.mean(),
    at_most=84.1,
    unit="nats",
    source="seed 0: 83.46, plus 0.6",
)

# %% [markdown]
# Now the PixelRNNs. The row LSTM needs 28 steps for an image, not 55, and is one LSTM instead of
# two, so it may be wider: 20 channels instead of 16 make about as many parameters. But its state
# depends on a triangle, and that of the diagonal BiLSTM on all of the past.

# %%
lesson.predict(
    "With about as many parameters and as many training steps, which PixelRNN needs fewer nats?",
    ["the row LSTM", "the diagonal BiLSTM", "they are within half a nat"],
)

# %%
rnns = {}
for kind in ("diagonal", "row"):
    rng = lesson.rng(f"PixelRNN, {kind}")
    width = lesson.size(rnn_cfg.rnn_width[kind], quick=2)
    rnn = PixelRNN(rng, kind, width, kernel=rnn_cfg.rnn_kernel, position_bias=image_size)
    steps, lr = lesson.steps(rnn_cfg.rnn_steps, quick=1), rnn_cfg.rnn_lr[kind]
    rnns[kind] = train(f"PixelRNN, {kind}", rnn, steps, rnn_cfg.rnn_batch, lr)


# %%
def parameters(model):
    return sum(a.size for a in model.parameters().values())


of_rnn = {kind: nats_each(rnn).mean() for kind, rnn in rnns.items()}
rows = [
    ["a fair coin for each pixel", None, 784 * np.log(2)],
    ["a coin of its own for each pixel", 784, independent],
    ["PixelCNN, untrained", parameters(cnn), untrained],
    ["PixelRNN, row LSTM", parameters(rnns["row"]), of_rnn["row"]],
    ["PixelRNN, diagonal BiLSTM", parameters(rnns["diagonal"]), of_rnn["diagonal"]],
    ["PixelCNN", parameters(cnn), of_cnn.mean()],
    ["the bits, given the gray image", None, coin_entropy],
]
lesson.table(rows, ["test digits", "parameters", "nats"], f"standard error {error:.2f}")

# %%
row_more = of_rnn["row"] - of_rnn["diagonal"]
better = "the diagonal BiLSTM" if row_more > 0 else "the row LSTM"
lesson.outcome(
    f"{of_rnn['diagonal']:.1f} along the diagonals, {of_rnn['row']:.1f} from row to row.",
    answer="they are within half a nat" if abs(row_more) < 0.5 else better,
)
for kind, value in of_rnn.items():
    name = f"PixelRNN, {kind}: test digits"
    lesson.claim(
        name,
        value,
        at_most=92.0,
        unit="nats",
        source="seed 0: 89.66 and 90.84; the worse, plus 1.2",
    )

# %% [markdown]
# Which pixels cost most? The logits show it, pixel by pixel. Here is one digit:

# %%
one = test[3:4]
with_nats = bce_with_logits(cnn(one), one)[0]  # (28, 28, 1)
predicted = 1 / (1 + np.exp(-cnn(one)[0]))
panels = np.stack([one[0], predicted, np.minimum(with_nats / 2, 1)])
names = ["digit", "p(1 | past)", "cost"]
lesson.figure(
    plot.image_grid(panels, 1, 3, labels=names),
    "cost",
    "Middle: the prediction of each pixel, given the true pixels before it. Right: the cost of each"
    " pixel, white from 2 nats up. Compare the upper edges of strokes, where ink begins, with their"
    " lower parts.",
)

# %% [markdown]
# ## 8. Sampling
#
# In training all 784 logits come from one pass, because all pixels are given. In sampling each
# pixel waits for the one before it.
#
# But not everything changes from pixel to pixel. The vertical stack is computed once for each row,
# when the row begins, from the last rows of each of its layers, which are kept. Of the horizontal
# stack only the current column is new, and it is computed from the last columns. So each kernel is
# applied once at each pixel, as in one pass.

# %%
start = time.process_time()
hundred = cnn.sample(lesson.rng("hundred"), lesson.size(100, quick=12))
seconds = time.process_time() - start
start = time.process_time()
cnn.log_prob(hundred)
one_pass = time.process_time() - start
lesson.table(
    [
        ["log p: one pass", 1, one_pass],
        ["a sample, by 784 passes", 784, 784 * one_pass],
        ["a sample, with all that can be kept", 1, seconds],
    ],
    [f"{len(hundred)} digits", "uses of a kernel at each pixel", "processor seconds"],
)

# %% [markdown]
# How good are the samples? The pretrained classifier of `gan/08` is independent of the PixelCNN.
# The Fréchet distance compares its features of 5,000 samples with those of the test digits. We
# compare real digits, and a Gaussian for each class (`gan/13`), in the same way. All images are
# binary, because the test digits are.

# %%
classifier = lesson.pretrained("digit_classifier")
n = lesson.size(5000, quick=12)
rng = lesson.rng("judge")
seen_digits = slice(0, lesson.size(50_000, quick=2000))
gaussians, _ = class_gaussian_digits(
    mnist.unit(digits[seen_digits]), splits.train.labels[seen_digits], rng, n
)
more = [cnn.sample(rng, 490) for _ in range(len(hundred), n, 490)]

# %%
sets = {
    "real digits": bits_of(splits.validation.images[:n], rng),
    "class Gaussians": mnist.binarize(gaussians, rng),
    "PixelCNN": np.concatenate([hundred, *more]),
}
judged = {name: judge_digits(classifier, images, test) for name, images in sets.items()}

# %%
header = ["", "Fréchet", "inception", "precision", "recall", "rarest digit"]
rows = []
for name, j in judged.items():
    rows.append([name, j.frechet, j.inception, j.precision, j.recall, j.shares.min()])
lesson.table(rows, header, f"{n} images of each, by the classifier")

# %%
frechet = judged["PixelCNN"].frechet
ratio = frechet / judged["class Gaussians"].frechet
lesson.claim("PixelCNN: Fréchet distance", frechet, at_most=43, source="seed 0: 35.9, plus 20 %")
name = "PixelCNN: Fréchet distance over that of the class Gaussians"
lesson.claim(name, ratio, at_most=0.24, source="seed 0: 0.18, plus a third")
present = int((judged["PixelCNN"].shares >= 0.03).sum())
name = "PixelCNN: digits with at least 3 % of the samples"
lesson.claim(name, present, at_least=9, source="seed 0: 10; one may be rarer")

# %%
columns = lesson.size(12, quick=4)
shown = [sets["real digits"][:columns], sets["class Gaussians"][:columns], hundred[: 5 * columns]]
grid = np.concatenate(shown)
names = ["real", "Gaussians", "PixelCNN"] + [""] * (len(grid) // columns - 3)
lesson.figure(
    plot.image_grid(grid, cols=columns, row_labels=names),
    "samples",
    "The first images of each set, not selected. In the rows of the PixelCNN, count the images that"
    " you would read as a digit without a doubt.",
)

# %% [markdown]
# ## 9. Half a digit
#
# Keep the upper half of a digit, and sample the pixels after it. The result is an exact sample of
# $p(\text{lower half} | \text{upper half})$, without further training (`given`, `known`). What if
# the *lower* half is kept?

# %%
lesson.predict(
    "Keep the lower half of a digit, and sample the upper half by the same function. For the model"
    " the whole image is then, compared with a real digit,",
    [
        "as probable",
        "less probable, by 1 to 10 nats",
        "less probable, by more than 10 nats",
    ],
)

# %%
n = lesson.size(300, quick=3)
rng = lesson.rng("halves")
upper = np.arange(28)[:, None, None] < 14  # (28, 1, 1)
halves = test[:n]
from_above = cnn.sample(rng, n, given=halves, known=upper)
from_below = cnn.sample(rng, n, given=halves, known=~upper)
lesson.check("known pixels stay", bool(np.all(from_above[:, :14] == halves[:, :14])))

# %%
kept = {"nothing sampled": halves, "upper half kept": from_above, "lower half kept": from_below}
cost = {name: nats(cnn, images) for name, images in kept.items()}
labels = splits.test.labels[:n]
rows = []
for name, images in kept.items():
    rows.append([name, cost[name], label_accuracy(classifier, images, labels)])
lesson.table(rows, ["", "nats", "share classified as the same digit"], f"{n} test digits")
more = cost["lower half kept"] - cost["nothing sampled"]

# %%
choices = lesson.predictions[-1].choices
lesson.outcome(
    f"{more:.1f} nats more than real digits. With the upper half kept the difference is"
    f" {cost['upper half kept'] - cost['nothing sampled']:+.1f}. The upper half was sampled from"
    " conditionals that do not depend on the lower one.",
    answer=choices[0] if more < 1 else choices[1] if more < 10 else choices[2],
)

# %%
more = cost["lower half kept"] - cost["upper half kept"]
name = "nats: lower half kept minus upper half kept"
lesson.claim(name, more, at_least=17, unit="nats", source="seed 0: 28.8, less 40 %")
value = cost["upper half kept"]
lesson.claim(
    "upper half kept: nats of the whole",
    value,
    at_most=86,
    unit="nats",
    source="seed 0: 82.2, plus 4 %",
)

# %%
columns = lesson.size(10, quick=3)
panels = [halves[:columns], np.where(upper, halves[:columns], 0.5)]
again = np.concatenate(3 * [halves[:columns]])
panels.append(cnn.sample(rng, 3 * columns, given=again, known=upper))
panels += [np.where(upper, 0.5, halves[:columns]), from_below[:columns]]
names = ["digit", "upper half", "samples", "", "", "lower half", "a sample"]
lesson.figure(
    plot.image_grid(np.concatenate(panels), 7, columns, row_labels=names),
    "halves",
    "Rows 3 to 5: three samples for the same upper half. Compare the columns in which they agree"
    " with those in which they are different digits. Last row: an upper half that was sampled"
    " without regard to the lower one.",
)

# %% [markdown]
# ## 10. Does the order of the pixels matter?
#
# Reading order is a choice. The post: “The definition of such context looks pretty arbitrary”, and
# “Somehow magically a generative model with such a strong assumption works.” The chain rule holds
# in every order, so an ideal model has the same likelihood in all of them. What about a trained
# network? A convolution is tied to reading order; MADE (`flow/08`) takes any. We train the same
# small MADE in four orders. (The degrees of its 200 hidden units are drawn from all places. By
# default they would be 1 to 200, and in reading order no hidden unit would depend on the lower
# rows.) The figure shows the place of each pixel, early ones dark.

# %%
i, j = np.indices((28, 28))
coarse = np.where((i % 4 == 0) & (j % 4 == 0), 0, np.where((i % 2 == 0) & (j % 2 == 0), 1, 2))
orders = {
    "by rows": np.arange(784),
    "by columns": np.arange(784).reshape(28, 28).T.ravel(),
    "coarse to fine": np.argsort(np.argsort(coarse.ravel(), kind="stable")),
    "random": lesson.rng("order").permutation(784),
}

# %%
fig, axes = plot.figure(1, 4, size=(2.2, 2.4))
for ax, (name, order) in zip(axes, orders.items()):
    plot.image_grid(order.reshape(1, 28, 28) / 783, ax=ax, title=name)
lesson.figure(
    fig,
    "orders",
    "Four orders. The third takes every fourth row and column first, then every second, then the"
    " rest.",
)

# %%
lesson.predict(
    "The same network and the same training in four orders. Which needs the fewest nats?",
    ["by rows or by columns", "coarse to fine or random", "all four are within one nat"],
)

# %%
order_cfg = lesson.configure(order_hidden=200, order_steps=800, order_lr=5e-3)
logits_of_ink = np.log(ink / (1 - ink)).astype(np.float32).ravel()


def flat_batch(rng):
    gray = digits[rng.integers(len(digits), size=100)].reshape(100, 784)
    return mnist.binarize(gray, rng), gray.astype(np.float32) / 255


def small_made(order):
    model = MADE(lesson.rng("small"), 784, [order_cfg.order_hidden], order=order, direct=True)
    masks = made_masks(784, [order_cfg.order_hidden], order=order, rng=lesson.rng("degrees"))
    for layer, mask in zip(model.layers, masks):
        layer.mask[...] = mask
    model.layers[-1].b[...] = logits_of_ink
    return model


# %%
of_order = {}
for name, order in orders.items():
    steps, rng = lesson.steps(order_cfg.order_steps, quick=2), lesson.rng("order draws")
    lr = cosine(order_cfg.order_lr, steps, warmup=min(100, steps))
    step = descend(expected_nats, small_made(order), flat_batch, lr=lr, ema=0.99, rng=rng)
    lesson.fit(step, steps, state=step.state, label=f"MADE, {name}")
    flat = test.reshape(len(test), 784)
    of_order[name] = -batched(step.averaged.log_prob, flat, size=1000).mean()
lesson.table(of_order.items(), ["order of the pixels", "nats per test digit"])

# %%
lines = min(of_order["by rows"], of_order["by columns"])
best = min(of_order, key=of_order.get)
apart = max(of_order.values()) - min(of_order.values())
lines_first = best in ("by rows", "by columns")
best = "by rows or by columns" if lines_first else "coarse to fine or random"
lesson.outcome(
    f"The best and the worst differ by {apart:.1f} nats. The distribution is the same in all four"
    " orders, but its conditionals are not equally hard to learn for this network.",
    answer="all four are within one nat" if apart < 1 else best,
)

# %%
rest = max(of_order["coarse to fine"], of_order["random"])
name = "MADE: the better of rows and columns minus the worse of the others"
lesson.claim(name, lines - rest, at_least=1, unit="nats", source="seed 0: 2.18; less than half")
lesson.claim(
    "MADE, random order: test digits",
    of_order["random"],
    at_most=99,
    unit="nats",
    source="seed 0: 97.15, plus 2 %",
)

# %% [markdown]
# A likely reason: in reading order a pixel is always predicted from neighbors above and to the left
# of it. In the other two orders the first pixels are predicted from few others, and cost more, but
# most pixels come late and have neighbors on all sides. How large the difference is depends on the
# network and on the training.

# %% [markdown]
# ## 11. Where the post is loose
#
# - “with such a strong assumption”: the order is not an assumption about images, since the chain
#   rule holds in every order. What depends on the order is how well a network learns the
#   conditionals (section 10), and what can be given when sampling (section 9).
# - “Then the LSTM states are computed with respect to the current pixel and the pixels on the
#   left.” The $2 \times 1$ kernel of the formula also reads the state *above*; without it the
#   context would be a single row. The post does not say that the states from the right are
#   moved down by one row; without this they depend on the future (section 6).
# - “$\mathbf{K}^{is} \circledast \mathbf{x}_i$”: $x_i$ is a pixel in the text and $\mathbf x_i$ a
#   column of the skewed image in the formula. The pixel to be predicted is part of this column, so
#   the input has to be masked; the post mentions masks only for the PixelCNN.
# - “The convolution kernel is masked so that the future context is not seen”: in the first layer
#   the present pixel must not be seen either (masks A and B, section 2). And such a mask also hides
#   a part of the past, the blind spot (section 3).
#
# **Our deviations:** networks of one to three layers with a wide first kernel and a bias for each
# place; in the PixelRNN a masked 15×15 convolution before $\mathbf K^{is}$; binary pixels.
#
# **Left out:** color (van den Oord et al. predict red, then green given red, then blue, each by a
# softmax over 256 values); class labels as conditions; attention over the past; deep stacks of
# LSTMs. **Next:** sound has one dimension and needs a far longer context. WaveNet (`flow/10`)
# doubles the distance between the inputs of a kernel from layer to layer.
#
# **Your turn:** `minigen exercise start flow/09`, then `minigen run flow/09 --with
# exercises/flow_09.py`.

# %%
lesson.finish()
