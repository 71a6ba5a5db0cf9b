# %% [markdown]
# # Classifier guidance
#
# A diffusion model that was trained on all kinds of images draws all kinds of images. But suppose
# that you want a cat. You could train a new model on cats only, or draw until a cat comes along.
# Both are wasteful, because you may already have something else, a classifier that recognizes cats.
# Can it tell the sampler, step by step, where to go?
#
# It can, and Bayes' rule says how. We add a classifier's gradient to a score by hand (section 1),
# do the same at every level of noise (2), put it into two samplers (3), and test the samples (4).
# Then we turn the gradient up (5), make four mistakes (6), and train both networks (7). The data
# are Gaussians in the plane, where everything can be known exactly. This lesson follows the
# sections *Conditioned Generation* and *Classifier Guided Diffusion* of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/). Before this lesson:
# `diffusion/04`, `diffusion/05`.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/08_classifier_guidance",
    title="Classifier guidance",
    post="diffusion",
    sections=["diffusion.s10", "diffusion.s11"],
    figures=["diffusion.f07"],
    equations=["diffusion.20", "diffusion.21", "diffusion.22"],
    minutes=0.4,
    picture="samples",
    sources=["weng2021diffusion", "dhariwal2021beat"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data.mixture import GaussianMixture
from minigen.diffusion.ddpm import mean_from_eps, q_sample, score_from_eps, simple_loss
from minigen.diffusion.exact import exact_eps_model
from minigen.diffusion.guidance import classifier_gradient, classifier_guided
from minigen.diffusion.guidance import classifier_guided_eps
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.diffusion.samplers import ancestral, ancestral_step, ddim, ddim_step
from minigen.diffusion.schedule import Schedule
from minigen.metrics import sampling_floor, sliced_wasserstein
from minigen.optim import cosine
from minigen.tensor import cross_entropy, log_softmax, logsumexp, softplus
from minigen.train import descend

# %% [markdown]
# The data of this lesson are five Gaussians in the plane, three of class A and two of class B. We
# have a model of all of them, and want samples of class A.

# %%
means = np.array([[-1.2, 0.2], [-0.3, -0.9], [-0.1, 0.8], [0.8, 0.5], [0.6, -0.6]])
weights = np.array([0.2, 0.25, 0.15, 0.25, 0.15])
width = 0.35
A, B = slice(0, 3), slice(3, 5)
everything = GaussianMixture(means, std=width, weights=weights)
only_A = GaussianMixture(means[A], std=width, weights=weights[A])
bounds = (-2.6, 2.2, -2.2, 2.2)

# %%
fig, axes = plot.figure(1, 2, size=(3.4, 3.0))
rng = lesson.rng("first look")
for ax, density, name in zip(axes, (everything, only_A), ("all data", "class A")):
    look = {"bounds": bounds, "color": plot.color.real}
    plot.samples(density.sample(rng, 2000), density, ax, title=name, **look)
caption = (
    "All data (left), and the data of class A (right). We have a model of the left panel and a"
    " classifier, and want to sample the right one."
)
lesson.figure(fig, "task", caption)

# %% [markdown]
# ## 1. By hand: two Gaussians
#
# What exactly should a classifier add? Let's begin in one dimension, with two equal Gaussians of
# standard deviation 1, around $-1$ and $+1$. A sampler uses the *score*, the gradient of $\log
# q(x)$. We want the Gaussian on the right, $y = 1$, and have a classifier, $f(y = 1 \mid x) =
# \sigma(2x)$. By Bayes' rule
#
# $$\log q(x \mid y) = \log q(x) + \log f(y \mid x) - \log q(y),$$
#
# and the last term does not depend on $x$. Therefore the score that we need is the score that we
# have, plus the gradient of $\log f$.

# %%
lesson.predict(
    "The mixture has score 0 at x = 0, midway between the two, and the Gaussian on the right has"
    " score 1 - x. What is the gradient of log f at x = 0?",
    ["1/2", "1", "2"],
)

# %% [markdown]
# Now write the gradient of a classifier, for a whole batch at once.

# %%
lesson.exercise("diffusion/08/classifier_gradient")

# %%
places = np.array([[-2.0], [0.0], [1.5]])
no_time = np.zeros(3, int)


def log_right(x, t):
    """log of the probability of the Gaussian on the right, log σ(2x)."""
    return -softplus(-2 * x[:, 0])


slope = classifier_gradient(log_right, places, no_time)
both = GaussianMixture([[-1.0], [1.0]], std=1.0).score(places)

# %%
lesson.outcome(
    f"The gradient is {slope[1, 0]:g}, because the sum of the two must be the score 1 - 0 of the"
    " Gaussian on the right.",
    answer="1",
)
lesson.table(
    [[x, a, b, a + b, 1 - x] for x, a, b in zip(places[:, 0], both[:, 0], slope[:, 0])],
    ["x", "score of both", "gradient of log f", "sum", "score of the one on the right"],
)

# %%
lesson.check("score of both + gradient of log f", both + slope, equals=1 - places)
lesson.show_source(classifier_gradient)

# %% [markdown]
# The sum is right everywhere. Far on the right the classifier adds almost nothing, because the
# class is certain there, and far on the left it adds a lot. It pushes where it is needed.
#
# ## 2. The same with noise
#
# A diffusion model needs the score of the *noisy* density at each step $t$. Does the trick survive
# the noise? Bayes' rule holds there, too (Eq. diffusion.20):
#
# $$\nabla_{x_t} \log q(x_t, y) = \nabla_{x_t} \log q(x_t) + \nabla_{x_t} \log q(y \mid x_t).$$
#
# In words, the score of the class at $x_t$ is the score of everything plus the gradient of a
# classifier. But this classifier receives a noisy $x_t$, and predicts the class of the clean $x_0$.
# With noise, our five Gaussians remain Gaussians, so the exact classifier is known at every $t$. It
# is the fraction of the density at $x_t$ that comes from A's Gaussians.

# %%
T = lesson.size(200, quick=40)
schedule = Schedule.linear(T, 0.1 / T, 20 / T)


# %%
def components(x, t):
    """log of weight times density of each Gaussian at x_t, up to a common constant: (N, 5)."""
    a = schedule.alpha_bar[t][:, None]  # (N, 1)
    centers = np.sqrt(a)[:, :, None] * means  # (N, 5, 2)
    distances = np.sum((x[:, None] - centers) ** 2, axis=2)
    return np.log(weights) - distances / (2 * (a * width**2 + 1 - a))


def log_A(x, t):
    """log q(A | x_t), exactly."""
    terms = components(x, t)
    return logsumexp(terms[:, A], axis=1) - logsumexp(terms, axis=1)


# %% [markdown]
# The model of the noise is exact as well. It is the score, times minus the standard deviation of
# the noise. So nothing in sections 2 to 6 is learned, and every error is an error of guidance.

# %%
exact = exact_eps_model(everything, schedule)
exact_of_A = exact_eps_model(only_A, schedule)
points = lesson.rng("points").standard_normal((200, 2))
middle = np.full(200, T // 2)

# %%
score_of_A = score_from_eps(exact_of_A(points, middle), T // 2, schedule)
score_of_all = score_from_eps(exact(points, middle), T // 2, schedule)
gradient = classifier_gradient(log_A, points, middle)
gap = np.abs(score_of_all + gradient - score_of_A).max()

# %%
lesson.check("Eq. diffusion.20: largest difference of the two sides", gap, at_most=1e-9)

# %% [markdown]
# Our samplers do not work with scores, but with a prediction of the noise, $\epsilon = -\sqrt{1 -
# \bar\alpha_t}\, \nabla \log q$ (`diffusion/05`). We add $w$ times the gradient of the classifier
# to the score. ($w = 1$ is Bayes' rule, and section 5 tries others.) What does the predicted noise
# become?

# %%
lesson.exercise("diffusion/08/classifier_guided_eps")

# %% [markdown]
# The guided noise is (Eq. diffusion.21; with a weight $w$, Eq. diffusion.22)
#
# $$\bar\epsilon_\theta(x_t, t) = \epsilon_\theta(x_t, t) - \sqrt{1 - \bar\alpha_t}\; w\,
# \nabla_{x_t} \log f_\phi(y \mid x_t).$$
#
# In words, we subtract from the predicted noise what points to the class, so that the step removes
# everything else.
#
# <details><summary>Derivation: the guided noise from the guided score</summary>
#
# Insert $\nabla \log q(x_t) \approx -\epsilon_\theta / \sqrt{1 - \bar\alpha_t}$ and $q(y|x_t)
# \approx f_\phi$ into Eq. diffusion.20, with the weight:
#
# $$\nabla \log q(x_t) + w\,\nabla \log q(y|x_t) \approx -\frac{1}{\sqrt{1 - \bar\alpha_t}}
# \Big(\epsilon_\theta - \sqrt{1 - \bar\alpha_t}\; w\,\nabla \log f_\phi\Big) .$$
#
# The bracket is the noise that belongs to this score.
#
# </details>

# %%
guided_noise = classifier_guided(exact, log_A, schedule, w=1.0)
gap = guided_noise(points, middle) - exact_of_A(points, middle)

# %%
lesson.show_source(classifier_guided_eps, classifier_guided)
lesson.check("guided noise and noise of class A: difference", np.abs(gap).max(), at_most=1e-9)


# %%
def draw_classifier(t, ax):
    """q(A | x_t) as a color, and the gradient of its logarithm as arrows."""

    def certainty(x):
        return np.exp(log_A(x, np.full(len(x), t)))

    def uphill(x):
        return classifier_gradient(log_A, x, np.full(len(x), t))

    plot.heatmap(certainty, bounds, ax, title=f"t = {t} of {T}", limits=(0, 1), center=0.5)
    plot.field(uphill, bounds, ax, n=14, lengths="sqrt")


# %%
fig, axes = plot.figure(1, 2, size=(3.6, 3.0))
for t, ax in zip((T // 20, T // 2), axes):
    draw_classifier(t, ax)
lesson.figure(
    fig,
    "classifier",
    "The probability that x_t comes from class A (blue is certain), and the gradient of its"
    " logarithm (arrows, with a scale of their own in each panel). Compare where the arrows are"
    " long with little noise (left) and with much noise (right).",
)

# %% [markdown]
# With little noise the border is sharp, and the gradient vanishes where A is certain. With much
# noise no $x_t$ is certain, and the whole plane is pushed a little.
#
# ## 3. The two algorithms (figure f07)
#
# How does the gradient enter a sampler? Dhariwal and Nichol (2021) give two algorithms.
#
# ```text
# guided DDPM:  x_T from N(0, I)
#     for t = T, ..., 1:
#         μ, Σ = μ_θ(x_t), Σ_θ(x_t)
#         x_{t-1} from N(μ + w Σ ∇ log f(y | x_t), Σ)
#     return x_0
#
# guided DDIM:  x_T from N(0, I)
#     for t = T, ..., 1:
#         ε = ε_θ(x_t) - √(1 - ᾱ_t) w ∇ log f(y | x_t)
#         x_{t-1} = √ᾱ_{t-1} (x_t - √(1 - ᾱ_t) ε) / √ᾱ_t + √(1 - ᾱ_{t-1}) ε
#     return x_0
# ```
#
# DDIM uses the guided noise, and DDPM shifts the mean of the step. In the package there is only one
# wrapper around the model of the noise, which any sampler takes. Is it the same? We compare the two
# on one point, with $\Sigma = \beta_t$.

# %%
t, x = T // 2, points[:1]
eps = exact(x, t)
g = classifier_gradient(log_A, x, np.array([t]))
moved = mean_from_eps(x, t, classifier_guided_eps(eps, g, t, schedule), schedule)
shift = moved - mean_from_eps(x, t, eps, schedule)
beta, alpha = schedule.beta[t], schedule.alpha[t]

# %%
lesson.check("shift by the wrapper", shift, equals=beta * g / np.sqrt(alpha))
lesson.show_source(ancestral_step, ancestral, ddim_step, ddim)

# %% [markdown]
# The algorithm for DDPM shifts by $\beta_t\, g$, and the wrapper by $\beta_t\, g /
# \sqrt{\alpha_t}$, which is a few percent more at most. With the wrapper Bayes' rule holds exactly
# at each $t$, so we use it from here on.
#
# ## 4. Samples of class A
#
# Does the sampler now draw class A? The Gaussians overlap, so even the exact classifier assigns
# some points of class A to B.

# %%
sets, n = lesson.size(10, quick=2), lesson.size(1000, quick=50)


def draw(eps_model, label, count):
    """`count` samples by DDPM with all steps; the same label gives the same noise."""
    rng = lesson.rng(label)
    return ancestral(eps_model, rng.standard_normal((count, 2), dtype=np.float32), schedule, rng)


def called_A(x):
    """The fraction of clean points for which the exact classifier predicts A."""
    return np.mean(log_A(x, np.zeros(len(x), int)) > np.log(0.5))


# %%
lesson.predict(
    "We guide samples to class A with w = 1. For how many of them does the exact classifier predict"
    " A?",
    [
        "all",
        "as many as of the data of class A",
        "fewer than of the data of class A",
    ],
)

# %%
plain = draw(exact, "plain", sets * n)
guided = draw(guided_noise, "guided", sets * n)
data_of_A = only_A.sample(lesson.rng("truth"), sets * n)
share = {"guided": called_A(guided), "data": called_A(data_of_A), "all": called_A(plain)}

# %%
error = np.sqrt(2 * share["data"] * (1 - share["data"]) / (sets * n))
off = share["guided"] - share["data"]
same = "as many as of the data of class A"
more = "all" if off > 0 else "fewer than of the data of class A"
lesson.outcome(
    f"It predicts A for {100 * share['guided']:.1f} % of the samples and for"
    f" {100 * share['data']:.1f} % of the data of class A, because with w = 1 the sampler follows"
    " the score of class A, and a class includes examples that resemble the other one.",
    answer=same if abs(off) < 5 * error + 0.01 else more,
)

# %% [markdown]
# A stricter test is the distance between 1,000 samples and 1,000 data points of class A, divided by
# the distance between two sets of data (the floor). The trivial rivals are the samples without
# guidance, and a single Gaussian with the mean and the covariance of class A.


# %%
def over_floor(x, sample):
    """Mean distance of sets of n samples to new sets of data, in units of the floor; its error."""
    rng = lesson.rng("judge")

    def distance(a, b):
        return sliced_wasserstein(a, b, 100, rng)

    floor = sampling_floor(distance, sample, n, rng, repeats=lesson.size(40, quick=2)).mean
    parts = [distance(part, sample(rng, n)) / floor for part in np.split(x, len(x) // n)]
    return np.mean(parts), np.std(parts, ddof=1) / np.sqrt(len(parts))


# %%
exact_ratio, exact_error = over_floor(guided, only_A.sample)
one = lesson.rng("one Gaussian").multivariate_normal(
    data_of_A.mean(axis=0), np.cov(data_of_A.T), sets * n
)
rows = [
    ["without guidance", *over_floor(plain, only_A.sample), share["all"]],
    ["one Gaussian", *over_floor(one, only_A.sample), called_A(one)],
    ["guided, w = 1", exact_ratio, exact_error, share["guided"]],
    ["data of class A", *over_floor(data_of_A, only_A.sample), share["data"]],
]

# %%
lesson.table(rows, ["samples", "distance to class A / floor", "standard error", "called A"])
lesson.claim(
    "exact, w = 1: distance to class A / floor",
    exact_ratio,
    at_most=1.4,
    source="theory: 1, and four standard errors; seeds 0, 1 and 7027: 0.98, 1.06 and 1.15",
)

# %%
fig, axes = plot.figure(1, 3, size=(3.0, 2.9))
for ax, (name, x, density) in zip(
    axes,
    [
        ("without guidance", plain, everything),
        ("guided, w = 1", guided, only_A),
        ("data of class A", data_of_A, only_A),
    ],
):
    plot.samples(x[:2000], density, ax, bounds=bounds, title=name)
lesson.figure(
    fig,
    "samples",
    "Samples without guidance, samples guided to class A, and data of class A. Compare the panel in"
    " the middle with the one on the right, near the border of the class, too.",
)

# %% [markdown]
# The guided samples are as close to class A as other data of class A, although no model of class A
# was used. A model of everything and a classifier are enough.
#
# ## 5. Larger weights
#
# Bayes' rule asks for $w = 1$, but for images this was not enough. For an unconditional model of
# ImageNet the paper of Dhariwal and Nichol (2021) reports an FID of 33.0 for $w = 1$ and of 12.0
# for $w = 10$. With $w > 1$ the gradient of the classifier counts more than in Bayes' rule. What do
# we sample then? At each $t$ the guided score is the gradient of $\log\big(q(x_t)\, q(A \mid
# x_t)^w\big)$. It is often said that the samples therefore follow the *tilted* mixture $q(x)\, q(A
# \mid x)^w$, normalized. We can sample this density exactly. Draw a point of the mixture, and keep
# it with probability $q(A \mid x)^w$.


# %%
def tilted(w):
    """Return the exact sampler of q(x) q(A|x)^w."""

    def sample(rng, count):
        kept = np.zeros((0, 2), np.float32)
        while len(kept) < count:
            x = everything.sample(rng, 2 * count)
            chance = np.exp(w * log_A(x, np.zeros(len(x), int)))
            kept = np.concatenate([kept, x[rng.random(len(x)) < chance]])
        return kept[:count]

    return sample


# %%
lesson.predict(
    "For w = 4, do the samples of the guided diffusion follow the tilted density q(x) q(A|x)^4?",
    ["yes, to sampling error", "no, they follow another density"],
)

# %%
strengths = [0.0, 0.5, 1.0, 2.0, 4.0, 8.0]
weighted, rows = {}, {}
for w in strengths:
    x = draw(classifier_guided(exact, log_A, schedule, w), "turned", 4 * n)
    scale = np.sqrt(np.linalg.det(np.cov(x.T)))
    certain = x[log_A(x, np.zeros(4 * n, int)) > np.log(0.5)]
    rarest = only_A.responsibilities(certain).mean(axis=0).min()  # of A's three Gaussians
    weighted[w], rows[w] = x, [called_A(x), scale, rarest, *over_floor(x, tilted(w))]

# %%
far, another = rows[4.0][3], "no, they follow another density"
lesson.outcome(
    f"Their distance from it is {far:.1f} floors. To add noise to a tilted density and to tilt a"
    " noisy one are different operations unless w is 0 or 1, because the mean of a power is not the"
    " power of a mean.",
    answer=another if far > 1.5 else "yes, to sampling error",
)
header = ["w", "called A", "√det of cov.", "rarest of A's three", "to q(x) q(A|x)^w / floor"]
lesson.table([[w, *row] for w, row in rows.items()], [*header, "standard error"])

# %%
narrower = rows[8.0][1] / rows[1.0][1]
source = "seeds 0, 1 and 7027: 1.00; without guidance: 0.60"
lesson.claim("w = 4: called A", rows[4.0][0], at_least=0.99, source=source)
source = "seeds 0, 1 and 7027: 0.59; the same density: 1"
lesson.claim("√det of the covariance, w = 8 / w = 1", narrower, at_most=0.85, source=source)
lesson.claim(
    "w = 4: distance to q(x) q(A|x)^4 / floor",
    rows[4.0][3],
    at_least=3,
    source="seeds 0, 1 and 7027: 4.9 to 6.3; the same density: 1",
)

# %% [markdown]
# So guidance with a weight samples *some* density, more concentrated than the class, and without a
# simple formula. (`after/05` computes it for Gaussians.) What does it look like?

# %%
fig, axes = plot.figure(2, 3, size=(2.7, 2.6))
rng = lesson.rng("shown")
for k, w in enumerate((1.0, 4.0, 8.0)):
    plot.samples(tilted(w)(rng, 1500), ax=axes[0, k], bounds=bounds, color=plot.color.real)
    plot.samples(weighted[w][:1500], ax=axes[1, k], bounds=bounds)
    axes[0, k].set_title(f"q(x) q(A|x)^w, w = {w:g}")
    axes[1, k].set_title(f"guided, w = {w:g}")
lesson.figure(
    fig,
    "weights",
    "The tilted density (top), and guided samples (bottom), for three weights. Look at where the"
    " samples concentrate with a large weight, and at which Gaussian of A loses its points.",
)

# %%
fig, axes = plot.figure(1, 2, size=(3.8, 2.7))
numbers = np.array([rows[w] for w in strengths])
plot.line(strengths, {"called A": numbers[:, 0]}, axes[0], markers=True, xlabel="w")
axes[0].set_ylabel("fraction called A")
kept = {"√det of the covariance": numbers[:, 1], "rarest of A's three": numbers[:, 2]}
plot.line(strengths, kept, axes[1], markers=True, xlabel="w")
axes[1].set_ylabel("width, and a fraction")
axes[0].set_title("certainty of the class")
axes[1].set_title("variety")
lesson.figure(
    fig,
    "trade",
    "What a larger weight w gains (left) and what it loses (right). Look for the weight from which"
    " there is nothing left to gain.",
)

# %% [markdown]
# From $w = 2$ on, the class is almost certain, and a larger weight does little but cost variety.
# The tilted density (top) mostly loses the points near the border. Guidance does more. With $w = 8$
# it has lost most of one of A's three Gaussians.

# %%
lesson.change(
    "a negative weight",
    "In section 2, change the weight of `guided_noise` from `w=1.0` to `w=-1.0`, and run again. "
    "How many of the guided samples are called A, and are they samples of class B?",
    answer="About a quarter; of the data of B it is 9 %. Most of the samples are on the "
    "side of B, but a fifth of them is more than three standard deviations from every mode. "
    "The guided score is the gradient of $\\log\\big(q(x_t) / q(A \\mid x_t)\\big)$, not of "
    "$\\log\\big(q(x_t)\\, q(B \\mid x_t)\\big)$: beyond B, where no data is, $q(A \\mid x_t)$ "
    "still falls and the sampler is still pushed outward.",
)

# %% [markdown]
# ## 6. Four mistakes
#
# A formula with a sign, a factor and an index invites mistakes. Which of them would you notice? We
# make four, all with $w = 1$.
#
# - *Clean classifier*: trained on clean points, and applied to noisy ones as if $t$ were 0.
# - *No factor*: the gradient is subtracted without $\sqrt{1 - \bar\alpha_t}$.
# - *Plus*: the gradient is added instead of subtracted.
# - *t − 1*: the factor is that of the step before.

# %%
lesson.predict(
    "Which of the four mistakes changes the samples least?",
    ["clean classifier", "no factor", "plus", "t - 1"],
)


# %%
def clean_classifier(x, t):
    return log_A(x, 0 * t)


def with_mistake(mistake):
    """A model of the noise that is guided with one mistake."""

    def model(x, t):
        eps, g = exact(x, t), classifier_gradient(log_A, x, t)
        factor = {"no factor": 1.0, "plus": -np.sqrt(1 - schedule.alpha_bar[t[0]])}
        before = np.sqrt(1 - schedule.alpha_bar[t[0] - 1])
        return (eps - factor.get(mistake, before) * g).astype(x.dtype)

    return model


mistakes = {name: with_mistake(name) for name in ("no factor", "plus", "t - 1")}
mistakes["clean classifier"] = classifier_guided(exact, clean_classifier, schedule, 1)

# %%
wrong = {name: draw(model, "wrong", 4 * n) for name, model in mistakes.items()}
harm = {name: over_floor(x, only_A.sample) for name, x in wrong.items()}

# %%
least = min(harm, key=lambda name: harm[name][0])
lesson.outcome(
    f"With the factor of the step before, the distance to class A is {harm['t - 1'][0]:.1f} floors."
    " The factors of neighboring steps are almost equal, so it is as good as without a mistake.",
    answer=least,
)
lesson.table(
    [[name, called_A(wrong[name]), *harm[name]] for name in mistakes],
    ["mistake", "called A", "distance to class A / floor", "standard error"],
)

# %%
thresholds = {
    "plus": (10, "seeds 0, 1 and 7027: 26 to 29"),
    "no factor": (2, "seeds 0, 1 and 7027: 3.3 to 3.7"),
    "clean classifier": (1.4, "seeds 0, 1 and 7027: 1.80 to 2.08"),
}
for name, (bar, source) in thresholds.items():
    lesson.claim(f"mistake, {name}: distance / floor", harm[name][0], at_least=bar, source=source)

# %% [markdown]
# With the sign flipped, the sampler avoids class A, and everyone would notice. The dangerous
# mistakes are the missing factor and the clean classifier. They look right, even more of their
# samples are called A than of the data of A, and yet these are not samples of the class. The clean
# classifier has a sharp border where the noisy classes overlap, so its gradient is wrong for points
# whose class is not yet decided. Here are the fractions of A's three Gaussians.

# %%
rows = [["data of class A", *(weights[A] / weights[A].sum())]]
for name, x in {"guided, w = 1": guided, "clean classifier": wrong["clean classifier"]}.items():
    rows.append([name, *only_A.responsibilities(x).mean(axis=0)])
lesson.table(rows, ["samples", "left", "bottom", "top"], "fractions of A's three Gaussians")

# %% [markdown]
# The clean classifier takes about 4 % of all points away from the Gaussian at the bottom. This is
# why the post trains $f_\phi(y \mid x_t, t)$ on noisy images $x_t$. A network that was trained on
# clean images only has no reason to output anything useful for noisy ones. Here we took the exact
# classifier of clean points, which is a milder mistake.
#
# ## 7. Both learned
#
# So far everything was exact. Does guidance survive two networks that have to learn? We train one
# for the noise, which receives no labels, and a classifier, which receives noisy points and the
# time and predicts A or B. (Both are networks of the same kind. The two outputs of the classifier
# are its logits.)


# %%
def noisy_batch(rng, count=512):
    """Clean points, their classes (0 is A), time steps and noise."""
    x0, component = everything.sample_with_labels(rng, count)
    t = rng.integers(1, T + 1, count)
    return x0, (component >= 3).astype(int), t, rng.standard_normal(x0.shape, dtype=np.float32)


def noise_loss(model, x0, y, t, eps):
    return simple_loss(model, x0, t, eps, schedule)


def class_loss(model, x0, y, t, eps):
    return np.mean(cross_entropy(model(q_sample(x0, t, eps, schedule), t), y))


# %%
def train(label, loss, steps):
    """Train a network for a loss on noisy batches; return its moving average."""
    rng = lesson.rng(label)
    model = EpsMLP(rng, width=128, layers=3)
    step = descend(loss, model, noisy_batch, lr=cosine(2e-3, steps), ema=0.999, rng=rng)
    lesson.fit(step, steps, state=step.state, label=label)
    return step.averaged


noise_net = train("noise", noise_loss, lesson.steps(6000))
classifier = train("classifier", class_loss, lesson.steps(3000))


# %%
def learned_log_A(x, t):
    return log_softmax(classifier(x, t))[:, 0]


learned = classifier_guided(noise_net, learned_log_A, schedule, 1.0)


# %%
def guided_points(log_prob, w, rng, count):
    """Points by DDPM, with the learned noise and weight w on the gradient of log_prob."""
    x = rng.standard_normal((count, 2), dtype=np.float32)
    return ancestral(classifier_guided(noise_net, log_prob, schedule, w), x, schedule, rng)


def draw_classes(rng, count, label=None, w=1.0):
    """Points and their classes, 0 for A, 1 for B: each guided to its own, or all to one label."""
    if label not in (None, 0, 1):
        raise ValueError(f"label must be 0, class A, or 1, class B, got {label!r}")
    y = rng.integers(0, 2, count) if label is None else np.full(count, label)

    def log_own(x, t):
        return log_softmax(classifier(x, t))[np.arange(count), y]

    return guided_points(log_own, w, rng, count), y


lesson.sampler("classes", draw_classes)

# %%
x_learned = draw(learned, "learned", 4 * n)
x_mixed = draw(classifier_guided(noise_net, log_A, schedule, 1.0), "learned", 4 * n)

# %%
learned_ratio, learned_error = over_floor(x_learned, only_A.sample)
lesson.table(
    [
        ["one Gaussian", "", *over_floor(one, only_A.sample)],
        ["exact", "exact", exact_ratio, exact_error],
        ["learned", "exact", *over_floor(x_mixed, only_A.sample)],
        ["learned", "learned", learned_ratio, learned_error],
    ],
    ["model of the noise", "classifier", "distance to class A / floor", "standard error"],
)
lesson.claim(
    "learned noise and classifier: distance / floor",
    learned_ratio,
    at_most=1.6,
    source="seeds 0, 1 and 7027: 0.86 to 1.07; margin: a half; one Gaussian: 3.0",
)

# %% [markdown]
# Two networks that were trained apart, one without labels and one that generates nothing, together
# draw class A as well as the exact ones, to within a standard error or two.
#
# ## 8. The post's results, and where it is loose
#
# What did this bring for images? *ADM*, the *ablated diffusion model*, is the network of Dhariwal
# and Nichol (2021): a U-Net with larger width, more attention heads, attention at several
# resolutions, the residual blocks of BigGAN for up- and downsampling, and adaptive group
# normalization (AdaGN; `diffusion/17`). *ADM-G* adds classifier guidance. On ImageNet at 256 × 256
# they report FIDs of 10.94 for ADM, 6.95 for BigGAN-deep, and 4.59 for ADM-G.
#
# - “larger model depth/width” and “residual connection rescale by $1/\sqrt{2}$”: the paper tried
#   depth, width and rescaling, and kept only the width. More depth lowered the FID but increased
#   the training time most, and the rescaling did not lower the FID.
# - “To control the strength of the classifier guidance, we can add a weight $w$ to the delta part”:
#   with $w \ne 1$ the sampler leaves Bayes' rule. No density $q(x_0)$ is known whose noisy versions
#   have the guided scores (section 5).
# - “use gradients $\nabla_\mathbf{x} \log f_\phi(y \vert \mathbf{x}_t)$”: the gradient with
#   respect to the noisy $\mathbf x_t$ is needed, as in Eq. diffusion.20.
#
# **What this lesson does differently:** points of the plane instead of images, and an exact
# classifier where the post has a network.
#
# **Left out:** digits. **Next:** `diffusion/09` does without a classifier, because a network that
# is trained with and without labels contains one.
#
# **To remember:** The gradient of a classifier of *noisy* examples, added to the score, makes an
# unconditional model conditional. With weight 1 this is Bayes' rule. A larger weight trades variety
# for certainty, and does not sample the tilted density.
#
# **Your turn:** `minigen exercise start diffusion/08`, then `minigen run diffusion/08 --with
# exercises/diffusion_08.py`.

# %%
lesson.finish()
