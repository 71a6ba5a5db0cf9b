# %% [markdown]
# # All four families on one page
#
# The section *Quick Summary* (diffusion.s18) of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/), and of all four posts:
# a GAN, a variational autoencoder, a flow and a diffusion model, trained side by side in this one
# run, on the same data, for about the same time. To take away:
#
# 1. What each can do is built into it: sample in one step, say how probable something is, find the
#    code of an example.
# 2. No family wins everywhere: it depends on the data and on the time one has.
# 3. Compare at equal cost, or say which cost is not equal.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/20_quick_summary",
    title="All four families on one page",
    post="diffusion",
    sections=["diffusion.s18"],
    figures=["diffusion.f01"],
    pretrained=["digit_classifier", "digit_diffusion"],
    minutes=7,
    sources=[
        "weng2021diffusion",
        "goodfellow2014gan",
        "kingma2014vae",
        "dinh2017realnvp",
        "ho2020ddpm",
    ],
)

# %%
import time

import autograd.numpy as np

from minigen import plot
from minigen.data import mnist, toy
from minigen.diffusion.ddpm import eps_model_from_v, simple_loss, v_loss
from minigen.diffusion.guidance import conditional
from minigen.diffusion.likelihood import vlb_terms
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.diffusion.networks.unet import UNet
from minigen.diffusion.samplers import ancestral, clipped, ddim
from minigen.diffusion.schedule import Schedule

# %%
from minigen.flow.multiscale import ImageRealNVP
from minigen.flow.realnvp import RealNVP
from minigen.gan.networks import ConvDiscriminator, ConvGenerator, Discriminator, Generator
from minigen.gan.train import goodfellow_step, wgan_gp_step
from minigen.metrics import sampling_floor, sliced_wasserstein
from minigen.metrics.digits import judge_digits
from minigen.optim import EMA, Adam, cosine
from minigen.tensor import batched
from minigen.train import descend
from minigen.vae.likelihoods import Gaussian
from minigen.vae.vae import VAE, importance_log_likelihood, vae_loss

# %% [markdown]
# ## 1. Four machines (figure f01)

# %%
gan = {
    "gz": plot.node("$z$", "noise", (0, 0)),
    "G": plot.node("generator", "model", (1, 0)),
    "gf": plot.node("$x'$", "fake", (2, 0)),
    "gx": plot.node("$x$", "data", (2, 0.7)),
    "D": plot.node("discriminator", "model", (3, 0.35)),
    "says": plot.node("real or fake?", "loss", (4, 0.35)),
}
vae_row = {
    "vx": plot.node("$x$", "data", (0, 1.6)),
    "E": plot.node("encoder", "model", (1, 1.6)),
    "vz": plot.node("$z$", "latent", (2, 1.6)),
    "De": plot.node("decoder", "model", (3, 1.6)),
    "vf": plot.node("$x'$", "fake", (4, 1.6)),
}

# %%
flow_row = {
    "fx": plot.node("$x$", "data", (0, 2.6)),
    "F": plot.node("flow", "model", (1, 2.6)),
    "fz": plot.node("$z$", "latent", (2, 2.6)),
    "B": plot.node("the same, inverted", "model", (3, 2.6)),
    "ff": plot.node("$x' = x$", "fake", (4, 2.6)),
}
diffusion_row = {
    "x0": plot.node("$x_0$", "data", (0, 3.6)),
    "x1": plot.node("$x_1$", at=(1, 3.6)),
    "x2": plot.node("$x_2$", at=(2, 3.6)),
    "dots": plot.node("...", "text", (3, 3.6)),
    "xT": plot.node("$x_T$", "noise", (4, 3.6)),
}

# %%
ways = ["gz -> G -> gf -> D -> says", "gx -> D", "vx -> E -> vz -> De -> vf"]
ways += ["fx -> F -> fz -> B -> ff", "x0 -> x1 -> x2 -> dots -> xT"]
ways += ["xT --> dots", "dots --> x2", "x2 --> x1", "x1 --> x0"]
lesson.figure(
    plot.schematic(gan | vae_row | flow_row | diffusion_row, ways),
    "f01_four_machines",
    "From above: GAN, VAE, flow, diffusion. Look for the way from x to a code: the GAN has none,"
    " the VAE's is a guess, the flow's exact, and diffusion's is noise itself, of the size of x.",
)

# %%
lesson.predict(
    "All are trained for about as long. Whose points in the plane come nearest to the truth?",
    ["the GAN's", "the VAE's", "the flow's", "the diffusion model's"],
)

# %% [markdown]
# ## 2. In the plane
#
# Two moons, whose density is known. Four small networks of similar size.

