# %% [markdown]
# # Seven remedies on one patient
#
# The section *Improved GAN Training* (gan.s12) of [From GAN to
# WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/), run. It lists seven remedies: five of
# Salimans et al. (2016), two that follow from Arjovsky and Bottou (2017). To take away:
#
# 1. A remedy helps against *its* illness, and may do nothing against another.
# 2. Some remedies do nothing here, and one of them stops the symptom and leaves the illness.
# 3. So test them one by one, over several seeds, with a measure of quality *and* one of variety.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/09_improved_training",
    title="Seven remedies on one patient",
    post="gan",
    sections=["gan.s12"],
    minutes=1.2,
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

from minigen import plot
from minigen.data import toy
from minigen.gan.networks import Discriminator
from minigen.metrics import mode_coverage, sampling_floor, sliced_wasserstein
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
# The patient is the weak game of `gan/07`: fakes that start in one spot, and a generator that takes
# five steps for each one of $D$. On the ring of eight bells it covered about one at a time, and
# wandered. Here are the remedies, each by hand on two or three numbers. Then all of them take the
# same test. Keep a list: will it help, and how?
#
# ## 1. Feature matching
#
# The generator gets another goal. It need not please $D$; it shall match the *mean* of $D$'s hidden
# features $f$ on real examples:
#
# $$\| \mathbb{E}_{x \sim p_r} f(x) - \mathbb{E}_{z} f(G(z)) \|^2 .$$
#
# A single point can please $D$. Can a single point have the mean features of the whole ring? $D$
# keeps its own loss. By hand: real features $(1, 0)$ and $(3, 2)$ have the mean $(2, 1)$; one fake
# with $(1, 4)$ is $1^2 + 3^2 = 10$ away.
#
# ## 2. Minibatch discrimination
#
# $D$ sees one example at a time, so a thousand equal fakes look as good as one. Let it see how
# *close* each example is to the others of its batch: $o_i = \sum_j e^{-\|M_i - M_j\|_1}$, with $M$
# made from the features. Three examples; the first two are $\log 2$ apart, the third far away. Each
# of the two counts itself, 1, and its neighbor, $e^{-\log 2} = \frac12$.

# %%
lesson.predict(
    "What is o for the third? And for each of three equal ones?",
    ["0 and 2", "1 and 3", "0 and 3", "1 and 1"],
)

# %%
lesson.exercise("gan/09/feature_matching_loss")
lesson.exercise("gan/09/minibatch_closeness")

# %%
lesson.show_source(feature_matching_loss, minibatch_closeness)
real_features = np.array([[1.0, 0.0], [3.0, 2.0]])
fake_features = np.array([[1.0, 4.0]])
gap = feature_matching_loss(real_features, fake_features)
lesson.check("feature matching by hand", gap, equals=10.0)

# %%
three = np.array([0.0, np.log(2), 50.0]).reshape(3, 1, 1)
near = minibatch_closeness(three)[:, 0]
equal = minibatch_closeness(0 * three)[:, 0]
lesson.table([near, equal], ["o of the first", "second", "third"])

# %%
lesson.check("closeness of two near, one far", near, equals=[1.5, 1.5, 1.0])
lesson.check("closeness of three equal ones", equal, equals=[3.0, 3.0, 3.0])
lesson.outcome("Each counts itself, and with it all that lie at the same place.", answer="1 and 3")

# %%
lesson.change(
    "a third that is near",
    "Change the 50.0 in `three = np.array([0.0, np.log(2), 50.0])` to 1.0 and run again. What is "
    "the closeness of each of the three now?",
    answer="1.868, 2.236 and 2.104. The third is 1 from the first and 1 - log 2 = 0.307 from the "
    "second, so it adds $e^{-1} = 0.368$ to the first and $e^{-0.307} = 0.736$ to the second. "
    "Closeness falls by a factor of e with every unit of distance: at 50 nothing is left.",
)

# %% [markdown]
# ## 3. Historical averaging
#
# Each player pays for being far from her own past, $\|\theta - \bar\theta\|^2$. It is meant for
# games that go in circles. The circle of `gan/04` is $x \cdot y$, where both step at the same time
# and spiral outward. With the penalty:

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
    "distance from the solution, at first 1.4, after 200 steps without",
    radius(0),
    equals=2**0.5 * 1.01**100,
)
lesson.check("with weight 1", radius(1), at_most=1.0)

