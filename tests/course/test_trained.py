"""A lesson's trained model: trained once, loaded with the lesson's own objects, within a lesson too."""

import os
from pathlib import Path

import numpy as np
import pytest

from minigen.course import UsageError, load_trained
from minigen.course.commands.sample import main as sample
from minigen.course.lesson.options import RunOptions
from minigen.course.lesson.recipe import recipe_of
from minigen.course.lesson.run import Run, run_file

TRAINING = """
import numpy as np
from minigen.nn import Module
from minigen.train import descend


class Shift(Module):
    def __init__(self):
        self.by = np.zeros(2, np.float32)

    def sample(self, rng, n):
        return self.by + rng.standard_normal((n, 2), dtype=np.float32)


def loss(shift, x):
    open("steps.txt", "a").write(".")
    return ((shift.by - x) ** 2).sum()


print("printed by the other lesson")
shift = Shift()
step = descend(loss, shift, lambda rng: np.ones(2, np.float32), lr=0.1, rng=lesson.rng("data"))
lesson.fit(step, lesson.steps(50, quick=5), state=step.state, label="shift")
lesson.sampler("shift", shift.sample)
reached = True
"""

PROJECT = """
trained = lesson.trained("gan/02", "shift", seed=3)
lesson.check("what was learned", float(trained["shift"].by[0]), at_least=0.5)
from minigen.course.lesson.run import Run

lesson.check("the run of this lesson is the current one again", Run.current is lesson._run)
lesson.claim("steps", 1.0, at_least=1.0)
"""


def steps():
    path = Path("steps.txt")
    return len(path.read_text()) if path.exists() else 0


@pytest.fixture
def lesson(write_lesson):
    return write_lesson("gan/02_gan", TRAINING)


def test_a_model_is_trained_once_and_comes_with_the_lessons_objects(lesson):
    said = []
    trained = load_trained("gan/02", say=said.append)
    assert steps() == 50 and "gan/02_gan is trained first" in said[0]
    assert trained.lesson == "gan/02_gan" and trained.name == "shift" and trained.seed == 0
    assert list(trained.models) == ["shift"] and trained.models["shift"] is trained["shift"]
    assert "reached" not in trained.names and "lesson" in trained.names
    again = load_trained("gan/02", say=said.append)
    assert steps() == 50 and len(said) == 1
    assert (again["shift"].by == trained["shift"].by).all() and again["shift"] is not trained["shift"]
    drawn = again.sample(np.random.default_rng(0), 4)
    assert (drawn == again["shift"].sample(np.random.default_rng(0), 4)).all()
    load_trained("gan/02", seed=1, say=said.append)
    assert steps() == 100 and not Path("out").exists()


def test_its_training_can_be_continued(lesson):
    trained = load_trained("gan/02", quick=True)
    before = trained["shift"].by.copy()
    for i in range(5, 40):
        trained["step"](i)
    assert np.abs(trained["shift"].by - 1).max() < np.abs(before - 1).max() / 2


def test_what_is_not_there(lesson, write_lesson):
    with pytest.raises(UsageError, match="did you mean 'shift'"):
        load_trained("gan/02", "shfit")
    write_lesson("gan/03_other")
    with pytest.raises(UsageError, match="trains no model to sample from; gan/02_gan can be sampled"):
        load_trained("gan/03")
    with pytest.raises(KeyError, match="no 'shifts' up to its model 'shift'; near: shift"):
        load_trained("gan/02", quick=True)["shifts"]
    assert steps() == 5
    write_lesson("gan/02_gan", "raise RuntimeError('no')\nlesson.sampler('shift', print)")
    with pytest.raises(UsageError, match="did not come to its model 'shift'"):
        load_trained("gan/02")
    assert Run.current is None


def test_a_lesson_loads_the_model_of_another(lesson, write_lesson, capsys):
    project = write_lesson("gan/03_project", PROJECT)
    assert run_file(project, RunOptions()) == 0
    out = capsys.readouterr().out
    assert steps() == 50 and "seed 3" in out and "printed by the other" not in out and "1 of 1 claim holds" in out
    assert run_file(project, RunOptions(quick=True)) == 1  # five steps are too few for its check
    assert steps() == 55


def test_its_results_depend_on_the_other_lesson(lesson, write_lesson):
    project = write_lesson("gan/03_project", PROJECT)
    before = recipe_of(project)
    lesson.write_text(lesson.read_text().replace("lr=0.1", "lr=0.2"))
    assert recipe_of(project) != before
    alone = recipe_of(lesson)
    project.write_text(project.read_text() + "# a comment\n")
    assert recipe_of(lesson) == alone


def test_the_list_of_models(lesson, capsys):
    assert sample(["--list"]) == 0
    assert "gan/02_gan  0.5               shift" in capsys.readouterr().out
    load_trained("gan/02")
    assert sample(["--list"]) == 0
    assert "gan/02_gan  0.5      yes      shift" in capsys.readouterr().out
    with pytest.raises(UsageError, match="needs a lesson and --out"):
        sample(["gan/02"])


def test_lessons_of_several_folders(write_lesson, monkeypatch, tmp_path):
    from minigen.course.index.lessons import all_lessons, lesson_file, package_lessons

    mine = write_lesson("own/01_mine")
    write_lesson("gan/02_gan", title="Mine instead")
    roots = os.pathsep.join([str(tmp_path / "lessons"), ""])  # the package's come second
    monkeypatch.setenv("MINIGEN_LESSONS", roots)
    found = {lesson.id: lesson for lesson in all_lessons()}
    assert found["gan/02_gan"].title == "Mine instead" and found["own/01_mine"].path == mine
    assert found["gan/01_kl_and_js_divergence"].path.is_relative_to(package_lessons())
    assert list(found)[-1] == "own/01_mine" and lesson_file("own/01_mine") == mine
    assert lesson_file("flow/01_types_of_generative_models").is_relative_to(package_lessons())
    monkeypatch.setenv("MINIGEN_LESSONS", str(tmp_path / "lessons"))  # the same: one's own are added to the package's
    assert {lesson.id: lesson.title for lesson in all_lessons()} == {id: lesson.title for id, lesson in found.items()}
    monkeypatch.setenv("MINIGEN_LESSONS", os.pathsep.join([str(tmp_path / "lessons"), "-"]))
    assert [lesson.id for lesson in all_lessons()] == ["gan/02_gan", "own/01_mine"]
