# %% [markdown]
# # The optimal discriminator and the global optimum
#
# When the loss of a GAN falls, what has become better? With a likelihood the answer is simple: the
# model has come closer to the data. In a GAN the obvious answer, that the fakes have become better,
# fails, because the loss depends on the judge as well. A poor judge is fooled by poor fakes. So
# suppose that the generator always faces the best judge there is. What does it minimize then?
#
# We find the best output of a discriminator at one point (section 1), then at every point (2), see
# what is left for the generator (4), and measure it from samples (5). This lesson follows the
# sections *What is the optimal value for D?*, *What is the global optimal?* and *What does the loss
# function represent?* of [From GAN to WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/).
#
# Before this lesson: `gan/01` (the JS divergence), `gan/02`.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/03_optimal_discriminator",
    title="The optimal discriminator and the global optimum",
    post="gan",
    sections=["gan.s03", "gan.s04", "gan.s05"],
    equations=["gan.04", "gan.05", "gan.06", "gan.07", "gan.08", "gan.09"],
    minutes=0.1,
    picture="densities",
    sources=["weng2017gan", "goodfellow2014gan"],
)

# %%
import autograd.numpy as np
from scipy.optimize import minimize

from minigen import plot
from minigen.data.toy import GaussianMixture
from minigen.gan.losses import discriminator_loss, optimal_discriminator, value_at_optimum
from minigen.gan.networks import Discriminator
from minigen.metrics import js_divergence, js_on_grid
from minigen.optim import cosine
from minigen.tensor import bce_with_logits, grad, sigmoid
from minigen.train import descend

# %% [markdown]
# ## 1. The optimal output at one point
#
# A discriminator is a whole function, which is hard to guess. But its output at one point is only a
# number, so let's begin there. Suppose that four examples lie at the same $x$, three real and one
# fake. The discriminator receives $x$ without the label and outputs one probability for all four.
# It gains the logarithm of this probability for each real example, and $\log(1 - D(x))$ for the
# fake. The post labels (Eq. gan.05)
#
# $$\tilde x = D(x), \qquad A = p_r(x), \qquad B = p_g(x) .$$
#
# With $A$ and $B$ in the ratio $3 : 1$, the gain is
#
# $$f(\tilde x) = A \log\tilde x + B \log(1 - \tilde x), \qquad A = 3, \; B = 1 .$$

# %%
lesson.predict("Which of these outputs has the largest gain?", ["0.5", "0.75", "0.9", "0.99"])


# %%
def f(x, A=3.0, B=1.0):
    return A * np.log(x) + B * np.log(1 - x)


lesson.table([[x, f(x)] for x in (0.5, 0.75, 0.9, 0.99)], ["output", "gain"])
lesson.check("f at one half: 3 log 1/2 + log 1/2", f(0.5), equals=-4 * np.log(2))

# %%
lesson.outcome(
    f"The gain at 0.75 is {f(0.75):.2f}. At 0.99 it is {f(0.99):.2f}, because the single fake "
    "costs log 0.01 = -4.61 there.",
    answer="0.75",
)

# %% [markdown]
# Where is the maximum in general? The derivative is zero at one point only (Eq. gan.06):
#
# $$
# \frac{df}{d\tilde x} = \frac{A}{\tilde x} - \frac{B}{1 - \tilde x}
#   = \frac{A - (A + B)\tilde x}{\tilde x(1 - \tilde x)} = 0
# \quad\Rightarrow\quad \tilde x^* = \frac{A}{A + B}.
# $$
#
# In words, the best output is the fraction of the examples at this point that are real.

# %% [markdown]
# <details><summary>Derivation: this is the maximum, even if A or B is 0</summary>
#
# For $A, B > 0$ the second derivative $-A/\tilde x^2 - B/(1 - \tilde x)^2$ is negative everywhere,
# so $f$ is strictly concave. If $B = 0 < A$, then $f = A \log \tilde x$ increases up to $\tilde x =
# 1$, and if $A = 0 < B$, it decreases from $\tilde x = 0$. Both are $A / (A + B)$. If $A = B = 0$,
# every output is optimal, and the code returns $\frac12$.
#
# </details>


