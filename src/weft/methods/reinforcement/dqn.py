"""Deep Q-learning."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from weft.engine import Method, Update
from weft.engine.method import evaluating
from weft.losses import Loss
from weft.nn.policies import GreedyPolicy
from weft.optim import ClipNorm, CopyEvery, adam, average_of

from .policies import written_down


class DQN(Method):
    """Learn the value of every action: Huber distance of Q(s, a) from r + discount (1 - terminated) Q'(s', a*).

    a* maximises Q(s', .) with ``double`` (the network chooses, the target network Q' judges), else Q'(s', .). ``target`` is a copy of the
    network that follows it: by default copied every 250 updates; for a soft one give
    ``Update(..., after=[EMA("target", "network", 0.995)])``.

    Shapes: the network maps observations (B, ...) to (B, A). Batch: input, next_input (B, ...), action (B,) int64, reward (B,), terminated
    (B,) bool, as ``weft.data.Replay(environments, method.act, exploration=Epsilon())`` yields. A truncated episode bootstraps, a terminated
    one does not.
    Paper: Mnih et al., 2015, doi:10.1038/nature14236; double, van Hasselt et al., 2016, arXiv:1509.06461.
    Use when actions are few and discrete and steps of the environment are dear; instead of it, ``PPO`` when steps are cheap, ``SAC`` for
    continuous actions. Cost: two or three passes of the network a batch, one of them with gradient.

    >>> method = DQN(nn.Linear(4, 2))
    >>> method.predict({"input": torch.zeros(3, 4)})["action"].shape
    torch.Size([3])
    """

    def __init__(self, network: nn.Module, *, discount: float = 0.99, double: bool = True) -> None:
        super().__init__()
        self.network, self.target = network, average_of(network)
        self.discount, self.chooses = discount, double  # self.double is a method of every module

    def updates(self) -> dict[str, Update]:
        return {"network": Update(adam(1e-3), gradients=[ClipNorm(10.0)], after=[CopyEvery("target", "network", steps=250)])}

    @evaluating
    def act(self, observation: Tensor, random: torch.Generator | None = None) -> dict[str, Tensor]:
        """The best known action, (N,); exploring is the business of the data."""
        return {"action": self.network(observation).argmax(-1)}

    @torch.no_grad()
    def goal(self, batch: dict[str, Tensor]) -> Float[Tensor, " b"]:
        """What Q(s, a) should be, (B,)."""
        judged = self.target(batch["next_input"])
        best = (self.network(batch["next_input"]) if self.chooses else judged).argmax(-1, keepdim=True)
        return batch["reward"] + self.discount * ~batch["terminated"] * judged.gather(-1, best).squeeze(-1)

    def loss(self, batch: dict[str, Tensor]) -> Loss:
        value = self.network(batch["input"]).gather(-1, batch["action"][:, None]).squeeze(-1)
        return Loss.mean(F.smooth_l1_loss(value, self.goal(batch), reduction="none"), batch.get("weight"), logs={"value": value})

    def predict(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        score = self.network(batch["input"])
        return {"output": score, "action": score.argmax(-1)}

    def deploy(self) -> dict[str, nn.Module]:
        return {"act": written_down(GreedyPolicy(self.network), "greedy_policy", self.network, {})}
