"""A student's evening at the command line, and in a notebook."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import minigen
from minigen import checks, files
from minigen.course import check
from minigen.course.commands import exercise
from minigen.course.commands.exercise.check import watch
from minigen.course.commands.exercise.list import _duration
from minigen.course.console import UsageError
from minigen.course.exercise import catalog, functions, limits, substitute
from minigen.course.exercise.patching import replaced
from minigen.course.exercise.progress import Progress, lesson_in_words
from tests.costs import units_of

DATA = Path(__file__).with_name("exercise_data")
NLL = """\
def gaussian_nll(x, mu, logvar):
    return 0.5 * np.sum(logvar + (x - mu) ** 2 / np.exp(logvar) + np.log(2 * np.pi), axis=1)
"""
FLOW = """\
def scale_and_shift(x, s, t):
    return x * np.exp(s) + t, np.sum(s, axis=-1)
"""
HEAD = "import autograd.numpy as np\n\n\n"
ANSWERS = HEAD + NLL + "\n\n" + FLOW


@pytest.fixture(autouse=True)
def evening(monkeypatch, tmp_path):
    monkeypatch.setenv("MINIGEN_LESSONS", f"{DATA / 'lessons'}{os.pathsep}-")
    monkeypatch.syspath_prepend(str(DATA))
    monkeypatch.chdir(tmp_path)
    yield
    substitute.restore()


@pytest.fixture
def run(capsys):
    def run(*argv):
        code = exercise.main([str(a) for a in argv])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def answers(text=ANSWERS) -> Path:
    path = Path("exercises/gan_90.py")
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.slow
def test_an_evening(run):
    code, out, _ = run("list")
    assert code == 0 and "gan/90/gaussian_nll" in out and "0 of 2 passed" in out
    code, out, _ = run("start", "gan/90")
    path = Path("exercises/gan_90.py")
    assert code == 0 and path.exists() and "gaussian_nll, scale_and_shift" in out

    code, out, _ = run("check", "gan/90")
    assert code == 1 and "not written yet, 0 of 6 points" in out and "0 of 2 exercises pass" in out
    assert lesson_in_words("gan/90") == "0/2 exercises passed"

    stubs = path.read_text()
    wrong = NLL.replace("logvar + (x", "-logvar + (x")
    path.write_text(HEAD + wrong + stubs[stubs.index("\n\ndef scale_and_shift") :])
    code, out, _ = run("check", "gan/90/gaussian_nll")
    assert code == 1 and "random_batch" in out and "the worst" in out and "expected" in out

    for level in (1, 2, 3, 3):
        code, out, _ = run("hint", "gan/90/gaussian_nll")
        assert code == 0 and f"{level}. " in out and f"{level + 1}. " not in out
    assert "last hint" in out

    code, _, err = run("diff", "gan/90/gaussian_nll")
    assert code == 2 and "not passed yet" in err and "np.sum" not in err

    path.write_text(ANSWERS)
    code, out, _ = run("check")
    assert code == 0 and "2 of 2 exercises pass, 11 of 11 points" in out and "minigen run gan/90 --with" in out
    assert "beside the package's version: minigen exercise diff gan/90\n" in out
    assert lesson_in_words("gan/90_fake") == "2/2 exercises passed"
    code, out, _ = run("diff", "gan/90")
    assert code == 0 and "yours" in out and "the package's" in out and "+    gap = (x - mu) ** 2" in out
    code, out, _ = run("list", "gan/90")
    assert "2 of 2 passed" in out
    path.unlink()
    code, out, _ = run("diff", "gan/90/gaussian_nll")  # as after a pass in a notebook
    assert code == 0 and "\n    gap = (x - mu) ** 2" in out and f"(yours is not in {path})" in out


@pytest.mark.parametrize("id", ["gan/90", "gan/90/scale_and_shift"])
@pytest.mark.parametrize("nll", [NLL, NLL.replace("0.5 *", "")])
def test_an_answer_that_calls_one_that_does_not_pass(run, id, nll):
    calling = FLOW.replace("return", "other = gaussian_nll(x, s, t)\n    return").replace(
        "axis=-1)", "axis=-1) + other"
    )
    answers(HEAD + nll + "\n\n" + calling)
    code, out, _ = run("check", id)
    words = "this calls your gaussian_nll, which does not pass yet: mend gan/90/gaussian_nll first"
    assert code == 1 and out.count(words) == (nll != NLL)


@pytest.mark.slow
def test_a_check_names_the_mistake_and_a_hint_the_cure(run):
    answers(HEAD + NLL + "\n\n" + FLOW.replace("+ t", "- t"))
    code, out, _ = run("check", "gan/90")
    assert code == 1 and "known mistake: t is added.\n" in out and "y = x exp(s) + t" not in out
    assert out.count("minigen exercise hint") == 1
    code, out, _ = run("check", "gan/90", "--json")
    row = json.loads(out)["exercises"][1]
    assert (row["hint"], row["cure"]) == ("t is added.", "t is added: y = x exp(s) + t.")
    code, out, _ = run("hint", "gan/90/scale_and_shift")
    assert code == 0 and out.startswith("the mistake of your last check: t is added: y = x exp(s) + t.\n\n1. ")
    answers()
    assert run("check", "gan/90")[0] == 0
    assert "mistake" not in run("hint", "gan/90/scale_and_shift")[1]


def test_start_never_overwrites(run):
    path = answers("# mine\n")
    code, _, err = run("start", "gan/90")
    assert code == 2 and "left it unchanged" in err and path.read_text() == "# mine\n"
    path.unlink()
    path.symlink_to("nowhere")
    assert run("start", "gan/90")[0] == 2 and path.is_symlink()


def test_start_says_where_an_exercise_stands_that_was_started_with_another(run):
    code, out, _ = run("start", "gan/90/gaussian_nll")
    assert code == 0 and out.endswith("then: minigen exercise check gan/90/gaussian_nll\n")
    path = Path("exercises/gan_90.py")
    before = path.read_text()
    line = 1 + next(i for i, text in enumerate(before.splitlines()) if text.startswith("def scale_and_shift("))
    code, out, _ = run("start", "gan/90/scale_and_shift")
    assert code == 0 and f"already, in line {line}. " in out and path.read_text() == before
    path.write_text("# def scale_and_shift(x):\n")
    code, _, err = run("start", "gan/90/scale_and_shift")
    assert code == 2 and "left it unchanged" in err


def test_start_on_a_full_disk_leaves_nothing_in_the_way(run, monkeypatch):
    def full(number):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", full)
        code, _, err = run("start", "gan/90")
    assert code == 2 and "No space left on device" in err
    assert run("start", "gan/90")[0] == 0


@pytest.mark.slow
def test_reset_keeps_a_backup(run):
    path = answers()
    run("check", "gan/90")
    code, out, _ = run("reset", "gan/90/scale_and_shift")
    assert code == 0 and NLL in path.read_text() and "NotImplementedError" in path.read_text()
    backups = sorted(path.parent.glob("gan_90.py.*.bak"))
    assert [backup.read_text() for backup in backups] == [ANSWERS] and backups[0].name in out
    assert lesson_in_words("gan/90") == "1/2 exercises passed"
    code, out, _ = run("reset", "gan/90")
    assert code == 0 and path.read_text().count("raise NotImplementedError(") == 2
    assert len(list(path.parent.glob("*.bak"))) == 2
    assert lesson_in_words("gan/90") == "0/2 exercises passed"


@pytest.mark.slow
def test_what_was_passed_stays_passed(run):
    path = answers()
    run("check", "gan/90")
    path.write_text("")
    assert run("check", "gan/90")[0] == 1
    assert lesson_in_words("gan/90") == "2/2 exercises passed"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["check", "gan/91"], "there is no exercise 'gan/91'"),
        (["check", "gan/90"], "minigen exercise start gan/90 writes it"),
        (["check", "nothing.py"], "there is no file nothing.py"),
        (["check"], "no answers in exercises"),
        (["start", "gan/nothing"], "there is no exercise"),
        (["hint", "gan/90"], "has several exercises: say which"),
        (["diff", "gan/90"], "not passed yet"),
        (["reset", "gan/90"], "there is no file"),
    ],
)
def test_usage_errors_are_one_line_and_exit_2(run, argv, message):
    code, out, err = run(*argv)
    assert code == 2 and message in err and err.count("\n") == 1 and not out


def test_argparse_errors_exit_2(run):
    for argv in (["check", "--nonsense"], ["nonsense"], ["hint"], ["prove", "gan/90", "--seeds", "0"]):
        with pytest.raises(SystemExit) as stopped:
            run(*argv)
        assert stopped.value.code == 2
    assert run()[0] == 2  # help


def test_an_unwritable_folder(run):
    Path("exercises").write_text("a file in the way")
    code, _, err = run("start", "gan/90")
    assert code == 2 and "cannot write" in err


@pytest.mark.slow
def test_json_is_one_document(run):
    answers(HEAD + NLL.replace("0.5 * ", "-0.5 * ") + "\n\n" + FLOW.replace("x * np.exp(s) + t,", "x * np.nan,"))
    code, out, _ = run("check", "gan/90", "--json")
    data = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert code == 1 and data["passed"] is False and data["possible"] == 11
    first, second = data["exercises"]
    assert (first["id"], first["status"], first["passed"]) == ("gan/90/gaussian_nll", "wrong_value", False)
    case = first["cases"][0]
    assert case["yours"] == pytest.approx(-case["expected"]) and "opposite sign" in case["relation"]
    assert second["status"] == "nan"


def test_json_comes_for_what_cannot_be_done(run, monkeypatch):
    code, out, err = run("check", "gan/91", "--json")
    assert code == 2 and json.loads(out)["exit_code"] == 2 and "no exercise" in json.loads(out)["error"] and err
    code, out, err = run("check", "gan/90", "--json", "--seed", "first")
    assert code == 2 and json.loads(out)["exit_code"] == 2 and "--seed" in err
    answers()
    monkeypatch.setattr("minigen.course.commands.exercise.check.check_file", lambda *a, **k: 1 / 0)
    code, out, err = run("check", "gan/90", "--json")
    assert code == 3 and "the grader failed: ZeroDivisionError" in json.loads(out)["error"]


def test_numbers_in_json_are_numbers(run):
    answers(HEAD + NLL.replace("0.5 * ", "np.inf * ") + "\n\n" + FLOW)
    code, out, _ = run("check", "gan/90/gaussian_nll", "--json")
    case = json.loads(out, parse_constant=lambda name: pytest.fail(name))["exercises"][0]["cases"][0]
    assert code == 1 and case["status"] in ("inf", "nan") and case["ratio"] is None


@pytest.mark.slow
def test_the_command_says_what_a_file_is_graded_on(run):
    """A file cannot choose an exercise: neither by its first line nor by its name."""
    path = answers("# minigen exercise gan/01: an easier one\n" + ANSWERS)
    assert run("check", "gan/90", path)[0] == 0
    code, out, _ = run("check", "gan/90/scale_and_shift", path)
    assert code == 0 and "gaussian_nll" not in out


@pytest.mark.slow
def test_checks_at_the_same_time_are_all_counted(run):
    answers(HEAD + NLL)
    command = [sys.executable, "-m", "minigen", "exercise", "check", "gan/90/scale_and_shift"]
    path = os.pathsep.join([str(DATA), str(Path(minigen.__file__).parents[1]), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": path}
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment) for _ in range(5)]
    assert [process.wait(120) for process in running] == [1] * 5
    assert Progress(Path("exercises")).entries["gan/90/scale_and_shift"]["tries"] == 5


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in the file system here")
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(run):
    answers()
    os.mkfifo("exercises/.progress.json")
    assert run("list")[0] == 0
    os.unlink("exercises/gan_90.py")
    os.mkfifo("exercises/gan_90.py")
    assert run("check", "gan/90")[0] == 1
    assert run("diff", "gan/90")[0] == 2
    assert run("reset", "gan/90")[0] == 2


@pytest.mark.skipif(os.name != "posix", reason="the signal exists on POSIX systems only")
def test_sigterm_leaves_nothing_behind(tmp_path):
    answers(HEAD + NLL.replace("return", "while True: pass\n    return"))
    command = [sys.executable, "-m", "minigen", "exercise", "check", "gan/90/gaussian_nll"]
    path = os.pathsep.join([str(DATA), str(Path(minigen.__file__).parents[1]), *filter(None, sys.path)])
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = {**os.environ, "PYTHONPATH": path, "TMPDIR": str(temporary)}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    deadline = time.monotonic() + 600
    while not list(temporary.glob("minigen-check-*/empty")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.terminate()
    assert process.wait(60) == 128 + signal.SIGTERM
    assert not list(temporary.iterdir())


@pytest.mark.slow
def test_a_known_mistake_shows_its_hint(run):
    answers(HEAD + NLL.replace(" + np.log(2 * np.pi)", "") + "\n\n" + FLOW.replace("np.sum(s", "-np.sum(s"))
    code, out, _ = run("check", "gan/90")
    assert code == 1 and "known mistake: The constant log 2 pi belongs to it." in out
    assert "known mistake: The log-determinant of the direction called has a plus." in out


@pytest.mark.slow
def test_a_file_under_another_name(run, tmp_path):
    path = tmp_path / "alice.py"
    path.write_text(ANSWERS)  # known by its functions
    code, out, _ = run("check", path)
    assert code == 0 and "2 of 2" in out
    assert not (tmp_path / ".progress.json").exists()  # not the student's own folder
    path.write_text("# minigen exercise gan/90: two functions\n")
    assert run("check", path)[0] == 1
    path.write_text("x = 1\n")
    code, _, err = run("check", path)
    assert code == 2 and "which exercise is this?" in err


@pytest.mark.parametrize("seed", ["-1", "1.5", "two"])
def test_a_seed_that_is_none_is_wrong_usage(capsys, seed):
    answers()
    with pytest.raises(SystemExit) as ended:
        exercise.main(["check", "gan/90", f"--seed={seed}"])
    assert ended.value.code == 2 and "--seed: must be a whole number of at least 0" in capsys.readouterr().err


@pytest.mark.parametrize("broken", ["def f(:\n", "x = '\n", "\0", "(" * 5000])
def test_a_file_that_is_marked_is_known_by_its_mark_whatever_follows(run, broken):
    """`check` says what Python cannot read, and does not ask which exercise it is."""
    run("start", "gan/90")
    path = Path("mine.py")
    path.write_text(Path("exercises/gan_90.py").read_text() + "\n" + broken)
    code, out, err = run("check", path)
    assert code == 1 and "syntax error" in out and "gan/90/gaussian_nll" in out and "which exercise" not in err
    path.write_text("import numpy\n" + broken)
    code, out, err = run("check", path)
    assert code == 2 and "mine.py" in err and "syntax error: " in err and "which exercise" not in err


IN_THE_WAY = {
    "a pipe": "os.mkfifo(path)",
    "a folder": "os.mkdir(path)",
    "a device that never ends": "os.symlink('/dev/zero', path)",
    "a huge file": "os.truncate(os.open(path, os.O_CREAT | os.O_RDWR), 15 * 2**20)",
    "a link to a huge file": "os.symlink(__file__, path)",
}


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="there are no such files elsewhere")
@pytest.mark.parametrize("name", IN_THE_WAY)
def test_what_an_answer_puts_in_the_way_of_the_record_stops_no_check(run, name, without_hook):
    """The record beside the student's file, its lock, and the file itself are read after her code has run."""
    folder = Path("exercises").resolve()
    code = "import os\n"
    for file in (".progress.json", ".progress.json.lock", "gan_90.py"):
        code += f"path = {str(folder / file)!r}\nos.path.lexists(path) and os.unlink(path)\n{IN_THE_WAY[name]}\n"
    answers(f"{code}os._exit(3)\n")
    before = time.monotonic()
    code, out, _ = run("check", "gan/90/gaussian_nll", "--json")
    assert code == 1 and json.loads(out)["exercises"][0]["status"] == "exited"
    assert run("list", "gan/90")[0] == 0 and time.monotonic() - before < 600


