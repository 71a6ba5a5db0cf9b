"""What surrounds the student's code in a worker process.

* `set_limits`: CPU time, memory, size of files, number of processes, where the system has such limits.
* `Hider`: the function of the exercise cannot be reached by name. Whenever its module is imported, the function in it
  is replaced by a stand-in before other code can reach it, and the module's source can no longer be opened.
* `NumpyKeeper`: NumPy as it was; whatever the student's file replaced is put back and reported.
* `install_hooks`: files that hold the answer cannot be opened, and starting another process raises; so does running
  code in one, and importing what makes another interpreter in this process, which would have no such hooks.

This keeps accidents and casual cheating out. It is no wall against hostile code, which shares the process and the user:
for that, run the whole check in a container as another user.
"""

from __future__ import annotations

import builtins
import importlib.abc
import importlib.machinery
import os
import sys
import types
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.outcome import PackageAnswer, Stopped

resource: types.ModuleType | None
try:
    import resource
except ImportError:  # Windows has no such limits: the parent's clock and its cap on output remain
    resource = None


# ------------------------------------------------------------------------------------------- limits


def set_limits(cpu_seconds: float, memory_bytes: int, file_bytes: int) -> list[str]:
    """Set the limits that exist here; return the names of those that do not."""
    if resource is None:
        return ["cpu", "memory", "file size", "processes"]
    missing = ["memory"] if sys.platform == "darwin" else []  # accepted there, but not enforced
    wanted = {
        "cpu": ("RLIMIT_CPU", int(cpu_seconds) + 1),
        "memory": ("RLIMIT_AS", memory_bytes),
        "file size": ("RLIMIT_FSIZE", file_bytes),
        "processes": ("RLIMIT_NPROC", 0),  # does not apply to root
        "core": ("RLIMIT_CORE", 0),
    }
    for name, (constant, value) in wanted.items():
        try:
            which = getattr(resource, constant)
            hard = resource.getrlimit(which)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(which, (value, value))
        except (AttributeError, ValueError, OSError):
            missing.append(name)
    return missing


# ------------------------------------------------------------------------------------------- the hidden reference


def stand_in(target: str, report: Callable[[str, str], None] | None = None) -> Callable:
    """A function that only raises; `report` is called even if the exception is swallowed."""

    def hidden(*args: Any, **kwargs: Any) -> NoReturn:
        message = f"your code calls {target.replace(':', '.')}, which is the function that you are asked to write"
        if report is not None:
            report(status.PACKAGE_ANSWER, message)
        raise PackageAnswer(message)

    hidden.__name__ = hidden.__qualname__ = target.rpartition(":")[2].rpartition(".")[2]
    return hidden


def _gone(*args: Any, **kwargs: Any) -> NoReturn:
    from minigen.course.exercise.grading.outcome import PackageAnswer

    raise PackageAnswer("your code calls the function that you are asked to write")


def replace_in(module: types.ModuleType, path: str, value: Callable) -> Any:
    """Set `module.Class.method`, and return what it was; do nothing if there is no such thing."""
    *outer, name = path.split(".")
    owner: Any = module
    for part in outer:
        owner = getattr(owner, part, None)
    original = getattr(owner, name, None)
    if original is not None:
        setattr(owner, name, value)
    return original


class _HidingLoader(importlib.abc.Loader):
    """Runs a module as `run` does, which takes the hidden functions out of it; else as its own loader."""

    def __init__(self, loader: importlib.abc.Loader, run: Callable[[types.ModuleType, importlib.abc.Loader], None]):
        self.create_module = loader.create_module  # type: ignore[method-assign]
        self.exec_module = lambda module: run(module, loader)  # type: ignore[method-assign]


class Hider(importlib.abc.MetaPathFinder):
    """Finds the modules of the hidden functions, so that they are loaded without them.

    What it knows stands in no attribute, where `sys.meta_path[0].sources.clear()` would reach it.
    """

    def __init__(self, targets: Iterable[str], files: Iterable[str], report: Callable[[str, str], None]):
        of_module: dict[str, list[str]] = {}
        for target in targets:
            of_module.setdefault(target.partition(":")[0], []).append(target)
        sources = frozenset(_tail(file) for file in files)
        loading = 0

        def run(module: types.ModuleType, loader: importlib.abc.Loader) -> None:
            nonlocal loading
            loading += 1
            try:
                loader.exec_module(module)
            finally:
                loading -= 1
            for target in of_module[module.__name__]:
                original = replace_in(module, target.partition(":")[2], stand_in(target, report))
                original = getattr(original, "formula", original)  # of `checked`, whose wrapper calls it
                if isinstance(original, types.FunctionType) and not original.__closure__:
                    original.__code__ = _gone.__code__  # wherever else it is kept, in a table or a default, it is empty

        def find_spec(
            fullname: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
        ) -> importlib.machinery.ModuleSpec | None:
            if fullname not in of_module:
                return None
            spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
            if spec is None or spec.loader is None:
                return None
            spec.loader = _HidingLoader(spec.loader, run)
            return spec

        def forbids(path: Any) -> bool:
            if loading or not isinstance(path, (str, bytes, os.PathLike)) or not sources:
                return False
            try:
                return _tail(os.path.realpath(os.fsdecode(path))) in sources
            except (OSError, ValueError):
                return False

        self.find_spec, self.forbids = find_spec, forbids  # type: ignore[method-assign]


