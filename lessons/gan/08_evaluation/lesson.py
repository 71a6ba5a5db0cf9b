# %% [markdown]
# # Lack of a proper evaluation metric
#
# You have trained six GANs overnight. Which one do you keep, and should it have stopped earlier? In
# most trainings the loss decides. In a GAN it cannot, because each of the two losses measures one
# player against the other, and both players change. In the words of the post, “it is like working
# in the dark. No good sign to tell when to stop; No good indicator to compare the performance of
# multiple models.” Is there a number that we can trust?
#
# We compute three candidates by hand (section 1), train six games (2), and test which numbers
# follow the quality of the samples (3). Then we look for samples that deceive these numbers, in the
# plane (4) and among images (5 and 6), and count samples (7). This lesson follows the section *Lack
# of a proper evaluation metric* of [From GAN to
# WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/).
#
# Before this lesson: `gan/02`.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/08_evaluation",
    title="Lack of a proper evaluation metric",
    post="gan",
    sections=["gan.s11"],
    figures=[],
    equations=[],
    pretrained=["digit_classifier"],
    minutes=3,
    picture="sets",
    sources=[
        "weng2017gan",
        "dowson1982frechet",
        "gretton2012mmd",
        "salimans2016improved",
        "heusel2017ttur",
        "lopezpaz2017classifier",
        "kynkaanniemi2019precision",
    ],
)

# %%
from functools import partial
from types import SimpleNamespace

import autograd.numpy as np
import numpy
from scipy.ndimage import gaussian_filter
from scipy.stats import spearmanr

from minigen import plot
from minigen.data import mnist, toy
from minigen.gan.losses import generator_loss_nonsaturating
from minigen.gan.networks import Discriminator, Generator
from minigen.gan.train import goodfellow_step
from minigen.optim import Adam
from minigen.tensor import cross_entropy, grad

# %%
from minigen.metrics import (
    classifier_two_sample_test,
    frechet_distance,
    inception_score,
    mean_and_covariance,
    mmd,
    precision_recall,
    sampling_floor,
    sliced_wasserstein,
    wasserstein,
)

# %%
from minigen.metrics.digits import (
    class_probabilities,
    digit_features,
    digit_frechet_distance,
    judge_digits,
    label_accuracy,
)

# %% [markdown]
# ## 1. Three numbers by hand
#
# Here are three sets of points that a generator might draw for the ring of eight Gaussians of
# `gan/02`.

# %%
ring = toy.ring(8, 2.0, 0.1)
n = lesson.size(1000, quick=40)
data, labels_of = ring.sample_with_labels(lesson.rng("three sets"), n)
three_sets = {
    "samples of the ring": data,
    "two modes missing": data[labels_of > 1],
    "too much noise": data + 0.3 * lesson.rng("too much").standard_normal(data.shape),
}

# %%
fig, axes = plot.figure(1, 3, size=(2.8, 2.8))
for ax, (name, x) in zip(axes, three_sets.items()):
    plot.samples(x, ring, ax, bounds=3.2, title=name)
lesson.figure(
    fig,
    "three_sets",
    "Three sets of samples (orange) over the density of the data (blue). Which of the two faulty "
    "sets is worse, and by how much?",
)

# %% [markdown]
# The eye finds both faults, but it cannot weigh them against each other, or look at a hundred
# models. We need a number. Three are widely used.
#
# The **Fréchet distance** looks at the mean and the spread. Fit a Gaussian to each of two sets. The
# squared distance of the two Gaussians is (Dowson and Landau, 1982; we use it without proof)
#
# $$ |\mu_1 - \mu_2|^2 + \mathrm{tr}\big(\Sigma_1 + \Sigma_2 - 2 (\Sigma_1 \Sigma_2)^{1/2}\big) . $$
#
# On a line this is the squared difference of the means plus the squared difference of the standard
# deviations. For example, $N(0, 1)$ and $N(3, 2^2)$ have the distance $9 + (1 - 2)^2 = 10$.
#
# **MMD**, the *maximum mean discrepancy*, looks at pairs of points. A kernel $k(a, b) =
# e^{-|a-b|^2/2h^2}$ is 1 if two points coincide, and falls to 0 with their distance, the faster the
# smaller the *bandwidth* $h$ is. $\mathrm{MMD}^2$ is the mean similarity within the first set, plus
# the mean within the second, minus twice the mean between the two. For one point in each set, $h$
# apart, it is $1 + 1 - 2 e^{-1/2} = 0.787$.
#
# The **inception score** looks at a classifier, which assigns $p(\text{class} \mid x)$ to each
# sample. The score is the exponential of the mean KL divergence from these predictions to their
# average. For example, the predictions $(1, 0)$ and $(0, 1)$ have the average $(\frac12, \frac12)$.
# Each KL divergence is $\log 2$, and the score is 2.

# %%
lesson.predict(
    "What is the inception score of two certain and equal predictions, and of two predictions "
    "(1/2, 1/2)?",
    ["2 and 1", "1 and 2", "1 and 1", "0 and 0"],
)

# %%
lesson.exercise("gan/08/frechet_distance")
lesson.exercise("gan/08/mmd")
lesson.exercise("gan/08/inception_score")

# %%
lesson.show_source(frechet_distance, mmd, inception_score)
by_hand = (0 - 3) ** 2 + (1 + 4 - 2 * np.sqrt(1 * 4))
measured = frechet_distance(np.array([0.0]), np.array([[1.0]]), np.array([3.0]), np.array([[4.0]]))
lesson.check("Fréchet distance of N(0, 1) and N(3, 2²)", measured, equals=by_hand)

