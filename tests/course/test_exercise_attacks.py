"""What must earn nothing in any exercise, tried on all of them in this process."""

import inspect
import subprocess
import sys
import textwrap
import types

import numpy as np
import pytest
from autograd.tracer import isbox

import minigen
from minigen.checks import unchecked
from minigen.course.exercise import catalog, substitute
from minigen.course.exercise.grading import status as S
from minigen.course.exercise.grading.compare import compare_all
from minigen.course.exercise.grading.grade import grade_file
from minigen.course.exercise.grading.in_process import grade_source
from minigen.course.exercise.grading.outcome import PackageAnswer
from minigen.course.exercise.grading.reference import (
    hidden_targets,
    observe_case,
    parts_of,
    quiet,
    reference_hidden,
    references,
)

EXERCISES = catalog.all_exercises()


def mapped(value, change):
    """A returned value in which every array or number of floats is changed."""
    if isinstance(value, tuple) and hasattr(value, "_make"):
        return value._make(mapped(item, change) for item in value)
    if type(value) in (list, tuple):
        return type(value)(mapped(item, change) for item in value)
    if type(value) is dict:
        return {key: mapped(item, change) for key, item in value.items()}
    is_floats = getattr(value, "dtype", np.asarray(0 if value is None else 0.0).dtype).kind == "f"
    return (
        change(value) if is_floats and (isbox(value) or isinstance(value, (np.ndarray, np.floating, float))) else value
    )


def verdicts_of(exercise, change):
    """How the reference does when what it returns is changed, and whether it returns floats at all."""
    reference, changed = exercise.reference, []

    def answer(*args, **kwargs):
        return mapped(reference(*args, **kwargs), lambda value: changed.append(1) or change(value))

    wanted = references(exercise, 0)
    with quiet():
        outcomes = [observe_case(exercise, answer, 0, number, row) for number, row in enumerate(wanted)]
    return compare_all(exercise.cases, outcomes, [row.outcome for row in wanted]), bool(changed)


@pytest.mark.slow
def test_a_wrong_answer_in_half_precision_passes_nowhere():
    """Two per cent off, and half precision does not hide it; single precision is no fault."""
    for exercise in EXERCISES:
        verdicts, has_floats = verdicts_of(exercise, lambda value: np.float16(1.02) * value.astype(np.float16))
        passed = sum(verdict.points for verdict in verdicts)
        assert not has_floats or passed < exercise.points, exercise.id


@pytest.mark.slow
def test_a_right_answer_in_single_precision_passes():
    """But where the exercise is about tiny numbers, or about an array that is changed in place."""
    refused = set()
    for exercise in EXERCISES:
        verdicts, _ = verdicts_of(
            exercise,
            lambda value: np.float32(value) if np.ndim(value) == 0 and not isbox(value) else value.astype(np.float32),
        )
        refused |= {(exercise.id, verdict.case) for verdict in verdicts if not verdict.passed}
    expected = {
        ("gan/09/instance_noise", "scale_and_freshness"),
        ("flow/06/diagonal_scale", "tiny_and_huge_determinants"),
    }
    assert {pair for pair in refused if pair[0] != "start/01/adam_update"} == expected


@pytest.mark.slow
def test_no_function_beside_the_reference_is_the_answer():
    """Whatever stands in its module under another name passes no exercise in full while the reference is hidden."""
    for exercise in EXERCISES:
        wanted = references(exercise, 0)
        args, kwargs = wanted[0].calls[0]
        space = vars(sys.modules[exercise.target.partition(":")[0]])
        for name in [name for name, value in space.items() if isinstance(value, types.FunctionType)]:
            try:
                inspect.signature(space[name]).bind(*args, **kwargs)
            except TypeError:
                continue
            with reference_hidden(exercise) as incidents, quiet():
                outcomes = [observe_case(exercise, space[name], 0, number, row) for number, row in enumerate(wanted)]
            verdicts = compare_all(exercise.cases, outcomes, [row.outcome for row in wanted])
            assert incidents or not all(verdict.passed for verdict in verdicts), (exercise.id, name)


