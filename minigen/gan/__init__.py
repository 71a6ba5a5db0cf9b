"""Generative adversarial networks: two networks that train against each other.

Read `losses.py` first (the game), then `train.py` (one step of each algorithm); `wgan.py` replaces the discriminator's
probability by a distance, `game.py` is the smallest game in which gradients go in circles.
"""
