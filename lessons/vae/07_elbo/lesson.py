# %% [markdown]
# # The evidence lower bound
#
# The section *Loss Function: ELBO* (vae.s07) of
# [From Autoencoder to Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/),
# run. To take away:
#
# 1. A guess $q$ can be far from the truth in two directions, and it matters which one is made
#    small.
# 2. $\log p(x)$ is the ELBO plus the distance of $q$ from the true posterior. Exactly, for every
#    $q$.
# 3. So whoever raises the ELBO raises $\log p(x)$, or improves the guess. The loss is *minus* the
#    ELBO.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/07_elbo",
    title="The evidence lower bound",
    post="vae",
    sections=["vae.s07"],
    figures=["vae.f06"],
    equations=["vae.09", "vae.10", "vae.11", "vae.12", "vae.13"],
    minutes=0.2,
    sources=["weng2018vae", "tipping1999ppca", "kingma2014vae", "rezende2014backprop"],
)

# %%
from itertools import repeat

import autograd.numpy as np

from minigen import plot
from minigen.nn import Module
from minigen.optim import cosine
from minigen.train import descend
from minigen.vae.linear import LinearGaussian, expected_log_likelihood, kl_gaussians
from minigen.vae.vae import kl_standard_normal

# %% [markdown]
# ## 1. Two ways to be wrong
# `vae/06` ended with a wish: a guess $q(z|x)$ close to the posterior $p(z|x)$. Close in which
# sense? The divergence has a direction. Let three codes have posterior probabilities 0.5, 0.5 and 0
# (the last one explains nothing), and compare two guesses: *one bump* $(1, 0, 0)$ and *everywhere*
# $(\frac13, \frac13, \frac13)$. The *forward* divergence is $D_{\mathrm{KL}}(\text{truth} \| q)$,
# the *reverse* one $D_{\mathrm{KL}}(q \| \text{truth})$. Each guess is infinitely bad in one of
# them.

# %%
lesson.predict(
    "Which guess is infinitely bad in which direction?",
    [
        "one bump in the reverse one, everywhere in the forward one",
        "one bump in the forward one, everywhere in the reverse one",
        "both in the forward one",
        "both in the reverse one",
    ],
)


# %%
def kl(a, b):
    with np.errstate(divide="ignore"):
        return sum(x * np.log(np.divide(x, y)) for x, y in zip(a, b) if x > 0)


three_codes = np.array([0.5, 0.5, 0.0])
one_bump = np.array([1.0, 0, 0])
everywhere = np.ones(3) / 3
lesson.table(
    [
        ["one bump", kl(three_codes, one_bump), kl(one_bump, three_codes)],
        ["everywhere", kl(three_codes, everywhere), kl(everywhere, three_codes)],
    ],
    ["guess q", "forward KL(truth || q)", "reverse KL(q || truth)"],
)

# %%
lesson.outcome(
    "The forward one takes the log of truth/q where the truth is: one bump has q = 0 there. The"
    " reverse one takes the log of q/truth where q is: everywhere has a third where truth is 0.",
    answer="one bump in the forward one, everywhere in the reverse one",
)
lesson.check("forward, everywhere: log(3/2)", kl(three_codes, everywhere), equals=np.log(1.5))
lesson.check("reverse, one bump: log 2", kl(one_bump, three_codes), equals=np.log(2))

# %% [markdown]
# *Forward* averages over the truth: it forbids $q$ to miss what is true. *Reverse* averages over
# $q$: it forbids $q$ to claim what is not true. Now curves: the truth has two bumps, and $q$ must
# be one normal. We go downhill in its mean and width, from the left and from the right.

# %%
lesson.predict(
    "Where do the four walks end?",
    [
        "all four between the bumps, wide",
        "forward: wide, between the bumps; reverse: on the nearer bump",
        "forward: on the nearer bump; reverse: wide, between the bumps",
        "each walk on the bump that is nearer to its start",
    ],
)

# %%
grid, dz = np.linspace(-9, 9, 1201, retstep=True)


def log_normal(z, mu, sigma):
    return -0.5 * ((z - mu) / sigma) ** 2 - np.log(sigma) - 0.5 * np.log(2 * np.pi)


left_bump = np.log(0.6) + log_normal(grid, -2.5, 0.7)
right_bump = np.log(0.4) + log_normal(grid, 2.5, 0.7)
log_truth = np.logaddexp(left_bump, right_bump)


