# %% [markdown]
# # Score networks: learn the slope, and lower the noise
#
# The section *Connection with noise-conditioned score networks (NCSN)* (diffusion.s07) of [What are
# Diffusion Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/), run in the
# plane, where the true score is known. To take away:
#
# 1. The slope of $\log p$ can be learned from examples of $p$ alone: *score matching*. There are
#    two ways that do without $p$ itself.
# 2. Noise is not a nuisance here. Without it a score may not exist, and where there are no data it
#    cannot be learned. Many levels of noise, from large to small, cure both.
# 3. A network that predicts the noise *is* a network that knows the score:
#    $\mathbf s = -\epsilon/\sqrt{1 - \bar\alpha_t}$. DDPM and NCSN train one thing.
#
# Needed: Langevin dynamics (`diffusion/02`), and what $\bar\alpha_t$ is (`diffusion/01`).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/05_ncsn",
    title="Score networks: learn the slope, and lower the noise",
    post="diffusion",
    sections=["diffusion.s07"],
    figures=[],
    equations=["diffusion.17"],
    minutes=1.0,
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
# Langevin dynamics draws samples of $p$ with nothing but its score $\nabla_x \log p(x)$
# (`diffusion/02`). But who gives us the score of, say, photographs? We have examples of them and no
# formula. A network $s(x)$ that is to match the score would be trained on
#
# $$J = \tfrac12\, \mathbb E_{x \sim p} \big\Vert s(x) - \nabla_x \log p(x) \big\Vert^2,$$
#
# and the target in there is what nobody knows. Hyvärinen (2005) saw a way round. Take one
# dimension, and multiply out: $\frac12 s^2 - s \cdot (\log p)' + \dots$, where the dots do not
# depend on $s$. In the middle, $p \cdot (\log p)' = p'$, so that its average is $\int s\, p'\, dx$,
# which is $-\int s'\, p\, dx$ (integration by parts; $p$ is 0 far away). So
#
# $$J = \mathbb E_{x \sim p} \big[ \tfrac12 s(x)^2 + s'(x) \big] + \text{a constant},$$
#
# an average over *examples*. Small, and sloping down where the examples are: that is what the loss
# asks of $s$.
#
# By hand: three examples $-3$, $1$, $2$, and the family $s(x) = -a x$. The mean of $x^2$ is
# $14/3$, and $s' = -a$; so the loss is $\frac73 a^2 - a$, lowest at $a = 3/14$, one over the mean
# square. And $-x/v$ is the score of $\mathcal N(0, v)$.

# %%
examples = np.array([-3.0, 1.0, 2.0])
slopes = np.linspace(0.0, 0.45, 10)
losses = np.array([np.mean((a * examples) ** 2 / 2 - a) for a in slopes])
lesson.table(zip(slopes, losses), ["a", "mean of s²/2 + s′"])
squared, linear, _ = np.polyfit(slopes, losses, 2)  # the parabola through the losses
lesson.check("its lowest point", -linear / (2 * squared), equals=3 / 14)

# %% [markdown]
# In $D$ dimensions $s'$ becomes $\sum_d \partial s_d/\partial x_d$, which takes $D$ derivatives:
# for a photograph, a million. *Sliced* score matching (Song, Garg, Shi and Ermon 2019) looks along
# one random direction $v$ at each point, with $\mathbb E\, v v^\top = I$, and takes one:
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
# The other way (Vincent 2011) has no derivative at all. Add noise to each example: $y = x + \sigma
# \epsilon$. *Given* $x$, the noisy $y$ is normal around $x$, and its score is $-(y - x)/\sigma^2 =
# -\epsilon/\sigma$, a number that we have, for we drew $\epsilon$ ourselves. Let a network look at
# $y$ and guess that.
#
# By hand: the data are $-1$ and $+1$, equally often, $\sigma = 1$, and the network sees $y = 0.5$.
# Was it $x = 1$ with $\epsilon = -0.5$? Then the target is $+0.5$. Or $x = -1$ with $\epsilon =
# 1.5$? Then it is $-1.5$. In training both come up.

# %%
lesson.predict(
    "What is the best guess at y = 0.5, the one with the smallest mean squared error?",
    [
        "0.5: the nearer example",
        "−0.5: half-way between the two targets",
        "about −0.04: in between, but not half-way",
    ],
)

