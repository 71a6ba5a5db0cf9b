# %% [markdown]
# # Noise-conditioned score networks (NCSN)
#
# The section *Connection with noise-conditioned score networks (NCSN)* (diffusion.s07) of [What are
# Diffusion Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/), in the plane,
# where the true score is known. In this lesson:
#
# 1. The score $\nabla_x \log p(x)$ can be learned from examples of $p$ alone: *score matching*. Two
#    losses do this without $p$ itself.
# 2. Without noise a score may not exist, and where there are no data it cannot be learned. Many
#    levels of noise, from large to small, solve both problems.
# 3. A network that predicts the noise of $x_t$ predicts its score, up to a known factor. DDPM and
#    NCSN train the same thing.
#
# Needed: Langevin dynamics (`diffusion/02`), $\bar\alpha_t$ (`diffusion/01`), and the mean of the
# noise given $x_t$ (`diffusion/03`).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/05_ncsn",
    title="Noise-conditioned score networks (NCSN)",
    post="diffusion",
    sections=["diffusion.s07"],
    figures=[],
    equations=["diffusion.17"],
    minutes=0.2,
    picture="fields",
    sources=[
        "weng2021diffusion",
        "hyvarinen2005score",
        "vincent2011connection",
        "song2019ncsn",
        "song2019sliced",
        "song2020improved",
        "song2021sde",
    ],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import toy
from minigen.data.mixture import GaussianMixture
from minigen.diffusion.ddpm import eps_from_score, score_from_eps, simple_loss
from minigen.diffusion.langevin import langevin_step
from minigen.diffusion.samplers import ddim
from minigen.diffusion.schedule import Schedule
from minigen.diffusion.score import denoising_score_matching_loss, ncsn_sample, noise_scales
from minigen.diffusion.score import sliced_score_matching_loss
from minigen.nn import MLP, Module
from minigen.optim import cosine
from minigen.tensor import leaves, value_and_grad
from minigen.train import descend

# %% [markdown]
# ## 1. A score from points alone
#
# Langevin dynamics draws samples of $p$ from its score $\nabla_x \log p(x)$ alone (`diffusion/02`).
# For images we have examples and no formula. A *score network* $s(x)$ should match the score, so we
# would like to minimize
#
# $$J = \tfrac12\, \mathbb E_{x \sim p} \big\Vert s(x) - \nabla_x \log p(x) \big\Vert^2,$$
#
# but its target is unknown. Hyvärinen (2005) found a loss with the same gradient that needs only
# *examples*. In one dimension:
#
# $$J = \mathbb E_{x \sim p} \big[ \tfrac12 s(x)^2 + s'(x) \big] + \text{a constant}.$$
#
# The loss is low for an $s$ that is small at the examples and decreases there.
#
# <details><summary>Derivation: the unknown score drops out of the loss</summary>
#
# Expand the square: $\frac12 s^2 - s\,(\log p)' + \frac12 ((\log p)')^2$. The last term does not
# depend on $s$; its mean is the constant. For the middle one, $p\,(\log p)' = p'$, so its mean is
#
# $$\int p\,s\,(\log p)'\,dx = \int s\,p'\,dx = \big[s\,p\big]_{-\infty}^{\infty} - \int s'\,p\,dx
# = -\,\mathbb E_{x \sim p}[s'(x)] ,$$
#
# by integration by parts, if $s\,p$ vanishes far out. In $D$ dimensions the same holds for each
# coordinate, and $s'$ becomes $\sum_d \partial s_d / \partial x_d$.
#
# </details>
#
# By hand: three examples $-3$, $1$, $2$, and the family $s(x) = -a x$. The mean of $x^2$ is $14/3$,
# and $s' = -a$; so the loss is $\frac73 a^2 - a$. It is smallest at $a = 3/14$, where $s(x) = -x/v$
# with $v = 14/3$, the mean square. This is the score of $\mathcal N(0, v)$.

# %%
examples = np.array([-3.0, 1.0, 2.0])
slopes = np.linspace(0.0, 0.45, 10)
losses = np.array([np.mean((a * examples) ** 2 / 2 - a) for a in slopes])
lesson.table(zip(slopes, losses), ["a", "mean of s²/2 + s′"])
squared, linear, _ = np.polyfit(slopes, losses, 2)  # the parabola through the losses
lesson.check("where the loss is smallest", -linear / (2 * squared), equals=3 / 14)

# %% [markdown]
# In $D$ dimensions $s'$ becomes the sum $\sum_d \partial s_d / \partial x_d$. It takes $D$
# derivatives: for a photograph, a million. *Sliced* score matching (Song, Garg, Shi and Ermon 2019)
# uses random projections: one random direction $v$ for each point, with $\mathbb E\, v v^\top = I$,
# and a single derivative along it:
#
# $$J = \mathbb E \Big[ v^\top \nabla_x \big(v^\top s(x)\big) + \tfrac12 \Vert s(x) \Vert^2 \Big].$$

# %%
lesson.exercise("diffusion/05/sliced_score_matching_loss")

# %%
lesson.show_source(sliced_score_matching_loss)
place, direction = np.array([[2.0, 1.0]]), np.array([[1.0, -1.0]])


def shrink(x):
    """The score of the standard normal distribution."""
    return -x


loss = sliced_score_matching_loss(shrink, place, direction)
lesson.check("at (2, 1) along (1, −1): −2 + 5/2", loss, equals=0.5)

