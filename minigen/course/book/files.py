"""The files of a book: written only where they have changed, so that Sphinx and a web server see what is new."""

from __future__ import annotations

import io
import os
import shutil
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from minigen.course.book.contents import Chapter
from minigen.course.lesson import blocks

__all__ = ["Files", "archive", "fill_folder", "unpack", "write_if_changed"]

POINTS_PER_PIXEL = 2.0  # figures are saved at 192 dots an inch, a page shows 96
THUMBNAIL = 320  # pixels of a page: the width of a picture in a list, at most


def write_if_changed(path: Path, data: bytes) -> None:
    """Write a file, unless it holds these bytes already."""
    if not (path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def fill_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder hold these files, by their paths inside it, and no others."""
    for path in list(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder).as_posix() not in files:
            path.unlink()
    for name, data in files.items():
        write_if_changed(folder / name, data)


def unpack(path: Path, folder: Path) -> None:
    """Make a folder hold the files of a zip archive and no others."""
    with zipfile.ZipFile(path) as packed:
        fill_folder(folder, {name: packed.read(name) for name in packed.namelist()})


def archive(files: Mapping[str, bytes]) -> bytes:
    """Return a zip archive of these files in their order, all dated 1980: the same files give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            packed.writestr(entry, data, compresslevel=9)
    return buffer.getvalue()


class Files:
    """Pictures as WebP and the data of sliders, each made again only if the file that it is made from has changed."""

    def __init__(self, out: Path):
        self.out = out
        self._wanted: dict[Path, tuple[Path, int]] = {}  # file of the book -> file of the run, most pixels across
        self._own: dict[Path, bytes] = {}  # file of the book -> what it holds

    def picture(self, chapter: Chapter, file: str) -> tuple[str, tuple[int, int]]:
        """Return the address of a picture of a run, from the book's first folder, and its width and height on a page.

        It is the SVG beside the picture, if there is one.
        """
        vector = blocks.vector_name(file)
        source = vector if (chapter.folder / vector).is_file() else file
        ending = Path(source).suffix if Path(source).suffix in (".gif", ".svg") else ".webp"
        return self._picture(chapter, file, source, ending, most=0)

    def thumbnail(self, chapter: Chapter, file: str) -> tuple[str, tuple[int, int]]:
        """Return the same of the picture in small, for a list."""
        return self._picture(chapter, file, file, "-small.webp", most=THUMBNAIL)

    def _picture(self, chapter: Chapter, file: str, source: str, ending: str, most: int) -> tuple[str, tuple[int, int]]:
        """source: the file whose content is taken; most: pixels of a page across, 0 for any number."""
        from PIL import Image

        path = chapter.folder / file
        with Image.open(path) as image:
            width, height = (pixels / POINTS_PER_PIXEL for pixels in image.size)
        scale = min(1.0, most / width) if most else 1.0
        address = f"_figures/{chapter.slug}/{path.stem}{ending}"
        self._wanted[self.out / address] = chapter.folder / source, round(most * POINTS_PER_PIXEL)
        return address, (round(width * scale), round(height * scale))

    def take_data(self, chapter: Chapter) -> None:
        """Note the files of data of a chapter, such as those of its sliders."""
        outputs = [block for block in chapter.reading.blocks if isinstance(block, blocks.Output)]
        for data in [block.payload["data"] for block in outputs if "data" in block.recorded]:
            self._wanted[self.out / "_play" / chapter.slug / data] = chapter.folder / data, 0

    def own(self, address: str, data: bytes) -> None:
        """Note a picture, or the data of sliders, of the book itself."""
        self._own[self.out / address] = data

    def make(self) -> None:
        """Make what has changed, and remove what no page shows any more."""
        for made, data in self._own.items():
            write_if_changed(made, data)
        for folder in ("_figures", "_play"):
            for path in list((self.out / folder).rglob("*")):
                if path.is_file() and path not in self._wanted and path not in self._own:
                    path.unlink()
        stale = [(made, path, most) for made, (path, most) in self._wanted.items() if not _is_fresh(made, path)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda one: _make(*one), stale))


def _is_fresh(made: Path, path: Path) -> bool:
    """Whether a file of the book was made from this file: both have the same modification time."""
    return made.is_file() and made.stat().st_mtime_ns == path.stat().st_mtime_ns


def _make(made: Path, path: Path, most: int) -> None:
    """Make a file of the book from a file of a run, with the same modification time.

    most: pixels across, 0 for any number.
    """
    from PIL import Image

    made.parent.mkdir(parents=True, exist_ok=True)
    if made.suffix == ".webp" and (most or path.suffix != ".webp"):
        with Image.open(path) as image:
            picture = image.convert("RGB")
            if most:
                picture.thumbnail((most, picture.height))
            picture.save(made, "WEBP", quality=88, method=4)
    else:
        shutil.copyfile(path, made)
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    os.utime(made, ns=times)