def test_the_parts_of_a_reference_are_found_by_the_code_that_uses_them():
    """Its own primitive with both of its halves; not the tools that other functions of the module use too."""
    assert parts_of("minigen.tensor.losses:bce_with_logits") == [
        "minigen.tensor.losses:_bce",
        "minigen.tensor.losses:_bce_backward",
        "minigen.tensor.losses:_bce_forward",
    ]
    assert parts_of("minigen.gan.wgan:critic_loss") == []


@pytest.mark.parametrize("name", ["_bce", "_bce_forward"])
def test_a_private_twin_is_the_packages_own_answer(name):
    exercise = catalog.find("start/01/bce_with_logits")[0]
    assert f"minigen.tensor.losses:{name}" in hidden_targets(exercise)
    report = grade_source(exercise, f"from minigen.tensor.losses import {name} as bce_with_logits\n")
    assert {verdict.status for verdict in report.verdicts} == {S.PACKAGE_ANSWER} and report.points == 0


KEPT = """
import importlib.util, sys
from pathlib import Path
from minigen import checks
from minigen.course.exercise.grading.outcome import PackageAnswer
from minigen.course.exercise.grading.reference import without_bodies
from minigen.course.exercise.grading.sandbox import Hider

kept, declare = [], checks.checked

def keeping(**declared):  # as a table does that a module fills while it is loaded
    return lambda formula: kept.append(declare(**declared)(formula)) or kept[-1]

checks.checked = keeping
text = Path(importlib.util.find_spec("minigen.gan.wgan").origin).read_text()
texts = {"minigen.gan.wgan": without_bodies(text, ["critic_loss"])}
sys.meta_path.insert(0, Hider(["minigen.gan.wgan:critic_loss"], texts, lambda *what: None))
from minigen.gan import wgan

loss = next(each for each in kept if each.__name__ == "critic_loss")
inner = [cell.cell_contents for cell in loss.__closure__ if callable(cell.cell_contents)]
for way in (wgan.critic_loss, checks.unchecked(wgan.critic_loss), loss, loss.formula, loss.__wrapped__, *inner):
    try:
        way([1.0], [2.0])
    except PackageAnswer:
        print("hidden")
print(wgan.generator_loss([1.0]))
"""


def test_a_hidden_formula_is_reached_by_no_way_through_its_checks():
    done = subprocess.run([sys.executable, "-c", KEPT], capture_output=True, text=True, timeout=600)
    assert done.stdout.split() == ["hidden"] * 6 + ["-1.0"], done.stderr


def test_a_formula_that_was_taken_before_is_hidden_in_this_process():
    exercise = next(each for each in EXERCISES if each.id == "gan/12/critic_loss")
    space = {"kept": unchecked(exercise.reference)}
    with reference_hidden(exercise, [space]) as incidents, pytest.raises(PackageAnswer):
        space["kept"](np.ones(1), np.ones(1))
    assert len(incidents) == 1 and space["kept"] is unchecked(exercise.reference)


# ------------------------------------------------------------------------------------------- the names of a package

