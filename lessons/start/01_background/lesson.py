# %% [markdown]
# # Background: arrays, gradients, logits, Adam
#
# A program that runs without an error and a loss that falls look like a training that works. But a
# mistake in a shape, in a logarithm or in a learning rate often raises no error, and the loss falls
# all the same. What do you have to know about arrays, gradients, losses and optimizers before you
# can trust the few lines that train a network?
#
# We look at shapes (section 1), compute a gradient with ten lines of code (2), measure losses in
# nats (3), follow the steps of Adam (4), average weights (5), and put the parts together in a small
# classifier (6). This lesson belongs to no post. Go on to `gan/01` if you know what a logit is,
# which shape `(4, 1)` minus `(4,)` has, and what the two betas of Adam do.
#
# A lesson asks a question, you choose an answer, the cell runs, and the outcome is stated. A
# *check* must hold in every run, at any seed: it is exact, or it names the sampling error that it
# allows. A *claim* is a measured number with a threshold. All random numbers come from
# `lesson.rng(...)`, so the same seed gives the same result.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "start/01_background",
    title="Background: arrays, gradients, logits, Adam",
    post="start",
    minutes=0.1,
    picture="classifier",
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
# At the end of this lesson a small network is trained on these data: points of the plane, half of
# them from a Gaussian around $(-1, 0)$ and half from one around $(1, 0)$. Given a point, the
# network predicts which Gaussian it came from.


# %%
def draw(rng, n):
    """Points (n, 2), and the Gaussian that each comes from, (n,): 0 left, 1 right."""
    right = rng.integers(0, 2, n).astype(np.float32)
    x = rng.standard_normal((n, 2), dtype=np.float32)
    x[:, 0] += 2 * right - 1
    return x, right


# %%
points, origin = draw(lesson.rng("first look"), 600)
ax = plot.samples(points, bounds=(-4, 4, -3, 3), classes=origin.astype(int), size=8)
lesson.figure(
    ax,
    "data",
    "600 points, colored by the Gaussian that they come from (0 left, 1 right). The two overlap, so"
    " no prediction can be right for every point.",
)

# %% [markdown]
# ## 1. Arrays and shapes
#
# A *batch* of $N$ points of the plane is one array of shape $(N, 2)$, one row for each example. A
# batch of images is $(N, H, W, C)$: height, width, and channels (colors) last. The first axis
# always counts examples. An operation *along* an axis removes this axis: for four points,
# `x.mean(axis=0)` is their center, and `x.mean(axis=1)` is one number for each point.

# %%
x = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 9.0]])  # (4, 2)
lesson.check("the center of the four points, (2,)", x.mean(axis=0), equals=[3.0, 4.5])
lesson.check("one number for each point, (4,)", x.mean(axis=1), equals=[0.5, 2.5, 4.5, 7.5])

# %% [markdown]
# When two shapes differ, NumPy aligns them *from the right* and repeats every axis that has length
# 1 or is missing. This is *broadcasting*. A network outputs one row for each example, so its
# predictions have shape $(4, 1)$; the targets have shape $(4,)$. In this example every prediction
# equals its target.

# %%
answers = np.array([[1.0], [2.0], [3.0], [4.0]])  # (4, 1)
targets = np.array([1.0, 2.0, 3.0, 4.0])  # (4,)

# %%
lesson.predict(
    "What is np.mean((answers - targets) ** 2)?",
    ["0, because they agree", "2.5", "an error, because the shapes differ"],
)

# %%
error = np.mean((answers - targets) ** 2)
lesson.table([[np.shape(answers - targets), error]], ["shape of the difference", "mean square"])
lesson.check("four answers minus four targets", np.shape(answers - targets), equals=(4, 4))
lesson.outcome(
    "The shape (4,) is aligned as (1, 4), so both arrays are repeated to (4, 4), and every "
    "prediction is compared with every target. Of these 16 pairs 12 differ.",
    answer="2.5",
)

