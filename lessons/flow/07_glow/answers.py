"""Mistakes in the exercises of flow/07, and other right answers."""

import autograd.numpy as np


def places(x):
    """All axes but the last."""
    return tuple(range(np.ndim(x) - 1))


def triangles(L, U, scales):
    return np.tril(L, -1) + np.eye(len(L)), np.triu(U, 1) + np.diag(scales)


MISTAKES = {
    "actnorm_init": """
    # log_scale is the logarithm of the deviation; here it is the deviation itself.
    return x.mean(axis=places(x)), x.astype(float).std(axis=places(x))
    # This is the logarithm of the variance: that of the deviation is half of it.
    return x.mean(axis=places(x)), np.log(x.astype(float).var(axis=places(x)))
    # The sign of log_scale is wrong: exp(-log_scale) must divide by the deviation.
    return x.mean(axis=places(x)), -np.log(x.astype(float).std(axis=places(x)))
    # The sign of the shift is wrong: it is subtracted from x.
    return -x.mean(axis=places(x)), np.log(x.astype(float).std(axis=places(x)))
    # Mean and variance run over the places of an image too, not only over the batch.
    return x.mean(axis=0), np.log(x.astype(float).std(axis=0))
    # Mean and deviation of each image were taken: they run over the batch as well.
    return x.mean(axis=places(x)[1:]), np.log(x.astype(float).std(axis=places(x)[1:]))
    # Each channel has its own mean and deviation: leave out the last axis only.
    return x.mean(), np.log(x.astype(float).std())
    # Each channel has its own mean and deviation; here they were taken over the channels.
    return x.mean(axis=-1), np.log(x.astype(float).std(axis=-1))
    # The variance is taken with 1/n, not with 1/(n - 1).
    return x.mean(axis=places(x)), np.log(x.astype(float).std(axis=places(x), ddof=1))
    # A small number is added to the deviations: they may be tiny.
    return x.mean(axis=places(x)), np.log(x.astype(float).std(axis=places(x)) + 1e-6)
    # A small number is added to the variance: the deviations may be tiny.
    return x.mean(axis=places(x)), 0.5 * np.log(x.astype(float).var(axis=places(x)) + 1e-6)
    # First shift, then log_scale.
    return np.log(x.astype(float).std(axis=places(x))), x.mean(axis=places(x))
    # The squares must be those of the deviations from the mean; this is the root mean square of x.
    return x.mean(axis=places(x)), 0.5 * np.log(np.mean(x.astype(float) ** 2, axis=places(x)))
    # A spread that is tiny beside the mean is lost in the difference of two large squares: square
    # the deviations from the mean.
    wide = x.astype(float)
    mean = wide.mean(axis=places(x))
    return mean, 0.5 * np.log(np.abs(np.mean(wide**2, axis=places(x)) - mean**2) + 1e-300)
    # The mean is subtracted before x is divided, so the shift is the mean itself.
    std = x.astype(float).std(axis=places(x))
    return x.mean(axis=places(x)) / std, np.log(std)
    # The shift is the mean, not the median.
    wide.mean -> np.median(x, axis=axes) + 0 * wide.mean
    # This is a mean of absolute deviations: take the mean of their squares.
    off = np.abs(x - x.mean(axis=places(x)))
    return x.mean(axis=places(x)), np.log(off.mean(axis=places(x)))
    # The sum of the squared deviations was not divided by their number.
    off = x.astype(float) - x.mean(axis=places(x))
    return x.mean(axis=places(x)), 0.5 * np.log(np.sum(off**2, axis=places(x)))
    # A number as small as 1e-8 is added to the deviations: they may be tiny.
    return x.mean(axis=places(x)), np.log(x.astype(float).std(axis=places(x)) + 1e-8)
    # The deviations are clipped from below: they may be tiny.
    return x.mean(axis=places(x)), np.log(np.maximum(x.astype(float).std(axis=places(x)), 1e-6))
    # Both signs are wrong: x - shift subtracts the mean, exp(-log_scale) divides.
    return -x.mean(axis=places(x)), -np.log(x.astype(float).std(axis=places(x)))
    # These are shift and log-scale of another form, x exp(a) + b: here x - shift comes first, and
    # exp(-log_scale) divides.
    std = x.astype(float).std(axis=places(x))
    return -x.mean(axis=places(x)) / std, -np.log(std)
    # This is one over the deviation; log_scale is the logarithm of the deviation.
    return x.mean(axis=places(x)), 1 / x.astype(float).std(axis=places(x))
    # The channels are the last axis: reshape to (-1, C), not to (C, -1), which mixes them.
    flat = np.reshape(x.astype(float), (x.shape[-1], -1))
    return flat.mean(axis=1), np.log(flat.std(axis=1))
    # The logarithm must be the natural one: exp is its inverse.
    return x.mean(axis=places(x)), np.log2(x.astype(float).std(axis=places(x)))
    # The deviation is log_scale's, with nothing added: log, not log1p.
    return x.mean(axis=places(x)), np.log1p(x.astype(float).std(axis=places(x)))
    # The shift is the mean, not the sum.
    return x.sum(axis=places(x)), np.log(x.astype(float).std(axis=places(x)))
    # The root comes before the logarithm: log of the root of the variance.
    return x.mean(axis=places(x)), np.sqrt(np.abs(np.log(x.astype(float).var(axis=places(x)))))
    # Mean and deviation are meant, not the middle and half of the range.
    low, high = x.min(axis=places(x)), x.max(axis=places(x))
    return (low + high) / 2, np.log((high.astype(float) - low) / 2)
    # The square of the mean is subtracted from the mean of the squares, in float32: both are near
    # 250000, and the difference is lost, or negative. Take the deviations first.
    v = np.mean(x**2, axis=places(x)) - np.mean(x, axis=places(x)) ** 2
    return x.mean(axis=places(x)), 0.5 * np.log(v)
    """,
    "conv1x1": """
    # W is transposed: entry i sums W[i, j] h[j] over j, so h is multiplied by W^T from the right.
    return np.matmul(h, W)
    # This uses the diagonal of W alone: every channel of the result takes from all channels.
    return h * np.diag(W)
    # This sums over the rows of W: every channel of the result has weights of its own.
    return h * np.sum(W, axis=1)
    # This is the inverse map, W^-1 times the channels.
    return np.matmul(h, np.linalg.inv(W).T)
    # This is the inverse map, W^-1 times the channels, and transposed as well.
    return np.matmul(h, np.linalg.inv(W))
    # The input is not added to the product: there is no skip connection.
    return h + np.matmul(h, W.T)
    # The products are summed over the channels, not averaged.
    return np.matmul(h, W.T) / len(W)
    # The matrix must act on the channels, the last axis, not on the columns of the image.
    if np.ndim(h) == 2:
        return np.matmul(h, W.T)
    side = np.shape(h)[2]
    A = W if side == len(W) else np.eye(side)
    return np.einsum("ij,nhjc->nhic", A, h)
    # Images must not be flattened with the channels first: (N, C, places) is another order.
    shape = np.shape(h)
    flat = np.reshape(h, (shape[0], len(W), -1))
    return np.reshape(np.einsum("ij,njp->nip", W, flat), shape)
    # W is made symmetric: use it unchanged.
    return np.matmul(h, (W + W.T) / 2)
    # W is divided by the size of its determinant: use it unchanged.
    return np.matmul(h, W.T) / np.abs(np.linalg.det(W))
    # The rows of W are normalized: use it unchanged.
    return np.matmul(h, (W / np.sum(W**2, axis=1, keepdims=True) ** 0.5).T)
    # The value is right, but the derivative is cut off: stay with autograd's np.
    from minigen.tensor import stop_gradient
    return np.matmul(h, stop_gradient(W).T)
    # The value is right, but the derivative with respect to h is cut off: stay with autograd's np.
    from minigen.tensor import stop_gradient
    return np.matmul(stop_gradient(h), W.T)
    # The product has no bound: do not clip it.
    return np.clip(np.matmul(h, W.T), -100, 100)
    # Negative values are cut off, as by a ReLU: a 1×1 convolution is only a matrix product.
    return np.maximum(np.matmul(h, W.T), 0)
    # The rows of h are the examples: W must multiply each from the left, so h W^T, not W h.
    return np.matmul(W, h)
    # This multiplies entry by entry; take the sum over the channels.
    return h * W
    # The channels must be the last axis of the result too.
    return np.tensordot(W, h, axes=([1], [-1]))
    # h must not be reshaped to (C, -1): that mixes channels and places.
    flat = np.reshape(h, (len(W), -1))
    return np.reshape(np.matmul(W, flat), np.shape(h))
    return np.matmul(h, np.abs(W).T)  # The entries of W keep their signs.
    # All of W counts, not only its lower triangle.
    return np.matmul(h, np.tril(W).T)
    # All of W counts, not only its upper triangle.
    return np.matmul(h, np.triu(W).T)
    # A tanh is applied: a 1×1 convolution is only a matrix product.
    return np.tanh(np.matmul(h, W.T))
    # Nothing is added to the product: there is no bias.
    return np.matmul(h, W.T) + np.mean(h)
    """,
    "conv1x1_log_det": """
    # The image has height · width places, each multiplied by W: this is the log-det of one.
    return np.linalg.slogdet(W)[1]
    # Every row has `width` places: height times width of them.
    return height * np.linalg.slogdet(W)[1]
    # The places of an image are height times width; height is missing.
    return width * np.linalg.slogdet(W)[1]
    # The number of places is the product of height and width, not their sum.
    return (height + width) * np.linalg.slogdet(W)[1]
    # Height and width differ: the number of places is not a square.
    return height**2 * np.linalg.slogdet(W)[1]
    # The channels are in det W already: do not multiply by C.
    return height * width * len(W) * np.linalg.slogdet(W)[1]
    # slogdet returns the sign first; the logarithm of |det| is its second value.
    return height * width * np.linalg.slogdet(W)[0]
    # The determinant is negative: take its absolute value, the volume has no sign.
    return height * width * np.log(np.linalg.det(W))
    # The determinant may be too small or too large for the computer: slogdet gives log |det|
    # without it.
    return height * width * np.log(np.abs(np.linalg.det(W)))
    # The power |det|^(h w) soon overflows: take the logarithm first, then multiply.
    return np.log(np.abs(np.linalg.det(W)) ** (height * width))
    # This is the determinant; its logarithm is asked for.
    return height * width * np.abs(np.linalg.det(W))
    # This is the determinant with its sign; the logarithm of its absolute value is asked for.
    return height * width * np.linalg.det(W)
    # From h to y = W h the volume grows by |det W|: plus, not minus.
    return -height * width * np.linalg.slogdet(W)[1]
    # The determinant is not the product of the diagonal, unless the matrix is triangular.
    return height * width * np.sum(np.log(np.abs(np.diag(W))))
    # The trace is not the log-determinant.
    return height * width * np.trace(W)
    # The logarithm has base 2: the natural one is asked for, in nats.
    return height * width * np.linalg.slogdet(W)[1] / np.log(2)
    # The logarithm has base 10: the natural one is asked for, in nats.
    return height * width * np.linalg.slogdet(W)[1] / np.log(10)
    # Where the determinant is negative only its size counts: there is no factor for the sign.
    sign, log = np.linalg.slogdet(W)
    return height * width * sign * log
    # The determinant may be tiny: add nothing to it, and take slogdet.
    return height * width * np.log(np.abs(np.linalg.det(W)) + 1e-12)
    # log |det| of a matrix times its transpose is twice as large: a factor 1/2 is missing.
    return height * width * np.linalg.slogdet(np.matmul(W, W.T))[1]
    # Take a total over the image, not a mean over its places and channels.
    return np.linalg.slogdet(W)[1] / len(W)
    # The logarithm has no absolute value: a matrix that shrinks has a negative one.
    return height * width * np.abs(np.linalg.slogdet(W)[1])
    # The value is right, but its derivative is cut off: stay with autograd's np.
    from minigen.tensor import stop_gradient
    return stop_gradient(height * width * np.linalg.slogdet(W)[1])
    # This is the determinant of the whole image; its logarithm is asked for.
    return np.abs(np.linalg.det(W)) ** (height * width)
    # This is the determinant of one place; the log-determinant of the whole image is asked for.
    return np.linalg.det(W)
    # This is |det| of one place; the log-determinant of the whole image is asked for.
    return np.abs(np.linalg.det(W))
    # The log-det of an image is that of one place times height · width, not divided by it.
    return np.linalg.slogdet(W)[1] / (height * width)
    # The logarithm of the square of the determinant is twice as large.
    return height * width * np.log(np.linalg.det(W) ** 2)
    # The log-determinant is right for one channel less: sum over all C, none is left out.
    return height * width * np.sum(np.log(np.linalg.svd(W, compute_uv=False)[:-1]))
    """,
    "lu_matrix": """
    # P comes before the triangles: it permutes rows. Here it permutes columns.
    lower, upper = triangles(L, U, sign * np.exp(log_s))
    return np.matmul(np.matmul(lower, upper), P)
    # P is transposed: this is the inverse permutation.
    lower, upper = triangles(L, U, sign * np.exp(log_s))
    return np.matmul(P.T, np.matmul(lower, upper))
    # The permutation P is missing.
    lower, upper = triangles(L, U, sign * np.exp(log_s))
    return np.matmul(lower, upper)
    # The lower triangle comes first, then the upper one.
    lower, upper = triangles(L, U, sign * np.exp(log_s))
    return np.matmul(P, np.matmul(upper, lower))
    # The ones on the diagonal of the lower triangle are missing: L + I.
    lower, upper = triangles(L, U, sign * np.exp(log_s))
    return np.matmul(P, np.matmul(np.tril(L, -1), upper))
    # The diagonal of the upper triangle is missing: the scales sign exp(log_s).
    lower, upper = triangles(L, U, sign * np.exp(log_s))
    return np.matmul(P, np.matmul(lower, np.triu(U, 1)))
    # The signs are missing: a scale may be negative.
    lower, upper = triangles(L, U, np.exp(log_s))
    return np.matmul(P, np.matmul(lower, upper))
    # log_s is a logarithm: the scales are exp(log_s), with their signs.
    lower, upper = triangles(L, U, sign * log_s)
    return np.matmul(P, np.matmul(lower, upper))
    # The sign multiplies the scale, not its logarithm: sign exp(log_s).
    lower, upper = triangles(L, U, np.exp(sign * log_s))
    return np.matmul(P, np.matmul(lower, upper))
    # The sign multiplies the scale; here it is added to it.
    lower, upper = triangles(L, U, sign + np.exp(log_s))
    return np.matmul(P, np.matmul(lower, upper))
    # W is made of matrix products; here the triangles are multiplied entry by entry.
    lower, upper = triangles(L, U, sign * np.exp(log_s))
    return np.matmul(P, lower * upper)
    # P is multiplied entry by entry: W is made of matrix products.
    lower, upper = triangles(L, U, sign * np.exp(log_s))
    return P * np.matmul(lower, upper)
    # Only entries below the diagonal of L count, and only entries above that of U.
    eye = np.eye(len(P))
    return np.matmul(P, np.matmul(L + eye, U + eye * (sign * np.exp(log_s))))
    # Only entries below the diagonal of L count: tril(L, -1), not tril(L).
    np.tril(L, -1) -> np.tril(L)
    # Only entries above the diagonal of U count: triu(U, 1), not triu(U).
    np.triu(U, 1) -> np.triu(U)
    # L is lower triangular and U upper: here the two triangles are exchanged.
    eye = np.eye(len(P))
    lower, upper = np.triu(L, 1) + eye, np.tril(U, -1) + eye * (sign * np.exp(log_s))
    return np.matmul(P, np.matmul(lower, upper))
    # This is the inverse of W.
    lower, upper = triangles(L, U, sign * np.exp(log_s))
    return np.linalg.inv(np.matmul(P, np.matmul(lower, upper)))
    # The scales are on the diagonal of the upper triangle only, not on that of the lower.
    lower, upper = np.tril(L, -1), np.triu(U, 1)
    d = np.diag(sign * np.exp(log_s))
    return np.matmul(P, np.matmul(lower + d, upper + np.eye(len(P))))
    # U is not scaled as a whole: the scales are added on its diagonal, where U is cut off.
    lower, upper = np.tril(L, -1) + np.eye(len(P)), np.triu(U, 1) + np.eye(len(P))
    return np.matmul(P, np.matmul(lower, upper * (sign * np.exp(log_s))))
    # The scales have no bound: do not clip log_s.
    lower, upper = triangles(L, U, sign * np.exp(np.clip(log_s, -10, 10)))
    return np.matmul(P, np.matmul(lower, upper))
    # Nothing is added to the scales.
    lower, upper = triangles(L, U, sign * (np.exp(log_s) + 1e-6))
    return np.matmul(P, np.matmul(lower, upper))
    # Only entries below the diagonal of L and above that of U count: tril(L, -1), triu(U, 1).
    eye = np.eye(len(P))
    return np.matmul(P, np.matmul(np.tril(L) + eye, np.triu(U) + eye * (sign * np.exp(log_s))))
    # The diagonals are counted in the wrong direction: tril(L, -1) is below it, triu(U, 1) above.
    eye = np.eye(len(P))
    return np.matmul(P, np.matmul(np.tril(L, 1) + eye, np.triu(U, -1) + eye * sign * np.exp(log_s)))
    # The scales are on the diagonal only; here they were added to every row of U.
    lower = np.tril(L, -1) + np.eye(len(P))
    return np.matmul(P, np.matmul(lower, np.triu(U, 1) + sign * np.exp(log_s)))
    # I has ones on the diagonal only; here 1 was added to every entry of L.
    upper = np.triu(U, 1) + np.diag(sign * np.exp(log_s))
    return np.matmul(P, np.matmul(np.tril(L, -1) + 1, upper))
    # All factors are multiplied entry by entry: W is made of matrix products.
    lower, upper = triangles(L, U, sign * np.exp(log_s))
    return P * lower * upper
    # The scales are the reciprocals of the right ones: exp(log_s), not exp(-log_s).
    lower, upper = triangles(L, U, sign * np.exp(-log_s))
    return np.matmul(P, np.matmul(lower, upper))
    # The two triangles are multiplied, not added.
    lower, upper = triangles(L, U, sign * np.exp(log_s))
    return np.matmul(P, lower + upper)
    """,
}

