# %% [markdown]
# # Evaluation: the loss says nothing, so measure
#
# This lesson runs the section *Lack of a proper evaluation metric* (gan.s11) of
# [From GAN to WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/). A GAN has no number that
# says when to stop, or which of two models is better. Three things to take away:
#
# 1. The losses of the two players do not follow the quality of the samples. They are the score of a
#    match.
# 2. Distances between *samples* do: MMD, the sliced Wasserstein distance, the Fréchet distance.
# 3. For images one measures in the features of a classifier. The inception score does too, but
#    looks at the fakes alone, and can be fooled by pictures of nothing.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/08_evaluation",
    title="Evaluation",
    post="gan",
    sections=["gan.s11"],
    figures=[],
    equations=[],
    pretrained=["digit_classifier"],
    minutes=1.2,
    sources=[
        "weng2017gan",
        "gretton2012mmd",
        "salimans2016improved",
        "heusel2017ttur",
        "lopezpaz2017classifier",
        "kynkaanniemi2019precision",
    ],
)

# %%
from types import SimpleNamespace

import autograd.numpy as np
import numpy
from scipy.ndimage import gaussian_filter

from minigen import plot
from minigen.data import mnist, toy
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
    sampling_floor,
    sliced_wasserstein,
    wasserstein,
)
from minigen.metrics.digits import (
    class_probabilities,
    digit_frechet_distance,
    judge_digits,
    label_accuracy,
)

# %% [markdown]
# ## 1. Three measures, by hand
#
# **Fréchet distance.** Put a Gaussian on each sample, and ask how far the Gaussians are apart:
#
# $$ |\mu_1 - \mu_2|^2 + \mathrm{tr}\big(\Sigma_1 + \Sigma_2 - 2 (\Sigma_1 \Sigma_2)^{1/2}\big) . $$
#
# On a line, with $N(0, 1)$ and $N(3, 2^2)$, that is $3^2 + (1 + 4 - 2\sqrt{1 \cdot 4}) = 9 + (1 -
# 2)^2 = 10$: the means differ by 3, the standard deviations by 1.
#
# **MMD.** A kernel $k(a, b) = e^{-|a-b|^2/2h^2}$ says how alike two points are: 1 if they are the
# same. Then $\mathrm{MMD}^2$ is the likeness within the one sample, plus that within the other,
# less twice that between them. One point each, $h$ apart: $1 + 1 - 2 e^{-1/2} = 0.787$.
#
# **Inception score.** A classifier says $p(\text{class} \mid x)$. The score is $\exp$ of the mean
# KL from these answers to their average. Two sure and different answers, $(1, 0)$ and $(0, 1)$: the
# average is $(\frac12, \frac12)$, each KL is $\log 2$, the score is 2.

