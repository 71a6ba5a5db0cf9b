"""Whole training steps of small models: value, gradient and optimizer, the same model and batch in both programs."""

import autograd.numpy as anp
import numpy as np
from bench import Workload, torch, workload

from minigen.nn import (
    MLP,
    BatchNorm,
    Conv2d,
    ConvTranspose2d,
    Linear,
    MaskedLinear,
    Module,
    MultiHeadAttention,
    Sequential,
)
from minigen.optim import Adam
from minigen.tensor import (
    bce_with_logits,
    grad,
    layer_norm,
    leaky_relu,
    mse,
    parallel_value_and_grad,
    relu,
    tanh,
    value_and_grad,
)

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.standard_normal(shape, dtype=np.float32)


def step_of(model, loss, *batch, with_threads=False):
    optimizer = Adam(model, 1e-4)
    differentiate = (parallel_value_and_grad if with_threads else value_and_grad)(loss)

    def step():
        _, grads = differentiate(model, *batch)
        optimizer.step(grads)

    return step


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


def mlp_flops(sizes, n):
    return 6 * n * sum(a * b for a, b in zip(sizes[:-1], sizes[1:], strict=True))


@workload("mlp diffusion 2-D (4 x 128 silu, batch 256)")
def diffusion_mlp():
    sizes, x, y = [34, 128, 128, 128, 128, 2], normal(256, 34), normal(256, 2)
    ours = step_of(MLP(RNG, sizes, activation="silu"), lambda f, x, y: mse(f(x), y), x, y)
    if torch is None:
        return Workload(ours)
    tx, ty = torch.tensor(x), torch.tensor(y)
    net = torch_mlp(sizes, torch.nn.SiLU)
    theirs = torch_step_of(net, lambda f: torch.nn.functional.mse_loss(f(tx), ty))
    return Workload(ours, theirs, mlp_flops(sizes, 256))


CRITIC = [2, 128, 128, 128, 1]


@workload("wgan critic 2-D (3 x 128 leaky, batch 256)")
def critic():
    real, fake = normal(256, 2), normal(256, 2)
    ours = step_of(MLP(RNG, CRITIC, activation="leaky_relu"), lambda f, r, g: anp.mean(f(g)) - anp.mean(f(r)), real, fake)
    if torch is None:
        return Workload(ours)
    tr, tf = torch.tensor(real), torch.tensor(fake)
    net = torch_mlp(CRITIC, lambda: torch.nn.LeakyReLU(0.2))
    return Workload(ours, torch_step_of(net, lambda f: f(tf).mean() - f(tr).mean()), 2 * mlp_flops(CRITIC, 256))


@workload("wgan critic with gradient penalty")
def penalized_critic():
    real, fake, mixed = normal(256, 2), normal(256, 2), normal(256, 2)

    def loss(f, real, fake, mixed):
        slopes = grad(lambda x: anp.sum(f(x)))(mixed)
        norm = anp.sqrt(anp.sum(slopes**2, axis=1))
        return anp.mean(f(fake)) - anp.mean(f(real)) + 10 * anp.mean((norm - 1) ** 2)

    ours = step_of(MLP(RNG, CRITIC, activation="leaky_relu"), loss, real, fake, mixed)
    if torch is None:
        return Workload(ours)
    tr, tf, tm = (torch.tensor(a) for a in (real, fake, mixed))
    tm.requires_grad_(True)

    def torch_loss(f):
        slopes = torch.autograd.grad(f(tm).sum(), tm, create_graph=True)[0]
        return f(tf).mean() - f(tr).mean() + 10 * ((slopes.norm(dim=1) - 1) ** 2).mean()

    return Workload(ours, torch_step_of(torch_mlp(CRITIC, lambda: torch.nn.LeakyReLU(0.2)), torch_loss))


class SmallVAE(Module):
    def __init__(self):
        self.encoder, self.decoder = MLP(RNG, [784, 400, 400, 40], "tanh"), MLP(RNG, [20, 400, 400, 784], "tanh")


