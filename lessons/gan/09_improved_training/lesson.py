# %% [markdown]
# # Improved GAN training: seven techniques on one failing game
#
# Your GAN has collapsed. You draw a thousand samples, and nearly all of them lie in one corner of
# the data. Fortunately, the literature has a whole list of remedies. You switch one on, the samples
# look better, and you keep it. But is that enough? Two runs of the same GAN differ. Samples can
# become more varied and worse. And a game may recover for another reason than the one in the name
# of the technique. Which of the remedies helps, and how would we know?
#
# We compute each of the post's seven techniques on two or three numbers (sections 1 to 7) and try
# all of them on the same failing game (8). Then we ask whether the winner deserves the credit (9).
# This lesson follows the section *Improved GAN Training* of [From GAN to
# WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/).
#
# Before this lesson: `gan/03` (the optimal discriminator), `gan/07` (the failing game).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/09_improved_training",
    title="Improved GAN training: seven techniques on one failing game",
    post="gan",
    sections=["gan.s12"],
    minutes=3.5,
    picture="remedies",
    sources=[
        "weng2017gan",
        "salimans2016improved",
        "sonderby2016amortised",
        "arjovsky2017principled",
    ],
)

# %%
from types import SimpleNamespace

import autograd.numpy as np
import numpy
from scipy.special import ndtr

from minigen import plot
from minigen.data import toy
from minigen.gan.networks import Discriminator
from minigen.metrics import mode_coverage, sliced_wasserstein
from minigen.nn import MLP, Linear, Module
from minigen.optim import Adam
from minigen.tensor import logsumexp, relu, softmax, value_and_grad

# %%
from minigen.gan.improved_training import (
    HistoricalAverage,
    MinibatchDiscrimination,
    VirtualBatchNorm,
    feature_matching_loss,
    historical_penalty,
    instance_noise,
    minibatch_closeness,
    running_mean,
    virtual_moments,
)

# %%
from minigen.gan.losses import (
    discriminator_loss,
    generator_loss_nonsaturating,
    optimal_discriminator,
    smoothed_optimum,
)
from minigen.gan.wgan import generator_loss, penalized_critic_loss

# %% [markdown]
# ## The failing game
#
# Our patient is the weak game of `gan/07`, on a ring of eight Gaussians, the *modes* of the data.
# It has two weaknesses. The untrained generator maps all noise close to one point, and in each
# round it takes five steps, while $D$ takes one. Its samples gather near one mode at a time and
# move on from mode to mode.

# %%
cfg = lesson.configure(
    width=64,
    batch=64,
    lr=1e-3,
    betas=(0.5, 0.999),
    smooth=0.1,
    history=1.0,
    noise=1.0,
    penalty=10.0,
)
ring = toy.ring(8, 2.0, 0.1)


def latent(rng, n):
    return rng.standard_normal((n, 2), dtype=np.float32)


def small_start(rng):
    return MLP(rng, [2, cfg.width, cfg.width, 2], "relu")


# %% [markdown]
# We want to switch on one technique at a time. So we build the game from parts, and a technique
# replaces one or two of them: the losses, the view through which $D$ receives its inputs, the
# networks, or the numbers of steps in a round.


# %%
def plain_d_loss(game, D, real, fake):
    return discriminator_loss(D(real), D(fake))


def plain_g_loss(game, G, fake):
    return generator_loss_nonsaturating(game.D(game.view(game, fake)))


def plain_view(game, x):
    return x


# %% [markdown]
# The step of each player is that of `gan/02`:


# %%
def move_d(game):
    real = game.view(game, ring.sample(game.rng, cfg.batch))
    fake = game.view(game, game.G(latent(game.rng, cfg.batch)))
    value, grads = value_and_grad(lambda D: game.d_loss(game, D, real, fake))(game.D)
    game.d_optimizer.step(grads)
    return value


def move_g(game):
    z = latent(game.rng, cfg.batch)
    value, grads = value_and_grad(lambda G: game.g_loss(game, G, G(z)))(game.G)
    game.g_optimizer.step(grads)
    return value


# %%
standard = {
    "new_generator": small_start,
    "new_discriminator": lambda rng: Discriminator(rng, 2, cfg.width, 2),
    "d_loss": plain_d_loss,
    "g_loss": plain_g_loss,
    "view": plain_view,
    "d_steps": 1,
    "g_steps": 5,
}


def one_round(game):
    d_values = [move_d(game) for _ in range(game.d_steps)]
    g_values = [move_g(game) for _ in range(game.g_steps)]
    game.g_past.update(game.G)  # for section 3
    game.d_past.update(game.D)
    return {"discriminator": d_values[-1], "generator": g_values[-1]}


