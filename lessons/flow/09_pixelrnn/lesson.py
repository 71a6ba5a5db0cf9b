# %% [markdown]
# # PixelRNN and PixelCNN: images pixel by pixel
#
# A flow has an exact likelihood, and pays for it in its layers, which must be invertible with a
# determinant that is cheap to compute (`flow/05`). MADE (`flow/08`) needs none of this, because it
# predicts each pixel from the earlier ones and multiplies. But it treats an image as a list of 784
# numbers, so it must learn a stroke again at every position. A convolution learns it once, but its
# kernel covers the very pixel that it should predict. Can a network use rows and columns and still
# never use the future? And where is the price now?
#
# We mask kernels (section 2), ask which pixels they reach (3, 4), and pass a state from pixel to
# pixel instead (5 to 8). Then we compare likelihoods (9), draw samples (10) and complete digits
# (11). This lesson follows the section *PixelRNN* of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/).
#
# Before this lesson: `flow/08`.

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
    minutes=9,
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
# To predict pixels one after the other we need an order, and an image has none of its own. Let's
# take the order in which you read this page, row by row and from left to right.


# %%
def draw_field(seen, i, j, ax, title):
    """What pixel (i, j) depends on, every pixel of the image as a square with a white edge."""
    names = ["faint", "accent", "model", "ink"]  # future, past but not used, used, the pixel itself
    codes = [getattr(plot.color, name) for name in names]
    inks = np.array([[int(code[k : k + 2], 16) / 255 for k in (1, 3, 5)] for code in codes])
    order = np.arange(seen.size).reshape(seen.shape)
    meaning = np.where(order < order[i, j], 1, 0) + np.where(seen, 1, 0)
    meaning[i, j] = 3
    squares = np.kron(inks[meaning], np.ones((12, 12, 1)))
    squares[11::12] = 1
    squares[:, 11::12] = 1
    plot.image_grid(squares[None], ax=ax, title=title)


seven = np.arange(49).reshape(7, 7)

# %%
fig, ax = plot.figure(size=(2.6, 2.8))
draw_field(seven < seven[3, 3], 3, 3, ax, "the past of a pixel")
lesson.figure(
    fig,
    "f06_context",
    "The context of the black pixel (green) and the pixels after it (gray). The context is all rows"
    " above, and in its own row the pixels to the left.",
)

# %% [markdown]
# The chain rule (Eq. flow.16) turns predictions into the probability of an image. With pixels $x_1,
# \ldots, x_{n^2}$,
#
# $$p(\mathbf x) = p(x_1)\, p(x_2 | x_1)\, p(x_3 | x_1, x_2) \cdots .$$
#
# In words, multiply the probability of each pixel, given the pixels before it. For example, take
# two by two pixels, ink (1) or paper (0). The first is ink with probability 0.5, and each later
# pixel equals the one before it with probability 0.8. The image 1 1 / 0 0 then has probability $0.5
# \cdot 0.8 \cdot 0.2 \cdot 0.8 = 0.064$. Over all 16 images the probabilities add up to 1, because
# the two probabilities of each pixel do.


# %%
def chain(bits):
    """The probability of four pixels by this rule."""
    alike = np.diff(bits) == 0
    return 0.5 * np.prod(np.where(alike, 0.8, 0.2))


all_bits = list(itertools.product([0, 1], repeat=4))

# %%
lesson.check("1 1 / 0 0", chain([1, 1, 0, 0]), equals=0.064)
lesson.check("all 16 images", sum(chain(bits) for bits in all_bits), equals=1.0)

# %% [markdown]
# Why does the post count such a model among the flows? Think of how it draws an image. It takes one
# random number for each pixel, and pixel $i$ depends on numbers 1 to $i$ only. If pixels are real
# numbers, this is an invertible map from noise to images, with a triangular Jacobian (`flow/02`,
# `flow/11`). But its two directions do not cost the same. All factors of a *given* image can be
# computed at once, whereas a *new* image must be drawn pixel by pixel. (In a coupling flow both
# take one pass.) In other words, any network will do and the likelihood is cheap, but we pay for it
# in sampling.
#
# ## 2. PixelCNN: masked convolutions
#
# Which network should predict the pixels? A convolution computes its output at all positions of an
# image at once, with the same weights everywhere. But its kernel covers the pixel itself and the
# pixels after it. The post has a remedy: “The convolution kernel is masked so that the future
# context is not seen, similar to MADE.” We multiply the kernel by zeros and ones (figure flow.f08).
#
# Two kinds of masks are needed. The middle of the first kernel lies on the pixel that is to be
# predicted, so it gets a 0 (mask A). In later layers the middle holds a feature of the *past*, and
# gets a 1 (mask B). There is no pooling, so that every pixel keeps a position of its own. A network
# of such layers is a **PixelCNN**.

# %%
lesson.exercise("flow/09/pixel_mask")

# %%
lesson.show_source(pixel_mask)

# %%
fig, axes = plot.figure(1, 3, size=(3.0, 3.0))
for ax, (kernel, kind) in zip(axes, [(3, "A"), (3, "B"), (7, "A")]):
    plot.matrix(pixel_mask(kernel, kind), ax, numbers=True, title=f"{kernel}×{kernel}, mask {kind}")
lesson.figure(
    fig,
    "f08_masks",
    "Three masks, with 1 (blue) where a kernel may read. Compare the middles of the first two; the"
    " third belongs to the first layer of a plain PixelCNN.",
)

# %% [markdown]
# One entry looks like a detail. What happens if the first layer has mask B? Then a single weight is
# enough for a loss of nearly 0. Set the middle one to 20, and the bias to −10. A pixel of 1 gets
# the logit 10, and a pixel of 0 the logit −10. We multiply the conditionals of each of the 16
# images of 2×2 pixels, and add up the 16 products. For a distribution the sum is 1.


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
lesson.table([["A", total["A"]], ["B", total["B"]]], ["mask", "sum over all 16 images"])
lesson.check("mask A: probabilities of all 16", total["A"], equals=1.0)

# %%
lesson.change(
    "the weight to the left",
    "Move the one weight to the left of the middle: change `kernel[1, 1] = 20.0` to `kernel[1, "
    "0] = 20.0` and run again. What are the two sums now?",
    answer="Both are 1.000. The weight reads the pixel before, which both masks allow: each "
    "pixel is predicted from its past, so the probabilities of all images add up to 1.",
)

