# %% [markdown]
# # The best discriminator, and what it tells the generator
#
# Three sections of [From GAN to WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/), run: the
# optimal value for D (gan.s03), the global optimum (gan.s04), and what the loss means (gan.s05). To
# take away:
#
# 1. At each point the best answer of a discriminator is the share of what lands there that is real.
# 2. Against that discriminator, the game is worth $2\,\mathrm{JS}(p_r, p_g) - 2\log 2$, least when
#    $p_g = p_r$.
# 3. So a well-trained discriminator is a measuring instrument: its loss reads off a distance
#    between two distributions.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/03_optimal_discriminator",
    title="The best discriminator, and what it tells the generator",
    post="gan",
    sections=["gan.s03", "gan.s04", "gan.s05"],
    equations=["gan.04", "gan.05", "gan.06", "gan.07", "gan.08", "gan.09"],
    minutes=0.2,
)

import autograd.numpy as anp
import numpy as np

from minigen import plot
from minigen.data.toy import GaussianMixture
from minigen.gan.losses import discriminator_loss, optimal_discriminator, value_at_optimum
from minigen.gan.networks import Discriminator
from minigen.metrics import js_divergence, js_on_grid
from minigen.optim import Adam, cosine
from minigen.tensor import bce_with_logits, grad, sigmoid, value_and_grad

# %% [markdown]
# ## 1. One point
#
# Of four examples found at the same place, three are real and one is fake. The discriminator sees
# the place, not the label, and must give all four the same probability $\tilde x$ of being real. It
# earns $\log \tilde x$ for a real example and $\log(1 - \tilde x)$ for a fake. In the post's short
# names (Eq. gan.05) $A = 3$, $B = 1$, and the sum is $f(\tilde x) = A\log\tilde x + B\log(1 -
# \tilde x)$.
#
# **Before you run the cell:** which $\tilde x$ earns most? Real is more likely, so why not say
# 0.99?


# %%
def f(x, A=3.0, B=1.0):
    return A * anp.log(x) + B * anp.log(1 - x)


lesson.table([[x, f(x)] for x in (0.5, 0.75, 0.9, 0.99)], ["answer", "earned"])
lesson.check("f at one half: 3 log 1/2 + log 1/2", f(0.5), equals=-4 * np.log(2))

x = np.linspace(0.005, 0.995, 199)
cases = {"A = 3, B = 1": (3, 1), "A = 2, B = 2": (2, 2), "A = 0.4, B = 3.6": (0.4, 3.6)}
ax = plot.line(
    x,
    {name: f(x, *AB) for name, AB in cases.items()},
    title="earned at one point",
    xlabel="answer $\\tilde{x}$",
    ylabel="$A\\,\\log\\,\\tilde{x} + B\\,\\log(1 - \\tilde{x})$",
)
ax.set_ylim(-10, 0)
best = {name: A / (A + B) for name, (A, B) in cases.items()}
ax.plot(
    list(best.values()), [f(best[name], *cases[name]) for name in cases], "o", color=plot.color.ink
)
lesson.figure(
    ax,
    "one_point",
    "Each hill has its top, the dot, at the real share: 3/4, 1/2, 1/10. At "
    "either edge, where the answer is sure, the minority it gets wrong pulls it down without end.",
)

# %% [markdown]
# On paper, the top is where the derivative vanishes (Eq. gan.06):
#
# $$\frac{df}{d\tilde x} = \frac{A}{\tilde x} - \frac{B}{1 - \tilde x} = \frac{A - (A + B)\tilde x}{\tilde x(1 - \tilde x)} = 0
# \quad\Rightarrow\quad \tilde x = \frac{A}{A + B}.$$
#
# The post prints this with a factor $1/\ln 10$. That belongs to logarithms of base 10. It moves no
# zero, but mixing bases would later make the optimum $-0.602$ here and $-1.386$ there. We stay with
# natural logarithms.


# %%
def f10(x):
    return 3 * anp.log10(x) + anp.log10(1 - x)


lesson.check("slope at 1/2: (3 - 2)/(1/4), natural", grad(f)(0.5), equals=4.0)
lesson.check("the same with base 10, times ln 10", grad(f10)(0.5) * np.log(10), equals=4.0)
lesson.check("slopes at 3/4, both bases", [grad(f)(0.75), grad(f10)(0.75)], equals=[0.0, 0.0])

