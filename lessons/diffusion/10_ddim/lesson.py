# %% [markdown]
# # Denoising diffusion implicit models (DDIM)
#
# A diffusion model takes a thousand steps for one sample, and each evaluates the network. Song,
# Meng and Ermon (2021) measured about 20 hours for 50,000 images of 32 × 32 pixels, and less than a
# minute with a GAN. Why not take longer steps? Because DDPM's step back is right only if it is
# short (`diffusion/03`). Can we take long steps with the network that we have, without training it
# again?
#
# We choose the times (section 1), make one long step by hand (2), and ask why the network may be
# used for it (3). Then we count steps, with an exact model (4) and with digits (6). Without fresh
# noise a sample becomes a function of its starting noise, and we see which one (5) and what it is
# good for (7). This lesson follows the section *Speed up Diffusion Models*, and *Fewer Sampling
# Steps & Distillation* up to progressive distillation, of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/).
#
# Before this lesson: `diffusion/03` (the posterior and its variance), `diffusion/04` (DDPM). The
# digits come from the model of `diffusion/09`.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/10_ddim",
    title="Denoising diffusion implicit models (DDIM)",
    post="diffusion",
    sections=["diffusion.s13", "diffusion.s14"],
    figures=["diffusion.f08"],
    equations=["diffusion.24", "diffusion.25", "diffusion.26"],
    pretrained=["digit_classifier", "digit_diffusion"],
    minutes=2.5,
    picture="same_noise",
    sources=[
        "weng2021diffusion",
        "ho2020ddpm",
        "nichol2021improved",
        "song2021ddim",
        "song2021sde",
    ],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist, toy
from minigen.data.captions import measure
from minigen.data.mixture import GaussianMixture
from minigen.diffusion.ddpm import posterior_mean, predict_x0_from_eps, q_sample
from minigen.diffusion.exact import exact_eps_model
from minigen.diffusion.guidance import conditional
from minigen.diffusion.schedule import Schedule, spaced_timesteps

# %%
from minigen.diffusion.samplers import (
    Trajectory,
    clipped,
    ddim,
    ddim_step,
    ddim_variance,
    strided,
)
from minigen.gan.interpolation import interpolate_spherical
from minigen.metrics import sampling_floor, sliced_wasserstein
from minigen.metrics.digits import class_gaussian_digits, digit_features
from minigen.metrics.samples import frechet_distance, mean_and_covariance
from minigen.tensor import batched, softmax

# %% [markdown]
# ## 1. Which times?
#
# The simplest way to take fewer steps is to leave most of them out. A *strided* schedule visits
# only $S$ of the $T$ times, $\tau_1 < \tau_2 < \dots < \tau_S$, and otherwise samples as DDPM does
# (Nichol and Dhariwal 2021). We did so for the digits of `diffusion/04`. But which times? The post
# takes every $\lceil T/S \rceil$-th. For $T = 10$ and $S = 5$ the stride is 2, and the sampler
# stops at 10, 8, 6, 4 and 2. Now let $T = 200$, and suppose that we can afford $S = 150$ steps. The
# stride is rounded up from 1.33 to 2, and the sampler stops at 100 times, not at 150. A whole
# stride can reach only a few of the possible counts. We therefore round later, and visit $kT/S$,
# rounded, for $k = 1, \ldots, S$.

# %%
lesson.exercise("diffusion/10/spaced_timesteps")

# %%
visited = np.arange(200, 0, -int(np.ceil(200 / 150)))
lesson.show_source(spaced_timesteps)
lesson.check("times that the stride of 2 visits", len(visited), equals=100)
lesson.check("times that the rounded ones are", len(spaced_timesteps(200, 150)), equals=150)

# %% [markdown]
# Every $S$ is possible now. But from one of these times to the next may be a long way. Which step
# leads there?
#
# ## 2. One long step, by hand
#
# Suppose that a sampler has reached $x_t = 1.3$, at a time with $\bar\alpha_t = 0.36$. Then $x_t$
# is 0.6 times the data plus 0.8 times the noise. The model predicts the noise $\epsilon = 0.5$, and
# with it the data $\hat x_0 = (1.3 - 0.8 \cdot 0.5) / 0.6 = 1.5$. The next time is $s$, with
# $\bar\alpha_s = 0.64$. There $x_s$ should consist of 0.8 times the data and of noise with variance
# $1 - 0.64 = 0.36$. If none of this noise is fresh, all of it is the predicted noise again.

# %%
lesson.predict(
    "A model sees x_t = 1.3, and predicts data 1.5 and noise 0.5. We step, without fresh noise, to"
    " a time where data count 0.8 times and the variance of the noise is 0.36. Where is x_s?",
    ["at 0.8 × 1.3 = 1.04", "at 0.8 × 1.5 = 1.2", "at 1.5"],
)

# %%
x0_hat = (1.3 - 0.8 * 0.5) / 0.6
x_s = 0.8 * x0_hat + 0.6 * 0.5
lesson.outcome(
    f"The predicted data contribute {0.8 * x0_hat:.1f} and the predicted noise {0.6 * 0.5:.1f},"
    " because noise of variance 0.36 has the factor 0.6.",
    answer="at 1.5",
)

