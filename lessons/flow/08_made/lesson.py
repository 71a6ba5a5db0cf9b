# %% [markdown]
# # MADE: all conditionals from one network
#
# A flow pays for its exact likelihood with maps that can be inverted (`flow/05`). Is there a
# cheaper way to an exact $p(x)$? An *autoencoder*, a network that is trained to output its own
# input, looks promising, because it has an output for each pixel, and its loss looks like a
# likelihood. But each output depends on the very pixel that it predicts, so a perfect score means
# nothing. If a network predicted each pixel from the *earlier* ones only, its predictions would
# multiply to a probability of the image. Do we need 784 networks for this, one for each pixel?
#
# MADE needs one network and many zeros. We multiply conditionals on two pixels (section 1), cut
# connections (2), check the cuts by derivatives (3), see what one wrong sign does (4), learn digits
# (5), draw them (6) and try several orders (7). This lesson follows the sections *Models with
# Autoregressive Flows* and *MADE* of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/).
#
# Before this lesson: `flow/05`.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/08_made",
    title="MADE: all conditionals from one network",
    post="flow",
    sections=["flow.s10", "flow.s11"],
    figures=["flow.f05"],
    equations=["flow.16", "flow.17", "flow.18"],
    minutes=7,
    picture="completions",
    sources=["weng2018flow", "salakhutdinov2008dbn", "germain2015made"],
)

# %%
import itertools

import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.flow.made import MADE, ancestral_sample, dependencies, made_masks
from minigen.nn.layers import masked_linear
from minigen.optim import cosine
from minigen.tensor import batched, bce_with_logits, grad, jacobian, logsumexp
from minigen.train import descend

# %% [markdown]
# ## 1. The chain rule on two pixels
#
# How can the probability of a whole image be put together from predictions of single pixels? Let's
# begin with the smallest image that has a *before* and an *after*, two pixels that are 0 or 1. It
# has four values, and we choose their probabilities.

# %%
p = np.array([[0.4, 0.1], [0.2, 0.3]])  # p[x1, x2]

# %% [markdown]
# Draw $x_1$ first. It is 1 with probability $0.2 + 0.3 = 0.5$. If it is 1, then $x_2$ is 1 with
# probability $0.3 / 0.5 = 0.6$. The image $(1, 1)$ therefore has probability $0.5 \cdot 0.6 = 0.3$,
# as in the table. What if we draw $x_2$ first?

# %%
x2_is_1 = p[:, 1].sum()
x1_is_1_given_x2 = p[1, 1] / x2_is_1
print(f"  p(1, 1) = {x2_is_1:g} · {x1_is_1_given_x2:g} = {x2_is_1 * x1_is_1_given_x2:g}")

# %%
lesson.check("p(x2 = 1): 0.1 + 0.3", x2_is_1, equals=0.4)
lesson.check("p(x1 = 1 | x2 = 1): 0.3 / 0.4", x1_is_1_given_x2, equals=0.75)

# %% [markdown]
# The two factors are different, but their product is the same. This is the *chain rule* of
# probability. It holds for every distribution, for any number $D$ of variables, and for each order
# of them (Eq. flow.16):
#
# $$p(\mathbf x) = \prod_{i=1}^D p(x_i \mid x_1, \ldots, x_{i-1}) = \prod_{i=1}^D p(x_i \mid
# x_{1:i-1}).$$
#
# In words, the probability of the whole is the product of the probabilities of its parts, each
# given the parts before it. A model in this form is called **autoregressive**: each variable is
# conditioned on the past, and not on the future. The factors also say how to sample. Draw the first
# variable, then the second given the first, and so on. We try it in the second order, 100,000
# times.

# %%
n = 100_000
rng = lesson.rng("two pixels")
x2 = (rng.random(n) < x2_is_1).astype(int)
x1_is_1 = p[1] / p.sum(axis=0)  # given x2 = 0 and x2 = 1
x1 = (rng.random(n) < x1_is_1[x2]).astype(int)
counted = np.bincount(2 * x1 + x2, minlength=4) / n

# %%
lesson.table(zip(p.ravel(), counted), ["p(x1, x2)", "fraction of the draws, x2 first"])
errors = (counted - p.ravel()) / np.sqrt(p.ravel() * (1 - p.ravel()) / n)
lesson.check("largest error of a fraction, in standard errors", np.abs(errors).max(), at_most=5)

# %%
lesson.change(
    "another table",
    "Change the table to `p = np.array([[0.1, 0.1], [0.2, 0.6]])` and run again. Which two factors "
    "does $p(1, 1)$ have now, if $x_2$ is drawn first?",
    answer="0.7 and 0.857143, and their product is 0.6, the entry of the table. The four entries "
    "must add up to 1, so the 0.3 could not become 0.6 alone.",
)

# %% [markdown]
# Drawn in either order, the images have the same distribution. For a model the other direction is
# more important. Take *any* function of the past as the probability of each next variable. Do the
# products add up to 1 over all images? They do, and the function need not meet any other condition.

# %% [markdown]
# <details><summary>Derivation: the chain rule, and why its products are distributions</summary>
#
# By the definition of a conditional probability, $p(x_{1:i}) = p(x_{1:i-1})\, p(x_i \mid
# x_{1:i-1})$. Apply this to $i = D, D - 1, \ldots, 2$:
#
# $$p(x_{1:D}) = p(x_{1:D-1})\, p(x_D \mid x_{1:D-1}) = \ldots = p(x_1) \prod_{i=2}^D p(x_i \mid
# x_{1:i-1}).$$
#
# Now the other way round: choose *any* functions $q_i(x_i \mid x_{1:i-1}) \ge 0$ with $\sum_{x_i}
# q_i = 1$ for each past. Sum their product over all $\mathbf x$, the last variable first. Only
# $q_D$ depends on $x_D$, so
#
# $$\sum_{x_1} \cdots \sum_{x_D} \prod_{i=1}^D q_i = \sum_{x_1} \cdots \sum_{x_{D-1}}
# \prod_{i=1}^{D-1} q_i \underbrace{\sum_{x_D} q_D}_{1} = \ldots = \sum_{x_1} q_1 = 1.$$
#
# A model may therefore output any conditionals, and their product is normalized. The argument needs
# that $q_i$ does not depend on $x_i, \ldots, x_D$ in any other way. $\square$
#
# </details>

