# %% [markdown]
# # The evidence lower bound
#
# The section *Loss Function: ELBO* (vae.s07) of
# [From Autoencoder to Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/), run. To take away:
#
# 1. A guess $q$ can be far from the truth in two directions. The one a VAE uses would rather miss a
#    bump than invent one.
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
)

import autograd.numpy as anp
import numpy as np

from minigen import plot
from minigen.optim import Adam, cosine
from minigen.tensor import value_and_grad
from minigen.vae.linear import LinearGaussian, expected_log_likelihood, kl_gaussians
from minigen.vae.vae import kl_standard_normal

# %% [markdown]
# ## 1. Two ways to be wrong
# `vae/06` ended with a wish: a guess $q(z|x)$ close to the posterior $p(z|x)$. Close in which
# sense? The divergence has a direction. Let three codes have posterior probabilities 0.5, 0.5 and 0
# (the last one explains nothing), and compare two guesses: *one bump* $(1, 0, 0)$ and *everywhere*
# $(\frac13, \frac13, \frac13)$. **Before you run the cell:** each guess is infinitely bad in one
# direction. In which one?


# %%
def kl(a, b):
    with np.errstate(divide="ignore"):
        return sum(x * np.log(np.divide(x, y)) for x, y in zip(a, b) if x > 0)


truth = np.array([0.5, 0.5, 0.0])
guesses = {"one bump": np.array([1.0, 0, 0]), "everywhere": np.ones(3) / 3}
lesson.table(
    [[name, kl(truth, q), kl(q, truth)] for name, q in guesses.items()],
    ["guess q", "forward KL(truth || q)", "reverse KL(q || truth)"],
)
lesson.check("forward, everywhere: log(3/2)", kl(truth, guesses["everywhere"]), equals=np.log(1.5))
lesson.check("reverse, one bump: log 2", kl(guesses["one bump"], truth), equals=np.log(2))

# %% [markdown]
# *Forward* averages over the truth: it forbids $q$ to miss what is true. *Reverse* averages over
# $q$: it forbids $q$ to claim what is not true. Now curves: the truth has two bumps, and $q$ must
# be one normal. We go downhill in its mean and width, from the left and from the right. **Predict
# the end of each of the four walks.**

# %%
grid, dz = np.linspace(-9, 9, 1201, retstep=True)


def log_normal(z, mu, sigma):
    return -0.5 * ((z - mu) / sigma) ** 2 - anp.log(sigma) - 0.5 * np.log(2 * np.pi)


log_truth = np.logaddexp(
    np.log(0.6) + log_normal(grid, -2.5, 0.7), np.log(0.4) + log_normal(grid, 2.5, 0.7)
)


def forward(log_q):
    return anp.sum(np.exp(log_truth) * (log_truth - log_q)) * dz


def reverse(log_q):
    return anp.sum(anp.exp(log_q) * (log_q - log_truth)) * dz


def walk(divergence, start, steps=lesson.steps(600)):
    q = {"mu": np.array([start]), "log_sigma": np.zeros(1)}
    optimizer = Adam(q, 0.1)
    fall = cosine(0.1, steps)
    for i in range(steps):
        optimizer.lr = fall(i)
        value, grads = value_and_grad(
            lambda q: divergence(log_normal(grid, q["mu"], anp.exp(q["log_sigma"])))
        )(q)
        optimizer.step(grads)
    return q["mu"][0], np.exp(q["log_sigma"][0]), float(value)


ends = {
    f"{d.__name__}, from the {side}": walk(d, start)
    for d in (forward, reverse)
    for side, start in [("left", -3.5), ("right", 3.5)]
}
lesson.table([[name, *end] for name, end in ends.items()], ["KL", "mean", "sigma", "nats"])
fig, axes = plot.figure(1, 3, size=(3.6, 3.0))
for ax, (title, name) in zip(
    axes,
    [
        ("forward: covers", "forward, from the left"),
        ("reverse, from the left", "reverse, from the left"),
        ("reverse, from the right", "reverse, from the right"),
    ],
):
    bell = np.exp(log_normal(grid, *ends[name][:2]))
    plot.line(
        grid,
        {"truth": np.exp(log_truth), "q": bell},
        ax,
        title=title,
        fill=["truth"],
        colors=[plot.color.real, plot.color.fake],
    )
    ax.set_xlim(-6, 6)
