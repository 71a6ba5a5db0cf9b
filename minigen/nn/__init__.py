"""Modules (trees of arrays) and the layers that the models are made of."""

from minigen.nn.attention import MultiHeadAttention
from minigen.nn.layers import (
    MLP,
    BatchNorm,
    CausalConv1d,
    Conv2d,
    ConvTranspose2d,
    Embedding,
    GroupNorm,
    LayerNorm,
    Linear,
    MaskedConv2d,
    MaskedLinear,
    TimeEmbedding,
    sinusoidal,
)
from minigen.nn.module import Module, Sequential
from minigen.nn.recurrent import GRUCell, LSTMCell
from minigen.nn.transformer import CausalTransformer, TransformerBlock

__all__ = [
    "MLP",
    "BatchNorm",
    "CausalConv1d",
    "CausalTransformer",
    "Conv2d",
    "ConvTranspose2d",
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
    "Sequential",
    "TimeEmbedding",
    "TransformerBlock",
    "sinusoidal",
]