# %%
def forward(log_q):
    return np.sum(np.exp(log_truth) * (log_truth - log_q)) * dz


def reverse(log_q):
    return np.sum(np.exp(log_q) * (log_q - log_truth)) * dz


# %% [markdown]
# A walk is a training of two numbers, the mean and the log of the width. There are no data to draw,
# so every batch is empty.


# %%
class OneNormal(Module):
    def __init__(self, mu):
        self.mu = np.array([mu])
        self.log_sigma = np.zeros(1)


def walk(divergence, start):
    def loss(q):
        return divergence(log_normal(grid, q.mu, np.exp(q.log_sigma)))

    q = OneNormal(start)
    steps = lesson.steps(600)
    step = descend(loss, q, repeat(()), lr=cosine(0.1, steps))
    values = [step(i)["loss"] for i in range(steps)]
    return q.mu[0], np.exp(q.log_sigma[0]), values[-1]


# %%
ends = {
    "forward, from the left": walk(forward, -3.5),
    "forward, from the right": walk(forward, 3.5),
    "reverse, from the left": walk(reverse, -3.5),
    "reverse, from the right": walk(reverse, 3.5),
}

# %%
lesson.table([[name, *end] for name, end in ends.items()], ["KL", "mean", "sigma", "nats"])

fig, axes = plot.figure(1, 3, size=(3.6, 3.0))
names = ["forward, from the left", "reverse, from the left", "reverse, from the right"]
colors = [plot.color.real, plot.color.fake]
for ax, name in zip(axes, names):
    mean, sigma, _ = ends[name]
    curves = {"truth": np.exp(log_truth), "q": np.exp(log_normal(grid, mean, sigma))}
    plot.line(grid, curves, ax, title=name, fill=["truth"], colors=colors)
    ax.set_xlim(-6, 6)


# %%
def place(side, direction):
    mean, sigma, _ = ends[f"{direction}, from the {side}"]
    return "between" if abs(mean) < 1.5 and sigma > 1.5 else "left" if mean < 0 else "right"


found = [place(side, way) for way in ("forward", "reverse") for side in ("left", "right")]
all_wide, forward_wide, reverse_wide, all_near = lesson.predictions[-1].choices
known = {
    ("between",) * 4: all_wide,
    ("between", "between", "left", "right"): forward_wide,
    ("left", "right", "between", "between"): reverse_wide,
    ("left", "right") * 2: all_near,
}
said = "Forward from left and right: {}, {}; reverse: {}, {}.".format(*found)
lesson.outcome(said, answer=known.get(tuple(found)))

# %%
lesson.figure(
    fig,
    "f06_two_directions",
    "Left: q's peak is where the truth has next to nothing. Middle and right: q sits on "
    "one bump and is silent about the other; which one depends on where it started.",
)

# %% [markdown]
# Forward is called *mean-seeking* or *zero-avoiding* ($q$ covers all bumps), reverse *mode-seeking*
# or *zero-forcing* ($q$ picks one).

# %%
lesson.change(
    "closer bumps",
    "Change `log_normal(grid, 2.5, 0.7)` to `log_normal(grid, 1.0, 0.7)` and run again. Do the "
    "two reverse walks still end at different places?",
    answer="Yes, but only one of them on a bump. From the left the mean is -2.449, near the left "
    "bump, and $\\sigma$ is 0.76. From the right it is -1.029, between the bumps, and $\\sigma$ "
    "is 1.65: the valley between them is now so shallow that a wide $q$ costs no more than one "
    "that misses the left bump. The claims of the text below were made for 2.5.",
)

# %% [markdown]
# On paper: the forward walks should end at the mean and the variance of the whole truth, the
# reverse ones at those of one bump. There the divergence is minus the log of the bump's weight.

# %%
mean = 0.6 * -2.5 + 0.4 * 2.5
variance = 0.49 + 0.6 * 0.4 * 5**2
covers = [ends[f"forward, from the {side}"] for side in ("left", "right")]
picks = [ends[f"reverse, from the {side}"] for side in ("left", "right")]
lesson.claim(
    "forward: mean and sigma of the whole truth",
    [end[:2] for end in covers],
    equals=[[mean, variance**0.5]] * 2,
    atol=0.02,
)

