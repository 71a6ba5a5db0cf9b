"""Autoencoders, from the plain one to TD-VAE: one system a file.

`autoencoder.py`: plain, denoising, sparse and contractive; `pca.py` is what they are measured against. `vae.py` is the
heart: the Gaussian encoder, the reparameterized sample, the evidence lower bound and the importance-weighted estimate
of log p(x); `likelihoods.py` holds what a decoder may say about x. `evidence.py` and `linear.py` are models small
enough to know the truth. `beta.py`: the price of the rate, and scores of disentanglement. `vq.py`, with `quantizer.py`
and `vq_networks.py`: VQ-VAE and VQ-VAE-2. `tdvae.py`: a state-space model that jumps.
"""
