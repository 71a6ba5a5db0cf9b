"""Networks of diffusion models, all called `(x, t, y=None)`: for points, for images, from transformer blocks."""
