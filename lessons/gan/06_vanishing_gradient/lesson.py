# %% [markdown]
# # Vanishing gradient: two generator losses against a nearly perfect discriminator
#
# The section *Vanishing gradient* (gan.s09) of [From GAN to
# WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/), run. In this lesson:
#
# 1. The generator's gradient is a product: the derivative of the loss in the logit, times that of
#    the logit in the image, times that of the image in the generator's parameters.
# 2. The minimax loss and the non-saturating loss differ only in the first factor, and so do their
#    failures.
# 3. Theorems 2.4, 2.5 and 2.6 of Arjovsky and Bottou (2017) describe these failures. Each is
#    derived in a few lines and checked in numbers.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/06_vanishing_gradient",
    title="Vanishing gradient: two generator losses against a nearly perfect discriminator",
    post="gan",
    sections=["gan.s09"],
    figures=["gan.f05"],
    minutes=0.4,
    picture="four_discriminators",
    sources=["weng2017gan", "goodfellow2014gan", "arjovsky2017principled"],
)

# %%
import autograd.numpy as np
from scipy.spatial.distance import cdist

from minigen import plot
from minigen.data import mnist
from minigen.gan.networks import Discriminator, Generator
from minigen.gan.train import goodfellow_step
from minigen.metrics.divergence import js_on_grid
from minigen.optim import SGD, Adam
from minigen.tensor import grad, sigmoid
from minigen.train import descend

# %%
from minigen.gan.gradient_diagnostics import (
    generator_gradient,
    generator_gradient_norm,
    signal_and_noise,
)
from minigen.gan.losses import (
    discriminator_loss,
    generator_loss_minimax,
    generator_loss_nonsaturating,
    optimal_discriminator,
)

# %% [markdown]
# Two losses of the generator are compared throughout. $D = \sigma(\text{logit})$ is computed in
# float64, because in float32 it soon rounds to 0.

# %%
losses = {"log(1-D)": generator_loss_minimax, "-log D": generator_loss_nonsaturating}


def probability(logits):
    return np.exp(-np.logaddexp(0, -np.float64(logits)))


# %% [markdown]
# ## 1. Three factors
#
# When the discriminator is perfect, $D(x) = 1$ for every real $x$ and $D(x) = 0$ for every
# generated $x$. `gan/05` showed that such a $D$ exists when the supports are low dimensional, and
# that a trained $D$ approaches it. What gradient does the generator then receive?
#
# A generator with one parameter $\theta$ shows it. All fakes have the height $\theta = -0.15$, and
# all real points the height 0.15. The logit of $D$ is $k$ times the height, and $k$ grows in the
# training of $D$.

# %%
theta = -0.15
heights = np.linspace(-0.4, 0.4, 401)
slopes = {f"k = {k}": probability(k * heights) for k in (1, 10, 100, 1000)}
ax = plot.line(heights, slopes, title="D of a point, by its height", xlabel="height", ylabel="D")
ax.axvline(theta, color=plot.color.fake, ls=":")
ax.axvline(0.15, color=plot.color.real, ls=":")
lesson.figure(
    ax,
    "four_discriminators",
    "The dotted lines are the fakes (left) and the real points (right). A larger k brings D nearer "
    "to 0 on the fakes and to 1 on the real points.",
)

# %% [markdown]
# By the chain rule, with $l = k \theta$,
#
# $$\frac{d}{d\theta} \log(1 - D) = -\sigma(l) \cdot k \cdot 1, \qquad
#   \frac{d}{d\theta} (-\log D) = -\sigma(-l) \cdot k \cdot 1.$$
#
# The factors are the derivative of the loss in the logit, the derivative of the logit in the point,
# and the derivative of the point in the parameter. The second factor is $k$ in both products.

# %%
lesson.predict(
    "From k = 1 to 1000, how do the sizes of the two products change, for log(1 - D) and -log D?",
    [
        "both grow with k",
        "the first rises a little and vanishes, the second grows with k",
        "the first vanishes at once, the second tends to a constant",
        "both rise a little and vanish",
    ],
)