# %%
h = 0.5
a = np.array([[0.0]])
b = np.array([[0.5]])
similarity = np.exp(-(0.5**2) / (2 * h**2))
lesson.check("MMD² of two points 0.5 apart", mmd(a, b, bandwidth=h), equals=2 - 2 * similarity)

# %%
different = np.array([[1.0, 0.0], [0.0, 1.0]])
equal = np.array([[1.0, 0.0], [1.0, 0.0]])
undecided = np.array([[0.5, 0.5], [0.5, 0.5]])
scores = [inception_score(p) for p in (different, equal, undecided)]

# %%
lesson.check("inception scores", scores, equals=[2.0, 1.0, 1.0])
lesson.outcome(
    "Both scores are the exponential of 0, because in both cases every prediction equals the "
    "average, and every KL divergence is 0.",
    answer="1 and 1",
)

# %% [markdown]
# The score is high only if each prediction is certain *and* the predictions vary. It lies between 1
# and the number of classes $C$, because it is the exponential of the entropy of the average, which
# is at most $\log C$, minus the mean entropy of the predictions.

# %%
lesson.change(
    "a wide kernel",
    "Change `h = 0.5` to `h = 5.0` and run again. What is MMD² of the two points, 0.5 apart, now?",
    answer="0.009975, about an eightieth of what it was. The points are a tenth of the bandwidth "
    "apart, so the kernel of the pair is $e^{-0.005}$, almost 1. A wide kernel hardly responds to "
    "small differences.",
)

# %% [markdown]
# Back to the three sets. For the distributions themselves, the Fréchet distance is 0.52 with two
# modes missing, and only 0.002 with the noise, which raises each variance from 2.01 to 2.10. So the
# number weighs the two faults in its own way, and other numbers weigh them in others. Which of them
# can we trust? To find out, we need sets of samples whose quality is known.
#
# ## 2. Six games
#
# Let's train six GANs on the ring. One has the standard setting. In each of the others we change
# one thing: the learning rate of $D$ is ten times lower (*slow D*), $D$ has only 8 units a layer
# (*small D*), $D$ takes three steps for each step of $G$ (*3 steps of D*), $G$ has only 4 units a
# layer (*small G*), or both learning rates are ten times higher (*high rates*). The training step
# is the one of `gan/02`. We keep samples of each generator at eight moments, and play each game
# twice, which gives 96 sets.

# %%
settings = {
    "standard": {},
    "slow D": {"d_lr": 1e-4},
    "small D": {"d_width": 8},
    "3 steps of D": {"k": 3},
    "small G": {"g_width": 4},
    "high rates": {"g_lr": 1e-2, "d_lr": 1e-2},
}


def new_game(label, g_lr=1e-3, d_lr=1e-3, g_width=64, d_width=64):
    rng = lesson.rng(label)
    G = Generator(rng, width=g_width)
    D = Discriminator(rng, width=d_width)
    g_optimizer = Adam(G, g_lr, betas=(0.0, 0.999))
    d_optimizer = Adam(D, d_lr, betas=(0.0, 0.999))
    return SimpleNamespace(G=G, D=D, g_optimizer=g_optimizer, d_optimizer=d_optimizer, rng=rng)


# %%
window = lesson.steps(25, quick=2)
kept_after = [25, 50, 100, 200, 400, 800, 1200, 1600]
moments = [max(lesson.steps(k, quick=2 * j + 2), j + 1) for j, k in enumerate(kept_after)]


def play(label, k=1, **setting):
    """A whole game, with the samples of its moments, (8, 2n, 2), and its losses."""
    game = new_game(label, **setting)
    game.kept = np.zeros((len(moments), 2 * n, 2), np.float32)

    def step(i):
        players = game.G, game.D, game.g_optimizer, game.d_optimizer
        values = goodfellow_step(*players, partial(ring.sample, game.rng), 128, game.rng, k=k)
        if i + 1 in moments:
            game.kept[moments.index(i + 1)] = game.G.sample(lesson.rng(f"{label} {i}"), 2 * n)
        return values

    game.history = lesson.fit(step, moments[-1], state=vars(game), label=label)
    return game


# %%
games = {name: play(name, **setting) for name, setting in settings.items()}
second = {name: play(f"{name}, again", **setting) for name, setting in settings.items()}

# %%
fig, axes = plot.figure(1, 2, size=(5.2, 3.4), share=True)
for ax, who in zip(axes, ("discriminator", "generator")):
    losses = {name: game.history[who] for name, game in games.items()}
    plot.curves(losses, ax=ax, smooth=window, title=f"loss of the {who}")
    ax.set_ylim(0.4, 2.4)
lesson.figure(
    fig,
    "losses",
    "The two losses of each game, in nats. Decide from the losses alone when you would stop each "
    "game. (Some values of the game with high rates lie outside the axes.)",
)

# %% [markdown]
# In the plane we can find out which generator is best. The *Wasserstein distance* (`gan/10`) pairs
# the samples with as many samples of the data, so that the mean distance of a pair is as small as
# possible. For 1,000 points this takes a moment. For 10,000 images it would be too costly, and a
# distance between pixels would mean little. So it is our yardstick, the *exact distance*. It is
# exact for these points only. Two samples of the data are about 0.14 apart, and other data points
# can shift a value by nearly 0.1. We look for cheaper numbers that agree with it.

