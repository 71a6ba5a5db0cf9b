"""The script that `minigen new --data` writes for a table or a folder of images of one's own: complete, and short.

A table gets a flow, with an outlier score for each row and new rows; images get a VAE, with the same. A score is that
of a model that has not seen the row. What is adapted to the data is in the script as it is: columns, how they are
transformed, sizes, the size of a batch.
"""

from __future__ import annotations

import json
import math
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minigen import data
from minigen.course.console import UsageError
from minigen.data.images import SUFFIXES
from minigen.data.points import ROUNDING

__all__ = ["Script", "script_for", "script_name"]

FEWEST = 20  # rows or images
MOST_PIXELS = 32  # of a side: larger images are reduced
LARGEST_WHOLE = 2**23  # beyond it whole numbers are as good as continuous, and float32 has no others
LONG_TAIL = 0.2  # of the skewness by quantiles
GRAY = ("1", "L", "LA")  # modes of Pillow

TABLE = '''\
"""Outliers of {file}, and new rows like its own, by a RealNVP: python {name}.py"""

import numpy as np

from minigen import data, train
from minigen.flow import RealNVP

{left_out}COLUMNS = {columns}  # with formats
{constants}
rng = np.random.default_rng(0)
table = data.points({path}, list(COLUMNS){header}, dtype=np.float64)  # ({rows}, {dim})
x = {x}

scores = np.empty(len(x))  # nats; the largest are the outliers
for training, held_out in data.folds(len(x), rng):  # each is scored by a flow that has not seen it
    flow = RealNVP(rng, dim={dim}).standardize(x[training])
    step = train.descend(RealNVP.loss, flow, data.batches(x[training], size={size}, rng=rng))
    print(train.fit(step, 3000, held_out=x[held_out], patience=5))
    scores[held_out] = -flow.log_prob(x[held_out])
for row in np.argsort(-scores)[:10]:
    print(f"row {{row}}: {{scores[row]:.2f}} nats:", dict(zip(COLUMNS, table[row].tolist())))

new = np.clip(flow.sample(rng, 1000), x.min(axis=0), x.max(axis=0)){center}  # in the table's range
{back}flow.save("{name}.npz")  # RealNVP.from_file("{name}.npz") loads it, for rows as in x
'''

IMAGES = '''\
"""Outliers among the images of {file}, and new images, by a VAE: python {name}.py"""

import numpy as np

from minigen import data, plot, train
from minigen.vae import VAE

SHAPE = {shape}  # of an image: height, width, channels

rng = np.random.default_rng(0)
images = data.to_range(data.images({path}, SHAPE[:2], SHAPE[2]), 0, 1)  # ({rows}, *SHAPE)
x = images.reshape(len(images), -1)  # ({rows}, {dim})

scores = np.empty(len(x))  # nats; the largest are the outliers
for training, held_out in data.folds(len(x), rng):  # each is scored by a VAE that has not seen it
    vae = VAE(rng, dim_x={dim}, widths=(256,), dim_z=16)
    step = train.descend(VAE.loss, vae, data.batches(x[training], size={size}, rng=rng), noise=rng)
    print(train.fit(step, 3000, held_out=x[held_out], patience=5))
    eps = rng.standard_normal((len(held_out), vae.dim_z), dtype=np.float32)
    scores[held_out] = -vae.elbo(x[held_out], eps).value
print("the ten images that fit least:", np.argsort(-scores)[:10])

new = vae.sample(rng, 36, noise=False).reshape(-1, *SHAPE)
plot.save(plot.image_grid(new), "{name}_new.png")
vae.save("{name}.npz")  # VAE.from_file("{name}.npz") loads it
'''


class Script(NamedTuple):
    """The text of a script, and lines for a terminal: what it does with each column, or with the images."""

    text: str
    notes: list[str]


def script_name(path: Path) -> str:
    """Return what the script for a table or a folder is called unless its user says so: "table_flow", "photos_vae"."""
    words = re.sub(r"[^a-z0-9]+", "_", path.resolve().stem.lower()).strip("_")
    words = words if words[:1].isalpha() else f"data_{words}".strip("_")
    return f"{words}_{'vae' if path.is_dir() else 'flow'}"


