# %% [markdown]
# # The denoising autoencoder
#
# The section *Denoising Autoencoder* (vae.s03) of
# [From Autoencoder to Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/),
# run. To take away:
#
# 1. A code as wide as the input can copy it and learn nothing. Damage the input and ask for the
#    *clean* one: copying fails.
# 2. What the best repair of a damaged example is, exactly.
# 3. What the way from what is seen to its repair has to do with the *score*, the slope of
#    $\log p$.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/03_denoising_autoencoder",
    title="The denoising autoencoder",
    post="vae",
    sections=["vae.s03"],
    figures=["vae.f02"],
    equations=["vae.02"],
    minutes=0.5,
    sources=["weng2018vae", "vincent2008denoising", "vincent2010stacked", "alain2014regularized"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist, toy
from minigen.optim import cosine
from minigen.train import descend
from minigen.vae.autoencoder import Autoencoder, corrupt, denoising_loss, reconstruction_loss

# %% [markdown]
# ## 1. Who needs a bottleneck?
# In `vae/02` the code was narrow, so the machine had to choose what to keep. With 784 numbers for
# 784 pixels it could pass them on as they are, at no loss, and know nothing of digits. Vincent et
# al. (2008) made the task harder instead of the code narrower: spoil the input at random,
# $\tilde{\mathbf{x}} \sim \mathcal{M}(\tilde{\mathbf{x}} | \mathbf{x})$, and compare the output
# with what it was before (Eq. vae.02):
#
# $$L = \frac1n \sum_{i=1}^n \big\| \mathbf{x}^{(i)} - f(g(\tilde{\mathbf{x}}^{(i)})) \big\|^2 .$$
#
# What is the best answer? Let there be two examples only, the numbers $-1$ and $1$. Noise adds $-1$
# or $1$, each as often. So $-2$, $0$, $0$, $2$ are seen.

# %%
lesson.predict(
    "Which answers to -2, 0, 2 cost least, and at what loss?",
    ["-1, 0, 1, at loss 0", "-1, 0, 1, at loss ½", "-1, 1, 1, at loss ½", "-2, 0, 2, at loss 1"],
)

# %%
lesson.exercise("vae/03/denoising_loss")

# %%
clean = np.array([[-1.0], [-1.0], [1.0], [1.0]])
seen = clean + np.array([[-1.0], [1.0], [-1.0], [1.0]])
answers = {s: clean[seen == s].mean() for s in np.unique(seen)}  # squares are least at the mean
lesson.table(answers.items(), ["seen", "best answer"])


# %%
def repair(seen):
    return np.array([[answers[s]] for s in seen[:, 0]])


def copy(seen):
    return seen


losses = denoising_loss(repair, clean, seen), denoising_loss(copy, clean, seen)
print(f"  loss of these answers {losses[0]:g}, of copying what is seen {losses[1]:g}")

# %%
lesson.outcome(
    "What is seen as 0 may have been either: the best answer is their average, and no machine gets"
    " below ½.",
    answer="-1, 0, 1, at loss ½",
)
lesson.check("best answers to -2, 0, 2", list(answers.values()), equals=[-1.0, 0.0, 1.0])
lesson.check("their loss", losses[0], equals=0.5)
lesson.check("the loss of copying what is seen", losses[1], equals=1.0)

# %%
lesson.change(
    "noise of one half",
    "Change the noise to `np.array([[-0.5], [0.5], [-0.5], [0.5]])` and run again. Why is the "
    "loss of the best answers 0 now?",
    answer="The loss is 0 because -1.5 and -0.5 can only come from -1, and 0.5 and 1.5 only from "
    "1: what is seen determines the clean example. The check of the best answers was made for "
    "three numbers and no longer holds.",
)

# %% [markdown]
# Note where the answers *point*: from $\pm2$ back toward the data, and at 0, half-way
# between them, nowhere. We shall come back to this.
#
# ## 2. Three ways to spoil a digit
# Half of the pixels erased (*masking*), noise added, or some pixels turned black or white (*salt
# and pepper*).

# %%
lesson.exercise("vae/03/corrupt")

# %%
lesson.show_source(corrupt, denoising_loss)
data = mnist.load()
n_test = lesson.size(5_000, quick=100)
test = mnist.unit(data.test_images[:n_test], flat=True)  # (N, 784), in [0, 1]
cfg = lesson.configure(
    levels={"masking": 0.5, "gaussian": 0.5, "salt_pepper": 0.3}, width=784, lr=2e-3, batch=100
)

# %%
spoiled = {}
for kind, level in cfg.levels.items():
    spoiled[kind] = corrupt(test, lesson.rng(f"spoil {kind}"), kind, level)
strips = np.concatenate([test[:10], *(x[:10] for x in spoiled.values())])
names = ["clean", *cfg.levels]
ax = plot.image_grid(strips, 4, 10, shape=(28, 28), limits=(0, 1), row_labels=names)
lesson.figure(
    ax,
    "corruptions",
    "Half of the pixels erased; noise of half the range of ink; three pixels in ten turned black or"
    " white.",
)

# %%
before = {kind: reconstruction_loss(test, x) for kind, x in spoiled.items()}
lesson.table(before.items(), ["damage", "squared error, per image"])

# %%
lesson.change(
    "nine pixels in ten",
    'Change `levels={"masking": 0.5` to `levels={"masking": 0.9` and run again. Can you still '
    "read the digits? What happens to the squared error?",
    answer="Hardly any of them: about ten pixels of ink are left of a hundred. The squared error "
    "becomes 9/5 of what it was, about 73 instead of 41 on the test digits, since each pixel is "
    "lost with probability 0.9 instead of 0.5.",
)

# %% [markdown]
# ## 3. Copy or repair
# Four autoencoders with one hidden layer of 784 units each: one sees clean digits, the others
# damaged ones, spoiled anew at every step. All must give the clean digit.
#
# Only what is drawn for a step differs between them: a batch of clean digits, and what the
# autoencoder sees in their place. Eq. vae.02 does the rest, also for the plain one, which sees the
# digits themselves.

# %%
lesson.predict(
    "Which machine is best at repairing digits with half of the pixels erased?",
    [
        "the plain one, which rebuilds clean digits best",
        "the one that was trained on erased pixels",
        "the one that was trained on noise: it saw the hardest task",
    ],
)


# %%
def damage(kind):
    def spoil(x, rng):
        return x, corrupt(x, rng, kind, cfg.levels[kind])

    return spoil


def no_damage(x, rng):
    return x, x


# %%
def learn(model, lr, steps, label, spoil):
    rng = lesson.rng(label)
    batches = mnist.batches(data.train_images, size=cfg.batch, rng=rng)

    def draw(rng):
        x = mnist.unit(next(batches)[0], flat=True)  # (batch, 784)
        return spoil(x, rng)

    step = descend(denoising_loss, model, draw, lr=cosine(lr, steps), rng=rng)
    lesson.fit(step, steps, label=label, state={**step.state, "batches": batches})
    return model


# %%
def wide():
    return Autoencoder(
        lesson.rng("init"),
        dim_z=cfg.width,
        widths=(),
        code_activation="relu",
        out_activation="sigmoid",
    )


steps = lesson.steps(600, quick=4)
models = {"clean": learn(wide(), cfg.lr, steps, "plain", no_damage)}
for kind in cfg.levels:
    models[kind] = learn(wide(), cfg.lr, steps, f"denoising, {kind}", damage(kind))

# %% [markdown]
# Every machine is given every kind of input, clean digits included.

# %%
inputs = {"clean": test, **spoiled}
error = {}
for name, model in models.items():
    for kind, x in inputs.items():
        error[name, kind] = reconstruction_loss(test, model(x))
rows = [[f"trained on {name}", *(error[name, kind] for kind in inputs)] for name in models]
lesson.table(
    [["untouched", 0.0, *before.values()], *rows],
    ["squared error, per test image", *(f"{kind} in" for kind in inputs)],
)

# %%
with_erased = {name: error[name, "masking"] for name in models}
best = min(with_erased, key=with_erased.get)
choices = dict(zip(("clean", "masking", "gaussian"), lesson.predictions[-1].choices))
lesson.outcome(
    "Errors with erased pixels: "
    + ", ".join(f"trained on {name} {e:.1f}" for name, e in with_erased.items())
    + f"; left as they are {before['masking']:.1f}.",
    answer=choices.get(best),
)

# %%
for kind in cfg.levels:
    lesson.claim(
        f"{kind}: error over the plain autoencoder's",
        error[kind, kind] / error["clean", kind],
        at_most=0.85,
    )
best_of_others = min(error[kind, "clean"] for kind in cfg.levels)
lesson.claim(
    "clean digits: the plain one is best, by", best_of_others - error["clean", "clean"], at_least=1
)

# %% [markdown]
# One digit on its way through the machine that learned from erased pixels:

# %%
model = models["masking"]
clean_digit = test[3].reshape(28, 28)
seen_digit = spoiled["masking"][3].reshape(28, 28)
repaired = model(spoiled["masking"][3:4]).reshape(28, 28)
boxes = {
    "x": plot.node("clean $x$", "data", (0, 0.5), image=clean_digit),
    "m": plot.node("damage\n$M(\\tilde{x}|x)$", "random", (1, 0.5)),
    "s": plot.node("seen $\\tilde{x}$", "plain", (2, 0.5), image=seen_digit),
    "g": plot.node(model.encoder, at=(3, 0.5), name="encoder g"),
    "f": plot.node(model.decoder, at=(4, 0.5), name="decoder f"),
    "y": plot.node("repaired", "fake", (5, 0.5), image=repaired),
    "loss": plot.node("$|x - f(g(\\tilde{x}))|^2$", "loss", (6, 0.5)),
}

# %%
target = plot.edge("x", "loss", "the target stays clean", dashed=True, route="over")
ax = plot.schematic(
    boxes,
    ["x -> m -> s -> g -> f -> y -> loss", target],
    title="the trained denoising autoencoder, with a test digit going through it",
)
lesson.figure(ax, "f02_denoising", "Follow the dashed line: the damage is on the way in only.")

# %%
strips = [test[:10]]
names = ["clean"]
for kind, x in spoiled.items():
    strips += [x[:10], models["clean"](x[:10]), models[kind](x[:10])]
    names += [kind, f"{kind}: plain", f"{kind}: denoising"]
pictures = np.concatenate(strips)

# %%
ax = plot.image_grid(pictures, 10, 10, shape=(28, 28), limits=(0, 1), row_labels=names)
lesson.figure(
    ax,
    "repaired",
    "In each group of three the plain autoencoder passes much of the damage on. The denoising one"
    " closes the strokes and wipes the ground.",
)

# %% [markdown]
# Each is best at the damage it knows. To fill in an erased pixel one has to know how strokes go on;
# to wipe off noise one has to know where strokes never go. That knowledge must be in the weights.
# Can it be seen?
#
# ## 4. What the units look for
# A smaller pair with 144 sigmoid units, whose decoder uses the encoder's weights: a unit's *filter*
# is both what it looks for and what it draws. Think of a pixel that has been erased: where could a
# unit learn of it?

# %%
lesson.predict(
    "Which filters will be larger in scale, smoother from pixel to pixel?",
    ["those trained on clean digits", "those trained on damaged ones", "no difference within 5 %"],
)


# %%
def small():
    return Autoencoder(
        lesson.rng("small"),
        dim_z=144,
        widths=(),
        code_activation="sigmoid",
        out_activation="sigmoid",
        tied=True,
    )


steps = lesson.steps(1500, quick=4)
pair = {
    "clean": learn(small(), 3e-3, steps, "filters, clean", no_damage),
    "half erased": learn(small(), 3e-3, steps, "filters, masking", damage("masking")),
}

# %% [markdown]
# Scale is a matter of degree, so it should be a number: the squared steps from pixel to pixel, over
# the squared weights. A filter of wide, smooth areas has a low *roughness*, one of single spots a
# high one.


# %%
def filters(model):
    w = model.encoder.w.T.reshape(-1, 28, 28)
    return w - w.mean(axis=(1, 2), keepdims=True)


def roughness(w):
    steps_down = (np.diff(w, axis=1) ** 2).sum()
    steps_right = (np.diff(w, axis=2) ** 2).sum()
    return float(steps_down + steps_right) / float((w**2).sum())


rough = {name: roughness(filters(model)) for name, model in pair.items()}

# %%
for_clean, for_damaged, no_difference = lesson.predictions[-1].choices
smoother = rough["half erased"] / rough["clean"]
answer = for_damaged if smoother < 0.95 else no_difference
lesson.outcome(
    f"Roughness {rough['clean']:.2f} for clean, {rough['half erased']:.2f} for damaged digits.",
    answer=for_clean if smoother > 1.05 else answer,
)

# %%
fig, axes = plot.figure(1, 2, size=(4.6, 4.7))
for ax, (name, model) in zip(axes, pair.items()):
    plot.image_grid(filters(model)[:64], 8, 8, ax, limits="signed", title=f"trained on {name}")
lesson.figure(
    fig,
    "filters",
    "Left: crumpled, many small spots of both colors. Right: on the whole smoother, and here and"
    " there a single stroke or arc. The difference is one of degree: the table gives it a number.",
)

# %%
lesson.table(
    rough.items(),
    ["filters trained on", "roughness: squared steps between neighbors, over squared weights"],
)
lesson.claim(
    "roughness of filters: half erased over clean",
    rough["half erased"] / rough["clean"],
    at_most=0.95,
)

# %% [markdown]
# It can learn of it from the neighbors. A unit that looks at a single spot is blind when the spot
# is erased; one that looks along a stroke is not.
#
# ## 5. Where does the repair point?
# Back to the line of section 1, in the plane. For Gaussian noise of width $\sigma$ the best repair
# $r$ is known exactly: with $p_\sigma$ for the density of what is seen,
#
# $$r(\tilde{\mathbf{x}}) - \tilde{\mathbf{x}}
# = \sigma^2\, \nabla \log p_\sigma(\tilde{\mathbf{x}}),$$
#
# and when $\sigma$ is small $p_\sigma$ is nearly $p$ itself (Alain and Bengio 2014). The gradient
# of a log-density is called its *score*. In one dimension and for $x \sim \mathcal{N}(0, s^2)$ you
# can do it by hand: $r$ shrinks by $s^2/(s^2 + \sigma^2)$.

# %%
s = 2.0
sigma = 1.0
at = np.array([-3.0, 0.5, 2.0])
shrunk = s**2 / (s**2 + sigma**2) * at  # the mean of x given what is seen
score = -at / (s**2 + sigma**2)  # of N(0, s² + σ²)
lesson.check("residual at -3, 0.5, 2", shrunk - at, equals=[0.6, -0.1, -0.4])
lesson.check("σ² times the score of N(0, s² + σ²)", sigma**2 * score, equals=shrunk - at)

# %%
lesson.change(
    "noise as wide as the data",
    "Change `sigma = 1.0` to `sigma = 2.0` and run again. How far is a point repaired, and does "
    "the identity still hold?",
    answer="Halfway to the mean: the residuals are 1.5, -0.25 and -1. The identity holds, since "
    "it is exact for every $\\sigma$. But the score in it is that of what is seen, data plus "
    "noise, which is half as steep here as the score of the data. The check of the residual was "
    "made for $\\sigma = 1$.",
)

# %% [markdown]
# Now five bells on a ring, of which the autoencoder only sees points with noise of $\sigma = 0.3$.
# Will its arrows agree with the true score, which no one computed for it? Agreement is measured as
# the mean cosine of the angle between the residual and the score: 1 if they point the same way
# everywhere, 0 if they have nothing to do with each other.

# %%
lesson.predict(
    "How large is the mean cosine of the residual with the score of the data?",
    ["above 0.9", "about 0.5", "about 0: it never saw a density"],
)

# %%
sigma = 0.3
ring = toy.ring(5, 2.0, 0.5)
point = Autoencoder(
    lesson.rng("points"),
    dim_x=2,
    dim_z=128,
    widths=(128,),
    activation="silu",
    code_activation="silu",
)
point.encoder.layers[0].w *= 3


# %%
def points_and_noise(rng):
    x = ring.sample(rng, 512)
    return x, corrupt(x, rng, "gaussian", sigma)


steps = lesson.steps(2500, quick=10)
rng = lesson.rng("points, noise")
step = descend(denoising_loss, point, points_and_noise, lr=cosine(3e-3, steps), rng=rng)
lesson.fit(step, steps, label="points in the plane", state=step.state)

# %% [markdown]
# There are two scores: that of the data, and that of what is seen, data plus noise. (Bells with
# noise are wider bells.)


# %%
def residual(x):
    return point(np.float32(x)) - x


def agreement(x, score):
    a = residual(x)
    b = score(x)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(np.mean(np.sum(a * b, axis=1) / lengths))


# %%
x = ring.sample(lesson.rng("judge"), lesson.size(5000))
blurred = toy.ring(5, 2.0, float(np.hypot(0.5, sigma)))
lesson.table(
    [
        ["score of the data", agreement(x, ring.score)],
        ["score of what is seen", agreement(x, blurred.score)],
    ],
    ["mean cosine of the residual with the", "at 5,000 points of the data"],
)

# %%
cosine_with_score = agreement(x, ring.score)
answer = "above 0.9" if cosine_with_score > 0.9 else "about 0.5"
lesson.outcome(
    f"{cosine_with_score:.3f}, and {agreement(x, blurred.score):.3f} with that of what is seen.",
    answer=answer if cosine_with_score > 0.25 else "about 0: it never saw a density",
)

# %%
lesson.claim(
    "cosine of the residual with the score of the data",
    cosine_with_score,
    at_least=0.9,
    source="Alain and Bengio 2014, Theorem 1",
)
truth = blurred.score(x)
slope = float(np.sum(residual(x) * truth) / np.sum(truth**2))
lesson.claim(
    "residual over the score of what is seen, over σ²", slope / sigma**2, between=(0.9, 1.1)
)

# %% [markdown]
# What if a point is repaired, and the repaired point again, thirty times over?

# %%
start = lesson.rng("walk").uniform(-3.5, 3.5, (40, 2)).astype(np.float32)
path = [start]
for _ in range(30):
    path.append(point(path[-1]))

# %%
fig, axes = plot.figure(1, 3, size=(3.5, 3.6))
box = (-3.6, 3.6, -3.6, 3.6)
arrows = dict(density=ring, lengths="sqrt", n=18)
plot.field(residual, box, axes[0], title="r(x) - x, learned", **arrows)
plot.field(ring.score, box, axes[1], title="the true score", **arrows)
plot.trajectories(np.stack(path), axes[2], density=ring, bounds=box, title="repaired 30 times over")
lesson.figure(
    fig,
    "score",
    "Left and middle: the arrows agree, and vanish at the bells and half-way between two. Right:"
    " whatever is repaired again and again climbs to a bell.",
)

# %% [markdown]
# The best repair is an average, of all clean examples that could have become what is seen, by how
# likely that is; so the way to it points to where data are dense.
#
# The autoencoder never saw a density, and still it knows which way is up. Diffusion models
# (`diffusion/04`) are built on this: denoisers at many noise levels, followed uphill with some
# noise added.
#
# ## 6. A wrong turn
# One line can ruin it: handing the *damaged* digit to the loss as well.

# %%
lesson.predict(
    "How near will its output be to the clean digit, beside the right one's?",
    [
        "as near: it has seen the same inputs",
        "a little further, by 10 to 50 %",
        "more than 1.5 times the squared distance",
    ],
)


# %%
def both_damaged(x, rng):
    x = corrupt(x, rng, "masking", cfg.levels["masking"])
    return x, x


turn = learn(wide(), cfg.lr, lesson.steps(400, quick=4), "target damaged too", both_damaged)

# %%
seen = spoiled["masking"]
right = models["masking"](seen)
wrong = turn(seen)
rows = [
    ["target clean", reconstruction_loss(test, right), reconstruction_loss(seen, right)],
    ["target damaged", reconstruction_loss(test, wrong), reconstruction_loss(seen, wrong)],
]
lesson.table(
    rows, ["half of the pixels erased", "distance to the clean digit", "to the damaged one"]
)

# %%
further = rows[1][1] / rows[0][1]
as_near, a_little, much = lesson.predictions[-1].choices
lesson.outcome(
    f"{further:.2f} times the squared distance.",
    answer=much if further > 1.5 else a_little if further > 1.1 else as_near,
)
lesson.claim(
    "target damaged: its distance to the clean digit, over the right one's",
    further,
    at_least=1.5,
)

# %% [markdown]
# It learns to keep the damage, and its own loss looks good. The same happens by accident when
# `corrupt` writes into its argument.
#
# ## 7. Where the post is loose
# - It speaks of overfitting, of more parameters than data points. The wide autoencoder above has 20
#   times fewer examples than parameters and does not overfit; it *copies*. Damage is against
#   copying.
# - It says that a fixed share of the pixels is erased. Here every pixel has a coin of its own, so
#   that the share varies a little:

# %%
erased = corrupt(np.ones((1000, 784)), lesson.rng("share"), "masking", 0.5) == 0
shares = erased.mean(axis=1)
lesson.check(
    "share erased: mean and standard deviation",
    [shares.mean(), shares.std()],
    equals=[0.5, 0.5 / 28],
    atol=0.004,
)

# %% [markdown]
# - It likens the method to dropout. Dropout erases *hidden* units too, scales up the rest, and has
#   no clean target to aim at.
# - Eq. vae.02 is, as Eq. vae.01, a sum over pixels.
#
# **Left out:** stacking (each layer trained to denoise the one below, Vincent et al. 2010), and how
# much noise is best. **Next:** another way to stop a wide code from copying: let only few of its
# units speak (`vae/04`).
#
# **Your turn:** `minigen exercise start vae/03`, then `minigen run vae/03 --with
# exercises/vae_03.py`.

# %%
lesson.finish()
