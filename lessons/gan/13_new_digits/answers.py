"""Mistakes in the exercises of gan/13, and other right answers."""

import autograd.numpy as np


def sides(shape, side, channels):
    """The shape with the function `side` applied to height and width."""
    return shape[0], side(shape[1]), side(shape[2]), channels


def angle(a, b):
    return np.arccos(np.clip(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)), -1, 1))


def spherical(a, b, t, omega):
    t = t[:, None]
    if np.sin(omega) < 1e-5:
        return (1 - t) * a + t * b
    return (np.sin((1 - t) * omega) * a + np.sin(t * omega) * b) / np.sin(omega)


def straight(a, b, t):
    return (1 - t[:, None]) * a + t[:, None] * b


MISTAKES = {
    "block_shape": """
    # The kernel must fit: its first place is at 0, its last at H + 2 padding - kernel.
    shape[0], height, width, channels ->
        sides(shape, (lambda h: h * stride) if transposed else lambda h: -(-h // stride), channels)
    # Count the places, not the steps between them: one more than the number of steps.
    up, down = (
        lambda h: (h - 1) * stride - 2 * padding + kernel,
        lambda h: (h + 2 * padding - kernel) // stride,
    )
    return sides(shape, up if transposed else down, channels)
    # Padding lies on both sides of a row: it counts twice.
    up, down = (
        lambda h: (h - 1) * stride - padding + kernel,
        lambda h: (h + padding - kernel) // stride + 1,
    )
    return sides(shape, up if transposed else down, channels)
    # A transposed convolution removes the padding: the output is smaller.
    (side - 1) * stride - 2 * padding -> (side - 1) * stride - (-2) * padding
    transposed -> 0  # transposed=True is the opposite: it enlarges a small image.
    # Between H copies there are H - 1 steps of `stride`; the last copy adds a whole kernel.
    side - 1 -> side
    # The number of pixels is rounded up: a position where the whole kernel does not fit gives no
    # pixel.
    up, down = (
        lambda h: (h - 1) * stride - 2 * padding + kernel,
        lambda h: -(-(h + 2 * padding - kernel) // stride) + 1,
    )
    return sides(shape, up if transposed else down, channels)
    # The number of output channels is `channels`, for any number of input channels.
    up, down = (
        lambda h: (h - 1) * stride - 2 * padding + kernel,
        lambda h: (h + 2 * padding - kernel) // stride + 1,
    )
    return sides(shape, up if transposed else down, shape[3])
    # Images are (N, H, W, C), channels last: the sides are the second and the third number.
    up, down = (
        lambda h: (h - 1) * stride - 2 * padding + kernel,
        lambda h: (h + 2 * padding - kernel) // stride + 1,
    )
    side = up if transposed else down
    return shape[0], channels, side(shape[1]), side(shape[2])
    # Height and width are each computed from their own side; images need not be square.
    shape[0], height, width, channels -> shape[0], height, height, channels
    # The number of pixels is rounded to the nearest: a position where the whole kernel does not fit
    # gives no pixel.
    down = lambda h: round((h + 2 * padding - kernel) / stride) + 1
    up = lambda h: (h - 1) * stride - 2 * padding + kernel
    return sides(shape, up if transposed else down, channels)
    # The last copy ends with the kernel: nothing is added after it.
    (side - 1) * stride - 2 * padding -> (side - 1) * stride + stride - 1 - 2 * padding
    # The last copy is at least as long as the stride: it ends with the kernel, even where copies
    # leave gaps between them.
    down = lambda h: (h + 2 * padding - kernel) // stride + 1
    up = lambda h: (h - 1) * stride - 2 * padding + max(kernel, stride)
    return sides(shape, up if transposed else down, channels)
    # The padding is added before the kernel is placed: add it before the division by stride.
    down = lambda h: (h - kernel) // stride + 1 + 2 * padding
    up = lambda h: (h - 1) * stride - 2 * padding + kernel
    return sides(shape, up if transposed else down, channels)
    # stride is an argument; here it is always 2.
    down = lambda h: (h + 2 * padding - kernel) // 2 + 1
    up = lambda h: (h - 1) * 2 - 2 * padding + kernel
    return sides(shape, up if transposed else down, channels)
    # A transposed convolution removes `padding` pixels on both sides: twice.
    (side - 1) * stride - 2 * padding -> (side - 1) * stride - padding
    # The two formulas are exchanged: transposed=True enlarges a small image.
    transposed -> (not transposed)
    """,
    "interpolate_spherical": """
    # This is the straight line: its midpoint is too close to the origin.
    return (1 - t[:, None]) * a + t[:, None] * b
    # This path goes from b to a: the weight of a must be 1 at t = 0.
    a -> b (everywhere)
    b -> a (everywhere)
    # a.b is the cosine of the angle only for vectors of length 1: divide by both lengths.
    return spherical(a, b, t, np.arccos(np.clip(a @ b, -1, 1)))
    np.linalg.norm(b) -> np.linalg.norm(a)  # Divide by |a| |b|, not by one of the squares.
    # The division by sin Omega is missing: it makes the weights 1 at the ends.
    (np.sin((1 - t) * omega) * a + np.sin(t * omega) * b) / np.sin(omega) ->
        np.sin((1 - t) * omega) * a + np.sin(t * omega) * b
    # Scaling the straight line to the sphere gives the right arc, but not a constant speed.
    path = (1 - t[:, None]) * a + t[:, None] * b
    length = (1 - t) * np.linalg.norm(a) + t * np.linalg.norm(b)
    return path / np.linalg.norm(path, axis=1, keepdims=True) * length[:, None]
    PARALLEL -> -1  # For vectors of one direction this is 0/0: return the straight line.
    # cos and sin of t times a right angle hold only for orthogonal vectors: use the angle of a and
    # b.
    a @ b / lengths -> int(a @ b / lengths)
    # Omega is in radians, as np.sin expects.
    return (
        spherical(a, b, t, np.degrees(angle(a, b)))
        if np.sin(angle(a, b)) >= 1e-5
        else straight(a, b, t)
    )
    # The ends are a and b themselves, with their own lengths, not the unit vectors along them.
    if np.sin(angle(a, b)) < 1e-5:
        return straight(a, b, t)
    return spherical(a / np.linalg.norm(a), b / np.linalg.norm(b), t, angle(a, b))
    # The weights of a and b already interpolate the lengths: do not multiply by a length.
    length = (1 - t) * np.linalg.norm(a) + t * np.linalg.norm(b)
    if np.sin(angle(a, b)) < 1e-5:
        return straight(a, b, t)
    arc = spherical(a / np.linalg.norm(a), b / np.linalg.norm(b), t, angle(a, b))
    return length[:, None] * arc
    # The straight line is used too often: use it only where the sine of Omega is below 1e-5,
    # because the arc is curved at small angles too.
    if np.cos(angle(a, b)) > 0.9995:
        return straight(a, b, t)
    return spherical(a, b, t, angle(a, b))
    # Omega may be more than a right angle: keep the sign of the cosine.
    a @ b / lengths -> np.abs(a @ b) / lengths
    # Vectors of one direction may differ in length: return the straight line from a to b.
    if np.sin(angle(a, b)) < 1e-5:
        return a + 0 * t[:, None]
    return spherical(a, b, t, angle(a, b))
    # Clip the cosine to [-1, 1]: a smaller interval changes the angle of almost opposite
    # directions.
    cosine = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
    return spherical(a, b, t, np.arccos(np.clip(cosine, -1 + 1e-6, 1 - 1e-6)))
    # The roots of 1 - t and t are the weights: this is the arc only for a right angle, and not at
    # constant speed.
    return np.sqrt(1 - t)[:, None] * a + np.sqrt(t)[:, None] * b
    # The line is scaled to length 1: the path has the lengths of a and b.
    path = straight(a, b, t)
    return path / np.linalg.norm(path, axis=1, keepdims=True)
    # The weights are a cosine and a sine of t Omega: both are sines, divided by sin Omega.
    omega = t * angle(a, b)
    return np.cos(omega)[:, None] * a + np.sin(omega)[:, None] * b
    # The sum is divided by Omega: divide it by the sine of Omega.
    if np.sin(angle(a, b)) < 1e-5:
        return straight(a, b, t)
    return spherical(a, b, t, angle(a, b)) * np.sin(angle(a, b)) / angle(a, b)
    # The angle comes from the arcsine: the cosine of the angle is known, so take the arccosine.
    omega = np.arcsin(np.cos(angle(a, b)))
    return straight(a, b, t) if abs(np.sin(omega)) < 1e-5 else spherical(a, b, t, omega)
    """,
}