# %%
conditionals = [lesson.rng(f"q{i}").random(2**i) for i in range(3)]  # q(x_i = 1 | past)
total = 0.0
for x in itertools.product([0, 1], repeat=3):
    pasts = [0, x[0], 2 * x[0] + x[1]]
    ones = np.array([q[past] for q, past in zip(conditionals, pasts)])
    total = total + np.prod(np.where(np.array(x) == 1, ones, 1 - ones))

# %%
lesson.check("three pixels, random conditionals: sum of all 8 products", total, equals=1.0)
lesson.check("digits of 2^784 - 1", len(str(2**784 - 1)), equals=237)

# %% [markdown]
# A table of conditionals would therefore be a perfect model, but it needs an entry for each past: 1
# for $x_1$, 2 for $x_2$, 4 for $x_3$, and $2^D - 1$ in all. For the 784 pixels of a digit this
# number has 237 digits. The conditionals must share a network instead. For a variable that is 0 or
# 1, the network computes a *logit* $a_i$, any real number, from the past, and the sigmoid
# $\sigma(a) = 1/(1 + e^{-a})$ turns it into the probability $p(x_i = 1 \mid x_{1:i-1}) =
# \sigma(a_i)$. For a real number the conditional can be a Gaussian, with a mean and a standard
# deviation that are functions of the past. A normalizing flow whose steps are such conditionals is
# called an **autoregressive flow** (`flow/11`, `flow/12`), which is why the post treats these
# models among the flows.
#
# ## 2. An autoencoder with masked weights
#
# We need $D$ conditionals. We could run one network $D$ times, each time on a longer past, but this
# is slow. Can a single pass compute all of them? An autoencoder has the right shape, $D$ inputs and
# $D$ outputs (Eq. flow.17):
#
# $$\mathbf h^0 = \mathbf x, \qquad \mathbf h^l = \mathrm{activation}^l(\mathbf W^l \mathbf h^{l-1}
# + \mathbf b^l), \qquad \hat{\mathbf x} = \sigma(\mathbf V \mathbf h^L + \mathbf c).$$
#
# Its loss is the cross-entropy $-\sum_i \log p(x_i)$, which looks like a negative log-likelihood.
# But it is not one, because output $i$ depends on $x_i$ itself. MADE, the **Masked Autoencoder for
# Distribution Estimation** (Germain et al. 2015), removes connections until output $i$ depends on
# $x_1, \ldots, x_{i-1}$ only. To remove a connection we multiply its weight by 0.

# %%
lesson.exercise("flow/08/masked_linear")

# %% [markdown]
# Which connections must go? The idea is to give each unit a *degree* $m$, the number of the last
# input that it may depend on (the post's “connectivity integer”). Input $i$ has degree $i$. Each
# hidden unit gets a number from 1 to $D - 1$. (A unit of degree $D$ would depend on the last input,
# and no output may use that.) A unit may then use any unit below with the same or a smaller degree.
# An output is different: it predicts $x_d$, and may only use what depends on inputs *before* $x_d$.
# Two comparisons of degrees follow, one for the hidden layers and one for the outputs.

# %%
lesson.exercise("flow/08/made_masks")

# %% [markdown]
# Let's do it by hand for $D = 3$ and four hidden units of degrees 1, 2, 1, 2. For example, the
# first hidden unit has degree 1. Only outputs 2 and 3 have a larger degree, so its row in the last
# mask is (0, 1, 1). The package's masks are made for `x @ (w * mask)`, with a row for each unit
# below and a column for each unit above.

# %%
first, last = made_masks(3, [4])
lesson.show_source(made_masks, masked_linear)
lesson.check("mask from inputs to hidden", first, equals=[[1, 1, 1, 1], [0, 1, 0, 1], [0, 0, 0, 0]])
by_hand = [[0, 1, 1], [0, 0, 1], [0, 1, 1], [0, 0, 1]]
lesson.check("mask from hidden to outputs", last, equals=by_hand)

# %%
units = [["1", "2", "3"], ["1", "2", "1", "2"], ["1", "2", "3"]]  # their degrees
layers = ["x", "hidden", "logits"]
dense = [np.ones((3, 4)), np.ones((4, 3))]


def draw_mask(mask, ax, below, above, title):
    rows, columns = units[below], units[above]
    plot.matrix(mask, ax, numbers=True, row_labels=rows, col_labels=columns, title=title)
    ax.set(xlabel=layers[above], ylabel=layers[below])


# %%
fig, axes = plot.figure(1, 4, size=(2.7, 2.6))
plot.connections(dense, axes[0], title="autoencoder", layer_labels=layers)
draw_mask(first, axes[1], 0, 1, "mask of W")
draw_mask(last, axes[2], 1, 2, "mask of V")
labels = {"layer_labels": layers, "unit_labels": units, "highlight": (2, 2)}
plot.connections([first, last], axes[3], title="MADE", **labels)
lesson.figure(
    fig,
    "f05_masks",
    "An autoencoder, the two masks, and what they leave of it. Numbers in the units and next to the"
    " masks are degrees. Look at the orange paths on the right, which show everything that the"
    " third logit depends on. No path begins at x3, and no path ends at the first logit, because"
    " the first variable has no past.",
)

# %% [markdown]
# In general, with $\odot$ for the product of entries, the forward pass is (Eq. flow.18)
#
# $$
# \begin{aligned}
# \mathbf h^l &= \mathrm{activation}^l\big((\mathbf W^l \odot \mathbf M^{\mathbf W^l})\,
#   \mathbf h^{l-1} + \mathbf b^l\big), \qquad
# \hat{\mathbf x} = \sigma\big((\mathbf V \odot \mathbf M^{\mathbf V})\, \mathbf h^L
#   + \mathbf c\big), \\
# M^{\mathbf W^l}_{k', k} &= \mathbf 1[m^l_{k'} \ge m^{l-1}_k], \qquad
# M^{\mathbf V}_{d, k} = \mathbf 1[d > m^L_k].
# \end{aligned}
# $$
#
# In words, a hidden unit is connected to units of an equal or smaller degree, and output $d$ to
# units of a degree strictly below $d$. In a network of many layers, nobody can check this by
# looking. A function that follows all connections from the inputs to the outputs can.

