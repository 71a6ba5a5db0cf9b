# %% [markdown]
# # The diffusion transformer (DiT)
#
# The U-Net is made for images. Its convolutions look at neighbors, and its levels halve the image.
# Transformers are made for sequences, and they are easy to enlarge, since a larger one is more of
# the same block. So can a diffusion model do without convolutions? A transformer does not even
# receive the order of its tokens, still less which pixels are neighbors. And it has to learn what
# to do at each noise level and for each label. How do the time and the label get into it, and what
# does it take until it is as good as a U-Net?
#
# We cut images into tokens (section 1), build the block of the *diffusion transformer* (2), and ask
# what a network must beat before we compare anything (3). Then we compare three ways to pass the
# condition (4), sizes (5), and a U-Net (6). This lesson follows the last part of the section *Model
# Architecture* of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/).
#
# Before this lesson: `diffusion/11` (v as the target of the training), `diffusion/17` (the U-Net
# and attention).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/19_dit",
    title="The diffusion transformer (DiT)",
    post="diffusion",
    sections=["diffusion.s17"],
    figures=["diffusion.f19"],
    minutes=6,
    picture="samples",
    sources=["weng2021diffusion", "vaswani2017attention", "peebles2023dit"],
)

# %%
import autograd.numpy as np
import numpy
from scipy.special import softmax

from minigen import plot
from minigen.data import shapes
from minigen.diffusion.ddpm import eps_model_from_v, q_sample, v_from_x0_eps, v_loss
from minigen.diffusion.guidance import conditional
from minigen.diffusion.networks.unet import UNet
from minigen.diffusion.samplers import clipped, ddim
from minigen.diffusion.schedule import Schedule
from minigen.nn import Module
from minigen.optim import cosine
from minigen.tensor import batched, grad
from minigen.train import descend

# %%
from minigen.diffusion.networks.dit import (
    DiT,
    DiTBlock,
    FinalLayer,
    modulate,
    patchify,
    sincos_2d,
    unpatchify,
)

# %% [markdown]
# ## 1. Patches and positions
#
# A transformer maps a sequence of tokens to another sequence of tokens. If every pixel were a
# token, there would be far too many, because attention compares each token with every other one.
# DiT therefore *patchifies* its input, a latent of $I \times I \times C$ numbers. It cuts it into
# $(I/p)^2$ patches of $p \times p$ positions, and each patch becomes one token. For example, take
# an image of $4 \times 4$ pixels, numbered row by row from 0 to 15, and patches of $2 \times 2$.
# Each token then has four numbers.

# %%
lesson.predict(
    "The pixels of a 4 x 4 image are numbered row by row from 0 to 15. We cut it into patches of "
    "2 x 2 and take the patches row by row. Which pixels are in the second patch?",
    ["4, 5, 6, 7", "2, 3, 6, 7", "8, 9, 12, 13"],
)

# %%
lesson.exercise("diffusion/19/patchify")

# %%
picture = np.arange(16.0).reshape(1, 4, 4, 1)
tokens = patchify(picture, 2)
lesson.show_source(patchify, unpatchify)
lesson.table([[k, *tokens[0, k].astype(int)] for k in range(4)], ["token", "", "", "", ""])
lesson.check("and back", unpatchify(tokens, 2, 4, 4), equals=picture)
lesson.outcome(
    "The second patch is the one on the upper right, because the patches go by rows, as do the"
    " pixels in each.",
    answer="2, 3, 6, 7",
)

# %% [markdown]
# A token is a small square of the image, but nothing in it tells where the square was. Attention
# does not use the order of the tokens, either. Shuffle them, and the outputs are the same,
# shuffled. So a *position* is added to each token. It is a vector of sines and cosines of its
# column (the first half of the features) and of its row (the second half), the same sines and
# cosines that encode the time in `diffusion/17`. Do these vectors show which tokens are neighbors?
# We compute the cosines between the vector of position (3, 3), near the middle of a grid of $8
# \times 8$, and those of all positions:

# %%
lesson.exercise("diffusion/19/sincos_2d")

# %%
side, dim = 8, 64
positions = sincos_2d(side, side, dim)  # (64, 64)
unit = positions / np.linalg.norm(positions, axis=1, keepdims=True)
near = (unit @ unit[side * 3 + 3]).reshape(side, side)
lesson.show_source(sincos_2d)
fig, ax = plot.figure(size=(3.4, 3.0))
plot.matrix(near, ax, title="cosine with position (3, 3)", limits=(near.min(), 1), colorbar=True)
lesson.figure(
    fig,
    "positions",
    "Each square is a position of the grid, and its color is the cosine with position (3, 3)."
    " Follow the row and the column of (3, 3) to the border, and then a diagonal.",
)

