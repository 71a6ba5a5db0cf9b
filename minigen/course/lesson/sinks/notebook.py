"""The sink of a notebook: Markdown, folded parts and pictures below the cell that runs, and lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from minigen.course.console import color, markdown_table
from minigen.course.lesson import events
from minigen.course.lesson.claims import HEADER
from minigen.course.lesson.sinks.text import text_of, verdict

__all__ = ["display_event", "folded", "markdown_of", "show_gif", "show_markdown", "source_markdown"]


def display_event(event: events.Event) -> None:
    """Display an event below the cell that runs."""
    markdown = markdown_of(event)
    if markdown is not None:
        show_markdown(markdown)
        return
    match event:
        case events.Source():
            show_markdown(source_markdown(event, to_be_written(event.exercises)))
        case events.Picture():
            show_picture(event)
        case events.Finish(claims=claims):
            if claims:
                show_markdown(markdown_table([claim.row() for claim in claims], HEADER))
            print(verdict(event, color), flush=True)
        case _:
            text = text_of(event, color)
            if text is not None:
                print(text, flush=True)


def markdown_of(event: events.Event) -> str | None:
    """The Markdown of an event that looks the same in every notebook; None for another event."""
    match event:
        case events.Predict(prediction):
            choices = "\n".join(f"- {prediction.labelled(choice)}" for choice in prediction.choices)
            return f"**Before you run on: {prediction.question}**\n\n{choices}"
        case events.Outcome():
            return outcome_markdown(event)
        case events.Exercise(id):
            return exercise_markdown(id)
        case events.Table(header=header, rows=rows):
            heading = f"**{event.heading}**\n\n" if event.heading else ""
            return heading + markdown_table(rows, header)
    return None


def outcome_markdown(event: events.Outcome) -> str:
    """The choices, each of which must be opened to read what the run showed."""
    prediction, answer = event.prediction, event.answer
    parts = [f"**{prediction.question}** Open what you chose:"]
    for choice in prediction.choices:
        if answer is None:
            result = ""
        elif choice == answer:
            result = "So it came out. "
        else:
            result = f"It came out as {prediction.labelled(answer)}. "
        parts.append(folded(prediction.labelled(choice), result + event.text))
    return "\n\n".join(parts)


def exercise_markdown(id: str) -> str:
    """The prompt of an exercise, and how to write and try it."""
    from minigen.course.exercise import catalog

    (exercise,) = catalog.find(id)
    lesson, _, name = id.rpartition("/")
    return (
        f"**Exercise: write `{name}` yourself** (about {exercise.minutes:g} minutes).\n\n"
        f"{exercise.prompt}\n\nWrite it in a cell, then try it: `from minigen.course import check, use` and "
        f"`check({id!r}, {name})`. Once it passes, `use({name})` trains this lesson "
        f"with it. Or write it in a file: `minigen exercise start {lesson}`."
    )


def source_markdown(event: events.Source, is_answer: bool) -> str:
    """The code, folded if it is the answer of an exercise that the reader is still to write."""
    markdown = f"`{event.where}`\n\n```python\n{event.code}\n```"
    if is_answer:
        return folded(f"<code>{event.name}</code> is an exercise: try it first", markdown)
    return markdown


def to_be_written(ids: Sequence[str]) -> bool:
    """Whether the reader has not passed one of these exercises yet."""
    from minigen.course.exercise import catalog
    from minigen.course.exercise.progress import Progress, home

    progress = Progress(home())
    return any(not progress.of(exercise)["passed"] for id in ids for exercise in catalog.find(id))


def show_picture(picture: events.Picture) -> None:
    """Show a figure or an animation, and its caption below it."""
    from minigen import plot

    match picture:
        case events.Figure() | events.Play():
            plot.show(picture.drawing)
        case events.Animation(path=path):
            show_gif(path)
    if picture.caption:
        show_markdown(picture.caption)


def show_markdown(text: str) -> None:
    """Show Markdown with mathematics below the cell that runs."""
    from IPython.display import Markdown, display

    display(Markdown(text))


def show_gif(path: Path) -> None:
    """Show a moving picture below the cell that runs."""
    from IPython.display import Image, display

    display(Image(data=path.read_bytes(), format="gif"))


def folded(summary: str, text: str) -> str:
    """Markdown that shows only `summary` until it is opened."""
    return f"<details><summary>{summary}</summary>\n\n{text}\n\n</details>"
