"""Diagnosis of whole runs: twelve planted illnesses and healthy runs, on networks and data that the limits were not found on."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from torch import nn

from tests.observe.health.plantings import Task, healthy, planted, train
from weft.cli import main
from weft.observe import Run, diagnose
from weft.observe.health import Health
from weft.optim import sgd


class Listener(nn.Module):
    """A GRU over sound, then a dense layer; what is dense may be a sigmoid, or have batch norm."""

    def __init__(self, activation: type[nn.Module] = nn.ReLU, width: int = 64, norm: bool = False) -> None:
        super().__init__()
        self.recurrent = nn.GRU(24, width, batch_first=True)
        self.hidden = nn.Linear(width, 64)
        self.norm = nn.BatchNorm1d(64) if norm else nn.Identity()
        self.activation = activation()
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(self.activation(self.norm(self.hidden(self.recurrent(x)[0].mean(1)))))


class Residual(nn.Module):
    """Two convolutions around a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2))
        self.norm1, self.norm2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.relu = nn.ReLU()

    def forward(self, x):
        return x + self.norm2(self.second(self.relu(self.norm1(self.first(x)))))


def small_resnet(activation: type[nn.Module] = nn.ReLU, width: int = 12) -> nn.Module:
    stem = [nn.Conv2d(1, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(), Residual(width), nn.MaxPool2d(2)]
    return nn.Sequential(*stem, Residual(width), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(9 * width, 64), activation(), nn.Linear(64, 10))


class Patches(nn.Module):
    """A small transformer over patches of 7x7 pixels."""

    def __init__(self, activation: type[nn.Module] = nn.ReLU, dim: int = 48, norm: bool = False) -> None:
        super().__init__()
        self.embed = nn.Conv2d(1, dim, 7, stride=7)
        self.places = nn.Parameter(0.02 * torch.randn(16, dim))
        self.layers = nn.ModuleList(nn.TransformerEncoderLayer(dim, 4, 4 * dim, dropout=0.0, batch_first=True, norm_first=True) for _ in range(2))
        self.hidden, self.norm = nn.Linear(dim, 64), nn.BatchNorm1d(64) if norm else nn.Identity()
        self.activation, self.head = activation(), nn.Linear(64, 10)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2) + self.places
        for layer in self.layers:
            x = layer(x)
        return self.head(self.activation(self.norm(self.hidden(x.mean(1)))))


def spoken() -> dict[str, dict[str, Task]]:
    from weft.data import AudioCodec, fsdd

    try:
        records = {part: fsdd(part) for part in ("train", "test")}
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    codec = AudioCodec(sample_rate=8000, seconds=0.5, num_features=24, hop=0.02).fit(records["train"])
    order = torch.randperm(2700, generator=torch.Generator().manual_seed(0))[:1600].tolist()
    chosen = {"train": [records["train"][i] for i in order], "test": records["test"]}
    sets = {part: codec.collate([codec.encode(r) for r in rows]) for part, rows in chosen.items()}
    train_, val = ((batch["input"].transpose(1, 2).contiguous(), batch["target"]) for batch in (sets["train"], sets["test"]))
    task = Task(train_, val, Listener, 3e-3, 16)
    sigmoid, normed = replace(task, network=lambda: Listener(nn.Sigmoid)), replace(task, network=lambda: Listener(norm=True))
    return {"ill": planted(task, sigmoid=sigmoid, normed=normed), "well": healthy(task, sgd=sgd(0.1, momentum=0.9), other=normed)}


def digits() -> tuple[torch.Tensor, torch.Tensor]:
    from weft.data import mnist_10k

    try:
        source = mnist_10k()
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    batch = source.gather(torch.arange(10_000))
    return (batch["image"].float()[:, None] / 255 - 0.13) / 0.31, batch["label"].long()


def patches() -> dict[str, dict[str, Task]]:
    x, y = digits()
    task = Task((x[2500:5500], y[2500:5500]), (x[8500:9000], y[8500:9000]), Patches, 2e-3, 8, small=150)
    sigmoid, normed = replace(task, network=lambda: Patches(nn.Sigmoid)), replace(task, network=lambda: Patches(norm=True))
    other = replace(task, network=lambda: Patches(nn.GELU, dim=64))
    return {"ill": planted(task, sigmoid=sigmoid, normed=normed), "well": healthy(task, sgd=sgd(0.05, momentum=0.9), other=other)}


