# %% [markdown]
# # Glow: learn how to mix
#
# The section *Glow* (flow.s09) of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/), run. To take away:
#
# 1. Between two couplings the channels must be mixed. RealNVP exchanges halves by a fixed rule;
#    Glow learns a matrix, and its log-determinant is one number, counted once for each place.
# 2. A scale and shift that start from one batch of data, *actnorm*, spare the flow a long way.
# 3. With a density come two toys: the temperature of the noise, and straight lines through it.
#
# Read `flow/05` first: the affine coupling is taken from there.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/07_glow",
    title="Glow: learn how to mix",
    post="flow",
    sections=["flow.s09"],
    figures=["flow.f03", "flow.f04"],
    equations=["flow.15"],
    minutes=9,
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.course.lesson.pretrained import digit_classifier
from minigen.data import mnist, toy
from minigen.flow.bijection import Chain, Flow, Permute, Squeeze, StandardNormal, jacobian_log_det
from minigen.flow.coupling import AffineCoupling, BatchNorm, coupling_net, half_mask
from minigen.flow.glow import ActNorm, Glow, GlowStep, Invertible1x1Conv, actnorm_init, conv1x1
from minigen.flow.glow import conv1x1_log_det, lu_matrix, lu_parts, random_rotation
from minigen.metrics import judge_digits, nll_gap
from minigen.optim import cosine
from minigen.tensor import jacobian
from minigen.train import descend

# %% [markdown]
# ## 1. An exchange is a matrix
#
# A coupling keeps half of the channels and changes the other half. In the next step the halves must
# change roles, or the first half stays as it is for ever. RealNVP exchanges them by a fixed rule,
# that is, it *permutes* the channels. A permutation is a matrix of zeros and ones. Glow asks: why
# not any matrix $W$?
#
# At one place of a picture stands a vector of channels, say $(5, 6)$. An exchange makes $(6, 5)$ of
# it. The matrix $W = \begin{pmatrix}2 & 1\\ 1 & 3\end{pmatrix}$ makes $(2\cdot5 + 6,\ 5 +
# 3\cdot6) = (16, 23)$. The same $W$ at every place of the picture: that is a convolution whose
# window is 1×1.

# %%
lesson.exercise("flow/07/conv1x1")

# %%
exchange = np.array([[0.0, 1.0], [1.0, 0.0]])
W = np.array([[2.0, 1.0], [1.0, 3.0]])
pixel = np.array([[5.0, 6.0]])
lesson.check("exchanged", conv1x1(pixel, exchange)[0], equals=[6.0, 5.0])
lesson.check("mixed by W", conv1x1(pixel, W)[0], equals=[16.0, 23.0])

# %% [markdown]
# The determinant of $W$ is $2\cdot3 - 1\cdot1 = 5$: areas in the plane of the two channels grow
# fivefold. Now take a picture of 2 rows and 3 columns, with two channels: 12 numbers, a point in a
# space of 12 dimensions.

# %%
lesson.predict(
    "By which factor does W, used at every place, stretch a volume of that space?",
    ["5", "5 · 6 = 30", "5^6 = 15,625", "5^12 = 244,140,625"],
)

# %%
lesson.exercise("flow/07/conv1x1_log_det")

# %%
picture = lesson.rng("picture").standard_normal((1, 2, 3, 2))
J = jacobian(lambda h: conv1x1(h, W))(picture).reshape(12, 12)
by_formula = conv1x1_log_det(W, 2, 3)
by_jacobian = np.linalg.slogdet(J)[1]
lesson.check("the formula less the whole Jacobian", by_formula - by_jacobian, equals=0.0)

# %%
ax = plot.matrix(J, numbers=True, title="Jacobian of the whole picture, 12 × 12")
lesson.figure(
    ax,
    "jacobian",
    "Six blocks, one for each place, and each of them is W. What one place becomes depends on no"
    " other place.",
)
lesson.outcome(
    f"exp({by_jacobian:.3f}) = {np.exp(by_jacobian):,.0f}. The determinant of blocks along the"
    " diagonal is the product of theirs.",
    answer="5^6 = 15,625",
)

# %% [markdown]
# With $h$ rows and $w$ columns (Eq. flow.15):
#
# $$
# \log\left|\det \frac{\partial\, \mathrm{conv2d}(\mathbf h; \mathbf W)}{\partial \mathbf h}\right|
#   = \log\left(|\det \mathbf W|^{h\cdot w}\right) = h \cdot w \cdot \log|\det \mathbf W| .
# $$
#
# Two things are easily done wrong. The exchange above has the determinant $-1$: it turns space
# over, and no volume changes, so we need the *absolute* value. And the determinant of a matrix of
# 48 channels is a product of 48 numbers, which a computer may not be able to hold:

# %%
small = 1e-7 * random_rotation(lesson.rng("small"), 48)
with np.errstate(divide="ignore"):
    naive = np.log(np.abs(np.linalg.det(small)))
