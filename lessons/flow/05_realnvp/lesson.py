# %% [markdown]
# # RealNVP
#
# Mirrors the head of *Models with Normalizing Flows* (flow.s06) and its section *RealNVP*
# (flow.s07) of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/). To take away:
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
    sections=["flow.s06", "flow.s07"],
    figures=[],
    equations=["flow.08", "flow.09", "flow.10", "flow.11", "flow.12", "flow.13"],
    minutes=6.0,
    sources=["weng2018flow", "dinh2015nice", "dinh2017realnvp"],
)

# %% [markdown]
# ## 1. The question
#
# A flow knows the exact $\log p(x)$ of every point. So there is no question how to train it: make
# the data probable. The loss is the mean *negative log-likelihood*, NLL, over the data set
# $\mathcal{D}$ (Eq. flow.09),
#
# $$\mathcal{L}(\mathcal{D}) = -\frac{1}{|\mathcal{D}|} \sum_{x \in \mathcal{D}} \log p(x) ,$$
#
# and there is no second network to play against, and no bound. All models of this part of the post
# are trained so. They differ in one thing: which maps they are made of.
#
# The map from noise $z$ to data $x$ must be rich, it must be invertible, and its determinant must
# be cheap. A neural network is rich. But invert one? And the determinant of $D \times D$ numbers
# costs $D^3$ steps. RealNVP's answer: **let half of the numbers stay as they are.** They choose, by
# a network, how the other half is scaled and shifted: one output of the network is $s$, the
# logarithm of the scale, the other is the shift $t$.
#
# ## 2. By hand, on two numbers
#
# Let the first number $u$ choose the scale $e^{s} = |u|$ and the shift $t = u^2$. The point
# $z = (2, 3)$ goes to $x = (2,\ 3 \cdot 2 + 4) = (2, 10)$. To come back we do not invert $s$ or
# $t$: the 2 is still there, so we compute them again, $(10 - 4) / 2 = 3$.
#
# The second number also depends on $z_1$, and not weakly: $\partial x_2 / \partial z_1 = z_2 + 2u =
# 7$ at this point.

# %%
lesson.predict(
    "What is the determinant of the Jacobian at z = (2, 3)?",
    ["2", "7", "9", "14"],
)

# %%
lesson.exercise("flow/05/affine_forward")
lesson.exercise("flow/05/affine_inverse")
lesson.exercise("flow/05/affine_log_det")

# %%
from minigen.flow.coupling import affine_forward, affine_inverse, half_mask

mask = half_mask(2)  # (1, 0): the first stays, the second is changed


def choose(a):
    """The "network": s and t, both (N, 2), from the first number, which stays."""
    u = a[:, [0, 0]]
    return np.log(np.abs(u)), u**2


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
lesson.check("exp of the two log-dets", np.exp([log_det[0], log_det_back[0]]), equals=[2, 0.5])

# %%
lesson.outcome(
    f"It is {np.linalg.det(J):.4f}. A triangular matrix has the product of its diagonal as"
    " determinant, here 1 · 2: the corner never counts.",
    answer="2",
)

# %% [markdown]
# And the corner is where the derivatives of the networks are. In general, for $D$ numbers of which
# the first $d$ are kept, the coupling and its inverse are (Eq. flow.10, Eq. flow.11)
#
# $$\begin{cases} x_{1:d} = z_{1:d} \\ x_{d+1:D} = z_{d+1:D} \odot \exp(s(z_{1:d})) + t(z_{1:d})
# \end{cases} \quad\Leftrightarrow\quad
# \begin{cases} z_{1:d} = x_{1:d} \\ z_{d+1:D} = (x_{d+1:D} - t(x_{1:d})) \odot \exp(-s(x_{1:d})).
# \end{cases}$$
#
# The Jacobian is triangular, so its determinant is the product of the diagonal (Eq. flow.12, Eq.
# flow.13):
#
# $$J = \begin{pmatrix} I_d & 0 \\ \frac{\partial x_{d+1:D}}{\partial z_{1:d}} &
# \operatorname{diag}(\exp(s(z_{1:d}))) \end{pmatrix}, \qquad
# \log|\det J| = \sum_{j=1}^{D-d} s(z_{1:d})_j ,$$
#
# a sum of numbers that we have anyway. This is all that the package does:

# %%
from minigen.flow.coupling import AffineCoupling, affine_log_det

lesson.check("log-det from s and the mask alone", affine_log_det(s, mask), equals=[np.log(2)])
lesson.show_source(affine_forward, affine_inverse, affine_log_det, AffineCoupling)

# %%
lesson.change(
    "a negative number that stays",
    "Change the point to `z = np.array([[-2.0, 3.0]])` and run again. Is the determinant "
    "negative at $z = (-2, 3)$?",
    answer="No, it is 2 again: `exp` of the log-dets is 2 and 0.5. The scale $e^s$ is positive "
    "whatever the network outputs, so a coupling never turns the plane over.",
)

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
lesson.check("|inverse(forward(z)) - z|, largest of 1,000", np.abs(z_back - z).max(), at_most=1e-5)

# %% [markdown]
# And the log-determinant, against that of the Jacobian found by automatic differentiation, in
# float64 for a sharp comparison:

# %%
from minigen.flow.bijection import jacobian_log_det

double = rough.map(lambda a: a.astype(float))
_, log_det = double.bijection.forward(z[:5].astype(float))
gap = jacobian_log_det(double.bijection.forward, z[:5]) - log_det
lesson.check("log-det minus that of the autodiff Jacobian", gap, equals=np.zeros(5), atol=1e-8)
lesson.show_source(RealNVP)

# %% [markdown]
# ## 4. Two moons
#
# Here the truth is known, and with it the best possible score: the entropy. The **gap** between the
# two is $D_{\mathrm{KL}}(p \| \text{model})$. A Gaussian of the right mean and spread misses by
# about 1 nat.

# %%
lesson.predict(
    "What will eight couplings, trained for 5,000 steps, leave of that nat? About",
    ["0.3", "0.1", "0.01"],
)

# %%
from minigen.metrics import nll_gap

moons = toy.two_moons(0.1)
cfg = lesson.configure(couplings=8, width=64, batch=512, steps=5000, lr=4e-3, clip=5.0)
flow = RealNVP(lesson.rng("init"), dim=2, couplings=cfg.couplings, width=cfg.width)
test = moons.sample(lesson.rng("test"), lesson.size(50_000, quick=1_000))
flow.standardize(moons.sample(lesson.rng("start"), 5000))
gap_of_gaussian, _ = nll_gap(moons, flow.log_prob, test)  # all couplings are still the identity

# %% [markdown]
# The training loop, written out this once: draw a batch, take the gradient of the loss, move the
# parameters. The learning rate rises for 100 steps and then falls to zero along half a cosine. And
# the gradient is *clipped* to a length of 5 at most: where the data are narrow, one point that fits
# badly could throw the flow far off. (`minigen.train.descend` makes such steps, too.)

# %%
from minigen.optim import Adam, clip_grad_norm, cosine
from minigen.tensor import value_and_grad

gradient = value_and_grad(lambda flow, x: flow.loss(x))


def trainer(flow, density, steps, batch, lr, rng):
    """A training step, and all that it changes."""
    optimizer = Adam(flow, lr)
    rate = cosine(lr, steps, warmup=min(100, steps))

    def step(i):
        optimizer.lr = rate(i)
        loss, grads = gradient(flow, density.sample(rng, batch))
        clip_grad_norm(grads, cfg.clip)
        optimizer.step(grads)
        return loss

    return step, {"flow": flow, "optimizer": optimizer, "rng": rng}


# %% [markdown]
# On the way, forty times, it notes the gap on a part of the test points.

# %%
steps = lesson.steps(cfg.steps, quick=4)
step, state = trainer(flow, moons, steps, cfg.batch, cfg.lr, lesson.rng("data"))


