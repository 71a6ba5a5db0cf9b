# %% [markdown]
# # The variance of the reverse step: two guesses, or learn it
#
# The section "Parameterization of reverse process variance $\boldsymbol\Sigma_\theta$" of [What are
# Diffusion Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/)
# (diffusion.s09), after Nichol and Dhariwal (2021). A network tells the *mean* of each step back.
# How wide is the Gaussian around it? It helps to have read `diffusion/03` (the bound) and
# `diffusion/04` (DDPM). To take away:
#
# 1. $\beta_t$ and $\tilde\beta_t$ are both exact, each for one kind of data. Pictures are neither.
# 2. A network can learn the variance, number by number, from the variational bound alone.
# 3. The likelihood gains. Whether samples do is another question.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/07_reverse_variance",
    title="The variance of the reverse step",
    post="diffusion",
    sections=["diffusion.s09"],
    figures=["diffusion.f06"],
    equations=["diffusion.19"],
    minutes=6.0,
    sources=[
        "weng2021diffusion",
        "vandenoord2016pixelrnn",
        "vandenoord2016pixelcnn",
        "kingma2018glow",
        "child2019sparse",
        "ho2019flowpp",
        "ho2020ddpm",
        "child2021verydeep",
        "nichol2021improved",
        "bao2022analytic",
    ],
)

# %%
import autograd.numpy as np
import numpy

from minigen import plot
from minigen.diffusion.schedule import Schedule, spaced_timesteps

# %% [markdown]
# ## 1. How wide is a step back?
#
# By hand, with numbers in place of pictures. Two steps forward, $\beta_1 = 0.19$ and $\beta_2 =
# 0.36$: each shrinks the number and adds noise. You are shown $x_2$. Where was $x_1$?
#
# If the data is a single point, say 0, then $x_1$ is nothing but the noise of the first step, and
# its variance, once $x_2$ is known, is $\tilde\beta_2 = 0.19 \cdot 0.36 / 0.4816 = 0.142$ (Eq.
# diffusion.07). If the data is as wide as the noise, a Gaussian of variance 1, all $x_t$ look
# alike, and by symmetry the step back is as wide as the step forward, $\beta_2 = 0.36$.

# %%
lesson.predict(
    "The data is a Gaussian of variance 1/4. How wide is x_1, given x_2?",
    ["0.36, as for the wide data", "0.142, as for the point", "in between"],
)

# %%
lesson.exercise("diffusion/07/gaussian_reverse_variance")

# %%
from minigen.diffusion.ddpm import gaussian_reverse_variance

lesson.show_source(gaussian_reverse_variance)
two_steps = Schedule([0.19, 0.36])
wide, narrow, quarter = (gaussian_reverse_variance(s2, 2, two_steps) for s2 in (1, 0, 0.25))
lesson.check("data of variance 1", wide, equals=0.36)
lesson.check("a single point", narrow, equals=0.19 * 0.36 / 0.4816)
lesson.check("data of variance 1/4", quarter, equals=0.36 * 0.3925 / 0.6112)

# %% [markdown]
# A small experiment agrees: draw many $x_0$, take both steps, and see how far $x_1$ is from the
# best guess that is linear in $x_2$.

# %%
rng = lesson.rng("two steps")
n = lesson.size(200_000, quick=20_000)
x0, first, second = rng.standard_normal((3, n))
x1 = np.sqrt(0.81) * 0.5 * x0 + np.sqrt(0.19) * first
x2 = np.sqrt(0.64) * x1 + np.sqrt(0.36) * second
left_over = np.var(x1 - np.mean(x1 * x2) / np.mean(x2**2) * x2)
five_errors = 5 * quarter * np.sqrt(2 / n)
lesson.check("measured on draws", left_over, equals=quarter, atol=five_errors)

# %%
lesson.outcome(
    f"{quarter:.3f}: knowing x_2 tells something of x_0, but not all of it.", answer="in between"
)

# %%
lesson.change(
    "wide data",
    "Take data of variance 4: change `(1, 0, 0.25)` to `(1, 0, 4)` and run again. How wide is "
    "$x_1$ now, given $x_2$?",
    answer="Its variance is 0.4832, more than $\\beta_2 = 0.36$. Data that is wider than the "
    "noise becomes narrower with every step forward, so $x_1$ is wider than $x_2$, by $V_1/V_2 = "
    "3.43/2.5552$ in variance, and $\\beta_2$ is multiplied by that.",
)

# %% [markdown]
# Where along the way does it matter? Here are 200 steps of the cosine schedule.

# %%
T = lesson.size(200, quick=20)
schedule = Schedule.cosine(T)
steps = numpy.arange(2, T + 1)
beta, posterior = schedule.beta[steps], schedule.posterior_variance[steps]
widths = {1.0: "1: beta", 0.1: "0.1", 0.01: "0.01", 0.001: "0.001", 0.0: "0: posterior variance"}
curves = {}
for s2, name in widths.items():
    curves[f"data of variance {name}"] = gaussian_reverse_variance(s2, steps, schedule) / beta
