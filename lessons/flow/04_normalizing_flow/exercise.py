"""Exercises on flows that bend the plane a little at a time: the planar layer, the condition that
makes it invertible, and the radial layer, both ways."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad, jacobian

planar = Exercise(
    "flow/04/planar_forward",
    target="minigen.flow.planar:planar_forward",
    minutes=10,
    blocked=["minigen.flow.planar:planar_chains"],
    prompt=r"""
    Return the result $x = z + u \tanh(w^\top z + b)$ of one planar layer and
    $\log |\det \mathrm{d}x/\mathrm{d}z|$, as a tuple. Both must be differentiable with respect to
    all arguments.

    `z` and $x$ have shape $(N, D)$; the log-determinant has shape $(N,)$, one number for
    each example. `u` and `w` have shape $(D,)$, the same for all examples, or $(N, D)$, one for
    each; `b` has shape $()$ or $(N,)$. Use `u` unchanged, even where the determinant is
    negative. $w^\top z + b$ may be as large as 1000 or as low as $-1000$, in `float32` too.
    """,
    hints="""
    The layer moves points along u only, and how far depends only on wᵀz + b. So the determinant of
    the D by D Jacobian follows from a single scalar product.

    The Jacobian is I + u (h'w)ᵀ with h = tanh(wᵀz + b) and h' = 1 - h². By the matrix determinant
    lemma its determinant is 1 + h' uᵀw.

        h = np.tanh(np.sum(z * w, axis=1) + b)
        x = z + h[:, None] * u
        return x, np.log(np.abs(1 + (1 - h**2) * np.sum(u * w, axis=-1)))
    """,
)


def planar_layer(rng, n=5, d=3):
    """Points and a layer with a positive determinant: uᵀw = 0.7."""
    z, (u, w) = rng.standard_normal((n, d)), rng.standard_normal((2, d))
    return z, u + (0.7 - u @ w) * w / (w @ w), w, rng.standard_normal()


@planar.case(
    points=2,
    kind="equation",
    expect={
        "x": [[1 + 2 * np.tanh(0.5), 2 - 0.5 * np.tanh(0.5)]],
        "log_det": [np.log(1 + 1.5 * (1 - np.tanh(0.5) ** 2))],
    },
)
def one_point(impl, rng):
    """wᵀz + b = 0.5 - 2 + 2 = 0.5, and uᵀw = 1 + 0.5 = 1.5."""
    w = np.array([0.5, -1.0])
    x, log_det = impl(np.array([[1.0, 2.0]]), np.array([2.0, -0.5]), w, 2.0)
    return {"x": x, "log_det": log_det}


@planar.case(points=2, kind="equation")
def five_points(impl, rng):
    """N = 5, D = 3 and D = 1."""
    x, log_det = impl(*planar_layer(rng))
    line, log_slope = impl(*planar_layer(rng, d=1))
    return {"x": x, "log_det": log_det, "x, D = 1": line, "log_det, D = 1": log_slope}


@planar.case(points=2, kind="equation", property=True, expect={"gap": 0.0}, rtol=0, atol=1e-8)
def jacobian_agrees(impl, rng):
    """The log-determinant is that of the Jacobian by differentiation."""
    z, u, w, b = planar_layer(rng, n=1, d=4)
    matrix = jacobian(lambda v: impl(v, u, w, b)[0])(z).reshape(4, 4)
    return {"gap": impl(z, u, w, b)[1][0] - np.linalg.slogdet(matrix)[1]}


@planar.case(points=2, kind="shapes")
def a_layer_for_each_example(impl, rng):
    """u and w of shape (N, D), b of shape (N,)."""
    z, u, w = rng.standard_normal((3, 5, 3))
    w = w + (0.7 - np.sum(u * w, axis=1, keepdims=True)) * u / np.sum(u * u, axis=1, keepdims=True)
    x, log_det = impl(z, u, w, rng.standard_normal(5))
    return {"x": x, "log_det": log_det}


@planar.case(
    points=1,
    kind="equation",
    expect={
        "x": [[1 - 2 * np.tanh(0.25), -0.5 - np.tanh(0.25)]],
        "log_det": [np.log(-1 + 4 * (1 - np.tanh(0.25) ** 2))],
    },
)
def negative_determinant(impl, rng):
    """wᵀz + b = 0.25 and uᵀw = -4: the layer folds; u is unchanged, and log |det| is asked for."""
    w = np.array([1.0, 2.0])
    x, log_det = impl(np.array([[1.0, -0.5]]), np.array([-2.0, -1.0]), w, 0.25)
    return {"x": x, "log_det": log_det}


@planar.case(points=2, kind="gradient")
def gradients(impl, rng):
    z, u, w, b = planar_layer(rng)

    def total(z, u, w, b):
        x, log_det = impl(z, u, w, b)
        return np.sum(x**2) - np.sum(log_det)

    return {
        "gradient with respect to z": grad(lambda a: total(a, u, w, b))(z),
        "gradient with respect to u": grad(lambda a: total(z, a, w, b))(u),
        "gradient with respect to w": grad(lambda a: total(z, u, a, b))(w),
        "gradient with respect to b": grad(lambda a: total(z, u, w, a))(np.array(b)),
    }


@planar.case(
    points=1, kind="extremes", expect={"log_det": [0.0, 0.0], "x": [[500.5, 1.0], [-500.5, -1.0]]}
)
def far_from_the_plane(impl, rng):
    """wᵀz = 1000 and -1000, in float32: tanh is flat. The gradient there, and at 300 and -300."""
    z = np.array([[500.0, 0.0], [-500.0, 0.0]], dtype=np.float32)
    u, w = np.array([[0.5, 1.0], [2.0, 0.0]], dtype=np.float32)
    b = np.float32(0.0)
    x, log_det = impl(z, u, w, b)
    slope = grad(lambda a: np.sum(impl(a, u, w, b)[1]))
    return {
        "x": x,
        "log_det": log_det,
        "gradient of log_det in z": slope(0.3 * z.astype(float)),
        "in float32": slope(z),
        "in float64": slope(z.astype(float)),
    }


invertible = Exercise(
    "flow/04/u_hat",
    target="minigen.flow.planar:u_hat",
    minutes=10,
    blocked=["minigen.flow.planar:Planar._parameters"],
    imports=["from minigen.tensor import softplus"],
    prompt=r"""
    A planar layer can be inverted if $u^\top w > -1$. Return $\hat u$, which is `u` moved along `w`
    only, such that its product with `w` becomes $\mathrm{softplus}(u^\top w) - 1$, even where the
    condition held before. Here $\mathrm{softplus}(a) = \log(1 + e^a)$. The result must be
    differentiable with respect to both arguments.

    `u`, `w` and the result have the same shape, $(D,)$ for one layer or $(\dots, D)$ for many. `w`
    is not zero, but need not have length 1. The product may be as large as 1000 or as low as
    $-1000$, in `float32` too: `softplus` of `minigen.tensor` does not overflow.
    """,
    hints="""
    A multiple of w is added to u. Which multiple raises the product with w by the right amount?

    û = u + (softplus(uᵀw) - 1 - uᵀw) w / ‖w‖².

        along = np.sum(u * w, axis=-1, keepdims=True)
        square = np.sum(w * w, axis=-1, keepdims=True)
        return u + (softplus(along) - 1 - along) * w / square
    """,
)
SOFTPLUS = np.log1p(np.exp(-1.5))


@invertible.case(
    points=2,
    kind="equation",
    expect={"u": [1.5 + (SOFTPLUS + 0.5) / 5, -1.5 + 2 * (SOFTPLUS + 0.5) / 5]},
)
def one_layer(impl, rng):
    """uᵀw = -1.5 and ‖w‖² = 5."""
    return {"u": impl(np.array([1.5, -1.5]), np.array([1.0, 2.0]))}


@invertible.case(points=2, kind="equation")
def many_layers(impl, rng):
    u, w = rng.standard_normal((2, 2, 5, 3))
    return {"u": impl(u, w)}


@invertible.case(
    points=2, kind="equation", property=True, expect={"product with w": 0.0, "moved across w": 0.0}
)
def along_w_only(impl, rng):
    """The product becomes softplus(uᵀw) - 1, and what is at right angles to w stays."""
    u, w = 1.5 * rng.standard_normal((2, 6, 4))
    new, before = impl(u, w), np.sum(u * w, axis=1)
    across = (
        new
        - u
        - np.sum((new - u) * w, axis=1, keepdims=True) * w / np.sum(w**2, axis=1, keepdims=True)
    )
    product = np.sum(new * w, axis=1)
    return {"product with w": product - np.logaddexp(0, before) + 1, "moved across w": across}


@invertible.case(points=2, kind="extremes", expect={"u": [[499.5, 1.0], [-0.5, 1.0]]})
def far_out(impl, rng):
    """w = (2, 0) and u = (500, 1), (-500, 1): the products 1000 and -1000 become 999 and -1."""
    w = np.array([[2.0, 0.0], [2.0, 0.0]], dtype=np.float32)
    return {"u": impl(np.array([[500.0, 1.0], [-500.0, 1.0]], dtype=np.float32), w)}


@invertible.case(points=2, kind="gradient")
def gradients_of_u_hat(impl, rng):
    """At a layer of ordinary size, and where the product is 1000 and -1000."""
    u, w, c = rng.standard_normal((3, 5, 3))
    far = np.array([[500.0, 1.0], [-500.0, 1.0]])
    ahead = np.array([[2.0, 0.0], [2.0, 0.0]])
    return {
        "gradient with respect to u": grad(lambda a: np.sum(c * impl(a, w)))(u),
        "gradient with respect to w": grad(lambda a: np.sum(c * impl(u, a)))(w),
        "gradient at 1000 and -1000": grad(lambda a: np.sum(impl(a, ahead)))(far),
    }


radial = Exercise(
    "flow/04/radial_forward",
    target="minigen.flow.planar:radial_forward",
    minutes=15,
    prompt=r"""
    Return the result $x$ of one radial layer and $\log |\det \mathrm{d}x/\mathrm{d}z|$, as a tuple.
    Let $r$ be the distance of a point `z` from the center, and $h$ the reciprocal of $\alpha + r$.
    The layer moves the point by $\beta h$ times its displacement from the center. Both results must
    be differentiable with respect to all arguments.

    `z` and $x$ have shape $(N, D)$; the log-determinant has shape $(N,)$. `center` has shape
    $(D,)$. $\alpha > 0$ and $\beta > -\alpha$ have shape $()$, or $(N,)$ with one of each for each
    example. A point may lie on the center itself, where the square root has no derivative. There,
    too, both results and the gradient of $x$ must be right. $D$ may be 1.
    """,
    hints="""
    Across the ray from the center every direction is stretched by the same factor, D - 1 times
    over; along the ray by another one.

    Across: 1 + beta h, the factor of z - center. Along: the derivative of r + beta h r with respect
    to r, which is 1 + beta h - beta r h². The determinant is the product, (1 + beta h) to the power
    D - 1 times the other.

        away = z - center
        square = np.sum(away**2, axis=1)
        r = np.where(square > 0, np.sqrt(np.where(square > 0, square, 1.0)), 0.0)
        h = 1 / (alpha + r)
        across, along = 1 + beta * h, 1 + beta * h - beta * r * h**2
        x = z + (beta * h)[:, None] * away
        return x, (np.shape(z)[1] - 1) * np.log(across) + np.log(along)
    """,
)


def ball(rng, n=5, d=3):
    z, center = rng.standard_normal((n, d)), rng.standard_normal(d)
    return z, center, np.array(0.6), np.array(1.7)


@radial.case(
    points=2,
    kind="equation",
    expect={
        "x": [[4 + 6 / 5.5, 1 + 8 / 5.5]],
        "log_det": [np.log(1 + 2 / 5.5) + np.log(1 + 2 / 5.5 - 10 / 5.5**2)],
    },
)
def five_from_the_center(impl, rng):
    """z - center = (3, 4), so r = 5 and h = 1/5.5."""
    x, log_det = impl(np.array([[4.0, 1.0]]), np.array([1.0, -3.0]), np.array(0.5), np.array(2.0))
    return {"x": x, "log_det": log_det}


@radial.case(points=3, kind="equation")
def more_dimensions(impl, rng):
    """N = 5, D = 3 and D = 1."""
    x, log_det = impl(*ball(rng))
    line, log_slope = impl(*ball(rng, d=1))
    return {"x": x, "log_det": log_det, "x, D = 1": line, "log_det, D = 1": log_slope}


@radial.case(points=2, kind="equation", property=True, expect={"gap": 0.0}, rtol=0, atol=1e-8)
def jacobian_of_the_ball(impl, rng):
    """The log-determinant is that of the Jacobian by differentiation."""
    z, center, alpha, beta = ball(rng, n=1, d=4)
    matrix = jacobian(lambda v: impl(v, center, alpha, beta)[0])(z).reshape(4, 4)
    return {"gap": impl(z, center, alpha, beta)[1][0] - np.linalg.slogdet(matrix)[1]}


@radial.case(points=2, kind="shapes")
def a_ball_for_each_example(impl, rng):
    """alpha and beta of shape (N,); some pull towards the center."""
    z, center, _, _ = ball(rng)
    alpha = rng.uniform(0.5, 2.0, 5)
    x, log_det = impl(z, center, alpha, alpha * np.array([-0.9, 3.0, -0.5, 0.0, 1.0]))
    return {"x": x, "log_det": log_det}


@radial.case(
    points=2,
    kind="extremes",
    fixed=True,
    expect={
        "x": [[1.0, -3.0, 2.0]],
        "log_det": [3 * np.log(3.5)],
        "gradient of x in z": [[3.5, 7.0, -3.5]],
    },
)
def on_the_center(impl, rng):
    """r = 0 and beta/alpha = 2.5: all three directions are stretched by 3.5."""
    center, alpha, beta = np.array([1.0, -3.0, 2.0]), np.array(0.4), np.array(1.0)
    x, log_det = impl(center[None].copy(), center, alpha, beta)
    weights = np.array([1.0, 2.0, -1.0])
    slope = grad(lambda v: np.sum(weights * impl(v, center, alpha, beta)[0]))(center[None].copy())
    return {"x": x, "log_det": log_det, "gradient of x in z": slope}


@radial.case(points=1, kind="gradient")
def gradients_of_the_ball(impl, rng):
    z, center, alpha, beta = ball(rng)

    def total(z, center, alpha, beta):
        x, log_det = impl(z, center, alpha, beta)
        return np.sum(x**2) - np.sum(log_det)

    return {
        "gradient with respect to z": grad(lambda a: total(a, center, alpha, beta))(z),
        "gradient with respect to center": grad(lambda a: total(z, a, alpha, beta))(center),
        "gradient with respect to alpha": grad(lambda a: total(z, center, a, beta))(alpha),
        "gradient with respect to beta": grad(lambda a: total(z, center, alpha, a))(beta),
    }


@radial.case(points=1, kind="extremes")
def far_away_and_near(impl, rng):
    """Points 1000 away and 0.001 away, in float32, of a layer that nearly closes its center."""
    z = np.array([[1000.0, 0.0], [0.0, -1000.0], [0.001, 0.0]], dtype=np.float32)
    x, log_det = impl(z, np.zeros(2, np.float32), np.float32(1.0), np.float32(-0.95))
    return {"x": x, "log_det": log_det}


back = Exercise(
    "flow/04/distance_before",
    target="minigen.flow.planar:distance_before",
    minutes=15,
    prompt=r"""
    Return the distance $r$ from the center that a point had before a radial layer, given its
    distance `R` after the layer. The layer moves a point along its ray, by $\beta r$ times the
    reciprocal of $\alpha + r$, so that $R = r + \beta r/(\alpha + r)$.

    `R` and $r$ have shape $(N,)$; neither is negative. $\alpha > 0$ and $\beta > -\alpha$
    have shape $()$, or $(N,)$ with one of each for each `R`. The result must be differentiable with
    respect to all arguments, and at $R = 0$ with respect to `R`.
    """,
    hints="""
    Multiply the equation by alpha + r: what is left is quadratic in r, and one of its two roots is
    not negative.

    r² + (alpha + beta - R) r - alpha R = 0. With q = R - alpha - beta the root is
    (q + sqrt(q² + 4 alpha R))/2.

        q = R - (alpha + beta)
        return (q + np.sqrt(q**2 + 4 * alpha * R)) / 2
    """,
)


def pushed(r, alpha, beta):
    return r + beta * r / (alpha + r)


@back.case(points=2, kind="equation", expect={"r": [3.0, 1.0]})
def two_distances(impl, rng):
    """alpha = 1 and beta = 2: 3 + 2 * 3/4 = 4.5, and 1 + 2 * 1/2 = 2."""
    return {"r": impl(np.array([4.5, 2.0]), np.array(1.0), np.array(2.0))}


@back.case(points=2, kind="equation")
def pulled(impl, rng):
    """A layer that pulls towards its center: beta = -0.7."""
    return {"r": impl(rng.uniform(0.1, 5.0, 6), np.array(1.5), np.array(-0.7))}


@back.case(points=2, kind="equation", property=True, expect={"gap": 0.0})
def undone(impl, rng):
    """It undoes the layer."""
    r, alpha, beta = rng.uniform(0.2, 4.0, 7), np.array(0.6), np.array(rng.uniform(0.5, 3.0))
    return {"gap": impl(pushed(r, alpha, beta), alpha, beta) - r}


@back.case(points=1, kind="shapes")
def a_layer_for_each_distance(impl, rng):
    alpha = rng.uniform(0.5, 2.0, 5)
    beta = alpha * np.array([-0.9, 3.0, -0.5, 0.0, 1.0])
    return {"r": impl(rng.uniform(0.1, 5.0, 5), alpha, beta)}


@back.case(points=1, kind="extremes")
def near_and_far(impl, rng):
    """The center itself and a millionth away from it, of a small layer; and R = 1000."""
    small = impl(np.array([0.0, 1e-6]), np.array(0.002), np.array(-0.001))
    far = impl(np.array([1000.0]), np.array(0.5), np.array(40.0))
    return {"near, in thousandths": 1000 * small, "far": far}


@back.case(points=2, kind="gradient", expect={"on the center": [0.25]})
def gradients_back(impl, rng):
    """At ordinary distances; and on the center, where r is alpha/(alpha + beta) of R."""
    R, alpha, beta = rng.uniform(0.5, 6.0, 5), rng.uniform(0.5, 2.0, 5), rng.uniform(0.5, 2.0, 5)
    c = rng.standard_normal(5)

    def total(R, alpha, beta):
        return np.sum(c * impl(R, alpha, beta))

    one, three = np.array(1.0), np.array(3.0)
    return {
        "gradient with respect to R": grad(lambda a: total(a, alpha, beta))(R),
        "gradient with respect to alpha": grad(lambda a: total(R, a, beta))(alpha),
        "gradient with respect to beta": grad(lambda a: total(R, alpha, a))(beta),
        "on the center": grad(lambda a: np.sum(impl(a, one, three)))(np.zeros(1)),
    }