@pytest.mark.slow
def test_a_line_ends_where_python_ends_it(run):
    """A separator of Unicode, or a form feed, within a text does not move the lines below."""
    for inside in ("\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\x85"):
        answers(f'NOTE = "a{inside}b"\n{HEAD}def gaussian_nll(x, mu, logvar):\n    return x.foo\n')
        code, out, err = run("check", "gan/90/gaussian_nll")
        assert "gan_90.py, line 6: return x.foo" in out, out
        assert run("check", "gan/90/gaussian_nll", "--here")[1].count("line 6: return x.foo"), inside


def test_a_function_is_replaced_where_python_finds_it(run):
    note = 'NOTE = "a\u2028b"\n'
    path = answers(note + ANSWERS)
    assert run("reset", "gan/90/gaussian_nll")[0] == 0
    text = path.read_text()
    assert text.startswith(note) and FLOW in text and NLL not in text


@pytest.mark.slow
def test_the_graders_own_error_exits_3(run, monkeypatch, tmp_path):
    lesson = tmp_path / "lessons" / "gan" / "90_fake"
    lesson.mkdir(parents=True)
    text = (DATA / "lessons/gan/90_fake/exercise.py").read_text()
    (lesson / "exercise.py").write_text(text.replace("[0.9189385332046727]", "[0.5]"))
    monkeypatch.setenv("MINIGEN_LESSONS", f"{tmp_path / 'lessons'}{os.pathsep}-")
    answers()
    code, out, _ = run("check", "gan/90")
    assert code == 3 and "grader's own error" in out
    assert json.loads(Path("exercises/.progress.json").read_text())["exercises"].keys() == {"gan/90/scale_and_shift"}
    (lesson / "exercise.py").write_text("import no_such_module\n")
    code, _, err = run("check", "gan/90")
    assert code == 3 and "the exercises themselves are broken" in err


