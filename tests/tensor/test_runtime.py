"""Importing minigen.tensor changes the process as documented; switched off, it changes nothing, and the same values
come out. Each state is tried in a process of its own."""

import json
import os
import platform
import subprocess
import sys

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

from minigen.tensor import runtime

STATE = """
import itertools, json, sys, threading
import autograd.numpy as anp
import numpy as np
from threadpoolctl import threadpool_info
from autograd import tracer, core
from autograd.numpy import numpy_vjps, numpy_wrapper
from autograd.numpy.numpy_boxes import ArrayBox

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
    return {"blas": blas(), "stack": type(tracer.trace_stack).__module__, "heap": in_heap(),
            "rules": sorted(f"{f.__name__} {rule.__module__}"
                            for f, rule in core.primitive_vjps.items() if not hasattr(rule, "func")),
            "refusals": sum(hasattr(rule, "func") for rule in core.primitive_vjps.values()),
            "unbroadcast": numpy_vjps.unbroadcast_f.__module__, "shape": ArrayBox.shape.fget.__module__,
            "full_like": anp.full_like.__module__, "reshape": ArrayBox.reshape.__module__,
            "functions": {f"{home.__name__}.{name}": id(f) for home in (anp, numpy_wrapper, ArrayBox)
                          for name, f in vars(home).items() if not name.startswith("__") or name == "__getitem__"},
            "ufuncs": {str(raw): id(f) for raw, f in tracer.trace_primitives_map.items()},
            "lean": sorted(name for name, f in vars(anp).items() if getattr(f, "__module__", "") == CALLS),
            "refused": [hasattr(ArrayBox, name) for name in REFUSED]}

CALLS = "minigen.tensor.calls"
REFUSED = ("__float__", "__int__", "__array__", "__setitem__", "__getattr__")
before = state()
"""

VALUES = """
import minigen.tensor as T
from minigen.tensor import runtime
import autograd.numpy as anp
from minigen import nn

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
print(json.dumps({"before": before, "after": after, "restored": restored, "again": again, "threads": threads,
                  "numbers": numbers, "dtypes": dtypes, "applied": runtime.is_applied()}))
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


def test_the_import_changes_what_is_documented(on):
    assert on["after"]["blas"] == [1] * len(on["before"]["blas"])
    assert {on["after"][name] for name in ("stack", "shape", "reshape")} == {"minigen.tensor.runtime"}
    assert {on["after"][name] for name in ("unbroadcast", "full_like")} == {"minigen.tensor.rules"}
    replaced = {rule.split()[0] for rule in on["after"]["rules"] if rule.endswith(" minigen.tensor.rules")}
    assert {"mean", "sum", "power", "__getitem__", "var", "where", "cumprod", "norm"} <= replaced
    assert {"add", "subtract", "multiply", "divide", "true_divide", "power", "reshape"} <= set(on["after"]["lean"])
    assert on["after"]["refusals"] > 100 and on["before"]["refusals"] == 0
    assert all(on["after"]["refused"]) and not any(on["before"]["refused"])
    assert all("minigen" not in str(value) for value in on["before"].values())


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
        assert found["again"]["stack"] == "minigen.tensor.runtime" and set(found["again"]["blas"]) <= {1}
        assert found["again"]["rules"] == on["after"]["rules"] and found["again"]["lean"] == on["after"]["lean"]


def test_both_states_compute_the_same_values_in_float32(on, off):
    assert on["dtypes"] == off["dtypes"] == ["float32"]
    assert len(on["numbers"]) > 1000
    np.testing.assert_allclose(off["numbers"], on["numbers"], rtol=2e-4, atol=1e-6)


def test_another_word_in_the_switch_is_an_error(monkeypatch):
    monkeypatch.setenv(runtime.SWITCH, "maybe")
    with pytest.raises(ValueError, match="MINIGEN_RUNTIME must be on or off, got 'maybe'"):
        runtime.apply_unless_switched_off()


def test_applying_twice_is_applying_once():
    rule = runtime.autograd_core.primitive_vjps[anp.sum]
    runtime.apply()
    assert runtime.autograd_core.primitive_vjps[anp.sum] is rule and len(runtime._undo) == 4


def test_a_mean_keeps_float32_under_autograds_own_grad():
    """Also where the mean's gradient is not narrowed again by a node of ours."""
    assert autograd.grad(lambda x: anp.mean(x * x))(np.ones(3, np.float32)).dtype == np.float32


def test_threads_of_blas_for_a_while():
    """Of the pools that were there when the changes were made; SciPy's own, loaded later, makes no difference."""
    import scipy.linalg  # noqa: F401

    def threads():
        return {pool["num_threads"] for pool in runtime._blas().info() if pool["user_api"] == "blas"}

    assert threads() == {1}
    with runtime.blas_threads(2):
        assert threads() == {2}
    assert threads() == {1}
