"""Normalizing flows and autoregressive models: densities that are known exactly.

Read `bijection.py` first (what a flow is), then `coupling.py` (layers that are easy to invert) with the models made of
them, `nice.py`, `realnvp.py`, `multiscale.py` and `glow.py`; `planar.py` bends space in small steps. `made.py`, the
package `pixel` and `wavenet.py` predict each number from those before it; `autoregressive.py` makes flows of that, and
`vae_flow.py` the posterior or the prior of a VAE. `arguments.py` holds the checks that formulas share.
"""

from minigen import lazy

__getattr__, __dir__, __all__ = lazy.names(__name__)