print(f"  log of the determinant: {naive}; the formula: {conv1x1_log_det(small, 1, 1):.2f}")
lesson.check("the exchange", conv1x1_log_det(exchange, 2, 3), equals=0.0)
lesson.check("48 channels", conv1x1_log_det(small, 1, 1), equals=48 * np.log(1e-7))
lesson.show_source(conv1x1, conv1x1_log_det)

# %% [markdown]
# **Change** `W` to `[[2.0, 4.0], [1.0, 2.0]]` and run again. What stops you, and why must it?
#
# ## 2. A matrix in parts
#
# The determinant of $C$ channels costs about $C^3$ steps, at each step of flow and of training. And
# training might push $W$ into a matrix that cannot be inverted. Glow therefore keeps $W$ in parts,
#
# $$W = P\,(L + I)\,\big(U + \mathrm{diag}(\mathrm{sign}\cdot e^{\,\log s})\big),$$
#
# $P$ a fixed permutation, $L$ strictly lower and $U$ strictly upper triangular. Permuting changes
# no volume, and a triangular matrix has the product of its diagonal as determinant.

# %%
lesson.exercise("flow/07/lu_matrix")

# %%
P, L, U, sign, log_s = lu_parts(W)
lesson.check("the parts make W again", lu_matrix(P, L, U, sign, log_s), equals=W)
lesson.check("log 2 + log 2.5", np.sort(np.exp(log_s)), equals=[2.0, 2.5])
lesson.show_source(lu_matrix)

# %% [markdown]
# Training moves $L$, $U$ and $\log s$. Take a picture of 14 × 14 places with 4 channels, and add 1
# to a single entry of $\log s$.

# %%
lesson.predict("By how much does the log-determinant change?", ["1", "4", "14", "196", "784"])

# %%
mixer = Invertible1x1Conv(lesson.rng("mixer"), 4)
pictures = lesson.rng("pictures").standard_normal((3, 14, 14, 4), dtype=np.float32)
_, before = mixer.inverse(pictures)
mixer.log_s[2] += 1
mixed, after = mixer.inverse(pictures)
change = (after - before).mean()

# %%
lesson.outcome(f"By {change:.0f}: one for each place.", answer=f"{change:.0f}")
back, _ = mixer.forward(mixed)
lesson.check("a random rotation changes no volume", before, equals=np.zeros(3), atol=1e-3)
lesson.check("|there and back − h|, largest", np.abs(back - pictures).max(), at_most=1e-4)

# %% [markdown]
# ## 3. Actnorm: look at one batch
#
# A deep flow trains badly if its numbers drift far from 1. RealNVP uses batch normalization, which
# makes each picture's result depend on the other pictures of the batch. Glow normalizes *once*:
# the first batch sets a shift and a scale for each channel, so that they leave with mean 0 and
# variance 1. From then on these are parameters like any others.
#
# By hand: a channel with the numbers 1, 2, 6 has the mean 3 and the variance $(4 + 1 + 9)/3$.

# %%
lesson.exercise("flow/07/actnorm_init")

# %%
by_hand = actnorm_init(np.array([[1.0], [2.0], [6.0]]))
lesson.check("shift, and exp(2 log_scale)", by_hand[0][0], equals=3.0)
lesson.check("variance", np.exp(2 * by_hand[1][0]), equals=14 / 3)

# %% [markdown]
# Now digits. As in `flow/05`, noise fills the gaps between gray values, and a logit spreads them
# over the line (here with $\alpha = 10^{-6}$: the paper's digits are not ours, the post names
# none). A *squeeze* makes one place with 4 channels of each 2×2 block.

# %%
digits = mnist.load()
noise = lesson.rng("dequantize")


def logits_of(images):
    """uint8 images -> logits (N, 28, 28, 1), and the log-determinant of the way there (N,)."""
    return mnist.dequantize_logit(images, noise)


first, _ = Squeeze().inverse(logits_of(digits.train_images[:50])[0])  # (50, 14, 14, 4)
second, _ = Squeeze().inverse(logits_of(digits.train_images[50:100])[0])

# %%
lesson.predict(
    "Set from the first batch, used on the second: its channels leave with mean and variance",
    ["exactly 0 and 1", "close to 0 and 1", "far from 0 and 1"],
)

# %%
actnorm = ActNorm(4)
actnorm.standardize(first)
rows = []
for name, batch in [("first", first), ("second", second)]:
    out, _ = actnorm.inverse(batch)
    rows.append([name, *out.mean(axis=(0, 1, 2)), *out.var(axis=(0, 1, 2))])
header = ["batch", *(f"mean {k}" for k in range(4)), *(f"variance {k}" for k in range(4))]
lesson.table(rows, header, "what leaves an actnorm")

# %%
off = max(np.abs(rows[1][1:5]).max(), np.abs(np.array(rows[1][5:]) - 1).max())
lesson.check("first batch: means", rows[0][1:5], equals=np.zeros(4), atol=1e-4)
lesson.check("first batch: variances", rows[0][5:], equals=np.ones(4), atol=1e-4)
lesson.outcome(
    f"Off by at most {off:.2g}: another fifty digits have another mean. The scale stays what it is.",
    answer="exactly 0 and 1" if off < 1e-4 else "close to 0 and 1" if off < 0.5 else "far from 0 and 1",
)