# %%
lesson.exercise("flow/08/dependencies")

# %% [markdown]
# The product of the masks counts the paths from each input to each output. It must be 0 where the
# input is not before the output.

# %%
paths = first @ last  # (inputs, outputs)
deep_masks = made_masks(6, [20, 15, 10], rng=lesson.rng("degrees"))
back = np.tril(dependencies(deep_masks))  # these masks are transposed: it is upper triangular

# %%
lesson.show_source(dependencies)
lesson.check(
    "paths from input (row) to output (column)", paths, equals=[[0, 2, 4], [0, 0, 2], [0, 0, 0]]
)
lesson.check(
    "three hidden layers: an output depends on itself or a later input", back.any(), equals=False
)

# %% [markdown]
# <details><summary>Derivation: the product of the masks is strictly triangular</summary>
#
# In the notation of Eq. flow.18 the entry $(d, i)$ of $\mathbf P = \mathbf M^{\mathbf V} \mathbf
# M^{\mathbf W^L} \cdots \mathbf M^{\mathbf W^1}$ is
#
# $$P_{d, i} = \sum_{k_1, \ldots, k_L} M^{\mathbf V}_{d, k_L}\, M^{\mathbf W^L}_{k_L, k_{L-1}}
# \cdots M^{\mathbf W^1}_{k_1, i},$$
#
# the number of paths from input $i$ through units $k_1, \ldots, k_L$ to output $d$. A path exists
# only if each of its masks is 1, that is if
#
# $$i \le m^1_{k_1} \le m^2_{k_2} \le \ldots \le m^L_{k_L} < d .$$
#
# So $P_{d, i} = 0$ unless $i < d$: $\mathbf P$ is strictly lower triangular. By the chain rule of
# calculus, $\partial a_d / \partial x_i$ is a sum over the same paths, of the product of the
# weights and slopes on each. Where no path exists the sum is empty and the derivative is 0 for all
# weights. $\square$
#
# </details>

# %% [markdown]
# The masks cost one multiplication of the weights, and with them one pass computes all the
# conditionals of an image. This is the whole idea of MADE.
#
# ## 3. The Jacobian shows whether the masks are right
#
# Correct masks are not enough. They must also be multiplied into the right weights, in the right
# orientation. How would we notice a mistake there? The derivatives show it, because every logit
# must have derivative 0 with respect to its own input and to all later ones.
#
# Here are five variables in another order, two hidden layers and random weights. The entry
# `order[i]` is the position of variable $i$, so variable 2 comes first, then 4, 0, 3, 1.

# %%
order = np.array([2, 4, 0, 3, 1])
net = MADE(lesson.rng("pattern"), 5, [40, 40], order=order, activation="tanh")
point = lesson.rng("a point").standard_normal((1, 5))
slopes = jacobian(net)(point).reshape(5, 5)  # d logit / d input
before = order < order[:, None]

# %%
lesson.check("derivative is zero exactly where it must be", np.all((slopes != 0) == before))

# %%
fig, axes = plot.figure(1, 2, size=(3.0, 2.8))
sorted_slopes = slopes[np.argsort(order)][:, np.argsort(order)]
names = [f"$x_{i}$" for i in range(5)]
in_order = [names[i] for i in np.argsort(order)]
for ax, values, ticks in [(axes[0], slopes, names), (axes[1], sorted_slopes, in_order)]:
    plot.matrix(values != 0, ax, row_labels=ticks, col_labels=ticks, xlabel="input", ylabel="logit")
axes[0].set_title("as numbered")
axes[1].set_title("in the order of sampling")
lesson.figure(
    fig,
    "pattern",
    "Blue where the derivative of a logit (row) with respect to an input (column) is not zero. On"
    " the right, rows and columns are sorted by position. Look at the triangle and at its empty"
    " diagonal.",
)

# %%
lesson.change(
    "in reading order",
    "Change `order` to `np.array([0, 1, 2, 3, 4])` and run again. Which variable has the empty "
    "row?",
    answer="Variable 0, the first of the order: its logit depends on no input. Now both panels are "
    "the same, since the variables are already in the order of sampling.",
)

# %% [markdown]
# The pattern looks random until we sort the variables. Then it is a triangle, as in the Jacobian of
# a coupling layer (`flow/05`). The two kinds of models have this in common, and `flow/11` builds a
# flow from a MADE.
#
# ## 4. One wrong inequality
#
# The post prints the output's mask as $\mathbf 1_{d \ge m^L_k}$, with $\ge$ instead of the $>$ that
# the cases next to it have. The sign looks harmless, and it is right in all the other masks. So
# let's train a network with it, and watch what it does. We need a distribution that is known
# exactly. Take images of 3 × 3 pixels. A fair coin chooses *rows* or *columns*, and each of the
# three is set to white or black at random. Then each pixel is flipped with probability 0.05. There
# are 512 images, so every average below is exact.

# %%
everything = np.array(list(itertools.product([0.0, 1.0], repeat=9)), np.float32)  # (512, 9)
choices = np.array(list(itertools.product([0.0, 1.0], repeat=3)))
rows = np.repeat(choices, 3, axis=1)  # (8, 9): each choice, three times in a row
columns = np.tile(choices, (1, 3))
templates = np.concatenate([rows, columns])  # (16, 9), equally likely
flips = np.abs(everything[:, None] - templates).sum(axis=2)  # (512, 16)
p_image = np.mean(0.05**flips * 0.95 ** (9 - flips), axis=1)  # (512,)


# %%
def draw_bars(rng):
    return everything[rng.choice(512, size=100, p=p_image)]  # (100, 9)


def new_network(mistake):
    model = MADE(lesson.rng("bars"), 9, [100])
    if mistake == "≥ at the output":
        degrees = model.layers[0].mask.sum(axis=0)  # the number of inputs that a unit depends on
        model.layers[1].mask[...] = np.arange(1, 10) >= degrees[:, None]
    return model


# %%
entropy = -np.sum(p_image * np.log(p_image))
lesson.check("the 512 probabilities sum to", p_image.sum(), equals=1.0)

# %% [markdown]
# The training step is the usual one, and the loss is the mean of $-\log p(x)$ over a batch. We
# train both networks for the same number of steps, with the same data.