ax = plot.line(steps, curves, xlabel="t", title="variance of the step back, over beta", log="x")
lesson.figure(
    ax,
    "widths",
    "For most of the way all curves lie together: noise drowns the data, whatever it is. They part"
    " where the noise becomes as small as the data's own spread, in the last, finest steps.",
)

# %% [markdown]
# ## 2. What a wrong width costs
#
# Ho et al. (2020) took one or the other, and found the samples equally good. But the bound on
# $-\log p$ is made of KL divergences, and these see the width. If the mean is right, and the true
# variance is $r$ times that of the model, a number costs
#
# $$\mathrm{KL} = \tfrac12 (r - 1 - \log r) \quad \text{nats}.$$

# %%
lesson.predict(
    "Which is the dearer mistake?",
    ["a model four times too wide", "a model four times too narrow", "they cost the same"],
)


# %%
def price(r):
    """Nats for a number whose variance is r times that of the model."""
    return 0.5 * (r - 1 - np.log(r))


too_wide, too_narrow = price(1 / 4), price(4)
lesson.check("four times too wide", too_wide, equals=-3 / 8 + np.log(2))
lesson.check("four times too narrow", too_narrow, equals=3 / 2 - np.log(2))

# %%
lesson.outcome(
    f"{too_wide:.3f} nats if it is too wide, {too_narrow:.3f} if it is too narrow. What a narrow"
    " model meets is a surprise to it again and again.",
    answer="a model four times too narrow",
)

# %% [markdown]
# Added up over the steps, and divided by $\log 2$, this is the price in bits of having chosen
# wrongly, for data of which everything else is known:


# %%
def total_price(s2, process, variance):
    """Bits for each number, over all steps but the one to the data, t = 1."""
    t = numpy.arange(2, process.T + 1)
    return np.sum(price(gaussian_reverse_variance(s2, t, process) / variance[t])) / np.log(2)