# %% [markdown]
# NumPy reports no error, and a network trained with this loss learns the mean of all targets.
# Therefore the lessons write shapes beside the code, the functions of this package refuse shapes
# that do not fit, and a network with one output ends with `[:, 0]`.

# %%
lesson.change(
    "equal shapes",
    "Change `answers` to `np.array([1.0, 2.0, 3.0, 4.0])`, which has the shape of the targets, and "
    "run again. What are the shape of the difference and the mean square now?",
    answer="The difference has shape (4,), one number for each example, and the mean square is 0. "
    "The check of the shape no longer holds: it was made for (4, 4).",
)

# %% [markdown]
# Two more facts about arrays will matter in the lessons. Data, weights and gradients are `float32`,
# which takes half the memory of NumPy's default `float64` and has a precision of seven digits. And
# an assignment copies nothing: `b = a` gives the same array a second name, `a -= 1` changes the
# array that both names share, and `a = a - 1` makes a new array.

# %%
a = np.array([1.0, 2.0])
b = a
a -= 1  # in place: b is the same array
a = a - 1  # a new array: b keeps the old one
lesson.check("a and b", [a, b], equals=[[-1.0, 0.0], [0.0, 1.0]])

# %% [markdown]
# The second name kept what `a` was before the last line. So if a result changes although you never
# touched it, look for an assignment in place through another name.
#
# ## 2. A gradient in ten lines
#
# To train a network, we need to know how fast the loss changes when a weight grows. This rate is
# the *slope* of the loss with respect to the weight; the slopes for all weights together are the
# *gradient*. You do not have to derive slopes by hand, because a program can record how each number
# was made:


# %%
class Traced:
    """A number, the numbers that it was made from, and its slope with respect to each of them."""

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
# `backward` starts at the result with slope 1 and follows every path back to the inputs. Take $f =
# u \cdot v + u$ at $u = 3$, $v = 4$. Two paths lead from $f$ to $u$: through the product, where $f$
# grows $v = 4$ times as fast as $u$, and through the sum, where it grows as fast as $u$. Along a
# path slopes are multiplied, which is the *chain rule*; the slopes of different paths are added.

# %%
lesson.predict(
    "Take f = w · w · w at w = 2. How many times is `backward` called on w, and which slope does "
    "w have afterwards?",
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
    "Each of the three paths contributes 2 · 2 = 4, and their sum is 3 w² = 12.",
    answer="three times, 12",
)

# %% [markdown]
# The `+=` in `backward` adds the slopes of the paths.

# %%
lesson.change(
    "the last path wins",
    "Change `self.slope += slope` in `backward` to `self.slope = slope` and run again. Which check "
    "fails first, and why does v still have the right slope?",
    answer="The first one, the slopes of u v + u: the slope of u is 1 instead of 5, because the"
    " path through the sum overwrites the path through the product. Only one path leads to v, and"
    " its slope is still 3.",
)

# %% [markdown]
# The library `autograd` does the same with whole arrays, for the functions of NumPy. This is why a
# lesson has `import autograd.numpy as np`. Its `grad(f)` is the function that returns the slopes of
# `f`. It records the operations that are computed with `autograd`'s own NumPy. It refuses
# `float(x)` and `x[0] = 5`, and it cannot record what plain NumPy or Python's `math` computes.


# %%
def f(point):
    u, v = point
    return u * v + u


by_the_library = grad(f)(np.array([3.0, 4.0]))
lesson.check("grad of the same function", by_the_library, equals=[5.0, 3.0])

# %% [markdown]
# These are the slopes that our ten lines found. Every training in the lessons computes its gradient
# like this, for thousands of weights at once.
#
# ## 3. Nats and logits
#
# A forecast predicted rain with probability $p$, and it rained. How wrong was the forecast? The
# loss $-\log p$ is called the *surprise*: 0 for a forecast of 1, and infinite for a forecast of 0.
# All logarithms here are natural, so the unit is the **nat**. With $\log_2$ the unit is the bit,
# and 1 nat is $1/\log 2 = 1.44$ bits. The probabilities of independent events are multiplied, so
# their surprises are added: the loss of a data set is a sum of logarithms.

