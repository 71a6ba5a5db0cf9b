"""Diffusion models: data is noised in small steps, and a network learns to remove the noise.

`schedule` sets how much noise each step adds; `ddpm` is the forward process, the training loss and the sampler;
`samplers` need fewer steps, and `langevin` needs the score; `likelihood` is the variational bound. `networks` are the
models, and `exact` is the exact model of the noise where the density is known. `guidance` makes samples fit a
condition, and `feynman_kac` weighs what it makes. `model` puts a network and its schedule together, to be trained,
sampled and saved; `arguments` holds the checks that formulas share.

`importance` draws the time steps whose losses are large more often; `distillation` and `consistency` are for few steps.
`flow_matching` and `edm` are other designs of the same model, `flow_map` leads from noise to data in one call, and
`masked` is diffusion of symbols instead of numbers.
`latent`, `cascade`, `text`, `unclip` and `imagen` hold what larger systems add.
"""

from minigen import lazy

__getattr__, __dir__, __all__ = lazy.names(__name__)
