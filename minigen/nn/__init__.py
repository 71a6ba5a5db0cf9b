"""Modules (trees of arrays) and the layers that the models are made of."""

from minigen.nn.attention import MultiHeadAttention
from minigen.nn.blocks import ResidualBlock, depth_to_space, space_to_depth
from minigen.nn.dropout import Dropout, dropout
from minigen.nn.layers import (
    MLP,
    BatchNorm,
    CausalConv1d,
    Conv1d,
    Conv2d,
    ConvTranspose2d,
    Embedding,
    GroupNorm,
    LayerNorm,
    Linear,
    MaskedConv2d,
    MaskedLinear,
    TimeEmbedding,
    he_gain,
    initial_gain,
    sinusoidal,
    time_features,
)
from minigen.nn.module import Module, Sequential
from minigen.nn.recurrent import GRUCell, LSTMCell
from minigen.nn.reparameterized import SpectralNorm, WeightNorm
from minigen.nn.transformer import TransformerBlock

__all__ = [
    "MLP",
    "BatchNorm",
    "CausalConv1d",
    "Conv1d",
    "Conv2d",
    "ConvTranspose2d",
    "Dropout",
    "Embedding",
    "GRUCell",
    "GroupNorm",
    "LSTMCell",
    "LayerNorm",
    "Linear",
    "MaskedConv2d",
    "MaskedLinear",
    "Module",
    "MultiHeadAttention",
    "ResidualBlock",
    "Sequential",
    "SpectralNorm",
    "TimeEmbedding",
    "TransformerBlock",
    "WeightNorm",
    "depth_to_space",
    "dropout",
    "he_gain",
    "initial_gain",
    "sinusoidal",
    "time_features",
    "space_to_depth",
]
