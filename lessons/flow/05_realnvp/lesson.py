# %% [markdown]
# # RealNVP
#
# Mirrors the section *RealNVP* of "Flow-based Deep Generative Models" (Weng 2018). To take away:
#
# - a **coupling** is a map made of any network at all, and yet it is undone, and its determinant
#   known, at sight;
# - training is maximum likelihood, with nothing approximated; the number it reports can be held
#   against the truth;
# - both directions cost one pass: the density of a point, and a new sample.

# %%
import autograd.numpy as anp
import numpy as np

from minigen import plot
from minigen.course import Lesson
from minigen.data import mnist, toy
from minigen.flow.bijection import Squeeze, jacobian_log_det
from minigen.flow.coupling import (
    AffineCoupling,
    affine_forward,
    affine_inverse,
    affine_log_det,
    checkerboard_mask,
    half_mask,
)
from minigen.flow.multiscale import ImageRealNVP
from minigen.flow.realnvp import RealNVP
from minigen.metrics import nll_gap
from minigen.optim import Adam, clip_grad_norm, cosine
from minigen.tensor import parallel_value_and_grad, tanh, value_and_grad

lesson = Lesson(
    "flow/05_realnvp",
    title="RealNVP",
    post="flow",
    sections=["flow.s07"],
    figures=[],
    equations=["flow.08", "flow.09", "flow.10", "flow.11", "flow.12", "flow.13"],
    minutes=3.5,
)

# %% [markdown]
# ## 1. The question
#
# A flow needs a map from noise $z$ to data $x$ that is rich, that can be inverted, and whose
# determinant is cheap. A neural network is rich. But invert one? And the determinant of $D \times
# D$ numbers costs $D^3$ steps.
#
# RealNVP's answer: **let half of the numbers stay as they are.** They choose, by a network, how the
# other half is scaled and shifted (Eq. flow.10):
#
# $$x_{1:d} = z_{1:d}, \qquad x_{d+1:D} = z_{d+1:D} \odot \exp(s(z_{1:d})) + t(z_{1:d}).$$
#
# ## 2. By hand, on two numbers
#
# Let the first number $u$ choose the scale $e^{s} = u$ and the shift $t = u^2$. The point $z = (2,
# 3)$ goes to $x = (2,\ 3 \cdot 2 + 4) = (2, 10)$. To come back we do not invert $s$ or $t$: the 2
# is still there, so we compute them again, $(10 - 4) / 2 = 3$ (Eq. flow.11).
#
# **Before the next cell:** $\partial x_2 / \partial z_1 = z_2 + 2u = 7$. Does the 7 change the
# determinant?

# %%
mask = half_mask(2)  # (1, 0): the first stays, the second is changed


def choose(a):
    return (
        np.log(a[:, [0, 0]]),
        a[:, [0, 0]] ** 2,
    )  # the "network": s and t from the half that stays


z = np.array([[2.0, 3.0]])
x, log_det = affine_forward(z, *choose(z), mask)
back, log_det_back = affine_inverse(
    x, *choose(x), mask
)  # x has the same first number, so the same s and t
lesson.check("(2, 3) goes to (2, 10) and comes back", [x[0], back[0]], equals=[[2, 10], [2, 3]])
J = np.stack(
    [(affine_forward(z + h, *choose(z + h), mask)[0] - x)[0] / 1e-6 for h in 1e-6 * np.eye(2)],
    axis=1,
)
lesson.check("Jacobian by small steps, row by row", J, equals=[[1, 0], [7, 2]], atol=1e-4)
lesson.check(
    "log det J, and log det of the way back",
    [log_det[0], log_det_back[0]],
    equals=[np.log(2), -np.log(2)],
)

# %% [markdown]
# No. A triangular matrix has the product of its diagonal as determinant, here $1 \cdot 2$: the
# corner never counts, and the corner is where the derivatives of the networks are (Eq. flow.12). So
# $\log|\det J| = \sum_j s_j$ over the changed half (Eq. flow.13): a sum of numbers we have anyway.
# This is all the package does:

# %%
lesson.show_source(affine_forward, affine_inverse, affine_log_det, AffineCoupling)

# %% [markdown]
# ## 3. Many layers
#
# One coupling never changes $x_1$. So the next one keeps the *other* half, and so on in turn;
# log-determinants add up (Eq. flow.08): $\log p(x) = \log \pi(z_0) - \sum_i \log|\det \partial f_i
# / \partial z_{i-1}|$.
#
# Is the sum right? A flow starts as the identity, where a wrong log-det is easily missed. So:
# random weights first.

