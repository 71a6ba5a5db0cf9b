# %% [markdown]
# # Denoising diffusion: guess the noise, take it away
#
# The sections *Parameterization of $L_t$ for Training Loss* (diffusion.s05) and *Simplification*
# (diffusion.s06) of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/), with their two
# algorithms (figure f04): first in the plane, then on digits. To take away:
#
# 1. Training is a game of guessing: noise some data, ask the network which noise it was, square the
#    difference.
# 2. Sampling takes away a little of the guessed noise and puts a little fresh noise back, many
#    times, but not at the end.
# 3. The variational bound puts a weight on each step. It may be dropped: samples do not suffer, the
#    likelihood does.
#
# Needed: the forward process (`diffusion/01`) and the step back (`diffusion/03`).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/04_ddpm",
    title="Denoising diffusion: guess the noise, take it away",
    post="diffusion",
    sections=["diffusion.s05", "diffusion.s06"],
    figures=["diffusion.f04"],
    equations=[
        "diffusion.02",
        "diffusion.08",
        "diffusion.13",
        "diffusion.14",
        "diffusion.15",
        "diffusion.16",
    ],
    pretrained=["digit_classifier"],
    minutes=12.0,
    sources=["weng2021diffusion", "ho2020ddpm"],
)

# %%
import functools

import autograd.numpy as np

from minigen import plot
from minigen.data import mnist, toy
from minigen.diffusion.ddpm import mean_from_eps, predict_x0_from_eps, q_sample, simple_loss
from minigen.diffusion.exact import exact_eps_model
from minigen.diffusion.likelihood import bound_weight, vlb_term
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.diffusion.networks.unet import UNet
from minigen.diffusion.samplers import Trajectory, ancestral, ancestral_step, clipped, strided
from minigen.diffusion.schedule import Schedule, spaced_timesteps

# %% [markdown]
# ## 1. By hand, on two numbers
#
# A forward process of two steps, $\beta = (0.1, 0.6)$. So $\alpha = (0.9, 0.4)$ and $\bar\alpha_2 =
# 0.9 \cdot 0.4 = 0.36$. After both steps a point is (Eq. diffusion.02)
#
# $$x_2 = \sqrt{0.36}\; x_0 + \sqrt{0.64}\; \epsilon = 0.6\, x_0 + 0.8\, \epsilon .$$
#
# The data is $x_0 = (1, -1)$, the noise that we draw $\epsilon = (0.5, 0)$, so $x_2 = (1, -0.6)$.
# Now the game. The network is shown $x_2$ and told $t = 2$, and it says: the noise was
# $\hat\epsilon = (0.25, 0.5)$. The loss is the mean squared error of that guess (Eq. diffusion.15).

# %%
lesson.predict(
    "What does the network pay for this guess?",
    ["0.156", "0.313", "0.559"],
)

# %%
lesson.exercise("diffusion/04/simple_loss")

# %%
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

# %%
lesson.outcome(
    f"{loss:.3f}: off by 0.25 and by 0.5, and the mean of the squares is (0.0625 + 0.25)/2. It is a"
    " mean over the numbers, not the length of the error (0.559) nor its square (0.313).",
    answer="0.156",
)
lesson.check("loss of the guess", loss, equals=0.15625)

# %% [markdown]
# To guess the noise is to guess the data: with that noise, only one $x_0$ gives $x_2$. It is
# $(x_2 - 0.8\, \hat\epsilon)/0.6$.

# %%
implied = predict_x0_from_eps(x2, 2, guess, tiny)
lesson.check("the data it implies", implied[0], equals=[(1 - 0.2) / 0.6, (-0.6 - 0.4) / 0.6])

# %% [markdown]
# And the guess fixes the mean of the step back. `diffusion/03` gives the mean $\tilde\mu_t(x_t,
# x_0)$ for known data (Eq. diffusion.07). Put the implied $x_0$ in its place: what is left of the
# two coefficients?

# %%
lesson.exercise("diffusion/04/mean_from_eps")

# %%
mean = mean_from_eps(x2, 2, guess, tiny)
lesson.check("the mean of x_1", mean, equals=(x2 - 0.6 / 0.8 * guess) / np.sqrt(0.4))

