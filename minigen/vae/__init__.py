"""Autoencoders, from the plain one to TD-VAE: one system a file.

`vae.py` is the heart: the Gaussian encoder, the reparameterized sample, the evidence lower bound and the
importance-weighted estimate of log p(x). `likelihoods.py` holds what a decoder may say about x: Bernoulli for pixels,
Gaussian for points.
"""
