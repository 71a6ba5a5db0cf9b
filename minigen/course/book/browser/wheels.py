"""The wheels beside the pages: minigen without what a page does not need, and autograd as it is installed."""

from __future__ import annotations

import ast
import base64
import hashlib
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import minigen
from minigen.course.book.files import archive
from minigen.course.console import UsageError
from minigen.course.index.lessons import lesson_folders, own_modules
from minigen.course.index.package import PACKAGE, without_text

__all__ = ["wheels"]

# Files and folders of minigen that neither a check nor a training nor a cell in a page needs.
LEFT_OUT = (
    "cli.py",
    "__main__.py",
    "classroom/",
    "course/child.py",
    "course/cluster.py",
    "course/commands/",
    "course/data/",
    *(f"course/exercise/grading/{name}.py" for name in ("audit", "bubblewrap", "public", "reaches", "secret")),
    "course/exercise/grading/worker.py",
    "course/exercise/lookup.py",
    "course/exercise/prove.py",
    "course/from_scratch/",
    "course/index/equations.py",
    "course/index/outline.py",
    *(
        f"course/lesson/{name}.py"
        for name in ("changes", "compress", "misfits", "notebook_run", "places", "recorded", "result", "sweep")
    ),
    "course/lesson/sinks/jupyter.py",
    "course/lesson/trained.py",
    "course/lesson/verdicts.py",
    "course/reading/",
    "course/repository.py",
    "course/scripts.py",
    "course/versions.py",
    "zoo/demonstrations/reverse_process.py",
    "zoo/digit_classifier.py",
    "zoo/digit_diffusion.py",
    "zoo/four.py",
    "zoo/quality.py",
    "zoo/weights.py",
    "zoo/workloads.py",
    "course/templates.py",
)
BIBLIOGRAPHY = "course/data/bibliography.toml"
OF_THE_BOOK = (  # of minigen/course/book
    *("__init__.py", "browser/__init__.py", "browser/drawing.py", "browser/page_cells.py", "browser/page_worker.py"),
)


def wheels() -> dict[str, bytes]:
    """Return the wheels that a page loads, by their file names.

    Raises UsageError if autograd is installed in a way in which its files are not known.
    """
    return {
        wheel_name("minigen", minigen.__version__): minigen_wheel(),
        wheel_name("autograd", metadata.version("autograd")): autograd_wheel(),
    }


def minigen_wheel() -> bytes:
    """minigen for the browser: its models and checks, and the exercises of every lesson with their answers.

    The code of the course is without comments and docstrings, which are more than a quarter of it: a page shows none of
    that code. A traceback names the same lines.
    """
    files = {}
    for path in sorted([*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.pyi")]):  # a package's names are in its stub
        inside = path.relative_to(PACKAGE).as_posix()
        if _is_needed(inside):
            text = path.read_text(encoding="utf-8")
            files[f"minigen/{inside}"] = (without_text(text) if inside.startswith("course/") else text).encode()
    files[f"minigen/{BIBLIOGRAPHY}"] = (PACKAGE / BIBLIOGRAPHY).read_bytes()  # a lesson checks its sources
    files["minigen_wasm.py"] = Path(__file__).with_name("numpy_in_wasm.py").read_bytes()
    for folder in lesson_folders("exercise.py"):
        for name in ("exercise.py", "answers.py"):
            if (folder / name).is_file():
                text = _without_equivalents((folder / name).read_text(encoding="utf-8"))
                files[f"minigen/_lessons/{folder.parent.name}/{folder.name}/{name}"] = text.encode()
    files |= {path.name: path.read_bytes() for path in own_modules()}
    return wheel("minigen", minigen.__version__, files)


def _without_equivalents(answers: str) -> str:
    """Return the text of an answers.py without its list of equivalent edits, which only the proofs read."""
    listed = [node for node in ast.parse(answers).body if ast.unparse(node).startswith("EQUIVALENT = ")]
    lines = answers.split("\n")
    for node in listed:
        end = node.end_lineno or node.lineno
        lines[node.lineno - 1 : end] = [""] * (end - node.lineno + 1)  # a traceback names the same lines
    return "\n".join(lines)


def _is_needed(inside: str) -> bool:
    """Whether a file of the package belongs in the browser's wheel, by its path within the package."""
    if inside.startswith("course/book/"):
        return inside.removeprefix("course/book/") in OF_THE_BOOK
    return not inside.startswith((*LEFT_OUT, "_lessons/"))


def autograd_wheel() -> bytes:
    """autograd as it is installed here, with its license. It is pure Python, so the browser can run it as well."""
    found = metadata.distribution("autograd")
    names = [path for path in found.files or [] if path.suffix == ".py" or "licenses" in path.parts]
    files = {path.as_posix(): Path(str(found.locate_file(path))).read_bytes() for path in names}
    if not files:
        raise UsageError("autograd is not installed as a package whose files are known; install it with pip")
    return wheel("autograd", found.version, files)


def wheel_name(name: str, version: str) -> str:
    """Return the file name of a wheel of pure Python: "minigen-0.4-py3-none-any.whl"."""
    return f"{name}-{version}-py3-none-any.whl"


def wheel(name: str, version: str, files: Mapping[str, bytes]) -> bytes:
    """Return a wheel of pure Python, whose bytes depend on the files alone."""
    info = f"{name}-{version}.dist-info"
    about = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: minigen\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    everything = dict(sorted(files.items())) | about
    record = [
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}"
        for path, data in everything.items()
    ]
    everything[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    return archive(everything)
