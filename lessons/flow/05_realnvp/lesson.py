# %% [markdown]
# # RealNVP: affine coupling layers
#
# This lesson runs the head of *Models with Normalizing Flows* (flow.s06) and its section *RealNVP*
# (flow.s07) of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/). It uses `flow/04`. In this
# lesson:
#
# 1. An affine coupling layer keeps one part of a vector, and scales and shifts the other part by
#    functions of the kept part. The functions may be neural networks, and are never inverted.
# 2. A flow is trained by maximum likelihood, without an approximation. Where the density of the
#    data is known, its loss can be compared with the entropy.
# 3. For integers, such as the pixels of an image, the loss of a flow is a bound. We compute how far
#    it is from the length of a code.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/05_realnvp",
    title="RealNVP: affine coupling layers",
    post="flow",
    sections=["flow.s06", "flow.s07"],
    figures=[],
    equations=["flow.08", "flow.09", "flow.10", "flow.11", "flow.12", "flow.13"],
    minutes=4,
    picture="layers",
    sources=["weng2018flow", "theis2016note", "dinh2017realnvp", "ho2019flowpp"],
)

# %%
import autograd.numpy as np
import numpy

from minigen import plot
from minigen.data import toy

# %% [markdown]
# ## 1. The training objective of a flow
#
# Here are the densities of this lesson: two moons, a ring of eight narrow Gaussians, and the noise
# from which a flow starts. Can one chain of invertible maps turn the noise into either of them?

# %%
moons, ring = toy.two_moons(0.1), toy.ring()
draws = lesson.rng("first look").standard_normal((lesson.size(100_000), 2))
fig, axes = plot.figure(1, 3, size=(2.8, 2.6))
plot.density(moons, axes[0], title="two moons")
plot.density(ring, axes[1], title="ring")
plot.density(draws, axes[2], bounds=(-3.5, 3.5, -3.5, 3.5), title="noise z")
lesson.figure(fig, "densities", "Darker is more probable. The ring has eight separate modes.")

# %% [markdown]
# A flow computes the exact $\log p(x)$ of every point. So the training objective is clear: maximize
# the log-likelihood of the data. The loss is the mean *negative log-likelihood*, NLL, over the data
# set $\mathcal{D}$ (Eq. flow.09),
#
# $$\mathcal{L}(\mathcal{D}) = -\frac{1}{|\mathcal{D}|} \sum_{x \in \mathcal{D}} \log p(x) .$$
#
# There is no second network to train against, and no bound in place of the likelihood. All flows
# of the post are trained in this way. They differ in the maps of which they are made.
#
# The map from the noise $z$ to the data $x$ must satisfy the two conditions of `flow/04`: it is
# easily invertible, and its Jacobian determinant is easy to compute. And it must be flexible. A
# neural network is flexible, but in general it has no inverse, and the determinant of its $D \times
# D$ Jacobian costs on the order of $D^3$ operations. **RealNVP** (*Real-valued Non-Volume
# Preserving*; Dinh et al. 2017) stacks *affine coupling layers*. Each **keeps one half of the
# coordinates as they are.** A network computes from them how the other half is scaled and shifted:
# one output of the network is $s$, the logarithm of the scale, and the other is the shift $t$.
#
# ## 2. An affine coupling on two numbers
#
# Let the first number $u \ne 0$ determine the scale $e^{s} = |u|$ and the shift $t = u^2$. The
# point $z = (2, 3)$ is mapped to $x = (2,\ 3 \cdot 2 + 4) = (2, 10)$. The inverse does not invert
# $s$ or $t$: the 2 is still there, so both are computed again, and $(10 - 4) / 2 = 3$.
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

mask = half_mask(2)  # (1, 0): the first coordinate is kept, the second is changed


def choose(a):
    """In place of a network: s and t, both (N, 2), from the first coordinate, which is kept."""
    u = a[:, [0, 0]]
    return np.log(np.abs(u)), u**2


# %%
z = np.array([[2.0, 3.0]])
s, t = choose(z)
x, log_det = affine_forward(z, s, t, mask)
s, t = choose(x)  # x has the same first coordinate, so the same s and t
back, log_det_back = affine_inverse(x, s, t, mask)
lesson.check("image of (2, 3), and its inverse", [x[0], back[0]], equals=[[2, 10], [2, 3]])

# %% [markdown]
# Now the Jacobian: change each coordinate by a small step, and divide the change of $x$ by it.

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
    f"It is {np.linalg.det(J):.4f}. The determinant of a triangular matrix is the product of its"
    " diagonal, here 1 · 2. The 7 below the diagonal has no effect.",
    answer="2",
)

# %% [markdown]
# The entries below the diagonal are the derivatives of the networks. In general, for $D$
# coordinates of which the first $d$ are kept, the coupling is (Eq. flow.10)
#
# $$\begin{aligned} x_{1:d} &= z_{1:d} \\ x_{d+1:D} &= z_{d+1:D} \odot \exp(s(z_{1:d})) +
# t(z_{1:d}) , \end{aligned}$$
#
# where $s$ and $t$ map $\mathbb R^d$ to $\mathbb R^{D-d}$, and $\odot$ is the element-wise product.
#
# **Condition 1**, “It is easily invertible.” It is, by a formula (Eq. flow.11):
#
# $$\begin{cases} x_{1:d} = z_{1:d} \\ x_{d+1:D} = z_{d+1:D} \odot \exp(s(z_{1:d})) + t(z_{1:d})
# \end{cases} \Leftrightarrow
# \begin{cases} z_{1:d} = x_{1:d} \\ z_{d+1:D} = (x_{d+1:D} - t(x_{1:d})) \odot \exp(-s(x_{1:d})).
# \end{cases}$$
#
# **Condition 2**, “Its Jacobian determinant is easy to compute.” The Jacobian is lower triangular
# (Eq. flow.12), so its determinant is the product of the diagonal (Eq. flow.13):
#
# $$J = \begin{pmatrix} I_d & 0_{d \times (D-d)} \\ \frac{\partial x_{d+1:D}}{\partial z_{1:d}} &
# \operatorname{diag}(\exp(s(z_{1:d}))) \end{pmatrix}, \qquad
# \det J = \prod_{j=1}^{D-d} \exp(s(z_{1:d}))_j = \exp\Big(\sum_{j=1}^{D-d} s(z_{1:d})_j\Big) .$$
#
# The inverse does not need the inverse of $s$ or $t$, and the determinant does not need their
# Jacobians. So both may be arbitrarily complex functions, such as deep neural networks. This is all
# that the package computes:

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
    "for every output of the network, so a coupling never reverses the orientation of the plane.",
)