# %% [markdown]
# With mask B each of the 16 images gets a probability of nearly 1, so the sum is nearly 16. The
# network copies the pixel that it should predict, and its splendid loss is not a likelihood. MADE
# with one wrong sign made the same mistake (`flow/08`). A loss near 0 is a reason to look for a
# leak.
#
# ## 3. Which pixels does a network depend on?
#
# A mask must keep the future out. Does it also let all of the past in? We can measure it. If pixel
# $(k, l)$ can change the logit of pixel $(i, j)$, the derivative of this logit with respect to
# $x_{kl}$ is not zero somewhere. We compute it at twenty random images. A ReLU that is off, or two
# paths that cancel, could hide a dependence. So we make all weights positive, which changes no
# path.


# %%
def field(model, i, j, height, width):
    """Which pixels (height, width) the logit of pixel (i, j) depends on."""
    x = lesson.rng("field").random((20, height, width, 1))
    slopes = grad(lambda x: np.sum(model(x)[:, i, j, 0]))(x)
    return np.abs(slopes).max(axis=0)[:, :, 0] > 0


# %% [markdown]
# Take a plain PixelCNN of seven layers, the first with a 7×7 kernel and the others with 3×3. With
# each layer the context grows by one pixel in every direction that the mask allows.

# %%
lesson.predict(
    "A stack of masked convolutions predicts a pixel from the pixels before it. Is there a part of"
    " the past, close to the pixel, that it cannot use, however many layers it has?",
    ["no", "yes, above to the left", "yes, above to the right", "yes, right above"],
)

# %%
size = (13, 21)
at = (11, 10)
order = np.arange(size[0] * size[1]).reshape(size)
whole = order < order[at]  # the past
around = np.zeros(size, bool)  # up to eight rows above and eight columns aside
around[at[0] - 8 :, at[1] - 8 : at[1] + 9] = True

plain = PixelCNN(lesson.rng("plain"), width=8, gated=False)
for array in plain.parameters().values():
    array[...] = np.abs(array) + 0.01
seen = field(plain, *at, *size)
missed = whole & around & ~seen
to_the_right = int(missed[:, at[1] + 1 :].sum())
elsewhere = int(missed[:, : at[1] + 1].sum())

# %%
lesson.outcome(
    f"Up to eight rows above and eight columns aside, {to_the_right} pixels on the right and"
    f" {elsewhere} elsewhere have no derivative, because every step of a 3×3 mask to the right also"
    " goes up by one row.",
    answer="yes, above to the right" if to_the_right > elsewhere else "yes, above to the left",
)

# %%
fig, ax = plot.figure(size=(4.4, 3.0))
draw_field(seen, *at, ax, "a plain PixelCNN of seven layers")
lesson.figure(
    fig,
    "blind_spot",
    "Pixels with a derivative (green) and pixels of the past without one (orange), for the logit of"
    " the black pixel. Look at the staircase to the right of it.",
)

# %% [markdown]
# The orange staircase on the right is the **blind spot**. (More layers reach the other orange
# pixels.) Where does it come from? A 3×3 kernel with mask B connects a position to itself and to
# others by (row, column) steps of $(-1, -1)$, $(-1, 0)$, $(-1, 1)$ and $(0, -1)$. Only $(-1, 1)$
# leads to the right, and it goes up. To check that this is the whole reason, we add up the steps of
# all layers, without any network, and compare.


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


layers = [steps_of(pixel_mask(7, "A"))] + 6 * [steps_of(pixel_mask(3, "B"))]
sums = reached(layers)  # (rows, columns) from the pixel
places = list(np.ndindex(size))
by_hand = np.array([(i - at[0], j - at[1]) in sums for i, j in places]).reshape(size)
lesson.check("plain: depends on exactly the sums of steps", np.array_equal(seen, by_hand))
lesson.check("plain: pixels of its blind spot near by", to_the_right, equals=15)

# %% [markdown]
# <details><summary>Derivation: the size of the blind spot</summary>
#
# How far to the right does the context reach $r$ rows above the pixel? To get to the right, the 7×7
# mask of the first layer must go up $a$ rows with $1 \le a \le 3$, and gains at most 3 columns.
# Each other layer gains at most one column, by going up one row. With $r - a$ such steps the
# context reaches column
#
# $$3 + r - a \le r + 2,$$
#
# so the columns from $r + 3$ on are never reached, however many layers there are. Up to column 8
# these are $6 - r$ pixels, and $5 + 4 + 3 + 2 + 1 = 15$ pixels in rows 1 to 5. $\square$
#
# </details>

# %% [markdown]
# The sums of steps are exactly the green pixels. A network with a blind spot still has an exact
# likelihood, but it must predict without pixels that are only four columns away.
#
# ## 4. Two stacks instead of one
#
# Can convolutions do without a blind spot? Van den Oord et al. (2016b) split the past into two
# parts. The rows above form a rectangle. A **vertical** stack of convolutions reads it with kernels
# that need no mask, because they end at the row above. The pixels to the left form a line, which a
# **horizontal** stack reads. In every layer the output of the vertical convolution is added to that
# of the horizontal one. The opposite direction would leak, because the vertical kernels also read
# columns to the right, where the horizontal stack already depends on the current pixel.
#
# Both stacks have *gated units*, $\tanh(\cdot)\,\sigma(\cdot)$. Half of the channels are the
# content, and the other half a gate between 0 and 1 (`flow/10`, Eq. flow.20).

# %%
gated = PixelCNN(lesson.rng("gated"), width=8)  # seven layers, as before
seen_by_gated = field(gated, *at, *size)

# %%
lesson.check(
    "gated: depends on all of the past that is near", bool(np.all(seen_by_gated[around & whole]))
)
lesson.check("gated: depends on nothing else", not np.any(seen_by_gated & ~whole))

# %%
fig, ax = plot.figure(size=(4.4, 3.0))
draw_field(seen_by_gated, *at, ax, "a gated PixelCNN of seven layers")
lesson.figure(
    fig,
    "two_stacks",
    "The same for the two stacks: pixels with a derivative (green), pixels of the past without one"
    " (orange). Compare the pixels on the right with those of the figure before.",
)