# %% [markdown]
# We judge the samples as in `gan/07`, by the modes covered, the fraction of good samples (within
# three standard deviations of a mode), and the sliced Wasserstein distance to the data. What do
# samples score that nobody has trained?

# %%
n = lesson.size(1000, quick=200)
truth = ring.sample(lesson.rng("truth"), n)
film_z = latent(lesson.rng("film"), n)


def judge(x):
    """Modes covered, fraction of good samples, and distance to the data."""
    modes, good = mode_coverage(x, ring.modes, ring.std, min_count=len(x) // 100)
    return modes, good, sliced_wasserstein(x, truth, 50, numpy.random.default_rng(0))


def without_modes(rng):
    """A ring of the right radius and width, with equally many samples in every direction."""
    angle, radius = 2 * np.pi * rng.random(n), rng.normal(2.0, 0.1, n)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def one_gaussian(rng):
    return rng.multivariate_normal(truth.mean(axis=0), numpy.cov(truth.T), n)


# %%
clouds = {
    "new samples of the data": ring.sample(lesson.rng("real"), n),
    "a ring without modes": without_modes(lesson.rng("without modes")),
    "one Gaussian": one_gaussian(lesson.rng("one Gaussian")),
    "untrained generator": small_start(lesson.rng("untrained"))(film_z),
}
trivial = {name: judge(x) for name, x in clouds.items()}
measures = ["modes of 8", "good samples", "distance"]
for_comparison = [
    [name, f"{count:.0f}", f"{part:.2f}", f"{gap:.2f}", None]
    for name, (count, part, gap) in trivial.items()
]
lesson.table([row[:-1] for row in for_comparison], ["samples", *measures])

# %% [markdown]
# A ring without modes covers all eight, so modes alone prove little. A single Gaussian misses some
# of them, at a moderate distance. A good technique covers nearly all modes and has more good
# samples than either row. Before you read on: what would you try first?
#
# ## 1. Feature matching
#
# A generator that only raises $D$ chases the point that $D$ rates highest at the moment. *Feature
# matching* gives it a steadier goal: its fakes should have the same *mean* of hidden features $f$
# of $D$ as the real examples.
#
# $$\| \mathbb{E}_{x \sim p_r} f(x) - \mathbb{E}_{z \sim p_z(z)} f(G(z)) \|_2^2 .$$
#
# $D$ keeps its own loss. For example, let the real features be $(1, 0)$ and $(3, 2)$, with the mean
# $(2, 1)$, and let the only fake have the features $(1, 4)$. The loss is $1^2 + 3^2 = 10$.

# %%
lesson.exercise("gan/09/feature_matching_loss")

# %%
lesson.show_source(feature_matching_loss)
real_features = np.array([[1.0, 0.0], [3.0, 2.0]])
fake_features = np.array([[1.0, 4.0]])
gap = feature_matching_loss(real_features, fake_features)
lesson.check("feature matching of the example", gap, equals=10.0)


# %%
def matching_g_loss(game, G, fake):
    real = ring.sample(game.rng, cfg.batch)
    return feature_matching_loss(game.D.features(real), game.D.features(fake))


# %% [markdown]
# A single point cannot have the mean features of a whole ring, but many distributions can that are
# not the data. The aim may fall short.
#
# ## 2. Minibatch discrimination
#
# A $D$ that classifies one example at a time cannot notice that all fakes are equal. With
# *minibatch discrimination* it can, because it also receives the *closeness* of each example to its
# batch:
#
# $$o(x_i) = \sum_j c(x_i, x_j) .$$
#
# In the paper ([Salimans et al., 2016](https://arxiv.org/abs/1606.03498))
# $c(x_i, x_j) = e^{-\|M_i - M_j\|_1}$, where $M_i$ is a linear function of the features of $x_i$,
# and the sum includes $j = i$. The paper computes $B$ such sums, each with its own linear map to
# $C$ numbers.
#
# For example, let $B = C = 1$, let the first two of three examples be $\log 2$ apart, and the third
# far away. Each of the first two has closeness 1 to itself and $e^{-\log 2} = \frac12$ to the
# other, together 1.5. The third has only its own 1. Of three equal examples each has 3.

# %%
lesson.exercise("gan/09/minibatch_closeness")

# %%
lesson.show_source(minibatch_closeness)
three = np.array([0.0, np.log(2), 50.0]).reshape(3, 1, 1)
near = minibatch_closeness(three)[:, 0]
lesson.check("closeness of two near, one far", near, equals=[1.5, 1.5, 1.0])
equal = minibatch_closeness(0 * three)[:, 0]
lesson.check("closeness of three equal ones", equal, equals=[3.0, 3.0, 3.0])

# %%
lesson.change(
    "a third that is near",
    "Change the 50.0 in `three = np.array([0.0, np.log(2), 50.0])` to 1.0 and run again. What is "
    "the closeness of each of the three now?",
    answer="1.868, 2.236 and 2.104. The third is 1 from the first and 1 - log 2 = 0.307 from the "
    "second, so it adds $e^{-1} = 0.368$ to the first and $e^{-0.307} = 0.736$ to the second. "
    "Closeness falls by a factor of e with every unit of distance; at 50 it is 0 up to rounding.",
)

# %% [markdown]
# In $D$ the new layer lies between the last hidden layer and the output:


# %%
class BatchWise(Discriminator):
    def __init__(self, rng):
        super().__init__(rng, 2, cfg.width, 2)
        self.near = MinibatchDiscrimination(rng, cfg.width, kernels=8, dim=3)
        self.out = Linear(rng, cfg.width + 8, 1)

    def __call__(self, x):
        return self.out(self.near(self.features(x)))[:, 0]


# %% [markdown]
# A collapsed batch now gives itself away, because each of its $N$ examples has closeness $N$.
#
# ## 3. Historical averaging
#
# Players can also chase each other in circles, as in the game $x \cdot y$ of `gan/04`. *Historical
# averaging* adds a term to the loss of each player, the squared distance of its parameters $\Theta$
# from the mean of their past values $\Theta_i$:
#
# $$\Big\| \Theta - \frac1t \sum_{i=1}^t \Theta_i \Big\|^2 .$$
#
# In words, a player who circles is pulled to the center of its circle.

# %%
lesson.exercise("gan/09/running_mean")
lesson.exercise("gan/09/historical_penalty")

# %%
lesson.show_source(running_mean, historical_penalty)


def radius(weight, steps=200):
    """The distance from (0, 0) after 200 simultaneous steps of size 0.1 from (1, 1)."""
    theta = np.array([1.0, 1.0])
    mean = np.zeros(2)
    for t in range(1, steps + 1):
        mean = running_mean(mean, theta, t)
        game = np.array([theta[1], -theta[0]])  # the slopes of xy and of -xy
        theta = theta - 0.1 * (game + weight * 2 * (theta - mean))
    return np.hypot(*theta)


# %%
lesson.check(
    "radius after 200 steps without the term, 1.4 at the start",
    radius(0),
    equals=2**0.5 * 1.01**100,
)
lesson.check("radius after 200 steps with weight 1", radius(1), at_most=1.0)

# %% [markdown]
# <details><summary>Derivation: why the term damps the spiral</summary>
#
# Let $\lambda$ be the weight, and write the two parameters as $u = x + iy$. A simultaneous step of
# the game is $u \to u + i \eta u$. Suppose that the past mean is 0, the center of the circle. Then
# the term adds $-2 \eta \lambda u$ to the step:
#
# $$ u \;\to\; (1 - 2 \eta \lambda + i \eta)\, u , \qquad
#    |1 - 2 \eta \lambda + i \eta|^2 = (1 - 2 \eta \lambda)^2 + \eta^2 . $$
#
# For $\lambda = 0$ this is $1 + \eta^2 > 1$. For $\eta = 0.1$ and $\lambda = 1$ it is $0.65 < 1$:
# each step multiplies the radius by $\sqrt{0.65} = 0.806$. In the game, however, the mean follows
# the player, and the term vanishes when the player reaches the mean. The damping is therefore far
# weaker: a mean fixed at 0 would leave a radius of $3 \cdot 10^{-19}$ after 200 steps, and the run
# above still has 0.809.
#
# </details>


# %%
def with_history(weight):
    def d_loss(game, D, real, fake):
        return plain_d_loss(game, D, real, fake) + weight * game.d_past.penalty(D)

    def g_loss(game, G, fake):
        return plain_g_loss(game, G, fake) + weight * game.g_past.penalty(G)

    return {"d_loss": d_loss, "g_loss": g_loss}


# %% [markdown]
# On two numbers the term turns an outward spiral into an inward one. Whether our game fails because
# it circles is another question.
#
# ## 4. One-sided label smoothing
#
# Where $D$ is always right, its loss falls as long as its logits grow, so $D$ becomes ever more
# certain. *One-sided label smoothing* puts an end to this. It lowers the target for real examples
# from 1 to $1 - s = 0.9$, and keeps the target 0 of the fakes. The cross-entropy for a target $y$
# is $-y \log D - (1 - y)\log(1 - D)$. For a real example with $D = 0.9$ it is $-0.9 \log 0.9 - 0.1
# \log 0.1 = 0.325$, and any other output costs more. The post adds that smoothing "is shown to
# reduce the networks' vulnerability".
#
# The first exercise is this loss, the second the $D$ that minimizes it. As in `gan/03`, write down
# the loss at one point with the densities $p_r$ and $p_g$, and set its derivative with respect to
# $D$ to zero.

# %%
lesson.exercise("gan/09/smoothed_loss")
lesson.exercise("gan/09/smoothed_optimum")

# %%
lesson.show_source(discriminator_loss, smoothed_optimum)
at_target = np.array([np.log(9.0)])  # the logit of 0.9
no_loss = np.array([-50.0])  # a fake with loss 0
smoothed = discriminator_loss(at_target, no_loss, smooth=0.1)
lesson.check("loss of a real example at 0.9, smoothed", smoothed, equals=0.3251, atol=5e-5)


# %%
def smoothed_d_loss(game, D, real, fake):
    return discriminator_loss(D(real), D(fake), cfg.smooth)


# %% [markdown]
# The optimal $D$ is the mean of the targets, weighted by the densities, $0.9\, p_r/(p_r + p_g)$.
# But why keep the target of the fakes? With *two-sided* smoothing it would be 0.1, and the optimal
# $D$ would be $(0.9\, p_r + 0.1\, p_g)/(p_r + p_g)$.
#
# <details><summary>Derivation: the optimal D with targets a for real and b for fake
# examples</summary>
#
# At a point with densities $p_r$ and $p_g$, the loss of the output $D$ is
#
# $$ -p_r \big[a \log D + (1 - a) \log(1 - D)\big]
#    - p_g \big[b \log D + (1 - b) \log(1 - D)\big] . $$
#
# Its derivative is $-\frac{a p_r + b p_g}{D} + \frac{(1 - a) p_r + (1 - b) p_g}{1 - D}$. It is zero
# where $(a p_r + b p_g)(1 - D) = \big(p_r + p_g - (a p_r + b p_g)\big) D$, so at
#
# $$ D^* = \frac{a\, p_r + b\, p_g}{p_r + p_g} . $$
#
# </details>
#
# Consider a fake far away from all data. What is each $D$ there, and how does it change towards the
# data?

# %%
lesson.predict(
    "With which smoothing does this fake receive the same gradient of -log D as without?",
    ["both kinds", "one-sided only", "two-sided only", "neither"],
)

# %%
x = np.linspace(-3, 8, 1101)


def normal(center):
    return np.exp(-((x - center) ** 2) / 2) / np.sqrt(2 * np.pi)


p_r, p_g = normal(0.0), normal(3.0)
one_sided = smoothed_optimum(p_r, p_g, 0.1)
best = {
    "no smoothing": optimal_discriminator(p_r, p_g),
    "one-sided, 0.9 and 0": one_sided,
    "two-sided, 0.9 and 0.1": one_sided + 0.1 * p_g / (p_r + p_g),
}
slopes = {name: -np.gradient(np.log(d), x) for name, d in best.items()}
dashed = {"one-sided, 0.9 and 0": "--"}
at_6 = [slope[np.searchsorted(x, 6.0)] for slope in slopes.values()]
plain_slope, one_slope, two_slope = at_6

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.6, 3.2))
plot.line(x, best, left, styles=dashed, title="optimal D", xlabel="x")
plot.line(x, slopes, right, styles=dashed, title="slope of -log D", xlabel="x")
lesson.figure(
    fig,
    "smoothing",
    "The optimal D (left) and the slope of -log D (right), for real examples around 0 and fakes "
    "around 3, without smoothing (blue), with one-sided (orange, dashed) and with two-sided "
    "smoothing (green). Compare the three on the right side of each panel.",
)