# %% [markdown]
# ## 3. A chain of couplings
#
# One coupling leaves $x_1$ unchanged. So the next coupling keeps the *other* half, and they
# alternate: what one layer keeps, the next one changes. The log-determinants add up (Eq. flow.08):
# $\log p(x) = \log \pi(z_0) - \sum_i \log|\det \partial f_i / \partial z_{i-1}|$.
#
# Is the sum correct? A flow starts as the identity, where a wrong log-determinant is easily missed.
# So we add random numbers to all weights first.

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
# We compare the log-determinant with that of the Jacobian by automatic differentiation, in float64:

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
# For the two moons the density is known, and with it the smallest possible NLL: the entropy. The
# **gap** between the NLL and the entropy is $D_{\mathrm{KL}}(p \| \text{model})$. A Gaussian with
# the mean and the standard deviations of the data has a gap of about 1 nat.

# %%
lesson.predict(
    "Which gap will eight couplings have after 5,000 training steps? About",
    ["0.3 nats", "0.1 nats", "0.01 nats"],
)

# %%
from minigen.metrics import nll_gap

cfg = lesson.configure(couplings=8, width=64, batch=512, steps=5000, lr=4e-3, clip=5.0)
flow = RealNVP(lesson.rng("init"), dim=2, couplings=cfg.couplings, width=cfg.width)
test = moons.sample(lesson.rng("test"), lesson.size(50_000, quick=1_000))
flow.standardize(moons.sample(lesson.rng("start"), 5000))
gap_of_gaussian, _ = nll_gap(moons, flow.log_prob, test)  # all couplings are still the identity

# %% [markdown]
# The training loop is written out once: draw a batch, compute the gradient of the loss, update the
# parameters. The learning rate rises for 100 steps and then falls to zero along half a cosine. The
# gradient is *clipped* to a length of at most 5: where the data density is narrow, a single point
# can have a very large gradient. (`minigen.train.descend` makes such steps, too.)

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
# Forty times during training, the gap is measured on a part of the test points.

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
lesson.outcome(f"{gap:.4f} nats, with a standard error of {error:.4f}.", answer=f"{nearest} nats")
rows = [
    ["Gaussian", moons.entropy() + gap_of_gaussian, gap_of_gaussian, None],
    ["RealNVP", moons.entropy() + gap, gap, error],
    ["data density (entropy)", moons.entropy(), 0.0, None],
]
lesson.table(rows, ["two moons, nats", "NLL", "gap", "standard error"])
seen = "seed 0: 0.0092; margin: a factor 2"
lesson.claim("two moons: NLL above the entropy", gap, at_most=0.02, source=seen, unit="nats")

# %% [markdown]
# A density has the integral 1. The flow computes $\log p$ at any point, so the integral can be
# summed over a grid. And the two directions must be inverses of each other, trained or not.


# %%
def mass(flow, reach=4.0, n=lesson.size(400, quick=80)):
    """The integral of exp(log_prob) over a square, summed over a grid: 1 for a density."""
    side = np.linspace(-reach, reach, n, dtype=np.float32)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    log_p = flow.log_prob(grid).astype(float)
    return np.exp(np.minimum(log_p, 50)).sum() * (side[1] - side[0]) ** 2


def round_trip(flow, x):
    """|forward(inverse(x)) - x| of every coordinate."""
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
plot.density(moons, axes[0], bounds=box, title="data density")
plot.density(model_density, axes[1], bounds=box, n=n, title="RealNVP, exact density")
plot.samples(drawn, moons, axes[2], bounds=box, title="samples over the data density")

# %%
gaps = {"gap": (history.at("gap"), history["gap"])}
levels = {"Gaussian": gap_of_gaussian, "threshold": 0.02}
plot.curves(gaps, ax=axes[3], log=True, title="gap to entropy", ylabel="nats", reference=levels)
lesson.figure(
    fig,
    "two_moons",
    "The second panel is computed by a formula; it is not a histogram. Look for a thin filament"
    " from one moon to the other.",
)

# %% [markdown]
# ## 5. What the couplings do
#
# Take a square grid of lines in the noise, and map it through one coupling after the other.

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

