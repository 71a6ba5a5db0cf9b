# %% [markdown]
# # The design space of diffusion models
#
# A diffusion model is a recipe with many parts: what the network predicts, at which noise levels it
# is trained, how its errors are weighted, which steps the sampler takes. A new paper usually
# changes several parts at once, so nobody can tell which one helped. Changing one part at a time on
# images does not settle it, because there the best possible denoiser is unknown. In the plane we
# know it. Which parts matter, and by how much?
#
# We derive what the network should predict (sections 1, 2), ask where it can learn something (3,
# 4), change one choice at a time (5), then choose steps and noise for the sampler (6, 7), and ask
# what guidance samples (8, 9). This lesson comes after the posts. It belongs to [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/) and follows Karras,
# Aittala, Aila and Laine 2022, who call their model EDM. Before this lesson: `diffusion/08`,
# `diffusion/09`, `diffusion/12`, `after/01`, `after/02`.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "after/03_design_space",
    title="The design space of diffusion models",
    post="after",
    equations=[
        "after.17",
        "after.18",
        "after.19",
        "after.20",
        "after.21",
        "after.22",
        "after.23",
        "after.24",
        "after.25",
        "after.26",
        "after.27",
    ],
    minutes=2,
    picture="guidance",
    sources=[
        "weng2021diffusion",
        "he2015rectifiers",
        "karras2022design",
        "hang2023minsnr",
        "bradley2024predictor",
        "karras2024bad",
        "kynkaanniemi2024interval",
    ],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import toy
from minigen.data.mixture import GaussianMixture
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.diffusion.schedule import Schedule, per_example
from minigen.metrics import sliced_wasserstein
from minigen.metrics.floor import OverFloor
from minigen.nn import Module, he_gain
from minigen.optim import cosine
from minigen.train import descend

# %%
from minigen.diffusion.edm import EDM, edm_loss, edm_target, edm_weight, lognormal_levels
from minigen.diffusion.edm import churn, edm_sample, karras_levels, min_snr_weight, preconditioning
from minigen.diffusion.guidance import gaussian_guided, guided_gaussian_variance

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

# %% [markdown]
# What does the network have to output? For $x_0 = 4$ and $z = -1$ at $\sigma = 3$ the noisy point
# is $y = 1$.

# %%
lesson.exercise("after/03/edm_target")

# %% [markdown]
# By Eq. after.18 it is $F^* = (x_0 - c_{\text{skip}}\,y)/c_{\text{out}} = (4 - 0.64)/2.4 = 1.4$. In
# words, the network predicts what the best linear guess misses, in units of its usual size.
#
# ## 2. The target with other factors
#
# Would simpler factors do? Suppose the denoiser passes its input through unchanged,
# $c_{\text{skip}} = 1$, or not at all, $c_{\text{skip}} = 0$, and keeps the other factors.

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
units = [value for row in rows for value in row[1:3]]
lesson.check("variance of input and target", units, equals=1.0, atol=0.1 if lesson.quick else 0.03)

# %% [markdown]
# With $c_{\text{skip}} = 1$ the target explodes at high levels, because the network would have to
# output $-\sigma z$, and at $\sigma = 10$ that noise is ten times as large as the data. With
# $c_{\text{skip}} = 0$ it explodes at low levels, because $x_0$ is divided by a small
# $c_{\text{out}}$. Only EDM's factor keeps the variance at 1.
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
# ones between 0.05 and 1, where the ring has its learnable fraction. For other data, look where
# their learnable fraction lies, and move the mean of the log-normal distribution there.
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
# For a network that predicts the noise, the plain loss of DDPM has $\lambda = 1/\sigma^2$, which is
# the signal-to-noise ratio SNR. Hang et al. 2023 bound this weight, $\min(\text{SNR}, \gamma)$ with
# $\gamma = 5$ (Eq. after.24). For which levels does that change the weight? For the loss of the
# noise, what is the factor?

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
# range from 0.01 to 20. (Of DDPM's levels 23 % are larger, and become 20.) The size of the first
# weights matters as well (section 10).

# %%
lesson.predict(
    "Which change alone brings design A closer to the exact denoiser?",
    ["log-normal levels (B)", "EDM's factors (C)", "both the same"],
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
    f" {ratio['F'].mean():.2f}, the factors alone by {ratio['C'].mean():.2f}, levels and factors"
    f" together by {ratio['D'].mean():.2f}, and the bounded weight by {ratio['E'].mean():.2f}.",
    answer="log-normal levels (B)"
    if ratio["B"].mean() < 0.8 * ratio["C"].mean()
    else "EDM's factors (C)"
    if ratio["C"].mean() < 0.8 * ratio["B"].mean()
    else "both the same",
)

# %%
lesson.claim(
    "excess of B over A",
    ratio["B"],
    at_most=0.4,
    source="seeds 0, 1 and 6113: worst 0.28; F = 0: about 2",
)
lesson.claim(
    "excess of D over A",
    ratio["D"],
    at_most=0.25,
    source="seeds 0, 1 and 6113: worst 0.15; F = 0: about 2",
)
lesson.claim(
    "excess of D", means["D"], at_most=0.03, source="seeds 0, 1 and 6113: worst 0.017; F = 0: 0.23"
)

