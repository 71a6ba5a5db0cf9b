"""Metrics of models and samples.

`divergence`: KL and JS. `transport`: the Wasserstein-1 distance. `samples`: quality of samples, and the floor that two
samples of the truth set. `likelihood`: units and gaps. `dimension`: intrinsic dimension. `digits`: a classifier of
digits, and metrics of generated digits. `comparison`: of two models on the same data. `contours`: of edges.
"""

from minigen import lazy

__getattr__, __dir__, __all__ = lazy.names(__name__)