# %%
ranges = np.ptp(transformed[1], axis=0)  # (34, 2): along each line, the range of x1 and of x2
bend_vertical, bend_horizontal = ranges[:17, 0].max(), ranges[17:, 1].max()
straight = (bend_vertical < 1e-3, bend_horizontal < 1e-3)
names = {(True, False): "the vertical ones", (False, True): "the horizontal ones"}
lesson.outcome(
    f"Along a vertical line the first coordinate varies by {bend_vertical:.2g}: it is kept. Along a"
    f" horizontal line the second coordinate varies by up to {bend_horizontal:.2g}.",
    answer=names.get(straight, "both" if all(straight) else "neither"),
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
    "Coupling 2 keeps the second coordinate, coupling 3 the first again, and so on. The last step"
    " only restores the scale of the data.",
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
# ## 6. Separate modes: a ring of Gaussians
#
# The noise is in one piece, and a continuous map with a continuous inverse keeps it in one piece:
# it can stretch the noise and squeeze it, but it cannot tear it. So between two of the eight
# Gaussians of the ring there is always a *bridge*, a region with a little probability.
#
# How hard is it to make a bridge thin? Take one coordinate: noise $\mathcal{N}(0, 1)$, and data
# with two narrow modes at $\pm 1$, of standard deviation 0.1. There is one increasing map from the
# one to the other. It multiplies the density by $1 / \text{slope}$, so midway, at 0, its slope is
# $\pi(0) / p(0)$:
#
# $$\log \text{slope} = \log \pi(0) - \log p(0) = \tfrac12 \Big(\frac{1}{0.1}\Big)^2 + \log 0.1 =
# 50 - 2.3 = 47.7 .$$
#
# That is a slope of $5 \cdot 10^{20}$. Each of our couplings stretches by $e^2$ at most ($|s| \le
# 2$), so at least 24 of them must stretch by as much as they can at this point.

# %%
lesson.predict(
    "In the plane, how many couplings does a RealNVP need at least, so that one coordinate can be "
    "stretched by a factor e^47.7 at some point?",
    ["12", "24", "48"],
)

# %%
most = {}
for couplings in (12, 24, 48):
    limit = RealNVP(lesson.rng("limit"), 2, couplings)
    for f in limit.bijection.bijections[:-1]:
        f.net.layers[-1].b[:2] = 1000  # raw scales so large that s is at its limit everywhere
    ends, _ = limit.bijection.forward(np.array([[0.0, 0.0], [1.0, 0.0]]))
    most[couplings] = np.log(ends[1, 0] - ends[0, 0])
lesson.table(most.items(), ["couplings", "log of the largest stretch of a coordinate"])
lesson.check("log of the largest stretch", list(most.values()), equals=[12, 24, 48], atol=1e-4)

# %%
enough = [couplings for couplings, log_stretch in most.items() if log_stretch > 47.7]
lesson.outcome(
    "Every second coupling keeps this coordinate, so K couplings stretch it by e^K at most.",
    answer=str(enough[0]) if enough else None,
)

# %% [markdown]
# With fewer couplings, more of the noise is left between the modes, and the map must bend sharply
# there. So for the ring we use twelve couplings, and first layers whose units bend four times as
# sharply (`sharpness`).

# %%
lesson.predict(
    "After training, the gap on the ring will be",
    ["smaller than on the moons", "the same, within a factor of 2", "more than twice as large"],
)

# %%
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
    f"{ring_gap:.3f} nats (standard error {ring_error:.3f}), on the moons {gap:.3f}. The gap of a"
    f" Gaussian on the ring is {ring_of_gaussian:.2f}.",
    answer=choices[2] if ratio > 2 else choices[0] if ratio < 0.5 else choices[1],
)


# %%
def on_bridges(x):
    """The share of points farther than four standard deviations from every mode."""
    distance = np.sqrt(np.sum((x[:, None] - ring.modes) ** 2, axis=-1)).min(axis=1)
    return np.mean(distance > 4 * ring.std)


ring_drawn = on_ring.sample(lesson.rng("ring samples"), lesson.size(20_000, quick=500))
rows = [["data", on_bridges(ring_test)], ["RealNVP", on_bridges(ring_drawn)]]
lesson.table(rows, ["ring", "share of points on the bridges"])


# %%
def ridges(x):
    """log_prob, cut off below, so that the bridges show."""
    return np.maximum(on_ring.log_prob(x), -12)


# %%
fig, axes = plot.figure(1, 3, size=(3.2, 2.8))
ring_box = (-2.7, 2.7, -2.7, 2.7)
plot.density(ring, axes[0], bounds=ring_box, title="data density")
plot.heatmap(ridges, ring_box, axes[1], n=n, title="log p of RealNVP", label="nats")
plot.samples(
    ring_drawn[:3000], ring, axes[2], bounds=ring_box, title="samples over the data density"
)
lesson.figure(
    fig,
    "ring",
    "Middle panel, cut off at -12 nats: follow the ridges from mode to mode. The flow cannot remove"
    " these bridges; it can only make them thin.",
)

# %%
seen = "seed 0: 0.100, plus a half"
lesson.claim("ring: NLL above the entropy", ring_gap, at_most=0.15, source=seen, unit="nats")

# %% [markdown]
# ## 7. Wrong turns
#
# We train on the moons again, with fewer steps, and with one piece wrong at a time:
#
# - *no log-det*: minimize $-\log \pi(z)$ alone;
# - *one mask*: all couplings keep the first coordinate;
# - *net sees all*: the mask on the network's input is forgotten, so that the network also receives
#   the half that it changes.

# %%
lesson.predict(
    "Which of them will report the lowest loss?",
    ["nothing wrong", "no log-det", "one mask", "net sees all"],
)


# %%
from minigen.tensor import tanh


class SeesAll(AffineCoupling):
    """The third mistake: s and t are computed from the whole vector."""

    def scale_and_shift(self, a, context=None):
        out = self.net(a)
        return self.limit * tanh(out[:, :2] / self.limit), out[:, 2:]


# %%
def flow_with(mistake):
    """A RealNVP before training, the same for all except for the layers of the mistake."""
    flow = RealNVP(lesson.rng("turns"), dim=2).standardize(test[:5000])
    *couplings, scale = flow.bijection.bijections
    if mistake == "one mask":
        couplings = [AffineCoupling(f.net, mask) for f in couplings]
    if mistake == "net sees all":
        couplings = [SeesAll(f.net, f.mask) for f in couplings]
    flow.bijection.bijections = [*couplings, scale]
    return flow


# %% [markdown]
# The first mistake is in the loss. The training is the same for all.


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
# For each we measure four numbers: the loss that it reports; the integral of $\exp(\log p)$, its
# mass; the difference between $x$ and `forward` of `inverse` of $x$; and the gap of $\log p$.

