"""Boxes and arrows, from live models where there are any.

    plot.schematic(
        {"z": plot.node("noise $z$", "noise"), "G": generator, "fake": "$G(z)$", "x": plot.node("data $x$", "data"),
         "D": discriminator, "loss": plot.node("real or fake?", "loss")},
        ["z -> G -> fake -> D -> loss", "x -> D", "loss --> G: gradient"],
    )

Nodes are placed in columns by the arrows, or where `at=(column, row)` puts them; boxes grow with their text and the
figure with its boxes, so that nothing overlaps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from minigen.plot import inputs
from minigen.plot.boxes import KINDS, Edge, Measure, Node
from minigen.plot.describe import describe, is_module, layers
from minigen.plot.drawing import Drawing
from minigen.plot.layout import place
from minigen.plot.style import color, in_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def node(
    label: Any, kind: str = "", at: tuple[float, float] | None = None, *, image: Any = None, name: str | None = None
) -> Node:
    """A node for `schematic`: `label` is a text, or a Module, which is described (and called `name`).

    kind:  "plain", "data", "fake", "model", "frozen", "loss", "latent", "noise", "random", "operation", "text".
    at:    (column, row), row 0 on top. image: (H, W) or (H, W, 3), shown above the text.
    """
    if is_module(label):
        kind = kind or ("frozen" if getattr(label, "_frozen", False) else "model")
        label = describe(label, name)
    inputs.choice("kind", kind or "plain", tuple(KINDS))
    if at is not None and (np.shape(at) != (2,) or not np.isfinite(np.asarray(at, dtype=float)).all()):
        raise ValueError(f"at must be (column, row), got {at!r}")
    return Node(str(label), kind or "plain", at, image)


def edge(
    start: str,
    end: str,
    label: str = "",
    *,
    dashed: bool = False,
    both: bool = False,
    route: str = "auto",
    color: str = color.ink,
) -> Edge:
    """An arrow for `schematic`, with more say than a string: its way ("over", "under", "straight") and its color."""
    inputs.choice("route", route, ("auto", "straight", "over", "under"))
    return Edge(start, end, label, dashed, both, route, color)


@in_style
def schematic(
    nodes: Any,
    edges: Iterable[Any] = (),
    ax: Axes | None = None,
    *,
    title: str | None = None,
    direction: str = "right",
    groups: Mapping[str, Sequence[str]] | None = None,
) -> Axes:
    """Boxes and arrows: of one Module (its layers in a column), of a list of boxes (a chain), or of nodes and edges.

    nodes:     {name: text, Module or node(...)}. A Module is described by its class, widths and parameter count.
    edges:     "a -> b", "a -> b -> c", "a -> b: label", "a --> b" (dashed), "a <-> b", or edge(...).
    direction: "right" or "down", the way the arrows lead when no node says where it stands.
    groups:    {caption: names}, a frame around some nodes.
    """
    inputs.choice("direction", direction, ("right", "down"))
    if is_module(nodes):
        found = layers(nodes)
        title = title or describe(nodes).replace("\n", "   ")
        nodes = {layer.name: node(f"{layer.name}\n{layer}   {layer.parameters:,}", "model") for layer in found}
        edges, direction = [edge(a, b) for a, b in zip(nodes, list(nodes)[1:])], "down"
    elif not isinstance(nodes, Mapping):
        nodes = {str(k): each for k, each in enumerate(nodes)}
        edges = list(edges) or [edge(a, b) for a, b in zip(nodes, list(nodes)[1:])]
    if not nodes:
        raise ValueError("nodes must not be empty")
    boxes = {name: each if isinstance(each, Node) else node(each) for name, each in nodes.items()}
    arrows = [arrow for each in edges for arrow in _parse(each)]
    for arrow in arrows:
        for end in (arrow.start, arrow.end):
            if end not in boxes:
                raise ValueError(f"edges name a node {end!r}; there are {', '.join(boxes)}")
    for caption, names in (groups or {}).items():
        for name in names:
            if name not in boxes:
                raise ValueError(f"group {caption!r} names a node {name!r}; there are {', '.join(boxes)}")
    measure = Measure()
    places = place(boxes, arrows, direction, measure)
    drawing = Drawing(boxes, places, measure)
    ends = {(arrow.start, arrow.end) for arrow in arrows}
    for caption, names in (groups or {}).items():
        drawing.frame(caption, names)
    for arrow in arrows:
        drawing.route(arrow, twin=(arrow.end, arrow.start) in ends)
    return drawing.draw(ax, title)


def _parse(given: Any) -> list[Edge]:
    if isinstance(given, Edge):
        return [given]
    if isinstance(given, tuple) and 2 <= len(given) <= 3 and all(isinstance(each, str) for each in given):
        return [Edge(*given)]
    if isinstance(given, str):
        path, _, label = given.partition(":")
        parts = [part.strip() for part in re.split(r"\s*(-->|<->|->)\s*", path)]
        if len(parts) >= 3 and all(parts):
            found = [
                Edge(parts[k], parts[k + 2], dashed=parts[k + 1] == "-->", both=parts[k + 1] == "<->")
                for k in range(0, len(parts) - 2, 2)
            ]
            return [*found[:-1], replace(found[-1], label=label.strip())]
    raise ValueError(f"an edge must be 'a -> b', 'a -> b: label', 'a --> b' or plot.edge(...), got {given!r}")
