"""Images and their captions in one space: two encoders, and the contrastive loss of CLIP.

    loss = contrastive_loss(image_encoder(x), text_encoder(tokens), log_scale)

Each image of a batch is matched with its own caption among all those of the batch, and each caption with its image.
Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021, figure 3.
"""

from typing import Any

import autograd.numpy as np
import numpy
from autograd.tracer import isbox

from minigen import checks
from minigen.checks import Sized, checked, whole
from minigen.nn import Conv2d, Embedding, Linear, Module, TransformerBlock, space_to_depth
from minigen.tensor import cross_entropy, max_pool2d, silu, softmax, stop_gradient
from minigen.types import Array, Rng


@checked(image="N, E", text="N, E")
def contrastive_loss(image: Array, text: Array, log_scale: Any) -> Array:
    """½ (cross-entropy of the captions for each image + of the images for each caption), a scalar, in nats.

    image and text (N, E) are embeddings, row i of one belonging to row i of the other. They are brought to length 1;
    the logits are exp(log_scale) · image textᵀ (N, N), log_scale a scalar that is learned too.
    ValueError: a row of zeros, log_scale that is not a scalar.
    """
    log_scale = checks.array("log_scale", log_scale)
    image, text = unit_rows("image", image), unit_rows("text", text)
    logits = np.exp(log_scale).astype(image.dtype) * np.matmul(image, np.transpose(text))  # (N, N)
    pairs = numpy.arange(len(image))
    captions, pictures = cross_entropy(logits, pairs), cross_entropy(np.transpose(logits), pairs)  # (N,) each
    return (np.mean(captions) + np.mean(pictures)) / 2


@checked(logits="N, N")
def contrastive_gradient(logits: Array) -> Array:
    """The gradient of `contrastive_loss` in its logits (N, N), a row for each image and a column for each caption.

    It is (P + Q − 2 I)/2N, with P the softmax of each row, the captions for an image, Q that of each column, the images
    for a caption, and I the right answers.
    """
    logits = checks.finite("logits", logits)
    n = len(logits)
    if np.shape(logits) != (n, n):
        raise ValueError(f"logits must have shape (N, N), got {np.shape(logits)}")
    captions, pictures = softmax(logits), np.transpose(softmax(np.transpose(logits)))
    return (captions + pictures - 2 * np.eye(n, dtype=logits.dtype)) / (2 * n)


def unit_rows(name: str, rows: Array) -> Array:
    """Rows (N, E) of length 1. The largest entry is taken out first, so that squares neither overflow nor vanish.

    ValueError, naming them: a row of zeros, which has no direction.
    """
    largest = stop_gradient(np.max(np.abs(rows), axis=1, keepdims=True))  # (N, 1)
    if not isbox(rows) and np.any(largest == 0):
        raise ValueError(f"{name} must have no row of zeros, which has no direction, got one in row {largest.argmin()}")
    rows = rows / largest
    return rows / np.sqrt(np.sum(rows**2, axis=1, keepdims=True))


@checked(h="N, L, width")
def mean_of_words(h: Array, tokens: numpy.ndarray) -> Array:
    """The mean over the words of each text: h (N, L, width), tokens (N, L), 0 where there is no word -> (N, width).

    ValueError: tokens of another shape, a text without a word.
    """
    tokens = checks.integers("tokens", tokens, *np.shape(h)[:2])
    words = (tokens > 0).astype(h.dtype)[:, :, None]  # (N, L, 1)
    if not numpy.all(words.sum(axis=1)):
        raise ValueError("tokens must have a word in each row, got a row of padding only")
    return np.sum(h * words, axis=1) / words.sum(axis=1)


class TextEncoder(Module):
    """Tokens (N, L) -> embeddings (N, dim); 0 is padding, behind the last word.

    Each word's vector plus that of its position passes a transformer's blocks, in which every word attends to all words
    and not to the padding; the mean over the words is mapped to the embedding. `features(tokens)` returns what comes
    before that mean, (N, L, width), for networks that attend to single words.
    ValueError: tokens out of range, longer than `length`, a text without a word, heads that do not divide width.
    """

    @checked(length=whole, vocabulary=whole, width=whole, dim=whole)
    def __init__(
        self, rng: Rng, vocabulary: int, dim: int, width: int = 64, blocks: int = 1, heads: int = 4, length: int = 8
    ):
        self.vocabulary, self.length = vocabulary, length
        self.words = Embedding(rng, vocabulary, width, scale=0.5)
        self.places = Embedding(rng, length, width, scale=0.5)
        self.blocks = [TransformerBlock(rng, width, heads) for _ in range(checks.whole("blocks", blocks))]
        self.out = Linear(rng, width, dim)

    def features(self, tokens: numpy.ndarray) -> Array:
        tokens = checks.integers("tokens", tokens, "N", "L", most=self.vocabulary - 1)
        if tokens.shape[1] > self.length:
            raise ValueError(f"tokens must have at most {self.length} columns, got {tokens.shape[1]}")
        if not numpy.all(tokens.any(axis=1)):
            raise ValueError("tokens must have a word in each row, got a row of padding only")
        h = self.words(tokens) + self.places(numpy.arange(tokens.shape[1]))  # (N, L, width)
        seen = (tokens > 0)[:, None, None, :]  # (N, 1, 1, L)
        for block in self.blocks:
            h = h + block.attention(block.norm1(h), mask=seen)
            h = h + block.mlp(block.norm2(h))
        return h

    def __call__(self, tokens: numpy.ndarray) -> Array:
        return self.out(mean_of_words(self.features(tokens), tokens))  # (N, dim)


class ImageEncoder(Module):
    """Digits (N, 28, 28, 1) -> embeddings (N, dim): two convolutions, each followed by pooling, and two layers.

    Blocks of 2 x 2 pixels become four channels first. ValueError for another shape.
    """

    @checked(width=whole, hidden=whole, dim=whole)
    def __init__(self, rng: Rng, dim: int, width: int = 24, hidden: int = 128):
        self.conv1 = Conv2d(rng, 4, width, 5, padding=2)
        self.conv2 = Conv2d(rng, width, 2 * width, 3, padding=1)
        self.hidden = Linear(rng, 7 * 7 * 2 * width, hidden, "silu")
        self.out = Linear(rng, hidden, dim)

    @checked(x=Sized("N, 28, 28, 1", finite=False))
    def __call__(self, x: Array) -> Array:
        h = max_pool2d(silu(self.conv1(space_to_depth(x))), 2)  # (N, 7, 7, width)
        h = silu(self.conv2(h))  # (N, 7, 7, 2 width)
        return self.out(self.hidden(np.reshape(h, (len(x), -1))))  # (N, dim)
