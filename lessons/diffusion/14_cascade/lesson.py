# %% [markdown]
# # A cascade: small pictures first
#
# The part on cascades of the section *Scale up Generation Resolution and Quality* (diffusion.s16)
# of [What are Diffusion Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/),
# run on digits: 7×7, then 14×14, then 28×28. To take away:
#
# 1. A large picture can be made in stages: one model draws a small picture, the next ones enlarge
#    it. Each stage is a diffusion model that is told the picture before it.
# 2. A model that enlarges is trained on true small pictures, and used on those of another model.
#    What that costs is measured.
# 3. In training the small pictures may be spoiled a little, on purpose. It is called *conditioning
#    augmentation*.
#
# Needed: DDPM on digits (`diffusion/04`).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/14_cascade",
    title="A cascade: small pictures first",
    post="diffusion",
    sections=["diffusion.s16"],
    figures=["diffusion.f15"],
    equations=[],
    pretrained=["digit_classifier", "digit_diffusion"],
    minutes=10.0,
    sources=["weng2021diffusion", "ho2021cascaded"],
)

# %%
import time

import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.diffusion.cascade import Padded, SuperResolution, augmented_condition, gaussian_blur
from minigen.diffusion.cascade import low_resolution_condition, super_resolve
from minigen.diffusion.ddpm import eps_model_from_v, v_loss
from minigen.diffusion.guidance import conditional
from minigen.diffusion.networks.unet import UNet
from minigen.diffusion.samplers import Trajectory, clipped, strided
from minigen.diffusion.schedule import Schedule
from minigen.metrics.digits import judge_digits
from minigen.optim import cosine
from minigen.tensor import avg_pool2d, batched, sigmoid
from minigen.train import descend

# %% [markdown]
# ## 1. Three models (figure f15)
#
# A U-Net on 28×28 pixels spends most of its work on where the ink exactly ends. What digit it is,
# is decided much earlier, and can be seen on 7×7. Here are true digits at three sizes; each pixel
# of a smaller one is the mean of four.

# %%
train_set = mnist.splits().train
shown = mnist.symmetric(train_set.images[:10])  # (10, 28, 28, 1) in [-1, 1]
rows = [np.kron(avg_pool2d(shown, k), np.ones((1, k, k, 1))) for k in (4, 2)] + [shown]
grid = plot.image_grid(
    np.concatenate(rows), cols=10, limits=(-1, 1), row_labels=["7×7", "14×14", "28×28"]
)
lesson.figure(grid, "sizes", "Which digits could you still name at 7×7?")

# %% [markdown]
# The post's figure has three models, for 32, 64 and 256 pixels. Ours has the same form.

# %%
boxes = {
    "noise": plot.node("noise\n7×7", "noise", (0, 0)),
    "base": plot.node("base model\n7×7", "model", (1, 0)),
    "mid": plot.node("super-resolution\n7×7 → 14×14", "model", (2, 0)),
    "last": plot.node("super-resolution\n14×14 → 28×28", "model", (3, 0)),
    "x": plot.node("digit\n28×28", "data", (4, 0)),
    "noise2": plot.node("noise\n14×14", "noise", (2, 1)),
    "noise3": plot.node("noise\n28×28", "noise", (3, 1)),
}
arrows = ["noise -> base", "base -> mid", "mid -> last", "last -> x"]
arrows += ["noise2 -> mid", "noise3 -> last"]

# %%
lesson.figure(
    plot.schematic(boxes, arrows),
    "f15_cascade",
    "Each model starts from noise of its own size; the second and the third are also shown the"
    " picture before them, enlarged.",
)

# %% [markdown]
# ## 2. One pixel, by hand
#
# Let a small picture be one pixel $a$, ink ($+1$) or paper ($-1$), as often the one as the other.
# To enlarge it is easy: all of it ink, or all paper. But the base model, not perfect, hands over $a
# = 0.6$. No true picture looks so.
#
# Without augmentation the enlarging model knows $+1$ and $-1$ only. For 0.6 nobody has told it what
# to do; a network will interpolate, something like 0.6, and the next model gets that.
#
# With augmentation the model has been shown $\tilde a = a + \sigma z$, and told $\sigma$. For it a
# value near 0.6 is nothing new: ink or paper, with noise. By Bayes' rule it is ink with probability
#
# $$P(a = 1 \mid \tilde a) = \frac{e^{-(\tilde a - 1)^2/2\sigma^2}}{e^{-(\tilde a - 1)^2/2\sigma^2}
# + e^{-(\tilde a + 1)^2/2\sigma^2}} = \frac{1}{1 + e^{-2 \tilde a/\sigma^2}},$$
#
# and an exact model draws ink that often. Take $\sigma = 0.5$, and add such noise to the 0.6.

