"""The gradients of autograd.numpy's functions with their arguments: right, or refused with a sentence that says why.

Those of `autograd.grad` are autograd's own, also where they are wrong: test_guest.py.

Each expression is differentiated by finite differences and by `grad`: value, shape and dtype of its gradient must be
right, in float64 and float32, and the second derivative too. An expression is a text, so that a failure shows it.
"""

import re

import autograd.numpy as np
import numpy
import pytest
from autograd.core import primitive_vjps

from minigen import tensor as T
from minigen.course.exercise import catalog
from minigen.course.exercise.grading.grade import grade_file

rng = numpy.random.default_rng(0)


def normal(*shape):
    return rng.standard_normal(shape)


def spread(*shape):
    """Positive values that keep their order under a small change, in random places."""
    return rng.permutation(numpy.linspace(0.4, 1.9, numpy.prod(shape, dtype=int))).reshape(shape)


MATRIX = normal(3, 3)
SPD = MATRIX @ MATRIX.T + 3 * numpy.eye(3)
ZERO, ROW = normal(3, 4), normal(3, 4)
ZERO[1, 1] = ZERO[1, 3] = ZERO[2, 0] = 0
ROW[1] = 0
INPUTS = {
    "x": spread(3, 4) - 1.11,
    "p": spread(3, 4),
    "b": spread(2, 3, 4) - 1.12,
    "v": spread(5) - 1.13,
    "row": spread(4),
    "col": spread(3, 1) - 0.013,
    "one": spread(1, 4),
    "s": numpy.array(0.7),
    "S": SPD + 0.1 * normal(3, 3),
    "B": numpy.stack([SPD, SPD + numpy.eye(3)]),
    "zero": ZERO,
    "zero_row": ROW,
    "ties": numpy.array([[1.0, 3.0, 3.0, 2.0], [0.0, 1.0, 1.0, 0.0]]),
}
CONSTANTS = {
    "X": spread(3, 4),
    "row": spread(4),
    "V": spread(5),
    "W": normal(4, 5),
    "B3": normal(2, 3, 4),
    "M": rng.random((3, 4)) > 0.5,
    "PLACES": numpy.argsort(INPUTS["x"], axis=1),
}
REDUCTIONS = ["", "axis=0", "axis=1", "axis=-1", "axis=(0, 2)", "axis=(-1, 0)", "axis=(1,)"]
REDUCTIONS += [f"{r}{', ' * bool(r)}keepdims=True" for r in REDUCTIONS]
AXES = ["axis=0", "axis=1", "axis=2", "axis=-1", "axis=-3"]
NORM_AXES = ["axis=0", "axis=1", "axis=-1", "axis=(2,)", "axis=1, keepdims=True", "axis=-1, keepdims=True"]
MATRIX_AXES = ["(0, 1)", "(2, 0), True", "(-2, -1)", "(-1, -2), True"]


def of(function, argument, options, *others):
    """`function` of `argument` with each of the options, and other expressions."""
    return [f"{function}({argument}{', ' * bool(o)}{o})" for o in options] + list(others)


