# %% [markdown]
# # Denoising diffusion: guess the noise, take it away
#
# Mirrors the sections *Parameterization of $L_t$ for training loss* and *Simplification* of "What
# are Diffusion Models?" (Weng 2021), and its algorithm figure f04. To take away:
#
# - training is a game of guessing: noise some data, ask the network which noise it was, square the
#   difference;
# - sampling takes away a little of the guessed noise and puts a little fresh noise back, many
#   times, but not at the end;
# - the weights that the variational bound puts on the steps can be dropped, and nobody gets hurt.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/04_ddpm",
    title="DDPM",
    post="diffusion",
    sections=["diffusion.s05", "diffusion.s06"],
    figures=["diffusion.f04"],
    minutes=5.0,
    equations=[
        "diffusion.02",
        "diffusion.08",
        "diffusion.13",
        "diffusion.14",
        "diffusion.15",
        "diffusion.16",
    ],
)

# %% [markdown]
# ## 1. By hand, on two numbers
#
# A forward process of two steps, $\beta = (0.1, 0.6)$. So $\alpha = (0.9, 0.4)$, $\bar\alpha_2 =
# 0.9 \cdot 0.4 = 0.36$, and after both steps a point is $x_2 = \sqrt{0.36}\, x_0 + \sqrt{0.64}\,
# \epsilon = 0.6\, x_0 + 0.8\, \epsilon$ (Eq. diffusion.02). The data is $x_0 = (1, -1)$, the noise
# we draw $\epsilon = (0.5, 0)$, so $x_2 = (1, -0.6)$. The network sees $x_2$ and $t = 2$, and
# guesses the noise: $\hat\epsilon = (0.25, 0.5)$. Its loss is the mean of $0.25^2$ and $0.5^2$ (Eq.
# diffusion.15).

# %%
import autograd.numpy as np

from minigen import plot
from minigen.diffusion.ddpm import q_sample, simple_loss
from minigen.diffusion.schedule import Schedule

tiny = Schedule([0.1, 0.6])
x0 = np.array([[1.0, -1.0]])
eps = np.array([[0.5, 0.0]])
x2 = q_sample(x0, 2, eps, tiny)
lesson.check("x_2", x2[0], equals=[1, -0.6])

# %%
guess = np.array([[0.25, 0.5]])


def always_the_same(x, t):
    """A "network" that makes this guess whatever it is shown."""
    return guess


loss = simple_loss(always_the_same, x0, np.array([2]), eps, tiny)
lesson.check("loss of the guess", loss, equals=0.15625)

# %% [markdown]
# To guess the noise is to guess the data: only one $x_0$ gives $x_2$ with that noise, $(x_2 -
# 0.8\,\hat\epsilon)/0.6$. And it fixes the mean of the step back (Eq. diffusion.08, Eq.
# diffusion.13):
#
# $$\mu_\theta = \frac{1}{\sqrt{\alpha_t}}
#   \Big( x_t - \frac{1 - \alpha_t}{\sqrt{1 - \bar\alpha_t}}\, \hat\epsilon \Big)
#   = \frac{x_2 - (0.6/0.8)\, \hat\epsilon}{\sqrt{0.4}} .$$

# %%
from minigen.diffusion.ddpm import mean_from_eps, predict_x0_from_eps
from minigen.diffusion.samplers import ancestral_step

implied = predict_x0_from_eps(x2, 2, guess, tiny)
by_hand = [(1 - 0.2) / 0.6, (-0.6 - 0.4) / 0.6]
lesson.check("the data it implies", implied[0], equals=by_hand)

# %% [markdown]
# The step back is that mean plus fresh noise $z$ of variance $\beta_2$; the last step, from $t =
# 1$, adds none.

# %%
z = np.array([[1.0, -1.0]])
step_back = ancestral_step(x2, 2, guess, z, tiny)
by_hand = (x2 - 0.6 / 0.8 * guess) / np.sqrt(0.4) + np.sqrt(0.6) * z
lesson.check("the step from t = 2 back to t = 1", step_back, equals=by_hand)
last_step = ancestral_step(x2, 1, guess, z, tiny)
only_mean = mean_from_eps(x2, 1, guess, tiny)
lesson.check("at t = 1 the noise z is not used", last_step, equals=only_mean)