# %% [markdown]
# In general a part of the noise may be fresh. Let $\sigma^2$ be the variance of this part.
# Variances add up, so the predicted noise keeps what $\sigma^2$ leaves of $1 - \bar\alpha_s$ (Eq.
# diffusion.24, and Eq. diffusion.26 for a long step):
#
# $$x_s = \sqrt{\bar\alpha_s}\, \hat x_0 + \sqrt{1 - \bar\alpha_s - \sigma^2}\,
# \epsilon + \sigma z.$$
#
# In words, jump to the predicted data, go back to the noise level of $s$ with the predicted noise,
# and let a part of it be new. How large may this part be? In DDPM's step from $t$ to $t - 1$ its
# variance can be that of the posterior (Eq. diffusion.25),
#
# $$\tilde\beta_t = \frac{1 - \bar\alpha_{t-1}}{1 - \bar\alpha_t}\, \beta_t.$$
#
# For a long step $t - 1$ becomes $s$, and $\beta_t$ becomes that of the *pair*, $1 - \bar\alpha_t /
# \bar\alpha_s$. A number $\eta$ then sets the *stochasticity* of the sampling, with $\sigma = \eta
# \sqrt{\tilde\beta}$. For $\eta = 1$ the sampler is DDPM with the smaller variance $\tilde\beta_t$,
# not with the $\beta_t$ of `diffusion/04`. For $\eta = 0$ it is DDIM, and no noise is fresh.

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

# %%
lesson.exercise("diffusion/10/ddim_step")

# %%
two_steps = Schedule.from_alpha_bar([0.64, 0.36])
x_t, predicted = np.array([[1.3]]), np.array([[0.5]])
stepped = ddim_step(x_t, 2, 1, predicted, None, two_steps)
lesson.show_source(ddim_step)
lesson.check("the step by hand", stepped, equals=np.array([[x_s]]))

# %% [markdown]
# What do chains of such steps look like? We take eight Gaussians on a ring, because the mean of the
# noise in a noisy point of it is known exactly, as in section 2 of `diffusion/04`. No network is
# needed, yet.

# %%
T = lesson.size(200, quick=40)
plane = Schedule.linear(T, 0.1 / T, 20 / T)
ring = toy.get("ring").standardized()  # eight Gaussians on a circle
exact_noise = exact_eps_model(ring, plane)  # E[noise | x_t]

