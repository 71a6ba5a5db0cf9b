"""A lean call records what autograd's own wrapper records: the same values and gradients, to the last bit."""

from concurrent.futures import ThreadPoolExecutor

import autograd
import autograd.numpy as np
import numpy
import pytest
from autograd.core import primitive_vjps
from autograd.numpy import numpy_wrapper
from autograd.numpy.numpy_boxes import ArrayBox
from autograd.tracer import trace_primitives_map

from minigen import tensor as T
from minigen.tensor import calls, rules, runtime

rng = numpy.random.default_rng(0)
X = rng.uniform(0.5, 2, (3, 4)).astype(numpy.float32)
Y = rng.uniform(0.5, 2, (3, 4)).astype(numpy.float32)
ROW = rng.uniform(0.5, 2, 4)  # broadcast, and float64
LEAN = {name: getattr(numpy_wrapper, name) for name in calls.NAMES} | {"__getitem__": ArrayBox.__getitem__}


@pytest.fixture(scope="module")
def slow():
    """autograd's own functions, by name."""
    runtime.restore()
    try:
        return {name: getattr(ArrayBox if name == "__getitem__" else numpy_wrapper, name) for name in LEAN}
    finally:
        runtime.apply()


TWO = {
    "both": lambda f, x, y: f(x, y),
    "left": lambda f, x, y: f(x, ROW),
    "right": lambda f, x, y: f(ROW, y),
    "same": lambda f, x, y: f(x, x),
    "swapped": lambda f, x, y: f(y, x),  # with x of an outer derivative, y of an inner one
    "wide": lambda f, x, y: f(x[:1], y),
    "number": lambda f, x, y: f(x, 3),
    "of a number": lambda f, x, y: f(2.0, y),
}
ONE = {"one": lambda f, x, y: f(x) * f(y), "plain": lambda f, x, y: f(X) * x}
REDUCED = {
    "all": lambda f, x, y: f(x) * y,
    "axis": lambda f, x, y: f(x, axis=-1) * f(y, 1),
    "axes": lambda f, x, y: f(x, axis=(0, -1), keepdims=True) + y,
    "kept": lambda f, x, y: f(x, 0, keepdims=True) + y,
    "NumPy's integer": lambda f, x, y: f(x, axis=numpy.int64(1))[:, None] * y,
}
FORMS = {
    **dict.fromkeys(["add", "subtract", "multiply", "divide", "power"], TWO),
    **dict.fromkeys(["negative", "exp", "log", "tanh", "sqrt", "abs"], ONE),
    **dict.fromkeys(["sum", "_primitive_mean"], REDUCED),
    "reshape": {"wide": lambda f, x, y: f(x, (4, 3)) ** 2, "flat": lambda f, x, y: f(x, -1) * f(y, (12,))},
    "transpose": {"all": lambda f, x, y: f(x) * f(y), "axes": lambda f, x, y: f(x[None], (2, 0, 1)) ** 2},
    "swapaxes": {"two": lambda f, x, y: f(x, 0, 1) * f(y, -1, -2)},
    "concatenate_args": {
        "rows": lambda f, x, y: f(0, x, X, y, x) ** 2,
        "columns": lambda f, x, y: f(1, x, ROW[:3, None]),
    },
    "__getitem__": {
        "slice": lambda f, x, y: f(x, (slice(1, None), slice(None, None, 2))) ** 2 * f(y, (0, None, slice(2))),
        "list": lambda f, x, y: f(x, [0, 0, 2]) ** 2 * y,
        "mask": lambda f, x, y: f(x, X > 1) ** 2,
        "number": lambda f, x, y: f(f(x, 1), -1) ** 2 * y,
    },
}
CASES = [(name, form) for name, forms in FORMS.items() for form in forms]


def outcomes(f, form, x, y):
    """Value, gradients, second derivatives and derivatives by autograd's own functions, of one use of f."""

    def loss(pair):
        return np.sum(np.sin(form(f, *pair)))

    def penalty(pair):
        return sum(np.sum(g**2) for g in T.grad(loss)(pair))

    def through(inner):  # the derivative for y inside of that for x
        return lambda x: np.sum(inner(lambda y: loss((x, y)) + np.sum(y))(y) ** 2) + np.sum(x)

    found = [form(f, x, y), *T.value_and_grad(loss)((x, y)), *T.value_and_grad(penalty)((x, y))]
    found += [autograd.grad(lambda x: loss((x, y)) + np.sum(x))(x), T.grad(through(T.grad))(x)]
    found += [T.grad(through(autograd.grad))(x), autograd.grad(through(T.grad))(x)]
    return T.leaves([numpy.asarray(a) if not isinstance(a, tuple) else a for a in found])


def test_every_lean_function_is_tried():
    assert FORMS.keys() == LEAN.keys()