# %%
lesson.claim(
    "excess of E over A",
    ratio["E"],
    at_least=1.3,
    source="seeds 0, 1 and 6113: least 1.59; no change: 1",
)
lesson.claim(
    "excess of F over A",
    ratio["F"],
    between=(0.25, 0.9),
    source="seeds 0, 1 and 6113: 0.38 to 0.74; no change: 1",
)

# %%
levels = np.geomspace(0.02, 10, 10)
curves = {d: np.mean([over[d, k] for k in SEEDS], axis=0) for d in designs}
fig, ax = plot.figure(1, 1, size=(5.5, 3.2))
plot.line(levels, curves, ax, xlabel="σ", ylabel="excess", log="xy")
lesson.figure(
    fig,
    "ablation",
    "The excess of six designs by noise level, mean of three trainings, both axes logarithmic."
    " Compare the designs below σ = 0.3 and above σ = 1.",
)

# %% [markdown]
# The levels matter most. Below $\sigma = 0.3$, where most can be learned, the designs with
# log-normal levels are far better than those with DDPM's. A part of this gain needs no tuned
# distribution, because levels that are even in $\log\sigma$ (F) already multiply the excess by 0.4
# (by up to 0.74 in other trainings). Above $\sigma = 1$ the order changes. There the log-normal
# levels make the noise network of B worse than A, and with EDM's factors (C and D) the excess is
# small. So these factors do little for the mean excess of A, which lies almost entirely below
# $\sigma = 0.3$, and halve it together with log-normal levels. E answers the question of section 4
# for the ring. The bound takes weight from the levels below 0.447, where the ring has its learnable
# fraction, and the excess there grows until it is close to that of $F = 0$, which has learned
# nothing. (The excess is in units of $\sigma^2$, which is A's own weight, so a part of this is the
# measure.) For images Hang et al. 2023 found that the same bound helps, and explain it by conflicts
# between the levels. The plane has no answer to that.
#
# ## 6. Steps and solver
#
# The network is trained. How should we sample? A sampler follows $dy/d\sigma = (y - D(y,
# \sigma))/\sigma$ from $\sigma = 20$ to 0. Where should its levels lie?

# %%
lesson.exercise("after/03/karras_levels")

# %% [markdown]
# Eq. after.22 spaces them evenly in the root $\sigma^{1/\rho}$, with $\rho = 7$, and appends 0. We
# take the exact denoiser of the ring, so that every error is the solver's, and measure the distance
# of the ends to those of 300 steps. One step of Heun's method costs two evaluations of the
# denoiser, except the last.

# %%
lesson.predict(
    "With 9 evaluations on Karras' levels, which ends nearer to the exact ends?",
    ["Euler, 9 steps", "Heun, 5 steps", "both the same"],
)


# %%
def exact(y, sigma, condition=None):
    return ring.posterior(y, 1.0, float(sigma[0]))[0]


def spaced(kind, n):
    """n levels from 20 to 0.01, then 0."""
    if kind == "Karras":
        return karras_levels(n, LOW, HIGH)
    spacing = np.geomspace if kind == "logarithmic" else np.linspace
    return np.append(spacing(HIGH, LOW, n), 0.0)


# %%
start = HIGH * lesson.rng("steps").standard_normal((lesson.size(300, quick=20), 2))
ends = edm_sample(exact, start, spaced("Karras", 300))
budgets = np.array([9, 17, 35, 79])


def heun_on_path(y, sigmas):
    """Heun's steps, but with the second slope at the point to which the exact path leads."""
    for sigma, after in zip(sigmas[:-1], sigmas[1:]):
        slope = (y - exact(y, [sigma])) / sigma
        if after > 0:
            on_path = edm_sample(exact, y, np.geomspace(sigma, after, 60))
            slope = (slope + (on_path - exact(on_path, [after])) / after) / 2
        y = y + (after - sigma) * slope
    return y