# %%
lesson.predict(
    "What does the exact model, trained with augmentation, then answer?",
    ["ink, more than 8 times in 10", "ink, 6 times in 10", "a gray of 0.6"],
)

# %%
rng = lesson.rng("pixel")
z = rng.standard_normal(100_000)


def ink(a, sigma):
    """How often the exact model answers ink when it is handed a, and the noise sigma is added."""
    return np.mean(sigmoid(2 * (a + sigma * z) / sigma**2))


sigma = 0.5
lesson.check("P(ink) where the noisy pixel is 0.6", sigmoid(2 * 0.6 / sigma**2), equals=0.991837)

# %%
lesson.outcome(
    f"Ink, in {ink(0.6, sigma):.0%} of the cases: the wrong gray is gone, and most often for the"
    " better.",
    answer="ink, more than 8 times in 10",
)

# %% [markdown]
# Why not a tiny $\sigma$, then? For the exact model that would be best: any value above 0 would be
# ink. But a network knows what it was shown, and with little noise no pixel near 0.6 is ever shown.
# And why not a large one? Hand over a *true* ink pixel, and add the noise: now and then it is taken
# for paper, and the small picture is forgotten.

# %%
levels = np.linspace(0.05, 2.0, 40)
kept = {
    "0.6 handed over": [ink(0.6, level) for level in levels],
    "1 handed over (true ink)": [ink(1.0, level) for level in levels],
}
pixels = rng.choice([-1.0, 1.0], len(z))  # true ones, as in training
near = [np.mean(np.abs(pixels + level * z - 0.6) < 0.1) for level in levels]

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.4, 3.2))
axis = "standard deviation of the noise"
plot.line(levels, kept, left, xlabel=axis, title="share of ink, exact model")
plot.line(levels, near, right, xlabel=axis, title="training pixels from 0.5 to 0.7")
right.set_ylabel("share")
lesson.figure(
    fig,
    "pixel",
    "Right: with little noise the model never sees a pixel like the wrong one. Left: with much"
    " noise it does not look at the pixel any more, half ink and half paper.",
)

# %%
lesson.change(
    "a pixel in the middle",
    "Let the base model hand over a pixel that is neither ink nor paper: change `ink(0.6, sigma)` "
    "in the outcome to `ink(0.0, sigma)` and run again. How often is the exact model's answer ink?",
    answer="In 50% of the cases, with any noise: 0 lies as far from ink as from paper. What the "
    "small picture does not say, augmentation cannot bring back. It only makes the answer ink or "
    "paper, never a gray.",
)

# %% [markdown]
# ## 3. What the model is told
#
# The picture is noised as in any forward process, to a step $s$. Then it is enlarged, and laid on
# the noisy large picture as a second channel. A third channel, the same number everywhere, says how
# noisy it is. In training $s$ is drawn anew for each example; in sampling you choose it.

# %%
lesson.exercise("diffusion/14/augmented_condition")

# %%
tiny = Schedule([0.1, 0.6])
pixel, noise = np.array([[[[0.5]]]]), np.array([[[[-0.25]]]])
y = augmented_condition(pixel, 2, noise, tiny)
lesson.check("a pixel of 0.5, its noise -0.25, s = 2", y[0, :, :, 0], equals=np.full((2, 2), 0.1))
lesson.check("how noisy it is", y[0, :, :, 1], equals=np.full((2, 2), 0.8))
lesson.show_source(augmented_condition, low_resolution_condition, SuperResolution)

# %% [markdown]
# The second channel holds $z_s = \sqrt{\bar\alpha_s}\, a + \sqrt{1 - \bar\alpha_s}\, \epsilon$, the
# third $\sqrt{1 - \bar\alpha_s}$.
#
# For their larger pictures Ho et al. (2021) found another way to spoil better: a Gaussian blur over
# 3×3 pixels, for half of the examples, in training only. By hand: with $\sigma = 1/\sqrt{2 \ln 3}$
# the weights are $\frac13 : 1 : \frac13$, that is 0.2, 0.6, 0.2.

# %%
lesson.exercise("diffusion/14/gaussian_blur")

# %%
dot = np.zeros((1, 3, 3, 1))
dot[0, 1, 1] = 100.0
soft = gaussian_blur(dot, (2 * np.log(3)) ** -0.5)[0, :, :, 0]
lesson.check("the middle of a blurred dot", soft[1, 1], equals=36.0)
lesson.check("its corner: 0.2 × 0.2, four times by reflection", soft[0, 0], equals=16.0)
lesson.show_source(gaussian_blur)