def test_a_damaged_progress_file_is_put_aside(run):
    answers()
    Path("exercises/.progress.json").write_text("{")
    assert run("check", "gan/90")[0] == 0
    assert lesson_in_words("gan/90") == "2/2 exercises passed"
    assert Path("exercises/.progress.json.damaged").read_text() == "{"
    Path("exercises/.progress.json").write_text(
        '{"exercises": {"gan/90/gaussian_nll": {"points": "many", "passed": 1}}}'
    )
    assert Progress(Path("exercises")).entries and run("list")[0] == 0


def test_progress_of_lessons():
    assert lesson_in_words("gan/90") == "2 exercises"
    assert lesson_in_words("gan/17_no_such") == ""


def test_watch_checks_again_on_saving(run, capsys):
    path = answers()
    codes, calls = iter([1, 0]), []

    def again():
        calls.append(path.read_text())
        return next(codes)

    steps = iter([lambda: None, lambda: path.write_text(ANSWERS + "\n"), lambda: None, path.unlink])

    def sleep(seconds):
        next(steps)()

    code = watch([path], again, sleep=sleep, stop=lambda: len(calls) == 2)
    assert code == 0 and calls == [ANSWERS, ANSWERS + "\n"]


def test_watch_ends_with_ctrl_c():
    def sleep(seconds):
        raise KeyboardInterrupt

    assert watch([answers()], lambda: 1, sleep=sleep) == 1


