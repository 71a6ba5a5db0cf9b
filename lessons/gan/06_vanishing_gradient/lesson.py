# %% [markdown]
# # The vanishing gradient
#
# The section *Vanishing gradient* (gan.s09) of [From GAN to
# WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/), run. To take away:
#
# 1. The surer the discriminator is of the fakes, the fainter the gradient that $\log(1 - D)$ sends
#    through it to the generator.
# 2. The two losses for the generator answer a sure discriminator in opposite ways, and each has a
#    price.
# 3. Adam hides a fading, for it divides a gradient by its own size, as long as that is well above
#    Adam's own $\epsilon = 10^{-8}$. It does not bring back what was lost.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/06_vanishing_gradient",
    title="The vanishing gradient",
    post="gan",
    sections=["gan.s09"],
    figures=["gan.f05"],
    minutes=0.3,
    sources=["weng2017gan", "goodfellow2014gan", "arjovsky2017principled"],
)

# %%
import autograd.numpy as np
from scipy.spatial.distance import cdist

from minigen import plot
from minigen.data import mnist
from minigen.gan.networks import Discriminator, Generator
from minigen.gan.train import goodfellow_step
from minigen.optim import SGD, Adam, cosine
from minigen.tensor import grad, sigmoid
from minigen.train import descend

# %%
from minigen.gan.gradient_diagnostics import (
    generator_gradient,
    generator_gradient_norm,
    signal_and_noise,
)
from minigen.gan.losses import (
    discriminator_loss,
    generator_loss_minimax,
    generator_loss_nonsaturating,
)

# %% [markdown]
# Two losses for the generator will be compared throughout. And $D = \sigma(\text{logit})$ is
# computed in float64 here: in float32 it soon rounds to 0.

# %%
losses = {"log(1-D)": generator_loss_minimax, "-log D": generator_loss_nonsaturating}


def believes(logits):
    return np.exp(-np.logaddexp(0, -np.float64(logits)))


# %% [markdown]
# ## 1. Three factors
#
# In `gan/05` a discriminator could tell two thin supports apart without a mistake, and became ever
# surer. How does that feel to the generator? Let it be one number $\theta$: it draws its fakes at
# height $\theta = -0.15$, and the real points lie at $+0.15$. $D$'s logit is $k$ times the height,
# with a $k$ that grows as $D$ trains. By the chain rule
#
# $$\frac{d}{d\theta} \log(1 - D) = -\sigma(l) \cdot k \cdot 1, \qquad
#   \frac{d}{d\theta} (-\log D) = -\sigma(-l) \cdot k \cdot 1, \qquad l = k\theta :$$
#
# the loss's slope in the logit, the logit's slope in the picture, the picture's slope in the
# parameter. The middle one grows with $k$.

# %%
lesson.predict(
    "From k = 1 to 1000, what do the two products, of log(1 - D) and of -log D, do?",
    [
        "both grow with k",
        "the first rises a little and dies, the second grows with k",
        "the first dies at once, the second goes to a constant",
        "both rise a little and die",
    ],
)

# %%
theta = -0.15
rows = []
for k in (1, 10, 100, 1000):
    logit = np.array([k * theta])
    pulls = [abs(grad(loss)(logit)[0]) * k for loss in losses.values()]
    rows.append([k, believes(logit)[0], *pulls])
lesson.table(rows, ["k", "D(fake)", "pull of log(1 - D)", "pull of -log D"])

# %%
lesson.check("k = 10, log(1 - D)", rows[1][2], equals=10 / (1 + np.exp(1.5)))
lesson.check("k = 10, -log D", rows[1][3], equals=10 / (1 + np.exp(-1.5)))
lesson.check("k = 100, log(1 - D)", rows[2][2], equals=100 / (1 + np.exp(15)), atol=1e-9)
first = ", ".join(f"{row[2]:.2g}" for row in rows)
second = ", ".join(f"{row[3]:.2g}" for row in rows)
lesson.outcome(
    f"log(1 - D): {first}. -log D: {second}.",
    answer="the first rises a little and dies, the second grows with k",
)

# %% [markdown]
# $\sigma(l)$ falls like $e^{-0.15 k}$, and no $k$ in front can save it: the first pull rises a
# little, and is gone at $k = 100$. The second is $k$ itself: it has no upper end. Neither is what a
# student of drawing would wish for.

# %%
lesson.change(
    "closer fakes",
    "Change `theta = -0.15` to `theta = -0.015`: the fakes come ten times closer to the middle. "
    "Run again. At which k is the first pull gone now?",
    answer="At k = 1000, where it is 0.0003059; at k = 100 it is 18.24. The logit is k θ, so with "
    "a tenth of the height the discriminator needs ten times the slope to be as sure.",
)