# %% [markdown]
# The hole is closed, at the price of a second stack. What remains is the post's “bounded context
# box”. More layers make it larger, but it is always a rectangle with an end.
#
# ## 5. Diagonals become columns
#
# Could the context have no end at all? This was the first idea of van den Oord et al. (2016a). In a
# recurrent network, a *state* is passed from pixel to pixel, and it can carry anything from the
# past. The **row LSTM** runs from row to row. The state of a pixel follows from three states of the
# row above, so it depends on a triangle, one more column on each side with every row up. The
# **diagonal LSTM** computes a state from the state to the left and the state above. These follow
# from their own left and upper neighbors, and so on. So its state depends on all pixels that are
# above *and* to the left.
#
# The catch is time. Each state waits for two others, and 784 states one after the other are slow.
# But pixels of one diagonal do not wait for each other, and 28×28 pixels have $28 + 28 - 1 = 55$
# diagonals. Unfortunately, an array has rows and columns, but no diagonals. The **skewing
# operation** (figure flow.f07) makes columns of them. It moves row $i$ of the image $i$ positions
# to the right. Pixel $(i, j)$ comes to column $i + j$, and its left and upper neighbors both come
# to column $i + j - 1$.

# %%
lesson.exercise("flow/09/skew")

# %%
lesson.show_source(skew)

# %%
diagonal = np.arange(5)[:, None] + np.arange(5) + 1.0  # the number of the diagonal, from 1
skewed = skew(diagonal.reshape(1, 5, 5, 1))
columns = skew(np.ones((1, 28, 28, 1))).shape[2]
lesson.check("columns of 28×28 pixels, skewed", columns, equals=55)

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.2, 3.0))
plot.matrix(diagonal, left, numbers=True, title="the step that computes each pixel")
plot.matrix(skewed[0, :, :, 0], right, numbers=True, title="skewed: one column, one step")
for ax, to, starts in [(left, (2, 2), [(1, 2), (2, 1)]), (right, (4, 2), [(3, 2), (3, 1)])]:
    for start in starts:
        ax.annotate(
            "",
            to,
            start,
            arrowprops={"arrowstyle": "->", "color": plot.color.fake, "lw": 2, "shrinkB": 9},
        )

# %%
lesson.figure(
    fig,
    "f07_skew",
    "The step of each pixel, in the image and in the skewed image; 0 means no pixel. Follow the"
    " orange arrows from two states to the state that is computed from them.",
)

# %% [markdown]
# In the skewed image both arrows begin in the column before. This means that a whole column can be
# computed in one step, so that the image takes 55 steps instead of 784.
#
# ## 6. One column at a time, and back
#
# Let's run this on numbers that we can check by hand. The state is a plain sum here, 1 for the
# pixel itself plus the two earlier states. We go through the skewed image column by column. The
# state to the left is in the same row of the column before, and the state above is one row higher.
# At the end the states are in a skewed image, too, and must be moved back.

# %%
lesson.exercise("flow/09/unskew")

# %%
lesson.show_source(unskew)
lesson.check("unskew undoes skew", np.array_equal(unskew(skewed)[0, :, :, 0], diagonal))


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
last = count(np.ones((28, 28)))[-1, -1]
lesson.table(counted.tolist(), ["column 1", "column 2", "column 3"], "sums along the diagonals")
lesson.check("the middle one: 1 + 2 + 2", counted[1, 1], equals=5.0)
lesson.check("the last one: 1 + 9 + 9", counted[2, 2], equals=19.0)
lesson.check("28×28 pixels, digits of the last sum", len(str(int(last))), equals=16)

# %%
lesson.change(
    "only the state to the left",
    "Leave the state above out: change the line to `state = column + state` and run again. Which "
    "numbers come out?",
    answer="1, 2 and 3 in every row, so the middle pixel has 2 and the last one 3. Each state "
    "depends only on what is to the left of it in its own row.",
)

# %% [markdown]
# Five steps compute the nine sums. But a plain sum is a poor memory. On 28×28 pixels the last sum
# has 16 digits, because every path from an earlier pixel adds 1. We need a state that can also be
# kept unchanged, or be cleared.
#
# ## 7. An LSTM in each step
#
# An LSTM has such a state. It has a *cell state* $\mathbf c$ besides the state $\mathbf h$, and in
# each step four vectors set what happens to them. The forget gate $\mathbf f$ sets how much of
# $\mathbf c$ is kept, the input gate $\mathbf i$ how much of the content $\mathbf g$ is added, and
# the output gate $\mathbf o$ how much of the new cell state becomes $\mathbf h$. Gates lie between
# 0 and 1, and the content between −1 and 1. For column $i$ of the skewed image the post writes a
# step as (Eq. flow.19)
#
# $$
# [\mathbf o_i, \mathbf f_i, \mathbf i_i, \mathbf g_i]
#   = \sigma(\mathbf K^{ss} \circledast \mathbf h_{i-1} + \mathbf K^{is} \circledast \mathbf x_i),
# \quad \mathbf c_i = \mathbf f_i \odot \mathbf c_{i-1} + \mathbf i_i \odot \mathbf g_i, \quad
# \mathbf h_i = \mathbf o_i \odot \tanh(\mathbf c_i),
# $$
#
# where $\circledast$ is a convolution, $\odot$ the elementwise product, and $\sigma$ a sigmoid for
# the three gates and a tanh for $\mathbf g$. For example, let all gates be half open, the content
# $\tanh 0.7 = 0.6044$ and the old cell state 1. Then $c = \frac12 \cdot 1 + \frac12 \cdot 0.6044 =
# 0.8022$, and $h = \frac12 \tanh 0.8022 = 0.3326$.

# %%
lesson.exercise("flow/09/lstm_step")

# %%
h, c = lstm_step(np.array([[0.0, 0.0, 0.0, 0.7]]), np.array([[1.0]]))
lesson.check("c by hand", c, equals=[[0.8022]], atol=1e-4)
lesson.check("h by hand", h, equals=[[0.3326]], atol=1e-4)
lesson.show_source(lstm_step)

