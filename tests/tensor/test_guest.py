"""minigen leaves autograd, NumPy, BLAS and the allocator as they are at its import, and autograd's functions, rules and
results for everybody else also after it has trained. (`.ci/run` has autograd's own tests run after a training.)"""

import json
import subprocess
import sys

import pytest

STATE = """
import json, sys
import autograd, autograd.numpy as anp, numpy as np, scipy.linalg
from threadpoolctl import threadpool_info
from autograd import core, tracer, builtins
from autograd.numpy import linalg, numpy_boxes, numpy_vjps, numpy_wrapper

# minigen may define functions of its own
known = {"rules": set(core.primitive_vjps), "forward": set(core.primitive_jvps),
         "wrapped": set(tracer.trace_primitives_map), "constant": set(tracer.notrace_primitives[core.VJPNode])}

def state():
    '''Everything that a library could replace in autograd and NumPy, by its identity.'''
    homes = [autograd, core, tracer, builtins, anp, linalg, numpy_boxes, numpy_vjps, numpy_wrapper, np, np.linalg]
    classes = [numpy_boxes.ArrayBox, builtins.SequenceBox, tracer.Box, core.VJPNode, tracer.TraceStack]
    names = {f"{home.__name__}.{name}": id(value) for home in homes + classes for name, value in vars(home).items()
             if name not in ("__warningregistry__", "__annotations__")}
    tables = {"rules": core.primitive_vjps, "forward": core.primitive_jvps, "wrapped": tracer.trace_primitives_map,
              "constant": dict.fromkeys(tracer.notrace_primitives[core.VJPNode])}
    tables = {name: {str(key): id(value) for key, value in table.items() if key in known[name]}
              for name, table in tables.items()}
    return {"names": names, **tables, "blas": [pool["num_threads"] for pool in threadpool_info()],
            "counter": type(tracer.trace_stack).__name__, "warnings": np.geterr()}

before = state()
"""

IMPORT = """
import minigen.tensor, minigen.train, minigen.nn, minigen.optim, minigen.flow.realnvp, minigen.zoo.workloads
imported = state()
boxes = dict(tracer.Box.type_mappings)
"""

TRAIN = """
sys.path.insert(0, CI)
import minigen_first
from minigen.tensor import runtime
trained = state()
runtime.restore()
restored = state()
print(json.dumps({"before": before, "imported": imported, "trained": trained, "restored": restored,
                  "boxes": sorted({str(box) for box in boxes.values()})}))
"""


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def states(request):
    folder = request.config.rootpath / ".ci"
    return json.loads(run(f"CI = {str(folder)!r}\n" + STATE + IMPORT + TRAIN))


def test_the_import_changes_nothing(states):
    assert states["imported"] == states["before"]
    assert not any("minigen" in box for box in states["boxes"])


def test_a_training_changes_no_function_no_rule_and_no_class_of_autograd(states):
    for name in ("names", "rules", "forward", "wrapped", "constant", "warnings"):
        assert states["trained"][name] == states["before"][name], name
    assert states["trained"]["counter"] != "TraceStack" and set(states["trained"]["blas"]) == {1}


def test_restore_brings_back_the_counter_and_the_threads(states):
    assert states["restored"] == states["before"]


