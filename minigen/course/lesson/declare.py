"""What a lesson declares and records: options, random streams, trainings, figures, predictions, checks and claims.

A lesson file begins with

    from minigen.course import Lesson
    lesson = Lesson("gan/02_gan", title="...", post="gan", sections=["gan.s02"], figures=["gan.f02"],
                    equations=["gan.03"], minutes=1.0)

and ends with `lesson.finish()`. The same file runs under `minigen run gan/02`, as `python lesson.py --quick` and, cell
by cell, in a notebook. It writes figures, `metrics.json` and `log.txt` to `out/gan-02-gan/`.
"""

from __future__ import annotations

import inspect
import re
import textwrap
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from minigen.course import index
from minigen.course.console import UsageError, color, markdown_table, plural, text_table
from minigen.course.lesson import pretrained as models
from minigen.course.lesson import run as running
from minigen.course.lesson import streams
from minigen.course.lesson.cache import cached_model
from minigen.course.lesson.claims import Bar, CheckFailed, Claim, jsonable
from minigen.course.lesson.display import folded, show_gif, show_markdown
from minigen.course.lesson.folder import slug
from minigen.course.lesson.machine import machine, peak_memory, versions
from minigen.course.lesson.options import RunOptions
from minigen.course.lesson.predict import Prediction
from minigen.zoo import PRETRAINED, check_pretrained

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from minigen.train import History

__all__ = ["Lesson"]