# %%
lesson.check("slope at x = 6: plain and one-sided", at_6[:2], equals=[3.0, 3.0], atol=1e-3)
lesson.check("slope at x = 6: two-sided", at_6[2], at_most=0.01)
lesson.outcome(
    f"At x = 6 the slope of -log D is {plain_slope:.2f} without smoothing, {one_slope:.2f} with "
    f"one-sided and {two_slope:.5f} with two-sided smoothing, because one-sided smoothing adds a "
    "constant to log D, and a constant has no gradient.",
    answer="one-sided only",
)

# %% [markdown]
# With two-sided smoothing $D$ is close to 0.1 wherever there are only fakes, and flat. A fake there
# does not learn in which direction the data lie. Therefore only the label of the real examples is
# smoothed.
#
# ## 5. Virtual batch normalization
#
# Batch norm standardizes each feature with the mean and variance of the batch. Therefore the output
# for one $z$ depends on the other $z$ of its batch. *Virtual batch norm* uses a *reference batch*
# instead, which is chosen once at the beginning and stays the same.
# The virtual batch of an example is the reference batch **and the example itself**.
# For example, let the reference be 0 and 1, and the example 5. The mean is $\frac{0 + 1 + 5}{3} =
# 2$, and the variance is $\frac{4 + 1 + 9}{3} = \frac{14}{3}$.

