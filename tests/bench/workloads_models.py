"""PyTorch's half of the whole training steps of `minigen bench`: the same models, batch sizes and optimizer.

Our half is `minigen.zoo.workloads`; only sizes are shared, the numbers in the batches do not matter here.
"""

import numpy as np
from bench import THREADS, Workload, torch, workload

from minigen.diffusion.ddpm import eps_model_from_v
from minigen.diffusion.guidance import classifier_free, conditional
from minigen.diffusion.networks.unet import UNet
from minigen.diffusion.samplers import clipped, ddim, strided
from minigen.diffusion.schedule import Schedule, spaced_timesteps
from minigen.flow.pixel import PixelCNN
from minigen.tensor import parallel_call
from minigen.zoo import workloads as ours

RNG = np.random.default_rng(0)


def normal(*shape):
    return torch.tensor(RNG.standard_normal(shape, dtype=np.float32))


def pair(name, theirs):
    """Enter the workload `name` of `minigen bench` with its peer, a function that builds PyTorch's step (or
    several)."""

    def build():
        step, flops, small = ours.WORKLOADS[name]()
        return Workload(
            step, None if torch is None else theirs(), flops if flops > 0 else None, 1 if small else THREADS
        )

    workload(name)(build)


def torch_step_of(model, loss):
    optimizer = torch.optim.Adam(model.parameters(), 1e-4)

    def step():
        optimizer.zero_grad()
        loss(model).backward()
        optimizer.step()

    return step


def torch_mlp(sizes, activation):
    layers = []
    for a, b in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [torch.nn.Linear(a, b), activation()]
    return torch.nn.Sequential(*layers[:-1])


def diffusion_mlp():
    x, y = normal(256, 34), normal(256, 2)
    net = torch_mlp([34, 128, 128, 128, 128, 2], torch.nn.SiLU)
    return torch_step_of(net, lambda f: torch.nn.functional.mse_loss(f(x), y))


def realnvp():
    """Eight couplings on halves of the plane, masks as in ours, and the negative log-likelihood of the batch."""
    x = normal(256, 2)
    nets = torch.nn.ModuleList([torch_mlp([2, 64, 64, 4], torch.nn.Tanh) for _ in range(8)])
    masks = [torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])] * 4

    def loss(nets):
        z, log_det = x, 0.0
        for net, mask in zip(reversed(nets), reversed(masks), strict=True):
            s, t = net(mask * z).chunk(2, 1)
            s = (1 - mask) * 2 * torch.tanh(s / 2)
            z = (z - (1 - mask) * t) * torch.exp(-s)
            log_det = log_det - s.sum(1)
        return -(log_det - 0.5 * (z**2).sum(1)).mean()

    return torch_step_of(nets, loss)


CRITIC = [2, 128, 128, 128, 1]


def critic():
    real, fake = normal(256, 2), normal(256, 2)
    net = torch_mlp(CRITIC, lambda: torch.nn.LeakyReLU(0.2))
    return torch_step_of(net, lambda f: f(fake).mean() - f(real).mean())


def penalized_critic():
    real, fake = normal(256, 2), normal(256, 2)

    def loss(f):
        eps = torch.rand(256, 1)
        mixed = (eps * real + (1 - eps) * fake).requires_grad_(True)
        slopes = torch.autograd.grad(f(mixed).sum(), mixed, create_graph=True)[0]
        return f(fake).mean() - f(real).mean() + 10 * ((slopes.norm(dim=1) - 1) ** 2).mean()

    return torch_step_of(torch_mlp(CRITIC, lambda: torch.nn.LeakyReLU(0.2)), loss)


def vae():
    x, eps = (torch.rand(128, 784) < 0.2).float(), normal(128, 20)
    encoder, decoder = (
        torch_mlp(s, lambda: torch.nn.LeakyReLU(0.2)) for s in ([784, 400, 400, 40], [20, 400, 400, 784])
    )

    def loss(both):
        mu, logvar = both[0](x).chunk(2, 1)
        logits = both[1](mu + torch.exp(0.5 * logvar) * eps)
        kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum()
        return (torch.nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="sum") + kl) / 128

    return torch_step_of(torch.nn.ModuleList([encoder, decoder]), loss)


