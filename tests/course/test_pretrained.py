"""The pretrained models that lessons declare: with the package's weights, or trained once and kept for all lessons."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from minigen.cli import main
from minigen.course import Lesson
from minigen.course.commands.list import main as list_lessons
from minigen.course.console import UsageError
from minigen.course.exercise import catalog, substitute
from minigen.course.index.lessons import all_lessons, unreadable_lessons
from minigen.course.lesson import events, pretrained, recipe
from minigen.course.lesson.options import RunOptions
from minigen.tensor.storage import load_arrays, save_arrays
from minigen.zoo import PRETRAINED, digit_classifier, digit_diffusion, quality, weights

BOTH = ["digit_classifier", "digit_diffusion"]


@pytest.fixture
def lesson(tmp_path, monkeypatch):
    """Makes a lesson that declares both models and trains them; two steps are enough here."""
    monkeypatch.setenv("MINIGEN_CACHE", str(tmp_path / "cache"))
    for model in (digit_classifier, digit_diffusion):
        monkeypatch.setattr(model, "QUICK", model.QUICK | {"steps": 2})

    def make(seed, quick=True, declared=BOTH, train_shared=True):
        options = RunOptions(seed=seed, quick=quick, out=tmp_path / f"out{seed}", train_shared=train_shared)
        return Lesson("gan/99_test", title="Test", post="gan", pretrained=declared, options=options)

    return make


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An empty folder in the place of the one that holds the weights of the package."""
    folder = tmp_path / "zoo"
    folder.mkdir()
    monkeypatch.setattr("minigen.zoo.__file__", str(folder / "__init__.py"))
    return folder


# -- with the weights of the package -----------------------------------------------------------------------------------


@pytest.mark.parametrize("quick", [True, False])
def test_a_run_has_the_weights_of_the_package_whatever_its_seed(lesson, tmp_path, capsys, quick):
    made = [lesson(seed, quick, train_shared=False) for seed in (0, 1)]
    line = "  pretrained  digit classifier and digit diffusion: the weights that come with minigen"
    assert [text for text in capsys.readouterr().out.splitlines() if "pretrained" in text] == [line, line]
    for name in BOTH:
        first, again = (getattr(model, "net", model) for model in (one.pretrained(name) for one in made))
        kept = load_arrays(Path(digit_classifier.__file__).with_name(f"{name}.npz"))
        assert first.parameters() == {} and set(kept) == set(first.state())
        for key, array in first.state().items():
            assert kept[key].dtype == np.float16 and array.dtype == np.float32
            np.testing.assert_array_equal(array, kept[key])
            np.testing.assert_array_equal(array, again.state()[key])
    assert capsys.readouterr().out == "" and not (tmp_path / "cache").exists()


def test_they_are_used_also_when_the_code_has_changed(lesson, monkeypatch, capsys):
    """They are data: other settings of a training, and another version, do not make them other ones."""
    monkeypatch.setattr(digit_classifier, "FULL", digit_classifier.FULL | {"width": 12, "steps": 1})
    monkeypatch.setattr("minigen.__version__", "0.0.0")
    model = lesson(0, False, ["digit_classifier"], train_shared=False).pretrained("digit_classifier")
    assert model.conv1.w.shape[-1] == weights.described("digit_classifier")["config"]["width"] == 24
    assert "will be trained" not in capsys.readouterr().out


