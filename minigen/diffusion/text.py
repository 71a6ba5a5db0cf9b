"""Pictures and their captions in one space: the contrastive loss of CLIP.

    loss = contrastive_loss(image_encoder(x), text_encoder(captions), log_scale)

Each picture of a batch is to find its own caption among all those of the batch, and each caption its picture. Radford
et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021, figure 3.
"""

from typing import Any

import autograd.numpy as np
import numpy
from autograd.tracer import isbox

from minigen import checks
from minigen.tensor import cross_entropy, stop_gradient

Array = Any  # an ndarray, or one that autograd traces


def contrastive_loss(image: Array, text: Array, log_scale: Any) -> Array:
    """½ (cross-entropy of the captions for each picture + of the pictures for each caption), a scalar, in nats.

    image and text (N, E) are embeddings, row i of one belonging to row i of the other. They are brought to length 1;
    the logits are exp(log_scale) · image textᵀ (N, N), log_scale a scalar that is learned too.
    ValueError: shapes that differ, a row of zeros, log_scale that is no scalar.
    """
    image, text = checks.array("image", image, "N", "E"), checks.array("text", text, "N", "E")
    checks.same_shape(2, image=image, text=text)
    log_scale = checks.array("log_scale", log_scale)
    image, text = unit_rows("image", image), unit_rows("text", text)
    logits = np.exp(log_scale).astype(image.dtype) * np.matmul(image, np.transpose(text))  # (N, N)
    pairs = numpy.arange(len(image))
    captions, pictures = cross_entropy(logits, pairs), cross_entropy(np.transpose(logits), pairs)  # (N,) each
    return (np.mean(captions) + np.mean(pictures)) / 2


def unit_rows(name: str, rows: Array) -> Array:
    """Rows (N, E) of length 1. The largest entry is taken out first, so that squares neither overflow nor vanish.

    ValueError, naming them: a row of zeros, which has no direction.
    """
    largest = stop_gradient(np.max(np.abs(rows), axis=1, keepdims=True))  # (N, 1)
    if not isbox(rows) and np.any(largest == 0):
        raise ValueError(f"{name} must have no row of zeros, which has no direction, got one in row {largest.argmin()}")
    rows = rows / largest
    return rows / np.sqrt(np.sum(rows**2, axis=1, keepdims=True))
