# %% [markdown]
# # The vanishing gradient
#
# The section *Vanishing gradient* (gan.s09) of [From GAN to
# WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/), run. To take away:
#
# 1. The better the discriminator, the fainter the gradient that $\log(1 - D)$ sends through it to
#    the generator.
# 2. The other loss, $-\log D$, does not fade. It fails differently: its gradient grows, and its
#    variance with it.
# 3. Adam hides the fading, for it divides a gradient by its own size. It does not bring back what
#    was lost.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/06_vanishing_gradient",
    title="The vanishing gradient",
    post="gan",
    sections=["gan.s09"],
    figures=["gan.f05"],
    minutes=0.3,
)

import autograd.numpy as anp
import numpy as np
from scipy.spatial.distance import cdist

from minigen import plot
from minigen.data import mnist
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
from minigen.gan.networks import Discriminator, Generator
from minigen.gan.train import goodfellow_step
from minigen.optim import SGD, Adam, cosine
from minigen.tensor import grad, sigmoid, value_and_grad

losses = {"log(1-D)": generator_loss_minimax, "-log D": generator_loss_nonsaturating}


def believes(logits):
    return np.exp(
        -np.logaddexp(0, -np.float64(logits))
    )  # D = sigmoid(logit); in float32 it soon rounds to 0


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
# parameter. The middle one grows with $k$. **Before you run the cell:** what do the two products do
# for $k = 1, 10, 100, 1000$?

# %%
theta = -0.15
rows = []
for k in (1, 10, 100, 1000):
    logit = np.array([k * theta])
    rows.append(
        [k, believes(logit)[0], *(abs(grad(loss)(logit)[0]) * k for loss in losses.values())]
    )
lesson.table(rows, ["k", "D(fake)", "pull of log(1 - D)", "pull of -log D"])
lesson.check("k = 10, log(1 - D)", rows[1][2], equals=10 / (1 + np.exp(1.5)))
lesson.check("k = 10, -log D", rows[1][3], equals=10 / (1 + np.exp(-1.5)))
lesson.check("k = 100, log(1 - D)", rows[2][2], equals=100 / (1 + np.exp(15)), atol=1e-9)

# %% [markdown]
# $\sigma(l)$ falls like $e^{-0.15 k}$, and no $k$ in front can save it: the first pull rises a
# little, and is gone at $k = 100$. The second is $k$ itself: it has no upper end. Neither is what a
# student of drawing would wish for. The package takes the same product for all parameters of a
# network at once:

# %%
lesson.show_source(generator_gradient_norm, signal_and_noise)

# %% [markdown]
# ## 2. Three generators
#
# Arjovsky and Bottou (2017) did this with images: freeze a generator, let a new discriminator, a
# *detective*, study it from scratch, and watch the gradient. They took a generator after 1, 10 and
# 25 epochs. We take one for digits after 100, 400 and 1,200 steps. **Your guess:** against which
# one will the gradient die first?


# %%
class Painter(Generator):
    """z (N, 32) -> digits with values in [0, 1], (N, 784)."""

    def __call__(self, z):
        return sigmoid(self.body(z))


cfg = lesson.configure(width=128, batch=64, lr=6e-4, betas=(0.5, 0.999), detective_lr=3e-3)
digits = mnist.unit(mnist.load().train_images, flat=True)  # (60000, 784)
digits, other_digits = digits[:50_000], digits[50_000:]
rng = lesson.rng("game")


def draw(n):
    return digits[rng.integers(0, len(digits), n)]


G = Painter(rng, 32, 784, cfg.width, depth=2, activation="relu")
D = Discriminator(rng, 784, cfg.width, depth=2)
g_optimizer = Adam(G, cfg.lr, betas=cfg.betas)
d_optimizer = Adam(D, cfg.lr, betas=cfg.betas)
moments = {
    name: lesson.steps(n, quick=q)
    for name, n, q in [("short", 100, 1), ("medium", 400, 4), ("long", 1200, 12)]
}
frozen = {name: G.copy() for name in moments}


def step(i):
    values = goodfellow_step(G, D, g_optimizer, d_optimizer, draw, cfg.batch, rng)
    for name in [name for name, moment in moments.items() if moment == i + 1]:
        frozen[name].load_state(G.state())
    return values


