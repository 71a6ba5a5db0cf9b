"""Where the boxes of a schematic stand: in columns by the arrows, or at given columns and rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from minigen.plot.boxes import FONT, Edge, Measure, Node

COLUMN_GAP, ROW_GAP = 34.0, 20.0


def place(boxes: Mapping[str, Node], arrows: list[Edge], direction: str, measure: Measure) -> dict[str, np.ndarray]:
    """The rectangle (x0, y0, x1, y1) of every node, y upwards."""
    sizes = {name: measure.node(box) for name, box in boxes.items()}
    given = [name for name, box in boxes.items() if box.at is not None]
    if given and len(given) < len(boxes):
        raise ValueError(
            f"either all nodes or none must have at=(column, row); without: {', '.join(set(boxes) - set(given))}"
        )
    labels = max([measure.text(arrow.label, FONT - 1.5)[0] for arrow in arrows if arrow.label], default=0.0)
    gap = COLUMN_GAP + (labels - 18 if labels > 18 else 0)
    if given:
        at = {name: (float(box.at[0]), float(box.at[1])) for name, box in boxes.items()}
        xs = _grid([(at[name][0], sizes[name][0]) for name in boxes], gap)
        ys = _grid([(at[name][1], sizes[name][1]) for name in boxes], ROW_GAP)
        centers = {name: (xs(at[name][0]), -ys(at[name][1])) for name in boxes}
    else:
        centers = _in_columns(ranks(boxes, arrows), sizes, direction, gap)
    return {
        name: np.array([x - sizes[name][0] / 2, y - sizes[name][1] / 2, x + sizes[name][0] / 2, y + sizes[name][1] / 2])
        for name, (x, y) in centers.items()
    }


def _grid(entries: list[tuple[float, float]], gap: float) -> Callable[[float], float]:
    """Maps a column number to the center of that column; columns are as wide as their widest node."""
    numbers = sorted({number for number, _ in entries if number == round(number)} or {0.0})
    widths = {number: max([size for other, size in entries if other == number], default=20.0) for number in numbers}
    centers, place = [], 0.0
    for before, number in zip([None, *numbers], numbers):
        if before is not None:
            place += widths[before] / 2 + gap * max(1.0, (number - before) * 0.8) + widths[number] / 2
        centers.append(place)
    pitch = (centers[-1] - centers[0]) / (numbers[-1] - numbers[0]) if len(numbers) > 1 else 60.0

    def center(number: float) -> float:
        if number < numbers[0]:
            return centers[0] - (numbers[0] - number) * pitch
        if number > numbers[-1]:
            return centers[-1] + (number - numbers[-1]) * pitch
        return float(np.interp(number, numbers, centers))

    return center


def ranks(boxes: Mapping[str, Node], arrows: list[Edge]) -> dict[str, int]:
    """The longest way to each node from those without an arrow into them; arrows that lead back do not count."""
    position = {name: k for k, name in enumerate(boxes)}
    forward = [
        (a.start, a.end)
        for a in arrows
        if not a.dashed and a.start != a.end and not _reaches(a.end, a.start, arrows, position)
    ]
    rank = dict.fromkeys(boxes, 0)
    for _ in boxes:
        for start, end in forward:
            rank[end] = max(rank[end], rank[start] + 1)
    for name in boxes:  # a source stands just before the first node it leads to
        ends = [rank[end] for start, end in forward if start == name]
        if ends and not any(end == name for _, end in forward):
            rank[name] = min(ends) - 1
    return rank


def _reaches(start: str, goal: str, arrows: list[Edge], position: Mapping[str, int]) -> bool:
    """Whether `goal`, which was named before `start`, can be reached from it: the arrow goal <- start leads back."""
    if position[goal] < position[start]:
        return False
    seen, todo = set(), [start]
    while todo:
        here = todo.pop()
        if here == goal:
            return True
        if here not in seen:
            seen.add(here)
            todo += [a.end for a in arrows if a.start == here and not a.dashed]
    return False


def _in_columns(
    rank_of: Mapping[str, int], sizes: Mapping[str, tuple[float, float]], direction: str, gap: float
) -> dict:
    along, across = (0, 1) if direction == "right" else (1, 0)
    step, side = (gap, ROW_GAP) if direction == "right" else (ROW_GAP, COLUMN_GAP)
    columns: dict[int, list[str]] = {}
    for name, rank in rank_of.items():
        columns.setdefault(rank, []).append(name)
    centers, place = {}, 0.0
    for rank in sorted(columns):
        names = columns[rank]
        depth = max(sizes[name][along] for name in names)
        total = sum(sizes[name][across] for name in names) + side * (len(names) - 1)
        offset = -total / 2
        for name in names:
            middle = offset + sizes[name][across] / 2
            main = place + depth / 2
            centers[name] = (main, -middle) if direction == "right" else (middle, -main)
            offset += sizes[name][across] + side
        place += depth + step
    return centers
