"""What every recipe knows without declaring it."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

APART = ("run", "progress")  # settings of the call, not of what is computed; a run's spec leaves them out
DEVICE = re.compile(r"auto|cpu|mps|(cuda|xpu)(:\d{1,3})?")


@dataclass(frozen=True)
class Settings:
    """The keys that every recipe takes beside its own.

    ``run``: the run's directory (default: the next free ``runs/RECIPE-N``).
    ``seed``: of weights, order and augmentation.
    ``device``: a torch device, or "auto" (cuda, xpu, mps, cpu).
    ``precision``, ``compile``: see ``Runtime``; precision "auto" is bfloat16 where it pays.
    ``quick``: two batches of everything, to see whether it works at all.
    ``overfit``: learn that many batches by heart, to see whether it can learn at all.
    ``limit``: the share of the records to use, such as 0.1.
    ``ranks``: that many processes on this machine.
    ``workers``: processes that read and encode; with 0, records are encoded once and kept, when they fit in memory.
    ``progress``: show a progress line.
    """

    run: Path | None = None
    seed: int = 0
    device: str = "auto"
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    compile: Literal["objective", "step"] | None = None
    quick: bool = False
    overfit: int = 0
    limit: float = 1.0
    ranks: int = 1
    workers: int = 0
    progress: bool = True

    def __post_init__(self) -> None:
        if not DEVICE.fullmatch(self.device):
            raise ValueError(f"device={self.device}: expected auto, cpu, cuda, cuda:1 (the second one), xpu or mps.")
        if not 0 < self.limit <= 1:
            raise ValueError(f"limit={self.limit}: expected a share of the records above 0 and up to 1, such as limit=0.1 for a tenth.")
        for name, least, meaning in (
            ("overfit", 0, "the number of batches to learn by heart"),
            ("ranks", 1, "the number of processes"),
            ("workers", 0, "the number of processes that read"),
        ):
            if getattr(self, name) < least:
                raise ValueError(f"{name}={getattr(self, name)}: expected {meaning}, at least {least}.")
        if self.seed < 0:
            raise ValueError(f"seed={self.seed}: expected a whole number, at least 0.")
        if self.quick and self.overfit:
            raise ValueError(f"quick=true and overfit={self.overfit} are two different trials; give one of them.")

    def written(self) -> dict[str, Any]:
        """What belongs into a run's spec."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name not in APART}
