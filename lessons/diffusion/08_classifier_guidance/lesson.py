# %% [markdown]
# # Classifier guidance
#
# The sections *Conditioned Generation* (diffusion.s10) and *Classifier Guided Diffusion*
# (diffusion.s11) of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/), in the plane, where
# everything can be known exactly. In this lesson:
#
# 1. An unconditional diffusion model and a classifier together make a conditional model. A step of
#    the sampler changes by one term, the gradient of the classifier's log-probability.
# 2. The classifier must be trained on *noisy* examples $x_t$.
# 3. A weight $w$ on the gradient trades variety for certainty of the class. Only one weight follows
#    from Bayes' rule.
#
# Needed: the score and the noise (`diffusion/05`), DDPM (`diffusion/04`), Bayes' rule.

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
# Generative models of images are often asked for a class, or for an image that fits a text. Here is
# what a conditional sampler must produce, for the data of this lesson: five Gaussians in the plane,
# three of class A and two of class B.

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
caption = "Given a model of the left panel and a classifier, sample the right one."
lesson.figure(fig, "task", caption)

# %% [markdown]
# ## 1. By hand: two Gaussians
#
# Start with one dimension and two equal Gaussians of standard deviation 1, around $-1$ and $+1$. A
# sampler uses the *score*, the gradient of $\log q(x)$. We want the right one, $y = 1$, and have a
# classifier, $f(y = 1 \mid x) = \sigma(2x)$. By Bayes' rule
#
# $$\log q(x \mid y) = \log q(x) + \log f(y \mid x) - \log q(y),$$
#
# and the last term does not depend on $x$. So the score that we need is the score that we have plus
# the gradient of $\log f$.

# %%
lesson.predict(
    "At x = 0, midway between the two, the score of the mixture is 0, and the right Gaussian"
    " alone has the score 1 - x. What is the gradient of log f there?",
    ["1/2", "1", "2"],
)

# %% [markdown]
# Write the gradient of a classifier, for a whole batch at once:

# %%
lesson.exercise("diffusion/08/classifier_gradient")

# %%
places = np.array([[-2.0], [0.0], [1.5]])
no_time = np.zeros(3, int)


def log_right(x, t):
    """log of the probability of the right Gaussian, log σ(2x)."""
    return -softplus(-2 * x[:, 0])


slope = classifier_gradient(log_right, places, no_time)
both = GaussianMixture([[-1.0], [1.0]], std=1.0).score(places)
lesson.show_source(classifier_gradient)

# %%
lesson.table(
    [[x, a, b, a + b, 1 - x] for x, a, b in zip(places[:, 0], both[:, 0], slope[:, 0])],
    ["x", "score of both", "gradient of log f", "sum", "score of the right one"],
)
lesson.check("score of both + gradient of log f", both + slope, equals=1 - places)
lesson.outcome(
    f"{slope[1, 0]:g}: the difference of the two scores. Far on the right it is nearly 0, because"
    " the class is certain there; far on the left it is large.",
    answer="1",
)

# %% [markdown]
# ## 2. The same with noise
#
# A diffusion model needs the score of the *noisy* density at each step $t$. Bayes' rule holds there
# too (Eq. diffusion.20):
#
# $$\nabla_{x_t} \log q(x_t, y) = \nabla_{x_t} \log q(x_t) + \nabla_{x_t} \log q(y \mid x_t).$$
#
# In the last term a classifier receives a noisy $x_t$ and predicts the class of the clean $x_0$.
# With noise, our five Gaussians remain Gaussians, so the exact classifier is known at every $t$:
# the share of A's Gaussians in the density at $x_t$.

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
# The model of the noise is exact as well: minus the score, times the standard deviation of the
# noise. Nothing in sections 2 to 6 is learned, and every error is an error of guidance.

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
lesson.check("Eq. diffusion.20: largest difference of the two sides", gap, at_most=1e-9)

# %% [markdown]
# Samplers receive a prediction of the noise, and $\epsilon = -\sqrt{1 - \bar\alpha_t}\, \nabla \log
# q$ (`diffusion/05`). Add $w$ times the gradient of the classifier to the score ($w = 1$ is Bayes'
# rule; section 5 tries others). Which noise does the sampler receive?

