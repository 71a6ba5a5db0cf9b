"""An operator of a traced array records what autograd's wrapper records, to the last bit; what it cannot do is said.

Derivatives of minigen and of autograd stand inside each other, and in two threads.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import autograd
import autograd.numpy as np
import numpy
import pytest
from autograd.core import primitive_vjps
from autograd.numpy import numpy_wrapper
from autograd.numpy.numpy_boxes import ArrayBox

from minigen import tensor as T
from minigen.tensor.tracing import GradNode, TracedArray, record

rng = numpy.random.default_rng(0)
X = rng.uniform(0.5, 2, (3, 4)).astype(numpy.float32)
Y = rng.uniform(0.5, 2, (3, 4)).astype(numpy.float32)
ROW = rng.uniform(0.5, 2, 4)  # broadcast, and float64


def function_named(name):
    return getattr(ArrayBox if name == "__getitem__" else numpy_wrapper, name)


def lean(function):
    """`record` where a traced array takes part, as in an operator of one; else the function itself."""

    def call(*args, **kwargs):
        traced = any(type(a) is TracedArray for a in args)
        return record(function, *args, **kwargs) if traced else function(*args, **kwargs)

    return call


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
    **dict.fromkeys(["negative", "abs"], ONE),
    "sum": REDUCED,
    "reshape": {"wide": lambda f, x, y: f(x, (4, 3)) ** 2, "flat": lambda f, x, y: f(x, -1) * f(y, (12,))},
    "transpose": {"all": lambda f, x, y: f(x) * f(y), "axes": lambda f, x, y: f(x[None], (2, 0, 1)) ** 2},
    "swapaxes": {"two": lambda f, x, y: f(x, 0, 1) * f(y, -1, -2)},
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


@pytest.mark.filterwarnings("ignore:Output seems independent")
@pytest.mark.parametrize("name, form", CASES)
def test_values_and_all_derivatives_equal_those_of_autograds_wrapper(name, form):
    f = function_named(name)
    found = [outcomes(g, FORMS[name][form], X, Y) for g in (lean(f), f)]
    assert len(found[0]) == len(found[1]) == 11
    for a, b in zip(*found, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        numpy.testing.assert_array_equal(a, b)


OPERATORS = {
    "add": lambda x: [x + x, X + x, x + 1.0, 1 + x],
    "subtract": lambda x: [x - X, X - x, 2 - x],
    "multiply": lambda x: [x * x, X * x, x * 3],
    "divide": lambda x: [x / X, X / x, 1 / x],
    "power": lambda x: [x**2, x**X, X**x, 2**x],
    "negative": lambda x: [-x],
    "absolute": lambda x: [abs(x)],
    "sum": lambda x: [x.sum(), x.sum(axis=1), x.sum(0)],
    "reshape": lambda x: [x.reshape(4, 3), x.reshape((2, 6)), x.reshape(-1)],
    "transpose": lambda x: [x.T, x.transpose(), x.transpose(1, 0), x.transpose((0, 1))],
    "swapaxes": lambda x: [x.swapaxes(0, 1), x.swapaxes(-1, -2)],
    "__getitem__": lambda x: [x[0], x[:, 1:], x[[0, 0]], x[X > 1]],
    "copy": lambda x: [x.copy()],
    "dot": lambda x: [x.dot(X.T)],
    "mean": lambda x: [x.mean()],
    "exp": lambda x: [np.exp(x), numpy.exp(x)],
}


@pytest.mark.parametrize("name", OPERATORS)
def test_all_that_is_made_of_a_traced_array_is_traced_in_the_same_record(name):
    def loss(x):
        made = OPERATORS[name](x)
        assert {type(a) for a in made} == {TracedArray} and {type(a._node) for a in made} == {GradNode}
        assert {a._node.function.__name__ for a in made} == {name}
        plain = OPERATORS[name](x._value) if name != "swapaxes" else [X.T, X.T]
        for a, b in zip(made, plain, strict=True):
            numpy.testing.assert_array_equal(a._value, b)
        return np.sum(x)

    T.grad(loss)(X)


def test_functions_methods_and_sequences_are_traced_too():
    def loss(x):
        parts = np.split(x, 2, axis=1)
        result = np.linalg.slogdet(np.matmul(x, x.T))
        assert {type(a) for a in (np.tanh(x), np.stack([x, x]), x.mean(0), x.astype(float), parts[0])} == {TracedArray}
        assert type(result[1]) is TracedArray
        return np.sum(x)

    T.grad(loss)(X)


@pytest.mark.parametrize(
    "f, message",
    [
        (lambda x: x.item(), "an array that is being differentiated has no 'item': use a function of autograd.numpy"),
        (lambda x: np.r_[x, x], "plain NumPy cannot compute .* np.r_, np.c_ and np.select"),
        (lambda x: np.select([X > 1], [x]), "plain NumPy cannot compute"),
        (lambda x: np.max([x[0, 0], x[1, 1]]), "of a list of arrays make one first, by its np.stack"),
    ],
)
def test_what_a_traced_array_cannot_do_is_said(f, message):
    with pytest.raises((AttributeError, TypeError), match=message):
        T.grad(lambda x: np.sum(f(x)))(X)


def test_a_rule_of_the_users_own_is_used():
    old = primitive_vjps[np.exp]
    try:
        autograd.extend.defvjp(np.exp, lambda value, x: lambda g: 7 * g)
        for grad in (T.grad, autograd.grad):
            numpy.testing.assert_array_equal(grad(lambda x: np.sum(np.exp(x)))(X), numpy.full_like(X, 7))
    finally:
        primitive_vjps[np.exp] = old


def cubes(inner, outer):
    """d/dw of the sum of squares of d/dx of w x³, by two kinds of derivative."""
    return outer(lambda w: np.sum(inner(lambda x: np.sum(w * x**3))(X) ** 2))


@pytest.mark.parametrize("inner", [T.grad, autograd.grad])
@pytest.mark.parametrize("outer", [T.grad, autograd.grad])
def test_derivatives_stand_inside_each_other(inner, outer):
    expected = 2 * 0.5 * numpy.sum((3 * X.astype(float) ** 2) ** 2)  # of w² Σ (3x²)²
    assert cubes(inner, outer)(0.5) == pytest.approx(expected, rel=1e-5)
    third = T.grad(lambda v: v * cubes(inner, outer)(v))(0.5)  # one more around both: 2 v² Σ (3x²)²
    assert third == pytest.approx(2 * expected, rel=1e-5)


def test_each_derivative_makes_arrays_of_its_own_kind():
    seen = []

    def inner(y):
        seen.append(type(y))
        return np.sum(y**2)

    def around(grad):
        return lambda x: seen.append(type(x)) or np.sum(grad(inner)(x) * x)

    T.grad(around(autograd.grad))(X)
    autograd.grad(around(T.grad))(X)
    assert seen == [TracedArray, ArrayBox, ArrayBox, TracedArray]


def test_forward_mode_around_a_derivative_of_minigen():
    x, v = X.astype(float), rng.standard_normal(X.shape)
    _, tangent = autograd.make_jvp(T.grad(lambda x: np.sum(x[1:] ** 3)))(x)(v)
    numpy.testing.assert_allclose(tangent[1:], (6 * x * v)[1:], rtol=1e-12)


@pytest.mark.parametrize("inner", [T.grad, autograd.grad])
@pytest.mark.parametrize("outer", [T.grad, autograd.grad])
def test_a_derivative_that_ends_in_another_thread_takes_no_number_away(inner, outer):
    """One counter of both kinds, for each thread: the inner derivative must get a larger number than the outer."""
    T.grad(lambda x: x * x)(1.0)  # minigen has computed before
    first_began, second_began, first_ended = threading.Event(), threading.Event(), threading.Event()

    def first(x):
        first_began.set()
        assert second_began.wait(60)
        return x * x

    def second(w):
        assert first_began.wait(60)
        second_began.set()
        assert first_ended.wait(60)
        return np.sum(inner(lambda x: np.sum(w * x**3))(X) ** 2)

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(lambda: outer(first)(3.0))
        one.add_done_callback(lambda _: first_ended.set())
        two = pool.submit(lambda: outer(second)(0.5))
        assert one.result() == 6 and two.result() == pytest.approx(cubes(inner, outer)(0.5), rel=1e-6)


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
