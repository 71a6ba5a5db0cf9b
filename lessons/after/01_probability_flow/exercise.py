"""Exercises on the probability flow: the velocity, divergences and their estimate, the log-det of a
step, and a step with fresh noise."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise

velocity = Exercise(
    "after/01/angle_velocity",
    target="minigen.diffusion.probability_flow:angle_velocity",
    minutes=8,
    prompt=r"""
    The velocity $\mathrm{d}x/\mathrm{d}\phi$ of a noisy point
    $x = \cos(\phi) x_0 + \sin(\phi) \varepsilon$, from `x` and `eps`.

    `x` and `eps` have shape $(N, D)$ or $(N, H, W, C)$, which is that of the result. `phi` is an
    angle below $\pi/2$, one number for all examples or an array $(N,)$, one for each. $x_0$ is not
    given: it follows from `x`, `eps` and `phi`.
    """,
    hints="""
    Differentiate the sum with x_0 and eps fixed. Then solve the sum for x_0 and insert it.

    v = cos(phi) eps - sin(phi) x_0 = (eps - sin(phi) x) / cos(phi).

        phi = np.reshape(phi, np.shape(phi) + (1,) * (np.ndim(x) - np.ndim(phi)))
        return (eps - np.sin(phi) * x) / np.cos(phi)
    """,
)


@velocity.case(points=2, kind="equation", expect={"v": [[0.0, 1.25]]})
def by_hand(impl, rng):
    """sin(phi) = 0.6 and cos(phi) = 0.8: (0.6 - 0.6 * 1)/0.8 = 0 and (1 - 0)/0.8 = 1.25."""
    phi = np.arcsin(0.6)
    return {"v": impl(np.array([[1.0, 0.0]]), np.array([[0.6, 1.0]]), phi)}


@velocity.case(points=2, kind="equation")
def random_values(impl, rng):
    x, eps = rng.standard_normal((2, 5, 3))
    return {f"phi = {phi}": impl(x, eps, phi) for phi in (0.0, 0.3, 1.2, 1.56)}


@velocity.case(points=2, kind="equation", property=True, expect={"difference": 0.0})
def slope_of_the_path(impl, rng):
    """The velocity is the slope of cos(phi) x_0 + sin(phi) eps, by a central difference."""
    x0, eps = rng.standard_normal((2, 4, 2))
    phi, h = 0.7, 1e-5

    def at(phi):
        return np.cos(phi) * x0 + np.sin(phi) * eps

    slope = (at(phi + h) - at(phi - h)) / (2 * h)
    return {"difference": np.round(impl(at(phi), eps, phi) - slope, 6)}


@velocity.case(points=2, kind="shapes")
def an_angle_for_each(impl, rng):
    """phi of shape (N,), for points and for images."""
    phi = np.array([0.0, 0.4, 0.9, 1.3])
    points, of_points = rng.standard_normal((2, 4, 2))
    images, of_images = rng.standard_normal((2, 4, 3, 2, 1))
    return {"points": impl(points, of_points, phi), "images": impl(images, of_images, phi)}


log_det = Exercise(
    "after/01/step_log_det",
    target="minigen.flow.continuous:step_log_det",
    minutes=8,
    prompt=r"""
    $\log |\det|$ of the Jacobian of an Euler step $x' = x + h v(x)$.

    `J` holds the Jacobians $\mathrm{d}v/\mathrm{d}x$ of the velocity, $(N, D, D)$, one for each
    example; `h` is a number, which may be negative. The result has shape $(N,)$. $D$ may be large,
    and the determinant itself larger than any number. No step here folds space: all determinants
    are positive.
    """,
    hints="""
    What is the Jacobian of x + h v(x)? Its determinant is not h times the trace.

    log |det(I + h J)|.

        return np.linalg.slogdet(np.eye(len(J[0])) + h * J)[1]
    """,
)


@log_det.case(points=2, kind="equation", expect={"log det": [0.6931471805599453]})
def one_dimension(impl, rng):
    """J = 2 and h = 0.5: the step stretches by 2."""
    return {"log det": impl(np.array([[[2.0]]]), 0.5)}


@log_det.case(points=2, kind="equation")
def random_matrices(impl, rng):
    J = rng.standard_normal((5, 3, 3))
    return {f"h = {h}": impl(J, h) for h in (0.1, -0.1)}


@log_det.case(points=2, kind="equation", fixed=True, property=True, expect={"sum": 0.0})
def there_and_back(impl, rng):
    """The inverse of I + h J is I - h J (I + h J)^-1: the two log-dets add up to 0."""
    J, h = rng.standard_normal((4, 2, 2)), 0.2
    back = -J @ np.linalg.inv(np.eye(2) + h * J)
    return {"sum": impl(J, h) + impl(back, h)}


@log_det.case(points=1, kind="extremes")
def many_dimensions(impl, rng):
    """In 200 dimensions the determinant is above the largest number; its logarithm is 923."""
    J = np.stack([100.0 * np.eye(200), np.zeros((200, 200))])
    return {"log det": impl(J, 1.0)}


trace = Exercise(
    "after/01/divergence",
    target="minigen.flow.continuous:divergence",
    minutes=12,
    imports=("from minigen.tensor import grad",),
    blocked=["minigen.flow.continuous:value_and_jacobian"],
    prompt=r"""
    A velocity and its divergence: $(v, \mathrm{div})$ at points `x`.

    `velocity(x, t)` takes points $(N, D)$ and times $(N,)$ and returns $(N, D)$; it treats the
    examples independently. `t` is one number or $(N,)$. Return $v$ = `velocity(x, t)`, $(N, D)$,
    and the sum over $i$ of $\mathrm{d}v_i/\mathrm{d}x_i$ of each example, $(N,)$. `grad(f)(x)` is
    the gradient of a scalar function of an array.
    """,
    hints="""
    The examples are independent, so the gradient of the sum over the batch of one coordinate of v
    holds a row of each example's Jacobian. You need its diagonal: one gradient for each coordinate.

    div v = sum_i d(sum_n v_ni)/dx_ni.

        t = np.broadcast_to(t, (len(x),))
        total = 0.0
        for i in range(np.shape(x)[1]):
            row = grad(lambda x: np.sum(velocity(x, t)[:, i]))(x)  # (N, D)
            total = total + row[:, i]
        return velocity(x, t), total
    """,
)


def linear_field(x, t):
    return x @ np.array([[2.0, 1.0], [5.0, 3.0]]).T


def bent_field(x, t):
    """A Jacobian that is neither symmetric nor constant."""
    first = np.sin(x[:, 1:]) * x[:, :1] * (1 + t[:, None])
    return np.concatenate([first, x[:, :1] * x[:, 1:] ** 2], axis=1)


@trace.case(points=2, kind="equation", expect={"div": [5.0, 5.0]})
def of_a_matrix(impl, rng):
    """v = A x with A = ((2, 1), (5, 3)): the divergence is the trace, 5."""
    v, div = impl(linear_field, np.array([[1.0, 1.0], [0.0, 2.0]]), 0.0)
    return {"v": v, "div": div}


@trace.case(points=3, kind="equation")
def of_a_bent_field(impl, rng):
    x, t = rng.standard_normal((6, 2)), rng.uniform(0, 1, 6)
    v, div = impl(bent_field, x, t)
    return {"v": v, "div": div}


@trace.case(points=2, kind="equation", fixed=True, property=True, expect={"div": 0.0})
def a_rotation(impl, rng):
    """A rotation of the plane, by an angle that depends on the radius, keeps all volumes."""

    def rotation(x, t):
        return np.sum(x**2, axis=1)[:, None] * np.stack([-x[:, 1], x[:, 0]], axis=1)

    return {"div": impl(rotation, rng.standard_normal((5, 2)), 0.0)[1]}


@trace.case(points=2, kind="shapes")
def one_time_and_other_dimensions(impl, rng):
    """t as one number, and points with one and with four coordinates."""
    found = {}
    for dim in (1, 4):
        v, div = impl(lambda x, t: np.cos(x) * t[:, None], rng.standard_normal((3, dim)), 0.5)
        found |= {f"v, D = {dim}": v, f"div, D = {dim}": div}
    return found


probe = Exercise(
    "after/01/hutchinson_divergence",
    target="minigen.flow.continuous:hutchinson_divergence",
    minutes=12,
    imports=("from minigen.tensor import grad",),
    prompt=r"""
    A velocity and Hutchinson's estimate of its divergence: $(v, \mathrm{estimate})$ at points `x`.

    `velocity(x, t)` takes points $(N, D)$ and times $(N,)$ and returns $(N, D)$; it treats the
    examples independently. `t` is one number or $(N,)$. `probe` is $(N, D)$, a probe for each
    example. The estimate is $p^\top J p$ of each example, $(N,)$, with $p$ its probe and $J$ its
    Jacobian. Use one gradient, whatever $D$ is.
    """,
    hints="""
    The gradient of the scalar sum(v * probe) holds probe^T J of each example. Multiply it with the
    probe once more.

    probe^T J probe = sum_j (d(sum_i probe_i v_i)/dx_j) probe_j.

        t = np.broadcast_to(t, (len(x),))
        rows = grad(lambda x: np.sum(velocity(x, t) * probe))(x)  # (N, D)
        return velocity(x, t), np.sum(rows * probe, axis=1)
    """,
)


@probe.case(points=2, kind="equation", expect={"estimate": [26.0, 3.0]})
def two_probes(impl, rng):
    """A = ((2, 1), (5, 3)): (1, 2) gives 2 + 2 + 10 + 12, and (3, -1) gives 18 - 3 - 15 + 3."""
    probes = np.array([[1.0, 2.0], [3.0, -1.0]])
    v, estimate = impl(linear_field, np.array([[1.0, 1.0], [0.0, 2.0]]), 0.0, probes)
    return {"v": v, "estimate": estimate}


@probe.case(points=3, kind="equation")
def random_probes(impl, rng):
    x, t, probes = rng.standard_normal((6, 2)), rng.uniform(0, 1, 6), rng.standard_normal((6, 2))
    v, estimate = impl(bent_field, x, t, probes)
    return {"v": v, "estimate": estimate}


@probe.case(points=2, kind="equation", property=True, expect={"mean": 0.0})
def the_mean_over_all_signs(impl, rng):
    """The mean over all four probes of signs is the trace, here 2 x_1 x_2 + sin x_2."""
    x = np.repeat(rng.standard_normal((1, 2)), 4, axis=0)
    signs = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    estimate = impl(bent_field, x, 0.0, signs)[1]
    return {"mean": np.mean(estimate) - 2 * x[0, 0] * x[0, 1] - np.sin(x[0, 1])}


@probe.case(points=1, kind="shapes")
def four_coordinates(impl, rng):
    x, probes = rng.standard_normal((2, 3, 4))
    return {"estimate": impl(lambda x, t: np.cos(x[:, ::-1]) * t[:, None], x, 0.5, probes)[1]}


@probe.case(points=1, kind="extremes")
def thirty_steep_coordinates(impl, rng):
    """A velocity of short waves in 30 dimensions, which is called once for the result and once for
    the gradient; calls beyond the fourth are counted."""
    calls = []

    def waves(x, t):
        calls.append(np.shape(t))
        return np.sin(1e6 * x[:, ::-1]) + np.cos(1e6 * x)

    x, probes = rng.standard_normal((2, 3, 30))
    estimate = impl(waves, x, 0.0, probes)[1]
    return {"estimate": estimate, "calls beyond four": max(0, len(calls) - 4)}


posterior = Exercise(
    "after/01/posterior_divergence",
    target="minigen.diffusion.probability_flow:posterior_divergence",
    minutes=12,
    prompt=r"""
    The divergence of the probability flow, from the covariance of $x_0$ given $x$.

    The velocity is $v = (\cos(\phi) x - \mathrm{E}[x_0 \mid x])/\sin(\phi)$, and the derivative of
    $\mathrm{E}[x_0 \mid x]$ in $x$ is $\cos(\phi)/\sin(\phi)^2$ times the covariance of $x_0$ given
    $x$. `covariance` is $(N, D, D)$; `phi` is one angle in $(0, \pi/2]$ or $(N,)$. Return the sum
    over $i$ of $\mathrm{d}v_i/\mathrm{d}x_i$ of each example, $(N,)$.
    """,
    hints="""
    The divergence of x is its dimension, D. That of the posterior mean is the trace of its
    derivative.

    D cos(phi)/sin(phi) - cos(phi)/sin(phi)^3 tr Cov.

        traces = np.trace(covariance, axis1=1, axis2=2)
        dim = len(covariance[0])
        return dim * np.cos(phi) / np.sin(phi) - np.cos(phi) / np.sin(phi) ** 3 * traces
    """,
)


@posterior.case(
    points=2, kind="equation", expect={"divergence": [1.3333333333333333, -3.222222222222222]}
)
def sine_of_six_tenths(impl, rng):
    """sin(phi) = 0.6, cos(phi) = 0.8, D = 2: 8/3 - 100/27 tr Cov for traces of 0.36 and 1.59."""
    covariance = np.array([[[0.2, 0.7], [0.7, 0.16]], [[1.0, 0.0], [0.0, 0.59]]])
    return {"divergence": impl(np.arcsin(0.6), covariance)}


@posterior.case(points=2, kind="equation")
def random_covariances(impl, rng):
    roots = rng.standard_normal((5, 3, 3))
    covariance = roots @ np.swapaxes(roots, 1, 2)
    return {f"phi = {phi}": impl(phi, covariance) for phi in (0.2, 1.1)}


@posterior.case(points=2, kind="equation", fixed=True, property=True, expect={"difference": 0.0})
def a_gaussian(impl, rng):
    """For data from N(0, 0.36) the velocity is x V'/2V, with V = 0.36 cos^2 + sin^2."""
    phi = np.array([0.3, 0.9, 1.5])
    V = 0.36 * np.cos(phi) ** 2 + np.sin(phi) ** 2
    covariance = np.reshape(0.36 * np.sin(phi) ** 2 / V, (3, 1, 1))
    return {"difference": impl(phi, covariance) - 0.64 * np.sin(phi) * np.cos(phi) / V}