# %%
rows = {}
for name, (wrong, reported) in trained.items():
    gap_of_wrong = nll_gap(moons, wrong.log_prob, test).gap
    rows[name] = [reported, mass(wrong), np.median(round_trip(wrong, test)), gap_of_wrong]
lesson.table(
    [[name, *row] for name, row in rows.items()],
    ["trained with", "reported loss", "mass within ±4", "inverse error", "gap"],
    f"two moons; no density has an expected loss below the entropy, {moons.entropy():.3f}",
)
lowest = min(rows, key=lambda name: rows[name][0])
lesson.outcome(f"{lowest}: it reports {rows[lowest][0]:.3f} nats.", answer=lowest)

# %%
fig, axes = plot.figure(1, 4, size=(2.6, 2.0))
for (name, (wrong, _)), ax in zip(trained.items(), axes, strict=True):
    plot.samples(wrong.sample(lesson.rng("turn samples"), 2000), moons, ax, bounds=box, title=name)
lesson.figure(
    fig,
    "wrong_turns",
    "No log-det: the inverse maps all data close to 0, so noise is mapped far outside. One mask:"
    " from left to right the samples keep a Gaussian distribution.",
)

# %% [markdown]
# For *one mask* there is a limit that no network can pass. All couplings keep $x_1$, so $x_1$ is
# Gaussian, and given $x_1$ each coupling only scales and shifts the second coordinate, so $x_2$ is
# Gaussian, too. The best such model has the mean and the variance of the data at each $x_1$. We
# compute its NLL by summing over a grid:

# %%
x1, x2 = np.linspace(-3, 4, 701), np.linspace(-2.5, 3, 551)
cell = (x1[1] - x1[0]) * (x2[1] - x2[0])
p = np.exp(moons.log_prob(np.stack(np.meshgrid(x1, x2), -1).reshape(-1, 2))).reshape(551, 701)
weight = p.sum(axis=0) * cell  # (701,): the probability of each x1
mean = (p * x2[:, None]).sum(axis=0) / p.sum(axis=0)
variance = (p * (x2[:, None] - mean) ** 2).sum(axis=0) / p.sum(axis=0)
variance_1 = weight @ (x1 - weight @ x1) ** 2

# %%
nll = 0.5 * (np.log(2 * np.pi * np.e * variance_1) + weight @ np.log(2 * np.pi * np.e * variance))
least = nll - moons.entropy()
print(f"  one mask: the gap is at least {least:.4f} nats, and it is {rows['one mask'][3]:.4f}")
lesson.check("all x1 together have probability", weight.sum(), equals=1.0, atol=1e-3)

# %%
seen = "seeds 0 and 2031: worst 7.3; margin: a factor 2"
lesson.claim("no log-det: gap", rows["no log-det"][3], at_least=3, source=seen, unit="nats")
above, seen = rows["one mask"][3] - least, "below: theory; above: seeds 0 and 2031, worst 0.027"
lesson.claim("one mask: gap above its limit", above, between=(-0.01, 0.1), source=seen, unit="nats")
below, seen = (
    moons.entropy() - rows["net sees all"][0],
    "seeds 0 and 2031: worst 9.3; below 0 for a density",
)
lesson.claim(
    "net sees all: reported loss below the entropy by", below, at_least=1, source=seen, unit="nats"
)
seen = "seeds 0 and 2031: at least 89,000; 1 for a density"
lesson.claim("net sees all: total mass", rows["net sees all"][1], at_least=2, source=seen)

# %% [markdown]
# - *No log-det*: every $z$ becomes probable if all data are mapped to 0. Only the log-determinant
#   makes shrinking costly. The formula still holds and the mass is 1, but most of it lies outside
#   of ±4. The lowest loss that it can report is $\log 2\pi = 1.84$, which is not a likelihood.
# - *One mask*: $x_1$ is only standardized, and no training changes that.
# - *Net sees all*: the Jacobian is no longer triangular, $\sum s$ is not its log-determinant, and
#   `forward` is not the inverse of `inverse`. Its mass is not 1.
#
# Every loss here is measured on fresh draws. So remember: **on fresh data, a mean loss below the
# entropy by more than its sampling error is not luck; it is a bug.** (On a finite training set the
# training loss may fall below the entropy by overfitting.)
#
# ## 8. Batch normalization in a very deep stack
#
# The post reports from the paper that “Batch normalization is found to help training models with a
# very deep stack of coupling layers.” As a layer of a flow, *batch norm* standardizes each
# coordinate with the mean and the variance of the batch in training, and with running averages
# afterwards. Its log-determinant is counted.
#
# Our flows start as the identity, because the last layer of each network starts at zero. A stack
# that starts like this is standardized from its first step on. So here the last layers start at
# random weights, of standard deviation $2 / \sqrt{32}$ for 32 inputs, and the couplings of a deep
# stack multiply each other's scales. We train 8 and 32 couplings for 200 steps, with and without
# batch norm after each coupling.

# %%
lesson.predict(
    "For which number of couplings does batch norm lower the gap after 200 steps?",
    ["for 8 and for 32", "for 32 only", "for 8 only", "for neither"],
)

# %%
from minigen.flow.coupling import BatchNorm


def deep_stack(couplings, batch_norm):
    """A RealNVP whose networks end in random weights."""
    flow = RealNVP(lesson.rng("deep"), 2, couplings, width=32).standardize(test[:5000])
    *layers, scale = flow.bijection.bijections
    rng = lesson.rng("random last layers")
    for f in layers:
        f.net.layers[-1].w += 2 * rng.standard_normal((32, 4), dtype=np.float32) / np.sqrt(32)
    if batch_norm:
        layers = [part for f in layers for part in (f, BatchNorm(2))]
    flow.bijection.bijections = [*layers, scale]
    return flow