# %% [markdown]
# The same product, for all parameters of a network at once, is yours to write, and so is what eight
# minibatches say about it:

# %%
lesson.exercise("gan/06/generator_gradient_norm")
lesson.exercise("gan/06/signal_and_noise")

# %%
lesson.show_source(generator_gradient_norm, signal_and_noise)

# %% [markdown]
# ## 2. Three generators
#
# Arjovsky and Bottou (2017) did this with images: freeze a generator, let a new discriminator, a
# *detective*, study it from scratch, and watch the gradient. They took a generator after 1, 10 and
# 25 epochs. We take one for digits after 100, 400 and 1,200 steps.


# %%
class Painter(Generator):
    """z (N, 32) -> digits with values in [0, 1], (N, 784)."""

    def __call__(self, z):
        return sigmoid(self.body(z))


cfg = lesson.configure(width=128, batch=64, lr=6e-4, betas=(0.5, 0.999), detective_lr=3e-3)
images = mnist.load().train_images  # (60000, 28, 28), bytes
digits = images[:50_000]
other_digits = mnist.unit(images[50_000:52_000], flat=True)  # (2000, 784)


def draw(rng, n):
    return mnist.unit(digits[rng.integers(0, len(digits), n)], flat=True)


# %% [markdown]
# The game is that of `gan/02`; at three moments a copy of the generator is put aside.

# %%
rng = lesson.rng("game")
G = Painter(rng, 32, 784, cfg.width, depth=2, activation="relu")
D = Discriminator(rng, 784, cfg.width, depth=2)
g_optimizer = Adam(G, cfg.lr, betas=cfg.betas)
d_optimizer = Adam(D, cfg.lr, betas=cfg.betas)
moments = {
    "short": lesson.steps(100, quick=1),
    "medium": lesson.steps(400, quick=4),
    "long": lesson.steps(1200, quick=12),
}
frozen = {name: G.copy() for name in moments}


# %%
def draw_real(n):
    return draw(rng, n)


def turn(i):
    values = goodfellow_step(G, D, g_optimizer, d_optimizer, draw_real, cfg.batch, rng)
    for name, moment in moments.items():
        if moment == i + 1:
            frozen[name].load_state(G.state())
    return values


state = {"G": G, "D": D, "g": g_optimizer, "d": d_optimizer, "rng": rng, **frozen}
lesson.fit(turn, moments["long"], state=state, label="the game")

# %%
z = G.latent(lesson.rng("z"), 512)  # the same noise for every measurement
shown = np.concatenate([g(z[:12]) for g in frozen.values()])
names = [f"{name}: {n} steps" for name, n in moments.items()]
lesson.figure(
    plot.image_grid(shown, 3, 12, shape=(28, 28), row_labels=names),
    "three_generators",
    "From row to row the pictures come nearer to digits. Look for gray specks where real "
    "digits are plain black: something that D can learn to see.",
)

# %% [markdown]
# ## 3. A fresh detective for each
#
# Each detective starts from random weights and trains for 600 steps with a falling learning rate;
# the generator stays as it is. Every 6 steps we ask: if the generator could move now, how long
# would its gradient be?

# %%
steps = lesson.steps(600)
minibatches = z.reshape(8, 64, -1)


def loss_of(D, real, fake):
    return discriminator_loss(D(real), D(fake))


def what_arrives(G, D):
    """The gradients that a generator would get through D now, and what D believes of its fakes."""
    gradients = [generator_gradient(G, D, part, losses["-log D"]) for part in minibatches]
    signal, noise = signal_and_noise(np.stack(gradients))
    minimax = generator_gradient_norm(G, D, z, generator_loss_minimax)
    belief = believes(D(G(z))).mean()
    return {"minimax": minimax, "signal": signal, "noise": noise, "D(fake)": belief}


# %% [markdown]
# Only $D$ learns, so the training is the usual one (`gan/03`), with a look at the gradients before
# every sixth step.


# %%
def investigate(name):
    """A detective trained against one frozen generator, and what was measured on the way."""
    G = frozen[name]
    D = Discriminator(lesson.rng("detective"), 784, cfg.width, depth=2)
    doubting = D.copy()  # as it was when it last gave the fakes one chance in a million or more

    def batches(rng):
        return draw(rng, cfg.batch), G.sample(rng, cfg.batch)

    lr = cosine(cfg.detective_lr, steps)
    train = descend(loss_of, D, batches, lr=lr, rng=lesson.rng(f"study {name}"))

    def step(i):
        seen = what_arrives(G, D) if i % 6 == 0 else {}
        if seen.get("D(fake)", 0) >= 1e-6:
            doubting.load_state(D.state())
        return train(i) | seen

    state = train.state | {"doubting": doubting}
    return D, doubting, lesson.fit(step, steps, state=state, label=f"against {name}")


