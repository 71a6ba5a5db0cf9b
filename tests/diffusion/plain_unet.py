"""The U-Net and its blocks in plain NumPy, for the tests of all networks that consist of them."""

import numpy as np

from minigen.diffusion.networks.unet import GlobalMLP
from tests import plain

GROUPS, HEADS = 8, 4


def residual_block(x, block, condition):
    """x + conv(silu(norm(conv(silu(norm(x))) + a linear map of the condition)))."""
    h = plain.conv2d(plain.silu(plain.group_norm(x, block.norm1, GROUPS)), block.conv1, padding=1)
    h = h + plain.linear(condition, block.condition)[:, None, None]
    h = plain.conv2d(plain.silu(plain.group_norm(h, block.norm2, GROUPS)), block.conv2, padding=1)
    return h + (x if x.shape == h.shape else plain.conv2d(x, block.skip))


def adaptive_residual_block(x, block, condition):
    """The same, with the condition as scale and shift of the second norm."""
    h = plain.conv2d(plain.silu(plain.group_norm(x, block.norm1, GROUPS)), block.conv1, padding=1)
    scale, shift = np.split(plain.linear(condition, block.modulation)[:, None, None], 2, axis=3)
    h = plain.plain_group_norm(h, GROUPS) * (1 + scale) + shift
    h = plain.conv2d(plain.silu(h), block.conv2, padding=1)
    return h + (x if x.shape == h.shape else plain.conv2d(x, block.skip))


def attention_block(x, block):
    """x + attention among all positions, row by row."""
    n, height, width, c = x.shape
    tokens = plain.group_norm(x, block.norm, GROUPS).reshape(n, height * width, c)
    return x + plain.multi_head_attention(tokens, block.attention, HEADS).reshape(x.shape)


def global_mlp(x, block, time):
    """x + a network of all positions; its hidden layers are residual, except for the first and the last."""
    n, height, width, _ = x.shape
    flat = plain.linear(plain.group_norm(x, block.norm, GROUPS), block.proj_in).reshape(n, -1)
    h = plain.silu(plain.linear(flat, block.first) + plain.linear(time, block.time))
    for layer in block.layers:
        h = h + plain.silu(plain.linear(h, layer))
    h = plain.silu(plain.linear(h, block.last)).reshape(n, height, width, -1)
    return x + plain.linear(h, block.proj_out)


def global_mlp_of(net):
    """The one `GlobalMLP` of a network, or None."""
    return next((module for _, module in net.modules() if isinstance(module, GlobalMLP)), None)


def encode(x, net, block, condition, added=0):
    """The way down: the lowest level, and the skip connection. block: one of the two residual blocks above."""
    h = plain.conv2d(plain.space_to_depth(x), net.conv_in, padding=1) + added
    for each in net.down:
        h = block(h, each, condition)
    skip = h
    h = plain.conv2d(h, net.downsample, stride=2, padding=1)
    for each in net.mid1:
        h = block(h, each, condition)
    h = attention_block(h, net.attention)
    if global_mlp_of(net) is not None:
        h = global_mlp(h, global_mlp_of(net), condition)
    for each in net.mid2:
        h = block(h, each, condition)
    return h, skip


def decode(h, skip, net, block, condition):
    """The way up: images with all channels of the output."""
    h = np.concatenate([plain.upsample(plain.conv2d(h, net.upsample)), skip], axis=3)
    for each in net.up:
        h = block(h, each, condition)
    h = plain.silu(plain.group_norm(h, net.norm, GROUPS))
    return plain.depth_to_space(plain.conv2d(h, net.conv_out, padding=1))


def unet(x, net, block, embedding):
    """The whole network, given the embedding of time and label before its activation."""
    condition = plain.silu(embedding)
    return decode(*encode(x, net, block, condition), net, block, condition)
