"""`minigen cache` and `minigen --version --verbose`."""

import re

import numpy as np
import pytest
from filelock import FileLock

import minigen
from minigen.cli import main
from minigen.course.lesson.folder import MARKER


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A cache with two models, a run of `minigen sample`, and a file of somebody else's."""
    monkeypatch.setenv("MINIGEN_CACHE", str(tmp_path))
    for name in ("a-0123", "b-4567"):
        np.savez(tmp_path / f"{name}.npz", np.zeros(10))
        (tmp_path / f"{name}.json").write_text("{}")
        (tmp_path / f"{name}.lock").touch()
    run = tmp_path / "samples" / "seed-0-89ab"
    run.mkdir(parents=True)
    (run / MARKER).write_text("{}")
    (run / "log.txt").write_text("a run")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "samples" / "thesis").mkdir()
    (tmp_path / "samples" / "thesis" / "data.npz").touch()
    return tmp_path


def test_what_is_kept(kept, capsys):
    assert main(["cache"]) == 0
    shown = capsys.readouterr().out
    assert "a-0123.npz" in shown and "samples/seed-0-89ab" in shown and "thesis" not in shown
    assert f"2 models and 1 run are kept, 0.0 MB, in {kept}" in shown


def test_clear_removes_models_and_runs_and_nothing_else(kept, capsys):
    assert main(["cache", "--clear"]) == 0
    assert "removed 2 models and 1 run" in capsys.readouterr().out
    left = sorted(path.relative_to(kept).as_posix() for path in kept.rglob("*"))
    assert left == ["notes.txt", "samples", "samples/thesis", "samples/thesis/data.npz"]
    assert main(["cache"]) == 0
    assert capsys.readouterr().out.startswith("0 models and 0 runs are kept, 0.0 MB")


def test_a_model_that_a_run_uses_stays(kept, capsys):
    with FileLock(kept / "a-0123.lock"):
        assert main(["cache", "--clear"]) == 0
    assert "removed 1 model and 1 run\n1 model stayed: a run uses it just now" in capsys.readouterr().out
    assert (kept / "a-0123.npz").exists() and not (kept / "b-4567.npz").exists()


def test_no_cache_yet(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MINIGEN_CACHE", str(tmp_path / "none"))
    assert main(["cache"]) == main(["cache", "--clear"]) == 0
    assert not (tmp_path / "none").exists()


def test_what_a_report_of_a_bug_needs(kept, capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"minigen {minigen.__version__}\n"
    assert main(["--version", "--verbose"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"minigen {minigen.__version__} in ") and lines[1].startswith("Python 3.")
    assert re.search(r"^numpy \d", "\n".join(lines), re.M) and any(line.startswith("BLAS: ") for line in lines)
    assert f"MINIGEN_CACHE={kept}" in lines
