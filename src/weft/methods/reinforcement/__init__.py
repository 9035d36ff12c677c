"""Methods that learn from rewards."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "dqn": "weft.methods.reinforcement.dqn:DQN",
    "ppo": "weft.methods.reinforcement.ppo:PPO",
    "sac": "weft.methods.reinforcement.sac:SAC",
}
KIND = "method"
__getattr__, __dir__ = attach(
    __name__,
    TABLE,
    {
        "Categorical": "weft.methods.reinforcement.policies:Categorical",
        "Gaussian": "weft.methods.reinforcement.policies:Gaussian",
        "Squashed": "weft.methods.reinforcement.policies:Squashed",
        "Surrogate": "weft.methods.reinforcement.ppo:Surrogate",
        "evaluate_policy": "weft.methods.reinforcement.evaluation:evaluate_policy",
        "generalized_advantage": "weft.methods.reinforcement.advantage:generalized_advantage",
    },
)


def examples() -> dict[str, Any]:
    """Each method as (make it, make its batches): a world in which the sign of the first number says which action pays."""
    import torch
    from torch import nn

    from weft.methods.reinforcement import dqn, ppo, sac

    def network(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Linear(inputs, 8), nn.Tanh(), nn.Linear(8, outputs))

    class ActorCritic(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.actor, self.critic = network(4, 2), network(4, 1)

        def forward(self, input: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return self.actor(input), self.critic(input).squeeze(-1)

    class Critics(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = network(5, 1), network(5, 1)

        def forward(self, input: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
            pair = torch.cat([input, action], 1)
            return torch.cat([self.first(pair), self.second(pair)], 1)

    def world(*shape: int) -> dict[str, torch.Tensor]:
        g = torch.Generator().manual_seed(sum(shape))
        draw = torch.randn(*shape, 4, generator=g)
        action = torch.randint(2, shape, generator=g)
        ends = torch.rand(shape, generator=g)
        return {
            "input": draw,
            "next_input": draw.roll(1, 0),
            "action": action,
            "reward": (action == (draw[..., 0] > 0)).float(),
            "terminated": ends < 0.5,
            "truncated": ends > 0.9,
        }

    def discrete() -> list[dict[str, torch.Tensor]]:
        return [world(16), world(18)]

    def continuous() -> list[dict[str, torch.Tensor]]:
        return [batch | {"action": (2.0 * batch["action"] - 1).unsqueeze(-1)} for batch in discrete()]

    def segments() -> list[dict[str, torch.Tensor]]:
        return [batch | {"log_probability": torch.full(batch["reward"].shape, 0.5).log()} for batch in (world(4, 6), world(6, 6))]

    return {
        "dqn": (lambda: dqn.DQN(network(4, 2), discount=0.5), discrete),
        "ppo": (lambda: ppo.PPO(ActorCritic(), discount=0.5, passes=2, minibatches=2), segments),
        "sac": (lambda: sac.SAC(network(4, 2), Critics(), [-1.0], [1.0], discount=0.5), continuous),
    }
