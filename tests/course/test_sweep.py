"""Lessons with many seeds: how often each claim held, its worst and median, by hand and by runs."""

import importlib.util
import json
import math

import pytest

from minigen.classroom.schemas import schema
from minigen.cli import main
from minigen.course.console import UsageError
from minigen.course.lesson import sweep
from minigen.course.lesson.options import RunOptions

BODY = """\
lesson.claim("large", lesson.seed * 10.0, at_least=5.0)
lesson.claim("near", [1.0, 2.0 + lesson.seed], equals=[1.0, 3.0], atol=0.5)
lesson.claim("word", "yes", equals="yes")
"""


def test_seeds():
    assert sweep.parse_seeds("0-3") == [0, 1, 2, 3] and sweep.parse_seeds("7") == [7]
    assert sweep.parse_seeds("0,4-5, 9") == [0, 4, 5, 9]
    for text in ("", "a", "3-1", "1,1", "-2", "0-", "1.5", "0-5000"):
        with pytest.raises(UsageError, match="seeds"):
            sweep.parse_seeds(text)


@pytest.mark.slow
def test_three_seeds_by_hand(write_lesson, tmp_path, capsys):
    """With seed s, `large` is 10 s and `near` (1, 2 + s), which should be at least 5 and (1, 3) to 0.5."""
    write_lesson("gan/01_small", BODY)
    assert main(["run", "--all", "--seeds", "0-2", "--jobs", "3", "--out", "out"]) == 1
    printed = capsys.readouterr().out
    document = json.loads((tmp_path / "out" / "sweep.json").read_text())
    pytest.importorskip("jsonschema").validate(document, schema("sweep"))
    large, near, word = document["lessons"][0]["claims"]
    assert (large["held"], large["of"], large["worst"], large["worst_seed"], large["median"]) == (2, 3, 0.0, 0, 10.0)
    assert (near["held"], near["of"]) == (1, 3) and near["worst"] in (2.0, 4.0)
    assert (word["held"], word["worst"], word["median"]) == (3, None, None)
    assert [run["exit_code"] for run in document["lessons"][0]["runs"]] == [1, 0, 1]
    assert "2/3" in printed and "1/3" in printed and "sweep.json" in printed
    times = [run["seconds"] for run in document["lessons"][0]["runs"]]
    assert main(["run", "gan/01", "--seeds", "0-2", "--out", "out", "--resume"]) == 1
    again = json.loads((tmp_path / "out" / "sweep.json").read_text())
    assert again["lessons"][0]["claims"] == document["lessons"][0]["claims"]
    assert all(run["seconds"] == 0 for run in again["lessons"][0]["runs"]) and min(times) > 0


@pytest.mark.slow
def test_a_lesson_that_breaks_is_told(write_lesson, tmp_path, capsys):
    write_lesson("gan/01_small", "if lesson.seed == 1:\n    raise ValueError('broken')")
    assert main(["run", "gan/01", "--seeds", "0,1", "--jobs", "2", "--quick"]) == 1
    assert "no result with seed 1" in capsys.readouterr().out
    runs = json.loads((tmp_path / "out" / "sweep.json").read_text())["lessons"][0]["runs"]
    assert "ValueError: broken" in runs[1]["error"] and runs[0]["error"] == ""


def test_what_does_not_go_together(write_lesson, capsys):
    write_lesson("gan/01_small")
    for words, expected in [
        (["--seeds", "x"], "seeds are whole numbers"),
        (["--seeds", "0-1", "--seed", "3"], "do not go with --seeds"),
        (["--jobs", "2"], "go with --seeds"),
    ]:
        assert main(["run", "gan/01", *words]) == 2
        assert expected in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["run", "gan/01", "--seeds", "0-1", "--jobs", "0"])
    assert "--jobs: must be a whole number of at least 1, got '0'" in capsys.readouterr().err


def claim(value, **bar):
    return {"name": "c", "value": value, "bar": "", "status": "passed", **bar}


@pytest.mark.parametrize(
    ("one", "worst"),
    [
        (claim([3.0, 1.0, 2.0], at_least=0), 1.0),
        (claim([3.0, 1.0, 2.0], at_most=9), 3.0),
        (claim([0.4, 0.9], between=[0.0, 1.0]), 0.9),
        (claim([0.05, 0.6], between=[0.0, 1.0]), 0.05),
        (claim([1.0, 5.0], equals=[1.5, 5.1]), 1.0),
        (claim([1.0, 5.0], equals=3.0), 1.0),
        (claim(["nan", 5.0], at_least=0), math.nan),
        (claim(["-inf", 5.0], at_least=0), -math.inf),
    ],
)
def test_the_worst_entry_by_the_direction_of_the_bar(one, worst):
    found = sweep.worst_entry(one)[0]
    assert found == worst or (math.isnan(found) and math.isnan(worst))


def test_what_is_no_number_has_no_worst():
    assert sweep.worst_entry(claim("yes", equals="yes")) is None
    assert sweep.worst_entry(claim([True], equals=[True])) is None
    assert sweep.worst_entry(claim([], at_least=0)) is None


def test_a_sweep_that_was_stopped_is_not_complete():
    outcome = sweep.SeedResult("gan/01", 0, 0, 1.0, {"status": "passed", "claims": []})
    assert sweep.summarized([outcome], [0, 1], RunOptions())["complete"] is False
    assert sweep.summarized([outcome], [0], RunOptions())["exit_code"] == 0
    assert sweep.summarized([], [0], RunOptions())["exit_code"] == 1


def test_what_is_not_judged_has_not_held():
    claims = [{**claim(1.0, at_least=0.0), "status": state} for state in ("not judged", "passed", "failed")]
    outcomes = [
        sweep.SeedResult("gan/01", seed, 0, 1.0, {"status": "passed", "claims": [one]})
        for seed, one in enumerate(claims)
    ]
    found = sweep.summarized(outcomes, [0, 1, 2], RunOptions())["lessons"][0]["claims"][0]
    assert (found["held"], found["judged"], found["of"]) == (1, 2, 3)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="a cluster needs the extra cluster")
def test_a_sweep_on_a_cluster(write_lesson, tmp_path):
    """The claims are those of this machine, and what was measured comes back."""
    from distributed import LocalCluster

    write_lesson("gan/01_small", BODY)
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster:
        address = cluster.scheduler_address
        assert main(["run", "gan/01", "--seeds", "1-2", "--out", "far", "--dask", address]) == 1
    assert main(["run", "gan/01", "--seeds", "1-2", "--out", "near"]) == 1
    far, near = (json.loads((tmp_path / name / "sweep.json").read_text()) for name in ("far", "near"))
    assert far["lessons"][0]["claims"] == near["lessons"][0]["claims"]
    assert (tmp_path / "far" / "seed-1" / "gan-01-small" / "metrics.json").exists()