state = {"G": G, "D": D, "g": g_optimizer, "d": d_optimizer, "rng": rng, **frozen}
lesson.fit(step, moments["long"], state=state, label="the game")
z = G.latent(lesson.rng("z"), 512)  # the same noise for every measurement
shown = np.concatenate([g(z[:12]) for g in frozen.values()])
ax = plot.image_grid(
    shown, 3, 12, shape=(28, 28), row_labels=[f"{name}: {n} steps" for name, n in moments.items()]
)
lesson.figure(
    ax,
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
batches = z.reshape(8, 64, -1)


def investigate(name):
    G = frozen[name]
    D = Discriminator(lesson.rng("detective"), 784, cfg.width, depth=2)
    rng = lesson.rng(f"study {name}")
    optimizer = Adam(D, cfg.detective_lr)
    lr = cosine(cfg.detective_lr, steps)

    def step(i):
        values = {}
        if i % 6 == 0:
            signal, noise = signal_and_noise(
                np.stack([generator_gradient(G, D, b, losses["-log D"]) for b in batches])
            )
            values = {
                "minimax": generator_gradient_norm(G, D, z, generator_loss_minimax),
                "signal": signal,
                "noise": noise,
                "D(fake)": believes(D(G(z))).mean(),
            }
        optimizer.lr = lr(i)
        real = digits[rng.integers(0, len(digits), cfg.batch)]
        fake = G.sample(rng, cfg.batch)
        loss, grads = value_and_grad(lambda d: discriminator_loss(d(real), d(fake)))(D)
        optimizer.step(grads)
        return {"loss": loss, **values}

    history = lesson.fit(
        step, steps, state={"D": D, "optimizer": optimizer, "rng": rng}, label=f"against {name}"
    )
    real = other_digits[:2000]
    fake = G.sample(lesson.rng("fresh"), 2000)
    return D, history, (np.mean(D(real) > 0) + np.mean(D(fake) < 0)) / 2


studies = {name: investigate(name) for name in frozen}
runs = {name: history for name, (_, history, _) in studies.items()}
at = runs["long"].at("minimax")

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.7, 3.6))
plot.line(
    at,
    {f"after {moments[n]:,} steps": run["minimax"] for n, run in runs.items()},
    left,
    log=True,
    title="length of the gradient of log(1 - D)",
    xlabel="step of the detective",
)
plot.line(
    at,
    {f"after {moments[n]:,} steps": run["D(fake)"] for n, run in runs.items()},
    right,
    log=True,
    title="what D believes of a fake",
    xlabel="step of the detective",
)
lesson.figure(
    fig,
    "f05_vanishing",
    "Left: against the best generator the gradient grows for a few steps, while D learns what to"
    " look at. Then all fall through the floor. Right: it is D's belief that falls; the panels have"
    " the same shape.",
)


# %%
def late(values):
    return float(np.exp(np.mean(np.log(np.maximum(values[-10:], 1e-30)))))  # the last 60 steps


rows = []
for name, (_, run, right_on) in studies.items():
    start = run["minimax"][0]
    top = run["minimax"].max()
    end = late(run["minimax"])
    rows.append([moments[name], start, top, end, top / end, 100 * right_on])
    lesson.claim(
        f"{name}: gradient of log(1 - D), its largest over that at the end",
        top / end,
        at_least=1e3,
        source="Arjovsky, Bottou 2017, Fig. 2",
    )
lesson.table(
    rows,
    ["G after", "D untrained", "largest", "at the end", "largest over end", "D right on fresh, %"],
)
lesson.claim(
    "every detective: right on fresh digits and fakes",
    [right for *_, right in studies.values()],
    at_least=0.98,
)

# %% [markdown]
# However long the generator trained, the detective finds it out, on examples that it has never seen
# as well. How far the gradient falls is a matter of the run: ten thousandfold, or by ten powers of
# ten. (Theorem 2.4 of the paper: where $D$ is within $\epsilon$ of perfect, in its values and in
# its slopes, the gradient is at most of the order of $\epsilon / (1 - \epsilon)$.) So one would
# want to stop the detective in time. *Too bad* a $D$, and its advice is worthless; *too good*, and
# it cannot be heard. The post calls it a dilemma.
#
# ## 4. The other loss
#
# Goodfellow et al. knew, and trained with $-\log D$. Its first factor is $\sigma(-l)$, which goes
# to 1. We cut the 512 latents into 8 minibatches. Each has its own gradient. The *signal* is the
# length of their mean, the *noise* how far they scatter around it. **Which of the two will grow?**

# %%
fig, axes = plot.figure(1, 3, size=(3.3, 3.3), share="y")
for ax, (name, run) in zip(axes, runs.items()):
    both = {
        "signal of -log D": run["signal"],
        "noise of -log D": run["noise"],
        "length, log(1 - D)": run["minimax"],
    }
    plot.line(
        at,
        both,
        ax,
        log=True,
        title=f"G after {moments[name]:,} steps",
        xlabel="step of the detective",
    )
lesson.figure(
    fig,
    "two_losses",
    "Blue and orange go up together within the first hundred steps and stay there. Green, "
    "the loss of the formula, leaves them by many powers of ten.",
)