# %% [markdown]
# ## 4. One-sided label smoothing
#
# $D$'s target for real examples becomes $1 - s = 0.9$, that for fakes stays 0. The cross-entropy
# for a target $y$ is $-y \log D - (1 - y)\log(1 - D)$. By hand: a real example to which $D$ assigns
# 0.9 costs $-0.9 \log 0.9 - 0.1 \log 0.1 = 0.325$, and none can cost less. The loss is the first
# exercise. The second is the $D$ that minimizes it: as in `gan/03`, write down what is paid at one
# place, where the densities are $p_r$ and $p_g$, and set its slope in $D$ to zero.

# %%
lesson.exercise("gan/09/smoothed_loss")
lesson.exercise("gan/09/smoothed_optimum")

# %%
lesson.show_source(discriminator_loss, smoothed_optimum)
sure = np.array([np.log(9.0)])  # the logit of 0.9
far = np.array([-50.0])  # a fake that costs nothing
paid = discriminator_loss(sure, far, smooth=0.1)
lesson.check("a real example at 0.9, smoothed", paid, equals=0.3251, atol=5e-5)

# %% [markdown]
# The best $D$ is $(1 - s)\, p_r/(p_r + p_g)$: never quite sure. Were the fakes' target 0.1 as well,
# it would be $(0.9\, p_r + 0.1\, p_g)/(p_r + p_g)$. Think of a place far out, where there are only
# fakes: what does $D$ say there in either case, and how does it change toward the data?

# %%
lesson.predict(
    "Which D pulls such a far fake home as strongly as the one without smoothing?",
    ["both smoothed ones", "the one-sided only", "the two-sided only", "neither"],
)

# %%
x = np.linspace(-3, 8, 1101)


def normal(center):
    return np.exp(-((x - center) ** 2) / 2) / np.sqrt(2 * np.pi)


p_r = normal(0.0)
p_g = normal(3.0)
plain = optimal_discriminator(p_r, p_g)
one_sided = smoothed_optimum(p_r, p_g, 0.1)
two_sided = one_sided + 0.1 * p_g / (p_r + p_g)

# %%
best = {
    "no smoothing": plain,
    "one-sided, 0.9 and 0": one_sided,
    "two-sided, 0.9 and 0.1": two_sided,
}
pulls = {name: -np.gradient(np.log(d), x) for name, d in best.items()}
dashed = {"one-sided, 0.9 and 0": "--"}

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.6, 3.2))
plot.line(x, best, left, styles=dashed, title="the best D: real at 0, fake at 3", xlabel="x")
title = "its pull on a fake: slope of -log D"
plot.line(x, pulls, right, styles=dashed, title=title, xlabel="x")
lesson.figure(
    fig,
    "smoothing",
    "Left: only the green curve does not go down to 0 on the right. Right: so only there do far"
    " fakes feel no pull. The one-sided curve pulls exactly as the plain one.",
)

# %%
at_6 = [pull[np.searchsorted(x, 6.0)] for pull in pulls.values()]
lesson.check("pull at x = 6: plain and one-sided", at_6[:2], equals=[3.0, 3.0], atol=1e-3)
lesson.check("pull at x = 6: two-sided", at_6[2], at_most=0.01)
plain_pull, one_pull, two_pull = at_6
lesson.outcome(
    f"At x = 6 the pulls are {plain_pull:.2f} without, {one_pull:.2f} one-sided, {two_pull:.4f} "
    "two-sided.",
    answer="the one-sided only",
)

# %% [markdown]
# ## 5. Virtual batch normalization
#
# Batch norm ties the fakes of a batch together: each one's output depends on its neighbors. The
# *virtual* batch of an example is a reference batch, chosen once, **and the example itself**. By
# hand: the reference is 0 and 1, the example 5. The mean is $\frac{0 + 1 + 5}{3} = 2$, the variance
# $\frac{4 + 1 + 9}{3} = \frac{14}{3}$.

# %%
lesson.exercise("gan/09/virtual_moments")
lesson.exercise("gan/09/instance_noise")