@workload("vae mnist (784-400-400-20, batch 128)")
def vae():
    x, eps = (RNG.random((128, 784)) < 0.2).astype(np.float32), normal(128, 20)

    def loss(m, x, eps):
        h = m.encoder(x)
        mu, logvar = h[:, :20], h[:, 20:]
        logits = m.decoder(mu + anp.exp(0.5 * logvar) * eps)
        kl = 0.5 * anp.sum(mu**2 + anp.exp(logvar) - 1 - logvar)
        return (anp.sum(bce_with_logits(logits, x)) + kl) / 128

    ours = step_of(SmallVAE(), loss, x, eps)
    flops = mlp_flops([784, 400, 400, 40], 128) + mlp_flops([20, 400, 400, 784], 128)
    if torch is None:
        return Workload(ours, None, flops)
    tx, te = torch.tensor(x), torch.tensor(eps)
    encoder, decoder = (torch_mlp(s, torch.nn.Tanh) for s in ([784, 400, 400, 40], [20, 400, 400, 784]))

    def torch_loss(both):
        mu, logvar = both[0](tx).chunk(2, 1)
        logits = both[1](mu + torch.exp(0.5 * logvar) * te)
        kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum()
        return (torch.nn.functional.binary_cross_entropy_with_logits(logits, tx, reduction="sum") + kl) / 128

    return Workload(ours, torch_step_of(torch.nn.ModuleList([encoder, decoder]), torch_loss), flops)


@workload("made mnist (784-500-784, batch 100)")
def made():
    x = (RNG.random((100, 784)) < 0.2).astype(np.float32)
    masks = [(RNG.random(shape) < 0.5).astype(np.float32) for shape in ((784, 500), (500, 784))]
    net = Sequential(MaskedLinear(RNG, masks[0], "relu"), MaskedLinear(RNG, masks[1]))
    ours = step_of(net, lambda f, x: anp.sum(bce_with_logits(f(x), x)) / 100, x)
    flops = mlp_flops([784, 500, 784], 100)
    if torch is None:
        return Workload(ours, None, flops)
    tx, tm = torch.tensor(x), [torch.tensor(m.T.copy()) for m in masks]
    layers = torch.nn.ModuleList([torch.nn.Linear(784, 500), torch.nn.Linear(500, 784)])
    F = torch.nn.functional

    def torch_loss(f):
        h = torch.relu(F.linear(tx, f[0].weight * tm[0], f[0].bias))
        logits = F.linear(h, f[1].weight * tm[1], f[1].bias)
        return F.binary_cross_entropy_with_logits(logits, tx, reduction="sum") / 100

    return Workload(ours, torch_step_of(layers, torch_loss), flops)


@workload("dcgan mnist, both players (batch 64)")
def dcgan():
    """Discriminator 4x4/2 1-64-128 and generator 7x7x128-64-1 with batch norm, one step of each."""
    z, real = normal(64, 64), normal(64, 28, 28, 1)

    class G(Module):
        def __init__(self):
            self.start, self.norm = Linear(RNG, 64, 7 * 7 * 128), BatchNorm(128)
            self.up, self.norm2 = ConvTranspose2d(RNG, 128, 64, 4, 2, 1), BatchNorm(64)
            self.out = ConvTranspose2d(RNG, 64, 1, 4, 2, 1)

        def __call__(self, z):
            h = relu(self.norm(anp.reshape(self.start(z), (-1, 7, 7, 128))))
            return tanh(self.out(relu(self.norm2(self.up(h)))))

    class D(Module):
        def __init__(self):
            self.a, self.b, self.norm = Conv2d(RNG, 1, 64, 4, 2, 1), Conv2d(RNG, 64, 128, 4, 2, 1), BatchNorm(128)
            self.out = Linear(RNG, 7 * 7 * 128, 1)

        def __call__(self, x):
            h = leaky_relu(self.norm(self.b(leaky_relu(self.a(x)))))
            return self.out(anp.reshape(h, (len(x), -1)))[:, 0]

    g, d = G(), D()
    og, od = Adam(g, 1e-4), Adam(d, 1e-4)

    def ours():
        fake = g(z)
        _, grads = value_and_grad(
            lambda d: anp.mean(bce_with_logits(d(real), 1.0)) + anp.mean(bce_with_logits(d(fake), 0.0))
        )(d)
        od.step(grads)
        _, grads = value_and_grad(lambda g: anp.mean(bce_with_logits(d(g(z)), 1.0)))(g)
        og.step(grads)

    if torch is None:
        return Workload(ours)
    return Workload(ours, [torch_dcgan(z, real, layout) for layout in (torch.contiguous_format, torch.channels_last)])


