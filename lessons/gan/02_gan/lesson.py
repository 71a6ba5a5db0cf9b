# %% [markdown]
# # Generative adversarial networks
#
# The section *Generative Adversarial Network (GAN)* (gan.s02) of
# [From GAN to WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/), run. To take away:
#
# 1. Two networks can learn a density that neither ever writes down: one makes samples, the other
#    tells them from real ones.
# 2. The generator has two losses to choose from. They want the same, and do not pull alike.
# 3. What the losses of such a game tell, and what has to be measured on the samples.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/02_gan",
    title="Generative adversarial networks",
    post="gan",
    sections=["gan.s02"],
    figures=["gan.f02"],
    equations=["gan.03"],
    minutes=1.2,
    sources=["weng2017gan", "goodfellow2014gan", "salimans2016improved"],
)

# %%
from types import SimpleNamespace

import autograd.numpy as np
import numpy

from minigen import plot
from minigen.data import toy
from minigen.metrics import mode_coverage, sampling_floor, sliced_wasserstein
from minigen.optim import EMA, SGD, Adam, cosine
from minigen.tensor import grad, leaves, sigmoid

# %%
from minigen.gan.losses import (
    discriminator_loss,
    generator_loss_minimax,
    generator_loss_nonsaturating,
)
from minigen.gan.networks import Discriminator, Generator
from minigen.gan.train import goodfellow_step

# %% [markdown]
# ## 1. A forger and a detective
#
# You have a heap of real examples and no formula for where they come from. How can a machine learn
# to make more? With no formula it cannot be told how probable its examples are. But it can be told
# whether they would *pass*: a second machine, the discriminator $D$, looks at an example and says
# with which probability it is real. The generator $G$ turns noise $z$ into fakes. $D$ wants to be
# right, $G$ wants $D$ to be wrong (Eq. gan.03):
#
# $$
# \min_G \max_D L(D, G) = \mathbb{E}_{x \sim p_r}[\log D(x)]
#   + \mathbb{E}_{z \sim p_z}[\log(1 - D(G(z)))].
# $$
#
# Take one real example, for which $D$ says 0.8, and one fake, for which it says 0.4. Minus its
# reward, $D$'s loss, is $-\log 0.8 - \log 0.6 = 0.223 + 0.511 = 0.734$. Only the second term
# depends on $G$: $\log 0.6 = -0.511$ for it to lower. What one wins is what the other loses: a
# *zero-sum* game.

# %%
lesson.predict(
    "What is the loss of a D that cannot tell at all, and says one half to everything?",
    ["0, for it is never wrong", "log 2 = 0.693", "2 log 2 = 1.386", "infinite"],
)

# %% [markdown]
# The networks put out *logits*, numbers of any size: $D = \sigma(\text{logit})$, and so the losses
# take logits. They are short enough to be yours:

# %%
lesson.exercise("gan/02/discriminator_loss")
lesson.exercise("gan/02/generator_loss_minimax")
lesson.exercise("gan/02/generator_loss_nonsaturating")

# %%
lesson.show_source(discriminator_loss, generator_loss_minimax, generator_loss_nonsaturating)


# %%
def logit(d):
    return np.array([np.log(d / (1 - d))])


loss = discriminator_loss(logit(0.8), logit(0.4))
lesson.check("D's loss at 0.8 on real, 0.4 on fake", loss, equals=0.7340, atol=5e-5)
lesson.check("G's part of it", generator_loss_minimax(logit(0.4)), equals=np.log(0.6))
undecided = discriminator_loss(logit(0.5), logit(0.5))

# %%
lesson.check("D's loss when it cannot tell", undecided, equals=2 * np.log(2))
lesson.outcome(
    f"{undecided:.3f}: two coin flips, one for each mean.",
    answer="2 log 2 = 1.386",
)

# %% [markdown]
# Remember the number: it is where this game should end.

# %%
lesson.change(
    "a real example, recognized",
    "Change the 0.8 in `logit(0.8)` to 0.999 and run again. How much does a real example still add "
    "to D's loss, once D is almost sure of it?",
    answer="Almost nothing: $-\\log 0.999 = 0.001$. The loss is 0.5118, and all but this "
    "thousandth is the term of the fake, $-\\log 0.6 = 0.5108$.",
)