# %%
chance = np.exp(-0.5 * np.array([-0.5, 1.5]) ** 2)
chance = chance / chance.sum()  # of x = 1 and of x = −1, given y
guess = chance @ np.array([0.5, -1.5])
both = GaussianMixture([[-1.0], [1.0]], std=1.0)  # the density of y
lesson.check("the score of y's own density", both.score(np.array([[0.5]]))[0, 0], equals=guess)

# %%
lesson.outcome(
    f"{guess:.4f}. Seen at 0.5, x = 1 is more probable ({chance[0]:.2f} to {chance[1]:.2f}), and"
    " the targets are averaged with these weights. What comes out is the score of the density of"
    " the noisy data, exactly.",
    answer="about −0.04: in between, but not half-way",
)

# %% [markdown]
# That is no accident. The best guess of anything under the squared error is its mean given what
# one sees, and the mean of $\nabla_y \log q(y|x)$ over the $x$ that may be behind $y$ is $\nabla_y
# \log q(y)$. This is *denoising score matching*. Its targets grow as $1/\sigma$; the weight
# $\sigma^2$ makes all levels count the same:
#
# $$J_\sigma = \tfrac12\, \mathbb E \big\Vert \sigma\, s(x + \sigma\epsilon) + \epsilon
# \big\Vert^2.$$

# %%
lesson.exercise("diffusion/05/denoising_score_matching_loss")

# %%
lesson.show_source(denoising_score_matching_loss)
x, eps = np.array([[1.0], [-1.0]]), np.array([[-0.5], [1.5]])  # both give y = 0.5


def constant(y, sigma):
    return guess + 0 * y


loss = denoising_score_matching_loss(constant, x, 1.0, eps)
lesson.check("its loss there", loss, equals=((guess - 0.5) ** 2 + (guess + 1.5) ** 2) / 4)

# %% [markdown]
# ## 3. Both, against the truth
#
# Two moons, with noise of $\sigma = 0.3$ added. The score of that density is known, so both losses
# can be judged. Two equal networks, equal batches. The sliced loss gets the noisy points, and a
# direction for each; the denoising loss the clean points, and the noise. (We give the sliced loss
# the weight $\sigma^2$ as well.)

# %%
SIGMA = 0.3
clean = toy.two_moons(0.2)
noisy = toy.two_moons(np.sqrt(0.2**2 + SIGMA**2))


class PlaneScore(MLP):
    """A score in the plane, (N, 2) -> (N, 2), for points of size 1 and scores of size 1/unit."""

    def __init__(self, rng, unit):
        super().__init__(rng, [2, 64, 64, 2], "silu", last_scale=0.0)
        self.unit = unit

    def __call__(self, x):
        return super().__call__(x) / np.float32(self.unit)


# %%
def denoising_loss(net, x, eps, sigma=SIGMA):
    """Of a network that is not told the level."""
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
    lesson.claim(f"{name}: error of the score, relative", errors[name], at_most=0.05)

# %%
fig, axes = plot.figure(1, 3)
fields = {"the truth": noisy.score, **nets}
for ax, (name, field) in zip(axes, fields.items()):
    plot.field(field, noisy.bounds, ax, n=17, lengths="sqrt", density=noisy, title=name)
lesson.figure(
    fig,
    "fields",
    "The score of the noisy moons and what both networks make of it (the arrows are drawn with the"
    " root of their lengths). Far outside, where no example ever was, the networks make it up.",
)

# %% [markdown]
# In expectation the two losses differ by a constant, so their *gradients* are equal. But a batch is
# a sample, and the gradients of batches scatter: by how much decides how fast one learns. Take one
# network, the first of the two, and the losses at several levels of noise (always without the
# weight $\sigma^2$, so that their mean gradients are the same).

# %%
lesson.predict(
    "Which loss has gradients that scatter less?",
    [
        "the sliced one, at every level of noise",
        "the denoising one, at every level of noise",
        "the sliced one where there is little noise, the denoising one where there is much",
        "the denoising one where there is little noise, the sliced one where there is much",
    ],
)


# %%
def gradients(loss, draw, rng, count):
    """The gradients of so many batches, in one row each."""
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
    f"At σ = 0.03 the denoising gradients have {little:.0f} times the variance of the sliced ones,"
    f" at σ = 0.6 it is {much:.2f} times. The target −ε/σ is wild where σ is small; the derivative"
    " that the sliced loss takes along a random v is wild at any level.",
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
lesson.claim("mean gradients apart, over the standard error of that", apart, at_most=3)
lesson.claim("σ = 0.03: variance, denoising / sliced", little, at_least=20)
lesson.claim("σ = 0.6: variance, denoising / sliced", much, at_most=0.8)
saved = scattered[0.6, "sliced, not reduced"] / scattered[0.6, "sliced"]
lesson.claim("σ = 0.6: variance, not reduced / reduced", saved, at_least=1.5)

