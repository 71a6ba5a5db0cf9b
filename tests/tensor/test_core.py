"""value_and_grad and its companions: trees, nesting, threads, exceptions, dtypes."""

import gc
import threading
import weakref

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

from minigen.nn import MLP
from minigen.tensor import (
    grad,
    jacobian,
    leaves,
    like,
    linear,
    named_leaves,
    parallel_value_and_grad,
    stop_gradient,
    tree_map,
    value_and_grad,
)


def test_every_kind_of_tree():
    def f(tree):
        return tree["a"] * 3 + anp.sum(tree["b"][0] ** 2) + tree["b"][1][0]

    tree = {"a": 2.0, "b": (np.array([1.0, 2.0]), [np.float32(4.0)]), "n": 7, "s": "text", "i": np.arange(3)}
    value, grads = value_and_grad(f)(tree)
    assert value == 6 + 5 + 4
    assert grads["a"] == 3 and grads["b"][1][0] == 1 and isinstance(grads["b"], tuple)
    np.testing.assert_array_equal(grads["b"][0], [2, 4])
    assert grads["n"] == 7 and grads["s"] == "text"
    assert [name for name, _ in named_leaves(tree)] == ["a", "b.0", "b.1.0"]
    assert len(leaves(tree)) == 3
    value, g = value_and_grad(lambda x, y: x * y)(3.0, 5.0)
    assert (value, g) == (15, 5)


def test_unused_leaves_get_zeros_and_constants_too():
    value, grads = value_and_grad(lambda t: t[0].sum())([np.ones(2, np.float32), np.ones((3, 1), np.float32)])
    np.testing.assert_array_equal(grads[1], np.zeros((3, 1)))
    value, g = value_and_grad(lambda x: 7.0)(np.ones(2, np.float32))
    assert value == 7.0 and not np.any(g) and g.dtype == np.float32  # of an array, a constant is a function


def test_one_array_used_often_collects_every_contribution():
    x = np.array([1.0, 2.0, 3.0])
    g = grad(lambda x: anp.sum(x * x * x) + anp.sum(x) + x[0] + x[0] + anp.sum(x[1:]))(x)
    np.testing.assert_allclose(g, 3 * x**2 + 1 + np.array([2, 1, 1]))


def test_the_callers_arrays_are_not_touched():
    x = np.array([1.0, 2.0])
    g = grad(lambda x: anp.sum(x) + anp.sum(x) + anp.sum(x))(x)
    again = grad(lambda x: anp.sum(x) + anp.sum(x) + anp.sum(x))(x)
    np.testing.assert_array_equal(x, [1, 2])
    np.testing.assert_array_equal(g, again)


def test_auxiliary_output():
    (value, aux), grads = value_and_grad(lambda x: (anp.sum(x**2), {"double": 2 * x, "n": 3}), has_aux=True)(np.ones(2))
    assert value == 2 and aux["n"] == 3 and isinstance(aux["double"], np.ndarray)
    np.testing.assert_array_equal(grads, [2, 2])


def test_bad_functions_and_trees():
    with pytest.raises(ValueError, match=r"scalar, got shape \(2,\)"):
        value_and_grad(lambda x: x * 2)(np.ones(2))
    with pytest.raises(ValueError, match="no float array"):
        value_and_grad(lambda x: 1.0)({"a": np.arange(3)})


BOTH = pytest.mark.parametrize("differentiate", [value_and_grad, parallel_value_and_grad])
BATCH = np.ones((4, 3), np.float32)


def small_net():
    return MLP(np.random.default_rng(0), [3, 4, 1])


@BOTH
def test_a_loss_that_ignores_the_model_it_is_given_is_an_error(differentiate):
    net = small_net()
    with pytest.raises(ValueError, match="must depend on the MLP that it is given, .* a model from outside"):
        differentiate(lambda model, x: anp.mean(net(x)))(net, BATCH)
    with pytest.raises(ValueError, match="must depend on the list that it is given"):
        differentiate(lambda models, x: anp.mean(net(x)))([net, small_net()], BATCH)
    with pytest.raises(ValueError, match="must depend on the MLP"):
        differentiate(lambda model, x: (anp.mean(net(x)), model(x)), has_aux=True)(net, BATCH)


