# %% [markdown]
# # Classifier guidance: ask for a class
#
# The sections *Conditioned Generation* (diffusion.s10) and *Classifier Guided Diffusion*
# (diffusion.s11) of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/), run in the plane, where
# everything can be known exactly. To take away:
#
# 1. A model of everything and a classifier make a model of one class. The only new thing is a
#    gradient, added at each step.
# 2. The classifier must be one for *noisy* examples.
# 3. With weight $w = 1$ this is Bayes' rule, and exact. With $w > 1$ the samples are more surely of
#    the class and less varied. Which distribution that is, is a question of its own.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/08_classifier_guidance",
    title="Classifier guidance: ask for a class",
    post="diffusion",
    sections=["diffusion.s10", "diffusion.s11"],
    figures=["diffusion.f07"],
    equations=["diffusion.20", "diffusion.21", "diffusion.22"],
    minutes=1.5,
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
# ## 1. By hand: two bells
#
# A model has learned all digits, and you want a seven. Start smaller. Numbers come from two bells
# of width 1, around $-1$ and $+1$, with equal chance. A sampler goes up the *score*, the slope of
# $\log q(x)$. You want the right bell, $y = 1$, and you own a classifier: $f(y = 1 \mid x) =
# \sigma(2x)$. By Bayes' rule
#
# $$\log q(x \mid y) = \log q(x) + \log f(y \mid x) - \log q(y),$$
#
# and the last term has no $x$ in it. So the slope of what you want is the slope that you have, plus
# that of the classifier.

# %%
lesson.predict(
    "At x = 0, half-way between the bells, the score of the two together is 0. How steep is log f"
    " there? (The right bell alone has the score 1 - x.)",
    ["1/2", "1", "2"],
)

# %% [markdown]
# The gradient of a classifier, for a whole batch at once, is yours to write:

# %%
lesson.exercise("diffusion/08/classifier_gradient")

# %%
places = np.array([[-2.0], [0.0], [1.5]])
no_time = np.zeros(3, int)


def log_right(x, t):
    """log of the probability of the right bell, log σ(2x)."""
    return -softplus(-2 * x[:, 0])


slope = classifier_gradient(log_right, places, no_time)
both = GaussianMixture([[-1.0], [1.0]], std=1.0).score(places)
lesson.show_source(classifier_gradient)

# %%
lesson.table(
    [[x, a, b, a + b, 1 - x] for x, a, b in zip(places[:, 0], both[:, 0], slope[:, 0])],
    ["x", "score of both", "slope of log f", "sum", "score of the right bell"],
)
lesson.check("score of both + slope of log f", both + slope, equals=1 - places)
lesson.outcome(
    f"{slope[1, 0]:g}: just what was missing. Far on the right it is all but 0, for there is"
    " nothing to decide any more; far on the left it is steep.",
    answer="1",
)

# %% [markdown]
# ## 2. The same in noise
#
# A diffusion model needs the score of the *noised* density at each step $t$. Bayes' rule does not
# mind the noise (Eq. diffusion.20):
#
# $$\nabla_{x_t} \log q(x_t, y) = \nabla_{x_t} \log q(x_t) + \nabla_{x_t} \log q(y \mid x_t).$$
#
# The last term is a classifier that looks at a noisy $x_t$ and says what the clean $x_0$ was. Our
# data are five blobs in the plane, which overlap: three of class A and two of class B. Noise leaves
# blobs blobs, so the classifier is exact at every $t$: the share of A's blobs in the density at
# $x_t$.

# %%
means = np.array([[-1.2, 0.2], [-0.3, -0.9], [-0.1, 0.8], [0.8, 0.5], [0.6, -0.6]])
weights = np.array([0.2, 0.25, 0.15, 0.25, 0.15])
width = 0.35
A, B = slice(0, 3), slice(3, 5)
everything = GaussianMixture(means, std=width, weights=weights)
only_A = GaussianMixture(means[A], std=width, weights=weights[A])

T = lesson.size(200, quick=40)
schedule = Schedule.linear(T, 0.1 / T, 20 / T)


# %%
def blobs(x, t):
    """log of weight times density of each blob at x_t, up to what all share: (N, 5)."""
    a = schedule.alpha_bar[t][:, None]  # (N, 1)
    centers = np.sqrt(a)[:, :, None] * means  # (N, 5, 2)
    distances = np.sum((x[:, None] - centers) ** 2, axis=2)
    return np.log(weights) - distances / (2 * (a * width**2 + 1 - a))


def log_A(x, t):
    """log q(A | x_t), exactly."""
    terms = blobs(x, t)
    return logsumexp(terms[:, A], axis=1) - logsumexp(terms, axis=1)