# %%
curves = {name: [scattered[sigma, name] for sigma in sigmas_tried] for name in names}
fig, ax = plot.figure(size=(5.0, 3.6))
plot.line(sigmas_tried, curves, ax, log="y", markers=True, xlabel="σ", ylabel="variance")
ax.legend(loc="upper center")
lesson.figure(fig, "scatter", "How much the gradient of a batch scatters, by level of noise.")

# %% [markdown]
# The last column is the sliced loss with $\frac12(v^\top s)^2$ in place of $\frac12\Vert
# s\Vert^2$: the same on average, and one thing more that is drawn. Where a sum is known, one does
# not draw it.

# %%
lesson.change(
    "an untrained network",
    "Take the gradients of an untrained network, whose answer is 0 everywhere: in `gradients`, "
    'change `nets["denoising"]` to `PlaneScore(lesson.rng("net"), SIGMA)`, and run again. '
    "Which of the three columns are now alike, and why?",
    answer="The two sliced columns, to sampling error. Where $s = 0$ the gradients of "
    "$\\frac12\\Vert s\\Vert^2$ and of $\\frac12(v^\\top s)^2$ are both 0, so nothing is left to "
    "reduce: both losses have the gradient of the derivative term alone.",
)

# %% [markdown]
# ## 4. Why the noise: thin data
#
# So far noise was a trick. Now to what Song and Ermon (2019) found when they trained score networks
# on pictures, without noise: it did not work. Two reasons. The first is the *manifold hypothesis*:
# real data do not fill their space, they lie on something thin in it (`gan/05`). Take points
# exactly on the circle of radius 1, and the scores $s_k(x) = -k\,(\Vert x \Vert - 1)\,
# x/\Vert x \Vert$, which point to the circle, the more strongly the larger $k$.

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
    "On the circle itself the arrows have length 0, and cost nothing; across it they fall by k per"
    " unit. So the loss is −k, and has no lowest value. The score of such data does not exist: off"
    " the circle p is 0, and has no logarithm.",
    answer="none: the larger, the better" if best_k == 100 else f"k = {best_k}",
)
lesson.check("loss at k = 100", rows[-1][1], equals=-100.0, atol=1e-6)

# %% [markdown]
# What does a network do there? The same training twice: on points of the circle, and on the same
# with a little noise, $\sigma = 0.1$. In the second case there is a score, and the lowest possible
# loss is minus half its mean square: about $-\frac12 \cdot 1/\sigma^2 = -50$.


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
    " comes to its limit, 50. Without noise there is none: it goes on as long as the learning rate,"
    " which falls to 0, lets it.",
)
lesson.claim("with noise: loss at the end", final["noise 0.1"], between=(-60, -35))
lesson.claim("without noise: loss at the end", final["noise 0"], at_most=-120)

# %% [markdown]
# (Digits show this too: their paper is exactly 0. A little noise and pictures fill their space,
# every point of it has some density, and the score exists everywhere.)
#
# ## 5. Why more noise: empty space
#
# The second reason: the loss is an average over the data. Where there are none, nothing is learned.
# The two bells of `diffusion/02`, of standard deviation 0.25 and weights 0.2 and 0.8, twelve
# standard deviations apart, learned at one small level of noise:

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


places = {
    "at the data": at_small.sample(lesson.rng("at data"), lesson.size(5000)),
    "between the bells": lesson.rng("between").uniform([-0.5, -1], [0.5, 1], (5000, 2)),
}
rows = []
for name, x in places.items():
    rows.append([name, at_small.prob(x).max(), np.median(relative_error(one_level, x))])
lesson.table(rows, ["points", "largest p", "median relative error of the score"])
worse = rows[1][2] / rows[0][2]
lesson.claim("median error of the score, between the bells / at the data", worse, at_least=3)

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.2, 3.3))
plot.samples(mixture.sample(lesson.rng("shown"), 500), mixture, left, bounds=BOX, title="the data")


def error_on_map(x):
    return np.minimum(relative_error(one_level, x), 1.0)