# %% [markdown]
# ## 2. All points
#
# Now $A = p_r(x)$ and $B = p_g(x)$, and the game is the integral of what is earned at each $x$ (Eq.
# gan.04):
#
# $$L(G, D) = \int p_r(x)\log D(x) + p_g(x)\log(1 - D(x))\,dx.$$
#
# $D$ may choose its answer freely at each $x$, so the integral is largest when every point is:
# $D^*(x) = p_r(x)/(p_r(x) + p_g(x))$. Below, the data have two bumps and a clumsy generator makes
# one. **Sketch $D^*$ before you run the cell. Where does it cross one half?**

# %%
lesson.show_source(optimal_discriminator)
p_r = GaussianMixture([[-2.0], [1.5]], std=[0.5, 0.8], weights=[0.4, 0.6])
p_g = GaussianMixture([[0.0]], std=1.5)
grid = np.linspace(-9, 9, 3601)
dx = 0.005
real = p_r.prob(grid[:, None])
fake = p_g.prob(grid[:, None])  # (3601,)
D_star = optimal_discriminator(real, fake)
crossings = grid[1:][np.diff(np.sign(D_star - 0.5)) != 0]
lesson.check(
    "the densities are equal where D* crosses 1/2",
    np.interp(crossings, grid, real - fake),
    equals=0.0,
    atol=5e-3,
)

# %% [markdown]
# A discriminator in training knows no densities; it sees samples. **Will a small network, trained
# on samples with the loss of `gan/02`, find the same curve? Where will it be off?**


# %%
def train(draw_real, draw_fake, label, steps, loss=lambda d, x, y: discriminator_loss(d(x), d(y))):
    D = Discriminator(lesson.rng("init"), dim_x=1, width=64, depth=2)
    rng = lesson.rng(f"data {label}")
    optimizer = Adam(D, 5e-3)
    lr = cosine(5e-3, steps)

    def step(i):
        optimizer.lr = lr(i)
        value, grads = value_and_grad(loss)(D, draw_real(rng), draw_fake(rng))
        optimizer.step(grads)
        return float(value)

    lesson.fit(step, steps, label=label, state={"D": D, "optimizer": optimizer, "rng": rng})
    return lambda x: sigmoid(D(x.astype(np.float32)[:, None])).astype(
        float
    )  # points (N,) -> probabilities (N,)


draw_real, draw_fake = (lambda rng, p=p: p.sample(rng, 512) for p in (p_r, p_g))
D = train(draw_real, draw_fake, "two bumps against one", lesson.steps(3000))(grid)
visited = (real + fake) / 2  # where examples fall
off = np.sum(np.abs(D - D_star) * visited) * dx
lesson.claim("trained D against p_r/(p_r + p_g), mean distance", off, at_most=0.03)

fig, (top, bottom) = plot.figure(2, 1, size=(6.4, 2.3))
plot.line(
    grid,
    {"$p_r$, real": real, "$p_g$, fake": fake},
    top,
    fill=True,
    ylabel="density",
    title="two densities",
)
plot.line(
    grid,
    {"$D^*$, exact": D_star, "$D$, trained on samples": D},
    bottom,
    colors=[plot.color.ink, plot.color.model],
    styles={"$D^*$, exact": "--"},
    reference={"1/2": 0.5},
    xlabel="x",
    ylabel="probability of real",
)
top.set(xlim=(-7, 7))
bottom.set(xlim=(-7, 7), ylim=(0, 1.05))
lesson.figure(
    fig,
    "trained_discriminator",
    "Where the blue density is above the orange one, D* is above 1/2. The trained curve lies on it"
    " wherever examples fall, and parts from it beyond about 4, where hardly any ever did.",
)

# %% [markdown]
# No other $D$ earns more; the trained one comes close from below.


# %%
def earned(D):
    D = np.clip(D, 1e-12, 1 - 1e-12)
    return np.sum(real * np.log(D) + fake * np.log(1 - D)) * dx


answers = {
    "always 1/2": np.full_like(grid, 0.5),
    "sure: 0.99 or 0.01": np.where(real > fake, 0.99, 0.01),
    "trained": D,
    "D*": D_star,
}
lesson.table(
    [[name, earned(each), earned(D_star) - earned(each)] for name, each in answers.items()],
    ["discriminator", "L(G, D), nats", "short of D*"],
)
lesson.check(
    "no answer earns more than D*", earned(D_star) - max(map(earned, answers.values())), at_least=0
)
lesson.check(
    "value_at_optimum is that number", value_at_optimum(real, fake, dx), equals=earned(D_star)
)

