"""Mistakes in the exercises of flow/13, and other right answers."""

import autograd.numpy as np


def moved(mu, logvar, eps, bijection, context):
    z0 = mu + np.exp(logvar / 2) * eps
    return (z0, *bijection.forward(z0, context))


MISTAKES = {
    "independent_gap": """
    # The factor 1/2 of a Gaussian's KL divergence is missing.
    0.5 * (np.sum(np.log(diagonal), axis=1) - log_det) -> np.sum(np.log(diagonal), axis=1) - log_det
    # The sign is reversed: a divergence is not negative, and the product of the diagonal is the
    # larger of the two.
    np.sum(np.log(diagonal), axis=1) - log_det -> log_det - np.sum(np.log(diagonal), axis=1)
    # The determinant is missing: its logarithm is subtracted.
    np.sum(np.log(diagonal), axis=1) - log_det -> np.sum(np.log(diagonal), axis=1)
    # The diagonal is missing: the sum of its logarithms.
    np.sum(np.log(diagonal), axis=1) - log_det -> -log_det
    # Both terms are added: the log-determinant has a minus.
    np.sum(np.log(diagonal), axis=1) - log_det -> np.sum(np.log(diagonal), axis=1) + log_det
    # Nats of a posterior are a sum over its coordinates, not a mean.
    np.sum(np.log(diagonal), axis=1) -> np.mean(np.log(diagonal), axis=1)
    # The logarithm of the sum is not the sum of the logarithms.
    np.sum(np.log(diagonal), axis=1) -> np.log(np.sum(diagonal, axis=1))
    # The logarithm of the diagonal is missing.
    np.sum(np.log(diagonal), axis=1) -> np.sum(diagonal, axis=1)
    # The determinant overflows or underflows: use slogdet.
    P = precision
    diagonal = np.diagonal(P, axis1=1, axis2=2)
    return 0.5 * (np.sum(np.log(diagonal), axis=1) - np.log(np.linalg.det(P)))
    # The product of the diagonal overflows or underflows: sum the logarithms of its entries.
    P = precision
    diagonal = np.diagonal(P, axis1=1, axis2=2)
    return 0.5 * (np.log(np.prod(diagonal, axis=1)) - np.linalg.slogdet(P)[1])
    # These are the variances of the posterior: that is the best q of the other divergence,
    # KL(posterior || q). Here the variances are 1/P_jj.
    S = np.linalg.inv(precision)
    diagonal = np.diagonal(S, axis1=1, axis2=2)
    return 0.5 * (np.sum(np.log(diagonal), axis=1) - np.linalg.slogdet(S)[1])
    # The trace term is D already, and D is subtracted: neither is left.
    P = precision
    diagonal = np.diagonal(P, axis1=1, axis2=2)
    total = np.sum(np.log(diagonal), axis=1) - np.linalg.slogdet(P)[1]
    return 0.5 * (total + P.shape[1])
    # The divergences are averaged over the batch: each posterior has one.
    P = precision
    diagonal = np.diagonal(P, axis1=1, axis2=2)
    return np.mean(0.5 * (np.sum(np.log(diagonal), axis=1) - np.linalg.slogdet(P)[1]))
    """,
    "flow_prior": """
    # This is the closed form for the prior N(0, I): here the prior is a flow.
    z = mu + np.exp(logvar / 2) * eps
    return z, 0.5 * np.sum(mu**2 + np.exp(logvar) - 1 - logvar, axis=1)
    # The prior is N(0, I) here, at z: it must be the flow's density, N(0, I) at u and log |det|.
    z = mu + np.exp(logvar / 2) * eps
    return z, 0.5 * np.sum(z**2 - eps**2 - logvar, axis=1)
    # The flow goes in the wrong direction: it maps u to the code z, so u comes from
    # bijection.inverse(z).
    u, log_det = bijection.inverse(z) -> u, log_det = bijection.forward(z)
    # The log-determinant is missing: the density of the prior at z has log |det du/dz|.
    np.sum(u**2 + math.log(2 * math.pi), axis=1) + log_det ->
    np.sum(u**2 + math.log(2 * math.pi), axis=1)
    # The sign of the log-determinant is wrong: that of du/dz is added to log p(z).
    np.sum(u**2 + math.log(2 * math.pi), axis=1) + log_det ->
    np.sum(u**2 + math.log(2 * math.pi), axis=1) - log_det
    # The sign of the divergence is reversed: log q - log p.
    log_q - log_prior -> log_prior - log_q
    # The prior is missing: log q - log p(z).
    like(log_q - log_prior, mu) -> log_q
    # log q is missing: log q - log p(z).
    like(log_q - log_prior, mu) -> -log_prior
    # The signs of both logarithms are equal: log p(z) is subtracted.
    log_q - log_prior -> log_q + log_prior
    # The prior's Gaussian is evaluated at u, not at z.
    np.sum(u**2 + math.log(2 * math.pi), axis=1) -> np.sum(z**2 + math.log(2 * math.pi), axis=1)
    # The draw is z; u belongs to the prior only.
    return like(z, mu), like(log_q - log_prior, mu) -> return u, log_q - log_prior
    # logvar is the logarithm of sigma²: sigma is exp(logvar/2).
    np.exp(logvar / 2) -> np.exp(logvar)
    # The mean mu is missing in z.
    mu + np.exp(logvar / 2) * eps -> np.exp(logvar / 2) * eps
    # The sign of log sigma is wrong: inside of -½ Σ is logvar, with a plus.
    eps**2 + logvar -> eps**2 - logvar
    eps**2 + logvar -> eps**2  # log sigma is missing in the Gaussian's log-density.
    # The square of eps is missing in log q: it is the density of this draw.
    eps**2 + logvar -> logvar
    # The squared distance of z from mu, in units of sigma, is eps²: not z².
    eps**2 + logvar -> z**2 + logvar
    # 2 pi is in both densities or in neither.
    np.sum(eps**2 + logvar + math.log(2 * math.pi), axis=1) -> np.sum(eps**2 + logvar, axis=1)
    # Nats of an example are a sum over its coordinates, not a mean.
    -0.5 * np.sum(eps**2 + logvar + math.log(2 * math.pi), axis=1) ->
    -0.5 * np.mean(eps**2 + logvar + math.log(2 * math.pi), axis=1)
    -0.5 * np.sum(u**2 + math.log(2 * math.pi), axis=1) ->
    -0.5 * np.mean(u**2 + math.log(2 * math.pi), axis=1)
    # The noise eps is that of the posterior, not of the prior: the flow is inverted at z.
    u, log_det = bijection.inverse(z) -> u, log_det = bijection.inverse(eps)
    # The estimates are averaged over the batch: each example has one.
    z = mu + np.exp(logvar / 2) * eps
    u, log_det = bijection.inverse(z)
    return z, np.mean(0.5 * np.sum(u**2 - eps**2 - logvar, axis=1) - log_det)
    # A single draw may be below zero: with a floor at 0 the mean is too high.
    z = mu + np.exp(logvar / 2) * eps
    u, log_det = bijection.inverse(z)
    return z, np.maximum(0.5 * np.sum(u**2 - eps**2 - logvar, axis=1) - log_det, 0)
    # Where sigma underflows to 0, (z - mu)/sigma is 0/0: it is eps.
    z = mu + np.exp(logvar / 2) * eps
    u, log_det = bijection.inverse(z)
    log_q = -0.5 * np.sum((z - mu) ** 2 / np.exp(logvar) + logvar, axis=1)
    return z, log_q + 0.5 * np.sum(u**2, axis=1) - log_det
    """,
    "flow_posterior": """
    # This is the closed form for a Gaussian, without the flow: take log q - log p at the z that was
    # drawn.
    z0, z, log_det = moved(mu, logvar, eps, bijection, context)
    return z, 0.5 * np.sum(mu**2 + np.exp(logvar) - 1 - logvar, axis=1)
    # The closed form is that of the Gaussian before the flow: less log |det| it is still not log q
    # - log p, for the prior must be taken at z.
    z0, z, log_det = moved(mu, logvar, eps, bijection, context)
    return z, 0.5 * np.sum(mu**2 + np.exp(logvar) - 1 - logvar, axis=1) - log_det
    # log |det| is missing in log q: where the flow stretches, the density is lower.
    log_q0 - log_det - log_prior -> log_q0 - log_prior
    # The sign of log |det| is wrong: it enters log q with a minus, because the density is lower
    # where the flow stretches.
    log_q0 - log_det - log_prior -> log_q0 + log_det - log_prior
    # The sign of the divergence is reversed: this is log p - log q.
    log_q0 - log_det - log_prior -> log_prior + log_det - log_q0
    # The prior is missing: log q - log p(z).
    log_q0 - log_det - log_prior -> log_q0 - log_det
    # log q is missing: only the prior and the flow are counted.
    log_q0 - log_det - log_prior -> -log_det - log_prior
    # The prior's density counts with a minus: log q - log p(z).
    log_q0 - log_det - log_prior -> log_q0 - log_det + log_prior
    # The prior is evaluated at z, the output of the flow, not at z0.
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
    # The sign of log sigma is wrong: inside of -½ Σ is logvar, with a plus.
    eps**2 + logvar -> eps**2 - logvar
    eps**2 + logvar -> eps**2  # log sigma is missing in the Gaussian's log-density.
    # Inside -½ Σ is log sigma² = logvar, not half of it.
    eps**2 + logvar -> eps**2 + logvar / 2
    # Inside -½ Σ is log sigma² = logvar, not twice it.
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
    # The 2 pi is missing in the posterior: it is in both densities or in neither.
    np.sum(eps**2 + logvar + math.log(2 * math.pi), axis=1) -> np.sum(eps**2 + logvar, axis=1)
    # The 2 pi is missing in the prior: it is in both densities or in neither.
    np.sum(z**2 + math.log(2 * math.pi), axis=1) -> np.sum(z**2, axis=1)
    # Nats of an example are a sum over its coordinates, not a mean.
    -0.5 * np.sum(eps**2 + logvar + math.log(2 * math.pi), axis=1) ->
    -0.5 * np.mean(eps**2 + logvar + math.log(2 * math.pi), axis=1)
    -0.5 * np.sum(z**2 + math.log(2 * math.pi), axis=1) ->
    -0.5 * np.mean(z**2 + math.log(2 * math.pi), axis=1)
    # The estimates are averaged over the batch: each example has one.
    z0, z, log_det = moved(mu, logvar, eps, bijection, context)
    log_q = -0.5 * np.sum(eps**2 + logvar, axis=1) - log_det
    return z, np.mean(log_q + 0.5 * np.sum(z**2, axis=1))
    # The context must be passed to the flow.
    apply(bijection.forward, z0, context) -> bijection.forward(z0)
    # The flow is left out: z must go through bijection.forward.
    z, log_det = apply(bijection.forward, z0, context) -> z, log_det = z0, np.zeros(len(z0))
    # The flow is applied to the noise before mu and sigma: first the Gaussian, then the flow.
    z, log_det = apply(bijection.forward, z0, context) ->
    z, log_det = bijection.forward(eps, context)
    # A single draw may be below zero: with a floor at 0 the mean is too high.
    z0, z, log_det = moved(mu, logvar, eps, bijection, context)
    kl = 0.5 * np.sum(z**2 - eps**2 - logvar, axis=1) - log_det
    return z, np.maximum(kl, 0)
    # Where sigma underflows to 0, (z0 - mu)/sigma is 0/0: it is eps.
    z0, z, log_det = moved(mu, logvar, eps, bijection, context)
    log_q = -0.5 * np.sum((z0 - mu) ** 2 / np.exp(logvar) + logvar, axis=1) - log_det
    return z, log_q + 0.5 * np.sum(z**2, axis=1)
    # The logarithm of sigma = 0 is infinite: log sigma is logvar/2, without exp and log.
    z0, z, log_det = moved(mu, logvar, eps, bijection, context)
    log_q = np.sum(-0.5 * eps**2 - np.log(np.exp(logvar / 2)), axis=1) - log_det
    return z, log_q + 0.5 * np.sum(z**2, axis=1)
    """,
}