# %%
lesson.predict(
    f"The entropy of the images is {entropy:.2f} nats. After training, what mean of -log p does the"
    " network with ≥ report?",
    ["more than the entropy", "the entropy, to a few percent", "far less than the entropy"],
)

# %%
steps = lesson.steps(3000)
models, histories = {}, {}
for name in ("> at the output", "≥ at the output"):
    model = new_network(name)
    lr = cosine(1e-2, steps)
    step = descend(MADE.loss, model, draw_bars, lr=lr, rng=lesson.rng("draws"))
    label = "3×3, masks with ≥ last" if "≥" in name else "3×3, correct masks"
    histories[name] = lesson.fit(step, steps, state=step.state, label=label)
    models[name] = model


# %%
def reported(model):
    """The mean of -log p over all 512 images, in nats, as the model computes it."""
    return -np.sum(p_image * model.log_prob(everything))


costs = {name: reported(model) for name, model in models.items()}
masses = {name: np.exp(model.log_prob(everything)).sum() for name, model in models.items()}
right, wrong = costs["> at the output"], costs["≥ at the output"]

# %%
verdict = "far less than the entropy" if wrong / entropy < 0.8 else "the entropy, to a few percent"
lesson.outcome(
    f"The network with ≥ reports {wrong:.2f} nats, and the network with > reports {right:.2f}. No"
    " distribution has a mean below the entropy, so the first number cannot come from one.",
    answer="more than the entropy" if wrong / entropy > 1.2 else verdict,
)

# %%
untrained = new_network("> at the output")
rows = [
    ["the data", entropy, 1.0],
    ["independent pixels", -9 * np.log(0.5), 1.0],
    ["untrained, >", reported(untrained), np.exp(untrained.log_prob(everything)).sum()],
    *[[name, costs[name], masses[name]] for name in models],
]
lesson.table(
    [[name, cost, cost - entropy, mass] for name, cost, mass in rows],
    ["nine pixels", "mean of -log p, nats", "above the entropy, nats", "sum of all p"],
)

# %% [markdown]
# The last column explains the low number. Sum the model's $p(x)$ over all 512 images: with $>$ the
# sum is 1, as it must be, and with $\ge$ it is almost 256. Eight of the nine pixels are copied
# rather than predicted, so that each of their $2^8$ values gets a probability close to 1. (The
# ninth escapes, because no hidden unit has degree 9.) A loss that improves too well is no reason to
# celebrate.

# %% [markdown]
# <details><summary>Derivation: no distribution has a mean of -log p below the entropy</summary>
#
# Let $p$ be the distribution of the data and $q$ the model's. Since $\log u \le u - 1$ for all $u >
# 0$,
#
# $$\sum_x p(x) \log \frac{q(x)}{p(x)} \le \sum_x p(x) \Big( \frac{q(x)}{p(x)} - 1 \Big) = \sum_x
# q(x) - 1 .$$
#
# For a distribution $q$ the right side is 0, so $-\sum_x p \log q \ge -\sum_x p \log p$. In general
# the mean of $-\log q$ can be below the entropy by at most $\log \sum_x q(x)$: apply the result to
# $q / \sum_x q$. $\square$
#
# </details>

# %%
below, most = entropy - wrong, np.log(masses["≥ at the output"])
lesson.check("with >: sum of all p", masses["> at the output"], equals=1.0, atol=1e-4)
name = "with ≥: log of the sum of all p, minus the nats below the entropy"
lesson.check(name, most - below, at_least=0)

# %%
KL = right - entropy
lesson.claim(
    "with >: KL(data || MADE)",
    KL,
    at_most=0.1,
    unit="nats",
    source="seeds 0, 1 and 8081: 0.031 to 0.046; margin: a factor 2; independent pixels: 1.98",
)

# %%
lesson.claim(
    "with ≥: nats below the entropy",
    below,
    at_least=2,
    source="theory: at most 3.99, the entropy minus that of the ninth pixel given the others;"
    " seeds 0, 1 and 8081: 3.966 to 3.968; margin: half",
)
lesson.claim(
    "with ≥: sum of all p",
    masses["≥ at the output"],
    at_least=200,
    source="theory: at most 2^8; seeds 0, 1 and 8081: 254.86 to 254.90; margin: a fifth",
)

# %% [markdown]
# For digits nobody knows the entropy, and such a number would not look suspicious. Two tests remain
# there. One is the Jacobian of section 3. The other is to draw samples. We start from an empty
# image and draw one pixel after the other, each from its conditional.

# %%
lesson.exercise("flow/08/ancestral_sample")

# %%
lesson.predict(
    "We draw images from the network with ≥, beginning with a black image. What do they look like?",
    ["as good as those of the other network", "mostly black", "gray noise"],
)

# %%
u = lesson.rng("u").random((2000, 9), dtype=np.float32)
drawn = {name: ancestral_sample(model, np.arange(9), u) for name, model in models.items()}
white = {name: x.mean() for name, x in drawn.items()}
lesson.show_source(ancestral_sample)


# %%
count = itertools.count()  # 0, 1, 2, ...: the number of pixels that are drawn


def from_white(x):
    """The logits of the network with ≥, of an image whose pixels are white until they are drawn."""
    done = np.arange(9) < next(count)
    return models["≥ at the output"](np.where(done, x, 1.0).astype(np.float32))


white["from a white image"] = ancestral_sample(from_white, np.arange(9), u).mean()

# %%
fraction = white["≥ at the output"]
lesson.outcome(
    f"The fraction of white pixels is {100 * fraction:.0f} %, and with the right masks"
    f" {100 * white['> at the output']:.0f} %, because the network with ≥ has learned to copy a"
    " pixel, and a pixel that is not yet drawn is black. If we begin with a white image instead,"
    f" {100 * white['from a white image']:.0f} % of the pixels are white.",
    answer="mostly black" if fraction < 0.25 else "gray noise",
)

# %%
real = draw_bars(lesson.rng("real"))
shown = np.concatenate([x[:14] for x in (real, *drawn.values())])  # 3 rows of 14
curves = {name: history["loss"] for name, history in histories.items()}

