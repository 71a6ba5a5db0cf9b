"""A lesson's run: options, random streams, trainings, figures, checks and claims, and the files they leave behind.

A lesson file begins with

    from minigen.course import Lesson
    lesson = Lesson("gan/02_gan", title="...", post="gan", sections=["gan.s02"], figures=["gan.f02"],
                    equations=["gan.03"], minutes=1.0)

and ends with `lesson.finish()`. The same file runs under `minigen run gan/02`, as `python lesson.py --quick` and, cell
by cell, in a notebook. It writes figures, `metrics.json` and `log.txt` to `out/gan-02-gan/`.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib.metadata
import inspect
import os
import platform
import re
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

import minigen
from minigen.course.console import Tee, UsageError, color, markdown_table, safe_streams, text_table
from minigen.course.lesson.cache import recipe_of
from minigen.course.lesson.claims import Bar, CheckFailed, Claim, jsonable
from minigen.course.lesson.folder import RunFolder, slug
from minigen.course.lesson.options import RunOptions, script_options

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from minigen.train import History

__all__ = ["Lesson", "Run"]

QUICK_STEPS = 20


class Run:
    """One run of a lesson file by `minigen run`: hands the options to the `Lesson` that the file makes.

    on_sampler: for `minigen sample`, called as `on_sampler(lesson, name, draw)` at each sampler that the lesson offers.
    The run is then for the models only: figures and tables are not made.
    """

    current: Run | None = None

    def __init__(self, options: RunOptions, on_sampler: Callable[[Lesson, str, Callable], None] | None = None):
        self.options, self.on_sampler = options, on_sampler
        self.lesson: Lesson | None = None

    def __enter__(self) -> Run:
        Run.current = self
        return self

    def __exit__(self, *_: object) -> None:
        Run.current = None


class Lesson:
    """One section of a post, run.

    id:        family and folder, "gan/02_gan".
    title, post, sections, figures, equations: what it covers, by the ids of the index (written as literals).
    minutes:   a run on two cores.
    options:   how to run; by default those of `minigen run`, of the command line, or (in a notebook) none.

    Attributes: `seed`, `quick`, `scale`, `out` (the folder of this run), `status`.
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
        minutes: float = 1.0,
        options: RunOptions | None = None,
    ):
        if not re.fullmatch(r"[a-z]+/\d\d_[a-z0-9_]+", id):
            raise ValueError(f"a lesson's id must look like 'gan/02_gan', got {id!r}")
        self.id, self.title, self.post, self.minutes = id, title, post, minutes
        self.sections, self.figures, self.equations = list(sections), list(figures), list(equations)
        self.claims: list[Claim] = []
        self.checks: list[Claim] = []
        self.status = "running"
        self._tables: list[dict] = []
        self._drawn: list[dict] = []
        self._trainings: list[dict] = []
        self._samplers: list[str] = []
        self._configuration: dict[str, Any] = {}
        self._start = time.perf_counter()
        caller = inspect.currentframe().f_back
        self.mode, self.options = _find_options(options, caller)
        self._on_sampler = Run.current.on_sampler if self.mode == "run" else None
        self._recipe = recipe_of(caller.f_globals.get("__file__"))
        self.seed, self.quick, self.scale = self.options.seed, self.options.quick, self.options.scale
        if self.mode != "notebook":
            safe_streams()
            if not self.options.show and "matplotlib" not in sys.modules:
                os.environ.setdefault("MPLBACKEND", "Agg")  # no window system is needed to draw to files
        self._open()
        minutes = minutes * self.scale
        about = "a few seconds" if self.quick else f"about {minutes:.3g} minute{'s' * (minutes != 1)}"
        self._say(f"{color(id, 'bold')}  {title}  (seed {self.seed}, {about}, {self.out})")

    def _open(self) -> None:
        run = {
            "lesson": self.id,
            "seed": self.seed,
            "scale": self.scale,
            "quick": self.quick,
            "with": self._with_hash(),
        }
        try:
            self._folder = RunFolder(self.options.out / slug(self.id), run, self.options.resume)
            self.out = self._folder.path
            self._log = self._folder.file("log.txt").open("w", encoding="utf-8")
        except (UsageError, OSError) as error:
            if self.mode != "script":
                raise UsageError(str(error)) from None
            print(f"minigen: {error}", file=sys.stderr)
            raise SystemExit(2) from None
        self._tee = self.mode in ("run", "script")
        if self._tee:
            sys.stdout = Tee(sys.stdout, self._log)
        if self.mode == "script":
            sys.excepthook = lambda kind, error, trace: self._stopped_by(error)
        if self._tee:
            atexit.register(lambda: self.close("stopped" if self.status == "running" else None))
        if self.mode == "run":
            Run.current.lesson = self
        if self.options.resume and not self._folder.resumed:
            self._say(f"nothing to resume in {self.out}: starting from the beginning")

    # -- what the options decide ---------------------------------------------------------------------------------------

    def rng(self, name: str = "") -> np.random.Generator:
        """The random stream of this name: the same for the same seed, independent of the streams of other names."""
        digest = hashlib.sha256(name.encode()).digest()
        return np.random.default_rng(np.random.SeedSequence([self.seed, int.from_bytes(digest[:8], "little")]))

    def steps(self, n: int, quick: int | None = None) -> int:
        """`n` training steps times --scale; under --quick only `quick` of them (20 unless given)."""
        if self.quick:
            return max(1, min(n, QUICK_STEPS) if quick is None else quick)
        return max(1, round(n * self.scale))

    def size(self, n: int, quick: int | None = None) -> int:
        """`n` samples, images or seeds; under --quick only `quick` of them (a tenth unless given). Never scaled."""
        if self.quick:
            return max(1, n // 10 if quick is None else quick)
        return n

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

        if any(training["label"] == label for training in self._trainings):
            raise ValueError(f"each training of a lesson needs its own label, and {label!r} is taken")
        if state:
            options["checkpoint"] = self._folder.file(f"checkpoints/{slug(label)}.npz")
            options["resume"] = self._folder.resumed
            if options["resume"] and options["checkpoint"].exists():
                self._say(f"  training  {label}: continuing from {options['checkpoint']}")
        try:
            history = fit(step, steps, state=state, label=label, **options)
        except ValueError as error:
            unusable = "cannot resume" in str(error) or "is not a training checkpoint" in str(error)
            if self._on_sampler is not None and unusable:
                self._say(f"  training  {label}: what was kept is not usable, training it anew")
                history = fit(step, steps, state=state, label=label, **{**options, "resume": False})
            elif self._folder.resumed and "cannot resume" in str(error):
                raise UsageError(f"{error} (run without --resume to start again)") from error
            else:
                raise
        last = {name: float(history[name][-1]) for name in history}
        shown = "".join(f", {name} {value:.4g}" for name, value in last.items())
        self._say(f"  training  {label}: {history.steps_done} steps in {history.seconds:.1f} s{shown}")
        training = {"label": label, "steps": history.steps_done, "seconds": round(history.seconds, 3), "last": last}
        self._trainings.append(training)
        return history

    def pretrained(
        self, name: str, config: dict[str, Any], build: Callable[[dict], Any], train: Callable[[Any, dict], Any]
    ) -> Any:
        """A model that is trained once and then loaded from the user's cache directory.

        `build(config)` makes the untrained model, `train(model, config)` trains it in place (or returns the one to
        keep, such as a moving average). `config` holds all that the result depends on, numbers of steps included.
        """
        from minigen.course.lesson.cache import cached_model

        return cached_model(name, config, build, train, salt=self._with_hash() or "", say=self._say)

    def sampler(self, name: str, draw: Callable[[np.random.Generator, int], Any]) -> None:
        """Offer a trained model to `minigen sample`: say this right after its training.

        `draw(rng, n)` returns `n` samples, float32, images (n, H, W, C) in [0, 1]; or a pair of them and their labels
        (n,), where the model is conditional. A lesson with several models gives each its own name, the best one first.
        """
        if any(sampler == name for sampler in self._samplers):
            raise ValueError(f"two samplers of a lesson are called {name!r}")
        self._samplers.append(name)
        if self._on_sampler is not None:
            self._on_sampler(self, name, draw)

    # -- what the reader sees ------------------------------------------------------------------------------------------

    def figure(self, fig: Figure, name: str, caption: str = "") -> None:
        """Save a figure as `<name>.png`, show it under --show and in a notebook. `caption` says where to look."""
        from minigen import plot

        if self._on_sampler is not None:
            return
        path = self._draw(f"{name}.png", caption, lambda path: plot.save(fig, path))
        self._say(f"  figure  {path}" + f": {caption}" * bool(caption), notebook=False)
        if self.options.show or self.mode == "notebook":
            plot.show(fig)
            self._markdown(caption)

    def animation(self, frames: Iterable[Any], name: str, caption: str = "", **options: Any) -> None:
        """Save frames (figures, axes or uint8 images) as `<name>.gif`; options are those of `minigen.plot.animate`."""
        from minigen import plot

        if self._on_sampler is not None:
            return
        path = self._draw(f"{name}.gif", caption, lambda path: plot.animate(frames, path, **options))
        self._say(f"  figure  {path}" + f": {caption}" * bool(caption), notebook=False)
        if self.mode == "notebook":
            from IPython.display import Image, display

            display(Image(data=path.read_bytes(), format="gif"))
            self._markdown(caption)

    def table(self, rows: Iterable[Sequence[Any]], header: Sequence[str], title: str = "") -> None:
        """Print an aligned table and keep it in metrics.json."""
        if self._on_sampler is not None:
            return
        rows = [list(row) for row in rows]
        self._tables.append({"title": title, "header": list(header), "rows": jsonable(rows)})
        self._markdown((f"**{title}**\n\n" if title else "") + markdown_table(rows, header))
        heading = f"\n  {title}\n" if title else "\n"
        self._say(heading + text_table(rows, header, indent="  ") + "\n", notebook=False)

    def show_source(self, *objects: Any) -> None:
        """Show the package's own source of functions or classes: code in a notebook; in a script it goes to the log."""
        if self._on_sampler is not None:
            return
        for thing in objects:
            thing = inspect.unwrap(thing)
            code = textwrap.dedent(inspect.getsource(thing)).rstrip()
            where = f"{thing.__module__.replace('.', '/')}.py:{inspect.getsourcelines(thing)[1]}"
            self._markdown(f"`{where}`\n\n```python\n{code}\n```")
            self._say(f"  source  {where} {thing.__qualname__}", notebook=False)
            self._log.write(code + "\n")

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
        for whole numbers); an array must satisfy the condition everywhere. Raises CheckFailed.
        """
        if equals is None and at_least is None and at_most is None and between is None:
            if not isinstance(value, (bool, np.bool_)):
                raise ValueError(f"check {name!r} needs a condition: equals, at_least, at_most or between")
            equals = True
        check = Claim(name, value, Bar.of(name, at_least, at_most, between, equals, atol))
        self.checks.append(check)
        _, got, bar, status, _ = check.row()
        if status == "failed":
            raise CheckFailed(f"check failed: {name}: got {got}, must be {bar}{_worst(check)}")
        self._say(f"  check   {name}: {got} ({bar}) {color('ok', 'green')}")

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
        if any(claim.name == name for claim in self.claims):
            raise ValueError(f"two claims of a lesson are called {name!r}")
        self.claims.append(Claim(name, value, bar, judged=not self.quick, source=source, unit=unit))

    def finish(self) -> None:
        """The last line of a lesson: print the claims, write metrics.json, end with exit code 1 if a claim failed."""
        failed = [claim for claim in self.claims if claim.status == "failed"]
        self.status = "not judged" if self.quick else "failed" if failed else "passed"
        if self.claims:
            self.table_of_claims()
        claims, checks = (
            f"{len(each)} {name}{'s' * (len(each) != 1)}"
            for each, name in [(self.claims, "claim"), (self.checks, "check")]
        )
        judged = f"{len(self.claims) - len(failed)} of {claims} hold{'s' * (len(self.claims) == 1)}"
        if not self.claims or self.quick:
            judged = f"{claims} not judged" if self.claims else "no claims"
        tone = "red" if failed else "yellow" if self.quick else "green"
        seconds = time.perf_counter() - self._start
        self._say(f"{color(judged, tone)}, {checks} passed; {seconds:.1f} s; see {self.out}")
        self.close()
        if failed and self.mode in ("run", "script"):
            raise SystemExit(1)

    def table_of_claims(self) -> None:
        """Print claim, value, bar, verdict and source of every claim so far."""
        header = ["claim", "value", "bar", "verdict", "source"]
        rows = [claim.row() for claim in self.claims]
        self._markdown(markdown_table(rows, header))
        self._say("\n" + text_table(rows, header, indent="  ") + "\n", notebook=False)

    def close(self, status: str | None = None) -> None:
        """Write metrics.json, close the log and give standard output back. `finish` does it; safe to call again."""
        if self._log.closed:
            return
        if status is not None:
            self.status = status
        try:
            self._folder.write_json("metrics.json", self.metrics())
        finally:
            if isinstance(sys.stdout, Tee) and sys.stdout.log is self._log:
                sys.stdout = sys.stdout.stream
            self._log.close()

    def metrics(self) -> dict[str, Any]:
        """What metrics.json holds."""
        options = {"seed": self.seed, "scale": self.scale, "quick": self.quick, "with": self.options.with_file}
        if self.options.with_file is not None:
            from minigen.course.exercise.substitute import calls

            options["calls"] = calls()
        return jsonable(
            {
                "lesson": self.id,
                "title": self.title,
                "post": self.post,
                "sections": self.sections,
                "equations": self.equations,
                "status": self.status,
                "recipe": None if self._folder.resumed else self._recipe,  # None: its checkpoints may be of another
                **options,
                "claims": [claim.as_json() for claim in self.claims],
                "checks": [check.as_json() for check in self.checks],
                "tables": self._tables,
                "figures": self._drawn,
                "configuration": self._configuration,
                "timings": {"total": round(time.perf_counter() - self._start, 3), "trainings": self._trainings},
                "versions": _versions(),
            }
        )

    # -- behind the scenes ---------------------------------------------------------------------------------------------

    def _stopped_by(self, error: BaseException) -> None:
        """`sys.excepthook` of a script: the same message and exit code as under `minigen run`."""
        from minigen.course.lesson.run import stopped_by

        code = stopped_by(self, error)
        sys.stdout.flush()
        if code != 1:  # what Python itself exits with after an exception
            os._exit(code)

    def _draw(self, name: str, caption: str, save: Callable[[Path], Any]) -> Path:
        if not re.fullmatch(r"[A-Za-z0-9_-]+\.\w+", name):
            raise ValueError(f"the name of a figure must be letters, digits, '_' and '-', got {name!r}")
        if any(drawn["file"] == name for drawn in self._drawn):
            raise ValueError(f"two figures of a lesson are called {name!r}")
        path = self._folder.write(name, save)
        self._drawn.append({"file": name, "caption": caption})
        return path

    def _say(self, text: str, notebook: bool = True) -> None:
        """Print a line and log it; with notebook=False a notebook only logs it, having displayed it in its own way."""
        if notebook or self.mode != "notebook":
            print(text, flush=True)
        if not self._tee and not self._log.closed:
            self._log.write(text + "\n")
            self._log.flush()

    def _markdown(self, text: str) -> None:
        if text and self.mode == "notebook":
            from IPython.display import Markdown, display

            display(Markdown(text))

    def _with_hash(self) -> str | None:
        path = self.options.with_file
        return None if path is None else hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]


def _find_options(given: RunOptions | None, caller: Any) -> tuple[str, RunOptions]:
    """How this lesson is being run ("run", "script", "notebook" or "code") and with which options."""
    if Run.current is not None:
        return "run", Run.current.options
    if "IPython" in sys.modules and hasattr(sys.modules["IPython"].get_ipython(), "kernel"):
        return "notebook", given or RunOptions()
    if given is None and caller.f_globals.get("__name__") == "__main__" and caller.f_globals.get("__file__"):
        return "script", script_options(sys.argv[1:], prog=Path(caller.f_globals["__file__"]).name)
    return "code", given or RunOptions()


def _worst(check: Claim) -> str:
    """Which entry of an array is furthest from what it should equal."""
    value = np.asarray(check.value)
    if check.bar.target is None or value.ndim == 0 or value.dtype.kind not in "biuf":
        return ""
    try:
        gap = np.abs(value - np.asarray(check.bar.target, dtype=np.float64))
    except ValueError:
        return f" (shape {value.shape}, not {np.shape(check.bar.target)})"
    if gap.shape != value.shape or gap.size == 0:
        return f" (shape {value.shape})"
    at = np.unravel_index(np.argmax(np.nan_to_num(gap, nan=np.inf)), gap.shape)
    return f" (largest difference {gap[at]:.3g}, at {tuple(int(i) for i in at)})"


def _versions() -> dict[str, str]:
    versions = {"minigen": minigen.__version__, "python": platform.python_version(), "platform": platform.platform()}
    for name in ("numpy", "autograd", "scipy", "matplotlib"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass
    return versions
