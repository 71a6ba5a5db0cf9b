"""Everything that a student's file can do to a check: one file each, and the exact status that it must get."""

import contextlib
import dataclasses
import importlib
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import types
from pathlib import Path

import numpy as np
import pytest

from minigen.course import inputs
from minigen.course.exercise import catalog
from minigen.course.exercise.format import Case
from minigen.course.exercise.grading import bubblewrap, runner, starvation, worker
from minigen.course.exercise.grading import grade as grading
from minigen.course.exercise.grading import status as S
from minigen.course.exercise.grading.compare import Verdict, compare
from minigen.course.exercise.grading.explain import recognised
from minigen.course.exercise.grading.forms import check_returned, describe, shape_message
from minigen.course.exercise.grading.grade import grade_file
from minigen.course.exercise.grading.in_process import grade_function, grade_source
from minigen.course.exercise.grading.observe import Impl, observe, start_of
from minigen.course.exercise.grading.outcome import CaseOutcome, Failure, with_incident
from minigen.course.exercise.grading.reference import without_bodies
from minigen.course.exercise.grading.report import Report, render
from minigen.course.exercise.grading.runner import Limits
from minigen.course.exercise.grading.submission import Submission
from tests.costs import units_of

pytestmark = pytest.mark.slow

DATA = Path(__file__).with_name("exercise_data")
CASES = ["at_the_mean", "random_batch", "shift", "gradient"]
LIMITS = Limits(case=5.0, load=8.0, memory=384 * 2**20)
SHORT = Limits(case=1.2, load=1.2, memory=384 * 2**20)  # for what is meant to run out of time
RIGHT = "0.5 * np.sum(logvar + (x - mu) ** 2 / np.exp(logvar) + np.log(2 * np.pi), axis=1)"
HEAD = "import autograd.numpy as np\n\n\n"
posix = pytest.mark.skipif(os.name != "posix", reason="the limit exists on POSIX systems only")
linux = pytest.mark.skipif(sys.platform != "linux", reason="the limit is kept on Linux only")


@pytest.fixture(autouse=True)
def fake_lessons(monkeypatch):
    monkeypatch.setenv("MINIGEN_LESSONS", f"{DATA / 'lessons'}{os.pathsep}-")
    monkeypatch.syspath_prepend(str(DATA))


@pytest.fixture
def exercise():
    return catalog.find("gan/90/gaussian_nll")[0]


@pytest.fixture
def grade(exercise, tmp_path, monkeypatch):
    """Grade one source (text or bytes); afterwards no process and no file may be left."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    workers = []
    environment = runner._Worker._environment
    monkeypatch.setattr(
        runner._Worker,
        "_environment",
        lambda self, work: workers.append((self.mark, self.folder)) or environment(self, work),
    )

    def run(source, limits=LIMITS, name="gan_90.py") -> Report:
        path = tmp_path / name
        path.write_bytes(source if isinstance(source, bytes) else source.encode())
        started, reports = time.monotonic(), []
        assert units_of(lambda: reports.append(grade_file(exercise, path, limits))) < 30, "a check must end soon"
        assert time.monotonic() - started < 600, "a check must end, also on a machine with much else to do"
        assert isinstance(render(reports[0]), str)
        return reports[0]

    yield run
    assert not list(temporary.iterdir()), "a folder was left behind"
    assert not [pid for worker in workers for pid in runner._marked(*worker)], "a process was left behind"


def function(body: str, head: str = HEAD, arguments: str = "x, mu, logvar") -> str:
    """A file with the function `gaussian_nll`, whose body is given."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return f"{head}def gaussian_nll({arguments}):\n{lines}\n"


def statuses(report: Report) -> list[str]:
    return [verdict.status for verdict in report.verdicts]


def line_of(source: str, verdict: Verdict) -> str:
    return source.splitlines()[verdict.line - 1].strip()


def test_a_right_answer_passes(grade, exercise):
    report = grade(function(f"return {RIGHT}"))
    assert report.passed and report.points == exercise.points == 6
    assert statuses(report) == [S.PASS] * 4


# ------------------------------------------------------------------------------------------- the file itself


@pytest.mark.parametrize(
    ("source", "expected", "line"),
    [
        ("def gaussian_nll(x, mu, logvar)\n    return x\n", S.SYNTAX_ERROR, 1),
        ("", S.EMPTY, None),
        ("  \n\n", S.EMPTY, None),
        ("# caf\u00e9\n".encode("latin-1"), S.NOT_UTF8, 1),
        (b"x = 1\0\n", S.SYNTAX_ERROR, None),
        ("(" * 5000, S.SYNTAX_ERROR, None),
        (b"#" * (50 * 2**20), S.TOO_LARGE, None),
        ("y = 1\n", S.MISSING_FUNCTION, None),
    ],
    ids=["syntax", "empty", "blank", "latin-1", "null byte", "deep", "50 MB", "missing"],
)
def test_files_that_cannot_be_run(grade, source, expected, line):
    report = grade(source)
    assert report.status == expected and statuses(report) == [expected] * 4
    assert report.points == 0
    if line:
        assert report.verdicts[0].line == line


def test_a_renamed_function_is_recognized(grade):
    report = grade(function(f"return {RIGHT}").replace("gaussian_nll", "gausian_nll"))
    assert report.status == S.MISSING_FUNCTION
    assert "gausian_nll: rename it" in report.verdicts[0].message


def test_a_name_that_is_no_function(grade):
    report = grade("gaussian_nll = 3.0\n")
    assert report.status == S.MISSING_FUNCTION


@posix
def test_links_pipes_and_folders_are_refused(grade, exercise, tmp_path):
    target = tmp_path / "real.py"
    target.write_text(function(f"return {RIGHT}"))
    link = tmp_path / "link.py"
    link.symlink_to(target)
    assert grade_file(exercise, link).status == S.SYMLINK
    dangling = tmp_path / "dangling.py"
    dangling.symlink_to(tmp_path / "nothing")
    assert grade_file(exercise, dangling).status == S.SYMLINK
    os.mkfifo(tmp_path / "pipe.py")
    assert grade_file(exercise, tmp_path / "pipe.py").status == S.NOT_A_FILE
    assert grade_file(exercise, tmp_path).status == S.NOT_A_FILE
    assert grade_file(exercise, tmp_path / "nothing.py").status == S.MISSING_FILE
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(tmp_path)
        server.bind("socket.py")
    assert grade_file(exercise, tmp_path / "socket.py").status == S.NOT_A_FILE


def test_a_byte_order_mark_and_windows_lines_are_fine(grade):
    source = b"\xef\xbb\xbf" + function(f"return {RIGHT}").replace("\n", "\r\n").encode()
    assert grade(source).passed


# ------------------------------------------------------------------------------------------- what comes back

