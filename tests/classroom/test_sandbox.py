"""The sandbox around a worker: bubblewrap, where the system has it."""

import json

import pytest

from minigen.course.exercise import catalog
from minigen.course.exercise.grading import bubblewrap, runner
from minigen.course.exercise.grading import status as S
from minigen.course.exercise.grading.grade import grade_file
from minigen.course.exercise.grading.runner import Limits
from minigen.course.exercise.grading.submission import Submission

from .conftest import CRITIC, HEAD, in_this_process

REASON = bubblewrap.why_not()
has_bwrap = pytest.mark.skipif(bool(REASON), reason=f"no sandbox here: {REASON}")

SPY = """\
import json, os, socket
from pathlib import Path


def tried(action):
    try:
        return str(action())
    except Exception as error:
        return type(error).__name__


def critic_loss(real_scores, fake_scores):
    import minigen

    package = Path(minigen.__file__).parent
    found = {
        "user": os.getuid(),
        "processes": len([name for name in os.listdir("/proc") if name.isdigit()]),
        "network": tried(lambda: socket.create_connection(("127.0.0.1", PORT), 2)),
        "home": os.path.exists("HOME"),
        "tests": os.path.exists(package.parent / "tests"),
        "lessons": os.path.exists(package.parent / "lessons"),
        "answers": [str(path) for path in (package / "_lessons").rglob("answers.py")],
        "write": tried(lambda: open(package / "checks.py", "a")),
        "secret": "SECRET_OF_THE_TEACHER" in os.environ,
        "reference": (package / "gan" / "wgan.py").read_text(),
        "compiled": [path.read_bytes() != b"" for path in (package / "gan" / "__pycache__").glob("wgan.*.pyc")],
    }
    print("FOUND" + json.dumps(found))
    return np.mean(fake_scores) - np.mean(real_scores)
"""


@has_bwrap
def test_what_an_answer_sees_in_bubblewrap(tmp_path, monkeypatch, without_hook):
    """Another user, itself alone, no network, nothing of the user's, no answers, nothing to write to, without the hook.

    The file of the package that holds the answer is empty.
    """
    import socket

    monkeypatch.setenv("SECRET_OF_THE_TEACHER", "1")
    home = tmp_path / "home"
    home.mkdir()
    exercise = catalog.find("gan/12/critic_loss")[0]
    with socket.create_server(("127.0.0.1", 0)) as server:
        source = HEAD + SPY.replace("PORT", str(server.getsockname()[1])).replace("HOME", str(home))
        report = grade_file(exercise, Submission("gan_12.py", source), Limits(case=20.0, sandbox="bwrap"))
    assert report.passed, report.message
    found = json.loads(report.output.partition("FOUND")[2].splitlines()[0])
    assert found["user"] == 65534 and found["processes"] <= 3
    assert found["network"] in ("ConnectionRefusedError", "OSError") and found["write"] in ("OSError", "PackageAnswer")
    assert not (found["home"] or found["tests"] or found["lessons"] or found["answers"] or found["secret"])
    assert found["reference"] == "" and not any(found["compiled"])


@has_bwrap
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("    while True: pass", S.TIMEOUT, marks=pytest.mark.slow),
        ("    import os; os.kill(os.getpid(), 11)", S.CRASHED),
        ("    return 0.5", S.WRONG_VALUE),
    ],
)
def test_answers_end_in_bubblewrap_as_outside(line, expected, tmp_path, monkeypatch):
    """The same verdict, case by case, and no process and no folder afterwards."""
    monkeypatch.setattr(runner.tempfile, "tempdir", str(tmp_path))
    exercise = catalog.find("gan/12/critic_loss")[0]
    first = f"    if len(real_scores) == 2:\n    {line}\n"  # in some cases only
    source = HEAD + CRITIC.replace("    return", f"{first}    return")
    inside = grade_file(exercise, Submission("x.py", source), Limits(case=1.0, sandbox="bwrap"))
    outside = grade_file(exercise, Submission("x.py", source), Limits(case=1.0))
    assert [verdict.status for verdict in inside.verdicts] == [verdict.status for verdict in outside.verdicts]
    assert expected in [verdict.status for verdict in inside.verdicts] and inside.points == outside.points
    assert list(tmp_path.iterdir()) == []


@has_bwrap
def test_a_class_in_bubblewrap(a_class):
    a_class.write("hw1.toml", 'data = ["sign.txt"]\n' + (a_class.folder / "hw1.toml").read_text())
    a_class.write("sign.txt", "-1")
    text = "    sign = int(open('sign.txt').read())\n    return np.mean(fake_scores) + sign * np.mean(real_scores)\n"
    a_class.hand_in("s001", "def critic_loss(real_scores, fake_scores):\n" + text, None)
    a_class.grade(run=in_this_process, sandbox="bwrap")
    assert a_class.rows()["s001", "critic_loss"]["points"] == "8"


def test_no_such_sandbox():
    exercise = catalog.find("gan/12/critic_loss")[0]
    with pytest.raises(ValueError, match='sandbox must be "" or "bwrap", got \'jail\''):
        grade_file(exercise, Submission("x.py", HEAD + CRITIC), Limits(sandbox="jail"))


@has_bwrap
@pytest.mark.slow
@pytest.mark.parametrize("sandbox", ["", "bwrap"])
def test_the_module_of_the_function_can_be_imported(sandbox):
    """Without the function: its other contents are there."""
    source = f"from minigen.gan.wgan import clip_weights\nimport minigen.gan.wgan as w\n{HEAD}{CRITIC}"
    source = source.replace(
        "    return", "    assert callable(clip_weights) and callable(w.penalized_slope)\n    return"
    )
    exercise = catalog.find("gan/12/critic_loss")[0]
    assert grade_file(exercise, Submission("x.py", source), Limits(case=20.0, load=20.0, sandbox=sandbox)).passed
    taken = source.replace("return", "return w.critic_loss(real_scores, fake_scores)\n    return")
    report = grade_file(exercise, Submission("x.py", taken), Limits(case=20.0, load=20.0, sandbox=sandbox))
    assert {verdict.status for verdict in report.verdicts} == {S.PACKAGE_ANSWER}