# %% [markdown]
# Along each row and each column the cosine falls with the distance. So the positions offer what a
# convolution has built in, which tokens are close. Whether the network uses the offer is up to its
# training.
#
# ## 2. The block (figure f19)
#
# Now every block must receive the time and the label. A transformer block normalizes its tokens
# before each sublayer, attention or MLP, and a layer norm usually ends with a scale and a shift,
# each a learned constant. That is a convenient handle. In *adaptive* layer norm (adaLN), the scale
# and the shift depend on the condition $c$, the sum of the embeddings of time and label (in the
# post $c$ is the label). For each sublayer, one linear map of $c$, after a SiLU, outputs a shift
# and a scale for the input, and a *gate*. The gate multiplies the output of the sublayer before it
# is added to $x$. A scale of 0 and a shift of 0 leave the normalized tokens unchanged.

# %%
whole = {
    "x": plot.node("noised latent", "data", (0, 0)),
    "patch": plot.node("patchify, embed", at=(1, 0)),
    "blocks": plot.node("DiT blocks", "model", (2, 0)),
    "last": plot.node("last layer", "model", (3, 0)),
    "un": plot.node("unpatchify", at=(4, 0)),
    "out": plot.node("noise", "noise", (5, 0)),
    "var": plot.node("covariance", "noise", (5, 1)),
    "c": plot.node("time + label", "latent", (2.5, 1)),
}

# %%
block = {
    "in": plot.node("tokens", at=(0, 3)),
    "n1": plot.node("norm, scale,\nshift", at=(1, 3)),
    "att": plot.node("attention", "model", (2, 3)),
    "g1": plot.node("gate, +", at=(3, 3)),
    "n2": plot.node("norm, scale,\nshift", at=(4, 3)),
    "mlp": plot.node("MLP", "model", (5, 3)),
    "g2": plot.node("gate, +", at=(6, 3)),
    "x1": plot.node("x", "text", (1.5, 2.1)),
    "x2": plot.node("x", "text", (4.5, 2.1)),
    "map": plot.node("linear map of c, zero at first", "latent", (3.5, 4.6)),
}

# %%
ways = ["x -> patch -> blocks -> last -> un -> out", "un -> var", "c -> blocks", "c -> last"]
ways += [
    "in -> n1 -> att -> g1 -> n2 -> mlp -> g2",
    "in -> x1 -> g1",
    "g1 -> x2 -> g2",
    *[f"map -> {k}" for k in ("n1", "g1", "n2", "g2")],
]
lesson.figure(
    plot.schematic(whole | block, ways),
    "f19_dit",
    "Above is the whole network, from the noised latent (blue) through blocks (green) to its two"
    " outputs. Below is one of its blocks. The arrows through x pass a sublayer by and carry the"
    " tokens to which it adds. Follow the four arrows from the linear map of the condition (pink).",
)

# %%
lesson.exercise("diffusion/19/modulate")

# %% [markdown]
# In words, a sublayer normalizes the tokens, scales and shifts them as the condition demands,
# computes, and adds a gated result. For attention this is
#
# $$x \leftarrow x + \text{gate}(c) \cdot \text{attention}\big(\text{norm}(x)\,(1 +
# \text{scale}(c)) + \text{shift}(c)\big).$$
#
# The post calls the scale $\gamma$, the shift $\beta$ and the gate $\alpha$. “Zero” refers to the
# initialization. All weights and biases of the linear map start at zero.

# %%
lesson.predict(
    "In a new transformer block, the numbers that scale, shift and gate each sublayer are all 0, "
    "where a scale of 0 means times 1. What does the block do to its tokens?",
    ["it sets them to zero", "nothing at all", "it normalizes them"],
)

# %%
rng = lesson.rng("block")
fresh = DiTBlock(rng, 16, 4)
x = rng.standard_normal((2, 5, 16), dtype=np.float32)
c = rng.standard_normal((2, 16), dtype=np.float32)
lesson.check("change by a fresh block", np.abs(fresh(x, c) - x).max(), equals=0)


def loss_of_block(block):
    return np.sum(block(x, c) * np.cos(x))


gradient = grad(loss_of_block)(fresh)
alive = [name for name, g in gradient.parameters().items() if np.any(g)]
changed = np.abs(fresh(x, c) - x).max()
lesson.outcome(
    f"The largest change of a number is {changed:.3g}, because a gate multiplies all that"
    " its sublayer adds, and the gates start at 0. At first only these have a gradient:"
    f" {', '.join(alive)}.",
    answer="nothing at all",
)

