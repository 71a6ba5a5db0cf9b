"""Figures in one house style: `from minigen import plot`, then `plot.samples(x, density)`.

Every drawing function takes `ax=None` (a new figure) and returns the axes it drew in; `plot.figure(rows, cols)` makes
figures of several panels, `plot.save(fig, path)` writes one. Colors have meanings: `plot.color.real`, `.fake`,
`.model`.
"""

from minigen.plot.describe import describe, layers
from minigen.plot.files import animate, save, show
from minigen.plot.images import image_grid, manifold, matrix
from minigen.plot.lines import bars, curves, histogram, line, moving_average
from minigen.plot.panels import algorithm, connections, space, table
from minigen.plot.planes import density, field, heatmap, samples, trajectories
from minigen.plot.schematics import edge, node, schematic
from minigen.plot.style import color, colormap, figure, style

__all__ = [
    "algorithm",
    "animate",
    "bars",
    "color",
    "colormap",
    "connections",
    "curves",
    "density",
    "describe",
    "edge",
    "field",
    "figure",
    "heatmap",
    "histogram",
    "image_grid",
    "layers",
    "line",
    "manifold",
    "matrix",
    "moving_average",
    "node",
    "samples",
    "save",
    "schematic",
    "show",
    "space",
    "style",
    "table",
    "trajectories",
]
