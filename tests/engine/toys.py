"""Small methods and batches that the engine's tests share."""

from __future__ import annotations

import copy
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from weft.engine import Method, Update
from weft.losses import Loss
from weft.optim import EMA, adam, average_of, sgd


def mlp(*sizes: int) -> nn.Sequential:
    return nn.Sequential(*[m for a, b in itertools.pairwise(sizes) for m in (nn.Linear(a, b), nn.ReLU())][:-1])


def weights(module: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()])


def pairs(n: int = 32, seed: int = 0) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    g = torch.Generator().manual_seed(seed)
    while True:
        x = torch.randn(n, 8, generator=g)
        yield x, (x[:, 0] * x[:, 1] > 0).long()


class TwoTerms(Method):
    """Two terms over different ragged masks, and a penalty."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def loss(self, batch: dict[str, torch.Tensor]) -> Loss:
        output = self.network(batch["input"])
        wrong = F.cross_entropy(output, batch["target"], reduction="none")
        ridge = Loss.penalty(sum((p.square().sum() for p in self.network.parameters()), torch.zeros(())), weight=0.01)
        return Loss.mean(wrong, batch["mask"]) + 0.5 * Loss.mean(output.square().sum(-1), batch["other"], name="size") + ridge


def ragged(n: int = 30, seed: int = 0) -> Iterator[dict[str, torch.Tensor]]:
    g = torch.Generator().manual_seed(seed)
    while True:
        x = torch.randn(n, 8, generator=g)
        # Ragged on purpose: the first half of each batch keeps far fewer items than the second.
        keep = torch.linspace(0.1, 0.9, n)
        yield {"input": x, "target": (x[:, 0] > 0).long(), "mask": torch.rand(n, generator=g) < keep, "other": torch.rand(n, generator=g) < 1 - keep}


class GAN(Method):
    """Two updates in their own order, with noise and an averaged generator."""

    def __init__(self, generator: nn.Module, critic: nn.Module, latent: int):
        super().__init__()
        self.generator, self.critic, self.latent = generator, critic, latent
        self.average = average_of(generator)

    def critic_loss(self, batch: dict[str, torch.Tensor]) -> Loss:
        real = batch["input"]
        with torch.no_grad():
            fake = self.generator(torch.randn(len(real), self.latent))
        return Loss.mean(F.softplus(-self.critic(real)) + F.softplus(self.critic(fake)))

    def generator_loss(self, batch: dict[str, torch.Tensor]) -> Loss:
        return Loss.mean(F.softplus(-self.critic(self.generator(torch.randn(len(batch["input"]), self.latent)))))

    def step(self, batch, update):
        critic = update["critic"](self.critic_loss, batch)
        generator = update["generator"](self.generator_loss, batch)
        return {"critic": critic["loss"], "generator": generator["loss"]}

    def updates(self) -> dict[str, Update]:
        return {"critic": Update(adam(1e-3)), "generator": Update(adam(1e-3), after=[EMA("average", "generator", 0.9)])}


class Remembers:
    """Batches with a position of their own; sample i of epoch e depends on both."""

    def __init__(self, batches: int = 6, size: int = 8):
        self.batches, self.size, self.epoch, self.at = batches, size, 0, 0

    def __len__(self) -> int:
        return self.batches

    def set_epoch(self, epoch: int) -> None:
        self.epoch, self.at = epoch, 0

    def __iter__(self):
        while self.at < self.batches:
            g = torch.Generator().manual_seed(1000 * self.epoch + self.at)
            self.at += 1
            x = torch.randn(self.size, 8, generator=g)
            yield x, (x[:, 0] > 0).long()
        self.at = 0

    def state_dict(self):
        return {"epoch": self.epoch, "at": self.at}

    def load_state_dict(self, state):
        self.epoch, self.at = state["epoch"], state["at"]


def twin(module: nn.Module) -> nn.Module:
    return copy.deepcopy(module)


def two_ranks(script: str, *arguments: str, ranks: int = 2, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run ``script`` on several gloo ranks of this machine."""
    launcher = "import sys; from weft.parallel import launch; sys.exit(abs(launch([sys.executable, '-c', *sys.argv[2:]], int(sys.argv[1]))))"
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [sys.executable, "-c", launcher, str(ranks), script, *arguments], env=env, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done


SGD = sgd(0.5)
