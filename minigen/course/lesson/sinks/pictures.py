"""The sink that draws: each picture becomes a file in the run's folder."""

from __future__ import annotations

from minigen.course.lesson import events
from minigen.course.lesson.folder import RunFolder

__all__ = ["Pictures"]


class Pictures:
    """Saves figures as PNG, animations as GIF, and of a picture with sliders a still and the data file.

    Raises UsageError where a file of that name is there that minigen did not write.
    """

    def __init__(self, folder: RunFolder):
        self.folder = folder

    def __call__(self, event: events.Event) -> None:
        if isinstance(event, events.Picture):
            self._draw(event)

    def _draw(self, picture: events.Picture) -> None:
        from minigen import plot

        match picture:
            case events.Figure(path=path, drawing=drawing):
                plot.save(drawing, self.folder.file(path.name))
            case events.Animation(path=path, frames=frames, options=options):
                plot.animate(frames, self.folder.file(path.name), **options)
            case events.Play(path=path, film=film, data=data, key=key):
                script = film.script(key)  # raises ValueError before a file is written
                plot.save(film.still, self.folder.file(path.name))
                self.folder.write_text(data, script)
