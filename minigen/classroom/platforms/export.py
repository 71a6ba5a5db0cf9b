"""The package for other machines: what graders need, without data sets, and a wheel with what students need."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import importlib.metadata
import json
import re
import shutil
import stat
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import minigen
from minigen.classroom.assignment import Assignment, given
from minigen.classroom.private.declaration import FILE_NAME
from minigen.course.console import INSTALL_CLASSROOM, UsageError
from minigen.course.index.lessons import full_id, lesson_folders, own_modules
from minigen.course.index.names import find_lesson, has_lesson
from minigen.course.index.package import PACKAGE
from minigen.course.repository import DISTRIBUTION

__all__ = ["copy_package", "requirements", "write_executable", "write_grader", "write_wheel"]

NEEDED = ("numpy", "autograd", "scipy", "matplotlib", "tqdm", "threadpoolctl", "filelock")
PICTURES = (".webp", ".png", ".mp4", ".js", ".md")  # of a recorded run, and the page that shows them
KATEX = "katex.zip"  # which only the book needs
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "*.npz", "_lessons")


def copy_package(folder: Path) -> None:
    """Copy the package to `folder`/minigen, with the exercises of all lessons and without private variants.

    Their known mistakes are copied, too: hints are found by them.
    """
    shutil.copytree(PACKAGE, folder / "minigen", ignore=LEFT_OUT)
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        text = _license(importlib.metadata.distribution(DISTRIBUTION))
        (folder / "minigen" / "LICENSE").write_text(text, encoding="utf-8")
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
    settings = {
        "slug": assignment.slug,
        "seeds": list(seeds),
        "visibility": assignment.visibility,
        "private": given(assignment, seeds),
    }
    (folder / "seeds.json").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "requirements.txt").write_text(requirements(["nbformat", "jsonschema"]), encoding="utf-8")
    copy_package(folder / "package")


def write_wheel(folder: Path, assignment: Assignment) -> str:
    """Write what an assignment needs of the package as a wheel that pip installs; its name.

    It has the exercises of all lessons, so that last week's answers can still be checked, and the lessons of the
    assignment's exercises with the data that these lessons load, to train with the answers. Its version names the
    assignment and changes with what is in it, so that pip puts it in the place of another one. Private variants are
    left out, because they hold the answers of an exam.

    Raises UsageError if the package itself is not installed, so that nothing tells what it requires.
    """
    try:
        installed = importlib.metadata.distribution(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        message = "the wheel for students needs minigen itself to be installed: python -m pip install -e ."
        raise UsageError(message) from None
    contents = {name: path.read_bytes() for name, path in sorted(_needed(assignment).items())}
    digest = hashlib.sha256()
    for name, data in contents.items():
        digest.update(f"{name}\0{hashlib.sha256(data).hexdigest()}\0".encode())
    label = ".".join(re.findall(r"[a-z0-9]+", assignment.slug.lower()) or ["class"])
    version = f"{minigen.__version__.partition('+')[0]}+{label}.{digest.hexdigest()[:8]}"
    own = contents["minigen/__init__.py"].decode()
    contents["minigen/__init__.py"] = own.replace(f'"{minigen.__version__}"', f'"{version}"').encode()
    stem = f"{DISTRIBUTION.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    texts = {
        "METADATA": _metadata(installed, version),
        "WHEEL": "Wheel-Version: 1.0\nGenerator: minigen\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "entry_points.txt": "[console_scripts]\nminigen = minigen.cli:main\n",
        "licenses/LICENSE": _license(installed),
    }
    contents |= {f"{info}/{name}": text.encode() for name, text in texts.items()}
    name, record = f"{stem}-py3-none-any.whl", []
    with zipfile.ZipFile(folder / name, "w") as wheel:
        for inner, data in contents.items():
            how = zipfile.ZIP_STORED if inner.endswith((".npz", ".webp", ".zip")) else zipfile.ZIP_DEFLATED
            wheel.writestr(inner, data, how, compresslevel=6)
            sha256 = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{inner},sha256={sha256},{len(data)}\n")
        wheel.writestr(f"{info}/RECORD", "".join([*record, f"{info}/RECORD,,\n"]))
    return name


def _metadata(installed: importlib.metadata.Distribution, version: str) -> str:
    """Return what pip reads of the wheel: what it requires, with its extras."""
    head = f"Metadata-Version: 2.4\nName: {DISTRIBUTION}\nVersion: {version}\n"
    head += "License-Expression: MIT\nLicense-File: LICENSE\n"
    python = f"Requires-Python: {installed.metadata['Requires-Python']}\n"
    extras = [extra for extra in installed.metadata.get_all("Provides-Extra") or () if extra != "test"]
    needs = [need for need in installed.requires or () if not re.search(r"extra == .test", need)]
    lines = [*(f"Requires-Dist: {need}\n" for need in needs), *(f"Provides-Extra: {extra}\n" for extra in extras)]
    return f"{head}{python}{''.join(lines)}"


def _license(installed: importlib.metadata.Distribution) -> str:
    """Return the licence, which every copy of the package has."""
    checkout = PACKAGE.parent / "LICENSE"
    kept = installed.read_text("licenses/LICENSE")
    return kept or (checkout.read_text(encoding="utf-8") if checkout.exists() else "")


def _needed(assignment: Assignment) -> dict[str, Path]:
    """Return the files of the wheel by their places in it."""
    named = {assigned.exercise.lesson for assigned in assignment.exercises}
    lessons = [find_lesson(lesson) for lesson in named if has_lesson(lesson)]
    data = {f"{name}.npz" for lesson in lessons for name in lesson.pretrained}
    if any("mnist" in each.source.text for each in lessons):
        data.add("mnist.npz")
    files = {
        path.relative_to(PACKAGE.parent).as_posix(): path
        for path in _files(PACKAGE)
        if "_lessons" not in path.relative_to(PACKAGE).parts
        and path.name != KATEX
        and (path.suffix != ".npz" or path.name in data)
    }
    for lesson in lesson_folders("exercise.py"):
        for name in ("exercise.py", "answers.py"):
            if (lesson / name).exists():
                files[f"minigen/_lessons/{full_id(lesson)}/{name}"] = lesson / name
    for each in lessons:
        for path in _files(each.path.parent):
            inner = path.relative_to(each.path.parent)
            if path.name != FILE_NAME and path.suffix not in PICTURES:
                files[f"minigen/_lessons/{each.id}/{inner.as_posix()}"] = path
    return files | {path.name: path for path in own_modules()}


def _files(folder: Path) -> list[Path]:
    paths = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return [path for path in paths if not path.relative_to(folder).parts[0].startswith(".")]


def write_executable(path: Path, text: str) -> None:
    """Write a text file, with line breaks of Unix, that its owner and others may run."""
    path.write_text(text, encoding="utf-8", newline="\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
