# %% [markdown]
# # Glow: actnorm and invertible 1×1 convolutions
#
# This lesson runs the section *Glow* (flow.s09) of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/). Read `flow/05` first: the
# affine coupling is taken from there. In this lesson:
#
# 1. Between two couplings an invertible matrix mixes the channels. It generalizes RealNVP's
#    permutation, and we compute its log-determinant for a whole image.
# 2. *Actnorm* replaces batch normalization: one batch of data, which may be a single image, sets a
#    scale and a bias for each channel.
# 3. The matrix starts as a random rotation and is then trained. We measure what each of the two
#    contributes.
# 4. Samples can be drawn with noise of a lower temperature. We measure what that changes.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/07_glow",
    title="Glow: actnorm and invertible 1×1 convolutions",
    post="flow",
    sections=["flow.s09"],
    figures=["flow.f03", "flow.f04"],
    equations=["flow.15"],
    pretrained=["digit_classifier"],
    minutes=5.5,
    picture="interpolation",
    sources=["weng2018flow", "theis2016note", "kingma2018glow"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist, toy
from minigen.flow.bijection import Affine, Chain, Flow, Permute, Squeeze, StandardNormal
from minigen.flow.bijection import jacobian_log_det
from minigen.flow.coupling import AdditiveCoupling, AffineCoupling, BatchNorm, coupling_net
from minigen.flow.coupling import half_mask
from minigen.flow.glow import ActNorm, Glow, GlowStep, Invertible1x1Conv, actnorm_init, conv1x1
from minigen.flow.glow import conv1x1_log_det, lu_matrix, lu_parts, random_rotation

# %%
from minigen.metrics import nll_gap
from minigen.metrics.digits import judge_digits
from minigen.metrics.samples import mean_and_covariance
from minigen.optim import cosine
from minigen.tensor import batched, jacobian
from minigen.train import descend

# %% [markdown]
# ## 1. A permutation is a matrix
#
# Glow extends NICE and RealNVP (Kingma and Dhariwal 2018). One *step of flow* has three substeps.
# This is the order from data to noise:

# %%
boxes = {
    "x": plot.node("$\\mathbf{x}$", "data", (0, 0)),
    "norm": plot.node("actnorm\na scale and a bias\nfor each channel", "model", (1, 0)),
    "mix": plot.node("1×1 convolution\none matrix for\nall places", "model", (2, 0)),
    "couple": plot.node(
        "affine coupling\nhalf of the channels\nchanges the other", "model", (3, 0)
    ),
    "z": plot.node("$\\mathbf{z}$", "latent", (4, 0)),
}
ax = plot.schematic(boxes, ["x -> norm -> mix -> couple -> z"], title="one step of flow in Glow")
lesson.figure(
    ax,
    "f03_one_step",
    "Each of the three can be inverted, so the way back to x runs from right to left.",
)

# %% [markdown]
# We begin in the middle. A coupling keeps half of the channels and changes the other half. In the
# next step the halves must exchange their roles, otherwise the first half would never change.
# RealNVP reverses the order of the channels, a *permutation*, and a permutation is a matrix of
# zeros and ones. Glow replaces it by any invertible matrix $W$.
#
# At one place of an image there is a vector of channels, say $(5, 6)$. Reversed it is $(6, 5)$. The
# matrix $W = \begin{pmatrix}2 & 1\\ 1 & 3\end{pmatrix}$ maps it to $(2\cdot5 + 6,\ 5 + 3\cdot6) =
# (16, 23)$. The same $W$ at every place of the image is a convolution with a window of 1×1.

# %%
lesson.exercise("flow/07/conv1x1")

# %%
exchange = np.array([[0.0, 1.0], [1.0, 0.0]])
W = np.array([[2.0, 1.0], [1.0, 3.0]])
pixel = np.array([[5.0, 6.0]])
lesson.check("exchanged", conv1x1(pixel, exchange)[0], equals=[6.0, 5.0])
lesson.check("mixed by W", conv1x1(pixel, W)[0], equals=[16.0, 23.0])

# %% [markdown]
# So “a 1×1 convolution with equal number of input and output channels is *a generalization of any
# permutation* of the channel ordering”, as the post puts it. For any order of $c$ channels, take
# the rows of the identity matrix in this order:

# %%
order = lesson.rng("order of channels").permutation(5)
image = lesson.rng("five channels").standard_normal((1, 3, 2, 5))
off = np.abs(conv1x1(image, np.eye(5)[order]) - image[..., order]).max()
lesson.check("the matrix of an order, minus this order of the channels", off, equals=0.0)

# %% [markdown]
# The determinant of $W = \begin{pmatrix}2 & 1\\ 1 & 3\end{pmatrix}$ is $2\cdot3 - 1\cdot1 = 5$: an
# area in the plane of the two channels grows by a factor of five. Now take an image of 2 rows and 3
# columns with two channels. It has 12 coordinates, so it is a point in a space of 12 dimensions.

# %%
lesson.predict(
    "By which factor does W, applied at every place, change a volume of that space?",
    ["5", "5 · 6 = 30", "5^6 = 15,625", "5^12 = 244,140,625"],
)

# %%
lesson.exercise("flow/07/conv1x1_log_det")

# %%
picture = lesson.rng("picture").standard_normal((1, 2, 3, 2))
J = jacobian(lambda h: conv1x1(h, W))(picture).reshape(12, 12)
by_formula = conv1x1_log_det(W, 2, 3)
by_jacobian = np.linalg.slogdet(J)[1]
lesson.check("the formula minus the whole Jacobian", by_formula - by_jacobian, equals=0.0)

# %%
ax = plot.matrix(J, numbers=True, title="Jacobian of the whole image, 12 × 12")
lesson.figure(
    ax,
    "jacobian",
    "There are six blocks, one for each place, and each of them is W. The output at a place"
    " depends on the input at this place alone.",
)
lesson.outcome(
    f"exp({by_jacobian:.3f}) = {np.exp(by_jacobian):,.0f}. The determinant of a matrix with blocks"
    " along its diagonal is the product of their determinants.",
    answer="5^6 = 15,625",
)

# %% [markdown]
# For an $h \times w \times c$ tensor $\mathbf h$ and a $c \times c$ matrix $\mathbf W$ (Eq.
# flow.15):
#
# $$
# \log\left|\det \frac{\partial\, \mathrm{conv2d}(\mathbf h; \mathbf W)}{\partial \mathbf h}\right|
#   = \log\left(|\det \mathbf W|^{h\cdot w}\right) = h \cdot w \cdot \log|\det \mathbf W| .
# $$
#
# <details><summary>Derivation: one factor det W for each place</summary>
#
# Let $\mathbf x_{ij}$ be the channel vector at row $i$, column $j$. Its output is $\mathbf y_{ij} =
# \mathbf W \mathbf x_{ij}$, so $\partial \mathbf y_{ij} / \partial \mathbf x_{ij} = \mathbf W$, and
# $\partial \mathbf y_{ij} / \partial \mathbf x_{kl} = 0$ at every other place. Order the $h w c$
# coordinates place by place. The Jacobian has $h \cdot w$ blocks $\mathbf W$ on its diagonal and
# zeros elsewhere. Its determinant is the product of the blocks' determinants, $(\det \mathbf W)^{h
# \cdot w}$. Take the absolute value and the logarithm.
#
# </details>
#
# There are two traps. The exchange above has the determinant $-1$: it reflects the plane and keeps
# every area, so the formula needs the *absolute* value. And the determinant of a matrix of 48
# channels is a product of 48 factors, which can be too small for a floating-point number:

# %%
small = 1e-7 * random_rotation(48, lesson.rng("small"))
with np.errstate(divide="ignore"):
    naive = np.log(np.abs(np.linalg.det(small)))
print(f"  log of the determinant: {naive}; the formula: {conv1x1_log_det(small, 1, 1):.2f}")
lesson.check("the exchange", conv1x1_log_det(exchange, 2, 3), equals=0.0)
lesson.check("48 channels", conv1x1_log_det(small, 1, 1), equals=48 * np.log(1e-7))
lesson.show_source(conv1x1, conv1x1_log_det)

# %%
lesson.change(
    "a matrix without an inverse",
    "Change `W` to `np.array([[2.0, 4.0], [1.0, 2.0]])` and run again. What stops the lesson, "
    "and why must it?",
    answer="`conv1x1_log_det` stops it: W must be invertible. The determinant is $2 \\cdot 2 - 4 "
    "\\cdot 1 = 0$: the first channel becomes twice the second, whatever the two were, so the "
    "input cannot be recovered, and the logarithm of 0 does not exist.",
)

# %% [markdown]
# ## 2. A matrix in parts
#
# The determinant and the inverse of a $c \times c$ matrix take about $c^3$ multiplications, and the
# convolution itself $h w c^2$. “The amount of computation … is still under control”, writes the
# post. The table counts both for three images: our digits after one squeeze and after two, and a
# 32×32 color image at the end of three scales.

# %%
sizes = [(14, 14, 4), (7, 7, 8), (4, 4, 48)]
rows = [[f"{h} × {w} × {c}", h * w * c**2, c**3] for h, w, c in sizes]
lesson.table(rows, ["h × w × c", "convolution: h w c²", "determinant: c³"], "multiplications")

# %% [markdown]
# For many channels the determinant costs more than the convolution. Also, training might make $W$
# singular. Glow therefore keeps $W$ as a product of three matrices: a fixed permutation $P$; a
# lower triangular matrix with ones on its diagonal; and an upper triangular matrix, whose diagonal
# is stored as signs and as logarithms of absolute values. A permutation changes no volume, and the
# determinant of a triangular matrix is the product of its diagonal. What is the logarithm of the
# whole determinant, then, and which parts must be trained?

# %%
lesson.exercise("flow/07/lu_matrix")

# %%
P, L, U, sign, log_s = lu_parts(W)
lesson.check("the product of the parts is W", lu_matrix(P, L, U, sign, log_s), equals=W)
lesson.check("exp(log_s), sorted", np.sort(np.exp(log_s)), equals=[2.0, 2.5])
lesson.check("sum of log_s: log 5", log_s.sum(), equals=np.log(5))
lesson.show_source(lu_matrix)

# %% [markdown]
# With $L$ strictly lower and $U$ strictly upper triangular,
#
# $$W = P\,(L + I)\,\big(U + \mathrm{diag}(\mathrm{sign}\cdot e^{\,\log s})\big), \qquad
# \log|\det W| = \sum_i \log s_i .$$
#
# Training changes $L$, $U$ and $\log s$. The log-determinant now costs $c$ additions in place of
# $c^3$ multiplications. Take an image of 14 × 14 places with 4 channels, and add 1 to a single
# entry of $\log s$.

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
lesson.outcome(f"By {change:.0f}: by 1 for each place.", answer=f"{change:.0f}")
back, _ = mixer.forward(mixed)
lesson.check("log-determinants of a random rotation", before, equals=np.zeros(3), atol=1e-3)
lesson.check("|there and back − h|, largest", np.abs(back - pictures).max(), at_most=1e-4)

# %% [markdown]
# ## 3. Actnorm
#
# A deep flow trains badly if its activations drift far from the order of 1. RealNVP uses batch
# normalization. It subtracts the mean of the batch and divides by its standard deviation, so the
# output for an image depends on the other images of the batch. The smaller the batch is, the
# stronger this dependence. But large images leave memory for small batches only, down to one image
# on each processor (Kingma and Dhariwal 2018). **Actnorm**, short for *activation normalization*,
# therefore uses a batch only *once*: the first batch sets a scale and a bias for each channel, so
# that its output has mean 0 and standard deviation 1. From then on the two are trained like any
# other parameters.
#
# By hand: a channel with the values 1, 2, 6 has the mean 3 and the variance $(4 + 1 + 9)/3$.

# %%
lesson.exercise("flow/07/actnorm_init")

# %%
by_hand = actnorm_init(np.array([[1.0], [2.0], [6.0]]))
lesson.check("shift, and exp(2 log_scale)", by_hand[0][0], equals=3.0)
lesson.check("variance", np.exp(2 * by_hand[1][0]), equals=14 / 3)
lesson.show_source(actnorm_init)

# %%
lesson.change(
    "another unit",
    "Write the three values in a unit a tenth as large: change them to `[[10.0], [20.0], "
    "[60.0]]` and run again. What become shift and variance?",
    answer="The shift is 30, ten times as large, and the variance 466.7, a hundred times. After "
    "the shift and the division by the standard deviation the three values are the same as "
    "before.",
)

# %% [markdown]
# Now digits. As in `flow/05`, noise fills the gaps between gray values, and a logit maps them to
# the whole line (here with $\alpha = 10^{-6}$). Then a *squeeze* turns each 2×2 block of pixels
# into one place with 4 channels.

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
actnorm, from_one = ActNorm(4), ActNorm(4)
actnorm.standardize(first)
from_one.standardize(first[:1])  # a single digit has 14 · 14 values in each channel
cases = [
    ["50 digits", "the same 50", actnorm, first],
    ["50 digits", "another 50", actnorm, second],
    ["1 digit", "the same digit", from_one, first[:1]],
    ["1 digit", "another 50", from_one, second],
]

# %%
rows = []
for set_from, used_on, layer, batch in cases:
    out, _ = layer.inverse(batch)
    rows.append([set_from, used_on, *out.mean(axis=(0, 1, 2)), *out.var(axis=(0, 1, 2))])
header = [*(f"mean {k}" for k in range(4)), *(f"variance {k}" for k in range(4))]
lesson.table(rows, ["set from", "used on", *header], "the output of an actnorm")

# %%
off = max(np.abs(rows[1][2:6]).max(), np.abs(np.array(rows[1][6:]) - 1).max())
for row in (rows[0], rows[2]):
    lesson.check(f"from {row[0]}, on {row[1]}: means", row[2:6], equals=np.zeros(4), atol=1e-4)
    lesson.check(f"from {row[0]}, on {row[1]}: variances", row[6:], equals=np.ones(4), atol=1e-4)
came_out = "close to 0 and 1" if off < 0.5 else "far from 0 and 1"
lesson.outcome(
    f"Off by at most {off:.2g}: another fifty digits have another mean, and the scale stays as it"
    " is.",
    answer="exactly 0 and 1" if off < 1e-4 else came_out,
)

# %% [markdown]
# A batch of one image suffices, because mean and variance run over its places too. (A single
# *vector* would not do: its variance is 0.) Now use a batch of one at every step of training. Take
# an image $h$, and a second one, $2h + 1$, which is brighter and has more contrast. Each goes alone
# through batch normalization in training mode.

# %%
lesson.predict(
    "How do the two outputs of batch normalization differ?",
    ["by a factor of 2", "by the constant 1", "by nothing but rounding"],
)

# %%
batch_norm = BatchNorm(4)
alone = second[:1]
rows = []
for name, layer in [("batch norm", batch_norm), ("actnorm", actnorm)]:
    plain, brighter = layer.inverse(alone)[0], layer.inverse(2 * alone + 1)[0]
    rows.append([name, np.abs(plain - brighter).max()])
lesson.table(rows, ["layer", "largest difference of the two outputs"], "batches of one image")
lesson.check("batch norm: largest difference", rows[0][1], at_most=1e-3)

# %%
lesson.outcome(
    "Each image is standardized by its own mean and deviation, so brightness and contrast are"
    " lost: the map of one image cannot be inverted. Actnorm keeps the difference.",
    answer="by nothing but rounding",
)

# %% [markdown]
# Larger batches make the effect smaller, but it stays. Here is the same digit in two batches of
# fifty.

# %%
company = [np.concatenate([first[:1], others]) for others in (first[1:], second[1:])]
for name, layer in [("batch norm", batch_norm), ("actnorm", actnorm)]:
    one, other = (layer.inverse(batch)[0][0] for batch in company)
    print(f"  {name}: the digit's outputs differ by up to {np.abs(one - other).max():.3g}")
    if name == "actnorm":
        gap = np.abs(one - other).max()
        lesson.check("actnorm: the rest of the batch has no effect", gap, equals=0.0)

# %% [markdown]
# ## 4. One step of flow
#
# The third substep is the affine coupling of `flow/05`, with one half of the channels kept. This
# table has the three layers as in the paper (the post's Fig. 4).

# %%
rows = [
    [
        "actnorm",
        "∀ i, j: y_ij = s ⊙ x_ij + b",
        "∀ i, j: x_ij = (y_ij − b) / s",
        "h · w · Σ log |s|",
    ],
    ["1×1 convolution", "∀ i, j: y_ij = W x_ij", "∀ i, j: x_ij = W⁻¹ y_ij", "h · w · log |det W|"],
    ["affine coupling", "x_a, x_b = split(x)", "y_a, y_b = split(y)", "Σ log |s|"],
    ["", "(log s, t) = NN(x_b)", "(log s, t) = NN(y_b)", ""],
    ["", "y_a = s ⊙ x_a + t", "x_a = (y_a − t) / s", ""],
    ["", "y_b = x_b", "x_b = y_b", ""],
]
lesson.table(rows, ["layer", "formula", "inverse", "log-determinant"], "f04: three layers")

# %% [markdown]
# Our classes differ from the table in three ways. They keep the *first* half of the channels, so
# the roles of $x_a$ and $x_b$ are exchanged. `inverse` infers, as in the whole package, so
# `ActNorm` stores $-\log s$ as `log_scale`, and $s$ cannot be negative. And the coupling's network
# gives the scale of the way from $z$ to $x$. Is the last column right? A new coupling is the
# identity, so we add noise to every weight of a step, and let autograd compute the whole Jacobian.

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
    ["layer", "formula, image 1", "image 2", "Jacobian, image 1", "image 2"],
    "log-determinants on two images of 2 × 3",
)
table = np.array([row[1:] for row in rows])
lesson.check("formula minus Jacobian", np.abs(table[:, :2] - table[:, 2:]).max(), at_most=1e-8)
same = "actnorm and 1×1: the same for both images"
lesson.check(same, table[:2, 0], equals=table[:2, 1])
lesson.show_source(GlowStep)

