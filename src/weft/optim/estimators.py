"""Estimators: how an update fills gradients when plain back-propagation is not wanted. (update, objective, batch) -> Loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from weft.losses.loss import Loss, Mean, Term

Objective = Callable[[Any], Loss]


class Update(Protocol):
    """What an estimator sees of the update that calls it."""

    key: str
    named: list[tuple[str, nn.Parameter]]
    parameters: list[nn.Parameter]

    def gradient(self, objective: Objective, batch: Any, *, part: bool = False) -> Loss: ...
    def value(self, objective: Objective, batch: Any) -> Loss: ...
    @property
    def world(self) -> int: ...


class SharpnessAware:
    """Sharpness-aware minimisation: the gradient at w + rho g / |g|, taken back to w before the step.

    Paper: Foret et al., 2021, arXiv:2010.01412. Use when generalisation matters more than time; cost: two gradients a step.
    ``adaptive`` scales the climb by |w| (Kwon et al., 2021, arXiv:2102.11600).

    >>> SharpnessAware(0.05).rho
    0.05
    """

    def __init__(self, rho: float = 0.05, *, adaptive: bool = False):
        if rho <= 0:
            raise ValueError(f"SharpnessAware(rho={rho}): the climb needs a positive length.")
        self.rho, self.adaptive = rho, adaptive

    def __call__(self, update: Update, objective: Objective, batch: Any) -> Loss:
        loss = update.gradient(objective, batch)
        moved = [p for p in update.parameters if p.grad is not None]
        grads = [p.grad for p in moved if p.grad is not None]
        if not grads:
            return loss
        with torch.no_grad():
            scales = [p.abs() if self.adaptive else torch.ones((), device=p.device, dtype=p.dtype) for p in moved]
            norm = torch.stack([(s * g).norm() for s, g in zip(scales, grads, strict=True)]).norm()
            if not torch.isfinite(norm):
                return loss
            # The old weights are kept, not recomputed: subtracting the climb again would not return exactly.
            before = [p.detach().clone() for p in moved]
            for s, p, g in zip(scales, moved, grads, strict=True):
                p.add_(s.square() * g * (self.rho / (norm + 1e-12)))
        for p in update.parameters:
            p.grad = None
        try:
            update.gradient(objective, batch)
        finally:
            with torch.no_grad():
                for p, old in zip(moved, before, strict=True):
                    p.copy_(old)
        return loss


class ZerothOrder:
    """Two forward passes along a random direction z, no backward: g = (f(w + e z) - f(w - e z)) / 2e * z.

    Paper: Malladi et al., 2023 (MeZO), arXiv:2305.17333. Use when back-propagation does not fit in memory or is impossible; cost: two
    forward passes, and far more steps.

    >>> ZerothOrder().scale
    0.001
    """

    def __init__(self, scale: float = 1e-3):
        self.scale = scale

    @torch.no_grad()
    def __call__(self, update: Update, objective: Objective, batch: Any) -> Loss:
        parameters: list[Tensor] = list(update.parameters)
        before = [p.clone() for p in parameters]
        directions = [torch.randn_like(p) for p in parameters]
        torch._foreach_add_(parameters, directions, alpha=self.scale)
        plus = update.value(objective, batch)
        torch._foreach_add_(parameters, directions, alpha=-2 * self.scale)
        minus = update.value(objective, batch)
        slope = (plus.value - minus.value) / (2 * self.scale)
        for p, old, z in zip(parameters, before, directions, strict=True):
            p.copy_(old)
            p.grad = slope * z
        return plus


class Private:
    """DP-SGD: clip every sample's gradient to norm ``clip``, sum, add N(0, (noise * clip)^2) once a step, divide by the expected batch size.

    Paper: Abadi et al., 2016, arXiv:1607.00133. The accounting assumes Poisson sampling: give the ``rate`` of the sampler
    (``weft.data.PoissonLoader``) and its ``expected_batch_size``. ``epsilon(delta)`` is what has been spent so far (extra ``privacy``,
    opacus's RDP accountant; its history is saved with the update). An empty batch is a step too: noise alone.
    ``seed`` makes the noise repeatable for tests; leave it None for real privacy. An update that is used for a second training goes on
    counting and drawing: what was spent stays spent.
    Raises ``ValueError`` when the objective couples samples. Cost: one backward pass per sample.

    >>> Private(clip=1.0, noise=1.1, rate=0.01, expected_batch_size=64).steps
    0
    """

    def __init__(self, clip: float, noise: float, *, rate: float, expected_batch_size: float, seed: int | None = None):
        if clip <= 0 or noise < 0:
            raise ValueError(f"Private(clip={clip}, noise={noise}): clip must be positive and noise not negative.")
        if not 0 < rate <= 1:
            raise ValueError(f"Private(rate={rate}): the sampling rate is a probability above 0.")
        self.clip, self.noise, self.rate, self.expected = clip, noise, rate, expected_batch_size
        self.steps = 0
        self.generator = torch.Generator()
        if seed is None:
            self.generator.seed()  # from the operating system: noise that the program's own seed repeats would hide nothing
        else:
            self.generator.manual_seed(seed)

    def __call__(self, update: Update, objective: Objective, batch: Any) -> Loss:
        if update.world > 1:
            raise ValueError(
                f"Private runs on one rank; this fit has {update.world}. Its noise would be added once per rank and its samples clipped in sums."
            )
        size = len(next(iter(batch.values()))) if isinstance(batch, dict) else len(batch)
        sums = [torch.zeros_like(p) for p in update.parameters]
        total, logs = torch.zeros(()), {}
        for i in range(size):
            for p in update.parameters:
                p.grad = None
            sample = {k: v[i : i + 1] for k, v in batch.items()} if isinstance(batch, dict) else batch.split(size)[i]
            loss = update.gradient(objective, sample, part=True)
            if loss.couples:
                raise ValueError("Private: this objective couples samples, so a sample's own gradient does not exist.")
            self._add_clipped(sums, update.parameters)
            total = total + loss.value.detach()
            logs = {k: logs[k] + m if k in logs else m for k, m in loss.logs.items()}
        for p, s in zip(update.parameters, sums, strict=True):
            noise = torch.normal(0.0, 1.0, s.shape, generator=self.generator).to(s) * (self.noise * self.clip) if self.noise else 0.0
            p.grad = (s + noise) / self.expected
        self.steps += 1
        return Loss({"loss": Term(total, max(size, 1))}, {k: Mean(m.total, m.count) for k, m in logs.items()})

    @torch.no_grad()
    def _add_clipped(self, sums: list[Tensor], parameters: list[nn.Parameter]) -> None:
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        norm = torch.stack([g.norm() for g in grads]).norm()
        torch._foreach_add_(sums, grads, alpha=min(1.0, self.clip / (float(norm) + 1e-6)))

    def epsilon(self, delta: float) -> float:
        """The privacy spent by the steps so far, (epsilon, delta)."""
        try:
            from opacus.accountants import RDPAccountant
        except ImportError as error:
            raise ImportError("Accounting needs opacus: pip install 'weft[privacy]'.") from error
        accountant = RDPAccountant()
        accountant.history = [(self.noise, self.rate, self.steps)] if self.steps else []  # no step has spent nothing
        return accountant.get_epsilon(delta)

    def state_dict(self) -> dict[str, Any]:
        return {
            "steps": self.steps,
            "noise": self.noise,
            "rate": self.rate,
            "generator": self.generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if (state["noise"], state["rate"]) != (self.noise, self.rate):
            raise ValueError(
                f"The saved steps spent privacy with noise {state['noise']} and rate {state['rate']}; this update has {self.noise} and {self.rate}."
                " Keep them, or start anew."
            )
        self.steps = state["steps"]
        self.generator.set_state(state["generator"])