lesson.figure(
    fig,
    "f06_two_directions",
    "Left: q's peak is where the truth has next to nothing. Middle and right: q sits on "
    "one bump and is silent about the other; which one depends on where it started.",
)

# %%
mean = 0.6 * -2.5 + 0.4 * 2.5
variance = 0.49 + 0.6 * 0.4 * 5**2
moments = [ends[f"forward, from the {side}"][:2] for side in ("left", "right")]
lesson.claim(
    "forward: mean and sigma of the whole truth",
    moments,
    equals=[[mean, variance**0.5]] * 2,
    atol=0.02,
)
bumps = [ends[f"reverse, from the {side}"][:2] for side in ("left", "right")]
lesson.claim(
    "reverse: mean and sigma of one bump", bumps, equals=[[-2.5, 0.7], [2.5, 0.7]], atol=0.02
)
left_out = [ends[f"reverse, from the {side}"][2] for side in ("left", "right")]
lesson.claim(
    "reverse: minus the log of the bump's weight",
    left_out,
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
# 0.001, so $\log p(x) = \log 0.2505$. As a guess take $q = (0.9, 0.1)$. **Which of the lines below
# would you dare to compute for 20 code numbers?**

# %%
prior = np.array([0.5, 0.5])
likelihood = np.array([0.5, 0.001])
q = np.array([0.9, 0.1])
log_p = np.log(prior @ likelihood)
posterior = prior * likelihood / np.exp(log_p)
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
lesson.check(
    "Eq. vae.09, first line",
    log_p + q @ np.log(q / (prior * likelihood)) - gap,
    equals=0.0,
    atol=1e-12,
)
lesson.check("Eq. vae.10", log_p + price - fit - gap, equals=0.0, atol=1e-12)
lesson.check(
    "Eq. vae.11: ELBO + KL(q || posterior) = log p(x)", fit - price + gap, equals=log_p, atol=1e-12
)

# %% [markdown]
# Only two of the lines need neither the integral nor the posterior: reconstruction and KL to the
# prior. Their difference is the *ELBO* (Eq. vae.11). The rest, the gap, is never negative, so the
# ELBO is a lower bound (Eq. vae.13), and its negative, averaged over the data, is the loss (Eq.
# vae.12). Move the guess from all on one code to all on the other:

# %%
share = np.linspace(0.001, 0.999, 999)
every_q = np.stack([share, 1 - share], axis=1)
bound = every_q @ np.log(likelihood) - (every_q * np.log(every_q / prior)).sum(axis=1)
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
lesson.check("the best q is the posterior", share[bound.argmax()], equals=posterior[0], atol=1e-3)

# %% [markdown]
# ## 3. A whole model where everything is known
# Codes and pictures may be vectors: $z \sim \mathcal{N}(0, \mathbf{I})$ with 3 numbers, $x = zW +
# b + 0.5\,\epsilon$ with 10. Then $p(x)$ and $p(z|x)$ are normal, and both terms of the ELBO have
# formulas. We draw a $W$, a hundred $x$, and for each $x$ an *arbitrary* guess. If Eq. vae.11
# holds, three numbers computed in three different ways must add up.

# %%
lesson.show_source(expected_log_likelihood, kl_standard_normal, LinearGaussian)
rng = lesson.rng("model")
model = LinearGaussian(rng.standard_normal((3, 10)), rng.standard_normal(10), 0.5)
x = model.sample(rng, 100)
mu = 2 * rng.standard_normal((100, 3))
logvar = rng.uniform(-4, 1, (100, 3))
log_p = model.log_evidence(x)
terms = model.elbo(x, mu, logvar)
gap = model.kl_to_posterior(x, mu, logvar)
columns = ["log p(x)", "ELBO", "KL(q || posterior)", "log p(x) - ELBO - KL"]
lesson.table(
    np.stack([log_p, terms.value, gap, log_p - terms.value - gap], axis=1)[:4],
    columns,
    "four of the x",
)
lesson.claim(
    "largest |log p(x) - ELBO - KL(q || posterior)|",
    np.abs(log_p - terms.value - gap).max(),
    equals=0.0,
    atol=1e-6,
    unit="nats",
)
lesson.claim("smallest gap, random guesses", gap.min(), at_least=0.0, source="Eq. vae.13")

# %% [markdown]
# ## 4. Climb
# A bound can be climbed without knowing what it bounds. We give each $x$ its own $\mu$ and
# $\log\sigma^2$ and follow the gradient. **Will the gap close?** Mind that $q$ has independent
# coordinates, and the posterior's are correlated.


# %%
def climb(loss, label, steps=lesson.steps(2500)):
    guess = {"mu": np.zeros((100, 3)), "logvar": np.zeros((100, 3))}
    optimizer = Adam(guess, 0.05)
    fall = cosine(0.05, steps)

    def step(i):
        optimizer.lr = fall(i)
        value, grads = value_and_grad(lambda g: loss(g["mu"], g["logvar"]))(guess)
        optimizer.step(grads)
        return {"loss": value, "gap": model.kl_to_posterior(x, **guess).mean()}

    return guess, lesson.fit(
        step,
        steps,
        label=label,
        state={"mu": guess["mu"], "logvar": guess["logvar"], "optimizer": optimizer},
    )


guess, history = climb(lambda mu, logvar: model.loss(x, mu, logvar), "ELBO")
precision = model.precision
floor = 0.5 * (
    np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1]
)  # of independent coordinates
levels = {
    "minus log p(x)": -log_p.mean(),
    "the best with independent coordinates": -log_p.mean() + floor,
}
ax = plot.curves(
    {"minus the ELBO": history["loss"]}, reference=levels, ylabel="nats", title="climbing the bound"
)
ax.set_ylim(-log_p.mean() - 0.3 * floor - 0.5, -log_p.mean() + 3 * floor + 3)
lesson.figure(
    ax,
    "climb",
    "The curve comes down to the dotted line and stays there. The dashed one below, the truth, is"
    " out of reach: the space between the two is the price of independent coordinates.",
)
mean, covariance = model.posterior(x)
lesson.claim(
    "gap left, minus its value on paper",
    history["gap"][-1] - floor,
    equals=0.0,
    atol=1e-3,
    unit="nats",
)
lesson.claim("means of q, against the posterior's", np.abs(guess["mu"] - mean).max(), at_most=0.02)
shrunk = np.exp(guess["logvar"]) / np.diag(covariance)
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
u, s, vt = np.linalg.svd(model.w, full_matrices=False)
turned = LinearGaussian(s[:, None] * vt, model.b, 0.5)  # the same p(x), from a turned code
mean, covariance = turned.posterior(x)
exact_guess = np.tile(np.log(np.diag(covariance)), (100, 1))
lesson.check("p(x) has not changed", turned.log_evidence(x) - log_p, equals=np.zeros(100))
lesson.check(
    "gap of the best guess, turned code",
    turned.kl_to_posterior(x, mean, exact_guess),
    equals=np.zeros(100),
)
lesson.show_source(kl_gaussians)
by_normals = kl_gaussians(mu, logvar, mean, exact_guess)  # the arbitrary guesses of section 3
lesson.check(
    "gap of those, by KL between normals",
    turned.kl_to_posterior(x, mu, logvar) - by_normals,
    equals=np.zeros(100),
)

