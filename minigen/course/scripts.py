"""The script that `minigen new --data` writes for a table or a folder of images of one's own: complete, and short.

A table gets a flow, with an outlier score for each row and new rows; images get a VAE, with the same. What is adapted
to the data is in the script as it is: columns, sizes, the size of a batch.
"""

from __future__ import annotations

import json
import re
import textwrap
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from minigen import data
from minigen.course.console import UsageError
from minigen.data.images import SUFFIXES

__all__ = ["script_for", "script_name"]

FEWEST = 20  # rows or images
MOST_PIXELS = 32  # of a side: larger images are reduced
LARGEST_WHOLE = 2**23  # beyond it whole numbers are as good as continuous
GRAY = ("1", "L", "LA")  # modes of Pillow

TABLE = '''\
"""Outliers of {file}, and new rows like its own, by a RealNVP: python {name}.py"""

import numpy as np

from minigen import data, train
from minigen.flow import RealNVP

{left_out}COLUMNS = {columns}

rng = np.random.default_rng(0)
table = data.points({path}, COLUMNS{dtype})  # ({rows}, {dim})
{center}{dequantize}training, held_out = data.split({all}, rng)  # 80 : 20
flow = RealNVP(rng, dim=len(COLUMNS)).standardize(training)
batches = data.batches(training, size={size}, rng=rng)
step = train.descend(RealNVP.loss, flow, batches, lr=1e-3)
history = train.fit(step, 3000, held_out=held_out, patience=5)
print(f"{{history.steps_done}} steps, {{history['held_out'].min():.3f}} nats a row on held-out data")

scores = -flow.log_prob({all})  # nats; the largest are the outliers
for row in np.argsort(-scores)[:10]:
    cells = ", ".join(f"{{column}} {{value:{digits}g}}" for column, value in zip(COLUMNS, table[row]))
    print(f"row {{row}}: {{scores[row]:.2f}} nats: {{cells}}")

new = flow.sample(rng, 1000){back}  # (1000, {dim})
{round}header = ",".join(f'"{{column}}"' for column in COLUMNS)
np.savetxt("{name}_new.csv", new, "%{digits}g", delimiter=",", header=header, comments="")
flow.save("{name}.npz")  # RealNVP.from_file("{name}.npz") loads it
'''

CENTER = """\
center = np.round(table.mean(axis=0))  # float32 has more digits near 0
x = (table - center).astype(np.float32)
"""

IMAGES = '''\
"""Outliers among the images of {file}, and new images, by a VAE: python {name}.py"""

import numpy as np

from minigen import data, plot, train
from minigen.vae import VAE

SHAPE = {shape}  # of an image: height, width, channels

rng = np.random.default_rng(0)
images = data.to_range(data.images({path}, SHAPE[:2], SHAPE[2]), 0, 1)  # ({rows}, *SHAPE)
x = images.reshape(len(images), -1)  # ({rows}, {dim})
training, held_out = data.split(x, rng)  # 80 : 20
vae = VAE(rng, dim_x=x.shape[1], widths=(256,), dim_z=16)
batches = data.batches(training, size={size}, rng=rng)
step = train.descend(VAE.loss, vae, batches, lr=1e-3, noise=rng)
history = train.fit(step, 3000, held_out=held_out, patience=5)
print(f"{{history.steps_done}} steps, {{history['held_out'].min():.1f}} nats an image on held-out data")

eps = rng.standard_normal((len(x), vae.dim_z), dtype=np.float32)
scores = -vae.elbo(x, eps).value  # nats; the largest are the outliers
print("the ten images that fit least:", np.argsort(-scores)[:10])

new = vae.sample(rng, 36, noise=False).reshape(-1, *SHAPE)
plot.save(plot.image_grid(new), "{name}_new.png")
vae.save("{name}.npz")  # VAE.from_file("{name}.npz") loads it
'''


def script_name(path: Path) -> str:
    """Return what the script for a table or a folder is called unless its user says so: "table_flow", "photos_vae"."""
    words = re.sub(r"[^a-z0-9]+", "_", path.resolve().stem.lower()).strip("_")
    words = words if words[:1].isalpha() else f"data_{words}".strip("_")
    return f"{words}_{'vae' if path.is_dir() else 'flow'}"


