# %% [markdown]
# # Beta-VAE: the price of a nat
#
# The section *Beta-VAE* (vae.s09) of
# [From Autoencoder to Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/), run. To take away:
#
# 1. A VAE's loss is distortion plus rate. $\beta$ is the price of the rate: raise it, and the code
#    grows terse and the pictures blurred.
# 2. A terse code tends to give each of its numbers a meaning of its own. Where the causes are
#    known, that can be measured.
# 3. $\beta$ says nothing until one has said how pixels are summed.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/09_beta_vae",
    title="Beta-VAE: the price of a nat",
    post="vae",
    sections=["vae.s09"],
    equations=["vae.15", "vae.16", "vae.17"],
    minutes=1.8,
)

import autograd.numpy as anp
import numpy as np

from minigen import plot
from minigen.data import shapes
from minigen.data.batches import batches
from minigen.optim import Adam, cosine
from minigen.vae.beta_vae import (
    beta_vae_loss,
    capacity_loss,
    disentanglement_metric,
    lagrangian,
    mutual_information,
    mutual_information_gap,
    traverse,
)
from minigen.vae.vae import VAE, reparameterize, training_step

# %% [markdown]
# ## 1. Pictures whose causes are known
# Five numbers make each picture: a shape, its scale, its rotation, and its place $x$, $y$. There
# are 6,144 combinations, and we take them all. A VAE sees the pictures only. **Question:** will the
# numbers of its code be those five?

# %%
images, factors = shapes.grid()
pictures = images.reshape(len(images), -1)  # (6144, 256)
rows = [[[2, 3, 2, 4, 4]] * 8 for _ in range(5)]
rows = np.array(rows)  # (factor, step, 5)
for k, size in enumerate(shapes.SIZES):
    rows[k, :, k] = np.arange(8) * size // 8
ax = plot.image_grid(shapes.draw(rows.reshape(-1, 5)), 5, 8, row_labels=list(shapes.FACTORS))
lesson.figure(
    ax,
    "factors",
    "One factor moves in each row. This is what a traversal of an ideal code would look like.",
)

# %% [markdown]
# ## 2. Distortion, rate, and a price
# *Distortion* $D = -\mathbb{E}_q \log p(x|z)$ is what the decoder gets wrong; *rate* $R =
# D_{\mathrm{KL}}(q(z|x) \| p(z))$ is what the code tells about the picture. Maximize the
# reconstruction while the rate stays below $\delta$ (Eq. vae.15): a Lagrange multiplier $\beta$
# turns the limit into a price (Eq. vae.16), and for a fixed price that is (Eq. vae.17)
#
# $$L_\beta = D + \beta R .$$
#
# By hand: three codes to choose from, with $(D, R) = (20, 14)$, $(40, 5)$ and $(90, 0)$. At $\beta
# = 1$ they cost 34, 45 and
# 90. **Which one is cheapest at $\beta = 4$, and which at $\beta = 16$?**

# %%
lesson.show_source(beta_vae_loss, lagrangian, capacity_loss)
D = np.array([20.0, 40.0, 90.0])
R = np.array([14.0, 5.0, 0.0])
costs = {beta: beta_vae_loss(D, R, beta) for beta in (1.0, 4.0, 16.0)}
lesson.table(
    [[f"beta = {beta:g}", *cost] for beta, cost in costs.items()],
    ["cost", "rate 14", "rate 5", "rate 0"],
)
lesson.check(
    "the cheapest of the three, as beta grows",
    [int(cost.argmin()) for cost in costs.values()],
    equals=[0, 1, 2],
)
lesson.check(
    "Eq. vae.16: the limit only shifts it",
    lagrangian(D, R, 4.0, 6.0) + costs[4.0],
    equals=[24.0] * 3,
)
within = np.where(R <= 6, D, np.inf)
lesson.check(
    "Eq. vae.15, rate at most 6: the same choice as beta = 4", int(within.argmin()), equals=1
)

