"""Small real data written as people have it: a folder of pictures, tables, texts."""

from __future__ import annotations

import base64
import csv
import io
import os
import random
from pathlib import Path

import pytest
from PIL import Image

GOOD, BAD = ["great", "lovely", "superb", "fine", "wonderful", "warm"], ["awful", "dull", "poor", "weak", "boring", "cold"]
FILLER = ["the", "film", "was", "a", "story", "with", "actors", "and", "music", "in", "it"]


def write_photos(folder: Path, count: int = 320) -> Path:
    """Real handwritten digits as PNG files in a folder for each class, ``photos/seven/12.png``."""
    if not os.environ.get("WEFT_MIRROR"):
        pytest.skip("needs a mirror of the data sets: set WEFT_MIRROR")
    from weft.data import mnist_10k

    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    source = mnist_10k()
    for i in range(count):
        record = source[i]
        file = folder / names[int(record["label"])] / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(record["image"].numpy()).save(file)
    return folder


def rows(count: int = 200) -> list[dict[str, object]]:
    """A table whose target follows from two of its columns."""
    drawn = random.Random(0)
    made = []
    for i in range(count):
        age, city = drawn.randint(18, 80), drawn.choice(["Rome", "Oslo", "Lima"])
        price = 2.0 * age + {"Rome": 0, "Oslo": 50, "Lima": -30}[city] + drawn.gauss(0, 2)
        made.append({"zone": drawn.random(), "age": age, "city": city, "price": round(price, 2), "buys": "yes" if price > 100 else "no", "id": f"customer {i}"})
    return made


def write_csv(path: Path, records: list[dict[str, object]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(records[0]))
        writer.writeheader()
        writer.writerows(records)
    return path


def reviews(count: int = 120) -> list[dict[str, object]]:
    drawn = random.Random(0)
    made = []
    for i in range(count):
        words = drawn.choices(FILLER, k=6) + drawn.choices(GOOD if i % 2 else BAD, k=3)
        drawn.shuffle(words)
        made.append({"text": " ".join(words), "label": "good" if i % 2 else "bad"})
    return made


def write_running_text(path: Path) -> Path:
    drawn = random.Random(0)
    path.write_text("\n".join(" ".join(drawn.choices(FILLER + GOOD, k=8)) + "." for _ in range(120)), encoding="utf-8")
    return path


OWN = '''
from torch import nn
import weft
from weft.data import Arrays
from weft.engine import Epochs, Evaluation, Method, Update
from weft.losses import Loss, cross_entropy
import torch

class Net(nn.Module):
    def __init__(self, hidden: int):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, hidden), nn.ReLU(), nn.Dropout(0.2), nn.Linear(hidden, 2))

    def forward(self, input):
        return self.layers(input)

class Plain(Method):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def loss(self, batch):
        return Loss.mean(cross_entropy(self.network(batch["input"]), batch["target"]))

from weft.optim import adamw

def train(session, *, hidden: int = 8, epochs: int = 2):
    """Two stages on made-up numbers."""
    g = torch.Generator().manual_seed(0)
    x = torch.randn(96, 4, generator=g)
    source = Arrays({"input": x, "target": (x[:, 0] > 0).long()})
    loader, held_out = session.loaders({"train": source, "test": source}, None, 16)
    method = Plain(weft.own(Net, {"hidden": hidden}))
    update = Update(adamw(1e-2), on="network")
    session.fit("first", method, loader, update, until=Epochs(epochs), evaluate=Evaluation(held_out))
    state = session.fit("second", method, loader, update, until=Epochs(epochs), evaluate=Evaluation(held_out))
    return session.finish(state.best(), held_out)
'''


def write_own(path: Path) -> Path:
    """A user's own recipe with its own network and method."""
    path.write_text(OWN, encoding="utf-8")
    return path


def png(text: str) -> Image.Image:
    """The picture that a bundle answered with."""
    return Image.open(io.BytesIO(base64.b64decode(text)))
