"""The names that a package offers: `from minigen.flow import RealNVP`.

Each package lists its names, and a name is the object that its home defines. A list names no file or function that
two homes define; nothing is loaded that was not asked for; and inside the package a name is imported from its home.
"""

import ast
import importlib
import re
import subprocess
import sys
import types
import zipfile
from pathlib import Path

import pytest

import minigen
from minigen import lazy
from minigen.nn import Module

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "minigen"
FAMILIES = ("gan", "vae", "flow", "diffusion")
OF_FAMILIES = tuple(f"minigen.{family}." for family in FAMILIES)
MODELS = (*FAMILIES, "data", "metrics")
LAZY = (*MODELS, "course")
EAGER = ("nn", "optim", "plot", "tensor", "train")  # they load all of their names at once


def listed(part: str) -> dict[str, str]:
    """{name: "package.module:name", or "package.module"} of a package that loads its names lazily."""
    return lazy.targets(f"minigen.{part}", (PACKAGE / part / "__init__.pyi").read_bytes())


def python(code: str) -> list[str]:
    """The words that a fresh process prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


# ------------------------------------------------------------------------------------------- the names


@pytest.mark.parametrize("part", LAZY)
def test_each_name_is_the_object_that_its_home_defines(part):
    package = importlib.import_module(f"minigen.{part}")
    for name, target in listed(part).items():
        module, _, attribute = target.partition(":")
        home = importlib.import_module(module)
        found = getattr(package, name)
        assert found is (getattr(home, attribute) if attribute else home), name
        if attribute:
            assert attribute == name and not name.startswith("_")
            assert getattr(found, "__module__", module) == module, f"{name} is defined in {found.__module__}"
            assert module.startswith(f"minigen.{part}."), "a package offers nothing of another"


@pytest.mark.parametrize("part", LAZY)
def test_completion_shows_the_names_and_nothing_else(part):
    package = importlib.import_module(f"minigen.{part}")
    assert dir(package) == sorted(listed(part)) == package.__all__


def test_completion_of_minigen_shows_the_packages():
    assert dir(minigen) == sorted([*LAZY, *EAGER, "__version__"])
    for name in minigen.__all__:
        assert getattr(minigen, name) is importlib.import_module(f"minigen.{name}")
    for name in ("flwo", "clasroom"):
        with pytest.raises(AttributeError, match=rf"module 'minigen' has no attribute '{name}'"):
            getattr(minigen, name)


@pytest.mark.parametrize("part", (*LAZY, *EAGER))
def test_all_can_be_imported_at_once(part):
    package = importlib.import_module(f"minigen.{part}")
    space: dict = {}
    exec(f"from minigen.{part} import *", space)
    assert set(package.__all__) == set(space) - {"__builtins__"}
    assert len(set(package.__all__)) == len(package.__all__)


def test_an_unknown_name_is_an_error_that_names_it():
    with pytest.raises(AttributeError, match=r"module 'minigen\.flow' has no attribute 'RealNPV'") as error:
        _ = minigen.flow.RealNPV
    assert error.value.name == "RealNPV" and error.value.obj is minigen.flow, "Python suggests RealNVP by these"
    with pytest.raises(ImportError, match="cannot import name 'RealNPV' from 'minigen.flow'"):
        exec("from minigen.flow import RealNPV")
    assert not hasattr(minigen.vae, "sparkle")


def test_each_list_comes_with_the_code():
    """Beside the package that reads it; a file that git ignores would be in neither the wheel nor the source."""
    readers = {
        path.parent for path in PACKAGE.rglob("__init__.py") if "lazy.names(__name__)" in path.read_text("utf-8")
    }
    lists = {path.parent for path in PACKAGE.rglob("*.pyi")}
    assert readers == lists == {PACKAGE / part for part in LAZY}
    for part in LAZY:
        ignored = subprocess.run(["git", "check-ignore", "-q", PACKAGE / part / "__init__.pyi"], cwd=ROOT).returncode
        assert ignored in (1, 128), "1: it is not ignored; 128: this is no checkout"


def test_a_list_is_a_line_for_each_name_in_one_form():
    """So that type checkers take each for a name of the package, and `lazy.targets` misses none."""
    for part in LAZY:
        text = (PACKAGE / part / "__init__.pyi").read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if line.startswith("from ")]
        assert all(re.fullmatch(r"from (minigen[\w.]+) import (\w+) as \2", line) for line in lines), part
        assert [type(node) for node in ast.parse(text).body] == [ast.Expr, *[ast.ImportFrom] * len(lines)], part
        assert len(listed(part)) == len(lines), f"{part} lists a name twice"


# ------------------------------------------------------------------------------------------- which names are listed

# What the tables of signatures promise of flows and diffusion. `langevin` is a file and stays one.
PROMISED = {
    "flow": """
        Inverse StandardLogistic u_hat planar_forward Planar radial_forward Radial ActNorm conv1x1 conv1x1_log_det
        lu_parts lu_matrix Invertible1x1Conv GlowStep Glow made_masks MADE maf_inverse iaf_forward iaf_from_maf
        iaf_gated AffineAutoregressive MAF IAF pixel_mask skew unskew PixelCNN PixelRNN gated_unit mu_law mu_law_encode
        mu_law_decode receptive_field WaveNet flow_posterior Flow StandardNormal Affine
    """,
    "diffusion": """
        noise_scales denoising_score_matching_loss sliced_score_matching_loss ncsn_sample annealed_langevin
        classifier_guided_eps classifier_free_eps clip_similarity classifier_guided classifier_free clip_guided UNet
        adagn LossAwareTimes distillation_target truncated_snr_weight boundary_scalings ode_step
        consistency_training_loss consistency_distillation_loss multistep unit_scale gaussian_blur contrastive_loss
        prior_loss dynamic_threshold static_threshold thresholded modulate patchify unpatchify sincos_2d DiTBlock
        FinalLayer DiT ControlledBlock Schedule q_sample
    """,
}


@pytest.mark.parametrize("part", PROMISED)
def test_what_is_promised_is_listed(part):
    assert set(PROMISED[part].split()) <= set(listed(part))


def definitions(path: Path) -> set[str]:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return {node.name for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}


def named_by_lessons() -> set[tuple[str, str]]:
    """(module, name) of what lessons import, and of what exercises ask for."""
    found = set()
    for path in (ROOT / "lessons").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r'target="(minigen[\w.]+):(\w+)', text))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module:
                found |= {(node.module, alias.name) for alias in node.names}
    return found


def homes_of(family: str) -> dict[str, list[str]]:
    """{name: the files of a family that define it}, and of each file or folder its own name in addition."""
    homes: dict[str, list[str]] = {}
    for path in (PACKAGE / family).rglob("*.py"):
        if path.stem not in ("__init__", "arguments"):
            for name in definitions(path):
                homes.setdefault(name, []).append(path.stem)
        for part in path.relative_to(PACKAGE / family).parts:
            homes.setdefault(part.removesuffix(".py"), []).append("its own")
    return homes


@pytest.mark.parametrize("family", FAMILIES)
def test_what_lessons_and_exercises_name_is_listed(family):
    homes, left_out = homes_of(family), set()
    for module, name in named_by_lessons():
        path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
        if module.startswith(f"minigen.{family}.") and path.is_file() and name in definitions(path):
            if len(homes[name]) > 1:  # two files define it, or it is a file's name
                left_out.add(name)
            else:
                assert listed(family).get(name) == f"{module}:{name}"
    assert left_out == ({"pca", "training_step"} if family == "vae" else set())


INSIDE = {  # parts of one file's model, which nobody builds by itself
    "AutoregressiveStack",
    "CausalConv2d",
    "DiagonalLSTM",
    "GatedLayer",
    "MaskedLayer",
    "QuantizedModel",
    "RowLSTM",
    "RowSummary",
    "TransformerBlock",
}


def test_every_model_and_layer_of_the_families_is_listed():
    for family in FAMILIES:
        for path in (PACKAGE / family).rglob("*.py"):
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))

    def subclasses(kind: type) -> set[type]:
        return {kind}.union(*map(subclasses, kind.__subclasses__()))

    targets = {target for family in FAMILIES for target in listed(family).values()}
    found = {(kind.__module__, kind.__name__) for kind in subclasses(Module) if kind.__name__ not in INSIDE}
    of_families = {(module, name) for module, name in found if module.startswith(OF_FAMILIES) and name[0] != "_"}
    assert {f"{module}:{name}" for module, name in of_families} - targets == set()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_name_of_two_files_or_of_a_file_is_not_listed(family):
    homes = homes_of(family)
    for name, target in listed(family).items():
        assert homes[name] == [target.partition(":")[0].rpartition(".")[2]]


# ------------------------------------------------------------------------------------------- functions named like files


def like_files() -> list[tuple[str, str]]:
    """(package, name) of the names that are also the names of files in the package."""
    found = []
    for part in (*LAZY, *EAGER):
        names = importlib.import_module(f"minigen.{part}").__all__
        found += [(part, name) for name in names if (PACKAGE / part / f"{name}.py").is_file()]
    return found


FUNCTIONS = [(part, name) for part, name in like_files() if f"minigen.{part}.{name}" not in listed("data").values()]


def test_which_functions_are_named_like_their_files():
    assert {("train", "descend"), ("train", "fit"), ("tensor", "batched"), ("data", "points")} <= set(FUNCTIONS)
    modules = {name for part, name in like_files() if (part, name) not in FUNCTIONS}
    assert modules == {"captions", "mnist", "shapes", "sprites", "toy"}, "of the data, files are offered as a whole"


@pytest.mark.parametrize(("part", "name"), FUNCTIONS)
def test_a_function_named_like_its_file_is_always_the_function(part, name):
    """Whatever is imported first: the file, or the function by either name of its package."""
    module = f"minigen.{part}.{name}"
    for first in (
        f"import {module}",
        f"from minigen.{part} import {name}",
        f"import minigen; minigen.{part}.{name}",
    ):
        check = f"import minigen, {module}\nprint(type(minigen.{part}.{name}).__name__)"
        assert python(f"{first}\n{check}") == ["function"], first


# ------------------------------------------------------------------------------------------- what is loaded


def loaded_after(code: str) -> set[str]:
    """The modules of minigen, and SciPy and matplotlib, that some code loads."""
    wanted = "n.partition('.')[0] in ('minigen', 'matplotlib', 'scipy')"
    return set(python(f"{code}\nimport sys\nprint(*(n for n in sys.modules if {wanted}))"))


@pytest.mark.parametrize("part", LAZY)
def test_a_package_loads_nothing_before_a_name_is_used(part):
    at_once = {"minigen", f"minigen.{part}", "minigen.lazy"}
    found = loaded_after(f"import minigen\ndir(minigen.{part})")
    if part == "data":  # the functions named like their files
        assert {"minigen.data.mnist", "minigen.data.toy", "minigen.data.captions"}.isdisjoint(found)
        assert not any(name.split(".")[1:2] in (["nn"], ["train"], *([each] for each in FAMILIES)) for name in found)
    else:
        assert found == at_once


@pytest.mark.parametrize("part", MODELS)
def test_all_names_of_a_package_load_no_family_but_its_own_and_nothing_heavy(part):
    found = loaded_after(f"from minigen.{part} import *")
    parts = {name.split(".")[1] for name in found if name.startswith("minigen.")}
    assert parts.isdisjoint({*FAMILIES, "zoo", "course", "plot"} - {part})
    heavy = {"matplotlib", "scipy.stats", "scipy.optimize", "scipy.spatial", "scipy.linalg"}
    assert found.isdisjoint(heavy)


def test_a_name_loads_its_home_only():
    found = loaded_after("from minigen.flow import RealNVP")
    assert "minigen.flow.realnvp" in found and "minigen.flow.glow" not in found and "minigen.flow.pixel" not in found


def test_names_are_found_in_a_zip_file(tmp_path):
    with zipfile.ZipFile(tmp_path / "minigen.zip", "w") as archive:
        for path in (PACKAGE / "__init__.py", PACKAGE / "lazy.py", *(PACKAGE / "gan").glob("__init__.py*")):
            archive.write(path, path.relative_to(ROOT))
        archive.writestr("minigen/gan/losses.py", "def discriminator_loss(): return 7")
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'minigen.zip')!r})\nimport minigen.gan"
    assert python(f"{code}\nprint(minigen.gan.discriminator_loss(), len(dir(minigen.gan)))") == [
        "7",
        str(len(listed("gan"))),
    ]


def test_nothing_is_kept_so_that_what_is_replaced_in_the_home_is_replaced_here(monkeypatch):
    from minigen.gan import losses

    assert isinstance(minigen.gan, types.ModuleType) and callable(minigen.gan.discriminator_loss)
    monkeypatch.setattr(losses, "discriminator_loss", len)
    assert minigen.gan.discriminator_loss is len
    monkeypatch.undo()
    assert minigen.gan.discriminator_loss is losses.discriminator_loss is not len


# ------------------------------------------------------------------------------------------- inside the package


def imported_through_packages(path: Path) -> set[str]:
    """What a file imports through a package that lists its names, instead of from the home."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module in {f"minigen.{part}" for part in LAZY}:
            targets = listed(node.module.partition(".")[2])
            found |= {f"{node.module}.{a.name}" for a in node.names if ":" in targets.get(a.name, "") or a.name == "*"}
    return found


def test_inside_the_package_a_name_is_imported_from_its_home():
    files = [path for path in PACKAGE.rglob("*.py") if "_lessons" not in path.parts]
    found = {path.relative_to(PACKAGE).as_posix(): imported_through_packages(path) for path in files}
    assert {file: names for file, names in found.items() if names} == {}


def test_an_import_through_a_package_is_seen(tmp_path):
    file = tmp_path / "file.py"
    file.write_text(
        "from minigen.data import toy\nfrom minigen.flow.made import MADE\nfrom minigen.gan import losses\n"
        "def f():\n    from minigen.flow import Glow, pixel\n    from minigen.metrics import *\n"
    )
    assert imported_through_packages(file) == {"minigen.flow.Glow", "minigen.metrics.*"}