def made():
    x, masks = (torch.rand(100, 784) < 0.2).float(), [(torch.rand(s) < 0.5).float() for s in ((500, 784), (784, 500))]
    layers, F = torch.nn.ModuleList([torch.nn.Linear(784, 500), torch.nn.Linear(500, 784)]), torch.nn.functional

    def loss(f):
        h = torch.relu(F.linear(x, f[0].weight * masks[0], f[0].bias))
        logits = F.linear(h, f[1].weight * masks[1], f[1].bias)
        return F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / 100

    return torch_step_of(layers, loss)


def layouts():
    return (torch.contiguous_format, torch.channels_last)


def dcgan():
    return [torch_dcgan(layout) for layout in layouts()]


def torch_dcgan(layout):
    nn = torch.nn
    z, real = normal(64, 64), normal(64, 1, 28, 28).contiguous(memory_format=layout)
    g = nn.Sequential(
        nn.Linear(64, 7 * 7 * 128),
        nn.Unflatten(1, (128, 7, 7)),
        nn.BatchNorm2d(128),
        nn.ReLU(),
        nn.ConvTranspose2d(128, 64, 4, 2, 1),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.ConvTranspose2d(64, 1, 4, 2, 1),
        nn.Sigmoid(),
    ).to(memory_format=layout)
    d = nn.Sequential(
        nn.Conv2d(1, 64, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 4, 2, 1),
        nn.BatchNorm2d(128),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(7 * 7 * 128, 1),
    ).to(memory_format=layout)
    og, od = torch.optim.Adam(g.parameters(), 1e-4), torch.optim.Adam(d.parameters(), 1e-4)
    softplus = nn.functional.softplus

    def step():
        with torch.no_grad():
            fake = g(z)
        od.zero_grad()
        (softplus(-d(real)).mean() + softplus(d(fake)).mean()).backward()
        od.step()
        og.zero_grad()
        d.requires_grad_(False)  # the generator's step needs no gradient of the discriminator's weights
        softplus(-d(g(z))).mean().backward()
        d.requires_grad_(True)
        og.step()

    return step


def unet():
    return [torch_unet(layout) for layout in layouts()]


def torch_unet(layout):
    """The UNet of `minigen.diffusion.networks.unet` at its defaults: levels of 32 and 64 channels, attention on 7x7."""
    nn, F, width, low = torch.nn, torch.nn.functional, 32, 64

    class Residual(nn.Module):
        def __init__(self, a, b):
            super().__init__()
            self.norm1, self.conv1, self.time = nn.GroupNorm(8, a), nn.Conv2d(a, b, 3, padding=1), nn.Linear(128, b)
            self.norm2, self.conv2 = nn.GroupNorm(8, b), nn.Conv2d(b, b, 3, padding=1)
            self.skip = nn.Conv2d(a, b, 1) if a != b else nn.Identity()

        def forward(self, x, time):
            h = self.conv1(F.silu(self.norm1(x))) + self.time(time)[:, :, None, None]
            return self.skip(x) + self.conv2(F.silu(self.norm2(h)))

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.qkv, self.out = nn.GroupNorm(8, low), nn.Linear(low, 3 * low), nn.Linear(low, low)

        def forward(self, x):
            n, c, h, w = x.shape
            tokens = self.norm(x).flatten(2).transpose(1, 2)
            q, k, v = self.qkv(tokens).reshape(n, h * w, 3, 4, c // 4).permute(2, 0, 3, 1, 4)
            out = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, h * w, c)
            return x + self.out(out).transpose(1, 2).reshape(n, c, h, w)

    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.time = nn.Sequential(nn.Linear(width, 128), nn.SiLU(), nn.Linear(128, 128))
            self.enter, self.down = nn.Conv2d(4, width, 3, padding=1), Residual(width, width)
            self.halve, self.low1 = nn.Conv2d(width, low, 3, 2, 1), Residual(low, low)
            self.attention, self.low2, self.narrow = Attention(), Residual(low, low), nn.Conv2d(low, width, 1)
            self.up, self.norm, self.leave = (
                Residual(2 * width, width),
                nn.GroupNorm(8, width),
                nn.Conv2d(width, 4, 3, padding=1),
            )

        def forward(self, x, features):
            time = F.silu(self.time(features))
            x = self.down(self.enter(F.pixel_unshuffle(x, 2)), time)
            h = self.low2(self.attention(self.low1(self.halve(x), time)), time)
            h = F.interpolate(self.narrow(h), scale_factor=2)
            h = self.up(torch.cat([x, h], 1), time)
            return F.pixel_shuffle(self.leave(F.silu(self.norm(h))), 2)

    net = UNet().to(memory_format=layout)
    x, y, features = normal(128, 1, 28, 28).contiguous(memory_format=layout), normal(128, 1, 28, 28), normal(128, width)
    return torch_step_of(net, lambda f: F.mse_loss(f(x, features), y))