# %%
three = lesson.rng("three").standard_normal((3, 2), dtype=np.float32)
fig, axes = plot.figure(1, 2, size=(3.0, 3.0))
for ax, (title, eta) in zip(axes, {"DDPM, η = 1": 1.0, "DDIM, η = 0": 0.0}.items()):
    path = Trajectory(every=T // 20)
    ddim(exact_noise, three, plane, eta=eta, rng=lesson.rng("fresh noise"), on_step=path)
    plot.trajectories(
        {f"noise {name}": path.states[:, k] for k, name in enumerate("ABC")},
        ax,
        **{"density": ring, "bounds": (-3, 3, -3, 3), "title": title},
    )
lesson.figure(
    fig,
    "chains",
    "Three chains (blue, orange, green) from noise (open dots) to the ring (dark spots), with all"
    " steps. Follow one color from its open dot to its full dot in both panels.",
)

# %% [markdown]
# DDPM's points wander until the last moment, and DDIM's go almost straight to the ring. A straight
# way invites long steps. But may we use the network of DDPM for them?
#
# ## 3. One network, many samplers
#
# So far the long step is only a recipe, and the network was trained for another one. Why should its
# predictions fit? Look at the loss. Each of its examples is a draw from $q(x_t \mid x_0)$ at *one*
# time. The loss therefore depends on these *marginals*, not on the joint distribution of several
# times, and the same holds for the network. Any sampler that keeps the marginals may use it. In
# other words, from $x_t \sim \mathcal N(\sqrt{\bar\alpha_t}\, x_0,\ (1 - \bar\alpha_t) I)$ it must
# make an $x_s$ with the same property for $\bar\alpha_s$. Eq. diffusion.24 follows from this
# requirement.
#
# <details><summary>Derivation: every linear step that keeps the marginals</summary>
#
# Let $x_s = a\,x_0 + b\,x_t + \sigma z$ with fresh $z \sim \mathcal N(0, I)$. Insert $x_t =
# \sqrt{\bar\alpha_t}\,x_0 + \sqrt{1 - \bar\alpha_t}\,\epsilon$: given $x_0$, this is Gaussian with
# mean $(a + b\sqrt{\bar\alpha_t})\,x_0$ and variance $b^2(1 - \bar\alpha_t) + \sigma^2$. They must
# be $\sqrt{\bar\alpha_s}\,x_0$ and $1 - \bar\alpha_s$. These are two equations for $a$, $b$ and
# $\sigma$, so $\sigma^2$ may be any number from 0 to $1 - \bar\alpha_s$:
#
# $$b = \sqrt{\frac{1 - \bar\alpha_s - \sigma^2}{1 - \bar\alpha_t}}, \qquad a =
# \sqrt{\bar\alpha_s} - b\sqrt{\bar\alpha_t}.$$
#
# Since $x_t - \sqrt{\bar\alpha_t}\,x_0 = \sqrt{1 - \bar\alpha_t}\,\epsilon$, the step is
# $\sqrt{\bar\alpha_s}\,x_0 + b\,(x_t - \sqrt{\bar\alpha_t}\,x_0) + \sigma z = \sqrt{\bar\alpha_s}\,
# x_0 + \sqrt{1 - \bar\alpha_s - \sigma^2}\,\epsilon + \sigma z$. A sampler does not receive $x_0$
# and $\epsilon$, and inserts the predictions.
#
# </details>
#
# We check this with numbers. With the true noise the step is linear in $x_0$, $\epsilon$ and $z$,
# so its mean and its variance can be read off from three probes. In each of them one of the three
# is 1 and the others are 0.


# %%
def marginal(step, t, s):
    """Mean of x_s for x_0 = 1, and variance of x_s given x_0, with the true noise."""
    made = []
    for x0, eps, z in np.eye(3):
        x0, eps, z = np.full((1, 1), x0), np.full((1, 1), eps), np.full((1, 1), z)
        made.append(step(q_sample(x0, t, eps, plane), t, s, eps, z).item())
    return made[0], made[1] ** 2 + made[2] ** 2


def ddim_with(eta):
    def step(x, t, s, eps, z):
        return ddim_step(x, t, s, eps, z, plane, eta)

    return step


# %%
s, t = T // 4, 3 * T // 4
rows = [["what it should be", np.sqrt(plane.alpha_bar[s]), 1 - plane.alpha_bar[s]]]
for eta in (0.0, 0.3, 1.0):
    rows.append([f"η = {eta:g}", *marginal(ddim_with(eta), t, s)])
    lesson.check(f"mean and variance of x_s, eta = {eta:g}", rows[-1][1:], equals=rows[0][1:])
lesson.table(rows, ["a step from 3T/4 to T/4", "mean for x_0 = 1", "variance given x_0"])

# %% [markdown]
# The three $\eta$ agree. Is DDPM really a member of this family? For $\eta = 1$ the step from $t$
# to $t - 1$ should be the posterior $q(x_{t-1} \mid x_t, x_0)$ of `diffusion/03`, with its mean
# $\tilde\mu$:

# %%
x0, eps = np.array([[1.0, 0.4]]), np.array([[0.5, -2.0]])
x_t = q_sample(x0, t, eps, plane)
lesson.check(
    "eta = 1, without z",
    ddim_step(x_t, t, t - 1, eps, 0 * eps, plane, eta=1.0),
    equals=posterior_mean(x0, x_t, t, plane),
)

# %% [markdown]
# It is. (In general the forward process that belongs to such a sampler is not Markov, because the
# step from $x_s$ to $x_t$ also depends on $x_0$.) One network serves the whole family. There is a
# catch. All this holds for the *true* noise, and a model predicts the mean noise over all $x_0$
# from which $x_t$ may have come. For a short step the mean suffices. How long may a step be?
#
# ## 4. Few steps, with exact noise
#
# This is what Song, Meng and Ermon found on photos of 32 × 32 pixels (CIFAR-10), in the table that
# the post shows. We have drawn it. The curve $\hat\sigma$ is the sampler of `diffusion/04`, whose
# fresh noise has the *larger* variance, the pair's $\beta$ in place of $\tilde\beta$. All steps are
# 1,000 steps here.

# %%
ax = plot.line(
    [10, 20, 50, 100, 1000],
    {
        "η = 0": [13.36, 6.84, 4.67, 4.16, 4.04],
        "η = 0.2": [14.04, 7.11, 4.77, 4.25, 4.09],
        "η = 0.5": [16.66, 8.35, 5.25, 4.46, 4.29],
        "η = 1": [41.07, 18.36, 8.01, 5.78, 4.73],
        "σ̂": [367.43, 133.37, 32.72, 9.99, 3.17],
    },
    **{"xlabel": "steps S", "ylabel": "FID", "log": "xy", "markers": True},
)

# %%
lesson.figure(
    ax,
    "f08_photos",
    "Fréchet inception distance (FID, smaller is better) of samplers with more and more fresh"
    " noise, from η = 0 (blue) to σ̂ (yellow). The numbers are table 1 of Song, Meng and Ermon"
    " (2021). Compare the left end of the curves with the right end.",
)

# %% [markdown]
# With few steps, the less fresh noise the better, and $\hat\sigma$ is 27 times as far away as DDIM.
# With all steps $\hat\sigma$ wins. There are two suspects for what happens on the left. One is the
# long step. The other is the network, whose errors a sampler may repair or make worse. On the ring
# only the first one is left, because our model makes no error. We measure the sliced Wasserstein
# distance of 1,000 samples to the data, over its *floor*, the distance between two sets of data.

# %%
lesson.predict(
    "On photos, with 10 steps, the worst sampler was 27 times as far from the data as the best. How"
    " many times as far is it on a ring of Gaussians, with an exact model?",
    ["less than 1.5 times", "1.5 to 5 times", "more than 5 times"],
)

# %%
n, sets = lesson.size(1000, quick=100), lesson.size(20, quick=2)
noise = lesson.rng("noise").standard_normal((sets * n, 2), dtype=np.float32)
ways = {"η = 0": 0.0, "η = 1": 1.0, "σ̂": "larger"}


def reverse_chain(model, x, schedule, way, S, rng):
    """S steps from the noise x with an eta, or with the "larger" variance of DDPM."""
    if way == "larger":
        return strided(model, x, schedule, S, rng)
    return ddim(model, x, schedule, S, eta=way, rng=rng)


# %%
def distance(a, b):
    return sliced_wasserstein(a, b, 100, lesson.rng("directions"))


def error(parts):
    """Standard error of the mean of independent parts."""
    return np.std(parts, ddof=1) / np.sqrt(len(parts))


truths = [ring.sample(lesson.rng(f"judge {k}"), n) for k in range(sets)]
repeats = lesson.size(40, quick=2)
floor = sampling_floor(distance, ring.sample, n, lesson.rng("floor"), repeats=repeats).mean
counts, judged = [2, 5, 10, 20, T], {}
for name, way in ways.items():
    for S in counts:
        x = reverse_chain(exact_noise, noise, plane, way, S, lesson.rng("fresh noise"))
        of_sets = [distance(*pair) / floor for pair in zip(np.split(x, sets), truths)]
        judged[name, S] = np.array(of_sets)


# %%
def leader(parts):
    """The name with the smallest mean, if two standard errors part it from all others, else ""."""
    best = min(parts, key=lambda name: parts[name].mean())
    gaps = [parts[name] - parts[best] for name in parts if name != best]
    return best if all(gap.mean() > 2 * error(gap) for gap in gaps) else ""


rows = []
for name in ways:
    each = [judged[name, S] for S in counts]
    rows.append([name, *[f"{parts.mean():.2f} ± {error(parts):.2f}" for parts in each]])
# The ring is standardized, so the noise itself is the best single Gaussian.
trivial = np.mean([distance(*pair) / floor for pair in zip(np.split(noise, sets), truths)])
rows.append(["one Gaussian", f"{trivial:.2f}", *[""] * (len(counts) - 1)])
at_10 = {name: judged[name, 10].mean() for name in ways}
factor = max(at_10.values()) / min(at_10.values())
ahead = {S: leader({name: judged[name, S] for name in ways}) for S in counts}
named = ", ".join(f"{name} with S = {S}" for S, name in ahead.items() if name) or "no sampler"

# %%
lesson.outcome(
    f"The largest distance is {factor:.1f} times the smallest, {max(at_10.values()):.1f} and"
    f" {min(at_10.values()):.1f} floors. By more than two standard errors, the sampler that is"
    f" ahead of both others is {named}.",
    answer="less than 1.5 times"
    if factor < 1.5
    else "1.5 to 5 times"
    if factor < 5
    else "more than 5 times",
)
lesson.table(rows, ["sampler", *[f"S = {S}" for S in counts]], "distance / floor, exact noise")

# %%
fall = judged["η = 0", 10].mean() / judged["η = 0", 2].mean()
lesson.claim(
    "ring, η = 0: distance with 10 steps over 2",
    fall,
    at_most=0.15,
    source="seeds 0 and 1 and two runs with other noises: 0.11, plus a third; no effect: 1",
)
lesson.claim(
    "ring, 10 steps: largest distance of the three samplers over the smallest",
    factor,
    at_most=1.5,
    source="seed 0 and two runs with other noises: 1.08 to 1.10; on photos: 27",
)

# %%
lesson.claim(
    "ring, η = 0, 20 steps: distance over the floor",
    judged["η = 0", 20].mean(),
    at_most=1.7,
    source="seed 0 and two runs with other noises: 1.08 to 1.26, plus a third; one Gaussian: 5.4",
)

# %% [markdown]
# With two steps every sampler is worse than a single Gaussian, and with five hardly better. But
# twenty of the 200 steps bring all three close to the floor, with or without fresh noise. Steps ten
# times as long are short enough here, and the long step alone does not explain the paper's table.
# The other suspect is the network, and section 6 will bring one. If you stop here, remember that
# any step that keeps the marginals may use the network of DDPM, so that 20 steps can replace 200.
#
# ## 5. A function of the noise
#
# With an exact model and enough steps, fresh noise is neither good nor bad. What is gained without
# it? A sample is then a fixed function of $x_T$. Models of this kind are called *implicit*, which
# gave DDIM its name. (A GAN is another one.) Which function is it? Divide $x_t$ by
# $\sqrt{\bar\alpha_t}$, so that it is data plus noise:
#
# $$\bar x = \frac{x}{\sqrt{\bar\alpha}} = \hat x_0 + \bar\sigma\,\epsilon, \qquad \bar\sigma =
# \sqrt{\frac{1 - \bar\alpha}{\bar\alpha}}.$$
#
# DDIM keeps $\hat x_0$ and $\epsilon$ and changes only $\bar\sigma$. Its step is therefore $\bar
# x_s = \bar x_t + (\bar\sigma_s - \bar\sigma_t)\,\epsilon$. This is Euler's method for an ODE, with
# the predicted noise as the slope:
#
# $$\frac{d\bar x}{d\bar\sigma} = \epsilon(x_t, t).$$
#
# In the example of section 2, $\bar\sigma$ falls from $4/3$ to $3/4$, and $\bar x$ from $1.3/0.6 =
# 2.167$ to $2.167 - 0.583 \cdot 0.5 = 1.875$. Multiplied by 0.8 this is 1.5, as before. Song, Meng
# and Ermon found this ODE in their sampler. Song, Sohl-Dickstein et al. (2021) derived it for any
# diffusion process and named it the *probability flow ODE* (`after/01`).

# %%
sigma, scale = two_steps.sigma, np.sqrt(two_steps.alpha_bar)
x_bar = 1.3 / scale[2] + (sigma[1] - sigma[2]) * predicted
lesson.check("Euler's step, times 0.8", scale[1] * x_bar, equals=stepped)

# %% [markdown]
# More steps follow the ODE more closely. But if all of them approximate *one* function of the
# noise, their number should hardly matter for *what* is drawn. The post calls this *consistency*.
# Samples from the same $x_T$ have the same high-level features. On a ring the high-level feature is
# the mode. Eight equal modes would be too easy, because by symmetry every path ends in the mode
# that is nearest to its start. We make some modes four times as probable as others.

# %%
lesson.predict(
    "The same 4,000 noises become points of an uneven ring twice, by DDIM in 10 steps and in 200."
    " What fraction of the points ends in another mode?",
    ["less than 5 %", "about a quarter", "about 85 %, as if each point were drawn again"],
)

# %%
weights = [1, 2, 3, 4, 1, 2, 3, 4]
uneven = GaussianMixture(toy.ring().modes, std=0.1, weights=weights).standardized()
uneven_noise = exact_eps_model(uneven, plane)


def mode_of(x):
    """The nearest of the eight Gaussians, (N,)."""
    return np.argmin(np.linalg.norm(x[:, None] - uneven.means, axis=2), axis=1)


some, changed = noise[: lesson.size(4000, quick=200)], {}
finest = mode_of(ddim(uneven_noise, some, plane))
for S in (5, 10, 20):
    for eta in (0.0, 1.0):
        x = ddim(uneven_noise, some, plane, S, eta=eta, rng=lesson.rng("fresh noise"))
        changed[S, eta] = float(np.mean(mode_of(x) != finest))
nearest = float(np.mean(mode_of(some) != finest))

# %%
share = changed[10, 0.0]
lesson.outcome(
    f"A fraction of {share:.3f} changes its mode. With fresh noise, η = 1, the fraction is"
    f" {changed[10, 1.0]:.2f}, because the mode is then drawn again, and two draws differ with"
    " probability 0.85.",
    answer="less than 5 %"
    if share < 0.05
    else "about a quarter"
    if share < 0.5
    else "about 85 %, as if each point were drawn again",
)
rows = [[S, changed[S, 0.0], changed[S, 1.0]] for S in (5, 10, 20)]
rows.append(["no step, the nearest mode", nearest, ""])
lesson.table(rows, ["S", "η = 0", "η = 1"], "fraction in another mode than by DDIM in all steps")

# %%
lesson.claim(
    "uneven ring, same noise, 10 steps, η = 0: fraction in another mode",
    share,
    at_most=0.05,
    source="seed 0 and other noises: 0.017, 0.022; drawn again: 0.85; nearest mode: 0.2",
)

# %% [markdown]
# Ten steps decide almost as 200 do. (The last row shows that this is not trivial, because without
# any step a fifth of the points would be assigned to the wrong mode.) When is the mode decided? The
# next figure has three $\eta$ and all steps, from the same noise. *Move $t$: when does the ring
# split into eight modes? With $\eta = 1$, up to which $t$ do points still change from one mode to
# another?*

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
    caption="500 points (large dots) from the same noise to the ring. Samples of the data are the"
    " small dots. Watch one point while you move t.",
)

