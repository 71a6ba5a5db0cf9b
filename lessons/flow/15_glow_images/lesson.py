# %% [markdown]
# # Glow on images: bits, temperature, and the way between two digits
#
# The RealNVP of `flow/05` has about 1.2 bits per pixel on MNIST, where a Gaussian has 2.0. Yet we
# can read fewer than half of its samples. Something does not fit. The obvious hope is that a better
# flow has fewer bits *and* better digits. Do few bits make good images?
#
# We stack the steps of `flow/07` at two scales (section 1), train them, and measure the bits (2).
# Then we look at images. We draw them with less noise than the model was trained with, as the
# paper's famous faces were (4), and walk from one digit to another (6). Two asides check that the
# flow is still exact (3) and ask what less noise does to the density (5). This lesson follows the
# section *Glow* of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/). Before this lesson:
# `flow/07`, `flow/14`.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/15_glow_images",
    title="Glow on images: bits, temperature, and the way between two digits",
    post="flow",
    sections=["flow.s09"],
    figures=[],
    equations=["flow.15"],
    pretrained=["digit_classifier"],
    minutes=5,
    picture="interpolation",
    sources=["weng2018flow", "theis2016note", "kingma2018glow"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.flow.bijection import Affine, Flow, Squeeze, StandardNormal, jacobian_log_det
from minigen.flow.coupling import AdditiveCoupling, AffineCoupling, coupling_net, half_mask
from minigen.flow.glow import Glow, GlowStep
from minigen.metrics.digits import judge_digits
from minigen.metrics.samples import mean_and_covariance
from minigen.optim import cosine
from minigen.tensor import batched
from minigen.train import descend

# %% [markdown]
# ## 1. Two scales
#
# How do steps for a few channels become a model of a whole image? Glow takes over the multi-scale
# architecture of RealNVP (`flow/05`). A *squeeze* turns blocks of 2×2 pixels into channels, steps
# of flow follow, and a *split* declares half of the channels finished noise. The other half is
# squeezed and processed again.

# %%
boxes = {
    "x": plot.node("$\\mathbf{x}$\n28×28×1", "data", (0, 0)),
    "fine": plot.node("squeeze, then 8 steps\n14×14×4", "model", (1, 0)),
    "split": plot.node("split", "operation", (2, 0)),
    "coarse": plot.node("squeeze, then 8 steps\n7×7×8", "model", (3, 0)),
    "z2": plot.node("$\\mathbf{z}_2$\n7×7×8", "latent", (4, 0)),
    "z1": plot.node("$\\mathbf{z}_1$\n14×14×2", "latent", (3, 1)),
}
ax = plot.schematic(boxes, ["x -> fine -> split -> coarse -> z2", "split -> z1"])
lesson.figure(
    ax,
    "scales",
    "The way of a digit (blue) to its noise (purple) through the steps of flow (green), with the"
    " shapes of the arrays. Look at the split, where half of the numbers leave.",
)

# %% [markdown]
# Nothing is lost on the way: the two parts of the noise have $14 \cdot 14 \cdot 2 + 7 \cdot 7 \cdot
# 8 = 784$ numbers, as many as the digit has pixels.
#
# Are the finished channels really noise? RealNVP treats them as independent of the half that goes
# on, but they come from the same strokes. We therefore let the split learn, as the paper's code
# does, and give the couplings' networks a bias for each position, as in `flow/05`. Both go beyond
# the post, and we have not measured what each is worth.
#
# - From the half that goes on, a 3×3 convolution predicts a mean and a standard deviation for each
#   of the finished numbers. This is an affine coupling once more, $x = \mu + \sigma z$ with
#   $\log\sigma = s$ and $\mu = t$. (The paper's code has it; its text does not mention it.)
# - Digits are centered in their images, so the networks of the couplings have a bias for each
#   position.
#
# For example, suppose that the convolution predicts $\mu = 0.5$ and $\sigma = 2$, and the finished
# number is $x = 1.7$. The noise is $z = (1.7 - 0.5)/2 = 0.6$, and its log-density minus $\log 2$ is
# the log-density of 1.7 under $\mathcal N(0.5, 2^2)$:

# %%
x, mu, sigma = 1.7, 0.5, 2.0
z = (x - mu) / sigma
standard = -0.5 * z**2 - 0.5 * np.log(2 * np.pi)
gaussian = -0.5 * ((x - mu) / sigma) ** 2 - 0.5 * np.log(2 * np.pi * sigma**2)

# %%
lesson.check("log N(z; 0, 1) − log σ is log N(x; μ, σ²)", standard - np.log(sigma), equals=gaussian)
lesson.check("numbers in the two parts of the noise", 14 * 14 * 2 + 7 * 7 * 8, equals=784)

# %% [markdown]
# In other words, the split has become one more layer that is trained. Here is the whole model, and
# the digits that set its actnorms (`flow/07`).

# %%
digits = mnist.load()
noise = lesson.rng("dequantize")


def logits_of(images):
    """uint8 images -> logits (N, 28, 28, 1), and the log-determinant of the way there (N,)."""
    return mnist.dequantize_logit(images, noise)


start, _ = logits_of(digits.train_images[: lesson.size(500, quick=20)])
test_y, test_det = logits_of(digits.test_images[: lesson.size(10_000, quick=40)])

# %%
cfg = lesson.configure(
    width=(48, 64), steps=8, batch=50, training=2000, lr=1.5e-2, ema=0.998, clip=1.0
)
glow = Glow(lesson.rng("glow"), width=cfg.width, steps=cfg.steps, position_bias=True)
glow.standardize(start)
untrained = glow.copy()
lesson.show_source(Glow)

# %% [markdown]
# It has 231,116 weights, most of them in the networks of its sixteen couplings.
#
# ## 2. Bits per pixel
#
# What is this flow worth? We train it by maximum likelihood on fresh noise, as in `flow/05`, and
# let the learning rate fall to zero along half a cosine. The score is the bits per pixel of test
# digits. With uniform noise they are an upper bound on the length of a code (Theis et al. 2016;
# `flow/14`), and lower is better.


# %%
def bits_per_pixel(glow, y, log_det):
    """The loss: bits per pixel of digits with logits y; the log-determinant of the logit counts."""
    return -np.mean(glow.log_prob(y) + log_det) / np.float32(784 * np.log(2))


def bits_of(glow, y, log_det):
    """Bits per pixel of each digit (N,)."""
    return mnist.bits_per_pixel(batched(glow.log_prob, y, size=250, threads=True), log_det)


# %% [markdown]
# The yardstick without training is one Gaussian with all $784^2$ covariances of the logits.

# %%
train_y, _ = mnist.dequantize_logit(
    digits.train_images[: lesson.size(60_000, quick=1000)], noise, flat=True
)
gauss_mean, covariance = mean_and_covariance(train_y)
off = test_y.reshape(-1, 784) - gauss_mean
distance = (off * np.linalg.solve(covariance, off.T).T).sum(axis=1)
log_gauss = -0.5 * (distance + np.linalg.slogdet(2 * np.pi * covariance)[1])
gauss_bits = mnist.bits_per_pixel(log_gauss, test_det).mean()

# %%
lesson.predict(
    f"The Gaussian needs {gauss_bits:.2f} bits per pixel. How many does Glow need?",
    ["about 1.6", "about 1.2", "about 0.8"],
)

# %%
order = lesson.rng("order")
batches = mnist.batches(digits.train_images, size=lesson.size(cfg.batch, quick=4), rng=order)


def draw_batch(rng):
    return mnist.dequantize_logit(next(batches)[0], rng)


# %%
steps = lesson.steps(cfg.training, quick=1)
rate = cosine(cfg.lr, steps, warmup=min(50, steps))
settings = {"lr": rate, "ema": cfg.ema, "clip": cfg.clip, "parallel": True}
step = descend(bits_per_pixel, glow, draw_batch, rng=lesson.rng("training noise"), **settings)
lesson.fit(
    step, steps, state={**step.state, "batches": batches, "order": order}, label="Glow on digits"
)
glow = step.averaged

# %%
bits = bits_of(glow, test_y, test_det)
error = bits.std() / len(bits) ** 0.5
untrained_bits = bits_of(untrained, test_y[:1000], test_det[:1000]).mean()

# %%
choices = {1.6: "about 1.6", 1.2: "about 1.2", 0.8: "about 0.8"}
nearest = min(choices, key=lambda value: abs(value - bits.mean()))
lesson.outcome(
    f"Glow needs {bits.mean():.3f} bits on {len(bits):,} test digits (standard error {error:.3f}).",
    answer=choices[nearest],
)
rows = [
    ["uniform", 8.0],
    ["Glow, untrained, actnorms set", untrained_bits],
    ["one Gaussian, all covariances", gauss_bits],
    ["Glow", bits.mean()],
]
lesson.table(rows, ["test digits, alpha = 1e-6", "bits per pixel"])

# %%
name = "MNIST test digits: bits per pixel"
source = "seeds 0, 1 and 8011: 1.210 to 1.233; untrained: 2.70"
lesson.claim(name, bits.mean(), at_most=1.27, unit="bits", source=source)

# %% [markdown]
# Two different architectures reach the same bits within a few hundredths. The files of `flow/14`
# are longer: gzip needs about 1.6 bits and xz 1.39. But do few bits make good images?
#
# ## 3. Is it still exact?
#
# *You may skip this section, because it only checks. It is for readers who write their own flows.*
#
# Bits are worth nothing if a log-determinant is wrong, because then the density does not integrate
# to 1. Are the trained steps still exact? One test maps digits to noise and back. A popular second
# test asks whether the log-determinants of the two directions cancel. But both directions call the
# same formula, so this test passes with *any* formula. We compare with the Jacobian instead, on
# crops of a trained step, for which it is small enough. The crops are from the first step at 14×14
# and the first at 7×7.


# %%
def in_float64(a):
    return a.astype(float)


def pixels(y):
    """Logits -> gray values 0 to 1, as floats (N, 28, 28, 1)."""
    return np.clip(mnist.from_logit(y) / 256, 0, 1).astype(np.float32)


# %%
some = test_y[:50].astype(float)
wide = glow.map(in_float64).bijection
z, log_det = wide.inverse(some)
again, _ = wide.forward(z)
back_in_float32, _ = glow.bijection.forward(z.astype(np.float32))
shifts = [256 * np.abs(pixels(y) - pixels(some)) for y in (again, back_in_float32)]
print(f"  largest shift in float32: {shifts[1].max():.3g} gray levels")


# %%
def on_a_crop(step, side):
    """A copy of the step, in float64, for crops of side × side: its position biases are cut."""
    step = step.copy()
    net = step.coupling.net
    net.position_bias = net.position_bias[:side, :side]
    return step.map(in_float64)


squeezed, _ = Squeeze().inverse(some[:2])
steps_of = {4: [], 8: []}  # by their number of channels
for _, module in glow.modules():
    if isinstance(module, GlowStep):
        steps_of[len(module.actnorm.shift)].append(module)

# %%
at_7x7 = lesson.rng("a crop at 7×7").standard_normal((2, 3, 3, 8))
crops = {
    "14×14": (on_a_crop(steps_of[4][0], 4), squeezed[:, 5:9, 5:9]),
    "7×7": (on_a_crop(steps_of[8][0], 3), at_7x7),
}
rows = []
for name, (step, h) in crops.items():
    z_crop, formula = step.inverse(h)
    positions, jacobians = h.shape[1] * h.shape[2], jacobian_log_det(step.inverse, h)
    one_position = formula - (positions - 1) * step.conv.log_s.sum()  # h · w is forgotten
    cancels = np.abs(formula + step.forward(z_crop)[1]).max()
    rows.append([name, cancels, *(np.abs(a - jacobians).max() for a in (formula, one_position))])

# %%
header = ["step at", "both directions", "formula", "formula without h · w"]
lesson.table(rows, header, "log-determinants, nats: sum of both directions; minus the Jacobian")

# %%
furthest = shifts[0].max()
lesson.check("there and back in float64: gray levels, largest", furthest, at_most=0.5)
worst = max(row[2] for row in rows)
lesson.check("trained steps: formula minus Jacobian, nats", worst, at_most=1e-6)

# %% [markdown]
# The two steps that we tested agree with their Jacobians to rounding error. The last column forgets
# the factor $h \cdot w$ of Eq. flow.15. It is wrong by the same amount in both directions, so the
# popular test would have passed it.
#
# ## 4. Temperature
#
# Now to the images. To draw a digit, draw noise $z \sim \mathcal N(0, I)$ and apply `forward`. The
# paper does something else. It draws the noise with a smaller deviation, $z \sim \mathcal N(0, T^2
# I)$, and shows images with $T = 0.7$. Here $T$ is called the *temperature*, and $T = 1$ is the
# model itself. For example, a flow that adds 5, $x = z + 5$, draws the noise $z = 2$. At $T =
# \frac12$ the sample is $\frac12 \cdot 2 + 5 = 6$: we scale the noise, not the sample.

# %%
shifted = Flow(StandardNormal(3), Affine(np.full(3, 5.0), np.zeros(3)))
z_drawn = StandardNormal(3).sample(lesson.rng("shifted"), 100)
cool = shifted.sample(lesson.rng("shifted"), 100, temperature=0.5)  # the same noise
off = np.abs(cool - (z_drawn / 2 + 5)).max()
lesson.check("samples at T = 1/2 minus (z/2 + 5), largest", off, equals=0.0, atol=1e-5)


# %%
def draw_from(flow, rng, n, temperature=1.0):
    parts = [flow.sample(rng, min(250, n - k), temperature) for k in range(0, n, 250)]
    return pixels(np.concatenate(parts))


def draw_digits(rng, n, temperature=1.0):
    return draw_from(glow, rng, n, temperature)


lesson.sampler("digits", draw_digits, default=True)

# %% [markdown]
# Why this should help is not obvious. In 784 dimensions noise at $T = 1$ has a squared length of
# about 784, as the codes of digits have, and a smaller $T$ moves $z$ inward, where training put few
# codes. The hope is that images are smoother there. What does it cost? We measure with the features
# of the classifier of `gan/08`. *Precision* is the fraction of samples that fall among real digits,
# and *recall* the fraction of real digits that fall among the samples. The *Fréchet distance*
# compares the two sets of features as wholes.

# %%
lesson.predict(
    "T falls from 1 to 0.5. What happens to precision and recall?",
    ["both rise", "precision rises, recall falls", "precision falls, recall rises", "both fall"],
)

# %%
temperatures = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
classifier = lesson.pretrained("digit_classifier")
real = mnist.unit(digits.test_images[: lesson.size(5000, quick=40)])
count = lesson.size(2000, quick=16)
images = {f"T = {T}": draw_digits(lesson.rng(f"T {T}"), count, T) for T in temperatures}

# %%
rng = lesson.rng("baselines")
factor = np.linalg.cholesky(covariance)
of_gaussian = rng.standard_normal((count, 784)) @ factor.T + gauss_mean
images["one Gaussian"] = pixels(of_gaussian.reshape(-1, 28, 28, 1))
images["Glow, untrained"] = draw_from(untrained, rng, count)
images["test digits"] = mnist.unit(digits.test_images[-count:])


# %%
def bits_of_images(x):
    """Bits per pixel of gray values in [0, 1], rounded to 256 levels and given new noise."""
    levels = np.clip(np.floor(256 * x[..., 0]), 0, 255).astype(np.uint8)
    y, log_det = mnist.dequantize_logit(levels, lesson.rng("fresh"))
    return bits_of(glow, y, log_det).mean()


reports = {name: judge_digits(classifier, x, real) for name, x in images.items()}
own_bits = {name: bits_of_images(x[:500]) for name, x in images.items()}

# %%
hot, cold = reports["T = 1.0"], reports["T = 0.5"]
best = min(temperatures, key=lambda T: reports[f"T = {T}"].frechet)
lesson.outcome(
    f"Precision goes from {hot.precision:.2f} to {cold.precision:.2f}, and recall from"
    f" {hot.recall:.2f} to {cold.recall:.2f}. The smallest Fréchet distance is at T = {best}.",
    answer={
        (True, True): "both rise",
        (True, False): "precision rises, recall falls",
        (False, True): "precision falls, recall rises",
        (False, False): "both fall",
    }[cold.precision > hot.precision, cold.recall > hot.recall],
)
rows = [[name, r.precision, r.recall, r.frechet, own_bits[name]] for name, r in reports.items()]
header = [f"{count} images", "precision", "recall", "Fréchet", "bits under Glow"]
lesson.table(rows, header)

# %%
precision = reports["T = 0.7"].precision - hot.precision
recall = hot.recall - cold.recall
source = "seeds 0, 1 and 8011: 0.137 to 0.159; half of it"
lesson.claim("precision at T = 0.7, above T = 1", precision, at_least=0.08, source=source)
source = "seeds 0, 1 and 8011: 0.21 to 0.41; two thirds of the least"
lesson.claim("recall at T = 1, above T = 0.5", recall, at_least=0.15, source=source)
source = "seeds 0, 1 and 8011: 164 to 200; one Gaussian: 374; untrained: 817"
lesson.claim("Fréchet at T = 0.7", reports["T = 0.7"].frechet, at_most=240, source=source)

# %%
names = ["test digits", "T = 1.0", "T = 0.7", "one Gaussian"]
rows = np.concatenate([images[name][:12] for name in names])
lesson.figure(
    plot.image_grid(rows, cols=12, row_labels=names),
    "kinds",
    "Twelve real digits, samples of Glow at two temperatures, and samples of one Gaussian. Which"
    " can you read?",
)

# %% [markdown]
# Of the samples at $T = 0.7$ about half can be read, and at $T = 1$ only a few. Of the Gaussian's,
# which consist of broken strokes, hardly one can be. But look at its row of the table. Its
# precision is 0.62, *higher* than that of Glow at $T = 1$ and no lower than at $T = 0.7$. Recall
# and Fréchet distance disagree. Its recall is 0.12, so seven of eight real digits are missed, and
# its Fréchet distance is by far larger. So precision should never be read alone.

# %%
knob = [0.05, 0.2, 0.3, 0.4, *temperatures, 1.1, 1.2]
drawn = {T: draw_digits(lesson.rng("shown"), 12, T) for T in knob}  # the same noise, scaled
rows = np.concatenate([drawn[T] for T in temperatures])
lesson.figure(
    plot.image_grid(rows, cols=12, row_labels=[f"T = {T}" for T in temperatures]),
    "temperature",
    "Twelve samples, one in each column, from the same noise with a growing factor T from top to"
    " bottom. Look for broken strokes at the bottom, and count the columns that read as a 9 at the"
    " top.",
)

# %% [markdown]
# As $T$ falls, strokes close, and more columns resemble a 9. The table counts what this costs.
# From $T = 1$ to 0.7 precision rises from 0.45 to 0.61, and recall hardly changes. Only further
# down do we pay. At $T = 0.5$ precision is 0.74, but recall is 0.31. In two other trainings recall
# falls all the way. In the recorded run the Fréchet distance, which has to weigh them, is smallest
# at $T = 0.7$, the choice of the paper (in two other trainings at $T = 0.8$). Now compare the last
# column with the bits of the test digits. At $T = 1$ the model's own samples have 1.66 bits, more
# than real digits. Real digits are *more* likely under the model than what it draws. The cooler
# the samples are, the fewer bits they have, down to fewer than real digits. From $T = 1$ to $0.7$
# the Fréchet distance falls with them, but below $0.7$ it rises again. Few bits are no sign of
# quality. (The bits of test digits vary with the 500 that are chosen. They are 1.27 here, 1.22
# over all 10,000, and 1.17 in section 6.)
#
# Here is the same noise with more temperatures. *Start at the left, where all twelve images are
# nearly the same, and raise $T$. At which $T$ can you first distinguish them, and from which $T$ on
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
# So a moderate temperature closes strokes, and a low one loses kinds of digits. The bits per pixel
# of test digits have no part in it, because the model has not changed.
#
# ## 5. Is a cool flow a sharper model?
#
# *You may skip this section, because no other lesson needs it. It is for readers who wonder what
# the temperature does to the density.*
#
# A smaller $T$ samples $z$ from a sharper density of the *noise*. Does it also sample $x$ from a
# sharper density of images, $p_T(x) \propto p(x)^{1/T^2}$? It does for additive couplings, but in
# general not for affine ones.
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

# %%
lesson.check("additive coupling: p_T against p^(1/T²)", additive, equals=0.0)
lesson.check("affine coupling: p_T against p^(1/T²)", affine, at_least=0.1)

# %%
parts = {"log p of the logits": log_det + glow.base.log_prob(z), "log-determinant": log_det}
rows = [[name, values.mean(), values.std()] for name, values in parts.items()]
lesson.table(rows, ["Glow, 50 test digits, nats", "mean", "standard deviation"])

# %% [markdown]
# Glow's log-determinant varies from digit to digit, nearly as much as its log-density. So samples
# at $T < 1$ are not samples of a sharpened model. They are samples of another model, which happens
# to share the map.
#
# ## 6. Between two digits
#
# A flow has one more gift. Every digit has a code $z$, and every $z$ is an image, so a straight
# line between the codes of two digits is a path of images. A blend of the gray values is a path,
# too. Halfway along each, which image has the higher density?

# %%
lesson.predict(
    "Midway between two test digits, to which image does the model assign the higher density?",
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
images = dict(zip(["midway in z", "blends"], between(0.5)))
images["test digits"] = mnist.unit(digits.test_images[:pairs])
others = mnist.unit(digits.test_images[-lesson.size(5000, quick=40) :])
midway = {}
for name, x in images.items():
    midway[name] = [bits_of_images(x), judge_digits(classifier, x, others).precision]

# %%
in_z, blend = midway["midway in z"][0], midway["blends"][0]
likelier = "the one from midway in z" if in_z < blend else "the blend of gray values"
lesson.outcome(
    f"Images midway in z have {in_z:.2f} bits per pixel, and blends have {blend:.2f}. The test"
    f" digits themselves have {midway['test digits'][0]:.2f}.",
    answer=likelier,
)
lesson.table([[name, *row] for name, row in midway.items()], ["images", "bits", "precision"])

# %%
path = [between(share) for share in np.linspace(0, 1, 9)]
rows = [[images[k][n] for images in path] for n in range(4) for k in (0, 1)]
shown = np.stack([image for row in rows for image in row])
lesson.figure(
    plot.image_grid(shown, 8, 9, row_labels=["in z", "blend"] * 4),
    "interpolation",
    "Four pairs of test digits, at the left and right end of two rows each: on the way through z,"
    " and as blends of gray values. Follow one stroke through a row.",
)

# %% [markdown]
# The flow gives the blends a far lower density, and our eyes agree: they are two digits, one over
# the other. Midway in z one stroke turns into another. The precision is 0.63 for both, so it does
# not show this difference. And the midpoints have even fewer bits than the test digits, although
# their precision is lower. Where may the few bits come from? Two independent codes of 784 numbers
# have a squared length of about 784 each, and their mean has $784/2$. It is as short as noise drawn
# at $T = \sqrt{1/2} \approx 0.7$, and we have seen what a low temperature does.
#
# So do few bits make good images? Not by themselves. In three trainings Glow had 1.21 to 1.23 bits
# on the test digits, next to nothing below RealNVP, and most samples at $T = 1$ still cannot be
# read. The temperature changed the images and left these bits alone. And the images with the fewest
# bits were not the best ones. Bits measure how well a model describes real digits. The digits that
# it draws have to be judged by looking, and by numbers that look at all of them.
#
# **What this lesson does differently:** the post's section ends with one step of flow, and shows no
# samples, bits or temperature; these are in the paper (Kingma and Dhariwal 2018). Our split is
# learned, our networks have a bias for each position and 48 or 64 channels; the paper's have 512.
# **Left out:** color, faces, weeks of training; additive couplings in Glow; a class that sets the
# mean of $z$.
#
# **To remember:** Bits per pixel measure how well a model describes test digits, not how good its
# samples are. A lower temperature closes strokes, loses variety in the end, and leaves these bits
# unchanged. Images with few bits need not be digits. Compare a precision with that of a trivial
# model.
#
# **Next:** the forward process of diffusion (`diffusion/01`), or MADE (`flow/08`), if you have come
# from `flow/07`.
#
# **Your turn:** the exercises of Glow are those of `flow/07`. Solve them, and `minigen run flow/15
# --with exercises/flow_07.py` trains this model with your functions.

# %%
lesson.finish()
