# %% [markdown]
# # Background: arrays, gradients, logits, Adam
#
# What all lessons take for granted, in half an hour. It belongs to no post. If you can say what a
# logit is, and why `(4, 1)` minus `(4,)` is a trap, go on to `gan/01`. To take away:
#
# 1. Everything is an array, and its shape says what it is.
# 2. A gradient is bookkeeping: remember how a number was made, and walk back.
# 3. Probabilities are kept as logits and losses are counted in nats, because those neither overflow
#    nor round to zero.
# 4. Adam and the moving average each remember the past with a number just below 1.
#
# A word on what you see: a lesson asks, you choose, it runs, and then says what came out. A *check*
# holds exactly, in every run; a *claim* is a measured number with a bar that it must reach. All
# that is random comes from `lesson.rng(...)`, so that one seed gives one result.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "start/01_background",
    title="Background: arrays, gradients, logits, Adam",
    post="start",
    minutes=0.1,
    sources=["kingma2015adam"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.nn import MLP, Module
from minigen.optim import SGD, Adam
from minigen.tensor import bce_with_logits, grad, sigmoid, value_and_grad
from minigen.train import descend

# %% [markdown]
# ## 1. Arrays and shapes
#
# A *batch* of $N$ points in the plane is one array of shape $(N, 2)$: an example a row. Pictures
# are $(N, H, W, C)$: height, width, and channels (colors) last. The first axis always counts
# examples. To work *along* an axis is to make it go away: of four points, `x.mean(axis=0)` is their
# center, `x.mean(axis=1)` a number for each point.

# %%
x = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 9.0]])  # (4, 2)
lesson.check("the center of the four points, (2,)", x.mean(axis=0), equals=[3.0, 4.5])
lesson.check("a number for each point, (4,)", x.mean(axis=1), equals=[0.5, 2.5, 4.5, 7.5])

# %% [markdown]
# When two shapes differ, NumPy lines them up *from the right* and repeats every axis of length 1 or
# none: *broadcasting*. A network's answers are $(4, 1)$, for it gives a row to each example; the
# targets are $(4,)$. Here the answers are perfect.

# %%
answers = np.array([[1.0], [2.0], [3.0], [4.0]])  # (4, 1)
targets = np.array([1.0, 2.0, 3.0, 4.0])  # (4,)

# %%
lesson.predict(
    "What is np.mean((answers - targets) ** 2)?",
    ["0, for they agree", "2.5", "an error: the shapes differ"],
)

# %%
error = np.mean((answers - targets) ** 2)
lesson.table([[np.shape(answers - targets), error]], ["shape of the difference", "mean square"])
lesson.check("four answers minus four targets", np.shape(answers - targets), equals=(4, 4))
lesson.outcome(
    "(4,) counts as (1, 4), both are repeated to (4, 4), and every answer is compared with every "
    f"target: {error:g}.",
    answer="2.5",
)

# %% [markdown]
# Nothing complains; the network just learns the mean of all targets. That is why lessons write
# shapes beside the code, why functions of this package refuse shapes that do not fit, and why a
# discriminator ends with `[:, 0]`.

# %%
lesson.change(
    "equal shapes",
    "Change `answers` to `np.array([1.0, 2.0, 3.0, 4.0])`, which has the shape of the targets, and "
    "run again. What are the shape of the difference and the mean square now?",
    answer="The difference has shape (4,), one number for each example, and the mean square is 0. "
    "The check of the shape no longer holds: it was made for (4, 4).",
)

# %% [markdown]
# One more habit: data, weights and gradients are `float32`, half the size of NumPy's `float64` and
# good to seven digits. And assignment never copies. `b = a` gives one array two names; `a -= 1`
# changes it for both, `a = a - 1` makes a new one.

# %%
a = np.array([1.0, 2.0])
b = a
a -= 1  # in place: b sees it
a = a - 1  # a new array: b does not
lesson.check("a and b", [a, b], equals=[[-1.0, 0.0], [0.0, 1.0]])

# %% [markdown]
# ## 2. A gradient in ten lines
#
# Training asks one question: if this weight grew a little, how would the loss change? That is the
# *slope* of the loss in the weight; the slopes in all weights together are the *gradient*. Nobody
# derives them by hand. A number can remember how it was made:


# %%
class Traced:
    """A number that knows its parents, and its slope in each of them."""

    def __init__(self, value, parents=()):
        self.value, self.parents, self.slope = value, parents, 0.0

    def __add__(self, other):
        return Traced(self.value + other.value, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other):
        return Traced(self.value * other.value, [(self, other.value), (other, self.value)])

    def backward(self, slope=1.0):
        self.slope += slope
        for parent, local in self.parents:
            parent.backward(slope * local)