def dit():
    """The diffusion transformer of `minigen.diffusion.networks.dit` at its defaults: 4x4 patches, 4 blocks of 128."""
    x, features, y = normal(64, 1, 28, 28), normal(64, 128), normal(64, 1, 28, 28)
    nn, F = torch.nn, torch.nn.functional

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.modulation, self.qkv, self.out = nn.Linear(128, 768), nn.Linear(128, 384), nn.Linear(128, 128)
            self.mlp = nn.Sequential(nn.Linear(128, 512), nn.GELU(), nn.Linear(512, 128))

        def forward(self, x, c):
            a, b, g, d, e, k = self.modulation(F.silu(c))[:, None].chunk(6, -1)
            h = F.layer_norm(x, (128,)) * (1 + b) + a
            q, key, v = self.qkv(h).reshape(64, 49, 3, 4, 32).permute(2, 0, 3, 1, 4)
            h = F.scaled_dot_product_attention(q, key, v).transpose(1, 2).reshape(64, 49, 128)
            x = x + g * self.out(h)
            return x + k * self.mlp(F.layer_norm(x, (128,)) * (1 + e) + d)

    class DiT(nn.Module):
        def __init__(self):
            super().__init__()
            self.time = nn.Sequential(nn.Linear(128, 128), nn.SiLU(), nn.Linear(128, 128))
            self.proj_in, self.proj_out = nn.Linear(16, 128), nn.Linear(128, 16)
            self.positions, self.modulation = normal(1, 49, 128), nn.Linear(128, 256)
            self.blocks = nn.ModuleList([Block() for _ in range(4)])

        def forward(self, x, features):
            c = self.time(features)
            x = self.proj_in(x.reshape(64, 7, 4, 7, 4).transpose(2, 3).reshape(64, 49, 16)) + self.positions
            for block in self.blocks:
                x = block(x, c)
            shift, scale = self.modulation(F.silu(c))[:, None].chunk(2, -1)
            x = self.proj_out(F.layer_norm(x, (128,)) * (1 + scale) + shift)
            return x.reshape(64, 7, 7, 4, 4).transpose(2, 3).reshape(64, 1, 28, 28)

    return torch_step_of(DiT(), lambda f: F.mse_loss(f(x, features), y))


@workload("pixelcnn step, mnist")
def pixelcnn():
    """The gated PixelCNN of `minigen.flow.pixel`: 16 channels, four layers, batch 32."""
    x = (RNG.random((32, 28, 28, 1)) < 0.2).astype(np.float32)
    model = PixelCNN(np.random.default_rng(0), 16, 4)
    step = ours.training(model, lambda f, x: -f.log_prob(x).mean(), x, threads=True)
    places, width = 32 * 28 * 28, 16
    first = (28 + 4) * 2 * width  # weights of the 4×7 and of the 1×4 kernel
    deeper = 3 * (6 + 2) * width * 2 * width
    pointwise = 4 * (4 * width * width + width * width) + width * width + width
    flops = 2 * places * (2 * first + 3 * (deeper + pointwise))  # the pixels themselves need no gradient
    return Workload(step, None if torch is None else [torch_pixelcnn(x, layout) for layout in layouts()], flops)