# %%
half = -np.log(0.5)
predicted = (1.0, 0.5, 0.1, 0.01, 1e-6)
rows = [[p, np.log(1 / p), np.log2(1 / p)] for p in predicted]
lesson.table(rows, ["probability of what happened", "nats", "bits"])
lesson.check(
    "one half, in nats and in bits", [half, half / np.log(2)], equals=[0.6931, 1.0], atol=1e-4
)

# %% [markdown]
# The last layer of a network outputs numbers of any size, but a probability lies between 0 and 1.
# So the output $l$ is read as the logarithm of the odds, the **logit**: $l = \log \frac{p}{1 - p}$.
# Solved for $p$ this is the *sigmoid*, $p = \sigma(l) = 1 / (1 + e^{-l})$. The logit 0 stands for
# the probability one half, and adding 1 to a logit always multiplies the odds by $e = 2.72$.

# %%
logits = np.array([-4.0, -1.0, 0.0, 1.0, 4.0])
p = sigmoid(logits)
lesson.table(np.stack([logits, p, p / (1 - p)], axis=1), ["logit", "probability", "odds"])
lesson.check("the logit of p = 0.8", np.log(0.8 / 0.2), equals=1.3863, atol=1e-4)

# %%
lesson.predict(
    "It did not rain, and the logit was l = 20. How many nats is the loss -log(1 - sigmoid(l)), "
    "computed in float32 as it is written here?",
    ["20, the right value", "about 16.6", "infinitely many"],
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
    "σ(20) differs from 1 by 2e-9, which is less than the precision of float32. It is rounded to 1,"
    " and -log 0 is infinite. The logit itself is exact.",
    answer="infinitely many",
)

# %% [markdown]
# So the losses of this package take logits, and the large libraries have such losses as well. With
# the target $t$ (1: it rained, 0: it did not) the loss is the *binary cross-entropy* $-t \log
# \sigma(l) - (1 - t) \log(1 - \sigma(l))$. Write this loss so that it is accurate for every logit:

# %%
lesson.exercise("start/01/bce_with_logits")

# %% [markdown]
# Its slope with respect to the logit is $\sigma(l) - t$, prediction minus target.
#
# <details><summary>Derivation: the binary cross-entropy from the logit, and its slope</summary>
#
# Since $1 - \sigma(l) = e^{-l} / (1 + e^{-l}) = 1 / (1 + e^l)$, we have $-\log(1 - \sigma(l)) =
# \log(1 + e^l)$. Since $\sigma(l) = e^l / (1 + e^l)$, we have $-\log \sigma(l) = \log(1 + e^l) -
# l$. The loss is $t$ times the second and $1 - t$ times the first:
#
# $$\log(1 + e^l) - t\, l, \qquad \text{with the slope} \quad \frac{e^l}{1 + e^l} - t = \sigma(l) -
# t .$$
#
# </details>


# %%
def loss_at(l):
    return np.sum(bce_with_logits(l, np.array([1.0])))


lesson.show_source(bce_with_logits)
loss = bce_with_logits(np.array([1.3863, 1.3863]), np.array([1.0, 0.0]))
lesson.check("p = 0.8: it rained, it did not", loss, equals=[0.2231, 1.6094], atol=1e-4)
lesson.check("slope at p = 0.8, t = 1", grad(loss_at)(np.array([1.3863])), equals=[-0.2], atol=1e-4)