# %% [markdown]
# ## 3. What does a pixel count?
# A gray value of our pictures is the mean of four finer pixels, each black or white. So we let it
# stand for *four coins*: its log-likelihood is four times that of one. Another author might count
# it once, a third take the mean over the 256 pixels. All three minimize $c D + \beta R$ with $c$ =
# 4, 1 and 1/256, which is $D + \frac{\beta}{c} R$. **The same $\beta = 4$ is what, in the books of
# the third author, counted in ours?**

# %%
COINS = 4
lesson.check(
    "4 coins and beta 4, one coin and beta 1: the same but for a factor",
    beta_vae_loss(COINS * D, R, 4.0) / 4,
    equals=beta_vae_loss(D, R, 1.0),
)
print(f"  mean over pixels, beta = 4: the price in our units is {4 * COINS * 256:,}")
clipped = np.clip(pictures.astype(np.float64), 1e-12, 1 - 1e-12)
floor = (
    -COINS * (clipped * np.log(clipped) + (1 - clipped) * np.log(1 - clipped)).sum(axis=1).mean()
)  # of a perfect decoder
print(
    f"  gray pixels keep {floor:.1f} nats even if they are predicted perfectly; below, D is counted"
    " from there"
)

# %% [markdown]
# ## 4. Five prices, three beginnings each
# Networks of two hidden layers, 8 code numbers, and the same training for every $\beta$.
# **Predict:** what happens to the unused numbers of the code as $\beta$ grows? And which $\beta$
# would you bet on for a code with five meanings?

# %%
cfg = lesson.configure(
    batch=64, dim_z=8, widths=(128, 128), lr=3e-3, betas=(0.5, 1.0, 4.0, 8.0, 16.0), steps=5000
)


def normal(rng, *shape):
    return rng.standard_normal(shape, dtype=np.float32)


def priced(beta):
    def bound(model, x, eps):
        terms = model.elbo(x, eps)
        return terms._replace(value=-beta_vae_loss(-COINS * terms.reconstruction, terms.kl, beta))

    return bound


def learn(label, bound, steps, start, watch=lambda i: {}):
    vae = VAE(lesson.rng(f"init {start}"), 256, cfg.dim_z, cfg.widths)
    optimizer = Adam(vae, cfg.lr)
    lr = cosine(cfg.lr, steps)
    order = lesson.rng(f"order {start}")
    rng = lesson.rng(f"noise {start}")
    stream = batches(pictures, size=cfg.batch, rng=order)

    def step(i):
        optimizer.lr = lr(i)
        return training_step(
            vae, optimizer, next(stream)[0], normal(rng, cfg.batch, cfg.dim_z), bound(i)
        )

    state = {"vae": vae, "optimizer": optimizer, "stream": stream, "order": order, "rng": rng}
    return vae, lesson.fit(
        step, steps, label=label, state=state, on_step=lambda i, values: watch(i)
    )


def judge(vae, name):
    mu, logvar = vae.encode(pictures)
    z = reparameterize(
        mu, logvar, normal(lesson.rng(f"codes {name}"), *mu.shape)
    )  # draws of q(z|x)
    terms = vae.elbo(pictures, normal(lesson.rng(f"noise {name}"), *mu.shape))
    price = 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).mean(
        axis=0
    )  # nats of each number of the code
    scores = (
        disentanglement_metric(z, factors, lesson.rng(f"pairs {name}")),
        mutual_information_gap(z, factors),
    )
    return (
        COINS * -terms.reconstruction.mean() - floor,
        terms.kl.mean(),
        (price > 0.05).sum(),
        *scores,
        z,
        price,
    )


starts = range(lesson.size(3, quick=1))
steps = lesson.steps(cfg.steps, quick=15)
models = {}
found = {}
for beta in cfg.betas:
    for start in starts:
        models[beta, start], _ = learn(
            f"beta {beta:g}, start {start + 1}", lambda i: priced(beta), steps, start
        )
        found[beta, start] = judge(models[beta, start], f"{beta} {start}")