# %% [markdown]
# With $\eta = 0$ the noise already contains the sample, and the sampler only unpacks it. That is
# what a GAN's latent variable does, too, and section 7 will use it in the same way.
#
# ## 6. Digits, with a network
#
# Now the second suspect. The network is the pretrained base model of `diffusion/09`, which was
# trained with 200 steps. It receives labels, each equally often, and no guidance. Does it bear long
# steps? Let's look before we measure. Here are ten noises, each with its label, and DDIM in more
# and more steps:

# %%
base = lesson.pretrained("digit_diffusion")
classifier = lesson.pretrained("digit_classifier")
process = base.schedule
count = lesson.size(500, quick=20)
asked = np.arange(count) % 10
noise_of_digits = lesson.rng("digits").standard_normal((count, 28, 28, 1), dtype=np.float32)


def sample(way, S, y, noise):
    """Digits (N, 28, 28, 1) in [0, 1] for the labels y (N,), from this noise."""
    fresh = lesson.rng("fresh noise")

    def some(noise, y):
        model = clipped(conditional(base, y), process)
        return reverse_chain(model, noise, process, way, S, fresh)

    return (batched(some, noise, y, size=250, progress="digits").clip(-1, 1) + 1) / 2


# %%
def draw(rng, n, label=None, steps=20):
    y = rng.integers(0, 10, n) if label is None else np.full(n, label)
    return sample(0.0, steps, y, rng.standard_normal((n, 28, 28, 1), dtype=np.float32)), y