# %% [markdown]
# ## 2. Which way, and how hard
#
# Early on every fake is poor, and $D$ says 0.001. The generator could lower $\log(1 - D)$, as the
# formula has it, or instead $-\log D$: both fall when $D$ believes more. The first is the loss of
# the *minimax* formula, the second is called *non-saturating*. Goodfellow et al. used one of them.

# %%
lesson.predict(
    "At D = 0.001, how hard does -log D pull at a fake's logit, next to log(1 - D)?",
    ["equally hard", "some 10 times as hard", "some 1,000 times as hard", "a thousandth as hard"],
)

# %%
logits = np.linspace(-8, 8, 161)


def value(loss):
    return np.array([loss(l[None]) for l in logits])


def pull(loss):
    return np.array([-grad(loss)(l[None])[0] for l in logits])


# %%
both = {
    "minimax, log(1 - D)": generator_loss_minimax,
    "non-saturating, -log D": generator_loss_nonsaturating,
}
values = {name: value(loss) for name, loss in both.items()}
pulls = {name: pull(loss) for name, loss in both.items()}

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.6, 3.4))
plot.line(logits, values, left, title="two losses for the generator, nats")
plot.line(logits, pulls, right, log=True, title="their pull: minus the slope")
for ax in (left, right):
    ax.set_xlabel("logit of a fake")
lesson.figure(
    fig,
    "saturation",
    "At the left end D is sure that the example is fake: there the blue loss is flat, and its pull"
    " dies out. The orange one pulls with all its might. At the right end they have changed"
    " places.",
)

# %%
at_a_thousandth = [-grad(loss)(logit(0.001))[0] for loss in both.values()]
lesson.check("pulls at D = 0.001", at_a_thousandth, equals=[0.001, 0.999])
lesson.outcome(
    f"{at_a_thousandth[1]:.3f} against {at_a_thousandth[0]:.3f}.",
    answer="some 1,000 times as hard",
)

# %% [markdown]
# The minimax loss *saturates* just where the generator has most to learn. Goodfellow et al. trained
# with the non-saturating one.
#
# ## 3. The whole game with two numbers
#
# One real example, at 1. One fake, at $y$: the generator is this number and starts at 0. The
# discriminator is one number too, $D(x) = \sigma(a x)$ with $a = 0$ at first, so it says one half
# everywhere. With steps of size 1:
#
# - $D$ moves first. Its gradient in $a$ is $-(1 - D(1)) \cdot 1 + D(y) \cdot y = -\frac12$, so $a$
#   becomes $\frac12$: right is real.
# - Now $G$. The gradient of $-\log D(y)$ is $-(1 - D(y))\,a = -\frac12 \cdot \frac12$, so $y$
#   becomes $\frac14$: it goes right.

# %%
lesson.predict(
    "Where will y go in 40 rounds?",
    [
        "up to 1, and stop",
        "past 1, and back and forth until it rests there",
        "past 1, and back and forth ever more widely",
        "past 1, and away for good",
    ],
)

# %%
a = 0.0
y = 0.0
rounds = [(a, y)]
for _ in range(40):
    a += (1 - sigmoid(a)) - sigmoid(a * y) * y
    y += (1 - sigmoid(a * y)) * a
    rounds.append((float(a), float(y)))
lesson.check("after one round: a, y", rounds[1], equals=(0.5, 0.25))

# %% [markdown]
# The step of $D$ was worked out by hand. Does it agree with the derivative of its loss?

# %%
first_a, first_y = rounds[1]


def loss_of_d(a):
    return discriminator_loss(a * np.ones(1), a * np.array([first_y]))


by_hand = (1 - sigmoid(first_a)) - sigmoid(first_a * first_y) * first_y
slope = grad(loss_of_d)(first_a)
lesson.check("D's step is minus the gradient of its loss", -slope, equals=by_hand)

# %%
slopes, fakes = np.array(rounds).T
ax = plot.line(
    np.arange(41),
    {"fake y": fakes, "slope a of D": slopes},
    markers=True,
    colors=[plot.color.fake, plot.color.model],
    reference={"real": 1.0},
    xlabel="round",
    title="a game of two numbers",
)
lesson.figure(
    ax,
    "two_numbers",
    "The fake overshoots: when it arrives at 1, D still leans right. Then D turns round and "
    "fetches it back. Both swing before they rest, the fake on the real one and D at one half.",
)