# %%
lesson.predict(
    "The figure shows the losses of the six games. Which generator is closest to the ring at the "
    "end?",
    list(games),
)

# %%
truth = ring.sample(lesson.rng("truth"), n)
other = ring.sample(lesson.rng("other"), n)


def of_every_set(number):
    """For each game the numbers of 16 sets; the last 8 are those of the game shown."""
    return {name: np.concatenate([number(second[name]), number(games[name])]) for name in games}


def exact_distances(game):
    return [wasserstein(x[:n], truth) for x in game.kept]  # the first half of each set


def losses_of(who):
    def number(game):
        return [game.history[who][max(m - window, 0) : m].mean() for m in moments]

    return of_every_set(number)


exact = of_every_set(exact_distances)
loss_of_g = losses_of("generator")
loss_of_d = losses_of("discriminator")
floor = sampling_floor(wasserstein, ring.sample, n, lesson.rng("floor"), repeats=4).mean

# %%
at_the_end = {name: float(exact[name][-1]) for name in games}
rows = [[name, loss_of_g[name][-1], loss_of_d[name][-1], exact[name][-1]] for name in games]
rows.append(["two samples of the data", None, None, floor])
lesson.table(rows, ["at the end", "loss of G", "loss of D", "exact distance"])
closest = min(at_the_end, key=at_the_end.get)
by_g = min(games, key=lambda name: loss_of_g[name][-1])
lesson.outcome(
    f"The exact distance of its samples is {at_the_end[closest]:.2f}. The lowest loss of G belongs "
    f"to the game “{by_g}”, whose samples are {at_the_end[by_g]:.2f} from the ring.",
    answer=closest,
)

# %%
fig, axes = plot.figure(2, 6, size=(1.9, 2.0))
for column, (name, game) in zip(axes.T, games.items()):
    for ax, j in zip(column, (4, 7)):
        plot.samples(game.kept[j][:n], ring, ax, bounds=3.2, title=f"{name}, {moments[j]}")
lesson.figure(
    fig,
    "samples",
    f"Samples (orange) of the six games over the density of the data (blue), after {moments[4]} "
    f"steps (above) and after {moments[7]} (below). Compare the first three columns, whose losses "
    "end at nearly the same values.",
)

# %% [markdown]
# The losses could not tell you. The first three games and the last end with nearly the same two
# losses, but their distances differ by more than a factor of two. The winner is partly luck, too.
# With another seed it is *high rates*.
#
# ## 3. Which numbers follow the quality?
#
# Why do the losses fail? A loss belongs to a pair of players. To see this, let's keep the final
# samples of two games fixed, and compute the loss of $G$ with each of the six final discriminators.


# %%
def loss_with(name, judge):
    samples = games[name].kept[-1][n:]
    return generator_loss_nonsaturating(games[judge].D(samples))


two = ("standard", "slow D")
rows = [[name, exact[name][-1], *(loss_with(name, judge) for judge in games)] for name in two]
header = ["samples of", "exact distance", *(f"D of {name}" for name in games)]
lesson.table(rows, header, title="loss of G for the same samples, by six discriminators")

# %% [markdown]
# With their own discriminators the two sets have nearly the same loss, about $\log 2 = 0.69$, which
# a discriminator that outputs 1/2 everywhere gives to any samples. With other discriminators the
# same samples of *slow D* have up to twice this loss in this run. Note that each column alone has
# the right order, with the lower loss for *standard*. One fixed judge can compare two sets. What
# fails is to compare losses that come from different judges. Therefore we measure the samples, and
# leave the game out of it. Besides the Fréchet distance and MMD to samples of the data, we
# compute two more numbers. The *sliced Wasserstein distance* is the mean, over many directions, of
# the Wasserstein distance on a line. A *two-sample test* asks how well a classifier can tell the
# samples from the data (Lopez-Paz and Oquab, 2017). Ours is a vote of nearest neighbors. Half of
# all points keep their labels, and each other point gets the label of the majority of its 31
# nearest neighbors among them. No network is trained. An accuracy of 1/2 means that the vote does
# not distinguish the two.

# %%
bandwidth = float(np.median(np.linalg.norm(truth - other, axis=1)))  # one for all


def mmd_squared(x):
    return mmd(x, other, bandwidth=bandwidth)


def sliced(x):
    return sliced_wasserstein(x, other, 100, numpy.random.default_rng(0))  # one set of directions


def frechet(x):
    return frechet_distance(*mean_and_covariance(x), *mean_and_covariance(other))


def two_sample_test(x):
    return classifier_two_sample_test(x, other, numpy.random.default_rng(0)).accuracy


measures = {
    "MMD²": mmd_squared,
    "sliced W": sliced,
    "Fréchet": frechet,
    "two-sample test": two_sample_test,
}


# %% [markdown]
# The *rank correlation* compares the order of the 96 sets by a number with their order by the exact
# distance. It is 1 for equal orders, 0 for unrelated ones, and −1 for reversed orders. As a trivial
# rival we add the number of training steps, which does not depend on any sample.
#
# One more catch: the yardstick is a Wasserstein distance, and one of the measures is one as well.
# Therefore we add a second yardstick, in which no distance enters but the radius of a mode. We know
# what fraction of the data lies within three standard deviations of each mode, and what fraction
# outside. The *misplaced* fraction is the least fraction of the samples that would have to move to
# make these nine numbers right.