means = {beta: np.mean([found[beta, start][:5] for start in starts], axis=0) for beta in cfg.betas}
header = ["beta", "distortion D", "rate R", "numbers in use", "Higgins' score", "information gap"]
lesson.table(
    [[f"{beta:g}", *means[beta]] for beta in cfg.betas],
    header,
    f"mean over {len(starts)} beginnings",
)

# %%
rate, distortion = (np.array([means[beta][k] for beta in cfg.betas]) for k in (1, 0))
fig, (left, right) = plot.figure(1, 2, size=(4.4, 3.3))
plot.line(
    rate,
    distortion,
    left,
    markers=True,
    title="what a nat of rate buys",
    xlabel="rate R, nats",
    ylabel="distortion D, nats",
)
for beta, r, d in zip(cfg.betas, rate, distortion):
    left.annotate(f"  {beta:g}", (r, d))
units = {f"beta = {beta:g}": np.sort(found[beta, 0][6])[::-1] for beta in (0.5, 4.0, 16.0)}
plot.line(
    np.arange(1, cfg.dim_z + 1),
    units,
    right,
    markers=True,
    title="nats of each number of the code",
    xlabel="number, by size",
)
lesson.figure(
    fig,
    "rate_and_distortion",
    "Left, with beta beside each dot: cheap nats first, then each buys less. Right: with a "
    "high price most numbers of the code are given up, and those that stay stand out.",
)
lesson.claim("rate, largest step up as beta grows", np.diff(rate).max(), at_most=0.0, unit="nats")
lesson.claim(
    "distortion, smallest step up as beta grows",
    np.diff(distortion).min(),
    at_least=0.0,
    unit="nats",
)
lesson.claim("numbers in use, beta 0.5 less beta 16", means[0.5][2] - means[16.0][2], at_least=2)

# %% [markdown]
# ## 5. Two scores
# *Higgins' score.* Take pairs of pictures that share one factor, say the scale. In a good code the
# number for the scale hardly differs within a pair. Average $|z_1 - z_2|$ over 64 pairs, and let a
# linear classifier say which factor was shared.
#
# *Mutual information gap* (Chen et al.). For each factor: how much does the best-informed number
# know of it (as a share of all there is to know), minus how much the second-best knows.
#
# Two factors of 8 values each, three codes: the factors themselves; the factors turned by 45°,
# $(v_1 + v_2, v_1 - v_2)/\sqrt2$; noise. **Predict all six scores.** Mind that the turned code has
# lost nothing.

# %%
lesson.show_source(disentanglement_metric, mutual_information_gap)
v = np.array([[a, b] for a in range(8) for b in range(8)] * 20)
turn = np.array([[1, 1], [1, -1]]) / 2**0.5
codes = {
    "the factors": v - 3.5,
    "turned by 45°": (v - 3.5) @ turn,
    "noise": lesson.rng("noise code").standard_normal(v.shape),
}
known = {
    name: [disentanglement_metric(c, v, lesson.rng(name)), mutual_information_gap(c, v)]
    for name, c in codes.items()
}
lesson.table(
    [[name, *scores] for name, scores in known.items()],
    ["code", "Higgins' score", "information gap"],
)
lesson.check("a perfect code", known["the factors"], equals=[1.0, 1.0])
lesson.check("turned: chance, and no gap", known["turned by 45°"], between=[-1e-6, 0.56])
lesson.check("noise: chance, and hardly a gap", known["noise"], between=[0.0, 0.56])

# %% [markdown]
# Turned, both numbers of the code change alike whichever factor is shared. Both scores ask for
# *axes*, not for information. For our models we score draws of $q(z|x)$, not its means: the mean of
# a number that is not used still moves by a hair.

# %%
higgins, gap = ({beta: means[beta][k] for beta in cfg.betas} for k in (3, 4))
names = [f"{beta:g}" for beta in cfg.betas]


def spread(k):
    return [np.std([found[beta, s][k] for s in starts]) for beta in cfg.betas]


