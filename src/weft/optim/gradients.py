"""Gradient transforms: change ``.grad`` in place between backward and the optimizer, and say what they saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn


def _gradients(parameters: Sequence[nn.Parameter]) -> list[Tensor]:
    return [p.grad for p in parameters if p.grad is not None]


class ClipNorm:
    """Scale all gradients together so that their norm is at most ``limit``: g <- g min(1, limit / |g|).

    ``norm`` is the kind of norm: 2, 1, or ``math.inf`` for the largest entry. Logs ``grad_norm`` (before clipping). Gradients whose norm is not
    finite are left as they are, for the update to refuse: scaling would spread one infinite entry to all.
    Paper: Pascanu et al., 2013, arXiv:1211.5063. Use for recurrent nets, transformers and reinforcement learning; instead of it
    ``PercentileClip`` where no norm is known. Cost: one pass over the gradients.

    >>> p = nn.Parameter(torch.zeros(2)); p.grad = torch.tensor([3.0, 4.0])
    >>> float(ClipNorm(1.0)([p])["grad_norm"]), p.grad.norm().round(decimals=4).item()
    (5.0, 1.0)
    """

    traceable = True

    def __init__(self, limit: float, norm: float = 2.0):
        if limit <= 0:
            raise ValueError(f"ClipNorm({limit}): the limit must be positive.")
        if norm <= 0:
            raise ValueError(f"ClipNorm(norm={norm}): expected 1, 2, math.inf or another positive order.")
        self.limit, self.norm = limit, norm

    def __call__(self, parameters: Sequence[nn.Parameter]) -> Mapping[str, Tensor]:
        grads = _gradients(parameters)
        if not grads:
            return {}
        norm = torch.nn.utils.get_total_norm(grads, self.norm)
        factor = torch.where(norm.isfinite(), (self.limit / (norm + 1e-6)).clamp(max=1.0), 1.0)
        torch._foreach_mul_(grads, factor.to(grads[0].dtype))
        return {"grad_norm": norm}


class ClipValue:
    """Clamp every gradient entry to [-limit, limit].

    Use when single entries explode; instead of it ``ClipNorm``, which keeps the direction.

    >>> p = nn.Parameter(torch.zeros(2)); p.grad = torch.tensor([3.0, -0.5]); _ = ClipValue(1.0)([p]); p.grad.tolist()
    [1.0, -0.5]
    """

    traceable = True

    def __init__(self, limit: float):
        if limit <= 0:
            raise ValueError(f"ClipValue({limit}): the limit must be positive.")
        self.limit = limit

    def __call__(self, parameters: Sequence[nn.Parameter]) -> None:
        grads = _gradients(parameters)
        torch._foreach_clamp_min_(grads, -self.limit)
        torch._foreach_clamp_max_(grads, self.limit)


class Centralise:
    """Subtract from each matrix gradient its mean over all but the first dimension.

    Paper: Yong et al., 2020, arXiv:2004.01461. Use with convolutional nets and SGD.

    >>> p = nn.Parameter(torch.zeros(1, 2)); p.grad = torch.tensor([[1.0, 3.0]]); Centralise()([p]); p.grad.tolist()
    [[-1.0, 1.0]]
    """

    traceable = True

    def __call__(self, parameters: Sequence[nn.Parameter]) -> None:
        for g in _gradients(parameters):
            if g.ndim > 1:
                g.sub_(g.mean(dim=tuple(range(1, g.ndim)), keepdim=True))


class Noise:
    """Add N(0, scale^2) to every gradient; its generator is saved with the update.

    Paper: Neelakantan et al., 2015, arXiv:1511.06807.

    >>> p = nn.Parameter(torch.zeros(1)); p.grad = torch.zeros(1); Noise(1.0, seed=0)([p]); p.grad.abs().item() > 0
    True
    """

    def __init__(self, scale: float, seed: int = 0):
        self.scale, self.seed, self.generator = scale, seed, torch.Generator().manual_seed(seed)

    def bind(self, method: nn.Module) -> None:
        self.generator.manual_seed(self.seed)

    def __call__(self, parameters: Sequence[nn.Parameter]) -> None:
        for g in _gradients(parameters):
            g.add_(torch.randn(g.shape, generator=self.generator).to(g), alpha=self.scale)

    def state_dict(self) -> dict[str, Tensor]:
        return {"generator": self.generator.get_state()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self.generator.set_state(state["generator"])
