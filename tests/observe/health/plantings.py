"""Trainings with a known illness, on any task: one healthy recipe and twelve ways to spoil it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from weft.data import Arrays, Loader
from weft.engine import Epochs, Evaluation, Method, Update
from weft.losses import Loss, cross_entropy
from weft.methods import Supervised
from weft.metrics import Accuracy
from weft.observe import Run
from weft.optim import adam, cosine


@dataclass(frozen=True)
class Task:
    """A healthy training: data, network, and settings that suit both."""

    train: tuple[Tensor, Tensor]
    val: tuple[Tensor, Tensor]
    network: Callable[[], nn.Module]
    lr: float
    epochs: int
    batch_size: int = 64
    seed: int = 0
    method: Callable[[nn.Module], Method] = field(default=lambda network: Supervised(network, cross_entropy))
    optimizer: Any = None
    small: int = 100  # records left for the illness of learning by heart

    def smaller(self, records: int, batches: int) -> Task:
        """Fewer records, about as many steps."""
        x, y = self.train
        epochs = max(1, round(batches * self.batch_size / records))
        return replace(self, train=(x[:records], y[:records]), epochs=epochs)

    @property
    def steps(self) -> int:
        return self.epochs * -(-len(self.train[1]) // self.batch_size)


class Summed(Method):
    """A method of one's own that takes the sum where the mean belongs."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def loss(self, batch: dict[str, Tensor]) -> Loss:
        return Loss.mean(cross_entropy(self.network(batch["input"]), batch["target"]).sum())


def train(task: Task, folder: Path, listeners: Sequence[Any], save_every: Any = None) -> None:
    """Run a task to its end, or to the step that is not finite."""
    torch.manual_seed(task.seed)
    method = task.method(task.network())
    loaders = [Loader(Arrays({"input": x, "target": y}), None, task.batch_size, shuffle=i == 0, seed=task.seed) for i, (x, y) in enumerate((task.train, task.val))]
    update = Update(task.optimizer or adam(task.lr), on="network", schedule=cosine())
    with Run.create(folder, {"name": "planted", "args": {"lr": task.lr, "batch_size": task.batch_size}}) as run:
        run.show_progress = False
        # about 15 evaluations, whatever the length of an epoch is
        evaluation = Evaluation(loaders[1], {"accuracy": Accuracy()}, every=Epochs(max(1, task.epochs // 15)), monitor="loss")
        with contextlib.suppress(ArithmeticError):
            run.fit("train", method, loaders[0], update, until=Epochs(task.epochs), evaluate=evaluation, listeners=listeners)


def edited(task: Task, change: Callable[[nn.Module], None]) -> Task:
    """The task with a network that is changed after it was made."""

    def network() -> nn.Module:
        made = task.network()
        change(made)
        return made

    return replace(task, network=network)


def both(task: Task, change: Callable[[Tensor, Tensor], Tensor]) -> Task:
    """The task with inputs changed, those of training and those of validation."""
    return replace(task, train=(change(*task.train), task.train[1]), val=(change(*task.val), task.val[1]))


def shuffled_labels(task: Task) -> Task:
    x, y = task.train
    return replace(task, train=(x, y[torch.randperm(len(y), generator=torch.Generator().manual_seed(5))]))


def leaked(task: Task) -> Task:
    """The label stands in the first places of each record."""

    def write(x: Tensor, y: Tensor) -> Tensor:
        x = x.clone()
        x.flatten(1)[:, :2] = y[:, None].to(x) / 2
        return x

    return both(task, write)


def frozen_body(task: Task) -> Task:
    """Everything but the last layer needs no gradient, and nobody marked it."""

    def change(network: nn.Module) -> None:
        layers = [m for m in network.modules() if next(m.parameters(recurse=False), None) is not None]
        for layer in layers[:-1]:
            for p in layer.parameters(recurse=False):
                p.requires_grad_(False)

    return edited(task, change)


def dead(network: nn.Module) -> None:
    """What comes before each ReLU has a bias that no input overcomes."""
    before: nn.Module | None = None
    for part in network.modules():
        if isinstance(part, nn.ReLU) and before is not None:
            with torch.no_grad():
                before.bias[: len(before.bias) * 9 // 10] -= 30.0  # type: ignore[index,arg-type,union-attr]
        if getattr(part, "bias", None) is not None and isinstance(getattr(part, "bias", None), Tensor):
            before = part
        if isinstance(part, nn.TransformerEncoderLayer):  # whose ReLU is a function
            with torch.no_grad():
                part.linear1.bias[: len(part.linear1.bias) * 9 // 10] -= 30.0


def exploding(network: nn.Module) -> None:
    """Recurrent weights far too large."""
    with torch.no_grad():
        for name, p in network.named_parameters():
            if "weight_hh" in name:
                p.mul_(30.0)


def saturating(network: nn.Module) -> None:
    """What comes before each sigmoid has weights far too large."""
    before: nn.Module | None = None
    for part in network.modules():
        if isinstance(part, nn.Sigmoid) and before is not None:
            with torch.no_grad():
                before.weight.mul_(60.0)  # type: ignore[operator,union-attr]
        if isinstance(getattr(part, "weight", None), Tensor):
            before = part


def planted(task: Task, *, sigmoid: Task, normed: Task) -> dict[str, Task]:
    """The twelve illnesses by the name that they should be given; ``exploding_gradients`` where the network is recurrent.

    ``sigmoid``: the task with a sigmoid in the network; ``normed``: with batch norm.
    """
    ill = {
        "rate_too_high": replace(task, lr=task.lr * 100),
        "rate_too_low": replace(task, lr=task.lr / 1000),
        "dead_relu": edited(task, dead),
        "no_relation": shuffled_labels(task),
        "label_leak": leaked(task),
        "unnormalised_input": both(task, lambda x, y: 40 * x + 100),
        "frozen_by_mistake": frozen_body(task),
        "loss_reduction": replace(task, method=Summed),
        "tiny_batch_norm": replace(normed, batch_size=2, epochs=1),
        "saturated": edited(sigmoid, saturating),
        "overfit": task.smaller(task.small, task.steps),
    }
    if any("weight_hh" in name for name, _ in task.network().named_parameters()):
        ill["exploding_gradients"] = edited(task, exploding)
    return ill


def healthy(task: Task, *, sgd: Any, other: Task) -> dict[str, Task]:
    """Five healthy trainings: two seeds, another optimizer, small batches, another network."""
    return {
        "one seed": task,
        "another seed": replace(task, seed=1),
        "sgd": replace(task, optimizer=sgd),
        "small batches": replace(task, batch_size=16, lr=task.lr / 2, epochs=max(3, task.epochs // 2)),
        "another network": other,
    }
