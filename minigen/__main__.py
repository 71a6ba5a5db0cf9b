"""`python -m minigen` is the same as `minigen`."""

import sys
from pathlib import Path

# Python puts the current folder first on the path, where a `numpy.py` of one's own would be taken for NumPy.
folder = Path(sys.path[0] or ".").resolve()
if not sys.flags.safe_path and folder == Path.cwd() != Path(__file__).resolve().parent.parent:
    del sys.path[0]

from minigen.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
