"""minigen: every generative model of four blog posts, built from scratch in NumPy and trained on a laptop.

The package is a small layer (`tensor`, `nn`, `optim`), what trains and measures (`data`, `metrics`, `plot`, `train`),
four families of models (`gan`, `vae`, `flow`, `diffusion`), one system a file, the lessons that use them (`course`),
and what a class needs (`classroom`). Import what you need: `from minigen.flow import RealNVP`. A package is loaded when
it is first used, `minigen.flow.RealNVP`.
"""

from importlib import import_module
from types import ModuleType

__version__ = "0.1.0"
__all__ = [
    "course",
    "data",
    "diffusion",
    "flow",
    "gan",
    "metrics",
    "nn",
    "optim",
    "plot",
    "tensor",
    "train",
    "vae",
]


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