# %% [markdown]
# What it spares us: the same digit, in two different batches.

# %%
batch_norm = BatchNorm(4)
company = [np.concatenate([first[:1], others]) for others in (first[1:], second[1:])]
for name, layer in [("batch norm", batch_norm), ("actnorm", actnorm)]:
    one, other = (layer.inverse(batch)[0][0] for batch in company)
    print(f"  {name}: the digit's numbers differ by up to {np.abs(one - other).max():.3g}")
    if name == "actnorm":
        lesson.check("actnorm: the company does not matter", np.abs(one - other).max(), equals=0.0)

# %% [markdown]
# ## 4. One step
#
# A *step of flow*, from data to noise: actnorm, the 1×1 convolution, the coupling.

# %%
boxes = {
    "x": plot.node("$\\mathbf{x}$", "data", (0, 0)),
    "norm": plot.node("actnorm\na scale and a shift\nfor each channel", "model", (1, 0)),
    "mix": plot.node("1×1 convolution\nW at each place", "model", (2, 0)),
    "couple": plot.node("affine coupling\nchange half, by the other", "model", (3, 0)),
    "z": plot.node("$\\mathbf{z}$", "latent", (4, 0)),
}
ax = plot.schematic(boxes, ["x -> norm -> mix -> couple -> z"], title="one step of Glow, inferring")
lesson.figure(
    ax,
    "f03_one_step",
    "Each of the three can be undone, so the way back to x runs from right to left.",
)

# %%
rows = [
    ["actnorm", "y = s ⊙ x + b", "x = (y − b) / s", "h · w · Σ log |s|"],
    ["1×1 convolution", "y = W x", "x = W⁻¹ y", "h · w · log |det W|"],
    ["affine coupling", "y_a = x_a", "x_a = y_a", "Σ log |s|"],
    ["", "(log s, t) = NN(x_a)", "(log s, t) = NN(y_a)", ""],
    ["", "y_b = s ⊙ x_b + t", "x_b = (y_b − t) / s", ""],
]
lesson.table(rows, ["layer", "formula", "inverse", "log-determinant"], "f04: three layers")

# %% [markdown]
# (At each place, $x$ is the vector of channels; $x_a$ and $x_b$ are its halves. Our classes keep
# the direction of the whole package: `inverse` infers. So `ActNorm` stores $-\log s$ as
# `log_scale`, and the coupling's network gives the scale of the way from $z$ to $x$.) Is the sum of
# the last column right? We put noise into every weight of a step, for a fresh one does nothing
# with its coupling, and let autograd take the whole Jacobian.

# %%
shaken = lesson.rng("shaken")
rough = GlowStep(shaken, channels=4, width=6).map(
    lambda a: a.astype(float) + 0.2 * shaken.standard_normal(a.shape)
)
h = shaken.standard_normal((2, 2, 3, 4))
rows = []
for name, layer in [("actnorm", rough.actnorm), ("1×1", rough.conv), ("coupling", rough.coupling)]:
    h_next, log_det = layer.inverse(h)
    rows.append([name, *log_det, *jacobian_log_det(layer.inverse, h)])
    h = h_next

# %%
lesson.table(
    rows,
    ["layer", "formula, picture 1", "picture 2", "Jacobian, picture 1", "picture 2"],
    "log-determinants on two pictures of 2 × 3",
)
table = np.array([row[1:] for row in rows])
lesson.check("formula less Jacobian", np.abs(table[:, :2] - table[:, 2:]).max(), at_most=1e-8)
lesson.check("actnorm and W do not look at the picture", table[:2, 0], equals=table[:2, 1])
lesson.show_source(GlowStep)

# %% [markdown]
# ## 5. In the plane
#
# A point of the plane is a picture of one place with two channels, and $W$ is 2×2. Twelve steps,
# with small networks instead of convolutions. In the plane we know the truth, so we report the
# *gap*: how many nats the model's log-density falls short of the true one, on fresh points. Two
# data sets: the two moons, and a ring of eight narrow Gaussians.

# %%
lesson.predict(
    "Which one will leave the larger gap?",
    ["the two moons: they are bent", "the ring: it is in eight pieces", "both the same"],
)


# %%
def plane_step(rng, width=64):
    """Actnorm, a 2×2 matrix and a coupling, listed in the order of generating."""
    net = coupling_net(rng, 2, width)
    net.layers[0].w *= FIRST_W
    net.layers[0].b *= FIRST_B
    return Chain([AffineCoupling(net, half_mask(2)), Invertible1x1Conv(rng, 2), ActNorm(2)])


def standardized(steps, x):
    """The steps, listed in the order of generating, each actnorm set from what reaches it of x."""
    for step in reversed(steps):
        step.bijections[-1].standardize(x)
        x, _ = step.inverse(x)
    return Flow(StandardNormal(x.shape[1:]), Chain(steps))
