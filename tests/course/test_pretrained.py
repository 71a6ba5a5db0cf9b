"""The classifier that lessons share: trained once, kept, and the same for every lesson and seed."""

from pathlib import Path

import numpy as np
import pytest

from minigen.course import Lesson
from minigen.course.commands.list import main as list_lessons
from minigen.course.lesson import lesson as lesson_module
from minigen.course.lesson import pretrained, recipe, shared
from minigen.course.lesson.options import RunOptions
from minigen.data import mnist
from minigen.diffusion.ddpm import eps_model_from_v, q_sample
from minigen.diffusion.networks.unet import UNet
from minigen.diffusion.schedule import Schedule
from minigen.metrics.digits import label_accuracy
from minigen.tensor import grad


@pytest.fixture
def lesson(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGEN_CACHE", str(tmp_path / "cache"))

    def make(seed):
        options = RunOptions(seed=seed, quick=True, out=tmp_path / f"out{seed}")
        return Lesson("gan/99_test", title="Test", post="gan", options=options)

    return make


def test_the_quick_classifier_reads_and_is_kept(lesson, tmp_path, capsys):
    first = pretrained.digit_classifier(lesson(0))
    assert "training it once" in capsys.readouterr().out
    test = mnist.splits().test
    assert label_accuracy(first, mnist.unit(test.images[:1000]), test.labels[:1000]) > 0.8  # full training: 0.99
    assert first.parameters() == {}, "it is not trained any further"
    (file,) = (tmp_path / "cache").glob("*.npz")
    stamp = file.stat().st_mtime_ns

    again = pretrained.digit_classifier(lesson(1))
    assert "loaded from" in capsys.readouterr().out and file.stat().st_mtime_ns == stamp
    for name, array in first.state().items():
        np.testing.assert_array_equal(array, again.state()[name])


def test_moved_digits():
    rng = np.random.default_rng(0)
    images = np.zeros((200, 28, 28), np.uint8)
    images[:, 3:25, 3:25] = rng.integers(1, 255, (200, 22, 22))
    out = pretrained.moved(images, 2, rng)
    seen = set()
    for before, after in zip(images, out):
        (shift,) = [
            (i, j) for i in range(-2, 3) for j in range(-2, 3) if (np.roll(before, (i, j), (0, 1)) == after).all()
        ]
        seen.add(shift)
    assert len(seen) == 25  # each of the 25 moves has been seen: missing one has a chance of 0.7 % in 200
    full = pretrained.moved(np.full((50, 28, 28), 9, np.uint8), 1, rng)
    assert set(np.unique(full)) == {0, 9}  # what comes in at the border is paper
    assert pretrained.moved(images, 0, rng) is images


def test_the_quick_base_of_diffusion_is_a_model_of_the_noise(lesson, tmp_path):
    """Better than no model at all (loss 1), with and without labels; the same again from the cache."""
    base = pretrained.digit_diffusion(lesson(0))
    assert base.net.parameters() == {} and base.schedule.T == 200
    rng = np.random.default_rng(1)
    images, y = mnist.symmetric(mnist.splits().test.images[:100]), mnist.splits().test.labels[:100].astype(int)
    t, eps = np.full(100, 60), rng.standard_normal(images.shape, dtype=np.float32)
    x_t = q_sample(images, t, eps, base.schedule)
    for labels in (None, y):
        assert np.mean((base(x_t, t, labels) - eps) ** 2) < 0.7
    np.testing.assert_array_equal(base(x_t, t), base(x_t, t, np.full(100, -1)))
    again = pretrained.digit_diffusion(lesson(1))
    np.testing.assert_array_equal(base(x_t, t, y), again(x_t, t, y))


def test_what_will_be_trained_first_is_said(lesson, tmp_path):
    """`minigen list` and the first lines of a run name the shared models of a lesson that the cache does not hold."""
    path = tmp_path / "lesson.py"
    path.write_text("from minigen.course.lesson.pretrained import (\n    digit_classifier,\n    digit_diffusion,\n)\n")
    both = shared.models_of(path)
    assert [model.name for model in both] == ["digit classifier", "digit diffusion"]
    assert shared.models_of(None) == [] and shared.models_of(tmp_path / "nowhere.py") == []
    pretrained.digit_classifier(lesson(0))  # the quick one is not the one
    assert shared.not_cached(both) == both
    (tmp_path / "cache" / "digit-classifier-0123456789abcdef.npz").touch()  # nor is one of unknown code
    assert shared.not_cached(both) == both
    for function, model in shared.SHARED.items():
        assert callable(getattr(pretrained, function)) and model.minutes > 0


FILES = [("nn/layers.py", True), ("train/fit.py", True), ("vae/vae.py", False), ("diffusion/networks/unet.py", False)]
CHANGES = [(file, b"\nmore = 1\n", changes) for file, changes in FILES]
CHANGES += [(file, b"# a remark", False) for file, _ in FILES]


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A cache that holds a full classifier, but for the steps of its training; its function, of `pretrained`."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MINIGEN_CACHE", str(folder))
        patched.setattr(pretrained, "FULL", pretrained.QUICK | {"steps": 1, "images": 100})
        options = RunOptions(out=folder / "out")
        pretrained.digit_classifier(Lesson("gan/99_test", title="Test", post="gan", options=options))
    return folder


