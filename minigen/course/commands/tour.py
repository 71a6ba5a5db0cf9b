"""`minigen tour`: a GAN, a VAE, a RealNVP and a DDPM (`minigen.zoo.four`) learn the same 2-D density, one by one.

With `--after` a fifth model does, by flow matching, which the lessons after the posts teach.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minigen import plot
from minigen.course.console import text_table
from minigen.course.lesson.folder import RunFolder
from minigen.course.lesson.options import Parser, add_out, add_seed
from minigen.course.lesson.recipe import recipe_of
from minigen.course.lesson.run import folder_name
from minigen.data import toy
from minigen.data.density import Density
from minigen.metrics.likelihood import nll_gap
from minigen.metrics.samples import sampling_floor
from minigen.metrics.transport import sliced_wasserstein
from minigen.zoo.four import AFTER, FAMILIES, STEPS, Trained

__all__ = ["main", "parser", "tour"]

QUICK_STEPS = 20
SAMPLES = 5000  # points that each model is judged by
LOSS_SCALE = (0.0, 4.0)  # of all four losses in the picture

EXPLANATION = f"""
distance: sliced Wasserstein between {SAMPLES:,} samples and {SAMPLES:,} true points; its floor is what two samples
of the truth are apart. -log p: mean over true points; that of the truth is its entropy. A GAN has none, and that of
a diffusion model is only bounded (lesson diffusion/04), unless its ODE is followed (lesson after/01).

The lower row of the picture has the losses during training, all on one scale, each with what it is compared with:
the two of the GAN with 2 log 2 and log 2, their values when D(x) = 1/2 everywhere; -ELBO and -log p with the entropy
of the truth, below which no model's mean can be; the DDPM's squared error with 1, that of a network that predicts 0."""
OF_THE_FIFTH = """ So is the error of the velocity, with 2;
it cannot reach 0, because lines cross (lesson after/02)."""


def parser() -> Parser:
    """Return the arguments of `minigen tour`."""
    result = Parser(
        prog="minigen tour",
        description="See four kinds of model learn the same density.",
        example="minigen tour --seed 1",
    )
    add_seed(result)
    add_out(result, what="folder for the picture and the table")
    result.add_argument("--after", action="store_true", help="with a fifth model, by flow matching (lesson after/02)")
    result.add_argument("--quick", action="store_true", help="a few seconds, to see that it runs")
    return result


def main(argv: Sequence[str]) -> int:
    """`minigen tour ...`; returns 0."""
    return tour(**vars(parser().parse_args(argv)))


def tour(seed: int = 0, out: Path = Path("out"), quick: bool = False, after: bool = False) -> int:
    """Run the tour: print the table, write `tour.png` and `tour.json` to `out`/tour; returns 0.

    after: with the models of `AFTER`, in the folder `out`/tour-after.

    Raises UsageError when that folder cannot be written or holds other files.
    """
    name = "tour-after" if after else "tour"
    run = {"lesson": name, "seed": seed, "quick": quick}
    folder = RunFolder(Path(out) / folder_name(name, quick), run, recipe_of(__file__))
    families = {**FAMILIES, **AFTER} if after else FAMILIES
    density = toy.two_moons(0.1).standardized()
    truth = density.sample(np.random.default_rng(seed + 1), SAMPLES)
    floor = sampling_floor(distance, density.sample, SAMPLES, np.random.default_rng(3)).mean
    models: dict[str, dict[str, Any]] = {}
    drawn: dict[str, tuple[np.ndarray, Trained]] = {}
    rows: list[list[str]] = []
    for name, train in families.items():
        model = train(density, QUICK_STEPS if quick else STEPS[name], np.random.default_rng([seed, len(rows)]))
        x, models[name] = judge(model, density, truth, seed)
        drawn[name] = x, model
        rows.append(row(name, models[name], model, density.entropy(), floor))
        print(f"{name} has learned: {model.history.steps_done} steps in {model.history.seconds:.0f} s", flush=True)

    rows.append(["the truth", f"{floor:.3f}", "1.0", f"{density.entropy():.3f} exact", "", ""])
    header = ["model", "distance", "/ floor", "-log p (nats)", "training", f"{SAMPLES:,} samples"]
    ways, more = ("five", OF_THE_FIFTH) if after else ("four", "")
    print(f"\nTwo moons, learned {ways} ways:\n\n{text_table(rows, header)}\n{EXPLANATION}{more}")
    picture = plot.save(draw(density, truth, drawn), folder.file("tour.png"))
    folder.write_json("tour.json", {"seed": seed, "entropy": density.entropy(), "floor": floor, "models": models})
    folder.finish()
    folder.release()
    print(f"\nThe picture is {picture}. Next: minigen list")
    return 0


def distance(x: np.ndarray, y: np.ndarray) -> float:
    """Sliced Wasserstein along the same 200 directions for every model."""
    return sliced_wasserstein(x, y, 200, np.random.default_rng(2))


def judge(model: Trained, density: Density, truth: np.ndarray, seed: int) -> tuple[np.ndarray, dict[str, Any]]:
    """Return a model's samples, and the numbers that `tour.json` keeps of it."""
    start = time.perf_counter()
    x = model.sample(np.random.default_rng(seed + 4), SAMPLES)
    sampling = time.perf_counter() - start
    gap = None
    if model.log_prob is not None:
        log_prob = model.log_prob
        gap = nll_gap(density, lambda x: log_prob(x, np.random.default_rng(5)), truth).gap
    return x, {
        "sliced_wasserstein": distance(x, truth),
        "nll_gap": gap,
        "training_seconds": model.history.seconds,
        "sampling_seconds": sampling,
    }


