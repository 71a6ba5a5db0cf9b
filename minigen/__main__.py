"""`python -m minigen` is the same as `minigen`."""

import sys

from minigen.cli import main

if __name__ == "__main__":
    sys.exit(main())