@pytest.mark.parametrize("file, more, changes", CHANGES)
def test_a_model_of_other_code_will_be_trained_again(kept, monkeypatch, file, more, changes):
    """What is said without loading anything is what the name of the file says, a hash of the code: "changes"."""
    monkeypatch.setenv("MINIGEN_CACHE", str(kept))
    classifier, read = shared.SHARED["digit_classifier"], Path.read_bytes
    functions = pretrained.build_digit_classifier, pretrained.train_digit_classifier
    before = recipe.recipe_of_functions(*functions)
    assert shared.not_cached([classifier]) == []

    def changed(path):
        return read(path) + more * path.as_posix().endswith(f"minigen/{file}")

    monkeypatch.setattr(Path, "read_bytes", changed)
    monkeypatch.setattr(recipe, "_code_in", recipe._code_in.__wrapped__)  # without what it has kept
    assert shared.not_cached([classifier]) == [classifier] * changes
    assert (recipe.recipe_of_functions(*functions) != before) is changes


def test_what_else_makes_a_model_one_of_other_code(kept, monkeypatch):
    """Its settings and the functions that train it, which stand in one file; the version. Another Python does not."""
    monkeypatch.setenv("MINIGEN_CACHE", str(kept))
    classifier, read = shared.SHARED["digit_classifier"], Path.read_bytes
    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", lambda path: read(path) + b"FULL = {}\n" * (path.name == "pretrained.py"))
        assert shared.not_cached([classifier]) == [classifier]
    with monkeypatch.context() as patched:
        patched.setattr("minigen.__version__", "0.0.0")
        assert shared.not_cached([classifier]) == [classifier]
    (beside,) = kept.glob("digit-classifier-*.json")
    text = beside.read_text()
    beside.write_text(text.replace('"python": [', '"python": [1'))
    assert shared.not_cached([classifier]) == []
    for damaged in ("", "[]", text[:-5], text.replace("checks.py", "checked.py")):
        beside.write_text(damaged)
        assert shared.not_cached([classifier]) == [classifier]
    with monkeypatch.context() as patched:  # and it is written again when the model is loaded
        patched.setattr(pretrained, "FULL", pretrained.QUICK | {"steps": 1, "images": 100})
        pretrained.digit_classifier(Lesson("gan/99_test", title="Test", post="gan", options=RunOptions(out=kept / "2")))
    assert beside.read_text() == text and shared.not_cached([classifier]) == []


def test_the_list_and_a_run_say_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MINIGEN_CACHE", str(tmp_path))
    list_lessons([])
    shown = capsys.readouterr().out
    (line,) = [line for line in shown.splitlines() if "gan/13_new_digits" in line]
    assert "min (+ 1.5 once)" in line and "(+ once): a model" in shown
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lesson_module, "models_of", lambda path: [shared.SHARED["digit_diffusion"]])
    Lesson("gan/99_test", title="Test", post="gan", options=RunOptions(out=tmp_path / "out"))
    assert "digit diffusion: will be trained first, once for all lessons, about 8 min" in capsys.readouterr().out


def test_the_shared_model_of_the_noise_is_that_of_its_network_in_halves_and_inside_a_derivative():
    rng = np.random.default_rng(0)
    net = UNet(rng, width=8, classes=10).map(lambda a: a + np.float32(0.1) * rng.standard_normal(a.shape, np.float32))
    schedule = Schedule.cosine(20)
    model, expected = pretrained.DigitDiffusion(net, schedule), eps_model_from_v(net, schedule)
    x, y = rng.standard_normal((3, 28, 28, 1), dtype=np.float32), np.array([4, -1, 9])
    for t in (np.full(3, 7), np.array([1, 20, 7])):
        np.testing.assert_allclose(model(x, t, y), expected(x, t, y), rtol=1e-3, atol=1e-4)
        assert model(x, t, y).dtype == np.float32
    slopes = [grad(lambda x, f=f: (f(x, t, y) ** 2).sum())(x) for f in (model, expected)]
    np.testing.assert_array_equal(*slopes)