# %%
lesson.show_source(modulate, DiTBlock)
two = np.array([[[2.0, -1.0], [0.5, 3.0]]])  # one example, two tokens
shift, scale = np.array([[0.1, -0.2]]), np.array([[0.5, 0.0]])
lesson.check("2 (1 + 0.5) + 0.1, ...", modulate(two, shift, scale)[0, 0], equals=[3.1, -1.2])

# %%
lesson.change(
    "an open gate",
    "Open the gate of the attention: add the line `fresh.modulation.b[32:48] = 1` below the one "
    "that makes `fresh`, and run again. Which parameters have a gradient now?",
    answer="Those of the attention as well, besides the linear map of the condition: a closed gate "
    "multiplies the gradients of its sublayer by zero, an open one does not. The gate of the MLP "
    "is still closed, so none of the MLP's parameters has a gradient. The block no longer starts "
    "as the identity.",
)

# %% [markdown]
# So a deep stack of such blocks starts as the identity, and a block takes part as soon as its gates
# open. It is the zero convolution of `diffusion/18` in another place.
#
# The last layer turns tokens back into patches. In the paper it outputs two values for each number
# of the latent: the predicted noise and a *diagonal covariance*, the learned variance of
# `diffusion/07`. Only the number of output features changes. A token of $4 \times 4$ pixels then
# has $2 \cdot 16$.

# %%
last = FinalLayer(rng, 16, 2 * 4 * 4)
tokens = rng.standard_normal((2, 16, 16), dtype=np.float32)  # 16 tokens of width 16
both = unpatchify(last(tokens, c), 4, 16, 16)
noise, v = np.split(both, 2, axis=3)
lesson.check("shapes of noise and covariance", [noise.shape, v.shape], equals=[(2, 16, 16, 1)] * 2)

# %% [markdown]
# Our networks output only the first half, and the variance is fixed.
#
# ## 3. What is there to beat?
#
# A wrong turn first. An earlier version of this lesson compared eight networks on small digits,
# trained for a thousand steps each. Its differences were many standard errors wide and looked
# convincing. Then someone tried a formula without any network, one Gaussian for each digit, and it
# was ahead of seven of the eight. A network that loses to a linear filter has not shown that it
# uses its attention, so the table could not tell which design uses it better.
#
# We therefore take the small world of `diffusion/17`, in which the best prediction is known. Its
# 6,144 images of 16 × 16 pixels show an ellipse, a rectangle or a triangle in all sizes, rotations
# and places. The label is the kind of shape. Given $x_t$ and the label, the best prediction of
# $x_0$ is a mean over the 2,048 images of this kind, and *a Gaussian for each kind* has a formula
# too:

# %%
T = 200
process = Schedule.cosine(T)
grid, factors = shapes.grid()
world, kinds = (2 * grid - 1).astype(np.float32), factors[:, 0]  # (6144, 16, 16, 1), (6144,)
flat = world.reshape(len(world), -1).astype(float)


def best_possible(x, signal, images):
    """The mean of x_0 given x_t, if these images are equally likely: x (N, 256), ᾱ_t (N, 1)."""
    lengths = (x**2).sum(axis=1, keepdims=True) + signal * (images**2).sum(axis=1)
    distance = lengths - 2 * np.sqrt(signal) * x @ images.T  # squared, from each scaled image
    return softmax(-distance / (2 * (1 - signal)), axis=1) @ images


# %%
def gaussian(x, signal, images):
    """The mean of x_0 given x_t, if x_0 had a normal distribution: with these images' moments."""
    mean = images.mean(axis=0)
    variances, axes = numpy.linalg.eigh(numpy.cov(images.T))
    variances = numpy.maximum(variances, 0)
    along = (x - np.sqrt(signal) * mean) @ axes
    return mean + along * np.sqrt(signal) * variances / (signal * variances + 1 - signal) @ axes.T


def for_each_kind(formula, x, signal, y):
    """The formula with the images of the kind y alone, for each example."""
    result = numpy.zeros_like(x)
    for k in range(3):
        result[y == k] = formula(x[y == k], signal[y == k], flat[kinds == k])
    return result


# %% [markdown]
# All predictions are judged on the same noisy images, at all times equally often. A network
# predicts $v$, and we measure the mean squared *distance* of its $v$ from the best one, because
# this is all that it can improve.

# %%
count, rng = lesson.size(1000, quick=40), lesson.rng("judge")
t = 1 + numpy.arange(count) * T // count
rows = rng.integers(len(world), size=count)
x0, y = world[rows], kinds[rows]
eps = rng.standard_normal(x0.shape, dtype=np.float32)
x_t, v = q_sample(x0, t, eps, process), v_from_x0_eps(x0, t, eps, process)
signal, noisy = process.alpha_bar[t][:, None], x_t.reshape(count, -1).astype(float)


