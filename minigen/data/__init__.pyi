"""The public names of the package, each loaded from its home when it is first used: see `minigen/lazy.py`."""

from minigen.data import captions as captions
from minigen.data import mnist as mnist
from minigen.data import shapes as shapes
from minigen.data import sprites as sprites
from minigen.data import toy as toy
from minigen.data.batches import Batches as Batches
from minigen.data.batches import batches as batches
from minigen.data.checkerboard import Checkerboard as Checkerboard
from minigen.data.contours import edges as edges
from minigen.data.contours import skeletons as skeletons
from minigen.data.curves import Circles as Circles
from minigen.data.curves import NoisyCurves as NoisyCurves
from minigen.data.density import Density as Density
from minigen.data.density import Standardized as Standardized
from minigen.data.images import images as images
from minigen.data.images import to_pixels as to_pixels
from minigen.data.images import to_range as to_range
from minigen.data.mixture import GaussianMixture as GaussianMixture
from minigen.data.pinwheel import Pinwheel as Pinwheel
from minigen.data.points import points as points
from minigen.data.points import standardize as standardize
from minigen.data.points import unstandardize as unstandardize
from minigen.data.potentials import Potential as Potential
from minigen.data.sequences import Oscillator as Oscillator
from minigen.data.sequences import moving_digits as moving_digits
from minigen.data.strings import KarplusStrong as KarplusStrong
