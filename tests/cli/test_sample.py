"""`minigen sample`: the file, what is trained only once, what is refused before anything is trained."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from minigen.cli import main
from minigen.course.commands.sample import checked_samples

# Two models, each one number that grows by a random amount a step; a line in `steps.txt` for each step that is made.
TRAINING = """
import time
import numpy as np
from minigen import plot


def train(label):
    total, rng = np.zeros(1), lesson.rng(label)

    def step(i):
        time.sleep({pause})
        with open("steps.txt", "a") as file:
            file.write(label)
        total[0] += rng.random()
        return float(total[0])

    lesson.fit(step, lesson.steps(60, quick=5), state={{"total": total, "rng": rng}}, label=label, every=10)
    return total


print("hello")
fig, ax = plot.figure()
lesson.figure(fig, "early")
lesson.table([[1]], ["a"])
a = train("a")
lesson.sampler("points", lambda rng, n: (a + rng.random((n, 2))).astype(np.float32))
b = train("b")
images = lambda rng, n: (np.full((n, 4, 4, 1), b / 100, np.float32), np.arange(n) % 10)
lesson.sampler("images", images)
open("reached.txt", "w").close()
lesson.claim("sum", float(b[0]), at_least=0.0)
"""


@pytest.fixture
def lesson(write_lesson):
    return write_lesson("gan/02_gan", TRAINING.format(pause=0))


def steps():
    path = Path("steps.txt")
    return len(path.read_text()) if path.exists() else 0


def load(path="x.npz"):
    with np.load(path) as file:
        return dict(file)


def sample(*args):
    try:
        return main(["sample", *args])
    except SystemExit as error:
        return error.code


def test_points_of_the_first_model(lesson, capsys):
    assert sample("gan/02", "--n", "2500", "--out", "x.npz") == 0
    out, err = capsys.readouterr()
    assert out == "x.npz: samples 2500 x 2\n"
    assert "gan/02_gan is trained first, up to 0.5 minutes" in err and "a: 60 steps" in err and "hello" not in out + err
    arrays = load()
    assert list(arrays) == ["samples"]
    assert arrays["samples"].shape == (2500, 2) and arrays["samples"].dtype == np.float32
    assert len(np.unique(arrays["samples"])) > 2400
    assert steps() == 60 and not Path("reached.txt").exists() and not Path("out").exists()  # stopped at the sampler
    assert not list(Path("cache").rglob("*.png"))


def test_images_with_labels_of_the_second_model(lesson, capsys):
    assert sample("gan/02", "--n", "30", "--model", "images", "--out", "x.npz") == 0
    assert capsys.readouterr().out == "x.npz: samples 30 x 4 x 4 x 1, labels 0 to 9\n"
    arrays = load()
    assert arrays["samples"].shape == (30, 4, 4, 1) and 0 < arrays["samples"].min() <= arrays["samples"].max() < 1
    assert arrays["labels"].dtype == np.int64 and (arrays["labels"] == np.arange(30) % 10).all()


def test_the_default_need_not_be_the_first(lesson, capsys):
    lesson.write_text(lesson.read_text().replace('("images", images)', '("images", images, default=True)'))
    assert sample("gan/02", "--n", "3", "--out", "x.npz") == 0
    assert capsys.readouterr().out == "x.npz: samples 3 x 4 x 4 x 1, labels 0 to 2\n" and steps() == 120
    assert sample("gan/02", "--n", "3", "--model", "points", "--out", "y.npz") == 0
    assert load("y.npz")["samples"].shape == (3, 2)
    assert sample("gan/02", "--w", "1", "--out", "z.npz") == 2
    assert "the model 'images' of gan/02_gan does not take --w" in capsys.readouterr().err


def test_points_come_before_the_default_is_trained(lesson):
    lesson.write_text(lesson.read_text().replace('("images", images)', '("images", images, default=True)'))
    assert sample("gan/02", "--n", "3", "--model", "points", "--out", "y.npz") == 0
    assert steps() == 60


def test_two_defaults_are_a_mistake_of_the_lesson(lesson, capsys):
    text = lesson.read_text().replace('("images", images)', '("images", images, default=True)')
    lesson.write_text(text.replace(".astype(np.float32))\nb =", ".astype(np.float32), default=True)\nb ="))
    assert sample("gan/02", "--n", "3", "--model", "images", "--out", "x.npz") == 1
    assert "two samplers of a lesson are its default, one of them 'images'" in capsys.readouterr().err


def test_trained_once(lesson, capsys):
    assert sample("gan/02", "--n", "5", "--out", "x.npz") == 0
    first, done = load()["samples"], steps()
    capsys.readouterr()
    assert sample("gan/02", "--n", "5", "--out", "y.npz") == 0
    assert steps() == done and (load("y.npz")["samples"] == first).all()
    assert "is trained first" not in capsys.readouterr().err
    assert sample("gan/02", "--n", "5", "--seed", "1", "--out", "z.npz") == 0  # other seeds are other models
    assert steps() == 2 * done and (load("z.npz")["samples"] != first).all()
    assert sample("gan/02", "--n", "5", "--quick", "--out", "q.npz") == 0
    assert steps() == 2 * done + 5


def test_a_lesson_that_trains_nothing_before_its_sampler_says_nothing_of_a_training(write_lesson, capsys):
    body = "import numpy as np\nlesson.sampler('zeros', lambda rng, n: np.zeros((n, 2), np.float32))\n"
    write_lesson("gan/02_gan", body + TRAINING.format(pause=0))
    assert sample("gan/02", "--n", "5", "--out", "x.npz") == 0
    assert steps() == 0 and "trained" not in capsys.readouterr().err and load()["samples"].shape == (5, 2)
    assert sample("gan/02", "--n", "5", "--model", "points", "--out", "y.npz") == 0
    assert steps() == 60 and "gan/02_gan is trained first" in capsys.readouterr().err


@pytest.mark.slow
def test_digits_of_the_base_model_come_from_the_weights_of_the_package(tmp_path, monkeypatch, capsys):
    """diffusion/09 trains nothing before it offers them; the same seed gives the same digits."""
    monkeypatch.setenv("MINIGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for name in ("x.npz", "y.npz"):
        assert sample("diffusion/09", "--n", "3", "--label", "7", "--steps", "4", "--out", name) == 0
    assert "trained" not in capsys.readouterr().err
    x, y = load("x.npz"), load("y.npz")
    assert x["samples"].shape == (3, 28, 28, 1) and (x["labels"] == 7).all()
    np.testing.assert_array_equal(x["samples"], y["samples"])
    assert not list((tmp_path / "cache").rglob("checkpoints")) and not list((tmp_path / "cache").glob("*.npz"))


def test_a_changed_lesson_is_trained_anew(lesson):
    assert sample("gan/02", "--n", "5", "--out", "x.npz") == 0
    lesson.write_text(lesson.read_text().replace("rng.random()", "2 * rng.random()"))
    assert sample("gan/02", "--n", "5", "--out", "y.npz") == 0
    assert steps() == 120
    a, b = (load(path)["samples"].mean() for path in ("x.npz", "y.npz"))
    assert b > 1.5 * a


@pytest.mark.slow
def test_a_changed_package_is_trained_anew(monkeypatch, tmp_path):
    from minigen.course.lesson import recipe

    lesson = tmp_path / "lesson.py"
    lesson.write_text(
        "# %% [markdown]\n# Text.\n\n# %%\nfrom minigen.gan import losses\n\n"
        "def f():\n    import minigen.diffusion.networks.unet\n"
    )
    before = recipe.recipe_of(lesson)
    assert before == recipe.recipe_of(lesson) and len(before) == 16
    lesson.write_text(lesson.read_text().replace("Text.", "Another text."))
    assert recipe.recipe_of(lesson) == before  # prose changes no number
    files = [("train/fit.py", True), ("tensor/conv.py", True), ("nn/layers.py", True), ("gan/losses.py", True)]
    files += [("course/lesson/streams.py", True), ("course/lesson/run.py", False)]
    files += [("diffusion/networks/unet.py", True), ("diffusion/text.py", False), ("vae/vae.py", False)]
    for file, matters in files:
        for more, changes in [(b"\nmore = 1\n", matters), (b"# a remark", False)]:
            read = Path.read_bytes

            def changed(path, file=file, read=read, more=more):
                return read(path) + more * path.as_posix().endswith(f"minigen/{file}")

            with monkeypatch.context() as patched:
                patched.setattr(Path, "read_bytes", changed)
                recipe._code_in.cache_clear()
                assert (recipe.recipe_of(lesson) != before) is changes, (file, more)
            recipe._code_in.cache_clear()
    declaring = tmp_path / "declaring.py"
    declaring.write_text("from minigen.course import Lesson\n\nlesson = Lesson('a/01_b', pretrained=[])\n")
    before = recipe.recipe_of(declaring)
    declaring.write_text(declaring.read_text().replace("[]", "['digit_diffusion']"))
    with_model = recipe.recipe_of(declaring)
    assert with_model != before
    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", lambda path: read(path) + b"\nmore = 1\n" * (path.name == "unet.py"))
        recipe._code_in.cache_clear()
        assert recipe.recipe_of(declaring) != with_model, "what makes the models that a lesson declares"
    recipe._code_in.cache_clear()
    assert recipe.recipe_of(None) is None


def test_docstrings_and_comments_are_no_code(tmp_path):
    from minigen.course.lesson.recipe import _code_in

    texts = [
        'def f(x):\n    return "a" + x\n',
        '"""A module."""\n\ndef f(x):\n    """A function."""\n    return "a" + x  # joined\n',
        'def f(x):\n    return "b" + x\n',
    ]
    for i, text in enumerate(texts):
        (tmp_path / f"{i}.py").write_text(text)
    plain, documented, other = (_code_in(tmp_path / f"{i}.py") for i in range(3))
    assert plain == documented != other


def test_a_finished_run_is_used(lesson):
    assert main(["run", "gan/02"]) == 0
    done = steps()
    assert done == 120
    assert sample("gan/02", "--n", "5", "--out", "x.npz") == 0
    assert steps() == done
    assert sample("gan/02", "--n", "5", "--seed", "1", "--out", "y.npz") == 0
    assert steps() == done + 60
    files = sorted(path.name for path in Path("out/gan-02-gan/checkpoints").iterdir())
    assert files == ["a.npz", "b.npz"]


@pytest.mark.parametrize("spoil", ["lesson", "unfinished", "scale"])
def test_a_run_of_something_else_is_not_used(lesson, spoil):
    assert main(["run", "gan/02", *(["--scale", "1.5"] if spoil == "scale" else [])]) == 0
    done = steps()
    if spoil == "lesson":
        lesson.write_text(lesson.read_text() + "\nx = 1\n")
    if spoil == "unfinished":
        path = Path("out/gan-02-gan/metrics.json")
        path.write_text(json.dumps({**json.loads(path.read_text()), "status": "interrupted"}))
    assert sample("gan/02", "--n", "5", "--out", "x.npz") == 0
    assert steps() == done + 60


def test_a_damaged_checkpoint_is_trained_anew(lesson, capsys):
    assert sample("gan/02", "--n", "5", "--out", "x.npz") == 0
    (kept,) = Path("cache").rglob("checkpoints/*.npz")
    kept.write_bytes(b"nonsense")
    capsys.readouterr()
    assert sample("gan/02", "--n", "5", "--out", "y.npz") == 0
    assert "training it again" in capsys.readouterr().err
    assert steps() == 120 and (load("x.npz")["samples"] == load("y.npz")["samples"]).all()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_interrupted_then_continued(write_lesson):
    write_lesson("gan/02_gan", TRAINING.format(pause=0.02))
    command = [sys.executable, "-m", "minigen", "sample", "gan/02", "--n", "5", "--out"]
    process = subprocess.Popen([*command, "x.npz"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while steps() < 3:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=600)
    assert process.returncode == 130 and "to continue: the same command" in error
    assert not Path("x.npz").exists() and 3 <= steps() < 60
    assert subprocess.run([*command, "x.npz"], timeout=600, capture_output=True).returncode == 0
    assert steps() == 60
    for path in Path("cache").rglob("*.npz"):
        path.unlink()
    assert subprocess.run([*command, "y.npz"], timeout=600, capture_output=True).returncode == 0
    assert (load("x.npz")["samples"] == load("y.npz")["samples"]).all()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["gan/002"], "there is no lesson 'gan/002'; did you mean gan/02_gan"),
        (["gan/01"], "gan/01_kl trains no model to sample from; gan/02_gan can be sampled"),
        (["gan/02", "--model", "image"], "gan/02_gan has no model 'image'; did you mean 'images'?"),
        (["gan/02", "--model", "zzz"], "gan/02_gan has no model 'zzz'; it has 'points', 'images'"),
        (["gan/02", "--n", "0"], "--n: must be a whole number of at least 1, got '0'"),
        (["gan/02", "--n", "-3"], "got '-3'"),
        (["gan/02", "--n", "5e3"], "got '5e3'"),
        (["gan/02", "--seed", "x"], "--seed: must be a whole number of at least 0, got 'x'"),
        (["gan/02", "--out", "x.txt"], "--out must name a file that ends in .npz, got 'x.txt'"),
        (
            ["gan/02", "--out", "there.npz"],
            "there.npz already exists: choose another name, or replace it with --force",
        ),
        (["gan/02", "--out", "missing/x.npz"], "there is no folder missing"),
        (["gan/02", "--out", "folder.npz"], "folder.npz is a folder"),
        (["gan/02", "--out", "there.npz/x.npz"], "there is no folder there.npz"),
    ],
)
def test_usage_errors_come_before_training(lesson, write_lesson, capsys, args, says):
    write_lesson("gan/01_kl")
    Path("there.npz").write_text("mine")
    Path("folder.npz").mkdir()
    assert sample(*args, *([] if "--out" in args else ["--out", "x.npz"])) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1 and "Traceback" not in error
    assert steps() == 0 and Path("there.npz").read_text() == "mine" and not Path("x.npz").exists()


def test_without_a_file(lesson, capsys):
    assert sample("gan/02") == 2
    assert "--out" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="folders are writable for root")
def test_a_read_only_folder(lesson, capsys):
    Path("locked").mkdir(mode=0o500)
    assert sample("gan/02", "--out", "locked/x.npz") == 2
    assert "cannot write in locked" in capsys.readouterr().err and steps() == 0


def test_a_cache_that_cannot_be_written(lesson, capsys, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("MINIGEN_CACHE", str(tmp_path / "file"))
    assert sample("gan/02", "--out", "x.npz") == 2
    assert "MINIGEN_CACHE" in capsys.readouterr().err and steps() == 0


def test_force_replaces(lesson):
    Path("x.npz").write_text("old")
    assert sample("gan/02", "--n", "5", "--out", "x.npz", "--force") == 0
    assert load()["samples"].shape == (5, 2)


def test_a_lesson_that_fails(write_lesson, capsys):
    write_lesson("gan/02_gan", "1 / 0\nlesson.sampler('points', None)")
    assert sample("gan/02", "--out", "x.npz") == 1
    assert "ZeroDivisionError" in capsys.readouterr().err and not Path("x.npz").exists()
    write_lesson("gan/02_gan", "if lesson.seed:\n    lesson.sampler('points', None)")
    assert sample("gan/02", "--out", "x.npz") == 1
    assert "gan/02_gan ended without offering a model" in capsys.readouterr().err


def test_a_run_is_not_changed_by_its_samplers(lesson):
    assert main(["run", "gan/02"]) == 0
    assert Path("reached.txt").exists() and Path("out/gan-02-gan/early.png").exists()


rng = np.random.default_rng(0)


def test_a_large_number_is_drawn_in_parts():
    sizes = []

    def draw(rng, m):
        sizes.append(m)
        return rng.random((m, 3)), np.full(m, len(sizes), np.int32)

    samples, labels = checked_samples(draw, rng, 2501, "points")
    assert sizes == [834, 834, 833] and samples.shape == (2501, 3) and samples.dtype == np.float32
    assert labels.dtype == np.int64 and (np.bincount(labels)[1:] == sizes).all()


@pytest.mark.parametrize(
    ("drawn", "says"),
    [
        (np.zeros((4, 2)), r"must draw floats \(5, ...\), got float64 \(4, 2\)"),
        (np.zeros(5), "must draw floats"),
        (np.zeros((5, 2), int), "got int64"),
        (np.full((5, 2), np.nan), "not finite"),
        (np.full((5, 2, 2, 1), 1.5), r"images in \[0, 1\], got values from 1.5 to 1.5"),
        ((np.zeros((5, 2)), np.zeros(4, int)), "must give 5 whole numbers as labels"),
        ((np.zeros((5, 2)), np.zeros(5)), "must give 5 whole numbers as labels"),
    ],
)
def test_what_a_sampler_may_not_draw(drawn, says):
    with pytest.raises(ValueError, match=says) as error:
        checked_samples(lambda rng, n: drawn, rng, 5, "digits")
    assert "'digits'" in str(error.value)


# -- what one may ask for ----------------------------------------------------------------------------------------------

WISHED = """
def draw(rng, n, label=None, w=0.5):
    if label == 9:
        raise ValueError("no nines here")
    y = rng.integers(0, 3, n) if label is None else np.full(n, label)
    return np.full((n, 2), w, np.float32), y


