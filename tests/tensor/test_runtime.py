"""minigen's first work changes the process as documented; switched off, it changes nothing, and the same values come
out. Each state is tried in a process of its own. (`test_guest.py`: what never changes.)"""

import json
import os
import platform
import subprocess
import sys

import autograd
import numpy as np
import pytest
from autograd import tracer

from minigen.tensor import runtime, value_and_grad

STATE = """
import itertools, json, sys, threading
import numpy as np
from threadpoolctl import threadpool_info
from autograd import tracer

def blas():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

sizes = itertools.count(1 << 26, 1 << 26)  # each larger than what an earlier block can have left free in the heap

def in_heap():  # whether a large block comes from the heap rather than from a mapping of its own
    block = np.empty(next(sizes), np.uint8)  # above the 32 MB up to which glibc moves its threshold by itself
    for line in open("/proc/self/maps") if sys.platform == "linux" else ():
        if "[heap]" in line:
            low, high = (int(end, 16) for end in line.split()[0].split("-"))
            return low <= block.ctypes.data < high

def state():
    return {"blas": blas(), "counter": type(tracer.trace_stack).__module__, "heap": in_heap()}

before = state()
"""

VALUES = """
import minigen.tensor as T
from minigen.tensor import runtime
import autograd.numpy as anp
from minigen import nn

imported = state()
rng = np.random.default_rng(0)

class Net(nn.Module):
    def __init__(self):
        self.conv, self.norm = nn.Conv2d(rng, 2, 16, 3, padding=1), nn.GroupNorm(4, 16, activation="silu")
        self.up, self.out = nn.ConvTranspose2d(rng, 16, 4, 4, 2, 1), nn.Linear(rng, 4, 3)

    def __call__(self, x):
        h = T.max_pool2d(self.norm(self.conv(x)), 2)  # (N, 8, 8, 16)
        h = self.out(self.up(h))[:, 1:, ::2]  # (N, 15, 8, 3)
        return anp.mean(h**2, axis=(1, 2)) + anp.sum(h / (1 + anp.exp(h)), axis=(1, 2))

net, x = Net(), rng.standard_normal((32, 16, 16, 2), dtype=np.float32)

def loss(net, x):
    return anp.mean(net(x) * np.arange(3, dtype=np.float32))

def penalty(net):
    slopes = T.grad(lambda x: anp.sum(net(x)))(x[:4])
    return anp.mean(slopes**2)

def failing(x):
    raise ArithmeticError

values = [T.value_and_grad(loss)(net, x), T.parallel_value_and_grad(loss)(net, x), T.value_and_grad(penalty)(net)]
values.append(T.jacobian(lambda x: anp.sum(x**3, axis=0)[::2])(rng.standard_normal((3, 4))))
depth = tracer.trace_stack.top
try:
    T.grad(failing)(x)
except ArithmeticError:
    pass
assert tracer.trace_stack.top == depth
numbers = [float(v) for value in values for leaf in T.leaves(value) for v in np.ravel(leaf)[:200]]
numbers += [float(values[0][0]), float(values[1][0]), float(values[2][0])]
dtypes = sorted({str(a.dtype) for value in values[:3] for a in T.leaves(value[1])})
after = state()
threads = threading.active_count()
runtime.restore()
restored = state()
runtime.apply()
again = state()
print(json.dumps({"before": before, "imported": imported, "after": after, "restored": restored, "again": again,
                  "threads": threads, "numbers": numbers, "dtypes": dtypes, "applied": runtime.applied}))
"""


