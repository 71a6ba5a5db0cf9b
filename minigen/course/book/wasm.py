"""NumPy in WebAssembly, which has no flags for what went wrong in floating point: singular matrices raise all the same.

In the wheel this file is the module `minigen_wasm`, imported before autograd, which wraps the functions that it finds.
"""

import functools

import numpy as np

WORDS = {"cholesky": "Matrix is not positive definite", "inv": "Singular matrix", "solve": "Singular matrix"}


def raising(function, words):
    """The function, with a LinAlgError where it gives no finite numbers for finite ones."""

    @functools.wraps(function)
    def checked(*args, **kwargs):
        result = function(*args, **kwargs)
        if not np.isfinite(result).all() and all(np.isfinite(given).all() for given in args):
            raise np.linalg.LinAlgError(words)
        return result

    return checked


def mend() -> None:
    """Put the raising functions in the places of NumPy's."""
    for name, words in WORDS.items():
        setattr(np.linalg, name, raising(getattr(np.linalg, name), words))


if __name__ == "minigen_wasm":
    mend()