# %% [markdown]
# ## 5. In the plane
#
# A point of the plane is an image of one place with two channels, and $W$ is 2×2. We train twelve
# steps, with small networks in place of convolutions. In the plane the data density is known, so we
# report the *gap*: the mean over new data points of the true log-density minus the model's. This is
# the KL divergence from the data to the model. There are two data sets: the two moons, and a ring
# of eight narrow Gaussians.

# %%
lesson.predict(
    "Which one will leave the larger gap?",
    ["the two moons: they are bent", "the ring: it has eight modes", "both the same"],
)


# %%
def plane_step(rng, sharpness):
    """Actnorm, a 2×2 matrix and a coupling, listed in the order of generating."""
    net = coupling_net(rng, 2, width=64, sharpness=sharpness)
    return Chain([AffineCoupling(net, half_mask(2)), Invertible1x1Conv(rng, 2), ActNorm(2)])


def standardized(steps, x):
    """The steps, listed in the order of generating, each actnorm set from what reaches it of x."""
    for step in reversed(steps):
        step.bijections[-1].standardize(x)
        x, _ = step.inverse(x)
    return Flow(StandardNormal(x.shape[1:]), Chain(steps))


# %% [markdown]
# (`coupling_net` is the network of `flow/05`. Its input is one number, the kept half, and the tanh
# units of its first layer bend at different places of the line. With a larger `sharpness` they bend
# more sharply at the same places, as narrow modes need: twice as sharply for the moons, four times
# for the ring.)
#
# The loss is the negative log-likelihood. As in `flow/05` the gradient is *clipped*: where modes
# are narrow, a single badly fitted point could change twelve steps by too much.