VARIANTS = {
    "actnorm_init": """
    # with sums, over the rows of a matrix
    rows = np.reshape(np.array(x, dtype=float), (-1, x.shape[-1]))
    shift = np.sum(rows, axis=0) / len(rows)
    return shift, 0.5 * np.log(np.sum((rows - shift) ** 2, axis=0) / len(rows))
    # one channel after the other
    x = np.asarray(x, dtype=float)
    channels = [x[..., k] for k in range(x.shape[-1])]
    return np.array([c.mean() for c in channels]), np.log(np.array([np.std(c) for c in channels]))
    # in float32, the deviations taken first
    axes = tuple(range(x.ndim - 1))
    shift = np.mean(x, axis=axes)
    return shift, np.log(np.sqrt(np.mean((x - shift) ** 2, axis=axes)))
    """,
    "conv1x1": """
    # einsum
    return np.einsum("...j,ij->...i", h, W)
    # from the left, on columns
    flat = np.reshape(h, (-1, len(W)))
    return np.reshape(np.matmul(W, flat.T).T, np.shape(h))
    # channel by channel
    rows = [np.sum(h * W[i], axis=-1) for i in range(len(W))]
    return np.stack(rows, axis=-1)
    """,
    "conv1x1_log_det": """
    # the product of the singular values is |det|
    s = np.linalg.svd(W, compute_uv=False)
    return np.sum(np.log(s)) * (height * width)
    # one place after the other
    one = np.linalg.slogdet(W)[1]
    return sum(one for row in range(height) for column in range(width))
    """,
    "lu_matrix": """
    # cut out with masks
    c = len(log_s)
    row, column = np.arange(c)[:, None], np.arange(c)
    lower = np.where(row > column, L, 0.0) + np.eye(c)
    upper = np.where(row < column, U, 0.0) + np.diag(sign * np.exp(log_s))
    return P @ lower @ upper
    # the diagonal by itself: (L + I) U + (L + I) D
    lower = np.tril(L, -1) + np.eye(len(P))
    return np.matmul(P, np.matmul(lower, np.triu(U, 1)) + lower * (sign * np.exp(log_s)))
    """,
}

EQUIVALENT = {
    "conv1x1_log_det": """
    (W, height, width) → (W, width, height)  # only their product counts
    """,
}
