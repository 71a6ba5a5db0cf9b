# %% [markdown]
# # Your own data
#
# You have a table of points or a folder of images, and you want a model that draws more of them.
# This lesson takes both from the files to samples in about twenty minutes. It belongs to no post.
# It needs `start/01`; how the three models work is explained in `flow/05`, `vae/06` and
# `diffusion/04`. In this lesson:
#
# 1. A data set is one array. `data.points` and `data.images` read it from files, and their errors
#    name the file and the line.
# 2. Every training is the same four steps: a model, a loss, a function that draws a batch, and
#    `descend` with `fit`.
# 3. Part of the data is kept out of the training. Only that part shows whether the model has
#    learned the distribution or only the examples.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "start/02_your_own_data",
    title="Your own data",
    post="start",
    minutes=0.2,
    picture="flow",
    sources=["kingma2014vae", "dinh2017realnvp", "ho2020ddpm", "rombach2022latent"],
)

# %%
import autograd.numpy as np

from minigen import data, plot
from minigen.data.batches import batches
from minigen.diffusion.ddpm import simple_loss
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.diffusion.networks.unet import UNet
from minigen.diffusion.samplers import Trajectory, ancestral
from minigen.diffusion.schedule import Schedule
from minigen.flow.realnvp import RealNVP
from minigen.nn import MLP, Linear, Module, sinusoidal
from minigen.optim import cosine
from minigen.train import descend
from minigen.vae.vae import VAE, vae_loss

# %% [markdown]
# ## 1. Two kinds of files
#
# So that the lesson runs anywhere, it first makes files as you may have them. With files of your
# own, skip this section. The table holds 1,000 points of a spiral, in a CSV file whose first line
# names the columns. Its two coordinates have different units: the first is about 30, with a range
# of 20, the second about 0.5, with a range of 0.2.

# %%
CENTER, UNITS, NOISE = np.array([30.0, 0.5]), np.array([10.0, 0.1]), 0.04


def arm(t):
    """Points (N, 2) of the spiral at t (N,), from 0 at its middle to 1 at its end."""
    return t[:, None] * np.stack([np.cos(3 * np.pi * t), np.sin(3 * np.pi * t)], axis=1)


def spiral(rng, n):
    """n points near the spiral, in the units of the table."""
    on_the_arm = arm(np.sqrt(rng.random(n)))
    return CENTER + UNITS * (on_the_arm + NOISE * rng.standard_normal((n, 2)))


table = spiral(lesson.rng("table"), 1000)
np.savetxt(lesson.out / "spiral.csv", table, fmt="%.6f", delimiter=",", header="x,y", comments="")

# %% [markdown]
# The images are 200 PNG files of 20 × 20 pixels: a disc on white paper, in one of three colors.

# %%
from PIL import Image

COLORS = np.array([[200, 40, 40], [40, 150, 60], [50, 80, 200]])  # red, green, blue
SIDE = np.arange(20)


def disc(rng):
    """A picture (20, 20, 3), uint8, of a disc of random place, radius and color."""
    y, x, radius = rng.uniform(8, 11), rng.uniform(8, 11), rng.uniform(4, 7)
    distance = np.hypot(SIDE[:, None] - y, SIDE - x)
    ink = np.clip(radius + 0.5 - distance, 0, 1)[:, :, None]  # (20, 20, 1)
    return (255 + ink * (COLORS[rng.integers(3)] - 255)).astype(np.uint8)


# %%
folder = lesson.out / "discs"
folder.mkdir(exist_ok=True)
rng = lesson.rng("discs")
for k in range(200):
    Image.fromarray(disc(rng)).save(folder / f"disc_{k:03}.png")

# %% [markdown]
# Here the part begins that you need. `data.points` reads a table, `data.images` a folder. The file
# of the table may be separated by commas, semicolons, tabs or spaces, with or without a line of
# names, or be an array that `numpy.save` wrote; `columns=["x", "y"]` chooses among more than two.
# The images may be PNG or JPEG files. Those that are larger than `size` are cropped to its shape
# and reduced.