THROUGH_A_PACKAGE = {  # ways to the package's own `critic_loss` by the names that `minigen.gan` offers
    "from the package": "from minigen.gan import critic_loss as theirs",
    "an attribute": "import minigen.gan as g\ntheirs = g.critic_loss",
    "from minigen": "from minigen import gan\ntheirs = gan.critic_loss",
    "by the whole name": "import minigen\ntheirs = minigen.gan.critic_loss",
    "getattr": "from minigen import gan\ntheirs = getattr(gan, 'critic_' + 'loss')",
    "the function behind it": "import minigen.gan\ntheirs = minigen.gan.__getattr__('critic_loss')",
    "all names": "space = {}\nexec('from minigen.gan import *', space)\ntheirs = space['critic_loss']",
    "importlib": "import importlib\ntheirs = importlib.import_module('minigen.gan').critic_loss",
    "pkgutil": "import pkgutil\ntheirs = pkgutil.resolve_name('minigen.gan:critic_loss')",
    "the list read again": "from minigen import lazy\ntheirs = lazy.names('minigen.gan')[0]('critic_loss')",
    "the formula below": "from minigen import checks, gan\ntheirs = checks.unchecked(gan.critic_loss)",
    "swallowed": (
        "from minigen import gan\ndef theirs(r, f):\n    try:\n        return gan.critic_loss(r, f)\n"
        "    except BaseException:\n        return np.mean(f) - np.mean(r)"
    ),
}
IN_A_WORKER = {  # where files are guarded, and modules that are loaded again
    "loaded again": (
        "import sys\nfor name in [name for name in sys.modules if name.startswith('minigen.gan')]:\n"
        "    del sys.modules[name]\nfrom minigen.gan import critic_loss as theirs"
    ),
    "the loader's bytes": (
        "from minigen import lazy\ntext = lazy.pkgutil.get_data('minigen.gan', 'wgan.py').decode()\n"
        "space = {}\nexec(text, space)\ntheirs = space['critic_loss']"
    ),
    "a list that says otherwise": (
        "import minigen.gan as g\nfor cell in g.__getattr__.__closure__:\n"
        "    if type(cell.cell_contents) is dict:\n"
        "        cell.cell_contents['mine'] = 'minigen.gan.wgan:critic_loss'\ntheirs = g.mine"
    ),
}
UNDER_THE_ASKED_NAME = [
    "from minigen.gan import critic_loss\n",
    "from minigen.gan import *\n",
    "import minigen.gan\ncritic_loss = minigen.gan.critic_loss\n",
]


def answer_that_calls(lines: str, inside: bool) -> str:
    """A file whose function calls `theirs`, which some lines bind: within the function, or above it."""
    head = "import autograd.numpy as np\n"
    body = "def critic_loss(real_scores, fake_scores):\n"
    call = "    return theirs(real_scores, fake_scores)\n"
    if inside:
        return f"{head}{body}{textwrap.indent(lines, '    ')}\n{call}"
    return f"{head}{lines}\n\n{body}{call}"


@pytest.mark.parametrize("inside", [True, False], ids=["inside", "above"])
@pytest.mark.parametrize("way", THROUGH_A_PACKAGE | IN_A_WORKER)
def test_no_name_of_a_package_is_the_answer(tmp_path, way, inside):
    exercise = catalog.find("gan/12/critic_loss")[0]
    source = answer_that_calls((THROUGH_A_PACKAGE | IN_A_WORKER)[way], inside)
    (tmp_path / "gan_12.py").write_text(source, encoding="utf-8")
    reports = [grade_file(exercise, tmp_path / "gan_12.py")]
    reports += [grade_source(exercise, source)] if way in THROUGH_A_PACKAGE else []
    for report in reports:
        assert {verdict.status for verdict in report.verdicts} == {S.PACKAGE_ANSWER} and report.points == 0
    assert minigen.gan.critic_loss is exercise.reference, "and it is the package's own again"


@pytest.mark.parametrize("source", UNDER_THE_ASKED_NAME)
def test_the_packages_function_under_the_asked_name(tmp_path, source):
    exercise = catalog.find("gan/12/critic_loss")[0]
    (tmp_path / "gan_12.py").write_text(source, encoding="utf-8")
    for report in (grade_file(exercise, tmp_path / "gan_12.py"), grade_source(exercise, source)):
        assert not report.passed and report.points == 0
        assert {verdict.status for verdict in report.verdicts} <= {S.PACKAGE_ANSWER, S.MISSING_FUNCTION}


def test_other_names_of_a_package_may_be_used(tmp_path):
    """An answer may build on the rest of a family."""
    exercise = catalog.find("gan/12/critic_loss")[0]
    source = answer_that_calls(
        "from minigen.gan import generator_loss\ndef theirs(r, f):\n    return np.mean(f) + generator_loss(r)", False
    )
    (tmp_path / "gan_12.py").write_text(source, encoding="utf-8")
    assert grade_file(exercise, tmp_path / "gan_12.py").passed and grade_source(exercise, source).passed


def test_a_students_function_is_used_by_the_name_of_the_package():
    exercise = catalog.find("gan/12/critic_loss")[0]
    substitute.put(exercise, lambda real_scores, fake_scores: 42.0)
    try:
        assert minigen.gan.critic_loss([1.0], [2.0]) == 42.0
    finally:
        substitute.restore()
    assert minigen.gan.critic_loss is exercise.reference