def script_for(path: Path, name: str, columns: Sequence[str] | None = None, header: bool | None = None) -> Script:
    """Return a script for the table or the folder of images at a path; name: of the script.

    columns: of the table, by name, or by number where it has no names; unless given, all that can be modelled.
    header:  whether the first line of the table holds names, as for `minigen.data.points`.
    Raises UsageError for data that cannot be read, and for too few of them.
    """
    try:
        return _for_images(path, name) if path.is_dir() else _for_table(path, name, columns, header)
    except (ValueError, OSError, ImportError) as error:  # they say what was expected, and where
        text = str(error).replace("columns=[...]", "--columns A,B,...").replace("header=True", "--header")
        raise UsageError(text) from None


# ------------------------------------------------------------------------------------------------ a table


def _for_table(path: Path, name: str, columns: Sequence[str] | None, header: bool | None) -> Script:
    known = data.table_columns(path, header)
    asked = list(known) if columns is None else [_known_column(path, column, known) for column in columns]
    notes = dict.fromkeys(asked, "left out: most of its cells are no numbers (dates can be written as numbers of days)")
    numeric = [column for column in asked if known[column]]
    table = data.points(path, numeric or None, header, dtype=np.float64)
    _check_rows(path, len(table), "rows")
    kept = []
    for column, values in zip(numeric, table.T):
        if np.ptp(values):
            kept.append(_Column(column, values))
            notes[column] = kept[-1].note
        else:
            notes[column] = f"left out: it is {values[0]:g} in every row"
    if len(kept) < 2:
        got = [column.name for column in kept] or "none"
        raise UsageError(f"{path}: a flow needs at least two columns of numbers that vary, got {got}")
    text = _table_script(path, name, len(table), kept, list(known), header)
    return Script(text, _report(path, len(table), notes, header))


class _Column:
    """A column that varies: how it is modelled, and the format in which its values are written.

    Whole numbers are made continuous, unless they are spread so far that they are as good as continuous. A positive
    column with a long tail is modelled by its logarithm. A column that float32 would round is modelled less `center`.
    """

    def __init__(self, name: str | int, values: np.ndarray):
        self.name = name
        is_whole = bool((values == np.rint(values)).all())
        rounding = np.abs(values.astype(np.float32) - values).max()
        is_coarse = rounding > ROUNDING * np.ptp(values) or (is_whole and np.abs(values).max() >= LARGEST_WHOLE)
        self.is_counted = is_whole and np.ptp(values) < LARGEST_WHOLE
        self.center = round(values.mean()) if is_coarse else 0
        self.is_log = False
        if values.min() > 0 and not is_coarse:
            skewness = _skewness(values)
            self.is_log = skewness > LONG_TAIL and skewness > abs(_skewness(np.log(values)))
        self.format = _format(values)

    @property
    def note(self) -> str:
        """What is done with the column, in words."""
        done = ["whole numbers, made continuous by noise"] if self.is_counted else []
        done += ["positive with a long tail, modelled by its logarithm"] if self.is_log else []
        done += [f"modelled minus {self.center}, since float32 has too few digits"] if self.center else []
        return "; ".join(done) or "modelled as it is"


def _skewness(values: np.ndarray) -> float:
    """How much farther from the median the 90 % quantile is than the 10 % quantile, −1 to 1; outliers do not matter."""
    low, median, high = np.quantile(values, [0.1, 0.5, 0.9])
    return float((high + low - 2 * median) / (high - low)) if high > low else 0.0


def _format(values: np.ndarray) -> str:
    """As many decimals as the values have, up to 6; else as many digits as show how they differ."""
    for decimals in range(7):
        if np.array_equal(np.round(values, decimals), values):
            return f"%.{decimals}f"
    return f"%.{max(6, 4 + math.ceil(math.log10(np.abs(values).max() / values.std())))}g"