# %% [markdown]
# ## 3. A wrong turn: one mean for all
#
# Feed 3 times as many reals as fakes, throw them together, and take *one* mean of all the
# cross-entropies. It looks
# harmless: every label is right. **What will D learn?** (With $A = 3p_r$ and $B = p_g$ you can say
# exactly.)

# %%
labels = np.repeat(np.float32([1, 0]), [1536, 512])


def one_mean(d, x, y):
    return anp.mean(bce_with_logits(d(np.concatenate([x, y])), labels))


def three_times(rng):
    return p_r.sample(rng, 1536)


D_odd = train(three_times, draw_fake, "one mean for all", lesson.steps(1500), one_mean)(grid)
tilted = optimal_discriminator(3 * real, fake)


def distance(a, b):
    return np.sum(np.abs(a - b) * visited) * dx


lesson.table(
    [["D*", distance(D_odd, D_star)], ["3 p_r / (3 p_r + p_g)", distance(D_odd, tilted)]],
    ["this D against", "mean distance"],
)
lesson.claim("one mean for all: distance from D*", distance(D_odd, D_star), at_least=0.1)
lesson.claim(
    "one mean for all: distance from the tilted curve", distance(D_odd, tilted), at_most=0.03
)

# %% [markdown]
# It learned $3p_r/(3p_r + p_g)$, and would call even a perfect generator's examples real with
# probability 3/4. That is why `discriminator_loss` takes a mean over each group and adds the two.
#
# ## 4. The generator's turn
#
# Put $D^*$ back into the game. First by hand, with two outcomes in place of a line: data (3/4,
# 1/4), generator (1/4, 3/4). Then $D^* = (3/4, 1/4)$, and $L(G, D^*) = \frac34\log\frac34 +
# \frac14\log\frac14$, twice over: $-1.125$.
#
# The denominator $p_r + p_g$ is twice the mixture that JS compares with. Each factor 2 gives a
# $\log 2$, so (Eq. gan.09, and turned round Eq. gan.08)
#
# $$L(G, D^*) = 2\,D_\mathrm{JS}(p_r \| p_g) - 2\log 2, \qquad D_\mathrm{JS} = \tfrac12(\log 4 + L(G, D^*)).$$

# %%
lesson.show_source(value_at_optimum)
coin = np.array([0.75, 0.25])
other = np.array([0.25, 0.75])
lesson.check(
    "two outcomes by hand", value_at_optimum(coin, other, 1), equals=1.5 * np.log(3) - 4 * np.log(2)
)
lesson.check(
    "(log 4 + L)/2 is JS",
    (np.log(4) + value_at_optimum(coin, other, 1)) / 2,
    equals=js_divergence(coin, other),
)

# %% [markdown]
# Now the line again: data $\mathcal N(0, 1)$, generator $\mathcal N(s, 1)$, and the shift $s$ goes
# from 0 to 8. **Draw the value against $s$: where is it least, how low, and how steep is it at 8?**


# %%
def normal(s):
    return GaussianMixture([[s]], std=1.0)


line = np.linspace(-8, 16, 4801)
shifts = np.linspace(0, 8, 33)
densities = [normal(s).prob(line[:, None]) for s in shifts]
exact = np.array([value_at_optimum(densities[0], p, 0.005) for p in densities])
js = np.array([js_on_grid(np.log(densities[0]), np.log(p), 0.005) for p in densities])
lesson.claim(
    "L(G, D*) against 2 JS - 2 log 2, largest gap of 33 shifts",
    np.abs(exact - (2 * js - 2 * np.log(2))).max(),
    at_most=1e-3,
    source="Goodfellow 2014, Theorem 1",
)
lesson.claim(
    "L(G, D*) where p_g = p_r",
    exact[0],
    equals=-2 * np.log(2),
    atol=1e-3,
    source="Goodfellow 2014, Theorem 1",
)
same = optimal_discriminator(densities[0], densities[0])
lesson.claim("D* where p_g = p_r: lowest and highest", [same.min(), same.max()], equals=[0.5, 0.5])