def v_of(estimate):
    """The v that an estimate of x_0 implies, (N, 16, 16, 1)."""
    return ((np.sqrt(signal) * noisy - estimate) / np.sqrt(1 - signal)).reshape(x_t.shape)


# %%
best = v_of(for_each_kind(best_possible, noisy, signal, y))
formulas = {
    "0 (untrained network)": 0 * best,
    "one Gaussian": v_of(gaussian(noisy, signal, flat)),
    "a Gaussian for each kind": v_of(for_each_kind(gaussian, noisy, signal, y)),
    "best without the label": v_of(best_possible(noisy, signal, flat)),
    "best possible": best,
}


def away(prediction):
    """The mean squared distance from the best prediction."""
    return float(np.mean((prediction - best) ** 2))


# %%
known = {name: away(prediction) for name, prediction in formulas.items()}
to_beat = known["a Gaussian for each kind"]
rows = [[name, np.mean((formulas[name] - v) ** 2), known[name]] for name in known]
lesson.table(rows, ["prediction", "error of v", "distance from the best"], "without any network")

# %% [markdown]
# The number to beat is the distance of the Gaussians, and a network must be far below it before we
# compare its parts. The row above the last is a warning of another kind. The label is worth very
# little here, because at most times the noisy image itself shows which shape it is. (For the time,
# `diffusion/17` finds the same.) So a difference between two ways to pass the condition does not
# tell how well they pass *information*. It tells which network comes closer to the best prediction
# in equally many steps.
#
# ## 4. Three ways to condition on time and label
#
# How should the time and the label enter? The post names three ways.
#
# - **In context**: the embeddings of time and label are two more tokens.
# - **Cross-attention**: in each block the tokens also attend to these two.
# - **adaLN-Zero**: as in section 2.
#
# We train a network of each kind, of the same width and depth, with the same batches. They then
# differ in their numbers of parameters. A block of width $D$ has about $12 D^2$, cross-attention
# adds $4 D^2$, and the linear map of adaLN-Zero $6 D^2$. So we train a fourth network, in context
# and wider, with about as many parameters as that with adaLN-Zero. A fifth has adaLN-Zero but
# receives time 0 and no label for every image. One training could be luck, so each of the three
# ways is trained twice, with another initialization and other batches.

# %%
lesson.predict(
    "A transformer cleans noisy pictures of shapes. It can receive the time and the label as two "
    "more tokens, through attention to them in each block, or as scales, shifts and gates of each "
    "sublayer. Which way is closest to the best prediction after equally many steps?",
    ["as two more tokens", "through attention to them", "as scales, shifts and gates"],
)

# %%
steps, repeats = lesson.steps(1200, quick=2), 2
L = 16  # tokens


def loss(net, x0, t, eps, y):
    return v_loss(net, x0, t, eps, process, y)


def batch(rng, n=32):
    """Shapes, times, noise, and labels, of which a tenth is left out."""
    rows = rng.integers(0, len(world), n)
    labels = np.where(rng.random(n) < 0.1, -1, kinds[rows])
    x0, t = world[rows], rng.integers(1, T + 1, n)
    return x0, t, rng.standard_normal(x0.shape, dtype=np.float32), labels


