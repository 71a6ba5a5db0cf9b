"""Figures in one style. The calls that a project begins with:

    from minigen import plot
    plot.samples(x, density)                                 # points (N, 2) over a density: a model, or a function
    plot.image_grid(images)                                  # images (N, H, W, C), of whatever range
    plot.curves(history)                                     # what a training returned
    plot.save(plot.curves(history), "loss.png")              # or .svg, .pdf; plot.show(...) opens a window
    plot.animate((draw(t) for t in times), "film.gif")       # figures or images; "film.mp4" where ffmpeg is found

Every drawing function takes `ax=None` (a new figure) and returns the axes it drew in; `plot.figure(rows, cols)` makes
figures of several panels, `plot.save(fig, path)` writes one. Colors have meanings: `plot.color.real`, `.fake`,
`.model`; `plot.CYCLE` are those of one series after another.
"""

from minigen.plot.charts import bars, curves, histogram, line, moving_average
from minigen.plot.connections import connections
from minigen.plot.describe import describe, layers
from minigen.plot.images import image_grid, manifold, matrix
from minigen.plot.output import animate, as_svg, save, show
from minigen.plot.planes import density, field, heatmap, samples, space, trajectories
from minigen.plot.schematics import edge, node, schematic
from minigen.plot.theme import CYCLE, color, colormap, figure, style

__all__ = [
    "CYCLE",
    "animate",
    "as_svg",
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
    "trajectories",
]