lesson.sampler("digits", draw)

# %%
few = [1, 2, 5, 10, 20, process.T][: lesson.size(6, quick=4)]
grid = [sample(0.0, S, asked[:10], noise_of_digits[:10]) for S in few]
shown = np.concatenate(grid)[..., 0]
labels = [f"S = {S}" for S in few]
ax = plot.image_grid(shown, cols=10, limits=(0, 1), row_labels=labels)
lesson.figure(
    ax,
    "same_noise",
    "One column, one noise and one label. The number of steps grows from the top row to the bottom"
    " row. Find the first row in which you recognize the digit of the last.",
)

# %% [markdown]
# One step gives the average of what the digit may become. A few steps later the digit is there, and
# then only details change. But a picture of ten digits cannot rank samplers. We compute the Fréchet
# distance of 500 digits to the test digits, with the features of the classifier of `gan/08`. A
# *jackknife*, which leaves out a tenth of the digits at a time, gives standard errors.

# %%
lesson.predict(
    "Three samplers draw digits with one network, in 10 of its 200 steps. Whose digits are closest"
    " to real ones?",
    [
        "those of η = 0, as on the photos",
        "those of η = 1",
        "those of σ̂",
        "no sampler is ahead by two standard errors",
    ],
)

# %%
test = mnist.unit(mnist.splits().test.images[: lesson.size(10_000, quick=500)])
moments = mean_and_covariance(digit_features(classifier, test))


def frechet(features):
    return frechet_distance(*moments, *mean_and_covariance(features))


def tenths(images):
    """Ten numbers, whose mean is the Fréchet distance of the images, with its standard error."""
    features = digit_features(classifier, images)
    parts = np.array_split(np.arange(len(features)), 10)
    left = np.array([frechet(np.delete(features, part, axis=0)) for part in parts])
    return frechet(features) + 9 * (np.mean(left) - left)


steps, far = [5, 10, 20, process.T] if not lesson.quick else [2, 10], {}
for name, way in ways.items():
    for S in steps:
        far[name, S] = tenths(sample(way, S, asked, noise_of_digits))

# %%
train = mnist.splits().train
of_train = mnist.unit(train.images[:10_000]), train.labels[:10_000]
gaussians = class_gaussian_digits(*of_train, lesson.rng("class Gaussians"), count)[0]
trivial = {
    "a Gaussian for each class": gaussians,
    "one step": sample(0.0, 1, asked, noise_of_digits),
    "real training digits": of_train[0][:count],
}
trivial = {name: float(np.mean(tenths(images))) for name, images in trivial.items()}
winner = leader({name: far[name, 10] for name in ways})
each = ", ".join(f"{far[name, 10].mean():.1f} for {name}" for name in ways)
fall = far["η = 0", 10] - far["η = 1", 10]
choice = "no sampler is ahead by two standard errors"
if winner:
    choice = f"those of {winner}" + (", as on the photos" if winner == "η = 0" else "")