fig, axes = plot.figure(1, 2, size=(4.2, 3.1))
plot.bars(
    list(higgins.values()),
    names,
    axes[0],
    errors=spread(3),
    numbers="%.2f",
    title="Higgins' score",
    xlabel="beta",
    reference={"chance": 0.2},
)
plot.bars(
    list(gap.values()),
    names,
    axes[1],
    errors=spread(4),
    numbers="%.2f",
    title="mutual information gap",
    xlabel="beta",
)
lesson.figure(
    fig,
    "scores",
    "Bars: means over the beginnings, with their spread in black. Compare 1 with 8: both scores"
    " rise. Then look at 16: the gap stays, Higgins' score falls, for it cannot see a factor that"
    " the code has given up.",
)
best = max(
    (4.0, 8.0, 16.0), key=lambda beta: min(higgins[beta] - higgins[1.0], gap[beta] - gap[1.0])
)
print(f"  best beta above 1, by the smaller of its two gains over beta = 1: {best:g}")
lesson.claim(
    "Higgins' score, best beta > 1 less beta = 1",
    higgins[best] - higgins[1.0],
    at_least=0.0,
    source="Higgins et al. 2017",
)
lesson.claim(
    "information gap, best beta > 1 less beta = 1",
    gap[best] - gap[1.0],
    at_least=0.0,
    source="Chen et al. 2018",
)

# %% [markdown]
# ## 6. Looking at the numbers
# A *traversal* starts from one picture's code and moves one number from -2 to 2. Each row should
# change one thing.

# %%
values = np.linspace(-2, 2, 9)


def show(beta, start=0):
    vae = models[beta, start]
    price = found[beta, start][6]
    order = np.argsort(-price)[:5]
    moved = traverse(
        vae, vae.encode(shapes.draw([[2, 3, 2, 4, 4]]).reshape(1, -1))[0][0], values, order
    )  # (5, 9, 256)
    labels = [f"z{d + 1}: {price[d]:.1f} nats" for d in order]
    return (
        plot.image_grid(
            moved.reshape(-1, 256),
            5,
            9,
            shape=(16, 16),
            row_labels=labels,
            title=f"beta = {beta:g}",
        ),
        order,
    )


for beta in (1.0, best):
    ax, order = show(beta)
    lesson.figure(
        ax,
        f"traversal_beta_{beta:g}",
        "The five numbers with the most nats. Ask of each row: what changes, and does "
        "anything else change with it?",
    )
share = mutual_information(found[best, 0][5], factors)[order]
ax = plot.matrix(
    share,
    numbers=".2f",
    row_labels=[f"z{d + 1}" for d in order],
    col_labels=list(shapes.FACTORS),
    limits=(0, 1),
    title=f"what each number knows, beta = {best:g}",
)
lesson.figure(
    ax,
    "information",
    "Rows: numbers of the code, columns: factors. A good code has one dark cell in each column.",
)

# %%
knows = {
    beta: mutual_information(found[beta, 0][5], factors).max(axis=0) for beta in cfg.betas
}  # (5,) each
lesson.table(
    [[f"{beta:g}", *knows[beta]] for beta in cfg.betas],
    ["beta", *shapes.FACTORS],
    "share that the best-informed number knows",
)
lesson.claim("beta 16: share of x and of y known to one number", knows[16.0][3:], at_least=0.3)
lesson.claim("beta 16: the same of the rotation", knows[16.0][2], at_most=0.1)

# %% [markdown]
# Read the last row: with few nats to spend, the code spends them on the place. A shape decoded at
# the wrong place has nearly all its pixels wrong; one that is turned a little, only a few at the
# rim.

# %%
sampler_model = models[best, 0]
lesson.sampler(
    "beta-VAE", lambda rng, n: sampler_model.sample(rng, n, noise=False).reshape(n, 16, 16, 1)
)
drawn = sampler_model.sample(lesson.rng("drawn"), 24, noise=False)
lesson.figure(
    plot.image_grid(drawn, 3, 8, shape=(16, 16)),
    "samples",
    "New pictures from codes drawn from the prior.",
)

