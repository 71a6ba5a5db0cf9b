def simultaneous_step(x, y, eta):
    return x - eta * y, y + eta * x


def alternating_step(x, y, eta):
    x = x - eta * y
    return x, y + eta * x


def extragradient_step(x, y, eta):
    slope_x, slope_y = y + eta * x, x - eta * y
    return x - eta * slope_x, y + eta * slope_y


def optimistic_step(x, y, x_before, y_before, eta):
    return x - eta * (2 * y - y_before), y + eta * (2 * x - x_before)