# %%
lesson.outcome(
    f"It went to {fakes.max():.2f} at the farthest, and ended at {fakes[-1]:.2f}.",
    answer="past 1, and back and forth until it rests there",
)

# %% [markdown]
# No loss was minimized. Each player chased the other, and they came to rest where neither can gain:
# $y = 1$, $D = \frac12$. In this little game the swings die out. In `gan/04` you meet one in which
# they grow.

# %%
lesson.change(
    "a step of size 8",
    "Give the generator a step of size 8: change its line to `y += 8 * (1 - sigmoid(a * y)) * a`, "
    "and run again. Do the swings still die out?",
    answer="No, they grow. After the first round the fake is at 2, as far from the real example as "
    "at the start, on the other side. The next rounds bring it to -1.57, 6.57 and -34.67. Each "
    "step follows the gradient, but at this size it leads past the real example and further away.",
)

# %% [markdown]
# ## 4. Two networks
#
# The same with networks in place of the numbers, for points in the plane: $D$ and $G$ have three
# hidden layers of 128. Both learn by Adam. Its first beta is 0, so it keeps no direction from step
# to step, for the opponent has moved by then (`start/01`, section 4).

# %%
cfg = lesson.configure(batch=256, width=128, lr=1e-3, betas=(0.0, 0.99))
shown_G = Generator(lesson.rng("shown"), width=cfg.width)
shown_D = Discriminator(lesson.rng("shown"), width=cfg.width)
parts = {
    "z": plot.node("noise\n$z \\sim N(0, I)$", "noise", (0, 0)),
    "G": plot.node(shown_G, at=(1, 0), name="generator G"),
    "fake": plot.node("fake $G(z)$", "fake", (2, 0)),
    "x": plot.node("real $x \\sim p_r$", "data", (2, 1)),
    "D": plot.node(shown_D, at=(3, 0.5), name="discriminator D"),
    "p": plot.node("$D$: real?", "loss", (4, 0.5)),
}

# %%
arrows = [
    "z -> G -> fake -> D -> p",
    "x -> D",
    "p --> D: be right",
    plot.edge("p", "G", "be believed", dashed=True, route="over"),
]
lesson.figure(
    plot.schematic(parts, arrows),
    "f02_data_flow",
    "Follow the dashed arrows, the gradients: one answer teaches both networks, with opposite "
    "aims. No real example ever reaches the generator.",
)
lesson.show_source(goodfellow_step)

# %% [markdown]
# ## 5. The chase
#
# The data: eight narrow bells on a ring of radius 2, standard deviation $\sigma = 0.1$. That is
# hard: a network is continuous, and to reach eight separate places from one cloud of $z$ it has to
# tear the cloud apart. A sample within $3\sigma$ of a center counts as good. The learning rates
# fall to zero, and beside the weights of $G$ we keep their running mean over the last steps, an
# *exponential moving average* (EMA): it swings less than $G$ itself.

# %%
ring = toy.ring(8, 2.0, 0.1)
n = lesson.size(5000)


