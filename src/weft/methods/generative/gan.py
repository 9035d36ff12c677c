"""The generative adversarial network, with the non-saturating loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from weft.engine import BoundUpdate, Method, Update
from weft.losses import Loss, non_saturating_critic, non_saturating_generator
from weft.optim import EMA, adam, average_of


class GAN(Method):
    """Critic: minimise -log D(x) - log(1 - D(G(z))). Generator: minimise -log D(G(z)), z ~ N(0, 1), in turns.

    Shapes: ``input`` x (B, ...); ``generator`` maps z (B, latent_dim) to x's shape, ``critic`` maps x to logits (B,) or (B, 1).
    Each step makes ``critic_steps`` critic updates, all on the same real batch with fresh noise, then one of the generator.
    ``average=True`` keeps an exponential average of the generator as ``average``; it is what is deployed.
    Paper: Goodfellow et al., 2014, arXiv:1406.2661; settings of Radford et al., 2015, arXiv:1511.06434; the average, Yazıcı et al., 2018,
    arXiv:1806.04498.
    Use when samples must be sharp and made in one pass; instead of it, ``wgan_gp`` when training is unstable, ``diffusion`` when modes are missed.
    Cost: two networks, 1 + ``critic_steps`` updates a step.

    >>> method = GAN(nn.Linear(2, 4), nn.Linear(4, 1), latent_dim=2)
    >>> sorted(method.updates())
    ['critic', 'generator']
    """

    def __init__(self, generator: nn.Module, critic: nn.Module, latent_dim: int, *, critic_steps: int = 1, average: bool = False):
        super().__init__()
        if critic_steps < 1 or latent_dim < 1:
            raise ValueError(f"GAN(latent_dim={latent_dim}, critic_steps={critic_steps}): both are at least 1.")
        self.generator, self.critic = generator, critic
        self.latent_dim, self.critic_steps = latent_dim, critic_steps
        if average:
            self.average = average_of(generator)

    def noise(self, like: Tensor) -> Tensor:
        return torch.randn(len(like), self.latent_dim, device=like.device)

    def critic_loss(self, batch: dict[str, Tensor]) -> Loss:
        real = batch["input"]
        with torch.no_grad():
            fake = self.generator(self.noise(real))
        on_real, on_fake = self.critic(real), self.critic(fake)
        # As means of logits: how far apart the critic holds the two.
        return Loss.mean(non_saturating_critic(on_real, on_fake), logs={"real": on_real, "fake": on_fake})

    def generator_loss(self, batch: dict[str, Tensor]) -> Loss:
        return Loss.mean(non_saturating_generator(self.critic(self.generator(self.noise(batch["input"])))))

    def step(self, batch: dict[str, Tensor], update: dict[str, BoundUpdate]) -> dict[str, object]:
        for _ in range(self.critic_steps):
            critic = update["critic"](self.critic_loss, batch)
        generator = update["generator"](self.generator_loss, batch)
        return {"critic": critic["loss"], "real": critic["real"], "fake": critic["fake"], "generator": generator["loss"]}

    def updates(self) -> dict[str, Update]:
        """Adam at 2e-4 with little momentum for both, the average after the generator."""
        adversary = adam(2e-4, betas=(0.5, 0.999))
        after = [EMA("average", "generator", 0.999, warm=True)] if hasattr(self, "average") else []
        return {"critic": Update(adversary), "generator": Update(adversary, after=after)}

    def main(self) -> nn.Module:
        """The generator, or its average."""
        return self.average if hasattr(self, "average") and self.use == "average" else self.generator

    def predict(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Samples: from the batch's ``noise`` (B, latent_dim) if it brings one, else as many as it has items."""
        noise = batch["noise"] if "noise" in batch else self.noise(batch["input"])
        return {"output": self.main()(noise)}

    def deploy(self) -> dict[str, nn.Module]:
        return {"generate": self.main()}