# %%
def deep_gap(couplings, batch_norm):
    flow = deep_stack(couplings, batch_norm)
    steps = lesson.steps(200, quick=2)
    lr, rng = cosine(4e-3, steps, warmup=min(20, steps)), lesson.rng("deep data")
    step = descend(likelihood, flow, draw_moons, lr=lr, rng=rng, clip=5.0)
    name = f"{couplings} couplings, batch norm" if batch_norm else f"{couplings} couplings"
    lesson.fit(step, steps, state=step.state, label=name)
    return nll_gap(moons, flow.eval().log_prob, test[:20_000]).gap


deep = {k: [deep_gap(k, False), deep_gap(k, True)] for k in (8, 32)}

# %%
rows = [[k, *gaps] for k, gaps in deep.items()]
lesson.table(rows, ["couplings", "gap without batch norm", "with"], "two moons, nats")
gains = {k: without - with_norm for k, (without, with_norm) in deep.items()}
helped = (gains[8] > 0.01, gains[32] > 0.01)
answers = {(True, True): "for 8 and for 32", (False, True): "for 32 only"}
lesson.outcome(
    f"With 8 couplings batch norm changes the gap by {-gains[8]:+.3f} nats, with 32 by"
    f" {-gains[32]:+.3f}.",
    answer=answers.get(helped, "for 8 only" if helped[0] else "for neither"),
)

# %%
seen = "three runs of half the batch: worst 0.14; margin: a factor 1.8"
lesson.claim("32 couplings, batch norm: gap", deep[32][1], at_most=0.25, source=seen, unit="nats")
name, seen = "32 couplings: gain by batch norm", "three runs of half the batch: 0.38, 0.59, 13"
lesson.claim(name, gains[32], between=(0.05, 100), source=seen, unit="nats")

# %%
lesson.change(
    "a start as the identity",
    "Let the last layers start at zero again: change `2 * rng.standard_normal((32, 4)` to `0 * "
    "rng.standard_normal((32, 4)` and run again in full. Does batch norm lower the gap now?",
    answer="No. A stack that starts as the identity has standardized inputs at each coupling, so "
    "there is nothing to restore, and the statistics of a batch add noise. The gap with batch norm "
    "is then larger than the gap without.",
)

# %% [markdown]
# ## 9. Bits per pixel are an upper bound
#
# The pixels of an image are integers, and a flow is a density of real numbers. Fitted to the
# integers themselves it could have a narrow peak at each of them, and any log-likelihood. So
# uniform noise $u \in [0, 1)$ is added to each pixel $x$, and the flow is fitted to $v = x + u$.
# This is *dequantization*. The negative log-likelihood of $v$, in bits and divided by the number
# $D$ of pixels, is reported as **bits per pixel** (or bits per dimension). A uniform density on
# $[0, 256]^D$ has 8.
#
# What does this number mean for the integers? The flow gives them the probabilities
#
# $$P(x) = \int_{[0,1)^D} p(x + u)\, du ,$$
#
# and an ideal code for $P$ has a length of $-\log_2 P(x)$ bits. Take a single pixel and one of its
# values $x$, with the density $p(x + u) = \frac34$ for $u < \frac12$, and $\frac14$ for $u \ge
# \frac12$. Then $P(x) = \frac12$, and the code spends 1 bit on this value.

# %%
lesson.predict(
    "What is the mean of -log2 p(x + u) over the uniform noise?",
    ["1.05 bits", "1.21 bits", "1.50 bits"],
)

# %%
lesson.exercise("flow/05/dequantization_bits")

# %%
from minigen.metrics import dequantization_bits, kl_divergence

bound, code = dequantization_bits(np.log([[3 / 4, 1 / 4]]))
lesson.table([[code[0], bound[0]]], ["length of the code, bits", "mean of -log2 p(x + u)"])
lesson.check("length of the code", code, equals=[1.0])
lesson.check("mean of -log2 p: that of 0.415 and 2", bound, equals=[-np.log2(3 / 16) / 2])

# %%
lesson.outcome(
    f"{bound[0]:.4f} bits. The logarithm is concave, so the mean of -log2 p is larger than -log2 of"
    " the mean.",
    answer="1.21 bits",
)
lesson.show_source(dequantization_bits)

# %% [markdown]
# This holds for every density (Theis et al. 2016): by *Jensen's inequality*
#
# $$-\log_2 P(x) \;\le\; \mathbb E_{u} \big[-\log_2 p(x + u)\big] .$$
#
# So the bits per pixel that a flow reports are an **upper bound** on the length of a code for the
# integers. And no code is shorter on average than the entropy of the integers.

# %% [markdown]
# <details><summary>Derivation: the bound, for noise of any density, and its gap</summary>
#
# Let $q(u|x)$ be any positive density of the noise on $[0, 1)^D$. Then
#
# $$P(x) = \int p(x + u)\, du = \mathbb E_{u \sim q} \Big[\frac{p(x + u)}{q(u|x)}\Big], \qquad
# -\log P(x) \le \mathbb E_{u \sim q} \big[\log q(u|x) - \log p(x + u)\big] ,$$
#
# by Jensen's inequality for the concave logarithm. Write $p(u|x) = p(x + u) / P(x)$, which is a
# density of $u$. The difference of the two sides is
#
# $$\mathbb E_q \big[\log q(u|x) - \log p(x + u)\big] + \log P(x) = \mathbb E_q \big[\log q(u|x) -
# \log p(u|x)\big] = D_{\mathrm{KL}}\big(q(u|x) \,\|\, p(u|x)\big) .$$
#
# It is zero only for $q(u|x) = p(u|x)$. With uniform noise that means: $p$ is constant on the cell
# of $x$. The mean over images from a distribution $P^*$ of the left side is $-\sum_x P^*(x) \log
# P(x)$, a cross-entropy, and never below the entropy of $P^*$.
#
# </details>

