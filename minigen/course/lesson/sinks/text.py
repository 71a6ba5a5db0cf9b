"""Events as text: what a terminal prints, and what the log keeps, with what the lesson's own code printed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

from minigen.course.console import color, plural, text_table
from minigen.course.lesson import blocks, events
from minigen.course.lesson.claims import HEADER
from minigen.course.lesson.predict import labelled

__all__ = ["Log", "Paint", "Terminal", "show_window", "text_of", "verdict"]

Paint = Callable[[str, str], str]  # (text, color) -> text


def plain(text: str, color: str) -> str:
    """`text` without its color."""
    return text


def text_of(event: events.Event, paint: Paint = plain) -> str | None:
    """Return the line or lines of an event, without the last line break; None where it has no text."""
    text = blocks.of_kind(TEXTS, event)
    return None if text is None else text(event, paint)


def _start(event: events.Start, paint: Paint) -> str:
    lesson, options = event.lesson, event.options
    minutes = f"about {plural(lesson.minutes * options.scale, 'minute')}"
    time = "a few seconds" if options.quick else minutes
    return f"{paint(lesson.id, 'bold')}  {lesson.title}  (seed {options.seed}, {time}, {event.folder})"


def _question(event: blocks.Question, paint: Paint) -> str:
    choices = [f"           {labelled(event.choices, choice)}" for choice in event.choices]
    return "\n".join([f"  predict  {event.question}", *choices])


def _exercise(event: blocks.ExerciseBox, paint: Paint) -> str:
    start = f"minigen exercise start {event.id.rpartition('/')[0]}"
    return f"  exercise  {event.id}: write it yourself before you read on: {start}"


def _picture(event: blocks.Picture, paint: Paint) -> str:
    return f"  figure  {event.path}: {event.caption}" if event.caption else f"  figure  {event.path}"


def _table(event: blocks.Table, paint: Paint) -> str:
    heading = f"\n  {event.heading}\n" if event.heading else "\n"
    return heading + text_table(event.rows, event.header, indent="  ") + "\n"


def _check(event: blocks.Check, paint: Paint) -> str | None:
    if event.stops:
        return None  # what stops a lesson is printed as its error
    if event.before:
        return f"  {paint('changed', 'yellow')}  {event.name}: {event.value}, before {event.before}"
    if event.judged is not None and event.status == "failed":
        return f"  {paint(event.judged.failure(), 'red')}"
    verdict = paint("ok", "green") if event.status == "passed" else event.status
    return f"  check   {event.name}: {event.value} ({event.bar}) {verdict}"


def _finish(event: events.Finish, paint: Paint) -> str:
    rows = [claim.row() for claim in event.claims]
    table = "\n" + text_table(rows, HEADER, indent="  ") + "\n\n" if rows else ""
    return _answers(event.answers) + table + verdict(event, paint)


def _answers(answers: Mapping[str, str]) -> str:
    """Return what happens when the invitations of a lesson are followed."""
    lines = [f"  {sentence}\n    → {answer}" for sentence, answer in answers.items()]
    return "\n".join(["", "  What happens when you try it", *lines, ""]) if lines else ""


def verdict(event: events.Finish, paint: Paint = plain) -> str:
    """Return the last line of a run: how many claims and checks hold, how long it took, where its files are."""
    failed, broken = (sum(one.status == "failed" for one in those) for those in (event.claims, event.checks))
    claims, checks = plural(len(event.claims), "claim"), plural(len(event.checks), "check")
    if not event.claims:
        judged = "no claims"
    elif event.unjudged:
        judged = f"{claims} not judged: {event.unjudged}"
    else:
        judged = f"{len(event.claims) - failed} of {claims} {'holds' if len(event.claims) == 1 else 'hold'}"
    if broken:
        checks = f"{len(event.checks) - broken} of {checks}"
    color = "red" if failed or broken else "yellow" if event.unjudged else "green"
    return f"{paint(judged, color)}, {checks} passed; {event.seconds:.1f} s; see {event.folder}"


TEXTS: dict[type, Callable[[Any, Paint], str | None]] = {
    events.Start: _start,
    events.Note: lambda event, paint: event.text,
    events.ModelNote: lambda event, paint: event.text,
    events.Edited: lambda event, paint: paint(event.note, "yellow"),
    events.Training: lambda event, paint: f"  training  {event}",
    events.Sources: lambda event, paint: "\n".join(["", "  sources", *(f"    {one}" for one in event.references)]),
    events.Finish: _finish,
    blocks.Question: _question,
    blocks.Outcome: lambda event, paint: f"  answer  {f'{event.label}. ' if event.label else ''}{event.text}",
    blocks.ExerciseBox: _exercise,
    blocks.Invitation: lambda event, paint: f"  try it  {event.sentence}",
    blocks.Source: lambda event, paint: f"  source  {event.where} {event.name}",
    blocks.Picture: _picture,
    blocks.Table: _table,
    blocks.Check: _check,
}


# -- the sinks ---------------------------------------------------------------------------------------------------------


class Terminal:
    """The sink of a terminal: prints the text of each event to `stream`, by default standard output.

    only: the kinds that are printed.
    """

    def __init__(self, stream: TextIO | None = None, only: type[events.Event] | tuple[type, ...] = events.Event):
        self.stream, self.only = stream, only

    def __call__(self, event: events.Event) -> None:
        stream = sys.stdout if self.stream is None else self.stream
        if not isinstance(event, self.only):
            return
        if isinstance(event, blocks.Printed):
            stream.write(event.text)
            return
        text = text_of(event, lambda text, name: color(text, name, stream))
        if text is not None:
            print(text, file=stream, flush=True)


def show_window(event: events.Event) -> None:
    """Open each figure in a window, which waits to be closed."""
    if isinstance(event, blocks.Figure | blocks.Play):
        from minigen import plot

        plot.show(event.drawing)


class Log:
    """The sink `log.txt`: the texts, printed lines, the sources that were shown, and the error that ended the run.

    It appends to `path`, which is emptied first. without: the kinds that are left out.
    """

    def __init__(self, path: Path, without: tuple[type[events.Event], ...] = ()):
        self.path, self.without = path, without
        path.write_text("", encoding="utf-8")

    def __call__(self, event: events.Event) -> None:
        if isinstance(event, self.without):
            return
        text = text_of(event)
        match event:
            case blocks.Printed(text=printed):
                self._append(printed)
            case blocks.Source(code=code):
                self._append(f"{text}\n{code}\n")
            case events.End(error=error) if error:
                self._append(f"{error}\n")
            case _ if text is not None:
                self._append(f"{text}\n")

    def _append(self, text: str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text)
