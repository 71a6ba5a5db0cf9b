# %% [markdown]
# # RealNVP: affine coupling layers
#
# How probable is an image? A GAN draws images and cannot answer. A map that turns noise into images
# could, if it were invertible, by the change of variables (`flow/03`). So why not take a deep
# network? In general it has no inverse, and the determinant of its $D \times D$ Jacobian costs
# about $D^3/3$ multiplications, 160 million for one small digit (`flow/02`). Can a map be as
# flexible as a network, and as easy to undo as a multiplication?
#
# RealNVP moves one half of the numbers at a time (sections 1 to 3). We train it on two moons (4),
# watch it bend the plane (5), give it a shape with gaps (6), break it in three ways (7), and let it
# draw digits (8). This lesson follows the section *RealNVP*, and the head of *Models with
# Normalizing Flows*, of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/). Before this lesson:
# `flow/03`.

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
    sources=["weng2018flow", "dinh2017realnvp"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist, toy
from minigen.metrics import nll_gap
from minigen.metrics.samples import mean_and_covariance
from minigen.optim import Adam, clip_grad_norm, cosine, linear_decay
from minigen.tensor import batched, tanh, value_and_grad
from minigen.train import descend

# %%
from minigen.flow import Affine, BatchNorm, Chain, Flow, Squeeze, StandardNormal, jacobian_log_det
from minigen.flow import AffineCoupling, affine_forward, affine_inverse, affine_log_det
from minigen.flow import ImageRealNVP, RealNVP, SmallConvNet, coupling_net, half_mask

# %% [markdown]
# ## 1. Train on the likelihood itself
#
# What should a flow minimize? A model that can compute $\log p(x)$ needs no substitute for it. We
# make the data as probable as possible, by minimizing the mean *negative log-likelihood* (NLL) over
# the data set $\mathcal{D}$ (Eq. flow.09),
#
# $$\mathcal{L}(\mathcal{D}) = -\frac{1}{|\mathcal{D}|} \sum_{x \in \mathcal{D}} \log p(x) .$$
#
# In words, we average minus the log-density that the model assigns to each data point. There is no
# second network to train against, as in a GAN, and no bound in place of the likelihood, as in a
# VAE. The flows of the next lessons are trained like this as well, and differ in their maps.
#
# Here are two densities for our first flows, and the noise from which every flow starts.

# %%
moons, ring = toy.two_moons(0.1), toy.ring()
draws = lesson.rng("first look").standard_normal((lesson.size(100_000), 2))
fig, axes = plot.figure(1, 3, size=(2.8, 2.6))
plot.density(moons, axes[0], title="two moons")
plot.density(ring, axes[1], title="ring")
plot.density(draws, axes[2], bounds=(-3.5, 3.5, -3.5, 3.5), title="noise z")
lesson.figure(
    fig,
    "densities",
    "The density of two moons, of a ring of eight narrow Gaussians, and of the noise; darker is"
    " more probable. Look at the gaps: the noise has none.",
)

# %% [markdown]
# We chose densities with a formula, because then we know how low the NLL can get. The lowest
# expected NLL is that of the data density itself, which is called the *entropy* of the data.
#
# The loss is the easy part. The difficult part is the map from the noise $z$ to the data $x$. It
# must be flexible, and it must meet two conditions, which the post states as “It is easily
# invertible.” and “Its Jacobian determinant is easy to compute.” A rotation meets both and bends
# nothing. A deep network bends everything and meets neither.
#
# ## 2. Keep one half, move the other
#
# How can a network be a part of a map and never be inverted? The trick is to leave its input alone.
# An *affine coupling layer* **keeps one half of the vector unchanged**. From this half a network
# computes how the other half is scaled and shifted. Afterwards the kept half is still there, so we
# can compute the same scale and shift again, and undo them.
#
# Let's do it on two numbers. The kept number $u$ determines the scale $e^s = |u|$ and the shift $t
# = u^2$, so the point $z = (2, 3)$ is mapped to $x = (2,\ 3 \cdot 2 + 4) = (2, 10)$. To return, we
# read off the 2, compute the scale 2 and the shift 4 from it once more, and find $(10 - 4)/2 = 3$.
#
# So much for the inverse. The determinant looks harder, because the second number of $x$ depends on
# $z_1$ as well, and strongly: $\partial x_2 / \partial z_1 = z_2 + 2u = 7$ at this point.

# %%
lesson.predict(
    "What is the determinant of the Jacobian at z = (2, 3)?",
    ["2", "7", "9", "14"],
)

# %%
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

# %%
columns = []  # of the Jacobian: how x changes when one coordinate of z changes a little
for h in 1e-6 * np.eye(2):
    moved, _ = affine_forward(z + h, *choose(z + h), mask)
    columns.append((moved - x)[0] / 1e-6)
J = np.stack(columns, axis=1)
lesson.check("Jacobian by small steps, row by row", J, equals=[[1, 0], [7, 2]], atol=1e-4)
lesson.check("exp of the two log-dets", np.exp([log_det[0], log_det_back[0]]), equals=[2, 0.5])

# %%
lesson.outcome(
    f"The Jacobian by small steps has the rows ({J[0, 0]:.0f}, {J[0, 1]:.0f}) and"
    f" ({J[1, 0]:.0f}, {J[1, 1]:.0f}). It is triangular, so its determinant is the product of its"
    " diagonal, and the entry below the diagonal does not count.",
    answer="2",
)

# %% [markdown]
# Nothing here depends on having two numbers. For $D$ coordinates, of which the first $d$ are kept,
# the coupling is (Eq. flow.10)
#
# $$\begin{aligned} x_{1:d} &= z_{1:d} \\ x_{d+1:D} &= z_{d+1:D} \odot \exp(s(z_{1:d})) +
# t(z_{1:d}) , \end{aligned}$$
#
# where $s$ and $t$ map $\mathbb R^d$ to $\mathbb R^{D-d}$, and $\odot$ multiplies number by number.
# In words, the second part is multiplied by $e^s$, then $t$ is added.
#
# **Condition 1**, “It is easily invertible.” It is, by a formula (Eq. flow.11):
#
# $$\begin{cases} x_{1:d} = z_{1:d} \\ x_{d+1:D} = z_{d+1:D} \odot \exp(s(z_{1:d})) + t(z_{1:d})
# \end{cases} \Leftrightarrow
# \begin{cases} z_{1:d} = x_{1:d} \\ z_{d+1:D} = (x_{d+1:D} - t(x_{1:d})) \odot \exp(-s(x_{1:d})).
# \end{cases}$$
#
# In words, subtract the shift first, then divide by the scale.
#
# **Condition 2**, “Its Jacobian determinant is easy to compute.” The Jacobian is lower triangular
# (Eq. flow.12), so its determinant is the product of the diagonal (Eq. flow.13):
#
# $$J = \begin{pmatrix} I_d & 0_{d \times (D-d)} \\ \frac{\partial x_{d+1:D}}{\partial z_{1:d}} &
# \operatorname{diag}(\exp(s(z_{1:d}))) \end{pmatrix}, \qquad
# \det J = \prod_{j=1}^{D-d} \exp(s(z_{1:d}))_j = \exp\Big(\sum_{j=1}^{D-d} s(z_{1:d})_j\Big) .$$
#
# In other words, the log-determinant is the sum of the outputs $s$. The derivatives of the networks
# are in the lower left block, where they do not count, like our 7.
#
# Three functions follow. Begin with the last one, `affine_log_det`, because the other two return
# this sum as well.

# %%
lesson.exercise("flow/05/affine_forward")
lesson.exercise("flow/05/affine_inverse")
lesson.exercise("flow/05/affine_log_det")

# %%
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
# The inverse never inverts $s$ or $t$, and the determinant never differentiates them. That is why
# both may be arbitrarily complex functions, such as deep neural networks. (In the class above, the
# raw scales pass through a tanh, so that $|s| \le 2$ and $e^s$ cannot overflow.)
#
# ## 3. Alternate the halves
#
# There is a catch, of course: one coupling leaves half of the vector as it was. The remedy is to
# stack couplings and to *alternate*, so that what one layer keeps, the next one changes. The layers
# are undone one after the other, and their log-determinants add up. Start from noise $z_0$ and
# apply $K$ couplings in turn, $z_i = f_i(z_{i-1})$, so that the last one gives the data, $z_K = x$.
# Then (Eq. flow.08)
#
# $$\log p(x) = \log \pi(z_0) - \sum_{i=1}^K \log\Big|\det \frac{\partial f_i}{\partial
# z_{i-1}}\Big| .$$
#
# In words, start from the log-density of the noise, and subtract how much each layer stretches
# space, because stretched noise is thinner. (In `flow/03` we added the log-determinant of the
# inverse, which is the same number with the other sign.) This is the whole model:


# %%
def real_nvp(rng, couplings=8, width=64):
    """A RealNVP in the plane: couplings that keep the first and the second coordinate in turn."""
    layers = []
    for k in range(couplings):
        net = coupling_net(rng, dim=2, width=width)  # the raw s and t of both coordinates
        layers.append(AffineCoupling(net, half_mask(2, first=k % 2 == 0)))
    layers.append(Affine(np.zeros(2), np.zeros(2)))  # to the mean and the scale of the data
    return Flow(StandardNormal(2), Chain(layers))


# %%
lesson.show_source(coupling_net)

# %% [markdown]
# The package's `RealNVP` makes the same layers. Is the sum of the log-determinants correct? A new
# flow is the identity, because the last layer of each network starts at zero, and at the identity
# even a wrong log-determinant is 0. So we add random numbers to all weights first, and compare with
# automatic differentiation.

# %%
rough, package = real_nvp(lesson.rng("rough")), RealNVP(lesson.rng("rough"), dim=2)
pairs = zip(rough.parameters().values(), package.parameters().values(), strict=True)
difference = max(np.abs(ours - its).max() for ours, its in pairs)
lesson.check("parameters of real_nvp minus those of RealNVP", difference, equals=0)
for a in rough.parameters().values():
    a += 0.05 * lesson.rng("noise").standard_normal(a.shape, dtype=np.float32)

# %%
z = lesson.rng("z").standard_normal((1000, 2), dtype=np.float32)
x, _ = rough.bijection.forward(z)
z_back, _ = rough.bijection.inverse(x)
double = rough.map(lambda a: a.astype(float))
_, log_det = double.bijection.forward(z[:5].astype(float))
gap = jacobian_log_det(double.bijection.forward, z[:5]) - log_det
lesson.check("|inverse(forward(z)) - z|, largest of 1,000", np.abs(z_back - z).max(), at_most=1e-5)
lesson.check("log-det minus that of the autodiff Jacobian", gap, equals=np.zeros(5), atol=1e-8)

# %% [markdown]
# The two agree to rounding error. We now have a network that can be inverted, and a determinant
# that costs one sum. Next, we train it.
#
# ## 4. Train it on two moons
#
# Is the likelihood alone enough to teach a flow two crescents? We measure the **gap**, the NLL
# minus the entropy. It is the *Kullback–Leibler divergence* $D_{\mathrm{KL}}(p \| \text{model})$,
# the mean of $\log p(x) - \log \text{model}(x)$ over the data, and it is zero only for the data
# density itself. At the start our flow is a Gaussian with the mean and the standard deviations of
# the data, and its gap is about 1 nat.

# %%
cfg = lesson.configure(couplings=8, width=64, batch=512, steps=5000, lr=4e-3, clip=5.0)
flow = RealNVP(lesson.rng("init"), dim=2, couplings=cfg.couplings, width=cfg.width)
flow.standardize(moons.sample(lesson.rng("start"), 5000))
test = moons.sample(lesson.rng("test"), lesson.size(50_000, quick=1_000))
gap_of_gaussian, _ = nll_gap(moons, flow.log_prob, test)

# %% [markdown]
# A training step computes the gradient of the loss on a fresh batch, limits its norm, and lets Adam
# move the weights. The limit (*clipping*) is there because a point in a narrow part of the data
# density can have a very large gradient. The learning rate rises for 100 steps, then falls to zero
# along half a cosine. (From section 7 on, `minigen.train.descend` makes such steps.)

# %%
gradient = value_and_grad(lambda flow, x: flow.loss(x))


def likelihood_step(flow, optimizer, x, lr):
    """One step of maximum likelihood on the batch x."""
    optimizer.lr = lr
    loss, grads = gradient(flow, x)
    clip_grad_norm(grads, cfg.clip)
    optimizer.step(grads)
    return loss


# %%
def train_flow(flow, density, steps, batch, lr, rng, label, on_step=None):
    """Train a flow on samples of a density."""
    optimizer, rate = Adam(flow, lr), cosine(lr, steps, warmup=min(100, steps))

    def step(i):
        return likelihood_step(flow, optimizer, density.sample(rng, batch), rate(i))

    state = {"flow": flow, "optimizer": optimizer, "rng": rng}
    return lesson.fit(step, steps, state=state, label=label, on_step=on_step)


# %%
steps = lesson.steps(cfg.steps, quick=4)


def measure_gap(i, _):
    """The gap, forty times during training, on a part of the test points."""
    if i % (1 + steps // 40) == 0:
        return {"gap": nll_gap(moons, flow.log_prob, test[:5000]).gap}


rng, label = lesson.rng("data"), "RealNVP on two moons"
history = train_flow(flow, moons, steps, cfg.batch, cfg.lr, rng, label, measure_gap)
lesson.sampler("two moons", flow.sample)

# %%
gap, error = nll_gap(moons, flow.log_prob, test)
lesson.table(
    [
        ["Gaussian (the untrained flow)", moons.entropy() + gap_of_gaussian, gap_of_gaussian],
        ["RealNVP", moons.entropy() + gap, gap],
        ["data density (entropy)", moons.entropy(), 0.0],
    ],
    ["two moons, nats", "NLL", "gap"],
)

# %%
lesson.claim(
    "two moons: NLL above the entropy",
    gap,
    at_most=0.03,
    source="seeds 0, 1 and 7307: 0.0079 to 0.0150, doubled; one Gaussian: 0.90",
    unit="nats",
)

# %% [markdown]
# The gap falls from one nat to about a hundredth of a nat. Since $e^{-0.01} = 0.99$, the flow's
# density at a data point is 99 % of the right one, in the geometric mean. A density must also
# integrate to 1, and the two directions must still undo each other. Both can be checked.


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


def model_density(x):
    """exp(log_prob), cut off above so that no narrow peak takes all the colors."""
    return np.exp(np.minimum(flow.log_prob(x), -0.45))


box, n = (-1.7, 2.7, -1.25, 1.75), lesson.size(200, quick=60)  # of the figures

# %%
lesson.check("total mass", mass(flow), between=(0.97, 1.03))
lesson.check(
    "|forward(inverse(x)) - x|, 99.9 % of points",
    np.quantile(round_trip(flow, test), 0.999),
    at_most=1e-4,
)

# %%
fig, axes = plot.figure(1, 4, size=(3.0, 2.8))
plot.density(moons, axes[0], bounds=box, title="data density")
plot.density(model_density, axes[1], bounds=box, n=n, title="RealNVP, exact density")
drawn = flow.sample(lesson.rng("samples"), 3000)
plot.samples(drawn, moons, axes[2], bounds=box, title="samples over the data density")

# %%
plot.curves(
    {"gap": (history.at("gap"), history["gap"])},
    ax=axes[3],
    log=True,
    title="gap to entropy",
    ylabel="nats",
    reference={"Gaussian": gap_of_gaussian, "threshold": 0.02},
)
lesson.figure(
    fig,
    "two_moons",
    "Data density, the flow's density, 3,000 samples of the flow (orange), and the gap during"
    " training. The second panel is computed by a formula; it is not a histogram.",
)

# %% [markdown]
# Neither a GAN nor a VAE has a formula for the second panel. Look closely at it, too: a thin
# filament leads from one moon to the other. We will meet it again in section 6.
#
# ## 5. Watch the plane bend
#
# What have eight couplings learned to do? In the plane we can simply look. We take a square grid of
# lines in the noise, and map it through one coupling after the other.

# %%
line, points = np.linspace(-2, 2, 17), np.linspace(-2, 2, 200)
across, along = np.meshgrid(line, points)  # (200, 17): 17 lines of 200 points
vertical, horizontal = np.stack([across, along], -1), np.stack([along, across], -1)
lines = np.concatenate([vertical, horizontal], axis=1).astype(np.float32)  # (200, 34, 2)
transformed = [w.reshape(200, 34, 2) for w in flow.steps(lines.reshape(-1, 2))]
cloud = flow.steps(lesson.rng("cloud").standard_normal((2000, 2), dtype=np.float32))

# %%
lesson.check(
    "vertical lines after coupling 1: largest range of x1",
    np.ptp(transformed[1][:, :17, 0], axis=0).max(),
    at_most=1e-5,
)
fig, axes = plot.figure(2, 8, size=(1.75, 1.7))
for k, (top, bottom) in zip([0, 1, 2, 4, 6, 7, 8, 9], axes.T, strict=True):
    window = (-1.7, 2.7, -1.95, 2.45) if k == 9 else (-4, 4, -4, 4)
    plot.trajectories(transformed[k], top, bounds=window, ends=False)
    plot.samples(cloud[k], ax=bottom, bounds=window, size=1.5)
    top.set_title("noise z" if k == 0 else "x" if k == 9 else f"coupling {k}")

# %%
lesson.figure(
    fig,
    "layers",
    "A grid of lines (above) and 2,000 points of the noise (below) after some of the couplings."
    " Coupling 1 keeps the first coordinate, coupling 2 the second, and so on; the last panel has"
    " the scale of the data.",
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
# After coupling 1 the vertical lines are still vertical, because the first coordinate is kept.
# Points have slid along them, and the horizontal lines have become curves. Coupling 2 moves points
# sideways only. No single step is impressive, but eight of them make two moons out of a square.
# And however far the plane is bent, no two lines of a family ever cross: the map is invertible, so
# two points never meet.
#
# ## 6. Gaps that a flow can only approximate
#
# That strength is a weakness as well. The noise is in one piece, and a continuous map with a
# continuous inverse leaves it in one piece. It can stretch the noise and squeeze it, but it cannot
# tear it. The ring has eight pieces, with almost no density between them. So some noise must be
# mapped to the space between the pieces, to a *bridge*. How much does that cost?
#
# We train twelve couplings on the ring. The units of their first layers bend four times as sharply
# (`sharpness`), which we chose for its narrow modes.

# %%
lesson.predict(
    "How large is the gap on the ring after training, compared with the gap on the moons?",
    ["smaller than half", "the same, within a factor of 2", "more than twice as large"],
)

# %%
ring_cfg = lesson.configure(ring_couplings=12, ring_steps=4500, ring_batch=256, ring_lr=6e-3)
on_ring = RealNVP(lesson.rng("ring init"), 2, ring_cfg.ring_couplings, cfg.width, sharpness=4.0)
on_ring.standardize(ring.sample(lesson.rng("ring start"), 5000))
ring_test = ring.sample(lesson.rng("ring test"), lesson.size(50_000, quick=1_000))
ring_of_gaussian = nll_gap(ring, on_ring.log_prob, ring_test).gap

# %%
steps, rng = lesson.steps(ring_cfg.ring_steps, quick=4), lesson.rng("ring data")
label = "RealNVP on a ring"
train_flow(on_ring, ring, steps, ring_cfg.ring_batch, ring_cfg.ring_lr, rng, label)
ring_gap, ring_error = nll_gap(ring, on_ring.log_prob, ring_test)
ring_drawn = on_ring.sample(lesson.rng("ring samples"), lesson.size(50_000, quick=500))

# %%
lesson.outcome(
    f"The gap is {ring_gap:.3f} nats on the ring (standard error {ring_error:.3f}), and"
    f" {gap:.3f} on the moons. A Gaussian has {ring_of_gaussian:.2f} nats on the ring.",
    answer="more than twice as large"
    if ring_gap > 2 * gap
    else "smaller than half"
    if ring_gap < gap / 2
    else "the same, within a factor of 2",
)
fig, axes = plot.figure(1, 3, size=(3.2, 2.8))
ring_box = (-2.7, 2.7, -2.7, 2.7)
plot.density(ring, axes[0], bounds=ring_box, title="data density")


# %%
def ridges(x):
    """log_prob, cut off below so that the bridges show."""
    return np.maximum(on_ring.log_prob(x), -12)


plot.heatmap(ridges, ring_box, axes[1], n=n, title="log p of RealNVP", label="nats")
plot.samples(
    ring_drawn[:3000], ring, axes[2], bounds=ring_box, title="samples over the data density"
)
lesson.figure(
    fig,
    "ring",
    "Data density, log-density of the flow (cut off at -12 nats), and 3,000 samples (orange). In"
    " the middle panel, follow the ridges from mode to mode.",
)

# %% [markdown]
# The bridges are easy to see. (Seven are enough to keep eight pieces together. In the recorded run
# one pair of neighbors has none.) But are they what the gap consists of? If a fraction $b$ of the
# model's mass is where there are hardly any data, the rest of its density is too low by the factor
# $1 - b$, which costs $-\log(1 - b)$ nats. In the same way we can count what unequal masses of the
# eight modes cost. What remains is the shape of the modes.

# %%
distances = np.sqrt(np.sum((ring_drawn[:, None] - ring.modes) ** 2, axis=-1))  # (N, 8)
is_bridge = distances.min(axis=1) > 4 * ring.std  # 0.03 % of the data are so far from every mode
in_modes = np.bincount(distances[~is_bridge].argmin(axis=1), minlength=8) / np.sum(~is_bridge)
of_bridges = -np.log(1 - np.mean(is_bridge))
of_masses = np.mean(-np.log(8 * np.maximum(in_modes, 1e-9)))
lesson.table(
    [
        [f"far from all modes, {100 * np.mean(is_bridge):.1f} % of the samples", of_bridges],
        ["unequal masses of the modes", of_masses],
        ["shapes of the modes (what remains)", ring_gap - of_bridges - of_masses],
    ],
    ["the gap on the ring, by its parts", "nats"],
)

# %%
lesson.claim(
    "ring: NLL above the entropy",
    ring_gap,
    at_most=0.26,
    source="seeds 0, 1 and 7307: 0.090 to 0.155, plus two thirds; one Gaussian: 3.2",
    unit="nats",
)

# %% [markdown]
# The bridges are what we see first, but even with all samples that are far from the modes they are
# the smaller part of the gap. Most of it lies inside the modes, whose shapes the flow does not get
# quite right.

# %% [markdown]
# <details><summary>Derivation: why a bridge cannot be arbitrarily thin</summary>
#
# Take one coordinate, noise $\mathcal{N}(0, 1)$, and data with two narrow modes at $\pm 1$, of
# standard deviation 0.1. There is one increasing map from the one to the other. It multiplies the
# density by $1 / \text{slope}$, so midway, at 0, its slope is $\pi(0) / p(0)$:
#
# $$\log \text{slope} = \log \pi(0) - \log p(0) = \tfrac12 \Big(\frac{1}{0.1}\Big)^2 + \log 0.1 =
# 50 - 2.3 = 47.7 .$$
#
# That is a slope of $5 \cdot 10^{20}$. In the plane the slope becomes a factor of the area. Each of
# our couplings multiplies areas by $e^2$ at most, because $|s| \le 2$, so $K$ couplings multiply
# them by at most $e^{2K}$. If such a bridge is made of noise from near the center, it therefore
# needs at least 24 couplings, all at their limit.
#
# </details>

# %%
limit = RealNVP(lesson.rng("limit"), 2, couplings=24)
for f in limit.bijection.bijections[:-1]:
    f.net.layers[-1].b[:2] = 1000  # raw scales so large that s is at its limit everywhere
_, log_det = limit.bijection.forward(np.zeros((1, 2)))
lesson.check("24 couplings at their limit: log-det", log_det, equals=[48], atol=1e-4)

# %% [markdown]
# A flow approximates a gap in the data with very thin noise. It never has a true gap, and if you
# see filaments between the clusters in the samples of a flow, this may be why. But how can we tell
# a limit of the method from a mistake of our own?
#
# ## 7. Three ways to break it
#
# You understand a method when you can predict how it fails. The three mistakes here look harmless
# in code, and each of them trains without an error. We train on the moons again, with fewer steps:
#
# - *no log-det*: somebody minimizes $-\log \pi(z)$ and forgets the determinant;
# - *one mask*: all couplings keep the first coordinate;
# - *net sees all*: the mask on the network's input is forgotten, so the network also receives the
#   half that it changes.

# %%
lesson.predict(
    "When the training ends, which flow has the lowest loss?",
    ["nothing wrong", "no log-det", "one mask", "net sees all"],
)


# %%
class SeesAll(AffineCoupling):
    """The third mistake: s and t are computed from the whole vector."""

    def scale_and_shift(self, a, context=None):
        out = self.net(a)
        return self.limit * tanh(out[:, :2] / self.limit), out[:, 2:]


def no_log_det(flow, x):
    """The first mistake."""
    z, _ = flow.bijection.inverse(x)
    return -np.mean(flow.base.log_prob(z))


# %%
def likelihood(flow, x):
    return flow.loss(x)


def draw_moons(rng):
    return moons.sample(rng, cfg.batch)


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


trained, rows = {name: train(name) for name in lesson.predictions[-1].choices}, {}
for name, (wrong, reported) in trained.items():
    gap_of_wrong = nll_gap(moons, wrong.log_prob, test).gap
    rows[name] = [reported, mass(wrong), np.median(round_trip(wrong, test)), gap_of_wrong]
lowest = min(rows, key=lambda name: rows[name][0])

# %%
lesson.table(
    [[name, *row] for name, row in rows.items()],
    ["trained with", "reported loss", "mass within ±4", "error of the inverse", "gap"],
    f"two moons; the entropy is {moons.entropy():.3f}",
)
lesson.outcome(
    f"The lowest loss is {rows[lowest][0]:.2f} nats. No density can have it, because the entropy is"
    f" {moons.entropy():.2f} nats.",
    answer=lowest,
)

# %%
fig, axes = plot.figure(1, 4, size=(2.6, 2.0))
for (name, (wrong, _)), ax in zip(trained.items(), axes, strict=True):
    plot.samples(wrong.sample(lesson.rng("turn samples"), 2000), moons, ax, bounds=box, title=name)
lesson.figure(
    fig,
    "wrong_turns",
    "2,000 samples of each flow (orange) over the data density (blue). Compare where they lie with"
    " the loss that each flow reports.",
)


# %%
def least_gap_of_one_mask():
    """The smallest gap of a density that is Gaussian in x1, and in x2 given x1; on a grid."""
    x1, x2 = np.linspace(-3, 4, 701), np.linspace(-2.5, 3, 551)
    cell = (x1[1] - x1[0]) * (x2[1] - x2[0])
    plane = np.stack(np.meshgrid(x1, x2), -1).reshape(-1, 2)
    p = np.exp(moons.log_prob(plane)).reshape(551, 701)
    weight = p.sum(axis=0) * cell  # (701,): the probability of each x1
    mean = (p * x2[:, None]).sum(axis=0) / p.sum(axis=0)
    variance = (p * (x2[:, None] - mean) ** 2).sum(axis=0) / p.sum(axis=0)
    variance_1 = weight @ (x1 - weight @ x1) ** 2
    lesson.check("all x1 together have probability", weight.sum(), equals=1.0, atol=1e-3)
    logs = np.log(2 * np.pi * np.e * variance_1) + weight @ np.log(2 * np.pi * np.e * variance)
    return 0.5 * logs - moons.entropy()


least = least_gap_of_one_mask()

# %% [markdown]
# - **No log-det.** Every $z$ becomes probable if all data are mapped to 0, so the flow shrinks
#   everything, and in the other direction noise is blown up far beyond the data. The loss ends at
#   its minimum, $\log 2\pi = 1.84$, which is not a likelihood. Only the log-determinant makes
#   shrinking costly.
# - **One mask.** The coordinate $x_1$ is never changed, so it keeps the Gaussian distribution of
#   the noise, however long we train. You can see it in the figure, from left to right.
# - **Net sees all.** The Jacobian is no longer triangular, so $\sum s$ is not its log-determinant,
#   and `forward` no longer undoes `inverse`. What it reports as a density has a mass of 100,000.

# %% [markdown]
# <details><summary>Derivation: a limit that no network can pass with one mask</summary>
#
# If all couplings keep $x_1$, then $x_1$ is a scaled and shifted $z_1$, which is Gaussian. Given
# $x_1$, each coupling only scales and shifts the second coordinate, so $x_2$ is Gaussian as well.
# The best such density has the mean and the variance of the data, in $x_1$ and in $x_2$ at each
# $x_1$. The NLL of a Gaussian with the right variance $\sigma^2$ is $\frac12 \log(2 \pi e
# \sigma^2)$. Summed over a grid (`least_gap_of_one_mask`), this gives the smallest possible gap.
#
# </details>

# %%
print(f"  one mask: the gap is {rows['one mask'][3]:.3f} nats, and at least {least:.3f}")
lesson.claim(
    "no log-det: gap",
    rows["no log-det"][3],
    at_least=3,
    source="seeds 0 and 2031: worst 7.3; margin: a factor 2",
    unit="nats",
)

# %%
lesson.claim(
    "one mask: gap above its limit",
    rows["one mask"][3] - least,
    between=(-0.01, 0.1),
    source="below: theory; above: seeds 0 and 2031, worst 0.027",
    unit="nats",
)

# %%
lesson.claim(
    "net sees all: reported loss below the entropy by",
    moons.entropy() - rows["net sees all"][0],
    at_least=1,
    source="seeds 0 and 2031: worst 9.3; below 0 for a density",
    unit="nats",
)
lesson.claim(
    "net sees all: total mass",
    rows["net sees all"][1],
    at_least=2,
    source="seeds 0 and 2031: at least 89,000; 1 for a density",
)

# %% [markdown]
# Two of the mistakes raise the loss. The third one lowers it, below what any density can reach, and
# so looks like the best model of the four. Remember: **on fresh data, a mean loss below the entropy
# by more than its sampling error is not luck. It is a bug.** (On a finite training set, overfitting
# can do it, too.)
#
# All data so far were points in the plane. Does the idea survive 784 dimensions?
#
# ## 8. From the plane to digits
#
# An image has 784 numbers in place of two, and neighboring pixels resemble each other. Which half
# do we keep? RealNVP has a *multi-scale architecture*:
#
# | size | couplings | what is kept in turn | and then |
# |---|---|---|---|
# | 28×28, 1 channel | 4 | every other pixel, as on a *checkerboard* | *squeeze* |
# | 14×14, 4 channels | 6 | half of the channels | *split*, squeeze |
# | 7×7, 8 channels | 6 | half of the channels | |
#
# To *squeeze* is to turn each block of 2×2 pixels into one pixel of 4 channels, so that halves can
# be chosen by channel (*channel-wise masking*). On the way from an image to its noise, a *split*
# puts half of the channels aside as finished noise, and the remaining couplings change only the
# other half. On the way back this half joins again.

# %%
squeezed, _ = Squeeze().inverse(np.arange(16.0).reshape(1, 4, 4, 1))
lesson.check("the first 2×2 block of 0 ... 15, as channels", squeezed[0, 0, 0], equals=[0, 1, 4, 5])

# %% [markdown]
# Two details remain. Pixels are integers from 0 to 255, and a density of real numbers needs real
# numbers, so we add uniform noise from $[0, 1)$. And a flow produces numbers of any size, so we map
# the noisy pixel $v \in [0, 256]$ to the line by a *logit*, $y = \operatorname{logit}\big(\alpha +
# (1 - 2\alpha)\, v / 256\big)$ with $\alpha = 10^{-6}$, and count its log-determinant as well. The
# loss is reported in **bits per pixel**, the NLL of $v$ divided by $784 \log 2$. What these bits
# mean is a story of its own, told in `flow/14`. Here they serve as a score, and lower is better.

# %%
image_cfg = lesson.configure(image_width=40, image_batch=50, image_steps=1900, image_lr=6e-3)
image_flow = ImageRealNVP(
    lesson.rng("image init"),
    width=lesson.size(image_cfg.image_width, quick=8),
    scales=2,
    checkerboards=(4, 0),
    channelwise=(6, 6),
    small=True,
    affine=True,  # before each coupling, a learned scale and shift
)
lesson.show_source(SmallConvNet)

# %%
digits = mnist.load()
some_test = digits.test_images[: lesson.size(10_000, quick=12)]
some_train = digits.train_images[: lesson.size(60_000, quick=1000)]
image_flow.standardize(mnist.dequantize_logit(some_train[:1000], lesson.rng("image start"))[0])
y_test, det_test = mnist.dequantize_logit(some_test, lesson.rng("noise"))


def bits_of_flow(n):
    """Bits per pixel of the first n test digits."""
    log_p = batched(image_flow.log_prob, y_test[:n], size=250, threads=True)
    return mnist.bits_per_pixel(log_p, det_test[:n])


untrained_bits = bits_of_flow(1000).mean()

# %% [markdown]
# The training is the old one, on images: a batch of digits, fresh noise, the gradient of the loss.
# We keep a moving average of the weights (EMA), because it fluctuates less than the weights
# themselves.

# %%
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
def bits_of_gaussian():
    """Bits per pixel of test digits under one Gaussian with all covariances of the logits."""
    y, _ = mnist.dequantize_logit(some_train, lesson.rng("train noise"), flat=True)
    off = y_test.reshape(len(y_test), 784) - y.mean(0)
    covariance = mean_and_covariance(y)[1]
    distance = (off * np.linalg.solve(covariance, off.T).T).sum(1)
    log_p = -0.5 * (distance + np.linalg.slogdet(2 * np.pi * covariance)[1])
    return mnist.bits_per_pixel(log_p, det_test).mean()


gauss_bits, bits = bits_of_gaussian(), bits_of_flow(len(y_test)).mean()
rows = [
    ["uniform over all gray values", 8.0],
    ["RealNVP, untrained", untrained_bits],
    ["one Gaussian with all covariances", gauss_bits],
    ["RealNVP", bits],
]

# %%
lesson.table(rows, ["MNIST test digits", "bits per pixel"])
made = [draw_digits(lesson.rng("digits"), 24, temperature) for temperature in (1.0, 0.7)]
lesson.figure(
    plot.image_grid(np.concatenate(made), 4, 12, row_labels=["T = 1", "", "T = 0.7", ""]),
    "digits",
    "Samples at two temperatures T; the noise is multiplied by T before it is mapped to an image."
    " Compare how many of the shapes in each half you can read.",
)

# %%
lesson.claim(
    "MNIST: bits per pixel",
    bits,
    at_most=1.30,
    source="seeds 0, 1 and 7307: 1.242 to 1.246, plus 0.054",
    unit="bits",
)
lesson.claim(
    "MNIST: bits per pixel below the Gaussian's",
    gauss_bits - bits,
    at_least=0.65,
    source="seeds 0, 1 and 7307: 0.765 to 0.770, minus a seventh",
    unit="bits",
)

# %%
lesson.check(
    "|forward(inverse(y)) - y|, 99 % of pixels",
    np.quantile(round_trip(image_flow, y_test[:50]), 0.99),
    at_most=1e-2,
)

# %% [markdown]
# After 1,900 steps the flow is far better than a Gaussian with every covariance. (A stronger
# baseline comes in `flow/14`.) Its samples have strokes like those of digits, but at T = 1 fewer
# than half of them can be read. At T = 0.7 some broken strokes close.
#
# Remember that the flow is invertible: each test digit corresponds to one noise vector of 784
# numbers. Half of them were split off at 14×14, and the other half was processed further, down to
# 7×7. We draw one half again, leave the other unchanged, and map the noise back to an image. A
# pixel *changes* if it was ink and becomes paper, or the reverse.

# %%
lesson.predict(
    "Which half of the noise, drawn again, changes more pixels of a digit?",
    [
        "the half that was split off",
        "the half that was processed further",
        "neither, within a factor of 2",
    ],
)

# %%
noise, _ = image_flow.bijection.inverse(y_test[:12])
new = lesson.rng("redrawn").standard_normal((12, 28, 28, 1), dtype=np.float32)
split_off = np.arange(28)[:, None, None] % 2 == 1  # this half is in the odd rows
split_off_again, _ = image_flow.bijection.forward(np.where(split_off, new, noise))
other_again, _ = image_flow.bijection.forward(np.where(split_off, noise, new))


def changed(y):
    """The fraction of pixels that are ink, v > 128, in one but not in the other."""
    return np.mean((y > 0) != (y_test[:12] > 0))


# %%
by_split_off, by_other = changed(split_off_again), changed(other_again)
lesson.outcome(
    f"New noise for the split-off half changes {100 * by_split_off:.1f} % of the pixels, and new"
    f" noise for the other half {100 * by_other:.1f} %.",
    answer="the half that was processed further"
    if by_other > 2 * by_split_off
    else "the half that was split off"
    if by_split_off > 2 * by_other
    else "neither, within a factor of 2",
)

# %%
three = np.concatenate([y_test[:12], split_off_again, other_again])
three = np.clip(mnist.from_logit(three) / 256, 0, 1)
lesson.figure(
    plot.image_grid(three, 3, 12, row_labels=["digit", "split off: new", "other half: new"]),
    "halves",
    "Twelve test digits, and the same digits with one half of their noise drawn again.",
)

# %% [markdown]
# In the recorded run, every digit can still be read with new noise in the split-off half. New noise
# in the other half changes six times as many pixels, and most digits become unreadable. In this
# flow, what makes a digit is mostly in the half that it works on longest. The idea of the plane
# carries over to 784 dimensions unchanged: keep one half, move the other, and count what you
# stretched.
#
# ## 9. Batch norm in a very deep stack
#
# *You may skip this section, because our flows do not use batch norm. It is for readers who train
# very deep stacks.*
#
# The post reports that “Batch normalization is found to help training models with a very deep stack
# of coupling layers.” As a layer of a flow, *batch norm* standardizes each coordinate with the
# statistics of the batch, and counts its log-determinant. Our stacks start as the identity, which
# is standardized already. So here the networks end in random weights. Is it the batch that helps?
# As a control, *set once* has a scale and shift for each coordinate in the same places, fitted to
# the data before training and learned from then on.


# %%
def deep_stack(couplings, norm, start):
    """A RealNVP whose networks end in random weights (for "identity": in zeros), with a norm."""
    flow = RealNVP(lesson.rng(f"deep {start}"), 2, couplings, width=32).standardize(test[:5000])
    *layers, scale = flow.bijection.bijections
    rng = lesson.rng(f"random last layers {start}")
    for f in layers:
        random = rng.standard_normal((32, 4), dtype=np.float32) / np.sqrt(32)
        f.net.layers[-1].w += (0 if norm == "identity" else 2) * random
    if norm == "batch norm":
        layers = [part for f in layers for part in (f, BatchNorm(2))]
    if norm == "set once":
        layers = [part for f in layers for part in (f, Affine(np.zeros(2), np.zeros(2)))]
    flow.bijection.bijections = [*layers, scale]
    return flow


# %%
def set_once(layers, x):
    """Standardize what reaches each scale and shift, from the data inwards."""
    for f in reversed(layers):
        if isinstance(f, Affine):
            f.standardize(x)
        x, _ = f.inverse(x)


def deep_gap(couplings, norm, start):
    """The gap on two moons after 200 steps."""
    flow, steps = deep_stack(couplings, norm, start), lesson.steps(200, quick=2)
    set_once(flow.bijection.bijections if norm == "set once" else [], test[:5000])
    lr, rng = cosine(4e-3, steps, warmup=min(20, steps)), lesson.rng("deep data")
    step = descend(likelihood, flow, draw_moons, lr=lr, rng=rng, clip=5.0)
    lesson.fit(step, steps, state=step.state, label=f"{couplings} couplings, {norm}, start {start}")
    return nll_gap(moons, flow.eval().log_prob, test[:20_000]).gap


# %%
norms = ["no norm", "batch norm", "set once", "identity"]
deep = {
    (couplings, start): {norm: deep_gap(couplings, norm, start) for norm in norms}
    for couplings in (8, 32)
    for start in (1, 2)
}
lesson.table(
    [[couplings, start, *gaps.values()] for (couplings, start), gaps in deep.items()],
    ["couplings", "start", "no norm", "batch norm", "set once", "identity at the start"],
    "two moons, gap in nats after 200 steps",
)

# %%
lesson.claim(
    "32 couplings, batch norm: mean gap",
    np.mean([deep[32, start]["batch norm"] for start in (1, 2)]),
    at_most=0.25,
    source="seeds 0, 1 and 7307: 0.091 to 0.132, plus nine tenths",
    unit="nats",
)
lesson.claim(
    "32 couplings: mean gain by batch norm",
    np.mean([deep[32, start]["no norm"] - deep[32, start]["batch norm"] for start in (1, 2)]),
    between=(0.05, 100),
    source="seeds 0, 1 and 7307: 0.22 to 0.56; above 0 if batch norm helps",
    unit="nats",
)

# %% [markdown]
# With 32 couplings batch norm lowers the gap from both starts, and the quotation holds. But scales
# and shifts that are set once do about as well, in three of the four rows even better, so the
# statistics of each batch are not needed here. The start as the identity helps in the deep stack
# only. With 8 couplings it is worse than no norm from one of the starts.
#
# ## 10. Where the post is loose
#
# *You may skip this section, because nothing depends on it. It is for readers of the post.*
#
# - “In each bijection $f: \mathbf{x} \mapsto \mathbf{y}$”: before, $\mathbf x$ was the data and
#   $\mathbf z$ the noise. Here it is open whether $\mathbf x$ or $\mathbf y$ is on the side of the
#   data. Both directions of a coupling cost one pass, so RealNVP works either way. For MAF and IAF
#   (`flow/11`, `flow/12`) the direction decides which of them is fast.
# - “the set of units which remain identical in one transformation layer are always modified in the
#   next”: this holds if at most half of the units are kept. With $D = 3$ and $d = 2$, in reversed
#   order, the middle unit is kept by every layer.
# - “The multi-scale architecture applies several "sampling" operations to normal affine layers,
#   including spatial checkerboard pattern masking, squeezing operation, and channel-wise masking.”
#   The fourth operation of the paper is missing here, the split, and it is the one that saves work.
#
# **What this lesson does differently.** The post does not bound $s$; we limit it by a tanh, as the
# paper does, to $|s| \le 2$. The paper's likelihoods are for color images and $\alpha = 0.05$, with
# residual networks, batch norm, and far longer training; our $\alpha$ and our $1 - 2\alpha$ are
# those of MAF (`flow/11`).
#
# ## To remember
#
# - Keep one half, and let a network compute from it how the other half is scaled and shifted. The
#   inverse is a formula, the log-determinant a sum.
# - Alternate the halves.
# - Train on the exact likelihood. A loss below the entropy is a bug.
# - A flow cannot tear the noise apart.
#
# **Next:** what can a map do that leaves out the scale (`flow/06`)? And what do bits per pixel say
# about integers (`flow/14`)?
#
# **Your turn:** `minigen exercise start flow/05`, then `minigen run flow/05 --with
# exercises/flow_05.py`.

# %%
lesson.finish()
