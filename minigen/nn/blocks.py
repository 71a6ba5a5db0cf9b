"""Blocks that several families of models share: space to depth and back, and the residual block of two convolutions."""

from typing import Any

import autograd.numpy as np

from minigen import checks
from minigen.checks import checked, whole
from minigen.nn.layers import Conv2d, GroupNorm, Linear
from minigen.nn.module import Module
from minigen.tensor.activations import activation_name, apply_activation, as_floats
from minigen.types import Array, Rng


@checked(size=whole)
def space_to_depth(x: Array, size: int = 2) -> Array:
    """Blocks of size × size pixels to channels: (N, H, W, C) -> (N, H/size, W/size, size² C).

    Channel order inside a block: row, column, C. Undone by `depth_to_space`. ValueError unless size divides H and W.
    """
    n, height, width, c = _image_shape(x)
    if height % size or width % size:
        raise ValueError(f"size must divide the height and width of x, {height} x {width}, got {size}")
    x = np.reshape(x, (n, height // size, size, width // size, size, c))
    x = np.transpose(x, (0, 1, 3, 2, 4, 5))  # (N, H/size, W/size, size, size, C)
    return np.reshape(x, (n, height // size, width // size, size * size * c))


@checked(size=whole)
def depth_to_space(x: Array, size: int = 2) -> Array:
    """Channels to blocks of size × size pixels: (N, H, W, size² C) -> (N, size H, size W, C).

    The inverse of `space_to_depth`. ValueError unless size² divides the channels.
    """
    n, height, width, c = _image_shape(x)
    if c % (size * size):
        raise ValueError(f"size² must divide the channels of x, {c}, got size {size}")
    x = np.reshape(x, (n, height, width, size, size, c // size**2))
    x = np.transpose(x, (0, 1, 3, 2, 4, 5))  # (N, H, size, W, size, C)
    return np.reshape(x, (n, height * size, width * size, c // size**2))


def _image_shape(x: Array) -> tuple[int, ...]:
    if np.ndim(x) != 4:
        raise ValueError(f"x must have shape (N, H, W, C), got {np.shape(x)}")
    return np.shape(x)


class ResidualBlock(Module):
    """x + f(x) or skip(x) + f(x): norm, activation, convolution, twice. x (N, H, W, c_in) -> (N, H, W, c_out).

    kernels:       sizes of the two (square, odd) kernels.
    groups:        groups of the group norm before each convolution; None for no norm there.
    scale:         of the first convolution's weights; those of the second start at zero, so the block starts as the
                   identity, or as a 1×1 convolution where c_in and c_out differ.
    dim_condition: with it the block is called `block(x, condition)`, condition (N, dim_condition), of which a linear
                   map is added to every position between the convolutions.

    He et al. 2016, with norm and activation ahead of each convolution.
    """

    @checked(c_in=whole, c_out=whole)
    def __init__(
        self,
        rng: Rng,
        c_in: int,
        c_out: int,
        *,
        kernels: tuple[int, int] = (3, 3),
        groups: tuple[int | None, int | None] = (None, None),
        activation: str = "relu",
        scale: float = 1.0,
        dim_condition: int | None = None,
    ):
        _check_settings(kernels, groups, scale, dim_condition)
        activation_name(activation)  # ValueError for one that is not known

        def norm(count: int | None, channels: int) -> GroupNorm | None:
            return None if count is None else GroupNorm(count, channels, activation=activation)

        self.activation = activation
        self.norm1 = norm(groups[0], c_in)
        self.conv1 = Conv2d(rng, c_in, c_out, kernels[0], padding=kernels[0] // 2, scale=scale)
        self.condition = None if dim_condition is None else Linear(rng, dim_condition, c_out)
        self.norm2 = norm(groups[1], c_out)
        self.conv2 = Conv2d(rng, c_out, c_out, kernels[1], padding=kernels[1] // 2, scale=0.0)
        self.skip = None if c_in == c_out else Conv2d(rng, c_in, c_out, 1)

    def __call__(self, x: Array, condition: Array | None = None) -> Array:
        x = as_floats(x)
        if (condition is None) != (self.condition is None):
            wanted = "None: the block was made without dim_condition" if self.condition is None else "given"
            raise ValueError(f"condition must be {wanted}, got {None if condition is None else np.shape(condition)}")
        h = self.conv1(self._normalized(self.norm1, x))  # (N, H, W, c_out)
        if self.condition is not None:
            h = h + self.condition(condition)[:, None, None, :]
        h = self.conv2(self._normalized(self.norm2, h))
        return h + (x if self.skip is None else self.skip(x))

    def _normalized(self, norm: GroupNorm | None, x: Array) -> Array:
        """norm(x), in which the activation is fused, or the activation alone where there is no norm."""
        return apply_activation(self.activation, x) if norm is None else norm(x)


def _check_settings(kernels: Any, groups: Any, scale: float, dim_condition: int | None) -> None:
    """ValueError unless the arguments of a `ResidualBlock` beside its widths are ones."""
    kernels = checks.wholes("kernels", kernels)
    if len(kernels) != 2 or not all(kernel % 2 for kernel in kernels):
        raise ValueError(f"kernels must be two odd numbers, got {kernels}")
    if not isinstance(groups, (tuple, list)) or len(groups) != 2:
        raise ValueError(f"groups must be two numbers of groups, or None for no norm, got {groups!r}")
    for count in groups:
        if count is not None:
            checks.whole("groups", count)
    checks.number("scale", scale, 0)
    if dim_condition is not None:
        checks.whole("dim_condition", dim_condition)