# %%
moons = toy.two_moons(0.1)
init = lesson.rng("init")
G, D = Generator(init, width=64), Discriminator(init, width=64)
vae = VAE(init, 2, 2, (64, 64), "tanh", Gaussian(0.3))
flow = RealNVP(init, couplings=8, width=48).standardize(moons.sample(init, 5000))
eps_model = EpsMLP(init, width=96, layers=3)
T = 200
process = Schedule.linear(T, 0.1 / T, 20 / T)
took = {}


def train(name, step, steps, state):
    """Train, and keep the seconds."""
    took[name] = lesson.fit(step, steps, state=state, label=name).seconds


# %%
def with_noise(rng):
    """256 points and as many of noise."""
    return moons.sample(rng, 256), rng.standard_normal((256, 2), dtype=np.float32)


def with_time(rng):
    x0, eps = with_noise(rng)
    return x0, rng.integers(1, T + 1, 256), eps


def flow_loss(flow, x, _):
    return flow.loss(x)


def noise_loss(model, x0, t, eps):
    return simple_loss(model, x0, t, eps, process)


# %%
def descent(name, loss, model, batches, steps, lr, ema=0.995):
    """The usual training; the moving average of the model."""
    rate = cosine(lr, steps, warmup=min(50, steps))
    step = descend(loss, model, batches, lr=rate, ema=ema, rng=lesson.rng(name))
    train(name, step, steps, step.state)
    return step.averaged


flow = descent("flow", flow_loss, flow, with_noise, lesson.steps(1300, quick=5), 4e-3)
vae = descent("VAE", vae_loss, vae, with_noise, lesson.steps(6000, quick=5), 8e-3)
eps_model = descent(
    "diffusion", noise_loss, eps_model, with_time, lesson.steps(7500, quick=5), 3e-3
)

# %% [markdown]
# The GAN's two players move in turns; its own loop, as always.

# %%
gan_steps = lesson.steps(3000, quick=5)
slow, fast = Adam(G, 1e-3, betas=(0.5, 0.99)), Adam(D, 1e-3, betas=(0.5, 0.99))
ema, rng, rate = EMA(G, 0.995), lesson.rng("GAN"), cosine(1e-3, gan_steps)


def play(i):
    slow.lr = fast.lr = rate(i)
    losses = goodfellow_step(G, D, slow, fast, lambda n: moons.sample(rng, n), 256, rng)
    ema.update(G)
    return losses


train("GAN", play, gan_steps, {"G": G, "D": D, "slow": slow, "fast": fast, "ema": ema, "rng": rng})


# %%
def by_diffusion(rng, n):
    return ancestral(eps_model, rng.standard_normal((n, 2), dtype=np.float32), process, rng)


draws = {"GAN": ema.model.sample, "VAE": vae.sample, "flow": flow.sample, "diffusion": by_diffusion}
lesson.sampler("diffusion", by_diffusion)
lesson.sampler("flow", flow.sample)
lesson.sampler("VAE", vae.sample)
lesson.sampler("GAN", ema.model.sample)

# %% [markdown]
# What they say of test points: $\log p$ exactly (flow), its estimate from many codes and a lower
# bound (VAE), a lower bound (diffusion), nothing (GAN).

# %%
test = moons.sample(lesson.rng("test"), lesson.size(2000, quick=100))
truth = float(np.mean(moons.log_prob(test)))
bound = float(np.mean(vae.elbo(test, lesson.rng("codes").standard_normal(test.shape)).value))
closer = float(np.mean(importance_log_likelihood(vae, test[:500], 500, lesson.rng("weights"))))
vlb = -float(np.mean(vlb_terms(eps_model, test, process, lesson.rng("vlb")).total))
exact = float(np.mean(flow.log_prob(test)))

# %%
side = np.linspace(-3, 4, lesson.size(141, quick=51), dtype=np.float32)
grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
mass = float(np.sum(np.exp(flow.log_prob(grid).astype(float))) * (side[1] - side[0]) ** 2)
lesson.check("the flow's density, summed over the plane", mass, equals=1, atol=0.05)
z, _ = flow.bijection.inverse(test[:100])
returned, _ = flow.bijection.forward(z)
lesson.check(
    "the flow's way to the code and back", np.abs(returned - test[:100]).max(), at_most=1e-3
)

# %%
n, sets = lesson.size(1000, quick=50), lesson.size(10, quick=2)
judge = lesson.rng("judge")


def distance(a, b):
    return sliced_wasserstein(a, b, 100, judge)


