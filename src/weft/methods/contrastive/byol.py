"""BYOL: predict what a slow copy of oneself says about another view."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from weft.engine import Method, Update
from weft.losses import Loss
from weft.optim import EMA, Schedule, adamw, cosine, warmup


class BYOL(Method):
    """Minimise 2 - 2 cos(predictor(z), z'), z of one view by the online network, z' of the other by its slow average; both ways.

    Shapes: ``input`` and ``view`` (B, ...), two augmentations of the same B records; ``network`` gives features (B, F), ``projector`` maps them
    to z (B, D), ``predictor`` z to z (B, D). The targets are averages of network and projector that follow after each step with ``decay`` (a
    number or a schedule); they normalise by their own batch, as the online networks do. No sample is pushed from another, so the loss does not
    couple them and microbatches work.
    Paper: Grill et al., 2020, arXiv:2006.07733.
    Use when batches are small; instead of it, ``simclr`` for a loss that cannot collapse. Put batch norm into projector and predictor. Cost: four
    passes.

    >>> method = BYOL(nn.Linear(4, 8), nn.Linear(8, 3), nn.Linear(3, 3))
    >>> 0 <= float(method.loss({"input": torch.rand(5, 4), "view": torch.rand(5, 4)}).value) <= 8
    True
    """

    def __init__(self, network: nn.Module, projector: nn.Module, predictor: nn.Module, *, decay: float | Schedule = 0.99):
        super().__init__()
        self.network, self.projector, self.predictor, self.decay = network, projector, predictor, decay
        # Not frozen but merely without gradient: in eval mode their batch norm would use statistics of weights that they do not have yet.
        self.target_network, self.target_projector = (copy.deepcopy(part).requires_grad_(False) for part in (network, projector))

    def loss(self, batch: dict[str, Tensor]) -> Loss:
        one, other = batch["input"], batch["view"]
        return Loss.mean(self.distance(one, other) + self.distance(other, one), batch.get("mask"))

    def distance(self, seen: Tensor, hidden: Tensor) -> Tensor:
        """How far the prediction from one view is from the target's words on the other, (B,), 0 to 4."""
        guess = self.predictor(self.projector(self.network(seen)))
        with torch.no_grad():
            target = self.target_projector(self.target_network(hidden))
        return 2 - 2 * F.cosine_similarity(guess.float(), target.float(), dim=1)

    def updates(self) -> dict[str, Update]:
        """AdamW with warm-up and cosine over the online parts; the targets follow."""
        follow = [EMA("target_network", "network", self.decay), EMA("target_projector", "projector", self.decay)]
        return {"all": Update(adamw(1e-3, weight_decay=1e-4), on="", schedule=warmup(20) | cosine(), after=follow)}

    def predict(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Features, before the projector."""
        return {"embedding": self.network(batch["input"])}

    def deploy(self) -> dict[str, nn.Module]:
        return {"embed": self.network}
