# %% [markdown]
# # DDIM: the same network, a tenth of the steps
#
# The section *Speed up Diffusion Models* (diffusion.s13) of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/) and the first half of
# *Fewer Sampling Steps & Distillation* (diffusion.s14): Song, Meng and Ermon (2021), *Denoising
# Diffusion Implicit Models*. To take away:
#
# 1. Training fixes how noisy $x_t$ is at each $t$, not how one gets from $t$ to an earlier $s$.
#    There is a family of ways, from much fresh noise to none.
# 2. Without fresh noise a sample is a *function* of its starting noise: so one can go back, and
#    half-way between two.
# 3. With few steps, too much fresh noise is never taken away again; with all of them it does no
#    harm.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/10_ddim",
    title="DDIM: the same network, a tenth of the steps",
    post="diffusion",
    sections=["diffusion.s13", "diffusion.s14"],
    figures=["diffusion.f08"],
    equations=["diffusion.24", "diffusion.25", "diffusion.26"],
    pretrained=["digit_classifier", "digit_diffusion"],
    minutes=8,
    sources=["weng2021diffusion", "song2021ddim", "karras2022design"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist, toy
from minigen.diffusion.samplers import ancestral, clipped, ddim, ddim_step, ddim_variance
from minigen.diffusion.exact import exact_eps_model
from minigen.diffusion.guidance import conditional
from minigen.diffusion.samplers import Trajectory, strided
from minigen.diffusion.schedule import Schedule, spaced_timesteps
from minigen.gan.interpolation import interpolate_spherical
from minigen.metrics import sampling_floor, sliced_wasserstein
from minigen.metrics.digits import judge_digits
from minigen.tensor import batched

# %% [markdown]
# ## 1. By hand: one long step
#
# DDPM walks back one step at a time, 1,000 of them in the paper: 20 hours for 50,000 small images
# on one GPU, where a GAN needed a minute. Can a step be longer?
#
# A sampler holds one number, $x_t = 1.3$. At this time $\bar\alpha_t = 0.36$: data times 0.6 plus
# noise times 0.8. The model guesses the noise $\epsilon = 0.5$. So the data is
# $\hat x_0 = (1.3 - 0.8 \cdot 0.5) / 0.6 = 1.5$. We want to be at an earlier time $s$, with
# $\bar\alpha_s = 0.64$. What has $x_s$ to be made of? Of 0.8 times the data, and of noise with
# variance $1 - 0.64 = 0.36$. Some of this noise may be fresh, $\sigma z$ with variance $\sigma^2$;
# for the rest we take the predicted noise again. By which factor must it be multiplied?

# %%
lesson.predict("With no fresh noise at all, where is x_s?", ["0.8 x 1.5 = 1.2", "1.5", "1.8"])

# %%
lesson.exercise("diffusion/10/ddim_step")

# %%
two_steps = Schedule.from_alpha_bar([0.64, 0.36])
x_t, guess = np.array([[1.3]]), np.array([[0.5]])
x_s = ddim_step(x_t, 2, 1, guess, None, two_steps)
lesson.show_source(ddim_step)
lesson.check("x_s = 0.8 x 1.5 + 0.6 x 0.5", x_s, equals=1.5)
lesson.outcome("1.5: the data, and what is left of its noise, 0.6 times 0.5.", answer="1.5")

# %% [markdown]
# Variances add up, so the predicted noise keeps what $\sigma^2$ leaves of $1 - \bar\alpha_s$ (Eq.
# diffusion.24):
#
# $$x_s = \sqrt{\bar\alpha_s}\, \hat x_0 + \sqrt{1 - \bar\alpha_s - \sigma^2}\,
# \epsilon + \sigma z.$$
#
# How much fresh noise, if any? DDPM's step from $t$ to $t - 1$ has the variance of Eq.
# diffusion.25,
#
# $$\tilde\beta_t = \frac{1 - \bar\alpha_{t-1}}{1 - \bar\alpha_t}\, \beta_t,$$
#
# and DDIM takes a part of it, $\sigma = \eta \sqrt{\tilde\beta}$. For a long step (Eq.
# diffusion.26) $t - 1$ becomes $s$, and $\beta_t$ becomes that of the *pair*,
# $1 - \bar\alpha_t / \bar\alpha_s$.

# %%
lesson.exercise("diffusion/10/ddim_variance")

# %%
lesson.show_source(ddim_variance)
full = ddim_variance(0.64, 0.36, eta=1.0)
lesson.check("pair's beta 0.4375, times 0.36/0.64", full, equals=0.24609375)
halved = ddim_variance(0.64, 0.36, eta=0.5)
lesson.check("eta = 0.5 of the deviation: a quarter of the variance", halved, equals=full / 4)

# %%
lesson.change(
    "a step to the data",
    "Let the step end at the data, where $\\bar\\alpha_s = 1$: change `ddim_variance(0.64, 0.36, "
    "eta=1.0)` to `ddim_variance(1.0, 0.36, eta=1.0)` and run again. How much fresh noise does "
    "the step add?",
    answer="None: the variance is 0 for any $\\eta$. The data has no noise in it, so no part of "
    "it can be fresh, and DDPM's last step adds none either.",
)

# %% [markdown]
# ## 2. Why any amount will do
#
# Training shows the network examples of $q(x_t \mid x_0)$, one time at a time, and nothing else.
# So any way back is allowed that keeps these *marginals*: if $x_t$ is distributed as
# $\mathcal N(\sqrt{\bar\alpha_t}\, x_0,\ (1 - \bar\alpha_t) I)$, then $x_s$ must be as well, with
# $\bar\alpha_s$. Does it hold for every $\eta$? For the true noise the step is linear, so the mean
# and the variance that it makes can be computed. Here for all pairs of six times.

# %%
T = lesson.size(200, quick=40)
plane = Schedule.linear(T, 0.1 / T, 20 / T)


def marginal_after(s, t, eta):
    """Variance of x_s made of the true noise, given x_0; it should be 1 - alpha_bar_s."""
    one, nothing = np.ones((1, 1)), np.zeros((1, 1))
    noise = np.sqrt(1 - plane.alpha_bar[t])  # x_t = noise * eps, for x_0 = 0
    from_eps = ddim_step(noise * one, t, s, one, nothing, plane, eta).item()
    from_z = ddim_step(nothing, t, s, nothing, one, plane, eta).item()
    return from_eps**2 + from_z**2


# %%
times = [1, T // 20, T // 4, T // 2, 3 * T // 4, T]
worst = 0.0
for eta in (0.0, 0.3, 1.0):
    for i, s in enumerate(times):
        for t in times[i + 1 :]:
            off = abs(marginal_after(s, t, eta) - (1 - plane.alpha_bar[s]))
            worst = max(worst, off)
lesson.check("variance of x_s, for any eta: largest error", worst, at_most=1e-12)

# %% [markdown]
# It holds for each $\eta$: with the true noise, given $x_0$, all of them walk through the same
# clouds, on different paths. A model does not know the true noise, only its mean over all $x_0$
# that may be behind $x_t$. For a short step that is enough; for a long one it is not, and the
# clouds are no longer quite the same. (The process forward that goes with such a way back need not
# be Markov: knowing $x_s$, the step to $x_t$ also depends on $x_0$.) $\eta = 1$ with all steps is
# the DDPM that you know:

# %%
ring = toy.get("ring").standardized()
exact_noise = exact_eps_model(ring, plane)  # E[noise | x_t]
start = lesson.rng("start").standard_normal((100, 2))
one = ddim(exact_noise, start, plane, eta=1.0, rng=lesson.rng("walk"))
other = ancestral(exact_noise, start, plane, lesson.rng("walk"), variance="posterior")
lesson.check("eta = 1, all steps, and DDPM", np.abs(one - other).max(), at_most=1e-4)

# %% [markdown]
# ## 3. Few steps, in the plane
#
# The noise is known exactly here, so what goes wrong is the fault of the steps alone. Four ways
# back: $\eta = 0$, $0.5$, $1$, and $\hat\sigma$, DDPM with the larger variance, the pair's $\beta$.
# $S$ is the number of steps. We measure the distance to the truth, as a multiple of what two sets
# of true points have between them (the floor).

# %%
lesson.predict(
    "With 10 steps, the worst of the four ways is farther from the truth than the best by a factor",
    ["below 1.5", "1.5 to 5", "above 5"],
)

# %%
n, sets = lesson.size(1000, quick=100), lesson.size(4, quick=2)
noise = lesson.rng("noise").standard_normal((sets * n, 2), dtype=np.float32)


def reverse_chain(model, x, schedule, way, S):
    """S steps from the noise x, in the way called by its eta, or "larger"."""
    rng = lesson.rng("fresh noise")
    if way == "larger":
        return strided(model, x, schedule, S, rng)
    return ddim(model, x, schedule, S, eta=way, rng=rng)


def distance(a, b):
    return sliced_wasserstein(a, b, 100, lesson.rng("directions"))


# %%
rng = lesson.rng("judge")
floor = sampling_floor(distance, ring.sample, n, rng, repeats=lesson.size(40, quick=2)).mean


def over_floor(x):
    """The mean distance of the sets to fresh points of the truth, over the floor."""
    return np.mean([distance(part, ring.sample(rng, n)) for part in np.split(x, sets)]) / floor


# %%
ways = [0.0, 0.5, 1.0, "larger"]
counts = [2, 5, 10, 20, min(50, T - 5), T]
plane_table = {}
for way in ways:
    trajectories = [reverse_chain(exact_noise, noise, plane, way, S) for S in counts]
    plane_table[way] = [over_floor(x) for x in trajectories]
header = ["eta", *[f"S = {S}" for S in counts]]
lesson.table([[way, *values] for way, values in plane_table.items()], header)

# %%
at_10 = [values[2] for values in plane_table.values()]
factor = max(at_10) / min(at_10)
lesson.outcome(
    f"{factor:.1f}: from {min(at_10):.1f} to {max(at_10):.1f} floors. The last step leads to the"
    " predicted data and takes all noise away, so where the prediction is perfect it hardly"
    " matters how much was added. A network's is not perfect, and the digits below will differ.",
    answer="below 1.5" if factor < 1.5 else "1.5 to 5" if factor < 5 else "above 5",
)
fall = plane_table[0.0][2] / plane_table[0.0][0]
lesson.claim("ring, eta = 0: distance with 10 steps over that with 2", fall, at_most=0.3)
lesson.claim("ring, eta = 0, 50 steps: distance over the floor", plane_table[0.0][4], at_most=1.6)

# %%
fig, axes = plot.figure(1, 4, size=(2.3, 2.3))
for ax, way in zip(axes, ways):
    points = reverse_chain(exact_noise, noise[:1000], plane, way, 10)
    plot.samples(points, ring, ax, title=f"eta: {way}", bounds=2.4)
lesson.figure(
    fig, "ten_steps", "Ten steps in four ways, from the same noise, with the exact model."
)

# %% [markdown]
# (`heun`, of `minigen.diffusion.samplers`, corrects each long step by the slope at its end. With 5
# steps it evaluates the model 9 times.)
#
# ## 4. A function of the noise
#
# Without fresh noise, $x_0$ is a function of $x_T$, and more steps only compute it more accurately.
# (A model whose samples are a fixed function of noise is called an *implicit* probabilistic model.
# A GAN is one; hence the name, denoising diffusion implicit models.) So the same noise gives nearly
# the same sample, if the steps are not too few:

# %%
finest = ddim(exact_noise, noise, plane)
rows = []
for S in (5, 10, 20, min(50, T)):
    kept = ddim(exact_noise, noise, plane, S)
    mixed = ddim(exact_noise, noise, plane, S, eta=1.0, rng=lesson.rng("fresh noise"))
    rows.append([S, *[float(np.sqrt(np.mean((x - finest) ** 2))) for x in (kept, mixed)]])
lesson.table(rows, ["S", "from DDIM with all steps, eta = 0", "eta = 1"])
lesson.claim("same noise: 50 steps from all 200, eta = 0", rows[-1][1], at_most=0.1)
lesson.claim("same noise: 50 steps from all 200, eta = 1", rows[-1][2], at_least=0.5)

# %% [markdown]
# Here is what happens in between, for three $\eta$ and all steps, from the same noise. *Move $t$:
# when does the ring split into eight? And what do the points still do with $\eta = 1$, which they
# do not with $\eta = 0$?*

# %%
stops = np.unique((T * np.linspace(0, 1, 33) ** 2).round())  # more of them near the data
trajectories = []
for eta in (0.0, 0.5, 1.0):
    path = Trajectory(times=stops)
    rng_of_chain = lesson.rng("fresh noise")
    ddim(exact_noise, noise[:500], plane, eta=eta, rng=rng_of_chain, on_step=path)
    trajectories.append(path.states)

# %%
lesson.play(
    "reverse",
    {"noise": ["η = 0, none", "η = 0.5", "η = 1, as DDPM"], "t": path.times},
    points=trajectories,
    truth=ring.sample(lesson.rng("shown truth"), 500),
    bounds=3,
    time="t",
    caption="500 points from the same noise back to the ring, the small dots underneath.",
)

# %% [markdown]
# A function that is computed in small steps can be run backwards: from a point of the data to its
# noise, and forth again. (`ddim_step` may go either way; at $t = 0$ we ask for the noise of the
# first step.)

# %%
lesson.exercise("diffusion/10/spaced_timesteps")

# %%
lesson.show_source(spaced_timesteps)


# %%
def encode(model, x0, schedule, S):
    """The noise that DDIM in S steps would (nearly) turn into x0."""
    short = schedule.subset(spaced_timesteps(schedule.T, S))
    x = x0
    for i in range(S):
        asked = max(i, 1)
        eps = model(x, np.full(len(x), short.times[asked]))
        x = ddim_step(x, i, i + 1, eps, None, short)
    return x


# %%
truth = ring.sample(lesson.rng("truth"), n)
errors = []
for S in [S for S in (10, 20, 50, 100, 200) if S <= T]:
    back = ddim(exact_noise, encode(exact_noise, truth, plane, S), plane, S)
    errors.append([S, float(np.sqrt(np.mean((back - truth) ** 2)))])
lesson.table(errors, ["S", "encoded and decoded: error per dimension"])
lesson.claim(
    "error of encoding and decoding: 200 steps over 20", errors[-1][1] / errors[1][1], at_most=0.5
)

# %% [markdown]
# ## 5. Digits (table f08)
#
# Now the pretrained base model of `diffusion/09`, with labels drawn uniformly and no guidance. Each
# cell of the table is the Fréchet distance, by the classifier of `gan/08`, of as many samples to
# the test digits. Even real digits have one, if they are so few, and it pulls every ratio
# towards 1. Therefore two cells, whose ratio we are after, are drawn and judged with 1,000 digits
# as well.

# %%
base = lesson.pretrained("digit_diffusion")
classifier = lesson.pretrained("digit_classifier")
process = base.schedule
test = mnist.unit(mnist.splits().test.images[: lesson.size(10_000, quick=500)])
count, many = lesson.size(400, quick=10), lesson.size(1000, quick=20)
asked = np.arange(many) % 10


# %%
def sample(way, S, y, noise):
    """Digits (N, 28, 28, 1) in [0, 1] for the labels y (N,), from this noise."""

    def some(noise, y):
        model = clipped(conditional(base, y), process)
        return reverse_chain(model, noise, process, way, S)

    return (batched(some, noise, y, size=250, progress="digits").clip(-1, 1) + 1) / 2


def draw(rng, n, label=None, steps=20):
    y = rng.integers(0, 10, n) if label is None else np.full(n, label)
    return sample(0.0, steps, y, rng.standard_normal((n, 28, 28, 1), dtype=np.float32)), y


lesson.sampler("digits", draw)

# %%
lesson.predict(
    "DDIM's Fréchet distance with 20 steps, over that with all 200, is about",
    ["1: below 1.5", "2: up to 3", "5 or more"],
)

# %%
steps = [1, 2, 5, 10, 20, 50, 100, 200][: lesson.size(8, quick=3)]
few, all_steps = (20, 200) if not lesson.quick else (2, 5)
noise_of_digits = lesson.rng("digits").standard_normal((many, 28, 28, 1), dtype=np.float32)
frechet, of_many = {}, {}
for way in (0.0, 0.2, 0.5, 1.0, "larger"):
    for S in steps:
        n = many if way == 0 and S in (few, all_steps) else count
        images = sample(way, S, asked[:n], noise_of_digits[:n])
        frechet[way, S] = judge_digits(classifier, images[:count], test, asked[:count]).frechet
        if n == many:
            of_many[S] = judge_digits(classifier, images, test, asked).frechet

# %%
names = {0.0: "η = 0", 0.2: "η = 0.2", 0.5: "η = 0.5", 1.0: "η = 1", "larger": "σ̂"}
rows = [[name, *[frechet[way, S] for S in steps]] for way, name in names.items()]
lesson.table(rows, [f"ours, {count:,} digits", *[f"S = {S}" for S in steps]])
for n in (count, many):
    real = mnist.unit(mnist.splits().train.images[:n])
    reference = judge_digits(classifier, real, test).frechet
    print(f"{n:,} training digits have {reference:.1f} from the test digits")

# %% [markdown]
# Song, Meng and Ermon's table, for 32×32 photos (CIFAR-10), the FID of 50,000 samples; $S = 1000$
# are all steps there. The last row is the variance that DDPM uses.

# %%
theirs = [
    ["η = 0", 13.36, 6.84, 4.67, 4.16, 4.04],
    ["η = 0.2", 14.04, 7.11, 4.77, 4.25, 4.09],
    ["η = 0.5", 16.66, 8.35, 5.25, 4.46, 4.29],
    ["η = 1", 41.07, 18.36, 8.01, 5.78, 4.73],
    ["σ̂", 367.43, 133.37, 32.72, 9.99, 3.17],
]
header = ["theirs, CIFAR-10", *[f"S = {S}" for S in (10, 20, 50, 100, 1000)]]
lesson.table(theirs, header, "FID; Song, Meng and Ermon 2021, table 1")

# %% [markdown]
# Numbers of different tables do not compare (another network judges, another count); their *order*
# does. "DDPM is better at $S = T$", says the post: true of $\hat\sigma$ in this table, not of
# $\eta = 1$.

# %%
ratio = of_many[few] / of_many[all_steps]
lesson.outcome(
    f"{ratio:.2f}: {of_many[few]:.1f} with {few} steps, {of_many[all_steps]:.1f} with"
    f" {all_steps}, of {many:,} digits each.",
    answer="1: below 1.5" if ratio < 1.5 else "2: up to 3" if ratio < 3 else "5 or more",
)
which = f"{many:,} digits, DDIM: Fréchet distance"
lesson.claim(f"{which} with 20 steps over 200", ratio, at_most=1.5)
some = 10 if not lesson.quick else 5
lesson.claim(
    "digits, 10 steps: no noise over σ̂", frechet[0.0, some] / frechet["larger", some], at_most=0.8
)
short = frechet[0.0, 1 if lesson.quick else 2] / frechet[0.0, all_steps]
lesson.claim("digits, DDIM: Fréchet distance with 2 steps over 200", short, at_least=3)

# %%
fig, ax = plot.figure(size=(5.2, 3.2))
curves = {names[way]: [frechet[way, S] for S in steps] for way in (0.0, 0.5, 1.0, "larger")}
plot.line(steps, curves, ax, markers=True, xlabel="steps S", log="xy")
for axis, marks in ((ax.xaxis, steps), (ax.yaxis, [20, 50, 100, 200, 500])):
    axis.set_ticks(marks, [str(mark) for mark in marks])
    axis.set_ticks([], minor=True)
lesson.figure(fig, "steps", "Fréchet distance to the test digits; both axes are logarithmic.")

# %% [markdown]
# The same ten noises and labels, with more and more steps:

# %%
rows = [sample(0.0, S, asked[:10], noise_of_digits[:10]) for S in steps]
labels = [f"S = {S}" for S in steps]
some = len(steps) // 2 - 1  # 10 of 200 steps
alike = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(rows[some], rows[-1])]
grid = plot.image_grid(np.concatenate(rows)[..., 0], cols=10, limits=(0, 1), row_labels=labels)
lesson.figure(
    grid,
    "same_noise",
    "One column, one noise. One step gives the average of what the digit may become. With"
    f" {steps[some]} steps the pixels' correlation with the last row is {np.mean(alike):.2f} on"
    f" average, and at least {min(alike):.2f}.",
)

# %% [markdown]
# ## 6. Back, and in between
#
# Real digits to noise and back. The network's guess is only nearly right, so the error does not
# fall for ever.

# %%
real_digits = mnist.symmetric(mnist.splits().test.images[: lesson.size(100, quick=10)])
of_real = mnist.splits().test.labels[: len(real_digits)].astype(int)
known = conditional(base, of_real)
errors = []
for S in [5, 10, 20, 50, 100][: lesson.size(5, quick=3)]:
    codes = encode(known, real_digits, process, S)
    back = ddim(known, codes, process, S)
    errors.append([S, float(np.sqrt(np.mean((back - real_digits) ** 2))), float(np.std(codes))])
lesson.table(errors, ["S", "error per pixel (of a range of 2)", "spread of the codes (noise: 1)"])
error_ratio = errors[-1][1] / errors[0][1]
lesson.claim(
    "digits, encoded and decoded: error at the most steps over 5", error_ratio, at_most=0.6
)
lesson.check("the codes are narrower than noise", errors[-1][2] < 1)

# %% [markdown]
# The last column says how wide the codes are; of noise it is 1, and they are narrower. A digit's
# paper is exactly $-1$ all over: what noise once was on it has left no trace, and nothing brings it
# back.
#
# And half-way between two noises? Two independent noises are nearly at right angles and equally
# long; on the straight line between them the middle would be too short, so we go along the circle.

# %%
way_along = np.linspace(0, 1, 8, dtype=np.float32)
rows = []
for k, label in [(0, 3), (2, 8), (4, 5)]:
    ends = noise_of_digits[k].ravel(), noise_of_digits[k + 1].ravel()
    between = interpolate_spherical(*ends, way_along).reshape(-1, 28, 28, 1).astype(np.float32)
    rows.append(sample(0.0, min(20, process.T), np.full(8, label), between))

# %%
grid = plot.image_grid(np.concatenate(rows)[..., 0], cols=8, limits=(0, 1))
lesson.figure(
    grid,
    "between",
    "Left and right, samples of two noises with the same label; between them, samples of the noises"
    " on the way, 20 steps each. The change is gradual, and each should be a digit.",
)

# %% [markdown]
# ## 7. Wrong turns
#
# Two slips in the size of the noise, for $\eta = 1$: the *single step's* $\beta_t$ in place of the
# pair's; and the old noise not reduced, $\sqrt{1 - \bar\alpha_s}$ in place of $\sqrt{1 -
# \bar\alpha_s - \sigma^2}$. What is the variance of $x_s$ then, given $x_0$? (It should be $1 -
# \bar\alpha_s$.) One long step, from three quarters of the way to one quarter:

# %%
lesson.predict(
    "Which slip makes the variance of x_s wrong?",
    ["only the single step's beta", "only the old noise not reduced", "both"],
)

# %%
s, t = T // 4, 3 * T // 4
before, now = plane.alpha_bar[s], plane.alpha_bar[t]
pair, single = ddim_variance(before, now, 1.0), (1 - before) / (1 - now) * plane.beta[t]
made = {
    "none": (1 - before - pair) + pair,
    "single step's beta": (1 - before - single) + single,
    "old noise not reduced": (1 - before) + pair,
}

# %%
fresh = {"none": pair, "single step's beta": single, "old noise not reduced": pair}
rows = [[slip, fresh[slip], variance / (1 - before)] for slip, variance in made.items()]
lesson.table(
    rows, ["slip", "variance of the fresh noise", "variance of x_s over what it should be"]
)
lesson.outcome(
    f"Only the second: {made['old noise not reduced'] / (1 - before):.2f} times too much. The first"
    " only makes eta smaller than one says. No sample betrays it; the formula has to be right.",
    answer="only the old noise not reduced",
)

# %% [markdown]
# ## Where the post is loose
#
# - It writes $\sigma_t^2 = \eta \cdot \tilde\beta_t$; the paper has $\sigma_t = \eta
#   \sqrt{\tilde\beta_t}$, so $\eta$ comes in squared. For 0 and 1 that is the same.
# - For a pair $s < t$, the $\sigma$ has to be that of the pair.
# - In Eq. diffusion.24 the second line's $q_\sigma$ knows $x_0$; what the sampler uses is the
#   network's guess of it.
#
# **Left out:** better solvers of the same equation than Heun's (DPM-Solver), which are refinements
# of this step. **Next:** `diffusion/11` halves the steps again and again by training. `after/01`
# uses the same differential equation to compute the density of a diffusion model, and in `after/02`
# this sampler is Euler's method of flow matching.
#
# **Your turn:** `minigen exercise start diffusion/10`, then `minigen run diffusion/10 --with
# exercises/diffusion_10.py`.

# %%
lesson.finish()
