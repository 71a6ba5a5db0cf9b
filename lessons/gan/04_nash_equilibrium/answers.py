"""Mistakes in the exercises of gan/04, and other right answers."""

MISTAKES = {
    "simultaneous_step": """
    + -> -  # Both players minimize f here; the second one should maximize it.
    - -> +  # Both players maximize f here; the first one should minimize it.
    # The signs are exchanged: the first player minimizes f, the second maximizes it.
    return x + eta * y, y - eta * x
    # The second player used the new x. Here both move at the same time, from the old point.
    eta * x -> eta * (x - eta * y)
    # The slope of x * y in x is y, not x: each player's slope is the other's coordinate.
    return x - eta * x, y + eta * y
    return x - y, y + x  # The step size is missing.
    return -eta * y, eta * x  # These are the changes; return the new x and y.
    return x - 0.1 * y, y + 0.1 * x  # eta is an argument; here it is always 0.1.
    return x - eta**2 * y, y + eta**2 * x  # The step size is eta, not eta².
    """,
    "alternating_step": """
    # The second player used the old x. It moves after x and uses the new x.
    eta * x -> eta * (x + eta * y)
    # x moves first; here y moved first.
    y = y + eta * x
    return x - eta * y, y
    + -> -  # Both players minimize f here; the second one should maximize it.
    # The signs are exchanged: the first player minimizes f, the second maximizes it.
    + -> -
    - -> +
    # The slope of x * y in x is y, not x: each player's slope is the other's coordinate.
    return x - eta * x, y + eta * y
    # The step size is missing.
    eta * x -> 1 * x
    eta * y -> 1 * y
    """,
    "extragradient_step": """
    # That is the trial step itself, a simultaneous step. Now use the slopes at the trial point.
    return x - eta * y, y + eta * x
    # You stepped on from the trial point. Go back: the real step starts at the old (x, y).
    x - eta * y_ahead, y + eta * x_ahead -> (x_ahead - eta * y_ahead, y_ahead + eta * x_ahead)
    # In the trial step, too, both players move at the same time: y_ahead uses the old x.
    eta * x -> eta * (x - eta * y)
    # Use the slopes at the trial point alone, not their average with those at (x, y).
    x - eta * y_ahead, y + eta * x_ahead ->
        (x - eta * (y + y_ahead) / 2, y + eta * (x + x_ahead) / 2)
    # In the real step both players minimize f; the second one should maximize it.
    x - eta * y -> eta * y - x
    # In the trial step the signs are exchanged: there, too, x minimizes f and y maximizes it.
    x - eta * y, y + eta * x -> (x + eta * y, y - eta * x)
    # The slope with respect to x is y_ahead, and with respect to y it is x_ahead: each player's
    # slope is the other's coordinate.
    x - eta * y, y + eta * x -> y + eta * x, x - eta * y
    # In the real step, too, both players move at the same time, with the slopes at the trial point.
    x - eta * y_ahead, y + eta * x_ahead ->
        (x - eta * y_ahead, y + eta * (x - eta * y_ahead))
    # In the real step the signs are exchanged: there, too, x minimizes f and y maximizes it.
    x - eta * y_ahead, y + eta * x_ahead -> (x + eta * y_ahead, y - eta * x_ahead)
    # The real step has the size of the trial step: eta, not eta².
    x - eta * y_ahead, y + eta * x_ahead -> (x - eta ** 2 * y_ahead, y + eta ** 2 * x_ahead)
    """,
    "optimistic_step": """
    # The slope now counts twice: 2 g - g_before, so that a slope that stays the same is kept.
    return x - eta * (y - y_before), y + eta * (x - x_before)
    # The slope one step ago is not used: this is the simultaneous step.
    return x - eta * y, y + eta * x
    # The slope one step ago has the wrong sign: 2 g - g_before.
    return x - eta * (2 * y + y_before), y + eta * (2 * x + x_before)
    # Now and before are exchanged: 2 g - g_before continues from before to now.
    return x - eta * (2 * y_before - y), y + eta * (2 * x_before - x)
    # Both players minimize f here; the second one should maximize it.
    2 * eta * x -> 2 * eta * (x_before - x)
    # The slope of x * y in x is y, so x's slope one step ago is y_before, not x_before.
    eta * x_before -> eta * y_before
    eta * y_before -> eta * x_before
    # The second player used the new x; both move at the same time.
    2 * eta * x -> 2 * eta * (x - eta * (2 * y - y_before))
    # Both step from the current point (x, y), not from the point one step ago.
    return x_before - eta * (2 * y - y_before), y_before + eta * (2 * x - x_before)
    # The last change of the slope counts in full: 2 g - g_before.
    return x - eta * (1.5 * y - 0.5 * y_before), y + eta * (1.5 * x - 0.5 * x_before)
    # That is momentum: it repeats the last move. Here the slope is extrapolated.
    return x - eta * y + eta * (x - x_before), y + eta * x + eta * (y - y_before)
    """,
}

VARIANTS = {
    "simultaneous_step": """
    # as a matrix
    step = np.array([[1.0, -eta], [eta, 1.0]])
    new = np.einsum("ij,j...->i...", step, np.array([x, y]))
    return new[0], new[1]
    # as a complex number
    z = (1 + 1j * eta) * (x + 1j * y)
    return z.real, z.imag
    """,
    "alternating_step": """
    return x - eta * y, (1 - eta**2) * y + eta * x  # y + η(x − ηy), from the old values
    """,
    "extragradient_step": """
    # worked out
    shrink = 1 - eta * eta
    return shrink * x - eta * y, shrink * y + eta * x
    """,
    "optimistic_step": """
    # with expected slopes
    slope_x = y + (y - y_before)
    slope_y = x + (x - x_before)
    return x - eta * slope_x, y + eta * slope_y
    """,
}
