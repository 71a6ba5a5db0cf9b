"""The sink of a notebook: Markdown, folded parts and pictures below the cell that runs, and lines of text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from minigen.course.console import color, markdown_table
from minigen.course.lesson import blocks, events
from minigen.course.lesson.claims import HEADER
from minigen.course.lesson.predict import labelled
from minigen.course.lesson.sinks.text import text_of, verdict

__all__ = ["display_event", "folded", "markdown_of", "show_gif", "show_markdown", "source_markdown"]


def display_event(event: events.Event) -> None:
    """Display an event below the cell that runs."""
    markdown = markdown_of(event)
    if markdown is not None:
        show_markdown(markdown)
        return
    match event:
        case blocks.Source():
            show_markdown(source_markdown(event, to_be_written(event.exercises)))
        case blocks.Picture():
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
    """Return the Markdown of an event that looks the same in every notebook; None for another event."""
    markdown = blocks.of_kind(MARKDOWN, event)
    return None if markdown is None else markdown(event)


def _question(block: blocks.Question) -> str:
    choices = "\n".join(f"- {labelled(block.choices, choice)}" for choice in block.choices)
    return f"**Before you run on: {block.question}**\n\n{choices}"


def _outcome(block: blocks.Outcome) -> str:
    """Return the choices, each of which must be opened to read what the run showed."""
    parts = [f"**{block.question}** Open what you chose:"]
    for choice in block.choices:
        if block.answer is None:
            result = ""
        elif choice == block.answer:
            result = "This is the answer. "
        else:
            result = f"The answer is {block.label}. "
        parts.append(folded(labelled(block.choices, choice), result + block.text))
    return "\n\n".join(parts)


def _exercise(block: blocks.ExerciseBox) -> str:
    """Return the prompt of an exercise, and how to write and try it."""
    from minigen.course.exercise import catalog, prompts, stubs, substitute

    (exercise,) = catalog.find(block.id)
    lesson, _, name = block.id.rpartition("/")
    prompt = "\n\n".join(prompts.paragraphs(exercise))
    with substitute.suspended():  # the signature of the package's function, not of an answer in its place
        stub = stubs.bare_stub(exercise)
    return (
        f"**Exercise: write `{name}` yourself** (about {exercise.minutes:g} minutes).\n\n"
        f"{prompt}\n\n```python\n{stub}```\n\n"
        f"Write it in a cell, then try it: `from minigen.course import check, use` and "
        f"`check({block.id!r}, {name})`. Once it passes, `use({name})` trains this lesson "
        f"with it. Or write it in a file: `minigen exercise start {lesson}`."
    )


def _table(block: blocks.Table) -> str:
    heading = f"**{block.heading}**\n\n" if block.heading else ""
    return heading + markdown_table(block.rows, block.header)


def source_markdown(block: blocks.Source, is_answer: bool) -> str:
    """Return the code, folded if it is the answer of an exercise that the reader is still to write."""
    markdown = f"`{block.where}`\n\n```python\n{block.code}\n```"
    if is_answer:
        return folded(f"<code>{block.name}</code> is an exercise: try it first", markdown)
    return markdown


def to_be_written(ids: Sequence[str]) -> bool:
    """Whether the reader has not passed one of these exercises yet."""
    from minigen.course.exercise import catalog
    from minigen.course.exercise.progress import Progress, home

    progress = Progress(home())
    return any(not progress.of(exercise)["passed"] for id in ids for exercise in catalog.find(id))


def show_picture(picture: blocks.Picture) -> None:
    """Show a figure or an animation, and its caption below it."""
    from minigen import plot

    match picture:
        case blocks.Figure() | blocks.Play():
            plot.show(picture.drawing)
        case blocks.Animation(path=path):
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


MARKDOWN: dict[type, Callable[[Any], str]] = {
    blocks.Question: _question,
    blocks.Outcome: _outcome,
    blocks.ExerciseBox: _exercise,
    blocks.Invitation: lambda block: (
        f"**Now change something.** {block.sentence}\n\n{folded('What happens', block.answer)}"
    ),
    blocks.Table: _table,
    blocks.Claims: lambda block: markdown_table(block.rows, block.header),
    events.Sources: lambda event: "\n".join(["**Sources**\n", *(f"- {one}" for one in event.references)]),
}
