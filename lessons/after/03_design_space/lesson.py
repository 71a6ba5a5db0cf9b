# %% [markdown]
# # The design space of diffusion models
#
# A diffusion model is a recipe with many parts: what the network predicts, at which noise levels it
# is trained, how its errors are weighted. A new paper usually changes several parts at once, so
# nobody can tell which one helped. Changing one part at a time on images does not settle it,
# because there the best possible denoiser is unknown. In the plane we know it. Which parts matter,
# and by how much?
#
# We derive what the network should predict (sections 1, 2), ask at which noise levels it can learn
# something (3, 4), change one choice at a time (5), and meet mistakes that raise no error (6). This
# lesson comes after the posts. It belongs to [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/) and follows Karras,
# Aittala, Aila and Laine 2022, who call their model EDM. How to sample from the trained network is
# the question of `after/04`. Before this lesson: `diffusion/09`, `after/01`, `after/02`.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "after/03_design_space",
    title="The design space of diffusion models",
    post="after",
    equations=["after.17", "after.18", "after.19", "after.20", "after.21", "after.24"],
    minutes=2,
    picture="learnable",
    sources=[
        "weng2021diffusion",
        "he2015rectifiers",
        "karras2022design",
        "hang2023minsnr",
    ],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import toy
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.diffusion.schedule import Schedule, per_example
from minigen.nn import Module, he_gain
from minigen.optim import cosine
from minigen.train import descend

# %%
from minigen.diffusion.edm import EDM, edm_loss, edm_target, edm_weight, lognormal_levels
from minigen.diffusion.edm import min_snr_weight, preconditioning

# %% [markdown]
# ## 1. Four factors by hand
#
# The clock of this lesson is the noise level: $y = x_0 + \sigma z$ with $z \sim \mathcal N(0, I)$.
# A *denoiser* $D(y, \sigma)$ predicts $x_0$. The data has standard deviation $\sigma_d$, which is 1
# for our ring.

# %%
ring = toy.get("ring").standardized()
shown = ring.sample(lesson.rng("shown"), 400)
fresh = lesson.rng("shown noise").standard_normal((400, 2))
fig, axes = plot.figure(1, 4, size=(2.3, 2.3))
for ax, level in zip(axes, (0.05, 0.3, 1.0, 5.0)):
    plot.samples(shown + level * fresh, None, ax, title=f"$\\sigma = {level}$", bounds=4)
lesson.figure(
    fig,
    "levels",
    "The same 400 points at four noise levels, from small (left) to large (right). Look for"
    " the level at which the eight modes merge.",
)

# %% [markdown]
# A network that receives $y$ and outputs $x_0$ has two problems. The standard deviation of its
# input grows from 1 to 20 or 80 with $\sigma$, and at small $\sigma$ the network has to copy its
# input almost exactly. So the denoiser is built around the network $F$ (Eq. after.17):
#
# $$D(y, \sigma) = c_{\text{skip}}\,y + c_{\text{out}}\,F(c_{\text{in}}\,y, c_{\text{noise}}).$$
#
# For $D = x_0$ the network has to output $(x_0 - c_{\text{skip}}\,y)/c_{\text{out}}$, its *target*.
# Which factors give the input and the target of $F$ variance 1 at every level, with the smallest
# possible $c_{\text{out}}$? Take $\sigma = 3$ and $\sigma_d = 4$, where everything is a ratio of
# small numbers.

# %%
lesson.exercise("after/03/preconditioning")