VARIANTS = {
    "independent_gap": """
    # by eigenvalues
    eigenvalues = np.linalg.eigvalsh(precision)
    diagonal = np.einsum("njj->nj", precision)
    return 0.5 * np.sum(np.log(diagonal) - np.log(eigenvalues), axis=1)
    # the log-determinant of the correlations of the precision matrix
    scale = np.sqrt(np.diagonal(precision, axis1=1, axis2=2))
    return -0.5 * np.linalg.slogdet(precision / (scale[:, :, None] * scale[:, None]))[1]
    """,
    "flow_prior": """
    # the constants cancel
    z = eps * np.exp(0.5 * logvar) + mu
    u, log_det = bijection.inverse(z)
    return z, 0.5 * np.sum(u**2 - eps**2 - logvar, axis=1) - log_det
    # the log-determinant of the other direction, at u
    z = mu + np.exp(0.5 * logvar) * eps
    u = bijection.inverse(z)[0]
    log_det = bijection.forward(u)[1]
    return z, 0.5 * np.sum(u * u, axis=1) + log_det - 0.5 * np.sum(eps * eps + logvar, axis=1)
    """,
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
    # the prior minus the posterior, with the sign reversed at the end
    z, log_det = bijection.forward(mu + np.exp(logvar * 0.5) * eps, context)
    log_p = -0.5 * (z**2).sum(1) - 0.5 * np.log(2 * np.pi) * z.shape[1]
    log_q = -0.5 * (eps**2 + logvar).sum(1) - 0.5 * np.log(2 * np.pi) * z.shape[1] - log_det
    return z, -(log_p - log_q)
    """,
}
