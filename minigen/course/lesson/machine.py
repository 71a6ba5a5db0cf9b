"""What a result depends on besides code, options and seed: versions, processor, cores and BLAS kernels."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import minigen

__all__ = ["machine", "peak_memory", "versions"]


def versions() -> dict[str, str]:
    """Return the versions of minigen, Python and the libraries that compute."""
    import importlib.metadata

    found = {"minigen": minigen.__version__, "python": platform.python_version(), "platform": platform.platform()}
    for name in ("numpy", "autograd", "scipy", "matplotlib"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


def machine() -> dict[str, Any]:
    """Processor, cores that this process may use, and the BLAS libraries with the kernels that they chose."""
    from threadpoolctl import threadpool_info

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    wanted = ("internal_api", "version", "architecture", "num_threads")
    blas = [
        {name: library[name] for name in wanted if library.get(name) is not None}
        for library in threadpool_info()
        if library["user_api"] == "blas"
    ]
    return {"processor": _processor(), "cores": cores, "blas": blas}


def peak_memory() -> float | None:
    """Return the most memory that this process has used so far, in megabytes;
    None where the system does not report it.
    """
    try:  # not `ru_maxrss`, which on Linux includes the process that started this one
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # bytes on macOS


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