# %% [markdown]
# ## 2. A score from noise
#
# The other loss (Vincent 2011) needs no derivative. Add a small noise to each example: $\tilde x =
# x + \sigma \epsilon$. *Given* $x$, the noisy $\tilde x$ is normal with mean $x$, and its score is
# $-(\tilde x - x)/\sigma^2 = -\epsilon/\sigma$: a known vector, because we drew $\epsilon$. A
# network receives $\tilde x$ and is trained to predict this score.
#
# By hand: the data are $-1$ and $+1$, equally often, $\sigma = 1$, and the network receives $\tilde
# x = 0.5$. If $x = 1$, then $\epsilon = -0.5$ and the target is $+0.5$. If $x = -1$, then $\epsilon
# = 1.5$ and the target is $-1.5$. Both occur in training.

# %%
lesson.predict(
    "Which prediction at 0.5 has the smallest mean squared error?",
    [
        "0.5: the target of the nearer example",
        "−0.5: midway between the two targets",
        "about −0.04: in between, but not midway",
    ],
)

# %%
chance = np.exp(-0.5 * np.array([-0.5, 1.5]) ** 2)
chance = chance / chance.sum()  # of x = 1 and of x = −1, given the noisy x
guess = chance @ np.array([0.5, -1.5])
both = GaussianMixture([[-1.0], [1.0]], std=1.0)  # the density of the noisy data
lesson.check("the score of the noisy data", both.score(np.array([[0.5]]))[0, 0], equals=guess)

# %%
lesson.outcome(
    f"{guess:.4f}. Given 0.5, x = 1 is more probable ({chance[0]:.2f} to {chance[1]:.2f}), and the"
    " best prediction is the mean of the targets with these weights. It is exactly the score of the"
    " noisy data.",
    answer="about −0.04: in between, but not midway",
)

# %% [markdown]
# For any data and any level of noise the best prediction is the score of the noisy data.
#
# <details><summary>Derivation: denoising and explicit score matching differ by a constant</summary>
#
# Let $q(\tilde x)$ be the density of the noisy data and $q(\tilde x|x)$ the noise. Expand the
# squared errors of $s$ from both targets, $\nabla \log q(\tilde x|x)$ and $\nabla \log q(\tilde
# x)$. The terms with $\Vert s \Vert^2$ are equal, and those without $s$ are constants. The mixed
# term with the first target is
#
# $$\int\!\!\int p(x)\,q(\tilde x|x)\; s(\tilde x)^\top \nabla \log q(\tilde x|x)\,dx\,d\tilde x =
# \int s(\tilde x)^\top \nabla \int p(x)\,q(\tilde x|x)\,dx\,d\tilde x ,$$
#
# because $q(\tilde x|x)\,\nabla \log q(\tilde x|x) = \nabla q(\tilde x|x)$. The inner integral is
# $q(\tilde x)$, and $\nabla q = q\,\nabla \log q$, so this is the mixed term with the second
# target. The losses differ by a constant, and the minimum is $s = \nabla \log q(\tilde x)$.
#
# </details>
#
# This is *denoising score matching*. The targets grow as $1/\sigma$; with the weight $\sigma^2$ all
# levels contribute about equally:
#
# $$J_\sigma = \tfrac12\, \mathbb E \big\Vert \sigma\, s(x + \sigma\epsilon) + \epsilon
# \big\Vert^2.$$

# %%
lesson.exercise("diffusion/05/denoising_score_matching_loss")

# %%
lesson.show_source(denoising_score_matching_loss)
x, eps = np.array([[1.0], [-1.0]]), np.array([[-0.5], [1.5]])  # both give 0.5


def constant(x, sigma):
    return guess + 0 * x


loss = denoising_score_matching_loss(constant, x, 1.0, eps)
by_hand = ((guess - 0.5) ** 2 + (guess + 1.5) ** 2) / 4
lesson.check("denoising loss of the constant", loss, equals=by_hand)

# %% [markdown]
# We check the constant of the derivation on a grid, for two functions $s$: the denoising loss minus
# the explicit one must be the same for both.

# %%
line, dx = np.linspace(-9, 9, 6001, retstep=True)
q = both.prob(line[:, None])
given = [np.exp(-0.5 * (line - x) ** 2) / np.sqrt(2 * np.pi) for x in (1.0, -1.0)]


def loss_difference(s):
    """Denoising minus explicit score matching of s on the line, sigma = 1."""
    denoising = sum(0.25 * g @ (s + line - x) ** 2 for g, x in zip(given, (1.0, -1.0)))
    return (denoising - 0.5 * q @ (s - both.score(line[:, None])[:, 0]) ** 2) * dx


differences = [loss_difference(-line), loss_difference(np.sin(line))]
between = differences[1] - differences[0]
lesson.check("the constant for s = sin x, minus that for s = -x", between, equals=0.0, atol=1e-9)

# %% [markdown]
# ## 3. Both losses, compared with the true score
#
# The data are two moons, and the noise has $\sigma = 0.3$. The score of the noisy data is known, so
# we can compare it with what both losses lead to. We train two equal networks with batches of the
# same size. The sliced loss receives the noisy points and a direction for each; the denoising loss
# receives the clean points and the noise. (The sliced loss is multiplied by $\sigma^2$ as well.)

# %%
SIGMA = 0.3
clean = toy.two_moons(0.2)
noisy = toy.two_moons(np.sqrt(0.2**2 + SIGMA**2))


class PlaneScore(MLP):
    """A score in the plane, (N, 2) -> (N, 2), for points of scale 1 and scores of scale 1/unit."""

    def __init__(self, rng, unit):
        super().__init__(rng, [2, 64, 64, 2], "silu", last_scale=0.0)
        self.unit = unit

    def __call__(self, x):
        return super().__call__(x) / np.float32(self.unit)


# %%
def denoising_loss(net, x, eps, sigma=SIGMA):
    """The loss of a network that does not receive the level."""
    return denoising_score_matching_loss(lambda x, sigma: net(x), x, sigma, eps)


def sliced_loss(net, x, v, reduced=True, sigma=SIGMA):
    return sigma**2 * sliced_score_matching_loss(net, x, v, reduced)


