"""Generative adversarial networks: a generator and a discriminator, trained against each other.

`losses` has the losses, `train` one training step of each algorithm, `wgan` the losses of a Wasserstein critic,
`networks` the generators and discriminators. `improved_training` holds modifications of the training,
`gradient_diagnostics` measures the generator's gradient, `interpolation` connects latent vectors, and `toy_problems`
are two problems with exact solutions.
"""

from minigen import lazy

__getattr__, __dir__, __all__ = lazy.names(__name__)