# %%
lesson.outcome(
    f"The distance is {each}. That of η = 0 minus that of η = 1 is {fall.mean():+.1f}, with a"
    f" standard error of {error(fall):.1f}.",
    answer=choice,
)

# %%
means = {name: np.array([far[name, S].mean() for S in steps]) for name in ways}
two_errors = {name: 2 * np.array([error(far[name, S]) for S in steps]) for name in ways}
lines = {name: trivial[name] for name in ("a Gaussian for each class", "real training digits")}
ax = plot.line(
    steps,
    means,
    band={name: (means[name] - two_errors[name], means[name] + two_errors[name]) for name in ways},
    reference=lines,
    **{"xlabel": "steps S", "ylabel": "Fréchet distance", "log": "xy", "markers": True},
)

# %%
lesson.figure(
    ax,
    "steps",
    "Fréchet distance of digits drawn with η = 0 (blue), η = 1 (orange) and σ̂ (green), and two"
    " standard errors around each (shaded). The dashed line is a Gaussian for each class, the"
    " dotted one real training digits. Compare the left end with that of section 4.",
)

# %%
twenty = 20 if not lesson.quick else 10
lesson.claim(
    "digits, DDIM: Fréchet distance with 20 steps over all",
    far["η = 0", twenty].mean() / far["η = 0", steps[-1]].mean(),
    at_most=1.5,
    source="seed 0: 1.04; 1,000 digits of seeds 0 and 1: 1.07, 1.08; with one step: 25",
)
lesson.claim(
    "digits, DDIM, 20 steps: Fréchet distance",
    far["η = 0", twenty].mean(),
    at_most=37,
    source="seed 0 and other noises: 26.5, 24.6, plus two fifths; class Gaussians: 246",
)

# %%
lesson.claim(
    "digits, 10 steps: σ̂ over η = 1",
    far["σ̂", 10].mean() / far["η = 1", 10].mean(),
    at_least=1.6,
    source="seed 0 and a run with other noises: 2.5, 2.6; margin: a third; no effect: 1",
)

# %% [markdown]
# Twenty steps of DDIM are almost as good as all 200, so the network does bear long steps. But
# $\hat\sigma$ is far behind with few of them, as on the photos, and on the ring it was not. Why?
#
# The samplers of $\eta = 1$ and $\hat\sigma$ differ only in the variance of their fresh noise, so
# this variance is the cause. Its right value depends on the data (`diffusion/07`). It is $\beta$
# for data that vary as much as the noise does, as the points of the ring do, and $\tilde\beta$ if
# $x_t$ determines $x_0$. A digit's black background is determined. Each step of $\hat\sigma$ adds
# noise of which the schedule takes no account.
#
# Is that all? We can replace the network with an *exact* model of digits. If the data are 2,000
# training digits and no others, the mean noise follows from a weighted mean of those that have the
# label.

# %%
some = mnist.symmetric(train.images[:2000]).reshape(2000, -1)
has_label = asked[:, None] == train.labels[:2000]


def exact_digits(x, t):
    """E[noise | x_t, label] if the data are these 2,000 digits."""
    a, flat = process.alpha_bar[t[0]], x.reshape(len(x), -1)
    log_weight = (np.sqrt(a) * flat @ some.T - a * np.sum(some**2, axis=1) / 2) / (1 - a)
    weight = softmax(np.where(has_label, log_weight, -np.inf))
    x0 = (weight @ some).reshape(x.shape)
    return ((x - np.sqrt(a) * x0) / np.sqrt(1 - a)).astype(x.dtype)


# %%
found = {"the network": {name: far[name, 10] for name in ways}, "the exact model": {}}
for name, way in ways.items():
    fresh = lesson.rng("fresh noise")
    x = reverse_chain(exact_digits, noise_of_digits, process, way, 10, fresh)
    found["the exact model"][name] = tenths((x.clip(-1, 1) + 1) / 2)
rows = []
for name, of_ways in found.items():
    above = [of_ways[other] - of_ways["η = 1"] for other in ("η = 0", "σ̂")]
    listed = [f"{parts.mean():+.1f} ± {error(parts):.1f}" for parts in above]
    rows.append([name, f"{of_ways['η = 1'].mean():.1f}", *listed])
rows += [[name, f"{far_away:.1f}", "", ""] for name, far_away in trivial.items()]
header = ["10 steps of", "Fréchet distance, η = 1", "η = 0 minus η = 1", "σ̂ minus η = 1"]
exact = found["the exact model"]

# %%
lesson.table(rows, header)
lesson.claim(
    "exact digits, 10 steps: σ̂ over η = 1",
    exact["σ̂"].mean() / exact["η = 1"].mean(),
    at_most=1.3,
    source="seed 0 and a run with other noises: 1.00, 0.99; with the network: 2.5",
)

# %% [markdown]
# With the exact model, the same steps and the same noise, $\hat\sigma$ is no longer behind. Too
# much noise does harm only together with a network's errors. The network has learned from examples
# with the noise of their time, and a noisier $x_s$ is not one of them, which may be the reason.
# (The exact model only redraws the digits that it was given, and is no use otherwise.) Nor does it
# show an advantage of $\eta = 1$ over $\eta = 0$. With the network there is one, which the photos
# do not have, and we have not found out what makes the difference.
#
# The long step was innocent, with digits as well. Remember the method. An exact model tells the
# errors of the steps from those of the network.
#
# ## 7. From an image to its noise, and between two noises
#
# If a sample is a function of its noise, can we find the noise of a *real* image? An ODE can be
# followed in either direction, from a data point to its noise, its *code*, and back again.
# (`ddim_step` goes either way. At $t = 0$, where the model is not defined, it receives the time of
# the first step.)