def batches_of(density, n=256):
    """Points, and as many rows of N(0, 1): noise to add, or directions."""

    def draw(rng):
        return density.sample(rng, n), rng.standard_normal((n, 2), dtype=np.float32)

    return draw


# %%
def train(label, loss, draw, unit, steps):
    rng = lesson.rng(label)
    net = PlaneScore(lesson.rng("net"), unit)
    step = descend(loss, net, draw, lr=cosine(1e-2, steps), rng=rng)
    history = lesson.fit(step, steps, state=step.state, label=label)
    return net, history["loss"]


steps = lesson.steps(2000)
nets = {
    "denoising": train("denoising", denoising_loss, batches_of(clean), SIGMA, steps)[0],
    "sliced": train("sliced", sliced_loss, batches_of(noisy), SIGMA, steps)[0],
}


# %%
def error_of(score, density, n=10_000):
    """Mean squared error of a score over points of a density, over the score's own mean square."""
    x = density.sample(lesson.rng("judge"), lesson.size(n))
    truth = density.score(x)
    return np.mean((score(x) - truth) ** 2) / np.mean(truth**2)


errors = {name: error_of(net, noisy) for name, net in nets.items()}
errors["untrained: 0 everywhere"] = error_of(PlaneScore(lesson.rng("net"), SIGMA), noisy)
lesson.table(errors.items(), ["trained on", "squared error / mean square of the score"])
for name in nets:
    lesson.claim(
        f"{name}: error of the score, relative",
        errors[name],
        at_most=0.05,
        source="seeds 0, 1, 2031: 0.016 to 0.025, doubled; untrained: 1",
    )

# %%
fig, axes = plot.figure(1, 3)
fields = {"true score": noisy.score, **nets}
for ax, (name, field) in zip(axes, fields.items()):
    plot.field(field, noisy.bounds, ax, n=17, lengths="sqrt", density=noisy, title=name)
lesson.figure(
    fig,
    "fields",
    "The score of the noisy moons and the predictions of both networks (arrows with the square root"
    " of their length). Far outside there were no examples, so nothing constrains the predictions"
    " there.",
)

# %% [markdown]
# In expectation the two losses differ by a constant, so their mean *gradients* are equal. But the
# gradient of a batch is a random sample, and its variance limits how fast a network learns. Take
# the first of the two networks and both losses at several levels of noise (without the weight
# $\sigma^2$, so that the mean gradients are the same).

# %%
lesson.predict(
    "Which loss has the gradients of smaller variance?",
    [
        "the sliced one, at every level of noise",
        "the denoising one, at every level of noise",
        "the sliced one where there is little noise, the denoising one where there is much",
        "the denoising one where there is little noise, the sliced one where there is much",
    ],
)


# %%
def gradients(loss, draw, rng, count):
    """The gradients of `count` batches, one in each row."""
    net, rows = nets["denoising"], []
    for _ in range(count):
        _, tree = value_and_grad(loss)(net, *draw(rng))
        rows.append(np.concatenate([np.ravel(leaf) for leaf in leaves(tree)]))
    return np.array(rows, dtype=np.float64)


def scatter(rows):
    """The variance of a gradient: its mean squared distance from the mean gradient."""
    return rows.var(axis=0, ddof=1).sum()


# %%
def losses_at(sigma):
    """The three losses without a weight, each with its batches, at a level of noise."""
    at_level = batches_of(toy.two_moons(np.sqrt(0.2**2 + sigma**2)))

    def denoising(net, x, eps):
        return denoising_loss(net, x, eps, sigma) / sigma**2

    def not_reduced(net, x, v):
        return sliced_loss(net, x, v, False, 1.0)

    def sliced(net, x, v):
        return sliced_loss(net, x, v, True, 1.0)

    every = {"denoising": denoising, "sliced": sliced, "sliced, not reduced": not_reduced}
    return {
        name: (f, batches_of(clean) if name == "denoising" else at_level)
        for name, f in every.items()
    }


# %%
sigmas_tried = [0.03, 0.1, 0.3, 0.6]
scattered, means = {}, {}
for sigma in sigmas_tried:
    for name, (loss, draw) in losses_at(sigma).items():
        rows = gradients(loss, draw, lesson.rng(f"{name} {sigma}"), lesson.size(100, quick=3))
        scattered[sigma, name] = scatter(rows)
        means[sigma, name] = rows.mean(axis=0), scatter(rows) / len(rows)

# %%
names = ["denoising", "sliced", "sliced, not reduced"]
rows = [[sigma, *(scattered[sigma, name] for name in names)] for sigma in sigmas_tried]
lesson.table(rows, ["σ", *names], "variance of the gradient of a batch of 256")

# %%
little, much = (scattered[s, "denoising"] / scattered[s, "sliced"] for s in (0.03, 0.6))
one_wins = "the denoising one" if much < 1 else "the sliced one"
crossed = "the sliced one where there is little noise, the denoising one where there is much"
other = "the denoising one where there is little noise, the sliced one where there is much"
same_side = (little < 1) == (much < 1)
lesson.outcome(
    f"The variance of the denoising gradients is {little:.0f} times that of the sliced ones at"
    f" σ = 0.03, and {much:.2f} times at σ = 0.6. The target −ε/σ varies most where σ is small; the"
    " random direction v of the sliced loss adds variance at every level.",
    answer=f"{one_wins}, at every level of noise"
    if same_side
    else crossed
    if little > 1
    else other,
)

# %%
apart = []
for sigma in sigmas_tried:
    (a, var_a), (b, var_b) = means[sigma, "denoising"], means[sigma, "sliced"]
    apart.append(np.sqrt(np.sum((a - b) ** 2) / (var_a + var_b)))