# %%
def draw_gains(cases):
    output = np.linspace(0.005, 0.995, 199)
    curves = {f"A = {A:g}, B = {B:g}": f(output, A, B) for A, B in cases}
    ax = plot.line(output, curves, title="gain at one point", xlabel="output $\\tilde{x}$")
    ax.set_ylabel("$A\\,\\log\\,\\tilde{x} + B\\,\\log(1 - \\tilde{x})$")
    ax.set_ylim(-10, 0)
    for A, B in cases:
        ax.plot(A / (A + B), f(A / (A + B), A, B), "o", color=plot.color.ink)
    return ax


# %%
lesson.figure(
    draw_gains([(3, 1), (2, 2), (0.4, 3.6)]),
    "one_point",
    "The gain against the output, for three mixtures of real and fake. The dots are at A / (A + "
    "B). Compare the two ends of each curve.",
)
lesson.check("slope at 1/2 by autograd: (3 - 2)/(1/4)", grad(f)(0.5), equals=4.0)
lesson.check("slope at 3/4", grad(f)(0.75), equals=0.0)

# %%
lesson.change(
    "no fakes here",
    "Change `B=1.0` in `f` to `B=0.0`, so that no example at this point is fake, and run again. "
    "Which of the four outputs has the largest gain now?",
    answer="0.99, with a gain of $3 \\log 0.99 = -0.03015$. Without a fake, an output close to 1 "
    "costs nothing, and the optimum $A / (A + B)$ is 1.",
)

# %% [markdown]
# The curves are drawn from 0.005 to 0.995. Closer to 0 and 1 each of them falls to minus infinity,
# because one of its two logarithms does. As long as both kinds occur at $x$, certainty is never
# optimal. The best discriminator is an honest one.
#
# ## 2. The optimal discriminator
#
# What does one point tell us about a whole function? The game of `gan/02`, written with densities,
# is an integral over all points (Eq. gan.04):
#
# $$
# L(G, D) = \int_x \bigg( p_r(x) \log(D(x)) + p_g(x) \log(1 - D(x)) \bigg) dx .
# $$
#
# At each $x$ the integrand is the gain of section 1. The output at one point does not restrict the
# output at another, so we may choose $D(x)$ at each $x$ on its own, and the integral is largest
# when the integrand is largest everywhere. Therefore
#
# $$D^*(x) = \frac{p_r(x)}{p_r(x) + p_g(x)} \in [0, 1] .$$
#
# This is the probability that an example at $x$ is real, when half of all examples are.

# %%
lesson.exercise("gan/03/optimal_discriminator")

# %%
lesson.show_source(optimal_discriminator)

# %% [markdown]
# Let's try it on data with two modes, and on a generator that has only one.

# %%
p_r = GaussianMixture([[-2.0], [1.5]], std=[0.5, 0.8], weights=[0.4, 0.6])
p_g = GaussianMixture([[0.0]], std=1.5)
grid = np.linspace(-9, 9, 3601)
dx = 0.005
real = p_r.prob(grid[:, None])  # (3601,)
fake = p_g.prob(grid[:, None])
D_star = optimal_discriminator(real, fake)


# %%
def draw_densities(ax=None):
    ax = plot.line(
        grid,
        {"$p_r$, real": real, "$p_g$, fake": fake},
        ax,
        fill=True,
        ylabel="density",
        title="two densities",
    )
    ax.set_xlim(-7, 7)
    return ax


# %%
lesson.figure(
    draw_densities(),
    "densities",
    "The density of the data (blue) and of the fakes (orange). Sketch the optimal discriminator "
    "over them, and extend it to the right end.",
)

# %%
lesson.predict(
    "At x = 6 both densities are below 0.0001. What is the optimal output there?",
    ["close to 0", "close to 1/2", "close to 1"],
)

