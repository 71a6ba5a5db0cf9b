"""All exercises of all lessons in the browser's Python, in Node: what passes, what fails with its hint, what trains.

About 3,000 answers, which take six minutes of computing, and 70 trainings, which take five. `MINIGEN_EXERCISES="gan/12
vae"` takes only the exercises that begin so.
"""

import importlib.util
import json
import os
import shutil
import subprocess
from collections import Counter

import pytest

from minigen.course.book.browser import pyodide
from minigen.course.book.pages import exercise_box
from minigen.course.exercise import catalog, stubs
from minigen.course.exercise.answers import answers_of
from minigen.zoo.demonstrations.table import DEMONSTRATIONS
from tests.costs import unit_seconds

pytestmark = pytest.mark.book
LONGEST = 20.0  # units of work of a training, which are about 10 s on a small cloud machine of 2026


@pytest.fixture(scope="module")
def texts(root):
    spec = importlib.util.spec_from_file_location("answer_text", root / "tests" / "answer_text.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def in_node(root, tmp_path_factory):
    """in_node(jobs): the results of jobs (call, exercise's id, text, other answers), in their order."""
    if not os.environ.get("MINIGEN_PYODIDE"):
        pytest.skip("MINIGEN_PYODIDE does not name the folder of a Pyodide distribution")
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    out = tmp_path_factory.mktemp("book")
    pyodide.write_python(pyodide.python_source(os.environ["MINIGEN_PYODIDE"]), out)

    def run(jobs):
        requests = [
            {"call": call, "request": {"exercise": identity, "text": text, "others": others}}
            for call, identity, text, others in jobs
        ]
        (out / "jobs.json").write_text(json.dumps(requests), encoding="utf-8")
        script = root / "tests" / "book" / "in_node.mjs"
        command = ["node", str(script), str(out / "_python"), str(out / "jobs.json"), str(out / "results.jsonl")]
        subprocess.run(command, check=True, capture_output=True)
        lines = (out / "results.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines[1:]]

    return run


def chosen():
    wanted = os.environ.get("MINIGEN_EXERCISES", "").split()
    every = catalog.all_exercises()
    return [exercise for exercise in every if not wanted or any(exercise.id.startswith(start) for start in wanted)]


def hint_three(exercise):
    """The stub of a box with the last hint typed in, and those of the lesson's other exercises, which it may call."""
    lesson = catalog.exercises_of(exercise.lesson)
    filled = {each.id: stubs.completed(stubs.bare_stub(each), {each.name: each.hints[2]}) for each in lesson}
    return filled.pop(exercise.id), filled


def test_references_and_hint_three_pass(in_node, texts):
    jobs, exercises = [], chosen()
    for exercise in exercises:
        text, others = hint_three(exercise)
        jobs += [("check", exercise.id, texts.reference_text(exercise), {}), ("check", exercise.id, text, others)]
    results = in_node(jobs)
    wrong = [(job[1], result) for job, result in zip(jobs, results, strict=True) if not _passed(result)]
    assert not wrong, wrong[:3]
    with_scipy = {job[1] for job, result in zip(jobs, results, strict=True) if result["needed"]}
    needed_first = {exercise.id for exercise in exercises if exercise.id in exercise_box.NEED_SCIPY}
    assert with_scipy <= needed_first, (
        "SciPy is loaded for these as well: NEED_SCIPY in course/book/pages/exercise_box.py is short"
    )


def _passed(result):
    report = result.get("report") or {}
    return report.get("passed") and report["points"] == report["possible"]


def test_stubs_and_listed_mistakes_fail_with_their_slip(in_node, texts):
    jobs, slips = [], []
    for exercise in chosen():
        jobs.append(("check", exercise.id, stubs.bare_stub(exercise), {}))
        slips.append(None)
        for mistake in answers_of(exercise).mistakes:
            jobs.append(("check", exercise.id, texts.mistake_text(exercise, mistake), {}))
            slips.append(mistake.clause)
    wrong = []
    for job, slip, result in zip(jobs, slips, in_node(jobs), strict=True):
        report = result.get("report") or {}
        as_wanted = report.get("status") == "stub" if slip is None else report.get("listed") and report["hint"] == slip
        if not as_wanted or report["passed"]:
            wrong.append((job[1], slip, report or result))
    assert not wrong, (len(wrong), wrong[:3])


def test_every_training_calls_the_function_and_learns(in_node, texts):
    exercises = [exercise for exercise in chosen() if exercise.id in DEMONSTRATIONS]
    jobs = [("train", exercise.id, texts.reference_text(exercise), {}) for exercise in exercises]
    unit = unit_seconds()
    for exercise, result in zip(exercises, in_node(jobs), strict=True):
        assert "error" not in result and result["calls"] > 0, (exercise.id, result)
        if not result["note"]:  # what a right function does where the distance does not fall
            assert result["last"] < 0.75 * result["first"], (exercise.id, result["first"], result["last"])
        assert result["frames"] >= 10 and result["took"] / unit < LONGEST, (exercise.id, result["took"])
        roles = Counter(layer["role"] for layer in result["shown"][0]["layers"])
        assert roles, "a training shows something"