def pictures() -> dict[str, dict[str, Task]]:
    x, y = digits()
    task = Task((x[:2500], y[:2500]), (x[8000:8500], y[8000:8500]), small_resnet, 3e-3, 6, small=150)
    sigmoid = replace(task, network=lambda: small_resnet(nn.Sigmoid))
    return {"ill": planted(task, sigmoid=sigmoid, normed=task), "well": healthy(task, sgd=sgd(0.05, momentum=0.9), other=replace(task, network=lambda: small_resnet(width=20)))}


def told(task, folder):
    train(task, folder, [Health(warn=False)])
    return diagnose(folder).names


@pytest.mark.slow
@pytest.mark.parametrize("suite", [spoken, patches, pictures])
def test_planted_illnesses_are_named_and_healthy_runs_are_left_in_peace(suite, tmp_path):
    """Learned: first of all findings is the planted illness, in at least 11 of 12 (10 of 11 without recurrence), and no healthy run has any.

    The limits were found on dense, convolutional and plain recurrent networks over 8x8 digits, and on ``pictures``; ``spoken`` (a GRU) and
    ``patches`` (a transformer) had no part in it.
    """
    cases = suite()
    said = {name: told(task, tmp_path / name) for name, task in cases["ill"].items()}
    wrong = {name: names for name, names in said.items() if names[:1] != (name,)}
    assert len(wrong) <= 1, wrong
    alarms = {name: names for name, task in cases["well"].items() if (names := told(task, tmp_path / name))}
    assert not alarms


def little(**changes):
    """Two clouds of points, a few seconds of training."""
    x = torch.randn(400, 6, generator=torch.Generator().manual_seed(3))
    y = (x[:, 0] + x[:, 1] > 0).long() + 2 * (x[:, 2] > 0).long()
    network = changes.pop("network", lambda: nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 4)))
    return replace(Task((x[:300], y[:300]), (x[300:], y[300:]), network, 1e-2, 20, batch_size=32), **changes)


def test_a_run_is_diagnosed_and_a_healthy_one_is_not(tmp_path):
    """Learned: a rate a hundred times too high, and labels that were shuffled, are named; the same training as it should be is left in peace."""
    from tests.observe.health.plantings import shuffled_labels

    assert told(little(), tmp_path / "well") == ()
    assert told(little(lr=3.0), tmp_path / "high") == ("rate_too_high",)
    assert told(shuffled_labels(little()), tmp_path / "mixed") == ("no_relation",)
    text = str(diagnose(tmp_path / "high"))
    assert "%" in text and "Divide the rate" in text and "reports of monitors" in text


def test_the_command_says_it_in_words_and_as_json(tmp_path, capsys):
    train(little(lr=3.0, epochs=10), tmp_path / "run", [Health(warn=False)])
    assert main(["diagnose", str(tmp_path / "run")]) == 0
    assert "The learning rate is too high" in capsys.readouterr().out
    assert main(["diagnose", str(tmp_path / "run"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["findings"][0]["name"] == "rate_too_high" and found["findings"][0]["stage"] == "train" and found["findings"][0]["tries"]
    assert main(["diagnose", str(tmp_path / "nothing")]) == 1 and "holds no run" in capsys.readouterr().err


def test_a_training_that_broke_is_diagnosed(tmp_path):
    """The note of the failure tells what the metrics cannot: their last line was written before."""

    class Log(nn.Module):
        def __init__(self):
            super().__init__()
            self.head, self.calls = nn.Linear(6, 4), 0

        def forward(self, x):
            self.calls += 1
            return self.head(x) / (self.calls < 30)

    train(little(network=Log), tmp_path / "run", [])
    found = diagnose(tmp_path / "run")
    assert found.names == ("not_finite",) and "network.head" in found.findings[0].evidence


def test_without_monitors_the_curves_alone_are_judged(tmp_path):
    train(little(), tmp_path / "run", [])
    assert "no reports of monitors" in str(diagnose(tmp_path / "run")) and not diagnose(tmp_path / "run").findings


def test_an_unfinished_run_that_has_no_lines_says_so(tmp_path):
    with Run.create(tmp_path / "run", {"name": "x", "args": {}}) as run:
        assert str(diagnose(run)) == "There is nothing to look at yet."


def test_every_recipe_writes_what_diagnosis_reads(tmp_path):
    pytest.importorskip("sklearn")
    import weft

    weft.run("breast_cancer", quick=True, run=tmp_path / "run", progress=False)
    found = diagnose(tmp_path / "run")
    assert not found.findings and any("reports of monitors" in line and not line.startswith("no ") for line in found.looked)
