"""Work shared between two threads gives what one thread gives, in a fixed order, and errors come through."""

import os
import threading
import time
from typing import NamedTuple

import autograd.numpy as anp
import numpy as np
import pytest

from minigen.nn import MLP
from minigen.tensor import leaves, parallel, parallel_call, parallel_value_and_grad, runtime, value_and_grad
from minigen.tensor.linear import _product
from minigen.tensor.parallel import in_halves


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr(parallel, "CORES", 2)


def threads_of(n, **options):
    return in_halves(lambda part: (part, threading.get_ident()), n, **options)


@pytest.mark.parametrize("n", [2, 3, 7, 100])
def test_the_halves_cover_everything_in_order(n):
    (first, mine), (second, other) = threads_of(n)
    assert [*range(n)[first], *range(n)[second]] == list(range(n)) and mine == threading.get_ident() != other


def test_no_second_thread_for_little_work_for_one_example_or_on_one_core(monkeypatch):
    me = threading.get_ident()
    assert threads_of(8, worth_it=False) == [(slice(0, 8), me)]
    assert threads_of(1) == [(slice(0, 1), me)] and threads_of(0) == [(slice(0, 0), me)]
    monkeypatch.setattr(parallel, "CORES", 1)
    assert threads_of(8) == [(slice(0, 8), me)]


def test_a_half_is_not_halved_again_but_the_next_work_is():
    inner = in_halves(lambda part: len(in_halves(lambda p: None, 10)), 10)
    assert inner == [1, 1] and len(threads_of(4)) == 2


def test_no_second_thread_while_the_runtime_is_switched_off():
    me = threading.get_ident()
    runtime.restore()
    try:
        assert threads_of(8) == [(slice(0, 8), me)]
    finally:
        runtime.apply()
    assert len(threads_of(8)) == 2


@pytest.mark.parametrize("failing", [0, 5], ids=["first half", "second half"])
def test_an_error_comes_through_after_both_halves_have_ended(failing):
    ended = []

    def work(part):
        if part.start == failing:
            raise ArithmeticError("a half failed")
        time.sleep(0.05)
        ended.append(part)

    with pytest.raises(ArithmeticError, match="a half failed"):
        in_halves(work, 10)
    assert len(ended) == 1
    assert len(threads_of(4)) == 2  # and nothing is left marked as running


def test_a_forked_process_gets_a_thread_of_its_own():
    threads_of(4)
    pid = os.fork()
    if pid == 0:
        os._exit(0 if len(threads_of(4)) == 2 else 1)
    end = time.monotonic() + 600
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        time.sleep(0.05)
    else:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        pytest.fail("the child waits for a thread that it does not have")
    assert os.waitstatus_to_exitcode(status) == 0


def test_a_shared_product_is_the_product(monkeypatch):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((301, 40)), rng.standard_normal((40, 7))
    whole = [_product(a, b), _product(b.T, a.T)]
    monkeypatch.setitem(_product.__globals__, "SHARED", 0)
    for got, expected in zip([_product(a, b), _product(b.T, a.T)], whole, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)
    assert _product(a.astype(np.float32), b.astype(np.float32)).dtype == np.float32


# --------------------------------------------------------------------- gradients on two threads


class Terms(NamedTuple):
    fit: object
    each: object


RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((7, 3), dtype=np.float32), RNG.integers(0, 5, 7)


def net():
    return MLP(np.random.default_rng(1), [3, 8, 2], activation="silu")


def with_aux(net, x, y, nothing):
    """A mean over the batch, and everything that aux may hold."""
    assert nothing is None
    out = net(x)  # (N, 2)
    each = anp.sum(out**2, axis=1)  # (N,)
    value = anp.mean(each)
    aux = {
        "terms": Terms(value, each),
        "list": [out, y, (x[:, 0], None)],
        "numbers": (anp.mean(x), 3, 2.5, np.mean(y), np.array(np.mean(y))),
        "name": "squares",
        "flag": True,
    }
    return value, aux


