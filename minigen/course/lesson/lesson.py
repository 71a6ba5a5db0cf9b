"""A lesson: options, random streams, trainings, figures, predictions, checks and claims.

A lesson file begins with

    from minigen.course import Lesson
    lesson = Lesson("gan/02_gan", title="...", post="gan", sections=["gan.s02"], figures=["gan.f02"],
                    equations=["gan.03"], minutes=1.0)

and ends with `lesson.finish()`. The same file runs under `minigen run gan/02`, as `python lesson.py --quick` and, cell
by cell, in a notebook. It writes figures, `metrics.json` and `log.txt` to `out/gan-02-gan/`.

Each method emits an event, what it shows as a block (`minigen.course.lesson.events`, `.blocks`). The sinks of the run
print it, draw it, log it, record it and sum it up.
"""

from __future__ import annotations

import inspect
import re
import textwrap
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from minigen.course.console import UsageError
from minigen.course.index.names import resolve
from minigen.course.index.sources import check_sources, reference
from minigen.course.lesson import blocks, events, streams
from minigen.course.lesson.claims import Bar, CheckFailed, Claim, jsonable
from minigen.course.lesson.folder import slug
from minigen.course.lesson.options import RunOptions
from minigen.course.lesson.predict import Prediction, ask, score, verdict_on
from minigen.course.lesson.quotes import FULL_RUN, THIS_RUN, Quotes
from minigen.course.lesson.run import Run, run_of_script
from minigen.course.lesson.settings import with_settings
from minigen.progress import in_notebook
from minigen.types import Rng
from minigen.zoo import check_pretrained

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from minigen.course.lesson.trained import Trained
    from minigen.train import History

__all__ = ["Lesson"]


