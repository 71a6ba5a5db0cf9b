# %% [markdown]
# # The reverse process: the Gaussian steps back
#
# Adding noise to an image is easy. A generator has the opposite task, because it starts from noise
# and has to arrive at an image. Why not simply undo the noise, one step after the other? The
# trouble is that a step back has many answers. Many cleaner images could have led to the same noisy
# one, and how probable each of them is depends on all the data. Is there an answer simple enough
# for a network to learn?
#
# We look at the shape of one step back (section 1), compute the step for a known $x_0$ (2), write
# it in terms of the noise (3), and then run the whole chain without $x_0$ (4). Such a chain is also
# a model of the data, and we ask for its likelihood (5). This lesson follows the section *Reverse
# diffusion process* of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/).
#
# Before this lesson: the forward process (`diffusion/01`).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/03_reverse_process",
    title="The reverse process: the Gaussian steps back",
    post="diffusion",
    sections=["diffusion.s04"],
    figures=["diffusion.f02", "diffusion.f03"],
    equations=[
        "diffusion.04",
        "diffusion.05",
        "diffusion.06",
        "diffusion.07",
        "diffusion.08",
        "diffusion.09",
        "diffusion.10",
        "diffusion.11",
        "diffusion.12",
    ],
    minutes=0.1,
    picture="f03_swiss_roll",
    sources=["weng2021diffusion", "sohldickstein2015thermo", "ho2020ddpm"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data.mixture import GaussianMixture
from minigen.diffusion.ddpm import mean_from_eps, posterior_mean, q_posterior, q_sample, q_step
from minigen.diffusion.likelihood import prior_term, vlb_terms
from minigen.diffusion.samplers import Trajectory, ancestral
from minigen.diffusion.schedule import Schedule, posterior_variances
from minigen.metrics import sampling_floor, sliced_wasserstein

# %% [markdown]
# ## 1. The shape of a step back
#
# A network can learn a step back only if the answer has a form that a network can output. What
# form does it have? Let's look at data of which we know everything, two narrow Gaussians near $-1$
# and $1$. With some noise, at time $t - 1$, they are wider. Then comes one more forward step, with
# noise of variance $\beta$, and it ends at $x_t = 0$, in the middle.

# %%
mixture = GaussianMixture([[-1.0], [1.0]], std=0.15).standardized()
before = mixture.noised(np.sqrt(0.9), np.sqrt(0.1))  # the density of x_(t-1)
line = np.linspace(-3, 3, 6001)
dx = line[1] - line[0]
curves = {"data": mixture.prob(line[:, None]), "x_(t-1)": before.prob(line[:, None])}
ax = plot.line(line, curves, xlabel="x", ylabel="density")
lesson.figure(
    ax,
    "densities",
    "The data (blue), and the density of x_(t-1), one step before x_t (orange). Look at its value "
    "in the middle, where the step ended.",
)

# %% [markdown]
# Where was $x_{t-1}$? By Bayes' rule its density is proportional to a product, the density of
# $x_{t-1}$ times the density of a step from there to $x_t$.

# %%
lesson.predict(
    "How many peaks does the density of x_(t-1) given x_t = 0 have, for a long step with β = 0.9, "
    "and for a short one with β = 0.01?",
    ["two, two", "one, two", "two, one", "one, one"],
)


# %%
def log_normal(x, mean=0.0, std=1.0):
    """The log-density of a Gaussian."""
    return -0.5 * ((x - mean) / std) ** 2 - np.log(std) - 0.5 * np.log(2 * np.pi)


def normal(x, mean, std):
    return np.exp(log_normal(x, mean, std))


# %%
def step_back(beta, x_t=0.0):
    """The density of x_(t-1) on the line, given x_t after one more step."""
    p = before.prob(line[:, None]) * normal(x_t, np.sqrt(1 - beta) * line, np.sqrt(beta))
    return p / (p.sum() * dx)


betas = [0.9, 0.3, 0.1, 0.01]
backs = {f"β = {beta}": step_back(beta) for beta in betas}

# %%
shown = np.abs(line) < 1.8
curves = {name: p[shown] / p.max() for name, p in backs.items()}
ax = plot.line(line[shown], curves, xlabel="x_(t-1), given x_t = 0", ylabel="density / maximum")
lesson.figure(
    ax,
    "step_back",
    "The density of x_(t-1) given x_t = 0, for four lengths of the step, each divided by its "
    "maximum. Compare the curve of the longest step (blue) with the curve of the shortest.",
)


# %%
def peaks(p):
    return np.sum((p[1:-1] > p[:-2]) & (p[1:-1] > p[2:]))


names = {1: "one", 2: "two"}
shapes = [names[int(peaks(backs[f"β = {beta}"]))] for beta in (0.9, 0.01)]
lesson.outcome(
    "The density for the long step has two peaks, because x_t may have come from either side. The "
    "density for the short step has one, because at 0 the logarithm of the step's Gaussian has "
    "second derivative -(1 - β)/β = -99, and the valley of the other factor has only +53.",
    answer=", ".join(shapes),
)

# %%
h = 1e-3
valley = (before.score(np.array([[h]])) - before.score(np.array([[-h]])))[0, 0] / (2 * h)
lesson.check("second derivative of log p in the valley", valley, equals=53.0, atol=0.5)

# %% [markdown]
# The logarithm of the product is a sum, so the second derivatives add up. Between the two peaks the
# density of $x_{t-1}$ has a valley, in which its logarithm curves upward, and the logarithm of the
# step's Gaussian curves downward. The valley is the same for every β, while the step's second
# derivative $-(1 - \beta)/\beta$ falls without limit as the step gets shorter. A very short step
# back therefore depends only on a small part of the density of $x_{t-1}$, over which its logarithm
# is nearly quadratic. We can measure how far each density is from the Gaussian with the same mean
# and variance. The KL divergence is 0 only if the two agree.


# %%
def from_gaussian(p):
    """KL(p || the Gaussian of the same mean and variance), nats."""
    mean = (p @ line) * dx
    std = np.sqrt(p @ (line - mean) ** 2 * dx)
    seen = p > 1e-12
    return np.sum(p[seen] * (np.log(p[seen]) - log_normal(line[seen], mean, std))) * dx


far = [from_gaussian(p) for p in backs.values()]
lesson.table(zip(betas, far), ["β", "KL from a Gaussian, nats"], "the density of a step back")
lesson.check("β = 0.9: far from a Gaussian", far[0], at_least=0.3)
lesson.check("β = 0.01: nearly a Gaussian", far[-1], at_most=0.01)

# %% [markdown]
# A short step back is nearly a Gaussian, even where the data are not. That is why a diffusion model
# takes many short steps. The model takes each of them to be a Gaussian, whose mean and variance
# depend on $\mathbf x_t$ and $t$ (Eq. diffusion.04):
#
# $$p_\theta(\mathbf x_{0:T}) = p(\mathbf x_T) \prod_{t=1}^T p_\theta(\mathbf x_{t-1} | \mathbf
# x_t), \qquad p_\theta(\mathbf x_{t-1} | \mathbf x_t) = \mathcal N(\mathbf x_{t-1};
# \mu_\theta(\mathbf x_t, t), \Sigma_\theta(\mathbf x_t, t)) .$$
#
# In words, the model starts from noise $\mathbf x_T$ and takes $T$ Gaussian steps back. A network
# with weights $\theta$ therefore needs only two outputs, the mean $\mu_\theta$ and the covariance
# $\Sigma_\theta$. But why do we need a network at all, if Bayes' rule gives the step? The reason is
# that the rule needs the density of $x_{t-1}$, which for a data set is a sum over *all* examples.
# With three examples we can compute it (the last column takes a formula from section 2):

# %%
schedule = Schedule.linear(1000)
examples, t, x_t = np.array([-1.0, 0.2, 1.0]), 400, 0.3
root, width = np.sqrt(schedule.alpha_bar[t]), np.sqrt(1 - schedule.alpha_bar[t])
weights = normal(x_t, root * examples, width)
weights = weights / weights.sum()  # P(example | x_t)
each_x0 = examples[:, None]  # (3, 1)
to_399 = posterior_mean(each_x0, np.full((3, 1), x_t), t, schedule)[:, 0]
rows = list(zip(examples, weights, to_399))
lesson.table(rows, ["x_0", "P(x_0 | x_t = 0.3)", "mean of x_399 given both"])

# %% [markdown]
# No example can be ruled out, and each of them moves the mean of the step a little. With 60,000
# digits a single step would need all 60,000. A network that has learned the mean needs none of
# them.
#
# ## 2. A step back, given x₀
#
# The last column of that table is the easy part of the problem, because there we know $x_0$. Let's
# compute it first. Take the two steps of `diffusion/01`, $\beta = (0.19, 0.36)$, and let $x_0 = 1$
# and $x_2 = 1.5$ be given. Both tell us something about $x_1$. It came from $x_0$, so its mean is
# 0.9 and its variance 0.19. But it also led to $x_2$, by a step with noise of variance 0.36.

# %%
lesson.predict(
    "How does the variance of x_1 given both compare with 0.19, its variance given only x_0?",
    ["it is larger, because two uncertainties add up", "it is equal", "it is smaller"],
)

# %%
tiny = Schedule([0.19, 0.36])
rng = lesson.rng("count")
tries = lesson.size(2_000_000, quick=100_000)
x0 = np.ones((tries, 1))
x1 = q_step(x0, 1, rng.standard_normal(x0.shape), tiny)
x2 = q_step(x1, 2, rng.standard_normal(x0.shape), tiny)
kept = x1[np.abs(x2 - 1.5) < 0.02]

# %%
choices = ["it is larger, because two uncertainties add up", "it is equal", "it is smaller"]
nearest = int(np.argmin(np.abs(np.array([0.3, 0.19, 0.14]) - kept.var())))
lesson.outcome(
    f"Of {tries:,} chains from x_0 = 1, {len(kept):,} reached x_2 = 1.5 ± 0.02, and their x_1 has "
    f"mean {kept.mean():.3f} and variance {kept.var():.3f}. The variance falls, because from some "
    "values of x_1 that x_0 allows, x_2 is hardly ever reached.",
    answer=choices[nearest],
)

# %% [markdown]
# Instead of counting we can use Bayes' rule again. The density is proportional to the product of
# two Gaussians, $q(\mathbf x_t | \mathbf x_{t-1})\,q(\mathbf x_{t-1} | \mathbf x_0)$. Their
# exponents add up, and both are quadratic in $\mathbf x_{t-1}$ (Eq. diffusion.06):
#
# $$-\tfrac12\Big(\big(\tfrac{\alpha_t}{\beta_t} + \tfrac{1}{1 - \bar\alpha_{t-1}}\big)\,
# \mathbf x_{t-1}^2 - \big(\tfrac{2\sqrt{\alpha_t}}{\beta_t} \mathbf x_t +
# \tfrac{2\sqrt{\bar\alpha_{t-1}}}{1 - \bar\alpha_{t-1}} \mathbf x_0\big)\, \mathbf x_{t-1} +
# C(\mathbf x_t, \mathbf x_0)\Big) .$$
#
# Here $C$ collects what does not contain $\mathbf x_{t-1}$. A density with a quadratic exponent is
# a Gaussian, here without any approximation. We write a tilde over its mean and its variance (Eq.
# diffusion.05):
#
# $$q(\mathbf x_{t-1} | \mathbf x_t, \mathbf x_0) = \mathcal N(\mathbf x_{t-1};
# \tilde\mu_t(\mathbf x_t, \mathbf x_0), \tilde\beta_t \mathbf I) .$$
#
# The factor of $\mathbf x_{t-1}^2$ is the *precision*, one over the variance, and we see that
# precisions add up. In our example, $0.64/0.36 + 1/0.19 = 7.041$, so the variance is $1/7.041 =
# 0.142$. The mean is $(\frac{0.8}{0.36} \cdot 1.5 + \frac{0.9}{0.19} \cdot 1)/7.041 = 1.146$. The
# chains that we counted agree:

# %%
one = np.ones((1, 1))
mean, variance = q_posterior(one, 1.5 * one, 2, tiny)
precision = 0.64 / 0.36 + 1 / 0.19
lesson.check("variance, by precisions", variance, equals=1 / precision)
by_hand = (0.8 / 0.36 * 1.5 + 0.9 / 0.19) / precision
lesson.check("mean, by precisions", mean[0, 0], equals=by_hand)
errors = [
    abs(kept.mean() - mean[0, 0]) / np.sqrt(variance / len(kept)),
    abs(kept.var() - variance) / (variance * np.sqrt(2 / len(kept))),
]
lesson.check("counted mean and variance of x_1: off by, in standard errors", errors, at_most=5)

# %% [markdown]
# Now the same for any schedule and any $t$. What is the variance $\tilde\beta_t$, and what is the
# mean $\tilde\mu_t(\mathbf x_t, \mathbf x_0)$?

# %%
lesson.exercise("diffusion/03/posterior_variances")
lesson.exercise("diffusion/03/posterior_mean")

# %%
lesson.show_source(posterior_variances, posterior_mean, q_posterior)

# %% [markdown]
# The result is (Eq. diffusion.07):
#
# $$\tilde\beta_t = \frac{1 - \bar\alpha_{t-1}}{1 - \bar\alpha_t}\,\beta_t, \qquad
# \tilde\mu_t(\mathbf x_t, \mathbf x_0) = \frac{\sqrt{\alpha_t}\,(1 - \bar\alpha_{t-1})}{1 -
# \bar\alpha_t}\,\mathbf x_t + \frac{\sqrt{\bar\alpha_{t-1}}\,\beta_t}{1 - \bar\alpha_t}\,\mathbf
# x_0 .$$
#
# In words, the mean is a compromise between where the point is and where it came from, and the
# variance is always smaller than $\beta_t$.
#
# <details><summary>Derivation: mean and variance of a reverse step, from two Gaussians</summary>
#
# Expand the two squares of the exponents, $(\mathbf x_t - \sqrt{\alpha_t}\,\mathbf x_{t-1})^2 /
# \beta_t$ and $(\mathbf x_{t-1} - \sqrt{\bar\alpha_{t-1}}\,\mathbf x_0)^2 / (1 -
# \bar\alpha_{t-1})$, and collect the powers of $\mathbf x_{t-1}$: this is Eq. diffusion.06. A
# Gaussian with mean $m$ and variance $v$ has the exponent $-\frac12 (\mathbf x_{t-1}^2 / v - 2 m\,
# \mathbf x_{t-1} / v + \ldots)$. Compare the squares, with $\alpha_t \bar\alpha_{t-1} =
# \bar\alpha_t$ and $\alpha_t + \beta_t = 1$:
#
# $$\frac1v = \frac{\alpha_t}{\beta_t} + \frac{1}{1 - \bar\alpha_{t-1}}
# = \frac{\alpha_t - \bar\alpha_t + \beta_t}{\beta_t (1 - \bar\alpha_{t-1})}
# = \frac{1 - \bar\alpha_t}{\beta_t (1 - \bar\alpha_{t-1})} ,$$
#
# so $v = \tilde\beta_t$. Compare the factors of $\mathbf x_{t-1}$:
#
# $$m = v \Big(\frac{\sqrt{\alpha_t}}{\beta_t}\,\mathbf x_t + \frac{\sqrt{\bar\alpha_{t-1}}}{1 -
# \bar\alpha_{t-1}}\,\mathbf x_0\Big) = \tilde\mu_t(\mathbf x_t, \mathbf x_0) .$$
#
# </details>

# %%
boxes = {
    "x0": plot.node("$x_0$", "data", (0, 0)),
    "before": plot.node("$x_{t-1}$", "plain", (1, 0)),
    "xt": plot.node("$x_t$", "plain", (2, 0)),
    "xT": plot.node("$x_T$", "noise", (3, 0)),
}
arrows = [
    "x0 -> before: $q(x_{t-1}|x_0)$",
    "before -> xt: $q(x_t|x_{t-1})$",
    "xt -> xT",
    "xT --> xt",
    "xt --> before: $p_\\theta(x_{t-1}|x_t)$",
    plot.edge("xt", "before", "$q(x_{t-1}|x_t, x_0)$", route="over", color=plot.color.accent),
]

# %%
lesson.figure(
    plot.schematic(boxes, arrows),
    "f02_step_back",
    "Solid arrows add noise, dashed arrows are the steps of the model. The orange arrow is the "
    "step back given x_0. Compare it with the dashed arrow below it.",
)

# %% [markdown]
# Both arrows lead from $x_t$ to $x_{t-1}$. However, the orange step is given $x_0$, and the model's
# step is not. Training will make the second as close to the first as possible.
#
# ## 3. The same step in terms of the noise
#
# The mean above contains $\mathbf x_0$, which is just what a generator does not have. What should a
# network predict in its place? It could predict $\mathbf x_0$. But there is a second choice. Since
# $\mathbf x_t = \sqrt{\bar\alpha_t}\,\mathbf x_0 + \sqrt{1 - \bar\alpha_t}\,\epsilon_t$, the data
# and the noise determine each other once $\mathbf x_t$ is given, and we can replace $\mathbf x_0$
# with the noise (Eq. diffusion.08):
#
# $$\tilde\mu_t = \frac{1}{\sqrt{\alpha_t}} \Big( \mathbf x_t - \frac{1 - \alpha_t}{\sqrt{1 -
# \bar\alpha_t}}\,\epsilon_t \Big) .$$
#
# In words: subtract a little of the noise, then undo the shrinking of the last step. Note that
# $\epsilon_t$ is the noise of *all* steps up to $t$, from $\mathbf x_0$ to $\mathbf x_t$. In our
# example, $\epsilon_2 = (1.5 - 0.72 \cdot 1)/\sqrt{0.4816} = 1.124$, and the mean is $(1.5 -
# \frac{0.36}{0.694} \cdot 1.124)/0.8 = 1.146$, as before.
#
# <details><summary>Derivation: the mean in terms of the noise</summary>
#
# Insert $\mathbf x_0 = (\mathbf x_t - \sqrt{1 - \bar\alpha_t}\,\epsilon_t) / \sqrt{\bar\alpha_t}$
# into $\tilde\mu_t$. With $\sqrt{\bar\alpha_{t-1} / \bar\alpha_t} = 1/\sqrt{\alpha_t}$, the factor
# of $\mathbf x_t$ becomes
#
# $$\frac{\sqrt{\alpha_t}\,(1 - \bar\alpha_{t-1})}{1 - \bar\alpha_t} + \frac{\beta_t}{(1 -
# \bar\alpha_t) \sqrt{\alpha_t}} = \frac{\alpha_t - \bar\alpha_t + \beta_t}{(1 - \bar\alpha_t)
# \sqrt{\alpha_t}} = \frac{1}{\sqrt{\alpha_t}} ,$$
#
# and the factor of $\epsilon_t$ is $-\frac{\beta_t}{(1 - \bar\alpha_t) \sqrt{\alpha_t}} \sqrt{1 -
# \bar\alpha_t} = -\frac{1}{\sqrt{\alpha_t}} \frac{1 - \alpha_t}{\sqrt{1 - \bar\alpha_t}}$.
#
# </details>

# %%
eps_2 = (1.5 - 0.72) / np.sqrt(0.4816) * one
again = mean_from_eps(1.5 * one, 2, eps_2, tiny)[0, 0]
lesson.check("x_0 = 1, x_2 = 1.5: the mean from the noise", again, equals=by_hand)
rng = lesson.rng("noise")
x0, eps = rng.standard_normal((2, 1000, 2))
t = rng.integers(1, 1001, 1000)
x_t = q_sample(x0, t, eps, schedule)
gap = mean_from_eps(x_t, t, eps, schedule) - posterior_mean(x0, x_t, t, schedule)
lesson.check("both formulas of the mean, largest difference", np.abs(gap).max(), at_most=1e-9)

# %% [markdown]
# In other words, the noise is all that the mean of a step back needs besides $\mathbf x_t$. The
# formula is exact for the noise that was really added. But a network is not given this noise.
# Section 4 asks what the best possible prediction is, and `diffusion/04` trains a network to make
# it.
#
# ## 4. A step back without x₀
#
# A model receives only $\mathbf x_t$, and many $\mathbf x_0$, each with its own noise, may have led
# there. The prediction with the smallest squared error is the *mean* of the noise over all of them,
# weighted by their probabilities. We go back to the three examples of section 1, with $x_{400} =
# 0.3$:

# %%
noises = (0.3 - root * examples) / width  # the noise that leads from each example to x_t = 0.3
rows = list(zip(examples, weights, noises))
lesson.table(rows, ["x_0", "P(x_0 | x_t = 0.3)", "its noise"])
mean_noise = weights @ noises
step = mean_from_eps(0.3 * one, 400, mean_noise * one, schedule)[0, 0]
lesson.check("step from the mean noise: mean of the three steps", step, equals=weights @ to_399)
points = GaussianMixture(each_x0, std=1e-6).noised(root, width)
score = points.score(0.3 * one)[0, 0]
lesson.check("the mean noise, from the score", -width * score, equals=mean_noise, atol=1e-6)

# %% [markdown]
# The mean noise leads to the mean step, because the formula of section 3 is linear in the noise.
# And we need not sum over the examples if we know the density of $\mathbf x_t$. The gradient of its
# logarithm, the *score*, is enough:
#
# $$\mathbb E[\epsilon\,|\,\mathbf x_t] = -\sqrt{1 - \bar\alpha_t}\;\nabla \log q(\mathbf x_t) .$$
#
# The score points to where noisy data are denser. The noise, on average, led away from there.
#
# <details><summary>Derivation: the mean of the noise is a multiple of the score (Tweedie's formula)
# </summary>
#
# The density of $\mathbf x_t$ is $q(\mathbf x_t) = \int q(\mathbf x_0)\,q(\mathbf x_t | \mathbf
# x_0)\,d\mathbf x_0$ with a Gaussian $q(\mathbf x_t | \mathbf x_0)$, whose gradient is
#
# $$\nabla q(\mathbf x_t | \mathbf x_0) = -\frac{\mathbf x_t - \sqrt{\bar\alpha_t}\,\mathbf x_0}{1 -
# \bar\alpha_t}\, q(\mathbf x_t | \mathbf x_0) = -\frac{\epsilon}{\sqrt{1 - \bar\alpha_t}}\,
# q(\mathbf x_t | \mathbf x_0) .$$
#
# Integrate over $\mathbf x_0$ and divide by $q(\mathbf x_t)$. The left side becomes $\nabla \log
# q(\mathbf x_t)$. On the right, $q(\mathbf x_0)\,q(\mathbf x_t|\mathbf x_0) / q(\mathbf x_t) =
# q(\mathbf x_0 | \mathbf x_t)$, so the right side becomes $-\mathbb E[\epsilon | \mathbf x_t] /
# \sqrt{1 - \bar\alpha_t}$.
#
# </details>
#
# For a mixture of Gaussians, $q(\mathbf x_t)$ is again a mixture of Gaussians, and its score is a
# formula. This gives us the model of the noise with the smallest squared error, without any
# training. (Later lessons import the function below as `exact_eps_model`.)


# %%
def exact_eps(density, schedule):
    """The eps model that returns E[noise | x_t], for data from a mixture of Gaussians."""
    cache = {}

    def eps_model(x, t):
        t = int(np.ravel(t)[0])  # all examples have the same time here
        a = schedule.alpha_bar[t]
        if t not in cache:
            cache[t] = density.noised(np.sqrt(a), np.sqrt(1 - a))
        return (-np.sqrt(1 - a) * cache[t].score(x)).astype(x.dtype)

    return eps_model


# %% [markdown]
# Is the function right? We check it by counting. We add noise to draws of the two Gaussians, until
# half of the variance is noise. Then we sort the results into 20 bins of $x_t$, and take the mean
# of the noise in each bin.

# %%
half = 260  # half of the variance is noise
rng = lesson.rng("bins")
x0 = mixture.sample(rng, lesson.size(500_000, quick=20_000)).astype(float)
eps = rng.standard_normal(x0.shape)
x_t = q_sample(x0, half, eps, schedule)
model = exact_eps(mixture, schedule)
place = np.digitize(x_t[:, 0], np.linspace(-2, 2, 21))
middles, means, off = [], [], []
for k in range(1, 21):
    here = place == k
    mine = eps[here, 0]
    error = mine.std() / np.sqrt(len(mine))
    middles.append(x_t[here].mean())
    means.append(mine.mean())
    off.append(abs(means[-1] - model(x_t[here], half).mean()) / error)

# %%
grid = np.linspace(-2, 2, 201)
straight = np.sqrt(1 - schedule.alpha_bar[half]) * grid
exact = model(grid[:, None], half)[:, 0]
curves = {"exact, two Gaussians": exact, "if the data were one Gaussian": straight}
ax = plot.line(grid, curves, xlabel="x_t", ylabel="mean noise")
ax.plot(middles, means, ".", color=plot.color.ink, label="counted")
ax.legend()
lesson.figure(
    ax,
    "mean_noise",
    f"The mean of the noise given x_t, at t = {half}: exact (blue), counted (dots), and what it "
    "would be for data from one Gaussian (orange). Look at the slope of the blue curve in the "
    "middle.",
)
lesson.check("mean noise in 20 bins minus the exact one, in standard errors", off, at_most=5)

# %% [markdown]
# The dots lie on the blue curve. On the left, $x_0$ was most likely near $-1$, and on the right
# near 1. In the middle both are likely, and the prediction lies between the two noises that they
# imply. For one Gaussian the curve would be straight, so the bend is the trace that the two
# Gaussians leave at this $t$.
#
# With an exact model we can run the whole reverse process before any network is trained. Our data
# are a swiss roll, made of 160 small Gaussians along a spiral. There are 200 steps, whose betas
# have the same sum as the 1,000 before. Each step has the mean from the predicted noise, and
# variance $\beta_t$.

# %%
angle = 1.5 * np.pi * (1 + 2 * (np.arange(160) + 0.5) / 160)
spiral = angle[:, None] / 5 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
roll = GaussianMixture(spiral, std=0.12, name="swiss roll").standardized()
T = lesson.size(200, quick=40)
short = Schedule.linear(T, 0.1 / T, 20 / T)
roll_model = exact_eps(roll, short)

# %%
rng = lesson.rng("roll")
n = lesson.size(2000, quick=50)
path = Trajectory(times=[T, T // 4, T // 8, T // 20, 0])
noise = rng.standard_normal((n, 2), dtype=np.float32)
samples = ancestral(roll_model, noise, short, rng, on_step=path, progress="swiss roll")


def drift(x, t):
    """The mean of the reverse step from t, minus x."""
    return mean_from_eps(x, t, roll_model(x, t), short) - x


# %%
noised = []
for t in path.times:
    x0 = roll.sample(rng, n)
    noised.append(q_sample(x0, t, rng.standard_normal(x0.shape, dtype=np.float32), short))

# %%
fig, axes = plot.figure(3, 5, size=(2.2, 2.2))
for (top, middle, bottom), t, data, state in zip(axes.T, path.times, noised, path.states):
    plot.samples(data, ax=top, bounds=3, color=plot.color.real, title=f"t = {t}")
    plot.samples(state, ax=middle, bounds=3)
    look = {"n": 15, "lengths": "sqrt", "title": f"from t = {max(t, 1)}"}
    plot.field(lambda x, t=max(t, 1): drift(x, t), 2.2, bottom, **look)
lesson.figure(
    fig,
    "f03_swiss_roll",
    "Top: data with noise (blue). Middle: samples (orange), from t = T on the left to t = 0 on the "
    "right. Bottom: the drift, the mean change in a step. Compare the first arrows with the last.",
)

# %% [markdown]
# The middle row runs from noise to a spiral, and at each time it resembles the row above. The drift
# changes its character on the way. Early it only shrinks the cloud, which the noise of the step
# widens again. Late it points to the nearest turn of the roll. Is the spiral right, or does it only
# look right? We measure its distance to the data, and divide it by the *floor*, the distance
# between two sets of samples of the data. For comparison we add two trivial models, a single
# Gaussian, and the reverse process with the noise of a single Gaussian (the straight line above).


# %%
def distance(a):
    return sliced_wasserstein(a, roll.sample(rng, n), 100, rng)


def between_data(a, b):
    return sliced_wasserstein(a, b, 100, rng)


floor = sampling_floor(between_data, roll.sample, n, rng, repeats=lesson.size(10, quick=2)).mean
flat_model = exact_eps(GaussianMixture([[0.0, 0.0]], std=1.0), short)
flat = ancestral(flat_model, noise, short, rng)
over = {
    "samples, exact noise": distance(samples) / floor,
    "samples, noise of one Gaussian": distance(flat) / floor,
    "one Gaussian": distance(noise) / floor,
}
lesson.table(over.items(), ["swiss roll", "distance / floor"])

# %%
lesson.claim(
    "swiss roll, exact noise: distance over floor",
    over["samples, exact noise"],
    at_most=1.9,
    source="seeds 0, 1 and 31337: 1.05, 1.08, 1.54, plus a fifth; one Gaussian: 3.8",
)

# %% [markdown]
# In the recorded run the samples with the exact noise are about as close to the data as other data
# are. With the noise of one Gaussian the same sampler returns a Gaussian cloud. In other words,
# everything that distinguishes the samples from such a cloud comes from the prediction of the
# noise, and nothing from the sampler.
#
# ## 5. A bound on the likelihood
#
# So far we have judged the chain by its samples. But the chain is also a model, which assigns a
# density to every $\mathbf x_0$, and we would like to train it by maximum likelihood. The problem
# is that this density is an integral over all $\mathbf x_1, \ldots, \mathbf x_T$. As the post
# notes, the setup is very similar to a VAE. The latent variables are $\mathbf x_{1:T}$, and the
# forward process takes the role of the encoder. As in a VAE, a KL divergence, which is never
# negative, gives a bound (Eq. diffusion.09):
#
# $$-\log p_\theta(\mathbf x_0) \le -\log p_\theta(\mathbf x_0) + D_\mathrm{KL}\big(q(\mathbf
# x_{1:T}|\mathbf x_0) \,\|\, p_\theta(\mathbf x_{1:T}|\mathbf x_0)\big) = \mathbb E_q\Big[\log
# \frac{q(\mathbf x_{1:T} | \mathbf x_0)}{p_\theta(\mathbf x_{0:T})}\Big] .$$
#
# In words, we compare two ways to write down a whole chain, forward and backward. The mean of the
# right side over the data is $L_\mathrm{VLB}$, and it bounds the cross entropy $L_\mathrm{CE} =
# -\mathbb E_{q(\mathbf x_0)} \log p_\theta(\mathbf x_0)$. Jensen's inequality gives the same bound
# (Eq. diffusion.10):
#
# $$L_\mathrm{CE} = -\mathbb E_{q(\mathbf x_0)} \log \mathbb E_{q(\mathbf x_{1:T}|\mathbf x_0)}
# \frac{p_\theta(\mathbf x_{0:T})}{q(\mathbf x_{1:T}|\mathbf x_0)} \le -\mathbb E_{q(\mathbf
# x_{0:T})} \log \frac{p_\theta(\mathbf x_{0:T})}{q(\mathbf x_{1:T}|\mathbf x_0)} =
# L_\mathrm{VLB} .$$
#
# <details><summary>Derivation: the same bound by Jensen's inequality</summary>
#
# Write the density as an integral over the latent variables, and multiply and divide by $q$:
#
# $$L_\mathrm{CE} = -\mathbb E_{q(\mathbf x_0)} \log \int q(\mathbf x_{1:T}|\mathbf x_0)
# \frac{p_\theta(\mathbf x_{0:T})}{q(\mathbf x_{1:T}|\mathbf x_0)}\,d\mathbf x_{1:T}
# = -\mathbb E_{q(\mathbf x_0)} \log \mathbb E_{q(\mathbf x_{1:T}|\mathbf x_0)}
# \frac{p_\theta(\mathbf x_{0:T})}{q(\mathbf x_{1:T}|\mathbf x_0)} .$$
#
# The logarithm is concave, so the logarithm of a mean is at least the mean of the logarithm:
#
# $$L_\mathrm{CE} \le -\mathbb E_{q(\mathbf x_{0:T})} \log \frac{p_\theta(\mathbf
# x_{0:T})}{q(\mathbf x_{1:T}|\mathbf x_0)} = L_\mathrm{VLB} .$$
#
# </details>
#
# Both $q$ and $p_\theta$ are products over the steps. The bound is therefore a sum, and each of its
# terms compares a step of the model with the step back of section 2 (Eq. diffusion.11, Eq.
# diffusion.12):
#
# $$L_\mathrm{VLB} = \mathbb E_q\Big[
# \underbrace{D_\mathrm{KL}(q(\mathbf x_T|\mathbf x_0) \| p(\mathbf x_T))}_{L_T} +
# \sum_{t=2}^T \underbrace{D_\mathrm{KL}(q(\mathbf x_{t-1}|\mathbf x_t, \mathbf x_0)
# \| p_\theta(\mathbf x_{t-1}|\mathbf x_t))}_{L_{t-1}} \underbrace{- \log
# p_\theta(\mathbf x_0|\mathbf x_1)}_{L_0}\Big] .$$
#
# <details><summary>Derivation: the bound is a sum of KL divergences</summary>
#
# The logarithm of the products is a sum; the step $t = 1$ is written apart:
#
# $$\log \frac{q(\mathbf x_{1:T}|\mathbf x_0)}{p_\theta(\mathbf x_{0:T})} = -\log p(\mathbf x_T) +
# \sum_{t=2}^T \log \frac{q(\mathbf x_t|\mathbf x_{t-1})}{p_\theta(\mathbf x_{t-1}|\mathbf x_t)} +
# \log \frac{q(\mathbf x_1|\mathbf x_0)}{p_\theta(\mathbf x_0|\mathbf x_1)} .$$
#
# A forward step depends only on $\mathbf x_{t-1}$, so Bayes' rule gives $q(\mathbf x_t|\mathbf
# x_{t-1}) = q(\mathbf x_{t-1}|\mathbf x_t, \mathbf x_0)\, q(\mathbf x_t|\mathbf x_0) / q(\mathbf
# x_{t-1}|\mathbf x_0)$. The fractions $q(\mathbf x_t|\mathbf x_0) / q(\mathbf x_{t-1}|\mathbf x_0)$
# from $t = 2$ to $T$ multiply to $q(\mathbf x_T|\mathbf x_0) / q(\mathbf x_1|\mathbf x_0)$, and
# $q(\mathbf x_1|\mathbf x_0)$ cancels:
#
# $$\log \frac{q(\mathbf x_T|\mathbf x_0)}{p(\mathbf x_T)} + \sum_{t=2}^T \log \frac{q(\mathbf
# x_{t-1}|\mathbf x_t, \mathbf x_0)}{p_\theta(\mathbf x_{t-1}|\mathbf x_t)} - \log p_\theta(\mathbf
# x_0|\mathbf x_1) .$$
#
# The mean over $\mathbf x_{t-1}$, for given $\mathbf x_t$ and $\mathbf x_0$, turns each logarithm
# of a ratio into a KL divergence.
#
# </details>
#
# Every KL divergence compares two Gaussians, so it has a closed form. The first, $L_T$, has no
# parameters and is constant in training. For images $-L_0$ is the log-probability of the gray
# values, by a separate discrete decoder (Ho et al. 2020; `diffusion/07`). Here the data are real
# numbers, and $-L_0$ is a log-density.
#
# Let's check the sum on one chain of numbers, with the schedule of two steps, and a model with
# variance $\beta_t$ that always predicts the noise 0:

# %%
x = [1.0, 0.4, -0.9]  # x_0, x_1, x_2: any numbers


def log_forward(t):
    return log_normal(x[t], np.sqrt(tiny.alpha[t]) * x[t - 1], np.sqrt(tiny.beta[t]))


def log_model(t):
    return log_normal(x[t - 1], x[t] / np.sqrt(tiny.alpha[t]), np.sqrt(tiny.beta[t]))


# %%
products = log_forward(1) + log_forward(2) - log_normal(x[2]) - log_model(1) - log_model(2)
mean, variance = q_posterior(x[0] * one, x[2] * one, 2, tiny)
given_both = log_normal(x[1], mean[0, 0], np.sqrt(variance))
end = log_normal(x[2], np.sqrt(tiny.alpha_bar[2]) * x[0], np.sqrt(1 - tiny.alpha_bar[2]))
sums = end - log_normal(x[2]) + given_both - log_model(2) - log_model(1)
lesson.check("products minus the sum of three terms", products - sums, equals=0.0, atol=1e-12)

# %% [markdown]
# The two sides agree, for this one chain and before any mean is taken. What should we remember? The
# likelihood of the chain has a bound, the bound is a sum over steps, and each term compares two
# Gaussians. `diffusion/04` turns such a term into a loss.
#
# ## 6. How tight is the bound?
#
# *You may skip this section, because training needs only the bound itself. It is for readers who
# want to know what the bound is worth.*
#
# We take the two Gaussians, $T = 1000$, variances $\beta_t$ and the exact mean of the noise. No
# density model can be better, on average, than the *entropy* of the data. A single Gaussian is 1.2
# nats above it.

# %%
lesson.predict(
    "How far is the bound of the exact chain above the entropy?",
    ["less than 0.02 nats", "about 0.2 nats", "about 2 nats"],
)


# %%
def variance_of_noise(density, schedule):
    """For each t the variance of the noise given x_t, averaged over x_t: (T,)."""
    x, dx = np.linspace(-8, 8, 801, retstep=True)
    variances = []
    for a in schedule.alpha_bar[1:]:
        q = density.noised(np.sqrt(a), np.sqrt(1 - a))
        mean = -np.sqrt(1 - a) * q.score(x[:, None])[:, 0]
        variances.append(1 - np.sum(q.prob(x[:, None]) * mean**2) * dx)
    return np.array(variances)


# %% [markdown]
# With the exact model we need not draw samples to compute the expectation of each term. The means
# of the two Gaussians differ by a multiple of $\epsilon - \mathbb E[\epsilon|x_t]$, so their mean
# squared difference is a multiple of the variance of the noise given $x_t$. (`sigma2` is the
# variance of the model, `known` is $\tilde\beta_t$.)


# %%
def exact_terms(schedule, unknown, sigma2):
    """The expected L_0, L_1, ..., L_T in nats, (T + 1,), for data of variance 1."""
    t = np.arange(1, schedule.T + 1)
    alpha, alpha_bar, beta = schedule.alpha[t], schedule.alpha_bar[t], schedule.beta[t]
    distance = beta**2 / (alpha * (1 - alpha_bar)) * unknown  # mean square, of the two means
    sigma2, known = sigma2[t], schedule.posterior_variance_clipped[t]
    widths = np.log(sigma2 / known) + known / sigma2 - 1
    widths[0] = np.log(2 * np.pi * sigma2[0])  # the last step: a density, not a KL
    end = prior_term(np.ones((1, 1)), schedule)
    return np.concatenate([0.5 * (widths + distance / sigma2), end])


# %%
unknown = variance_of_noise(mixture, schedule)
terms = exact_terms(schedule, unknown, schedule.beta)
entropy = mixture.entropy()
gap = terms.sum() - entropy
larger = "about 0.2 nats" if gap < 0.7 else "about 2 nats"
lesson.outcome(
    f"The bound is {terms.sum():.4f} nats and the entropy {entropy:.4f}, so {gap:.4f} are lost. "
    "The loss is small because it is a sum of KL divergences of the true steps back from the "
    "model's, and these steps are short (section 1).",
    answer="less than 0.02 nats" if gap < 0.02 else larger,
)
lesson.check("exact noise, T = 1000: bound above the entropy", gap, between=(0.0, 0.02))

# %% [markdown]
# Where does the loss come from? By the chain rule for KL divergences, on average over the data the
# bound minus the entropy is $D_\mathrm{KL}(q(\mathbf x_T) \| p(\mathbf x_T))$ plus the sum over $t$
# of the mean of $D_\mathrm{KL}(q(\mathbf x_{t-1}|\mathbf x_t) \| p_\theta(\mathbf x_{t-1}|\mathbf
# x_t))$. If every step back were exactly Gaussian, and the model had its mean and variance, only
# the first of these would remain, and it is small, because $\mathbf x_T$ is nearly pure noise
# (`diffusion/01`).
#
# For a trained network the expectation is unknown. The package's `vlb_terms` draws $x_t$ instead,
# and works for any model. We compare the exact model with two that are wrong, the noise of one
# Gaussian and the noise 0.

# %%
rng = lesson.rng("bound")
x0 = mixture.sample(rng, lesson.size(4000, quick=50)).astype(float)
fewer = Schedule.linear(T, 0.1 / T, 20 / T)  # fewer steps, to be fast
one_gaussian = exact_eps(GaussianMixture([[0.0]], std=1.0), fewer)
drawn = vlb_terms(exact_eps(mixture, fewer), x0, fewer, rng)
nothing = vlb_terms(lambda x, t: 0 * x, x0, fewer, rng)
of_gaussian = vlb_terms(one_gaussian, x0, fewer, rng)
expected = exact_terms(fewer, variance_of_noise(mixture, fewer), fewer.beta).sum()
error = drawn.total.std() / np.sqrt(len(x0))

# %%
rows = [
    ["exact noise, expected", expected],
    ["exact noise, drawn", drawn.total.mean()],
    ["noise of one Gaussian, drawn", of_gaussian.total.mean()],
    ["noise 0, drawn", nothing.total.mean()],
    ["entropy of the data", entropy],
    ["one Gaussian, its cross entropy", 0.5 * np.log(2 * np.pi * np.e)],
]
lesson.table(rows, [f"{T} steps", "nats"])
lesson.show_source(vlb_terms)

# %%
off = abs(drawn.total.mean() - expected) / error
lesson.check("drawn bound minus the expected one, in standard errors", off, at_most=5)
worse = nothing.total.mean() - drawn.total.mean()
lesson.claim(
    "noise 0: bound worse by",
    worse,
    at_least=5,
    unit="nats",
    source="seeds 0, 1, 31337: 6.50 to 6.57",
)

# %%
lesson.claim(
    "noise of one Gaussian: bound worse by",
    of_gaussian.total.mean() - drawn.total.mean(),
    at_least=1,
    unit="nats",
    source="seeds 0, 1 and 31337: 1.13 to 1.22; 1.16 to its cross entropy",
)

# %% [markdown]
# The drawn bound agrees with the expected one. With the noise of one Gaussian the chain is worth
# about as much as one Gaussian, at 200 times the effort. The noise 0 is far worse than that. The
# bound therefore judges what it should judge, the prediction of the noise.

# %%
lesson.change(
    "half of the noise",
    "Give the model half of the exact noise instead of 0: change `lambda x, t: 0 * x` to `lambda "
    "x, t: exact_eps(mixture, fewer)(x, t) / 2`, and run again. By how much is the bound worse "
    "than with the exact noise now?",
    answer="By about 1.6 nats, a quarter of the 6.5 nats of the model that predicts 0. A model "
    "that predicts $c$ times the mean of the noise has a squared error that is larger by $(1 - "
    "c)^2$ times the mean's own square, whatever the weights of the terms are. With $c = 1/2$ "
    "that is a quarter of the increase with $c = 0$.",
)

# %% [markdown]
# ## 7. Another variance, and fewer steps
#
# *You may skip this section, because `diffusion/07` returns to the variance. It is for readers who
# want to report likelihoods.*
#
# We took variance $\beta_t$ without a reason. Section 2 suggests $\tilde\beta_t$, the variance of a
# step back given $\mathbf x_0$. Which is better, and do we need 1,000 steps?

# %%
lesson.predict(
    "At T = 1000, how does the bound change if the model's variance is β̃ instead of β?",
    ["by less than 0.02 nats", "it falls by 0.02 to 0.2 nats", "it rises by about half a nat"],
)

# %%
lengths = [10, 30, 100, 300, 1000] if not lesson.quick else [10, 30]
gaps = {"σ² = β": [], "σ² = β̃": []}
for steps in lengths:
    s = Schedule.linear(steps, 0.1 / steps, min(20 / steps, 0.99))
    unknown_of_s = variance_of_noise(mixture, s)
    for name, variance in zip(gaps, [s.beta, s.posterior_variance_clipped]):
        gaps[name].append(exact_terms(s, unknown_of_s, variance).sum() - entropy)
rows = [[steps, *both] for steps, *both in zip(lengths, *gaps.values())]
lesson.table(rows, ["T", *gaps], "nats above the entropy")

# %%
difference = gaps["σ² = β̃"][-1] - gaps["σ² = β"][-1]
smaller = "by less than 0.02 nats" if abs(difference) < 0.02 else "it falls by 0.02 to 0.2 nats"
lesson.outcome(
    f"The bound changes by {difference:+.2f} nats. A model that does not receive x_0 must be less "
    "certain than one that does, because its variance contains the variance of x_0 as well, and a "
    "variance that is too small is penalized.",
    answer="it rises by about half a nat" if difference > 0.2 else smaller,
)

# %% [markdown]
# Where is the half nat lost? A Gaussian with variance $\sigma^2$ in place of $v$ costs
# $\frac12(\log \frac{\sigma^2}{v} + \frac{v}{\sigma^2} - 1)$ nats. At the last steps before the
# data $\sqrt{\beta_t}$ is tiny, and the density of $x_{t-1}$ is nearly flat at that scale, so $v$
# is nearly $\beta_t$. But $\tilde\beta_2 = 0.455\,\beta_2$, and this alone costs $\frac12(-0.788 +
# 2.199 - 1) = 0.21$ nats. (At $t = 1$, where $\tilde\beta$ would be 0, the package takes
# $\tilde\beta_2$.) To test this we give the model $\beta$ back, at the first few times only:

# %%
s = schedule
narrow = exact_terms(s, unknown, s.posterior_variance_clipped)
repaired = {}
for k in (0, 1, 2, 5, 10):
    mixed = np.where(np.arange(s.T + 1) <= k, s.beta, s.posterior_variance_clipped)
    repaired[k] = exact_terms(s, unknown, mixed).sum() - entropy
repaired[s.T] = gap
lesson.table(repaired.items(), ["variance β for t up to", "nats above the entropy"], "β̃ above it")
lesson.check("lost at t = 2", narrow[1] - terms[1], equals=0.21, atol=0.02)

# %%
lesson.claim(
    "β at t = 1 and 2 only: fraction of the half nat that returns",
    (repaired[0] - repaired[2]) / (repaired[0] - gap),
    at_least=0.5,
    source="computed without drawing: 0.60 on every seed",
)
lesson.claim(
    "β̃ minus β at T = 1000",
    difference,
    between=(0.3, 0.8),
    unit="nats",
    source="computed without drawing: 0.52 on every seed",
)

# %% [markdown]
# The two steps next to the data account for most of the loss, and the ten next to the data for
# nearly all of it. Far from the data $\tilde\beta_t$ and $\beta_t$ hardly differ. For example,
# $\tilde\beta_{100} = 0.982\,\beta_{100}$.
#
# The number of steps is the other half of the question. With $\beta_t$ the loss falls nearly as
# $1/T$ from $T = 100$ on. The reason is a count. In a short step the true variance is $\beta_t$ up
# to a relative error proportional to $\beta_t$, and the KL divergence is quadratic in that error.
# The $\beta_t$ are proportional to $1/T$, and there are $T$ terms, so the sum is proportional to $T
# \cdot 1/T^2$.

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.4, 3.3))
plot.line(lengths, gaps, left, log="xy", markers=True, xlabel="T", ylabel="nats above the entropy")
t = np.arange(1, 1000)
both = {"σ² = β": np.cumsum(terms[:1000])[1:], "σ² = β̃": np.cumsum(narrow[:1000])[1:]}
reference = {"entropy": entropy}
plot.line(t, both, right, log="x", xlabel="t", ylabel="L_0 + ... + L_t", reference=reference)
right.set_ylim(bottom=-4)
lesson.figure(
    fig,
    "bound",
    "Left: the loss against the number of steps, with variance β (blue) and β̃ (orange). Right: the "
    "partial sums of the bound from L_0 on. Compare the slopes on the left.",
)

# %%
ratio = gaps["σ² = β"][0] / gaps["σ² = β"][-1]
lesson.claim(
    "σ² = β: gap at T = 10 over T = 1000",
    ratio,
    at_least=10,
    source="theory: 1/T for short steps; computed without drawing",
)
hundred = gaps["σ² = β"][lengths.index(100 if 100 in lengths else 10)]
tenfold = hundred / gaps["σ² = β"][-1]
lesson.claim(
    "σ² = β: gap at T = 100 over T = 1000",
    tenfold,
    between=(7, 13),
    source="theory: 1/T for short steps; computed without drawing",
)

# %% [markdown]
# With $\tilde\beta_t$ more steps help less and less. Next to the data $\tilde\beta_t$ approaches
# $\frac{t-1}{t}\,\beta_t$ for large $T$ (and $\frac12 \beta_1$ at $t = 1$), and these ratios no
# longer depend on $T$. By the formula above their costs add up to 0.44 nats, so the loss approaches
# this number and not 0. For likelihoods, therefore, take $\beta_t$ or a variance that is learned.
# Samples differ as well. `diffusion/04` measures the widths of their modes.
#
# ## What this lesson does differently
#
# - The post has images in mind. We take densities of which everything is known, so that the steps
#   are exact and no network is needed.
# - Our $L_0$ is a density, not the discrete decoder of Ho et al.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - “Note that if $\beta_t$ is small enough, $q(\mathbf{x}_{t-1} \vert \mathbf{x}_t)$ will also be
#   Gaussian.” For data that are not Gaussian it is nearly Gaussian, and exactly so only in the
#   limit (section 1).
# - “we can use the variational lower bound to optimize the negative log-likelihood”: the post's
#   $L_\mathrm{VLB}$ bounds $-\log p_\theta$ from *above*. Its negative is the lower bound, of $\log
#   p_\theta$.
# - The post writes $p_\theta(\mathbf x_T)$ in Eq. diffusion.11 and 12. It has no parameters and is
#   the fixed $p(\mathbf x_T)$ of Eq. diffusion.04. (The post itself adds that $L_T$ “is constant
#   and can be ignored during training”.)
# - In Eq. diffusion.12 the post sets $L_\mathrm{VLB}$ equal to $L_T + L_{T-1} + \dots + L_0$, KL
#   divergences for given $\mathbf x_t$ and $\mathbf x_0$. The expectation $\mathbb E_q$ of Eq.
#   diffusion.11 is missing.
#
# ## To remember
#
# - A short step back is nearly a Gaussian, so a model needs only its mean and its variance.
# - Given $\mathbf x_0$ the step is exactly a Gaussian, by Bayes' rule.
# - Without $\mathbf x_0$, predict the mean of the noise. It is a multiple of the score.
# - The chain has a bound on its likelihood, a sum of KL divergences, one for each step.
#
# **Next:** the KL divergence of two Gaussians with equal variances is a squared distance of their
# means, and therefore of two noises. `diffusion/04` starts there, and trains a network.
#
# **Your turn:** `minigen exercise start diffusion/03`, then `minigen run diffusion/03 --with
# exercises/diffusion_03.py`.

# %%
lesson.finish()
