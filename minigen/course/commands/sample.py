"""`minigen sample ID`: samples of a lesson's trained model, in a file.

The lesson runs up to the place where it offers the requested model; its trainings are kept in the user's cache
directory (`minigen.course.lesson.trained`).
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minigen.course.console import UsageError, text_table
from minigen.course.index.lessons import SAMPLER_OPTIONS, LessonInfo, all_lessons
from minigen.course.lesson import events
from minigen.course.lesson.options import Parser, add_lesson, add_seed, add_train_shared, whole_number
from minigen.course.lesson.streams import random_stream
from minigen.course.lesson.trained import check_model, is_kept, lesson_with_models, run_to_model
from minigen.tensor.storage import save_arrays
from minigen.types import Rng

__all__ = ["checked_samples", "main", "parser"]

AT_ONCE = 1000  # samples drawn in one call of the model, so that a large n does not fill the memory

DESCRIPTION = """\
Save samples of a lesson's trained model: the array `samples`, float32, images (n, height, width, channels) in [0, 1] or
points (n, dimensions); and, where the model is conditional, `labels`, whole numbers (n,).

The first call trains the lesson's models, which takes about as long as the lesson itself, and keeps their weights in
the cache directory (MINIGEN_CACHE, or the user's own); later calls load them. A lesson that samples from a pretrained
model, such as diffusion/09, trains nothing; each call runs what is above the sampler in the lesson. After Ctrl-C
the same command continues where it stopped. If ./out holds a finished run of this lesson with this seed, its weights
are used. Where a lesson has several models, --model chooses one; --list shows all of them.

Some models accept more: --label (which digit or class), --caption (a text), --w (the weight of guidance), --steps (how
many steps the sampler takes). A model that does not accept one of them reports this before anything is trained."""


def main(argv: Sequence[str]) -> int:
    """`minigen sample ...`; the exit code: 0, 1 (the lesson failed), 2 (usage), 130 (Ctrl-C)."""
    args = parser().parse_args(argv)
    if args.list:
        return _list_models(args.seed)
    if args.id is None or args.out is None:
        raise UsageError("minigen sample needs a lesson and --out FILE.npz; minigen sample --list shows the models")
    lesson = lesson_with_models(args.id)
    check_model(lesson, args.model)
    _check_options(lesson, args)
    _check_file(args.out, args.force)
    samples, labels, code = _sample(lesson, args)
    if samples is None:
        return code
    _save(args.out, args.force, samples, labels)
    shape = " x ".join(str(size) for size in samples.shape)
    print(f"{args.out}: samples {shape}" + (f", labels {labels.min()} to {labels.max()}" if labels is not None else ""))
    return 0


def parser() -> Parser:
    """The arguments of `minigen sample`."""
    result = Parser(
        prog="minigen sample",
        description=DESCRIPTION,
        example="minigen sample gan/13 --n 5000 --out digits.npz\n"
        "  minigen sample diffusion/09 --n 100 --label 7 --w 1 --out sevens.npz\n"
        "  minigen sample --list",
    )
    add_lesson(result, optional=True)
    result.add_argument("--list", action="store_true", help="show the models of all lessons, and which are trained")
    result.add_argument("--n", type=whole_number(1), default=5000, metavar="N", help="how many samples (default 5000)")
    result.add_argument("--out", type=Path, metavar="FILE.npz", help="the file to write")
    add_seed(result)
    result.add_argument("--model", metavar="NAME", help="which of the lesson's models")
    result.add_argument(
        "--label", type=whole_number(0, 9), metavar="K", help="the digit or class of all samples, 0 to 9"
    )
    result.add_argument(
        "--caption", type=_caption, metavar="TEXT", help='what all samples are to show, such as "a thin seven"'
    )
    result.add_argument("--w", type=_number, metavar="W", help="the weight of guidance; 0 is none")
    result.add_argument("--steps", type=whole_number(1), metavar="S", help="steps of the sampler")
    result.add_argument("--quick", action="store_true", help="train for a few seconds only, to see that it runs")
    add_train_shared(result)
    result.add_argument("--force", action="store_true", help="replace a file that is there already")
    return result


def _caption(text: str) -> str:
    from minigen.data.captions import read, tokenize

    try:
        read(text)
        tokenize([text])
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"the weight is a finite number, got {text!r}")
    return value


# -- before anything is trained ----------------------------------------------------------------------------------------


def _list_models(seed: int) -> int:
    """A table of all models, the default of each lesson first; 0."""
    rows = []
    for lesson in all_lessons():
        trained = "yes" if lesson.samplers and is_kept(lesson, seed) else ""
        for number, name in enumerate(lesson.samplers):
            options = " ".join(f"--{option}" for option in lesson.sampler_options(name))
            about = ["", "", ""] if number else [lesson.id, f"{lesson.minutes:g}", trained]
            rows.append([*about, name, options])
    print(text_table(rows, ["lesson", "minutes", "trained", "model", "options"]))
    print('\nIn Python: from minigen.course import load_trained; load_trained("flow/01", "flow")')
    return 0


def _sampler_options(args: argparse.Namespace) -> dict[str, Any]:
    """The options that were given: {"label": 7, "w": 1.0}."""
    return {name: getattr(args, name) for name in SAMPLER_OPTIONS if getattr(args, name) is not None}


def _check_options(lesson: LessonInfo, args: argparse.Namespace) -> None:
    """Whether the requested model takes them."""
    model = args.model or lesson.samplers[0]
    known = lesson.sampler_options(model)
    for name in _sampler_options(args):
        if name not in known:
            takes = ", ".join(f"--{option}" for option in known) or "nothing of the kind"
            raise UsageError(f"the model {model!r} of {lesson.id} does not take --{name}; it takes {takes}")


def _check_file(path: Path, force: bool) -> None:
    if path.suffix != ".npz":
        raise UsageError(f"--out must name a file that ends in .npz, got {str(path)!r}")
    if path.is_dir():
        raise UsageError(f"{path} is a folder, not a file")
    if os.path.lexists(path) and not force:
        raise UsageError(f"{path} already exists: choose another name, or replace it with --force")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}")
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise UsageError(f"cannot write in {path.parent}: {error.strerror or error}") from None


# -- the lesson, up to its model --------------------------------------------------------------------------------------


def _sample(lesson: LessonInfo, args: argparse.Namespace) -> tuple[np.ndarray | None, np.ndarray | None, int]:
    """Samples, labels (or None), 0; or None, None and the exit code if the lesson failed."""
    drawn: list[np.ndarray | None] = []

    def draw_samples(event: events.Sampler) -> None:
        rng = random_stream(args.seed, f"minigen sample {event.name}")
        try:
            drawn.extend(checked_samples(event.draw, rng, args.n, event.name, **_sampler_options(args)))
        except ValueError as error:
            if _sampler_options(args):
                raise UsageError(f"{lesson.id} cannot draw that: {error}") from error
            raise

    how = {"quick": args.quick, "train_shared": args.train_shared}
    code = run_to_model(lesson, args.model, draw_samples, seed=args.seed, **how)
    if drawn:
        samples, labels = drawn
        return samples, labels, 0
    if code == 0:
        print(f"minigen: {lesson.id} ended without offering {args.model or 'a model'}", file=sys.stderr, flush=True)
    return None, None, code or 1


# -- what was drawn ----------------------------------------------------------------------------------------------------


def checked_samples(
    draw: Callable, rng: Rng, n: int, name: str, **options: Any
) -> tuple[np.ndarray, np.ndarray | None]:
    """`n` samples, float32, and their labels, int64, or None, from calls `draw(rng, m, **options)`, m at most 1,000.

    Raises ValueError, with the sampler's `name`, for samples that are not finite numbers of shape (m, ...), images
    outside [0, 1], or labels that are not m whole numbers.
    """
    parts = -(-n // AT_ONCE)
    drawn = [_checked(draw(rng, len(part), **options), len(part), name) for part in np.array_split(np.arange(n), parts)]
    samples = np.concatenate([samples for samples, _ in drawn])
    return samples, None if drawn[0][1] is None else np.concatenate([labels for _, labels in drawn])


def _checked(drawn: Any, n: int, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    samples, labels = drawn if isinstance(drawn, tuple) else (drawn, None)
    samples = np.asarray(samples)
    if samples.ndim < 2 or len(samples) != n or samples.dtype.kind != "f":
        raise ValueError(f"sampler {name!r} must draw floats ({n}, ...), got {samples.dtype} {samples.shape}")
    if not np.isfinite(samples).all():
        raise ValueError(f"sampler {name!r} drew samples that are not finite")
    if samples.ndim == 4 and not (samples.min() >= 0 and samples.max() <= 1):
        low, high = samples.min(), samples.max()
        raise ValueError(f"sampler {name!r} must draw images in [0, 1], got values from {low:.4g} to {high:.4g}")
    if labels is not None:
        labels = np.asarray(labels)
        if labels.shape != (n,) or labels.dtype.kind not in "iu":
            raise ValueError(
                f"sampler {name!r} must give {n} whole numbers as labels, got {labels.dtype} {labels.shape}"
            )
        labels = labels.astype(np.int64)
    return samples.astype(np.float32), labels


def _save(path: Path, force: bool, samples: np.ndarray, labels: np.ndarray | None) -> None:
    _check_file(path, force)  # minutes may have passed
    try:
        save_arrays(path, {"samples": samples} | ({} if labels is None else {"labels": labels}))
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None
