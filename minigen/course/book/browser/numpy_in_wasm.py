"""Two differences of NumPy in WebAssembly, removed.

WebAssembly has no floating-point flags, so NumPy does not notice a singular matrix there: `raising` raises the error.
Pyodide's NumPy is 2.0, whose `astype` refuses scalars. autograd calls it with scalars, which later versions accept.

In the wheel this file is the module `minigen_wasm`. It is imported before autograd, which wraps the functions that it
finds in NumPy.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

WORDS = {"cholesky": "Matrix is not positive definite", "inv": "Singular matrix", "solve": "Singular matrix"}


def raising(function: Callable[..., Any], words: str) -> Callable[..., Any]:
    """The function, with a LinAlgError where its result for finite arguments is not finite."""

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        if not np.isfinite(result).all() and all(np.isfinite(given).all() for given in args):
            raise np.linalg.LinAlgError(words)
        return result

    return checked


def taking_scalars(astype: Callable[..., Any]) -> Callable[..., Any]:
    """The function `np.astype`, for scalars too."""

    @functools.wraps(astype)
    def converted(x: Any, dtype: Any, /, **options: Any) -> Any:
        if isinstance(x, np.ndarray):
            return astype(x, dtype, **options)
        return astype(np.asarray(x), dtype, **options)[()]

    return converted


def mend() -> None:
    """Replace NumPy's functions with these."""
    np.astype = taking_scalars(np.astype)
    for name, words in WORDS.items():
        setattr(np.linalg, name, raising(getattr(np.linalg, name), words))


if __name__ == "minigen_wasm":
    mend()