# %%
gap_in_bits = kl_divergence([1 / 2, 1 / 2], [3 / 4, 1 / 4]) / np.log(2)
lesson.check("bound minus code, from the divergence", bound - code, equals=[gap_in_bits])

# %% [markdown]
# Is there a flow that meets the bound? Let a pixel have four values, with the probabilities
# $\frac12, \frac14, \frac18, \frac18$. Their entropy is $\frac12 \cdot 1 + \frac14 \cdot 2 +
# \frac14 \cdot 3 = \frac74$ bits. The flow is a piecewise linear map from $[0, 4]$ to noise that is
# uniform on $[0, 1]$: its slope at $x + u$ is $P(x)$. The other density of the figure, $2u\,P(x)$,
# gives the four values the same probabilities.

# %%
levels = np.array([1 / 2, 1 / 4, 1 / 8, 1 / 8])
edges = np.array([0, 1 / 2, 3 / 4, 7 / 8, 1])


def to_noise(v):
    return numpy.interp(v, np.arange(5), edges)


u = (np.arange(10_000) + 0.5) / 10_000
v = np.arange(4)[:, None] + u  # (4, 10,000)
log_flat = np.log((to_noise(v + 1e-5) - to_noise(v - 1e-5)) / 2e-5)  # log of the slope
log_sloped = np.log(2 * u * levels[:, None])

# %%
shown = {"piecewise linear flow": np.exp(log_flat).ravel(), "2u P(x)": np.exp(log_sloped).ravel()}
ax = plot.line(v.ravel()[::20], {name: p[::20] for name, p in shown.items()}, xlabel="v = x + u")
ax.set(ylabel="density", title="two densities, the same P(x)")
lesson.figure(ax, "dequantized", "On each cell of length 1 both curves have the same integral.")

# %%
flat_bound, flat_code = dequantization_bits(log_flat)
sloped_bound, sloped_code = dequantization_bits(log_sloped)
rows = [
    ["entropy of the values", 7 / 4, None],
    ["piecewise linear flow", levels @ flat_code, levels @ flat_bound],
    ["2u P(x)", levels @ sloped_code, levels @ sloped_bound],
]
lesson.table(rows, ["bits per pixel", "code", "bound"])

# %%
met = [levels @ flat_code, levels @ flat_bound]
lesson.check("piecewise linear flow: code and bound", met, equals=[7 / 4, 7 / 4])
lesson.check("2u P(x): code", levels @ sloped_code, equals=7 / 4, atol=1e-4)
more = levels @ (sloped_bound - sloped_code)
lesson.check(
    "2u P(x): bound minus code, (1 - log 2) nats", more, equals=1 / np.log(2) - 1, atol=1e-4
)

# %% [markdown]
# The flow meets the bound, and the bound is the entropy. But a RealNVP is smooth, so it cannot be
# constant on each cell and jump between them. Another way to close the gap is *variational
# dequantization* (Ho et al. 2019): the noise gets a density $q(u|x)$ of its own, which is trained
# together with the flow to make the bound small.
#
# We try both on images of two pixels. The first pixel has the four probabilities above. The second
# equals the first with probability $\frac12$, and is larger by 1 or 2 (modulo 4) with probability
# $\frac14$ each. The entropy is $\frac74 + \frac32 = 3.25$ bits, 1.625 for each pixel, and the 16
# probabilities $P(x)$ of the flow can be computed by summing over a fine grid.

# %%
lesson.predict(
    "After training, for which noise is the bound lower?",
    ["for uniform noise", "for learned noise", "the same, within 0.005 bits"],
)

# %%
from minigen.nn import Module
from minigen.tensor import sigmoid, softplus

images = np.array([[a, (a + more) % 4] for a in range(4) for more in range(3)])  # (12, 2)
chances = np.repeat(levels, 3) * np.tile([1 / 2, 1 / 4, 1 / 4], 4)  # (12,)
entropy = -(chances @ np.log2(chances)) / 2
lesson.check("entropy, bits per pixel", entropy, equals=1.625)


# %%
class TwoPixels(Module):
    """A flow, and noise u = sigmoid(mean + std eps) with its own mean and std for each image."""

    def __init__(self, rng):
        self.flow = RealNVP(rng, 2, couplings=6, width=32, sharpness=2.0)
        self.mean = np.zeros((4, 4, 2), np.float32)
        self.log_std = np.full((4, 4, 2), 0.55, np.float32)  # close to uniform noise

    def noise(self, x, eps):
        """u (N, 2) and log q(u | x) (N,)."""
        log_std = self.log_std[x[:, 0], x[:, 1]]
        a = self.mean[x[:, 0], x[:, 1]] + np.exp(log_std) * eps  # (N, 2)
        log_eps = -0.5 * eps**2 - np.float32(0.5 * np.log(2 * np.pi))
        return sigmoid(a), np.sum(log_eps - log_std + softplus(a) + softplus(-a), axis=1)


# %%
def uniform_loss(model, x, u, eps):
    return -np.mean(model.flow.log_prob(x.astype(np.float32) + u))


def learned_loss(model, x, u, eps):
    u, log_q = model.noise(x, eps)
    return -np.mean(model.flow.log_prob(x.astype(np.float32) + u) - log_q)


def draw_images(rng):
    x = images[rng.choice(12, 256, p=chances)]
    u, eps = rng.random((256, 2), np.float32), rng.standard_normal((256, 2), np.float32)
    return x, u, eps


# %%
def train_two_pixels(name, loss):
    model = TwoPixels(lesson.rng("two pixels"))
    x, u, _ = draw_images(lesson.rng("two pixels start"))
    model.flow.standardize(x.astype(np.float32) + u)
    steps = lesson.steps(1000, quick=2)
    lr = cosine(6e-3, steps, warmup=min(50, steps))
    step = descend(loss, model, draw_images, lr=lr, rng=lesson.rng("two pixels data"), clip=5.0)
    lesson.fit(step, steps, state=step.state, label=f"two pixels, {name} noise")
    return model