lesson.sampler("digits", draw)
lesson.sampler("others", np.ones)
"""


def test_options_reach_the_sampler(write_lesson, capsys):
    write_lesson("gan/02_gan", "import numpy as np\n" + WISHED)
    assert sample("gan/02", "--n", "6", "--label", "7", "--w", "1.5", "--out", "x.npz") == 0
    arrays = load()
    assert np.all(arrays["labels"] == 7) and np.all(arrays["samples"] == 1.5)
    assert sample("gan/02", "--n", "6", "--out", "y.npz") == 0
    assert np.all(load("y.npz")["samples"] == 0.5) and load("y.npz")["labels"].max() < 3
    assert sample("gan/02", "--n", "6", "--label", "9", "--out", "z.npz") == 2
    assert "gan/02_gan cannot draw that: no nines here" in capsys.readouterr().err and not Path("z.npz").exists()


def test_options_that_a_model_does_not_take(write_lesson, capsys):
    write_lesson("gan/02_gan", "import numpy as np\nraise SystemExit('it has begun')\n" + WISHED)
    for option, says in [
        (["--steps", "5"], "the model 'digits' of gan/02_gan does not take --steps; it takes --label, --w"),
        (["--caption", "a seven"], "does not take --caption; it takes --label, --w"),
        (["--model", "others", "--w", "1"], "the model 'others' of gan/02_gan does not take --w; it takes nothing"),
        (["--label", "-1"], "--label: must be a whole number from 0 to 9"),
        (["--label", "10"], "--label: must be a whole number from 0 to 9"),
        (["--caption", "a purple seven"], "'purple' in 'a purple seven' is not in the vocabulary"),
        (["--caption", "thin"], "must name a digit"),
        (["--w", "nan"], "the weight is a finite number"),
        (["--steps", "0"], "--steps: must be a whole number of at least 1"),
    ]:
        assert sample("gan/02", *option, "--out", "x.npz") == 2
        assert says in capsys.readouterr().err


@pytest.mark.slow
def test_the_lessons_offer_what_they_say():
    """The diffusion lessons with labels take --label; those with guidance take --w, those with captions --caption."""
    from minigen.course.index.lessons import all_lessons

    options = {
        lesson.number: [lesson.sampler_options(sampler) for sampler in lesson.samplers]
        for lesson in all_lessons()
        if lesson.id.startswith("diffusion/") and lesson.samplers
    }
    assert options["06"] == [("label", "steps")] and options["08"] == [("label", "w")]
    assert options["09"][0] == ("label", "w", "steps") and options["10"][0] == ("label", "steps")
    assert options["15"][0] == options["16"][0] == ("caption", "w", "steps")
