# %% [markdown]
# # Consistency models: straight to the beginning of the path
#
# The second half of what *Fewer Sampling Steps & Distillation* (diffusion.s14) of [What are
# Diffusion Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/) says on
# distillation, run: Song, Dhariwal, Chen and Sutskever, 2023. Read `diffusion/10` (DDIM) first, and
# if you can `diffusion/11`. To take away:
#
# 1. All points of one path from noise to data have the same beginning. A *consistency model* is the
#    function that leads from any of them to it, in one call.
# 2. It is trained to give the same at neighboring points. Whether that is enough, and what has to
#    be built into the network, is section 2.
# 3. The neighbor comes from a teacher (*consistency distillation*), or from nothing but the noise
#    that was added (*consistency training*).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/12_consistency_models",
    title="Consistency models: straight to the beginning of the path",
    post="diffusion",
    sections=["diffusion.s14"],
    figures=["diffusion.f11", "diffusion.f12"],
    equations=["diffusion.27", "diffusion.28", "diffusion.29"],
    pretrained=["digit_classifier", "digit_diffusion"],
    minutes=9.0,
    sources=["weng2021diffusion", "karras2022design", "song2023consistency", "song2024consistency"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import toy
from minigen.diffusion.consistency import ConsistencyModel, boundary_scalings
from minigen.diffusion.guidance import conditional
from minigen.diffusion.consistency import consistency_distillation_loss, consistency_training_loss
from minigen.diffusion.consistency import discretization, eps_model_from_denoiser
from minigen.diffusion.consistency import lognormal_intervals, multistep, ode_step, pseudo_huber
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.diffusion.schedule import Schedule, per_example
from minigen.metrics import sampling_floor, sliced_wasserstein
from minigen.optim import cosine
from minigen.tensor import mse
from minigen.train import descend

# %% [markdown]
# ## 1. By hand: a path and its beginning
#
# Here noised data is $x = x_0 + \sigma z$: nothing is shrunk, and the noise $\sigma$ is the time.
# (Divide the $x_t$ of the other lessons by $\sqrt{\bar\alpha_t}$ and you have it.) The
# deterministic process of DDIM is then a differential equation, $dx/d\sigma = \epsilon(x, \sigma)$,
# where $\epsilon$ is the mean noise in $x$. Its *paths* lead from noise, at a large $\sigma$, to
# data at 0.
#
# Let the data be numbers from $\mathcal N(0, 0.6^2)$. At noise $\sigma$ they have the variance
# $0.36 + \sigma^2$, the mean noise is $\epsilon = \sigma x/(0.36 + \sigma^2)$, and the paths are
# known: along each of them $x$ grows as $\sqrt{0.36 + \sigma^2}$.

# %%
lesson.predict(
    "You are at x = 1, and the noise is 0.8. The mean of all data that this could be is 0.36."
    " Where does the path through this point begin?",
    ["at 0", "at 0.36, that mean", "at 0.6", "at 1"],
)

# %% [markdown]
# Walk back along it, in steps. Euler's step trusts the slope where it stands; Heun's looks ahead
# and takes the mean of two slopes. Both are yours to write:

# %%
lesson.exercise("diffusion/12/ode_step")

# %%
s = 0.6  # the standard deviation of the data


def gaussian_noise(x, sigma):
    """E[z | x + σ z = x] for data N(0, s²)."""
    sigma = sigma[:, None]
    return sigma * x / (s**2 + sigma**2)


def walk(eps_model, x, levels, solver):
    """x carried down the levels, one step each."""
    for high, low in zip(levels[:-1], levels[1:]):
        x = ode_step(eps_model, x, high, low, solver)
    return x


# %%
here = np.array([[1.0]])
ends = {}
for n in (1, 4, 16, 64):
    levels = np.linspace(0.8, 0, n + 1)
    ends[n] = [walk(gaussian_noise, here, levels, way).item() for way in ("euler", "heun")]
lesson.table([[n, *end] for n, end in ends.items()], ["steps", "Euler", "Heun"], "from 1 to")
lesson.check("64 steps of Heun", ends[64][1], equals=0.6, atol=1e-4)
lesson.outcome(
    "At 0.6 = 1 · 0.6/√(0.36 + 0.64). The first step of Euler lands on the mean, 0.36: an average"
    " over all paths that could have come near here, not the beginning of this one.",
    answer="at 0.6",
)

# %% [markdown]
# The function that leads from any point to the beginning of its path is the *consistency function*.
# Here it is $f(x, \sigma) = 0.6\, x/\sqrt{0.36 + \sigma^2}$; a denoiser, which answers with the
# mean, is another function. With two bells instead of one there is no formula, but we can walk
# (figure f11):

# %%
modes = np.array([-1.0, 1.0])


def two_modes_noise(x, sigma):
    """The mean noise in x (N, 1) for data from two bells at -1 and 1, of width 0.2."""
    sigma = sigma[:, None]
    pull = np.tanh(x / (0.04 + sigma**2))  # the chance of the right bell less that of the left
    return sigma * (x - pull) / (0.04 + sigma**2)


downhill = np.linspace(1.5, 0.0, 101)
lines = [np.linspace(-2.6, 2.6, 14)[:, None]]
for high, low in zip(downhill[:-1], downhill[1:]):
    lines.append(ode_step(two_modes_noise, lines[-1], high, low, "heun"))
lines = np.stack(lines)[:, :, 0]  # (101, 14)

# %%
fig, ax = plot.figure(size=(6.4, 3.6))
ax.plot(downhill, lines, color=plot.color.noise, lw=0.8)
mine = lines[:, 8]
ax.plot(downhill, mine, color=plot.color.real)
for k in (0, 30, 60):
    arrow = {"arrowstyle": "->", "color": plot.color.fake, "connectionstyle": "arc3,rad=0.25"}
    ax.annotate("", (0, mine[-1]), (downhill[k], mine[k]), arrowprops=arrow)
    ax.plot(downhill[k], mine[k], "o", color=plot.color.fake)
ax.plot(0, mine[-1], "o", color=plot.color.real)
ax.set(xlabel="noise σ", ylabel="x", title="one path, one beginning")
lesson.figure(
    fig,
    "f11_path",
    "Paths of the process for data at -1 and 1. Three points of the same path: f leads from each of"
    " them (arrows) to the same place.",
)

# %% [markdown]
# ## 2. What agreement alone allows
#
# So $f$ must give the same at all points of one path. We shall ask it of neighbors: two points of a
# path, at the levels `high` and `low`, and the squared difference of what $f$ says.

# %%
lesson.predict(
    "Of all functions, which one has the least loss of this kind?",
    ["the true consistency function only", "the denoiser", "also f = 0"],
)

# %%
rng = lesson.rng("by hand")
points = s * rng.standard_normal((2000, 1))
noise = rng.standard_normal((2000, 1))


def exact(x, sigma):
    return s * x / np.sqrt(s**2 + sigma[:, None] ** 2)


def denoised(x, sigma):
    return x - sigma[:, None] * gaussian_noise(x, sigma)


def constant(x, sigma):
    return 0 * x


# %%
asked = {"consistency function": exact, "denoiser": denoised, "f = 0": constant}
losses = {
    name: consistency_distillation_loss(f, f, gaussian_noise, points, noise, 1.0, 0.95)
    for name, f in asked.items()
}
lesson.table([[name, loss] for name, loss in losses.items()], ["f", "loss"], "high = 1, low = 0.95")
lesson.check("loss of f = 0", losses["f = 0"], equals=0.0)
lesson.outcome(
    "A constant agrees with itself everywhere. It is the least of all, for the true function has at"
    f" least the error of the walk ({losses['consistency function']:.1e}).",
    answer="also f = 0",
)

# %% [markdown]
# What the constant does not do is to begin at the right place: at the lowest level,
# $\sigma_\mathrm{min}$, where there is no noise to speak of, $f$ must return its input. So build
# that in: $f_\theta(x, \sigma) = c_\mathrm{skip}(\sigma)\, x + c_\mathrm{out}(\sigma)\, F_\theta(x,
# \sigma)$ with any network $F$ and two factors that are 1 and 0 at $\sigma_\mathrm{min}$. Which?
#
# Those of a denoiser (Karras et al. 2022) are found by what they leave to $F$. Noised data is $x =
# x_0 + \sigma z$, and $\sigma_d$ is the standard deviation of the data. The rest, $x_0 -
# c_\mathrm{skip}\, x$, should be as small as possible in the mean square, and $c_\mathrm{out}$ its
# standard deviation, so that $F$ has an output of variance 1 to learn at every level. Shifted by
# $\sigma_\mathrm{min}$, they hold the boundary.

# %%
lesson.exercise("diffusion/12/boundary_scalings")

# %% [markdown]
# The factors (Eq. diffusion.27) are
#
# $$c_\mathrm{skip} = \frac{\sigma_d^2}{(\sigma - \sigma_\mathrm{min})^2 + \sigma_d^2}, \qquad
# c_\mathrm{out} = \frac{(\sigma - \sigma_\mathrm{min})\,\sigma_d}{\sqrt{\sigma^2 +
# \sigma_d^2}}.$$
#
# From $\sigma_\mathrm{min}$ truth spreads upwards: the next level must agree with the first, the
# one after with that.

# %%
lesson.check(
    "σ = 3, σ_min = 1, σ_d = 4: 16/(4 + 16) and 2 · 4/5",
    np.array(boundary_scalings(3.0, 1.0, 4.0)),
    equals=[0.8, 1.6],
)
low_end, high_end, width = 0.002, 80.0, 1.0
levels = np.geomspace(low_end, high_end, 200)
c_skip, c_out = boundary_scalings(levels, low_end, width)
lesson.show_source(boundary_scalings, ConsistencyModel)

# %%
ax = plot.line(levels, {"c_skip": c_skip, "c_out": c_out}, log="x", xlabel="noise σ")
ax.set_title("from the input alone to the network alone")
lesson.figure(
    ax,
    "scalings",
    "With less noise than the data is wide, f is its input and a correction; above, it is what the"
    " network says.",
)

# %%
wild = EpsMLP(lesson.rng("wild"), width=16, layers=2)
for array in wild.parameters().values():
    array[...] = lesson.rng("wild weights").standard_normal(array.shape)
x = lesson.rng("boundary").standard_normal((100, 2), dtype=np.float32)
f = ConsistencyModel(wild, low_end, width)
lesson.check("random weights: f(x, σ_min) - x", np.abs(f(x, low_end) - x).max(), equals=0.0, atol=0)
print(f"at σ = 1 the same network moves x by up to {np.abs(f(x, 1.0) - x).max():.1f}")

# %%
lesson.change(
    "no boundary",
    "Change `low_end` in `f = ConsistencyModel(wild, low_end, width)` to 0.0, which makes the "
    "wrapper that of a denoiser, and run again. Does f still return its input at the lowest level?",
    answer="No: the check fails by 0.002 times what the network returns, which is large for these "
    "weights. The factors are 1 and 0 only at the level that the wrapper takes for the lowest, now "
    "0. So f at 0.002 depends on the network, and nothing holds its beginning.",
)

# %% [markdown]
# ## 3. Two ways to find the neighbor
#
# **Consistency distillation** (CD) has a teacher, a diffusion model. Noise the data to the higher
# level $t_{n+1}$; one step of the teacher's differential equation leads to the lower level $t_n$,
# on the same path (Eq. diffusion.28):
#
# $$\mathcal L_\mathrm{CD} = \mathbb E\big[\lambda(t_n)\, d\big(f_\theta(x_{t_{n+1}}, t_{n+1}),\
# f_{\theta^-}(\hat x_{t_n}, t_n)\big)\big], \qquad \hat x_{t_n} = x_{t_{n+1}} + (t_n -
# t_{n+1})\,\Phi(x_{t_{n+1}}, t_{n+1}).$$
#
# $\Phi$ is the slope (for Euler the guessed noise, which is $-t$ times the score). $f_{\theta^-}$
# is a moving average of $f_\theta$, through which no gradient flows: a target that moves, but
# slowly. The post prints a minus before $(t_n - t_{n+1})\Phi$. What would that do?

# %%
args = (exact, exact, gaussian_noise, points, noise, 1.0, 0.95)


def uphill(x, sigma):
    """The slope with the sign of the post."""
    return -gaussian_noise(x, sigma)


right = consistency_distillation_loss(*args)
wrong = consistency_distillation_loss(*args[:2], uphill, *args[3:])
print(f"loss of the true function: {right:.1e} with the plus, {wrong:.1e} with the minus")
lesson.check("the minus costs", wrong / right, at_least=1e3)

# %% [markdown]
# **Consistency training** (CT) has no teacher. It noises the same data with the *same noise* to
# both levels. Put the two points in the place of $x_{t_{n+1}}$ and $\hat x_{t_n}$ above.

# %%
lesson.exercise("diffusion/12/consistency_training_loss")

# %% [markdown]
# This is (Eq. diffusion.29)
#
# $$\mathcal L_\mathrm{CT} = \mathbb E\big[\lambda(t_n)\, d\big(f_\theta(x + t_{n+1} z, t_{n+1}),\
# f_{\theta^-}(x + t_n z, t_n)\big)\big], \qquad z \sim \mathcal N(0, I).$$

# %%
lesson.predict(
    "What is the CT loss of the true consistency function, for these data?",
    ["about that of CD, next to nothing", "clearly above it", "below it: there is no solver"],
)

# %%
rows = []
for low in (0.9, 0.95, 0.975):
    pair = (exact, exact, points, noise, 1.0, low)
    training = consistency_training_loss(*pair)
    distilled = consistency_distillation_loss(exact, exact, gaussian_noise, *pair[2:])
    rows.append([1.0 - low, training, distilled])
lesson.table(rows, ["high - low", "CT", "CD, Heun"], "loss of the true function")

# %%
lesson.outcome(
    f"{rows[1][1]:.1e} against {rows[1][2]:.1e}. The straight line through x and x + z is not the"
    " path; it is so only in the mean over all data that could have led here. The rest is noise in"
    " the loss, which falls with the square of the step.",
    answer="clearly above it" if rows[1][1] > 10 * rows[1][2] else None,
)
lesson.check("half of the step, CT loss", rows[1][1] / rows[2][1], between=(3, 5))
lesson.show_source(ode_step, consistency_distillation_loss, consistency_training_loss)

# %% [markdown]
# That mean is enough for the gradient: for small steps CT and CD pull $f$ in the same direction
# (theorem 2 of the paper). But CT pulls noisily.
#
# ## 4. Distillation in the plane
#
# First a teacher. It is a *denoiser*: the same wrapper with $\sigma_\mathrm{min} = 0$ (these are
# the scalings of Karras et al. 2022), trained to give the clean data.

# %%
densities = {name: toy.get(name).standardized() for name in ("two_moons", "ring")}


def denoising_batch(name, rng, n=512):
    """Clean points, noise, and levels with a logarithm from N(-0.8, 1.6²)."""
    x = densities[name].sample(rng, n)
    sigma = np.exp(-0.8 + 1.6 * rng.standard_normal(n))
    return x, rng.standard_normal(x.shape, dtype=np.float32), sigma.astype(np.float32)


def denoising_loss(model, x, z, sigma):
    """Squared errors of the clean data, weighted so that the network's output counts the same."""
    error = model(x + per_example(sigma, z), sigma) - x
    return np.mean(per_example((sigma**2 + width**2) / (sigma * width) ** 2, error**2))


# %%
def denoiser_of(name, steps):
    """The moving average of a denoiser, trained for a density."""
    rng = lesson.rng(f"teacher, {name}")
    model = ConsistencyModel(EpsMLP(rng, width=128, layers=4), 0.0, width)

    def batch(rng):
        return denoising_batch(name, rng, 256)

    step = descend(denoising_loss, model, batch, lr=cosine(5e-3, steps), ema=0.999, rng=rng)
    lesson.fit(step, steps, state=step.state, label=f"teacher, {name}")
    return step.averaged


teachers = {name: denoiser_of(name, lesson.steps(10_000, quick=3)) for name in densities}
teachers_noise = {name: eps_model_from_denoiser(model) for name, model in teachers.items()}

# %% [markdown]
# Now the students. Levels: $N = 40$ of them between 0.002 and 80, dense at the low end (the grid of
# Karras et al.). The student begins with the teacher's weights; its target is a moving average with
# the decay 0.95.


# %%
def grid(n):
    """n levels from low_end to high_end, rising."""
    return Schedule.karras(n, low_end, high_end).sigma[1:]


def neighbors(name, sigmas, rng, n=512):
    """Clean points, noise, and two neighboring levels for each."""
    x, i = densities[name].sample(rng, n), rng.integers(0, len(sigmas) - 1, n)
    return x, rng.standard_normal(x.shape, dtype=np.float32), sigmas[i + 1], sigmas[i]


# %%
def distillation(name, label, steps, n=40, solver="heun", distance=mse):
    """The training step of a consistency model that is distilled from the density's teacher."""
    student = ConsistencyModel(teachers[name].net.copy(), low_end, width)

    def batch(rng):
        return neighbors(name, grid(n), rng)

    def loss(f, x, z, high, low):
        target, noise = step.averaged, teachers_noise[name]
        return consistency_distillation_loss(f, target, noise, x, z, high, low, solver, distance)

    rng, lr = lesson.rng(label), cosine(1e-3, steps)
    step = descend(loss, student, batch, lr=lr, ema=0.95, rng=rng)
    return step


# %%
def trained(step, steps, label):
    """The moving average of the model after so many steps."""
    lesson.fit(step, steps, state=step.state, label=label)
    return step.averaged


steps = lesson.steps(4000, quick=3)
students = {}
for name in densities:
    students[name] = trained(distillation(name, f"CD, {name}", steps), steps, f"CD, {name}")
label = "CD, two_moons, Euler"
by_euler = trained(distillation("two_moons", label, steps, solver="euler"), steps, label)

# %% [markdown]
# To sample, take noise of standard deviation 80 and ask $f$ once. Or, in several steps, add noise
# to what came out, less than at first, and ask again, always at levels that it has been trained at.

# %%
lesson.exercise("diffusion/12/multistep")

# %%
sets, n = lesson.size(10, quick=2), lesson.size(1000, quick=50)
start = high_end * lesson.rng("start").standard_normal((sets * n, 2), dtype=np.float32)


def sample(f, levels, x=start):
    """Samples of f through these levels; the same fresh noise for all models."""
    return multistep(f, x, levels, lesson.rng("fresh noise"), low_end)


# %%
def distance_by(rng):
    """Sliced Wasserstein distance, with directions drawn by rng."""

    def distance(a, b):
        return sliced_wasserstein(a, b, 100, rng)

    return distance


floors = {}
for name, density in densities.items():
    rng = lesson.rng("floor")
    repeats = lesson.size(100, quick=2)
    floors[name] = sampling_floor(distance_by(rng), density.sample, n, rng, repeats).mean


# %%
def over_floor(x, name):
    """Mean distance of sets of n samples to fresh sets of the truth, in units of the floor."""
    rng = lesson.rng("judge")
    distance, parts = distance_by(rng), np.split(x, len(x) // n)
    return np.mean([distance(x, densities[name].sample(rng, n)) for x in parts]) / floors[name]


lesson.show_source(multistep)


def draw(rng, count):
    x = high_end * rng.standard_normal((count, 2), dtype=np.float32)
    return multistep(students["two_moons"], x, [high_end], rng, low_end)


lesson.sampler("two moons, distilled, one step", draw)

# %% [markdown]
# The distance of the samples to the data is a sliced Wasserstein distance, over its floor: what two
# sets of 1,000 true points have between them. The teacher walks down 40 levels; its one step is
# its denoiser, asked at $\sigma = 80$.

# %%
lesson.predict(
    "One call of the distilled model for the moons: its distance, in floors, will be",
    ["below 1.2", "between 1.2 and 2", "above 2"],
)


# %%
def nearest(sigmas, sigma):
    """The level of a grid that is nearest to sigma."""
    return float(sigmas[np.argmin(np.abs(sigmas - sigma))])


one, two = [high_end], [high_end, nearest(grid(40), 1.0)]


# %%
rows, score = [], {}
for name in densities:
    walked = walk(teachers_noise[name], start, grid(40)[::-1], "heun")
    score[name] = over_floor(sample(students[name], one), name)
    rows += [
        [name, "teacher, 40 levels, Heun", over_floor(walked, name), "-"],
        [name, "teacher, one step", over_floor(sample(teachers[name], one), name), "-"],
        [name, "CD, Heun", score[name], over_floor(sample(students[name], two), name)],
    ]
euler = [over_floor(sample(by_euler, levels), "two_moons") for levels in (one, two)]
rows.append(["two_moons", "CD, Euler", *euler])
lesson.table(rows, ["data", "model", "one step", "two steps"], "distance / floor")

# %%
best = score["two_moons"]
lesson.outcome(
    f"{best:.2f} floors with Heun in the training, {euler[0]:.2f} with Euler.",
    answer="below 1.2" if best < 1.2 else "between 1.2 and 2" if best < 2 else "above 2",
)
for name in densities:
    lesson.claim(f"CD, {name}: one step, distance / floor", score[name], at_most=1.2)

# %%
fig, axes = plot.figure(1, 4, size=(2.5, 2.5))
shown = {
    "teacher, one step": sample(teachers["two_moons"], one),
    "CD, one step": sample(students["two_moons"], one),
    "CD, two steps": sample(students["two_moons"], two),
    "CD (Euler), one step": sample(by_euler, one),
}
for ax, (title, x) in zip(axes, shown.items()):
    plot.samples(x[:1500], densities["two_moons"], ax, title=title, bounds=2.5)
lesson.figure(
    fig,
    "moons",
    "Asked once at σ = 80, the denoiser gives the mean of all data. And the consistency model,"
    " which began with the same weights?",
)

# %% [markdown]
# Is it consistent? Follow the teacher's paths down, and ask $f$ at every level: all answers along
# one path should be where it ends.


# %%
def along_the_path(f, name, levels, x):
    """Root mean square of f's answer less the end of the path, at each level."""
    states = [x]
    for high, low in zip(levels[:-1], levels[1:]):
        states.append(ode_step(teachers_noise[name], states[-1], high, low, "heun"))
    told = [np.full(len(x), level, np.float32) for level in levels]
    errors = [f(state, level) - states[-1] for state, level in zip(states, told)]
    return np.array([np.sqrt(np.mean(error**2)) for error in errors])


# %%
down, few = grid(40)[::-1], start[: lesson.size(1000, quick=50)]
deviation = {
    "consistency model": along_the_path(students["two_moons"], "two_moons", down, few),
    "its teacher, a denoiser": along_the_path(teachers["two_moons"], "two_moons", down, few),
}
title = "how far f is from the end of the path"
ax = plot.line(down, deviation, log="x", xlabel="noise σ", ylabel="root mean square", title=title)
lesson.figure(
    ax,
    "self_consistency",
    "The data has the standard deviation 1. A denoiser knows the end only when the noise is small"
    " against the data's details.",
)
worst = deviation["consistency model"].max()
lesson.claim("largest deviation along the teacher's paths, moons", worst, at_most=0.25)

# %% [markdown]
# ## 5. Training without a teacher
#
# CT needs more care (Song and Dhariwal, 2024): few levels at first, doubled again and again from 10
# to 320 intervals, since many levels have little bias but much noise; a robust distance (*pseudo-
# Huber*, about the length of the difference instead of its square); each pair weighted by
# $1/(t_{n+1} - t_n)$; levels drawn from a log-normal, since not all matter alike (for data twice as
# wide as in the paper its center is shifted by log 2, from $-1.1$ to $-0.4$); and no moving average
# for the target.


# %%
def lognormal_neighbors(name, intervals, rng, n=512):
    """As `neighbors`, with levels that are chosen as often as a log-normal falls between them."""
    sigmas = grid(intervals + 1)
    x, i = densities[name].sample(rng, n), lognormal_intervals(sigmas, rng, n, mean=-0.4)
    return x, rng.standard_normal(x.shape, dtype=np.float32), sigmas[i + 1], sigmas[i]


def robust_loss(f, target, x, z, high, low):
    """Consistency training with pseudo-Huber distances, weighted by 1/(high - low)."""

    def distance(a, b):
        return pseudo_huber(a, b, 0.03, 1 / (high - low))

    return consistency_training_loss(f, target, x, z, high, low, distance)


# %%
def training(name, label, steps, first=10, last=320):
    """The training step of a consistency model without a teacher."""
    rng, now = lesson.rng(label), {"step": 0}
    model = ConsistencyModel(EpsMLP(rng, width=128, layers=4), low_end, width)

    def batch(rng):
        intervals = discretization(now["step"], steps, first, last)
        return lognormal_neighbors(name, intervals, rng)

    def loss(f, *batch):
        return robust_loss(f, model, *batch)  # the target: the same weights, without gradient

    step = descend(loss, model, batch, lr=cosine(1e-3, steps), ema=0.99, rng=rng)
    return step, now


# %%
def trained_alone(name, label, steps, first=10, last=320):
    """The moving average of a model after consistency training."""
    step, now = training(name, label, steps, first, last)

    def counted(i):
        now["step"] = i
        return step(i)

    lesson.fit(counted, steps, state=step.state, label=label)
    return step.averaged


steps = lesson.steps(10_000, quick=3)
alone = {name: trained_alone(name, f"CT, {name}", steps) for name in densities}

# %%
lesson.predict(
    "Without a teacher, for the moons, one step: the distance next to that of CD will be",
    ["smaller", "about the same", "larger"],
)

# %%
rows = []
for name in densities:
    steps_of = [over_floor(sample(alone[name], levels), name) for levels in (one, two)]
    rows.append([name, *steps_of, score[name]])
lesson.table(rows, ["data", "CT, one step", "CT, two steps", "CD, one step"], "distance / floor")
of_moons = rows[0][1]
same = "about the same"
lesson.outcome(
    f"{of_moons:.2f} floors; CD had {best:.2f}.",
    answer="smaller" if of_moons < 0.95 * best else "larger" if of_moons > 1.05 * best else same,
)
lesson.claim("CT, two_moons: one step, distance / floor", of_moons, at_most=2)

# %% [markdown]
# ## 6. What matters (figure f12)
#
# The paper compares, by training curves, the distance $d$, the solver, the number of levels $N$,
# and for CT how $N$ is raised. The same here, for the moons, with a fraction of the steps.


# %%
moments = lesson.size(8, quick=2)


def curve_of(step, steps, label, now):
    """The distance over its floor of one-step samples, at several moments of a training."""
    curve, every = np.zeros(moments), max(1, steps // moments)

    def noted(i):
        now["step"] = i
        value = step(i)
        if (i + 1) % every == 0 and i // every < moments:
            curve[i // every] = over_floor(sample(step.averaged, one), "two_moons")
        return value

    lesson.fit(noted, steps, state={**step.state, "curve": curve}, label=label)
    return curve


# %%
def l1(a, b):
    return np.mean(np.abs(a - b))


def distilled_curve(label, **options):
    steps = lesson.steps(1000, quick=2)
    return curve_of(distillation("two_moons", label, steps, **options), steps, label, {})


def alone_curve(label, first, last):
    steps = lesson.steps(2000, quick=2)
    step, now = training("two_moons", label, steps, first, last)
    return curve_of(step, steps, label, now)


# %%
lesson.predict(
    "For the solver of Euler, of first order, which number of levels gives the best one-step"
    " samples after this training?",
    ["10", "40", "160"],
)

# %%
curves = {"L2, Heun, N = 40": distilled_curve("CD, L2, Heun, 40")}
curves["L1"] = distilled_curve("CD, L1", distance=l1)
curves["pseudo-Huber"] = distilled_curve("CD, pseudo-Huber", distance=pseudo_huber)
for N in (10, 160):
    curves[f"Heun, N = {N}"] = distilled_curve(f"CD, Heun, {N}", n=N)
for N in (10, 40, 160):
    label = f"CD, Euler, {N}"
    curves[f"Euler, N = {N}"] = distilled_curve(label, n=N, solver="euler")

# %%
curves["10 intervals"] = alone_curve("CT, 10", 10, 10)
curves["320 intervals"] = alone_curve("CT, 320", 320, 320)
curves["10, doubled up to 320"] = alone_curve("CT, 10 to 320", 10, 320)

# %%
base_curve = "L2, Heun, N = 40"
panels = {
    "distance d (CD)": [base_curve, "L1", "pseudo-Huber"],
    "levels N, Euler (CD)": [f"Euler, N = {k}" for k in (10, 40, 160)],
    "levels N, Heun (CD)": ["Heun, N = 10", base_curve, "Heun, N = 160"],
    "intervals (CT)": ["10 intervals", "320 intervals", "10, doubled up to 320"],
}

# %%
fig, axes = plot.figure(1, 4, size=(2.7, 2.9), share="y")
share = np.arange(1, moments + 1) / moments
for ax, (title, names) in zip(axes, panels.items()):
    shown = {name: curves[name] for name in names}
    plot.line(share, shown, ax, title=title, xlabel="share of the training", log="y")
axes[0].set_ylabel("distance / floor")
lesson.figure(
    fig,
    "f12_ablation",
    "One-step samples of the moons in the course of training; 1 is what true points have. Few"
    " levels mean large steps of the solver: does it matter whose they are, Heun's or Euler's?",
)

# %%
last = {name: curve[-1] for name, curve in curves.items()}
lesson.table(list(last.items()), ["training", "distance / floor at the end"])
of_euler = [last[f"Euler, N = {k}"] for k in (10, 40, 160)]
lesson.outcome(
    "Euler with 10, 40 and 160 levels: " + ", ".join(f"{x:.2f}" for x in of_euler) + "; Heun with"
    f" 10: {last['Heun, N = 10']:.2f}.",
    answer=("10", "40", "160")[int(np.argmin(of_euler))],
)

# %% [markdown]
# ## 7. Digits
#
# The teacher is the base model of these lessons (pretrained; see `diffusion/09`), a
# class-conditional U-Net that predicts $v$ at 200 times of a cosine schedule. A model of $v$ *is* a
# network $F$ of our kind, but for its sign and for how it is told the noise: with $\sigma_d = 1$,
# $c_\mathrm{skip}\,x + c_\mathrm{out}F$ is $\sqrt{\bar\alpha_t}\,x_t - \sqrt{1 - \bar\alpha_t}\,v$.

# %%
from minigen.data import mnist
from minigen.diffusion.ddpm import predict_x0_from_eps
from minigen.diffusion.samplers import ddim
from minigen.metrics.digits import judge_digits
from minigen.nn import Module
from minigen.tensor import batched

base = lesson.pretrained("digit_diffusion")
known = base.schedule.sigma[1:]  # the noise at t = 1 ... T


# %%
class FromV(Module):
    """A network of consistency models made of one that predicts v at the base's times."""

    def __init__(self, net):
        self.net = net

    def __call__(self, x, told, y=None):
        t = np.interp(told, 250 * np.log(known), np.arange(1, base.schedule.T + 1))
        return -self.net(x, t, y)


# %%
least, most = float(known[0]), high_end
teacher = ConsistencyModel(FromV(base.net), 0.0, 1.0)
images = lesson.rng("check").standard_normal((4, 28, 28, 1), dtype=np.float32)
t, sigma = np.array([1, 10, 60, 150]), known[np.array([1, 10, 60, 150]) - 1]
in_schedule = per_example(np.sqrt(base.schedule.alpha_bar[t]), images)
theirs = predict_x0_from_eps(in_schedule, t, base(in_schedule, t), base.schedule)
gap = np.abs(teacher(images, sigma) - theirs).max()
lesson.check("clean data by the wrapper and by the base: difference", gap, at_most=1e-3)

# %%
split, pool = mnist.splits(), lesson.size(50_000, quick=500)
pixels = mnist.symmetric(split.train.images[:pool])
labels = split.train.labels[:pool].astype(int)
ladder = Schedule.karras(20, least, most).sigma[1:]
rng, batch = lesson.rng("digits"), lesson.size(64, quick=8)
source = mnist.batches(pixels, labels, size=batch, rng=rng)


def digit_pairs(rng):
    """Digits, their labels, noise, and two neighboring levels for each."""
    x, y = next(source)
    i = rng.integers(0, len(ladder) - 1, len(x))
    return x, y, rng.standard_normal(x.shape, dtype=np.float32), ladder[i + 1], ladder[i]


# %%
def digit_loss(f, x, y, z, high, low):
    """Consistency distillation, by Heun's solver, with the labels given to all three."""
    three = [conditional(model, y) for model in (f, step.averaged, digit_noise)]
    return consistency_distillation_loss(*three, x, z, high, low)


# %%
digit_noise = eps_model_from_denoiser(teacher)
student = ConsistencyModel(FromV(base.net.copy().freeze(False)), least, 1.0)
steps = lesson.steps(1200, quick=1)
lr = cosine(3e-4, steps)
step = descend(digit_loss, student, digit_pairs, lr=lr, ema=0.95, rng=rng, parallel=True)
lesson.fit(step, steps, state={**step.state, "digits": source}, label="CD, digits")
digit_model = step.averaged


# %%
at_5, at_2, at_07 = (nearest(ladder, sigma) for sigma in (5.0, 2.0, 0.7))
ways = {1: [most], 2: [most, at_2], 4: [most, at_5, at_2, at_07]}


def digits_of(f, levels, y, rng):
    """Digits in [0, 1] of the labels y, by f through these levels."""
    x = levels[0] * rng.standard_normal((len(y), 28, 28, 1), dtype=np.float32)

    def some(x, y):
        found = multistep(conditional(f, y), x, levels, rng, least)
        return np.clip((found + 1) / 2, 0, 1)

    return batched(some, x, y, size=250, progress="digits")


def draw_digits(rng, n, label=None):
    y = rng.integers(0, 10, n) if label is None else np.full(n, label)
    return digits_of(digit_model, ways[2], y, rng), y


lesson.sampler("digits, two steps", draw_digits, default=True)

# %% [markdown]
# The judge: the Fréchet distance of 2,000 samples to the test digits, in the features of a
# classifier. Beside it, the base model's own DDIM with few steps.

# %%
lesson.predict(
    "Will a second step (noise of about 2 added to the digit, and f again) help?",
    ["yes, the distance falls by a quarter or more", "hardly", "no, it does harm"],
)

# %%
judge, count = lesson.pretrained("digit_classifier"), lesson.size(2000, quick=20)
y = np.arange(count) % 10
reference = mnist.unit(split.test.images)[: lesson.size(10_000, quick=50)]
made = {k: digits_of(digit_model, ways[k], y, lesson.rng("shown digits")) for k in ways}


def by_ddim(k):
    """Digits of the labels y by the base model's DDIM in k steps."""

    def some(x, y):
        def noise(x, t):
            return base(x, t, y)

        return np.clip((ddim(noise, x, base.schedule, steps=k) + 1) / 2, 0, 1)

    x = lesson.rng("shown digits").standard_normal((count, 28, 28, 1), dtype=np.float32)
    return batched(some, x, y, size=250, progress="digits")


# %%
rows, distances = [], {}
for name, digits in [(f"CD, {k}", made[k]) for k in ways] + [
    (f"DDIM, {k}", by_ddim(k)) for k in (1, 2, 5)
]:
    report = judge_digits(judge, digits, reference, y)
    distances[name] = report.frechet
    rows.append([name, report.frechet, report.recall, 100 * report.accuracy])
lesson.table(rows, ["steps", "Fréchet distance", "recall", "class confirmed, %"])

# %%
first, second = distances["CD, 1"], distances["CD, 2"]
help_, hardly = "yes, the distance falls by a quarter or more", "hardly"
lesson.outcome(
    f"From {first:.0f} to {second:.0f}; four steps: {distances['CD, 4']:.0f}. DDIM of the teacher:"
    f" {distances['DDIM, 1']:.0f}, {distances['DDIM, 2']:.0f} and {distances['DDIM, 5']:.0f} with"
    " 1, 2 and 5 steps.",
    answer=help_ if second < 0.75 * first else hardly if second < first else "no, it does harm",
)
lesson.claim("digits, one step: Fréchet distance", first, at_most=150)
lesson.claim("digits, two steps: Fréchet distance", second, at_most=90)
lesson.claim("digits, two steps over one", second / first, at_most=0.96)

# %%
pictures = np.concatenate([made[k][:10] for k in ways])
names = [f"{k} step{'s' * (k > 1)}" for k in ways]
ax = plot.image_grid(pictures, cols=10, row_labels=names, limits=(0, 1))
lesson.figure(
    ax,
    "digits",
    "The same noise in each column, and the same label. Further steps repair strokes, and also"
    " change the digit: they add noise of their own.",
)

# %% [markdown]
# Is it worth it? The numbers above say so for one and two steps, if the alternative is the base
# model's own DDIM. The students of `diffusion/11` had about the same training time; set their table
# beside this one. What consistency models have for themselves is a training in one go, from levels
# of every size, and without a teacher if need be.
#
# ## 8. Where the post is loose
#
# - The sign: it is $\hat x_{t_n} = x_{t_{n+1}} + (t_n - t_{n+1})\,\Phi$, with $\Phi = -t\,s_\phi(x,
#   t)$ for Euler. With the printed minus the step leads upwards (section 3).
# - $\mathcal L_\mathrm{CT}$ is written with the parameters $\phi$ of a pretrained model; there is
#   none. And $z$ is drawn from the normal distribution, not an element of it.
# - The post's $\epsilon$ for the smallest time is our $\sigma_\mathrm{min}$: not zero, where the
#   slope is not known.
# - In the paper's best runs $d$ was a learned distance of pictures (LPIPS). We have none for
#   digits.
#
# **Left out:** the schedule for the average's decay, LPIPS, editing without training (inpainting
# with `multistep`). **Next:** `diffusion/13` saves in another place: fewer pixels. `after/03`
# derives the factors $c_\text{skip}$ and $c_\text{out}$, and compares students with their teachers
# at equal numbers of evaluations.
#
# **Your turn:** `minigen exercise start diffusion/12`, then `minigen run diffusion/12 --with
# exercises/diffusion_12.py`.

# %%
lesson.finish()