def quality(x):
    """The bells found (with 1 % of the samples or more), and the share of good samples."""
    return mode_coverage(x, ring.modes, ring.std, min_count=len(x) // 100)


# %% [markdown]
# A game is two networks with their optimizers, the moving average, and one random stream.


# %%
def new_game(label, d_lr=cfg.lr):
    rng = lesson.rng(label)
    G = Generator(rng, width=cfg.width)
    D = Discriminator(rng, width=cfg.width)
    return SimpleNamespace(
        G=G,
        D=D,
        g_optimizer=Adam(G, cfg.lr, betas=cfg.betas),
        d_optimizer=Adam(D, d_lr, betas=cfg.betas),
        average=EMA(G),
        rng=rng,
    )


# %% [markdown]
# One step of it is the `goodfellow_step` that you have just read, with learning rates that fall.


# %%
def turns(game, density, steps, move=goodfellow_step):
    fall = cosine(1.0, steps)
    g_lr = game.g_optimizer.lr
    d_lr = game.d_optimizer.lr

    def draw(n):
        return density.sample(game.rng, n)

    def step(i):
        game.g_optimizer.lr = g_lr * fall(i)
        game.d_optimizer.lr = d_lr * fall(i)
        players = game.G, game.D, game.g_optimizer, game.d_optimizer
        values = move(*players, draw, cfg.batch, game.rng)
        game.average.update(game.G)
        return values

    return step


# %% [markdown]
# The first game is filmed: at some thirty moments we keep what the same 1,000 latents become, and
# what $D$ says on a grid of 80 × 80 points.

# %%
steps = lesson.steps(2400)
times = np.unique(np.linspace(0, steps, lesson.size(31, quick=4)).round().astype(int)[1:])
film_z = shown_G.latent(lesson.rng("film"), 1000)  # the same noise in every picture
cells = 80
box = (-3.2, 3.2, -3.2, 3.2)
centers = ((np.arange(cells) + 0.5) / cells * 6.4 - 3.2).astype(np.float32)
plane = np.stack(np.meshgrid(centers, centers), axis=-1).reshape(-1, 2)  # (80·80, 2)
film = {
    "fakes": np.zeros((len(times), 1000, 2), np.float32),
    "map": np.zeros((len(times), cells**2), np.float32),
}

# %%
lesson.predict(
    "At the end of the game, what will D say where the real points lie?",
    ["real, for sure: above 0.9", "about one half", "fake, for sure: below 0.1"],
)

# %%
game = new_game("ring 1")


def watch(i, _):
    for k in np.flatnonzero(times == i + 1):
        film["fakes"][k] = game.G(film_z)
        film["map"][k] = sigmoid(game.D(plane))


state = vars(game) | film
history = lesson.fit(turns(game, ring, steps), steps, state=state, on_step=watch, label="ring 1")
G = game.average.model
lesson.sampler("ring", G.sample)


# %%
def picture(k, ax):
    def answers(_):
        return film["map"][k]

    plot.heatmap(answers, box, ax, n=cells, limits=(0, 1), center=0.5, colorbar=False)
    fakes = film["fakes"][k]
    plot.samples(fakes, ax=ax, bounds=box, color=plot.color.ink, title=f"step {times[k]}")
    ax.plot(*ring.modes.T, "o", ms=11, mfc="none", mec=plot.color.real)
    return ax


# %%
fig, axes = plot.figure(2, 3, size=(3.1, 3.2))
for k, ax in zip(np.linspace(0, len(times) - 1, 6).round().astype(int), axes.flat):
    picture(k, ax)
lesson.figure(
    fig,
    "chase",
    "Black: fakes. Circles: where the real points are. Blue: D says real, orange: fake, white: one"
    " half. Follow one bell: where fakes are missing it is blue, where they crowd it turns orange,"
    " and at last white. The spokes reach far outside.",
)

# %%
frames = (picture(k, plot.figure(1, 1, size=(4, 4))[1]) for k in range(len(times)))
lesson.animation(
    frames,
    "chase_film",
    "The same as a film: the cloud tears, and a few fakes stay on the threads between the bells.",
    fps=5,
)

# %%
lesson.play(
    "chase_steps",
    {"step": times},
    points=film["fakes"][:, :500],
    truth=ring.sample(lesson.rng("shown truth"), 500),
    bounds=3.2,
    time="step",
    caption="What the same 500 latents become as the generator is trained. Samples of the data are"
    " drawn underneath.",
)

# %%
on_real = sigmoid(game.D(ring.sample(lesson.rng("on the bells"), n)))
said = float(np.median(on_real))
about_half = "about one half" if said >= 0.1 else "fake, for sure: below 0.1"
lesson.outcome(
    f"In the median it says {said:.2f} on real points.",
    answer="real, for sure: above 0.9" if said > 0.9 else about_half,
)

# %% [markdown]
# Between the bells $D$ says fake, for fakes were caught there. Far outside it says what its spokes
# happen to say, for nobody asked it there: $D$ is no density.
#
# ## 6. What the curves do not tell
#
# Here come both losses, and below them the share of good samples (of $G$ itself, not of its moving
# average).

# %%
lesson.predict(
    "While the share of good samples climbs from a half to its best, what will D's loss do?",
    ["fall by more than 0.2", "stay within 0.2", "climb by more than 0.2"],
)

# %%
share = [quality(fakes).high_quality for fakes in film["fakes"]]
shades = {"discriminator": plot.color.model, "generator": plot.color.fake}
even = {"2 log 2": 2 * np.log(2)}

# %%
fig, (upper, lower) = plot.figure(2, 1, size=(7.5, 2.5), share="x")
title = "what the two networks see"
plot.curves(history, ax=upper, smooth=100, colors=shades, reference=even, title=title)
upper.set(xlabel="", ylabel="nats")
plot.line(times, share, lower, markers=True, title="what we see")
lower.set(xlabel="step", ylabel="share of good samples")
lesson.figure(
    fig,
    "curves_and_quality",
    "From about step 500 on the losses stand still. The share of good samples does not: "
    "it has a long way to climb, and the losses never mention it.",
)

# %%
d_loss = history["discriminator"][-100:].mean()
source = "2 log 2 = 1.386"
lesson.claim("D's loss at the end, nats", d_loss, between=(1.10, 1.40), source=source)
knew = d_loss - history["discriminator"].min()
lesson.claim("D's loss at the end, above its lowest on the way, nats", knew, at_least=0.1)

# %%
best_half = np.flatnonzero(np.array(share) >= max(share) / 2)
first, last = times[best_half[0]], times[int(np.argmax(share))]
losses_of_d = [history["discriminator"][max(0, i - 100) : i].mean() for i in (first, last)]
change = losses_of_d[1] - losses_of_d[0]
moved = "climb by more than 0.2" if change > 0 else "fall by more than 0.2"
lesson.outcome(
    f"From step {first} to step {last} it went from {losses_of_d[0]:.2f} to {losses_of_d[1]:.2f}.",
    answer="stay within 0.2" if abs(change) <= 0.2 else moved,
)

# %% [markdown]
# Both players improve, and so each keeps the other's loss where it is. Nor does a loss near $2\log
# 2$ prove much: a $D$ too weak to tell has the same. So measure the samples.
#
# ## 7. How good?
#
# Three games on the ring from three beginnings, one with the minimax loss, and two on the moons.
# (Three, since now and then a game loses a bell or two on the way: one of thirty did.)
#
# On a line it is easy to say how far samples have to be carried to become others: sort both, and
# pair them in order. In the plane, look at them from many sides, each time at their shadows on a
# line, and average: that is the *sliced Wasserstein distance* (`gan/10`). Its *sampling floor* is
# what two samples of the truth have between them.

# %%
lesson.predict(
    "The minimax loss on the ring, next to the worst of the three other games, will come",
    ["as near to the data", "up to three times as far", "more than three times as far: it fails"],
)

# %%
moons = toy.two_moons(0.1)


def play(label, density, steps, move=goodfellow_step):
    """A whole game; returns the moving average of its generator."""
    game = new_game(label)
    lesson.fit(turns(game, density, steps, move), steps, state=vars(game), label=label)
    return game.average.model


def minimax_step(*players):
    return goodfellow_step(*players, saturating=True)


# %%
moon_steps = lesson.steps(1500)
games = {
    "ring 1": (ring, G),
    "ring 2": (ring, play("ring 2", ring, steps)),
    "ring 3": (ring, play("ring 3", ring, steps)),
    "ring, minimax": (ring, play("ring, minimax", ring, steps, minimax_step)),
    "moons": (moons, play("moons", moons, moon_steps)),
    "moons, minimax": (moons, play("moons, minimax", moons, moon_steps, minimax_step)),
}


# %%
def distance(x, y):
    return sliced_wasserstein(x, y, 200, numpy.random.default_rng(0))  # the same directions for all


def floor(density):
    return sampling_floor(distance, density.sample, n, lesson.rng("floor")).mean


floors = {ring: floor(ring), moons: floor(moons)}

# %%
rows = {}
clouds = {}
for name, (density, model) in games.items():
    x = model.sample(lesson.rng(f"judge {name}"), n)
    clouds[name] = x
    found = quality(x) if density is ring else (None, None)
    away = distance(x, density.sample(lesson.rng("truth"), n))
    rows[name] = [*found, away, floors[density]]
table = [[name, *row] for name, row in rows.items()]
lesson.table(table, ["game", "bells of 8", "good", "distance", "its floor"])

# %%
three = [rows[f"ring {k}"] for k in (1, 2, 3)]
times_as_far = rows["ring, minimax"][2] / max(row[2] for row in three)
far = "more than three times as far: it fails" if times_as_far > 3 else "up to three times as far"
lesson.outcome(
    f"{rows['ring, minimax'][2]:.3f}, {times_as_far:.2f} times the worst of the three.",
    answer="as near to the data" if times_as_far <= 1.1 else far,
)

# %%
modes, _, away, _ = np.median(three, axis=0)
lesson.claim("bells found of 8, the middle one of three games", modes, at_least=7)
lesson.claim("share of good samples, three games", [row[1] for row in three], at_least=0.85)
lesson.claim("distance, the middle one of three games", away, at_most=0.12)
lesson.claim("distance on the moons", rows["moons"][2], at_most=0.1)

# %%
fig, axes = plot.figure(1, 4, size=(3.1, 3.2))
for ax, name in zip(axes, ["ring 1", "ring, minimax", "moons", "moons, minimax"]):
    plot.samples(clouds[name], games[name][0], ax, title=name)
lesson.figure(
    fig,
    "games",
    "Samples over the true density. Look at the threads between the bells, and into one bell: the"
    " truth is round, the fakes are a bent line. On the moons look for the strays and at the ends.",
)

# %% [markdown]
# The minimax loss need not fail. $D$ and $G$ learned at the same pace, so $D$ was seldom sure. And
# Adam divides each gradient by its own size, so a pull of a thousandth moves $G$ no less. Both can
# be taken away.
#
# ## 8. Wrong turns
#
# **A discriminator that is sure.** $G$ begins far off, at (4, 4). $D$ trains alone for 300 steps;
# then both play, $G$ by plain gradient descent.


# %%
def far_off():
    """The players of a game in which G begins far from the data and moves by plain descent."""
    rng = lesson.rng("behind")
    G = Generator(rng, width=cfg.width)
    D = Discriminator(rng, width=cfg.width)
    G.body.layers[-1].b += 4
    return SimpleNamespace(
        G=G, D=D, g_optimizer=SGD(G, 0.05), d_optimizer=Adam(D, cfg.lr, betas=cfg.betas), rng=rng
    )


def gradient_length(game, loss):
    """The length of the gradient that reaches G through D."""
    grads = grad(lambda G: loss(game.D(G(film_z))))(game.G)
    return np.sqrt(sum(np.sum(part**2) for part in leaves(grads)))


# %%
alone = lesson.steps(300, quick=5)


def waiting_turns(game, move):
    """Steps in which G stands still while D trains alone, and moves from then on."""

    def draw(n):
        return ring.sample(game.rng, n)

    def step(i):
        game.g_optimizer.lr = 0.05 * (i >= alone)
        move(game.G, game.D, game.g_optimizer, game.d_optimizer, draw, cfg.batch, game.rng)
        return {}

    return step


# %%
def behind(label, move, loss):
    game = far_off()

    def look(i, _):
        fakes = game.G(film_z)
        return {
            "pull": gradient_length(game, loss),
            "D on fakes": sigmoid(game.D(fakes)).mean(),
            "distance": np.linalg.norm(fakes.mean(axis=0)),
        }

    count = alone + lesson.steps(60, quick=5)
    step = waiting_turns(game, move)
    return lesson.fit(step, count, state=vars(game), on_step=look, label=label)


# %%
minimax = behind("behind, minimax", minimax_step, generator_loss_minimax)
nonsaturating = behind("behind, non-saturating", goodfellow_step, generator_loss_nonsaturating)
late = {"minimax": minimax, "non-saturating": nonsaturating}
lengths = {name: run["pull"] for name, run in late.items()}
distances = {name: run["distance"] for name, run in late.items()}

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.6, 3.2))
plot.curves(lengths, ax=left, log=True, title="length of G's gradient")
plot.curves(distances, ax=right, title="fakes' center to the ring's")
lesson.figure(
    fig,
    "sure_discriminator",
    "G may move from step 300 on. Left: until then D grows sure, and the blue pull dies away under"
    " the orange one. Right: the orange fakes reach the ring in a few steps, the blue ones stay.",
)
arrived = distances["non-saturating"][-1]
lesson.claim("non-saturating: center of the fakes, from 5.7", arrived, at_most=1.5)
behind_it = distances["minimax"][-1] / arrived
lesson.claim("minimax: so many times as far away", behind_it, at_least=4)