# A group, the name of its input, and expressions of the input.
TABLE = """
norm of x: np.linalg.norm(x); np.linalg.norm(x, keepdims=True); np.linalg.norm(x, axis=1); np.linalg.norm(x, axis=1,
    keepdims=True); np.linalg.norm(x, 2, 1, True)
norm_vector of v: np.linalg.norm(v); np.linalg.norm(v, 1); np.linalg.norm(v, 3); np.linalg.norm(v, keepdims=True)
prod_zero of zero: np.prod(zero); np.prod(zero, axis=0); np.prod(zero, axis=1); np.prod(zero, axis=1,
    keepdims=True); np.prod(zero, axis=(0, 1))
repeat_one of one: np.repeat(one, 3, axis=0); np.repeat(one, 2, axis=1)
tile of b: np.tile(b, (2, 1, 3)); np.tile(b, (2, 1, 1, 2)); np.tile(b, [1, 1, 2]); np.tile(b[0, 0], 2)
joined of x: np.vstack([x, X]); np.hstack([X, x]); np.array([x, X]); np.array([[x[0, 0], 1.0], [2.0, x[1, 1]]])
split of b: np.split(b, 2, axis=-1)[1]; np.array_split(b, 2, axis=1)[0]; np.concatenate(np.split(b, 2), 1)
reshape of b: b.reshape(-1); b.reshape(4, np.int64(6)); b.reshape((6, -1)); np.reshape(b, (6, 4), order='F');
    b.flatten()
transpose of b: b.T; np.transpose(b, (-1, 0, 1)); b.transpose(0, 2, 1); b.transpose((2, 0, 1));
    np.transpose(b[:, :2, :2], (-1, 0, 1))
axes of b: np.moveaxis(b, 0, -1); np.swapaxes(b, -1, 0); np.expand_dims(b, -1); np.squeeze(b[:1]); b[:, None];
    np.rot90(b)
index of b: b[1]; b[:, -1]; b[..., ::-2]; b[:, [0, 0, 2]]; b[b > 0]; b[[0, 1], [2, 2]]; np.copy(b); b.copy();
    np.asarray(b)
pad of x: np.pad(x, 1, 'constant'); np.pad(x, ((1, 2), (0, 1)), mode='constant')
diag of x: np.diag(x[:, :3]); np.trace(x); np.trace(x, 1); np.tril(x); np.triu(x, 1)
diag_batch of b: np.trace(b)
diag_vector of v: np.diag(v); np.diag(v, 1); np.diag(v, -2)
broadcast_row of row: np.where(M, row, 0.0); np.where(M, 1.0, row); row * X; np.clip(row, X, 2)
broadcast_col of col: np.broadcast_to(col, (3, 4)); np.where(M, col, X); np.clip(col, 0.2, X); np.maximum(X, col);
    np.arctan2(X, col)
broadcast_one of one: np.where(M, one, one * one); np.logaddexp(one, B3); np.minimum(one, X); one ** X; X / one;
    np.hypot(one, X)
scalar of s: np.where(M, s, 0.0); np.full((2, 3), s); np.full_like(X, s); s * X;
    np.maximum(s, X); np.linspace(0.0, s, 4)
up of x: np.where(B3 > 0, x, B3); np.clip(x, B3, 2); np.logaddexp(x, B3); x * B3; x - B3; np.where(x > 0, x, 0.1 *
    x)
clip of x: np.clip(x, -0.5, 0.5); np.clip(x, None, 0.5); np.clip(x, -0.5, None); np.clip(x, a_min=0, a_max=1);
    x.clip(-0.2, 0.2)
elementwise of p: np.abs(p); np.exp(p); np.expm1(p); np.log(p); np.log1p(p); np.log2(p); np.sqrt(p); np.square(p);
    np.sin(p); np.cos(p); np.tanh(p); np.sinh(p); np.arctan(p); np.reciprocal(p); np.sinc(p); np.floor(p);
    np.sign(p)
arithmetic of x: x + X; X + x; x - X; X - x; x * X; X * x; x + x; x - x * x; x * x; x - 3 * x; 2 - x; x - 2; x * 3;
    x + B3; B3 - x; B3 * x; x * row; row - x; x + 2 * x[:1]; x[:, :1] * x - x[0]; x * x[0, 0]; x[0, 0] - x;
    np.add(x, X); np.subtract(X, x); np.multiply(x, x); x - np.sum(x); x * (X > 0.9); x * X.astype(np.float32)
negative of x: np.abs(x); np.fabs(x); np.sinc(x); np.tanh(x); -x; x**3; x**2; np.sign(x)
power of p: p**2; p**0.5; p**-1; p**0; p**1; p**np.int64(3); p ** np.array([1, 2, 3, 4]); 2**p; p**p; p % 0.3
einsum of x: np.einsum('ij,jk->ik', x, W); np.einsum('ij->', x); np.einsum('ij->ji', x); np.einsum('ij,ij->i', x,
    x); np.einsum('nij,ij->n', B3, x); np.einsum('...j,jk', x, W); np.einsum('ij,k->k', x, V)
products of x: x @ W; x.dot(W); np.dot(x, W); np.inner(x, X); np.tensordot(x, W, 1); np.tensordot(B3, x, ([1, 2],
    [0, 1])); np.matmul(B3, x.T); np.kron(x, W)
outer of x: np.outer(x[0], V); np.outer(V, x[0]); np.outer(x[0], x[1])
linalg of S: np.linalg.inv(S); np.linalg.det(S); np.linalg.slogdet(S)[1];
    np.linalg.solve(S, X); np.linalg.solve(S, X[:, 0]); np.linalg.pinv(S)
symmetric of S: np.linalg.cholesky((S + S.T)); np.linalg.eigh((S + S.T))[0];
    np.linalg.svd((S + S.T), compute_uv=False)
linalg_batch of B: np.linalg.inv(B); np.linalg.det(B); np.linalg.slogdet(B)[1]; np.linalg.solve(B, np.stack([X, X]))
solve_right of x: np.linalg.solve(SPD, x); np.linalg.solve(SPD, x[:, 1])
"""
DEGREES = ["axis=1, ddof=1", "axis=(0, 2), ddof=1"]
REDUCED = {
    "sum": of("np.sum", "b", [*REDUCTIONS, "0", "(0, 1)"], "b.sum(1)"),
    "mean": of("np.mean", "b", [*REDUCTIONS, "0", "axis=1, dtype=np.float64"], "b.mean((0, 1))"),
    "var": of("np.var", "b", [*REDUCTIONS, *DEGREES], "b.var(0)"),
    "std": of("np.std", "b", [*REDUCTIONS, *DEGREES], "b.std(0)"),
    "prod": of("np.prod", "b", REDUCTIONS, "b.prod(0)"),
    "max": of("np.max", "b", REDUCTIONS, "b.max(0)", "np.amax(b, axis=1)"),
    "min": of("np.min", "b", REDUCTIONS, "b.min(0)", "np.amin(b, axis=1)"),
    "logsumexp": of("T.logsumexp", "b", AXES),
    "norm of a matrix": of("np.linalg.norm", "b, None", MATRIX_AXES) + of("np.linalg.norm", "b, 'fro'", MATRIX_AXES),
    **{f"norm {ord}": of("np.linalg.norm", f"b, {ord}", NORM_AXES) for ord in ("2", "1", "3", "1.5")},
}
ALONG = {
    "cumsum": of("np.cumsum", "b", ["", *AXES, "0"], "b.cumsum(1)"),
    "sort": ["np.sort(b[0, 0])"],
    "roll": of("np.roll", "b, 1", ["", *AXES, "axis=(0, 1)"]),
    "repeat": of("np.repeat", "b, 3", ["", *AXES[:3]], "b.repeat(2)"),
    "diff": of("np.diff", "b", ["", *AXES, "2"]),
    "stack": of("np.stack", "[b, 2 * b]", ["", *AXES, "axis=-4"]),
    "concatenate": of("np.concatenate", "[b, b * b, B3]", ["", *AXES], "np.append(b, b)"),
}