# %%
lesson.exercise("gan/09/virtual_moments")

# %%
lesson.show_source(virtual_moments)
mean, var = virtual_moments(np.array([[5.0], [2.0]]), np.array([[0.0], [1.0]]))
lesson.check(
    "mean and variance for 5, and for 2 in the same batch",
    [mean[:, 0], var[:, 0]],
    equals=[[2.0, 1.0], [14 / 3, 2 / 3]],
)

# %% [markdown]
# The 5 does not change the numbers of the 2. In the trial the generator normalizes before each
# ReLU, and the reference batch passes through the same layers. It is normalized by its own mean and
# variance, because each of its members is in the virtual batch already and would count twice.


# %%
class Virtual(Module):
    buffers = ("reference",)

    def __init__(self, rng):
        self.layers = [Linear(rng, n, cfg.width) for n in (2, cfg.width)]
        self.norms = [VirtualBatchNorm(cfg.width), VirtualBatchNorm(cfg.width)]
        self.out = Linear(rng, cfg.width, 2)
        self.reference = latent(rng, 32)

    def __call__(self, z):
        reference = self.reference
        for layer, norm in zip(self.layers, self.norms):
            z, reference = layer(z), layer(reference)
            z = relu(norm(z, reference))
            reference = relu(norm.normalize_reference(reference))
        return self.out(z)