def script_for(path: Path, name: str) -> str:
    """Return the text of a script for the table or the folder of images at a path; name: of the script.

    Raises UsageError for data that cannot be read, and for too few of them.
    """
    try:
        return _for_images(path, name) if path.is_dir() else _for_table(path, name)
    except (ValueError, OSError, ImportError) as error:  # they say what was expected, and where
        raise UsageError(str(error)) from None


def _for_table(path: Path, name: str) -> str:
    columns = data.table_columns(path)
    kept = [column for column, is_number in columns.items() if is_number]
    table = data.points(path, kept or None, dtype=np.float64)
    _check_rows(path, len(table), "rows")
    varies = table.min(axis=0) < table.max(axis=0)
    kept = [column for column, keep in zip(kept, varies) if keep]
    if len(kept) < 2:
        raise UsageError(f"{path}: a flow needs at least two columns of numbers that vary, got {kept or 'none'}")
    table = table[:, varies]
    whole = (table == np.rint(table)).all(axis=0) & (np.ptp(table, axis=0) < LARGEST_WHOLE)
    counted = np.flatnonzero(whole).tolist()
    with warnings.catch_warnings(record=True) as rounded:
        warnings.simplefilter("always")
        data.points(path, kept)
    too_coarse = bool(rounded) or bool((np.abs(table[:, whole]) >= LARGEST_WHOLE).any())  # float32, for a column
    without = [f"{each} ({'constant' if columns[each] else 'text'})" for each in columns if each not in kept]
    left_out = textwrap.fill(f"without {', '.join(without)}", 100, initial_indent="# ", subsequent_indent="# ")
    x = "x" if too_coarse else "table"
    dequantize = f"x = data.dequantize({x}, rng, {counted})  # whole numbers become continuous\n"
    return TABLE.format(
        file=_plain(path),
        name=name,
        path=_text(path),
        columns=_listed(kept),
        left_out=f"{left_out}\n" if without else "",
        rows=len(table),
        dim=len(kept),
        size=_batch(len(table)),
        all="x" if counted or too_coarse else "table",
        dtype=", dtype=np.float64" if too_coarse else "",
        center=CENTER if too_coarse else "",
        back=" + center" if too_coarse else "",
        digits=".12" if too_coarse else "",
        dequantize=dequantize if counted else "",
        round=f"new[:, {counted}] = np.floor(new[:, {counted}])\n" if counted else "",
    )


def _for_images(path: Path, name: str) -> str:
    from PIL import Image

    shapes, modes = [], set()
    for file in sorted(each for each in path.iterdir() if each.suffix.lower() in SUFFIXES):
        with Image.open(file) as image:
            shapes.append((image.height, image.width))
            modes.add(image.mode)
    smallest = min((side for shape in shapes for side in shape), default=1)
    same = len(set(shapes)) == 1 and max(shapes[0]) <= MOST_PIXELS
    height, width = shapes[0] if same else [min(smallest, MOST_PIXELS)] * 2
    channels = 1 if modes <= set(GRAY) else 3
    images = data.images(path, (height, width), channels)  # which says what is wrong with one of them
    _check_rows(path, len(images), "images")
    return IMAGES.format(
        file=_plain(path),
        name=name,
        path=_text(path),
        shape=(height, width, channels),
        rows=len(images),
        dim=height * width * channels,
        size=_batch(len(images)),
    )


def _check_rows(path: Path, count: int, what: str) -> None:
    if count < FEWEST:
        raise UsageError(f"{path}: at least {FEWEST} {what} are needed, to learn from and to hold out, got {count}")


def _batch(rows: int) -> int:
    """Return a power of 2, at most 256 and at most half of the rows to learn from."""
    return min(256, 2 ** int(np.log2(0.4 * rows)))


def _plain(path: Path) -> str:
    """Return the name of a file or folder, for a docstring."""
    return re.sub(r"[\\\"\s]+", " ", path.resolve().name)


def _text(value: Path | str | int) -> str:
    """Return a literal of Python, with double quotes."""
    if isinstance(value, int):
        return str(value)
    return json.dumps(value.as_posix() if isinstance(value, Path) else value, ensure_ascii=False)


def _listed(columns: Sequence[str | int]) -> str:
    """Return a list in Python, with a line for each element where one line would be long."""
    texts = [_text(column) for column in columns]
    line = f"[{', '.join(texts)}]"
    return line if len(line) <= 80 else "\n".join(["[", *(f"    {text}," for text in texts), "]"])