FORMS = {
    "none": ("pass", S.RETURNED_NONE),
    "string": ("return '3.0'", S.WRONG_TYPE),
    "list": (f"return list({RIGHT})", S.WRONG_TYPE),
    "tuple": (f"return ({RIGHT},)", S.WRONG_TYPE),
    "function": ("return np.sum", S.WRONG_TYPE),
    "object array": ("return np.array([None] * len(x))", S.WRONG_TYPE),
    "string array": ("return np.array(['1.0'] * len(x))", S.WRONG_TYPE),
    "shape": (f"return {RIGHT}[:, None]", S.WRONG_SHAPE),
    "one number": (f"return np.mean({RIGHT})", S.WRONG_SHAPE),
    "integers": ("return np.zeros(len(x), dtype=int)", S.WRONG_DTYPE),
    "complex": (f"return {RIGHT} + 0j", S.WRONG_DTYPE),
    "booleans": ("return np.ones(len(x), dtype=bool)", S.WRONG_DTYPE),
    "masked": (f"import numpy\nreturn numpy.ma.masked_array({RIGHT}, mask=True)", S.WRONG_TYPE),
    "matrix": (f"import numpy\nreturn numpy.asmatrix({RIGHT})", S.WRONG_TYPE),
    "masked in a list": (f"import numpy\nreturn [numpy.ma.masked_array({RIGHT}, mask=True)]", S.WRONG_TYPE),
    "nan": (f"return {RIGHT} * np.nan", S.NAN),
    "inf": (f"return {RIGHT} + np.inf", S.INF),
    "-inf": (f"return {RIGHT} - np.inf", S.INF),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_form_of_what_comes_back(grade, name):
    body, expected = FORMS[name]
    report = grade(function(body))
    assert statuses(report)[:3] == [expected] * 3, [v.message for v in report.verdicts]
    earned = [verdict.case for verdict in report.verdicts if verdict.points]
    one_axis_more = name == "shape"  # it costs the points for shapes, here those of the first case
    assert report.status == expected and earned == (CASES[1:] if one_axis_more else [])
    assert "your function returned" in report.verdicts[0].message


def test_a_wrong_value_shows_the_worst_element(grade):
    verdict = grade(function(f"y = {RIGHT}\nreturn y * np.where(np.arange(len(y)) == 3, 1.5, 1.0)")).first_failure
    assert (verdict.case, verdict.status, verdict.key, verdict.index) == ("random_batch", S.WRONG_VALUE, "nll", [3])
    assert verdict.yours == pytest.approx(1.5 * verdict.expected)
    assert "1 of 5 values differ" in verdict.message


# ------------------------------------------------------------------------------------------- what happens in a call

CALLS = {
    "raises": ("return x.foo", S.RAISED, "x.foo"),
    "stub": ("raise NotImplementedError('your turn')", S.STUB, "raise NotImplementedError"),
    "changes its inputs": (f"x += 1.0\nreturn {RIGHT}", S.CHANGED_INPUTS, "x += 1.0"),
    "changes them past the lock": (
        f"y = {RIGHT}\nx.flags.writeable = True\nx[:] = 1.0\nreturn y",
        S.CHANGED_INPUTS,
        None,
    ),
    "sys.exit": ("import sys\nsys.exit(0)", S.EXITED, "sys.exit"),
    "os._exit": ("import os\nos._exit(0)", S.EXITED, None),
    "segmentation fault": ("import faulthandler\nfaulthandler._sigsegv()", S.CRASHED, "faulthandler._sigsegv"),
    "abort": ("import os\nos.abort()", S.CRASHED, "os.abort()"),
    "memory": ("rows = []\nwhile True:\n    rows.append(bytearray(10**7))", S.MEMORY, "rows.append"),
    "memory at once": ("return np.zeros(10**12)", S.MEMORY, "np.zeros"),
    "recursion": ("return gaussian_nll(x, mu, logvar)", S.RECURSION, "return gaussian_nll"),
    "input": ("return float(input('value: '))", S.INPUT, "input("),
    "endless loop": ("while True:\n    pass", S.TIMEOUT, ""),
    "endless sleep": ("import time\ntime.sleep(1000)", S.TIMEOUT, "time.sleep"),
    "endless loop that swallows everything": (
        "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass",
        S.TIMEOUT,
        "",
    ),
    "flood of printing": ("while True: print('x' * 1000)", S.OUTPUT, "print("),
    "a 50 MB file": ("open('big', 'wb').write(bytes(50 * 2**20))\nreturn 0", S.BIG_FILE, "open("),
    "subprocess": ("import subprocess\nsubprocess.Popen(['sleep', '100'])", S.PROCESS, "subprocess.Popen"),
    "fork": ("import os\nif os.fork() == 0:\n    while True:\n        pass", S.PROCESS, "os.fork"),
    "code for another process": (  # what sys.remote_exec reports, which came with 3.14
        "import os, sys\nsys.audit('sys.remote_exec', os.getppid(), 'file.py')",
        S.PROCESS,
        "sys.audit",
    ),
    "swallowed subprocess": (
        f"import os\ntry:\n    os.system('sleep 100 &')\nexcept Exception:\n    pass\nreturn {RIGHT}",
        S.PROCESS,
        None,
    ),
    "kills itself": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", S.CRASHED, None),
    "stops itself": ("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", S.TIMEOUT, None),
}
LINUX_ONLY = {
    "memory",
    "memory at once",
    "fork",
    "kills itself",
    "stops itself",
    "a 50 MB file",
    "swallowed subprocess",
}


def only_on(name):
    """Where a kind of trouble is met as it is described."""
    return posix if name == "segmentation fault" else linux if name in LINUX_ONLY else ()  # Windows raises OSError


@pytest.mark.parametrize("name", [pytest.param(n, marks=only_on(n)) for n in CALLS])
def test_what_happens_in_a_call(grade, name):
    """The trouble comes in the first case only (one example, one feature): the others must still count."""
    body, expected, line = CALLS[name]
    lines = "\n".join(f"    {row}" for row in body.splitlines())
    source = function(f"if x.shape == (1, 1):\n{lines}\nreturn {RIGHT}")
    report = grade(source, SHORT if expected == S.TIMEOUT else LIMITS)
    assert statuses(report) == [expected, S.PASS, S.PASS, S.PASS], [v.message for v in report.verdicts]
    assert report.status == expected and report.points == (0 if expected == S.PROCESS else 5)
    verdict = report.verdicts[0]
    assert verdict.message
    if line is not None and (expected != S.OUTPUT or hasattr(signal, "SIGUSR1")):
        assert verdict.line and line in line_of(source, verdict)
        assert verdict.text == line_of(source, verdict)


def test_a_flood_that_is_read_before_its_case_is_known(grade, monkeypatch):
    """Printing and messages come on two channels; on a busy machine the one may be read well before the other."""
    read = runner.protocol.read
    monkeypatch.setattr(runner.protocol, "read", lambda *given: (time.sleep(0.2), read(*given))[1])
    body, expected, _ = CALLS["flood of printing"]
    report = grade(function(f"if x.shape == (1, 1):\n    {body}\nreturn {RIGHT}"))
    assert statuses(report) == [expected, S.PASS, S.PASS, S.PASS], [v.message for v in report.verdicts]


def test_a_crash_has_its_line_whatever_the_folder_of_temporary_files_is_called(grade, tmp_path, monkeypatch):
    """That of a user with a letter that faulthandler writes as an escape."""
    folder = tmp_path / "tmp" / "Zoë σ"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    verdict = grade(function("import os\nos.abort()"), name="gan_90_lösung.py").verdicts[0]
    assert (verdict.status, verdict.text) == (S.CRASHED, "os.abort()")
    folder.rmdir()


def test_wrong_arity(grade):
    report = grade(function("return x", arguments="x, mu"))
    assert statuses(report) == [S.WRONG_ARITY] * 4
    assert "gaussian_nll(x, mu) cannot be called as gaussian_nll(..., ..., ...)" in report.verdicts[0].message


def test_a_gradient_that_autograd_cannot_take_is_not_the_graders_error(grade):
    """Its rule for np.repeat of a number fails inside NumPy."""
    report = grade(function(f"return {RIGHT} + np.repeat(0 * np.sum(logvar), len(x))"))
    failed = report.first_failure
    assert failed.status == S.NO_GRADIENT and "gradient of your function cannot be taken" in failed.message, failed


def test_a_function_without_gradient(grade):
    report = grade(function("import numpy\nreturn numpy.array([float(v) for v in 0.0 * x[:, 0]]) + " + RIGHT))
    assert report.passed  # plain NumPy on what is not differentiated is fine
    report = grade(function(f"return np.array([float(v) for v in {RIGHT}])"))
    assert statuses(report)[:3] == [S.PASS] * 3
    assert report.verdicts[3].status in (S.RAISED, S.NO_GRADIENT)


# ------------------------------------------------------------------------------------------- at import

IMPORTS = {
    "endless loop": ("while True:\n    pass\n", S.TIMEOUT, ""),
    "endless loop that swallows everything": (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass\n",
        S.TIMEOUT,
        None,
    ),
    "sys.exit": ("import sys\nsys.exit(0)\n", S.EXITED, "sys.exit(0)"),
    "os._exit": ("import os\nos._exit(0)\n", S.EXITED, None),
    "segmentation fault": ("import faulthandler\nfaulthandler._sigsegv()\n", S.CRASHED, "faulthandler._sigsegv()"),
    "memory": ("rows = []\nwhile True:\n    rows.append(bytearray(10**7))\n", S.MEMORY, "rows.append"),
    "recursion": ("def f(): return f()\n\n\nf()\n", S.RECURSION, "def f()"),
    "input": ("name = input()\n", S.INPUT, "input()"),
    "raises": ("1 / 0\n", S.RAISED, "1 / 0"),
    "flood": ("while True: print('x' * 1000)\n", S.OUTPUT, "print"),
    "missing module": ("import no_such_module\n", S.RAISED, "import no_such_module"),
    "process": ("import os\nos.system('true')\n", S.PROCESS, "os.system"),
    "not implemented": ("raise NotImplementedError\n", S.RAISED, "raise"),
}


@pytest.mark.parametrize("name", [pytest.param(n, marks=only_on(n)) for n in IMPORTS])
def test_what_happens_at_import(grade, name):
    head, expected, line = IMPORTS[name]
    source = function(f"return {RIGHT}", head=head + HEAD)
    report = grade(source, SHORT if expected == S.TIMEOUT else LIMITS)
    assert statuses(report) == [expected] * 4, [v.message for v in report.verdicts]
    if line is not None and (expected != S.OUTPUT or hasattr(signal, "SIGUSR1")):
        assert line in line_of(source, report.verdicts[0])


# ------------------------------------------------------------------------------------------- tricks


@pytest.mark.parametrize(
    "patch",
    [
        "np.sum = lambda *a, **k: 0.0",
        "numpy.mean = len",
        "numpy.linalg.norm = len",
        "import builtins; builtins.abs = len",
        "numpy.array_equal = lambda *a: True",
        "numpy.random.default_rng = None",
    ],
)
def test_patched_numpy_is_put_back_and_reported(grade, patch):
    source = function(f"return {RIGHT}", head=HEAD + f"import numpy\n{patch}\n")
    assert statuses(grade(source)) == [S.PATCHED_NUMPY] * 4
    within = function(f"import numpy\nif len(x) == 1:\n    {patch}\nreturn np.zeros(len(x))")
    report = grade(within)
    assert statuses(report)[0] == S.PATCHED_NUMPY
    assert statuses(report)[1] == S.WRONG_VALUE


def test_an_array_that_lies(grade):
    head = (
        HEAD
        + """
import numpy


class Liar(numpy.ndarray):
    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return numpy.zeros(self.shape)
    def __array_function__(self, *args, **kwargs):
        return True
    def __array_finalize__(self, other): pass
    def __eq__(self, other): return numpy.ones(self.shape, bool)
    def __sub__(self, other): return numpy.zeros(self.shape)
    @property
    def __class__(self): return numpy.ndarray
    def copy(self): return numpy.zeros(self.shape)
    def tobytes(self): return b""


"""
    )
    report = grade(function("return numpy.full(len(x), 7.0).view(Liar)", head=head))
    assert statuses(report)[:2] == [S.WRONG_TYPE] * 2
    right = grade(function(f"y = {RIGHT}\nreturn y.view(Liar) if type(y) is numpy.ndarray else y", head=head))
    assert statuses(right)[:3] == [S.WRONG_TYPE] * 3 and right.points < right.exercise.points
    assert right.verdicts[0].message.endswith("a plain array is expected")


def test_an_object_that_only_says_it_is_an_array(grade):
    head = (
        HEAD
        + """
class Liar:
    shape, dtype, ndim = (1,), np.dtype(float), 1
    def __array__(self, *args, **kwargs): return np.zeros(1)
    @property
    def __class__(self): return np.ndarray


"""
    )
    assert statuses(grade(function("return Liar()", head=head)))[0] == S.WRONG_TYPE


def test_messages_forged_on_standard_output_do_not_count(grade):
    body = """import json, os, struct, sys
header = json.dumps({"type": "outcome", "case": 0, "status": "pass", "message": "", "line": None, "text": "",
                     "arrays": [["nll", "<f8", [1]]]}).encode()
frame = bytes(16) + struct.pack(">IQ", len(header), 8) + header + struct.pack("<d", 0.9189385332046727)
sys.stdout.buffer.write(frame)
sys.stdout.flush()
os.write(1, frame)
os.write(2, frame)
return np.zeros(len(x))"""
    report = grade(function(body))
    assert statuses(report)[:2] == [S.WRONG_VALUE] * 2


def test_bytes_in_the_result_channel_are_never_a_pass(grade):
    body = """import os
if len(x) == 1:
    for descriptor in range(3, 20):
        try:
            os.write(descriptor, b"pass" * 100)
        except OSError:
            pass
"""
    report = grade(function(body + f"return {RIGHT}"))
    assert statuses(report) == [S.CRASHED, S.PASS, S.PASS, S.PASS]


def test_a_missing_last_message_is_never_a_pass(grade):
    """Code that finds the worker's own objects, lets every answer through and leaves before the end."""
    body = f"""import os, sys
frame = sys._getframe()
while type(frame.f_locals.get("self")).__name__ != "Observer":
    frame = frame.f_back
channel = frame.f_locals["self"].channel
send = type(channel).send
channel.send = lambda header, arrays=None: os._exit(0) if header["type"] == "done" else send(channel, header, arrays)
return {RIGHT}"""
    assert statuses(grade(function(body))) == [S.EXITED] * 4
    closed = grade(function(f"import os\nos.closerange(3, 50)\nreturn {RIGHT}"))
    assert statuses(closed)[0] != S.PASS and not closed.passed


PACKAGE = {
    "import": "from fakegen.densities import gaussian_nll as theirs\nreturn theirs(x, mu, logvar)",
    "attribute": "import fakegen.densities as d\nreturn d.gaussian_nll(x, mu, logvar)",
    "through the package": "import fakegen\nreturn fakegen.gaussian_nll(x, mu, logvar)",
    "through a caller": "from fakegen.densities import total\nreturn total(x, mu, logvar) + np.zeros(len(x))",
    "swallowed": (
        f"import fakegen\ntry:\n    return fakegen.gaussian_nll(x, mu, logvar)\nexcept Exception:\n    return {RIGHT}"
    ),
    "reloaded": (
        "import sys, fakegen\nsys.modules.pop('fakegen.densities', None)\nimport fakegen.densities as d\n"
        "return d.gaussian_nll(x, mu, logvar)"
    ),
    "from its file": (
        "import importlib.util, fakegen\nfrom pathlib import Path\n"
        "path = Path(fakegen.__file__).with_name('densities.py')\n"
        "spec = importlib.util.spec_from_file_location('again', path)\nmodule = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\nreturn module.gaussian_nll(x, mu, logvar)"
    ),
    "with the finder emptied": (
        "import sys\nfinder = sys.meta_path[0]\nfor name, value in list(vars(finder).items()):\n"
        "    if hasattr(value, 'clear'): value.clear()\n    else: setattr(finder, name, lambda *a, **k: None)\n"
        "from fakegen.densities import gaussian_nll as theirs\nreturn theirs(x, mu, logvar)"
    ),
    "with the finder gone": (
        "import sys\nsys.meta_path[:] = [each for each in sys.meta_path if type(each).__name__ != 'Hider']\n"
        "from fakegen.densities import gaussian_nll as theirs\n"
        "return theirs(x, mu, logvar)"
    ),
    "linked": "import fakegen, os\nos.link(fakegen.__path__[0] + '/densities.py', 'd.py')\nreturn 0.0",
    "moved": "import fakegen, os\nos.rename(fakegen.__path__[0] + '/densities.py', 'd.py')\nreturn 0.0",
    "read": "import fakegen, pathlib\ntext = pathlib.Path(fakegen.__path__[0], 'densities.py').read_text()\nreturn 0.0",
    "read with a builtin replaced": (
        "import builtins, fakegen\nbuiltins.type = lambda value: int\n"
        "open(fakegen.__path__[0] + '/densities.py')\nreturn 0.0"
    ),
    "read with the separator replaced": (
        "import fakegen, os\nos.sep = 'densities'\nopen(fakegen.__path__[0] + '/densities.py')\nreturn 0.0"
    ),
    "read with the module of the hook changed": (
        "import sys, fakegen\nmodule = sys.modules['minigen.course.exercise.grading.audit']\n"
        "for name in [n for n, v in vars(module).items() if callable(v)]:\n    setattr(module, name, lambda *a: None)\n"
        "open(fakegen.__path__[0] + '/densities.py')\nreturn 0.0"
    ),
}


@pytest.mark.parametrize("name", PACKAGE)
def test_the_package_has_no_answer(grade, name):
    report = grade(function(PACKAGE[name]))
    assert statuses(report) == [S.PACKAGE_ANSWER] * 4, [v.message for v in report.verdicts]


def test_the_package_answer_under_the_asked_name(grade):
    assert statuses(grade("from fakegen.densities import gaussian_nll\n")) == [S.PACKAGE_ANSWER] * 4


def test_the_exercise_file_cannot_be_read(grade, exercise):
    for name in ("exercise.py", "answers.py"):
        report = grade(function(f"open({str(exercise.path.with_name(name))!r}).read()\nreturn {RIGHT}"))
        assert statuses(report) == [S.PACKAGE_ANSWER] * 4


def test_a_worker_is_not_given_the_answers(grade):
    """Neither hints nor literals are to be found from the driver, which calls the student's function."""
    body = f"""import gc, sys
driver = sys._getframe()
while driver.f_code.co_name not in {CASES}:
    driver = driver.f_back
assert "nll" not in driver.f_globals and "Exercise" not in driver.f_globals
text = [o for o in gc.get_objects() if type(o) is dict and "drivers" in o and type(o["drivers"]) is str]
assert not text
lists = [o for o in gc.get_objects() if type(o) is list and any(type(item) is str for item in o)]
assert not [o for o in lists if any(type(item) is str and item.startswith("One term for") for item in o)]
return {RIGHT}"""
    report = grade(function(body))
    assert report.passed, [v.message for v in report.verdicts]


@linux
def test_children_that_escape_are_ended(grade, without_hook):
    """Past the hook on processes: through the C library, into a group of its own."""
    body = f"""import ctypes, os, time
libc = ctypes.CDLL(None)
if libc.fork() == 0:
    os.setsid()
    time.sleep(100)
    os._exit(0)
return {RIGHT}"""
    report = grade(function(body))
    if os.geteuid() == 0:  # others cannot fork at all: the limit on processes is 0
        assert report.status == S.PROCESS and not report.passed
        assert "was ended" in report.message


@linux
def test_children_that_shed_their_environment_are_ended(grade, without_hook):
    """Past the hook, out of the group, and by `execve` into a program that has no environment at all."""
    body = f"""import ctypes, os
libc = ctypes.CDLL(None)
if libc.fork() == 0:
    os.setsid()
    words = (ctypes.c_char_p * 3)(b"sleep", b"98.7654", None)
    libc.execve(b"/bin/sleep", words, (ctypes.c_char_p * 1)(None))
    os._exit(1)
return {RIGHT}"""
    report = grade(function(body))
    if os.geteuid() == 0:  # others cannot fork at all: the limit on processes is 0
        assert report.status == S.PROCESS and not report.passed and report.points == 0
    assert not [pid for pid, words in _processes() if b"98.7654" in words]


@linux
def test_children_that_leave_their_folder_too_are_ended(grade, without_hook):
    """By two forks, so that no parent is left, in no folder and with no environment of the worker's."""
    body = f"""import ctypes, os
libc = ctypes.CDLL(None)
if libc.fork() == 0:
    libc.setsid()
    libc.chdir(b"/")
    if libc.fork() == 0:
        for number in range(64):
            libc.close(number)
        words = (ctypes.c_char_p * 3)(b"sleep", b"98.7655", None)
        libc.execve(b"/bin/sleep", words, (ctypes.c_char_p * 1)(None))
    libc._exit(0)
return {RIGHT}"""
    report = grade(function(body))
    if os.geteuid() == 0:  # others cannot fork at all: the limit on processes is 0
        assert report.status == S.PROCESS and report.points == 0
    assert not [pid for pid, words in _processes() if b"98.7655" in words]


@linux
def test_children_of_this_process_are_not_taken_for_those_of_an_answer(grade):
    """One in a session of its own, as a cluster's worker is."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as other:
        assert grade(function(f"return {RIGHT}")).passed and other.poll() is None
        other.kill()


def _processes() -> list[tuple[int, bytes]]:
    """Number and command line of every process (Linux)."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit():
                found.append((int(entry.name), (entry / "cmdline").read_bytes()))
    return found


def _parent_of(pid: int) -> int:
    """The parent of a process (Linux); 0 if it is gone, or dead and not yet waited for."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return 0
    return 0 if state == "Z" else int(parent)


@linux
def test_a_worker_ends_with_the_process_that_started_it(tmp_path):
    """Also if that is killed and has no time to clean up: an endless loop does not stay behind."""
    path = tmp_path / "gan_90.py"
    path.write_text(function("open('looping', 'w').close()\nwhile True:\n    pass"))
    code = f"""import sys
sys.path[:0] = [{str(DATA)!r}, {str(Path(runner.__file__).parents[4])!r}]
from pathlib import Path
from minigen.course.exercise import catalog
from minigen.course.exercise.grading.grade import grade_file
from minigen.course.exercise.grading.runner import Limits
from minigen.course.exercise.grading.submission import Submission
grade_file(catalog.find("gan/90/gaussian_nll")[0], Path({str(path)!r}), Limits(case=300.0, load=300.0))
"""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    parent = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(temporary)})
    deadline = time.monotonic() + 600
    try:
        workers = []
        while not (workers and list(temporary.glob("minigen-check-*/empty/looping"))) and time.monotonic() < deadline:
            time.sleep(0.05)
            workers = [pid for pid, words in _processes() if b"worker.py" in words and _parent_of(pid) == parent.pid]
        assert len(workers) == 1
    finally:
        parent.kill()
        parent.wait()
    while _parent_of(workers[0]) and time.monotonic() < deadline:
        time.sleep(0.05)
    orphaned = _parent_of(workers[0])
    if orphaned:
        os.kill(workers[0], signal.SIGKILL)
    assert not orphaned, "the worker runs on without its parent"


STARTS_A_PROCESS = """
import subprocess, sys
subprocess.run([sys.executable, "-c", ""], check=True)
__path__ = [{folder!r}]
exec(compile(open({file!r}).read(), {file!r}, "exec"))
"""


@pytest.mark.parametrize("name", ["numpy", "autograd"])
def test_the_worker_imports_before_it_forbids(grade, monkeypatch, tmp_path, name):
    """A library may start a process when it is imported, to look at the machine: that is not the student's doing."""
    library = importlib.import_module(name)
    file = library.__file__
    shadow = tmp_path / "shadow" / name
    shadow.mkdir(parents=True)
    (shadow / "__init__.py").write_text(STARTS_A_PROCESS.format(folder=str(Path(file).parent), file=file))
    path = grading.worker_path
    monkeypatch.setattr(grading, "worker_path", lambda target: [str(shadow.parent), *path(target)])
    report = grade(
        function(f"import {name}\nassert {name}.__spec__.origin == {str(shadow / '__init__.py')!r}\nreturn {RIGHT}")
    )
    assert report.passed, [v.message for v in report.verdicts]


def test_threads_that_never_end_do_not_hold_the_check(grade):
    body = f"import threading, time\nthreading.Thread(target=time.sleep, args=(100,)).start()\nreturn {RIGHT}"
    report = grade(function(body))
    assert report.passed or report.status == S.RAISED  # no new threads where the limit on processes binds


def test_deleting_files_in_its_folder_harms_nobody(grade, tmp_path):
    beside = tmp_path / "notes.txt"
    beside.write_text("mine")
    body = f"""import os, shutil
from pathlib import Path
assert os.listdir() == []
for file in Path(__file__).parent.iterdir():
    file.unlink()
shutil.rmtree(os.getcwd())
return {RIGHT}"""
    report = grade(function(body).replace("assert os.listdir() == []", "pass"))
    assert statuses(report)[0] == S.PASS
    assert beside.read_text() == "mine" and (tmp_path / "gan_90.py").exists()


def test_the_folder_is_private_and_empty(grade):
    report = grade(
        function(f"import os\nassert os.listdir() == [], os.listdir()\nopen('mine', 'w').close()\nreturn {RIGHT}")
    )
    assert statuses(report) == [S.PASS, S.RAISED, S.RAISED, S.RAISED]


@posix
def test_unreadable_folders_and_links_are_cleaned_up(grade, tmp_path):
    keep = tmp_path / "keep"
    keep.mkdir()
    (keep / "file").write_text("mine")
    body = f"""import os
if not os.path.exists('locked'):
    os.makedirs('locked/in')
    open('locked/in/file', 'w').close()
    os.symlink({str(keep)!r}, 'link')
    os.chmod('locked/in', 0)
    os.chmod('locked', 0)
return {RIGHT}"""
    assert statuses(grade(function(body)))[0] == S.PASS
    assert (keep / "file").read_text() == "mine"


def test_the_environment_does_not_leak(grade, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "abc")
    assert grade(function(f"import os\nassert 'SECRET_TOKEN' not in os.environ\nreturn {RIGHT}")).passed


def test_what_is_printed_is_shown(grade):
    report = grade(function("print('look', x.shape)\nprint('\\x1b[31mred')\nreturn np.zeros(len(x))"))
    text = render(report)
    assert "look (1, 1)" in text and "\x1b" not in text


def test_a_broken_driver_is_the_graders_error(grade, exercise, monkeypatch):
    report = grade(function("return np.zeros(len(x))"))
    assert S.GRADER_ERROR not in statuses(report)
    monkeypatch.setattr(grading, "drivers_of", lambda exercise: "import no_such_module\n")
    report = grade(function(f"return {RIGHT}"))
    assert statuses(report) == [S.GRADER_ERROR] * 4 and "cannot be loaded here" in report.verdicts[0].message
    monkeypatch.undo()
    monkeypatch.setattr(exercise, "path", exercise.path.with_name("answers.py"))
    assert statuses(grade_file(exercise, Submission("x.py", function(f"return {RIGHT}")))) == [S.GRADER_ERROR] * 4


def test_a_check_is_fast(grade):
    source = function(f"return {RIGHT}")
    grade(source)
    assert min(units_of(lambda: grade(source)) for _ in range(3)) < 2


def test_a_worker_imports_little(grade):
    names = "('scipy', 'matplotlib', 'minigen.plot', 'minigen.data', 'minigen.metrics', 'fakegen')"
    body = f"import sys\nassert not [n for n in {names} if n in sys.modules], sys.modules.keys()\nreturn {RIGHT}"
    assert grade(function(body)).passed


def test_a_system_without_limits_says_so(grade, monkeypatch):
    from minigen.course.exercise.grading import sandbox

    monkeypatch.setattr(sandbox, "resource", None)
    assert sandbox.set_limits(1, 2**30, 2**20) == ["cpu", "memory", "file size", "processes"]
    lost = runner.run
    monkeypatch.setattr(runner, "run", lambda *a: (run := lost(*a), setattr(run, "missing_limits", ["memory"]))[0])
    report = grade(function("return np.zeros(len(x))"))
    assert report.notes == ["this system enforces no limit on: memory"] and report.notes[0] in render(report)


# ------------------------------------------------------------------------------------------- no hang, no excuse

IN_A_CALL = {  # body for the first case only: what it must give
    "lists within lists without end": ("y = []\ny.append(y)\nreturn y", S.WRONG_TYPE),
    "a thousand lists": ("y = 0.0\nfor _ in range(10**5):\n    y = [y]\nreturn y", S.WRONG_TYPE),
    "a view of a billion numbers": ("import numpy\nreturn numpy.broadcast_to(0.0, 10**10)", S.MEMORY),
    "a message that raises": (
        "class E(Exception):\n    def __str__(self): raise SystemExit\n    __repr__ = __str__\nraise E",
        S.RAISED,
    ),
    "a helper file": ("import my_helper", S.RAISED),
    "a data file": ("open('data.csv')", S.RAISED),
    "terminal escapes": ("raise ValueError('\\x1b[2J\\x07')", S.RAISED),
}


@pytest.mark.parametrize("name", [pytest.param(n, marks=linux if "billion" in n else ()) for n in IN_A_CALL])
def test_odd_values_are_the_students(grade, name):
    body, expected = IN_A_CALL[name]
    lines = "\n".join(f"    {row}" for row in body.splitlines())
    report = grade(function(f"if x.shape == (1, 1):\n{lines}\nreturn {RIGHT}"))
    assert statuses(report) == [expected, S.PASS, S.PASS, S.PASS], [v.message for v in report.verdicts]
    assert report.verdicts[0].message and all(c.isprintable() or c == "\n" for c in render(report))
    if name.endswith("file"):
        assert "put what it needs into the file itself" in report.verdicts[0].message


CHANNEL = """
import os, sys
def channel():
    frame = sys._getframe()
    while type(frame.f_locals.get("self")).__name__ != "Observer":
        frame = frame.f_back
    return frame.f_locals["self"].channel
"""
FORGED = {
    "a case that starts for ever": "while True:\n    channel().send({'type': 'start', 'case': 0})",
    "the end, at once": "channel().send({'type': 'done'})",
    "a pass": (
        "channel().send({'type': 'outcome', 'case': 0, 'status': 'pass', 'message': '', 'line': None, 'text': '',"
        " 'precision': 0, 'scale': 0}, {'nll': np.zeros(1)})"
    ),
    "a message without a head": "channel().send({'type': 'outcome', 'case': 0})",
    "a status that is none": "channel().send({'type': 'outcome', 'case': 0, 'status': [], 'message': 3})",
    "nonsense": "channel().send({'type': ['nonsense']})",
    "the worker's own excuse": "channel().send({'type': 'broken', 'message': 'sorry'})",
}


@pytest.mark.parametrize("name", FORGED)
@pytest.mark.parametrize("where", ["import", "call"])
def test_forged_messages_are_never_a_pass_and_never_hang(grade, name, where):
    code = FORGED[name]
    if where == "import":
        source = function(f"return {RIGHT}", head=f"{HEAD}{CHANNEL}\n{code}\n\n\n")
    else:
        lines = "\n".join(f"    {row}" for row in code.splitlines())
        source = function(f"if x.shape == (1, 1):\n{lines}\nreturn {RIGHT}", head=f"{HEAD}{CHANNEL}\n\n")
    report = grade(source)
    assert not report.passed and report.status != S.GRADER_ERROR, [v.message for v in report.verdicts]
    assert statuses(report)[0] in (S.CRASHED, S.WRONG_VALUE, S.EXITED)


def test_one_limit_for_a_whole_submission(grade):
    """Every case may take its time, but not all of them together."""
    report = grade(function("import time\ntime.sleep(100)"), Limits(case=1.5, load=5.0, total=4.0))
    assert statuses(report) == [S.TIMEOUT] * 4


def test_a_folder_nested_too_deep_is_removed(grade):
    body = f"""import os
for _ in range(1100 if x.shape == (1, 1) else 0):
    os.mkdir("d")
    os.chdir("d")
return {RIGHT}"""
    assert statuses(grade(function(body), Limits(case=60.0, load=30.0)))[0] in (S.PASS, S.RAISED)


@linux
def test_a_module_that_asks_about_the_machine_may(grade):
    body = f"import platform\nplatform.processor()\nplatform.platform()\nreturn {RIGHT}"
    assert grade(function(body)).passed


def test_a_check_left_in_the_file_is_passed_over(grade):
    source = function(f"return {RIGHT}") + '\nfrom minigen.course import check\ncheck("gan/90", gaussian_nll)\n'
    report = grade(source)
    assert report.passed, [v.message for v in report.verdicts]
    assert "does not check itself" in report.output


def test_other_words_of_a_notebook_are_met(grade):
    """`use` does nothing, and `inputs`, which a failed check prints, says that it must go."""
    report = grade(function(f"return {RIGHT}") + "\nfrom minigen.course import use\nuse(gaussian_nll)\n")
    assert report.passed and "trains nothing" in report.output
    left = '\nfrom minigen.course import inputs\nprint(gaussian_nll(*inputs("gan/90/gaussian_nll", "random_batch")))\n'
    report = grade(function(f"return {RIGHT}") + left)
    assert statuses(report) == [S.RAISED] * 4 and "remove the call" in report.verdicts[0].message


def test_other_copies_of_the_answers_cannot_be_read(grade, exercise, tmp_path):
    """An installed package carries the lessons a second time."""
    copy = tmp_path / "_lessons" / "gan" / "90_fake"
    copy.mkdir(parents=True)
    (copy / "answers.py").write_text(exercise.path.with_name("answers.py").read_text())
    report = grade(function(f"open({str(copy / 'answers.py')!r}).read()\nreturn {RIGHT}"))
    assert statuses(report) == [S.PACKAGE_ANSWER] * 4
    package = tmp_path / "elsewhere" / "fakegen"
    package.mkdir(parents=True)
    (package / "densities.py").write_text((DATA / "fakegen/densities.py").read_text())
    head = f"import sys\nsys.path.insert(0, {str(package)!r})\n"
    body = f"{head}import densities\nreturn densities.gaussian_nll(x, mu, logvar)"
    assert statuses(grade(function(body))) == [S.RAISED] * 4, "that folder cannot be read"


def test_the_reference_is_empty_wherever_it_is_kept(grade):
    body = "from fakegen.densities import TABLE\nreturn TABLE['nll'](x, mu, logvar)"
    assert statuses(grade(function(body))) == [S.PACKAGE_ANSWER] * 4


def test_a_notebook_is_told_what_to_do(grade):
    report = grade('{"cells": []}', name="gan_90.ipynb")
    assert report.status == S.NOT_A_FILE and "put the functions into a .py file" in report.verdicts[0].message


INTERPRETER = """\
import importlib, sys
name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
HOW
made = module.create()
module.run_string(made, "import os; os.system('true')")
"""


@pytest.mark.parametrize(
    "how",
    [
        "module = __import__(name)",
        "module = importlib.import_module(name)",
        "sys.modules.pop(name, None); module = importlib.import_module(name)",
    ],
)
def test_another_interpreter_would_have_no_hooks(grade, how):
    report = grade(function(f"{INTERPRETER.replace('HOW', how)}return {RIGHT}"))
    assert statuses(report) == [S.RAISED] * 4, [v.message for v in report.verdicts]
    assert report.verdicts[0].text == how and "interpreters" in report.verdicts[0].message


def test_what_does_without_another_interpreter_may_be_imported(grade):
    """From 3.14 on `concurrent.futures` looks for the module that makes interpreters."""
    assert grade(function(f"import concurrent.futures\nreturn {RIGHT}")).passed


@posix
def test_signals_to_other_processes_are_refused(grade):
    """They would end the check itself, or a class's."""
    for call in ("os.kill(os.getppid(), 15)", "os.killpg(os.getpgid(os.getppid()), 15)"):
        body = f"import os\ntry:\n    {call}\nexcept BaseException:\n    pass\nreturn {RIGHT}"
        assert statuses(grade(function(body))) == [S.PROCESS] * 4


def test_a_process_that_is_left_running_has_no_points(exercise):
    verdicts = [Verdict(case.name, S.PASS, case.points, case.points, kind=case.kind) for case in exercise.cases]
    report = Report(exercise, verdicts, status=S.PROCESS)
    assert report.points == 0 and not report.passed


TRACED = {
    "assignment": ("y = 0 * logvar[:, 0]\ny[0] = 1.0\nreturn y", "cannot be written into"),
    "float": ("return np.array([float(v) for v in logvar[:, 0]])", "float() cannot be used"),
    "math": ("import math\nreturn np.array([math.exp(v) for v in logvar[:, 0]])", "use autograd's np"),
}


@pytest.mark.parametrize("name", TRACED)
def test_autograds_errors_become_sentences(grade, name):
    body, words = TRACED[name]
    lines = "\n".join(f"    {row}" for row in body.splitlines())
    source = function(f"if not hasattr(logvar, 'flags'):\n{lines}\nreturn {RIGHT}")
    verdict = grade(source).verdicts[3]
    assert verdict.status == S.RAISED and words in verdict.message, verdict.message


def test_threads_that_cannot_start_are_told(grade):
    """The limit on processes counts threads too, but for root: here starting one fails as it does under the limit."""
    body = f"""import threading
def refuse(*args, **options):
    raise RuntimeError("can't start new thread")
threading._start_new_thread = threading._start_joinable_thread = refuse
t = threading.Thread(target=print)
t.start()
return {RIGHT}"""
    verdict = grade(function(body)).verdicts[0]
    assert verdict.status == S.RAISED and "compute without them" in verdict.message, verdict.message


# ------------------------------------------------------------------------------------------- whose word counts

GENEROUS = """
from minigen.course.exercise.grading import observe


def generous(self, array):
    self.precision, self.scale = 1.0, 1e9


observe.Impl._note_precision = generous
"""


def test_a_worker_does_not_widen_the_tolerance(grade):
    """Two lines that patch what the worker notes of an answer's precision, and a header written by hand."""
    report = grade(function("return np.ones(len(x))", head=HEAD + GENEROUS))
    assert statuses(report)[:2] == [S.WRONG_VALUE] * 2
    message = {"type": "outcome", "case": 0, "status": "pass", "message": "", "line": None, "text": "", "draws": False}
    message |= {"precision": 1.0, "scale": 1e9, "given": 1e9, "returned": [], "untouched": [], "call": 0}
    code = f"if x.shape == (1, 1):\n    channel().send({message}, {{'nll': np.array([0.9])}})\nreturn {RIGHT}"
    report = grade(function(code, head=f"{HEAD}{CHANNEL}\n\n"))
    assert statuses(report)[0] == S.WRONG_VALUE, [v.message for v in report.verdicts]


STACKS = {  # what stands where faulthandler's words are expected
    "a pipe": "os.mkfifo(stack)",
    "a folder": "os.mkdir(stack)",
    "a device that never ends": "os.symlink('/dev/zero', stack)",
    "a terminal": "os.symlink('/dev/tty', stack)",
    "a link to itself": "os.symlink(stack, stack)",
    "a file of the user": "os.symlink(__file__, stack)",
    "a huge file": "os.truncate(os.open(stack, os.O_CREAT | os.O_RDWR), 15 * 2**20)",
    "nothing": "pass",
}


@posix
@pytest.mark.parametrize("name", STACKS)
def test_what_stands_in_the_place_of_a_workers_file_is_not_read(grade, without_hook, name):
    head = f"{HEAD}import os\nstack = os.path.abspath('../stack')\nos.unlink(stack)\n{STACKS[name]}\nos._exit(3)\n\n\n"
    report = grade(function(f"return {RIGHT}", head=head))
    assert statuses(report) == [S.EXITED] * 4 and "exit code 3" in report.verdicts[0].message


@posix
def test_a_workers_own_file_may_hold_anything(grade):
    """Beyond any length, not text, with a line that does not exist."""
    words = (
        "open('../stack', 'wb').write(b'(most recent call first)\\xff File \"' + __file__.encode() + b'\", line 9999')"
    )
    report = grade(function(f"return {RIGHT}", head=f"{HEAD}{words}\nimport os\nos._exit(3)\n\n\n"))
    assert statuses(report) == [S.EXITED] * 4 and report.verdicts[0].line is None
    long = "import os\nos.truncate('../stack', 15 * 2**20)\nos._exit(3)\n\n\n"
    assert statuses(grade(function(f"return {RIGHT}", head=HEAD + long))) == [S.EXITED] * 4


@linux
def test_a_check_opens_nothing_that_a_worker_could_have_put_there(grade):
    """Once a worker runs, the parent reads the system's tables and the package's own files, and nothing else."""
    opened, home = [], str(Path(runner.__file__).parents[4])
    start = subprocess.Popen.__init__
    running = False

    def watch(event, arguments):
        if running and event == "open" and "r" in (arguments[1] or "") and isinstance(arguments[0], (str, bytes)):
            opened.append(os.fsdecode(arguments[0]))

    def started(self, *arguments, **options):
        nonlocal running
        start(self, *arguments, **options)
        running = True

    sys.addaudithook(watch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess.Popen, "__init__", started)
        report = grade(function("import os\nos._exit(3)"))
        running = False
    assert statuses(report) == [S.EXITED] * 4 and opened
    theirs = [
        file for file in opened if not file.startswith(("/proc/", "/dev/null", home, sys.prefix, sys.base_prefix))
    ]
    assert not theirs


# ------------------------------------------------------------------------------------------- whose fault it is

RAISES = """
class Loud:
    def __repr__(self): raise RuntimeError("loud")
    __str__ = __format__ = __repr__


class Meta(type):
    @property
    def __name__(cls): raise RuntimeError("loud")
    @property
    def __mro__(cls): raise RuntimeError("loud")
    def __getattribute__(cls, name): raise RuntimeError("loud")


class Strange(metaclass=Meta):
    pass


class Pair(tuple):
    _fields = ("a", "b")
    @classmethod
    def _make(cls, items): raise RuntimeError("loud")


class Key(str):
    def __str__(self): raise RuntimeError("loud")
    def __hash__(self): return 1


class Box:
    __module__ = "autograd.tracer"
    @property
    def _value(self): return self


class Fault(Exception, metaclass=Meta):
    pass
"""
FAULTS = {
    "a default that cannot be shown": ("return x", "x, mu=Loud()"),
    "a named tuple": ("return Pair((1.0, 2.0))", "x, mu, logvar"),
    "a key of a dict": ("return {Key('a'): 1.0}", "x, mu, logvar"),
    "a metaclass": ("return Strange()", "x, mu, logvar"),
    "a list of such": ("return [Strange()]", "x, mu, logvar"),
    "what only says that it is autograd's": ("return Box()", "x, mu, logvar"),
    "an exception that cannot be described": ("raise Fault", "x, mu, logvar"),
    "a name that raises": ("return x", "x, mu, logvar"),
}


@pytest.mark.parametrize("here", [False, True], ids=["worker", "in process"])
@pytest.mark.parametrize("name", FAULTS)
def test_what_a_students_methods_raise_is_hers(grade, exercise, name, here):
    body, arguments = FAULTS[name]
    source = function(body, head=f"{HEAD}{RAISES}\n\n", arguments=arguments)
    if name == "a name that raises":
        source += "\n\nclass Call:\n    def __call__(self, x, mu, logvar): return x\n"
        source += "    def __getattr__(self, name): raise RuntimeError('loud')\n\n\ngaussian_nll = Call()\n"
    report = grade_source(exercise, source) if here else grade(source)
    assert not report.passed and report.points == 0
    assert not {S.GRADER_ERROR, S.EXITED, S.CRASHED, S.TIMEOUT} & set(statuses(report)), report.verdicts[0]
    assert report.verdicts[0].message


def test_an_exception_that_cannot_be_described_while_a_file_is_read(grade):
    report = grade(function(f"return {RIGHT}", head=f"{HEAD}{RAISES}\nraise Fault\n\n\n"))
    assert statuses(report) == [S.RAISED] * 4 and "cannot be described" in report.verdicts[0].message


def test_a_function_that_the_driver_calls_is_the_students_too(exercise):
    """A driver may call what came back; what that raises is not the driver's."""
    case = Case(lambda impl, rng: {"y": impl(1.0)(2.0)}, 1, "equation", {}, False, 1e-6, 1e-9)

    def wrong(x):
        return lambda y: y.foo

    outcome = observe(case.driver, Impl(wrong, None, [__file__]), start_of(0, 0))
    assert outcome.status == S.RAISED and outcome.text == "return lambda y: y.foo"


def test_a_driver_that_fails_on_an_answer_is_not_the_graders_error():
    outcome = with_incident(CaseOutcome(S.GRADER_ERROR, "case a failed in line 3 of the exercise's file"), [])
    assert outcome.status == S.RAISED and "on what your function gives, case a failed" in outcome.message


CLAIMS = {
    "the grader's error": {"status": "grader_error"},
    "the parent's verdict": {"status": "wrong_value"},
    "a line without end": {"line": float("inf")},
    "a line of 400 digits": {"line": 10**400},
    "a precision of 400 digits": {"precision": 10**400},
    "words that are none": {"message": [[[]]]},
}


@pytest.mark.parametrize("name", CLAIMS)
def test_a_header_blames_nobody(grade, name):
    message = {
        "type": "outcome",
        "case": 0,
        "status": "raised",
        "message": "",
        "line": None,
        "text": "",
        "draws": False,
    }
    message = f"{ {**message, **CLAIMS[name]} }".replace("inf", "float('inf')")
    code = f"if x.shape == (1, 1):\n    channel().send({message})\nreturn {RIGHT}"
    report = grade(function(code, head=f"{HEAD}{CHANNEL}\n\n"))
    assert statuses(report)[0] in (S.CRASHED, S.RAISED) and not report.passed
    load = message.replace("'outcome'", "'load_failed'")
    report = grade(function(f"return {RIGHT}", head=f"{HEAD}{CHANNEL}\nchannel().send({load})\n\n\n"))
    assert statuses(report) == [statuses(report)[0]] * 4 and statuses(report)[0] in (S.CRASHED, S.RAISED)


def test_a_header_of_brackets_does_not_hang(grade):
    code = f"""if x.shape == (1, 1):
    import os, struct
    header = b"[" * 200_000
    os.write(channel()._descriptor, channel()._nonce + struct.pack(">IQ", len(header), 0) + header)
return {RIGHT}"""
    report = grade(function(code, head=f"{HEAD}{CHANNEL}\n\n"))
    assert statuses(report) == [S.CRASHED, S.PASS, S.PASS, S.PASS]


# ------------------------------------------------------------------------------------------- time


@posix
def test_processor_time_decides(grade):
    """Waiting costs nothing: an answer that is kept from computing, as on a busy machine, still counts."""
    source = function(f"import time\ntime.sleep(1.5 if x.shape == (1, 1) else 0.0)\nreturn {RIGHT}")
    assert grade(source, SHORT).passed
    head = f"{HEAD}import time\ntime.sleep(1.5)\n\n\n"
    assert grade(function(f"return {RIGHT}", head=head), SHORT).passed


def test_matplotlib_finds_its_list_of_fonts(grade):
    """To make one takes longer than many a check; a file that draws nothing has none."""
    head = "import os\nfonts = os.listdir(os.environ['MPLCONFIGDIR'])\nimport matplotlib.pyplot as plt\n" + HEAD
    body = f"assert any(name.startswith('fontlist') for name in fonts), fonts\nreturn {RIGHT}"
    assert grade(function(body, head=head)).passed
    body = f"import os\nassert os.listdir(os.environ['MPLCONFIGDIR']) == []\nreturn {RIGHT}"
    assert grade(function(body)).passed


@posix
def test_a_loop_and_a_wait_are_told_apart(grade, monkeypatch):
    loop = grade(function(f"while x.shape == (1, 1): pass\nreturn {RIGHT}"), SHORT)
    said = re.search(r"after (\S+) s of processor time: an endless loop\?", loop.verdicts[0].message)
    assert statuses(loop)[0] == S.TIMEOUT and said and float(said[1]) >= 1.2, loop.verdicts[0].message
    monkeypatch.setattr(runner, "WAITING", 1.5)
    wait = grade(function(f"import time\nx.shape == (1, 1) and time.sleep(100)\nreturn {RIGHT}"), SHORT)
    assert statuses(wait)[0] == S.TIMEOUT and "does it sleep" in wait.verdicts[0].message
    said = re.search(r"after (\S+) s by the clock", wait.verdicts[0].message)
    assert said and float(said[1]) >= 1.8 and wait.verdicts[0].line


HOG = "import time\nwhile True: pass"


@pytest.fixture
def one_busy_core():
    """This process, and the workers that it starts, have one core, with three others that never rest."""
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("processes cannot be kept on a core here")
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    hogs = [subprocess.Popen([sys.executable, "-S", "-c", HOG]) for _ in range(3)]
    yield
    for hog in hogs:
        hog.kill()
        hog.wait()
    os.sched_setaffinity(0, before)


@linux
@pytest.mark.parametrize("sandbox", ["", "bwrap"])
def test_a_loop_on_a_busy_machine_is_not_told_that_it_sleeps(grade, one_busy_core, monkeypatch, sandbox):
    """It gets a part of the core, and by the clock takes that much longer than its limit to compute so long."""
    if sandbox and bubblewrap.why_not():
        pytest.skip(bubblewrap.why_not())
    monkeypatch.setattr(runner, "WAITING", 1.5)
    limits = dataclasses.replace(SHORT, sandbox=sandbox)
    loop = grade(function(f"while x.shape == (1, 1): pass\nreturn {RIGHT}"), limits)
    assert statuses(loop) == [S.TIMEOUT, S.PASS, S.PASS, S.PASS]
    assert "of processor time: an endless loop?" in loop.verdicts[0].message
    assert loop.starved > 0.1  # how much others leave to it is the system's business


@linux
def test_a_heavy_answer_passes_on_a_busy_machine(grade, one_busy_core, monkeypatch):
    """It computes for half of its limit, for which it waits longer than it may by the clock."""
    monkeypatch.setattr(runner, "WAITING", 1.0)
    work = "import time\nend = time.process_time() + 0.6\nwhile x.shape == (1, 1) and time.process_time() < end: pass"
    report = grade(function(f"{work}\nreturn {RIGHT}"), Limits(case=1.2, load=1.2, total=10.0))
    assert report.passed, [verdict.message for verdict in report.verdicts]


@linux
def test_a_wait_on_a_busy_machine_ends(grade, one_busy_core, monkeypatch):
    monkeypatch.setattr(runner, "WAITING", 1.5)
    wait = grade(function(f"import time\nx.shape == (1, 1) and time.sleep(600)\nreturn {RIGHT}"), SHORT)
    assert statuses(wait)[0] == S.TIMEOUT and "does it sleep" in wait.verdicts[0].message


def test_time_for_which_others_ran_is_counted_for_each_thread(monkeypatch):
    """The thread that waited longest since the last look counts, also one that has begun since then."""
    looks = iter([{1: 2.0}, {1: 2.5, 2: 0.1}, {1: 2.6, 2: 0.9, 3: 0.3}, {2: 1.0}, {}])
    monkeypatch.setattr(starvation, "run_delays", lambda process: next(looks))
    followed = starvation.Starvation(0)
    assert [round(followed.since_last(), 9) for _ in range(2)] == [0.5, 0.8] and followed.known
    assert [round(followed.since_last(), 9) for _ in range(2)] == [0.1, 0.0] and not followed.known


@linux
def test_a_process_that_sleeps_is_not_kept_from_running(one_busy_core):
    """But one that computes is; both are found below the shell that starts them."""
    code = "import time\ntime.sleep(0.1)\nprint(flush=True)\n{}"
    waited = []
    for rest in ("time.sleep(600)", "while True: pass"):
        child = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {code.format(rest)!r}])"
        process = subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.PIPE, start_new_session=True)
        try:
            process.stdout.readline()
            followed = starvation.Starvation(process.pid)
            assert len(followed.delays) == 2
            time.sleep(2)
            waited.append(followed.since_last())
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()
    assert waited[0] < 0.2 < 0.5 < waited[1], waited