# %% [markdown]
# Three ways to prepare the small picture in training:

# %%
T, most = 200, 100
schedule = Schedule.cosine(T)


def plain(small, rng):
    """The small picture as it is."""
    return low_resolution_condition(small, 0, schedule)


def blurred(small, rng):
    """Blurred, every other one."""
    soft = gaussian_blur(small, rng.uniform(0.4, 0.6, len(small)))
    half = rng.random((len(small), 1, 1, 1)) < 0.5
    return low_resolution_condition(np.where(half, soft, small), 0, schedule)


def noised(small, rng):
    """Noised, each to its own step."""
    s = rng.integers(0, most + 1, len(small))
    return augmented_condition(small, s, gaussian(rng, small.shape), schedule)


def gaussian(rng, shape):
    return rng.standard_normal(shape, dtype=np.float32)


# %%
small = avg_pool2d(shown, 4)
rng = lesson.rng("shown")
rows = [np.kron(small, np.ones((1, 2, 2, 1)))]
rows.append(low_resolution_condition(gaussian_blur(small, 0.5), 0, schedule)[..., :1])
eps = gaussian(rng, small.shape)
for s in (20, 50, 100):
    rows.append(augmented_condition(small, s, eps, schedule)[..., :1])
labels = ["as it is", "blurred", "s = 20", "s = 50", "s = 100"]
grid = plot.image_grid(np.concatenate(rows), cols=10, limits=(-1, 1), row_labels=labels)
lesson.figure(grid, "spoiled", "What the 7 → 14 model is shown. Up to which s is the digit there?")

# %% [markdown]
# ## 4. Training
#
# The base model is told the label, and draws 7×7. (`Padded` lays a margin around it, since the
# U-Net wants sides that are multiples of 4.) All models predict $v$, as in `diffusion/11`. For each
# of the two enlargements we train one model plainly and one with noise; and for the second, where
# Ho et al. found it better, one with blur.

# %%
width = lesson.size(32, quick=8)
images = train_set.images[: lesson.size(50_000, quick=500)]


def told_loss(model, x0, t, eps, y):
    return v_loss(model, x0, t, eps, schedule, y)


def train(label, model, steps, pictures, batch=32):
    """A trained model; `pictures(x, labels, rng)` makes what it draws, and its condition."""
    rng, batch = lesson.rng(label), lesson.size(batch, quick=4)
    batches = mnist.batches(images, train_set.labels[: len(images)], size=batch, rng=rng)

    def draw(rng):
        x, labels = next(batches)
        x0, y = pictures(mnist.symmetric(x), labels, rng)
        return x0, rng.integers(1, T + 1, batch), gaussian(rng, x0.shape), y

    lr = cosine(2e-3, steps, warmup=min(50, steps))
    step = descend(told_loss, model, draw, lr=lr, ema=0.995, rng=rng, parallel=True)
    lesson.fit(step, steps, label=label, state={**step.state, "batches": batches})
    return step.averaged


# %%
def seven(x, labels, rng):
    return avg_pool2d(x, 4), labels.astype(int)


net = UNet(lesson.rng("base net"), width=width, global_mlp=8 * width, size=(8, 8), classes=10)
base = train("base, 7×7", Padded(net), lesson.steps(3000, quick=2), seven, batch=64)