# %%
lesson.show_source(virtual_moments, instance_noise)
mean, var = virtual_moments(np.array([[5.0], [2.0]]), np.array([[0.0], [1.0]]))
lesson.check(
    "mean and variance for 5, and for 2 beside it",
    [mean[:, 0], var[:, 0]],
    equals=[[2.0, 1.0], [14 / 3, 2 / 3]],
)

# %% [markdown]
# ## 6. Noise
#
# Thin supports do not meet (`gan/05`). Blur what $D$ sees, real and fake alike, and they do: that
# is *instance noise*. On two points one unit apart, blurred with $\sigma = 1$, the best $D$ is
# right with probability $\Phi(0.5) = 0.69$ only. In the trial $\sigma$ begins at 1 and falls to
# zero.
#
# ## 7. Another distance
#
# The last remedy replaces JS by the Wasserstein distance: `gan/10` to `gan/12` are about nothing
# else. Here it is a trial ahead of its lesson: $D$ becomes a critic with a gradient penalty.
# Nothing else changes, not even the eager generator.
#
# ## The trial
#
# The game is `gan/07`'s. It is put together from parts, and each remedy replaces one or two of
# them: a network, a loss, or what $D$ gets to see. Read on: where does each of them enter?

# %%
cfg = lesson.configure(
    width=64,
    batch=64,
    lr=1e-3,
    betas=(0.5, 0.999),
    eager=5,
    smooth=0.1,
    history=1.0,
    noise=1.0,
    penalty=10.0,
)
rounds = lesson.steps(400, quick=4)
ring = toy.ring(8, 2.0, 0.1)
rng = lesson.rng("truth")
truth = ring.sample(rng, 1000)

# %% [markdown]
# **The usual parts.** A generator whose fakes start in one spot; the usual losses; and $D$ looks at
# everything as it is. (`part` is the part of the game that is over.)


# %%
def latent(rng, n):
    return rng.standard_normal((n, 2), dtype=np.float32)


def small_start(rng):
    return MLP(rng, [2, cfg.width, cfg.width, 2], "relu")


def usual_d_loss(game, D, real, fake, epsilon):
    return discriminator_loss(D(real), D(fake))


def usual_g_loss(game, G, z, real, see):
    return generator_loss_nonsaturating(game.D(see(G(z))))


def plainly(x, part, rng):
    return x


# %% [markdown]
# **1, feature matching:** another loss for $G$.


# %%
def matching_g_loss(game, G, z, real, see):
    return feature_matching_loss(game.D.features(real), game.D.features(G(z)))


# %% [markdown]
# **2, minibatch discrimination:** another $D$, with the layer between its last hidden layer and its
# output.


# %%
class BatchWise(Discriminator):
    def __init__(self, rng, dim, width, depth):
        super().__init__(rng, dim, width, depth)
        self.near = MinibatchDiscrimination(rng, width, kernels=8, dim=3)
        self.out = Linear(rng, width + 8, 1)

    def __call__(self, x):
        return self.out(self.near(self.features(x)))[:, 0]


# %% [markdown]
# **3, historical averaging:** both losses pay for the distance from the past, at some weight.


# %%
def with_history(weight):
    def d_loss(game, D, real, fake, epsilon):
        loss = usual_d_loss(game, D, real, fake, epsilon)
        return loss + weight * game.d_past.penalty(D)

    def g_loss(game, G, z, real, see):
        loss = usual_g_loss(game, G, z, real, see)
        return loss + weight * game.g_past.penalty(G)

    return {"d_loss": d_loss, "g_loss": g_loss}


# %% [markdown]
# **4, one-sided smoothing:** another loss for $D$.


# %%
def smoothed_d_loss(game, D, real, fake, epsilon):
    return discriminator_loss(D(real), D(fake), cfg.smooth)


# %% [markdown]
# **5, virtual batch norm:** another $G$, which normalizes before each ReLU. The reference batch of
# $z$ goes through the layers beside $z$. It is normalized by its own mean and variance alone: each
# of its members is in the virtual batch already, and would count twice.


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
            z = layer(z)
            reference = layer(reference)
            z = relu(norm(z, reference))
            reference = relu(norm.normalize_reference(reference))
        return self.out(z)


# %% [markdown]
# **6, noise:** $D$ sees everything through noise, which falls to zero. **7, another distance:** the
# losses of a critic with a gradient penalty, at random places `epsilon` between real and fake.


# %%
def through_noise(x, part, rng):
    return instance_noise(x, cfg.noise * (1 - part), rng)