# %%
x = data.points(lesson.out / "spiral.csv")
pixels = data.images(folder, size=20)
lesson.table(
    [["points", x.shape, str(x.dtype)], ["images", pixels.shape, str(pixels.dtype)]],
    ["data", "shape", "dtype"],
)
lesson.check("the points of the file, rounded", float(np.abs(x - table).max()), at_most=1e-5)
lesson.check("200 images, height, width, channels", pixels.shape, equals=(200, 20, 20, 3))

# %%
BOX = (17, 43, 0.37, 0.63)  # the part of the plane that is shown
fig, (left, right) = plot.figure(1, 2, size=(4.2, 3.4))
plot.samples(x, ax=left, color=plot.color.real, bounds=BOX, title="spiral.csv")
left.set_aspect("auto")  # not one scale for both units
plot.image_grid(pixels[:48], cols=8, ax=right, title="48 of the 200 images")
lesson.figure(fig, "data", "Look at the axes of the left panel: the two units differ by 100.")

# %%
lesson.change(
    "too large a size",
    "Change `size=20` in `data.images(folder, size=20)` to `size=32` and run again. Which file "
    "does the error name, and what does it ask for?",
    answer="disc_000.png, the first one: the error asks for at least 32 x 32 pixels, and the file "
    "has 20 x 20. Images are reduced, but never enlarged.",
)

# %% [markdown]
# ## 2. Points: standardize, then a flow
#
# A network works best on numbers of about the size 1. So subtract the mean and divide by the
# standard deviation, coordinate by coordinate: $u = (x - m) / s$. A density that is fitted to $u$
# is not yet one of $x$. Its change is the log-determinant of the map (Eq. flow.04):
#
# $$\log p(x) = \log p(u) + \log \left| \det \frac{\partial u}{\partial x} \right| .$$

# %%
lesson.predict(
    "The standard deviations are 2 and 0.25. What is log |det du/dx|? (log 2 = 0.693)",
    ["-0.693", "0", "0.693", "1.386"],
)

# %%
lesson.exercise("start/02/standardize")

# %%
by_hand = np.array([[3.0, 1.0], [1.0, 1.5]])
u, log_det = data.standardize(by_hand, np.array([1.0, 1.0]), np.array([2.0, 0.25]))
lesson.check("two points, standardized", u, equals=[[1.0, 0.0], [0.0, 2.0]])
lesson.check("log |det du/dx| of each", log_det, equals=[0.6931, 0.6931], atol=1e-4)
lesson.outcome(
    "A unit square of x becomes 1/2 wide and 4 high, of area 2: the points are spread over twice "
    f"the area. The logarithm of this is {log_det[0]:.3f}.",
    answer="0.693",
)

# %%
lesson.change(
    "the same change of area",
    "Change `np.array([2.0, 0.25])` to `np.array([2.0, 0.5])` and run again. Why does the density "
    "need no correction now?",
    answer="The log-determinant is 0: the first coordinate shrinks by 2, the second grows by 2, "
    "and the area is as before.",
)

# %% [markdown]
# Keep a fifth of the points out of the training, as *held-out data*. The mean and the standard
# deviation are those of the training points, too. Then the training in ten lines: the model, the
# loss, the batches, the step, and `fit`. (`lesson.fit` is `minigen.train.fit` with a checkpoint,
# and `lesson.steps` is the number of steps, which `--quick` cuts short; in your own script write
# `fit` and the number.)

# %%
train, held_out = x[:800], x[800:]
mean, std = train.mean(axis=0), train.std(axis=0)
u, log_det = data.standardize(train, mean, std)
u_test, log_det_test = data.standardize(held_out, mean, std)


def flow_loss(flow, u):
    return -np.mean(flow.log_prob(u))