def run(switch):
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}
    environment.pop(runtime.SWITCH, None)
    if switch is not None:
        environment[runtime.SWITCH] = switch
    done = subprocess.run([sys.executable, "-c", STATE + VALUES], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def on():
    return run(None)


@pytest.fixture(scope="module")
def off():
    return run("off")


def test_the_first_work_changes_what_is_documented_and_the_import_nothing(on):
    assert on["imported"] == on["before"]
    assert on["after"]["blas"] == [1] * len(on["before"]["blas"])
    assert on["after"]["counter"] == "minigen.tensor.tracing" and on["before"]["counter"] == "autograd.tracer"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is set on glibc only")
def test_large_blocks_come_from_the_heap(on, off):
    assert not on["before"]["heap"] and on["after"]["heap"]
    assert not off["after"]["heap"]


def test_switched_off_the_import_changes_nothing_and_starts_no_thread(off):
    assert off["after"] == off["before"]
    assert off["threads"] == 1


def test_restore_and_apply_go_back_and_forth(on, off):
    for found in (on, off):
        assert found["restored"] == found["before"] and found["applied"]
        assert found["again"]["counter"] == "minigen.tensor.tracing" and set(found["again"]["blas"]) <= {1}


def test_both_states_compute_the_same_values_in_float32(on, off):
    assert on["dtypes"] == off["dtypes"] == ["float32"]
    assert len(on["numbers"]) > 1000
    np.testing.assert_allclose(off["numbers"], on["numbers"], rtol=2e-4, atol=1e-6)


def test_another_word_in_the_switch_is_an_error(monkeypatch):
    monkeypatch.setenv(runtime.SWITCH, "maybe")
    monkeypatch.setattr(runtime, "begun", False)
    with pytest.raises(ValueError, match="MINIGEN_RUNTIME must be on or off, got 'maybe'"):
        value_and_grad(lambda x: x * x)(2.0)


def test_applying_twice_is_applying_once():
    runtime.apply()
    undo = list(runtime._undo)
    runtime.apply()
    assert runtime._undo == undo and len(undo) == 3


FIRST = {
    "a derivative": "T.grad(lambda x: x * x)(2.0)",
    "an operation": "T.linear(np.ones((2, 2)), np.ones((2, 2)))",
    "two threads": "parallel.in_halves(lambda part: None, 8)",
}
BEGIN = """
import numpy as np
import minigen.tensor as T
from minigen.tensor import parallel, runtime
parallel.CORES = 2
before = runtime.applied
{}
print(before, runtime.applied)
"""


@pytest.mark.parametrize("first", FIRST)
def test_what_the_first_work_may_be(first):
    done = subprocess.run([sys.executable, "-c", BEGIN.format(FIRST[first])], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "True"], done.stderr


def test_no_work_begins_what_was_taken_back():
    code = "runtime.restore()\n" + FIRST["a derivative"]
    done = subprocess.run([sys.executable, "-c", BEGIN.format(code)], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"], done.stderr


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is set on glibc only")
def test_restored_thresholds_are_those_to_which_glibc_moves_them():
    """Blocks of up to 32 MB come from the heap, as in a program that has freed such a block; larger ones do not."""
    code = """
import numpy as np
from minigen.tensor import runtime
def in_heap(size):
    block = np.empty(size, np.uint8)
    for line in open("/proc/self/maps"):
        if "[heap]" in line:
            low, high = (int(end, 16) for end in line.split()[0].split("-"))
            return low <= block.ctypes.data < high
runtime.apply()
runtime.restore()
print(in_heap(2**20), in_heap(16 * 2**20), in_heap(48 * 2**20))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["True", "True", "False"], done.stderr


def test_the_counter_is_exchanged_in_the_middle_of_a_derivative():
    """And taken back in the middle of one: the numbers go on."""
    seen = []

    def inside(x):
        runtime.apply()
        seen.append(value_and_grad(lambda y: y**2 * x)(3.0)[1])
        runtime.restore()
        return seen[-1] * value_and_grad(lambda y: y * x)(3.0)[0]

    runtime.restore()
    depth = tracer.trace_stack.top  # -1, unless a derivative has failed before
    try:
        assert autograd.grad(inside)(2.0) == 6 * 3 * 2 * 2.0  # of 6 x times 3 x
        assert tracer.trace_stack.top == depth and type(tracer.trace_stack) is tracer.TraceStack
    finally:
        runtime.apply()
    assert tracer.trace_stack.top == depth


def test_a_failing_derivative_of_autograd_gives_its_number_back():
    depth = tracer.trace_stack.top
    with pytest.raises(ZeroDivisionError):
        autograd.grad(lambda x: 1 / 0)(2.0)
    assert tracer.trace_stack.top == depth


def test_threads_of_blas_for_a_while():
    """Of the pools that were there when the changes were made; SciPy's own, loaded later, makes no difference."""
    import scipy.linalg  # noqa: F401

    def threads():
        return {pool["num_threads"] for pool in runtime._blas().info() if pool["user_api"] == "blas"}

    assert threads() == {1}
    with runtime.blas_threads(2):
        assert threads() == {2}
    assert threads() == {1}