# %% [markdown]
# The variance of $y$ is $\sigma^2 + \sigma_d^2$. The factors are (Eq. after.19)
#
# $$c_{\text{skip}} = \frac{\sigma_d^2}{\sigma^2 + \sigma_d^2}, \quad c_{\text{out}} =
# \frac{\sigma\sigma_d}{\sqrt{\sigma^2 + \sigma_d^2}}, \quad c_{\text{in}} = \frac{1}{\sqrt{\sigma^2
# + \sigma_d^2}}, \quad c_{\text{noise}} = \tfrac14 \log\sigma .$$
#
# For $\sigma = 3$ and $\sigma_d = 4$ the variance of $y$ is $9 + 16 = 25$, and its root is 5. So
# $c_{\text{skip}} = 16/25 = 0.64$, $c_{\text{out}} = 3 \cdot 4/5 = 2.4$ and $c_{\text{in}} = 1/5$.
#
# <details><summary>Derivation: the factors follow from unit variance</summary>
#
# *Input.* $\operatorname{Var}(c_{\text{in}}\,y) = c_{\text{in}}^2(\sigma^2 + \sigma_d^2) = 1$.
#
# *Target.* $D = x_0$ for $F^* = (x_0 - c_{\text{skip}}\,y)/c_{\text{out}}$, so unit variance means
# $c_{\text{out}}^2 = \mathbb E(x_0 - c_{\text{skip}}\,y)^2 = (1 - c_{\text{skip}})^2\sigma_d^2 +
# c_{\text{skip}}^2\sigma^2$.
#
# *Skip.* An error of $F$ enters $D$ multiplied by $c_{\text{out}}$, so take the smallest. The
# derivative $-2(1 - c_{\text{skip}})\sigma_d^2 + 2c_{\text{skip}}\sigma^2$ is 0 at
# $c_{\text{skip}} = \sigma_d^2/(\sigma^2 + \sigma_d^2)$. Insert it: $c_{\text{out}}^2 =
# (\sigma^4\sigma_d^2 + \sigma_d^4\sigma^2)/(\sigma^2 + \sigma_d^2)^2 =
# \sigma^2\sigma_d^2/(\sigma^2 + \sigma_d^2)$.
#
# $c_{\text{noise}}$ does not follow from the condition: it is a choice of the authors.
#
# </details>

# %%
lesson.show_source(preconditioning)
by_hand = preconditioning(3.0, 4.0)[:3]
lesson.check("factors at σ = 3, σ_d = 4", np.array(by_hand), equals=[0.64, 2.4, 0.2])
rng = lesson.rng("variances")
count = lesson.size(40_000)
x0, z = ring.sample(rng, count).astype(float), rng.standard_normal((count, 2))
grid = np.linspace(0, 1, 101)
best = []
for sigma in (0.1, 1.0, 10.0):
    errors = [np.mean((x0 - c * (x0 + sigma * z)) ** 2) for c in grid]
    best.append(grid[int(np.argmin(errors))] - 1 / (1 + sigma**2))
lesson.check("best c on a grid minus c_skip", best, equals=0.0, atol=0.02)

# %%
lesson.change(
    "more noise than data",
    "Exchange the two numbers in `preconditioning(3.0, 4.0)`, so that the noise is larger than the "
    "data. Which of the three factors change?",
    answer="The factors are 0.36, 2.4, 0.2, so only c_skip changes: the more noise, the less of "
    "the input is copied. The other two treat the two numbers alike.",
)

# %% [markdown]
# What does the network have to output? For $x_0 = 4$ and $z = -1$ at $\sigma = 3$ the noisy point
# is $y = 1$.

# %%
lesson.exercise("after/03/edm_target")

# %% [markdown]
# By Eq. after.18 it is $F^* = (x_0 - c_{\text{skip}}\,y)/c_{\text{out}} = (4 - 0.64 \cdot 1)/2.4 =
# 1.4$, with the factors that we computed above. In words, the network predicts what the best linear
# guess misses, in units of its usual size.
#
# ## 2. The target with other factors
#
# Would simpler factors do? Suppose the denoiser passes its input through unchanged,
# $c_{\text{skip}} = 1$, and keeps the other factors. The network then predicts $(x_0 -
# y)/c_{\text{out}}$.

# %%
lesson.predict(
    "With c_skip = 1, what is the variance of the network's target at σ = 10?",
    ["about 1", "about 10", "about 100"],
)

# %%
lesson.show_source(edm_target)
point = edm_target(np.array([[4.0]]), np.array([[-1.0]]), 3.0, 4.0)
lesson.check("target by hand", point, equals=1.4)
rows = []
for sigma in (0.01, 0.1, 1.0, 10.0):
    c_skip, c_out, c_in, _ = preconditioning(sigma, 1.0)
    y = x0 + sigma * z
    targets = [edm_target(x0, z, sigma, 1.0), (x0 - y) / c_out, x0 / c_out]
    rows.append([sigma, np.var(c_in * y), *[np.var(target) for target in targets]])

# %%
header = ["σ", "input", "target", "target, c_skip = 1", "target, c_skip = 0"]
lesson.table(rows, header, title="variances")
lesson.outcome(
    f"The variance is {rows[3][3]:.0f}, because x₀ − y = −σz has variance 100 there, and it"
    f" is divided by c_out² = {preconditioning(10.0, 1.0)[1] ** 2:.2f}.",
    answer="about 100",
)