# %%
fig, axes = plot.figure(1, 2, size=(4.6, 2.6))
plot.curves(curves, ax=axes[0], smooth=50, title="loss in training", reference={"entropy": entropy})
axes[0].set(xlabel="step", ylabel="nats")
style = {"shape": (3, 3), "row_labels": ["data", "with >", "with ≥"], "limits": (0, 1.3)}
plot.image_grid(shown, 3, 14, axes[1], title="samples", **style)
lesson.figure(
    fig,
    "leak",
    "Left: the loss in training with > (blue) and with ≥ (orange), and the entropy of the data"
    " (dashed). Right: images of the data and samples of both networks, white pixels in light gray."
    " Compare the last row with the first.",
)

# %% [markdown]
# The second network is excellent by its own loss and cannot draw anything. Whenever a model reports
# a likelihood, ask it for samples too.
#
# ## 5. Digits
#
# Do the masks work for 784 pixels? First the pixels must become bits, because our conditionals are
# probabilities of zeros and ones. A pixel of MNIST is gray. We read the gray value as a probability
# and draw the pixel from it, again each time an image is used. This is called *stochastic
# binarization* (Salakhutdinov and Murray 2008). The network has one hidden layer of 1,000 ReLU
# units and, as in Germain et al. (2015), masked *direct* connections from the pixels to the logits.
# Pixels come in reading order.

# %%
cfg = lesson.configure(
    hidden=lesson.size(1000, quick=40), steps=7000, static_steps=2000, lr=6e-3, ema=0.999, orders=8
)
train, _, test = mnist.splits()
images = train.images.reshape(-1, 784)  # uint8
test_images = test.images[: lesson.size(10_000, quick=200)].reshape(-1, 784)
x_test = mnist.binarize(test_images, lesson.rng("coins"))

# %% [markdown]
# There is a trick that makes the loss less noisy. The *input* of the network must be bits, as in
# the test. But the bit that it *predicts* is drawn independently of all others, so we can average
# the loss over its two values instead of drawing it. Let a pixel have gray value 0.3, and let the
# network output the logit 0.7.

# %%
logit = np.array([0.7])
cost_of_1, cost_of_0 = bce_with_logits(logit, np.ones(1)), bce_with_logits(logit, np.zeros(1))
mean_cost = 0.3 * cost_of_1 + 0.7 * cost_of_0
of_gray = bce_with_logits(logit, np.full(1, 0.3))
print(f"  mean over the bit {mean_cost[0]:.4f}, cross-entropy for the target 0.3 {of_gray[0]:.4f}")

# %%
costs_by_hand = np.concatenate([cost_of_1, cost_of_0])
name = "log(1 + e^-0.7) and log(1 + e^0.7)"
lesson.check(name, costs_by_hand, equals=[0.4032, 1.1032], atol=1e-4)
lesson.check("the target 0.3", of_gray, equals=mean_cost)

# %% [markdown]
# The mean over the bit is the cross-entropy for the gray value itself, because the cross-entropy is
# a linear function of its target. So the input is bits, and the target is gray.

# %% [markdown]
# <details><summary>Derivation: the negative log-likelihood of a bit, from its logit</summary>
#
# Let $p = \sigma(a) = 1 / (1 + e^{-a})$. Then $1 - p = 1 / (1 + e^{a})$, so the two values of a bit
# cost
#
# $$-\log p = \log(1 + e^{-a}) = \log(1 + e^a) - a, \qquad -\log(1 - p) = \log(1 + e^a).$$
#
# In one formula, for $x \in \{0, 1\}$, this is
#
# $$-\log p(x) = -x \log p - (1 - x) \log(1 - p) = \log(1 + e^a) - x\, a .$$
#
# This is linear in $x$. If $x$ is 1 with probability $g$, its mean is $\log(1 + e^a) - g\, a$, the
# same formula with $g$ in place of $x$. Because $a$ depends on earlier bits only, and these are
# independent of $x$ for a given gray image, this is the mean given the earlier bits. Its gradient
# is $\sigma(a) - g$, the mean of $\sigma(a) - x$. $\square$
#
# </details>

# %%
mean = np.clip(images.mean(axis=0) / 255, 1e-3, 1 - 1e-3).astype(np.float32)
base_rate = np.log(mean / (1 - mean))  # (784,), the logits of independent pixels


def new_made(hidden, **options):
    model = MADE(lesson.rng("init"), 784, hidden, **options)
    model.layers[-1].b[...] = base_rate
    return model


# %%
def nats(model, x, target):
    """The loss: -log p of images, with gray targets the mean over the bits of each pixel."""
    return np.sum(bce_with_logits(model(x), target)) / len(x)


def coins(rng):
    """100 digits: fresh bits, and the gray values that they were drawn from."""
    gray = images[rng.integers(len(images), size=100)]
    return mnist.binarize(gray, rng), gray.astype(np.float32) / 255


# %%
def train_on(batches, steps, label, model):
    """Train a network; return the moving average of its weights."""
    lr = cosine(cfg.lr, steps, warmup=min(100, steps))
    step = descend(nats, model, batches, lr=lr, ema=cfg.ema, rng=lesson.rng(label))
    lesson.fit(step, steps, state=step.state, label=label)
    return step.averaged


# %% [markdown]
# Is the hidden layer needed at all? Without it, each pixel has a logistic regression on all earlier
# pixels. We train this rival, too. An even simpler one has independent pixels, each with its own
# probability.

# %%
steps = lesson.steps(cfg.steps, quick=6)
made = train_on(coins, steps, "MADE", new_made([cfg.hidden], direct=True))
regression = train_on(coins, steps, "logistic regressions", new_made([]))


# %%
def log_probs(model, x):
    """log p(x) of many images, (N,), a thousand at a time."""
    return batched(model.log_prob, x, size=1000, threads=True)


nll = -log_probs(made, x_test)
nll_of_regression = -log_probs(regression, x_test).mean()
independent = bce_with_logits(np.tile(base_rate, (len(x_test), 1)), x_test).sum(axis=1).mean()


# %%
def draw_digits(rng, n):
    """n samples, zeros and ones."""
    return made.sample(rng, n).reshape(n, 28, 28, 1)


lesson.sampler("digits", draw_digits)