def _read(table):
    for group in re.split(r"\n(?=\w)", table.strip()):
        name, _, expressions = group.partition(": ")
        yield name, (name.split()[-1], [" ".join(e.split()) for e in expressions.split(";")])


EXPRESSIONS = dict(_read(TABLE)) | {name: ("b", expressions) for name, expressions in (REDUCED | ALONG).items()}
ROUNDING = {numpy.float64: 1e-6, numpy.float32: 5e-3}


def function_of(name, expression):
    return eval(f"lambda {name}: {expression}", {"np": np, "T": T, "SPD": SPD, **CONSTANTS})


def differences(f, x, step=1e-6):
    """d f / dx of a scalar f, by central differences."""
    g = numpy.zeros_like(x)
    for i in numpy.ndindex(*x.shape):
        up, down = x.copy(), x.copy()
        up[i] += step
        down[i] -= step
        g[i] = (f(up) - f(down)) / (2 * step)
    return g


@pytest.mark.filterwarnings("ignore:Output seems independent")
@pytest.mark.parametrize("group", EXPRESSIONS)
def test_gradients_are_right(group):
    name, expressions = EXPRESSIONS[group]
    x = INPUTS[name]
    for expression in expressions:
        f = function_of(name, expression)
        weights = numpy.random.default_rng(1).uniform(0.5, 1.5, numpy.shape(f(x)))

        def weighted(x):
            return np.sum(f(x) * weights)

        wanted = differences(weighted, x)
        for dtype, tolerance in ROUNDING.items():
            gradient = T.grad(weighted)(x.astype(dtype))
            assert gradient.shape == x.shape and gradient.dtype == dtype, (expression, gradient.shape, gradient.dtype)
            numpy.testing.assert_allclose(gradient, wanted, rtol=tolerance, atol=tolerance, err_msg=expression)

        def steepness(x):
            return np.sum(T.grad(weighted)(x) ** 2)

        twice = T.grad(steepness)(x)
        numpy.testing.assert_allclose(twice, differences(steepness, x), rtol=2e-5, atol=2e-5, err_msg=expression)


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_gradients_at_points_without_a_derivative():
    """A subgradient: 0 for the norm of zeros, equal parts at ties."""
    row = INPUTS["zero_row"]
    for expression in (
        "np.linalg.norm(zero_row, axis=1)",
        "np.linalg.norm(zero_row, 1, axis=1)",
        "np.linalg.norm(zero_row, 3, 1, True)",
    ):
        gradient = T.grad(lambda x, f=function_of("zero_row", expression): np.sum(f(x)))(row)
        assert (gradient[1] == 0).all() and (abs(gradient[0]) > 0).all(), expression
    ties = INPUTS["ties"]
    numpy.testing.assert_array_equal(
        T.grad(lambda x: np.sum(np.max(x, axis=1)))(ties), [[0, 0.5, 0.5, 0], [0, 0.5, 0.5, 0]]
    )
    numpy.testing.assert_array_equal(T.grad(lambda x: np.sum(np.maximum(x, x)))(ties), numpy.ones((2, 4)))
    numpy.testing.assert_array_equal(T.grad(lambda x: np.sum(np.abs(x)))(numpy.zeros(2)), [0, 0])
    assert T.grad(lambda x: np.sqrt(x))(0.0) == numpy.inf


