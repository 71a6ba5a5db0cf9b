"""The rules of imports, and how the families' parts are called.

Imports point down, families stay apart, the course imports none of them, no two files import each other, `np` means one
thing in a folder, and importing a module is cheap and trains nothing. Bijections and networks of diffusion have one
signature each.
"""

import ast
import importlib
import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from minigen.flow.bijection import Bijection
from minigen.nn import Module

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "minigen"
FAMILIES = ("gan", "vae", "flow", "diffusion")
# Each part may import from itself and from the parts of lower rank.
RANK = {
    name: rank
    for rank, names in enumerate(
        [
            ("types",),
            ("checks", "files", "progress"),
            ("tensor",),
            ("nn",),
            ("optim",),
            ("data",),
            ("metrics",),
            ("plot",),
            ("train",),
            FAMILIES,
            ("zoo",),
            ("course",),
            ("cli",),
            ("__main__",),
        ]
    )
    for name in names
}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "_lessons" not in path.parts)


def part_of(module: str) -> str:
    """ "minigen.gan.wgan" -> "gan"; "" for minigen itself."""
    return module.split(".")[1] if "." in module else ""


def module_name(path: Path) -> str:
    return ".".join(["minigen", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")


def imports_of(path: Path, source: str, files: frozenset[str] = frozenset()) -> set[str]:
    """Every module of minigen that a file imports by a statement, anywhere in it, by its full name.

    `from minigen.data import toy` is an import of minigen.data.toy if `files` has it, and else one of minigen.data.
    """
    package = module_name(path) if path.name == "__init__.py" else module_name(path).rpartition(".")[0]
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *filter(None, [base])])
            for alias in node.names:
                full = f"{base}.{alias.name}"
                names.add(full if base == "minigen" or full in files else base)
    return {name for name in names if name.split(".")[0] == "minigen"}


def imported(path: Path, source: str) -> set[str]:
    """`imports_of`, and modules that are imported by their name when they are needed: strings of import_module."""
    names = imports_of(path, source)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("minigen."):
            if node.value.replace(".", "").replace("_", "").isalnum():
                names.add(node.value)
    return names


def violations(path: Path, source: str) -> list[str]:
    mine = part_of(module_name(path))
    found = []
    for name in sorted(imported(path, source)):
        theirs = part_of(name)
        if theirs == mine or theirs not in RANK:
            continue
        if mine == "":
            found.append(f"{name}: minigen itself must import nothing")
        elif mine in FAMILIES and theirs in FAMILIES:
            found.append(f"{name}: families never import one another")
        elif mine == "course" and theirs in FAMILIES:
            found.append(f"{name}: the course knows no model; minigen.zoo has whole ones")
        elif RANK[theirs] > RANK[mine]:
            found.append(f"{name}: {mine} must not import what stands above it")
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: module_name(path))
def test_imports_point_down_and_families_stay_apart(path):
    assert part_of(module_name(path)) in {"", *RANK}, "a part of the package that the rules do not know"
    assert violations(path, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("file", "source", "bad"),
    [
        ("gan/x.py", "from minigen.vae import vae", True),
        ("gan/x.py", "from minigen import flow", True),
        ("gan/x.py", "from ..diffusion.unet import UNet", True),
        ("gan/x.py", "def f():\n    import minigen.course.lesson.lesson", True),
        ("gan/x.py", "from minigen.train import fit\nfrom minigen.nn import MLP\nfrom . import losses", False),
        ("nn/x.py", "from minigen.optim import Adam", True),
        ("tensor/x.py", "from minigen.nn.layers import Linear", True),
        ("metrics/x.py", "from minigen.plot import figure", True),
        ("plot/x.py", "from minigen.metrics import samples", False),
        ("train/x.py", "import_module('minigen.cli')", True),
        ("zoo/x.py", "from minigen.gan import wgan\nfrom minigen.vae import vae", False),
        ("zoo/x.py", "from minigen.course import Lesson", True),
        ("vae/x.py", "from minigen.zoo import digit_classifier", True),
        ("course/x.py", "from minigen.cli import main", True),
        ("course/commands/x.py", "from minigen.flow.realnvp import RealNVP", True),
        ("course/lesson/x.py", "def f():\n    from minigen.diffusion import ddpm", True),
        ("course/x.py", "from minigen.zoo import PRETRAINED\nfrom minigen.train import fit", False),
        ("__init__.py", "from minigen.tensor import grad", True),
    ],
)
def test_the_rules_see_a_breach(file, source, bad):
    assert bool(violations(PACKAGE / file, source)) == bad


