# %% [markdown]
# # Glow: learn how to mix
#
# The section *Glow* (flow.s09) of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/), run. To take away:
#
# 1. Between two couplings the channels must be mixed. RealNVP exchanges halves by a fixed rule;
#    Glow learns a matrix, whose log-determinant costs next to nothing.
# 2. *Actnorm*, a scale and a shift that look at one batch of data, once, takes the place of batch
#    normalization.
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
    pretrained=["digit_classifier"],
    minutes=9,
    sources=["weng2018flow", "kingma2018glow"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist, toy
from minigen.flow.bijection import Chain, Flow, Permute, Squeeze, StandardNormal, jacobian_log_det
from minigen.flow.coupling import AffineCoupling, BatchNorm, coupling_net, half_mask
from minigen.flow.glow import ActNorm, Glow, GlowStep, Invertible1x1Conv, actnorm_init, conv1x1
from minigen.flow.glow import conv1x1_log_det, lu_matrix, lu_parts, random_rotation
from minigen.metrics import nll_gap
from minigen.metrics.digits import judge_digits
from minigen.metrics.samples import mean_and_covariance
from minigen.optim import cosine
from minigen.tensor import batched, jacobian
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

# %%
lesson.change(
    "a matrix without an inverse",
    "Change `W` to `np.array([[2.0, 4.0], [1.0, 2.0]])` and run again. What stops the lesson, "
    "and why must it?",
    answer="`conv1x1_log_det` stops it: W must be invertible. The determinant is $2 \\cdot 2 - 4 "
    "\\cdot 1 = 0$: the first channel becomes twice the second, whatever the two were, so there "
    "is no way back, and the logarithm of 0 does not exist.",
)

# %% [markdown]
# ## 2. A matrix in parts
#
# The determinant of $C$ channels costs about $C^3$ steps, at each step of flow and of training. And
# training might push $W$ into a matrix that cannot be inverted. Glow therefore keeps $W$ as a
# product of three matrices: a fixed permutation $P$; a lower triangular one with ones on its
# diagonal; and an upper triangular one, whose diagonal is kept as signs and logarithms of sizes.
# Permuting changes no volume, and a triangular matrix has the product of its diagonal as
# determinant. What is the logarithm of the whole determinant, then, and what must be trained?

# %%
lesson.exercise("flow/07/lu_matrix")

# %%
P, L, U, sign, log_s = lu_parts(W)
lesson.check("the parts make W again", lu_matrix(P, L, U, sign, log_s), equals=W)
lesson.check("log 2 + log 2.5", np.sort(np.exp(log_s)), equals=[2.0, 2.5])
lesson.show_source(lu_matrix)

# %% [markdown]
# With $L$ strictly lower and $U$ strictly upper triangular,
#
# $$W = P\,(L + I)\,\big(U + \mathrm{diag}(\mathrm{sign}\cdot e^{\,\log s})\big), \qquad
# \log|\det W| = \sum_i \log s_i .$$
#
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
lesson.show_source(actnorm_init)

# %%
lesson.change(
    "another unit",
    "Write the three numbers in a unit a tenth as large: change them to `[[10.0], [20.0], "
    "[60.0]]` and run again. What become shift and variance?",
    answer="The shift is 30, ten times as large, and the variance 466.7, a hundred times. After "
    "the shift and the division by the deviation the three numbers are the same as before.",
)

# %% [markdown]
# Now digits. As in `flow/05`, noise fills the gaps between gray values, and a logit spreads them
# over the line (here with $\alpha = 10^{-6}$). Then a *squeeze* makes one place with 4 channels of
# each 2×2 block of pixels.

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
came_out = "close to 0 and 1" if off < 0.5 else "far from 0 and 1"
lesson.outcome(
    f"Off by at most {off:.2g}: another fifty digits have another mean. The scale stays as it is.",
    answer="exactly 0 and 1" if off < 1e-4 else came_out,
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
# (`coupling_net` is the network of `flow/05`. Its first layer gets one number, the kept half, and
# its tanh units bend at different places of the line. With a larger `sharpness` they bend more
# sharply at the same places, as narrow modes need: twice as sharply for the moons, four times for
# the ring.)
#
# The loss is the negative log-likelihood. As in `flow/05` the gradient is *clipped*: where modes
# are narrow, one point that fits badly could throw twelve steps far off.

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
lesson.claim("two moons: gap", gaps["two_moons"], at_most=0.02, unit="nats")
lesson.claim("ring: gap", gaps["ring"], at_most=0.15, unit="nats")
larger = "the two moons: they are bent"
if gaps["ring"] > gaps["two_moons"]:
    larger = "the ring: it is in eight pieces"
lesson.outcome(f"{gaps['two_moons']:.3f} and {gaps['ring']:.3f} nats.", answer=larger)

# %% [markdown]
# A bend is what couplings do best. But a bijection that is smooth both ways cannot *tear*: the
# Gaussian is in one piece, so whatever it becomes is in one piece. Eight separate modes can only be
# pinched off, with threads of thin density between them, and to pinch, the map must be steep. The
# narrower the modes, the steeper; the deviation here is 0.1, and the way from mode to mode 1.5.


# %%
def draw_row(axes, name, density, flow):
    """Truth, the model's density (cut off above, so that no peak takes all the colors), samples."""
    box = (-3, 3, -3, 3) if name == "ring" else (-1.7, 2.7, -1.7, 2.2)
    top = np.quantile(density.log_prob(density.sample(lesson.rng("top"), 500)), 0.9)

    def model_density(x):
        return np.exp(np.minimum(flow.log_prob(x), top))

    n = lesson.size(200, quick=40)  # points a side
    plot.density(density, axes[0], bounds=box, n=n, title=f"{name}: truth")
    plot.density(model_density, axes[1], bounds=box, n=n, title="Glow steps, exact density")
    drawn = flow.sample(lesson.rng("drawn"), 2000)
    plot.samples(drawn, density, axes[2], bounds=box, title="samples over the truth")


# %%
fig, axes = plot.figure(2, 3, size=(3.0, 2.8))
for row, (name, density) in zip(axes, densities.items(), strict=True):
    draw_row(row, name, density, plane[name])
lesson.figure(
    fig,
    "plane",
    "Middle: look for threads from piece to piece. On the right some samples lie on them, and each"
    " of those pays with many nats.",
)

# %% [markdown]
# ## 6. Permutation against 1×1
#
# Now the question of the paper's Figure 3. Take a small Glow for digits, four steps at each of two
# sizes, and replace what mixes its channels: nothing at all; the order reversed (the exchange of
# RealNVP); an order shuffled once at random, another for each step; the learned matrix. Everything
# else is equal: networks, digits, number of training steps. Measured in *bits per pixel*, as in
# `flow/05`: how long a code for a digit would be.

# %%
mixings = ["nothing", "reversed", "shuffled", "1×1 convolution"]


# %%
def mixing_of(kind, channels, rng):
    orders = {
        "nothing": np.arange(channels),
        "reversed": np.arange(channels)[::-1],
        "shuffled": rng.permutation(channels),
    }
    return Permute(orders[kind]) if kind in orders else Invertible1x1Conv(rng, channels)


# %%
def small_glow(kind):
    """A Glow of four steps at 14×14 and four at 7×7, its channels mixed in this way."""
    glow = Glow(lesson.rng("small glow"), width=(16, 24), steps=4)
    rng = lesson.rng(f"mixing: {kind}")
    for _, module in glow.modules():
        if isinstance(module, GlowStep):
            module.conv = mixing_of(kind, len(module.actnorm.shift), rng)
    return glow.standardize(start)


# %%
start, start_det = logits_of(digits.train_images[: lesson.size(500, quick=20)])


def bits_per_pixel(glow, y, log_det):
    """The loss: bits for a pixel of the digits, whose logits are y; the logit's log-det counts."""
    return -np.mean(glow.log_prob(y) + log_det) / np.float32(784 * np.log(2))


# %% [markdown]
# First, before any training: what does actnorm's look at some digits bring?

# %%
lesson.predict(
    "An untrained Glow, bits per pixel: without that look, and with it",
    ["8 and 8", "8 and 4", "over 20, and under 4", "over 20, and over 20"],
)

# %%
blank = Glow(lesson.rng("small glow"), width=(16, 24), steps=4)
without = float(bits_per_pixel(blank, start, start_det))
with_look = float(bits_per_pixel(blank.standardize(start), start, start_det))

# %%
lesson.check("untrained, without the look: bits", without, at_least=20)
lesson.check("untrained, after the look: bits", with_look, at_most=4)
lesson.outcome(
    f"{without:.1f} and {with_look:.1f}. The logits lie between -14 and 14, most of them near -10:"
    " for noise of variance 1 that is far out.",
    answer="over 20, and under 4",
)

# %% [markdown]
# And now the comparison, at equal numbers of steps.

# %%
lesson.predict("Which mixing needs the fewest bits?", mixings)


# %%
def train_on_digits(label, glow, steps, batch, lr, ema):
    """The moving average of a Glow, trained with fresh noise in every batch."""
    order = lesson.rng("order")
    batches = mnist.batches(digits.train_images, size=batch, rng=order)

    def draw(rng):
        return mnist.dequantize_logit(next(batches)[0], rng)

    lr = cosine(lr, steps, warmup=min(50, steps))
    rng = lesson.rng(f"{label}: noise")
    step = descend(bits_per_pixel, glow, draw, lr=lr, ema=ema, rng=rng, parallel=True)
    state = {**step.state, "batches": batches, "order": order}
    lesson.fit(step, steps, state=state, label=label)
    return step.averaged


# %%
def bits_of(glow, y, log_det):
    """Bits per pixel of each digit (N,)."""
    return mnist.bits_per_pixel(batched(glow.log_prob, y, size=250, threads=True), log_det)


test_y, test_det = logits_of(digits.test_images[: lesson.size(10_000, quick=12)])

# %%
batch = lesson.size(50, quick=4)
small_bits = {}
for kind in mixings:
    label = f"small Glow, mixed by: {kind}"
    steps = lesson.steps(300, quick=1)
    trained = train_on_digits(label, small_glow(kind), steps, batch, lr=4e-3, ema=0.99)
    small_bits[kind] = bits_of(trained, test_y[:2000], test_det[:2000]).mean()
lesson.table(small_bits.items(), ["channels mixed by", "bits per pixel"], "small Glow, test digits")

# %%
best = min(small_bits, key=small_bits.get)
lesson.outcome(", ".join(f"{bits:.3f} ({kind})" for kind, bits in small_bits.items()), answer=best)
gain = small_bits["reversed"] - small_bits["1×1 convolution"]
lesson.claim("1×1 below reversed", gain, at_least=0.05, unit="bits", source="Kingma 2018, Fig. 3")
gain = small_bits["shuffled"] - small_bits["1×1 convolution"]
lesson.claim("1×1 below shuffled", gain, at_least=0.02, unit="bits", source="Kingma 2018, Fig. 3")
lesson.claim("small Glow, 1×1", small_bits["1×1 convolution"], at_most=1.75, unit="bits")
loss = small_bits["nothing"] - small_bits["reversed"]
lesson.claim("nothing above reversed", loss, at_least=0.1, unit="bits")

# %% [markdown]
# With nothing to mix them, at either size half of the channels are only ever scaled and shifted:
# that piece cannot be left out. A learned matrix begins as a random rotation, which shares
# everything with every channel from the first step on; an exchange must take turns. (Equal steps
# are not equal time: a matrix is one more product for each place.)
#
# ## 7. Digits
#
# The whole thing: eight steps at 14×14, eight at 7×7. Two refinements beyond the post.
#
# - After the first eight steps half of the channels are finished (the *split* of `flow/05`). They
#   need not be plain noise: the half that goes on predicts, by a 3×3 convolution, a mean and a
#   deviation for each finished number. Such a Gaussian is nothing new. $x = \mu + \sigma z$ is an
#   affine coupling with $\log\sigma = s$ and $\mu = t$. (The paper's code does it; its text does
#   not say so.)
# - Digits stand in the middle of their pictures. So the networks get a bias for each place.

# %%
x, mu, sigma = 1.7, 0.5, 2.0
z = (x - mu) / sigma
standard = -0.5 * z**2 - 0.5 * np.log(2 * np.pi)
gaussian = -0.5 * ((x - mu) / sigma) ** 2 - 0.5 * np.log(2 * np.pi * sigma**2)
lesson.check("log N(z; 0, 1) − log σ is log N(x; μ, σ²)", standard - np.log(sigma), equals=gaussian)

# %%
cfg = lesson.configure(width=(48, 64), steps=8, batch=50, training=2000, lr=3e-3, ema=0.998)
glow = Glow(lesson.rng("glow"), width=cfg.width, steps=cfg.steps, position_bias=True).standardize(
    start
)
print(f"  {sum(a.size for a in glow.parameters().values()):,} parameters")
lesson.show_source(Glow)

# %% [markdown]
# The yardstick is one Gaussian with all $784^2$ covariances, on the same logits: its log-density is
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
    ["about 1.9", "about 1.6", "about 1.3", "about 1.0"],
)

# %%
steps = lesson.steps(cfg.training, quick=1)
glow = train_on_digits("Glow on digits", glow, steps, batch, cfg.lr, cfg.ema)


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
choices = {1.9: "about 1.9", 1.6: "about 1.6", 1.3: "about 1.3", 1.0: "about 1.0"}
nearest = min(choices, key=lambda value: abs(value - bits.mean()))
lesson.outcome(f"{bits.mean():.3f}, on {len(bits):,} test digits.", answer=choices[nearest])
lesson.claim("MNIST test digits: bits per pixel", bits.mean(), at_most=1.35, unit="bits")

# %% [markdown]
# Is every step still what it should be? Trained weights are the harder test: the way there and back
# in gray values, and the log-determinants of both directions, which must cancel.

# %%
some = test_y[:50]
z, log_det = glow.bijection.inverse(some)
again, log_det_back = glow.bijection.forward(z)
shift = 256 * np.abs(pixels(again) - pixels(some))
lesson.claim(
    "there and back: gray levels, 99.9 % of pixels", np.quantile(shift, 0.999), at_most=0.5
)
gap = np.abs(log_det + log_det_back).max() / 784
lesson.claim("log-determinants cancel: nats per pixel", gap, at_most=1e-3)

# %% [markdown]
# ## 8. Temperature
#
# To draw a digit: noise $z \sim \mathcal N(0, T^2 I)$, then `forward`. With the *temperature* $T =
# 1$ that is the model itself. Smaller $T$ stays nearer the middle, where the density is high. The
# paper's pictures are made with $T = 0.7$.
#
# The pretrained classifier of `gan/08` judges the samples of each $T$ beside test digits, by its
# features. *Precision*: the share of samples that fall among real digits. *Recall*: the share of
# real digits that fall among samples. The *Fréchet distance* of the two clouds counts both.

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
    f"Precision from {hot.precision:.2f} to {cold.precision:.2f}, recall from {hot.recall:.2f} to"
    f" {cold.recall:.2f}. The smallest Fréchet distance is at T ="
    f" {min(reports, key=lambda T: reports[T].frechet)}.",
    answer={
        (True, True): "both rise",
        (True, False): "precision rises, recall falls",
        (False, True): "precision falls, recall rises",
        (False, False): "both fall",
    }[cold.precision > hot.precision, cold.recall > hot.recall],
)