# %%
bumps = [[-2.5, 0.7], [2.5, 0.7]]
lesson.claim(
    "reverse: mean and sigma of one bump", [end[:2] for end in picks], equals=bumps, atol=0.02
)
lesson.claim(
    "reverse: minus the log of the bump's weight",
    [end[2] for end in picks],
    equals=[-np.log(0.6), -np.log(0.4)],
    atol=0.02,
    unit="nats",
)

# %% [markdown]
# A VAE takes the reverse direction, and not for its taste: the average runs over $q$, from which we
# can draw. The forward one needs draws of the posterior, which is what we do not have.
#
# ## 2. The bound, with two codes
# But how can one get near a posterior that nobody knows? Insert $p(z|x) = p(x, z)/p(x)$ into the
# reverse KL. The unknown $p(x)$ does not depend on $z$ and steps out of the average (Eq. vae.09,
# Eq. vae.10):
#
# $$D_{\mathrm{KL}}(q(z|x) \| p(z|x)) = \log p(x) + \mathbb{E}_q \log \frac{q(z|x)}{p(z, x)}
# = \log p(x) + D_{\mathrm{KL}}(q(z|x) \| p(z)) - \mathbb{E}_q \log p(x|z).$$
#
# By hand, with the model of `vae/06`: two codes with prior $\frac12$ each, $p(x|z)$ is 0.5 and
# 0.001, so $\log p(x) = \log 0.2505$. As a guess take $q = (0.9, 0.1)$.

# %%
lesson.predict(
    "Which of these can be had without an integral over all codes, with 20 code numbers?",
    [
        "log p(x) and KL(q || posterior)",
        "the reconstruction term and KL(q || prior)",
        "KL(q || prior) and KL(q || posterior)",
    ],
)

# %%
prior = np.array([0.5, 0.5])
likelihood = np.array([0.5, 0.001])
q = np.array([0.9, 0.1])
log_p = np.log(prior @ likelihood)
posterior = prior * likelihood / np.exp(log_p)

# %%
gap = kl(q, posterior)
price = kl(q, prior)
fit = q @ np.log(likelihood)
lesson.table(
    [
        ["log p(x)", log_p],
        ["reconstruction E_q log p(x|z)", fit],
        ["KL(q || prior)", price],
        ["ELBO = reconstruction - KL", fit - price],
        ["KL(q || posterior)", gap],
    ],
    ["two codes", "nats"],
)

# %%
lesson.outcome(
    "log p(x) is the integral itself, and the posterior is divided by it. The other two need only"
    " draws of q, and the formulas of q, the prior and the decoder.",
    answer="the reconstruction term and KL(q || prior)",
)
first_line = log_p + q @ np.log(q / (prior * likelihood))
elbo = fit - price
lesson.check("Eq. vae.09, first line", first_line - gap, equals=0.0, atol=1e-12)
lesson.check("Eq. vae.10", log_p + price - fit - gap, equals=0.0, atol=1e-12)
name = "Eq. vae.11: ELBO + KL(q || posterior) = log p(x)"
lesson.check(name, elbo + gap, equals=log_p, atol=1e-12)

# %% [markdown]
# The difference of the two that can be had is the *ELBO* (Eq. vae.11), the *evidence lower bound*
# or *variational* lower bound: $p(x)$ is called the *evidence*, and to look for the best guess in a
# family of distributions is *variational inference*. The rest, the gap, is never negative, so the
# ELBO is a lower bound (Eq. vae.13), and its negative, averaged over the data, is the loss (Eq.
# vae.12). Move the guess from all on one code to all on the other:

# %%
share = np.linspace(0.001, 0.999, 999)
every_q = np.stack([share, 1 - share], axis=1)
price_of_q = (every_q * np.log(every_q / prior)).sum(axis=1)
bound = every_q @ np.log(likelihood) - price_of_q
lesson.check("the best q is the posterior", share[bound.argmax()], equals=posterior[0], atol=1e-3)

# %%
ax = plot.line(
    share,
    {"ELBO": bound},
    reference={"log p(x)": log_p},
    xlabel="q of the first code",
    ylabel="nats",
    title="a bound for every guess",
)
lesson.figure(
    ax,
    "every_guess",
    "The curve touches the dashed line at one place: where q is the posterior, 0.998. Lowering q "
    "from there to a half costs 2.4 nats. That is all gap: log p(x) has not moved.",
)

