"""Every check: what passes and in which form it comes back, what fails, and that the message names the argument, what
was expected and what came."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from functools import partial

import autograd.numpy as anp
import numpy as np
import pytest

from minigen import checks, diffusion, flow, gan, nn, vae
from minigen.diffusion.arguments import BATCH, STEPS
from minigen.flow.arguments import MASK, Invertible
from minigen.nn import Module
from minigen.tensor import grad, value_and_grad


class Tensor:
    """An array of another library, as PyTorch's are: NumPy gets at it through `__array__`."""

    def __init__(self, values, fails=False):
        self.values, self.fails = np.asarray(values), fails

    def __array__(self, dtype=None, copy=None):
        if self.fails:
            raise RuntimeError("call .detach() first")
        return self.values if dtype is None else self.values.astype(dtype)


NAN, INF = float("nan"), float("inf")
PASS = [
    # whole numbers come back as int
    (lambda: checks.whole("n", 1), 1),
    (lambda: checks.whole("n", np.int64(7)), 7),
    (lambda: checks.whole("n", np.uint8(7), most=7), 7),
    (lambda: checks.whole("n", 0, least=0), 0),
    (lambda: checks.whole("n", -3, least=-3, most=-3), -3),
    (lambda: checks.whole("n", 10**30), 10**30),
    # numbers come back as float
    (lambda: checks.number("r", 2), 2.0),
    (lambda: checks.number("r", np.float32(0.5), 0, 1), 0.5),
    (lambda: checks.number("r", 0, 0, 1, without=1), 0.0),
    (lambda: checks.number("r", 1, 0, 1, without=0), 1.0),
    (lambda: checks.positive("lr", 1e-300), 1e-300),
    (lambda: checks.positive("lr", np.int8(3)), 3.0),
    (lambda: checks.probability("p", 0), 0.0),
    (lambda: checks.probability("p", 1.0), 1.0),
    (lambda: checks.choice("kind", "a", ("a", "b")), "a"),
    (lambda: checks.choice("kind", None, ("a", None)), None),
    (lambda: checks.choice("kind", (1, 2), ((1, 2), 3)), (1, 2)),
    (lambda: checks.choice("kind", True, (False, True)), True),
]
FAIL = [
    (lambda: checks.whole("n", 0), "n must be a whole number of at least 1, got 0"),
    (lambda: checks.whole("n", True), "n must be a whole number of at least 1, got True"),
    (lambda: checks.whole("n", np.True_), "n must be a whole number of at least 1, got np.True_"),
    (lambda: checks.whole("n", 2.0), "n must be a whole number of at least 1, got 2.0"),
    (lambda: checks.whole("n", "2"), "n must be a whole number of at least 1, got '2'"),
    (lambda: checks.whole("n", None), "n must be a whole number of at least 1, got None"),
    (lambda: checks.whole("n", np.array(2)), "n must be a whole number of at least 1, got array(2)"),
    (lambda: checks.whole("n", NAN, 0), "n must be a whole number of at least 0, got nan"),
    (lambda: checks.whole("n", 8, most=7), "n must be a whole number in 1..7, got 8"),
    (lambda: checks.number("r", NAN), "r must be a number in (-inf, inf), got nan"),
    (lambda: checks.number("r", INF), "r must be a number in (-inf, inf), got inf"),
    (lambda: checks.number("r", -1e-9, 0), "r must be a number in [0, inf), got -1e-09"),
    (lambda: checks.number("r", 1, 0, 1, without=1), "r must be a number in [0, 1), got 1"),
    (lambda: checks.number("r", 0, 0, 1, without=0), "r must be a number in (0, 1], got 0"),
    (lambda: checks.number("r", True, 0, 1), "r must be a number in [0, 1], got True"),
    (lambda: checks.number("r", "1"), "r must be a number in (-inf, inf), got '1'"),
    (lambda: checks.number("r", 1j), "r must be a number in (-inf, inf), got 1j"),
    (lambda: checks.number("r", np.ones(2)), "r must be a number in (-inf, inf), got array([1., 1.])"),
    (lambda: checks.number("r", np.ones(99)), "r must be a number in (-inf, inf), got ndarray"),
    (lambda: checks.positive("lr", 0), "lr must be a positive number, got 0"),
    (lambda: checks.positive("lr", -INF), "lr must be a positive number, got -inf"),
    (lambda: checks.positive("lr", INF), "lr must be a positive number, got inf"),
    (lambda: checks.positive("lr", True), "lr must be a positive number, got True"),
    (lambda: checks.probability("p", 1.01), "p must be a number in [0, 1], got 1.01"),
    (lambda: checks.choice("kind", "c", ("a", "b")), "kind must be one of 'a', 'b', got 'c'"),
    (lambda: checks.choice("kind", ["a"], ("a", "b")), "kind must be one of 'a', 'b', got ['a']"),
    (lambda: checks.choice("k", True, (1, 2)), "k must be one of 1, 2, got True"),
    (lambda: checks.choice("k", np.ones(2), (1, 2)), "k must be one of 1, 2, got array([1., 1.])"),
    (lambda: checks.rng(0), "rng must be a numpy.random.Generator, such as numpy.random.default_rng(0), got 0"),
    (
        lambda: checks.rng(np.random.Generator, "noise"),
        "noise must be a numpy.random.Generator, such as numpy.random.default_rng(0), got "
        "<class 'numpy.random._generator.Generator'>",
    ),
    (lambda: checks.rng(np.random.RandomState(0)), "rng must be a numpy.random.Generator"),
    # arrays
    (lambda: checks.floats("x", "text"), "x must be an array of real numbers, got dtype <U4"),
    (lambda: checks.floats("x", [1, 1j]), "x must be an array of real numbers, got dtype complex128"),
    (lambda: checks.floats("x", [{}]), "x must be an array of real numbers, got dtype object"),
    (lambda: checks.floats("x", [[1], [1, 2]]), "x must be an array of real numbers, got list (setting an array"),
    (lambda: checks.floats("x", Tensor(1.0, True)), "x must be an array of real numbers, got Tensor (call .detach()"),
    (lambda: checks.floats("x", [1, NAN, INF]), "x must be finite, got 2 non-finite values, the first, nan, at x[1]"),
    (lambda: checks.array("x", np.ones(3), "N", 2), "x must have shape (N, 2), got (3,)"),
    (lambda: checks.array("x", np.ones((3, 3)), "N", 2), "x must have shape (N, 2), got (3, 3)"),
    (lambda: checks.array("x", np.ones((3, 1)), "N"), "x must have shape (N,), got (3, 1)"),
    (lambda: checks.array("x", np.ones((0, 2)), "N", 2), "x must have shape (N, 2), none of them 0, got (0, 2)"),
    (lambda: checks.array("x", np.ones(2), "N", ..., "C"), "x must have shape (N, ..., C), got (2,)"),
    (lambda: checks.array("x", np.ones((2, 3)), "N", ..., 4), "x must have shape (N, ..., 4), got (2, 3)"),
    (lambda: checks.array("x", np.ones((2, 3)), 3, ...), "x must have shape (3, ...), got (2, 3)"),
    (lambda: checks.array("x", 1.0, ..., "D"), "x must have shape (..., D), got ()"),
    (
        lambda: checks.array("x", [[NAN, 0]], "N", 2),
        "x must be finite, got 1 non-finite values, the first, nan, at x[0, 0]",
    ),
    (lambda: checks.floats("x", NAN), "x must be finite, got 1 non-finite values, nan"),
    (lambda: checks.finite("x", np.array([NAN])), "x must be finite, got 1 non-finite values"),
    (lambda: checks.same_shape(mu=np.ones(2), logvar=np.ones(3)), "logvar must have the shape of mu, (2,), got (3,)"),
    (lambda: checks.same_shape(mu=np.ones((2, 1)), eps=np.ones(2)), "eps must have the shape of mu, (2, 1), got (2,)"),
    (lambda: checks.same_shape(mu=1.0, logvar=1.0), "mu must have shape (N, ...), got ()"),
    (lambda: checks.same_shape(2, mu=np.ones(2), logvar=np.ones(2)), "mu must have shape (N, D), got (2,)"),
    (lambda: checks.same_shape(4, x=np.ones(2)), "x must have at least 4 axes, got (2,)"),
    (lambda: checks.between("x", np.array([0, 2]), 0, 1), "x must be in [0, 1], got values from 0 to 2"),
    (lambda: checks.between("x", np.array([-1.5]), 0), "x must be nonnegative, got values from -1.5 to -1.5"),
    (lambda: checks.between("x", np.array([1, 4]), 2), "x must be at least 2, got values from 1 to 4"),
    (lambda: checks.between("x", np.array([NAN, 1]), 0, 1), "x must be in [0, 1], got values from nan to nan"),
    (lambda: checks.probabilities("p", [0.5, 0.4]), "p must sum to one over its last axis, got a sum of 0.9"),
    (
        lambda: checks.probabilities("p", [[1.0, 0], [0.6, 0.6]]),
        "p must sum to one over its last axis, got a sum of 1.2",
    ),
    (lambda: checks.probabilities("p", [-0.5, 1.5]), "p must be nonnegative, got values from -0.5 to 1.5"),
    (lambda: checks.probabilities("p", [1.0], "N", "K"), "p must have shape (N, K), got (1,)"),
    (lambda: checks.integers("y", [0.0, 1.0]), "y must be whole numbers, got dtype float64"),
    (lambda: checks.integers("y", [True, False]), "y must be whole numbers, got dtype bool"),
    (lambda: checks.integers("y", [[1], [1, 2]]), "y must be whole numbers, got list (setting an array"),
    (lambda: checks.integers("y", [1, 2], 3), "y must have shape (3,), got (2,)"),
    (lambda: checks.integers("y", [0, 3], "N", most=2), "y must be in 0..2, got values from 0 to 3"),
    (lambda: checks.integers("y", [-2, 1], "N", least=-1), "y must be at least -1, got values from -2 to 1"),
    (lambda: checks.times(0, 10, 4), "t must be in 1..10, got values from 0 to 0"),
    (lambda: checks.times([1, 11], 10, 2), "t must be in 1..10, got values from 1 to 11"),
    (lambda: checks.times([1, 2], 10, 3), "t must be one time step or have shape (3,), one for each example, got (2,)"),
    (lambda: checks.times([[1], [2]], 10, 2), "t must be one time step or have shape (2,), one for each example, got"),
    (lambda: checks.times(2.0, 10, 2), "t must be a whole number or an array of them, got dtype float64"),
    (lambda: checks.times(True, 10, 2), "t must be a whole number or an array of them, got dtype bool"),
    (lambda: checks.times(None, 10, 2), "t must be a whole number or an array of them, got dtype object"),
]