@pytest.mark.parametrize(("spent", "slowness"), [(0.1, 1.0), (worker.USUAL, 1.0), (4 * worker.USUAL, 4.0), (1e9, 20.0)])
def test_a_slow_machine_has_longer_limits(monkeypatch, spent, slowness):
    """In proportion to the processor time that a worker needs to start; by its clock where that is not limited."""
    monkeypatch.setattr(worker.time, "process_time", lambda: spent)
    assert worker.slowness() == pytest.approx(slowness)
    monkeypatch.delattr(signal, "setitimer", raising=False)
    monkeypatch.setattr(worker.time, "monotonic", lambda: worker.started + 2 * worker.USUAL)
    assert worker.slowness() == pytest.approx(2.0)


@posix
def test_a_worker_that_starts_slowly_lets_an_answer_compute_longer(grade, monkeypatch, tmp_path):
    """The limit of a case is 1.2 s, and the answer computes for 1.8 s, on a machine that is five times slower."""
    text = Path(worker.__file__).read_text(encoding="utf-8")
    assert "USUAL = 0.4 " in text
    slow = tmp_path / "worker.py"
    slow.write_text(text.replace("USUAL = 0.4 ", "USUAL = 0.04 "), encoding="utf-8")
    work = "import time\nend = time.process_time() + 1.8\nwhile x.shape == (1, 1) and time.process_time() < end: pass"
    assert statuses(grade(function(f"{work}\nreturn {RIGHT}"), SHORT))[0] == S.TIMEOUT
    monkeypatch.setattr(runner, "WORKER", slow)
    assert grade(function(f"{work}\nreturn {RIGHT}"), SHORT).passed