# %% [markdown]
# ## 3. A whole model where everything is known
# Codes and pictures may be vectors: $z \sim \mathcal{N}(0, \mathbf{I})$ with 3 numbers, $x = zW +
# b + 0.5\,\epsilon$ with 10. Then $p(x)$ and $p(z|x)$ are normal, and both terms of the ELBO have
# formulas. We draw a $W$, a hundred $x$, and for each $x$ an *arbitrary* guess. If Eq. vae.11
# holds, three numbers computed in three different ways must add up.

# %%
lesson.exercise("vae/07/expected_log_likelihood")

# %%
lesson.show_source(expected_log_likelihood, LinearGaussian)
rng = lesson.rng("model")
model = LinearGaussian(rng.standard_normal((3, 10)), rng.standard_normal(10), 0.5)
x = model.sample(rng, 100)
mu = 2 * rng.standard_normal((100, 3))
logvar = rng.uniform(-4, 1, (100, 3))

# %%
log_px = model.log_evidence(x)
terms = model.elbo(x, mu, logvar)
gaps = model.kl_to_posterior(x, mu, logvar)
rest = log_px - terms.value - gaps
columns = ["log p(x)", "ELBO", "KL(q || posterior)", "log p(x) - ELBO - KL"]
numbers = np.stack([log_px, terms.value, gaps, rest], axis=1)
lesson.table(numbers[:4], columns, "four of the x")

# %%
name = "largest |log p(x) - ELBO - KL(q || posterior)|, nats"
lesson.check(name, np.abs(rest).max(), equals=0.0, atol=1e-6)
lesson.check("Eq. vae.13: log p(x) less the ELBO, the least of a hundred", gaps.min(), at_least=0.0)

# %% [markdown]
# ## 4. Climb
# A bound can be climbed without knowing what it bounds. We give each $x$ its own $\mu$ and
# $\log\sigma^2$ and follow the gradient. Mind that $q$ has independent coordinates, and the
# posterior's are correlated.

# %%
lesson.predict(
    "Will the gap close, and will q's mean be the posterior's?",
    [
        "the gap closes, and the mean is right",
        "a gap stays, but the mean is right",
        "a gap stays, and the mean is off as well",
    ],
)


# %%
class Guesses(Module):
    def __init__(self, n, dim_z):
        self.mu = np.zeros((n, dim_z))
        self.logvar = np.zeros((n, dim_z))


# %%
def climb(loss, label, steps):
    def loss_of(guess):
        return loss(guess.mu, guess.logvar)

    guess = Guesses(100, 3)
    descent = descend(loss_of, guess, repeat(()), lr=cosine(0.05, steps))

    def step(i):
        value = descent(i)["loss"]
        return {"loss": value, "gap": model.kl_to_posterior(x, guess.mu, guess.logvar).mean()}

    return guess, lesson.fit(step, steps, label=label, state=descent.state)


# %%
def minus_elbo(mu, logvar):
    return model.loss(x, mu, logvar)


guess, history = climb(minus_elbo, "ELBO", lesson.steps(2500))

# %% [markdown]
# What can be reached is known on paper: the best guess with independent coordinates leaves a gap of
# $\frac12 (\sum_j \log P_{jj} - \log \det P)$, where $P$ is the posterior's precision, the inverse
# of its covariance.

# %%
precision = model.precision
floor = 0.5 * (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1])
truth = -log_px.mean()
levels = {"minus log p(x)": truth, "the best with independent coordinates": truth + floor}

# %%
ax = plot.curves(
    {"minus the ELBO": history["loss"]}, reference=levels, ylabel="nats", title="climbing the bound"
)
ax.set_ylim(truth - 0.3 * floor - 0.5, truth + 3 * floor + 3)
lesson.figure(
    ax,
    "climb",
    "The curve comes down to the dotted line and stays there. The dashed one below, the truth, is"
    " out of reach: the space between the two is the price of independent coordinates.",
)

# %%
left = history["gap"][-1] - floor
lesson.claim("gap left, minus its value on paper", left, equals=0.0, atol=1e-3, unit="nats")

mean, covariance = model.posterior(x)
off = np.abs(guess.mu - mean).max()
shrunk = np.exp(guess.logvar) / np.diag(covariance)