@pytest.mark.parametrize("call, expected", PASS)
def test_a_good_setting_comes_back_in_the_form_in_which_it_is_used(call, expected):
    assert call() == expected and type(call()) is type(expected)


@pytest.mark.parametrize("call, message", FAIL, ids=[message[:50] for _, message in FAIL])
def test_a_bad_argument_is_named_with_what_was_expected_and_what_came(call, message):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value).startswith(message)
    assert " must " in message and len(str(caught.value)) < 250


def test_a_generator_comes_back_itself():
    rng = np.random.default_rng(0)
    assert checks.rng(rng) is rng
    assert checks.rng(np.random.Generator(np.random.MT19937(0))) is not None


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_float_arrays_stay_what_they_are(dtype):
    x = np.ones((3, 2), dtype)
    for found in (checks.floats("x", x), checks.array("x", x, "N", 2), checks.between("x", x, 0, 1)):
        assert found is x
    assert checks.finite("x", x) is x


@pytest.mark.parametrize("x", [[[1, 2]], np.array([[1, 2]], np.int8), np.array([[True, False]]), [[np.float32(1), 2]]])
def test_whole_numbers_and_lists_become_float64(x):
    found = checks.array("x", x, "N", 2)
    assert found.dtype == np.float64 and found.shape == (1, 2)
    np.testing.assert_array_equal(found, np.asarray(x, float))