# %% [markdown]
# ## 2. Which weights?
#
# The bound of the section before sums KL divergences between Gaussians of one width $\sigma_t$.
# Such a KL is the squared distance of the means over $2\sigma_t^2$, so a guess that is off by
# $\epsilon - \hat\epsilon$ costs (Eq. diffusion.14)
#
# $$\frac{(1-\alpha_t)^2}{2 \sigma_t^2\, \alpha_t (1 - \bar\alpha_t)}\;
#   \lVert \epsilon - \hat\epsilon \rVert^2 .$$
#
# The post prints $2\lVert\Sigma\rVert^2$ where $2\sigma_t^2$ belongs; for $\Sigma = \sigma_t^2 I$
# that would be $\sigma_t^4$. Let us ask the bound itself: compare the true noise with a guess that
# is off by 1.

# %%
T = 200
steps = np.arange(1, T + 1)
# the line of Ho et al., 1e-4 to 0.02, squeezed from 1000 steps into 200
schedule = Schedule.linear(T, 0.1 / T, 20 / T)
beta = schedule.beta[1:]
alpha = schedule.alpha[1:]
alpha_bar = schedule.alpha_bar[1:]
weight = beta**2 / (2 * beta * alpha * (1 - alpha_bar))  # with σ² = β

# %% [markdown]
# Two hundred examples, one for each $t$, all with $x_0 = 0$ and the noise 0, so that the guess 0 is
# right and the guess 1 is off by 1:

# %%
from minigen.diffusion.likelihood import vlb_term

zero = np.zeros((T, 1))


def right(x, t):
    return zero


def off_by_one(x, t):
    return zero + 1


cost = vlb_term(off_by_one, zero, steps, zero, schedule)
cost_of_right = vlb_term(right, zero, steps, zero, schedule)
extra = cost - cost_of_right
lesson.check("what being off by 1 costs, at every t", extra, equals=weight, atol=1e-9)

# %%
fig, ax = plot.figure(size=(5.4, 3.0))
lines = {
    "variational bound, divided by its mean": weight / weight.mean(),
    "simple loss": np.ones(T),
}
title = "How much a wrong guess counts"
plot.line(steps, lines, ax, xlabel="t", ylabel="weight", title=title)
lesson.figure(
    fig,
    "weights",
    "Look at the left end: the bound cares ten times more about the last, finest steps of"
    " sampling.",
)

# %% [markdown]
# $L_\mathrm{simple}$ drops the weight: 1 for every $t$ (Eq. diffusion.15, Eq. diffusion.16). The
# network then spends its effort on the noisier, harder pictures, not on the imperceptible last bit
# of noise. The price is a worse likelihood.
#
# ## 3. The two algorithms (figure f04)
#
# Training is `simple_loss` and a gradient step; sampling is `ancestral_step` in a loop. Both, as
# the package has them. **Before you run it:** a network that always answers 0 has loss 1. Will a
# perfect network have loss 0?

# %%
from minigen.diffusion.samplers import ancestral

lesson.show_source(simple_loss, mean_from_eps, ancestral_step, ancestral)

# %% [markdown]
# Algorithm 1, written out this once: data, a time for each, noise; then one step down the gradient,
# and a moving average of the network, which is what we sample from.

# %%
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.optim import EMA, Adam, cosine
from minigen.tensor import value_and_grad


def noisy_batch(density, rng, n=512):
    """The data, a time step for each example, and the noise."""
    x0 = density.sample(rng, n)
    t = rng.integers(1, T + 1, n)
    return x0, t, rng.standard_normal(x0.shape, dtype=np.float32)


