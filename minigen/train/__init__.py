"""The training step and the loop around it: history, early stopping, time budget, checkpoints and exact resumption."""

from minigen.train.descend import Descent, descend
from minigen.train.fit import History, NonFiniteError, Stop, fit
from minigen.train.warn import TrainingWarning

__all__ = ["Descent", "History", "NonFiniteError", "Stop", "TrainingWarning", "descend", "fit"]