def test_arrays_of_other_libraries_are_accepted():
    np.testing.assert_array_equal(checks.array("x", Tensor(np.ones((2, 3), np.float32)), "N", 3), np.ones((2, 3)))
    assert checks.floats("x", Tensor(np.ones(2, np.float32))).dtype == np.float32
    assert checks.integers("y", Tensor([1, 2]), 2).tolist() == [1, 2]
    assert checks.times(Tensor([1, 2]), 5, 2).tolist() == [1, 2]
    assert checks.probabilities("p", Tensor([0.25, 0.75])).tolist() == [0.25, 0.75]


@pytest.mark.parametrize(
    "shape, wanted",
    [
        ((), ()),
        ((3,), ("N",)),
        ((3, 2), ("N", 2)),
        ((3, 2), (..., "D")),
        ((3, 4, 5, 2), ("N", ..., 2)),
        ((3, 2), ("N", ..., 2)),
    ],
)
def test_shapes_that_fit(shape, wanted):
    x = np.ones(shape)
    assert checks.array("x", x, *wanted) is x


def test_an_empty_array_passes_where_it_may():
    assert checks.array("x", np.ones((0, 2)), "N", 2, empty=True).shape == (0, 2)
    assert checks.integers("y", np.ones(0, int), "N").shape == (0,)
    assert checks.between("x", np.ones(0), 5, 6).shape == (0,)