# %%
def train(name, density, steps):
    """A trained model of the noise, and the history of its loss."""
    rng = lesson.rng(name)
    model = EpsMLP(rng, width=128, layers=4)
    optimizer = Adam(model, 2e-3)
    ema = EMA(model, 0.999)
    lr = cosine(2e-3, steps)

    def step(i):
        loss, grads = value_and_grad(simple_loss)(model, *noisy_batch(density, rng), schedule)
        optimizer.lr = lr(i)
        optimizer.step(grads)
        ema.update(model)
        return loss

    state = {"model": model, "optimizer": optimizer, "ema": ema, "rng": rng}
    return ema.model, lesson.fit(step, steps, state=state, label=name)


# %%
from minigen.data import toy

densities = {}
trained = {}
for name in ("ring", "two_moons"):
    densities[name] = toy.get(name).standardized()
    trained[name] = train(name, densities[name], lesson.steps(8000, quick=20))

# %% [markdown]
# No: from $x_t$ alone nobody can tell the noise for certain. The best answer is its mean
# $E[\epsilon \mid x_t]$; the spread around it remains. For the ring that mean is known exactly:
# $-\sqrt{1-\bar\alpha_t}$ times the gradient of $\log q(x_t)$.

# %%
ring = densities["ring"]
model, history = trained["ring"]


def exact_noise(x_t, t):
    """E[noise | x_t] for the ring."""
    a = schedule.alpha_bar[t]
    return -np.sqrt(1 - a) * ring.noised(np.sqrt(a), np.sqrt(1 - a)).score(x_t)


# %%
rng = lesson.rng("exact")
best = []
excess = []
for t in range(1, T + 1, lesson.size(2, quick=40)):
    x0 = ring.sample(rng, lesson.size(2000))
    eps = rng.standard_normal(x0.shape, dtype=np.float32)
    x_t = q_sample(x0, t, eps, schedule)
    exact = exact_noise(x_t, t)
    best.append(np.mean((eps - exact) ** 2))
    excess.append(np.mean((model(x_t, np.full(len(x_t), t)) - exact) ** 2))

# %%
fig, ax = plot.figure(size=(5.4, 3.2))
loss = {"loss on the ring": history["loss"]}
floor = {"best possible, exactly": float(np.mean(best))}
plot.curves(loss, ax=ax, smooth=100, title="The floor is not zero", reference=floor)
lesson.figure(
    fig, "loss", "Look at where the curve goes flat: at the loss of the exact answer, not at zero."
)
error = np.mean(excess)
lesson.claim("ring: mean square of the learned minus the exact noise", error, at_most=0.01)

# %% [markdown]
# ## 4. Sampling
#
# Here is Algorithm 2 spelled out. `step` can be exchanged, which we shall misuse in a moment.


# %%
def walk(step, model, schedule, x, rng):
    for i in range(schedule.T, 0, -1):
        guess = model(x, np.full(len(x), schedule.times[i]))
        x = step(x, i, guess, rng.standard_normal(x.shape, dtype=x.dtype), schedule)
    return x


# %%
from minigen.diffusion.schedule import spaced_timesteps

start = lesson.rng("start").standard_normal((lesson.size(2000, quick=50), 2), dtype=np.float32)
short = schedule.subset(spaced_timesteps(T, 20))  # 20 long steps instead of 200
mine = walk(ancestral_step, model, short, start, lesson.rng("walk"))
theirs = ancestral(model, start, short, lesson.rng("walk"))
lesson.check("the loop above is the package's sampler", np.abs(mine - theirs).max(), at_most=1e-5)

# %%
from minigen.diffusion.samplers import Trajectory

path = Trajectory(times=[200, 100, 50, 20, 0])
ancestral(model, start, schedule, lesson.rng("path"), on_step=path)
rng = lesson.rng("forward")
fig, axes = plot.figure(2, len(path.times), size=(2.2, 2.2))
for k, (t, state) in enumerate(zip(path.times, path.states)):
    data = ring.sample(rng, len(start))
    noised = q_sample(data, t, rng.standard_normal(data.shape, dtype=np.float32), schedule)
    plot.samples(noised, ax=axes[0, k], bounds=3, color=plot.color.real, title=f"t = {t}")
    plot.samples(state, ax=axes[1, k], bounds=3)