# %%
at_6 = [float(np.interp(6, grid, each)) for each in (real, fake, D_star)]
lesson.table(
    [[x, *(np.interp(x, grid, each) for each in (real, fake, D_star))] for x in (-1.43, 0, 2, 6)],
    ["x", "p_r", "p_g", "D*"],
)
lesson.outcome(
    f"The optimal output at 6 is {at_6[2]:.4f}, because only the ratio of the densities counts, "
    f"and p_g is {at_6[1] / at_6[0]:,.0f} times as large as p_r there.",
    answer="close to 0" if at_6[2] < 0.1 else None,
)

# %% [markdown]
# It is tempting to read $D$ as a density, high where the data are. But $D^*$ is a ratio. It is 1/2
# wherever the densities are equal, however small they are. If the generator is perfect, $p_g =
# p_r$, then $D^*(x) = \frac12$ everywhere, and the best judge can only guess.
#
# There is a catch. In training nobody knows the densities, and the discriminator receives only
# samples. Does a network find $D^*$ from samples? Since only $D$ is trained, `descend` can build
# the step: draw a batch, compute the gradient of the loss, let Adam take a step.


# %%
def loss_of(D, x, y):
    return discriminator_loss(D(x), D(y))


def new_discriminator():
    return Discriminator(lesson.rng("init"), dim_x=1, width=64, depth=2)


def train(label, batches, steps, loss=loss_of):
    D = new_discriminator()
    rng = lesson.rng(f"data {label}")
    step = descend(loss, D, batches, lr=cosine(5e-3, steps), rng=rng)
    lesson.fit(step, steps, state=step.state, label=label)
    return D


# %%
def two_against_one(rng):
    return p_r.sample(rng, 512), p_g.sample(rng, 512)


D = train("two bumps against one", two_against_one, lesson.steps(3000))

# %% [markdown]
# For comparison we take a constant, an untrained network, an overconfident judge that knows both
# densities but outputs only 0.99 or 0.01, and one Gaussian for each kind. The mean distance from
# $D^*$ is weighted with the density of all examples.


# %%
def on_grid(D):
    """D as a probability at each point of the grid."""
    return sigmoid(D(grid.astype(np.float32)[:, None])).astype(float)


def distance(a, b):
    """The mean of |a - b| over all examples, half of which are real."""
    return np.sum(np.abs(a - b) * (real + fake) / 2) * dx


def value_of(D):
    """The value of the game, L(G, D)."""
    D = np.clip(D, 1e-12, 1 - 1e-12)
    return np.sum(real * np.log(D) + fake * np.log(1 - D)) * dx


mean = np.sum(grid * real) * dx  # of the data
std = np.sqrt(np.sum((grid - mean) ** 2 * real) * dx)
one_gaussian = GaussianMixture([[mean]], std=std).prob(grid[:, None])
most = value_of(D_star)

# %%
discriminators = {
    "1/2 everywhere": np.full_like(grid, 0.5),
    "untrained network": on_grid(new_discriminator()),
    "0.99 or 0.01": np.where(real > fake, 0.99, 0.01),
    "one Gaussian each": optimal_discriminator(one_gaussian, fake),
    "trained network": on_grid(D),
    "D*": D_star,
}
rows = {
    name: [value_of(each), most - value_of(each), distance(each, D_star)]
    for name, each in discriminators.items()
}


# %%
def draw_both():
    fig, (top, bottom) = plot.figure(2, 1, size=(6.4, 2.3))
    draw_densities(top).set_xlim(-4, 4)
    plot.line(
        grid,
        {"$D^*$, exact": D_star, "$D$, trained on samples": discriminators["trained network"]},
        bottom,
        colors=[plot.color.ink, plot.color.model],
        styles={"$D^*$, exact": "--"},
        reference={"1/2": 0.5},
        xlabel="x",
        ylabel="probability of real",
    ).set(xlim=(-4, 4), ylim=(0, 1.25), yticks=[0, 0.5, 1])
    return fig


# %%
lesson.figure(
    draw_both(),
    "trained_discriminator",
    "Below, the optimal discriminator (dashed) and the trained one (green). Compare where they "
    "cross 1/2 with the densities above, and look for the region in which they differ.",
)