# %%
lesson.exercise("diffusion/08/classifier_guided_eps")

# %% [markdown]
# The guided noise is (Eq. diffusion.21; with a weight $w$, Eq. diffusion.22)
#
# $$\bar\epsilon_\theta(x_t, t) = \epsilon_\theta(x_t, t) - \sqrt{1 - \bar\alpha_t}\; w\,
# \nabla_{x_t} \log f_\phi(y \mid x_t).$$
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
lesson.show_source(classifier_guided_eps, classifier_guided)
guided_noise = classifier_guided(exact, log_A, schedule, w=1.0)
gap = guided_noise(points, middle) - exact_of_A(points, middle)
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
    "Color: the probability that x_t comes from class A (blue). Arrows: the gradient of its"
    " logarithm (each panel has its own scale). With little noise the border is sharp, and the"
    " gradient vanishes where A is certain; with much noise no x_t is certain.",
)

# %% [markdown]
# ## 3. The two algorithms (figure f07)
#
# Dhariwal and Nichol (2021) give two algorithms:
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
# DDIM uses the guided noise; DDPM shifts the mean of the step. In the package both are one wrapper
# around the model of the noise, which any sampler takes. Are they the same? On one point, with
# $\Sigma = \beta_t$:

# %%
t, x = T // 2, points[:1]
eps = exact(x, t)
g = classifier_gradient(log_A, x, np.array([t]))
moved = mean_from_eps(x, t, classifier_guided_eps(eps, g, t, schedule), schedule)
shift = moved - mean_from_eps(x, t, eps, schedule)
beta, alpha = schedule.beta[t], schedule.alpha[t]
lesson.check("shift by the wrapper", shift, equals=beta * g / np.sqrt(alpha))
lesson.show_source(ancestral_step, ancestral, ddim_step, ddim)

# %% [markdown]
# The algorithm for DDPM shifts by $\beta_t\, g$, the wrapper by $\beta_t\, g / \sqrt{\alpha_t}$: a
# difference of a few percent at most. With the wrapper Bayes' rule holds exactly at each $t$.
#
# ## 4. Samples of class A
#
# The Gaussians overlap, so even the exact classifier assigns some points of class A to B.

# %%
sets, n = lesson.size(10, quick=2), lesson.size(1000, quick=50)


def draw(eps_model, label, count):
    """`count` samples by DDPM with all steps; the same label gives the same noise."""
    rng = lesson.rng(label)
    return ancestral(eps_model, rng.standard_normal((count, 2), dtype=np.float32), schedule, rng)


def called_A(x):
    """The share of clean points for which the exact classifier predicts A."""
    return np.mean(log_A(x, np.zeros(len(x), int)) > np.log(0.5))


