# %% [markdown]
# # A posterior that is no Gaussian: flows inside a VAE
#
# The section "VAE + Flows" (flow.s16) of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/), run. Read `vae/07` and
# `flow/04` first, `flow/12` if you can. To take away:
#
# 1. A VAE's encoder guesses a Gaussian with independent coordinates. How far that is from the true
#    posterior is lost from the bound.
# 2. A flow behind the encoder bends the guess. Its price, the KL term, then has no closed form: it
#    is estimated from the draw itself.
# 3. A better bound has two possible causes, a tighter posterior or a better decoder. One can tell
#    them apart.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/13_vae_with_flows",
    title="A posterior that is no Gaussian: flows inside a VAE",
    post="flow",
    minutes=8,
    sections=["flow.s16"],
    figures=[],
    equations=[],
    sources=["weng2018flow", "rezende2015flows", "kingma2016iaf"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.flow.autoregressive import IAF, iaf_forward
from minigen.flow.bijection import Bijection, Chain
from minigen.flow.planar import PlanarChains
from minigen.flow.vae_flow import AmortizedPlanar, flow_posterior
from minigen.nn import Module
from minigen.optim import Adam, cosine
from minigen.tensor import value_and_grad
from minigen.train import descend
from minigen.vae.likelihoods import bernoulli_log_likelihood
from minigen.vae.linear import LinearGaussian
from minigen.vae.vae import VAE, Elbo, kl_standard_normal, log_mean_exp, vae_loss

# %% [markdown]
# ## 1. Two causes of one number
#
# Two codes $z_1, z_2$ from the standard normal, and $x = z_1 + z_2 + \epsilon$, also normal. We see
# $x = 2.1$. If $z_1$ was large then $z_2$ was not: the posterior is a Gaussian whose coordinates
# are *correlated*. The encoder of a VAE may only offer independent ones. In `vae/07` we saw what
# the best of them leaves: a gap of $\frac12(\sum_j \log P_{jj} - \log\det P)$, with $P$ the
# posterior's precision.

# %%
model = LinearGaussian(np.array([[1.0], [1.0]]), np.zeros(1), 1.0)
x = np.array([[2.1]])
mean, covariance = model.posterior(x)
P = model.precision
best = model.elbo(x, mean, -np.log(np.diag(P))[None])
gap = model.log_evidence(x) - best.value
lesson.check(
    "gap of the best independent codes: half of log 4/3", gap, equals=[0.5 * np.log(4 / 3)]
)

# %% [markdown]
# Put a small flow behind it. It keeps $z_1$ and shears $z_2$, to $z_2 - z_1/2$. (This is one step
# of the IAF of `flow/12`, with a network that you can read.) The base is a Gaussian with
# independent coordinates still, of means 0.7 and 1.05 and variances $\frac23$ and $\frac12$.

# %%
lesson.predict(
    "How much of the gap is left?",
    ["all of it: a shear changes no area", "half of it", "nothing"],
)


# %%
class Shear(Bijection):
    """A step of IAF: mu = (0, -z1/2), and scales of 1."""

    def forward(self, z, context=None):
        mu = np.stack([0 * z[:, 0], -z[:, 0] / 2], axis=1)
        return iaf_forward(z, mu, log_scale=0 * z)


# %% [markdown]
# The bound is the mean over the draws of $\log p(x|z) - \mathrm{kl}$. Here is the step that is new.
# The closed form of the KL term was that of a Gaussian. Now there is none, but the divergence is a
# mean too, of $\log q(z|x) - \log p(z)$, and the draw that is decoded serves to estimate it. The
# $\log q$ of a flow you know from `flow/04`.

# %%
lesson.exercise("flow/13/flow_posterior")

# %%
lesson.show_source(flow_posterior)


def log_likelihood(x, z):
    return -0.5 * (x - z[:, 0] - z[:, 1]) ** 2 - 0.5 * np.log(2 * np.pi)


# %%
ones = np.ones((5, 1))
mu, logvar = ones * [0.7, 1.05], ones * np.log([2 / 3, 0.5])
eps = lesson.rng("five draws").standard_normal((5, 2))
z, kl = flow_posterior(mu, logvar, eps, Shear())
terms = np.stack([log_likelihood(2.1, z), kl, log_likelihood(2.1, z) - kl], axis=1)
header = ["z1", "z2", "log p(x|z)", "kl of this draw", "the difference"]
lesson.table(np.concatenate([z, terms], axis=1), header, "five draws")

# %%
log_p = model.log_evidence(x)[0]
left = np.abs(log_p - terms[:, 2]).max()
lesson.outcome(
    f"{left:.4f} nats are left. Look at the last column: not only its mean is log p(x) ="
    f" {log_p:.4f}, but each draw is. Where q is the posterior, log p(x|z) - log q + log p(z) is"
    " log p(x) for every z, by Bayes' rule.",
    answer="nothing" if left < 1e-6 else None,
)
lesson.check("each draw's difference", terms[:, 2], equals=5 * [log_p])

# %%
lesson.change(
    "too weak a shear",
    "Shear by a third in place of a half: change `-z[:, 0] / 2` to `-z[:, 0] / 3` and run again. "
    "Is the last column still the same number five times?",
    answer="No, the five differ. The guess is no longer the posterior, so $\\log p(x|z) - "
    "\\mathrm{kl}$ depends on the draw, and its mean over all draws, the ELBO, is below "
    "$\\log p(x)$. How much it varies shows how far the guess is off.",
)

# %% [markdown]
# ## 2. The wrong turn
#
# What if one keeps the closed form, ½ Σ (μ² + σ² − 1 − log σ²), and sends the codes through a flow
# all the same? No error is raised. We train both, a flow of two IAF layers on the same $x$.

# %%
lesson.predict(
    "Trained with the closed form, the ELBO that is reported will end",
    ["below log p(x), by more", "at log p(x)", "above log p(x)"],
)


# %%
class Guess(Module):
    """q(z|x) of one x: a Gaussian with independent coordinates, and a flow behind it."""

    def __init__(self, rng, flow):
        self.mu = 0.1 * rng.standard_normal((1, 2), dtype=np.float32)
        self.logvar = np.zeros((1, 2), np.float32)
        self.flow = flow

    def parameters_for(self, n):
        ones = np.ones((n, 1), np.float32)
        return ones * self.mu, ones * self.logvar  # (n, 2), (n, 2)

    def draw(self, eps):
        return flow_posterior(*self.parameters_for(len(eps)), eps, self.flow)


# %%
def by_draws(guess, eps):
    z, kl = guess.draw(eps)
    return np.mean(kl - log_likelihood(np.float32(2.1), z))


def by_closed_form(guess, eps):
    z, _ = guess.draw(eps)
    kl = kl_standard_normal(*guess.parameters_for(len(eps)))
    return np.mean(kl - log_likelihood(np.float32(2.1), z))


def noise(rng):
    return rng.standard_normal((128, 2), dtype=np.float32)


# %%
reported = {}
for loss in (by_draws, by_closed_form):
    rng = lesson.rng("wrong turn")
    guess = Guess(rng, IAF(rng, 2, layers=2, hidden=(16,)).bijection)
    steps = lesson.steps(400, quick=2)
    step = descend(loss, guess, noise, lr=cosine(1e-2, steps), rng=rng)
    history = lesson.fit(step, steps, label=loss.__name__, state=step.state)
    fresh = lesson.rng("judge").standard_normal((5000, 2), dtype=np.float32)
    reported[loss.__name__] = [-loss(guess, fresh), -by_draws(guess, fresh)]

# %%
rows = [[name.replace("_", " "), *row, log_p] for name, row in reported.items()]
lesson.table(rows, ["the KL term", "reports", "true ELBO", "log p(x)"])
excess = reported["by_closed_form"][0] - log_p
lesson.outcome(
    f"{abs(excess):.2f} nats {'above' if excess > 0 else 'below'} log p(x): the flow is not charged"
    " for what it does, so it moves all codes to where the decoder likes them best.",
    answer="above log p(x)" if excess > 0.05 else "at log p(x)" if excess > -0.05 else None,
)
lesson.claim("closed form: reports above log p(x), by", excess, at_least=0.5, unit="nats")
error = log_p - reported["by_draws"][0]
lesson.claim("from draws: gap left", error, between=(-0.02, 0.05), unit="nats")

# %% [markdown]
# ## 3. A posterior with two crescents
#
# A correlation can be turned away by another choice of codes. This cannot: $x = z_1 z_2 +
# \epsilon/2$, and we see $x = 1.5$. Either both codes were positive or both negative, and along
# each branch one may be large if the other is small. With two codes, a grid does the integral, so
# that $\log p(x)$ is known.


# %%
def log_of_product(z):
    return -2 * (1.5 - z[:, 0] * z[:, 1]) ** 2 - 0.5 * np.log(2 * np.pi / 4)


side, dz = np.linspace(-6, 6, lesson.size(801, quick=301), retstep=True)
plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
log_joint = log_of_product(plane) - 0.5 * np.sum(plane**2, axis=1) - np.log(2 * np.pi)
log_evidence = np.log(np.sum(np.exp(log_joint)) * dz**2)


def true_posterior(z):
    log_prior = -0.5 * np.sum(z**2, axis=1) - np.log(2 * np.pi)
    return np.exp(log_of_product(z) + log_prior - log_evidence)


# %% [markdown]
# Three guesses: no flow; two IAF layers; sixteen planar layers. The likelihood is annealed, as in
# `flow/04`.


# %%
class OnePlanarChain(Bijection):
    """A single chain of `PlanarChains`, z (N, 2)."""

    def __init__(self, rng, layers):
        self.chains = PlanarChains(rng, 2, layers, chains=1)
        self.chains.b += rng.standard_normal((layers, 1))

    def forward(self, z, context=None):
        x, log_det = self.chains.forward(z[None])
        return x[0], log_det[0]


# %%
def fit_guess(flow, steps, lr, label):
    rng = lesson.rng(label)
    guess = Guess(rng, flow(rng))
    adam, rate = Adam(guess, lr), cosine(lr, steps, warmup=min(50, steps))

    def minus_elbo(guess, eps, share):
        z, kl = guess.draw(eps)
        return np.mean(kl - share * log_of_product(z))

    def step(i):
        share = np.float32(min(1, 0.01 + i / (0.4 * steps)))
        value, grads = value_and_grad(minus_elbo)(guess, noise(rng), share)
        adam.lr = rate(i)
        adam.step(grads)
        return value

    lesson.fit(step, steps, label=label, state={"guess": guess, "adam": adam, "rng": rng})
    return guess


# %%
lesson.predict(
    "The Gaussian loses about a nat. Which of the two flows will lose less?",
    ["two IAF layers", "sixteen planar layers", "both nothing, within 0.02 nats"],
)


# %%
def no_flow(rng):
    return Chain([])


def two_iaf(rng):
    return IAF(rng, 2, layers=2, hidden=(32,)).bijection


def sixteen_planar(rng):
    return OnePlanarChain(rng, 16)


# %%
guesses = {
    "Gaussian": fit_guess(no_flow, lesson.steps(400, quick=2), 2e-2, "Gaussian"),
    "two IAF layers": fit_guess(two_iaf, lesson.steps(800, quick=2), 1e-2, "two IAF layers"),
    "sixteen planar": fit_guess(
        sixteen_planar, lesson.steps(1500, quick=2), 2e-2, "sixteen planar"
    ),
}

# %%
draws, gaps, rows = {}, {}, []
for name, guess in guesses.items():
    eps = lesson.rng(f"judge {name}").standard_normal((20_000, 2), dtype=np.float32)
    draws[name], kl = guess.draw(eps)
    bound = log_of_product(draws[name]) - kl
    gaps[name] = log_evidence - bound.mean()
    rows.append([name, bound.mean(), gaps[name], bound.std()])
header = ["guess", "ELBO", "gap to log p(x)", "spread of the draws"]
lesson.table(rows, header, f"log p(x) = {log_evidence:.4f}")

# %%
iaf, planar = gaps["two IAF layers"], gaps["sixteen planar"]
better = "two IAF layers" if iaf < planar else "sixteen planar layers"
lesson.outcome(
    f"Gaps: {iaf:.3f} (IAF) and {planar:.3f} (planar); the Gaussian's is {gaps['Gaussian']:.3f}.",
    answer="both nothing, within 0.02 nats" if max(iaf, planar) < 0.02 else better,
)
lesson.claim("Gaussian: gap", gaps["Gaussian"], between=(0.85, 1.1), unit="nats")
lesson.claim("two IAF layers: gap", iaf, at_most=0.25, unit="nats")
lesson.claim("sixteen planar layers: gap", planar, at_most=0.05, unit="nats")

# %%
box = (-3.2, 3.2, -3.2, 3.2)
fig, axes = plot.figure(1, 4, size=(2.7, 2.5))
plot.density(true_posterior, axes[0], bounds=box, n=lesson.size(160, quick=40), title="posterior")
for ax, (name, z) in zip(axes[1:], draws.items()):
    plot.density(z, ax, bounds=box, title=name)
lesson.figure(
    fig,
    "crescents",
    "Left: the true posterior, exactly. Then the draws of the three guesses. The Gaussian must"
    " choose a branch, and has no way to bend. Look at what leads from branch to branch.",
)

# %% [markdown]
# ## 4. Digits: one decoder, three posteriors
#
# Now the VAE of `vae/08`, a little smaller: 784-200-200-20. First it is trained as it was there.
# Then its decoder is held fixed. So $p(x)$ of every digit is fixed too, and whatever the ELBO gains
# from here on, the posterior has gained.
#
# The posterior differs from digit to digit, so the flow must be told which digit it is: it gets the
# encoder's last hidden layer, 200 numbers, as its *context*. For the planar layers a linear map
# makes all $u$, $w$ and $b$ of it: each digit has its own chain.
#
# For the IAF the context is an additional input of its networks. There lies a trap. A code may
# depend on the codes before it, and *how* it does should differ from digit to digit: $\mu_i$ needs
# products of a code and a feature. A network that merely adds up its inputs makes them by its bends
# only. So its units are ReLU, which a context can switch on and off; there are many of them; and
# the weights of the 20 codes start larger than those of the 200 features, or the first would be
# lost among the second (`IAF` sees to that). Scales stay within $e^{\pm 1}$ (`limit`), by a tanh,
# and the whole starts as the identity.

# %%
lesson.show_source(AmortizedPlanar)


# %%
def encoded(vae, x):
    """mu and logvar, and the last hidden layer of the encoder: (N, 20), (N, 20), (N, 200)."""
    h = x
    for layer in vae.encoder.layers[:-1]:
        h = layer(h)
    out = vae.encoder.layers[-1](h)
    return out[:, :20], out[:, 20:], h


# %%
class FlowVAE(Module):
    """A VAE, and a flow between its encoder and its decoder."""

    def __init__(self, vae, flow):
        self.vae, self.flow = vae, flow

    def posterior(self, x, eps):
        """z (N, 20) and the kl (N,) of this draw."""
        mu, logvar, context = encoded(self.vae, x)
        return flow_posterior(mu, logvar, eps, self.flow, context)

    def elbo(self, x, eps):
        z, kl = self.posterior(x, eps)
        reconstruction = bernoulli_log_likelihood(x, self.vae.decode(z))
        return Elbo(reconstruction - kl, reconstruction, kl)


# %%
class PlainVAE(FlowVAE):
    """The same without a flow; its ELBO has the closed form, which is better where it holds."""

    def posterior(self, x, eps):
        mu, logvar, _ = encoded(self.vae, x)
        return flow_posterior(mu, logvar, eps, self.flow)

    def elbo(self, x, eps):
        return self.vae.elbo(x, eps)


# %%
def plain(rng, vae):
    return PlainVAE(vae, Chain([]))


def with_planar(rng, vae):
    return FlowVAE(vae, AmortizedPlanar(rng, 20, layers=8, context=200))


def with_iaf(rng, vae):
    settings = {"hidden": (200,), "context": 200, "limit": 1.0, "activation": "relu"}
    return FlowVAE(vae, IAF(rng, 20, layers=2, **settings).bijection)


# %% [markdown]
# Flows cost time. So that the comparison is fair, a posterior with cheaper steps takes more of
# them: 3,300 without a flow, 2,500 with planar layers, 2,100 with the IAF. That is about the same
# time; the tables have the seconds. To be on the safe side there is a control: the plain posterior
# with twice its steps, more time than any of the others has. All is done from two seeds.

# %%
cfg = lesson.configure(
    batch=100, lr=3e-3, first=5_000, plain=3_300, planar=2_500, iaf=2_100, seeds=2
)
kinds = {
    "plain": (plain, cfg.plain),
    "8 planar layers": (with_planar, cfg.planar),
    "2 IAF layers": (with_iaf, cfg.iaf),
}
control = "plain, twice as long"
held_kinds = {**kinds, control: (plain, 2 * cfg.plain)}
data = mnist.load()


def normal(rng, *shape):
    return rng.standard_normal(shape, dtype=np.float32)


# %%
def learn(model, label, steps, lr):
    rng, order = lesson.rng(f"noise {label}"), lesson.rng(f"order {label}")
    batches = mnist.batches(data.train_images, size=lesson.size(cfg.batch, quick=10), rng=order)

    def digits_and_noise(rng):
        x = mnist.binarize(mnist.unit(next(batches)[0], flat=True), rng)
        return x, normal(rng, len(x), 20)

    steps = lesson.steps(steps, quick=1)
    step = descend(vae_loss, model, digits_and_noise, lr=cosine(lr, steps), rng=rng)
    state = {**step.state, "batches": batches, "order": order}
    return lesson.fit(step, steps, label=label, state=state)


# %%
seeds = range(lesson.size(cfg.seeds, quick=1))
first = [VAE(lesson.rng(f"VAE {seed}"), widths=(200, 200)) for seed in seeds]
for seed, vae in enumerate(first):
    learn(vae, f"VAE, seed {seed}", cfg.first, cfg.lr)


# %%
def go_on(kind, seed, hold_decoder):
    """This posterior, trained on from the VAE of that seed: the model and its seconds."""
    make, steps = held_kinds[kind]
    label = f"{kind}, seed {seed}{'' if hold_decoder else ', decoder free'}"
    model = make(lesson.rng(label), first[seed].copy())
    model.vae.decoder.freeze(hold_decoder)
    return model, learn(model, label, steps, cfg.lr / 3).seconds


# %%
lesson.predict(
    "At equal time, the same decoder: what will the ELBO gain by the planar layers?",
    ["nothing that can be told from chance", "up to half a nat", "more than half a nat"],
)

# %%
held = {kind: [go_on(kind, seed, hold_decoder=True) for seed in seeds] for kind in held_kinds}

# %% [markdown]
# The judge: all test digits, five draws of each. What is compared are the *same* digits, with the
# same pixels.

# %%
n_test = lesson.size(10_000, quick=20)
gray = mnist.unit(data.test_images[:n_test], flat=True)
test = mnist.binarize(gray, lesson.rng("test pixels"))


def judge(model, label, repeats=lesson.size(5, quick=1)):
    """ELBO, reconstruction and KL of each test digit, means of five draws: (3, N)."""
    rng = lesson.rng(f"judge {label}")
    total = np.zeros((3, len(test)))
    for start in range(0, len(test), 1000):
        some = test[start : start + 1000]
        for _ in range(repeats):
            bound = model.elbo(some, normal(rng, len(some), 20))
            total[:, start : start + len(some)] += np.stack(bound)
    return total / repeats


# %%
def scores_of(trained):
    """(seeds, 3, N) of each kind."""
    return {
        kind: np.stack([judge(model, f"{kind} {k}") for k, (model, _) in enumerate(pairs)])
        for kind, pairs in trained.items()
    }


# %% [markdown]
# A difference of two models has two sources of chance: which digits happened to be in the test set,
# and how the training happened to go. The standard error has both in it. (From two trainings of a
# kind its second part is a rough guess.)


# %%
def difference(scores, kind):
    """Gain in ELBO over the plain posterior, and its standard error."""
    gain = scores[kind][:, 0] - scores["plain"][:, 0]  # (seeds, N)
    images = gain.mean(axis=0).var() / gain.shape[1]
    trainings = gain.mean(axis=1).var(ddof=1) / len(gain) if len(gain) > 1 else 0.0
    return gain.mean(), np.sqrt(images + trainings)


def show(trained, scores, title):
    rows = []
    for kind, pairs in trained.items():
        seconds = np.mean([seconds for _, seconds in pairs])
        gain = [None, None] if kind == "plain" else difference(scores, kind)
        rows.append([kind, seconds, *scores[kind].mean(axis=(0, 2)), *gain])
    header = ["posterior", "seconds", "ELBO", "reconstruction", "KL", "gain", "its error"]
    lesson.table(rows, header, title)


# %%
held_scores = scores_of(held)
show(held, held_scores, "test digits, nats, the decoder held")
planar_gain, planar_error = difference(held_scores, "8 planar layers")
iaf_gain, iaf_error = difference(held_scores, "2 IAF layers")
control_gain, _ = difference(held_scores, control)

# %%
chance, some, more = lesson.predictions[-1].choices
lesson.outcome(
    f"{planar_gain:.2f} nats, with a standard error of {planar_error:.2f}; the IAF gains"
    f" {iaf_gain:.2f} ± {iaf_error:.2f}. Twice the time without a flow gains {control_gain:.2f}.",
    answer=more if planar_gain > 0.5 else some if planar_gain > 3 * planar_error else chance,
)
lesson.claim("decoder held: gain of 8 planar layers", planar_gain, at_least=0.5, unit="nats")
lesson.claim("decoder held: gain of 2 IAF layers", iaf_gain, at_least=0.3, unit="nats")

# %%
over_control = planar_gain - control_gain
lesson.claim(
    "decoder held: planar layers over the control", over_control, at_least=0.4, unit="nats"
)

# %% [markdown]
# How much room was there? Two hundred draws of each digit give a bound that lies closer to $\log
# p(x)$ (`vae/08`, section 5), since $w = p(x|z) p(z) / q(z|x)$ is $\exp(\log p(x|z) -
# \mathrm{kl})$ of a draw. What it rises above the ELBO is the gap that *this* posterior left.

# %%
few = test[: lesson.size(500, quick=10)]


def log_weights(model, label, draws=lesson.size(200, quick=4)):
    """log w of several draws of each digit: (draws, n)."""
    rng, found = lesson.rng(f"weights {label}"), []
    for _ in range(draws):
        z, kl = model.posterior(few, normal(rng, len(few), 20))
        found.append(bernoulli_log_likelihood(few, model.vae.decode(z)) - kl)
    return np.stack(found)


def gap_of(model, label):
    """ELBO, the bound of 200 draws, and the gap between them: (3, n)."""
    log_w = log_weights(model, label)
    tight = log_mean_exp(log_w)
    return np.stack([log_w.mean(axis=0), tight, tight - log_w.mean(axis=0)])


# %%
def gaps_of(trained, title):
    """Table of the gaps; returns their means by kind."""
    rows = []
    for kind, pairs in trained.items():
        each = np.stack([gap_of(model, f"{kind} {k}") for k, (model, _) in enumerate(pairs)])
        error = each[:, 2].mean(axis=0).std() / np.sqrt(len(few))
        rows.append([kind, *each.mean(axis=(0, 2)), error])
    lesson.table(rows, ["posterior", "ELBO", "200 draws", "gap", "its error over digits"], title)
    return {row[0]: row[3] for row in rows}


held_gaps = gaps_of(held, f"{len(few)} test digits, nats, the decoder held")
narrower = held_gaps["plain"] - held_gaps["8 planar layers"]
lesson.claim("decoder held: planar layers narrow the gap by", narrower, at_least=0.1, unit="nats")

# %% [markdown]
# The second column should be the same three times, for the decoder is: what differs there is how
# well 200 draws do, from a better or a worse posterior.
#
# Is the freedom used at all? Three hundred draws of the posterior of one digit have a correlation
# between any two of the 20 codes. The largest of these 190 is about 0.17 by chance alone, if the
# codes are independent.


# %%
def largest_correlation(model, label, draws=lesson.size(300, quick=5)):
    """The largest |correlation| between two codes, a mean over a hundred digits."""
    rng, hundred = lesson.rng(f"correlation {label}"), few[:100]
    z = [model.posterior(hundred, normal(rng, len(hundred), 20))[0] for _ in range(draws)]
    z = np.stack(z, axis=1).astype(float)  # (100, draws, 20)
    z = (z - z.mean(axis=1, keepdims=True)) / z.std(axis=1, keepdims=True)
    correlation = np.einsum("ndi,ndj->nij", z, z) / draws - np.eye(20)
    return np.abs(correlation).max(axis=(1, 2)).mean()


rows = [[kind, largest_correlation(pairs[0][0], kind)] for kind, pairs in held.items()]
lesson.table(rows, ["posterior", "largest correlation"])
used = dict(rows)["8 planar layers"]
lesson.claim("8 planar layers: largest correlation of two codes", used, at_least=0.22)

# %% [markdown]
# ## 5. And if the decoder goes on learning?
#
# That is how a VAE with a flow is trained in earnest. The same once more, with the decoder free.

# %%
lesson.predict(
    "With the decoder free, the gain of the planar layers over the plain VAE will be",
    ["larger than with the decoder held", "smaller", "the same, within its error"],
)

# %%
free = {kind: [go_on(kind, seed, hold_decoder=False) for seed in seeds] for kind in kinds}


def new_digits(rng, n):
    vae = free["8 planar layers"][0][0].vae
    return vae.likelihood.mean(vae.decode(normal(rng, n, 20))).reshape(n, 28, 28, 1)


lesson.sampler("digits", new_digits)

# %%
free_scores = scores_of(free)
show(free, free_scores, "test digits, nats, the decoder free")
free_gaps = gaps_of(free, f"{len(few)} test digits, nats, the decoder free")

# %%
free_gain, free_error = difference(free_scores, "8 planar layers")
larger, smaller, same = lesson.predictions[-1].choices
both_errors = 2 * np.hypot(free_error, planar_error)
lesson.outcome(
    f"{free_gain:.2f} ± {free_error:.2f} with the decoder free, {planar_gain:.2f} ±"
    f" {planar_error:.2f} with the decoder held.",
    answer=same
    if abs(free_gain - planar_gain) < both_errors
    else larger
    if free_gain > planar_gain
    else smaller,
)

# %%
both = ["decoder held", "decoder free"]
gains = {
    kind: [difference(scores, kind)[0] for scores in (held_scores, free_scores)]
    for kind in list(kinds)[1:]
}
left_over = {kind: [held_gaps[kind], free_gaps[kind]] for kind in kinds}

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.6, 3.2))
plot.bars(gains, both, left, title="gain over plain", ylabel="nats")
plot.bars(left_over, both, right, title="gap that is left", ylabel="nats")
for ax in (left, right):
    ax.set_ylim(top=1.4 * ax.get_ylim()[1])  # room for the legend
lesson.figure(
    fig,
    "digits",
    "Left: what the flow brings, at equal time. Right: how far each posterior is from the true one"
    " of its own decoder.",
)

# %% [markdown]
# ## 6. Where the post is loose
#
# - Its section is one sentence with a reference. What the flow does to the loss is left open: the
#   KL term is a Monte-Carlo estimate, a single draw of it can be negative, and the closed form
#   would be wrong (section 2).
# - The flow depends on the picture through a context, or all pictures share one bend.
# - A flow in the *posterior* leaves the model $p(x)$ as it is: the codes' prior is the standard
#   normal still. To put the flow on the prior is another method.
#
# **Left out:** most of the gap is not the Gaussian's fault. One encoder guesses for all digits at
# once, and its guess for the digit at hand is not the best of its kind (the *amortization* gap).
# Kingma et al. (2016) gain more by IAF, with larger networks and long training.
#
# **Your turn:** `minigen exercise start flow/13`, then `minigen run flow/13 --with
# exercises/flow_13.py`.

# %%
lesson.finish()