# %% [markdown]
# That is all. Take $f = u \cdot v + u$ at $u = 3$, $v = 4$. The walk begins at $f$ with slope 1. It
# reaches $u$ by two ways: through the product, where one more $u$ is worth $v = 4$, and through the
# sum, where it is worth 1. On one way slopes multiply, the *chain rule*; where ways meet they add.

# %%
lesson.predict(
    "And f = w · w · w at w = 2: how often does the walk reach w, and which slope is left there?",
    ["once, 4", "three times, 4", "three times, 12", "three times, 8"],
)

# %%
u, v, w = Traced(3.0), Traced(4.0), Traced(2.0)
(u * v + u).backward()
lesson.check("slopes of u v + u at u = 3, v = 4", [u.slope, v.slope], equals=[5.0, 3.0])
cube = w * w * w
cube.backward()
lesson.check("slope of w³ at w = 2", w.slope, equals=12.0)
lesson.outcome(
    "Each of the three ways brings 2 · 2 = 4, and they add up: 3 w² = 12.", answer="three times, 12"
)

# %% [markdown]
# `+=` in `backward` is what adds the ways.

# %%
lesson.change(
    "the last way wins",
    "Change `self.slope += slope` in `backward` to `self.slope = slope` and run again. Which check "
    "fails first, and why does v still have the right slope?",
    answer="The first one, the slopes of u v + u: u has the slope 1 instead of 5, because the way "
    "through the sum overwrites the way through the product. Only one way leads to v, and its "
    "slope is still 3.",
)

# %% [markdown]
# The library `autograd` does this with whole arrays, for every function of NumPy; that is why a
# lesson says `import autograd.numpy as np`. Its `grad(f)` is the function that gives the slopes of
# `f`. It follows what is *computed*, so it needs operations that it can see: it refuses `float(x)`
# and `x[0] = 5`, and sees nothing of plain NumPy's or Python's own copies.


# %%
def f(point):
    u, v = point
    return u * v + u


by_the_library = grad(f)(np.array([3.0, 4.0]))
lesson.check("grad of the same function", by_the_library, equals=[5.0, 3.0])

# %% [markdown]
# ## 3. Surprise, in nats
#
# How wrong was a forecast? It said rain with probability $p$, and it rained. Charge $-\log p$: the
# *surprise*, 0 for a sure and true forecast, without end for "never". All logarithms here are
# natural, and the unit is then the **nat**; with $\log_2$ it is the bit, and 1 nat is
# $1/\log 2 = 1.44$ bits. Probabilities of independent things multiply, so their surprises add.
# That is why losses are sums of logarithms.

# %%
half = -np.log(0.5)
said = (1.0, 0.5, 0.1, 0.01, 1e-6)
rows = [[p, np.log(1 / p), np.log2(1 / p)] for p in said]
lesson.table(rows, ["said of what happened", "nats", "bits"])
lesson.check(
    "one half, in nats and in bits", [half, half / np.log(2)], equals=[0.6931, 1.0], atol=1e-4
)

# %% [markdown]
# A network's last layer gives numbers of any size, and a probability must lie between 0 and 1. So
# let the number $l$ be the logarithm of the odds, the **logit**: $l = \log \frac{p}{1 - p}$.
# Solved for $p$ it is the *sigmoid* $p = \sigma(l) = 1 / (1 + e^{-l})$. Logit 0 is one half; each
# step of 1 multiplies the odds by $e = 2.72$, wherever you are.

# %%
logits = np.array([-4.0, -1.0, 0.0, 1.0, 4.0, 20.0])
p = sigmoid(logits)
lesson.table(np.stack([logits, p, p / (1 - p)], axis=1), ["logit", "probability", "odds"])
lesson.check("back from p = 0.8", np.log(0.8 / 0.2), equals=1.3863, atol=1e-4)

# %%
lesson.predict(
    "It did not rain. In float32, what does -log(1 - sigmoid(l)) charge a logit of 20?",
    ["20 nats, as it should", "about 16.6 nats", "infinitely many"],
)

# %%
sure = np.array([20.0], np.float32)
with np.errstate(divide="ignore"):
    through_p = -np.log(1 - sigmoid(sure))[0]
from_the_logit = bce_with_logits(sure, np.zeros(1, np.float32))[0]
lesson.table([[through_p, from_the_logit]], ["through the probability", "from the logit"])