lesson.figure(
    fig,
    "forward_and_back",
    "Above, data noised by t steps; below, samples on their way back. Each column should "
    "look alike: the same density, reached from two sides.",
)

# %% [markdown]
# How good are they? The sliced Wasserstein distance between 1,000 samples and 1,000 fresh points of
# the truth, as a multiple of the *floor*: what two fresh sets of the truth have between them. A
# single set says little (its distance varies by a third), so we take the mean over 20. The last
# column compares all samples at once, which sees finer errors.

# %%
from minigen.metrics import sampling_floor, sliced_wasserstein

sets = lesson.size(20, quick=2)
n = lesson.size(1000, quick=50)


def floors(density, rng):
    """What two fresh sets of n points have between them, and two of all sets at once."""

    def distance(x, y):
        return sliced_wasserstein(x, y, 100, rng)

    one = sampling_floor(distance, density.sample, n, rng, repeats=lesson.size(60, quick=2))
    every = sampling_floor(
        distance, density.sample, sets * n, rng, repeats=lesson.size(10, quick=2)
    )
    return one.mean, every.mean


# %%
def distances(x, density, rng):
    """The distance of each set of samples from fresh points, and that of all at once."""
    each = []
    for part in np.split(x, sets):
        each.append(sliced_wasserstein(part, density.sample(rng, n), 100, rng))
    return np.array(each), sliced_wasserstein(x, density.sample(rng, sets * n), 100, rng)


# %%
rows = []
samples = {}
ratio = {}
for name, density in densities.items():
    rng = lesson.rng(f"judge {name}")
    floor, floor_all = floors(density, rng)
    for variance in ("beta", "posterior"):
        noise = rng.standard_normal((sets * n, 2), dtype=np.float32)
        samples[name, variance] = ancestral(trained[name][0], noise, schedule, rng, variance)
        each, together = distances(samples[name, variance], density, rng)
        over = each / floor
        ratio[name, variance] = np.mean(over)
        shown = f"{np.mean(over):.2f} ± {np.std(over) / np.sqrt(sets):.2f}"
        rows.append([name, variance, shown, f"{together / floor_all:.2f}"])
lesson.table(rows, ["density", "σ²", "distance / floor", f"{sets * n:,} at once"])

# %%
for name in densities:
    lesson.claim(
        f"{name}: sliced Wasserstein distance over its floor, all steps",
        ratio[name, "beta"],
        at_most=1.2,
    )

# %%
fig, axes = plot.figure(1, 2)
for ax, (name, density) in zip(axes, densities.items()):
    plot.samples(samples[name, "beta"][:2000], density, ax, title=name)
lesson.figure(
    fig, "samples", "Look between the modes and beside the moons for strays: there are a few."
)

# %% [markdown]
# $\sigma_t^2 = \beta_t$ is right for data as wide as the noise, $\sigma_t^2 = \tilde\beta_t$ for
# data that is a single point. (The post calls these values of $\sigma_t$.) With 200 steps they
# hardly differ.
#
# ## 5. Two ways to get it wrong
#
# **Your prediction, please.** Someone (1) adds the noise $\sigma_1 z$ at the last step too; someone
# else (2) finds all that fresh noise wasteful and leaves it out everywhere. Who is worse off? We
# count samples within 3 standard deviations of a mode.


# %%
def noise_at_the_end(x, t, eps, z, schedule):
    """The first mistake: the last step is a step like any other."""
    mean = mean_from_eps(x, t, eps, schedule)
    return (mean + np.sqrt(schedule.beta[t]) * z).astype(np.float32)


def never_noise(x, t, eps, z, schedule):
    """The second: the mean, and nothing else."""
    return mean_from_eps(x, t, eps, schedule)


# %%
variants = {
    "right": ancestral_step,
    "noise at the end": noise_at_the_end,
    "no noise at all": never_noise,
}
result = {}
for label, step in variants.items():
    for process in (schedule, short):
        rng = lesson.rng(f"wrong {process.T}")
        result[label, process.T] = walk(step, model, process, start, rng)