def _tail(file: str) -> tuple[str, ...]:
    """The end of a path by which a file is known, its compiled form and other copies of it too: its folder and name."""
    *folders, name = os.path.realpath(file).replace(os.sep, "/").split("/")
    folders = [folder for folder in folders if folder != "__pycache__"]
    return (*folders[-1:], name.partition(".")[0])


PROCESS_EVENTS = frozenset(
    [
        "subprocess.Popen",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.system",
        "os.exec",
        "pty.spawn",
        "os.startfile",
    ]
)
INTERPRETERS = frozenset(["_interpreters", "_xxsubinterpreters", "_testcapi", "_testinternalcapi"])


def install_hooks(hider: Hider, report: Callable[[str, str], None]) -> None:
    """Refuse to read the reference, and to start or end processes. An audit hook cannot be removed."""
    forbids = hider.forbids

    def hook(event: str, arguments: tuple) -> None:
        if event in ("open", "os.link", "os.rename"):
            if forbids(arguments[0]):
                raise PackageAnswer("your code opens the file that holds the answer")
        elif event in ("os.kill", "os.killpg"):
            if arguments[0] != os.getpid():
                message = "your code sends a signal to another process"
                report(status.PROCESS, message)
                raise Stopped(status.PROCESS, message)
        elif event == "sys.remote_exec":  # from Python 3.14 on
            message = "your code makes another process run a file"
            report(status.PROCESS, message)
            raise Stopped(status.PROCESS, message)
        elif event in PROCESS_EVENTS:
            message = "your code starts another process; a check runs in one"
            if _asks_about_the_system(sys._getframe(1)):
                raise PermissionError(message)  # which these modules expect, and do without
            report(status.PROCESS, message)
            raise Stopped(status.PROCESS, message)
        elif event == "import" and arguments[0] in INTERPRETERS:  # `concurrent.futures` tries to, and does without
            raise ImportError(f"a check has one interpreter: {arguments[0]} is not available in it")

    for name in INTERPRETERS:  # also where they are built in, whose import has no event
        sys.modules[name] = None  # type: ignore[assignment]
    sys.addaudithook(hook)


def _asks_about_the_system(frame: types.FrameType | None) -> bool:
    """Whether a process is started by a module that only queries the machine: its fonts, its processor."""
    while frame is not None and frame.f_globals.get("__name__") == "subprocess":
        frame = frame.f_back
    name = frame.f_globals.get("__name__", "") if frame is not None else ""
    return name == "platform" or name.partition(".")[0] == "matplotlib"


def no_input(*args: Any) -> NoReturn:
    """Stands for `input`."""
    raise Stopped(status.INPUT, "your code calls input(); there is no keyboard in a check")


# ------------------------------------------------------------------------------------------- NumPy as it was


class NumpyKeeper:
    """Records what NumPy's modules hold, and puts back what has been replaced."""

    NAMES = (
        "numpy",
        "numpy.linalg",
        "numpy.random",
        "autograd.numpy",
        "autograd.numpy.linalg",
        "minigen.tensor",
        "math",
    )

    def __init__(self, report: Callable[[str, str], None]):
        self.report = report
        self.modules = [sys.modules[name] for name in self.NAMES if name in sys.modules] + [builtins]
        self.kept = [dict(vars(module)) for module in self.modules]

    def restore(self) -> None:
        for module, kept in zip(self.modules, self.kept, strict=True):
            now = module.__dict__
            for name, value in kept.items():
                if now.get(name) is not value and name not in ("__warningregistry__", "_"):
                    now[name] = value
                    self.report(
                        status.PATCHED_NUMPY,
                        f"your code replaces {module.__name__}.{name}; leave it as it is (it was put back)",
                    )
