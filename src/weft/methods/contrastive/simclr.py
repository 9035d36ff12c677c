"""SimCLR: two views of one picture belong together, all others apart."""

from __future__ import annotations

from torch import Tensor, nn

from weft.engine import Method, Update
from weft.losses import Loss, nt_xent
from weft.optim import adamw, cosine, warmup


class SimCLR(Method):
    """Minimise -log exp(cos(z_i, z_p) / T) / sum_{k != i} exp(cos(z_i, z_k) / T) over the 2B views of a batch, p the partner of i.

    Shapes: ``input`` and ``view`` (B, ...), two augmentations of the same B records; ``network`` gives features (B, F), ``projector`` maps them
    to z (B, D) and is thrown away afterwards. The loss couples the samples of a batch: microbatches refuse.
    Paper: Chen et al., 2020, arXiv:2002.05709.
    Use when there are many pictures and few labels; instead of it, ``byol`` for small batches. Cost: two passes, and O(B^2 D); larger batches learn
    better.

    >>> import torch
    >>> method = SimCLR(nn.Linear(4, 8), nn.Linear(8, 3))
    >>> method.loss({"input": torch.rand(5, 4), "view": torch.rand(5, 4)}).couples
    True
    """

    def __init__(self, network: nn.Module, projector: nn.Module, *, temperature: float = 0.5):
        super().__init__()
        self.network, self.projector, self.temperature = network, projector, temperature

    def loss(self, batch: dict[str, Tensor]) -> Loss:
        one, other = (self.projector(self.network(batch[key])) for key in ("input", "view"))
        return Loss.mean(nt_xent(one, other, temperature=self.temperature)).coupled()

    def updates(self) -> dict[str, Update]:
        """AdamW with warm-up and cosine over both parts."""
        return {"all": Update(adamw(1e-3, weight_decay=1e-4), on="", schedule=warmup(20) | cosine())}

    def predict(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Features, before the projector."""
        return {"embedding": self.network(batch["input"])}

    def deploy(self) -> dict[str, nn.Module]:
        return {"embed": self.network}