few = schedule.subset(spaced_timesteps(T, T // 8))
rows = []
for s2 in widths:
    row = [s2]
    for process in (schedule, few):
        row.append(total_price(s2, process, process.beta))
        row.append(total_price(s2, process, process.posterior_variance))
    rows.append(row)

# %%
header = [f"{kind}, {process.T} steps" for process in (schedule, few) for kind in ("beta", "beta~")]
lesson.table(rows, ["data's variance", *header], "price of the variance, bits a number")
lesson.check("beta is free for wide data", rows[0][1], equals=0, atol=1e-9)
lesson.check("beta~ is free for a point", rows[-1][2], equals=0, atol=1e-9)

# %% [markdown]
# A digit is both: a background that is black without exception, which is a point, and strokes whose
# gray is anybody's guess. Whichever variance is taken, a part of the picture pays, and with few
# steps the background pays $\beta$ even more.
#
# ## 3. Let the network say
#
# So let the network choose, for every number and every step. It could output $\log \sigma^2$; but
# these logarithms span a wide range, and the right one lies in a narrow strip. Nichol and Dhariwal
# have it say where *in the strip*: $v = 1$ means $\beta_t$, $v = 0$ means $\tilde\beta_t$, and in
# between the logarithm of the variance follows a straight line.
#
# By hand: $\beta_2 = 15/19$ and $\tilde\beta_2$ a sixteenth of it. With $v = 1/4$ the variance is a
# quarter of the way up, in factors: $16^{1/4} = 2$ times $\tilde\beta_2$. One trouble is at $t =
# 1$: before the first step stands $x_0$ itself, $\tilde\beta_1 = 0$, and $\log 0$ will not do.

# %%
lesson.exercise("diffusion/07/learned_variance")

# %%
from minigen.diffusion.ddpm import learned_variance

lesson.show_source(learned_variance)
sixteenth = Schedule([1 / 20, 15 / 19])
found = learned_variance(np.array([[0.25, 0.75]]), 2, sixteenth)
lesson.check("v = 1/4 and 3/4", found[0], equals=[2 / 16 * 15 / 19, 8 / 16 * 15 / 19])
at_one = learned_variance(np.array([[0.0, 1.0]]), 1, sixteenth)
lesson.check("the two ends at t = 1", at_one[0], equals=[15 / 19 / 16, 1 / 20])

# %%
lesson.change(
    "beyond both ends",
    "Change `np.array([[0.25, 0.75]])` to `np.array([[2.0, -1.0]])` and run again. By which "
    "factor is the variance beyond the two ends?",
    answer="By 16 at either end: 12.63 is 16 times $\\beta_2 = 15/19$, and 0.003084 is a "
    "sixteenth of $\\tilde\\beta_2$. The line in the logarithm goes on, and $v$ rises by 1 for "
    "each factor of $\\beta_2/\\tilde\\beta_2 = 16$.",
)

# %% [markdown]
# As a formula (Eq. diffusion.19):
#
# $$\Sigma_\theta(x_t, t) = \exp\big(v \log \beta_t + (1 - v) \log \tilde\beta_t\big).$$
#
# Papers' codes differ at $t = 1$. Ours takes $\tilde\beta_2$ for $\tilde\beta_1$, and $\beta_1$
# as it is; that of Ho et al. takes $\tilde\beta_2$ there whichever variance was chosen. With gray
# values this step is where most of the bits are, so a table must say which.
#
# ## 4. Who trains v?
#
# $L_\text{simple}$ has no variance in it, so it cannot. The bound has, but it is a poor teacher of
# the mean. So Nichol and Dhariwal add the two, $L_\text{hybrid} = L_\text{simple} + \lambda
# L_\text{vlb}$ with $\lambda = 0.001$, and let the bound teach $v$ **only**: its gradient stops
# before it reaches the mean.

# %%
lesson.exercise("diffusion/07/hybrid_loss")

# %% [markdown]
# On one number, with a "network" of two weights: the noise is $w_1 x_t$ and $v = w_2$. Here $x_0 =
# 1$, $t = 2$ of the two steps of section 3, and the noise is 0.5.

# %%
from minigen.diffusion.ddpm import q_sample, simple_loss
from minigen.diffusion.likelihood import hybrid_loss, vlb_term
from minigen.tensor import grad

lesson.show_source(hybrid_loss)
one, noise, at_two = np.array([[1.0]]), np.array([[0.5]]), np.array([2])
weights = np.array([0.3, 0.4])


def two_weights(w):
    def model(x, t):
        return w[0] * x, w[1] + 0 * x

    return model


# %%
def hybrid(w):
    return hybrid_loss(two_weights(w), one, at_two, noise, sixteenth, weight=0.1)


def simple(w):
    return simple_loss(lambda x, t: w[0] * x, one, at_two, noise, sixteenth)


def whole_bound(w):
    return np.sum(vlb_term(two_weights(w), one, at_two, noise, sixteenth, "learned"))


# %%
of_hybrid = grad(hybrid)(weights)
of_simple = grad(simple)(weights)
of_bound = grad(whole_bound)(weights)
T_over_D = 2  # two steps, one dimension
lesson.table(
    [
        ["w1 (noise)", of_simple[0], of_bound[0], of_hybrid[0]],
        ["w2 (v)", of_simple[1], of_bound[1], of_hybrid[1]],
    ],
    ["slope in", "L_simple", "the bound's term", "L_hybrid, weight 0.1"],
)
lesson.check("the noise learns from L_simple", of_hybrid[0], equals=of_simple[0])
lesson.check("v learns from the bound", of_hybrid[1], equals=0.1 * T_over_D * of_bound[1])

# %%
lesson.change(
    "ten times the weight",
    "In `hybrid`, change `weight=0.1` to `weight=1.0` and run again. Which slopes of "
    "$L_\\text{hybrid}$ change, and by which factor?",
    answer="Only that of $v$: it is -1.824, ten times what it was. That of the noise stays at "
    "-0.4144, the slope of $L_\\text{simple}$, because the gradient of the bound stops before it "
    "reaches the mean.",
)

# %% [markdown]
# ## 5. In the plane: a perfect mean, a learned variance
#
# To see the variance's part alone, let the noise be exact. The ring of eight Gaussians makes it
# possible: given $x_t$, each of the eight has a known probability, and each knows where its $x_0$
# was.

# %%
from minigen.data import toy

ring = toy.ring().standardized()


def posterior_of_x0(x, t, process):
    """Mean and variance (N, 2) of x_0 given x_t, in each coordinate."""
    left = process.alpha_bar[t][:, None]  # (N, 1)
    total = left * ring.std**2 + 1 - left
    off = x[:, None] - np.sqrt(left)[:, :, None] * ring.modes  # (N, 8, 2)
    logits = -np.sum(off**2, axis=2) / (2 * total)
    chance = np.exp(logits - logits.max(axis=1, keepdims=True))
    chance = (chance / chance.sum(axis=1, keepdims=True))[:, :, None]
    guesses = ring.modes + (np.sqrt(left) * ring.std**2 / total)[:, :, None] * off
    mean = np.sum(chance * guesses, axis=1)
    spread = np.sum(chance * (guesses - mean[:, None]) ** 2, axis=1)
    return mean, spread + ring.std**2 * (1 - left) / total


# %%
from minigen.diffusion.ddpm import eps_from_x0
from minigen.diffusion.exact import exact_eps_model


def exact_noise(x, t):
    """E[eps | x_t] at the time t (N,) of the whole schedule."""
    return eps_from_x0(x, t, posterior_of_x0(x, t, schedule)[0].astype(x.dtype), schedule)


def best_v(x, i, process):
    """The v of the best variance for step i (N,) of a schedule, given the exact mean."""
    beta = process.beta[i][:, None]  # (N, 1)
    low = process.posterior_variance_clipped[i][:, None]
    part = np.sqrt(process.alpha_bar[i - 1]) * process.beta[i] / (1 - process.alpha_bar[i])
    unknown = posterior_of_x0(x, i, process)[1]  # (N, 2)
    exact = process.posterior_variance[i][:, None] + part[:, None] ** 2 * unknown
    return np.log(exact / low) / np.log(beta / low)


# %%
two, ends = np.array([[0.5, -1.0], [1.0, 1.5]]), np.array([1, T])
gap = exact_noise(two, ends) - exact_eps_model(ring, schedule)(two, ends)
lesson.check("from the mean of x_0, and from the score", np.abs(gap).max(), at_most=1e-6)

# %% [markdown]
# (The variance of $x_{t-1}$ is that of the posterior if $x_0$ were known, plus what not knowing
# $x_0$ adds: its variance, times the square of its part in the mean.)
#
# Only $v$ is trained, by the hybrid loss, on all 200 steps. The first half of that loss has no
# weight to move here.

# %%
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.optim import cosine
from minigen.train import descend


def with_v(v_net):
    """The exact noise, and a learned v."""

    def model(x, t):
        return exact_noise(x, t), v_net(x, t) + np.float32(0.5)

    return model


def plane_loss(v_net, x0, t, eps):
    return hybrid_loss(with_v(v_net), x0, t, eps, schedule, weight=1.0)


# %%
def noisy_points(rng, count=256):
    x0 = ring.sample(rng, count)
    return x0, rng.integers(1, T + 1, count), rng.standard_normal(x0.shape, dtype=np.float32)


rng = lesson.rng("v in the plane")
count = lesson.steps(2500, quick=5)
step = descend(
    plane_loss,
    EpsMLP(rng, width=64, layers=3),
    noisy_points,
    rng=rng,
    lr=cosine(2e-3, count),
    ema=0.995,
)
lesson.fit(step, count, state=step.state, label="v in the plane")
learned = with_v(step.averaged)

# %%
lesson.predict(
    "A sampler may jump, 25 times instead of 200. Each jump has its own beta and beta~; v was"
    " trained on single steps only. Is the learned variance still better than both?",
    ["yes, than both", "better than one of them", "no, worse than both"],
)

# %% [markdown]
# The judge is the bound, less the true $-\log p$: nats that are lost. Since the mean is exact, they
# are lost to the variance, and to the shape, since a step back is not really a Gaussian. The last
# column has the best variance that there is.


# %%
from minigen.diffusion.likelihood import vlb_terms

points = ring.sample(lesson.rng("points"), lesson.size(3000, quick=50))
entropy = -ring.log_prob(points)


def lost(model, process, variance):
    """Nats of the bound above -log p, for each point."""
    terms = vlb_terms(model, points, process, lesson.rng("bound"), variance)
    return terms.total - entropy


# %%
def best_for(process):
    """The exact noise with the best v, for a schedule that stops at some times only."""

    def model(x, t):
        i = np.searchsorted(process.times, t)
        return exact_noise(x, t), best_v(x, i, process).astype(x.dtype)

    return model


jumps = [S for S in (200, 50, 25, 10) if S <= T]
plane = {}
for S in jumps:
    process = schedule if S == T else schedule.subset(spaced_timesteps(T, S))
    each = [lost(learned, process, kind) for kind in ("beta", "posterior", "learned")]
    plane[S] = [np.mean(a) for a in (*each, lost(best_for(process), process, "learned"))]

# %%
lesson.table(
    [[S, *row] for S, row in plane.items()],
    ["steps", "beta", "beta~", "learned", "the best variance"],
    "nats lost, exact noise",
)
some = 25 if 25 in plane else jumps[-1]
b, p, own = plane[some][:3]
beaten = int(own < b) + int(own < p)
choices = ["no, worse than both", "better than one of them", "yes, than both"]
lesson.outcome(f"{some} steps: beta {b:.2f}, beta~ {p:.2f}, learned {own:.2f}.", choices[beaten])


# %%
def lost(S):
    """Nats lost in S jumps by beta, by beta~ and by the learned variance."""
    return plane.get(S, plane[jumps[-1]])[:3]  # under --quick not all are there


for S in (200, 25):
    b, p, own = lost(S)
    lesson.claim(
        f"plane, {S} steps: nats lost by the learned over the better of both",
        own / min(b, p),
        at_most=0.8,
    )

# %% [markdown]
# So $v$ survives the jump: that is why it is made relative to the two ends. Look at the first two
# columns, too: with many steps $\beta$ is the better one here, and with 25 $\tilde\beta$ may be.
# For $\beta$ more steps are better, for $\tilde\beta$ not always:

# %%
by_beta, by_narrow = lost(200)[0] / lost(25)[0], lost(200)[1] / lost(50)[1]
lesson.claim("plane, beta: nats lost in 200 steps over 25", by_beta, at_most=0.3)
lesson.claim("plane, beta~: nats lost in 200 steps over 50", by_narrow, at_least=1.3)

# %% [markdown]
# *Is v between 0 and 1?* The post speaks of an interpolation. But nothing keeps the exact answer in
# the strip at a given $x_t$. Here it is, with the learned one:

# %%
times = np.unique(np.linspace(1, T, lesson.size(60, quick=8)).astype(int))
rng = lesson.rng("range of v")
exact_v, learned_v = [], []
for t in times:
    x0 = ring.sample(rng, lesson.size(1000, quick=20))
    x_t = q_sample(x0, t, rng.standard_normal(x0.shape, dtype=np.float32), schedule)
    each = np.full(len(x0), t)
    exact_v.append(best_v(x_t, each, schedule))
    learned_v.append(learned(x_t, each)[1])
exact_v, learned_v = np.stack(exact_v), np.stack(learned_v)  # (K, N, 2)

# %%
means = {"exact, mean": exact_v.mean(axis=(1, 2)), "learned, mean": learned_v.mean(axis=(1, 2))}
low, high = np.quantile(exact_v, [0.05, 0.95], axis=(1, 2))
ax = plot.line(
    times,
    means,
    band={"exact, mean": (low, high)},
    reference={"v = 1: beta": 1.0, "v = 0: beta~": 0.0},
    xlabel="t",
    title="v along the way",
)
lesson.figure(
    ax,
    "range_of_v",
    "The band holds nine tenths of all points. Where the modes part, v leaves the strip: of a point"
    " between two of them nobody knows where it came from, so the step back is wider than beta.",
)

# %%
lesson.claim("plane: largest exact v", exact_v.max(), at_least=1.5)

# %% [markdown]
# ## 6. Digits
#
# Now a U-Net (of `diffusion/04`, with width 16) that returns noise and $v$, both in the shape of
# the picture. Pixels are 256 gray values between $-1$ and 1.

# %%
from minigen.data import mnist
from minigen.diffusion.networks.unet import UNet

digits = mnist.splits()
rng = lesson.rng("digits")
net = UNet(rng, width=lesson.size(16, quick=8), learned_variance=True)
size = lesson.size(64, quick=4)
batches = mnist.batches(
    mnist.symmetric(digits.train.images), digits.train.labels, size=size, rng=rng
)


def noisy_digits(rng):
    x0, _ = next(batches)
    return x0, rng.integers(1, T + 1, len(x0)), rng.standard_normal(x0.shape, dtype=np.float32)


def digit_loss(net, x0, t, eps):
    return hybrid_loss(net, x0, t, eps, schedule, levels=256)


# %%
count = lesson.steps(2500, quick=2)
lr = cosine(2e-3, count, warmup=min(100, count // 4))
step = descend(digit_loss, net, noisy_digits, rng=rng, lr=lr, ema=0.998, parallel=True)
lesson.fit(step, count, state={**step.state, "batches": batches}, label="digits")
net = step.averaged

# %% [markdown]
# Before it is judged, one repair. From the noise follows an $\hat x_0$, and pixels are never beyond
# $[-1, 1]$; so $\hat x_0$ is clipped there, as in the codes of both papers. It matters where
# sampling begins: there $\hat x_0$ is off by the error of the noise over $\sqrt{\bar\alpha_T}$, a
# tiny number. Here are the bits of one step, from $t = T$, without the clip and with it.

# %%
from minigen.diffusion.samplers import clipped

images = mnist.symmetric(digits.test.images[: lesson.size(400, quick=4)])
BITS = images[0].size * np.log(2)  # nats of an image to bits of a pixel
judged = clipped(net, schedule)
for name, model in {"without": net, "with": judged}.items():
    rng = lesson.rng("from T")
    eps = rng.standard_normal(images[:50].shape, dtype=np.float32)
    nats = vlb_term(model, images[:50], T, eps, schedule, "learned", levels=256)
    print(f"{name} the clip: {np.mean(nats) / BITS:.3f} bits a pixel")

# %% [markdown]
# In bits per pixel, with all steps and with an eighth of them. The mean and the draws are the same
# for all three; only the variance differs.

# %%
lesson.predict(
    "Whose bound is lowest with the few steps?",
    ["beta's", "beta~'s", "the learned variance's"],
)

# %%
KINDS = {"beta": "beta", "posterior": "beta~", "learned": "learned"}


def at_step(process, t, eps):
    """Bits a pixel of step t, by variance, (N,) each; and the squared error of the noise."""
    x_t = q_sample(images, t, eps, process)
    answer = judged(x_t, np.full(len(images), process.times[t]))

    def told(x, t):
        return answer

    bits = {k: vlb_term(told, images, t, eps, process, k, levels=256) / BITS for k in KINDS}
    return bits, (answer[0] - eps) ** 2


# %%
ground = images == -1  # the black background, where nothing is drawn


def bound(process):
    """By variance the bits of each step (S, N); and the noise's mean square error (S, 2), on the
    background and elsewhere."""
    rng = lesson.rng("bound on digits")
    bits, errors = {kind: [] for kind in KINDS}, []
    for t in range(1, process.T + 1):
        found, wrong = at_step(process, t, rng.standard_normal(images.shape, dtype=np.float32))
        errors.append([wrong[ground].mean(), wrong[~ground].mean()])
        for kind in KINDS:
            bits[kind].append(found[kind])
    return {kind: np.array(a) for kind, a in bits.items()}, np.array(errors)


# %%
processes = {S: process for S, process in ((T, schedule), (few.T, few))}
bits, errors = {}, {}
for S, process in processes.items():
    bits[S], errors[S] = bound(process)
total = {(S, kind): bits[S][kind].sum(axis=0) for S in bits for kind in KINDS}  # (N,) each
rows = []
for kind, name in KINDS.items():
    row = [name]
    for S in bits:
        error = total[S, kind].std() / np.sqrt(len(images))
        row += [f"{total[S, kind].mean():.3f} ± {error:.3f}", bits[S][kind][0].mean()]
    rows.append(row)

# %%
header = [f"{S} steps{part}" for S in bits for part in ("", ", of it t = 1")]
last_step = "at t = 1: β₁ for beta, β̃₂ for beta~"
lesson.table(rows, ["variance", *header], f"bits a pixel, test digits; {last_step}")
lowest = min(KINDS, key=lambda kind: total[few.T, kind].mean())
answers = {"beta": "beta's", "posterior": "beta~'s", "learned": "the learned variance's"}
values = ", ".join(f"{name} {total[few.T, kind].mean():.2f}" for kind, name in KINDS.items())
lesson.outcome(f"{few.T} steps: {values}.", answer=answers[lowest])

# %% [markdown]
# The noise of the comparison is small, for each image is judged by all three. The difference of two
# columns, image by image, in standard errors:

# %%
rows = []
for S in bits:
    for other, least in (("beta", 0.2), ("posterior", 0.03)):
        gain = total[S, other] - total[S, "learned"]
        sure = gain.mean() / (gain.std() / np.sqrt(len(gain)))
        rows.append([S, KINDS[other], gain.mean(), sure])
        which = f"digits, {'all' if S == T else 'few'} steps, against {KINDS[other]}"
        lesson.claim(f"{which}: bits saved", gain.mean(), at_least=least)
        lesson.claim(f"{which}: in standard errors", sure, at_least=3)
lesson.table(rows, ["steps", "learned instead of", "bits saved", "in standard errors"])

# %% [markdown]
# ## 7. Where the network wants more noise, where less
#
# $v$ is a picture. At three times, with the noised digit and the digit that the network believes to
# be behind it:

# %%
from minigen.diffusion.ddpm import predict_x0_from_eps

shown = images[:3]
rng = lesson.rng("pictures of v")
panels, labels = [], []
for t in (T // 20, T // 4, 3 * T // 5):
    x_t = q_sample(shown, t, rng.standard_normal(shown.shape, dtype=np.float32), schedule)
    eps, v = net(x_t, np.full(len(shown), t))
    x0 = np.clip(predict_x0_from_eps(x_t, t, eps, schedule), -1, 1)
    for k in range(len(shown)):
        panels += [x_t[k], x0[k], np.clip(2 * v[k] - 1, -1, 1)]
    labels.append(f"t = {t}")

# %%
ax = plot.image_grid(
    np.stack(panels),
    cols=3 * len(shown),
    row_labels=labels,
    col_labels=["x_t", "its x_0", "v"] * len(shown),
    limits=(-1, 1),
)
lesson.figure(
    ax,
    "pictures_of_v",
    "In the pictures of v black is 0 (or less), as narrow as for a point, and white 1, as wide as"
    " beta. With little noise, on top, the background is known and dark, and strokes are not.",
)

# %% [markdown]
# ## 8. Are more steps better?
#
# In theory more steps do not hurt if each has the right width: it is more nearly a Gaussian. In the
# plane, where the noise is exact, so it was with $\beta$; with $\tilde\beta$, which is too narrow
# there, 200 steps lost more than 50. Now compare the columns of the table of section 6. The network
# is not perfect, and the bound is merciless where the noise is fine: an error $e^2$ of the noise at
# step $t$ costs $\tfrac12 (\mathrm{SNR}_{t-1}/\mathrm{SNR}_t - 1)\, e^2$ nats (with the variance
# $\tilde\beta$), and that factor is large in the first steps. (In the last ones before $T$ it is
# larger still, but there $x_t$ is nearly all noise, and $e^2$ is tiny.) Now most of a digit is
# background, exactly $-1$. The noise on it can be *read off*, once one knows that it is background.

# %%
lesson.predict(
    "At t = 2, with noise of a few gray values: how much of the noise on the background does the"
    " network get wrong? (As a share of the mean square.)",
    ["less than 5 %", "5 to 25 %", "more than 25 %"],
)

# %%
ratio = schedule.snr[1:-1] / schedule.snr[2:] - 1  # of steps 2 ... T
share = numpy.mean(ground)
lost_bits = 0.5 * ratio * errors[T][1:, 0] * share / np.log(2)  # on the background
wrong = errors[T][1, 0]
size_of = "less than 5 %" if wrong < 0.05 else "5 to 25 %" if wrong < 0.25 else "more than 25 %"
early = slice(0, T // 8 - 1)  # the steps that the few steps jump over

# %%
ax = plot.line(
    numpy.arange(1, T + 1),
    {"on the background": errors[T][:, 0], "elsewhere": errors[T][:, 1]},
    xlabel="t",
    log="xy",
    title="mean square error of the noise",
)
lesson.figure(
    ax,
    "errors",
    "1 is no idea of the noise at all. A network that knew the background would be at 0 there, for"
    " small t. It was trained for what can be seen, and this cannot.",
)


# %%
def parts(S):
    """Bits of t = 1 and of all other steps, with the learned variance."""
    each = bits[S]["learned"].mean(axis=1)
    return [each[0], each[1:].sum(), each.sum()]


lesson.table(
    [[S, *parts(S)] for S in bits],
    ["steps", "t = 1", "all others", "sum"],
    "learned variance, bits",
)

# %%
every = bits[T]["learned"].mean(axis=1)[1 : T // 8].sum()
lesson.outcome(
    f"{wrong:.0%}. Steps 2 to {T // 8} cost {every:.2f} bits a pixel,"
    f" {lost_bits[early].sum():.2f} of it (about) for noise on the background, which a perfect"
    " network would know. Few steps jump over them in one, which costs"
    f" {parts(few.T)[0] - parts(T)[0]:.2f} more at the end of the jump, in the strokes.",
    answer=size_of,
)

# %% [markdown]
# And the last step itself, $t = 1$? Half of the mass of its Gaussian lies on either side of its
# mean, and the background sits at the very end of the scale. If the mean is right, the half that
# lies beyond black counts as black, and the other half is wasted: one bit for each pixel of the
# background, as long as the Gaussian is wider than a gray value. And it is:

# %%
for S, process in processes.items():
    gray = np.sqrt(process.beta[1]) * 127.5
    least = np.sqrt(process.posterior_variance_clipped[1]) * 127.5
    print(f"{S} steps: the last step's deviation is {least:.1f} (beta~) or {gray:.1f} gray values")
last_bits = {kind: bits[T][kind][0].mean() for kind in KINDS}
with_other = total[T, "beta"].mean() - last_bits["beta"] + last_bits["posterior"]
print(f"beta with beta~ at t = 1, as in the code of Ho et al.: {with_other:.3f} bits")

# %% [markdown]
# ## 9. A noisy bound, and which steps to draw
#
# Why not train everything with $L_\text{vlb}$? Nichol and Dhariwal tried, and found the gradient
# noisy: the terms differ by orders of magnitude, and each example draws one of them. Two terms show
# the trouble, 8 and 1. You draw one, and estimate their mean, 4.5. Drawing evenly, you say 8 or 1.
# You may also draw the first with probability $p$ and weigh what you get, $8/(2p)$ or $1/(2(1-p))$:
# the mean of that is 4.5 for any $p$.

# %%
lesson.predict(
    "With which p is there no noise at all?",
    ["p = 1/2", "p = 8/9", "p = 64/65"],
)

# %%
lesson.exercise("diffusion/07/loss_aware_probabilities")

# %%
from minigen.diffusion.importance import LossAwareTimes, loss_aware_probabilities

lesson.show_source(loss_aware_probabilities)
terms = np.array([8.0, 1.0])
p = loss_aware_probabilities(terms[:, None], uniform=0.0)
lesson.check("p of the two", p, equals=[8 / 9, 1 / 9])
lesson.check("what one says, either way", terms / (2 * p), equals=[4.5, 4.5])
lesson.outcome("Then both draws say 4.5. (With squares it would be 64/65.)", answer="p = 8/9")

# %%
lesson.change(
    "a share for all",
    "Change `uniform=0.0` to `uniform=0.5` and run again. How often are the two terms drawn now, "
    "and do both draws still say 4.5?",
    answer="With $p = 0.6944$ and 0.3056, and the draws no longer agree: one gives 5.76, the "
    "other 1.636. Their mean is still 4.5, but the estimate has noise again. That is the price "
    "for drawing every step now and then, also one whose loss is 0 today and grows later.",
)

# %% [markdown]
# The terms of a real bound change with the image and the noise; the best $p_t$ is in proportion to
# $\sqrt{E[L_t^2]}$, kept from the last ten losses of each step. Here are those of our network.

# %%
aware = LossAwareTimes(T, history=3 if lesson.quick else 10)
recent = bits[T]["learned"][:, : aware.history] * BITS  # (T, history), nats
for losses in recent.T:
    aware.update(np.arange(1, T + 1), losses)
often = aware.probabilities()[1:]
ax = plot.line(
    numpy.arange(1, T + 1),
    {"loss-aware": often, "evenly": np.full(T, 1 / T)},
    log="xy",
    xlabel="t",
    title="how often each step is drawn",
)
most = np.sort(often)[::-1][: T // 20].sum()
lesson.figure(ax, "how_often", f"{most:.0%} of the draws go to a twentieth of the steps.")

# %% [markdown]
# Losses are not gradients. Does it help these? For each $t$ the squared length of the gradient of
# one term, in all weights of the network, mean of a few images: $G_t$. Drawing with $p_t$, the
# weighted gradient has the mean square $\sum_t G_t/(T^2 p_t)$, and its variance is that, less the
# square of the mean gradient.

# %%
from minigen.tensor import leaves, value_and_grad

each = lesson.size(3, quick=1)
rng = lesson.rng("gradients")


def term(net, x, t, eps):
    model = clipped(net, schedule)
    return np.mean(vlb_term(model, x, t, eps, schedule, "learned", levels=256)) / BITS


def slope(t):
    """The gradient of one term for one image, as a vector."""
    x = images[rng.integers(len(images), size=1)]
    eps = rng.standard_normal(x.shape, dtype=np.float32)
    grads = value_and_grad(term)(net, x, t, eps)[1]
    return np.concatenate([np.ravel(a) for a in leaves(grads)])


# %%
lengths, mean = np.zeros((T, each)), 0.0
for t in range(1, T + 1):
    slopes = np.stack([slope(t) for _ in range(each)])
    lengths[t - 1] = np.sum(slopes.astype(float) ** 2, axis=1)
    mean = mean + slopes.mean(axis=0) / T
G = lengths.mean(axis=1)
own_noise = np.sum(G) / (each * T**2)  # of the mean gradient
of_mean = max(np.sum(mean.astype(float) ** 2) - own_noise, 0.0)


def variance(p):
    """Of the weighted gradient of one draw."""
    return np.sum(G / p) / T**2 - of_mean


# %%
even = np.full(T, 1 / T)
best = np.sqrt(G) / np.sum(np.sqrt(G))
ways = {"evenly": even, "loss-aware": often, "by the gradients themselves": best}
lesson.table(
    [[name, variance(p), variance(even) / variance(p)] for name, p in ways.items()],
    ["drawn", "variance of the gradient", "evenly / this"],
)
lesson.claim(
    "L_vlb: gradient's variance, evenly over loss-aware",
    variance(even) / variance(often),
    at_least=2,
)

# %% [markdown]
# The last row cannot be had in practice, and shows what is left.
#
# ## 10. Samples
#
# Do samples notice? Back to the plane, where the mean is exact, with few jumps. Distances are
# sliced Wasserstein distances over their *floor*, that of two sets of true points. (Digits of this
# small network are not worth a look. It was not made for them: `diffusion/09` draws better ones.)

# %%
from minigen.diffusion.samplers import strided
from minigen.metrics import sliced_wasserstein

n = lesson.size(10_000, quick=100)


def distance(a, b):
    return sliced_wasserstein(a, b, 64, lesson.rng("directions"))


def draw(rng, n, jumps=T // 8, variance="learned"):
    x = rng.standard_normal((n, 2), dtype=np.float32)
    return strided(learned, x, schedule, jumps, rng, variance)


lesson.sampler("ring", draw)

# %%
truth = ring.sample(lesson.rng("truth"), n)
floor = np.mean([distance(truth, ring.sample(lesson.rng(f"floor {k}"), n)) for k in range(4)])
rows = []
for jumps in (T // 4, T // 8, max(2, T // 20)):
    drawn = {kind: draw(lesson.rng("samples"), n, jumps, kind) for kind in KINDS}
    rows.append([jumps, *(distance(truth, x) / floor for x in drawn.values())])
lesson.table(rows, ["jumps", *KINDS.values()], "distance of samples over the floor, exact noise")
nearest = {row[0]: list(KINDS.values())[int(np.argmin(row[1:]))] for row in rows}
print(
    "nearest to the truth:",
    ", ".join(f"{name} in {jumps} jumps" for jumps, name in nearest.items()),
)

# %%
fig, axes = plot.figure(1, 3, size=(2.6, 2.7))
for ax, (kind, x) in zip(axes, drawn.items()):
    plot.samples(x[:2000], ring, ax, bounds=2.2, title=f"{KINDS[kind]}, {jumps} jumps")
lesson.figure(fig, "samples", "Look at the width of the modes, and at what lies between them.")

# %% [markdown]
# The bound asks how probable each step back of the true process is, one by one; a sampler takes one
# step after the other, and lives with what it has made. What is best for the one need not be best
# for the other. (Ho et al. judged samples, and found both variances equally good.)

# %% [markdown]
# ## 11. Beside the papers (figure f06)
#
# The post shows the table of Nichol and Dhariwal. Here it is, shortened, with our rows below. These
# are bits for other pictures and cannot be compared with the rows above them; compare each block
# within itself.

# %%
papers = [
    ["Glow (2018)", "3.81", "3.35"],
    ["Flow++ (2019)", "3.69", "3.08"],
    ["PixelCNN (2016)", "3.57", "3.14"],
    ["very deep VAE (2020)", "3.52", "2.87"],
    ["Sparse Transformer (2019)", "3.44", "2.80"],
    ["DDPM (Ho et al. 2020)", "3.77", "3.70"],
    ["improved DDPM (2021)", "3.53", "2.94"],
]
lesson.table(papers, ["model", "ImageNet 64x64", "CIFAR-10"], "bits a dimension, from the paper")
ours = []
for kind, name in KINDS.items():
    ours.append([name, *(total[S, kind].mean() for S in bits)])
header = ["variance", *(f"MNIST, {S} steps" for S in bits)]
lesson.table(ours, header, f"bits a pixel, this run; {last_step}")

# %% [markdown]
# ## 12. Where the post is loose
#
# - It sets $\sigma_t$ to $\beta_t$ or $\tilde\beta_t$; both are variances, $\sigma_t^2$. And
#   $\boldsymbol\Sigma_\theta$ is a diagonal, of which Eq. diffusion.19 gives the entries.
# - "Interpolation": nothing forces $v$ into $[0, 1]$, and the exact answer is not always in it
#   (section 5).
# - $\log \tilde\beta_1$ is $-\infty$ (section 3).
# - Loss-aware sampling is for $L_\text{vlb}$ alone. $L_\text{simple}$ gains nothing from it.
#
# **Left out:** training with $L_\text{vlb}$ to the end, which gives the lowest bits and worse
# samples in the paper; the best variance in closed form, for a given network (Bao et al. 2022).
# **Next:** `diffusion/08` asks for a class.
#
# **Your turn:** `minigen exercise start diffusion/07`, then `minigen run diffusion/07 --with
# exercises/diffusion_07.py`.

# %%
lesson.finish()