# %% [markdown]
# **Swapped labels**, the classic slip, and a **lazy discriminator**, whose learning rate is a tenth
# of $G$'s. Think about what $D$ tells $G$ in each case.

# %%
lesson.predict(
    "After 1,000 steps, which game's fakes will lie in nearly one point?",
    ["the right game's", "the one with swapped labels", "the one with a lazy D", "both wrong ones"],
)


# %%
def swapped(G, D, g_optimizer, d_optimizer, draw, batch, rng):
    real = draw(batch)
    fake = G.sample(rng, batch)
    z = G.latent(rng, batch)
    d_optimizer.step(grad(lambda d: discriminator_loss(d(fake), d(real)))(D))
    g_optimizer.step(grad(lambda g: generator_loss_nonsaturating(D(g(z))))(G))
    return generator_loss_nonsaturating(D(G(z)))


# %%
few = lesson.steps(1000, quick=5)
lazy = new_game("lazy D", d_lr=cfg.lr / 10)
lesson.fit(turns(lazy, ring, few), few, state=vars(lazy), label="lazy D")
generators = {
    "as it should be": play("as it should be", ring, few),
    "labels swapped": play("labels swapped", ring, few, swapped),
    "lazy D": lazy.average.model,
}

# %%
outcome = {}
fig, axes = plot.figure(1, 3, size=(3.1, 3.2))
for ax, (name, generator) in zip(axes, generators.items()):
    x = generator.sample(lesson.rng("shown"), n)
    plot.samples(x, ring, ax, title=name)
    outcome[name] = [*quality(x), x.std(axis=0).max()]