# %% [markdown]
# Each sample is again a function of its own $z$. However, the normalization also changes the
# untrained generator: its samples start further apart. Keep this in mind for the trial.
#
# ## 6. Adding noise
#
# The last two suggestions are for data and fakes that do not overlap at all (`gan/05`). With
# Gaussian noise on the inputs of $D$, real and fake alike, they do. This is *instance noise*.
# For example, take one real and one fake point, one unit apart, with noise of $\sigma = 1$. The
# optimal $D$ decides by the midpoint. It is right with probability $\Phi(0.5) = 0.69$, where $\Phi$
# is the cumulative distribution function of $\mathcal{N}(0, 1)$.

# %%
lesson.exercise("gan/09/instance_noise")

# %%
lesson.show_source(instance_noise)
point = np.zeros((20_000, 1))
right_side = np.mean(instance_noise(point, 1.0, lesson.rng("two points")) < 0.5)
lesson.check("real points on their side", right_side, equals=ndtr(0.5), atol=0.017)


# %%
def noisy_view(game, x):
    return instance_noise(x, cfg.noise * (1 - game.part), game.rng)


# %% [markdown]
# No $D$ can be perfect now. In the trial $\sigma$ falls from 1 to 0 during the game (`part` goes
# from 0 to 1), so that in the end the generator learns the data without noise.
#
# ## 7. A better metric of distribution similarity
#
# The last suggestion replaces the Jensen–Shannon divergence (JS) with the Wasserstein distance,
# "because it has a much smoother value space". We run it ahead of its lessons, `gan/10` to
# `gan/12`. $D$ becomes a *critic*, and both losses change. The critic's has a gradient penalty, at
# random points between real and fake.


# %%
def critic_d_loss(game, D, real, fake):
    epsilon = game.rng.random(cfg.batch)
    return penalized_critic_loss(D, real, fake, epsilon, cfg.penalty)[0]


def critic_g_loss(game, G, fake):
    return generator_loss(game.D(fake))


# %% [markdown]
# Each of the seven has its own failure in view: collapse (1 and 2), circling (3), an overconfident
# $D$ (4), a noisy batch (5), disjoint supports (6 and 7). Which of them is ours?
#
# ## 8. The trial
#
# Let's switch on one technique at a time. Each plays three games of 400 rounds, because one run
# could be luck.

# %%
trials = {
    "standard game": {},
    "1 feature matching": {"g_loss": matching_g_loss},
    "2 minibatch discrimination": {"new_discriminator": BatchWise},
    "3 historical averaging": with_history(cfg.history),
    "4 one-sided smoothing": {"d_loss": smoothed_d_loss},
    "5 virtual batch norm": {"new_generator": Virtual},
    "6 noise": {"view": noisy_view},
    "7 critic": {"d_loss": critic_d_loss, "g_loss": critic_g_loss},
}
of_features, of_batch, of_history = list(trials)[1:4]

# %%
lesson.predict(
    "Which of techniques 1 and 2 has more good samples than a ring without modes, on average over "
    "its games?",
    ["1 feature matching only", "2 minibatch discrimination only", "both", "neither"],
)


# %%
def new_game(label, changed):
    game = SimpleNamespace(**(standard | changed), rng=lesson.rng(label))
    game.G = game.new_generator(game.rng)
    game.D = game.new_discriminator(game.rng)
    game.g_optimizer = Adam(game.G, cfg.lr, betas=cfg.betas)
    game.d_optimizer = Adam(game.D, cfg.lr, betas=cfg.betas)
    game.g_past, game.d_past = HistoricalAverage(game.G), HistoricalAverage(game.D)
    return game