def assert_close(a, b):
    assert type(a) is type(b) or not isinstance(a, (dict, list, tuple, str, bool, type(None)))
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_close(a[key], b[key])
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b):
            assert_close(x, y)
    elif isinstance(a, (str, bool, type(None))):
        assert a == b
    else:
        assert np.shape(a) == np.shape(b)
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_what_is_returned_beside_the_loss_is_that_of_the_whole_batch(n):
    (value, aux), grads = parallel_value_and_grad(with_aux, has_aux=True)(net(), X[:n], Y[:n], None)
    (value1, aux1), grads1 = value_and_grad(with_aux, has_aux=True)(net(), X[:n], Y[:n], None)
    assert value == pytest.approx(value1, rel=1e-6) and value.dtype == np.float32
    assert_close(aux, aux1)
    assert aux["list"][1].dtype == Y.dtype and np.array_equal(aux["list"][1], Y[:n])  # whole numbers stay so
    assert aux["terms"].each.dtype == np.float32 and isinstance(aux["terms"].each, np.ndarray)
    for a, b in zip(leaves(grads), leaves(grads1), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_the_same_bits_every_time_and_with_or_without_aux():
    first, second = (parallel_value_and_grad(with_aux, has_aux=True)(net(), X, Y, None) for _ in range(2))
    plain = parallel_value_and_grad(lambda *args: with_aux(*args)[0])(net(), X, Y, None)
    assert first[0][0] == second[0][0] == plain[0]
    for a, b, c in zip(leaves(first[1]), leaves(second[1]), leaves(plain[1]), strict=True):
        assert np.array_equal(a, b) and np.array_equal(a, c)


@pytest.mark.parametrize(
    "aux, message",
    [
        (lambda out: out.T, r"must have the batch for their first axis, 3 and 4 .* got shapes \(2, 3\) and \(2, 4\)"),
        (lambda out: anp.sum(out, axis=0), r"must have the batch for their first axis, .* got shapes \(2,\)"),
        (lambda out: {"n": object()}, "aux may hold arrays, numbers, None and strings, got object"),
        (lambda out: str(len(out)), "aux must be the same for both halves of a batch, got '3' and '4'"),
        (lambda out: [0.0] * len(out), "results differ: list of length 3 and list of length 4"),
        (lambda out: {"a": 1} if len(out) == 3 else {"b": 1}, "results differ"),
    ],
)
def test_what_cannot_be_joined_is_refused(aux, message):
    def loss(net, x):
        out = net(x)
        return anp.mean(out**2), aux(out)

    with pytest.raises(ValueError, match=message):
        parallel_value_and_grad(loss, has_aux=True)(net(), X)


@pytest.mark.parametrize(
    "batch, message",
    [
        ((), "the arrays of a batch must have one length, got no array"),
        ((None,), "the arrays of a batch must have one length, got no array"),
        ((X, Y[:3]), r"the arrays of a batch must have one length, got \[3, 7\]"),
        ((X, 0.5), "a batch must be arrays whose first axis is the batch, or None, got float"),
    ],
)
def test_batches_that_cannot_be_halved(batch, message):
    with pytest.raises(ValueError, match=message):
        parallel_value_and_grad(lambda net, *batch: anp.mean(net(X)))(net(), *batch)


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_a_parallel_call_is_the_call(n):
    seen = []

    def fn(x, y, none):
        seen.append((len(x), threading.current_thread().name, none))
        return {"sum": x.sum(axis=1), "both": (x * 2, y)}

    found = parallel_call(fn)(X[:n], Y[:n], None)
    np.testing.assert_array_equal(found["sum"], X[:n].sum(axis=1))
    np.testing.assert_array_equal(found["both"][0], X[:n] * 2)
    np.testing.assert_array_equal(found["both"][1], Y[:n])
    assert all(none is None for *_, none in seen)
    halves = parallel.CORES > 1 and n > 1
    assert sorted(size for size, *_ in seen) == ([n // 2, n - n // 2] if halves else [n])
    assert len({thread for _, thread, _ in seen}) == 1 + halves


def test_a_parallel_call_refuses_arrays_of_different_lengths():
    with pytest.raises(ValueError, match=r"the arrays of a batch must have one length, got \[3, 7\]"):
        parallel_call(lambda x, y: x)(X, Y[:3])