# %%
far = {}
for kind in ("Karras", "logarithmic", "even"):
    for solver in ("euler", "heun"):
        found = []
        for budget in budgets:
            sigmas = spaced(kind, budget if solver == "euler" else (budget + 1) // 2)
            end = edm_sample(exact, start, sigmas, solver=solver)
            found.append(np.sqrt(np.mean((end - ends) ** 2)))
        far[f"{kind}, {solver}"] = found
header = ["levels, solver", *[f"{budget} evaluations" for budget in budgets]]
lesson.table([[name, *row] for name, row in far.items()], header, title="distance to the exact end")
repaired = np.sqrt(np.mean((heun_on_path(start, spaced("Karras", 5)) - ends) ** 2))

# %%
lesson.show_source(karras_levels, edm_sample)
euler, heun = far["Karras, euler"], far["Karras, heun"]
lesson.outcome(
    f"The ends of Euler's steps are {euler[0]:.3f} away and those of Heun's {heun[0]:.3f}. Most of"
    " Heun's distance comes from its second slope, which it takes far from the path if the step is"
    f" long: with that slope taken on the path, {repaired:.3f} are left. With 79 evaluations the"
    f" order is reversed, {euler[3]:.4f} for Euler and {heun[3]:.4f} for Heun.",
    answer="Euler, 9 steps",
)
lesson.check("79 evaluations: Heun over Euler", heun[3] / euler[3], at_most=0.4)
lesson.check("9 evaluations: Euler over Heun", euler[0] / heun[0], at_most=0.6)
lesson.check("35, Heun: even over Karras' levels", far["even, heun"][2] / heun[2], at_least=10)

# %%
fig, ax = plot.figure(1, 1, size=(5.5, 3.2))
four = {name: row for name, row in far.items() if not name.startswith("log")}
plot.line(budgets, four, ax, xlabel="evaluations", ylabel="distance to the exact end", log="xy")
lesson.figure(
    fig,
    "solvers",
    "Four ways to take the steps, with the exact denoiser of the ring, both axes logarithmic."
    " Look where Heun's curve crosses Euler's on Karras' levels.",
)

# %%
powers = (1, 2, 5, 7, 20)
rows = []
for rho in powers:
    end = edm_sample(exact, start, karras_levels(18, LOW, HIGH, rho))
    rows.append([rho, np.sqrt(np.mean((end - ends) ** 2))])
lesson.table(rows, ["ρ", "distance, 35 evaluations of Heun"])

# %% [markdown]
# With $\rho = 1$ the spacing is even, and from 5 upwards the choice of $\rho$ hardly matters here.
# The logarithmic levels of the first table are as good as Karras'. So the exact formula of the
# levels does not matter, but short steps near the data do.
#
# ## 7. Churn
#
# The path is deterministic, so nothing removes an error that was made on the way. *Churn* adds
# fresh noise before a step, which raises the level from $\sigma$ to $\hat\sigma = (1 +
# \gamma)\sigma$, and then steps down from there. How large must the noise be?

# %%
lesson.exercise("after/03/churn")

# %% [markdown]
# Variances add up (Eq. after.23): $\hat y = y + \sqrt{\hat\sigma^2 - \sigma^2}\;z$. From $\sigma =
# 3$ to 5 the noise has standard deviation 4. We sample three designs by Heun in 35 evaluations,
# with and without churn. We measure the sliced Wasserstein distance to the ring, as a multiple of
# the distance between two sets of samples of the ring (the floor). This distance is coarse, so we
# also count the *outliers*, points where the density is lower than at 99 % of the data, and measure
# the width of the modes, which is 1 for the data.

# %%
lesson.show_source(churn)
raised = churn(np.array([[1.0]]), 3.0, 2 / 3, np.array([[0.5]]))[0]
lesson.check("from 3 to 5 with z = 0.5", raised, equals=3.0)


# %%
def distance(a, b):
    return sliced_wasserstein(a, b, 100, lesson.rng("directions"))


set_size, repeats = lesson.size(1000, quick=50), lesson.size(20, quick=2)
judge = OverFloor(distance, ring.sample, set_size, lesson.rng("floor"), repeats)
rare = np.quantile(ring.log_prob(ring.sample(lesson.rng("rare"), 20_000).astype(float)), 0.01)


def noise_of(k):
    """The start of three sets of samples: standard normal."""
    return lesson.rng(f"start {k}").standard_normal((3 * set_size, 2), dtype=np.float32)


def described(x):
    """The distance over the floor, the fraction of outliers, and the width of the modes."""
    exactly = x.astype(float)
    outliers = np.mean(ring.log_prob(exactly) < rare)
    centers = ring.means[ring.responsibilities(exactly).argmax(axis=1)]
    width = np.sqrt(np.mean((exactly - centers) ** 2)) / np.mean(ring.std)
    return judge(x, lesson.rng("judge")), outliers, width


# %%
quality, sigmas = {}, karras_levels(18, LOW, HIGH)
for design in "ABD":
    for amount in (0.0, 10.0):
        for k in SEEDS:
            begin, fresh = HIGH * noise_of(k), lesson.rng(f"churn {k}")
            x = edm_sample(denoisers[design, k], begin, sigmas, amount, fresh)
            quality.setdefault((design, amount), []).append(described(x))
named = {0.0: "no", 10.0: "yes"}
rows = [[d, named[amount], *np.mean(found, axis=0)] for (d, amount), found in quality.items()]

# %%
rows.append(["data", "", *described(ring.sample(lesson.rng("data described"), 3 * set_size))])
spread_out = np.float32(ring.sample(lesson.rng("spread"), 20_000).std(axis=0))
rows.append(["one Gaussian", "", *described(noise_of("one Gaussian") * spread_out)])
header = ["design", "churn", "distance / floor", "outliers", "width of the modes"]
lesson.table(rows, header, title="mean of three trainings, 35 evaluations")

# %%
by_heun = {design: [found[0] for found in quality[design, 0.0]] for design in "AD"}
lesson.claim(
    "D, 35 evaluations, over the floor",
    by_heun["D"],
    at_most=1.5,
    source="seeds 0, 1 and 6113: worst 1.19",
)

# %%
gain = np.mean(by_heun["D"]) / np.mean(by_heun["A"])
lesson.claim(
    "D over A, 35 evaluations, mean of three",
    gain,
    between=(0.3, 0.75),
    source="seeds 0, 1 and 6113: 0.43 to 0.56; no difference: 1",
)
lesson.claim(
    "outliers of D, 35 evaluations",
    [found[1] for found in quality["D", 0.0]],
    at_most=0.15,
    source="seeds 0, 1 and 6113: worst 0.088; one Gaussian: 0.93",
)

# %% [markdown]
# The measures disagree about design B. Fresh noise brings its samples nearer to the ring by the
# distance, and yet it makes outliers more frequent and the modes wider. For A and D churn is a
# small loss: their distance grows by a tenth and by a fifth, and outliers and width by less than a
# fifth. So fresh noise does not repair everything. It may repair an error made at a high level,
# because the following steps start from a new point, but not one made at the lowest levels, because
# no steps follow. (We use the largest $\gamma$ that Karras et al. allow, $\sqrt2 - 1$, at all
# levels. They restrict it to a range of levels.)
#
# The table also warns of the distance. By it, A is only twice as far away as D, although more than
# half of A's points are outliers and its modes are three times too wide.
#
# ## 8. What guidance samples
#
# Which density does guidance sample? Guidance takes $D_1 + w\,(D_1 - D_0)$ in place of $D_1$
# (`diffusion/09`). If it sampled from the tilted density $p_1^{1 + w}/p_0^w$, two Gaussians with
# variances $v_1 = 2$ and $v_0 = 4$ would give samples with variance $1/(2/2 - 1/4) = 4/3$ at $w =
# 1$.

# %%
lesson.predict(
    "We follow the guided denoiser with w = 1. What is the variance of the samples?",
    ["4/3, as that of the tilted density", "1", "2"],
)

# %%
lesson.exercise("after/03/guided_gaussian_variance")


# %%
def guided(first, second, w, low=0.0, high=np.inf):
    """D1 + w (D1 − D0) where low ≤ σ ≤ high, and D1 elsewhere."""

    def denoiser(y, sigma, condition=None):
        best = first(y, sigma)
        if w == 0 or not low <= sigma[0] <= high:
            return best
        return (1 + w) * best - w * second(y, sigma)

    return denoiser


def of_gaussian(v):
    return lambda y, sigma: y * (v / (v + sigma[0] ** 2))


# %%
v1, v0 = 2.0, 4.0
falling = np.append(np.geomspace(200, 0.001, 1500), 0)
rows, start_at = [], np.array([[1.0]])
for w in (0.0, 1.0, 2.0, 3.0):
    denoiser = guided(of_gaussian(v1), of_gaussian(v0), w)
    slope = edm_sample(denoiser, start_at, falling)[0, 0]  # the path is linear in its start
    formulas = [gaussian_guided(v1, v0, w, kind) for kind in ("ode", "sde", "tilt")]
    rows.append([w, slope**2 * 200**2, *formulas])
header = ["w", "variance of the samples", "formula", "with fresh noise", "tilted density"]
lesson.table(rows, header)
lesson.check("variance of the guided samples, w = 1", rows[1][1], equals=1.0, atol=0.01)

# %%
lesson.show_source(guided_gaussian_variance)
lesson.outcome(
    "The variance halves with each further 1 of w, because it is v₁ (v₁/v₀)^w, and that of"
    " the tilted density falls more slowly.",
    answer="1",
)

# %% [markdown]
# The variance is $v_1\,(v_1/v_0)^w$ (Eq. after.27), so guidance does not sample the tilted
# density. Bradley and Nakkiran 2024 give such a counterexample, and show that with fresh noise in
# each step the samples follow yet another density (the fourth column). Is guidance then a mistake?
# Not always. Suppose the data has variance 1, a model has $v_1 = 2$, and a worse version of it has
# $v_0 = 4$. Then $w = 1$ repairs the model exactly.
#
# <details><summary>Derivation: the variance of a guided Gaussian</summary>
#
# For one Gaussian $dy/d\sigma = (y - D)/\sigma = \sigma y/(v + \sigma^2)$, so $y \propto (v +
# \sigma^2)^{1/2}$. With $D_1 + w(D_1 - D_0)$ the slope is $(1 + w)$ times that of $v_1$ minus $w$
# times that of $v_0$, so $\log y$ is too: $y \propto (v_1 + \sigma^2)^{(1 + w)/2}(v_0 +
# \sigma^2)^{-w/2}$. At a large $\sigma$ this is $\sigma$, and $y$ has variance $\sigma^2$. At
# $\sigma = 0$ the square is $v_1^{1 + w} v_0^{-w}$.
#
# </details>

# %%
lesson.change(
    "a narrower guide",
    "Change `v1, v0 = 2.0, 4.0` to `v1, v0 = 4.0, 3.2`, so that the second model is narrower. What "
    "is the variance at $w = 1$?",
    answer="It is 5.0, more than that of either model: guidance away from a narrower model widens "
    "the density.",
)

# %% [markdown]
# So guidance moves the samples away from $D_0$, by an amount that depends on both models. What it
# samples is not the density that its formula suggests.
#
# ## 9. Where to guide, and by which guide
#
# Two papers change guidance in one part each. Kynkäänniemi et al. 2024 guide only in an interval of
# levels (Eq. after.25), because at high levels guidance acts before the modes are separate, and at
# low levels each point already belongs to a mode. But guidance at fewer levels is also less
# guidance, and less of it changes less. We therefore choose the weights so that the *effect* is
# equal.
#
# Take five Gaussians, of which three carry the label. $D_1$ is the exact denoiser of these three,
# $D_0$ that of all five. The effect of guidance is that the samples leave no doubt about the label,
# so we measure the probability of the two other Gaussians at the samples. Its mean counts the worst
# points most, and its median a typical point.

# %%
centers = np.array([[-1.2, 0.9], [0.0, 1.2], [1.3, 0.6], [-0.7, -0.8], [0.9, -0.9]])
parts = np.array([0.25, 0.25, 0.15, 0.2, 0.15])
everything = GaussianMixture(centers, std=0.35, weights=parts)
labelled = GaussianMixture(centers[:3], std=0.35, weights=parts[:3])


def denoiser_of(mixture):
    return lambda y, sigma: mixture.posterior(y, 1.0, float(sigma[0]))[0]


pair = denoiser_of(labelled), denoiser_of(everything)
of_label = OverFloor(distance, labelled.sample, set_size, lesson.rng("label floor"), repeats)

# %%
begin = HIGH * noise_of("guided")[: 2 * set_size].astype(float)


def sampled(w, low, high):
    """Samples that are guided with w between two levels."""
    return edm_sample(guided(*pair, w, low, high), begin, karras_levels(24, LOW, HIGH))


def doubt(x):
    """The probability of the Gaussians without the label, at each point."""
    return everything.responsibilities(x)[:, 3:].sum(axis=1)


def equal(effect, target, most, halvings=14):
    """The weight w at which effect(w), which falls, reaches a target."""
    least = 0.0
    for _ in range(halvings):
        w = (least + most) / 2
        least, most = (w, most) if effect(w) > target else (least, w)
    return (least + most) / 2


# %%
goal = doubt(sampled(2.0, 0, 99))
ways = {
    "none": (0.0, 0, 99),
    "all levels": (2.0, 0, 99),
    "above 1.5, equal mean": (np.mean, 1.5, 99),
    "0.3 to 1.5, equal mean": (np.mean, 0.3, 1.5),
    "0.3 to 1.5, equal median": (np.median, 0.3, 1.5),
}

# %%
rows, pictures = [], {}
for name, (w, low, high) in ways.items():
    if callable(w):
        measure = w
        w = equal(lambda w: measure(doubt(sampled(w, low, high))), measure(goal), 20.0)
    x = pictures[name] = sampled(w, low, high)
    rows.append([name, w, np.mean(doubt(x)), np.median(doubt(x)), of_label(x, lesson.rng("judge"))])
header = ["guided at", "w", "mean doubt", "median doubt", "distance / floor"]
lesson.table(rows, header)

# %%
part = rows[3][4] / rows[1][4]
lesson.check("equal mean doubt: interval over all levels", part, at_most=2 if lesson.quick else 0.9)
fig, axes = plot.figure(1, 3, size=(3.0, 3.0))
for ax, k in zip(axes, (0, 1, 3)):
    title = f"{rows[k][0].removesuffix(', equal mean')}, w = {rows[k][1]:.1f}"
    plot.samples(pictures[rows[k][0]], labelled, ax, title=title, bounds=2.5)
    ax.scatter(*centers[3:].T, marker="x", color="black", s=40)
lesson.figure(
    fig,
    "guidance",
    "The labelled density (blue), the centers of the two Gaussians without the label (black"
    " crosses), and samples (orange) without guidance, with guidance at all levels, and with"
    " guidance in an interval. Compare how far the samples move away from the crosses.",
)

# %% [markdown]
# Both denoisers are exact, so every distance far above 1 comes from guidance. At equal mean doubt
# the samples of the interval are nearer to the labelled density than those of all levels, and
# guidance at the high levels only is the worst. At equal median doubt, however, the interval has no
# advantage. So guidance in the interval moves the few doubtful points with a smaller distance to
# the labelled density, and a typical point with the same one. In the interval the weight has to be
# larger than at all levels, in both rows.
#
# The second paper changes the guide. *Autoguidance* (Eq. after.26, Karras et al. 2024) takes as
# $D_0$ a worse version of $D_1$ itself, with the same data, a smaller network and a shorter
# training. If their errors point the same way, and those of $D_0$ are larger, the difference $D_1 -
# D_0$ points away from these errors. That is the idea. But could a guide that has learned nothing
# do the same? As a control we take the design's own start $F = 0$, the linear denoiser
# $c_{\text{skip}}\, y$. It gets the weight with which the modes become as narrow as with the worse
# version.

# %%
lesson.predict(
    "A worse version of D as guide removes outliers of D. How much of this does the guide F = 0"
    " reach, with the weight that makes the modes equally narrow?",
    ["less than a quarter", "about half", "more than three quarters"],
)


# %%
def many_of(k):
    """The start of twelve sets of samples, so that a few outliers more or less do not matter."""
    return HIGH * lesson.rng(f"many {k}").standard_normal((12 * set_size, 2), dtype=np.float32)


def guided_by(guide, w, k):
    """What samples of design D are like with this guide."""
    return described(edm_sample(guided(denoisers["D", k], guide, w), many_of(k), sigmas))


# %%
worse, found, learned = {}, {}, {}
for k in SEEDS:
    small = EDM(network(f"worse D{k}", width=32), 1.0)
    worse[k] = train(f"worse D{k}", small, lognormal_levels, edm, lesson.steps(1500))
    learned[k] = excess(worse[k], points).mean()
    found[k] = [[0.0, *guided_by(untrained, 0.0, k)], [0.25, *guided_by(worse[k], 0.25, k)]]
    w = equal(lambda w: guided_by(untrained, w, k)[2], found[k][1][3], 0.5, halvings=8)
    found[k].append([w, *guided_by(untrained, w, k)])

# %%
off = np.array([[row[2] for row in found[k]] for k in SEEDS])  # outliers by training and guide
reached = (off[:, 0] - off[:, 2]) / np.maximum(off[:, 0] - off[:, 1], 1e-3)
of_nothing = excess(untrained, points).mean()
part = np.array(list(learned.values())) / of_nothing
lesson.outcome(
    f"F = 0 reaches {100 * reached.mean():.0f} % of it, although the worse version has learned much"
    f" (its excess is {part.mean():.2f} of that of F = 0).",
    answer="more than three quarters"
    if reached.mean() > 0.75
    else "about half"
    if reached.mean() > 0.25
    else "less than a quarter",
)

# %%
means_of = np.mean([found[k] for k in SEEDS], axis=0)
rows = [[name, *row] for name, row in zip(("none", "worse version", "F = 0"), means_of)]
header = ["guide", "w", "distance / floor", "outliers", "width of the modes"]
lesson.table(rows, header, title="mean of three trainings")

# %%
lesson.claim(
    "removed outliers, F = 0 over a worse version, equal width",
    reached,
    between=(0.6, 1.1),
    source="seeds 0, 1 and 6113: 0.76 to 0.95; no effect: 0",
)
lesson.claim(
    "excess of the worse version over that of F = 0",
    part,
    between=(0.1, 0.7),
    source="seeds 0, 1 and 6113: 0.31 to 0.43; untrained: 1",
)

# %% [markdown]
# With modes that are equally narrow, the guide that has learned nothing removes most of the
# outliers that the worse version removes. So most of the effect does not need a guide whose errors
# resemble those of $D$. For it a guide is enough that knows the mean and the variance of the data.
# The rest is what the idea of autoguidance can claim here. By the distance over the floor neither
# guide brings the samples nearer. Whether it is more for images, as Karras et al. report, the plane
# cannot tell.
#
# ## 10. Wrong turns
#
# `EpsMLP` starts its hidden layers with weights of variance $2/\text{inputs}$, as He et al. (2015)
# chose it for ReLU. A plain `Linear` layer starts with weights that are smaller by the factor
# $\sqrt 6$. Does that matter?

# %%
plain = EDM(network("D0", scale=1 / he_gain("relu")), 1.0)
plain = train("small weights", plain, lognormal_levels, edm, lesson.steps(2000))
of_noise = NoiseDenoiser(network("B0", scale=1 / he_gain("relu")))
of_noise = train("small weights, B", of_noise, lognormal_levels, inverse_square, lesson.steps(2000))
slow, slow_b = (excess(model, points).mean() / of_nothing for model in (plain, of_noise))
fast, fast_b = means["D"][0] / of_nothing, means["B"][0] / of_nothing

# %%
lesson.table(
    [["D, F of EDM", slow, fast], ["B, the noise", slow_b, fast_b]],
    ["design, target", "smaller by √6", "as `EpsMLP` starts"],
    title="excess over that of F = 0",
)
# %% [markdown]
# From the smaller weights the network of D has learned nothing. A likely reason is that a SiLU
# halves small signals, so little is left after three layers, and a network with small weights
# starts nearly linear. Design B does learn from the smaller weights. Its target still has a linear
# part, which may give it a first gradient that D lacks, but no run here tests that.
#
# Three other mistakes raise no error. *Without λ* the loss $\mathbb E\|D - x_0\|^2$ weighs a level
# by $c_{\text{out}}^2$. With *the logarithm to base 10* the levels spread far to both sides. *Churn
# by $\hat\sigma - \sigma$* in place of the root of the difference of squares adds too little noise:
# from 3 to 5 the point gets the level $\sqrt{3^2 + 2^2}$, while the denoiser receives 5.

# %%
slipped = 10 ** (-1.2 + 1.2 * lesson.rng("slip").standard_normal(lesson.size(20_000)))
c_out = preconditioning(np.array([0.01, 20.0]), 1.0)[1]
rows = [
    ["without λ: weight at σ = 0.01 over that at 20", c_out[0] ** 2 / c_out[1] ** 2],
    ["base 10: fraction of levels in 0.05 < σ < 1", np.mean((0.05 < slipped) & (slipped < 1))],
    ["churn by the difference: level in place of 5", np.sqrt(3.0**2 + 2.0**2)],
]
lesson.table(rows, ["mistake", "its result"])

# %% [markdown]
# The first gives the levels wrong weights, the second draws wrong levels, and the third tells the
# network a wrong level. No error is raised, but each has a test. The check of section 4, where $F =
# 0$ has loss 1 at every level, finds the first, a histogram of the levels the second, and the
# example from 3 to 5 the third.
#
# ## 11. Samplers and models in the plane
#
# *You may skip this section, because no other section needs it. It is for readers who want to
# compare samplers and models at an equal number of evaluations.*
#
# How near to the data are the samples for a given number of evaluations? We take designs A and D,
# and train one model of each other kind three times on the ring: flow matching with independent
# pairs, with OT pairs, and reflow (`after/02`); two students of design D, by progressive
# distillation (`diffusion/11`) and as a consistency model (`diffusion/12`); and the GAN, the VAE
# and the RealNVP of `minigen tour`. The networks of diffusion and flow matching have the size of
# design D. (By section 2 the network of D predicts $-v$, so it can be the teacher unchanged.)

# %%
from minigen.diffusion.consistency import ConsistencyModel, consistency_distillation_loss
from minigen.diffusion.consistency import eps_model_from_denoiser, multistep
from minigen.diffusion.ddpm import eps_model_from_v
from minigen.diffusion.distillation import distillation_loss, halved

# %%
from minigen.diffusion.flow_matching import TimeScaled, flow_matching_loss, integrate
from minigen.diffusion.flow_matching import ot_pairs, reflow_pairs
from minigen.diffusion.samplers import ddim, strided
from minigen.zoo.four import FAMILIES


# %%
def independent(rng):
    x0 = ring.sample(rng, 256)
    return x0, rng.standard_normal(x0.shape, dtype=np.float32), rng.random(256, dtype=np.float32)


def paired(rng):
    """Pairs by optimal transport, within each quarter of the batch."""
    x0, eps, t = independent(rng)
    parts = [ot_pairs(a, b) for a, b in zip(np.split(x0, 4), np.split(eps, 4))]
    return *(np.concatenate(part) for part in zip(*parts)), t


base = Schedule.karras(64, LOW, HIGH)


class Velocity(Module):
    """v (x, t) by the network of an EDM denoiser, whose output is −v."""

    def __init__(self, net):
        self.net = net

    def __call__(self, x, t, y=None):
        return -self.net(x, np.asarray(100 * np.log(base.sigma[t]) + 500, x.dtype))


# %%
def flows(k):
    """Three flows: independent pairs, OT pairs, and reflow of the first."""
    steps, found = lesson.steps(2000), {}
    for name, batch in (("flow matching", independent), ("OT", paired)):
        model = TimeScaled(network(f"{name} {k}"), 200.0)
        found[name] = fitted(f"{name} {k}", flow_matching_loss, model, batch, steps)
    many = lesson.rng(f"reflow {k}").standard_normal((lesson.size(10_000), 2), dtype=np.float32)
    ends, many = reflow_pairs(found["flow matching"], many, np.linspace(1, 0, 49))

    def own_ends(rng):
        i = rng.integers(0, len(many), 256)
        return ends[i], many[i], rng.random(256, dtype=np.float32)

    model = TimeScaled(network(f"reflow {k}"), 200.0)
    found["reflow"] = fitted(f"reflow {k}", flow_matching_loss, model, own_ends, steps)
    return found


# %%
def half_of(model, schedule, name):
    """A copy of a model of v, trained to take one step for two of its teacher's."""
    teacher = eps_model_from_v(model, base)

    def loss(student, x0, eps, t):
        return distillation_loss(student, teacher, x0, t, eps, schedule)

    def batch(rng):
        x0, eps, _ = independent(rng)
        return x0, eps, 2 * rng.integers(1, schedule.T // 2 + 1, 256)

    return fitted(name, loss, model.copy(), batch, lesson.steps(200), rate=1e-3)


def distilled(k):
    """{steps: (model of v, its schedule)}, from design D down to one step."""
    family = {64: (Velocity(denoisers["D", k].net), base)}
    for steps in (32, 16, 8, 4, 2, 1):
        teacher, schedule = family[2 * steps]
        family[steps] = half_of(teacher, schedule, f"{steps} steps {k}"), halved(schedule)
    return family


# %%
def consistency(k):
    """A consistency model that design D teaches, by Heun's steps between 18 levels."""
    noise, rising = eps_model_from_denoiser(denoisers["D", k]), karras_levels(18, LOW, HIGH)[-2::-1]
    student, steps = ConsistencyModel(network(f"consistency {k}"), LOW, 1.0), lesson.steps(1500)

    def batch(rng):
        x0, eps, _ = independent(rng)
        i = rng.integers(0, len(rising) - 1, 256)
        return x0, eps, rising[i + 1], rising[i]

    def loss(f, x0, eps, high, low):
        return consistency_distillation_loss(f, descent.averaged, noise, x0, eps, high, low)

    options = {"lr": cosine(2e-3, steps), "ema": 0.95, "clip": 1.0}
    descent = descend(loss, student, batch, rng=lesson.rng(f"pairs {k}"), **options)
    lesson.fit(descent, steps, state=descent.state, label=f"consistency {k}")
    return descent.averaged


# %%
flow_models = [flows(k) for k in SEEDS]
families = [distilled(k) for k in SEEDS]
students = [consistency(k) for k in SEEDS]
others = {}
for name, steps in (("GAN", 2000), ("VAE", 2000), ("RealNVP", 1200)):
    rngs = [lesson.rng(f"{name} {k}") for k in SEEDS]
    others[name] = [FAMILIES[name](ring, lesson.steps(steps), rng) for rng in rngs]

# %% [markdown]
# A budget of $N$ evaluations buys $N$ steps of Euler's method or of DDIM, and at most $(N + 1)/2$
# steps of Heun's. The models of the noise take the time steps of DDPM's schedule up to $\sigma =
# 20$.

# %%
whole = Schedule.linear(1000)
below = whole.subset(1 + np.flatnonzero(whole.sigma[1:] <= HIGH))


def noise_model(denoiser):
    """The noise (x, t) by a denoiser (y, sigma), on DDPM's schedule: y = x/√ᾱ."""

    def eps_model(x, t, y=None):
        sigma = whole.sigma[t].astype(x.dtype)
        noisy = per_example(np.sqrt(1 + sigma**2), x)
        return per_example(1 / sigma, noisy - denoiser(noisy, sigma))

    return eps_model


def by_edm(denoiser, N, k, solver="heun"):
    levels = karras_levels(N if solver == "euler" else (N + 1) // 2, LOW, HIGH)
    return edm_sample(denoiser, HIGH * noise_of(k), levels, solver=solver)


def by_flow(velocity, N, k):
    return integrate(velocity, noise_of(k), np.linspace(1, 0, 1 + N))


# %%
def by_consistency(f, N, k):
    """{its name: samples} at N of the 18 levels that the student was trained on, if it has so many.

    Between these levels it is arbitrary.
    """
    if N > 16:
        return {}
    chosen = np.linspace(0, min(8 + N // 2, 16), N).round().astype(int)
    levels = karras_levels(18, LOW, HIGH)[chosen]
    samples = multistep(f, HIGH * noise_of(k), levels, lesson.rng(f"fresh {k}"), LOW)
    return {"consistency model": samples}


# %%
def made_by(k, N):
    """{name: samples} with N evaluations, for training k."""
    noise, design, x = noise_model(denoisers["A", k]), denoisers["D", k], noise_of(k)
    (model, schedule), flow = families[k][N], flow_models[k]
    return {
        "exact denoiser, Heun": by_edm(exact, N, k),
        "A, ancestral (DDPM)": strided(noise, x, below, N, lesson.rng(f"fresh {k}")),
        "A, DDIM": ddim(noise, x, below, N),
        "D, Euler": by_edm(design, N, k, "euler"),
        "D, Heun": by_edm(design, N, k),
        "flow matching, Euler": by_flow(flow["flow matching"], N, k),
        "OT pairs, Euler": by_flow(flow["OT"], N, k),
        "reflow, Euler": by_flow(flow["reflow"], N, k),
        "progressive distillation": ddim(eps_model_from_v(model, base), x, schedule),
        **by_consistency(students[k], N, k),
    }


# %%
spent = (1, 4, 16, 64)
table = {}
for N in spent:
    for k in SEEDS:
        for name, x in made_by(k, N).items():
            table.setdefault(name, {}).setdefault(N, []).append(described(x))
for name, models in others.items():
    drawn = [model.sample(lesson.rng(f"fresh {k}"), 3 * set_size) for k, model in enumerate(models)]
    table[name] = {1: [described(x) for x in drawn]}
table["one Gaussian"] = {1: [described(noise_of(k)) for k in SEEDS]}
floors = {}
for name, row in table.items():
    floors[name] = {N: [x[0] for x in found] for N, found in row.items()}

# %%
rows = []
for name, row in table.items():
    best = np.mean(row[max(row)], axis=0)
    rows.append([name, *[np.mean(floors[name][N]) if N in row else "" for N in spent], *best[1:]])
header = ["model, sampler", *[f"{N}" for N in spent], "outliers", "width of the modes"]
title = "distance over the floor by evaluations, and the samples with the most evaluations"
lesson.table(rows, header, title=title)
spread = max(np.ptp(row[64]) for row in floors.values() if 64 in row)

# %%
lesson.claim(
    "64 evaluations: largest spread of three trainings",
    spread,
    at_most=0.6,
    source="seeds 0, 1 and 6113: 0.29 to 0.49; untrained: 6.5",
)

# %%
lesson.claim(
    "one evaluation, reflow",
    floors["reflow, Euler"][1],
    at_most=3.0,
    source="seeds 0, 1 and 6113: worst 1.86; one Gaussian: 5.1",
)
lesson.claim(
    "64 evaluations, D, Heun",
    floors["D, Heun"][64],
    at_most=1.5,
    source="seeds 0, 1 and 6113: worst 1.21; one Gaussian: 5.1",
)

# %%
names = ["A, DDIM", "D, Euler", "D, Heun", "flow matching, Euler", "reflow, Euler"]
names += ["progressive distillation", "consistency model"]
chosen = {n: [np.mean(floors[n].get(N, np.nan)) for N in spent] for n in names}
fig, ax = plot.figure(1, 1, size=(6.0, 4.0))
plot.line(np.array(spent), chosen, ax, xlabel="evaluations", ylabel="over the floor", log="xy")
ax.set_ylim(0.8, 25)
lesson.figure(
    fig,
    "all",
    "Distance to the ring by evaluations of the network, mean of three trainings, both axes"
    " logarithmic. (Heun's point at 4 evaluations lies far above the frame.) Compare the order of"
    " the curves at the left end with that at the right end.",
)

# %% [markdown]
# Read the table by its columns. With one evaluation only the models that were made for it come near
# the ring. One step of D or of flow matching ends near the mean of the data, which is farther away
# than one Gaussian. With 4 evaluations Euler's method is far better than Heun's, as in section 6.
# With 64, design A is farther away than D with every sampler. (The three trainings of a row differ
# by up to half a floor, so closer rows are not ranked.)
#
# The last two columns see what the distance does not. Flow matching and reflow are a little farther
# away than D, within the spread of the trainings, but they have about four times as many outliers
# or more. The consistency model's distance does not fall with more evaluations, and with 16 most of
# its points are outliers. The GAN is twice as far away as D, although it has few outliers. With one
# step, progressive distillation is nearer than its teacher (D by Euler's method) with four. With 64
# it is its teacher.
#
# Which model is best depends on the measure, so look at more than one.
#
# ## What this lesson leaves out
#
# We leave out solvers of higher order (DPM-Solver), networks for images, in which every layer keeps
# the size of its signal, and a guide for each part of an image.
#
# **To remember:** Train at the levels where something can be learned. In the plane this matters
# more than any other choice of the training. Factors that give input and target variance 1 help on
# top. Heun's method needs enough short steps near the data. Guidance does not sample the tilted
# density, and two ways to guide can be compared only at equal effect.
#
# **Your turn:** `minigen exercise start after/03`, then `minigen run after/03 --with
# exercises/after_03.py`.

# %%
lesson.finish()