@pytest.mark.slow
def test_color_only_on_a_terminal(run, monkeypatch):
    answers()
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b" not in run("check", "gan/90")[1]
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda self: True, raising=False)
    assert "\x1b[32mpass\x1b[0m" in run("check", "gan/90")[1]
    assert "\x1b" not in run("check", "gan/90", "--json")[1]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run("check", "gan/90")[1]


BARE = {
    "plain": ("def f(x):\n    return x\n", "def f(x):\n    return x"),
    "docstring": (
        'def f(x: int) -> int:\n    """Twice.\n\n    More."""\n    # why\n    return x',
        "    # why\n    return x",
    ),
    "comment first": ("def f(x):\n    # why\n    return x", "def f(x):\n    # why\n    return x"),
    "long head": (
        "@cache\ndef f(\n    x: int = 1,\n    *,\n    y=2,\n):\n    return x",
        "def f(x=1, *, y=2):\n    return x",
    ),
    "one line": ("def f(x): return x", "def f(x):\n    return x"),
    "one line with docstring": ('def f(x): "doc"; return x', "def f(x):\n    return x"),
    "docstring only": ('def f(x):\n    """Nothing."""', "def f(x):\n    pass"),
}


@pytest.mark.parametrize("name", BARE)
def test_a_function_without_what_is_not_compared(name):
    text, wanted = BARE[name]
    bare = functions.bare(text)
    assert bare.endswith(wanted) and "doc" not in bare and '"""' not in bare and "int" not in bare
    compile(bare, name, "exec")