# %%
plane_cfg = lesson.configure(plane_batch=512, plane_clip=5.0)


def train_in_the_plane(name, density, sharpness, steps, lr):
    rng, steps = lesson.rng(name), lesson.steps(steps, quick=2)
    layers = [plane_step(rng, sharpness) for _ in range(12)]
    flow = standardized(layers, density.sample(rng, 5000))
    batch, rate = lesson.size(plane_cfg.plane_batch, quick=64), cosine(lr, steps, min(100, steps))

    def draw(rng):
        return density.sample(rng, batch)

    settings = {"lr": rate, "ema": 0.99, "clip": plane_cfg.plane_clip, "rng": rng}
    step = descend(lambda flow, x: flow.loss(x), flow, draw, **settings)
    lesson.fit(step, steps, state=step.state, label=f"Glow steps: {name}")
    return step.averaged


# %%
densities = {"two_moons": toy.two_moons(0.1), "ring": toy.ring()}
moons, ring = densities.values()
plane = {
    "two_moons": train_in_the_plane("two_moons", moons, sharpness=2.0, steps=2300, lr=3e-3),
    "ring": train_in_the_plane("ring", ring, sharpness=4.0, steps=2300, lr=6e-3),
}

# %%
gaps = {}
rows = []
for name, density in densities.items():
    test = density.sample(lesson.rng(f"{name}, test"), lesson.size(50_000, quick=500))
    gaps[name], error = nll_gap(density, plane[name].log_prob, test)
    rows.append([name, density.entropy(), gaps[name], error])
