"""Faults: kills, full disks, damaged files, two runs at once. Nothing is lost, nothing is wrong without a word.

A dozen are always tried; `python -m pytest -m faults` tries them at every place.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from minigen.cli import main
from minigen.course.lesson.options import RunOptions, script_options

pytestmark = pytest.mark.slow

# One number that grows by a random amount a step, in two trainings, with a line in `steps.txt` for each step made.
LESSON = """
import time
import numpy as np
from minigen import plot


def train(label):
    total, rng = np.zeros(1), lesson.rng(label)
    ballast = np.zeros({ballast})

    def step(i):
        time.sleep({pause})
        with open("steps.txt", "a") as file:
            file.write(label)
        total[0] += rng.random()
        return float(total[0])

    lesson.fit(
        step, lesson.steps(40, quick=5), state={{"total": total, "rng": rng, "ballast": ballast}}, label=label, every=5
    )
    return total


a = train("a")
fig, ax = plot.figure()
lesson.figure(fig, "f01_line", caption="A frame.")
lesson.sampler("points", lambda rng, n: (a + rng.random((n, 2))).astype(np.float32))
b = train("b")
lesson.claim("sum", float(a[0] + b[0]), at_least=0.0)
"""
OUT = Path("out/gan-02-gan")
linux = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX systems")


@pytest.fixture
def lesson(write_lesson):
    def write(pause=0.0, ballast=1, **replace):
        body = LESSON.format(pause=pause, ballast=ballast)
        for old, new in replace.items():
            body = body.replace(old, new)
        return write_lesson("gan/02_gan", body)

    return write


def command(*args):
    return [sys.executable, "-m", "minigen", *args]


def minigen(*args, **options):
    options = {"capture_output": True, "text": True, "encoding": "utf-8", "timeout": 600} | options
    return subprocess.run(command(*args), **options)


def start(*args):
    return subprocess.Popen(command(*args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def call(*args):
    try:
        return main(list(args))
    except SystemExit as error:
        return error.code


def steps():
    return len(Path("steps.txt").read_text()) if Path("steps.txt").exists() else 0


def wait_for_steps(count):
    deadline = time.monotonic() + 600
    while steps() < count:
        assert time.monotonic() < deadline, "the lesson does not train"
        time.sleep(0.01)


def metrics(folder=OUT):
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8"))


def one_line(text):
    assert text.endswith("\n") and text.count("\n") == 1, f"not one line: {text!r}"
    assert "Traceback" not in text
    return text.rstrip()


# -- two at once -------------------------------------------------------------------------------------------------------


@linux
def test_the_second_run_in_a_folder_is_told_who_runs(lesson):
    lesson(pause=0.05)
    first = start("run", "gan/02")
    try:
        wait_for_steps(7)
        second = minigen("run", "gan/02", "--seed", "1")
        assert second.returncode == 2
        assert f"another run (process {first.pid}, since " in one_line(second.stderr)
        assert "is writing to out/gan-02-gan: wait for it, or choose another --out" in second.stderr
        first.kill()
        first.wait(timeout=600)
        third = minigen("run", "gan/02", "--seed", "1")  # the lock of a process that was killed is free
        assert third.returncode == 0, third.stderr
        assert metrics()["seed"] == 1 and [claim["status"] for claim in metrics()["claims"]] == ["passed"]
        assert "the run that was in out/gan-02-gan is kept in out/gan-02-gan.1" in third.stdout
        again = minigen("run", "gan/02", "--seed", "1", "--out", "other")
        assert again.returncode == 0 and metrics(Path("other/gan-02-gan"))["claims"] == metrics()["claims"]
    finally:
        first.kill()
        first.communicate()


@linux
def test_two_samples_of_one_model_train_it_once(lesson):
    lesson(pause=0.02)
    both = [start("sample", "gan/02", "--n", "5", "--out", f"{name}.npz") for name in "xy"]
    errors = [process.communicate(timeout=600)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    assert steps() == 40 and sum("waiting for it" in error for error in errors) == 1
    with np.load("x.npz") as x, np.load("y.npz") as y:
        assert np.array_equal(x["samples"], y["samples"])


def test_a_cell_is_run_again_in_the_process_that_holds_the_folder(tmp_path):
    from minigen.course import Lesson

    for seed in (0, 1):
        lesson = Lesson("gan/02_gan", title="GANs", post="gan", options=RunOptions(out=tmp_path, seed=seed))
    lesson.finish()
    assert metrics(tmp_path / "gan-02-gan")["seed"] == 1


# -- other code --------------------------------------------------------------------------------------------------------


def test_resuming_with_other_code_is_refused(lesson, capsys):
    path = lesson()
    assert call("run", "gan/02") == 0
    recipe = metrics()["recipe"]
    path.write_text(path.read_text().replace("A small lesson", "Other words for a small lesson"))
    assert call("run", "gan/02", "--resume") == 0  # text is not code
    assert steps() == 80 and metrics()["recipe"] == recipe
    path.write_text(path.read_text().replace("rng.random()", "2 * rng.random()", 1))
    capsys.readouterr()
    assert call("run", "gan/02", "--resume") == 2
    assert "has changed since the run in out/gan-02-gan began" in one_line(capsys.readouterr().err)
    assert call("run", "--resume", "anyway", "gan/02") == 0
    assert steps() == 80 and metrics()["recipe"] is None
    assert call("run", "gan/02", "--resume") == 2  # a mixed run stays one
    assert call("run", "gan/02") == 0
    assert steps() == 160 and metrics()["recipe"] not in (None, recipe)


def test_a_cached_model_of_other_code_is_trained_anew(tmp_path, monkeypatch):
    from minigen.course.lesson import cache, recipe

    monkeypatch.setenv("MINIGEN_CACHE", str(tmp_path))
    source = """
