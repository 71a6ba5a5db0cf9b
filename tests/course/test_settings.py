"""`--set`: which settings a lesson has, of which types, and what a run with other ones says of itself."""

import json

import pytest

from minigen.cli import main
from minigen.course import UsageError
from minigen.course.index.lesson_source import LessonSource
from minigen.course.index.names import find_lesson
from minigen.course.lesson import recorded
from minigen.course.lesson.options import RunOptions, script_options
from minigen.course.lesson.result import is_finished
from minigen.course.lesson.settings import check_settings, with_settings

BODY = """\
cfg = lesson.configure(width=64, lr=1e-3, name="adam", betas=(0.0, 0.99), fast=False, limit=None)
print("before training")

# %%
more = lesson.configure(steps=lesson.steps(400))
lesson.fit(lambda i: 0.0, more.steps, label="nothing", state={"x": __import__("numpy").zeros(1)})
lesson.table([[cfg.width, cfg.lr, cfg.name, str(cfg.betas), more.steps]], list("abcde"))
lesson.predict("How wide?", ["64", "less"])

# %%
lesson.outcome(f"{cfg.width}.", answer="64")
lesson.claim("width", cfg.width, at_least=64)"""


@pytest.fixture
def lesson(write_lesson):
    write_lesson("gan/01_tiny", BODY)
    return find_lesson("gan/01")


def metrics(tmp_path, folder="gan-01-tiny"):
    return json.loads((tmp_path / "out" / folder / "metrics.json").read_text(encoding="utf-8"))


def test_a_run_with_other_settings(lesson, tmp_path, capsys):
    settings = ["width=32", "lr=1", "name=sgd", "betas=(0.5,0.9)", "steps=7", "fast=True", "limit=3"]
    assert main(["run", "gan/01", *(word for setting in settings for word in ("--set", setting))]) == 0
    printed = capsys.readouterr().out
    assert "Not judged: the run has other settings. It gave: 32." in printed
    assert "1 claim not judged: other settings" in printed
    written = metrics(tmp_path)
    assert written["set"] == dict(setting.split("=") for setting in settings)
    assert written["configuration"] == {
        "width": 32,
        "lr": 1.0,
        "name": "sgd",
        "betas": [0.5, 0.9],
        "fast": True,
        "limit": 3,
        "steps": 7,
    }
    assert written["timings"]["trainings"][0]["steps"] == 7 and written["claims"][0]["status"] == "not judged"
    folder = tmp_path / "out" / "gan-01-tiny"
    assert not is_finished(lesson, folder) and recorded.refusal(lesson, folder) == "it is a run with --set"
    assert main(["run", "gan/01", "--resume"]) == 2
    assert "cannot resume: the run in" in capsys.readouterr().err
    assert main(["run", "gan/01"]) == 0 and is_finished(lesson, folder)
    assert "set" not in json.loads((folder / ".minigen.json").read_text(encoding="utf-8"))["run"]
    assert metrics(tmp_path)["claims"][0]["status"] == "passed" and metrics(tmp_path, "gan-01-tiny.1")["set"]


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("widht=32", r"the lesson has no setting 'widht' \(did you mean width\?\); it has width, lr, name,"),
        ("x=32", "the lesson has no setting 'x'; it has width, lr, name, betas, fast, limit, steps"),
        ("width=3.5", "width must be a whole number, as 64 is"),
        ("width=many", "width must be a whole number, as 64 is"),
        ("width=True", "width must be a whole number, as 64 is"),
        ("lr=fast", "lr must be a number, as 0.001 is"),
        ("betas=0.5", r"betas must be tuple, as \(0.0, 0.99\) is"),
        ("fast=1", "fast must be True or False, as False is"),
        ("steps=1.5", "steps must be a whole number, as 400 is"),
    ],
)
def test_a_setting_that_will_not_do(lesson, setting, says, tmp_path, capsys):
    assert main(["run", "gan/01", "--set", setting]) == 2
    shown = capsys.readouterr()
    with pytest.raises(
        AssertionError if "steps" in setting else UsageError, match=None if "steps" in setting else says
    ):
        check_settings(LessonSource.read(lesson.path), dict([setting.split("=")]))
        raise AssertionError  # the value of `steps` is computed: the run itself finds out, before it trains
    assert f"--set {setting}: " in shown.err and "training" not in shown.out.replace("before training", "")
    assert ("before training" in shown.out) == ("steps" in setting)


def test_values_are_replaced_by_name():
    assert with_settings({"a": 1, "b": "x"}, {"a": "2", "c": "3"}) == {"a": 2, "b": "x"}
    with pytest.raises(UsageError, match="the lesson has no setting 'a'; it has none"):
        check_settings(LessonSource("x = 1"), {"a": "1"})


def test_settings_on_the_command_line(capsys):
    options = script_options(["--set", "a=1", "--set", "b=(1, 2)", "--set", "a=2"], "lesson.py")
    assert options.settings == {"a": "2", "b": "(1, 2)"} and RunOptions().settings == {}
    assert options.command("run") == "run --set a=2 --set 'b=(1, 2)'"
    assert script_options([], "lesson.py").settings == {}
    for wrong in ("width", "=3", "width=", "a b=3"):
        with pytest.raises(SystemExit):
            script_options(["--set", wrong], "lesson.py")
        assert f"a setting is NAME=VALUE, such as width=32, got '{wrong}'" in capsys.readouterr().err
    assert main(["run", "gan/01", "--set", "a=1", "--seeds", "0-1"]) == 2
    assert main(["run", "--all", "--set", "a=1"]) == 2
