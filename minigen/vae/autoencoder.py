"""Autoencoders, which learn a code by reconstructing their input: plain, denoising, sparse and contractive.

An encoder g maps an example x to a code z, a decoder f maps z back, and both are trained on the distance of f(g(x))
from x (Hinton and Salakhutdinov 2006). With a code as wide as the input the identity would be a solution; three
variants exclude it in different ways:

    denoising    the input is corrupted, the target is not                        Vincent et al. 2008
    sparse       a unit is active on few examples, or few units on each example   Ng 2011; Makhzani and Frey 2013
    contractive  the derivatives of the code by the input are penalized           Rifai et al. 2011

Losses are summed over the pixels of an image and averaged over the batch.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import TypeAlias

import autograd.numpy as np
import numpy
from autograd.tracer import getval, isbox

from minigen import checks
from minigen.checks import checked, choice, floats, function, whole
from minigen.nn import Linear, Module, Sequential, he_gain
from minigen.tensor import grad, linear
from minigen.tensor.activations import activation_name
from minigen.types import Array, Rng

Activation: TypeAlias = str | Callable | None

KINDS = ("masking", "gaussian", "salt_pepper")

# --------------------------------------------------------------------- reconstruction


def reconstruction_loss(x: Array, decoded: Array) -> Array:
    """Mean over the batch of the squared distance |x - decoded|², a scalar; both (N, ...). Eq. vae.01

    The square is summed over the pixels, not averaged: D times an element-wise mean. In squared units of x.
    Raises ValueError if the shapes differ or a value is not finite.
    """
    x, decoded = checks.floats_of_one_shape(2, x=x, decoded=decoded)
    return np.sum((x - decoded) ** 2) / len(x)


@checked(autoencoder=function)
def denoising_loss(autoencoder: Callable, x: Array, corrupted: Array) -> Array:
    """Mean over the batch of |x - autoencoder(corrupted)|²: the input is corrupted, the target clean. Eq. vae.02

    x and corrupted (N, ...), the second from `corrupt`. Raises ValueError as `reconstruction_loss` does.
    """
    return reconstruction_loss(x, autoencoder(corrupted))


@checked(x=floats, kind=partial(choice, options=KINDS), rng=Rng)
def corrupt(x: numpy.ndarray, rng: Rng, kind: str, level: float) -> numpy.ndarray:
    """A corrupted copy of x, of the same shape and dtype: a sample from M(x̃|x). x is not modified. Eq. vae.02

    kind: "masking"      each number becomes 0 with probability `level`, independently.
          "gaussian"     noise of standard deviation `level` is added to each; the sum is not clipped to [0, 1].
          "salt_pepper"  with probability `level` a number becomes 0 or 1, either as often as the other.

    ValueError for a level outside [0, 1] (gaussian: below 0). Vincent et al. 2010.
    """
    checks.number("level", level, 0, numpy.inf if kind == "gaussian" else 1)
    if kind == "gaussian":
        return x + x.dtype.type(level) * rng.standard_normal(x.shape, dtype=numpy.float32).astype(x.dtype)
    u = rng.random(x.shape)
    if kind == "masking":
        return numpy.where(u < level, x.dtype.type(0), x)
    return numpy.where(u < level, (u < level / 2).astype(x.dtype), x)  # half of the corrupted ones become 1


# --------------------------------------------------------------------- sparse codes


def kl_bernoulli(rho: Array, rho_hat: Array) -> Array:
    """KL between Bernoulli distributions, nats. Eq. vae.04

    rho log(rho/rho_hat) + (1 - rho) log((1 - rho)/(1 - rho_hat)).
    rho and rho_hat are probabilities strictly between 0 and 1, numbers or arrays that broadcast; the result has their
    common shape, one divergence for each entry. ValueError if one leaves (0, 1).
    """
    rho = _in_open_unit_interval("rho", rho)
    rho_hat = _in_open_unit_interval("rho_hat", rho_hat)
    return rho * np.log(rho / rho_hat) + (1 - rho) * np.log((1 - rho) / (1 - rho_hat))


def sparsity_penalty(activations: Array | Sequence[Array], rho: float) -> Array:
    """The sum over units of KL(rho || rho_hat_j), a scalar, nats; the loss adds it times beta. Eq. vae.03, Eq. vae.04

    activations (N, units), in [0, 1] (sigmoid units), or a list of such arrays, one a layer. rho_hat_j, the mean of
    unit j over the N examples, must lie strictly between 0 and 1, and so must rho. ValueError if they do not.
    """
    total = 0.0
    for a in activations if isinstance(activations, (list, tuple)) else [activations]:
        a = checks.array("activations", a, "N", ..., "units")
        checks.between("activations", a, 0, 1)
        rho_hat = np.sum(a, axis=0) / len(a)  # (units,), Eq. vae.03
        total = total + np.sum(kl_bernoulli(rho, rho_hat))
    return total


@checked(z="N, ..., D")
def k_sparse(z: Array, k: int) -> Array:
    """The k largest numbers of each row, by value, in their places; 0 elsewhere: (N, D) -> (N, D).

    Gradients pass through the kept numbers only. Of numbers that tie for the last place, the first in the row are
    kept. Raises ValueError unless 1 <= k <= D. Makhzani and Frey 2013.
    """
    width = np.shape(z)[-1]
    k = checks.whole("k", k, most=width)
    values = getval(z)
    threshold = numpy.partition(values, width - k, axis=-1)[..., width - k, None]  # (N, 1), the k-th largest
    above = values > threshold
    at = values == threshold
    room = k - above.sum(axis=-1, keepdims=True)  # (N, 1), places left for those at the threshold
    return np.where(above | (at & (at.cumsum(axis=-1) <= room)), z, values.dtype.type(0))


# --------------------------------------------------------------------- contractive codes


@checked(h="N, ..., H", w=floats)
def sigmoid_penalty(h: Array, w: Array) -> Array:
    """|J|² of a layer h = sigmoid(x w + b), mean over the batch, a scalar: h (N, H), w (D, H). Eq. vae.05

    dh_j/dx_i = h_j (1 - h_j) w_ij, so that |J|² = sum_j (h_j (1 - h_j))² sum_i w_ij². Raises ValueError if the shapes
    do not fit or h leaves [0, 1]. Rifai et al. 2011.
    """
    if np.ndim(w) != 2 or np.shape(w)[1] != np.shape(h)[-1]:
        raise ValueError(f"w must have shape (D, H) with H = {np.shape(h)[-1]}, got {np.shape(w)}")
    checks.between("h", h, 0, 1)
    return np.sum((h * (1 - h)) ** 2 * np.sum(w**2, axis=0)) / len(h)


@checked(x="N, ..., D", encoder=function)
def contractive_penalty(encoder: Callable, x: Array) -> Array:
    """|J|², the sum of all squared derivatives of the code by the input, mean over the batch: a scalar. Eq. vae.05

    `encoder` maps x (N, ...) -> (N, ...), each example by itself (no batch statistics). A `Linear` layer with a sigmoid
    takes the closed form, anything else `code_jacobian`. Differentiable with respect to the encoder. Raises ValueError
    if the encoder does not give a code for each example.
    """
    if isinstance(encoder, Linear) and activation_name(encoder.activation) == "sigmoid":
        return sigmoid_penalty(encoder(x), encoder.w)
    return np.sum(code_jacobian(encoder, x) ** 2) / len(x)


@checked(x="N, ..., D", encoder=function)
def code_jacobian(encoder: Callable, x: Array) -> Array:
    """dz_j/dx_i of each example by automatic differentiation: x (N, ...) -> (N, H, D), both flattened. Eq. vae.05

    One backward pass for all H numbers of the code, at the cost of H encodings. Errors as `contractive_penalty`.
    """
    n = len(x)
    code = np.shape(encoder(x))
    if len(code) < 2 or code[0] != n:
        raise ValueError(f"encoder must map x (N, ...) to codes (N, ...), got {code} for N = {n}")
    h = int(numpy.prod(code[1:]))
    pick = numpy.repeat(numpy.eye(h, dtype=x.dtype), n, axis=0)  # (H·N, H): copy j of the batch selects z_j
    copies = np.concatenate([x] * h)  # (H·N, ...)
    slopes = grad(lambda copies: np.sum(np.reshape(encoder(copies), (h * n, h)) * pick))(copies)  # (H·N, ...)
    return np.swapaxes(np.reshape(slopes, (h, n, -1)), 0, 1)  # (N, H, D)


# --------------------------------------------------------------------- the model


class Autoencoder(Module):
    """Encoder and decoder of mirrored widths around a code: 784 - 256 - 32 - 256 - 784 by default.

    widths: hidden layers of the encoder; () leaves one layer each way. k: keep the k largest of each code (`k_sparse`).
    activation: of the hidden layers. code_activation, out_activation: of the code and of the output (None: linear).
    tied: the decoder uses the encoder's weights, transposed, and has biases of its own.
    """

    @checked(dim_x=whole, dim_z=whole)
    def __init__(
        self,
        rng: Rng,
        dim_x: int = 784,
        dim_z: int = 32,
        widths: Sequence[int] = (256,),
        activation: Activation = "leaky_relu",
        *,
        code_activation: Activation = None,
        out_activation: Activation = None,
        k: int | None = None,
        tied: bool = False,
    ):
        self.dim_x = dim_x
        self.dim_z = dim_z
        self.k = None if k is None else checks.whole("k", k, most=dim_z)
        activations = {"activation": activation, "code_activation": code_activation, "out_activation": out_activation}
        for name, value in activations.items():
            activation_name(value, name)  # ValueError for one that is not known

        widths = checks.wholes("widths", widths)
        sizes = [dim_x, *widths, dim_z]
        hidden = [activation] * len(widths)
        self.encoder = _layers(rng, sizes, [*hidden, code_activation])
        self.decoder_activations = [*hidden, out_activation]
        self.decoder: Module | None = None
        self.biases: list[numpy.ndarray] | None = None
        if tied:
            self.biases = [numpy.zeros(n, numpy.float32) for n in reversed(sizes[:-1])]
        else:
            self.decoder = _layers(rng, sizes[::-1], self.decoder_activations)

    def encode(self, x: Array) -> Array:
        """The code: (N, dim_x) -> (N, dim_z)."""
        z = self.encoder(x)
        return z if self.k is None else k_sparse(z, self.k)

    def decode(self, z: Array) -> Array:
        """The reconstruction from a code: (N, dim_z) -> (N, dim_x)."""
        z = checks.array("z", z, "N", self.dim_z, finite=False)
        if self.decoder is not None:
            return self.decoder(z)
        assert self.biases is not None  # of a tied decoder
        layers = self.encoder.layers if isinstance(self.encoder, Sequential) else [self.encoder]
        for layer, bias, activation in zip(reversed(layers), self.biases, self.decoder_activations):
            z = linear(z, np.transpose(layer.w), bias, activation)
        return z

    def __call__(self, x: Array) -> Array:
        """x encoded and decoded: (N, dim_x) -> (N, dim_x)."""
        return self.decode(self.encode(x))

    def loss(self, x: Array) -> Array:
        """Return the mean over the batch of |x - f(g(x))|², squares summed over dim_x: a scalar. Eq. vae.01

        There is no `sample`, because nothing says which codes are likely: for that see `VAE`.
        """
        x = checks.array("x", x, "N", self.dim_x)
        return reconstruction_loss(x, self(x))


# --------------------------------------------------------------------- training


def autoencoder_loss(
    model: Autoencoder, x: Array, seen: Array | None = None, penalty: Callable | None = None
) -> tuple[Array, dict[str, Array]]:
    """|x - f(g(seen))|² plus a penalty, batch means: the loss, and its terms "reconstruction" and "penalty".

    x (N, dim_x). seen (N, dim_x): what the encoder sees in place of x, such as a corrupted copy of it.
    penalty(model, seen, z) -> scalar, z (N, dim_z) being the code of seen: weight times one of the penalties above.
    Eq. vae.01; with a corrupted `seen` Eq. vae.02.
    """
    checks.instance_with("model", model, "encode", "decode")
    if penalty is not None:
        checks.function("penalty", penalty)
    x, seen = checks.floats_of_one_shape(2, x=x, seen=x if seen is None else seen)
    z = model.encode(seen)
    reconstruction = reconstruction_loss(x, model.decode(z))
    extra = 0.0 if penalty is None else penalty(model, seen, z)
    return reconstruction + extra, {"reconstruction": reconstruction, "penalty": extra}


# --------------------------------------------------------------------- helpers


def _layers(rng: Rng, sizes: Sequence[int], activations: Sequence[Activation]) -> Module:
    """Linear layers of these sizes, each with its activation; a single one is not wrapped in a `Sequential`."""
    layers = []
    for (n_in, n_out), activation in zip(pairwise(sizes), activations):
        layer = Linear(rng, n_in, n_out, activation)
        if activation_name(layer.activation) in ("relu", "leaky_relu"):
            layer.w *= he_gain(activation)
        layers.append(layer)
    return layers[0] if len(layers) == 1 else Sequential(*layers)


def _in_open_unit_interval(name: str, p: Array) -> Array:
    """p, as an array unless it is a number: that would become an array of float64."""
    values = checks.array(name, p, ..., finite=False)
    if not isbox(values) and not (numpy.min(values) > 0 and numpy.max(values) < 1):
        low, high = numpy.min(values), numpy.max(values)
        raise ValueError(f"{name} must lie strictly between 0 and 1, got values from {low:.4g} to {high:.4g}")
    return p if isinstance(p, float) else values
