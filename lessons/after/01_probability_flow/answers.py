"""Mistakes in the exercises of after/01, and other right answers."""

import autograd.numpy as np

from minigen.tensor import grad


def by_rows(values, x):
    """One number for each example, to go with x."""
    return np.reshape(values, np.shape(values) + (1,) * (np.ndim(x) - np.ndim(values)))


def jacobian_of(velocity, x, t):
    """(N, D, D)"""
    t = np.broadcast_to(t, (len(x),))
    rows = [grad(lambda x, i=i: np.sum(velocity(x, t)[:, i]))(x) for i in range(np.shape(x)[1])]
    return np.stack(rows, axis=1)


def by_steps(velocity, x, t, size):
    """The divergence by differences over steps to one side, (N,)."""
    t = np.broadcast_to(t, (len(x),))
    v, steps = velocity(x, t), size * np.eye(np.shape(x)[1])
    return sum((velocity(x + step, t) - v)[:, i] / size for i, step in enumerate(steps))


MISTAKES = {
    "angle_velocity": """
    # Sine and cosine are exchanged: the data is multiplied by the cosine.
    phi = by_rows(phi, x)
    return (eps - np.cos(phi) * x) / np.sin(phi + 1e-9)
    # This is cos(phi) eps - sin(phi) x, with the noisy point in the place of the data.
    phi = by_rows(phi, x)
    return np.cos(phi) * eps - np.sin(phi) * x
    # The sign is reversed: the velocity leads from the data to the noise.
    phi = by_rows(phi, x)
    return (np.sin(phi) * x - eps) / np.cos(phi)
    # The division by the cosine is missing.
    phi = by_rows(phi, x)
    return eps - np.sin(phi) * x
    # The cosine has no least value: near pi/2 the velocity is large.
    phi = by_rows(phi, x)
    return (eps - np.sin(phi) * x) / np.maximum(np.cos(phi), 0.05)
    # This is the slope with respect to sigma = tan(phi), which is eps itself.
    return eps + 0 * x
    # Products with the derivative are missing: this is the predicted x_0.
    phi = by_rows(phi, x)
    return (x - np.sin(phi) * eps) / np.cos(phi)
    # Sine and cosine are exchanged in the velocity: the derivative of cos(phi) is -sin(phi).
    phi = by_rows(phi, x)
    x0 = (x - np.sin(phi) * eps) / np.cos(phi)
    return np.sin(phi) * eps - np.cos(phi) * x0
    # The factors are left out: differentiate both of them, which gives a cosine and a sine.
    phi = by_rows(phi, x)
    return eps - (x - np.sin(phi) * eps) / np.cos(phi)
    # The predicted x_0 is not divided by the cosine: solve the sum for x_0.
    phi = by_rows(phi, x)
    return np.cos(phi) * eps - np.sin(phi) * (x - np.sin(phi) * eps)
    # The x_0 enters with a plus: the derivative of the cosine has a minus.
    phi = by_rows(phi, x)
    return np.cos(phi) * eps + np.sin(phi) * (x - np.sin(phi) * eps) / np.cos(phi)
    # The tangent takes the place of the sine: the cosine divides both terms already.
    phi = by_rows(phi, x)
    return (eps - np.tan(phi) * x) / np.cos(phi)
    # Only the noise is divided by the cosine: the whole difference is.
    phi = by_rows(phi, x)
    return eps / np.cos(phi) - np.sin(phi) * x
    # The angle is taken for degrees: it is in radians already.
    phi = by_rows(np.radians(phi), x)
    return (eps - np.sin(phi) * x) / np.cos(phi)
    # The difference is divided by the sine: x_0 has the factor cos(phi).
    phi = by_rows(phi, x)
    return (eps - np.sin(phi) * x) / np.maximum(np.sin(phi), 1e-12)
    # The point is subtracted without its sine: the sum has both factors.
    phi = by_rows(phi, x)
    return (eps - x) / np.cos(phi)
    # Noise and point have changed their factors: the sine belongs to the point.
    phi = by_rows(phi, x)
    return (np.sin(phi) * eps - x) / np.cos(phi)
    # The point is subtracted in place of the data: solve the sum for x_0.
    phi = by_rows(phi, x)
    return np.cos(phi) * eps - x
    """,
    "step_log_det": """
    # This is h times the trace, which is right only for h -> 0.
    return h * np.trace(J, axis1=1, axis2=2)
    # The power of the step is outside: log det(I + J) times h.
    return h * np.linalg.slogdet(np.eye(J.shape[1]) + J)[1]
    # The identity is missing: the step is x + h v, not h v.
    return np.linalg.slogdet(h * J)[1]
    # The step goes forwards, x + h v: the sign of h is reversed.
    return np.linalg.slogdet(np.eye(J.shape[1]) - h * J)[1]
    # The determinant overflows in many dimensions: take its logarithm directly, with slogdet.
    return np.log(np.linalg.det(np.eye(J.shape[1]) + h * J))
    # The log-dets of the batch are added up: there is one for each example.
    return np.sum(np.linalg.slogdet(np.eye(J.shape[1]) + h * J)[1]) * np.ones(len(J))
    # This is the trace without the step size, and no determinant: the step is x + h v.
    return np.trace(J, axis1=1, axis2=2) + 0 * h
    # This is the logarithm of 1 + h times the trace: the determinant has terms of higher order.
    return np.log(np.abs(1 + h * np.trace(J, axis1=1, axis2=2)))
    # The determinant of J alone is multiplied by h: the identity belongs inside the determinant.
    return np.log(np.abs(1 + h * np.linalg.det(J)))
    # Only the diagonal of the matrix is multiplied: the other entries change its determinant, too.
    return np.sum(np.log(np.abs(1 + h * np.diagonal(J, axis1=1, axis2=2))), axis=1)
    # A 1 is added to every entry of the matrix: the identity has ones on the diagonal only.
    return np.linalg.slogdet(1 + h * J)[1]
    # This is the sign of the determinant: slogdet returns the sign first, then the logarithm.
    return np.linalg.slogdet(np.eye(J.shape[1]) + h * J)[0]
    # This is the series up to its second term, which is right only for small h: take slogdet.
    traces, of_square = (np.trace(A, axis1=1, axis2=2) for A in (J, J @ J))
    return h * traces - h**2 / 2 * of_square
    # The trace is squared in the second term: log det has terms of all orders.
    traces = np.trace(J, axis1=1, axis2=2)
    return h * traces - h**2 / 2 * traces**2
    # The imaginary parts of the eigenvalues are dropped: they change the size of 1 + h lambda.
    eigenvalues = np.real(np.linalg.eigvals(J))
    return np.sum(np.log(np.abs(1 + h * eigenvalues)), axis=1)
    # The determinant is returned without its logarithm: take slogdet, which does not overflow.
    with np.errstate(over="ignore"):
        return np.linalg.det(np.eye(J.shape[1]) + h * J)
    # The sign of h is dropped: a step may go back, and then it shrinks where it stretched.
    return np.linalg.slogdet(np.eye(J.shape[1]) + abs(h) * J)[1]
    # The log-det is divided by the dimension: the sum over all directions is asked for.
    return np.linalg.slogdet(np.eye(J.shape[1]) + h * J)[1] / J.shape[1]
    # The log-det of J is multiplied by h: the step is x + h v, whose Jacobian has the identity.
    return h * np.linalg.slogdet(J)[1]
    # The matrix is made symmetric: the entries above and below the diagonal have to stay.
    return np.linalg.slogdet(np.eye(J.shape[1]) + h * (J + np.swapaxes(J, 1, 2)) / 2)[1]
    # The log-det is doubled: this is that of the matrix times its transpose.
    return 2 * np.linalg.slogdet(np.eye(J.shape[1]) + h * J)[1]
    """,
    "divergence": """
    # All entries of the Jacobian are added: only those with i = j count.
    J = jacobian_of(velocity, x, t)
    return velocity(x, np.broadcast_to(t, (len(x),))), np.sum(J, axis=(1, 2))
    # The entries off the diagonal are added: the divergence is the diagonal.
    J = jacobian_of(velocity, x, t)
    off = np.sum(J, axis=(1, 2)) - np.trace(J, axis1=1, axis2=2)
    return velocity(x, np.broadcast_to(t, (len(x),))), off
    # The mean of the diagonal is not its sum.
    J = jacobian_of(velocity, x, t)
    return velocity(x, np.broadcast_to(t, (len(x),))), np.trace(J, axis1=1, axis2=2) / J.shape[1]
    # This is the determinant of the Jacobian, not its trace.
    J = jacobian_of(velocity, x, t)
    return velocity(x, np.broadcast_to(t, (len(x),))), np.linalg.det(J)
    # The divergences of the batch are added up: there is one for each example.
    J = jacobian_of(velocity, x, t)
    total = np.sum(np.trace(J, axis1=1, axis2=2)) * np.ones(len(x))
    return velocity(x, np.broadcast_to(t, (len(x),))), total
    # Only the first coordinate is differentiated: the sum goes over all of them.
    J = jacobian_of(velocity, x, t)
    return velocity(x, np.broadcast_to(t, (len(x),))), J[:, 0, 0]
    # Only the last coordinate is left: add the derivatives up inside of the loop.
    J = jacobian_of(velocity, x, t)
    return velocity(x, np.broadcast_to(t, (len(x),))), J[:, -1, -1]
    # The diagonal is multiplied: the divergence is its sum.
    J = jacobian_of(velocity, x, t)
    diagonal = np.diagonal(J, axis1=1, axis2=2)
    return velocity(x, np.broadcast_to(t, (len(x),))), np.prod(diagonal, axis=1)
    # The derivatives lose their signs: a flow that contracts has a negative divergence.
    J = jacobian_of(velocity, x, t)
    diagonal = np.diagonal(J, axis1=1, axis2=2)
    return velocity(x, np.broadcast_to(t, (len(x),))), np.sum(np.abs(diagonal), axis=1)
    # A mean over the batch is differentiated: take the sum, which keeps the examples apart.
    J = jacobian_of(velocity, x, t)
    return velocity(x, np.broadcast_to(t, (len(x),))), np.trace(J, axis1=1, axis2=2) / len(x)
    # The divergence has the opposite sign: this is the rate at which the density changes.
    J = jacobian_of(velocity, x, t)
    return velocity(x, np.broadcast_to(t, (len(x),))), -np.trace(J, axis1=1, axis2=2)
    # The time is not passed on: the velocity is called at t = 0.
    zeros = np.zeros(len(x))
    return velocity(x, zeros), np.trace(jacobian_of(velocity, x, zeros), axis1=1, axis2=2)
    # All gradients belong to one coordinate, because the loop's functions are made first and called
    # later: bind the number of the coordinate when each function is made.
    J = jacobian_of(velocity, x, t)
    return velocity(x, np.broadcast_to(t, (len(x),))), np.sum(J[:, -1], axis=1)
    # The derivatives come from small steps to one side, which have an error: take the gradient.
    return velocity(x, np.broadcast_to(t, (len(x),))), by_steps(velocity, x, t, 1e-2)
    # The derivatives come from small steps to one side, which have an error: take the gradient.
    return velocity(x, np.broadcast_to(t, (len(x),))), by_steps(velocity, x, t, 1e-3)
    # The derivatives come from small steps to one side, which have an error: take the gradient.
    return velocity(x, np.broadcast_to(t, (len(x),))), by_steps(velocity, x, t, 1e-4)
    # The derivatives come from small steps to one side, which have an error: take the gradient.
    return velocity(x, np.broadcast_to(t, (len(x),))), by_steps(velocity, x, t, 1e-5)
    # The diagonal is squared: the divergence is its plain sum.
    J = jacobian_of(velocity, x, t)
    squares = np.sum(np.diagonal(J, axis1=1, axis2=2) ** 2, axis=1)
    return velocity(x, np.broadcast_to(t, (len(x),))), squares
    # The derivatives are multiplied with the point: add the derivatives themselves.
    J = jacobian_of(velocity, x, t)
    products = np.sum(np.diagonal(J, axis1=1, axis2=2) * x, axis=1)
    return velocity(x, np.broadcast_to(t, (len(x),))), products
    # All examples get the mean divergence of the batch: each has its own.
    J = jacobian_of(velocity, x, t)
    mean = np.mean(np.trace(J, axis1=1, axis2=2)) + np.zeros(len(x))
    return velocity(x, np.broadcast_to(t, (len(x),))), mean
    # The points come back in place of the velocity.
    return x, np.trace(jacobian_of(velocity, x, t), axis1=1, axis2=2)
    """,
    "hutchinson_divergence": """
    # The probe enters once: this is the sum of probe^T J.
    t = np.broadcast_to(t, (len(x),))
    rows = grad(lambda x: np.sum(velocity(x, t) * probe))(x)
    return velocity(x, t), np.sum(rows, axis=1)
    # This is the mean over the coordinates: the estimate is the sum.
    t = np.broadcast_to(t, (len(x),))
    rows = grad(lambda x: np.sum(velocity(x, t) * probe))(x)
    return velocity(x, t), np.mean(rows * probe, axis=1)
    # A mean over the batch is inside the gradient: take the sum, which keeps examples apart.
    t = np.broadcast_to(t, (len(x),))
    rows = grad(lambda x: np.mean(velocity(x, t) * probe))(x)
    return velocity(x, t), np.sum(rows * probe, axis=1)
    # The diagonal weighted by the squared probe is not the quadratic form: J has other entries too.
    t = np.broadcast_to(t, (len(x),))
    J = jacobian_of(velocity, x, t)
    return velocity(x, t), np.sum(np.diagonal(J, axis1=1, axis2=2) * probe**2, axis=1)
    # The value is right, and takes one gradient for each coordinate: put the probe into the scalar
    # that is differentiated.
    J = jacobian_of(velocity, x, t)
    v = velocity(x, np.broadcast_to(t, (len(x),)))
    return v, np.einsum("ni,nij,nj->n", probe, J, probe)
    # This is a difference over a small step, an approximation: take the gradient.
    t = np.broadcast_to(t, (len(x),))
    after, before = (velocity(x + step * probe, t) for step in (1e-5, -1e-5))
    return velocity(x, t), np.sum((after - before) * probe, axis=1) / 2e-5
    # This is the exact trace, from one gradient for each coordinate, without the probe.
    t = np.broadcast_to(t, (len(x),))
    return velocity(x, t), np.trace(jacobian_of(velocity, x, t), axis1=1, axis2=2)
    # The probe is scaled to length 1: then the mean over probes is the trace over D.
    t, unit = np.broadcast_to(t, (len(x),)), probe / np.sqrt(np.sum(probe**2, axis=1))[:, None]
    rows = grad(lambda x: np.sum(velocity(x, t) * unit))(x)
    return velocity(x, t), np.sum(rows * unit, axis=1)
    # Only the signs of the probe are used: take the probe that is given.
    t, signs = np.broadcast_to(t, (len(x),)), np.sign(probe)
    rows = grad(lambda x: np.sum(velocity(x, t) * signs))(x)
    return velocity(x, t), np.sum(rows * signs, axis=1)
    # The velocity itself is multiplied with the probe: its derivative is missing.
    v = velocity(x, np.broadcast_to(t, (len(x),)))
    return v, np.sum(v * probe, axis=1)
    # The probe is used only after the gradient: it belongs inside of it, too.
    t = np.broadcast_to(t, (len(x),))
    return velocity(x, t), np.sum(grad(lambda x: np.sum(velocity(x, t)))(x) * probe, axis=1)
    # The square of the probe multiplies the gradient of a plain sum: put the probe on both sides of
    # J.
    t = np.broadcast_to(t, (len(x),))
    return velocity(x, t), np.sum(grad(lambda x: np.sum(velocity(x, t)))(x) * probe**2, axis=1)
    # The gradient is multiplied with the points: multiply it with the probe.
    t = np.broadcast_to(t, (len(x),))
    rows = grad(lambda x: np.sum(velocity(x, t) * probe))(x)
    return velocity(x, t), np.sum(rows * x, axis=1)
    # The velocity comes back multiplied by the probe: return it unchanged.
    t = np.broadcast_to(t, (len(x),))
    rows = grad(lambda x: np.sum(velocity(x, t) * probe))(x)
    return velocity(x, t) * probe, np.sum(rows * probe, axis=1)
    # The estimates of the batch are added up: each example has its own.
    t = np.broadcast_to(t, (len(x),))
    rows = grad(lambda x: np.sum(velocity(x, t) * probe))(x)
    return velocity(x, t), np.sum(rows * probe) + np.zeros(len(x))
    # This is a difference over a step to one side, an approximation: take the gradient.
    t = np.broadcast_to(t, (len(x),))
    v = velocity(x, t)
    return v, np.sum((velocity(x + 1e-4 * probe, t) - v) * probe, axis=1) / 1e-4
    # This is a difference over a step to one side, an approximation: take the gradient.
    t = np.broadcast_to(t, (len(x),))
    v = velocity(x, t)
    return v, np.sum((velocity(x + 1e-3 * probe, t) - v) * probe, axis=1) / 1e-3
    # The estimate loses its sign: a flow that contracts has a negative divergence.
    t = np.broadcast_to(t, (len(x),))
    rows = grad(lambda x: np.sum(velocity(x, t) * probe))(x)
    return velocity(x, t), np.abs(np.sum(rows * probe, axis=1))
    # The gradient is squared: multiply it with the probe.
    t = np.broadcast_to(t, (len(x),))
    rows = grad(lambda x: np.sum(velocity(x, t) * probe))(x)
    return velocity(x, t), np.sum(rows**2, axis=1)
    # The derivative is evaluated at the probe: evaluate it at the point.
    t = np.broadcast_to(t, (len(x),))
    rows = grad(lambda p: np.sum(velocity(p, t) * probe))(1.0 * probe)
    return velocity(x, t), np.sum(rows * probe, axis=1)
    # The square of the probe multiplies the velocity before the gradient: put the probe on both
    # sides of J.
    t = np.broadcast_to(t, (len(x),))
    return velocity(x, t), np.sum(grad(lambda x: np.sum(velocity(x, t) * probe**2))(x), axis=1)
    # The products are summed over the batch: sum over the coordinates, axis 1.
    t = np.broadcast_to(t, (len(x),))
    rows = grad(lambda x: np.sum(velocity(x, t) * probe))(x)
    return velocity(x, t), np.sum(rows * probe, axis=0)
    """,
    "posterior_divergence": """
    # The sine is squared: the velocity divides by it once more.
    dim, traces = np.shape(covariance)[1], np.trace(covariance, axis1=1, axis2=2)
    return dim * np.cos(phi) / np.sin(phi) - np.cos(phi) / np.sin(phi) ** 2 * traces
    # The dimension is missing: the divergence of x is D.
    traces = np.trace(covariance, axis1=1, axis2=2)
    return np.cos(phi) / np.sin(phi) - np.cos(phi) / np.sin(phi) ** 3 * traces
    # The determinant of the covariance is not its trace.
    dim, sizes = np.shape(covariance)[1], np.linalg.det(covariance)
    return dim * np.cos(phi) / np.sin(phi) - np.cos(phi) / np.sin(phi) ** 3 * sizes
    # The sign is reversed: the posterior mean is subtracted from x.
    dim, traces = np.shape(covariance)[1], np.trace(covariance, axis1=1, axis2=2)
    return dim * np.cos(phi) / np.sin(phi) + np.cos(phi) / np.sin(phi) ** 3 * traces
    # All entries of the covariance are added: only its diagonal counts.
    dim, sums = np.shape(covariance)[1], np.sum(covariance, axis=(1, 2))
    return dim * np.cos(phi) / np.sin(phi) - np.cos(phi) / np.sin(phi) ** 3 * sums
    # The cosine of the posterior's derivative is missing.
    dim, traces = np.shape(covariance)[1], np.trace(covariance, axis1=1, axis2=2)
    return dim * np.cos(phi) / np.sin(phi) - 1 / np.sin(phi) ** 3 * traces
    # The covariance is left out: the posterior mean moves with x, too.
    return np.shape(covariance)[1] * np.cos(phi) / np.sin(phi) + np.zeros(len(covariance))
    # The cosine is squared in the term of the covariance: it enters once, by the derivative.
    dim, traces = np.shape(covariance)[1], np.trace(covariance, axis1=1, axis2=2)
    return dim * np.cos(phi) / np.sin(phi) - np.cos(phi) ** 2 / np.sin(phi) ** 3 * traces
    # The velocity is not divided by the sine: it divides both terms.
    dim, traces = np.shape(covariance)[1], np.trace(covariance, axis1=1, axis2=2)
    return dim * np.cos(phi) - np.cos(phi) / np.sin(phi) ** 2 * traces
    # The diagonal of the covariance is averaged: its sum is the trace.
    dim, means = np.shape(covariance)[1], np.trace(covariance, axis1=1, axis2=2)
    means = means / dim
    return dim * np.cos(phi) / np.sin(phi) - np.cos(phi) / np.sin(phi) ** 3 * means
    # The trace is taken along the batch: name the last two axes, axis1=1 and axis2=2.
    dim, traces = np.shape(covariance)[1], np.trace(covariance)
    return dim * np.cos(phi) / np.sin(phi) - np.cos(phi) / np.sin(phi) ** 3 * traces
    # The number of examples takes the place of the dimension: D is the length of a row.
    n, traces = len(covariance), np.trace(covariance, axis1=1, axis2=2)
    return n * np.cos(phi) / np.sin(phi) - np.cos(phi) / np.sin(phi) ** 3 * traces
    # The diagonal is multiplied: the trace is its sum.
    dim = np.shape(covariance)[1]
    products = np.prod(np.diagonal(covariance, axis1=1, axis2=2), axis=1)
    return dim * np.cos(phi) / np.sin(phi) - np.cos(phi) / np.sin(phi) ** 3 * products
    # The tangent takes the place of the cotangent: the velocity divides by the sine.
    dim, traces = np.shape(covariance)[1], np.trace(covariance, axis1=1, axis2=2)
    return dim * np.tan(np.minimum(phi, 1.57)) - np.cos(phi) / np.sin(phi) ** 3 * traces
    # The length of the covariance as a vector takes the place of its trace.
    dim, sizes = np.shape(covariance)[1], np.sqrt(np.sum(covariance**2, axis=(1, 2)))
    return dim * np.cos(phi) / np.sin(phi) - np.cos(phi) / np.sin(phi) ** 3 * sizes
    # The divergence is averaged over the coordinates: it is their sum.
    dim, traces = np.shape(covariance)[1], np.trace(covariance, axis1=1, axis2=2)
    return np.cos(phi) / np.sin(phi) - np.cos(phi) / np.sin(phi) ** 3 * traces / dim
    # The trace is subtracted without its factor: the derivative of the posterior mean has one.
    traces = np.trace(covariance, axis1=1, axis2=2)
    return np.shape(covariance)[1] * np.cos(phi) / np.sin(phi) - traces
    # The dimension lacks the cotangent: the velocity has cos(phi) x over sin(phi).
    traces = np.trace(covariance, axis1=1, axis2=2)
    return np.shape(covariance)[1] - np.cos(phi) / np.sin(phi) ** 3 * traces
    """,
    "reverse_sde_step": """
    # The drift is not enlarged: with fresh noise the score counts 1 + noise^2 times.
    r = by_rows(step * np.tan(phi), x)
    return x + r * (x + score) + noise * np.sqrt(2 * r) * z
    # The factor 2 under the root is missing.
    r = by_rows(step * np.tan(phi), x)
    return x + r * (x + (1 + noise**2) * score) + noise * np.sqrt(r) * z
    # The noise has the variance of a step, not its root: the deviation is sqrt(2 r).
    r = by_rows(step * np.tan(phi), x)
    return x + r * (x + (1 + noise**2) * score) + noise * 2 * r * z
    # The strength enters the drift without its square.
    r = by_rows(step * np.tan(phi), x)
    return x + r * (x + (1 + noise) * score) + noise * np.sqrt(2 * r) * z
    # The step goes towards the noise: backwards, x and the score are added.
    r = by_rows(step * np.tan(phi), x)
    return x - r * (x + (1 + noise**2) * score) + noise * np.sqrt(2 * r) * z
    # The tangent is missing: the clock is the angle.
    r = by_rows(step + 0 * phi, x)
    return x + r * (x + (1 + noise**2) * score) + noise * np.sqrt(2 * r) * z
    # The whole drift is enlarged: only the score counts 1 + noise^2 times.
    r = by_rows(step * np.tan(phi), x)
    return x + r * (1 + noise**2) * (x + score) + noise * np.sqrt(2 * r) * z
    # The sine takes the place of the tangent: the clock is step * tan(phi).
    r = by_rows(step * np.sin(phi), x)
    return x + r * (x + (1 + noise**2) * score) + noise * np.sqrt(2 * r) * z
    # The tangent of the product is taken: multiply the tangent of phi by the step.
    r = by_rows(np.tan(step * phi), x)
    return x + r * (x + (1 + noise**2) * score) + noise * np.sqrt(2 * r) * z
    # The sum of 1 and the strength is squared: square the strength, then add 1.
    r = by_rows(step * np.tan(phi), x)
    return x + r * (x + (1 + noise) ** 2 * score) + noise * np.sqrt(2 * r) * z
    # The strength is squared before the noise: only the factor of the score has its square.
    r = by_rows(step * np.tan(phi), x)
    return x + r * (x + (1 + noise**2) * score) + noise**2 * np.sqrt(2 * r) * z
    # The strength is under the root, where it should be squared: multiply the root by it.
    r = by_rows(step * np.tan(phi), x)
    return x + r * (x + (1 + noise**2) * score) + np.sqrt(2 * r * noise) * z
    # The noise is added in full: it is scaled by the root of the step.
    r = by_rows(step * np.tan(phi), x)
    return x + r * (x + (1 + noise**2) * score) + noise * z
    # The noise has the root of the step alone: r has the tangent, too.
    r = by_rows(step * np.tan(phi), x)
    root = by_rows(np.sqrt(2 * step) + 0 * phi, x)
    return x + r * (x + (1 + noise**2) * score) + noise * root * z
    # Only the change of x is returned: add it to x.
    r = by_rows(step * np.tan(phi), x)
    return r * (x + (1 + noise**2) * score) + noise * np.sqrt(2 * r) * z
    # The score is subtracted: the step goes to where the density is higher.
    r = by_rows(step * np.tan(phi), x)
    return x + r * (x - (1 + noise**2) * score) + noise * np.sqrt(2 * r) * z
    # The score counts twice at every strength: its factor is 1 + noise^2.
    r = by_rows(step * np.tan(phi), x)
    return x + r * (x + 2 * score) + noise * np.sqrt(2 * r) * z
    # The score has the square of the strength alone: the flow without noise has a score, too.
    r = by_rows(step * np.tan(phi), x)
    return x + r * (x + noise**2 * score) + noise * np.sqrt(2 * r) * z
    # The drift lacks x: the probability flow moves x by r (x + score).
    r = by_rows(step * np.tan(phi), x)
    return x + r * (1 + noise**2) * score + noise * np.sqrt(2 * r) * z
    # No fresh noise is added: only the drift is here.
    r = by_rows(step * np.tan(phi), x)
    return x + r * (x + (1 + noise**2) * score)
    # The factor 2 is outside of the root: the variance of the noise is 2 r.
    r = by_rows(step * np.tan(phi), x)
    return x + r * (x + (1 + noise**2) * score) + 2 * noise * np.sqrt(r) * z
    # The tangent is taken at the end of the step: take it at phi.
    r = by_rows(step * np.tan(phi - step), x)
    return x + r * (x + (1 + noise**2) * score) + noise * np.sqrt(np.abs(2 * r)) * z
    # The point is enlarged in place of the score: the score counts 1 + noise^2 times.
    r = by_rows(step * np.tan(phi), x)
    return x + r * ((1 + noise**2) * x + score) + noise * np.sqrt(2 * r) * z
    # The factor of the score is halved: it is 1 + noise^2.
    r = by_rows(step * np.tan(phi), x)
    return x + r * (x + (1 + noise**2) / 2 * score) + noise * np.sqrt(2 * r) * z
    """,
}