@BOTH
def test_a_loss_may_ignore_some_parameters_and_a_gradient_may_be_zero(differentiate):
    net, other = small_net(), small_net()
    _, grads = differentiate(lambda pair, x: anp.mean(pair[0](x)))([net, other], BATCH)
    assert np.any(grads[0].layers[1].w) and not any(np.any(g) for g in leaves(grads[1]))
    net.layers[1].w[...] = 0
    value, grads = differentiate(lambda model, x: 0 * anp.mean(model(x)))(net, BATCH)
    assert value == 0 and not any(np.any(g) for g in leaves(grads))
    net.layers[0].freeze()
    _, grads = differentiate(lambda model, x: anp.mean(model(x)))(net, BATCH)
    assert list(grads.parameters()) == ["layers.1.w", "layers.1.b"]


@BOTH
@pytest.mark.parametrize(
    "returned, has_aux, message",
    [
        (lambda loss: None, False, "must return a scalar, got None: is its `return` missing"),
        (lambda loss: (None, 1), True, "must return a scalar, got None"),
        (lambda loss: (loss, {"term": loss}), False, r"a tuple of 2; for \(scalar, anything\) set has_aux=True"),
        (lambda loss: (loss, 1, 2), False, "must return a scalar, got a tuple of 3$"),
        (lambda loss: loss, True, r"with has_aux=True the function must return \(scalar, anything\), got float32"),
        (lambda loss: (loss, 1, 2), True, r"must return \(scalar, anything\), got a tuple of 3"),
        (lambda loss: [loss], False, "must return a scalar, got list"),
        (lambda loss: {"loss": loss}, False, "must return a scalar, got dict"),
        (lambda loss: "loss", False, "must return a scalar, got str"),
        (lambda loss: loss * np.ones(2), False, r"must return a scalar, got shape \(2,\)"),
        (lambda loss: (loss * np.ones(2), 1), True, r"must return a scalar, got shape \(2,\)"),
    ],
)
def test_a_function_that_returns_something_else_is_told_so(differentiate, returned, has_aux, message):
    with pytest.raises(ValueError, match=message):
        differentiate(lambda model, x: returned(anp.mean(model(x))), has_aux=has_aux)(small_net(), BATCH)


def test_a_class_is_no_tree():
    for use in (value_and_grad(lambda m: 0.0), leaves, named_leaves):
        with pytest.raises(ValueError, match="must be an instance, got the class MLP: call it first"):
            use(MLP)


def assigns(x):
    x[0] = 1
    return anp.sum(x)


@pytest.mark.parametrize(
    "f, message",
    [
        (lambda x: float(anp.sum(x)), r"by float\(\) or int\(\): return it beside the loss"),
        (lambda x: int(x[0]) * anp.sum(x), r"by float\(\) or int\(\)"),
        (lambda x: np.concatenate([x, x]).sum(), "plain NumPy cannot compute .* `import autograd.numpy as np`"),
        (lambda x: np.linalg.norm(x), "plain NumPy cannot compute"),
        (lambda x: np.asarray(x).sum(), "plain NumPy cannot compute"),
        (assigns, "cannot be changed in place: make a new one"),
    ],
)
def test_what_a_traced_array_cannot_do_is_said_in_a_sentence(f, message):
    with pytest.raises(TypeError, match=message):
        value_and_grad(f)(np.ones(3))
    with pytest.raises(TypeError, match=message):  # in a derivative of a derivative as well
        grad(lambda x: anp.sum(grad(f)(x) ** 2))(np.ones(3))


def test_nested_derivatives_agree_with_calculus():
    x = np.array([0.3, -1.2])
    third = grad(lambda x: anp.sum(grad(lambda x: anp.sum(grad(lambda x: anp.sum(x**4))(x)))(x)))(x)
    np.testing.assert_allclose(third, 24 * x)


def test_a_gradient_penalty_of_a_quadratic():
    """f(x) = ½ xᵀA x has ∇f = A x and ‖∇f‖² = xᵀA²x, whose derivative by A is 2 (A x) xᵀ (A symmetric)."""
    A = np.array([[2.0, 0.5], [0.5, 1.0]])
    x = np.array([[1.0, -2.0]])

    def penalty(A):
        g = grad(lambda x: anp.sum(0.5 * x * linear(x, A)))(x)
        return anp.sum(g**2)

    g = grad(penalty)(A)
    sym = x @ (A + A.T) / 2
    np.testing.assert_allclose(g, x.T @ sym + sym.T @ x, rtol=1e-12)