# %%
units = [value for row in rows for value in row[1:3]]
lesson.check("variance of input and target", units, equals=1.0, atol=0.1 if lesson.quick else 0.03)

# %% [markdown]
# With $c_{\text{skip}} = 1$ the target explodes at high levels, where the network would have to
# output the noise. The opposite choice, $c_{\text{skip}} = 0$, explodes at low levels, because
# $x_0$ is divided by a small $c_{\text{out}}$. With the other factors kept, only EDM's
# $c_\text{skip}$ keeps the variance at 1. (The noise as target has variance 1 at every level, too,
# with $c_\text{skip} = 1$ and $c_\text{out} = \sigma$. But then an error of the network at $\sigma
# = 10$ is multiplied by 10, and with EDM's factors by $\sqrt{0.99}$.)
#
# The factors also join this lesson to the two before it. With $\sigma_d = 1$ and the angle of
# `after/01`, $\tan\varphi = \sigma$, the input of the network is $x = \cos\varphi\,y$. Its target
# is $(x_0 - \cos\varphi\,x)/\sin\varphi$, which is $-v$: an EDM network predicts the velocity of
# the probability flow.

# %%
sigma = 0.7
phi = np.arctan(sigma)
v = np.cos(phi) * z - np.sin(phi) * x0  # Eq. after.01
difference = edm_target(x0, z, sigma, 1.0) + v
lesson.check("target of EDM plus velocity", np.abs(difference).max(), at_most=1e-9)

# %% [markdown]
# So EDM's network learns the velocity of `after/01`. What is new is its training.
#
# ## 3. Where there is something to learn
#
# A target of variance 1 does not mean that the network can learn it. Given $y$, the best prediction
# is $\mathbb E[F^* \mid y]$, and its variance is the *learnable fraction*. The rest is the variance
# of the data points that could have led to $y$, and no network can remove it.

# %%
lesson.predict(
    "At σ = 3, what fraction of the target's variance can a network learn?",
    ["less than 0.001", "about 0.1", "about 0.5"],
)


# %%
def learnable(sigma, x0, z):
    """The variance of E[F* | y], of 1, for the ring."""
    y = x0 + sigma * z
    c_skip, c_out, _, _ = preconditioning(sigma, 1.0)
    mean = ring.posterior(y, 1.0, sigma)[0]
    return np.mean((mean - c_skip * y) ** 2) / c_out**2


few = slice(0, lesson.size(20_000))
levels = np.array([0.01, 0.05, 0.1, 0.3, 1.0, 3.0, 20.0])
shares = [learnable(sigma, x0[few], z[few]) for sigma in levels]
lesson.table(list(zip(levels, shares)), ["σ", "learnable fraction"])
lesson.outcome(
    f"The fraction is {shares[5]:.4f}. The best linear guess, c_skip y, is nearly the best guess of"
    " all there, because the noise hides all of the data but its mean and variance.",
    answer="less than 0.001",
)

# %%
fine = np.geomspace(0.005, 30, 40)
curve = [learnable(sigma, x0[few][:4000], z[few][:4000]) for sigma in fine]
ddpm = Schedule.linear(1000).sigma[1:]
edges = np.geomspace(0.005, 30, 41)
drawn = np.histogram(ddpm, edges)[0] / len(ddpm) / np.diff(np.log(edges))
lognormal = np.exp(-((np.log(fine) + 1.2) ** 2) / (2 * 1.2**2)) / (1.2 * np.sqrt(2 * np.pi))
fig, ax = plot.figure(1, 1, size=(5.5, 3.2))
lines = {"learnable fraction": curve, "log-normal levels": lognormal, "levels of DDPM": drawn}
plot.line(fine, lines, ax, xlabel="σ", ylabel="fraction, density of log σ", log="x")
lesson.figure(
    fig,
    "learnable",
    "The learnable fraction of the ring (blue), and how often EDM's log-normal levels"
    " (orange) and the levels of DDPM (green) are drawn. Compare where each of the two lies"
    " with the blue curve.",
)

# %% [markdown]
# The figure also shows two ways to draw the levels of a training. Uniform time steps of the linear
# schedule of `diffusion/04` draw high levels most often. EDM draws (Eq. after.21)
#
# $$\log\sigma \sim \mathcal N(-1.2, 1.2^2).$$