# %%
lesson.predict(
    "What is the inception score of two sure and equal answers, and of two undecided ones?",
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
lesson.check("MMD² of two points, h apart", mmd(a, b, bandwidth=h), equals=2 - 2 * np.exp(-0.5))

# %%
different = np.array([[1.0, 0.0], [0.0, 1.0]])
equal = np.array([[1.0, 0.0], [1.0, 0.0]])
undecided = np.array([[0.5, 0.5], [0.5, 0.5]])
scores = [inception_score(p) for p in (different, equal, undecided)]

# %%
lesson.check("inception scores", scores, equals=[2.0, 1.0, 1.0])
lesson.outcome(
    "The score wants each answer sure, and all answers together varied.", answer="1 and 1"
)

# %%
lesson.change(
    "a wide kernel",
    "Change `h = 0.5` to `h = 5.0` and run again. What is MMD² of the two points, 0.5 apart, now?",
    answer="0.009975, about an eightieth of what it was. The points are a tenth of the bandwidth "
    "apart, so the kernel gives the pair $e^{-0.005}$, almost as much as a point with itself: a "
    "wide kernel does not see small differences.",
)

# %% [markdown]
# ## 2. Six games
#
# Six GANs learn the ring of `gan/02`: the usual one; one whose discriminator learns ten times too
# slowly (*lazy D*), or has only 8 units (*weak D*), or trains three times for each step of $G$
# (*keen D*); one whose generator has only 4 units a layer (*tiny G*); and one with ten times the
# learning rate (*hasty*). At eight moments we keep samples of each.

# %%
ring = toy.ring(8, 2.0, 0.1)
n = lesson.size(1000, quick=40)
window = lesson.steps(25, quick=2)
kept_after = [25, 50, 100, 200, 400, 800, 1200, 1600]
moments = [lesson.steps(k, quick=2 * j + 2) for j, k in enumerate(kept_after)]

# %%
settings = {
    "usual": {},
    "lazy D": {"d_lr": 1e-4},
    "weak D": {"d_width": 8},
    "keen D": {"k": 3},
    "tiny G": {"g_width": 4},
    "hasty": {"g_lr": 1e-2, "d_lr": 1e-2},
}


def new_game(label, g_lr=1e-3, d_lr=1e-3, g_width=64, d_width=64):
    rng = lesson.rng(label)
    G = Generator(rng, width=g_width)
    D = Discriminator(rng, width=d_width)
    g_optimizer = Adam(G, g_lr, betas=(0.0, 0.999))
    d_optimizer = Adam(D, d_lr, betas=(0.0, 0.999))
    return SimpleNamespace(G=G, D=D, g_optimizer=g_optimizer, d_optimizer=d_optimizer, rng=rng)


# %% [markdown]
# Of each moment we keep *two* samples of $n$ points: one to find out how good they are, the other
# for the measures to be tested on.


# %%
def play(label, k=1, **setting):
    """A game: the samples of its moments (8, 2n, 2), and its losses."""
    game = new_game(label, **setting)
    kept = np.zeros((len(moments), 2 * n, 2), np.float32)

    def draw(count):
        return ring.sample(game.rng, count)

    def step(i):
        players = game.G, game.D, game.g_optimizer, game.d_optimizer
        values = goodfellow_step(*players, draw, 128, game.rng, k=k)
        if i + 1 in moments:
            kept[moments.index(i + 1)] = game.G.sample(lesson.rng(f"{label} {i}"), 2 * n)
        return values

    state = vars(game) | {"kept": kept}
    return kept, lesson.fit(step, moments[-1], state=state, label=label)


# %%
games = {name: play(name, **setting) for name, setting in settings.items()}
second = {name: play(f"{name}, again", **setting) for name, setting in settings.items()}

# %%
fig, axes = plot.figure(1, 2, size=(5.2, 3.4), share=True)
for ax, who in zip(axes, ("discriminator", "generator")):
    losses = {name: history[who] for name, (_, history) in games.items()}
    plot.curves(losses, ax=ax, smooth=window, title=f"loss of the {who}")
    ax.set_ylim(0.4, 2.4)
lesson.figure(
    fig,
    "losses",
    "Which game would you stop, and when? Which generator would you take home? (A few leaps of the"
    " hasty game go beyond the picture.)",
)

# %%
lesson.predict("Whose samples are nearest to the ring at the end?", list(games))

# %% [markdown]
# ## 3. What they drew

# %%
fig, axes = plot.figure(2, 6, size=(1.9, 2.0))
for column, (name, (kept, _)) in zip(axes.T, games.items()):
    for ax, j in zip(column, (4, 7)):
        plot.samples(kept[j][:n], ring, ax, bounds=3.2, title=f"{name}, {moments[j]}")
lesson.figure(
    fig,
    "samples",
    "Above after 400 steps, below after 1,600. Find your choice. Then look for games that look"
    " alike in the last figure and different in this one.",
)

# %% [markdown]
# In the plane we can know the truth: how far the samples have to be carried to become the data is
# an assignment problem, and solved exactly (`wasserstein`, 1,000 points a side). For images nobody
# can do that. So here we test the tests: 96 clouds of known quality, half from a second beginning
# of each game; of each the losses (mean over 25 steps), and four measures from *other* samples.

# %%
truth = ring.sample(lesson.rng("truth"), n)
other = ring.sample(lesson.rng("other"), n)
bandwidth = float(np.median(np.linalg.norm(truth - other, axis=1)))  # one for all


def mmd_squared(x):
    return mmd(x, other, bandwidth=bandwidth)


def sliced(x):
    return sliced_wasserstein(x, other, 100, numpy.random.default_rng(0))  # one set of directions


def frechet(x):
    return frechet_distance(*mean_and_covariance(x), *mean_and_covariance(other))


def two_sample_test(x):
    return classifier_two_sample_test(x, other, numpy.random.default_rng(0)).accuracy


# %%
measures = {
    "MMD²": mmd_squared,
    "sliced W": sliced,
    "Fréchet": frechet,
    "two-sample test": two_sample_test,
}


def of_every_cloud(number):
    """For each game the numbers of 16 clouds; the last 8 are those of the game shown."""
    return {name: np.concatenate([number(*second[name]), number(*games[name])]) for name in games}


def exact_distances(kept, history):
    return [wasserstein(x[:n], truth) for x in kept]


exact = of_every_cloud(exact_distances)


# %%
def scores_of(measure):
    def number(kept, history):
        return [measure(x[n:]) for x in kept]

    return of_every_cloud(number)


def losses_of(who):
    def number(kept, history):
        return [history[who][m - window : m].mean() for m in moments]

    return of_every_cloud(number)


scores = {what: scores_of(measure) for what, measure in measures.items()}
scores["generator's loss"] = losses_of("generator")
scores["discriminator's loss"] = losses_of("discriminator")

# %% [markdown]
# A rank correlation of 1 means that a number orders the 96 clouds as the exact distance does; 0,
# that it might as well be drawn by lot.


# %%
def everything(by_game):
    return np.concatenate(list(by_game.values()))


def ranks(values):
    return np.argsort(np.argsort(values))  # 0 for the smallest, 95 for the largest


true_ranks = ranks(everything(exact))
rank = {}
for what, by_game in scores.items():
    rank[what] = np.corrcoef(true_ranks, ranks(everything(by_game)))[0, 1]


# %%
def scatter(what, ax):
    """A measure against the exact distance; each game in its color of the first figure."""
    log = "y" if what in ("MMD²", "sliced W", "Fréchet") else ""
    title = f"{what}\nrank correlation {rank[what]:.2f}"
    for name, color in zip(games, plot.CYCLE):
        dots = {"colors": [color], "markers": True, "styles": {name: "none"}}
        plot.line(exact[name], {name: scores[what][name]}, ax, log=log, title=title, **dots)
    ax.set(xlabel="exact distance to the ring", ylabel="")


# %%
fig, axes = plot.figure(2, 3, size=(3.5, 2.9))
for ax, what in zip(axes.flat, scores):
    scatter(what, ax)
axes[0, 0].legend()
lesson.figure(
    fig,
    "rank",
    "A useful number climbs with the true distance, from left to right. Which do? Draw a horizontal"
    " line at some loss: does it meet good clouds only?",
)

# %%
floor = sampling_floor(wasserstein, ring.sample, n, lesson.rng("floor"), repeats=4).mean
rows = []
for name in games:
    rows.append([name, *(scores[what][name][-1] for what in scores), exact[name][-1]])
title = f"Two samples of the truth are {floor:.3f} apart"
lesson.table(rows, ["at the end", *scores, "exact"], title=title)
at_the_end = {name: float(exact[name][-1]) for name in games}
lesson.outcome(
    ", ".join(f"{name}: {distance:.3f}" for name, distance in at_the_end.items()),
    answer=min(at_the_end, key=at_the_end.get),
)

# %%
lesson.claim(
    "rank correlation with the exact distance: MMD², sliced W, Fréchet, two-sample test",
    [rank[what] for what in measures],
    at_least=0.75,
)
of_losses = max(abs(rank["generator's loss"]), abs(rank["discriminator's loss"]))
ahead = min(rank[what] for what in measures) - of_losses
lesson.claim("the least of these, less the larger of the two losses'", ahead, at_least=0.3)

# %% [markdown]
# The two questions of the post: when to stop, and which model? Take, of the 96, the one that each
# number likes best.

# %%
best = {what: everything(exact)[np.argmin(everything(of))] for what, of in scores.items()}
nearest = everything(exact).min()
rows = [[what, distance, distance / nearest] for what, distance in best.items()]
lesson.table(rows, ["chosen by the lowest", "its exact distance", "times the best"])
lesson.claim(
    "the cloud that G's loss likes best: its exact distance, over that of sliced W's choice",
    best["generator's loss"] / best["sliced W"],
    at_least=3,
)

# %% [markdown]
# Why does the loss fail? It tells how $G$ does against *this* $D$, of the moment. A weak $D$ lets
# any forgery pass: loss $2\log 2$, as at the end of a perfect game. A keen one makes a good $G$
# look bad. And as both improve, nothing moves. The two-sample test is a discriminator as well, but
# a fresh one, the same for all, and marked on points that it has not seen.
#
# ## 4. What a measure does not see
#
# The Fréchet distance knows means and covariances, nothing else. Take a single broad Gaussian with
# the moments of the ring, which never heard of any bells.

# %%
lesson.predict(
    "How far is it from the ring, by the Fréchet distance?",
    ["below 0.1", "0.1 to 1", "above 1"],
)

# %%
mean, covariance = mean_and_covariance(ring.sample(lesson.rng("moments"), 20 * n))
blob = lesson.rng("blob").multivariate_normal(mean, covariance, 2 * n).astype(np.float32)
usual = games["usual"][0][-1]
rows = []
for what, measure in measures.items():
    rows.append([what, measure(blob[n:]), measure(truth), measure(usual[n:])])
rows.append(["exact", wasserstein(blob[:n], truth), floor, exact["usual"][-1]])
lesson.table(rows, ["", "one Gaussian", "the truth itself", "the usual game"])
lesson.claim("Fréchet distance of the one Gaussian to the ring", rows[2][1], at_most=0.1)
lesson.claim("sliced W of the same, times that of the truth", rows[1][1] / rows[1][2], at_least=2)

# %%
by_frechet = rows[2][1]
lesson.outcome(
    f"{by_frechet:.3f}, and the truth itself {rows[2][2]:.3f}.",
    answer=["below 0.1", "0.1 to 1", "above 1"][np.searchsorted([0.1, 1], by_frechet)],
)

# %% [markdown]
# A distance of nothing, for a cloud that is empty where the ring is full. MMD with so wide a kernel
# sees little of it; the sliced W and the two-sample test see it well. A measure that followed the
# quality of six games can still miss a fault, and much hangs on *what* the points are. In the plane
# two moments are poor; in the features of a network that can read they say much more.
#
# ## 5. Digits, through a reader's eyes
#
# The project's instrument: a small convolutional network that reads digits. It comes with the
# package, trained on all training digits. Its last hidden layer, 64 numbers, is where we compare.

# %%
classifier = lesson.pretrained("digit_classifier")
split = mnist.splits()
few = lesson.size(10_000, quick=200)
reference = mnist.unit(split.test.images)[:few]
reference_labels = split.test.labels[:few]
accuracy = label_accuracy(classifier, reference, reference_labels)
lesson.claim("accuracy of the classifier on the test digits", accuracy, at_least=0.985)

# %% [markdown]
# Other real digits, from the validation part, are damaged in two ways, each in three degrees.

# %%
size = lesson.size(10_000, quick=600)
pool = mnist.unit(split.validation.images)[:size]
labels = split.validation.labels[:size]
count = lesson.size(2000, quick=100)
real = pool[:count]
fresh = pool[count : 2 * count]
rng = lesson.rng("digits")


def noisy(size):
    return (fresh + size * rng.standard_normal(fresh.shape, dtype=np.float32)).clip(0, 1)


def blurred(width):
    return gaussian_filter(fresh, (0, width, width, 0))


# %%
damaged = {
    "noise": [noisy(size) for size in (0.1, 0.2, 0.4)],
    "blur": [blurred(width) for width in (0.5, 1.0, 1.5)],
}
damage = {}
for kind, degrees in damaged.items():
    damage[kind] = [digit_frechet_distance(classifier, reference, x) for x in degrees]
digit_floor = digit_frechet_distance(classifier, reference, real)

# %%
fig, axes = plot.figure(1, 2, size=(4.4, 3.0))
degrees = ["a little", "more", "much"]
for ax, (kind, values) in zip(axes, damage.items()):
    title = f"Fréchet distance under {kind}"
    floor_line = {"real digits": digit_floor}
    plot.bars(values, degrees, ax, numbers="%.0f", reference=floor_line, title=title)
lesson.figure(fig, "damage", "Each step of damage costs, long before a reader gives up.")

# %%
for kind, values in damage.items():
    over_floor = np.array(values) / digit_floor
    lesson.claim(f"{kind}: Fréchet distances over that of real digits", over_floor, at_least=3)
    growth = np.diff(values).min() / digit_floor
    lesson.claim(f"{kind}: it grows with the damage, by at least", growth, at_least=10)

# %% [markdown]
# ## 6. Four forgeries for the inception score
#
# Now fool the other measure. Four sets, beside real digits:
#
# - *only threes*: real ones;
# - *no sevens*: real digits, one class left out;
# - *ten images*: of each class the one digit that the classifier is surest of, again and again;
# - *nothing*: gray noise, pushed uphill for 30 small steps until the classifier is sure of a digit
#   that we name.

# %%
lesson.predict(
    "Which of these will the inception score like best?",
    ["real", "noise", "only threes", "no sevens", "ten images", "nothing"],
)

# %%
certainty = class_probabilities(classifier, pool)
of_the_label = certainty[np.arange(len(pool)), labels]  # (N,)
surest = [int(np.argmax(np.where(labels == d, of_the_label, -1))) for d in range(10)]

# %% [markdown]
# And the pictures of nothing: gray noise, and 30 steps that each move every pixel by 0.02 toward a
# surer answer.


# %%
def unsure(x, y):
    """The cross-entropy of the classifier against the classes that we name."""
    return np.sum(cross_entropy(classifier(x), y))


uphill = grad(unsure)
nothing = 0.5 * rng.random((count, 28, 28, 1), dtype=np.float32)
wanted = np.arange(count) % 10
for _ in range(30):
    for part in np.array_split(np.arange(count), max(1, count // 500)):
        direction = np.sign(uphill(nothing[part], wanted[part]))
        nothing[part] = (nothing[part] - np.float32(0.02) * direction).clip(0, 1)

# %%
sets = {
    "real": real,
    "noise": damaged["noise"][2],
    "blur": damaged["blur"][2],
    "only threes": pool[labels == 3][:count],
    "no sevens": pool[labels != 7][:count],
    "ten images": pool[surest][np.arange(count) % 10],
    "nothing": nothing,
}
shown = np.concatenate([x[:14] for x in sets.values()])
lesson.figure(
    plot.image_grid(shown, cols=14, row_labels=list(sets)),
    "sets",
    "One row for each set. Rank them with your own eyes before you read the table. In the last row"
    " you may find a stroke here and there, hardly a digit.",
)

# %%
reports = {name: judge_digits(classifier, x, reference) for name, x in sets.items()}
rows = []
for name, r in reports.items():
    rows.append([name, r.inception, r.frechet, r.precision, r.recall, r.found])
header = ["set", "inception score", "Fréchet", "precision", "recall", "digits found"]
lesson.table(rows, header)

# %%
score = {name: report.inception for name, report in reports.items()}
ten = score["ten images"] / score["real"]
lesson.claim("ten images: inception score over that of real digits", ten, at_least=1.0)
lesson.claim("nothing: the same", score["nothing"] / score["real"], at_least=1.0)
lesson.claim("only threes: inception score", score["only threes"], at_most=1.5)
distances = [report.frechet for report in reports.values()]
lesson.claim(
    "Fréchet distance of the six, over that of real digits",
    [distance / distances[0] for distance in distances[1:]],
    at_least=3,
)
lesson.claim("recall of the ten images", reports["ten images"].recall, at_most=0.05)

# %%
order = sorted(score, key=score.get, reverse=True)
lesson.outcome(
    "In this order: " + ", ".join(f"{name} {score[name]:.2f}" for name in order),
    answer=None if order[0] == "blur" else order[0],
)

# %% [markdown]
# The score rewards ten images for being sure and evenly spread: *variety within a class* it cannot
# see. It rewards pictures of nothing, for it asks a network that has to answer. Recall sees the
# first (hardly a real digit has a fake near it), precision the second.
#
# It also never looks at the data. Let the task be digits from 0 to 4.

# %%
lesson.predict(
    "Which does the inception score prefer?",
    ["a perfect sample of 0 to 4", "all ten digits", "neither, within a tenth"],
)

# %%
low = labels < 5
low_reference = reference[reference_labels < 5]


def both_measures(x):
    inception = inception_score(class_probabilities(classifier, x))
    return inception, digit_frechet_distance(classifier, low_reference, x)


right = both_measures(pool[low][:count])
wrong = both_measures(real)
rows = [["digits 0 to 4", *right], ["all ten", *wrong]]
lesson.table(rows, ["samples, when the data are 0 to 4", "inception score", "Fréchet"])
lesson.claim("inception score: the wrong set over the right one", wrong[0] / right[0], at_least=1.5)
lesson.claim("Fréchet distance: the same", wrong[1] / right[1], at_least=20)

# %%
favor = "all ten digits" if wrong[0] > right[0] else "a perfect sample of 0 to 4"
lesson.outcome(
    f"{right[0]:.2f} for a perfect sample, {wrong[0]:.2f} for all ten.",
    answer="neither, within a tenth" if 0.9 < wrong[0] / right[0] < 1.1 else favor,
)

# %% [markdown]
# ## 7. The trap of the Fréchet distance
#
# Take 100 real digits, or 500, or 2,000.

# %%
lesson.predict(
    "How far are they from the test digits?",
    ["equally far, within a tenth", "the fewer, the nearer", "the fewer, the farther"],
)


# %%
def distance_of(size):
    """The Fréchet distance of so many real digits, in the mean of three draws."""
    draws = [pool[rng.permutation(len(pool))[:size]] for _ in range(3)]
    return np.mean([digit_frechet_distance(classifier, reference, x) for x in draws])


sizes = [lesson.size(k, quick=k // 20) for k in (100, 500, 2000)]
by_size = [distance_of(size) for size in sizes]
header = [f"{size} real digits" for size in sizes]
lesson.table([by_size], header, title="Fréchet distance to the test digits")
lesson.claim(
    "100 real digits: Fréchet distance, times that of 2,000", by_size[0] / by_size[2], at_least=3
)

# %%
farther = "the fewer, the farther" if by_size[0] > by_size[2] else "the fewer, the nearer"
lesson.outcome(
    ", ".join(f"{value:.2f} ({size})" for size, value in zip(sizes, by_size)),
    answer=farther if max(by_size) > 1.1 * min(by_size) else "equally far, within a tenth",
)

# %% [markdown]
# A covariance of 64 × 64 from few samples comes out crooked, and crooked is far. Compare only sets
# of one size, and always with the floor that the truth sets.
#
# ## 8. Where the post is loose
#
# - It says that a GAN has no good sign of progress. Its *loss* is none; sections 3 and 5 had
#   several signs, all of them beside the game. Of these the post names none, not even in its list
#   of remedies.
# - It is not the adversarial idea that fails. A discriminator trained to the end, against a $G$
#   that waits, estimates JS (`gan/03`); a critic estimates W (`gan/12`), and there the loss of the
#   game itself follows the quality.
#
# **Left out:** the original scores use a network trained on ImageNet, and 50,000 images. **Next:**
# with these measures in hand, `gan/09` can say which of the remedies for bad training help, and by
# how much.
#
# **Your turn:** `minigen exercise start gan/08`, then `minigen run gan/08 --with
# exercises/gan_08.py`.

# %%
lesson.finish()