# %%
lesson.predict(
    "For how many of the samples guided to class A with w = 1 does the exact classifier predict A?",
    [
        "for all",
        "for as many as of the data of class A",
        "for fewer than of the data of class A",
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
same = "for as many as of the data of class A"
more = "for all" if off > 0 else "for fewer than of the data of class A"
lesson.outcome(
    f"{100 * share['guided']:.1f} % of them, and {100 * share['data']:.1f} % of the data of class"
    " A: a class includes examples that resemble the other one. (Of all samples without guidance:"
    f" {100 * share['all']:.0f} %.)",
    answer=same if abs(off) < 5 * error + 0.01 else more,
)

# %% [markdown]
# A stricter test is the distance between a set of 1,000 samples and 1,000 data points of class A,
# divided by the distance between two sets of data (the floor). The density given A is known: its
# three Gaussians with their weights. It is the whole mixture, *tilted* by $q(A \mid x)$.


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
rows = [
    ["without guidance", *over_floor(plain, only_A.sample), share["all"]],
    ["guided, w = 1", exact_ratio, exact_error, share["guided"]],
    ["data of class A", *over_floor(data_of_A, only_A.sample), share["data"]],
]
lesson.table(rows, ["samples", "distance to class A / floor", "standard error", "called A"])
lesson.claim(
    "exact, w = 1: distance to class A / floor",
    exact_ratio,
    at_most=1.4,
    source="theory: 1, and four standard errors; seeds 0, 1, 2031: 0.98, 1.06, 1.16",
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
    "The middle panel should follow the right one: three Gaussians of A with their weights,"
    " including their points near the border.",
)

# %% [markdown]
# ## 5. Larger weights
#
# With $w > 1$ the gradient of the classifier counts more than in Bayes' rule. At each $t$ the
# guided score is the gradient of $\log\big(q(x_t)\, q(A \mid x_t)^w\big)$. It is often said that
# the samples therefore follow the tilted mixture $q(x)\, q(A \mid x)^w$, normalized. We can sample
# that density exactly: draw a point of the mixture, and keep it with probability $q(A \mid x)^w$.


# %%
def tilted(w):
    """The exact sampler of q(x) q(A|x)^w."""

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
    "For w = 4, the samples of the guided diffusion are",
    ["samples of q(x) q(A|x)^4, to sampling error", "samples of another density"],
)

# %%
strengths = [0.0, 0.5, 1.0, 2.0, 4.0, 8.0]
weighted, rows = {}, {}
for w in strengths:
    x = draw(classifier_guided(exact, log_A, schedule, w), "turned", 4 * n)
    scale = np.sqrt(np.linalg.det(np.cov(x.T)))
    sure = x[log_A(x, np.zeros(4 * n, int)) > np.log(0.5)]
    rarest = only_A.responsibilities(sure).mean(axis=0).min()  # of A's three Gaussians
    weighted[w], rows[w] = x, [called_A(x), scale, rarest, *over_floor(x, tilted(w))]

# %%
header = ["w", "called A", "√det of cov.", "rarest of A's three", "to q(x) q(A|x)^w / floor"]
lesson.table([[w, *row] for w, row in rows.items()], [*header, "standard error"])
narrower = rows[8.0][1] / rows[1.0][1]

# %%
lesson.claim("w = 4: called A", rows[4.0][0], at_least=0.99, source="seeds 0, 1, 2031: 1.00")
lesson.claim(
    "√det of the covariance, w = 8 / w = 1", narrower, at_most=0.85, source="seeds 0, 1, 2031: 0.59"
)
lesson.claim(
    "w = 4: distance to q(x) q(A|x)^4 / floor",
    rows[4.0][3],
    at_least=3,
    source="seeds 0, 1, 2031: 4.9 to 5.8",
)

# %%
far, another = rows[4.0][3], "samples of another density"
lesson.outcome(
    f"Their distance is {far:.1f} floors. Adding noise to a tilted density and tilting a noisy one"
    " are different operations unless w is 0 or 1: the mean of a power is not the power of a mean."
    " Guidance with a weight samples some density, more concentrated than the class, without a"
    " simple formula.",
    answer=another if far > 1.5 else "samples of q(x) q(A|x)^4, to sampling error",
)

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
    "Top: the mixture tilted by a power, which only removes points near the border. Bottom: the"
    " samples. With a large weight, where do they concentrate, and which Gaussian of A loses its"
    " points?",
)

# %%
fig, axes = plot.figure(1, 2, size=(3.8, 2.7))
numbers = np.array([rows[w] for w in strengths])
plot.line(strengths, {"called A": numbers[:, 0]}, axes[0], markers=True, xlabel="w")
axes[0].set_ylabel("share called A")
kept = {"√det of the covariance": numbers[:, 1], "rarest of A's three": numbers[:, 2]}
plot.line(strengths, kept, axes[1], markers=True, xlabel="w")
axes[0].set_title("certainty of the class")
axes[1].set_title("variety")
lesson.figure(
    fig,
    "trade",
    "What a larger weight gains (left) and loses (right). For images the gain often includes"
    " quality, because an image that is clearly of its class is often also a good one.",
)

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
# Four mistakes, all at $w = 1$. *Clean classifier*: trained on clean points, and applied to noisy
# ones as if $t$ were 0. *No factor*: the gradient is subtracted without $\sqrt{1 - \bar\alpha_t}$.
# *Plus*: added instead of subtracted. *t − 1*: the factor of the step before.