def cycles(imports: dict[str, set[str]]) -> list[list[str]]:
    """The groups of files that import one another, directly or through others (strongly connected components)."""

    def reachable(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            for name in imports.get(waiting.pop(), set()) - seen:
                seen.add(name)
                waiting.append(name)
        return seen

    reach = {name: reachable(name) for name in imports}
    groups = {tuple(sorted(b for b in reach[a] if a in reach.get(b, set()))) for a in imports if a in reach[a]}
    return sorted(map(list, groups))


def test_no_two_files_import_each_other():
    files = frozenset(module_name(path) for path in MODULES)
    imports = {module_name(path): imports_of(path, path.read_text(encoding="utf-8"), files) for path in MODULES}
    assert cycles(imports) == []


def test_the_search_for_cycles_finds_them():
    assert cycles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"d"}}) == [["a", "b", "c"], ["d"]]
    source = "from minigen.data import toy, nothing\nfrom . import losses\nfrom minigen import checks"
    files = frozenset({"minigen.data.toy", "minigen.gan.losses"})
    found = imports_of(PACKAGE / "gan/x.py", source, files)
    assert found == {"minigen.data.toy", "minigen.data", "minigen.gan.losses", "minigen.checks"}


# In these parts and in lessons `np` is autograd's NumPy, and plain NumPy is `numpy`; elsewhere `np` is NumPy.
TRACED = ("nn", *FAMILIES, "zoo")
LESSON_FILES = sorted((ROOT / "lessons").rglob("*.py"))


def is_traced(path: Path) -> bool:
    return path.is_relative_to(ROOT / "lessons") or part_of(module_name(path)) in TRACED