# %%
def train_flow(u, label, couplings=6):
    """A RealNVP of the points u (N, 2), and the history of -log p, in nats per point."""
    flow = RealNVP(lesson.rng(f"{label} weights"), dim=2, couplings=couplings, width=32)
    steps = lesson.steps(1000)
    draw = batches(u, size=min(200, len(u)), rng=lesson.rng(f"{label} batches"))
    step = descend(flow_loss, flow, draw, lr=cosine(2e-3, steps), ema=0.99, clip=5.0)

    def test(i, values):
        return {"held out": flow_loss(step.averaged, u_test)} if i % 50 == 0 else None

    history = lesson.fit(step, steps, state=step.state, label=label, on_step=test)
    return step.averaged, history


flow, history = train_flow(u, "RealNVP")

# %% [markdown]
# What is a good value of $-\log p$? For data of your own nobody knows. There are two things to
# compare with: a Gaussian, which the untrained flow is, and the held-out points. Because these
# points are made, there is a third here: the density that they come from.

# %%
from minigen.data.curves import NoisyCurves

truth = NoisyCurves([arm], NOISE, power=2.0)
in_units, log_det_units = data.standardize(held_out, CENTER, UNITS)
least = -np.mean(truth.log_prob(in_units) + log_det_units)
untrained = RealNVP(lesson.rng("untrained"), dim=2)
nats = {
    "Gaussian": -np.mean(untrained.log_prob(u_test) + log_det_test),
    "RealNVP, points of the training": -np.mean(flow.log_prob(u) + log_det),
    "RealNVP, held-out points": -np.mean(flow.log_prob(u_test) + log_det_test),
    "the density they come from": least,
}
lesson.table(nats.items(), ["density", "-log p of x, nats per point"])
above = nats["RealNVP, held-out points"] - least

# %% [markdown]
# `save` writes the arrays of a model to one file, `load` reads them into a model of the same sizes.
# Samples come out standardized; `data.unstandardize` gives them the units of the table.

# %%
path = flow.save(lesson.out / "flow.npz")
again = RealNVP(lesson.rng("another"), dim=2, couplings=6, width=32).load(path)
same = np.array_equal(again.log_prob(u_test), flow.log_prob(u_test))
lesson.check("the loaded flow is the saved one", same)
samples, _ = data.unstandardize(again.sample(lesson.rng("samples"), 1000), mean, std)
lesson.sampler("points", flow.sample)


# %%
def density(x):
    """The flow's density in the units of the table, capped so that no peak takes all colors."""
    u, log_det = data.standardize(x, mean, std)
    return np.exp(np.minimum(flow.log_prob(u) + log_det, 1.0))


fig, (left, right) = plot.figure(1, 2, size=(4.2, 3.4))
losses = {"training": history["loss"], "held out": (history.at("held out"), history["held out"])}
plot.curves(losses, ax=left, smooth=20, title="-log p of u, nats")
plot.samples(samples, density, right, bounds=BOX, title="samples over the density")
right.set_aspect("auto")
lesson.figure(
    fig,
    "flow",
    "Left: the two curves fall together at first; where the curve of the held-out points stays "
    "behind, the flow has begun to fit the examples. Right: samples in the units of the file.",
)

# %%
lesson.claim(
    "RealNVP, held-out points: nats above the density that they come from",
    above,
    at_most=0.8,
    source="worst of three seeds, plus 0.3; a Gaussian is 1.5 to 1.6 above",
    unit="nats",
)

# %% [markdown]
# Some samples lie between the turns of the spiral. A flow bends one connected cloud of noise, and
# leaves bridges where it would have to cut it (`flow/05`).
#
# ## 3. Too few data
#
# The same training, with 30 of the 800 points. The mean and the standard deviation stay as they
# were, and so do the held-out points.

# %%
lesson.predict(
    "What is -log p of the held-out points at the end?",
    [
        "below the Gaussian's: thirty points show the spiral roughly",
        "about the Gaussian's: thirty points teach nothing",
        "far above the Gaussian's",
    ],
)