VARIANTS = {
    "angle_velocity": """
    # by the predicted data
    phi = by_rows(phi, x)
    x0 = (x - np.sin(phi) * eps) / np.cos(phi)
    return np.cos(phi) * eps - np.sin(phi) * x0
    """,
    "step_log_det": """
    # one matrix at a time
    found = []
    for one in J:
        found.append(np.linalg.slogdet(np.eye(len(one)) + h * one)[1])
    return np.array(found)
    """,
    "divergence": """
    # the trace of the whole Jacobian
    J = jacobian_of(velocity, x, t)
    return velocity(x, np.broadcast_to(t, (len(x),))), np.trace(J, axis1=1, axis2=2)
    """,
    "hutchinson_divergence": """
    # by the products of all rows with all probes
    t = np.broadcast_to(t, (len(x),))
    rows = grad(lambda x: np.sum(probe * velocity(x, t)))(x)
    return velocity(x, t), np.diagonal(np.dot(rows, probe.T))
    """,
    "posterior_divergence": """
    # with the cotangent taken out
    traces = np.einsum("nii->n", covariance)
    return (len(covariance[0]) - traces / np.sin(phi) ** 2) / np.tan(phi)
    """,
    "reverse_sde_step": """
    # the flow, then what fresh noise adds
    r = by_rows(step * np.tan(phi), x)
    flow = x + r * (x + score)
    return flow + r * noise**2 * score + np.sqrt(2 * r * noise**2) * z
    """,
}

EQUIVALENT = {
    "step_log_det": """
    -1 → 1  # the matrices are square, (N, D, D)
    # they are square
    numpy.eye(np.shape(J)[-1], dtype=J.dtype) → numpy.eye(np.shape(J)[-2], dtype=J.dtype)
    """,
}
