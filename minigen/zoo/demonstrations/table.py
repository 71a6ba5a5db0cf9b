"""Which training shows the function of an exercise at work."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy

from minigen import checks
from minigen.zoo.demonstrations import autoencoders, diffusion, flows, gans, start
from minigen.zoo.demonstrations.frames import DATA, Frame

__all__ = ["DEMONSTRATIONS", "Demonstration"]

SETTINGS = ("data", "lr", "steps")

Box = tuple[float, float, float, float]
ROLES = {"data": "data", "model": "model", "codes": "code vectors"}
BOX: Box = (-2.6, 2.6, -2.6, 2.6)


@dataclass(frozen=True)
class Demonstration:
    """A training that calls the function of an exercise.

    train: yields the frames, given a generator and the settings that a reader may change. measure: what the distance
    is. note: what a right function does instead, where the distance does not fall. box: the part of the plane that is
    shown. legend: what the roles of the layers stand for.
    """

    name: str
    train: Callable[..., Iterator[Frame]]
    measure: str = "distance to the data"
    note: str = ""
    box: Box = BOX
    legend: Mapping[str, str] = field(default_factory=lambda: dict(ROLES))

    @property
    def settings(self) -> dict[str, Any]:
        """What a reader may change, with the values that it has otherwise: "data" (a name of `DATA`), "lr", "steps"."""
        arguments = inspect.signature(self.train).parameters
        given = {name: arguments[name].default for name in SETTINGS if name in arguments}
        if "data" in given:
            given["data"] = next(name for name, density in DATA.items() if density is given["data"])
        return given

    def title(self, data: str | None = None) -> str:
        """Return the name, and of which data, where that can be chosen."""
        default = self.settings.get("data")
        return f"{self.name} on {data or default}" if default else self.name

    def frames(self, **settings: Any) -> Iterator[Frame]:
        """Return the frames of the training, always of the same seed.

        settings: as in `settings`. Raises ValueError for a name or a value that there is not. The model is made with
        the first frame: a function that makes it may be the reader's by then.
        """
        known = self.settings
        if not set(settings) <= set(known):
            raise ValueError(f"settings must be of {', '.join(known)}, got {', '.join(settings)}")
        if "data" in settings:
            settings["data"] = DATA[checks.choice("data", settings["data"], tuple(DATA))]
        if "lr" in settings:
            checks.positive("lr", settings["lr"])
        if "steps" in settings:
            checks.whole("steps", settings["steps"])
        return self._from_the_start(settings)

    def _from_the_start(self, settings: dict[str, Any]) -> Iterator[Frame]:
        yield from self.train(numpy.random.default_rng(0), **settings)


GAN, IMPROVED = "A GAN", "Improved training of a GAN"
GAME, EQUILIBRIUM = "Two players of the game x·y", "distance from the equilibrium"
APART = "This rule drives the players apart, as it must."
CLASSES = {"data": "one class", "model": "the other", "line": "decision boundary"}
PLAYERS = {"model": "the players' trajectory", "codes": "where they are"}
CLOSED = "This rule keeps the players on a closed curve, as it must."
VAE, CODES, NEAREST = "A VAE", "A codebook of 24 vectors", "squared distance to the nearest code"
MAF, IAF = "A masked autoregressive flow", "An inverse autoregressive flow"
DIFFUSION, SCORE = "Diffusion", "Score matching and Langevin's steps"
CONSISTENCY, TWO_CALLS = "A consistency model", "distance to the data, after two calls"

TABLE: list[tuple] = [  # lesson, functions of its exercises, and what a `Demonstration` holds
    (
        "start/01",
        "bce_with_logits adam_update",
        "A classifier of two moons",
        start.classifier,
        "fraction of errors",
        "",
        BOX,
        CLASSES,
    ),
    ("gan/02", "discriminator_loss generator_loss_nonsaturating", GAN, gans.gan),
    ("gan/02", "generator_loss_minimax", GAN, partial(gans.gan, saturating=True)),
    (
        "gan/04",
        "simultaneous_step",
        GAME,
        partial(gans.game, move=gans.simultaneous),
        EQUILIBRIUM,
        APART,
        (-16, 16, -16, 16),
        PLAYERS,
    ),
    (
        "gan/04",
        "alternating_step",
        GAME,
        partial(gans.game, move=gans.alternating),
        EQUILIBRIUM,
        CLOSED,
        BOX,
        PLAYERS,
    ),
    (
        "gan/04",
        "extragradient_step",
        GAME,
        partial(gans.game, move=gans.extragradient),
        EQUILIBRIUM,
        "",
        BOX,
        PLAYERS,
    ),
    ("gan/04", "optimistic_step", GAME, partial(gans.game, move=gans.optimistic), EQUILIBRIUM, "", BOX, PLAYERS),
    ("gan/09", "feature_matching_loss", IMPROVED, partial(gans.improved_gan, generator_loss=gans.feature_matching)),
    ("gan/09", "historical_penalty running_mean", IMPROVED, partial(gans.improved_gan, history=0.01)),
    ("gan/09", "instance_noise", IMPROVED, partial(gans.improved_gan, noise=0.3)),
    ("gan/12", "critic_loss clip_weights", "A Wasserstein GAN with clipped weights", gans.wgan),
    ("gan/12", "gradient_penalty penalized_critic_loss", "A Wasserstein GAN with penalized slopes", gans.wgan_gp),
    (
        "vae/02",
        "reconstruction_loss",
        "An autoencoder with a code of one number",
        autoencoders.bottleneck,
        "squared distance to the reconstruction",
    ),
    ("vae/03", "corrupt denoising_loss", "A denoising autoencoder", autoencoders.denoiser),
    ("vae/08", "reparameterize kl_standard_normal elbo", VAE, autoencoders.vae),
    ("vae/09", "beta_vae_loss", VAE, partial(autoencoders.vae, objective=autoencoders.beta_vae_loss)),
    ("vae/09", "capacity_loss", VAE, partial(autoencoders.vae, objective=autoencoders.capacity_loss)),
    ("vae/10", "nearest straight_through quantization_losses", CODES, autoencoders.codebook, NEAREST),
    ("vae/10", "ema_update", CODES, autoencoders.averaged_codebook, NEAREST),
    ("flow/04", "planar_forward u_hat", "Planar layers", flows.planar),
    ("flow/04", "radial_forward", "Radial layers", flows.radial),
    ("flow/05", "affine_forward affine_inverse affine_log_det", "RealNVP", flows.realnvp),
    ("flow/06", "additive_forward additive_inverse diagonal_scale", "NICE", flows.nice),
    ("flow/08", "made_masks masked_linear", MAF, flows.maf),
    ("flow/11", "maf_inverse maf_forward", MAF, flows.maf),
    ("flow/12", "iaf_forward", IAF, flows.iaf),
    ("flow/12", "iaf_from_maf", IAF, partial(flows.iaf, transform=flows.inverse_of_maf)),
    ("flow/12", "iaf_gated", IAF, partial(flows.iaf, transform=flows.gated)),
    ("diffusion/01", "q_step", DIFFUSION, partial(diffusion.diffusion, objective=diffusion.stepwise_loss)),
    ("diffusion/01", "q_sample", DIFFUSION, diffusion.diffusion),
    ("diffusion/02", "langevin_step", SCORE, diffusion.score_matching),
    ("diffusion/03", "posterior_mean", DIFFUSION, partial(diffusion.diffusion, sample=diffusion.by_posterior)),
    (
        "diffusion/03",
        "posterior_variances",
        DIFFUSION,
        partial(diffusion.diffusion, sample=diffusion.with_posterior_variance),
    ),
    ("diffusion/04", "simple_loss mean_from_eps ancestral_step", DIFFUSION, diffusion.diffusion),
    ("diffusion/05", "score_from_eps", "Langevin sampling of a ring", diffusion.langevin_sampling),
    ("diffusion/05", "denoising_score_matching_loss noise_scales", SCORE, diffusion.score_matching),
    (
        "diffusion/05",
        "sliced_score_matching_loss",
        "Sliced score matching",
        diffusion.sliced_score,
        "distance to the true score",
    ),
    ("diffusion/06", "cosine_beta", DIFFUSION, partial(diffusion.diffusion, schedule=diffusion.cosine_schedule)),
    (
        "diffusion/08",
        "classifier_gradient classifier_guided_eps",
        "Classifier guidance",
        diffusion.classifier_guided,
    ),
    ("diffusion/09", "classifier_free_eps drop_labels", "Classifier-free guidance", diffusion.guided),
    ("diffusion/10", "ddim_step spaced_timesteps", DIFFUSION, partial(diffusion.diffusion, sample=diffusion.ddim)),
    ("diffusion/10", "ddim_variance", DIFFUSION, partial(diffusion.diffusion, sample=diffusion.ddim_with_noise)),
    (
        "diffusion/11",
        "distillation_target truncated_snr_weight student_loss",
        "A student of half the steps",
        diffusion.distilled,
    ),
    (
        "diffusion/12",
        "boundary_scalings consistency_training_loss multistep",
        CONSISTENCY,
        diffusion.consistency_model,
        TWO_CALLS,
    ),
    (
        "diffusion/12",
        "ode_step",
        CONSISTENCY,
        partial(diffusion.consistency_model, objective=diffusion.consistency_distillation),
        TWO_CALLS,
    ),
    ("diffusion/17", "sinusoidal", DIFFUSION, diffusion.diffusion),
]

DEMONSTRATIONS = {  # by the id of an exercise
    f"{lesson}/{name}": Demonstration(*about) for lesson, names, *about in TABLE for name in names.split()
}