# %%
from minigen.metrics import mode_coverage

near = {key: mode_coverage(x, ring.modes, ring.std).high_quality for key, x in result.items()}
spread = {key: float(x.std()) for key, x in result.items()}
rows = []
for label in variants:
    numbers = [f"{near[label, S]:.1%}, {spread[label, S]:.2f}" for S in (200, 20)]
    rows.append([label, *numbers])
lesson.table(rows, ["sampling", "200 steps: near a mode, spread", "20 steps"])

# %%
fig, axes = plot.figure(1, 3)
for ax, label in zip(axes, variants):
    plot.samples(result[label, 20], ring, ax, title=f"{label}, 20 steps", bounds=2.4)
lesson.figure(
    fig,
    "wrong_turns",
    "Middle: every mode is blurred. Right: all samples end up on one side, short of the ring.",
)

# %%
lesson.claim(
    "noise at the end: share near a mode, 20 steps",
    near["noise at the end", 20],
    at_most=near["right", 20] - 0.1,
)
lesson.claim(
    "no noise at all, 20 steps: spread of the samples (truth: 1)",
    spread["no noise at all", 20],
    at_most=0.9,
)

# %% [markdown]
# Noise at the end is a common bug because one does not see it: with 200 steps $\sigma_1$ is only
# 0.02. With few steps it blurs everything. Without noise it is worse: each step goes to the
# *average* of the places that $x_t$ could have come from, nearer the center than any of them; only
# fresh noise restores the width. The points huddle, then all follow one small push.
#
# ## 6. Digits
#
# The same loss and the same sampler. The network changes, to a U-Net that sees images at 14×14 and
# 7×7; and the noise comes along a cosine, more evenly (Eq. diffusion.18, a later lesson): on the
# line the last third of the steps is noise in noise. At 7×7 a small fully connected *overview*
# helps: in so short a training, convolutions alone learn strokes, but not where on the paper the
# next stroke must be. Without it, and with a quarter more steps, the judge below was sure of 56 in
# 100.

# %%
from minigen.data import mnist
from minigen.diffusion.networks.unet import GlobalMLP, UNet

lesson.show_source(GlobalMLP, UNet)

# %%
rng = lesson.rng("digits")
batch = lesson.size(64, quick=8)
images = mnist.symmetric(mnist.splits().train.images)  # (50000, 28, 28, 1) in [-1, 1]
batches = mnist.batches(images, size=batch, rng=rng)
unet = UNet(rng, width=lesson.size(32, quick=8), overview=lesson.size(512, quick=32))
noised_by_cosine = Schedule.cosine(T)

# %% [markdown]
# The loop is the one above, so the package may write it: `descend` takes a loss, a model and
# batches, and makes the `step`. `parallel` shares each batch between two threads.


# %%
from minigen.train import descend


def noisy_digits(rng):
    """A batch: the images, a time step for each, and the noise."""
    (x0,) = next(batches)
    t = rng.integers(1, T + 1, batch)
    return x0, t, rng.standard_normal(x0.shape, dtype=np.float32)


def digit_loss(model, x0, t, eps):
    return simple_loss(model, x0, t, eps, noised_by_cosine)


# %%
mnist_steps = lesson.steps(2700, quick=2)
lr = cosine(2e-3, mnist_steps, warmup=min(50, mnist_steps))
step = descend(digit_loss, unet, noisy_digits, lr=lr, ema=0.996, rng=rng, parallel=True)
lesson.fit(step, mnist_steps, label="digits", state={**step.state, "batches": batches})

# %% [markdown]
# A pixel is never darker than black. `clipped` corrects a guess that implies otherwise: it wraps
# one model of the noise into another.

# %%
from minigen.diffusion.samplers import clipped

eye = clipped(step.averaged, noised_by_cosine)
process = noised_by_cosine
if lesson.quick:
    process = noised_by_cosine.subset(spaced_timesteps(T, 10))