# %%
rng = lesson.rng("drawn levels")
count = lesson.size(20_000)
kinds = {"DDPM": rng.choice(ddpm, count), "log-normal": lognormal_levels(rng, count)}
rows = [
    [name, np.mean((0.05 < s) & (s < 1)), np.mean(s > 1), np.mean(s < 0.05)]
    for name, s in kinds.items()
]
lesson.table(rows, ["levels", "0.05 < σ < 1", "σ > 1", "σ < 0.05"], title="fraction of the draws")

# %% [markdown]
# About three quarters of DDPM's levels lie above $\sigma = 1$, and three quarters of the log-normal
# ones between 0.05 and 1, where the ring has its learnable fraction. For other data the learnable
# fraction is unknown. But a trained network gives a lower bound. With the weight of section 4, the
# learnable fraction at a level is at least 1 minus the loss there. Center the log-normal
# distribution where this bound is largest.
#
# ## 4. The weight of a level
#
# Each level has a weight in the loss, too. The loss is a weighted squared error of the denoiser,
# $\mathbb E[\lambda(\sigma)\,\|D - x_0\|^2]$. With which $\lambda$ is it the plain squared error of
# $F$, whose target has variance 1 at every level?

# %%
lesson.exercise("after/03/edm_weight")

# %% [markdown]
# $D - x_0 = c_{\text{out}}(F - F^*)$, so $\lambda = 1/c_{\text{out}}^2$ (Eq. after.20). A network
# that outputs 0 then has loss 1 at every level.

# %%
lesson.show_source(edm_weight, edm_loss)


def silent(x, t, y=None):
    return 0 * x


start = [edm_loss(EDM(silent, 1.0), x0, z, sigma, 1.0) for sigma in (0.01, 0.3, 1.0, 20.0)]
lesson.check("loss of F = 0", start, equals=1.0, atol=0.1 if lesson.quick else 0.03)

# %% [markdown]
# For a network that predicts the noise, the plain loss of DDPM has $\lambda = 1/\sigma^2$ (because
# $D - x_0 = \sigma(z - \hat z)$), which is the signal-to-noise ratio SNR. Hang et al. 2023 bound
# this weight, $\min(\text{SNR}, \gamma)$ with $\gamma = 5$ (Eq. after.24). For which levels does
# that change the weight? For the loss of the noise, what is the factor?

# %%
lesson.exercise("after/03/min_snr_weight")

# %%
lesson.show_source(min_snr_weight)
lesson.check("SNR = 20: factor on the loss of the noise", min_snr_weight(20.0), equals=0.25)
lesson.check("first level that is bounded, σ", 1 / np.sqrt(5.0), equals=0.447, atol=1e-3)

# %% [markdown]
# For the loss of the noise the factor is $\min(1, \gamma\sigma^2)$. So the bound changes the weight
# only below $\sigma = 0.447$, where it lowers it. Section 5 tests whether that is good for the
# ring.
#
# ## 5. One choice at a time
#
# Which of these choices matters? We train six designs, each three times with other first weights
# and other batches.
#
# | | network predicts | levels | weight of the error of $D$ |
# |---|---|---|---|
# | A | the noise | DDPM's | $1/\sigma^2$ |
# | B | the noise | log-normal | $1/\sigma^2$ |
# | C | EDM's $F$ | DDPM's | $1/c_{\text{out}}^2$ |
# | D | EDM's $F$ | log-normal | $1/c_{\text{out}}^2$ |
# | E | the noise | DDPM's | $\min(1/\sigma^2, 5)$ |
# | F | the noise | even in $\log\sigma$ | $1/\sigma^2$ |
#
# B and F change only the levels of A, C the factors and the weight that belongs to them, D both,
# and E only the weight. Networks, steps and batch sizes are equal. All levels are moved into the
# range from 0.01 to 20. (Of DDPM's levels 23 % are larger, and become 20.) Design F has only its
# letter in common with the network $F$.

# %%
lesson.predict(
    "Which change brings design A closer to the exact denoiser?",
    ["log-normal levels (B)", "EDM's factors and weight (C)", "both the same"],
)


# %%
class NoiseDenoiser(Module):
    """A denoiser (y, sigma) whose network predicts the noise: y − σ net(c_in y, time)."""

    def __init__(self, net):
        self.net = net

    def __call__(self, y, sigma, condition=None):
        c_in, c_noise = preconditioning(sigma, 1.0)[2:]
        eps = self.net(per_example(c_in, y), np.asarray(400 * c_noise + 500, y.dtype))
        return y - per_example(sigma, eps)