def test_a_common_shape():
    assert checks.same_shape(mu=np.ones((2, 3)), logvar=[[1, 2, 3], [4, 5, 6]]) == (2, 3)
    assert checks.same_shape(0, a=1.0, b=2) == ()


def test_probabilities_up_to_rounding():
    p = np.full((2, 1000), 1e-3, np.float32)
    assert checks.probabilities("p", p) is p
    with pytest.raises(ValueError, match="sum to one"):
        checks.probabilities("p", p * np.float32(1.001))
    assert checks.probabilities("p", p * 1.001, tolerance=1e-2).shape == (2, 1000)


def test_whole_numbers_in_arrays():
    y = np.array([[0, 5]], np.uint8)
    assert checks.integers("y", y, "N", 2, most=5) is y
    assert checks.integers("y", [-1, 2], least=-1, most=2).tolist() == [-1, 2]
    assert checks.integers("y", 3).shape == ()
    assert checks.times(10, 10, 4).shape == () and checks.times([1, 10], 10, 2).tolist() == [1, 10]
    assert checks.times(np.array([0]), 10, 1, least=0).tolist() == [0]


def test_traced_arrays_pass_unless_their_shape_is_wrong():
    """Values are not looked at while a derivative is being taken, not even a NaN."""
    x = np.array([[0.5, np.nan], [2.0, -1.0]])

    def loss(x):
        for found in (
            checks.floats("x", x),
            checks.array("x", x, "N", 2),
            checks.finite("x", x),
            checks.between("x", x, 0, 1),
            checks.probabilities("x", x),
        ):
            assert found is x
        assert checks.same_shape(x=x, y=np.ones((2, 2))) == (2, 2)
        return anp.sum(x)

    np.testing.assert_array_equal(grad(loss)(x), np.ones((2, 2)))
    with pytest.raises(ValueError, match=r"x must have shape \(N, 3\), got \(2, 2\)"):
        grad(lambda x: anp.sum(checks.array("x", x, "N", 3)))(x)
    with pytest.raises(ValueError, match=r"y must have the shape of x"):
        grad(lambda x: checks.same_shape(x=x, y=np.ones(2)))(x)
    with pytest.raises(ValueError, match="x must sum to one over its last axis|x must have shape"):
        value_and_grad(lambda x: anp.sum(checks.probabilities("x", x, "K")))(x)


def test_traced_arrays_are_no_whole_numbers():
    for check in (lambda x: checks.integers("y", x), lambda x: checks.times(x, 5, 2)):
        with pytest.raises(ValueError, match="whole number.*, got an array that is being differentiated"):
            grad(lambda x, check=check: anp.sum(check(x)))(np.ones(2))


def test_the_value_that_came_is_shown_only_if_it_is_short():
    with pytest.raises(ValueError, match="got str$"):
        checks.whole("n", "x" * 100)
    with pytest.raises(ValueError, match="got ndarray$"):
        checks.whole("n", np.ones((3, 3)))


# ------------------------------------------------------------------------------------------------ declarations


@checks.checked(
    x="N, ..., D",
    other="N, ..., D",
    W="D, D",
    weights=checks.Sized("N", low=0, high=1),
    labels=checks.Integers("N'", most=2),
    rng=np.random.Generator,
    kind=partial(checks.choice, options=("a", "b")),
    scale=checks.positive,
    shift=checks.nonnegative,
)
def declared(x, W, weights=None, other=None, labels=None, rng=None, kind="a", *, scale=1, shift=None):
    """What arrives."""
    return dict(locals())


def test_a_declared_function_receives_what_the_checks_return():
    got = declared([[1, 2]], np.eye(2, dtype=np.float32), scale=3)
    assert got["x"].dtype == np.float64 and got["W"].dtype == np.float32 and type(got["scale"]) is float
    assert got["weights"] is None and got["shift"] is None and got["kind"] == "a"
    assert grad(lambda x: anp.sum(declared(x, np.eye(2))["x"] ** 2))(np.ones((1, 2))).tolist() == [[2, 2]]


