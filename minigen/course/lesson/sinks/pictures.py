"""The sink that writes what is shown in files: pictures, and the data of those with sliders."""

from __future__ import annotations

from minigen.course.lesson import blocks, events
from minigen.course.lesson.folder import RunFolder

__all__ = ["Pictures"]


class Pictures:
    """Writes the files of each output to the run's folder.

    Raises UsageError where a file of that name is there that minigen did not write.
    """

    def __init__(self, folder: RunFolder):
        self.folder = folder

    def __call__(self, event: events.Event) -> None:
        if isinstance(event, blocks.Output):
            event.write(self.folder)