def test_an_assignment_limits_hints(run):
    """In the folder of the answers, and for the exercises that it lists; the answer is not shown by diff either."""
    answers(HEAD + FLOW.replace("+ t", "- t"))
    Path("exercises/minigen.json").write_text(limits.text(["gan/90/scale_and_shift"], 2))
    shown = [run("hint", "gan/90/scale_and_shift")[1] for _ in range(4)]
    assert "1 more" in shown[0] and "1." in shown[0]
    for out in shown[1:]:
        assert "2." in out and "3." not in out and "this assignment allows 2 hints for this exercise" in out
    code, _, err = run("diff", "gan/90/scale_and_shift", "--reveal")
    assert code == 2 and "does not show the answers to gan/90/scale_and_shift" in err
    assert "3." in [run("hint", "gan/90/gaussian_nll")[1] for _ in range(3)][-1]
    Path("exercises/minigen.json").write_text("[1")  # a damaged file is passed over
    assert "3." in run("hint", "gan/90/scale_and_shift")[1]


def test_a_notebook_has_its_limit_beside_it(run):
    Path("minigen.json").write_text(limits.text(["gan/90/scale_and_shift"], 0))
    _, out, _ = run("hint", "gan/90/scale_and_shift")
    assert "1." not in out and "this assignment allows 0 hints" in out


def test_diff_is_a_diff(run):
    from fakegen.densities import gaussian_nll

    answers(HEAD + NLL.replace("(x - mu) ** 2", "(mu - x) ** 2"))
    code, out, err = run("diff", "gan/90/gaussian_nll")
    assert code == 2 and not out and "--reveal" in err
    code, out, _ = run("diff", "gan/90/gaussian_nll", "--reveal")
    assert code == 0 and "-    return 0.5" in out and '"""' not in out
    removed = [line[1:] for line in out.splitlines() if line[:1] in "- " and not line.startswith("---")]
    added = [line[1:] for line in out.splitlines() if line[:1] in "+ " and not line.startswith("+++")]
    assert "\n".join(filter(None, added)) == functions.bare(functions.source(gaussian_nll)).replace("\n\n", "\n")
    assert "\n".join(filter(None, removed)) == NLL.replace("(x - mu) ** 2", "(mu - x) ** 2").rstrip()


@pytest.mark.slow
def test_reset_says_what_becomes_of_a_pass(run):
    answers(HEAD + NLL)
    assert "pass" not in run("reset", "gan/90/scale_and_shift")[1]
    answers()
    run("check", "gan/90")
    code, out, _ = run("reset", "gan/90/gaussian_nll")
    assert code == 0 and "the recorded pass of gaussian_nll is forgotten" in out and "gan_90.py passes again" in out


@pytest.mark.slow
def test_the_next_exercise_is_named(run):
    path = answers(HEAD + NLL)
    out = run("check", "gan/90/gaussian_nll")[1]
    assert f"next exercise: gan/90/scale_and_shift (in {path})" in out
    assert "next exercise" not in run("check", "gan/90/scale_and_shift")[1]  # it is stuck there
    out = run("list")[1]
    assert "1 of 2 passed; " in out and "in all, " in out and "left" in out and "In order" in out
    assert "next exercise: gan/90/scale_and_shift" in out
    path.unlink()
    assert "(minigen exercise start gan/90)" in run("list")[1]
    answers()
    out = run("check", "gan/90")[1]
    assert "all exercises have passed" in out


def test_hours_in_all(run):
    from minigen.course.exercise import catalog

    one = catalog.find("gan/90")[0]
    assert _duration([one] * 3) == f"{3 * one.minutes:g} min"
    assert _duration([type("Long", (), {"minutes": 790.0})]) == "13 h 10 min"