def torch_pixelcnn(x, layout, width=16):
    """The same two stacks of gated units: the vertical one from the row above down, the horizontal one to the left."""
    nn, F = torch.nn, torch.nn.functional

    class Layer(nn.Module):
        def __init__(self, c_in, rows, columns):
            super().__init__()
            reach = columns // 2
            self.down, self.across = (
                nn.Conv2d(c_in, 2 * width, (rows, columns)),
                nn.Conv2d(c_in, 2 * width, (1, reach + 1)),
            )
            self.message, self.residual = nn.Conv2d(2 * width, 2 * width, 1), nn.Conv2d(width, width, 1)
            self.around, self.left = (reach, reach, rows - 1, 0), (reach, 0, 0, 0)

        def forward(self, v, h):
            v = self.down(F.pad(v, self.around))
            a, b = (self.across(F.pad(h, self.left)) + self.message(v)).chunk(2, 1)
            out = self.residual(torch.tanh(a) * torch.sigmoid(b))
            a, b = v.chunk(2, 1)
            return torch.tanh(a) * torch.sigmoid(b), h + out if h.shape == out.shape else out

    class TorchPixelCNN(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList([Layer(1, 4, 7)] + [Layer(width, 2, 3) for _ in range(3)])
            self.hidden, self.out = nn.Conv2d(width, width, 1), nn.Conv2d(width, 1, 1)

        def forward(self, x):
            v, h = F.pad(x, (0, 0, 1, 0))[:, :, :-1], F.pad(x, (1, 0, 0, 0))[:, :, :, :-1]
            for layer in self.layers:
                v, h = layer(v, h)
            return self.out(torch.relu(self.hidden(torch.relu(h))))

    model = TorchPixelCNN().to(memory_format=layout)
    images = torch.tensor(x).permute(0, 3, 1, 2).contiguous(memory_format=layout)
    bce = F.binary_cross_entropy_with_logits
    return torch_step_of(model, lambda f: bce(f(images), images, reduction="sum") / len(x))


PEERS = {
    "mlp, diffusion on the plane": diffusion_mlp,
    "realnvp on the plane": realnvp,
    "wgan critic": critic,
    "wgan critic, gradient penalty": penalized_critic,
    "vae, mnist": vae,
    "made, mnist": made,
    "dcgan, mnist": dcgan,
    "unet, mnist": unet,
    "dit": dit,
}
for _name, _theirs in PEERS.items():
    pair(_name, _theirs)


def digit_net(n):
    """The U-Net of the digit lessons, untrained, and noise and labels for n digits."""
    net = UNet(np.random.default_rng(0), width=32, global_mlp=512, classes=10).freeze()
    return net, RNG.standard_normal((n, 28, 28, 1), dtype=np.float32), np.arange(n) % 10


def sampler_over_calls(sample):
    """Ten steps of `sample(eps_model, noise, schedule)`, 64 digits at once, beside the network's ten calls alone."""
    net, noise, y = digit_net(64)
    schedule = Schedule.cosine(200)
    eps_model = clipped(conditional(eps_model_from_v(net, schedule), y), schedule)

    def calls():
        for t in spaced_timesteps(200, 10):
            net(noise, np.full(64, t), y)

    return Workload(lambda: sample(eps_model, noise, schedule), calls)


@workload("ddim sampler over its network's calls, mnist")
def ddim_sampler():
    return sampler_over_calls(lambda f, x, schedule: ddim(f, x, schedule, 10))


@workload("ancestral sampler over its calls, mnist")
def ancestral_sampler():
    """With fresh noise in each step."""
    return sampler_over_calls(lambda f, x, schedule: strided(f, x, schedule, 10, np.random.default_rng(0), "posterior"))


@workload("classifier-free guidance over two calls, mnist")
def guidance():
    """One answer of the guided model, beside the network's two, with the labels and without."""
    net, noise, y = digit_net(64)
    t = np.full(64, 100)
    guided = classifier_free(eps_model_from_v(net, Schedule.cosine(200)), y, 1.0)

    def calls():
        net(noise, t, y)
        net(noise, t, None)

    return Workload(lambda: guided(noise, t), calls)


@workload("250 digits in 4 ddim steps, both threads")
def digits():
    """As the lessons draw digits. A quarter of its milliseconds are the seconds of 5,000 digits in 50 steps."""
    net, noise, y = digit_net(250)
    schedule = Schedule.cosine(200)
    eps_model = parallel_call(eps_model_from_v(net, schedule))
    return Workload(lambda: ddim(clipped(conditional(eps_model, y), schedule), noise, schedule, 4))
