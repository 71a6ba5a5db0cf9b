"""Mistakes in the exercises of start/01, and other right answers."""

import autograd.numpy as np


def through_p(logits):
    return 1 / (1 + np.exp(-logits))


def adam(self, p, g, mean, square, *, steps=None, hats=(True, True), betas=None, root=True):
    """Adam with parts of it left out or replaced."""
    beta1, beta2 = self.betas if betas is None else betas
    t = self.steps if steps is None else steps
    p *= 1 - self.lr * self.weight_decay
    mean[...] = beta1 * mean + (1 - beta1) * g
    square[...] = beta2 * square + (1 - beta2) * g**2
    m = mean / (1 - beta1**t) if hats[0] else mean
    s = square / (1 - beta2**t) if hats[1] else square
    p -= self.lr * m / ((np.sqrt(s) if root else s) + self.eps)


MISTAKES = {
    "bce_with_logits": """
    # The result has the dtype of the logits: float32 stays float32.
    return np.logaddexp(0.0, 1.0 * logits) - np.ones(np.shape(logits)) * targets * logits
    # The loss is minus the logarithm: this is its negative, which grows as the forecast improves.
    return targets * logits - np.logaddexp(0.0, logits)
    # The classes are exchanged: the target goes with log sigmoid(l), one minus it with log(1 -
    # sigmoid(l)).
    return np.logaddexp(0.0, logits) - (1 - targets) * logits
    # This is right where the target is 1; the loss of a target of 0 is -log(1 - sigmoid(l)).
    return np.logaddexp(0.0, -logits)
    # This is right where the target is 0; the loss of a target of 1 is -log sigmoid(l).
    return np.logaddexp(0.0, logits) + 0 * targets
    # The part of the target 0 is missing: (1 - t) log(1 - sigmoid(l)).
    return targets * np.logaddexp(0.0, -logits)
    # The part of the target 1 is missing: t log sigmoid(l).
    return (1 - targets) * np.logaddexp(0.0, logits)
    # Both logarithms enter with the same sign.
    return targets * np.logaddexp(0.0, -logits) - (1 - targets) * np.logaddexp(0.0, logits)
    # The formula is right, but the probability of a sure logit rounds to 0 or 1, and its logarithm
    # is infinite. Write it in terms of the logit: log(1 + exp(l)) - t l.
    with np.errstate(all="ignore"):
        q = through_p(logits)
        return -targets * np.log(q) - (1 - targets) * np.log(1 - q)
    # A small number inside the logarithms hides the overflow and puts a bound on the loss: a logit
    # of 1000 must have a loss of 1000 nats.
    with np.errstate(all="ignore"):
        q = through_p(logits)
        return -targets * np.log(q + 1e-8) - (1 - targets) * np.log(1 - q + 1e-8)
    # Clipping the probability puts a bound on the loss, and stops the gradient where it is needed.
    with np.errstate(all="ignore"):
        q = np.clip(through_p(logits), 1e-7, 1 - 1e-7)
        return -targets * np.log(q) - (1 - targets) * np.log(1 - q)
    # exp(l) overflows at logits of 100 in float32: np.logaddexp(0, l) does not.
    with np.errstate(all="ignore"):
        return np.log(1 + np.exp(logits)) - targets * logits
    # This overflows in float32, where exp(89) is infinite: np.logaddexp(0, l) takes any logit.
    with np.errstate(all="ignore"):
        small = np.log(1 + np.exp(np.minimum(logits, 500)))
        return np.where(logits > 500, logits, small) - targets * logits
    # The slope at a logit of 0 is wrong: two branches meet there, and their slopes do not agree.
    far = np.where(logits > 0, logits, -logits)
    return np.maximum(logits, 0.0) - targets * logits + np.log1p(np.exp(-far))
    # Logits have no bound: do not clip them.
    return np.logaddexp(0.0, np.clip(logits, -50, 50)) - targets * np.clip(logits, -50, 50)
    # The values are averaged: each element has a value of its own.
    return np.mean(np.logaddexp(0.0, logits) - targets * logits)
    # The values are summed: each element has a value of its own.
    return np.sum(np.logaddexp(0.0, logits) - targets * logits)
    # The values are summed over the last axis: each element of every axis has a value of its own.
    return np.sum(np.logaddexp(0.0, logits) - targets * logits, axis=-1)
    # These are bits; nats have the natural logarithm.
    return (np.logaddexp(0.0, logits) - targets * logits) / np.log(2)
    # These are bits; nats have the natural logarithm.
    return np.logaddexp2(0.0, logits) - targets * logits
    # The logarithm is missing: this is how far the probability is from the target.
    with np.errstate(all="ignore"):
        return np.abs(through_p(logits) - targets)
    # This is the squared error of the probability; the loss is the logarithm.
    with np.errstate(all="ignore"):
        return (through_p(logits) - targets) ** 2
    # This is the gradient with respect to the logit; the loss itself is asked for.
    with np.errstate(all="ignore"):
        return through_p(logits) - targets
    # The target is a number between 0 and 1, not a choice: 0.9 costs a little of both.
    return np.where(
        np.asarray(targets) > 0.5, np.logaddexp(0.0, -logits), np.logaddexp(0.0, logits)
    )
    # The hinge has no logarithm: a logit beyond 1 has a small loss, too.
    return np.maximum(0.0, 1 - (2 * targets - 1) * logits)
    # These are logits, not probabilities: there is a sigmoid between them and the loss.
    with np.errstate(all="ignore"):
        return -targets * np.log(logits) - (1 - targets) * np.log(1 - logits)
    """,
    "adam_update": """
    # The bias corrections are missing: both means began at 0, and are too small in the first steps.
    adam(self, p, g, mean, square, hats=(False, False))
    # The correction of the mean is missing: divide it by 1 - beta_1^t.
    adam(self, p, g, mean, square, hats=(False, True))
    # The correction of the square is missing: divide it by 1 - beta_2^t.
    adam(self, p, g, mean, square, hats=(True, False))
    # The root is missing: the step divides by the root of the mean square.
    adam(self, p, g, mean, square, root=False)
    # beta_1 goes with the gradient, beta_2 with its square.
    adam(self, p, g, mean, square, betas=self.betas[::-1])
    # betas is a setting; here it is always (0.9, 0.999).
    adam(self, p, g, mean, square, betas=(0.9, 0.999))
    # self.steps counts from 1: it is 1 in the first step already, so the exponent is t, not t + 1.
    adam(self, p, g, mean, square, steps=self.steps + 1)
    # Corrections use the number of the step, self.steps; here they are always those of the first.
    adam(self, p, g, mean, square, steps=1)
    # The step goes against the gradient: p - lr ...
    before = p.copy()
    adam(self, p, g, mean, square)
    p[...] = 2 * before * (1 - self.lr * self.weight_decay) - p
    # Only the direction is left: this ignores the means for the step.
    adam(self, p.copy(), g, mean, square)
    p *= 1 - self.lr * self.weight_decay
    p -= self.lr * np.sign(g)
    # The step goes by the mean of the gradients, not by this gradient alone.
    adam(self, p.copy(), g, mean, square)
    p *= 1 - self.lr * self.weight_decay
    p -= self.lr * g / (np.sqrt(square / (1 - self.betas[1] ** self.steps)) + self.eps)
    # eps is beside the root, not under it.
    adam(self, p.copy(), g, mean, square)
    m = mean / (1 - self.betas[0] ** self.steps)
    s = square / (1 - self.betas[1] ** self.steps)
    p *= 1 - self.lr * self.weight_decay
    p -= self.lr * m / np.sqrt(s + self.eps)
    # eps is missing: where the gradient has always been 0 this divides 0 by 0.
    adam(self, p.copy(), g, mean, square)
    m = mean / (1 - self.betas[0] ** self.steps)
    s = square / (1 - self.betas[1] ** self.steps)
    p *= 1 - self.lr * self.weight_decay
    with np.errstate(all="ignore"):
        p -= self.lr * m / np.sqrt(s)
    # eps is added after the correction of the square, to the root of the corrected one.
    adam(self, p.copy(), g, mean, square)
    m = mean / (1 - self.betas[0] ** self.steps)
    p *= 1 - self.lr * self.weight_decay
    p -= self.lr * m * (1 - self.betas[1] ** self.steps) ** 0.5 / (np.sqrt(square) + self.eps)
    # mean and square are kept without their corrections, which are for this step only.
    adam(self, p, g, mean, square)
    mean /= 1 - self.betas[0] ** self.steps
    square /= 1 - self.betas[1] ** self.steps
    # square is the mean of the squares, not the square of the mean.
    beta1, beta2 = self.betas
    p *= 1 - self.lr * self.weight_decay
    mean[...] = beta1 * mean + (1 - beta1) * g
    square[...] = beta2 * square + (1 - beta2) * mean**2
    m, s = mean / (1 - beta1**self.steps), square / (1 - beta2**self.steps)
    p -= self.lr * m / (np.sqrt(s) + self.eps)
    # The two shares have changed places: the new gradient has the share 1 - beta, the old mean the
    # share beta.
    beta1, beta2 = self.betas
    p *= 1 - self.lr * self.weight_decay
    mean[...] = (1 - beta1) * mean + beta1 * g
    square[...] = (1 - beta2) * square + beta2 * g**2
    m, s = mean / (1 - beta1**self.steps), square / (1 - beta2**self.steps)
    p -= self.lr * m / (np.sqrt(s) + self.eps)
    # The running mean is a sum here: the new gradient has the share 1 - beta.
    beta1, beta2 = self.betas
    p *= 1 - self.lr * self.weight_decay
    mean[...] = beta1 * mean + g
    square[...] = beta2 * square + g**2
    m, s = mean / (1 - beta1**self.steps), square / (1 - beta2**self.steps)
    p -= self.lr * m / (np.sqrt(s) + self.eps)
    # `p = ...` only gives a new array the name p: write into the old one, p -= ... or p[...] = ...
    adam(self, p.copy(), g, mean, square)
    # `mean = ...` and `square = ...` only name new arrays: the next step would begin at 0 again.
    adam(self, p, g, mean.copy(), square.copy())
    # weight_decay is missing: p loses the share lr * weight_decay of itself.
    settings = type("", (), vars(self) | {"weight_decay": 0.0})()
    adam(settings, p, g, mean, square)
    # weight_decay acts on p alone; added to the gradient it would pass through both means.
    settings = type("", (), vars(self) | {"weight_decay": 0.0})()
    adam(settings, p, g + self.weight_decay * p, mean, square)
    # The share that p loses is lr * weight_decay, not weight_decay alone.
    settings = type("", (), vars(self) | {"weight_decay": 0.0})()
    p *= 1 - self.weight_decay
    adam(settings, p, g, mean, square)
    # The learning rate is self.lr; here it is always 0.001.
    settings = type("", (), vars(self) | {"lr": 1e-3, "weight_decay": 0.0})()
    p *= 1 - self.lr * self.weight_decay
    adam(settings, p, g, mean, square)
    # The parameters are right, but g is changed: leave it as it is.
    adam(self, p, g, mean, square)
    g *= 1 - self.betas[0]
    # self.steps is changed: the optimizer counts its steps itself.
    adam(self, p, g, mean, square)
    self.steps = self.steps + 1
    # All is changed in place; the function returns nothing.
    adam(self, p, g, mean, square)
    return p
    # The step uses the mean of before this step: update both means first.
    beta1, beta2 = self.betas
    old = mean.copy()
    adam(self, p.copy(), g, mean, square)
    p *= 1 - self.lr * self.weight_decay
    m, s = old / (1 - beta1**self.steps), square / (1 - beta2**self.steps)
    p -= self.lr * m / (np.sqrt(s) + self.eps)
    # The step uses both means of before this step: update them first.
    beta1, beta2 = self.betas
    p *= 1 - self.lr * self.weight_decay
    m, s = mean / (1 - beta1**self.steps), square / (1 - beta2**self.steps)
    p -= self.lr * m / (np.sqrt(s) + self.eps)
    adam(self, p.copy(), g, mean, square)
    """,
}