@pytest.mark.slow
def test_watch_separates_its_checks(run, monkeypatch):
    answers()
    monkeypatch.setattr("minigen.course.commands.exercise.check.watch", lambda paths, again: again() + again())
    out = run("check", "gan/90/gaussian_nll", "--watch")[1]
    assert len(re.findall(r"(?m)^---- \d\d:\d\d:\d\d -+$", out)) == 2
    out = run("check", "gan/90/gaussian_nll", "--watch", "--json")[1]
    assert "----" not in out


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="the processor time of others is known on POSIX systems only")
def test_the_whole_command_is_quick():
    """In units of work of the command and its worker, which do not depend on the machine."""
    answers(HEAD + NLL)
    command = [sys.executable, "-m", "minigen", "exercise", "check", "gan/90/gaussian_nll", "--json"]
    path = os.pathsep.join([str(DATA), str(Path(minigen.__file__).parents[1]), *filter(None, sys.path)])
    environment, done = {**os.environ, "PYTHONPATH": path}, []
    units = units_of(lambda: done.append(subprocess.run(command, capture_output=True, text=True, env=environment)))
    assert done[0].returncode == 0, done[0].stderr
    assert units < 4  # about 1.5; more where two share a core


# ------------------------------------------------------------------------------------------- in a notebook


def nll(x, mu, logvar):
    return 0.5 * np.sum(logvar + (x - mu) ** 2 / np.exp(logvar) + np.log(2 * np.pi), axis=1)


def theirs(x, mu, logvar):
    from fakegen.densities import gaussian_nll

    return gaussian_nll(x, mu, logvar)


def greedy(x, mu, logvar):
    x += 1.0
    return nll(x, mu, logvar)


def stub(x, mu, logvar):
    raise NotImplementedError


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (nll, "pass, 6 of 6 points"),
        (lambda x, mu, logvar: -nll(x, mu, logvar), "opposite sign"),
        (theirs, "the package's own answer"),
        (greedy, "changed its inputs"),
        (stub, "not written yet"),
        (lambda x: x, "wrong arguments"),
        (lambda x, mu, logvar: None, "returned None"),
        (lambda x, mu, logvar: 1 / 0, "ZeroDivisionError"),
        (3.0, "wrong type"),
    ],
)
def test_check_in_a_notebook(capsys, function, words):
    import autograd.numpy

    nll.__globals__["np"] = autograd.numpy  # as the notebook would import it
    assert check("gan/90/gaussian_nll", function) is None
    assert words in capsys.readouterr().out
    nll.__globals__["np"] = np


def test_a_blocked_function_is_no_answer_in_a_notebook(capsys, monkeypatch):
    from fakegen.densities import total

    from minigen.course.exercise import catalog

    monkeypatch.setattr(catalog.find("gaussian_nll")[0], "blocked", ["fakegen.densities:total"])
    check("gan/90/gaussian_nll", total)
    assert "the package's own answer" in capsys.readouterr().out


def test_check_in_a_notebook_leaves_the_package_whole():
    import fakegen
    from fakegen.densities import TABLE, gaussian_nll

    check("gan/90/gaussian_nll", theirs)
    assert fakegen.gaussian_nll is gaussian_nll is TABLE["nll"]
    assert gaussian_nll(np.zeros((1, 1)), np.zeros((1, 1)), np.zeros((1, 1))).shape == (1,)
    check("gan/90/gaussian_nll", gaussian_nll)


@pytest.mark.slow
def test_check_without_a_function_takes_the_file(capsys):
    answers()
    check("gan/90")
    assert "2 of 2 exercises pass" in capsys.readouterr().out
    with pytest.raises(UsageError, match="say which"):
        check("gan/90", nll)


# ------------------------------------------------------------------------------------------- run --with


def test_functions_are_put_in_the_packages_place(capsys):
    import fakegen
    import fakegen.densities as densities

    original = densities.gaussian_nll
    x = np.zeros((4, 2))
    answers(HEAD + NLL.replace("0.5 *", "100.0 + 0.5 *"))
    with substitute.substituted("exercises/gan_90.py", "gan/90"):
        assert densities.total(x, x, x) == pytest.approx(np.log(2 * np.pi) + 100)
        for function in (fakegen.gaussian_nll, densities.TABLE["nll"], densities.gaussian_nll):
            assert function(x, x, x)[0] > 100
        assert substitute.calls() == {"gan/90/gaussian_nll": 4}
    assert fakegen.gaussian_nll is densities.gaussian_nll is densities.TABLE["nll"] is original
    printed = capsys.readouterr().out
    assert "with your gaussian_nll" in printed and "was called 4 times" in printed
    assert "not written yet, so the package's: scale_and_shift" in printed


def test_calls_from_her_own_functions_are_counted():
    from fakegen import densities

    flow = FLOW.replace("    return", "    gaussian_nll(x, s, t)\n    return")
    answers(HEAD + NLL + "\n\n" + flow)
    x = np.zeros((2, 2))
    with substitute.substituted("exercises/gan_90.py", "gan/90"):
        densities.scale_and_shift(x, x, x)
        assert substitute.calls() == {"gan/90/gaussian_nll": 1, "gan/90/scale_and_shift": 1}


