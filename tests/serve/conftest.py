"""What the serving tests share: a small network with a codec, and its bundle."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

from weft.catalogue.spec import build, own, own_name
from weft.serve.archive import Archive, canonical, describe, write
from weft.serve.bundle import Bundle

NAMES = ("height", "weight")


class Scorer(nn.Module):
    """Two numbers to the scores of three classes."""

    def __init__(self, hidden: int):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(2, hidden), nn.BatchNorm1d(hidden), nn.Linear(hidden, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.relu(self.norm(self.first(x))))


@dataclass(frozen=True)
class Rows:
    """A codec for rows of two named numbers."""

    classes: tuple[str, ...] = ("a", "b", "<script>")

    def encode(self, record):
        unknown = set(record) - {*NAMES, "label"}
        if unknown:
            raise ValueError(f"unknown column {min(unknown)!r}; expected {', '.join(NAMES)}.")
        encoded = {"input": torch.tensor([float(record[name]) for name in NAMES])}
        return encoded | ({"target": torch.tensor(self.classes.index(record["label"]))} if "label" in record else {})

    def collate(self, encoded):
        return {key: torch.stack([item[key] for item in encoded]) for key in encoded[0]}

    def decode(self, prediction):
        scores = prediction["output"].softmax(-1)
        return [{"class": self.classes[int(row.argmax())], "scores": dict(zip(self.classes, row.tolist(), strict=True))} for row in scores]

    def schema(self):
        number = {"type": "number", "minimum": -1e6, "maximum": 1e6}
        return {"type": "object", "properties": dict.fromkeys(NAMES, number), "required": list(NAMES), "additionalProperties": False}


OWN = {own_name(Scorer): Scorer, own_name(Rows): Rows}


def scorer(hidden: int = 8) -> nn.Module:
    torch.manual_seed(0)
    network = own(Scorer, {"hidden": hidden})
    network.train()(torch.randn(64, 2))  # batch-norm statistics that are not the initial ones
    return network.eval()


@pytest.fixture(scope="session")
def saved(tmp_path_factory) -> Path:
    """The path of a small, good bundle."""
    path = tmp_path_factory.mktemp("bundle") / "rows.weft"
    return Bundle.save(path, {"predict": scorer()}, codec=own(Rows), metrics={"val/accuracy": 0.9})


@pytest.fixture(scope="session")
def bundle(saved) -> Bundle:
    return Bundle.open(saved, own=OWN)


RECORDS = [{"height": 1.5, "weight": float(w)} for w in range(7)]


class Tied(nn.Module):
    """An embedding that is also the output layer, with an index that no other code reads."""

    def __init__(self):
        super().__init__()
        self.table, self.out = nn.Embedding(11, 64), nn.Linear(64, 11, bias=False)
        self.out.weight = self.table.weight
        self.register_buffer("head", self.table.weight.detach()[:5])

    def forward(self, x, mask=None):
        embedded = self.table(x)
        embedded = embedded if mask is None else embedded * mask[..., None]
        return {"output": self.out(embedded.mean(1)), "length": torch.full((len(x),), x.shape[1])}


def contents(path):
    with Archive(path) as opened:
        return opened.manifest, {name: opened.read(name) for name in opened.members}


def repack(path, target, change):
    """A bundle with correct checksums whose contents were changed: what an attacker can always write."""
    manifest, members = contents(path)
    change(manifest, members)
    manifest = {**manifest, "members": [describe(name, data) for name, data in members.items()]}
    write(target, manifest, members)
    return target


def change_spec(path, target, change):
    def edit(_, members):
        spec = json.loads(members["spec.json"])
        change(spec)
        members["spec.json"] = canonical(spec)

    return repack(path, target, edit)


class Shades(nn.Module):
    """A picture to the scores of two classes."""

    def __init__(self, pixels: int):
        super().__init__()
        self.scores = nn.Linear(pixels, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scores(x.flatten(1))


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> Bundle:
    """A bundle that takes pictures."""
    codec = build("image_codec", {"size": 4, "channels": 1, "classes": ["dark", "bright"]})
    path = tmp_path_factory.mktemp("bundle") / "pictures.weft"
    torch.manual_seed(0)
    Bundle.save(path, {"predict": own(Shades, {"pixels": 16})}, codec=codec)
    return Bundle.open(path, own={own_name(Shades): Shades})


def client(application):
    """Ask an application without a network, as a browser on this machine would."""
    from starlette.testclient import TestClient

    return TestClient(application, base_url="http://127.0.0.1", raise_server_exceptions=False)


def error(reply, status: int) -> str:
    """The message of a refusal, whose form is checked."""
    assert reply.status_code == status, reply.text
    said = reply.json()["error"]
    assert said["status"] == status and said["request"] == reply.headers["x-request-id"]
    assert "Traceback" not in reply.text and "site-packages" not in reply.text
    return said["message"]


def png(width: int = 5, height: int = 4, shade: int = 200) -> bytes:
    file = io.BytesIO()
    Image.new("L", (width, height), shade).save(file, "PNG")
    return file.getvalue()