def test_jacobian():
    """Eq. flow.01: J_ij = ∂f_i/∂x_j."""
    A = np.random.default_rng(0).standard_normal((3, 2))
    np.testing.assert_allclose(jacobian(lambda x: A @ x)(np.ones(2)), A)
    J = jacobian(lambda x: anp.outer(x, x))(np.array([1.0, 2.0]))
    assert J.shape == (2, 2, 2)
    np.testing.assert_allclose(J[0, 1], [2, 1])
    assert jacobian(lambda x: np.ones(3))(np.ones(2)).shape == (3, 2)
    hessian = jacobian(grad(lambda x: anp.sum(x**3)))(np.array([1.0, 2.0]))
    np.testing.assert_allclose(hessian, np.diag([6.0, 12.0]))


def test_stop_gradient():
    g = grad(lambda x: anp.sum(stop_gradient(x) * x))(np.array([3.0]))
    np.testing.assert_array_equal(g, [3])
    tree = stop_gradient([np.ones(2), {"a": 1}])
    assert tree[1]["a"] == 1


def test_like_changes_the_dtype_alone_and_lets_gradients_through():
    y, x = np.array([1.0, 2.0]), np.zeros(3, np.float32)
    assert like(y, y) is y and like(y, x).dtype == np.float32 and like(x, y).dtype == np.float64
    np.testing.assert_array_equal(like(y, x), [1, 2])
    g = grad(lambda y: anp.sum(like(y, x) ** 2))(y)
    assert g.dtype == np.float64  # that of y
    np.testing.assert_array_equal(g, [2, 4])


def test_an_exception_inside_leaves_no_trace_behind():
    from autograd import tracer

    def fails(x):
        raise RuntimeError("inside two traces")

    before = tracer.trace_stack.top
    with pytest.raises(RuntimeError):
        grad(lambda x: grad(fails)(x))(np.ones(1))
    assert tracer.trace_stack.top == before
    np.testing.assert_array_equal(grad(lambda x: anp.sum(x**2))(np.ones(2)), [2, 2])


def test_autograds_own_grad_sees_the_primitives():
    w = np.random.default_rng(0).standard_normal((3, 2))
    x = np.ones((4, 3))

    def f(w):
        return anp.sum(linear(x, w, activation="silu") ** 2)

    np.testing.assert_allclose(autograd.grad(f)(w), grad(f)(w))


def test_float64_scalars_do_not_poison_float32_gradients():
    x = np.ones(3, np.float32)
    for f in (
        lambda x: anp.sum(x * 2.0) / np.float64(3),
        lambda x: anp.sum(anp.var(x) + anp.std(x + np.array([0, 1, 2], np.float32))),
        lambda x: anp.mean(anp.exp(x)) * np.float64(2),
    ):
        assert grad(f)(x).dtype == np.float32


def test_a_slice_keeps_its_dtype_under_autograds_own_grad():
    def poisoned(x):
        return anp.sum(x[1:] * np.float64(2)) / np.float64(3)

    assert autograd.grad(poisoned)(np.ones(3, np.float32)).dtype == np.float32


@pytest.mark.parametrize("n", [3, 2, 1, 0, -1, 0.5, 2.5, np.float64(2), np.array([1.0, 2.0, 3.0])])
def test_powers_have_their_derivatives_and_keep_float32(n):
    """Where the exponent is a plain number the gradient takes a shortcut; elsewhere autograd's own rule stands."""
    x = np.array([[0.5, 1.0, 2.0], [1.5, 0.1, 3.0]])

    def slope(x):
        return grad(lambda x: anp.sum(x**n))(x)

    np.testing.assert_allclose(slope(x), n * x ** (np.asarray(n) - 1.0), rtol=1e-12)
    curvature = grad(lambda x: anp.sum(slope(x)))(x)
    np.testing.assert_allclose(curvature, n * (np.asarray(n) - 1) * x ** (np.asarray(n) - 2.0), rtol=1e-12, atol=1e-12)
    assert slope(x.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(grad(lambda n: anp.sum(x**n))(3.0), np.sum(x**3 * np.log(x)))  # and in the exponent


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (-1, -2), 1])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("reduce", [anp.sum, anp.mean])
def test_sums_and_means_spread_their_gradient(reduce, axis, keepdims):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, 4))
    weight = rng.standard_normal(np.sum(x, axis=axis, keepdims=keepdims).shape)
    g = grad(lambda x: anp.sum(weight * reduce(x * x, axis=axis, keepdims=keepdims)))(x)
    spread = weight if keepdims or axis is None else np.expand_dims(weight, axis)
    count = 1 if reduce is anp.sum else x.size / weight.size
    np.testing.assert_allclose(g, 2 * x * spread / count, rtol=1e-12)