@pytest.mark.parametrize("damage", ["shape", "name", "file", "description"])
def test_weights_that_do_not_fit_are_an_error_that_names_the_command(lesson, package, damage):
    arrays, config = digit_classifier.build(digit_classifier.QUICK).state(), digit_classifier.QUICK
    weights.save("digit_classifier", arrays, {"config": config})
    some = lesson(0, declared=["digit_classifier"], train_shared=False)
    assert some.pretrained("digit_classifier")
    if damage == "shape":
        weights.save("digit_classifier", arrays, {"config": config | {"dim": 65}})
    elif damage == "name":
        save_arrays(package / "digit_classifier.npz", {f"{name}_": array for name, array in arrays.items()})
    elif damage == "file":
        (package / "digit_classifier.npz").write_bytes(b"PK")
    else:
        (package / "digit_classifier.json").unlink()
    says = (
        r"^the weights of the digit classifier that come with minigen do not fit its code: .+; "
        r"train it with --train-shared, or make them again with minigen record --shared$"
    )
    with pytest.raises(UsageError, match=says):
        some.pretrained("digit_classifier")


def test_the_results_of_a_lesson_depend_on_the_weights_that_it_declares(package, tmp_path):
    def recipe_with(declared, content):
        (package / "digit_classifier.npz").write_bytes(content)
        recipe._hash_of_weights.cache_clear()
        path = tmp_path / "lesson.py"
        path.write_text(f"from minigen.course import Lesson\nlesson = Lesson('gan/01_a', pretrained={declared})\n")
        return recipe.recipe_of(path)

    assert recipe_with(["digit_classifier"], b"a") != recipe_with(["digit_classifier"], b"b")
    assert recipe_with([], b"a") == recipe_with([], b"b")
    assert recipe_with(["digit_classifier"], b"a") == recipe_with(["digit_classifier"], b"a")
    recipe._hash_of_weights.cache_clear()


