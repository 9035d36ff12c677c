"""The trainings that are killed: each takes a folder and a function to report steps with, and writes its end into ``folder/end``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from tests.engine.toys import GAN, Remembers, mlp
from weft.data import Arrays, Loader, Noise, RandomFlip
from weft.engine import Checkpoints, Epochs, Evaluation, Steps, Update, fit
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.observe import EarlyStop, Run
from weft.optim import EMA, adam, average_of, cosine, plateau, warmup
from weft.surgery import freeze, thaw

Report = Callable[[int], object]


def _end(folder: str, method: nn.Module, *facts: object) -> None:
    digest = hashlib.sha256()
    for name, tensor in sorted(method.state_dict().items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    (Path(folder) / "end").write_text(f"{digest.hexdigest()} {facts}")


def _told(report: Report):
    def listener(state, logs):
        report(state.step)

    return listener


def classifier(folder: str, report: Report) -> None:
    torch.manual_seed(3)
    g = torch.Generator().manual_seed(0)
    pictures = torch.rand(96, 1, 8, 8, generator=g)
    data = Arrays({"input": pictures, "target": (pictures.mean((1, 2, 3)) > 0.5).long()})
    loader = Loader(data, batch_size=16, shuffle=True, seed=1, transforms=[RandomFlip(), Noise(0.1)], workers=2)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 2))
    method = Supervised(network, cross_entropy)
    method.average = average_of(network)
    update = Update(adam(3e-3), on="network", schedule=plateau("val/loss", patience=1, factor=0.5), after=[EMA("average", "network", 0.9)])
    state = fit(
        method, loader, update, until=Epochs(18), evaluate=Evaluation(Loader(data, batch_size=48), every=Epochs(1)),
        listeners=[EarlyStop("val/loss", patience=40), _told(report)], run=Checkpoints(Path(folder) / "checkpoints", every=Steps(2)),
    )
    _end(folder, method, state.step, state.metrics, state.updates["all"].schedules[0][-1].state_dict() if "all" in state.updates else "")


def gan(folder: str, report: Report) -> None:
    torch.manual_seed(4)
    data = Loader(Arrays({"input": torch.randn(64, 2, generator=torch.Generator().manual_seed(0)) + 3}), batch_size=16, shuffle=True, seed=2)
    method = GAN(mlp(4, 16, 2), mlp(2, 16, 1), 4)
    state = fit(method, data, until=Steps(600), listeners=[_told(report)], run=Checkpoints(Path(folder) / "checkpoints", every=Steps(3)))
    _end(folder, method, state.step, state.samples)


def stages(folder: str, report: Report) -> None:
    torch.manual_seed(5)
    network = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.2), nn.ReLU(), nn.Linear(16, 2))
    method = Supervised(network, cross_entropy)
    path = Path(folder) / "run"
    with Run.open(path) if (path / "spec.json").exists() else Run.create(path, {"name": "stages"}) as run:
        run.save_every, run.show_progress = Steps(2), False
        freeze(network[0])
        run.fit("probe", method, Remembers(), Update(adam(1e-2), on=""), until=Steps(250), listeners=[_told(report)])
        thaw(network[0])
        update = Update(adam(1e-3), on="", schedule=warmup(10) | cosine())
        state = run.fit("whole", method, Remembers(), update, until=Steps(400), listeners=[_told(report)])
    _end(folder, method, state.step)
