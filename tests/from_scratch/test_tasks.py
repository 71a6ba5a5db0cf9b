"""Whole models from an empty file: the tasks, what is refused, points, the commands, the page."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from minigen.cli import main
from minigen.course.commands.exercise.from_scratch import Printed
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.submission import parse_submission
from minigen.course.from_scratch import whole
from minigen.course.from_scratch.judge import judge, points_of
from minigen.course.from_scratch.observe import observe
from minigen.course.from_scratch.report import as_data, as_text, draw
from minigen.course.from_scratch.task import FromScratch, all_tasks, find_task
from minigen.course.index.lessons import all_lessons
from minigen.course.lesson import blocks
from minigen.course.reading.composition import compose
from minigen.data import toy
from minigen.diffusion.exact import exact_eps_model
from minigen.diffusion.schedule import Schedule

TASKS = all_tasks()
MOONS = FromScratch(
    "gan/12/from_scratch",
    title="a model",
    prompt="Write `train` and `sample`.",
    density=toy.two_moons(noise=0.1),
    bars={"memo": (0.75, None), "sw": (None, 5)},
    last=("sw", 3.5, 2.5),
)
KDE = (Path(__file__).parent / "wrong" / "kde.py").read_text(encoding="utf-8")
SAMPLES = "import numpy as np\n\n\ndef train(x, rng):\n    return x\n\n\ndef sample(x, n, rng):\n    return {}\n"


def answer(text):
    return parse_submission("answer.py", text.encode())


def test_which_tasks_there_are():
    lessons = ["gan/12", "flow/05", "flow/08", "diffusion/04", "diffusion/10", "after/02"]
    assert [task.lesson for task in TASKS] == lessons


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_a_task_says_what_it_asks_for_and_shows_no_answer(task):
    for name in task.functions:
        assert f"`{name}(" in task.prompt, "the prompt says which functions"
    text = task.empty_file()
    assert text.startswith('"""') and text.endswith('"""\n') and len(text.splitlines()) <= 15
    assert "import" not in text and "def " not in text and f"minigen exercise check {task.id}" in text
    assert len(" ".join([task.prompt, task.limits]).split()) <= 150
    assert "sw" in task.bars or task.density is None
    assert ("memo" in task.bars) == (task.density is not None and "train" in task.functions)
    assert task.last[1] > task.last[2]


def test_data_follow_from_the_seed_and_held_out_ones_are_others():
    for task in TASKS:
        train, held_out = task.splits(3)
        again, _ = task.splits(3)
        assert train.dtype == held_out.dtype == np.float32 and len(held_out) == 10_000
        assert np.array_equal(train, again) and not np.array_equal(train, task.splits(4)[0])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"id": "gan/12/scratch"}, "family/NN/from_scratch"),
        ({"density": None}, "density or data"),
        ({"bars": {"swd": (None, 1)}}, "no number 'swd'"),
        ({"last": ("fid", 2, 1)}, "no number 'fid'"),
    ],
)
def test_a_task_that_cannot_be(changes, says):
    with pytest.raises(ValueError, match=says):
        replace(MOONS, **changes)


@pytest.mark.parametrize(
    ("numbers", "points", "missed"),
    [
        ({"memo": 1, "sw": 6}, 0, ["sw is 6, and must be at most 5"]),
        ({"memo": 0.7, "sw": 2}, 0, ["memo is 0.7, and must be at least 0.75"]),
        ({"memo": 1, "sw": 5}, 6, []),
        ({"memo": 1, "sw": 3.5}, 8, []),
        ({"memo": 1, "sw": 2.5}, 10, []),
        ({"memo": float("nan"), "sw": 1}, 0, ["memo is nan"]),
    ],
)
def test_points(numbers, points, missed):
    found = points_of(MOONS, numbers)
    assert found[0] == points and len(found[1]) == len(missed)
    assert all(text.startswith(wanted) for text, wanted in zip(found[1], missed))


REFUSED = {
    "no function": ("def train(x, rng):\n    return x\n", status.MISSING_FUNCTION, "not there yet: sample"),
    "a model of ours": (f"from minigen.gan.wgan import critic_loss\n{KDE}", status.FORBIDDEN_MODULE, "minigen.gan"),
    "its package": (f"from minigen import gan\n{KDE}", status.FORBIDDEN_MODULE, "minigen.gan"),
    "the same, found later": (
        SAMPLES.format('__import__("minigen.diffusion.ddpm") and x'),
        status.RAISED,
        "minigen.diffusion is not allowed here",
    ),
    "the density of the data": (
        "from minigen.data import toy\n" + KDE,
        status.FORBIDDEN_MODULE,
        "minigen.data.toy is not allowed here: the data come as the argument x of train",
    ),
    "too many arguments": (
        SAMPLES.replace("train(x, rng)", "train(x)").format("x"),
        status.RAISED,
        "in the call state = train(x, rng)",
    ),
    "no return": (SAMPLES.format("x").replace("return x\n", "x\n"), status.WRONG_TYPE, "sample returned None"),
    "complex numbers": (SAMPLES.format("x[:n] + 1j"), status.WRONG_TYPE, "got an array of complex"),
    "rows of different lengths": (SAMPLES.format("[[1.0], [1.0, 2.0]]"), status.WRONG_TYPE, "got a list"),
    "no Python": ("def train(:\n", status.SYNTAX_ERROR, ""),
    "an error": (SAMPLES.format("x.nothing"), status.RAISED, "nothing"),
    "too few samples": (SAMPLES.format("x[:5]"), status.WRONG_SHAPE, "must return (10000, 2), got (5, 2)"),
    "no numbers": (SAMPLES.format("x[:1] + np.full((n, 2), np.nan)"), status.NAN, "10000 of 10000"),
    "reading a file": (SAMPLES.format('open("/etc/hostname").read()'), status.OUTSIDE, ""),
}


@pytest.mark.parametrize(("text", "state", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(text, state, words):
    found = observe(MOONS, answer(text), 0)
    assert found.status == state and words in found.message
    verdict = judge(MOONS, answer(text))
    assert verdict.points == 0 and not verdict.passed and status.WORDS[state] in as_text(verdict)


def test_the_line_of_an_error_is_the_readers():
    assert observe(MOONS, answer(SAMPLES.format("x.nothing")), 0).line == 9
    assert observe(MOONS, answer(SAMPLES.replace("x, rng", "x").format("x")), 0).line in (None, 4)


def test_a_training_without_end_ends():
    endless = "def train(x, rng):\n    while True:\n        pass\n\n\ndef sample(x, n, rng):\n    return x\n"
    found = observe(replace(MOONS, seconds=0.3), answer(endless), 0)
    assert found.status == status.TIMEOUT and "0.3 s of processor time" in found.message
    assert found.line in (2, 3) and "fewer steps" in found.message


def test_what_a_training_prints_is_heard_and_too_much_of_it_ends_the_training():
    heard = []
    text = SAMPLES.format("x").replace("return x", "print('step', 1)\n    return x", 1)
    found = observe(MOONS, answer(text), 0, heard=heard.append)
    assert b"".join(heard) == b"step 1\n" and found.output == "step 1\n"
    found = observe(MOONS, answer(text.replace("'step', 1", "'step ' * 300_000")), 0)
    assert found.status == status.OUTPUT and "every hundredth step" in found.message


def test_what_is_shown_of_what_a_training_prints(capsys):
    shown = Printed(most=2)
    shown(b"step 1\nst")
    shown(b"ep 2\n\nstep 3\nstep 4\n")
    assert capsys.readouterr().out == "  | step 1\n  | step 2\n  | ... (what follows is not shown)\n"
    shown = Printed()
    shown(b"10 %\r20 %")
    assert capsys.readouterr().out == "  | 10 %\n"
    shown.end()
    assert capsys.readouterr().out == "  | 20 %\n"


LOGS = f"{SAMPLES.format('rng.standard_normal((n, 2))')}\n\ndef log_prob(x, y):\n    return {{}}\n"


@pytest.mark.parametrize(
    ("returned", "state", "words"),
    [
        ("0.0", status.WRONG_SHAPE, "one number for each, got ()"),
        ("y[:, :1]", status.WRONG_SHAPE, "got (10000, 1)"),
        ("np.full(len(y), np.nan)", status.NAN, "for 10000 of 10000 new data"),
        ("None", status.WRONG_TYPE, "log_prob returned None"),
    ],
)
def test_log_densities_that_are_none(returned, state, words):
    found = observe(replace(MOONS, nats=True), answer(LOGS.format(returned)), 0)
    assert found.status == state and words in found.message


def test_the_noise_predictor_that_a_sampler_gets_is_exact_and_counts_points():
    task = find_task("diffusion/10/from_scratch")
    schedule, x = Schedule.linear(1000), np.random.default_rng(0).standard_normal((300, 2))
    eps = whole.ExactNoise(task.density.means, 0.1, task.density.weights, task.alpha_bar)
    t = np.arange(1, 301)
    assert np.allclose(eps(x, t), exact_eps_model(task.density, schedule)(x, t), atol=1e-9)
    assert np.array_equal(eps(x[:5], 7), eps(x[:5], np.full(5, 7))) and eps.points == 310
    for t in (0, 1001, 0.5, np.ones((300, 1), int)):
        with pytest.raises(ValueError, match="t must be an integer from 1 to 1000"):
            eps(x, t)
    with pytest.raises(ValueError, match="shape"):
        eps(x[0], 3)


def test_a_verdict_in_words_and_as_data_and_a_picture(tmp_path):
    verdict = judge(MOONS, answer(KDE))
    assert verdict.passed and verdict.points == 10
    text = as_text(verdict, tmp_path / "picture.png")
    assert "10 of 10 points" in text and "sliced Wasserstein" in text and "picture.png" in text
    assert draw(verdict, tmp_path / "picture.png").stat().st_size > 5000
    data = json.loads(json.dumps(as_data(verdict)))
    assert data["passed"] and data["numbers"]["sw"] == pytest.approx(verdict.numbers["sw"], rel=1e-5)


def test_a_task_of_several_seeds_takes_the_first_that_passes():
    lucky = SAMPLES.format("x[rng.integers(len(x), size=n)] + rng.integers(1, 9) * 0 + 0.01")
    verdict = judge(replace(MOONS, best_of=2, bars={"sw": (None, 0.01)}), answer(lucky))
    assert (verdict.tried, verdict.points) in ((1, 0), (2, 0))
    assert judge(replace(MOONS, best_of=3), answer(KDE)).tried == 1


def test_the_commands(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["exercise", "start", "gan/12/from_scratch"]) == 0
    path = tmp_path / "exercises" / "gan_12_from_scratch.py"
    assert path.read_text(encoding="utf-8") == find_task("gan/12/from_scratch").empty_file()
    assert main(["exercise", "start", "gan/12/from_scratch"]) == 2
    assert "already exists; I left it unchanged" in capsys.readouterr().err
    assert main(["exercise", "check"]) == 2
    assert "minigen exercise check gan/12/from_scratch" in capsys.readouterr().err
    assert main(["exercise", "hint", "gan/12/from_scratch"]) == 2
    assert "gan/12/from_scratch is a whole model" in capsys.readouterr().err
    assert main(["exercise", "check", "gan/12/from_scratch"]) == 1
    assert "the file must define train, sample; not there yet: train, sample" in capsys.readouterr().out
    path.write_text(KDE, encoding="utf-8")
    assert main(["exercise", "check", "gan/12/from_scratch"]) == 0
    printed = capsys.readouterr().out
    assert "of 10 points" in printed and path.with_suffix(".png").is_file()
    assert main(["exercise", "list", "gan/12"]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if "gan/12/from_scratch" in line][0].endswith(
        "passed"
    )
    assert main(["exercise", "check", "gan/12/from_scratch", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["passed"] is True
    assert main(["exercise", "reset", "gan/12/from_scratch"]) == 0
    assert path.read_text(encoding="utf-8") == find_task("gan/12/from_scratch").empty_file()
    (kept,) = path.parent.glob("*.bak")
    assert kept.read_text(encoding="utf-8") == KDE and str(kept.name) in capsys.readouterr().out
    assert main(["exercise", "list", "gan/12"]) == 0 and "0/10" in capsys.readouterr().out
    assert main(["exercise", "check", str(path)]) == 1
    assert "gan/12/from_scratch  0 of 10 points" in capsys.readouterr().out
    assert main(["exercise", "check", "gan/01/from_scratch"]) == 2
    assert "there is no gan/01/from_scratch; there are gan/12/from_scratch" in capsys.readouterr().err


def test_a_lessons_page_ends_with_its_task():
    for lesson in all_lessons():
        headings = [block.text for block in compose(lesson, None).blocks if isinstance(block, blocks.Heading)]
        has_task = any(task.lesson == f"{lesson.id.split('/')[0]}/{lesson.number}" for task in TASKS)
        assert (headings[-1] == "Now from an empty file") == has_task, lesson.id