# %%
lesson.claim(
    "mean gradients of both losses: difference, in standard errors",
    apart,
    at_most=3,
    source="theory: 0; a loss with |s|² for |s|²/2: 19",
)
lesson.claim(
    "σ = 0.03: variance, denoising / sliced",
    little,
    between=(40, 170),
    source="seeds 0, 1, 2031: 78 to 85, by a factor of two",
)

# %%
lesson.claim(
    "σ = 0.6: variance, denoising / sliced",
    much,
    at_most=0.8,
    source="seeds 0, 1, 2031: 0.45 to 0.47",
)
saved = scattered[0.6, "sliced, not reduced"] / scattered[0.6, "sliced"]
lesson.claim(
    "σ = 0.6: variance, not reduced / reduced",
    saved,
    at_least=1.5,
    source="seeds 0, 1, 2031: 3.4 to 4.4",
)

# %%
curves = {name: [scattered[sigma, name] for sigma in sigmas_tried] for name in names}
fig, ax = plot.figure(size=(5.0, 3.6))
plot.line(sigmas_tried, curves, ax, log="y", markers=True, xlabel="σ", ylabel="variance")
ax.legend(loc="upper center")
lesson.figure(fig, "scatter", "The variance of the gradient of a batch of 256, by level of noise.")

# %% [markdown]
# The denoising variance is larger again at $\sigma = 0.6$ because the network was trained at
# $\sigma = 0.3$. For a network trained at 0.6 it falls from level to level.
#
# The loss *not reduced* is the sliced loss with $\frac12(v^\top s)^2$ in place of $\frac12\Vert
# s\Vert^2$. It has the same mean and one more random quantity. At $\sigma = 0.03$ and 0.1 the two
# variances differ little; at $\sigma = 0.6$ the one not reduced is more than three times as large.
# Do not estimate by sampling what you can compute exactly.

# %%
lesson.change(
    "an untrained network",
    "Take the gradients of an untrained network, which predicts 0 everywhere: in `gradients`, "
    'change `nets["denoising"]` to `PlaneScore(lesson.rng("net"), SIGMA)`, and run again. '
    "Which two of the three columns are now equal, and why?",
    answer="The two sliced columns, to sampling error. Where $s = 0$ the gradients of "
    "$\\frac12\\Vert s\\Vert^2$ and of $\\frac12(v^\\top s)^2$ are both 0, so nothing is left to "
    "reduce: both losses have the gradient of the derivative term alone.",
)

# %% [markdown]
# ## 4. Why noise: data on a manifold
#
# Song and Ermon (2019) give two reasons why score networks for images fail without noise. The first
# is the *manifold hypothesis*: most of the data concentrate on a low-dimensional manifold
# (`gan/05`), and do not cover the whole space. Take points exactly on the circle of radius 1, and
# the scores $s_k(x) = -k\,(\Vert x \Vert - 1)\, x/\Vert x \Vert$, which point toward the circle
# with a strength that grows with $k$.

# %%
lesson.predict(
    "Which k has the smallest sliced loss on this circle?",
    ["k = 0", "k = 1", "k = 10", "none: the larger, the better"],
)

# %%
angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
axes_of_v = [np.sqrt(2) * np.tile(e, (12, 1)) for e in ([1.0, 0.0], [0.0, 1.0])]  # mean of vvᵀ: I


def toward_circle(k):
    def score(x):
        r = np.sqrt(np.sum(x**2, axis=1, keepdims=True))
        return -k * (r - 1) * x / r

    return score


# %%
rows = []
for k in (0, 1, 10, 100):
    per_axis = [sliced_score_matching_loss(toward_circle(k), circle, v) for v in axes_of_v]
    rows.append([k, np.mean(per_axis)])
lesson.table(rows, ["k", "sliced loss"])
best_k = min(rows, key=lambda row: row[1])[0]
lesson.outcome(
    "On the circle s_k is 0, and so is its square; across the circle its derivative is −k. The loss"
    " is −k and has no minimum. The score of such data does not exist: away from the circle p is 0"
    " and has no logarithm.",
    answer="none: the larger, the better" if best_k == 100 else f"k = {best_k}",
)
lesson.check("loss at k = 100", rows[-1][1], equals=-100.0, atol=1e-6)

# %% [markdown]
# What does a network learn there? We train twice: on points of the circle, and on the same points
# with a little noise, $\sigma = 0.1$. In the second case a score exists, and the smallest possible
# loss is minus half its mean square, about $-\frac12 \cdot 1/\sigma^2 = -50$.


# %%
def circle_points(width):
    """Points of the circle with noise of this standard deviation, and directions."""

    def draw(rng):
        angle = 2 * np.pi * rng.random(256)
        on = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        x = on + width * rng.standard_normal((256, 2))
        return x.astype(np.float32), rng.standard_normal((256, 2), dtype=np.float32)

    return draw


# %%
steps = lesson.steps(600)
curves = {
    f"noise {width:g}": train(
        f"circle {width:g}", sliced_score_matching_loss, circle_points(width), 0.1, steps
    )[1]
    for width in (0.0, 0.1)
}
final = {name: np.mean(values[-50:]) for name, values in curves.items()}
print("  loss at the end: " + ", ".join(f"{name} {value:.0f}" for name, value in final.items()))

# %%
below = {name: -plot.moving_average(values, 20) for name, values in curves.items()}
fig, ax = plot.figure(size=(5.0, 3.6))
shown = {name: np.maximum(values, 1.0) for name, values in below.items()}
plot.line(np.arange(steps), shown, ax, log="y", xlabel="step", ylabel="minus the sliced loss")
lesson.figure(
    fig,
    "thin",
    "Minus the loss, on a logarithmic axis (values below 1 drawn as 1). With a little noise it"
    " approaches its limit, 50. Without noise there is no limit: it grows until the learning rate"
    " has fallen to 0.",
)