def critic_d_loss(game, D, real, fake, epsilon):
    return penalized_critic_loss(D, real, fake, epsilon, cfg.penalty)[0]


def critic_g_loss(game, G, z, real, see):
    return generator_loss(game.D(G(z)))


# %% [markdown]
# **The game** itself: two networks with their optimizers and their pasts, and one step of each
# player.


# %%
def new_game(label, new_generator, new_discriminator):
    rng = lesson.rng(label)
    G = new_generator(rng)
    D = new_discriminator(rng, 2, cfg.width, 2)
    return SimpleNamespace(
        G=G,
        D=D,
        g_optimizer=Adam(G, cfg.lr, betas=cfg.betas),
        d_optimizer=Adam(D, cfg.lr, betas=cfg.betas),
        g_past=HistoricalAverage(G),
        d_past=HistoricalAverage(D),
        rng=rng,
    )


# %%
def move_d(game, d_loss, real, see):
    fake = see(game.G(latent(game.rng, cfg.batch)))
    epsilon = game.rng.random(cfg.batch)
    value, grads = value_and_grad(lambda D: d_loss(game, D, real, fake, epsilon))(game.D)
    game.d_optimizer.step(grads)
    return value


def move_g(game, g_loss, real, see):
    z = latent(game.rng, cfg.batch)
    value, grads = value_and_grad(lambda G: g_loss(game, G, z, real, see))(game.G)
    game.g_optimizer.step(grads)
    return value


# %% [markdown]
# A round is `k` steps of $D$ and `eager` steps of $G$; then both remember where they are.


# %%
def turns(game, d_loss, g_loss, view, eager, k):
    def step(i):
        def see(x):
            return view(x, i / rounds, game.rng)

        for _ in range(k):
            real = see(ring.sample(game.rng, cfg.batch))
            d_value = move_d(game, d_loss, real, see)
        for _ in range(eager):
            g_value = move_g(game, g_loss, real, see)
        game.g_past.update(game.G)
        game.d_past.update(game.D)
        return {"discriminator": d_value, "generator": g_value}

    return step


# %% [markdown]
# The patient is the game with all usual parts. It is filmed: what do 1,000 fixed $z$ become at
# twenty moments?

# %%
usual = {
    "new_generator": small_start,
    "new_discriminator": Discriminator,
    "d_loss": usual_d_loss,
    "g_loss": usual_g_loss,
    "view": plainly,
    "eager": cfg.eager,
    "k": 1,
}
moments = np.linspace(0, rounds, 20 + 1).round().astype(int)[1:]
film_z = latent(lesson.rng("film"), 1000)


# %%
def play(label, **changed):
    """One game, with some of its parts changed. Returns its film, (20, 1000, 2)."""
    parts = usual | changed
    game = new_game(label, parts.pop("new_generator"), parts.pop("new_discriminator"))
    film = np.zeros((20, 1000, 2), np.float32)

    def watch(i, _):
        film[moments == i + 1] = game.G(film_z)

    state = vars(game) | {"film": film}
    lesson.fit(turns(game, **parts), rounds, state=state, on_step=watch, label=label)
    return film


# %% [markdown]
# Three games for each. All numbers are means over the second half of a game, for a game that
# wanders has no meaningful last moment. *Moves* is how far the center of the fakes travels from one
# moment to the next.

# %%
critic = {"d_loss": critic_d_loss, "g_loss": critic_g_loss}
patients = {
    "no remedy": {},
    "1 feature matching": {"g_loss": matching_g_loss},
    "2 minibatch discrimination": {"new_discriminator": BatchWise},
    "3 historical averaging": with_history(cfg.history),
    "4 one-sided smoothing": {"d_loss": smoothed_d_loss},
    "5 virtual batch norm": {"new_generator": Virtual},
    "6 noise": {"view": through_noise},
    "7 critic, eager G": critic,
    "7 critic, 5 of its steps for 1": critic | {"eager": 1, "k": 5},
    "no remedy, 5 of D for 1": {"eager": 1, "k": 5},
}

# %%
lesson.predict(
    "Which of the first six remedies will cover most bells?",
    [name for name in patients if name[0] in "123456"],
)