@pytest.mark.parametrize("names", [["digit_classifier"], pytest.param(BOTH, marks=pytest.mark.slow)])
def test_the_command_keeps_rounded_weights_and_what_is_known_of_them(package, tmp_path, monkeypatch, capsys, names):
    monkeypatch.setattr("minigen.course.commands.record.PRETRAINED", names)
    monkeypatch.setenv("MINIGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(digit_classifier, "FULL", digit_classifier.QUICK | {"steps": 20})
    monkeypatch.setattr(digit_diffusion, "FULL", digit_diffusion.QUICK | {"steps": 2})
    few = {**quality.MEASURES, "digit_diffusion": lambda *models: quality.of_diffusion(*models, samples=20, steps=2)}
    monkeypatch.setattr(quality, "MEASURES", few)
    assert main(["record", "--shared"]) == 0
    assert "digit_classifier.npz: 0.1 MB; accuracy 0." in capsys.readouterr().out
    described = {name: weights.described(name) for name in names}
    for name, known in described.items():
        model = import_module(f"minigen.zoo.{name}")
        assert known["config"] == model.FULL and known["seed"] == model.FULL["seed"] and known["minutes"] >= 0
        assert known["recipe"] == recipe.recipe_of_pretrained(name) and known["command"] == "minigen record --shared"
        assert known["processor"] and {"minigen", "numpy"} <= set(known["versions"])
        (trained,) = (load_arrays(path) for path in (tmp_path / "cache").glob(f"{name.replace('_', '-')}-*.npz"))
        network = getattr(weights.load(name), "net", weights.load(name))
        for key, array in network.state().items():
            np.testing.assert_array_equal(array, trained[key].astype(np.float16))
            assert (array == trained[key]).mean() < 0.9 or not trained[key].any() or trained[key].size < 20, key
    measured = described["digit_classifier"]["quality"]
    assert 0.3 < measured["accuracy"] < 0.9 and abs(measured["accuracy"] - measured["accuracy_float32"]) < 0.01
    if names == BOTH:
        measured = described["digit_diffusion"]["quality"]
        assert 0 < measured["noise_difference"] < 0.01 and measured["samples"] == 20 and measured["frechet"] > 100
    assert main(["record", "--shared"]) == 0, "a second time nothing is trained"
    assert capsys.readouterr().out.count("loaded from") == len(names)
    assert {name: weights.described(name) for name in names} == described, "the minutes of the training stay"


def test_float16_must_hold_every_weight():
    model = digit_classifier.build(digit_classifier.QUICK)
    model.out.w[0, 0] = 1e5
    with pytest.raises(ValueError, match="'out.w' has values that are not finite in float16"):
        weights.rounded(model)


def test_what_a_quick_run_and_a_full_one_announce(package, tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGEN_CACHE", str(tmp_path / "cache"))
    first = "  pretrained  digit classifier: will be trained first, once for all lessons, about 1.5 minutes"
    other = "  pretrained  digit diffusion: will be trained first, once for all lessons, about 8 minutes"
    assert pretrained.announced(BOTH, quick=False, train=False) == [first, other]
    assert pretrained.announced(BOTH, quick=True, train=False) == pretrained.announced([], False, False) == []
    (package / "digit_classifier.npz").touch()
    kept = "  pretrained  digit classifier: the weights that come with minigen"
    assert pretrained.announced(BOTH, quick=False, train=False) == [kept, other]
    assert pretrained.announced(BOTH, quick=True, train=False) == [kept]
    assert pretrained.announced(BOTH, quick=False, train=True) == [first, other]


# -- trained -----------------------------------------------------------------------------------------------------------


def test_the_quick_models_are_trained_once_whatever_the_seed(lesson, tmp_path, capsys):
    first = {name: lesson(0).pretrained(name) for name in BOTH}
    said = capsys.readouterr().out
    assert said.count("not in the cache yet; training it once") == 2
    assert "digit classifier, quick:" in said and "digit diffusion, quick:" in said
    files = {file.name: file.stat().st_mtime_ns for file in (tmp_path / "cache").glob("*.npz")}
    assert len(files) == 2

    again = {name: lesson(1).pretrained(name) for name in BOTH}
    assert capsys.readouterr().out.count("loaded from") == 2
    assert {file.name: file.stat().st_mtime_ns for file in (tmp_path / "cache").glob("*.npz")} == files
    for a, b in [(first[BOTH[0]], again[BOTH[0]]), (first[BOTH[1]].net, again[BOTH[1]].net)]:
        assert a.parameters() == b.parameters() == {}, "they are not trained any further"
        for name, array in a.state().items():
            np.testing.assert_array_equal(array, b.state()[name])


def test_a_name_that_is_not_declared_or_not_there(lesson, write_lesson):
    some = lesson(0, declared=["digit_classifier"])
    with pytest.raises(ValueError, match=r"'digit_diffusion' is not declared: write Lesson\(..., pretrained=\['digit_"):
        some.pretrained("digit_diffusion")
    some.events.emit(events.End("stopped"))
    says = "there is no pretrained model 'digits'; there are digit_classifier, digit_diffusion"
    with pytest.raises(ValueError, match=says):
        lesson(1, declared=["digits"])
    path = write_lesson("gan/02_gan")
    path.write_text(path.read_text().replace("figures=[]", 'figures=[], pretrained=["digits"]'))
    assert all_lessons() == [] and says in unreadable_lessons()[0] and "gan/02_gan" in unreadable_lessons()[0]
    path.write_text(path.read_text().replace('"digits"', '"digit_diffusion"'))
    assert [info.pretrained for info in all_lessons()] == [("digit_diffusion",)]


def test_every_pretrained_model_is_a_file_of_its_name():
    for name, minutes in PRETRAINED.items():
        model = import_module(f"minigen.zoo.{name}")
        assert all(callable(function) for function in (model.build, model.train, model.ready)) and minutes > 0
        assert isinstance(model.FULL, dict) and set(model.FULL) == set(model.QUICK)


def test_the_lessons_load_what_they_declare():
    """Otherwise a run would train a model first that it does not need."""
    declared = {info.id: sorted(info.pretrained) for info in all_lessons()}
    loaded = {
        info.id: sorted(set(re.findall(r'lesson\.pretrained\("(\w+)"\)', info.path.read_text(encoding="utf-8"))))
        for info in all_lessons()
    }
    assert declared == loaded and sum(map(bool, declared.values())) >= 20, "the pattern finds the calls"


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A cache that holds a classifier of full runs, but for the steps of its training."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MINIGEN_CACHE", str(folder))
        patched.setattr(digit_classifier, "FULL", digit_classifier.QUICK | {"steps": 1, "images": 100})
        pretrained.load("digit_classifier", quick=False, train=True, say=print)
    return folder


def test_what_is_in_the_cache(lesson, kept, tmp_path, monkeypatch):
    assert pretrained.to_train(BOTH) == [], "the package has them"
    assert pretrained.to_train(BOTH, train=True) == BOTH
    lesson(0).pretrained("digit_classifier")  # the one of quick runs is another model
    (tmp_path / "cache" / "digit-classifier-0123456789abcdef.npz").touch()  # and so is one of unknown code
    assert pretrained.to_train(BOTH, train=True) == BOTH
    monkeypatch.setenv("MINIGEN_CACHE", str(kept))
    assert pretrained.to_train(BOTH, train=True) == ["digit_diffusion"]


FILES = [("nn/layers.py", True), ("train/fit.py", True), ("zoo/digit_classifier.py", True)]
FILES += [("zoo/digit_diffusion.py", False), ("vae/vae.py", False), ("diffusion/networks/unet.py", False)]


@pytest.mark.slow
@pytest.mark.parametrize("file, matters", FILES)
def test_a_model_of_other_code_will_be_trained_again(kept, monkeypatch, file, matters):
    """What will be trained first is said by the same hash of the code that names the file; a remark is no code."""
    monkeypatch.setenv("MINIGEN_CACHE", str(kept))
    read, before = Path.read_bytes, recipe.recipe_of_pretrained("digit_classifier")
    for more, changes in [(b"\nmore = 1\n", matters), (b"# a remark", False)]:

        def changed(path, more=more):
            return read(path) + more * path.as_posix().endswith(f"minigen/{file}")

        with monkeypatch.context() as patched:
            patched.setattr(Path, "read_bytes", changed)
            patched.setattr(recipe, "_code_in", recipe._code_in.__wrapped__)  # without what it has kept
            assert pretrained.to_train(["digit_classifier"], train=True) == ["digit_classifier"] * changes
            assert (recipe.recipe_of_pretrained("digit_classifier") != before) is changes


def test_another_version_trains_again_and_a_loaded_model_is_the_one_that_was_said(kept, monkeypatch, capsys):
    monkeypatch.setenv("MINIGEN_CACHE", str(kept))
    with monkeypatch.context() as patched:
        patched.setattr("minigen.__version__", "0.0.0")
        assert pretrained.to_train(["digit_classifier"], train=True) == ["digit_classifier"]
    monkeypatch.setattr(digit_classifier, "FULL", digit_classifier.QUICK)  # the sizes of the one in the cache
    pretrained.load("digit_classifier", quick=False, train=True, say=print)
    assert "digit classifier: loaded from" in capsys.readouterr().out


def test_a_full_run_has_the_full_model(lesson, monkeypatch):
    short = {"steps": 1, "images": 100}
    monkeypatch.setattr(digit_classifier, "FULL", digit_classifier.QUICK | short | {"width": 12})
    monkeypatch.setattr(digit_classifier, "QUICK", digit_classifier.QUICK | short)
    for quick, width in [(True, 8), (False, 12), (True, 8), (False, 12)]:
        model = lesson(int(quick), quick).pretrained("digit_classifier")
        assert min(array.shape[-1] for array in model.state().values() if array.ndim == 4) == width


def test_what_will_be_trained_first_is_found_without_importing_it(tmp_path):
    code = (
        "import sys\nfrom minigen.course.commands.list import main\nmain([])\n"
        "print(*[name for name in sys.modules if name.startswith(('minigen.zoo.', 'minigen.diffusion', 'autograd'))])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, cwd=tmp_path)
    assert out.returncode == 0 and out.stdout.splitlines()[-1] == ""


def test_the_list_and_a_run_say_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MINIGEN_CACHE", str(tmp_path))
    list_lessons([])
    assert "once" not in capsys.readouterr().out, "the package has the weights of both models"
    monkeypatch.setattr("minigen.zoo.__file__", str(tmp_path / "__init__.py"))  # where there are none
    list_lessons([])
    shown = capsys.readouterr().out
    (line,) = [line for line in shown.splitlines() if "gan/13_new_digits" in line]
    assert "min (+ 1.5 once)" in line and "(+ once): a model" in shown
    line = next(line for line in shown.splitlines() if "diffusion/10_ddim" in line)
    assert "min (+ 9.5 once)" in line
    monkeypatch.chdir(tmp_path)
    options = RunOptions(out=tmp_path / "out")
    Lesson("gan/99_test", title="Test", post="gan", pretrained=["digit_diffusion"], options=options)
    assert "digit diffusion: will be trained first, once for all lessons, about 8 min" in capsys.readouterr().out


def test_a_students_function_does_not_train_what_other_lessons_load(lesson, tmp_path, monkeypatch):
    """Without this a wrong `drop_labels` in a run `--with` would stay in the cache for all lessons."""
    (exercise,) = catalog.find("diffusion/09/drop_labels")
    substitute.put(exercise, lambda y, u, p: np.full_like(y, -1))
    try:
        student = lesson(0).pretrained("digit_diffusion")
        assert substitute.calls()[exercise.id] == 0 and digit_diffusion.drop_labels(np.array([3]), [0.9], 0.1)[0] == -1
    finally:
        substitute.restore()
    monkeypatch.setenv("MINIGEN_CACHE", str(tmp_path / "another"))
    plain = lesson(0).pretrained("digit_diffusion")
    for name, array in plain.net.state().items():
        np.testing.assert_array_equal(array, student.net.state()[name])


# -- models of a lesson's own ------------------------------------------------------------------------------------------


def test_functions_of_a_file_depend_on_all_code_in_it(tmp_path):
    path = tmp_path / "functions.py"

    def recipe_with(text):
        path.write_text(text)
        space = {"__name__": "functions"}
        exec(compile(text, str(path), "exec"), space)
        return recipe.recipe_of_functions(space["train"])

    text = "def helper():\n    return 1\n\ndef train(model, config):\n    helper()\n"
    before = recipe_with(text)
    assert recipe_with(text + "# a remark\n") == before
    assert recipe_with(text.replace("1", "2")) != before
    assert recipe_with("import minigen.vae.vae\n" + text) != before


def test_functions_of_a_notebook_depend_on_its_cells_and_imports(monkeypatch):
    """A notebook keeps the text of each cell in `linecache`, under a name that is no file."""
    import linecache

    def recipe_with(*cells):
        space = {"__name__": "__main__"}
        for text in cells:
            name = f"<cell {hash(text)}>"
            monkeypatch.setitem(linecache.cache, name, (len(text), None, text.splitlines(True), name))
            exec(compile(text, name, "exec"), space)
        return recipe.recipe_of_functions(space["train"])

    imports = "from minigen.nn import Module\n"
    helper = "class Net(Module):\n    def size(self):\n        return 1\n"
    train = "def train(model, config):\n    Net().size()\n"
    before = recipe_with(imports, helper, train)
    assert recipe_with(imports, "print()", helper, train) == before == recipe_with(imports, helper, train)
    assert recipe_with(imports, helper.replace("1", "2"), train) != before
    assert recipe_with(imports, helper, train + "    pass\n") != before
    assert recipe_with(imports, "from minigen.vae.vae import VAE\n", helper, train) != before
    assert len(recipe.recipe_of_functions(len)) == 16