VARIANTS = {
    "bce_with_logits": """
    # max(l, 0) - t l + log(1 + exp(-|l|)), as TensorFlow has it
    size = np.abs(logits)
    return (logits + size) / 2 - targets * logits + np.log1p(np.exp(-size))
    # the two logarithms apart
    return targets * np.logaddexp(0, -logits) + (1 - targets) * np.logaddexp(0, logits)
    # from the logit of the class that is true for the larger part
    return np.logaddexp(0, -logits) + (1 - targets) * logits
    # with the package's softplus
    return softplus(logits) - targets * logits
    """,
    "adam_update": """
    # one array after the other, all in place
    beta1, beta2 = self.betas
    p -= self.lr * self.weight_decay * p
    mean += (1 - beta1) * (g - mean)
    square += (1 - beta2) * (g * g - square)
    rate = self.lr / (1 - beta1**self.steps)
    p -= rate * mean / (np.sqrt(square / (1 - beta2**self.steps)) + self.eps)
    # new arrays first, written at the end
    b1, b2 = self.betas
    m = b1 * mean + (1 - b1) * g
    s = b2 * square + (1 - b2) * np.square(g)
    root = np.sqrt(s) / np.sqrt(1 - b2**self.steps)
    step = m / (1 - b1**self.steps) / (root + self.eps)
    p[...] = p * (1 - self.lr * self.weight_decay) - self.lr * step
    mean[...], square[...] = m, s
    """,
}

EQUIVALENT = {
    "bce_with_logits": """
    # with t = 0 nothing is taken off
    softplus(logits) if t == 0 else softplus(logits) - t * logits → softplus(logits) - t * logits
    """,
    "adam_update": """
    if self.weight_decay → if True  # without a decay p is multiplied by 1
    """,
}
