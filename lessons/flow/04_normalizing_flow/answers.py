"""Mistakes in the exercises of flow/04, and other right answers."""

import autograd.numpy as np

from minigen.tensor import softplus


def parts(z, center, alpha):
    """Displacement, distance (with the derivative 0 at 0) and h."""
    away = z - center
    square = np.sum(away**2, axis=1)
    r = np.where(square > 0, np.sqrt(np.where(square > 0, square, 1.0)), 0.0)
    return away, r, 1 / (alpha + r)


def layer(z, center, beta, r, h):
    """x and the log-determinant, as the equation is written."""
    across, along = 1 + beta * h, 1 + beta * h - beta * r * h**2
    log_det = (np.shape(z)[1] - 1) * np.log(across) + np.log(along)
    return z + (beta * h)[:, None] * (z - center), log_det


MISTAKES = {
    "planar_forward": """
    # The determinant may be negative: take the logarithm of its absolute value.
    np.log(np.abs(1 + (1 - h**2) * np.sum(u * w, axis=-1))) ->
    np.log(1 + (1 - h**2) * np.sum(u * w, axis=-1))
    # This is |det|; its logarithm is asked for.
    np.log(np.abs(1 + (1 - h**2) * np.sum(u * w, axis=-1))) ->
    np.abs(1 + (1 - h**2) * np.sum(u * w, axis=-1))
    # The log-determinant of the direction called, z to x, has a plus.
    np.log(np.abs(1 + (1 - h**2) * np.sum(u * w, axis=-1))) ->
    -np.log(np.abs(1 + (1 - h**2) * np.sum(u * w, axis=-1)))
    # cosh(1000) overflows, and its gradient is NaN: the slope of tanh is 1 - h².
    1 - h**2 -> 1 / np.cosh(np.sum(z * w, axis=1) + b) ** 2
    1 - h**2 -> h  # The determinant has tanh itself in the place of its slope: 1 - h².
    1 - h**2 -> 1 - h  # The slope of tanh lacks a square: it is 1 - h².
    # The slope of tanh has the wrong sign in it: it is 1 - h².
    1 - h**2 -> 1 + h**2
    # The slope of tanh is missing in the determinant: 1 + h' uᵀw with h' = 1 - h².
    (1 - h**2) * np.sum(u * w, axis=-1) -> np.sum(u * w, axis=-1)
    # The 1 of the identity is missing: x is z plus something.
    1 + (1 - h**2) * np.sum(u * w, axis=-1) -> (1 - h**2) * np.sum(u * w, axis=-1)
    # The determinant has uᵀw, the product of two different vectors, not ‖w‖².
    np.sum(u * w, axis=-1) -> np.sum(w * w, axis=-1)
    # The determinant has uᵀw, the product of two different vectors, not ‖u‖².
    np.sum(u * w, axis=-1) -> np.sum(u * u, axis=-1)
    # The determinant has uᵀw with w, not with the point z.
    np.sum(u * w, axis=-1) -> np.sum(u * z, axis=-1)
    # The determinant is taken of the whole Jacobian, not multiplied over coordinates.
    np.log(np.abs(1 + (1 - h**2) * np.sum(u * w, axis=-1))) ->
    np.sum(np.log(np.abs(1 + np.reshape(1 - h**2, (n, 1)) * u * w)), axis=-1)
    # The product of u and w is summed over the batch: each example has a product of its own, even
    # where u and w are (N, D).
    np.sum(u * w, axis=-1) -> np.sum(u * w)
    # x moves along u, not along w.
    x = z + np.reshape(h, (n, 1)) * u -> x = z + np.reshape(h, (n, 1)) * w
    # u and w are swapped: w measures where the point is, u is where it moves.
    x = z + np.reshape(h, (n, 1)) * u -> x = z + np.reshape(h, (n, 1)) * w
    h = np.tanh(np.sum(z * w, axis=1) + b) -> h = np.tanh(np.sum(z * u, axis=1) + b)
    # The identity is missing in x: the layer adds u tanh(wᵀz + b) to z.
    x = z + np.reshape(h, (n, 1)) * u -> x = np.reshape(h, (n, 1)) * u
    # The shift b is missing inside tanh.
    np.sum(z * w, axis=1) + b -> np.sum(z * w, axis=1)
    # b belongs inside tanh.
    h = np.tanh(np.sum(z * w, axis=1) + b) -> h = np.tanh(np.sum(z * w, axis=1)) + b
    # wᵀz is a sum over the coordinates, not their mean.
    h = np.tanh(np.sum(z * w, axis=1) + b) -> h = np.tanh(np.mean(z * w, axis=1) + b)
    # The layer bends by tanh here, not by a sigmoid.
    h = 1 / (1 + np.exp(-np.sum(z * w, axis=1) - b))
    return z + h[:, None] * u, np.log(np.abs(1 + h * (1 - h) * np.sum(u * w, axis=-1)))
    # u is used as it is here: the correction that keeps the layer invertible is another function.
    u = u_hat(u, w + 0 * u)
    h = np.tanh(np.sum(z * w, axis=1) + b)
    return z + h[:, None] * u, np.log(np.abs(1 + (1 - h**2) * np.sum(u * w, axis=-1)))
    # Where the determinant is negative its logarithm is not that of a small number: take |det|.
    h = np.tanh(np.sum(z * w, axis=1) + b)
    det = 1 + (1 - h**2) * np.sum(u * w, axis=-1)
    return z + h[:, None] * u, np.log(np.maximum(det, 1e-6))
    # The matrix determinant lemma has a plus: 1 + h' uᵀw.
    1 + (1 - h**2) * np.sum(u * w, axis=-1) -> 1 - (1 - h**2) * np.sum(u * w, axis=-1)
    # This is the trace of what is added to the identity, not the logarithm of the determinant.
    np.log(np.abs(1 + (1 - h**2) * np.sum(u * w, axis=-1))) -> (1 - h**2) * np.sum(u * w, axis=-1)
    # Nats are natural logarithms.
    np.log(np.abs(1 + (1 - h**2) * np.sum(u * w, axis=-1))) ->
    np.log10(np.abs(1 + (1 - h**2) * np.sum(u * w, axis=-1)))
    # The layer stretches one direction only: its log-determinant is not multiplied by D.
    np.log(np.abs(1 + (1 - h**2) * np.sum(u * w, axis=-1))) ->
    dim * np.log(np.abs(1 + (1 - h**2) * np.sum(u * w, axis=-1)))
    # Nothing needs to be added inside the logarithm: it changes the value.
    np.log(np.abs(1 + (1 - h**2) * np.sum(u * w, axis=-1))) ->
    np.log(np.abs(1 + (1 - h**2) * np.sum(u * w, axis=-1)) + 1e-5)
    # The layer takes away where it should add: x = z + u tanh(wᵀz + b).
    x = z + np.reshape(h, (n, 1)) * u -> x = z - np.reshape(h, (n, 1)) * u
    # b is added inside tanh, not taken away.
    np.sum(z * w, axis=1) + b -> np.sum(z * w, axis=1) - b
    # The log-determinants of the batch are added up: each example has one.
    h = np.tanh(np.sum(z * w, axis=1) + b)
    return z + h[:, None] * u, np.sum(np.log(np.abs(1 + (1 - h**2) * np.sum(u * w, axis=-1))))
    # z is changed in place: return a new array.
    h = np.tanh(np.sum(z * w, axis=1) + b)
    z += h[:, None] * u
    return z, np.log(np.abs(1 + (1 - h**2) * np.sum(u * w, axis=-1)))
    # e to the power 1000 is infinite, and infinity divided by infinity is NaN: np.tanh does not
    # overflow.
    a = np.sum(z * w, axis=1) + b
    h = (np.exp(a) - np.exp(-a)) / (np.exp(a) + np.exp(-a))
    return z + h[:, None] * u, np.log(np.abs(1 + (1 - h**2) * np.sum(u * w, axis=-1)))
    """,
    "u_hat": """
    # The product with w is to become softplus(uᵀw) - 1, which is above -1: the -1 is missing.
    softplus(-along) - 1 -> softplus(-along)
    # The product that u has already must be taken away: add softplus(uᵀw) - 1 - uᵀw along w.
    softplus(-along) - 1 -> softplus(along) - 1
    # The product with w is to become softplus(uᵀw) - 1, not uᵀw + 1 more: check the signs.
    softplus(-along) - 1 -> softplus(-along) + 1
    # Divide by ‖w‖², not ‖w‖: w itself is not of length 1.
    w / square -> w / np.sqrt(square)
    w / square -> w  # w is not of length 1: divide by ‖w‖².
    # Move u along w, not along u.
    w / square -> u / square
    # Divide by ‖w‖², not by the square of u's length.
    square = np.sum(w * w, axis=-1, keepdims=True) -> square = np.sum(u * u, axis=-1, keepdims=True)
    # Only the change was returned: add it to u.
    return u + (softplus(-along) - 1) * w / square -> return (softplus(-along) - 1) * w / square
    # The change is added to u, not taken away.
    return u + (softplus(-along) - 1) * w / square -> return u - (softplus(-along) - 1) * w / square
    # Each layer has its own product and its own length: sum over the last axis only.
    along = np.sum(u * w, axis=-1, keepdims=True) -> along = np.sum(u * w)
    square = np.sum(w * w, axis=-1, keepdims=True) -> square = np.sum(w * w)
    # Each layer has its own product: sum over the last axis only.
    along = np.sum(u * w, axis=-1, keepdims=True) -> along = np.sum(u * w)
    # Each layer's w has its own length: sum over the last axis only.
    square = np.sum(w * w, axis=-1, keepdims=True) -> square = np.sum(w * w)
    # uᵀw is a sum over the coordinates, not their mean.
    along = np.sum(u * w, axis=-1, keepdims=True) -> along = np.mean(u * w, axis=-1, keepdims=True)
    # ‖w‖² is a sum over the coordinates, not their mean.
    square = np.sum(w * w, axis=-1, keepdims=True) ->
    square = np.mean(w * w, axis=-1, keepdims=True)
    # The correction is made always, not only where uᵀw is below -1.
    along = np.sum(u * w, axis=-1, keepdims=True)
    square = np.sum(w * w, axis=-1, keepdims=True)
    return np.where(along > -1, u, u + (softplus(along) - 1 - along) * w / square)
    # Clipping the product at -1 leaves no slope where it is clipped: use softplus(uᵀw) - 1.
    along = np.sum(u * w, axis=-1, keepdims=True)
    square = np.sum(w * w, axis=-1, keepdims=True)
    return u + (np.maximum(along, -1) - along) * w / square
    # log(1 + e^1000) is infinite on a computer: softplus of minigen.tensor is not.
    along = np.sum(u * w, axis=-1, keepdims=True)
    square = np.sum(w * w, axis=-1, keepdims=True)
    return u + (np.log(1 + np.exp(along)) - 1 - along) * w / square
    # softplus(a) is log(1 + e^a), not e^a.
    along = np.sum(u * w, axis=-1, keepdims=True)
    square = np.sum(w * w, axis=-1, keepdims=True)
    return u + (np.exp(np.minimum(along, 50.0)) - 1 - along) * w / square
    # u is changed in place: return a new array.
    along = np.sum(u * w, axis=-1, keepdims=True)
    square = np.sum(w * w, axis=-1, keepdims=True)
    u += (softplus(along) - 1 - along) * w / square
    return u
    # u and w are swapped: u moves, along w.
    along = np.sum(u * w, axis=-1, keepdims=True)
    square = np.sum(u * u, axis=-1, keepdims=True)
    return w + (softplus(along) - 1 - along) * u / square
    # All of u was scaled: only its part along w changes, what is at right angles to w stays.
    along = np.sum(u * w, axis=-1, keepdims=True)
    return u * (softplus(along) - 1) / along
    # softplus(a) is log(1 + e^a), which is above max(a, 0): it has a slope everywhere.
    along = np.sum(u * w, axis=-1, keepdims=True)
    square = np.sum(w * w, axis=-1, keepdims=True)
    return u + (np.maximum(along, 0) - 1 - along) * w / square
    # The value is right, but np.where sends 0 times infinity, a NaN, back through exp(1000):
    # softplus of minigen.tensor does not.
    along = np.sum(u * w, axis=-1, keepdims=True)
    square = np.sum(w * w, axis=-1, keepdims=True)
    soft = np.where(along > 20, along, np.log1p(np.exp(along)))
    return u + (soft - 1 - along) * w / square
    # u moves, along w: here w is moved, along u.
    along = np.sum(u * w, axis=-1, keepdims=True)
    square = np.sum(w * w, axis=-1, keepdims=True)
    return w + (softplus(along) - 1 - along) * u / square
    # The coordinates of a layer are its last axis, not its first.
    along = np.sum(u * w, axis=0, keepdims=True)
    square = np.sum(w * w, axis=0, keepdims=True)
    return u + (softplus(along) - 1 - along) * w / square
    # Every coordinate of u was set along w: only the part of u along w changes, the rest stays.
    along = np.sum(u * w, axis=-1, keepdims=True)
    square = np.sum(w * w, axis=-1, keepdims=True)
    return (softplus(along) - 1) * w / square
    """,
    "radial_forward": """
    # Of the D directions one is along the ray: D - 1 are left across it.
    (dim - 1) * np.log1p(beta * h) -> dim * np.log1p(beta * h)
    # The direction along the ray is missing: log(1 + beta h - beta r h²).
    (dim - 1) * np.log1p(beta * h) + np.log1p(alpha * beta * h**2) -> (dim - 1) * np.log1p(beta * h)
    # The D - 1 directions across the ray are missing: (D - 1) log(1 + beta h).
    (dim - 1) * np.log1p(beta * h) + np.log1p(alpha * beta * h**2) -> np.log1p(alpha * beta * h**2)
    # Every direction is treated as across the ray: along it the slope of h counts too, - beta r h².
    np.log1p(alpha * beta * h**2) -> np.log1p(beta * h)
    # The log-determinant of the direction called, z to x, has a plus.
    (dim - 1) * np.log1p(beta * h) + np.log1p(alpha * beta * h**2) ->
    -(dim - 1) * np.log1p(beta * h) - np.log1p(alpha * beta * h**2)
    # The last sign along the ray is wrong: the slope of h is -h², so the factor is 1 + beta h -
    # beta r h².
    away, r, h = parts(z, center, alpha)
    log_det = (np.shape(z)[1] - 1) * np.log(1 + beta * h) + np.log(1 + beta * h + beta * r * h**2)
    return z + (beta * h)[:, None] * away, log_det
    # Along the ray a factor r is missing: it is beside the slope of h, -h².
    away, r, h = parts(z, center, alpha)
    log_det = (np.shape(z)[1] - 1) * np.log(1 + beta * h) + np.log(1 + beta * h - beta * h**2)
    return z + (beta * h)[:, None] * away, log_det
    # This is not the slope of h along the ray: it is -h², not -h.
    away, r, h = parts(z, center, alpha)
    log_det = (np.shape(z)[1] - 1) * np.log(1 + beta * h) + np.log(1 + beta * h - beta * r * h)
    return z + (beta * h)[:, None] * away, log_det
    # This is the determinant; its logarithm is asked for.
    away, r, h = parts(z, center, alpha)
    det = (1 + beta * h) ** (np.shape(z)[1] - 1) * (1 + beta * h - beta * r * h**2)
    return z + (beta * h)[:, None] * away, det
    # Points move along z itself: they should move along their displacement from the center.
    np.reshape(beta * h, (n, 1)) * away -> np.reshape(beta * h, (n, 1)) * z
    # A positive beta moves points towards the center here, not away: add beta h (z - center).
    x = z + np.reshape(beta * h, (n, 1)) * away -> x = z - np.reshape(beta * h, (n, 1)) * away
    # The identity is missing in x: the layer adds beta h (z - center) to z.
    x = z + np.reshape(beta * h, (n, 1)) * away -> x = np.reshape(beta * h, (n, 1)) * away
    # The displacement starts at z, not at the center.
    x = z + np.reshape(beta * h, (n, 1)) * away -> x = center + np.reshape(beta * h, (n, 1)) * away
    # beta is missing in x.
    x = z + np.reshape(beta * h, (n, 1)) * away -> x = z + np.reshape(h, (n, 1)) * away
    # The square of the distance is in h: take the square root.
    r = np.sum((z - center) ** 2, axis=1)
    return layer(z, center, beta, r, 1 / (alpha + r))
    # This is alpha plus r itself: h is its reciprocal.
    _, r, h = parts(z, center, alpha)
    return layer(z, center, beta, r, 1 / h)
    # alpha is missing in h: the reciprocal is that of alpha + r.
    _, r, _ = parts(z, center, alpha)
    return layer(z, center, beta, r, 1 / np.maximum(r, 1e-3))
    # alpha and beta are swapped.
    _, r, h = parts(z, center, beta)
    return layer(z, center, alpha, r, h)
    # Brackets are missing in h: 1/(alpha + r), not 1/alpha + r.
    _, r, _ = parts(z, center, alpha)
    return layer(z, center, beta, r, 1 / alpha + r)
    # h is 1/(alpha + r): the numerator is 1.
    _, r, h = parts(z, center, alpha)
    return layer(z, center, beta, r, alpha * h)
    # r is the Euclidean distance, not the sum of absolute values.
    r = np.sum(np.abs(z - center), axis=1)
    return layer(z, center, beta, r, 1 / (alpha + r))
    # What is added under the root changes the distance: near the center, by too much.
    r = np.sqrt(np.sum((z - center) ** 2, axis=1) + 1e-6)
    return layer(z, center, beta, r, 1 / (alpha + r))
    # The factor along the ray has its own logarithm: log(1 + beta h - beta r h²).
    away, r, h = parts(z, center, alpha)
    log_det = np.shape(z)[1] * np.log(1 + beta * h) - beta * r * h**2
    return z + (beta * h)[:, None] * away, log_det
    # The number of directions is inside of the logarithm: a power comes out of it as a factor,
    # (D - 1) log(1 + beta h).
    away, r, h = parts(z, center, alpha)
    log_det = np.log((np.shape(z)[1] - 1) * (1 + beta * h)) + np.log(1 + beta * h - beta * r * h**2)
    return z + (beta * h)[:, None] * away, log_det
    # r is the distance from the center, not from the origin.
    r = np.sqrt(np.sum(z**2, axis=1))
    return layer(z, center, beta, r, 1 / (alpha + r))
    # Each point has its own distance: sum over its coordinates, not over the whole batch.
    r = np.sqrt(np.sum((z - center) ** 2)) + np.zeros(len(z))
    return layer(z, center, beta, r, 1 / (alpha + r))
    # r is a sum of squares over the coordinates, not a mean.
    r = np.sqrt(np.mean((z - center) ** 2, axis=1) + 1e-30)
    return layer(z, center, beta, r, 1 / (alpha + r))
    # The value is right, but on the center the derivative of the square root is infinite, and 0
    # times infinity is NaN: give the root another argument there, by np.where.
    away = z - center
    r = np.sqrt(np.sum(away**2, axis=1))
    h = 1 / (alpha + r)
    log_det = (np.shape(z)[1] - 1) * np.log(1 + beta * h) + np.log(1 + beta * h - beta * r * h**2)
    return z + (beta * h)[:, None] * away, log_det
    # The log-determinants are averaged over the batch: each example has one.
    away, r, h = parts(z, center, alpha)
    log_det = (np.shape(z)[1] - 1) * np.log(1 + beta * h) + np.log(1 + beta * h - beta * r * h**2)
    return z + (beta * h)[:, None] * away, np.mean(log_det)
    # This is right in two dimensions only: across the ray there are D - 1 directions, and each has
    # its log(1 + beta h).
    away, r, h = parts(z, center, alpha)
    log_det = np.log(1 + beta * h) + np.log(1 + beta * h - beta * r * h**2)
    return z + (beta * h)[:, None] * away, log_det
    # A small number is added under the root: the distance is then wrong near the center.
    away = z - center
    r = np.sqrt(np.sum(away**2, axis=1) + 1e-8)
    h = 1 / (alpha + r)
    log_det = (np.shape(z)[1] - 1) * np.log(1 + beta * h) + np.log(1 + beta * h - beta * r * h**2)
    return z + (beta * h)[:, None] * away, log_det
    """,
    "distance_before": """
    # This is the other root, which is not positive: a distance is the root with the plus.
    q = R - (alpha + beta)
    return (q - np.sqrt(q**2 + 4 * alpha * R)) / 2
    # The reciprocal is taken at R: it is that of alpha + r, so the equation must be solved for r.
    return R - beta * R / (alpha + R)
    # The reciprocal is taken at R: it is that of alpha + r, so the equation must be solved for r.
    return R / (1 + beta / (alpha + R))
    # This is the way there, from r to R: solve the equation for r.
    return R + beta * R / (alpha + R)
    # alpha is missing beside beta: the term linear in r is (alpha + beta - R) r.
    R - (alpha + beta) -> R - beta
    # beta is missing beside alpha: the term linear in r is (alpha + beta - R) r.
    R - (alpha + beta) -> R - alpha
    # The sign of beta is turned: the term linear in r is (alpha + beta - R) r.
    R - (alpha + beta) -> R - (alpha - beta)
    # A factor under the square root is missing: the product of the two outer terms counts four
    # times.
    4 * alpha * R -> alpha * R (everywhere)
    # The last term of the quadratic equation has the wrong factor: it is alpha R.
    4 * alpha * R -> 4 * beta * R
    2 * alpha * R -> 2 * beta * R
    # The root is not halved.
    (q + root) / 2 -> (q + root)
    2 * alpha * R -> 4 * alpha * R
    # A distance may be less than any small number: add nothing under the root, nor below.
    q = R - (alpha + beta)
    root = np.sqrt(q**2 + 4 * alpha * R + 1e-6)
    return np.where(q > 0, (q + root) / 2, 2 * alpha * R / np.where(q > 0, 1, root - q))
    # A few steps of an iteration are not exact: the quadratic equation has a formula.
    r = R
    for _ in range(5):
        r = R / (1 + beta / (alpha + r))
    return r
    """,
}