@posix
def test_a_loop_that_stops_the_clock_of_its_process_is_ended_by_ours(grade, monkeypatch):
    monkeypatch.setattr(runner, "WAITING", 1.5)
    body = "import signal\nsignal.setitimer(signal.ITIMER_PROF, 0)\nwhile True: pass"
    assert statuses(grade(function(body), SHORT)) == [S.TIMEOUT] * 4


# ------------------------------------------------------------------------------------------- slips

SLIP = {
    "one slip": (RIGHT.replace(" + np.log(2 * np.pi)", ""), "The constant log 2 pi"),
    "the same in other words": (f"{RIGHT} - 0.5 * x.shape[1] * np.log(2 * np.pi)", "The constant log 2 pi"),
    "two at once": (f"{RIGHT.replace('np.sum', 'np.mean')} * (1 if hasattr(logvar, 'flags') else 2)", ""),
    "a mean": (RIGHT.replace("np.sum", "np.mean"), "do not average"),
    "something else": (f"{RIGHT} * 1.7", ""),
    "zeros": ("np.zeros(len(x))", ""),
}


PAIR = {  # of two results; the second has a slip of its own, or none
    "t - t and a mean": ("x * np.exp(s) - t, np.mean(s, axis=-1)", "t is added."),
    "t - t and right": ("x * np.exp(s) - t, np.sum(s, axis=-1)", "t is added."),
    "right and minus": ("x * np.exp(s) + t, -np.sum(s, axis=-1)", "has a plus"),
    "a slip in the second of two wrong ones": ("x * np.exp(s) + t * np.sin(x), -np.sum(s, axis=-1)", ""),
    "twice t and minus": ("x * np.exp(s) + 2 * t, -np.sum(s, axis=-1)", ""),
}


