# %% [markdown]
# # Masked diffusion: noise for symbols
#
# Diffusion adds a little noise, and learns to remove it. But what is a little noise for a word?
# Half of *cat* plus half of *dog* is not a word, and a pixel that is either black or white cannot
# become a little lighter. The obvious answer, to replace a few symbols with random ones, works, but
# the model then has to guess which of them are wrong. There is a simpler kind of noise. We erase
# symbols, and let the model fill in the blanks.
#
# The figure at the top shows real digits in its first row. Every other row was drawn by one
# network, which began with all 784 pixels erased and filled them in, in fewer steps from row to
# row.
#
# Such a model can fill in many blanks at once, where an autoregressive model writes one symbol
# after the other. What does the hurry cost? In worlds small enough to sum over, we find the exact
# model (section 2), see what its loss is (3), and compute the price of large steps in nats (4).
# Then networks learn images of nine pixels (5) and digits (6), and pay for their hurry (7). This
# lesson comes after the post [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/), and joins it with the
# autoregressive models of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/). Before this lesson:
# `diffusion/04`, `flow/08`.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "after/06_masked_diffusion",
    title="Masked diffusion: noise for symbols",
    post="after",
    equations=["after.30", "after.31", "after.32", "after.33", "after.34"],
    pretrained=["digit_classifier"],
    minutes=6,
    picture="digits",
    sources=[
        "weng2018flow",
        "weng2021diffusion",
        "uria2014deep",
        "germain2015made",
        "austin2021d3pm",
        "sahoo2024mdlm",
    ],
)

# %%
import itertools

import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.diffusion.masked import Table, exact_denoiser, mask, masked_elbo, masked_nll
from minigen.diffusion.masked import order_weight, total_correlation, unmask_step
from minigen.metrics.digits import judge_digits
from minigen.nn import MLP, Module
from minigen.optim import cosine
from minigen.tensor import batched
from minigen.train import descend

# %% [markdown]
# ## 1. Erase, and fill in
#
# We need a world of symbols in which every probability is known. Take the images of `flow/08`. They
# have 3 × 3 pixels. With equal probability, either all *rows* or all *columns* are set to white or
# black at random, and then each pixel is flipped with probability 0.05. There are $2^9 = 512$
# images, and a table of their probabilities is the whole world.

# %%
images = np.array(list(itertools.product([0, 1], repeat=9)))  # (512, 9)
choices = np.array(list(itertools.product([0, 1], repeat=3)))
templates = np.concatenate([np.repeat(choices, 3, axis=1), np.tile(choices, (1, 3))])  # (16, 9)
flips = np.abs(images[:, None] - templates).sum(axis=2)  # (512, 16)
p = np.mean(0.05**flips * 0.95 ** (9 - flips), axis=1)  # (512,)
world = Table(images, p, K=2)

# %%
entropy = -np.sum(p * np.log(p))
lesson.check("the 512 probabilities sum to", p.sum(), equals=1.0)

# %% [markdown]
# The noise is erasure. At time $t$ between 0 and 1 each position is erased with probability $t$,
# independently of the others, and replaced with a *mask token* (Eq. after.30). With $K$ symbols $0,
# \ldots, K - 1$, the token is the next number, $K$. At $t = 0$ nothing is erased, and at $t = 1$
# everything. What is visible is always correct. Because an erased symbol stays erased, this noise
# is called *absorbing*. It is one of the noises of Austin et al. (2021), whose model is called
# D3PM.

# %%
lesson.exercise("after/06/mask")

# %%
rng = lesson.rng("erased")
some = images[rng.choice(512, 8, p=p)]  # (8, 9)
coins = rng.random(some.shape)
times = (0.0, 0.3, 0.6, 1.0)
erased = [mask(some, coins >= t, 2) for t in times]

# %%
lesson.show_source(mask)
lesson.check("an erased symbol", mask(np.array([0, 1]), np.array([True, False]), 2), equals=[0, 2])
SHADES = np.array([0.0, 1.0, 0.5])  # black, white, erased
rows = SHADES[np.concatenate(erased)]
ax = plot.image_grid(
    rows, 4, 8, shape=(3, 3), row_labels=[f"t = {t:g}" for t in times], limits=(0, 1.2)
)
lesson.figure(
    ax,
    "erased",
    "Eight images (first row), and the same with more and more of their pixels erased (gray). Try"
    " to fill in the gray pixels of the second row, and then those of the third.",
)

# %% [markdown]
# To generate, we go the other way. We begin with everything erased, and fill in a few positions at
# a time. All that we need is a model of an erased symbol, given what is visible.
#
# ## 2. The exact model is a sum
#
# What is the best possible guess? Collect all images that agree with what is visible, and weigh
# them by their probabilities (Eq. after.33). For example, let the world have two pixels and
# probabilities 0.4, 0.1, 0.2, 0.3 for 00, 01, 10, 11. If the second pixel is 1 and the first is
# erased, only 01 and 11 agree. So the first pixel is 1 with probability $0.3 / (0.1 + 0.3) = 0.75$.

