"""Python in the pages of the book: the data of an exercise's box, and the files that a reader's browser loads.

    data = exercise_data(exercise)                  # for the box of one exercise
    source = python_source("https://...")           # the value of `--python`, checked
    write_python(source, Path("build/book"))        # the folder `_python` beside the pages

`_python/python.json` lists all that the worker may load, with the hash of each file: Pyodide, from its public
address or from the folder itself, and two wheels that are made here: minigen without what a check does not need (MNIST,
plots, the classroom), and autograd as it is installed. The worker loads nothing else, from nowhere else.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import urllib.parse
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import minigen
from minigen.course import index
from minigen.course.console import UsageError
from minigen.course.exercise import stubs
from minigen.course.exercise.format import Exercise
from minigen.zoo.demonstrations.table import DEMONSTRATIONS

__all__ = ["PUBLIC", "PythonSource", "exercise_data", "minigen_wheel", "python_source", "write_python"]

PYODIDE = "0.27.7"
PUBLIC = f"https://cdn.jsdelivr.net/pyodide/v{PYODIDE}/full/"
FOLDER = "_python"
COLUMN = 78  # letters of a line of code that fit into a page

# sha256 of what every page loads, as the npm package pyodide has it. NumPy, SciPy and what they need stand with their
# hashes in pyodide-lock.json beside this file: that of the distribution, without its other packages.
CORE = {
    "pyodide.mjs": "04c052c815abb0bf2981fa38c2dfa58e3120ee5288c956df2b2a15e301782c5f",
    "pyodide.asm.js": "6b4c90de5b7172873f04f21884d0e9d2274e305fe32116558fe3e4fbe3618d51",
    "pyodide.asm.wasm": "a50dd1843f805a0b7c45b61037ee0d7b26dfe85efe0e18ef95a34ad24e401f5f",
    "python_stdlib.zip": "16611534726e5d8ac2bd8f926410b2dcb8d6f49aa24913463533b457a2115c16",
}
LOCK = Path(__file__).with_name("pyodide-lock.json")

# Their references, or what stands beside them, compute with SciPy. A page loads it for other answers only when they
# import it themselves; the test that checks all exercises in Node notices when this list is wrong.
NEED_SCIPY = {
    *("gan/01/kl_divergence", "gan/01/js_divergence", "gan/01/kl_normal"),
    *("gan/07/mode_coverage", "gan/08/mmd", "diffusion/07/hybrid_loss"),
}

# Of minigen's package, what neither a check nor a training in the page uses.
LEFT_OUT = (
    "cli.py",
    "__main__.py",
    "plot/",
    "course/classroom/",
    "course/commands/",
    "course/data/",
    "course/sweep.py",
    "zoo/digit_classifier.py",
    "zoo/digit_diffusion.py",
    "zoo/four.py",
    "zoo/workloads.py",
)
OF_THE_BOOK = ("__init__.py", "in_browser.py")  # what a page does use of minigen/course/book


# ------------------------------------------------------------------------------------------- the box of an exercise


def exercise_data(exercise: Exercise) -> dict[str, Any]:
    """The data of the box of an exercise: its names and points, its stub, its hints.

    imports: lines that have been run before the answer. scipy: whether its check needs SciPy. train: whether the page
    can train with the answer.
    """
    return {
        "id": exercise.id,
        "name": exercise.name,
        "lesson": exercise.lesson,
        "points": exercise.points,
        "minutes": exercise.minutes,
        "imports": stubs.imports([exercise]),
        "stub": stubs.stub(exercise, COLUMN),
        "hints": list(exercise.hints),
        "scipy": exercise.id in NEED_SCIPY,
        "train": exercise.id in DEMONSTRATIONS,
    }


# ------------------------------------------------------------------------------------------- where Pyodide comes from


@dataclass(frozen=True)
class PythonSource:
    """Where a page gets Pyodide from: an address, or a folder whose files are copied beside the pages, or neither."""

    address: str = ""
    folder: Path | None = None

    @property
    def none(self) -> bool:
        """Whether the pages do without Python."""
        return not self.address and self.folder is None


def python_source(choice: str = PUBLIC) -> PythonSource:
    """The source that `--python` names: an address, the folder of a Pyodide distribution, or "none".

    The address is not visited: the worker checks every file that it gets from there. Raises UsageError for what is no
    address and for a folder in which a file is missing or not that of Pyodide 0.27.7.
    """
    if choice == "none":
        return PythonSource()
    if "://" in choice:
        return PythonSource(address=_address(choice))
    folder = Path(choice)
    if not folder.is_dir():
        raise UsageError(f"--python {choice}: there is no such folder; give a folder, an address (https://...) or none")
    for name, wanted in pyodide_files().items():
        try:
            found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        except OSError as error:
            raise UsageError(f"--python {choice}: {name} of Pyodide {PYODIDE}: {error.strerror or error}") from None
        if found != wanted:
            raise UsageError(f"--python {choice}: {name} is not that of Pyodide {PYODIDE}, with which the book works")
    return PythonSource(folder=folder)


def _address(text: str) -> str:
    """An address that ends in a slash. Raises UsageError if it is none."""
    try:
        parts = urllib.parse.urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and not parts.query and not parts.fragment
        parts.port  # noqa: B018  (raises ValueError if it is no number)
    except ValueError:
        usable = False
    if not usable or any(letter.isspace() for letter in text):
        raise UsageError(f"--python {text}: an address of Pyodide {PYODIDE} looks like {PUBLIC}")
    return text if text.endswith("/") else f"{text}/"


@cache
def pyodide_lock() -> dict[str, Any]:
    """The packages that a page may load, as Pyodide's own list has them."""
    return json.loads(LOCK.read_text(encoding="utf-8"))