# %%
def trained(name, net, steps=steps, repeat=0):
    """Train a network on the stream of batches of a repeat; its moving average."""
    lr = cosine(3e-3, steps, warmup=min(50, steps // 2))
    rng = lesson.rng(f"batches {repeat}")
    step = descend(loss, net, batch, lr=lr, ema=0.99, rng=rng, parallel=True)
    lesson.fit(step, steps, state=step.state, label=f"{name}, {repeat}")
    return step.averaged


def new_dit(dim, depth, conditioning="adaln-zero", repeat=0):
    rng, classes = lesson.rng(f"start {repeat}"), 3
    return DiT(rng, (16, 16), 1, 4, dim, depth, classes=classes, conditioning=conditioning)


def distance_of(net):
    return away(batched(net, x_t, t, y, size=250))


# %%
class Unconditional(Module):
    """A network that receives time 0 and no label for every image."""

    def __init__(self, net):
        self.net = net

    def __call__(self, x, t, y=None):
        return self.net(x, np.zeros(len(x)))


def parameters(net):
    return sum(value.size for value in net.parameters().values())


# %%
def megaflops(dim, depth, conditioning="adaln-zero"):
    """Millions of multiplications and additions for one image, in the blocks."""
    tokens = L + 2 * (conditioning == "in-context")
    products = tokens * (12 * dim**2 + 2 * tokens * dim)
    if conditioning == "adaln-zero":
        products += 6 * dim**2  # once for all tokens
    if conditioning == "cross-attention":
        products += 2 * (L + 2) * dim**2 + 4 * L * dim
    return 2 * depth * products / 1e6


# %%
designs = {
    "in context": (64, "in-context"),
    "cross-attention": (64, "cross-attention"),
    "adaLN-Zero": (64, "adaln-zero"),
    "in context, wider": (80, "in-context"),
    "no condition": (64, "adaln-zero"),
}
nets, distance = {}, {}
for name, (width, conditioning) in designs.items():
    distance[name] = []
    for repeat in range(repeats if name in list(designs)[:3] else 1):
        net = new_dit(width, 3, conditioning, repeat)
        net = trained(name, Unconditional(net) if name == "no condition" else net, repeat=repeat)
        nets[name, repeat] = net
        distance[name].append(distance_of(net))

# %%
mean = {name: np.mean(each) for name, each in distance.items()}
ratios = {  # paired: the same batches
    name: [d / d_ada for d, d_ada in zip(each, distance["adaLN-Zero"])]
    for name, each in distance.items()
}
table = [["a Gaussian for each kind", "", "", "", to_beat, "", to_beat / mean["adaLN-Zero"]]]
for name, (width, conditioning) in designs.items():
    size = [width, f"{parameters(nets[name, 0]):,}", megaflops(width, 3, conditioning)]
    each = [*distance[name], ""][:2]
    table.append([name, *size, *each, np.mean(ratios[name])])
header = ["prediction", "width", "parameters", "megaflops", "training 1", "training 2"]
lesson.table(table, [*header, "over adaLN-Zero"], "squared distance from the best prediction")

# %%
spoken = {
    "in context": "as two more tokens",
    "cross-attention": "through attention to them",
    "adaLN-Zero": "as scales, shifts and gates",
}
order = sorted(spoken, key=lambda name: mean[name])
lesson.outcome(
    f"The squared distance is {mean[order[0]]:.4f} for {order[0]}, {mean[order[1]]:.4f} for "
    f"{order[1]} and {mean[order[2]]:.4f} for {order[2]}. For a Gaussian for each kind it is "
    f"{to_beat:.4f}.",
    answer=spoken[order[0]],
)

# %%
worst = max(distance["adaLN-Zero"])
lesson.claim(
    "a Gaussian for each kind / adaLN-Zero, worst training",
    to_beat / worst,
    at_least=1.5,
    source="seeds 0, 1 and 7307: 2.00 to 2.17; margin: half of the lead; untrained: 0.16",
)
lesson.claim(
    "adaLN-Zero: squared distance from the best prediction, worst training",
    worst,
    at_most=0.08,
    source="seeds 0, 1 and 7307: 0.0606 to 0.0677; margin: a sixth; a Gaussian for each kind: 0.13",
)

# %%
farthest = max(max(distance[name]) for name in spoken)
lesson.claim(
    "a Gaussian for each kind / the farthest of the three ways, worst training",
    to_beat / farthest,
    at_least=1.3,
    source="seeds 0, 1 and 7307: 1.68 to 1.69; margin: half of the lead; untrained: 0.16",
)

# %%
lesson.claim(
    "in context over adaLN-Zero, smaller of the ratios",
    min(ratios["in context"]),
    at_least=1.07,
    source="seeds 0, 1 and 7307: 1.17 to 1.29; margin: half of the effect; untrained: 1.00",
)
lesson.claim(
    "cross-attention over adaLN-Zero, smaller of the ratios",
    min(ratios["cross-attention"]),
    at_least=1.06,
    source="seeds 0, 1 and 7307: 1.14 to 1.24; margin: half of the effect; untrained: 0.99",
)

# %% [markdown]
# All three ways are far closer to the best prediction than the Gaussians. So we compare networks
# that use more than which pixels vary together. Among them adaLN-Zero is the closest in both
# trainings. (The order of the other two changes from seed to seed.) A single learning rate could
# favor it, but in trials with half and with twice the rate it was the closest, too.
#
# What is it about adaLN-Zero? Two simple answers fail. It is not the number of parameters, because
# the wider network in context has even more of them and ends about as far away as the narrow one.
# Nor is it the start as the identity by itself. The network without a condition starts in the same
# way and ends about a quarter farther away. We have not tested which of the shifts, scales and
# gates it takes.
#
# Is it not odd that the condition helps at all? In principle a network can find the time and the
# label in the noisy image and lose next to nothing, as section 3 says. Yet in so short a training
# adaLN-Zero ends 18 % closer with them than without. The wider network in context ends where the
# network without a condition does. As two more tokens the condition brings little here. AdaLN-Zero
# brings it to every sublayer, and it does so with the fewest operations of the three, because its
# linear map is applied once to each image and not once to each token. (A megaflop in the table is a
# million multiplications and additions, for one image.)
#
# ## 5. Size
#
# A transformer is easily scaled up: more blocks, a larger width, smaller patches. The paper's main
# finding is that the samples improve with the number of operations for each image. A token of width
# $D$ costs about $12 D^2$ multiplications in a block, and $2 L D$ more for attention to $L$ tokens.
#
# But is a larger network worth its price? After equally many steps it has used more operations, and
# that it is closer to the best prediction then is hardly a surprise. The fair question is about
# equal *operations*. A small network may train for many steps, or a large one for few. To be fair
# to both, each gets a training of its own, whose learning rate falls to zero at the end.

# %%
lesson.predict(
    "Three transformers clean noisy pictures. Each trains until it has used the same number of "
    "operations, so the smallest takes many steps and the largest few. Which is closest to the "
    "best prediction at the end?",
    ["the smallest", "the one in the middle", "the largest"],
)

# %%
sizes = {
    "width 32, 2 blocks": (32, 2),
    "width 64, 3 blocks": (64, 3),
    "width 96, 4 blocks": (96, 4),
}
middle = megaflops(64, 3)
equal_steps, equal_cost, cost_steps = {}, {}, {}
for name, (width, depth) in sizes.items():
    cost_steps[name] = max(round(steps * middle / megaflops(width, depth)), 1)
    if width == 64:
        equal_steps[name] = equal_cost[name] = nets["adaLN-Zero", 0]
        continue
    equal_steps[name] = trained(name, new_dit(width, depth))
    label = f"{name}, equal operations"
    equal_cost[name] = trained(label, new_dit(width, depth), cost_steps[name])

# %%
by_steps = {name: distance_of(net) for name, net in equal_steps.items()}
by_cost = {name: distance_of(net) for name, net in equal_cost.items()}
table = [["a Gaussian for each kind", "", "", to_beat, "", to_beat]]
for name, (width, depth) in sizes.items():
    size = [f"{parameters(equal_steps[name]):,}", megaflops(width, depth)]
    table.append([name, *size, by_steps[name], cost_steps[name], by_cost[name]])
header = ["prediction", "parameters", "megaflops", f"after {steps} steps", "equal operations"]
lesson.table(table, [*header, "after these steps"], "squared distance from the best prediction")

# %%
closest = min(by_cost, key=by_cost.get)
position = dict(zip(sizes, ["the smallest", "the one in the middle", "the largest"]))
listed = [", ".join(f"{d:.4f}" for d in each.values()) for each in (by_cost, by_steps)]
lesson.outcome(
    f"The squared distances are {listed[0]} from the smallest to the largest. After {steps} steps "
    f"each they are {listed[1]}.",
    answer=position[closest],
)

# %%
smallest, _, largest = sizes
lesson.claim(
    "after equally many steps: the smallest over the largest",
    by_steps[smallest] / by_steps[largest],
    at_least=1.25,
    source="seeds 0, 1 and 7307: 1.47 to 1.60; margin: about half of the effect; untrained: 1.12",
)
lesson.claim(
    "after equally many operations: the largest over the smallest",
    by_cost[largest] / by_cost[smallest],
    at_least=1.3,
    source="seeds 0, 1 and 7307: 1.67 to 1.84; margin: half of the effect; untrained: 1.10",
)

# %%
lesson.claim(
    "a Gaussian for each kind / the farthest of all sizes",
    to_beat / max(*by_steps.values(), *by_cost.values()),
    at_least=1.25,
    source="seeds 0, 1 and 7307: 1.55 to 1.62; margin: half of the lead; untrained: 0.15",
)

# %%
fig, ax = plot.figure(size=(4.4, 2.9))
flops = [megaflops(*size) for size in sizes.values()]
curves = {"equal steps": list(by_steps.values()), "equal operations": list(by_cost.values())}
plot.line(flops, curves, ax, markers=True, log="x")
ax.axhline(to_beat, color="gray", linestyle="--")
ax.set_xticks(flops, [f"{f:.1f}" for f in flops])
ax.minorticks_off()
ax.set_xlabel("megaflops for one image")
ax.set_ylabel("squared distance")
lesson.figure(
    fig,
    "scaling",
    "The squared distance from the best prediction for three sizes, after equally many steps (blue)"
    " and after equally many operations (orange). The dashed line is a Gaussian for each kind. Look"
    " at which end of each curve is the lower one.",
)

# %% [markdown]
# After equally many steps the largest network is the closest, and after equally many operations the
# smallest is. The paper finds the opposite for its networks of 33 to 675 million parameters, where
# a larger network makes better use of the same operations. The two results need not contradict each
# other, since the paper's budgets and its data are far larger. Within our budget the smallest
# network makes 6,931 steps and the largest only 405, and we have not looked for the budget at which
# the order turns. Which size is best is not a property of the network alone, but of a network and a
# budget.
#
# What do such distances mean for samples? We draw shapes with a few of these predictions, by DDIM
# in 25 steps (`diffusion/10`), all from the same noise. In this world a sample can be judged by its
# distance from the nearest of the 2,048 images of its kind, because every perfect sample is one of
# them.

# %%
asked = np.arange(lesson.size(120, quick=9)) % 3
start = lesson.rng("samples").standard_normal((len(asked), 16, 16, 1), dtype=np.float32)


def sample(net, noise, y, steps=lesson.size(25, quick=2)):
    """Shapes in [-1, 1], by DDIM."""
    labeled = conditional(eps_model_from_v(net, process), y)
    return ddim(clipped(labeled, process), noise, process, steps)


def by_formula(formula):
    """A formula as a network: (x, t, y) -> v."""

    def net(x, t, y):
        a = process.alpha_bar[np.broadcast_to(t, len(x))][:, None]
        rows = x.reshape(len(x), -1).astype(float)
        implied = np.sqrt(a) * rows - for_each_kind(formula, rows, a, y)
        return (implied / np.sqrt(1 - a)).reshape(x.shape).astype(np.float32)

    return net


# %%
drawn = {
    "a Gaussian for each kind": sample(by_formula(gaussian), start, asked),
    f"width 32, {steps} steps": sample(equal_steps[smallest], start, asked),
    f"width 32, {cost_steps[smallest]} steps": sample(equal_cost[smallest], start, asked),
    f"width 96, {steps} steps": sample(equal_steps[largest], start, asked),
    "best possible": sample(by_formula(best_possible), start, asked),
}


def from_nearest(images):
    """The mean squared distance from the nearest image of the same kind, per pixel."""
    rows = images.reshape(len(images), -1).astype(float)
    squared = (rows**2).sum(axis=1, keepdims=True) + (flat**2).sum(axis=1) - 2 * rows @ flat.T
    squared[asked[:, None] != kinds] = np.inf
    return float(np.mean(squared.min(axis=1)) / 256)


# %%
header = ["prediction", "squared distance from the nearest image"]
rows = [[name, from_nearest(images)] for name, images in drawn.items()]
rows = [["a black image", from_nearest(0 * start - 1)], *rows]
lesson.table(rows, header, "samples")
columns = min(12, len(asked))
pictures = np.concatenate([images[:columns] for images in drawn.values()])[..., 0]
lesson.figure(
    plot.image_grid(pictures, cols=columns, limits=(-1, 1), row_labels=list(drawn)),
    "samples",
    "White on black: samples, from the same noise in each column; the labels are ellipse, rectangle"
    " and triangle in turn. Look for shapes with ragged borders, and for columns with no clear"
    " shape.",
)


# %%
def draw(rng, n, label=None, steps=25):
    y = rng.integers(0, 3, n) if label is None else np.full(n, label)
    noise = rng.standard_normal((n, 16, 16, 1), dtype=np.float32)
    return sample(equal_steps[largest], noise, y, steps), y


lesson.sampler("shapes", draw)

# %% [markdown]
# The row of the black image gives the scale. Its nearest images are the smallest shapes of each
# kind, so an empty image is already this close. The Gaussians draw gray clouds. After the short
# training the small network draws pixels that are black or white, but it scatters them. Its
# *predictions* are much closer to the best than those of the Gaussians, and yet its *samples* are
# not closer to shapes. The two networks with the smaller distances draw more compact shapes. But
# many of these are ragged or in pieces, and no network draws as the best prediction does. (The
# measure does not punish a lack of variety. A network that draws the same perfect shape each time
# would have a distance of 0. For this, look at the figure.)
#
# ## 6. Compared with a U-Net
#
# The post presents two architectures, and so far we have compared the second only with itself. A
# convolution has two properties of images built in. An output depends on neighboring pixels only,
# and the weights are the same everywhere. A transformer has to learn from the data which tokens
# belong together. How much does this matter? We train the U-Net of `diffusion/17`, with the label,
# on the same batches. Its channels are chosen so that it has somewhat fewer parameters than our
# transformer of width 64. But a convolution uses each weight at every pixel, so the U-Net needs
# more operations. Section 5 has shown that this makes a difference. The U-Net therefore trains for
# as many operations as the transformer, that is, for fewer steps, and for comparison also for as
# many steps.

# %%
lesson.predict(
    "A U-Net and a transformer train on the same noisy pictures, for as many operations. How does "
    "the U-Net's squared distance from the best prediction compare?",
    ["less than half of the transformer's", "within a factor of two", "more than twice as large"],
)


# %%
def megaflops_of_unet(net):
    """Millions of multiplications and additions for one image: a weight is used once a position."""
    products = 0
    for name, w in net.parameters().items():
        if np.ndim(w) > 1 and name != "label.table":
            once = "time" in name or "modulation" in name
            is_low = name.startswith(("downsample", "mid", "attention", "upsample"))  # 4 x 4
            products += w.size * (1 if once else 16 if is_low else 64)
    return 2 * products / 1e6


# %%
def new_unet(repeat=0):
    return UNet(lesson.rng(f"U-Net {repeat}"), width=24, size=(16, 16), classes=3)


cost = megaflops_of_unet(new_unet())
fewer = max(round(steps * middle / cost), 1)
distance["U-Net"] = [
    distance_of(trained("U-Net, equal operations", new_unet(k), fewer, k)) for k in range(repeats)
]
distance["U-Net, equal steps"] = [distance_of(trained("U-Net, equal steps", new_unet()))]

# %%
size = f"{parameters(new_unet()):,}", cost
big = f"{parameters(equal_steps[largest]):,}", megaflops(96, 4)
dit = f"{parameters(nets['adaLN-Zero', 0]):,}", middle
table = [
    ["a Gaussian for each kind", "", "", "", to_beat, ""],
    ["DiT, width 64", *dit, steps, *distance["adaLN-Zero"]],
    ["U-Net, equal operations", *size, fewer, *distance["U-Net"]],
    ["U-Net, equal steps", *size, steps, *distance["U-Net, equal steps"], ""],
    ["DiT, width 96", *big, steps, by_steps[largest], ""],
]
header = ["prediction", "parameters", "megaflops", "steps", "training 1", "training 2"]
lesson.table(table, header, "squared distance from the best prediction")

# %%
both = [u / d for u, d in zip(distance["U-Net"], distance["adaLN-Zero"])]
ratio = float(np.mean(both))
choices = (
    "less than half of the transformer's",
    "within a factor of two",
    "more than twice as large",
)
lesson.outcome(
    f"The U-Net's distance is {ratio:.2f} times the transformer's, with {both[0]:.2f} and "
    f"{both[1]:.2f} in the two trainings.",
    answer=choices[(ratio >= 0.5) + (ratio > 2)],
)

# %% [markdown]
# After equally many operations the U-Net is a little closer than this transformer, with fewer
# parameters. The advantage is small, 12 % in the mean of these two trainings, and 3 to 12 % in such
# means for three seeds. A larger transformer makes up for it at a price. After as many steps, that
# of width 96 is nearly as close as the U-Net, with twice the operations. (The two networks differ
# in more than their convolutions, for example in the lower level and in the norm, so locality need
# not be the reason.) But recall the smallest transformer of section 5. With the same operations it
# comes closer than the U-Net does. A smaller U-Net in more steps may be closer still, which we have
# not tried.
#
# Which of the two would you use? At this scale another question matters more, namely how large a
# network your budget can train. Between our sizes the distances at equal operations differ by a
# factor of 1.7 to 1.8, and between the two architectures of similar size by less than 1.2. If the
# budget is small, take either one and keep it small. If it will grow, the transformer is the
# simpler choice. It is the same block again and again, so you only choose its width and depth.
#
# ## What this lesson does differently
#
# - The paper's DiT works on the latents of an autoencoder (`diffusion/13`), ours on pixels of small
#   shapes. Its network also predicts a covariance, ours does not, and our loss is that of v.
# - The paper compares the conditions by the samples of its largest network, which has 675 million
#   parameters with adaLN-Zero. Our networks have up to 0.7 million.
# - We leave out adaLN without gates, smaller patches, and trainings to convergence.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - “convert it into a sequence of patches of size $(I/p)^2$”: $(I/p)^2$ is the size of the
#   sequence, the *number* of patches. A patch has $p^2 C$ numbers.
# - “*adaLN (Adaptive layer norm)-Zero* works out the best”: in the paper at equal width and depth,
#   where it has the most parameters. And the word “Zero” is not explained. The linear map starts at
#   zero, so that each block starts as the identity (section 2).
# - “The transformer decoder outputs noise predictions”: the name is the paper's own, for the last
#   layer, which is a norm and one linear map. It is easily mistaken for the decoder of an
#   encoder-decoder transformer, which DiT does not have.
#
# ## To remember
#
# - Patches become tokens, positions are added, and the rest is a transformer.
# - With adaLN-Zero the condition scales, shifts and gates each sublayer, and a new block is the
#   identity.
# - Before you compare designs, beat one Gaussian.
#
# **Next:** `diffusion/20`, all models of the four posts on one page.
#
# **Your turn:** `minigen exercise start diffusion/19`, then `minigen run diffusion/19 --with
# exercises/diffusion_19.py`.

# %%
lesson.finish()