# %%
_, few_history = train_flow(u[:30], "RealNVP on 30 points")
start, end = few_history["held out"][0], few_history["held out"][-1]
best_step = few_history.at("held out")[few_history["held out"].argmin()]
change = "far above" if end > start + 1 else "about" if end > start - 0.3 else "below"
losses = {
    "30 points": few_history["loss"],
    "held out": (few_history.at("held out"), few_history["held out"]),
}
ax = plot.curves(losses, title="-log p of u, nats")
ax.set_ylim(-1, 8)
lesson.figure(
    ax,
    "too_few",
    "The curve of the 30 points falls to the end; the curve of the held-out points leaves the "
    "frame. The flow puts a narrow peak on each of its points, and nothing between them.",
)

# %%
right_choice = {
    "far above": "far above the Gaussian's",
    "about": "about the Gaussian's: thirty points teach nothing",
    "below": "below the Gaussian's: thirty points show the spiral roughly",
}
lesson.outcome(
    f"{start:.2f} nats at the start, as a Gaussian, and {end:.2f} at the end. The least value was "
    f"{few_history['held out'].min():.2f}, at step {best_step}. The loss of the training gives no "
    f"warning: it is {few_history['loss'][-1]:.2f}.",
    answer=right_choice[change],
)

# %% [markdown]
# This is *overfitting*. The remedies are more data, a smaller network, or to stop where the
# held-out curve is lowest.
#
# ## 4. Images: a range, then a VAE
#
# Pixels are whole numbers from 0 to 255. `data.to_range` maps them to the range that a model takes:
# 0 to 1 for the VAE with a Bernoulli decoder, −1 to 1 for a diffusion model of pixels. This VAE
# takes an image as one vector of $20 \cdot 20 \cdot 3 = 1{,}200$ numbers.

# %%
flat = data.to_range(pixels, 0, 1).reshape(200, -1)  # (200, 1200)
train_images, test_images = flat[:180], flat[180:]
lesson.check("lowest and highest value", [flat.min(), flat.max()], between=(0, 1))

# %%
vae = VAE(lesson.rng("VAE weights"), dim_x=flat.shape[1], dim_z=4, widths=(200,))


def images_and_noise(rng):
    x = train_images[rng.integers(0, len(train_images), 50)]
    return x, rng.standard_normal((50, 4), dtype=np.float32)


steps = lesson.steps(1000)
lr = cosine(3e-3, steps)
step = descend(vae_loss, vae, images_and_noise, lr=lr, ema=0.99, rng=lesson.rng("VAE"))
lesson.fit(step, steps, state=step.state, label="VAE")
vae = step.averaged

# %% [markdown]
# A VAE draws a code $z$ from $N(0, I)$ and decodes it. Do such images look like those of the
# folder? To measure it, draw 3,000 other discs, and take the distance to the nearest of them: the
# root of the mean square over all pixels and channels.

# %%
rng = lesson.rng("bank")
bank = np.stack([disc(rng) for _ in range(lesson.size(3000))]).reshape(-1, 1200) / 255.0


def distance_to_discs(images):
    """The distance of each image (N, 1200) to the nearest disc of the bank, (N,)."""
    squares = (images**2).sum(axis=1)[:, None] + (bank**2).sum(axis=1) - 2 * images @ bank.T
    return np.sqrt(np.maximum(squares.min(axis=1), 0) / 1200)


# %%
drawn = vae.sample(lesson.rng("VAE samples"), 100, noise=False)
distances = {
    "images of the folder": distance_to_discs(flat[:100]).mean(),
    "their mean image": distance_to_discs(flat.mean(axis=0)[None]).mean(),
    "held-out images, encoded and decoded": distance_to_discs(vae.reconstruct(test_images)).mean(),
    "VAE, codes from N(0, I)": distance_to_discs(drawn).mean(),
}
lesson.table(distances.items(), ["images", "distance to the nearest disc"])