plot.heatmap(error_on_map, BOX, right, limits=(0, 1), title="relative error of the score")
lesson.figure(
    fig,
    "empty",
    "Yellow: the score is wrong by its own length or more. (Also at the very tops, where its length"
    " is 0.) It is learned where the data are, and in between it is made up. A walk starts"
    " somewhere, and hardly ever at the data.",
)

# %% [markdown]
# And where it is right it does not help, as `diffusion/02` showed with the exact score: near one
# bell there is nothing in it that tells the weight of that bell.
#
# Large noise cures this. With $\sigma = 10$ the two bells are one hill, and noisy data are
# everywhere; but it is not the density that we want. So Song and Ermon take a *ladder* of levels,
# $\sigma_1 > \sigma_2 > \dots > \sigma_L$: the first as large as the data are wide, the last so
# small that it does no harm. Between them they fall in equal ratios, for neighbours are alike if
# their ratio is near 1.

# %%
lesson.exercise("diffusion/05/noise_scales")

# %%
lesson.show_source(noise_scales)
LARGE, LEVELS = 10.0, 14
sigmas = noise_scales(LARGE, SMALL, LEVELS)
print("  σ: " + "  ".join(f"{sigma:.3g}" for sigma in sigmas))
lesson.check(
    "each over the one before", sigmas[1:] / sigmas[:-1], equals=(SMALL / LARGE) ** (1 / 13)
)

# %% [markdown]
# One network learns all of them, and is told the level: a *noise-conditional score network*,
# $s_\theta(x, \sigma)$. The noisy data are of size $\sqrt{1 + \sigma^2}$ and scores of size
# $1/\sigma$; the network is spared both.


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
lesson.claim("NCSN: error of the score, relative, at each level", level_errors, at_most=0.05)

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
    "ladder",
    "What the network says at three levels (mind the scales), over the noisy density. The first"
    " shows the way from anywhere, the last one the details.",
)

# %% [markdown]
# ## 6. Annealed Langevin dynamics
#
# Walk at the first level, then from where one has come at the second, and so on. At level $\sigma$
# the step is $\delta = c\,\sigma^2$: the drift is then of size $\frac c2 \sigma$ and the shaking of
# size $\sqrt c\, \sigma$, so that a walk looks alike at every level, only smaller. By hand: two
# levels, 2 and 1, $c = 0.5$, one step each, no shaking for once ($z = 0$), data at a single point,
# 0, so $s = -x/\sigma^2$. From $x = 4$: $\delta = 2$ and $4 - 1 \cdot 4/4 = 3$; then $\delta = 0.5$
# and $3 - 0.25 \cdot 3 = 2.25$.

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
    "step multiplies $x$ by $1 - c/2 = -1.25$ at any level, so with $c$ above 4 the chain runs "
    "away.",
)

# %% [markdown]
# Now 2,000 points that begin as noise of the first level, by three ways of equal length, 1,400
# steps: *plain* Langevin dynamics at the last level; *two levels* only, the first and the last; and
# the whole *ladder*. Each with the exact score and with the network, so that the errors of the walk
# and of the network are told apart.

# %%
lesson.predict(
    "Which shares of the points will end at the right bell (0.8)? Plain, two levels, ladder:",
    [
        "0.5, 0.5, 0.8",
        "0.5, 0.8, 0.8",
        "0.8, 0.8, 0.8: the score knows the weights",
    ],
)


# %%
def exact(x, sigma):
    """The exact score at a level."""
    return mixture.noised(1.0, float(sigma[0])).score(x).astype(x.dtype)


def plain(score_model, x, rng, steps):
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
    ends[which, "plain"] = plain(model, start, rng, LEVELS * each)
    ends[which, "two levels"] = ncsn_sample(model, start, sigmas[[0, -1]], rng, 7 * each, step=0.2)
    ends[which, "ladder"] = ncsn_sample(model, start, sigmas, rng, each, step=0.2)

# %%
share, rows = {}, []
for (which, way), x in ends.items():
    right = x[:, 0] > 0
    share[which, way] = right.mean()
    rows.append([which, way, right.mean(), np.linalg.norm(x - start, axis=1).mean()])
lesson.table(rows, ["score", "walk", "share at the right bell", "mean distance walked"])

