"""Confidence that is right: logits scaled on validation data, classes unchanged."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

FORMS = ("temperature", "vector")


class Calibrated(nn.Module):
    """A network whose logits (B, C, ...) are multiplied by ``scale`` and shifted by ``shift``, one number for all classes or one a class."""

    def __init__(self, network: nn.Module, scale: Float[Tensor, " c"], shift: Float[Tensor, " c"]):
        super().__init__()
        self.network = network
        self.register_buffer("scale", scale)
        self.register_buffer("shift", shift)

    def forward(self, *inputs: Tensor) -> Tensor:
        logits = self.network(*inputs)
        places = [-1] + [1] * (logits.ndim - 2)
        return logits * self.scale.view(places).to(logits.dtype) + self.shift.view(places).to(logits.dtype)  # type: ignore[operator]

    @property
    def temperature(self) -> float:
        """1 / scale, where it is one number for all classes."""
        if len(self.scale) != 1:  # type: ignore[arg-type]
            raise ValueError("Vector scaling has a scale for each class, not one temperature.")
        return float(1 / self.scale)  # type: ignore[operator]


def calibrate(network: nn.Module, logits: Float[Tensor, "n c"], target: Shaped[Tensor, " n"], *, form: str = "temperature") -> Calibrated:
    """Scale a trained network's logits so that its confidence fits validation data: the scale of least cross-entropy there.

    "temperature": logits / T, which keeps every decision. "vector": w * logits + b with w > 0, a number each a class, which may change decisions.

    Shapes: logits (N, C) that the network gave for data that it was not trained on, target (N,) class indices. The network itself is not touched; its
    weights are shared with the result.
    Errors: ``ValueError`` for an unknown form, shapes that do not fit, or data that the logits get all right, for which confidence would be infinite.
    Paper: Guo et al., 2017, arXiv:1706.04599.
    Use after training, before probabilities are shown or thresholds set; measure with ``ECE`` and ``Brier`` on other data than this. Cost: nothing
    in use.

    >>> scaled = calibrate(nn.Identity(), torch.tensor([[4.0, 0.0]] * 4), torch.tensor([0, 0, 0, 1]))  # says 98 %, is right in 75 %
    >>> scaled(torch.tensor([[4.0, 0.0]])).softmax(1).round(decimals=3)
    tensor([[0.7500, 0.2500]])
    """
    if form not in FORMS:
        raise ValueError(f"calibrate: unknown form {form!r}. Known: {', '.join(FORMS)}.")
    if logits.ndim != 2 or target.shape != logits.shape[:1] or not len(target):
        raise ValueError(f"calibrate needs logits (N, C) and classes (N,); got {tuple(logits.shape)} and {tuple(target.shape)}.")
    z, y = logits.detach().double(), target.long()
    if bool((z.argmax(1) == y).all()):
        raise ValueError("calibrate: every answer is right, so the likeliest temperature is 0. Use more validation data, or harder data.")
    size = 1 if form == "temperature" else z.shape[1]
    log_scale = torch.zeros(size, dtype=torch.float64, device=z.device, requires_grad=True)
    shift = torch.zeros(size, dtype=torch.float64, device=z.device, requires_grad=form == "vector")
    search = torch.optim.LBFGS([log_scale, shift] if form == "vector" else [log_scale], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        search.zero_grad()
        loss = F.cross_entropy(z * log_scale.exp() + shift, y)
        loss.backward()
        return loss

    with torch.enable_grad():
        search.step(closure)
    # what all shifts have in common changes no probability
    return Calibrated(network, log_scale.detach().exp().float(), (shift - shift.mean()).detach().float())
