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
import autograd.numpy as np

from minigen import plot
from minigen.course import Lesson
from minigen.data import toy

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
from minigen.flow.coupling import affine_forward, affine_inverse, half_mask

mask = half_mask(2)  # (1, 0): the first stays, the second is changed


def choose(a):
    """The "network": s and t, both (N, 2), from the first number, which stays."""
    u = a[:, [0, 0]]
    return np.log(u), u**2


# %%
z = np.array([[2.0, 3.0]])
s, t = choose(z)
x, log_det = affine_forward(z, s, t, mask)
s, t = choose(x)  # x has the same first number, so the same s and t
back, log_det_back = affine_inverse(x, s, t, mask)
lesson.check("(2, 3) goes to (2, 10) and comes back", [x[0], back[0]], equals=[[2, 10], [2, 3]])

# %% [markdown]
# Now the Jacobian, the plain way: move each number a little and see where the point goes.

# %%
columns = []
for h in 1e-6 * np.eye(2):
    moved, _ = affine_forward(z + h, *choose(z + h), mask)
    columns.append((moved - x)[0] / 1e-6)
J = np.stack(columns, axis=1)
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
from minigen.flow.coupling import AffineCoupling, affine_log_det

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
from minigen.flow.realnvp import RealNVP

rough = RealNVP(lesson.rng("rough"), dim=2)
for a in rough.parameters().values():
    a += 0.05 * lesson.rng("noise").standard_normal(a.shape, dtype=np.float32)
z = lesson.rng("z").standard_normal((1000, 2), dtype=np.float32)
x, _ = rough.bijection.forward(z)
z_back, _ = rough.bijection.inverse(x)
x_back, _ = rough.bijection.forward(z_back)
lesson.check("|inverse(forward(z)) - z|, largest of 1,000", np.abs(z_back - z).max(), at_most=1e-5)
lesson.check("|forward(inverse(x)) - x|, likewise", np.abs(x_back - x).max(), at_most=2e-5)

# %% [markdown]
# And the log-determinant, against that of the Jacobian found by automatic differentiation, in
# float64 for a sharp comparison:

# %%
from minigen.flow.bijection import jacobian_log_det

double = rough.map(lambda a: a.astype(float))
_, log_det = double.bijection.forward(z[:5].astype(float))
gap = jacobian_log_det(double.bijection.forward, z[:5]) - log_det
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
from minigen.metrics import nll_gap

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

# %%
flow = RealNVP(lesson.rng("init"), dim=2, couplings=cfg.couplings, width=cfg.width)
data_rng = lesson.rng("data")
flow.standardize(moons.sample(data_rng, 5000))
test = moons.sample(lesson.rng("test"), lesson.size(50_000, quick=1_000))
gap_of_gaussian, _ = nll_gap(moons, flow.log_prob, test)  # all couplings are still the identity
lesson.show_source(RealNVP)

# %% [markdown]
# The training loop, written out this once: draw a batch, take the gradient of the loss, set the
# learning rate, move the parameters. Wherever it is this and nothing else, `minigen.train.descend`
# makes such a `step` from now on.

# %%
from minigen.optim import Adam, cosine
from minigen.tensor import value_and_grad

steps = lesson.steps(cfg.steps)
optimizer = Adam(flow, cfg.lr)
learning_rate = cosine(cfg.lr, steps, warmup=min(100, steps))
gradient = value_and_grad(lambda flow, x: flow.loss(x))


def step(i):
    optimizer.lr = learning_rate(i)
    loss, grads = gradient(flow, moons.sample(data_rng, cfg.batch))
    optimizer.step(grads)
    return loss


# %% [markdown]
# On the way, forty times, it notes the gap on a part of the test points.


