"""What surrounds the student's code in a worker process.

* `set_limits`: CPU time, memory, size of files, number of processes, where the system has such limits.
* `Hider`: the function of the exercise cannot be reached. Whenever its module is imported, it is made of a text without
  the function's body, and the function in it is a stand-in. What may be opened is decided by `audit`.
* `NumpyKeeper`: NumPy as it was; whatever the student's file replaced is put back and reported.

This keeps accidents and casual cheating out. It is no wall against hostile code, which shares the process and the user:
for that, `bubblewrap` puts a sandbox around the whole process.
"""

from __future__ import annotations

import builtins
import importlib.abc
import importlib.machinery
import os
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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


# ------------------------------------------------------------------------------------------- what may be read

INSTALLED = ("site-packages", "dist-packages")


def readable(paths: Iterable[str], packages: Iterable[str]) -> Iterator[str]:
    """Python itself, folders of installed packages, and of other folders in `paths` single `packages`."""
    for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix):
        if not prefix.startswith("/usr"):
            yield prefix
    for root in paths:
        if root.rstrip("/").endswith(INSTALLED):
            if os.path.isdir(root):
                yield root
            continue
        for package in packages:
            for path in (os.path.join(root, package), os.path.join(root, f"{package}.py")):
                if os.path.exists(path):
                    yield path


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
    """Runs a module from a text in which the hidden functions are empty, and then replaces them."""

    def __init__(self, text: str, run: Callable[[types.ModuleType, str], None]):
        self.exec_module = lambda module: run(module, text)  # type: ignore[method-assign]


class Hider(importlib.abc.MetaPathFinder):
    """Finds the modules of the hidden functions, so that they are loaded without them.

    texts: the source of these modules, by name, in which the bodies of the hidden functions are left out; so the answer
    is never in this process. What this knows is in no attribute.
    """

    def __init__(self, targets: Iterable[str], texts: Mapping[str, str], report: Callable[[str, str], None]):
        of_module: dict[str, list[str]] = {}
        for target in targets:
            of_module.setdefault(target.partition(":")[0], []).append(target)

        def run(module: types.ModuleType, text: str) -> None:
            exec(compile(text, module.__file__ or "", "exec", dont_inherit=True), module.__dict__)
            for target in of_module[module.__name__]:
                original = replace_in(module, target.partition(":")[2], stand_in(target, report))
                original = getattr(original, "formula", original)  # of `checked`, whose wrapper calls it
                if isinstance(original, types.FunctionType) and not original.__closure__:
                    original.__code__ = _gone.__code__  # wherever else it is kept, in a table or a default

        def find_spec(
            fullname: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
        ) -> importlib.machinery.ModuleSpec | None:
            if fullname not in of_module:
                return None
            spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
            if spec is not None and fullname in texts:
                spec.loader = _HidingLoader(texts[fullname], run)
            return spec

        self.find_spec = find_spec  # type: ignore[method-assign]


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
