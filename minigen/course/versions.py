"""What a report of a bug needs: versions, system, processor, and the folders that are used."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import minigen
from minigen.course.lesson.cache import cache_dir

__all__ = ["versions"]

PACKAGES = ("numpy", "autograd", "scipy", "matplotlib", "tqdm", "threadpoolctl", "filelock")
VARIABLES = ("MINIGEN_CACHE", "MINIGEN_LESSONS", "MINIGEN_STRICT", "OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS")


def versions() -> str:
    """Return the lines that `minigen --version --verbose` prints."""
    lines = [f"minigen {minigen.__version__} in {Path(minigen.__file__).parent}"]
    lines.append(f"Python {platform.python_version()} ({sys.executable})")
    lines += [f"{name} {_version(name)}" for name in PACKAGES]
    lines.append(f"BLAS: {_blas()}")
    lines.append(f"{platform.platform()}, {os.cpu_count()} processors")
    lines.append(f"trained models in {cache_dir()}")
    lines += [f"{name}={os.environ[name]}" for name in VARIABLES if name in os.environ]
    return "\n".join(lines)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "is missing"


def _blas() -> str:
    """Return the library of NumPy's matrix products and the processor that it computes for."""
    import numpy as np  # noqa: F401  (it loads the library)
    from threadpoolctl import threadpool_info

    found = [info for info in threadpool_info() if info["user_api"] == "blas"]
    return ", ".join(
        " ".join(str(info.get(key) or "") for key in ("internal_api", "version", "architecture")) for info in found
    )
