"""Mistakes in the exercise of flow/13, and other right answers."""

import autograd.numpy as np


def moved(mu, logvar, eps, bijection, context):
    z0 = mu + np.exp(logvar / 2) * eps
    return (z0, *bijection.forward(z0, context))


MISTAKES = {
    "flow_posterior": """
    # This is the closed form for a Gaussian: it knows nothing of the flow. Take log q - log p at
    # the z that was drawn.
    z0, z, log_det = moved(mu, logvar, eps, bijection, context)
    return z, 0.5 * np.sum(mu**2 + np.exp(logvar) - 1 - logvar, axis=1)
    # The closed form is that of the Gaussian before the flow: less log |det| it is still not log q
    # - log p, for the prior must be taken at z.
    z0, z, log_det = moved(mu, logvar, eps, bijection, context)
    return z, 0.5 * np.sum(mu**2 + np.exp(logvar) - 1 - logvar, axis=1) - log_det
    # The flow stretches, and the density becomes thinner: log |det| is missing in log q.
    log_q0 - log_det - log_prior -> log_q0 - log_prior
    # Where the flow stretches the density becomes thinner: log |det| enters log q with a minus.
    log_q0 - log_det - log_prior -> log_q0 + log_det - log_prior
    # The sign of the divergence is turned: this is log p - log q.
    log_q0 - log_det - log_prior -> log_prior + log_det - log_q0
    # The prior is missing: log q - log p(z).
    log_q0 - log_det - log_prior -> log_q0 - log_det
    # log q is missing: only the prior and the flow are counted.
    log_q0 - log_det - log_prior -> -log_det - log_prior
    # The prior's density counts with a minus: log q - log p(z).
    log_q0 - log_det - log_prior -> log_q0 - log_det + log_prior
    # The prior is taken at z, where the flow has brought the draw, not at z0.
    np.sum(z**2 + math.log(2 * math.pi), axis=1) -> np.sum(z0**2 + math.log(2 * math.pi), axis=1)
    # The draw is z, after the flow.
    return like(z, mu), like(log_q0 - log_det - log_prior, mu) ->
    return z0, log_q0 - log_det - log_prior
    # Both the draw and the prior's argument are z, after the flow, not z0.
    z0, z, log_det = moved(mu, logvar, eps, bijection, context)
    return z0, 0.5 * np.sum(z0**2 - eps**2 - logvar, axis=1) - log_det
    # logvar is the logarithm of sigma²: sigma is exp(logvar/2).
    np.exp(logvar / 2) -> np.exp(logvar)
    np.exp(logvar / 2) -> logvar  # logvar is the logarithm of sigma²: sigma is exp(logvar/2).
    # The mean mu is missing in z0.
    mu + np.exp(logvar / 2) * eps -> np.exp(logvar / 2) * eps
    # The noise is drawn around mu: add, with the sign of eps as it is.
    mu + np.exp(logvar / 2) * eps -> mu - np.exp(logvar / 2) * eps
    # The sign of log sigma is wrong: inside of -½ Σ stands logvar, with a plus.
    eps**2 + logvar -> eps**2 - logvar
    eps**2 + logvar -> eps**2  # log sigma is missing in the Gaussian's log-density.
    # Inside -½ Σ stands log sigma² = logvar, not half of it.
    eps**2 + logvar -> eps**2 + logvar / 2
    # Inside -½ Σ stands log sigma² = logvar, not twice it.
    eps**2 + logvar -> eps**2 + 2 * logvar
    # The square of eps is missing in log q: it is the density of this draw.
    eps**2 + logvar -> logvar
    # The squared distance of z0 from mu, in units of sigma, is eps²: not z0².
    eps**2 + logvar -> z0**2 + logvar
    # The squared distance of z0 from mu must be divided by sigma²: it is eps².
    eps**2 + logvar -> (z0 - mu) ** 2 + logvar
    # The factor ½ of a Gaussian's exponent is missing in both densities.
    log_q0 = -0.5 * np.sum(eps**2 + logvar + math.log(2 * math.pi), axis=1) ->
    log_q0 = -np.sum(eps**2 + logvar, axis=1)
    log_prior = -0.5 * np.sum(z**2 + math.log(2 * math.pi), axis=1) ->
    log_prior = -np.sum(z**2, axis=1)
    # The factor ½ is missing in log q.
    log_q0 = -0.5 * np.sum(eps**2 + logvar + math.log(2 * math.pi), axis=1) ->
    log_q0 = -np.sum(eps**2 + logvar + math.log(2 * math.pi), axis=1)
    # The factor ½ is missing in the prior.
    log_prior = -0.5 * np.sum(z**2 + math.log(2 * math.pi), axis=1) ->
    log_prior = -np.sum(z**2 + math.log(2 * math.pi), axis=1)
    # 2 pi stands in both densities or in neither.
    np.sum(eps**2 + logvar + math.log(2 * math.pi), axis=1) -> np.sum(eps**2 + logvar, axis=1)
    # 2 pi stands in both densities or in neither: the prior has it too.
    np.sum(z**2 + math.log(2 * math.pi), axis=1) -> np.sum(z**2, axis=1)
    # Nats of an example are a sum over its coordinates, not a mean.
    -0.5 * np.sum(eps**2 + logvar + math.log(2 * math.pi), axis=1) ->
    -0.5 * np.mean(eps**2 + logvar + math.log(2 * math.pi), axis=1)
    -0.5 * np.sum(z**2 + math.log(2 * math.pi), axis=1) ->
    -0.5 * np.mean(z**2 + math.log(2 * math.pi), axis=1)
    # One estimate for each example: the batch is not averaged here.
    z0, z, log_det = moved(mu, logvar, eps, bijection, context)
    log_q = -0.5 * np.sum(eps**2 + logvar, axis=1) - log_det
    return z, np.mean(log_q + 0.5 * np.sum(z**2, axis=1))
    # The context must be handed on to the flow.
    apply(bijection.forward, z0, context) -> bijection.forward(z0)
    # The flow is left out: z must go through bijection.forward.
    z, log_det = apply(bijection.forward, z0, context) -> z, log_det = z0, np.zeros(len(z0))
    # The flow is applied to the noise before mu and sigma: first the Gaussian, then the flow.
    z, log_det = apply(bijection.forward, z0, context) ->
    z, log_det = bijection.forward(eps, context)
    # A single draw may be below zero, and must be: cut off, the mean is too high.
    z0, z, log_det = moved(mu, logvar, eps, bijection, context)
    kl = 0.5 * np.sum(z**2 - eps**2 - logvar, axis=1) - log_det
    return z, np.maximum(kl, 0)
    # Where sigma is 0 on a computer (z0 - mu)/sigma is 0/0: it is eps.
    z0, z, log_det = moved(mu, logvar, eps, bijection, context)
    log_q = -0.5 * np.sum((z0 - mu) ** 2 / np.exp(logvar) + logvar, axis=1) - log_det
    return z, log_q + 0.5 * np.sum(z**2, axis=1)
    # The logarithm of sigma = 0 is infinite: log sigma is logvar/2, without exp and log.
    z0, z, log_det = moved(mu, logvar, eps, bijection, context)
    log_q = np.sum(-0.5 * eps**2 - np.log(np.exp(logvar / 2)), axis=1) - log_det
    return z, log_q + 0.5 * np.sum(z**2, axis=1)
    """
}

VARIANTS = {
    "flow_posterior": """
    # the constants cancel
    z0 = eps * np.exp(0.5 * logvar) + mu
    z, log_det = bijection.forward(z0, context)
    return z, 0.5 * np.sum(z**2 - eps**2 - logvar, axis=1) - log_det
    # log q is that of the noise, less both stretches
    sigma = np.exp(0.5 * logvar)
    z, log_det = bijection.forward(mu + sigma * eps, context)
    log_q = -0.5 * np.sum(eps * eps, axis=1) - 0.5 * np.sum(logvar, axis=1) - log_det
    return z, log_q + 0.5 * np.sum(z * z, axis=1)
    # the prior minus the posterior, with the sign turned at the end
    z, log_det = bijection.forward(mu + np.exp(logvar * 0.5) * eps, context)
    log_p = -0.5 * (z**2).sum(1) - 0.5 * np.log(2 * np.pi) * z.shape[1]
    log_q = -0.5 * (eps**2 + logvar).sum(1) - 0.5 * np.log(2 * np.pi) * z.shape[1] - log_det
    return z, -(log_p - log_q)
    """
}