# %% [markdown]
# With more than two classes each class has a logit, and the *softmax* turns the logits into
# probabilities, $e^{l_i} / \sum_j e^{l_j}$; only differences of logits matter. The loss is again
# $-\log$ of the probability of the true class, the *cross-entropy*.
#
# ## 4. Adam and its betas
#
# *Gradient descent* moves the weights against the gradient: $w \leftarrow w - \eta g$, with a
# learning rate $\eta$. A batch is a small sample of the data, so $g$ is noisy; the method is then
# called stochastic gradient descent, SGD. One $\eta$ has to serve all weights, in steep and in flat
# directions. **Adam** (Kingma and Ba 2015) keeps two running means for each weight, $m$ of the
# gradient and $s$ of its square, and moves the weight by $m$ over the root of $s$. In each step a
# running mean keeps the share $\beta$ of itself and takes the share $1 - \beta$ of the new value.
#
# A running mean reaches back about $1/(1 - \beta)$ steps: with `betas=(0.9, 0.999)`, 10 steps for
# the gradient and 1,000 for its square. Both means start at 0. So after one step with $\beta_1 =
# 0.9$ the mean $m$ is a tenth of the gradient, which is too small. Work out $m$ after $t$ steps
# with the same gradient $g$. By what do you have to divide $m$ to get $g$?