# %%
lesson.exercise("after/06/exact_denoiser")

# %%
two_pixels = Table(np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0.4, 0.1, 0.2, 0.3]), 2)
guess = exact_denoiser(two_pixels, np.array([[2, 1]]))[0, 0, 1]

# %%
lesson.show_source(exact_denoiser)
lesson.check("first pixel, if the second is 1: 0.3 / 0.4", guess, equals=0.75)

# %% [markdown]
# Every network of the diffusion post receives the time $t$, but this model does not. Should the
# guess not depend on how likely a symbol was to be erased? Let $S$ be the set of erased positions.
# The probability that exactly $S$ is erased is $t^{|S|} (1 - t)^{D - |S|}$, whatever the image is.
# In Bayes' rule this probability is a factor of every term, and cancels. Given what is visible, $t$
# adds nothing.

# %%
stripes = np.array(
    [[1, 2, 2, 2, 2, 2, 2, 2, 2], [1, 1, 2, 2, 2, 2, 2, 2, 2], [1, 0, 2, 2, 2, 2, 2, 2, 2]]
)
white = exact_denoiser(world, stripes)[:, :, 1]  # (3, 9): probability of white

# %%
shown = np.concatenate([SHADES[stripes], white])
ax = plot.image_grid(shown, 2, 3, shape=(3, 3), row_labels=["visible", "p(white)"], limits=(0, 1.2))
lesson.figure(
    ax,
    "guesses",
    "What is visible (first row, gray is erased), and the exact probability of white for each pixel"
    " (second row, lighter is more probable). Compare what a second visible pixel tells about the"
    " first row and about the first column.",
)

# %% [markdown]
# With one white pixel, its row and its column are both a little more likely to be white. A second
# white pixel next to it makes rows more likely, and a black one makes columns more likely. The
# exact model contains no rule about rows or columns. They follow from the table.
#
# ## 3. The loss is a mean over orders
#
# How good is a model $p_\theta$ that is not exact? As in all of diffusion, we have a bound on
# $-\log p_\theta(x)$, a negative ELBO. We first state it, and then find out what it means (Eq.
# after.31; Sahoo et al. 2024),
#
# $$\int_0^1 \frac1t\; \mathbb E \sum_{i\ \text{erased}} -\log p_\theta(x_i \mid x_t)\; dt .$$
#
# In words, erase each symbol with probability $t$, sum the cross-entropies of the erased ones, and
# average over all $t$, with large weights for small $t$. To find out what this number means, we
# write it as a sum over sets. The probability of a set $S$ of $m$ erased positions depends on $t$
# and $m$ only, so we can compute the integral over $t$. How much does one such set count?

# %%
lesson.exercise("after/06/order_weight")

# %% [markdown]
# A set of $m$ erased positions of $D$ counts $1 / \big(m \binom Dm\big)$ (Eq. after.32). So the
# bound is a weighted sum over all sets, in which $x_{\setminus S}$ are the symbols outside $S$,
#
# $$\sum_{S \ne \emptyset} \frac{1}{m \binom{D}{m}} \sum_{i \in S} -\log p_\theta(x_i \mid
# x_{\setminus S}), \qquad m = |S| .$$
#
# <details><summary>Derivation: the weight of a set, and the mean over all orders</summary>
#
# The set $S$ is erased with probability $t^m (1 - t)^{D - m}$. With the factor $1/t$ the integral
# is a beta function,
#
# $$\int_0^1 t^{m-1} (1 - t)^{D - m}\, dt = \frac{(m - 1)!\,(D - m)!}{D!} = \frac{1}{m \binom
# Dm} .$$
#
# Now take a random order of the positions, all $D!$ of them equally likely, and generate one
# position after the other. Just before a position is drawn, $m$ positions are erased, for each $m$
# from 1 to $D$ once. The erased set is a given $S$ of size $m$ with probability $1/\binom Dm$, and
# the next position is a given $i \in S$ with probability $1/m$. So the mean over orders of the sum
# of $-\log p_\theta(\text{next} \mid \text{visible})$ is the same sum. $\square$
#
# </details>
#
# The same weights appear if we draw a random *order*, and generate one position after the other. In
# other words, **the bound of masked diffusion is the mean negative log-likelihood of an
# autoregressive model over all orders**, the loss of Uria et al. (2014). MADE can be trained in
# several orders, too (`flow/08`, section 7, which you do not need here). It then has this loss for
# eight of the orders.

# %%
lesson.predict(
    "In every order the chain rule holds. How far above -log p(x) is the bound of the exact model?",
    ["nowhere above it", "log D! above it, for the unknown order", "it depends on the image"],
)


# %%
def all_sets(D):
    """Which positions are kept, (2^D - 1, D): all but the case that nothing is erased."""
    return np.array(list(itertools.product([False, True], repeat=D)))[:-1]