# %%
rough = RealNVP(lesson.rng("rough"), dim=2)
for a in rough.parameters().values():
    a += 0.05 * lesson.rng("noise").standard_normal(a.shape, dtype=np.float32)
z = lesson.rng("z").standard_normal((1000, 2), dtype=np.float32)
x = rough.bijection.forward(z)[0]
z_back = rough.bijection.inverse(x)[0]
lesson.check("|inverse(forward(z)) - z|, largest of 1,000", np.abs(z_back - z).max(), at_most=1e-5)
lesson.check(
    "|forward(inverse(x)) - x|, likewise",
    np.abs(rough.bijection.forward(z_back)[0] - x).max(),
    at_most=2e-5,
)
double = rough.map(lambda a: a.astype(float))  # float64, for a sharp comparison
gap = (
    jacobian_log_det(double.bijection.forward, z[:5])
    - double.bijection.forward(z[:5].astype(float))[1]
)
lesson.check("log-det minus that of the autodiff Jacobian", gap, equals=np.zeros(5), atol=1e-8)

# %% [markdown]
# ## 4. Two moons
#
# The loss is the negative log-likelihood, nothing else (Eq. flow.09). Here the truth is known, and
# with it the best possible score: the entropy. The **gap** between the two is $D_{\mathrm{KL}}(p \|
# \text{model})$.
#
# **Your prediction:** a Gaussian of the right mean and spread misses the entropy by about 1 nat.
# What will eight couplings with 5,000 steps leave of it: 0.3, 0.1, 0.01?

# %%
moons = toy.two_moons(0.1)
cfg = lesson.configure(
    couplings=8,
    width=64,
    batch=512,
    steps=5000,
    lr=4e-3,
    image_batch=64,
    image_steps=900,
    image_lr=2e-3,
)
flow = RealNVP(lesson.rng("init"), dim=2, couplings=cfg.couplings, width=cfg.width)
data_rng = lesson.rng("data")
flow.standardize(moons.sample(data_rng, 5000))
test = moons.sample(lesson.rng("test"), lesson.size(50_000, quick=1_000))
gap_of_gaussian, _ = nll_gap(moons, flow.log_prob, test)  # all couplings are still the identity
lesson.show_source(RealNVP)


def mass(flow, reach=4.0, n=lesson.size(400, quick=200)):
    """The integral of exp(log_prob) over a square, summed over a grid: 1 for a density."""
    side = np.linspace(-reach, reach, n, dtype=np.float32)
    log_p = flow.log_prob(np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)).astype(float)
    return np.exp(np.minimum(log_p, 50)).sum() * (side[1] - side[0]) ** 2


def training(flow, steps, loss, rng, lr=cfg.lr):
    optimizer = Adam(flow, lr)
    rate = cosine(lr, steps, warmup=min(100, steps))
    both = value_and_grad(loss)

    def step(i):
        optimizer.lr = rate(i)
        value, grads = both(flow, moons.sample(rng, cfg.batch))
        optimizer.step(grads)
        return value

    return step, {"flow": flow, "optimizer": optimizer, "rng": rng}


steps = lesson.steps(cfg.steps)
step, state = training(flow, steps, lambda f, x: f.loss(x), data_rng)