lesson.table(rows, ["density", "entropy, nats", "gap, nats", "standard error"])

# %%
lesson.claim("two moons: gap", gaps["two_moons"], at_most=0.02, unit="nats", source="seed 0: 0.008")
lesson.claim(
    "ring: gap",
    gaps["ring"],
    at_most=0.2,
    unit="nats",
    source="seed 0: 0.131, standard error 0.015; plus half",
)
larger = "the two moons: they are bent"
if gaps["ring"] > gaps["two_moons"]:
    larger = "the ring: it has eight modes"
lesson.outcome(f"{gaps['two_moons']:.3f} and {gaps['ring']:.3f} nats.", answer=larger)


# %%
def draw_row(axes, name, density, flow):
    """The data density, the model's (cut off above, so that peaks keep the colors), samples."""
    box = (-3, 3, -3, 3) if name == "ring" else (-1.7, 2.7, -1.7, 2.2)
    top = np.quantile(density.log_prob(density.sample(lesson.rng("top"), 500)), 0.9)

    def model_density(x):
        return np.exp(np.minimum(flow.log_prob(x), top))

    n = lesson.size(200, quick=40)  # points a side
    plot.density(density, axes[0], bounds=box, n=n, title=f"{name}: data density")
    plot.density(model_density, axes[1], bounds=box, n=n, title="Glow steps, exact density")
    drawn = flow.sample(lesson.rng("drawn"), 2000)
    plot.samples(drawn, density, axes[2], bounds=box, title="samples over the data density")


# %%
fig, axes = plot.figure(2, 3, size=(3.0, 2.8))
for row, (name, density) in zip(axes, densities.items(), strict=True):
    draw_row(row, name, density, plane[name])
lesson.figure(
    fig,
    "plane",
    "Middle: look for filaments of low density between the modes of the ring, and on the right"
    " for samples that lie on them.",
)

# %% [markdown]
# A continuous map cannot tear: the Gaussian is connected, so its image is connected. It can only
# thin the mass between two modes to a *filament* of low density. What do the filaments cost? The
# gap is a mean over *data* points, and hardly any lie on the filaments, so the density there does
# not enter. But the mass $m$ on the filaments is missing from the modes. Even if the modes had the
# right shape, their density would be too low by the factor $1 - m$, which costs $-\log(1 - m)$
# nats. We estimate $m$ by the share of samples that are more than five standard deviations from
# every mode (of the data, four in a million).

# %%
drawn = plane["ring"].sample(lesson.rng("filaments"), lesson.size(50_000, quick=500))
to_modes = np.linalg.norm(drawn[:, None] - ring.modes, axis=2).min(axis=1)
m = np.mean(to_modes > 0.5)
print(f"  mass on the filaments {100 * m:.2f} %, which costs {-np.log(1 - m):.4f} nats of the gap")

# %% [markdown]
# ## 6. What mixes the channels
#
# Figure 3 of the paper compares three ways to mix the channels. We do the same with a small Glow
# for digits, four steps at each of two sizes. The channels are mixed by: nothing; the reversed
# order (as in RealNVP); an order shuffled once at random, another for each step; the learned
# matrix. Everything else is equal: networks, digits, number of training steps. We report *bits per
# pixel*, as in `flow/05`. With uniform noise they are an upper bound of the length of a code for
# the gray values (Theis et al. 2016; `flow/14`).

# %%
mixings = ["nothing", "reversed", "shuffled", "1×1 convolution"]


# %%
def mixing_of(kind, channels, rng):
    """The bijection that takes the place of the 1×1 convolution in a step."""
    orders = {
        "nothing": np.arange(channels),
        "reversed": np.arange(channels)[::-1],
        "shuffled": rng.permutation(channels),
    }
    if kind in orders:
        return Permute(orders[kind])
    matrix = Invertible1x1Conv(rng, channels)
    return matrix.freeze() if kind == "fixed rotation" else matrix


# %%
def small_glow(kind, pair=0):
    """A Glow of four steps at 14×14 and four at 7×7, its channels mixed in this way."""
    glow = Glow(lesson.rng(f"small glow {pair}"), width=(16, 24), steps=4)
    rng = lesson.rng(f"mixing {pair}")
    for _, module in glow.modules():
        if isinstance(module, GlowStep):
            module.conv = mixing_of(kind, len(module.actnorm.shift), rng)
    return glow.standardize(start)


# %%
start, start_det = logits_of(digits.train_images[: lesson.size(500, quick=20)])


def bits_per_pixel(glow, y, log_det):
    """The loss: bits per pixel of digits with logits y; the log-determinant of the logit counts."""
    return -np.mean(glow.log_prob(y) + log_det) / np.float32(784 * np.log(2))


# %% [markdown]
# First, before any training: how much does it help to set every actnorm from some digits?

# %%
lesson.predict(
    "An untrained Glow, bits per pixel: with actnorms that are the identity, and set from 500"
    " digits",
    ["8 and 8", "8 and 4", "over 20, and under 4", "over 20, and over 20"],
)

# %%
blank = Glow(lesson.rng("small glow 0"), width=(16, 24), steps=4)
names = ["as the identity", "from 1 digit", f"from {len(start)} digits"]
without = float(bits_per_pixel(blank, start, start_det))
from_one_digit = float(bits_per_pixel(blank.standardize(start[:1]), start, start_det))
from_all = float(bits_per_pixel(blank.standardize(start), start, start_det))
rows = zip(names, [without, from_one_digit, from_all])
lesson.table(rows, ["actnorm set", "bits per pixel"], "an untrained Glow")