# %%
def encode(model, x0, schedule, S):
    """The noise that DDIM in S steps would (nearly) turn into x0."""
    short, x = schedule.subset(spaced_timesteps(schedule.T, S)), x0
    for i in range(S):
        asked_time = short.times[max(i, 1)]
        eps = model(x, np.full(len(x), asked_time))
        x = ddim_step(x, i, i + 1, eps, None, short)
    return x


# %%
held_out, rows = mnist.splits().test, []
real_digits = mnist.symmetric(held_out.images[: lesson.size(100, quick=10)])
known = conditional(base, held_out.labels[: len(real_digits)].astype(int))
for S in (10, 30, 100):
    codes = encode(known, real_digits, process, S)
    back = ddim(known, codes, process, S)
    rows.append([S, float(np.sqrt(np.mean((back - real_digits) ** 2))), float(np.std(codes))])
rows.append(["no step", 0.0, float(np.std(real_digits))])

# %%
header = ["S", "error per pixel (of a range of 2)", "standard deviation of the codes (noise: 1)"]
lesson.table(rows, header, "100 test digits, encoded and decoded")
fewer = rows[2][1] / rows[0][1]
lesson.check("error with 100 steps over 10 (order 1: 0.1)", fewer, between=(0.05, 0.2))

# %% [markdown]
# The digits return, although the network is only nearly right, because both directions follow the
# *same* ODE, right or wrong. Only the steps make an error, and ten times as many steps make it
# about ten times smaller. But beware of the codes. (The last row takes the digit itself as its
# code.) Noise has a standard deviation of 1, and the codes have about half of that. A code can be
# decoded, but it is not typical noise.
#
# And what lies between two noises? Consistency makes possible, as the post puts it, “semantically
# meaningful interpolation in the latent variable”. Two independent noises are nearly orthogonal and
# equally long. The middle of the straight line between them would be too short for noise, so we
# follow the circle. For comparison, the last row blends two *images*.

# %%
way_along = np.linspace(0, 1, 8, dtype=np.float32)
between = []
for k, label in [(0, 3), (2, 8), (4, 5)]:
    ends = noise_of_digits[k].ravel(), noise_of_digits[k + 1].ravel()
    path = interpolate_spherical(*ends, way_along).reshape(-1, 28, 28, 1).astype(np.float32)
    between.append(sample(0.0, 20, np.full(8, label), path))
fade = way_along.reshape(-1, 1, 1, 1)
between.append((1 - fade) * between[-1][:1] + fade * between[-1][-1:])

# %%
grid = plot.image_grid(np.concatenate(between)[..., 0], cols=8, limits=(0, 1))
lesson.figure(
    grid,
    "between",
    "Left and right, samples of two noises with the same label. Between them, samples of the noises"
    " on the circle, 20 steps each, and in the last row blends of the two images above. Follow a"
    " stroke from left to right.",
)

# %% [markdown]
# Is it *meaningful*? Take a property that has a meaning, the slant. In 200 pairs of noises we
# correlate the slant of the midpoint with the mean slant of its two ends, or of two other ends with
# the same label. A blend of images has the mean slant, too. We therefore also count gray pixels
# (0.25 to 0.75) for each inked one, which show its crossed strokes.

# %%
pairs = lesson.size(200, quick=20)
y = np.arange(pairs) % 10
a, b = lesson.rng("pairs").standard_normal((2, pairs, 28, 28, 1), dtype=np.float32)
middle = (a + b) / np.float32(np.sqrt(2))  # on the circle, for orthogonal noises
drawn = [sample(0.0, 20, y, noise) for noise in (a, b, middle)]
blended = (drawn[0] + drawn[1]) / 2
slants = [measure(images).slant for images in (*drawn, blended)]
of_ends = (slants[0] + slants[1]) / 2
follows = [np.corrcoef(slant, of_ends)[0, 1] for slant in slants[2:]]
by_label = np.corrcoef(slants[2], np.roll(of_ends, 10))[0, 1]


def gray(images):
    """Pixels between 0.25 and 0.75, for each above 0.75."""
    return float(np.sum((images > 0.25) & (images < 0.75)) / np.sum(images > 0.75))


# %%
rows = [["the ends", "", "", gray(drawn[0])]]
rows += [["midpoint of the noises", follows[0], by_label, gray(drawn[2])]]
rows += [["blend of the images", follows[1], "", gray(blended)]]
lesson.table(rows, ["", "slant: correlation with the ends", "with other ends", "gray pixels"])
lesson.claim(
    "midpoint: slant, correlation",
    follows[0],
    at_least=0.5,
    source="seeds 0 and 1: 0.80 to 0.85, and 0.07 to 0.17 with other ends",
)
lesson.claim(
    "midpoint: gray over that of the ends",
    gray(drawn[2]) / gray(drawn[0]),
    at_most=1.3,
    source="seeds 0 and 1: 0.99 to 1.00, and 4.9 to 5.3 for the mean of the images",
)

# %% [markdown]
# The slant of a midpoint follows its own two ends, and hardly the ends of another pair. Its strokes
# are as crisp as theirs, and those of the blend are not. In this sense the interpolation is
# meaningful.
#
# ## 8. Wrong turns
#
# A sampler is a few lines long, and two mistakes in them look right. The first takes the $\beta_t$
# of the schedule, that of a *single step*, in place of the pair's. The second adds the fresh noise
# but does not reduce the *old noise* for it, with $\sqrt{1 - \bar\alpha_s}$ in place of $\sqrt{1 -
# \bar\alpha_s - \sigma^2}$. Both run.

