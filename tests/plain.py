"""The layers of networks in plain NumPy: what the tests of whole networks (`test_*_by_hand.py`) compare with.

Nothing here calls a function of the package. Of a layer only the arrays `w` and `b` are read; strides, heads, groups,
epsilons and activations are arguments, so that a test states each of them a second time.
"""

import numpy as np
from scipy.special import ndtr


def random_weights(model, rng):
    """A copy of the model in float64 with random parameters, those that start at zero or one too.

    Their size keeps the variance of a signal about constant, so that activations neither saturate nor look linear.
    """

    def drawn(a):
        fan_in = np.prod(a.shape[:-1]) if a.ndim > 1 else 4
        return rng.standard_normal(a.shape) * 1.3 / np.sqrt(fan_in)

    return model.map(drawn)


# ------------------------------------------------------------------------------------------- activations


def relu(x):
    return np.where(x > 0, x, 0)


def leaky_relu(x):
    return np.where(x > 0, x, 0.2 * x)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def silu(x):
    return x * sigmoid(x)


def gelu(x):
    return x * ndtr(x)


def softmax(x):
    p = np.exp(x - x.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


# ------------------------------------------------------------------------------------------- linear maps


def linear(x, layer):
    """x (..., n_in) -> (..., n_out)."""
    y = np.einsum("...i,io->...o", x, layer.w)
    return y if layer.b is None else y + layer.b


def mlp(x, layers, activation):
    """Linear layers with an activation between them, none after the last."""
    for layer in layers[:-1]:
        x = activation(linear(x, layer))
    return linear(x, layers[-1])


def conv2d(x, layer, stride=1, padding=0):
    """x (N, H, W, c_in) -> (N, H', W', c_out). padding: one number, or ((top, bottom), (left, right)).

    y[i, j] = b + Σ_ae x[stride i + a − top, stride j + e − left] w[a, e].
    """
    edges = ((padding, padding),) * 2 if isinstance(padding, int) else padding
    x = np.pad(x, ((0, 0), *edges, (0, 0)))
    kh, kw, _, c_out = layer.w.shape
    height, width = (x.shape[1] - kh) // stride + 1, (x.shape[2] - kw) // stride + 1
    y = np.zeros((len(x), height, width, c_out))
    for i in range(height):
        for j in range(width):
            window = x[:, stride * i : stride * i + kh, stride * j : stride * j + kw]
            y[:, i, j] = np.einsum("naec,aeco->no", window, layer.w) + layer.b
    return y


def conv_transpose2d(x, layer, stride, padding):
    """x (N, H, W, c_in) -> (N, H', W', c_out): each pixel adds the kernel, times its values."""
    n, height, width, _ = x.shape
    kh, kw, _, c_out = layer.w.shape
    y = np.zeros((n, stride * (height - 1) + kh, stride * (width - 1) + kw, c_out))
    for i in range(height):
        for j in range(width):
            y[:, stride * i : stride * i + kh, stride * j : stride * j + kw] += np.einsum(
                "nc,aeco->naeo", x[:, i, j], layer.w
            )
    return y[:, padding : y.shape[1] - padding, padding : y.shape[2] - padding] + layer.b


def conv1d(x, layer, stride=1, padding=0, dilation=1):
    """x (N, T, c_in) -> (N, T', c_out): the kernel at every `stride`-th step of the padded sequence."""
    x = np.pad(x, ((0, 0), (padding, padding), (0, 0)))
    reach = (len(layer.w) - 1) * dilation + 1
    windows = [x[:, t : t + reach : dilation] for t in range(0, x.shape[1] - reach + 1, stride)]
    return np.stack([np.einsum("nkc,kco->no", window, layer.w) for window in windows], axis=1) + layer.b


def causal_conv1d(x, layer, dilation):
    """x (N, T, c_in) -> (N, T, c_out): the last tap is for the present, the one before it for `dilation` steps ago."""
    taps, y = len(layer.w), np.zeros((*x.shape[:2], layer.w.shape[2]))
    for t in range(x.shape[1]):
        for k in range(taps):
            past = t - (taps - 1 - k) * dilation
            if past >= 0:
                y[:, t] += x[:, past] @ layer.w[k]
    return y + layer.b


# ------------------------------------------------------------------------------------------- norms


def standardized(x, axes, eps):
    mean = x.mean(axis=axes, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + eps)


def layer_norm(x, layer, eps=1e-5):
    return standardized(x, -1, eps) * layer.w + layer.b


def batch_norm(x, layer, eps=1e-5):
    """Each channel over the batch and all positions."""
    return standardized(x, tuple(range(x.ndim - 1)), eps) * layer.w + layer.b


def plain_group_norm(x, groups, eps=1e-5):
    """Each example over all positions and the channels of a group, one group after the other; no weights."""
    y, size = np.empty_like(x), x.shape[-1] // groups
    for k in range(groups):
        part = slice(k * size, (k + 1) * size)
        y[..., part] = standardized(x[..., part], tuple(range(1, x.ndim)), eps)
    return y


def group_norm(x, layer, groups, eps=1e-5):
    return plain_group_norm(x, groups, eps) * layer.w + layer.b


# ------------------------------------------------------------------------------------------- attention


def attention(q, k, v, heads, mask=None):
    """q (N, L, C), k and v (N, M, C) -> (N, L, C), example by example and head by head; mask (N, L, M) of bool."""
    out, size = np.empty_like(q), q.shape[2] // heads
    for n in range(len(q)):
        for h in range(heads):
            part = slice(h * size, (h + 1) * size)
            scores = q[n, :, part] @ k[n, :, part].T / np.sqrt(size)
            if mask is not None:
                scores = np.where(mask[n], scores, -np.inf)
            out[n, :, part] = softmax(scores) @ v[n, :, part]
    return out


def multi_head_attention(x, layer, heads, context=None, mask=None):
    """With the projections of a `MultiHeadAttention`: keys first and then values in `key_value`."""
    width = x.shape[2]
    key_value = linear(x if context is None else context, layer.key_value)
    seen = attention(linear(x, layer.query), key_value[..., :width], key_value[..., width:], heads, mask)
    return linear(seen, layer.out)


# ------------------------------------------------------------------------------------------- images and time


def space_to_depth(x):
    """Blocks of 2 × 2 pixels to channels, in the order row, column, channel."""
    return np.concatenate([x[:, i::2, j::2] for i in (0, 1) for j in (0, 1)], axis=3)


def depth_to_space(x):
    n, height, width, c = x.shape
    y = np.empty((n, 2 * height, 2 * width, c // 4))
    for k, (i, j) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        y[:, i::2, j::2] = x[..., k * c // 4 : (k + 1) * c // 4]
    return y


def max_pool2d(x):
    """The largest of each 2 × 2 pixels."""
    return np.max([x[:, i::2, j::2] for i in (0, 1) for j in (0, 1)], axis=0)


def upsample(x):
    """Each pixel four times."""
    return np.repeat(np.repeat(x, 2, axis=1), 2, axis=2)


def shift_down(x):
    """Row i of an image (N, H, W, C) moves to row i + 1; the first becomes zeros."""
    return np.pad(x, ((0, 0), (1, 0), (0, 0), (0, 0)))[:, :-1]


def shift_right(x):
    return np.pad(x, ((0, 0), (0, 0), (1, 0), (0, 0)))[:, :, :-1]


def sinusoidal(t, dim):
    """Sines of t 10,000^(−k/(dim/2)), k = 0 ... dim/2 − 1, then their cosines: (N,) -> (N, dim)."""
    angles = np.array([[time * 10_000 ** (-k / (dim / 2)) for k in range(dim // 2)] for time in t])
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def time_embedding(t, layer, dim):
    """Two linear layers on `dim` sines and cosines, SiLU between them."""
    return mlp(sinusoidal(t, dim), layer.body.layers, silu)