def test_a_function_that_is_never_called_is_said(capsys):
    answers()
    with substitute.substituted("exercises/gan_90.py", "gan/90_fake"):
        pass
    assert capsys.readouterr().out.count("was not called in this run") == 2


def test_why_a_function_was_not_called(capsys, monkeypatch):
    """The package's elbo calls kl_standard_normal; an elbo that has the formula in it does not."""
    monkeypatch.delenv("MINIGEN_LESSONS")
    from minigen.vae import vae

    elbo, kl = (catalog.find(f"vae/08/{name}")[0] for name in ("elbo", "kl_standard_normal"))
    x = np.zeros((2, 3))
    substitute.put(kl, lambda mu, logvar: np.zeros(len(mu)))
    assert "your kl_standard_normal was not called in this run" in substitute.report()
    substitute.put(elbo, lambda x, decoded, mu, logvar: vae.Elbo(*np.zeros((3, len(x)))))
    vae.elbo(x, x, x, x)
    words = "your kl_standard_normal was not called: the package's elbo calls it, and yours does not"
    assert words in substitute.report() and "your elbo was called 1 time " in substitute.report()


def test_a_loop_that_has_checked_calls_her_step_and_counts_it(monkeypatch):
    """A sampler calls its step without the package's checks: hers stands there all the same."""
    monkeypatch.delenv("MINIGEN_LESSONS")
    from minigen.diffusion import ddpm, samplers
    from minigen.diffusion.schedule import Schedule

    ddim, ancestral = (catalog.find(f"diffusion/{name}")[0] for name in ("10/ddim_step", "04/ancestral_step"))
    hers = checks.checked(eta=checks.probability)(lambda x, t, s, eps, z, schedule, eta=0.0: x + 1)
    substitute.put(ddim, hers)  # which declares its arguments, as the package's does
    substitute.put(ancestral, lambda x, t, eps, z, schedule, variance="beta": x + 2)
    x, schedule = np.zeros((3, 2)), Schedule.linear(8)
    assert np.all(samplers.ddim(lambda x, t: x, x, schedule, steps=5) == 5)
    assert np.all(ddpm.ancestral(lambda x, t: x, x, schedule, np.random.default_rng(0)) == 16)
    assert substitute.calls() == {ddim.id: 5, ancestral.id: 8}


def test_methods_are_replaced_with_their_aliases():
    from fakegen.densities import Doubler

    with replaced("fakegen.densities:Doubler.forward", lambda self, x: self.factor * x + 1):
        assert Doubler(3.0)(2.0) == Doubler(3.0).forward(2.0) == 7.0
    assert Doubler(3.0)(2.0) == Doubler(3.0).forward(2.0) == 6.0

    class Child(Doubler):
        pass

    sys.modules["fakegen.densities"].Child = Child
    with replaced("fakegen.densities:Child.forward", lambda self, x: 0.0):
        assert Child(3.0).forward(2.0) == 0.0 and Doubler(3.0).forward(2.0) == 6.0
    assert Child(3.0).forward(2.0) == 6.0 and "forward" not in vars(Child)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("def gaussian_nll(:\n", "line 1: "),
        ("x = 1\n", "it defines none of them"),
        ("def gaussian_nll(x, mu, logvar):\n    raise NotImplementedError\n", "still the stubs"),
        ("1 / 0\ndef gaussian_nll(x, mu, logvar):\n    return x\n", "ZeroDivisionError"),
        ("gaussian_nll = 3\n", "gaussian_nll is not a function"),
        ("from fakegen.densities import gaussian_nll\n", "is the package's own function"),
    ],
)
def test_files_that_cannot_be_used(text, message):
    import fakegen.densities as densities

    original = densities.gaussian_nll
    answers(text)
    with pytest.raises(UsageError, match=message):
        substitute.install("exercises/gan_90.py", "gan/90")
    assert densities.gaussian_nll is original and not substitute.calls()


def test_a_lesson_without_exercises_and_a_missing_file():
    with pytest.raises(UsageError, match="has no exercises"):
        substitute.install("exercises/gan_90.py", "gan/11_none")
    with pytest.raises(UsageError, match="No such file"):
        substitute.install("nothing.py", "gan/90")


