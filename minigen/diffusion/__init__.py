"""Diffusion models: noise is added in small steps, and a network learns to take it away again.

`schedule` says how much noise each step adds, `gaussian` is the mathematics of one step and of the training losses,
`samplers` walk from noise to data with any model of the noise, `mlp` and `unet` are two such models.
"""