from minigen.nn import MLP
import numpy as np

def build(config):
    return MLP(np.random.default_rng(0), [2, 1])

def helper(model):
    from minigen.metrics import sliced_wasserstein
    for array in model.parameters().values():
        array[...] = {value}

def train(model, config):
    trained.append(1)
    helper(model)
"""

    def get(value=1, said=None):
        path = tmp_path / f"recipe{value}.py"
        path.write_text(source.format(value=value))
        space = {"trained": [], "__name__": "a_lesson"}
        exec(compile(path.read_text(), str(path), "exec"), space)
        cache.cached_model("m", {}, space["build"], space["train"], say=(said if said is not None else []).append)
        return len(space["trained"])

    assert (get(), get()) == (1, 0)
    said = []
    assert get(2, said) == 1, "a function that `train` calls has changed"
    assert "the cached one has other settings, or other code made it" in said[0]
    for file, matters in [("metrics/transport.py", True), ("nn/layers.py", True), ("vae/vae.py", False)]:
        read = Path.read_bytes

        def changed(path, file=file, read=read):
            return read(path) + b"\nmore = 1\n" * path.as_posix().endswith(f"minigen/{file}")

        with monkeypatch.context() as patched:
            patched.setattr(Path, "read_bytes", changed)
            recipe._code_in.cache_clear()
            assert get() == matters, file
        recipe._code_in.cache_clear()


# -- disks and kills ---------------------------------------------------------------------------------------------------


def limited(size):
    import resource

    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def check_a_full_disk(size):
    """A run whose files may not grow beyond `size` bytes: one line of advice, and afterwards the run works."""
    done = minigen("run", "gan/02", preexec_fn=limited(size))
    assert done.returncode == 2, done.stdout + done.stderr
    assert re.search("(File too large|cannot write to)", one_line(done.stderr)), done.stderr
    advised = minigen("run", "gan/02", "--resume")
    assert advised.returncode == 0, advised.stderr
    again = minigen("run", "gan/02", "--out", "other")
    assert again.returncode == 0 and metrics(Path("other/gan-02-gan"))["claims"] == metrics()["claims"]
    assert not list(Path("out").rglob("*.part"))


@linux
def test_a_full_disk_in_the_middle(lesson):
    lesson(ballast=4000)
    check_a_full_disk(20_000)


@linux
@pytest.mark.faults
@pytest.mark.parametrize("size", [0, 1, 50, 200, 250, 500, 1000, 2000, 4000, 33_000])
def test_a_full_disk_at_every_place(lesson, size):
    lesson(ballast=4000)
    check_a_full_disk(size)


def check_a_kill(after, signal_number=signal.SIGKILL):
    """A run killed after some seconds and resumed gives what it gives without."""
    process = start("run", "gan/02", "--seed", "5")
    time.sleep(after)
    process.send_signal(signal_number)
    process.communicate(timeout=600)
    resumed = minigen("run", "gan/02", "--seed", "5", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    again = minigen("run", "gan/02", "--seed", "5", "--out", "other")
    assert again.returncode == 0 and metrics(Path("other/gan-02-gan"))["claims"] == metrics()["claims"]
    assert not list(Path("out").rglob("*.part"))


@linux
def test_a_kill_in_the_middle(lesson):
    lesson(pause=0.02)
    check_a_kill(2.0)


@linux
@pytest.mark.faults
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("after", np.random.default_rng(0).uniform(0.05, 4, 12).round(2))
def test_a_kill_at_any_time(lesson, after, number):
    lesson(pause=0.02)
    check_a_kill(after, number)


def test_a_marker_that_was_being_written(lesson):
    lesson()
    OUT.mkdir(parents=True)
    (OUT / "..minigen.json.0123abcd.part").write_text('{"minigen')
    assert call("run", "gan/02") == 0
    assert not list(OUT.glob("*.part")) and metrics()["status"] == "passed"


def damages():
    """(name, function of a checkpoint's bytes) that make it unusable."""

    def newer(content):
        from io import BytesIO

        with np.load(BytesIO(content)) as archive:
            arrays = dict(archive)
        arrays["meta"] = np.array(json.dumps(json.loads(str(arrays["meta"])) | {"format": 99}))
        file = BytesIO()
        np.savez(file, **arrays)
        return file.getvalue()

    def foreign(content):
        from io import BytesIO

        file = BytesIO()
        np.savez(file, a=np.zeros(3))
        return file.getvalue()

    yield "empty", lambda content: b""
    yield "truncated", lambda content: content[: len(content) // 2]
    yield "newer", newer
    yield "foreign", foreign
    yield "text", lambda content: b"not a checkpoint"


@pytest.mark.parametrize(("kind", "damage"), list(damages()), ids=lambda value: value if isinstance(value, str) else "")
def test_a_damaged_checkpoint(lesson, capsys, kind, damage):
    lesson()
    assert call("run", "gan/02") == 0
    claims = metrics()["claims"]
    file = OUT / "checkpoints" / "b.npz"
    file.write_bytes(damage(file.read_bytes()))
    capsys.readouterr()
    assert call("run", "gan/02", "--resume") == 2
    said = one_line(capsys.readouterr().err)
    assert "b.npz" in said and "delete the file to train this part again, or run without --resume" in said
    file.unlink()
    assert call("run", "gan/02", "--resume") == 0
    assert steps() == 120 and metrics()["claims"] == claims


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(24))
def test_a_flipped_bit(lesson, capsys, seed):
    """It is found, or it changes nothing (in a file's names and padding)."""
    lesson()
    assert call("run", "gan/02") == 0
    claims, file = metrics()["claims"], OUT / "checkpoints" / "b.npz"
    content, rng = bytearray(file.read_bytes()), np.random.default_rng(seed)
    content[rng.integers(len(content))] ^= 1 << rng.integers(8)
    file.write_bytes(bytes(content))
    capsys.readouterr()
    if call("run", "gan/02", "--resume") == 0:
        assert metrics()["claims"] == claims
    else:
        assert "b.npz" in one_line(capsys.readouterr().err)


# -- what stands in the current folder ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["minigen", "numpy", "json"])
def test_a_file_of_ones_own_is_not_taken_for_a_package(lesson, tmp_path, name):
    lesson()
    (tmp_path / f"{name}.py").write_text("print('mine')\n")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "minigen", "run", "--all", "--quick"], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert "mine" not in done.stdout and done.stdout.splitlines()[-1].split() == ["gan/02_gan", "ok"]
    assert metrics(Path("out/gan-02-gan-quick"))["status"] == "not judged"
    if name != "minigen":
        assert "mine" not in minigen("list").stdout