def test_calls_of_two_threads_are_all_counted():
    import threading

    from fakegen import densities

    answers()
    substitute.install("exercises/gan_90.py", "gan/90")
    x = np.zeros((1, 1))
    threads = [threading.Thread(target=lambda: [densities.gaussian_nll(x, x, x) for _ in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert substitute.calls()["gan/90/gaussian_nll"] == 800


def test_gradients_flow_through_a_substitute():
    from fakegen import densities

    from minigen.tensor import grad

    answers()
    substitute.install("exercises/gan_90.py", "gan/90")
    x = np.ones((3, 2))
    assert grad(lambda m: densities.total(x, m, 0 * x))(0 * x) == pytest.approx(-x / 3)


LESSON = """\
from minigen.course import Lesson

lesson = Lesson("gan/90_fake", title="Fake", post="gan", sections=["gan.s02"], figures=[], equations=[], minutes=0.1)

import numpy as np
from fakegen import gaussian_nll
from fakegen.densities import total

x = np.zeros((4, 2))
lesson.claim("hers is used", float(gaussian_nll(x, x, x)[0] + total(x, x, x)), at_least=200)
lesson.finish()
"""


def test_a_lesson_runs_with_her_function(tmp_path, monkeypatch, capsys):
    from minigen import cli

    folder = tmp_path / "lessons" / "gan" / "90_fake"
    folder.mkdir(parents=True)
    for name in ("exercise.py", "answers.py"):
        (folder / name).write_text((DATA / "lessons/gan/90_fake" / name).read_text())
    (folder / "lesson.py").write_text(LESSON)
    monkeypatch.setenv("MINIGEN_LESSONS", f"{tmp_path / 'lessons'}{os.pathsep}-")
    path = answers(HEAD + NLL.replace("0.5 *", "100.0 + 0.5 *"))
    assert cli.main(["run", "gan/90", "--with", str(path), "--out", str(tmp_path / "out")]) == 0
    assert "your gaussian_nll was called 2 times" in capsys.readouterr().out
    assert cli.main(["run", "gan/90", "--out", str(tmp_path / "out")]) == 1  # the package's own does not reach 200
    path.write_text("gaussian_nll = 3\n")
    assert cli.main(["run", "gan/90", "--with", str(path), "--out", str(tmp_path / "out")]) == 2
    assert cli.main(["exercise", "list"]) == 0
    assert "0/2 exercises passed" in _listed(cli, capsys)


def test_a_wrong_function_may_be_trained(tmp_path, monkeypatch, capsys):
    from minigen import cli

    folder = tmp_path / "lessons" / "gan" / "90_fake"
    folder.mkdir(parents=True)
    for name in ("exercise.py", "answers.py"):
        (folder / name).write_text((DATA / "lessons/gan/90_fake" / name).read_text())
    check = 'lesson.check("at the mean", float(gaussian_nll(x, x, x)[0]), equals=np.log(2 * np.pi))\n'
    last = 'lesson.check("one", 1, equals=1)\nprint("the end is reached")\nlesson.finish()'
    text = LESSON.replace("lesson.claim", check + "lesson.claim").replace("lesson.finish()", last)
    (folder / "lesson.py").write_text(text)
    monkeypatch.setenv("MINIGEN_LESSONS", f"{tmp_path / 'lessons'}{os.pathsep}-")
    path = answers(HEAD + NLL.replace("0.5 *", "100.0 + 0.5 *"))
    command = ["run", "gan/90", "--quick", "--with", str(path), "--out", str(tmp_path / "out")]

    assert cli.main(command) == 1
    printed = capsys.readouterr()
    assert (
        "not passed yet: gaussian_nll: a check of the lesson that fails stops it, unless --even-if-wrong" in printed.out
    )
    assert "check failed: at the mean" in printed.err and "the end is reached" not in printed.out

    assert cli.main([*command, "--even-if-wrong"]) == 1
    printed = capsys.readouterr()
    assert "check failed: at the mean: got 101.8" in printed.out and "the end is reached" in printed.out
    assert "1 of 2 checks passed" in printed.out and not printed.err
    metrics = json.loads((tmp_path / "out/gan-90-fake-quick/metrics.json").read_text())
    assert metrics["status"] == "failed" and [check["status"] for check in metrics["checks"]] == ["failed", "passed"]

    path.write_text(HEAD + NLL)
    assert cli.main(["exercise", "check", "gan/90/gaussian_nll"]) == 0
    assert cli.main(command) == 0
    assert "unless --even-if-wrong" not in capsys.readouterr().out
    assert cli.main(["run", "gan/90", "--even-if-wrong"]) == 2
    assert "goes with --with FILE" in capsys.readouterr().err


def _listed(cli, capsys) -> str:
    capsys.readouterr()
    assert cli.main(["list"]) == 0
    return capsys.readouterr().out


def test_checking_a_stub_loads_little(run):
    """No lesson, no class, no listed mistake or mutant, no sandbox: a stub needs none of them."""
    assert run("start", "gan/90")[0] == 0
    code = "import sys; from minigen.cli import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    command = [sys.executable, "-c", code, "exercise", "check", "gan/90", "--dir", "exercises"]
    path = os.pathsep.join([str(DATA), str(Path(minigen.__file__).parents[1]), *filter(None, sys.path)])
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}, timeout=300)
    loaded = {name for name in done.stderr.split() if name.startswith(("minigen.course", "minigen.classroom"))}
    assert "not written yet" in done.stdout and len({name for name in loaded if "course" in name}) <= 40
    unneeded = ("lesson.lesson", "exercise.answers", "exercise.mutants", "exercise.prove")
    unneeded += ("exercise.grading.bubblewrap", "exercise.grading.changes", "exercise.grading.explain")
    assert not {f"minigen.course.{name}" for name in unneeded} & loaded
    assert {name for name in loaded if "classroom" in name} == {"minigen.classroom", "minigen.classroom.commands"}
