"""Work shared between two threads gives what one thread gives, in a fixed order, and errors come through."""

import os
import threading
import time

import numpy as np
import pytest

from minigen.tensor import parallel
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
    for _ in range(200):
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
