"""minigen: every generative model of four blog posts, built from scratch in NumPy and trained on a laptop.

The package is a small layer (`tensor`, `nn`, `optim`), what trains and measures (`data`, `metrics`, `plot`, `train`),
four families of models (`gan`, `vae`, `flow`, `diffusion`), one system a file, the lessons that use them (`course`),
and what a class needs (`classroom`). Import the part that you need: `from minigen.gan import losses`.
"""

__version__ = "0.1.0"