# %% [markdown]
# Both convolutions are small. $\mathbf K^{is}$, from input to state, is $1 \times 1$, the same
# matrix at each pixel, and is computed for the whole image at once. $\mathbf K^{ss}$, from state to
# state, is $2 \times 1$, along the column $i - 1$. One of its matrices belongs to the state in the
# same row, the left neighbor, and the other to the state in the row above. Does the skewed
# computation agree with a loop over pixels?

# %%
layer = DiagonalBiLSTM(lesson.rng("layer"), 4)
lstm = layer.from_left  # 4 channels in, 4 channels of state


def pixel_by_pixel(x):
    """The states of the same LSTM without skewing, in reading order; x (H, W, 4)."""
    h, c = np.zeros((2, len(x) + 1, x.shape[1] + 1, 4))  # a border of zeros above and on the left
    for i, j in np.ndindex(x.shape[:2]):
        left_and_above = np.concatenate([h[i + 1, j], h[i, j + 1]])
        gates = lstm.input_to_state(x[i, j][None]) + left_and_above @ lstm.state_to_state
        new_h, new_c = lstm_step(gates, c[i + 1, j][None])
        h[i + 1, j + 1], c[i + 1, j + 1] = new_h[0], new_c[0]
    return h[1:, 1:]


some = lesson.rng("some pixels").standard_normal((5, 7, 4))
gap = np.abs(pixel_by_pixel(some) - lstm(some[None])[0]).max()
lesson.check("35 steps of one pixel against 11 steps of one column", gap, equals=0.0, atol=1e-5)
lesson.check("K^is: channels, gates", lstm.input_to_state.w.shape, equals=(4, 16))
lesson.check("K^ss: two states of 4 channels, gates", lstm.state_to_state.shape, equals=(8, 16))

# %% [markdown]
# It does, and in 11 steps instead of 35. The gates now control what is left of the past. With the
# forget gate open and the input gate shut, the cell state is kept; with the forget gate shut, it is
# cleared. What to keep is learned.
#
# ## 8. What about the pixels above, to the right?
#
# The state of an LSTM that starts in the upper left corner does not depend on anything to its
# right. That is a blind spot again, and a large one. The idea is to start a second LSTM in the
# upper *right* corner and to run it in the opposite direction. Its state at a pixel depends on all
# pixels above and to the right. The two LSTMs together are the **diagonal BiLSTM**. How should we
# combine them?

# %%
lesson.predict(
    "At each pixel, add the states of the two LSTMs. Each of them also depends on the pixel itself."
    " What does the sum depend on?",
    [
        "on the pixel and its past",
        "on the pixel and a part of its past",
        "on pixels of the future too",
    ],
)


# %%
def simply_added(x):
    """Both states at the same pixel; x (N, H, W, 1), in four equal channels."""
    x = np.concatenate(4 * [x], axis=3)
    return layer.from_left(x) + layer.from_right(x[:, :, ::-1])[:, :, ::-1]


# %%
added = field(simply_added, *at, *size)
leaks = int((added & (order > order[at])).sum())
lesson.outcome(
    f"The sum depends on {leaks} pixels of the future, those to the right in its own row, because"
    " the second LSTM comes from there.",
    answer="on pixels of the future too" if leaks else "on the pixel and its past",
)
lesson.check("pixels to the right of column 11 of 21", leaks, equals=10)

# %% [markdown]
# So the obvious sum leaks. Van den Oord et al. move the states from the right **down by one row**
# before they are added. What comes from the right at row $i$ is then a state of row $i - 1$, where
# everything is past. The pixel itself must be masked, too. The LSTM from the left gets an input
# with mask A, and the other one, whose pixel is in the row above, an input with mask B.
#
# <details><summary>Derivation: together the two states depend on exactly the past</summary>
#
# Let $L(i, j)$ be the set of pixels on which the state from the left depends, if the input at a
# pixel is the pixel itself. It contains $(i, j)$ and the sets of both neighbors, $L(i, j) = \{(i,
# j)\} \cup L(i, j - 1) \cup L(i - 1, j)$. By induction over the diagonals
#
# $$L(i, j) = \{(k, l) : k \le i,\; l \le j\}, \qquad R(i, j) = \{(k, l) : k \le i,\; l \ge j\},$$
#
# the second by the mirror image. Moved down by one row, the right state at $(i, j)$ is $R(i - 1,
# j)$. The union is
#
# $$L(i, j) \cup R(i - 1, j) = \{k \le i - 1\} \cup \{k = i,\; l \le j\},$$
#
# all rows above, and the row of the pixel up to the pixel itself. Mask A removes the pixel itself.
# $\square$
#
# </details>

# %%
lesson.show_source(DiagonalBiLSTM)

# %%
fields = {
    "row LSTM": field(PixelRNN(lesson.rng("row"), "row", width=8), *at, *size),
    "diagonal BiLSTM": field(PixelRNN(lesson.rng("diagonal"), "diagonal", width=8), *at, *size),
}
triangle = np.zeros(size, bool)
for up in range(at[0] + 1):
    for side in range(-up, up + 1):
        for k, m in steps_of(pixel_mask(7, "A")):
            i, j = at[0] - up + k, at[1] + side + m
            if 0 <= i and 0 <= j < size[1]:
                triangle[i, j] = True
all_past = np.array_equal(fields["diagonal BiLSTM"], whole)
outside = int((whole & ~triangle).sum())
lesson.check("diagonal BiLSTM, one layer: depends on exactly the past", all_past)
lesson.check("row LSTM: depends on a triangle", np.array_equal(fields["row LSTM"], triangle))
lesson.check("row LSTM: pixels of the past outside of it", outside, at_least=1)

# %%
fig, axes = plot.figure(1, 2, size=(4.4, 3.0))
for ax, (name, each) in zip(axes, fields.items()):
    draw_field(each, *at, ax, f"{name}: {each.sum()} of {whole.sum()} pixels")
lesson.figure(
    fig,
    "fields",
    "What one layer of each PixelRNN depends on (green), after a masked 7×7 convolution, and the"
    " rest of the past (orange). Compare the pixels at the sides.",
)