def bound(logits_fn, x):
    """The bound of each example of x (N, D), without drawing: a sum over all sets."""
    total = np.zeros(len(x))
    for keep in all_sets(x.shape[1]):
        weight = order_weight(int((~keep).sum()), x.shape[1])
        total = total + weight * masked_nll(logits_fn, x, np.broadcast_to(keep, x.shape), K=2)
    return total


# %%
def exact_logits(x_masked):
    with np.errstate(divide="ignore"):  # a visible position has probability 0 elsewhere
        return np.log(exact_denoiser(world, x_masked))


exact_bound = bound(exact_logits, images)
excess = np.abs(exact_bound + np.log(p)).max()

# %%
lesson.outcome(
    f"The largest difference over all 512 images is {excess:.0e} nats. In each order the factors"
    " of the exact model multiply to p(x), so the mean of -log p(x) over the orders is -log p(x).",
    answer="nowhere above it" if excess < 1e-6 else "it depends on the image",
)
lesson.show_source(order_weight, masked_nll)

# %% [markdown]
# If a model is not exact, its factors may multiply to a different number in each order. A sampler
# that takes a random order generates $x$ with the mean of these numbers, and by Jensen's inequality
# the mean of $-\log$ is at least $-\log$ of the mean. That is why it is a bound. We check the
# theorem on orders with a model that is wrong on purpose, for images of four pixels and all their
# 24 orders.


# %%
def wrong_logits(x_masked):
    """Logits that depend on everything visible, and are no conditionals of any distribution."""
    visible = x_masked @ np.arange(1.0, x_masked.shape[1] + 1)  # (N,)
    i = np.arange(x_masked.shape[1])
    angles = 3 * visible[:, None] + i  # (N, D)
    return np.stack([0 * angles, np.sin(angles)], axis=2)  # (N, D, 2)


four = np.array(list(itertools.product([0, 1], repeat=4)))  # (16, 4)
by_orders = np.zeros(16)
for order in itertools.permutations(range(4)):
    for place, i in enumerate(order):
        keep = np.isin(np.arange(4), order[:place])
        logits = wrong_logits(mask(four, np.broadcast_to(keep, four.shape), 2))
        log_p = logits - np.log(np.sum(np.exp(logits), axis=2, keepdims=True))
        by_orders -= log_p[np.arange(16), i, four[:, i]] / 24

# %%
difference = np.abs(bound(wrong_logits, four) - by_orders).max()
lesson.check("a wrong model: bound minus the mean over 24 orders", difference, at_most=1e-12)
some_rng = lesson.rng("estimates")
t = 1 - some_rng.random(20_000)  # in (0, 1]
estimates = masked_elbo(wrong_logits, np.tile(four[5], (20_000, 1)), t, some_rng, K=2)
off = (estimates.mean() - by_orders[5]) / (estimates.std() / np.sqrt(20_000))
lesson.check("mean of 20,000 estimates, in standard errors from it", np.abs(off), at_most=5)

# %% [markdown]
# In other words, a masked diffusion model is an autoregressive model without a fixed order. That is
# more to learn than one order, since a network must be able to fill in any blank given any others.
# What do we get in return?
#
# ## 4. What a large step costs
#
# A masked model may fill in several blanks at once. It gives the probabilities of each erased
# symbol, so why not draw all of them? A step that draws $k$ positions at once, each from its own
# distribution, makes an image in $D/k$ steps.

# %%
lesson.predict(
    "We draw all nine pixels in one step, each from the exact model. What do the images look like?",
    ["as good as in nine steps", "like random pixels", "all alike"],
)


# %%
def generate(denoiser, n, k, rng, D=9):
    """n images, k positions a step: (n, D)."""
    x = np.full((n, D), 2)
    while (x == 2).any():
        x = unmask_step(denoiser(x), x, k, rng)
    return x


def exact_model(x):
    return exact_denoiser(world, x)


def clean(x):
    """The fraction of images without a single flipped pixel: rows or columns of one color."""
    return np.mean((np.abs(x[:, None] - templates).sum(axis=2) == 0).any(axis=1))


# %%
rng = lesson.rng("large steps")
drawn = {k: generate(exact_model, lesson.size(4000, quick=200), k, rng) for k in (1, 3, 9)}
of_world = images[rng.choice(512, 4000, p=p)]
coin_flips = 14 / 512  # rows or columns of one color, counted once, of 512

# %%
rate = {k: clean(x) for k, x in drawn.items()}
lesson.outcome(
    f"{100 * rate[9]:.0f} % of the images in one step have only rows or only columns of one color,"
    f" and {100 * rate[1]:.0f} % of those in nine steps. Each pixel is white with probability ½,"
    " and in one step it is drawn without regard to the others.",
    answer="like random pixels" if rate[9] < 0.1 else "as good as in nine steps",
)
rows = [of_world[:12], drawn[1][:12], drawn[3][:12], drawn[9][:12]]
names = ["world", "9 steps", "3 steps", "1 step"]
ax = plot.image_grid(np.concatenate(rows), 4, 12, shape=(3, 3), row_labels=names, limits=(0, 1.2))
lesson.figure(
    ax,
    "large_steps",
    "Images of the world, and images by the exact model in nine steps, in three and in one."
    " Look for rows and columns of one color.",
)

