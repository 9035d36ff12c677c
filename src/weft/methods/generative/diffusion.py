"""Denoising diffusion: learn to remove noise, then make pictures out of it."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from weft._lazy import unknown
from weft.engine import Method, Update
from weft.losses import Loss
from weft.optim import EMA, ClipNorm, adam, average_of

SCHEDULES = ("cosine", "linear")


def signal_left(schedule: str, timesteps: int) -> Float[Tensor, " t"]:
    """How much of the signal's variance is left after each step: the cumulative product of 1 - beta_t.

    "linear": beta from 1e-4 to 0.02 (Ho et al.), stretched to ``timesteps``; "cosine": cos^2 of time (Nichol and Dhariwal, 2021, arXiv:2102.09672).

    >>> left = signal_left("cosine", 100)
    >>> bool((left.diff() < 0).all()), round(float(left[0]), 3)
    (True, 0.999)
    """
    if timesteps < 2:
        raise ValueError(f"Diffusion in {timesteps} steps; noise is added in at least 2.")
    if schedule == "linear":
        beta = (torch.linspace(1e-4, 0.02, timesteps, dtype=torch.float64) * 1000 / timesteps).clamp(max=0.999)
    elif schedule == "cosine":
        time = torch.linspace(0, 1, timesteps + 1, dtype=torch.float64)
        signal = ((time + 0.008) / 1.008 * math.pi / 2).cos().square()
        beta = (1 - signal[1:] / signal[:-1]).clamp(max=0.999)
    else:
        raise unknown("noise schedule", schedule, SCHEDULES)
    return (1 - beta).cumprod(0).float()


class Diffusion(Method):
    """Minimise |eps - network(sqrt(a_t) x + sqrt(1 - a_t) eps, t)|^2, the mean over elements, t uniform, eps ~ N(0, 1).

    Shapes: ``input`` x (B, ...) scaled to about [-1, 1]; ``network`` maps noisy x and t (B,), whole numbers from 0 to ``timesteps`` - 1, to the
    noise, x's shape. ``conditional``: the network also gets ``target`` (B,), as ``network(x, t, target)``. ``average`` keeps an exponential
    average of the network, from which samples are drawn; it matters here. ``num_steps`` of ``sampler()`` are what a sample costs.
    Errors: ``ValueError`` for an unknown schedule, or fewer than two timesteps.
    Paper: Ho et al., 2020, arXiv:2006.11239.
    Use when all modes and stable training matter more than speed; instead of it, ``gan`` for one-pass samples. Cost: one pass per training
    step, ``num_steps`` per sample.

    >>> class Zero(nn.Module):
    ...     def forward(self, x, t):
    ...         return torch.zeros_like(x)
    >>> method = Diffusion(Zero(), timesteps=10)
    >>> 0.5 < float(method.loss({"input": torch.zeros(64, 8)}).value) < 2
    True
    """

    left: Tensor

    def __init__(
        self,
        network: nn.Module,
        *,
        timesteps: int = 1000,
        schedule: str = "cosine",
        num_steps: int = 50,
        conditional: bool = False,
        average: bool = True,
    ):
        super().__init__()
        self.network, self.timesteps, self.schedule = network, timesteps, schedule
        self.num_steps, self.conditional = num_steps, conditional
        self.register_buffer("left", signal_left(schedule, timesteps), persistent=False)
        if average:
            self.average = average_of(network)

    def loss(self, batch: dict[str, Tensor]) -> Loss:
        x = batch["input"]
        t = torch.randint(self.timesteps, (len(x),), device=x.device)
        noise = torch.randn_like(x)
        left = self.left[t].view(-1, *[1] * (x.ndim - 1))
        noisy = left.sqrt() * x + (1 - left).sqrt() * noise
        guess = self.network(noisy, t, batch["target"]) if self.conditional else self.network(noisy, t)
        return Loss.mean((guess.float() - noise).square(), batch.get("mask"))

    def updates(self) -> dict[str, Update]:
        """Adam at 2e-4, clipped, and the average after it."""
        after = [EMA("average", "network", 0.9999, warm=True)] if hasattr(self, "average") else []
        return {"network": Update(adam(2e-4), gradients=[ClipNorm(1.0)], after=after)}

    def sampler(self, num_steps: int | None = None, eta: float = 0.0) -> DiffusionSampler:
        """The network (or its average) as a module that makes samples out of noise."""
        network = self.main()
        made = DiffusionSampler(network, timesteps=self.timesteps, schedule=self.schedule, num_steps=num_steps or self.num_steps, eta=eta)
        made.to(self.left.device)
        spec = getattr(network, "_weft_spec", None)
        if spec is not None:  # so that a bundle can write down how to make it again
            args = {"network": spec, "timesteps": self.timesteps, "schedule": self.schedule, "num_steps": made.num_steps, "eta": eta}
            made._weft_spec = {"name": "diffusion_sampler", "args": args}  # type: ignore[assignment]
        return made

    def predict(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Samples: from the batch's ``noise`` if it brings any, else as many as it has items."""
        noise = batch["noise"] if "noise" in batch else torch.randn_like(batch["input"])
        return {"output": self.sampler()(noise, batch["target"] if self.conditional else None)}

    def deploy(self) -> dict[str, nn.Module]:
        return {"generate": self.sampler()}