# %%
lesson.check("untrained, actnorm as the identity: bits", without, at_least=20)
lesson.check("untrained, actnorm set from digits: bits", from_all, at_most=4)
low, median, high = np.quantile(start, [0.05, 0.5, 0.95])
lesson.outcome(
    f"{without:.1f} and {from_all:.1f}. The median of the logits is {median:.1f}, and nine tenths"
    f" of them lie between {low:.1f} and {high:.1f}: far from 0, for noise of variance 1.",
    answer="over 20, and under 4",
)

# %% [markdown]
# And now the comparison, at equal numbers of steps.

# %%
lesson.predict("Which mixing needs the fewest bits?", mixings)


# %%
def train_on_digits(label, glow, steps, batch, lr, ema, clip=None, draws=None):
    """The moving average of a Glow, trained with new noise in every batch."""
    order = lesson.rng("order")
    batches = mnist.batches(digits.train_images, size=batch, rng=order)

    def draw(rng):
        return mnist.dequantize_logit(next(batches)[0], rng)

    lr = cosine(lr, steps, warmup=min(50, steps))
    rng = lesson.rng(f"{draws or label}: noise")
    step = descend(bits_per_pixel, glow, draw, lr=lr, ema=ema, clip=clip, rng=rng, parallel=True)
    state = {**step.state, "batches": batches, "order": order}
    lesson.fit(step, steps, state=state, label=label)
    return step.averaged


# %%
def bits_of(glow, y, log_det):
    """Bits per pixel of each digit (N,)."""
    return mnist.bits_per_pixel(batched(glow.log_prob, y, size=250, threads=True), log_det)


test_y, test_det = logits_of(digits.test_images[: lesson.size(10_000, quick=12)])
batch = lesson.size(50, quick=4)


def on_test_digits(glow):
    return bits_of(glow, test_y[:2000], test_det[:2000]).mean()


# %%
small_cfg = lesson.configure(small_steps=300, small_lr=4e-3)


def train_small(kind, pair=0):
    """Test bits per pixel of a small Glow: before training and after."""
    glow, steps = small_glow(kind, pair), lesson.steps(small_cfg.small_steps, quick=1)
    before = on_test_digits(glow)
    settings = {"lr": small_cfg.small_lr, "ema": 0.99, "draws": f"pair {pair}"}
    glow = train_on_digits(f"small Glow: {kind}, {pair}", glow, steps, batch, **settings)
    return before, on_test_digits(glow)


# %%
small_bits = {kind: train_small(kind) for kind in mixings}
rows = [[kind, after] for kind, (_, after) in small_bits.items()]
lesson.table(rows, ["channels mixed by", "bits per pixel"], "small Glow, test digits")

# %%
trained = {kind: after for kind, (_, after) in small_bits.items()}
best = min(trained, key=trained.get)
lesson.outcome(", ".join(f"{bits:.3f} ({kind})" for kind, bits in trained.items()), answer=best)

# %%
bits_of_1x1 = trained["1×1 convolution"]
gain = trained["shuffled"] - bits_of_1x1
loss = trained["nothing"] - trained["reversed"]
source = "seed 0: 1.635; three more runs: 1.58 to 1.65"
lesson.claim("small Glow, 1×1", bits_of_1x1, at_most=1.75, unit="bits", source=source)
source = "seed 0: 0.144; three more runs: 0.08 to 0.19; before training: 0.44"
lesson.claim("1×1 below shuffled", gain, between=(0.03, 0.25), unit="bits", source=source)
source = "seed 0: 0.443; three more runs: 0.42 to 0.45"
lesson.claim("nothing above reversed", loss, at_least=0.35, unit="bits", source=source)

# %% [markdown]
# Without mixing, half of the channels at either size are only ever scaled and shifted by constants.
#
# The paper compares a learned matrix with fixed permutations. But its matrix differs from a shuffle
# in two ways: it is *learned*, and it *starts* as a random rotation. The control that separates the
# two is a rotation that stays as it is. We freeze the matrices at their start and train the rest.

# %%
lesson.predict(
    "How much of the gain of 1×1 over shuffled does a fixed random rotation keep?",
    ["less than a third", "about half", "more than two thirds"],
)

# %%
small_bits["fixed rotation"] = train_small("fixed rotation")
rows = [[kind, before, after] for kind, (before, after) in small_bits.items()]
header = ["channels mixed by", "before training", "after training"]
lesson.table(rows, header, "small Glow, test digits, bits per pixel")

# %%
fixed = small_bits["fixed rotation"][1]
kept = trained["shuffled"] - fixed
share = kept / gain
thirds = ["less than a third", "about half", "more than two thirds"]
lesson.outcome(
    f"{100 * share:.0f} %: {fixed:.3f} bits with a fixed rotation, beside"
    f" {trained['1×1 convolution']:.3f} (learned) and {trained['shuffled']:.3f} (shuffled).",
    answer=thirds[int(share > 1 / 3) + int(share > 2 / 3)],
)
name = "fixed rotation below shuffled"
source = "seed 0: 0.117; three more runs: 0.06 to 0.18; before training: 0.44"
lesson.claim(name, kept, between=(0.02, 0.22), unit="bits", source=source)

# %% [markdown]
# The first column of the table shows a part of the reason. Before training, all permutations give
# the same bits: what leaves the first actnorm is standardized, it stays so in any order, and the
# actnorms of the other steps have nothing to do. A rotation leaves them something.
#
# <details><summary>Derivation: what a rotation gains before any training</summary>
#
# Two channels with variance 1 and correlation $\rho$ go through actnorm, a mixing, and a second
# actnorm. If the mixing exchanges them, both variances are still 1, and the second actnorm is the
# identity: no gain. A rotation by 45° gives $(x_1 + x_2)/\sqrt2$ and $(x_1 - x_2)/\sqrt2$, with
# variances $1 + \rho$ and $1 - \rho$. The second actnorm divides by their square roots. The mean of
# $|z|^2$ is 2 in both cases, so the log-likelihood changes by the log-determinant alone,
#
# $$-\tfrac12 \log(1 + \rho) - \tfrac12 \log(1 - \rho) = -\tfrac12 \log(1 - \rho^2) \ge 0 .$$
#
# This is the mutual information of two Gaussian channels with correlation $\rho$: one rotation
# makes the flow model the correlation, before any network is trained.
#
# </details>

# %%
rho = 0.8
u, v = np.sqrt(1 + rho), np.sqrt(1 - rho)
turned = np.array([[u, v], [u, -v], [-u, v], [-u, -v]])  # x in axes rotated by 45°
rotation = np.array([[1.0, 1.0], [1.0, -1.0]]) / np.sqrt(2)
x = turned @ rotation  # both variances are 1, and the correlation is rho
lesson.check("covariance of x", x.T @ x / 4, equals=[[1, rho], [rho, 1]])