# %%
lesson.table(
    [[name, *row] for name, row in rows.items()],
    ["discriminator", "L(G, D), nats", "below that of D*", "mean distance from D*"],
)
lesson.check(
    "fraction of mistakes of the best guess",
    np.sum(np.minimum(real, fake) / 2) * dx,
    equals=0.305,
    atol=1e-3,
)
lesson.check(
    "smallest amount below the value of D*", min(row[1] for row in rows.values()), at_least=0
)

# %%
lesson.claim(
    "trained D from p_r/(p_r + p_g), mean distance",
    rows["trained network"][2],
    at_most=0.015,
    source="seeds 0, 1 and 417: 0.0035, 0.0026, 0.0022; a margin of a factor 4",
)

# %% [markdown]
# With new samples in each of 3,000 steps, the network comes close to $D^*$. In the recorded run its
# value is 0.0002 nats below that of $D^*$, and the two differ most where examples are rare. There a
# difference costs little, because the value weights each $x$ with its density. One Gaussian each
# recovers only 0.034 of the 0.223 nats between 1/2 everywhere and $D^*$.
#
# The row "0.99 or 0.01" deserves a second look. It decides for the more probable kind at every $x$,
# so no discriminator is right more often. Yet its value is the lowest of all. It is wrong for 31 %
# of the examples, and there it gains $\log 0.01 = -4.6$ nats. Since $L$ is twice the mean gain of
# an example, the mistakes make up $2 \cdot 0.305 \cdot (-4.6) = -2.81$ of its $-2.83$ nats. The
# game does not reward being right. It rewards the right probability.
#
# ## 3. One mean over all examples
#
# *You may skip this section, because nothing later depends on it. It is for readers who write their
# own loss.*
#
# `discriminator_loss` adds the mean over the real examples and the mean over the fakes. It looks
# simpler to take one mean of all the cross-entropies. Suppose that a batch has four times as many
# real examples as fakes. Every label is correct.

# %%
lesson.predict(
    "With one mean, what is the best output at a point where p_g = p_r?",
    ["1/2", "4/5", "9/10", "1"],
)

# %%
n_real, n_fake = 2048, 512
labels = np.repeat(np.float32([1, 0]), [n_real, n_fake])


def one_mean(D, x, y):
    return np.mean(bce_with_logits(D(np.concatenate([x, y])), labels))


def four_to_one(rng):
    return p_r.sample(rng, n_real), p_g.sample(rng, n_fake)


# %%
D_odd = on_grid(train("one mean for all", four_to_one, lesson.steps(1500), one_mean))
from_best = distance(D_odd, D_star)
from_tilted = distance(D_odd, optimal_discriminator(4 * real, fake))

# %%
lesson.table(
    [["D*", from_best], ["4 p_r / (4 p_r + p_g)", from_tilted]], ["this D from", "mean distance"]
)
lesson.check("4 p_r / (4 p_r + p_g) where p_g = p_r", optimal_discriminator(4.0, 1.0), equals=0.8)
lesson.outcome(
    "The optimal output is now 4 p_r / (4 p_r + p_g), because A is 4 p_r in the gain of section 1. "
    f"The trained D has mean distance {from_tilted:.3f} from it, and {from_best:.3f} from D*.",
    answer="4/5",
)

# %%
lesson.claim(
    "one mean: distance from 4 p_r / (4 p_r + p_g)",
    from_tilted,
    at_most=0.015,
    source="seeds 0, 1 and 417: 0.0049, 0.0034, 0.0029; a margin of a factor 3",
)
lesson.claim(
    "one mean: distance from D*, over that distance",
    from_best / from_tilted,
    at_least=16,
    source="0.243 / 0.015 = 16, the other claim's bar; seeds 0, 1 and 417: 50, 71, 83",
)