# %%
def everything(by_game):
    return np.concatenate(list(by_game.values()))


def scores_of(measure):
    def number(game):
        return [measure(x[n:]) for x in game.kept]  # the second half of each set

    return of_every_set(number)


def rank_correlation(by_game, yardstick, which):
    """Of a number with a yardstick, over some of the sets; NaN if these are few."""
    if which.sum() < 10:
        return np.nan
    return spearmanr(everything(yardstick)[which], everything(by_game)[which]).statistic


scores = {what: scores_of(measure) for what, measure in measures.items()}
scores |= {"generator's loss": loss_of_g, "discriminator's loss": loss_of_d}
scores["minus the number of steps"] = {name: -np.array(2 * moments) for name in games}


# %%
def misplaced(game):
    share = np.append(np.full(8, (1 - np.exp(-4.5)) / 8), np.exp(-4.5))
    fractions = []
    for x in game.kept:
        distances = np.linalg.norm(x[:n, None] - ring.modes, axis=2)
        region = np.where(distances.min(axis=1) <= 0.3, distances.argmin(axis=1), 8)
        fractions.append(np.abs(np.bincount(region, minlength=9) / n - share).sum() / 2)
    return fractions


moved = of_every_set(misplaced)
every_set = np.ones(len(everything(exact)), bool)
close_sets = everything(exact) < 0.6
rank = {what: rank_correlation(score, exact, every_set) for what, score in scores.items()}
rank_close = {what: rank_correlation(score, exact, close_sets) for what, score in scores.items()}
rank_moved = {what: rank_correlation(score, moved, every_set) for what, score in scores.items()}


# %%
def scatter(what, ax):
    """A number against the exact distance; each game in its color of the first figure."""
    log = "xy" if what in ("MMD²", "sliced W", "Fréchet") else "x"
    title = f"{what}\nrank correlation {rank[what]:.2f}"
    for name, color in zip(games, plot.CYCLE):
        dots = {"colors": [color], "markers": True, "styles": {name: "none"}}
        plot.line(exact[name], {name: scores[what][name]}, ax, log=log, title=title, **dots)
    ax.minorticks_off()
    ax.set_xticks([0.2, 0.5, 1, 2], ["0.2", "0.5", "1", "2"])
    ax.set(xlabel="exact distance to the ring", ylabel=what)


# %%
fig, axes = plot.figure(2, 3, size=(3.5, 2.9))
for ax, what in zip(axes.flat, [*measures, "generator's loss", "discriminator's loss"]):
    scatter(what, ax)
lesson.figure(
    fig,
    "rank",
    "Six numbers against the exact distance, a dot for each of the 96 sets, in the color that its "
    "game has in the figure of the losses. A useful number rises from left to right. For the two "
    "losses, draw a horizontal line at some value, and see how different the sets on it are.",
)

# %%
rows = [[what, rank[what], rank_close[what], rank_moved[what]] for what in scores]
header = ["rank correlation of", "exact distance", f"its {close_sets.sum()} close sets"]
lesson.table(rows, [*header, "misplaced fraction"])
enough = close_sets.sum() >= 10  # the games were trained
of_losses = max(abs(rank["generator's loss"]), abs(rank["discriminator's loss"]))
of_measures = min(rank[what] for what in measures) if enough else np.nan
least = min(rank_moved[what] for what in measures) if enough else np.nan

# %%
lesson.claim(
    "rank correlation with the exact distance, least of the four measures",
    of_measures,
    at_least=0.75,
    source="seeds 0, 1 and 5577: 0.88, 0.86, 0.90; minus 0.1",
)
lesson.claim(
    "that, minus the larger absolute rank correlation of the two losses",
    of_measures - of_losses,
    at_least=0.4,
    source="seeds 0, 1 and 5577: 0.74, 0.71, 0.85; minus 0.3",
)

# %%
lesson.claim(
    "the same with the misplaced fraction",
    least - max(abs(rank_moved[f"{player}'s loss"]) for player in ("generator", "discriminator")),
    at_least=0.3,
    source="seeds 0, 1 and 5577: 0.59, 0.50, 0.68; minus 0.2",
)

# %% [markdown]
# All four measures follow the exact distance, and neither loss does. The number of steps does not
# come close to any of the four. By the misplaced fraction the four correlate less in this run, and
# the number of steps more, about as well as MMD and the Fréchet distance. The sliced W loses most
# of its lead, which it may owe to its kinship with the first yardstick. (With two other seeds the
# two-sample test is ahead of it.) The losses are last by both yardsticks.
#
# The post asks when to stop, and which model to prefer. Both questions ask which of the 96 sets to
# choose, so let's choose the set with the lowest value of each number. (The number of steps cannot
# choose among the twelve final sets. It gets their mean.)


# %%
def chosen_by(values):
    return everything(exact)[values == values.min()].mean()


choice = {what: chosen_by(everything(of)) for what, of in scores.items()}
off_balance = np.abs(everything(loss_of_d) - 2 * np.log(2))
choice["D's loss, nearest to 2 log 2"] = chosen_by(off_balance)
rows = [[what, distance, distance / everything(exact).min()] for what, distance in choice.items()]
lesson.table(rows, ["chosen by the lowest", "its exact distance", "relative to the best"])

# %%
lesson.claim(
    "exact distance of the set chosen by G's loss / worst choice of the four measures",
    choice["generator's loss"] / max(choice[what] for what in measures),
    at_least=2,
    source="seeds 0, 1 and 5577: 5.1, 5.1, 8.2; less than half of it",
)

