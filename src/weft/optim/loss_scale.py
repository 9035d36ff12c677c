"""Loss scaling for float16."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class LossScale:
    """Loss scaling for float16: gradients are computed ``scale`` times too large and divided again, so that small ones survive.

    Paper: Micikevicius et al., 2018, arXiv:1710.03740.
    """

    def __init__(self, scale: float = 65536.0, growth: float = 2.0, backoff: float = 0.5, interval: int = 2000):
        self.scale, self.growth, self.backoff, self.interval = scale, growth, backoff, interval
        self.streak, self.backing_off = 0, False

    def keep(self, good: bool, gradients: list[Tensor]) -> bool:
        """Divide the gradients again if they are finite, and move the scale."""
        self.backing_off = not good and self.scale > 1
        if good:
            if gradients:
                torch._foreach_div_(gradients, self.scale)
            self.streak += 1
            if self.streak >= self.interval:
                self.scale, self.streak = self.scale * self.growth, 0
        else:
            self.scale, self.streak = max(1.0, self.scale * self.backoff), 0
        return good

    def state_dict(self) -> dict[str, Any]:
        return {"scale": self.scale, "streak": self.streak}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.scale, self.streak = state["scale"], state["streak"]