# %%
STEPS = {1: "nine steps", 3: "three steps", 9: "one step"}
lesson.table(
    [
        ["the world", clean(of_world)],
        *([f"exact model, {name}", rate[k]] for k, name in STEPS.items()),
        ["coin flips", coin_flips],
    ],
    ["images", "fraction with rows or columns of one color"],
)

# %% [markdown]
# The model is exact in all three rows, so the fault is in the step. It draws the positions
# *independently*, and they are not independent. How many nats does this cost? For the set $S$ of
# positions that are drawn at once, the cost is the divergence of their joint distribution from the
# product of their marginals, which is called their *total correlation* (Eq. after.34),
#
# $$\mathrm{KL}\Big( p(x_S \mid x_{\text{visible}}) \;\Big\|\; \prod_{i \in S} p(x_i \mid
# x_{\text{visible}}) \Big) .$$

# %%
lesson.exercise("after/06/total_correlation")

# %% [markdown]
# A *plan* fixes which positions are drawn in which step. For a fixed plan, the mean costs of the
# steps add up to the divergence KL(world || sampler). We need no samples to check this, because we
# can compute the sampler's probability of each of the 512 images.
#
# <details><summary>Derivation: the costs of the steps add up</summary>
#
# Let the plan draw the sets $S_1, S_2, \ldots$ one after the other. The sampler's distribution is
# $q(x) = \prod_j \prod_{i \in S_j} p(x_i \mid x_{S_1}, \ldots, x_{S_{j-1}})$, and by the chain rule
# $p(x) = \prod_j p(x_{S_j} \mid x_{S_1}, \ldots, x_{S_{j-1}})$. Therefore
#
# $$\mathrm{KL}(p \| q) = \mathbb E_p \sum_j \log \frac{p(x_{S_j} \mid x_{S_1 \ldots S_{j-1}})}
# {\prod_{i \in S_j} p(x_i \mid x_{S_1 \ldots S_{j-1}})} ,$$
#
# and the expectation of each term, given what is visible before it, is a total correlation.
# $\square$
#
# </details>


# %%
def visible_before(plan, j):
    """The images as they are before step j of a plan, with the rest erased: (512, 9)."""
    done = [i for step in plan[:j] for i in step]
    return mask(images, np.broadcast_to(np.isin(np.arange(9), done), images.shape), 2)


def price(plan):
    """The sum over steps of the mean total correlation, in nats."""
    steps = [
        p @ total_correlation(world, visible_before(plan, j), plan[j]) for j in range(len(plan))
    ]
    return float(np.sum(steps))


# %%
def divergence(plan):
    """KL(world || sampler), by the sampler's probability of every image."""
    log_q = np.zeros(512)
    for j, step in enumerate(plan):
        probabilities = exact_denoiser(world, visible_before(plan, j))  # (512, 9, 2)
        for i in step:
            log_q += np.log(probabilities[np.arange(512), i, images[:, i]])
    return float(p @ (np.log(p) - log_q))


# %%
def in_order(k):
    return [list(range(i, i + k)) for i in range(0, 9, k)]


plans = {"nine steps": in_order(1), "three steps, a row each": in_order(3), "one step": in_order(9)}
prices = {name: price(plan) for name, plan in plans.items()}

# %%
for name, plan in plans.items():
    lesson.check(f"{name}: price minus the divergence", prices[name] - divergence(plan), equals=0.0)
lesson.show_source(total_correlation)

# %% [markdown]
# We can therefore name the price of fewer steps before we draw a single image. But does only the
# number of steps count? With three pixels a step we can take a row each time, or three pixels of
# which no two share a row or a column, a *diagonal* (around the edges).

# %%
lesson.predict(
    "Three pixels are drawn in the first step. Which three cost less than the three of a row?",
    ["the three of a column", "the three of a diagonal", "all three choices cost the same"],
)

# %%
row, column, diagonal = [0, 1, 2], [0, 3, 6], [0, 4, 8]
nothing = np.full((1, 9), 2)
cost = {
    name: float(total_correlation(world, nothing, S)[0])
    for name, S in {"a row": row, "a column": column, "a diagonal": diagonal}.items()
}
diagonals = [[0, 4, 8], [1, 5, 6], [2, 3, 7]]
prices["three steps, a diagonal each"] = price(diagonals)

