"""What may import what, and how the families' parts are called.

The contracts of pyproject.toml hold (imports point down, families stay apart, the course knows no model, ...), `np`
means one thing in a folder, and importing a module is cheap and trains nothing. Bijections and networks of diffusion
have one signature each.
"""

import ast
import importlib
import inspect
import os
import re
import shutil
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
PARTS = sorted({path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PACKAGE.rglob("*.py")})
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "_lessons" not in path.parts)


def part_of(module: str) -> str:
    """ "minigen.gan.wgan" -> "gan"; "" for minigen itself."""
    return module.split(".")[1] if "." in module else ""


def module_name(path: Path) -> str:
    return ".".join(["minigen", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")


# ------------------------------------------------------------------------------------------- contracts


def broken_contracts(folder: Path) -> set[str]:
    """The names of the contracts in pyproject.toml that the package below `folder` breaks."""
    command = [sys.executable, "-c", "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"]
    environment = {**os.environ, "PYTHONPATH": str(folder), "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", env=environment)
    verdicts = dict(re.findall(r"^(.+) (KEPT|BROKEN)\b", done.stdout, flags=re.M))
    broken = {contract for contract, verdict in verdicts.items() if verdict == "BROKEN"}
    assert verdicts and done.returncode == bool(broken), done
    return broken


def test_the_contracts_hold():
    assert broken_contracts(ROOT) == set()


BREACHES = {
    "Imports point down, and no family imports another": {
        "tensor/linear.py": "from minigen.nn.layers import Linear",
        "gan/wgan.py": "from minigen.vae import vae",
        "zoo/four.py": "def f():\n    from minigen.course import Lesson",
    },
    "No two files import each other": {"diffusion/ddpm.py": "def f():\n    from minigen.diffusion import samplers"},
    "The course knows no model": {"course/lesson/lesson.py": "def f():\n    from minigen.diffusion import ddpm"},
    "The course does without the class": {
        "course/exercise/catalog.py": "def f():\n    from minigen.classroom import roster"
    },
    "No command imports another": {"classroom/commands/grade.py": "from minigen.classroom.commands import assignment"},
}


def test_the_contracts_see_a_breach(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "minigen", ignore=shutil.ignore_patterns("*.gz", "*.zip", "__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for files in BREACHES.values():
        for file, source in files.items():
            with (tmp_path / "minigen" / file).open("a", encoding="utf-8") as module:
                module.write(f"\n\n{source}\n")
    assert broken_contracts(tmp_path) == set(BREACHES)


def test_minigen_itself_imports_nothing_but_what_loads_its_packages():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    found = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert found == ["from importlib import import_module", "from types import ModuleType"]


# ------------------------------------------------------------------------------------------- NumPy's names


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


@pytest.mark.parametrize(
    "files", [pytest.param(MODULES, id="minigen"), pytest.param(LESSON_FILES, id="lessons", marks=pytest.mark.slow)]
)
def test_np_means_one_thing_in_a_folder(files):
    found = {path: misnamed(path, path.read_text(encoding="utf-8")) for path in files}
    assert {path.relative_to(ROOT).as_posix(): names for path, names in found.items() if names} == {}


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
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_minigen_is_cheap():
    """It loads a few files of its own and of Python, and no other package, not even NumPy."""
    out = python(
        "import sys; before = set(sys.modules); import minigen; new = set(sys.modules) - before\n"
        "others = {n for n in new if n.partition('.')[0] not in {'minigen', *sys.stdlib_module_names}}\n"
        "assert not others, others\nassert len(new) < 40, new; print(minigen.__version__)"
    )
    assert out.strip() == "0.1.0"


@pytest.mark.parametrize("part", sorted(set(PARTS) - {"__init__", "__main__", "_lessons"}))
def test_importing_a_part_loads_neither_scipy_nor_matplotlib(part):
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