# %%
plain_, two, whole = (share["network", way] for way in ("plain", "two levels", "ladder"))
choices = {"0.5, 0.5, 0.8": (0.5, 0.5, 0.8), "0.5, 0.8, 0.8": (0.5, 0.8, 0.8)}
choices["0.8, 0.8, 0.8: the score knows the weights"] = (0.8, 0.8, 0.8)
nearest = min(choices, key=lambda c: np.abs(np.array(choices[c]) - (plain_, two, whole)).sum())
lesson.outcome(
    f"{plain_:.2f}, {two:.2f} and {whole:.2f} with the network. Where the noise is so large that"
    " the bells touch, the points can still change sides, and the score tells them how many should."
    " The ladder must have a level there; two levels jump over it.",
    answer=nearest,
)

# %%
for which in ("exact", "network"):
    off = abs(share[which, "ladder"] - 0.8)
    lesson.claim(f"ladder, {which}: share at the right bell (0.8) off by", off, at_most=0.05)
    off = abs(share[which, "plain"] - 0.8)
    lesson.claim(f"plain, {which}: share at the right bell (0.8) off by", off, at_least=0.2)
lesson.claim("two levels, network: share off by", abs(two - 0.8), at_least=0.15)


# %%
def widths(x):
    """Standard deviations of the points at the left and at the right bell, over the true one."""
    sides = [x[x[:, 0] < 0], x[x[:, 0] > 0]]
    return np.array([side.std(axis=0) for side in sides]) / 0.25


rows = [[which, *widths(ends[which, "ladder"]).ravel()] for which in ("exact", "network")]
header = ["score", "left, across", "left, up", "right, across", "right, up"]
lesson.table(rows, header, "ladder: width of each bell / true width")
for which, *values in rows:
    lesson.claim(f"ladder, {which}: widths / true", values, between=(0.85, 1.15))

# %%
fig, axes = plot.figure(1, 3, size=(3.6, 2.9))
for ax, way in zip(axes, ("plain", "two levels", "ladder")):
    x = ends["network", way]
    title = f"{way}: {np.mean(x[:, 0] < 0):.2f} and {np.mean(x[:, 0] > 0):.2f}"
    plot.samples(x[:1500], mixture, ax, bounds=BOX, title=title)
lesson.figure(
    fig,
    "walks",
    "Where the points end, by the network. The titles say which share is at the left and which at"
    " the right bell; 0.20 and 0.80 would be right.",
)

# %% [markdown]
# When is it decided who goes to which side? Once more down the ladder, with a look at each level.
# The cloud is about as wide as $\sqrt{1 + \sigma^2}$, so the picture is shrunk by that. *Move
# $\sigma$: at which level do the two bells part, and from which on does nobody change sides?*

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
    truth=mixture.sample(lesson.rng("shown truth"), 600),
    bounds=BOX,
    time="σ",
    caption="The walk at the end of each level, in units of the cloud; the data underneath.",
)

# %% [markdown]
# And the share at the right, counted:

# %%
truth = [
    np.mean(mixture.noised(1.0, s).sample(lesson.rng("truth"), 20_000)[:, 0] > 0) for s in sigmas
]
ax = plot.line(
    sigmas,
    {"the walk": seen[1:], "noisy data": truth},
    log="x",
    markers=True,
    colors={"the walk": plot.color.fake, "noisy data": plot.color.real},
    xlabel="σ (the walk goes from right to left)",
    ylabel="share right of the middle",
)
lesson.figure(
    ax, "shares", "The share follows that of the noisy data, until the walls are too high."
)


# %%
def draw_mixture(rng, n):
    x = np.float32(LARGE) * rng.standard_normal((n, 2), dtype=np.float32)
    return ncsn_sample(ncsn, x, sigmas, rng, each, step=0.2)


lesson.sampler("bells", draw_mixture)

# %% [markdown]
# ## 7. The noise is the score
#
# And DDPM? There $x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\,\epsilon$. Given
# $x_0$ this is normal as well, with a score as in section 2. Without $x_0$ we take the mean over
# what may be behind $x_t$, and the mean of $\epsilon$ is what DDPM's network predicts. So what does
# its prediction say of the score of the noised data?

# %%
lesson.exercise("diffusion/05/score_from_eps")

