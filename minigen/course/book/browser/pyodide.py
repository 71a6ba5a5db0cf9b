"""Pyodide in the pages of the book: where it comes from, and the files that a reader's browser loads.

    source = python_source("https://...")           # the value of `--python`, checked
    write_python(source, Path("build/book"))        # the folder `_python` beside the pages

`_python/python.json` lists all that the worker may load, with the hash of each file: Pyodide, from its public address
or from the folder itself, and the wheels of minigen and autograd. The worker refuses every other file.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import urllib.parse
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from minigen.course.book.browser.wheels import wheels
from minigen.course.book.files import fill_folder
from minigen.course.console import UsageError

__all__ = ["PUBLIC", "PythonSource", "python_source", "write_python"]

PYODIDE = "0.27.7"
PUBLIC = f"https://cdn.jsdelivr.net/pyodide/v{PYODIDE}/full/"
FOLDER = "_python"

# sha256 of what every page loads, from the npm package pyodide. NumPy, SciPy and what they need are listed with their
# hashes in pyodide-lock.json beside this file: the list of the distribution, without its other packages.
CORE = {
    "pyodide.mjs": "04c052c815abb0bf2981fa38c2dfa58e3120ee5288c956df2b2a15e301782c5f",
    "pyodide.asm.js": "6b4c90de5b7172873f04f21884d0e9d2274e305fe32116558fe3e4fbe3618d51",
    "pyodide.asm.wasm": "a50dd1843f805a0b7c45b61037ee0d7b26dfe85efe0e18ef95a34ad24e401f5f",
    "python_stdlib.zip": "16611534726e5d8ac2bd8f926410b2dcb8d6f49aa24913463533b457a2115c16",
}
LOCK = Path(__file__).with_name("pyodide-lock.json")


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
    """Return the source that `--python` names: an address, the folder of a Pyodide distribution, or "none".

    The address is not visited: the worker checks every file that it gets from there. Raises UsageError for an invalid
    address, and for a folder in which a file is missing or is not that of Pyodide 0.27.7.
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
    """Return the address with a slash at its end. Raises UsageError if it is not an address."""
    try:
        parts = urllib.parse.urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and not parts.query and not parts.fragment
        parts.port  # noqa: B018  (raises ValueError if it is not a number)
    except ValueError:
        usable = False
    if not usable or any(letter.isspace() for letter in text):
        raise UsageError(f"--python {text}: an address of Pyodide {PYODIDE} looks like {PUBLIC}")
    return text if text.endswith("/") else f"{text}/"


@cache
def pyodide_lock() -> dict[str, Any]:
    """Return the packages that a page may load: their entries in Pyodide's own list."""
    return json.loads(LOCK.read_text(encoding="utf-8"))


def pyodide_files() -> dict[str, str]:
    """Every file of Pyodide that a page may load, with its sha256."""
    packages = pyodide_lock()["packages"].values()
    return CORE | {package["file_name"]: package["sha256"] for package in packages}


def write_python(source: PythonSource, out: Path) -> None:
    """Write the folder `_python` of a book: the wheels, what the worker may load, and Pyodide if it is in a folder.

    A file that has not changed is not written again. Without Python, the folder of an earlier build is removed.
    Raises UsageError if something cannot be read or written.
    """
    folder = out / FOLDER
    try:
        if source.none:
            shutil.rmtree(folder, ignore_errors=True)
            return
        made = wheels()
        lock = (json.dumps(pyodide_lock(), indent=1) + "\n").encode()
        manifest = {
            "version": PYODIDE,
            "base": source.address or "pyodide/",
            "files": {name: integrity(bytes.fromhex(digest)) for name, digest in pyodide_files().items()},
            "lock": integrity(hashlib.sha256(lock).digest()),
            "wheels": {name: integrity(hashlib.sha256(data).digest()) for name, data in made.items()},
        }
        wanted = {"python.json": (json.dumps(manifest, indent=1) + "\n").encode(), "lock.json": lock, **made}
        if source.folder is not None:
            wanted |= {f"pyodide/{name}": (source.folder / name).read_bytes() for name in pyodide_files()}
        fill_folder(folder, wanted)
    except OSError as error:
        raise UsageError(f"cannot write Python for the book to {folder}: {error.strerror or error}") from error


def integrity(digest: bytes) -> str:
    """Return a sha256 in the form that a browser requires."""
    return f"sha256-{base64.b64encode(digest).decode()}"
