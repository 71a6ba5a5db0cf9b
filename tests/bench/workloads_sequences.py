"""Autoregressive models: a training step of a WaveNet, and samples of a MADE, coordinate by coordinate."""

import numpy as np
from bench import Workload, torch, workload

from minigen.flow.made import MADE
from minigen.flow.wavenet import WaveNet
from minigen.zoo.workloads import training

LEVELS, WIDTH, DILATIONS = 64, 32, (1, 2, 4, 8, 16, 32)
BATCH, STEPS = 16, 192
PIXELS, HIDDEN, DIGITS = 784, 500, 20


@workload("wavenet step, 6 layers of 32")
def wavenet_step():
    """The lesson's network: kernels of 2, a gated unit, a residual and a skip in each layer."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, LEVELS, (BATCH, STEPS))
    model = WaveNet(rng, LEVELS, WIDTH, 2, DILATIONS)
    ours = training(model, lambda f, codes: -f.log_prob(codes).mean(), codes)
    products = len(DILATIONS) * (4 + 1 + 1) * WIDTH**2 + WIDTH**2 + WIDTH * LEVELS
    flops = 6.0 * BATCH * STEPS * products
    return Workload(ours, None if torch is None else torch_wavenet(codes), flops, 1)


def torch_wavenet(codes):
    from workloads_models import torch_step_of

    nn, F = torch.nn, torch.nn.functional
    codes = torch.tensor(codes)

    class Layer(nn.Module):
        def __init__(self, dilation):
            super().__init__()
            self.dilation = dilation
            self.conv = nn.Conv1d(WIDTH, 2 * WIDTH, 2, dilation=dilation)
            self.both = nn.Conv1d(WIDTH, 2 * WIDTH, 1)  # residual and skip in one product

        def forward(self, x):
            filter, gate = self.conv(F.pad(x, (self.dilation, 0))).chunk(2, 1)
            residual, skip = self.both(torch.tanh(filter) * torch.sigmoid(gate)).chunk(2, 1)
            return x + residual, skip

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(LEVELS, WIDTH)
            self.layers = nn.ModuleList([Layer(d) for d in DILATIONS])
            self.hidden, self.out = nn.Conv1d(WIDTH, WIDTH, 1), nn.Conv1d(WIDTH, LEVELS, 1)

        def forward(self, codes):
            x = F.pad(self.embed(codes).transpose(1, 2)[:, :, :-1], (1, 0))
            total = 0.0
            for layer in self.layers:
                x, skip = layer(x)
                total = total + skip
            return self.out(F.relu(self.hidden(F.relu(total))))

    return torch_step_of(Net(), lambda f: F.cross_entropy(f(codes), codes, reduction="sum") / BATCH)


@workload("made sampling, 20 digits")
def made_sampling():
    """784-500-784, pixel by pixel; both programs compute each hidden unit once, when all that it sees is known.

    All pixels together then take the products of one pass of the network, in 784 small steps.
    """
    model, rng = MADE(np.random.default_rng(0), PIXELS, [HIDDEN]), np.random.default_rng(1)
    flops = 2.0 * DIGITS * 2 * PIXELS * HIDDEN
    theirs = None if torch is None else torch_made_sampling(model)
    return Workload(lambda: model.sample(rng, DIGITS), theirs, flops)


def torch_made_sampling(model):
    """As `MADE.sample`: the weights are masked at the start of each call, then each pixel computes what is new."""
    first, last = model.layers
    w, w_mask, v, v_mask = (torch.tensor(a.T) for a in (first.w, first.mask, last.w, last.mask))  # a row for each unit
    b, c = torch.tensor(first.b), torch.tensor(last.b)
    seen = (first.mask * (model.order[:, None] + 1)).max(axis=0)  # (HIDDEN,): the number of places a unit waits for
    units = [torch.tensor(np.flatnonzero(seen == place)) for place in range(PIXELS)]
    order = np.argsort(model.order).tolist()

    @torch.no_grad()
    def sample():
        masked_w, masked_v = w * w_mask, v * v_mask
        x, h = torch.zeros(DIGITS, PIXELS), torch.zeros(DIGITS, HIDDEN)
        noise = torch.rand(PIXELS, DIGITS)
        for place, i in enumerate(order):
            new = units[place]
            if len(new):
                h[:, new] = torch.relu(torch.addmm(b[new], x, masked_w[new].T))
            x[:, i] = (noise[place] < torch.sigmoid(torch.addmv(c[i], h, masked_v[i]))).float()
        return x

    return sample
