"""A lesson's promises: streams, steps, checkpoints, files, checks, claims, pretrained models, notebooks."""

import json
import re
import subprocess
import sys
import types

import numpy as np
import pytest

from minigen.cli import main
from minigen.course import CheckFailed, Lesson, UsageError
from minigen.course.lesson import events
from minigen.course.lesson.options import RunOptions
from minigen.nn import MLP


@pytest.fixture
def make(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGEN_CACHE", str(tmp_path / "cache"))

    def lesson(id="gan/02_gan", **options):
        options.setdefault("out", tmp_path / "out")
        return Lesson(id, title="GANs", post="gan", sections=["gan.s02"], options=RunOptions(**options))

    return lesson


def metrics(lesson):
    return json.loads((lesson.out / "metrics.json").read_text(encoding="utf-8"))


def test_random_streams(make):
    lesson = make(seed=3)
    draws = {name: lesson.rng(name).standard_normal(4) for name in ("", "data", "model")}
    assert np.array_equal(draws["data"], lesson.rng("data").standard_normal(4))
    assert not np.isclose(draws["data"], draws["model"]).any() and not np.isclose(draws["data"], draws[""]).any()
    assert not np.isclose(draws["data"], make(seed=4, out=lesson.out / "4").rng("data").standard_normal(4)).any()
    # pinned: the hash of a name must be the same in every process and on every machine
    assert lesson.rng("data").integers(0, 10**6, 3).tolist() == [675943, 691105, 220846]


def test_steps_and_sizes(make, tmp_path):
    assert (make().steps(4000), make().size(10_000)) == (4000, 10_000)
    scaled = make(scale=2.5)
    assert (scaled.steps(4000), scaled.steps(3), scaled.size(10_000)) == (10_000, 8, 10_000)
    assert make(scale=1e-9).steps(10) == 1
    quick = make(quick=True, scale=5)
    assert (quick.steps(4000), quick.steps(4000, quick=50), quick.steps(7)) == (20, 50, 7)
    assert (quick.size(10_000), quick.size(10_000, quick=500), quick.size(3)) == (1000, 500, 1)


@pytest.mark.parametrize(
    ("value", "bar", "holds"),
    [
        (0.9, dict(at_least=0.9), True),
        (0.89, dict(at_least=0.9), False),
        (0.1, dict(at_most=0.1), True),
        (0.11, dict(at_most=0.1), False),
        (0.6, dict(between=(0.6, 0.7)), True),
        (0.71, dict(between=(0.6, 0.7)), False),
        (1.0005, dict(equals=1, atol=1e-3), True),
        (1.0015, dict(equals=1, atol=1e-3), False),
        (1.0 + 5e-7, dict(equals=1.0), True),
        (1.0 + 5e-6, dict(equals=1.0), False),
        (8, dict(equals=8), True),
        (7, dict(equals=8), False),
        ([0.95, 0.91], dict(at_least=0.9), True),
        ([0.95, 0.89], dict(at_least=0.9), False),
        (np.float32(0.95), dict(at_least=0.9), True),
        (float("nan"), dict(at_least=0.9), False),
        (float("nan"), dict(at_most=0.9), False),
        (float("nan"), dict(equals=0.9, atol=1.0), False),
        (float("inf"), dict(equals=float("inf")), True),
        (float("-inf"), dict(equals=float("inf")), False),
        (float("inf"), dict(equals=0.0, atol=float("inf")), True),
        ([], dict(at_least=0.9), False),
        ([[1, 2], [3, 4]], dict(equals=[[1, 2], [3, 4]]), True),
        ([1, 2, 3], dict(equals=[1, 2]), False),
        (True, dict(equals=True), True),
        ("relu", dict(equals="relu"), True),
        ("relu", dict(equals="tanh"), False),
        (["relu", "tanh"], dict(equals=["relu", "tanh"]), True),
        (["relu", "tanh"], dict(equals="relu"), False),
        ("relu", dict(equals=1.0), False),
        (1.0, dict(equals="relu"), False),
        ("relu", dict(at_least=0), False),
        ([[2.0, 2.0], [2.0, 2.0]], dict(equals=2), True),  # a single number is compared with every entry
        ([2.0, 2.0], dict(equals=np.float64(2)), True),
        (np.full((2, 2), 0.1), dict(equals=[[0.1]]), False),  # and nothing else is broadcast
        (np.full((2, 2), 0.1), dict(equals=[0.1, 0.1]), False),
        ([[0.1]], dict(equals=np.full((2, 2), 0.1)), False),
        (0.1, dict(equals=[0.1]), False),
        (0.1, dict(equals=np.full((2, 2), 0.1)), False),
        ([0.1], dict(equals=0.1), True),
        ((4,), dict(equals=(4, 4)), False),
        (4, dict(equals=(4, 4)), False),
        ((4, 4), dict(equals=(4, 4)), True),
        (["relu"], dict(equals=["relu", "relu"]), False),
    ],
)
def test_bars(make, value, bar, holds):
    lesson = make()
    lesson.claim("a", value, **bar, source="here", unit="nats")
    assert lesson.summary.claims["a"].status == ("passed" if holds else "failed")
    if holds:
        lesson.check("a", value, **bar)
    else:
        with pytest.raises(CheckFailed, match="check failed: a: got .*, must be "):
            lesson.check("a", value, **bar)
    lesson.finish()
    assert metrics(lesson)["status"] == ("passed" if holds else "failed")
    make(quick=True)


def test_a_check_that_fails_says_what_differs(make):
    lesson = make()
    for value, equals, says in [
        ([[0.1]], np.full((2, 2), 0.1), r"\(shape \(1, 1\), not \(2, 2\)\)"),
        (np.full((2, 3), 0.1), [0.1, 0.1, 0.1], r"\(shape \(2, 3\), not \(3,\)\)"),
        (0.1, [0.1], r"\(shape \(\), not \(1,\)\)"),
        ((4,), (4, 4), r"\(shape \(1,\), not \(2,\)\)"),
        ([0.0, 1.0, float("nan")], 0.0, r"\(largest difference inf, at \(2,\)\)"),
        ([0.0, 1.0, 0.5], [0.0, 0.5, 0.0], r"\(largest difference 0.5, at \(1,\)\)"),
        (1.00001, 1.0, r"got 1, must be = 1 ± 1e-06 \(difference 1e-05\)"),
        (2.0, 1.0, r"got 2, must be = 1 ± 1e-06$"),
        ("1", 1.0, r"got 1, must be = 1 ± 1e-06 \(a text, not a number\)"),
        (1.0, "1", r"\(a number, not a text\)"),
        ("b", "a", r"got b, must be = a$"),
    ]:
        with pytest.raises(CheckFailed, match=says):
            lesson.check("a", value, equals=equals)


def test_a_claim_needs_exactly_one_bar(make):
    lesson = make()
    for bars in [{}, dict(at_least=1, at_most=2), dict(at_least=1, atol=1), dict(between=(2, 1)), dict(between=3)]:
        with pytest.raises((ValueError, TypeError), match="a"):
            lesson.claim("a", 1.0, **bars)
    lesson.check("as it stands", np.bool_(True))
    with pytest.raises(CheckFailed):
        lesson.check("as it stands", False)
    with pytest.raises(ValueError, match="needs a condition"):
        lesson.check("as it stands", 1.0)
    lesson.claim("a", 1.0, at_least=0)
    with pytest.raises(ValueError, match="two claims"):
        lesson.claim("a", 2.0, at_least=0)


def test_what_is_written(make, capsys):
    lesson = make(seed=5)
    cfg = lesson.configure(width=64, rate=np.float32(0.5))
    assert cfg.width == 64
    lesson.table(
        [["ring", 0.123456, 3], ["two moons", float("nan"), np.int64(12)]], ["density", "distance", "n"], "Distances"
    )
    lesson.show_source(MLP.__call__)
    lesson.claim("quality", np.array([0.9, 0.95]), at_least=0.85, source="the paper, table 1")
    lesson.check("big", np.zeros(1000), equals=0.0)
    lesson.finish()
    out = capsys.readouterr().out
    assert (
        "\n  density    distance   n\n  ---------  --------  --\n  ring         0.1235   3\n  two moons       nan  12\n"
        in out
    )
    assert "quality  0.9, 0.95  ≥ 0.85     passed   the paper, table 1" in out
    log = (lesson.out / "log.txt").read_text(encoding="utf-8")
    assert "def __call__" in log and "def __call__" not in out and "source  minigen/nn/" in out
    written = metrics(lesson)
    assert written["configuration"] == {"width": 64, "rate": 0.5} and written["seed"] == 5
    assert written["tables"] == [
        {
            "title": "Distances",
            "header": ["density", "distance", "n"],
            "rows": [["ring", 0.123456, 3], ["two moons", "nan", 12]],
        }
    ]
    assert written["claims"][0]["value"] == [0.9, 0.95] and written["claims"][0]["at_least"] == 0.85
    assert len(json.dumps(written["checks"])) < 500
    assert {"python", "numpy", "minigen"} <= set(written["versions"])


def test_figures_and_animations(make):
    from minigen import plot

    lesson = make()
    axes = plot.line(np.arange(4.0), np.arange(4.0))
    lesson.figure(axes, "f02_line", caption="It rises.")
    frames = [np.full((8, 8), 40 * k, np.uint8) for k in range(3)]
    lesson.animation(frames, "moving", fps=5)
    assert (lesson.out / "f02_line.png").read_bytes().startswith(b"\x89PNG")
    assert (lesson.out / "moving.gif").read_bytes().startswith(b"GIF8")
    with pytest.raises(ValueError, match="two figures"):
        lesson.figure(axes, "f02_line")
    for name in ("../up", "a b", ""):
        with pytest.raises(ValueError, match="the name of a figure"):
            lesson.figure(axes, name)
    lesson.finish()
    assert metrics(lesson)["figures"][0] == {"file": "f02_line.png", "caption": "It rises."}
    assert not list(lesson.out.glob(".partial*"))


def walk(lesson, stop=None):
    """A random walk trained in two stages; `stop` breaks it off in the second one. Returns where it ends."""
    rng, at, seen = lesson.rng("walk"), np.zeros(2), np.zeros(5)

    def step(i):
        if stop is not None and i == stop and at[1] == 1:
            raise KeyboardInterrupt
        at[0] += rng.standard_normal()
        if i % 10 == 0:
            seen[i // 10] = at[0]
        return float(at[0])

    state = {"at": at, "rng": rng, "seen": seen}
    first = lesson.fit(step, 50, state=state, label="first stage", every=7)
    at[1] = 1
    second = lesson.fit(step, 50, state=state, label="second stage", every=7)
    return at, seen, first["loss"], second["loss"]


def test_resuming_gives_the_same_numbers(make, tmp_path, capsys):
    whole = walk(make(out=tmp_path / "whole"))
    lesson = make(out=tmp_path / "parts")
    with pytest.raises(KeyboardInterrupt):
        walk(lesson, stop=30)
    lesson.events.emit(events.End("interrupted"))
    assert metrics(lesson)["status"] == "interrupted"
    capsys.readouterr()
    lesson = make(out=tmp_path / "parts", resume=True)
    again = walk(lesson)
    assert capsys.readouterr().out.count("continuing from") == 2
    for a, b in zip(whole, again):
        assert np.array_equal(a, b)
    lesson.finish()


def test_resuming_something_else_is_refused(make):
    make(seed=1).folder.release()
    for options, says in [
        (dict(seed=2), "had seed 1, not 2"),
        (dict(seed=1, scale=2.0), "had scale 1.0, not 2.0"),
    ]:
        with pytest.raises(UsageError, match=says):
            make(resume=True, **options)
    lesson = make(seed=1, resume=True)
    lesson.fit(lambda i: 0.0, 10, state={"x": np.zeros(3)}, label="a")
    lesson.folder.release()
    lesson = make(seed=1, resume=True)  # the lesson has changed: said in one line, not a traceback
    with pytest.raises(UsageError, match="run without --resume"):
        lesson.fit(lambda i: 0.0, 10, state={"x": np.zeros(4)}, label="a")


def test_resume_without_a_run_starts_one(make, capsys):
    make(resume=True)
    assert "nothing to resume" in capsys.readouterr().out


def test_a_new_run_does_not_use_old_checkpoints(make):
    for _ in range(2):
        lesson, x = make(), np.zeros(1)

        def step(i, x=x):
            x += 1
            return float(x[0])

        history = lesson.fit(step, 10, state={"x": x}, label="a")
        assert x[0] == 10 and history["loss"][0] == 1
        lesson.folder.release()


def test_each_training_has_its_own_label(make):
    lesson = make()
    lesson.fit(lambda i: 0.0, 2, label="a")
    with pytest.raises(ValueError, match="its own label"):
        lesson.fit(lambda i: 0.0, 2, label="a")


def test_foreign_files_are_safe(make, tmp_path):
    lesson = make()
    lesson.folder.release()
    (lesson.out / "table.txt").write_text("mine")
    (lesson.out / "f01.png").write_text("mine")
    lesson = make()
    from minigen import plot

    with pytest.raises(UsageError, match="f01.png was not written by minigen"):
        lesson.figure(plot.line(np.arange(3.0), np.arange(3.0)), "f01")
    assert (lesson.out / "f01.png").read_text() == "mine" and (lesson.out / "table.txt").read_text() == "mine"
    lesson.folder.release()

    marker = lesson.out / ".minigen.json"
    (tmp_path / "precious").write_text("mine")
    content = json.loads(marker.read_text(encoding="utf-8"))
    for broken in [content | {"files": ["../../precious"]}, content | {"files": None}, [], "x"]:
        marker.write_text(json.dumps(broken))
        with pytest.raises(UsageError, match="did not write"):
            make()
        assert (tmp_path / "precious").read_text() == "mine"


def test_two_lessons_do_not_share_a_folder(make):
    make("gan/02_gan")
    with pytest.raises(UsageError, match="holds a run of gan/02_gan: choose another --out"):
        make("gan/02_gan_")  # the same name on the disk


def recipe(calls, width=3):
    def build(config):
        return MLP(np.random.default_rng(0), [2, config["width"], 1])

    def train(model, config):
        calls.append(config)
        for array in model.parameters().values():
            array[...] = len(calls)

    return dict(config={"width": width}, build=build, train=train)


def test_pretrained_models_are_trained_once(make, tmp_path, capsys):
    lesson, calls = make(), []
    first = lesson.train_once("digit classifier", **recipe(calls))
    again = make().train_once("digit classifier", **recipe(calls))
    assert len(calls) == 1
    for name, array in first.parameters().items():
        assert np.array_equal(array, again.parameters()[name])
    lesson.train_once("digit classifier", **recipe(calls, width=4))
    lesson.train_once("another", **recipe(calls))
    assert len(calls) == 3
    assert len(list((tmp_path / "cache").glob("*.npz"))) == 3


@pytest.mark.parametrize("damage", [b"", b"not a zip file", None])
def test_a_damaged_cache_is_trained_anew(make, tmp_path, capsys, damage):
    lesson, calls = make(), []
    lesson.train_once("classifier", **recipe(calls))
    (file,) = (tmp_path / "cache").glob("*.npz")
    if damage is None:
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 0xFF
        damage = bytes(content[: -len(content) // 3])
    file.write_bytes(damage)
    lesson.train_once("classifier", **recipe(calls))
    assert len(calls) == 2 and "training it again" in capsys.readouterr().out
    lesson.train_once("classifier", **recipe(calls))
    assert len(calls) == 2


def test_a_cache_that_cannot_be_written(make, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("mine")
    lesson, calls = make(), []
    monkeypatch.setenv("MINIGEN_CACHE", str(tmp_path / "file"))
    model = lesson.train_once("classifier", **recipe(calls))
    assert model.parameters() and "could not be kept" in capsys.readouterr().out


@pytest.fixture
def shown(tmp_path, monkeypatch):
    """A process that looks like the kernel of a notebook, in an empty folder: the list of what it has displayed."""
    shown = []
    ipython = types.ModuleType("IPython")
    ipython.version_info = (9, 0, 0)  # matplotlib asks
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    ipython.display = types.ModuleType("IPython.display")
    ipython.display.display = shown.append
    ipython.display.Markdown = lambda text: ("markdown", text)
    ipython.display.Image = lambda data, **_: ("image", data[:4])
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", ipython.display)
    monkeypatch.setattr(sys, "argv", ["ipykernel", "-f", "kernel.json"])
    monkeypatch.chdir(tmp_path)
    return shown


def test_in_a_notebook(tmp_path, shown):
    from minigen import plot

    lesson = Lesson("gan/02_gan", title="GANs", post="gan")
    assert (lesson.out.name, lesson.seed, lesson.quick) == ("gan-02-gan-notebook", 0, False)
    assert type(sys.stdout).__name__ != "StandardOutput"
    lesson.figure(plot.line(np.arange(3.0), np.arange(3.0)), "line", caption="It *rises*.")
    lesson.show_source(MLP)
    lesson.table([[1, 2]], ["a", "b"])
    lesson.claim("no", 0.0, at_least=1.0)
    lesson.finish()  # a failed claim does not end the kernel
    kinds = [thing[0] for thing in shown]
    assert kinds[:3] == ["image", "markdown", "markdown"]
    assert "```python\nclass MLP" in shown[2][1] and shown[3][1] == "| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert "| no | 0 | ≥ 1 | failed |  |" in shown[4][1]
    assert (tmp_path / "out/gan-02-gan-notebook/line.png").exists()
    Lesson("gan/02_gan", title="GANs", post="gan")  # the cell is run again


@pytest.mark.slow
def test_every_cell_of_a_notebook_can_be_run_again(shown, tmp_path):
    from minigen import plot

    lesson = Lesson("gan/02_gan", title="GANs", post="gan")

    def cell(value):
        x = np.zeros(1)
        lesson.fit(lambda i: value, 3, state={"x": x}, label="plain")
        lesson.sampler("points", lambda rng, n: rng.random((n, 2)))
        lesson.figure(plot.line(np.arange(3.0), value * np.arange(3.0)), "line", caption=f"Of {value}.")
        lesson.check("value", value, at_least=0.0)
        lesson.claim("value", value, at_most=1.0)

    cell(2.0)
    cell(0.5)
    lesson.finish()
    cell(0.25)  # after the last cell, too
    lesson.finish()
    written = metrics(lesson)
    assert [claim["value"] for claim in written["claims"]] == [0.25] and written["status"] == "passed"
    assert [check["value"] for check in written["checks"]] == [0.25]
    assert written["figures"] == [{"file": "line.png", "caption": "Of 0.25."}]
    assert [training["last"]["loss"] for training in written["timings"]["trainings"]] == [0.25]
    assert (tmp_path / "out/gan-02-gan-notebook/log.txt").read_text(encoding="utf-8").count("Of 0.") == 2


def test_a_notebook_leaves_the_runs_in_full_alone(shown, tmp_path, write_lesson):
    write_lesson("gan/02_gan")
    assert main(["run", "gan/02"]) == 0
    before = (tmp_path / "out/gan-02-gan/metrics.json").read_text()
    for _ in range(2):
        lesson = Lesson("gan/02_gan", title="GANs", post="gan")
        lesson.fit(lambda i: 0.0, 3, state={"x": np.zeros(1)}, label="a")
        lesson.finish()
    assert (tmp_path / "out/gan-02-gan/metrics.json").read_text() == before
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["gan-02-gan", "gan-02-gan-notebook"]


QUESTION, CHOICES = "How many modes will it find?", ["all eight", "six or seven", "fewer"]


def test_a_prediction_in_a_script(make, capsys):
    lesson = make()
    lesson.predict(QUESTION, CHOICES)
    asked = capsys.readouterr().out
    assert "  predict  How many modes will it find?\n           a) all eight\n" in asked and "c) fewer" in asked
    lesson.outcome("It found 7 of 8.", answer="six or seven")
    assert capsys.readouterr().out == "  answer  b) six or seven. It found 7 of 8.\n"
    lesson.predict("And then?", ["more", "less"])
    lesson.outcome("Neither.")
    lesson.finish()
    assert metrics(lesson)["predictions"] == [
        {"question": QUESTION, "choices": CHOICES, "outcome": "It found 7 of 8.", "answer": "six or seven"},
        {"question": "And then?", "choices": ["more", "less"], "outcome": "Neither.", "answer": None},
    ]
    assert "b) six or seven. It found" in (lesson.out / "log.txt").read_text(encoding="utf-8")


def test_a_prediction_in_a_notebook_hides_its_outcome(shown, capsys):
    lesson = Lesson("gan/02_gan", title="GANs", post="gan")
    lesson.predict(QUESTION, CHOICES)
    capsys.readouterr()
    ((_, asked),) = shown
    assert QUESTION in asked and all(f"- {letter}) {choice}" in asked for letter, choice in zip("abc", CHOICES))
    lesson.outcome("It found 7 of 8.", answer="six or seven")
    assert capsys.readouterr().out == ""
    (_, (_, answered)) = shown
    visible = re.sub(r"(?s)(</summary>).*?(</details>)", r"\1\2", answered)
    assert "It found" not in visible and "answer" not in visible and QUESTION in visible
    opened = re.findall(r"(?s)<summary>(.*?)</summary>(.*?)</details>", answered)
    assert [summary for summary, _ in opened] == ["a) all eight", "b) six or seven", "c) fewer"]
    assert all("It found 7 of 8." in text for _, text in opened)
    assert ["This is the answer." in text for _, text in opened] == [False, True, False]
    assert "The answer is b) six or seven." in opened[0][1]
    lesson.predict(QUESTION, CHOICES)  # the cell is run again
    lesson.outcome("It found 5 of 8.", answer="fewer")
    lesson.finish()
    assert [prediction["answer"] for prediction in metrics(lesson)["predictions"]] == ["fewer"]


def test_a_prediction_that_cannot_be_answered(make):
    lesson = make()
    with pytest.raises(ValueError, match="an outcome follows a prediction"):
        lesson.outcome("It found 7.")
    for question, choices in [("", CHOICES), ("Why?", ["one"]), ("Why?", ["one", "one"]), ("Why?", list("abcdefg"))]:
        with pytest.raises(ValueError, match="a prediction needs"):
            lesson.predict(question, choices)
    lesson.predict(QUESTION, CHOICES)
    with pytest.raises(ValueError, match="answer must be one of the choices .*, got 'seven'"):
        lesson.outcome("It found 7.", answer="seven")


@pytest.mark.slow
def test_captions_say_that_a_training_was_cut_short(make, tmp_path):
    from minigen import plot

    for options, says in [
        (dict(quick=True), "It rises. (This describes a full run; here the training was cut short by --quick.)"),
        (dict(scale=0.5), "It rises. (This describes a full run; here the training was cut short by --scale 0.5.)"),
        (dict(scale=2), "It rises."),
    ]:
        lesson = make(out=tmp_path / repr(options), **options)
        lesson.figure(plot.line(np.arange(3.0), np.arange(3.0)), "before", caption="It rises.")
        lesson.fit(lambda i: 0.0, lesson.steps(10), label="a")
        lesson.figure(plot.line(np.arange(3.0), np.arange(3.0)), "after", caption="It rises.")
        lesson.finish()
        assert [figure["caption"] for figure in metrics(lesson)["figures"]] == ["It rises.", says]


EXERCISE = """
from minigen.course.exercise.format import Exercise

A = Exercise("gan/02/discriminator_loss", target="minigen.gan.losses:discriminator_loss", minutes=10,
             prompt="Return the mean loss of $D$.", hints=["a", "b", "c"])
"""


@pytest.fixture
def with_exercise(write_lesson):
    write_lesson("gan/02_gan").with_name("exercise.py").write_text(EXERCISE, encoding="utf-8")


def test_an_exercise_in_a_script(make, with_exercise, capsys):
    lesson = make()
    capsys.readouterr()
    lesson.exercise("gan/gan/discriminator_loss")
    start = "minigen exercise start gan/02"
    says = f"  exercise  gan/02/discriminator_loss: write it yourself before you read on: {start}\n"
    assert capsys.readouterr().out == says
    for unknown, says in [
        ("gan/02/discriminator_los", "did you mean gan/02/discriminator_loss"),
        ("gan/03/x", "no exercise"),
        ("gan/02", "is a lesson: name one of its exercises"),
    ]:
        with pytest.raises(UsageError, match=says):
            lesson.exercise(unknown)
    lesson.finish()
    assert metrics(lesson)["exercises"] == ["gan/02/discriminator_loss"]


def test_an_exercise_in_a_notebook_folds_its_answer(with_exercise, shown, tmp_path):
    from minigen.gan.losses import discriminator_loss, generator_loss_minimax

    lesson = Lesson("gan/02_gan", title="GANs", post="gan")
    lesson.exercise("gan/02/discriminator_loss")
    (_, asked) = shown.pop()
    assert "Return the mean loss of $D$." in asked and "minigen exercise start gan/02" in asked
    assert "check('gan/02/discriminator_loss', discriminator_loss)" in asked

    def visible(function):
        lesson.show_source(function)
        return re.sub(r"(?s)(</summary>).*?(</details>)", r"\1\2", shown.pop()[1])

    assert "def discriminator_loss" not in visible(discriminator_loss)
    assert "try it first" in visible(discriminator_loss)
    assert "def generator_loss" in visible(generator_loss_minimax)
    (tmp_path / "exercises").mkdir()
    record = {"version": 1, "exercises": {"gan/02/discriminator_loss": {"passed": True, "points": 3, "tries": 1}}}
    (tmp_path / "exercises/.progress.json").write_text(json.dumps(record))
    assert "def discriminator_loss" in visible(discriminator_loss)


def test_the_id_of_a_lesson(make):
    for bad in ("gan", "gan/2_gan", "GAN/02_gan", "gan/02", "../02_gan"):
        with pytest.raises(ValueError, match="a lesson's id must look like"):
            make(bad)


def test_importing_the_lesson_loads_only_what_every_run_needs():
    """Nothing of exercises, notebooks, records and sweeps: what a lesson may need is loaded by its first use."""
    code = "import sys; from minigen.course import Lesson; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=True)
    assert not {"matplotlib", "autograd", "scipy"} & set(done.stdout.split())
    loaded = {name for name in done.stdout.split() if name.startswith("minigen.course")}
    assert "minigen.course.lesson.run" in loaded and len(loaded) <= 30
    assert not {name for name in loaded if name.startswith("minigen.course.exercise")}


def test_what_a_lesson_may_need_is_found_where_it_is_asked_for():
    from minigen import course
    from minigen.course.exercise import in_notebook
    from minigen.course.lesson.trained import load_trained

    assert (course.check, course.use, course.load_trained) == (in_notebook.check, in_notebook.use, load_trained)
    assert set(course.__all__) <= set(dir(course))
    with pytest.raises(AttributeError, match="module 'minigen.course' has no attribute 'chek'"):
        _ = course.chek
