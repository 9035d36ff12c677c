"""Recurrent layers, forward and backward: torch's kernel, the same with masks, and cells step by step in Python.

All contenders have the same sizes and take turns, round after round; each figure is the median over rounds, and every ratio is to ``torch.nn``'s own
layer in the same run. ``python -m benchmarks.recurrent [rounds] [device]``.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.machine import describe
from weft.nn import GRUCell, LSTMCell, Recurrent, Unrolled

BATCH, STEPS, IN, DIM = 32, 64, 64, 128


def timed(forward: Callable[[Tensor], Tensor], module: nn.Module, device: str) -> Callable[[], float]:
    """One forward and backward pass, in seconds."""
    x = torch.randn(BATCH, STEPS, IN, device=device)

    def run() -> float:
        start = time.perf_counter()
        module.zero_grad()
        forward(x).square().mean().backward()
        if device != "cpu":
            torch.cuda.synchronize()
        return time.perf_counter() - start

    return run


def main(rounds: int = 30, device: str = "cpu") -> None:
    describe()
    print(f"batch {BATCH}, {STEPS} steps, {IN} -> {DIM}, {device}; forward and backward, median of {rounds} rounds")
    mask = torch.arange(STEPS, device=device) < torch.randint(STEPS // 2, STEPS + 1, (BATCH, 1), device=device)
    for kind, kernel, cell in (("lstm", nn.LSTM, LSTMCell), ("gru", nn.GRU, GRUCell)):
        torch.manual_seed(0)
        plain = kernel(IN, DIM, batch_first=True).to(device)
        layer, steps = Recurrent(kind, IN, DIM).to(device), Unrolled(cell(IN, DIM)).to(device)
        contenders = {
            f"torch.nn.{kernel.__name__}": timed(lambda x, plain=plain: plain(x)[0], plain, device),
            f"Recurrent({kind!r})": timed(lambda x, layer=layer: layer(x)[0], layer, device),
            f"Recurrent({kind!r}), masks (3/4 of the steps)": timed(lambda x, layer=layer: layer(x, mask=mask)[0], layer, device),
            f"Unrolled({cell.__name__})": timed(lambda x, steps=steps: steps(x)[0], steps, device),
        }
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        for turn in range(rounds + 3):
            for name, run in contenders.items():
                took = run()
                if turn >= 3:  # the first are warm-up
                    seconds[name].append(took)
        first = statistics.median(seconds[next(iter(contenders))])
        for name, took in seconds.items():
            print(f"{name:<46} {1000 * statistics.median(took):8.2f} ms  {statistics.median(took) / first:5.2f}x")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:2]), *sys.argv[2:3])