# %% [markdown]
# Each detective is then examined on digits and fakes that it has never seen.


# %%
def share_right(name, D):
    real = other_digits
    fake = frozen[name].sample(lesson.rng("fresh"), 2000)
    return (np.mean(D(real) > 0) + np.mean(D(fake) < 0)) / 2


# %%
lesson.predict(
    "Against which generator will the gradient of log(1 - D) fall least, from its largest?",
    ["trained short", "trained medium", "trained long", "all fall alike, within a factor of 10"],
)

# %%
discriminators = {}
doubting = {}
runs = {}
for name in frozen:
    discriminators[name], doubting[name], runs[name] = investigate(name)
right = {name: share_right(name, D) for name, D in discriminators.items()}
at = runs["long"].at("minimax")

# %%
lengths = {f"after {moments[n]:,} steps": run["minimax"] for n, run in runs.items()}
beliefs = {f"after {moments[n]:,} steps": run["D(fake)"] for n, run in runs.items()}
fig, axes = plot.figure(1, 2, size=(4.7, 3.6))
plot.line(at, lengths, axes[0], log=True, title="length of the gradient of log(1 - D)")
plot.line(at, beliefs, axes[1], log=True, title="what D believes of a fake")
for ax in axes:
    ax.set_xlabel("step of the detective")
lesson.figure(
    fig,
    "f05_vanishing",
    "Left: against the best generator the gradient grows for a few steps, while D learns what to"
    " look at. How far does each fall, and does it stay there? Right: it is D's belief that falls."
    " Compare the shapes of the two panels.",
)


# %%
def late(values):
    """The geometric mean of the last ten measurements, those of the last 60 steps."""
    return float(np.exp(np.mean(np.log(np.maximum(values[-10:], 1e-30)))))


rows = []
for name, run in runs.items():
    length = run["minimax"]
    end = late(length)
    rows.append(
        [moments[name], length[0], length.max(), end, length.max() / end, 100 * right[name]]
    )
header = ["G after", "D untrained", "largest", "at the end", "largest over end"]
lesson.table(rows, [*header, "D right on fresh, %"])

# %%
falls = {name: row[4] for name, row in zip(runs, rows)}
together = "all fall alike, within a factor of 10"
alike = max(falls.values()) < 10 * min(falls.values())
lesson.outcome(
    "It fell by a factor of " + ", ".join(f"{fall:.1e} ({name})" for name, fall in falls.items()),
    answer=together if alike else f"trained {min(falls, key=falls.get)}",
)

# %%
for name, row in zip(runs, rows):
    lesson.claim(
        f"{name}: gradient of log(1 - D), its largest over that at the end",
        row[4],
        at_least=30,
        source="worst of ten seeds: 172; that it falls: Arjovsky, Bottou 2017, Fig. 2",
    )
shares = list(right.values())
lesson.claim("every detective: right on fresh digits and fakes", shares, at_least=0.98)

# %% [markdown]
# However long the generator trained, the detective finds it out, on examples that it has never seen
# as well. How far the gradient falls is a matter of the run: mostly ten thousandfold or more, up to
# twenty powers of ten; once in ten runs, two hundredfold. (Theorem 2.4 of the paper: where $D$ is
# within $\epsilon$ of perfect, in its values and in its slopes, the gradient is at most of the
# order of $\epsilon / (1 - \epsilon)$.) So one would want to stop the detective in time. *Too bad*
# a $D$, and its advice is worthless; *too good*, and it cannot be heard. The post calls it a
# dilemma.
#
# ## 4. The other loss
#
# Goodfellow et al. knew, and trained with $-\log D$. Its first factor is $\sigma(-l)$, which goes
# to 1. We cut the 512 latents into 8 minibatches. Each has its own gradient. The *signal* is the
# length of their mean, the *noise* how far they scatter around it.

# %%
lesson.predict(
    "Under -log D, from the start of a detective to its end, which of the two will grow tenfold?",
    ["neither", "the signal only", "the noise only", "both"],
)