# %% [markdown]
# How good are they? The table has numbers of the paper, too (Germain et al. 2015, Table 6). There
# the bits were drawn once, and here they are drawn again for each batch. The test digits are the
# same, but their bits are not. In the paper's rows, 32 masks means that 32 sets of masks share the
# same weights (section 7).

# %%
error = nll.std() / len(nll) ** 0.5
paper = "Germain et al. 2015"
lesson.table(
    [
        ["independent pixels", "here", independent, None],
        ["no hidden layer: logistic regressions", "here", nll_of_regression, None],
        ["MADE, 1 hidden layer", "here", nll.mean(), error],
        ["MADE, 1 hidden layer, 1 mask", paper, 88.40, None],
        ["MADE, 1 hidden layer, 32 masks", paper, 88.04, None],
        ["MADE, 2 hidden layers, 32 masks", paper, 86.64, None],
    ],
    ["stochastic bits: nats per test digit", "measured", "-log p", "standard error"],
)

# %%
lesson.claim(
    "stochastic bits: -log p",
    nll.mean(),
    at_most=87.4,
    source="Germain et al. 2015: 88.40; seeds 0, 1 and 8081: 86.98 to 87.02; margin: 0.4",
    unit="nats",
)
lesson.claim(
    "stochastic bits: nats that the hidden layer saves",
    nll_of_regression - nll.mean(),
    at_least=6.5,
    source="seeds 0, 1 and 8081: 9.78 to 9.91; margin: a third; untrained: 0, 5.3 after 7 steps",
    unit="nats",
)

# %% [markdown]
# Logistic regressions, without a single hidden unit, close most of the gap between independent
# pixels and MADE, and the hidden layer closes the last ten nats. With one hidden layer, ours needs
# fewer nats than the paper's, but this proves nothing about the networks, since the bits are not
# the same. Is this large network autoregressive, too? We flip all pixels from the 400th on. The
# logits up to the 400th must not change at all.

# %%
mixed = np.concatenate([x_test[:50, :400], 1 - x_test[:50, 400:]], axis=1)
moved = np.abs(made(mixed) - made(x_test[:50]))
lesson.check("change of the logits 0 ... 400", moved[:, :401].max(), equals=0.0, atol=0.0)
lesson.check("change of the later ones, on average", moved[:, 401:].mean(), at_least=1e-6)

# %% [markdown]
# Which earlier pixels does a logit depend on most? We take the derivative of logit $i$ with respect
# to every pixel, in absolute value, and average it over test digits.

# %%
positions = np.arange(1, 28, 3)  # rows and columns of the pixels that we ask about
some_digits = x_test[:50]


def influence(i):
    """Mean |d logit i / d pixel|, (28, 28), brightest pixel 1; pixel i itself at one half."""
    slopes = grad(lambda x: np.sum(made(x)[:, i]))(some_digits)  # (50, 784)
    strength = np.abs(slopes).mean(axis=0)
    strength = strength / max(strength.max(), 1e-12)
    strength[i] = 0.5
    return strength.reshape(28, 28)


# %%
maps = [[influence(28 * row + column) for column in positions] for row in positions]

# %%
lesson.play(
    "what_a_pixel_sees",
    {"row": positions, "column": positions},
    images=maps,
    start={"row": 13, "column": 13},
    still="row",
    caption="How strongly the logit of one pixel (gray) depends on each earlier pixel; brighter is"
    " stronger. Look for the brightest pixel, and whether a later one in reading order is lit.",
)

# %% [markdown]
# Is the brightest pixel always a direct neighbor? We count at the 36 positions in the middle of the
# image.

# %%
near = 0
for j, k in itertools.product(range(2, 8), repeat=2):
    row, column = np.unravel_index(maps[j][k].argmax(), (28, 28))  # the brightest pixel
    near += max(abs(row - positions[j]), abs(column - positions[k])) == 1

# %%
lesson.claim(
    "positions of 36 whose brightest pixel is a direct neighbor",
    near,
    at_least=24,
    source="seeds 0, 1 and 8081: 32 to 35; margin: a quarter; untrained: 0",
)

# %% [markdown]
# At 32 to 35 of the 36 positions, in three runs, it is. Neighbors are what `flow/09` begins with.
#
# One warning belongs to every likelihood of binary MNIST. Another way to make bits is to cut each
# gray value at one half (a *static threshold*). We train the same network on such images.


# %%
def thresholded(rng):
    x = mnist.binarize_static(images[rng.integers(len(images), size=100)])
    return x, x


steps = lesson.steps(cfg.static_steps, quick=4)
static = train_on(thresholded, steps, "thresholded digits", new_made([cfg.hidden], direct=True))
x_static = mnist.binarize_static(test_images)
nll_static = -log_probs(static, x_static)

# %%
gray = test_images / 255
coin_entropy = -(gray * np.log(np.maximum(gray, 1e-9))).sum(axis=1).mean()
coin_entropy -= ((1 - gray) * np.log(np.maximum(1 - gray, 1e-9))).sum(axis=1).mean()
print(f"  {nll.mean():.1f} nats with stochastic bits, of which {coin_entropy:.1f} are their noise")
print(f"  {nll_static.mean():.1f} nats with thresholded bits")

# %%
lesson.claim(
    "thresholded: -log p",
    nll_static.mean(),
    at_most=72,
    source="seeds 0, 1 and 8081: 69.83 to 69.87; margin: 2; independent pixels: 206",
    unit="nats",
)

# %% [markdown]
# The number falls although the network had fewer steps. Given the gray image, the stochastic bits
# are coin flips, and no model can predict them. Likelihoods of binary MNIST can be compared only if
# the bits were made in the same way.
#
# ## 6. One pass for the density, 784 steps for a sample
#
# The density of an image takes one pass. What does a sample take? The function `ancestral_sample`
# computes a whole pass for each pixel and uses one column of it. That looks wasteful. A hidden unit
# of degree $m$ depends on the first $m$ pixels only, so its value is final as soon as they are
# drawn. `MADE.sample` makes use of this.

# %%
lesson.predict(
    "How many multiplications does a digit need at least, relative to one pass through the"
    " network?",
    ["as many as one pass", "about 28 times as many", "784 times as many"],
)