# %% [markdown]
# In this run each measure chooses a set at most 1.3 times as far as the best one (with another
# seed, 2.6 times). The lowest loss of either player chooses a far worse one. The loss of $D$
# nearest to $2 \log 2$ was lucky. Many sets have nearly this loss, good and bad ones, and with a
# third seed it chooses one 6.3 times as far. And which of the six generators of the figure do we
# keep at the end?

# %%
of_six = {"exact": exact} | {what: scores[what] for what in measures}
of_data = [floor, *(measure(truth) for measure in measures.values())]
rows = [[name, *(values[name][-1] for values in of_six.values())] for name in games]
lesson.table([*rows, ["samples of the data", *of_data]], ["at the end", *of_six])

# %% [markdown]
# Here a measure can fail, too. The Fréchet distance of *small D* is the least of the six, although
# its samples are the farthest from the ring. But it is below that of real samples, so it cannot
# rank such sets at all. The answer to our question is to compute several numbers from the samples,
# each beside that of real data, and to leave the losses alone.
#
# ## 4. A single Gaussian
#
# Is a good rank correlation enough to trust a number? Our games fail in a few ways only, so let's
# judge a set that no game has produced, a single broad Gaussian with the mean and the covariance of
# the ring. It has no modes, and much of its mass lies in the empty middle.

# %%
lesson.predict(
    "What is the Fréchet distance between this Gaussian and the ring?",
    ["below 0.1", "0.1 to 1", "above 1"],
)

# %%
mean, covariance = mean_and_covariance(ring.sample(lesson.rng("moments"), 20 * n))
gaussian = lesson.rng("blob").multivariate_normal(mean, covariance, 2 * n).astype(np.float32)
by_frechet = frechet(gaussian[n:])

# %%
lesson.outcome(
    f"The distance is {by_frechet:.3f}, and samples of the data have {frechet(truth):.3f}, because "
    "the Fréchet distance depends only on means and covariances, and these are equal.",
    answer=["below 0.1", "0.1 to 1", "above 1"][np.searchsorted([0.1, 1], by_frechet)],
)

# %% [markdown]
# Are the other measures blind as well? We compute all four, and two variants. The first is MMD with
# a bandwidth of 0.2, about the size of a mode. The second is the Fréchet distance of *features*. In
# place of its two coordinates we describe each point by 64 waves $\cos(w \cdot x + \beta)$ with
# random directions, frequencies and phases.

# %%
waves = 3 * lesson.rng("waves").standard_normal((2, 64))
phases = lesson.rng("phases").uniform(0, 2 * np.pi, 64)


def fine_mmd(x):
    return mmd(x, other, bandwidth=0.2)


def moments_of_waves(x):
    return mean_and_covariance(np.cos(x @ waves + phases))  # of 64 features


def frechet_of_waves(x):
    return frechet_distance(*moments_of_waves(x), *moments_of_waves(other))


more = {"MMD², bandwidth 0.2": fine_mmd, "Fréchet of 64 waves": frechet_of_waves}
standard = games["standard"].kept[-1]
untrained = new_game("untrained").G.sample(lesson.rng("of the untrained"), 2 * n)
sets_of_points = [truth, gaussian[n:], standard[n:], untrained[n:]]
exact_ones = [wasserstein(x[:n], truth) for x in (gaussian, standard, untrained)]

# %%
rows = [[what, *map(measure, sets_of_points)] for what, measure in (measures | more).items()]
rows.append(["exact", floor, *exact_ones])
over_data = {row[0]: row[2] / row[1] for row in rows}
lesson.table(rows, ["", "data", "one Gaussian", "standard game", "untrained G"])

# %%
lesson.claim(
    "Fréchet distance of the one Gaussian to the ring",
    by_frechet,
    at_most=0.1,
    source="theory: 0 for equal moments; seeds 0, 1 and 5577: at most 0.0064",
)
lesson.claim(
    "the Gaussian / the data: sliced W, fine MMD², Fréchet of 64 waves",
    [over_data[what] for what in ("sliced W", *more)],
    at_least=2,
    source="seeds 0, 1 and 5577: at least 3.4",
)

# %% [markdown]
# With the wide kernel, MMD gives the Gaussian a thirtieth of the value of the untrained $G$, and
# with the narrow one nearly a quarter. (The data drew badly here. In three rows the standard game
# has a lower number.) The Fréchet distance does not respond in two coordinates, but does in 64
# waves. What a measure misses depends on its bandwidth or its features. For images this is good
# news, because we can look for better features than pixels.
#
# ## 5. Digits in the features of a classifier
#
# A classifier of digits was trained to ignore differences within a class. We use a small
# convolutional one, which comes with the package and was trained on all training digits. Its last
# hidden layer computes 64 features of an image, and we take the Fréchet distance of these. (The
# *Fréchet inception distance*, FID, of Heusel et al., 2017, uses a network that was trained on
# ImageNet.) Does this distance grow as images become worse? We damage real digits of the validation
# set with noise and with blur, and compare them with the test digits.

# %%
classifier = lesson.pretrained("digit_classifier")
split = mnist.splits()
few = lesson.size(10_000, quick=200)
reference = mnist.unit(split.test.images[:few])
size = lesson.size(10_000, quick=600)
pool = mnist.unit(split.validation.images[:size])
labels = split.validation.labels[:size]
count = lesson.size(2000, quick=100)
real = pool[:count]
fresh = pool[count : 2 * count]
accuracy = label_accuracy(classifier, reference, split.test.labels[:few])
digit_floor = digit_frechet_distance(classifier, reference, real)
rng = lesson.rng("digits")