rounds, games = lesson.steps(400, quick=4), range(1, lesson.size(3, quick=1) + 1)
moments = np.linspace(0, rounds, 20 + 1).round().astype(int)[1:]
films, modes, good, far, moves = {}, {}, {}, {}, {}


def each(values, digits):
    return " ".join(f"{v:.{digits}f}" for v in values)


# %%
trained = ("G", "D", "g_optimizer", "d_optimizer", "g_past", "d_past", "rng")


def play(label, changed):
    """A game with some parts changed: its samples at twenty moments, (20, n, 2)."""
    game = new_game(label, changed)
    film = np.zeros((20, n, 2), np.float32)
    state = {name: getattr(game, name) for name in trained} | {"film": film}

    def step(i):
        game.part = i / rounds
        return one_round(game)

    def watch(i, _):
        film[moments == i + 1] = game.G(film_z)

    lesson.fit(step, rounds, state=state, on_step=watch, label=label)
    return film


# %% [markdown]
# A game that keeps moving has no typical last moment. So all numbers are means over ten moments in
# the second half of a game. *Moves* is the distance that the center of the samples travels from one
# moment to the next.


# %%
def measure(film):
    """Modes, good samples and distance, averaged over the second half of a game, and moves."""
    late = film[10:]
    moves = np.linalg.norm(np.diff(late.mean(axis=1), axis=0), axis=1).mean()
    return *np.mean([judge(x) for x in late], axis=0), moves


def run_trials(trials):
    """Play all games, and keep their measures, one number for each game."""
    for name, changed in trials.items():
        films[name] = [play(f"{name}, game {k}", changed) for k in games]
        measured = np.array([measure(film) for film in films[name]])
        modes[name], good[name], far[name], moves[name] = measured.T


def row(name):
    numbers = each(modes[name], 1), each(good[name], 2), each(far[name], 2)
    return [name, *numbers, moves[name].mean()]


# %%
run_trials(trials)
header = ["technique", *(f"{one}, each game" for one in measures), "moves"]
lesson.table([*map(row, trials), *for_comparison], header)

# %%
good_ring = trivial["a ring without modes"][1]
mean_good = {name: good[name].mean() for name in trials}
better = [f"{name} only" for name in (of_features, of_batch) if mean_good[name] > good_ring]
lesson.outcome(
    f"The fraction of good samples is {mean_good[of_features]:.2f} with feature matching and "
    f"{mean_good[of_batch]:.2f} with minibatch discrimination, on average over the games. The ring "
    f"without modes has {good_ring:.2f}, and the standard game, where only the technique is "
    f"missing, {mean_good['standard game']:.2f}.",
    answer=better[0] if len(better) == 1 else "both" if better else "neither",
)

# %%
fig, axes = plot.figure(2, 4, size=(2.3, 2.5))
for ax, name in zip(axes.flat, trials):
    plot.samples(films[name][0][-1], ring, ax, title=name, bounds=3)
lesson.figure(
    fig,
    "remedies",
    "The samples (orange) at the last moment of the first game of each, over the density of the "
    "data (blue). Look for all eight modes, and for what lies between them.",
)

# %% [markdown]
# - **Minibatch discrimination** ends the collapse in all three games. On average it also has more
#   good samples than the ring without modes.
# - **Feature matching** spreads the samples over the ring, but they are hardly better than those of
#   one Gaussian.
# - **Historical averaging** stops the movement, and the collapse stays. With this weight the term
#   almost stops the training, too. Section 10 tries a smaller one.
# - **Smoothing** and **noise** end near the standard game. They are made for a $D$ that is too
#   certain. Ours is not: its loss ends near $2 \log 2 = 1.39$, the loss of a $D$ that guesses.
# - **Virtual batch norm** covers a few more modes. Its generator also starts wider, and we have not
#   tried the wider start alone.
# - **The critic** covers nothing while $G$ takes five steps for each of its own.

# %%
lesson.claim(
    "minibatch discrimination: modes covered, each game",
    modes[of_batch],
    at_least=6,
    source="seeds 0, 1 and 31415: at least 7.4; margin 1.4",
)
lesson.claim(
    "modes covered: minibatch discrimination, fewest, minus standard game, most",
    modes[of_batch].min() - modes["standard game"].max(),
    at_least=4,
    source="seeds 0, 1 and 31415: 5.8, 7.4, 6.9; margin 1.8",
)

# %%
lesson.claim(
    "good samples, mean of the games: minibatch discrimination minus a ring without modes",
    mean_good[of_batch] - good_ring,
    at_least=0.1,
    source="seeds 0, 1 and 31415: 0.15, 0.29, 0.30; margin 0.05",
)
lesson.claim(
    "feature matching: distance of each game, over that of one Gaussian",
    far[of_features] / trivial["one Gaussian"][2],
    between=(0.6, 1.2),
    source="seeds 0, 1 and 31415: 0.83 to 0.98; margin 0.2",
)

