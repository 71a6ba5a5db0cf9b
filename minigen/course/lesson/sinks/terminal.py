"""The sinks of a terminal: lines of text, and windows with figures."""

from __future__ import annotations

import sys
from typing import TextIO

from minigen.course.console import color
from minigen.course.lesson import blocks, events
from minigen.course.lesson.sinks.text import text_of

__all__ = ["Terminal", "show_window"]


class Terminal:
    """Prints the text of each event to `stream`, by default standard output. only: the kinds that are printed."""

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