# %%
knob = [0.05, 0.2, 0.3, 0.4, *temperatures, 1.1, 1.2]
drawn = {T: draw_digits(lesson.rng("shown"), 12, T) for T in knob}  # the same noise, scaled
rows = np.concatenate([drawn[T] for T in temperatures])
lesson.figure(
    plot.image_grid(rows, cols=12, row_labels=[f"T = {T}" for T in temperatures]),
    "temperature",
    "In a column the noise is the same, only scaled: T grows downward. Look for strokes that end"
    " nowhere, and for columns that look alike.",
)

# %% [markdown]
# The same noise with more temperatures. *Start at the left, where all are nearly one picture, and
# raise $T$: at which $T$ can you first tell the twelve apart, and from which on do they break?*

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
# ## 9. Lines through the noise
#
# Every digit has a code $z$, and every $z$ a picture. So between two digits we can walk in a
# straight line through $z$, and look at the pictures on the way. The other way to walk is to blend
# gray values.

# %%
lesson.predict(
    "Halfway, which picture does the model find more probable?",
    ["the one from halfway in z", "the blend of gray values"],
)

# %%
pairs = lesson.size(500, quick=4)
left, right = test_y[:pairs], test_y[pairs : 2 * pairs]
z_left, _ = glow.bijection.inverse(left)
z_right, _ = glow.bijection.inverse(right)


