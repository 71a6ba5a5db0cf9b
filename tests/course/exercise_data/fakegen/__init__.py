"""A package to be examined on: small functions with the shape of the real ones."""

from fakegen.densities import gaussian_nll

__all__ = ["gaussian_nll"]