# %% [markdown]
# One layer of the diagonal BiLSTM depends on all of the past and on nothing else. In the post's
# words, that is “an unbounded context field, but expensive to compute due to the sequential
# dependency between states”. A PixelCNN needs no such sequence. Is the longer context worth it?
#
# ## 9. The likelihood of digits
#
# To find out, we train three networks. The data are binary digits, as in `flow/08`. Each pixel is 1
# with the probability of its gray value, and is drawn again every time (*stochastically binarized*
# MNIST; Salakhutdinov and Murray 2008). We measure $-\log p$ of a test digit, in nats. At one end
# of the scale is a model in which each pixel is a coin of its own, with this pixel's mean as the
# probability of 1. At the other end is the entropy of the bits given the gray image. On average no
# model needs fewer nats, because these bits are drawn at random.

# %%
splits = mnist.splits()
digits = splits.train.images  # (50000, 28, 28), bytes: a batch becomes bits when it is drawn


def bits_of(images, rng):
    return mnist.binarize(images, rng)[..., None]  # (N, 28, 28, 1)


test_gray = splits.test.images[: lesson.size(10_000, quick=20)]
test = bits_of(test_gray, lesson.rng("test"))
ink = np.clip(digits.mean(axis=0) / 255, 1e-4, 1 - 1e-4)[..., None]  # (28, 28, 1)
independent = -(test * np.log(ink) + (1 - test) * np.log(1 - ink)).sum(axis=(1, 2, 3)).mean()
gray = np.clip(test_gray / 255, 1e-9, 1 - 1e-9)
coin_entropy = -(gray * np.log(gray) + (1 - gray) * np.log(1 - gray)).sum(axis=(1, 2)).mean()
cfg = lesson.configure(
    width=32, layers=3, window=(20, 27), batch=10, steps=5400, lr=8e-3, ema=0.998
)

# %% [markdown]
# The gated **PixelCNN** has three layers. The first reads 20 rows of 27 columns above the pixel and
# 14 pixels to the left, and the others have 3×3 kernels. The **PixelRNN** has one layer, the
# diagonal BiLSTM or the row LSTM, after a masked 15×15 convolution. A row LSTM is one LSTM instead
# of two, so we make it wider. All three networks have a bias for each position, because digits lie
# in the middle. The loss is $-\log p$, with the gray value of a pixel as its target (`flow/08`).

# %%
rnn_cfg = lesson.configure(
    rnn_kernel=15,
    rnn_batch=32,
    rnn_steps=1200,
    rnn_width={"diagonal": 16, "row": 20},
    rnn_lr={"diagonal": 5e-3, "row": 8e-3},
)
image_size = (28, 28)


def parameters(model):
    return sum(a.size for a in model.parameters().values())


def nats_each(model):
    """-log p of each test digit, (N,)."""
    return -batched(model.log_prob, test, size=100, threads=True)


# %%
def expected_nats(model, x, gray):
    """The mean of -log p over the bits that each pixel might have been."""
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
    "Three networks learn the same digits for a few minutes: a PixelCNN whose window ends, a row"
    " LSTM that depends on a triangle, and a diagonal BiLSTM that depends on the whole past. Which"
    " one assigns the highest likelihood to test digits?",
    ["the PixelCNN", "the row LSTM", "the diagonal BiLSTM"],
)

# %%
width = lesson.size(cfg.width, quick=4)
cnn = PixelCNN(
    lesson.rng("PixelCNN"), width, cfg.layers, window=cfg.window, position_bias=image_size
)
untrained = -np.mean(cnn.log_prob(test[:100]))
cnn = train("PixelCNN", cnn, lesson.steps(cfg.steps, quick=2), cfg.batch, cfg.lr)

rnns = {}
for kind in ("diagonal", "row"):
    rng = lesson.rng(f"PixelRNN, {kind}")
    width = lesson.size(rnn_cfg.rnn_width[kind], quick=2)
    rnn = PixelRNN(rng, kind, width, kernel=rnn_cfg.rnn_kernel, position_bias=image_size)
    steps, lr = lesson.steps(rnn_cfg.rnn_steps, quick=1), rnn_cfg.rnn_lr[kind]
    rnns[kind] = train(f"PixelRNN, {kind}", rnn, steps, rnn_cfg.rnn_batch, lr)

# %%
of_cnn = nats_each(cnn)
of_rnn = {kind: nats_each(rnn).mean() for kind, rnn in rnns.items()}
error = of_cnn.std() / len(test) ** 0.5
row, column = np.indices(image_size).reshape(2, 784)
earlier = np.tri(784, k=-1, dtype=bool)  # [pixel, earlier pixel]
aside = np.abs(column[:, None] - column)
near = (row[:, None] - row <= cnn.rows_above()) & (aside <= 15)
covered = 100 * (near & earlier).sum() / earlier.sum()
by_name = {
    "the PixelCNN": of_cnn.mean(),
    "the row LSTM": of_rnn["row"],
    "the diagonal BiLSTM": of_rnn["diagonal"],
}

# %%
lesson.outcome(
    f"A test digit costs {by_name['the PixelCNN']:.1f} nats with the PixelCNN,"
    f" {by_name['the diagonal BiLSTM']:.1f} with the diagonal BiLSTM and"
    f" {by_name['the row LSTM']:.1f} with the row LSTM. A long context cannot be the reason for the"
    f" first number, because the window leaves out {100 - covered:.0f} % of all pairs of a pixel"
    " and an earlier one, and the diagonal BiLSTM leaves out none.",
    answer=min(by_name, key=by_name.get),
)

# %%
lesson.table(
    [
        ["a fair coin for each pixel", None, 784 * np.log(2)],
        ["a coin of its own for each pixel", 784, independent],
        ["PixelCNN, untrained", parameters(cnn), untrained],
        ["PixelRNN, row LSTM", parameters(rnns["row"]), of_rnn["row"]],
        ["PixelRNN, diagonal BiLSTM", parameters(rnns["diagonal"]), of_rnn["diagonal"]],
        ["PixelCNN", parameters(cnn), of_cnn.mean()],
        ["the bits, given the gray image", None, coin_entropy],
    ],
    ["test digits", "parameters", "nats"],
    f"standard error {error:.2f}",
)

