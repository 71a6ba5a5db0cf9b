"""The training loop: progress, history, time budget, checkpoints and exact resumption."""

from minigen.train.fit import History, NonFiniteError, fit

__all__ = ["History", "NonFiniteError", "fit"]