# %%
rows = []
for k in (1, 10, 100, 1000):
    logit = np.array([k * theta])
    sizes = [abs(grad(loss)(logit)[0]) * k for loss in losses.values()]
    rows.append([k, probability(logit)[0], *sizes])
lesson.table(rows, ["k", "D(fake)", "gradient of log(1 - D)", "gradient of -log D"])

# %%
lesson.check("k = 10, log(1 - D)", rows[1][2], equals=10 / (1 + np.exp(-10 * theta)))
lesson.check("k = 10, -log D", rows[1][3], equals=10 / (1 + np.exp(10 * theta)))
lesson.check("k = 100, log(1 - D)", rows[2][2], equals=100 / (1 + np.exp(-100 * theta)), atol=1e-9)
first = ", ".join(f"{row[2]:.2g}" for row in rows)
second = ", ".join(f"{row[3]:.2g}" for row in rows)
lesson.outcome(
    f"log(1 - D): {first}. -log D: {second}.",
    answer="the first rises a little and vanishes, the second grows with k",
)

# %% [markdown]
# $\sigma(l)$ decreases like $e^{-0.15 k}$, faster than the factor $k$ grows. So the gradient of
# $\log(1 - D)$ vanishes. The gradient of $-\log D$ tends to $k$ and has no bound. Neither suits a
# fixed learning rate.
#
# <details><summary>Derivation: the gradient of log(1 − D) vanishes near a perfect discriminator
# (Theorem 2.4)</summary>
#
# Let $D = D^* + e$, where the error $e(x)$ and its gradient are at most $\epsilon$ in size. On the
# support of $p_g$ a perfect discriminator has $D^* = 0$. It is constant around the support, so
# $\nabla_x D^* = 0$. Then $D \le \epsilon$ and $\|\nabla_x D\| \le \epsilon$ there, and
#
# $$\big\| \nabla_\theta \, \mathbb{E}_z \log(1 - D(G_\theta(z))) \big\|
#   = \Big\| \mathbb{E}_z \frac{J^\top \nabla_x D}{1 - D} \Big\|
#   \le \mathbb{E}_z \frac{\|J\| \, \|\nabla_x D\|}{1 - D}
#   \le \frac{\mathbb{E}_z \|J\| \; \epsilon}{1 - \epsilon},$$
#
# where $J$ is the Jacobian of $G_\theta(z)$ in $\theta$. The bound tends to 0 with $\epsilon$.
#
# </details>

# %%
slope_of_d = 100 * probability(100 * theta) * (1 - probability(100 * theta))
bound = slope_of_d / (1 - probability(100 * theta))  # with epsilon: the slope of D at the fakes
lesson.check("k = 100: the bound of Theorem 2.4, reached", rows[2][2] / bound, equals=1.0)

# %%
lesson.change(
    "closer fakes",
    "Change `theta = -0.15` to `theta = -0.015`: the fakes come ten times closer to the boundary. "
    "Run again. At which k has the gradient of log(1 - D) vanished now?",
    answer="At k = 1000, where it is 0.0003059; at k = 100 it is 18.24. The logit is k θ. With a "
    "tenth of the height the discriminator needs ten times the slope for the same output.",
)

# %% [markdown]
# For a network, the same product has one component for each parameter. You write its norm, and the
# mean and variance of the gradients of several minibatches:

# %%
lesson.exercise("gan/06/generator_gradient_norm")
lesson.exercise("gan/06/signal_and_noise")

# %%
lesson.show_source(generator_gradient_norm, signal_and_noise)

# %% [markdown]
# ## 2. Three generators
#
# Fig. 5 of the post, from Arjovsky and Bottou (2017), measures this gradient for images. A DCGAN is
# trained for 1, 10 and 25 epochs. Then, with the generator fixed, a new discriminator is trained
# from scratch. Here the generators are small networks for digits, trained for 100, 400 and 1,200
# steps.


# %%
class DigitGenerator(Generator):
    """z (N, 32) -> digits with values in [0, 1], (N, 784)."""

    def __call__(self, z):
        return sigmoid(self.body(z))


cfg = lesson.configure(width=128, batch=64, lr=6e-4, betas=(0.5, 0.999), d_lr=2e-4)
images = mnist.load().train_images  # (60000, 28, 28), bytes
digits = images[:50_000]
other_digits = mnist.unit(images[50_000:52_000], flat=True)  # (2000, 784)


