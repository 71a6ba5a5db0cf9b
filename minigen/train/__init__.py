"""The training step and the loop around it: progress, history, time budget, checkpoints and exact resumption."""

from minigen.train.descend import Descent, descend
from minigen.train.fit import History, NonFiniteError, fit

__all__ = ["Descent", "History", "NonFiniteError", "descend", "fit"]