class DiffusionSampler(nn.Module):
    """Samples out of noise in ``num_steps`` steps: DDIM with ``eta=0``, DDPM with ``eta=1`` and every step.

    x0 = (x_t - sqrt(1 - a_t) eps) / sqrt(a_t), clamped to +-``limit``; then x_s = sqrt(a_s) x0 + sqrt(1 - a_s - s^2) eps + s noise with
    s = eta sqrt((1 - a_s) / (1 - a_t)) sqrt(1 - a_t / a_s), s the next smaller time.

    Shapes: noise (B, ...) ~ N(0, 1) and, for a conditional network, label (B,) -> samples (B, ...).
    Errors: ``ValueError`` for more steps than ``timesteps``, or ``eta`` outside [0, 1].
    Paper: Song et al., 2020 (DDIM), arXiv:2010.02502; Ho et al., 2020 (DDPM), arXiv:2006.11239.
    Use when a network was trained by ``diffusion``; ``eta=0`` needs few steps and is a function of the noise. Cost: ``num_steps`` passes; under
    ``torch.no_grad`` unless the samples' gradient is wanted.

    >>> class Zero(nn.Module):
    ...     def forward(self, x, t):
    ...         return torch.zeros_like(x)
    >>> DiffusionSampler(Zero(), timesteps=10, num_steps=3)(torch.ones(1, 2))
    tensor([[1., 1.]])
    """

    left: Tensor

    def __init__(
        self, network: nn.Module, *, timesteps: int = 1000, schedule: str = "cosine", num_steps: int = 50, eta: float = 0.0, limit: float | None = 1.0
    ):
        super().__init__()
        if not 1 <= num_steps <= timesteps:
            raise ValueError(f"DiffusionSampler in {num_steps} steps; a network trained on {timesteps} noise levels takes 1 to {timesteps}.")
        if not 0 <= eta <= 1:
            raise ValueError(f"DiffusionSampler(eta={eta}): from 0, no noise on the way (DDIM), to 1 (DDPM).")
        self.network, self.num_steps, self.eta, self.limit = network, num_steps, eta, limit
        self.register_buffer("left", signal_left(schedule, timesteps), persistent=False)
        self.times = torch.linspace(timesteps - 1, 0, num_steps).round().long().tolist()

    def forward(self, noise: Float[Tensor, " b *shape"], label: Int[Tensor, " b"] | None = None) -> Float[Tensor, " b *shape"]:
        x = noise
        for now, then in zip(self.times, [*self.times[1:], -1], strict=True):
            t = torch.full((len(x),), now, device=x.device)
            guess = self.network(x, t) if label is None else self.network(x, t, label)
            x = self.jump(x, guess, now, then)
        return x

    def jump(self, x: Float[Tensor, " b *shape"], guess: Float[Tensor, " b *shape"], now: int, then: int) -> Float[Tensor, " b *shape"]:
        """From noise level ``now`` to the smaller ``then`` (-1: none is left), given the network's guess of the noise."""
        left = self.left[now]
        after = self.left[then] if then >= 0 else torch.ones_like(left)
        x0 = (x - (1 - left).sqrt() * guess) / left.sqrt()
        if self.limit is not None:
            x0 = x0.clamp(-self.limit, self.limit)
        direction = (x - left.sqrt() * x0) / (1 - left).sqrt()  # the noise that would lead to the clamped x0
        sigma = self.eta * ((1 - after) / (1 - left) * (1 - left / after)).sqrt()
        x = after.sqrt() * x0 + (1 - after - sigma.square()).clamp(min=0).sqrt() * direction
        return x + sigma * torch.randn_like(x) if self.eta and then >= 0 else x