# %%
closes, mean_right, mean_off = lesson.predictions[-1].choices
lesson.outcome(
    f"A gap of {history['gap'][-1]:.3f} nats is left ({floor:.3f} on paper), and q's means are"
    f" within {off:.1g} of the posterior's.",
    answer=closes if history["gap"][-1] < 1e-3 else mean_right if off < 0.02 else mean_off,
)
lesson.claim("means of q, against the posterior's", off, at_most=0.02)
lesson.claim(
    "largest variance of q / of the posterior",
    shrunk.max(),
    at_most=1.0,
    source="1 / (P_jj C_jj), never above 1",
)

# %% [markdown]
# The means are right. The widths are too small: reverse KL again, which would rather claim too
# little. Turn the code so that the posterior's coordinates are independent (rows of $W$ at right
# angles), and nothing is lost:

# %%
_, s, rows_at_right_angles = np.linalg.svd(model.w, full_matrices=False)
turned = LinearGaussian(s[:, None] * rows_at_right_angles, model.b, model.std)
mean, covariance = turned.posterior(x)
best_logvar = np.tile(np.log(np.diag(covariance)), (100, 1))
gap_of_best = turned.kl_to_posterior(x, mean, best_logvar)
lesson.check("p(x) has not changed", turned.log_evidence(x) - log_px, equals=np.zeros(100))
lesson.check("gap of the best guess, turned code", gap_of_best, equals=np.zeros(100))

# %% [markdown]
# Posterior and guess are now both normals with independent coordinates, and the divergence of two
# such has a formula. The arbitrary guesses of section 3 test it:

# %%
lesson.exercise("vae/07/kl_gaussians")

# %%
lesson.show_source(kl_gaussians)
by_normals = kl_gaussians(mu, logvar, mean, best_logvar)
difference = turned.kl_to_posterior(x, mu, logvar) - by_normals
lesson.check("gap of those, by KL between normals", difference, equals=np.zeros(100))

# %%
lesson.change(
    "more noise",
    "In section 3 change the noise: `rng.standard_normal(10), 0.5)` to `rng.standard_normal(10), "
    "2.0)`, and run again. Is the gap that stays larger or smaller?",
    answer="Smaller: with noise of 2.0 it is 0.088 nats, and 0.211 with 0.5. The more noise, the "
    "less $x$ determines $z$, and the nearer the posterior is to the prior, whose coordinates are "
    "independent as those of $q$ are.",
)

# %% [markdown]
# So the ELBO prefers the turned code, although $p(x)$ is the same: a first hint of why numbers of a
# VAE's code line up with separate causes (`vae/09`).
#
# ## 5. A posterior with two bumps
# Let $x = z^2 + 0.2\,\epsilon$. From $x = 4$ nobody can tell $z = 2$ from $z = -2$.

# %%
lesson.predict(
    "How large is the gap of the best normal guess?",
    ["nearly 0", "log 2 = 0.69 nats", "more than 5 nats"],
)

# %%
log_joint = log_normal(4.0, grid**2, 0.2) + log_normal(grid, 0.0, 1.0)
log_p4 = np.log(np.exp(log_joint).sum() * dz)


def minus_elbo_at_4(log_q):
    return -(np.sum(np.exp(log_q) * (log_joint - log_q)) * dz)


_, _, negative = walk(minus_elbo_at_4, 1.5)
gap = log_p4 + negative

# %%
answer = "log 2 = 0.69 nats" if abs(gap - np.log(2)) < 0.1 else None
lesson.outcome(f"{gap:.3f} nats.", answer=answer)
name = "gap where the posterior has two equal bumps"
lesson.claim(name, gap, equals=np.log(2), atol=0.02, unit="nats")

# %% [markdown]
# $\log 2$, one bit: which of the two it was. (The weight of the other bump is $\frac12$, and
# section 1 said minus its log.)
#
# ## 6. Wrong turns
# Four slips in the loss, none of which raises an error: the sign of the KL term, its factor ½
# forgotten, $\sigma$ in the place of $\sigma^2$, and a mean over the 10 numbers of $x$ where a sum
# belongs.

# %%
lesson.predict(
    "Which of them report more than log p(x) at the end, and so bound nothing?",
    [
        "the sign of the KL only",
        "the sign of the KL and the mean over pixels",
        "the missing ½ and the mean over pixels",
        "all four",
    ],
)


