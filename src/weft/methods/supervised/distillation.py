"""Distillation: a small network learns what a large one says, doubts included."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from weft.engine import Method
from weft.losses import Loss, cross_entropy, kl_distillation
from weft.surgery import freeze


class Distillation(Method):
    """Minimise w T^2 KL(teacher || student), both softened by temperature T, + (1 - w) loss(student, target).

    Shapes: ``input`` as the networks want it, logits (B, C, ...), ``target`` (B, ...); optional ``mask`` (True keeps) or ``weight``.
    With ``soft=1`` no target is needed: unlabelled data will do. The teacher is frozen, batch norm and dropout included; the student is
    ``network``, and only it is deployed. Logs ``soft`` and ``hard``.
    Errors: ``ValueError`` when ``soft`` is no share, or both networks are one.
    Paper: Hinton et al., 2015, arXiv:1503.02531.
    Use when a good network is too large to serve; instead of it, ``fake_quantize`` to keep the network and drop bits. Cost: the teacher's forward
    pass.

    >>> method = Distillation(nn.Linear(2, 3), nn.Linear(2, 3))
    >>> sorted(method.loss({"input": torch.zeros(4, 2), "target": torch.zeros(4, dtype=torch.long)}).logs)
    ['hard', 'soft']
    """

    def __init__(
        self,
        network: nn.Module,
        teacher: nn.Module,
        *,
        temperature: float = 4.0,
        soft: float = 0.7,
        loss: Callable[[Tensor, Tensor], Tensor] = cross_entropy,
    ):
        super().__init__()
        if not 0 <= soft <= 1:
            raise ValueError(f"Distillation(soft={soft}): the teacher's share of the loss lies between 0 and 1.")
        if network is teacher:
            raise ValueError("Student and teacher are one network; freezing the teacher would freeze the student.")
        self.network, self.teacher = network, freeze(teacher)
        self.temperature, self.soft, self.criterion = temperature, soft, loss

    def loss(self, batch: dict[str, Tensor]) -> Loss:
        student = self.network(batch["input"])
        with torch.no_grad():
            teacher = self.teacher(batch["input"])
        soft = kl_distillation(student, teacher, temperature=self.temperature)
        mask = batch.get("mask", batch.get("weight"))
        if self.soft == 1:
            return Loss.mean(soft, mask, logs={"soft": soft})
        hard = self.criterion(student, batch["target"])
        return Loss.mean(self.soft * soft + (1 - self.soft) * hard, mask, logs={"soft": soft, "hard": hard})
