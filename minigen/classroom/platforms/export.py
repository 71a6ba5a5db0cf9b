"""The package for other machines: what graders need, without data sets, and the whole of it as a wheel for students."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import json
import shutil
import stat
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import minigen
from minigen.classroom.assignment import Assignment, given
from minigen.classroom.private.declaration import FILE_NAME
from minigen.course.console import INSTALL_CLASSROOM, UsageError
from minigen.course.index.lessons import full_id, lesson_folders, lessons_roots, own_modules
from minigen.course.index.package import PACKAGE
from minigen.course.repository import DISTRIBUTION

__all__ = ["copy_package", "requirements", "write_executable", "write_grader", "write_wheel"]

NEEDED = ("numpy", "autograd", "scipy", "matplotlib", "tqdm", "threadpoolctl", "filelock")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "*.npz", "_lessons")


def copy_package(folder: Path) -> None:
    """Copy the package to `folder`/minigen, with the exercises of all lessons and without private variants.

    Their known mistakes are copied, too: hints are found by them.
    """
    shutil.copytree(PACKAGE, folder / "minigen", ignore=LEFT_OUT)
    for path in own_modules():
        shutil.copyfile(path, folder / path.name)
    for lesson in lesson_folders("exercise.py"):
        target = folder / "minigen" / "_lessons" / full_id(lesson)
        target.mkdir(parents=True)
        for name in ("exercise.py", "answers.py"):
            if (lesson / name).exists():
                shutil.copyfile(lesson / name, target / name)


def requirements(extra: Iterable[str] = ()) -> str:
    """Return the packages that a grader needs, in the versions that are installed here, so that both give the same
    grades.

    Raises UsageError for a package that is not installed.
    """
    try:
        return "".join(f"{name}=={importlib.metadata.version(name)}\n" for name in (*NEEDED, *extra))
    except importlib.metadata.PackageNotFoundError as error:
        message = f"its grader needs {error.name}: {INSTALL_CLASSROOM}"
        raise UsageError(message) from None


def write_grader(folder: Path, assignment: Assignment, seeds: Sequence[int]) -> None:
    """Write what `remote` reads: the assignment with its declared files and seeds, the package and what it requires."""
    folder.mkdir(parents=True)
    (folder / "assignment.toml").write_text(assignment.text, encoding="utf-8")
    for name, data in assignment.files.items():
        (folder / name).write_bytes(data)
    settings = {"seeds": list(seeds), "visibility": assignment.visibility, "private": given(assignment, seeds)}
    (folder / "seeds.json").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "requirements.txt").write_text(requirements(["nbformat", "jsonschema"]), encoding="utf-8")
    copy_package(folder / "package")


def write_wheel(folder: Path) -> str:
    """Write the whole package, with lessons and data sets, as a wheel that pip installs; its name.

    The declarations of private variants are left out, because they hold the answers of an exam.

    Raises UsageError if the package itself is not installed, so that nothing tells what it requires.
    """
    try:
        installed = importlib.metadata.distribution(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        message = "the wheel for students needs minigen itself to be installed: python -m pip install -e ."
        raise UsageError(message) from None
    files = {
        path.relative_to(PACKAGE.parent).as_posix(): path
        for path in _files(PACKAGE)
        if "_lessons" not in path.relative_to(PACKAGE).parts
    }
    for root in reversed(lessons_roots()):
        files |= {
            f"minigen/_lessons/{path.relative_to(root).as_posix()}": path
            for path in _files(root)
            if path.name != FILE_NAME
        }
    files |= {path.name: path for path in own_modules()}
    stem = f"{DISTRIBUTION.replace('-', '_')}-{minigen.__version__}"
    info = f"{stem}.dist-info"
    needs = [f"Requires-Dist: {need}\n" for need in installed.requires or () if "extra ==" not in need]
    python = f"Requires-Python: {installed.metadata['Requires-Python']}\n"
    head = f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: {minigen.__version__}\n{python}{''.join(needs)}"
    texts = {
        "METADATA": head,
        "WHEEL": "Wheel-Version: 1.0\nGenerator: minigen\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "entry_points.txt": "[console_scripts]\nminigen = minigen.cli:main\n",
    }
    name, record = f"{stem}-py3-none-any.whl", []
    with zipfile.ZipFile(folder / name, "w") as wheel:
        contents = {name: path.read_bytes() for name, path in sorted(files.items())}
        for inner, data in {**contents, **{f"{info}/{key}": text.encode() for key, text in texts.items()}}.items():
            how = zipfile.ZIP_STORED if inner.endswith((".npz", ".png", ".zip")) else zipfile.ZIP_DEFLATED
            wheel.writestr(inner, data, how, compresslevel=1)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{inner},sha256={digest},{len(data)}\n")
        wheel.writestr(f"{info}/RECORD", "".join([*record, f"{info}/RECORD,,\n"]))
    return name


def _files(folder: Path) -> list[Path]:
    paths = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return [path for path in paths if not path.relative_to(folder).parts[0].startswith(".")]


def write_executable(path: Path, text: str) -> None:
    """Write a text file, with line breaks of Unix, that its owner and others may run."""
    path.write_text(text, encoding="utf-8", newline="\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