# %%
gains = {}
for name, matrix in [("exchange", exchange), ("rotation by 45°", rotation)]:
    layer = ActNorm(2)
    layer.standardize(conv1x1(x, matrix))
    gains[name] = -layer.log_scale.sum()
lesson.table(gains.items(), ["mixing", "gain in nats"])
lesson.check("gain of the exchange", gains["exchange"], equals=0.0)
formula = -0.5 * np.log(1 - rho**2)
lesson.check("gain of the rotation, nats", gains["rotation by 45°"], equals=formula, atol=1e-5)

# %%
lesson.change(
    "channels without correlation",
    "Change `rho = 0.8` to `rho = 0.0` and run again. What does the rotation gain now?",
    answer="Nothing, 0 nats: the variances after the rotation are 1 and 1, so the second actnorm "
    "has nothing to do. Neighboring pixels of a digit are strongly correlated.",
)

# %% [markdown]
# So what does *learning* the matrix bring? One run could be luck. We train two more pairs, fixed
# and learned. The two flows of a pair share the start, the order of the digits and all noise.

# %%
pairs = [(fixed, trained["1×1 convolution"])]
for pair in (1, 2):
    both = [train_small(kind, pair)[1] for kind in ("fixed rotation", "1×1 convolution")]
    pairs.append(tuple(both))
learned_below_fixed = [a - b for a, b in pairs]
mean = np.mean(learned_below_fixed)
half = 4.303 * np.std(learned_below_fixed, ddof=1) / np.sqrt(3)  # t distribution, 2 degrees

# %%
rows = [[k + 1, *both, both[0] - both[1]] for k, both in enumerate(pairs)]
lesson.table(rows, ["pair", "fixed", "learned", "learned below fixed"], "bits per pixel")
print(f"  95 % interval for the mean difference: {mean:.4f} ± {half:.4f} bits")
source, name = "six pairs: 0.014 to 0.034", "learned below a fixed rotation, each pair"
lesson.claim(name, learned_below_fixed, between=(0.005, 0.06), unit="bits", source=source)

# %% [markdown]
# Learning the matrix gains about two hundredths of a bit, and the larger part of the gain over a
# shuffle is due to the rotation. Three conclusions follow. The paper's Figure 3 has no fixed
# rotation, so it measures the sum of the two effects. If training is short, a fixed rotation is
# nearly as good, and it is simpler: its log-determinant is 0 and its inverse is its transpose. And
# we measured 300 steps on digits only: after longer training, or with more channels, the
# shares may be others.
#
# ## 7. Digits
#
# The full model has eight steps at 14×14 and eight at 7×7. Two refinements go beyond the post.
#
# - After the first eight steps half of the channels are finished (the *split* of `flow/05`). They
#   need not be plain noise: from the other half a 3×3 convolution predicts a mean and a standard
#   deviation for each of their values. This is an affine coupling once more, $x = \mu + \sigma z$
#   with $\log\sigma = s$ and $\mu = t$. (The paper's code has it; its text does not mention it.)
# - Digits are centered in their images. So the networks have a bias for each place.

# %%
x, mu, sigma = 1.7, 0.5, 2.0
z = (x - mu) / sigma
standard = -0.5 * z**2 - 0.5 * np.log(2 * np.pi)
gaussian = -0.5 * ((x - mu) / sigma) ** 2 - 0.5 * np.log(2 * np.pi * sigma**2)
lesson.check("log N(z; 0, 1) − log σ is log N(x; μ, σ²)", standard - np.log(sigma), equals=gaussian)

# %%
cfg = lesson.configure(
    width=(48, 64), steps=8, batch=50, training=1700, lr=1.5e-2, ema=0.998, clip=1.0
)
glow = Glow(lesson.rng("glow"), width=cfg.width, steps=cfg.steps, position_bias=True).standardize(
    start
)
print(f"  {glow.num_parameters():,} parameters")
lesson.show_source(Glow)

# %% [markdown]
# We compare with one Gaussian with all $784^2$ covariances, on the same logits. Its log-density is
# $-\frac12 (y - \mu)^\top \Sigma^{-1} (y - \mu) - \frac12 \log\det 2\pi\Sigma$.

# %%
train_y, _ = mnist.dequantize_logit(
    digits.train_images[: lesson.size(60_000, quick=1000)], noise, flat=True
)
covariance = mean_and_covariance(train_y)[1]
off = test_y.reshape(-1, 784) - train_y.mean(axis=0)
distance = (off * np.linalg.solve(covariance, off.T).T).sum(axis=1)
log_gauss = -0.5 * (distance + np.linalg.slogdet(2 * np.pi * covariance)[1])
gauss_bits = mnist.bits_per_pixel(log_gauss, test_det).mean()

# %%
lesson.predict(
    f"The Gaussian needs {gauss_bits:.2f} bits per pixel. And Glow?",
    ["about 1.9", "about 1.6", "about 1.2", "about 0.8"],
)

# %%
steps = lesson.steps(cfg.training, quick=1)
glow = train_on_digits("Glow on digits", glow, steps, batch, cfg.lr, cfg.ema, cfg.clip)


# %%
def pixels(y):
    """Logits -> gray values 0 to 1, as floats (N, 28, 28, 1)."""
    return np.clip(mnist.from_logit(y) / 256, 0, 1).astype(np.float32)


def draw_digits(rng, n, temperature=1.0):
    parts = [glow.sample(rng, min(250, n - k), temperature) for k in range(0, n, 250)]
    return pixels(np.concatenate(parts))


lesson.sampler("digits", draw_digits)

# %%
bits = bits_of(glow, test_y, test_det)
error = bits.std() / len(bits) ** 0.5
lesson.table(
    [["uniform", 8.0, None], ["one Gaussian", gauss_bits, None], ["Glow", bits.mean(), error]],
    ["test digits, alpha = 1e-6", "bits per pixel", "standard error"],
)
choices = {1.9: "about 1.9", 1.6: "about 1.6", 1.2: "about 1.2", 0.8: "about 0.8"}
nearest = min(choices, key=lambda value: abs(value - bits.mean()))
lesson.outcome(f"{bits.mean():.3f}, on {len(bits):,} test digits.", answer=choices[nearest])
name = "MNIST test digits: bits per pixel"
lesson.claim(name, bits.mean(), at_most=1.25, unit="bits", source="seed 0: 1.227")

# %% [markdown]
# Is every step still exact after training? To map digits to noise and back is one test. A popular
# second test is that the log-determinants of the two directions cancel. But both directions call
# the same formula, so this test passes with *any* formula. We compare with the Jacobian instead, on
# crops of a trained step, for which it is small enough.


