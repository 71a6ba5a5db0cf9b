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
    # This is the slope in sigma = tan(phi), which is eps itself.
    return eps + 0 * x
    # Products with the derivative are missing: this is the predicted x_0.
    phi = by_rows(phi, x)
    return (x - np.sin(phi) * eps) / np.cos(phi)
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
    # A mean over the batch stands inside the gradient: take the sum, which keeps examples apart.
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
    """,
    "posterior_divergence": """
    # The sine stands to the second power: the velocity divides by it once more.
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