# %%
def measure_gap(i, _):
    if i % (1 + steps // 40) == 0:
        return {"gap": nll_gap(moons, flow.log_prob, test[:5000]).gap}


state = {"flow": flow, "optimizer": optimizer, "rng": data_rng}
history = lesson.fit(step, steps, state=state, label="RealNVP on two moons", on_step=measure_gap)
lesson.sampler("two moons", flow.sample)

# %%
gap, error = nll_gap(moons, flow.log_prob, test)
lesson.table(
    [
        ["Gaussian", moons.entropy() + gap_of_gaussian, gap_of_gaussian, None],
        ["RealNVP", moons.entropy() + gap, gap, error],
        ["truth (entropy)", moons.entropy(), 0.0, None],
    ],
    ["two moons, nats", "NLL", "gap", "standard error"],
)
trial = "a trial: 0.008 to 0.014"
lesson.claim("two moons: NLL above the entropy", gap, at_most=0.02, unit="nats", source=trial)

# %% [markdown]
# A density has the integral 1. We can sum it over a grid, for the flow says log p anywhere; and
# both directions must still be each other's inverse.


# %%
def mass(flow, reach=4.0, n=lesson.size(400, quick=200)):
    """The integral of exp(log_prob) over a square, summed over a grid: 1 for a density."""
    side = np.linspace(-reach, reach, n, dtype=np.float32)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    log_p = flow.log_prob(grid).astype(float)
    return np.exp(np.minimum(log_p, 50)).sum() * (side[1] - side[0]) ** 2


def round_trip(flow, x):
    """|forward(inverse(x)) - x| of every number."""
    z, _ = flow.bijection.inverse(x)
    x_back, _ = flow.bijection.forward(z)
    return np.abs(x_back - x)


# %%
lesson.claim(
    "trained: |forward(inverse(x)) - x|, 99.9 % of points",
    np.quantile(round_trip(flow, test), 0.999),
    at_most=1e-5,
)
lesson.claim("trained: total mass", mass(flow), between=(0.99, 1.01))


# %%
def model_density(x):
    """exp(log_prob), cut off above so that no narrow peak takes all the colors."""
    return np.exp(np.minimum(flow.log_prob(x), -0.45))


drawn = flow.sample(lesson.rng("samples"), 3000)
box = (-1.7, 2.7, -1.25, 1.75)

# %%
fig, axes = plot.figure(1, 4, size=(3.0, 2.8))
plot.density(moons, axes[0], bounds=box, title="truth")
plot.density(model_density, axes[1], bounds=box, title="RealNVP, exact density")
plot.samples(drawn, moons, axes[2], bounds=box, title="samples over the truth")
gaps = {"gap": (history.at("gap"), history["gap"])}
bars = {"Gaussian": gap_of_gaussian, "claimed": 0.02}
plot.curves(gaps, ax=axes[3], log=True, title="gap to the entropy", ylabel="nats", reference=bars)
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
line, points = np.linspace(-2, 2, 17), np.linspace(-2, 2, 200)
across, along = np.meshgrid(line, points)  # (200, 17): 17 lines of 200 points
vertical = np.stack([across, along], -1)
horizontal = np.stack([along, across], -1)
lines = np.concatenate([vertical, horizontal], axis=1).astype(np.float32)  # (200, 34, 2)
warped = [w.reshape(200, 34, 2) for w in flow.steps(lines.reshape(-1, 2))]
cloud = flow.steps(lesson.rng("cloud").standard_normal((2000, 2), dtype=np.float32))

# %%
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
from minigen.tensor import tanh


class SeesAll(AffineCoupling):
    """The third mistake: s and t are made from the whole vector."""

    def scale_and_shift(self, a, context=None):
        out = self.net(a)
        return self.limit * tanh(out[:, :2] / self.limit), out[:, 2:]


# %%
def flow_with(mistake):
    """A RealNVP before training, the same for all but for the layers of the mistake."""
    flow = RealNVP(lesson.rng("turns"), dim=2).standardize(test[:5000])
    *couplings, scale = flow.bijection.bijections
    if mistake == "one mask":
        couplings = [AffineCoupling(f.net, mask) for f in couplings]
    if mistake == "net sees all":
        couplings = [SeesAll(f.net, f.mask) for f in couplings]
    flow.bijection.bijections = [*couplings, scale]
    return flow


# %% [markdown]
# The first mistake is in the loss; the training is the same for all.


# %%
from minigen.train import descend


def likelihood(flow, x):
    return flow.loss(x)


def no_log_det(flow, x):
    z, _ = flow.bijection.inverse(x)
    return -np.mean(flow.base.log_prob(z))


def draw_moons(rng):
    return moons.sample(rng, cfg.batch)


# %%
def train(mistake):
    """The flow with this mistake, and the loss that it reports at the end."""
    flow = flow_with(mistake)
    loss = no_log_det if mistake == "no log-det" else likelihood
    steps = lesson.steps(600, quick=2)
    lr = cosine(2e-3, steps, warmup=min(100, steps))
    step = descend(loss, flow, draw_moons, lr=lr, rng=lesson.rng("turn"))
    done = lesson.fit(step, steps, state=step.state, label=f"wrong turn: {mistake}")
    return flow, done["loss"][-20:].mean()


names = ["as it should be", "no log-det", "one mask", "net sees all"]
trained = {name: train(name) for name in names}

# %% [markdown]
# Four numbers for each: the loss that it reports; the mass of its "density"; how far `forward` is
# from undoing `inverse`; and its true gap.

# %%
rows = {}
for name, (wrong, reported) in trained.items():
    gap_of_wrong = nll_gap(moons, wrong.log_prob, test).gap
    rows[name] = [reported, mass(wrong), np.median(round_trip(wrong, test)), gap_of_wrong]
lesson.table(
    [[name, *row] for name, row in rows.items()],
    ["trained with", "reports", "mass within ±4", "inverse error", "gap"],
    f"two moons; the entropy, the least an honest loss can be, is {moons.entropy():.3f}",
)

# %%
fig, axes = plot.figure(1, 4, size=(2.6, 2.0))
for (name, (wrong, _)), ax in zip(trained.items(), axes, strict=True):
    plot.samples(wrong.sample(lesson.rng("turn samples"), 2000), moons, ax, bounds=box, title=name)
lesson.figure(
    fig,
    "wrong_turns",
    "No log-det: everything was pulled to the origin, so that noise lands far "
    "outside. One mask: from left to right a Gaussian for ever.",
)

# %%
worse = rows["one mask"][3] - rows["as it should be"][3]
missing = abs(rows["net sees all"][1] - 1)
lesson.claim("no log-det: gap", rows["no log-det"][3], at_least=3, unit="nats")
lesson.claim("one mask: worse by", worse, at_least=0.1, unit="nats")
lesson.claim("net sees all: total mass is not 1, off by", missing, at_least=0.1)

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
from minigen.flow.bijection import Squeeze
from minigen.flow.coupling import checkerboard_mask

print("kept by a checkerboard:", *checkerboard_mask(4, 4)[..., 0].astype(int))
squeezed, _ = Squeeze().inverse(np.arange(16.0).reshape(1, 4, 4, 1))
lesson.check("the first 2×2 block of 0 ... 15, as channels", squeezed[0, 0, 0], equals=[0, 1, 4, 5])

# %%
from minigen.flow.multiscale import ImageRealNVP

lesson.show_source(ImageRealNVP)

# %% [markdown]
# Pixels are integers, and a density over real numbers could grow without bound there; so uniform
# noise fills the gaps, and a logit (with $\alpha = 0.05$, as in the paper) spreads $[0, 256]$ over
# the line. Both are part of the model: their log-det is counted, and all numbers below are **bits
# per pixel**, 8 for white noise. The yardstick is a single Gaussian with all $784^2$ covariances,
# on the same logits. **Your prediction:** it needs how many bits? And the flow?

# %%
from minigen.data import mnist

digits = mnist.load()
alpha = 0.05
fresh = lesson.rng("dequantize")
some_test = digits.test_images[: lesson.size(5000, quick=12)]
some_train = digits.train_images[: lesson.size(60_000, quick=1000)]
y_test, det_test = mnist.dequantize_logit(some_test, fresh, alpha)
y_train, _ = mnist.dequantize_logit(some_train, fresh, alpha, flat=True)

# %% [markdown]
# The Gaussian first: its log-density is $-\frac12 (y - \mu)^\top \Sigma^{-1} (y - \mu) - \frac12
# \log\det 2\pi\Sigma$.

# %%
off = y_test.reshape(-1, 784) - y_train.mean(0)
covariance = np.cov(y_train.T)
distance = (off * np.linalg.solve(covariance, off.T).T).sum(1)
log_gauss = -0.5 * (distance + np.linalg.slogdet(2 * np.pi * covariance)[1])
gauss_bits = mnist.bits_per_dim(log_gauss, det_test).mean()

# %%
image_flow = ImageRealNVP(lesson.rng("image init"))
image_flow.standardize(y_train[:2000].reshape(-1, 28, 28, 1))
order = lesson.rng("order")
batches = mnist.batches(digits.train_images, size=lesson.size(cfg.image_batch, quick=4), rng=order)

# %% [markdown]
# The loop once more by hand, for it does two things that `descend` does not: the noise that fills
# the gaps is drawn anew for each batch, and its log-determinant is counted; and the gradient is
# clipped, because early on one picture that fits badly would throw the flow far off.

# %%
from minigen.optim import clip_grad_norm
from minigen.tensor import parallel_value_and_grad

image_steps = lesson.steps(cfg.image_steps, quick=1)
adam = Adam(image_flow, cfg.image_lr)
rate = cosine(cfg.image_lr, image_steps, warmup=min(50, image_steps))
image_gradient = parallel_value_and_grad(lambda flow, y: flow.loss(y))


def image_step(i):
    adam.lr = rate(i)
    y, log_det = mnist.dequantize_logit(next(batches)[0], fresh, alpha)
    value, grads = image_gradient(image_flow, y)
    clip_grad_norm(grads, 500.0)
    adam.step(grads)
    return (value - log_det.mean()) / (784 * np.log(2))  # bits per pixel


# %%
def draw_digits(rng, n):
    """n samples of the flow, gray values in [0, 1]."""
    return np.clip(mnist.from_logit(image_flow.sample(rng, n), alpha) / 256, 0, 1)


state = {"flow": image_flow, "adam": adam, "batches": batches, "order": order, "fresh": fresh}
lesson.fit(image_step, image_steps, label="RealNVP on MNIST", state=state)
lesson.sampler("digits", draw_digits)

# %%
parts = [image_flow.log_prob(y_test[k : k + 250]) for k in range(0, len(y_test), 250)]
bits = mnist.bits_per_dim(np.concatenate(parts), det_test)
lesson.table(
    [
        ["uniform", 8.0, None],
        ["one Gaussian, full covariance", gauss_bits, None],
        ["RealNVP", bits.mean(), bits.std() / len(bits) ** 0.5],
    ],
    ["MNIST test digits", "bits per pixel", "standard error"],
)

# %%
below = gauss_bits - bits.mean()
source = "the Gaussian at alpha = 1e-6, see section 8"
lesson.claim("MNIST: bits per pixel below the Gaussian's", below, at_least=1.5, unit="bits")
lesson.claim("MNIST: bits per pixel", bits.mean(), at_most=1.98, source=source)
lesson.claim(
    "MNIST: |forward(inverse(y)) - y|, 99 % of pixels",
    np.quantile(round_trip(image_flow, y_test[:50]), 0.99),
    at_most=1e-3,
)

# %% [markdown]
# The noise of a digit comes in three parts, one for each size: the parts finished early hold the
# finest detail. **Guess** what changes when the finest half of a digit's noise is drawn anew, and
# what when all but the coarsest quarter is.

# %%
noise, _ = image_flow.bijection.inverse(y_test[:12])
new = lesson.rng("redrawn").standard_normal((12, 28, 28, 1), dtype=np.float32)
row = np.arange(28)[:, None, None]
finest = row % 2 == 1  # the odd rows hold the channels that were split off first,
coarsest = row % 4 == 0  # every fourth row those that went on to the last scale
fine_anew, _ = image_flow.bijection.forward(np.where(finest, new, noise))
coarse_kept, _ = image_flow.bijection.forward(np.where(coarsest, noise, new))


# %%
def pixels(y):
    """Logits -> gray values 0 to 255."""
    return np.clip(mnist.from_logit(y, alpha), 0, 255).astype(np.uint8)


made = [image_flow.sample(lesson.rng("digits"), 24, temperature) for temperature in (1.0, 0.7)]
shown = pixels(np.concatenate([y_test[:12], fine_anew, coarse_kept, *made]))
labels = ["digit", "fine anew", "coarse", "T = 1", "", "T = 0.7", ""]
lesson.figure(
    plot.image_grid(shown, 7, 12, row_labels=labels),
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
