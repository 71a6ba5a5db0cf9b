"""A run that asks: at a terminal it waits for the choices of the reader and counts those that were right."""

import json
import os
import subprocess
import sys

import pytest

from minigen.course.lesson import lesson as lesson_module
from minigen.course.lesson.options import RunOptions
from minigen.course.lesson.run import run_file

BODY = """\
lesson.predict("One?", ["yes", "no"])

# %%
lesson.outcome("It is.", answer="yes")

# %%
lesson.predict("Two?", ["more", "less", "as many"])

# %%
lesson.outcome("More.", answer="more")

# %%
lesson.predict("Three?", ["a", "b"])

# %%
lesson.outcome("It depends.")"""


@pytest.fixture
def lesson(write_lesson):
    return write_lesson("gan/01_tiny", BODY)


def run_on_a_terminal(command, typed, tmp_path):
    """What a command prints on a pseudo-terminal on which this is typed, and its exit code."""
    pty = pytest.importorskip("pty")
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "TERM")}
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, cwd=tmp_path, env={**environment, "TERM": "dumb"}
    )
    os.close(terminal)
    printed = b""
    questions = iter(typed)
    while True:
        try:
            piece = os.read(controller, 4096)
        except OSError:  # the process has closed the terminal
            break
        if not piece:
            break
        printed += piece
        if printed.endswith(b"Enter to skip): "):
            os.write(controller, next(questions))
            printed += b"|"
    os.close(controller)
    return printed.decode().replace("\r\n", "\n"), process.wait()


@pytest.mark.slow
def test_a_terminal_is_asked_and_told_how_many_were_right(lesson, tmp_path):
    command = [sys.executable, "-m", "minigen", "run", "gan/01"]
    printed, code = run_on_a_terminal(command, [b"a\n", b"x\n", b" C)\n", b"\n"], tmp_path)
    assert code == 0
    assert printed.count("your answer (a to c, Enter to skip)") == 2, "x is not one of the letters"
    assert "  answer  a) yes. It is.\n           you chose a) yes: right\n" in printed
    assert "  answer  a) more. More.\n           you chose c) as many: not so\n" in printed
    assert "  answer  It depends.\n" in printed and printed.count("you chose") == 2
    assert "your predictions: 1 of 2 answers right, 1 skipped\n" in printed
    assert printed.index("Two?") > printed.index("you chose a)"), "the next question comes after the outcome"
    folder = tmp_path / "out" / "gan-01-tiny"
    asked = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["predictions"]
    assert [prediction["chosen"] for prediction in asked] == ["yes", "as many", None]
    assert "your answer" not in (folder / "record.jsonl").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_end_of_the_input_skips_and_no_ask_does_not_wait(lesson, tmp_path):
    printed, code = run_on_a_terminal([sys.executable, str(lesson)], [b"b\n", b"\x04", b"\x04"], tmp_path)
    assert code == 0 and "your predictions: 0 of 1 answer right, 2 skipped\n" in printed
    for command in ([sys.executable, str(lesson)], [sys.executable, "-m", "minigen", "run", "gan/01"]):
        printed, code = run_on_a_terminal([*command, "--no-ask"], [], tmp_path)
        assert code == 0 and "your answer" not in printed and "your predictions" not in printed


def test_nobody_is_asked_without_a_terminal(lesson, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(lesson_module, "ask", None)
    assert run_file(lesson, RunOptions(out=tmp_path / "out", ask=True)) == 0
    assert "your" not in capsys.readouterr().out


def test_time_spent_waiting_does_not_count(lesson, tmp_path, capsys, monkeypatch):
    clock = iter(range(0, 100_000, 1000))
    from minigen.course.lesson import run

    monkeypatch.setattr(run, "at_terminal", lambda: True)
    monkeypatch.setattr(lesson_module, "ask", lambda prediction: prediction.choices[0])
    monkeypatch.setattr(lesson_module, "time", type("Clock", (), {"perf_counter": lambda: next(clock)}))
    assert run_file(lesson, RunOptions(out=tmp_path / "out", ask=True)) == 0
    assert "your predictions: 2 of 2 answers right, 1 not judged\n" in capsys.readouterr().out
    metrics = json.loads((tmp_path / "out" / "gan-01-tiny" / "metrics.json").read_text(encoding="utf-8"))
    assert -3000 < metrics["timings"]["total"] < -2900  # three times a thousand seconds of waiting
    assert run_file(lesson, RunOptions(out=tmp_path / "out")) == 0
    assert "your predictions" not in capsys.readouterr().out