def network(name, width=64, scale=1.0):
    net = EpsMLP(lesson.rng(f"weights {name}"), width=width, layers=3)
    for layer in net.body.layers[:-1]:
        layer.w *= np.float32(scale)
    return net


# %%
LOW, HIGH = 0.01, 20.0  # the range of levels, for all


def ddpm_levels(rng, n):
    return rng.choice(ddpm, n)


def even_levels(rng, n):
    return np.exp(rng.uniform(np.log(LOW), np.log(HIGH), n))


def inverse_square(sigma):
    return 1 / sigma**2


def edm(sigma):
    return edm_weight(sigma, 1.0)


def bounded(sigma):
    return min_snr_weight(1 / sigma**2, target="x0")


def weighted_loss(model, x0, z, sigma, weight):
    error = model(x0 + per_example(sigma, z), sigma) - x0
    return np.mean(per_example(weight, error**2))


# %%
def fitted(name, loss, model, batch, steps, rate=2e-3):
    """The moving average of a model's weights after so many steps."""
    options = {"lr": cosine(rate, steps), "ema": 0.995, "clip": 1.0}
    descent = descend(loss, model, batch, rng=lesson.rng(f"batches {name}"), **options)
    lesson.fit(descent, steps, state=descent.state, label=name)
    return descent.averaged


def train(name, model, draw, weight, steps):
    """A denoiser of the ring, trained with batches of 256."""

    def batch(rng):
        x0 = ring.sample(rng, 256)
        sigma = np.clip(draw(rng, 256), LOW, HIGH).astype(np.float32)
        z = rng.standard_normal(x0.shape, dtype=np.float32)
        return x0, z, sigma, weight(sigma).astype(np.float32)

    return fitted(name, weighted_loss, model, batch, steps)


# %%
SEEDS = (0, 1, 2)
designs = {
    "A": (NoiseDenoiser, ddpm_levels, inverse_square),
    "B": (NoiseDenoiser, lognormal_levels, inverse_square),
    "C": (EDM, ddpm_levels, edm),
    "D": (EDM, lognormal_levels, edm),
    "E": (NoiseDenoiser, ddpm_levels, bounded),
    "F": (NoiseDenoiser, even_levels, inverse_square),
}
denoisers = {}
for design, (kind, draw, weight) in designs.items():
    for k in SEEDS:
        net = network(f"{design}{k}")
        model = EDM(net, 1.0) if kind is EDM else kind(net)
        denoisers[design, k] = train(f"{design}{k}", model, draw, weight, lesson.steps(2000))

# %% [markdown]
# Loss curves cannot compare the designs: at $\sigma = 20$ the loss of the noise is near 0 and EDM's
# is near 1, and neither can fall. We compare their *excess*, the squared distance to the exact
# denoiser, $\mathbb E\,\|D - \mathbb E[x_0 \mid y]\|^2$, for each coordinate in units of
# $\sigma^2$. The excess of a perfect network is 0.


# %%
def excess(denoiser, n):
    """The excess at ten levels from 0.02 to 10."""
    rng, found = lesson.rng("excess"), []
    for sigma in np.geomspace(0.02, 10, 10):
        y = ring.sample(rng, n) + sigma * rng.standard_normal((n, 2))
        best = ring.posterior(y, 1.0, sigma)[0]
        guess = denoiser(y.astype(np.float32), np.full(n, sigma, np.float32))
        found.append(np.mean((guess - best) ** 2) / sigma**2)
    return np.array(found)


def untrained(y, sigma, condition=None):
    """F = 0: the best linear denoiser of data with this variance."""
    return per_example(preconditioning(sigma, 1.0)[0], y)


# %%
points = lesson.size(1500)
over = {key: excess(denoiser, points) for key, denoiser in denoisers.items()}
means = {design: [over[design, k].mean() for k in SEEDS] for design in designs}
rows = [[d, *values] for d, values in means.items()]
rows.append(["F = 0, the best linear denoiser", *[excess(untrained, points).mean()] * len(SEEDS)])
lesson.table(rows, ["design", *(f"training {k}" for k in SEEDS)], title="mean excess")