@pytest.mark.parametrize("name", PAIR)
def test_a_slip_in_one_of_two_results_is_recognised(name):
    other = catalog.find("gan/90/scale_and_shift")[0]
    answer, hint = PAIR[name]
    namespace = {"np": np}
    exec(f"def scale_and_shift(x, s, t):\n    return {answer}", namespace)
    report = grade_function(other, namespace["scale_and_shift"])
    assert not report.passed and report.listed == bool(hint) and hint in report.hint, report.hint


def counts(*values):
    """Verdicts and outcomes of three cases, of whole numbers; the right ones are 7, 5 and 1."""
    right = [7, 5, 1]
    outcomes = [CaseOutcome(S.PASS, values={"count": np.array(value)}) for value in values]
    verdicts = [
        Verdict(str(n), S.PASS if v == r else S.WRONG_VALUE, 0, 1, key="count", kind="equation")
        for n, (v, r) in enumerate(zip(values, right))
    ]
    return outcomes, verdicts


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ((11, 8, 9), ["a"]),  # a in two cases, and something else in the third
        ((11, 6, 1), ["b"]),
        ((11, 9, 9), []),  # 11 alone may be either, and is no special number
        ((0, 0, 9), []),  # zero is what many mistakes give
    ],
)
def test_whole_numbers_that_are_wrong_twice_in_the_same_way(values, found):
    mistakes = {"a": (11, 8, 1), "b": (11, 6, 1), "zero": (0, 0, 1)}
    cases = [Case(counts, 1, "equation", {}, False, 0.0, 0.0)] * 3
    outcomes, verdicts = counts(*values)
    right, _ = counts(7, 5, 1)
    theirs = {name: counts(*numbers)[0] for name, numbers in mistakes.items()}
    names = list(mistakes)
    assert recognised(cases, outcomes, verdicts, names, lambda m, n: theirs[names[m]][n], right) == found