# %%
lesson.claim(
    "with noise: loss at the end",
    final["noise 0.1"],
    between=(-60, -35),
    source="theory: -50 is the smallest mean; untrained: 0",
)
lesson.claim(
    "without noise: loss at the end",
    final["noise 0"],
    at_most=-120,
    source="theory: no lower bound; seeds 0, 1, 2031: below -15,000",
)

# %% [markdown]
# (Digits have the same problem: most of their pixels are exactly 0, or $-1$ in the range $[-1, 1]$.
# With a little noise every point of the space has a positive density, and the score exists
# everywhere.)
#
# ## 5. Why more noise: regions of low density
#
# The second reason: the loss is a mean over the data. Where there are no data, nothing constrains
# the network. Take the two Gaussians of `diffusion/02`, with standard deviation 0.25, weights 0.2
# and 0.8, twelve standard deviations apart, and train at one small level of noise:

# %%
mixture = GaussianMixture([[-1.5, 0.0], [1.5, 0.0]], std=0.25, weights=[0.2, 0.8])
SMALL, BOX = 0.05, (-2.6, 2.6, -2.0, 2.0)
at_small = mixture.noised(1.0, SMALL)


def small_loss(net, x, eps):
    return denoising_loss(net, x, eps, SMALL)


one_level, _ = train("one level", small_loss, batches_of(mixture), 0.25, lesson.steps(1500))


# %%
def relative_error(score, x):
    """At each point: the length of the error over the length of the true score."""
    truth = at_small.score(x)
    return np.linalg.norm(score(x) - truth, axis=1) / np.linalg.norm(truth, axis=1)


# %%
places = {
    "at the data": at_small.sample(lesson.rng("at data"), lesson.size(5000)),
    "between the modes": lesson.rng("between").uniform([-0.5, -1], [0.5, 1], (5000, 2)),
}
rows = []
for name, x in places.items():
    rows.append([name, at_small.prob(x).max(), np.median(relative_error(one_level, x))])
lesson.table(rows, ["points", "largest density", "median relative error of the score"])

# %%
worse = rows[1][2] / rows[0][2]
lesson.claim(
    "one level, at the data: median error",
    rows[0][2],
    at_most=0.15,
    source="seeds 0, 1, 2031: 0.044 to 0.076, doubled",
)
lesson.claim(
    "median error between the modes / at the data",
    worse,
    at_least=3,
    source="seeds 0, 1, 2031: 7.8 to 15.6",
)

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.2, 3.3))
plot.samples(mixture.sample(lesson.rng("shown"), 500), mixture, left, bounds=BOX, title="the data")


def error_on_map(x):
    return np.minimum(relative_error(one_level, x), 1.0)


plot.heatmap(error_on_map, BOX, right, limits=(0, 1), title="relative error of the score")
lesson.figure(
    fig,
    "empty",
    "Yellow: the error is at least as large as the score (also at the modes themselves, where the"
    " score is 0). The score is learned where the data are; between the modes the prediction is"
    " arbitrary. A chain does not start at the data, so it starts where the prediction is wrong.",
)

# %% [markdown]
# The exact score would not help either, as `diffusion/02` showed: near a mode it hardly depends on
# the weight of that mode.
#
# Large noise solves both problems. With $\sigma = 10$ the two Gaussians merge into one, and noisy
# data are everywhere; but this is not the density that we want. Song and Ermon therefore take
# *different levels*, $\sigma_1 > \sigma_2 > \dots > \sigma_L$: the first so large that the modes
# merge, the last so small that the noise is not visible. Each level is the same fraction of the one
# before, so that the densities of all neighbors overlap to the same degree.

# %%
lesson.exercise("diffusion/05/noise_scales")

# %%
lesson.show_source(noise_scales)
LARGE, LEVELS = 10.0, 14
sigmas = noise_scales(LARGE, SMALL, LEVELS)
print("  σ: " + "  ".join(f"{sigma:.3g}" for sigma in sigmas))
lesson.check("ratios of neighbors", sigmas[1:] / sigmas[:-1], equals=(SMALL / LARGE) ** (1 / 13))

# %% [markdown]
# A *noise-conditioned score network* $s_\theta(x, \sigma)$ estimates the scores of all levels
# *jointly*: it receives the level as an input. Noisy data have the scale $\sqrt{1 + \sigma^2}$ and
# scores the scale $1/\sigma$, so the network divides its input by $\sqrt{1 + \sigma^2}$ and its
# output by $\sigma$, and its body works at scale 1.


# %%
class NCSN(Module):
    """score_model(x (N, 2), sigma (N,)) -> (N, 2)."""

    def __init__(self, rng, width=96):
        self.body = MLP(rng, [3, width, width, width, 2], "silu", last_scale=0.0)

    def __call__(self, x, sigma):
        sigma = sigma[:, None]  # (N, 1)
        inputs = [x / np.sqrt(1 + sigma**2), np.log(sigma)]
        return self.body(np.concatenate(inputs, axis=1)) / sigma  # (N, 2)


# %%
def noisy_mixture(rng, n=256):
    level = rng.choice(sigmas, n).astype(np.float32)
    return mixture.sample(rng, n), level, rng.standard_normal((n, 2), dtype=np.float32)


steps = lesson.steps(2500)
rng = lesson.rng("ncsn")
step = descend(
    denoising_score_matching_loss,
    NCSN(rng),
    noisy_mixture,
    lr=cosine(5e-3, steps),
    ema=0.995,
    rng=rng,
)
lesson.fit(step, steps, state=step.state, label="ncsn")
ncsn = step.averaged


# %%
def at_level(sigma):
    """The network at one level, as a function of x."""
    return lambda x: ncsn(x.astype(np.float32), np.full(len(x), sigma, np.float32))