def draw(rng, n):
    return mnist.unit(digits[rng.integers(0, len(digits), n)], flat=True)


# %% [markdown]
# The training is that of `gan/02`. A copy of the generator is kept at three moments.

# %%
rng = lesson.rng("game")
G = DigitGenerator(rng, 32, 784, cfg.width, depth=2, activation="relu")
D = Discriminator(rng, 784, cfg.width, depth=2)
g_optimizer = Adam(G, cfg.lr, betas=cfg.betas)
d_optimizer = Adam(D, cfg.lr, betas=cfg.betas)
moments = {
    "short": lesson.steps(100, quick=1),
    "medium": lesson.steps(400, quick=4),
    "long": lesson.steps(1200, quick=12),
}
frozen = {name: G.copy() for name in moments}


# %%
def draw_real(n):
    return draw(rng, n)


def turn(i):
    values = goodfellow_step(G, D, g_optimizer, d_optimizer, draw_real, cfg.batch, rng)
    for name, moment in moments.items():
        if moment == i + 1:
            frozen[name].load_state(G.state())
    return values


state = {"G": G, "D": D, "g": g_optimizer, "d": d_optimizer, "rng": rng, **frozen}
lesson.fit(turn, moments["long"], state=state, label="the game")

# %%
z = G.latent(lesson.rng("z"), 512)  # the same noise for every measurement
shown = np.concatenate([g(z[:12]) for g in frozen.values()])
names = [f"{name}: {n} steps" for name, n in moments.items()]
lesson.figure(
    plot.image_grid(shown, 3, 12, shape=(28, 28), row_labels=names),
    "three_generators",
    "From row to row the images come nearer to digits. Look for gray pixels where MNIST is black: "
    "a discriminator can learn to detect them.",
)

# %% [markdown]
# ## 3. A new discriminator for each generator
#
# Each discriminator starts from random weights and is trained for 4,000 iterations, as in Fig. 5,
# with the generator fixed. A hundred times during the training the generator's gradient is
# measured. The generator itself never moves.