with_uniform = train_two_pixels("uniform", uniform_loss)
with_learned = train_two_pixels("learned", learned_loss)

# %% [markdown]
# On a grid of $30 \times 30$ values of $u$ for each image, uniform noise is exact up to the size of
# the grid's cells. The learned noise is drawn, 2,000 times for each image.

# %%
side = (np.arange(30) + 0.5) / 30
grid = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2).astype(np.float32)  # (900, 2)
eps = lesson.rng("two pixels test").standard_normal((2000, 2), np.float32)


def on_grid(model):
    """Bound for uniform noise, and code, in bits per pixel."""
    v = (images[:, None] + grid).astype(np.float32)  # (12, 900, 2)
    log_p = model.flow.log_prob(v.reshape(-1, 2)).reshape(12, 900)
    bound, code = dequantization_bits(log_p, dims=2)
    return chances @ bound, chances @ code


# %%
def bound_for_learned_noise(model):
    bounds = []
    for image in images:
        x = np.tile(image, (2000, 1))
        u, log_q = model.noise(x, eps)
        log_p = model.flow.log_prob(x.astype(np.float32) + u)
        bounds.append(dequantization_bits(log_p[None], log_q[None], dims=2)[0][0])
    return chances @ np.array(bounds)


uniform_bound, uniform_code = on_grid(with_uniform)
_, learned_code = on_grid(with_learned)
learned_bound = bound_for_learned_noise(with_learned)

# %%
rows = [
    ["uniform", entropy, uniform_code, uniform_bound],
    ["learned", entropy, learned_code, learned_bound],
]
lesson.table(rows, ["trained with noise", "entropy", "code", "bound"], "two pixels, bits per pixel")
lower, choices = uniform_bound - learned_bound, lesson.predictions[-1].choices
lesson.outcome(
    f"{learned_bound:.3f} bits for learned noise, {uniform_bound:.3f} for uniform noise.",
    answer=choices[2] if abs(lower) < 0.005 else choices[1] if lower > 0 else choices[0],
)

# %%
lesson.check("uniform noise: bound minus code", uniform_bound - uniform_code, at_least=0)
lesson.check("uniform noise: code minus entropy", uniform_code - entropy, at_least=-1e-4)
source = "three runs of this training: worst 1.718, plus a quarter of its excess"
lesson.claim("two pixels, uniform noise: bound", uniform_bound, at_most=1.74, source=source)
source = "three runs of this training: worst 1.697; uniform noise: best 1.712"
lesson.claim("two pixels, learned noise: bound", learned_bound, at_most=1.705, source=source)


# %%
def density_of_two_pixels(model):
    def density(v):
        return np.exp(model.flow.log_prob(v.astype(np.float32)))

    return density


fig, axes = plot.figure(1, 2, size=(3.2, 3.0))
for name, model, ax in zip(["uniform", "learned"], [with_uniform, with_learned], axes):
    p = density_of_two_pixels(model)
    n_cells = lesson.size(160, quick=40)
    plot.density(p, ax, bounds=(0, 4, 0, 4), n=n_cells, title=f"{name} noise")
lesson.figure(
    fig,
    "two_pixels",
    "The densities of x + u. A density that is flat on each of the 16 unit cells would meet the"
    " bound with uniform noise. With learned noise each cell may have a peak of its own.",
)

# %% [markdown]
# So two numbers of bits per pixel compare two bounds. The model with the lower bound need not have
# the shorter code. From here on the noise is uniform, as in the papers on which the post is based.
#
# ## 10. Images: checkerboards, squeezing, splitting
#
# Which half of an image is kept? RealNVP has a *multi-scale architecture*. At the full size it
# keeps every other pixel, in the pattern of a *checkerboard*. Then it *squeezes*: each block of 2×2
# pixels becomes one pixel of 4 channels, and couplings keep one half of the channels
# (*channel-wise masking*). Then it *splits*: half of the channels are finished noise, and only the
# other half is processed further, at the smaller size. The sizes are 28, 14 and 7.

# %%
from minigen.flow.bijection import Squeeze
from minigen.flow.coupling import checkerboard_mask

print("kept by a checkerboard:", *checkerboard_mask(4, 4)[..., 0].astype(int))
squeezed, _ = Squeeze().inverse(np.arange(16.0).reshape(1, 4, 4, 1))
lesson.check("the first 2×2 block of 0 ... 15, as channels", squeezed[0, 0, 0], equals=[0, 1, 4, 5])

# %% [markdown]
# After dequantization a pixel is $v \in [0, 256]$. A *logit* maps this interval to the line,
#
# $$y = \operatorname{logit}\big(\alpha + (1 - 2\alpha)\, v / 256\big),$$
#
# where a small $\alpha$ keeps $y$ finite at the ends. Its log-determinant is counted, so bits per
# pixel are measured in $v$ for every $\alpha$.
#
# The baseline is a single Gaussian with all $784^2$ covariances. We fit it to $y$ twice, to the
# same digits, with $\alpha = 0.05$ and with $10^{-6}$.