# %%
u = lesson.rng("same noise").random((9, 500), dtype=np.float32)  # a row for each pixel
model = models["> at the output"]
by_passes = ancestral_sample(model, np.arange(9), u.T)
each_unit_once = model.sample(lesson.rng("same noise"), 500)

# %%
name = "3×3: fraction of pixels in which the two samplers differ"
lesson.check(name, np.mean(by_passes != each_unit_once), equals=0.0)
one_pass = sum(layer.w.size for layer in made.layers) + made.skip.w.size  # one for each weight
lesson.outcome(
    "The count of multiplications is the number of weights, because each weight leads to one unit,"
    " and each unit is computed only once, as soon as all that it depends on is drawn.",
    answer="as many as one pass",
)

# %%
lesson.table(
    [
        ["log p: one pass", one_pass, 1],
        ["a sample, by 784 passes", 784 * one_pass, 784],
        ["a sample, each unit once", one_pass, 784],
    ],
    ["a digit", "multiplications", "steps that wait for the one before"],
)

# %% [markdown]
# So the arithmetic is not the price of an autoregressive model. The price is in the last column:
# the 784 steps must be taken one after the other, and no number of processors makes them parallel.
# A flow by coupling draws all pixels at once. Here is what we get for the price.

# %%
digits = draw_digits(lesson.rng("shown"), 40)
of_test = x_test[:20].reshape(20, 28, 28)
fig, axes = plot.figure(1, 2, size=(4.4, 2.9))
plot.image_grid(of_test, 4, 5, axes[0], title="test digits, stochastic bits")
plot.image_grid(digits[:20], 4, 5, axes[1], title="samples of MADE")
lesson.figure(
    fig,
    "samples",
    "Test digits, and the first 20 samples of MADE, not selected. Look for the digits that fall"
    " apart.",
)

# %% [markdown]
# Some samples are digits, and others fall apart. A good likelihood is no guarantee for the eye.
#
# **Half a digit.** Drawing in order has an advantage, too. If the upper half of a digit is given,
# keep it and draw the rest. The result is an exact sample of $p(\text{lower} \mid \text{upper})$,
# and its probability is exact as well, the product of the last 392 factors. A GAN or a coupling
# flow has no such shortcut.

# %%
known = np.arange(784) < 392
chosen = x_test[[3, 2, 1, 18, 4, 8, 11, 0]]
given = np.repeat(chosen, 8, axis=0)  # (64, 784)
completed = made.sample(lesson.rng("completed"), 64, given=given, known=known)

# %%
hidden_half = np.where(known, chosen, 0.5)
grid = [np.stack([chosen[k], hidden_half[k], *completed[8 * k : 8 * k + 8]]) for k in range(8)]
labels = ["digit", "given", "samples", *[""] * 7]
ax = plot.image_grid(np.concatenate(grid), 8, 10, shape=(28, 28), col_labels=labels)
lesson.figure(
    ax,
    "completions",
    "Each row has a test digit that we chose, its upper half, and eight samples of the lower half,"
    " not selected. Look for rows with one digit, and for rows with different digits.",
)

# %% [markdown]
# Does the model assign a higher probability to the right lower half than to another one? We compute
# $-\log p(\text{lower} \mid \text{upper})$ of each test digit, and then with the lower half of
# another test digit. Independent pixels cannot tell the two apart. Can logistic regressions?


# %%
def lower_half(logits, x):
    """-log p(lower half | upper half), the mean over images, in nats."""
    return bce_with_logits(logits, x)[:, 392:].sum(axis=1).mean()


some = x_test[:2000]
swapped = np.concatenate([some[:, :392], np.roll(some, 1, axis=0)[:, 392:]], axis=1)
own, other = (lower_half(made(x), x) for x in (some, swapped))
by_regression = [lower_half(regression(x), x) for x in (some, swapped)]
blind = [lower_half(np.tile(base_rate, (len(x), 1)), x) for x in (some, swapped)]

# %%
halves = [["independent pixels", *blind], ["logistic regressions", *by_regression]]
lesson.table(
    [[*row, row[2] - row[1]] for row in [*halves, ["MADE", own, other]]],
    ["nats, given the upper half", "its own lower half", "another digit's", "difference"],
)
lesson.claim(
    "lower half: another digit's minus its own",
    other - own,
    at_least=40,
    unit="nats",
    source="seeds 0, 1 and 8081: 53.3 to 58.6; margin: a quarter; logistic regressions: 28",
)

# %% [markdown]
# The wrong half costs MADE more than twice as much as the right one. For the logistic regressions
# the difference is about half as large. So the model has learned which lower halves belong to an
# upper half, and it can answer with a probability or with a sample.
#
# ## 7. Training in several orders
#
# *You may skip this section, because no later lesson needs it. It is for readers who wonder whether
# reading order is the right one.*
#
# The chain rule holds in every order, and nothing makes the top left corner of a digit its
# beginning. Germain et al. train one network in several orders. At each step they take another
# order of the inputs, with the masks that belong to it, and the same weights. This is
# **order-agnostic training**. The degrees of the hidden units are drawn again as well, which is
# **connectivity-agnostic training**. They are no lower than the least degree of the layer before,
# so that each unit is connected to some input. `remask` does both. We cycle through eight random
# orders.
#
# The result is an ensemble of eight models with the same weights. Each defines its own $p_k(x)$.
# Their average $\frac18 \sum_k p_k(x)$ is a distribution again. (It is the probabilities that are
# averaged, and not their logarithms.)

# %%
lesson.predict(
    "After as many steps as before, how good is the average of the eight orders?",
    [
        "better than the network of one order",
        "worse than that network, but better than its members",
        "no better than its members",
    ],
)


# %%
def to_order(model, k):
    """Order k, the same each time."""
    return model.remask(np.random.default_rng(1000 * lesson.seed + k))


steps = lesson.steps(cfg.steps, quick=6)
agnostic = new_made([cfg.hidden], direct=True)
rate = cosine(cfg.lr, steps, warmup=min(100, steps))
descent = descend(nats, agnostic, coins, lr=rate, ema=cfg.ema, rng=lesson.rng("orders"))


# %%
def order_step(i):
    to_order(agnostic, i % cfg.orders)
    return descent(i)


lesson.fit(order_step, steps, state=descent.state, label="MADE in eight orders")
averaged = descent.averaged