VARIANTS = {
    "block_shape": """
    # by counting
    def side(h):
        if transposed:
            ends = [place * stride + kernel for place in range(h)]
            return max(ends) - 2 * padding
        return len(range(0, h + 2 * padding - kernel + 1, stride))
    return sides(shape, side, channels)
    # both sides at once
    h = np.array(shape[1:3])
    h = (
        stride * (h - 1) + kernel - 2 * padding
        if transposed
        else (h - kernel + 2 * padding + stride) // stride
    )
    return tuple([shape[0], *(int(side) for side in h), channels])
    """,
    "interpolate_spherical": """
    # rotate from a toward the part of b that is orthogonal to a
    u = a / np.linalg.norm(a)
    along = b @ u
    omega = np.arctan2(np.linalg.norm(b - along * u), along)
    if omega == 0:
        return straight(a, b, t)
    return np.outer(np.sin((1 - t) * omega) / np.sin(omega), a) + np.outer(
        np.sin(t * omega) / np.sin(omega), b
    )
    # time by time
    omega = angle(a, b)
    if omega == 0:
        return np.array([a + s * (b - a) for s in t])
    return np.array(
        [
            np.sin(omega - s * omega) / np.sin(omega) * a + np.sin(s * omega) / np.sin(omega) * b
            for s in t
        ]
    )
    """,
}

EQUIVALENT = {
    "interpolate_spherical": """
    # the common type of two arrays does not depend on their order
    np.result_type(a, b) → np.result_type(b, a)
    np.sin(omega) < 1e-05 → np.sin(omega) <= 1e-05  # the sine is never exactly at the bound
    np.sin(omega) < 1e-05 → np.sin(omega) < 2e-05  # the two formulas agree there
    # the ends are never opposite, so the cosine stays above -1
    np.clip(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)), -1, 1) →
    np.clip(-1, a @ b / (np.linalg.norm(a) * np.linalg.norm(b)), 1)
    # the ends are never opposite, so the cosine stays above -1
    np.clip(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)), -1, 1) →
    np.clip(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)), -2, 1)
    # the ends are never opposite, so the cosine stays above -1
    np.clip(a @ b / lengths, -1, 1) → np.clip(-1, a @ b / lengths, 1)
    # the ends are never opposite, so the cosine stays above -1
    np.clip(a @ b / lengths, -1, 1) → np.clip(a @ b / lengths, -2, 1)
    np.sin(omega) < PARALLEL → np.sin(omega) <= PARALLEL  # the sine is never exactly at the bound
    a @ b → b @ a  # the inner product is symmetric
    b @ u → u @ b  # the inner product is symmetric
    angle(a, b) → angle(b, a)  # the angle is symmetric
    """
}