# %%
lesson.predict(
    "The gradient of one weight is always 100, that of another always 0.01. How far does Adam move "
    "each of them in a step?",
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
#
# <details><summary>Derivation: a running mean that starts at 0</summary>
#
# The distance of $m$ from $g$ shrinks by the factor $\beta_1$ in each step:
#
# $$g - \big(\beta_1 m + (1 - \beta_1) g\big) = \beta_1 (g - m) .$$
#
# At the start it is $g - 0 = g$, so after $t$ steps $g - m = \beta_1^t\, g$, and $m = (1 -
# \beta_1^t)\, g$. The same holds for $s$, with $g^2$ and $\beta_2$.
#
# </details>

# %%
m, g = 0.0, 7.0
for _ in range(3):
    m = 0.9 * m + 0.1 * g
lesson.check("m after three steps, over 1 - 0.9³", m / (1 - 0.9**3), equals=g)
lesson.show_source(Adam.update)


# %%
def moved(gradients, betas):
    """How far a weight moves in each step of Adam with these gradients, learning rate 1."""
    w = np.zeros(1)
    optimizer = Adam([w], 1.0, betas=betas)
    positions = [0.0]
    for g in gradients:
        optimizer.step([np.array([g])])
        positions.append(w[0])
    return np.diff(positions)


# %%
usual = (0.9, 0.999)
large, small = moved([100.0] * 3, usual), moved([0.01] * 3, usual)
lesson.check("three steps, gradients of 100", large, equals=[-1.0, -1.0, -1.0], atol=1e-4)
lesson.check("three steps, gradients of 0.01", small, equals=[-1.0, -1.0, -1.0], atol=1e-4)
lesson.outcome(
    f"{-large[0]:.3f} η and {-small[0]:.3f} η: the size of the gradient cancels.", answer="both η"
)

# %% [markdown]
# So $\eta$ is about the distance that a weight moves in a step, and 1e-3 is a usual choice. When
# the sign of the gradient alternates, $m$ is small and so is the step. In a GAN two networks are
# trained against each other. There the gradient of ten steps ago may point the wrong way, because
# the other network has changed since, and `betas=(0.0, 0.99)` or `(0.5, 0.999)` are common.

# %%
flips = [1.0, -1.0] * 50
with_memory = np.abs(moved(flips, usual)[-10:]).mean()
without = np.abs(moved(flips, (0.0, 0.999))[-10:]).mean()
lesson.table(
    [[with_memory, without]], ["step, β₁ = 0.9", "step, β₁ = 0"], "gradients 1, -1, 1, ..., η = 1"
)
lesson.check("β₁ = 0.9: (1 - β₁)/(1 + β₁)", with_memory, equals=0.1 / 1.9, atol=1e-3)
lesson.check("β₁ = 0", without, equals=1.0, atol=1e-3)

# %% [markdown]
# Why $(1 - \beta_1)/(1 + \beta_1)$? The gradients alternate between 1 and $-1$, and the mean
# between $a$ and $-a$. So $a = -\beta_1 a + (1 - \beta_1)$, which gives this value of $a$.
#
# Now take a loss with a narrow valley, $\frac12 (w_1^2 + 100\, w_2^2)$. One step of SGD multiplies
# $w_1$ by $1 - \eta$ and $w_2$ by $1 - 100\,\eta$. So its learning rate must stay below 0.02, or
# $w_2$ grows. But at such a rate $w_1$ shrinks by less than 2 % in a step.


# %%
def valley(w):
    return 0.5 * (w[0] ** 2 + 100 * w[1] ** 2)


def trajectory(optimizer_of, steps=100):
    """The positions, (steps + 1, 2), from (-2, 0.3) on."""
    w = np.array([-2.0, 0.3])
    optimizer = optimizer_of([w])
    positions = [w.copy()]
    for _ in range(steps):
        optimizer.step([grad(valley)(w)])
        positions.append(w.copy())
    return np.array(positions)


# %%
def sgd(w):
    return SGD(w, 0.019)


def adam(w):
    return Adam(w, 0.1)


paths = {"SGD, rate 0.019": trajectory(sgd), "Adam, rate 0.1": trajectory(adam)}
distances = {name: np.linalg.norm(path, axis=1) for name, path in paths.items()}
remaining = np.abs(paths["SGD, rate 0.019"][-1, 0] / 2)
lesson.check("SGD: the share of w₁ that is left", remaining, equals=(1 - 0.019) ** 100)

# %%
distance = "distance to the lowest point"
ax = plot.line(np.arange(101), distances, log=True, xlabel="step", ylabel=distance)
lesson.figure(
    ax,
    "valley",
    "Both start at a distance of 2. SGD reduces the distance by the same small share in each step. "
    "Adam moves by about its learning rate, overshoots, and oscillates around the lowest point. "
    "In these 100 steps, without noise, the oscillation shrinks. With noisy gradients it does not, "
    "and therefore most lessons let the learning rate fall.",
)

# %% [markdown]
# ## 5. A moving average of the weights
#
# With a fixed learning rate the weights never come to rest, because each batch moves them in
# another direction. Their *exponential moving average* (**EMA**) is steadier: after each step,
# $\text{average} \leftarrow d \cdot \text{average} + (1 - d) \cdot \text{weights}$, with a decay
# $d$ just below 1. Like the means of Adam, it reaches back about $1/(1 - d)$ steps. Let a weight be
# 5 plus noise of standard deviation 1, drawn again in each step, and $d = 0.98$, so that the
# average reaches back about 50 steps. How much of the noise is left in it?

# %%
d = 0.98
raw = 5 + lesson.rng("noise").standard_normal(20_000)
average = np.zeros(20_000)
average[0] = raw[0]
for t in range(1, len(raw)):
    average[t] = d * average[t - 1] + (1 - d) * raw[t]
settled = average[500:]

# %%
expected = ((1 - d) / (1 + d)) ** 0.5
ratio = settled.std() / expected
lesson.table(
    [[raw.std(), settled.std(), expected]],
    ["raw weight", "average", "average, as derived below"],
    "standard deviation of the noise",
)
lesson.check(
    "noise of the average over the derived, five standard errors", ratio, between=(0.8, 1.2)
)

# %% [markdown]
# A tenth of the noise is left, as much as in the plain mean of 99 values. So two numbers describe
# the same average. A value that is 50 steps old has lost all but $d^{50} = 0.36$ of its weight, so
# the average *reaches back* about $1/(1 - d) = 50$ steps. It has the *noise* of a plain mean over
# about twice as many values, because older values still count a little.
#
# <details><summary>Derivation: the noise of a moving average</summary>
#
# A value that is $k$ steps old enters the average with the share $(1 - d)\, d^k$. The variances of
# independent values add up, each times the square of its share:
#
# $$\sum_{k \ge 0} (1 - d)^2 d^{2k} = \frac{(1 - d)^2}{1 - d^2} = \frac{1 - d}{1 + d} .$$
#
# The variance of a plain mean of $n$ values is $1/n$. Both are equal for $n = (1 + d)/(1 - d)$,
# which is 99 for $d = 0.98$.
#
# </details>

# %%
shares = (1 - d) * d ** np.arange(2000)
lesson.check("the shares add up to", shares.sum(), equals=1.0)
lesson.check("1 over the sum of their squares", 1 / np.sum(shares**2), equals=99.0)

# %%
ax = plot.line(
    np.arange(300),
    {"raw": raw[:300], "average": average[:300]},
    reference={"mean": 5.0},
    xlabel="step",
    title="a noisy weight and its moving average",
)
lesson.figure(
    ax,
    "average",
    "The average starts at the first value, whose share falls to a third in about fifty steps. "
    "Afterwards it stays near 5, while the raw values scatter around it.",
)

# %% [markdown]
# That is why many lessons train a set of weights but sample with its average. They name the average
# where they use it.
#
# ## 6. How to read a model
#
# A model is an object that holds arrays, and other models that hold arrays: a tree. Read it from
# top to bottom: `__init__` lists its parts, and `__call__` computes the output for a batch, with
# the shapes in the comments. This model is a classifier: given a point of the plane, it outputs the
# logit of "the point comes from the right Gaussian".


# %%
class Classifier(Module):
    def __init__(self, rng, width):
        self.body = MLP(rng, [2, width, 1], "tanh")

    def __call__(self, x):  # (N, 2)
        return self.body(x)[:, 0]  # (N,), logits


model = Classifier(lesson.rng("weights"), 16)
parameters = model.parameters()
rows = [[name, w.shape, w.size] for name, w in parameters.items()]
lesson.table(rows, ["array", "shape", "parameters"])
lesson.check("number of parameters", sum(w.size for w in parameters.values()), equals=65)

# %% [markdown]
# An `MLP`, a *multilayer perceptron*, consists of linear layers $x \mapsto x W + b$ with a
# nonlinear function between them, the *activation* (`tanh`, `relu`); its *width* is the number of
# hidden units, here 16. For the data of this lesson the best possible logit is known: $l(x) = 2
# x_1$.
#
# <details><summary>Derivation: the best logit for two Gaussians</summary>
#
# Both Gaussians are equally frequent, so by Bayes' rule the odds of "right" at $x$ are the ratio of
# the two densities. Only $x_1$ matters, and the normalizations cancel:
#
# $$l(x) = -\tfrac12 (x_1 - 1)^2 + \tfrac12 (x_1 + 1)^2 = 2 x_1 .$$
#
# </details>


# %%
def loss_of(model, x, right):
    return np.mean(bce_with_logits(model(x), right))


x, right = draw(lesson.rng("one batch"), 256)
value, gradient = value_and_grad(loss_of)(model, x, right)
shapes = [w.shape for w in gradient.parameters().values()]
same = shapes == [w.shape for w in parameters.values()]
lesson.check("gradients have the shapes of the weights", same)

# %% [markdown]
# `value_and_grad` returns the loss, and its slopes in a tree of the same form as the model. A
# training repeats four operations: draw a batch, compute the gradient, update the weights, update
# the average. `descend` makes a function that performs these four once, and `lesson.fit` repeats
# it, with a progress bar and checkpoints.

# %%
lesson.predict(
    "A model that predicts one half for every point has the mean loss log 2 = 0.693 nats. What is "
    "the smallest possible mean loss on new points?",
    ["0, after enough training", "about 0.36", "about 0.6"],
)


# %%
def batches(rng):
    return draw(rng, 256)


step = descend(loss_of, model, batches, lr=3e-3, ema=0.99, rng=lesson.rng("batches"))
history = lesson.fit(step, lesson.steps(600), state=step.state, label="classifier")

# %% [markdown]
# The smallest possible loss is the mean of $\log(1 + e^{-2 x_1})$ over the points of the right
# Gaussian (those of the left one give the same by symmetry), an integral over one coordinate:

# %%
grid = np.linspace(-8, 10, 20_001)
density = np.exp(-((grid - 1) ** 2) / 2) / np.sqrt(2 * np.pi)
smallest = np.sum(density * bce_with_logits(2 * grid, np.ones_like(grid))) * (grid[1] - grid[0])
lesson.check("the smallest possible mean loss, nats", smallest, equals=0.3563, atol=1e-4)

# %%
x, right = draw(lesson.rng("judge"), lesson.size(20_000))
best = np.mean(bce_with_logits(2 * x[:, 0], right))
rows = {"one half for all": np.log(2), "trained": loss_of(model, x, right)}
rows |= {"its average": loss_of(step.averaged, x, right), "the best logit": best}
lesson.table(rows.items(), ["classifier", "mean loss on new points, nats"])
lesson.outcome(
    f"It is {smallest:.3f}. The two Gaussians overlap, so a point in the middle can come from"
    " either.",
    answer="about 0.36",
)

# %%
line = np.linspace(-3, 3, 61, dtype=np.float32)
on_the_axis = step.averaged(np.stack([line, 0 * line], axis=1))
two = {"learned": on_the_axis, "best: 2 x": 2 * line}
ax = plot.line(line, two, styles={"best: 2 x": "--"}, xlabel="x", ylabel="logit")
lesson.figure(
    ax,
    "classifier",
    "The logit along the horizontal axis. In the middle, where most of the points are, the"
    " learned logit follows the straight line. At the ends there are few points, and the loss"
    " hardly depends on the logit there.",
)

# %%
excess = rows["its average"] - best
gaps = np.abs(sigmoid(step.averaged(x)) - sigmoid(2 * x[:, 0]))
lesson.claim(
    "mean loss of the average above the best, nats",
    excess,
    at_most=0.006,
    source="seeds 0, 1, 2031: 0.002, 0.003, 0.003, plus a half; the logit 1.5 x₁ has 0.010",
)
lesson.claim(
    "mean distance of its probabilities from the best ones",
    gaps.mean(),
    at_most=0.025,
    source="seeds 0, 1, 2031: 0.015, 0.016, 0.015, plus a half; the logit 1.5 x₁ has 0.042",
)

# %%
lesson.change(
    "one hidden unit",
    "Change the width 16 in `model = Classifier(..., 16)` to 1 and run again. How many "
    "parameters are left? Which rows of the last table are the same for a network of any width?",
    answer="5 parameters: 2 weights and a bias for the unit, 1 weight and a bias for the output. "
    "The first and the last row, log 2 and the best logit, depend on the data and not on the "
    "network.",
)

# %% [markdown]
# These are all the parts of a training in this package. The posts add the loss: *which* one is
# used, and between *which* two distributions.
#
# **To remember:** The shape of an array gives the length of each of its axes. A gradient is
# computed by recording how a number was made, and by the chain rule, backward. A network outputs
# *logits*, and its loss is a sum of logarithms, counted in nats. Adam keeps two running means for
# each weight, an EMA is a running mean of the weights, and a decay just below 1 sets how far back a
# mean reaches.
#
# **Left out:** how `autograd` orders the backward pass so that each number is visited once; deep
# networks, whose first weights must be scaled (`minigen.nn.he_gain`); convolutions (`gan/13`);
# attention. `minigen glossary WORD` explains a term.
#
# **Next:** `gan/01` if you want to begin at the beginning; `vae/01`, `flow/01` and `diffusion/01`
# begin the other posts, and each can be read on its own.
#
# **Your turn:** `minigen exercise start start/01`, then `minigen run start/01 --with
# exercises/start_01.py`: the training above, with your loss and your Adam.

# %%
lesson.finish()