# %%
steps = lesson.steps(4000, quick=20)
every = max(1, steps // lesson.size(100, quick=5))
minibatches = z.reshape(8, 64, -1)


def loss_of(D, real, fake):
    return discriminator_loss(D(real), D(fake))


def measure(G, D):
    """The gradients that a generator would receive from D, and the mean of D on its images."""
    gradients = [generator_gradient(G, D, part, losses["-log D"]) for part in minibatches]
    signal, noise = signal_and_noise(np.stack(gradients))
    minimax = generator_gradient_norm(G, D, z, generator_loss_minimax)
    mean = probability(D(G(z))).mean()
    return {"minimax": minimax, "signal": signal, "noise": noise, "D(fake)": mean}


# %% [markdown]
# Only $D$ is trained, so the training loop is the usual one (`gan/03`).


# %%
def train_against(name):
    """A discriminator trained against one frozen generator, and the measurements on the way."""
    G = frozen[name]
    D = Discriminator(lesson.rng("discriminator"), 784, cfg.width, depth=2)

    def batches(rng):
        return draw(rng, cfg.batch), G.sample(rng, cfg.batch)

    train = descend(loss_of, D, batches, lr=cfg.d_lr, rng=lesson.rng(f"study {name}"))

    def step(i):
        seen = measure(G, D) if i % every == 0 else {}
        return train(i) | seen

    return D, lesson.fit(step, steps, state=train.state, label=f"against {name}")


# %%
def on_fresh(name, D):
    """D on unseen digits and new fakes: the share that it classifies correctly, and its loss."""
    real = D(other_digits)
    fake = D(frozen[name].sample(lesson.rng("fresh"), 2000))
    return (np.mean(real > 0) + np.mean(fake < 0)) / 2, float(discriminator_loss(real, fake))


# %%
lesson.predict(
    "By how many orders of magnitude will the gradient norm of log(1 - D) fall, from its largest "
    "value to the end, in the best case of the three?",
    ["fewer than 3", "3 to 5", "more than 5"],
)

# %%
discriminators = {}
runs = {}
for name in frozen:
    discriminators[name], runs[name] = train_against(name)
fresh = {name: on_fresh(name, D) for name, D in discriminators.items()}
at = runs["long"].at("minimax")

# %%
norms = {f"after {moments[n]:,} steps": run["minimax"] for n, run in runs.items()}
means = {f"after {moments[n]:,} steps": run["D(fake)"] for n, run in runs.items()}
fig, axes = plot.figure(1, 2, size=(4.7, 3.6))
plot.line(at, norms, axes[0], log=True, title="gradient norm of log(1 - D)")
plot.line(at, means, axes[1], log=True, title="mean of D on the fakes")
for ax in axes:
    ax.set_xlabel("iteration of the discriminator")
lesson.figure(
    fig,
    "f05_vanishing",
    "Left: the norm of the gradient that the frozen generator would receive, for generators of "
    "three ages. Right: D on the fakes. Compare the shapes of the two panels.",
)


# %%
def late(values):
    """The geometric mean of the last ten measurements, a tenth of the training."""
    return float(np.exp(np.mean(np.log(np.maximum(values[-10:], 1e-30)))))


rows = []
for name, run in runs.items():
    norm = run["minimax"]
    end = late(norm)
    share, loss_of_fresh = fresh[name]
    numbers = [norm[0], norm.max(), end, norm.max() / end, 100 * share, loss_of_fresh]
    rows.append([moments[name], *numbers])
header = ["G after", "D untrained", "largest", "at the end", "largest over end"]
lesson.table(rows, [*header, "D correct on fresh, %", "loss of D on fresh"])

# %%
falls = {name: row[4] for name, row in zip(runs, rows)}
orders = np.log10(max(falls.values()))
lesson.outcome(
    "It fell by a factor of " + ", ".join(f"{fall:.1e} ({name})" for name, fall in falls.items()),
    answer="fewer than 3" if orders < 3 else "3 to 5" if orders <= 5 else "more than 5",
)

# %%
for name, row in zip(runs, rows):
    lesson.claim(
        f"{name}: gradient norm of log(1 - D), its largest value over that at the end",
        row[4],
        at_least=300,
        source="worst of seeds 0, 1, 2: 2,400, here an eighth of it",
    )
lesson.claim(
    "every new discriminator: loss on unseen digits and fakes",
    [loss for _, loss in fresh.values()],
    at_most=0.02,
    source="0 for a perfect D, 2 log 2 for an untrained one",
    unit="nats",
)

# %% [markdown]
# Against each of the three generators, the new discriminator also classifies unseen examples
# correctly, and the gradient vanishes. The post reports "5 orders of magnitude after 4000
# discriminator iterations" for its best case. The table gives what this experiment reaches after as
# many iterations. The size depends on the networks and on the learning rate. Here they are small
# MLPs on digits, with the learning rate of the DCGAN paper, $2 \cdot 10^{-4}$.
#
# The post calls the consequence a **dilemma**: "If the discriminator behaves badly, the generator
# does not have accurate feedback and the loss function cannot represent the reality." If it "does a
# great job, the gradient of the loss function drops down to close to zero and the learning becomes
# super slow or even jammed."
#
# ## 4. The other loss
#
# Goodfellow et al. (2014) saw the problem and trained with $-\log D$ instead. Its first factor,
# $\sigma(-l)$, tends to 1. The 512 latents are split into 8 minibatches, each with a gradient of
# its own. The *signal* is the norm of their mean. The *noise* is the root of their total variance.

# %%
lesson.predict(
    "Under -log D, from the start of the discriminator's training to its end, what grows tenfold?",
    ["neither", "the signal only", "the noise only", "both"],
)

# %%
fig, axes = plot.figure(1, 3, size=(3.3, 3.3), share="y")
for ax, (name, run) in zip(axes, runs.items()):
    three = {
        "signal of -log D": run["signal"],
        "noise of -log D": run["noise"],
        "norm, log(1 - D)": run["minimax"],
    }
    plot.line(at, three, ax, log=True, title=f"G after {moments[name]:,} steps")
    ax.set_xlabel("iteration of the discriminator")
lesson.figure(
    fig,
    "two_losses",
    "The gradients of both losses in the same three trainings. Compare where each of the curves "
    "starts and where it ends.",
)

# %%
rows = []
rise = {}
for name, run in runs.items():
    signal = run["signal"]
    noise = run["noise"]
    rise[name] = late(signal) / signal[0], late(noise**2) / noise[0] ** 2
    ratio_at_start = noise[0] / signal[0]
    ratio_at_end = late(noise) / late(signal)
    rows.append(
        [moments[name], signal[0], late(signal), rise[name][1], ratio_at_start, ratio_at_end]
    )
header = ["G after", "signal at start", "at the end", "variance, end over start"]
lesson.table(rows, [*header, "noise/signal at start", "at the end"])

# %%
grown = np.array(list(rise.values())) ** [1, 0.5]  # for each G: the signal, and the noise
tenfold = [name for name, least in zip(("signal", "noise"), grown.min(axis=0)) if least >= 10]
verdict = {0: "neither", 1: f"the {(tenfold or [''])[0]} only", 2: "both"}[len(tenfold)]
lesson.outcome(
    f"The signal grew by factors of {grown[:, 0].min():.0f} to {grown[:, 0].max():.0f}, the noise "
    f"by {grown[:, 1].min():.0f} to {grown[:, 1].max():.0f}.",
    answer=verdict,
)

# %%
for name, (signal, variance) in rise.items():
    lesson.claim(
        f"{name}: signal of -log D, end over start",
        signal,
        at_least=20,
        source="worst of seeds 0, 1, 2: 71, here less than a third of it",
    )
    lesson.claim(
        f"{name}: variance of the gradient of -log D, end over start",
        variance,
        at_least=1e3,
        source="that it grows: Arjovsky, Bottou 2017, Fig. 3; worst of seeds 0, 1, 2: 6,500",
    )

# %% [markdown]
# Both grow, because of the second factor, the $k$ of section 1: a discriminator that separates well
# has a steep logit. A learning rate that suits the start of the training is far too large at its
# end. In this experiment the minibatches still agree on the direction: the ratio of noise to signal
# changes little.
#
# ## 5. The gradient of $-\log D$ in theory
#
# Two theorems of Arjovsky and Bottou (2017) describe $-\log D$. The first (Theorem 2.5) concerns
# the best discriminator $D^* = p_r/(p_r + p_{g_0})$ for a fixed generator $g_0$ whose density
# overlaps $p_r$. Take $p_r = \mathcal N(0, 1)$ and $p_g = \mathcal N(\theta, 1)$ at $\theta = 1.5$.
# There the divergence $D_{KL}(p_g \parallel p_r) = \theta^2/2$ has the derivative 1.5 in $\theta$.

# %%
lesson.predict(
    "Is the derivative of E[-log D*] in theta, with D* fixed, larger than 1.5?",
    ["larger than 1.5", "1.5 exactly", "smaller than 1.5"],
)

# %%
x = np.linspace(-12, 14, 26_001)
dx = x[1] - x[0]


def log_normal(mean):
    return -0.5 * (x - mean) ** 2 - 0.5 * np.log(2 * np.pi)


def js(mean):
    return js_on_grid(log_normal(mean), log_normal(0.0), dx)


d_star = optimal_discriminator(np.exp(log_normal(0.0)), np.exp(log_normal(1.5)))

# %%
step = 1e-3
p_plus, p_minus = np.exp(log_normal(1.5 + step)), np.exp(log_normal(1.5 - step))
left = np.sum((p_plus - p_minus) * -np.log(d_star)) * dx / (2 * step)  # d/d theta E[-log D*]
slope_of_js = (js(1.5 + step) - js(1.5 - step)) / (2 * step)
rows = [["E[-log D*], D* fixed", left], ["KL(p_g || p_r)", 1.5], ["JS(p_g, p_r)", slope_of_js]]
lesson.table(rows, ["derivative in theta at 1.5 of", "value"])

# %%
lesson.check("E[-log D*] less (KL - 2 JS)", left - (1.5 - 2 * slope_of_js), equals=0.0, atol=1e-5)
lesson.outcome(
    f"It is {left:.4f}: 1.5 less twice the derivative of JS, {slope_of_js:.4f}.",
    answer="smaller than 1.5",
)

# %% [markdown]
# So the generator descends $D_{KL}(p_g \parallel p_r) - 2 D_{JS}(p_g, p_r)$. The Jensen-Shannon
# divergence has the *wrong* sign: this term pushes the two densities apart. The KL term puts a high
# cost on images that do not look real, and a low cost on missing modes of $p_r$. It does not
# prevent mode collapse (`gan/07`).
#
# <details><summary>Derivation: ∇ E[−log D*] = ∇ [KL(p_g ‖ p_r) − 2 JS] (Theorem 2.5)</summary>
#
# Let $p_\theta$ be the generator's density and $p_0$ the one at the current $\theta_0$, for which
# $D^* = p_r/(p_r + p_0)$. Since $p_0 / p_r = (1 - D^*)/D^*$,
#
# $$D_{KL}(p_\theta \parallel p_r) = \mathbb{E}_{p_\theta} \log \frac{p_\theta}{p_0}
#   + \mathbb{E}_{p_\theta} \log \frac{p_0}{p_r}
#   = D_{KL}(p_\theta \parallel p_0) + \mathbb{E}_{p_\theta}[-\log D^*]
#   + \mathbb{E}_{p_\theta}[\log(1 - D^*)].$$
#
# Take the gradient at $\theta_0$. The first term has its minimum there, so its gradient is 0. The
# last term is the part of $L(G, D^*)$ that depends on $\theta$. With the best $D$ for each
# $\theta$, $L = 2 D_{JS} - 2 \log 2$ (`gan/03`, Eq. gan.09). Because $D^*$ maximizes $L$, its own
# dependence on $\theta$ adds nothing to the gradient, and that of the last term is $\nabla \, 2
# D_{JS}$. Hence $\nabla \mathbb{E}[-\log D^*] = \nabla [D_{KL} - 2 D_{JS}]$.
#
# </details>
#
# The second theorem concerns disjoint supports and a $D$ that is close to perfect. On the fakes let
# $D = \varepsilon$, and let $r$ be a component of $\nabla_x D$. Arjovsky and Bottou model both as
# independent centered normal variables. The component of $\nabla_x (-\log D)$ is then
# $-r/\varepsilon$.

# %%
lesson.predict(
    "From 1,000 to a million draws of -r/epsilon, what does their standard deviation do?",
    ["it converges to 1", "it converges to another number", "it does not converge"],
)

# %%
rng = lesson.rng("ratio")
rows = []
for sigma_r in (1.0, 10.0):
    ratio = -sigma_r * rng.standard_normal(1_000_000) / rng.standard_normal(1_000_000)
    stds = [ratio[:n].std() for n in (1_000, 10_000, 100_000, 1_000_000)]
    rows.append([sigma_r, *np.quantile(ratio, [0.25, 0.75]), *stds])
header = ["sigma of r", "lower quartile", "upper quartile"]
lesson.table(rows, [*header, *(f"std of {n}" for n in ("1e3", "1e4", "1e5", "1e6"))])

# %%
for sigma_r, low, high, *_ in rows:
    name = f"quartiles over {sigma_r:g}, the ratio of the sigmas"
    lesson.check(name, [low / sigma_r, high / sigma_r], equals=[-1, 1], atol=0.02)
largest, least = max(rows[0][3:]), min(rows[0][3:])
lesson.outcome(
    f"It lies between {least:.0f} and {largest:.0f}, depending on the number of draws.",
    answer="it does not converge" if largest > 2 * least else None,
)

# %% [markdown]
# The ratio has a Cauchy distribution, which has neither a mean nor a variance (Theorem 2.6). A
# gradient of this kind takes arbitrarily large steps in arbitrary directions. The trained
# discriminators of section 4 do not behave like this model: their gradients are large, but the
# minibatches agree.
#
# <details><summary>Derivation: the ratio of two centered normal variables has a Cauchy
# distribution</summary>
#
# At the fakes $D^* = 0$ and $\nabla_x D^* = 0$, so $D = \varepsilon$ and $\nabla_x D = r$ are pure
# errors, and $\nabla_x (-\log D) = -\nabla_x D / D = -r/\varepsilon$. Let $r = \sigma_r u$ and
# $\varepsilon = \sigma_\varepsilon v$ with independent standard normal $u, v$, and put $\gamma =
# \sigma_r/\sigma_\varepsilon$. The pair $(v, u)$ has a uniform angle $\varphi$, so
#
# $$-\frac{r}{\varepsilon} = -\gamma \tan \varphi, \qquad
#   P\Big( -\frac{r}{\varepsilon} \le t \Big) = \frac12 + \frac1\pi \arctan \frac{t}{\gamma},$$
#
# the Cauchy distribution with scale $\gamma$ and quartiles $\pm \gamma$. Its density decreases like
# $\gamma / (\pi t^2)$, so $\int |t| \, p(t) \, dt$ diverges: there is no mean and no variance.
# (A probability $D = \varepsilon$ is positive; the model ignores that.)
#
# </details>
#
# ## 6. Wrong turns
#
# **Continuing against a trained discriminator.** Take the generator of 1,200 steps and its new
# discriminator from section 3, which stays fixed. Train the generator for 60 steps, by plain
# gradient descent (SGD) and by Adam, under each loss.

# %%
lesson.predict(
    "Which of the four trainings will raise the mean of D on the fakes above one half?",
    ["all four", "both under -log D", "both with Adam", "all but SGD under log(1 - D)"],
)


# %%
fixed = discriminators["long"]


def go_on(label, loss, optimizer_of):
    """The images of z after 60 more steps against the fixed discriminator."""
    G = frozen["long"].copy()

    def latents(rng):
        return G.latent(rng, cfg.batch)

    def loss_of_g(G, z):
        return loss(fixed(G(z)))

    rng = lesson.rng("go on")
    step = descend(loss_of_g, G, latents, optimizer=optimizer_of(G), rng=rng)
    lesson.fit(step, lesson.steps(60, quick=5), state=step.state, label=label)
    return G(z)


# %%
def sgd(G):
    return SGD(G, 0.01)


def adam(G):
    return Adam(G, cfg.lr, betas=cfg.betas)


ends = {"before": frozen["long"](z)}
for kind, optimizer_of in [("SGD", sgd), ("Adam", adam)]:
    for name, loss in losses.items():
        label = f"{kind}, {name}"
        ends[label] = go_on(label, loss, optimizer_of)


# %%
def nearest(x):
    """The mean distance of 200 images to their nearest digit."""
    some = mnist.unit(digits[: lesson.size(5000)], flat=True)
    return cdist(x[:200], some).min(axis=1).mean()


mean_d = {name: probability(fixed(x)).mean() for name, x in ends.items()}
away = {name: nearest(x) for name, x in ends.items()}
rows = [[name, mean_d[name], away[name]] for name in ends]
unseen = probability(fixed(other_digits[:512])).mean()
rows.append(["digits not seen", unseen, nearest(other_digits)])
lesson.table(rows, ["after 60 steps", "mean of D", "distance to the nearest digit"])

# %%
shown = np.concatenate([x[:12] for x in ends.values()])
names = [name.replace(", ", "\n") for name in ends]
lesson.figure(
    plot.image_grid(shown, len(ends), 12, shape=(28, 28), row_labels=names),
    "going_on",
    "The same twelve latents before and after each of the four trainings. Compare the second row "
    "with the first, and the fourth with the mean of D in the table.",
)

# %%
lesson.claim(
    "SGD: mean of D on the fakes, under -log D less under log(1 - D)",
    mean_d["SGD, -log D"] - mean_d["SGD, log(1-D)"],
    at_least=0.8,
    source="worst of seeds 0, 1, 2: 0.996",
)

# %%
lesson.claim(
    "Adam under log(1 - D): mean of D on the fakes, less that before",
    mean_d["Adam, log(1-D)"] - mean_d["before"],
    at_least=0.8,
    source="worst of seeds 0, 1, 2: 1.000",
)
lesson.claim(
    "Adam: distance to the nearest digit, under log(1 - D) over that under -log D",
    away["Adam, log(1-D)"] / away["Adam, -log D"],
    at_least=1.3,
    source="1 if both stay near digits; 2.9 in a run of seed 0",
)

# %%
above = {name for name, mean in mean_d.items() if mean > 0.5}
verdicts = {
    frozenset(ends) - {"before"}: "all four",
    frozenset({"SGD, -log D", "Adam, -log D"}): "both under -log D",
    frozenset({"Adam, log(1-D)", "Adam, -log D"}): "both with Adam",
    frozenset(ends) - {"before", "SGD, log(1-D)"}: "all but SGD under log(1 - D)",
}
lesson.outcome(
    f"Above one half: {', '.join(sorted(above)) or 'none'}.",
    answer=verdicts.get(frozenset(above)),
)

# %% [markdown]
# Under $\log(1 - D)$, SGD does not move the images. Adam does, because its step in each weight is
# about $g/(|g| + \epsilon)$ with $\epsilon = 10^{-8}$. A gradient component of $10^{-6}$ counts
# almost like one of 1, and only a component far below $10^{-8}$ has no effect. This is why the
# minimax games of `gan/02` did not fail. But Adam follows the remaining direction at full speed,
# and the images that result have a high $D$ and no resemblance to digits. A high $D$ alone proves
# nothing. Under $-\log D$ both optimizers raise $D$ as fast, and the images stay as near to digits
# as before. The last column of the table separates these cases, and the mean of $D$ does not.
#
# **Computing the loss from the probability.** Take the formula as it stands: $D = \sigma(l)$, then
# $\log D$, then the gradient, for a fake with the logit $-120$ in float32.

# %%
lesson.predict(
    "What is the gradient of -log D in this logit, computed through D?",
    ["-1, as by the formula", "0", "not a number"],
)


# %%
def through_the_probability(l):
    return -np.log(1 / (1 + np.exp(-l)))[0]


far = np.array([-120.0], np.float32)
with np.errstate(all="ignore"):
    slope = grad(through_the_probability)(far)[0]

# %%
lesson.check("gradient through the probability is not a number", bool(np.isnan(slope)))
slope = grad(generator_loss_nonsaturating)(far)[0]
lesson.check("gradient from the logit", slope, equals=-1.0)
lesson.outcome(
    "exp(120) overflows, D rounds to 0, and the chain rule multiplies 0 by infinity. From the "
    f"logit itself the gradient is {slope:.0f}.",
    answer="not a number",
)

# %%
lesson.change(
    "a logit of -20",
    "Change `far = np.array([-120.0], np.float32)` to `-20.0` and run again. Which of the two "
    "checks fails, and why?",
    answer="The first: the gradient through the probability is a number now, -1 as by the formula. "
    "$e^{20}$ is about 5e8, far below the largest float32, 3e38; only from $e^{89}$ on does it "
    "overflow. The gradient from the logit is -1 as before.",
)

# %% [markdown]
# ## 7. Where the post is loose
#
# - "Therefore the loss function $L$ falls to zero": $L$ is the value that $D$ *maximizes*. It is
#   $-2 \log 2$ for $D = 1/2$ and negative for every $D$ between 0 and 1, so it *rises* to zero. The
#   discriminator's loss, $-L$, falls.
# - "we end up with no gradient to update the loss": the gradient updates the *parameters* of the
#   generator.
# - "$D(x) = 1, \forall x \in p_r$": $p_r$ is a distribution. The $x$ are points of its support.
#
# **Here is different:** the section treats the minimax loss only. $-\log D$, the loss that most
# GANs train with, fails in another way (sections 4 and 5). So a small loss of $D$ does not show
# that the generator's gradient has vanished.
#
# **Left out:** a convolutional generator; both losses in a game in which $D$ and $G$ alternate.
# **Next:** `gan/07` is about a generator that receives a gradient and yet learns only one kind of
# image. Two remedies for the gradient follow: noise on both sides (`gan/09`), and a critic with a
# bounded slope (`gan/12`).
#
# **Your turn:** `minigen exercise start gan/06`, then `minigen run gan/06 --with
# exercises/gan_06.py`.

# %%
lesson.finish()