# %%
members = np.stack([log_probs(to_order(averaged, k), x_test) for k in range(cfg.orders)])  # (8, N)
together = logsumexp(members, axis=0) - np.log(cfg.orders)  # log of the mean of the probabilities
each = -members.mean(axis=1)
gain = each.mean() - -together.mean()
behind = -together.mean() - nll.mean()

# %%
lesson.outcome(
    f"The average needs {gain:.1f} nats fewer than its members, and {abs(behind):.1f}"
    f" {'more' if behind > 0 else 'fewer'} than the network of one order. Averaging helps, because"
    " two orders assign different probabilities to a digit, but the members are worse to begin"
    " with.",
    answer="worse than that network, but better than its members"
    if behind > 0
    else "better than the network of one order",
)

# %%
lesson.table(
    [
        ["reading order in all steps", nll.mean()],
        ["eight orders: the worst of them", each.max()],
        ["eight orders: the best of them", each.min()],
        ["eight orders: their average", -together.mean()],
    ],
    ["the same number of steps", "-log p, nats"],
)

# %%
lesson.claim(
    "average of eight orders: -log p",
    -together.mean(),
    at_most=89.9,
    source="seeds 0, 1 and 8081: 88.79 to 88.90; margin: 1; independent pixels: 206",
    unit="nats",
)
lesson.claim(
    "average of eight orders: nats below its members",
    gain if each.mean() <= 95 else 0,  # an untrained one gains, too
    at_least=1.9,
    source="seeds 0, 1 and 8081: 2.78 to 2.81; margin: 30 %; counts if the members need at most"
    " 95 nats",
)

# %% [markdown]
# Two things are different from section 5, the orders and that eight of them share the weights. To
# keep them apart, we train one more network, in the first of the random orders only.

# %%
shuffled = to_order(new_made([cfg.hidden], direct=True), 0)
shuffled = train_on(coins, steps, "one random order", shuffled)
nll_shuffled = -log_probs(shuffled, x_test).mean()

# %%
lesson.table(
    [["reading order", nll.mean()], ["one random order", nll_shuffled]],
    ["one order in all steps", "-log p, nats"],
)

# %% [markdown]
# One random order alone is as good as reading order, so the order costs nothing. What makes the
# members worse is that eight orders share the weights and the steps. The average wins back more
# than half of the difference.

# %%
counts = range(1, cfg.orders + 1)
partial = [-(logsumexp(members[:k], axis=0) - np.log(k)).mean() for k in counts]
lines = {"average of the first k orders": partial, "order k alone": each}
alone = {"reading order in all steps": nll.mean()}
ax = plot.line(list(counts), lines, markers=True, title="averages of orders", reference=alone)
ax.set(xlabel="orders k", ylabel="nats per test digit")
ax.get_legend().set_loc((0.4, 0.62))  # between the curves
lesson.figure(
    ax,
    "orders",
    "Nats of each order alone (orange), and of the average of the first k (blue); dashed, the"
    " network in reading order. Look at how much the second order saves, and how much the eighth.",
)

# %% [markdown]
# <details><summary>Derivation: the average has at most the mean of its members' nats</summary>
#
# The logarithm is concave, so by Jensen's inequality, for each $x$,
#
# $$-\log \frac1K \sum_{k=1}^K p_k(x) \le \frac1K \sum_{k=1}^K -\log p_k(x),$$
#
# with equality only if all $p_k(x)$ are equal. The average is a distribution, because $\sum_x
# \frac1K \sum_k p_k(x) = \frac1K \sum_k 1 = 1$. The average of the *logarithms* is not the
# logarithm of a distribution: by the same inequality its exponentials sum to at most 1. $\square$
#
# </details>

# %%
worst = (together - members.mean(axis=0)).min()
lesson.check("least gain of a digit, in nats", worst, at_least=-1e-3)

# %% [markdown]
# In the paper, networks of several orders are ahead of those of one order (table of section 5). Its
# published code goes on until 30 passes over the data bring no improvement. Ours makes fourteen
# passes in all, so longer training may change the answer. What to remember is that the chain rule
# favors no order, but that in our steps one network does not serve eight orders as well as one.
#
# ## 8. Where the post is loose
#
# - “$\mathbf{1}_{d \geq m^L_k}$” is the last mask in the post's formula. With $\ge$, $x_d$ leaks
#   into its own output (section 4). The cases next to it have the right condition, $d > m^L_k$.
# - “The output $\hat{\mathbf{x}}$ has each dimension $\hat{x}_i = p(x_i\vert x_{1:i-1})$”: the
#   output of the formula is a sigmoid, the probability of $x_i = 1$. If $x_i = 0$, the conditional
#   is $1 - \hat x_i$.
# - “To make sure all the hidden units are connected to the input and output layers through some
#   paths, the $m^l_k$ is sampled to be equal or greater than the minimal connectivity integer in
#   the previous layer”: this ensures a path from the inputs, but not one to the outputs. If one
#   layer has the degrees 1 and 5 and the next one 2 and 3, the unit of degree 5 is connected to
#   nothing above it.

# %%
one_layer, next_layer = np.array([1, 5]), np.array([2, 3])
connected = next_layer >= one_layer[:, None]  # (units below, units above)
lesson.check("connections of the units of degree 1 and 5", connected.sum(axis=1), equals=[2, 0])

# %% [markdown]
# **What this lesson does differently:** direct connections, the moving average of the weights, gray
# targets (section 5), and eight fixed sets of degrees, where the post draws new ones for each
# minibatch.
#
# **Left out:** several hidden layers on digits; variables that are not binary (`MADE(...,
# outputs=2)` has Gaussian conditionals, and `flow/11` makes an invertible map of it); sampling in
# an order that was not trained. **Next:** `flow/09` uses that an image has rows and columns.
#
# **To remember:** The chain rule turns predictions of single variables into an exact likelihood, in
# any order. Masks let one network make all predictions in one pass. A sample takes one step for
# each variable. A likelihood that is too good may come from an output that depends on its own
# input.
#
# **Your turn:** `minigen exercise start flow/08`, then `minigen run flow/08 --with
# exercises/flow_08.py`. The whole model from an empty file: `minigen exercise start
# flow/08/from_scratch`.

# %%
lesson.finish()