# %%
lesson.outcome(
    f"The first diagonal costs {cost['a diagonal']:.3f} nats, and a row or a column"
    f" {cost['a row']:.3f}. Pixels of a diagonal share neither a row nor a column, so they are"
    " independent whether the image has rows or columns of one color.",
    answer="the three of a diagonal" if cost["a diagonal"] < cost["a row"] / 2 else None,
)
lesson.table(prices.items(), ["plan", "KL(world || sampler), nats"], f"entropy {entropy:.2f} nats")

# %%
lesson.change(
    "columns",
    "Change `diagonals` to the three columns, `[[0, 3, 6], [1, 4, 7], [2, 5, 8]]`, and run again."
    " What does this plan cost?",
    answer="1.092 nats, as much as a row each, because the world does not change when rows and"
    " columns are exchanged.",
)

# %%
lesson.change(
    "more flips",
    "Let a pixel be flipped with probability 0.2 instead of 0.05, in the line that computes `p`,"
    " and run again. Is hurry cheaper in this world?",
    answer="Yes. One step costs 0.3117 nats, because noisier pixels tell less about each other.",
)

# %% [markdown]
# With the same number of steps, the better plan costs a fifth of the nats. A good sampler therefore
# draws positions at once that tell us little about each other.
#
# ## 5. A network learns the small world
#
# Nobody has the table of real data, so a network must learn it. It receives what is visible, as two
# numbers for each position, the symbol as ±1 or 0, and whether it is erased. It outputs logits for
# every position. No time enters, as section 2 promised.


# %%
class Filler(Module):
    """Logits (N, D, 2) of each position, given what is visible."""

    def __init__(self, rng, D, hidden):
        self.body = MLP(rng, [2 * D, *hidden, D], activation="relu")

    def __call__(self, x_masked):  # (N, D) of 0, 1 and 2, the mask
        erased = (x_masked == 2).astype(np.float32)  # (N, D)
        symbols = np.where(x_masked == 2, 0, 2 * x_masked - 1).astype(np.float32)
        white = self.body(np.concatenate([symbols, erased], axis=1))  # (N, D)
        return np.stack([0 * white, white], axis=2)  # (N, D, 2)


# %% [markdown]
# The loss is the estimate of the bound, with a new mask for each image at every step. We spread the
# times of a batch evenly over $(0, 1]$, so that the large weights of small $t$ do not make the loss
# too noisy.
#
# These weights are a nuisance, and it is tempting to leave them out, so that every erased symbol
# counts the same. Then the loss in training is much smaller. We train this variant, too, and a
# third network without hidden layers, the simplest model that can beat coin flips here.


# %%
def spread_times(rng, n):
    """n times in (0, 1], one in each of n equal intervals, with one offset for all."""
    return (np.arange(n) + 1 - rng.random()) / n


def weighted_loss(model, x, t, rng):
    return np.mean(masked_elbo(model, x, t, rng, K=2))


def plain_loss(model, x, t, rng):
    """Without the weight: every erased symbol counts the same."""
    return np.mean(t * masked_elbo(model, x, t, rng, K=2))


# %%
def small_batch(rng):
    return images[rng.choice(512, 256, p=p)], spread_times(rng, 256), rng


def train_small(label, loss, hidden=(128, 128)):
    steps = lesson.steps(4000)
    rng = lesson.rng(label)
    settings = {"lr": cosine(3e-3, steps), "ema": 0.99, "rng": rng}
    step = descend(loss, Filler(lesson.rng("small filler"), 9, hidden), small_batch, **settings)
    lesson.fit(step, steps, state=step.state, label=label)
    return step.averaged


fillers = {"weight 1/t": train_small("small world", weighted_loss)}
fillers["weight 1"] = train_small("small world, without the weight", plain_loss)
fillers["no hidden layer"] = train_small("small world, no hidden layer", weighted_loss, ())

# %%
untrained = Filler(lesson.rng("small filler"), 9, (128, 128))
bounds = {"the exact model": p @ exact_bound}
bounds |= {f"network, {name}": p @ bound(model, images) for name, model in fillers.items()}
bounds |= {"network, untrained": p @ bound(untrained, images), "coin flips": 9 * np.log(2)}
own_loss = p @ np.mean(
    [
        t * masked_elbo(fillers["weight 1"], images, t, lesson.rng("own loss"), K=2)
        for t in np.arange(0.005, 1, 0.01)
    ],
    axis=0,
)

# %%
rows = [[name, value, value - entropy] for name, value in bounds.items()]
lesson.table(rows, ["model", "bound, nats", "above the entropy, nats"])
print(f"  without the weight, the loss in training ends at {own_loss:.2f} nats")

# %%
lesson.claim(
    "small world: bound of the network above the entropy",
    bounds["network, weight 1/t"] - entropy,
    at_most=0.1,
    unit="nats",
    source="seeds 0, 1 and 2207: 0.048 to 0.065; margin: a half; no hidden layer: 0.35",
)
lesson.claim(
    "small world: entropy above the loss without the weight",
    entropy - own_loss if bounds["network, weight 1"] - entropy < 0.2 else 0.0,
    at_least=1.0,
    unit="nats",
    source="seeds 0, 1 and 2207: 1.57 to 1.73; margin: a third; 0 if its bound is above 4.46",
)