def test_a_run_that_wrote_nothing_is_not_ok(write_lesson):
    path = write_lesson("gan/02_gan")
    assert minigen("run", "--all", "--quick").returncode == 0
    path.write_text("import sys\n\nsys.exit(0)\n" + path.read_text())
    done = minigen("run", "--all", "--quick")
    assert done.returncode == 1 and "failed (no metrics.json)" in done.stdout.splitlines()[-1]


# -- what was there before ---------------------------------------------------------------------------------------------


def test_a_finished_run_is_kept(lesson, capsys):
    lesson()
    assert call("run", "gan/02") == 0
    picture = (OUT / "f01_line.png").read_bytes()
    assert call("run", "gan/02", "--quick") == 0  # in a folder of its own
    assert metrics()["seed"] == 0 and metrics(Path("out/gan-02-gan-quick"))["quick"]
    capsys.readouterr()
    assert call("run", "gan/02", "--seed", "1") == 0
    kept = Path("out/gan-02-gan.1")
    assert f"the run that was in {OUT} is kept in {kept}" in capsys.readouterr().out
    assert metrics()["seed"] == 1 and metrics(kept)["seed"] == 0
    assert (kept / "f01_line.png").read_bytes() == picture
    assert {path.name for path in (kept / "checkpoints").iterdir()} == {"a.npz", "b.npz"}
    assert call("run", "gan/02", "--seed", "1") == 0  # the same again gives the same: nothing to keep
    assert call("run", "gan/02", "--seed", "2", "--overwrite") == 0
    assert {path.name for path in Path("out").iterdir()} == {"gan-02-gan", "gan-02-gan.1", "gan-02-gan-quick"}
    assert metrics()["seed"] == 2