def test_the_second_derivative_of_a_product_with_zeros():
    """∂²(abc) / ∂a∂b = c, also where a or b is 0."""
    jacobian = T.jacobian(T.grad(lambda x: np.prod(x)))(numpy.array([0.0, 2.0, 3.0]))
    numpy.testing.assert_array_equal(jacobian, [[0, 3, 2], [3, 0, 0], [2, 0, 0]])


NO_RULE, ARGUMENTS = (
    "{} has no derivative in autograd: compose it of functions that have one",
    "the derivative of {} is not",
)
REFUSED = {
    # no rule in autograd
    **{
        call: NO_RULE.format(call.partition("(")[0])
        for call in (
            *("np.median(x, axis=1)", "np.ptp(x)", "np.cov(x)", "np.cumprod(x)", "np.interp(x, V, V)", "np.flip(x)"),
            *("np.linalg.matrix_power(x @ x.T, 2)", "np.take(x, [0, 0])", "np.take_along_axis(x, PLACES, 1)"),
        )
    },
    # silently wrong in autograd, and refused by a rule
    "np.linalg.norm(x, np.inf, axis=1)": "np.linalg.norm has no derivative for ord=inf with axis=1",
    "np.linalg.norm(x, 'nuc')": "np.linalg.norm has no derivative for ord='nuc' with axis=None",
    "np.linalg.norm(x, 2)": "np.linalg.norm has no derivative for ord=2 with axis=None",
    "np.linalg.norm(x, 0, axis=1)": "np.linalg.norm has no derivative for ord=0 with axis=1",
    "np.sum(x, where=M)": ARGUMENTS.format("np.sum"),
    "np.mean(x, where=M)": ARGUMENTS.format("np.mean"),
    "np.prod(x, where=M)": ARGUMENTS.format("np.prod"),
    "np.prod(x, initial=2.0)": ARGUMENTS.format("np.prod"),
    **{
        f"np.{name}(x, {option})": f"np.{name} has no derivative with any of where, initial, mean, correction: change"
        for name, options in {
            "std": ["where=M", "mean=0.0", "correction=1"],
            "var": ["where=M", "mean=0.0", "correction=1"],
            "max": ["initial=0.0", "where=M, initial=0.0"],
            "min": ["initial=0.0"],
            "amax": ["initial=0.0"],
            "amin": ["initial=0.0"],
        }.items()
        for option in options
    },
    "np.std(x * 0)": "np.std has no derivative where all values are equal",
    "np.std(x * (X > 5), axis=0)": "np.std has no derivative where all values are equal",
    "np.repeat(x, 2, axis=-1)": "np.repeat has no derivative with a negative axis",
    "np.repeat(x, 2, axis=-2)": "np.repeat has no derivative with a negative axis",
    "np.tile(x, 2)": "np.tile has no derivative with fewer counts than axes",
    "np.tile(x, (3,))": "np.tile has no derivative with fewer counts than axes",
    "np.sinc(x - x)": "np.sinc has no derivative at 0",
    # silently wrong in autograd, and known by the shape
    "np.diag(x)": r"the gradient of diag must have the shape of its argument, \(3, 4\), got \(3, 3\)",
    "np.cross(X[:, :3], x[0, :3])": r"the gradient of cross must have the shape of its argument, \(3,\), got \(3, 3\)",
    # an error in autograd, at the call or in the backward pass
    "np.add(x, x, where=M, out=np.zeros((3, 4)))": ARGUMENTS.format("np.add"),
    "np.pad(x, 1, 'edge')": "the derivative of np.pad is not defined for these arguments .*constant",
    "x.cumsum(dtype=float)": "call autograd.numpy.cumsum instead of numpy.cumsum or a method, or use other functions",
    "np.concatenate([x, x], axis=None)": "is not defined for these arguments",
    "np.einsum('ii->i', x[:, :3])": "the derivative of np.einsum is not defined .*multiple times",
    "np.roll(x, (1, 2), axis=(0, 1))": ARGUMENTS.format("np.roll"),
    "np.repeat(x, [1, 2, 1], axis=0)": ARGUMENTS.format("np.repeat"),
    "np.outer(x, x)": ARGUMENTS.format("np.outer"),
    "np.broadcast_to(x, (2, 3, 4))": ARGUMENTS.format("np.broadcast_to"),
    "np.broadcast_to(x[:1], [3, 4])": ARGUMENTS.format("np.broadcast_to"),
    "np.clip(X, 0.2, x)": ARGUMENTS.format("np.clip"),
    "np.clip(x, min=0)": ARGUMENTS.format("np.clip"),
    "np.diagonal(x)": "Currently make_diagonal only supports offset=0, axis1=-1, axis2=-2",
    "np.sort(x, axis=0)": "Gradient of sort not implemented for multi-dimensional arrays",
}