level_errors = [error_of(at_level(sigma), mixture.noised(1.0, sigma)) for sigma in sigmas]
lesson.table(zip(sigmas, level_errors), ["σ", "squared error / mean square of the score"])
lesson.claim(
    "NCSN: error of the score, relative, at each level",
    level_errors,
    at_most=0.05,
    source="seeds 0, 1, 2031: worst level 0.032, plus a half",
)

# %%
fig, axes = plot.figure(1, 3, size=(3.4, 2.9))
for sigma, ax in zip((LARGE, sigmas[6], SMALL), axes):
    box = np.array(BOX) * max(1.0, 2.5 * sigma)
    density = mixture.noised(1.0, sigma)
    plot.field(
        at_level(sigma), box, ax, n=15, lengths="sqrt", density=density, title=f"σ = {sigma:.2g}"
    )
lesson.figure(
    fig,
    "levels",
    "The score that the network predicts at three levels (with different scales of the axes), over"
    " the noisy density. At the first level it points to the data from everywhere, at the last it"
    " resolves the modes.",
)

# %% [markdown]
# ## 6. Annealed Langevin dynamics
#
# Run Langevin dynamics at the first level, continue from there at the second, and so on. At level
# $\sigma$ the step size is $\delta = c\,\sigma^2$: the drift then has the scale $\frac c2 \sigma$
# and the noise the scale $\sqrt c\, \sigma$, so the chains at all levels are alike up to their
# scale. By hand: two levels, 2 and 1, $c = 0.5$, one step each, without noise ($z = 0$), data at
# the single point 0, so $s = -x/\sigma^2$. From $x = 4$: $\delta = 2$ and $4 - 1 \cdot 4/4 = 3$;
# then $\delta = 0.5$ and $3 - 0.25 \cdot 3 = 2.25$.

# %%
four = np.array([[4.0]])
first = langevin_step(four, -four / 2**2, 0.5 * 2**2, 0 * four)
second = langevin_step(first, -first / 1**2, 0.5 * 1**2, 0 * four)
lesson.check("4 → 3 → 2.25", np.concatenate([first, second]).ravel(), equals=[3.0, 2.25])
lesson.show_source(ncsn_sample)

# %%
lesson.change(
    "a step that is too long",
    "Take $c = 4.5$ at the first level: in the line of `first`, change `0.5 * 2**2` to `4.5 * "
    "2**2`, and run again. Where do the two steps lead? (Remember $\\delta = 4$ in "
    "`diffusion/02`.)",
    answer="To $-5$, which is further away than 4 and on the other side, and then to $-3.75$. The "
    "step multiplies $x$ by $1 - c/2 = -1.25$ at any level, so with $c$ above 4 the chain "
    "diverges.",
)

# %% [markdown]
# We now run 2,000 points, which start as noise of the first level, in three ways of 1,400 steps
# each: Langevin dynamics at the *last level* only; at *two levels*, the first and the last; and at
# *all levels*. We run each way with the exact score and with the network, which separates the error
# of the sampler from that of the network.

# %%
lesson.predict(
    "The mode on the right has 0.8 of the data. What share of the points ends there with the last"
    " level, with two levels and with all levels?",
    [
        "0.5, 0.5, 0.8",
        "0.5, 0.8, 0.8",
        "0.8, 0.8, 0.8: the score contains the weights",
    ],
)


# %%
def exact(x, sigma):
    """The exact score at a level."""
    return mixture.noised(1.0, float(sigma[0])).score(x).astype(x.dtype)


def last_level(score_model, x, rng, steps):
    """Langevin dynamics at the last level alone."""
    for _ in range(steps):
        score = score_model(x, np.full(len(x), SMALL, np.float32))
        x = langevin_step(x, score, 0.01, rng.standard_normal(x.shape, dtype=np.float32))
    return x


# %%
rng = lesson.rng("walks")
count = lesson.size(2000, quick=200)
start = np.float32(LARGE) * rng.standard_normal((count, 2), dtype=np.float32)
each = lesson.size(100, quick=4)
ends = {}
for which, model in {"exact": exact, "network": ncsn}.items():
    ends[which, "last level"] = last_level(model, start, rng, LEVELS * each)
    ends[which, "two levels"] = ncsn_sample(model, start, sigmas[[0, -1]], rng, 7 * each, step=0.2)
    ends[which, "all levels"] = ncsn_sample(model, start, sigmas, rng, each, step=0.2)

# %%
share, rows = {}, []
for (which, way), x in ends.items():
    right = x[:, 0] > 0
    share[which, way] = right.mean()
    rows.append([which, way, right.mean(), np.linalg.norm(x - start, axis=1).mean()])
lesson.table(rows, ["score", "levels", "share at the right mode", "mean distance moved"])

# %%
last, two, whole = (share["network", way] for way in ("last level", "two levels", "all levels"))
choices = {"0.5, 0.5, 0.8": (0.5, 0.5, 0.8), "0.5, 0.8, 0.8": (0.5, 0.8, 0.8)}
choices["0.8, 0.8, 0.8: the score contains the weights"] = (0.8, 0.8, 0.8)
nearest = min(choices, key=lambda c: np.abs(np.array(choices[c]) - (last, two, whole)).sum())
lesson.outcome(
    f"{last:.2f}, {two:.2f} and {whole:.2f} with the network. At σ = 10 only 0.54 of the noisy data"
    " lie right of the middle, and at σ = 0.05 hardly any point changes sides. At the levels in"
    " between the modes separate while points still change sides, and the share rises to 0.8. The"
    " two levels skip this range.",
    answer=nearest,
)


# %%
def share_off(x):
    """How far the share at the right mode is off 0.8; NaN if the points are not at the modes."""
    to_mode = np.linalg.norm(x[:, None] - mixture.means, axis=2).min(axis=1)
    if np.mean(to_mode < 4 * 0.25) < 0.9:
        return np.nan
    return abs(np.mean(x[:, 0] > 0) - 0.8)