# %%
lesson.check("from the logit", from_the_logit, equals=20.0, atol=1e-5)
lesson.check("through the probability it is infinite", bool(np.isinf(through_p)))
lesson.outcome(
    "σ(20) differs from 1 by 2e-9, which float32 rounds away, and -log 0 is infinite. The logit "
    "has lost nothing.",
    answer="infinitely many",
)

# %% [markdown]
# So losses take logits, here and in every library. With target $t$ (1: it rained, 0: it did not)
# the charge is the *binary cross-entropy* $-t \log \sigma(l) - (1 - t) \log(1 - \sigma(l))$, and
# it is yours to write so that no logit breaks it:

# %%
lesson.exercise("start/01/bce_with_logits")

# %%
lesson.show_source(bce_with_logits)
loss = bce_with_logits(np.array([1.3863, 1.3863]), np.array([1.0, 0.0]))
lesson.check("p = 0.8: it rained, it did not", loss, equals=[0.2231, 1.6094], atol=1e-4)
slope = grad(lambda l: np.sum(bce_with_logits(l, np.array([1.0]))))(np.array([1.3863]))
lesson.check("its slope in the logit is p - t", slope, equals=[-0.2], atol=1e-4)

# %% [markdown]
# The slope is as simple as can be: what was said minus what came. Of more than two classes each
# gets a logit, and `softmax` turns them into probabilities, $e^{l_i} / \sum_j e^{l_j}$; only their
# differences count, and the charge is again $-\log$ of what the true class got: *cross-entropy*.
#
# ## 4. Adam and its betas
#
# *Gradient descent* walks against the gradient: $w \leftarrow w - \eta g$, with a learning rate
# $\eta$. A batch is a small sample of the data, so $g$ is noisy ("stochastic": SGD). One $\eta$
# must do for all weights, steep ones and flat ones. **Adam** keeps two running means for each
# weight, $m$ of the gradient and $s$ of its square, and steps by the one over the root of the
# other. A running mean keeps the share $\beta$ of itself and takes the share $1 - \beta$ of the new
# value.
#
# A $\beta$ is a memory: the last $1/(1 - \beta)$ steps or so count. `betas=(0.9, 0.999)` remembers
# the direction for 10 steps, the size for 1,000. Both means start at 0. So after one step with
# $\beta_1 = 0.9$ the mean $m$ is a tenth of the gradient. Work out $m$ after $t$ steps with the
# same gradient $g$: by which number must you divide $m$ to get $g$?

# %%
lesson.predict(
    "One weight's gradient is always 100, another's always 0.01. How far do they go in a step?",
    ["100 η and 0.01 η", "10 η and 0.1 η", "both η"],
)

# %%
lesson.exercise("start/01/adam_update")

# %% [markdown]
# After $t$ steps with the same $g$ the mean is $m = (1 - \beta_1^t)\, g$. Adam divides both means
# by such a factor:
#
# $$m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad s \leftarrow \beta_2 s + (1 - \beta_2) g^2,
# \quad w \leftarrow w - \eta \frac{m / (1 - \beta_1^t)}{\sqrt{s / (1 - \beta_2^t)} + \epsilon}.$$

# %%
lesson.show_source(Adam.update)


# %%
def moved(gradients, betas):
    """How far a weight goes in each step under Adam, learning rate 1, with these gradients."""
    w = np.zeros(1)
    optimizer = Adam([w], 1.0, betas=betas)
    places = [0.0]
    for g in gradients:
        optimizer.step([np.array([g])])
        places.append(w[0])
    return np.diff(places)


# %%
usual = (0.9, 0.999)
large, small = moved([100.0] * 3, usual), moved([0.01] * 3, usual)
lesson.check("three steps, gradients of 100", large, equals=[-1.0, -1.0, -1.0], atol=1e-4)
lesson.check("three steps, gradients of 0.01", small, equals=[-1.0, -1.0, -1.0], atol=1e-4)
lesson.outcome(f"{-large[0]:.3f} and {-small[0]:.3f} times η: the size cancels.", answer="both η")

# %% [markdown]
# So $\eta$ is a *distance*, and 1e-3 fits most networks. Where signs alternate, $m$ is small and
# so is the step: a noisy direction is not trusted. Games of two networks often say
# `betas=(0.0, 0.99)` or `(0.5, 0.999)`: a direction that was right ten steps ago may be wrong by
# now, for the opponent has moved.