# %%
lesson.claim(
    "PixelCNN: test digits",
    of_cnn.mean(),
    at_most=84.1,
    unit="nats",
    source="seeds 0, 1 and 9043: 83.26 to 83.37, plus 0.7; MADE of flow/08: 87.0; untrained: 543",
)
lesson.claim(
    "PixelRNN: test digits, the worse of the two",
    max(of_rnn.values()),
    at_most=92.5,
    unit="nats",
    source="seeds 0, 1 and 9043: 90.82 to 91.68, plus 0.8; logistic regressions (flow/08): 96.8",
)

# %% [markdown]
# The PixelCNN is ahead, but we cannot tell why, because it also has five times as many parameters
# and was trained for longer. The two PixelRNNs, with about as many parameters and equally many
# steps, are a fairer comparison. Here the diagonal BiLSTM is ahead by 1.2 nats, but with other
# seeds by 0.4 and by 2.7. And it differs from the row LSTM in more than its context: it has two
# LSTMs, and the two were trained with different learning rates. So we do not know what the longer
# context is worth.
#
# On the same scale, logistic regressions needed 96.8 nats in `flow/08`, and MADE 87.0, with 2.2
# million weights. The PixelCNN needs fewer nats with a sixteenth of these weights. It uses its
# kernels again at every position, and only its biases belong to one position each. More than half
# of its 83 nats are the entropy of the bits.
#
# Which pixels cost the most? The logits of one digit show it.

# %%
one = test[3:4]
with_nats = bce_with_logits(cnn(one), one)[0]  # (28, 28, 1)
predicted = 1 / (1 + np.exp(-cnn(one)[0]))
panels = np.stack([one[0], predicted, np.minimum(with_nats / 2, 1)])

# %%
lesson.figure(
    plot.image_grid(panels, 1, 3, labels=["digit", "p(1 | past)", "cost"]),
    "cost",
    "A test digit, the probability of ink at each pixel given the true pixels before it, and the"
    " cost of each pixel, white from 2 nats up. Compare the upper edges of strokes, where ink"
    " begins, with their lower parts.",
)

# %% [markdown]
# In this digit most of the cost is at the edges of strokes. But the gray values are at the same
# edges, so part of the cost is the toss of the coins, which no model can predict.
#
# So far we had two kinds of networks. MADE has a weight of its own for every pixel that it reads,
# and must learn a stroke again at every position. The PixelCNN learns a stroke once, but has no
# weights for the digit as a whole. Why not use both? We add a *summary* of all rows above to the
# first vertical layer. Each row of the image goes through a dense layer of its own, the results of
# the rows above are added up, and a small network maps this sum to the positions of the next row.
# The pixel's own row has no part in it, so the summary reads only the past. Since it covers the
# rows that are far away, the window of the convolutions shrinks to 6 rows of 13 columns.

# %%
both_cfg = lesson.configure(both_window=(6, 13), both_summary=256, both_lr=6e-3)
both = PixelCNN(
    lesson.rng("both"),
    lesson.size(cfg.width, quick=4),
    cfg.layers,
    window=both_cfg.both_window,
    position_bias=image_size,
    summary=lesson.size(both_cfg.both_summary, quick=8),
)
steps = lesson.steps(cfg.steps, quick=2)
both = train("PixelCNN with a summary", both, steps, cfg.batch, both_cfg.both_lr)
of_both = nats_each(both)
gain = (of_cnn - of_both).mean()

# %%
lesson.sampler("pixelcnn", both.sample)
lesson.table(
    [
        ["PixelCNN, window of 20×27", parameters(cnn), of_cnn.mean()],
        ["PixelCNN, window of 6×13, with a summary", parameters(both), of_both.mean()],
    ],
    ["test digits", "parameters", "nats"],
    f"difference {gain:.2f}, standard error {(of_cnn - of_both).std() / len(test) ** 0.5:.2f}",
)
lesson.claim(
    "PixelCNN minus PixelCNN with a summary",
    gain,
    at_least=1.2,
    unit="nats",
    source="seeds 0, 1 and 9043: 1.8 to 2.1; margin: a third; no effect: 0",
)

# %% [markdown]
# With the summary a digit costs about two nats fewer, although the window has only a seventh of the
# pixels. Is the longer context the reason, or is it that each position has weights of its own? We
# have not separated the two. The number of weights cannot be the reason, because MADE has twice as
# many and needs 87 nats. In our runs, neither kind of network does as well as both together.
#
# ## 10. What a sample costs, and how it looks
#
# Now we pay. In training, all 784 logits come from one pass, because all pixels are given. In
# sampling, however, each pixel waits for the one before it. Must we run the network 784 times?
#
# No, because not everything changes from pixel to pixel. The vertical stack is computed once for
# each row, and the last rows of its layers are kept. Of the horizontal stack only the current
# column is new. So each kernel is applied once at each pixel, as in one pass.

# %%
start = time.process_time()
hundred = cnn.sample(lesson.rng("hundred"), lesson.size(100, quick=12))
seconds = time.process_time() - start
start = time.process_time()
cnn.log_prob(hundred)
one_pass = time.process_time() - start

# %%
lesson.table(
    [
        ["log p: one pass", 1, 1, one_pass],
        ["a sample, by 784 passes", 784, 784, 784 * one_pass],
        ["a sample, with all that can be kept", 1, 784, seconds],
    ],
    [
        f"{len(hundred)} digits",
        "uses of a kernel at each pixel",
        "steps that wait for the one before",
        "processor seconds",
    ],
)

# %% [markdown]
# The arithmetic of a sample is that of one pass, but the 784 steps must wait for each other, and no
# number of processors changes that. A coupling flow draws all pixels at once. What do we get for
# the price?
#
# We ask a judge that was trained for another purpose, the classifier of `gan/08`. The Fréchet
# distance compares the classifier's features of 5,000 images with those of the test digits, and
# lower is better. We also judge other real digits, a Gaussian for each class (`gan/13`) and the
# coins of section 9, all as binary images.

# %%
classifier = lesson.pretrained("digit_classifier")
n = lesson.size(5000, quick=12)
rng = lesson.rng("judge")
seen_digits = slice(0, lesson.size(50_000, quick=2000))
gaussians, _ = class_gaussian_digits(
    mnist.unit(digits[seen_digits]), splits.train.labels[seen_digits], rng, n
)

