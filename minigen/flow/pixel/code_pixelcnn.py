"""CodePixelCNN: a gated PixelCNN for images of integers, such as the codes of a VQ-VAE.

Van den Oord et al., "Conditional Image Generation with PixelCNN Decoders", 2016; as a prior of codes, van den Oord,
Vinyals and Kavukcuoglu, "Neural Discrete Representation Learning", 2017.
"""

from collections.abc import Sequence
from functools import partial

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, whole
from minigen.flow.pixel.model import FIRST, known_pixels
from minigen.flow.pixel.pixelcnn import PixelCNN
from minigen.flow.wavenet import draw_codes
from minigen.tensor import cross_entropy
from minigen.types import Array, Float32, Rng


class CodePixelCNN(PixelCNN):
    """Codes (N, H, W), integers in 0 ... levels − 1 -> logits (N, H, W, levels), each of earlier codes only.

    A gated PixelCNN that sees the codes one-hot: its first layer has a vector for each code at each position of its
    window. width, layers, window and position_bias are those of `PixelCNN`. ValueError: codes that are not integers,
    out of range or of another shape. Van den Oord et al. 2016b, 2017.
    """

    @checked(levels=partial(whole, least=2))
    def __init__(
        self,
        rng: Rng,
        levels: int,
        width: int = 32,
        layers: int = 7,
        window: Sequence[int] = (FIRST // 2 + 1, FIRST),
        position_bias: Sequence[int] | None = None,
    ):
        self.channels = levels
        super().__init__(rng, width, layers, True, window, position_bias)

    def __call__(self, codes: numpy.ndarray) -> Array:
        """Logits (N, H, W, levels) of codes (N, H, W)."""
        codes = checks.integers("codes", codes, "N", *(self.image_size or ("H", "W")), most=self.channels - 1)
        if not codes.size:
            raise ValueError(f"codes must have at least one image and one position, got shape {codes.shape}")
        return self._logits(self._features(self._one_hot(codes)))

    def log_prob(self, codes: numpy.ndarray) -> Float32:
        """log p(codes) in nats, (N, H, W) -> (N,)."""
        codes = numpy.asarray(codes)
        return -np.sum(cross_entropy(self(codes), codes), axis=(1, 2))

    def sample(
        self,
        rng: Rng,
        n: int,
        size: tuple[int, int] = (7, 7),
        given: numpy.ndarray | None = None,
        known: numpy.ndarray | None = None,
    ) -> numpy.ndarray:
        """n images of codes (n, H, W), int64, drawn code by code.

        Codes of `given` (n, H, W) are kept where `known`, bool of a shape that broadcasts to it, is True; elsewhere any
        integer is allowed. ValueError: only one of the two, other shapes and kinds, a size that is not `position_bias`.
        """
        shape = self._sample_shape(rng, n, size)
        given = None if given is None else checks.integers("given", given, *shape, least=numpy.iinfo(numpy.int64).min)
        codes, known = known_pixels(shape, given, known)
        x = self._one_hot(checks.integers("given", codes, most=self.channels - 1))
        self._draw_unknown(rng, x, known[..., None])
        return x.argmax(axis=-1)

    def _draw(self, rng: Rng, logits: numpy.ndarray) -> numpy.ndarray:
        return self._one_hot(draw_codes(logits, rng))

    def _one_hot(self, codes: numpy.ndarray) -> numpy.ndarray:
        return numpy.eye(self.channels, dtype=numpy.float32)[codes]  # (..., levels)
