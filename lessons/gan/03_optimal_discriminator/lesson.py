# %% [markdown]
# # The best discriminator, and what it tells the generator
#
# Three sections of [From GAN to WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/), run: the
# optimal value for D (gan.s03), the global optimum (gan.s04), and what the loss means (gan.s05). To
# take away:
#
# 1. At each point a discriminator has one best answer, and one can write it down.
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
    sources=["weng2017gan", "goodfellow2014gan"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data.toy import GaussianMixture
from minigen.gan.losses import discriminator_loss, optimal_discriminator, value_at_optimum
from minigen.gan.networks import Discriminator
from minigen.metrics import js_divergence, js_on_grid
from minigen.optim import Adam, cosine
from minigen.tensor import bce_with_logits, grad, sigmoid, value_and_grad
from minigen.train import descend

# %% [markdown]
# ## 1. One point
#
# Of four examples found at the same place, three are real and one is fake. The discriminator sees
# the place, not the label, and must give all four the same probability $\tilde x$ of being real. It
# earns $\log \tilde x$ for a real example and $\log(1 - \tilde x)$ for a fake. In the post's short
# names (Eq. gan.05) $A = 3$, $B = 1$, and the sum is $f(\tilde x) = A\log\tilde x + B\log(1 -
# \tilde x)$. Real is more likely, so why not say 0.99?

# %%
lesson.predict("Which answer earns most?", ["0.5", "0.75", "0.9", "0.99"])


# %%
def f(x, A=3.0, B=1.0):
    return A * np.log(x) + B * np.log(1 - x)


lesson.table([[x, f(x)] for x in (0.5, 0.75, 0.9, 0.99)], ["answer", "earned"])
lesson.check("f at one half: 3 log 1/2 + log 1/2", f(0.5), equals=-4 * np.log(2))

# %%
lesson.outcome(
    f"It earns {f(0.75):.3f}. At 0.99 the one fake costs log 0.01 = -4.6: {f(0.99):.3f} in all.",
    answer="0.75",
)

# %% [markdown]
# The whole curve, for three mixtures of real and fake; a dot at $A / (A + B)$ on each.

# %%
answer = np.linspace(0.005, 0.995, 199)
cases = {"A = 3, B = 1": (3, 1), "A = 2, B = 2": (2, 2), "A = 0.4, B = 3.6": (0.4, 3.6)}
curves = {name: f(answer, A, B) for name, (A, B) in cases.items()}
ax = plot.line(answer, curves, title="earned at one point")
ax.set(xlabel="answer $\\tilde{x}$", ylabel="$A\\,\\log\\,\\tilde{x} + B\\,\\log(1 - \\tilde{x})$")
ax.set_ylim(-10, 0)
for A, B in cases.values():
    ax.plot(A / (A + B), f(A / (A + B), A, B), "o", color=plot.color.ink)
lesson.figure(
    ax,
    "one_point",
    "Each hill has its top, the dot, at the real share: 3/4, 1/2, 1/10. At "
    "either edge, where the answer is sure, the minority it gets wrong pulls it down without end.",
)

# %%
lesson.change(
    "no fakes here",
    "Change `B=1.0` in `f` to `B=0.0`, so that no fake is found at this place, and run again. "
    "Which of the four answers earns most now?",
    answer="0.99, which earns $3 \\log 0.99 = -0.03015$. Without a fake nothing is lost by being "
    "sure: the answer $A / (A + B)$ is 1.",
)

# %% [markdown]
# On paper, the top is where the derivative vanishes (Eq. gan.06):
#
# $$
# \frac{df}{d\tilde x} = \frac{A}{\tilde x} - \frac{B}{1 - \tilde x}
#   = \frac{A - (A + B)\tilde x}{\tilde x(1 - \tilde x)} = 0
# \quad\Rightarrow\quad \tilde x = \frac{A}{A + B}.
# $$
#
# The post prints this with a factor $1/\ln 10$. That belongs to logarithms of base 10. It moves no
# zero, but mixing bases would later make the optimum $-0.602$ here and $-1.386$ there. We stay with
# natural logarithms.


# %%
def f10(x):
    return 3 * np.log10(x) + np.log10(1 - x)


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
# $D$ may choose its answer freely at each $x$, so the integral is largest when the integrand is
# largest at every point. Section 1 found the best answer at one point; $D^*(x)$ is that answer at
# each $x$. Below, the data have two bumps and a clumsy generator makes one. Sketch $D^*$ for them.

# %%
lesson.predict(
    "Where does D* cross one half?",
    ["at the tops of the two bumps", "where the two densities are equal", "where p_g is largest"],
)

# %%
lesson.exercise("gan/03/optimal_discriminator")

# %% [markdown]
# With $A = p_r(x)$ and $B = p_g(x)$ the answer of section 1 is $D^*(x) = p_r(x)/(p_r(x) + p_g(x))$.

# %%
lesson.show_source(optimal_discriminator)
p_r = GaussianMixture([[-2.0], [1.5]], std=[0.5, 0.8], weights=[0.4, 0.6])
p_g = GaussianMixture([[0.0]], std=1.5)
grid = np.linspace(-9, 9, 3601)
dx = 0.005
real = p_r.prob(grid[:, None])  # (3601,)
fake = p_g.prob(grid[:, None])
D_star = optimal_discriminator(real, fake)

# %%
crossings = grid[1:][np.diff(np.sign(D_star - 0.5)) != 0]
gap = np.interp(crossings, grid, real - fake)
rows = [[x, np.interp(x, grid, real), np.interp(x, grid, fake)] for x in crossings]
lesson.table(rows, ["D* = 1/2 at x", "p_r there", "p_g there"])

# %%
lesson.check("the densities are equal where D* crosses 1/2", gap, equals=0.0, atol=5e-3)
lesson.outcome(
    f"At {', '.join(f'{x:.2f}' for x in crossings)}: where a real example and a fake are equally "
    "likely.",
    answer="where the two densities are equal",
)

# %% [markdown]
# A discriminator in training knows no densities; it sees samples. Let a small network learn from
# them, with the loss of `gan/02`.

# %%
lesson.predict(
    "Where will the trained curve part from D*?",
    [
        "everywhere a little",
        "at the bumps, where D* turns",
        "far out, where hardly any example fell",
    ],
)

# %% [markdown]
# Only one network learns here, so the training is the plain one: draw a batch, take the gradient of
# the loss, take a step. Here it is once, written out by hand.


# %%
def new_discriminator():
    return Discriminator(lesson.rng("init"), dim_x=1, width=64, depth=2)


def loss_of(D, x, y):
    return discriminator_loss(D(x), D(y))


# %%
steps = lesson.steps(3000)
D = new_discriminator()
rng = lesson.rng("data two bumps against one")
optimizer = Adam(D, 5e-3)
lr = cosine(5e-3, steps)


def step(i):
    optimizer.lr = lr(i)
    x = p_r.sample(rng, 512)
    y = p_g.sample(rng, 512)
    value, grads = value_and_grad(loss_of)(D, x, y)
    optimizer.step(grads)
    return float(value)


# %%
state = {"D": D, "optimizer": optimizer, "rng": rng}
lesson.fit(step, steps, state=state, label="two bumps against one")

# %% [markdown]
# The network puts out logits; $D$ is their sigmoid. Compare it with $D^*$ on the grid, and weigh
# each place by how often an example falls there.


# %%
def logits(D, x):
    """The logits of points (N,), float64."""
    return D(x.astype(np.float32)[:, None]).astype(float)


def on_grid(D):
    """D as a probability at each point of the grid."""
    return sigmoid(D(grid.astype(np.float32)[:, None])).astype(float)


visited = (real + fake) / 2  # where examples fall


def distance(a, b):
    return np.sum(np.abs(a - b) * visited) * dx


D_trained = on_grid(D)
off = distance(D_trained, D_star)

lesson.claim("trained D against p_r/(p_r + p_g), mean distance", off, at_most=0.03)

# %%
densities = {"$p_r$, real": real, "$p_g$, fake": fake}
both = {"$D^*$, exact": D_star, "$D$, trained on samples": D_trained}
shades = [plot.color.ink, plot.color.model]
dashed = {"$D^*$, exact": "--"}

# %%
fig, (top, bottom) = plot.figure(2, 1, size=(6.4, 2.3))
plot.line(grid, densities, top, fill=True, ylabel="density", title="two densities")
plot.line(grid, both, bottom, colors=shades, styles=dashed, reference={"1/2": 0.5})
top.set(xlim=(-7, 7))
bottom.set(xlim=(-7, 7), ylim=(0, 1.05), xlabel="x", ylabel="probability of real")
lesson.figure(
    fig,
    "trained_discriminator",
    "Where the blue density is above the orange one, D* is above 1/2. The trained curve lies on it"
    " where examples are common, and parts from it a little beyond about 4, where hardly any ever"
    " fell.",
)

# %%
rare = visited < 0.02  # beyond about 3.5 on either side
near = np.abs(D_trained - D_star)[~rare].max()
far = np.abs(D_trained - D_star)[rare].max()
far_out = "far out, where hardly any example fell"
lesson.outcome(
    f"Mean distance, weighed by the examples: {off:.3f}. The largest where they are common: "
    f"{near:.3f}; where they are rare: {far:.3f}.",
    answer=far_out if far > near else "at the bumps, where D* turns",
)

# %% [markdown]
# No other $D$ earns more; the trained one comes close from below. What $D^*$ earns is a number that
# you can compute from the two densities:


# %%
def earned(D):
    D = np.clip(D, 1e-12, 1 - 1e-12)
    return np.sum(real * np.log(D) + fake * np.log(1 - D)) * dx


answers = {
    "always 1/2": np.full_like(grid, 0.5),
    "sure: 0.99 or 0.01": np.where(real > fake, 0.99, 0.01),
    "trained": D_trained,
    "D*": D_star,
}

# %%
lesson.exercise("gan/03/value_at_optimum")

# %%
most = earned(D_star)
rows = [[name, earned(each), most - earned(each)] for name, each in answers.items()]
lesson.table(rows, ["discriminator", "L(G, D), nats", "short of D*"])
spare = most - max(earned(each) for each in answers.values())
lesson.check("no answer earns more than D*", spare, at_least=0)
value = value_at_optimum(real, fake, dx)
lesson.check("value_at_optimum is that number", value, equals=most)

# %% [markdown]
# ## 3. A wrong turn: one mean for all
#
# Feed 3 times as many reals as fakes, throw them together, and take *one* mean of all the
# cross-entropies. It looks harmless: every label is right. (With $A = 3p_r$ and $B = p_g$ you can
# say exactly what comes of it.)

# %%
lesson.predict(
    "What would this D say of a perfect generator's examples, p_g = p_r?",
    ["1/2", "3/4", "9/10", "1"],
)

# %%
n_real, n_fake = 1536, 512
labels = np.repeat(np.float32([1, 0]), [n_real, n_fake])


def one_mean(D, x, y):
    return np.mean(bce_with_logits(D(np.concatenate([x, y])), labels))


def three_to_one(rng):
    return p_r.sample(rng, n_real), p_g.sample(rng, n_fake)


# %% [markdown]
# The training is the one above, with another loss and other batches. From here on `descend` writes
# its lines for us: it makes the function `step(i)` of a loss, a model, and a way to draw batches.


# %%
def train(label, batches, steps, loss=loss_of):
    D = new_discriminator()
    rng = lesson.rng(f"data {label}")
    step = descend(loss, D, batches, lr=cosine(5e-3, steps), rng=rng)
    lesson.fit(step, steps, state=step.state, label=label)
    return D


# %%
D_odd = on_grid(train("one mean for all", three_to_one, lesson.steps(1500), one_mean))
tilted = optimal_discriminator(3 * real, fake)
from_best = distance(D_odd, D_star)
from_tilted = distance(D_odd, tilted)
rows = [["D*", from_best], ["3 p_r / (3 p_r + p_g)", from_tilted]]
lesson.table(rows, ["this D against", "mean distance"])
lesson.claim("one mean for all: distance from D*", from_best, at_least=0.1)
lesson.claim("one mean for all: distance from the tilted curve", from_tilted, at_most=0.03)
lesson.outcome(
    "With p_g = p_r the fraction 3 p_r / (3 p_r + p_g) is 3/4 everywhere. The trained D is "
    f"{from_tilted:.3f} away from that fraction, and {from_best:.3f} from D*.",
    answer="3/4",
)

# %% [markdown]
# It learned $3p_r/(3p_r + p_g)$. That is why `discriminator_loss` takes a mean over each group and
# adds the two.

# %%
lesson.change(
    "as many reals as fakes",
    "Change `n_real, n_fake = 1536, 512` to `n_real, n_fake = 512, 512` and run again in full. "
    "Which of the two curves does the trained discriminator come close to now?",
    answer="$D^*$: its mean distance from $D^*$ is below 0.03. With as many real examples as fakes "
    "the mean of all cross-entropies is half the sum of the two groups' means, so one mean is "
    "wrong only when the groups differ in size.",
)

# %% [markdown]
# ## 4. The generator's turn
#
# Put $D^*$ back into the game. First by hand, with two outcomes in place of a line: data (3/4,
# 1/4), generator (1/4, 3/4). Then $D^* = (3/4, 1/4)$, and $L(G, D^*) = \frac34\log\frac34 +
# \frac14\log\frac14$, twice over: $-1.125$.
#
# The denominator $p_r + p_g$ is twice the mixture that JS compares with. Each factor 2 gives a
# $\log 2$, so (Eq. gan.09, and turned round Eq. gan.08)
#
# $$
# L(G, D^*) = 2\,D_\mathrm{JS}(p_r \| p_g) - 2\log 2, \qquad
# D_\mathrm{JS} = \tfrac12(\log 4 + L(G, D^*)).
# $$

# %%
lesson.show_source(value_at_optimum)
coin = np.array([0.75, 0.25])
other = np.array([0.25, 0.75])
value = value_at_optimum(coin, other, 1)
lesson.check("two outcomes by hand", value, equals=1.5 * np.log(3) - 4 * np.log(2))
lesson.check("(log 4 + L)/2 is JS", (np.log(4) + value) / 2, equals=js_divergence(coin, other))

# %% [markdown]
# Now the line again: data $\mathcal N(0, 1)$, generator $\mathcal N(s, 1)$, and the shift $s$ goes
# from 0 to 8. Draw the value against $s$: where is it least, how low?

# %%
lesson.predict(
    "How steep is the curve at s = 8, next to its steepest?",
    ["it is steepest there", "about half as steep", "about a thousandth as steep"],
)


# %%
def normal(s):
    return GaussianMixture([[s]], std=1.0)


line = np.linspace(-8, 16, 4801)
shifts = np.linspace(0, 8, 33)
moved = [normal(s).prob(line[:, None]) for s in shifts]
exact = np.array([value_at_optimum(moved[0], p, 0.005) for p in moved])
js = np.array([js_on_grid(np.log(moved[0]), np.log(p), 0.005) for p in moved])
formula = 2 * js - 2 * np.log(2)

# %%
theorem = "Goodfellow 2014, Theorem 1"
lesson.claim(
    "L(G, D*) against 2 JS - 2 log 2, largest gap of 33 shifts",
    np.abs(exact - formula).max(),
    at_most=1e-3,
    source=theorem,
)
least = -2 * np.log(2)
lesson.claim("L(G, D*) where p_g = p_r", exact[0], equals=least, atol=1e-3, source=theorem)
same = optimal_discriminator(moved[0], moved[0])
lesson.claim("D* where p_g = p_r: lowest and highest", [same.min(), same.max()], equals=[0.5, 0.5])

# %%
slope = np.gradient(exact, shifts, edge_order=2)
lesson.outcome(
    f"The slope is {slope.max():.3f} at shift {shifts[slope.argmax()]:g} and {slope[-1]:.5f} at 8.",
    answer="about a thousandth as steep",
)

# %% [markdown]
# At $s = 0$ both kinds of example get $D^* = 1/2$, so $L = \log\frac12 + \log\frac12 = -2\log 2$
# (Eq. gan.07). The post writes $L(G, D^*)$ for this number and, two lines later, for any $G$. Read
# the first as $L(G^*, D^*)$.
#
# ## 5. A measuring instrument
#
# Eq. gan.08 can be read from right to left: train a discriminator, read its loss, and know the JS
# divergence, with samples only. (Remember who earned most in section 2.)

# %%
lesson.predict(
    "Beyond the noise of sampling, will the reading of a trained D be",
    ["too low", "exact", "too high"],
)

# %%
shown = [0, 1, 2, 3, 4, 6]


def shifted_by(s):
    def batches(rng):
        return normal(0).sample(rng, 512), normal(s).sample(rng, 512)

    return batches


trained = {s: train(f"shift {s}", shifted_by(s), lesson.steps(500)) for s in shown}

# %% [markdown]
# A discriminator is read on fresh examples, and through its *logits*: `discriminator_loss` takes
# them as they are. Where two distributions are far apart a logit grows to 20 and more, its sigmoid
# rounds to 1, and $\log(1 - D)$ of one single fake would be $-\infty$. From the logit it is a
# number. By hand: a $D$ that gives the logit 200 to a real example and to a fake has the loss 0 +
# 200.


# %%
def reading(real_logits, fake_logits):
    """JS read off a discriminator's loss, which is minus what it earns: Eq. gan.08."""
    return (np.log(4) - discriminator_loss(real_logits, fake_logits)) / 2


sure = np.array([200.0])
lesson.check("sure, and wrong once", reading(sure, sure), equals=(np.log(4) - 200) / 2)

# %%
n = lesson.size(100_000)
readings = []
for s in shown:
    rng = lesson.rng(f"fresh {s}")
    real_logits = logits(trained[s], normal(0).sample(rng, n)[:, 0])
    fake_logits = logits(trained[s], normal(s).sample(rng, n)[:, 0])
    readings.append(reading(real_logits, fake_logits))
    if s == 0:
        both = [sigmoid(real_logits).mean(), sigmoid(fake_logits).mean()]

# %%
truth = js[[4 * s for s in shown]]
lesson.table(zip(shown, truth, readings), ["shift", "JS, exact", "JS, read off the loss"])
lesson.claim("p_g = p_r: trained D on reals, on fakes", both, equals=[0.5, 0.5], atol=0.01)
worst = np.abs(readings - truth).max()
lesson.claim("JS read off a trained D, largest error", worst, at_most=0.02, unit="nats")
errors = ", ".join(f"{error:+.4f}" for error in np.array(readings) - truth)
lesson.outcome(f"No D earns more than D*. The readings less the truth: {errors}.", answer="too low")

# %%
one_curve = {"$L(G, D^*)$": exact, "2 JS - 2 log 2": formula}
shades = [plot.color.sky, plot.color.ink]
dashed = {"2 JS - 2 log 2": "--"}
read_off = {"trained D": 2 * np.array(readings) - 2 * np.log(2)}
dots = {"colors": [plot.color.model], "markers": True, "styles": {"trained D": "none"}}

# %%
ax = plot.line(shifts, one_curve, colors=shades, styles=dashed, title="the game against $D^*$")
plot.line(shown, read_off, ax, reference={"-2 log 2": least}, **dots)
ax.set(xlabel="shift s", ylabel="nats")
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
value = value_at_optimum(np.array([1.0, 0]), np.array([0, 1.0]), 1)
lesson.check("and the value of the game then", value, equals=0.0)
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