# %%
def enlarging(side, prepare):
    """Pictures of this size, and the condition made of the same at half the size."""

    def pictures(x, labels, rng):
        large = x if side == 28 else avg_pool2d(x, 28 // side)
        return large, prepare(avg_pool2d(large, 2), rng)

    return pictures


enlarge = {}
for prepare, side in ((plain, 14), (noised, 14), (plain, 28), (noised, 28), (blurred, 28)):
    label = f"{prepare.__name__}, {side // 2} → {side}"
    channels = lesson.size(24 if side == 14 else 16, quick=8)
    model = SuperResolution(lesson.rng(f"net {label}"), width=channels)
    steps = lesson.steps(2400, quick=2)
    enlarge[prepare, side] = train(label, model, steps, enlarging(side, prepare))

# %% [markdown]
# Sampling: DDPM, in 40 jumps for the base model and 20 for each enlargement.

# %%
n = lesson.size(2000, quick=12)
labels = np.arange(n) % 10
jumps = lesson.size(40, quick=4)
process = schedule.subset(np.arange(1, jumps + 1) * (T // jumps))


def draw_base(labels, rng, on_step=None):
    """7×7 digits of these labels, (N, 7, 7, 1)."""

    eye = clipped(eps_model_from_v(conditional(base, labels), schedule), schedule)
    noise = gaussian(rng, (len(labels), 7, 7, 1))
    return strided(eye, noise, schedule, jumps, rng, "posterior", on_step)


# %%
def enlarged(y, prepare, side, rng):
    """Pictures of size `side` for the conditions y, by the model that was trained in this way."""
    model = enlarge[prepare, side]

    def some(y):
        return super_resolve(model, y, schedule, rng, lesson.size(20, quick=2))

    return batched(some, y, size=250, progress="digits")


def grow(small, ways, rng, s=0):
    """7×7 digits -> 28×28, by models trained in these two ways, noised to step s before each."""
    for prepare, side in zip(ways, (14, 28)):
        level = s if prepare is noised else 0
        y = augmented_condition(small, level, gaussian(rng, small.shape), schedule)
        small = enlarged(y, prepare, side, rng)
    return small


PLAIN, NOISE, BOTH = (plain, plain), (noised, noised), (noised, blurred)


# %%
def draw(rng, n, label=None):
    """n digits (n, 28, 28, 1) in [0, 1], and their labels."""
    labels = rng.integers(0, 10, n) if label is None else np.full(n, label)
    x = grow(draw_base(labels, rng), NOISE, rng, s=20)
    return (x.clip(-1, 1) + 1) / 2, labels


lesson.sampler("digits", draw)

# %% [markdown]
# ## 5. From true and from made
#
# Digits are judged by their Fréchet distance to the test digits, in the features of the pretrained
# classifier of `gan/08`. Take the models without augmentation, and give them *true* 7×7 digits;
# then those of the base model.

# %%
lesson.predict(
    "How many times larger is the final Fréchet distance with the base model's small digits?",
    ["about the same: up to 1.2 times", "1.2 to 2 times", "more than 2 times"],
)

# %%
classifier = lesson.pretrained("digit_classifier")
test = mnist.unit(mnist.splits().test.images[: lesson.size(10_000, quick=100)])


def judged(x, against=test):
    return judge_digits(classifier, (x.clip(-1, 1) + 1) / 2, against, labels[: len(x)])


rng = lesson.rng("first")
true_small = avg_pool2d(mnist.symmetric(mnist.splits().validation.images[:n]), 4)
made_small = draw_base(labels, rng)
from_true = grow(true_small, PLAIN, lesson.rng("enlarge"))
from_made = grow(made_small, PLAIN, lesson.rng("enlarge"))

# %%
good, bad = judged(from_true).frechet, judged(from_made)
times = bad.frechet / good
answer = "1.2 to 2 times" if times < 2 else "more than 2 times"
lesson.outcome(
    f"{good:.1f} from true small digits, {bad.frechet:.1f} from made ones: {times:.1f} times.",
    answer=answer if times > 1.2 else "about the same: up to 1.2 times",
)
lesson.claim(
    "plain models: distance from made over that from true small digits", times, at_least=1.2
)

# %% [markdown]
# ## 6. Spoiling on purpose
#
# Now the models that were trained with noise, for some $s$. (The choice of $s$ is made against
# other digits than those of the final judgement.)

# %%
lesson.predict(
    "Which s is best?",
    ["0: why add noise?", "something between", "the largest: most is repaired"],
)

# %%
levels = [0, 10, 20, 30, 40, 60, 80]
part = lesson.size(400, quick=12)
reference = mnist.unit(mnist.splits().validation.images[: lesson.size(10_000, quick=100)])
reports = []
for s in levels:
    x = grow(made_small[:part], NOISE, lesson.rng("sweep"), s)
    reports.append(judged(x, reference))
sweep = [report.frechet for report in reports]
best = levels[int(np.argmin(sweep))]

# %%
lesson.table(
    [[s, r.frechet, f"{r.accuracy:.1%}"] for s, r in zip(levels, reports)],
    ["s", "Fréchet distance", "read as the label"],
)
answer = "0: why add noise?" if best == 0 else "something between"
lesson.outcome(
    f"s = {best}, with {min(sweep):.1f}.",
    answer="the largest: most is repaired" if best == levels[-1] else answer,
)

# %%
ax = plot.line(levels, {"Fréchet distance": sweep}, markers=True, xlabel="s, in sampling")
ax.set_title("how much to spoil")
ax.set_ylim(bottom=0)
lesson.figure(ax, "sweep", f"{part:,} digits for each s, from the same small ones.")

# %% [markdown]
# The same with fresh small digits, for all ways. *Truncated* is a variant without extra noise: the
# base model's sampling is stopped at step $s$, and what it has then, noisy as it is, is enlarged.

# %%
small = draw_base(labels, lesson.rng("final"))
final = {
    "none": grow(small, PLAIN, lesson.rng("enlarge again")),
    f"noise, s = {best}": grow(small, NOISE, lesson.rng("enlarge again"), best),
    f"noise, s = {best}, then blur": grow(small, BOTH, lesson.rng("enlarge again"), best),
}

# %%
stop = int(np.argmin(np.abs(process.times - best)))  # the stop of the base model nearest to s
path = Trajectory(times=[stop])
draw_base(labels, lesson.rng("final"), on_step=path)
rng = lesson.rng("enlarge again")
y = low_resolution_condition(path.states[0], int(process.times[stop]), schedule)
middle = enlarged(y, noised, 14, rng)
y = augmented_condition(middle, best, gaussian(rng, middle.shape), schedule)
final[f"truncated at s = {best}"] = enlarged(y, noised, 28, rng)

# %%
real = mnist.symmetric(train_set.images[:n])
final["real digits"] = real

# %%
result = {name: judged(x) for name, x in final.items()}
rows = []
for name, report in result.items():
    obeyed = "" if name == "real digits" else f"{report.accuracy:.1%}"
    rows.append([name, report.frechet, report.recall, obeyed])
lesson.table(rows, ["augmentation", "Fréchet distance", "recall", "read as the label"])
lesson.claim(
    "Fréchet distance with noise over that without augmentation",
    result[f"noise, s = {best}"].frechet / result["none"].frechet,
    at_most=0.9,
)

# %%
rows = [np.kron(small[:10], np.ones((1, 4, 4, 1)))]
names = ["none", f"noise, s = {best}"]
rows += [final[name][:10] for name in names]
grid = plot.image_grid(np.concatenate(rows), cols=10, limits=(-1, 1), row_labels=["7×7", *names])
lesson.figure(grid, "digits", "From the same small digits, which you see in the first row.")

# %% [markdown]
# ## 7. And the cost?
#
# The pretrained model of `diffusion/09` draws 28×28 at once, with labels. Its training takes
# about twice as long as that of the whole cascade. Let both sample in the same steps, 40 (the
# cascade in 40, 20 and 20), and look at the clock.

# %%
whole = lesson.pretrained("digit_diffusion")
some = labels[: lesson.size(250, quick=4)]
rng_whole = lesson.rng("whole")


def draw_whole(noise, y):
    eye, steps = clipped(conditional(whole, y), whole.schedule), lesson.size(40, quick=2)
    return strided(eye, noise, whole.schedule, steps, rng_whole, "posterior")


# %%
rng = lesson.rng("clock")
start = time.perf_counter()
grow(draw_base(some, rng), NOISE, rng, best)
middle = time.perf_counter()
draw_whole(gaussian(rng, (len(some), 28, 28, 1)), some)
end = time.perf_counter()
seconds = {"cascade": middle - start, "one model": end - middle}

# %%
half = n // 2
x = batched(
    draw_whole, gaussian(rng_whole, (half, 28, 28, 1)), labels[:half], size=250, progress="digits"
)
at_once, parts = judged(x), judged(final[f"noise, s = {best}"][:half])
lesson.table([["real", judged(real[:half]).frechet, judged(true_small.repeat(4, 1).repeat(4, 2)).frechet]], ["", "real, half", "repeated"])
lesson.table([[k, judged(v[:half]).frechet, judged(v[half:]).frechet] for k, v in final.items()], ["", "first half", "second half"])
for k, v in result.items():
    lesson.claim(f"absolute {k}", v.frechet, at_most=1000.0)
    lesson.claim(f"accuracy {k}", v.accuracy, at_least=0.0)
per_thousand = {name: 1000 * t / len(some) for name, t in seconds.items()}
lesson.table(
    [
        ["cascade", parts.frechet, f"{per_thousand['cascade']:.0f} s"],
        ["one model", at_once.frechet, f"{per_thousand['one model']:.0f} s"],
    ],
    ["", "Fréchet distance", "1,000 digits"],
)

# %% [markdown]
# ## 8. Where the post is loose
# - Noise as augmentation is for the sampling, too: the model is told $s$, and a small picture that
#   is noised. Only the blur is left out in sampling.
# - "Compounding error" is not an error of any one model: each does well on what it was trained on.
#
# **Left out:** labels for the enlarging models, which Ho et al. gave to each stage on the way from
# 32 to 256 pixels. **Next:** `diffusion/15` has another chain of two models, from a caption to an
# embedding to a picture.
#
# **Your turn:** `minigen exercise start diffusion/14`, then `minigen run diffusion/14 --with
# exercises/diffusion_14.py`.

# %%
lesson.finish()