floor = sampling_floor(distance, moons.sample, n, judge, repeats=lesson.size(40, quick=2)).mean
points, over, cost = {}, {}, {}
for name, draw in draws.items():
    rng = lesson.rng(f"points of {name}")
    start = time.perf_counter()
    points[name] = draw(rng, sets * n)
    cost[name] = 1000 * (time.perf_counter() - start) / (sets * n / 1000)
    parts = np.split(points[name], sets)
    over[name] = float(np.mean([distance(p, moons.sample(judge, n)) for p in parts])) / floor

# %%
said = {
    "GAN": "nothing",
    "VAE": f"≥ {bound:.2f} (about {closer:.2f})",
    "flow": f"{exact:.2f}",
    "diffusion": f"≥ {vlb:.2f}",
}
calls = {"GAN": 1, "VAE": 1, "flow": 1, "diffusion": T}
rows = [
    [name, f"{over[name]:.2f}", said[name], calls[name], f"{cost[name]:.0f}", f"{took[name]:.0f}"]
    for name in draws
]
header = ["two moons", "distance / floor", f"log p (truth {truth:.2f})", "calls of the network"]
lesson.table(rows, [*header, "ms for 1,000 points", "s of training"])

# %%
nearest = min(over, key=over.get)
lesson.outcome(
    f"{nearest}, {over[nearest]:.2f} floors.",
    answer=f"the {nearest}'s".replace("the diffusion's", "the diffusion model's"),
)
lesson.claim("plane: diffusion's distance over the floor", over["diffusion"], at_most=2)
lesson.claim("plane: the flow's log p below the truth", truth - exact, at_most=0.1, unit="nats")
lesson.claim(
    "plane: the VAE's bound below the truth", truth - bound, between=(0.0, 1.0), unit="nats"
)
lesson.claim(
    "plane: diffusion's bound below the truth", truth - vlb, between=(0.0, 2.0), unit="nats"
)

# %%
lesson.change(
    "moons twice as wide",
    "Change `toy.two_moons(0.1)` to `toy.two_moons(0.2)`, which doubles the noise around the two "
    "curves, and run again. By how much does log p fall for the best of all models, the data "
    "density itself (the truth in the head of the table)?",
    answer="By about two thirds of a nat. The same probability is spread over strips that are "
    "twice as wide, which halves the density and costs log 2 = 0.69 nats; it is a little less "
    "because the strips now overlap. No log p says how good a model is without that of the data "
    "beside it.",
)

# %%
fig, axes = plot.figure(1, 4, size=(2.6, 2.4))
for ax, name in zip(axes, draws):
    plot.samples(points[name][:2000], moons, ax, title=f"{name}: {over[name]:.1f} floors")
lesson.figure(
    fig, "plane", "2,000 points each. Look for threads between the moons, and for strays."
)

# %% [markdown]
# ## 3. Digits
#
# The same four, on the 50,000 training digits, without labels. The number of steps of each is
# chosen so that the trainings take roughly equally long; the table says how long they took here.

# %%
lesson.predict(
    "Whose digits come nearest to the test digits, by the classifier's Fréchet distance?",
    ["the GAN's", "the VAE's", "the flow's", "the diffusion model's"],
)

# %%
images = mnist.splits().train.images[: lesson.size(50_000, quick=600)]
size = lesson.size(64, quick=8)
init = lesson.rng("digit networks")
width = lesson.size(16, quick=4)
image_G = ConvGenerator(init, 32, width, 1, 28, hidden=256)
image_D = ConvDiscriminator(init, width, 1, False, 28, hidden=128)
image_vae = VAE(init)

# %%
image_flow = ImageRealNVP(
    init,
    width=lesson.size(32, quick=8),
    scales=2,
    checkerboards=(4, 0),
    channelwise=(4, 4),
    small=True,
    affine=True,
)
unet = UNet(init, width=lesson.size(32, quick=8), global_mlp=lesson.size(512, quick=32))
cosine_process = Schedule.cosine(T)


# %%
def some_digits(rng, count=size):
    return images[rng.integers(0, len(images), count)]


def binary_with_noise(rng):
    x = mnist.binarize(mnist.unit(some_digits(rng, 100), flat=True), rng)
    return x, rng.standard_normal((100, 20), dtype=np.float32)


def logits(rng):
    """Digits as unbounded numbers, with the log-determinant of that map."""
    return mnist.dequantize_logit(some_digits(rng), rng)


def noised(rng):
    x0 = mnist.symmetric(some_digits(rng))
    return x0, rng.integers(1, T + 1, size), rng.standard_normal(x0.shape, dtype=np.float32)


