"""Exercises of MAF: inference in one pass, sampling in D rounds, mixtures as conditionals."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad, jacobian


def masked_net(order, a, b):
    """A net of a given order: mu = tanh(x A), log_scale = sin(x B), of earlier places only."""
    place = np.array(order)
    mask = (place[:, None] < place[None, :]).astype(float)  # (from, to)

    def net(x):
        return np.stack([np.tanh(np.dot(x, mask * a)), np.sin(np.dot(x, mask * b))], axis=1)

    return net


def random_net(rng, order):
    a, b = rng.standard_normal((2, len(order), len(order)))
    return masked_net(order, 2 * a, b)


def three_rows(rng, n=4, d=3):
    return rng.standard_normal((3, n, d))


def slopes(fn, **arguments):
    """The gradient of fn in each of its arguments, by name."""
    found = {}
    for name in arguments:

        def of_one(value, name=name):
            return fn(**{**arguments, name: value})

        found[f"grad_{name}"] = grad(of_one)(arguments[name])
    return found


inverse = Exercise(
    "flow/11/maf_inverse",
    target="minigen.flow.autoregressive:maf_inverse",
    minutes=8,
    prompt=r"""
    Inference by one autoregressive transform, from data to noise. A network was applied to `x`, and
    `mu` and `log_scale` are its outputs; `log_scale` is the logarithm of the scale $\sigma$. Return
    a tuple of the noise $z$, for which $x = z \sigma + \mu$, and
    $\log |\det \mathrm{d}z/\mathrm{d}x|$. Both must be differentiable.

    `x`, `mu`, `log_scale` and $z$ have shape $(N, D)$; the log-determinant has shape
    $(N,)$, one number for each example. Both must be right, with their gradients, for a `log_scale`
    of 1000, too, where $\sigma$ is infinite; the log-determinant also for one of $-1000$.
    """,
    hints="""
    mu and sigma of all D coordinates are given, so all coordinates can be computed at once: solve
    x = z sigma + mu for z.

    z = (x - mu) exp(-log_scale). The Jacobian dz/dx is triangular with exp(-log_scale) on its
    diagonal, so the logarithm of its determinant is minus the sum of log_scale over an example.

        return (x - mu) * np.exp(-log_scale), -np.sum(log_scale, axis=1)
    """,
)


@inverse.case(points=1, kind="equation", expect={"z": [[2.5, -12.0]], "log_det": [np.log(2.0)]})
def by_hand(impl, rng):
    """(6 - 1)/2 = 2.5 and (-1 - 2)/0.25 = -12; the scales 2 and 1/4 have the product 1/2."""
    x, mu = np.array([[6.0, -1.0]]), np.array([[1.0, 2.0]])
    z, log_det = impl(x, mu, np.log(np.array([[2.0, 0.25]])))
    return {"z": z, "log_det": log_det}


@inverse.case(points=2, kind="equation")
def random_parameters(impl, rng):
    z, log_det = impl(*three_rows(rng))
    return {"z": z, "log_det": log_det}


@inverse.case(
    points=2, kind="equation", property=True, expect={"z - z": 0.0, "log_dets": 0.0}, atol=1e-8
)
def there_and_back(impl, rng):
    """It undoes x = z sigma + mu, whose log-determinant is the sum of log_scale."""
    z, mu, log_scale = three_rows(rng, 5, 2)
    back, log_det = impl(z * np.exp(log_scale) + mu, mu, log_scale)
    return {"z - z": back - z, "log_dets": log_det + np.sum(log_scale, axis=1)}


@inverse.case(points=2, kind="equation", property=True, expect={"gap": 0.0}, atol=1e-7)
def of_a_whole_layer(impl, rng):
    """With a network in front, it is the log-determinant of the Jacobian by differentiation."""
    net, x = random_net(rng, [1, 0, 3, 2]), rng.standard_normal((1, 4))

    def layer(v):
        return impl(v, net(v)[:, 0], net(v)[:, 1])

    matrix = jacobian(lambda v: layer(v)[0])(x).reshape(4, 4)
    return {"gap": layer(x)[1][0] - np.linalg.slogdet(matrix)[1]}


@inverse.case(points=2, kind="gradient")
def gradients(impl, rng):
    x, mu, log_scale = three_rows(rng)

    def nll(x, mu, log_scale):
        z, log_det = impl(x, mu, log_scale)
        return 0.5 * np.sum(z**2) - np.sum(log_det)

    return slopes(nll, x=x, mu=mu, log_scale=log_scale)


@inverse.case(
    points=2,
    kind="extremes",
    property=True,
    expect={"z": 0.0, "log_det": [-3000.0], "slope of log_det": -1.0, "slope of z": 0.0},
)
def wide_without_end(impl, rng):
    """A log_scale of 1000: the noise is 0, and the log-determinant -1000 for each coordinate."""
    x, mu = rng.standard_normal((2, 1, 3))
    far = np.full((1, 3), 1000.0)
    with np.errstate(all="ignore"):
        z, log_det = impl(x, mu, far)
        slope = grad(lambda s: np.sum(impl(x, mu, s)[0]))(far)
    return {
        "z": z,
        "log_det": log_det,
        "slope of log_det": grad(lambda s: np.sum(impl(x, mu, s)[1]))(far),
        "slope of z": slope,
    }


@inverse.case(points=1, kind="extremes", fixed=True, property=True, expect={"log_det": [2000.0]})
def narrow_without_end(impl, rng):
    """At the mean, a log_scale of -1000 leaves the log-determinant finite: 1000 for each."""
    x = rng.standard_normal((1, 2))
    with np.errstate(all="ignore"):
        _, log_det = impl(x, x, np.full((1, 2), -1000.0))
    return {"log_det": log_det}


forward = Exercise(
    "flow/11/maf_forward",
    target="minigen.flow.autoregressive:maf_forward",
    minutes=20,
    prompt=r"""
    Sampling by one autoregressive transform, from noise to data: find the $x$ for which
    $x = z \exp(\mathrm{log\_scale}) + \mu$, where $\mu$ is `net(x)[:, 0]` and $\mathrm{log\_scale}$
    is `net(x)[:, 1]`. Return a tuple of $x$ and $\log |\det \mathrm{d}x/\mathrm{d}z|$. Both must be
    differentiable.

    `z` and $x$ have shape $(N, D)$; the log-determinant has shape $(N,)$. `net` maps
    $(N, D)$ to $(N, 2, D)$. Entry $i$ of $\mu$ and $\mathrm{log\_scale}$ depends on the coordinates
    of $x$ that come earlier in the net's order. This order is not an argument, and it may be any.

    The first coordinate of the order depends on no other. Coordinates that are not right yet may
    overflow: replace values that are not finite with 0 before `net` is called again.
    """,
    hints="""
    Begin with any x and call the net. Its outputs for the first coordinate are right whatever x
    was. So one round makes this coordinate right, and the next round the second. D rounds make all
    of them right.

    D times: x = z exp(log_scale(x)) + mu(x), for all coordinates at once. In the last round mu and
    log_scale were already right, and the log-determinant is the sum of log_scale.

        x = z
        for _ in range(z.shape[1]):
            x = np.where(np.isfinite(x), x, 0)
            out = net(x)
            x = z * np.exp(out[:, 1]) + out[:, 0]
        return x, np.sum(out[:, 1], axis=1)
    """,
)


def small_net(x):
    """mu = (0.5, 3 x_1, x_1 + x_2), scales (2, x_1, 4)."""
    first, second = x[:, 0], x[:, 1]
    mu = np.stack([0 * first + 0.5, 3 * first, first + second], axis=1)
    scale = np.stack([0 * first + 2, np.abs(first) + 1e-9 * (first == 0), 0 * first + 4], axis=1)
    return np.stack([mu, np.log(scale)], axis=1)


@forward.case(
    points=1,
    kind="equation",
    expect={"x": [[2.5, 5.0, 3.5]], "log_det": [np.log(20.0)]},
    rtol=1e-9,
    atol=1e-9,
)
def by_hand_forward(impl, rng):
    """z = (1, -1, -1): x_1 = 2 + 0.5, x_2 = -2.5 + 7.5, x_3 = -4 + 7.5; scales 2, 2.5, 4."""
    x, log_det = impl(np.array([[1.0, -1.0, -1.0]]), small_net)
    return {"x": x, "log_det": log_det}


@forward.case(points=2, kind="equation")
def many(impl, rng):
    net = random_net(rng, range(6))
    x, log_det = impl(rng.standard_normal((4, 6)), net)
    return {"x": x, "log_det": log_det}


@forward.case(points=2, kind="equation")
def other_orders(impl, rng):
    z = rng.standard_normal((3, 5))
    turned, log_det = impl(z, random_net(rng, [4, 3, 2, 1, 0]))
    mixed, other = impl(z, random_net(rng, [2, 4, 0, 3, 1]))
    return {
        "x, last first": turned,
        "log_det, last first": log_det,
        "x, any order": mixed,
        "log_det, any order": other,
    }


@forward.case(
    points=2, kind="equation", property=True, expect={"z - z": 0.0, "log_det + sum": 0.0}, atol=1e-8
)
def undone(impl, rng):
    """(x - mu)/sigma at the result is z again, and the log-determinant sums log_scale there."""
    net, z = random_net(rng, [0, 2, 1, 3]), rng.standard_normal((5, 4))
    x, log_det = impl(z, net)
    mu, log_scale = net(x)[:, 0], net(x)[:, 1]
    return {
        "z - z": (x - mu) * np.exp(-log_scale) - z,
        "log_det + sum": log_det - np.sum(log_scale, axis=1),
    }


@forward.case(
    points=1, kind="shapes", expect={"x": [[6.5], [-1.5]], "log_det": [np.log(4.0), np.log(4.0)]}
)
def one_coordinate(impl, rng):
    """D = 1: nothing comes earlier, so x = 4 z + 2.5, for two examples."""

    def net(x):
        return np.stack([0 * x + 2.5, 0 * x + np.log(4.0)], axis=1)

    x, log_det = impl(np.array([[1.0], [-1.0]]), net)
    return {"x": x, "log_det": log_det}


@forward.case(points=2, kind="gradient")
def gradient_of_the_sample(impl, rng):
    net, z = random_net(rng, [1, 2, 0]), rng.standard_normal((2, 3))

    def total(z):
        x, log_det = impl(z, net)
        return np.sum(x**3) + np.sum(log_det)

    return {"grad_z": grad(total)(z)}


@forward.case(points=1, kind="extremes", expect={"x": [[1.0, 2.0, 9.0]], "log_det": [0.0]})
def overflow_on_the_way(impl, rng):
    """log_scale_2 = 1000 - 1000 x_1 is 0 at the end, for x_1 = 1; mu_3 = 1.5 h, with h = 2 x_2 in
    a hidden layer that reaches all outputs, the earlier ones by weights of 0."""
    weights = np.array([[0.0, 0.0, 1.5]])

    def net(x):
        hidden = 2 * x[:, 1:2]
        mu = np.dot(hidden, weights) + np.array([[1.0, 0, 0]])
        far = np.array([[0.0, -1000, 0]])
        return np.stack([mu, far * (x[:, :1] - 1)], axis=1)

    with np.errstate(all="ignore"):
        x, log_det = impl(np.array([[0.0, 2.0, 3.0]]), net)
    return {"x": x, "log_det": log_det}


@forward.case(
    points=1,
    kind="extremes",
    expect={"x": [[2.5, 3 * np.exp(30.0), 1.5 * np.exp(30.0)]], "log_det": [-970.0]},
)
def narrow_and_wide(impl, rng):
    """log_scale = (-1000, 12 x_1, 0): the first coordinate is its mean, 2.5, the second large, and
    the third half of the second."""

    def net(x):
        first, zero = x[:, 0], 0 * x[:, 0]
        mu = np.stack([zero + 2.5, zero, 0.5 * x[:, 1]], axis=1)
        return np.stack([mu, np.stack([zero - 1000, 12 * first, zero], axis=1)], axis=1)

    with np.errstate(all="ignore"):
        x, log_det = impl(np.array([[7.0, 3.0, 0.0]]), net)
    return {"x": x, "log_det": log_det}


@forward.case(
    points=1, kind="extremes", fixed=True, expect={"x": [[1e-9, 1.0, 3.0]], "log_det": [0.0]}
)
def small_change_first(impl, rng):
    """mu = (1e-9, 1e9 x_1, 3 x_2) and z = 0: the first round changes x by next to nothing."""

    def net(x):
        mu = np.stack([0 * x[:, 0] + 1e-9, 1e9 * x[:, 0], 3 * x[:, 1]], axis=1)
        return np.stack([mu, 0 * x], axis=1)

    x, log_det = impl(np.zeros((1, 3)), net)
    return {"x": x, "log_det": log_det}


mixture = Exercise(
    "flow/11/mixture_log_prob",
    target="minigen.flow.autoregressive:mixture_log_prob",
    minutes=15,
    imports=["from minigen.tensor import logsumexp"],
    prompt=r"""
    $\log p(x)$ of examples whose $D$ coordinates are mixtures of $K$ Gaussians each. Component $k$
    of coordinate $i$ has weight $\mathrm{softmax}(\mathrm{logits})$ over $k$, mean `mu[:, k, i]`
    and standard deviation `exp(log_scale[:, k, i])`. The log-densities of the coordinates are
    summed: the parameters of each are the outputs of a network for the earlier ones. The result
    must be differentiable.

    `x` has shape $(N, D)$; `logits`, `mu` and `log_scale` have shape $(N, K, D)$; the result has
    shape $(N,)$, in nats. It must stay finite where every component is far away ($x = 1000$) and
    for logits of ±1000.

    The stub imports `logsumexp(a, axis=1)`, the logarithm of a sum of exponentials, without
    overflow or underflow.
    """,
    hints="""
    The density of a coordinate is a sum over k of weight times Gaussian. Compute with logarithms
    throughout: a logsumexp over k is the logarithm of this sum.

    log p = sum_i [ logsumexp_k(logits - z²/2 - log_scale) - logsumexp_k(logits) - log(2 pi)/2 ]
    with z = (x - mu) exp(-log_scale).

        z = (x[:, None] - mu) * np.exp(-log_scale)
        joint = logits - 0.5 * z**2 - log_scale
        log_2pi = float(np.log(2 * np.pi))
        log_p = logsumexp(joint, axis=1) - logsumexp(logits, axis=1) - 0.5 * log_2pi
        return np.sum(log_p, axis=1)
    """,
)


@mixture.case(
    points=1,
    kind="equation",
    expect={
        "log_prob": [
            np.log(0.2 * np.exp(-0.125) / 2 + 0.8 * np.exp(-4.5) / 0.5) - 0.5 * np.log(2 * np.pi)
        ]
    },
)
def two_components(impl, rng):
    """x = 2 and 0.2 N(1, 2²) + 0.8 N(0.5, 0.5²): z = 0.5 and 3."""
    logits, mu = np.log(np.array([0.2, 0.8])), np.array([1.0, 0.5])
    log_scale = np.log(np.array([2.0, 0.5]))
    shaped = [np.reshape(a, (1, 2, 1)) for a in (logits, mu, log_scale)]
    return {"log_prob": impl(np.array([[2.0]]), *shaped)}


@mixture.case(points=2, kind="equation")
def many_coordinates(impl, rng):
    x, parameters = rng.standard_normal((5, 3)), rng.standard_normal((3, 5, 4, 3))
    return {"log_prob": impl(x, *parameters)}


@mixture.case(
    points=1, kind="equation", fixed=True, property=True, expect={"change": 0.0}, atol=1e-8
)
def logits_have_no_zero(impl, rng):
    """A constant added to all K logits of a coordinate changes nothing."""
    x, (logits, mu, log_scale) = rng.standard_normal((2, 3)), rng.standard_normal((3, 2, 4, 3))
    shift = 3 * rng.standard_normal((2, 1, 3))
    return {"change": impl(x, logits + shift, mu, log_scale) - impl(x, logits, mu, log_scale)}


@mixture.case(points=2, kind="equation", fixed=True, property=True, expect={"mass": 1.0}, rtol=1e-6)
def mass_is_one(impl, rng):
    """Its exponential, summed over a fine grid, is 1."""
    grid = np.linspace(-60, 60, 4001)[:, None]
    ones = np.ones((len(grid), 1, 1))
    logits, mu, log_scale = (ones * rng.uniform(-1.5, 1.5, (1, 3, 1)) for _ in range(3))
    return {"mass": np.sum(np.exp(impl(grid, logits, mu, log_scale))) * 0.03}


@mixture.case(points=2, kind="extremes")
def far_from_every_component(impl, rng):
    x = np.array([[1000.0, -1000.0]])
    mu = rng.standard_normal((1, 3, 2))
    logits = np.zeros((1, 3, 2)) + np.array([1000.0, -1000.0, 0.0])[None, :, None]
    zeros = np.zeros((1, 3, 2))
    rare = np.array([0.0, 1.0, 0.0])[None, :, None] * np.array([-1.0, 1.0])
    return {
        "log_prob": impl(x, zeros, mu, zeros),
        "log_prob, logits of ±1000": impl(x / 1000, logits, mu, zeros),
        "log_prob at the component of weight exp(-2000)": impl(x, logits, mu - 1000 * rare, zeros),
        "log_prob, narrow": impl(0.9 + np.zeros((1, 2)), zeros, 0.9 + 1e-4 * mu, zeros - 9),
        "grad_mu": grad(lambda m: np.sum(impl(x, zeros, m, zeros)))(mu),
        "grad_logits": grad(lambda a: np.sum(impl(x / 1000, a, mu, zeros)))(logits),
    }


@mixture.case(points=2, kind="gradient")
def gradients_of_a_mixture(impl, rng):
    x, (logits, mu, log_scale) = rng.standard_normal((3, 2)), rng.standard_normal((3, 3, 4, 2))

    def total(x, logits, mu, log_scale):
        return np.sum(impl(x, logits, mu, log_scale))

    return slopes(total, x=x, logits=logits, mu=mu, log_scale=log_scale)


@mixture.case(points=1, kind="equation", property=True, expect={"gap": 0.0}, atol=1e-8)
def one_gaussian(impl, rng):
    """With K = 1 it is the log-density of a Gaussian."""
    x, mu, log_scale = three_rows(rng)
    z = (x - mu) * np.exp(-log_scale)
    gaussian = -0.5 * z**2 - log_scale - 0.5 * np.log(2 * np.pi)
    got = impl(x, 0 * mu[:, None] + 7, mu[:, None], log_scale[:, None])
    return {"gap": got - np.sum(gaussian, axis=1)}