def between(share):
    """Pictures on the way from left (0) to right (1): through z, and by gray values."""
    z = (1 - share) * z_left + share * z_right
    through_z, _ = glow.bijection.forward(z.astype(np.float32))
    return pixels(through_z), (1 - share) * pixels(left) + share * pixels(right)


# %%
def bits_of_pictures(x):
    """Bits per pixel of gray values in [0, 1], rounded to 256 levels and given fresh noise."""
    levels = np.clip(np.floor(256 * x[..., 0]), 0, 255).astype(np.uint8)
    y, log_det = mnist.dequantize_logit(levels, lesson.rng("fresh"))
    return bits_of(glow, y, log_det).mean()


pictures = dict(zip(["halfway in z", "blends"], between(0.5)))
pictures["test digits"] = mnist.unit(digits.test_images[:pairs])
others = mnist.unit(digits.test_images[-lesson.size(5000, quick=40) :])
halfway = {}
for name, x in pictures.items():
    halfway[name] = [bits_of_pictures(x), judge_digits(classifier, x, others).precision]
lesson.table([[name, *row] for name, row in halfway.items()], ["pictures", "bits", "precision"])

# %%
in_z, blend = halfway["halfway in z"][0], halfway["blends"][0]
likelier = "the one from halfway in z" if in_z < blend else "the blend of gray values"
lesson.outcome(f"{in_z:.2f} bits in z, {blend:.2f} for blends.", answer=likelier)