# %%
def in_float64(a):
    return a.astype(float)


some = test_y[:50].astype(float)
wide = glow.map(in_float64).bijection
z, log_det = wide.inverse(some)
again, _ = wide.forward(z)
back_in_float32, _ = glow.bijection.forward(z.astype(np.float32))
shifts = [256 * np.abs(pixels(y) - pixels(some)) for y in (again, back_in_float32)]
print(f"  largest shift in float32: {shifts[1].max():.3g} gray levels")
furthest = shifts[0].max()
lesson.check("there and back in float64: gray levels, largest", furthest, at_most=0.5)


# %%
def on_a_crop(step, side):
    """A copy of the step, in float64, for crops of side × side: its position biases are cut."""
    step = step.copy()
    net = step.coupling.net
    net.position_bias = net.position_bias[:side, :side]
    return step.map(in_float64)


# %%
squeezed, _ = Squeeze().inverse(some[:2])
steps_of = {4: [], 8: []}  # by their number of channels
for _, module in glow.modules():
    if isinstance(module, GlowStep):
        steps_of[len(module.actnorm.shift)].append(module)
at_7x7 = lesson.rng("a crop at 7×7").standard_normal((2, 3, 3, 8))
crops = {
    "14×14": (on_a_crop(steps_of[4][0], 4), squeezed[:, 5:9, 5:9]),
    "7×7": (on_a_crop(steps_of[8][0], 3), at_7x7),
}

# %%
rows = []
for name, (step, h) in crops.items():
    z_crop, formula = step.inverse(h)
    places, jacobians = h.shape[1] * h.shape[2], jacobian_log_det(step.inverse, h)
    one_place = formula - (places - 1) * step.conv.log_s.sum()  # the factor h · w is forgotten
    cancels = np.abs(formula + step.forward(z_crop)[1]).max()
    rows.append([name, cancels, *(np.abs(a - jacobians).max() for a in (formula, one_place))])

# %%
header = ["step at", "both directions", "formula", "formula without h · w"]
lesson.table(rows, header, "log-determinants, nats: sum of both directions; minus the Jacobian")
worst = max(row[2] for row in rows)
lesson.check("trained steps: formula minus Jacobian, nats", worst, at_most=1e-6)

# %% [markdown]
# The formula of the last column is wrong, in both directions by the same amount, so the sum of both
# directions would still be 0.
#
# ## 8. Temperature
#
# To draw a digit, draw noise $z \sim \mathcal N(0, T^2 I)$ and apply `forward`. $T$ is the
# *temperature*; $T = 1$ is the model itself. The paper's images are drawn with $T = 0.7$. A flow
# that adds 5, $x = z + 5$, draws the noise $z = 2$.

# %%
lesson.predict("With T = 1/2, which sample does it return?", ["3.5", "6", "7"])

# %%
shifted = Flow(StandardNormal(3), Affine(np.full(3, 5.0), np.zeros(3)))
z_drawn = StandardNormal(3).sample(lesson.rng("shifted"), 100)
cool = shifted.sample(lesson.rng("shifted"), 100, temperature=0.5)  # the same noise
off = np.abs(cool - (z_drawn / 2 + 5)).max()
lesson.check("samples at T = 1/2 minus (z/2 + 5), largest", off, equals=0.0, atol=1e-5)
by_hand = shifted.bijection.forward(np.full((1, 3), 0.5 * 2.0))[0][0, 0]
lesson.outcome(
    f"{by_hand:.0f}: the noise is scaled, 2/2 + 5. Scaling the sample, 7/2, would move all"
    " samples towards 0.",
    answer=f"{by_hand:.0f}",
)

# %% [markdown]
# A smaller $T$ keeps $z$ closer to 0, where the density of the *noise* is high. Does it also sample
# $x$ from a sharper density, $p_T(x) \propto p(x)^{1/T^2}$? It does so for additive couplings, and
# for affine ones in general not.
#
# <details><summary>Derivation: what the temperature does to p(x)</summary>
#
# Let $\ell(x) = \log|\det dz/dx|$, so $\log p(x) = \log\pi(z) + \ell(x)$. Noise with deviation $T$
# has $\log\pi_T(z) = -|z|^2/2T^2 + \text{const} = \frac{1}{T^2}\log\pi(z) + \text{const}$. Hence
#
# $$\log p_T(x) = \tfrac{1}{T^2}\log\pi(z) + \ell(x) + \text{const}
#   = \tfrac{1}{T^2}\log p(x) + \big(1 - \tfrac{1}{T^2}\big)\,\ell(x) + \text{const} .$$
#
# For additive couplings (and constant scales) $\ell$ is a constant, and $p_T \propto p^{1/T^2}$.
# With learned scales $\ell$ depends on $x$. For $T < 1$ its factor is negative, so $p_T$ is lower
# than $p^{1/T^2}$ where the map from $x$ to $z$ expands volumes.
#
# </details>


# %%
def sharpness_error(coupling, T=0.5):
    """Standard deviation over points of log p_T(x) − log p(x) / T²: 0 if p_T ∝ p^(1/T²)."""
    x = lesson.rng("points").standard_normal((200, 2))
    flow = Flow(StandardNormal(2), coupling)
    z, log_det = coupling.inverse(x)
    log_p_T = StandardNormal(2).log_prob(z / T) - 2 * np.log(T) + log_det
    return np.std(log_p_T - flow.log_prob(x) / T**2)


# %%
def rough_net(outputs):
    """The network of a coupling, in float64, with noise in its last layer."""
    rng = lesson.rng("rough")
    net = coupling_net(rng, 2, width=16, outputs=outputs).map(in_float64)
    net.layers[-1].w += 0.2 * rng.standard_normal(net.layers[-1].w.shape)
    return net


additive = sharpness_error(AdditiveCoupling(rough_net(1), half_mask(2)))
affine = sharpness_error(AffineCoupling(rough_net(2), half_mask(2)))
lesson.check("additive coupling: p_T against p^(1/T²)", additive, equals=0.0)
lesson.check("affine coupling: p_T against p^(1/T²)", affine, at_least=0.1)

# %%
parts = {"log p of the logits": log_det + glow.base.log_prob(z), "log-determinant": log_det}
rows = [[name, values.mean(), values.std()] for name, values in parts.items()]
lesson.table(rows, ["Glow, 50 test digits, nats", "mean", "standard deviation"])

# %% [markdown]
# Glow's log-determinant varies from digit to digit, so its samples at $T < 1$ are not samples of a
# sharpened model. Whether they look better is an empirical question. The pretrained classifier
# of `gan/08` compares the samples of each $T$ with test digits, by its features. *Precision* is the
# share of samples that fall among real digits, *recall* the share of real digits that fall among
# samples. The *Fréchet distance* of the two sets of features measures both.

