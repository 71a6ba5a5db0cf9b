"""Optimizers, gradient clipping, learning-rate schedules and moving averages of a model."""

from minigen.optim.ema import EMA
from minigen.optim.optimizers import SGD, Adam, Optimizer, RMSProp, clip_grad_norm
from minigen.optim.schedules import constant, cosine, linear_decay, warmup_cosine

__all__ = [
    "EMA",
    "SGD",
    "Adam",
    "Optimizer",
    "RMSProp",
    "clip_grad_norm",
    "constant",
    "cosine",
    "linear_decay",
    "warmup_cosine",
]