class Lesson:
    """One section of a post, run.

    id:        family and folder, "gan/02_gan".
    title, post, sections, figures, equations: what it covers, by the ids of the index (written as literals).
    pretrained: the models of `minigen.zoo` that `lesson.pretrained(name)` loads.
    sources:   what it is made from and cites, by the keys of the bibliography (`minigen.course.index.sources`).
    minutes:   a run on two cores.
    picture:   the name of its best figure, for the top of its page and for lists.
    options:   how to run; by default those of `minigen run`, of the command line, or (in a notebook) none.

    Attributes: `seed`, `quick`, `scale`; `out`, the path of its `folder`; `events`, the stream that it emits to, and
    `summary`, of what it has emitted so far.
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
        sources: Sequence[str] = (),
        picture: str = "",
        options: RunOptions | None = None,
    ):
        if not re.fullmatch(r"[a-z]+/\d\d_[a-z0-9_]+", id):
            raise ValueError(f"a lesson's id must look like 'gan/02_gan', got {id!r}")
        from minigen.tensor import runtime  # with autograd, which reading a lesson does not need

        self.picture = picture
        runtime.begin()  # BLAS on one thread from the first number on, so that a run can be repeated to the last digit
        self.id, self.title, self.declared_models = id, title, check_pretrained(pretrained)
        self.sources = check_sources(sources)
        caller = inspect.currentframe()
        assert caller is not None and caller.f_back is not None
        mine = _run_of(options, caller.f_back.f_globals)
        mine.open(events.Declaration(id, title, post, list(sections), list(equations), minutes, self.sources))
        self.options, self.folder, self.events, self.summary = mine.options, mine.folder, mine.events, mine.summary
        self.seed, self.quick, self.scale = self.options.seed, self.options.quick, self.options.scale
        self.out = self.folder.path
        self._run, self._record = mine, Quotes(id)
        short = self.quick or self.scale < 1
        own = bool(mine.origin.edit) or bool(self.options.settings)
        self._quotes = self._record if short and not own else None  # a short run quotes the full one
        if self._quotes is not None:
            self.events.emit(events.Note(self._quotes.note(self.folder.recipe)))
        if self.declared_models:
            from minigen.course.lesson.pretrained import announced

            for line in announced(self.declared_models, self.quick, self.options.train_shared):
                self.events.emit(events.Note(line))

    # -- what the options decide ---------------------------------------------------------------------------------------

    def rng(self, name: str = "") -> Rng:
        """The random stream of this name: the same for the same seed, independent of the streams of other names."""
        return streams.random_stream(self.seed, name)

    def steps(self, n: int, quick: int | None = None) -> int:
        """`n` training steps times --scale; under --quick only `quick` of them (20 unless given)."""
        return streams.training_steps(n, scale=self.scale, quick=self.quick, quick_steps=quick)

    def size(self, n: int, quick: int | None = None) -> int:
        """`n` samples, images or seeds; under --quick only `quick` of them (a tenth unless given). Never scaled."""
        return streams.sample_size(n, quick=self.quick, quick_size=quick)

    def configure(self, **values: Any) -> SimpleNamespace:
        """Record settings in metrics.json and return them: `cfg = lesson.configure(width=64, lr=1e-3)`, `cfg.lr`.

        `--set width=32` gives one another value, of the same type.
        """
        values = with_settings(values, self.options.settings)
        self.events.emit(events.Configuration(values))
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
        that a step fills for a figure (`frames[k] = ...`); that of a `Descent` is known. A training that had finished
        is only loaded. Two trainings of a lesson have two labels. Other options are those of `minigen.train.fit`.
        """
        from minigen.train import Descent, fit
        from minigen.train.checkpoint import ResumeError

        if state is None and isinstance(step, Descent):
            state = step.state
        if self._is_taken(label, self.summary.trainings):
            raise ValueError(f"each training of a lesson needs its own label, and {label!r} is taken")
        if state:
            options["checkpoint"] = self.folder.file(f"checkpoints/{slug(label)}.npz")
            options["resume"] = self.folder.resumed
            if options["resume"] and options["checkpoint"].exists():
                self.events.emit(events.Note(f"  training  {label}: continuing from {options['checkpoint']}"))
        try:
            history = fit(step, steps, state=state, label=label, **options)
        except ResumeError as error:
            if not self.options.retrain:
                advice = "delete the file to train this part again, or run without --resume to start again"
                raise UsageError(f"{error}; {advice}") from error
            self._note_model(f"  training  {label}: what was kept is not usable, training it again")
            history = fit(step, steps, state=state, label=label, **{**options, "resume": False})
        last = {name: float(history[name][-1]) for name in history}
        self.events.emit(events.Training(label, history.steps_done, history.seconds, last))
        return history

    def pretrained(self, name: str) -> Any:
        """A model of `minigen.zoo` that the lesson declares, `Lesson(..., pretrained=["digit_classifier"])`.

        Its weights come with the package, for runs of any seed, quick ones too. With --train-shared it is trained once
        for all lessons and then loaded from the user's cache directory; a quick run trains a small one. Raises
        ValueError for a name that is not declared, UsageError for weights that do not fit the code of the model.
        """
        if name not in self.declared_models:
            raise ValueError(f"{name!r} is not declared: write Lesson(..., pretrained=[{name!r}])")
        from minigen.course.lesson.pretrained import load

        return load(name, self.quick, self.options.train_shared, self._note_model)

    def trained(self, id: str, model: str | None = None, *, seed: int | None = None) -> Trained:
        """A model of another lesson, trained once and then loaded from the user's cache directory.

        id: the lesson, "flow/01", written out; model: which of its models, as `minigen sample --list` shows them. It is
        trained with the seed of this run unless another is given, and quickly in a quick run. What is returned has the
        lesson's objects by their names, `trained["flow"]`, and draws samples, `trained.sample(rng, n)`. Raises
        UsageError.
        """
        from minigen.course.lesson.trained import load_trained

        return load_trained(
            id,
            model,
            seed=self.seed if seed is None else seed,
            quick=self.quick,
            train_shared=self.options.train_shared,
            say=self._note_model,
        )

    def train_once(
        self, name: str, config: dict[str, Any], build: Callable[[dict], Any], train: Callable[..., Any]
    ) -> Any:
        """A model of the lesson's own that is trained once and then loaded from the user's cache directory.

        It is trained again when the code of the lesson, or of what that imports, has changed.
        `build(config)` makes the untrained model, `train(model, config, fit)` trains it in place (or returns the one
        to keep, such as a moving average). `config` holds all that the result depends on, numbers of steps included.
        `fit` is called as `lesson.fit` is, `fit(step, steps, state=..., label=...)`, and goes on where an interrupted
        training stopped.
        """
        from minigen.course.exercise.substitute import fingerprint
        from minigen.course.lesson.cache import cached_model

        salt = self.options.with_hash() or fingerprint()  # of functions that a notebook's `use` has put in place
        return cached_model(name, config, build, train, salt=salt, say=self._note_model)

    def sampler(self, name: str, draw: Callable[[Rng, int], Any], *, default: bool = False) -> None:
        """Offer a trained model to `minigen sample`: call this right after its training.

        `draw(rng, n)` returns `n` samples, float32, images (n, H, W, C) in [0, 1]; or a pair of them and their labels
        (n,), where the model is conditional. A function written with `def` in the lesson may take more, each with a
        default: `label`, `caption`, `w`, `steps`, which `minigen sample` offers then. A lesson with several models
        gives each its own name; without a name `minigen sample` takes the first, or the one with `default=True`,
        written out. Raises ValueError for a second one of that kind, or of a name.
        """
        if self._is_taken(name, self.summary.samplers):
            raise ValueError(f"two samplers of a lesson are called {name!r}")
        others = [other for other in self.summary.samplers.values() if other.name != name]
        if default and any(other.default for other in others):
            raise ValueError(f"two samplers of a lesson are its default, one of them {name!r}")
        self.events.emit(events.Sampler(name, draw, default))

    # -- what the reader does ------------------------------------------------------------------------------------------

    def predict(self, question: str, choices: Sequence[str]) -> None:
        """Ask the reader to choose before the run, in a cell of its own above the one that measures.

            lesson.predict("How many of the eight modes will it find?", ["all eight", "six or seven", "fewer"])
            ...  # the run
            answer = "all eight" if found == 8 else "six or seven" if found > 5 else "fewer"
            lesson.outcome(f"It found {found} of 8.", answer=answer)

        A script prints the question with lettered choices. At a terminal it waits for the reader's choice, unless it
        runs with --no-ask, and says at the end how many were right. A notebook shows the choices too, and keeps the
        text of `outcome` folded below each choice. Both are recorded in metrics.json.
        """
        prediction = Prediction(question, list(choices))
        self.events.emit(blocks.Question(prediction.question, prediction.choices))
        if self._run.asks:
            began = time.perf_counter()
            choice = ask(prediction)
            self.events.emit(events.Chosen(prediction, choice, time.perf_counter() - began))

    @property
    def predictions(self) -> list[Prediction]:
        """The predictions so far."""
        return list(self.summary.predictions.values())

    def outcome(self, text: str, answer: str | None = None) -> None:
        """Record what the run has shown that a prediction is about, in numbers computed from it.

        It belongs to the last `predict` above it. In a notebook that is the one above its cell in the lesson's file, in
        whatever order the cells are run; in a notebook of another lesson, the last one made that has this answer.

        answer: the choice that was right, computed too; None where no choice was simply right. A short run (--quick,
        --scale below 1) is not judged: it quotes the recorded answer, and beside it what this run has shown. Neither is
        what the reader has changed.
        Raises ValueError without a prediction, or (except in a notebook) if `answer` is not one of its choices.
        """
        prediction = self._answered_prediction(answer)
        if self._run.repeats and answer is not None and answer not in prediction.choices:
            text, answer = f"{text} (Its answer, {answer!r}, is that of another cell: run those above again.)", None
        if answer is not None and answer not in prediction.choices:
            raise ValueError(f"answer must be one of the choices {prediction.choices}, got {answer!r}")
        if self._quotes is not None:
            text, answer = self._quotes.outcome(prediction, text)
        elif (self._run.is_edited or self.options.settings) and not self._record.is_as_recorded(prediction, text):
            why = "the lesson is changed" if self._run.is_edited else "the run has other settings"
            text, answer = f"Not judged: {why}. It gave: {text}", None
        self.events.emit(blocks.Outcome(prediction.question, prediction.choices, answer, text))
        chosen = self.summary.chosen.get(prediction.question)
        if chosen is not None:
            self.events.emit(events.Note(verdict_on(prediction, answer, chosen)))

    def exercise(self, id: str) -> None:
        """Point to an exercise ("gan/02/discriminator_loss"), where its function is first needed.

        It is before any use that shows the function's body: a notebook shows the prompt, a script prints how to
        begin. Raises UsageError if there is no such exercise.
        """
        address = resolve(id)
        if address.exercise is None:
            raise UsageError(f"{id!r} is a lesson: name one of its exercises, such as {id}/...")
        self.events.emit(blocks.ExerciseBox(f"{address.lesson}/{address.exercise}"))

    def change(self, name: str, sentence: str, *, answer: str) -> None:
        """Invite the reader to change one thing in the lesson and run it again, in a cell of its own.

            lesson.change(
                "a rare head",
                "Change `q` to `np.array([1 / 1000, 999 / 1000])` and run again. Which direction is larger?",
                answer="KL(p || q), 2.761 nats. KL(q || p) is 0.6852 nats.",
            )

        The arguments are written out as texts. The edit that the sentence asks for, and what the edited lesson then
        shows, are beside the lesson in `changes.py` (`minigen.course.lesson.changes`); a test makes the edit, runs
        the lesson and compares. A script prints the sentence here and the answer at the end; a notebook folds the
        answer.
        """
        if not (name.strip() and sentence.strip() and answer.strip()):
            raise ValueError(f"a change needs a name, a sentence and an answer, got {name!r}, {sentence!r}, {answer!r}")
        if self._is_taken(name, self.summary.changes):
            raise ValueError(f"two changes of a lesson are called {name!r}")
        self.events.emit(blocks.Invitation(name, sentence, answer))

    # -- what the reader sees ------------------------------------------------------------------------------------------

    def figure(self, fig: Figure, name: str, caption: str = "") -> None:
        """Save a figure as `<name>.png`, show it under --show and in a notebook. `caption` says where to look."""
        path = self._picture(f"{name}.png")
        self.events.emit(blocks.Figure(path, self._qualified(name, caption), fig))

    def animation(self, frames: Iterable[Any], name: str, caption: str = "", **options: Any) -> None:
        """Save frames (figures, axes or uint8 images) as `<name>.gif`; options are those of `minigen.plot.animate`."""
        path = self._picture(f"{name}.gif")
        self.events.emit(blocks.Animation(path, self._qualified(name, caption), frames, options))

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
        from minigen.course.lesson.play import film_of

        path = self._picture(f"{name}.png")
        film = film_of(axes, points, images, truth, bounds, cols, start, time, still)
        key = f"{slug(self.id)}/{name}"
        self.events.emit(blocks.Play(path, self._qualified(name, caption), name, f"{name}.js", key, film))

    def table(self, rows: Iterable[Sequence[Any]], header: Sequence[str], title: str = "") -> None:
        """Print an aligned table and keep it in metrics.json; a short run shows the recorded one below its own."""
        table = blocks.Table(title, list(header), [list(row) for row in rows])
        recorded = None if self._quotes is None else self._quotes.table(title, table.header)
        if recorded is None or recorded == jsonable(table.rows):
            self.events.emit(table)
        else:
            self.events.emit(replace(table, run=THIS_RUN))
            self.events.emit(replace(table, run=FULL_RUN, rows=recorded))

    def show_source(self, *objects: Any) -> None:
        """Show the package's own source of functions or classes: code in a notebook; in a script it goes to the log.

        A notebook folds the source of a function that is an exercise of this lesson, until the exercise is passed.
        """
        for thing in [inspect.unwrap(getattr(thing, "replaces", thing)) for thing in objects]:  # not the student's
            code = textwrap.dedent(inspect.getsource(thing)).rstrip()
            where = f"{thing.__module__.replace('.', '/')}.py:{inspect.getsourcelines(thing)[1]}"
            self.events.emit(blocks.Source(where, thing.__qualname__, code, self._answered_by(thing)))

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

        One condition, or none if `value` is itself True or False; an array must satisfy it everywhere. `equals` has the
        shape of `value`, or is a single number, to which every entry is compared; `atol` goes with it (unless given
        1e-6, or 0 for whole numbers). Raises CheckFailed. A notebook, a lesson that the reader has changed, and a run
        with --even-if-wrong report the failure and go on.
        """
        if equals is None and at_least is None and at_most is None and between is None:
            if not isinstance(value, (bool, np.bool_)):
                raise ValueError(f"check {name!r} needs a condition: equals, at_least, at_most or between")
            equals = True
        check = Claim(name, value, Bar.of(name, at_least, at_most, between, equals, atol))
        failed = check.status == "failed"
        stops = failed and not self._run.goes_on
        changed = failed and self._run.goes_on and not self.options.even_if_wrong
        before = self._record.check(name) or check.row()[2] if changed else ""
        self.events.emit(blocks.Check.of(check, stops, before))
        if stops:
            raise CheckFailed(check.failure())

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
        """A measured value and the threshold it must meet; `source` says where it comes from.

        A list (one value a seed) must meet it everywhere. Claims are printed by `finish`; a failed one makes the
        run end with exit code 1. Under --quick, with --set, and in a lesson that the reader has changed, they are not
        judged.
        """
        bar = Bar.of(name, at_least, at_most, between, equals, atol)
        if self._is_taken(name, self.summary.claims):
            raise ValueError(f"two claims of a lesson are called {name!r}")
        claim = Claim(name, value, bar, judged=not self._unjudged, source=source, unit=unit)
        self.events.emit(events.Claim(claim))

    def finish(self) -> None:
        """The last line of a lesson: print its sources and claims, and write metrics.json.

        The run exits 1 if a claim failed.
        """
        claims, checks = list(self.summary.claims.values()), list(self.summary.checks.values())
        if any(check.status == "failed" for check in checks) and not self._run.is_edited:
            status = "failed"
        elif self._unjudged:
            status = "not judged"
        else:
            status = "failed" if any(claim.status == "failed" for claim in claims) else "passed"
        if self.sources:
            self.events.emit(events.Sources([reference(key) for key in self.sources]))
        changes = self.summary.changes.values() if self._run.is_edited else []
        shown = {invitation.sentence: invitation.answer for invitation in changes}
        if self.summary.chosen:
            answers = {question: outcome.answer for question, outcome in self.summary.outcomes.items()}
            self.events.emit(events.Note(score(self.summary.chosen, answers)))
        self.events.emit(events.Finish(status, claims, checks, shown, self._unjudged, self.summary.seconds, self.out))
        self.events.emit(events.End(status))

    @property
    def _unjudged(self) -> str:
        """Why claims are not judged; "" if they are."""
        if self._run.is_edited:
            return "changed"
        if self.options.settings:
            return "other settings"
        return "quick run" if self.quick else ""

    def _answered_prediction(self, answer: str | None) -> Prediction:
        """The prediction that an outcome with this answer belongs to."""
        above = self._run.prediction_above()
        if above is not None:
            return above
        made = self.predictions
        if self._run.repeats:
            made = [prediction for prediction in made if answer is None or answer in prediction.choices] or made
        if not made:
            raise ValueError("an outcome follows a prediction: call lesson.predict before the run")
        return made[-1]

    # -- for the methods above -----------------------------------------------------------------------------------------

    def _is_taken(self, name: str, names: Iterable[str]) -> bool:
        """Whether a name is there already; in a notebook, where cells are run again, it may be given again."""
        return name in names and not self.summary.repeats

    def _picture(self, file: str) -> Path:
        """The path of a new picture. Raises ValueError for a name that will not do or is taken."""
        if not re.fullmatch(r"[A-Za-z0-9_-]+\.\w+", file):
            raise ValueError(f"the name of a figure must be letters, digits, '_' and '-', got {file!r}")
        if self._is_taken(file, self.summary.pictures):
            raise ValueError(f"two figures of a lesson are called {file!r}")
        return self.out / file

    def _qualified(self, name: str, caption: str) -> str:
        """The caption of a picture as it holds for this run: in a short one with what is recorded of a full one."""
        if self._quotes is None or not caption:
            return caption
        quoted = self._quotes.caption(name, caption)
        if quoted != caption or not self.summary.trainings:
            return quoted
        cause = "--quick" if self.quick else f"--scale {self.scale:g}"
        return f"{caption} (This describes a full run; here the training was cut short by {cause}.)"

    def _note_model(self, text: str) -> None:
        """Emit a line about a model that takes time."""
        self.events.emit(events.ModelNote(text))

    def _answered_by(self, thing: Any) -> list[str]:
        """The ids of the exercises of this lesson that a function, or a method of a class, answers."""
        from minigen.course.exercise import catalog

        target = f"{thing.__module__}:{thing.__qualname__}"
        exercises = {exercise.id: exercise for exercise in catalog.exercises_of(self.id)}
        exercises |= {id: catalog.find(id)[0] for id in self.summary.exercises}
        return [id for id, exercise in exercises.items() if f"{exercise.target}.".startswith(f"{target}.")]


def _run_of(options: RunOptions | None, caller: Mapping[str, Any]) -> Run:
    """The run that a lesson, made in a file or cell with these globals, belongs to."""
    if Run.current is not None:
        return Run.current
    if in_notebook():
        from minigen.course.lesson.notebook_run import NotebookRun

        return NotebookRun(options)
    return run_of_script(options, caller)
