"""PixelCNN and PixelRNN: images as sequences of pixels, row by row, each given all the pixels before it.

    p(x) = p(x_1) p(x_2 | x_1) p(x_3 | x_1, x_2) ...

Earlier pixels are those in the rows above and those to the left in the same row. `PixelCNN` sees them through masked
convolutions, all pixels at once; `PixelRNN` summarizes them in the states of an LSTM; `CodePixelCNN` is a PixelCNN of
images of integers, such as the codes of a VQ-VAE.
"""

from minigen.flow.pixel.code_pixelcnn import CodePixelCNN
from minigen.flow.pixel.model import PixelModel, pixel_mask
from minigen.flow.pixel.pixelcnn import PixelCNN
from minigen.flow.pixel.pixelrnn import DiagonalBiLSTM, PixelRNN, skew, unskew

__all__ = ["CodePixelCNN", "DiagonalBiLSTM", "PixelCNN", "PixelModel", "PixelRNN", "pixel_mask", "skew", "unskew"]