@pytest.mark.filterwarnings("ignore:Output seems independent")
@pytest.mark.parametrize("name, form", CASES)
def test_values_and_all_derivatives_equal_those_of_autograds_wrapper(slow, name, form):
    f, own = LEAN[name], slow[name]
    assert f is not own and f.__name__ == own.__name__ and f.__doc__ == own.__doc__
    found = [outcomes(g, FORMS[name][form], X, Y) for g in (f, own)]
    assert len(found[0]) == len(found[1]) == 11
    for a, b in zip(*found, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        numpy.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name, form", [("multiply", "both"), ("exp", "one"), ("sum", "axis"), ("reshape", "flat")])
def test_forward_mode_is_autograds(name, form):
    forward = FORMS[name][form]
    v = rng.standard_normal(X.shape)
    x, y = X.astype(float), Y.astype(float)
    _, tangent = autograd.make_jvp(lambda x: np.sum(forward(LEAN[name], x, y)))(x)(v)
    slope = T.grad(lambda x: np.sum(forward(LEAN[name], x, y)))(x)
    assert tangent == pytest.approx(numpy.sum(slope * v), rel=1e-12)


def test_rules_in_force_are_used_and_stay_the_entry_of_the_function(slow, monkeypatch):
    for name, f in LEAN.items():
        assert primitive_vjps[f] is primitive_vjps[slow[name]]
    for name in ("sum", "_primitive_mean", "power", "__getitem__", "transpose"):
        assert primitive_vjps[LEAN[name]] is rules.RULES[slow[name]]
    monkeypatch.setitem(primitive_vjps, np.exp, lambda argnums, value, args, kwargs: lambda g: (7 * g,))
    numpy.testing.assert_array_equal(T.grad(lambda x: np.sum(np.exp(x)))(X), numpy.full_like(X, 7))


def test_functions_operators_and_methods_are_lean(slow):
    assert np.multiply is np.__dict__["multiply"] is LEAN["multiply"] is trace_primitives_map[numpy.multiply]
    assert np.absolute is np.abs is LEAN["abs"] and np.true_divide is LEAN["divide"]
    assert ArrayBox.sum is LEAN["sum"] and ArrayBox.swapaxes is LEAN["swapaxes"]
    recorded = []

    def loss(x):
        recorded.extend([x + x, X - x, x * x, X / x, -x, abs(x), x**2, x[0], x.sum(), x.mean(), x.reshape(4, 3), x.T])
        return np.sum(x)

    T.grad(loss)(X)
    expected = ["add", "subtract", "multiply", "divide", "negative", "absolute", "power", "__getitem__", "sum", "mean"]
    assert [a._node.function.__name__ for a in recorded] == [*expected, "reshape", "transpose"]
    assert all(type(a._node.parents) is tuple for a in recorded)


def test_a_lean_function_that_is_held_outlives_restore(slow):
    held = np.exp
    runtime.restore()
    try:
        assert np.exp is slow["exp"] is not held
        numpy.testing.assert_array_equal(T.grad(lambda x: np.sum(held(x)))(X), numpy.exp(X))
    finally:
        runtime.apply()
    assert np.exp is held


class Metres:
    """An array of another library: it takes part in NumPy's functions, and may hold a traced array."""

    def __init__(self, value):
        self.value = value

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return Metres(ufunc(*(a.value if isinstance(a, Metres) else a for a in inputs), **kwargs))


def test_arrays_of_other_libraries_are_asked_first():
    def loss(x):
        total = np.add(Metres(X), np.multiply(x, Metres(x)))
        assert isinstance(total, Metres)
        return np.sum(total.value)

    numpy.testing.assert_allclose(T.grad(loss)(X), 2 * X)
    masked = numpy.ma.masked_array(X, X > 1)
    assert isinstance(np.multiply(masked, 2), numpy.ma.MaskedArray)
    assert np.sum(masked) == masked.sum()


def test_plain_arguments_give_what_numpy_gives():
    for result, expected in [
        (np.add(X, 1), X + 1),
        (np.add([1, 2], (3, 4)), numpy.array([4, 6])),
        (np.sum([X, Y], axis=0), numpy.sum([X, Y], axis=0)),
        (np.exp(X, dtype=numpy.float64), numpy.exp(X, dtype=numpy.float64)),
        (np.divide(7, 2), 3.5),
        (np.negative(numpy.int64(3)), -3),
    ]:
        assert type(result) is type(expected) or np.isscalar(expected)
        numpy.testing.assert_array_equal(result, expected)
        assert numpy.asarray(result).dtype == numpy.asarray(expected).dtype
    out = numpy.empty_like(X)
    assert np.exp(X, out=out) is out


def test_the_shape_of_anything():
    seen = []

    def loss(x):
        inner = T.grad(lambda z: seen.extend([np.shape(z * x), (z * x).shape]) or np.sum(z * x))(X)  # boxes in boxes
        pair = np.linalg.slogdet(np.matmul(x, np.transpose(x)))
        seen.extend([np.shape(x), np.shape(x[0, 0]), np.shape(np.sum(x)), np.shape(pair), x.shape])
        return np.sum(inner)

    T.grad(loss)(X)
    assert seen == [(3, 4), (3, 4), (3, 4), (), (), (2,), (3, 4)]
    plain = [np.shape(a) for a in (X, 3, 2.5, numpy.float32(1), [[1, 2]], (), numpy.ma.masked_array(X))]
    assert plain == [(3, 4), (), (), (), (1, 2), (0,), (3, 4)]


def test_arguments_without_a_derivative_are_refused_as_before():
    with pytest.raises(NotImplementedError, match=r"np.sum has no derivative with where="):
        T.grad(lambda x: np.sum(x, where=X > 1))(X)
    with pytest.raises(TypeError):
        T.grad(lambda x: np.sum(np.add(x, "one")))(X)


@pytest.mark.slow
def test_two_threads_record_their_own_derivatives():
    def loss(x):
        for _ in range(50):
            x = np.tanh(x * Y) - np.reshape(np.sum(x, axis=1), (-1, 1)) / 8
        return np.mean(x)

    def twice(x):
        return np.sum(T.grad(loss)(x) ** 2)

    inputs = [X, Y] * 8
    alone = [(T.grad(loss)(x), T.grad(twice)(x)) for x in inputs]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda x: (T.grad(loss)(x), T.grad(twice)(x)), inputs))
    for a, b in zip(alone, together, strict=True):
        for first, second in zip(a, b, strict=True):
            numpy.testing.assert_array_equal(first, second)