def draw(rng, n, **watch):
    """n digits (n, 28, 28, 1), about in [-1, 1]."""
    noise = rng.standard_normal((n, 28, 28, 1), dtype=np.float32)
    return ancestral(eye, noise, process, rng, **watch)


# %%
def unit(x):
    """From [-1, 1] to [0, 1], what sticks out cut off."""
    return (x.clip(-1, 1) + 1) / 2


def draw_unit(rng, n):
    return unit(draw(rng, n))


lesson.sampler("digits", draw_unit)

# %%
path = Trajectory(times=[t for t in (200, 150, 100, 70, 40, 20, 10, 0) if t <= process.T])
digits = draw(rng, lesson.size(200, quick=10), on_step=path)
grid = plot.image_grid(digits[:100], cols=10, limits=(-1, 1))
lesson.figure(grid, "digits", "Count those that you can read.")

# %% [markdown]
# Two of them on their way: what the sampler has, and the data that its guess implies.

# %%
pairs = []
for t, x in zip(path.times, path.states[:, :2]):
    implied = x
    if t > 0:
        guess = eye(x, np.full(2, process.times[t]))
        implied = predict_x0_from_eps(x, t, guess, process)
    pairs.append(np.stack([x, implied], axis=1))
pictures = np.stack(pairs, axis=2).reshape(-1, 28, 28)

# %%
grid = plot.image_grid(
    pictures,
    cols=len(pairs),
    limits=(-1, 1),
    row_labels=["x_t", "implied x_0"] * 2,
    col_labels=[f"t = {t}" for t in path.times],
)
lesson.figure(
    grid,
    "path",
    "Below each noisy row, the data that the guess implies: first the average digit, then a choice,"
    " then details.",
)

# %% [markdown]
# How many are digits? A classifier, which reads 99.4 % of the test digits, counts those it is sure
# of: those with $p > 0.9$.

# %%
from minigen.course.lesson.pretrained import digit_classifier
from minigen.tensor import softmax

classifier = digit_classifier(lesson)
rng = lesson.rng("judge")
judged = {
    "samples": unit(digits),
    "test digits": mnist.unit(mnist.splits().test.images[:2000]),
    "noise": unit(rng.standard_normal((2000, 28, 28, 1), dtype=np.float32)),
}
p = {label: softmax(classifier(x)) for label, x in judged.items()}

# %%
sure = {label: np.mean(each.max(axis=1) > 0.9) for label, each in p.items()}
classes = {label: np.bincount(each.argmax(axis=1), minlength=10) for label, each in p.items()}
rows = []
for label in judged:
    rows.append([label, f"{sure[label]:.0%}", " ".join(map(str, classes[label]))])
lesson.table(rows, ["images", "sure", "how many 0, 1, ... 9"])

# %%
found = int(np.sum(classes["samples"] > 0))
share = sure["samples"]
lesson.claim("share of 200 samples that the classifier is sure of", share, at_least=0.65)
lesson.claim("digit classes among 200 samples", found, equals=10)

# %% [markdown]
# ## Where the post is loose
# - The weight in $L_t$ is $1/(2\sigma_t^2)$, as checked; and the $L_t$ of Eq. diffusion.14 is the
#   $L_{t-1}$ of Eq. diffusion.12.
# - $L_\mathrm{simple}$ needs no "$+\,C$" and no index $t$; and in Eq. diffusion.13 $x_{t-1}$ is
#   *drawn from* the Gaussian.
#
# ## What is left
#
# 200 steps for one sample are many; the section on DDIM needs 10 to 50. The linear $\beta_t$ and
# the fixed $\sigma_t^2$ are not best for the likelihood; two sections mend them. And the network
# has learned, up to a factor, the gradient of $\log q(x_t)$: that is the section on score networks,
# which comes next. **Your turn:** `minigen exercise start diffusion/04`, then `minigen run
# diffusion/04 --with exercises/diffusion_04.py`.

# %%
lesson.finish()
