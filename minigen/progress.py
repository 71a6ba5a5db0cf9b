"""Progress bars, and whether one would be visible."""

import sys
import warnings
from collections.abc import Iterable
from typing import Any


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    return "IPython" in sys.modules and hasattr(sys.modules["IPython"].get_ipython(), "kernel")


def bar_is_seen() -> bool:
    """Whether a progress bar is visible: at a terminal, or below the cell of a notebook."""
    return in_notebook() or bool(getattr(sys.stderr, "isatty", lambda: False)())


def progress_bar(iterable: Iterable | None = None, **options: Any) -> Any:
    """Return a bar of tqdm over `iterable`, or with its `total`: a widget in a notebook that has them, else text on
    stderr.
    """
    with warnings.catch_warnings():  # without ipywidgets it is text, which needs no warning
        warnings.filterwarnings("ignore", message="IProgress not found")
        from tqdm.auto import tqdm

    return tqdm(iterable, dynamic_ncols=True, **options)