def torch_dcgan(z, real, layout):
    nn = torch.nn
    tz, tr = torch.tensor(z), torch.tensor(real).permute(0, 3, 1, 2).contiguous(memory_format=layout)
    g = nn.Sequential(
        nn.Linear(64, 7 * 7 * 128), nn.Unflatten(1, (128, 7, 7)), nn.BatchNorm2d(128), nn.ReLU(),
        nn.ConvTranspose2d(128, 64, 4, 2, 1), nn.BatchNorm2d(64), nn.ReLU(), nn.ConvTranspose2d(64, 1, 4, 2, 1), nn.Tanh(),
    ).to(memory_format=layout)  # fmt: skip
    d = nn.Sequential(
        nn.Conv2d(1, 64, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(64, 128, 4, 2, 1), nn.BatchNorm2d(128), nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(7 * 7 * 128, 1),
    ).to(memory_format=layout)  # fmt: skip
    og, od = torch.optim.Adam(g.parameters(), 1e-4), torch.optim.Adam(d.parameters(), 1e-4)
    softplus = nn.functional.softplus

    def step():
        with torch.no_grad():
            fake = g(tz)
        od.zero_grad()
        (softplus(-d(tr)).mean() + softplus(d(fake)).mean()).backward()
        od.step()
        og.zero_grad()
        softplus(-d(g(tz))).mean().backward()
        og.step()

    return step


@workload("dit (4 blocks, width 128, 49 tokens, batch 64)")
def dit():
    x, c, y = normal(64, 49, 16), normal(64, 128), normal(64, 49, 16)

    class Block(Module):
        def __init__(self):
            self.modulation, self.attention = Linear(RNG, 128, 6 * 128), MultiHeadAttention(RNG, 128, 4)
            self.mlp = MLP(RNG, [128, 512, 128], "gelu")
            self.one, self.zero = np.ones(128, np.float32), np.zeros(128, np.float32)

        buffers = ("one", "zero")

        def __call__(self, x, c):
            m = anp.reshape(self.modulation(c), (-1, 1, 6, 128))
            h = layer_norm(x, 1 + m[:, :, 0], m[:, :, 1])
            x = x + m[:, :, 2] * self.attention(h)
            return x + m[:, :, 5] * self.mlp(layer_norm(x, 1 + m[:, :, 3], m[:, :, 4]))

    class DiT(Module):
        def __init__(self):
            self.enter, self.blocks, self.leave = Linear(RNG, 16, 128), [Block() for _ in range(4)], Linear(RNG, 128, 16)

        def __call__(self, x, c):
            x = self.enter(x)
            for block in self.blocks:
                x = block(x, c)
            return self.leave(x)

    ours = step_of(DiT(), lambda f, x, c, y: mse(f(x, c), y), x, c, y, with_threads=True)
    return Workload(ours, None if torch is None else torch_dit(x, c, y))


def torch_dit(x, c, y):
    nn, F = torch.nn, torch.nn.functional

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.modulation, self.qkv, self.out = nn.Linear(128, 768), nn.Linear(128, 384), nn.Linear(128, 128)
            self.mlp = nn.Sequential(nn.Linear(128, 512), nn.GELU(), nn.Linear(512, 128))

        def forward(self, x, c):
            a, b, g, d, e, k = self.modulation(c)[:, None].chunk(6, -1)
            h = F.layer_norm(x, (128,)) * (1 + a) + b
            q, key, v = self.qkv(h).reshape(64, 49, 3, 4, 32).permute(2, 0, 3, 1, 4)
            h = F.scaled_dot_product_attention(q, key, v).transpose(1, 2).reshape(64, 49, 128)
            x = x + g * self.out(h)
            return x + k * self.mlp(F.layer_norm(x, (128,)) * (1 + d) + e)

    class DiT(nn.Module):
        def __init__(self):
            super().__init__()
            self.enter, self.leave = nn.Linear(16, 128), nn.Linear(128, 16)
            self.blocks = nn.ModuleList([Block() for _ in range(4)])

        def forward(self, x, c):
            x = self.enter(x)
            for block in self.blocks:
                x = block(x, c)
            return self.leave(x)

    tx, tc, ty = torch.tensor(x), torch.tensor(c), torch.tensor(y)
    return torch_step_of(DiT(), lambda f: F.mse_loss(f(tx, tc), ty))
