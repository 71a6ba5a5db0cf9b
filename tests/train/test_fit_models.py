"""The loop with the package's own modules, optimizers, averages and batches: resumed runs are exact."""

import numpy as np
import pytest

from minigen.data.batches import Batches
from minigen.nn import MLP
from minigen.optim import EMA, SGD, Adam, RMSProp
from minigen.tensor import mse, value_and_grad
from minigen.train import NonFiniteError, fit

OPTIMIZERS = {
    "adam": lambda model: Adam(model, 1e-2, weight_decay=1e-3),
    "sgd": lambda model: SGD(model, 1e-2, momentum=0.9),
    "rmsprop": lambda model: RMSProp(model, 1e-3),
}


class Training:
    """A regression whose every step uses the optimizer's moments, the average, shuffled batches and noise."""

    def __init__(self, optimizer="adam"):
        self.rng = np.random.default_rng(5)
        data = np.random.default_rng(0)
        x = data.standard_normal((50, 3), dtype=np.float32)
        self.model = MLP(np.random.default_rng(1), [3, 16, 1], activation="tanh")
        self.optimizer = OPTIMIZERS[optimizer](self.model)
        self.ema = EMA(self.model, decay=0.9)
        self.batches = Batches(x, np.sin(x[:, :1]), size=16, rng=self.rng)
        self.state = {
            "model": self.model,
            "optimizer": self.optimizer,
            "ema": self.ema,
            "batches": self.batches,
            "rng": self.rng,
        }

    def step(self, i):
        x, y = next(self.batches)
        x = x + 0.1 * self.rng.standard_normal(x.shape, dtype=np.float32)
        loss, grads = value_and_grad(lambda model: mse(model(x), y))(self.model)
        self.optimizer.lr = 1e-2 * (1 - i / 40)
        self.optimizer.step(grads)
        self.ema.update(self.model)
        return loss


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_training_of_a_network_resumes_to_the_bit(tmp_path, optimizer):
    whole = Training(optimizer)
    expected = fit(whole.step, 40)
    assert expected["loss"][-1] < expected["loss"][0]

    first = Training(optimizer)

    def until_killed(i):
        if i == 26:
            raise RuntimeError("gone")
        return first.step(i)

    with pytest.raises(RuntimeError):
        fit(until_killed, 40, state=first.state, checkpoint=tmp_path / "c.npz", every=11)
    again = Training(optimizer)
    history = fit(again.step, 40, state=again.state, checkpoint=tmp_path / "c.npz", resume=True)

    np.testing.assert_array_equal(history["loss"], expected["loss"])
    for name in ("model", "optimizer", "ema", "batches"):
        mine, theirs = again.state[name].state(), whole.state[name].state()
        assert mine.keys() == theirs.keys()
        for key in mine:
            np.testing.assert_array_equal(mine[key], theirs[key], err_msg=f"{name}.{key}")
    np.testing.assert_array_equal(again.rng.random(4), whole.rng.random(4))
    assert all(array.dtype == np.float32 for array in again.model.parameters().values())


def test_another_network_is_refused_with_nothing_changed(tmp_path):
    run = Training()
    fit(run.step, 3, state=run.state, checkpoint=tmp_path / "c.npz")
    other = MLP(np.random.default_rng(9), [3, 8, 1])
    before = other.state()
    with pytest.raises(ValueError, match=r"model/layers.0.w was float32\[3, 16\] and is now float32\[3, 8\]"):
        fit(run.step, 3, state=run.state | {"model": other}, checkpoint=tmp_path / "c.npz", resume=True)
    for key, value in other.state().items():
        np.testing.assert_array_equal(value, before[key])


def test_a_diverging_network_stops(tmp_path):
    run = Training("sgd")

    def step(i):
        loss = run.step(i)
        if i == 7:
            run.model.layers[0].w[:] = np.inf  # as a step far too large would
        return loss

    with pytest.raises(NonFiniteError, match=r"loss is .* at step 8.*keeps the state after 5 steps"):
        with np.errstate(all="ignore"):
            fit(step, 40, state=run.state, checkpoint=tmp_path / "c.npz", every=5)
    again = Training("sgd")
    history = fit(again.step, 40, state=again.state, checkpoint=tmp_path / "c.npz", resume=True)
    assert history.steps_done == 40 and np.isfinite(history["loss"]).all()