def numpy_names(source: str) -> set[tuple[str, str]]:
    """(module, name in the file) of each import of NumPy or autograd's NumPy, anywhere in a file."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            bound = {(alias.name, alias.asname or alias.name.partition(".")[0]) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            bound = {(f"{node.module}.{alias.name}", alias.asname or alias.name) for alias in node.names}
        else:
            continue
        found |= {(module, name) for module, name in bound if module in ("numpy", "autograd.numpy")}
    return found


def misnamed(path: Path, source: str) -> set[tuple[str, str]]:
    usual = (
        {("autograd.numpy", "np"), ("numpy", "numpy")}
        if is_traced(path)
        else {
            ("numpy", "np"),
            ("autograd.numpy", "anp"),
        }
    )
    return numpy_names(source) - usual


@pytest.mark.parametrize("path", [*MODULES, *LESSON_FILES], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_np_means_one_thing_in_a_folder(path):
    assert misnamed(path, path.read_text(encoding="utf-8")) == set()


@pytest.mark.parametrize(
    ("file", "source", "bad"),
    [
        ("minigen/gan/x.py", "import autograd.numpy as np\nimport numpy", False),
        ("minigen/nn/x.py", "import numpy as np", True),
        ("minigen/diffusion/networks/x.py", "import numpy as np", True),
        ("minigen/vae/x.py", "def f():\n    import numpy as np", True),
        ("minigen/flow/x.py", "import autograd.numpy as anp", True),
        ("minigen/flow/x.py", "from autograd import numpy as np", False),
        ("minigen/flow/x.py", "from autograd import numpy", True),
        ("minigen/gan/x.py", "import numpy as onp", True),
        ("minigen/zoo/x.py", "import numpy as np", True),
        ("minigen/gan/x.py", "from numpy.typing import ArrayLike\nfrom numpy import random", False),
        ("minigen/data/x.py", "import autograd.numpy as anp\nimport numpy as np", False),
        ("minigen/data/x.py", "import autograd.numpy as np", True),
        ("minigen/tensor/x.py", "from autograd import numpy as np", True),
        ("minigen/checks.py", "import numpy", True),
        ("minigen/course/exercise/x.py", "import numpy as np", False),
        ("minigen/train/x.py", "import autograd.numpy", True),
        ("lessons/gan/02_gan/lesson.py", "import autograd.numpy as np", False),
        ("lessons/gan/02_gan/lesson.py", "import numpy as np", True),
        ("lessons/gan/02_gan/answers.py", "import numpy as np", True),
    ],
)
def test_the_rule_of_np_sees_a_breach(file, source, bad):
    assert bool(misnamed(ROOT / file, source)) == bad


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_minigen_is_cheap():
    out = python(
        "import sys, time; start = time.perf_counter(); import minigen; seconds = time.perf_counter() - start\n"
        "heavy = [n for n in ('scipy', 'matplotlib', 'tqdm', 'IPython') if n in sys.modules]\n"
        "assert not heavy, heavy\nassert seconds < 3, seconds; print(minigen.__version__)"
    )
    assert out.strip() == "0.1.0"


def test_importing_minigen_takes_at_most_three_tenths_of_a_second():
    """The best of five fresh processes: a busy machine slows some of them down, and seldom all."""
    code = "import time; start = time.perf_counter(); import minigen; print(time.perf_counter() - start)"
    assert min(float(python(code)) for _ in range(5)) <= 0.3


@pytest.mark.parametrize("part", sorted(set(RANK) - {"__main__"}))
def test_importing_a_part_loads_neither_scipy_nor_matplotlib(part):
    if not (PACKAGE / part).is_dir() and not (PACKAGE / f"{part}.py").exists():
        pytest.skip(f"minigen.{part} is not there yet")
    out = python(
        f"import sys, importlib; importlib.import_module('minigen.{part}')\n"
        "heavy = [n for n in ('scipy.stats', 'scipy.optimize', 'scipy.spatial', 'scipy.linalg', 'matplotlib') "
        "if n in sys.modules]\nprint(*heavy)"
    )
    assert out.split() == []


def test_no_file_trains_at_import():
    names = [module_name(path) for path in MODULES if path.name != "__main__.py"]
    out = python(
        "import importlib, minigen.optim, minigen.train, minigen.train.fit\n"
        "def refuse(*args, **kwargs): raise AssertionError('something trains at import')\n"
        "minigen.train.fit = refuse\n"
        "import sys; sys.modules['minigen.train.fit'].fit = refuse\n"
        "for name in ('SGD', 'RMSProp', 'Adam'): getattr(minigen.optim, name).step = refuse\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "print('all imported')"
    )
    assert out.strip() == "all imported"


# ------------------------------------------------------------------------------------------- two contracts


def classes_of(family: str, base: type) -> dict[str, type]:
    """The subclasses of `base` that the modules of a family define, by name."""
    for path in (PACKAGE / family).rglob("*.py"):
        importlib.import_module(module_name(path))

    def subclasses(kind: type) -> set[type]:
        return {kind}.union(*map(subclasses, kind.__subclasses__()))

    return {kind.__name__: kind for kind in subclasses(base) if kind.__module__.startswith(f"minigen.{family}.")}


def parameters(method: Callable) -> list[tuple[str, object]]:
    """(name, default) of each, without `self`."""
    return [(each.name, each.default) for each in inspect.signature(method).parameters.values()][1:]


def test_bijections_are_called_alike():
    """`forward(z, context=None)` and `inverse(x, context=None)`: a chain hands its context to each of its parts."""
    bijections = classes_of("flow", Bijection)
    assert {"Chain", "Squeeze", "AffineCoupling", "ActNorm", "AffineAutoregressive", "Planar"} <= set(bijections)
    for name, kind in bijections.items():
        assert parameters(kind.forward) == [("z", inspect.Parameter.empty), ("context", None)], name
        assert parameters(kind.inverse) == [("x", inspect.Parameter.empty), ("context", None)], name


NETWORKS = {"EpsMLP", "UNet", "DiT", "ControlNet", "LatentNet", "Padded", "SuperResolution", "EmbeddingPrior"}


def test_networks_of_diffusion_are_called_alike():
    """`(x, t, y=None)`, and then what one of them has besides; x is z where it is a latent or an embedding."""
    found = {}
    for name, kind in classes_of("diffusion", Module).items():
        call = vars(kind).get("__call__")
        if call is not None and "t" in dict(parameters(call)):
            found[name] = parameters(call)
    assert set(found) >= NETWORKS
    for name, (first, time, condition, *rest) in found.items():
        assert first[0] in ("x", "z", "z_t") and first[1] is inspect.Parameter.empty, name
        assert (time, condition) == (("t", inspect.Parameter.empty), ("y", None)), name
        assert all(default is None for _, default in rest), name
