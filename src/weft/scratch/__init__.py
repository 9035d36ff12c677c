"""The textbook in NumPy: short, readable, and the oracle of the tests. Nothing else of weft uses it."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "adagrad": "weft.scratch.optimizers:AdaGrad",
    "adam": "weft.scratch.optimizers:Adam",
    "adamw": "weft.scratch.optimizers:AdamW",
    "avg_pool2d": "weft.scratch.pooling:avg_pool2d",
    "avg_pool2d_loops": "weft.scratch.pooling_loops:avg_pool2d_loops",
    "batch_norm": "weft.scratch.batch_norm:BatchNorm",
    "binary_cross_entropy": "weft.scratch.losses:binary_cross_entropy",
    "cnn": "weft.scratch.cnn:CNN",
    "conv2d": "weft.scratch.convolution:conv2d",
    "conv2d_loops": "weft.scratch.convolution_loops:conv2d_loops",
    "dropout": "weft.scratch.dropout:dropout",
    "elu": "weft.scratch.activations:elu",
    "gelu": "weft.scratch.activations:gelu",
    "gelu_tanh": "weft.scratch.activations:gelu_tanh",
    "global_avg_pool2d": "weft.scratch.pooling:global_avg_pool2d",
    "gru": "weft.scratch.gru:gru",
    "layer_norm": "weft.scratch.layer_norm:layer_norm",
    "leaky_relu": "weft.scratch.activations:leaky_relu",
    "linear": "weft.scratch.linear:linear",
    "lstm": "weft.scratch.lstm:lstm",
    "max_pool2d": "weft.scratch.pooling:max_pool2d",
    "max_pool2d_loops": "weft.scratch.pooling_loops:max_pool2d_loops",
    "mean_squared_error": "weft.scratch.losses:mean_squared_error",
    "mish": "weft.scratch.activations:mish",
    "mlp": "weft.scratch.mlp:MLP",
    "multi_head_attention": "weft.scratch.attention:multi_head_attention",
    "numerical_gradient": "weft.scratch.differences:numerical_gradient",
    "perceptron": "weft.scratch.perceptron:Perceptron",
    "relu": "weft.scratch.activations:relu",
    "rmsprop": "weft.scratch.optimizers:RMSprop",
    "rnn": "weft.scratch.rnn:rnn",
    "scaled_dot_product_attention": "weft.scratch.attention:scaled_dot_product_attention",
    "selu": "weft.scratch.activations:selu",
    "sgd": "weft.scratch.optimizers:SGD",
    "sigmoid": "weft.scratch.activations:sigmoid",
    "silu": "weft.scratch.activations:silu",
    "softmax": "weft.scratch.activations:softmax",
    "softmax_cross_entropy": "weft.scratch.losses:softmax_cross_entropy",
    "softplus": "weft.scratch.activations:softplus",
    "tanh": "weft.scratch.activations:tanh",
    "train": "weft.scratch.descent:train",
}
KIND = "textbook"
EXTRA = {
    "ACTIVATIONS": "weft.scratch.activations:ACTIVATIONS",
    "elu_slope": "weft.scratch.activations:elu_slope",
    "mish_slope": "weft.scratch.activations:mish_slope",
    "selu_slope": "weft.scratch.activations:selu_slope",
    "attention_weights": "weft.scratch.attention:attention_weights",
    "avg_pool2d_backward": "weft.scratch.pooling:avg_pool2d_backward",
    "avg_pool2d_loops_backward": "weft.scratch.pooling_loops:avg_pool2d_loops_backward",
    "binary_cross_entropy_backward": "weft.scratch.losses:binary_cross_entropy_backward",
    "conv2d_backward": "weft.scratch.convolution:conv2d_backward",
    "conv2d_loops_backward": "weft.scratch.convolution_loops:conv2d_loops_backward",
    "gelu_slope": "weft.scratch.activations:gelu_slope",
    "gelu_tanh_slope": "weft.scratch.activations:gelu_tanh_slope",
    "global_avg_pool2d_backward": "weft.scratch.pooling:global_avg_pool2d_backward",
    "gru_backward": "weft.scratch.gru:gru_backward",
    "kept": "weft.scratch.dropout:kept",
    "layer_norm_backward": "weft.scratch.layer_norm:layer_norm_backward",
    "leaky_relu_slope": "weft.scratch.activations:leaky_relu_slope",
    "linear_backward": "weft.scratch.linear:linear_backward",
    "lstm_backward": "weft.scratch.lstm:lstm_backward",
    "max_pool2d_backward": "weft.scratch.pooling:max_pool2d_backward",
    "max_pool2d_loops_backward": "weft.scratch.pooling_loops:max_pool2d_loops_backward",
    "mean_squared_error_backward": "weft.scratch.losses:mean_squared_error_backward",
    "multi_head_attention_backward": "weft.scratch.attention:multi_head_attention_backward",
    "relu_slope": "weft.scratch.activations:relu_slope",
    "rnn_backward": "weft.scratch.rnn:rnn_backward",
    "scaled_dot_product_attention_backward": "weft.scratch.attention:scaled_dot_product_attention_backward",
    "sigmoid_slope": "weft.scratch.activations:sigmoid_slope",
    "silu_slope": "weft.scratch.activations:silu_slope",
    "softmax_backward": "weft.scratch.activations:softmax_backward",
    "softmax_cross_entropy_backward": "weft.scratch.losses:softmax_cross_entropy_backward",
    "tanh_slope": "weft.scratch.activations:tanh_slope",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """The networks, small: what ``train`` takes."""
    from weft.scratch import cnn, mlp, perceptron

    return {"cnn": cnn.CNN(side=4, classes=2, channels=2), "mlp": mlp.MLP([2, 3, 1]), "perceptron": perceptron.Perceptron(2)}