def test_a_folder_deleted_meanwhile(lesson, capsys):
    lesson(**{"fig, ax = plot.figure()": 'import shutil\nshutil.rmtree("out")\nfig, ax = plot.figure()'})
    assert call("run", "gan/02") == 2
    assert "out/gan-02-gan has been deleted or moved while the lesson ran" in one_line(capsys.readouterr().err)
    assert not Path("out").exists()


# -- terminals ---------------------------------------------------------------------------------------------------------


@linux
def test_an_output_that_nobody_reads_any_more(lesson):
    lesson()
    done = subprocess.run(
        f"{shlex.join(command('run', 'gan/02'))} | head -n 1", shell=True, capture_output=True, text=True, timeout=600
    )
    assert done.stdout.startswith("gan/02_gan") and done.stdout.count("\n") == 1
    assert "the output has been closed; to continue: minigen run gan/02_gan --resume" in one_line(done.stderr)
    assert metrics()["status"] == "interrupted"


@linux
@pytest.mark.parametrize("arguments", [("list",), ("run", "gan/02", "--quick")], ids=" ".join)
def test_an_output_that_is_closed(lesson, arguments):
    lesson()
    done = subprocess.run(f"{shlex.join(command(*arguments))} >&-", shell=True, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_no_home(monkeypatch, tmp_path, capsys):
    from minigen.course import UsageError
    from minigen.course.lesson.cache import cache_dir, cached_model
    from minigen.nn import MLP

    def nobody():
        raise RuntimeError("Could not determine home directory.")

    for name in ("MINIGEN_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", nobody)
    with pytest.raises(UsageError, match="name one by the variable MINIGEN_CACHE"):
        cache_dir()

    def build(config):
        return MLP(np.random.default_rng(0), [2, 1])

    assert cached_model("m", {}, build, lambda model, config: None).parameters()
    assert "could not be kept for the next time (there is no home directory" in one_line(capsys.readouterr().out)


def test_the_command_that_repeats_a_run():
    options = RunOptions(quick=True, scale=0.0123456789, seed=3, out=Path("my out"), with_file=Path("it's.py"))
    text = options.command("python lesson.py")
    with_file = text.split(" --with ")[1]
    assert shlex.split(with_file) == ["it's.py"]
    words = shlex.split(text.split(" --with ")[0])[2:]
    assert script_options(words, "lesson.py") == RunOptions(True, 0.0123456789, 3, Path("my out"), ask=True)
    assert script_options(["--resume", "anyway"], "lesson.py") == RunOptions(
        resume=True, even_if_changed=True, ask=True
    )
    assert script_options(["--resume"], "lesson.py") == RunOptions(resume=True, ask=True)


@linux
def test_the_printed_command_resumes(lesson):
    lesson(pause=0.02)
    process = start("run", "gan/02", "--scale", "1.0123456789", "--out", "my out")
    wait_for_steps(10)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=600)
    assert process.returncode == 130
    printed = one_line(error).split("to continue: ")[1]
    assert printed == "minigen run gan/02_gan --scale 1.0123456789 --out 'my out' --resume"
    before = steps()
    assert minigen(*shlex.split(printed)[1:]).returncode == 0
    assert steps() == 80 and before < 80, "1.0123... times 40 steps are 40, and none is made twice"


