"""Regularisers that are parts of a network: dropout of every kind, noise, weights that keep to a set."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "dropout": "weft.nn.regularise.dropout:dropout",
    "drop_path": "weft.nn.regularise.dropping:DropPath",
    "drop_block": "weft.nn.regularise.dropping:DropBlock",
    "gaussian_noise": "weft.nn.regularise.dropping:GaussianNoise",
    "constrain": "weft.nn.regularise.constraints:constrain",
}
KIND = "layer"
EXTRA = {
    "drop_path_rates": "weft.nn.regularise.dropping:drop_path_rates",
    "dropout_on": "weft.nn.regularise.dropout:dropout_on",
    "monte_carlo": "weft.nn.regularise.dropout:monte_carlo",
    "release": "weft.nn.regularise.constraints:release",
    "set_dropout": "weft.nn.regularise.dropout:set_dropout",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """Each layer as (a function that makes it, the inputs of one call)."""
    import torch

    from weft.nn.regularise import constraints, dropping
    from weft.nn.regularise.dropout import dropout

    x = (torch.randn(3, 4, 6, 5),)
    return {
        "dropout": (lambda: dropout("channels_2d", 0.3), x),
        "drop_path": (lambda: dropping.DropPath(0.3), x),
        "drop_block": (lambda: dropping.DropBlock(0.2, 3), x),
        "gaussian_noise": (lambda: dropping.GaussianNoise(0.3), x),
        "constrain": (lambda: constraints.constrain(torch.nn.Linear(5, 4), "low_rank", {"rank": 2}), x),
    }