@pytest.mark.parametrize("shape", [(3, 4), (4,), (1, 4), (3, 1), (1, 1), (1,), ()])
def test_a_broadcast_operand_gets_the_sum_of_its_gradients(shape):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(1, 2, (3, 4)), rng.uniform(1, 2, shape)
    for f, in_y in (
        (lambda x, y: x + y, np.ones_like(x)),
        (lambda x, y: x - y, -np.ones_like(x)),
        (lambda x, y: x * y, x),
        (lambda x, y: x / y, -x / y**2),
    ):
        weight = rng.standard_normal(x.shape)
        g = grad(lambda y: anp.sum(weight * f(x, y)))(y)
        expected = (weight * in_y).sum(axis=tuple(range(x.ndim - y.ndim)))
        expected = expected.sum(
            axis=tuple(i for i, n in enumerate(shape) if n == 1 and expected.shape[i] > 1), keepdims=True
        )
        np.testing.assert_allclose(g, expected.reshape(shape), rtol=1e-12)
        assert np.shape(g) == shape
    complex_g = autograd.grad(lambda y: anp.real(anp.sum((1 + 2j) * y * x)))(np.ones_like(x))
    np.testing.assert_allclose(complex_g, x)  # what passes complex numbers on the way ends real


def test_boxes_tell_their_shape_and_rank():
    seen = []
    grad(lambda x: seen.append((x.shape, x.ndim, np.shape(x))) or anp.sum(x))(np.ones((2, 3)))
    grad(lambda x: seen.append((x.shape, x.ndim)) or x)(2.0)
    assert seen == [((2, 3), 2, (2, 3)), ((), 0)]


def test_threads_differentiate_independently():
    results = {}

    def work(seed):
        x = np.random.default_rng(seed).standard_normal(50)

        def f(x):
            return anp.sum(grad(lambda x: anp.sum(anp.sin(x) ** 2))(x) ** 2)

        results[seed] = [np.max(np.abs(grad(f)(x) - 2 * np.sin(2 * x) * 2 * np.cos(2 * x))) for _ in range(20)]

    threads = [threading.Thread(target=work, args=(s,)) for s in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(results) == 4 and max(max(r) for r in results.values()) < 1e-12


def test_two_halves_equal_the_whole():
    rng = np.random.default_rng(0)
    net = MLP(rng, [3, 8, 1], activation="silu")
    x, y = rng.standard_normal((7, 3)).astype(np.float32), rng.standard_normal((7, 1)).astype(np.float32)

    def loss(f, x, y):
        return anp.mean((f(x) - y) ** 2)

    value, grads = value_and_grad(loss)(net, x, y)
    value2, grads2 = parallel_value_and_grad(loss)(net, x, y)
    assert value2 == pytest.approx(value, rel=1e-6) and value2.dtype == np.float32
    for (name, a), (_, b) in zip(named_leaves(grads), named_leaves(grads2), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6, err_msg=name)
        assert b.dtype == np.float32
    value3, grads3 = parallel_value_and_grad(loss)(net, x, y)
    assert value3 == value2 and all(np.array_equal(a, b) for a, b in zip(leaves(grads2), leaves(grads3), strict=True))
    with pytest.raises(ValueError, match="one length"):
        parallel_value_and_grad(loss)(net, x, y[:3])


def test_activations_are_freed_when_the_step_is_done():
    seen = []

    def f(x):
        y = x * 2
        seen.append(weakref.ref(y._value))
        return anp.sum(y**2)

    value_and_grad(f)(np.ones(3))
    gc.collect()
    assert seen[0]() is None


def test_tree_map_keeps_structure_and_refuses_another():
    tree = {"a": [np.ones(2), np.zeros(1)], "b": 3}
    doubled = tree_map(lambda x, y: x + y, tree, tree)
    np.testing.assert_array_equal(doubled["a"][0], [2, 2])
    with pytest.raises(ValueError, match="trees differ"):
        tree_map(lambda x, y: x, tree, {"a": [np.ones(2)], "b": 3})
    with pytest.raises(ValueError, match="trees differ"):
        tree_map(lambda x, y: x, tree, {"a": tree["a"]})