# %% [markdown]
# So the ELBO prefers the turned code, although $p(x)$ is the same: a first hint of why numbers of a
# VAE's code line up with separate causes (`vae/09`).
#
# ## 5. A posterior with two bumps
# Let $x = z^2 + 0.2\,\epsilon$. From $x = 4$ nobody can tell $z = 2$ from $z = -2$. **Guess the gap
# of the best normal guess,** in bits if you like: how much does $q$ not know?

# %%
log_joint = log_normal(4.0, grid**2, 0.2) + log_normal(grid, 0.0, 1.0)
log_p4 = np.log(np.exp(log_joint).sum() * dz)


def elbo_of(log_q):
    return anp.sum(anp.exp(log_q) * (log_joint - log_q)) * dz


_, width, negative = walk(lambda log_q: -elbo_of(log_q), 1.5)
lesson.claim(
    "gap where the posterior has two equal bumps",
    log_p4 + negative,
    equals=np.log(2),
    atol=0.02,
    unit="nats",
)

# %% [markdown]
# $\log 2$, one bit: which of the two it was. (The weight of the other bump is $\frac12$, and
# section 1 said minus its log.)
#
# ## 6. Wrong turns
# Four slips in the loss, none of which raises an error. **Which of them report
# more than $\log p(x)$, and so bound nothing?**


