"""Mistakes in the exercises of diffusion/14, and other right answers."""

import autograd.numpy as np

from minigen.tensor import upsample_nearest


def at(values, s):
    """values[s], one number for each image."""
    return np.reshape(values[s], (-1, 1, 1, 1))


def with_level(z, level, factor):
    """z enlarged, and a channel that holds `level`."""
    large = upsample_nearest(z, factor)
    return np.concatenate([large, level * np.ones_like(large[..., :1])], axis=3)


def noised(small, a, eps):
    return np.sqrt(a) * small + np.sqrt(1 - a) * eps


def gaussian(sigma, kernel):
    """Weights that do not sum to 1 yet, (1 or N, kernel)."""
    d = np.arange(kernel) - kernel // 2
    return np.exp(-((d / np.reshape(sigma, (-1, 1))) ** 2) / 2)


def normalized(w):
    return w / np.sum(w, axis=1, keepdims=True)


def one_way(x, w, axis, mode="reflect"):
    """The blur along one axis, with the border filled in by np.pad's mode."""
    kernel = np.shape(w)[1]
    margins = [(0, 0)] * 4
    margins[axis] = (kernel // 2, kernel // 2)
    wide = np.pad(x, margins, mode=mode)
    parts = [np.take(wide, range(k, k + x.shape[axis]), axis=axis) for k in range(kernel)]
    return sum(np.reshape(w[:, k], (-1, 1, 1, 1)) * parts[k] for k in range(kernel))


def both_ways(x, w, mode="reflect"):
    return one_way(one_way(x, w, 1, mode), w, 2, mode)


MISTAKES = {
    "augmented_condition": """
    # Square roots are missing in the image: z = sqrt(alpha_bar) small + sqrt(1 - alpha_bar) eps.
    a = at(schedule.alpha_bar, s)
    return with_level(a * small + (1 - a) * eps, np.sqrt(1 - a), factor)
    # alpha belongs to one step; s steps have alpha_bar, the product.
    a = at(schedule.alpha, s)
    return with_level(noised(small, a, eps), np.sqrt(1 - a), factor)
    # The value of alpha_bar belongs to the step before: the arrays are indexed by the time step
    # itself.
    a = at(schedule.alpha_bar, s - 1)
    return with_level(noised(small, a, eps), np.sqrt(1 - a), factor)
    # This is the variance of the noise; its standard deviation is the square root.
    a = at(schedule.alpha_bar, s)
    return with_level(noised(small, a, eps), 1 - a, factor)
    # This is what is left of the image; the level is that of the noise.
    a = at(schedule.alpha_bar, s)
    return with_level(noised(small, a, eps), np.sqrt(a), factor)
    # The channel holds the standard deviation of the noise, not the time step.
    a = at(schedule.alpha_bar, s)
    return with_level(noised(small, a, eps), np.reshape(s, (-1, 1, 1, 1)) * 1.0, factor)
    # The channel holds the standard deviation of the noise, not the time step's share of T.
    a = at(schedule.alpha_bar, s)
    return with_level(noised(small, a, eps), np.reshape(s, (-1, 1, 1, 1)) / schedule.T, factor)
    # The channel with the level of the noise is missing.
    return upsample_nearest(noised(small, at(schedule.alpha_bar, s), eps), factor)
    # The new channel comes last.
    y = with_level(noised(small, at(schedule.alpha_bar, s), eps), np.sqrt(1 - at(
        schedule.alpha_bar, s)), factor)
    return np.concatenate([y[..., -1:], y[..., :-1]], axis=3)
    # The image must become larger pixel by pixel, each one a block; this sets copies of the whole
    # image side by side.
    a = at(schedule.alpha_bar, s)
    z = np.tile(noised(small, a, eps), (1, factor, factor, 1))
    return np.concatenate([z, np.sqrt(1 - a) * np.ones_like(z[..., :1])], axis=3)
    # The image is always enlarged by 2: `factor` may be another number.
    a = at(schedule.alpha_bar, s)
    return with_level(noised(small, a, eps), np.sqrt(1 - a), 2)
    # The noise is missing: eps has its part in the image.
    a = at(schedule.alpha_bar, s)
    return with_level(np.sqrt(a) * small, np.sqrt(1 - a), factor)
    # The small image is not noised at all here; only the level says so.
    return with_level(small, np.sqrt(1 - at(schedule.alpha_bar, s)), factor)
    # The forward process shrinks the image by sqrt(alpha_bar), too.
    a = at(schedule.alpha_bar, s)
    return with_level(small + np.sqrt(1 - a) * eps, np.sqrt(1 - a), factor)
    # Image and noise are swapped: the image is multiplied by sqrt(alpha_bar).
    a = at(schedule.alpha_bar, s)
    return with_level(noised(eps, a, small), np.sqrt(1 - a), factor)
    # Each image has its own step: this takes the first one's for all.
    a = at(schedule.alpha_bar, np.ravel(s)[0])
    return with_level(noised(small, a, eps), np.sqrt(1 - a), factor)
    # All images get the mean level: each image has its own step, for its level, too.
    a = at(schedule.alpha_bar, s)
    return with_level(noised(small, a, eps), np.mean(np.sqrt(1 - a)), factor)
    # The noised image is clipped: it may lie anywhere.
    a = at(schedule.alpha_bar, s)
    return with_level(np.clip(noised(small, a, eps), -1, 1), np.sqrt(1 - a), factor)
    # This is the noise of one step: after s steps its variance is 1 - alpha_bar.
    a, b = at(schedule.alpha_bar, s), at(schedule.beta, s)
    return with_level(np.sqrt(a) * small + np.sqrt(b) * eps, np.sqrt(b), factor)
    # eps is multiplied by a variance: take the root of 1 - alpha_bar.
    a = at(schedule.alpha_bar, s)
    return with_level(np.sqrt(a) * small + (1 - a) * eps, np.sqrt(1 - a), factor)
    # The level is the noise's standard deviation, not its ratio to what is left of the image.
    a = at(schedule.alpha_bar, s)
    return with_level(noised(small, a, eps), np.sqrt((1 - a) / a), factor)
    # A small number under the root is not harmless: at s = 0 there is no noise.
    a = at(schedule.alpha_bar, s)
    level = np.sqrt(1 - a + 1e-6)
    return with_level(np.sqrt(a) * small + level * eps, level, factor)
    # Square roots are missing, in the image and in the level.
    a = at(schedule.alpha_bar, s)
    return with_level(a * small + (1 - a) * eps, 1 - a, factor)
    # The value of alpha_bar belongs to the step after: the arrays are indexed by the time step
    # itself.
    a = at(schedule.alpha_bar, np.minimum(s + 1, schedule.T))
    return with_level(noised(small, a, eps), np.sqrt(1 - a), factor)
    # This is what is left of the image's variance; the level is that of the noise.
    a = at(schedule.alpha_bar, s)
    return with_level(noised(small, a, eps), a, factor)
    # beta belongs to one step; after s steps the noise has variance 1 - alpha_bar.
    a = at(schedule.alpha_bar, s)
    return with_level(noised(small, a, eps), np.sqrt(at(schedule.beta, s)), factor)
    # beta belongs to one step; after s steps the noise has variance 1 - alpha_bar.
    a = at(schedule.alpha_bar, s)
    return with_level(noised(small, a, eps), at(schedule.beta, s), factor)
    # One channel holds the level of the noise, however many channels the image has.
    a = at(schedule.alpha_bar, s)
    large = upsample_nearest(noised(small, a, eps), factor)
    return np.concatenate([large, np.sqrt(1 - a) * np.ones_like(large)], axis=3)
    # The new channel goes beside the others, on axis 3; this adds a row.
    a = at(schedule.alpha_bar, s)
    large = upsample_nearest(noised(small, a, eps), factor)
    return np.concatenate([large, np.sqrt(1 - a) * np.ones_like(large[:, :1])], axis=1)
    # The image grows in one direction only: enlarge it down and across.
    a = at(schedule.alpha_bar, s)
    large = np.repeat(noised(small, a, eps), factor, axis=1)
    return np.concatenate([large, np.sqrt(1 - a) * np.ones_like(large[..., :1])], axis=3)
    # Rows and columns are the axes 1 and 2; axis 0 counts the images.
    a = at(schedule.alpha_bar, s)
    large = np.repeat(np.repeat(noised(small, a, eps), factor, axis=0), factor, axis=1)
    level = np.sqrt(1 - np.repeat(a, factor, axis=0)) if len(a) > 1 else np.sqrt(1 - a)
    return np.concatenate([large, level * np.ones_like(large[..., :1])], axis=3)
    # All pixels of a block have the value of the small one; here all but one are 0.
    a = at(schedule.alpha_bar, s)
    z = noised(small, a, eps)
    first = np.zeros((1, factor, factor, 1))
    first[0, 0, 0, 0] = 1.0
    return with_level(np.kron(z, first), np.sqrt(1 - a), 1)
    # A small number under the root is not harmless: at s = 0 there is no noise.
    a = at(schedule.alpha_bar, s)
    return with_level(noised(small, a, eps), np.sqrt(1 - a + 1e-5), factor)
    # This is the same image in another measure, where the data is not shrunk; the forward process
    # shrinks it by sqrt(alpha_bar).
    a = at(schedule.alpha_bar, s)
    sigma = np.sqrt((1 - a) / a)
    return with_level(small + sigma * eps, sigma, factor)
    # The noise is added, not taken away.
    a = at(schedule.alpha_bar, s)
    return with_level(noised(small, a, -eps), np.sqrt(1 - a), factor)
    # All images get the level of the first one: each image has its own step, for its level, too.
    a = at(schedule.alpha_bar, s)
    return with_level(noised(small, a, eps), np.sqrt(1 - a)[:1], factor)
    # A root is subtracted from 1: the standard deviation is the root of the difference, of
    # 1 - alpha_bar.
    a = at(schedule.alpha_bar, s)
    return with_level(noised(small, a, eps), 1 - np.sqrt(a), factor)
    """,
    "gaussian_blur": """
    # The exponent is twice too large: it is -d^2/(2 sigma^2).
    return both_ways(x, normalized(gaussian(sigma, kernel) ** 2))
    # sigma is used as a variance: it is a standard deviation, whose square is in the exponent.
    return both_ways(x, normalized(gaussian(np.sqrt(sigma), kernel)))
    # The distance is not squared: the exponent is -d^2/(2 sigma^2).
    d = np.abs(np.arange(kernel) - kernel // 2)
    return both_ways(x, normalized(np.exp(-d / (2 * np.reshape(sigma, (-1, 1)) ** 2))))
    # The weights are not divided by their sum: they have to sum to 1.
    return both_ways(x, gaussian(sigma, kernel))
    # The weights are divided by the factor of a Gaussian density: with a few pixels they do not sum
    # to 1 by it, so divide them by their sum.
    density = gaussian(sigma, kernel) / (np.reshape(sigma, (-1, 1)) * np.sqrt(2 * np.pi))
    return both_ways(x, density)
    # The weights of each image sum to 1 by themselves: this divides by the sum over all images.
    w = gaussian(sigma, kernel)
    return both_ways(x, w / np.sum(w))
    # This blurs down only; across is missing.
    return one_way(x, normalized(gaussian(sigma, kernel)), 1)
    # This blurs across only; down is missing.
    return one_way(x, normalized(gaussian(sigma, kernel)), 2)
    # Beyond the border the image is reflected, not zero.
    return both_ways(x, normalized(gaussian(sigma, kernel)), "constant")
    # Beyond the border the image is reflected; this repeats the last pixel.
    return both_ways(x, normalized(gaussian(sigma, kernel)), "edge")
    # The reflection does not repeat the pixel at the border: left of 1 2 3 there is 3 2.
    return both_ways(x, normalized(gaussian(sigma, kernel)), "symmetric")
    # Beyond the border the image is reflected; this goes on at its other side.
    return both_ways(x, normalized(gaussian(sigma, kernel)), "wrap")
    # The kernel need not have three pixels.
    return both_ways(x, normalized(gaussian(sigma, 3)))
    # All images get the sigma of the first one: each image has its own.
    return both_ways(x, normalized(gaussian(np.ravel(sigma)[0], kernel)))
    # All images get the mean sigma: each image has its own.
    return both_ways(x, normalized(gaussian(np.mean(sigma), kernel)))
    # These weights are all equal; nearer pixels count more.
    return both_ways(x, np.ones((1, kernel)) / kernel)
    # The distance is counted from the middle of the kernel, which is the pixel itself.
    d = np.arange(kernel)
    return both_ways(x, normalized(np.exp(-((d / np.reshape(sigma, (-1, 1))) ** 2) / 2)))
    # Down and across are the axes 1 and 2; axis 3 holds the channels.
    w = normalized(gaussian(sigma, kernel))
    return one_way(one_way(x, w, 2, "symmetric"), w, 3, "symmetric")
    # The blurred image itself is asked for, not what the blur takes away.
    return x - both_ways(x, normalized(gaussian(sigma, kernel)))
    # The image is blurred too often: once in each direction.
    w = normalized(gaussian(sigma, kernel))
    return both_ways(both_ways(x, w), w)
    # The two directions come one after the other; this is the mean of both.
    w = normalized(gaussian(sigma, kernel))
    return (one_way(x, w, 1) + one_way(x, w, 2)) / 2
    # The pixels are not cut off.
    return np.clip(both_ways(x, normalized(gaussian(sigma, kernel))), -1, 1)
    # kernel is the number of pixels, the middle one among them; it is not how far they reach.
    return both_ways(x, normalized(gaussian(sigma, 2 * kernel - 1)), "edge")
    # kernel is the number of pixels, the middle one among them; it is not how far they reach.
    return both_ways(x, normalized(gaussian(sigma, 2 * kernel + 1)), "symmetric")
    # Distances are whole pixels, -1, 0, 1 and so on, however large the kernel is.
    d = np.linspace(-1, 1, kernel)
    return both_ways(x, normalized(np.exp(-((d / np.reshape(sigma, (-1, 1))) ** 2) / 2)))
    # The weights of one image sum to 1: the sum goes over the kernel.
    w = gaussian(sigma, kernel)
    return both_ways(x, w / np.sum(w, axis=0, keepdims=True))
    # This falls like exp(-|d|/sigma); a Gaussian is exp(-d^2/(2 sigma^2)).
    d = np.abs(np.arange(kernel) - kernel // 2)
    return both_ways(x, normalized(np.exp(-d / np.reshape(sigma, (-1, 1)))))
    # Once down and once across; this goes down twice.
    w = normalized(gaussian(sigma, kernel))
    return one_way(both_ways(x, w), w, 1)
    # The pixels at the border are blurred as well, with the reflection beside them.
    r = kernel // 2
    y, z = x.copy(), both_ways(x, normalized(gaussian(sigma, kernel)))
    inner = (slice(None), slice(r, x.shape[1] - r), slice(r, x.shape[2] - r))
    y[inner] = z[inner]
    return y
    # The result is as large as x: at the border the reflection helps.
    r = kernel // 2
    z = both_ways(x, normalized(gaussian(sigma, kernel)))
    return z[:, r : x.shape[1] - r, r : x.shape[2] - r]
    # This kernel reaches to four standard deviations; only `kernel` pixels count.
    reach = int(4 * np.max(sigma) + 0.5)
    return both_ways(x, normalized(gaussian(sigma, 2 * reach + 1)))
    # Nothing is turned upside down: pixel i becomes a mean of the pixels around i.
    return both_ways(x[:, ::-1], normalized(gaussian(sigma, kernel)))
    # Nothing is to be added to sigma: it is positive.
    return both_ways(x, normalized(gaussian(np.asarray(sigma) + 0.1, kernel)))
    # The weights fall with the distance: the exponent has a minus.
    return both_ways(x, normalized(1 / gaussian(sigma, kernel)))
    """,
}

VARIANTS = {
    "augmented_condition": """
    # repeats, and the noise of each image in a loop
    steps = np.broadcast_to(s, (len(small),))
    out = []
    for image, step, noise in zip(small, steps, eps):
        a = schedule.alpha_bar[step]
        z = a**0.5 * image + (1 - a) ** 0.5 * noise
        z = z.repeat(factor, axis=0).repeat(factor, axis=1)
        out.append(np.concatenate([z, np.full((*z.shape[:2], 1), (1 - a) ** 0.5)], axis=2))
    return np.array(out)
    # by Kronecker's product
    a = at(schedule.alpha_bar, s)
    z = np.kron(noised(small, a, eps), np.ones((1, factor, factor, 1)))
    return np.concatenate([z, np.zeros_like(z[..., :1]) + (1 - a) ** 0.5], axis=-1)
    """,
    "gaussian_blur": """
    # shifted copies
    return both_ways(x, normalized(gaussian(sigma, kernel)))
    # across first, then down
    w = normalized(gaussian(sigma, kernel))
    return one_way(one_way(x, w, 2), w, 1)
    # both directions at once, over a window of the padded image
    w, r = normalized(gaussian(sigma, kernel)), kernel // 2
    wide = np.pad(x, [(0, 0), (r, r), (r, r), (0, 0)], mode="reflect")
    total = 0
    for i in range(kernel):
        for j in range(kernel):
            part = wide[:, i : i + x.shape[1], j : j + x.shape[2]]
            total = total + (w[:, i] * w[:, j]).reshape(-1, 1, 1, 1) * part
    return total
    """,
}