# %% [markdown]
# At $s = 0$ both kinds of example get $D^* = 1/2$, so $L = \log\frac12 + \log\frac12 = -2\log 2$
# (Eq. gan.07). The post writes $L(G, D^*)$ for this number and, two lines later, for any $G$. Read
# the first as $L(G^*, D^*)$.
#
# ## 5. A measuring instrument
#
# Eq. gan.08 can be read from right to left: train a discriminator, read its loss, and know the JS
# divergence, with samples only. **Will the reading be too high or too low?** (Remember who earned
# most in section 2.)

# %%
readings = []
shown = [0, 1, 2, 3, 4, 6]
for s in shown:
    d = train(
        lambda rng: normal(0).sample(rng, 512),
        lambda rng: normal(s).sample(rng, 512),
        f"shift {s}",
        lesson.steps(500),
    )
    rng = lesson.rng(f"fresh {s}")
    n = lesson.size(100_000)
    d_real = d(normal(0).sample(rng, n)[:, 0])
    d_fake = d(normal(s).sample(rng, n)[:, 0])  # (n,)
    readings.append(
        (np.log(4) + np.mean(np.log(d_real)) + np.mean(np.log(1 - d_fake))) / 2
    )  # Eq. gan.08
    if s == 0:
        lesson.claim(
            "p_g = p_r: trained D on reals, on fakes",
            [d_real.mean(), d_fake.mean()],
            equals=[0.5, 0.5],
            atol=0.01,
        )

truth = js[[4 * s for s in shown]]
lesson.table(zip(shown, truth, readings), ["shift", "JS, exact", "JS, read off the loss"])
lesson.claim(
    "JS read off a trained D, largest error",
    np.abs(readings - truth).max(),
    at_most=0.02,
    unit="nats",
)
ax = plot.line(
    shifts,
    {"$L(G, D^*)$": exact, "2 JS - 2 log 2": 2 * js - 2 * np.log(2)},
    title="the game against $D^*$",
    colors=[plot.color.sky, plot.color.ink],
    styles={"2 JS - 2 log 2": "--"},
    xlabel="shift s",
    ylabel="nats",
)
plot.line(
    shown,
    {"trained D": 2 * np.array(readings) - 2 * np.log(2)},
    ax,
    colors=[plot.color.model],
    markers=True,
    styles={"trained D": "none"},
    reference={"-2 log 2": -2 * np.log(2)},
)
lesson.figure(
    ax,
    "value_along_shifts",
    "The least value, -1.386, is at shift 0, and the two formulas are one curve. Look at "
    "the right: from about 5 on it is flat, and nothing tells the generator which way the data"
    " lie.",
)

# %% [markdown]
# A trained discriminator earns at most what $D^*$ does, so up to the noise of sampling (here 0.001)
# it reads too low: JS is *at least* so much. How high can it go? The post bounds JS by 1; in a
# later example it gets $\log 2$. Both are right, in different units: 1 bit is $\log 2 = 0.693$
# nats. Here are two distributions with nothing in common:

# %%
apart = js_divergence([1.0, 0.0], [0.0, 1.0])
lesson.check("largest JS, in nats and in bits", [apart, apart / np.log(2)], equals=[np.log(2), 1.0])
lesson.check(
    "and the value of the game then",
    value_at_optimum(np.array([1.0, 0]), np.array([0, 1.0]), 1),
    equals=0.0,
)
slope = np.gradient(exact, shifts, edge_order=2)
lesson.table([[s, slope[4 * s]] for s in (1, 2, 4, 6, 8)], ["shift", "slope of L(G, D*)"])

# %% [markdown]
# The slope is all that a generator has to go by. At shift 2 it is largest; at 8 about a thousandth
# of that is left.
#
# **Left out:** that $D^*$ needs a network of unlimited power, trained to the end, anew after each
# move of the generator. Algorithm 1 gives it one step. So nobody ever descends the curve above: two
# networks step at the same time, each on a ground that the other moves. **Next:** does that arrive
# at the equilibrium at all? `gan/04` plays the smallest such game. The flat part of the curve comes
# back in `gan/05` and `gan/06`.
#
# **Your turn:** `minigen exercise start gan/03`, then `minigen run gan/03 --with
# exercises/gan_03.py`.

# %%
lesson.finish()