# %% [markdown]
# ## 7. A capacity instead of a price
# $\beta$ fixes a price, and the rate follows. Burgess et al. name the rate: $D + \gamma\,|R - C|$,
# where $C$ grows from 0 during training. The code first gets one nat, to spend on what helps most,
# then the next. By hand: at $R = 5$, $C = 8$, $\gamma = 100$ a nat *more* saves 100. **What will
# the rate be at each moment? Which factors will come first?**

# %%
lesson.check(
    "one nat more, below the capacity",
    capacity_loss(0.0, 6.0, 100.0, 8.0) - capacity_loss(0.0, 5.0, 100.0, 8.0),
    equals=-100.0,
)
top = 10.0
gamma = 100.0


def capacity(i):
    return top * min(1.0, (i + 1) / (0.8 * steps))


def ramp(i):
    def bound(model, x, eps):
        terms = model.elbo(x, eps)
        recon = -COINS * anp.mean(terms.reconstruction)
        kl = anp.mean(terms.kl)  # the mean rate of the batch is pulled to C
        return terms._replace(value=-capacity_loss(recon, kl, gamma, capacity(i)))

    return bound


ramped, history = learn("capacity", ramp, steps, "capacity", lambda i: {"capacity": capacity(i)})
ax = plot.curves(
    {"rate": history["kl"], "capacity C": history["capacity"]},
    smooth=20,
    ylabel="nats",
    title="the rate on a leash",
)
lesson.figure(
    ax,
    "capacity",
    "The rate follows the capacity from nat to nat. With a price alone it would have jumped.",
)
off = np.abs(history["kl"] - history["capacity"])[steps // 10 :]
lesson.claim("mean distance of rate and capacity", off.mean(), at_most=0.5, unit="nats")
row = judge(ramped, "capacity")
lesson.table(
    [[f"{beta:g}", *means[beta]] for beta in (1.0, best)] + [[f"C to {top:g}", *row[:5]]], header
)
lesson.claim(
    "distortion at capacity 10, less that at beta 16",
    row[0] - means[16.0][0],
    at_most=0.0,
    unit="nats",
)

# %% [markdown]
# The ramp has spent its 10 nats on few numbers, those that came first, and tells them very
# precisely. It scores well; its pictures are hardly sharper than those of $\beta = 8$, which pays
# half the rate.
#
# ## 8. A wrong turn
# The mean over pixels with $\beta = 1$, which looks harmless. In our units it is $\beta = 1024$.

# %%
careless, _ = learn(
    "mean over pixels", lambda i: priced(COINS * 256.0), lesson.steps(1500, quick=5), 0
)
rate_left = judge(careless, "careless")[1]
lesson.claim("mean over pixels: rate", rate_left, at_most=0.05, unit="nats")

# %% [markdown]
# Nothing is left of the code: every picture is decoded to the same gray blot.
#
# ## 9. Where the post is loose
# - A mean or a sum over pixels rescales $\beta$ (section 3). A $\beta$ from one paper cannot be
#   carried to another.
# - The post only mentions Burgess et al. Their loss has an absolute value, $\gamma|R - C|$, and it
#   is $C$ that is raised while $\gamma$ stays (section 7).
# - In Eq. vae.15 the rate is to be *less* than $\delta$; the argument with a multiplier needs "at
#   most". The multiplier is part of the solution, and fixing $\beta$ by hand answers the question
#   for *some* $\delta$, which one sees afterwards.
# - A high $\beta$ does not make codes disentangled by a theorem. Over beginnings the scores spread
#   (section 5), and no score that needs the factors can be used where they are not known (Locatello
#   et al. 2019).
#
# **Left out:** penalties on the total correlation alone (Chen et al. 2018, Kim and Mnih 2018),
# which spare the rest of the rate. **Next:** a code of whole numbers, with no KL to pay at all:
# VQ-VAE (`vae/10`).
#
# **Your turn:** `minigen exercise start vae/09`, then `minigen run vae/09 --with
# exercises/vae_09.py`.

# %%
lesson.finish()
