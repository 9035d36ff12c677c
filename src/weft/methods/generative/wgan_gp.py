"""The Wasserstein GAN with gradient penalty."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from weft.engine import BoundUpdate, Method, Update
from weft.losses import Loss, gradient_penalty, wasserstein_critic, wasserstein_generator
from weft.optim import EMA, adam, average_of


class WGANGP(Method):
    """Critic: minimise D(G(z)) - D(x) + penalty (|grad D(x^)| - 1)^2, x^ between x and G(z). Generator: minimise -D(G(z)).

    Shapes: ``input`` x (B, ...); ``generator`` maps z (B, latent_dim) to x's shape, ``critic`` maps x to scores (B,) or (B, 1) and must not
    normalise over the batch: the penalty is of each item's own gradient. Logs ``distance``, the critic's estimate of the Wasserstein distance,
    and ``penalty``. ``average=True`` keeps an exponential average of the generator, which is then deployed.
    Errors: ``ValueError`` for a critic with batch norm.
    Paper: Gulrajani et al., 2017, arXiv:1704.00028. Differs: the critic's steps within one step share a real batch, with fresh noise each.
    Use when a plain ``gan`` collapses or oscillates; its loss tells how good the samples are. Cost: ``critic_steps`` critic updates
    a step, each with a second-order pass.

    >>> method = WGANGP(nn.Linear(2, 4), nn.Linear(4, 1), latent_dim=2)
    >>> sorted(method.critic_loss({"input": torch.zeros(3, 4)}).logs)
    ['distance', 'penalty']
    """

    def __init__(
        self, generator: nn.Module, critic: nn.Module, latent_dim: int, *, critic_steps: int = 5, penalty: float = 10.0, average: bool = False
    ):
        super().__init__()
        if critic_steps < 1 or latent_dim < 1 or penalty < 0:
            raise ValueError(f"WGANGP(latent_dim={latent_dim}, critic_steps={critic_steps}, penalty={penalty}): at least 1, 1 and 0.")
        normed = next((name for name, m in critic.named_modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)), None)
        if normed is not None:
            raise ValueError(f"The critic has batch norm at {normed!r}, so that no item has a gradient of its own. Use layer or instance norm.")
        self.generator, self.critic = generator, critic
        self.latent_dim, self.critic_steps, self.penalty = latent_dim, critic_steps, penalty
        if average:
            self.average = average_of(generator)

    def noise(self, like: Tensor) -> Tensor:
        return torch.randn(len(like), self.latent_dim, device=like.device)

    def critic_loss(self, batch: dict[str, Tensor]) -> Loss:
        real = batch["input"]
        with torch.no_grad():
            fake = self.generator(self.noise(real))
        gap = wasserstein_critic(self.critic(real).flatten(), self.critic(fake).flatten())
        penalty = gradient_penalty(self.critic, real, fake)
        return Loss.mean(gap + self.penalty * penalty, logs={"distance": -gap, "penalty": penalty})

    def generator_loss(self, batch: dict[str, Tensor]) -> Loss:
        return Loss.mean(wasserstein_generator(self.critic(self.generator(self.noise(batch["input"])))))

    def step(self, batch: dict[str, Tensor], update: dict[str, BoundUpdate]) -> dict[str, object]:
        for _ in range(self.critic_steps):
            critic = update["critic"](self.critic_loss, batch)
        generator = update["generator"](self.generator_loss, batch)
        return {"critic": critic["loss"], "distance": critic["distance"], "penalty": critic["penalty"], "generator": generator["loss"]}

    def updates(self) -> dict[str, Update]:
        """Adam at 1e-4 without momentum for both, the average after the generator."""
        adversary = adam(1e-4, betas=(0.0, 0.9))
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
