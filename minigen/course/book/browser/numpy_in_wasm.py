"""NumPy in WebAssembly, made to behave as elsewhere.

It has no floating-point flags: `raising` makes singular matrices raise an error nonetheless. And it is NumPy 2.0, whose
`astype`, which autograd calls, refuses scalars; later versions take them.

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


def taking_scalars(astype):
    """The function `np.astype`, for scalars too."""

    @functools.wraps(astype)
    def converted(x, dtype, /, **options):
        if isinstance(x, np.ndarray):
            return astype(x, dtype, **options)
        return astype(np.asarray(x), dtype, **options)[()]

    return converted


def mend() -> None:
    """Put these functions in the places of NumPy's."""
    np.astype = taking_scalars(np.astype)
    for name, words in WORDS.items():
        setattr(np.linalg, name, raising(getattr(np.linalg, name), words))


if __name__ == "minigen_wasm":
    mend()
