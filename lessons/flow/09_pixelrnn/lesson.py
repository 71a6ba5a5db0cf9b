# %% [markdown]
# # PixelRNN: a picture, one pixel after the other
#
# The section *PixelRNN* (flow.s12) of
# [Flow-based Deep Generative Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/),
# run. To take away:
#
# 1. If each pixel is predicted from those before it, the product of the predictions is an exact
#    $p(x)$. All the art is in *how* a network looks at the pixels before.
# 2. Masked convolutions (PixelCNN) look at all places at once, and can have a blind spot; an LSTM
#    along the diagonals (PixelRNN) sees everything, in as many steps as there are diagonals.
#    Gradients show what a network sees.
# 3. The price is paid when sampling: one pixel after the other, and only in the order that was
#    chosen.
#
# MADE (`flow/08`) did the same with a picture as a list of 784 numbers. Here the network knows that
# a picture has two dimensions.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/09_pixelrnn",
    title="PixelRNN: a picture, one pixel after the other",
    post="flow",
    sections=["flow.s12"],
    figures=["flow.f06", "flow.f07", "flow.f08"],
    equations=["flow.19"],
    pretrained=["digit_classifier"],
    minutes=9.0,
    sources=[
        "weng2018flow",
        "salakhutdinov2008dbn",
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
from minigen.flow.pixel import DiagonalBiLSTM, PixelCNN, PixelRNN, pixel_mask, skew, unskew
from minigen.metrics.digits import class_gaussian_digits, judge_digits, label_accuracy
from minigen.nn.recurrent import lstm_step
from minigen.optim import cosine
from minigen.tensor import batched, bce_with_logits, conv2d, grad
from minigen.train import descend

# %% [markdown]
# ## 1. A picture as a sentence
#
# Read a picture as you read this page: row by row, from left to right. Then every pixel has a past,
# and the chain rule (Eq. flow.16) gives the picture a probability,
#
# $$p(x) = p(x_1)\, p(x_2 | x_1)\, p(x_3 | x_1, x_2) \cdots .$$
#
# By hand, two by two pixels, ink (1) or paper (0). The first is ink with probability 0.5. After
# that a pixel is like the one before it with probability 0.8. So the picture 1 1 / 0 0 has $0.5
# \cdot 0.8 \cdot 0.2 \cdot 0.8 = 0.064$; and whatever rule stands behind the four numbers, the 16
# pictures have probability 1 in all, for at each pixel "ink" and "paper" add up to 1.


# %%
def chain(bits):
    """The probability of four pixels by this rule."""
    alike = np.diff(bits) == 0
    return 0.5 * np.prod(np.where(alike, 0.8, 0.2))


all_bits = list(itertools.product([0, 1], repeat=4))
lesson.check("1 1 / 0 0", chain([1, 1, 0, 0]), equals=0.064)
lesson.check("all 16 pictures", sum(chain(bits) for bits in all_bits), equals=1.0)

# %%
lesson.predict(
    "In a picture of 28×28: how many pixels may the one in row 3, column 4 (counted from 1) depend"
    " on?",
    ["3", "12", "59", "783"],
)

# %%
number = np.arange(28 * 28).reshape(28, 28)
before = int((number < number[2, 3]).sum())
lesson.check("pixels before row 3, column 4", before, equals=59)
lesson.outcome("Two whole rows, and three pixels of its own: 2 · 28 + 3.", answer=str(before))

# %% [markdown]
# One picture for this, which we shall need often: the pixel in question is black, its past is
# green where it is seen and orange where it is not, its future is gray.

# %%
INK = ["faint", "accent", "model", "ink"]  # future, past but not seen, seen, the pixel itself


def rgb(name):
    """The color of this name as three numbers in [0, 1]."""
    code = getattr(plot.color, name)
    return [int(code[k : k + 2], 16) / 255 for k in (1, 3, 5)]


def painted(seen, i, j):
    """A picture (H, W, 3) of what pixel (i, j) sees, a boolean array (H, W)."""
    order = np.arange(seen.size).reshape(seen.shape)
    meaning = np.where(order < order[i, j], 1, 0) + np.where(seen, 1, 0)
    meaning[i, j] = 3
    return np.array([rgb(name) for name in INK])[meaning]


# %%
def draw_field(seen, i, j, ax, title):
    """What pixel (i, j) sees, every pixel of the picture as a square with a white edge."""
    squares = np.kron(painted(seen, i, j), np.ones((12, 12, 1)))
    squares[11::12] = 1
    squares[:, 11::12] = 1
    plot.image_grid(squares[None], ax=ax, title=title)


# %%
fig, ax = plot.figure(size=(2.6, 2.8))
seven = np.arange(49).reshape(7, 7)
draw_field(seven < seven[3, 3], 3, 3, ax, "the past of a pixel")
lesson.figure(
    fig,
    "f06_context",
    "All rows above, and what is left of it in its own row. An ideal network lets all of the green"
    " speak to the black pixel, and nothing of the gray.",
)

# %% [markdown]
# ## 2. Masks
#
# A convolution looks at all places of a picture at once. So that it cannot see the future, its
# kernel is multiplied by a mask of zeros and ones (figure flow.f08). There are two kinds. In the
# first layer, which reads the pixels, the middle of the kernel must be zero too: there stands the
# pixel that is to be predicted (mask A). In all layers behind it, the middle is a *summary of the
# past* and may be used (mask B).

# %%
lesson.exercise("flow/09/pixel_mask")

# %% [markdown]
# Suppose that somebody takes mask B in the first layer. One weight is enough for a network that is
# always right: the middle one, 20, with the bias −10. Then a pixel of 1 has the logit 10, a pixel
# of 0 the logit −10.

# %%
lesson.predict(
    "What do the 'probabilities' of all 16 pictures of 2×2 pixels then add up to?",
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
pictures = np.array(all_bits, float).reshape(16, 2, 2, 1)
total = {kind: np.exp(log_prob(kind, pictures)).sum() for kind in "AB"}
lesson.check("mask A: probabilities of all 16", total["A"], equals=1.0)
lesson.outcome(
    f"{total['B']:.3f}: each picture is said to be certain. It is no distribution at all, and its"
    f" loss is nearly 0. With mask A the sum is {total['A']:.3f}.",
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
    "Left and middle differ in one number. Right: the mask of the first layer of a plain PixelCNN.",
)

# %%
shown = PixelCNN(lesson.rng("shown"), width=16, layers=3, gated=False)
boxes = {
    "x": plot.node("picture\n(N, H, W, 1)", "data"),
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
    "A plain PixelCNN of three layers. All of them keep height and width, so the logit of each"
    " pixel comes out at its place.",
)

# %%
lesson.change(
    "the weight to the left",
    "Move the one weight to the left of the middle: change `kernel[1, 1] = 20.0` to `kernel[1, "
    "0] = 20.0` and run again. Is either sum still wrong?",
    answer="No, both are 1.000. The weight reads the pixel before, which both masks allow: each "
    "pixel is predicted from its past, so the probabilities of all pictures add up to 1.",
)

# %% [markdown]
# ## 3. What does a network see?
#
# Ask its gradient. If pixel $(k, l)$ can change the logit of pixel $(i, j)$, then the derivative of
# that logit by $x_{kl}$ is not zero (we try twenty pictures of noise, in case that one of them
# leaves a unit dead).


# %%
def field(model, i, j, height, width):
    """Which pixels (height, width) the logit of pixel (i, j) depends on."""
    x = lesson.rng("field").standard_normal((20, height, width, 1))
    slopes = grad(lambda x: np.sum(model(x)[:, i, j, 0]))(x)
    return np.abs(slopes).max(axis=0)[:, :, 0] > 0


def past(i, j, height, width):
    order = np.arange(height * width).reshape(height, width)
    return order < order[i, j]


# %% [markdown]
# A plain PixelCNN of seven layers: the first 7×7, the others 3×3. Every layer lets a pixel see a
# little further than the one before.

# %%
lesson.predict(
    "Which pixels of the past, not far away, will it not see, however many layers it has?",
    [
        "none: near by it sees all",
        "some above, to the left",
        "some above, to the right",
        "those right above",
    ],
)

# %%
size = (13, 21)
at = (11, 10)
plain = PixelCNN(lesson.rng("plain"), width=8, gated=False)
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
# Why? A 3×3 kernel with mask B leads from a place to the places beside and above it: (row, column)
# steps of $(-1, -1)$, $(-1, 0)$, $(-1, 1)$, $(0, -1)$ and $(0, 0)$. The only way to the right is
# one row up. So what lies to the right of a diagonal can never be reached: the **blind spot**. We
# add up the steps of all layers, without any network, and compare.


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
lesson.check("plain: what the masks add up to, and no more", np.array_equal(seen, by_hand))
lesson.check("plain: pixels of its blind spot", to_the_right > 0)

# %% [markdown]
# ## 4. Two stacks
#
# The repair (van den Oord et al. 2016b) needs no new idea, only tidiness. Rows above are a
# rectangle: a **vertical** stack looks at them with kernels that are not masked at all, but end at
# the row above. The row of the pixel is a line: a **horizontal** stack looks to the left. At every
# layer the vertical one says to the horizontal one what it has seen; the other way round would
# leak. The units of both are gated, $\tanh(\cdot)\,\sigma(\cdot)$: half of the channels say what,
# half how much (`flow/10`).

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
lesson.check("gated: sees all of the past that is near", no_hole)
lesson.check("gated: sees nothing else", not np.any(seen_by["gated"] & ~whole))

# %% [markdown]
# ## 5. A network that carries everything along
#
# However many layers, a convolution ends somewhere. The first idea of the paper was another one:
# let an LSTM walk over the picture and carry along, in its state, what it has seen.
#
# The *row LSTM* walks from row to row. The state of a pixel is made of three states of the row
# above. So it sees a triangle: one more column on each side with every row up.
#
# The *diagonal* one makes the state of a pixel of two: that to its left and that above it. Those
# have neighbors to the left and above, too, so the state has seen all that is above *and* to the
# left. Pixel by pixel that takes 784 steps. But pixels of one diagonal do not need each other.

# %%
lesson.predict(
    "In how many steps can it walk over 28×28 pixels, if a whole diagonal is done at a time?",
    ["28", "55", "56", "392"],
)

# %%
lesson.exercise("flow/09/skew")
lesson.exercise("flow/09/unskew")

# %% [markdown]
# The trick (figure flow.f07): push row $i$ of the picture $i$ places to the right. Now both
# neighbors, left and above, stand in the *column before*, and a diagonal is a column.

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
    """From the places (column, row) of the states before to that of the state they make."""
    for start in starts:
        style = {"arrowstyle": "->", "color": plot.color.fake, "lw": 2, "shrinkA": 9, "shrinkB": 9}
        ax.annotate("", to, start, arrowprops=style)


# %%
fig, (left, right) = plot.figure(1, 2, size=(4.2, 3.0))
plot.matrix(diagonal, left, numbers=True, title="the step in which a pixel is done")
plot.matrix(skewed[0, :, :, 0], right, numbers=True, title="skewed: one column, one step")
arrows(left, (2, 2), (1, 2), (2, 1))
arrows(right, (4, 2), (3, 2), (3, 1))
lesson.figure(
    fig,
    "f07_skew",
    "Arrows: the two states that the middle pixel is made of. On the right both come from the"
    " column before it. 0: no pixel.",
)

# %% [markdown]
# By hand, with the simplest "state" there is: count. A state is 1 (for its own pixel) plus the two
# states before. On 3×3 pixels, five steps instead of nine:


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
lesson.table(counted.tolist(), ["column 1", "column 2", "column 3"], "counted along the diagonals")
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
# For counting, put an LSTM. What the picture says to its four gates, $\mathbf K^{is}
# \circledast \mathbf x$, is worked out for all pixels beforehand; in each step comes what the
# states before say, $\mathbf K^{ss} \circledast \mathbf h_{i-1}$, a kernel of two places: left and
# above. Then the step itself: three gates, between 0 and 1, and a content, which may be negative.
# The forget gate $\mathbf f$ sets how much of the cell state $\mathbf c$ stays, the input gate
# $\mathbf i$ how much of the content $\mathbf g$ comes in, the output gate $\mathbf o$ how much of
# the cell state becomes the new $\mathbf h$.

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
# The post writes the step as (Eq. flow.19)
#
# $$
# [\mathbf o_i, \mathbf f_i, \mathbf i_i, \mathbf g_i]
#   = \sigma(\mathbf K^{ss} \circledast \mathbf h_{i-1} + \mathbf K^{is} \circledast \mathbf x_i),
# \quad \mathbf c_i = \mathbf f_i \odot \mathbf c_{i-1} + \mathbf i_i \odot \mathbf g_i, \quad
# \mathbf h_i = \mathbf o_i \odot \tanh(\mathbf c_i).
# $$
#
# Read $\sigma$ as: a sigmoid for the gates $\mathbf i, \mathbf f, \mathbf o$, and a tanh for the
# content $\mathbf g$. The order of the four is a convention; ours is i, f, o, g.
#
# ## 6. And what lies above, to the right?
#
# One LSTM from the upper left sees nothing to its right. So a second one starts at the upper
# *right* corner and walks the other way. Its state at a pixel has seen all that is above and to the
# right. The two are added.

# %%
lesson.predict(
    "The second LSTM comes from the right. If its state at a pixel is simply added, what does the"
    " sum see?",
    ["the past, all of it", "the past, but for the row above", "pixels of the future too"],
)

# %%
layer = DiagonalBiLSTM(lesson.rng("layer"), 4)


def simply_added(x):
    """Both states at the same pixel; x (N, H, W, 4)."""
    return layer.from_left(x) + layer.from_right(x[:, :, ::-1])[:, :, ::-1]


def in_four_channels(f):
    """f as a model of pictures of one channel."""
    return lambda x: f(np.concatenate(4 * [x], axis=3))


# %%
added = field(in_four_channels(simply_added), *at, *size)
order = np.arange(size[0] * size[1]).reshape(size)
leaks = int((added & (order > order[at])).sum())
lesson.outcome(
    f"It sees {leaks} pixels of the future: those to the right in its own row.",
    answer="pixels of the future too" if leaks else "the past, all of it",
)
lesson.check("pixels to the right of column 11 of 21", leaks, equals=10)

# %% [markdown]
# The remedy is small: move the states from the right **down by one row** before adding. What comes
# from the right at row $i$ is then of row $i - 1$, and that is the past as a whole. The input must
# be masked, too: mask A for the walk from the left, whose state at a pixel may not contain the
# pixel; for the other one, B will do.

# %%
lesson.show_source(DiagonalBiLSTM)
diagonal_lstm = PixelRNN(lesson.rng("diagonal"), "diagonal", width=8)
seen_by["diagonal BiLSTM"] = field(diagonal_lstm, *at, *size)
all_past = np.array_equal(seen_by["diagonal BiLSTM"], whole)
lesson.check("diagonal BiLSTM, one layer: all of the past, and no more", all_past)

# %%
triangle = np.zeros(size, bool)
for up in range(at[0] + 1):
    for side in range(-up, up + 1):
        for k, m in steps_of(pixel_mask(7, "A")):
            i, j = at[0] - up + k, at[1] + side + m
            if 0 <= i and 0 <= j < size[1]:
                triangle[i, j] = True
lesson.check("row LSTM: a triangle", np.array_equal(seen_by["row LSTM"], triangle))
lesson.check(
    "row LSTM: pixels of the past that it misses", int((past(*at, *size) & ~triangle).sum()) > 0
)

# %%
fig, axes = plot.figure(2, 2, size=(4.4, 3.0))
for ax, (name, each) in zip(axes.ravel(), seen_by.items()):
    draw_field(each, *at, ax, f"{name}: {each.sum()} of {whole.sum()}")
lesson.figure(
    fig,
    "fields",
    "Green: measured through gradients. Orange: past, but not seen. Upper left: seven layers, with"
    " the blind spot to the right. Upper right: seven layers, a rectangle, without a hole. Below,"
    " with one layer each: a triangle, and everything.",
)

# %% [markdown]
# ## 7. Digits
#
# The data are digits of ones and zeros: each pixel is drawn anew, every time, 1 with a probability
# of its gray value (*stochastically binarized* MNIST; Salakhutdinov and Murray 2008). So there is
# noise in them that nobody can predict. We count in nats for a picture. A coin for each pixel needs
# $784 \log 2 = 543$. A coin of its own for each pixel, as often 1 as that pixel is on average: next
# cell.

# %%
splits = mnist.splits()
digits = splits.train.images  # (50000, 28, 28), bytes: a batch becomes bits when it is drawn


def bits_of(images, rng):
    return mnist.binarize(images, rng)[..., None]  # (N, 28, 28, 1)


test = bits_of(splits.test.images[: lesson.size(10_000, quick=20)], lesson.rng("test"))
ink = np.clip(digits.mean(axis=0) / 255, 1e-4, 1 - 1e-4)[..., None]  # (28, 28, 1)
independent = -(test * np.log(ink) + (1 - test) * np.log(1 - ink)).sum(axis=(1, 2, 3)).mean()

# %% [markdown]
# The networks:
#
# - **PixelCNN**, gated, of two layers only. The first sees a window of 10 rows and 21 columns above
#   the pixel, half the height of a digit and most of its width, and 11 pixels to the left; the
#   second is a 3×3. (Each further 3×3 takes half as much time again, which in a few minutes is
#   better spent on more steps.) And because digits stand in the middle of their picture, each place
#   gets a bias of its own in the first layer (`position_bias`).
# - **PixelRNN**, once with the diagonal LSTMs and once with the row LSTM, one layer each. It stands
#   behind a masked convolution of 15×15, and each place has a bias, too.
#
# All are trained for a few minutes only, on the likelihood itself; as always with a moving average
# of the weights.
#
# One thing about the targets. A pixel of gray value 0.3 comes out as ink with probability 0.3,
# *whatever became of the pixels before it*: the draws are independent. So for what a network *sees*
# we draw bits, as for the test; but for what it is to *predict* we need no draw, the mean over both
# outcomes is known. By hand, for a logit of 0.7: ink costs $\log(1 + e^{-0.7}) = 0.4032$, paper 0.7
# more.

# %%
logit = np.array([0.7])
of_ink, of_paper = bce_with_logits(logit, np.ones(1)), bce_with_logits(logit, np.zeros(1))
lesson.check("ink, paper", np.concatenate([of_ink, of_paper]), equals=[0.4032, 1.1032], atol=1e-4)
mean_cost = 0.3 * of_ink + 0.7 * of_paper
lesson.check(
    "their mean: gray is the target", bce_with_logits(logit, np.full(1, 0.3)), equals=mean_cost
)

# %% [markdown]
# The cost is a straight line in the target, so with the gray value as target it is that mean. The
# expected gradient is the same as with bits, without the noise of their draw. (It would be wrong to
# let the network *see* grays, which the test does not have.)

# %%
cfg = lesson.configure(
    width=32, layers=2, window=(10, 21), batch=20, steps=4800, lr=1.2e-2, ema=0.998
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
    """Minus log p(x), for a picture."""
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
    "How many nats will the PixelCNN need for a test digit?",
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
    f"{of_cnn.mean():.1f}: most of the 784 pixels are as good as known from those before, and what"
    " remains is mostly the noise with which grays were made ones and zeros.",
    answer=answer[0] if answer else "fewer than 90" if of_cnn.mean() < 90 else None,
)
lesson.claim("PixelCNN: test digits", of_cnn.mean(), at_most=86.0, unit="nats")

# %% [markdown]
# And the PixelRNNs. The row LSTM does a picture in 28 steps, not 55, and is one LSTM instead of
# two, so it may be wider: 20 channels instead of 16 make about as many parameters. But its state
# has seen a triangle, those of the others all of the past.

# %%
lesson.predict(
    "About as many parameters, as many steps of training: which PixelRNN needs fewer nats?",
    ["the row LSTM", "the diagonal one", "they are within half a nat"],
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
    ["a coin for each pixel", None, 784 * np.log(2)],
    ["a coin of its own for each pixel", 784, independent],
    ["PixelCNN, untrained", parameters(cnn), untrained],
    ["PixelRNN, row LSTM", parameters(rnns["row"]), of_rnn["row"]],
    ["PixelRNN, diagonal", parameters(rnns["diagonal"]), of_rnn["diagonal"]],
    ["PixelCNN", parameters(cnn), of_cnn.mean()],
]
lesson.table(rows, ["test digits", "parameters", "nats"], f"standard error {error:.2f}")

# %%
row_more = of_rnn["row"] - of_rnn["diagonal"]
better = "the diagonal one" if row_more > 0 else "the row LSTM"
lesson.outcome(
    f"{of_rnn['diagonal']:.1f} along the diagonals, {of_rnn['row']:.1f} from row to row.",
    answer="they are within half a nat" if abs(row_more) < 0.5 else better,
)
for kind, value in of_rnn.items():
    lesson.claim(f"PixelRNN, {kind}: test digits", value, at_most=92.0, unit="nats")

# %% [markdown]
# Where do the nats go? The logits know. For one digit, pixel by pixel:

# %%
one = test[3:4]
with_nats = bce_with_logits(cnn(one), one)[0]  # (28, 28, 1)
guess = 1 / (1 + np.exp(-cnn(one)[0]))
pixels = np.stack([one[0], guess, np.minimum(with_nats / 2, 1)])
names = ["digit", "p(1 | past)", "cost"]
lesson.figure(
    plot.image_grid(pixels, 1, 3, labels=names),
    "cost",
    "Middle: the forecast for each pixel, given the true ones before it. Right: what each pixel"
    " cost, bright from 2 nats up. Look at the upper edges of strokes, where ink begins that nobody"
    " has announced.",
)

# %% [markdown]
# ## 8. Drawing
#
# Drawing takes turns: pixel 1 from $p(x_1)$, pixel 2 given pixel 1, and so on. In training all 784
# logits came out of one pass, because all pixels were there. Now every pixel waits for the last
# one.
#
# But not everything changes from pixel to pixel. The vertical stack of a row is worked out once,
# when the row begins, from the last rows of each of its layers, which are kept; and of the
# horizontal one only the present column, from the last columns.

# %%
lesson.predict(
    "784 times, one after the other, for a hundred digits at a time: how long does it take?",
    ["less than 20 seconds", "some minutes", "longer than the training"],
)

# %%
start = time.process_time()
hundred = cnn.sample(lesson.rng("hundred"), lesson.size(100, quick=12))
seconds = time.process_time() - start
lesson.outcome(
    f"{seconds:.1f} s of processor time on this machine.",
    answer="less than 20 seconds" if seconds < 20 else "some minutes",
)
lesson.claim("PixelCNN: processor time of 100 digits", seconds, at_most=20, unit="s")

# %% [markdown]
# Are they digits? The pretrained classifier of `gan/08` judges; it has seen gray digits only, so
# all that it compares here was made of ones and zeros in the same way: 5,000 samples against the
# test digits, and beside them real ones and a cheap imitation, a Gaussian for each class
# (`gan/13`).

# %%
classifier = lesson.pretrained("digit_classifier")
n = lesson.size(5000, quick=12)
rng = lesson.rng("judge")
seen_digits = slice(0, lesson.size(50_000, quick=2000))
gaussians, _ = class_gaussian_digits(
    mnist.unit(digits[seen_digits]), splits.train.labels[seen_digits], rng, n
)
more = [cnn.sample(rng, 490) for _ in range(len(hundred), n, 490)]
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
lesson.table(rows, header, f"{n} pictures of each, by the judge")
ratio = judged["PixelCNN"].frechet / judged["class Gaussians"].frechet
lesson.claim("PixelCNN: Fréchet distance over that of the class Gaussians", ratio, at_most=0.3)
present = int((judged["PixelCNN"].shares >= 0.03).sum())
lesson.claim("PixelCNN: digits with at least 3 % of the samples", present, at_least=9)

# %%
columns = lesson.size(12, quick=4)
shown = [sets["real digits"][:columns], sets["class Gaussians"][:columns], hundred[: 5 * columns]]
grid = np.concatenate(shown)
names = ["real", "Gaussians", "PixelCNN"] + [""] * (len(grid) // columns - 3)
lesson.figure(
    plot.image_grid(grid, cols=columns, row_labels=names),
    "samples",
    "Not chosen, the first of each; all of ones and zeros. Count, in the lower rows, the digits"
    " that you would read aloud without a doubt.",
)

# %% [markdown]
# ## 9. Half a digit
#
# The order pays when the beginning is given. Keep the upper half of a digit, and draw on: what
# comes out is a draw from $p(\text{lower half} | \text{upper half})$, exactly, without any further
# training (`given`, `known`). And if the *lower* half is kept?

# %%
lesson.predict(
    "Keep the lower half of a digit, and draw the upper one by the same function. The whole is"
    " then, for the model,",
    [
        "as probable as a real digit",
        "less probable by a few nats",
        "much less probable: over 10 nats",
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
kept = {"nothing redrawn": halves, "upper half kept": from_above, "lower half kept": from_below}
cost = {name: nats(cnn, images) for name, images in kept.items()}
labels = splits.test.labels[:n]
rows = []
for name, images in kept.items():
    rows.append([name, cost[name], label_accuracy(classifier, images, labels)])
lesson.table(rows, ["", "nats", "still read as the same digit"], f"{n} test digits")
more = cost["lower half kept"] - cost["upper half kept"]

# %%
choices = lesson.predictions[-1].choices
lesson.outcome(
    f"{cost['lower half kept'] - cost['nothing redrawn']:.1f} nats more than the real ones; with"
    f" the upper half kept {cost['upper half kept'] - cost['nothing redrawn']:+.1f}. The pixels"
    " above were drawn before those below came into play: nobody asked the lower half.",
    answer=choices[0] if more < 1 else choices[1] if more < 10 else choices[2],
)

# %%
lesson.claim(
    "lower half kept: less probable than with the upper half, by", more, at_least=5, unit="nats"
)
lesson.claim("upper half kept: all of it", cost["upper half kept"], at_most=92, unit="nats")

# %%
columns = lesson.size(10, quick=3)
pictures = [halves[:columns], np.where(upper, halves[:columns], 0.5)]
again = np.concatenate(3 * [halves[:columns]])
pictures.append(cnn.sample(rng, 3 * columns, given=again, known=upper))
pictures += [np.where(upper, 0.5, halves[:columns]), from_below[:columns]]
names = ["digit", "upper half", "drawn on", "", "", "lower half", "drawn above"]
lesson.figure(
    plot.image_grid(np.concatenate(pictures), 7, columns, row_labels=names),
    "halves",
    "Three ways to go on from the same upper half: where it leaves the digit open, it comes out as"
    " different ones. The last row: an upper half that was drawn without a look at the lower one.",
)

# %% [markdown]
# ## 10. Where the post is loose
#
# - It does not mention the masks A and B, or that the plain PixelCNN has a blind spot (section 3).
# - In the diagonal BiLSTM the states from the right have to be moved down by one row, and what goes
#   into it has to be masked (section 6); without that it reads the answer.
# - Its formula has one $\sigma$ for all four gates; the content gets a tanh (section 5).
# - PixelRNN gave its name to the section. What is used since is PixelCNN: on pictures of 28×28, a
#   few layers and a wide window see enough, and they learn in parallel.
#
# **Left out:** color (the paper predicts red, then green given red, then blue; and each of them as
# one of 256 values, by a softmax); classes as a condition; attention, which sees all of the past
# and at once (PixelSNAIL); deep stacks of LSTMs. **Next:** sound has one dimension and needs a far
# longer past. WaveNet (`flow/10`) doubles the distance from layer to layer.
#
# **Your turn:** `minigen exercise start flow/09`, then `minigen run flow/09 --with
# exercises/flow_09.py`.

# %%
lesson.finish()