def pyodide_files() -> dict[str, str]:
    """Every file of Pyodide that a page may load, with its sha256."""
    packages = pyodide_lock()["packages"].values()
    return CORE | {package["file_name"]: package["sha256"] for package in packages}


# ------------------------------------------------------------------------------------------- the files beside the pages


def write_python(source: PythonSource, out: Path) -> None:
    """Write the folder `_python` of a book: the wheels, what the worker may load, and Pyodide if it is in a folder.

    Files that are there and the same are not written again; without Python a folder of before is removed. Raises
    UsageError if something cannot be read or written.
    """
    folder = out / FOLDER
    try:
        if source.none:
            shutil.rmtree(folder, ignore_errors=True)
            return
        wheels = {wheel_name("minigen", minigen.__version__): minigen_wheel()}
        wheels[wheel_name("autograd", metadata.version("autograd"))] = autograd_wheel()
        lock = (json.dumps(pyodide_lock(), indent=1) + "\n").encode()
        manifest = {
            "version": PYODIDE,
            "base": source.address or "pyodide/",
            "files": {name: integrity(bytes.fromhex(digest)) for name, digest in pyodide_files().items()},
            "lock": integrity(hashlib.sha256(lock).digest()),
            "wheels": {name: integrity(hashlib.sha256(data).digest()) for name, data in wheels.items()},
        }
        wanted = {"python.json": (json.dumps(manifest, indent=1) + "\n").encode(), "lock.json": lock, **wheels}
        if source.folder is not None:
            wanted |= {f"pyodide/{name}": (source.folder / name).read_bytes() for name in pyodide_files()}
        _write_all(folder, wanted)
    except OSError as error:
        raise UsageError(f"cannot write Python for the book to {folder}: {error.strerror or error}") from error


def _write_all(folder: Path, wanted: Mapping[str, bytes]) -> None:
    """Make a folder hold these files and no others; what is the same already is left alone."""
    for path in list(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder).as_posix() not in wanted:
            path.unlink()
    for name, data in wanted.items():
        path = folder / name
        if not (path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def integrity(digest: bytes) -> str:
    """A sha256 in the form that a browser requires."""
    return f"sha256-{base64.b64encode(digest).decode()}"


# ------------------------------------------------------------------------------------------- the wheels


def minigen_wheel() -> bytes:
    """minigen for the browser: its models and checks, and the exercises of every lesson with their answers."""
    files = {}
    for path in sorted(index.PACKAGE.rglob("*.py")):
        inside = path.relative_to(index.PACKAGE).as_posix()
        if _is_needed(inside):
            files[f"minigen/{inside}"] = path.read_bytes()
    files["minigen_wasm.py"] = Path(__file__).with_name("wasm.py").read_bytes()
    for folder in index.folders("exercise.py"):
        for name in ("exercise.py", "answers.py"):
            if (folder / name).is_file():
                files[f"minigen/_lessons/{folder.parent.name}/{folder.name}/{name}"] = (folder / name).read_bytes()
    return wheel("minigen", minigen.__version__, files)


def _is_needed(inside: str) -> bool:
    """Whether a file of the package belongs into the browser's wheel, by its path within the package."""
    if inside.startswith("course/book/"):
        return inside.rpartition("/")[2] in OF_THE_BOOK
    return not inside.startswith((*LEFT_OUT, "_lessons/"))


def autograd_wheel() -> bytes:
    """autograd as it is installed here, with its licence: pure Python, so that it runs in the browser as well."""
    found = metadata.distribution("autograd")
    names = [path for path in found.files or [] if path.suffix == ".py" or "licenses" in path.parts]
    files = {path.as_posix(): Path(str(found.locate_file(path))).read_bytes() for path in names}
    if not files:
        raise UsageError("autograd is not installed as a package whose files are known; install it with pip")
    return wheel("autograd", found.version, files)


def wheel_name(name: str, version: str) -> str:
    """The file name of a wheel of pure Python: "minigen-0.4-py3-none-any.whl"."""
    return f"{name}-{version}-py3-none-any.whl"


def wheel(name: str, version: str, files: Mapping[str, bytes]) -> bytes:
    """A wheel of pure Python, whose bytes depend on nothing but the files."""
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
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, data in everything.items():
            entry = zipfile.ZipInfo(path, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()