# %%
lesson.change(
    "as many reals as fakes",
    "Change `n_real, n_fake = 2048, 512` to `n_real, n_fake = 512, 512` and run again in full. "
    "Which of the two curves does the trained discriminator come close to now?",
    answer="$D^*$. Its mean distance from $D^*$ is below 0.015, because with as many real examples "
    "as fakes the mean of all cross-entropies is half the sum of the two groups' means. One mean "
    "is wrong only when the groups differ in size.",
)

# %% [markdown]
# The network found the optimum of another game, in which $D$ outputs 4/5 even for perfect fakes.
# The generator's optimum is still $p_g = p_r$, because the best value is now a weighted JS
# divergence, up to a constant, and that is smallest only there. But an output of 1/2 no longer
# signals this optimum, and the formula of the next section no longer gives JS. Nothing crashes. We
# noticed only because $D^*$ is known here.
#
# ## 4. What the generator minimizes
#
# So far only $D$ has moved. Now let the generator move, always against $D^*$. What does it make
# small?
#
# First by hand, with two outcomes in place of a line. The data are distributed as $(\frac34,
# \frac14)$ and the fakes $(\frac14, \frac34)$. Then $D^* = (\frac34, \frac14)$, each of the two
# expectations is $\frac34\log\frac34 + \frac14\log\frac14 = -0.562$, and $L(G, D^*) = -1.125$. If
# instead the generator copies the data, then $D^* = \frac12$ and (Eq. gan.07)
#
# $$
# \begin{aligned}
# L(G^*, D^*) &= \int_x \bigg( p_r(x) \log(D^*(x)) + p_g(x) \log(1 - D^*(x)) \bigg) dx \\
#   &= \log\frac12 \int_x p_r(x)\, dx + \log\frac12 \int_x p_g(x)\, dx = -2 \log 2 = -1.386 .
# \end{aligned}
# $$
#
# The first generator is 0.262 nats above this. Half of that, 0.131, is the JS divergence of the two
# distributions. This holds in general (Eq. gan.08 and, solved for $L$, Eq. gan.09):
#
# $$
# D_\mathrm{JS}(p_r \| p_g) = \frac12 \bigg( \log 4 + L(G, D^*) \bigg), \qquad
# L(G, D^*) = 2\,D_\mathrm{JS}(p_r \| p_g) - 2\log 2 .
# $$
#
# In words, against the best judge the generator minimizes twice the JS divergence between fakes and
# data, up to a constant. JS is 0 only for equal distributions, so over all distributions the only
# minimum is $p_g = p_r$. It is the *global optimum* of the game.

# %% [markdown]
# <details><summary>Derivation: the value at D* is 2 JS - 2 log 2</summary>
#
# Insert the mixture $m = (p_r + p_g)/2$ into the definition of JS (Eq. gan.02). Since $p_r + p_g =
# 2m$, we have $\log\frac{p_r}{m} = \log 2 + \log\frac{p_r}{p_r + p_g}$, and $p_r$ integrates to 1.
# The same holds for $p_g$:
#
# $$
# \begin{aligned}
# D_\mathrm{JS}(p_r \| p_g)
#   &= \frac12 D_\mathrm{KL}\Big(p_r \Big\| \frac{p_r + p_g}{2}\Big)
#     + \frac12 D_\mathrm{KL}\Big(p_g \Big\| \frac{p_r + p_g}{2}\Big) \\
#   &= \frac12 \bigg( \log 2 + \int_x p_r(x) \log\frac{p_r(x)}{p_r(x) + p_g(x)}\, dx \bigg)
#     + \frac12 \bigg( \log 2 + \int_x p_g(x) \log\frac{p_g(x)}{p_r(x) + p_g(x)}\, dx \bigg) \\
#   &= \frac12 \bigg( \log 4 + L(G, D^*) \bigg) .
# \end{aligned}
# $$
#
# The last step uses $D^* = p_r/(p_r + p_g)$ and $1 - D^* = p_g/(p_r + p_g)$.
#
# </details>

# %%
lesson.exercise("gan/03/value_at_optimum")

