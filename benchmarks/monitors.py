"""What watching costs: steps of three trainings with the health monitors at their default interval, and without.

Time is the processor's, of one thread, so that other programs on the machine count less. Both run the same number of steps in turns, round after
round, each from its 200th step on, when the early looks are over; the ratio is that of the medians, beside the median and range of the rounds' own.
``python -m benchmarks.monitors [rounds]``.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from benchmarks.machine import describe
from weft.engine import Steps, Update, fit
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.models.vision.resnet import ResNet
from weft.nn.convolution import ResidualBlock
from weft.observe import Health
from weft.optim import adam

WARM = 200


class Clock:
    """A listener that times the steps after the 200th."""

    def __init__(self, steps: int) -> None:
        self.steps, self.start, self.end = steps, 0.0, 0.0

    def __call__(self, state: Any, logs: Any) -> None:
        if state.step == WARM:
            self.start = time.process_time()
        elif state.step == WARM + self.steps:
            self.end = time.process_time()


def dense() -> tuple[nn.Module, list[Any], int]:
    data = [(torch.randn(64, 64), torch.randint(10, (64,))) for _ in range(20)]
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)), data, 1200


def transformer() -> tuple[nn.Module, list[Any], int]:
    layer = nn.TransformerEncoderLayer(64, 4, 256, batch_first=True)
    network = nn.Sequential(nn.Embedding(65, 64), nn.TransformerEncoder(layer, 4, enable_nested_tensor=False), nn.Flatten(), nn.Linear(64 * 32, 10))
    return network, [(torch.randint(65, (16, 32)), torch.randint(10, (16,))) for _ in range(20)], 400


def resnet() -> tuple[nn.Module, list[Any], int]:
    network = ResNet(ResidualBlock, (1, 1, 1, 1), num_classes=10, width=16, stem="small")
    return network, [(torch.randn(16, 3, 16, 16), torch.randint(10, (16,))) for _ in range(20)], 400


def seconds(make: Callable[[], tuple[nn.Module, list[Any], int]], watched: bool) -> float:
    """Seconds a step."""
    torch.manual_seed(0)
    network, data, steps = make()
    clock = Clock(steps)
    with tempfile.TemporaryDirectory() as folder:
        health = Health(warn=False)
        health.within(folder)
        listeners = [health, clock] if watched else [clock]
        fit(Supervised(network, cross_entropy), data, Update(adam(1e-3), on="network"), until=Steps(WARM + steps), listeners=listeners)
    return (clock.end - clock.start) / steps


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    print(describe())
    for make in (dense, transformer, resnet):
        pairs = [(seconds(make, False), seconds(make, True)) for _ in range(rounds)]
        plain, watched = (statistics.median(column) for column in zip(*pairs, strict=True))
        each = sorted(b / a for a, b in pairs)
        print(
            f"{make.__name__:<12} {1e6 * plain:8.0f} us a step, watched {1e6 * watched:8.0f} us: ratio {watched / plain:.4f},"
            f" median of rounds {statistics.median(each):.4f} ({each[0]:.3f}-{each[-1]:.3f})"
        )


if __name__ == "__main__":
    main()