# %%
lesson.predict(
    "Which mistake changes the samples least here?",
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
lesson.table(
    [[name, called_A(wrong[name]), *harm[name]] for name in mistakes],
    ["mistake", "called A", "distance to class A / floor", "standard error"],
)
thresholds = {
    "plus": (10, "seeds 0, 1, 2031: 26 to 29"),
    "no factor": (2, "seeds 0, 1, 2031: 3.4 to 3.7"),
    "clean classifier": (1.4, "seeds 0, 1, 2031: 1.80 to 1.95"),
}
for name, (least, source) in thresholds.items():
    lesson.claim(f"mistake, {name}: distance / floor", harm[name][0], at_least=least, source=source)

# %%
lesson.outcome(
    "Distance over the floor: "
    + ", ".join(f"{name} {d:.1f} ± {error:.1f}" for name, (d, error) in harm.items())
    + ".",
    answer=min(harm, key=lambda name: harm[name][0]),
)

# %% [markdown]
# With the sign flipped, the sampler avoids class A. A clean classifier has a sharp border where the
# noisy classes overlap, and its gradient is wrong for points whose class is not yet decided. How
# are the samples changed by it? The shares of A's three Gaussians:

# %%
rows = [["data of class A", *(weights[A] / weights[A].sum())]]
for name, x in {"guided, w = 1": guided, "clean classifier": wrong["clean classifier"]}.items():
    rows.append([name, *only_A.responsibilities(x).mean(axis=0)])
lesson.table(rows, ["samples", "left", "bottom", "top"], "shares of A's three Gaussians")

# %% [markdown]
# For images the post trains $f_\phi(y \mid x_t, t)$ on noisy images $x_t$. A network that was
# trained on clean images only has no reason to output anything useful for noisy ones. Here the
# exact classifier of clean points stands in its place, which is a milder mistake.
#
# ## 7. Both learned
#
# We train a network for the noise, which receives no labels, and a classifier, which receives noisy
# points and the time and predicts A or B. (Both are networks of the same kind; the two outputs of
# the classifier are its logits.)


# %%
def noisy_batch(rng, count=512):
    """Clean points, their classes (0 is A), time steps and noise."""
    x0, blob = everything.sample_with_labels(rng, count)
    t = rng.integers(1, T + 1, count)
    return x0, (blob >= 3).astype(int), t, rng.standard_normal(x0.shape, dtype=np.float32)


def noise_loss(model, x0, y, t, eps):
    return simple_loss(model, x0, t, eps, schedule)


def class_loss(model, x0, y, t, eps):
    return np.mean(cross_entropy(model(q_sample(x0, t, eps, schedule), t), y))


# %%
def train(label, loss, steps):
    """A network trained for a loss on noisy batches; its moving average."""
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
    source="seeds 0, 1, 2031: 1.11, 1.05, 1.37, plus a sixth",
)

# %% [markdown]
# ## 8. The post's results, and where it is loose
#
# *ADM*, the *ablated diffusion model*, is the network of Dhariwal and Nichol (2021): a U-Net with
# larger width, more attention heads, attention at several resolutions, the residual blocks of
# BigGAN for up- and downsampling, and adaptive group normalization (AdaGN; `diffusion/17`). *ADM-G*
# adds classifier guidance. On ImageNet at 256 × 256 they report FIDs of 10.94 for ADM, 6.95 for
# BigGAN-deep, and 4.59 for ADM-G.
#
# - “larger model depth/width” and “residual connection rescale by $1/\sqrt{2}$”: the paper tried
#   depth, width and rescaling, and kept the width alone. More depth lowered the FID but increased
#   the training time most, and the rescaling did not lower the FID.
# - “To control the strength of the classifier guidance, we can add a weight $w$ to the delta part”:
#   with $w \ne 1$ the sampler leaves Bayes' rule. No density $q(x_0)$ is known whose noisy versions
#   have the guided scores (section 5).
# - “use gradients $\nabla_\mathbf{x} \log f_\phi(y \vert \mathbf{x}_t)$”: the gradient is taken
#   with respect to the noisy $\mathbf x_t$, as in Eq. diffusion.20.
#
# **Left out:** digits. **Next:** `diffusion/09` does without a classifier: a network that is
# trained with and without labels contains one.
#
# **Your turn:** `minigen exercise start diffusion/08`, then `minigen run diffusion/08 --with
# exercises/diffusion_08.py`.

# %%
lesson.finish()
