"""A lesson's trained model: the lesson runs without its figures and tables, up to the place where it offers the model.

    from minigen.course import load_trained
    trained = load_trained("flow/01", "flow")
    x = trained.sample(np.random.default_rng(0), 100)      # what `minigen sample flow/01 --model flow` draws
    flow, step = trained["flow"], trained["step"]          # by the names that the lesson gives them

The trainings up to there leave their checkpoints in the user's cache directory, under a hash of all that they depend
on. So the second call only loads them, and an interrupted one goes on where it stopped. If ./out holds a finished run
of the lesson with this seed, its weights are used.
"""

from __future__ import annotations

import difflib
import json
import math
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minigen.course.console import UsageError
from minigen.course.index.lessons import LessonInfo, all_lessons
from minigen.course.index.names import find_lesson
from minigen.course.lesson import blocks, events
from minigen.course.lesson.cache import cache_dir
from minigen.course.lesson.folder import RunFolder
from minigen.course.lesson.options import RunOptions
from minigen.course.lesson.recipe import recipe_of
from minigen.course.lesson.run import FINISHED, Finished, folder_name, run_file
from minigen.course.lesson.sinks.text import Log, Terminal
from minigen.types import Rng

if TYPE_CHECKING:
    from minigen.nn import Module

__all__ = ["Trained", "check_model", "is_kept", "lesson_with_models", "load_trained", "run_to_model"]


@dataclass(frozen=True)
class Trained:
    """A trained model as its lesson offers it, and all that the lesson has defined up to there.

    lesson, name, seed: "flow/01_types_of_generative_models", "flow", 0.
    draw:  the function that `minigen sample` calls, `draw(rng, n)`.
    names: what the lesson's cells have defined, by its names; `trained["flow"]` is short for `trained.names["flow"]`.
           They are the lesson's own objects, as they are after its training: change a copy if you need them twice.
    """

    lesson: str
    name: str
    seed: int
    draw: Callable[..., Any] = field(repr=False)
    names: Mapping[str, Any] = field(repr=False)

    def __getitem__(self, name: str) -> Any:
        if name in self.names:
            return self.names[name]
        near = difflib.get_close_matches(name, [*self.names], n=3, cutoff=0.5)
        raise KeyError(f"{self.lesson} has defined no {name!r} up to its model {self.name!r}; near: {', '.join(near)}")

    @property
    def models(self) -> dict[str, Module]:
        """The models among the names."""
        from minigen.nn import Module

        return {name: value for name, value in self.names.items() if isinstance(value, Module)}

    def sample(self, rng: Rng, n: int, **options: Any) -> Any:
        """`n` samples, or a pair of them and their labels; options such as `label`, where the model takes them."""
        return self.draw(rng, n, **options)


def load_trained(
    id: str,
    model: str | None = None,
    *,
    seed: int = 0,
    quick: bool = False,
    train_shared: bool = False,
    say: Callable[[str], None] | None = None,
) -> Trained:
    """Return the model of a lesson, trained with this seed once and then loaded from the user's cache directory.

    id: a lesson (gan/13); model: which of its models, by default the one that `minigen sample` draws from.
    quick, train_shared: as `minigen run` has them. say: called with lines about trainings, instead of standard error.
    Raises UsageError for a lesson or a model that is not there, and where the lesson fails.
    """
    from minigen.course.exercise.substitute import suspended

    lesson = lesson_with_models(id)
    check_model(lesson, model)
    found: list[Trained] = []

    def keep(event: events.Sampler) -> None:
        names = {name: value for name, value in vars(sys.modules["__main__"]).items() if not name.startswith("__")}
        found.append(Trained(lesson.id, event.name, seed, event.draw, names))

    with suspended():
        code = run_to_model(lesson, model, keep, say, seed=seed, quick=quick, train_shared=train_shared)
    if code == 130:
        raise KeyboardInterrupt
    if not found:
        raise UsageError(f"{lesson.id} did not come to its model {model or lesson.samplers[0]!r}")
    return found[0]


def lesson_with_models(id: str) -> LessonInfo:
    """Return the lesson of this name. Raises UsageError if it has no model to sample from."""
    lesson = find_lesson(id)
    if lesson.samplers:
        return lesson
    others = [other.id for other in all_lessons() if other.samplers]
    raise UsageError(f"{lesson.id} trains no model to sample from; {', '.join(others) or 'no lesson'} can be sampled")


def check_model(lesson: LessonInfo, wanted: str | None) -> None:
    """Raise UsageError if the lesson has no model of this name."""
    if wanted is None or wanted in lesson.samplers:
        return
    near = difflib.get_close_matches(wanted, lesson.samplers, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(map(repr, lesson.samplers))}"
    raise UsageError(f"{lesson.id} has no model {wanted!r}; {hint}")


