"""`minigen cache`: what is kept of trained models, and how to remove it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from minigen.course.console import UsageError, plural, text_table
from minigen.course.lesson.cache import cache_dir
from minigen.course.lesson.folder import MARKER
from minigen.course.lesson.options import Parser

__all__ = ["main", "parser"]

KEPT = (".npz", ".json", ".lock")  # what a model leaves in the cache
SAMPLES = "samples"  # the folder of runs that `minigen sample` made


def parser() -> Parser:
    """The arguments of `minigen cache`."""
    result = Parser(
        prog="minigen cache",
        description="Show the trained models that lessons keep, and remove them. They are trained again when needed.",
        example="minigen cache\n  minigen cache --clear",
    )
    result.add_argument("--clear", action="store_true", help="remove all that is kept, but what a run uses just now")
    return result


def main(argv: Sequence[str]) -> int:
    """`minigen cache ...`; returns 0. Raises UsageError if a file cannot be removed."""
    args = parser().parse_args(argv)
    folder = cache_dir()
    files = sorted(path for path in folder.glob("*") if path.is_file() and path.suffix in KEPT)
    models = [path for path in files if path.suffix == ".npz"]
    runs = sorted(marker.parent for marker in (folder / SAMPLES).glob(f"*/{MARKER}"))
    if args.clear:
        return _clear(files, runs)
    rows = [[path.name, f"{path.stat().st_size / 1e6:.1f} MB"] for path in models]
    rows += [[f"{SAMPLES}/{run.name}", f"{_size(run) / 1e6:.1f} MB"] for run in runs]
    if rows:
        print(text_table(rows, ["model or run", "size"]))
        print()
    size = sum(path.stat().st_size for path in files) + sum(map(_size, runs))
    print(f"{plural(len(models), 'model')} and {plural(len(runs), 'run')} are kept, {size / 1e6:.1f} MB, in {folder}")
    return 0


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _clear(files: Sequence[Path], runs: Sequence[Path]) -> int:
    """Remove the files of models and the folders of runs, but those of a model that another process has locked."""
    busy = {lock.stem for lock in files if lock.suffix == ".lock" and not _is_free(lock)}
    free = [path for path in files if not any(path.name.startswith(stem) for stem in busy)]
    try:
        for path in free:
            path.unlink(missing_ok=True)
        for run in runs:
            shutil.rmtree(run)
    except OSError as error:
        raise UsageError(f"cannot remove {error.filename}: {error.strerror or error}") from None
    models = sum(path.suffix == ".npz" for path in free)
    print(f"removed {plural(models, 'model')} and {plural(len(runs), 'run')}")
    if busy:
        print(f"{plural(len(busy), 'model')} stayed: a run uses it just now")
    return 0


def _is_free(lock: Path) -> bool:
    try:
        with FileLock(lock, timeout=0):
            return True
    except Timeout:
        return False