def now_and_then(i, _):
    return (
        None if i % (1 + steps // 40) else {"gap": nll_gap(moons, flow.log_prob, test[:5000]).gap}
    )


history = lesson.fit(step, steps, state=state, label="RealNVP on two moons", on_step=now_and_then)
lesson.sampler("two moons", flow.sample)
gap, error = nll_gap(moons, flow.log_prob, test)
lesson.table(
    [
        ["Gaussian", moons.entropy() + gap_of_gaussian, gap_of_gaussian, None],
        ["RealNVP", moons.entropy() + gap, gap, error],
        ["truth (entropy)", moons.entropy(), 0.0, None],
    ],
    ["two moons, nats", "NLL", "gap", "standard error"],
)
lesson.claim(
    "two moons: NLL above the entropy",
    gap,
    at_most=0.02,
    unit="nats",
    source="a trial: 0.008 to 0.014",
)

x_back = flow.bijection.forward(flow.bijection.inverse(test)[0])[0]
lesson.claim(
    "trained: |forward(inverse(x)) - x|, 99.9 % of points",
    np.quantile(np.abs(x_back - test), 0.999),
    at_most=1e-5,
)
lesson.claim("trained: total mass", mass(flow), between=(0.99, 1.01))

# %%
fig, axes = plot.figure(1, 4, size=(3.0, 2.8))
box = (-1.7, 2.7, -1.25, 1.75)
plot.density(moons, axes[0], bounds=box, title="truth")
plot.density(
    lambda x: np.exp(np.minimum(flow.log_prob(x), -0.45)),
    axes[1],
    bounds=box,
    title="RealNVP, exact density",
)
plot.samples(
    flow.sample(lesson.rng("samples"), 3000),
    moons,
    axes[2],
    bounds=box,
    title="samples over the truth",
)
plot.curves(
    {"gap": (history.at("gap"), history["gap"])},
    ax=axes[3],
    log=True,
    title="gap to the entropy",
    ylabel="nats",
    reference={"Gaussian": gap_of_gaussian, "claimed": 0.02},
)
lesson.figure(
    fig,
    "two_moons",
    "Second panel: a formula, not a histogram. Look for the thin thread from moon to moon: a "
    "bijection of the plane cannot tear the Gaussian in two.",
)

# %% [markdown]
# ## 5. What the layers do
#
# Take a square grid in the noise and push it through. **Before you look:** which lines stay
# straight after one coupling?

# %%
across, along = np.meshgrid(
    np.linspace(-2, 2, 17), np.linspace(-2, 2, 200)
)  # (200, 17): 17 lines of 200 points
lines = np.concatenate(
    [np.stack([across, along], -1), np.stack([along, across], -1)], axis=1
).astype(np.float32)
warped = [w.reshape(200, 34, 2) for w in flow.steps(lines.reshape(-1, 2))]
cloud = flow.steps(lesson.rng("cloud").standard_normal((2000, 2), dtype=np.float32))
fig, axes = plot.figure(2, 8, size=(1.75, 1.7))
for k, (top, bottom) in zip([0, 1, 2, 4, 6, 7, 8, 9], axes.T, strict=True):
    title = {0: "noise z", 9: "x"}.get(k, f"coupling {k}")
    window = (-1.7, 2.7, -1.95, 2.45) if k == 9 else (-4, 4, -4, 4)
    plot.trajectories(warped[k], top, bounds=window, ends=False, title=title)
    plot.samples(cloud[k], ax=bottom, bounds=window, size=1.5)
lesson.figure(
    fig,
    "layers",
    "Vertical lines stay vertical in coupling 1 (it keeps the first number), horizontal ones of "
    "that picture in coupling 2. The last step only puts the scale of the data back.",
)

# %% [markdown]
# ## 6. Wrong turns
#
# The same flow, trained for less, with one piece wrong at a time. **Which one will report the
# lowest loss?**
#
# - *no log-det*: minimize $-\log \pi(z)$ alone;
# - *one mask*: all couplings keep the first number;
# - *net sees all*: the mask on the network's input is forgotten, so that it also sees the half it
#   changes.


# %%
class SeesAll(AffineCoupling):
    """The mistake: s and t are made from the whole vector."""

    def scale_and_shift(self, a, context=None):
        out = self.net(a)
        return self.limit * tanh(out[:, :2] / self.limit), out[:, 2:]


def likelihood(f, x):
    return f.loss(x)


def no_log_det(f, x):
    return -anp.mean(f.base.log_prob(f.bijection.inverse(x)[0]))


rows = {}
fig, axes = plot.figure(1, 4, size=(2.6, 2.0))
for name, ax in zip(
    ["as it should be", "no log-det", "one mask", "net sees all"], axes, strict=True
):
    wrong = RealNVP(lesson.rng("turns"), dim=2).standardize(test[:5000])
    count = lesson.steps(600, quick=2)
    layer = SeesAll if name == "net sees all" else AffineCoupling
    *couplings, scale = wrong.bijection.bijections
    wrong.bijection.bijections = [
        layer(f.net, mask if name == "one mask" else f.mask) for f in couplings
    ] + [scale]
    step, state = training(
        wrong,
        count,
        no_log_det if name == "no log-det" else likelihood,
        lesson.rng("turn"),
        lr=2e-3,
    )
    done = lesson.fit(step, count, state=state, label=f"wrong turn: {name}")
    x_back = wrong.bijection.forward(wrong.bijection.inverse(test)[0])[0]
    rows[name] = [
        done["loss"][-20:].mean(),
        mass(wrong),
        np.median(np.abs(x_back - test)),
        nll_gap(moons, wrong.log_prob, test).gap,
    ]
    plot.samples(wrong.sample(lesson.rng("turn samples"), 2000), moons, ax, bounds=box, title=name)
lesson.table(
    [[name, *row] for name, row in rows.items()],
    ["trained with", "reports", "mass within ±4", "inverse error", "gap"],
    f"two moons; the entropy, the least an honest loss can be, is {moons.entropy():.3f}",
)
lesson.figure(
    fig,
    "wrong_turns",
    "No log-det: everything was pulled to the origin, so that noise lands far "
    "outside. One mask: from left to right a Gaussian for ever.",
)
lesson.claim("no log-det: gap", rows["no log-det"][3], at_least=3, unit="nats")
lesson.claim(
    "one mask: worse by",
    rows["one mask"][3] - rows["as it should be"][3],
    at_least=0.1,
    unit="nats",
)
lesson.claim(
    "net sees all: total mass is not 1, off by", abs(rows["net sees all"][1] - 1), at_least=0.1
)

# %% [markdown]
# - *No log-det*: the cheapest way to make every $z$ probable is to send all data to 0. The log-det
#   is what makes shrinking cost something. The formula still holds and the mass is 1, but nearly
#   all of it lies outside of ±4.
# - *One mask*: $x_1$ is only ever standardized, so its marginal stays a Gaussian, and no training
#   repairs that.
# - *Net sees all*: the Jacobian is no longer triangular, $\sum s$ is not its log-det, and `forward`
#   does not undo `inverse`. Its "density" has the wrong mass. **A loss below the entropy is never
#   luck; it is a bug.**
#
# ## 7. Pictures: checkerboards, squeezing, splitting
#
# What is "half" of a picture? RealNVP keeps every other pixel like the white squares of a
# chessboard. Then it *squeezes*: each block of 2×2 pixels becomes one pixel of 4 channels, and
# couplings keep half of the channels. Then it *splits*: half of the channels are declared finished
# noise, and only the rest goes on, at the smaller size. 28, 14, 7.

# %%
print("kept by a checkerboard:", *checkerboard_mask(4, 4)[..., 0].astype(int))
squeezed, _ = Squeeze().inverse(np.arange(16.0).reshape(1, 4, 4, 1))
lesson.check("the first 2×2 block of 0 ... 15, as channels", squeezed[0, 0, 0], equals=[0, 1, 4, 5])
lesson.show_source(ImageRealNVP)

# %% [markdown]
# Pixels are integers, and a density over real numbers could grow without bound there; so uniform
# noise fills the gaps, and a logit (with $\alpha = 0.05$, as in the paper) spreads $[0, 256]$ over
# the line. Both are part of the model: their log-det is counted, and all numbers below are **bits
# per pixel**, 8 for white noise. The yardstick is a single Gaussian with all $784^2$ covariances,
# on the same logits. **Your prediction:** it needs how many bits? And the flow?

# %%
digits = mnist.load()
alpha = 0.05
fresh = lesson.rng("dequantize")
y_test, det_test = mnist.dequantize_logit(
    digits.test_images[: lesson.size(5000, quick=12)], fresh, alpha
)
y_train, _ = mnist.dequantize_logit(
    digits.train_images[: lesson.size(60_000, quick=1000)], fresh, alpha, flat=True
)
off = y_test.reshape(-1, 784) - y_train.mean(0)
covariance = np.cov(y_train.T)
log_gauss = -0.5 * (
    (off * np.linalg.solve(covariance, off.T).T).sum(1)
    + np.linalg.slogdet(2 * np.pi * covariance)[1]
)
gauss_bits = mnist.bits_per_dim(log_gauss, det_test).mean()

image_flow = ImageRealNVP(lesson.rng("image init")).standardize(
    y_train[:2000].reshape(-1, 28, 28, 1)
)
order = lesson.rng("order")
image_steps = lesson.steps(cfg.image_steps, quick=1)
batches = mnist.batches(digits.train_images, size=lesson.size(cfg.image_batch, quick=4), rng=order)
adam = Adam(image_flow, cfg.image_lr)
rate = cosine(cfg.image_lr, image_steps, warmup=min(50, image_steps))
both = parallel_value_and_grad(lambda f, y: f.loss(y))


def image_step(i):
    adam.lr = rate(i)
    y, log_det = mnist.dequantize_logit(next(batches)[0], fresh, alpha)
    value, grads = both(image_flow, y)
    clip_grad_norm(
        grads, 500.0
    )  # early on, one picture that fits badly would throw the flow far off
    adam.step(grads)
    return (value - log_det.mean()) / (784 * np.log(2))  # bits per pixel


lesson.fit(
    image_step,
    image_steps,
    label="RealNVP on MNIST",
    state={"flow": image_flow, "adam": adam, "batches": batches, "order": order, "fresh": fresh},
)
lesson.sampler(
    "digits", lambda rng, n: np.clip(mnist.from_logit(image_flow.sample(rng, n), alpha) / 256, 0, 1)
)
log_p = np.concatenate(
    [image_flow.log_prob(y_test[k : k + 250]) for k in range(0, len(y_test), 250)]
)
bits = mnist.bits_per_dim(log_p, det_test)
lesson.table(
    [
        ["uniform", 8.0, None],
        ["one Gaussian, full covariance", gauss_bits, None],
        ["RealNVP", bits.mean(), bits.std() / len(bits) ** 0.5],
    ],
    ["MNIST test digits", "bits per pixel", "standard error"],
)
lesson.claim(
    "MNIST: bits per pixel below the Gaussian's",
    gauss_bits - bits.mean(),
    at_least=1.5,
    unit="bits",
)
lesson.claim(
    "MNIST: bits per pixel",
    bits.mean(),
    at_most=1.98,
    source="the Gaussian at alpha = 1e-6, see section 8",
)
y_back = image_flow.bijection.forward(image_flow.bijection.inverse(y_test[:50])[0])[0]
lesson.claim(
    "MNIST: |forward(inverse(y)) - y|, 99 % of pixels",
    np.quantile(np.abs(y_back - y_test[:50]), 0.99),
    at_most=1e-3,
)

# %% [markdown]
# The noise of a digit comes in three parts, one for each size: the parts finished early hold the
# finest detail. **Guess** what changes when the finest half of a digit's noise is drawn anew, and
# what when all but the coarsest quarter is.


# %%
def pixels(y):
    return np.clip(mnist.from_logit(y, alpha), 0, 255).astype(np.uint8)


noise = image_flow.bijection.inverse(y_test[:12])[0]
new = lesson.rng("redrawn").standard_normal((12, 28, 28, 1), dtype=np.float32)
row = np.arange(28)[
    :, None, None
]  # odd rows hold the channels split off first, every fourth row those that went on
mixed = [np.where(row % 2 == 1, new, noise), np.where(row % 4 == 0, noise, new)]
made = [image_flow.sample(lesson.rng("digits"), 24, temperature) for temperature in (1.0, 0.7)]
redrawn = [image_flow.bijection.forward(n)[0] for n in mixed]
ax = plot.image_grid(
    pixels(np.concatenate([y_test[:12], *redrawn, *made])),
    7,
    12,
    row_labels=["digit", "fine anew", "coarse", "T = 1", "", "T = 0.7", ""],
)
lesson.figure(
    ax,
    "digits",
    "Row 2: the finest half drawn anew breaks strokes. Row 3: only the coarsest quarter kept, and"
    " only the place of the ink is. Then samples: pen strokes, few whole digits; T scales the"
    " noise.",
)

# %% [markdown]
# ## 8. Where the post is loose
#
# - It never says which side of $f: x \to y$ is the data. Both directions cost one pass, so it makes
#   no difference here; it will for MAF and IAF. Keep to: `forward` generates, `inverse` infers.
# - Nothing in Eq. flow.10 bounds $s$, and $e^s$ overflows soon. The paper passes $s$ through a
#   tanh; so do we ($|s| \le 2$).
# - Of the multi-scale architecture it names masking and squeezing, not the *split*, which is what
#   saves the work.
# - Bits per pixel compare only under one preprocessing: with $\alpha = 10^{-6}$ the same Gaussian
#   needs 1.98.
#
# **Left out:** batch norm inside the flow (`minigen.flow.coupling.BatchNorm`), for which the paper
# needs it to go deeper; color; hours of training. **Next:** *NICE* (`flow/06`) leaves out the scale
# $s$: what can a map do that never changes volume? And Glow learns how to mix channels instead of
# taking turns.
#
# **Your turn:** `minigen exercise start flow/05`, then `minigen run flow/05 --with
# exercises/flow_05.py`.

# %%
lesson.finish()
