"""The command line as a user meets it: exit codes, one-line messages, files left alone."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

import minigen
from minigen.cli import COMMANDS, main

TRAINING = """
import time
import numpy as np

total, rng = np.zeros(1), lesson.rng("steps")


def step(i):
    if i == 20:
        open("in training", "w").close()
    time.sleep({pause})
    total[0] += rng.random()
    return float(total[0])


history = lesson.fit(step, lesson.steps(200), state={{"total": total, "rng": rng}}, label="sum")
lesson.claim("sum", float(total[0]), at_least=0.0, source="arithmetic")
"""


def minigen_command(*args, **kwargs):
    kwargs = {"capture_output": True, "text": True, "encoding": "utf-8", "timeout": 600} | kwargs
    return subprocess.run([sys.executable, "-m", "minigen", *args], **kwargs)


def one_line(text):
    assert text.endswith("\n") and text.count("\n") == 1, f"not one line: {text!r}"
    assert "Traceback" not in text
    return text.rstrip()


def test_run_writes_its_folder(write_lesson, capsys, tmp_path):
    write_lesson("gan/02_gan", TRAINING.format(pause=0), title="GANs")
    assert main(["run", "gan/02"]) == 0
    out = tmp_path / "out" / "gan-02-gan"
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["lesson"] == "gan/02_gan" and metrics["status"] == "passed" and metrics["seed"] == 0
    assert metrics["claims"][0]["status"] == "passed" and metrics["claims"][0]["bar"] == "≥ 0"
    assert metrics["timings"]["trainings"][0]["steps"] == 200
    assert metrics["versions"]["minigen"] == minigen.__version__
    printed = capsys.readouterr().out
    assert (out / "log.txt").read_text(encoding="utf-8") == printed
    assert "1 of 1 claim holds" in printed


def test_quick_claims_are_not_judged(write_lesson, tmp_path):
    write_lesson("gan/02_gan", 'lesson.claim("impossible", 0.0, at_least=1.0)')
    assert main(["run", "gan/02", "--quick"]) == 0
    metrics = json.loads((tmp_path / "out/gan-02-gan-quick/metrics.json").read_text(encoding="utf-8"))
    assert metrics["status"] == "not judged" and metrics["claims"][0]["status"] == "not judged"


def test_a_failed_claim_exits_1(write_lesson, capsys, tmp_path):
    write_lesson("gan/02_gan", 'lesson.claim("impossible", 0.0, at_least=1.0)')
    assert main(["run", "gan/02"]) == 1
    assert "0 of 1 claim holds" in capsys.readouterr().out
    assert json.loads((tmp_path / "out/gan-02-gan/metrics.json").read_text(encoding="utf-8"))["status"] == "failed"


def test_a_failed_check_stops_also_a_quick_run(write_lesson, capsys, tmp_path):
    write_lesson("gan/02_gan", 'lesson.check("two", [2.0, 2.5], equals=[2, 2])\nprint("not reached")')
    assert main(["run", "gan/02", "--quick"]) == 1
    printed = capsys.readouterr()
    assert "not reached" not in printed.out
    message = one_line(printed.err)
    assert message == "check failed: two: got 2, 2.5, must be = 2, 2 (largest difference 0.5, at (1,))"
    metrics = json.loads((tmp_path / "out/gan-02-gan-quick/metrics.json").read_text(encoding="utf-8"))
    assert metrics["status"] == "failed" and metrics["checks"][0]["status"] == "failed"
    assert message in (tmp_path / "out/gan-02-gan-quick/log.txt").read_text(encoding="utf-8")


def test_an_error_shows_the_lessons_own_lines(write_lesson, capsys):
    write_lesson("gan/02_gan", "def broken():\n    return 1 / 0\n\n\nbroken()")
    assert main(["run", "gan/02"]) == 1
    error = capsys.readouterr().err
    assert "ZeroDivisionError" in error and "return 1 / 0" in error and "runpy" not in error
    assert sys.stdout is not None and type(sys.stdout).__name__ != "StandardOutput"


def test_a_lesson_must_finish(write_lesson, capsys):
    path = write_lesson("gan/02_gan")
    path.write_text(path.read_text(encoding="utf-8").replace("lesson.finish()", ""), encoding="utf-8")
    assert main(["run", "gan/02"]) == 1
    assert "has no lesson.finish()" in one_line(capsys.readouterr().err)


@pytest.mark.parametrize(
    "name",
    ["gan/2", "gan/02", "gan/gan", "gan/02_gan", "02_gan", "gan-02-gan", "GAN/02", "lessons/gan/02_gan/lesson.py"],
)
def test_names_of_a_lesson(write_lesson, name):
    write_lesson("gan/02_gan")
    assert main(["run", name, "--quick"]) == 0


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["run", "gan/wgann"], "there is no lesson 'gan/wgann'; did you mean gan/12_wgan"),
        (["run", "wasserstein gan"], "did you mean gan/12_wgan"),
        (["run", "zzz"], "there is no lesson 'zzz'; see minigen list"),
        (["run", "02"], "'02' may be gan/02_gan or vae/02_autoencoder: say which"),
        (["run"], "run one lesson by its ID, or all of them with --all"),
        (["run", "gan/02", "--all"], "run one lesson by its ID, or all of them with --all"),
        (["run", "gan/02", "--seed", "-1"], "must be a whole number of at least 0, got '-1'"),
        (["run", "gan/02", "--seed", "one"], "must be a whole number of at least 0, got 'one'"),
        (["run", "gan/02", "--seed", "1.5"], "must be a whole number of at least 0, got '1.5'"),
        (["run", "gan/02", "--scale", "0"], "a scale is a number larger than 0, got '0'"),
        (["run", "gan/02", "--scale", "nan"], "a scale is a number larger than 0, got 'nan'"),
        (["run", "gan/02", "--scale", "big"], "a scale is a number larger than 0, got 'big'"),
        (["run", "gan/02", "--with", "missing.py"], "there is no file missing.py"),
        (["run", "--all", "--show"], "--with, --show and --set go with one lesson"),
        (["run", "gan/02", "--quik"], "unrecognized arguments: --quik"),
        (["rnu"], "invalid choice: 'rnu'"),
        (["tour", "--seed", "x"], "--seed: must be a whole number"),
        (["notebook", "nothing/99"], "there is no lesson 'nothing/99'"),
    ],
)
def test_usage_errors_are_one_line_and_exit_2(write_lesson, capsys, args, says):
    write_lesson("gan/02_gan", title="GANs")
    write_lesson("vae/02_autoencoder", title="Autoencoders")
    write_lesson("gan/12_wgan", title="Wasserstein GANs")
    try:
        code = main(args)
    except SystemExit as error:
        code = error.code
    assert code == 2
    assert says in one_line(capsys.readouterr().err)


def test_an_unwritable_folder(write_lesson, capsys, tmp_path):
    write_lesson("gan/02_gan")
    (tmp_path / "file").write_text("mine")
    assert main(["run", "gan/02", "--out", "file"]) == 2
    assert "cannot write to" in one_line(capsys.readouterr().err)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="folders are writable for root")
def test_a_read_only_folder(write_lesson, capsys, tmp_path):
    write_lesson("gan/02_gan")
    (tmp_path / "locked").mkdir(mode=0o500)
    assert main(["run", "gan/02", "--out", "locked"]) == 2
    assert "cannot write to" in one_line(capsys.readouterr().err)


def test_nothing_the_user_made_is_overwritten(write_lesson, capsys, tmp_path):
    write_lesson("gan/02_gan", 'print("hello")')
    out = tmp_path / "out/gan-02-gan"
    out.mkdir(parents=True)
    (out / "metrics.json").write_text("mine")
    assert main(["run", "gan/02"]) == 2
    assert "has files that minigen did not write" in one_line(capsys.readouterr().err)
    assert [path.name for path in out.iterdir()] == ["metrics.json"] and (out / "metrics.json").read_text() == "mine"

    (out / "metrics.json").unlink()  # an empty folder will do, and the lesson may write there again
    assert main(["run", "gan/02"]) == 0
    (out / "notes.txt").write_text("mine")
    assert main(["run", "gan/02"]) == 0
    assert (out / "notes.txt").read_text() == "mine"


def test_a_new_run_removes_the_files_of_the_one_before(write_lesson, tmp_path):
    body = "from minigen import plot\n\nfig, axes = plot.figure(1, 1)\nlesson.figure(fig, {name!r})"
    write_lesson("gan/02_gan", body.format(name="old"))
    assert main(["run", "gan/02"]) == 0
    assert (tmp_path / "out/gan-02-gan/old.png").exists()
    write_lesson("gan/02_gan", body.format(name="new"))
    assert main(["run", "gan/02"]) == 0
    assert sorted(path.name for path in (tmp_path / "out/gan-02-gan").glob("*.png")) == ["new.png"]


def test_list(write_lesson, capsys):
    path = write_lesson("gan/02_gan", title="GANs", sections=["gan.s02"], equations=["gan.03"])
    path.with_name("exercise.py").write_text("A = Exercise('gan/02/a')\nB = Exercise('gan/02/b')", encoding="utf-8")
    broken = write_lesson("gan/03_broken")
    broken.write_text("lesson = Lesson(name)", encoding="utf-8")
    assert main(["list"]) == 0
    out, err = capsys.readouterr()
    lines = {line.split()[0]: line for line in out.splitlines() if re.match(r"  \w+\.s\d\d  ", line)}
    times = "gan/02_gan  < 10 s   0.1 min      0.5 min  2 exercises"  # a fifth: 0.5 (1 - 0.8 0.9) of a usual lesson
    assert times in lines["gan.s02"] and "lesson      --quick  --scale 0.2  in full  exercises" in out
    assert "planned" in lines["gan.s01"] and len(lines) == 17  # of the one post that has a lesson
    assert "1 of 17 sections" in out
    assert "must be literals" in one_line(err)

    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["id"] == "gan/02_gan"


@pytest.mark.slow
def test_list_equations(write_lesson, capsys):
    write_lesson("gan/02_gan", equations=["gan.03"])
    assert main(["list", "--equations"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("gan.03  ") and lines[2].endswith(" → gan/02_gan")
    assert lines[-1].startswith("97 equations of the posts: ")
    assert main(["list", "--equations", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[2]["lessons"] == ["gan/02_gan"]


@pytest.mark.slow
def test_run_all(write_lesson, tmp_path):
    write_lesson("vae/01_b", 'lesson.claim("no", 0, at_least=1)')
    write_lesson("gan/01_a")
    done = minigen_command("run", "--all")
    assert done.returncode == 1
    rows = [line.split() for line in done.stdout.splitlines()[-2:]]
    assert rows == [["gan/01_a", "ok"], ["vae/01_b", "failed", "(exit", "1)"]]
    assert minigen_command("run", "--all", "--quick").returncode == 0


@pytest.mark.parametrize("command", [[], ["list"], ["run"], ["tour"], ["notebook"]])
def test_help_shows_an_example(command, capsys):
    with pytest.raises(SystemExit) as error:
        main([*command, "-h"])
    assert error.value.code == 0
    assert f"example:\n  minigen {' '.join(command)}" in capsys.readouterr().out


def test_no_command_shows_help(capsys):
    assert main([]) == 2
    assert "COMMAND ..." in capsys.readouterr().out


def test_help_has_the_commands_in_three_groups(capsys):
    """Each once, in the group in which its user looks."""
    main([])
    shown = capsys.readouterr().out
    groups = {
        heading: re.findall(r"^  (\w+) +\S", lines, re.M)
        for heading, lines in re.findall(r"^(learn|teach|write):\n((?:  .*\n)+)", shown, re.M)
    }
    assert list(groups) == ["learn", "teach", "write"]
    assert sorted(name for names in groups.values() for name in names) == sorted(COMMANDS)
    assert {"list", "run", "tour", "exercise", "notebook", "glossary"} <= set(groups["learn"])
    assert groups["teach"] == ["syllabus", "slides", "quiz", "assignment", "grade"]
    assert groups["write"] == ["new", "change", "record"]
    assert all(f"  {help}\n" in shown for help in COMMANDS.values())


def test_an_unknown_command_names_those_that_there_are(capsys):
    with pytest.raises(SystemExit) as error:
        main(["wlak", "gan/02"])
    assert error.value.code == 2
    told = capsys.readouterr().err
    assert "invalid choice: 'wlak'" in told and all(f"'{name}'" in told for name in COMMANDS)


def test_module_and_version():
    done = minigen_command("--version")
    assert (done.returncode, done.stdout) == (0, f"minigen {minigen.__version__}\n")


def test_list_and_help_load_nothing_heavy():
    code = (
        "import sys; from minigen.cli import main; main(['list']);\n"
        "heavy = [n for n in ('scipy', 'matplotlib', 'autograd') if n in sys.modules]; assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_terminal_that_knows_only_ascii(write_lesson):
    write_lesson("gan/02_gan", 'lesson.claim("ε ≥ 0", 1.0, at_least=0.0)\nprint("α → β")')
    done = minigen_command("run", "gan/02", env={**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"})
    assert done.returncode == 0, done.stderr
    assert ">= 0" in done.stdout and "alpha -> beta" in done.stdout
    assert minigen_command("list", env={**os.environ, "PYTHONIOENCODING": "ascii"}).returncode == 0


@pytest.mark.slow
def test_colors_only_on_a_terminal(write_lesson):
    write_lesson("gan/02_gan")
    assert "\x1b" not in minigen_command("run", "gan/02").stdout
    assert "\x1b" not in minigen_command("list").stdout


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("as_script", [False, True], ids=["minigen run", "python lesson.py"])
def test_interrupted_and_resumed_equals_uninterrupted(write_lesson, tmp_path, as_script):
    path = write_lesson("gan/02_gan", TRAINING.format(pause=0.02))
    command = [sys.executable, str(path)] if as_script else [sys.executable, "-m", "minigen", "run", "gan/02"]
    process = subprocess.Popen([*command, "--seed", "3"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline().startswith("gan/02_gan")
    while not (tmp_path / "in training").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=600)
    assert process.returncode == 130
    assert "--resume" in one_line(error)
    metrics = tmp_path / "out/gan-02-gan/metrics.json"
    assert json.loads(metrics.read_text(encoding="utf-8"))["status"] == "interrupted"

    other_seed = subprocess.run([*command, "--seed", "4", "--resume"], capture_output=True, text=True, timeout=600)
    assert other_seed.returncode == 2 and "had seed 3, not 4" in one_line(other_seed.stderr)

    done = subprocess.run([*command, "--seed", "3", "--resume"], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "continuing from" in done.stdout
    resumed = json.loads(metrics.read_text(encoding="utf-8"))
    again = subprocess.run([*command, "--seed", "3", "--out", "other"], capture_output=True, text=True, timeout=600)
    assert again.returncode == 0, again.stderr
    whole = json.loads((tmp_path / "other/gan-02-gan/metrics.json").read_text(encoding="utf-8"))
    assert whole["claims"] == resumed["claims"]


@pytest.mark.slow
def test_a_script_refuses_in_one_line(write_lesson, tmp_path):
    path = write_lesson("gan/02_gan")
    (tmp_path / "file").write_text("mine")
    for args, says in [(["--out", "file"], "cannot write to"), (["--seed", "x"], "--seed: must be a whole number")]:
        done = subprocess.run([sys.executable, str(path), *args], capture_output=True, text=True, timeout=600)
        assert done.returncode == 2 and says in one_line(done.stderr)


@pytest.mark.slow
def test_a_script_fails_as_a_run_does(write_lesson, tmp_path):
    path = write_lesson("gan/02_gan", 'lesson.check("one", 2, equals=1)')
    done = subprocess.run([sys.executable, str(path), "--quick"], capture_output=True, text=True, timeout=600)
    assert done.returncode == 1 and one_line(done.stderr) == "check failed: one: got 2, must be = 1"
    path = write_lesson("gan/02_gan", 'lesson.claim("one", 2, equals=1)')
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 1 and done.stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="head")
def test_list_into_a_closed_pipe():
    command = f"{sys.executable} -m minigen list | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=600)
    assert done.stderr == "" and done.stdout.count("\n") == 1


def test_list_takes_the_share_of_training_from_the_recorded_run(write_lesson, capsys):
    path = write_lesson("gan/02_gan", sections=["gan.s02"])
    (path.parent / "recorded").mkdir()
    timings = {"total": 50.0, "trainings": [{"seconds": 15.0}, {"seconds": 10.0}]}
    (path.parent / "recorded" / "metrics.json").write_text(json.dumps({"timings": timings}), encoding="utf-8")
    assert main(["list"]) == 0
    assert "gan/02_gan  < 10 s   0.3 min      0.5 min\n" in capsys.readouterr().out  # 0.5 (1 - 0.8 0.5)