def run_to_model(
    lesson: LessonInfo,
    model: str | None,
    use: Callable[[events.Sampler], None],
    say: Callable[[str], None] | None = None,
    *,
    seed: int = 0,
    quick: bool = False,
    train_shared: bool = False,
) -> int:
    """Run a lesson up to where it offers the model, call `use` on the event while it still runs, and end it.

    Returns the exit code of the run. Its trainings are kept in, and loaded from, a folder in the cache directory.
    """
    recipe = recipe_of(lesson.path)
    folder = _kept_in(recipe, seed, quick, train_shared)
    options = RunOptions(seed=seed, quick=quick, out=folder, resume=True, retrain=True, train_shared=train_shared)
    speak = say or _say_on_stderr

    def wait(text: str) -> None:
        speak(f"minigen: {text}")

    try:
        kept = _bring_finished_run(lesson, options, recipe, wait)
    except UsageError as error:
        raise UsageError(f"{error} (the environment variable MINIGEN_CACHE can name another folder)") from None
    wanted = model or lesson.samplers[0]
    if not kept and _trains_before(lesson, wanted):
        time = "a few seconds" if quick else f"up to {lesson.minutes:g} minutes"
        speak(f"minigen: {lesson.id} is trained first, {time} (seed {seed}; kept in {folder})")

    def end_at_model(event: events.Event) -> None:
        """Serve as the sink that passes on the requested model and ends the lesson."""
        if isinstance(event, events.Sampler) and event.name == wanted:
            use(event)
            raise Finished

    shown = () if say else (events.ModelNote, events.Training)
    screen: list[events.Sink] = [Terminal(sys.stderr, only=shown), end_at_model]
    how: dict[str, Any] = {"folder_sinks": _log_alone, "resume_command": "the same command"}
    return run_file(lesson.path, options, screen, wait=wait, **how)


def is_kept(lesson: LessonInfo, seed: int = 0) -> bool:
    """Whether the cache directory has trainings of this lesson, of its present code and with this seed."""
    folder = _kept_in(recipe_of(lesson.path), seed, quick=False, train_shared=False)
    return bool(_checkpoints(folder / folder_name(lesson.id)))


def _kept_in(recipe: str | None, seed: int, quick: bool, train_shared: bool) -> Path:
    kind = ("quick-" if quick else "") + ("trained-" if train_shared else "")
    return cache_dir() / "samples" / f"{kind}seed-{seed}-{recipe}"


def _trains_before(lesson: LessonInfo, sampler: str) -> bool:
    """Whether the lesson's file trains a model of its own above the place where it offers this one."""
    source = lesson.source
    offered = [call.node.lineno for call in source.calls_of("sampler") if call.literal("name", 0) == sampler]
    trained = [call.node.lineno for call in source.calls_of("fit", "train_once")]
    return not offered or min(trained, default=math.inf) < offered[0]


def _log_alone(folder: RunFolder, lesson_file: Path | None) -> list[events.Sink]:
    """Return the sinks of the folder: nothing is drawn and recorded,
    and the log leaves out what only a reader needs.
    """
    shown = set(blocks.OUTPUTS.values()) - {blocks.Printed, blocks.Check}
    return [Log(folder.file("log.txt"), without=tuple(shown))]


def _bring_finished_run(
    lesson: LessonInfo, options: RunOptions, recipe: str | None, wait: Callable[[str], None]
) -> bool:
    """Whether checkpoints are there already: kept by an earlier call, or copied now from a finished run below ./out."""
    name = folder_name(lesson.id, options.quick)
    run = {"lesson": lesson.id, "seed": options.seed, "scale": 1.0, "quick": options.quick, "with": None}
    run["train_shared"] = options.train_shared
    folder = RunFolder(options.out / name, run, recipe, resume=True, wait=wait)
    try:
        if not _checkpoints(folder.path):
            _copy_checkpoints(Path("out") / name, folder, {**run, "recipe": recipe})
        return bool(_checkpoints(folder.path))
    finally:
        folder.release()


def _checkpoints(folder: Path) -> list[Path]:
    return sorted((folder / "checkpoints").glob("*.npz"))


def _copy_checkpoints(source: Path, folder: RunFolder, wanted: dict[str, Any]) -> None:
    """Copy those of a finished run, if it fits the request."""
    try:
        metrics = json.loads((source / "metrics.json").read_text(encoding="utf-8"))
        same = wanted == {key: metrics.get(key) for key in wanted}
        if same and wanted["recipe"] and metrics.get("status") in FINISHED:
            for path in _checkpoints(source):
                shutil.copyfile(path, folder.file(f"checkpoints/{path.name}"))
    except (OSError, ValueError, AttributeError):
        pass  # no such run, or one that cannot be read: train


def _say_on_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
