"""Methods that learn to make samples like those they saw."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "vae": "weft.methods.generative.vae:VAE",
    "gan": "weft.methods.generative.gan:GAN",
    "wgan_gp": "weft.methods.generative.wgan_gp:WGANGP",
    "diffusion": "weft.methods.generative.diffusion:Diffusion",
    "diffusion_sampler": "weft.methods.generative.diffusion:DiffusionSampler",
}
KIND = {
    "vae": "method",
    "gan": "method",
    "wgan_gp": "method",
    "diffusion": "method",
    "diffusion_sampler": "model",
}
__getattr__, __dir__ = attach(__name__, TABLE, {"signal_left": "weft.methods.generative.diffusion:signal_left"})


def examples() -> dict[str, Any]:
    """Each method as (make it, make its batches); the sampler as (make it, inputs of one call)."""
    import torch
    from torch import nn

    from weft.methods.generative import GAN, VAE, WGANGP, Diffusion, DiffusionSampler

    class Denoiser(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.time, self.inside, self.out = nn.Embedding(20, 16), nn.Linear(6, 16), nn.Linear(16, 6)

        def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            return self.out(torch.relu(self.inside(x) + self.time(t)))

    class Encoder(nn.Linear):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return super().forward(x).chunk(2, dim=1)

    def net(before: int, after: int) -> nn.Module:
        return nn.Sequential(nn.Linear(before, 16), nn.LeakyReLU(0.2), nn.Linear(16, after))

    def batches() -> list[dict[str, torch.Tensor]]:
        g = torch.Generator().manual_seed(0)
        return [{"input": torch.rand(16, 1, generator=g) * torch.linspace(0.2, 1.0, 6)} for _ in range(4)]

    return {
        "vae": (lambda: VAE(Encoder(6, 4), net(2, 6)), batches),
        "gan": (lambda: GAN(net(3, 6), net(6, 1), 3, average=True), batches),
        "wgan_gp": (lambda: WGANGP(net(3, 6), net(6, 1), 3, critic_steps=2), batches),
        "diffusion": (lambda: Diffusion(Denoiser(), timesteps=20, num_steps=4), batches),
        "diffusion_sampler": (lambda: DiffusionSampler(Denoiser(), timesteps=20, num_steps=2), (torch.randn(3, 6),)),
    }