# %%
lesson.show_source(value_at_optimum)
coins = np.array([0.75, 0.25]), np.array([0.25, 0.75])
lesson.check(
    "two outcomes by hand", value_at_optimum(*coins, 1), equals=1.5 * np.log(3) - 4 * np.log(2)
)
lesson.check(
    "(log 4 + L)/2 is JS",
    (np.log(4) + value_at_optimum(*coins, 1)) / 2,
    equals=js_divergence(*coins),
)
lesson.check("the two densities of section 2", value_at_optimum(real, fake, dx), equals=most)

# %% [markdown]
# Is this a good thing to minimize? Take the simplest generator, $\mathcal N(s, 1)$, and data from
# $\mathcal N(0, 1)$. Sketch $L(G, D^*)$ against the shift $s$, from 0 to 8. Gradient descent works
# with the slope of this curve.

# %%
lesson.predict(
    "At which shift does the generator receive the largest gradient?",
    ["0", "about 2", "about 4", "8"],
)


# %%
def normal(s):
    return GaussianMixture([[s]], std=1.0)


line = np.linspace(-8, 16, 4801)
shifts = np.linspace(0, 8, 33)
moved = [normal(s).prob(line[:, None]) for s in shifts]
exact = np.array([value_at_optimum(moved[0], p, 0.005) for p in moved])
slope = np.array(  # s times the mean of D* over the fakes
    [s * np.sum(p * optimal_discriminator(moved[0], p)) * 0.005 for s, p in zip(shifts, moved)]
)
js = np.array([js_on_grid(np.log(moved[0]), np.log(p), 0.005) for p in moved])
steepest = shifts[slope.argmax()]

# %%
fig, (upper, lower) = plot.figure(2, 1, size=(5.0, 2.2), share="x")
plot.line(shifts, {"$L(G, D^*)$": exact}, upper)
plot.line(
    shifts,
    {"2 JS - 2 log 2": 2 * js - 2 * np.log(2)},
    upper,
    markers=True,
    styles={"2 JS - 2 log 2": "none"},
    colors=[plot.color.ink],
    reference={"-2 log 2": -2 * np.log(2)},
    ylabel="nats",
)
plot.line(shifts, slope, lower, xlabel="shift s", ylabel="slope")

# %%
lesson.figure(
    fig,
    "value_along_shifts",
    "Above, the value of the game at the optimal discriminator (blue line) and the formula with JS "
    "(black dots). Below, the slope of this curve.",
)
lesson.outcome(
    f"Of the 33 shifts, {steepest:g} has the largest slope, {slope.max():.3f}. At 8 the slope is "
    f"{slope[-1]:.5f}, because it is s times the mean of D* over the fakes, and that mean is only "
    f"{slope[-1] / 8:.5f}.",
    answer="about 2" if 1 < steepest < 3 else None,
)

# %%
lesson.check(
    "slope at 2, from the values at 1.999 and 2.001",
    np.diff([value_at_optimum(moved[0], normal(s).prob(line[:, None]), dx) for s in (1.999, 2.001)])
    / 0.002,
    equals=slope[8],
    atol=1e-5,
)
lesson.check(
    "L(G, D*) minus (2 JS - 2 log 2), all 33 shifts", exact - 2 * js, equals=-2 * np.log(2)
)
lesson.check(
    "the value for two outcomes that are disjoint",
    value_at_optimum(np.array([1.0, 0]), np.array([0, 1.0]), 1),
    equals=0.0,
)

# %% [markdown]
# Why is the slope of the curve the gradient that the generator receives? $D^*$ moves with $s$ too,
# but at a maximum over $D$ this adds nothing to the slope (the envelope theorem). So the slope is
# the gradient with $D^*$ held fixed, here $s\,\mathbb{E}_{x\sim p_g} D^*(x)$.
#
# The optimum is where we want it, but far away the curve is flat. With the minimax loss, a
# generator far from the data receives almost no gradient from the best judge. (The non-saturating
# loss of `gan/02` is another loss and does not descend this curve.) `gan/06` measures the gradient
# from a partly trained judge, and `gan/11` replaces JS with a distance that has a slope everywhere.
#
# However, no GAN descends exactly this curve. The network would have to be able to represent $D^*$,
# and it would have to be trained to convergence on unlimited data after every step of $G$.
# Algorithm 1 of Goodfellow et al. (2014) gives it only a few steps, and `gan/02` a single one.