# %%
at_first = [small_start(lesson.rng(f"{of_history}, game {k}"))(film_z) for k in games]
at_last = [film[-1] for film in films[of_history]]
way = np.linalg.norm(np.mean(at_last, axis=1) - np.mean(at_first, axis=1), axis=1)
lesson.claim(
    "moves: standard game / historical averaging, each game",
    moves["standard game"].mean() / moves[of_history],
    at_least=8,
    source="seeds 0, 1 and 31415: at least 16; half of it",
)
lesson.claim(
    "historical averaging: distance of the center from its start, mean of the games",
    way.mean(),
    at_least=0.35,
    source="seeds 0, 1 and 31415: 0.60, 0.60, 0.50; margin 0.15",
)

# %% [markdown]
# One of seven techniques has cured the patient. Many reports would end here.
#
# ## 9. The technique, or the steps?
#
# A cure needs a control. The game was made to fail by letting $G$ take five steps for each step of
# $D$. What if we leave out all techniques and let $D$ take five steps, too? $G$ is trained exactly
# as much as before. To be fair, we also give the five steps to minibatch discrimination, feature
# matching and the critic.

# %%
lesson.predict(
    "Without any technique, with five steps of D and five of G in a round: how many of the 8 modes "
    "does the median of the three games cover?",
    ["fewer than 3", "3 to 6", "more than 6"],
)

# %%
fair = {"no technique, 5 steps of D": {"d_steps": 5}}
for name in (of_batch, of_features, "7 critic"):
    fair[f"{name}, 5 steps of D"] = {"d_steps": 5} | trials[name]
without, combined, matched, _ = fair
run_trials(fair)

# %%
names = ["standard game", of_features, of_batch, "7 critic", *fair]
lesson.table([*map(row, names), *for_comparison[:3]], header)
count = np.median(modes[without])
lesson.outcome(
    f"Without any technique the median game covers {count:.1f} modes. Only the number of D's steps "
    "in a round was changed.",
    answer="fewer than 3" if count < 3 else "3 to 6" if count <= 6 else "more than 6",
)

# %%
lesson.claim(
    "no technique, 5 steps of D: modes covered, median of the games",
    count,
    at_least=6,
    source="seeds 0, 1 and 31415: 7.5, 7.5, 7.6; margin 1.5",
)
lesson.claim(
    "good samples, mean of the games: no technique minus feature matching, 5 steps of D each",
    good[without].mean() - good[matched].mean(),
    at_least=0.1,
    source="seeds 0, 1 and 31415: 0.44, 0.28, 0.41; margin 0.18",
)

# %%
lesson.claim(
    "good samples, mean of the games: minibatch discrimination and 5 steps of D, minus the ring",
    good[combined].mean() - good_ring,
    at_least=0.15,
    source="seeds 0, 1 and 31415: 0.45, 0.28, 0.32; margin 0.13",
)

# %%
fig, axes = plot.figure(1, 5, size=(2.3, 2.75))
for ax, name in zip(axes, [of_batch, *fair]):
    plot.samples(films[name][0][-1], ring, ax, title=name.replace(", ", "\n"), bounds=3)
lesson.figure(
    fig,
    "control",
    "The samples (orange) at the last moment of a first game: minibatch discrimination with one "
    "step of D in a round, and four games with five. Compare the first three panels.",
)

# %% [markdown]
# Four more steps of $D$ cover about as many modes as the best technique, but in good samples they
# do not always match it. We played both with three seeds, so nine games each. The mean fractions
# were 0.55, 0.38 and 0.51 with five steps, and 0.51, 0.65 and 0.68 with the technique. The ring
# without modes has 0.36 to 0.38. One game with five steps collapsed and none with the technique
# did, which is too few to compare. The technique works even when $D$ lags behind. But the trial of
# section 8 would have given it all the credit.
#
# Are the two together better still? With both, the mean fractions were 0.82, 0.64 and 0.70. In the
# first three games, those of the recorded run (seed 0), both together look far better than either.
# In the six games of the other seeds they are level with the technique alone. Three games may
# suggest a gain that six more do not confirm.
#
# The control also tells us about the others. With feature matching, more steps of $D$ hardly raise
# the fraction of good samples. The aim may fall short, as section 1 suspected, or 400 rounds may be
# too few. The critic's samples move now, but they do not cover the ring. In `gan/12` its training
# is longer, and it takes five steps for one of $G$. When a technique improves a model of your own,
# ask what else could have done it, and run that too.
#
# ## 10. Two variants
#
# *You may skip this section, because nothing later depends on it. It is for readers who want to
# know how much the details matter.*
#
# The post adds $o(x_i)$ "to the input of the model", and the paper to the features. Does it make a
# difference? And is the weight of historical averaging to blame? We try the closeness of the raw
# points, and a hundredth of the weight.