# %%
rows = []
for name, run in runs.items():
    signal, variance = (late(v) / v[0] for v in (run["signal"], run["noise"] ** 2))
    rows.append(
        [
            moments[name],
            run["signal"][0],
            late(run["signal"]),
            variance,
            run["noise"][0] / run["signal"][0],
            late(run["noise"]) / late(run["signal"]),
        ]
    )
    lesson.claim(f"{name}: signal of -log D, end over start", signal, at_least=10)
    lesson.claim(
        f"{name}: variance of the gradient of -log D, end over start",
        variance,
        at_least=1e3,
        source="Arjovsky, Bottou 2017, Fig. 3",
    )
lesson.table(
    rows,
    [
        "G after",
        "signal at start",
        "at the end",
        "variance, end over start",
        "noise/signal at start",
        "at the end",
    ],
)

# %% [markdown]
# Both grew. It is the factor $k$ of section 1: a sure detective has a steep slope. The variance
# rises more than a ten-thousandfold. A learning rate that suits the first step is hundreds of times
# too large a hundred steps later. Mind what the table does *not* say: measured against the signal,
# the noise is hardly larger than at the start. The paper models the disagreement between $D$ and
# the perfect one as noise, and finds a gradient without a finite variance (Theorem 2.6). Here the
# minibatches agree on the direction; it is the size that has run away.
#
# ## 5. Wrong turns
#
# **Just go on.** Take the long-trained generator and its detective, which stays fixed. Let the
# generator move for 60 steps: by plain gradient descent (SGD) and by Adam, under each loss.
# **Predict all four: will it fool the detective?**


# %%
def go_on(loss, optimizer, label):
    G = frozen["long"].copy()
    D = studies["long"][0]
    rng = lesson.rng("go on")
    optimizer = optimizer(G)

    def step(i):
        z = G.latent(rng, cfg.batch)
        value, grads = value_and_grad(lambda g: loss(D(g(z))))(G)
        optimizer.step(grads)
        return value

    lesson.fit(
        step,
        lesson.steps(60, quick=5),
        state={"G": G, "optimizer": optimizer, "rng": rng},
        label=label,
    )
    return G(z)


def nearest(x):
    return cdist(x[:200], digits[: lesson.size(5000)]).min(axis=1).mean()


optimizers = {"SGD": lambda g: SGD(g, 0.01), "Adam": lambda g: Adam(g, cfg.lr, betas=cfg.betas)}
ends = {"as it was": frozen["long"](z)}
for kind, optimizer in optimizers.items():
    for name, loss in losses.items():
        ends[f"{kind}, {name}"] = go_on(loss, optimizer, f"{kind}, {name}")
judge = studies["long"][0]
belief = {name: believes(judge(x)).mean() for name, x in ends.items()}
lesson.table(
    [[name, belief[name], nearest(x)] for name, x in ends.items()]
    + [["digits not seen", believes(judge(other_digits[:512])).mean(), nearest(other_digits)]],
    ["after 60 steps", "D(fake)", "distance to the nearest digit"],
)
ax = plot.image_grid(
    np.concatenate([x[:12] for x in ends.values()]),
    len(ends),
    12,
    shape=(28, 28),
    row_labels=[name.replace(", ", "\n") for name in ends],
)
lesson.figure(
    ax,
    "going_on",
    "Second row: not a pixel has moved. Fourth row: Adam moved, D says real to all of it, and it is"
    " worse than before.",
)
lesson.claim(
    "SGD under log(1 - D): what D believes of the fakes", belief["SGD, log(1-D)"], at_most=0.01
)
lesson.claim("SGD under -log D: the same", belief["SGD, -log D"], at_least=0.5)
lesson.claim("Adam under log(1 - D): the same", belief["Adam, log(1-D)"], at_least=0.5)

# %% [markdown]
# Under $\log(1 - D)$ plain descent does not move. Adam does: it divides by the gradient's own size,
# be it $10^{-7}$. That is why the minimax games of `gan/02` did not fail. But it marches at full
# speed along whatever direction is left, and a frozen detective is fooled in no time by pictures
# that nobody else would take for digits. A fooled $D$ proves nothing. Under $-\log D$ both fool it
# as fast, and come a little nearer to digits on the way: the direction was good. Its loss and its
# belief do not tell these cases apart; the last column does.
#
# **Compute it through the probability.** $D = \sigma(l)$, then $\log D$, then the gradient: the
# formula as it stands in the text. What happens to a fake whose logit is $-120$, in float32?

# %%
sure = np.array([-120.0], np.float32)
with np.errstate(all="ignore"):
    through = grad(lambda l: -anp.log(1 / (1 + anp.exp(-l)))[0])(sure)[0]
lesson.check("gradient through the probability is not a number", bool(np.isnan(through)))
lesson.check("gradient from the logit", grad(generator_loss_nonsaturating)(sure)[0], equals=-1.0)

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