# %%
flips = [1.0, -1.0] * 50
with_memory = np.abs(moved(flips, usual)[-10:]).mean()
without = np.abs(moved(flips, (0.0, 0.999))[-10:]).mean()
lesson.table([[with_memory, without]], ["steps, β₁ = 0.9", "β₁ = 0"], "gradients 1, -1, 1, ...")
lesson.check("with memory, (1 - β₁)/(1 + β₁)", with_memory, equals=0.1 / 1.9, atol=1e-3)
lesson.check("without", without, equals=1.0, atol=1e-3)

# %% [markdown]
# Now a narrow valley, $\frac12 (w_1^2 + 100\, w_2^2)$. SGD's rate has to stay below 0.02 or it
# leaves the valley through the steep walls; then it creeps along the bottom.


# %%
def valley(w):
    return 0.5 * (w[0] ** 2 + 100 * w[1] ** 2)


def trajectory(optimizer_of, steps=100):
    """The places, (steps + 1, 2), from (-2, 0.3) on."""
    w = np.array([-2.0, 0.3])
    optimizer = optimizer_of([w])
    places = [w.copy()]
    for _ in range(steps):
        optimizer.step([grad(valley)(w)])
        places.append(w.copy())
    return np.array(places)


# %%
def sgd(w):
    return SGD(w, 0.019)


def adam(w):
    return Adam(w, 0.1)


ways = {"SGD, rate 0.019": trajectory(sgd), "Adam, rate 0.1": trajectory(adam)}
distances = {name: np.linalg.norm(way, axis=1) for name, way in ways.items()}
ax = plot.line(np.arange(101), distances, log=True, title="distance to the lowest point")
ax.set_xlabel("step")
lesson.figure(
    ax,
    "valley",
    "Both start 2 away. SGD loses the same share of what is left in each step, and only 2 % of it. "
    "Adam takes steps of its own length, overshoots, and swings about the lowest point. Here the "
    "swings die out; with noisy gradients they do not, and so most lessons let the rate fall.",
)

# %% [markdown]
# ## 5. A moving average
#
# With a fixed rate the weights never rest: each batch pushes them somewhere else. Their
# *exponential moving average* (**EMA**) does: after each step,
# $\text{average} \leftarrow d \cdot \text{average} + (1 - d) \cdot \text{weights}$, with a decay
# $d$ just below 1. It too remembers about $1/(1 - d)$ steps. Let a weight be 5 plus noise of
# standard deviation 1, new in each step, and $d = 0.98$, a memory of 50 steps.

# %%
lesson.predict(
    "How large is the noise that is left in the average?",
    ["about 0.02", "about 0.1", "about 0.5", "1, as before"],
)

# %%
d = 0.98
raw = 5 + lesson.rng("noise").standard_normal(20_000)
average = np.zeros(20_000)
average[0] = raw[0]
for t in range(1, len(raw)):
    average[t] = d * average[t - 1] + (1 - d) * raw[t]
settled = average[500:]

# %%
expected = ((1 - d) / (1 + d)) ** 0.5  # the root of the sum of the squares of all shares
lesson.table([[raw.std(), settled.std(), expected]], ["raw", "average", "as calculated"])
lesson.check("noise left, over the calculated", settled.std() / expected, between=(0.75, 1.25))
lesson.outcome(
    f"{settled.std():.2f}: as if some 100 steps were averaged plainly.", answer="about 0.1"
)

# %%
ax = plot.line(
    np.arange(300),
    {"raw": raw[:300], "average": average[:300]},
    reference={"truth": 5.0},
    xlabel="step",
    title="a noisy weight and its moving average",
)
lesson.figure(
    ax,
    "average",
    "The average follows slowly: it begins wherever the first value was, and needs some fifty "
    "steps to forget it. Then it stays near the truth, which the raw values cross at every step.",
)

# %% [markdown]
# Many lessons train one set of weights and *use* the average, and say so ("EMA or raw").
#
# ## 6. How to read a model
#
# A model is an object that holds arrays, and models that hold arrays: a tree. Read it top to
# bottom: `__init__` says what it is made of, `__call__` what it does to a batch, with shapes in the
# comments. This one is a forecast: given a point of the plane, the logit of "it comes from the
# right-hand cloud".


# %%
class Forecast(Module):
    def __init__(self, rng, width):
        self.body = MLP(rng, [2, width, 1], "tanh")

    def __call__(self, x):  # (N, 2)
        return self.body(x)[:, 0]  # (N,), logits