lesson.figure(
    fig,
    "wrong_turns",
    "Middle: look how much room the fakes take. Right: G runs after a D that answers too late.",
)

# %%
table = [[name, *row] for name, row in outcome.items()]
lesson.table(table, ["after 1,000 steps", "bells of 8", "good", "spread"])
lesson.claim("labels swapped: spread of the fakes", outcome["labels swapped"][2], at_most=0.2)
lost = outcome["as it should be"][1] - outcome["lazy D"][1]
lesson.claim("good samples: the right game minus the lazy D", lost, at_least=0.1)

# %%
one_point = [name for name, (*_, spread) in outcome.items() if spread < 0.2]
verdicts = {
    ("as it should be",): "the right game's",
    ("labels swapped",): "the one with swapped labels",
    ("lazy D",): "the one with a lazy D",
    ("labels swapped", "lazy D"): "both wrong ones",
}
lesson.outcome(
    f"Spread below 0.2: {', '.join(one_point) or 'none'}.",
    answer=verdicts.get(tuple(one_point)),
)

# %% [markdown]
# - *Swapped:* $D$ learns to call fakes real, so $G$ hears: stay where you are. The cloud shrinks,
#   and its loss is excellent.
# - *Lazy:* $G$ plays against yesterday's $D$ and runs to where $D$ has not yet looked, a way to
#   *mode collapse* (`gan/07`).
#
# ## 9. Where the post is loose
#
# - The second line of Eq. gan.03 lacks a closing parenthesis, and later lines write $L(G, D)$ for
#   $L(D, G)$: one game.
# - The minimax formula is what the theory speaks about, not what Goodfellow et al. trained with
#   (section 2).
# - Further on the post writes a factor $1/\ln 10$, as if logarithms were to base 10, and bounds JS
#   by 1, as if to base 2. Keep to one base. With natural logarithms an undecided $D$ earns $-2\log
#   2$:

# %%
rewards = [-undecided / np.log(base) for base in (np.e, 2, 10)]
lesson.table([rewards], ["an undecided D earns, in nats", "in bits", "to base 10"])
slope = grad(lambda l: discriminator_loss(l, l))(np.zeros(1))
lesson.check("one half is the best answer to even odds, in any base", slope, equals=[0.0])

# %% [markdown]
# **Left out:** images (`gan/13`), several steps of $D$ for one of $G$ (`k`), labels. **Next:** what
# is the *best* $D$, and what does $G$ lower when it plays against it? `gan/03` answers both with
# one formula.
#
# **Your turn:** `minigen exercise start gan/02`, then `minigen run gan/02 --with
# exercises/gan_02.py`.

# %%
lesson.finish()
