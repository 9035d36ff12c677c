"""Weights that remember: penalties for leaving what was learned before."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

Weights = Mapping[str, Tensor]


def snapshot(network: nn.Module) -> dict[str, Tensor]:
    """The present trainable weights by name, copied: what the penalties below compare with.

    >>> list(snapshot(nn.Linear(2, 1)))
    ['weight', 'bias']
    """
    return {name: p.detach().clone() for name, p in network.named_parameters() if p.requires_grad}


def weight_anchor(network: nn.Module, anchor: Weights, importance: Weights | None = None) -> Tensor:
    """1/2 sum of importance (w - anchor)^2: the pull back to earlier weights, for ``Loss.penalty``.

    Without importance: L2-SP, and FedProx with the server's weights as anchor. With the Fisher information's diagonal: elastic weight consolidation.
    With ``PathImportance``'s: synaptic intelligence. With another task's weights, not detached: soft parameter sharing.

    Shapes: weights by name; those of the network without an anchor are free (a new head) -> a scalar.
    Errors: ``ValueError`` for an anchor that has no weight in the network, or another shape.
    Paper: Li et al., 2018 (L2-SP), arXiv:1802.01483; Li et al., 2018 (FedProx), arXiv:1812.06127; Kirkpatrick et al., 2016 (EWC), arXiv:1612.00796.
    Use when fine-tuning on little data or learning tasks one after the other; the method ``EWC`` does all of it.

    >>> net = nn.Linear(1, 1)
    >>> weight_anchor(net, {"bias": net.bias.detach() + 2}).item()
    2.0
    """
    known = dict(network.named_parameters())
    total = torch.zeros((), device=next(iter(known.values())).device)
    for name, held in anchor.items():
        if name not in known or known[name].shape != held.shape:
            have = tuple(known[name].shape) if name in known else "none of that name"
            raise ValueError(f"weight_anchor holds {name!r} of shape {tuple(held.shape)}; the network has {have}.")
        squared = (known[name] - held.to(known[name].device)).float().square()
        total = total + 0.5 * (squared if importance is None else squared * importance[name].to(squared.device)).sum()
    return total


def fisher_diagonal(squared_slopes: Weights, count: int, before: Weights | None = None, *, decay: float = 1.0) -> dict[str, Tensor]:
    """The diagonal of the Fisher information from summed squared per-sample gradients: sum / count, added to ``decay`` times an earlier one.

    Errors: ``ValueError`` for a count below 1.
    Paper: Schwarz et al., 2018 (online EWC), arXiv:1805.06370: one running diagonal instead of one a task.

    >>> fisher_diagonal({"w": torch.tensor([8.0])}, 4, {"w": torch.tensor([1.0])}, decay=0.5)
    {'w': tensor([2.5000])}
    """
    if count < 1:
        raise ValueError(f"fisher_diagonal needs the gradients of at least one sample; got {count}.")
    return {name: s / count + (decay * before[name] if before else 0.0) for name, s in squared_slopes.items()}


class PathImportance(nn.Module):
    """How much each weight's movement lowered the loss: the running sum of -gradient * step, over the squared way in the end.

    importance_k = sum over tasks of max(0, omega_k) / ((w_k end - w_k start)^2 + damping).

    ``observe(network)`` after each optimizer step, while the step's gradients are still there; ``consolidate(network)`` at a task's end. Sums are
    buffers. As a follow-up of an update: ``after=[lambda progress: method.path.observe(method.network)]``.
    Errors: ``ValueError`` for a damping that is not positive.
    Paper: Zenke et al., 2017 (synaptic intelligence), arXiv:1703.04200.
    Use instead of a Fisher pass when that is dear: it costs one product a step.

    >>> net = nn.Linear(1, 1)
    >>> PathImportance(net).importance()["bias"].tolist()
    [0.0]
    """

    def __init__(self, network: nn.Module, *, damping: float = 0.1):
        super().__init__()
        if damping <= 0:
            raise ValueError(f"PathImportance(damping={damping}): it divides, so it must be positive.")
        self.damping, self.names = damping, list(snapshot(network))
        for i, value in enumerate(snapshot(network).values()):
            self.register_buffer(f"path{i}", torch.zeros_like(value))
            self.register_buffer(f"total{i}", torch.zeros_like(value))
            self.register_buffer(f"start{i}", value.clone())
            self.register_buffer(f"last{i}", value.clone())

    @torch.no_grad()
    def observe(self, network: nn.Module) -> None:
        """Add what the latest step did."""
        for i, p in enumerate(map(network.get_parameter, self.names)):
            last = self.get_buffer(f"last{i}")
            if p.grad is not None:
                self.get_buffer(f"path{i}").sub_(p.grad * (p - last))
            last.copy_(p)

    @torch.no_grad()
    def consolidate(self, network: nn.Module) -> dict[str, Tensor]:
        """End a task: add its importance to the total, begin the next path here, and return the anchor."""
        for i, p in enumerate(map(network.get_parameter, self.names)):
            way = (p - self.get_buffer(f"start{i}")).square()
            self.get_buffer(f"total{i}").add_(self.get_buffer(f"path{i}").clamp(min=0) / (way + self.damping))
            self.get_buffer(f"path{i}").zero_()
            self.get_buffer(f"start{i}").copy_(p)
            self.get_buffer(f"last{i}").copy_(p)
        return {name: network.get_parameter(name).detach().clone() for name in self.names}

    def importance(self) -> dict[str, Tensor]:
        """The importance so far by name, for ``weight_anchor``."""
        return {name: self.get_buffer(f"total{i}") for i, name in enumerate(self.names)}