# What plain autograd computes, right or wrong, and refuses: the same before and after.
PLAIN = """
import contextlib, io, warnings
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
x, y, M = rng.standard_normal(8), rng.standard_normal(8), rng.standard_normal((3, 4))
Z = np.ones((3, 4)); Z[1, 2] = 0
grad = autograd.grad
PROGRAMS = {
    "spectrum": lambda: grad(lambda x: anp.linalg.norm(anp.fft.fft(x) - anp.fft.fft(y)))(x),
    "complex var": lambda: grad(lambda x: anp.var(anp.fft.fft(x)))(x),
    "complex outer": lambda: grad(lambda x: anp.real(anp.sum(anp.outer(x, 1j * x) ** 2)))(x),
    "forward over reverse": lambda: autograd.make_jvp(grad(lambda x: anp.sum(x[1:] ** 3)))(x)(y)[1],
    "forward over sort": lambda: autograd.make_jvp(grad(lambda x: anp.sum(anp.sort(x)[2:] ** 3)))(x)(y)[1],
    "hessian": lambda: autograd.hessian(lambda x: anp.sum(anp.tanh(x[1:] * x[:-1])))(x),
    "r_": lambda: grad(lambda x: anp.sum(anp.r_[x, 2 * x] ** 2))(x),
    "c_": lambda: grad(lambda x: anp.sum(anp.c_[x, x] ** 2))(x),
    "select": lambda: grad(lambda x: anp.sum(anp.select([y > 0], [x**2])))(x),
    "einsum": lambda: grad(lambda A: anp.sum(anp.einsum("ijk,iij,oik->ok", A, np.ones((2, 2, 3)), np.ones((5, 2, 4)))))(
        np.ones((2, 3, 4))),
    "power": lambda: grad(lambda x: anp.sum(x**3))(x.astype("f")),
    "tanh": lambda: grad(lambda x: anp.tanh(x))(1000.0),
    "mean": lambda: grad(lambda x: anp.mean(x * x))(x.astype("f")),
    "std of equal values": lambda: grad(lambda x: anp.sum(anp.std(x, axis=0)))(np.ones((3, 2))),
    "prod": lambda: grad(lambda x: anp.sum(anp.prod(x, axis=0)))(Z),
    "norm keepdims": lambda: grad(lambda x: anp.sum(anp.linalg.norm(x, axis=1, keepdims=True)))(M),
    "where broadcast": lambda: grad(lambda r: anp.sum(anp.where(M > 0, r, 0.0)))(M[0]),
    "transpose": lambda: grad(lambda x: anp.sum(anp.transpose(x, (-1, 0, 1)) * np.arange(27.0).reshape(3, 3, 3)))(
        np.ones((3, 3, 3))),
    "full_like": lambda: grad(lambda s: anp.sum(anp.full_like(M, s)) + s)(2.0),
    "take": lambda: grad(lambda x: anp.sum(anp.take(x, [0, 0])))(x),
    "median": lambda: grad(lambda x: anp.median(x))(x),
    "float": lambda: grad(lambda x: float(x[0]) * anp.sum(x))(x),
    "plain NumPy": lambda: grad(lambda x: np.concatenate([x, x]).sum())(x),
    "assignment": lambda: grad(lambda x: x.__setitem__(0, 1.0))(x),
    "item": lambda: grad(lambda x: x.item())(x),
    "method": lambda: grad(lambda x: anp.sum(x.reshape(2, 4).transpose(1, 0)[0]))(x),
    "own rule": lambda: own_rule(),
    "list": lambda: grad(lambda p: anp.sum(p[0] * p[1]["a"]))([x, {"a": y}])[1]["a"],
    "plain arrays": lambda: [anp.shape(M), anp.sum(M, axis=1), anp.exp(M), anp.reshape(M, (4, 3)), anp.stack([M, M])],
}

def own_rule():
    '''A rule that is defined now, after whatever came before.'''
    old = core.primitive_vjps[anp.exp]
    autograd.extend.defvjp(anp.exp, lambda ans, x: lambda g: 7 * g)
    try:
        return grad(lambda x: anp.sum(anp.exp(x)))(x)
    finally:
        core.primitive_vjps[anp.exp] = old

def results():
    found = {}
    for name, program in PROGRAMS.items():
        try:
            value = program()
            found[name] = [str(np.asarray(v).tolist()) + str(np.asarray(v).dtype) for v in
                           (value if isinstance(value, list) else [value])]
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"
        tracer.trace_stack.top = -1  # which an error leaves raised
    return found

first = results()
"""


def test_plain_autograd_computes_and_refuses_what_it_did(request):
    folder = request.config.rootpath / ".ci"
    code = f"CI = {str(folder)!r}\n" + STATE + PLAIN + "import minigen.tensor\nsecond = results()\n"
    code += "sys.path.insert(0, CI)\nimport minigen_first\nprint(json.dumps([first, second, results()]))"
    first, imported, trained = json.loads(run(code))
    assert first == imported == trained
    assert sum(isinstance(found, str) for found in first.values()) >= 5  # those that autograd refuses
    assert "TypeError" not in str(first["spectrum"]) and "nan" in str(first["std of equal values"])


def test_a_private_name_of_autograd_that_has_gone_stops_no_import():
    run("""
import autograd.numpy as anp
from autograd.numpy import linalg, numpy_wrapper
del anp._original_where, linalg._primitive_norm, numpy_wrapper._primitive_mean
import minigen.tensor, minigen.train, minigen.flow.realnvp
""")