def _table_script(
    path: Path, name: str, rows: int, kept: list[_Column], known: list[str | int], header: bool | None
) -> str:
    names = [column.name for column in kept]
    left_out = ", ".join(str(column) for column in known if column not in names)
    left_out = (
        textwrap.fill(f"without {left_out}", 100, initial_indent="# ", subsequent_indent="# ") if left_out else ""
    )
    counted = [k for k, column in enumerate(kept) if column.is_counted]
    logs = [k for k, column in enumerate(kept) if column.is_log]
    centers = [column.center for column in kept]
    constants, x, back = [], [], []
    if any(centers):
        constants.append(f"CENTER = {centers}  # float32 has more digits near 0")
        x.append("(table - CENTER)")
    else:
        x.append("table")
    if counted:
        x[0] = f"data.dequantize({x[0].strip('()')}, rng, {counted})  # whole numbers become continuous"
        back.append(f"new[:, {counted}] = np.floor(new[:, {counted}])")
    else:
        x[0] += ".astype(np.float32)"
    if logs:
        constants.append(f"LOGS = {logs}  # positive with a long tail: modelled by the logarithm")
        x.append("x[:, LOGS] = np.log(x[:, LOGS])")
        back.insert(0, "new[:, LOGS] = np.exp(new[:, LOGS])")
    header_of_new = ""
    if isinstance(names[0], str):
        header_of_new = ', header=",".join(COLUMNS), comments=""'
        if any(set(str(each)) & set(",;\t") for each in names):  # names in quotes
            back.append("""header = ",".join(f'"{column}"' for column in COLUMNS)""")
            header_of_new = ', header=header, comments=""'
    call = [f'np.savetxt("{name}_new.csv", new, ', f'[*COLUMNS.values()], ","{header_of_new})']
    back.append("".join(call) if sum(map(len, call)) <= 100 else "\n    ".join(call).replace(" \n", "\n"))
    return TABLE.format(
        file=_plain(path),
        name=name,
        path=_text(path),
        left_out=f"{left_out}\n" if left_out else "",
        columns=_listed([f"{_text(column.name)}: {_text(column.format)}" for column in kept]),
        constants="".join(f"{line}\n" for line in constants),
        header="" if header is None else f", header={header}",
        rows=rows,
        dim=len(kept),
        x="\n".join(x),
        size=_batch(rows),
        center=" + CENTER" if any(centers) else "",
        back="".join(f"{line}\n" for line in back),
    )


def _known_column(path: Path, name: str, known: dict[str | int, bool]) -> str | int:
    for column in known:
        if str(column) == name.strip():
            return column
    raise UsageError(f"{path}: expected columns among {', '.join(map(str, known))}, got {name!r}")


def _report(path: Path, rows: int, notes: dict[str | int, str], header: bool | None) -> list[str]:
    width = max(len(str(column)) for column in notes)
    lines = [f"{path}: {rows:,} rows"]
    if header is None and isinstance(next(iter(notes)), int):
        lines.append("its columns have numbers here; if the first line holds names that are numbers, add --header")
    return lines + [f"  {column!s:{width}}  {note}" for column, note in notes.items()]


# ------------------------------------------------------------------------------------------------ images


def _for_images(path: Path, name: str) -> Script:
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
    text = IMAGES.format(
        file=_plain(path),
        name=name,
        path=_text(path),
        shape=(height, width, channels),
        rows=len(images),
        dim=height * width * channels,
        size=_batch(len(images)),
    )
    kind = f"{height} x {width} pixels in {'gray' if channels == 1 else 'color'}"
    return Script(text, [f"{path}: {len(images):,} images, {kind}{'' if same else ', cropped and reduced'}"])


# ------------------------------------------------------------------------------------------------ both


def _check_rows(path: Path, count: int, what: str) -> None:
    if count < FEWEST:
        raise UsageError(f"{path}: at least {FEWEST} {what} are needed, to learn from and to hold out, got {count}")


def _batch(rows: int) -> int:
    """A power of 2, at most 256 and at most half of the rows to learn from."""
    return min(256, 2 ** int(np.log2(0.4 * rows)))


def _plain(path: Path) -> str:
    """The name of a file or folder, for a docstring."""
    return re.sub(r"[\\\"\s]+", " ", path.resolve().name)


def _text(value: Path | str | int) -> str:
    """A literal of Python, with double quotes."""
    if isinstance(value, int):
        return str(value)
    return json.dumps(value.as_posix() if isinstance(value, Path) else value, ensure_ascii=False)


def _listed(texts: Sequence[str]) -> str:
    """A dictionary in Python, with a line for each entry where one line would be long."""
    line = f"{{{', '.join(texts)}}}"
    return line if len(line) <= 74 else "\n".join(["{", *(f"    {text}," for text in texts), "}"])