@posterior.case(points=1, kind="extremes")
def the_end(impl, rng):
    """At pi/2 the divergence is 0, whatever the covariance is; here for one example, with D = 1."""
    return {"divergence": np.round(impl(np.pi / 2, np.array([[[0.7]]])), 12)}


noisy = Exercise(
    "after/01/reverse_sde_step",
    target="minigen.diffusion.probability_flow:reverse_sde_step",
    minutes=12,
    prompt=r"""
    One step towards the data with fresh noise: `x` at angle $\phi - \mathrm{step}$, from `x` at
    angle `phi`.

    `x`, `score` (the gradient of $\log p$ at `x`) and `z` (noise from $N(0, I)$) have one shape,
    $(N, D)$ or $(N, H, W, C)$, which is that of the result. `phi` and `step` are one number each,
    or $(N,)$. With $r = \mathrm{step} \cdot \tan(\phi)$, the probability flow moves `x` by
    $r (x + \mathrm{score})$. Fresh noise of strength `noise` adds
    $\mathrm{noise} \cdot \sqrt{2 r} z$, and the factor of the score rises from 1 to
    $1 + \mathrm{noise}^2$, so that the density stays the same.
    """,
    hints="""
    Compute r first. The drift is x plus the enlarged score; noise = 0 leaves the probability flow.

    x + r (x + (1 + noise^2) score) + noise sqrt(2 r) z, with r = step tan(phi).

        r = np.asarray(step * np.tan(phi))
        r = np.reshape(r, np.shape(r) + (1,) * (np.ndim(x) - np.ndim(r)))
        return x + r * (x + (1 + noise**2) * score) + noise * np.sqrt(2 * r) * z
    """,
)


