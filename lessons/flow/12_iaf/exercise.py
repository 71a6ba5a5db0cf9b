"""Exercises of IAF: sampling in one pass, the renaming of a MAF, the gated form."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad, jacobian


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


forward = Exercise(
    "flow/12/iaf_forward",
    target="minigen.flow.autoregressive:iaf_forward",
    minutes=8,
    prompt=r"""
    Sampling by one inverse autoregressive transform. A network has computed `mu` and `log_scale`,
    the logarithm of the scale $\sigma$, from the noise `z`: entry $i$ of both depends on earlier
    `z` alone. `z` has mean 0 and standard deviation 1. The affine transform of `z` with scale
    $\sigma$ and shift `mu` is $x$. Return the pair of $x$ and
    $\log |\det \mathrm{d}x/\mathrm{d}z|$, a tuple. Both must be differentiable.

    `z`, `mu`, `log_scale` and $x$ have shape $(N, D)$; the log-determinant has shape
    $(N,)$, one number for each example. It must be right for a `log_scale` of 1000 or $-1000$, too.
    """,
    hints="""
    All D entries of mu and sigma are known, because the network receives z. Nothing has to be
    computed in sequence.

    x = z exp(log_scale) + mu. Entry i of mu and sigma depends on earlier z only, so dx/dz is
    triangular, with exp(log_scale) on its diagonal.

        return z * np.exp(log_scale) + mu, np.sum(log_scale, axis=1)
    """,
)


@forward.case(points=1, kind="equation", expect={"x": [[7.0, 1.25]], "log_det": [np.log(0.5)]})
def by_hand(impl, rng):
    """3 * 2 + 1 = 7 and -3 * 0.25 + 2 = 1.25; the scales 2 and 1/4 have the product 1/2."""
    z, mu = np.array([[3.0, -3.0]]), np.array([[1.0, 2.0]])
    x, log_det = impl(z, mu, np.log(np.array([[2.0, 0.25]])))
    return {"x": x, "log_det": log_det}


@forward.case(points=2, kind="equation")
def random_parameters(impl, rng):
    x, log_det = impl(*three_rows(rng))
    return {"x": x, "log_det": log_det}


@forward.case(points=2, kind="equation", property=True, expect={"gap": 0.0}, atol=1e-7)
def of_a_whole_layer(impl, rng):
    """With a network in front, it is the log-determinant of the Jacobian by differentiation."""
    a, b = np.triu(rng.standard_normal((2, 4, 4)), 1)
    z = rng.standard_normal((1, 4))

    def layer(v):
        return impl(v, np.tanh(np.dot(v, 2 * a)), np.sin(np.dot(v, b)))

    matrix = jacobian(lambda v: layer(v)[0])(z).reshape(4, 4)
    return {"gap": layer(z)[1][0] - np.linalg.slogdet(matrix)[1]}


@forward.case(points=2, kind="gradient")
def gradients(impl, rng):
    z, mu, log_scale = three_rows(rng, 3, 5)

    def total(z, mu, log_scale):
        x, log_det = impl(z, mu, log_scale)
        return np.sum(x**2) - np.sum(log_det)

    return slopes(total, z=z, mu=mu, log_scale=log_scale)


@forward.case(
    points=2,
    kind="extremes",
    property=True,
    expect={"x - mu": 0.0, "log_det": [-3000.0], "slope": 1.0},
)
def narrow_without_end(impl, rng):
    """A log_scale of -1000: x is mu, and the log-determinant -1000 for each coordinate."""
    z, mu = rng.standard_normal((2, 1, 3))
    far = np.full((1, 3), -1000.0)
    x, log_det = impl(z, mu, far)
    return {
        "x - mu": x - mu,
        "log_det": log_det,
        "slope": grad(lambda s: np.sum(impl(z, mu, s)[1]))(far),
    }


@forward.case(points=1, kind="extremes", fixed=True, property=True, expect={"log_det": [2000.0]})
def wide_without_end(impl, rng):
    """A log_scale of 1000 leaves the log-determinant finite: 1000 for each coordinate."""
    with np.errstate(all="ignore"):
        _, log_det = impl(*rng.standard_normal((2, 1, 2)), np.full((1, 2), 1000.0))
    return {"log_det": log_det}


renaming = Exercise(
    "flow/12/iaf_from_maf",
    target="minigen.flow.autoregressive:iaf_from_maf",
    minutes=8,
    prompt=r"""
    A MAF infers $z = (x - \mu)/\sigma$; its network receives $x$. Call $x$ the noise and $z$ the
    sample: this is an IAF, $z = x \tilde\sigma + \tilde\mu$. Return the pair of $\tilde\mu$ and
    $\log \tilde\sigma$, a tuple, from `mu` and `log_scale`, which is $\log \sigma$. Both must be
    differentiable.

    `mu`, `log_scale` and both results have shape $(N, D)$. `log_scale` may be 1000.
    """,
    hints="""
    Write (x - mu)/sigma as a multiple of x plus something that does not depend on it.

    (x - mu)/sigma = x (1/sigma) - mu/sigma: so sigma~ = 1/sigma and mu~ = -mu/sigma.

        return -mu * np.exp(-log_scale), -log_scale
    """,
)


@renaming.case(
    points=1,
    kind="equation",
    expect={"mu~": [[-1.5, 20.0]], "log_scale~": [[-np.log(2.0), np.log(4.0)]]},
)
def by_hand_renamed(impl, rng):
    """mu = (3, -5), sigma = (2, 1/4)."""
    mu, log_scale = impl(np.array([[3.0, -5.0]]), np.log(np.array([[2.0, 0.25]])))
    return {"mu~": mu, "log_scale~": log_scale}


@renaming.case(points=2, kind="equation")
def random_renamed(impl, rng):
    mu, log_scale = impl(*rng.standard_normal((2, 4, 3)))
    return {"mu~": mu, "log_scale~": log_scale}


@renaming.case(points=2, kind="equation", property=True, expect={"difference": 0.0}, atol=1e-8)
def the_same_map(impl, rng):
    """x sigma~ + mu~ is (x - mu)/sigma, for any x."""
    x, mu, log_scale = three_rows(rng, 5, 2)
    mu_iaf, log_scale_iaf = impl(mu, log_scale)
    got = x * np.exp(log_scale_iaf) + mu_iaf
    return {"difference": got - (x - mu) / np.exp(log_scale)}


@renaming.case(
    points=2, kind="equation", property=True, expect={"mu": 0.0, "log_scale": 0.0}, atol=1e-8
)
def twice(impl, rng):
    """Renamed twice, the parameters are what they were."""
    mu, log_scale = rng.standard_normal((2, 3, 4))
    again, log_again = impl(*impl(mu, log_scale))
    return {"mu": again - mu, "log_scale": log_again - log_scale}


@renaming.case(
    points=1,
    kind="extremes",
    fixed=True,
    property=True,
    expect={"mu~": 0.0, "log_scale~": -1000.0, "gradient of mu~": 0.0},
)
def wide_renamed(impl, rng):
    """A scale of exp(1000), which overflows, becomes one of exp(-1000): log_scale~ is -1000."""
    wide, shift = np.full((2, 3), 1000.0), rng.standard_normal((2, 3))
    with np.errstate(all="ignore"):
        mu, log_scale = impl(shift, wide)
        slope = grad(lambda a: np.sum(impl(shift, a)[0]))(wide)
    return {"mu~": mu, "log_scale~": log_scale, "gradient of mu~": slope}


@renaming.case(points=1, kind="gradient")
def gradients_renamed(impl, rng):
    mu, log_scale = rng.standard_normal((2, 3, 2))

    def total(mu, log_scale):
        mu, log_scale = impl(mu, log_scale)
        return np.sum(mu**2) + np.sum(log_scale**3)

    return slopes(total, mu=mu, log_scale=log_scale)


gated = Exercise(
    "flow/12/iaf_gated",
    target="minigen.flow.autoregressive:iaf_gated",
    minutes=12,
    imports=["from minigen.tensor import sigmoid, softplus"],
    prompt=r"""
    The form of an IAF step that Kingma et al. use: a gate between the noise `z` and a value `m`.
    With the network's outputs `m` and `s`, both functions of earlier `z`, $x = g z + (1 - g) m$,
    where the gate is $g = 1/(1 + \exp(-s))$. Return the pair of $x$ and
    $\log |\det \mathrm{d}x/\mathrm{d}z|$, a tuple. Both must be differentiable.

    `z`, `m`, `s` and $x$ have shape $(N, D)$; the log-determinant has shape $(N,)$, one
    number for each example. Both must be right, and have their gradients, at $s = 1000$ and
    $s = -1000$ too.

    `sigmoid(a)` and `softplus(a)`, which is $\log(1 + e^a)$, work without overflow and have
    gradients.
    """,
    hints="""
    The Jacobian is triangular, and z_i enters x_i with the factor sigmoid(s_i) alone. A sigmoid may
    round to 0, and the logarithm of 0 is infinite.

    log sigmoid(s) = -log(1 + exp(-s)) = -softplus(-s).

        gate = sigmoid(s)
        return gate * z + (1 - gate) * m, -np.sum(softplus(-s), axis=1)
    """,
)


@gated.case(
    points=2, kind="equation", expect={"x": [[6.5, 0.6]], "log_det": [np.log(0.75) + np.log(0.2)]}
)
def by_hand_gated(impl, rng):
    """Gates of 3/4 and 1/5: 0.75 * 8 + 0.25 * 2 and 0.2 * 7 - 0.8 * 1."""
    z, m = np.array([[8.0, 7.0]]), np.array([[2.0, -1.0]])
    x, log_det = impl(z, m, np.log(np.array([[3.0, 0.25]])))
    return {"x": x, "log_det": log_det}


@gated.case(points=2, kind="equation")
def random_gates(impl, rng):
    x, log_det = impl(*three_rows(rng))
    return {"x": x, "log_det": log_det}


@gated.case(points=2, kind="equation", property=True, expect={"gap": 0.0}, atol=1e-7)
def of_a_whole_gated_layer(impl, rng):
    """With a network in front, it is the log-determinant of the Jacobian by differentiation."""
    a, b = np.triu(rng.standard_normal((2, 4, 4)), 1)
    z = rng.standard_normal((1, 4))

    def layer(v):
        return impl(v, np.tanh(np.dot(v, 2 * a)), np.dot(v, b))

    matrix = jacobian(lambda v: layer(v)[0])(z).reshape(4, 4)
    return {"gap": layer(z)[1][0] - np.linalg.slogdet(matrix)[1]}


@gated.case(
    points=1,
    kind="extremes",
    property=True,
    expect={
        "x - m": 0.0,
        "log_det": [-2000.0, -1000.0],
        "slope of log_det": [[1.0, 1.0], [1.0, 0.0]],
        "slope of x": 0.0,
    },
)
def shut(impl, rng):
    """At s = -1000 the gate is closed: x is m, and the log-determinant -1000, with slope 1."""
    z, m = rng.standard_normal((2, 2, 2))
    s = np.array([[-1000.0, -1000.0], [-1000.0, 1000.0]])
    x, log_det = impl(z, m, s)
    return {
        "x - m": (x - m)[:, 0],
        "log_det": log_det,
        "slope of log_det": grad(lambda s: np.sum(impl(z, m, s)[1]))(s),
        "slope of x": grad(lambda s: np.sum(impl(z, m, s)[0]))(s),
    }


@gated.case(points=1, kind="extremes", property=True, expect={"x - z": 0.0, "log_det": [0.0, 0.0]})
def open_gate(impl, rng):
    """At s = 1000 the gate is open: x is z, and no volume changes."""
    z, m = rng.standard_normal((2, 2, 3))
    with np.errstate(all="ignore"):
        x, log_det = impl(z, m, np.full((2, 3), 1000.0))
    return {"x - z": x - z, "log_det": log_det}


@gated.case(points=1, kind="extremes", rtol=1e-5)
def in_float32(impl, rng):
    """Gates of e^-50 and e^-20 in float32."""
    z, m = rng.standard_normal((2, 2, 2)).astype(np.float32)
    s = np.array([[-50.0, -20.0], [3.0, 20.0]], np.float32)
    x, log_det = impl(z, m, s)
    return {"x": x, "log_det": log_det}


@gated.case(points=2, kind="gradient")
def gradients_of_a_gate(impl, rng):
    z, m, s = three_rows(rng, 3, 5)

    def total(z, m, s):
        x, log_det = impl(z, m, s)
        return np.sum(x**2) - np.sum(log_det)

    return slopes(total, z=z, m=m, s=s)