# %%
lesson.predict(
    "A long step adds fresh noise. One mistake takes the beta of a single step for its variance,"
    " the other does not reduce the old noise. Which one makes the variance of the result wrong?",
    ["only the single step's beta", "only the old noise that is not reduced", "both"],
)


# %%
def mistaken(mistake, schedule):
    """A step of DDIM with eta = 1 and one of the mistakes."""

    def step(x, t, s, eps, z):
        before, now = schedule.alpha_bar[s], schedule.alpha_bar[t]
        beta = schedule.beta[t] if mistake == "single step's beta" else 1 - now / before
        variance = (1 - before) / (1 - now) * beta
        left = 1 - before if mistake == "old noise not reduced" else 1 - before - variance
        x0 = predict_x0_from_eps(x, t, eps, schedule)
        x_s = np.sqrt(before) * x0 + np.sqrt(left) * eps + np.sqrt(variance) * z
        return x_s.astype(x.dtype)

    return step


# %%
mistakes = ["none", "single step's beta", "old noise not reduced"]
right = marginal(ddim_with(1.0), t, s)
made = {name: marginal(mistaken(name, plane), t, s)[1] / right[1] for name in mistakes}
lesson.check("without a mistake", marginal(mistaken("none", plane), t, s), equals=right)

# %%
wrong = [name for name in mistakes[1:] if abs(made[name] - 1) > 1e-6]
lesson.outcome(
    f"With the second mistake the variance is {made['old noise not reduced']:.2f} times what it"
    " should be. With the first it is right, because the step is still one of the family, with a"
    " smaller η than was asked for.",
    answer="only the old noise that is not reduced" if len(wrong) == 1 else "both",
)
lesson.table(made.items(), ["mistake, step from 3T/4 to T/4", "variance / what it should be"])

# %% [markdown]
# Would we notice? Here are digits in 10 steps with each mistake, from the noise of section 6.


# %%
def run(step, model, x, schedule, S):
    """S steps of this kind, from T to 0."""
    rng = lesson.rng("fresh noise")
    times = [0, *spaced_timesteps(schedule.T, S)]
    for s, t in zip(times[-2::-1], times[:0:-1]):
        z = rng.standard_normal(x.shape, dtype=x.dtype)
        x = step(x, t, s, model(x, np.full(len(x), t)), z)
    return x


model, made = clipped(conditional(base, asked[:200]), process), {}
for name in mistakes:
    x = run(mistaken(name, process), model, noise_of_digits[:200], process, 10)
    made[name] = (x.clip(-1, 1) + 1) / 2
distances = [frechet(digit_features(classifier, images)) for images in made.values()]
listed = ", ".join(f"{one:.0f}" for one in distances)

# %%
shown = np.concatenate([images[:10] for images in made.values()])[..., 0]
ax = plot.image_grid(shown, cols=10, limits=(0, 1), row_labels=["no mistake", "beta", "old noise"])
lesson.figure(
    ax,
    "mistakes",
    "Digits in ten steps. From top to bottom, no mistake, the single step's beta, and old noise"
    f" that is not reduced. The Fréchet distances of 200 digits are {listed}. Which rows could you"
    " tell apart without them?",
)

# %% [markdown]
# The second mistake ruins the digits, and anybody would notice. The first is worse, because nobody
# would. Its digits look like digits, and only the formula, or a probe of it, shows that $\eta$ is
# not what was asked for. A sampler that runs proves little.
#
# ## What this lesson does differently
#
# - We have the ring with its exact noise, and digits in place of photos. Table f08's half for faces
#   (CelebA) is left out, and its other half is drawn.
# - Our times are $kT/S$, rounded, in place of a stride (section 1).
# - We leave out solvers of the ODE of higher order.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - “taking the sampling update every $\lceil T/S \rceil$ steps to reduce the process from $T$ to
#   $S$ steps”: a stride of $\lceil T/S \rceil$ gives $S$ steps only for some $S$ (section 1).
# - “Let $\sigma_t^2 = \eta \cdot \tilde{\beta}_t$”: the paper has $\sigma_t = \eta
#   \sqrt{\tilde\beta_t}$, so $\eta$ comes in squared. For 0 and 1 that is the same.
# - “$\eta \in \mathbb{R}^+$”: the root of $1 - \bar\alpha_s - \sigma^2$ sets a bound. And 0, the
#   case of DDIM, is not positive.
# - “DDIM has the same marginal noise distribution but deterministically maps noise back to the
#   original data samples”: the first holds with the true noise (section 3). In the second, noise is
#   mapped to samples of the model. Only an encoded data point comes back to itself, up to the
#   errors of section 7.
# - “DDPM does perform better when we can afford to run the full reverse Markov diffusion steps”: in
#   the table this is true of $\hat\sigma$ (3.17 against 4.04), not of “DDPM ($\eta=1$)”, as the
#   sentence before calls it (4.73).
# - “multiple samples conditioned on the same latent variable should have similar high-level
#   features”: with the same steps they are identical. The paper compares numbers of steps.
# - In the second line of Eq. diffusion.24 the noise is the true one, in the third it is the
#   network's, so the equals sign between them is an approximation.
#
# ## To remember
#
# - DDPM's loss depends only on the marginals, so any sampler that keeps them may use its network.
# - A step goes to the predicted data and back to the noise of $s$.
# - With $\eta = 0$ a sample is a function of its noise, and the steps are Euler's method.
# - A tenth of the steps is nearly as good as all.
#
# **Next:** `diffusion/11` halves the steps again and again by training. `after/01` uses the ODE to
# compute the density of a diffusion model, and in `after/02` this sampler is Euler's method of flow
# matching.
#
# **Your turn:** `minigen exercise start diffusion/10`, then `minigen run diffusion/10 --with
# exercises/diffusion_10.py`.

# %%
lesson.finish()
