"""Events as text: what a terminal prints and what the log keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from minigen.course.console import plural, text_table
from minigen.course.lesson import events
from minigen.course.lesson.claims import HEADER

__all__ = ["Paint", "text_of", "verdict"]

Paint = Callable[[str, str], str]  # (text, color) -> text


def plain(text: str, color: str) -> str:
    """`text` without its color."""
    return text


def text_of(event: events.Event, paint: Paint = plain) -> str | None:
    """The line or lines of an event, without the last line break; None where it has no text."""
    match event:
        case events.Start(lesson, options, folder):
            minutes = f"about {plural(lesson.minutes * options.scale, 'minute')}"
            time = "a few seconds" if options.quick else minutes
            return f"{paint(lesson.id, 'bold')}  {lesson.title}  (seed {options.seed}, {time}, {folder})"
        case events.Note(text) | events.ModelNote(text):
            return text
        case events.Edited(_, note):
            return paint(note, "yellow")
        case events.Training():
            return f"  training  {event}"
        case events.Predict(prediction):
            choices = [f"           {prediction.labelled(choice)}" for choice in prediction.choices]
            return "\n".join([f"  predict  {prediction.question}", *choices])
        case events.Outcome(prediction, text, answer):
            return f"  outcome  {'' if answer is None else prediction.labelled(answer) + ': '}{text}"
        case events.Exercise(id):
            start = f"minigen exercise start {id.rpartition('/')[0]}"
            return f"  exercise  {id}: write it yourself before you read on: {start}"
        case events.Change(_, sentence):
            return f"  change   {sentence}"
        case events.Source(where, name):
            return f"  source  {where} {name}"
        case events.Picture(path, caption):
            return f"  figure  {path}: {caption}" if caption else f"  figure  {path}"
        case events.Table(header=header, rows=rows):
            heading = f"\n  {event.heading}\n" if event.heading else "\n"
            return heading + text_table(rows, header, indent="  ") + "\n"
        case events.Check():
            return None if event.stops else _check(event, paint)  # what stops a lesson is printed as its error
        case events.Sources(references):
            return "\n".join(["", "  sources", *(f"    {reference}" for reference in references)])
        case events.Finish():
            rows = [claim.row() for claim in event.claims]
            table = "\n" + text_table(rows, HEADER, indent="  ") + "\n\n" if rows else ""
            return _answers(event.changes) + table + verdict(event, paint)
    return None


def _answers(changes: Sequence[events.Change]) -> str:
    """What the changes that a lesson asks for show, at its end."""
    lines = [f"  {change.sentence}\n    → {change.answer}" for change in changes]
    return "\n".join(["", "  What the changes show", *lines, ""]) if lines else ""


def _check(event: events.Check, paint: Paint) -> str:
    check = event.check
    if event.before:
        return f"  {paint('changed', 'yellow')}  {check.name}: {check.row()[1]}, before {event.before}"
    if check.status == "failed":
        return f"  {paint(check.failure(), 'red')}"
    _, value, bar, *_ = check.row()
    return f"  check   {check.name}: {value} ({bar}) {paint('ok', 'green')}"


def verdict(event: events.Finish, paint: Paint = plain) -> str:
    """The last line of a run: how many claims and checks hold, how long it took, where its files are."""
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