# %% [markdown]
# By the *bound*, the networks trained with and without the weight are both close to the exact
# model, much closer than the network without hidden layers. In this run the one without the weight
# is even a little closer. So the weight is not needed for the training. The best guess for each
# blank is the same with any weights. But the number that the second network minimizes is far below
# the entropy of the world, and no mean negative log-likelihood of a model can be below it. Without
# the weight, the loss bounds nothing. If you see the loss of a masked model, ask whether it has the
# weight.
#
# ## 6. Digits
#
# Can a network fill in 784 positions? The pixels of MNIST become bits, each drawn with the
# probability of its gray value, as in `flow/08`. The network is the same, only wider.

# %%
cfg = lesson.configure(width=lesson.size(800, quick=40), steps=6000, lr=1.5e-3, batch=100)
splits = mnist.splits()
digits = splits.train.images.reshape(-1, 784)
test_images = splits.test.images[: lesson.size(2000, quick=50)].reshape(-1, 784)
test = mnist.binarize(test_images, lesson.rng("test bits")).astype(int)


def digit_batch(rng):
    gray = digits[rng.integers(len(digits), size=cfg.batch)]
    return mnist.binarize(gray, rng).astype(int), spread_times(rng, cfg.batch), rng


# %%
steps = lesson.steps(cfg.steps, quick=4)
rate = cosine(cfg.lr, steps, warmup=min(100, steps))
filler = Filler(lesson.rng("digit filler"), 784, (cfg.width, cfg.width))
white = np.clip(digits.mean(axis=0) / 255, 1e-3, 1 - 1e-3)
filler.body.layers[-1].b[...] = np.log(white / (1 - white))  # it begins with independent pixels
step = descend(
    weighted_loss, filler, digit_batch, lr=rate, ema=0.999, clip=1.0, rng=lesson.rng("d")
)
lesson.fit(step, steps, state=step.state, label="digits")
filler = step.averaged

# %% [markdown]
# Its bound cannot be summed over $2^{784}$ sets, so we average estimates, each with a time of its
# own. For comparison we take the networks of `flow/08` and `flow/09`, which had other budgets.


# %%
def estimated_bound(model, x, repeats, rng):
    """The mean of several estimates for each example, (N,)."""
    found = []
    for _ in range(repeats):
        t = rng.permutation(spread_times(rng, len(x)))  # another time for each example
        found.append(masked_elbo(model, x, t, rng, K=2))
    return np.mean(found, axis=0)


nats = estimated_bound(filler, test, lesson.size(40, quick=2), lesson.rng("test masks"))
independent = -np.mean(np.sum(np.log(np.where(test == 1, white, 1 - white)), axis=1))

# %%
error = nats.std() / np.sqrt(len(nats))
rows = [
    ["independent pixels", "likelihood", independent],
    ["masked diffusion, any order", "bound", nats.mean()],
    ["MADE in eight orders, one of them (flow/08)", "likelihood", 92],
    ["MADE in reading order (flow/08)", "likelihood", 87],
    ["PixelCNN in reading order (flow/09)", "likelihood", 83],
]
lesson.table(rows, ["binary digits", "number", "nats per digit"], f"standard error {error:.1f}")
lesson.claim(
    "digits: bound",
    nats.mean(),
    at_most=110,
    unit="nats",
    source="seeds 0, 1 and 2207: 100.9 to 101.2; margin: 9 nats; independent pixels: 199",
)

# %% [markdown]
# The network needs half the nats of independent pixels, but the models with a fixed order need
# fewer. Moreover, those models were judged on all 10,000 test digits, and the first 2,000, which we
# take here, are the easier ones. (A bound may be above the likelihood, and the budgets differ, so
# the table does not say what any order costs.) In return, the network can be asked for any blank at
# any time, and for many at once.
#
# ## 7. What hurry costs a digit
#
# How many of the 784 steps can we save? Section 4 computed such a price with a table, which we no
# longer have. But the probability of an image under a *fixed plan* needs no table. It is the
# product over the steps, and the factor of a step is the product of the network's probabilities of
# the pixels that it draws. So we take test digits, go through the steps with what is visible before
# each, and add up the nats. The price of hurry is the difference from the same order, one pixel at
# a time.


# %%
def nats_in_order(model, x, rank, k):
    """-log q(x) of each image (N, D) that is drawn in the order of the ranks, k pixels at once."""
    total = np.zeros(len(x))
    for first in range(0, x.shape[1], k):
        logits = model(mask(x, rank < first, 2))[:, :, 1].astype(float)  # (N, D)
        cost = np.logaddexp(0, np.where(x == 1, -logits, logits))  # of each pixel, if it is drawn
        drawn = (first <= rank) & (rank < first + k)
        total = total + np.sum(np.where(drawn, cost, 0), axis=1)
    return total