off = {key: share_off(x) for key, x in ends.items()}
five = "five standard errors; seeds 0, 1, 2031: at most 0.026"
half = "seeds 0, 1, 2031: 0.27 to 0.31"

# %%
for which in ("exact", "network"):
    all_off, last_off = off[which, "all levels"], off[which, "last level"]
    lesson.claim(f"all levels, {which}: share off 0.8 by", all_off, at_most=0.05, source=five)
    lesson.claim(f"last level, {which}: share off 0.8 by", last_off, at_least=0.2, source=half)
two_off = off["network", "two levels"]
lesson.claim(
    "two levels, network: share off 0.8 by",
    two_off,
    at_least=0.15,
    source="seeds 0, 1, 2031: 0.25",
)


# %%
def widths(x):
    """Standard deviations of the points at the left and at the right mode, over the true one."""
    sides = [x[x[:, 0] < 0], x[x[:, 0] > 0]]
    return np.array([side.std(axis=0) for side in sides]) / 0.25


rows = [[which, *widths(ends[which, "all levels"]).ravel()] for which in ("exact", "network")]
header = ["score", "left, across", "left, up", "right, across", "right, up"]
lesson.table(rows, header, "all levels: standard deviations at each mode / true")
for which, *values in rows:
    lesson.claim(
        f"all levels, {which}: deviations / true",
        values,
        between=(0.85, 1.15),
        source="theory: 1; seeds 0, 1, 2031: 0.98 to 1.08",
    )

# %%
fig, axes = plot.figure(1, 3, size=(3.6, 2.9))
for ax, way in zip(axes, ("last level", "two levels", "all levels")):
    x = ends["network", way]
    title = f"{way}: {np.mean(x[:, 0] < 0):.2f} and {np.mean(x[:, 0] > 0):.2f}"
    plot.samples(x[:1500], mixture, ax, bounds=BOX, title=title)
lesson.figure(
    fig,
    "ends",
    "Where the points end, with the network. The titles give the shares at the left and at the"
    " right mode; the data have 0.20 and 0.80.",
)

# %% [markdown]
# When do the points settle on a side? We run all levels once more and record the points at the end
# of each level. The points have the scale $\sqrt{1 + \sigma^2}$, so the figure divides by it. *Move
# $\sigma$: at which level do the two modes separate, and from which on does no point change sides?*

# %%
seen = []
watched = []


def look(left, x):
    seen.append(np.mean(x[:, 0] > 0))
    watched.append(x[:600])


ncsn_sample(ncsn, start, sigmas, lesson.rng("look"), each, step=0.2, on_step=look)

# %%
lesson.play(
    "ladder_of_noise",
    {"σ": sigmas},
    points=[x / np.sqrt(1 + sigma**2) for x, sigma in zip(watched[1:], sigmas)],
    truth=mixture.sample(lesson.rng("shown data"), 600),
    bounds=BOX,
    time="σ",
    caption="The points at the end of each level, divided by their scale, over the data.",
)

# %% [markdown]
# At the end of each level we count the share of points right of the middle:

# %%
truth = [
    np.mean(mixture.noised(1.0, s).sample(lesson.rng("truth"), 20_000)[:, 0] > 0) for s in sigmas
]
ax = plot.line(
    sigmas,
    {"chain": seen[1:], "noisy data": truth},
    log="x",
    markers=True,
    colors={"chain": plot.color.fake, "noisy data": plot.color.real},
    xlabel="σ (the chain runs from right to left)",
    ylabel="share right of the middle",
)
lesson.figure(
    ax, "shares", "The share follows that of the noisy data until the modes are too far apart."
)


# %%
def draw_mixture(rng, n):
    x = np.float32(LARGE) * rng.standard_normal((n, 2), dtype=np.float32)
    return ncsn_sample(ncsn, x, sigmas, rng, each, step=0.2)


lesson.sampler("two Gaussians", draw_mixture)

# %% [markdown]
# ## 7. The noise is the score
#
# In DDPM, $x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\,\epsilon$. Given $x_0$ this
# is normal, with a score as in section 2. The score of $x_t$ alone is the mean of these scores over
# the $x_0$ from which $x_t$ may have come. The network of DDPM predicts the mean of $\epsilon$ over
# the same $x_0$. Which score follows from its prediction?

# %%
lesson.exercise("diffusion/05/score_from_eps")

# %% [markdown]
# A Gaussian $\mathcal N(\mu, \sigma^2)$ has the score $-(x - \mu)/\sigma^2 = -\epsilon/\sigma$.
# Given $x_0$, the score of $x_t$ is therefore $-\epsilon/\sqrt{1 - \bar\alpha_t}$, and the mean of
# these scores is (Eq. diffusion.17)
#
# $$\mathbf s_\theta(x_t, t) \approx \nabla_{x_t} \log q(x_t) = \mathbb E_{q(x_0 | x_t)}
# \Big[-\frac{\epsilon}{\sqrt{1 - \bar\alpha_t}}\Big] \approx -\frac{\epsilon_\theta(x_t, t)}
# {\sqrt{1 - \bar\alpha_t}}.$$
#
# (`diffusion/03` derives the middle step.) The post writes the mean over $q(x_0)$, over all data.
# The same example shows the difference: $x_0 = \pm 1$, now with $\bar\alpha_t = 0.36$, at $x_t =
# 0.5$. If $x_0 = 1$ then $\epsilon = (0.5 - 0.6)/0.8 = -0.125$, if $x_0 = -1$ then $\epsilon =
# 1.375$.