model = Forecast(lesson.rng("weights"), 16)
parameters = model.parameters()
lesson.table(
    [[name, w.shape, w.size] for name, w in parameters.items()], ["array", "shape", "numbers"]
)
lesson.check("numbers in all", sum(w.size for w in parameters.values()), equals=65)

# %% [markdown]
# `MLP`, a *multilayer perceptron*, is linear layers $x \mapsto x W + b$ with a bend between them,
# its *activation* (`tanh`, `relu`); 16 is its width. Two clouds, Gaussians around $(-1, 0)$ and
# $(1, 0)$ with standard deviation 1, equally often: then the right logit is known, $l(x) = 2 x_1$.


# %%
def draw(rng, n):
    """Points (n, 2), and which cloud each is from, (n,): 0 left, 1 right."""
    right = rng.integers(0, 2, n).astype(np.float32)
    x = rng.standard_normal((n, 2), dtype=np.float32)
    x[:, 0] += 2 * right - 1
    return x, right


def loss_of(model, x, right):
    return np.mean(bce_with_logits(model(x), right))


x, right = draw(lesson.rng("one batch"), 256)
value, gradient = value_and_grad(loss_of)(model, x, right)
shapes = [w.shape for w in gradient.parameters().values()]
lesson.check(
    "gradients have the shapes of the weights", shapes == [w.shape for w in parameters.values()]
)

# %% [markdown]
# `value_and_grad` returns the loss and a tree like the model, of slopes. A training repeats four
# lines: draw a batch, take the gradient, step, move the average. `descend` is these four lines,
# `lesson.fit` repeats them, with a progress bar and checkpoints.

# %%
lesson.predict(
    "Who says one half to everything pays log 2 = 0.693 nats. And the best forecast there is?",
    ["0, once it is trained long enough", "about 0.36", "about 0.6"],
)


# %%
def batches(rng):
    return draw(rng, 256)


step = descend(loss_of, model, batches, lr=3e-3, ema=0.99, rng=lesson.rng("batches"))
history = lesson.fit(step, lesson.steps(600), state=step.state, label="forecast")
x, right = draw(lesson.rng("judge"), lesson.size(20_000))
least = np.mean(bce_with_logits(2 * x[:, 0], right))
rows = {"one half to all": np.log(2), "trained": loss_of(model, x, right)}
rows |= {"its average": loss_of(step.averaged, x, right), "the right logit": least}
lesson.table(rows.items(), ["forecast", "nats for a fresh point"])

# %%
lesson.outcome(
    f"{least:.3f}: the clouds overlap; which one a point in the middle is from, nobody can know.",
    answer="about 0.36",
)
line = np.linspace(-3, 3, 61, dtype=np.float32)
on_the_axis = step.averaged(np.stack([line, 0 * line], axis=1))
two = {"learned": on_the_axis, "right: 2 x": 2 * line}
ax = plot.line(line, two, styles={"right: 2 x": "--"}, xlabel="x", ylabel="logit")
lesson.figure(
    ax,
    "forecast",
    "In the middle, where most points are, the learned logit keeps to the straight line. At the "
    "ends there were hardly any, and it is free to bend away.",
)

# %%
over = rows["its average"] - least
lesson.claim("nats above the least possible", over, at_most=0.02)
beliefs = np.abs(sigmoid(step.averaged(x)) - sigmoid(2 * x[:, 0])).mean()
lesson.claim("mean distance of its probabilities from the right ones", beliefs, at_most=0.05)

# %%
lesson.change(
    "one hidden unit",
    "Change the width 16 in `model = Forecast(..., 16)` to 1 and run again. How many "
    "parameters are left? Which rows of the last table are the same for a network of any width?",
    answer="5 parameters: 2 weights and a bias for the unit, 1 weight and a bias for the output. "
    "The first and the last row, log 2 and the right logit, depend on the data and not on the "
    "network.",
)

# %% [markdown]
# You have seen all that a training here is made of. What the posts add is *which* loss, of *which*
# two distributions.
#
# **Left out:** how `autograd` orders its walk so that each number is visited once; deep networks,
# and why they need care at the start (`minigen.nn.he_gain`); convolutions (`gan/13`), attention.
# Words that you forget are in `minigen glossary`.
#
# **Next:** `gan/01` if you want to begin at the beginning; `vae/01`, `flow/01` and
# `diffusion/01` begin the other posts, and each stands on its own.
#
# **Your turn:** `minigen exercise start start/01`, then `minigen run start/01 --with
# exercises/start_01.py`: the training above, with your loss and your Adam.

# %%
lesson.finish()