# %% [markdown]
# The model of the noise is exact as well: minus the score, times the standard deviation of the
# noise. So nothing in this section and the next is learned, and every error is one of guidance.

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
# Samplers receive noise, not scores: $\epsilon = -\sqrt{1 - \bar\alpha_t}\, \nabla \log q$. Add $w$
# times the classifier's gradient to the score ($w = 1$ is Bayes' rule; other weights follow in
# section 5). Which noise does the sampler receive?

# %%
lesson.exercise("diffusion/08/classifier_guided_eps")

# %% [markdown]
# The guided noise is (Eq. diffusion.21; with a weight $w$, Eq. diffusion.22)
#
# $$\bar\epsilon_\theta(x_t, t) = \epsilon_\theta(x_t, t) - \sqrt{1 - \bar\alpha_t}\; w\,
# \nabla_{x_t} \log f_\phi(y \mid x_t).$$

# %%
lesson.show_source(classifier_guided_eps, classifier_guided)
guided_noise = classifier_guided(exact, log_A, schedule, w=1.0)
gap = guided_noise(points, middle) - exact_of_A(points, middle)
lesson.check("guided noise and noise of class A: difference", np.abs(gap).max(), at_most=1e-9)

# %%
bounds = (-2.6, 2.2, -2.2, 2.2)


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
    "The color says how surely x_t comes from class A (blue), the arrows where log q(A | x_t) rises"
    " (each picture has its own scale of arrows). With little noise the border is sharp, and the"
    " slope dies out where A is certain; with much noise nobody can be sure anywhere.",
)

# %% [markdown]
# ## 3. The two algorithms (figure f07)
#
# Dhariwal and Nichol (2021) give two boxes. With **DDIM** the noise is replaced by the guided one.
# With **DDPM** the mean of the step is moved: $x_{t-1} \sim \mathcal N(\mu_\theta + w\,
# \sigma_t^2\, \nabla \log f,\ \sigma_t^2)$. In the package both are one wrapper around the model of
# the noise, which any sampler takes. Are they the same? On one point, with $\sigma_t^2 = \beta_t$:

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
# The box for DDPM has $\beta_t\, g$, the wrapper $\beta_t\, g / \sqrt{\alpha_t}$: a difference of a
# few percent at most, and for the wrapper Bayes' rule is exact at each $t$.
#
# ## 4. Samples of class A
#
# The blobs overlap, so even the exact classifier is not always sure of a true point of class A.

# %%
sets, n = lesson.size(10, quick=2), lesson.size(1000, quick=50)


def draw(eps_model, label, count):
    """`count` samples by DDPM with all steps; the same label gives the same noise."""
    rng = lesson.rng(label)
    return ancestral(eps_model, rng.standard_normal((count, 2), dtype=np.float32), schedule, rng)


def called_A(x):
    """Share of clean points of which the exact classifier says A."""
    return np.mean(log_A(x, np.zeros(len(x), int)) > np.log(0.5))


# %%
lesson.predict(
    "Of the samples guided to class A with w = 1, the exact classifier will call A",
    [
        "all: it was asked for A",
        "as many as of true points of class A",
        "fewer than of true points of class A",
    ],
)

# %%
plain = draw(exact, "plain", sets * n)
guided = draw(guided_noise, "guided", sets * n)
true_A = only_A.sample(lesson.rng("truth"), sets * n)
share = {"guided": called_A(guided), "true points of A": called_A(true_A), "all": called_A(plain)}

# %%
error = np.sqrt(2 * share["true points of A"] * (1 - share["true points of A"]) / (sets * n))
off = share["guided"] - share["true points of A"]
same = "as many as of true points of class A"
more = "all: it was asked for A" if off > 0 else "fewer than of true points of class A"
lesson.outcome(
    f"{100 * share['guided']:.1f} % of them, and {100 * share['true points of A']:.1f} % of true"
    " points: the samples of a class include those that look like the other one. (Of all samples"
    f" without guidance: {100 * share['all']:.0f} %.)",
    answer=same if abs(off) < 5 * error + 0.01 else more,
)

# %% [markdown]
# More sharply: the distance between a set of 1,000 samples and 1,000 true points, over what two
# sets of true points have between them (the floor). The truth, given A, is known: the three blobs
# of A with their weights. It is the whole mixture, *tilted* by $q(A \mid x)$.


