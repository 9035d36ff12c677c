"""Batch normalisation that stands still."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from weft.nn.shapes import expect


class FrozenBatchNorm(nn.Module):
    """Batch normalisation with fixed statistics and scale: (x - mean) / sqrt(variance + eps) * weight + bias, all four buffers.

    Shapes: x (B, channels, ...) -> the same. Names of its state are those of ``nn.BatchNorm2d``, so trained weights load.
    Errors: ``ValueError`` for another number of channels.
    Use when a pretrained backbone is tuned with batches too small for statistics (detection); instead of it, ``weft.surgery.freeze`` to hold a whole
    part still and thaw it later. Cost: one multiplication and addition an element.

    >>> FrozenBatchNorm(3)(torch.ones(1, 3, 2, 2)).shape
    torch.Size([1, 3, 2, 2])
    """

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, *, eps: float = 1e-5) -> None:
        super().__init__()
        self.channels, self.eps = channels, eps
        for name, value in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
            self.register_buffer(name, torch.full((channels,), value))
        self.register_load_state_dict_pre_hook(forget_batches)

    def forward(self, x: Float[Tensor, "b c *places"]) -> Float[Tensor, "b c *places"]:
        expect(x, f"B {self.channels} ...", "FrozenBatchNorm")
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        shift = self.bias - self.running_mean * scale
        shape = (-1, *[1] * (x.ndim - 2))
        return x * scale.reshape(shape).to(x.dtype) + shift.reshape(shape).to(x.dtype)

    def extra_repr(self) -> str:
        return f"{self.channels}, eps={self.eps}"


def forget_batches(module: nn.Module, state: dict[str, Tensor], prefix: str, *rest: object) -> None:
    """Batch norm's count of batches is of no use to one that stands still."""
    state.pop(prefix + "num_batches_tracked", None)


def freeze_batch_norms(module: nn.Module) -> nn.Module:
    """Replace every batch norm within ``module`` by one that stands still, with its present statistics and scale; return the result.

    Errors: ``ValueError`` when a batch norm keeps no running statistics.

    >>> freeze_batch_norms(nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2)))[1]
    FrozenBatchNorm(2, eps=1e-05)
    """
    if isinstance(module, _BatchNorm):
        if module.running_mean is None or module.running_var is None:
            raise ValueError(f"{module} keeps no running statistics that could be frozen; make it with track_running_stats=True.")
        frozen = FrozenBatchNorm(module.num_features, eps=module.eps).to(module.running_mean)
        frozen.load_state_dict({name: value for name, value in module.state_dict().items() if name != "num_batches_tracked"}, strict=False)
        return frozen.train(module.training)
    for name, child in module.named_children():
        setattr(module, name, freeze_batch_norms(child))
    return module