def test_a_mistake_that_fails_what_the_answer_passes_is_not_named():
    """Two passed cases are too many; one may be luck."""
    cases = [Case(counts, 1, "equation", {}, False, 0.0, 0.0)] * 4

    def outcomes(*values):
        return [CaseOutcome(S.PASS, values={"y": np.array(value)}) for value in values]

    right, mistake = outcomes(7.3, 5.3, 1.3, 2.3), outcomes(4.1, 5.4, 1.4, 2.3)
    for mine, found in ((outcomes(4.1, 5.3, 1.3, 2.3), []), (outcomes(4.1, 5.3, 1.4, 2.3), ["a"])):
        verdicts = [compare(case, got, want) for case, got, want in zip(cases, mine, right)]
        assert recognised(cases, mine, verdicts, ["a"], lambda m, n: mistake[n], right) == found


@pytest.mark.parametrize("name", SLIP)
def test_slips_are_recognised_from_values_on_the_failing_case(grade, name):
    answer, hint = SLIP[name]
    report = grade(function(f"return {answer}"))
    assert not report.passed and hint in report.hint and bool(report.hint) == report.listed == bool(hint), report.hint


CHANGE = {  # nobody listed them
    "a sign": (RIGHT.replace("+ np.log(2", "- np.log(2"), "the sign of a term turned round"),
    "a power": (RIGHT.replace("(x - mu) ** 2", "(x - mu)"), "a power left out"),
    "a padded division": (RIGHT.replace("np.exp(logvar)", "(np.exp(logvar) + 1e-6)"), "a small number added in"),
    "a clipped argument": (RIGHT.replace("logvar", "np.clip(logvar, 0.01, 0.99)"), "`logvar` clipped"),
    "a constant": (RIGHT.replace("logvar", "getval(logvar)"), "`logvar` taken as a constant"),
    "an argument's square": (
        RIGHT.replace("np.exp(logvar)", "np.exp(logvar**2)").replace("logvar +", "logvar**2 +"),
        "the square of `logvar`",
    ),
    "random numbers": (f"{RIGHT} + np.random.randn(len(x))", "draws random numbers of its own"),
    "nothing simple": (f"{RIGHT} + np.sin(x[:, 0])", ""),
}


