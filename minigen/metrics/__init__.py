"""Metrics of models and samples.

`divergence`: KL and JS. `transport`: the Wasserstein-1 distance. `samples`: quality of samples, and the floor that two
samples of the truth set. `likelihood`: units and gaps. `dimension`: intrinsic dimension. `digits` (imported by its own
name): a classifier of digits, and metrics of generated digits.
"""

from minigen.metrics.dimension import intrinsic_dimension, neighbor_ratios, two_nn_dimension
from minigen.metrics.divergence import (
    js_divergence,
    js_integrand,
    js_on_grid,
    kl_divergence,
    kl_integrand,
    kl_normal,
    kl_on_grid,
)
from minigen.metrics.likelihood import bits_per_dim, dequantization_bits, nats_to_bits, nll_gap
from minigen.metrics.samples import (
    classifier_two_sample_test,
    frechet_distance,
    inception_score,
    mean_and_covariance,
    mmd,
    mode_coverage,
    precision_recall,
    sampling_floor,
)
from minigen.metrics.transport import (
    earth_mover_1d,
    marginals,
    plan_cost,
    plan_gradient,
    sliced_wasserstein,
    transport_plan,
    wasserstein,
    wasserstein_1d,
)

__all__ = [
    "bits_per_dim",
    "classifier_two_sample_test",
    "dequantization_bits",
    "earth_mover_1d",
    "frechet_distance",
    "inception_score",
    "intrinsic_dimension",
    "js_divergence",
    "js_integrand",
    "js_on_grid",
    "kl_divergence",
    "kl_integrand",
    "kl_normal",
    "kl_on_grid",
    "marginals",
    "mean_and_covariance",
    "mmd",
    "mode_coverage",
    "nats_to_bits",
    "neighbor_ratios",
    "nll_gap",
    "plan_cost",
    "plan_gradient",
    "precision_recall",
    "sampling_floor",
    "sliced_wasserstein",
    "transport_plan",
    "two_nn_dimension",
    "wasserstein",
    "wasserstein_1d",
]