# %%
def noisy(size):
    return (fresh + size * rng.standard_normal(fresh.shape, dtype=np.float32)).clip(0, 1)


def blurred(width):
    return gaussian_filter(fresh, (0, width, width, 0))


damaged = {
    "noise": [noisy(size) for size in (0.1, 0.2, 0.4)],
    "blur": [blurred(width) for width in (0.5, 1.0, 1.5)],
}
distances = {}
for kind, levels in damaged.items():
    distances[kind] = [digit_frechet_distance(classifier, reference, x) for x in levels]

# %%
fig, axes = plot.figure(1, 2, size=(4.4, 3.0))
names = {"noise": ["σ = 0.1", "0.2", "0.4"], "blur": ["width 0.5", "1.0", "1.5"]}
for ax, (kind, values) in zip(axes, distances.items()):
    title = f"Fréchet distance under {kind}"
    floor_line = {"real digits": digit_floor}
    plot.bars(values, names[kind], ax, numbers="%.0f", reference=floor_line, title=title)
lesson.figure(
    fig,
    "damage",
    "The Fréchet distance of 2,000 damaged digits to the test digits. The dashed line is the "
    "distance of undamaged digits. Compare how fast the bars grow from level to level.",
)

# %%
lesson.claim(
    "accuracy of the classifier on the test digits",
    accuracy,
    at_least=0.985,
    source="the shipped weights: 0.9935; margin 0.008",
)
bounds = {"noise": (5, 10, "11.8 and 31"), "blur": (3, 20, "5.6 and 51")}
for kind, values in distances.items():
    over_floor = np.array(values) / digit_floor
    first, further, seen = bounds[kind]
    source = f"worst of seeds 0, 1 and 5577: {seen}, about half of it"
    name = f"{kind}: Fréchet distances / that of real digits"
    lesson.claim(name, over_floor, at_least=first, source=source)
    name = f"{kind}: smallest increase from level to level, same unit"
    lesson.claim(name, np.diff(over_floor).min(), at_least=further, source=source)

# %% [markdown]
# It does. The mildest noise multiplies the distance by 12, and the mildest blur by 5.6. (We have
# not shown that features are needed for this. A Fréchet distance of pixels may grow as well.)
#
# ## 6. Sets of images with other faults
#
# So far we damaged real digits. Now let's build sets of images with other faults:
#
# - *only threes* and *no sevens* are real digits with classes missing.
# - *look-alikes*: for each class we take the digit that the classifier is most certain of, and the
#   100 real digits that are nearest to it. All are good and different, but they vary little.
# - *gray noise* is random gray, and *adversarial noise* is the same noise after 30 small steps. In
#   each, every pixel moves by 0.02 in the direction that makes the classifier more certain of a
#   class that we chose, a tenth of the images for each class.
# - *blank* images have no ink at all.

# %%
lesson.predict(
    "Real digits have an inception score of 9.8, and the largest possible score is 10. What is the "
    "score of the adversarial noise?",
    ["about 1", "about 5", "above the score of real digits"],
)


# %%
def uncertainty(x, y):
    """The cross-entropy of the classifier for the classes y, summed."""
    return np.sum(cross_entropy(classifier(x), y))