VARIANTS = {
    "planar_forward": """
    # with the slope of tanh first
    a = np.sum(z * w, axis=-1) + b
    slope = 1 - np.tanh(a) ** 2
    psi = slope[:, None] * w
    return z + u * np.tanh(a)[:, None], np.log(np.abs(1.0 + np.sum(psi * u, axis=1)))
    # with einsum, and (1 - h)(1 + h)
    wide = w + np.zeros(np.shape(z), z.dtype)
    h = np.tanh(np.einsum("nd,nd->n", z, wide) + b)
    det = (1 - h) * (1 + h) * np.sum(wide * u, axis=1) + 1
    return np.reshape(h, (-1, 1)) * u + z, np.log(np.abs(det))
    # half the logarithm of the square
    h = np.tanh(np.sum(w * z, axis=1) + b)[:, None]
    det = 1 + np.sum((1 - h**2) * w * u, axis=1)
    return z + u * h, 0.5 * np.log(det**2)
    """,
    "u_hat": """
    # as the equation is written
    wu = np.sum(w * u, axis=-1, keepdims=True)
    return u + ((softplus(wu) - 1) - wu) * (w / np.sum(w**2, axis=-1, keepdims=True))
    # logaddexp for softplus
    wu = np.sum(w * u, axis=-1, keepdims=True)
    return u + (np.logaddexp(0, wu) - 1 - wu) * w / np.sum(w**2, axis=-1, keepdims=True)
    # the part along w removed, then put back at its new size
    square = np.sum(w**2, axis=-1, keepdims=True)
    wu = np.sum(w * u, axis=-1, keepdims=True)
    across = u - wu * w / square
    return across + (softplus(wu) - 1) * w / square
    # by the identity softplus(a) - a = softplus(-a)
    wu = (w * u).sum(-1)[..., None]
    return u - (1 - softplus(-wu)) * w / (w * w).sum(-1)[..., None]
    """,
    "radial_forward": """
    # as the equation is written
    away, r, h = parts(z, center, alpha)
    dim = np.shape(z)[1]
    log_det = (dim - 1) * np.log(1 + beta * h) + np.log(1 + beta * h - beta * r * h**2)
    return z + (beta * h)[:, None] * away, log_det
    # the slope along the ray as 1 + alpha beta h²
    away, r, h = parts(z, center, alpha)
    log_det = (np.shape(z)[1] - 1) * np.log1p(beta * h) + np.log1p(alpha * beta / (alpha + r) ** 2)
    return z + np.reshape(beta * h, (-1, 1)) * away, log_det
    # the logarithm of the product
    away, r, h = parts(z, center, alpha)
    stretch = 1 + beta * h
    det = stretch ** (np.shape(z)[1] - 1) * (1 + beta * h * (1 - r * h))
    return center + stretch[:, None] * away, np.log(det)
    """,
    "distance_before": """
    # the same root as a quotient
    q = R - (alpha + beta)
    return 2 * alpha * R / (np.sqrt(q**2 + 4 * alpha * R) - q)
    # the sum of the two terms first, which never cancels
    q = R - (alpha + beta)
    large = (np.abs(q) + np.sqrt(q**2 + 4 * alpha * R)) / 2
    return np.where(q > 0, large, alpha * R / large)
    """,
}

EQUIVALENT = {
    "distance_before": """
    q > 0 → q >= 0  # at 0 both forms give the same
    q > 0 → q >= 0 (2)  # where q is positive the quotient is not used
    q > 0 → q > 1 (2)  # where q is positive the quotient is not used
    # it is not used there
    np.where(q > 0, 1, root - q) → np.where(q > 0, 2, root - q)
    """,
    "planar_forward": """
    w + np.zeros(np.shape(z), z.dtype) → w - np.zeros(np.shape(z), z.dtype)  # zero has no sign
    # the product commutes
    np.einsum('nd,nd->n', z, wide) → np.einsum('nd,nd->n', wide, z)
    """,
    "radial_forward": """
    # what the root is taken of where its result is not used
    np.where(square > 0, square, 1.0) → np.where(square > 0, square, 2.0)
    # the inner np.where stops the gradient there
    np.where(square > 0, square, 1.0) → np.where(square > 0, square, 0)
    """,
}