# %%
ratio = {d: np.array(means[d]) / np.array(means["A"]) for d in "BCDEF"}
lesson.outcome(
    f"Log-normal levels alone multiply the excess by {ratio['B'].mean():.2f}, even ones by"
    f" {ratio['F'].mean():.2f}, EDM's factors with their weight by {ratio['C'].mean():.2f}, these"
    f" and log-normal levels by {ratio['D'].mean():.2f}, and the bounded weight by"
    f" {ratio['E'].mean():.2f}.",
    answer="log-normal levels (B)"
    if ratio["B"].mean() < 0.8 * ratio["C"].mean()
    else "EDM's factors and weight (C)"
    if ratio["C"].mean() < 0.8 * ratio["B"].mean()
    else "both the same",
)

# %%
lesson.claim(
    "excess of B over A",
    ratio["B"],
    at_most=0.4,
    source="seeds 0, 1 and 7307: 0.20 to 0.28; F = 0: about 2",
)
lesson.claim(
    "excess of D over A",
    ratio["D"],
    at_most=0.25,
    source="seeds 0, 1 and 7307: 0.10 to 0.15; F = 0: about 2",
)

# %%
lesson.claim(
    "excess of D",
    means["D"],
    at_most=0.03,
    source="seeds 0, 1 and 7307: 0.011 to 0.017; F = 0: 0.24",
)

# %%
lesson.claim(
    "excess of E over A",
    ratio["E"],
    at_least=1.3,
    source="seeds 0, 1 and 7307: 1.59 to 2.27; no change: 1",
)
lesson.claim(
    "excess of F over A",
    ratio["F"],
    between=(0.25, 0.9),
    source="seeds 0, 1 and 7307: 0.31 to 0.74; no change: 1",
)

# %%
levels = np.geomspace(0.02, 10, 10)
curves = {d: np.mean([over[d, k] for k in SEEDS], axis=0) for d in designs}
curves["F = 0"] = excess(untrained, points)
fig, ax = plot.figure(1, 1, size=(5.5, 3.2))
plot.line(levels, curves, ax, xlabel="σ", ylabel="excess", log="xy")
lesson.figure(
    fig,
    "ablation",
    "The excess of six designs by noise level, mean of three trainings, and of the best linear"
    " denoiser (F = 0), both axes logarithmic. Compare the designs below σ = 0.3 and above σ = 1.",
)

# %% [markdown]
# The levels matter most. Below $\sigma = 0.3$, where most can be learned, the designs with
# log-normal levels are far better than those with DDPM's. A part of this gain needs no tuned
# distribution, because levels that are even in $\log\sigma$ (F) already multiply the excess by 0.4
# (by up to 0.74 in other trainings).
#
# Above $\sigma = 1$ the order changes. There the noise network of B, which is trained at few such
# levels, is the worst of all, and EDM's factors remove most of this excess (D). (At $\sigma = 5$
# and $10$ the linear denoiser $F = 0$ has less excess than all six. There next to nothing is left
# to learn, and a network only adds its own errors.) So EDM's factors alone do little for A, whose
# mean excess lies almost entirely below $\sigma = 0.3$. Added to B's log-normal levels, they halve
# the excess (D).
#
# Design E answers the question of section 4 for the ring. The bound takes weight from the levels
# below 0.447, where the ring has its learnable fraction, and the mean excess grows until it is
# close to that of $F = 0$, which has learned nothing. (The excess is in units of $\sigma^2$, which
# is A's own weight, so a part of this is the measure.) For images, however, Hang et al. 2023 found
# that the same bound helps, and they explain it by conflicts between the levels. Our experiment in
# the plane cannot decide that.
#
# ## 6. Mistakes without an error message
#
# None of these mistakes stops the program. The first one lies in the network. `EpsMLP` starts its
# hidden layers with weights of variance $2/\text{inputs}$, as He et al. (2015) chose it for ReLU. A
# plain `Linear` layer starts with weights that are smaller by the factor $\sqrt 6$, and usually the
# training makes up for it.

# %%
lesson.predict(
    "From first weights that are smaller by √6, what does the training of design D reach?",
    ["nearly the excess of D", "about half of its gain", "no gain over F = 0"],
)


# %%
class LessSkip(Module):
    """The denoiser of EDM with nine tenths of c_skip."""

    def __init__(self, net):
        self.net = net

    def __call__(self, y, sigma, condition=None):
        c_skip, c_out, c_in, c_noise = preconditioning(sigma, 1.0)
        output = self.net(per_example(c_in, y), np.asarray(400 * c_noise + 500, y.dtype))
        return per_example(0.9 * c_skip, y) + per_example(c_out, output)