# %%
fig, axes = plot.figure(1, 3, size=(3.3, 3.3), share="y")
for ax, (name, run) in zip(axes, runs.items()):
    three = {
        "signal of -log D": run["signal"],
        "noise of -log D": run["noise"],
        "length, log(1 - D)": run["minimax"],
    }
    plot.line(at, three, ax, log=True, title=f"G after {moments[name]:,} steps")
    ax.set_xlabel("step of the detective")
lesson.figure(
    fig,
    "two_losses",
    "Blue and orange go up together within the first hundred steps and stay there. Green, "
    "the loss of the formula, leaves them by many powers of ten.",
)

# %%
rows = []
rise = {}
for name, run in runs.items():
    signal = run["signal"]
    noise = run["noise"]
    rise[name] = late(signal) / signal[0], late(noise**2) / noise[0] ** 2
    ratio_at_start = noise[0] / signal[0]
    ratio_at_end = late(noise) / late(signal)
    rows.append(
        [moments[name], signal[0], late(signal), rise[name][1], ratio_at_start, ratio_at_end]
    )
header = ["G after", "signal at start", "at the end", "variance, end over start"]
lesson.table(rows, [*header, "noise/signal at start", "at the end"])

# %%
grown = np.array(list(rise.values())) ** [1, 0.5]  # for each G: the signal, and the noise
tenfold = [name for name, least in zip(("signal", "noise"), grown.min(axis=0)) if least >= 10]
verdict = {0: "neither", 1: f"the {(tenfold or [''])[0]} only", 2: "both"}[len(tenfold)]
lesson.outcome(
    f"The signal grew {grown[:, 0].min():.0f} to {grown[:, 0].max():.0f} times, the noise "
    f"{grown[:, 1].min():.0f} to {grown[:, 1].max():.0f} times.",
    answer=verdict,
)

# %%
for name, (signal, variance) in rise.items():
    lesson.claim(f"{name}: signal of -log D, end over start", signal, at_least=10)
    lesson.claim(
        f"{name}: variance of the gradient of -log D, end over start",
        variance,
        at_least=1e3,
        source="Arjovsky, Bottou 2017, Fig. 3",
    )

# %% [markdown]
# Both grew. It is the factor $k$ of section 1: a sure detective has a steep slope. The variance
# rises at least a thousandfold. A learning rate that suits the first step is hundreds of times
# too large a hundred steps later. Mind what the table does *not* say: measured against the signal,
# the noise is hardly larger than at the start. The paper models the disagreement between $D$ and
# the perfect one as noise, and finds a Cauchy distribution, which has neither a mean nor a finite
# variance (Theorem 2.6). Here the minibatches agree on the direction; it is the size that has run
# away.
#
# ## 5. Wrong turns
#
# **Just go on.** Take the long-trained generator and its detective, which stays fixed: as it was
# when it last gave a fake, in the mean, one chance in a million or more. Let the generator move for
# 60 steps: by plain gradient descent (SGD) and by Adam, under each loss.

# %%
lesson.predict(
    "Of the four ways, which will make the detective believe in the fakes, D above one half?",
    ["all four", "both under -log D", "both with Adam", "all but SGD under log(1 - D)"],
)


# %%
judge = doubting["long"]


def go_on(label, loss, optimizer_of):
    """What the long-trained generator makes of z after 60 steps against its fixed detective."""
    G = frozen["long"].copy()

    def latents(rng):
        return G.latent(rng, cfg.batch)

    def loss_of_g(G, z):
        return loss(judge(G(z)))

    rng = lesson.rng("go on")
    step = descend(loss_of_g, G, latents, optimizer=optimizer_of(G), rng=rng)
    lesson.fit(step, lesson.steps(60, quick=5), state=step.state, label=label)
    return G(z)


# %%
def sgd(G):
    return SGD(G, 0.01)


def adam(G):
    return Adam(G, cfg.lr, betas=cfg.betas)


ends = {"as it was": frozen["long"](z)}
for kind, optimizer_of in [("SGD", sgd), ("Adam", adam)]:
    for name, loss in losses.items():
        label = f"{kind}, {name}"
        ends[label] = go_on(label, loss, optimizer_of)


# %%
def nearest(x):
    """The mean distance of 200 pictures to their nearest digit."""
    some = mnist.unit(digits[: lesson.size(5000)], flat=True)
    return cdist(x[:200], some).min(axis=1).mean()


belief = {name: believes(judge(x)).mean() for name, x in ends.items()}
rows = [[name, belief[name], nearest(x)] for name, x in ends.items()]
unseen = believes(judge(other_digits[:512])).mean()
rows.append(["digits not seen", unseen, nearest(other_digits)])
lesson.table(rows, ["after 60 steps", "D(fake)", "distance to the nearest digit"])