# %%
more = [cnn.sample(rng, 490) for _ in range(len(hundred), n, 490)]
own_rng = lesson.rng("judge both")
more_of_both = [both.sample(own_rng, min(500, n)) for _ in range(0, n, 500)]
sets = {
    "real digits": bits_of(splits.validation.images[:n], rng),
    "coins": (rng.random((n, 28, 28, 1)) < ink).astype(np.float32),
    "class Gaussians": mnist.binarize(gaussians, rng),
    "PixelCNN": np.concatenate([hundred, *more]),
    "PixelCNN with a summary": np.concatenate(more_of_both),
}
judged = {name: judge_digits(classifier, images, test) for name, images in sets.items()}

# %%
lesson.table(
    [
        [name, j.frechet, j.inception, j.precision, j.recall, j.shares.min()]
        for name, j in judged.items()
    ],
    ["", "Fréchet", "inception", "precision", "recall", "rarest digit"],
    f"{n} images of each, by the classifier",
)

# %%
lesson.claim(
    "PixelCNN: Fréchet distance",
    judged["PixelCNN"].frechet,
    at_most=43,
    source="seeds 0, 1 and 9043: 32.11 to 36.64; margin: a sixth; class Gaussians: 200, coins: 767",
)

# %%
lesson.claim(
    "PixelCNN with a summary: Fréchet distance",
    judged["PixelCNN with a summary"].frechet,
    at_most=23,
    source="seeds 0, 1 and 9043: 16.52 to 17.70; margin: a third; class Gaussians: 200",
)
lesson.claim(
    "PixelCNN: digits with at least 3 % of the samples",
    int((judged["PixelCNN"].shares >= 0.03).sum()),
    at_least=10,
    source="seeds 0, 1 and 9043: 10, 10, 10 (rarest: 5.9 to 6.9 %); class Gaussians: at most 9",
)

# %%
columns = lesson.size(12, quick=2)
shown = [sets[name][:columns] for name in ("real digits", "coins", "class Gaussians")]
ours = [sets[name][: 2 * columns] for name in ("PixelCNN", "PixelCNN with a summary")]
grid = np.concatenate([*shown, *ours])
names = ["real", "coins", "Gaussians", "PixelCNN", "", "with a", "summary"]
lesson.figure(
    plot.image_grid(grid, cols=columns, row_labels=names),
    "samples",
    "The first images of each set, not selected. In the last four rows, count the images that you"
    " would read as a digit without a doubt.",
)

# %% [markdown]
# By the Fréchet distance the PixelCNN is far closer to the test digits than the Gaussians are, at a
# sixth of their distance. But it is more than fifteen times as far away as other real digits, and
# in the figure many samples consist of good strokes that do not add up to a digit. With the summary
# the distance is half as large, and more of the samples can be read. Two nats of 83 make this
# difference. (Precision and recall mislead here. The coins have the highest precision, and the
# PixelCNN a higher recall than real digits.) A good likelihood is no guarantee for the whole.
#
# ## 11. Half a digit
#
# Sampling in order also has an advantage. The first pixels can be given, and the model draws the
# others. If we keep the upper half of a digit and sample the pixels after it, the result is an
# exact sample of $p(\text{lower half} | \text{upper half})$, without further training (`given`,
# `known`). Nothing stops us from calling the same function with the *lower* half.