# -- pretrained models -------------------------------------------------------------------------------------------------

PRETRAINED = """
import time
import numpy as np
from minigen.nn import MLP


def build(config):
    return MLP(np.random.default_rng(0), [2, 1])


def train(model, config, fit):
    rng = np.random.default_rng(1)

    def step(i):
        time.sleep({pause})
        with open("steps.txt", "a") as file:
            file.write("p")
        for array in model.parameters().values():
            array += rng.random(array.shape, dtype=np.float32)
        return 0.0

    fit(step, 40, state={{"model": model, "rng": rng}}, label="shared model", every=1)


model = lesson.train_once("shared", {{}}, build, train)
lesson.claim("sum", float(sum(array.sum() for array in model.parameters().values())), at_least=0.0)
"""


@linux
def test_an_interrupted_pretrained_model_goes_on(write_lesson, monkeypatch, tmp_path):
    write_lesson("gan/02_gan", PRETRAINED.format(pause=0.05))
    process = start("run", "gan/02")
    wait_for_steps(5)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=600)
    assert process.returncode == 130 and "--resume" in one_line(error)
    before = steps()
    assert 5 <= before < 40
    assert minigen("run", "gan/02", "--resume").returncode == 0
    assert steps() == 40
    assert [path.suffix for path in (tmp_path / "cache").iterdir() if path.suffix != ".lock"] == [".npz"]
    resumed = metrics()["claims"]
    monkeypatch.setenv("MINIGEN_CACHE", str(tmp_path / "another cache"))
    assert minigen("run", "gan/02", "--out", "other").returncode == 0
    assert metrics(Path("other/gan-02-gan"))["claims"] == resumed


@linux
def test_two_runs_train_a_shared_model_once(write_lesson):
    write_lesson("gan/02_gan", PRETRAINED.format(pause=0.02))
    both = [start("run", "gan/02", "--out", name) for name in ("one", "two")]
    outputs = [process.communicate(timeout=600) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert steps() == 40 and sum("another process is training it" in out for out, _ in outputs) <= 1


def test_what_same_seed_means_is_recorded(lesson):
    lesson()
    assert call("run", "gan/02", "--quick") == 0
    machine = metrics(Path("out/gan-02-gan-quick"))["machine"]
    assert machine["processor"] and 1 <= machine["cores"] <= os.cpu_count()
    assert all(library["internal_api"] and library["num_threads"] >= 1 for library in machine["blas"])
    assert machine["blas"], "NumPy has a BLAS"


def test_the_peak_of_memory_is_recorded(write_lesson):
    write_lesson("gan/02_gan", "import numpy as np\n\nx = np.ones(20_000_000)\ndel x")  # 160 MB
    peaks = []
    for change in ("", "x = 1"):
        write_lesson("gan/02_gan", change) if change else None
        assert minigen("run", "gan/02", "--quick").returncode == 0
        peaks.append(metrics(Path("out/gan-02-gan-quick"))["peak_memory_mb"])
    if peaks[0] is not None:
        assert 140 < peaks[0] - peaks[1] < 180