@pytest.mark.parametrize("name", CHANGE)
def test_one_change_of_the_equation_is_recognised(grade, name):
    answer, words = CHANGE[name]
    report = grade(function(f"from autograd.tracer import getval\nreturn {answer}"))
    assert not report.passed and not report.listed
    assert words in report.hint and bool(report.hint) == bool(words), report.hint


def test_a_shape_that_differs_gets_a_reason():
    reasons = {
        ((), (5,)): "one number for each example, not one for all",
        ((5, 3), (5,)): "one number for each example, whatever",
        ((5, 1), (5,)): "an axis of length 1 too many",
        ((5,), (5, 1)): "an axis of length 1 is missing",
        ((3, 5), (5, 3)): "transposed?",
        ((4,), (5,)): "expected shape (5,)",
    }
    for (got, want), words in reasons.items():
        assert words in shape_message(got, want, "it has")


def test_shapes_that_do_not_broadcast_get_a_sentence():
    words = {
        (
            (4,),
            (4, 3),
        ): "shapes (4,) and (4, 3) do not broadcast: axes are compared from the last one on, and 4 is not 3; "
        "reshape (4,) to (4, 1) to keep its axes the first ones (ValueError: ",
        ((5, 3), (5,)): "and 5 is not 3; reshape (5,) to (5, 1)",
        (
            (2, 1, 3),
            (3, 2),
        ): "shapes (3, 2) and (2, 1, 3) do not broadcast: axes are compared from the last one on, and 2 is "
        "not 3 (ValueError: ",
        ((2, 3), (4, 3)): "and 2 is not 4 (ValueError",
    }
    for shapes, sentence in words.items():
        outcome = observe(
            lambda impl, rng: {"y": impl(*map(np.zeros, shapes))}, Impl(lambda a, b: a + b), start_of(0, 0)
        )
        assert outcome.status == S.RAISED and sentence in outcome.message, outcome.message


def test_unsigned_integers_are_integers():
    check_returned(np.zeros(3, np.uint8), describe(np.zeros(3, int)))
    with pytest.raises(Failure, match="floats, expected integers"):
        check_returned(np.zeros(3), describe(np.zeros(3, int)))


def test_results_in_another_order_are_told():
    spec = describe((np.zeros((2, 3)), np.zeros(2)))
    with pytest.raises(Failure, match="in another order"):
        check_returned((np.zeros(2), np.zeros((2, 3))), spec)


def test_a_failed_case_shows_its_inputs_and_repeats_the_call(grade):
    report = grade(function(f"return {RIGHT} * (1.0 if len(x) == 1 else 1.5)"))
    verdict = report.first_failure
    assert verdict.case == "random_batch" and verdict.inputs[0].startswith("x = array of shape (5, 3); [")
    assert verdict.repeat.startswith('gaussian_nll(*inputs("gan/90/gaussian_nll", "random_batch"))')
    assert "repeat it: " in render(report)
    x, mu, logvar = inputs("gan/90/gaussian_nll", "random_batch")
    wanted = 0.5 * np.sum(logvar + (x - mu) ** 2 / np.exp(logvar) + np.log(2 * np.pi), axis=1)
    assert verdict.expected == pytest.approx(wanted[verdict.index[0]])
    small = grade(function(f"return 2.0 * {RIGHT}")).first_failure
    assert small.inputs == ["x = [[0.]]", "mu = [[0.]]", "logvar = [[0.]]"]
    assert small.repeat == "gaussian_nll(np.array([[0.0]]), np.array([[0.0]]), np.array([[0.0]]))"


# ------------------------------------------------------------------------------------------- out of the folder

ELSEWHERE = {  # what is tried in a call, where TARGET is a file of the user: the status
    "append": ("open(TARGET, 'a').write('x')", S.OUTSIDE),
    "read and write": ("open(TARGET, 'r+').write('x')", S.OUTSIDE),
    "create": ("open(TARGET + '.new', 'w').close()", S.OUTSIDE),
    "create alone": ("open(TARGET + '.new', 'x').close()", S.OUTSIDE),
    "os.open": ("os.close(os.open(TARGET, os.O_WRONLY | os.O_TRUNC))", S.OUTSIDE),
    "os.open, created": ("os.close(os.open(TARGET + '.new', os.O_CREAT))", S.OUTSIDE),
    "through a link": ("os.symlink(TARGET, 'link'); open('link', 'a').write('x')", S.OUTSIDE),
    "through a link to its folder": ("os.symlink(os.path.dirname(TARGET), 'd'); open('d/' + NAME, 'w')", S.OUTSIDE),
    "a hard link": ("os.link(TARGET, 'mine'); open('mine', 'a').write('x')", S.OUTSIDE),
    "from its own folder": ("os.chdir(os.path.dirname(TARGET)); open(NAME, 'a')", S.OUTSIDE),
    "upwards": ("open(os.path.relpath(TARGET), 'a')", S.OUTSIDE),
    "as bytes": ("open(os.fsencode(TARGET), 'ab')", S.OUTSIDE),
    "a path that changes its mind": (
        "class P(str):\n    def startswith(self, *a): return True\n    def split(self, *a): return ['']\n"
        "open(P(TARGET), 'a')",
        S.OUTSIDE,
    ),
    "with os.path replaced": (
        "os.path.realpath = os.path.abspath = lambda p, **k: os.getcwd()\nopen(TARGET, 'a')",
        S.OUTSIDE,
    ),
    "remove": ("os.remove(TARGET)", S.OUTSIDE),
    "rename": ("os.rename(TARGET, 'mine')", S.OUTSIDE),
    "replace": ("open('mine', 'w').close(); os.replace('mine', TARGET)", S.OUTSIDE),
    "truncate": ("os.truncate(TARGET, 0)", S.OUTSIDE),
    "chmod": ("os.chmod(TARGET, 0)", S.OUTSIDE),
    "utime": ("os.utime(TARGET, (0, 0))", S.OUTSIDE),
    "mkdir": ("os.mkdir(TARGET + '.d')", S.OUTSIDE),
    "symlink": ("os.symlink('x', TARGET + '.l')", S.OUTSIDE),
    "mkfifo": ("os.mkfifo(TARGET + '.p')", S.OUTSIDE),
    "posix.mkfifo": ("import posix; posix.mkfifo(TARGET + '.p')", S.OUTSIDE),
    "remove, from a folder's descriptor": (
        "d = os.open(os.getcwd(), os.O_RDONLY); os.remove(os.path.relpath(TARGET), dir_fd=d)",
        S.OUTSIDE,
    ),
    "shutil": ("import shutil; shutil.rmtree(os.path.dirname(TARGET))", S.OUTSIDE),
    "numpy": ("np.zeros(3).tofile(TARGET)", S.OUTSIDE),
    "memmap": ("import numpy; numpy.memmap(TARGET, mode='r+')", S.OUTSIDE),
    "sqlite": ("import sqlite3; sqlite3.connect(':memory:').execute(f'attach {TARGET!r} as x')", S.RAISED),
    "dbm": ("import importlib; importlib.import_module('_dbm').open(TARGET, 'n')", S.RAISED),
    "readline": ("import readline; readline.write_history_file(TARGET)", S.RAISED),
    "read": ("open(TARGET).read()", S.OUTSIDE),
    "read through a folder's descriptor": (
        "d = os.open(os.path.dirname(TARGET), os.O_RDONLY); os.read(os.open(NAME, os.O_RDONLY, dir_fd=d), 9)",
        S.OUTSIDE,
    ),
    "upwards from a folder's descriptor": ("os.open('..', os.O_RDONLY, dir_fd=os.open(os.getcwd(), 0))", S.OUTSIDE),
    "listed": ("os.listdir(os.path.dirname(TARGET))", S.OUTSIDE),
    "walked": ("list(os.scandir(os.path.dirname(TARGET)))", S.OUTSIDE),
    "the command line of the parent": ("open(f'/proc/{os.getppid()}/cmdline').read()", S.OUTSIDE),
    "the environment": ("open('/proc/self/environ').read()", S.OUTSIDE),
    "the folder of the parent": ("os.listdir(f'/proc/{os.getppid()}/cwd/')", S.OUTSIDE),
    "proc by a link": ("os.symlink('/proc', 'p'); open('p/self/status').read()", S.OUTSIDE),
    "proc by dots": ("open('/usr/../proc/self/status').read()", S.OUTSIDE),
    "proc by /dev/fd": ("open('/dev/fd/0').read()", S.OUTSIDE),
    "proc from its folder": ("os.chdir('/proc/self'); open('status').read()", S.OUTSIDE),
    "SIGSTOP by a pidfd": (
        "import signal; signal.pidfd_send_signal(os.pidfd_open(os.getppid()), signal.SIGCONT)",
        S.PROCESS,
    ),
    "pidfd of _signal": ("import _signal; _signal.pidfd_send_signal(0, 18)", S.PROCESS),
    "fork_exec": ("import _posixsubprocess; _posixsubprocess.fork_exec()", S.PROCESS),
    "connect": ("import socket; socket.create_connection(('127.0.0.1', 9))", S.NETWORK),
    "connect, in C": ("import _socket; _socket.socket().connect(('127.0.0.1', 9))", S.NETWORK),
    "bind": ("import socket; socket.socket().bind(('127.0.0.1', 0))", S.NETWORK),
    "sendto": ("import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))", S.NETWORK),
    "a name": ("import socket; socket.getaddrinfo('localhost', 80)", S.NETWORK),
    "a page": ("import urllib.request; urllib.request.urlopen('http://127.0.0.1:9')", S.NETWORK),
    "ctypes": ("import ctypes; ctypes.CDLL(None).getpid()", S.OUTSIDE),
    "ctypes, its own": ("import ctypes; ctypes.pythonapi.Py_IncRef", S.OUTSIDE),
    "ctypes by __import__": ("__builtins__['__import__']('ctypes').string_at(id(np))", S.OUTSIDE),
    "ctypes under a library's name": (
        "exec(compile('import ctypes; ctypes.CDLL(None)', os.__file__, 'exec'))",
        S.OUTSIDE,
    ),
    "ctypes under the name of an import": (
        "code = compile('import ctypes; ctypes.CDLL(None)', 'x', 'exec')\n"
        "exec(code.replace(co_filename='<frozen importlib._bootstrap>'))",
        S.OUTSIDE,
    ),
    "code from bytes": ("import marshal; marshal.loads(marshal.dumps((lambda: 0).__code__))", S.OUTSIDE),
    "another hook": ("import sys; sys.addaudithook(print)", S.OUTSIDE),
}