# %% [markdown]
# The decoder is not the problem: held-out images come back well. The codes are. With 200 images
# the encoder leaves gaps between the codes of the colors, and $N(0, I)$ draws from the gaps, too.
# So model the codes themselves, by a diffusion model: this is *latent diffusion* (`diffusion/13`).

# %%
lesson.predict(
    "How far are images from discs whose codes are drawn by a diffusion model of the codes?",
    [
        "as far as before: the decoder is the same",
        "less than two thirds of the distance before",
        "farther: a second model adds its own errors",
    ],
)

# %%
mu, logvar = vae.encode(train_images)  # (180, 4) each
code_mean, code_std = mu.mean(axis=0), mu.std(axis=0)
schedule = Schedule.cosine(100)


def noisy_codes(rng):
    """Standardized codes, a time step for each, and the noise: a batch of 256."""
    k = rng.integers(0, len(mu), 256)
    z = mu[k] + np.exp(logvar[k] / 2) * rng.standard_normal((256, 4), dtype=np.float32)
    codes, _ = data.standardize(z, code_mean, code_std)
    return codes, rng.integers(1, 101, 256), rng.standard_normal((256, 4), dtype=np.float32)


def noise_loss(net, x0, t, eps):
    return simple_loss(net, x0, t, eps, schedule)


# %%
def train_codes(net, label):
    """The moving average of a model of the noise, trained on the codes."""
    steps = lesson.steps(1500)
    rng = lesson.rng(label)
    step = descend(noise_loss, net, noisy_codes, lr=cosine(5e-3, steps), ema=0.99, rng=rng)
    lesson.fit(step, steps, state=step.state, label=label)
    return step.averaged


def draw_images(net, rng, n, on_step=None):
    """n images (n, 1200): codes from noise, then the decoder."""
    noise = rng.standard_normal((n, 4), dtype=np.float32)
    codes = ancestral(net, noise, schedule, rng, on_step=on_step)
    return decoded(codes)


def decoded(codes):
    z, _ = data.unstandardize(codes, code_mean, code_std)
    return vae.decode(z)


# %%
net = train_codes(EpsMLP(lesson.rng("net"), dim=4, width=64, layers=3), "diffusion of the codes")
path = Trajectory(every=5)
images = draw_images(net, lesson.rng("images"), 100, on_step=path)
distance = distance_to_discs(images).mean()
before = distances["VAE, codes from N(0, I)"]


def draw_discs(rng, n):
    return draw_images(net, rng, n).reshape(n, 20, 20, 3)


lesson.sampler("discs", draw_discs)

# %%
choices = lesson.predictions[-1].choices
lesson.outcome(
    f"{distance:.3f}, before {before:.3f}. The diffusion model draws codes from where the encoder "
    "puts images, and the decoder was trained there.",
    answer=choices[1 if distance < before / 1.5 else 2 if distance > 1.1 * before else 0],
)
rows = np.concatenate([flat[:12], drawn[:12], images[:12]]).reshape(-1, 20, 20, 3)
names = ["folder", "VAE", "latent diffusion"]
ax = plot.image_grid(rows, cols=12, row_labels=names, limits=(0, 1))
lesson.figure(
    ax,
    "discs",
    "Second row: mixed colors, and pale or dark images, come from codes between those of the "
    "training. Third row: fewer of them.",
)


# %% [markdown]
# A generator that draws a single perfect disc would be near the discs, too. So count: an image is
# good if it is nearer than 0.1, and all three colors must be among the good ones.


# %%
def rarest_color(images):
    """The share of the images that are near a disc and of a color, for the rarest color."""
    good = distance_to_discs(images) < 0.1
    middle = images.reshape(-1, 20, 20, 3)[:, 8:12, 8:12].mean(axis=(1, 2))  # (N, 3)
    return min(float(np.mean(good & (middle.argmax(axis=1) == k))) for k in range(3))


