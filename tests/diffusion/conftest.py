"""The best possible model of the noise, in closed form, for data whose noised density is known."""

import numpy as np
import pytest


@pytest.fixture
def exact_eps():
    """exact_eps(mixture, schedule): E[eps | x_t], minus the noise's standard deviation times the score of q(x_t)."""

    def build(density, schedule):
        noised = {}

        def eps_model(x, t):
            t = int(np.unique(t).item())  # samplers ask for one time step at a time
            if t not in noised:
                alpha_bar = schedule.alpha_bar[t]
                noised[t] = density.noised(np.sqrt(alpha_bar), np.sqrt(1 - alpha_bar))
            return (-np.sqrt(1 - schedule.alpha_bar[t]) * noised[t].score(x)).astype(x.dtype)

        return eps_model

    return build