# %%
lesson.show_source(score_from_eps)
two_steps = Schedule([0.1, 0.6])  # ᾱ = 0.9, 0.36
x_t, x0 = 0.5, np.array([1.0, -1.0])
eps = (x_t - 0.6 * x0) / 0.8
posterior = np.exp(-0.5 * eps**2) / np.exp(-0.5 * eps**2).sum()  # of x_0, given x_t
rows = []
for name, weights in (
    ("all data, q(x_0)", np.array([0.5, 0.5])),
    ("given x_t, q(x_0|x_t)", posterior),
):
    mean_eps = np.array([[weights @ eps]])
    rows.append([name, mean_eps[0, 0], score_from_eps(mean_eps, 2, two_steps)[0, 0]])

# %%
noised = GaussianMixture([[-1.0], [1.0]], std=1e-9).noised(0.6, 0.8)
rows.append(["gradient of log q(x_t)", "", noised.score(np.array([[x_t]]))[0, 0]])
lesson.table(rows, ["mean over", "mean of ε", "score"])
lesson.check("Eq. diffusion.17, mean over q(x_0|x_t)", rows[1][2], equals=rows[2][2], atol=1e-6)
lesson.check("the mean over q(x_0) is off by", abs(rows[0][2] - rows[2][2]), at_least=0.4)

# %% [markdown]
# Our score network is therefore a model of DDPM in another notation. Divide $x_t$ by
# $\sqrt{\bar\alpha_t}$: it becomes the data plus noise of $\sigma_t = \sqrt{(1 - \bar\alpha_t) /
# \bar\alpha_t}$, and the prediction of the noise is $-\sigma_t\, s$. The losses agree up to a
# factor: that of DDPM is a mean over $D$ dimensions, ours is half a sum.

# %%
schedule = Schedule.karras(200, SMALL, LARGE)  # σ_t from 0.05 to 10


def eps_model(x, t):
    """The score network as a DDPM's model of the noise."""
    a = schedule.alpha_bar[t][:, None].astype(x.dtype)
    sigma = np.sqrt((1 - a) / a)
    return -sigma * ncsn(x / np.sqrt(a), sigma[:, 0])


# %%
rng = lesson.rng("agree")
x0, t = mixture.sample(rng, 500), rng.integers(1, 201, 500)
eps = rng.standard_normal((500, 2), dtype=np.float32)
sigma = np.sqrt((1 - schedule.alpha_bar[t]) / schedule.alpha_bar[t])
ours = denoising_score_matching_loss(ncsn, x0, sigma, eps)
lesson.check(
    "D/2 L_simple − J", simple_loss(eps_model, x0, t, eps, schedule) - ours, equals=0.0, atol=1e-4
)
guess = eps_model(x0, t)
there_and_back = eps_from_score(score_from_eps(guess, t, schedule), t, schedule)
lesson.check("to the score and back", np.abs(there_and_back - guess).max(), at_most=1e-5)

# %% [markdown]
# The network was trained without $\bar\alpha_t$, and yet any sampler of diffusion models can use it
# if the schedule stays within the levels of the training. Here is DDIM (`diffusion/10`), with 20
# steps in place of 1,400:

# %%
x = rng.standard_normal((count, 2), dtype=np.float32)
by_ddim = ddim(eps_model, x, schedule, steps=20)
share_ddim = np.mean(by_ddim[:, 0] > 0)
lesson.table([[share_ddim, *widths(by_ddim).ravel()]], ["share", *header[1:]], "DDIM, 20 steps")
off = abs(share_ddim - 0.8)
lesson.claim(
    "DDIM, 20 steps: share off 0.8 by", off, at_most=0.07, source="seeds 0, 1, 2031: 0.010 to 0.025"
)
lesson.claim(
    "DDIM, 20 steps: deviations / true",
    widths(by_ddim).ravel(),
    between=(0.75, 1.5),
    source="seeds 0, 1, 2031: 0.87 to 1.35",
)

# %% [markdown]
# Two systematic errors are visible. At $\sigma = 10$ a trace of the data is left in the noise, and
# we started from noise alone, so the share is a little low; annealed Langevin dynamics has time to
# forget its start. And 20 steps are few: the left mode is too wide along the line between the
# modes. `diffusion/10` measures how such errors fall with the number of steps.
#
# What, then, distinguishes NCSN from DDPM? Their losses weight the levels differently; DDPM shrinks
# the data as it adds noise, and NCSN does not; and they use different samplers. Song,
# Sohl-Dickstein et al. (2021) describe both by stochastic differential equations (`after/01`).
#
# ## 8. Where the post is loose
#
# - In Eq. diffusion.17 the mean is over $q(\mathbf x_0)$. It must be over $q(\mathbf x_0 | \mathbf
#   x_t)$ (section 7). Inside the mean the post writes $\epsilon_\theta$ where the true $\epsilon$
#   belongs, with an equals sign. That $\epsilon_\theta$ equals the mean of $\epsilon$ is the aim of
#   the training, not an identity.
# - “The score of each sample $\mathbf{x}$'s density probability is defined as its gradient”: it is
#   the gradient of the *logarithm* of the density, as the formula beside it shows.
# - “After adding a small Gaussian noise to make the perturbed data distribution cover the full
#   space $\mathbb{R}^D$, the training of the score estimator network becomes more stable”: true,
#   but the small noise leaves the gap between the modes nearly empty (section 5). The post goes on
#   to “*different levels*” of noise and does not say why one level is not enough. Nor are two, a
#   large and a small one (section 6).
#
# **Left out:** images (Song and Ermon 2019 used $L = 10$ levels from 1 to 0.01 for 32 × 32 pixels;
# Song and Ermon 2020 derive the largest level, and the ratio of each level to the next). **Next:**
# how fast the noise should grow (`diffusion/06`).
#
# **Your turn:** `minigen exercise start diffusion/05`, then `minigen run diffusion/05 --with
# exercises/diffusion_05.py`.

# %%
lesson.finish()