# %%
lesson.claim(
    "latent diffusion: distance to the nearest disc",
    distance,
    at_most=0.09,
    source="worst of three seeds, plus a half; the mean image is at 0.12 to 0.13",
)
lesson.claim(
    "latent diffusion: share of good images of the rarest color",
    rarest_color(images),
    at_least=0.1,
    source="a third of the 1/3 that each color has in the folder",
)

# %% [markdown]
# ## 5. Files again, and a film
#
# Samples go back to files as pixels: clipped to the range, and rounded to the nearest of 256
# values. Pixel 255 is where most mistakes are made: 1.2 is no pixel, and 0.999 is 255, not 254.

# %%
lesson.exercise("start/02/to_pixels")

# %%
by_hand = np.array([-0.3, 0.0, 0.5, 0.999, 1.2])
lesson.check("five values as pixels", data.to_pixels(by_hand, 0, 1), equals=[0, 0, 128, 255, 255])
saved = data.to_pixels(images, 0, 1).reshape(-1, 20, 20, 3)
(lesson.out / "samples").mkdir(exist_ok=True)
for k in range(10):
    Image.fromarray(saved[k]).save(lesson.out / "samples" / f"sample_{k}.png")
back = data.images(lesson.out / "samples", size=20)
lesson.check("what was saved is read again", np.array_equal(back, saved[:10]))

# %%
lesson.change(
    "half a pixel",
    "Change `-0.3, 0.0, 0.5` to `-0.3, 0.0, 0.501` and run again. Is the third pixel still 128?",
    answer="Yes: 0.501 of 255 is 127.755, and the nearest pixel is 128. All five are as before, "
    "0, 0, 128, 255 and 255.",
)

# %% [markdown]
# The sampler has kept its codes on the way, every five steps. Decoded, they are the frames of a
# film. In a script of your own, `plot.animate(frames, "film.gif")` writes it, and `"film.mp4"`
# does where the program ffmpeg is installed.

# %%
frames = (
    plot.image_grid(
        decoded(codes[:24]).reshape(-1, 20, 20, 3), cols=12, limits=(0, 1), title=f"t = {t}"
    )
    for t, codes in zip(path.times, path.states, strict=True)
)
lesson.animation(frames, "film", "From noise in the codes to discs.", fps=5)

# %% [markdown]
# ## 6. A network of your own
#
# A model of the noise is anything that is called as `net(x, t, y=None)` and returns an array shaped
# as `x`. This one multiplies where `EpsMLP` concatenates: features of the time scale the features
# of the point. It takes the place of `EpsMLP`, and everything else stays as it is.


# %%
class Gated(Module):
    """A model of the noise in points (N, dim): the time step multiplies the hidden units."""

    def __init__(self, rng, dim, width):
        self.point = MLP(rng, [dim, width, width], "silu")
        self.time = Linear(rng, 32, width)
        self.out = MLP(rng, [width, width, dim], "silu")

    def __call__(self, x, t, y=None):  # (N, dim), (N,)
        gate = self.time(sinusoidal(t, 32))  # (N, width)
        return self.out(self.point(x) * (1 + gate))  # (N, dim)


# %%
own = train_codes(Gated(lesson.rng("own"), dim=4, width=64), "your own network")
own_images = draw_images(own, lesson.rng("own images"), 100)
own_distance = distance_to_discs(own_images).mean()
rows = [["EpsMLP", distance, rarest_color(images)]]
rows += [["Gated", own_distance, rarest_color(own_images)]]
lesson.table(rows, ["network", "distance to the nearest disc", "rarest color, good images"])
lesson.claim(
    "your own network: share of good images of the rarest color",
    rarest_color(own_images),
    at_least=0.1,
    source="as above",
)