# %%
def over_floor(x, sample):
    """Mean distance of sets of n samples to fresh sets of the truth, in units of the floor."""
    rng = lesson.rng("judge")

    def distance(a, b):
        return sliced_wasserstein(a, b, 100, rng)

    floor = sampling_floor(distance, sample, n, rng, repeats=lesson.size(40, quick=2)).mean
    parts = np.split(x, len(x) // n)
    return np.mean([distance(part, sample(rng, n)) for part in parts]) / floor


# %%
exact_ratio = over_floor(guided, only_A.sample)
rows = [
    ["without guidance", over_floor(plain, only_A.sample), share["all"]],
    ["guided, w = 1", exact_ratio, share["guided"]],
    ["true points", over_floor(true_A, only_A.sample), share["true points of A"]],
]
lesson.table(rows, ["samples", "distance to class A / floor", "called A"])
lesson.claim("w = 1: distance to the tilted mixture over the floor", exact_ratio, at_most=1.2)

# %%
fig, axes = plot.figure(1, 3, size=(3.0, 2.9))
for ax, (name, x, density) in zip(
    axes,
    [
        ("without guidance", plain, everything),
        ("guided, w = 1", guided, only_A),
        ("true points of A", true_A, only_A),
    ],
):
    plot.samples(x[:2000], density, ax, bounds=bounds, title=name)
lesson.figure(
    fig,
    "samples",
    "The middle should look like the right: two blobs gone, and the three others with the right"
    " number of points each, those in the border region included. Does it?",
)

# %% [markdown]
# ## 5. Turning it up
#
# With $w > 1$ the classifier counts more than Bayes allows it. At each $t$ the guided score is the
# slope of $\log\big(q(x_t)\, q(A \mid x_t)^w\big)$. So it is often said that the samples come from
# the mixture tilted $w$ times, $q(x)\, q(A \mid x)^w$, normalized. That one can be sampled exactly:
# take a point of the mixture, keep it with probability $q(A \mid x)^w$.


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
    ["those of q(x) q(A|x)^4, to sampling error", "clearly others"],
)

# %%
strengths = [0.0, 0.5, 1.0, 2.0, 4.0, 8.0]
turned, rows = {}, {}
for w in strengths:
    model = classifier_guided(exact, log_A, schedule, w)
    turned[w] = draw(model, "turned", 4 * n)
    spread = np.sqrt(np.linalg.det(np.cov(turned[w].T)))
    sure = turned[w][log_A(turned[w], np.zeros(4 * n, int)) > np.log(0.5)]
    blob = only_A.responsibilities(sure).mean(axis=0).min()  # the rarest of A's three
    rows[w] = [called_A(turned[w]), spread, blob, over_floor(turned[w], tilted(w))]

# %%
header = ["w", "called A", "spread", "share of the rarest blob of A", "to q(x) q(A|x)^w / floor"]
lesson.table([[w, *row] for w, row in rows.items()], header)
lesson.claim("w = 4: called A", rows[4.0][0], at_least=0.99)
lesson.claim("spread at w = 8 over that at w = 1", rows[8.0][1] / rows[1.0][1], at_most=0.85)
lesson.claim("w = 4: distance to q(x) q(A|x)^4 over the floor", rows[4.0][3], at_least=3)

# %%
far = rows[4.0][3]
lesson.outcome(
    f"They are {far:.1f} floors away. To noise a tilted density and to tilt a noised one are not"
    " the same, unless w is 1: the mean of a power is not the power of a mean. Guidance with a"
    " weight leads to some density, sharper than the one of the class, that has no simple formula.",
    answer="clearly others" if far > 1.5 else "those of q(x) q(A|x)^4, to sampling error",
)

# %%
fig, axes = plot.figure(2, 3, size=(2.7, 2.6))
rng = lesson.rng("shown")
for k, w in enumerate((1.0, 4.0, 8.0)):
    plot.samples(tilted(w)(rng, 1500), ax=axes[0, k], bounds=bounds, color=plot.color.real)
    plot.samples(turned[w][:1500], ax=axes[1, k], bounds=bounds)
    axes[0, k].set_title(f"q(x) q(A|x)^w, w = {w:g}")
    axes[1, k].set_title(f"guided, w = {w:g}")
lesson.figure(
    fig,
    "weights",
    "Top: the mixture tilted by a power, which only cuts away what is near the border. Bottom: what"
    " the sampler makes. With a large weight, where do its points crowd, and which blob of A"
    " empties?",
)

# %%
fig, axes = plot.figure(1, 2, size=(3.8, 2.7))
numbers = np.array([rows[w] for w in strengths])
plot.line(strengths, {"called A": numbers[:, 0]}, axes[0], markers=True, xlabel="w")
axes[0].set_ylabel("share called A")
kept = {"spread": numbers[:, 1], "share of the rarest blob": numbers[:, 2]}
plot.line(strengths, kept, axes[1], markers=True, xlabel="w")
axes[0].set_title("how surely of the class")
axes[1].set_title("how varied")
lesson.figure(
    fig,
    "trade",
    "The trade of guidance. With pictures the left side pays for a while, since a picture that is"
    " surely a dog is often also a better picture; the right side is the price.",
)