# %%
shown = np.concatenate([x[:12] for x in ends.values()])
names = [name.replace(", ", "\n") for name in ends]
lesson.figure(
    plot.image_grid(shown, len(ends), 12, shape=(28, 28), row_labels=names),
    "going_on",
    "Second row: not a pixel has moved. Fourth row: Adam moved, D says real to all of it, and it is"
    " worse than before.",
)

# %%
moved = belief["SGD, -log D"]
lesson.claim("SGD under -log D: what D believes of the fakes", moved, at_least=0.5)
times = moved / max(belief["SGD, log(1-D)"], 1e-30)
lesson.claim("times what it believes after SGD under log(1 - D)", times, at_least=50)
lesson.claim("Adam under log(1 - D): what D believes", belief["Adam, log(1-D)"], at_least=0.5)

# %%
fooled = {name for name, share in belief.items() if share > 0.5}
verdicts = {
    frozenset(ends) - {"as it was"}: "all four",
    frozenset({"SGD, -log D", "Adam, -log D"}): "both under -log D",
    frozenset({"Adam, log(1-D)", "Adam, -log D"}): "both with Adam",
    frozenset(ends) - {"as it was", "SGD, log(1-D)"}: "all but SGD under log(1 - D)",
}
lesson.outcome(
    f"Above one half: {', '.join(sorted(fooled)) or 'none'}.",
    answer=verdicts.get(frozenset(fooled)),
)

# %% [markdown]
# Under $\log(1 - D)$ plain descent does not move. Adam does, as long as there is something to
# divide by: its step is about $g / (|g| + \epsilon)$ in each weight with $\epsilon = 10^{-8}$, so a
# gradient of $10^{-7}$ in a weight counts almost like one of 1, and one of $10^{-13}$ moves nothing
# for Adam either. That is why the minimax games of `gan/02` did not fail. But it marches at full
# speed along whatever direction is left, and a frozen detective is fooled in no time by pictures
# that nobody else would take for digits. A fooled $D$ proves nothing. Under $-\log D$ both fool it
# as fast, and come a little nearer to digits on the way: the direction was good. Its loss and its
# belief do not tell these cases apart; the last column does.
#
# **Compute it through the probability.** $D = \sigma(l)$, then $\log D$, then the gradient: the
# formula as it stands in the text. Take a fake whose logit is $-120$, in float32.

# %%
lesson.predict(
    "What is the gradient of -log D in that logit, computed so?",
    ["-1, as on paper", "0", "not a number"],
)


# %%
def through_the_probability(l):
    return -np.log(1 / (1 + np.exp(-l)))[0]


sure = np.array([-120.0], np.float32)
with np.errstate(all="ignore"):
    slope = grad(through_the_probability)(sure)[0]

# %%
lesson.check("gradient through the probability is not a number", bool(np.isnan(slope)))
slope = grad(generator_loss_nonsaturating)(sure)[0]
lesson.check("gradient from the logit", slope, equals=-1.0)
lesson.outcome(
    "exp(120) overflows, D rounds to 0, and the chain rule multiplies 0 by infinity. From the "
    f"logit itself the gradient is {slope:.0f}.",
    answer="not a number",
)

# %%
lesson.change(
    "a logit of -20",
    "Change `sure = np.array([-120.0], np.float32)` to `-20.0` and run again. Which of the two "
    "checks fails, and why?",
    answer="The first: the gradient through the probability is a number now, -1 as on paper. "
    "$e^{20}$ is about 5e8, far below the largest float32, 3e38; only from $e^{89}$ on does it "
    "overflow. The gradient from the logit is -1 as before.",
)

# %% [markdown]
# ## 6. Where the post is loose
#
# - It says that with a perfect $D$ the loss falls to zero and no gradient is left. That is true of
#   $\log(1 - D)$, the loss of the minimax formula, which few have trained with. Under $-\log D$ the
#   *discriminator's* loss is just as small, and the generator's gradient is at its largest. It
#   fails differently, by updates that are large and vary much (section 4).
# - So a small loss of $D$ does not tell that the gradient has vanished. Measure the gradient.
#
# **Left out:** a generator of convolutions; the effect of both losses in a game where $D$ and $G$
# move by turns. **Next:** a generator that is heard, and learns, but only one thing: `gan/07`. What
# repairs the gradient: noise on both sides (`gan/09`), or a critic whose slope cannot grow
# (`gan/12`).
#
# **Your turn:** `minigen exercise start gan/06`, then `minigen run gan/06 --with
# exercises/gan_06.py`.

# %%
lesson.finish()