# %%
def with_slip(reconstruction=lambda r: r, code=kl_standard_normal):
    return lambda mu, logvar: anp.mean(
        code(mu, logvar) - reconstruction(model.elbo(x, mu, logvar).reconstruction)
    )


def half_kl(mu, logvar, sigma2):
    return anp.sum(mu**2 + sigma2 - 1 - logvar, axis=1)


slips = {
    "none": with_slip(),
    "sign of the KL": with_slip(code=lambda mu, logvar: -kl_standard_normal(mu, logvar)),
    "missing 1/2": with_slip(code=lambda mu, logvar: half_kl(mu, logvar, anp.exp(logvar))),
    "sigma for sigma²": with_slip(
        code=lambda mu, logvar: 0.5 * half_kl(mu, logvar, anp.exp(0.5 * logvar))
    ),
    "mean over pixels": with_slip(lambda r: r / 10),
}
rows = {}
for name, loss in slips.items():
    guess, history = climb(loss, f"slip: {name}", lesson.steps(800))
    rows[name] = [
        -history["loss"][-1],
        model.elbo(x, **guess).value.mean(),
        log_p.mean(),
        np.exp(0.5 * guess["logvar"]).mean(),
    ]
lesson.table(
    [[name, *row] for name, row in rows.items()],
    ["slip", "reports", "true ELBO", "log p(x)", "sigma of q"],
)
above = [rows[name][0] - log_p.mean() for name in ("sign of the KL", "mean over pixels")]
lesson.claim("sign, mean over pixels: report above log p(x) by", above, at_least=1, unit="nats")
lost = [
    rows["none"][1] - rows[name][1]
    for name in ("sign of the KL", "missing 1/2", "mean over pixels")
]
lesson.claim("true ELBO lost by sign, missing 1/2, mean", lost, at_least=0.1, unit="nats")

# %% [markdown]
# - *Sign*: the code is paid for being improbable. The widths collapse, and the report is above
#   $\log p(x)$.
# - *Missing ½*: a true bound still, but not the best: the KL costs double. It is a beta-VAE with
#   $\beta = 2$.
# - *Sigma for sigma²*: nearly harmless here, where widths are small; the KL term is no longer zero
#   at the prior.
# - *Mean over pixels*: the best report but one, the worst bound. Here the KL is 10 times too dear;
#   with 784 pixels, 784.
#
# ## 7. Where the post is loose
# - It calls the loss of Eq. vae.12 the lower bound. The bound is its negative, the loss is to be
#   *minimized*; and it is written for one $x$, while training takes the mean over the data.
# - Between Eq. vae.09 and its neighbors the arguments that maximize and minimize are the same for
#   $\phi$ only: $\log p(x)$ depends on $\theta$. Raising the ELBO in $\theta$ may raise $\log p(x)$
#   or move the posterior toward $q$.
# - It leaves open whether pixels are summed. The equations need the sum (section 6).
#
# **Left out:** bounds from several draws (`vae/08`, section 5), and guesses richer than a normal
# (flows). **Next:** the reconstruction term had a formula here. For a network it has not: `vae/08`
# draws $z$, and differentiates through the draw.
#
# **Your turn:** `minigen exercise start vae/07`, then `minigen run vae/07 --with
# exercises/vae_07.py`.

# %%
lesson.finish()