# %%
def logit_loss(flow, y, log_det):
    """Minus the mean log-density of the pixels, in bits for each."""
    return (flow.loss(y) - np.mean(log_det)) / (784 * np.log(2))


def velocity_loss(net, x0, t, eps):
    return v_loss(net, x0, t, eps, cosine_process)


def digit_descent(name, loss, model, batches, steps, lr, parallel=False):
    rate = cosine(lr, steps, warmup=min(50, steps))
    step = descend(
        loss, model, batches, lr=rate, ema=0.995, rng=lesson.rng(name), parallel=parallel
    )
    train(name, step, steps, step.state)
    return step.averaged


# %%
first, _ = logits(lesson.rng("first"))
image_flow.standardize(first)
image_vae = digit_descent(
    "VAE, digits", vae_loss, image_vae, binary_with_noise, lesson.steps(6000, quick=2), 3e-3
)
image_flow = digit_descent(
    "flow, digits", logit_loss, image_flow, logits, lesson.steps(500, quick=1), 2e-3, True
)
unet = digit_descent(
    "diffusion, digits", velocity_loss, unet, noised, lesson.steps(800, quick=1), 2e-3, True
)

# %%
game_steps = lesson.steps(900, quick=1)
slow, fast = Adam(image_G, 1e-3, betas=(0.0, 0.9)), Adam(image_D, 1e-3, betas=(0.0, 0.9))
average, rng, rate = EMA(image_G, 0.995), lesson.rng("GAN, digits"), cosine(1e-3, game_steps)


def draw_real(count):
    return mnist.unit(some_digits(rng, count))


def play_digits(i):
    slow.lr = fast.lr = rate(i)
    losses = wgan_gp_step(image_G, image_D, slow, fast, draw_real, size, rng, n_critic=2)
    average.update(image_G)
    return losses


state = {"G": image_G, "D": image_D, "slow": slow, "fast": fast, "average": average, "rng": rng}
train("GAN, digits", play_digits, game_steps, state)


# %%
def digits_of_gan(rng, n):
    return average.model.sample(rng, n)


def digits_of_vae(rng, n):
    return image_vae.sample(rng, n, noise=False).reshape(n, 28, 28, 1)


def digits_of_flow(rng, n):
    return np.clip(mnist.from_logit(image_flow.sample(rng, n)) / 256, 0, 1)


# %%
def digits_of_diffusion(rng, n):
    def some(noise):
        eye = clipped(eps_model_from_v(unet, cosine_process), cosine_process)
        return ddim(eye, noise, cosine_process, lesson.size(25, quick=2))

    noise = rng.standard_normal((n, 28, 28, 1), dtype=np.float32)
    return (batched(some, noise, size=250, progress="digits").clip(-1, 1) + 1) / 2


# %% [markdown]
# A fifth row shows what more time brings: the pretrained *base model* of `diffusion/09`, the same
# U-Net with labels, trained for 5,500 steps.

# %%
base = lesson.pretrained("digit_diffusion")


def digits_of_base(rng, n):
    y = rng.integers(0, 10, n)

    def some(noise, y):
        eye = clipped(conditional(base, y), base.schedule)
        return ddim(eye, noise, base.schedule, lesson.size(25, quick=2))

    noise = rng.standard_normal((n, 28, 28, 1), dtype=np.float32)
    return (batched(some, noise, y, size=250, progress="digits").clip(-1, 1) + 1) / 2


# %%
digit_draws = {
    "GAN": digits_of_gan,
    "VAE": digits_of_vae,
    "flow": digits_of_flow,
    "diffusion": digits_of_diffusion,
    "base model": digits_of_base,
}

# %%
classifier = lesson.pretrained("digit_classifier")
count = lesson.size(1000, quick=20)
real = mnist.unit(mnist.splits().test.images[: lesson.size(10_000, quick=200)])
pictures, reports, milliseconds = {}, {}, {}
for name, draw in digit_draws.items():
    start = time.perf_counter()
    pictures[name] = draw(lesson.rng(f"digits of {name}"), count).astype(np.float32)
    milliseconds[name] = 1000 * (time.perf_counter() - start) / count
    reports[name] = judge_digits(classifier, pictures[name], real)

# %% [markdown]
# And their likelihoods? Each says something about *other* numbers: the flow of gray values (bits
# for each pixel), the VAE of binary pixels (nats for each digit). They do not compare, and so stand
# in separate columns.