# %%
way = [between(share) for share in np.linspace(0, 1, 9)]
rows = [[pictures[k][n] for pictures in way] for n in range(4) for k in (0, 1)]
shown = np.stack([picture for row in rows for picture in row])
lesson.figure(
    plot.image_grid(shown, 8, 9, row_labels=["in z", "blend"] * 4),
    "interpolation",
    "Four pairs of test digits, at the ends. A blend is two digits, one over the other; through z,"
    " follow one stroke. Halfway between two codes z is shorter, about as at T = 0.7.",
)

# %% [markdown]
# ## 10. Where the post is loose
#
# - "As in RealNVP", it says of the coupling. Not quite: Glow splits by channel only, without
#   checkerboards, and the last convolution of its network starts at zero, so that each coupling
#   starts as the identity.
# - In the middle of Eq. flow.15 a bar is printed too many: read $\log(|\det W|^{h \cdot w})$.
# - Its table writes actnorm as $y = s \odot x + b$, with $\log|s|$: $s$ may be negative there.
#   With the logarithm as the parameter, as here, it cannot.
# - It says that the permutation is replaced. The *squeeze* and the *split*, without which there
#   would be one channel and nothing to mix, are left to the reader.
#
# **Left out:** color, faces, the paper's 512 channels and its weeks of training; couplings that
# only add; a class that chooses the mean of $z$. **Next:** `flow/08` gives up one of the two
# directions: an *autoregressive* flow makes each number from all before it.
#
# **Your turn:** `minigen exercise start flow/07`, then `minigen run flow/07 --with
# exercises/flow_07.py`.

# %%
lesson.finish()