# %% [markdown]
# ## 5. Measuring the divergence from samples
#
# Eq. gan.08 is useful in the other direction as well, and beyond GANs. JS is defined with two
# densities, which we usually do not have. A discriminator needs only samples. So let's train one
# until it is good, take its loss on new samples, which is $-L(G, D)$, and compute $\frac12(\log 4 +
# L(G, D))$. Since no $D$ has a larger value than $D^*$, the result is a *lower bound* of JS, up to
# the noise of sampling.


# %%
def js_estimate(D, x, y):
    """JS from the loss of D, which is minus its value: Eq. gan.08."""
    real_logits, fake_logits = (D(each).astype(float) for each in (x, y))
    return (np.log(4) - discriminator_loss(real_logits, fake_logits)) / 2


# %%
n = lesson.size(100_000)


def shifted_by(s):
    return lambda rng: (normal(0).sample(rng, 512), normal(s).sample(rng, 512))


def standard_error(D, x, y):
    """The standard error of the estimate: of half the sum of two means."""
    gains = np.logaddexp(0, -D(x).astype(float)), np.logaddexp(0, D(y).astype(float))
    return np.sqrt(sum(np.var(each) / len(each) for each in gains)) / 2


def estimated(s):
    """From new samples, with a D trained at shift s: the estimate and its standard error."""
    D = train(f"shift {s}", shifted_by(s), lesson.steps(500))
    rng = lesson.rng(f"fresh {s}")
    fresh = normal(0).sample(rng, n), normal(s).sample(rng, n)
    return js_estimate(D, *fresh), standard_error(D, *fresh)


shown = [0, 1, 2, 3, 4, 6]
rows = [[f"shift {s}", js[4 * s].round(12), *estimated(s)] for s in shown]

# %% [markdown]
# Between these Gaussians the log-ratio is linear in $x$, so we add the harder pair of section 2,
# with the discriminator trained there.

# %%
rng = lesson.rng("fresh section 2")
fresh = p_r.sample(rng, n), p_g.sample(rng, n)
exact_two = (np.log(4) + most) / 2
rows.append(["section 2", exact_two, js_estimate(D, *fresh), standard_error(D, *fresh)])


def linear_loss(line):
    """Minus the value, on the data of section 2, of a D with linear logits."""
    return -value_of(sigmoid(line[0] * grid + line[1]))


linear = (np.log(4) - minimize(linear_loss, np.zeros(2)).fun) / 2

# %%
lesson.table(rows, ["data", "JS, exact", "JS, estimated", "standard error"])
lesson.check("the best linear D on the data of section 2, nats", linear, at_most=0.01)
lesson.claim(
    "estimated JS, largest error",
    max(abs(row[2] - row[1]) for row in rows),
    at_most=0.01,
    unit="nats",
    source="seeds 0, 1 and 417: 0.0022, 0.0015, 0.0021; on section 2, 1/2 has 0.112",
)

# %% [markdown]
# The largest error is 0.0022 nats, two standard errors. Three of the seven estimates are slightly
# above the exact value. No $D$ has a larger value than $D^*$, so this is the noise of 100,000
# draws. On shifted Gaussians a linear discriminator would do as well. On the data of section 2 it
# would not. The best linear one finds 0.0004 of the 0.112 nats, and one Gaussian each finds 0.017.
#
# No density was used. But why new samples? Suppose that there are only 20 examples of each kind, at
# shift 2, and that a discriminator is trained on them in every step. We compute its estimate from
# these 20, and from new ones. As a control, a second discriminator receives 20 *new* examples of
# each kind in every step, and all else is the same.

# %%
few = [normal(s).sample(lesson.rng(f"twenty at {s}"), 20) for s in (0, 2)]
new = [normal(s).sample(lesson.rng(f"new at {s}"), lesson.size(2000)) for s in (0, 2)]