# %%
some = mnist.splits().test.images[: lesson.size(1000, quick=20)]
y, log_det = mnist.dequantize_logit(some, lesson.rng("dequantize"))
bits = float(np.mean(mnist.bits_per_pixel(batched(image_flow.log_prob, y, size=250), log_det)))
binary = mnist.binarize(mnist.unit(some, flat=True), lesson.rng("binarize"))
nats = float(
    np.mean(image_vae.elbo(binary, lesson.rng("z").standard_normal((len(some), 20))).value)
)
likelihood = {
    "GAN": "none",
    "VAE": f"≥ {nats:.0f} nats, binary",
    "flow": f"{bits:.2f} bits a pixel",
}
likelihood |= dict.fromkeys(("diffusion", "base model"), "a bound, not computed here")

# %%
rows = []
for name, report in reports.items():
    seconds = "" if name == "base model" else f"{took[f'{name}, digits']:.0f}"
    calls_of = 25 if name in ("diffusion", "base model") else 1
    confident = f"{report.confidence:.2f}"
    rows.append([name, report.frechet, f"{report.recall:.2f}", confident, likelihood[name]])
    rows[-1] += [calls_of, f"{milliseconds[name]:.1f}", seconds]
header = ["digits", "Fréchet distance", "recall", "mean confidence", "likelihood"]
lesson.table(rows, [*header, "calls", "ms a digit", "s of training"])

# %%
frechet = {name: report.frechet for name, report in reports.items()}
short = [name for name in frechet if name != "base model"]
nearest = min(short, key=frechet.get)
spoken = "the diffusion model's" if nearest == "diffusion" else f"the {nearest}'s"
lesson.outcome(
    f"{spoken}, {frechet[nearest]:.0f}. Trained for longer, diffusion comes to"
    f" {frechet['base model']:.0f}.",
    answer=spoken,
)
ratio = frechet["base model"] / frechet[nearest]
lesson.claim("digits: diffusion trained longer over the best of the short ones", ratio, at_most=0.6)
lesson.claim(
    "digits: the flow's distance over the GAN's", frechet["flow"] / frechet["GAN"], at_least=2
)
slower = milliseconds["diffusion"] / milliseconds["VAE"]
lesson.claim("digits: time for a sample, diffusion over VAE", slower, at_least=5)

# %%
shown = np.concatenate([pictures[name][:12] for name in digit_draws])
grid = plot.image_grid(shown[..., 0], cols=12, limits=(0, 1), row_labels=list(digit_draws))
lesson.figure(
    grid, "digits", "The first twelve of each, not chosen. The VAE's are its means, without noise."
)

# %% [markdown]
# One figure for a slide: quality against the cost of a sample.

# %%
fig, axes = plot.figure(1, 2, size=(3.6, 2.9))
for ax, x, y, title in [
    (axes[0], cost, over, "two moons"),
    (axes[1], milliseconds, frechet, "digits"),
]:
    for name in x:
        ax.plot(x[name], y[name], "o")
        ax.annotate(name, (x[name], y[name]), textcoords="offset points", xytext=(6, 4))
    ax.set(xscale="log", title=title)
    ax.margins(0.25)
axes[1].set_yscale("log")
axes[0].set(xlabel="ms for 1,000 points", ylabel="distance / floor")
axes[1].set(xlabel="ms for a digit", ylabel="Fréchet distance")
lesson.figure(
    fig, "slide", "Lower is better, further left is cheaper. The base model was trained for longer."
)

# %% [markdown]
# ## 4. What to take home
#
# | | GAN | VAE | flow | diffusion |
# |---|---|---|---|---|
# | sample | one call | one call | one call (of many layers) | tens of calls |
# | $\log p(x)$ | no | lower bound | exact | lower bound of the chain; that of the ODE by steps |
# | code of an $x$ | no | yes, small | yes, as large as $x$ | noise, as large as $x$ |
# | network | free | free | invertible, cheap determinant | free |
# | training | two players | one loss | one loss | one loss, a regression |
# | watch out for | modes left out | blur, unused codes | depth, topology | time to sample |
#
# The post's *pros and cons*: a model is *tractable* if one can compute with it, *flexible* if it
# can fit any data; the two pull in different directions. Diffusion models are both, in that their
# bound is easy and their network free. Their price is the chain of steps, which the lessons on
# DDIM, distillation and consistency have shortened.
#
# ## Where the post is loose
#
# - The post calls diffusion models “tractable to analytically evaluate the distribution”. Of the
#   chain only a bound can be evaluated: its likelihood is an integral over all paths. The
#   differential equation with the same densities has a likelihood that can be computed, up to the
#   error of its steps (`after/01`).
# - A summary says which is better *on what, at what cost*. The four here are small, and were
#   trained for about a minute; the order at large scale is a question of its own.
#
# **Left out:** labels, which help all of them; several seeds.

# %%
lesson.finish()