# %% [markdown]
# The coefficients of $x_t$ add up to $1/\sqrt{\alpha_t}$, and the mean for known noise becomes Eq.
# diffusion.08. The model has its guess in the place of the noise (Eq. diffusion.13):
#
# $$\mu_\theta = \frac{1}{\sqrt{\alpha_t}}
#   \Big( x_t - \frac{1 - \alpha_t}{\sqrt{1 - \bar\alpha_t}}\, \hat\epsilon \Big),
#   \qquad\text{here}\qquad \frac{x_2 - (0.6/0.8)\, \hat\epsilon}{\sqrt{0.4}} .$$
#
# The step back is that mean plus fresh noise $\sigma_t z$; we take $\sigma_t^2 = \beta_t$. The last
# step, from $t = 1$, leads to the data, and adds none.

# %%
lesson.exercise("diffusion/04/ancestral_step")

# %%
z = np.array([[1.0, -1.0]])
step_back = ancestral_step(x2, 2, guess, z, tiny)
lesson.check("the step from t = 2 back to t = 1", step_back, equals=mean + np.sqrt(0.6) * z)
last_step = ancestral_step(x2, 1, guess, z, tiny)
lesson.check("the step from t = 1", last_step, equals=mean_from_eps(x2, 1, guess, tiny))

# %%
lesson.change(
    "the true noise",
    "Change `guess` to the true noise, `np.array([[0.5, 0.0]])`, and run again. Which data does "
    "it imply, and where is the mean of $x_1$?",
    answer="The data itself, $(1, -1)$, and the loss is 0. The mean of $x_1$ is $(0.9882, "
    "-0.9487)$, that of the posterior $q(x_1 | x_2, x_0)$: with the true noise the model knows "
    "$x_0$.",
)

# %% [markdown]
# ## 2. Which weights?
#
# The bound of `diffusion/03` sums KL divergences between Gaussians. For two of the same width
# $\sigma_t$ such a KL is the squared distance of the means over $2\sigma_t^2$. Put in the two
# means, that for the noise $\epsilon$ and that for the guess $\hat\epsilon$. The cost is a multiple
# of $\lVert \epsilon - \hat\epsilon \rVert^2$; which one?

# %%
lesson.exercise("diffusion/04/bound_weight")

# %% [markdown]
# A guess that is off by $\epsilon - \hat\epsilon$ costs (Eq. diffusion.14)
#
# $$\frac{(1-\alpha_t)^2}{2 \sigma_t^2\, \alpha_t (1 - \bar\alpha_t)}\;
#   \lVert \epsilon - \hat\epsilon \rVert^2 .$$
#
# So the bound is the game of guessing, with a weight on each $t$.

# %%
lesson.predict(
    "For which steps is a wrong guess dear?",
    ["the finest, t near 1", "those in the middle", "the noisiest, t near T"],
)

# %% [markdown]
# Let us ask the bound itself. 200 examples, one for each $t$, all with $x_0 = 0$ and the
# noise 0: the guess 0 is right, the guess 1 is off by 1. What does `vlb_term` of `diffusion/03`
# take for it?

# %%
T = 200
# the line of Ho et al., from 1e-4 to 0.02, squeezed from 1000 steps into 200
schedule = Schedule.linear(T, 0.1 / T, 20 / T)
steps = np.arange(1, T + 1)
weight = bound_weight(steps, schedule, schedule.beta[steps])  # Eq. diffusion.14 with σ² = β
lesson.show_source(bound_weight)


# %%
zero = np.zeros((T, 1))


def right(x, t):
    return zero


def off_by_one(x, t):
    return zero + 1


extra = vlb_term(off_by_one, zero, steps, zero, schedule)
extra = extra - vlb_term(right, zero, steps, zero, schedule)
lesson.check("what being off by 1 costs, at every t", extra, equals=weight, atol=1e-9)

# %%
ratio = weight[0] / np.median(weight)
lesson.outcome(
    f"At t = 1 it costs {weight[0]:.2f} nats, {ratio:.0f} times the median over t: near the data"
    " the step is short and sure, and a small error of its mean is a large one in units of its"
    " width.",
    answer="the finest, t near 1" if weight.argmax() < T // 10 else "the noisiest, t near T",
)

# %%
fig, ax = plot.figure(size=(5.4, 3.0))
lines = {"bound, divided by its mean": weight / weight.mean(), "simple loss": np.ones(T)}
title = "How much a wrong guess counts"
plot.line(steps, lines, ax, xlabel="t", ylabel="weight", title=title)
lesson.figure(fig, "weights", "The left end is the last part of sampling, where little is left.")

# %% [markdown]
# $L_\mathrm{simple}$ drops the weight, to 1 for every $t$ (Eq. diffusion.15, Eq. diffusion.16).
# Compared with the bound it spends more effort on the noisier, harder examples and less on the last
# imperceptible bit of noise. Section 4 tries both.
#
# ## 3. Algorithm 1: training (figure f04)
#
# Data, a time for each example, noise; a step down the gradient. Here are the functions that figure
# f04 needs, as the package has them.