# %%
lesson.predict(
    "Keep the lower half of a digit, and let the PixelCNN sample the upper half by the same"
    " function. How probable is the whole image for the model, compared with a real digit?",
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
kept = {"nothing sampled": halves, "upper half kept": from_above, "lower half kept": from_below}
cost = {name: -np.mean(cnn.log_prob(images)) for name, images in kept.items()}
more = cost["lower half kept"] - cost["nothing sampled"]
columns = lesson.size(10, quick=3)
panels = [halves[:columns], np.where(upper, halves[:columns], 0.5)]
again = np.concatenate(3 * [halves[:columns]])
panels.append(cnn.sample(rng, 3 * columns, given=again, known=upper))
panels += [np.where(upper, 0.5, halves[:columns]), from_below[:columns]]
lesson.check("known pixels stay", bool(np.all(from_above[:, :14] == halves[:, :14])))

# %%
choices = lesson.predictions[-1].choices
lesson.outcome(
    f"With the lower half kept an image costs {more:.1f} nats more than a real digit, because the"
    " upper half was sampled from conditionals that do not depend on the lower half. With the upper"
    f" half kept the difference is {cost['upper half kept'] - cost['nothing sampled']:+.1f} nats.",
    answer=choices[0] if more < 1 else choices[1] if more < 10 else choices[2],
)

# %%
lesson.table(
    [
        [name, cost[name], label_accuracy(classifier, images, splits.test.labels[:n])]
        for name, images in kept.items()
    ],
    ["", "nats", "fraction classified as the same digit"],
    f"{n} test digits",
)

# %%
lesson.claim(
    "nats: lower half kept minus upper half kept",
    cost["lower half kept"] - cost["upper half kept"],
    at_least=17,
    unit="nats",
    source="seeds 0, 1 and 9043: 27.83 to 34.59; margin: two fifths; independent pixels: 0",
)
lesson.claim(
    "upper half kept: nats of the whole",
    cost["upper half kept"],
    at_most=86,
    unit="nats",
    source="seeds 0, 1 and 9043: 81.31 to 81.97; margin: 4 nats; independent pixels: 206",
)

# %%
names = ["digit", "upper half", "samples", "", "", "lower half", "a sample"]
lesson.figure(
    plot.image_grid(np.concatenate(panels), 7, columns, row_labels=names),
    "halves",
    "Test digits, their upper halves and three samples for each, then their lower halves and a"
    " sample for each; what is not given is gray. Compare the columns in which the three samples"
    " agree with those in which they are different digits.",
)

# %% [markdown]
# With the upper half kept, the samples continue its strokes, and about three of four are classified
# as the same digit. Where the upper half leaves a choice, they become different digits. The lower
# half has no influence on what is sampled, because the sampler has drawn an upper half before it
# meets the pixels that are given. Two of five images are classified as the same digit, but the kept
# half alone may account for that. We have not classified it with an empty upper half. The order of
# the pixels decides which questions are easy, and a network for all orders would answer more
# (`after/06`).
#
# ## 12. Does the order of the pixels matter?
#
# *You may skip this section, because no later lesson needs it. It is for readers who wonder, with
# the post, whether reading order is the right one.*
#
# Reading order was our choice, and the post wonders about it: “The definition of such context looks
# pretty arbitrary, because how visual attention is attended to an image is more flexible.” The
# chain rule holds in every order, so an ideal model has the same likelihood in all of them. Does
# this hold for a trained network? A convolution is tied to reading order, but MADE (`flow/08`) can
# take any. We train the same small MADE, for the same short time, in six orders.

# %%
i, j = np.indices((28, 28))
coarse = np.where((i % 4 == 0) & (j % 4 == 0), 0, np.where((i % 2 == 0) & (j % 2 == 0), 1, 2))


def sorted_by(level):
    """The position of each pixel, lower levels first and each level in reading order."""
    return np.argsort(np.argsort(level.ravel(), kind="stable"))


orders = {
    "by rows": sorted_by(0 * i),
    "by columns": sorted_by(j),
    "fine to coarse": sorted_by(-coarse),
    "checkerboard": sorted_by((i + j) % 2),
    "coarse to fine": sorted_by(coarse),
    "random": lesson.rng("order").permutation(784),
}

# %%
fig, axes = plot.figure(2, 3, size=(2.2, 2.4))
for ax, (name, order) in zip(axes.ravel(), orders.items()):
    plot.image_grid(order.reshape(1, 28, 28) / 783, ax=ax, title=name)
lesson.figure(
    fig,
    "orders",
    "The position of each pixel in six orders, early ones dark. Look at the third and the fifth,"
    " which take every fourth row and column last and first.",
)

# %%
lesson.predict(
    "The same network and the same training, in six orders of the pixels. In which order does a"
    " test digit cost the most nats?",
    ["by rows or by columns", "checkerboard", "random", "all six are within one nat"],
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


flat = test.reshape(len(test), 784)


# %%
of_order = {}
for name, order in orders.items():
    steps, rng = lesson.steps(order_cfg.order_steps, quick=2), lesson.rng("order draws")
    lr = cosine(order_cfg.order_lr, steps, warmup=min(100, steps))
    step = descend(expected_nats, small_made(order), flat_batch, lr=lr, ema=0.99, rng=rng)
    lesson.fit(step, steps, state=step.state, label=f"MADE, {name}")
    of_order[name] = -batched(step.averaged.log_prob, flat, size=1000).mean()


def between(order):
    """The fraction of pixels with two opposite neighbors before them, on both sides or above and
    below."""
    place = np.pad(order.reshape(28, 28), 1, constant_values=784)
    pairs = [
        [np.roll(place, shift, axis)[1:-1, 1:-1] < place[1:-1, 1:-1] for shift in (1, -1)]
        for axis in (0, 1)
    ]
    return float(np.mean((pairs[0][0] & pairs[0][1]) | (pairs[1][0] & pairs[1][1])))


# %%
worst = max(of_order, key=of_order.get)
apart = of_order[worst] - min(of_order.values())
answer = "by rows or by columns" if worst.startswith("by") else worst
if apart < 1:
    answer = "all six are within one nat"
lesson.outcome(
    f"The best and the worst order differ by {apart:.1f} nats. The difference is in how well this"
    " network learns the conditionals, because their product, the distribution of the data, is the"
    " same in all orders.",
    answer=answer if answer in lesson.predictions[-1].choices else None,
)

# %%
lesson.table(
    [[name, between(orders[name]), value] for name, value in of_order.items()],
    ["order of the pixels", "pixels between two earlier neighbors", "nats per test digit"],
)

# %%
lesson.claim(
    "MADE: the better of rows and columns minus the worse of coarse to fine and random",
    min(of_order["by rows"], of_order["by columns"])
    - max(of_order["coarse to fine"], of_order["random"])
    if of_order["random"] <= 99
    else 0,
    at_least=1,
    unit="nats",
    source="seeds 0, 1 and 9043: 2.18 to 2.31; margin: a half; 0 if random needs more than 99 nats",
)

# %% [markdown]
# The column in the middle suggests a reason. In a scan by rows or by columns every pixel is
# predicted from one side. In the other orders many pixels lie *between* two earlier ones, and such
# a pixel may be easier to predict. But this cannot be the whole reason, since the checkerboard has
# most of these pixels and is only third. And the advantage may disappear with more training. With
# 1,000 hidden units and more steps, a random order was only as good as reading order in `flow/08`.
#
# ## 13. Where the post is loose
#
# - “Somehow magically a generative model with such a strong assumption works”: the order is not an
#   assumption about images, since the chain rule holds in every order. It matters for how well a
#   network learns (section 12), and for what can be given in sampling (section 11).
# - “Then the LSTM states are computed with respect to the current pixel and the pixels on the
#   left.” The “pixels on the left” are meant in the skewed map, where the pixel above is on the
#   left, too. And the post does not say that the states from the right are moved down by one row;
#   without this they depend on the future (section 8).
# - “$\mathbf{K}^{is} \circledast \mathbf{x}_i$”: the pixel to be predicted is part of the column
#   $\mathbf x_i$, so the input must be masked. The post mentions masks only for the PixelCNN.
# - “The convolution kernel is masked so that the future context is not seen”: in the first layer
#   the present pixel must not be seen either (section 2), and a part of the past is lost (section
#   3).
#
# **What this lesson does differently:** The networks have one to three layers, a wide first kernel
# and a bias for each position. The summary of the rows above is an addition to the papers. In the
# PixelRNN a masked 15×15 convolution comes before $\mathbf K^{is}$. Pixels are binary.
#
# **Left out:** color, one channel after the other; class labels as conditions; attention over the
# past; deep stacks of LSTMs. **Next:** sound has one dimension and needs a far longer context, for
# which WaveNet (`flow/10`) spreads its kernels out.
#
# **To remember:** A network that predicts each pixel from the earlier ones has an exact likelihood
# and need not be invertible. Masks keep the future out, and two stacks leave no blind spot. A
# likelihood takes one pass, a sample one step for each pixel. Convolutions learn strokes, and a
# summary of the rows above how they fit together. Only pixels that come first can be given.
#
# **Your turn:** `minigen exercise start flow/09`, then `minigen run flow/09 --with
# exercises/flow_09.py`.

# %%
lesson.finish()
