"""Mistakes in the exercises of start/02, and other right answers."""

import autograd.numpy as np

MISTAKES = {
    "standardize": """
    # The sign of the log-determinant is that of the map from u to x: du/dx is 1 / std, and its
    # logarithm is minus log std.
    return (x - mean) / std, np.full(len(x), np.sum(np.log(std)), x.dtype)
    # The map is turned round: this makes x of u.
    return mean + std * x, np.full(len(x), -np.sum(np.log(std)), x.dtype)
    # The mean is added: it has to be subtracted.
    return (x + mean) / std, np.full(len(x), -np.sum(np.log(std)), x.dtype)
    # The mean is subtracted after the division: it has the units of x, so it comes first.
    return x / std - mean, np.full(len(x), -np.sum(np.log(std)), x.dtype)
    # The points are multiplied by std: divide.
    return (x - mean) * std, np.full(len(x), -np.sum(np.log(std)), x.dtype)
    # The root of std is taken: it is a standard deviation, not a variance.
    return (x - mean) / np.sqrt(std), np.full(len(x), -np.sum(np.log(std)), x.dtype)
    # Only half of the logarithm of std is subtracted: std is a standard deviation, not a variance.
    return (x - mean) / std, np.full(len(x), -0.5 * np.sum(np.log(std)), x.dtype)
    # The logarithms of all coordinates are added, not averaged.
    return (x - mean) / std, np.full(len(x), -np.mean(np.log(std)), x.dtype)
    # This is the determinant: its logarithm is asked for.
    return (x - mean) / std, np.full(len(x), 1 / np.prod(std), x.dtype)
    # The determinant is a product of slopes: its logarithm is the sum of the logarithms, not the
    # logarithm of a sum.
    return (x - mean) / std, np.full(len(x), -np.log(np.sum(std)), x.dtype)
    # The log-determinants are left as one for each coordinate: sum them to one number for each
    # point, (N,).
    return (x - mean) / std, np.zeros_like(x) - np.log(std)
    # The log-determinant is one number for all points: each point has one, (N,).
    return (x - mean) / std, -np.sum(np.log(std))
    # The log-determinant is that of one point; here those of all points are added.
    return (x - mean) / std, np.full(len(x), -len(x) * np.sum(np.log(std)), x.dtype)
    # The map has a log-determinant: only with std = 1 it is 0.
    return (x - mean) / std, np.zeros(len(x), x.dtype)
    # Use the mean and std that are given: these are of the points at hand.
    spread = x.std(axis=0)
    with np.errstate(all="ignore"):
        return (x - x.mean(axis=0)) / spread, np.full(len(x), -np.sum(np.log(spread)), x.dtype)
    # The product of many small numbers is 0 in float32, and its logarithm is infinite: add the
    # logarithms.
    with np.errstate(all="ignore"):
        return (x - mean) / std, np.full(len(x), -np.log(np.prod(std)), x.dtype)
    # The result has the dtype of x: np.full makes float64 unless it is given another.
    return (x - mean) / std, np.full(len(x), -np.sum(np.log(std)).astype(np.float64))
    # The logarithm is to the base 2; here, as everywhere, it is natural.
    return (x - mean) / std, np.full(len(x), -np.sum(np.log2(std)), x.dtype)
    """,
    "to_pixels": """
    # This rounds down: 0.999 of 255 is 254.7, and the nearest pixel is 255.
    return (255 * np.clip((x - low) / (high - low), 0, 1)).astype(np.uint8)
    # A value midway between two pixels always goes up: it goes to the even one, by np.rint.
    return np.floor(255 * np.clip((x - low) / (high - low), 0, 1) + 0.5).astype(np.uint8)
    # The pixels are right, but they are integers of another size: uint8 is asked for.
    return np.rint(255 * np.clip((x - low) / (high - low), 0, 1)).astype(np.int64)
    # Clip before the conversion: uint8 has no 256 and no -1, and they become 0 and 255.
    with np.errstate(all="ignore"):
        return np.rint(255 * (x - low) / (high - low)).astype(np.int64).astype(np.uint8)
    # The range is multiplied by 256: 256 values have 255 steps between them.
    return np.clip(np.rint(256 * (x - low) / (high - low)), 0, 255).astype(np.uint8)
    # The range is cut into 256 parts of equal width, rounded down: 256 values have 255 steps
    # between them.
    return np.clip(np.floor(256 * (x - low) / (high - low)), 0, 255).astype(np.uint8)
    # The range is given by low and high; here it is always -1 to 1.
    return np.rint(255 * np.clip((x + 1) / 2, 0, 1)).astype(np.uint8)
    # The range is given by low and high; here it is always 0 to 1.
    return np.rint(255 * np.clip(x, 0, 1)).astype(np.uint8)
    # low and high are exchanged: the image is a negative.
    return np.rint(255 * np.clip((high - x) / (high - low), 0, 1)).astype(np.uint8)
    # low becomes 0: it has to be subtracted.
    return np.rint(255 * np.clip(x / (high - low), 0, 1)).astype(np.uint8)
    # high becomes 255: divide by the width of the range, high - low.
    return np.rint(255 * np.clip((x - low) / high, 0, 1)).astype(np.uint8)
    # Each image is stretched to its own lowest and highest value: use low and high.
    span = np.max(x) - np.min(x)
    return np.rint(255 * (x - np.min(x)) / span).astype(np.uint8)
    # The pixels are right, but they are floats: uint8 is asked for.
    return np.rint(255 * np.clip((x - low) / (high - low), 0, 1))
    # These are values from 0 to 1: pixels go to 255.
    return np.clip((x - low) / (high - low), 0, 1)
    # These are values from 0 to 1, rounded: multiply by 255 first.
    return np.rint(np.clip((x - low) / (high - low), 0, 1)).astype(np.uint8)
    # This rounds up: the nearest pixel is asked for.
    return np.ceil(255 * np.clip((x - low) / (high - low), 0, 1)).astype(np.uint8)
    # Clipping to 0 and 1 is right after the range has been brought to 0 and 1, not before.
    return np.rint(255 * (np.clip(x, 0, 1) - low) / (high - low)).astype(np.uint8)
    """,
}

VARIANTS = {
    "standardize": """
    # the log-determinant by the points themselves
    u = (x - mean) / std
    return u, 0 * u[:, 0] - np.log(std).sum()
    # multiplied by the inverse
    scale = 1 / std
    log_det = np.zeros(len(x), x.dtype)
    log_det += np.log(scale).sum()
    return x * scale - mean * scale, log_det
    # a row of logarithms for each point, added up
    return (x - mean) / std, (np.zeros_like(x) - np.log(std)).sum(axis=1)
    """,
    "to_pixels": """
    # clipped in the range first
    x = np.clip(x, low, high)
    return np.rint(255 * ((x - low) / (high - low))).astype(np.uint8)
    # clipped among the pixels
    pixels = np.rint(255 * ((x - low) / (high - low)))
    return np.clip(pixels, 0, 255).astype(np.uint8)
    """,
}

EQUIVALENT = {
    "to_pixels": """
    np.clip(share, 0, 1) → np.clip(0, share, 1)  # the larger of the two, at most 1
    np.clip(x, low, high) → np.clip(low, x, high)  # the same of low and x
    # the larger of 0 and the share, at most 1
    np.clip((x - low) / (high - low), 0, 1) → np.clip(0, (x - low) / (high - low), 1)
    # the larger of 0 and the pixel, at most 255
    np.clip(pixels, 0, 255) → np.clip(0, pixels, 255)
    """,
}
