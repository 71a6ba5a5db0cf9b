"""Data that ships with minigen: 2-D densities whose exact log-probability is known, and the whole of MNIST.

`minigen.data.toy` builds the densities by name; `minigen.data.mnist` loads the digits. Nothing is downloaded.
"""
