"""A training that learns from a stream: record x adds one to weight x, so what counted twice or not at all can be seen.

As a program: ``python -m tests.data.streams.consumer KIND URL RUN KILL_AFTER`` trains until the stream is idle, and kills itself with SIGKILL
some steps after the first checkpoint when told to.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import torch
from torch import nn

from weft.data import AMQPQueue, FlowLoader, Patience, RedisStream
from weft.engine import Checkpoints, Epochs, Method, Steps, Update, fit
from weft.losses import Loss
from weft.optim import sgd

SIZE = 1000


class Counting(Method):
    """Gradient -1 at weight x for every record x: with a rate of 1 the weights count."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Embedding(SIZE, 1)
        nn.init.zeros_(self.network.weight)

    def loss(self, batch: dict) -> Loss:
        picked = self.network(batch["input"])[:, 0]
        return Loss.mean(-picked * len(picked))


class Number:
    raw = True

    def __call__(self, record: dict, random: object) -> dict:
        return {"input": torch.tensor(int(record["x"]))}


def flow_of(kind: str, url: str) -> object:
    if kind == "redis":
        return RedisStream(url, "numbers", idle=1.0, count=16, patience=Patience(seconds=30))
    return AMQPQueue(url, "numbers", idle=1.5, prefetch=60, window=500, patience=Patience(seconds=30))


def main(kind: str, url: str, run: str, kill_after: int) -> None:
    loader = FlowLoader(flow_of(kind, url), None, 7, transforms=[Number()])
    begun: list[int] = []

    def die(state: object, logs: object) -> None:
        begun.append(1)
        if kill_after and len(begun) >= kill_after:
            os.kill(os.getpid(), signal.SIGKILL)

    fit(Counting(), loader, {"network": Update(sgd(1.0))}, until=Epochs(1), listeners=[die], run=Checkpoints(run, every=Steps(3)))


def consume(kind: str, url: str, run: Path, kill_after: int = 0) -> None:
    """Train in a process of its own, to the end or to its death."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.data.streams.consumer", kind, url, str(run), str(kill_after)],
        timeout=120, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == (-signal.SIGKILL if kill_after else 0), done.stderr[-2000:]


def final_weights(run: Path) -> list[float]:
    found = Checkpoints(run).latest()
    assert found is not None
    return found[0]["method"]["network.weight"].flatten().tolist()


def expected_weights(count: int) -> list[float]:
    return [1.0] * count + [0.0] * (SIZE - count)


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]))