def measure_gap(i, _):
    if i % (1 + steps // 40) == 0:
        return {"gap": nll_gap(moons, flow.log_prob, test[:5000]).gap}


history = lesson.fit(step, steps, state=state, label="RealNVP on two moons", on_step=measure_gap)
lesson.sampler("two moons", flow.sample)

# %%
gap, error = nll_gap(moons, flow.log_prob, test)
nearest = min((0.3, 0.1, 0.01), key=lambda guess: abs(np.log(max(gap, 1e-9) / guess)))
lesson.outcome(f"{gap:.4f} nats, with a standard error of {error:.4f}.", answer=f"{nearest}")
rows = [
    ["Gaussian", moons.entropy() + gap_of_gaussian, gap_of_gaussian, None],
    ["RealNVP", moons.entropy() + gap, gap, error],
    ["truth (entropy)", moons.entropy(), 0.0, None],
]
lesson.table(rows, ["two moons, nats", "NLL", "gap", "standard error"])
lesson.claim("two moons: NLL above the entropy", gap, at_most=0.02, unit="nats")

# %% [markdown]
# A density has the integral 1. We can sum it over a grid, for the flow says log p anywhere; and
# both directions must be each other's inverse, trained or not.


# %%
def mass(flow, reach=4.0, n=lesson.size(400, quick=80)):
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
lesson.check("total mass", mass(flow), between=(0.97, 1.03))
there_and_back = np.quantile(round_trip(flow, test), 0.999)
lesson.check("|forward(inverse(x)) - x|, 99.9 % of points", there_and_back, at_most=1e-4)


# %%
def model_density(x):
    """exp(log_prob), cut off above so that no narrow peak takes all the colors."""
    return np.exp(np.minimum(flow.log_prob(x), -0.45))


# %%
drawn = flow.sample(lesson.rng("samples"), 3000)
box = (-1.7, 2.7, -1.25, 1.75)
fig, axes = plot.figure(1, 4, size=(3.0, 2.8))
n = lesson.size(200, quick=60)
plot.density(moons, axes[0], bounds=box, title="truth")
plot.density(model_density, axes[1], bounds=box, n=n, title="RealNVP, exact density")
plot.samples(drawn, moons, axes[2], bounds=box, title="samples over the truth")

# %%
gaps = {"gap": (history.at("gap"), history["gap"])}
bars = {"Gaussian": gap_of_gaussian, "claimed": 0.02}
plot.curves(gaps, ax=axes[3], log=True, title="gap to entropy", ylabel="nats", reference=bars)
lesson.figure(
    fig,
    "two_moons",
    "Second panel: a formula, not a histogram. Look for a thin thread from moon to moon.",
)

# %% [markdown]
# ## 5. What the layers do
#
# Take a square grid in the noise and push it through, one coupling after the other.

# %%
lesson.predict(
    "Which lines of the grid are still straight after the first coupling?",
    ["the vertical ones", "the horizontal ones", "both", "neither"],
)

# %%
line, points = np.linspace(-2, 2, 17), np.linspace(-2, 2, 200)
across, along = np.meshgrid(line, points)  # (200, 17): 17 lines of 200 points
vertical = np.stack([across, along], -1)
horizontal = np.stack([along, across], -1)
lines = np.concatenate([vertical, horizontal], axis=1).astype(np.float32)  # (200, 34, 2)
transformed = [w.reshape(200, 34, 2) for w in flow.steps(lines.reshape(-1, 2))]
bend = [
    np.ptp(transformed[1][:, k, i], axis=0).max() for k, i in ((slice(17), 0), (slice(17, 34), 1))
]

# %%
lesson.outcome(
    f"The vertical ones: along each the first number varies by {bend[0]:.2g}, it is kept. Along a"
    f" horizontal line the second varies by up to {bend[1]:.2g}.",
    answer="the vertical ones",
)

# %%
cloud = flow.steps(lesson.rng("cloud").standard_normal((2000, 2), dtype=np.float32))
fig, axes = plot.figure(2, 8, size=(1.75, 1.7))
for k, (top, bottom) in zip([0, 1, 2, 4, 6, 7, 8, 9], axes.T, strict=True):
    title = {0: "noise z", 9: "x"}.get(k, f"coupling {k}")
    window = (-1.7, 2.7, -1.95, 2.45) if k == 9 else (-4, 4, -4, 4)
    plot.trajectories(transformed[k], top, bounds=window, ends=False, title=title)
    plot.samples(cloud[k], ax=bottom, bounds=window, size=1.5)
lesson.figure(
    fig,
    "layers",
    "Coupling 2 keeps the second number, and so on in turn. The last step only puts the scale of"
    " the data back.",
)

# %%
lesson.play(
    "couplings",
    {"layer": np.arange(len(cloud))},
    points=np.stack(cloud)[:, :1000],
    bounds=4,
    time="layer",
    caption="1,000 points of the noise (layer 0) after each coupling. The last layer restores the"
    " scale of the data.",
)

# %% [markdown]
# ## 6. A ring of islands
#
# Now eight Gaussians on a circle, as narrow as the moons are thick. The lake of noise is one, and a
# continuous map with a continuous inverse keeps it one: it can pull it out and squeeze it, it
# cannot tear it. Between two islands there is always a bridge.
#
# How hard is that? By hand, on a line: noise $\mathcal{N}(0, 1)$, and for data two narrow modes at
# $\pm 1$, of deviation 0.1. There is one increasing map that makes the one from the other.
# Densities multiply with $1 / \text{slope}$, so at 0, in the middle, its slope is $\pi(0) / p(0)$.

# %%
log_pi = -0.5 * np.log(2 * np.pi)
log_p = -0.5 * (1 / 0.1) ** 2 - np.log(0.1) - 0.5 * np.log(2 * np.pi)  # both modes, half each
log_slope = log_pi - log_p
lesson.check("log of the slope in the middle, 50 - 2.3", log_slope, equals=50 + np.log(0.1))
lesson.check(
    "couplings that stretch by e² which this takes", int(np.ceil(log_slope / 2)), equals=24
)

# %% [markdown]
# A slope of $5 \cdot 10^{20}$! Our couplings stretch by $e^2$ at most, so 24 of them would have to
# do it together, at one point. With fewer, a little of the noise stays on the way from mode to
# mode, and its bends must be sharp. So for the ring: twelve couplings, and first layers whose units
# bend four times as sharply (`sharpness`).

# %%
lesson.predict(
    "After training, the gap on the ring will be",
    ["smaller than on the moons", "the same, within a factor of 2", "more than twice as large"],
)

# %%
ring = toy.ring()
ring_cfg = lesson.configure(ring_couplings=12, ring_steps=4500, ring_batch=256, ring_lr=6e-3)
on_ring = RealNVP(lesson.rng("ring init"), 2, ring_cfg.ring_couplings, cfg.width, sharpness=4.0)
on_ring.standardize(ring.sample(lesson.rng("ring start"), 5000))
ring_test = ring.sample(lesson.rng("ring test"), lesson.size(50_000, quick=1_000))
ring_of_gaussian = nll_gap(ring, on_ring.log_prob, ring_test).gap

# %%
steps = lesson.steps(ring_cfg.ring_steps, quick=4)
rng = lesson.rng("ring data")
step, state = trainer(on_ring, ring, steps, ring_cfg.ring_batch, ring_cfg.ring_lr, rng)
lesson.fit(step, steps, state=state, label="RealNVP on a ring")
ring_gap, ring_error = nll_gap(ring, on_ring.log_prob, ring_test)

# %%
ratio = ring_gap / gap
choices = lesson.predictions[-1].choices
lesson.outcome(
    f"{ring_gap:.3f} nats (standard error {ring_error:.3f}), on the moons {gap:.3f}; a Gaussian"
    f" would miss the ring by {ring_of_gaussian:.2f}.",
    answer=choices[2] if ratio > 2 else choices[0] if ratio < 0.5 else choices[1],
)


# %%
def bridges(x):
    """The share of points farther than four standard deviations from every mode."""
    distance = np.sqrt(np.sum((x[:, None] - ring.modes) ** 2, axis=-1)).min(axis=1)
    return np.mean(distance > 4 * ring.std)


ring_drawn = on_ring.sample(lesson.rng("ring samples"), lesson.size(20_000, quick=500))
rows = [["truth", bridges(ring_test)], ["RealNVP", bridges(ring_drawn)]]
lesson.table(rows, ["ring", "share of points on the bridges"])


# %%
def ridges(x):
    """log_prob, cut off below, so that the bridges show."""
    return np.maximum(on_ring.log_prob(x), -12)


# %%
fig, axes = plot.figure(1, 3, size=(3.2, 2.8))
ring_box = (-2.7, 2.7, -2.7, 2.7)
plot.density(ring, axes[0], bounds=ring_box, title="truth")
plot.heatmap(ridges, ring_box, axes[1], n=n, title="log p of RealNVP", label="nats")
plot.samples(ring_drawn[:3000], ring, axes[2], bounds=ring_box, title="samples over the truth")
lesson.figure(
    fig,
    "ring",
    "Middle, cut off at -12 nats: follow the ridges from island to island. They are bridges"
    " that the flow cannot take down; it can only make them thin.",
)

# %%
lesson.claim("ring: NLL above the entropy", ring_gap, at_most=0.15, unit="nats")

# %% [markdown]
# ## 7. Wrong turns
#
# The moons again, trained for less, with one piece wrong at a time:
#
# - *no log-det*: minimize $-\log \pi(z)$ alone;
# - *one mask*: all couplings keep the first number;
# - *net sees all*: the mask on the network's input is forgotten, so that it also sees the half it
#   changes.

# %%
lesson.predict(
    "Which one will report the lowest loss?",
    ["as it should be", "no log-det", "one mask", "net sees all"],
)


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
    steps = lesson.steps(400, quick=2)
    lr = cosine(2e-3, steps, warmup=min(100, steps))
    step = descend(loss, flow, draw_moons, lr=lr, rng=lesson.rng("turn"))
    done = lesson.fit(step, steps, state=step.state, label=f"wrong turn: {mistake}")
    return flow, done["loss"][-20:].mean()


trained = {name: train(name) for name in lesson.predictions[-1].choices}

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
lowest = min(rows, key=lambda name: rows[name][0])
lesson.outcome(f"{lowest} reports {rows[lowest][0]:.3f} nats.", answer=lowest)

# %%
fig, axes = plot.figure(1, 4, size=(2.6, 2.0))
for (name, (wrong, _)), ax in zip(trained.items(), axes, strict=True):
    plot.samples(wrong.sample(lesson.rng("turn samples"), 2000), moons, ax, bounds=box, title=name)
lesson.figure(
    fig,
    "wrong_turns",
    "No log-det: everything was pulled to the origin, so that noise lands far outside. One mask:"
    " from left to right a Gaussian for ever.",
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
#   does not undo `inverse`. Its "density" has the wrong mass.
#
# The least that *no log-det* can report is $\log 2\pi = 1.84$, for it measures something else. Of
# the others remember: **a mean loss that is below the entropy by more than its sampling error is
# never luck; it is a bug.**
#
# ## 8. Images: checkerboards, squeezing, splitting
#
# What is "half" of an image? RealNVP keeps every other pixel like the white squares of a
# chessboard. Then it *squeezes*: each block of 2×2 pixels becomes one pixel of 4 channels, and
# couplings keep half of the channels. Then it *splits*: half of the channels are declared finished
# noise, and only the rest goes on, at the smaller size. 28, 14, 7.

# %%
from minigen.flow.bijection import Squeeze
from minigen.flow.coupling import checkerboard_mask

print("kept by a checkerboard:", *checkerboard_mask(4, 4)[..., 0].astype(int))
squeezed, _ = Squeeze().inverse(np.arange(16.0).reshape(1, 4, 4, 1))
lesson.check("the first 2×2 block of 0 ... 15, as channels", squeezed[0, 0, 0], equals=[0, 1, 4, 5])

# %% [markdown]
# Pixels are integers, and a density over real numbers could grow without bound there; so uniform
# noise fills the gaps, $v \in [0, 256]$. And a *logit* spreads them over the line,
#
# $$y = \operatorname{logit}\big(\alpha + (1 - 2\alpha)\, v / 256\big),$$
#
# where a small $\alpha$ keeps $y$ finite at the ends. Its log-det is counted. Likelihoods are given
# in **bits per pixel**: 8 for white noise.
#
# The yardstick is a single Gaussian with all $784^2$ covariances. We fit it to $y$ twice, to the
# same digits, with $\alpha = 0.05$ and with $10^{-6}$.

# %%
lesson.predict(
    "The Gaussian's bits per pixel, from α = 0.05 to 10⁻⁶:",
    [
        "the same, for the log-det is counted",
        "lower by more than 1 bit",
        "higher by more than 1 bit",
    ],
)

# %%
from minigen.data import mnist
from minigen.metrics.samples import mean_and_covariance

digits = mnist.load()
some_test = digits.test_images[: lesson.size(10_000, quick=12)]
some_train = digits.train_images[: lesson.size(60_000, quick=1000)]


def gaussian_bits(alpha):
    """Bits per pixel of test digits under a Gaussian that was fitted to the training digits."""
    y, _ = mnist.dequantize_logit(some_train, lesson.rng("train noise"), alpha, flat=True)
    y_test, log_det = mnist.dequantize_logit(some_test, lesson.rng("noise"), alpha, flat=True)
    covariance = mean_and_covariance(y)[1]
    off = y_test - y.mean(0)
    distance = (off * np.linalg.solve(covariance, off.T).T).sum(1)
    log_p = -0.5 * (distance + np.linalg.slogdet(2 * np.pi * covariance)[1])
    return mnist.bits_per_pixel(log_p, log_det).mean()


# %%
at_paper, gauss_bits = gaussian_bits(0.05), gaussian_bits(1e-6)
change = gauss_bits - at_paper
choices = lesson.predictions[-1].choices
lesson.outcome(
    f"{at_paper:.2f} bits at 0.05, {gauss_bits:.2f} at 10⁻⁶.",
    answer=choices[1] if change < -1 else choices[2] if change > 1 else None,
)

# %% [markdown]
# The preprocessing is part of the model: both numbers are honest likelihoods of the same $v$, and
# they compare. Four pixels of five are blank, with $v$ between 0 and 1. At $\alpha = 0.05$ the
# logit leaves them 0.07 of a unit next to the ink, which is far away: a Gaussian broad enough
# for both wastes nearly all of its mass. At $10^{-6}$ blank pixels have as much room as the ink. So
# from here on $\alpha = 10^{-6}$, and the Gaussian to beat is the better one.
#
# The flow: four couplings with checkerboards, six by channel at 14×14, six at 7×7. Each network has
# three convolutions, and a bias of its own for each place, because the border and the middle of a
# digit have little in common; before each coupling comes a learned scale and shift.

# %%
from minigen.flow.multiscale import ImageRealNVP, SmallConvNet

image_cfg = lesson.configure(image_width=40, image_batch=50, image_steps=1900, image_lr=3e-3)
image_flow = ImageRealNVP(
    lesson.rng("image init"),
    width=lesson.size(image_cfg.image_width, quick=8),
    scales=2,
    checkerboards=(4, 0),
    channelwise=(6, 6),
    small=True,
    affine=True,
)

# %%
some_y, _ = mnist.dequantize_logit(some_train[:1000], lesson.rng("image start"))
image_flow.standardize(some_y)
lesson.show_source(ImageRealNVP, SmallConvNet)

# %% [markdown]
# The noise that fills the gaps is drawn anew for each batch, and its log-determinant is counted. We
# keep a moving average (EMA) of the weights beside them: the last steps still carry noise, and the
# average is the better model.

# %%
from minigen.optim import linear_decay

order = lesson.rng("order")
size = lesson.size(image_cfg.image_batch, quick=4)
batches = mnist.batches(digits.train_images, size=size, rng=order)
image_steps = lesson.steps(image_cfg.image_steps, quick=1)
rate = linear_decay(image_cfg.image_lr, image_steps, warmup=min(100, image_steps))


def noisy_batch(rng):
    return mnist.dequantize_logit(next(batches)[0], rng)


# %%
def image_loss(flow, y, log_det):
    """The loss of the logits y in nats, and what that is in bits for a pixel of the digits."""
    loss = flow.loss(y)
    return loss, {"bits": (loss - np.mean(log_det)) / (784 * np.log(2))}


settings = {"lr": rate, "ema": 0.998, "clip": 1000.0, "parallel": True}
step = descend(image_loss, image_flow, noisy_batch, rng=lesson.rng("dequantize"), **settings)
state = {**step.state, "batches": batches, "order": order}
lesson.fit(step, image_steps, label="RealNVP on MNIST", state=state)
image_flow = step.averaged


# %%
def draw_digits(rng, n, temperature=1.0):
    """n samples of the averaged flow, gray values in [0, 1]."""
    return np.clip(mnist.from_logit(image_flow.sample(rng, n, temperature)) / 256, 0, 1)


lesson.sampler("digits", draw_digits, default=True)

# %%
from minigen.tensor import batched

y_test, det_test = mnist.dequantize_logit(some_test, lesson.rng("noise"))
bits = mnist.bits_per_pixel(batched(image_flow.log_prob, y_test, size=250, threads=True), det_test)
rows = [
    ["uniform", 8.0, None],
    ["one Gaussian, full covariance, α = 0.05", at_paper, None],
    ["one Gaussian, full covariance, α = 10⁻⁶", gauss_bits, None],
    ["RealNVP, α = 10⁻⁶", bits.mean(), bits.std() / len(bits) ** 0.5],
]
lesson.table(rows, ["MNIST test digits", "bits per pixel", "standard error"])

# %%
lesson.claim("MNIST: bits per pixel", bits.mean(), at_most=1.40, unit="bits")
below = gauss_bits - bits.mean()
lesson.claim("MNIST: bits per pixel below the Gaussian's", below, at_least=0.5, unit="bits")
there_and_back = np.quantile(round_trip(image_flow, y_test[:50]), 0.99)
lesson.check("|forward(inverse(y)) - y|, 99 % of pixels", there_and_back, at_most=1e-2)

# %% [markdown]
# The noise of a digit comes in two parts: half of it, the odd rows of $z$, was split off at 14×14
# and holds the finer detail, the rest went on to 7×7.

# %%
lesson.predict(
    "The finer half of a digit's noise is drawn anew. How many of its pixels change between ink and"
    " paper?",
    ["hardly any, below 2 %", "some, 2 to 8 %", "more than 8 %"],
)

# %%
noise, _ = image_flow.bijection.inverse(y_test[:12])
new = lesson.rng("redrawn").standard_normal((12, 28, 28, 1), dtype=np.float32)
finer = np.arange(28)[:, None, None] % 2 == 1
fine_anew, _ = image_flow.bijection.forward(np.where(finer, new, noise))
coarse_anew, _ = image_flow.bijection.forward(np.where(finer, noise, new))


def flipped(y):
    """The share of pixels that are ink, v > 128, in one but not in the other."""
    return np.mean((y > 0) != (y_test[:12] > 0))


share, share_coarse = flipped(fine_anew), flipped(coarse_anew)

# %%
choices = lesson.predictions[-1].choices
lesson.outcome(
    f"{100 * share:.1f} %; with the coarser half drawn anew {100 * share_coarse:.1f} %.",
    answer=choices[0] if share < 0.02 else choices[2] if share > 0.08 else choices[1],
)

# %%
made = [draw_digits(lesson.rng("digits"), 24, temperature) for temperature in (1.0, 0.7)]
old = np.clip(mnist.from_logit(np.concatenate([y_test[:12], fine_anew, coarse_anew])) / 256, 0, 1)
labels = ["digit", "fine anew", "coarse anew", "T = 1", "", "T = 0.7", ""]
lesson.figure(
    plot.image_grid(np.concatenate([old, *made]), 7, 12, row_labels=labels),
    "digits",
    "Rows 2 and 3: the same digits with half of their noise drawn anew. Then samples: pen strokes,"
    " and some whole digits; T scales the noise.",
)

# %% [markdown]
# ## 9. Where the post is loose
#
# - It never says which side of $f: x \to y$ is the data. Both directions cost one pass, so it makes
#   no difference here; it will for MAF and IAF. Keep to: `forward` generates, `inverse` infers.
# - Nothing in Eq. flow.10 bounds $s$, and $e^s$ overflows soon. The paper passes $s$ through a
#   tanh; so do we ($|s| \le 2$).
# - Of the multi-scale architecture it names masking and squeezing, not the *split*, which is what
#   saves the work.
# - It gives no likelihoods. The paper's are for color images, with $\alpha + (1 - \alpha)\,
#   v/256$ and $\alpha = 0.05$; the $1 - 2\alpha$ and the $10^{-6}$ used here are those of MAF
#   (`flow/11`).
#
# **Left out:** batch norm inside the flow (`minigen.flow.coupling.BatchNorm`), which the paper has
# where we have scales and shifts; residual networks (`ConvNet`); color; hours of training.
# **Next:** *NICE* (`flow/06`) leaves out the scale $s$: what can a map do that never changes
# volume? And Glow learns how to mix channels instead of taking turns.
#
# **Your turn:** `minigen exercise start flow/05`, then `minigen run flow/05 --with
# exercises/flow_05.py`.

# %%
lesson.finish()