# %%
lesson.show_source(simple_loss, mean_from_eps, ancestral_step, ancestral)

# %% [markdown]
# The loop is written out this once. A moving average of the network (EMA) goes along, and it is
# what we sample from: it has less of the jitter of the last steps.

# %%
from minigen.optim import EMA, Adam, cosine
from minigen.tensor import value_and_grad


def noisy_batch(density, rng, n=512):
    """The data, a time step for each example, and the noise."""
    x0 = density.sample(rng, n)
    t = rng.integers(1, T + 1, n)
    return x0, t, rng.standard_normal(x0.shape, dtype=np.float32)


def guessing(model, x0, t, eps):
    return simple_loss(model, x0, t, eps, schedule)


# %%
def train(label, loss, density, steps):
    """A trained model of the noise, and the history of its loss."""
    rng = lesson.rng(label)
    model = EpsMLP(rng, width=128, layers=4)
    optimizer = Adam(model, 5e-3)
    ema = EMA(model, 0.999)
    lr = cosine(5e-3, steps, warmup=min(100, steps))

    def step(i):
        value, grads = value_and_grad(loss)(model, *noisy_batch(density, rng))
        optimizer.lr = lr(i)
        optimizer.step(grads)
        ema.update(model)
        return value

    state = {"model": model, "optimizer": optimizer, "ema": ema, "rng": rng}
    return ema.model, lesson.fit(step, steps, state=state, label=label)


# %% [markdown]
# The data: a ring of eight narrow bells, and two moons. At the start the network answers 0, and its
# loss is 1, the mean square of the noise.

# %%
lesson.predict(
    "What loss would a perfect network have on the ring?",
    ["0: it knows the noise", "more than 0, less than 1", "1: noise cannot be guessed"],
)

# %%
densities = {name: toy.get(name).standardized() for name in ("ring", "two_moons")}
trained = {}
for name, density in densities.items():
    trained[name], history = train(name, guessing, density, lesson.steps(25_000, quick=20))
    if name == "ring":
        ring_loss = history["loss"]

# %% [markdown]
# From $x_t$ alone nobody can tell the noise for certain. The best answer is its mean $E[\epsilon
# \mid x_t]$, and the spread around it remains as loss. **The mean of the noise is the score**, up
# to a factor: $-\sqrt{1-\bar\alpha_t}\; \nabla \log q(x_t)$. For the ring, noised or not, $q$ is a
# mixture of bells and its score a formula. So we can see how well the network has learned.

# %%
ring = densities["ring"]
exact_model = exact_eps_model(ring, schedule)  # E[noise | x_t]


def probe(t, n, rng):
    """n points of the ring after t steps, the noise in them, and its exact mean."""
    x0 = ring.sample(rng, n)
    eps = rng.standard_normal(x0.shape, dtype=np.float32)
    x_t = q_sample(x0, t, eps, schedule)
    return x_t, eps, exact_model(x_t, t)


# %%
rng = lesson.rng("probes")
probed = np.arange(1, T + 1, 20 if lesson.quick else 1)
probes = {t: probe(t, lesson.size(2000), rng) for t in probed}
best = np.mean([np.mean((eps - exact) ** 2) for _, eps, exact in probes.values()])


def excess(model):
    """The mean square of the learned minus the exact mean noise, at each t probed."""
    return np.array(
        [
            np.mean((model(x, np.full(len(x), t)) - exact) ** 2)
            for t, (x, _, exact) in probes.items()
        ]
    )