X, EYE = np.ones((4, 5, 2)), np.eye(2)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((X, np.eye(3)), r"W must have shape \(2, 2\), got \(3, 3\)"),
        ((np.ones(2), EYE), r"x must have shape \(N, \.\.\., D\), got \(2,\)"),
        ((X * np.nan, EYE), "x must be finite, got 40 non-finite values"),
        ((None, EYE), "x must be an array of real numbers, got dtype object"),
        ((X, EYE, np.ones(3)), r"weights must have shape \(4,\), got \(3,\)"),
        ((X, EYE, np.full(4, 1.5)), r"weights must be in \[0, 1\], got values from 1.5 to 1.5"),
        ((X, EYE, None, X[:, :4]), r"other must have the shape of x, \(4, 5, 2\), got \(4, 4, 2\)"),
        ((X, EYE, None, None, [3]), r"labels must be in 0..2, got values from 3 to 3"),
        ((X, EYE, None, None, [[1]]), r"labels must have shape \(N,\), got \(1, 1\)"),
        ((X, EYE, None, None, None, 0), r"rng must be a numpy.random.Generator, .* got 0"),
        ((X, EYE, None, None, None, None, "c"), "kind must be one of 'a', 'b', got 'c'"),
    ],
)
def test_a_wrong_argument_of_a_declared_function(arguments, message):
    with pytest.raises(ValueError, match=message):
        declared(*arguments)
    names = ("x", "W", "weights", "other", "labels", "rng", "kind")
    with pytest.raises(ValueError, match=message):
        declared(**dict(zip(names, arguments)))


def test_a_size_that_is_named_twice_in_a_shape():
    @checks.checked(W="C, C")
    def square(W): ...

    with pytest.raises(ValueError, match=r"W must have shape \(C, C\), got \(2, 3\)"):
        square(np.ones((2, 3)))


def test_sizes_that_several_arguments_share():
    @checks.checked(x="N, D", W="D, E", V="D, E")
    def products(x, W, V): ...

    products(np.ones((2, 3)), np.ones((3, 4)), np.ones((3, 4)))
    with pytest.raises(ValueError, match=r"V must have the shape of W, \(3, 4\), got \(3, 5\)"):
        products(np.ones((2, 3)), np.ones((3, 4)), np.ones((3, 5)))

    @checks.checked(x="N, ..., D", each="N, ...")
    def weighted(x, each): ...

    weighted(X, np.ones((4, 5)))
    with pytest.raises(ValueError, match=r"each must have shape \(4, 5\), got \(4, 6\)"):
        weighted(X, np.ones((4, 6)))


def test_what_is_declared_is_checked_in_this_order_and_before_the_function_runs():
    ran = []

    @checks.checked(b=checks.positive, a=checks.positive)
    def f(a, b):
        ran.append((a, b))

    with pytest.raises(ValueError, match="b must be a positive number"):
        f(-1, -1)
    with pytest.raises(ValueError, match="a must be a positive number"):
        f(None, 1)
    assert not ran and f(2, 1) is None and ran == [(2.0, 1.0)]


@pytest.mark.parametrize(
    "call",
    [
        lambda: declared(X * np.nan),  # before its arguments are looked at
        lambda: declared(X, EYE, y=1),
        lambda: declared(X, EYE, x=X),
        lambda: declared(X, EYE, None, None, None, None, "a", 1),  # scale is given by its name only
    ],
)
def test_a_call_that_python_refuses_is_refused_by_python(call):
    with pytest.raises(TypeError, match=r"declared\(\)"):
        call()


def test_what_is_not_given_is_left_to_its_default():
    @checks.checked(b=checks.positive, c=checks.positive)
    def f(a, b=2, *, c, d=4): ...

    @checks.checked(a=checks.positive, b=checks.positive)
    def g(a, b=-1):
        return a, b

    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'c'"):
        f(1, -1)
    with pytest.raises(ValueError, match="c must be a positive number, got 0"):
        f(1, c=0)
    assert g(1) == (1, -1) and g(a=1) == (1, -1) and g(b=3, a=1) == (1, 3) and g(1, b=3) == (1, 3)