# %%
lesson.predict(
    "From α = 0.05 to 10⁻⁶, the Gaussian's bits per pixel",
    [
        "stay the same, because the log-det is counted",
        "fall by more than 1 bit",
        "rise by more than 1 bit",
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
# The preprocessing is part of the model. Both numbers are likelihoods of the same $v$, so they can
# be compared. Why do they differ? Four pixels of five are blank, with $v$ between 0 and 1. Here is
# the logit $y$ of blank pixels, and of all other pixels:

# %%
rows = []
blank = some_train[:1000, :, :, None] == 0
for alpha in (0.05, 1e-6):
    y, _ = mnist.dequantize_logit(some_train[:1000], lesson.rng("logits"), alpha)
    rows.append([alpha, y[blank].mean(), y[blank].std(), y[~blank].mean(), y[~blank].std()])
header = ["alpha", "blank: mean", "standard deviation", "other: mean", "standard deviation"]
lesson.table(rows, header, f"logits; {100 * blank.mean():.0f} % of the pixels are blank")

# %% [markdown]
# At $\alpha = 0.05$ all blank pixels lie in an interval of length 0.07, far from the others. A
# Gaussian that is broad enough for both kinds has a low density on this interval. At $10^{-6}$ the
# blank pixels have a standard deviation of about 1, a third of that of the others. So from here on
# $\alpha = 10^{-6}$, and the Gaussian to compare with is the better one.
#
# The flow has four couplings with checkerboards, six by channel at 14×14, and six at 7×7. Each
# network has three convolutions, and a bias for each position, because the border and the center of
# a digit have little in common. Before each coupling there is a learned scale and shift.

# %%
from minigen.flow.multiscale import ImageRealNVP, SmallConvNet

image_cfg = lesson.configure(image_width=40, image_batch=50, image_steps=1900, image_lr=6e-3)
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
# The uniform noise is drawn anew for each batch. Beside the weights we keep their exponential
# moving average (EMA): the last steps still vary with the batches, and the average varies less.

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
    """The loss of the logits y in nats, and the bits per pixel of the digits."""
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
lesson.table(rows, ["MNIST test digits", "bits per pixel (bound)", "standard error"])

# %%
seen = "seed 0 with half of this learning rate: 1.295"
lesson.claim("MNIST: bits per pixel", bits.mean(), at_most=1.30, source=seen, unit="bits")
below, seen = (
    gauss_bits - bits.mean(),
    "seed 0 with half of this learning rate: 0.717, minus 10 %",
)
lesson.claim(
    "MNIST: bits per pixel below the Gaussian's", below, at_least=0.65, source=seen, unit="bits"
)
there_and_back = np.quantile(round_trip(image_flow, y_test[:50]), 0.99)
lesson.check("|forward(inverse(y)) - y|, 99 % of pixels", there_and_back, at_most=1e-2)

# %% [markdown]
# How much of this number is the gap of the bound? For two pixels we summed over a grid. In 784
# dimensions $P(x)$ can only be estimated from draws of the noise, and the estimate is itself an
# upper bound on average. It falls with the number of draws.

# %%
draws, few = lesson.size(32, quick=8), some_test[: lesson.size(100, quick=4)]
rng, log_p = lesson.rng("draws of the noise"), []
for _ in range(draws):
    y, log_det = mnist.dequantize_logit(few, rng)
    log_p.append(batched(image_flow.log_prob, y, size=50) + log_det)
log_p = np.stack(log_p, axis=1)  # (100, 32)

# %%
rows = []
for k in (1, 4, draws):
    bound, code = dequantization_bits(log_p[:, :k], dims=784)
    rows.append([k, bound.mean(), code.mean()])
lesson.table(rows, ["draws of the noise", "bound", "estimate of the code"], f"{len(few)} digits")
lesson.check("bound minus estimate of the code", bound - code, at_least=0)

# %% [markdown]
# The noise of a digit comes in two parts. Half of it, the odd rows of $z$, was split off at 14×14
# and belongs to the finer details. The other half was processed further, to 7×7.

# %%
lesson.predict(
    "The finer half of a digit's noise is drawn anew. How many of its pixels change between ink and"
    " paper?",
    ["below 2 %", "2 to 8 %", "more than 8 %"],
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
    "Rows 2 and 3: the same digits with half of their noise drawn anew. Below: samples at two"
    " temperatures T, by which the noise is multiplied before it is mapped to an image.",
)

# %% [markdown]
# ## 11. Where the post is loose
#
# - “In each bijection $f: \mathbf{x} \mapsto \mathbf{y}$”: $\mathbf x$ was the data and $\mathbf
#   z$ the noise before. Here it is not said whether $\mathbf x$ or $\mathbf y$ is on the side of
#   the data. Both directions of a coupling cost one pass, so RealNVP works either way; for MAF and
#   IAF (`flow/11`, `flow/12`) the direction decides which of them is fast.
# - “the set of units which remain identical in one transformation layer are always modified in the
#   next”: this holds if at most half of the units are kept. With $D = 3$ and $d = 2$, in reversed
#   order, the middle unit is kept by every layer.
# - “The multi-scale architecture applies several "sampling" operations to normal affine layers,
#   including spatial checkerboard pattern masking, squeezing operation, and channel-wise masking.”
#   None of the three draws a sample or reduces the number of values. The operation that saves work
#   is the fourth one of the paper, which is missing: half of the channels are split off at each
#   scale.
#
# **What this lesson adds.** Nothing in Eq. flow.10 bounds $s$, and $e^s$ overflows easily: we pass
# $s$ through a tanh, as the paper does, and scale it such that $|s| \le 2$. The post does not
# report likelihoods. Those of the paper are for color images, with $\alpha + (1 - \alpha)\, v/256$
# and $\alpha = 0.05$; the $1 - 2\alpha$ and the $10^{-6}$ of this lesson are those of MAF
# (`flow/11`). The bound of section 9 is not in the post.
#
# **Left out:** batch norm in the flow on images, which the paper has where we have scales and
# shifts; residual networks (`ConvNet`); color; hours of training. **Next:** *NICE* (`flow/06`)
# leaves out the scale $s$. What can a map do that never changes a volume? And Glow (`flow/07`)
# mixes the channels between the couplings.
#
# **Your turn:** `minigen exercise start flow/05`, then `minigen run flow/05 --with
# exercises/flow_05.py`.

# %%
lesson.finish()