# %%
def part_left(name, model, draw=lognormal_levels, weight=edm):
    """The excess after a training, over that of F = 0."""
    return excess(train(name, model, draw, weight, lesson.steps(2000)), points).mean() / of_nothing


of_nothing, less = excess(untrained, points).mean(), 1 / he_gain("relu")
small = {
    "D, F of EDM": part_left("small weights", EDM(network("D0", scale=less), 1.0)),
    "D with 0.9 c_skip": part_left("small weights, less skip", LessSkip(network("D0", scale=less))),
    "B, the noise": part_left(
        "small weights, B", NoiseDenoiser(network("B0", scale=less)), weight=inverse_square
    ),
}
usual = [means["D"][0] / of_nothing, part_left("less skip", LessSkip(network("D0")))]
usual.append(means["B"][0] / of_nothing)

# %%
rows = [[name, low, high] for (name, low), high in zip(small.items(), usual)]
header = ["design, target", "smaller by √6", "as `EpsMLP` starts"]
lesson.table(rows, header, title="excess over that of F = 0")
stuck, moved, _ = small.values()
lesson.outcome(
    f"The excess stays at {stuck:.2f} of that of F = 0, because the target has no linear part. With"
    " a tenth of c_skip left out, which adds such a part, the training from the same weights"
    f" reaches {moved:.2f}.",
    answer="no gain over F = 0"
    if stuck > 0.9
    else "about half of its gain"
    if stuck > 0.3
    else "nearly the excess of D",
)

# %%
lesson.claim(
    "D with 0.9 c_skip from small weights, excess over F = 0",
    moved,
    at_most=0.7,
    source="seeds 0, 1 and 7307: 0.28 to 0.46; untrained: 15",
)

# %% [markdown]
# EDM's factors take everything linear out of the target. That makes $c_\text{out}$ as small as
# possible, and from the larger weights D is better than with less skip. But what is left is easy to
# miss, because a network with small weights is nearly linear. The noise of design B has a linear
# part, and B learns from both starts. The loss does not tell a stuck training from one that learns,
# because the stuck training ends at 0.90, and the trainings of C, which learned, end between 0.85
# and 0.94. But the excess tells them apart. (These are results of one training each.)
#
# The two other mistakes change the levels or their weights. *Without λ* the loss $\mathbb E\|D -
# x_0\|^2$ gives a level the weight $c_{\text{out}}^2$, which is $10^{-4}$ at $\sigma = 0.01$ and 1
# at 20. With *the logarithm to base 10* the median level falls from 0.30 to 0.063, and the levels
# spread 2.3 times as widely. We train design D with each.


# %%
def unweighted(sigma):
    return np.ones_like(sigma)


def base_ten(rng, n):
    return 10 ** (-1.2 + 1.2 * rng.standard_normal(n))


rows = [
    ["D", usual[0]],
    ["D without λ", part_left("no weight", EDM(network("D0"), 1.0), weight=unweighted)],
    ["D, logarithm to base 10", part_left("base ten", EDM(network("D0"), 1.0), base_ten)],
]

# %%
lesson.table(rows, ["design", "excess over that of F = 0"])

# %% [markdown]
# Both trainings run smoothly, and the loss without λ is even far lower than D's. But its denoiser
# keeps more than half of the excess of $F = 0$, and the logarithm to base 10 makes the excess of D
# more than five times as large. A small test finds each mistake in a second. The check of section
# 4, where $F = 0$ has loss 1 at every level, finds the first, and a histogram of the drawn levels
# the second.
#
# ## What this lesson leaves out
#
# We leave out networks for images, in which every layer keeps the size of its signal, and weights
# of the levels that are learned with the network.
#
# **To remember:** Train at the levels where something can be learned. Of the choices in section 5
# this matters most in the plane. EDM's factors, which give input and target variance 1 with the
# smallest $c_\text{out}$, help on top. Compare designs by their excess over the exact denoiser,
# because their loss curves are not comparable.
#
# **Your turn:** `minigen exercise start after/03`, then `minigen run after/03 --with
# exercises/after_03.py`. Next, `after/04` takes the trained denoisers and samples from them.

# %%
lesson.finish()