# %%
class AtTheInput(Discriminator):
    def __init__(self, rng):
        super().__init__(rng, 2 + 8, cfg.width, 2)
        self.near = MinibatchDiscrimination(rng, 2, kernels=8, dim=3)

    def __call__(self, x):
        return super().__call__(self.near(x))


variants = {
    "closeness of the raw points": {"new_discriminator": AtTheInput},
    "history, a hundredth": with_history(cfg.history / 100),
}
run_trials(variants)
names = [of_batch, "closeness of the raw points", of_history, "history, a hundredth"]
lesson.table([row(name) for name in names], header)

# %% [markdown]
# In all three games the closeness of the features is better than that of the raw points. We have
# not found out why. With the small weight of history the game moves again, and it is as collapsed
# as before.
#
# ## 11. A discriminator that also classifies
#
# *You may skip this section, because this course does not train such a model. It is for readers
# with many images and few labels.*
#
# The post's box *Other Variations of GAN* describes a discriminator for *semi-supervised* learning,
# where a few real examples have labels. $D$ has a logit $l_1, \dots, l_K$ for each of $K$ real
# classes, and the logit 0 for the class "fake". (A constant added to all logits would not change
# the softmax.) With $Z = \sum_k e^{l_k}$, the probability of all real classes together is
#
# $$ D = \frac{Z}{Z + e^0} = \frac{1}{1 + e^{-\log Z}} . $$
#
# In words, this is a usual discriminator with the logit $\log Z$. Labeled examples train it as a
# classifier, all others as a discriminator, and both train the same features. For example, with
# three classes and $l = (2, 0, -1)$:

# %%
l = np.array([[2.0, 0.0, -1.0]])
with_fake = np.concatenate([l, np.zeros((1, 1))], axis=1)
classes = softmax(with_fake)[0]
real = 1 / (1 + np.exp(-logsumexp(l)[0]))
lesson.table([[*classes, real]], ["class 1", "2", "3", "fake", "real: sigmoid of log Z"])
lesson.check("probability of the real classes", classes[:3].sum(), equals=real)

# %% [markdown]
# The first three probabilities add up to the last number. In the paper feature matching gave the
# best such classifier, although its images looked worse than those of minibatch discrimination. A
# good classifier and good samples are two aims.
#
# ## What this lesson does differently
#
# - The paper tried the techniques on images, and several at once. We have points in the plane, and
#   one technique at a time.
# - The control of section 9 is ours.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - "instead of providing 1 and 0 labels, use soften values such as 0.9 and 0.1", under the heading
#   "One-sided Label Smoothing": these labels are *two-sided* (section 4).
# - "Feature matching suggests to optimize the discriminator": it is the loss of the *generator*, on
#   features of the discriminator.
# - "where $f(x)$ can be any computation of statistics of features, such as mean or median": $f(x)$
#   are features of a single $x$. The statistic is $\mathbb{E}$ in the formula.
# - "Then $o(x_i)$ is explicitly added to the input of the model": in the paper it is concatenated
#   to the features of an intermediate layer.
# - "This addition piece penalizes the training speed when $\Theta$ is changing too dramatically in
#   time": a jump does raise the term, as the post says. But the term is a distance from the past
#   mean, not a speed, and it remains after $\Theta$ has come to rest, as computed below.
# - "Each data sample is normalized based on a fixed batch": based on this batch and the sample
#   itself (section 5).

# %%
past = np.concatenate([np.zeros(100), np.ones(10)])  # 100 steps at 0, then 10 steps at rest at 1
penalty = historical_penalty([past[-1:]], [past.mean(keepdims=True)])
speed = past[-1] - past[-2]
lesson.check(
    "at rest: speed and historical penalty", [speed, penalty], equals=[0, (100 / 110) ** 2]
)

# %% [markdown]
# The parameter jumped ten steps ago. Its speed is 0, but the penalty is still 0.83.
#
# ## To remember
#
# - Each technique answers one failure. First find out which failure you have.
# - Minibatch discrimination lets $D$ compare the fakes of a batch, so that equal fakes are caught.
# - Smooth the label of the real examples only.
# - Judge by quality and variety, against trivial samples, in several runs, and with a control that
#   may use the obvious remedy.
#
# **Next:** the seventh suggestion replaces the distance itself. What is the Wasserstein distance?
# (`gan/10`)
#
# **Your turn:** `minigen exercise start gan/09`, then `minigen run gan/09 --with
# exercises/gan_09.py`.

# %%
lesson.finish()
