"""Autoencoders, from the plain one to TD-VAE: one system a file.

autoencoder           plain, denoising, sparse and contractive; pca is the linear baseline
vae                   Gaussian encoder, reparameterization, ELBO, importance-weighted log p(x); likelihoods: p(x|z)
marginal_likelihood   estimators of log p(x); linear: the linear-Gaussian model, in closed form
beta_vae              a weight on the rate, and scores of disentanglement
vq_vae, vq_vae2       discrete codes on one and on two levels, with quantizer and vq_networks
td_vae                a state-space model that predicts in jumps
"""

from minigen import lazy

__getattr__, __dir__, __all__ = lazy.names(__name__)