@noisy.case(points=2, kind="equation", expect={"flow": [[2.5]], "noise": [[5.0]]})
def one_half(impl, rng):
    """tan(phi) = 1 and step = 0.5: 2 + 0.5 (2 - 1) = 2.5; with noise 2 + 0.5 (2 - 2) + 3 = 5."""
    x, score, z = np.array([[2.0]]), np.array([[-1.0]]), np.array([[3.0]])
    return {
        "flow": impl(x, score, np.pi / 4, 0.5, z, 0.0),
        "noise": impl(x, score, np.pi / 4, 0.5, z, 1.0),
    }


@noisy.case(points=2, kind="equation")
def any_strength(impl, rng):
    x, score, z = rng.standard_normal((3, 4, 2))
    return {f"noise = {noise}": impl(x, score, 0.8, 0.05, z, noise) for noise in (0.0, 0.5, 2.0)}


@noisy.case(points=1, kind="equation")
def the_default(impl, rng):
    """Without `noise` it is 1, the reverse process of DDPM."""
    x, score, z = rng.standard_normal((3, 4, 2))
    return {"x": impl(x, score, 1.1, 0.1, z)}


@noisy.case(points=1, kind="equation", property=True, expect={"difference": 0.0})
def opposite_noises(impl, rng):
    """The mean of the steps with z and with -z is the drift, x + r (x + 2 score) for noise = 1."""
    x, score, z = rng.standard_normal((3, 4, 2))
    there, back = (impl(x, score, 0.6, 0.2, sign * z, 1.0) for sign in (1, -1))
    return {"difference": (there + back) / 2 - x - 0.2 * np.tan(0.6) * (x + 2 * score)}


@noisy.case(points=2, kind="shapes")
def angles_of_their_own(impl, rng):
    """phi and step of shape (N,), for points and for images."""
    phi, step = np.array([0.2, 0.7, 1.3]), np.array([0.1, 0.05, 0.2])
    points = rng.standard_normal((3, 3, 2))
    images = rng.standard_normal((3, 3, 2, 2, 1))
    return {
        "points": impl(points[0], points[1], phi, step, points[2], 1.0),
        "images": impl(images[0], images[1], phi, step, images[2], 0.5),
    }