# %% [markdown]
# Given $x_0$ the score is $-\epsilon/\sqrt{1 - \bar\alpha_t}$, and its mean is (Eq. diffusion.17)
#
# $$\mathbf s_\theta(x_t, t) \approx \nabla_{x_t} \log q(x_t) = \mathbb E_{q(x_0 | x_t)}
# \Big[-\frac{\epsilon}{\sqrt{1 - \bar\alpha_t}}\Big] \approx -\frac{\epsilon_\theta(x_t, t)}
# {\sqrt{1 - \bar\alpha_t}}.$$
#
# The post writes the mean over $q(x_0)$, over all data. Section 2 has told us which mean it is. The
# same example, $x_0 = \pm 1$, now with $\bar\alpha_t = 0.36$, seen at $x_t = 0.5$: if $x_0 = 1$
# then $\epsilon = (0.5 - 0.6)/0.8 = -0.125$, if $x_0 = -1$ then $\epsilon = 1.375$.

# %%
lesson.show_source(score_from_eps)
two_steps = Schedule([0.1, 0.6])  # ᾱ = 0.9, 0.36
x_t, x0 = 0.5, np.array([1.0, -1.0])
eps = (x_t - 0.6 * x0) / 0.8
posterior = np.exp(-0.5 * eps**2) / np.exp(-0.5 * eps**2).sum()  # of x_0, given x_t
rows = []
for name, weights in (("all data, q(x_0)", np.array([0.5, 0.5])), ("those behind x_t", posterior)):
    mean_eps = np.array([[weights @ eps]])
    rows.append([name, mean_eps[0, 0], score_from_eps(mean_eps, 2, two_steps)[0, 0]])

# %%
noised = GaussianMixture([[-1.0], [1.0]], std=1e-9).noised(0.6, 0.8)
rows.append(["the slope of log q(x_t)", "", noised.score(np.array([[x_t]]))[0, 0]])
lesson.table(rows, ["mean over", "mean of ε", "score"])
lesson.check("Eq. diffusion.17, mean over q(x_0|x_t)", rows[1][2], equals=rows[2][2], atol=1e-6)
lesson.check("the mean over q(x_0) is off by", abs(rows[0][2] - rows[2][2]), at_least=0.4)

# %% [markdown]
# So our score network is a DDPM in other clothes. Divide $x_t$ by $\sqrt{\bar\alpha_t}$, and it is
# the data plus noise of $\sigma_t = \sqrt{(1 - \bar\alpha_t)/\bar\alpha_t}$; and the noise that the
# network sees there is $-\sigma_t\, s$. The losses agree too: DDPM's is a mean over $D$ dimensions,
# ours half a sum.

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
# The network has never heard of $\bar\alpha_t$, and yet any sampler of diffusion models can use
# it, if the schedule stays between the levels that the network knows. Here DDIM (`diffusion/10`),
# with 20 steps in place of 1,400:

# %%
x = rng.standard_normal((count, 2), dtype=np.float32)
by_ddim = ddim(eps_model, x, schedule, steps=20)
share_ddim = np.mean(by_ddim[:, 0] > 0)
print(f"  share at the right bell {share_ddim:.3f}")
print(f"  widths / true {np.round(widths(by_ddim).ravel(), 2)}")
off = abs(share_ddim - 0.8)
lesson.claim("DDIM with the NCSN, 20 steps: share (0.8) off by", off, at_most=0.07)

# %% [markdown]
# (If the share is a little low: at $\sigma = 10$ the noise has not quite swallowed the data, and we
# began at noise alone. The ladder has time to forget its start.)
#
# Then why was there anything to choose? The loss weighs the levels; DDPM shrinks the data as it
# adds noise, and NCSN does not; and they sample by other walks. Song, Sohl-Dickstein et al. (2021)
# put both under one roof, as two stochastic differential equations.
#
# ## 8. Where the post is loose
#
# - The mean in Eq. diffusion.17 is over $q(x_0|x_t)$, not $q(x_0)$; and with the true $\epsilon$
#   inside. That $\epsilon_\theta$ stands in its place is what training aims at, not an identity.
# - "Score" here is the slope in $x$. Statisticians mean the slope in the parameters.
# - The post calls data noised at several levels a cure for both troubles. It needs the ladder as
#   well: see "two levels" above.
#
# **Left out:** pictures (Song and Ermon's went to 32 × 32 with $L = 10$ levels from 1 to 0.01; the
# sequel, Song and Ermon 2020, says how to choose both ends). **Next:** how fast the noise should
# grow (`diffusion/06`).
#
# **Your turn:** `minigen exercise start diffusion/05`, then `minigen run diffusion/05 --with
# exercises/diffusion_05.py`.

# %%
lesson.finish()