# %%
lesson.change(
    "a negative weight",
    "In section 2, change the weight of `guided_noise` from `w=1.0` to `w=-1.0`, and run again. "
    "How many of the guided samples are called A, and are they samples of class B?",
    answer="About a quarter, where of true points of B it is 9 %. Most of the samples are on the "
    "side of B, but a fifth of them is further than three standard deviations from every blob. "
    "The guided score is the slope of $\\log\\big(q(x_t) / q(A \\mid x_t)\\big)$, not of "
    "$\\log\\big(q(x_t)\\, q(B \\mid x_t)\\big)$: beyond B, where no data is, $q(A \\mid x_t)$ "
    "still falls and the sampler is still pushed outward.",
)

# %% [markdown]
# ## 6. Wrong turns
#
# Four slips, all at $w = 1$. *Clean classifier*: trained on clean points and asked about noisy
# ones, as if $t$ were 0. *No factor*: the gradient is subtracted without $\sqrt{1 - \bar\alpha_t}$.
# *Plus*: added instead of subtracted. *t − 1*: the factor of the step before.

# %%
lesson.predict(
    "Which slip does the least harm here?",
    ["clean classifier", "no factor", "plus", "t - 1"],
)


# %%
def clean_classifier(x, t):
    return log_A(x, 0 * t)


def with_slip(slip):
    """A model of the noise that is guided with one slip."""

    def model(x, t):
        eps, g = exact(x, t), classifier_gradient(log_A, x, t)
        factor = {"no factor": 1.0, "plus": -np.sqrt(1 - schedule.alpha_bar[t[0]])}
        before = np.sqrt(1 - schedule.alpha_bar[t[0] - 1])
        return (eps - factor.get(slip, before) * g).astype(x.dtype)

    return model


slips = {name: with_slip(name) for name in ("no factor", "plus", "t - 1")}
slips["clean classifier"] = classifier_guided(exact, clean_classifier, schedule, 1)

# %%
wrong = {name: draw(model, "wrong", 4 * n) for name, model in slips.items()}
harm = {name: over_floor(x, only_A.sample) for name, x in wrong.items()}
lesson.table(
    [[name, called_A(wrong[name]), harm[name]] for name in slips],
    ["slip", "called A", "distance to class A / floor"],
)
for name, bar in [("plus", 10), ("no factor", 2), ("clean classifier", 1.2)]:
    lesson.claim(f"slip, {name}: distance over the floor", harm[name], at_least=bar)

# %%
lesson.outcome(
    "Distance over the floor: " + ", ".join(f"{name} {d:.1f}" for name, d in harm.items()) + ".",
    answer=min(harm, key=harm.get),
)

# %% [markdown]
# With *plus* the samples are those that class A would least have. A clean classifier sees a border
# where the noise has long washed it out, and pulls at points that are not decided yet. In the plane
# that only shifts the blobs' shares. In pictures it fails altogether: to a network that has never
# seen noise, $x_t$ is nothing that it knows, and its gradient there is meaningless. Hence the
# post's phrase: train $f_\phi(y \mid x_t)$ on noisy pictures.
#
# ## 7. Now learned
#
# A network for the noise, which never sees a label, and a classifier that is shown noised points
# and the time, and says A or B. (It is the same kind of network: its two outputs are read as
# logits.)


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
learned_ratio = over_floor(x_learned, only_A.sample)
lesson.table(
    [
        ["exact", "exact", exact_ratio],
        ["learned", "exact", over_floor(x_mixed, only_A.sample)],
        ["learned", "learned", learned_ratio],
    ],
    ["model of the noise", "classifier", "distance to class A / floor"],
)
lesson.claim("learned noise and classifier: distance over the floor", learned_ratio, at_most=1.6)

# %% [markdown]
# ## 8. Where the post is loose
#
# - $w$ comes in as a strength. It leaves Bayes' rule as soon as it is not 1, and no longer belongs
#   to any noised density (section 5).
# - The gradient is taken through the classifier at $x_t$, noise and all, with the time as an input.
# - The post's names: ADM is the U-Net of Dhariwal and Nichol (2021), with attention and adaptive
#   group norm (AdaGN); ADM-G is that model with a guiding classifier. With it diffusion overtook
#   the best GAN on ImageNet at 256×256: they report FIDs of 10.94 for ADM, 6.95 for BigGAN-deep,
#   4.59 for ADM-G.
#
# **Left out:** digits. **Next:** `diffusion/09` does without the classifier: a network that is told
# the class sometimes, and sometimes not, contains one.
#
# **Your turn:** `minigen exercise start diffusion/08`, then `minigen run diffusion/08 --with
# exercises/diffusion_08.py`.

# %%
lesson.finish()