def test_a_declared_function_keeps_its_name_signature_source_and_formula():
    assert declared.__name__ == "declared" and checks.unchecked(declared).__doc__ == "What arrives."
    assert list(inspect.signature(declared).parameters)[:3] == ["x", "W", "weights"]
    assert inspect.getsource(declared).startswith("@checks.checked(")
    formula = checks.unchecked(declared)
    assert formula(None, None)["x"] is None  # no check runs
    assert checks.unchecked(formula) is formula and checks.unchecked(np.mean) is np.mean
    with pytest.raises(TypeError, match="must have the arguments y"):
        checks.checked(y="N")(lambda x: x)


# ------------------------------------------------------------------------------------------- what a docstring says


class Arrived: ...


SENTENCES = [
    (dict(x="N, D"), "x is a finite array of shape (N, D)"),
    (dict(x="N, D", y="N, D", z="N, D"), "x, y and z are finite arrays of shape (N, D)"),
    (dict(x="N", y="N'"), "x (N,) and y (N',) are finite arrays of these shapes"),
    (
        dict(x="N, ..., D", y="N, D", z="N, ..., D"),
        "x (N, ..., D), y (N, D) and z (N, ..., D) are finite arrays of these shapes",
    ),
    (dict(x=checks.Sized("N, ...", finite=False)), "x is an array of shape (N, ...)"),
    (dict(x=checks.Sized("N", low=0, high=1)), "x is an array of shape (N,) with values in [0, 1]"),
    (dict(x=checks.Sized("N", low=0)), "x is a nonnegative, finite array of shape (N,)"),
    (dict(x=checks.Sized("...", low=0)), "x is a nonnegative, finite number or array"),
    (dict(x=checks.Sized("..."), y=checks.Sized("...")), "x and y are finite numbers or arrays of one shape"),
    (dict(x=checks.floats), "x is a finite number or array"),
    (dict(x=checks.floats, y=checks.floats), "x and y are finite numbers or arrays"),
    (dict(x=checks.nonnegative_floats), "x is a nonnegative, finite number or array"),
    (dict(x=checks.Integers("N, T")), "x is an array of nonnegative whole numbers, of shape (N, T)"),
    (dict(x=checks.Integers("N", most=9)), "x is an array of whole numbers in 0..9, of shape (N,)"),
    (dict(x=checks.Integers("N", least=-1)), "x is an array of whole numbers of at least -1, of shape (N,)"),
    (dict(x=checks.whole), "x is a positive whole number"),
    (dict(x=partial(checks.whole, least=0)), "x is a nonnegative whole number"),
    (dict(x=partial(checks.whole, least=2)), "x is a whole number of at least 2"),
    (dict(x=partial(checks.whole, most=7), y=partial(checks.whole, most=7)), "x and y are whole numbers in 1..7"),
    (dict(x=checks.wholes), "x is a sequence of positive whole numbers"),
    (dict(x=checks.positive, y=checks.positive), "x and y are positive numbers"),
    (dict(x=checks.nonnegative), "x is a nonnegative number"),
    (dict(x=checks.probability), "x is a number in [0, 1]"),
    (dict(x=checks.number), "x is a finite number"),
    (dict(x=partial(checks.number, low=0, high=0.5, without=0.5)), "x is a number in [0, 0.5)"),
    (dict(x=partial(checks.choice, options=("a", "b", None))), "x is 'a', 'b' or None"),
    (
        dict(x=partial(checks.choice, options=("a", "b")), y=partial(checks.choice, options=("a", "b"))),
        "x and y are each 'a' or 'b'",
    ),
    (dict(x=checks.function), "x is a function or a model"),
    (dict(x=np.random.Generator), "x is a numpy.random.Generator"),
    (dict(x=Arrived), "x is an Arrived"),
    (dict(x=Module, y=Module), "x and y are instances of Module"),
    (dict(x=nn.layers.even), "x is an even number of at least 2"),
    (dict(x=Invertible()), "x is a finite, invertible array of shape (C, C)"),
    (
        dict(x=BATCH, y=STEPS, z=BATCH),
        "x and z are finite arrays of shape (N, ...), and y is a time step in 1..T or an array of them",
    ),
    (
        dict(z="N, D", x=MASK),
        "z is a finite array of shape (N, D), and x is an array that broadcasts against one example",
    ),
    (
        dict(a=checks.whole, b=checks.positive),
        "a is a positive whole number if given, and b is a positive number if given",
    ),
]