# %%
ring_excess = excess(trained["ring"])
reached = np.mean(ring_loss[-len(ring_loss) // 10 :])
lesson.outcome(
    f"{best:.3f}, exactly worked out; the last tenth of the training has {reached:.3f}. The loss of"
    " a diffusion model does not say how good it is: most of it cannot be learned.",
    answer="more than 0, less than 1",
)
lesson.claim(
    "ring: mean square of the learned minus the exact mean of the noise",
    np.mean(ring_excess),
    at_most=0.002,
)

# %%
fig, ax = plot.figure(size=(5.4, 3.2))
plot.curves(
    {"loss on the ring": ring_loss},
    ax=ax,
    smooth=100,
    title="The floor is not zero",
    reference={"best possible, exactly": float(best)},
)
lesson.figure(fig, "loss", "Look where the curve goes flat: near the loss of the exact answer.")

# %% [markdown]
# ## 4. With the weights of the bound
#
# The same network, data and steps, but the loss is the bound's: each error counts with its weight,
# divided by the mean weight.


# %%
def bound(model, x0, t, eps):
    """Eq. diffusion.14, up to a constant factor."""
    errors = np.mean((eps - model(q_sample(x0, t, eps, schedule), t)) ** 2, axis=1)
    relative = (weight / weight.mean())[t - 1].astype(x0.dtype)
    return np.mean(relative * errors)


# %%
lesson.predict(
    "Whose guesses are nearer to the exact mean of the noise, on average over all t?",
    ["the simple loss's", "the bound's", "within a tenth of each other"],
)

# %%
by_bound, _ = train("ring, bound", bound, ring, lesson.steps(25_000, quick=20))
bound_excess = excess(by_bound)

# %% [markdown]
# Two judges: the mean square of the error, all $t$ alike, and what the errors add to the bound, the
# sum of weights times squared errors in both dimensions, over all steps.

# %%
price = weight[probed - 1] * 2 * T / len(probed)
rows = []
for label, error in {"simple loss": ring_excess, "bound": bound_excess}.items():
    rows.append([label, np.mean(error), np.mean(error[probed <= T // 10]), np.sum(price * error)])
lesson.table(
    rows,
    ["trained with", "squared error", "the same, first 20 steps", "nats added to the bound"],
)

# %%
relative = np.mean(bound_excess) / np.mean(ring_excess)
if abs(np.log(relative)) < np.log(1.1):
    answer = "within a tenth of each other"
else:
    answer = "the simple loss's" if relative > 1 else "the bound's"
lesson.outcome(
    f"With the bound's weights the squared error is {relative:.2f} times that with the simple loss;"
    f" what the errors add to the bound, {rows[1][3] / rows[0][3]:.2f} times.",
    answer=answer,
)

# %%
fig, ax = plot.figure(size=(5.4, 3.0))
lines = {"simple loss": ring_excess, "bound": bound_excess}
title = "Squared error of the guess, by time step"
plot.line(probed, lines, ax, log="y", xlabel="t", ylabel="squared error", title=title)
lesson.figure(fig, "two_losses", "Where is each of the two losses the better teacher?")

# %% [markdown]
# On pictures Ho et al. found a trade: the bound as the loss gives the better likelihood, the simple
# loss the better samples. It is also the simpler one.
#
# ## 5. Algorithm 2: sampling
#
# Start from noise and walk back. `step` can be exchanged, which we shall misuse in a moment.


# %%
def reverse_chain(step, model, schedule, x, rng):
    for i in range(schedule.T, 0, -1):
        guess = model(x, np.full(len(x), schedule.times[i]))
        x = step(x, i, guess, rng.standard_normal(x.shape, dtype=x.dtype), schedule)
    return x


# %%
model = trained["ring"]
start = lesson.rng("start").standard_normal((lesson.size(2000, quick=50), 2), dtype=np.float32)
short = schedule.subset(spaced_timesteps(T, 20))  # 20 long steps instead of 200
mine = reverse_chain(ancestral_step, model, short, start, lesson.rng("walk"))
theirs = ancestral(model, start, short, lesson.rng("walk"))
lesson.check("the loop above is the package's sampler", np.abs(mine - theirs).max(), at_most=1e-5)

# %%
path = Trajectory(times=[200, 120, 60, 20, 0])
ancestral(model, start, schedule, lesson.rng("path"), on_step=path)
rng = lesson.rng("forward")
fig, axes = plot.figure(2, len(path.times), size=(2.2, 2.2))
for k, (t, state) in enumerate(zip(path.times, path.states)):
    data = ring.sample(rng, len(start))
    noised = q_sample(data, t, rng.standard_normal(data.shape, dtype=np.float32), schedule)
    plot.samples(noised, ax=axes[0, k], bounds=3, color=plot.color.real, title=f"t = {t}")
    plot.samples(state, ax=axes[1, k], bounds=3)

# %%
axes[0, 0].set_ylabel("data, noised")
axes[1, 0].set_ylabel("samples")
lesson.figure(
    fig,
    "forward_and_back",
    "Above, data noised by t steps; below, samples on their way back. The two of a column are to be"
    " one density, reached from two sides.",
)

# %% [markdown]
# The same walk with more stops, and with two variances of the step: $\sigma_t^2 = \beta_t$, and the
# smaller $\tilde\beta_t$ of `diffusion/03`. *Move $t$ from 200 to 0: when does the ring show, and
# when does it split into eight? Does that depend on the variance?*

# %%
stops = np.unique((T * np.linspace(0, 1, 33) ** 2).round())  # more of them near the data
trajectories = []
for variance in ("beta", "posterior"):
    path = Trajectory(times=stops)
    ancestral(model, start[:500], schedule, lesson.rng("path"), variance, on_step=path)
    trajectories.append(path.states)

# %%
lesson.play(
    "reverse",
    {"variance": ["β, the larger", "posterior, the smaller"], "t": path.times},
    points=trajectories,
    truth=ring.sample(lesson.rng("shown truth"), 500),
    bounds=3,
    time="t",
    caption="Samples on their way from noise to the ring, the small dots underneath.",
)

# %% [markdown]
# How good are they? Distances are sliced Wasserstein distances, over their *floor*: what two fresh
# sets of the truth have between them. Near 1, samples and truth cannot be told apart. A set of
# 1,000 sees coarse errors only; 20,000 points at once see finer ones. One such distance is mostly
# chance, the shares of the eight modes in the one set and the other. So the table has means of
# forty: each time as many of the samples, chosen anew if there are more, and new points of the
# truth.

# %%
from minigen.metrics import sampling_floor, sliced_wasserstein
from minigen.tensor import batched, parallel_call

few, many = lesson.size(1000, quick=25), lesson.size(20_000, quick=50)
rounds = lesson.size(6, quick=1)
repeats = lesson.size(40, quick=2)


def distance(a, b):
    return sliced_wasserstein(a, b, 100, lesson.rng("directions"))


@functools.cache
def floor(density, n):
    rng = lesson.rng("floor")
    return sampling_floor(distance, density.sample, n, rng, repeats=repeats).mean


def over_floor(x, density, n, rng):
    """Mean distance of n of the samples x, chosen anew each time, to the truth, over its floor."""
    some = [rng.choice(x, n, replace=False) for _ in range(repeats)]
    return np.mean([distance(part, density.sample(rng, n)) for part in some]) / floor(density, n)


# %%
def draw_points(model, n, rng, process, variance="beta"):
    """n points by Algorithm 2, some at a time. Two threads share each call of the network."""
    shared = parallel_call(model)

    def some(noise):
        return ancestral(shared, noise, process, rng, variance)

    return batched(some, rng.standard_normal((n, 2), dtype=np.float32), size=2500)


# %% [markdown]
# Two things could be wrong with samples: the sampler and the network. For the ring the exact mean
# of the noise is at hand, so the sampler is judged with it first, with all steps and with every
# tenth of them, ten times as long.

# %%
points, rows = {}, []
for process, variance in ((schedule, "beta"), (schedule, "posterior"), (short, "beta")):
    name = f"ring, exact, {process.T} steps"
    rng = lesson.rng(f"{name}, {variance}")
    x = draw_points(exact_model, rounds * many, rng, process, variance)
    far = [over_floor(x, ring, size, rng) for size in (few, many)]
    points[name, variance] = x
    rows.append([name, variance, *far])

# %%
for name, density in densities.items():
    for variance, n in (("beta", rounds * many), ("posterior", many)):
        rng = lesson.rng(f"judge {name} {variance}")
        x = draw_points(trained[name], n, rng, schedule, variance)
        far = [over_floor(x, density, size, rng) for size in (few, many)]
        points[name, variance] = x
        rows.append([name, variance, *far])

# %%
lesson.table(rows, ["density", "σ²", f"sets of {few:,}", f"{many:,} at once"], "distance / floor")
for name, variance, of_sets, at_once in rows:
    if name in densities and variance == "beta":
        lesson.claim(f"{name}: sets of {few:,}, distance over the floor", of_sets, at_most=1.2)
        bar = {"ring": 1.5, "two_moons": 1.3}[name]
        lesson.claim(f"{name}: {many:,} at once", at_once, at_most=bar)

# %%
fig, axes = plot.figure(1, 2)
for ax, (name, density) in zip(axes, densities.items()):
    plot.samples(points[name, "beta"][:2000], density, ax, title=name)
lesson.figure(fig, "samples", "Look between the modes and beside the moons for strays.")

# %% [markdown]
# The table has two choices of the step's variance. $\sigma_t^2 = \beta_t$ is right for data as wide
# as the noise, $\sigma_t^2 = \tilde\beta_t$ (the variance of `diffusion/03`) for data that is a
# single point. A mode of the ring is neither. How wide do its samples lie around it?


# %%
def width(x):
    """Standard deviation around the nearest mode of the ring, by the median, over the true one."""
    squares = np.min(np.sum((x[:, None] - ring.modes) ** 2, axis=2), axis=1)
    return np.sqrt(np.median(squares) / (2 * np.log(2))) / ring.std


widths = {key: width(x[:many]) for key, x in points.items() if key[0].startswith("ring")}
rows = [[*key, value] for key, value in widths.items()]
lesson.table(rows, ["samples", "σ²", "width of the modes / the true one"])
bars = {(T, "beta"): (1.01, 1.1), (T, "posterior"): (0.78, 0.9), (20, "beta"): (0.64, 0.78)}
for (process_steps, variance), bar in bars.items():
    name = f"ring, exact, {process_steps} steps"
    lesson.claim(f"{name}, {variance}: width / true", widths[name, variance], between=bar)

# %% [markdown]
# With exact noise and all steps, the larger variance leaves the modes a little too wide, the
# smaller one too narrow. The last step, which adds no noise, goes to a mean, and a mean is less
# spread than what it is the mean of: with 20 long steps that counts most.
#
# ## 6. Two ways to get it wrong
#
# Someone adds the noise $\sigma_1 z$ at the last step too. Someone else finds all that fresh noise
# wasteful, and leaves it out everywhere.

# %%
lesson.predict(
    "With 20 long steps, whose samples are further from the ring?",
    ["with noise at the end", "with no noise at all", "neither is far: the means are right"],
)


# %%
def noise_at_the_end(x, t, eps, z, schedule):
    """The first mistake: the last step is a step like any other."""
    mean = mean_from_eps(x, t, eps, schedule)
    return (mean + np.sqrt(schedule.beta[t]) * z).astype(np.float32)


def never_noise(x, t, eps, z, schedule):
    """The second: the mean, and nothing else."""
    return mean_from_eps(x, t, eps, schedule)


variants = {
    "right": ancestral_step,
    "with noise at the end": noise_at_the_end,
    "with no noise at all": never_noise,
}

# %%
result = {}
for label, step in variants.items():
    for process in (schedule, short):
        rng = lesson.rng(f"wrong {process.T}")
        result[label, process.T] = reverse_chain(step, model, process, start, rng)
for process in (schedule, short):
    rng = lesson.rng(f"wrong, exact, {process.T}")
    x = reverse_chain(never_noise, exact_model, process, start, rng)
    result["with no noise, guesses exact", process.T] = x

# %% [markdown]
# Four numbers for each: the share of samples within 3 standard deviations of a mode; the share of
# the most frequent of the eight modes (in truth an eighth); how widely the samples are spread (the
# truth has 1); the distance over its floor.

# %%
from minigen.metrics import mode_coverage


def most_frequent(x):
    """The share of the samples whose nearest mode is the most frequent one."""
    nearest = np.argmin(np.sum((x[:, None] - ring.modes) ** 2, axis=2), axis=1)
    return np.bincount(nearest).max() / len(x)


near = {key: mode_coverage(x, ring.modes, ring.std).high_quality for key, x in result.items()}
spread = {key: float(x.std()) for key, x in result.items()}
far = {key: over_floor(x, ring, len(x), lesson.rng("far")) for key, x in result.items()}

# %%
rows = []
for key, x in result.items():
    shares = [f"{near[key]:.1%}", f"{most_frequent(x):.1%}"]
    rows.append([*key, *shares, f"{spread[key]:.2f}", f"{far[key]:.1f}"])
lesson.table(
    rows,
    ["sampling", "steps", "near a mode", "most frequent mode", "spread", "distance / floor"],
)

# %%
end, never = far["with noise at the end", 20], far["with no noise at all", 20]
further = "with noise at the end" if end > never else "with no noise at all"
lesson.outcome(
    f"{end:.1f} floors with noise at the end, {never:.1f} with none (the right way:"
    f" {far['right', 20]:.1f}).",
    answer="neither is far: the means are right" if max(end, never) < 1.5 else further,
)

# %%
fig, axes = plot.figure(1, 3)
for ax, label in zip(axes, variants):
    plot.samples(result[label, 20], ring, ax, title=f"{label}, 20 steps", bounds=2.4)
lesson.figure(fig, "wrong_turns", "Look at the width of the modes, and at how many there are.")

# %%
lesson.claim(
    "noise at the end: share near a mode, 20 steps, less that of the right way",
    near["with noise at the end", 20] - near["right", 20],
    at_most=-0.2,
)
lesson.claim(
    "no noise at all, 20 steps: distance over its floor",
    far["with no noise at all", 20],
    at_least=10,
)
shares_even = most_frequent(result["with no noise, guesses exact", 20])
lesson.claim("the same, guesses exact: most frequent mode", shares_even, at_most=0.16)
lesson.check("σ₁ / width of a mode", np.sqrt(schedule.beta[1]) / ring.std, between=(0.3, 0.34))

# %% [markdown]
# Noise at the end is a common bug because one does not see it: with all steps $\sigma_1$ is only a
# third of the width of a mode. With few steps it blurs everything.
#
# Without fresh noise each step goes to the *average* of the places that $x_t$ could have come from,
# nearer to the center than any of them; only fresh noise restores the width. With exact guesses
# that is all that happens: the ring is too small, its modes are as frequent as ever. But a network
# has hardly met such points in training, at such times, and its guesses there are worse. All points
# then follow one small push. With all 200 steps each sample by itself looks fine, right at a mode;
# together they are worthless.

# %%
lesson.change(
    "half of the noise",
    "Add half of the fresh noise: change the line of `never_noise` to `return mean_from_eps(x, t, "
    "eps, schedule) + np.float32(schedule.beta[t] ** 0.5 / 2) * z`, and run again. What is the "
    "spread with exact guesses now?",
    answer="In between: with 20 steps about 0.98, where it is 0.85 without noise and 1 with all "
    "of the noise; with 200 steps 0.99, where it is 0.97 without noise. Each step goes to a mean, "
    "which is less spread than the points that it is the mean of, and half of the noise restores "
    "a part of what is lost.",
)

# %% [markdown]
# ## 7. Digits
#
# The same game on pictures, with two changes. The network is a U-Net, which sees pictures at 14×14
# and 7×7 (`diffusion/17` takes it apart). And the noise comes along a cosine, more evenly
# (`diffusion/06`).
#
# The loop is the one of section 3, so the package may write it: `descend` takes a loss, a model and
# batches, and makes the `step`. `parallel` shares each batch between two threads. No labels: this
# network never hears that there are ten kinds of digits.

# %%
by_cosine = Schedule.cosine(200)
rng = lesson.rng("digits")
batch = lesson.size(64, quick=8)
drawings = mnist.splits().train.images[: lesson.size(50_000, quick=2000)]
batches = mnist.batches(drawings, size=batch, rng=rng)
unet = UNet(rng, width=lesson.size(32, quick=8), global_mlp=lesson.size(512, quick=32))


def noisy_digits(rng):
    """A batch: the pictures, a time step for each, and the noise."""
    (gray,) = next(batches)
    x0 = mnist.symmetric(gray)  # (N, 28, 28, 1) in [-1, 1]
    t = rng.integers(1, by_cosine.T + 1, batch)
    return x0, t, rng.standard_normal(x0.shape, dtype=np.float32)


# %%
from minigen.train import descend


def digit_loss(model, x0, t, eps):
    return simple_loss(model, x0, t, eps, by_cosine)


mnist_steps = lesson.steps(4000, quick=2)
lr = cosine(2e-3, mnist_steps, warmup=min(50, mnist_steps))
step = descend(digit_loss, unet, noisy_digits, lr=lr, ema=0.999, rng=rng, parallel=True)
lesson.fit(step, mnist_steps, label="digits", state={**step.state, "batches": batches})

# %% [markdown]
# A pixel is never darker than black. `clipped` corrects a guess that implies otherwise. And to save
# time we make every other step only, twice as long: `strided` does what `short` did above. Two
# threads share the calls of the network, half of the digits each (`parallel_call`).

# %%
eye = clipped(parallel_call(step.averaged), by_cosine)
jumps = lesson.size(100, quick=5)


def unit(x):
    """From [-1, 1] to [0, 1], what sticks out cut off."""
    return (x.clip(-1, 1) + 1) / 2


def draw(rng, n):
    """n digits (n, 28, 28, 1) in [0, 1]."""

    def some(noise):
        return strided(eye, noise, by_cosine, jumps, rng, "posterior")

    noise = rng.standard_normal((n, 28, 28, 1), dtype=np.float32)
    return unit(batched(some, noise, size=250, progress="digits"))


lesson.sampler("digits", draw)

# %%
digits = draw(lesson.rng("draw"), lesson.size(5000, quick=10))
grid = plot.image_grid(digits[:100], cols=10, limits=(0, 1))
lesson.figure(grid, "digits", "Count those that you can read.")

# %% [markdown]
# Two of them on their way: what the sampler has, and the data that its guess implies.

# %%
process = by_cosine.subset(spaced_timesteps(by_cosine.T, jumps))
path = Trajectory(times=[round(jumps * share) for share in (1, 0.8, 0.6, 0.4, 0.2, 0.1, 0)])
noise = lesson.rng("watched").standard_normal((2, 28, 28, 1), dtype=np.float32)
ancestral(eye, noise, process, lesson.rng("watched"), "posterior", on_step=path)

pairs = []
for i, x in zip(path.times, path.states):
    guess = eye(x, np.full(2, process.times[i])) if i > 0 else 0 * x
    implied = predict_x0_from_eps(x, i, guess, process)
    pairs.append(np.stack([x, implied], axis=1))
pictures = np.stack(pairs, axis=2).reshape(-1, 28, 28)

# %%
grid = plot.image_grid(
    pictures,
    cols=len(pairs),
    limits=(-1, 1),
    row_labels=["x_t", "implied x_0"] * 2,
    col_labels=[f"t = {process.times[i]}" for i in path.times],
)
lesson.figure(
    grid,
    "path",
    "Below each noisy row, the data that the guess implies. It begins as an average of digits; look"
    " where it becomes one.",
)

# %% [markdown]
# How good are they? The judge is a classifier of digits (`gan/08`), which comes with the package
# and has nothing to do with this network. It turns a picture into 64 features. Fit a Gaussian to
# the features of the made digits and one to those of the test digits: the *Fréchet distance*
# between the two is small only if the digits look right *and* all kinds come up. Real digits are
# judged first, to have a scale; they do not score 0, since 5,000 of them are not all.

# %%
from minigen.metrics.digits import class_gaussian_digits, judge_digits

classifier = lesson.pretrained("digit_classifier")
test = mnist.unit(mnist.splits().test.images[: lesson.size(10_000, quick=200)])
n = len(digits)
train_set = mnist.splits().train
real = mnist.unit(train_set.images[: max(n, 200)])
of_real = judge_digits(classifier, real[:n], test)

# %%
lesson.predict(
    f"Real digits of the training set score {of_real.frechet:.1f}. And those of the network?",
    ["below 10", "between 10 and 100", "above 100"],
)

# %%
rng = lesson.rng("judge")
gaussians, _ = class_gaussian_digits(real, train_set.labels[: len(real)], rng, n)
sets = {
    "samples": digits,
    "a Gaussian for each class": gaussians,
    "noise": rng.random((n, 28, 28, 1), dtype=np.float32),
}
reports = {label: judge_digits(classifier, x, test) for label, x in sets.items()}
reports["real digits"] = of_real

# %%
rows = []
for label, report in reports.items():
    counts = " ".join(f"{100 * share:.0f}" for share in report.shares)
    rows.append([label, report.frechet, f"{report.confidence:.0%}", counts])
lesson.table(rows, ["pictures", "Fréchet distance", "how sure", "% of 0, 1, ... 9"])

# %%
frechet = reports["samples"].frechet
answer = "between 10 and 100" if frechet < 100 else "above 100"
lesson.outcome(
    f"{frechet:.1f}. Gaussians fitted to the pixels of each class have"
    f" {reports['a Gaussian for each class'].frechet:.0f}.",
    answer="below 10" if frechet < 10 else answer,
)
lesson.claim(
    "Fréchet distance of 5,000 samples to the test digits",
    frechet,
    at_most=40,
)
lesson.claim("share of the rarest digit", reports["samples"].shares.min(), at_least=0.04)

# %% [markdown]
# "How sure" is the mean probability of the classifier's answer. It says little by itself: of noise
# it is quite sure, too. Where it is unsure of a sample, that is mostly a half-digit: strokes that
# two kinds share, and no decision. A network that is *told* the label has that decision taken off
# it, and its digits are better at once; `diffusion/09` does so.
#
# ## 8. Where the post is loose
# - The weight in $L_t$ is $1/(2\sigma_t^2)$, as checked; the post prints $2\lVert\Sigma\rVert^2$
#   where $2\sigma_t^2$ belongs, and for $\Sigma = \sigma_t^2 I$ that would be $2\sigma_t^4$. And
#   the $L_t$ of Eq. diffusion.14 is the $L_{t-1}$ of Eq. diffusion.12.
# - $L_\mathrm{simple}$ needs no "$+\,C$" and no index $t$; in Eq. diffusion.13 $x_{t-1}$ is *drawn
#   from* the Gaussian.
# - "Predict $\epsilon_t$" means all the noise in $x_t$, not that of step $t$.
#
# **Left out:** the likelihood of the digits (`diffusion/07`). **Next:** the mean of the noise was
# the score; `diffusion/05` learns scores with no diffusion at all.
#
# **Your turn:** `minigen exercise start diffusion/04`, then `minigen run diffusion/04 --with
# exercises/diffusion_04.py`.

# %%
lesson.finish()