@linux
@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_is_outside_is_neither_read_nor_changed(grade, name, tmp_path):
    """In the first case only, with the exception swallowed: the incident decides, and the others still count."""
    folder = tmp_path / "home"
    folder.mkdir()
    target = folder / "notes.txt"
    target.write_text("mine")
    before = target.stat()
    code, expected = ELSEWHERE[name]
    lines = "\n".join(f"    {row}" for row in code.splitlines())
    head = f"{HEAD}import os\nTARGET, NAME = {str(target)!r}, 'notes.txt'\n\n\n"
    report = grade(function(f"if x.shape == (1, 1):\n{lines}\nreturn {RIGHT}", head=head))
    assert statuses(report) == [expected, S.PASS, S.PASS, S.PASS], [v.message for v in report.verdicts]
    swallowed = f"if x.shape == (1, 1):\n    try:\n{_deeper(lines)}\n"
    swallowed += f"    except BaseException:\n        pass\nreturn {RIGHT}"
    wanted = S.PASS if expected == S.RAISED else expected
    assert statuses(grade(function(swallowed, head=head)))[0] == wanted
    assert target.read_text() == "mine" and list(folder.iterdir()) == [target]
    assert (target.stat().st_mode, target.stat().st_mtime, target.stat().st_nlink) == (
        before.st_mode,
        before.st_mtime,
        1,
    )


def _deeper(lines: str) -> str:
    return "\n".join(f"    {row}" for row in lines.splitlines())


INSIDE = {  # what an answer may do
    "write and read": "open('a', 'w').write('x'); assert open('a').read() == 'x'",
    "a folder of its own": "os.makedirs('d/e'); open('d/f', 'w').close(); os.rename('d', 'g'); os.remove('g/f')",
    "a temporary file": "import tempfile; tempfile.TemporaryFile().write(b'x'); tempfile.NamedTemporaryFile().close()",
    "nothing": "open(os.devnull, 'w').write('x')",
    "the system's random numbers": "open('/dev/urandom', 'rb').read(4)",
    "a package": "import scipy.special, scipy.optimize, scipy.linalg, scipy.stats",
    "figures": "import matplotlib.pyplot as plt; plt.plot([1]); plt.savefig('a.png')",
    "the data of the package": "import minigen.data.mnist; minigen.data.mnist.load()",
    "save and load": "import numpy; numpy.save('a.npy', x); assert (numpy.load('a.npy') == x).all()",
    "text that is run": "exec('a = 1'); assert eval('1 + 1') == 2; compile('1', 'mine', 'eval')",
    "a named tuple": "import collections as c, dataclasses as d; c.namedtuple('P', 'a'); d.make_dataclass('D', 'a')",
    "a signal to itself": "import signal; os.kill(os.getpid(), signal.SIGCONT)",
}


@pytest.mark.parametrize("name", INSIDE)
def test_what_stays_inside_is_allowed(grade, name):
    head = f"{HEAD}import os\n\n\n"
    body = f"if x.shape == (1, 1):\n    {INSIDE[name]}\nreturn {RIGHT}"
    report = grade(function(body, head=head), Limits(case=20.0, load=20.0))
    assert report.passed, [v.message for v in report.verdicts]


def test_a_worker_is_not_given_the_seed(exercise):
    """Neither in a frame nor in any object, nor in the generator that a driver draws from."""
    seed = 2028467197
    source = function(
        f"""import gc, sys
found, frame = [], sys._getframe()
while frame is not None:
    found += [name for name, value in frame.f_locals.items() if type(value) is int and value == TOKEN + 1]
    rng = frame.f_locals.get("rng")
    if rng is not None:
        found += [str(rng.bit_generator.seed_seq.entropy)] if str(TOKEN + 1) in repr(rng.bit_generator.seed_seq) else []
    frame = frame.f_back
for value in gc.get_objects():
    items = value.values() if type(value) is dict else value if type(value) in (list, tuple) else ()
    found += ["object" for item in list(items) if type(item) is int and item == TOKEN + 1]
assert not found, found
return {RIGHT}""",
        head=f"{HEAD}TOKEN = {seed - 1}\n\n\n",
    )
    report = grade_file(exercise, Submission("gan_90.py", source), LIMITS, seed=seed)
    assert report.passed, [v.message for v in report.verdicts]


@posix
def test_the_files_of_an_answer_have_a_limit_together(grade):
    body = f"""if x.shape == (1, 1):
    for number in range(30):
        open(str(number), 'wb').write(bytes(15 * 2**20))
return {RIGHT}"""
    report = grade(function(body))
    assert statuses(report)[0] == S.DISK and "more than 64 MB" in report.verdicts[0].message


class Stopped:
    """A queue whose first wait takes a day longer than asked, as when the process is stopped meanwhile."""

    def __init__(self, clock, event):
        self.clock, self.event, self.waits = clock, event, 0

    def get(self, timeout):
        self.waits += 1
        self.clock.now += timeout + (86400.0 if self.waits == 1 else 0.0)
        if self.waits < 5:
            raise queue.Empty
        return self.event

    def empty(self):
        return True


@pytest.mark.parametrize("stops", [True, False])
def test_the_time_in_which_this_process_is_stopped_is_not_an_answers(tmp_path, monkeypatch, stops):
    """Without the stop, the same worker is found too late."""
    clock = types.SimpleNamespace(now=1000.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(runner, "time", clock)
    monkeypatch.setattr(runner, "_stopped", 0.0)
    worker = object.__new__(runner._Worker)
    worker.limits, worker.folder, worker.end = LIMITS, str(tmp_path), 2000.0
    worker.process, worker.starvation = (
        types.SimpleNamespace(poll=lambda: None),
        types.SimpleNamespace(since_last=float),
    )
    worker.deadline, worker.starved = worker.end, 0.0
    worker.events = Stopped(clock, runner._End())
    worker._allow(30.0 if stops else 0.25)
    worker.events.waits = 0 if stops else 1
    event = worker._next()
    assert isinstance(event, runner._End) if stops else event is None
    assert runner.running_time() == pytest.approx(clock.now - (86400.0 if stops else 0.0))


@linux
def test_a_check_that_is_stopped_goes_on_where_it_was(tmp_path):
    """The answer takes 2 of its 10 seconds; the process that waits for it is stopped for 14."""
    path = tmp_path / "gan_90.py"
    path.write_text(function(f"import time\nif x.shape == (1, 1):\n    time.sleep(2)\nreturn {RIGHT}"))
    code = f"""import sys
sys.path[:0] = [{str(DATA)!r}, {str(Path(runner.__file__).parents[4])!r}]
from pathlib import Path
from minigen.course.exercise import catalog
from minigen.course.exercise.grading.grade import grade_file
from minigen.course.exercise.grading.runner import Limits
exercise = catalog.find("gan/90/gaussian_nll")[0]
grade_file(exercise, Path({str(path)!r}))
print("ready", flush=True)
print(grade_file(exercise, Path({str(path)!r}), Limits(case=2.0, load=8.0)).status)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout.readline() == "ready\n"
        time.sleep(1.5)
        parent.send_signal(signal.SIGSTOP)
        time.sleep(14)
        parent.send_signal(signal.SIGCONT)
        assert parent.stdout.read() == f"{S.PASS}\n"


def test_the_body_of_the_function_is_nowhere_in_a_worker(grade):
    """Not even for code that watches its module being made."""
    body = f"""import sys
import fakegen.densities
sys.modules.pop("fakegen.densities")
codes = []
sys.setprofile(lambda frame, event, argument: codes.append(frame.f_code))
import fakegen.densities
sys.setprofile(None)
made = [c for code in codes for c in code.co_consts if getattr(c, "co_name", "") == "gaussian_nll"]
assert made and all(c.co_names == ("NotImplementedError",) for c in made), [c.co_names for c in made]
return {RIGHT}"""
    report = grade(function(body))
    assert report.passed, [v.message for v in report.verdicts]


def test_a_module_without_bodies():
    source = "\n".join(
        [
            "def f(x): return x",
            "@keep",
            "def g(",
            "    x,",
            "):",
            '    """What it is."""',
            "    # σ",
            "    return 2 * x",
            "class C:",
            "    def g(self):",
            "        return 1",
            "    def h(self): return 'σ'",
            "if True:",
            "    def k(): return 3",
            "z = 4",
        ]
    )
    text = without_bodies(source, ["f", "g", "C.h", "k"])
    assert len(text.split("\n")) == len(source.split("\n")), "the lines keep their numbers"
    names = {"keep": lambda function: function}
    exec(text, names)
    assert names["z"] == 4 and names["C"]().g() == 1
    for hidden in (lambda: names["f"](1), lambda: names["g"](1), names["C"]().h, names["k"]):
        with pytest.raises(NotImplementedError):
            hidden()
    assert "What it is" not in text and "σ" not in text and "@keep" in text