@pytest.mark.parametrize("expression", REFUSED)
def test_what_has_no_derivative_is_refused_with_a_sentence(expression):
    f = function_of("x", expression)
    with pytest.raises((NotImplementedError, ValueError), match=REFUSED[expression]):
        T.grad(lambda x: np.sum(f(x)))(INPUTS["x"])


def test_a_repeated_index_in_another_operand_is_no_reason_to_refuse():
    A, B, C = normal(2, 3, 4), normal(2, 2, 3), normal(5, 2, 4)
    found = T.grad(lambda A: np.sum(np.einsum("ijk,iij,oik->ok", A, B, C)))(A)
    numpy.testing.assert_allclose(found, numpy.einsum("iij,oik->ijk", B, C), rtol=1e-12)


@pytest.mark.parametrize("name", ["linalg.norm", "var", "std", "sum", "mean", "prod"])
def test_complex_numbers_on_the_way(name):
    """A real signal compared by its spectrum, as with norm(fft(x) - fft(y))."""
    x, y = normal(8), normal(8)
    function = np.linalg.norm if name == "linalg.norm" else getattr(np, name)

    def loss(x):
        return np.real(function(np.fft.fft(x) - np.fft.fft(y)))

    numpy.testing.assert_allclose(T.grad(loss)(x), differences(loss, x), rtol=1e-5, atol=1e-6)