# %%
lesson.predict(
    "From T = 1 down to 0.5, precision and recall",
    ["both rise", "precision rises, recall falls", "precision falls, recall rises", "both fall"],
)

# %%
temperatures = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
classifier = lesson.pretrained("digit_classifier")
real = mnist.unit(digits.test_images[: lesson.size(5000, quick=40)])
count = lesson.size(2000, quick=16)
reports = {}
for T in temperatures:
    drawn = draw_digits(lesson.rng(f"T {T}"), count, T)
    reports[T] = judge_digits(classifier, drawn, real)
rows = [[T, r.precision, r.recall, r.frechet] for T, r in reports.items()]
lesson.table(rows, ["T", "precision", "recall", "Fréchet"], f"{count} samples at each T")

# %%
hot, cold = reports[1.0], reports[0.5]
lesson.outcome(
    f"Precision goes from {hot.precision:.2f} to {cold.precision:.2f}, recall from"
    f" {hot.recall:.2f} to {cold.recall:.2f}. The smallest Fréchet distance is at T ="
    f" {min(reports, key=lambda T: reports[T].frechet)}.",
    answer={
        (True, True): "both rise",
        (True, False): "precision rises, recall falls",
        (False, True): "precision falls, recall rises",
        (False, False): "both fall",
    }[cold.precision > hot.precision, cold.recall > hot.recall],
)

# %%
precision = reports[0.7].precision - hot.precision
recall = hot.recall - cold.recall
source = "seed 0: 0.163; half of it"
lesson.claim("precision at T = 0.7, above T = 1", precision, at_least=0.08, source=source)
source = "seed 0: 0.299; half of it"
lesson.claim("recall at T = 1, above T = 0.5", recall, at_least=0.15, source=source)

# %%
knob = [0.05, 0.2, 0.3, 0.4, *temperatures, 1.1, 1.2]
drawn = {T: draw_digits(lesson.rng("shown"), 12, T) for T in knob}  # the same noise, scaled
rows = np.concatenate([drawn[T] for T in temperatures])
lesson.figure(
    plot.image_grid(rows, cols=12, row_labels=[f"T = {T}" for T in temperatures]),
    "temperature",
    "In a column the noise is the same, only scaled: T grows downward. Look for broken strokes,"
    " and for columns that look alike.",
)

# %% [markdown]
# Here is the same noise with more temperatures. *Start at the left, where all twelve images are
# nearly the same, and raise $T$: at which $T$ can you first distinguish them, and from which $T$ on
# do strokes break?*

# %%
lesson.play(
    "knob",
    {"T": knob},
    images=list(drawn.values()),
    cols=4,
    start={"T": 0.7},
    caption="Twelve digits, each from its own noise, scaled by T.",
)

# %% [markdown]
# ## 9. Interpolation
#
# Every digit has a code $z$, and every $z$ an image. So a straight line between the codes of two
# digits is a path of images. The other way to interpolate is to blend the gray values.

# %%
lesson.predict(
    "Midway, to which image does the model assign the higher density?",
    ["the one from midway in z", "the blend of gray values"],
)

# %%
pairs = lesson.size(500, quick=4)
left, right = test_y[:pairs], test_y[pairs : 2 * pairs]
z_left, _ = glow.bijection.inverse(left)
z_right, _ = glow.bijection.inverse(right)


def between(share):
    """Images on the way from left (0) to right (1): through z, and by gray values."""
    z = (1 - share) * z_left + share * z_right
    through_z, _ = glow.bijection.forward(z.astype(np.float32))
    return pixels(through_z), (1 - share) * pixels(left) + share * pixels(right)


# %%
def bits_of_images(x):
    """Bits per pixel of gray values in [0, 1], rounded to 256 levels and given new noise."""
    levels = np.clip(np.floor(256 * x[..., 0]), 0, 255).astype(np.uint8)
    y, log_det = mnist.dequantize_logit(levels, lesson.rng("fresh"))
    return bits_of(glow, y, log_det).mean()


images = dict(zip(["midway in z", "blends"], between(0.5)))
images["test digits"] = mnist.unit(digits.test_images[:pairs])
others = mnist.unit(digits.test_images[-lesson.size(5000, quick=40) :])
midway = {}
for name, x in images.items():
    midway[name] = [bits_of_images(x), judge_digits(classifier, x, others).precision]
lesson.table([[name, *row] for name, row in midway.items()], ["images", "bits", "precision"])

# %%
in_z, blend = midway["midway in z"][0], midway["blends"][0]
likelier = "the one from midway in z" if in_z < blend else "the blend of gray values"
lesson.outcome(
    f"{in_z:.2f} bits in z, {blend:.2f} for blends. Test digits need"
    f" {midway['test digits'][0]:.2f}: few bits do not prove that an image is a real digit.",
    answer=likelier,
)

# %%
path = [between(share) for share in np.linspace(0, 1, 9)]
rows = [[images[k][n] for images in path] for n in range(4) for k in (0, 1)]
shown = np.stack([image for row in rows for image in row])
lesson.figure(
    plot.image_grid(shown, 8, 9, row_labels=["in z", "blend"] * 4),
    "interpolation",
    "Four pairs of test digits, at the ends. A blend is two digits, one over the other; through z,"
    " follow one stroke. Midway between two codes z is shorter, about as at T = 0.7.",
)

# %% [markdown]
# ## 10. Where the post is loose
#
# - “The design is same as in RealNVP”, of the affine coupling. Glow splits by channel only, without
#   checkerboards, and the last convolution of its network starts at zero, so that each coupling
#   starts as the identity.
# - “$\log (\vert\det\mathbf{W}\vert^{h \cdot w}\vert)$”, in the middle of Eq. flow.15, has one bar
#   too many: read $\log(|\det W|^{h \cdot w})$.
# - “The derivative of each entry is $\partial \mathbf{x}_{ij} \mathbf{W} / \partial\mathbf{x}_{ij}
#   = \mathbf{W}$”: with row vectors and the post's own definition of the Jacobian, $J_{ij} =
#   \partial f_i / \partial x_j$, it is $\mathbf W^\top$. The determinant is the same.
#
# **What we do otherwise:** `ActNorm` stores a logarithm, so its scale is positive; the first half
# of the channels is kept; the split is learned; the networks have a bias for each place and 48 or
# 64 channels, the paper's have 512. **Left out:** color, faces, weeks of training; additive
# couplings in Glow; a class that sets the mean of $z$. **Next:** in `flow/08`, MADE, each output of
# one network depends on the earlier coordinates only. It is the first part of the *autoregressive*
# flows.
#
# **Your turn:** `minigen exercise start flow/07`, then `minigen run flow/07 --with
# exercises/flow_07.py`.

# %%
lesson.finish()
