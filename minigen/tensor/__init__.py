"""Arrays with gradients: HIPS autograd below, a few fused primitives with hand-written derivatives above.

    value, grads = value_and_grad(loss)(model, batch)

Read `core.py` for how a whole model is differentiated, then any primitive: each derives its gradient in two or
three lines. Everything computes in the dtype that it is given: float32 for training, float64 for checking.

Importing this package changes nothing in the running process. Its first computation does: memory, threads of BLAS and
autograd's counter of derivatives. `runtime.py` says what and why, and how to switch it off (`MINIGEN_RUNTIME=off`).
"""

from minigen.tensor.activations import gelu, leaky_relu, relu, sigmoid, silu, softplus, tanh
from minigen.tensor.attention import attention
from minigen.tensor.batched import batched
from minigen.tensor.conv import conv1d, conv2d, conv_transpose2d, correlate1d
from minigen.tensor.core import grad, jacobian, like, primitive, stop_gradient, value_and_grad
from minigen.tensor.linear import embedding, linear, matmul
from minigen.tensor.losses import bce_with_logits, cross_entropy, log_softmax, logsumexp, mse, softmax
from minigen.tensor.norms import batch_norm, batch_statistics, group_norm, layer_norm
from minigen.tensor.parallel import parallel_call, parallel_value_and_grad
from minigen.tensor.pooling import avg_pool2d, max_pool2d, upsample_nearest
from minigen.tensor.storage import load_arrays, save_arrays
from minigen.tensor.tree import leaves, named_leaves, tree_map

__all__ = [
    "attention",
    "avg_pool2d",
    "batch_norm",
    "batch_statistics",
    "batched",
    "bce_with_logits",
    "conv1d",
    "conv2d",
    "conv_transpose2d",
    "correlate1d",
    "cross_entropy",
    "embedding",
    "gelu",
    "grad",
    "group_norm",
    "jacobian",
    "layer_norm",
    "leaky_relu",
    "leaves",
    "like",
    "linear",
    "load_arrays",
    "log_softmax",
    "logsumexp",
    "matmul",
    "max_pool2d",
    "mse",
    "named_leaves",
    "parallel_call",
    "parallel_value_and_grad",
    "primitive",
    "relu",
    "save_arrays",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "stop_gradient",
    "tanh",
    "tree_map",
    "upsample_nearest",
    "value_and_grad",
]