slope = grad(uncertainty)
gray = 0.5 * rng.random((count, 28, 28, 1), dtype=np.float32)
adversarial = gray.copy()
chosen = np.arange(count) % 10
for _ in range(30):
    for part in np.array_split(np.arange(count), max(1, count // 500)):
        direction = np.sign(slope(adversarial[part], chosen[part]))
        adversarial[part] = (adversarial[part] - np.float32(0.02) * direction).clip(0, 1)


# %%
def most_certain(digit):
    """The index of the digit of this class that the classifier is most certain of."""
    return int(np.argmax(np.where(labels == digit, of_the_label, -1)))


def look_alikes(digit, size):
    """The indices of the nearest digits of the same class, in pixels."""
    of_class = np.flatnonzero(labels == digit)
    differences = pool[of_class] - pool[most_certain(digit)]
    return of_class[np.argsort((differences**2).sum(axis=(1, 2, 3)))[:size]]


certainty = class_probabilities(classifier, pool)
of_the_label = certainty[np.arange(len(pool)), labels]  # (N,)
alike = [look_alikes(digit, lesson.size(100, quick=5)) for digit in range(10)]
real_features = digit_features(classifier, reference)[:: max(1, len(reference) // 2000)]
threes, sevens = labels == 3, labels == 7

# %%
sets = {
    "real": real,
    "noise": damaged["noise"][2],
    "blur": damaged["blur"][2],
    "only threes": pool[threes][:count],
    "no sevens": pool[~sevens][:count],
    "look-alikes": pool[np.stack(alike, axis=1).ravel()],  # (1000, 28, 28, 1), classes in turn
    "gray noise": gray,
    "adversarial noise": adversarial,
    "blank": np.zeros_like(real),
}
reports = {name: judge_digits(classifier, x, reference) for name, x in sets.items()}
score = {name: report.inception for name, report in reports.items()}
after = score["adversarial noise"]

# %%
lesson.outcome(
    f"The score is {after:.2f}, because the thirty steps raised exactly what the score measures, "
    f"certain and evenly distributed predictions. Before these steps the same noise had the score "
    f"{score['gray noise']:.2f}.",
    answer="about 1" if after < 3 else "about 5" if after < 8 else "above the score of real digits",
)

# %%
shown = np.concatenate([x[:14] for x in sets.values()])
lesson.figure(
    plot.image_grid(shown, cols=14, row_labels=list(sets)),
    "sets",
    "Fourteen images of each set. Rank the sets by eye, and compare your order with the numbers of "
    "the table.",
)

# %% [markdown]
# Let's add more numbers. *Precision* is the fraction of the generated images that lie close to a
# real one, and *recall* is the fraction of the real images that lie close to a generated one
# (Kynkäänniemi et al., 2019). *Close* means within a ball around an image of the other set, which
# reaches to that image's third nearest neighbor in its own set, in the features of the classifier.
# The last number is a simple one, the distance in pixels to the nearest real digit.


# %%
def to_the_nearest(images):
    """The mean distance, in pixels, of up to 500 images to the nearest test digit."""
    x = images[:500].reshape(-1, 784)
    r = reference.reshape(-1, 784)
    squares = (x**2).sum(axis=1)[:, None] + (r**2).sum(axis=1) - 2 * x @ r.T
    return np.sqrt(np.maximum(squares.min(axis=1), 0)).mean()


# %%
near = {name: to_the_nearest(x) for name, x in sets.items()}
rows = [[name, r.inception, r.frechet, r.precision, r.recall] for name, r in reports.items()]
header = ["set", "inception score", "Fréchet", "precision", "recall", "to the nearest digit"]
lesson.table([[*row, near[row[0]]] for row in rows], header)

# %%
of_real = reports["real"]
lesson.claim(
    "inception score / that of real digits: look-alikes, adversarial noise",
    [score[name] / of_real.inception for name in ("look-alikes", "adversarial noise")],
    at_least=1.0,
    source="theory: the maximum is 10; seeds 0, 1 and 5577: at least 1.02",
)
lesson.claim(
    "inception score: adversarial noise minus gray noise",
    score["adversarial noise"] - score["gray noise"],
    at_least=5,
    source="seeds 0, 1 and 5577: 8.9 or more",
)

# %%
lesson.claim(
    "Fréchet distance of the other sets / that of real digits",
    [report.frechet / of_real.frechet for name, report in reports.items() if name != "real"],
    at_least=3,
    source="seeds 0, 1 and 5577: at least 7.8",
)
lesson.claim(
    "to the nearest digit: real digits / blank images",
    near["real"] / near["blank"],
    at_least=1.1,
    source="seeds 0, 1 and 5577: 1.29; nothing random",
)

# %% [markdown]
# Each column has its victim. By the *inception score*, the look-alikes and the adversarial noise
# beat real digits, because neither variety within a class nor the data enter it. By the *distance
# to the nearest digit*, blank images do, because one test digit, a thin 1, has so little ink.
# *Precision* is content with a single class. The *Fréchet distance* finds a fault in every set, but
# it prefers unreadable adversarial noise to noisy digits, and gray noise to perfect threes.
#
# *Recall* (of 1,000 look-alikes and 1,030 threes, and of 2,000 images of the other sets) detects
# the look-alikes. Does a low recall always mean that the images vary little? We try it on 500 real
# digits, and on the same digits four times each, exactly or with a little noise. At the other
# extreme we take the ten most certain digits.


# %%
def nearly(images):
    return (images + 0.02 * rng.standard_normal(images.shape, dtype=np.float32)).clip(0, 1)


varied = pool[:: max(1, len(pool) // 500)][:500]
ten = pool[[most_certain(digit) for digit in range(10)]]
copies = {
    "500 real digits": varied,
    "the same, four times each": np.repeat(varied, 4, axis=0),
    "four near-copies of each": nearly(np.repeat(varied, 4, axis=0)),
    "ten digits, once each": ten,
    "200 near-copies of each": nearly(np.repeat(ten, lesson.size(200, quick=5), axis=0)),
}
recall = {}
for name, images in copies.items():
    recall[name] = precision_recall(real_features, digit_features(classifier, images)).recall

# %%
lesson.table(recall.items(), ["images", "recall"])
lesson.claim(
    "recall: 500 real digits minus four near-copies of each",
    recall["500 real digits"] - recall["four near-copies of each"],
    at_least=0.5,
    source="seeds 0, 1 and 5577: 0.86",
)
lesson.claim(
    "recall: real digits minus look-alikes",
    of_real.recall - reports["look-alikes"].recall,
    at_least=0.2,
    source="seeds 0, 1 and 5577: 0.47",
)

# %% [markdown]
# It does not. The recall of the same 500 digits falls to nothing when each occurs four times. The
# third neighbor of an image is then its own copy, and its ball is a point, or nearly so. And ten
# digits have perfect recall, because their third neighbor is a digit of another class, and the
# balls are huge. Recall compares sets only if they are equally large and their images are distinct.
#
# ## 7. The number of samples
#
# Among the sets of images, real digits always had the least Fréchet distance. But we took 2,000
# images, and even for real digits the distance was not 0. What if somebody has only 100?

# %%
lesson.predict(
    "How does the Fréchet distance of real digits to the test digits depend on their number?",
    ["it is equal within 10 %", "it is smaller for fewer digits", "it is larger for fewer digits"],
)

# %%
reference_moments = mean_and_covariance(digit_features(classifier, reference))
pool_features = digit_features(classifier, pool)
of_gaussian = lesson.rng("gaussian features")


def some_digits(size):
    return pool_features[rng.permutation(len(pool))[:size]]


def some_of_gaussian(size):
    return of_gaussian.multivariate_normal(*reference_moments, size)


def distance_of(draw, size):
    """The Fréchet distance of so many samples to the test digits, the mean of eight draws."""
    moments = [mean_and_covariance(draw(size)) for _ in range(8)]
    return np.mean([frechet_distance(*reference_moments, *one) for one in moments])


sizes = [lesson.size(k, quick=max(k // 20, 8)) for k in (100, 200, 500, 1000, 2000, 5000)]
by_size = np.array([distance_of(some_digits, size) for size in sizes])
gaussian_by_size = np.array([distance_of(some_of_gaussian, size) for size in sizes])

# %%
lesson.outcome(
    f"It falls from {by_size[0]:.1f} for {sizes[0]} digits to {by_size[-1]:.1f} for {sizes[-1]}, "
    "because the mean and the covariance of a small sample have errors, and every error adds to a "
    "squared distance.",
    answer="it is larger for fewer digits"
    if by_size[0] > 1.1 * by_size[-1]
    else "it is smaller for fewer digits"
    if by_size[-1] > 1.1 * by_size[0]
    else "it is equal within 10 %",
)

# %% [markdown]
# How fast does this error fall? The mean of $n$ samples with covariance $\Sigma$ has the covariance
# $\Sigma / n$, so its expected squared error is $\mathrm{tr}\,\Sigma / n$. The errors of the
# covariance matrix have a variance of order $1/n$ as well. We therefore expect a distance of $a +
# b/n$, where $a$ belongs to the two distributions. As a control we replace the digits with samples
# of one Gaussian that has exactly the moments of the test digits, so that $a = 0$. The check is for
# means of ten points in the plane with $\Sigma = I$, where $2/10 = 0.2$ is expected.

# %%
ax = plot.line(
    sizes,
    {"real digits": by_size, "one Gaussian, a = 0": gaussian_by_size},
    log="xy",
    markers=True,
    colors=[plot.color.real, plot.color.ink],
    xlabel="number of samples n",
    ylabel="Fréchet distance",
)
lesson.figure(
    ax,
    "number",
    "The Fréchet distance to the test digits of n real digits (blue), and of n samples of a "
    "Gaussian with the moments of the test digits (black). Compare the slopes at the right end.",
)

# %%
means = lesson.rng("means").standard_normal((2000, 10, 2)).mean(axis=1)  # (2000, 2)
lesson.check("mean of |mean|², 10 points", np.mean(np.sum(means**2, axis=1)), between=(0.17, 0.23))

# %%
lesson.claim(
    "one Gaussian: Fréchet distance of 100 samples / of 2,000",
    gaussian_by_size[0] / gaussian_by_size[4],
    between=(14, 29),
    source="theory: 20, as 1/n; seeds 0, 1 and 5577: 22, 20, 20",
)
lesson.claim(
    "Fréchet distance of 100 real digits / of 2,000",
    by_size[0] / by_size[4],
    at_least=5,
    source="seeds 0, 1 and 5577: 10.4, 10.9, 13.2; half of it",
)

# %% [markdown]
# For the Gaussian the distance falls like $1/n$, from the first point to the last. The curve of the
# digits begins on the same line, but flattens, because even all 10,000 validation digits together
# do not have exactly the moments of the test digits. The law is useful. From $d(n)$ and $d(2n)$ we
# can compute $a = 2\,d(2n) - d(n)$, the distance that infinitely many samples would leave.

# %%
limit = 2 * by_size[4] - by_size[3]
of_all = frechet_distance(*reference_moments, *mean_and_covariance(pool_features))
rows = [[f"{sizes[k]:,}", by_size[k]] for k in (3, 4)]
rows += [["extrapolated, a", limit], [f"{len(pool):,} (all)", of_all]]
lesson.table(rows, ["number of real digits", "Fréchet distance"])

# %% [markdown]
# With this $a$ the law predicts about 2.4 for all 10,000 digits, and the measured value is 2.2. A
# Fréchet distance without its number of samples means nothing. Compare only sets of equal size,
# and add the distance of as many real examples.
#
# ## What this lesson does differently
#
# - The post names no metric in this section. It returns to the question with its remedy (7), “Use
#   Better Metric of Distribution Similarity” (`gan/09`), and with the loss of the WGAN (`gan/12`).
# - Published scores use a network that was trained on ImageNet, mostly with 50,000 images.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - “Generative adversarial networks are not born with a good objection function”: read *objective
#   function*. Apart from this we found nothing to correct.
#
# ## To remember
#
# - The losses of a GAN measure a pair of players. They cannot say when to stop, or which generator
#   to keep.
# - Measure the samples instead, and compare the number with those of real data and of trivial
#   models.
# - Each measure is blind to something. The Fréchet distance depends on two moments of its features,
#   the data do not enter the inception score, and recall needs distinct images.
# - A sample of $n$ images adds about $b/n$ to the Fréchet distance.
#
# **Next:** with these numbers, which of the post's seven suggestions improve a failing GAN?
# (`gan/09`)
#
# **Your turn:** `minigen exercise start gan/08`, then `minigen run gan/08 --with
# exercises/gan_08.py`.

# %%
lesson.finish()