# %%
films = {}
games = range(1, lesson.size(3, quick=1) + 1)
for name, changed in patients.items():
    films[name] = [play(f"{name}, game {k}", **changed) for k in games]


# %%
def distance(x):
    return sliced_wasserstein(x, truth, 50, numpy.random.default_rng(0))


def covered(x):
    return mode_coverage(x, ring.modes, ring.std, min_count=10)


def measure(film):
    """Bells covered, share of good samples, distance and moves, over the second half of a game."""
    late = film[10:]
    modes, good = np.mean([covered(x) for x in late], axis=0)
    moves = np.linalg.norm(np.diff(late.mean(axis=1), axis=0), axis=1)
    return modes, good, np.mean([distance(x) for x in late]), moves.mean()


# %%
modes = {}
good = {}
far = {}
moves = {}
for name, played in films.items():
    measured = np.array([measure(film) for film in played])  # (games, 4)
    modes[name], good[name], far[name], moves[name] = measured.T


def new_distance(a, b):
    return sliced_wasserstein(a, b, 50, rng)


floor = sampling_floor(new_distance, ring.sample, 1000, rng).mean


# %%
def each(values, digits):
    return " ".join(f"{v:.{digits}f}" for v in values)


rows = []
for name in patients:
    row = [name, each(modes[name], 1), good[name].mean(), each(far[name], 2), moves[name].mean()]
    rows.append(row)
within_three = 1 - np.exp(-4.5)  # the share of a Gaussian in the plane within 3 deviations
rows.append(["the truth", "8", within_three, f"{floor:.2f}", 0.0])
header = ["remedy", "bells of 8, each game", "good samples", "distance, each game", "moves"]
lesson.table(rows, header)

# %%
fig, axes = plot.figure(2, 5, size=(2.4, 2.6))
for ax, (name, played) in zip(axes.flat, films.items()):
    plot.samples(played[0][-1], ring, ax, title=name, bounds=(-3, 3, -3, 3))
lesson.figure(
    fig,
    "remedies",
    "The last moment of each first game. Compare the third picture with the last, another pace.",
)

# %%
name = "no remedy: the center of the fakes moves, from moment to moment"
lesson.claim(name, moves["no remedy"], at_least=1)
healed = modes["2 minibatch discrimination"]
lesson.claim("minibatch discrimination: bells covered, each game", healed, at_least=6)
more = healed.min() - modes["no remedy"].max()
lesson.claim("more than with no remedy, by at least", more, at_least=4)
lesson.claim(
    "cause removed, five steps of D for one: bells covered",
    modes["no remedy, 5 of D for 1"],
    at_least=2,
)


# %%
def times_less(what, values, name, factor):
    """A claim: with this remedy a measure is so many times less than with none, in each game."""
    ratio = values["no remedy"].mean() / values[name]
    claim = f"{name[2:]}: {what}, times less than with no remedy"
    lesson.claim(claim, ratio, at_least=factor)


times_less("distance", far, "2 minibatch discrimination", 4)
times_less("distance", far, "1 feature matching", 2)

# %% [markdown]
# A generator that never moved at all would have the least *moves* of all. So for historical
# averaging it is also asked whether the fakes have left the place where they started.

# %%
name = "3 historical averaging"
at_first = [small_start(lesson.rng(f"{name}, game {k}"))(film_z) for k in games]
at_last = [film[-1] for film in films[name]]
way = np.linalg.norm(np.mean(at_last, axis=1) - np.mean(at_first, axis=1), axis=1)
times_less("moves", moves, "3 historical averaging", 5)
lesson.claim("historical averaging: way of the center from its start", way, at_least=0.15)

# %%
six = {name: modes[name].mean() for name in patients if name[0] in "123456"}
lesson.outcome(
    "Bells in the mean: " + ", ".join(f"{count:.1f} ({name[2:]})" for name, count in six.items()),
    answer=max(six, key=six.get),
)

