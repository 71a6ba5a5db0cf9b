"""The sink `log.txt`: the run as text, with what the lesson's own code printed and the sources that it showed."""

from __future__ import annotations

from pathlib import Path

from minigen.course.lesson import blocks, events
from minigen.course.lesson.sinks.text import text_of

__all__ = ["Log"]


class Log:
    """Appends to `path`, which is emptied first. without: the kinds that are left out."""

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