# %%
def follow(model, rank, k, rng):
    """Draw images (N, D) in the order of the ranks, k pixels at once."""
    x = np.full(rank.shape, 2)
    for first in range(0, x.shape[1], k):
        logits = batched(model, x, size=250, threads=True)[:, :, 1]  # (N, D)
        coins = rng.random(x.shape) < 1 / (1 + np.exp(-logits))
        x = np.where((first <= rank) & (rank < first + k), coins, x)
    return x


# %%
lesson.predict(
    "All 784 pixels at once cost some hundred nats. How much of this price do we pay if we draw 16"
    " random pixels at once, in 49 steps?",
    ["less than 5 %", "5 to 50 %", "more than 50 %"],
)


# %%
def random_order(rng, n):
    """The rank of each pixel in an order of its own for each image, (n, 784)."""
    return np.argsort(rng.random((n, 784)), axis=1)


def draw_digits(rng, n):
    """n samples in 196 steps, zeros and ones."""
    return follow(filler, random_order(rng, n), 4, rng).reshape(n, 28, 28, 1)


lesson.sampler("digits", draw_digits)
at_once = (1, 4, 16, 49, 196, 784)
some_test, n = test[: lesson.size(150, quick=4)], lesson.size(500, quick=12)
rng = lesson.rng("random orders")
rank = random_order(rng, len(some_test))
cost = {k: nats_in_order(filler, some_test, rank, k) for k in at_once}
made = {k: follow(filler, random_order(rng, n), k, rng) for k in at_once}

# %%
classifier = lesson.pretrained("digit_classifier")
real = test.reshape(-1, 28, 28, 1).astype(np.float32)


def distance(x):
    """The Fréchet distance of binary digits (N, 784) from real ones."""
    return judge_digits(classifier, x.reshape(-1, 28, 28, 1).astype(np.float32), real).frechet


real_digits = mnist.binarize(splits.validation.images[:n], rng).reshape(n, 784)
floor, pixels = distance(real_digits), distance((rng.random((n, 784)) < white).astype(int))
frechet = {k: distance(x) for k, x in made.items()}
price_of = {k: np.mean(cost[k] - cost[1]) for k in at_once}