class Lesson:
    """One section of a post, run.

    id:        family and folder, "gan/02_gan".
    title, post, sections, figures, equations: what it covers, by the ids of the index (written as literals).
    pretrained: the models of `minigen.zoo` that `lesson.pretrained(name)` loads.
    minutes:   a run on two cores.
    options:   how to run; by default those of `minigen run`, of the command line, or (in a notebook) none.

    Attributes: `seed`, `quick`, `scale`, `out` (the folder of this run), `status`; `run`, how it is being run.
    Raises UsageError (in a script: one line and exit code 2) when the output folder cannot be used.
    """

    def __init__(
        self,
        id: str,
        *,
        title: str,
        post: str,
        sections: Sequence[str] = (),
        figures: Sequence[str] = (),
        equations: Sequence[str] = (),
        pretrained: Sequence[str] = (),
        minutes: float = 1.0,
        options: RunOptions | None = None,
    ):
        if not re.fullmatch(r"[a-z]+/\d\d_[a-z0-9_]+", id):
            raise ValueError(f"a lesson's id must look like 'gan/02_gan', got {id!r}")
        self.id, self.title, self.post, self.minutes = id, title, post, minutes
        self.sections, self.figures, self.equations = list(sections), list(figures), list(equations)
        self.declared_models = check_pretrained(pretrained)
        self.claims: list[Claim] = []
        self.checks: list[Claim] = []
        self.predictions: list[Prediction] = []
        self.exercises: list[str] = []
        self.status = "running"
        self._tables: list[dict] = []
        self._drawn: list[dict] = []
        self._trainings: list[dict] = []
        self._samplers: list[dict] = []
        self._configuration: dict[str, Any] = {}
        self._start = time.perf_counter()
        caller = inspect.currentframe()
        assert caller is not None and caller.f_back is not None
        self.run = running.join(options, caller.f_back.f_globals)
        self.options = self.run.options
        self.seed, self.quick, self.scale = self.options.seed, self.options.quick, self.options.scale
        self.run.open(self)
        self.out = self.run.folder.path
        about = "a few seconds" if self.quick else f"about {plural(minutes * self.scale, 'minute')}"
        self.run.say(f"{color(id, 'bold')}  {title}  (seed {self.seed}, {about}, {self.out})")
        for name in [] if self.quick else models.not_cached(self.declared_models):
            when = f"will be trained first, once for all lessons, about {plural(PRETRAINED[name], 'minute')}"
            self.run.say(f"  pretrained  {models.model_name(name)}: {when}")

    # -- what the options decide ---------------------------------------------------------------------------------------

    def rng(self, name: str = "") -> np.random.Generator:
        """The random stream of this name: the same for the same seed, independent of the streams of other names."""
        return streams.random_stream(self.seed, name)

    def steps(self, n: int, quick: int | None = None) -> int:
        """`n` training steps times --scale; under --quick only `quick` of them (20 unless given)."""
        return streams.training_steps(n, scale=self.scale, quick=self.quick, quick_steps=quick)

    def size(self, n: int, quick: int | None = None) -> int:
        """`n` samples, images or seeds; under --quick only `quick` of them (a tenth unless given). Never scaled."""
        return streams.sample_size(n, quick=self.quick, quick_size=quick)

    def configure(self, **values: Any) -> SimpleNamespace:
        """Record settings in metrics.json and return them: `cfg = lesson.configure(width=64, lr=1e-3)`, `cfg.lr`."""
        self._configuration.update(values)
        return SimpleNamespace(**values)

    # -- training ------------------------------------------------------------------------------------------------------

    def fit(
        self,
        step: Callable[[int], float | Mapping[str, float]],
        steps: int,
        *,
        state: Mapping[str, Any] | None = None,
        label: str = "training",
        **options: Any,
    ) -> History:
        """`minigen.train.fit` with a checkpoint of its own, from which `--resume` continues.

        `state` names all that the steps change: models, optimizers, moving averages, random generators, and arrays
        that a step fills for a figure (`frames[k] = ...`). A training that had finished is only loaded. Two trainings
        of a lesson have two labels. Other options are those of `minigen.train.fit`.
        """
        from minigen.train import fit
        from minigen.train.checkpoint import ResumeError

        self._once(self._trainings, "label", label, "each training of a lesson needs its own label, and {} is taken")
        if state:
            options["checkpoint"] = self.run.folder.file(f"checkpoints/{slug(label)}.npz")
            options["resume"] = self.run.folder.resumed
            if options["resume"] and options["checkpoint"].exists():
                self.run.say(f"  training  {label}: continuing from {options['checkpoint']}")
        try:
            history = fit(step, steps, state=state, label=label, **options)
        except ResumeError as error:
            if not self.run.models_only:
                advice = "delete the file to train this part anew, or run without --resume to start again"
                raise UsageError(f"{error}; {advice}") from error
            self.run.tell(f"  training  {label}: what was kept is not usable, training it anew")
            history = fit(step, steps, state=state, label=label, **{**options, "resume": False})
        last = {name: float(history[name][-1]) for name in history}
        shown = "".join(f", {name} {value:.4g}" for name, value in last.items())
        self.run.tell(f"  training  {label}: {history.steps_done} steps in {history.seconds:.1f} s{shown}")
        self.run.show("text", text=f"training {label}: {history.steps_done} steps in {history.seconds:.1f} s{shown}")
        training = {"label": label, "steps": history.steps_done, "seconds": round(history.seconds, 3), "last": last}
        self._trainings.append(training)
        return history

    def pretrained(self, name: str) -> Any:
        """A model of `minigen.zoo` that the lesson declares, `Lesson(..., pretrained=["digit_classifier"])`.

        It is trained once for all lessons, whatever their seed, and then loaded from the user's cache directory; a
        quick run trains a small one. Raises ValueError for a name that is not declared.
        """
        if name not in self.declared_models:
            raise ValueError(f"{name!r} is not declared: write Lesson(..., pretrained=[{name!r}])")
        return models.load(name, self.quick, self.run.tell)

    def train_once(
        self, name: str, config: dict[str, Any], build: Callable[[dict], Any], train: Callable[..., Any]
    ) -> Any:
        """A model of the lesson's own that is trained once and then loaded from the user's cache directory.

        It is trained anew when the code of the lesson, or of what that imports, has changed.
        `build(config)` makes the untrained model, `train(model, config, fit)` trains it in place (or returns the one
        to keep, such as a moving average). `config` holds all that the result depends on, numbers of steps included.
        `fit` is called as `lesson.fit` is, `fit(step, steps, state=..., label=...)`, and goes on where an interrupted
        training stopped.
        """
        salt = self.options.with_hash() or ""
        if self.run.mode == "notebook":
            from minigen.course.exercise.substitute import fingerprint

            salt = fingerprint()  # of the functions that `use` has put in the package's place
        return cached_model(name, config, build, train, salt=salt, say=self.run.tell)

    def sampler(self, name: str, draw: Callable[[np.random.Generator, int], Any], *, default: bool = False) -> None:
        """Offer a trained model to `minigen sample`: call this right after its training.

        `draw(rng, n)` returns `n` samples, float32, images (n, H, W, C) in [0, 1]; or a pair of them and their labels
        (n,), where the model is conditional. A function written with `def` in the lesson may take more, each with a
        default: `label`, `caption`, `w`, `steps`, which `minigen sample` offers then. A lesson with several models
        gives each its own name; without a name `minigen sample` takes the first, or the one with `default=True`,
        written out. Raises ValueError for a second one of that kind, or of a name.
        """
        self._once(self._samplers, "name", name, "two samplers of a lesson are called {}")
        if default and any(other["default"] for other in self._samplers):
            raise ValueError(f"two samplers of a lesson are its default, one of them {name!r}")
        self._samplers.append({"name": name, "default": default})
        if self.run.on_sampler is not None:
            self.run.on_sampler(self, name, draw)

    # -- what the reader does ------------------------------------------------------------------------------------------

    def predict(self, question: str, choices: Sequence[str]) -> None:
        """Ask the reader to choose before the run, in a cell of its own above the one that measures.

            lesson.predict("How many of the eight modes will it find?", ["all eight", "six or seven", "fewer"])
            ...  # the run
            answer = "all eight" if found == 8 else "six or seven" if found > 5 else "fewer"
            lesson.outcome(f"It found {found} of 8.", answer=answer)

        A script prints the question with lettered choices and goes on, without reading input. A notebook shows them
        too, and keeps what `outcome` says folded away below each choice. Both are recorded in metrics.json.
        """
        prediction = Prediction(question, choices)
        self.predictions = [other for other in self.predictions if other.question != question]
        self.predictions.append(prediction)
        self.run.show("predict", question=prediction.question, choices=prediction.choices)
        self._show(prediction.question_markdown(), prediction.question_text())

    def outcome(self, text: str, answer: str | None = None) -> None:
        """Record what came out of the run that the last `predict` is about, in numbers computed from it.

        answer: the choice that was right, computed too; None where no choice was simply right.
        Raises ValueError without a prediction, or if `answer` is not one of its choices.
        """
        if not self.predictions:
            raise ValueError("an outcome follows a prediction: call lesson.predict before the run")
        prediction = self.predictions[-1]
        prediction.came_out(text + self._cut_short(), answer)
        self.run.show("outcome", text=prediction.outcome, answer=answer)
        self._show(prediction.outcome_markdown(), prediction.outcome_text())

    def exercise(self, id: str) -> None:
        """Point to an exercise ("gan/02/discriminator_loss"), where its function is first needed.

        It stands before any use that shows the function's body: a notebook shows the prompt, a script prints how to
        begin. Raises UsageError if there is no such exercise.
        """
        address = index.resolve(id)
        if address.exercise is None:
            raise UsageError(f"{id!r} is a lesson: name one of its exercises, such as {id}/...")
        id = f"{address.lesson}/{address.exercise}"
        if id not in self.exercises:
            self.exercises.append(id)
        self.run.show("exercise", id=id)
        start = f"minigen exercise start {address.lesson}"
        markdown = ""
        if self.run.mode == "notebook":
            exercise = _exercise(id)
            markdown = (
                f"**Exercise: write `{address.exercise}` yourself** (about {exercise.minutes:g} minutes).\n\n"
                f"{exercise.prompt}\n\nWrite it in a cell, then try it: `from minigen.course import check, use` and "
                f"`check({id!r}, {address.exercise})`. Once it passes, `use({address.exercise})` trains this lesson "
                f"with it. Or write it in a file: `{start}`."
            )
        self._show(markdown, f"  exercise  {id}: write it yourself before you read on: {start}")

    # -- what the reader sees ------------------------------------------------------------------------------------------

    def figure(self, fig: Figure, name: str, caption: str = "") -> None:
        """Save a figure as `<name>.png`, show it under --show and in a notebook. `caption` says where to look."""
        from minigen import plot

        if self.run.models_only:
            return
        caption = self._draw(f"{name}.png", caption, lambda path: plot.save(fig, path))
        self.run.show("figure", file=f"{name}.png", caption=caption)
        if self.options.show or self.run.mode == "notebook":
            plot.show(fig)
        self._show(caption)

    def animation(self, frames: Iterable[Any], name: str, caption: str = "", **options: Any) -> None:
        """Save frames (figures, axes or uint8 images) as `<name>.gif`; options are those of `minigen.plot.animate`."""
        from minigen import plot

        if self.run.models_only:
            return
        caption = self._draw(f"{name}.gif", caption, lambda path: plot.animate(frames, path, **options))
        self.run.show("animation", file=f"{name}.gif", caption=caption)
        if self.run.mode == "notebook":
            show_gif(self.out / f"{name}.gif")
        self._show(caption)

    def play(
        self,
        name: str,
        axes: Mapping[str, Sequence[Any]],
        *,
        points: Any = None,
        images: Any = None,
        truth: Any = None,
        bounds: Any = None,
        cols: int | None = None,
        start: Mapping[str, Any] | None = None,
        time: str | None = None,
        still: str | None = None,
        caption: str = "",
    ) -> None:
        """A picture that the book draws with a slider for each axis, from what has been computed for every position.

            lesson.play("reverse", {"η": ["0", "1"], "t": path.times}, points=states, truth=data, time="t", caption=...)

        axes:   one to three names with their values: numbers make a slider, names a choice.
        points: (*axes, N, 2), drawn over points of the truth (M, 2), in a box `bounds` (as for `plot.samples`). A point
                keeps its place among the N, since it is seen moving from one position to the next.
        images: instead of points, (*axes, H, W[, C]) or n at a time, (*axes, n, H, W[, C]), `cols` of them beside each
                other; floats in [0, 1] or uint8.
        start:  {name: value} of axes that do not start at their first value. time: the axis with a play button.
        still:  the axis that the still goes along, by default the time, else the last one of numbers.

        Saves a still of a few positions as `<name>.png`, which scripts and notebooks show, and the data as `<name>.js`.
        Raises ValueError that names the argument, also for data of more than a megabyte.
        """
        from minigen import plot
        from minigen.course.lesson.play import film_of

        if self.run.models_only:
            return
        film = film_of(axes, points, images, truth, bounds, cols, start, time, still)
        script = film.script(f"{slug(self.id)}/{name}")
        fig = film.still()

        def save(path: Path) -> None:
            plot.save(fig, path)
            self.run.folder.write_text(f"{name}.js", script)

        caption = self._draw(f"{name}.png", caption, save)
        payload = {"name": name, "file": f"{name}.png", "data": f"{name}.js", "caption": caption}
        self._drawn[-1] = payload  # metrics.json has it among the figures
        self.run.show("play", **payload)
        if self.options.show or self.run.mode == "notebook":
            plot.show(fig)
        self._show(caption)

    def table(self, rows: Iterable[Sequence[Any]], header: Sequence[str], title: str = "") -> None:
        """Print an aligned table and keep it in metrics.json."""
        rows = [list(row) for row in rows]
        self._tables.append({"title": title, "header": list(header), "rows": jsonable(rows)})
        self.run.show("table", **self._tables[-1])
        heading = f"\n  {title}\n" if title else "\n"
        self._show(
            (f"**{title}**\n\n" if title else "") + markdown_table(rows, header),
            heading + text_table(rows, header, indent="  ") + "\n",
        )

    def show_source(self, *objects: Any) -> None:
        """Show the package's own source of functions or classes: code in a notebook; in a script it goes to the log.

        A notebook folds the source of a function that is an exercise of this lesson, until the exercise is passed.
        """
        for thing in [inspect.unwrap(getattr(thing, "replaces", thing)) for thing in objects]:  # not the student's
            code = textwrap.dedent(inspect.getsource(thing)).rstrip()
            where = f"{thing.__module__.replace('.', '/')}.py:{inspect.getsourcelines(thing)[1]}"
            markdown = f"`{where}`\n\n```python\n{code}\n```"
            answered = [] if self.run.models_only else self._answered_by(thing)
            ids = [exercise.id for exercise in answered]
            self.run.show("source", where=where, name=thing.__qualname__, code=code, exercises=ids)
            if self.run.mode == "notebook" and _any_to_be_written(answered):
                markdown = folded(f"<code>{thing.__qualname__}</code> is an exercise: try it first", markdown)
            self._show(markdown, f"  source  {where} {thing.__qualname__}")
            self.run.write_log(code + "\n")

    # -- what must hold ------------------------------------------------------------------------------------------------

    def check(
        self,
        name: str,
        value: Any,
        *,
        equals=None,
        atol: float | None = None,
        at_least=None,
        at_most=None,
        between=None,
    ) -> None:
        """A number that holds exactly, checked at once and in every run; a lesson whose check fails stops there.

        One condition, or none if `value` is itself True or False. `atol` goes with `equals` (unless given 1e-6, or 0
        for whole numbers); an array must satisfy the condition everywhere. Raises CheckFailed, except in a run with
        --even-if-wrong, which reports the failure and goes on.
        """
        if equals is None and at_least is None and at_most is None and between is None:
            if not isinstance(value, (bool, np.bool_)):
                raise ValueError(f"check {name!r} needs a condition: equals, at_least, at_most or between")
            equals = True
        check = Claim(name, value, Bar.of(name, at_least, at_most, between, equals, atol))
        if self.run.mode == "notebook":
            self.checks = [other for other in self.checks if other.name != name]
        self.checks.append(check)
        _, got, bar, status, _ = check.row()
        self.run.show("check", name=name, value=got, bar=bar, status=status)
        try:
            check.require()
        except CheckFailed as error:
            if not self.options.even_if_wrong:
                raise
            self.run.say(f"  {color(str(error), 'red')}")
            return
        self.run.say(f"  check   {name}: {got} ({bar}) {color('ok', 'green')}")

    def claim(
        self,
        name: str,
        value: Any,
        *,
        at_least=None,
        at_most=None,
        between=None,
        equals=None,
        atol: float | None = None,
        source: str = "",
        unit: str = "",
    ) -> None:
        """A measured value and the bar it must meet; `source` says where the bar comes from.

        A list (one value a seed) must meet the bar everywhere. Claims are printed by `finish`; a failed one makes the
        run end with exit code 1. Under --quick they are not judged.
        """
        bar = Bar.of(name, at_least, at_most, between, equals, atol)
        if self.run.mode == "notebook":  # the cell is run again
            self.claims = [claim for claim in self.claims if claim.name != name]
        elif any(claim.name == name for claim in self.claims):
            raise ValueError(f"two claims of a lesson are called {name!r}")
        self.claims.append(Claim(name, value, bar, judged=not self.quick, source=source, unit=unit))

    def finish(self) -> None:
        """The last line of a lesson: print the claims and write metrics.json; the run exits 1 if a claim failed."""
        failed = sum(claim.status == "failed" for claim in self.claims)
        broken = sum(check.status == "failed" for check in self.checks)
        self.status = "failed" if broken else "not judged" if self.quick else "failed" if failed else "passed"
        if self.claims:
            self.table_of_claims()
        claims, checks = plural(len(self.claims), "claim"), plural(len(self.checks), "check")
        judged = f"{len(self.claims) - failed} of {claims} hold{'s' * (len(self.claims) == 1)}"
        if not self.claims or self.quick:
            judged = f"{claims} not judged" if self.claims else "no claims"
        if broken:
            checks = f"{len(self.checks) - broken} of {checks}"
        tone = "red" if failed or broken else "yellow" if self.quick else "green"
        seconds = time.perf_counter() - self._start
        self.run.say(f"{color(judged, tone)}, {checks} passed; {seconds:.1f} s; see {self.out}")
        self.run.close()

    def table_of_claims(self) -> None:
        """Print claim, value, bar, verdict and source of every claim so far."""
        header = ["claim", "value", "bar", "verdict", "source"]
        rows = [claim.row() for claim in self.claims]
        self.run.show("claims", header=header, rows=rows)
        self._show(markdown_table(rows, header), "\n" + text_table(rows, header, indent="  ") + "\n")

    def metrics(self) -> dict[str, Any]:
        """What metrics.json holds."""
        return jsonable(
            {
                "lesson": self.id,
                "title": self.title,
                "post": self.post,
                "sections": self.sections,
                "equations": self.equations,
                "status": self.status,
                "recipe": self.run.folder.recipe,
                "seed": self.seed,
                "scale": self.scale,
                "quick": self.quick,
                "with": self.options.with_file,
                **self.run.record(),
                "claims": [claim.as_json() for claim in self.claims],
                "checks": [check.as_json() for check in self.checks],
                "predictions": [prediction.as_json() for prediction in self.predictions],
                "exercises": self.exercises,
                "tables": self._tables,
                "figures": self._drawn,
                "configuration": self._configuration,
                "timings": {"total": round(time.perf_counter() - self._start, 3), "trainings": self._trainings},
                "versions": versions(),
                "machine": machine(),
                "peak_memory_mb": peak_memory(),
            }
        )

    # -- behind the scenes ---------------------------------------------------------------------------------------------

    def _once(self, records: list[dict], key: str, name: str, message: str) -> None:
        """ValueError if a record of this name is there; in a notebook, where cells are run again, it is replaced."""
        if any(record[key] == name for record in records):
            if self.run.mode != "notebook":
                raise ValueError(message.format(repr(name)))
            records[:] = [record for record in records if record[key] != name]

    def _draw(self, name: str, caption: str, save: Callable[[Path], Any]) -> str:
        """Write a picture and record it; returns its caption as it holds for this run."""
        if not re.fullmatch(r"[A-Za-z0-9_-]+\.\w+", name):
            raise ValueError(f"the name of a figure must be letters, digits, '_' and '-', got {name!r}")
        self._once(self._drawn, "file", name, "two figures of a lesson are called {}")
        path = self.run.folder.file(name)
        save(path)
        caption = caption and caption + self._cut_short()
        self._drawn.append({"file": name, "caption": caption})
        self.run.say(f"  figure  {path}" + f": {caption}" * bool(caption), notebook=False)
        return caption

    def _cut_short(self) -> str:
        """What captions and outcomes add under --quick and a small --scale, once something has been trained."""
        if not self._trainings or not (self.quick or self.scale < 1):
            return ""
        return f" (The training was cut short by {'--quick' if self.quick else f'--scale {self.scale:g}'}.)"

    def _show(self, markdown: str, text: str = "") -> None:
        """Show Markdown in a notebook, and print text elsewhere; both are logged as text."""
        if self.run.models_only:
            return
        if markdown and self.run.mode == "notebook":
            show_markdown(markdown)
        if text:
            self.run.say(text, notebook=False)

    def _answered_by(self, thing: Any) -> list[Any]:
        """The exercises of this lesson that a function, or a method of a class, answers."""
        from minigen.course.exercise import catalog

        target = f"{thing.__module__}:{thing.__qualname__}"
        exercises = {exercise.id: exercise for exercise in catalog.exercises_of(self.id)}
        exercises |= {id: _exercise(id) for id in self.exercises}
        return [exercise for exercise in exercises.values() if f"{exercise.target}.".startswith(f"{target}.")]


def _any_to_be_written(exercises: Iterable[Any]) -> bool:
    """Whether the reader has not passed one of these exercises yet."""
    from minigen.course.exercise.progress import Progress, home

    progress = Progress(home())
    return any(not progress.of(exercise)["passed"] for exercise in exercises)


def _exercise(id: str) -> Any:
    from minigen.course.exercise import catalog

    return catalog.find(id)[0]