# %% [markdown]
# Compare with your list.
#
# - **Minibatch discrimination** cures this patient. One by one, equal fakes look good; to a $D$
#   that sees the batch they do not.
# - **Feature matching** spreads the fakes out, for a single point cannot have the ring's mean
#   features. But many clouds can: it asks for the right averages, and gets no sharp bells.
# - **Historical averaging** stops the wandering and leaves the collapse. With this weight it nearly
#   stops all learning, too. It was made for circling, and circling is only the symptom.
# - **Smoothing** and **noise** keep $D$ from being too sure. But this patient's $D$ was never sure;
#   it was late. Look at their rows: they are in the range of no remedy at all. **Virtual batch
#   norm** gives the generator a wider start, and it keeps some of that width. For none of these
#   three do we claim more than the table says.
# - **The critic** at the generator's eager pace is no cure either: it is a better judge, and judges
#   too late. With five of its own steps for each one of $G$ the fakes leave the spot. The last row
#   is the honest comparison: that pace alone, without any remedy, does better. In `gan/12` the
#   critic has its pace, a falling learning rate, and time.
#
# That a remedy does nothing *here* does not make it useless: each was found on another patient.
#
# ## A discriminator that also reads
#
# The same paper has one more idea: let $D$ earn its keep. Where a few of the real examples have
# labels, give it a logit for each class, $l_1, \dots, l_K$, and fix that of the class "fake" at 0.
# Of a softmax over all $K + 1$, the share of the real classes is $D = \frac{Z}{Z + 1}$ with $Z =
# \sum_k e^{l_k}$: the usual discriminator with the logit $\log Z$. Labeled examples train it as a
# classifier, all others as a discriminator, and both teach the same features: *semi-supervised*
# learning. By hand, with three classes and $l = (2, 0, -1)$:

# %%
l = np.array([[2.0, 0.0, -1.0]])
with_fake = np.concatenate([l, np.zeros((1, 1))], axis=1)
classes = softmax(with_fake)[0]
real = 1 / (1 + np.exp(-logsumexp(l)[0]))
lesson.table([[*classes, real]], ["class 1", "2", "3", "fake", "real: sigmoid of log Z"])
lesson.check("the real classes' share", classes[:3].sum(), equals=real)

# %% [markdown]
# Here we only compute its two readings. In the paper feature matching served such a $D$ best:
# poorer pictures, and the better classifier.
#
# ## Wrong turns
#
# **Closeness at the input**, as the post has it: of the raw points. **And a weaker dose of
# history**, a hundredth.

# %%
lesson.predict(
    "How many of the 8 bells will the closeness of the raw points cover?",
    ["2 or fewer", "more than 2, fewer than 6", "6 or more"],
)


# %%
class AtTheInput(Discriminator):
    def __init__(self, rng, dim, width, depth):
        super().__init__(rng, dim + 8, width, depth)
        self.near = MinibatchDiscrimination(rng, dim, kernels=8, dim=3)

    def __call__(self, x):
        return super().__call__(self.near(x))


# %%
raw = play("closeness of the raw points", new_discriminator=AtTheInput)
weak = play("history, a hundredth", **with_history(cfg.history / 100))
rows = [["closeness of the raw points", *measure(raw)], ["history, a hundredth", *measure(weak)]]
lesson.table(rows, ["wrong turn", "bells of 8", "good samples", "distance", "moves"])

# %%
of_raw, of_weak = rows[0][1], rows[1][1]
some = "more than 2, fewer than 6" if of_raw > 2 else "2 or fewer"
lesson.outcome(
    f"{of_raw:.1f}; and a hundredth of history covers {of_weak:.1f}.",
    answer="6 or more" if of_raw >= 6 else some,
)

# %% [markdown]
# In the plane even raw points help: they are what matters there. Between images of 784 pixels raw
# distances say little (shift a seven by two pixels), so the paper goes to the features. And a
# little history changes nothing.
#
# ## Where the post is loose
#
# - It calls the labels 0.9 *and 0.1* one-sided smoothing. One-sided keeps the fakes' label at 0;
#   the other moves the best $D$ by a multiple of $p_g$, and far fakes lose their pull (section 4).
# - It says that feature matching optimizes the *discriminator*. It is the generator's loss, on
#   $D$'s intermediate features.
# - It adds the closeness to the *input* of the model. In the paper it is joined to the features of
#   an intermediate layer.
# - It normalizes each example by the reference batch. By the reference batch **and the example
#   itself** (section 5).
#
# **Left out:** combinations; images, where smoothing and batch norm earned their names. **Next:**
# the seventh remedy, in `gan/10`.
#
# **Your turn:** `minigen exercise start gan/09`, then `minigen run gan/09 --with
# exercises/gan_09.py`.

# %%
lesson.finish()
