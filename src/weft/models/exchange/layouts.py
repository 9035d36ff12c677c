"""Arrays of other libraries in torch's layout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from weft.models.exchange.partial import LoadReport, Rename, load_partial

NAMES = {  # what Keras and Flax call the weights of a layer, by torch's name
    "weight": ("kernel", "embeddings", "embedding", "gamma", "scale", "depthwise_kernel", "pointwise_kernel"),
    "bias": ("bias", "beta"),
    "running_mean": ("moving_mean", "mean"),
    "running_var": ("moving_variance", "var"),
}
TORCH_NAME = {other: name for name, others in NAMES.items() for other in others}
CONV = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def flattened(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Tensor]:
    """A tree of arrays (Flax's ``params`` and ``batch_stats``, or both) as names with dots.

    >>> list(flattened({"Dense_0": {"kernel": torch.zeros(2, 3), "bias": torch.zeros(3)}}))
    ['Dense_0.kernel', 'Dense_0.bias']
    """
    found: dict[str, Tensor] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}".replace("/", ".")
        if isinstance(value, Mapping):
            found |= flattened(value, f"{name}.")
        else:
            found[name] = torch.as_tensor(value)
    return found


def to_torch_layout(module: nn.Module, name: str, array: Float[Tensor, "*shape"]) -> Float[Tensor, "*other"]:
    """One weight of a channels-last library in the layout of torch's ``module``.

    Linear (in, out) -> (out, in); convolution (*k, in, out) -> (out, in, *k); depthwise (*k, in, m) -> (in m, 1, *k); transposed convolution
    (*k, out, in) -> (in, out, *k), Keras' way. Everything else is as it is.

    >>> to_torch_layout(nn.Conv2d(3, 8, 5), "weight", torch.zeros(5, 5, 3, 8)).shape
    torch.Size([8, 3, 5, 5])
    """
    if name != "weight":
        return array
    if isinstance(module, nn.Linear):
        return array.t()
    if isinstance(module, TRANSPOSED):
        return array.movedim((-1, -2), (0, 1))
    if isinstance(module, CONV):
        if module.groups == module.in_channels > 1 and array.shape[-2] == module.in_channels:
            return array.movedim((-2, -1), (0, 1)).flatten(0, 1).unsqueeze(1)
        return array.movedim((-1, -2), (0, 1))
    return array


def load_arrays(
    model: nn.Module, tree: Mapping[str, Any], *, names: Rename | None = None, layout: Literal["keras", "flax"] = "flax", strict: bool = True
) -> LoadReport:
    """Load arrays of Keras or Flax into a torch network written by hand: names mapped, layouts turned, every weight accounted for.

    ``tree``: arrays by name, or nested dicts of them (``{"params": ..., "batch_stats": ...}`` of Flax). ``names``: a mapping or function from
    the other library's path of a *layer* ("Dense_0") to torch's ("head"). The weights' own names (kernel, gamma, moving_mean ...) are known.
    A transposed convolution of Flax is mirrored in space besides, for Flax does not mirror. Batch-norm statistics count as weights: without them
    the network would answer otherwise in eval mode. Momentum and epsilon are options of your layers: Keras' momentum m is torch's 1 - m,
    epsilon 1e-3 and not 1e-5; Flax' epsilon 1e-5.

    Errors: ``ValueError`` with the whole report when ``strict`` and something is left over, missing or of another shape; for recurrent layers,
    whose gates stand in another order (``from_keras`` reads them).
    Use for a network whose code you have in both libraries; instead of it, ``from_keras`` for a saved Keras model.

    >>> params = {"Dense_0": {"kernel": torch.ones(2, 3), "bias": torch.ones(3)}}
    >>> load_arrays(nn.Sequential(nn.Linear(2, 3)), {"params": params}, names={"Dense_0": "0"}).complete
    True
    """
    if any(isinstance(module, nn.RNNBase) for module in model.modules()):
        raise ValueError("Recurrent layers keep their gates in another order in every library; from_keras reads those of Keras.")
    flat = flattened(tree)
    if any(name.partition(".")[0] in ("params", "batch_stats") for name in flat):
        flat = {name.partition(".")[2]: value for name, value in flat.items()}
    change = (lambda name: names.get(name, name)) if isinstance(names, Mapping) else names or (lambda name: name)
    modules = dict(model.named_modules())
    state: dict[str, Tensor] = {}
    for name, array in flat.items():
        layer, _, weight = name.rpartition(".")
        target, own = change(layer), TORCH_NAME.get(weight, weight)
        module = modules.get(target)
        value = array if module is None else to_torch_layout(module, own, array)
        if module is not None and layout == "flax" and isinstance(module, TRANSPOSED) and own == "weight":
            value = array.movedim((-2, -1), (0, 1)).flip(tuple(range(2, array.ndim)))
        state[f"{target}.{own}" if target else own] = value
    counters = {name: value for name, value in model.named_buffers() if name.endswith("num_batches_tracked")}
    return load_partial(model, {**counters, **state}, strict=strict)