def row(name: str, numbers: dict[str, Any], model: Trained, entropy: float, floor: float) -> list[str]:
    """Return a model's line of the table."""
    d, gap = numbers["sliced_wasserstein"], numbers["nll_gap"]
    nll = "-" if gap is None else f"{entropy + gap:.3f} {model.likelihood}"
    training, sampling = f"{model.history.seconds:.0f} s", f"{1e3 * numbers['sampling_seconds']:.0f} ms"
    return [name, f"{d:.3f}", f"{d / floor:.1f}", nll, training, sampling]


def draw(density: Density, truth: np.ndarray, drawn: dict[str, tuple[np.ndarray, Trained]]) -> Any:
    """One figure: the truth and the models' samples over it, and below each model how its training went.

    All losses are drawn on one scale, each with a value to compare it with, dashed.
    """
    figure, axes = plot.figure(2, 1 + len(drawn), size=(2.3, 2.5))
    half = max(map(abs, density.bounds))
    square = (-half, half, -half, half)
    plot.density(density, axes[0, 0], title="the truth", bounds=square)
    plot.samples(truth[:2000], ax=axes[1, 0], title="true samples", bounds=square, color=plot.color.real)
    for (above, below), (name, (x, model)) in zip(axes.T[1:], drawn.items(), strict=True):
        plot.samples(x[:2000], density=density, ax=above, title=name, bounds=square)
        smooth = max(1, model.history.steps_done // 50)
        plot.curves(model.history, ax=below, smooth=smooth, title=model.loss, reference=landmarks(name, density))
        below.set(ylim=LOSS_SCALE, ylabel="")
        below.legend(loc="upper right", fontsize=7)
    for ax in axes.flat:
        ax.set_box_aspect(1)
    for ax in (*axes[0, 1:], *axes[1, 2:]):
        ax.tick_params(labelleft=False)
    return figure


def landmarks(name: str, density: Density) -> dict[str, float]:
    """Values to compare a model's loss with, by their names: "" for one that the name before it stands for, too."""
    if name == "GAN":
        return {"D(x) = 1/2": 2 * np.log(2), "": np.log(2)}
    if name == "DDPM":
        return {"no noise predicted": 1.0}
    if name == "flow matching":
        return {"no velocity predicted": 2.0}
    return {"entropy of the truth": density.entropy()}
