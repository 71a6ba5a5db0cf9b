"""What all tests share.

One BLAS thread for each test process (they run in parallel), no window system, a measurement of what each test costs
where that is asked for, and small lessons to try things on.
"""

import contextlib
import os
import shutil
import signal
from pathlib import Path

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # before NumPy is imported
    os.environ.setdefault(_name, "1")
os.environ["MPLBACKEND"] = "Agg"
os.environ["MINIGEN_STRICT"] = "1"  # a lesson with uncommitted changes is judged as any other
os.environ.pop("MINIGEN_LESSONS", None)
for _name in ("FORCE_COLOR", "PYTHON_COLORS"):  # from 3.14 on, they color the help that tests compare
    os.environ.pop(_name, None)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as where a shell starts the tests in the background
    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, signal.default_int_handler)  # for Ctrl-C in tests, and in programs that they start

ROOT = Path(__file__).resolve().parent.parent
# programs that tests start find the same minigen
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])

import pytest  # noqa: E402


def pytest_configure(config):
    """Measure what the tests cost, into the folder that MINIGEN_TEST_COSTS names, if it is set; see tests/costs.py."""
    folder = os.environ.get("MINIGEN_TEST_COSTS")
    if folder:
        from tests.costs import Costs

        if not hasattr(config, "workerinput"):  # the first process: others, if there are any, write beside it
            for old in Path(folder).glob("*.json"):
                old.unlink()
        config.pluginmanager.register(Costs(Path(folder)))


@pytest.fixture
def without_hook(tmp_path, monkeypatch):
    """Workers without their audit hook, as if an answer had got around it: what the parent does must hold as well."""
    from minigen.course.exercise.grading import runner, sandbox

    folder = tmp_path / "worker"
    folder.mkdir()
    text = runner.WORKER.read_text(encoding="utf-8")
    assert text.count("audit.install(") == 1
    (folder / "worker.py").write_text(text.replace("audit.install(", "(lambda *_: None)("), encoding="utf-8")
    readable = sandbox.readable
    monkeypatch.setattr(runner, "WORKER", folder / "worker.py")
    monkeypatch.setattr(sandbox, "readable", lambda *given: [*readable(*given), str(folder)])


LESSON = """\
# %% [markdown]
# # {title}
# A small lesson for the tests.

# %%
from minigen.course import Lesson

lesson = Lesson("{id}", title="{title}", post="{post}", sections={sections}, figures=[], equations={equations},
minutes=0.5)

# %%
{body}

# %%
lesson.finish()
"""


@pytest.fixture
def write_lesson(tmp_path, monkeypatch):
    """write_lesson(id, body): a lesson file in a folder of lessons of its own, which `minigen` then sees."""
    root = tmp_path / "lessons"
    root.mkdir()
    monkeypatch.setenv("MINIGEN_LESSONS", f"{root}{os.pathsep}-")
    monkeypatch.setenv("MINIGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)

    def write(id, body="pass", title="A lesson", sections=(), equations=()):
        path = root / id / "lesson.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        post, sections, equations = id.split("/")[0], list(sections), list(equations)
        text = LESSON.format(id=id, body=body, title=title, post=post, sections=sections, equations=equations)
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def without_posix(tmp_path):
    """The environment of a Python that lacks what only POSIX systems have, as do the processes that it starts."""
    if os.name != "posix":
        pytest.skip("nothing has to be taken away here")
    folder = tmp_path / "without"
    folder.mkdir()
    shutil.copy(ROOT / "tests" / "without_posix.py", folder / "sitecustomize.py")
    return {"PYTHONPATH": os.pathsep.join([str(folder), os.environ["PYTHONPATH"]])}


@pytest.fixture(scope="session")
def root():
    """The folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def hint_three():
    """The function lesson id -> the file of its stubs, each completed by the code of its last hint as it stands."""
    from minigen.course.exercise import catalog, stubs

    def completed(lesson: str) -> str:
        exercises = catalog.exercises_of(lesson)
        return stubs.completed(stubs.stub_file(exercises), {exercise.name: exercise.hints[2] for exercise in exercises})

    return completed