# %%
part = price_of[16] / price_of[784]
lesson.outcome(
    f"In 49 steps a digit costs {price_of[16]:.1f} nats more than pixel by pixel, and in one step"
    f" {price_of[784]:.0f}. Sixteen pixels of 784 that are drawn at random are seldom neighbors,"
    " and the next experiment shows what neighbors cost.",
    answer="less than 5 %" if part < 0.05 else "5 to 50 %" if part < 0.5 else "more than 50 %",
)
rows = [[784 // k, k, price_of[k], frechet[k]] for k in at_once]
lesson.table(
    [*rows, ["independent pixels", None, None, pixels], ["real digits", None, None, floor]],
    ["steps", "pixels at once", "price, nats", "Fréchet distance"],
    f"{len(some_test)} test digits, {n} samples of each",
)

# %%
columns = lesson.size(12, quick=4)
shown = [real_digits[:columns], *(made[k][:columns] for k in at_once)]
names = ["real", *(f"{784 // k} steps" for k in at_once[:-1]), "1 step"]
lesson.figure(
    plot.image_grid(np.concatenate(shown), cols=columns, shape=(28, 28), row_labels=names),
    "digits",
    "Binary digits, and samples of one network in fewer and fewer steps, not selected. Some"
    " digits are broken even in 784 steps. Look for the row in which most of them are.",
)
lesson.claim(
    "digits in 784 steps: Fréchet distance over that of independent pixels",
    frechet[1] / pixels,
    at_most=0.2,
    source="seeds 0, 1 and 2207: 0.120 to 0.133; margin: a half",
)

# %% [markdown]
# Many digits are broken even in 784 steps, and as a set they are more than five times as far from
# real digits as other real digits are. That part is the network's error, and no number of steps
# removes it. In one step every pixel is drawn from its marginal, and we get independent pixels,
# however well the network was trained. In between, the nats do not tell everything. With 16 steps
# we pay less than a twentieth of the price, but in this run the distance is almost twice that of
# 784 steps. One reason may be that the nats are measured on real digits, where all visible pixels
# are right, but a sample has to go on with its own mistakes.
#
# By section 4, pixels that are drawn at once should tell us little about each other. Does this hold
# for digits? We compare two plans with the random pixels. Each plan has 49 steps of 16 pixels,
# either *blocks* of 4 × 4 pixels, or pixels that are *spread* over the image, seven apart. In both,
# the steps come in a random order.

# %%
grid = np.arange(784).reshape(28, 28)
squares = list(itertools.product(range(7), range(7)))
blocks = np.stack([grid[4 * a : 4 * a + 4, 4 * b : 4 * b + 4].ravel() for a, b in squares])
spread = np.stack([grid[a::7, b::7].ravel() for a, b in squares])  # (49, 16)


def plan_order(plan, rng, n):
    """The rank of each pixel if the steps of a plan come in a random order, (n, 784)."""
    return np.stack([np.argsort(rng.permutation(plan).ravel()) for _ in range(n)])


plans = {"16 random pixels": (price_of[16], cost[1].mean(), frechet[16], made[16])}
for name, plan in {"a block of 4 × 4": blocks, "16 spread pixels": spread}.items():
    rng = lesson.rng(name)
    rank = plan_order(plan, rng, len(some_test))
    slow, fast = (nats_in_order(filler, some_test, rank, k) for k in (1, 16))
    drawn_so = follow(filler, plan_order(plan, rng, n), 16, rng)
    plans[name] = (np.mean(fast - slow), slow.mean(), distance(drawn_so), drawn_so)

# %%
lesson.table(
    [[name, slow, price, far] for name, (price, slow, far, _) in plans.items()],
    ["a step draws", "one by one, nats", "price of 49 steps, nats", "Fréchet distance"],
)
lesson.figure(
    plot.image_grid(
        np.concatenate([x[:columns] for *_, x in plans.values()]),
        cols=columns,
        shape=(28, 28),
        row_labels=list(plans),
    ),
    "plans",
    "Samples in 49 steps of 16 pixels, which are random (first row), a block (second) or spread"
    " over the image (third). Look at the edges of strokes in the second row.",
)

# %%
price_block, _, far_block, _ = plans["a block of 4 × 4"]
price_spread, _, far_spread, _ = plans["16 spread pixels"]
learned = nats.mean() < 110
lesson.claim(
    "digits in 49 steps: price of blocks minus price of spread pixels",
    price_block - price_spread if learned else 0.0,
    at_least=16,
    unit="nats",
    source="seeds 0, 1 and 2207: 24.4 to 26.0; margin: a third; 0 if the bound is above 110 nats",
)
lesson.claim(
    "digits in 49 steps: Fréchet distance of blocks over that of spread pixels",
    far_block / far_spread if learned else 0.0,
    at_least=2.4,
    source="seeds 0, 1 and 2207: 3.66 to 4.20; margin: a third; 0 if the bound is above 110 nats",
)

# %% [markdown]
# With spread pixels, 49 steps are about as good as 784, at a sixteenth of the computation. The
# network and the number of steps are the same in all three rows, so it is the choice of pixels that
# makes the difference. Blocks cost more nats even one by one. (An exact model would need the same
# nats in every order, so this part is an error of the network.) But the larger part is the price of
# hurry. A masked language model (Sahoo et al. 2024) faces the same choice, because several words
# drawn in one step may not fit together.
#
# ## 8. A position is never changed again
#
# *You may skip this section, because it only names what the sampler cannot do. It is for readers
# who want to build one.*
#
# Gaussian diffusion can correct a mistake, because each step changes every pixel a little. A masked
# sampler cannot. Once a symbol is drawn, it stays, even if it contradicts its neighbors. One remedy
# is to erase some of the drawn symbols again, and to fill them in with the others visible
# (*remasking*). We try it in the small world. After an image is made in three random steps, we
# erase one pixel at random and draw it again, several times.

# %%
rng = lesson.rng("remasked")
x = generate(exact_model, lesson.size(4000, quick=200), 3, rng)
rows = [[0, clean(x)]]
for sweep in range(1, 28):
    keep = np.ones(x.shape, bool)
    keep[np.arange(len(x)), rng.integers(9, size=len(x))] = False
    x = unmask_step(exact_model(mask(x, keep, 2)), mask(x, keep, 2), 1, rng)
    if sweep % 9 == 0:
        rows.append([sweep, clean(x)])
lesson.table([*rows, ["the world", clean(of_world)]], ["pixels drawn again", "fraction clean"])

# %% [markdown]
# Three steps and 27 repetitions bring the fraction close to that of the world, although nine steps
# alone (section 4) do as well with fewer calls of the model. (The repetitions are Gibbs sampling,
# whose limit is the world's distribution.) Steps can be spent on going back, but first on drawing
# fewer positions at once.
#
# ## What this lesson does differently, and leaves out
#
# Austin et al. and Sahoo et al. allow other probabilities of erasing than $t$ itself, and their
# networks are far larger, transformers for text and a U-Net for images. We leave out the other
# noises of D3PM, models of ratios of probabilities, and conditions such as a prompt.
#
# **To remember:** For symbols, the noise is erasure. The loss with weight $1/t$ is the mean
# negative log-likelihood over all orders, and the exact model attains $-\log p(x)$. Drawing several
# positions at once costs their total correlation, so choose positions that tell us little about
# each other.
#
# **Your turn:** `minigen exercise start after/06`, then `minigen run after/06 --with
# exercises/after_06.py`.

# %%
lesson.finish()
