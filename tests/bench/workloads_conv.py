"""Single convolutions, forward and backward."""

import numpy as np
from bench import F, Workload, torch, workload

from minigen.tensor import conv

# name: N, size of the input, c_in, c_out, kernel, stride, padding, transposed
SHAPES = {
    "3x3 64-64 on 14": (128, 14, 64, 64, 3, 1, 1, False),
    "3x3 32-32 on 28": (128, 28, 32, 32, 3, 1, 1, False),
    "4x4/2 1-64 on 28": (128, 28, 1, 64, 4, 2, 1, False),
    "4x4/2 64-128 on 14": (128, 14, 64, 128, 4, 2, 1, False),
    "T4x4/2 128-64 on 7": (128, 7, 128, 64, 4, 2, 1, True),
    "T4x4/2 64-1 on 14": (128, 14, 64, 1, 4, 2, 1, True),
    "1x1 64-128 on 14": (128, 14, 64, 128, 1, 1, 0, False),
}


def _our_steps(shape):
    """(forward, forward and backward) of the layer alone: the primitive and its gradients, with no trace around it."""
    N, size, c_in, c_out, k, stride, padding, transposed = shape
    rng = np.random.default_rng(0)
    x = rng.standard_normal((N, size, size, c_in), dtype=np.float32)
    w = rng.standard_normal((k, k, c_in, c_out), dtype=np.float32)
    b = rng.standard_normal(c_out, dtype=np.float32)
    layer = conv.conv_transpose2d if transposed else conv.conv2d
    g = rng.standard_normal(layer(x, w, b, stride, padding).shape, dtype=np.float32)
    geometry = conv.Geometry((stride, stride), ((padding, padding), (padding, padding)))

    def forward():
        return layer(x, w, b, stride, padding)

    def both():
        y = forward()
        if transposed:
            args, backward = (x, w.swapaxes(2, 3), b, y.shape[1:3], geometry), conv._conv_input_backward
        else:
            args, backward = (x, w, b, geometry), conv._conv_backward
        return backward([0, 1, 2], g, y, (), *args)

    pixels = g.shape[1] * g.shape[2] if not transposed else size * size
    return forward, both, 2.0 * N * pixels * k * k * c_in * c_out


def _their_steps(shape, layout):
    N, size, c_in, c_out, k, stride, padding, transposed = shape
    x = torch.randn(N, c_in, size, size).contiguous(memory_format=layout).requires_grad_()
    w = torch.randn(*((c_in, c_out) if transposed else (c_out, c_in)), k, k).contiguous(memory_format=layout)
    w, b = w.requires_grad_(), torch.randn(c_out).requires_grad_()
    layer = F.conv_transpose2d if transposed else F.conv2d
    g = torch.randn_like(layer(x, w, b, stride, padding))

    def forward():
        with torch.no_grad():
            return layer(x, w, b, stride, padding)

    def both():
        return torch.autograd.grad(layer(x, w, b, stride, padding), (x, w, b), g)

    return forward, both


def _enter(name, shape, direction):
    @workload(f"conv {name}, {('forward', 'forward+backward')[direction]}")
    def build():
        ours, flops = _our_steps(shape)[direction], _our_steps(shape)[2] * (1, 3)[direction]
        theirs = None
        if torch is not None:
            layouts = (torch.channels_last, torch.contiguous_format)
            theirs = [_their_steps(shape, layout)[direction] for layout in layouts]
        return Workload(ours, theirs, flops)


for _name, _shape in SHAPES.items():
    for _direction in (0, 1):
        _enter(_name, _shape, _direction)