# %% [markdown]
# For larger images, and for details that a vector of codes loses, use the U-Net of `diffusion/17`
# on the pixels themselves, with the same loss and the same sampler. It needs about a hundred times
# the arithmetic. Here is only the proof that it takes these images: an untrained U-Net predicts
# no noise at all, and its loss is the mean square of the noise, 1.

# %%
unet = UNet(lesson.rng("U-Net"), channels=3, width=16, size=(20, 20))
x0 = data.to_range(pixels[:16], -1, 1)
eps = lesson.rng("noise").standard_normal(x0.shape, dtype=np.float32)
loss = noise_loss(unet, x0, np.full(16, 50), eps)
lesson.check("U-Net, before training: the mean square of the noise", loss, between=(0.95, 1.05))

# %% [markdown]
# ## 7. What goes wrong, and what the errors say
#
# Four common mistakes:
#
# - a table of three columns for a flow of the plane;
# - pixels from 0 to 255 for a VAE that takes 0 to 1;
# - weights of one width loaded into a network of another;
# - points that are not standardized, as $x_0$ of a diffusion model.

# %%
lesson.predict(
    "Three of them stop with an error. Which one trains without any?",
    ["three columns", "pixels from 0 to 255", "other weights", "points not standardized"],
)


# %%
def three_columns():
    flow.log_prob(np.ones((5, 3), np.float32))


def wrong_range():
    vae_loss(vae, pixels[:50].reshape(50, -1).astype(np.float32), np.zeros((50, 4), np.float32))


def other_weights():
    RealNVP(lesson.rng("wide"), dim=2, couplings=6, width=64).load(lesson.out / "flow.npz")


def not_standardized():
    plane = EpsMLP(lesson.rng("plane"), dim=2, width=16)
    noise_loss(plane, x[:50], np.full(50, 50), np.ones((50, 2), np.float32))


# %%
tried = {
    "three columns": three_columns,
    "pixels from 0 to 255": wrong_range,
    "other weights": other_weights,
    "points not standardized": not_standardized,
}
messages = {}
for name, mistake in tried.items():
    try:
        mistake()
        messages[name] = ""
    except ValueError as error:
        messages[name] = str(error).replace(str(lesson.out), "...").split(";")[0]
lesson.table([[n, m[:110] or "no error"] for n, m in messages.items()], ["mistake", "message"])

# %%
silent = [name for name, message in messages.items() if not message]
lesson.check("mistakes without an error", len(silent), equals=1)
lesson.outcome(
    "A diffusion model takes any numbers. But its sampler starts from noise of mean 0 and standard "
    f"deviation 1, and these points have the means {mean[0]:.1f} and {mean[1]:.2f} and the "
    f"standard deviations {std[0]:.1f} and {std[1]:.2f}. It has to find both, and at almost every "
    f"step the noise hides what is only {std[1]:.2f} wide.",
    answer=silent[0],
)

# %% [markdown]
# A file that is wrong is named with its line. Here a cell of the table is empty:

# %%
(lesson.out / "broken.csv").write_text("x,y\n30.1,0.52\n29.8,\n")
try:
    data.points(lesson.out / "broken.csv")
except ValueError as error:
    message = str(error).replace(str(lesson.out / "broken.csv"), "broken.csv")
expected = "broken.csv, line 3: expected a finite number in column 'y', got ''"
lesson.check(expected, message == expected)

# %% [markdown]
# In short: read, keep a part out, standardize (or set the range), train, compare with a baseline,
# look at samples. When samples are poor, look at the held-out curve first.
#
# **Left out:** how many data are enough (the held-out curve answers it for your data); labels and
# conditions (`diffusion/09`); images of the size of photos.
#
# **Next:** the lesson of the model that you want to use: `flow/05`, `vae/06`, `diffusion/04`.
#
# **Your turn:** replace the two files of section 1 by your own. Then `minigen exercise start
# start/02`, and `minigen run start/02 --with exercises/start_02.py`.

# %%
lesson.finish()