@pytest.mark.parametrize("declared, said", SENTENCES, ids=[said for _, said in SENTENCES])
def test_the_sentence_of_a_declaration(declared, said):
    @checks.checked(**declared)
    def f(x, y, z, a=None, b=None):
        """What it does."""

    assert f.__doc__ == f"What it does.\n\nRaises ValueError unless {said}." or len(said) > 100
    assert " ".join(f.__doc__.split()) == f"What it does. Raises ValueError unless {said}."


def test_a_check_without_words_is_not_written_of():
    @checks.checked(x=lambda name, value: value, y=checks.Declared())
    def f(x, y):
        """What it does."""

    assert f.__doc__ == "What it does."


def test_the_sentence_is_the_last_paragraph_and_indented_as_the_others():
    def f(first_of_them, second_of_them, third_of_them, scale):
        """What it does.

        All else, with
            an indented line.
        """

    shapes = dict.fromkeys(["first_of_them", "second_of_them", "third_of_them"], "N, H, W, C")
    doc = checks.checked(**shapes, scale=checks.positive)(f).__doc__
    assert inspect.cleandoc(doc) == inspect.cleandoc(f.__doc__) + (
        "\n\nRaises ValueError unless first_of_them, second_of_them and third_of_them are finite arrays of shape"
        "\n(N, H, W, C), and scale is a positive number."
    )


def test_a_constructor_has_the_sentence_and_another_function_without_a_docstring_inherits_one():
    said = "Raises ValueError unless alpha is a number in [0, 0.5)."
    assert inspect.getdoc(flow.bijection.Logit.__init__) == said
    assert inspect.getdoc(flow.bijection.Logit.forward) == inspect.getdoc(flow.bijection.Bijection.forward)


def declared_in(scope, module: str) -> Iterator[tuple[str, object, str]]:
    """(qualified name, function, handwritten docstring) of what a module or a class of it declares."""
    for each in vars(scope).values():
        function = getattr(each, "__func__", each)  # of a classmethod
        if getattr(each, "__module__", None) == module and isinstance(each, type) and each is not scope:
            yield from declared_in(each, module)
        elif hasattr(function, "declared") and function.__module__ == module:
            text = scope.__doc__ if function.__name__ == "__init__" else checks.unchecked(function).__doc__
            yield f"{module}.{function.__qualname__}", function, " ".join((text or "").split())


DECLARED = {
    name: (function, text)
    for family in (nn, gan, vae, flow, diffusion)
    for found in pkgutil.walk_packages(family.__path__, f"{family.__name__}.")
    for name, function, text in declared_in(importlib.import_module(found.name), found.name)
}


def test_every_declared_function_of_the_package_says_what_it_declares():
    assert len(DECLARED) > 300
    for name, (function, _) in DECLARED.items():
        if checks.unchecked(function).__doc__ or function.__name__ == "__init__":
            _, _, sentence = " ".join(function.__doc__.split()).rpartition("Raises ValueError unless ")
            assert sentence.endswith("."), name
            assert all(re.search(rf"\b{argument}\b", sentence) for argument in function.declared), name
            assert max(map(len, function.__doc__.splitlines())) <= 120, name


def repeated(function, text: str) -> list[str]:
    """The sentences of a handwritten docstring on what is refused that a declaration says already."""
    names, found = set(inspect.signature(function).parameters), []
    for sentence in re.findall(r"(?:Raises )?ValueError[^.]*(?:\.\.\.[^.]*|\.\w[^.]*)*\.", text):
        of = {name for name in names if re.search(rf"\b{name}\b", sentence)} or names
        for name in of & function.declared.keys():
            words = " ".join(filter(None, checks._words(function.declared[name]) or ()))
            for word in ("finite", "positive", "negative", "whole number", "enerator"):
                if word in sentence and word in words:
                    found.append(f"{name}: {sentence}")
    return found


def test_no_docstring_repeats_what_is_declared():
    @checks.checked(x="N", c=checks.positive)
    def f(x, y, c): ...

    assert repeated(f, "ValueError: x is not finite.") and repeated(
        f, "Raises ValueError for scores that are not finite."
    )
    assert not repeated(f, "It is finite. ValueError: y is not finite. Raises ValueError if x has another mean.")
    assert [line for function, text in DECLARED.values() for line in repeated(function, text)] == []