def watched(batches, label):
    """The estimates after each step of a training on 20 examples of each kind."""
    rng = lesson.rng("data of twenty")
    step = descend(loss_of, new_discriminator(), batches, lr=5e-3, rng=rng)

    def watch(i, _):
        return {"own": js_estimate(step.model, *few), "new": js_estimate(step.model, *new)}

    return lesson.fit(step, lesson.steps(500), on_step=watch, label=label)


def twenty_new(rng):
    return normal(0).sample(rng, 20), normal(2).sample(rng, 20)


twenty = watched(lambda rng: tuple(few), "the same 20 of each")
control = watched(twenty_new, "20 new ones of each")

# %%
ax = plot.curves(
    {
        "the same 20, estimate from these": twenty["own"],
        "the same 20, estimate from new ones": twenty["new"],
        "control, estimate from new ones": control["new"],
    },
    reference={"JS, exact": js[8]},
    ylabel="estimate of JS, nats",
)
ax.set_ylim(0, 0.8)

# %%
lesson.figure(
    ax,
    "twenty_examples",
    "Estimates of JS from a discriminator that is trained on the same 20 examples of each kind, "
    "computed from these (blue) and from new examples (orange), those of the control (green), and "
    "the exact value (dashed). The axis stops at 0. Look for the step at which the curves part.",
)

# %%
lesson.claim(
    "the same 20: estimate from these, minus that from new ones",
    twenty["own"][-1] - twenty["new"][-1],
    at_least=0.2,
    unit="nats",
    source="seeds 0, 1 and 417: 1.24, 0.78, 0.46; untrained 0",
)
lesson.claim(
    "20 new ones in each step: error of the estimate from new ones",
    abs(control["new"][-1] - js[8]),
    at_most=0.05,
    unit="nats",
    source="seeds 0, 1 and 417: 0.006, 0.000, 0.000; 5 standard errors 0.045; untrained 0.337",
)

# %% [markdown]
# At first all curves rise. In the recorded run they part near step 40. At the end the discriminator
# estimates 0.57 nats from its own 20 examples, which is too much, and less than 0 from new ones,
# which no divergence can be. The control remains close to 0.337. It differs only in its examples,
# so it was the repetition of the same 20 that spoiled the estimate. From new examples the lower
# bound still holds, but it is useless. In short, the loss of a discriminator measures a divergence
# if $D$ is well trained and the examples are new. In a running GAN neither is certain.
#
# ## What this lesson does differently
#
# - The post derives $D^*$ and JS on paper. We also train a discriminator, on densities that we
#   know. Sections 3 and 5 are ours.
# - We use natural logarithms throughout.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - "$A \frac{1}{ln10} \frac{1}{\tilde{x}} - B \frac{1}{ln10} \frac{1}{1 - \tilde{x}}$": the factor
#   $1/\ln 10$ belongs to logarithms of base 10, and the other equations of the section are written
#   without a base. The factor does not move the zero. But with base 10 the optimum $-2 \log 2$ is
#   $-0.602$.
# - "we can safely ignore the integral because $x$ is sampled over all the possible values": the
#   reason is another one. $D(x)$ can be chosen at each $x$ independently.
# - "$L(G, D^*)$" means two things, $-2\log2$ in the section on the global optimum, and the value at
#   any $G$ in the section after it. The post repairs this at the end with "$L(G^*, D^*) =
#   -2\log2$".
#
# ## To remember
#
# - The best discriminator outputs $p_r / (p_r + p_g)$. It is a ratio of densities, not a density.
# - Against it the generator minimizes the JS divergence. Over all distributions, the only optimum
#   is $p_g = p_r$, with the value $-2 \log 2$. Far from the data this value is flat.
# - A trained discriminator estimates JS from new samples, as a lower bound.
#
# **Next:** real players take turns, and neither is ever optimal. Do their turns lead to the
# equilibrium? (`gan/04`)
#
# **Your turn:** `minigen exercise start gan/03`, then `minigen run gan/03 --with
# exercises/gan_03.py`.

# %%
lesson.finish()