def test_plain_numpy_calls_the_methods_of_a_traced_array():
    """Its reductions do, with out=None and dtype=None."""
    x = INPUTS["x"]
    for plain, own in ((numpy.sum, np.sum), (numpy.mean, np.mean), (numpy.prod, np.prod), (numpy.std, np.std)):
        for options in ({}, {"axis": 1}):
            found = T.grad(lambda x, f=plain, o=options: np.sum(f(x, **o) ** 2))(x)
            numpy.testing.assert_array_equal(found, T.grad(lambda x, f=own, o=options: np.sum(f(x, **o) ** 2))(x))


def test_a_value_to_fill_with_is_differentiated():
    """autograd takes np.full_like for a constant, of whatever it is filled with."""
    assert T.grad(lambda s: np.sum(np.full_like(INPUTS["x"], s) ** 2))(3.0) == 12 * 6
    assert (T.grad(lambda x: np.sum(x * np.full_like(x, 2)))(INPUTS["x"]) == 2).all()


def test_a_rule_that_returns_another_shape_is_an_error(monkeypatch):
    monkeypatch.setitem(primitive_vjps, np.exp, lambda *_: lambda g: (numpy.ones((4, 1)),))
    with pytest.raises(ValueError, match=r"the gradient of exp must have the shape of its argument, \(4,\), got"):
        T.grad(lambda x: np.sum(np.exp(x)))(numpy.ones(4))


def test_another_shape_is_an_error_inside_of_another_derivative_too(monkeypatch):
    """There the gradient is a traced array, and nothing else would find the shape wrong."""
    monkeypatch.setitem(primitive_vjps, np.exp, lambda argnums, value, *_: lambda g: (np.stack([g * value] * 2),))
    with pytest.raises(ValueError, match=r"the gradient of exp must have the shape of its argument, \(4,\), got"):
        T.grad(lambda w: np.sum(T.grad(lambda x: w * np.sum(np.exp(x)))(numpy.ones(4)) ** 2))(2.0)


def test_what_is_refused_for_some_arguments_is_right_for_the_others():
    """A negative axis of length 1, as autograd's own rule of eigh has it; values that are not all equal; ddof."""
    one, x, w = normal(3, 1), normal(3, 4), normal(3, 4)
    numpy.testing.assert_allclose(T.grad(lambda a: np.sum(np.repeat(a, 4, axis=-1) * w))(one), w.sum(1)[:, None])
    for f in (lambda x: np.std(x, axis=0, ddof=1), lambda x: np.var(x, axis=-1), lambda x: np.max(x, axis=0)):
        wanted = differences(lambda x, f=f: np.sum(f(x) ** 2), x)
        numpy.testing.assert_allclose(T.grad(lambda x, f=f: np.sum(f(x) ** 2))(x), wanted, rtol=1e-6, atol=1e-7)


ANSWER = """
import autograd.numpy as np


def unit(rows):
    rows = rows / np.max(np.abs(rows), axis=1, keepdims=True)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def clip_similarity(image, text):
    return np.sum(unit(image) * unit(text), axis=1)
"""


def test_an_answer_by_the_norm_with_keepdims_passes(tmp_path):
    """Its gradient is taken in the exercise's last cases."""
    (exercise,) = catalog.find("diffusion/09/clip_similarity")
    path = tmp_path / "answers.py"
    path.write_text(ANSWER, encoding="utf-8")
    report = grade_file(exercise, path)
    assert report.passed, [(verdict.case, verdict.status, verdict.message) for verdict in report.verdicts]


@pytest.mark.filterwarnings("error")
def test_the_gradient_of_tanh_does_not_overflow():
    x = numpy.array([-1000, -100, -2, 0, 0.5, 100], numpy.float32)
    slope = 1 - numpy.tanh(x.astype(float)) ** 2
    found = T.grad(lambda x: np.sum(np.tanh(x)))(x)
    curvature = T.grad(lambda x: np.sum(T.grad(lambda x: np.sum(np.tanh(x)))(x)))(x)
    assert found.dtype == curvature.dtype == np.float32
    numpy.testing.assert_allclose(found, slope, atol=1e-7)
    numpy.testing.assert_allclose(curvature, -2 * numpy.tanh(x.astype(float)) * slope, atol=2e-7)