# %%
def reconstruction(mu, logvar):
    return model.elbo(x, mu, logvar).reconstruction


def no_slip(mu, logvar):
    return np.mean(kl_standard_normal(mu, logvar) - reconstruction(mu, logvar))


def wrong_sign(mu, logvar):
    return np.mean(-kl_standard_normal(mu, logvar) - reconstruction(mu, logvar))


# %%
def missing_half(mu, logvar):
    kl = np.sum(mu**2 + np.exp(logvar) - 1 - logvar, axis=1)
    return np.mean(kl - reconstruction(mu, logvar))


def sigma_for_sigma2(mu, logvar):
    kl = 0.5 * np.sum(mu**2 + np.exp(0.5 * logvar) - 1 - logvar, axis=1)
    return np.mean(kl - reconstruction(mu, logvar))


def mean_over_pixels(mu, logvar):
    return np.mean(kl_standard_normal(mu, logvar) - reconstruction(mu, logvar) / 10)


# %%
slips = {
    "none": no_slip,
    "sign of the KL": wrong_sign,
    "missing 1/2": missing_half,
    "sigma for sigma²": sigma_for_sigma2,
    "mean over pixels": mean_over_pixels,
}
rows = {}
for name, loss in slips.items():
    guess, history = climb(loss, f"slip: {name}", lesson.steps(800))
    true_elbo = model.elbo(x, guess.mu, guess.logvar).value.mean()
    sigma = np.exp(0.5 * guess.logvar).mean()
    rows[name] = [-history["loss"][-1], true_elbo, log_px.mean(), sigma]

# %%
lesson.table(
    [[name, *row] for name, row in rows.items()],
    ["slip", "reports", "true ELBO", "log p(x)", "sigma of q"],
)
reporting = tuple(name for name in slips if rows[name][0] > log_px.mean())
sign_only, sign_and_mean, half_and_mean, all_four = lesson.predictions[-1].choices
known = {
    ("sign of the KL",): sign_only,
    ("sign of the KL", "mean over pixels"): sign_and_mean,
    ("missing 1/2", "mean over pixels"): half_and_mean,
    tuple(slips)[1:]: all_four,
}
lesson.outcome(
    f"log p(x) is {log_px.mean():.2f}; above it: {', '.join(reporting) or 'none'}.",
    answer=known.get(reporting),
)

# %%
above = [rows[name][0] - log_px.mean() for name in ("sign of the KL", "mean over pixels")]
lesson.claim("sign, mean over pixels: report above log p(x) by", above, at_least=1, unit="nats")
worse = ("sign of the KL", "missing 1/2", "mean over pixels")
lost = [rows["none"][1] - rows[name][1] for name in worse]
lesson.claim("true ELBO lost by sign, missing 1/2, mean", lost, at_least=0.1, unit="nats")

# %% [markdown]
# - *Sign*: the code is paid for being improbable. The widths collapse, and the report is above
#   $\log p(x)$.
# - *Missing ½*: a true bound still, but not the best: the KL costs double. It is a beta-VAE with
#   $\beta = 2$.
# - *Sigma for sigma²*: nearly harmless here, where widths are small. The KL term is still zero at
#   the prior, but that is no longer its lowest value: at $\sigma = 2$ it is $-0.19$.
# - *Mean over pixels*: the best report but one, the worst bound. Here the KL is 10 times too dear;
#   with 784 pixels, 784.
#
# ## 7. Where the post is loose
# - It calls the loss of Eq. vae.12 the lower bound. The bound is its negative, the loss is to be
#   *minimized*; and it is written for one $x$, while training takes the mean over the data.
# - Between Eq. vae.09 and its neighbors the arguments that maximize and minimize are the same for
#   $\phi$ only: $\log p(x)$ depends on $\theta$. Raising the ELBO in $\theta$ may raise $\log p(x)$
#   or move the posterior toward $q$.
#
# **Left out:** bounds from several draws (`vae/08`, section 5), and guesses richer than a normal
# (flows). **Next:** the reconstruction term had a formula here. For a network it has not: `vae/08`
# draws $z$, and differentiates through the draw.
#
# **Your turn:** `minigen exercise start vae/07`, then `minigen run vae/07 --with
# exercises/vae_07.py`.

# %%
lesson.finish()
